"""Long-only portfolios of moments and of scenarios: by hand, by general solvers, and against skfolio."""

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog, minimize
from skfolio import RiskMeasure
from skfolio.datasets import load_sp500_dataset
from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting

from forefolio.portfolios import holdings, long_only, problems, solvers
from forefolio.portfolios.long_only import maximum_sharpe, minimum_variance
from forefolio.portfolios.problems import Limits

PROBLEMS = {
    "minimum_variance": lambda mu, Sigma: long_only.minimum_variance(Sigma),
    "maximum_sharpe": lambda mu, Sigma: long_only.maximum_sharpe(mu, Sigma, risk_free=0.0001),
    "mean_variance_forecast": lambda mu, Sigma: long_only.mean_variance_forecast(mu, Sigma, risk_aversion=5),
    "risk_parity": lambda mu, Sigma: long_only.risk_parity(Sigma),
}


def diagonal(*variances):
    names = list("ABCDEFGH")[: len(variances)]
    return pd.DataFrame(np.diag(variances), index=names, columns=names)


def by_scipy(objective, n_assets):
    """Best objective that a general solver finds over long-only weights."""
    best = minimize(objective, np.full(n_assets, 1 / n_assets), method="SLSQP", bounds=[(0, 1)] * n_assets,
                    constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-10, "maxiter": 2000})
    assert best.success
    return best.fun


def by_scipy_within(objective, limits, held):
    """The same under limits, with the weights bought and sold as variables: w = held + bought - sold."""
    n = len(held)

    def w(x):
        return held + x[:n] - x[n:]

    best = minimize(lambda x: objective(w(x)), np.zeros(2 * n), method="SLSQP", bounds=[(0, 1)] * 2 * n, constraints=[
        {"type": "eq", "fun": lambda x: w(x).sum() - 1},
        {"type": "ineq", "fun": lambda x: w(x) - limits.min_weight},
        {"type": "ineq", "fun": lambda x: limits.max_weight - w(x)},
        {"type": "ineq", "fun": lambda x: 2 * limits.max_turnover - x.sum()},
    ], options={"ftol": 1e-13, "maxiter": 2000})
    assert best.success
    return w(best.x)


def test_minimum_variance_of_independent_assets_is_inverse_variance():
    weights = long_only.minimum_variance(diagonal(1e-4, 2e-4, 4e-4)).weights
    np.testing.assert_allclose(weights, [4 / 7, 2 / 7, 1 / 7], atol=1e-7)


def test_risk_parity_of_independent_assets_is_inverse_volatility():
    weights = long_only.risk_parity(diagonal(1e-4, 4e-4, 16e-4)).weights
    np.testing.assert_allclose(weights, [4 / 7, 2 / 7, 1 / 7], rtol=1e-12)


def test_risk_parity_of_two_assets_ignores_their_correlation():
    Sigma = pd.DataFrame([[1e-4, 2e-4], [2e-4, 9e-4]], index=["A", "B"], columns=["A", "B"])
    np.testing.assert_allclose(long_only.risk_parity(Sigma).weights, [0.75, 0.25], rtol=1e-12)


def test_minimum_variance_sells_no_asset_short():
    Sigma = pd.DataFrame([[1e-4, 2e-4], [2e-4, 9e-4]], index=["A", "B"], columns=["A", "B"])  # unbounded: 7/6, -1/6
    np.testing.assert_allclose(long_only.minimum_variance(Sigma).weights, [1, 0], atol=1e-6)


def test_maximum_sharpe_of_independent_assets_is_excess_over_variance():
    best = long_only.maximum_sharpe(pd.Series({"A": 0.003, "B": 0.002}), diagonal(1e-4, 2e-4), risk_free=0.001)
    np.testing.assert_allclose(best.weights, [0.8, 0.2], atol=1e-7)  # 20 : 5


@pytest.mark.parametrize("risk_aversion, expected", [(0.0, [1, 0]), (1.0, [0.75, 0.25]), (10.0, [0.525, 0.475])])
def test_mean_variance_forecast_by_hand(risk_aversion, expected):
    """w_A = 1/2 + (mu_A - mu_B) / (4 gamma sigma^2) until the bound."""
    mu = pd.Series({"A": 0.0011, "B": 0.0010})
    best = long_only.mean_variance_forecast(mu, diagonal(1e-4, 1e-4), risk_aversion=risk_aversion)
    np.testing.assert_allclose(best.weights, expected, atol=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_weights_are_long_only_labelled_and_sum_to_one(problem, mu, Sigma):
    solution = problem(mu, Sigma)
    assert solution.weights.index.equals(Sigma.columns)
    assert solution.weights.sum() == pytest.approx(1, abs=1e-12) and (solution.weights >= 0).all()
    assert solution.status == "optimal" and solution.note == ""


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_permuting_assets_permutes_weights(problem, mu, Sigma):
    order = Sigma.columns[::-1]
    weights = problem(mu, Sigma.loc[order, order]).weights  # mu keeps its own order: joined by name
    pd.testing.assert_series_equal(weights.loc[Sigma.columns], problem(mu, Sigma).weights, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_units_move_no_weight(name, mu, Sigma):
    """Returns and their risk-free rate in units 10,000 times larger: the same portfolio."""
    problem = {**PROBLEMS, "maximum_sharpe": lambda mu, Sigma: long_only.maximum_sharpe(mu, Sigma, risk_free=0),
               "mean_variance_forecast": lambda mu, Sigma: long_only.mean_variance_forecast(
                   mu, Sigma, risk_aversion=5 * mu.abs().max() / Sigma.max(axis=None))}[name]
    small = problem(1e-4 * mu, 1e-8 * Sigma).weights
    pd.testing.assert_series_equal(small, problem(mu, Sigma).weights, atol=2e-5, rtol=0)


def test_minimum_variance_agrees_with_skfolio_and_scipy(returns, Sigma):
    w = long_only.minimum_variance(Sigma).weights
    oracle = MeanRisk(risk_measure=RiskMeasure.VARIANCE).fit(returns).weights_
    V = 1e4 * Sigma.to_numpy()
    assert w @ V @ w == pytest.approx(oracle @ V @ oracle, rel=1e-6)
    assert w @ V @ w == pytest.approx(by_scipy(lambda x: x @ V @ x, 20), rel=1e-6)


def test_minimum_variance_satisfies_its_optimality_conditions(Sigma):
    w = long_only.minimum_variance(Sigma).weights
    gradient = Sigma @ w / (w @ Sigma @ w)
    assert gradient.min() > 1 - 1e-6 and gradient[w > 1e-4].max() < 1 + 1e-6


def test_maximum_sharpe_agrees_with_skfolio_and_scipy(returns, mu, Sigma):
    def ratio(x):
        return (mu @ x - 0.0001) / np.sqrt(x @ Sigma @ x)

    w = long_only.maximum_sharpe(mu, Sigma, risk_free=0.0001).weights
    oracle = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.VARIANCE,
                      risk_free_rate=0.0001).fit(returns).weights_
    assert ratio(w) >= ratio(oracle) * (1 - 1e-7) and ratio(w) == pytest.approx(ratio(oracle), rel=1e-4)
    m, V, r = 100 * mu.to_numpy(), 1e4 * Sigma.to_numpy(), 0.01
    assert ratio(w) == pytest.approx(-by_scipy(lambda x: -(m @ x - r) / np.sqrt(x @ V @ x), 20), rel=1e-6)


@pytest.mark.parametrize("risk_aversion", [1.0, 10.0, 100.0])
def test_mean_variance_forecast_agrees_with_scipy(risk_aversion, mu, Sigma):
    m, V = mu.to_numpy(), Sigma.to_numpy()

    def objective(x):
        return 1e4 * (risk_aversion * x @ V @ x - m @ x)

    w = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=risk_aversion).weights.to_numpy()
    assert objective(w) == pytest.approx(by_scipy(objective, 20), rel=1e-5)


def test_mean_variance_forecast_is_the_closed_form_where_no_bound_binds(mu, Sigma):
    """w = V^-1 (mu - nu 1) / (2 gamma), nu from 1'w = 1."""
    few = ["JNJ", "PG", "WMT"]
    m, V, gamma = mu[few].to_numpy(), Sigma.loc[few, few].to_numpy(), 50
    V_mu, V_ones = np.linalg.solve(V, m), np.linalg.solve(V, np.ones(3))
    expected = (V_mu - (V_mu.sum() - 2 * gamma) / V_ones.sum() * V_ones) / (2 * gamma)
    assert expected.min() > 0.1
    weights = long_only.mean_variance_forecast(mu[few], Sigma.loc[few, few], risk_aversion=gamma).weights
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_mean_variance_forecast_goes_from_the_best_asset_to_minimum_variance(mu, Sigma):
    greedy = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=0).weights
    assert greedy[mu.idxmax()] == pytest.approx(1, abs=1e-5)
    fearful = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=1e7).weights
    np.testing.assert_allclose(fearful, long_only.minimum_variance(Sigma).weights, atol=1e-4)


def test_a_forecast_that_all_assets_share_moves_no_weight(mu, Sigma):
    same = [long_only.mean_variance_forecast(mu + shift, Sigma, risk_aversion=5).weights for shift in (0, 0.01)]
    np.testing.assert_allclose(same[0], same[1], atol=1e-5)


def test_risk_contributions_are_equal(Sigma):
    w = long_only.risk_parity(Sigma).weights
    contributions = w * (Sigma @ w)
    assert contributions.max() / contributions.min() - 1 < 1e-10


def test_risk_contributions_stay_equal_beside_stable_coins():
    """Volatilities four orders of magnitude apart, a twin, a partial hedge, fewer days than assets."""
    rng = np.random.default_rng(4)
    market = rng.normal(size=(30, 1))
    coins = pd.DataFrame((market + rng.normal(size=(30, 40))) * np.geomspace(1e-6, 1e-2, 40)).rename(columns=str)
    coins["twin"] = coins["39"] + 1e-6 * rng.normal(size=30)
    coins["hedge"] = -0.9 * coins["38"] + 1e-3 * rng.normal(size=30)
    Sigma = coins.cov()
    w = long_only.risk_parity(Sigma).weights
    contributions = w * (Sigma @ w)
    assert contributions.max() / contributions.min() - 1 < 1e-8


def test_risk_parity_solves_the_convex_program_with_logarithms(Sigma):
    x = cp.Variable(20)
    program = cp.Problem(cp.Minimize(cp.quad_form(x, cp.psd_wrap(1e4 * Sigma.to_numpy())) / 2 - cp.sum(cp.log(x)) / 20))
    program.solve(solver=cp.CLARABEL)
    by_program = x.value / x.value.sum()  # to the solver's own error
    np.testing.assert_allclose(long_only.risk_parity(Sigma).weights, by_program, atol=2e-5)


def test_risk_parity_agrees_with_skfolio(returns, Sigma):
    oracle = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(returns).weights_
    np.testing.assert_allclose(long_only.risk_parity(Sigma).weights, oracle, atol=1e-4)


def test_risk_parity_leaves_nothing_of_the_papers_objective(Sigma):
    """sum_ij (RC_i - RC_j)^2 is zero, and equal weight is far from it."""
    def spread(w):
        contributions = w * (Sigma @ w) / np.sqrt(w @ Sigma @ w)
        return ((contributions.to_numpy()[:, None] - contributions.to_numpy()) ** 2).sum()

    assert spread(long_only.risk_parity(Sigma).weights) < 1e-16 * spread(long_only.equal_weight(Sigma.columns).weights)


FOUR = ["JNJ", "KO", "AMD", "XOM"]
HELD = pd.Series({"XOM": 0.3, "AMD": 0.4, "KO": 0.2, "JNJ": 0.1})  # in another order than the problem
WITHIN = {
    "bounds": Limits(min_weight=0.15, max_weight=0.3),
    "turnover": Limits(max_turnover=0.05, held=HELD),
    "both": Limits(min_weight=0.05, max_weight=0.35, max_turnover=0.1, held=HELD),
}


@pytest.mark.parametrize("limits", WITHIN.values(), ids=WITHIN)
def test_risk_parity_within_limits_agrees_with_scipy(limits, Sigma):
    V = 1e4 * Sigma.loc[FOUR, FOUR]
    solution = long_only.risk_parity(V, limits=limits)
    free = long_only.risk_parity(V).weights
    assert not limits.met_by(free) and "as equal as the limits allow" in solution.note
    expected = by_scipy_within(lambda w: np.log(w @ V.to_numpy() @ w) / 2 - np.log(np.maximum(w, 1e-9)).mean(),
                               limits, HELD[FOUR].to_numpy())
    np.testing.assert_allclose(solution.weights, expected, atol=2e-5)


@pytest.mark.parametrize("limits", WITHIN.values(), ids=WITHIN)
def test_mean_variance_forecast_within_limits_agrees_with_scipy(limits, mu, Sigma):
    m, V = 1e3 * mu[FOUR].to_numpy(), 1e3 * Sigma.loc[FOUR, FOUR].to_numpy()
    weights = long_only.mean_variance_forecast(mu[FOUR], Sigma.loc[FOUR, FOUR], risk_aversion=5, limits=limits).weights
    assert not limits.met_by(long_only.mean_variance_forecast(mu[FOUR], Sigma.loc[FOUR, FOUR], risk_aversion=5).weights)
    expected = by_scipy_within(lambda w: 5 * w @ V @ w - m @ w, limits, HELD[FOUR].to_numpy())
    np.testing.assert_allclose(weights, expected, atol=2e-5)


@pytest.mark.parametrize("name", ["mean_variance_forecast", "risk_parity"])
def test_limits_are_kept_on_twenty_assets(name, mu, Sigma):
    """Three of twenty bought at random, and a tenth in an asset that is gone."""
    held = pd.Series({"GONE": 0.1, "AMD": 0.5, "KO": 0.3, "JNJ": 0.1})
    limits = Limits(min_weight=0.001, max_weight=0.45, max_turnover=0.2, held=held)
    solution = {"mean_variance_forecast": lambda: long_only.mean_variance_forecast(mu, Sigma, risk_aversion=5, limits=limits),
                "risk_parity": lambda: long_only.risk_parity(Sigma, limits=limits)}[name]()
    assert solution.weights.between(0.001 - 1e-8, 0.45 + 1e-8).all() and "least possible" not in solution.note
    assert abs(solution.weights.sub(held, fill_value=0)).sum() / 2 == pytest.approx(0.2, abs=1e-7)  # more would be better


@pytest.mark.parametrize("name", ["mean_variance_forecast", "risk_parity"])
def test_limits_that_do_not_bind_change_nothing(name, mu, Sigma):
    def problem(limits):
        if name == "risk_parity":
            return long_only.risk_parity(Sigma, limits=limits)
        return long_only.mean_variance_forecast(mu, Sigma, risk_aversion=1e4, limits=limits)

    free = problem(Limits())
    loose = problem(Limits(max_weight=0.9, max_turnover=0.99, held=free.weights))
    pd.testing.assert_series_equal(loose.weights, free.weights, atol=1e-6)
    assert loose.note == "" and loose.solver == free.solver


@pytest.mark.parametrize("name", ["mean_variance_forecast", "risk_parity"])
def test_a_turnover_of_zero_keeps_what_is_held(name, mu, Sigma):
    limits, V = Limits(max_turnover=0, held=HELD), Sigma.loc[FOUR, FOUR]
    solution = {"mean_variance_forecast": lambda: long_only.mean_variance_forecast(mu[FOUR], V, risk_aversion=5, limits=limits),
                "risk_parity": lambda: long_only.risk_parity(V, limits=limits)}[name]()
    np.testing.assert_allclose(solution.weights, HELD[FOUR], atol=3e-6)


def test_risk_parity_sells_what_is_gone_and_says_so(Sigma):
    held = pd.concat([0.7 * HELD, pd.Series({"GONE": 0.3})])
    solution = long_only.risk_parity(Sigma.loc[FOUR, FOUR], limits=Limits(max_turnover=0.1, held=held))
    assert solution.note == "contributions to risk as equal as the limits allow; turnover 30 %, the smallest possible"
    assert (solution.weights > 0.7 * HELD[FOUR] - 1e-5).all()  # nothing else is sold


def test_too_few_assets_for_the_largest_weight_are_refused(mu, Sigma):
    with pytest.raises(ValueError, match="makes it impossible for the weights of 4 assets to sum to one"):
        long_only.risk_parity(Sigma.loc[FOUR, FOUR], limits=Limits(max_weight=0.2))
    with pytest.raises(ValueError, match="makes it impossible for the weights of 4 assets to sum to one"):
        long_only.mean_variance_forecast(mu[FOUR], Sigma.loc[FOUR, FOUR], risk_aversion=1, limits=Limits(max_weight=0.2))


def test_no_mean_above_the_risk_free_rate_falls_back_to_minimum_variance(mu, Sigma):
    solution = long_only.maximum_sharpe(-mu.abs(), Sigma, risk_free=0.0)
    assert solution.status == "fallback" and "so this is minimum variance" in solution.note
    pd.testing.assert_series_equal(solution.weights, long_only.minimum_variance(Sigma).weights)


def test_a_sharpe_ratio_without_risk_has_no_largest_value_and_says_so(mu, Sigma):
    hedge = pd.DataFrame([[1e-4, -1e-4, 0], [-1e-4, 1e-4, 0], [0, 0, 1e-4]], index=[*"ABC"], columns=[*"ABC"])
    chosen = long_only.maximum_sharpe(pd.Series({"A": 1e-4, "B": 4e-4, "C": 1e-4}), hedge, risk_free=0)
    assert chosen.note == "the portfolio has almost no risk, so the ratio has no largest value"
    assert long_only.maximum_sharpe(mu, Sigma, risk_free=0).note == ""


def test_one_mean_above_the_risk_free_rate_is_enough(mu, Sigma):
    mostly_losing = (-mu.abs()).where(mu.index != "KO", 1e-6)
    solution = long_only.maximum_sharpe(mostly_losing, Sigma, risk_free=0.0)
    assert solution.status == "optimal" and solution.weights["KO"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_missing_values_give_no_weights(problem, mu, Sigma):
    gap = Sigma.copy()
    gap.iloc[1, 0] = gap.iloc[0, 1] = np.nan
    with pytest.raises(problems.OptimizationError, match="AAPL"):
        problem(mu, gap)


@pytest.mark.parametrize("name", ["maximum_sharpe", "mean_variance_forecast"])
def test_means_must_be_complete_and_of_the_same_assets(name, mu, Sigma):
    with pytest.raises(problems.OptimizationError, match="mu has no value for KO"):
        PROBLEMS[name](mu.where(mu.index != "KO"), Sigma)
    with pytest.raises(ValueError, match="other assets"):
        PROBLEMS[name](mu.rename({"KO": "COKE"}), Sigma)


def test_what_is_no_covariance_is_refused(Sigma):
    with pytest.raises(ValueError, match="positive semidefinite"):
        long_only.minimum_variance(-Sigma)
    lopsided = Sigma.copy()
    lopsided.iloc[0, 1] *= 2
    with pytest.raises(ValueError, match="symmetric"):
        long_only.risk_parity(lopsided)
    with pytest.raises(ValueError, match="The rows and columns of the covariance differ"):
        long_only.minimum_variance(Sigma.iloc[::-1])


def test_impossible_risk_parity_is_an_error():
    hedge = pd.DataFrame([[1e-4, -1e-4], [-1e-4, 1e-4]], index=["A", "B"], columns=["A", "B"])
    advice = "almost no risk; set covariance_estimator to ledoit_wolf, or ridge above 0"
    with pytest.raises(problems.OptimizationError, match=advice):
        long_only.risk_parity(hedge)
    with pytest.raises(problems.OptimizationError, match="B never moves"):
        long_only.risk_parity(diagonal(1e-4, 0.0))


def crowded(n_assets, n_days):
    """Returns of a market with one factor, five groups and fat tails, in which assets may outnumber days."""
    rng = np.random.default_rng(1)
    shared = rng.standard_t(5, (n_days, 1)) * 0.01 * rng.uniform(0.5, 1.5, n_assets)
    grouped = rng.standard_t(5, (n_days, 5)) * 0.008 @ rng.normal(0, 0.5, (5, n_assets))
    return pd.DataFrame(shared + grouped + rng.standard_t(4, (n_days, n_assets)) * 0.02)


@pytest.mark.parametrize("n_assets, n_days", [(20, 500), (126, 60), (300, 93)])
def test_risk_parity_needs_few_steps_where_assets_outnumber_days(n_assets, n_days, monkeypatch):
    steps, inverted = [], np.linalg.solve

    def counted(*system):
        steps.append(1)
        return inverted(*system)

    monkeypatch.setattr(long_only.np.linalg, "solve", counted)
    Sigma = crowded(n_assets, n_days).cov()
    weights = long_only.risk_parity(Sigma).weights
    assert len(steps) <= 20
    np.testing.assert_allclose(n_assets * weights * (Sigma @ weights) / (weights @ Sigma @ weights), 1, rtol=0, atol=1e-12)


A, B, C = np.random.default_rng(3).normal(0, 0.01, (3, 200))
SINGULAR = {  # returns, and what is said where no long-only portfolio shares the risk
    "twins": ({"A": A, "B": A, "C": C}, ""), "all alike": ({"A": A, "B": A, "C": A}, ""),
    "more assets than days": (crowded(40, 20), ""), "nearly still": ({"A": A, "B": 1e-12 * B, "C": C}, ""),
    "still": ({"A": A, "B": 0 * B, "C": C}, "B never moves"), "all still": ({"A": 0 * A, "B": 0 * B}, "A, B never move"),
    "a hedge": ({"A": A, "B": -A, "C": C}, "almost no risk"), "nothing but a hedge": ({"A": A, "B": -A}, "almost no risk"),
    "three that cancel": ({"A": A, "B": B, "AB": -A - B, "C": C}, "almost no risk"),
    "a hedge but for rounding": ({"A": A, "B": 1e-8 * B - A, "C": C}, "almost no risk"),
    "far more assets than days": (pd.DataFrame(np.random.default_rng(4).normal(0, 0.01, (5, 60))), "almost no risk"),
}


@pytest.mark.parametrize("returns, said", SINGULAR.values(), ids=SINGULAR)
def test_risk_parity_of_a_singular_covariance_is_right_or_an_error(returns, said):
    Sigma = pd.DataFrame(returns).cov()
    if said:
        with pytest.raises(problems.OptimizationError, match=said):
            long_only.risk_parity(Sigma)
    else:
        solution = long_only.risk_parity(Sigma)
        assert solution.status == "optimal" and solution.spread < 1e-9 and solution.weights.sum() == pytest.approx(1)


def test_a_solver_that_finds_nothing_is_an_error():
    w = cp.Variable(2)
    with pytest.raises(problems.OptimizationError, match="infeasible"):
        solvers.solve(cp.Problem(cp.Minimize(cp.sum(w)), [w >= 0, cp.sum(w) == -1]), cp.CLARABEL)


def test_dust_is_swept_and_short_positions_are_errors():
    swept = solvers.without_dust(np.array([0.5, 0.5 + 1e-7, -1e-7]), pd.Index(["A", "B", "C"]))
    assert swept["C"] == 0 and swept.sum() == pytest.approx(1, abs=1e-15)
    for weights in ([1.00001, -0.00001], [np.nan, 1.0]):
        with pytest.raises(problems.OptimizationError):
            solvers.without_dust(np.array(weights), pd.Index(["A", "B"]))


def test_inputs_are_not_changed(mu, Sigma):
    before = mu.copy(), Sigma.copy()
    for problem in PROBLEMS.values():
        problem(mu, Sigma)
    pd.testing.assert_series_equal(mu, before[0])
    pd.testing.assert_frame_equal(Sigma, before[1])


def test_effective_holdings_count_equal_positions():
    assert holdings.effective_holdings(long_only.equal_weight(list("ABCD")).weights) == pytest.approx(4)
    long = pd.DataFrame({"rebalance_date": pd.to_datetime(["2024-01-31"] * 4), "strategy": ["x", "x", "y", "y"],
                         "asset": ["A", "B"] * 2, "weight": [1.0, 0.0, 0.5, 0.5]})
    by_date = holdings.concentration(long)
    assert by_date[["strategy", "effective_holdings"]].to_numpy().tolist() == [["x", 1.0], ["y", 2.0]]


def test_spread_is_that_of_contributions_on_the_covariance_given(Sigma):
    assert 0 <= long_only.risk_parity(Sigma).spread < 1e-12
    bound = long_only.risk_parity(diagonal(1e-4, 9e-4), limits=Limits(max_weight=0.6))  # 0.36 against 0.16 x 9
    assert bound.spread == pytest.approx(3, rel=1e-4)
    assert np.isnan(long_only.minimum_variance(Sigma).spread)


def test_spread_is_infinite_where_an_asset_takes_risk_away():
    hedge = pd.DataFrame([[1e-4, -1.5e-4], [-1.5e-4, 4e-4]], index=["A", "B"], columns=["A", "B"])
    bound = long_only.risk_parity(hedge, limits=Limits(min_weight=0.3))
    assert bound.spread < np.inf
    bound = long_only.risk_parity(hedge, limits=Limits(max_turnover=0.01, held=pd.Series({"A": 0.95, "B": 0.05})))
    w = bound.weights
    assert (w * (hedge @ w)).min() < 0 and bound.spread == np.inf


def test_a_covariance_of_many_still_assets_names_three_of_them():
    with pytest.raises(problems.OptimizationError, match="^A, B, C and 2 others never move, so they can contribute no risk"):
        long_only.risk_parity(diagonal(0, 0, 0, 0, 0, 1e-4))
    with pytest.raises(problems.OptimizationError, match="^A, B never move, so they"):
        long_only.risk_parity(diagonal(0, 0, 1e-4))


# ------------------------------------------------------------------------------------------------------ scenarios
@pytest.fixture(scope="module")
def scenarios():
    return load_sp500_dataset().pct_change().iloc[-500:]


def sortino(w, scenarios, target):
    earned = scenarios.to_numpy() @ np.asarray(w) - target
    return earned.mean() / np.sqrt((np.minimum(earned, 0) ** 2).mean())


def cvar(w, scenarios, confidence):
    losses = np.sort(-scenarios.to_numpy() @ np.asarray(w))[::-1]
    share = np.clip((1 - confidence) * len(losses) - np.arange(len(losses)), 0, 1)  # the last day of the tail in part
    return losses @ share / share.sum()


def test_maximum_sortino_by_hand():
    """Equal means and separate losing days: the smallest (2 w)^2 + (4 (1 - w))^2 is at w = 0.8; C only loses."""
    scenarios = pd.DataFrame({"A": [0.04, -0.02, 0.0], "B": [0.06, 0.0, -0.04], "C": [-0.02, -0.01, 0.0]})
    np.testing.assert_allclose(long_only.maximum_sortino(scenarios, target=0).weights, [0.8, 0.2, 0], atol=1e-5)


def test_a_portfolio_that_never_loses_is_the_best_sortino():
    scenarios = pd.DataFrame({"A": [0.03, -0.01], "B": [-0.01, 0.03], "C": [-0.02, -0.01]})
    assert (scenarios @ long_only.maximum_sortino(scenarios, target=0).weights).min() > -1e-6


def test_a_sortino_ratio_without_a_day_below_the_target_has_no_largest_value_and_the_note_says_so():
    rising = pd.DataFrame({"cash": [1e-4, 2e-4, 1e-4], "A": [0.02, -0.01, 0.0]})
    assert "no day is below the target" in long_only.maximum_sortino(rising, target=0).note
    assert long_only.maximum_sortino(rising.assign(cash=[1e-4, -1e-4, 1e-4]), target=0).note == ""


def test_risk_parity_names_what_rises_by_the_same_every_day_but_for_rounding():
    prices = pd.DataFrame({"A": [10.0, 11.0, 10.5, 10.8], "cash": 100 * 1.0001 ** np.arange(4)})
    with pytest.raises(problems.OptimizationError, match="^cash never moves"):
        long_only.risk_parity(prices.pct_change().iloc[1:].cov())


def test_maximum_sortino_agrees_with_skfolio(scenarios):
    w = long_only.maximum_sortino(scenarios, target=0.0001).weights
    oracle = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.SEMI_VARIANCE,
                      min_acceptable_return=0.0001, risk_free_rate=0.0001).fit(scenarios).weights_
    ours, theirs = (sortino(weights, scenarios, 0.0001) for weights in (w, oracle))
    assert ours >= theirs * (1 - 1e-7) and ours == pytest.approx(theirs, rel=1e-4)


def test_no_mean_above_the_target_falls_back_to_minimum_variance(scenarios):
    solution = long_only.maximum_sortino(scenarios, target=0.1)
    assert solution.status == "fallback" and "so this is minimum variance" in solution.note
    pd.testing.assert_series_equal(solution.weights, minimum_variance(scenarios.cov()).weights)


def test_minimum_cvar_agrees_with_skfolio_and_scipy(scenarios):
    w = long_only.minimum_cvar(scenarios, confidence=0.95).weights
    oracle = MeanRisk(risk_measure=RiskMeasure.CVAR, cvar_beta=0.95).fit(scenarios).weights_
    assert cvar(w, scenarios, 0.95) == pytest.approx(cvar(oracle, scenarios, 0.95), rel=1e-6)
    R, n_days, n_assets = scenarios.to_numpy(), *scenarios.shape
    program = linprog(np.concatenate([np.zeros(n_assets), [1], np.full(n_days, 1 / (0.05 * n_days))]),
                      A_ub=np.hstack([-R, -np.ones((n_days, 1)), -np.eye(n_days)]), b_ub=np.zeros(n_days),
                      A_eq=[[1] * n_assets + [0] * (n_days + 1)], b_eq=[1],
                      bounds=[(0, None)] * n_assets + [(None, None)] + [(0, None)] * n_days)
    assert cvar(w, scenarios, 0.95) == pytest.approx(program.fun, rel=1e-6)


def test_cvar_counts_the_worst_days_by_hand():
    """Worst half of four days: A loses 4 % and 2 %, B 3.5 % and 3 %; A is better by mean, and they fall together."""
    scenarios = pd.DataFrame({"A": [-0.04, -0.02, 0.01, 0.01], "B": [-0.035, -0.03, 0.01, 0.01]})
    np.testing.assert_allclose(long_only.minimum_cvar(scenarios, confidence=0.5).weights, [1, 0], atol=1e-9)
    np.testing.assert_allclose(long_only.minimum_cvar(scenarios, confidence=0.75).weights, [0, 1], atol=1e-9)


def test_each_of_four_objectives_is_best_at_its_own(scenarios):
    Sigma = scenarios.cov()
    held = {
        "sharpe": maximum_sharpe(scenarios.mean(), Sigma, risk_free=0),
        "sortino": long_only.maximum_sortino(scenarios, target=0),
        "variance": minimum_variance(Sigma),
        "cvar": long_only.minimum_cvar(scenarios, confidence=0.95),
    }
    achieved = pd.DataFrame({
        name: {
            "sharpe": (scenarios @ solution.weights).mean() / (scenarios @ solution.weights).std(),
            "sortino": sortino(solution.weights, scenarios, 0),
            "variance": -(solution.weights @ Sigma @ solution.weights),
            "cvar": -cvar(solution.weights, scenarios, 0.95),
        }
        for name, solution in held.items()
    })
    for objective, row in achieved.iterrows():
        others = row.drop(objective)
        assert (row[objective] > others + 1e-3 * others.abs()).all(), objective
