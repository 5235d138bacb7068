"""Return scenarios to long-only weights: the problems that look at losses and paths instead of moments.

They return a `portfolios.Solution`, as the problems of `portfolios` do. Scenarios are days of simple returns; for
a drawdown their order matters.
"""

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.covariance import sample_covariance
from forefolio.portfolios import OptimizationError, Solution, fallback, long_only, smallest, solve

PRECISION = 1e-6  # of a drawdown, in units of that of the best single asset


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
    R = _complete(scenarios) - target  # y'r_t - k tau = y'(r_t - tau)
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
    R = 100 * _complete(scenarios)  # percent
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


def minimum_drawdown(scenarios: pd.DataFrame) -> Solution:
    """Long-only portfolio of smallest maximum drawdown, constant weights compounded (Nguyen 2025, MDP).

    Parameters
    ----------
    scenarios : DataFrame, shape (n_days, n_assets)
        Path of simple returns in the order of time, fraction a day, above -1.

    Returns
    -------
    Solution
        Where several portfolios have the smallest drawdown: the one nearest equal weight, and the note says so.

    Raises
    ------
    OptimizationError
        If a return is missing or at most -1, or a solver does not reach the optimum.

    Notes
    -----
    With y_t the log of wealth over its running peak, which starts at the initial wealth:
    max m subject to y_t <= y_{t-1} + log(1 + w'r_t), m <= y_t <= 0, y_0 = 0. The maximum drawdown is 1 - e^m.
    Libraries minimize another, uncompounded drawdown.

    An exponential-cone solver takes this convex program as it is, but Clarabel 0.11 stopped short of the optimum on
    one in nine of the real windows tried. Here each logarithm is its tangents, a linear program whose m bounds the
    true one from above, and tangents are added where its solution lies until the drawdown of that solution meets the
    bound to a millionth: three rounds as a rule, and the optimum is certified.

    Logarithms are strictly concave, so all optimal portfolios earn the same on each day whose constraint has a
    price (a positive multiplier). Where those days leave the assets without a reduced cost no direction to trade
    in, the optimum is unique. Otherwise the distance to equal weight is minimized at the same drawdown.

    Examples
    --------
    >>> scenarios = pd.DataFrame({"A": [-0.10, 0.10], "B": [0.10, -0.10]})
    >>> minimum_drawdown(scenarios).weights.round(4).tolist()
    [0.5, 0.5]
    """
    R = _complete(scenarios)
    if R.min() <= -1:
        raise OptimizationError("Scenarios hold a return of -100 % or less, which no compounded wealth survives")
    log_wealth = np.vstack([np.zeros(R.shape[1]), np.log1p(R).cumsum(axis=0)])
    single = (np.maximum.accumulate(log_wealth) - log_wealth).max(axis=0)
    unit = max(single.min(), 1e-4)  # drawdown of the best single asset; a finer unit would only magnify rounding
    w = cp.Variable(R.shape[1])
    m = cp.Variable()
    weights, prices, reduced_costs = _solve_on_path(cp.Maximize(m), m, w, R, unit, cp.HIGHS)
    solver, note = cp.HIGHS, ""
    if not _unique(R[prices > PRECISION][:, reduced_costs < PRECISION]):
        lowest = cp.Constant(m.value - 2 * PRECISION)
        distance = cp.sum_squares(w - 1 / len(weights))
        try:
            nearest, _, _ = _solve_on_path(cp.Minimize(distance), lowest, w, R, unit, cp.CLARABEL)
        except OptimizationError as error:
            nearest, note = weights, f"several portfolios may have the smallest drawdown, and of these any: {error}"
        if abs(nearest - weights).max() > 1e-4:  # as far as weights are printed
            weights, solver = nearest, cp.CLARABEL
            note = "several portfolios have the smallest drawdown: the one nearest equal weight was taken"
    return Solution(long_only(weights, scenarios.columns), solver, cp.OPTIMAL, note)


def _solve_on_path(objective, lowest, w, R, unit, solver) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights whose log drawdown meets `lowest`, the price of each day, the reduced cost of each asset."""
    y = cp.Variable(len(R) + 1)  # in units of `unit`, as `lowest` is
    held = [
        w >= 0,
        cp.sum(w) == 1,
        y[0] == 0,
        y <= 0,
        y >= lowest,
    ]
    weights = np.full(R.shape[1], 1 / R.shape[1])
    tangents = []
    for _ in range(50):
        g = R @ weights
        # log(1 + w'r) <= log(1 + g) + (w'r - g) / (1 + g), equal at w'r = g
        growth = np.log1p(g) - g / (1 + g) + (R / (1 + g)[:, None]) @ w
        tangents.append(y[1:] - y[:-1] <= growth / unit)
        solve(cp.Problem(objective, held + tangents), solver)
        weights = long_only(w.value, pd.RangeIndex(len(weights))).to_numpy()
        log_wealth = np.append(0, np.log1p(R @ weights).cumsum())
        drawdown = (log_wealth - np.maximum.accumulate(log_wealth)).min() / unit
        if lowest.value - drawdown < PRECISION:
            return weights, sum(tangent.dual_value for tangent in tangents), held[0].dual_value
    raise OptimizationError(f"{solver} did not settle on a smallest drawdown in 50 rounds")


def _unique(priced_returns: np.ndarray) -> bool:
    """Whether no trade between these assets leaves their return on each of these days as it is."""
    n_assets = priced_returns.shape[1]
    trades = priced_returns - priced_returns.mean(axis=1, keepdims=True)  # money moved, none added
    return n_assets == 1 or np.linalg.matrix_rank(trades, tol=1e-6) == n_assets - 1


def _complete(scenarios: pd.DataFrame) -> np.ndarray:
    """Values of scenarios without a gap."""
    R = scenarios.to_numpy(dtype=float)
    if not len(R):
        raise OptimizationError("There are no scenarios: give at least one day of returns")
    gaps = scenarios.columns[~np.isfinite(R).all(axis=0)]
    if len(gaps):
        raise OptimizationError(f"Scenarios have gaps in {', '.join(map(str, gaps))}: complete or drop them")
    return R
