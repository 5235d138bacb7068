"""Risk and expected return without short selling: the efficient frontier, and random portfolios.

With short selling the frontier has a closed form, `long_short.two_fund_frontier`.
"""

from functools import lru_cache

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.portfolios.long_only import minimum_variance
from forefolio.portfolios.problems import aligned, covariance_matrix
from forefolio.portfolios.solvers import QuadraticProgram


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
    away = (mu.max() - mu) / spread  # distance from the highest expected return
    program = _calmest_of(len(mu))
    weights = [calmest, *(program.minimize(risk=Sigma / unit, away=away, distance=distance)
                          for distance in np.linspace(away @ calmest, 0, n_points)[1:])]
    return _plane(np.array(weights), mu, Sigma).join(pd.DataFrame(weights, columns=covariance.columns))


@lru_cache(maxsize=16)
def _calmest_of(n_assets: int) -> QuadraticProgram:
    """The portfolio with the smallest risk of those at one distance from the highest expected return."""
    w, risk = cp.Variable(n_assets), cp.Parameter((n_assets, n_assets), name="risk")
    away, distance = cp.Parameter(n_assets, name="away"), cp.Parameter(name="distance")
    return QuadraticProgram(cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(risk))), [
        away @ w == distance,
        cp.sum(w) == 1,
        w >= 0,
    ]), w)


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
