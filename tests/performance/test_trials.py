"""Ranking, sensitivity, seeds, and the trials that luck is counted in."""

import numpy as np
import pandas as pd
import pytest
from small_sweep import DAYS, made_results, made_returns

from forefolio.files import StageError
from forefolio.performance import trials


def test_contenders_are_the_strategies_that_the_parameters_touch():
    found = trials.contenders(made_results(), "sharpe")
    assert set(found["strategy"]) == {"lstm+mvf", "gru+mvf"} and len(found) == 4


def test_a_strategy_of_one_point_only_is_a_contender_though_it_has_one_value():
    assert "gru+mvf" in set(trials.contenders(made_results(), "turnover")["strategy"])


def test_where_nothing_is_touched_the_strategies_contend_and_equal_weight_only_alone():
    results = made_results().query("point == 'a'")
    assert set(trials.contenders(results, "sharpe")["strategy"]) == {"lstm+mvf", "mean+rpp"}
    simple = results[results["strategy"].isin(["equal_weight", "benchmark"])]
    assert set(trials.contenders(simple, "sharpe")["strategy"]) == {"equal_weight"}


def test_a_metric_that_is_unknown_or_without_values_is_refused():
    with pytest.raises(StageError, match="'sharp' is no column.*sharpe, turnover, validation_mae"):
        trials.contenders(made_results(), "sharp")
    with pytest.raises(StageError, match="no column"):
        trials.contenders(made_results(), "x")  # a parameter is no metric
    with pytest.raises(StageError, match="only networks have"):
        trials.contenders(made_results().assign(validation_mae=np.nan), "validation_mae")


def test_what_does_not_contend_is_listed_with_its_reach():
    found = trials.untouched(made_results(), "sharpe").set_index("strategy")
    assert set(found.index) == {"mean+rpp", "equal_weight", "benchmark"}
    assert found.loc["mean+rpp"].tolist() == [3, 0.8, 0.8]


def test_the_ranking_has_every_row_but_the_benchmark_and_ties_share_the_lowest_rank():
    found = trials.ranking(made_results(), "sharpe")
    assert list(found)[0] == "rank" and "benchmark" not in set(found["strategy"]) and len(found) == 10
    assert found["rank"].tolist() == [1, 2, 2, 2, 5, 5, 5, 8, 8, 10]
    assert found.loc[0, ["point", "strategy"]].tolist() == ["b", "lstm+mvf"]


def test_lower_is_better_for_turnover_and_rows_without_the_metric_are_left_out():
    assert trials.ranking(made_results(), "turnover")["strategy"].iloc[0] == "equal_weight"
    by_error = trials.ranking(made_results(), "validation_mae")
    assert by_error["validation_mae"].tolist() == [0.010, 0.011, 0.012, 0.013]
    assert by_error["rank"].tolist() == [1, 2, 3, 4]


def test_rounding_does_not_break_a_tie():
    results = pd.DataFrame({"point": ["a", "b"], "strategy": "s", "sharpe": [0.1 + 0.2, 0.3]})
    assert trials.ranking(results, "sharpe")["rank"].tolist() == [1, 1]


def test_a_point_ranks_by_its_best_strategy():
    found = trials.point_ranking(trials.contenders(made_results(), "sharpe"), "sharpe")
    assert found[["rank", "point", "sharpe"]].to_numpy().tolist() == [[1, "b", 0.9], [2, "c", 0.6], [3, "a", 0.5]]
    by_turnover = trials.point_ranking(trials.contenders(made_results(), "turnover"), "turnover")
    assert by_turnover[["rank", "point", "turnover"]].to_numpy().tolist() == [[1, "a", 0.2], [2, "b", 0.3], [3, "c", 0.4]]


def test_sensitivity_by_hand():
    table = trials.by_parameter(made_results(), ["x"], "sharpe").set_index("strategy")
    row = table.loc["lstm+mvf"]  # means 0.5 and 0.75 of 1 and 2 points, overall 2/3; total 13/150, between 1/24
    assert (row["n_values"], row["best_value"], row["fewest_points"]) == (2, 2, 1)
    assert np.allclose([row["lowest"], row["highest"], row["spread"]], [0.5, 0.75, 0.25])
    assert np.isclose(row["share"], (1 / 24) / (13 / 150))
    assert np.isnan(table.loc["mean+rpp", "share"]) and table.loc["mean+rpp", "spread"] == 0
    assert "benchmark" not in table.index


def test_the_best_value_of_a_metric_that_should_be_low_is_that_of_the_lowest_mean():
    table = trials.by_parameter(made_results(), ["x"], "turnover").set_index("strategy")
    assert table.loc["lstm+mvf", "best_value"] == 1


def test_in_a_full_grid_the_shares_of_an_additive_metric_sum_to_one():
    grid = pd.DataFrame([(a, b, a + {"low": 0, "high": 5}[b]) for a in (1, 2, 4) for b in ("low", "high")],
                        columns=["a", "b", "sharpe"]).assign(strategy="lstm+mvf", point=list("uvwxyz"))
    table = trials.by_parameter(grid, ["a", "b"], "sharpe").set_index("parameter")
    assert np.isclose(table["share"].sum(), 1) and table["best_value"].tolist() == [4, "high"]
    assert np.isclose(table.loc["b", "spread"], 5)


def test_seed_spread_has_a_row_a_strategy_and_setting():
    results = pd.DataFrame([("a", 1, 7, 0.2), ("b", 1, 8, 0.4), ("c", 2, 7, 0.5), ("d", 2, 8, 0.5)],
                           columns=["point", "x", "seed", "sharpe"])
    results.insert(3, "strategy", "lstm+mvf")
    table = trials.by_seed(results, ["x", "seed"], "sharpe")
    assert table[["strategy", "x", "n_seeds"]].to_numpy().tolist() == [["lstm+mvf", 1, 2], ["lstm+mvf", 2, 2]]
    assert np.allclose(table["mean"], [0.3, 0.5]) and np.allclose(table["deviation"], [0.1 * 2**0.5, 0])
    without = trials.by_seed(results, ["x"], "sharpe")
    assert without.empty and list(without) == list(table)


def test_each_trial_counts_once_on_the_days_that_all_have():
    tried = trials.distinct_trials(made_returns())
    assert list(tried) == ["a/lstm+mvf", "a/mean+rpp", "a/equal_weight", "b/lstm+mvf"]
    assert tried.index.equals(DAYS[1:])


def test_trials_that_differ_on_one_day_are_two():
    net = made_returns()
    net.loc[DAYS[3], "b/mean+rpp"] += 1e-9
    assert "b/mean+rpp" in trials.distinct_trials(net)


def test_days_that_only_the_benchmark_lacks_still_count():
    net = made_returns()
    net.loc[DAYS[2], "a/benchmark"] = np.nan
    assert DAYS[2] in trials.distinct_trials(net).index


def test_a_repeated_trial_is_found_under_its_first_name():
    net = made_returns()
    tried = trials.distinct_trials(net)
    assert trials.trial_of(tried, net, "b/mean+rpp") == "a/mean+rpp"
    assert trials.trial_of(tried, net, "b/lstm+mvf") == "b/lstm+mvf"
    with pytest.raises(StageError, match="not among the trials"):
        trials.trial_of(tried.drop(columns="b/lstm+mvf"), net, "b/lstm+mvf")


def test_trials_of_other_days_or_without_movement_are_not_compared():
    net = made_returns()
    net["c/lstm+mvf"] = net["a/lstm+mvf"].where(net.index < DAYS[3])  # half of the chosen trial's days
    net["c/mean+rpp"] = net["a/mean+rpp"].where(net.index < DAYS[4])  # two thirds
    net["d/lstm+mvf"] = 0.0
    found = trials.comparable(net, "a/lstm+mvf")
    assert "c/lstm+mvf" not in found and "d/lstm+mvf" not in found
    assert "c/mean+rpp" in found and "b/lstm+mvf" in found


def test_rivals_are_those_of_the_trial_s_own_point_on_the_days_that_they_have():
    net = made_returns()
    net.loc[DAYS[4], "b/benchmark"] = np.nan
    net["b/equal_weight"] += 0.01
    tried = trials.distinct_trials(net)
    found = trials.rivals(tried, net, "b/lstm+mvf")
    assert list(found) == ["equal_weight", "benchmark"]
    assert np.allclose(found["equal_weight"], net.loc[DAYS[1:], "b/equal_weight"])
    assert found["benchmark"].index.equals(DAYS[[1, 2, 3, 5]])
    assert list(trials.rivals(tried, net.drop(columns="b/benchmark"), "b/lstm+mvf")) == ["equal_weight"]


def test_points_with_a_network_each_are_compared_by_framework():
    rows = [("a", "lstm+mvf"), ("a", "lstm+rpp"), ("a", "equal_weight"), ("b", "gru+mvf"), ("b", "gru+rpp"), ("b", "equal_weight")]
    each = pd.DataFrame(rows, columns=["point", "strategy"])
    compared, strategy = trials.aligned(each, "gru+rpp")
    assert strategy == "rpp" and compared["strategy"].tolist() == ["mvf", "rpp", "equal_weight"] * 2
    two_models = pd.concat([each, pd.DataFrame([("b", "lstm+mvf")], columns=["point", "strategy"])])
    for results, name in ((two_models, "gru+rpp"), (made_results(), "lstm+mvf")):  # which of two? every point has it
        same, strategy = trials.aligned(results, name)
        assert strategy == name and same is results


def test_nothing_that_is_given_is_changed():
    results, net = made_results(), made_returns()
    trials.ranking(results, "sharpe")
    trials.by_parameter(results, ["x"], "sharpe")
    trials.distinct_trials(net)
    pd.testing.assert_frame_equal(results, made_results())
    pd.testing.assert_frame_equal(net, made_returns())


# ----------------------------------------------------------------------------------- who has no rank in a sweep
def dirty(**changed):
    """The small sweep with columns of risk, and other values of lstm+mvf in point b, which is the best of all."""
    results = made_results().assign(max_drawdown=-0.2, annual_volatility=0.1)
    results.loc[(results["point"] == "b") & (results["strategy"] == "lstm+mvf"), list(changed)] = list(changed.values())
    return results


@pytest.mark.parametrize("changed", [{"max_drawdown": -1.0}, {"annual_volatility": 1e-5}, {"sharpe": np.inf}, {"sharpe": np.nan}])
def test_what_lost_everything_or_took_no_risk_or_has_no_number_has_no_rank(changed):
    results = dirty(**changed)
    assert trials.ranking(dirty(), "sharpe").loc[0, ["point", "strategy"]].tolist() == ["b", "lstm+mvf"]
    ranked = trials.ranking(results, "sharpe")
    assert len(ranked) == 9 and ranked["sharpe"].iloc[0] == 0.8
    assert set(trials.contenders(results, "sharpe")["point"]) == {"a", "c"}
    assert trials.point_ranking(trials.contenders(results, "sharpe"), "sharpe")["point"].tolist() == ["c", "a"]
    table = trials.by_parameter(results, ["x"], "sharpe").set_index("strategy")
    assert table.loc["lstm+mvf", ["highest", "best_value"]].tolist() == [0.6, 2]
    assert np.isfinite(trials.untouched(results, "sharpe")[["lowest", "highest"]]).all(axis=None)


def test_where_all_lost_everything_a_sweep_says_that_none_can_be_ranked():
    with pytest.raises(StageError, match="no strategy of this sweep that can be ranked has a value of sharpe"):
        trials.contenders(made_results().assign(max_drawdown=-1.0), "sharpe")


def test_the_benchmark_stays_beside_the_ranking_whatever_became_of_it():
    results = made_results().assign(annual_volatility=0.1)
    results.loc[results["strategy"] == "benchmark", "annual_volatility"] = 0.0
    assert (trials.rankable(results)["strategy"] == "benchmark").sum() == 3


def test_luck_counts_neither_a_trial_that_lost_everything_nor_one_like_cash():
    net = made_returns()
    net["b/lstm+tangency"] = [np.nan, 0.9, -1.0, 0.0, 0.0, 0.0]
    net["b/cash"] = 1e-4 + 1e-7 * np.arange(6)
    compared = trials.comparable(net, "a/lstm+mvf")
    assert set(net) - set(compared) == {"b/lstm+tangency", "b/cash"}
    assert trials.all_lost(net).sum() == 1
