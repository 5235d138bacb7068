"""Long-only weights with the smallest drawdown on a path of returns, where the order of the days matters.

A portfolio has three drawdowns, one for each way in which its wealth may grow, and a program minimizes each. `below` is
how far wealth is below its running peak, which starts at the initial wealth: below[t] >= below[t-1] - growth[t], below
>= 0, below[0] = 0. Programs use the best single asset's drawdown as unit. With `at_most`, in these units, each program
finds the weights nearest equal weight whose drawdown is no larger.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.portfolios.holdings import effective_holdings
from forefolio.portfolios.problems import NONE, Limits, OptimizationError, Solution, aligned, complete, joined
from forefolio.portfolios.solvers import LinearProgram, kept, solve, within, without_dust

PATHS = ("constant_weights", "uncompounded", "buy_and_hold")
PRECISION = 1e-6  # tolerance of a drawdown, in units of that of the best single asset
CLOSER = 1e-8  # tangents are added down to here: near a flat optimum, weights settle later than the drawdown
ROUNDS = 500  # most programs to solve; usually two to eight are enough, with constant weights ten to fifty


def minimum_drawdown(scenarios: pd.DataFrame, *, path: str = "constant_weights", alpha: float = 1.0,
                     limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the smallest maximum drawdown (Nguyen 2025, MDP).

    Parameters
    ----------
    scenarios : DataFrame (n_days, n_assets)
        In order of time; above -1 if they are compounded.
    path : {"constant_weights", "uncompounded", "buy_and_hold"}
        How wealth grows: weights are restored every day and returns compounded, as in the paper; the same returns are
        summed, as in other libraries; or weights are left to drift.
    alpha : float
        1: the maximum drawdown. Below 1 (uncompounded path only): the mean of the worst 1 - alpha share of daily
        drawdowns (CDaR); 0 gives the average drawdown.

    Returns
    -------
    Solution
        If several portfolios have the smallest drawdown, the one nearest equal weight; the note says so.

    Notes
    -----
    The initial wealth counts as a peak. Linear programs certify every optimum to a millionth of the best single asset's
    drawdown, also the one nearest equal weight. There is no CDaR of compounded drawdowns here, because it would not be
    convex.

    Constant weights: with y_t the log of wealth over its running peak, max m subject to y_t <= y_{t-1} + log(1 +
    w'r_t), m <= y_t <= 0, y_0 = 0; the maximum drawdown is 1 - e^m. This program is convex (with logarithms, an
    exponential-cone program), but Clarabel 0.11 did not reach the optimum on one in nine of the real windows that we
    tried. So we solve linear programs in w and m with cutting planes (Kelley 1960). Each has only the constraints
    log(V_t / V_s) >= m of the deepest day after each peak, and replaces each logarithm by its tangent at the last
    solution, so its m bounds the true one from above. Tangents are added at each new solution until its drawdown meets
    the bound, usually after ten to fifty rounds.

    Uncompounded: with c_t = sum_{s<=t} w'r_s and its running maximum u_t, u_0 = 0, min max_t (u_t - c_t), or
    min q + sum_t (u_t - c_t - q)_+ / ((1 - alpha) T); they agree for alpha >= 1 - 1/T (Chekhlov, Uryasev & Zabarankin
    2005). The first is solved like constant weights, with sums in place of logarithms. A sum is its own tangent, so
    about seven rounds are enough, each far smaller than the program with a row for every day.

    Buy and hold: wealth V_t = sum_i w_i G_{i,t} is linear in w, with G the growth of one, and its maximum drawdown
    max_t (u_t - V_t) / u_t is quasi-convex. Given a drawdown d, we minimize the largest u_t - V_t - d u_t. The drawdown
    of the solution is the next d, until no weights bring that value below zero (Dinkelbach 1967).

    All optima meet every constraint with a positive multiplier with equality. With constant weights they also earn the
    same on each day of a spell whose tangent has one, because logarithms are strictly concave. If this leaves the
    weights no direction to move in, the optimum is unique. Otherwise we minimize the distance to equal weight at the
    same drawdown.

    Examples
    --------
    >>> scenarios = pd.DataFrame({"A": [-0.10, 0.10], "B": [0.10, -0.10]})
    >>> minimum_drawdown(scenarios).weights.round(4).tolist()
    [0.5, 0.5]
    """
    R = complete(scenarios)
    if path != "uncompounded" and R.min() <= -1:
        raise OptimizationError("Scenarios hold a return of -100 % or less, which no compounded wealth survives")
    limits, note = limits.attainable(scenarios.columns)
    programs = {"constant_weights": constant_weights, "uncompounded": partial(uncompounded, alpha=alpha),
                "buy_and_hold": buy_and_hold}
    smallest = partial(programs[path], R, _allowed(limits, scenarios.columns))
    best = smallest()
    weights, solver = best.weights, cp.HIGHS
    if np.linalg.matrix_rank(best.fixed(), tol=PRECISION) < len(weights):  # other optima may have other weights
        try:
            nearest = smallest(at_most=best.drawdown + PRECISION / 2)
            if nearest.drawdown > best.drawdown + 3 / 4 * PRECISION:
                raise OptimizationError("the solver exceeded the smallest drawdown")
            if abs(nearest.weights - weights).max() > 1e-4:  # to the precision with which weights are printed
                weights, solver = nearest.weights, cp.CLARABEL
                note = joined("several portfolios have the smallest drawdown; the one nearest equal weight was taken",
                              note)
        except OptimizationError as error:
            note = joined(f"several portfolios may have the smallest drawdown, and this is one of them: {error}", note)
    return Solution(without_dust(weights, scenarios.columns), solver, cp.OPTIMAL, note)


def drawdown_measures(weights: pd.Series, scenarios: pd.DataFrame) -> pd.Series:
    """Maximum drawdown of one portfolio on each path, as a fraction of the peak (uncompounded: of initial wealth).

    >>> fall = pd.DataFrame({"A": [-0.10, -0.10], "B": [0.0, 0.0]})
    >>> drawdown_measures(pd.Series({"A": 0.5, "B": 0.5}), fall).round(4).tolist()
    [0.0975, 0.1, 0.095]
    """
    R, w = complete(scenarios), aligned(weights, scenarios.columns, name="weights")
    return pd.Series({
        "constant_weights": relative_to_peak(np.cumprod(1 + R @ w)).max(),
        "uncompounded": below_peak(np.cumsum(R @ w), start=0.0).max(),
        "buy_and_hold": relative_to_peak(np.cumprod(1 + R, axis=0) @ w).max(),
    }, name="maximum_drawdown")


def drawdown_table(scenarios: pd.DataFrame) -> pd.DataFrame:
    """The portfolio with the smallest drawdown on each path (index), measured on each path (columns).

    If a path's program has no solution, its row is missing values.
    """
    table = pd.DataFrame(np.nan, index=pd.Index(PATHS, name="optimum"), columns=pd.Index(PATHS, name="measure"))
    for path in PATHS:
        with suppress(OptimizationError):
            table.loc[path] = drawdown_measures(minimum_drawdown(scenarios, path=path).weights, scenarios)
    return table


def cdar_family(scenarios: pd.DataFrame, *, alphas: Sequence[float] = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)) -> pd.DataFrame:
    """The portfolio with the smallest CDaR at each alpha, from 0 (average drawdown) to 1 (maximum drawdown).

    Returns
    -------
    DataFrame
        One row per alpha. Columns alpha, cdar (the smallest at this alpha), maximum_drawdown and mean_drawdown
        (positive fractions of initial wealth, on uncompounded paths), effective_holdings.

    Notes
    -----
    With a larger alpha, fewer days count and CDaR is larger. From alpha = 1 - 1/T on only the worst day counts, so cdar
    equals maximum_drawdown, which is then the smallest possible. Along the family maximum_drawdown mostly falls, but
    not necessarily at every step.

    Examples
    --------
    >>> fall = pd.DataFrame({"A": [-0.1, 0.0], "B": [0.0, -0.1]})
    >>> cdar_family(fall, alphas=(0, 1)).drop(columns="effective_holdings").round(4).to_numpy().tolist()
    [[0.0, 0.05, 0.1, 0.05], [1.0, 0.1, 0.1, 0.075]]
    """
    rows = []
    for alpha in alphas:
        weights = minimum_drawdown(scenarios, path="uncompounded", alpha=alpha).weights
        below = below_peak(np.cumsum(complete(scenarios) @ weights.to_numpy()), start=0.0)
        rows.append((alpha, worst_mean(below, alpha), below.max(), below.mean(), effective_holdings(weights)))
    return pd.DataFrame(rows, columns=["alpha", "cdar", "maximum_drawdown", "mean_drawdown", "effective_holdings"])


class Optimum(NamedTuple):
    """Weights, their drawdown in units, and what is needed to tell whether they are unique."""

    weights: np.ndarray
    drawdown: float
    fixed: Callable[[], np.ndarray] | None = None  # rows whose products with the weights are the same at all optima


class Growth(NamedTuple):
    """What a day's return adds to the wealth of a path, its slope, and whether it is strictly concave."""

    added: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    strictly_concave: bool


LOGARITHMS = Growth(np.log1p, lambda earned: 1 / (1 + earned), strictly_concave=True)
SUMS = Growth(np.copy, np.ones_like, strictly_concave=False)


class Allowed(NamedTuple):
    """Weights `w`, their constraints, and the program min m with m >= 0, to which tangents are added."""

    w: cp.Variable
    constraints: list[cp.Constraint]
    bounded: cp.Problem


@kept
def _allowed(limits: Limits, assets: pd.Index) -> Allowed:
    """Weights within the limits, and the least m before any day counts."""
    w, m = cp.Variable(len(assets)), cp.Variable()
    constraints = [cp.sum(w) == 1, *within(limits, w, assets)]
    return Allowed(w, constraints, cp.Problem(cp.Minimize(m), [*constraints, m >= 0]))


def constant_weights(R: np.ndarray, allowed: Allowed, *, at_most: float | None = None) -> Optimum:
    """Weights that are restored every day: the drawdown of the logarithm of wealth."""
    return _by_tangents(R, allowed, LOGARITHMS, at_most=at_most)


def _by_tangents(R: np.ndarray, allowed: Allowed, growth: Growth, *, at_most: float | None = None) -> Optimum:
    """Programs with few tangents, to which violated ones are added."""
    unit = _unit(below_peak(growth.added(R).cumsum(axis=0), start=0.0))
    w, program = allowed.w, LinearProgram(allowed.bounded, allowed.w)
    weights, bound, tangents = np.full(w.size, 1 / w.size), -1.0, []
    for _ in range(ROUNDS):
        violated = _tangents(R, weights, growth, unit, deeper_than=bound)
        tangents += violated
        if at_most is None:
            if violated:
                _, slopes, offsets = zip(*violated)
                program.bound(np.array(slopes), np.array(offsets))
            bound, weights = program.minimize()
        else:
            depths = [offset + slope @ w <= at_most for _, slope, offset in tangents]
            bound, weights = at_most, _nearest_equal(w, [*allowed.constraints, *depths])
        drawdown = below_peak(growth.added(R @ weights).cumsum(), start=0.0).max() / unit
        if drawdown - bound < CLOSER:
            break
    if drawdown - bound > PRECISION / 4:
        raise OptimizationError(f"The tangents did not reach the smallest drawdown in {ROUNDS} rounds")
    return Optimum(weights, drawdown, partial(program.fixed, [fixed for fixed, _, _ in tangents]))


def uncompounded(R: np.ndarray, allowed: Allowed, *, alpha: float, at_most: float | None = None) -> Optimum:
    """Summed returns: the mean of the worst 1 - alpha share of days, in one linear program."""
    n_tail = (1 - alpha) * len(R)
    worst_day_alone = n_tail < 1 + 1e-9
    if worst_day_alone and at_most is None:
        return _by_tangents(R, allowed, SUMS)
    unit = _unit(below_peak(R.cumsum(axis=0), start=0.0))
    w, below, worst = allowed.w, cp.Variable(len(R) + 1), cp.Variable()
    constraints = [*allowed.constraints, below[0] == 0, below >= 0, below[1:] >= below[:-1] - (R / unit) @ w]
    if worst_day_alone:
        objective, tail = worst, [below <= worst]
    else:
        beyond = cp.Variable(len(R))
        objective, tail = worst + cp.sum(beyond) / n_tail, [beyond >= 0, beyond >= below[1:] - worst]
    best = _smallest(objective, w, constraints + tail, at_most)
    return best._replace(drawdown=worst_mean(below_peak((R @ best.weights).cumsum(), start=0.0), alpha) / unit)


def buy_and_hold(R: np.ndarray, allowed: Allowed, *, at_most: float | None = None) -> Optimum:
    """Weights that are left to drift: linear programs at smaller and smaller drawdowns d, until none is lower."""
    G = np.cumprod(1 + R, axis=0)
    unit = _unit(relative_to_peak(G))
    w, below, excess = allowed.w, cp.Variable(len(R) + 1), cp.Variable()
    growth = np.diff(G, axis=0, prepend=1.0) / unit
    path = [*allowed.constraints, below[0] == 0, below >= 0, below[1:] >= below[:-1] - growth @ w]
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


def below_peak(wealth: np.ndarray, *, start: float) -> np.ndarray:
    """How far wealth is below its running peak (including initial wealth), for each day."""
    return np.maximum(np.maximum.accumulate(wealth), start) - wealth


def relative_to_peak(wealth: np.ndarray) -> np.ndarray:
    """The same as a fraction of the peak, for wealth that starts at one."""
    return 1 - wealth / np.maximum(np.maximum.accumulate(wealth), 1.0)


def worst_mean(below: np.ndarray, alpha: float) -> float:
    """Mean of the worst 1 - alpha share of days; the last day counts in part, and the worst day always counts."""
    n_tail = max((1 - alpha) * len(below), 1)
    share = np.clip(n_tail - np.arange(len(below)), 0, 1)
    return float(np.sort(below)[::-1] @ share / n_tail)


def _unit(below: np.ndarray) -> float:
    """Drawdown of the best single asset, with a lower bound, because a smaller unit would magnify rounding."""
    return max(below.max(axis=0).min(), 1e-4)


def _tangents(R: np.ndarray, weights: np.ndarray, growth: Growth, unit: float, *,
              deeper_than: float) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Of each deeper spell below a peak: the rows that it fixes, slope and offset; in units at least offset + slope'w."""
    earned = R @ weights
    slopes, wealth = growth.slope(earned), np.append(0, growth.added(earned).cumsum())
    below = below_peak(wealth, start=0.0)
    peaks = np.flatnonzero(below == 0)
    tangents = []
    for peak, following in zip(peaks, [*peaks[1:], len(below)]):
        trough = peak + below[peak:following].argmax()
        depth, days = below[trough] / unit, slice(peak, trough)  # the first return leads from the peak to the next day
        if trough > peak and depth > deeper_than:
            # -log(1 + w'r) >= -log(1 + g) - (w'r - g) / (1 + g), equal at w'r = g, summed over the spell
            # -log(1 + w'r) >= -log(1 + g) - (w'r - g) / (1 + g), equal at w'r = g, summed over the spell
            slope = -slopes[days] @ R[days] / unit
            fixed = R[days] if growth.strictly_concave else slope[None]
            tangents.append((fixed, slope, depth - slope @ weights))
    return tangents


def _smallest(objective: cp.Expression, w: cp.Variable, constraints: list[cp.Constraint],
              at_most: float | None) -> Optimum:
    """Smallest objective and its weights; with `at_most`, the weights nearest equal weight within that objective."""
    if at_most is not None:
        return Optimum(_nearest_equal(w, [*constraints, objective <= at_most]), at_most)
    program = LinearProgram(cp.Problem(cp.Minimize(objective), constraints), w)
    value, weights = program.minimize()
    return Optimum(weights, value, program.fixed)


def _nearest_equal(w: cp.Variable, constraints: list[cp.Constraint]) -> np.ndarray:
    """Weights nearest equal weight."""
    solve(cp.Problem(cp.Minimize(cp.sum_squares(w - 1 / w.size)), constraints), cp.CLARABEL, tol_feas=1e-9)
    return without_dust(w.value, pd.RangeIndex(w.size)).to_numpy()
