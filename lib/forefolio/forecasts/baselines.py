"""The forecasts that need no network: zero, the historical mean, and an autoregression."""

import warnings

import numpy as np
import pandas as pd

from forefolio.forecasts.schedule import forecast_frame, scheduled
from forefolio.market.returns import Date


def zero(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """Forecast no return at all, as model `zero`."""
    return forecast_frame(schedule, pd.DataFrame(0.0, schedule.index, returns.columns), model="zero")


def historical_mean(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """Forecast the mean of all returns up to and including the decision day, at every horizon, as model `mean`."""
    return forecast_frame(schedule, returns.expanding().mean().loc[schedule["decision_date"]], model="mean")


def autoregression_days(lags: int) -> int:
    """Training days without which an autoregression on so many lags has more coefficients than equations."""
    return 2 * lags + 2


def autoregression(returns: pd.DataFrame, schedule: pd.DataFrame, *, train_end: Date, lags: int) -> pd.DataFrame:
    """Forecast each asset from its own last `lags` returns, as model `ar`, with a constant, fitted on the training period.

    r̂_{t+1} = c + phi_1 r_t + ... + phi_p r_{t-p+1}, ordinary least squares (statsmodels AutoReg). Horizons above 1 feed
    the model its own forecasts. ValueError if the training period is too short for so many lags.
    """
    from statsmodels.tsa.ar_model import AutoReg  # costs seconds to import

    training = returns.loc[:pd.Timestamp(train_end)]
    if lags < 1 or len(training) < autoregression_days(lags):
        raise ValueError(f"An autoregression on {lags} lags needs at least {autoregression_days(lags)} training days and one "
                         f"lag, and there are {len(training)} days: change ar_lags or move train_end")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an asset that never moved has many solutions; all forecast the same
        fits = np.array([AutoReg(training[asset].to_numpy(), lags, trend="c").fit().params for asset in training])
    constant, slopes = fits[:, 0], fits[:, 1:].T  # slopes: newest lag first
    values = scheduled(schedule, returns, lambda recent: constant + (recent[:, ::-1] * slopes).sum(axis=1), window=lags)
    return forecast_frame(schedule, pd.DataFrame(values, columns=returns.columns), model="ar")
