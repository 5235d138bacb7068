"""Returns from prices, the three periods, and the days on which portfolios are decided.

A decision at t uses data up to and including the close of t.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd

Date = str | dt.date | pd.Timestamp
CLOSING = 10  # days; ordinary holidays close no exchange for longer


class Need(NamedTuple):
    """The days of returns that a parameter needs; the `needed_days` of each room lists its own."""

    parameter: str
    days: int  # at least this many
    period: str  # training, validation, test, known (training and validation together) or all
    why: str  # the reason that an error message gives


def iso_day(date: Date) -> str:
    """A date as text, such as 2024-01-31."""
    return f"{pd.Timestamp(date):%Y-%m-%d}"


def check_labels(frame: pd.DataFrame) -> None:
    """Refuse days that do not ascend or that repeat, and repeated tickers, because everything is joined by name."""
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or not (index.is_monotonic_increasing and index.is_unique):
        raise ValueError("The dates of the prices must be ascending and without repeats; sort them and drop repeats")
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ValueError(f"The ticker {twice} appears in more than one column of prices; keep one of them")


def simple_returns(prices: pd.DataFrame) -> pd.DataFrame:
    """
    Simple daily returns of prices (n_days - 1, n_assets); next to a missing price the return is missing.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="date")
    >>> simple_returns(pd.DataFrame({"A": [100.0, 110.0, 99.0]}, index=days))["A"].round(3).tolist()
    [0.1, -0.1]
    """
    check_labels(prices)
    return prices.pct_change(fill_method=None).iloc[1:]


def periods(index: pd.DatetimeIndex, *, train_end: Date, validation_end: Date) -> pd.DataFrame:
    """
    Training, validation and test period of a run. A period without a trading day is refused.

    Returns
    -------
    DataFrame (3, 4)
        Columns period, first, last, n_days: training <= train_end < validation <= validation_end < test.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-01-10")
    >>> periods(days, train_end="2024-01-06", validation_end="2024-01-08")[["period", "n_days"]]
           period  n_days
    0    training       6
    1  validation       2
    2        test       2
    """
    train_end, validation_end = pd.Timestamp(train_end), pd.Timestamp(validation_end)
    masks = {
        "training": index <= train_end,
        "validation": (index > train_end) & (index <= validation_end),
        "test": index > max(train_end, validation_end),
    }
    for period, mask in masks.items():
        if not mask.any():
            data = f"{iso_day(index[0])} to {iso_day(index[-1])}" if len(index) else "no days at all"
            raise ValueError(f"The {period} period is empty with train_end {iso_day(train_end)} and validation_end "
                             f"{iso_day(validation_end)}; the data are {data}, so move these dates")
    return pd.DataFrame([{"period": period, "first": index[mask][0], "last": index[mask][-1], "n_days": mask.sum()}
                         for period, mask in masks.items()])


def open_days(traded: pd.DataFrame) -> pd.Series:
    """
    Days on which the market traded: at least half of the assets that traded within the last `CLOSING` days.

    Parameters
    ----------
    traded : DataFrame of bool (n_days, n_assets)
        Whether a price is the day's own, as `universe.choose` reports.

    Returns
    -------
    Series of bool (n_days,)
        It only looks back. An asset that has no price for longer than any holiday does not count until it trades again.

    Examples
    --------
    Two stocks and a coin from Thursday to Monday:

    >>> days = pd.date_range("2024-02-29", periods=5)
    >>> stock = [True, True, False, False, True]
    >>> open_days(pd.DataFrame({"COIN": True, "A": stock, "B": stock}, index=days)).tolist()
    [True, True, False, False, True]
    """
    listed = traded.astype(float).rolling(f"{CLOSING + 1}D").max().sum(axis=1)
    return 2 * traded.sum(axis=1) >= listed


def days_before(index: pd.DatetimeIndex, firsts: pd.DatetimeIndex, *,
                traded: pd.DataFrame | None = None) -> pd.DatetimeIndex:
    """
    For each of some days of `index`, the last day before it on which the market traded (`open_days`).

    Without `traded` every day counts. If no such day lies within `CLOSING` days, the day before is taken. Each day
    appears once.
    """
    before = index.get_indexer(firsts) - 1
    if traded is None:
        return index[before]
    chosen = np.maximum.accumulate(np.where(open_days(traded).reindex(index), np.arange(len(index)), 0))[before]
    near = index[before] - index[chosen] <= pd.Timedelta(days=CLOSING)
    return index[np.unique(np.where(near, chosen, before))]


def rebalance_dates(index: pd.DatetimeIndex, *, validation_end: Date,
                    traded: pd.DataFrame | None = None) -> pd.DatetimeIndex:
    """
    Days at whose close the portfolios are decided: the last trading day before each month of the test period.

    The test period starts after `validation_end`, so the first decision is on the last trading day up to that date. The
    last day of `index` is never a decision. With `traded` (whether each price is the day's own), only days on which the
    market traded count, so a study of stocks and coins decides nothing on a weekend.

    Examples
    --------
    >>> days = pd.bdate_range("2023-12-27", "2024-02-15")
    >>> rebalance_dates(days, validation_end="2023-12-31").strftime("%Y-%m-%d").tolist()
    ['2023-12-29', '2024-01-31']
    """
    test = index[index > pd.Timestamp(validation_end)]
    first_of_month = test[~test.to_period("M").duplicated()]
    return days_before(index, first_of_month, traded=traded)


def asset_summary(returns: pd.DataFrame, *, periods_per_year: int) -> pd.DataFrame:
    """
    Summary statistics of each asset's daily returns.

    Returns
    -------
    DataFrame (n_assets, 10)
        Index asset; columns mean_return (arithmetic, a year), standard_error (of that mean), annual_return
        (compounded), annual_volatility, skewness, excess_kurtosis (both corrected for bias), minimum, maximum (per
        day), zero_share (share of days without a move), autocorrelation (lag 1; missing for an asset that never moves).

    Notes
    -----
    The standard error of the annual mean is the annual volatility over the root of the years: it treats days as
    independent.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.1, -0.1, 0.0, 0.0]})
    >>> asset_summary(returns, periods_per_year=4).loc["A", ["annual_return", "zero_share"]].round(4).tolist()
    [-0.01, 0.5]
    """
    demeaned = returns - returns.mean()
    moves = returns.std() > 1e-12  # rounding gives even a constant return a small deviation
    return pd.DataFrame({
        "mean_return": returns.mean() * periods_per_year,
        "standard_error": returns.std() / np.sqrt(len(returns)) * periods_per_year,
        "annual_return": (1 + returns).prod() ** (periods_per_year / len(returns)) - 1,
        "annual_volatility": returns.std() * np.sqrt(periods_per_year),
        "skewness": returns.skew(),
        "excess_kurtosis": returns.kurt(),
        "minimum": returns.min(),
        "maximum": returns.max(),
        "zero_share": (returns == 0).mean(),
        "autocorrelation": (demeaned * demeaned.shift()).sum().where(moves) / (demeaned**2).sum().where(moves),
    }).rename_axis("asset")


def earned(returns: pd.DataFrame, periods: pd.DataFrame, *, periods_per_year: int) -> pd.DataFrame:
    """
    What two series of returns earned in each period, and how certain their difference is.

    Parameters
    ----------
    returns : DataFrame (n_days, 2)
        Simple returns of two portfolios, or of a portfolio and an index.
    periods : DataFrame
        As `periods` gives them.
    periods_per_year : int
        Rows of `returns` a year.

    Returns
    -------
    DataFrame (n_periods, 4)
        Index period; the total return of each of the two under its name (compounded), difference (mean of first less
        second, a year), standard_error (of that mean, days taken as independent; missing for a single day).

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> pair = pd.DataFrame({"a": [0.1, 0.1, 0.0], "b": [0.0, 0.1, 0.2]}, days)
    >>> spans = pd.DataFrame({"period": ["test"], "first": days[:1], "last": days[1:2]})
    >>> earned(pair, spans, periods_per_year=10).round(2).to_numpy().tolist()
    [[0.21, 0.1, 0.5, 0.5]]
    """
    spans = {row.period: returns.loc[row.first:row.last] for row in periods.itertuples()}
    totals = pd.DataFrame({period: (1 + span).prod() - 1 for period, span in spans.items()}).T
    ahead = {period: span.iloc[:, 0] - span.iloc[:, 1] for period, span in spans.items()}
    return totals.assign(
        difference=[days.mean() * periods_per_year for days in ahead.values()],
        standard_error=[days.std() / np.sqrt(len(days)) * periods_per_year for days in ahead.values()],
    ).rename_axis("period")
