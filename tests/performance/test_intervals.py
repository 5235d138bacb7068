"""Tests of intervals: by hand, against closed forms and the paper's loops, and with what an ordinary run has of dirt."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.performance import intervals as intervals_module, metrics
from forefolio.performance.backtest import backtest
from forefolio.performance.evidence import holm
from forefolio.performance.intervals import (block_length, contributions, intervals, ledoit_wolf, needed_ratio,
                                             sharpe_differences, without_best)
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN

RATES = dict(periods_per_year=252, risk_free_rate=0.0)
NO_TWINS = pd.DataFrame(columns=["strategy", "twin"])
DAYS = pd.bdate_range("2021-12-31", periods=64, name="date")
DATES = DAYS[[0, 21, 42]]
ASSETS = ["A", "B", "C"]


def normal(*shape, seed=1, deviation=0.01):
    return np.random.default_rng(seed).normal(0, deviation, shape)


def frame(columns, n_days=None):
    n_days = n_days or len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.bdate_range("2021-01-04", periods=n_days, name="date"))


@pytest.fixture
def returns():
    return pd.DataFrame(normal(64, 3, deviation=0.02) + [0.002, 0, -0.002], DAYS, ASSETS)


def weights_of(strategy, rows):
    return pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": ASSETS, "weight": row})
                      for date, row in zip(DATES, rows)], ignore_index=True)


MIXED = pd.concat([weights_of("long", [[0.5, 0.3, 0.2], [0, 1, 0], [0.2, 0.2, 0.6]]),
                   weights_of("short", [[1.5, 0.3, -0.8], [0.7, 0.7, -0.4], [-1, 0.5, 1.5]])], ignore_index=True)


# what months and assets were worth


@pytest.mark.parametrize("cost_rate", [0.0, 0.01])
def test_contributions_sum_to_the_total_return_and_the_costs_also_of_shorts(returns, cost_rate):
    result = backtest(MIXED, returns, cost_rate=cost_rate)
    added = contributions(MIXED, returns, result)
    for strategy, own in result.net_returns.items():
        wealth = pd.concat([pd.Series(1.0, DAYS[:1]), (1 + own).cumprod()])
        trades = result.trades.query("strategy == @strategy")
        paid = (wealth[trades["rebalance_date"]].to_numpy() * trades["cost"].to_numpy()).sum()
        assert added.loc[strategy].sum() == pytest.approx(wealth.iloc[-1] - 1 + paid, abs=1e-12)
        assert (paid > 0) == (cost_rate > 0)


def test_an_asset_never_held_contributed_nothing_and_a_short_of_what_fell_contributed(returns):
    falls = returns.assign(A=0.0, B=0.0, C=-0.01)
    held = pd.concat([weights_of("none of it", [[0.5, 0.5, 0]] * 3), weights_of("short", [[0.5, 1, -0.5]] * 3)])
    added = contributions(held, falls, backtest(held, falls, cost_rate=0.0))
    assert added.loc["none of it", "C"] == 0 and added.loc["short", "C"] > 0.1
    assert without_best(held, falls, cost_rate=0.0).set_index("strategy").loc["short", "best_asset"] == "C"


def test_the_best_month_and_asset_by_hand():
    """A earns 10 % in January and 20 % in February, B 50 % in February; half in each, and then held."""
    days = pd.DatetimeIndex(["2023-12-29", "2024-01-31", "2024-02-29"], name="date")
    returns = pd.DataFrame({"A": [0.0, 0.1, 0.2], "B": [0.0, 0.0, 0.5]}, index=days)
    weights = pd.DataFrame({"rebalance_date": days[[0, 0]], "strategy": "s", "asset": ["A", "B"], "weight": 0.5})
    row = without_best(weights, returns, cost_rate=0.0).iloc[0]
    assert row["best_month"] == pd.Timestamp("2024-02-01") and row["best_asset"] == "B"
    assert row[["total_return", "without_month", "contribution", "without_asset"]].tolist() == pytest.approx(
        [0.5 * 1.32 + 0.5 * 1.5 - 1, 0.05, 0.25, 0.16])
    assert row["month_return"] == pytest.approx((0.66 + 0.75) / 1.05 - 1)


def test_without_its_asset_a_strategy_still_pays_its_costs(returns):
    only = weights_of("only A", [[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    up = returns.assign(A=0.01, B=0.0)
    row = without_best(only, up, cost_rate=0.01).iloc[0]
    assert row["best_asset"] == "A" and row["without_asset"] == pytest.approx(0.99 * 0.98**2 - 1)


def test_borrowing_is_paid_with_and_without_the_best(returns):
    free, paying = (without_best(MIXED, returns, cost_rate=0.0, daily_borrow=rate).set_index("strategy") for rate in (0, 0.001))
    measured = ["total_return", "without_asset"]
    assert (paying.loc["short", measured] < free.loc["short", measured]).all()
    pd.testing.assert_series_equal(paying.loc["long"], free.loc["long"])


def test_one_asset_leaves_nothing():
    days = DAYS[:30]
    returns = pd.DataFrame({"A": 0.001}, index=days)
    weights = pd.DataFrame({"rebalance_date": days[:1], "strategy": "equal_weight", "asset": "A", "weight": 1.0})
    row = without_best(weights, returns, cost_rate=0.0).iloc[0]
    assert row["without_asset"] == 0 and row["contribution"] == pytest.approx(row["total_return"])


# intervals


@pytest.fixture(scope="module")
def net_returns():
    market = normal(500, seed=3)
    own = normal(500, 2, seed=4, deviation=0.005)
    return frame({"lstm+mvf": market + own[:, 0] + 0.0004, "mean+mvf": market + own[:, 1] + 0.0003,
                  "equal_weight": market + 0.0002, "benchmark": market})


@pytest.fixture(scope="module")
def table(net_returns):
    return intervals(net_returns, **RATES, seed=7, n_bootstraps=300)


def test_every_metric_that_returns_alone_give_has_an_interval(table):
    assert set(table["metric"]) == {*metrics.COLUMNS} - {"turnover"}
    assert (table["low"] <= table["high"]).all() and table[["low", "high"]].notna().all(axis=None)


def test_values_are_those_of_the_table_of_performance(table, net_returns):
    turnover = pd.Series(np.nan, net_returns.columns)
    performance = metrics.performance_table(net_returns, turnover, **RATES).set_index("strategy")
    for row in table.itertuples():
        assert row.value == performance.loc[row.strategy, row.metric]
        lead = row.value - performance.loc["equal_weight", row.metric]
        assert row.lead == pytest.approx(lead, abs=1e-15) or row.strategy == "equal_weight"


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    """Independent days: a month's mean excess has the deviation of a day's times the days of a month over sqrt(days)."""
    net = frame({"s": normal(1000), "benchmark": np.zeros(1000)})
    row = intervals(net, **RATES, seed=7).set_index("metric").loc["mean_monthly_excess"]
    n_months = len(metrics.monthly_returns(net))
    expected = 2 * 1.96 * net["s"].std() / np.sqrt(1000) * 1000 / n_months
    assert row["high"] - row["low"] == pytest.approx(expected, rel=0.1)


def test_a_new_metric_has_its_interval_at_once(net_returns, monkeypatch):
    monkeypatch.setitem(metrics.COLUMNS, "worst_day", lambda record: record.returns.min())
    found = intervals(net_returns, **RATES, seed=7, n_bootstraps=20).set_index(["strategy", "metric"])
    worst = net_returns["lstm+mvf"].min()
    assert found.loc[("lstm+mvf", "worst_day"), "value"] == worst <= found.loc[("lstm+mvf", "worst_day"), "low"]


def test_all_strategies_see_the_same_days(net_returns):
    """A strategy that earns a constant more has a lead without doubt, however unsure both are."""
    net = net_returns.assign(**{"lstm+mvf": net_returns["equal_weight"] + 0.001})
    found = intervals(net, **RATES, seed=7, n_bootstraps=100).query("metric == 'mean_monthly_excess'").set_index("strategy")
    lead = found.loc["lstm+mvf"]
    own = found.loc["equal_weight", ["low", "high"]]
    assert lead["lead_high"] - lead["lead_low"] < 0.1 * lead["lead"] and own["low"] <= own["high"]
    turned = intervals(net[net.columns[::-1]], **RATES, seed=7, n_bootstraps=100)
    again = turned.query("metric == 'mean_monthly_excess'").set_index("strategy").loc[found.index]
    pd.testing.assert_frame_equal(again, found)


def test_the_same_seed_gives_the_same_ends_and_another_seed_others(net_returns, table):
    pd.testing.assert_frame_equal(intervals(net_returns, **RATES, seed=7, n_bootstraps=300), table)
    assert not intervals(net_returns, **RATES, seed=8, n_bootstraps=300)["low"].equals(table["low"])


def test_blocks_are_longer_where_volatility_comes_in_clusters():
    calm = normal(2000)
    waves = calm * np.exp(np.sin(np.arange(2000) / 30))
    assert block_length(frame({"s": waves}), "stationary") > 2 * block_length(frame({"s": calm}), "stationary")


@pytest.mark.parametrize("n_days", [2, 12, 19])
def test_few_days_have_values_without_ends(net_returns, n_days):
    short = net_returns.iloc[:n_days]
    found = intervals(short, **RATES, seed=7)
    assert found[["low", "high", "block_length"]].isna().all(axis=None) and len(found)
    assert found.loc[found["metric"] == "total_return", "value"].tolist() == metrics.total_return(short).tolist()
    differences = sharpe_differences(short, NO_TWINS, **RATES, seed=7)
    assert differences["p"].isna().all() and (differences["verdict"] == NOT_SHOWN).all()


def test_a_strategy_that_never_varies_has_no_ratio_and_harms_no_other(net_returns, table):
    net = net_returns.assign(cash=0.0)
    found = intervals(net, **RATES, seed=7, n_bootstraps=300)
    cash = found[found["strategy"] == "cash"].set_index("metric")
    assert "sharpe" not in cash.index and cash.loc["total_return", ["low", "high"]].tolist() == [0, 0]
    others = found[found["strategy"] != "cash"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, table)
    differences = sharpe_differences(net, NO_TWINS, **RATES, seed=7, n_bootstraps=100).set_index("strategy")
    assert np.isnan(differences.loc["cash", "p"]) and differences.loc["lstm+mvf", "p"] > 0


def test_one_strategy_without_equal_weight_has_intervals_and_no_lead(net_returns):
    found = intervals(net_returns[["lstm+mvf", "benchmark"]], **RATES, seed=7, n_bootstraps=50)
    assert found["lead"].isna().all() and found["low"].notna().all()
    assert sharpe_differences(net_returns[["lstm+mvf", "benchmark"]], NO_TWINS, **RATES, seed=7).empty


def test_monthly_prices_have_months_of_one_day(net_returns):
    months = net_returns.iloc[:36].set_axis(pd.date_range("2020-01-31", periods=36, freq="ME", name="date"))
    found = intervals(months, periods_per_year=12, risk_free_rate=0.0, seed=7, n_bootstraps=100)
    assert found.loc[found["metric"] == "information_ratio", ["low", "high"]].notna().all(axis=None)


def test_a_benchmark_that_lost_everything_is_still_there(net_returns):
    net = net_returns.assign(benchmark=[*net_returns["benchmark"].iloc[:-1], -1.0])
    found = intervals(net, **RATES, seed=7, n_bootstraps=50)
    assert set(found["strategy"]) == set(net) and found["low"].notna().any()


# the difference of Sharpe ratios


def test_the_difference_s_interval_is_that_of_the_closed_form_for_independent_normal_returns():
    """Jobson & Korkie 1981 as corrected by Memmel 2003: T var = 2 - 2 r + (S1^2 + S2^2 - 2 S1 S2 r^2) / 2."""
    common, own = normal(4000, seed=5), normal(4000, 2, seed=6, deviation=0.008)
    net = frame({"a": common + own[:, 0] + 0.002, "equal_weight": common + own[:, 1] + 0.001})
    found = ledoit_wolf(net, [("a", "equal_weight")], **RATES, seed=7, n_bootstraps=2000).iloc[0]
    (one, other), r = net.mean() / net.std(), net.corr().iloc[0, 1]
    error = np.sqrt((2 - 2 * r + (one**2 + other**2 - 2 * one * other * r**2) / 2) / 4000 * 252)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found["difference"] == pytest.approx((one - other) * np.sqrt(252))
    assert (found["high"] + found["low"]) / 2 == pytest.approx(found["difference"])


def studentized_by_loops(one, other, length, starts):
    """Distances of Ledoit & Wolf 2008, section 3.2.2, a resample and a block at a time."""
    n_days = len(one)
    moments = np.column_stack([one, other, one**2, other**2])

    def ratio_and_gradient(mean):
        a, b, c, d = mean
        va, vb = c - a * a, d - b * b
        return a / va**0.5 - b / vb**0.5, np.array([c / va**1.5, -d / vb**1.5, -a / (2 * va**1.5), b / (2 * vb**1.5)])

    difference, distances = ratio_and_gradient(moments.mean(axis=0))[0], []
    for row in starts:
        days = [(start + k) % n_days for start in row for k in range(length)]
        drawn = moments[days]
        own, gradient = ratio_and_gradient(drawn.mean(axis=0))
        centered, psi = drawn - drawn.mean(axis=0), np.zeros((4, 4))
        for block in range(len(row)):
            zeta = centered[block * length:(block + 1) * length].sum(axis=0) / length**0.5
            psi += np.outer(zeta, zeta) / len(row)
        distances.append(abs(own - difference) / (gradient @ psi @ gradient / len(days)) ** 0.5)
    return np.array(distances)


def test_the_studentized_distances_are_those_of_the_paper_s_loops(monkeypatch):
    from arch.covariance.kernel import QuadraticSpectral

    net = frame({"a": normal(60, seed=8) + 0.003, "equal_weight": normal(60, seed=9)})
    monkeypatch.setattr(intervals_module, "block_length", lambda returns, kind: 4)
    found = ledoit_wolf(net, [("a", "equal_weight")], **RATES, seed=7, n_bootstraps=199).iloc[0]
    starts = np.random.default_rng(7).integers(60, size=(199, 15))
    distances = studentized_by_loops(net["a"].to_numpy(), net["equal_weight"].to_numpy(), 4, starts)
    wide = (found["high"] - found["low"]) / 2 / np.sqrt(252 * 59 / 60)
    error = wide / np.quantile(distances, 0.95)
    assert found["p"] == (1 + (distances >= found["difference"] / np.sqrt(252 * 59 / 60) / error).sum()) / 200
    a, b = net["a"].to_numpy(), net["equal_weight"].to_numpy()
    influence = [(x - x.mean()) / x.std() - x.mean() * ((x - x.mean()) ** 2 - x.var()) / (2 * x.std() ** 3) for x in (a, b)]
    long_run = QuadraticSpectral(influence[0] - influence[1]).cov.long_run.item()
    assert error == pytest.approx(np.sqrt(long_run / 60), rel=0.3)  # the bandwidth of one series is not that of four


def test_leverage_changes_no_p_value_and_swapping_turns_the_sign(net_returns):
    terms = dict(**RATES, seed=7, n_bootstraps=500)
    pair = ("lstm+mvf", "equal_weight")
    found = ledoit_wolf(net_returns, [pair, pair[::-1]], **terms)
    levered = ledoit_wolf(net_returns.assign(**{"lstm+mvf": 2 * net_returns["lstm+mvf"]}), [pair], **terms)
    assert found["difference"].sum() == 0 and found["p"].nunique() == 1
    assert found.loc[0, "low"] == pytest.approx(-found.loc[1, "high"])
    assert levered.loc[0, "difference"] == pytest.approx(found.loc[0, "difference"])
    assert levered.loc[0, "p"] == pytest.approx(found.loc[0, "p"], abs=0.02)  # the kernel's bandwidth weighs columns


def test_the_risk_free_rate_comes_off_both(net_returns):
    rate = dict(periods_per_year=252, risk_free_rate=0.05)
    pair = [("lstm+mvf", "equal_weight")]
    found = ledoit_wolf(net_returns, pair, **rate, seed=7, n_bootstraps=300)
    less = ledoit_wolf(net_returns - 0.05 / 252, pair, **RATES, seed=7, n_bootstraps=300)
    pd.testing.assert_frame_equal(found, less)


@pytest.mark.parametrize("other", [
    lambda one: one, lambda one: one + 1e-14, lambda one: 2 * one,
    lambda one: one.where(np.arange(500) >= 2, one + 1e-5)], ids=["same", "rounding", "leverage", "two days"])
def test_what_does_not_differ_or_on_a_few_days_alone_is_not_tested(net_returns, other):
    net = net_returns.assign(**{"lstm+mvf": other(net_returns["equal_weight"])})
    found = sharpe_differences(net, NO_TWINS, **RATES, seed=7, n_bootstraps=500).set_index("strategy").loc["lstm+mvf"]
    assert found[["low", "high", "p", "holm_p"]].isna().all() and found["verdict"] == NOT_SHOWN


def test_a_planted_lead_is_shown_its_reverse_shown_to_be_absent_and_noise_not_shown(net_returns):
    market, noise = net_returns["equal_weight"], net_returns["lstm+mvf"] - net_returns["mean+mvf"]
    net = net_returns.assign(good=market + 0.002, bad=market - 0.002, noisy=market + (noise - noise.mean()) / 3)
    found = sharpe_differences(net[["good", "bad", "noisy", "equal_weight", "benchmark"]], NO_TWINS, **RATES, seed=7)
    assert found["strategy"].tolist() == ["good", "bad", "noisy"] and (found["rival"] == "equal_weight").all()
    assert found["verdict"].tolist() == [SHOWN, ABSENT, NOT_SHOWN]


def test_twins_are_found_under_the_line_they_share_and_holm_corrects_each_question_by_itself(net_returns):
    net = net_returns.rename(columns={"mean+mvf": "mean=cnn1d+mvf"})
    twins = pd.DataFrame({"strategy": ["lstm+mvf", "cnn1d+mvf", "lstm+rpp"], "twin": ["mean+mvf", "mean+mvf", "mean+rpp"]})
    found = sharpe_differences(net, twins, **RATES, seed=7, n_bootstraps=300)
    assert found[["strategy", "rival"]].to_numpy().tolist() == [
        ["lstm+mvf", "equal_weight"], ["mean=cnn1d+mvf", "equal_weight"], ["lstm+mvf", "mean=cnn1d+mvf"]]
    equal, twin = found.iloc[:2], found.iloc[2]
    assert equal["holm_p"].tolist() == holm(equal["p"]).tolist() and twin["holm_p"] == twin["p"]


# what months can show


@pytest.mark.parametrize("n_months", [2, 12, 24, 240])
def test_the_needed_ratio_is_found_in_four_of_five_samples(n_months):
    critical = stats.t.isf(0.05, n_months - 1)
    assert stats.nct.sf(critical, n_months - 1, needed_ratio(n_months) * np.sqrt(n_months)) == pytest.approx(0.8, abs=1e-6)


def test_a_month_shows_nothing():
    assert np.isnan(needed_ratio(1)) and np.isnan(needed_ratio(0))
