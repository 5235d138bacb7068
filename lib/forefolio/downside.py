"""Return scenarios to long-only weights: the problems that look at losses instead of moments.

They return a `solvers.Solution`, as the problems of `portfolios` do. Scenarios are days of simple returns, in any order.
"""

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.covariance import sample_covariance
from forefolio.portfolios import fallback
from forefolio.solvers import Solution, complete, long_only, smallest, solve


def maximum_sortino(scenarios: pd.DataFrame, *, target: float) -> Solution:
    """Long-only portfolio of highest ratio of mean excess return to downside deviation.

    Parameters
    ----------
    scenarios : DataFrame, shape (n_days, n_assets)
        Simple returns, fraction a day.
    target : float
        Return a day below which a day counts as a loss, tau.

    Returns
    -------
    Solution
        If no mean exceeds `target`: the minimum variance portfolio, status `fallback`, and the note says so.

    Raises
    ------
    OptimizationError
        If a return is missing or the solver does not reach the optimum.

    Notes
    -----
    With w = y / k: min (1/T) sum_t (k tau - y'r_t)_+^2 subject to y'mu - k tau = 1, 1'y = k, y >= 0 (Zouaoui & Naas
    2025, Table 2). The deviation is the root of the second lower partial moment over all T days.

    Examples
    --------
    >>> scenarios = pd.DataFrame({"A": [0.04, -0.02, 0.00], "B": [0.06, 0.00, -0.04]})  # equal means, B loses twice
    >>> maximum_sortino(scenarios, target=0).weights.round(4).tolist()
    [0.8, 0.2]
    """
    R = complete(scenarios) - target  # y'r_t - k tau = y'(r_t - tau)
    excess = R.mean(axis=0)
    if excess.max() <= 0:
        return fallback(sample_covariance(scenarios))
    excess = excess / excess.max()
    partial_moments = (np.minimum(R, 0) ** 2).mean(axis=0)
    unit = np.sqrt(smallest(partial_moments[excess > 0] / excess[excess > 0] ** 2))  # that of the best single asset
    y = cp.Variable(R.shape[1])
    shortfall = cp.Variable(len(R))
    deviation = cp.norm(shortfall) / np.sqrt(len(R))  # the root: its optimum can be zero, where squares are too flat
    problem = cp.Problem(cp.Minimize(deviation), [
        shortfall >= -(R / unit) @ y,
        shortfall >= 0,
        excess @ y == 1,
        y >= 0,
    ])
    solve(problem, cp.CLARABEL)
    return Solution(long_only(y.value / y.value.sum(), scenarios.columns), cp.CLARABEL, problem.status)


def minimum_cvar(scenarios: pd.DataFrame, *, confidence: float) -> Solution:
    """Long-only portfolio whose worst days lose least on average.

    Parameters
    ----------
    scenarios : DataFrame, shape (n_days, n_assets)
        Simple returns, fraction a day.
    confidence : float
        Between 0 and 1: 0.95 averages the worst 5 % of days.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        If `confidence` is not between 0 and 1.
    OptimizationError
        If a return is missing or the solver does not reach the optimum.

    Notes
    -----
    min q + sum_t (-w'r_t - q)_+ / ((1 - confidence) T), a linear program (Rockafellar and Uryasev 2000; Zouaoui &
    Naas 2025, Table 2).

    Examples
    --------
    >>> scenarios = pd.DataFrame({"A": [0.03, -0.01], "B": [-0.01, 0.03]})
    >>> minimum_cvar(scenarios, confidence=0.5).weights.round(4).tolist()
    [0.5, 0.5]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: give a fraction between 0 and 1, such as 0.95")
    R = 100 * complete(scenarios)  # percent
    w = cp.Variable(R.shape[1])
    quantile = cp.Variable()
    beyond = cp.Variable(len(R))
    problem = cp.Problem(cp.Minimize(quantile + cp.sum(beyond) / ((1 - confidence) * len(R))), [
        beyond >= -R @ w - quantile,
        beyond >= 0,
        cp.sum(w) == 1,
        w >= 0,
    ])
    solve(problem, cp.HIGHS)
    return Solution(long_only(w.value, scenarios.columns), cp.HIGHS, problem.status)
