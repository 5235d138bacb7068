"""The sentences of a sweep say what the numbers say."""

import numpy as np
import pandas as pd
import pytest
from small_sweep import made_results, made_returns

from forefolio.performance import trials
from forefolio.report import sentences


def made_sweep(**changed) -> trials.Sweep:
    told = dict(name="small", base="params/default.yml", metric="sharpe", parameters=["x"], base_point="c", paper="none",
                points=pd.DataFrame(), results=made_results(), net_returns=made_returns())
    return trials.Sweep(**(told | changed))


def test_every_point_is_accounted_for_done_ones_first():
    points = pd.DataFrame({"point": ["a", "b", "c"], "state": ["failed", "done", "not run"],
                           "stage": ["05_portfolios", "", ""], "error": ["no\n  `mvf` *here* <A> $B$", "", ""]})
    text = sentences.accounting(points)
    assert text.splitlines() == ["**3 points: 1 done, 1 failed, 1 not run.**", "",
                                 "* `a` failed in 05_portfolios: no `` `mvf` `` `*here*` `<A>` `$B$`", "* `c` not run"]


def test_many_failures_are_counted_not_dropped():
    points = pd.DataFrame({"point": [f"p{i}" for i in range(20)], "state": "failed", "stage": "", "error": "x" * 400})
    lines = sentences.accounting(points).splitlines()
    assert lines[0] == "**20 points: 20 failed.**" and lines[-1] == "* and 8 more, in points.csv"
    assert max(map(len, lines)) < 330


def test_the_leader_stands_beside_equal_weight_of_its_own_point():
    assert sentences.leader(made_results(), "sharpe") == (
        "By `sharpe` (higher is better) point `b`, strategy `lstm+mvf`, is the best of 4: 0.9000. Equal weight has 0.7000 "
        "in the same point; 1 of the 4 is ahead of equal weight in the same point.")


def test_a_better_strategy_that_no_parameter_touches_is_named():
    results = made_results()
    results.loc[results["strategy"] == "mean+rpp", "sharpe"] = 0.95
    assert "`mean+rpp`, which no parameter changes, is better with 0.9500." in sentences.leader(results, "sharpe")
    low = sentences.leader(made_results(), "turnover")  # lower is better
    assert "`mean+rpp`, which no parameter changes, is better with 0.1000." in low and "none of the 4 are ahead" in low


def test_a_tie_at_the_front_is_told():
    results = made_results()
    results.loc[results["strategy"] == "gru+mvf", "sharpe"] = 0.9
    assert "is the best of 4: 0.9000, with 1 level with it." in sentences.leader(results, "sharpe")


@pytest.mark.parametrize("changed, told", [
    ({}, "The base's own choice, point `c`, is **rank 2 of 3** by `sharpe`: 0.6000 with `lstm+mvf`; the best point has "
         "0.9000 with `lstm+mvf`."),
    ({"base_point": "b", "paper": "nguyen2025"},
     "The paper's configuration (`nguyen2025`), point `b`, is **rank 1 of 3** by `sharpe`: 0.9000 with `lstm+mvf`."),
    ({"base_point": ""}, "The base's own choice (`params/default.yml`) is none of the points of this sweep."),
    ({"base_point": "z"}, "The base's own choice, point `z`, has no result here, so it has no rank."),
])
def test_where_the_base_s_own_choice_stands(changed, told):
    assert sentences.standing(made_sweep(**changed), "sharpe") == told


def seeded(values) -> pd.DataFrame:
    rows = [(f"{x}{seed}", x, seed, "lstm+mvf", values[x][seed]) for x in (1, 2) for seed in (0, 1)]
    return pd.DataFrame(rows, columns=["point", "x", "seed", "strategy", "sharpe"])


@pytest.mark.parametrize("values, told", [
    ({1: [0.0, 0.2], 2: [0.1, 0.3]}, "no more than"), ({1: [0.0, 0.2], 2: [1.0, 1.2]}, "more than")])
def test_settings_are_compared_with_seeds(values, told):
    spread = trials.by_seed(seeded(values), ["x", "seed"], "sharpe")
    text = sentences.repetition(spread, ["x", "seed"], "sharpe")
    assert "of 1 of 1 strategies" in text and "deviation of 0.1414 (median over 2 settings, at most 0.1414)" in text
    assert f", {told} the 0.1000 that seeds alone give them" in text


def test_without_seeds_or_without_their_effect_the_sentence_says_so():
    spread = trials.by_seed(seeded({1: [0.1, 0.1], 2: [0.2, 0.2]}), ["x", "seed"], "sharpe")
    assert "`sharpe` of no strategy here" in sentences.repetition(spread, ["x", "seed"], "sharpe")
    assert "have the same seed" in sentences.repetition(spread.iloc[:0], ["x"], "sharpe")
    assert "of two seeds" in sentences.repetition(spread.assign(n_seeds=1), ["x", "seed"], "sharpe")


def test_trials_are_counted_without_the_benchmark():
    net = made_returns()
    net["c/lstm+mvf"] = np.nan
    compared = trials.comparable(net, "a/lstm+mvf")
    text = sentences.tried_sentence(trials.distinct_trials(compared), net, compared)
    assert text.startswith("**3 distinct trials** on 5 common days, 2021-01-05 to 2021-01-11, of 5 columns of returns; "
                           "1 repeats another one; 1 cannot be compared")


def test_a_sweep_names_what_lost_everything_or_took_no_risk_and_ranks_it_nowhere():
    results = made_results().assign(max_drawdown=-0.2, annual_volatility=0.1)
    best = (results["point"] == "b") & (results["strategy"] == "lstm+mvf")
    results.loc[best, "max_drawdown"] = -1.0
    results.loc[results["strategy"] == "mean+rpp", "annual_volatility"] = 0.0
    text = sentences.leader(results, "sharpe")
    assert "point `c`, strategy `lstm+mvf`, is the best of 3: 0.6000" in text
    assert "`lstm+mvf` lost all wealth in 1 point and has no rank there." in text
    assert "`mean+rpp` took hardly any risk in 3 points and has no rank there." in text and "no parameter touches" not in text
    alone = results[(results["point"] != "b") | best | (results["strategy"] == "benchmark")]
    assert sentences.standing(made_sweep(results=alone, base_point="b"), "sharpe") == (
        "The base's own choice, point `b`, has no strategy that can be ranked, so it has no rank.")


def test_trials_that_lost_everything_are_named_and_not_counted():
    net = made_returns()
    net["b/lstm+tangency"] = [np.nan, 0.9, -1.0, 0.0, 0.0, 0.0]
    compared = trials.comparable(net, "a/lstm+mvf")
    text = sentences.tried_sentence(trials.distinct_trials(compared), net, compared)
    assert "of 5 columns of returns; 1 repeats another one; `b/lstm+tangency` lost all wealth." in text


def test_shares_are_compared_with_what_noise_would_explain():
    rows = pd.DataFrame([("x", 0.77, 0.6), ("y", 0.23, 0.6), ("z", np.nan, np.nan)], columns=["parameter", "share", "chance"])
    text = sentences.sensitivity(rows, "sharpe")
    assert text == ("`x` explains 77 % of the variation of `sharpe`, more than the 60 % that a parameter without effect "
                    "exceeds once in twenty; `y` explains 23 % of the variation of `sharpe`, no more than the 60 % that a "
                    "parameter without effect exceeds once in twenty.")
    assert sentences.sensitivity(rows.iloc[2:], "sharpe") == "No parameter moves `sharpe` of this strategy."


def test_choices_beside_noise_are_told_with_their_ratio():
    moved = pd.DataFrame([("lstm+mvf", 12, 501, 0.001, 0.0006, 0.0004, 1.5), ("mean+mvf", 12, 501, 0.001, 0.0002, 0.0004, 0.5)],
                         columns=["strategy", "n_points", "n_days", "mean", "non_standard", "standard", "ratio"])
    text = sentences.choices(moved)
    assert "of `lstm+mvf` most. Its standard deviation over 12 points is 6.00 basis points a day." in text
    assert "from 501 days is 4.00 basis points, so the ratio is 1.50." in text
    assert text.endswith("Choices move the result more than noise does for 1 of 2 strategies.")
    assert sentences.choices(moved.iloc[1:]).endswith("Choices move the result of no strategy more than noise does.")
    assert "no choice moved a result" in sentences.choices(moved.iloc[:0])


def test_neighbors_are_compared_with_all_other_pairs():
    alike = pd.Series({"n_near": 11.0, "n_far": 55.0, "near": 0.97, "far": 0.38})
    assert sentences.neighbors(alike, "lstm+mvf") == (
        "The active returns of `lstm+mvf` in 11 pairs of neighboring points have a median correlation of 0.97, that of all other "
        "pairs 0.38.")
    assert "cannot be compared" in sentences.neighbors(alike * np.nan, "lstm+mvf")


def test_positive_means_are_counted_alone_and_over_each_rival():
    tried = pd.DataFrame({"a/mvf": [0.02, 0.01, 0.03], "b/mvf": [0.01, 0.02, 0.0], "c/mvf": [-0.01, -0.02, 0.0]})
    rivals = {"equal_weight": pd.Series([0.015, 0.02, 0.01]), "benchmark": pd.Series([0.0, 0.0, 0.001])}
    assert sentences.above_zero(tried, rivals) == (
        "2 of 3 trials have a positive mean return; 1 lead `equal_weight` and 2 lead `benchmark`.")
