from itertools import combinations

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


def test_what_the_market_takes_lowers_the_edge_for_the_others(returns):
    market = correlation.spectrum(returns.corr(), n_days=len(returns)).iloc[0]
    assert market["rest_edge"] == pytest.approx((20 - market["eigenvalue"]) / 19 * market["noise_edge"])
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(2000, 40))).rename(columns=str)
    first = correlation.spectrum(noise.corr(), n_days=2000).iloc[0]  # below the edge: no movement, which takes no share
    assert first["eigenvalue"] < first["noise_edge"] == first["rest_edge"]


def test_the_lower_edge_finds_the_groups_that_a_strong_market_hides():
    rng = np.random.default_rng(8)
    groups = np.repeat(rng.normal(size=(2000, 4)), 5, axis=1)  # four groups of five assets
    moves = 2 * rng.normal(size=(2000, 1)) + 0.9 * groups + 1.5 * rng.normal(size=(2000, 20))
    spectrum = correlation.spectrum(pd.DataFrame(moves).corr(), n_days=2000)
    assert (spectrum["eigenvalue"] > spectrum["noise_edge"]).sum() == 1
    assert (spectrum["eigenvalue"] > spectrum["rest_edge"]).sum() == 4  # the market, and three differences of four groups


def test_the_lower_edge_finds_no_second_movement_where_the_market_is_the_only_one():
    rng, found = np.random.default_rng(5), []
    for _ in range(60):
        moves = 0.6 * rng.normal(size=(1000, 1)) + 0.8 * rng.normal(size=(1000, 20))
        spectrum = correlation.spectrum(pd.DataFrame(moves).corr(), n_days=1000)
        found.append((spectrum["eigenvalue"] > spectrum["rest_edge"]).sum())
    assert np.mean(np.equal(found, 1)) > 0.9


def test_volatility_of_equal_weights_is_the_root_of_the_mean_variance_over_all_choices(returns):
    Sigma = returns.iloc[:, :6].cov()
    volatility = correlation.equal_weight_volatility(Sigma)
    for n in range(1, 7):
        chosen = [Sigma.to_numpy()[np.ix_(some, some)].sum() / n**2 for some in map(list, combinations(range(6), n))]
        assert volatility[n] ** 2 == pytest.approx(np.mean(chosen))


def test_volatility_of_a_perfect_hedge_is_zero_and_not_missing():
    Sigma = pd.DataFrame([[0.04, -0.04], [-0.04, 0.04]])
    assert correlation.equal_weight_volatility(Sigma).tolist() == [0.2, 0]
    assert (correlation.random_orders(Sigma, n_orders=3, rng=np.random.default_rng(1)).iloc[1] == 0).all()


def test_random_orders_start_at_single_assets_and_end_at_all(returns):
    Sigma = returns.cov()
    orders = correlation.random_orders(Sigma, n_orders=30, rng=np.random.default_rng(1))
    assert orders.shape == (20, 30)
    single = np.sqrt(np.diag(Sigma))
    assert np.isclose(orders.iloc[0].to_numpy()[:, None], single).any(axis=1).all() and orders.iloc[0].nunique() > 5
    weights = np.full(20, 1 / 20)
    assert np.allclose(orders.iloc[-1], np.sqrt(weights @ Sigma.to_numpy() @ weights))


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
