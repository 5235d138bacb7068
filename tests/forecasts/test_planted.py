"""Where the truth is known: forecasters find what was planted, and nothing where nothing was."""

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import asset_networks, baselines
from forefolio.forecasts.architectures import Recurrent
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.forecasts.training import Training
from forefolio.market import simulated, sources
from forefolio.market.returns import simple_returns
from forefolio.study.parameters import Study

SPLIT = {"train_end": "2018-12-31", "validation_end": "2020-12-31"}
LSTM = Recurrent("lstm", layers=1, units=8, dropout=0.0, recurrent_dropout=0.0)
TRAINING = Training(lookback=10, epochs=40, batch_size=64, learning_rate=0.01, patience=10, seed=7, **SPLIT)


def simulated_returns(**changes) -> pd.DataFrame:
    study = Study(**(dict(source="simulated", benchmark="MARKET", simulated_assets=4) | changes))
    return simple_returns(sources.load(study).prices)


def skill(made: pd.DataFrame, returns: pd.DataFrame) -> tuple[float, float]:
    """Out-of-sample R2 over zero in the test period, all assets together, and its t-statistic over days."""
    next_day = made[(made["horizon"] == 1) & (made["target_date"] > SPLIT["validation_end"])]
    forecast = next_day.pivot(index="target_date", columns="asset", values="forecast")
    actual = returns.loc[forecast.index, forecast.columns]
    gain = (actual**2 - (actual - forecast) ** 2).mean(axis=1)
    return float(gain.mean() / (actual**2).mean(axis=None)), float(gain.mean() / (gain.std() / np.sqrt(len(gain))))


def made_by(model: str, returns: pd.DataFrame) -> pd.DataFrame:
    schedule = forecast_schedule(returns.index, **SPLIT)
    if model == "ar":
        return baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=5)
    return asset_networks.trained_forecasts(returns, schedule, LSTM, TRAINING)["forecasts"]


@pytest.mark.parametrize("model", ["ar", "lstm"])
def test_what_was_planted_is_found_and_not_more_than_there_is(model):
    """Best R2 0.1 at a lag of two days; 500 test days of 4 assets know it to about 0.02."""
    returns = simulated_returns(predictability=[0.1], predictability_lag=2)
    r2, t = skill(made_by(model, returns), returns)
    assert 0.06 < r2 < 0.14 and t > 4


@pytest.mark.parametrize("model", ["ar", "lstm"])
def test_where_nothing_was_planted_nothing_is_found(model):
    r2, t = skill(made_by(model, returns := simulated_returns()), returns)
    assert r2 < 0.01 and t < 2


def test_only_the_assets_with_something_planted_can_be_forecast():
    returns = simulated_returns(predictability=[0.0, 0.2, 0.0, 0.2])
    made = made_by("lstm", returns)
    found = {asset: skill(rows, returns[[asset]])[0] for asset, rows in made.groupby("asset")}
    assert min(found["S02"], found["S04"]) > 0.12 and max(found["S01"], found["S03"]) < 0.02


def test_the_closed_form_is_what_the_best_forecast_reaches_in_this_market():
    days = simulated.trading_days("2014-01-01", "2022-12-31", periods_per_year=252)
    returns = simulated_returns(predictability=[0.1], simulated_assets=20)
    assert returns.index.equals(days[1:])
    best = returns.shift(1).mul(np.sqrt(0.1)).iloc[1:]
    errors = (returns.iloc[1:] - best) ** 2
    assert 1 - errors.mean(axis=None) / (returns.iloc[1:] ** 2).mean(axis=None) == pytest.approx(0.1, abs=0.01)
