from functools import partial

import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.market import covariance
from forefolio.portfolios.problems import covariance_matrix
from forefolio.study import vocabulary


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().iloc[-600:].pct_change().iloc[1:]


def test_every_estimator_of_the_vocabulary_has_its_function():
    assert list(covariance.ESTIMATORS) == list(vocabulary.COVARIANCES)


@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_permuting_assets_permutes_every_estimate(returns, estimator):
    few = returns.iloc[-250:, :8]
    estimate, order = partial(covariance.estimate, estimator=estimator, ridge=0.1), few.columns[::-1]
    pd.testing.assert_frame_equal(estimate(few[order]), estimate(few).loc[order, order], rtol=1e-9)


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


# ------------------------------------------------------------------------------------------ estimators of the registry
def dirty(returns):
    """Days and assets as prices bring them: one that never moves, a near copy, a stable coin, few days."""
    rng, days = np.random.default_rng(7), returns.iloc[-120:, :4]
    noise = rng.normal(size=len(days))
    traded_once = pd.Series(0.0, days.index)
    traded_once.iloc[60] = 0.3
    return {"still": days.assign(STILL=0.0), "all still": 0 * days, "only one moves": days.mul([1, 0, 0, 0]),
            "twin": days.assign(TWIN=days.iloc[:, 0]), "near copy": days.assign(COPY=days.iloc[:, 0] + 1e-7 * noise),
            "stable coin": days.assign(STABLE=1e-5 * noise), "hardly traded": days.assign(ONCE=traded_once),
            "grows evenly": days.assign(EVEN=0.001), "fewer days than assets": returns.iloc[-12:],
            "as many days as assets": returns.iloc[-20:], "two days": returns.iloc[-2:], "one asset": days.iloc[:, :1]}


@pytest.mark.filterwarnings("ignore:GARCH could not be fitted", "ignore:No (gerber|denoised) correlation")
@pytest.mark.parametrize("case", dirty(pd.DataFrame(np.zeros((120, 4)))))
@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_every_estimate_of_dirty_returns_is_labelled_and_positive_semidefinite(estimator, case, returns):
    sample = dirty(returns)[case]
    Sigma = covariance.estimate(sample, estimator=estimator, ridge=0.0)
    assert Sigma.index.equals(sample.columns) and Sigma.columns.equals(sample.columns)
    values = covariance_matrix(Sigma)  # refuses what is missing, not symmetric or not positive semidefinite
    if estimator != "ledoit_wolf":  # which gives every asset some of the mean variance
        still = (sample == 0).all().to_numpy()
        assert (values[still] == 0).all()
    moves = (sample.std() > 1e-12).to_numpy()
    assert (np.diag(values)[moves] > 0).all()


@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_only_estimates_that_are_ordered_depend_on_the_order_of_days(estimator, returns):
    days = returns.iloc[-250:, :4]
    shuffled = days.sample(frac=1, random_state=1)
    same = np.allclose(covariance.ESTIMATORS[estimator](days), covariance.ESTIMATORS[estimator](shuffled), rtol=1e-9)
    assert same != vocabulary.COVARIANCES[estimator].ordered


@pytest.mark.parametrize("estimator", covariance.ESTIMATORS)
def test_returns_twice_as_large_have_four_times_the_covariance(estimator, returns):
    days = returns.iloc[-250:, :3]
    estimate = covariance.ESTIMATORS[estimator]
    np.testing.assert_allclose(estimate(2 * days), 4 * estimate(days), rtol=1e-6)


@pytest.mark.parametrize("estimator", [name for name, kind in vocabulary.COVARIANCES.items() if kind.invertible])
def test_an_estimate_called_invertible_is_so_with_fewer_days_than_assets(estimator, returns):
    assert covariance.condition_number(covariance.estimate(returns.iloc[-8:], estimator=estimator, ridge=0.0)) < 1e6


def test_ewma_is_pandas_weighted_mean_of_products(returns):
    days = returns.iloc[-250:, :3]
    products = pd.DataFrame({(a, b): days[a] * days[b] for a in days for b in days})
    expected = products.ewm(alpha=1 - covariance.DECAY, adjust=True).mean().iloc[-1].unstack()
    pd.testing.assert_frame_equal(covariance.ewma(days), expected.loc[days.columns, days.columns], check_names=False)


def test_gerber_counts_common_moves_by_hand():
    """Deviation 0.0195: all but the small moves count; together +1 twice, against each other once, alone twice."""
    moves = pd.DataFrame({"A": [0.02, 0.02, -0.02, -0.02, 0.001, 0.001], "B": [0.02, 0.02, 0.02, 0.001, -0.02, 0.001]})
    Sigma = covariance.gerber(moves)
    assert covariance.standardized(Sigma).loc["A", "B"] == pytest.approx((2 - 1) / 5)
    np.testing.assert_allclose(np.diag(Sigma), moves.var())


def test_gerber_agrees_with_its_definition_on_real_returns(returns):
    days = returns.iloc[-250:, :6].to_numpy()
    side = np.sign(days) * (np.abs(days) >= covariance.GERBER_THRESHOLD * days.std(axis=0))
    expected = np.eye(6)
    for i in range(6):
        for j in range(i):
            both = side[:, i] * side[:, j]
            expected[i, j] = expected[j, i] = both.sum() / ((side[:, i] != 0) | (side[:, j] != 0)).sum()
    found = covariance.standardized(covariance.gerber(returns.iloc[-250:, :6]))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_denoised_keeps_what_stands_out_and_evens_out_the_rest(returns):
    """Its correlation has the sample's eigenvectors; the largest eigenvalues above one mean value of the others."""
    days = returns.iloc[-250:]
    eigenvalues, vectors = np.linalg.eigh(days.corr())
    Sigma = covariance.denoised(days)
    np.testing.assert_allclose(np.diag(Sigma), days.var())
    for n_noise in range(1, 20):  # one of these cuts is the one
        kept = np.where(np.arange(20) < n_noise, eigenvalues[:n_noise].mean(), eigenvalues)
        R = vectors @ np.diag(kept) @ vectors.T
        if np.allclose(R / np.sqrt(np.outer(np.diag(R), np.diag(R))), covariance.standardized(Sigma), atol=1e-8):
            break
    else:
        pytest.fail("no cut of the spectrum gives this matrix")
    assert 10 <= n_noise < 20 and eigenvalues[n_noise - 1] < (1 + np.sqrt(20 / 250)) ** 2


def test_denoised_finds_nothing_in_independent_returns():
    rng = np.random.default_rng(11)
    noise = pd.DataFrame(0.01 * rng.normal(size=(500, 40)))
    R = covariance.standardized(covariance.denoised(noise)).to_numpy()
    sample = noise.corr().to_numpy()
    off = ~np.eye(40, dtype=bool)
    assert np.abs(R[off]).mean() < 0.5 * np.abs(sample[off]).mean()


def test_garch_follows_its_recursion(returns):
    """An independent recursion with arch's parameters gives the same mean variance and correlation."""
    from arch import arch_model

    days, residuals, variances = returns.iloc[-400:, :2], [], []
    for name in days:
        values = days[name] / days[name].std()
        mu, omega, alpha, beta = arch_model(values.to_numpy(), rescale=False).fit(disp="off").params
        shocks = values.to_numpy() - mu
        decay = 0.94 ** np.arange(75)
        h = [decay @ shocks[:75] ** 2 / decay.sum()]  # where arch starts, but for its first guess of the mean
        for shock in shocks:
            h.append(omega + alpha * shock ** 2 + beta * h[-1])
        residuals.append(shocks / np.sqrt(h[:-1]))
        ahead, path = h[-1], []
        for _ in range(covariance.MONTH):
            path.append(ahead)
            ahead = omega + (alpha + beta) * ahead
        variances.append(np.mean(path) * days[name].var())
    Sigma = covariance.garch(days)
    np.testing.assert_allclose(np.diag(Sigma), variances, rtol=0.01)
    assert covariance.standardized(Sigma).iloc[0, 1] == pytest.approx(np.corrcoef(residuals)[0, 1], abs=5e-3)


def test_garch_and_ewma_see_a_storm_that_the_sample_averages_away():
    rng = np.random.default_rng(5)
    days = pd.DataFrame(rng.normal(size=(300, 2)) * np.where(np.arange(300) < 250, 0.01, 0.03)[:, None])
    sample = np.diag(days.cov())
    assert (np.diag(covariance.ewma(days)) > 2 * sample).all()
    assert (np.diag(covariance.garch(days)) > 2 * sample).all()


def test_garch_says_where_a_sample_variance_stands_in(returns):
    few = returns.iloc[-30:, :2]
    with pytest.warns(UserWarning, match=f"not be fitted to the 30 days of {few.columns[0]} and {few.columns[1]}; "):
        Sigma = covariance.garch(few)
    pd.testing.assert_frame_equal(Sigma, few.cov())
