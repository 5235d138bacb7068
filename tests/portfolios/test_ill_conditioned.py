"""Every problem of stages 03 and 05 on markets with copies and stable coins, where a covariance is nearly singular.

What is minimized is convex: by the gradient g at weights w, no portfolio v lies below w by more than g'w - min g'v.
"""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS, calmest
from scipy.optimize import linprog

from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.portfolios import decisions, drawdown, frontier, holdings, long_only, long_short
from forefolio.market.correlation import near_duplicates
from forefolio.market.covariance import condition_number, estimate
from forefolio.market.returns import rebalance_dates
from forefolio.study import vocabulary

FRAMEWORKS = [name for name, kind in vocabulary.FRAMEWORKS.items() if kind.sees != "learned"]  # that are solved

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
needs_coins = pytest.mark.skipif(not MARKETS or not (Path(MARKETS) / "crypto21_prices.csv").exists(),
                                 reason="FOREFOLIO_MARKETS names no folder with crypto21_prices.csv")
ESTIMATES = {
    "sample": partial(estimate, estimator="sample", ridge=0.0),
    "ledoit_wolf": partial(estimate, estimator="ledoit_wolf", ridge=0.0),
    "ridge": partial(estimate, estimator="sample", ridge=1e-3),
}
CASES = [("constructed", "ledoit_wolf"), ("constructed", "ridge"), ("calmer", "ledoit_wolf"), ("calmer", "ridge"),
         *(pytest.param(("coins", name), marks=needs_coins) for name in ESTIMATES)]
VALIDATION_END = {"constructed": "2021-12-31", "calmer": "2021-12-31", "coins": "2023-12-31"}
DUPLICATES = ["ETH", "WETH"]


def constructed(*, stable=1e-5, seed=3):
    """Eight assets: WETH is ETH to the bit, WBTC has correlation 0.9999 with BTC, STABLE moves 0.001 % a day."""
    rng = np.random.default_rng(seed)
    n_days = 400
    days = pd.bdate_range("2021-01-01", periods=n_days)
    market = rng.normal(0.0005, 0.03, size=n_days)
    returns = pd.DataFrame({
        "ETH": 0.5 * market + rng.normal(0.0003, 0.01, size=n_days),
        "BTC": 0.8 * market + rng.normal(0.0004, 0.02, size=n_days),
        "SOL": 1.0 * market + rng.normal(0.0006, 0.03, size=n_days),
        "DOGE": 1.3 * market + rng.normal(0.0008, 0.04, size=n_days),
        "LEO": rng.normal(0.0005, 0.02, size=n_days),
        "STABLE": rng.normal(0, stable, size=n_days),
    }, index=days)
    returns["WETH"] = returns["ETH"]
    noise = rng.normal(size=n_days)
    beside = noise - np.polyval(np.polyfit(returns["BTC"], noise, 1), returns["BTC"])  # uncorrelated with BTC
    returns["WBTC"] = returns["BTC"] + beside * returns["BTC"].std(ddof=0) / beside.std() * np.sqrt(0.9999**-2 - 1)
    return returns


def of_market(name):
    """The constructed market, that with a stable asset a thousand times calmer, or the 21 coins."""
    if name != "coins":
        return constructed(stable=1e-8 if name == "calmer" else 1e-5)
    prices = pd.read_csv(Path(MARKETS) / "crypto21_prices.csv", index_col=0, parse_dates=True)
    return prices.pct_change().iloc[1:]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request):
    """Name of the market, returns, and how covariance is estimated."""
    market, estimator = request.param
    return market, of_market(market), ESTIMATES[estimator]


@pytest.fixture
def mu(case):
    return case[1].mean()


@pytest.fixture
def Sigma(case):
    return case[2](case[1])


@pytest.fixture(scope="module", params=["constructed", "calmer", "without the stable asset",
                                        pytest.param("coins", marks=needs_coins)])
def scenarios(request):
    if request.param == "without the stable asset":
        return constructed().drop(columns="STABLE")
    return of_market(request.param)


def weights_of(solution, assets):
    """The weights of a long-only solution that was reached without a fallback."""
    assert solution.status == "optimal"
    assert solution.weights.index.equals(assets) and (solution.weights >= 0).all()
    assert solution.weights.sum() == pytest.approx(1, abs=1e-12)
    return solution.weights


def test_the_constructed_market_is_as_hard_as_it_says():
    returns = constructed()
    pairs = near_duplicates(returns.corr(), threshold=0.99)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["ETH", "WETH"], ["BTC", "WBTC"]]
    np.testing.assert_allclose(pairs["correlation"], [1, 0.9999], atol=1e-12)
    assert returns["STABLE"].std() == pytest.approx(1e-5, rel=0.1)
    assert condition_number(ESTIMATES["sample"](returns)) > 1e15
    assert condition_number(ESTIMATES["ledoit_wolf"](returns)) < 1e4
    rho = returns.corr()
    loaded = ESTIMATES["ridge"](returns) / np.sqrt(np.outer(*2 * [np.diag(ESTIMATES["ridge"](returns))]))
    largest = np.linalg.eigvalsh(rho)[-1]
    assert condition_number(loaded) == pytest.approx((largest + 1e-3) / 1e-3, rel=1e-6)


def test_minimum_variance_is_optimal(case, Sigma):
    """The covariance with the portfolio is that of the portfolio itself, or more where nothing is held."""
    w = weights_of(long_only.minimum_variance(Sigma), Sigma.columns)
    assert (Sigma @ w).min() / (w @ Sigma @ w) > 1 - 1e-6


def test_maximum_sharpe_is_optimal(case, mu, Sigma):
    """An asset's share of mean excess return is its share of risk, or less where nothing is held."""
    w = weights_of(long_only.maximum_sharpe(mu, Sigma, risk_free=1e-5), Sigma.columns)
    excess = mu - 1e-5
    assert (Sigma @ w / (w @ Sigma @ w) - excess / (excess @ w)).min() > -1e-6


@pytest.mark.parametrize("risk_aversion", [1.0, 10.0, 1000.0])
def test_mean_variance_forecast_is_optimal(risk_aversion, case, mu, Sigma):
    w = weights_of(long_only.mean_variance_forecast(mu, Sigma, risk_aversion=risk_aversion), Sigma.columns)
    gradient = 2 * risk_aversion * Sigma @ w - mu
    assert gradient @ w - gradient.min() < 1e-8 * max(np.ptp(mu), risk_aversion * np.diag(Sigma).max())


def test_risk_parity_is_exact(case, Sigma):
    w = weights_of(long_only.risk_parity(Sigma), Sigma.columns)
    contributions = w * (Sigma @ w)
    assert np.ptp(contributions) < 1e-8 * contributions.mean()


def test_every_point_of_the_long_only_frontier_is_optimal(case, mu, Sigma):
    """g'v over portfolios v of the same expected return is a linear program."""
    points = frontier.efficient_frontier(mu, Sigma, n_points=15)
    assert points["expected_return"].is_monotonic_increasing and points["volatility"].is_monotonic_increasing
    for w in points[Sigma.columns].to_numpy():
        gradient = Sigma.to_numpy() @ w / (w @ Sigma.to_numpy() @ w)
        scaled = (mu.max() - mu).to_numpy() / np.ptp(mu)
        least = linprog(gradient, A_eq=[np.ones(len(mu)), scaled], b_eq=[1, scaled @ w], bounds=(0, None))
        assert least.status == 0 and least.fun > 1 - 1e-5


@pytest.mark.parametrize("seed, stable, estimator", [
    (13, 1e-5, "ledoit_wolf"),  # Clarabel 0.11 stalls at one of the points, unless it scales otherwise
    (0, 1e-5, "sample"),  # in units of the stable asset's variance it stalls or finds no portfolio at all
    (10, 1e-7, "ridge"),  # every other asset loses, so the frontier is nearly one point
])
def test_frontiers_that_stalled_a_solver_are_drawn(seed, stable, estimator):
    returns = constructed(stable=stable, seed=seed)
    points = frontier.efficient_frontier(returns.mean(), ESTIMATES[estimator](returns), n_points=40)
    assert len(points) == 40 and points["expected_return"].iloc[-1] == pytest.approx(returns.mean().max(), rel=1e-4)
    assert points["expected_return"].is_monotonic_increasing and points["volatility"].is_monotonic_increasing


def test_closed_forms_solve_their_equations(case, mu, Sigma):
    """V w is level for the global minimum variance, proportional to mu for the tangency, each against its own scale."""
    calm = calmest(Sigma).weights
    tangency = long_short.tangency(mu, Sigma, risk_free=0.0)
    assert tangency.status in ("optimal", "inefficient") and np.isfinite(tangency.weights).all()
    volatility = np.sqrt(np.diag(Sigma))
    for w, target in [(calm, np.ones(len(mu))), (tangency.weights, mu.to_numpy())]:
        assert w.sum() == pytest.approx(1, abs=1e-9)
        residual = Sigma @ w - target * (w @ Sigma @ w) / (w @ target)
        assert (residual / volatility).abs().max() < 1e-8 * np.sqrt(w @ Sigma @ w)
    targets = np.linspace(mu.min(), mu.max(), 7)
    two_fund = long_short.two_fund_frontier(mu, Sigma, target_returns=targets)
    assert np.isfinite(two_fund).all(axis=None)
    at_calm = long_short.two_fund_frontier(mu, Sigma, target_returns=[mu @ calm])["volatility"].iloc[0]
    assert at_calm == pytest.approx(np.sqrt(calm @ Sigma @ calm), rel=1e-6)
    assert (two_fund["volatility"] >= at_calm * (1 - 1e-9)).all()


@pytest.mark.parametrize("max_gross", [0, 2])
def test_every_framework_decides_without_a_failure(max_gross, case):
    market, returns, estimate_covariance = case
    validation_end = pd.Timestamp(VALIDATION_END[market])
    schedule = forecast_schedule(returns.index, train_end=validation_end - pd.DateOffset(months=6),
                                  validation_end=validation_end)
    made = pd.concat([baselines.zero(returns, schedule), baselines.historical_mean(returns, schedule)])
    dates = rebalance_dates(returns.index, validation_end=validation_end)[:4]
    chosen = {"covariance_estimator": estimate_covariance.keywords["estimator"], "ridge": estimate_covariance.keywords["ridge"]}
    terms = replace(TERMS, stale_days=1000, estimation_window=120, risk_aversion=1.0, risk_free=1e-5, max_gross=max_gross,
                    **chosen)
    weights, log = decisions.decide(
        returns, made, returns.notna(), rebalance_dates=dates, frameworks=tuple(FRAMEWORKS), terms=terms)
    short = log["strategy"].str.endswith("+tangency")
    reading = [name for name in FRAMEWORKS if vocabulary.reads_forecasts(name, terms.scenarios)]
    assert len(log) == 4 * (2 * len(reading) + len(FRAMEWORKS) - len(reading) + 1)
    ratio = log["strategy"].isin(["zero+max_sharpe", "zero+max_sortino"])  # no forecast of zero exceeds the risk-free rate
    assert (log.loc[ratio, "status"] == "fallback").all() and (log.loc[~short & ~ratio, "status"] == "optimal").all()
    assert log.loc[short, "status"].isin(["optimal", "fallback" if max_gross else "inefficient"]).all()
    assert (weights.loc[~weights["strategy"].str.endswith("+tangency"), "weight"] >= 0).all()
    gross = holdings.concentration(weights)["gross_exposure"]
    assert gross.min() > 1 - 1e-9 and (not max_gross or gross.max() < max_gross + 1e-6)
    np.testing.assert_allclose(weights.groupby(["rebalance_date", "strategy"])["weight"].sum(), 1)
    assert decisions.rpp_distance(returns, weights, terms=terms)["mean_distance"].notna().all()
    shares = holdings.risk_contributions(returns, weights, date=dates[0], terms=terms)
    np.testing.assert_allclose(shares.groupby("strategy")["risk_share"].sum(), 1)


@pytest.mark.parametrize("estimator", ["ledoit_wolf", "ridge"])
@pytest.mark.parametrize("problem", [
    long_only.minimum_variance,
    long_only.risk_parity,
    lambda Sigma: long_only.maximum_sharpe(constructed().mean()[Sigma.columns], Sigma, risk_free=0),
    calmest,
], ids=["minimum_variance", "risk_parity", "maximum_sharpe", "global_minimum_variance"])
def test_duplicates_share_their_weight(problem, estimator):
    """Without the stable asset, beside which minimum variance holds neither."""
    held = problem(ESTIMATES[estimator](constructed().drop(columns="STABLE"))).weights[DUPLICATES]
    assert held.iloc[0] == pytest.approx(held.iloc[1], abs=1e-6) and held.min() > 0.02


def test_only_the_closed_forms_refuse_the_sample_covariance_of_duplicates():
    returns = constructed()
    mu, Sigma = returns.mean(), ESTIMATES["sample"](returns)
    for problem in (partial(long_short.tangency, mu, risk_free=0),
                    partial(long_short.two_fund_frontier, mu, target_returns=[0.001])):
        with pytest.raises(ValueError, match="set covariance_estimator to ledoit_wolf, or ridge above 0"):
            problem(covariance=Sigma)
    w = weights_of(long_only.minimum_variance(Sigma), Sigma.columns)
    assert (Sigma @ w).min() / (w @ Sigma @ w) > 1 - 1e-6
    contributions = long_only.risk_parity(Sigma).weights * (Sigma @ long_only.risk_parity(Sigma).weights)
    assert np.ptp(contributions) < 1e-8 * contributions.mean()


def test_minimum_cvar_agrees_with_scipy(scenarios):
    """On scenarios in percent, as a linear program of its own."""
    w = weights_of(long_only.minimum_cvar(scenarios, confidence=0.95), scenarios.columns)
    R, (n_days, n_assets) = 100 * scenarios.to_numpy(), scenarios.shape
    program = linprog(np.concatenate([np.zeros(n_assets), [1], np.full(n_days, 1 / (0.05 * n_days))]),
                      A_ub=np.hstack([-R, -np.ones((n_days, 1)), -np.eye(n_days)]), b_ub=np.zeros(n_days),
                      A_eq=[[1] * n_assets + [0] * (n_days + 1)], b_eq=[1],
                      bounds=[(0, None)] * n_assets + [(None, None)] + [(0, None)] * n_days)
    losses = -R @ w
    quantile = np.quantile(losses, 0.95, method="higher")
    ours = quantile + np.maximum(losses - quantile, 0).sum() / (0.05 * n_days)
    assert program.status == 0 and ours == pytest.approx(program.fun, rel=1e-4, abs=1e-7)  # of a percent


def test_maximum_sortino_is_optimal(scenarios):
    """As for the Sharpe ratio, with the gradient of the downside deviation in place of the covariance."""
    w = weights_of(long_only.maximum_sortino(scenarios, target=1e-5), scenarios.columns)
    excess = scenarios - 1e-5
    losses = np.minimum(excess @ w, 0)
    assert (losses @ excess / (losses @ losses) - excess.mean() / (excess.mean() @ w)).min() > -1e-4


def test_minimum_drawdown_meets_the_bound_of_its_tangents(scenarios):
    """Logarithms lie below their tangents: the linear program on those at the solution bounds every drawdown."""
    w = weights_of(drawdown.minimum_drawdown(scenarios), scenarios.columns)
    R, (n_days, n_assets) = scenarios.to_numpy(), scenarios.shape
    earned = R @ w
    slope = R / (1 + earned)[:, None]
    y_before = np.eye(n_days, n_days, k=-1)  # y_0 = 0 stands in no column
    bound = linprog(np.concatenate([np.zeros(n_assets), np.zeros(n_days), [-1]]),
                    A_ub=np.vstack([np.hstack([-slope, np.eye(n_days) - y_before, np.zeros((n_days, 1))]),
                                    np.hstack([np.zeros((n_days, n_assets)), -np.eye(n_days), np.ones((n_days, 1))])]),
                    b_ub=np.concatenate([np.log1p(earned) - earned / (1 + earned), np.zeros(n_days)]),
                    A_eq=[[1] * n_assets + [0] * (n_days + 1)], b_eq=[1],
                    bounds=[(0, None)] * n_assets + [(None, 0)] * (n_days + 1))
    log_wealth = np.append(0, np.log1p(earned).cumsum())
    ours = (log_wealth - np.maximum.accumulate(log_wealth)).min()
    assert bound.status == 0 and ours == pytest.approx(-bound.fun, rel=1e-4, abs=1e-8)


@needs_coins
def test_wrapped_and_staked_coins_are_near_copies():
    pairs = near_duplicates(of_market("coins").corr(), threshold=0.98)
    assert {frozenset(pair) for pair in pairs[["first", "second"]].to_numpy()} == {
        frozenset(pair) for pair in [("ETH-USD", "WETH-USD"), ("ETH-USD", "STETH-USD"), ("WETH-USD", "STETH-USD"),
                                     ("BTC-USD", "WBTC-USD")]}


@needs_coins
def test_what_each_estimate_makes_of_the_coins_condition_number():
    """Stable coins are calm, so a ridge leaves the covariance's number and lowers the correlation's."""
    returns = of_market("coins")
    Sigmas = {**ESTIMATES, "large_ridge": partial(estimate, estimator="sample", ridge=1e-2)}
    Sigmas = {name: estimated(returns) for name, estimated in Sigmas.items()}
    scales = {name: np.sqrt(np.diag(Sigma)) for name, Sigma in Sigmas.items()}
    measured = {name: (condition_number(Sigma), condition_number(Sigma / np.outer(scales[name], scales[name])))
                for name, Sigma in Sigmas.items()}
    assert measured["sample"] == pytest.approx((1.54e5, 4490), rel=0.01)
    assert measured["ledoit_wolf"] == pytest.approx((1180, 709), rel=0.01)
    assert measured["ridge"] == pytest.approx((1.53e5, 3280), rel=0.01)
    assert measured["large_ridge"] == pytest.approx((1.50e5, 962), rel=0.01)
