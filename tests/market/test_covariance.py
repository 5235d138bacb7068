from functools import partial

import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.market import covariance


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().iloc[-600:].pct_change().iloc[1:]


@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_permuting_assets_permutes_every_estimate(returns, estimator):
    estimate, order = partial(covariance.estimate, estimator=estimator, ridge=0.1), returns.columns[::-1]
    pd.testing.assert_frame_equal(estimate(returns[order]), estimate(returns).loc[order, order])


def test_ledoit_wolf_is_positive_definite_with_fewer_days_than_assets(returns):
    few = returns.iloc[:10]
    assert covariance.condition_number(few.cov()) == float("inf")
    assert covariance.condition_number(covariance.ledoit_wolf(few)) < 1e3


def test_ledoit_wolf_lies_on_the_line_from_the_sample_to_the_mean_variance(returns):
    few = returns.iloc[:60]
    sample = few.cov().to_numpy() * 59 / 60
    target = np.eye(20) * np.trace(sample) / 20
    shrinkage = (sample - covariance.ledoit_wolf(few).to_numpy()) / np.where(sample == target, np.nan, sample - target)
    assert np.nanstd(shrinkage) < 1e-9 and 0 < np.nanmean(shrinkage) < 1


def test_condition_number_of_a_duplicate_is_infinite(returns):
    twice = returns.assign(TWIN=returns["AAPL"]).cov()
    assert covariance.condition_number(twice) > 1e12
    assert covariance.condition_number(returns.cov()) == pytest.approx(
        np.linalg.cond(returns.cov()), rel=1e-6)


@pytest.mark.parametrize("ridge", [1e-3, 0.1])
def test_a_ridge_lifts_every_eigenvalue_of_the_correlation(ridge, returns):
    """l becomes (l + ridge) / (1 + ridge); with a twin among the assets the smallest l is zero."""
    twins = returns.assign(TWIN=returns["AAPL"])
    loaded = covariance.estimate(twins, estimator="sample", ridge=ridge)
    volatility = np.sqrt(np.diag(loaded))
    eigenvalues = np.linalg.eigvalsh(loaded / np.outer(volatility, volatility))
    before = np.linalg.eigvalsh(twins.corr())
    np.testing.assert_allclose(eigenvalues, (before + ridge) / (1 + ridge), atol=1e-12)
    assert eigenvalues[0] == pytest.approx(ridge / (1 + ridge))


def test_a_ridge_leaves_a_stable_coin_calm_where_ledoit_wolf_does_not(returns):
    stable = returns.assign(STABLE=1e-5 * np.random.default_rng(4).normal(size=len(returns)))
    loaded = covariance.estimate(stable, estimator="sample", ridge=0.01).loc["STABLE", "STABLE"]
    assert loaded == pytest.approx(1.01 * stable["STABLE"].var(), rel=1e-12)
    assert covariance.ledoit_wolf(stable).loc["STABLE", "STABLE"] > 1000 * loaded


@pytest.mark.parametrize("estimator, function", [("sample", pd.DataFrame.cov),
                                                 ("ledoit_wolf", covariance.ledoit_wolf)])
def test_an_estimate_without_ridge_is_exactly_the_estimators_matrix(estimator, function, returns):
    pd.testing.assert_frame_equal(covariance.estimate(returns, estimator=estimator, ridge=0.0), function(returns),
                                  check_exact=True)
    loaded = covariance.estimate(returns, estimator=estimator, ridge=0.2)
    pd.testing.assert_frame_equal(loaded, function(returns) * (1 + 0.2 * np.eye(20)))


@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_gaps_and_single_days_are_refused(returns, estimator):
    gap = returns.copy()
    gap.iloc[3, 1] = np.nan
    with pytest.raises(ValueError, match=f"{returns.columns[1]} have gaps"):
        covariance.estimate(gap, estimator=estimator, ridge=0.0)
    with pytest.raises(ValueError, match="needs two"):
        covariance.estimate(returns.iloc[:1], estimator=estimator, ridge=0.0)


def test_returns_are_not_changed(returns):
    before = returns.copy()
    covariance.estimate(returns, estimator="ledoit_wolf", ridge=0.1)
    pd.testing.assert_frame_equal(returns, before)
