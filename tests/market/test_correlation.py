import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.market import correlation


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().iloc[-600:].pct_change().iloc[1:]


def test_clustered_order_brings_the_members_of_each_block_together():
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(500, 2))
    names = [f"{block}{i}" for i in range(4) for block in "xy"]  # blocks alternate
    returns = pd.DataFrame({name: factors[:, "xy".index(name[0])]
                            + 0.5 * rng.normal(size=500) for name in names})
    order = correlation.clustered_order(returns.corr())
    assert sorted(order) == sorted(names)
    assert [name[0] for name in order] in (list("xxxxyyyy"), list("yyyyxxxx"))


def test_two_assets_need_no_clusters():
    assert correlation.clustered_order(pd.DataFrame(np.eye(2), index=["A", "B"], columns=["A", "B"])) == ["A", "B"]


def test_rolling_average_correlation_is_the_mean_of_each_window_s_pairs(returns):
    rolling = correlation.rolling_average_correlation(returns, window=40)
    assert rolling.index.equals(returns.index[39:])
    for last in (39, 200, len(returns) - 1):
        pairs = returns.iloc[last - 39 : last + 1].corr().to_numpy()[np.triu_indices(20, k=1)]
        assert rolling.loc[returns.index[last]] == pytest.approx(pairs.mean(), abs=1e-12)


def test_an_asset_that_stands_still_is_left_out_of_its_window(returns):
    frozen = returns.assign(HALTED=np.where(np.arange(len(returns)) < 100, 0.0, returns["AAPL"]))
    with_it, without = (correlation.rolling_average_correlation(frame, window=50) for frame in (frozen, returns))
    np.testing.assert_allclose(with_it.iloc[:50], without.iloc[:50], atol=1e-12)
    assert (with_it.iloc[100:] - without.iloc[100:]).abs().min() > 0


def test_eigenvalues_descend_and_share_all_variance(returns):
    spectrum = correlation.spectrum(returns.corr(), n_days=len(returns))
    assert spectrum["rank"].tolist() == list(range(1, 21))
    assert spectrum["eigenvalue"].is_monotonic_decreasing
    assert spectrum["eigenvalue"].sum() == pytest.approx(20) and spectrum["share"].sum() == pytest.approx(1)


def test_noise_stays_below_the_edge_and_a_market_rises_above(returns):
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(2000, 40))).rename(columns=str)
    spectrum = correlation.spectrum(noise.corr(), n_days=2000)
    assert spectrum["eigenvalue"].iloc[0] < 1.05 * spectrum["noise_edge"].iloc[0]
    market = correlation.spectrum(returns.corr(), n_days=len(returns))
    assert market["eigenvalue"].iloc[0] > 3 * market["noise_edge"].iloc[0]


def test_near_duplicates_lists_each_close_pair_once_closest_first(returns):
    noise = np.random.default_rng(2).normal(scale=1e-3, size=len(returns))
    market = returns[["AAPL", "JPM"]].assign(APPLE=returns["AAPL"], MORGAN=returns["JPM"] + noise)
    pairs = correlation.near_duplicates(market.corr(), threshold=0.9)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["AAPL", "APPLE"], ["JPM", "MORGAN"]]
    assert pairs["correlation"].iloc[0] == pytest.approx(1)


def test_returns_are_not_changed(returns):
    before = returns.copy()
    correlation.rolling_average_correlation(returns, window=40)
    pd.testing.assert_frame_equal(returns, before)
