"""Tangency portfolios with short selling: by hand, against other solvers, and on the real coins."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS, calmest
from scipy.optimize import minimize
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction

from forefolio.performance import metrics
from forefolio.portfolios import long_short, registry
from forefolio.portfolios.long_only import maximum_sharpe, maximum_sortino, minimum_cvar, minimum_variance
from forefolio.market.covariance import estimate
from forefolio.portfolios.holdings import gross_exposure
from forefolio.portfolios.problems import NONE, OptimizationError

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
needs_coins = pytest.mark.skipif(not MARKETS or not (Path(MARKETS) / "crypto21_prices.csv").exists(),
                                 reason="FOREFOLIO_MARKETS names no folder with crypto21_prices.csv")
FEW = ["AAPL", "JNJ", "KO", "XOM"]
YEAR = {"periods_per_year": 365, "risk_free_rate": 0.0}


@pytest.fixture(scope="module")
def coins():
    prices = pd.read_csv(Path(MARKETS) / "crypto21_prices.csv", index_col=0, parse_dates=True)
    return prices.pct_change().iloc[1:]


def independent(**variances):
    return pd.DataFrame(np.diag(list(variances.values())), index=list(variances), columns=list(variances))


def tangency_of(mu, Sigma, *, risk_free, max_gross):
    """As a study asks for it."""
    return registry.FRAMEWORKS["tangency"](mu, Sigma, replace(TERMS, risk_free=risk_free, max_gross=max_gross), NONE)


def ratio(w, mu, Sigma, risk_free):
    return (mu @ w - risk_free) / np.sqrt(w @ Sigma @ w)


def by_scipy(objective, n_assets, max_gross):
    """Weights that a general solver finds within the limit, as long side minus short side."""
    best = minimize(lambda x: objective(x[:n_assets] - x[n_assets:]), np.repeat([1 / n_assets, 0], n_assets),
                    method="SLSQP", bounds=[(0, None)] * 2 * n_assets, options={"ftol": 1e-13, "maxiter": 2000},
                    constraints=[{"type": "eq", "fun": lambda x: x[:n_assets].sum() - x[n_assets:].sum() - 1},
                                 {"type": "ineq", "fun": lambda x: max_gross - x.sum()}])
    assert best.success
    return best.x[:n_assets] - best.x[n_assets:]


def lowest_slope(gradient, max_gross):
    """Smallest g'v over all v that sum to one within the limit: buy where g is least, sell where it is most."""
    return (max_gross + 1) / 2 * gradient.min() - (max_gross - 1) / 2 * gradient.max()


# ----------------------------------------------------------------------------------------------------- by hand
@pytest.mark.parametrize("max_gross, expected", [
    (1, [1, 0]), (1.5, [1.25, -0.25]), (2.5, [1.5, -0.5]), (9, [1.5, -0.5])])
def test_a_limit_that_binds_is_met_and_one_that_does_not_changes_nothing(max_gross, expected):
    """Equal variances, excess 3 and -1 per mille: without a limit 3 : -1, gross exposure 2."""
    best = long_short.tangency_within(pd.Series({"A": 0.004, "B": 0.0}), independent(A=1e-4, B=1e-4), risk_free=0.001,
                                   max_gross=max_gross)
    np.testing.assert_allclose(best.weights, expected, atol=1e-6)
    assert best.status == "optimal" and best.note == "" and best.weights.index.tolist() == ["A", "B"]


def test_three_assets_by_hand_on_both_branches_of_the_closed_form():
    """Variances 1, 2, 4 (1e-4): V^-1 mu is 20, 15, -10, which sum to 25, or -20, 5, -10, which sum to -25."""
    Sigma = independent(A=1e-4, B=2e-4, C=4e-4)
    best = tangency_of(pd.Series({"A": 0.002, "B": 0.003, "C": -0.004}), Sigma, risk_free=0, max_gross=0)
    np.testing.assert_allclose(best.weights, [0.8, 0.6, -0.4])
    assert best.status == "optimal" and best.note == "" and gross_exposure(best.weights) == pytest.approx(1.8)
    mu = pd.Series({"A": -0.002, "B": 0.001, "C": -0.004})
    worst = tangency_of(mu, Sigma, risk_free=0, max_gross=0)
    np.testing.assert_allclose(worst.weights, [0.8, -0.2, 0.4])
    assert worst.status == "inefficient" and ratio(worst.weights, mu, Sigma, 0) == pytest.approx(-np.sqrt(0.085))
    # V^-1 1 is 10000, 5000, 2500: the calmest portfolio is long only, its variance 1 / 17500
    assert worst.note.endswith("minimum variance portfolio: gross exposure 1.00, volatility 0.756 % per day")
    within = tangency_of(mu, Sigma, risk_free=0, max_gross=3)
    assert within.status == "optimal" and within.weights["B"] == within.weights.max()


def test_a_ratio_becomes_possible_at_the_gross_exposure_that_makes_the_mean_positive():
    """Excess -1 and -3 per mille: buying (L + 1) / 2 of A and selling (L - 1) / 2 of B earns L - 2 per mille."""
    mu, Sigma = pd.Series({"A": -0.001, "B": -0.003}), independent(A=1e-4, B=1e-4)
    at_two = long_short.tangency_within(mu, Sigma, risk_free=0, max_gross=2)
    assert at_two.status == "fallback"
    np.testing.assert_allclose(at_two.weights, [0.5, 0.5], atol=1e-6)
    assert at_two.note == ("no portfolio of gross exposure up to 2 earns more than the risk-free rate, so this "
                           "is minimum variance within that limit")
    above = long_short.tangency_within(mu, Sigma, risk_free=0, max_gross=2.01)
    assert above.status == "optimal" and mu @ above.weights > 0
    np.testing.assert_allclose(above.weights, [1.505, -0.505], atol=1e-6)


@pytest.mark.parametrize("moves, why", [
    ({"A": [0.01, -0.02, 0.02], "B": [0.01, -0.02, 0.02]}, "numerically singular"),
    ({"A": [0.01, -0.02, 0.02], "B": [0.0, 0.0, 0.0]}, "B never moves"),
    ({"A": [0.01, -0.02, 0.02], "B": 100 * 1.0001 ** np.arange(1, 4) / (100 * 1.0001 ** np.arange(3)) - 1}, "B never moves"),
], ids=["twins", "flat", "the same rise every day"])
def test_where_the_covariance_has_no_inverse_there_is_no_closed_form_and_the_note_says_why(moves, why):
    sample = pd.DataFrame(moves)
    chosen, two_fund = long_short.in_closed_form(sample.mean(), sample.cov(), risk_free=0.0)
    assert chosen.status == "failed" and why in chosen.note and chosen.weights.empty and two_fund.empty


def test_equal_means_have_a_tangency_portfolio_and_no_frontier(Sigma):
    chosen, two_fund = long_short.in_closed_form(pd.Series(1e-3, Sigma.columns), Sigma, risk_free=0.0)
    assert chosen.status == "optimal" and two_fund.empty


def test_equal_means_at_the_risk_free_rate_fall_back():
    flat = pd.Series({"A": 1e-4, "B": 1e-4})
    solution = long_short.tangency_within(flat, independent(A=1e-4, B=3e-4), risk_free=1e-4, max_gross=5)
    assert solution.status == "fallback"
    np.testing.assert_allclose(solution.weights, [0.75, 0.25], atol=1e-6)


def test_one_asset_is_all_there_is_to_hold():
    one = independent(A=1e-4)
    for mean, status in ((0.001, "optimal"), (-0.001, "fallback")):
        solution = long_short.tangency_within(pd.Series({"A": mean}), one, risk_free=0, max_gross=3)
        assert solution.status == status and solution.weights.tolist() == pytest.approx([1])


# ------------------------------------------------------------------------------------------- against other solvers
@pytest.mark.parametrize("risk_free", [0.0, 1e-4, 1e-3])
def test_without_short_selling_it_is_the_maximum_sharpe_portfolio(risk_free, returns, mu, Sigma):
    w = long_short.tangency_within(mu, Sigma, risk_free=risk_free, max_gross=1).weights
    assert (w >= 0).all() and w.sum() == pytest.approx(1, abs=1e-12)
    long_only = maximum_sharpe(mu, Sigma, risk_free=risk_free).weights
    pd.testing.assert_series_equal(w, long_only, atol=1e-6, rtol=0)
    oracle = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.VARIANCE,
                      risk_free_rate=risk_free).fit(returns).weights_
    ours, theirs = (ratio(weights, mu, Sigma, risk_free) for weights in (w, oracle))
    assert ours >= theirs * (1 - 1e-7) and ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("risk_free", [0.0, 1e-4])
@pytest.mark.parametrize("max_gross", [8.0, 1000.0])
def test_with_a_generous_limit_it_is_the_closed_form(risk_free, max_gross, mu, Sigma):
    closed = long_short.tangency(mu, Sigma, risk_free=risk_free)
    assert closed.status == "optimal" and 4 < gross_exposure(closed.weights) < 6
    w = long_short.tangency_within(mu, Sigma, risk_free=risk_free, max_gross=max_gross).weights
    pd.testing.assert_series_equal(w, closed.weights, atol=1e-6, rtol=0)


@pytest.mark.parametrize("risk_free", [0.0, 5e-4, 1e-3])
@pytest.mark.parametrize("max_gross", [1.2, 1.5, 2.5, 6.0])
def test_limits_in_between_agree_with_scipy(max_gross, risk_free, mu, Sigma):
    m, V, r = 100 * mu[FEW].to_numpy(), 1e4 * Sigma.loc[FEW, FEW].to_numpy(), 100 * risk_free
    w = long_short.tangency_within(mu[FEW], Sigma.loc[FEW, FEW], risk_free=risk_free, max_gross=max_gross).weights
    oracle = by_scipy(lambda x: -(m @ x - r) / np.sqrt(x @ V @ x), 4, max_gross)
    assert gross_exposure(w) <= max_gross * (1 + 1e-9) and w.sum() == pytest.approx(1, abs=1e-12)
    assert ratio(w, m, V, r) == pytest.approx(ratio(oracle, m, V, r), rel=1e-6)
    np.testing.assert_allclose(w, oracle, atol=1e-3)


@pytest.mark.parametrize("max_gross", [1.0, 1.2, 1.5, 50.0])
def test_the_fallback_is_the_minimum_variance_within_the_limit(max_gross, mu, Sigma):
    V = Sigma.loc[FEW, FEW]
    solution = long_short.tangency_within(0 * mu[FEW] - 0.01, V, risk_free=0, max_gross=max_gross)
    assert solution.status == "fallback" and gross_exposure(solution.weights) <= max_gross * (1 + 1e-9)
    oracle = by_scipy(lambda x: 1e4 * x @ V.to_numpy() @ x, 4, max_gross)
    assert solution.weights @ V @ solution.weights == pytest.approx(oracle @ V @ oracle, rel=1e-6)
    expected = {1.0: minimum_variance(V), 50.0: calmest(V)}
    if max_gross in expected:
        pd.testing.assert_series_equal(solution.weights, expected[max_gross].weights, atol=1e-6, rtol=0)


@pytest.mark.parametrize("risk_free", [0.0, 1e-4, 1e-3])
@pytest.mark.parametrize("max_gross", [1.0, 1.3, 3.0, 20.0])
def test_no_portfolio_within_the_limit_is_better(max_gross, risk_free, mu, Sigma):
    """Share of risk minus share of mean excess return, by asset, is the slope away from the optimum: nowhere down."""
    w = long_short.tangency_within(mu, Sigma, risk_free=risk_free, max_gross=max_gross).weights
    excess = mu - risk_free
    slope = Sigma @ w / (w @ Sigma @ w) - excess / (excess @ w)
    assert slope @ w == pytest.approx(0, abs=1e-9) and lowest_slope(slope, max_gross) > -1e-5


def test_where_the_closed_form_is_inefficient_the_limit_is_met_and_a_wider_one_is_better(mu, Sigma):
    assert long_short.tangency(mu, Sigma, risk_free=0.001).status == "inefficient"
    limits = (1.5, 3.0, 10.0, 100.0)
    best = [long_short.tangency_within(mu, Sigma, risk_free=0.001, max_gross=limit).weights for limit in limits]
    assert [gross_exposure(w) for w in best] == pytest.approx(limits, rel=1e-6)
    ratios = [ratio(w, mu, Sigma, 0.001) for w in best]
    assert ratios[0] > 0 and (np.diff(ratios) > 0).all()


# ------------------------------------------------------------------------------------------------- invariances
def test_assets_are_joined_by_name(mu, Sigma):
    order = Sigma.columns[::-1]
    ours, theirs = (long_short.tangency_within(mu, V, risk_free=0, max_gross=2).weights
                    for V in (Sigma, Sigma.loc[order, order]))
    pd.testing.assert_series_equal(theirs.loc[Sigma.columns], ours, atol=2e-5, rtol=0)


def test_units_move_no_weight(mu, Sigma):
    small = long_short.tangency_within(1e-4 * mu, 1e-8 * Sigma, risk_free=0, max_gross=2).weights
    ours = long_short.tangency_within(mu, Sigma, risk_free=0, max_gross=2).weights
    pd.testing.assert_series_equal(small, ours, atol=2e-5, rtol=0)


def test_inputs_are_not_changed(mu, Sigma):
    before = mu.copy(), Sigma.copy()
    for max_gross in (0, 1.5):
        tangency_of(mu, Sigma, risk_free=0, max_gross=max_gross)
    pd.testing.assert_series_equal(mu, before[0])
    pd.testing.assert_frame_equal(Sigma, before[1])


# -------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("max_gross", [0, 20])
def test_a_singular_covariance_has_no_best_ratio(max_gross, returns):
    """Ten days of twenty assets: some portfolio earned something without any risk."""
    few = returns.iloc[:10]
    with pytest.raises(OptimizationError, match="set covariance_estimator to ledoit_wolf, or ridge above 0"):
        tangency_of(few.mean(), few.cov(), risk_free=0, max_gross=max_gross)


def test_a_copy_of_an_asset_does_no_harm_within_a_limit(mu, Sigma):
    """The closed form has to refuse it; here the copies share a weight, and the ratio is what it was."""
    names = [*FEW, "COPY"]
    V = Sigma.loc[[*FEW, "KO"], [*FEW, "KO"]].set_axis(names, axis=0).set_axis(names, axis=1)
    m = mu[[*FEW, "KO"]].set_axis(names)
    with pytest.raises(OptimizationError, match="singular"):
        tangency_of(m, V, risk_free=0, max_gross=0)
    w = tangency_of(m, V, risk_free=0, max_gross=2).weights
    alone = tangency_of(mu[FEW], Sigma.loc[FEW, FEW], risk_free=0, max_gross=2).weights
    assert ratio(w, m, V, 0) == pytest.approx(ratio(alone, mu[FEW], Sigma.loc[FEW, FEW], 0), rel=1e-6)


@pytest.mark.parametrize("max_gross", [0, 2])
def test_incomplete_or_foreign_means_are_refused(max_gross, mu, Sigma):
    with pytest.raises(OptimizationError, match="mu has no value for KO"):
        tangency_of(mu.where(mu.index != "KO"), Sigma, risk_free=0, max_gross=max_gross)
    with pytest.raises(ValueError, match="other assets"):
        tangency_of(mu.rename({"KO": "COKE"}), Sigma, risk_free=0, max_gross=max_gross)


def test_weights_beyond_the_limit_are_errors_and_rounding_is_swept():
    swept = long_short._within(np.array([1.25 + 1e-8, -0.25 - 1e-8, 0.0]), 1.5, pd.Index(["A", "B", "C"]))
    assert swept.tolist() == pytest.approx([1.25, -0.25, 0], abs=1e-15)
    for weights in ([1.3, -0.3, 0.0], [np.nan, 1.0, 0.0]):
        with pytest.raises(OptimizationError, match="where at most 1.5 is allowed"):
            long_short._within(np.array(weights), 1.5, pd.Index(["A", "B", "C"]))


# ------------------------------------------------------------------------------------------------ the real coins
@needs_coins
def test_on_the_coins_the_tangency_is_the_lowest_ratio_of_all(coins):
    mu, Sigma = coins.mean(), coins.cov()
    B = np.linalg.solve(Sigma, mu).sum()
    assert -30 < B < -22  # 1'V^-1 mu
    closed = long_short.tangency(mu, Sigma, risk_free=0)
    assert closed.status == "inefficient" and f"B - A r_f = {B:.3g} is negative" in closed.note
    calm = calmest(Sigma).weights
    assert closed.note.endswith(f"gross exposure {gross_exposure(calm):.2f}, volatility "
                                f"{100 * np.sqrt(calm @ Sigma @ calm):.3g} % per day")
    assert ratio(closed.weights, mu, Sigma, 0) < ratio(calm, mu, Sigma, 0) < 0


@needs_coins
@pytest.mark.parametrize("estimator", ["sample", "ledoit_wolf"])
@pytest.mark.parametrize("max_gross", [1.0, 2.0, 5.0, 20.0])
def test_on_the_coins_no_portfolio_within_the_limit_is_better(max_gross, estimator, coins):
    mu, Sigma = coins.mean(), estimate(coins, estimator=estimator, ridge=0.0)
    w = long_short.tangency_within(mu, Sigma, risk_free=0, max_gross=max_gross).weights
    slope = Sigma @ w / (w @ Sigma @ w) - mu / (mu @ w)
    assert slope @ w == pytest.approx(0, abs=1e-6) and lowest_slope(slope, max_gross) > -1e-3


OBJECTIVES = {  # row of portfolio_statistics, its better direction
    "maximum_sharpe": ("sharpe", 1), "maximum_sortino": ("sortino", 1),
    "minimum_variance": ("variance", -1), "minimum_cvar": ("cvar_95", -1),
}


@pytest.fixture(scope="module")
def long_only(coins):
    mu, Sigma = coins.mean(), coins.cov()
    return {"maximum_sharpe": maximum_sharpe(mu, Sigma, risk_free=0).weights,
            "maximum_sortino": maximum_sortino(coins, target=0).weights,
            "minimum_variance": minimum_variance(Sigma).weights,
            "minimum_cvar": minimum_cvar(coins, confidence=0.95).weights}


@needs_coins
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_on_the_coins_each_objective_agrees_with_skfolio(objective, coins, long_only):
    highest = {"objective_function": ObjectiveFunction.MAXIMIZE_RATIO}
    options = {"maximum_sharpe": {**highest, "risk_measure": RiskMeasure.VARIANCE},
               "maximum_sortino": {**highest, "risk_measure": RiskMeasure.SEMI_VARIANCE, "min_acceptable_return": 0.0},
               "minimum_variance": {"risk_measure": RiskMeasure.VARIANCE},
               "minimum_cvar": {"risk_measure": RiskMeasure.CVAR, "cvar_beta": 0.95}}[objective]
    percent = 100 * coins  # its solver stops at absolute tolerances, too coarse for the variance of stable coins
    oracle = pd.Series(MeanRisk(**options).fit(percent).weights_, index=coins.columns)
    both = metrics.portfolio_statistics({"ours": long_only[objective], "theirs": oracle}, coins, **YEAR)
    row, sign = OBJECTIVES[objective]
    ours, theirs = sign * both.loc[row, ["ours", "theirs"]]
    assert ours >= theirs - 1e-6 * abs(theirs) and ours == pytest.approx(theirs, rel=1e-4)


@needs_coins
def test_on_the_coins_each_portfolio_is_the_best_of_the_four_at_its_own_objective(coins, long_only):
    table = metrics.portfolio_statistics(long_only, coins, **YEAR)
    for name, (row, sign) in OBJECTIVES.items():
        own = sign * table.loc[row]
        assert own.idxmax() == name and (own[name] > own.drop(name)).all()
