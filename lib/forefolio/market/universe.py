"""Prices as they came to the assets that may be held, each dropped one with its reason.

A price that is not positive is missing, never a return of -100 %. Gaps are judged up to the end of validation: what
comes later cannot have been known, so a later gap holds the last price and says so. Strange prices are flagged.
"""

from typing import NamedTuple

import pandas as pd

from forefolio.market.csv_files import Finding, found
from forefolio.market.returns import Need, check_labels, iso_day, simple_returns
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import counted, percent

PLAUSIBLE = (1e-15, 1e15)  # outside no price of anything lies, and returns overflow


class Universe(NamedTuple):
    """The assets that a study may hold."""

    prices: pd.DataFrame  # of the tickers that are kept; each gap holds the last price before it
    assets: pd.DataFrame  # ticker, first, last (days with a price), missing (days up to validation_end), kept, reason
    traded: pd.DataFrame  # whether a price is the day's own; nothing can be bought at one that is held


def known(prices: pd.DataFrame) -> pd.DataFrame:
    """Prices that can be prices: positive, and neither absurdly small nor large; anything else is missing."""
    return prices.where((prices > PLAUSIBLE[0]) & (prices < PLAUSIBLE[1])).astype(float)


def choose(prices: pd.DataFrame, study: Study) -> Universe:
    """
    Tickers that could have been chosen at the end of validation, and why not the others.

    The `reason` of a ticker says why it was dropped, or where a kept one holds an old price; else it is empty.

    Parameters
    ----------
    prices : DataFrame (n_days, n_tickers)
        Adjusted closes as they came.
    study : Study
        Its `train_end`, `validation_end`, `max_missing`, `fill_limit`, and `jump_threshold` where `drop_jumps` is set.
        Its `tickers` must all be kept and may miss no more than `max_missing` of all days, unless
        `allow_missing_tickers` is set.

    Raises
    ------
    ValueError
        If a required ticker is not complete, fewer than two are kept, or dates or tickers are not in order.

    Notes
    -----
    A ticker is dropped if it has no price on the first day (nothing earlier could be held), if its last price is
    before the last day up to `validation_end` (it cannot be bought after), if it misses too many days, if it never
    moves up to `train_end`, or if it jumps. With `max_missing` 0 and `validation_end` the last day the first three are
    the rule of Nguyen 2025, which knows the future.

    Examples
    --------
    >>> days, nan = pd.date_range("2024-01-02", periods=4, name="date"), float("nan")
    >>> prices = pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0], "B": [5.0, 6.0, 7.0, nan], "C": [nan, 1.0, 2.0, 1.0]}, days)
    >>> chosen = choose(prices, Study(start=days[0].date(), train_end=days[1].date(), validation_end=days[2].date(),
    ...                               end=days[3].date()))
    >>> chosen.prices["B"].tolist()
    [5.0, 6.0, 7.0, 7.0]
    >>> chosen.assets["reason"].tolist()
    ['', 'ends on 2024-01-04, held after', 'starts on 2024-01-03']
    """
    check_labels(prices)
    clean = known(prices)
    early = clean.loc[:pd.Timestamp(study.validation_end)]
    if early.empty:
        raise ValueError(f"No prices up to {iso_day(study.validation_end)}: prices start on "
                         f"{iso_day(prices.index[0])}, so move validation_end after it")
    reasons = {ticker: _why_dropped(clean[ticker], early[ticker], study) for ticker in clean}
    assets = pd.DataFrame([
        {"ticker": ticker, "first": clean[ticker].first_valid_index(), "last": clean[ticker].last_valid_index(),
         "missing": early[ticker].isna().sum(), "kept": not dropped, "reason": dropped or _what_is_held(clean[ticker])}
        for ticker, dropped in reasons.items()]).astype({"first": "datetime64[us]", "last": "datetime64[us]"})
    if not study.allow_missing_tickers:
        _check_required(clean, reasons, study)
    kept = [ticker for ticker, dropped in reasons.items() if not dropped]
    if len(kept) < 2:
        examples = "; ".join([f"{ticker} {dropped}" for ticker, dropped in reasons.items() if dropped][:3])
        raise ValueError(f"Only {len(kept)} of {len(reasons)} tickers can be kept{f' ({examples})' if examples else ''}"
                         ", and two are needed: name more tickers, raise max_missing, fill_limit or jump_threshold, or "
                         "move start later")
    return Universe(clean[kept].ffill(), assets, clean[kept].notna())


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """
    Days of returns that stages 01 to 03 need, in the order in which they are checked.

    A sample covariance of n assets can be inverted with n + 2 days; a shrunk one, or one with a ridge, with two.

    Examples
    --------
    >>> [(need.parameter, need.days, need.period) for need in needed_days(Study(), n_assets=20)]
    [('train_end', 22, 'training'), ('correlation_window', 63, 'all')]
    """
    regular = study.covariance_estimator != "sample" or study.ridge > 0
    carried = [Need("predictability_lag", study.predictability_lag + 1, "training",
                    "nothing carries over within the training period")] if study.source == "simulated" else []
    return [Need("train_end", 2 if regular else n_assets + 2, "training",
                 f"the sample covariance of {n_assets} assets needs more, or set covariance_estimator or ridge"),
            *carried, Need("correlation_window", study.correlation_window, "all", "that is all there is")]


def findings(prices: pd.DataFrame, study: Study) -> list[Finding]:
    """
    What is strange in prices as they came: prices that are none, long standstills, large jumps.

    At most one finding of each kind per ticker; nothing is changed here. A standstill lasts `stale_days` or more. A
    jump is a move beyond `jump_threshold` from one known price to the next, also over a gap.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=5, name="date")
    >>> prices = pd.DataFrame({"A": [1.0, 1.0, 1.0, 0.0, 2.0]}, index=days)
    >>> [(row.finding, row.n_days) for row in findings(prices, Study(stale_days=2, jump_threshold=0.5))]
    [('prices that are not positive numbers', 1), ('2 or more days without a move', 2),
     ('moves beyond 50 % in a day', 1)]
    """
    clean, rows = known(prices), []
    for ticker in prices:
        moves = _moves(clean[ticker])
        still = moves == 0
        rows += found(str(ticker), "prices that are not positive numbers",
                      prices.index[prices[ticker].notna() & clean[ticker].isna()], "missing")
        rows += found(str(ticker), f"{study.stale_days} or more days without a move",
                      moves.index[still & (_runs(still) >= study.stale_days)], "flagged")
        rows += found(str(ticker), f"moves beyond {percent(study.jump_threshold, 0)} in a day",
                      moves.index[moves.abs() > study.jump_threshold], "flagged")
    return rows


def _moves(prices: pd.Series) -> pd.Series:
    """Returns from each known price to the next known one, on the later day."""
    return simple_returns(prices.dropna().to_frame())[prices.name]


def _runs(days: pd.Series) -> pd.Series:
    """How long the run of true days is that a day belongs to; only for true days."""
    return days.groupby((~days).cumsum()).transform("sum")


def _long_gaps(prices: pd.Series, fill_limit: int) -> pd.DatetimeIndex:
    """Days without a price in gaps of more than `fill_limit` days in a row."""
    gap = prices.isna()
    return prices.index[gap & (_runs(gap) > fill_limit)]


def _why_dropped(prices: pd.Series, early: pd.Series, study: Study) -> str:
    """Reason to drop a ticker, or an empty string."""
    first, last, end = prices.first_valid_index(), prices.last_valid_index(), early.index[-1]
    if first is None:
        return "has no prices"
    if first > early.index[0]:
        return f"starts on {iso_day(first)}"
    if last < end:
        return f"ends on {iso_day(last)}"
    missing = len(_long_gaps(early, study.fill_limit))
    if missing > study.max_missing * len(early):
        return f"misses {missing} of {len(early)} days up to {iso_day(end)}"
    if early.loc[:pd.Timestamp(study.train_end)].nunique() < 2:
        return f"never moves up to {iso_day(study.train_end)}"
    moves = _moves(early)
    jumps = moves[moves.abs() > study.jump_threshold]
    if study.drop_jumps and len(jumps):
        return f"moves by {jumps.iloc[0]:+.0%} on {iso_day(jumps.index[0])}".replace("%", " %")
    return ""


def _what_is_held(prices: pd.Series) -> str:
    """Where a kept ticker holds an old price, or an empty string."""
    last, n_gaps = prices.last_valid_index(), prices.isna().sum()
    if last < prices.index[-1]:
        return f"ends on {iso_day(last)}, held after"
    return f"holds the last price on {counted(n_gaps, 'missing day')}" if n_gaps else ""


def _check_required(clean: pd.DataFrame, reasons: dict[str, str], study: Study) -> None:
    """Refuse tickers that were asked for by name and are dropped or have long gaps, with the days."""
    broken = []
    for ticker in study.tickers:
        gaps = _long_gaps(clean[ticker], study.fill_limit)
        if reasons[ticker]:
            broken.append(f"{ticker} {reasons[ticker]}")
        elif len(gaps) > study.max_missing * len(clean):
            broken.append(f"{ticker} misses {len(gaps)} of {len(clean)} days, from {iso_day(gaps[0])} to "
                          f"{iso_day(gaps[-1])}")
    if broken:
        more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise ValueError(f"tickers: {'; '.join(broken[:5])}{more}: leave them out, raise max_missing or fill_limit, "
                         "move start or end, or set allow_missing_tickers to true to drop or hold them")
