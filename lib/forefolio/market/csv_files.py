"""One csv file to a clean frame of prices, and a list of what had to be mended.

A file may be wide (dates, then one column per ticker) or long (date, ticker, close). What has one meaning is mended and
reported as a finding; what could mean two things is refused with a sentence that says where and what to do.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as shown
from typing import NamedTuple

import numpy as np
import pandas as pd

from forefolio.market.returns import iso_day
from forefolio.study.parameters import StudyError

Mended = list[tuple[str, pd.Series, str]]  # what was looked for, the days with it (perhaps none), what was done

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


def found(subject: str, finding: str, days: pd.DatetimeIndex | pd.Series, treatment: str) -> list[Finding]:
    """A finding about days, if there are any."""
    return [Finding(subject, finding, days.min(), days.max(), len(days), treatment)] if len(days) else []


def read(path: Path) -> tuple[pd.DataFrame, list[Finding]]:
    r"""
    Prices of a csv file, wide or long, plain or compressed (.gz), and what was mended in it.

    Parameters
    ----------
    path : Path
        Values separated by commas, UTF-8. Dates are 2018-12-31 or 20181231, perhaps with a time of day; or 31/12/2018
        (also with . or -), if a first number above 12 proves that it is the day.

    Returns
    -------
    prices : DataFrame (n_days, n_tickers)
        Index `date`, midnight, no time zone; tickers in order of first appearance. NaN where a price is missing; zeros
        and negative numbers are left for the caller to judge.
    findings : list of Finding
        Empty if nothing was mended.

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
        table = _table(path)
        titles = [title.lower() for title in table]
        prices, mended = _long(table.set_axis(titles, axis=1)) if {"date", "ticker"} <= {*titles} else _wide(table)
    except MarketError as error:
        raise MarketError(f"{path.name}: {error}") from None
    return prices, [row for finding, days, done in mended for row in found(path.name, finding, days, done)]


def _table(path: Path) -> pd.DataFrame:
    """Texts under the header's titles, each row by the line on which it starts; rows without any value are left out."""
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
    return pd.DataFrame([*rows.values()], [*rows], header, dtype=object)


def _wide(table: pd.DataFrame) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with one column per ticker."""
    title, tickers = table.columns[0], table.columns[1:]
    if _YEAR_FIRST.fullmatch(title) or _DAY_FIRST.fullmatch(title):
        raise MarketError(f"the first row starts with a date, {title}; put a row of column names above it")
    for position, ticker in enumerate(tickers, start=2):
        _check_name(ticker, f"column {position} of the header")
    if {"open", "high", "low", "close"} <= {ticker.lower() for ticker in tickers}:
        raise MarketError("open, high, low and close are the days of one ticker; give a column of closes a ticker, or "
                          "the columns date, ticker, close")
    for ticker in tickers[tickers.duplicated()]:
        raise MarketError(f"two columns are named {ticker}; rename or remove one")
    days, mended = _days(table.iloc[:, 0])
    texts = table.iloc[:, 1:].to_numpy()
    closes = _closes(texts.ravel(), np.tile(tickers, len(days)), days.repeat(len(tickers))).reshape(texts.shape)
    rows = pd.DataFrame(closes, days).reset_index()  # the columns after date are numbered: a ticker may be called date
    again = rows.duplicated()  # NaN counts as equal to NaN
    kept = rows[~again]
    for day in kept["date"][kept["date"].duplicated()]:
        raise MarketError(f"two rows of {iso_day(day)} have different prices; keep one")
    late = kept["date"] < kept["date"].cummax()
    return kept.set_index("date").sort_index().set_axis(tickers, axis=1), [
        *mended, ("repeated days", rows["date"][again], "kept once"),
        ("days out of order", kept["date"][late], "sorted")]


def _long(table: pd.DataFrame) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with a row for each day and ticker."""
    if sorted(table) != ["close", "date", "ticker"]:
        raise MarketError("the header has date and ticker, but not just date, ticker, close; leave only these columns")
    tickers = table["ticker"]
    for line, ticker in tickers.items():
        _check_name(ticker, f"line {line}")
    days, mended = _days(table["date"])
    closes = _closes(table["close"].to_numpy(), tickers.to_numpy(), days)
    rows = pd.DataFrame({"date": days, "ticker": tickers.to_numpy(), "close": closes})
    again = rows.duplicated()
    kept = rows[~again]
    for day, ticker in kept[["date", "ticker"]][kept.duplicated(["date", "ticker"])].itertuples(index=False):
        raise MarketError(f"{ticker} has different prices on {iso_day(day)}; keep one")
    # a file sorted by ticker starts the days anew with each one, which is in order
    late = kept["date"] < kept.groupby("ticker")["date"].cummax()
    prices = kept.pivot(index="date", columns="ticker", values="close")[[*tickers.unique()]]
    return prices.rename_axis(columns=None), [
        *mended, ("repeated rows", rows["date"][again], "kept once"),
        ("days out of order", kept["date"][late], "sorted")]


def _check_name(ticker: str, place: str) -> None:
    """Refuse a ticker that is empty, or that no message could show."""
    if ticker.lower() in _MISSING or not ticker.isprintable() or '"' in ticker:
        raise MarketError(f"{place} has {shown(ticker)} for a ticker; name one in plain characters, or remove it")


def _closes(texts: Sequence[str], tickers: Sequence[str], days: pd.DatetimeIndex) -> np.ndarray:
    """Prices from their texts, NaN where missing."""
    closes = np.array([float(text) if _NUMBER.fullmatch(text) else np.nan if text.lower() in _MISSING else np.inf
                       for text in texts])
    for at in np.flatnonzero(np.isinf(closes)):
        raise MarketError(f"{tickers[at]} on {iso_day(days[at])} is {shown(texts[at])}, no plain finite number; write "
                          "1234.5")
    return closes


def _days(texts: pd.Series) -> tuple[pd.DatetimeIndex, Mended]:
    """Days of the dates by line."""
    unique = texts.drop_duplicates()
    day_first = _DAY_FIRST.fullmatch(unique.iloc[0]) is not None
    parts = unique.str.extract(rf"\A(?:{(_DAY_FIRST if day_first else _YEAR_FIRST).pattern})\Z")
    parts = parts.reindex(columns=["year", "month", "day", "mark", "time", "zone"]).astype("str")  # even if none
    iso = parts["year"] + "-" + parts["month"].str.zfill(2) + "-" + parts["day"].str.zfill(2)
    days = pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce")
    timed, zoned = parts["time"].notna(), parts["zone"].notna()
    why = np.select(
        [unique == "", parts["mark"] != parts["mark"].iloc[0], day_first & (parts["month"].astype(float) > 12),
         days.isna(), zoned & (parts["time"].str.strip("0:.") != ""), ~days.dt.year.between(1900, 2199)],
        ["which is missing", "which is not in one known form with the rows above", "which seems to put the month first",
         "which is in no calendar", "and which day that is depends on the exchange",
         "which is outside the years 1900 to 2199"], "")
    for at in np.flatnonzero(why != ""):
        raise MarketError(f"line {unique.index[at]} has the date {shown(unique.iloc[at])}, {why[at]}; write all dates "
                          "like 2018-12-31")
    if day_first and (parts["day"].astype(int) <= 12).all():
        raise MarketError(f"dates like {texts.iloc[-1]} may start with the day or the month; write all like 2018-12-31")
    return pd.DatetimeIndex(days.set_axis(unique)[texts], name="date"), [
        ("dates like 31/12/2018", days if day_first else days[:0], "read as day, month, year"),
        ("times of day", days[timed & ~zoned], "the day as written"),
        ("time zones", days[zoned], "the day as written")]
