"""Bounds and turnover: what they allow, and what is done where they allow nothing."""

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

from forefolio.portfolios.problems import NONE, Limits, joined
from forefolio.portfolios.solvers import within

ASSETS = pd.Index(["A", "B", "C"])


def least_by_program(limits, assets):
    """Least turnover within the bounds, by a linear program of its own."""
    w = cp.Variable(len(assets), nonneg=True)
    names = assets.union(limits.held.index)
    position = {name: w[assets.get_loc(name)] if name in assets else 0 for name in names}
    turnover = sum(cp.abs(position[name] - limits.held.get(name, 0)) for name in names) / 2
    problem = cp.Problem(cp.Minimize(turnover), [cp.sum(w) == 1, w >= limits.min_weight, w <= limits.max_weight])
    return problem.solve(solver=cp.HIGHS)


def solved(objective, limits, assets=ASSETS):
    """Weights of a linear objective within limits."""
    w = cp.Variable(len(assets))
    cp.Problem(cp.Maximize(np.asarray(objective) @ w), [cp.sum(w) == 1, *within(limits, w, assets)]).solve(solver=cp.HIGHS)
    return w.value


def test_without_limits_only_short_sales_are_forbidden():
    assert len(within(NONE, cp.Variable(3), ASSETS)) == 1
    np.testing.assert_allclose(solved([3, 2, 1], NONE), [1, 0, 0], atol=1e-9)
    assert NONE.attainable(ASSETS) == (NONE, "")


def test_bounds_by_hand():
    np.testing.assert_allclose(solved([3, 2, 1], Limits(min_weight=0.1, max_weight=0.6)), [0.6, 0.3, 0.1], atol=1e-9)


def test_turnover_by_hand_is_one_way_and_joined_by_name():
    """A tenth may go from the worst to the best."""
    limits = Limits(max_turnover=0.1, held=pd.Series({"C": 0.5, "B": 0.3, "A": 0.2}))
    np.testing.assert_allclose(solved([3, 2, 1], limits), [0.3, 0.3, 0.4], atol=1e-9)


def test_what_must_be_sold_counts():
    """The tenth in D uses up a tenth of two: one more may go from C to A."""
    limits = Limits(max_turnover=0.2, held=pd.Series({"D": 0.1, "C": 0.9}))
    np.testing.assert_allclose(solved([3, 2, 1], limits), [0.2, 0, 0.8], atol=1e-9)


def test_constraints_are_homogeneous():
    """Twice the amounts of a total of two."""
    limits = Limits(max_weight=0.7, max_turnover=0.3, held=pd.Series({"D": 0.1, "C": 0.9}))
    w, total = cp.Variable(3), cp.Variable()
    cp.Problem(cp.Maximize(np.array([3, 2, 1]) @ w),
               [cp.sum(w) == total, total == 2, *within(limits, w, ASSETS, total=total)]).solve(solver=cp.HIGHS)
    np.testing.assert_allclose(w.value, [0.6, 0, 1.4], atol=1e-9)


def test_the_first_purchase_has_no_turnover():
    limits = Limits(max_turnover=0.1)
    assert limits.attainable(ASSETS) == (limits, "") and limits.met_by(pd.Series(1 / 3, index=ASSETS))
    np.testing.assert_allclose(solved([3, 2, 1], limits), [1, 0, 0], atol=1e-9)


@pytest.mark.parametrize("bounds", [(0, 1), (0.05, 0.3), (0.1, 0.25), (0, 0.2)])
def test_the_least_turnover_agrees_with_a_linear_program(bounds):
    rng = np.random.default_rng(5)
    assets = pd.Index(list("ABCDEF"))
    for gone in (["Y", "Z"], []):
        names = [*"FEDCBA", *gone]
        held = pd.Series(rng.dirichlet(np.full(len(names), 0.3)), index=names)
        limits = Limits(*bounds, max_turnover=0.0, held=held)
        least = least_by_program(limits, assets)
        widened, note = limits.attainable(assets)
        assert widened.max_turnover == pytest.approx(least, abs=2e-6)
        assert (note != "") == (least > 1e-9)


def test_a_turnover_that_can_be_kept_is_left_alone():
    limits = Limits(max_turnover=0.3, held=pd.Series({"A": 0.8, "D": 0.2}))
    assert limits.attainable(ASSETS)[0].max_turnover == 0.3 and limits.attainable(ASSETS)[1] == ""
    widened, note = Limits(max_turnover=0.1, held=limits.held).attainable(ASSETS)
    assert widened.max_turnover == pytest.approx(0.2, abs=2e-6) and note == "turnover 20 %, the smallest possible"


def test_limits_are_met_or_missed():
    limits = Limits(min_weight=0.1, max_weight=0.6, max_turnover=0.2, held=pd.Series({"A": 0.5, "B": 0.4, "D": 0.1}))
    for weights, met in [([0.5, 0.4, 0.1], True), ([0.6, 0.3, 0.1], True), ([0.5, 0.2, 0.3], False),
                         ([0.5, 0.5, 0.0], False), ([0.61, 0.29, 0.1], False)]:
        assert limits.met_by(pd.Series(weights, index=ASSETS)) is met, weights


def test_impossible_bounds_are_one_sentence():
    for limits in (Limits(max_weight=0.3), Limits(min_weight=0.4)):
        with pytest.raises(ValueError, match="makes it impossible for the weights of 3 assets to sum to one"):
            limits.attainable(ASSETS)
    assert Limits(min_weight=1 / 3, max_weight=1 / 3).attainable(ASSETS)[1] == ""  # equal weight is possible


def test_notes_are_joined_where_there_are_any():
    assert joined("", "") == "" and joined("a", "") == "a" and joined("a", "b") == "a; b"


def test_bounds_are_widened_to_equal_weight_only_where_so_few_assets_need_it():
    box = Limits(min_weight=0.1, max_weight=0.3)
    assert box.fitting(5) == (box, "") and box.fitting(10) == (box, "")
    wide, note = box.fitting(2)
    assert (wide.min_weight, wide.max_weight, note) == (0.1, 0.5, "max_weight 50 %, because there are 2 assets")
    low, note = box.fitting(20)
    assert (low.min_weight, low.max_weight, note) == (0.05, 0.3, "min_weight 5 %, because there are 20 assets")
