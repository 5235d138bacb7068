"""Expected returns and covariance to tangency portfolios: the best ratio where short selling is allowed.

Without a limit the closed form of `frontier` stands, whose weights may be many times the wealth and whose ratio may be
the lowest of all. A limit on gross exposure, the sum of absolute weights, makes it a convex program that always has a
best portfolio.
"""

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.frontier import tangency
from forefolio.solvers import DUST, OptimizationError, Solution, aligned, covariance_matrix, smallest, solve


def tangency_portfolio(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float, max_gross: float) -> Solution:
    """Tangency portfolio as a study asks for it: in closed form, or within a limit on gross exposure.

    Parameters
    ----------
    mu, covariance, risk_free
        As `tangency_within` takes them.
    max_gross : float
        Largest sum of absolute weights; 0 for no limit.

    Returns
    -------
    Solution
        Without a limit that of `frontier.tangency`: where the closed form has the lowest ratio of all its weights are
        kept, as in the paper, and the status is `inefficient`. With a limit that of `tangency_within`.

    Raises
    ------
    ValueError, OptimizationError
        As `frontier.tangency` and `tangency_within`.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu = pd.Series({"A": 0.003, "B": -0.001})
    >>> tangency_portfolio(mu, variances, risk_free=0, max_gross=0).weights.round(4).tolist()
    [1.5, -0.5]
    >>> tangency_portfolio(mu, variances, risk_free=0, max_gross=1.5).weights.round(4).tolist()
    [1.25, -0.25]
    """
    if max_gross == 0:
        return tangency(mu, covariance, risk_free=risk_free)
    return tangency_within(mu, covariance, risk_free=risk_free, max_gross=max_gross)


def tangency_within(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float, max_gross: float) -> Solution:
    """Portfolio of highest ratio of mean excess return to volatility, short selling allowed up to a gross exposure.

    Parameters
    ----------
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day, joined by name.
    risk_free : float
        Risk-free return a day.
    max_gross : float
        Largest sum of absolute weights, at least 1; at 1 nothing is sold short, as in `portfolios.maximum_sharpe`.

    Returns
    -------
    Solution
        If no portfolio within the limit earns more than `risk_free`: that of smallest variance within it, status
        `fallback`, and the note says so.

    Raises
    ------
    ValueError
        If `max_gross` is below 1, or `covariance` is not a labelled covariance matrix.
    OptimizationError
        If a value is missing, if a portfolio without any risk earns more than `risk_free`, so that the ratio has no
        largest value, or if the solver does not reach the optimum.

    Notes
    -----
    max (mu'w - r_f) / sqrt(w'Sigma w) subject to 1'w = 1, sum |w_i| <= L. With w = y / k it becomes the convex program
    min y'Sigma y subject to (mu - r_f 1)'y = 1, 1'y = k, sum |y_i| <= L k, k >= 0. Its k is never 0, since y would be 0
    too. The largest mean excess return within the limit is that of (L + 1) / 2 in the best asset and -(L - 1) / 2 in
    the worst: the program has a solution exactly if that is positive. Where the closed form is inefficient, a larger
    gross exposure always allows a higher ratio, and the limit is met. The paper has no such limit.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu = pd.Series({"A": 0.001, "B": -0.003})  # the closed form sells the better asset: -0.5, 1.5
    >>> tangency_within(mu, variances, risk_free=0, max_gross=3).weights.round(4).tolist()
    [2.0, -1.0]
    """
    if not 1 <= max_gross < np.inf:
        raise ValueError(f"max_gross is {max_gross}: give at least 1, as no weights that sum to one have less")
    Sigma = covariance_matrix(covariance)
    excess = aligned(mu, covariance.columns) - risk_free  # with k = 1'y: mu'y - r_f k = (mu - r_f 1)'y
    extreme = np.zeros(len(excess))
    extreme[excess.argmax()] += (max_gross + 1) / 2
    extreme[excess.argmin()] -= (max_gross - 1) / 2
    if extreme @ excess <= 0:
        return _calmest(Sigma, covariance.columns, max_gross)
    excess = excess / min(extreme @ excess, abs(excess).max())
    known = np.vstack([extreme, np.eye(len(excess))[excess > 0]])  # portfolios of positive ratio
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
        raise OptimizationError("A portfolio within max_gross has almost no risk, so the ratio has no largest value: "
                                "set covariance_estimator to ledoit_wolf or ridge above 0")
    return Solution(_within(y.value / y.value.sum(), max_gross, covariance.columns), cp.CLARABEL, problem.status)


def _calmest(Sigma: np.ndarray, assets: pd.Index, max_gross: float) -> Solution:
    """Minimum variance within the limit, in place of a ratio that no portfolio within it makes positive."""
    w = cp.Variable(len(Sigma))
    variance = cp.quad_form(w, cp.psd_wrap(Sigma / smallest(np.diag(Sigma))))
    problem = cp.Problem(cp.Minimize(variance), [
        cp.sum(w) == 1,
        cp.norm1(w) <= max_gross,
    ])
    solve(problem, cp.CLARABEL)
    note = (f"no portfolio of gross exposure up to {max_gross:g} earns more than the risk-free rate: minimum variance "
            "within that limit instead")
    return Solution(_within(w.value, max_gross, assets), cp.CLARABEL, "fallback", note)


def _within(weights: np.ndarray, max_gross: float, assets: pd.Index) -> pd.Series:
    """Label weights, and take what a solver's rounding sold short beyond the limit off both sides."""
    long, short = np.maximum(weights, 0), np.maximum(-weights, 0)
    most = (max_gross - 1) / 2  # sold short, where long - short = 1 and long + short is the limit
    if not short.sum() <= most + DUST * max_gross:
        raise OptimizationError(f"The solver gave a gross exposure of {long.sum() + short.sum():.9g} where "
                                f"{max_gross:g} is the most")
    short = short * min(1, most / short.sum()) if short.any() else short
    return pd.Series(long * (1 + short.sum()) / long.sum() - short, index=assets, name="weight")
