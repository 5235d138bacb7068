"""Three paths of one portfolio's wealth, and the programs that make the drawdown of each smallest.

A day's `below` is how far wealth is below its running peak, which starts at the initial wealth:
below[t] >= below[t-1] - growth[t], below >= 0, below[0] = 0. Programs are in units of the best single asset's drawdown.
With `at_most`, in these units, each looks for the weights nearest equal weight whose drawdown is no larger.
"""

from typing import NamedTuple

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.solvers import OptimizationError, long_only, solve

PRECISION = 1e-6  # of a drawdown, in units of that of the best single asset
ROUNDS = 50  # of linear programs; two to eight are enough as a rule


class Optimum(NamedTuple):
    """Weights, their drawdown in units, and what shows whether they are the only ones."""

    weights: np.ndarray
    drawdown: float
    constraints: list[cp.Constraint]
    fixed: np.ndarray  # returns of assets, shape (n_days, n_assets), on days when all optima earn the same


def constant_weights(R: np.ndarray, w: cp.Variable, allowed: list[cp.Constraint], *,
                     at_most: float | None = None) -> Optimum:
    """Weights that are restored every day: linear programs, with tangents added until these meet the logarithms."""
    unit = _unit(below_peak(np.log1p(R).cumsum(axis=0), start=0.0))
    below, worst = cp.Variable(len(R) + 1), cp.Variable()
    constraints = [*allowed, below[0] == 0, below >= 0, below <= worst]
    weights, tangents = np.full(w.size, 1 / w.size), []
    for _ in range(ROUNDS):
        g = R @ weights
        # log(1 + w'r) <= log(1 + g) + (w'r - g) / (1 + g), equal at w'r = g
        growth = np.log1p(g) - g / (1 + g) + (R / (1 + g)[:, None]) @ w
        tangents.append(below[1:] >= below[:-1] - growth / unit)
        bound, weights = _smallest(worst, w, constraints + tangents, at_most)
        drawdown = below_peak(np.log1p(R @ weights).cumsum(), start=0.0).max() / unit
        if drawdown - bound < PRECISION:
            priced = sum(tangent.dual_value for tangent in tangents) > PRECISION
            return Optimum(weights, drawdown, constraints + tangents, R[priced])
    raise OptimizationError(f"Tangents did not meet the smallest drawdown in {ROUNDS} rounds")


def uncompounded(R: np.ndarray, w: cp.Variable, allowed: list[cp.Constraint], *, alpha: float,
                 at_most: float | None = None) -> Optimum:
    """Returns that are summed, and the mean of the worst 1 - alpha share of days: one linear program."""
    unit = _unit(below_peak(R.cumsum(axis=0), start=0.0))
    below, worst = cp.Variable(len(R) + 1), cp.Variable()
    constraints = [*allowed, below[0] == 0, below >= 0, below[1:] >= below[:-1] - (R / unit) @ w]
    n_tail = (1 - alpha) * len(R)
    if n_tail < 1 + 1e-9:  # the worst day alone
        objective, tail = worst, [below <= worst]
    else:
        beyond = cp.Variable(len(R))
        objective, tail = worst + cp.sum(beyond) / n_tail, [beyond >= 0, beyond >= below[1:] - worst]
    bound, weights = _smallest(objective, w, constraints + tail, at_most)
    return Optimum(weights, bound, constraints + tail, R[:0])


def buy_and_hold(R: np.ndarray, w: cp.Variable, allowed: list[cp.Constraint], *,
                 at_most: float | None = None) -> Optimum:
    """Weights that are left to drift: linear programs at ever smaller drawdowns d, until none is lower."""
    G = np.cumprod(1 + R, axis=0)
    unit = _unit(relative_to_peak(G))
    below, excess = cp.Variable(len(R) + 1), cp.Variable()
    path = [*allowed, below[0] == 0, below >= 0, below[1:] >= below[:-1] - np.diff(G, axis=0, prepend=1.0) / unit @ w]
    d = 1.0 if at_most is None else at_most * unit
    for _ in range(ROUNDS):
        # u - V - d u <= excess with the peak u = V + below: wealth V = G w is linear
        constraints = [*path, (1 - d) * below[1:] - d / unit * (G @ w) <= excess]
        bound, weights = _smallest(excess, w, constraints, None if at_most is None else 0.0)
        drawdown = relative_to_peak(G @ weights).max()
        settled = d < 1 and (bound > -PRECISION or d - drawdown < PRECISION * unit)  # the latter where wealth is huge
        if at_most is not None or settled:
            return Optimum(weights, drawdown / unit, constraints, R[:0])
        d = drawdown
    raise OptimizationError(f"The drawdown was not the smallest after {ROUNDS} rounds")


def unique(optimum: Optimum, w: cp.Variable) -> bool:
    """Whether no other weights meet with equality every constraint that has a price, as all optima do."""
    variables = {variable.id: variable for constraint in optimum.constraints for variable in constraint.variables()}
    others = [variable for variable in variables.values() if variable is not w]
    on_w, on_others = [], []
    for constraint in optimum.constraints:
        gradient = constraint.expr.grad  # by variable; of linear expressions, so their coefficients
        priced = np.ravel(constraint.dual_value) > PRECISION
        met = priced | isinstance(constraint, cp.constraints.Equality)
        on_w.append(_coefficients(gradient, w, constraint)[met])
        on_others.append(np.hstack([_coefficients(gradient, variable, constraint)[met] for variable in others]))
    A, B = np.vstack(on_w), np.vstack(on_others)
    free_of_others = A - B @ np.linalg.lstsq(B, A)[0]
    return np.linalg.matrix_rank(np.vstack([free_of_others, optimum.fixed]), tol=PRECISION) == w.size


def below_peak(wealth: np.ndarray, *, start: float) -> np.ndarray:
    """How far wealth is below its running peak, the initial wealth included, day by day."""
    return np.maximum(np.maximum.accumulate(wealth), start) - wealth


def relative_to_peak(wealth: np.ndarray) -> np.ndarray:
    """The same as a fraction of the peak, for wealth that starts at one."""
    return 1 - wealth / np.maximum(np.maximum.accumulate(wealth), 1.0)


def worst_mean(below: np.ndarray, alpha: float) -> float:
    """Mean of the worst 1 - alpha share of days, the last of them in part; of the worst day alone where it is less."""
    n_tail = max((1 - alpha) * len(below), 1)
    share = np.clip(n_tail - np.arange(len(below)), 0, 1)
    return float(np.sort(below)[::-1] @ share / n_tail)


def _unit(below: np.ndarray) -> float:
    """Drawdown of the best single asset; a finer unit would only magnify rounding."""
    return max(below.max(axis=0).min(), 1e-4)


def _smallest(objective: cp.Expression, w: cp.Variable, constraints: list[cp.Constraint],
              at_most: float | None) -> tuple[float, np.ndarray]:
    """Smallest objective and its weights; with `at_most` that, and the weights nearest equal weight that keep to it."""
    if at_most is None:
        solve(cp.Problem(cp.Minimize(objective), constraints), cp.HIGHS)
    else:
        distance = cp.sum_squares(w - 1 / w.size)
        solve(cp.Problem(cp.Minimize(distance), [*constraints, objective <= at_most]), cp.CLARABEL)
    return objective.value if at_most is None else at_most, long_only(w.value, pd.RangeIndex(w.size)).to_numpy()


def _coefficients(gradient: dict, variable: cp.Variable, constraint: cp.Constraint) -> np.ndarray:
    """A row for each scalar constraint, zero where the variable does not occur."""
    given = gradient.get(variable, 0.0)
    dense = given.toarray() if hasattr(given, "toarray") else given
    return np.broadcast_to(dense, (variable.size, constraint.size)).T
