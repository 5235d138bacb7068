"""Long-only weights from moments or scenarios: one function per problem of the papers.

Every function returns a `Solution`: weights that sum to one, the solver and its status.
"""

from collections.abc import Sequence
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pandas as pd
from scipy import linalg

from forefolio.market.covariance import STILL
from forefolio.portfolios.problems import (DUST, NONE, ROUNDING, Limits, OptimizationError, Solution, aligned,
                                           complete, covariance_matrix, joined, named)
from forefolio.portfolios.solvers import PRICED, QuadraticProgram, kept, smallest, solve, within, without_dust

FEW = 32  # assets in the first program, if there are many more


def equal_weight(assets: Sequence[str]) -> Solution:
    """The same weight in every asset."""
    return Solution(pd.Series(1 / len(assets), index=pd.Index(assets), name="weight"), "closed form", "optimal")


def minimum_variance(covariance: pd.DataFrame, *, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the smallest variance: min w'Sigma w, 1'w = 1, w >= 0 (Zouaoui & Naas 2025, Table 2).

    The limits apply as well.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 3e-4]], index=["A", "B"], columns=["A", "B"])
    >>> minimum_variance(variances).weights.round(6).tolist()
    [0.75, 0.25]
    """
    Sigma = covariance_matrix(covariance)
    limits, note = replace(limits, daily_cost=0.0).attainable(covariance.columns)
    risk = Sigma / smallest(np.diag(Sigma))  # in units of the calmest asset
    weights = _trade_off(limits, covariance.columns).minimize(risk=risk, reward=np.zeros(len(Sigma)))
    return Solution(pd.Series(weights, covariance.columns, name="weight"), cp.CLARABEL, cp.OPTIMAL, note)


def maximum_sharpe(mu: pd.Series, covariance: pd.DataFrame, *, risk_free: float, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the highest ratio of mean excess return to volatility, within the limits.

    If no mean exceeds `risk_free`, it is the minimum variance portfolio with status `fallback`, and the note says so.
    If risks cancel out, the ratio has no largest value, and the note says so.

    Notes
    -----
    With w = y / k the ratio becomes the convex program min y'Sigma y subject to mu'y - r_f k = 1, 1'y = k, y >= 0
    (Zouaoui & Naas 2025, Table 2). The limits times k are linear, too. If they leave no portfolio that earns more than
    `risk_free`, the minimum variance portfolio within the limits takes its place.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> maximum_sharpe(pd.Series({"A": 0.003, "B": 0.001}), variances, risk_free=0).weights.round(6).tolist()
    [0.75, 0.25]
    """
    Sigma = covariance_matrix(covariance)
    excess = aligned(mu, covariance.columns) - risk_free  # with k = 1'y: mu'y - r_f k = (mu - r_f 1)'y
    limits, note = limits.attainable(covariance.columns)
    if not _earns(excess, limits, covariance.columns):
        return _calmest(covariance, limits)
    excess = excess / excess.max()
    unit = smallest(np.diag(Sigma)[excess > 0] / excess[excess > 0] ** 2)  # of the best single asset
    y = cp.Variable(len(Sigma))
    problem = cp.Problem(cp.Minimize(cp.quad_form(y, cp.psd_wrap(Sigma / unit))), [
        excess @ y == 1,
        *within(limits, y, covariance.columns, total=cp.sum(y)),
    ])
    solve(problem, cp.CLARABEL)
    hedged = y.value @ Sigma @ y.value < 1e-8 * unit  # variance, beside that of the best single asset at the same mean
    return Solution(without_dust(y.value / y.value.sum(), covariance.columns), cp.CLARABEL, problem.status,
                    joined(note, "the portfolio has almost no risk, so the ratio has no largest value" if hedged else ""))


def maximum_diversification(covariance: pd.DataFrame, *, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the highest ratio of its assets' mean volatility to its own, within the limits.

    max w'sigma / sqrt(w'Sigma w) with sigma the assets' volatilities (Choueifaty & Coignard 2008): the maximum Sharpe
    ratio if every asset earned in proportion to its volatility.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> maximum_diversification(variances).weights.round(6).tolist()
    [0.75, 0.25]
    """
    volatility = pd.Series(np.sqrt(np.diag(covariance_matrix(covariance))), covariance.columns)
    return maximum_sharpe(volatility, covariance, risk_free=0.0, limits=limits)


def hierarchical_risk_parity(covariance: pd.DataFrame, *, limits: Limits = NONE) -> Solution:
    """Wealth is split along a tree of correlations; at each branch, the two parts share it by inverse variance.

    Lopez de Prado (2016), as skfolio computes it from this covariance. It needs no matrix inverse, so a nearly singular
    covariance does no harm. If its weights miss a limit, the nearest weights within the limits replace them, and the
    note says so.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> hierarchical_risk_parity(variances).weights.round(6).tolist()
    [0.9, 0.1]
    """
    from skfolio.distance import CovarianceDistance  # takes seconds to import
    from skfolio.moments import BaseCovariance
    from skfolio.optimization import HierarchicalRiskParity
    from skfolio.prior import EmpiricalPrior

    class Given(BaseCovariance):
        """An estimator that returns the covariance that it was given."""

        def fit(self, X, y=None):
            """Keep the covariance that was given."""
            self.covariance_ = Sigma
            return self

    Sigma = covariance_matrix(covariance)
    volatility = np.sqrt(np.diag(Sigma))
    still = covariance.columns[volatility <= STILL * volatility.max()]
    if len(still):
        raise OptimizationError(f"{named(still)} never move, so their correlations are unknown; drop assets that "
                                f"never move")
    limits, widened = limits.attainable(covariance.columns)
    tree = HierarchicalRiskParity(prior_estimator=EmpiricalPrior(covariance_estimator=Given()),
                                  distance_estimator=CovarianceDistance(covariance_estimator=Given()))
    tree.fit(pd.DataFrame(np.eye(len(Sigma)), columns=covariance.columns))  # placeholder returns, never used
    chosen = without_dust(np.asarray(tree.weights_), covariance.columns)
    if limits.met_by(chosen):
        return Solution(chosen, "skfolio", "optimal", widened)
    w = cp.Variable(len(Sigma))
    problem = cp.Problem(cp.Minimize(cp.sum_squares(w - chosen.to_numpy())), [
        cp.sum(w) == 1,
        *within(limits, w, covariance.columns),
    ])
    solve(problem, cp.CLARABEL)
    return Solution(without_dust(w.value, covariance.columns), "skfolio", "optimal",
                    joined("the nearest weights within the limits", widened))


def mean_variance_forecast(mu: pd.Series, covariance: pd.DataFrame, *, risk_aversion: float,
                           limits: Limits = NONE) -> Solution:
    """Long-only trade-off between forecast return and variance (Nguyen 2025, MVF).

    With mu = r̂ + ē and risk aversion gamma = 1 / lambda of the paper, zero or more:
    min gamma w'Sigma w - w'mu, subject to 1'w = 1, w >= 0, and the limits.

    With a `daily_cost` c of the limits, the objective also has the cost of the trade from the current weights h, + c
    sum_i |w_i - h_i|, which the paper leaves out. All terms are per day, so the cost of one trade is divided by the
    days until the next. The first purchase costs the same whatever is bought.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu = pd.Series({"A": 0.0011, "B": 0.0010})
    >>> mean_variance_forecast(mu, variances, risk_aversion=1).weights.round(4).tolist()
    [0.75, 0.25]
    """
    Sigma = covariance_matrix(covariance)
    mu = aligned(mu, covariance.columns)
    limits, note = limits.attainable(covariance.columns)
    weights = _best_trade_off(mu, Sigma, risk_aversion, limits, covariance.columns)
    return Solution(pd.Series(weights, covariance.columns, name="weight"), cp.CLARABEL, cp.OPTIMAL, note)


@kept
def _trade_off(limits: Limits, assets: pd.Index) -> QuadraticProgram:
    """Risk, less reward, plus the cost of the trade if it counts: the program of MVF, and of the smallest variance."""
    n_assets = len(assets)
    w = cp.Variable(n_assets)
    risk, reward, cost = cp.Parameter((n_assets, n_assets), name="risk"), cp.Parameter(n_assets, name="reward"), 0.0
    if limits.counts_costs:
        held, _ = limits.traded_from(assets)  # holdings outside of these assets are sold in any case
        cost = cp.Parameter(nonneg=True, name="cost") * cp.norm1(w - held)
    return QuadraticProgram(cp.Problem(cp.Minimize(cp.quad_form(w, cp.psd_wrap(risk)) - reward @ w + cost), [
        cp.sum(w) == 1,
        *within(limits, w, assets),
    ]), w)


def _best_trade_off(mu: np.ndarray, Sigma: np.ndarray, risk_aversion: float, limits: Limits,
                    assets: pd.Index) -> np.ndarray:
    """Weights of MVF; if there are many assets, the program has only those that may be worth holding.

    An asset outside of the program is worth holding if a little more of it costs less than a little more of an asset
    that is held. The objective is convex, so once there is no such asset, the weights are optimal for all assets.
    """
    unit = max(np.ptp(mu), risk_aversion * np.diag(Sigma).max()) or 1.0
    risk, reward = risk_aversion * Sigma / unit, (mu - mu.max()) / unit  # a constant in all of mu changes no weight
    n_assets, n_tried, cost = len(assets), FEW, np.diag(risk) - reward
    while 2 * n_tried < n_assets and n_tried * limits.max_weight > 2 and limits.min_weight <= 0 and limits.held is None:
        tried = np.sort(np.argsort(cost, kind="stable")[:n_tried])
        weights = np.zeros(n_assets)
        program = _trade_off(limits, assets[tried])
        weights[tried] = program.minimize(risk=risk[np.ix_(tried, tried)], reward=reward[tried])
        cost = 2 * risk @ weights - reward
        worth = cost < cost[weights > DUST].max() + PRICED
        if not np.delete(worth, tried).any():
            return weights
        n_tried *= 2 ** max(1, int(np.ceil(np.log2(worth.sum() / n_tried))))
    return _trade_off(limits, assets).minimize(risk=risk, reward=reward, cost=limits.daily_cost / unit)


def mean_variance_forecasts(mus: pd.DataFrame, covariance: pd.DataFrame, *, risk_aversion: float,
                            limits: Limits = NONE) -> pd.DataFrame:
    """Weights of `mean_variance_forecast` for many forecasts of the same assets, one row each, within bounds.

    The limits have no turnover and no cost, so current holdings do not matter.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mus = pd.DataFrame({"A": [0.0011, 0.001], "B": [0.001, 0.001]})
    >>> mean_variance_forecasts(mus, variances, risk_aversion=1).round(4).to_numpy().tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    Sigma, assets = covariance_matrix(covariance), covariance.columns
    bounds = Limits(limits.min_weight, limits.max_weight)
    weights = [_best_trade_off(mu, Sigma, risk_aversion, bounds, assets) for mu in mus[assets].to_numpy(dtype=float)]
    return pd.DataFrame(weights, mus.index, assets)


def black_litterman(forecast: pd.Series, errors: pd.DataFrame, covariance: pd.DataFrame, *, risk_aversion: float,
                    tau: float, limits: Limits = NONE) -> Solution:
    """Mean-variance with a forecast that counts more if its past errors were small (Black & Litterman 1992).

    Parameters
    ----------
    forecast : Series (n_assets,)
        A view of each asset's return, per day.
    errors : DataFrame (n_assets, n_assets)
        Omega, the mean of e e' over days with a known outcome: the covariance of forecast errors across assets.
    tau : float
        The prior mean's uncertainty is tau Sigma; with tau = 1 / n_days it is that of a sample mean.

    Notes
    -----
    With the prior mean pi = 2 gamma Sigma 1/n, mean-variance holds equal weight. With the forecast q, the posterior
    mean is mu = pi + tau Sigma (tau Sigma + Omega)^-1 (q - pi), which mean-variance then uses. If forecast errors vary
    as much as returns, Omega = Sigma, the mean moves from pi to q by the share tau / (1 + tau). Omega keeps its
    off-diagonal entries, because views on assets that move together are not independent.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> q = pd.Series({"A": 0.0011, "B": 0.0010})
    >>> [black_litterman(q, error * variances, variances, risk_aversion=1, tau=1).weights.round(4).tolist()
    ...  for error in (1e6, 1, 1e-6)]
    [[0.5, 0.5], [0.625, 0.375], [0.75, 0.25]]
    """
    Sigma, Omega = covariance_matrix(covariance), covariance_matrix(errors.loc[covariance.index, covariance.columns])
    prior = 2 * risk_aversion * Sigma.mean(axis=1)
    surprise = aligned(forecast, covariance.columns) - prior
    posterior = prior + tau * Sigma @ linalg.lstsq(tau * Sigma + Omega, surprise)[0]
    return mean_variance_forecast(pd.Series(posterior, covariance.columns), covariance, risk_aversion=risk_aversion,
                                  limits=limits)


def risk_parity(covariance: pd.DataFrame, *, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with equal contributions to risk, to a relative 1e-10 (Nguyen 2025, RPP).

    Returns
    -------
    Solution
        Its `spread` is the largest contribution over the smallest, minus 1; infinite if one is not positive. If a limit
        binds, contributions cannot all be equal, and the note says so. Limits that leave hardly any room, such as a
        turnover of 0.01 %, may end in status `fallback`: weights within the limits.

    Notes
    -----
    The paper minimizes sum_ij (RC_i - RC_j)^2, which is not convex. Its optimum, zero, is also reached by the convex
    program min (1/2) x'Sigma x - (1/n) sum_i log x_i with w = x / 1'x, whose gradient says x_i (Sigma x)_i = 1/n.
    Newton's method with a backtracking line search converges from any start, usually in 5 to 20 steps (Spinu 2013). If
    the weights miss a limit, the same program is solved under the limits times 1'x, which stays convex. It minimizes
    log sqrt(w'Sigma w) - (1/n) sum_i log w_i, so contributions are as equal as the limits allow.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> risk_parity(variances).weights.round(6).tolist()
    [0.75, 0.25]
    >>> risk_parity(variances, limits=Limits(max_weight=0.6)).weights.round(6).tolist()
    [0.6, 0.4]
    """
    Sigma = covariance_matrix(covariance)
    limits, widened = limits.attainable(covariance.columns)
    volatility = np.sqrt(np.diag(Sigma))
    still = covariance.columns[volatility <= STILL * volatility.max()]
    if len(still):
        never, it = ("never moves", "it") if len(still) == 1 else ("never move", "they")
        raise OptimizationError(f"{named(still)} {never}, so {it} can contribute no risk; drop assets that never move")
    C = Sigma / np.outer(volatility, volatility)  # in units of each asset's volatility, for accuracy
    equal = without_dust(_equal_contributions(C) / volatility, covariance.columns)
    chosen = (Solution(equal, "Newton", "optimal", widened) if limits.met_by(equal)
              else _contributions_within(limits, C, volatility, covariance.columns, widened))
    return replace(chosen, spread=_spread(chosen.weights, Sigma))


def _spread(weights: pd.Series, Sigma: np.ndarray) -> float:
    """Largest contribution to risk over the smallest, minus 1; infinite where the smallest is not positive."""
    contributions = weights.to_numpy() * (Sigma @ weights.to_numpy())
    return float(contributions.max() / contributions.min() - 1) if contributions.min() > 0 else np.inf


def _equal_contributions(C: np.ndarray) -> np.ndarray:
    """Positive x with x_i (C x)_i = 1/n, by Newton's method from the best x with all x_i the same."""
    n = len(C)
    x = np.full(n, 1 / np.sqrt(max(C.sum(), 1e-16)))
    for _ in range(100):
        gap = n * x * (C @ x) - 1  # relative distance of each contribution from its share
        if abs(gap).max() < 1e-13 or x.max() > 1e7:  # the second: risk cancels out, and x grows without bound
            break
        H = n * C * np.outer(x, x) + np.eye(n)  # of relative steps: better conditioned than x's own
        step = np.linalg.solve(H, -gap)
        x = x * (1 + _length(step, gap, H) * step)
    if not abs(gap).max() < 1e-10:
        raise OptimizationError("Risk contributions cannot be made equal, because a long-only portfolio has almost "
                                "no risk; set covariance_estimator to ledoit_wolf, or ridge above 0")
    return x


def _length(step: np.ndarray, gap: np.ndarray, H: np.ndarray) -> float:
    """The share of a relative step to take: all near the optimum, otherwise halved until the objective falls enough."""
    slope, curvature, length = gap @ step, step @ H @ step, 1.0  # the second is the square of the decrement

    def change(t: float) -> float:
        """Change of n times the objective; its logarithms need a positive 1 + t step."""
        square = t * (slope + step.sum()) + t**2 / 2 * (curvature - step @ step)
        return square - np.log1p(t * step).sum() if t * step.min() > -1 else np.inf

    while curvature > 1 / 16 and change(length) > length * slope / 10:
        length /= 2
    return length


def _contributions_within(limits: Limits, C: np.ndarray, volatility: np.ndarray, assets: pd.Index,
                          widened: str) -> Solution:
    """The program with logarithms under limits, by Newton's method; each step is a quadratic program."""
    n, v, s = len(C), cp.Variable(len(C)), cp.Variable(len(C))
    solve(cp.Problem(cp.Maximize(cp.min(v)), [cp.sum(v) == 1, *within(limits, v, assets)]), cp.HIGHS)
    w = np.maximum(v.value, 1e-12)  # a start with all weights positive, for the logarithms
    status, note = "fallback", "the limits leave too little room to share the risk; these weights are within the limits"
    for _ in range(200):
        w = w / w.sum()
        x = w * volatility / np.sqrt(w * volatility @ C @ (w * volatility))
        H = n * C * np.outer(x, x) + np.eye(n)  # relative, as without limits
        gap = n * x * (C @ x) - 1
        moved = cp.multiply(w, 1 + s)
        try:
            solve(cp.Problem(cp.Minimize(cp.quad_form(s, cp.psd_wrap(H)) / 2 + gap @ s),
                             within(limits, moved, assets, total=cp.sum(moved))), cp.CLARABEL)
        except OptimizationError:  # happens if less than 0.1 % may be traded
            break
        w = w * (1 + _length(s.value, gap, H) * s.value)
        if np.sqrt(s.value @ H @ s.value) < 1e-6:  # the next step's would be about its square
            status, note = "optimal", "contributions to risk as equal as the limits allow"
            break
    return Solution(without_dust(w, assets), cp.CLARABEL, status, joined(note, widened))


def _earns(excess: np.ndarray, limits: Limits, assets: pd.Index) -> bool:
    """Whether some weights within the limits have a positive mean excess return."""
    if limits == NONE or excess.max() <= 0:
        return excess.max() > 0
    w = cp.Variable(len(excess))
    problem = cp.Problem(cp.Maximize((excess / excess.max()) @ w), [cp.sum(w) == 1, *within(limits, w, assets)])
    solve(problem, cp.HIGHS)
    return problem.value > 1e-6


def _calmest(covariance: pd.DataFrame, limits: Limits) -> Solution:
    """Minimum variance, used if no portfolio has a positive ratio."""
    calm = minimum_variance(covariance, limits=limits)
    return replace(calm, status="fallback", note=joined(
        "no mean return exceeds the risk-free rate or target, so this is minimum variance", calm.note))


def maximum_sortino(scenarios: pd.DataFrame, *, target: float, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the highest ratio of mean excess return to downside deviation, within the limits.

    A day below `target`, tau, counts as a loss. If no mean exceeds it, see `maximum_sharpe`. If the portfolio has no
    such day, the ratio has no largest value, and the note says so.

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
    limits, note = limits.attainable(scenarios.columns)
    if not _earns(excess, limits, scenarios.columns):
        return _calmest(scenarios.cov(), limits)
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
        *within(limits, y, scenarios.columns, total=cp.sum(y)),
    ])
    solve(problem, cp.CLARABEL)
    weights = without_dust(y.value / y.value.sum(), scenarios.columns)
    lossless = (R @ weights.to_numpy()).min() > -ROUNDING
    return Solution(weights, cp.CLARABEL, problem.status,
                    joined(note, "no day is below the target, so the ratio has no largest value" if lossless else ""))


def minimum_cvar(scenarios: pd.DataFrame, *, confidence: float, limits: Limits = NONE) -> Solution:
    """Long-only portfolio with the smallest mean loss on its worst days; confidence 0.95 means the worst 5 %.

    Within the limits: min q + sum_t (-w'r_t - q)_+ / ((1 - confidence) T), a linear program (Rockafellar and '
                                        'Uryasev 2000; Zouaoui & Naas
    2025, Table 2).

    >>> scenarios = pd.DataFrame({"A": [0.03, -0.01], "B": [-0.01, 0.03]})
    >>> minimum_cvar(scenarios, confidence=0.5).weights.round(4).tolist()
    [0.5, 0.5]
    """
    R = 100 * complete(scenarios)  # percent
    limits, note = limits.attainable(scenarios.columns)
    w = cp.Variable(R.shape[1])
    quantile = cp.Variable()
    beyond = cp.Variable(len(R))
    problem = cp.Problem(cp.Minimize(quantile + cp.sum(beyond) / ((1 - confidence) * len(R))), [
        beyond >= -R @ w - quantile,
        beyond >= 0,
        cp.sum(w) == 1,
        *within(limits, w, scenarios.columns),
    ])
    solve(problem, cp.HIGHS)
    return Solution(without_dust(w.value, scenarios.columns), cp.HIGHS, problem.status, note)
