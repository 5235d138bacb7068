"""Reads one csv file: a clean frame of prices, and a list of everything that was repaired.

A file may be wide (dates, then one column per ticker) or long (date, ticker, close). If an irregular entry has one
meaning, it is repaired and reported as a finding. If it could mean two things, the file is refused with one sentence
that says where and what to do.
"""

import csv
import gzip
import re
import unicodedata
import zlib
from array import array
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import BytesIO, TextIOWrapper
from itertools import chain
from pathlib import Path
from reprlib import repr as shown
from typing import NamedTuple, TextIO

import numpy as np
import pandas as pd

from forefolio.market.returns import iso_day
from forefolio.study.parameters import StudyError
from forefolio.study.vocabulary import listed

Rows = Iterator[tuple[int, list[str]]]  # values, and the line on which the row starts
Mended = list[tuple[str, pd.DatetimeIndex | pd.Series, str]]  # the check, the days that it found, what was done

MOST_TEXT, LONGEST_LINE = 1_000_000_000, 16_000_000  # largest number of characters read from a file, to limit memory
MOST_PRICES, MOST_DATES = 50_000_000, 2_000_000

_MISSING = {"", "-", "na", "n/a", "nan", "null", "none", "#n/a"}  # entries that mean "no price"
_NO_NAME = {"", "-", "n/a", "#n/a"}  # NA and NAN are listed companies
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{3})?")  # as 998 and 1.001: may mark thousands
_DAY_FIRST = re.compile(r"(?P<day>[0-9]{1,2})(?P<mark>[/.-])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})")
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})(?P<mark>-?)(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})"
                         r"([T ](?P<time>([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?)"
                         r"(?P<zone>Z|[+-][01][0-9]:?[0-5][0-9])?)?")

# Names of fields (close, volume) in public sources, in lower case without accents: those that are fields in
# any title, those that are fields only beside capitals and digits (AAA High, but not High Yield), those without spaces.
_FIELD = re.compile(
    r"\b(close|closing|adj|adjusted|adjclose|volume|vol|vwap|ohlcv?|turnover|settle|settlement|open interest|"
    "market ?cap|stock splits|ltp|prev|chg|last (?:traded?|sale)|net change|trades|"
    "eroffn|eroffnung|eroffnungskurs|schluss|schlusskurs|zuletzt|tageshoch|"
    "tagestief|volumen|umsatz|ouv|ouverture|cloture|dernier|plus haut|plus bas|apertura|cierre|maximo|minimo|ultimo|"
    "precio|abertura|fechamento|fecho|maxima|minima|preco|chiusura|massimo|prezzo|slotkoers|otwarcie|zamkniecie|"
    "najwyzszy|najnizszy|wolumen|acılıs|kapanıs|hacim|yuksek|dusuk|pembukaan|penutupan|terakhir|tertinggi|terendah|"
    "dong cua|mo cua|cao nhat|thap nhat|dieu chinh|khoi luong|lan cuoi|gia|klgd|gtgd|цена|открытие|закрытие|максимум|"
    r"минимум|откр|макс|мин|объем)\b")
_PERHAPS_FIELD = re.compile(r"\b(open|high|low|last|price|px|change|amount|bid|ask|dividends|hoch|tief|kurs)\b", re.I)
_UNSPACED_FIELD = re.compile("开盘|收盘|最高|最低|成交|涨跌|换手|振幅|開盤|收盤|漲跌|換手|開市|收市|始値|高値|安値|終値|"
                             "出来高|売買高|시가|고가|저가|종가|거래량|거래대금|Senast|Högsta?|Lägsta?|ล่าสุด|สูงสุด|ต่ำสุด|"
                             "الأخير|افتتاح|אחרון|פתיחה")
_TICKER = re.compile(r"(?!(OPEN|HIGH|LOW|LAST|VWAP|OHLC)$)[A-Z]{1,4}|(OPEN|HIGH|LOW|LAST|PRICE)"
                     r"(\.[A-Z]{1,2}|-(USD[TC]?|EUR|GBP|JPY|KRW|BTC|ETH|BNB))")  # shares, coins (OPEN-USD)
_SHARES = {"LOW", "OPEN"}  # Lowe's and Opendoor: tickers if no other field stands beside many tickers
_YAHOO_FIELDS = {"open", "high", "low", "close", "adj close", "volume", "dividends", "stock splits",
                 "capital gains"}
_YAHOO_ROWS = {"", "price", "ticker", "date", "datetime", "attributes", "symbols"}  # first words of yfinance's header


class MarketError(StudyError):
    """The source does not have what the study asks for. The message is one sentence."""


class Finding(NamedTuple):
    """One row of the findings table: what was found in a source, and what was done."""

    subject: str  # a ticker, the benchmark, or a file's name
    finding: str
    first: pd.Timestamp  # first and last day concerned, NaT if none
    last: pd.Timestamp
    n_days: int  # number of days, or prices, concerned
    treatment: str


def found(subject: str, finding: str, days: pd.DatetimeIndex | pd.Series, treatment: str) -> list[Finding]:
    """A finding about days, if there are any."""
    return [Finding(subject, finding, days.min(), days.max(), len(days), treatment)] if len(days) else []


def content(path: Path) -> bytes:
    """The bytes of a file of prices, read at once; MarketError if it cannot be read."""
    try:
        if (size := path.stat().st_size) > MOST_TEXT:
            raise MarketError(f"{path.name}: {_too_large(f'{size / 1e6:,.0f} MB')}")
        return path.read_bytes()
    except OSError as error:
        raise MarketError(f"{path.name}: cannot be read ({error.strerror}); correct the path {path}") from None


def read(path: Path, named: Collection[str] | None = (),
         whole: bytes | None = None) -> tuple[pd.DataFrame, list[Finding]]:
    r""" Prices of a csv file (wide or long, plain or .gz), and a list of what was repaired.

    Parameters
    ----------
    path : Path
        Values separated by commas, UTF-8. Dates are 2018-12-31 or 20181231, optionally with a time of day; or
        31/12/2018 (also with . or -), if some first number above 12 proves that it is the day. The header may be the
        two or three rows that yfinance writes. At most `MOST_TEXT` characters and `MOST_PRICES` prices.
    named : collection of str, or None
        Tickers that may have the name of a field (Open, Volume); None if any may.
    whole : bytes, optional
        The file's `content`, if it was read before.

    Returns
    -------
    prices : DataFrame (n_days, n_tickers)
        Index `date` (midnight, no time zone); tickers in order of first appearance, in Unicode form NFC. A missing
        price is NaN; zeros and negative numbers are left for the caller to judge.
    findings : list of Finding
        Empty if nothing was repaired.

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
    file = path.suffix.lower() == ".gz", content(path) if whole is None else whole
    try:
        rows = _rows(*file)
        _, header = next(rows)
        titles = [title.lower() for title in header]
        if {"date", "ticker"} <= {*titles}:
            prices, mended = _long(titles, rows)
            ticker, close = titles.index("ticker"), titles.index("close")
            texts = ((row[ticker], row[close]) for _, row in _rows(*file))
        else:
            columns, rows, notes = _columns(header, rows, named)
            prices, mended = _wide(columns, rows)
            mended += [(finding, prices.index, done) for finding, done in notes]
            texts = ((ticker, row[at]) for _, row in _rows(*file) for ticker, at in columns.items())
        _check_thousands(prices, texts)
    except MarketError as error:
        raise MarketError(f"{path.name}: {error}") from None
    return prices, [row for finding, days, done in mended for row in found(path.name, finding, days, done)]


def _too_large(what: str) -> MarketError:
    return MarketError(f"is too large, with {what}; keep only the columns and the days that the study needs")


def _lines(file: TextIO) -> Iterator[str]:
    """Lines of text in Unicode form NFC, so that texts that look the same are equal."""
    number = size = 0
    while line := file.readline(LONGEST_LINE):
        number, size = number + 1, size + max(len(line), 20)  # empty lines take time, too
        if size > MOST_TEXT or len(line) == LONGEST_LINE:
            where = "in all" if size > MOST_TEXT else f"in line {number}"
            raise _too_large(f"more than {min(size, MOST_TEXT) / 1e6:,.0f} MB of text {where}")
        if "\0" in line or "\ufffd" in line:
            raise MarketError(f"line {number} is not UTF-8 text; save the file as csv in UTF-8, or fetch it again")
        yield unicodedata.normalize("NFC", line)


def _rows(zipped: bool, whole: bytes) -> Iterator[tuple[int, list[str]]]:
    """The header and at least one row, one at a time, with the line on which each starts; empty rows are skipped."""
    n_rows, line, width = 0, 1, 0
    try:
        with TextIOWrapper(gzip.GzipFile(fileobj=BytesIO(whole)) if zipped else BytesIO(whole), encoding="utf-8-sig",
                           errors="replace", newline="") as file:
            reader = csv.reader(_lines(file), strict=True, skipinitialspace=True)
            for row in reader:
                start, line, row = line, reader.line_num + 1, [cell.strip() for cell in row]
                if not any(row):
                    continue
                width, n_rows = width or len(row), n_rows + 1
                if width < 2:
                    raise MarketError(f"line {start} has a single value; start with a row of column names, and "
                                      "separate values by commas")
                if len(row) != width:
                    above = ", or remove the lines above the column names" if n_rows == 2 else ""
                    raise MarketError(f"line {start} has {len(row)} values, the header {width}; complete or correct "
                                      f"it{above}")
                if n_rows * width > MOST_PRICES + width:
                    raise _too_large(f"more than {MOST_PRICES:,} values")
                yield start, row
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise MarketError("is not a whole gzip file; fetch it again, or save it as plain csv") from None
    except csv.Error as error:
        raise MarketError(f"the row from line {line} on is not csv ({error}); correct its quotes or commas") from None
    if n_rows < 2:
        raise MarketError("has no prices; give it a header and rows of dates and prices, values separated by commas")


def _first_line(lines: dict[str, int], text: str, line: int) -> int:
    """The first line that holds a text."""
    if len(lines) > MOST_DATES:
        raise _too_large(f"more than {MOST_DATES:,} dates or tickers")
    return lines.setdefault(text, line)


def _is_day(text: str) -> bool:
    return bool(_YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text))


def _is_field(title: str) -> bool:
    """Whether a column's title names a field of a trading day (such as Close) and not a ticker."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+", " ", title)  # AAA_adjClose: AAA adj Close
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(mark))
    rest, n_perhaps = _PERHAPS_FIELD.subn("", words)
    return not _TICKER.fullmatch(title) and bool(
        _FIELD.search(plain.replace("đ", "d")) or _UNSPACED_FIELD.search(title) or n_perhaps and rest == rest.upper())


def _columns(header: list[str], rows: Rows, named: Collection[str] | None) -> tuple[dict[str, int], Rows, list]:
    """The column of each ticker in a wide file, the rows below the header, and what was found in the header."""
    if header[0][:1].isdigit():
        raise MarketError(f"the first row starts with {shown(header[0])}, not with a title; put a row of column names "
                          "above it")
    line, row = next(rows)
    tickers, rows, notes = _of_yahoo(header, row, rows) or (
        [*enumerate(header)][1:], chain([(line, row)], rows), [])
    dated = [title for title, text in zip(header, row, strict=True) if _is_day(text) and not text.isdigit()]
    if not notes and dated and not _is_day(row[0]):
        raise MarketError(f"the header has the dates under {shown(dated[0])}, not in the first column; put them first, "
                          "then one column of closes per ticker, or give just the columns date, ticker, close")
    if not notes and all(_is_day(title) and not title.isdigit() for title in header[1:]):
        raise MarketError(f"the header has dates, such as {header[1]}, in place of tickers; give each day a row, and "
                          "each ticker a column")
    for at, ticker in tickers:
        _check_name(ticker, f"column {at + 1} of the header")
    unnamed = [] if notes or named is None else [title for _, title in tickers if title not in named]
    short = {*"ohlcv"} if {*"ohlc"} <= {*unnamed} else {}
    fields = [title for title in unnamed if title in short or _is_field(title)]
    if fields and not ({*fields} <= _SHARES and 10 * len(fields) < len(header)):
        some = fields[:4] + ([f"{len(fields) - 4} more"] if len(fields) > 4 else [])
        raise MarketError(f"the header has {listed(some)}, named like fields of a trading day, not like tickers; "
                          f"give one column of closes per ticker, titled with the ticker, or just the "
                          f"columns date, ticker, "
                          "close; if they are tickers, list all that the study needs in tickers")
    columns, notes = {}, notes + [(f"{field}, which has the name of a field", "a ticker") for field in fields]
    for at, ticker in tickers:
        if columns.setdefault(ticker, at) != at:
            raise MarketError(f"two columns are named {ticker}; rename or remove one")
    return columns, rows, notes


def _of_yahoo(header: list[str], second: list[str], rows: Rows) -> tuple[list[tuple[int, str]], Rows, list] | None:
    """Columns of closes, if the file has the two or three header rows of yfinance (fields, tickers, the word Date)."""
    if not {header[0].lower(), second[0].lower()} <= _YAHOO_ROWS:
        return None
    for fields, tickers in ((header, second), (second, header)):
        titles = [field.lower() for field in fields]
        if {*titles[1:]} <= _YAHOO_FIELDS and all(tickers[1:]) and not any(map(_NUMBER.fullmatch, tickers)):
            third = next(rows, None)
            if third and (any(third[1][1:]) or _is_day(third[1][0])):
                rows = chain([third], rows)
            close = "adj close" if "adj close" in titles else "close"
            closes = [(at, ticker) for at, ticker in enumerate(tickers) if at and titles[at] == close]
            if not closes:
                raise MarketError("has the header rows of yfinance and no Close; save yfinance.download(...)"
                                  '["Close"].to_csv("prices.csv")')
            left = [*dict.fromkeys(field for field in fields[1:] if field.lower() != close)]
            done = f"read {close.title()}" + (f", left out {listed(left)}" if left else "")
            return closes, rows, [("header rows of yfinance", done)]
    return None


def _wide(columns: dict[str, int], rows: Rows) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with one column per ticker."""
    lines, at, closes, wrong = {}, array("q"), array("d"), None
    tickers, places = [*columns], [*columns.values()]
    for line, row in rows:
        at.append(_first_line(lines, row[0], line))
        texts = [row[place] for place in places]
        numbers = _numbers(texts)
        closes.extend(numbers)
        if wrong is None and np.inf in numbers:
            column = numbers.index(np.inf)
            wrong = at[-1], tickers[column], texts[column]
    if not lines:
        raise MarketError("has no prices below its header; save it again")
    days, mended = _days(lines, wrong)
    values = np.frombuffer(closes).reshape(len(at), len(tickers))
    table, same, parts, clash = _joined(pd.DataFrame(values, days.loc[at].to_numpy(), copy=False))
    for day in clash[:1]:
        raise MarketError(f"two rows of {iso_day(day)} have different prices; keep one")
    late = table.index < np.maximum.accumulate(table.index.to_numpy())
    prices = table.sort_index().set_axis(tickers, axis=1).rename_axis("date")
    return prices, [
        *mended, ("repeated days", same, "kept once"), ("days in rows that fill each other's gaps", parts, "joined"),
        ("days out of order", table.index[late], "sorted")]


def _long(titles: list[str], rows: Rows) -> tuple[pd.DataFrame, Mended]:
    """Prices of a file with one row per day and ticker."""
    if sorted(titles) != ["close", "date", "ticker"]:
        raise MarketError("the header has date and ticker, but not just date, ticker, close; title the closes close "
                          "and leave only these columns")
    date, name, close = (titles.index(title) for title in ("date", "ticker", "close"))
    lines, names, at, which, closes, wrong = {}, {}, array("q"), array("q"), array("d"), None
    for line, row in rows:
        if row[name] not in names:
            _check_name(row[name], f"line {line}")
        at.append(_first_line(lines, row[date], line))
        which.append(_first_line(names, row[name], line))
        closes.extend(_numbers([row[close]]))
        if wrong is None and closes[-1] == np.inf:
            wrong = at[-1], row[name], row[close]
    days, mended = _days(lines, wrong)
    index, day = np.unique(days.loc[at].to_numpy(), return_inverse=True)
    if len(index) * len(names) > MOST_PRICES:
        raise _too_large(f"{len(index):,} days of {len(names):,} tickers")
    ticker = pd.factorize(np.frombuffer(which, int))[0]
    table, same, parts, clash = _joined(pd.DataFrame(np.frombuffer(closes), day * len(names) + ticker))
    for row, column in [divmod(cell, len(names)) for cell in clash[:1]]:
        raise MarketError(f"{[*names][column]} has different prices on {iso_day(index[row])}; keep one")
    prices = np.full(len(index) * len(names), np.nan)
    prices[table.index] = table[0]
    # in a file sorted by ticker, days start again with each ticker, which is in order
    day = pd.Series(table.index // len(names))
    late = day < day.groupby(table.index % len(names)).cummax()
    of = pd.DatetimeIndex(index, name="date")
    return pd.DataFrame(prices.reshape(len(index), -1), of, [*names]), [
        *mended, ("repeated rows", of[same // len(names)], "kept once"),
        ("rows that fill each other's gaps", of[parts // len(names)], "joined"),
        ("days out of order", of[day[late]], "sorted")]


def _joined(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index, pd.Index, pd.Index]:
    """One row per label in order of appearance; and the labels whose rows repeat, were joined, or contradict."""
    again = rows.index.duplicated()
    if not again.any():
        return rows, rows.index[:0], rows.index[:0], rows.index[:0]
    groups = rows.groupby(level=0, sort=False)
    joined, labels = groups.min(), rows.index[again]
    here, first = rows[again].to_numpy(), rows[~again].loc[labels].to_numpy()
    same = ((here == first) | (np.isnan(here) & np.isnan(first))).all(axis=1)
    return joined, labels[same], labels[~same], joined.index[(joined < groups.max()).any(axis=1)]


def _check_name(ticker: str, place: str) -> None:
    """Refuse a ticker that is empty or cannot be printed."""
    if ticker.lower() in _NO_NAME or not ticker.isprintable() or '"' in ticker or ticker.startswith("Unnamed: "):
        raise MarketError(f"{place} has {shown(ticker)} as a ticker; use plain characters, or remove it")


def _numbers(texts: list[str]) -> list[float]:
    """Prices from text: NaN if missing, infinite if the text is not a plain finite number."""
    if not "".join(texts).strip("0123456789."):  # true of nearly every row
        with suppress(ValueError):
            return [float(text) if text else np.nan for text in texts]
    numbers = [float(text) if _NUMBER.fullmatch(text) else np.nan if text.lower() in _MISSING else np.inf
               for text in texts]
    return [np.inf if number == -np.inf else number for number in numbers]


def _check_thousands(prices: pd.DataFrame, texts: Iterator[tuple[str, str]]) -> None:
    """Refuse a ticker whose prices are 998, 999, 1.001: the point may mark thousands or decimals."""
    low, high = prices.min(), prices.max()
    suspects = {ticker: set() for ticker in prices.columns[(low >= 1) & (high < 1000) & (high > 1000**0.5 * low)]}
    for ticker, text in texts if suspects else ():
        if ticker in suspects and _NUMBER.fullmatch(text):
            suspects[ticker].add(text)
            if not _GROUPED.fullmatch(text):
                del suspects[ticker]
    for ticker, written in suspects.items():
        points = [text for text in written if "." in text]
        if 0 < len(points) < len(written):
            point, whole = min(points), max(written.difference(points), key=int)
            raise MarketError(f"{ticker} has the prices {whole} and {point}, in which the point may mark thousands "
                              f"or decimals; write {point.replace('.', '')} or {point}0, and the others in the same "
                              f"way")


def _in_order(days: pd.Series) -> bool:
    return days.is_monotonic_increasing or days.is_monotonic_decreasing


def _days(lines: dict[str, int], wrong: tuple[int, str, str] | None) -> tuple[pd.Series, Mended]:
    """The day of each date, by its first line, so that a message about a wrong price can name the day."""
    unique = pd.Series([*lines], [*lines.values()], dtype=object)
    day_first = _DAY_FIRST.fullmatch(unique.iloc[0]) is not None
    parts = unique.str.extract(rf"\A(?:{(_DAY_FIRST if day_first else _YEAR_FIRST).pattern})\Z")
    parts = parts.reindex(columns=["year", "month", "day", "mark", "time", "zone"]).astype("str")  # even if none
    iso = parts["year"] + "-" + parts["month"].str.zfill(2) + "-" + parts["day"].str.zfill(2)
    days = pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce")
    timed, zoned = parts["time"].notna(), parts["zone"].notna()
    why = np.select(
        [unique == "", parts["mark"].isna() & (unique.index == unique.index[0]), parts["mark"] != parts["mark"].iloc[0],
         day_first & (parts["month"].astype(float) > 12), days.isna(),
         zoned & (parts["time"].str.strip("0:.") != ""), ~days.dt.year.between(1900, 2199)],
        ["which is missing", "which is in no known form", "which is not in one known form with the rows above",
         "which seems to put the month first", "which does not exist",
         "and the day depends on the exchange's time zone", "which is outside the years 1900 to 2199"], "")
    for at in np.flatnonzero(why != ""):
        raise MarketError(f"line {unique.index[at]} has the date {shown(unique.iloc[at])}, {why[at]}; write all dates "
                          "like 2018-12-31")
    if day_first and (parts["day"].astype(int) <= 12).all():
        raise MarketError(f"dates like {unique.iloc[-1]} may start with the day or the month; write all like "
                          "2018-12-31")
    exchanged = days.dt.day <= 12
    other = pd.to_datetime({"year": days.dt.year, "month": days.dt.month.where(~exchanged, days.dt.day),
                            "day": days.dt.day.where(~exchanged, days.dt.month)})
    if len(days) > 30 and _in_order(other) and not _in_order(days):
        at = (other != days).argmax()
        raise MarketError(f"line {unique.index[at]} has the date {shown(unique.iloc[at])}, whose day and month seem "
                          f"to be swapped, because swapping them puts the rows in order; correct them, or fetch the "
                          f"file again")
    if wrong:
        line, ticker, text = wrong
        raise MarketError(f"{ticker} on {iso_day(days[line])} is {shown(text)}, not a plain finite number; write "
                          f"1234.5, or leave the entry empty")
    return days, [
        ("dates like 31/12/2018", days if day_first else days[:0], "read as day, month, year"),
        ("times of day", days[timed & ~zoned], "the day as written"),
        ("time zones", days[zoned], "the day as written")]
