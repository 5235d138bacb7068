"""Excess over the benchmark and turnover: a backtest of three assets worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from forefolio.performance.backtest import backtest
from forefolio.performance.metrics import excess_table

DECISIONS = pd.DatetimeIndex(["2023-12-29", "2024-01-31", "2024-02-29"], name="date")
DAYS = pd.DatetimeIndex(["2023-12-29", "2024-01-30", "2024-01-31", "2024-02-28", "2024-02-29", "2024-03-28", "2024-03-29"],
                        name="date")
RETURNS = pd.DataFrame({"A": [0.0, 0.20, 0.00, -0.10, 0.00, 0.04, 0.00],
                        "B": [0.0, 0.00, 0.20, 0.00, -0.15, 0.00, 0.04],
                        "C": [0.0, -0.20, 0.00, 0.10, 0.00, 0.00, 0.00]}, index=DAYS)
BENCHMARK = pd.Series([0.10, -0.05, -0.10, 0.10, 0.00, 0.05], index=DAYS[1:])
DECIDED = {"mixed": [[1 / 2, 1 / 4, 1 / 4], [1 / 3, 1 / 3, 1 / 3], [1 / 2, 1 / 2, 0]], "only_b": [[0, 1, 0]] * 3}


def weights_of(decided):
    """Decided weights of each strategy and date in long form."""
    return pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": list("ABC"), "weight": row})
                      for strategy, rows in decided.items() for date, row in zip(DECISIONS, rows, strict=True)],
                     ignore_index=True)


def table_of(decided):
    """Excess table of the three months, one row a strategy, indexed by its name."""
    weights = weights_of(decided)
    held = backtest(weights, RETURNS, cost_rate=0.0)
    return excess_table(held.net_returns.assign(benchmark=BENCHMARK), held.trades, weights).set_index("strategy")


def test_three_assets_three_months_and_two_rebalances_by_hand():
    row = table_of(DECIDED).loc["mixed"]
    # January: wealth 0.5 x 1.2 + 0.25 + 0.25 x 0.8 = 1.05, then 0.6 + 0.3 + 0.2 = 1.1; benchmark 1.1 x 0.95 = 1.045
    # February: (0.9 + 1 + 1.1) / 3 = 1, then (0.9 + 0.85 + 1.1) / 3 = 0.95; benchmark 0.9 x 1.1 = 0.99
    # March: 0.5 x 1.04 + 0.5 = 1.02, then 1.04; benchmark 1.05
    # excess 0.055, -0.04, -0.01: mean 1/600, deviations from it 32, -25, -7 / 600, variance 849 / 600^2
    assert row["n_months"] == 3
    assert row["mean_monthly_excess"] == pytest.approx(1 / 600, abs=1e-12)
    assert row["std_monthly_excess"] == pytest.approx(849**0.5 / 600, abs=1e-12)
    assert row["information_ratio"] == pytest.approx(1 / 849**0.5, abs=1e-12)
    # three totals: 1.1 x 0.95 x 1.04 - 1; 0.055 - 0.04 - 0.01; -0.04 - 0.01
    assert row["total_return"] == pytest.approx(0.0868, abs=1e-12)
    assert row["summed_excess"] == pytest.approx(0.005, abs=1e-12)
    assert row["summed_excess_but_first"] == pytest.approx(-0.05, abs=1e-12)
    # drifted to 6/11, 3/11, 2/11, traded to thirds: 7/33 + 2/33 + 5/33 = 14/33
    # drifted to 18/57, 17/57, 22/57, traded to halves: 21/114 + 23/114 + 44/114 = 44/57; the first purchase is left out
    assert row["turnover_two_way"] == pytest.approx((14 / 33 + 44 / 57) / 2, abs=1e-12)
    assert row["turnover_one_way"] == pytest.approx((7 / 33 + 22 / 57) / 2, abs=1e-12)
    # 1 / (1/4 + 1/16 + 1/16) = 8/3, then 3 and 2 of equal weight
    assert row["effective_holdings"] == pytest.approx((8 / 3 + 3 + 2) / 3, abs=1e-12)


def test_each_strategy_has_its_own_row_and_the_benchmark_only_its_total():
    table = table_of(DECIDED)
    assert list(table.index) == ["mixed", "only_b", "benchmark"] and table["n_months"].tolist() == [3, 3, 3]
    alone = table.loc["only_b"]  # 20 %, -15 %, 4 % against 4.5 %, -1 %, 5 %
    assert alone["total_return"] == pytest.approx(1.2 * 0.85 * 1.04 - 1, abs=1e-12)
    assert alone["summed_excess_but_first"] == pytest.approx(-0.14 - 0.01, abs=1e-12)
    assert alone[["turnover_one_way", "effective_holdings"]].tolist() == [0, 1]
    assert table.loc["benchmark", "total_return"] == pytest.approx(1.045 * 0.99 * 1.05 - 1, abs=1e-12)
    assert table.loc["benchmark"].drop(["n_months", "total_return"]).isna().all()


def test_permuted_strategies_permute_rows():
    turned = table_of(dict(reversed(DECIDED.items())))
    assert list(turned.index) == ["only_b", "mixed", "benchmark"]
    pd.testing.assert_frame_equal(table_of(DECIDED), turned.loc[["mixed", "only_b", "benchmark"]])


@pytest.mark.parametrize("part", ["trades", "weights"])
def test_frames_of_different_backtests_are_refused(part):
    weights = weights_of(DECIDED)
    held = backtest(weights, RETURNS, cost_rate=0.0)
    parts = {"trades": held.trades, "weights": weights}
    parts[part] = parts[part].query("strategy == 'mixed'")
    with pytest.raises(ValueError, match=rf"{part} do not name the same strategies \(only_b\)"):
        excess_table(held.net_returns.assign(benchmark=BENCHMARK), **parts)


def test_one_month_has_a_mean_and_no_deviation():
    weights = weights_of(DECIDED)[lambda rows: rows["rebalance_date"] == DECISIONS[0]]
    held = backtest(weights, RETURNS.loc[:"2024-01-31"], cost_rate=0.0)
    row = excess_table(held.net_returns.assign(benchmark=BENCHMARK), held.trades, weights).set_index("strategy").loc["mixed"]
    assert row["n_months"] == 1 and row["summed_excess"] == pytest.approx(0.055) and row["summed_excess_but_first"] == 0
    assert np.isnan(row[["std_monthly_excess", "information_ratio", "turnover_one_way"]].astype(float)).all()
