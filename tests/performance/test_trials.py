"""Ranking, sensitivity, seeds, and the trials that luck is counted in."""

import numpy as np
import pandas as pd
import pytest
from small_sweep import DAYS, made_results, made_returns

from forefolio.files import StageError
from forefolio.performance import metrics, trials


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
    table = trials.by_parameter(made_results(), ["x"], "sharpe", seed=1).set_index("strategy")
    row = table.loc["lstm+mvf"]  # means 0.5 and 0.75 of 1 and 2 points, overall 2/3; total 13/150, between 1/24
    assert (row["n_values"], row["best_value"], row["fewest_points"]) == (2, 2, 1)
    assert np.allclose([row["lowest"], row["highest"], row["spread"]], [0.5, 0.75, 0.25])
    assert np.isclose(row["share"], (1 / 24) / (13 / 150))
    assert table.loc["mean+rpp", ["share", "chance"]].isna().all() and table.loc["mean+rpp", "spread"] == 0
    assert "benchmark" not in table.index


def test_the_best_value_of_a_metric_that_should_be_low_is_that_of_the_lowest_mean():
    table = trials.by_parameter(made_results(), ["x"], "turnover", seed=1).set_index("strategy")
    assert table.loc["lstm+mvf", "best_value"] == 1


def test_in_a_full_grid_the_shares_of_an_additive_metric_sum_to_one():
    grid = pd.DataFrame([(a, b, a + {"low": 0, "high": 5}[b]) for a in (1, 2, 4) for b in ("low", "high")],
                        columns=["a", "b", "sharpe"]).assign(strategy="lstm+mvf", point=list("uvwxyz"))
    table = trials.by_parameter(grid, ["a", "b"], "sharpe", seed=1).set_index("parameter")
    assert np.isclose(table["share"].sum(), 1) and table["best_value"].tolist() == [4, "high"]
    assert np.isclose(table.loc["b", "spread"], 5)


def gridded(metric, n_values=(5, 4)):
    """A full grid of one strategy."""
    grid = pd.DataFrame([(a, b) for a in range(n_values[0]) for b in range(n_values[1])], columns=["a", "b"])
    return grid.assign(point=[f"p{i}" for i in range(len(grid))], strategy="lstm+mvf", sharpe=metric)


def test_what_noise_alone_explains_stands_beside_each_share():
    rng = np.random.default_rng(4)  # five seeds x four values
    tables = [trials.by_parameter(gridded(rng.normal(size=20)), ["a", "b"], "sharpe", seed=1) for _ in range(200)]
    shares = np.array([table["share"] for table in tables])
    chance = np.array([table["chance"] for table in tables])
    assert np.allclose(shares.mean(axis=0), [4 / 19, 3 / 19], atol=0.02)  # what a parameter that does nothing explains
    assert np.all((shares > chance).mean(axis=0) < 0.1) and np.all((shares > chance).mean(axis=0) > 0.01)


def test_the_chance_level_is_the_quantile_over_all_orders_of_the_points():
    from itertools import permutations

    metric = [0.1, 0.7, 0.2, 0.9, 0.4, 0.5]
    found = trials.by_parameter(gridded(metric, (3, 2)), ["a", "b"], "sharpe", seed=1).set_index("parameter")
    orders = np.array(list(permutations(metric))).reshape(720, 3, 2)
    total = np.var(metric)
    for parameter, axis in (("a", 2), ("b", 1)):
        shares = orders.mean(axis=axis).var(axis=1) / total
        assert found.loc[parameter, "chance"] == pytest.approx(np.quantile(shares, 0.95), abs=0.05)
        assert found.loc[parameter, "share"] == pytest.approx(shares[0])  # the first order is the metric itself


def test_a_parameter_whose_values_have_one_point_each_explains_no_more_than_chance():
    alone = trials.by_parameter(gridded([0.1, 0.9, 0.3, 0.5], (4, 1)), ["a"], "sharpe", seed=1)
    assert alone[["share", "chance"]].to_numpy() == pytest.approx(1)


def test_a_parameter_that_decides_is_beyond_chance():
    effect = np.repeat(np.arange(5.0), 4) + np.random.default_rng(5).normal(0, 0.2, 20)
    table = trials.by_parameter(gridded(effect), ["a", "b"], "sharpe", seed=1).set_index("parameter")
    assert table.loc["a", "share"] > 0.9 > 0.6 > table.loc["a", "chance"]
    assert table.loc["b", "share"] < table.loc["b", "chance"]


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
    assert list(tried) == ["a/lstm+mvf", "a/mean+rpp", "b/lstm+mvf"]  # rivals are no trials
    assert tried.index.equals(DAYS[1:])


def test_where_there_is_nothing_else_equal_weight_is_the_trial():
    net = made_returns()[["a/equal_weight", "b/equal_weight", "b/benchmark"]]
    tried = trials.distinct_trials(net)
    assert list(tried) == ["a/equal_weight"] and trials.trial_of(tried, net, "b/equal_weight") == "a/equal_weight"


def test_the_columns_of_a_run_have_no_point():
    net = made_returns()[["b/lstm+mvf", "b/equal_weight", "b/benchmark"]].dropna()
    net.columns = [name.removeprefix("b/") for name in net]
    tried = trials.distinct_trials(net)
    found = trials.rivals(tried, net, "lstm+mvf")
    assert list(tried) == ["lstm+mvf"] and list(found) == ["equal_weight", "benchmark"]
    assert trials.trial_of(tried, net, "equal_weight") == "equal_weight"  # chosen though it is no trial


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


def test_choices_are_compared_with_the_noise_of_the_days_by_hand():
    gains = pd.DataFrame({"a": [0.01, 0.03, 0.02, 0.02], "b": [0.02, 0.06, 0.04, 0.04], "c": [0.06, 0.06, 0.03, 0.09]})
    equal = pd.Series([0.01, -0.02, 0.0, 0.03])
    net = gains.add(equal, axis=0).add_suffix("/lstm+mvf").join(
        pd.DataFrame({f"{point}/{rival}": equal for point in "abc" for rival in ("equal_weight", "benchmark")}))
    net["c/lstm+rpp"] = 0.01  # a strategy of one point
    for point in "abc":
        net[f"{point}/mean+rpp"] = [0.02, 0.01, 0.0, 0.01]  # which no choice moves
    row, = trials.choices(net, names={"lstm+mvf", "lstm+rpp", "mean+rpp"}).itertuples(index=False)
    assert (row.strategy, row.n_points, row.n_days) == ("lstm+mvf", 3, 4)
    assert row.mean == pytest.approx(0.04) and row.non_standard == pytest.approx(0.02)  # of means 0.02, 0.04 and 0.06
    assert row.standard == pytest.approx(gains["b"].std() / 2)  # the median of the three
    assert row.ratio == pytest.approx(0.02 / row.standard)


def test_choices_of_a_network_are_compared_by_framework_and_without_the_bankrupt():
    rng, days = np.random.default_rng(6), pd.bdate_range("2021-01-04", periods=50)
    columns = ["a/lstm+mvf", "b/gru+mvf", "c/rnn+mvf", *(f"{point}/equal_weight" for point in "abc")]
    net = pd.DataFrame(rng.normal(0, 0.01, (50, 6)), days, columns)
    assert trials.choices(net, names={"mvf", "equal_weight"})[["strategy", "n_points"]].to_numpy().tolist() == [["mvf", 3]]
    net["c/rnn+mvf"] = [0.5, -1.0] + [0.0] * 48
    assert trials.choices(net, names={"mvf"})["n_points"].tolist() == [2]
    assert trials.choices(net, names={"lstm+mvf", "gru+mvf", "rnn+mvf"}).empty


def test_nothing_that_is_given_is_changed():
    results, net = made_results(), made_returns()
    trials.ranking(results, "sharpe")
    trials.by_parameter(results, ["x"], "sharpe", seed=1)
    trials.choices(net, names={"lstm+mvf"})
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
    table = trials.by_parameter(results, ["x"], "sharpe", seed=1).set_index("strategy")
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
    assert metrics.bankrupt(net).sum() == 1


def test_neighbors_differ_in_one_parameter_by_one_step():
    rng, points = np.random.default_rng(1), [(x, name) for x in (1, 3, 10) for name in ("p", "q")]
    results = pd.DataFrame([(f"{x}{name}", x, name, "lstm+mvf") for x, name in points], columns=["point", "x", "kind", "strategy"])
    net = pd.DataFrame({f"{x}{name}/lstm+mvf": rng.normal(size=50) for x, name in points})
    net = net.assign(**{f"{x}{name}/equal_weight": 0.0 for x, name in points})
    found = trials.neighbors(results, net, ["x", "kind"], "lstm+mvf")
    assert found["n_near"] == 3 + 4 and found["n_far"] == 15 - 7  # three pairs of kinds, two steps of x for each kind
    alone = trials.neighbors(results[:1], net, ["x", "kind"], "lstm+mvf")
    assert alone["n_near"] == 0 and np.isnan(alone["near"])
    assert trials.neighbors(results.assign(strategy="mvf"), net, ["x", "kind"], "mvf").equals(found)
