"""Three paths of one portfolio's wealth, and the programs that make the drawdown of each smallest.

A day's `below` is how far wealth is below its running peak, which starts at the initial wealth:
below[t] >= below[t-1] - growth[t], below >= 0, below[0] = 0. Programs are in units of the best single asset's drawdown.
With `at_most`, in these units, each looks for the weights nearest equal weight whose drawdown is no larger.
"""

from collections.abc import Callable
from typing import NamedTuple

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.solvers import PRICED, LinearProgram, OptimizationError, long_only, solve

PRECISION = 1e-6  # of a drawdown, in units of that of the best single asset
CLOSER = 1e-8  # where tangents go on to: near a flat optimum, weights follow its drawdown only from afar
ROUNDS = 500  # of programs; two to eight are enough as a rule, with constant weights ten to fifty


class Optimum(NamedTuple):
    """Weights, their drawdown in units, and what shows whether they are the only ones."""

    weights: np.ndarray
    drawdown: float
    fixed: Callable[[], np.ndarray] | None = None  # gives rows whose products with the weights all optima share


class Tangent(NamedTuple):
    """Depth of a spell below a peak, in units, which is at least offset + slope'w, and its days."""

    days: slice
    slope: np.ndarray
    offset: float


def constant_weights(R: np.ndarray, w: cp.Variable, allowed: list[cp.Constraint], *,
                     at_most: float | None = None) -> Optimum:
    """Weights that are restored every day: programs on few tangents, with those added that the solution violates."""
    unit = _unit(below_peak(np.log1p(R).cumsum(axis=0), start=0.0))
    worst = cp.Variable()
    program = LinearProgram(worst, [*allowed, worst >= 0], w)
    weights, bound, tangents = np.full(w.size, 1 / w.size), -1.0, []
    for _ in range(ROUNDS):
        violated = _tangents(R, weights, unit, deeper_than=bound)
        tangents += violated
        if at_most is None:
            if violated:
                program.bound(np.array([tangent.slope for tangent in violated]),
                              np.array([tangent.offset for tangent in violated]))
            bound, weights = program.minimize()
        else:
            depths = [tangent.offset + tangent.slope @ w for tangent in tangents]
            bound, weights = at_most, _nearest_equal(w, [*allowed, *(depth <= at_most for depth in depths)])
        drawdown = below_peak(np.log1p(R @ weights).cumsum(), start=0.0).max() / unit
        if drawdown - bound < (CLOSER if at_most is None else PRECISION):
            break
    if drawdown - bound > PRECISION:
        raise OptimizationError(f"Tangents did not meet the smallest drawdown in {ROUNDS} rounds")
    if at_most is not None:
        return Optimum(weights, drawdown)
    priced = [R[tangent.days] for tangent, price in zip(tangents, program.prices_of_bounds()) if price > PRICED]
    return Optimum(weights, drawdown, lambda: np.vstack([program.fixed(), *priced]))


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
    return _smallest(objective, w, constraints + tail, at_most)


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
        best = _smallest(excess, w, constraints, None if at_most is None else 0.0)
        drawdown = relative_to_peak(G @ best.weights).max()
        settled = d < 1 and (best.drawdown > -PRECISION or d - drawdown < PRECISION * unit)  # the latter: huge wealth
        if at_most is not None or settled:
            return best._replace(drawdown=drawdown / unit)
        d = drawdown
    raise OptimizationError(f"The drawdown was not the smallest after {ROUNDS} rounds")


def unique(optimum: Optimum) -> bool:
    """Whether no other weights have the same products with the fixed rows, as all optima do."""
    return np.linalg.matrix_rank(optimum.fixed(), tol=PRECISION) == len(optimum.weights)


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


def _tangents(R: np.ndarray, weights: np.ndarray, unit: float, *, deeper_than: float) -> list[Tangent]:
    """Where the log of wealth lies below a peak and `deeper_than` is exceeded: each spell's tangent in the weights."""
    g = R @ weights
    log_wealth = np.append(0, np.log1p(g).cumsum())
    below = below_peak(log_wealth, start=0.0)
    peaks = np.flatnonzero(below == 0)
    tangents = []
    for peak, following in zip(peaks, [*peaks[1:], len(below)]):
        trough = peak + below[peak:following].argmax()
        depth, days = below[trough] / unit, slice(peak, trough)  # the first return leads from the peak to the next day
        if trough > peak and depth > deeper_than:
            # -log(1 + w'r) >= -log(1 + g) - (w'r - g) / (1 + g), equal at w'r = g, summed over the spell
            slope = -(1 / (1 + g[days])) @ R[days] / unit
            tangents.append(Tangent(days, slope, depth - slope @ weights))
    return tangents


def _smallest(objective: cp.Expression, w: cp.Variable, constraints: list[cp.Constraint],
              at_most: float | None) -> Optimum:
    """Smallest objective and its weights; with `at_most` that, and the weights nearest equal weight that keep to it."""
    if at_most is not None:
        return Optimum(_nearest_equal(w, [*constraints, objective <= at_most]), at_most)
    program = LinearProgram(objective, constraints, w)
    value, weights = program.minimize()
    return Optimum(weights, value, program.fixed)


def _nearest_equal(w: cp.Variable, constraints: list[cp.Constraint]) -> np.ndarray:
    """Weights nearest equal weight."""
    solve(cp.Problem(cp.Minimize(cp.sum_squares(w - 1 / w.size)), constraints), cp.CLARABEL)
    return long_only(w.value, pd.RangeIndex(w.size)).to_numpy()
