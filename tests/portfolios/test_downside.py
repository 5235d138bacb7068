import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from skfolio import RiskMeasure
from skfolio.datasets import load_sp500_dataset
from skfolio.optimization import MeanRisk, ObjectiveFunction

from forefolio.portfolios import long_only
from forefolio.portfolios.long_only import maximum_sharpe, minimum_variance


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().pct_change().iloc[1:]


@pytest.fixture(scope="module")
def scenarios(returns):
    return returns.iloc[-500:]


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


def test_maximum_sortino_agrees_with_skfolio(scenarios):
    w = long_only.maximum_sortino(scenarios, target=0.0001).weights
    oracle = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, risk_measure=RiskMeasure.SEMI_VARIANCE,
                      min_acceptable_return=0.0001, risk_free_rate=0.0001).fit(scenarios).weights_
    ours, theirs = (sortino(weights, scenarios, 0.0001) for weights in (w, oracle))
    assert ours >= theirs * (1 - 1e-7) and ours == pytest.approx(theirs, rel=1e-4)


def test_no_mean_above_the_target_falls_back_to_minimum_variance(scenarios):
    solution = long_only.maximum_sortino(scenarios, target=0.1)
    assert solution.status == "fallback" and "minimum variance instead" in solution.note
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


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_fraction(confidence, scenarios):
    with pytest.raises(ValueError, match="confidence"):
        long_only.minimum_cvar(scenarios, confidence=confidence)


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
