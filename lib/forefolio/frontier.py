"""The plane of risk and expected return: frontiers with and without short selling, random portfolios, marginal risk.

With short selling the frontier has a closed form (Zouaoui & Naas 2025, eq. 1): every portfolio on it mixes the same
two funds. Its inverse covariance needs a well-conditioned estimate; weights may be many times the wealth, so gross
exposure stands beside them everywhere.
"""

from collections.abc import Sequence

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.covariance import condition_number
from forefolio.portfolios import minimum_variance
from forefolio.solvers import OptimizationError, Solution, aligned, covariance_matrix, long_only, solve


def two_fund_frontier(mu: pd.Series, covariance: pd.DataFrame, *, target_returns: Sequence[float]) -> pd.DataFrame:
    """Smallest volatility for each expected return, short selling allowed, in closed form.

    Parameters
    ----------
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day, joined by name.
    target_returns : sequence of float
        Expected returns m, per day.

    Returns
    -------
    DataFrame
        Columns target, volatility (per day), gross_exposure (sum of absolute weights), one row a target.

    Raises
    ------
    ValueError
        If the covariance is singular or all expected returns are equal.

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
        raise ValueError("All expected returns are equal, so the frontier is one point: use global_minimum_variance")
    m = np.asarray(target_returns, dtype=float)
    weights = (np.outer(C - B * m, V_ones) + np.outer(A * m - B, V_mu)) / D
    return pd.DataFrame({"target": m, "volatility": np.sqrt((A * m**2 - 2 * B * m + C) / D),
                         "gross_exposure": abs(weights).sum(axis=1)})


def global_minimum_variance(covariance: pd.DataFrame) -> Solution:
    """Portfolio of smallest variance with short selling, V^-1 1 / 1'V^-1 1.

    Examples
    --------
    >>> Sigma = pd.DataFrame([[1e-4, 2e-4], [2e-4, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> global_minimum_variance(Sigma).weights.round(6).tolist()
    [1.166667, -0.166667]
    """
    V_ones, _ = _inverse_products(pd.Series(0.0, index=covariance.columns), covariance)
    weights = pd.Series(V_ones / V_ones.sum(), index=covariance.columns, name="weight")
    return Solution(weights, "closed form", "optimal")


def tangency(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float) -> Solution:
    """Portfolio where the line from the risk-free return touches the frontier, short selling allowed, closed form.

    Parameters
    ----------
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day, joined by name.
    risk_free : float
        Risk-free return a day.

    Returns
    -------
    Solution
        Status `optimal`, or `inefficient` where the formula gives the lowest ratio of all and not the highest; the
        note says so, and what `global_minimum_variance` beside it would be.

    Raises
    ------
    OptimizationError
        If the covariance is singular, or the line is parallel to the frontier and touches it nowhere.

    Notes
    -----
    w = V^-1 (mu - r_f 1) / (B - A r_f) has the best ratio only if B - A r_f = 1'V^-1 (mu - r_f 1) > 0, that is, if the
    global minimum variance portfolio earns more than r_f.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> best = tangency(pd.Series({"A": 0.003, "B": 0.001}), variances, risk_free=0)
    >>> best.weights.round(6).tolist(), best.status
    ([0.75, 0.25], 'optimal')
    >>> worst = tangency(pd.Series({"A": 0.001, "B": -0.003}), variances, risk_free=0)
    >>> worst.weights.round(6).tolist(), worst.status
    ([-0.5, 1.5], 'inefficient')
    """
    V_ones, V_excess = _inverse_products(mu - risk_free, covariance)
    total = V_excess.sum()  # B - A r_f
    if abs(total) <= 1e-12 * abs(V_excess).sum():
        raise OptimizationError("The risk-free return equals that of the global minimum variance portfolio, so no "
                                "tangency exists: change risk_free_rate")
    weights = pd.Series(V_excess / total, index=covariance.columns, name="weight")
    if total > 0:
        return Solution(weights, "closed form", "optimal")
    A = V_ones.sum()  # of the global minimum variance portfolio V^-1 1 / A, whose variance is 1 / A
    note = (f"inefficient: B - A r_f = {total:.3g} is negative, so the formula gives the lowest ratio of all, not the "
            f"highest; compare the global minimum variance portfolio: gross exposure {abs(V_ones).sum() / A:.2f}, "
            f"volatility {100 / np.sqrt(A):.3g} % a day")
    return Solution(weights, "closed form", "inefficient", note)


def efficient_frontier(mu: pd.Series, covariance: pd.DataFrame, *, n_points: int) -> pd.DataFrame:
    """Long-only portfolios of smallest variance, from the calmest of all to the highest expected return.

    Parameters
    ----------
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day, joined by name.
    n_points : int
        Portfolios, evenly spaced in expected return; at least 2.

    Returns
    -------
    DataFrame, shape (n_points, 2 + n_assets)
        Columns expected_return, volatility (per day, both ascending), then the weight of each asset.

    Raises
    ------
    ValueError, OptimizationError
        As `portfolios.minimum_variance`, or if there are fewer than two points.

    Notes
    -----
    min w'Sigma w subject to w'mu = m, 1'w = 1, w >= 0, for each m.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> efficient_frontier(pd.Series({"A": 0.003, "B": 0.001}), variances, n_points=2).round(4).to_numpy().tolist()
    [[0.002, 0.0071, 0.5, 0.5], [0.003, 0.01, 1.0, 0.0]]
    """
    if n_points < 2:
        raise ValueError(f"n_points is {n_points}: a frontier has at least its two ends")
    Sigma = covariance_matrix(covariance)
    calmest = minimum_variance(covariance).weights.to_numpy()
    mu = aligned(mu, covariance.columns)
    spread = np.ptp(mu) or 1.0
    unit = Sigma[mu.argmax(), mu.argmax()] or 1.0  # where the frontier ends; a stable coin's would be far too fine
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
        weights.append(long_only(w.value, covariance.columns).to_numpy())
    return _plane(np.array(weights), mu, Sigma).join(pd.DataFrame(weights, columns=covariance.columns))


def random_portfolios(mu: pd.Series, covariance: pd.DataFrame, *, n_portfolios: int,
                      rng: np.random.Generator) -> pd.DataFrame:
    """Risk and expected return of long-only portfolios drawn evenly from all there are (Zouaoui & Naas 2025, Fig. 4).

    Parameters
    ----------
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day, joined by name.
    n_portfolios : int
        How many to draw.
    rng : numpy.random.Generator
        Weights are Dirichlet(1, ..., 1).

    Returns
    -------
    DataFrame, shape (n_portfolios, 2)
        Columns expected_return, volatility, per day.
    """
    weights = rng.dirichlet(np.ones(len(covariance)), size=n_portfolios)
    return _plane(weights, aligned(mu, covariance.columns), covariance_matrix(covariance))


def portfolio_moments(weights: pd.DataFrame, mu: pd.Series, covariance: pd.DataFrame) -> pd.DataFrame:
    """Where portfolios stand in the plane.

    Parameters
    ----------
    weights : DataFrame, shape (n_assets, n_portfolios)
        One column a portfolio; its assets are those of the covariance, in any order.
    mu, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Expected return and covariance, per day.

    Returns
    -------
    DataFrame, shape (n_portfolios, 3)
        Index: portfolio. Columns expected_return, volatility (per day), gross_exposure (sum of absolute weights).

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> weights = pd.DataFrame({"long_short": {"B": -0.5, "A": 1.5}})
    >>> portfolio_moments(weights, pd.Series({"A": 0.003, "B": 0.001}), variances).round(4).to_numpy().tolist()
    [[0.004, 0.0158, 2.0]]
    """
    by_portfolio = np.array([aligned(weights[name], covariance.columns, name="weights") for name in weights])
    moments = _plane(by_portfolio, aligned(mu, covariance.columns), covariance_matrix(covariance))
    return moments.assign(gross_exposure=abs(by_portfolio).sum(axis=1)).set_index(weights.columns)


def marginal_risk(weights: pd.Series, covariance: pd.DataFrame) -> pd.DataFrame:
    """What each asset adds to the risk of a portfolio (Zouaoui & Naas 2025, eq. 4 to 6).

    Parameters
    ----------
    weights, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Weights of the portfolio; covariance per day, joined by name.

    Returns
    -------
    DataFrame, shape (n_assets, 6)
        Index: asset. Columns weight, marginal_risk, covariance_with_portfolio, correlation_with_portfolio (NaN for an
        asset that never moves), risk_contribution and risk_share, which sum to the portfolio's volatility and to 1.

    Raises
    ------
    ValueError
        If assets differ or the portfolio has no risk.

    Notes
    -----
    marginal_risk is d sigma_p / d w_i = (Sigma w)_i / sigma_p. The paper differentiates the variance, which gives
    2 (Sigma w)_i, and calls the covariance (Sigma w)_i a correlation: both stand here under their own names.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> marginal_risk(pd.Series({"A": 0.5, "B": 0.5}), variances)["risk_share"].round(6).tolist()
    [0.1, 0.9]
    """
    Sigma = covariance_matrix(covariance)
    w = aligned(weights, covariance.columns, name="weights")
    with_portfolio = Sigma @ w
    if not w @ with_portfolio > 0:
        raise ValueError("The portfolio has no risk to attribute: give one that moves")
    volatility = np.sqrt(w @ with_portfolio)
    own = np.sqrt(np.diag(Sigma))
    return pd.DataFrame(
        {
            "weight": w,
            "marginal_risk": with_portfolio / volatility,
            "covariance_with_portfolio": with_portfolio,
            "correlation_with_portfolio": with_portfolio / np.where(own > 0, own, np.nan) / volatility,
            "risk_contribution": w * with_portfolio / volatility,
            "risk_share": w * with_portfolio / volatility**2,
        },
        index=covariance.columns.rename("asset"),
    )


def _inverse_products(mu: pd.Series, covariance: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """V^-1 1 and V^-1 mu, refused where the correlation is singular to working precision."""
    V = covariance_matrix(covariance)
    volatility = np.sqrt(np.diag(V))
    if not volatility.all():
        still = ", ".join(map(str, covariance.columns[volatility == 0]))
        raise OptimizationError(f"{still} never moves, so the covariance is singular: drop it or set "
                                "covariance_estimator to ledoit_wolf")
    C = V / np.outer(volatility, volatility)  # so that a calm asset beside wild ones counts as no defect
    if condition_number(pd.DataFrame(C)) > 1e12:
        raise OptimizationError("The covariance is singular to working precision: set covariance_estimator to "
                                "ledoit_wolf or ridge above 0")
    right = np.column_stack([np.ones(len(V)), aligned(mu, covariance.columns)]) / volatility[:, None]
    return (np.linalg.solve(C, right) / volatility[:, None]).T


def _plane(weights: np.ndarray, mu: np.ndarray, Sigma: np.ndarray) -> pd.DataFrame:
    """Expected return and volatility of each row of weights."""
    variance = ((weights @ Sigma) * weights).sum(axis=1)
    return pd.DataFrame({"expected_return": weights @ mu, "volatility": np.sqrt(np.maximum(variance, 0))})
