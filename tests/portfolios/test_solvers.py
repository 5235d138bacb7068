"""The linear program that keeps its solver: by hand, against scipy, and where there is no optimum."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import linprog

from forefolio.portfolios.problems import OptimizationError
from forefolio.portfolios.solvers import LinearProgram


def program_of(costs, *, limits=()):
    """Least upper bound of costs'w over long-only weights, both of them variables of cvxpy."""
    w, worst = cp.Variable(len(costs)), cp.Variable()
    constraints = [cp.sum(w) == 1, w >= 0, worst >= np.array(costs) @ w, *(limit(w) for limit in limits)]
    return LinearProgram(cp.Problem(cp.Minimize(worst), constraints), w)


def test_a_row_that_is_added_moves_the_optimum_and_has_the_price():
    """max(w_A, 3 w_B) is smallest, 3/4, at a quarter of B."""
    program = program_of([1, 0])
    value, weights = program.minimize()
    assert value == pytest.approx(0) and weights.tolist() == [0, 1]
    program.bound(np.array([[0.0, 3.0]]), np.array([0.0]))
    value, weights = program.minimize()
    assert value == pytest.approx(0.75)
    np.testing.assert_allclose(weights, [0.75, 0.25])
    assert program.fixed([np.array([[1.0, -1.0]])])[-1].tolist() == [1, -1]
    program.bound(np.array([[0.0, 0.0]]), np.array([0.1]))  # far below, without a price
    program.minimize()
    assert len(program.fixed([np.ones((1, 2)), np.ones((9, 2))])) == len(program.fixed()) + 1


def test_rows_that_are_added_at_once_agree_with_scipy():
    rng = np.random.default_rng(2)
    slopes, offsets = rng.normal(size=(30, 6)), rng.normal(size=30)
    program = program_of(np.zeros(6))
    for rows in (slice(0, 10), slice(10, 30)):
        program.bound(slopes[rows], offsets[rows])
        value, weights = program.minimize()
    theirs = linprog([0] * 6 + [1], A_ub=np.vstack([np.hstack([slopes, -np.ones((30, 1))]), [0] * 6 + [-1]]),
                     b_ub=np.append(-offsets, 0), A_eq=[[1] * 6 + [0]], b_eq=[1], bounds=[(0, None)] * 6 + [(None, None)])
    assert value == pytest.approx(theirs.fun) and value == pytest.approx((offsets + slopes @ weights).max())


@pytest.mark.parametrize("costs, rank", [([1, 2, 3], 3), ([1, 1, 3], 2), ([1, 1, 1], 1)])
def test_the_fixed_rows_leave_the_directions_between_optima(costs, rank):
    program = program_of(costs)
    value, _ = program.minimize()
    assert value == pytest.approx(1) and np.linalg.matrix_rank(program.fixed(), tol=1e-9) == rank
    between = np.array([1, -1, 0]) if rank < 3 else np.zeros(3)
    np.testing.assert_allclose(program.fixed() @ between, 0, atol=1e-12)


def test_a_program_without_an_optimum_is_one_sentence():
    with pytest.raises(OptimizationError, match="HIGHS did not reach the optimum .status Infeasible"):
        program_of([1, 2], limits=[lambda w: w <= 0.4]).minimize()
