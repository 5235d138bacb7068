"""A year of five real stocks and the forecasts of three models, which the tests of decisions share."""

import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.market.returns import rebalance_dates

SPLIT = {"train_end": "2021-10-29", "validation_end": "2022-03-31"}


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset()[["AAPL", "JNJ", "KO", "RRC", "XOM"]].loc["2021-06":"2022-07"].pct_change().iloc[1:]


@pytest.fixture(scope="module")
def dates(returns):
    return rebalance_dates(returns.index, validation_end=SPLIT["validation_end"])


@pytest.fixture(scope="module")
def forecasts(returns):
    """Three models; `lstm` has two seeds of noise around the mean."""
    schedule = forecast_schedule(returns.index, **SPLIT)
    mean = baselines.historical_mean(returns, schedule)
    rng = np.random.default_rng(6)
    noisy = [mean.assign(model="lstm", seed=seed, forecast=mean["forecast"] + rng.normal(0, 0.002, len(mean)))
             for seed in (1, 2)]
    return pd.concat([baselines.zero(returns, schedule), mean, *noisy], ignore_index=True)
