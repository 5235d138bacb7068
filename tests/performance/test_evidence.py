"""Tests of monthly excess returns and of forecasts: by hand, against scipy, at their size, in words."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.performance import evidence
from forefolio.performance.backtest import backtest
from forefolio.report import sentences

TESTS = ["strategy", "status", "n_months", "mean", "t_low", "t_high", "skewness", "shapiro_p", "wilcoxon_p",
         "wilcoxon_p_holm", "sign_p", "sign_p_holm", "t_p", "t_p_holm"]


@pytest.fixture
def excess():
    rng = np.random.default_rng(4)
    months = pd.date_range("2023-01-01", periods=24, freq="MS", name="month")
    return pd.DataFrame(rng.normal([0.03, 0.0, 0.005], 0.03, size=(24, 3)), index=months,
                        columns=["lstm+mvf", "mean+rpp", "equal_weight"])


def test_holm_reproduces_what_the_published_information_ratios_give():
    ratios = np.array([0.526, 0.499, 0.479, 0.26, 0.26, 0.25])  # Nguyen 2025, Table 5, 23 months
    p = pd.Series(stats.t.sf(ratios * np.sqrt(23), 22))
    assert p.round(3).tolist() == [0.01, 0.013, 0.016, 0.113, 0.113, 0.122]
    assert evidence.holm(p).min() == pytest.approx(0.058, abs=5e-4)


def test_holm_does_not_count_missing_tests():
    corrected = evidence.holm(pd.Series({"a": 0.02, "b": np.nan, "c": 0.03}))
    assert corrected[["a", "c"]].tolist() == pytest.approx([0.04, 0.04]) and np.isnan(corrected["b"])


def test_holm_never_exceeds_one_and_keeps_the_order(excess):
    p = pd.Series([0.9, 0.6, 0.01, 0.02])
    corrected = evidence.holm(p)
    assert corrected.max() == 1 and (corrected >= p).all()
    pd.testing.assert_series_equal(evidence.holm(p[::-1]).sort_index(), corrected)


def test_monthly_tests_equal_scipy_one_sided(excess):
    tests = evidence.monthly_tests(excess)
    assert list(tests) == TESTS and tests["strategy"].tolist() == list(excess)
    row = tests.set_index("strategy").loc["equal_weight"]
    values = excess["equal_weight"]
    assert row["n_months"] == 24 and row["mean"] == pytest.approx(values.mean())
    assert row["shapiro_p"] == pytest.approx(stats.shapiro(values).pvalue)
    assert row["wilcoxon_p"] == pytest.approx(stats.wilcoxon(values, alternative="greater").pvalue)
    assert row["t_p"] == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue)


def test_signed_ranks_by_hand():
    # ranks 1 to 4, the loss has rank 1: sums of at least 9 come from the subsets {2,3,4} and {1,2,3,4} of 16
    tests = evidence.monthly_tests(pd.DataFrame({"s": [-0.01, 0.02, 0.03, 0.04]}))
    assert tests["wilcoxon_p"].tolist() == [2 / 16]


def test_signs_by_hand_leave_out_months_of_zero():
    # of 5 months that are not zero 4 are positive: (5 + 1) of 2^5; then 3 of 3, as the fourth is rounding
    tests = evidence.monthly_tests(pd.DataFrame({"a": [-0.5, 0.01, 0.01, 0.02, 0.03, 0.0],
                                                "b": [0.0, 0.01, 0.0, 0.02, 0.03, -1e-17]})).set_index("strategy")
    assert tests["sign_p"].to_dict() == pytest.approx({"a": 6 / 32, "b": 1 / 8})
    assert tests["sign_p_holm"].to_dict() == pytest.approx({"a": 2 / 8, "b": 2 / 8})
    assert tests["n_months"].tolist() == [6, 6]


def test_interval_of_the_mean_by_hand():
    # mean 0.02, deviation 0.01, t(0.975, 2) = 4.3026527: 0.02 -+ 4.3026527 x 0.01 / sqrt(3)
    row = evidence.monthly_tests(pd.DataFrame({"s": [0.01, 0.02, 0.03]})).iloc[0]
    assert [row["t_low"], row["t_high"]] == pytest.approx([0.02 - 0.0248413771, 0.02 + 0.0248413771], abs=1e-10)


def test_interval_is_scipy_s_and_its_low_end_agrees_with_a_test_at_half_the_level(excess):
    tests = evidence.monthly_tests(excess).set_index("strategy")
    for name, row in tests.iterrows():
        interval = stats.ttest_1samp(excess[name], 0).confidence_interval(0.95)
        assert [row["t_low"], row["t_high"]] == pytest.approx([interval.low, interval.high])
    assert ((tests["t_low"] > 0) == (tests["t_p"] < 0.025)).all() and (tests["t_low"] > 0).nunique() == 2


def test_a_skewed_excess_with_a_median_of_zero_is_rejected_by_signed_ranks_and_not_by_signs():
    skewed = pd.Series([-0.001, 0.05] * 12) * (1 + 0.01 * np.arange(24))  # half up, half down, the ups larger
    row = evidence.monthly_tests(skewed.to_frame("s")).iloc[0]
    assert row["wilcoxon_p"] < 0.05 < 0.5 < row["sign_p"]


def test_losses_are_no_evidence(excess):
    gain, loss = evidence.monthly_tests(excess), evidence.monthly_tests(-excess)
    np.testing.assert_allclose(gain["t_p"] + loss["t_p"], 1)
    assert loss.set_index("strategy").loc["lstm+mvf", "wilcoxon_p"] > 0.95


def test_permuted_strategies_permute_tests(excess):
    ours = evidence.monthly_tests(excess).set_index("strategy")
    theirs = evidence.monthly_tests(excess[excess.columns[::-1]]).set_index("strategy")
    pd.testing.assert_frame_equal(ours, theirs.loc[ours.index])


def test_what_cannot_be_tested_is_missing_and_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = evidence.monthly_tests(pd.DataFrame({"same": [0.0] * 6, "rounding": [1e-17, -1e-17] * 3}))
        two = evidence.monthly_tests(pd.DataFrame({"s": [0.01, 0.02]})).iloc[0]
        one = evidence.monthly_tests(pd.DataFrame({"s": [0.01]})).iloc[0]
        steady = evidence.monthly_tests(pd.DataFrame({"s": [0.01] * 6})).iloc[0]
    assert same.iloc[:, 4:].isna().all(axis=None) and (same["status"] == "untested").all()
    assert np.isnan(two["shapiro_p"]) and two["wilcoxon_p"] == 0.25 and two["t_p"] < 0.2
    assert np.isnan(one["t_p"]) and one["wilcoxon_p"] == 0.5
    assert np.isnan(steady["shapiro_p"]) and np.isnan(steady["t_p"]) and steady["wilcoxon_p"] < 0.05


def test_t_and_signed_rank_tests_have_their_size():
    rng = np.random.default_rng(6)
    tests = evidence.monthly_tests(pd.DataFrame(rng.normal(0, 0.03, size=(24, 300))))
    assert (tests["t_p"] < 0.05).mean() == pytest.approx(0.05, abs=0.038)  # three standard errors
    assert (tests["wilcoxon_p"] < 0.05).mean() == pytest.approx(0.05, abs=0.038)


def test_best_pair_is_the_two_highest_means_and_both_tests(excess):
    pair = evidence.best_pair(excess).iloc[0]
    assert (pair["first"], pair["second"]) == tuple(excess.mean().nlargest(2).index)
    first, second = excess[pair["first"]], excess[pair["second"]]
    assert pair["mean_difference"] == pytest.approx((first - second).mean())
    assert pair["mann_whitney_p"] == pytest.approx(stats.mannwhitneyu(first, second).pvalue)
    assert pair["signed_rank_p"] == pytest.approx(stats.wilcoxon(first, second).pvalue)
    assert pair["n_months"] == 24


def test_best_pair_sees_a_steady_difference_that_unpaired_months_hide():
    noise = np.random.default_rng(3).normal(0, 0.05, size=24)
    pair = evidence.best_pair(pd.DataFrame({"a": noise + 0.002, "b": noise})).iloc[0]
    assert pair["signed_rank_p"] < 0.001 and pair["mann_whitney_p"] > 0.5


def test_mann_whitney_hardly_ever_rejects_where_months_are_shared_and_the_paired_test_does():
    """Two strategies of one market, equally good: their months move together, which the paper's test takes for noise."""
    rng, n = np.random.default_rng(9), 150
    market = rng.normal(0, 0.05, (n, 24, 1))
    pairs = [evidence.best_pair(pd.DataFrame(months, columns=["a", "b"])).iloc[0]
             for months in market + rng.normal(0, 0.01, (n, 24, 2))]
    assert np.mean([pair["mann_whitney_p"] < 0.05 for pair in pairs]) == 0
    assert np.mean([pair["signed_rank_p"] < 0.05 for pair in pairs]) == pytest.approx(0.05, abs=0.053)


@pytest.mark.parametrize("skewness", [-3.0, -1.0, 0.0, 1.0])
def test_tests_of_skewed_months_reject_as_often_as_is_said(skewness):
    rng, n_samples = np.random.default_rng(3), 1000
    months = stats.pearson3(skewness).rvs(size=(n_samples, 24), random_state=rng)
    tests = evidence.monthly_tests(pd.DataFrame(months[:3].T))
    said = evidence.size_under_skew(24, skewness)
    found = {"wilcoxon": stats.wilcoxon(months, alternative="greater", axis=1).pvalue,
             "sign": stats.binom.sf((months > 0).sum(axis=1) - 1, 24, 0.5)}
    for test, p in found.items():
        assert tests[f"{test}_p"].tolist() == pytest.approx(p[:3])
        assert (p < 0.05).mean() == pytest.approx(said[test], abs=3 * (0.25 / n_samples) ** 0.5), test


def test_skewness_is_told_where_it_bends_a_test():
    left = pd.Series([0.02] * 20 + [-0.1] * 4) * (1 + 0.001 * np.arange(24))  # a mean of zero, five gains to a loss
    tests = evidence.monthly_tests(pd.DataFrame({"left": left, "right": -left, "even": np.linspace(-1, 1.1, 24)}))
    assert tests["skewness"].tolist() == pytest.approx([stats.skew(x, bias=False) for x in (left, -left, np.linspace(-1, 1.1, 24))])
    said = sentences.skewed(tests)
    assert tests.loc[0, "sign_p"] < 0.001 < 0.4 < tests.loc[0, "t_p"]
    assert "The months of `left` are skewed to the left (-1.9)" in said and "in 20 % of samples" in said and "in 27 %" in said
    assert "right" not in said and "even" not in said and "less so" not in said
    assert sentences.skewed(tests.iloc[1:]) == "" == sentences.skewed(tests.iloc[:0])
    several = sentences.skewed(evidence.monthly_tests(pd.DataFrame({"left": left, "other": left + 0.001})))
    assert several.endswith("The same holds, less so, for `other`.") or several.endswith("less so, for `left`.")


def test_best_pair_needs_two_strategies_and_differences(excess):
    assert evidence.best_pair(excess[["equal_weight"]]).empty
    twins = evidence.best_pair(pd.DataFrame({"a": [0.01, 0.02, 0.03], "b": [0.01, 0.02, 0.03]})).iloc[0]
    assert np.isnan(twins["signed_rank_p"]) and twins["mann_whitney_p"] == pytest.approx(1)


def held(**first):
    """Weights of two assets on two dates, by the first one's."""
    rows = [(date, name.replace("_", "+", 1), asset, weight) for name, both in first.items()
            for date, share in enumerate(both) for asset, weight in (("x", share), ("y", 1 - share))]
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])


TWINS = ["strategy", "twin", "mean_difference", "standard_error", "signed_rank_p", "holm_p", "mean_distance"]


def test_twins_share_the_framework_and_networks_are_no_baselines():
    rng = np.random.default_rng(8)
    names = ["mean+mvf", "mean+rpp", "lstm+mvf", "lstm+rpp", "lstm+mdp", "zero+mvf", "ar+rpp", "gru+mvf", "equal_weight"]
    months = pd.DataFrame(rng.normal(0, 0.02, (24, len(names))), columns=names)
    months["gru+mvf"] = months["mean+mvf"] + np.linspace(0.001, 0.02, 24)
    weights = held(mean_mvf=(1, 1), mean_rpp=(0.5, 0.5), lstm_mvf=(0.5, 1), lstm_rpp=(0.5, 0.5), gru_mvf=(0, 0.2))
    table = evidence.against_twins(months, weights)
    assert list(table) == TWINS
    assert table["strategy"].tolist() == ["lstm+mvf", "lstm+rpp", "gru+mvf"]
    assert table["twin"].tolist() == ["mean+mvf", "mean+rpp", "mean+mvf"]
    assert table["mean_distance"].tolist() == pytest.approx([0.25, 0, 0.9])
    assert table["mean_difference"].tolist() == pytest.approx(
        [(months["lstm+mvf"] - months["mean+mvf"]).mean(), (months["lstm+rpp"] - months["mean+rpp"]).mean(), 0.0105])
    apart = months["lstm+mvf"] - months["mean+mvf"]
    assert table["standard_error"].iloc[0] == pytest.approx(apart.std(ddof=1) / np.sqrt(24))
    raw = [stats.wilcoxon(months[a], months[b]).pvalue for a, b in zip(table["strategy"], table["twin"])]
    assert table["signed_rank_p"].tolist() == pytest.approx(raw) and raw[2] == pytest.approx(2 / 2**24)
    assert table["holm_p"].tolist() == pytest.approx(evidence.holm(pd.Series(raw)).tolist())
    other = evidence.against_twins(months, held(zero_mvf=(1, 1), lstm_mvf=(1, 1), gru_mvf=(1, 1)), twin="zero")
    assert other["strategy"].tolist() == ["lstm+mvf", "gru+mvf"] and set(other["twin"]) == {"zero+mvf"}


def test_twins_are_missing_or_equal_or_of_another_run():
    months = pd.DataFrame({"mean+mvf": [0.01, 0.02], "lstm+mvf": [0.01, 0.02]})
    same = evidence.against_twins(months, held(mean_mvf=(1, 1), lstm_mvf=(1, 1))).iloc[0]
    assert np.isnan([same["signed_rank_p"], same["holm_p"]]).all() and same["mean_distance"] == 0
    none = evidence.against_twins(months[["lstm+mvf"]], held(lstm_mvf=(1, 1)))
    assert none.empty and list(none) == TWINS


# ------------------------------------------------------------------------------------------------- worth its cost
def trading(n_months=24, seed=2, gain=0.0):
    """Returns of two assets over months, and weights of a strategy that changes sides each month, and of equal weight."""
    days = pd.bdate_range("2021-12-31", periods=21 * n_months + 1, name="date")
    rng = np.random.default_rng(seed)
    returns = pd.DataFrame(rng.normal(0.0005, 0.01, (len(days), 2)), days, ["A", "B"])
    dates, rows = days[:-1:21], []
    for i, date in enumerate(dates):
        returns.loc[returns.index[(returns.index > date)][:21], "AB"[i % 2]] += gain
        rows += [(date, "switch", "AB"[i % 2], 1.0), (date, "switch", "BA"[i % 2], 0.0)]
        rows += [(date, name, asset, 0.5) for name in ("equal_weight", "copy") for asset in "AB"]
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"]), returns


@pytest.mark.parametrize(("gain", "verdict"), [(0.004, "shown"), (0.0, "not shown"), (-0.004, "shown to be absent")])
def test_a_strategy_is_worth_its_cost_where_its_gain_is_significant(gain, verdict):
    weights, returns = trading(gain=gain)
    table = evidence.worth_its_cost(weights, returns, cost_bps=10, daily_borrow=0.0).set_index("strategy")
    row = table.loc["switch"]
    assert row["verdict"] == verdict and row["low_bps"] < row["break_even_bps"] < row["high_bps"]
    assert list(table.index) == ["switch", "copy", "equal_weight"] and row["traded"] == pytest.approx(47, abs=0.01)
    assert table.loc["copy", ["break_even_bps", "p"]].isna().all() and table.loc["copy", "verdict"] == "not shown"
    assert table.loc["equal_weight", "verdict"] == "" and table.loc["equal_weight"].notna()["net_50"]


def test_limits_of_the_break_even_cost_are_where_the_test_turns():
    weights, returns = trading(gain=0.002)
    low, high = evidence.worth_its_cost(weights, returns, cost_bps=0, daily_borrow=0.0).loc[0, ["low_bps", "high_bps"]]
    for limit, side in ((low, "gains"), (high, "loses")):
        p = evidence.worth_its_cost(weights, returns, cost_bps=limit, daily_borrow=0.0).loc[0, "p"]
        assert p == pytest.approx(0.05, abs=0.01), side


def test_break_even_and_net_returns_of_the_table_are_those_of_backtests():
    weights, returns = trading(gain=0.001)
    row = evidence.worth_its_cost(weights, returns, cost_bps=10, daily_borrow=0.0).set_index("strategy").loc["switch"]
    ends = (1 + backtest(weights, returns, cost_rate=row["break_even_bps"] / 1e4).net_returns).prod()
    assert ends["switch"] == pytest.approx(ends["equal_weight"], rel=1e-9)
    for bps in evidence.COSTS:
        ends = (1 + backtest(weights, returns, cost_rate=bps / 1e4).net_returns).prod() - 1
        assert row[f"net_{bps}"] == pytest.approx(ends["switch"])


def test_the_test_at_a_cost_is_the_t_test_of_net_months():
    weights, returns = trading(seed=4)
    p = evidence.worth_its_cost(weights, returns, cost_bps=30, daily_borrow=0.0).loc[0, "p"]
    net = np.log1p(backtest(weights, returns, cost_rate=0.003).net_returns)
    months = (net["switch"] - net["equal_weight"]).groupby(net.index.to_period("M")).sum()
    assert p == pytest.approx(stats.ttest_1samp(months, 0).pvalue)


def test_borrowing_counts_and_what_is_short_is_told():
    weights, returns = trading(gain=0.002)
    shorts = weights.assign(weight=weights["weight"].where(weights["strategy"] != "switch", 3 * weights["weight"] - 1))
    free, paid = (evidence.worth_its_cost(shorts, returns, cost_bps=10, daily_borrow=fee).iloc[0] for fee in (0.0, 0.0002))
    assert free["mean_short"] == 1 and free["break_even_bps"] > paid["break_even_bps"] and free["net_0"] > paid["net_0"]


@pytest.mark.parametrize("drop", ["equal_weight", "switch"])
def test_dirty_runs_have_rows_without_numbers(drop):
    weights, returns = trading(n_months=1)
    few = weights[weights["strategy"] != drop]
    table = evidence.worth_its_cost(few, returns.iloc[:13], cost_bps=10, daily_borrow=0.0)
    assert set(table["strategy"]) == set(few["strategy"]) and table["p"].isna().all() and table["net_20"].notna().all()
    assert sentences.worth_its_cost(table, cost_bps=10)


def test_the_bankrupt_stand_last_without_a_break_even_cost():
    weights, returns = trading()
    ruin = weights[weights["strategy"] == "switch"].assign(strategy="levered")
    ruin["weight"] = 90 * ruin["weight"] - 44.5
    both = evidence.worth_its_cost(pd.concat([ruin, weights]), returns, cost_bps=10, daily_borrow=0.0)
    assert both.iloc[-1][["strategy", "verdict"]].tolist() == ["levered", "bankrupt"]
    assert both.iloc[-1][["break_even_bps", "p", "holm_p"]].isna().all() and both.iloc[-1]["net_0"] == -1
    alone = evidence.worth_its_cost(weights, returns, cost_bps=10, daily_borrow=0.0)
    pd.testing.assert_frame_equal(both.iloc[:-1], alone, check_dtype=False)
    assert "`levered`" not in sentences.worth_its_cost(both, cost_bps=10).replace("`levered` lost all wealth", "")


# ------------------------------------------------------------------------------------------------------------- the answer
GATE = pd.DataFrame({"model": ["ar", "lstm", "gru"], "gain": [-0.01, 0.002, 0.001], "p_holm": [0.9, 0.4, 0.03],
                     "verdict": ["shown to be absent", "not shown", "shown"]})
COSTED = pd.DataFrame({"strategy": ["a+mvf", "b+mvf", "equal_weight", "c+mvf"], "break_even_bps": [12.0, -3.0, np.nan, np.nan],
                       "holm_p": [0.7, 0.01, np.nan, np.nan], "verdict": ["not shown", "shown to be absent", "", "bankrupt"]})
LUCKY = pd.DataFrame({"rival": ["equal_weight", "benchmark"], "trial": ["a+mvf", "b+mvf"], "deflated": [0.2, 0.99],
                      "p_consistent": [0.6, 0.001], "verdict": ["not shown", "shown"]})


@pytest.mark.parametrize(("models", "answered"), [
    (["ar", "lstm", "gru"], ["shown", "gru", 0.03]),  # one is enough, and it decides, though another gains more
    (["ar", "lstm"], ["not shown", "lstm", 0.4]),
    (["ar"], ["shown to be absent", "ar", 0.9]),  # all must be
    ([], ["not shown", "", np.nan]),
])
def test_skill_is_shown_by_one_model_and_absent_only_of_all(models, answered):
    made = evidence.answer(GATE[GATE["model"].isin(models)], COSTED, LUCKY).set_index("question").loc["skill"]
    assert made[["answer", "of"]].tolist() == answered[:2]
    np.testing.assert_equal(made["p"], answered[2])


def test_cost_asks_strategies_alone_and_luck_equal_weight_alone():
    made = evidence.answer(GATE, COSTED, LUCKY).set_index("question")
    assert made.loc["cost", ["answer", "of", "value"]].tolist() == ["not shown", "a+mvf", 12.0]
    assert made.loc["luck", ["answer", "of", "value"]].tolist() == ["not shown", "a+mvf", 0.2]
    without = evidence.answer(GATE, COSTED.iloc[1:], LUCKY.iloc[1:]).set_index("question")
    assert without.loc["cost", "answer"] == "shown to be absent" and without.loc["luck", ["answer", "of"]].tolist() == ["not shown", ""]
    nobody = evidence.answer(GATE.iloc[:0], COSTED.iloc[2:], LUCKY.assign(trial=None))
    assert nobody["answer"].tolist() == ["not shown"] * 3 and nobody["value"].isna().all()
