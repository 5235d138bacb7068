"""Objectives at their optimum, by a bound that no portfolio can beat, in large, flat, singular and tiny markets."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from forefolio.portfolios import drawdown, long_only
from forefolio.portfolios.problems import Limits

MARKETS = {  # n_assets, n_days
    "one asset": (1, 60), "two": (2, 60), "twenty": (20, 250), "seventy": (70, 250),
    "more assets than days": (200, 120), "twins": (20, 250), "nearly singular": (20, 250), "never moves": (5, 60), "two days": (5, 2)}
TIGHTEST = {"method": "highs-ipm",
            "options": {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}}


def market(name):
    """Returns of correlated assets; some are the same twice, almost the same, or always zero."""
    n_assets, n_days = MARKETS[name]
    rng = np.random.default_rng(21)
    own = rng.normal(0, 0.01, (n_days, n_assets)) * np.linspace(0.5, 2, n_assets)
    R = 0.0003 + rng.normal(0, 0.008, (n_days, 1)) + own
    if name == "twins":
        R[:, 1] = R[:, 0]
    if name == "nearly singular":
        R[:, 1:] = R[:, :1] + 1e-5 * R[:, 1:]
    if name == "never moves":
        R[:] = 0.0
    return pd.DataFrame(R, columns=[f"A{i:03d}" for i in range(n_assets)])


@pytest.fixture(scope="module", params=MARKETS)
def returns(request):
    return market(request.param)


def cheapest(costs, max_weight=1.0):
    """Smallest costs'w over long-only weights up to a bound: the cheapest assets are filled first."""
    ordered, left = np.sort(costs), 1.0
    filled = [min(max_weight, left - used) for used in max_weight * np.arange(len(costs)) if used < left]
    return ordered[:len(filled)] @ filled


@pytest.mark.parametrize("max_weight", [1.0, 0.1])
@pytest.mark.parametrize("risk_aversion", [0, 1, 50, 1e6])
def test_no_portfolio_has_a_better_trade_off(risk_aversion, max_weight, returns):
    """The objective is convex: no weights v are better by more than gradient'(w - v)."""
    max_weight = max(max_weight, 1.5 / returns.shape[1])
    mu, Sigma = returns.iloc[-30:].mean(), returns.cov()
    limits = Limits(max_weight=max_weight)
    w = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=risk_aversion, limits=limits).weights
    gradient = (2 * risk_aversion * Sigma @ w - mu).to_numpy()
    unit = max(np.ptp(mu), risk_aversion * np.diag(Sigma).max())
    assert gradient @ w - cheapest(gradient, max_weight) <= 1e-8 * unit
    assert w.sum() == pytest.approx(1, abs=1e-12) and w.between(0, max_weight + 1e-8).all()


def test_no_portfolio_is_calmer(returns):
    Sigma = returns.cov()
    w = long_only.minimum_variance(Sigma).weights
    gradient = (2 * Sigma @ w).to_numpy()
    assert gradient @ w - gradient.min() <= max(1e-6 * (w @ Sigma @ w), 1e-8 * np.diag(Sigma).max())


def worst_days(R, alpha):
    """Smallest mean of the worst 1 - alpha share of drawdowns of summed returns, by scipy.

    Variables: weights, the drawdown of each day, how far it is beyond the quantile, the quantile.
    """
    n_days, n_assets = R.shape
    identity, before, none = np.eye(n_days), np.eye(n_days, k=-1), np.zeros((n_days, n_days))
    rows = np.vstack([np.hstack([-R, before - identity, none, np.zeros((n_days, 1))]),
                      np.hstack([0 * R, identity, -identity, -np.ones((n_days, 1))])])
    n_tail = max((1 - alpha) * n_days, 1)
    costs = np.concatenate([np.zeros(n_assets + n_days), np.full(n_days, 1 / n_tail), [1]])
    best = linprog(costs, rows, np.zeros(len(rows)), [np.arange(len(costs)) < n_assets], [1],
                   bounds=[(0, None)] * (n_assets + 2 * n_days) + [(None, None)], **TIGHTEST)
    assert best.status == 0
    return best.fun


@pytest.mark.parametrize("alpha", [1.0, 0.9])
def test_no_portfolio_has_a_smaller_summed_drawdown(alpha, returns):
    R = returns.to_numpy()
    w = drawdown.minimum_drawdown(returns, path="uncompounded", alpha=alpha).weights
    ours = drawdown.worst_mean(drawdown.below_peak((R @ w).cumsum(), start=0.0), alpha)
    best_asset = drawdown.below_peak(R.cumsum(axis=0), start=0.0).max(axis=0).min()
    assert -1e-9 <= ours - worst_days(R, alpha) <= 1e-6 * max(best_asset, 1e-4)


@pytest.mark.parametrize("path", drawdown.PATHS)
@pytest.mark.parametrize("day", [[0.02, -0.01, 0.01], [-0.03, -0.01, -0.02], [0.0, 0.0, 0.0]])
def test_one_day_holds_what_falls_least(day, path):
    """If several assets do not fall, their nearest mix to equal weight is held."""
    w = drawdown.minimum_drawdown(pd.DataFrame([day], columns=list("ABC")), path=path).weights
    assert max(0, -(w @ np.array(day))) <= max(0, -max(day)) + 1e-8
    if min(day) >= 0:
        np.testing.assert_allclose(w, 1 / 3, atol=1e-3)


@pytest.mark.parametrize("max_weight", [1.0, 0.15])
@pytest.mark.parametrize("risk_aversion", [0, 1, 50, 1e6])
def test_of_many_assets_the_few_worth_holding_are_found(risk_aversion, max_weight, monkeypatch):
    """With a first program of four assets, all others that are held must be added, and the rest may be left out."""
    returns, limits = market("seventy"), Limits(max_weight=max_weight)
    mu, Sigma = returns.iloc[-30:].mean(), returns.cov()
    chosen = {}
    for few in (100, 16, 4):
        monkeypatch.setattr(long_only, "FEW", few)
        chosen[few] = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=risk_aversion, limits=limits).weights
        np.testing.assert_allclose(chosen[few], chosen[100], atol=1e-5)


def test_the_program_has_every_asset_if_each_must_be_held():
    returns, limits = market("seventy"), Limits(min_weight=0.01)
    w = long_only.mean_variance_forecast(returns.mean(), returns.cov(), risk_aversion=1, limits=limits).weights
    assert w.min() >= 0.01 - 1e-8


def test_a_solution_does_not_depend_on_what_was_solved_before():
    """Programs are compiled once and kept, but not what they were given: bounds, moments, holdings and costs."""
    returns = market("twenty")
    held = pd.Series(1 / 20, returns.columns)
    asked = [(Limits(), 1), (Limits(max_weight=0.2), 1), (Limits(held=held, daily_cost=0.01), 1),
             (Limits(max_turnover=0.1, held=held), 1), (Limits(), 40)]

    def solved(limits, risk_aversion):
        """Weights of both programs that are kept."""
        mu, Sigma, path = returns.mean(), returns.cov(), returns * risk_aversion**0.5
        return [long_only.mean_variance_forecast(mu, Sigma, risk_aversion=risk_aversion, limits=limits).weights,
                drawdown.minimum_drawdown(path, path="uncompounded", limits=limits).weights]

    first, again = [solved(*one) for one in asked], [solved(*one) for one in asked[::-1]][::-1]
    for before, after in zip(first, again):
        for one, other in zip(before, after):
            pd.testing.assert_series_equal(one, other, rtol=0, atol=0)
    of_mvf = [one for one, _ in first]
    assert all(abs(one - other).max() > 1e-3 for i, one in enumerate(of_mvf) for other in of_mvf[:i])
