"""Metrics by hand, the table of performance, excess over the benchmark, and the portfolios of each forecasting window."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.performance import evidence, intervals, investors, luck, metrics, trials
from forefolio.performance.backtest import backtest, cost_sensitivity
from forefolio.portfolios import decisions
from forefolio.portfolios.holdings import effective_holdings
from forefolio.portfolios.long_short import tangency
from forefolio.portfolios.registry import Terms
from forefolio.report import sentences, strategies
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import BANKRUPT, METRICS

YEAR = {"periods_per_year": 252, "risk_free_rate": 0.02}
COLUMNS = ["strategy", "total_return", "annual_return", "annual_volatility", "sharpe", "sortino", "max_drawdown",
           "cvar_95", "mean_monthly_excess", "std_monthly_excess", "information_ratio", "turnover"]


@pytest.fixture
def net_returns():
    days = pd.bdate_range("2024-01-02", "2024-06-28", name="date")
    rng = np.random.default_rng(8)
    return pd.DataFrame(rng.normal(0.0005, 0.01, size=(len(days), 3)), index=days,
                        columns=["lstm+mvf", "benchmark", "equal_weight"])


@pytest.fixture
def turnover():
    return pd.Series({"equal_weight": 0.03, "lstm+mvf": 0.7})


def test_drawdown_is_compounded_and_starts_from_the_initial_wealth():
    returns = pd.DataFrame({"falls": [-0.2, 0.1, -0.5], "rises": [0.1, 0.2, 0.3]})
    drawdown = metrics.drawdown(returns)
    assert drawdown["falls"].tolist() == pytest.approx([-0.2, 0.8 * 1.1 - 1, 0.44 - 1])
    assert drawdown["rises"].eq(0).all()
    assert metrics.max_drawdown(returns).to_dict() == pytest.approx({"falls": -0.56, "rises": 0.0})


def test_max_drawdown_is_the_worst_pair_of_days(net_returns):
    path = np.concatenate([[1.0], np.cumprod(1 + net_returns["lstm+mvf"])])
    worst = min(path[j] / path[i] - 1 for i in range(len(path)) for j in range(i, len(path)))
    assert metrics.max_drawdown(net_returns)["lstm+mvf"] == pytest.approx(worst)


def test_a_day_that_loses_more_than_everything_leaves_nothing_for_good():
    """As of a portfolio with shorts: two such days would otherwise multiply to a gain."""
    returns = pd.DataFrame({"short": [0.1, -1.5, 0.2, -1.5], "long": [0.1, 0.0, 0.0, 0.0]})
    assert metrics.wealth(returns)["short"].tolist() == pytest.approx([1.1, 0, 0, 0])
    assert metrics.max_drawdown(returns).tolist() == [-1, 0]
    assert metrics.total_return(returns).tolist() == pytest.approx([-1, 0.1])
    assert metrics.annual_return(returns, periods_per_year=6)["short"] == -1
    table = metrics.portfolio_statistics({"s": pd.Series({"A": 3.0, "B": -2.0})}, pd.DataFrame(
        {"A": [0.1, -0.1, 0.0, 0.0], "B": [0.0, 0.6, 0.1, 0.0]}), periods_per_year=252, risk_free_rate=0.0)["s"]
    assert table.notna().all() and table["max_drawdown"] == -1
    assert table["annual_return"] == pytest.approx((0.3 - 1.5 - 0.2) * 63)  # the mean takes each day as it is


def test_growth_by_hand():
    returns = pd.DataFrame({"A": [0.1, 0.1]})
    assert metrics.total_return(returns)["A"] == pytest.approx(0.21)
    assert metrics.annual_return(returns, periods_per_year=1)["A"] == pytest.approx(0.1)
    assert metrics.annual_return(returns, periods_per_year=4)["A"] == pytest.approx(1.21**2 - 1)


def test_ratios_by_hand():
    returns = pd.DataFrame({"A": [0.04, -0.02, 0.01]})
    deviation = np.sqrt((0.03**2 + 0.03**2 + 0) / 2)
    rates = {"periods_per_year": 100, "risk_free_rate": 0.5}  # half a percent a day
    assert metrics.annual_volatility(returns, periods_per_year=100)["A"] == pytest.approx(10 * deviation)
    assert metrics.sharpe(returns, **rates)["A"] == pytest.approx(0.005 / deviation * 10)
    assert metrics.sortino(returns, **rates)["A"] == pytest.approx(0.005 / np.sqrt(0.025**2 / 3) * 10)


def test_ratios_of_returns_that_do_not_vary_are_missing():
    returns = pd.DataFrame({"still": [0.0] * 5, "steady": [0.0003] * 5})
    assert metrics.sharpe(returns, **YEAR).isna().all()
    assert metrics.sortino(pd.DataFrame({"rises": [0.01, 0.02]}), periods_per_year=252, risk_free_rate=0).isna().all()
    assert metrics.information_ratio(returns).isna().all()


def test_sharpe_does_not_depend_on_leverage_without_a_risk_free_rate(net_returns):
    rates = {"periods_per_year": 252, "risk_free_rate": 0.0}
    for ratio in (metrics.sharpe, metrics.sortino):
        pd.testing.assert_series_equal(ratio(net_returns, **rates), ratio(3 * net_returns, **rates))


def test_cvar_is_the_mean_of_the_worst_days():
    returns = pd.DataFrame({"A": np.arange(-50, 50) / 1000})
    assert metrics.cvar(returns, confidence=0.95)["A"] == pytest.approx(np.mean([0.05, 0.049, 0.048, 0.047, 0.046]))
    assert metrics.cvar(returns, confidence=0.999)["A"] == pytest.approx(0.05)  # less than a day: the worst


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.987])
def test_cvar_equals_skfolio_and_the_minimum_of_rockafellar_and_uryasev(net_returns, confidence):
    from skfolio.measures import cvar

    losses = -net_returns.to_numpy()[:, 0]
    program = min(a + np.clip(losses - a, 0, None).mean() / (1 - confidence) for a in losses)
    ours = metrics.cvar(net_returns, confidence=confidence)["lstm+mvf"]
    assert ours == pytest.approx(cvar(-losses, beta=confidence)) and ours == pytest.approx(program)


def test_months_are_compounded_by_calendar_month():
    days = pd.DatetimeIndex(["2023-12-29", "2024-01-02", "2024-01-31", "2024-03-01"], name="date")
    months = metrics.monthly_returns(pd.DataFrame({"A": [0.5, 0.1, 0.1, -0.2]}, index=days))
    assert months["A"].tolist() == pytest.approx([0.5, 0.21, -0.2])  # no trading in February, no row
    assert months.index.strftime("%Y-%m-%d").tolist() == ["2023-12-01", "2024-01-01", "2024-03-01"]
    assert months.index.name == "month"


def test_months_compound_to_the_total(net_returns):
    months = metrics.monthly_returns(net_returns)
    pd.testing.assert_series_equal(metrics.total_return(months), metrics.total_return(net_returns))


def test_excess_is_the_difference_of_compounded_months():
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-31"], name="date")
    excess = metrics.monthly_excess(pd.DataFrame({"benchmark": [0.2, 0.0], "A": [0.1, 0.1]}, index=days))
    assert list(excess) == ["A"]
    assert excess["A"].tolist() == pytest.approx([0.21 - 0.20])  # the sum of daily differences would be zero


def test_information_ratio_is_monthly():
    excess = pd.DataFrame({"A": [0.01, 0.03]})
    assert metrics.information_ratio(excess)["A"] == pytest.approx(0.02 / np.sqrt(2e-4))


def test_performance_has_the_agreed_columns_and_the_benchmark_last(net_returns, turnover):
    table = metrics.performance_table(net_returns, turnover, **YEAR)
    assert list(table) == COLUMNS
    assert table["strategy"].tolist() == ["lstm+mvf", "equal_weight", "benchmark"]
    blank = ["mean_monthly_excess", "std_monthly_excess", "information_ratio", "turnover"]
    assert table.iloc[-1][blank].isna().all()
    assert table.iloc[:-1].notna().all(axis=None) and table.iloc[-1].drop(blank).notna().all()


def test_every_metric_of_the_vocabulary_has_its_function_and_its_column(net_returns, turnover, monkeypatch):
    assert set(metrics.COLUMNS) == set(METRICS) - {"validation_mae"}  # which is of forecasts, not of strategies
    monkeypatch.setitem(metrics.COLUMNS, "worst_day", lambda record: record.returns.min())
    table = metrics.performance_table(net_returns, turnover, **YEAR).set_index("strategy")
    assert list(table)[-1] == "worst_day" and table["worst_day"].to_dict() == net_returns.min().to_dict()


def test_performance_joins_turnover_by_name(net_returns, turnover):
    ours = metrics.performance_table(net_returns, turnover, **YEAR).set_index("strategy")
    assert ours["turnover"].drop("benchmark").to_dict() == turnover.to_dict()
    permuted = metrics.performance_table(net_returns[["equal_weight", "lstm+mvf", "benchmark"]], turnover[::-1], **YEAR)
    pd.testing.assert_frame_equal(permuted.set_index("strategy").loc[ours.index], ours)


def test_performance_of_a_strategy_is_its_measures(net_returns, turnover):
    row = metrics.performance_table(net_returns, turnover, **YEAR).set_index("strategy").loc["lstm+mvf"]
    r = net_returns["lstm+mvf"].to_numpy()
    total = np.prod(1 + r) - 1
    daily = 0.02 / 252
    january_to_june = [1 + net_returns[net_returns.index.month == month] for month in range(1, 7)]
    excess = np.array([np.prod(growth["lstm+mvf"]) - np.prod(growth["benchmark"]) for growth in january_to_june])
    assert row[["total_return", "annual_return", "annual_volatility", "sharpe", "sortino"]].tolist() == pytest.approx([
        total, (1 + total) ** (252 / len(r)) - 1, np.std(r, ddof=1) * 252**0.5,
        (r.mean() - daily) / np.std(r, ddof=1) * 252**0.5,
        (r.mean() - daily) / np.sqrt(np.mean(np.minimum(r - daily, 0) ** 2)) * 252**0.5])
    assert row["mean_monthly_excess"] == pytest.approx(excess.mean())
    assert row["std_monthly_excess"] == pytest.approx(excess.std(ddof=1))
    assert row["information_ratio"] == pytest.approx(excess.mean() / excess.std(ddof=1))


def test_a_missing_return_is_refused(net_returns):
    gap = net_returns.copy()
    gap.loc["2024-02-05", "benchmark"] = np.nan
    with pytest.raises(ValueError, match="return of benchmark on 2024-02-05 is missing"):
        metrics.monthly_excess(gap)


def test_portfolio_statistics_by_hand_and_by_name():
    returns = pd.DataFrame({"A": [0.02, -0.01, 0.03], "B": [0.00, 0.01, -0.02]})
    portfolios = {"half": pd.Series({"B": 0.5, "A": 0.5}), "short": pd.Series({"A": 1.5, "B": -0.5}),
                  "one": pd.Series({"B": 1.0})}
    table = metrics.portfolio_statistics(portfolios, returns, periods_per_year=252, risk_free_rate=0.0)
    assert list(table) == ["half", "short", "one"]
    assert table.index.tolist() == ["annual_return", "annual_volatility", "skewness", "kurtosis", "max_drawdown",
                                    "observations", "sharpe", "cvar_95", "sortino", "variance", "effective_holdings",
                                    "gross_exposure"]
    half = np.array([0.01, 0.00, 0.005])
    assert table.loc["annual_return", "half"] == pytest.approx(half.mean() * 252)  # not compounded
    assert table.loc["variance", "half"] == pytest.approx(half.var(ddof=1) * 252)
    assert table.loc["sharpe", "half"] == pytest.approx(half.mean() / half.std(ddof=1) * 252**0.5)
    assert table.loc["max_drawdown", "one"] == pytest.approx(-0.02)
    assert table.loc["cvar_95", "short"] == pytest.approx(0.02)
    assert table.loc["observations"].eq(3).all()
    assert table.loc["effective_holdings"].tolist() == pytest.approx([2, 2**2 / 2.5, 1])
    assert table.loc["effective_holdings"].to_dict() == {name: effective_holdings(own) for name, own in portfolios.items()}
    assert table.loc["gross_exposure"].tolist() == pytest.approx([1, 2, 1])


def test_portfolio_moments_are_those_of_scipy(net_returns):
    equal = pd.Series(1 / 3, index=net_returns.columns)
    table = metrics.portfolio_statistics({"equal": equal}, net_returns, **YEAR)["equal"]
    earned = net_returns.mean(axis=1)
    assert table["skewness"] == pytest.approx(stats.skew(earned, bias=False))
    assert table["kurtosis"] == pytest.approx(stats.kurtosis(earned, bias=False))
    assert table["sharpe"] == pytest.approx((table["annual_return"] - 0.02) / table["annual_volatility"])


# ---------------------------------------------------------------------------------------------------- excess over the benchmark
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
    return metrics.excess_table(held.net_returns.assign(benchmark=BENCHMARK), held.trades, weights).set_index("strategy")


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


def test_one_month_has_a_mean_and_no_deviation():
    weights = weights_of(DECIDED)[lambda rows: rows["rebalance_date"] == DECISIONS[0]]
    held = backtest(weights, RETURNS.loc[:"2024-01-31"], cost_rate=0.0)
    row = metrics.excess_table(held.net_returns.assign(benchmark=BENCHMARK), held.trades, weights).set_index("strategy").loc["mixed"]
    assert row["n_months"] == 1 and row["summed_excess"] == pytest.approx(0.055) and row["summed_excess_but_first"] == 0
    assert np.isnan(row[["std_monthly_excess", "information_ratio", "turnover_one_way"]].astype(float)).all()


# ---------------------------------------------------------------------------------------------------- by window
COIN_DAYS = pd.date_range("2022-01-01", periods=300, name="date")
SPLIT = COIN_DAYS[199]
ASSETS = ["A", "B", "C"]


@pytest.fixture
def coins():
    rng = np.random.default_rng(4)
    return pd.DataFrame(rng.normal([0.002, 0.001, 0.0015], [0.02, 0.01, 0.015], (300, 3)), index=COIN_DAYS, columns=ASSETS)


@pytest.fixture
def window_means():
    rows = [("lstm", 0, window, date, asset, value * window) for window in (5, 10) for date in (SPLIT, COIN_DAYS[250])
            for asset, value in zip(ASSETS, (0.003, 0.001, 0.002))]
    return pd.DataFrame(rows, columns=["model", "seed", "window", "decision_date", "asset", "forecast"])


def by_window(window_means, coins, traded=None, **changes):
    terms = replace(Terms.of(Study(estimation_window=100)), **changes)
    return decisions.weights_by_window(window_means, coins, coins.notna() if traded is None else traded, terms=terms)


def measured(weights, coins, **changes):
    terms = dict(periods_per_year=365, risk_free_rate=0.0, cost_rate=0.0) | changes
    return metrics.performance_by_window(weights, coins, **terms)


def test_each_window_holds_its_tangency_portfolio(coins, window_means):
    weights = by_window(window_means, coins)
    assert weights["strategy"].unique().tolist() == ["lstm+tangency, 5 days", "lstm+tangency, 10 days"]
    past = coins.loc[:SPLIT].tail(100)
    expected = tangency(pd.Series([0.015, 0.005, 0.01], ASSETS), past.cov(), risk_free=0.0).weights
    held = weights[(weights["window"] == 5) & (weights["rebalance_date"] == SPLIT)].set_index("asset")["weight"]
    np.testing.assert_allclose(held, expected)
    np.testing.assert_allclose(weights.groupby(["strategy", "rebalance_date"])["weight"].sum(), 1)


def test_the_gross_limit_and_untraded_assets_are_heeded(coins, window_means):
    limited = by_window(window_means, coins, max_gross=1.2)
    assert limited.groupby(["window", "rebalance_date"])["weight"].agg(lambda held: held.abs().sum()).max() < 1.2 + 1e-6
    without = by_window(window_means, coins, traded=coins.notna().assign(C=False))
    assert (without.loc[without["asset"] == "C", "weight"] == 0).all()
    asleep = by_window(window_means, coins.assign(C=coins["C"].where(coins.index < COIN_DAYS[230], 0.0)))
    of_c = asleep[asleep["asset"] == "C"].set_index("rebalance_date")["weight"]
    assert (of_c[SPLIT] != 0).all() and (of_c[COIN_DAYS[250]] == 0).all()


def test_performance_by_window_by_hand(coins, window_means):
    weights = by_window(window_means, coins)
    table = measured(weights, coins).set_index("window")
    held = weights[weights["window"] == 10].groupby("rebalance_date")["weight"].agg(lambda row: row.abs().sum())
    assert (table.loc[10, "mean_gross"], table.loc[10, "largest_gross"]) == pytest.approx((held.mean(), held.max()))
    flat = weights.assign(weight=weights["asset"].map({"A": 1.0, "B": 0.0, "C": 0.0}))
    one = measured(flat, coins).set_index("window").loc[5]
    assert one["total_return"] == pytest.approx((1 + coins["A"].iloc[200:]).prod() - 1)
    assert one["annual_volatility"] == pytest.approx(coins["A"].iloc[200:].std() * np.sqrt(365))
    assert one["mean_gross"] == one["largest_gross"] == 1 and not one["bankrupt"] and one["inefficient_dates"] == 0


def test_a_ruined_window_is_said_to_be(coins, window_means):
    weights = by_window(window_means, coins)
    reckless = weights.assign(weight=weights["asset"].map({"A": 200.0, "B": -199.0, "C": 0.0}))
    table = measured(reckless, coins)
    assert table["bankrupt"].all() and (table["total_return"] == -1).all()
    assert table[["annual_volatility", "sharpe"]].isna().all(axis=None), "what is still after a ruin is not calm"


def test_without_windows_the_tables_have_columns_and_no_rows(coins, window_means):
    weights = by_window(window_means.iloc[:0], coins)
    table = measured(weights, coins)
    assert weights.empty and table.empty and "largest_gross" in table and "status" in weights


def test_costs_and_the_risk_free_rate_lower_what_is_reported(coins, window_means):
    held = by_window(window_means, coins)
    free = measured(held, coins)
    assert (measured(held, coins, cost_rate=0.002)["total_return"] < free["total_return"]).all()
    assert (measured(held, coins, risk_free_rate=0.365)["sharpe"] < free["sharpe"]).all()


# ------------------------------------------------------------------ who lost everything: tested nowhere, ranked last
LOSER = "lstm+tangency"
TRADING = pd.bdate_range("2021-01-01", "2023-06-30", name="date")


def ruin_market() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Net returns beside an index that falls to a tenth, one strategy rising until it loses all, and weights."""
    rng = np.random.default_rng(5)
    net = pd.DataFrame(rng.normal(-0.001, 0.01, (len(TRADING), 4)), TRADING,
                       ["lstm+mvf", "mean+mvf", "equal_weight", "mean+tangency"]).assign(**{LOSER: 0.0})
    net.loc[net.index[:40], LOSER] = 0.03
    net.loc[net.index[40], LOSER] = -1.0
    net["benchmark"] = rng.normal(-0.004, 0.01, len(TRADING))
    rows = [(date, name, asset, weight) for date in TRADING[[0, 100]] for name in net.columns.drop("benchmark")
            for asset, weight in (("A", 1.5 if "tangency" in name else 0.7), ("B", -0.5 if "tangency" in name else 0.3))]
    return net, pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])


def performance_of(net: pd.DataFrame) -> pd.DataFrame:
    traded = pd.Series(0.1, net.columns.drop("benchmark")).where(lambda traded: traded.index != LOSER, 0.01)
    return metrics.performance_table(net, traded, periods_per_year=252, risk_free_rate=0.0)


def of_sweep(net: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Results and daily returns of a sweep of two points, both of these strategies."""
    results = pd.concat([performance_of(net).assign(x=x) for x in (1, 2)], keys=["a", "b"], names=["point"])
    results = results.reset_index("point").reset_index(drop=True)[["point", "x", *performance_of(net).columns]]
    other = net.assign(**{name: net[name].to_numpy()[::-1] for name in ("lstm+mvf", "mean+mvf", "mean+tangency")})
    return results, pd.concat([net.add_prefix("a/"), other.add_prefix("b/")], axis=1)


def by_metric(net: pd.DataFrame) -> pd.DataFrame:
    results, _ = of_sweep(net)
    names = [name for name in METRICS if name in results]
    return pd.concat([trials.ranking(results, name)[["rank", "point", "strategy"]] for name in names]
                     + [trials.point_ranking(trials.contenders(results, name), name) for name in names]
                     + [trials.by_parameter(results, ["x"], name, seed=1) for name in names])


def tried(net: pd.DataFrame) -> pd.DataFrame:
    return trials.distinct_trials(trials.comparable(of_sweep(net)[1], "a/lstm+mvf"))


def solvent_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of tests but those of status bankrupt, which no test may have a number of."""
    status = table.get("status", table.get("verdict"))
    lost = table[status == BANKRUPT]
    tested = [name for name in lost if name.endswith("_p") or name in ("p", "mean", "t_low", "break_even_bps")]
    assert set(lost["strategy"]) <= {LOSER} and lost[tested].isna().all(axis=None)
    assert list(table["strategy"])[-len(lost):] == list(lost["strategy"]) or lost.empty, "last"
    return table[status != BANKRUPT].reset_index(drop=True)


def gone_without(table: pd.DataFrame) -> pd.DataFrame:
    """A table without the rows of who lost everything, which have no numbers."""
    lost = table[table["strategy"] == LOSER]
    assert lost.select_dtypes("number").isna().all(axis=None)
    return table[table["strategy"] != LOSER].reset_index(drop=True)


def short_market(held: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns in which the asset that who loses everything is short of five times its wealth rises by half in a day."""
    rng = np.random.default_rng(3)
    returns = pd.DataFrame(rng.normal(0, 0.01, (len(TRADING), 2)), TRADING, ["A", "B"])
    returns.loc[TRADING[50], "B"] = 0.5
    short = held["asset"].map({"A": 6.0, "B": -5.0})
    return returns, held.assign(weight=held["weight"].mask(held["strategy"] == LOSER, short))


def backtest_costs(held: pd.DataFrame) -> pd.DataFrame:
    returns, held = short_market(held)
    return cost_sensitivity(held, returns, cost_bps=[0, 10])


def worth_it(held: pd.DataFrame) -> pd.DataFrame:
    """The table of costs of that market, without who loses everything."""
    returns, held = short_market(held)
    return solvent_rows(evidence.worth_its_cost(held, returns, cost_bps=10, daily_borrow=0.0))


def names_in(figure) -> list:
    """What a figure draws, by the names in it."""
    return [(trace.name, trace.text if isinstance(trace.text, str) else list(trace.text or [])) for trace in figure.data]


JUDGES = {  # all that tests, ranks or advises; each is given the same market with and without who lost everything
    "monthly_tests": lambda net, held: solvent_rows(evidence.monthly_tests(metrics.monthly_excess(net))),
    "against_twins": lambda net, held: evidence.against_twins(metrics.monthly_excess(net), held),
    "best_pair": lambda net, held: evidence.best_pair(metrics.monthly_excess(net)),
    "skewed": lambda net, held: sentences.skewed(evidence.monthly_tests(metrics.monthly_excess(net))),
    "worth_its_cost": lambda net, held: worth_it(held),
    "served": lambda net, held: sentences.advice(investors.served(
        investors.outcome(performance_of(net), held), metrics.monthly_excess(net))).drop(columns=["beware", "its framework"]),
    "conclusion": lambda net, held: sentences.conclusion(
        performance_of(net), solvent_rows(evidence.monthly_tests(metrics.monthly_excess(net))),
        twins=evidence.against_twins(metrics.monthly_excess(net), held)).partition("**Total")[2],
    "rankings of a sweep": lambda net, held: by_metric(net).reset_index(drop=True),
    "leader of a sweep": lambda net, held: sentences.leader(of_sweep(net)[0], "turnover").replace(
        f" `{LOSER}` lost all wealth in 2 points and has no rank there.", ""),
    "trials": lambda net, held: tried(net),
    "deflated_sharpe": lambda net, held: luck.deflated_sharpe(tried(net), seed=1),
    "superior_ability": lambda net, held: luck.superior_ability(net, net["benchmark"], seed=1, n_bootstraps=50),
    "overfitting": lambda net, held: luck.overfitting(pd.concat([net.shift(k).fillna(0.0).add_suffix(str(k)) for k in range(
        3)], axis=1), n_blocks=4).logits,
    "verdict on luck": lambda net, held: luck.judge(net.drop(columns="benchmark"), {"benchmark": net["benchmark"]}, seed=1,
                                                   n_bootstraps=50),
    "choices of a sweep": lambda net, held: trials.choices(of_sweep(net)[1], names=set(net)),
    "intervals": lambda net, held: gone_without(intervals.intervals(
        net, periods_per_year=252, risk_free_rate=0.0, seed=1, n_bootstraps=20)),
    "sharpe_differences": lambda net, held: gone_without(intervals.sharpe_differences(
        net, pd.DataFrame({"strategy": ["lstm+mvf", LOSER], "twin": ["mean+mvf", "mean+tangency"]}), periods_per_year=252,
        risk_free_rate=0.0, seed=1, n_bootstraps=50)),
    "without_best": lambda net, held: gone_without(intervals.without_best(short_market(held)[1], short_market(held)[0],
                                                                         cost_rate=0.001)),
    "costs": lambda net, held: names_in(strategies.cost_sensitivity(backtest_costs(held), sample="")),
    "readme_figure": lambda net, held: names_in(strategies.readme_figure(net, held)),
    "risk_profiles": lambda net, held: names_in(strategies.risk_profiles(
        investors.outcome(performance_of(net), held), sample="")),
}


@pytest.mark.parametrize("judge", JUDGES)
def test_who_lost_everything_changes_no_test_ranking_or_advice(judge):
    net, held = ruin_market()
    with_it = JUDGES[judge](net, held)
    without = JUDGES[judge](net.drop(columns=LOSER), held[held["strategy"] != LOSER])
    assert LOSER not in str(with_it) and len(str(with_it)) > 10
    if isinstance(with_it, pd.DataFrame):
        pd.testing.assert_frame_equal(with_it, without)
    elif isinstance(with_it, pd.Series):
        pd.testing.assert_series_equal(with_it, without)
    else:
        assert with_it == without


def test_a_bankrupt_strategy_does_not_beat_a_falling_index():
    net, _ = ruin_market()
    still = (1 + net).groupby(net.index.to_period("M")).prod() - 1
    naive = still[LOSER] - still["benchmark"]
    assert stats.wilcoxon(naive, alternative="greater").pvalue < 0.001, "as zero returns it would"
    row = evidence.monthly_tests(metrics.monthly_excess(net)).set_index("strategy").loc[LOSER]
    assert row["status"] == BANKRUPT and row["n_months"] == 1 and row.drop(["status", "n_months"]).isna().all()


def test_months_of_a_bankrupt_strategy_end_before_its_ruin_and_others_are_whole():
    net, _ = ruin_market()
    excess = metrics.monthly_excess(net)
    assert excess[LOSER].count() == 1 and excess.drop(columns=LOSER).notna().all(axis=None)
    at_the_end = net.copy()
    at_the_end[LOSER] = 0.001
    at_the_end.loc[TRADING[-1], LOSER] = -1.0
    assert metrics.monthly_excess(at_the_end)[LOSER].isna().tolist() == [False] * 29 + [True]


def test_a_millionth_that_is_left_is_nothing_and_an_index_may_lose_all():
    nearly = pd.DataFrame({"A": [1 - 1e-7, -0.9999999], "B": [0.1, -0.99]})
    assert metrics.bankrupt(nearly).to_dict() == {"A": True, "B": False} and list(metrics.solvent(nearly)) == ["B"]
    net, _ = ruin_market()
    net.loc[TRADING[-1], "benchmark"] = -1.0
    assert performance_of(net).set_index("strategy").loc["benchmark", ["annual_volatility", "sharpe"]].notna().all()
    assert metrics.monthly_excess(net)["equal_weight"].notna().all()


def test_the_line_of_who_lost_everything_comes_last():
    net, _ = ruin_market()
    assert strategies.wealth(net).data[-1].name == f"{LOSER} (-100 %)"
