"""The assets that may be held, with a reason for each dropped one, and when each can be bought.

A price that is not positive is missing, never a return of -100 %. Gaps matter only up to the end of validation, because
later ones could not have been known; a later gap keeps the last price, and a note says so. Unusual prices are flagged.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from forefolio.market.csv_files import Finding, found
from forefolio.market.returns import CLOSING, Date, Need, check_labels, iso_day
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import COVARIANCES, counted, listed, percent

NOT_TRADED, ENDED = "not traded that day", "its prices have ended"  # reasons why an asset cannot be bought
CONSTANT = 1e-8  # a smaller standard deviation of daily returns is only rounding
NOISE = 1e-7  # a smaller move is rounding: the price did not move
PLAUSIBLE = (1e-15, 1e15)  # no real price is outside of this range
SPLITS = (2, 3, 5, 10)  # ratios of splits
NEAR = 0.05  # tolerance of a split's ratio, because the market moved on that day, too
CALENDARS = (12, 52, 252, 365)  # usual numbers of rows per year: months, weeks, trading days, days
A_QUARTER = 0.24  # years; over shorter spans holidays change the rate too much


class Universe(NamedTuple):
    """The assets that a study may hold."""

    prices: pd.DataFrame  # prices of the kept tickers; gaps keep the last price, except for `paid_out`
    assets: pd.DataFrame  # ticker, first, last (days with a price), missing (days up to validation_end), kept, reason
    traded: pd.DataFrame  # whether a price is the day's own; an old price cannot be traded at


def known(prices: pd.DataFrame) -> pd.DataFrame:
    """Plausible prices: positive, and neither absurdly small nor absurdly large; all others become missing."""
    return prices.where((prices > PLAUSIBLE[0]) & (prices < PLAUSIBLE[1])).astype(float)


def choose(prices: pd.DataFrame, study: Study) -> Universe:
    """
    The tickers that could have been chosen at the end of validation, and the reasons against the others.

    The `reason` of a ticker says why it was dropped, or where a kept ticker has an old price; otherwise it is empty.

    Parameters
    ----------
    prices : DataFrame (n_days, n_tickers)
        Adjusted closes, unchanged.
    study : Study
        Its `train_end`, `validation_end`, `max_missing`, `fill_limit`, `delisting_return`, and `jump_threshold` where
        `drop_jumps` is set.
        Its `tickers` must all be kept and may miss no more than `max_missing` of all days, unless
        `allow_missing_tickers` is set.

    Raises
    ------
    ValueError
        If a required ticker is not complete, fewer than two are kept, dates or tickers are not in order, or the days
        per year are far from `periods_per_year`.

    Notes
    -----
    A ticker is dropped if it has no price on the first day (nothing earlier could be held), if its last price is before
    the last day up to `validation_end` (it cannot be bought after), if it misses too many days, if it never moves or
    returns the same every day up to `train_end`, or if it jumps. With `max_missing` 0 and `validation_end` the last day
    the first three are the rule of Nguyen 2025, which knows the future. A ticker whose exchange was only closed on the
    first days (`merely_closed`) is kept, and prices start when all kept tickers have one. Days without a price of any
    kept ticker are left out. The remaining days must be about `periods_per_year` per year.

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
    there = clean.notna().to_numpy()
    first, last = (pd.Series(days.array, clean.columns).where(there.any(axis=0)) for days in (
        clean.index[there.argmax(axis=0)], clean.index[len(clean) - 1 - there[::-1].argmax(axis=0)]))
    reasons = {ticker: _why_dropped(early[ticker], first[ticker], last[ticker], study) for ticker in clean}
    if not study.allow_missing_tickers:
        _check_required(clean, reasons, study)
    kept = [ticker for ticker, dropped in reasons.items() if not dropped]
    if len(kept) < 2:
        examples = "; ".join([f"{ticker} {dropped}" for ticker, dropped in reasons.items() if dropped][:3])
        others = f", {_enough(early, reasons)}, raise max_missing or jump_threshold, or move start later"
        raise ValueError(f"Only {len(kept)} of {len(reasons)} tickers can be kept{f' ({examples})' if examples else ''}"
                         f", and two are needed: name more tickers{others if examples else ''}")
    start = first[kept].max()
    traded = clean.loc[start:, kept].notna()
    traded = traded[traded.any(axis=1)]
    held = paid_out(clean[kept].ffill().loc[traded.index], traded, delisting_return=study.delisting_return)
    check_rate(held, periods_per_year=study.periods_per_year)
    assets = pd.DataFrame({
        "ticker": clean.columns, "first": first.array, "last": last.array, "missing": early.isna().sum().array,
        "kept": [not dropped for dropped in reasons.values()],
        "reason": [dropped or _what_is_held(traded[ticker], first[ticker], clean.index[0])
                   for ticker, dropped in reasons.items()]})
    return Universe(held, assets.astype({"first": "datetime64[us]", "last": "datetime64[us]"}), traded)


def ended(traded: pd.DataFrame) -> pd.Series:
    """
    The last day with a price of each asset that ended for good (for example by a delisting); missing for others.

    An asset has ended if its last price is earlier than any usual closing before the end of the data: more than
    `CLOSING` days and more than five usual steps between rows. A shorter absence at the end is a suspension.

    Notes
    -----
    A delisting is public when it happens, but prices show it only because they never return. So this function reads the
    whole file. Use it for holdings of such an asset, never to decide whether to buy an asset that trades.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=30, name="date")
    >>> ended(pd.DataFrame({"A": days.day <= 12, "B": days.day <= 25, "C": True}, index=days)).to_dict()
    {'A': Timestamp('2024-01-12 00:00:00'), 'B': NaT, 'C': NaT}
    """
    days, there = traded.index, traded.to_numpy()
    last = pd.Series(days[len(days) - 1 - there[::-1].argmax(axis=0)], traded.columns)
    closing = max(CLOSING, 5 * days.to_series().diff().dt.days.median()) if len(days) > 1 else CLOSING
    return last.where((days[-1] - last).dt.days > closing)


def paid_out(held: pd.DataFrame, traded: pd.DataFrame, *, delisting_return: float) -> pd.DataFrame:
    """
    Prices whose gaps keep the last price, with the payment to holders of an asset that `ended`.

    The payment is the last price times 1 + `delisting_return`, from the next row on; from then on the holder has cash.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=15)
    >>> traded = pd.DataFrame({"A": days.day <= 2, "B": days.day <= 14}, index=days)
    >>> paid_out(traded.assign(A=8.0, B=5.0), traded, delisting_return=-0.5).iloc[[1, 2, 14]].to_numpy().tolist()
    [[8.0, 5.0], [4.0, 5.0], [4.0, 5.0]]
    """
    after = held.index.to_numpy()[:, None] > ended(traded).to_numpy()  # nowhere, if it has not ended
    return held.mask(after, held * (1 + delisting_return))


def check_rate(prices: pd.DataFrame, *, periods_per_year: int) -> None:
    """
    Refuse prices with far more or far fewer days per year than `periods_per_year`, which annualizes everything.

    The limits are 0.8 and 1.25 times; spans below a quarter of a year are not checked.

    Examples
    --------
    >>> months = pd.date_range("1995-01-31", "2022-11-30", freq="ME")
    >>> check_rate(pd.DataFrame({"A": range(1, 336)}, months), periods_per_year=252)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: periods_per_year: 252 does not fit the prices, which have 12 rows per year ...; set it to 12
    """
    def fits(rate: float) -> bool:
        return 0.8 <= rate / periods_per_year <= 1.25

    days, n_returns = prices.index, len(prices) - 1
    years = (days[-1] - days[0]).days / 365.25
    if years < A_QUARTER or fits(n_returns / years):
        return
    still, gaps = len(still_days(prices)), holes(days)
    rate = (n_returns - len(gaps)) / (years - gaps.sum() / 365.25)
    if fits(rate):
        remedy = (f"move start or end, or complete the prices, which have {counted(len(gaps), 'gap')} of more than "
                  f"{CLOSING} days, the last before {iso_day(gaps.index[-1])}")
    else:
        usual = [number for number in CALENDARS if abs(rate / number - 1) < 0.05]
        remedy = f"set it to {[*usual, max(round(rate), 1)][0]}" + (
            f", or, as no asset moves on {still} days, set drop_still_days to true"
            if fits((n_returns - still) / years) else "")
    raise ValueError(f"periods_per_year: {periods_per_year} does not fit the prices, which have "
                     f"{counted(round(n_returns / years), 'row')} per year from {iso_day(days[0])} to "
                     f"{iso_day(days[-1])}; {remedy}")


def holes(days: pd.DatetimeIndex) -> pd.Series:
    """
    Days since the previous row, for rows after more than `CLOSING` days and more than five usual steps.

    Examples
    --------
    >>> holes(pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-03", "2024-03-01"])).to_dict()
    {Timestamp('2024-03-01 00:00:00'): 58.0}
    """
    steps = days.to_series().diff().dt.days
    return steps[steps > max(CLOSING + 1, 5 * steps.median())]


def merely_closed(first: pd.Timestamp, days: pd.DatetimeIndex) -> bool:
    """
    Whether a late start may be due to a closed exchange: at most `CLOSING` days, in a market with coins. Assets that
    trade around the clock have two of seven days on weekends. For an end, pass the days in reverse order.

    Examples
    --------
    >>> every_day, weekdays = (pd.date_range("2024-01-06", "2024-12-31", freq=freq) for freq in "DB")
    >>> monday = pd.Timestamp("2024-01-08")
    >>> merely_closed(monday, every_day), merely_closed(weekdays[1], weekdays)
    (True, False)
    """
    weekends = (days.day_of_week > 4).mean()
    return bool(abs(first - days[0]).days <= CLOSING and abs(weekends - 2 / 7) < 0.05)


def still_days(prices: pd.DataFrame) -> pd.DatetimeIndex:
    """
    Days on which no asset moves, for example filled holidays of an exchange.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> still_days(pd.DataFrame({"A": [1.0, 1.0, 1.0, 2.0], "B": [5.0, 5.0, 6.0, None]}, days)).day.tolist()
    [2]
    """
    held = known(prices).ffill().to_numpy()
    moved = (held[1:] != held[:-1]) & ~np.isnan(held[1:])
    return prices.index[1:][~moved.any(axis=1)]


def kept_out(returns: pd.DataFrame, traded: pd.DataFrame, *, dates: Sequence[Date], stale_days: int) -> pd.DataFrame:
    """
    The reason why each asset cannot be bought at each date; empty if it can.

    The reason is `ENDED` if its prices have ended for good, `NOT_TRADED` if its price is an older one, and `no move in
    <stale_days> days` if its last `stale_days` returns are all zero up to rounding: such an asset does not trade, it is
    not calm.

    Raises
    ------
    ValueError
        If no asset can be bought at a date.

    Notes
    -----
    The days of a gap count as days without a move. With fewer returns than `stale_days` the asset can be bought.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> returns = pd.DataFrame({"A": [0.1, 0.0, 0.0, 0.0], "B": [0.1, 0.0, 0.0, 0.1]}, index=days)
    >>> kept_out(returns, returns.notna(), dates=days[2:], stale_days=3).to_numpy().tolist()
    [['', ''], ['no move in 3 days', '']]
    """
    dates = pd.DatetimeIndex(dates)
    quiet, ends = abs(returns.to_numpy()) < NOISE, returns.index.get_indexer(dates) + 1
    asleep = np.array([quiet[max(end - stale_days, 0):end].all(axis=0) & (end >= stale_days) for end in ends], dtype=bool)
    asleep = asleep.reshape(len(dates), returns.shape[1])  # no dates at all are no rows
    still = f"no move in {counted(stale_days, 'day')}"
    over = dates.to_numpy()[:, None] > ended(traded[returns.columns]).to_numpy()
    reasons = pd.DataFrame("", dates, returns.columns).mask(asleep, still).mask(
        ~traded.loc[dates, returns.columns], NOT_TRADED).mask(over, ENDED)
    if len(nothing := reasons.index[(reasons != "").all(axis=1)]):
        raise ValueError(f"Nothing can be bought at the decision of {iso_day(nothing[0])}: each of "
                         f"{counted(len(returns.columns), 'asset')} has {still} or was not traded that day; correct "
                         f"the prices, raise stale_days, or move validation_end or end")
    return reasons


def absences(reasons: pd.DataFrame) -> pd.DataFrame:
    """The assets that could not be bought, from `kept_out`: columns asset, reason, first, last (dates), n_decisions."""
    rows = reasons.rename_axis(index="date", columns="asset").melt(ignore_index=False, value_name="reason")
    dates = rows[rows["reason"] != ""].reset_index().groupby(["asset", "reason"], sort=False)["date"]
    return dates.agg(first="min", last="max", n_decisions="size").reset_index()


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """
    Days of returns that stages 01 to 03 need, in the order in which they are checked.

    The sample covariance of n assets can be inverted with n + 2 days; Ledoit-Wolf, or any with a ridge, needs two.

    Examples
    --------
    >>> [(need.parameter, need.days, need.period) for need in needed_days(Study(), n_assets=20)]
    [('train_end', 22, 'training'), ('correlation_window', 63, 'all')]
    """
    regular = COVARIANCES[study.covariance_estimator].invertible or study.ridge > 0
    carried = [Need("predictability_lag", study.predictability_lag + 1, "training",
                    "nothing carries over within the training period")] if study.source == "simulated" else []
    return [Need("train_end", 2 if regular else n_assets + 2, "training",
                 f"the {study.covariance_estimator} covariance of {n_assets} assets needs more, or set "
                 "covariance_estimator to ledoit_wolf, or ridge"),
            *carried, Need("correlation_window", study.correlation_window, "all", "that is all there is")]


def findings(prices: pd.DataFrame, study: Study) -> list[Finding]:
    """
    Unusual entries in raw prices: values that cannot be prices, long standstills, large jumps, jumps like splits.

    At most one finding of each kind per ticker; nothing is changed here. A standstill lasts `stale_days` or more. A
    jump is a rise by more than `jump_threshold` from one known price to the next, also across a gap, or a fall that
    such a rise would undo. A price ratio near 2, 3, 5 or 10, or their inverses, looks like a split, whatever the
    threshold.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=5, name="date")
    >>> prices = pd.DataFrame({"A": [1.0, 1.0, 1.0, 0.0, 2.0]}, index=days)
    >>> [(row.finding, row.n_days) for row in findings(prices, Study(stale_days=2, jump_threshold=0.5))]
    [('prices that are not positive numbers', 1), ('2 or more days without a move', 2),
     ('moves beyond +50 % or -33 % in a day', 1), ('a price ratio near 2, as after a split', 1)]
    """
    clean, rows = known(prices), []
    values, no_price = clean.to_numpy(), prices.notna().to_numpy() & clean.isna().to_numpy()
    fall = percent(study.jump_threshold / (1 + study.jump_threshold), 0)
    for at, ticker in enumerate(prices):
        days, ratios = _ratios(prices.index, values[:, at])
        still, splits = np.abs(ratios - 1) < NOISE, _splits(ratios)
        named = dict.fromkeys(f"{split:.0f}" if split > 1 else f"1/{1 / split:.0f}" for split in splits[splits > 0])
        rows += found(str(ticker), "prices that are not positive numbers",
                      prices.index[no_price[:, at]], "missing")
        rows += found(str(ticker), f"{study.stale_days} or more days without a move",
                      days[_runs(still) >= study.stale_days], "flagged")
        rows += found(str(ticker), f"moves beyond +{percent(study.jump_threshold, 0)} or -{fall} in a day",
                      days[_jumps(ratios, study.jump_threshold)], "flagged")
        if named:
            rows += found(str(ticker), f"a price ratio near {listed([*named], 'or')}, as after a split",
                          days[splits > 0], "flagged")
    return rows


def _ratios(days: pd.DatetimeIndex, prices: np.ndarray) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Each known price divided by the known one before it, on the later day."""
    there = ~np.isnan(prices)
    return days[there][1:], prices[there][1:] / prices[there][:-1]


def _jumps(ratios: np.ndarray, threshold: float) -> np.ndarray:
    """Whether each ratio exceeds a threshold, upward or equally far downward."""
    return np.maximum(ratios, 1 / ratios) > 1 + threshold


def _splits(ratios: np.ndarray) -> np.ndarray:
    """The split ratio that each price ratio resembles (2, 1/2 and so on); 0 if none."""
    size = np.maximum(ratios, 1 / ratios)
    like = sum(split * (np.abs(size / split - 1) <= NEAR) for split in SPLITS)
    return np.where((ratios < 1) & (like > 0), 1 / np.maximum(like, 1), like)


def _runs(days: np.ndarray) -> np.ndarray:
    """The length of the run of true days that each day belongs to; 0 for other days."""
    edges = np.flatnonzero(np.diff(days, prepend=False, append=False))
    lengths, runs = edges[1::2] - edges[::2], np.zeros(len(days), dtype=int)
    runs[days] = lengths.repeat(lengths)
    return runs


def _gaps(prices: pd.Series) -> np.ndarray:
    """The length of the gap that each day without a price belongs to, from the first price on; 0 for other days."""
    missing = np.isnan(prices.to_numpy())
    return np.where(np.arange(len(missing)) < missing.argmin(), 0, _runs(missing))


def _why_dropped(early: pd.Series, first: pd.Timestamp, last: pd.Timestamp, study: Study) -> str:
    """The reason to drop a ticker with prices from a first to a last day, or an empty string."""
    days, end = early.index, early.index[-1]
    if pd.isna(first):
        return "has no prices"
    if first > days[0] and not merely_closed(first, days):
        return f"starts on {iso_day(first)}"
    if last < end:
        return f"ends on {iso_day(last)}"
    missing = (_gaps(early) > study.fill_limit).sum()
    if missing > study.max_missing * len(early):
        return f"misses {missing} of {len(early)} days up to {iso_day(end)}"
    days, ratios = _ratios(days, early.to_numpy())
    trained = ratios[days <= pd.Timestamp(study.train_end)]
    if (trained == 1).all():
        return f"never moves up to {iso_day(study.train_end)}"
    if len(trained) > 2 and trained.std() < CONSTANT:
        return f"returns the same every day up to {iso_day(study.train_end)}"
    jumps = _jumps(ratios, study.jump_threshold)
    if study.drop_jumps and jumps.any():
        at = jumps.argmax()
        split = ", like a split" if _splits(ratios)[at] else ""
        return f"moves by {ratios[at] - 1:+.0%} on {iso_day(days[at])}{split}".replace("%", " %")
    return ""


def _what_is_held(traded: pd.Series, first: pd.Timestamp, first_day: pd.Timestamp) -> str:
    """A note if a kept ticker starts late or has an old price, or an empty string."""
    said, n_gaps, over = [], (~traded).sum(), ended(traded.to_frame()).notna().all()
    if first > first_day:
        said.append(f"starts on {iso_day(first)}, so that all prices start on {iso_day(traded.index[0])}")
    if not traded.iloc[-1]:
        said.append(f"ends on {iso_day(traded.index[traded][-1])}, {'cash' if over else 'held'} after")
    elif n_gaps:
        said.append(f"holds the last price on {counted(n_gaps, 'missing day')}")
    return "; ".join(said)


def _enough(early: pd.DataFrame, reasons: dict[str, str]) -> str:
    """Advice on fill_limit, with the value that keeps every ticker that is dropped for short gaps."""
    misses = [ticker for ticker, why in reasons.items() if why.startswith("misses")]
    longest = max((_gaps(early[ticker]).max() for ticker in misses), default=0)
    return f"set fill_limit to {longest}" if 0 < longest <= CLOSING else "raise fill_limit"


def _check_required(clean: pd.DataFrame, reasons: dict[str, str], study: Study) -> None:
    """Refuse tickers that were asked for by name and are dropped or have long gaps, with the days."""
    broken = []
    for ticker in study.tickers:
        gaps = clean.index[_gaps(clean[ticker]) > study.fill_limit]
        if reasons[ticker]:
            broken.append(f"{ticker} {reasons[ticker]}")
        elif len(gaps) > study.max_missing * len(clean):
            broken.append(f"{ticker} misses {len(gaps)} of {len(clean)} days, from {iso_day(gaps[0])} to "
                          f"{iso_day(gaps[-1])}")
    if broken:
        more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise ValueError(f"tickers: {'; '.join(broken[:5])}{more}: leave them out, raise max_missing or fill_limit, "
                         "move start or end, or set allow_missing_tickers to true to drop or hold them")
