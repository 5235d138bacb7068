"""Paths of returns to long-only weights of smallest drawdown: the order of the days matters.

They return a `solvers.Solution`, as the problems of `portfolios` do.
"""

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.solvers import OptimizationError, Solution, complete, long_only, solve

PRECISION = 1e-6  # of a drawdown, in units of that of the best single asset


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
    R = complete(scenarios)
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
