"""Paths of returns to long-only weights of smallest drawdown: the order of the days matters.

A portfolio has three drawdowns, as its wealth is thought to grow. Their programs are in `drawdown_paths`.
"""

from collections.abc import Sequence
from functools import partial

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.drawdown_paths import (PRECISION, below_peak, buy_and_hold, constant_weights, relative_to_peak,
                                      uncompounded, unique, worst_mean)
from forefolio.limits import NONE, Limits, joined
from forefolio.portfolios import effective_holdings
from forefolio.solvers import OptimizationError, Solution, aligned, complete, long_only

PATHS = ("constant_weights", "uncompounded", "buy_and_hold")


def minimum_drawdown(scenarios: pd.DataFrame, *, path: str = "constant_weights", alpha: float = 1.0,
                     limits: Limits = NONE) -> Solution:
    """Long-only portfolio of smallest maximum drawdown (Nguyen 2025, MDP).

    Parameters
    ----------
    scenarios : DataFrame, shape (n_days, n_assets)
        Path of simple returns in the order of time, fraction a day; above -1 where they are compounded.
    path : {"constant_weights", "uncompounded", "buy_and_hold"}
        How wealth grows: weights restored every day and returns compounded, as the paper writes it; the same returns
        summed, as libraries have it; or weights left to drift.
    alpha : float
        1: the maximum. Below 1, with the uncompounded path only: the mean of the worst 1 - alpha share of the days'
        drawdowns (CDaR); 0 is the average drawdown.
    limits : Limits
        Bounds on weights and turnover. The paper has none.

    Returns
    -------
    Solution
        Where several portfolios have the smallest drawdown: the one nearest equal weight, and the note says so, as it
        does where the turnover cannot stay within its limit and is the least possible.

    Raises
    ------
    ValueError
        If `path` or `alpha` is unknown or they do not go together, or the assets are too few or many for the limits.
    OptimizationError
        If a return is missing, or at most -1 and compounded, or a solver does not reach the optimum.

    Notes
    -----
    The initial wealth is a peak in every path, and every optimum is certified to a millionth of the drawdown of the
    best single asset, by linear programs. Compounded drawdowns have no CDaR here, as it would not be convex.

    Constant weights: with y_t the log of wealth over its running peak, max m subject to
    y_t <= y_{t-1} + log(1 + w'r_t), m <= y_t <= 0, y_0 = 0; the maximum drawdown is 1 - e^m. An exponential-cone solver
    takes this convex program as it is, but Clarabel 0.11 stopped short of the optimum on one in nine of the real
    windows tried. Here linear programs in w and m alone have few of the constraints log(V_t / V_s) >= m, those of the
    deepest day after each peak of the last solution, in which each logarithm is its tangent there, so that their m
    bounds the true one from above. Such are added where the solution lies until its drawdown meets the bound, ten to
    fifty rounds as a rule (Kelley 1960).

    Uncompounded: with c_t = sum_{s<=t} w'r_s and its running maximum u_t, u_0 = 0, min max_t (u_t - c_t), or
    min q + sum_t (u_t - c_t - q)_+ / ((1 - alpha) T); they agree for alpha >= 1 - 1/T (Chekhlov, Uryasev & Zabarankin
    2005).

    Buy and hold: wealth V_t = sum_i w_i G_{i,t} is linear in w, with G the growth of one, and its maximum drawdown
    max_t (u_t - V_t) / u_t is quasi-convex. At a drawdown d the largest u_t - V_t - d u_t is minimized; the drawdown of
    these weights is the next d, until no weights bring it below zero (Dinkelbach 1967).

    All optima meet every constraint that has a price (a positive multiplier) with equality and, as logarithms are
    strictly concave, earn the same with constant weights on each day of a spell whose tangent has one. Where this leaves the
    weights no direction to move in, the optimum is unique. Otherwise the distance to equal weight is minimized at the
    same drawdown.

    Examples
    --------
    >>> scenarios = pd.DataFrame({"A": [-0.10, 0.10], "B": [0.10, -0.10]})
    >>> minimum_drawdown(scenarios).weights.round(4).tolist()
    [0.5, 0.5]
    """
    if path not in PATHS:
        raise ValueError(f"There is no drawdown path {path!r}: choose among {', '.join(PATHS)}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: give a fraction, 1 for the maximum drawdown")
    if alpha < 1 and path != "uncompounded":
        raise ValueError(f"alpha {alpha} goes with the uncompounded path only: set it to 1, or choose that path")
    R = complete(scenarios)
    if path != "uncompounded" and R.min() <= -1:
        raise OptimizationError("Scenarios hold a return of -100 % or less, which no compounded wealth survives")
    limits, note = limits.attainable(scenarios.columns)
    w = cp.Variable(R.shape[1])
    allowed = [cp.sum(w) == 1, *limits.constraints(w, scenarios.columns)]
    programs = {"constant_weights": constant_weights, "uncompounded": partial(uncompounded, alpha=alpha),
                "buy_and_hold": buy_and_hold}
    smallest = partial(programs[path], R, w, allowed)
    best = smallest()
    weights, solver = best.weights, cp.HIGHS
    if not unique(best):
        try:
            nearest = smallest(at_most=best.drawdown + 2 * PRECISION).weights
            if abs(nearest - weights).max() > 1e-4:  # as far as weights are printed
                weights, solver = nearest, cp.CLARABEL
                note = joined("several portfolios have the smallest drawdown: the one nearest equal weight was taken", note)
        except OptimizationError as error:
            note = joined(f"several portfolios may have the smallest drawdown, and of these any: {error}", note)
    return Solution(long_only(weights, scenarios.columns), solver, cp.OPTIMAL, note)


def drawdown_measures(weights: pd.Series, scenarios: pd.DataFrame) -> pd.Series:
    """Maximum drawdown of one portfolio on each of the three paths.

    Parameters
    ----------
    weights : Series, shape (n_assets,)
        Joined with `scenarios` by name.
    scenarios : DataFrame, shape (n_days, n_assets)
        Path of simple returns, fraction a day.

    Returns
    -------
    Series
        Index constant_weights, uncompounded, buy_and_hold; positive fractions, of the peak where returns are compounded
        and of the initial wealth where they are summed.

    Examples
    --------
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
    """Each path's portfolio of smallest drawdown under each path's measure: index optimum, columns measure.

    A path whose program has no solution has a row without numbers.
    """
    table = pd.DataFrame(np.nan, index=pd.Index(PATHS, name="optimum"), columns=pd.Index(PATHS, name="measure"))
    for path in PATHS:
        try:
            table.loc[path] = drawdown_measures(minimum_drawdown(scenarios, path=path).weights, scenarios)
        except OptimizationError:
            continue
    return table


def cdar_family(scenarios: pd.DataFrame, *, alphas: Sequence[float] = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)) -> pd.DataFrame:
    """From the average drawdown to the maximum drawdown: the portfolio of smallest CDaR at each alpha.

    Parameters
    ----------
    scenarios : DataFrame, shape (n_days, n_assets)
        Path of simple returns, fraction a day.
    alphas : sequence of float
        From 0, the mean over all days, to 1, the maximum: CDaR is the mean of the worst 1 - alpha share of days.

    Returns
    -------
    DataFrame
        A row an alpha. Columns alpha, cdar (at this alpha, the smallest there is), maximum_drawdown and mean_drawdown
        (positive fractions of the initial wealth, of uncompounded paths), effective_holdings.

    Notes
    -----
    The larger alpha, the fewer days count and the larger is CDaR. From alpha = 1 - 1/T on it is the worst day alone:
    the family ends in the maximum drawdown, where cdar and maximum_drawdown agree, and the latter is the smallest of
    all. On the way there it mostly falls, but need not at every step.

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
