"""Rivals without a network: the frozen mean, ridge regression, boosted trees; and the unbiased return of networks."""

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import baselines, registry
from forefolio.forecasts.schedule import Fit, forecast_schedule
from forefolio.study.parameters import Study

DAYS = pd.bdate_range("2018-01-01", "2021-12-31", name="date")
SPLIT = {"train_end": "2020-06-30", "validation_end": "2020-12-31"}


def market(persistence, n_assets=6, seed=3):
    """Returns, half calm and half wild, of which a share is yesterday's return."""
    rng = np.random.default_rng(seed)
    shocks, values = rng.normal(0, 1, (len(DAYS), n_assets)), np.zeros((len(DAYS), n_assets))
    for day in range(1, len(DAYS)):
        values[day] = persistence * values[day - 1] + shocks[day]
    return pd.DataFrame(values * np.where(np.arange(n_assets) % 2, 0.005, 0.03), DAYS, [f"S{i}" for i in range(n_assets)])


def fit_of(returns):
    return Fit(forecast_schedule(returns.index, **SPLIT), **SPLIT)


def made(model, returns):
    return registry.BASELINES[model](returns, fit_of(returns), Study())


def share_explained(forecasts, returns):
    """One minus squared errors over those of zero, in units of each asset's deviation, on test days."""
    rows = forecasts[(forecasts["horizon"] == 1) & (forecasts["target_date"] > SPLIT["validation_end"])]
    wide = rows.pivot(index="target_date", columns="asset", values="forecast")[returns.columns]
    actual, unit = returns.loc[wide.index], returns.std()
    return 1 - (((actual - wide) / unit) ** 2).to_numpy().mean() / ((actual / unit) ** 2).to_numpy().mean()


def test_the_frozen_mean_is_that_of_the_training_period_at_every_decision_and_horizon():
    returns = market(0.0)
    forecasts = made("mean_frozen", returns)
    expected = returns.loc[:SPLIT["train_end"]].mean()
    for asset, own in forecasts.groupby("asset"):
        np.testing.assert_allclose(own["forecast"], expected[asset], rtol=1e-12)


@pytest.mark.parametrize("model, least", [("ridge", 0.06), ("gbm", 0.04)])
def test_a_pooled_model_finds_what_was_planted_and_little_where_there_is_nothing(model, least):
    planted, nothing = market(0.3), market(0.0)
    assert share_explained(made(model, planted), planted) > least  # 0.09 is all that can be explained
    assert -0.01 < share_explained(made(model, nothing), nothing) < 0.01


def test_ridge_is_least_squares_on_standardized_features_with_a_penalty_on_squares():
    returns = market(0.3)
    unit = returns.loc[:SPLIT["train_end"]].std()
    known = baselines.features(returns / unit)
    X = np.stack([frame.to_numpy() for frame in known.values()], axis=-1)
    due = returns.index[1:] <= SPLIT["train_end"]
    rows = due & np.isfinite(X[:-1]).all(axis=(1, 2))
    x, y = X[:-1][rows].reshape(-1, len(known)), (returns / unit).to_numpy()[1:][rows].ravel()
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    of_penalty = [np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ (y - y.mean())) for penalty in baselines.PENALTIES]
    forecasts = made("ridge", returns)
    day = pd.Timestamp("2021-03-15")
    ours = forecasts[(forecasts["decision_date"] == day) & (forecasts["horizon"] == 1)].set_index("asset")["forecast"]
    at = (X[returns.index.get_loc(day)] - x.mean(axis=0)) / x.std(axis=0)
    candidates = [unit * (at @ slopes + y.mean()) for slopes in of_penalty]
    assert min(abs(ours - candidate).max() for candidate in candidates) < 1e-9


@pytest.mark.parametrize("model", ["ridge", "gbm"])
def test_the_next_day_s_forecast_is_held_and_the_same_again(model):
    returns = market(0.2, n_assets=2)
    first, second = made(model, returns), made(model, returns)
    pd.testing.assert_frame_equal(first, second)
    by_decision = first.groupby(["decision_date", "asset"])["forecast"].nunique()
    assert (by_decision == 1).all() and len(first) == len(fit_of(returns).schedule) * returns.shape[1]


@pytest.mark.parametrize("model", ["ridge", "gbm"])
def test_too_short_a_training_period_is_refused(model):
    returns = market(0.0).loc["2020-05-01":]
    with pytest.raises(ValueError, match=f"The model {model} needs 64 training days"):
        made(model, returns)


def test_half_the_variance_makes_a_log_forecast_an_unbiased_simple_return():
    """Of log-normal returns the mean error vanishes within its standard error, and without the half it does not."""
    rng = np.random.default_rng(5)
    deviation, mean = 0.05, 0.0004
    simple = np.expm1(rng.normal(mean, deviation, 400_000))
    error = simple.std() / np.sqrt(len(simple))
    assert abs(simple.mean() - np.expm1(mean + deviation**2 / 2)) < 3 * error
    assert abs(simple.mean() - np.expm1(mean)) > 10 * error


def test_what_networks_of_an_asset_added_is_half_the_variance_of_their_fit_s_training_period():
    returns = market(0.0)
    forecasts = pd.concat([made("zero", returns), made("zero", returns).assign(model="lstm")], ignore_index=True)
    study = Study(models=["zero", "lstm"], portfolio_models=["lstm"], start="2018-01-01", end="2021-12-31", **SPLIT)
    added = registry.added_in_logs(forecasts, returns, study=study)
    half = np.log1p(returns.loc[:SPLIT["train_end"]]).var(ddof=0) / 2
    of_lstm = forecasts["model"] == "lstm"
    assert (added[~of_lstm] == 0).all()
    np.testing.assert_allclose(added[of_lstm], forecasts.loc[of_lstm, "asset"].map(half))
