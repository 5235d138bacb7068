import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio import covariance as subject


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().iloc[-600:].pct_change().iloc[1:]


def test_sample_covariance_divides_by_one_less_than_the_days():
    returns = pd.DataFrame({"A": [0.01, 0.03, 0.05], "B": [0.02, 0.00, -0.02]})
    expected = pd.DataFrame([[4e-4, -4e-4], [-4e-4, 4e-4]], index=["A", "B"], columns=["A", "B"])
    pd.testing.assert_frame_equal(subject.sample_covariance(returns), expected)


@pytest.mark.parametrize("estimate", [
    subject.sample_covariance, subject.ledoit_wolf, subject.correlation,
    lambda returns: subject.exponential_covariance(returns, halflife=20),
])
def test_permuting_assets_permutes_every_estimate(returns, estimate):
    order = returns.columns[::-1]
    pd.testing.assert_frame_equal(estimate(returns[order]), estimate(returns).loc[order, order])


def test_ledoit_wolf_is_positive_definite_with_fewer_days_than_assets(returns):
    few = returns.iloc[:10]
    assert subject.condition_number(subject.sample_covariance(few)) == float("inf")
    assert subject.condition_number(subject.ledoit_wolf(few)) < 1e3


def test_ledoit_wolf_lies_on_the_line_from_the_sample_to_the_mean_variance(returns):
    few = returns.iloc[:60]
    sample = subject.sample_covariance(few).to_numpy() * 59 / 60
    target = np.eye(20) * np.trace(sample) / 20
    shrinkage = (sample - subject.ledoit_wolf(few).to_numpy()) / np.where(sample == target, np.nan, sample - target)
    assert np.nanstd(shrinkage) < 1e-9 and 0 < np.nanmean(shrinkage) < 1


def test_exponential_covariance_is_what_pandas_weights(returns):
    pandas = returns.ewm(halflife=30).cov().loc[returns.index[-1]]
    np.testing.assert_allclose(subject.exponential_covariance(returns, halflife=30), pandas, rtol=1e-9)


def test_a_long_halflife_weights_all_days_alike(returns):
    long = subject.exponential_covariance(returns, halflife=1e9)
    pd.testing.assert_frame_equal(long, subject.sample_covariance(returns), rtol=1e-5)


def test_clustered_order_brings_the_members_of_each_block_together():
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(500, 2))
    names = [f"{block}{i}" for i in range(4) for block in "xy"]  # blocks alternate
    returns = pd.DataFrame({name: factors[:, "xy".index(name[0])]
                            + 0.5 * rng.normal(size=500) for name in names})
    order = subject.clustered_order(subject.correlation(returns))
    assert sorted(order) == sorted(names)
    assert [name[0] for name in order] in (list("xxxxyyyy"), list("yyyyxxxx"))


def test_two_assets_need_no_clusters():
    assert subject.clustered_order(pd.DataFrame(np.eye(2), index=["A", "B"], columns=["A", "B"])) == ["A", "B"]


def test_rolling_average_correlation_is_the_mean_of_each_window_s_pairs(returns):
    rolling = subject.rolling_average_correlation(returns, window=40)
    assert rolling.index.equals(returns.index[39:])
    for last in (39, 200, len(returns) - 1):
        pairs = returns.iloc[last - 39 : last + 1].corr().to_numpy()[np.triu_indices(20, k=1)]
        assert rolling.loc[returns.index[last]] == pytest.approx(pairs.mean(), abs=1e-12)


def test_an_asset_that_stands_still_is_left_out_of_its_window(returns):
    frozen = returns.assign(HALTED=np.where(np.arange(len(returns)) < 100, 0.0, returns["AAPL"]))
    with_it, without = (subject.rolling_average_correlation(frame, window=50) for frame in (frozen, returns))
    np.testing.assert_allclose(with_it.iloc[:50], without.iloc[:50], atol=1e-12)
    assert (with_it.iloc[100:] - without.iloc[100:]).abs().min() > 0


def test_eigenvalues_descend_and_share_all_variance(returns):
    spectrum = subject.spectrum(subject.correlation(returns), n_days=len(returns))
    assert spectrum["rank"].tolist() == list(range(1, 21))
    assert spectrum["eigenvalue"].is_monotonic_decreasing
    assert spectrum["eigenvalue"].sum() == pytest.approx(20) and spectrum["share"].sum() == pytest.approx(1)


def test_noise_stays_below_the_edge_and_a_market_rises_above(returns):
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(2000, 40))).rename(columns=str)
    spectrum = subject.spectrum(subject.correlation(noise), n_days=2000)
    assert spectrum["eigenvalue"].iloc[0] < 1.05 * spectrum["noise_edge"].iloc[0]
    market = subject.spectrum(subject.correlation(returns), n_days=len(returns))
    assert market["eigenvalue"].iloc[0] > 3 * market["noise_edge"].iloc[0]


def test_condition_number_of_a_duplicate_is_infinite(returns):
    twice = subject.sample_covariance(returns.assign(TWIN=returns["AAPL"]))
    assert subject.condition_number(twice) > 1e12
    assert subject.condition_number(subject.sample_covariance(returns)) == pytest.approx(
        np.linalg.cond(returns.cov()), rel=1e-6)


def test_near_duplicates_lists_each_close_pair_once_closest_first(returns):
    noise = np.random.default_rng(2).normal(scale=1e-3, size=len(returns))
    market = returns[["AAPL", "JPM"]].assign(APPLE=returns["AAPL"], MORGAN=returns["JPM"] + noise)
    pairs = subject.near_duplicates(subject.correlation(market), threshold=0.9)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["AAPL", "APPLE"], ["JPM", "MORGAN"]]
    assert pairs["correlation"].iloc[0] == pytest.approx(1)


@pytest.mark.parametrize("estimate", [subject.sample_covariance, subject.ledoit_wolf, subject.correlation])
def test_gaps_and_single_days_are_refused(returns, estimate):
    gap = returns.copy()
    gap.iloc[3, 1] = np.nan
    with pytest.raises(ValueError, match=f"{returns.columns[1]} have gaps"):
        estimate(gap)
    with pytest.raises(ValueError, match="needs two"):
        estimate(returns.iloc[:1])


def test_options_that_make_no_sense_are_refused(returns):
    with pytest.raises(ValueError, match="halflife"):
        subject.exponential_covariance(returns, halflife=0)
    with pytest.raises(ValueError, match="window"):
        subject.rolling_average_correlation(returns, window=len(returns) + 1)
    with pytest.raises(ValueError, match="HALTED never moves"):
        subject.correlation(returns.assign(HALTED=0.0))
    with pytest.raises(ValueError, match="n_days"):
        subject.spectrum(subject.correlation(returns), n_days=0)


def test_returns_are_not_changed(returns):
    before = returns.copy()
    subject.rolling_average_correlation(returns, window=40)
    subject.exponential_covariance(returns, halflife=5)
    pd.testing.assert_frame_equal(returns, before)
