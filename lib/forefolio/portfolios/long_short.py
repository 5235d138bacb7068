"""Weights with short selling, from expected returns and covariance.

The frontier, its portfolio of minimum variance and the tangency portfolio have closed forms (Zouaoui & Naas 2025, eq.
1). They invert the covariance, which needs a well-conditioned estimate. Weights may be many times the wealth, and the
ratio of the tangency portfolio may be the lowest and not the highest. With a limit on gross exposure (the sum of
absolute weights), the problem is convex and always has a best portfolio.
"""

from collections.abc import Sequence

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.market.covariance import STILL, condition_number
from forefolio.portfolios.problems import DUST, OptimizationError, Solution, aligned, covariance_matrix, named
from forefolio.portfolios.solvers import smallest, solve
from forefolio.study.vocabulary import FAILED


def in_closed_form(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float) -> tuple[Solution, pd.DataFrame]:
    """The tangency portfolio, and the frontier from zero or the lowest mean to a little beyond it in 80 steps.

    If there is no tangency portfolio, the solution has no weights, status `failed`, and the note says why. If there is
    no frontier, for example with two identical assets, the frame has no rows.
    """
    try:
        chosen = tangency(mu, covariance, risk_free=risk_free)
    except OptimizationError as error:
        chosen = Solution(pd.Series(dtype=float, name="weight"), "none", FAILED, str(error))
    highest = 1.1 * max(mu.max(), (mu * chosen.weights).sum())
    try:
        return chosen, two_fund_frontier(mu, covariance, target_returns=np.linspace(min(mu.min(), 0), highest, 80))
    except OptimizationError:
        return chosen, pd.DataFrame(columns=["target", "volatility", "gross_exposure"], dtype=float)


def two_fund_frontier(mu: pd.Series, covariance: pd.DataFrame, *, target_returns: Sequence[float]) -> pd.DataFrame:
    """Smallest volatility for each expected return m in `target_returns`, with short selling, in closed form.

    Returns
    -------
    DataFrame
        One row per target. Columns target, volatility (per day), gross_exposure (sum of absolute weights).

    Notes
    -----
    With A = 1'V^-1 1, B = 1'V^-1 mu, C = mu'V^-1 mu, D = AC - B^2 (Zouaoui & Naas 2025, eq. 1):
    w(m) = V^-1 [(C - Bm) 1 + (Am - B) mu] / D and volatility^2 = (Am^2 - 2Bm + C) / D.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu = pd.Series({"A": 0.002, "B": 0.001})
    >>> two_fund_frontier(mu, variances, target_returns=[0.0015, 0.003])["gross_exposure"].round(6).tolist()
    [1.0, 3.0]
    """
    V_ones, V_mu = _inverse_products(mu, covariance)
    mu = aligned(mu, covariance.columns)
    A, B, C = V_ones.sum(), V_mu.sum(), mu @ V_mu
    D = A * C - B**2
    if not D > 1e-12 * A * C:
        raise OptimizationError("All expected returns are equal, so the frontier is one point")
    m = np.asarray(target_returns, dtype=float)
    weights = (np.outer(C - B * m, V_ones) + np.outer(A * m - B, V_mu)) / D
    return pd.DataFrame({"target": m, "volatility": np.sqrt((A * m**2 - 2 * B * m + C) / D),
                         "gross_exposure": abs(weights).sum(axis=1)})


def tangency(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float) -> Solution:
    """Portfolio where a line from the risk-free return touches the frontier, with short selling, in closed form.

    Returns
    -------
    Solution
        Status `optimal`, or `inefficient` if the formula gives the lowest ratio and not the highest. Then the note says
        so and describes the global minimum variance portfolio for comparison.

    Notes
    -----
    w = V^-1 (mu - r_f 1) / (B - A r_f) has the best ratio only if B - A r_f = 1'V^-1 (mu - r_f 1) > 0, that is, if the
    global minimum variance portfolio earns more than r_f. If they are equal, no line touches the frontier.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> worst = tangency(pd.Series({"A": 0.001, "B": -0.003}), variances, risk_free=0)
    >>> worst.weights.round(6).tolist(), worst.status
    ([-0.5, 1.5], 'inefficient')
    """
    V_ones, V_excess = _inverse_products(mu - risk_free, covariance)
    total = V_excess.sum()  # B - A r_f
    if abs(total) <= 1e-12 * abs(V_excess).sum():
        raise OptimizationError("The risk-free return equals that of the global minimum variance portfolio, so no "
                                "tangency portfolio exists; change risk_free_rate")
    weights = pd.Series(V_excess / total, index=covariance.columns, name="weight")
    if total > 0:
        return Solution(weights, "closed form", "optimal")
    A = V_ones.sum()  # of the global minimum variance portfolio V^-1 1 / A, whose variance is 1 / A
    note = (f"inefficient: B - A r_f = {total:.3g} is negative, so the formula gives the lowest ratio of all, not the "
            f"highest; compare the global minimum variance portfolio: gross exposure {abs(V_ones).sum() / A:.2f}, "
            f"volatility {100 / np.sqrt(A):.3g} % per day")
    return Solution(weights, "closed form", "inefficient", note)


def tangency_within(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float, max_gross: float) -> Solution:
    """Portfolio with the highest ratio of mean excess return to volatility, up to a limit on gross exposure.

    The limit L = `max_gross` on the sum of absolute weights is at least 1; at 1 nothing is sold short, as in
    `long_only.maximum_sharpe`. If no portfolio within the limit earns more than `risk_free`, the result is minimum
    variance within the limit, with status `fallback`, and the note says so.

    Notes
    -----
    max (mu'w - r_f) / sqrt(w'Sigma w) subject to 1'w = 1, sum |w_i| <= L. With w = y / k it becomes the convex program
    min y'Sigma y subject to (mu - r_f 1)'y = 1, 1'y = k, sum |y_i| <= L k, k >= 0. k is never 0, because y would be 0,
    too. The largest mean excess return within the limit has (L + 1) / 2 in the best asset and -(L - 1) / 2 in the
    worst; the program has a solution exactly if that return is positive. If the closed form is inefficient, a larger
    gross exposure always allows a higher ratio, so the limit binds. The paper has no such limit.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu = pd.Series({"A": 0.001, "B": -0.003})  # the closed form sells the better asset: -0.5, 1.5
    >>> tangency_within(mu, variances, risk_free=0, max_gross=3).weights.round(4).tolist()
    [2.0, -1.0]
    """
    Sigma = covariance_matrix(covariance)
    excess = aligned(mu, covariance.columns) - risk_free  # with k = 1'y: mu'y - r_f k = (mu - r_f 1)'y
    extreme = np.zeros(len(excess))
    extreme[excess.argmax()] += (max_gross + 1) / 2
    extreme[excess.argmin()] -= (max_gross - 1) / 2
    if extreme @ excess <= 0:
        return _calmest(Sigma, covariance.columns, max_gross)
    excess = excess / min(extreme @ excess, abs(excess).max())
    known = np.vstack([extreme, np.eye(len(excess))[excess > 0]])  # portfolios with a positive ratio
    unit = smallest(((known @ Sigma) * known).sum(axis=1) / (known @ excess) ** 2)
    y = cp.Variable(len(Sigma))
    variance = cp.quad_form(y, cp.psd_wrap(Sigma / unit))
    k = cp.sum(y)
    problem = cp.Problem(cp.Minimize(variance), [
        excess @ y == 1,
        k >= 0,
        cp.norm1(y) / max_gross <= k,
    ])
    solve(problem, cp.CLARABEL)
    if problem.value < 1e-9:
        raise OptimizationError("A portfolio within max_gross has almost no risk, so the ratio has no largest value; "
                                "set covariance_estimator to ledoit_wolf, or ridge above 0")
    return Solution(_within(y.value / y.value.sum(), max_gross, covariance.columns), cp.CLARABEL, problem.status)


def _calmest(Sigma: np.ndarray, assets: pd.Index, max_gross: float) -> Solution:
    """Minimum variance within the limit, used if no portfolio within it has a positive ratio."""
    w = cp.Variable(len(Sigma))
    variance = cp.quad_form(w, cp.psd_wrap(Sigma / smallest(np.diag(Sigma))))
    problem = cp.Problem(cp.Minimize(variance), [
        cp.sum(w) == 1,
        cp.norm1(w) <= max_gross,
    ])
    solve(problem, cp.CLARABEL)
    note = (f"no portfolio of gross exposure up to {max_gross:g} earns more than the risk-free rate, so this is "
            f"minimum variance within that limit")
    return Solution(_within(w.value, max_gross, assets), cp.CLARABEL, "fallback", note)


def _within(weights: np.ndarray, max_gross: float, assets: pd.Index) -> pd.Series:
    """Label weights, and remove the excess over the limit that comes from a solver's rounding, on both sides."""
    long, short = np.maximum(weights, 0), np.maximum(-weights, 0)
    most = (max_gross - 1) / 2  # sold short, where long - short = 1 and long + short is the limit
    if not short.sum() <= most + DUST * max_gross:
        raise OptimizationError(f"The solver gave a gross exposure of {long.sum() + short.sum():.9g} where at most "
                                f"{max_gross:g} is allowed")
    short = short * min(1, most / short.sum()) if short.any() else short
    return pd.Series(long * (1 + short.sum()) / long.sum() - short, index=assets, name="weight")


def _inverse_products(mu: pd.Series, covariance: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """V^-1 1 and V^-1 mu; refused if the correlation matrix is numerically singular."""
    V = covariance_matrix(covariance)
    volatility = np.sqrt(np.diag(V))
    still = covariance.columns[volatility <= STILL * volatility.max()]
    if len(still):
        raise OptimizationError(f"{named(still)} never moves, so the covariance is singular; drop it or set "
                                f"covariance_estimator to ledoit_wolf")
    C = V / np.outer(volatility, volatility)  # so that a calm asset among volatile ones does not matter
    if condition_number(pd.DataFrame(C)) > 1e12:
        raise OptimizationError("The covariance is numerically singular; set covariance_estimator to ledoit_wolf, or "
                                "ridge above 0")
    right = np.column_stack([np.ones(len(V)), aligned(mu, covariance.columns)]) / volatility[:, None]
    return (np.linalg.solve(C, right) / volatility[:, None]).T
