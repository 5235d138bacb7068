"""A year of five real stocks, forecasts of three models and terms, which the tests of decisions share."""

import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.market.returns import rebalance_dates
from forefolio.portfolios import long_short
from forefolio.portfolios.problems import NONE
from forefolio.portfolios.registry import Terms

SPLIT = {"train_end": "2021-10-29", "validation_end": "2022-03-31"}
TERMS = Terms(estimation_window=60, stale_days=10, covariance_estimator="sample", ridge=0.0, mu_horizon="next_day",
              use_residual=True, residual_window=30, scenarios="append", risk_aversion=10.0, drawdown_path="constant_weights",
              drawdown_alpha=1.0, cdar_alpha=0.95, cost_aware=False, cost_bps=0.0, risk_free=1e-4, max_gross=0, limits=NONE)


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


def calmest(Sigma):
    """The global minimum variance portfolio: the tangency where every asset earns the same."""
    return long_short.tangency(pd.Series(1.0, index=Sigma.columns), Sigma, risk_free=0)
