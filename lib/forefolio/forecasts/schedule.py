"""Which forecasts to make, when models are fitted for them, and the long frame in which all models answer.

A schedule lists what every model must forecast: the next day from every decision on, and the whole coming month from
every rebalance date. A model that is never refitted may forecast 2024 with what it learned up to 2021. With
walk-forward refits it learns from every day known by then: a plan divides the schedule among fits, each with its own
last days.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forefolio.market.returns import Date, days_before, iso_day, periods, rebalance_dates

LAGS = 30  # last days of a window that are shuffled, one at a time
SPANS = {"yearly": "Y", "quarterly": "Q"}  # the calendar span that a fit serves, as pandas writes it


def sample_days(window: int, target: str = "next_day") -> int:
    """The days that a period needs for one sample: a window of returns, and labels (as many days, or the next day)."""
    return 2 * window if target == "window" else window + 1


def lookback_windows(values: pd.DataFrame | np.ndarray, *, lookback: int) -> np.ndarray:
    """Every run of `lookback` consecutive rows, as a read-only view (n_days - lookback + 1, lookback, n_assets)."""
    if not 1 <= lookback <= len(values):
        raise ValueError(f"A lookback of {lookback} does not fit {len(values)} days: choose 1 to {len(values)}")
    return np.lib.stride_tricks.sliding_window_view(np.asarray(values), lookback, axis=0).swapaxes(1, 2)


def forecast_schedule(index: pd.DatetimeIndex, *, train_end: Date, validation_end: Date,
                      traded: pd.DataFrame | None = None) -> pd.DataFrame:
    """Forecasts to be made, the same for every model.

    Horizon 1 is forecast from the last day up to `train_end` on, so that targets fill validation and test; from each
    rebalance date also horizons 2 and more, up to and including the next rebalance date (from the last one, the last
    day). `traded` is for `rebalance_dates`. ValueError if no trading day lies up to `train_end`, or none after
    `validation_end`.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"])
    >>> forecast_schedule(days, train_end="2024-01-30", validation_end="2024-01-31")
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
    rebalances = index.get_indexer(rebalance_dates(index, validation_end=validation_end, traded=traded))
    n_horizons = np.ones(last, dtype=int)
    n_horizons[rebalances] = np.diff(rebalances, append=last)
    first = min(first, *rebalances[:1])  # where the last days up to train_end are holidays of most assets
    decisions = np.repeat(np.arange(first, last), n_horizons[first:])
    horizons = np.concatenate([np.arange(1, n + 1) for n in n_horizons[first:]])
    return pd.DataFrame({"decision_date": index[decisions], "target_date": index[decisions + horizons],
                         "horizon": horizons})


def window_counts(index: pd.DatetimeIndex, *, lookback: int, train_end: Date, validation_end: Date) -> pd.DataFrame:
    """The number of samples in each period: a window of returns and, as its target, the next return.

    Columns period, first_target, last_target, n_samples (of each asset); a sample belongs to the period of its target.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-01-10")
    >>> window_counts(days, lookback=4, train_end="2024-01-06", validation_end="2024-01-08")["n_samples"].tolist()
    [2, 2, 2]
    """
    targets = periods(index[lookback:], train_end=train_end, validation_end=validation_end)
    return targets.rename(columns={"first": "first_target", "last": "last_target", "n_days": "n_samples"})


def forecast_frame(schedule: pd.DataFrame, values: pd.DataFrame, *, model: str, seed: int = 0) -> pd.DataFrame:
    """One model's forecasts, from what it forecasts for each row of the schedule, `values` (n_rows, n_assets)."""
    n_rows, n_assets = values.shape
    long = schedule.loc[schedule.index.repeat(n_assets)].reset_index(drop=True)
    assets = np.tile(values.columns.astype(str), n_rows)
    return long.assign(asset=assets, model=model, seed=seed, forecast=values.to_numpy().ravel())


def scheduled(schedule: pd.DataFrame, values: pd.DataFrame, predict: Callable[[np.ndarray], np.ndarray], *,
              window: int) -> np.ndarray:
    """What a model that reads the last days of all assets forecasts for each row of a schedule (n_rows, n_assets).

    Parameters
    ----------
    values : DataFrame (n_days, n_assets)
        Returns or their scores; forecasts are in the same unit.
    predict : callable
        From windows (n, window, n_assets) to the next day, (n, n_assets), or to the next days, (n, n_steps, n_assets).
        Beyond what it gives at once it reads its own forecasts.

    Examples
    --------
    >>> values = pd.DataFrame({"A": [1.0, 2.0, 0.0]}, index=pd.date_range("2024-01-01", periods=3))
    >>> rows = pd.DataFrame({"decision_date": values.index[[1, 2, 2, 2]], "horizon": [1, 1, 2, 3]})
    >>> scheduled(rows, values, lambda read: read.sum(axis=1), window=2)[:, 0].tolist()
    [3.0, 2.0, 2.0, 4.0]
    """
    longest = schedule.groupby("decision_date")["horizon"].max()
    first = values.index.get_indexer(longest.index) - window + 1
    if (first < 0).any():
        raise ValueError(f"The decision of {iso_day(longest.index[first < 0][0])} has no {window} returns up to it: schedule "
                         "later ones")
    known = lookback_windows(values, lookback=window)[first]
    read = np.concatenate([known, np.full((len(known), longest.max(), known.shape[2]), np.nan, known.dtype)], axis=1)
    ahead = 0
    while (due := longest.to_numpy() > ahead).any():
        made = predict(read[due, ahead:ahead + window]).reshape(due.sum(), -1, read.shape[2])
        after = slice(window + ahead, min(window + ahead + made.shape[1], read.shape[1]))
        read[due, after] = made[:, :after.stop - after.start]
        ahead += made.shape[1]
    return read[longest.index.get_indexer(schedule["decision_date"]), window - 1 + schedule["horizon"]]


def judged_targets(schedule: pd.DataFrame, validation_end: Date) -> pd.DatetimeIndex:
    """Target days of a schedule's next-day forecasts after the validation period."""
    due = schedule.loc[schedule["horizon"] == 1, "target_date"]
    return pd.DatetimeIndex(due[due > pd.Timestamp(validation_end)])


def errors_by_lag(values: pd.DataFrame, predict: Callable[[np.ndarray], np.ndarray], *, window: int,
                  targets: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Squared errors of next-day forecasts with the returns of one day of the window shuffled over all windows.

    Parameters
    ----------
    values : DataFrame (n_days, n_assets)
        What the model reads and forecasts: returns or their scores.
    predict : callable
        From windows (n, window, n_assets) to the next day, (n, n_assets).
    targets : DatetimeIndex
        The days that are forecast; those without a window before them are left out.
    seed : int
        Of the orders, one for each lag and the same for all assets.

    Returns
    -------
    DataFrame
        Columns asset, lag, mse, n_days. Lag 1 is the last day before the target; the row of lag 0 has nothing shuffled.
        In longer windows only the last 30 days are shuffled, one at a time. No rows if there is no such day.

    Notes
    -----
    Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019), the model being the one that was trained.

    Examples
    --------
    A forecast that repeats the last day does not read the one before it.

    >>> values = pd.DataFrame({"A": [0.0, 0, 0, 0, 4, 4, 4, 4]}, pd.date_range("2024-01-01", periods=8))
    >>> errors = errors_by_lag(values, lambda read: read[:, -1], window=2, targets=values.index, seed=0)
    >>> errors["mse"].round(2).tolist()
    [2.67, 8.0, 2.67]
    """
    due = values.index.get_indexer(targets)
    due = due[due >= window]
    if not len(due):
        return pd.DataFrame(columns=["asset", "lag", "mse", "n_days"])
    read, actual = lookback_windows(values, lookback=window)[due - window], values.to_numpy()[due]
    rng, frames = np.random.default_rng(seed), []
    for lag in range(min(window, LAGS) + 1):
        shuffled = np.array(read)
        if lag:
            shuffled[:, -lag] = read[rng.permutation(len(due)), -lag]
        mse = np.square(actual - predict(shuffled)).mean(axis=0)
        frames.append(pd.DataFrame({"asset": values.columns.astype(str), "lag": lag, "mse": mse, "n_days": len(due)}))
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Fit:
    """One fit of a model: the part of the schedule that it forecasts, and its last days as ISO text."""

    schedule: pd.DataFrame
    train_end: str
    validation_end: str


def fits(index: pd.DatetimeIndex, schedule: pd.DataFrame, *, refit: str, train_end: Date,
         validation_end: Date, traded: pd.DataFrame | None = None) -> list[Fit]:
    """Divide the schedule among fits in order of time, walk-forward with an expanding training period.

    Parameters
    ----------
    refit : {"never", "yearly", "quarterly"}
        Whether models are refitted before each calendar year or quarter of the test period.
    traded : DataFrame of bool, optional
        Whether each price is the day's own, as for `rebalance_dates`.

    Notes
    -----
    The first fit has the dates as given and serves the test period's first year or quarter. Where the first portfolios
    are decided before `validation_end`, as most assets did not trade after, its validation ends on that day. A later
    one is made at the close of the rebalance date before its own, which is its `validation_end`, as every return up to
    it is known. Its validation has as many trading days as the first one's, and all days before these are its training
    (walk-forward, anchored: the training period expands and its first day stays). All forecasts of a decision day
    belong to one fit, the latest whose `validation_end` is not after that day. A fit without a forecast to make is left
    out.

    Examples
    --------
    >>> days = pd.bdate_range("2023-12-01", "2024-07-31")
    >>> dates = {"train_end": "2024-01-31", "validation_end": "2024-02-29"}
    >>> plan = fits(days, forecast_schedule(days, **dates), refit="quarterly", **dates)
    >>> [(fit.train_end, fit.validation_end) for fit in plan]
    [('2024-01-31', '2024-02-29'), ('2024-02-29', '2024-03-29'), ('2024-05-30', '2024-06-28')]
    """
    decided = rebalance_dates(index, validation_end=validation_end, traded=traded)[:1]
    early = decided[(decided > pd.Timestamp(train_end)) & (decided < index[index <= pd.Timestamp(validation_end)].max())]
    first = Fit(schedule, iso_day(train_end), iso_day([*early, validation_end][0]))
    test = index[index > pd.Timestamp(validation_end)]
    if refit == "never" or test.empty:
        return [first]
    spans = test.to_period(SPANS[refit])
    firsts = test[~spans.duplicated() & (spans != spans[0])]
    n_validation = ((index > pd.Timestamp(train_end)) & (index <= pd.Timestamp(validation_end))).sum()
    fitted = index.get_indexer(days_before(index, firsts, traded=traded))  # positions of the days at whose close a later fit is made
    plan = [first, *(Fit(schedule, iso_day(index[day - n_validation]), iso_day(index[day])) for day in fitted)]
    serving = index[fitted].searchsorted(schedule["decision_date"], side="right")  # of each forecast, which fit makes it
    parts = [schedule[serving == number].reset_index(drop=True) for number in range(len(plan))]
    return [replace(fit, schedule=part) for fit, part in zip(plan, parts, strict=True) if len(part)]
