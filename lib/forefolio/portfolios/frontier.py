"""Risk and expected return without short selling: the efficient frontier, and random portfolios.

With short selling the frontier has a closed form, `long_short.two_fund_frontier`.
"""

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.portfolios.long_only import minimum_variance
from forefolio.portfolios.problems import aligned, covariance_matrix
from forefolio.portfolios.solvers import solve, without_dust


def efficient_frontier(mu: pd.Series, covariance: pd.DataFrame, *, n_points: int) -> pd.DataFrame:
    """Long-only portfolios with the smallest variance for evenly spaced expected returns, up to the highest possible.

    Returns
    -------
    DataFrame (n_points, 2 + n_assets)
        Columns expected_return, volatility (per day, both ascending), then the weight of each asset.

    Notes
    -----
    min w'Sigma w subject to w'mu = m, 1'w = 1, w >= 0, for each m.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> efficient_frontier(pd.Series({"A": 0.003, "B": 0.001}), variances, n_points=2).round(4).to_numpy().tolist()
    [[0.002, 0.0071, 0.5, 0.5], [0.003, 0.01, 1.0, 0.0]]
    """
    Sigma = covariance_matrix(covariance)
    calmest = minimum_variance(covariance).weights.to_numpy()
    mu = aligned(mu, covariance.columns)
    spread = np.ptp(mu) or 1.0
    unit = Sigma[mu.argmax(), mu.argmax()] or 1.0  # the best asset's variance
    w = cp.Variable(len(mu))
    target = cp.Parameter()
    problem = cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(Sigma / unit))), [
        ((mu.max() - mu) / spread) @ w == target,  # distance from the highest expected return
        cp.sum(w) == 1,
        w >= 0,
    ])
    weights = [calmest]
    for target.value in np.linspace((mu.max() - mu @ calmest) / spread, 0, n_points)[1:]:
        solve(problem, cp.CLARABEL)
        weights.append(without_dust(w.value, covariance.columns).to_numpy())
    return _plane(np.array(weights), mu, Sigma).join(pd.DataFrame(weights, columns=covariance.columns))


def random_portfolios(mu: pd.Series, covariance: pd.DataFrame, *, n_portfolios: int,
                      rng: np.random.Generator) -> pd.DataFrame:
    """Expected return and volatility, per day, of uniformly drawn long-only portfolios.

    Weights are Dirichlet(1, ..., 1) (Zouaoui & Naas 2025, Fig. 4).
    """
    weights = rng.dirichlet(np.ones(len(covariance)), size=n_portfolios)
    return _plane(weights, aligned(mu, covariance.columns), covariance_matrix(covariance))


def portfolio_moments(weights: pd.DataFrame, mu: pd.Series, covariance: pd.DataFrame) -> pd.DataFrame:
    """Expected_return, volatility (per day) and gross_exposure of portfolios, which are columns of `weights`.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> weights = pd.DataFrame({"long_short": {"B": -0.5, "A": 1.5}})
    >>> portfolio_moments(weights, pd.Series({"A": 0.003, "B": 0.001}), variances).round(4).to_numpy().tolist()
    [[0.004, 0.0158, 2.0]]
    """
    by_portfolio = np.array([aligned(weights[name], covariance.columns, name="weights") for name in weights])
    moments = _plane(by_portfolio, aligned(mu, covariance.columns), covariance_matrix(covariance))
    return moments.assign(gross_exposure=abs(by_portfolio).sum(axis=1)).set_index(weights.columns)


def _plane(weights: np.ndarray, mu: np.ndarray, Sigma: np.ndarray) -> pd.DataFrame:
    """Expected return and volatility of each row of weights."""
    variance = ((weights @ Sigma) * weights).sum(axis=1)
    return pd.DataFrame({"expected_return": weights @ mu, "volatility": np.sqrt(np.maximum(variance, 0))})
