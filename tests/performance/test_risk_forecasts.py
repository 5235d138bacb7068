"""Covariances as forecasts: variance of the calmest portfolio, likelihood loss, errors clustered by holding period."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from rebalance_market import TERMS, dates, returns  # noqa: F401  fixtures

from forefolio.performance import risk_forecasts
from forefolio.portfolios.long_only import minimum_variance
from forefolio.study import vocabulary


@pytest.fixture(scope="module")
def of_days(returns, dates):  # noqa: F811
    return risk_forecasts.daily(returns, returns.notna(), rebalance_dates=dates, terms=TERMS)


def test_every_quick_estimator_is_compared_and_the_chosen_one():
    quick = risk_forecasts.estimators("sample")
    assert quick == [name for name, kind in vocabulary.COVARIANCES.items() if kind.quick]
    assert set(risk_forecasts.estimators("garch")) - set(quick) == {"garch"}


def test_each_day_of_the_test_period_is_judged_once_by_each_estimator(of_days, returns, dates):  # noqa: F811
    test = returns.index[returns.index > dates[0]]
    for _, own in of_days.groupby("estimator"):
        assert own["date"].tolist() == test.tolist()
        assert (own["rebalance_date"] < own["date"]).all()
    assert set(of_days["rebalance_date"]) == set(dates)


def test_a_day_earns_what_the_calmest_portfolio_of_the_window_earns(of_days, returns, dates):  # noqa: F811
    Sigma = returns.loc[:dates[1]].iloc[-TERMS.estimation_window:].cov()
    weights = minimum_variance(Sigma).weights
    own = of_days[(of_days["estimator"] == "sample") & (of_days["rebalance_date"] == dates[1])].set_index("date")
    after = returns.loc[own.index]
    np.testing.assert_allclose(own["return"], after @ weights)
    np.testing.assert_allclose(own["promised"], weights @ Sigma @ weights)
    normal = scipy.stats.multivariate_normal(np.zeros(5), Sigma)
    np.testing.assert_allclose(own["loss"], -2 * normal.logpdf(after) - 5 * np.log(2 * np.pi))


def test_a_decision_sees_nothing_after_its_day(of_days, returns, dates):  # noqa: F811
    rng = np.random.default_rng(2)
    changed = returns.copy()
    changed.loc[changed.index > dates[1]] = rng.normal(0, 0.05, changed.loc[changed.index > dates[1]].shape)
    again = risk_forecasts.daily(changed, returns.notna(), rebalance_dates=dates, terms=TERMS)
    known = of_days["rebalance_date"] <= dates[1]
    pd.testing.assert_series_equal(again.loc[known, "promised"], of_days.loc[known, "promised"])
    before = of_days["date"] <= dates[1]
    pd.testing.assert_frame_equal(again[before], of_days[before])
    assert not np.allclose(again.loc[~known, "promised"], of_days.loc[~known, "promised"])


def test_an_asset_that_cannot_be_bought_is_left_out(returns, dates):  # noqa: F811
    traded = returns.notna()
    traded.loc[dates[0], "KO"] = False
    made = risk_forecasts.daily(returns, traded, rebalance_dates=dates, terms=TERMS)
    without = returns.drop(columns="KO")
    alone = risk_forecasts.daily(without, without.notna(), rebalance_dates=dates, terms=TERMS)
    first = made["rebalance_date"] == dates[0]
    pd.testing.assert_frame_equal(made[first], alone[first])


def table(rows):
    frame = pd.DataFrame(rows, columns=["estimator", "rebalance_date", "date", "return", "loss"])
    return risk_forecasts.comparison(frame.assign(promised=0.04), periods_per_year=4).set_index("estimator")


def test_differences_and_their_errors_by_hand():
    """Losses are lower by 1, 3 in one period and by 2, 2, 7 in the other: sums about the mean -3 are 2 and -2."""
    rows = [("sample", period, day, moved, 10.0) for period, day, moved in
            [(1, 1, 0.1), (1, 2, -0.1), (2, 3, 0.1), (2, 4, -0.1), (2, 5, 0.0)]]
    rows += [("ewma", period, day, moved / 2, 10.0 - gain) for (_, period, day, moved, _), gain in
             zip(rows, [1, 3, 2, 2, 7])]
    found = table(rows)
    ewma = found.loc["ewma"]
    assert ewma["loss_difference"] == pytest.approx(-3)
    assert ewma["loss_error"] == pytest.approx(np.sqrt(2 / 1 * (2 ** 2 + 2 ** 2)) / 5)
    assert ewma["loss_p"] == pytest.approx(2 * scipy.stats.t.sf(3 / ewma["loss_error"], 1))
    assert ewma["variance"] == pytest.approx(0.01 / 5) and found.loc["sample", "variance"] == pytest.approx(0.04 / 5)
    assert ewma["variance_difference"] == pytest.approx(-0.03 / 5)
    assert ewma["promised_volatility"] == pytest.approx(0.4)
    assert ewma["volatility"] == pytest.approx(2 * np.sqrt(0.01 / 4))
    assert found.loc["sample", ["variance_difference", "loss_error", "loss_p"]].isna().all()


def test_with_one_day_a_period_the_error_is_that_of_a_mean():
    rng = np.random.default_rng(3)
    gains = rng.normal(size=30)
    rows = [("sample", day, day, 0.0, 0.0) for day in range(30)] + [
        ("gerber", day, day, 0.0, gain) for day, gain in enumerate(gains)]
    assert table(rows).loc["gerber", "loss_error"] == pytest.approx(scipy.stats.sem(gains))


def test_days_without_a_loss_are_left_out_of_the_difference_on_both_sides():
    rows = [("sample", 1, 1, 0.1, 5.0), ("sample", 2, 2, -0.1, 100.0), ("sample", 3, 3, 0.0, 7.0),
            ("ewma", 1, 1, 0.1, 4.0), ("ewma", 2, 2, -0.1, np.nan), ("ewma", 3, 3, 0.0, 4.0)]
    assert table(rows).loc["ewma", "loss_difference"] == pytest.approx(-2)


def test_a_singular_covariance_has_no_loss_and_a_tiny_variance_has():
    returns = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 2)), columns=["A", "B"])  # noqa: F811
    twin = returns.assign(C=returns["A"])
    assert risk_forecasts.likelihood_loss(twin.cov(), twin).isna().all()
    assert risk_forecasts.likelihood_loss(returns.assign(C=0.0).cov(), returns.assign(C=0.0)).isna().all()
    scaled = returns * [1, 1e-9]
    difference = (risk_forecasts.likelihood_loss(returns.cov(), returns)
                  - risk_forecasts.likelihood_loss(scaled.cov(), scaled))
    np.testing.assert_allclose(difference, -2 * np.log(1e-9))  # units change the loss by a constant


def test_the_true_covariance_has_the_smallest_mean_loss():
    truth = pd.DataFrame([[1.0, 0.6], [0.6, 2.0]])
    days = pd.DataFrame(np.random.default_rng(8).multivariate_normal([0, 0], truth, 20_000))
    best = risk_forecasts.likelihood_loss(truth, days).mean()
    for wrong in (0.8 * truth, 1.2 * truth, truth * np.array([[1, 0.5], [0.5, 1]])):
        assert risk_forecasts.likelihood_loss(wrong, days).mean() > best + 0.005


def test_after_risk_has_moved_to_another_asset_the_newest_days_forecast_best():
    """A is stormy and B calm for 240 days, then the reverse; decisions are 60 days and more after that."""
    rng, days = np.random.default_rng(12), pd.bdate_range("2019-01-01", periods=440, name="date")
    early = np.arange(440) < 240
    volatility = np.column_stack([np.where(early, 0.03, 0.01), np.where(early, 0.01, 0.03)])
    moves = pd.DataFrame(rng.normal(size=(440, 2)) * volatility, days, ["A", "B"])
    made = risk_forecasts.daily(moves, moves.notna(), rebalance_dates=days[300:420:15],
                                terms=replace(TERMS, estimation_window=240))
    found = risk_forecasts.comparison(made, periods_per_year=252).set_index("estimator")
    assert found.loc["ewma", "variance_difference"] < 0 and found.loc["ewma", "variance_p"] < 0.05
    assert found.loc["ewma", "loss_difference"] < 0 and found.loc["ewma", "loss_p"] < 0.05


def test_volatility_that_differs_between_assets_lasts_and_mean_returns_of_noise_do_not():
    rng, days = np.random.default_rng(4), pd.bdate_range("2019-01-01", periods=600, name="date")
    noise = pd.DataFrame(rng.normal(size=(600, 12)) * np.linspace(0.005, 0.03, 12), days)
    found = risk_forecasts.persistence(noise, rebalance_dates=days[100::21][:-1], estimation_window=100)
    assert found.loc["volatility", "correlation"] > 0.9
    assert abs(found.loc["mean_return", "correlation"]) < 3 * found.loc["mean_return", "error"]
