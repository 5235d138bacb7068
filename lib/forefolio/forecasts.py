"""Which forecasts are to be made, and the forecasts that need no network.

A schedule lists what every model must forecast: the next day from every decision on, and the whole coming month
from every rebalance date. Models answer it in one long frame: decision_date, target_date, horizon, asset, model,
seed, forecast (a simple daily return; horizon 1 is the next day).
"""

import warnings

import numpy as np
import pandas as pd

from forefolio.returns import Date, iso_day, lookback_windows, periods, rebalance_dates


def schedule(index: pd.DatetimeIndex, *, train_end: Date, validation_end: Date) -> pd.DataFrame:
    """
    Forecasts to be made, the same for every model.

    Parameters
    ----------
    index, train_end, validation_end : DatetimeIndex, date, date
        Trading days of the returns, ascending; last day of training and of validation.

    Returns
    -------
    DataFrame
        Columns decision_date, target_date, horizon (trading days), ordered by decision and horizon. Horizon 1 from
        the last day up to `train_end` on, so that targets fill validation and test; from each rebalance date also
        horizons 2 and more, up to and including the next rebalance date (from the last one, the last day).

    Raises
    ------
    ValueError
        If no trading day lies up to `train_end`, or none after `validation_end`.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"])
    >>> schedule(days, train_end="2024-01-30", validation_end="2024-01-31")
      decision_date target_date  horizon
    0    2024-01-30  2024-01-31        1
    1    2024-01-31  2024-02-01        1
    2    2024-01-31  2024-02-02        2
    3    2024-02-01  2024-02-02        1
    """
    first = index.searchsorted(pd.Timestamp(train_end), side="right") - 1
    if first < 0:
        raise ValueError(f"No return lies up to train_end {iso_day(train_end)}: move it into the data")
    last = len(index) - 1
    rebalances = index.get_indexer(rebalance_dates(index, validation_end=validation_end))
    n_horizons = np.ones(last, dtype=int)
    n_horizons[rebalances] = np.diff(rebalances, append=last)
    n_horizons = n_horizons[first:]
    decisions = np.repeat(np.arange(first, last), n_horizons)
    horizons = np.concatenate([np.arange(1, n + 1) for n in n_horizons])
    return pd.DataFrame({"decision_date": index[decisions], "target_date": index[decisions + horizons],
                         "horizon": horizons})


def window_counts(index: pd.DatetimeIndex, *, lookback: int, train_end: Date, validation_end: Date) -> pd.DataFrame:
    """
    Samples that a network gets in each period: a window of returns and, as its target, the return after it.

    Parameters
    ----------
    index, lookback : DatetimeIndex, int
        Trading days of the returns, ascending; days in a window.
    train_end, validation_end : date
        Last day of training and of validation. A sample belongs to the period of its target.

    Returns
    -------
    DataFrame (3, 4)
        Columns period, first_target, last_target, n_samples (of each asset).

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-01-10")
    >>> window_counts(days, lookback=4, train_end="2024-01-06", validation_end="2024-01-08")["n_samples"].tolist()
    [2, 2, 2]
    """
    targets = periods(index[lookback:], train_end=train_end, validation_end=validation_end)
    return targets.rename(columns={"first": "first_target", "last": "last_target", "n_days": "n_samples"})


def forecast_frame(schedule: pd.DataFrame, values: pd.DataFrame, *, model: str, seed: int) -> pd.DataFrame:
    """
    One model's forecasts in the long frame that all models share.

    Parameters
    ----------
    schedule, values : DataFrame (n_rows, 3), DataFrame (n_rows, n_assets)
        The forecasts to make and, row by row, what the model forecasts: simple daily returns, one column an asset.
    model, seed : str, int
        Name of the model and seed of its training; 0 for models without one.
    """
    n_rows, n_assets = values.shape
    long = schedule.loc[schedule.index.repeat(n_assets)].reset_index(drop=True)
    assets = pd.Series(values.columns.astype(str)).iloc[np.tile(np.arange(n_assets), n_rows)]
    return long.assign(asset=assets.to_numpy(), model=model, seed=seed, forecast=values.to_numpy().ravel())


def zero(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """Forecast no return at all, as model `zero`; parameters and result as in `historical_mean`."""
    values = pd.DataFrame(0.0, index=schedule.index, columns=returns.columns)
    return forecast_frame(schedule, values, model="zero", seed=0)


def historical_mean(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """
    Forecast the mean of all returns up to and including the decision day, at every horizon.

    Parameters
    ----------
    returns, schedule : DataFrame
        Simple daily returns; the forecasts to make, as `schedule` gives them from the days of `returns`.

    Returns
    -------
    DataFrame
        Forecasts of model `mean`.
    """
    values = returns.expanding().mean().loc[schedule["decision_date"]]
    return forecast_frame(schedule, values, model="mean", seed=0)


def autoregression(returns: pd.DataFrame, schedule: pd.DataFrame, *, train_end: Date, lags: int) -> pd.DataFrame:
    """
    Forecast each asset from its own last returns: an AR model with a constant, fitted on the training period.

    Parameters
    ----------
    returns, schedule : DataFrame
        Simple daily returns; the forecasts to make, as `schedule` gives them from the days of `returns`.
    train_end, lags : date, int
        Last day of the fit; number of lagged returns, at least 1.

    Returns
    -------
    DataFrame
        Forecasts of model `ar`; horizons above 1 feed the model its own forecasts.

    Raises
    ------
    ValueError
        If the training period is too short for so many lags.

    Notes
    -----
    r̂_{t+1} = c + phi_1 r_t + ... + phi_p r_{t-p+1}, ordinary least squares (statsmodels AutoReg).
    """
    from statsmodels.tsa.ar_model import AutoReg  # costs seconds to import

    training = returns.loc[:pd.Timestamp(train_end)]
    if not 1 <= lags < (len(training) - 1) / 2:
        raise ValueError(f"An autoregression on {lags} lags needs more than {2 * lags + 1} training days and at least "
                         f"one lag, and there are {len(training)} days: change ar_lags or move train_end")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an asset that never moved has many solutions; all forecast the same
        fits = [AutoReg(training[asset].to_numpy(), lags, trend="c").fit().params for asset in training]
    constant, slopes = np.array(fits)[:, 0], np.array(fits)[:, 1:].T  # slopes: newest lag first
    decisions = schedule["decision_date"].unique()
    recent = lookback_windows(returns, lookback=lags)[returns.index.get_indexer(decisions) - lags + 1]
    steps = []
    for _ in range(schedule["horizon"].max()):
        steps.append(constant + (recent[:, ::-1] * slopes).sum(axis=1))
        recent = np.concatenate([recent[:, 1:], steps[-1][:, None]], axis=1)
    rows = pd.Index(decisions).get_indexer(schedule["decision_date"])
    values = np.array(steps)[schedule["horizon"].to_numpy() - 1, rows]
    return forecast_frame(schedule, pd.DataFrame(values, columns=returns.columns), model="ar", seed=0)
