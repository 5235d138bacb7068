import numpy as np
import pandas as pd
import pytest
from rebalance_market import calmest
from scipy.optimize import minimize
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk

from forefolio.portfolios import long_short
from forefolio.portfolios.frontier import efficient_frontier, portfolio_moments, random_portfolios
from forefolio.portfolios.holdings import marginal_risk
from forefolio.portfolios.long_only import equal_weight, maximum_sharpe, minimum_variance


def independent(**variances):
    return pd.DataFrame(np.diag(list(variances.values())), index=list(variances), columns=list(variances))


def test_two_funds_by_hand():
    """Equal variances, means 2 and 1 per mille: the target 3 per mille is 200 % of A and -100 % of B."""
    row = long_short.two_fund_frontier(pd.Series({"A": 0.002, "B": 0.001}), independent(A=1e-4, B=1e-4),
                                    target_returns=[0.003]).iloc[0]
    assert row["gross_exposure"] == pytest.approx(3)
    assert row["volatility"] == pytest.approx(np.sqrt(5e-4))


def test_two_funds_are_the_smallest_volatility_that_a_search_finds(mu, Sigma):
    few = ["AAPL", "JNJ", "KO", "XOM"]
    m, V = 100 * mu[few].to_numpy(), 1e4 * Sigma.loc[few, few].to_numpy()
    target = 0.2
    search = minimize(lambda w: w @ V @ w, np.full(4, 0.25), method="SLSQP", options={"ftol": 1e-12}, constraints=[
        {"type": "eq", "fun": lambda w: w.sum() - 1}, {"type": "eq", "fun": lambda w: w @ m - target}])
    row = long_short.two_fund_frontier(mu[few], Sigma.loc[few, few], target_returns=[target / 100]).iloc[0]
    assert row["volatility"] == pytest.approx(np.sqrt(search.fun) / 100, rel=1e-6)
    assert row["gross_exposure"] == pytest.approx(abs(search.x).sum(), rel=1e-4)


def test_the_calmest_point_of_the_frontier_is_the_global_minimum_variance(mu, Sigma):
    calm = calmest(Sigma).weights
    np.testing.assert_allclose(Sigma @ calm, calm @ Sigma @ calm, rtol=1e-9)  # the same covariance with every asset
    around = long_short.two_fund_frontier(mu, Sigma, target_returns=mu @ calm + np.array([-1e-4, 0, 1e-4]))
    assert around["volatility"].idxmin() == 1
    assert around["volatility"].iloc[1] == pytest.approx(np.sqrt(calm @ Sigma @ calm), rel=1e-9)
    assert around["gross_exposure"].iloc[1] == pytest.approx(calm.abs().sum(), rel=1e-9)


def test_tangency_by_hand():
    best = long_short.tangency(pd.Series({"A": 0.003, "B": 0.002}), independent(A=1e-4, B=2e-4), risk_free=0.001)
    np.testing.assert_allclose(best.weights, [0.8, 0.2])
    assert best.status == "optimal" and best.note == ""


def test_inefficient_tangency_by_hand():
    """The global minimum variance portfolio earns -1 per mille: the formula names the lowest ratio, w = (-1/2, 3/2)."""
    mu, Sigma = pd.Series({"A": 0.001, "B": -0.003}), independent(A=1e-4, B=1e-4)
    worst = long_short.tangency(mu, Sigma, risk_free=0.0)
    np.testing.assert_allclose(worst.weights, [-0.5, 1.5])
    assert worst.status == "inefficient" and worst.note.startswith("inefficient: B - A r_f = -20 is negative")
    # beside it half and half, whose variance is 1e-4 / 2
    assert worst.note.endswith("global minimum variance portfolio: gross exposure 1.00, volatility 0.707 % per day")
    ratio = {a: (mu @ [a, 1 - a]) / np.sqrt(1e-4 * (a**2 + (1 - a) ** 2)) for a in np.linspace(-5, 5, 1001)}
    assert min(ratio, key=ratio.get) == pytest.approx(-0.5)


def test_tangency_has_the_best_ratio_of_the_frontier_or_the_worst(mu, Sigma):
    for risk_free, best in [(0.0, True), (0.01, False)]:
        solution = long_short.tangency(mu, Sigma, risk_free=risk_free)
        moments = portfolio_moments(solution.weights.to_frame("tangency"), mu, Sigma).iloc[0]
        sign = 1 if best else -1
        ratio = sign * (moments["expected_return"] - risk_free) / moments["volatility"]
        targets = moments["expected_return"] + np.array([-1e-4, 1e-4])
        others = long_short.two_fund_frontier(mu, Sigma, target_returns=targets)
        assert (sign * (others["target"] - risk_free) / others["volatility"] < ratio).all()
        assert solution.status == ("optimal" if best else "inefficient")


def test_tangency_and_maximum_sharpe_agree_where_nothing_is_sold_short():
    Sigma = pd.DataFrame([[2e-4, 5e-5], [5e-5, 1e-4]], index=["A", "B"], columns=["A", "B"])
    mu = pd.Series({"B": 0.001, "A": 0.0015})
    pd.testing.assert_series_equal(long_short.tangency(mu, Sigma, risk_free=1e-4).weights,
                                   maximum_sharpe(mu, Sigma, risk_free=1e-4).weights, atol=1e-6, rtol=0)


def test_long_only_frontier_agrees_with_skfolio(returns, mu, Sigma):
    frontier = efficient_frontier(mu, Sigma, n_points=6)
    least = float(frontier["expected_return"].iloc[2])
    oracle = MeanRisk(risk_measure=RiskMeasure.VARIANCE, min_return=least).fit(returns).weights_
    assert frontier["volatility"].iloc[2] == pytest.approx(np.sqrt(oracle @ Sigma @ oracle), rel=1e-5)


def test_long_only_frontier_goes_from_minimum_variance_to_the_best_asset(mu, Sigma):
    frontier = efficient_frontier(mu, Sigma, n_points=20)
    assert frontier.shape == (20, 22) and list(frontier.columns[2:]) == list(Sigma.columns)
    assert frontier["expected_return"].is_monotonic_increasing and frontier["volatility"].is_monotonic_increasing
    np.testing.assert_allclose(np.diff(frontier["expected_return"], n=2), 0, atol=1e-9)  # evenly spaced
    np.testing.assert_allclose(frontier.iloc[0, 2:].astype(float), minimum_variance(Sigma).weights, atol=1e-9)
    assert frontier[mu.idxmax()].iloc[-1] == pytest.approx(1, abs=1e-6)


def test_short_selling_never_costs_volatility_and_random_portfolios_lie_inside(mu, Sigma):
    long_only = efficient_frontier(mu, Sigma, n_points=15)
    free = long_short.two_fund_frontier(mu, Sigma, target_returns=long_only["expected_return"])
    assert (free["volatility"] < long_only["volatility"] * (1 + 1e-9)).all()
    cloud = random_portfolios(mu, Sigma, n_portfolios=2000, rng=np.random.default_rng(1))
    above = cloud[cloud["expected_return"] > long_only["expected_return"].iloc[0]]
    edge = np.interp(above["expected_return"], long_only["expected_return"], long_only["volatility"])
    assert len(above) > 100 and (above["volatility"] > edge * 0.999).all()


def test_random_portfolios_center_on_equal_weight_and_repeat_with_their_seed(mu, Sigma):
    cloud = random_portfolios(mu, Sigma, n_portfolios=20_000, rng=np.random.default_rng(7))
    assert cloud["expected_return"].mean() == pytest.approx(mu.mean(), rel=0.01)
    pd.testing.assert_frame_equal(
        cloud, random_portfolios(mu, Sigma, n_portfolios=20_000, rng=np.random.default_rng(7)))


def test_random_weights_and_moments_are_those_of_each_portfolio_by_itself(mu, Sigma):
    cloud = random_portfolios(mu, Sigma, n_portfolios=5, rng=np.random.default_rng(3))
    weights = np.random.default_rng(3).dirichlet(np.ones(20), size=5)
    np.testing.assert_allclose(cloud["volatility"], [np.sqrt(w @ Sigma @ w) for w in weights])
    np.testing.assert_allclose(cloud["expected_return"], [w @ mu for w in weights])


def test_moments_join_by_name(mu, Sigma):
    weights = pd.DataFrame({"tilted": np.arange(20) / 190}, index=Sigma.columns)
    shuffled = portfolio_moments(weights.iloc[::-1], mu.sample(frac=1, random_state=1), Sigma)
    pd.testing.assert_frame_equal(shuffled, portfolio_moments(weights, mu, Sigma))
    assert shuffled.loc["tilted", "gross_exposure"] == pytest.approx(1)


def test_marginal_risks_sum_to_the_volatility(mu, Sigma):
    w = long_short.tangency(mu, Sigma, risk_free=0).weights
    risk = marginal_risk(w, Sigma)
    volatility = np.sqrt(w @ Sigma @ w)
    assert risk["risk_contribution"].sum() == pytest.approx(volatility, rel=1e-12)
    assert risk["risk_share"].sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(risk["covariance_with_portfolio"], Sigma @ w)


def test_marginal_risk_is_the_slope_of_the_volatility(returns, Sigma):
    w = equal_weight(Sigma.columns).weights
    risk = marginal_risk(w, Sigma)
    step = pd.Series(0.0, index=w.index).where(w.index != "AMD", 1e-6)
    up, down = (np.sqrt((w + sign * step) @ Sigma @ (w + sign * step)) for sign in (1, -1))
    assert risk.loc["AMD", "marginal_risk"] == pytest.approx((up - down) / 2e-6, rel=1e-6)
    # the derivative of the variance is twice the covariance (eq. 4 and 6), and no correlation
    assert risk.loc["AMD", "covariance_with_portfolio"] == pytest.approx(returns["AMD"].cov(returns @ w), rel=1e-9)
    assert risk.loc["AMD", "correlation_with_portfolio"] == pytest.approx(returns["AMD"].corr(returns @ w), rel=1e-9)


def test_closed_forms_refuse_what_they_cannot_invert(mu, Sigma):
    twins = pd.DataFrame([[1e-4, 1e-4], [1e-4, 1e-4]], index=["A", "B"], columns=["A", "B"])
    means = pd.Series({"A": 0.001, "B": 0.002})
    for problem in (lambda: long_short.tangency(means, twins, risk_free=0), lambda: calmest(twins),
                    lambda: long_short.two_fund_frontier(means, twins, target_returns=[0.001])):
        with pytest.raises(ValueError, match="singular.*; set covariance_estimator to ledoit_wolf, or ridge above 0"):
            problem()
    with pytest.raises(ValueError, match="B never moves.*; drop it or set covariance_estimator to ledoit_wolf"):
        calmest(independent(A=1e-4, B=0.0))
    with pytest.raises(ValueError, match="equal"):
        long_short.two_fund_frontier(mu * 0 + 0.001, Sigma, target_returns=[0.001])
    with pytest.raises(ValueError, match="no tangency"):
        long_short.tangency(pd.Series({"A": 0.001, "B": -0.001}), independent(A=1e-4, B=1e-4), risk_free=0)


def test_an_asset_a_million_times_calmer_is_no_defect():
    """Independent variances 12 orders of magnitude apart: V^-1 1 is still the inverse variances, 1e12 to 1."""
    calm = calmest(independent(STABLE=1e-16, A=1e-4, B=4e-4)).weights
    np.testing.assert_allclose(calm, np.array([1, 1e-12, 0.25e-12]) / (1 + 1.25e-12), rtol=1e-12)


def test_other_nonsense_is_refused(mu, Sigma):
    with pytest.raises(ValueError, match="weights has other assets"):
        marginal_risk(pd.Series({"A": 1.0}), Sigma)
