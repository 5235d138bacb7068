from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS, dates, forecasts, returns  # noqa: F401  fixtures

from forefolio.portfolios import decisions, problems
from forefolio.portfolios.long_only import risk_parity

SCENARIOS = ["append", "recenter", "forecast_only", "history"]


@pytest.fixture(scope="module")
def lstm(forecasts):
    return decisions.average_over_seeds(forecasts, model="lstm")


def forecast_mean(forecasts, returns, date, mu_horizon):
    terms = replace(TERMS, use_residual=False, mu_horizon=mu_horizon)
    return decisions.expected_returns(forecasts, returns, date=date, terms=terms)


def path_at(date, forecasts, returns, *, days=60, mu_horizon="next_day", scenarios):
    window = problems.estimation_sample(returns, date=date, days=days, name="estimation_window")
    return decisions.scenario_path(forecasts, window, date=date,
                                   terms=replace(TERMS, scenarios=scenarios, mu_horizon=mu_horizon))


def parity(path):
    return risk_parity(path.cov()).weights


def test_a_flat_forecast_with_its_mean_error_is_momentum(returns, forecasts, dates):
    """Where r̂ is constant over the residual window, r̂ + ē is the window's mean return."""
    for constant in (0.0, 0.004):
        flat = forecasts[forecasts["model"] == "zero"].assign(forecast=constant)
        mu = decisions.expected_returns(flat, returns, date=dates[1], terms=TERMS)
        pd.testing.assert_series_equal(mu, returns.loc[:dates[1]].iloc[-30:].mean(), check_names=False)


def test_mean_residual_averages_the_residuals_whose_target_is_known(returns, forecasts, lstm, dates):
    known = forecasts[(forecasts["model"] == "lstm") & (forecasts["horizon"] == 1) & (forecasts["target_date"] <= dates[1])]
    made = known.groupby(["target_date", "asset"])["forecast"].mean().unstack()  # over seeds
    expected = (returns.loc[made.index] - made).iloc[-30:].mean()
    ours = decisions.mean_residual(lstm, returns, date=dates[1], residual_window=30)
    pd.testing.assert_series_equal(ours, expected, check_names=False)


def test_the_months_mu_is_the_mean_of_its_days(returns, forecasts, lstm, dates):
    decided_then = forecasts[(forecasts["model"] == "lstm") & (forecasts["decision_date"] == dates[1])]
    assert decided_then["horizon"].nunique() > 15
    month, next_day = (forecast_mean(lstm, returns, dates[1], horizon)
                       for horizon in ("month", "next_day"))
    by_asset = decided_then.groupby("asset")["forecast"].mean()
    pd.testing.assert_series_equal(month, by_asset.loc[month.index], check_names=False)
    one = decided_then[decided_then["horizon"] == 1].groupby("asset")["forecast"].mean()
    pd.testing.assert_series_equal(next_day, one.loc[next_day.index], check_names=False)


def test_average_over_seeds_is_the_mean_of_each_forecast(forecasts, lstm):
    both = forecasts[forecasts["model"] == "lstm"].groupby("seed")["forecast"].agg(list)
    assert len(lstm) == len(both[1]) and "seed" not in lstm
    np.testing.assert_allclose(lstm["forecast"], np.mean([both[1], both[2]], axis=0))
    diverged = forecasts.copy()
    diverged.loc[(forecasts["model"] == "lstm").idxmax(), "forecast"] = np.nan
    with pytest.raises(ValueError, match="The lstm forecast of AAPL decided on 2021-10-29 is not a number"):
        decisions.average_over_seeds(diverged, model="lstm")


def test_the_forecast_path_of_a_rebalance_reaches_to_the_next(returns, lstm, dates):
    path = decisions.forecast_path(lstm, date=dates[0], assets=returns.columns)
    assert path.index.tolist() == returns.loc[dates[0]:dates[1]].index[1:].tolist()
    pd.testing.assert_index_equal(path.columns, returns.columns)
    with pytest.raises(ValueError, match="Model lstm lacks forecasts decided on 2022-03-31"):
        decisions.forecast_path(lstm[lstm["asset"] != "KO"], date=dates[0], assets=returns.columns)


# ------------------------------------------------------------------------------------------------------- scenarios
def test_append_and_history_are_the_window_with_and_without_the_coming_month(returns, lstm, dates):
    window = returns.loc[:dates[1]].iloc[-60:]
    pd.testing.assert_frame_equal(path_at(dates[1], lstm, returns, scenarios="history"), window)
    appended = path_at(dates[1], lstm, returns, scenarios="append")
    pd.testing.assert_frame_equal(appended.iloc[:60].rename_axis(index="Date"), window)
    pd.testing.assert_frame_equal(appended.iloc[60:], decisions.forecast_path(lstm, date=dates[1], assets=returns.columns),
                                  check_freq=False)


@pytest.mark.parametrize("mu_horizon", ["next_day", "month"])
def test_recenter_gives_the_window_the_mean_that_is_forecast(mu_horizon, returns, lstm, dates):
    path = path_at(dates[1], lstm, returns, scenarios="recenter", mu_horizon=mu_horizon)
    mu = forecast_mean(lstm, returns, dates[1], mu_horizon)
    pd.testing.assert_series_equal(path.mean(), mu, check_names=False)
    shift = path - returns.loc[:dates[1]].iloc[-60:]
    assert np.ptp(shift, axis=0).max() < 1e-15 and abs(shift.iloc[0]).min() > 1e-5


def test_recenter_leaves_risk_parity_as_it_is(returns, lstm, dates):
    for date in dates:
        recentered, history = (parity(path_at(date, lstm, returns, scenarios=name)) for name in ("recenter", "history"))
        np.testing.assert_allclose(recentered, history, rtol=0, atol=1e-9)


def test_the_fewer_days_append_adds_the_less_it_moves_risk_parity(returns, lstm, dates):
    history = parity(path_at(dates[1], lstm, returns, scenarios="history"))
    moved = []
    for days in (1, 5, 99):
        coming = lstm[(lstm["decision_date"] < dates[1]) | (lstm["horizon"] <= days)]
        moved.append((parity(path_at(dates[1], coming, returns, scenarios="append")) - history).abs().sum() / 2)
    assert 0 < moved[0] < moved[1] < moved[2] < 0.005


def test_forecast_only_is_what_was_forecast_the_day_before(returns, lstm, dates):
    path = path_at(dates[2], lstm, returns, scenarios="forecast_only")
    assert path.index.equals(returns.loc[:dates[2]].index[-60:])
    day = path.index[30]
    made = lstm[(lstm["target_date"] == day) & (lstm["decision_date"] == path.index[29])].set_index("asset")["forecast"]
    pd.testing.assert_series_equal(path.loc[day], made[returns.columns], check_names=False)
    other = lstm.copy()
    other.loc[lstm["horizon"] > 1, "forecast"] = 0.5
    pd.testing.assert_frame_equal(path_at(dates[2], other, returns, scenarios="forecast_only"), path)


def test_forecast_only_knows_no_actual_return(returns, lstm, dates):
    noise = pd.DataFrame(np.random.default_rng(3).normal(0, 0.05, returns.shape), returns.index, returns.columns)
    for name in SCENARIOS:
        ours, theirs = (parity(path_at(dates[2], lstm, actual, scenarios=name)) for actual in (returns, noise))
        assert ((ours - theirs).abs().max() < 1e-12) == (name == "forecast_only")


def test_forecast_only_leaves_out_days_that_the_model_was_fitted_on(returns, lstm, dates):
    path = path_at(dates[0], lstm, returns, days=150, scenarios="forecast_only")
    assert path.index.equals(returns.loc["2021-10-30":dates[0]].index) and len(path) == 105
    young = lstm[lstm["target_date"] >= dates[0]]
    with pytest.raises(ValueError, match="Model lstm has forecasts of 1 of the 60 days up to 2022-03-31, too few for "
                                         "scenarios forecast_only"):
        path_at(dates[0], young, returns, scenarios="forecast_only")
    assert len(path_at(dates[0], young, returns, scenarios="recenter")) == 60


@pytest.mark.parametrize("scenarios", SCENARIOS)
def test_no_path_looks_past_its_date(scenarios, returns, lstm, dates):
    """Neither at returns, nor at forecasts decided later, nor at forecasts of the past that are made only later."""
    date = dates[1]
    path = path_at(date, lstm, returns, scenarios=scenarios)
    later, unknown = lstm["decision_date"] > date, returns.index > date
    other, actual = lstm.copy(), returns.copy()
    other.loc[later, "forecast"] = 0.07
    actual.loc[unknown] = -0.07
    pd.testing.assert_frame_equal(path_at(date, other, actual, scenarios=scenarios), path)
    assert not path_at(dates[2], other, actual, scenarios=scenarios).iloc[-22:].equals(
        path_at(dates[2], lstm, returns, scenarios=scenarios).iloc[-22:])


# -------------------------------------------------------------------------------------------------- what mu is made of
def means_of(made, returns, dates, mu_horizon="next_day"):
    return decisions.mvf_means(returns, made, rebalance_dates=dates,
                               terms=replace(TERMS, mu_horizon=mu_horizon))


@pytest.mark.parametrize("mu_horizon", ["next_day", "month"])
def test_the_parts_of_mu_are_those_that_mvf_takes(mu_horizon, returns, forecasts, lstm, dates):
    means = means_of(forecasts, returns, dates[:2], mu_horizon)
    assert list(means.columns) == ["rebalance_date", "model", "asset", "forecast", "residual", "mu", "window_mean"]
    assert len(means) == 2 * 3 * 5 and means["model"].unique().tolist() == ["zero", "mean", "lstm"]
    row = means[(means["model"] == "lstm") & (means["rebalance_date"] == dates[1])].set_index("asset")
    for column, use_residual in (("mu", True), ("forecast", False)):
        terms = replace(TERMS, use_residual=use_residual, mu_horizon=mu_horizon)
        expected = decisions.expected_returns(lstm, returns, date=dates[1], terms=terms)
        pd.testing.assert_series_equal(row[column], expected, check_names=False)
    np.testing.assert_allclose(row["residual"], row["mu"] - row["forecast"])
    np.testing.assert_allclose(row["window_mean"], returns.loc[:dates[1]].iloc[-30:].mean())


def test_without_residual_mu_is_the_forecast_and_its_window_may_reach_back_to_days_without_forecasts(returns, lstm, dates):
    terms = replace(TERMS, use_residual=False, residual_window=len(returns.loc[:dates[0]]))
    means = decisions.mvf_means(returns, lstm.assign(seed=0), rebalance_dates=dates[:2], terms=terms)
    assert (means["mu"] == means["forecast"]).all() and (means["residual"] == 0).all()
    np.testing.assert_allclose(means["window_mean"].iloc[:5], returns.loc[:dates[0]].mean())


def test_of_a_constant_forecast_mu_keeps_nothing_but_momentum(returns, forecasts, dates):
    constant = pd.concat([forecasts[forecasts["model"] == "zero"].assign(model=f"always {value}", forecast=value)
                          for value in (0.0, 0.004, -0.02)])
    means = means_of(constant, returns, dates)
    np.testing.assert_allclose(means["mu"], means["window_mean"], rtol=0, atol=1e-15)
    share = decisions.momentum_share(means).set_index("model")
    assert list(share.index) == ["always 0.0", "always 0.004", "always -0.02"]
    np.testing.assert_allclose(share["window_mean_correlation"], 1)
    assert share["forecast_correlation"].isna().all() and (share["same_favorite"] == 1).all()
    assert share["relative_difference"].max() < 1e-12


def test_of_perfect_foresight_mu_keeps_the_forecast(returns, forecasts, dates):
    zero = forecasts[forecasts["model"] == "zero"]
    known = returns.stack().rename("actual")
    foresight = zero.assign(model="foresight").join(known, on=["target_date", "asset"])
    foresight = foresight.assign(forecast=foresight["actual"]).drop(columns="actual")
    means = means_of(foresight, returns, dates)
    assert means["residual"].abs().max() < 1e-15 and (means["mu"] - means["window_mean"]).abs().max() > 0.01
    share = decisions.momentum_share(means).iloc[0]
    assert share["forecast_correlation"] == pytest.approx(1) and abs(share["window_mean_correlation"]) < 0.6
    assert share["relative_difference"] > 1 and share["same_favorite"] < 1


def test_momentum_share_by_hand():
    means = pd.DataFrame({
        "rebalance_date": [0, 0, 1, 1], "model": "lstm", "asset": ["A", "B", "A", "B"],
        "forecast": [1.0, 2.0, 3.0, 4.0], "mu": [1.0, 2.0, 4.0, 3.0], "window_mean": [1.0, -2.0, 3.0, -2.0]})
    share = decisions.momentum_share(means).iloc[0]
    assert share["relative_difference"] == pytest.approx((0 + 4 + 1 + 5) / (1 + 2 + 3 + 2))
    assert share["forecast_correlation"] == pytest.approx(0.8) and share["same_favorite"] == 0.5
    assert share["window_mean_correlation"] == pytest.approx(np.corrcoef(means["mu"], means["window_mean"])[0, 1])
