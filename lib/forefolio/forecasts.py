"""Which forecasts are to be made, the forecasts that need no network, and how accurate any forecasts are.

A schedule lists what every model must forecast: the next day from every decision on, and the whole coming month
from every rebalance date. Models answer it in one long frame: decision_date, target_date, horizon, asset, model,
seed, forecast (a simple daily return; horizon 1 is the next day).
"""

import warnings

import numpy as np
import pandas as pd

from forefolio.returns import Date, iso_day, lookback_windows, periods, rebalance_dates

METRICS = ["mae", "mse", "rmse", "hr", "hr_plus", "hr_minus"]


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


def _next_day(forecasts: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of horizon 1 with the `actual` return beside each, joined by date and asset name."""
    next_day = forecasts[forecasts["horizon"] == 1]
    rows = returns.index.get_indexer(next_day["target_date"])
    columns = returns.columns.get_indexer(next_day["asset"])
    if (rows < 0).any() or (columns < 0).any():
        lost = next_day[(rows < 0) | (columns < 0)].iloc[0]
        raise ValueError(f"The forecast of {lost['asset']} for {iso_day(lost['target_date'])} has no return to compare "
                         "with: make forecasts and returns from the same prices")
    if next_day["forecast"].isna().any():
        lost = next_day[next_day["forecast"].isna()].iloc[0]
        raise ValueError(f"The {lost['model']} forecast of {lost['asset']} for {iso_day(lost['target_date'])} is not a "
                         "number: its training diverged, so lower learning_rate")
    return next_day.assign(actual=returns.to_numpy()[rows, columns])


def residuals(forecasts: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """
    What the next-day forecasts missed, e = r - r̂, the forecast being the mean over seeds.

    Parameters
    ----------
    forecasts, returns : DataFrame
        Long frame of forecasts, any models; simple daily returns.

    Returns
    -------
    DataFrame
        Columns target_date, asset, model, residual (fraction a day), one row a model, day and asset.

    Raises
    ------
    ValueError
        If a forecast has no return to compare with, or is not a number.
    """
    next_day = _next_day(forecasts, returns)
    next_day["residual"] = next_day["actual"] - next_day["forecast"]
    keys = ["target_date", "asset", "model"]
    return next_day.groupby(keys, sort=False)["residual"].mean().reset_index()


def accuracy_by_asset(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """
    Errors and hit ratios of the next-day forecasts of each model, seed and asset.

    Parameters
    ----------
    forecasts, returns : DataFrame
        Long frame of forecasts, any models; simple daily returns. A day without a return is not judged.
    first, last : date
        First and last target day, both included.

    Returns
    -------
    DataFrame
        Columns model, seed, asset, mae, mse, rmse (fractions a day, mse their square), hr, hr_plus, hr_minus (shares),
        n_days. A hit ratio is missing where no day counts, always so for forecasts of zero.

    Raises
    ------
    ValueError
        If no forecast has its target between the two days, has no return to compare with or is not a number.

    Notes
    -----
    Nguyen 2025, Tables 3 and 4. HR: share of days with sign(r̂) = sign(r) among days with r r̂ != 0. HR+: share of
    r > 0 among days with r̂ > 0. HR-: share of r < 0 among days with r̂ < 0. r = 0 is a miss in HR+ and HR-.
    """
    inside = forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))
    days = _next_day(forecasts[inside], returns).dropna(subset="actual")
    if days.empty:
        raise ValueError(f"No next-day forecast has its target from {iso_day(first)} to {iso_day(last)}: move them")
    forecast, actual = days["forecast"], days["actual"]
    scores = days[["model", "seed", "asset"]].assign(
        mae=(actual - forecast).abs(),
        mse=(actual - forecast) ** 2,
        hr=(np.sign(forecast) == np.sign(actual)).where((forecast != 0) & (actual != 0)).astype(float),
        hr_plus=(actual > 0).where(forecast > 0).astype(float),
        hr_minus=(actual < 0).where(forecast < 0).astype(float),
    )
    groups = scores.groupby(["model", "seed", "asset"], sort=False)
    by_asset = groups.mean().assign(n_days=groups.size())
    by_asset["rmse"] = np.sqrt(by_asset["mse"])
    return by_asset[[*METRICS, "n_days"]].reset_index()


def accuracy_table(by_asset: pd.DataFrame) -> pd.DataFrame:
    """
    Mean and deviation (ddof 1) over assets of each model's accuracy; an asset's is the mean over seeds.

    From `accuracy_by_asset` to columns model, mae_mean, mae_std, ..., hr_minus_std, a row a model in the same order.
    """
    per_asset = by_asset.groupby(["model", "asset"], sort=False)[METRICS].mean()
    table = per_asset.groupby("model", sort=False).agg(["mean", "std"])
    table.columns = [f"{metric}_{statistic}" for metric, statistic in table.columns]
    return table.reset_index()


def base_rates(returns: pd.DataFrame, *, first: Date, last: Date) -> pd.Series:
    """
    Hit ratios without any skill: what forecasting a rise, or a fall, every day would score.

    Parameters
    ----------
    returns, first, last : DataFrame, date, date
        Simple daily returns (n_days, n_assets), missing where a day is not judged; the days that count, both included.

    Returns
    -------
    Series
        up_share (HR+ of "always up"), down_share (HR- of "always down"), zero_share, always_up_hr, always_down_hr;
        means over assets, as in the accuracy table.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, -0.1, 0.0]}, index=days)
    >>> base_rates(returns, first="2024-01-01", last="2024-01-04").round(2).tolist()
    [0.5, 0.25, 0.25, 0.67, 0.33]
    """
    inside = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    days = inside.count()
    up, down, zero = (inside > 0).sum() / days, (inside < 0).sum() / days, (inside == 0).sum() / days
    return pd.Series({"up_share": up.mean(), "down_share": down.mean(), "zero_share": zero.mean(),
                      "always_up_hr": (up / (up + down)).mean(), "always_down_hr": (down / (up + down)).mean()})
