"""One csv file to a clean frame of prices, and a list of what had to be mended.

A file may be wide (dates, then one column per ticker) or long (date, ticker, close). What has one meaning is mended and
reported as a finding; what could mean two things is refused with a sentence that says where and what to do.
"""

import csv
import datetime as dt
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from reprlib import repr as shown
from typing import NamedTuple

import numpy as np
import pandas as pd

from forefolio.study.parameters import StudyError

Mended = list[tuple[str, pd.Index, str]]  # what was looked for, the days with it (perhaps none), what was done

_MISSING = {"", "-", "na", "n/a", "nan", "null", "none", "#n/a"}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DAY_FIRST = re.compile(r"(?P<day>[0-9]{1,2})(?P<mark>[/.-])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})")
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})(?P<mark>-?)(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})"
                         r"([T ](?P<time>([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?)"
                         r"(?P<zone>Z|[+-][01][0-9]:?[0-5][0-9])?)?")


class MarketError(StudyError):
    """A source that does not hold what the study asks for; the message is one sentence."""


class Finding(NamedTuple):
    """What was found in a source and what was done about it, in a few words: one row of the findings table."""

    subject: str  # a ticker, the benchmark, or a file's name
    finding: str
    first: pd.Timestamp  # first and last day concerned, NaT where there is none
    last: pd.Timestamp
    n_days: int  # how many days, or prices, are concerned
    treatment: str


def read(path: Path) -> tuple[pd.DataFrame, list[Finding]]:
    r"""
    Prices of a csv file, wide or long, plain or compressed (.gz).

    Parameters
    ----------
    path : Path
        Values separated by commas, UTF-8. Dates are 2018-12-31 or 20181231, perhaps with a time of day; or 31/12/2018
        (also with . or -), if a first number above 12 proves that it is the day.

    Returns
    -------
    prices : DataFrame (n_days, n_tickers)
        Index `date`, ascending, unique, midnight, no time zone; tickers in order of first appearance. NaN where a
        price is missing; zeros and negative numbers are left for the caller to judge.
    findings : list of Finding
        What was mended; empty if nothing was.

    Raises
    ------
    MarketError
        One sentence naming the file, the line, date or column, and what to do.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "prices.csv"
    ...     _ = path.write_text("date,A,B\n2018-12-31,10,n/a\n2018-12-28,9.5,5\n")
    ...     prices, findings = read(path)
    >>> prices["B"].tolist(), findings[0].finding, findings[0].treatment
    ([5.0, nan], 'days out of order', 'sorted')
    """
    try:
        header, rows = _rows(path)
        titles = [title.lower() for title in header]
        if "date" in titles and "ticker" in titles:
            prices, mended = _long(titles, rows)
        else:
            prices, mended = _wide(header, rows)
        prices, in_order = _ordered(prices)
    except MarketError as error:
        raise MarketError(f"{path.name}: {error}") from None
    return prices, [Finding(path.name, found, days.min(), days.max(), len(days), done)
                    for found, days, done in mended + in_order if len(days)]


def _rows(path: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Header, and rows as wide as it by the line on which they start; rows without any value are left out."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw).decode("utf-8-sig", errors="replace")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise MarketError("is not a whole gzip file; fetch it again, or save it as plain csv") from None
    except OSError as error:
        raise MarketError(f"cannot be read ({error.strerror}); correct the path {path}") from None
    garbled = re.search("[\0\ufffd]", text)
    if garbled:
        line = text.count("\n", 0, garbled.start()) + 1
        raise MarketError(f"line {line} is not UTF-8 text; save the file as csv in UTF-8, or fetch it again")
    reader, rows, line = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True), {}, 1
    try:
        for row in reader:
            rows[line], line = [cell.strip() for cell in row], reader.line_num + 1
    except csv.Error as error:
        raise MarketError(f"the row from line {line} on is not csv ({error}); mend its quotes or commas") from None
    rows = {line: row for line, row in rows.items() if any(row)}
    header = rows.pop(next(iter(rows))) if rows else []
    if not rows or len(header) < 2:
        raise MarketError("has no prices; give it a header and rows of dates and prices, values separated by commas")
    for line, row in rows.items():
        if len(row) != len(header):
            raise MarketError(f"line {line} has {len(row)} values, the header {len(header)}; complete or correct it")
    return header, rows


def _wide(header: list[str], rows: dict[int, list[str]]) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with one column per ticker."""
    tickers = header[1:]
    if _YEAR_FIRST.fullmatch(header[0]) or _DAY_FIRST.fullmatch(header[0]):
        raise MarketError(f"the first row starts with a date, {header[0]}; put a row of column names above it")
    for position, ticker in enumerate(tickers, start=2):
        _check_name(ticker, f"column {position} of the header")
    if {"open", "high", "low", "close"} <= {ticker.lower() for ticker in tickers}:
        raise MarketError("open, high, low and close are the days of one ticker; give a column of closes a ticker, or "
                          "the columns date, ticker, close")
    twice = pd.Index(tickers).duplicated()
    if twice.any():
        raise MarketError(f"two columns are named {tickers[twice.argmax()]}; rename or remove one")
    days, mended = _days({line: row[0] for line, row in rows.items()})
    closes = [_closes(row[1:], tickers, [day] * len(tickers)) for row, day in zip(rows.values(), days, strict=True)]
    return pd.DataFrame(np.array(closes), _index(days), tickers), mended


def _long(titles: list[str], rows: dict[int, list[str]]) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with a row for each day and ticker."""
    if sorted(titles) != ["close", "date", "ticker"]:
        raise MarketError("the header has date and ticker, but not just date, ticker, close; leave only these columns")
    columns = dict(zip(titles, zip(*rows.values(), strict=True), strict=True))
    tickers = columns["ticker"]
    for line, ticker in zip(rows, tickers, strict=True):
        _check_name(ticker, f"line {line}")
    days, mended = _days(dict(zip(rows, columns["date"], strict=True)))
    table = pd.DataFrame({"date": _index(days), "ticker": tickers, "close": _closes(columns["close"], tickers, days)})
    again = table.duplicated()  # NaN counts as equal to NaN
    kept = table[~again]
    clash = kept[kept.duplicated(["date", "ticker"])]
    if len(clash):
        raise MarketError(f"{clash.iloc[0, 1]} has different prices on {clash.iloc[0, 0]:%Y-%m-%d}; keep one")
    # a file sorted by ticker starts the days anew with each one, which is in order
    late = kept["date"] < kept.groupby("ticker")["date"].cummax()
    prices = kept.pivot(index="date", columns="ticker", values="close")[list(dict.fromkeys(tickers))]
    return prices.rename_axis(columns=None), [*mended, ("repeated rows", pd.Index(table["date"][again]), "kept once"),
                                              ("days out of order", pd.Index(kept["date"][late]), "sorted")]


def _ordered(prices: pd.DataFrame) -> tuple[pd.DataFrame, Mended]:
    """Prices with ascending days, each day once; a row that repeats an equal one (NaN equal to NaN) is dropped."""
    again = prices.index.duplicated()
    kept, repeats = prices[~again], prices[again]
    firsts, seconds = kept.reindex(repeats.index).to_numpy(), repeats.to_numpy()
    agree = ((firsts == seconds) | (np.isnan(firsts) & np.isnan(seconds))).all(axis=1)
    if not agree.all():
        raise MarketError(f"two rows of {repeats.index[~agree][0]:%Y-%m-%d} have different prices; keep one")
    late = kept.index.asi8 < np.maximum.accumulate(kept.index.asi8)
    return kept.sort_index(), [("repeated days", repeats.index, "kept once"),
                               ("days out of order", kept.index[late], "sorted")]


def _check_name(ticker: str, place: str) -> None:
    """Refuse a ticker that is empty, or that no message could show."""
    if ticker.lower() in _MISSING or not ticker.isprintable() or '"' in ticker:
        raise MarketError(f"{place} has {shown(ticker)} for a ticker; name one in plain characters, or remove it")


def _closes(texts: Sequence[str], tickers: Sequence[str], days: Sequence[str]) -> list[float]:
    """Prices from their texts, NaN where missing."""
    closes = [float(text) if _NUMBER.fullmatch(text) else np.nan if text.lower() in _MISSING else np.inf
              for text in texts]
    for at in np.flatnonzero(np.isinf(closes)):
        raise MarketError(f"{tickers[at]} on {days[at]} is {shown(texts[at])}, no plain finite number; write 1234.5")
    return closes


def _days(texts: dict[int, str]) -> tuple[list[str], Mended]:
    """Days as 2018-12-31, from the dates by line."""
    unique = dict.fromkeys(texts.values())
    form = _DAY_FIRST if _DAY_FIRST.fullmatch(next(iter(unique))) else _YEAR_FIRST
    matches = {text: form.fullmatch(text) for text in unique}
    marks = {match["mark"] for match in list(matches.values())[:1] if match}
    for line, text in texts.items():
        why = _why_refused(matches[text], marks) if text else "which is missing"
        if why:
            raise MarketError(f"line {line} has the date {shown(text)}, {why}; write all dates like 2018-12-31")
    if form is _DAY_FIRST and all(int(match["day"]) <= 12 for match in matches.values()):
        raise MarketError(f"dates like {text} may start with the day or the month; write all like 2018-12-31")
    days = {text: f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}" for text, match in matches.items()}
    timed = [text for text in unique if form is _YEAR_FIRST and matches[text]["time"]]
    return [days[text] for text in texts.values()], [
        ("dates like 31/12/2018", _index(days.values() if form is _DAY_FIRST else []), "read as day, month, year"),
        ("times of day", _index(days[text] for text in timed if not matches[text]["zone"]), "the day as written"),
        ("time zones", _index(days[text] for text in timed if matches[text]["zone"]), "the day as written")]


def _why_refused(match: re.Match | None, marks: set[str]) -> str:
    """What is wrong with a date, given the mark between the numbers of the first one, or an empty string."""
    if match is None or match["mark"] not in marks:
        return "which is not in one known form with the rows above"
    if match.re is _DAY_FIRST and int(match["month"]) > 12:
        return "which seems to put the month first"
    try:
        year = dt.date(int(match["year"]), int(match["month"]), int(match["day"])).year
    except ValueError:
        return "which is in no calendar"
    if match.re is _YEAR_FIRST and match["zone"] and match["time"].strip("0:."):
        return "and which day that is depends on the exchange"
    return "" if 1900 <= year <= 2199 else "which is outside the years 1900 to 2199"


def _index(days: Iterable[str]) -> pd.DatetimeIndex:
    """Days of ISO texts."""
    return pd.DatetimeIndex(pd.to_datetime(list(days), format="%Y-%m-%d"), name="date")
