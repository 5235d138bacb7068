"""What a file of prices may look like, what is mended and reported, and what a user is told about the rest."""

import datetime as dt
import gzip
import os
import re
import tracemalloc
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from forefolio.market import csv_files
from forefolio.market.csv_files import Finding, MarketError, read

hundreds = settings(max_examples=300, derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One folder for all the files of this module, each written over the one before."""
    return tmp_path_factory.mktemp("prices")


def put(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def days(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(list(texts), format="%Y-%m-%d"), name="date")


def assert_clean(prices: pd.DataFrame) -> None:
    """All that a frame from a file promises."""
    index, columns = prices.index, prices.columns
    assert isinstance(index, pd.DatetimeIndex) and index.name == "date" and index.tz is None and len(index) > 0
    assert index.is_monotonic_increasing and index.is_unique and not index.hasnans
    assert (index == index.normalize()).all() and index.year.min() >= 1900 and index.year.max() <= 2199
    assert len(columns) > 0 and columns.is_unique and columns.name is None
    assert all(isinstance(name, str) and name and name == name.strip() and name.isprintable() for name in columns)
    assert (prices.dtypes == np.float64).all() and not np.isinf(prices.to_numpy()).any()


def assert_one_sentence(error: MarketError, name: str) -> None:
    """A message on one line that starts with the file's name and has one full stop at most, inside a quoted text."""
    message = str(error)
    assert message.startswith(f"{name}: ") and message.splitlines() == [message]
    assert ". " not in re.sub(r"'.*'|\".*\"|named .*;|: .* on |: .* has different", "", message)
    assert not message.endswith(".")
    assert "; " in message  # what is wrong; what to do


def assert_clean_or_refused(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            prices, findings = read(path)
        except MarketError as error:
            assert_one_sentence(error, path.name)
        else:
            assert_clean(prices)
            assert all(isinstance(row, Finding) and row.subject == path.name and row.n_days > 0 and
                       row.first <= row.last for row in findings)


# ---- by hand ----

WIDE = pd.DataFrame({"A": [1.0, 2.5], "B": [np.nan, 4.0]}, index=days("2018-12-28", "2018-12-31"))


@pytest.mark.parametrize("text", [
    "date,A,B\n2018-12-28,1,\n2018-12-31,2.5,4\n",
    ",A,B\r\n20181228,1.0,-\r\n20181231,2.5,4.0",
    "\ufeffDay, A ,B\n28/12/2018,1,n/a\n31/12/2018, 2.5 ,4\n",
    "d,A,B\n28.12.2018,1,NaN\n31.12.2018,25e-1,.4E+1\n",
    "d,A,B\n28-12-2018,1,NULL\n31-12-2018,+2.50,4.\n",
    "d,\"A\", \"B\"\n\"2018-12-28\",\"1\",None\n2018-12-31, \"2.5\",4\n",
    "d,A,B\r2018-12-28,1,#N/A\r2018-12-31,2.5,4\r",
    "\n,,\nd,A,B\n\n2018-12-28,1,\n , ,\n2018-12-31,2.5,4\n\n",
    "date,ticker,close\n2018-12-28,A,1\n2018-12-31,A,2.5\n2018-12-31,B,4\n",
    "Close,DATE,Ticker\n1,20181228,A\n2.5,20181231,A\nna,20181228,B\n4,20181231,B\n",
])
def test_forms_of_one_table_read_to_the_same_frame(folder, text):
    for path in (put(folder, text), put(folder, gzip.compress(text.encode()), "a.csv.GZ")):
        prices, findings = read(path)
        pd.testing.assert_frame_equal(prices, WIDE, check_exact=True, check_freq=False)
        assert_clean(prices)
        is_day_first = re.search("28.12.2018", text)
        assert [row.finding for row in findings] == (["dates like 31/12/2018"] if is_day_first else [])


@pytest.mark.parametrize(("text", "finding", "first", "last", "n_days", "treatment"), [
    ("d,A\n2020-01-03,1\n2020-01-01,2\n2020-01-02,3\n", "days out of order", "2020-01-01", "2020-01-02", 2, "sorted"),
    ("d,A\n2020-01-03,1\n2020-01-02,2\n2020-01-01,3\n", "days out of order", "2020-01-01", "2020-01-02", 2, "sorted"),
    ("d,A,B\n2020-01-01,1,-\n2020-01-01,1.0,nan\n2020-01-02,3,3\n", "repeated days", "2020-01-01", "2020-01-01", 1,
     "kept once"),
    ("d,A\n2020-01-01 16:00:00,1\n2020-01-02 16:00,2\n2020-01-03,2\n", "times of day", "2020-01-01", "2020-01-02", 2,
     "the day as written"),
    ("d,A\n2020-01-01T00:00:00.000Z,1\n2020-01-02 00:00+07:00,2\n2020-01-03,3\n",
     "time zones", "2020-01-01", "2020-01-02", 2, "the day as written"),
    ("d,A\n20200101 00:00-0500,1\n", "time zones", "2020-01-01", "2020-01-01", 1, "the day as written"),
    ("d,A\n1/2/2020,1\n13/2/2020,2\n", "dates like 31/12/2018", "2020-02-01", "2020-02-13", 2,
     "read as day, month, year"),
    ("date,ticker,close\n2020-01-02,A,1\n2020-01-01,A,2\n", "days out of order", "2020-01-01", "2020-01-01", 1,
     "sorted"),
    ("date,ticker,close\n2020-01-02,A,1\n2020-01-02,B,1\n2020-01-02,A,1.0\n", "repeated rows", "2020-01-02",
     "2020-01-02", 1, "kept once"),
    ("date,ticker,close\n2020-01-02,A,\n2020-01-02,A,-\n", "repeated rows", "2020-01-02", "2020-01-02", 1, "kept once"),
])
def test_what_is_mended_is_found(folder, text, finding, first, last, n_days, treatment):
    prices, findings = read(put(folder, text))
    assert_clean(prices)
    assert findings == [Finding("a.csv", finding, pd.Timestamp(first), pd.Timestamp(last), n_days, treatment)]


def test_two_times_of_one_day_are_one_day_when_their_prices_agree(folder):
    prices, findings = read(put(folder, "d,A\n2020-01-01 09:00,1\n2020-01-01 16:00,1\n"))
    assert prices["A"].tolist() == [1.0]
    assert [(row.finding, row.n_days) for row in findings] == [("times of day", 2), ("repeated days", 1)]


def test_a_long_file_sorted_by_ticker_is_in_order_and_keeps_the_order_of_its_tickers(folder):
    text = "date,ticker,close\n2020-01-02,Z,2\n2020-01-03,Z,3\n2020-01-01,A,1\n2020-01-02,A,\n"
    prices, findings = read(put(folder, text))
    assert findings == [] and list(prices) == ["Z", "A"]
    np.testing.assert_array_equal(prices, [[np.nan, 1], [2, np.nan], [3, np.nan]])


def test_zeros_negatives_and_columns_without_prices_pass_through(folder):
    prices, findings = read(put(folder, "d,A,B\n2020-01-01,0,\n2020-01-02,-1.5,-\n"))
    assert prices["A"].tolist() == [0, -1.5] and prices["B"].isna().all() and findings == []


@pytest.mark.parametrize(("text", "words"), [
    ("", "a.csv: has no prices"),
    ("\n \n,,\n", "has no prices"),
    ("date,A,B\n", "has no prices"),
    ("date,A\n\n,\n", "has no prices"),
    ("date\n2020-01-01\n", "line 1 has a single value; start with a row of column names"),
    ("# prices\ndate,A\n2020-01-01,1\n", "line 1 has a single value"),
    ("A\n1\n", "separate values by commas"),
    ("date;A;B\n2020-01-01;1;2\n", "separate values by commas"),
    ("date;A\n2020-01-01;1,5\n", "separate values by commas"),
    ('"date";"A"\n2020-01-01;1\n', "line 1 on is not csv (',' expected after '\"'); correct its quotes or commas"),
    ("date\tA\n2020-01-01\t1\n", "separate values by commas"),
    ("2020-01-01,1,2\n2020-01-02,3,4\n", "starts with '2020-01-01', not with a title; put a row of column names above"),
    ("1561939200000,1,2,1,100.4\n1562025600000,1,2,1,98.8\n", "starts with '1561939200000', not with a title"),
    ("ticker,2020-01-01,2020-01-02\nA,1,2\n", "the header has dates, such as 2020-01-01, in place of tickers; give each"),
    ("sep=,\ndate,A,B\n2020-01-01,1,2\n", "values, the header 2; complete or correct it, or remove the lines above"),
    ("date,Unnamed: 0,A\n2020-01-01,0,1\n", "column 2 of the header has 'Unnamed: 0' as a ticker"),
    ("date,o,h,l,c\n2020-01-01,1,2,1,2\n", "the header has o, h, l and c, named like fields of a trading day"),
    ("date,symbol,value\n2020-01-01,ABC,1\n", "'ABC', not a plain finite number; write 1234.5, or leave the entry"),
    ("date,A,B\n2020-01-01,1,2\n2020-01-02,1\n", "line 3 has 2 values, the header 3"),
    ("date,A\n2020-01-01,1\n\n2020-01-02,1,2\n", "line 4 has 3 values, the header 2"),
    ('date,A\n2020-01-01,"1\n2020-01-02,1\n', "line 2 on is not csv"),
    ('date,A\n2020-01-01,"1"2\n', "line 2 on is not csv"),
    ('date,A\n2020-01-01,"1\n",3\n', "line 2 has 3 values"),
    ('date,A\n"2020-01-01","\n"\n2020-01-02,x\n', "A on 2020-01-02"),
    ("date,A\n2020-01-01,1\0\n", "line 2 is not UTF-8 text"),
    (b"date,A\n2020-01-01,1\n2020-01-02,\xff\n", "line 3 is not UTF-8 text"),
    ("date,A\n2020-01-01,1\n".encode("utf-16"), "is not UTF-8 text"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0), "is not UTF-8 text"),
    ("date,A, ,B\n2020-01-01,1,2,3\n", "column 3 of the header has '' as a ticker"),
    ("date,A,B, A\n2020-01-01,1,2,3\n", "two columns are named A"),
    ("date,A,-\n2020-01-01,1,2\n", "column 3 of the header has '-' as a ticker"),
    ("Date,Open,High,Low,Close,Volume\n2020-01-01,1,2,1,2,99\n",
     "the header has Open, High, Low, Close and 1 more, named like fields of a trading day, not like tickers; give "),
    ("symbol,date,close,volume\nA,2020-01-01,1,2\n", "the header has the dates under 'date', not in the first column"),
    (",Date,A,B\n0,2020-01-01,1,2\n", "the header has the dates under 'Date', not in the first column"),
    ("A,B,Day\n1,2,31.12.2020\n", "the header has the dates under 'Day', not in the first column"),
    ("Date,Symbol,Close\n2020-01-01,A,1\n", "the header has Close, named like fields of a trading day"),
    ('date,"A\nB"\n2020-01-01,1\n', r"column 2 of the header has 'A\nB' as a ticker"),
    ('date,A"\n2020-01-01,1\n', "plain characters"),
    ("date,ticker,close\n2020-01-01,A,1\n2020-01-01, ,2\n", "line 3 has '' as a ticker"),
    ("Date,Ticker,Open,Close\n2020-01-01,A,1,2\n", "leave only these columns"),
    ("DATE,ticker\n2020-01-01,A\n", "date, ticker, close"),
    ("date,A\n2020-01-01,1\n,2\n", "line 3 has the date '', which is missing"),
    ("date,A\n2020-01-01,1\n,nan\n", "line 3 has the date ''"),
    ("date,ticker,close\n2020-01-01,A,1\n,A,2\n", "line 3 has the date ''"),
    ("date,A\n31.12.18,1\n", "line 2 has the date '31.12.18'"),
    ("date,A\n18-12-31,1\n", "line 2 has the date '18-12-31'"),
    ("date,A\n2018-1-31,1\n", "line 2 has the date '2018-1-31'"),
    ("date,A\n2018/12/31,1\n", "'2018/12/31'"),
    ("date,A\n43465,1\n", "'43465'"),
    ("date,A\nDec 31 2018,1\n", "'Dec 31 2018', which is in no known form; write all dates like 2018-12-31"),
    ("date,A\n2018-12-31 25:00,1\n", "'2018-12-31 25:00'"),
    ("date,A\n31/12/2018 00:00,1\n", "'31/12/2018 00:00'"),
    ("date,A\n31/12.2018,1\n", "'31/12.2018'"),
    ("date,A\n2018-12-31,1\n20190101,1\n", "line 3 has the date '20190101', which is not in one known form"),
    ("date,A\n31/12/2018,1\n01.01.2019,1\n", "line 3 has the date '01.01.2019'"),
    ("date,A\n31/12/2018,1\n2019-01-01,1\n", "line 3 has the date '2019-01-01'"),
    ("date,A\n31-12-2018,1\n2019-01-01,1\n", "line 3 has the date '2019-01-01'"),
    ("date,A\n12/28/2018,1\n", "'12/28/2018', which seems to put the month first; write all dates like 2018-12-31"),
    ("date,A\n28/11/2018,1\n12/28/2018,1\n", "line 3 has the date '12/28/2018', which seems to put the month first"),
    ("date,A\n28/13/2018,1\n", "seems to put the month first"),
    ("date,A\n12/11/2018,1\n", "dates like 12/11/2018 may start with the day or the month"),
    ('date,A\n2018-12-28,"\n"\n2018-12-31\n', "line 4 has 1 values"),
    ("date,A\n01/02/2018,1\n02/02/2018,1\n", "may start with the day or the month"),
    ("date,A\n2019-01-30,1\n2019-02-30,1\n", "line 3 has the date '2019-02-30', which does not exist"),
    ("date,A\n30/02/2019,1\n", "which does not exist"),
    ("date,A\n0000-01-01,1\n", "1900 to 2199"),
    ("date,A\n1899-12-31,1\n", "1900 to 2199"),
    ("date,A\n22000101,1\n", "1900 to 2199"),
    ("date,A\n2018-12-31T16:00:00+07:00,1\n", "depends on the exchange's time zone; write all dates like 2018-12-31"),
    ("date,A\n2018-12-31 00:00:00.5Z,1\n", "depends on the exchange"),
    ("date,A\n2018-12-31 00:00Z,1\n2018-12-31 00:00+07:00,2\n", "two rows of 2018-12-31 have different prices"),
    ("date,A\n2018-12-31 10:00,1\n2018-12-31 11:00,2\n", "two rows of 2018-12-31 have different prices"),
    ("date,A,B\n2018-12-31,1,\n2018-12-31,,2\n2018-12-31,3,\n", "two rows of 2018-12-31 have different prices"),
    ("date,ticker,close\n2018-12-31,A,1\n2018-12-31,A,2\n", "A has different prices on 2018-12-31"),
    ("date,ticker,close\n2018-12-31,A,1\n2018-12-31,A,\n2018-12-31,A,2\n", "A has different prices on 2018-12-31"),
    ('date,A,B\n2018-12-31,1,"1,234.5"\n', "B on 2018-12-31 is '1,234.5', not a plain finite number"),
    ("date,A\n2018-12-31,inf\n", "A on 2018-12-31 is 'inf'"),
    ("date,A\n2018-12-31,-1e999\n", "A on 2018-12-31 is '-1e999'"),
    ("date,A\n2018-12-31,1_000\n", "'1_000'"),
    ("date,A\n2018-12-29,998\n2018-12-30,999\n2018-12-31,1.001\n",
     "A has the prices 999 and 1.001, in which the point may mark thousands or decimals; write 1001 or 1.0010, and"),
    ("date,A,B\n2018-12-30,1.001,10.5\n2018-12-31,999,10.5\n", "A has the prices 999 and 1.001"),
    ("date,ticker,close\n2018-12-30,A,950\n2018-12-30,B,1.5\n2018-12-31,A,1.010\n", "A has the prices 950 and 1.010"),
    ("date,A\n2018-12-31,0x1F\n", "'0x1F'"),
    ("date,A\n2018-12-31,$5\n", "'$5'"),
    ("date,A\n2018-12-31,5%\n", "'5%'"),
    ("date,A\n2018-12-31,1 5\n", "'1 5'"),
    ("date,A\n2018-12-31,--\n", "'--'"),
    ("date,A\n2018-12-31,٣\n", "'٣'"),
    ("date,ticker,close\n31/12/2018,A,x\n", "A on 2018-12-31 is 'x'"),
    (f"date,A\n2018-12-31,{'x' * 999}\n", "x...x"),
    (f"date,A\n2018-12-31,{'1' * 100000}x\n", "not a plain finite number"),
    (f"date,A\n2018-12-31,{'1' * 200000}\n", "line 2 on is not csv"),
])
def test_what_has_two_meanings_or_none_is_refused(folder, text, words):
    path = put(folder, text)
    with pytest.raises(MarketError) as caught:
        read(path)
    assert words in str(caught.value)
    assert_one_sentence(caught.value, "a.csv")


@pytest.mark.parametrize(("content", "words"), [
    (b"date,A\n2020-01-01,1\n", "not a whole gzip file"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0)[:-4], "not a whole gzip file"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0)[:-12], "not a whole gzip file"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0)[:5], "not a whole gzip file"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0)[:10] + b"\xff" * 30, "not a whole gzip file"),
    (gzip.compress(b"date,A\n2020-01-01,1\n", mtime=0) + b"more", "not a whole gzip file"),
    (b"", "has no prices"),
    (gzip.compress(b"", mtime=0), "has no prices"),
])
def test_a_compressed_file_must_be_whole(folder, content, words):
    with pytest.raises(MarketError, match=words) as caught:
        read(put(folder, content, "a.csv.gz"))
    assert_one_sentence(caught.value, "a.csv.gz")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(MarketError, match=r"^none.csv: cannot be read \(No such file or directory\)") as caught:
        read(tmp_path / "none.csv")
    assert_one_sentence(caught.value, "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(MarketError, match=r"^folder.csv: cannot be read \(Is a directory\)"):
        read(tmp_path / "folder.csv")


def test_days_that_repeat_and_that_are_late_are_told_one_after_the_other(folder):
    text = "d,A\n2020-01-03,3\n2020-01-01,1\n2020-01-02,\n2020-01-02,nan\n"
    prices, findings = read(put(folder, text))
    assert prices.index.equals(days("2020-01-01", "2020-01-02", "2020-01-03"))
    np.testing.assert_array_equal(prices["A"], [1, np.nan, 3])
    assert [(row.subject, row.finding, row.n_days) for row in findings] == [
        ("a.csv", "repeated days", 1), ("a.csv", "days out of order", 2)]


def test_the_sample_reads_as_skfolio_loads_it():
    import skfolio
    from skfolio.datasets import load_sp500_dataset, load_sp500_index

    data = Path(skfolio.__file__).parent / "datasets" / "data"
    for name, expected in (("sp500_dataset.csv.gz", load_sp500_dataset()), ("sp500_index.csv.gz", load_sp500_index())):
        prices, findings = read(data / name)
        pd.testing.assert_frame_equal(prices, expected.rename_axis("date"), check_exact=True)
        assert_clean(prices)
        assert findings == []


@pytest.mark.skipif("FOREFOLIO_MARKETS" not in os.environ, reason="FOREFOLIO_MARKETS names no folder of market files")
@pytest.mark.parametrize(("name", "n_tickers"), [("vn100_prices.csv", 101), ("crypto21_prices.csv", 21)])
def test_the_papers_markets_read_alike_wide_long_and_compressed(folder, name, n_tickers):
    path = Path(os.environ["FOREFOLIO_MARKETS"]) / name
    prices, findings = read(path)
    assert_clean(prices)
    assert prices.shape[1] == n_tickers and findings == []
    texts = pd.read_csv(path, dtype=str, keep_default_na=False)
    long = texts.melt("date", var_name="ticker", value_name="close").to_csv(index=False)
    for other in (put(folder, long), put(folder, gzip.compress(long.encode()), "a.csv.gz"),
                  put(folder, gzip.compress(path.read_bytes()), "b.csv.gz")):
        again, findings = read(other)
        pd.testing.assert_frame_equal(again, prices, check_exact=True)
        assert findings == []


# ---- headers ----

CLOSES_OF_TWO = pd.DataFrame({"AAA": [10.0, 11.0], "BBB": [20.0, 21.0]}, days("2018-01-02", "2018-01-03"))


@pytest.mark.parametrize("names", [("Price", "Ticker"), (None, None), ("Attributes", "Symbols")])
@pytest.mark.parametrize("write", [
    lambda table: table.to_csv(), lambda table: table.swaplevel(axis=1).to_csv(),
    lambda table: table.rename_axis(index=None).to_csv(), lambda table: table.rename_axis(index="Datetime").to_csv(),
    lambda table: table.reset_index().to_csv(index=False)])
@pytest.mark.parametrize(("fields", "read_as"), [
    (["Close"], "read Close"), (["Close", "High"], "read Close, left out High"),
    (["Close", "Open", "Volume", "Adj Close"], "read Adj Close, left out Close, Open and Volume")])
def test_what_yfinance_writes_is_read_as_its_closes(folder, names, write, fields, read_as):
    closes = CLOSES_OF_TWO.rename_axis(index="Date")
    parts = {field: closes * 3 for field in fields} | {"Adj Close" if "Adj Close" in fields else "Close": closes}
    prices, findings = read(put(folder, write(pd.concat(parts, axis=1, names=names))))
    pd.testing.assert_frame_equal(prices, CLOSES_OF_TWO, check_freq=False)
    assert [(row.finding, row.treatment, row.n_days) for row in findings] == [("header rows of yfinance", read_as, 2)]


@pytest.mark.parametrize(("text", "words"), [
    ("Price,Open,High\nTicker,A,A\nDate,,\n2018-01-02,1,2\n", 'save yfinance.download(...)["Close"].to_csv("prices'),
    ("Price,Close,Close\nTicker,A,B\nDate,,\n", "has no prices"),
    ("Price,Close,Close\nTicker,A,A\nDate,,\n2018-01-02,1,2\n", "two columns are named A"),
    ("Price,Close,Close\nTicker,A,\nDate,,\n2018-01-02,1,2\n", "the header has Close and Close, named like fields"),
    ("Price,Date,Close\nTicker,,A\n0,2018-01-02,1\n", "fields of a trading day, not like tickers"),
    (",Open,Close\n,10,11\n", "fields of a trading day, not like tickers"),
])
def test_rows_like_those_of_yfinance_without_closes_are_refused(folder, text, words):
    with pytest.raises(MarketError) as caught:
        read(put(folder, text))
    assert words in str(caught.value)


def header_of(folder: Path, *titles: str) -> Path:
    row = ",".join(f'"{title}"' for title in titles)
    return put(folder, f"Date,{row}\n2018-01-02,{','.join('1' for _ in titles)}\n")


@pytest.mark.parametrize("title", [
    "Price", "Open", "HIGH", "low", "Close", "LAST", "VWAP", "Vol.", "close,volume", "AAA_Volume", "Volume_AAA",
    "('Volume', 'AAA')", "('Adj Close', 'AAA')", "AAPL.Close", "AAPL.Open", "AAA High", "adjClose", "adj_close",
    "AAAVolume", "Close.1", "PX_LAST", "<CLOSE>", "Market Cap", "Open Interest", "Price (USD)", "Volume USDT",
    "turnover", "Last Sale", "Net Change", "Number of trades", "Senast", "ล่าสุด", "الأخير", "אחרון",
    "开盘", "收盘", "最高", "最低", "成交量", "收盘价", "收盤價", "終値", "出来高", "종가", "거래량", "Giá đóng cửa",
    "Cao nhất", "Khối lượng", "Schlusskurs", "Eröffnung", "Hoch", "Clôture", "Plus Haut", "Último", "Máximo", "Cierre",
    "Fechamento",
    "Preço", "Chiusura", "Цена", "Объём", "Kapanış", "Zamknięcie", "Terakhir"])
def test_a_field_of_a_trading_day_is_no_ticker_unless_it_is_named(folder, title):
    path = header_of(folder, "AAA", title, "BBB")
    with pytest.raises(MarketError, match="of a trading day, not like tickers; give one column of closes") as caught:
        read(path)
    assert title in str(caught.value) and "\n" not in str(caught.value)
    for named in ([title], None):
        assert list(read(path, named=named)[0]) == ["AAA", title, "BBB"]


@pytest.mark.parametrize("title", [
    "FLOW", "LOWE", "HIGHR", "OPENX", "VOLT", "PRICESMART", "CLOSED", "MAX", "MIN", "BAS.DE", "LOW.DE", "OPEN-USD",
    "HIGH-USD", "US High Yield", "Low Volatility", "T. Rowe Price", "Open Text", "Change Healthcare", "Value", "BRK.B",
    "^GSPC", "600519.SS", "0700.HK", "VNINDEX", "Hòa Phát", "贵州茅台", "삼성전자", "トヨタ", "Société Générale", "NA", "NAN",
    "nan", "null", "TRUE", "ON"])
def test_a_name_that_only_resembles_a_field_or_a_missing_value_is_a_ticker(folder, title):
    assert list(read(header_of(folder, "AAA", title))[0]) == ["AAA", title]
    long = put(folder, f'date,ticker,close\n2018-01-02,"{title}",1\n2018-01-02,LOW,1\n2018-01-02,Open,1\n')
    assert list(read(long)[0]) == [title, "LOW", "Open"]


def test_lowes_among_many_tickers_is_a_ticker_and_beside_other_fields_a_field(folder):
    many = [f"T{number}" for number in range(20)]
    prices, findings = read(header_of(folder, *many, "LOW"))
    assert list(prices) == [*many, "LOW"]
    assert [row.finding for row in findings] == ["LOW, which has the name of a field"]
    for titles in ((*many, "LOW", "HIGH"), ("T1", "T2", "LOW"), (*many, "Low")):
        with pytest.raises(MarketError, match="fields of a trading day"):
            read(header_of(folder, *titles))


def test_names_that_look_the_same_are_the_same(folder):
    composed, apart = "Hòa Phát", unicodedata.normalize("NFD", "Hòa Phát")
    assert composed != apart
    assert list(read(header_of(folder, apart, "B"))[0]) == [composed, "B"]
    long = put(folder, f"date,ticker,close\n2018-01-02,{apart},1\n2018-01-03,{composed},2\n")
    assert list(read(long)[0]) == [composed]
    with pytest.raises(MarketError, match="two columns are named Hòa Phát"):
        read(header_of(folder, apart, composed))


# ---- rows that belong together ----

@pytest.mark.parametrize(("text", "n_joined"), [
    ("d,A,B\n2018-01-02 00:00:00,10,\n2018-01-02 05:00:00,,20\n2018-01-03 00:00:00,11,\n2018-01-03 05:00:00,11,21\n",
     2),
    ("d,A,B\n2018-01-02 00:00+00:00,,20\n2018-01-02 00:00-05:00,10,-\n2018-01-03 00:00-05:00,11,21\n", 1),
    ("d,A,B\n2018-01-02,10,\n2018-01-03,11,21\n2018-01-02,,20\n", 1),
    ("date,ticker,close\n2018-01-02,A,\n2018-01-02,B,20\n2018-01-02,A,10\n2018-01-03,A,11\n2018-01-03,B,21\n", 1),
])
def test_rows_of_a_day_that_fill_each_others_gaps_are_joined(folder, text, n_joined):
    prices, findings = read(put(folder, text))
    assert_clean(prices)
    np.testing.assert_array_equal(prices[["A", "B"]], [[10, 20], [11, 21]])
    assert [row.n_days for row in findings if row.treatment == "joined"] == [n_joined]


@pytest.mark.parametrize("texts", [
    ["1.234", "1.235", "1.301"], ["1.001", "1", "0.999"], ["1.001", "1", "1.002"], ["998", "999", "1001"],
    ["20.5", "998", "1.001"], ["1234", "998", "1.001"], ["22.550", "23.010"], ["998", "999.250", "1000.5"],
    ["0.999", "998"], ["998", "1.0010"]])
def test_points_that_can_only_mark_decimals_are_read(folder, texts):
    rows = "".join(f"2018-01-{day:02},{text},1\n" for day, text in enumerate(texts, 1))
    assert read(put(folder, f"date,A,B\n{rows}"))[0]["A"].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y"])
def test_dates_that_are_in_order_once_their_day_and_month_are_exchanged_are_refused(folder, form):
    true = pd.bdate_range("2019-07-01", periods=60)
    wrong = [day.replace(month=day.day, day=day.month) if day.day <= 12 else day for day in true]
    for written in (wrong, wrong[::-1]):
        path = put(folder, "date,A\n" + "".join(f"{day:{form}},1\n" for day in written))
        with pytest.raises(MarketError, match="whose day and month seem to be swapped, .*; correct them, or"):
            read(path)
    shuffled = np.random.default_rng(0).permutation(true)
    for written in (true, true[::-1], pd.DatetimeIndex(shuffled)):
        path = put(folder, "date,A\n" + "".join(f"{day:{form}},1\n" for day in written))
        assert read(path)[0].index.equals(true.rename("date"))


# ---- size ----

def repeated(row: str, n_rows: int) -> bytes:
    """A compressed file of one row over and over, each on a day of its own."""
    start = dt.date(1950, 1, 1)
    return gzip.compress("".join(["date" + ",A" * row.count(",") + "\n"] + [
        f"{start + dt.timedelta(at)}{row}\n" for at in range(n_rows)]).encode())


@pytest.mark.parametrize(("limit", "value", "words"), [
    ("MOST_TEXT", 60_000, "is too large, with more than 0 MB of text in all; keep only the columns and"),
    ("LONGEST_LINE", 15, "is too large, with more than 0 MB of text in line 2; keep only"),
    ("MOST_PRICES", 1_000, "is too large, with more than 1,000 values; keep only"),
    ("MOST_DATES", 100, "is too large, with more than 100 dates or tickers; keep only"),
])
def test_what_expands_beyond_what_is_read_is_refused(folder, monkeypatch, limit, value, words):
    path = put(folder, repeated(",1.5", 5_000), "a.csv.gz")
    assert read(path)[0].shape == (5_000, 1)
    monkeypatch.setattr(csv_files, limit, value)
    with pytest.raises(MarketError) as caught:
        read(path)
    assert words in str(caught.value)
    assert_one_sentence(caught.value, "a.csv.gz")


def test_a_file_beyond_what_is_read_is_refused_before_it_is_opened(folder, monkeypatch):
    path = put(folder, "date,A\n2018-01-02,1\n")
    monkeypatch.setattr(csv_files, "MOST_TEXT", 10)
    with pytest.raises(MarketError, match="a.csv: is too large, with 0 MB; keep only the columns"):
        read(path)


def test_a_sparse_long_file_is_refused_before_its_table_is_made(folder, monkeypatch):
    rows = "".join(f"{dt.date(2000, 1, 1) + dt.timedelta(at)},T{at},1\n" for at in range(200))
    monkeypatch.setattr(csv_files, "MOST_PRICES", 10_000)
    with pytest.raises(MarketError, match="is too large, with 200 days of 200 tickers"):
        read(put(folder, "date,ticker,close\n" + rows))


@pytest.mark.parametrize("long", [False, True])
def test_a_file_takes_a_few_times_its_size_in_memory(folder, long):
    closes = pd.DataFrame(np.arange(1.0, 200_001).reshape(1_000, 200) / 7, pd.date_range("2000-01-01", periods=1_000))
    table = closes.add_prefix("T").rename_axis("date").reset_index()
    path = folder / "a.csv"
    (table.melt("date", var_name="ticker", value_name="close") if long else table).to_csv(path, index=False)
    tracemalloc.start()
    read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * path.stat().st_size  # its bytes are kept, so that it is read once


# ---- any table ----

DATE_FORMS = {
    "iso": "{0:%Y-%m-%d}", "basic": "{0:%Y%m%d}", "time": "{0:%Y-%m-%d} 15:30", "midnight": "{0:%Y-%m-%d}T00:00:00.000",
    "zone": "{0:%Y-%m-%d} 00:00:00+07:00", "utc": "{0:%Y%m%d}T00:00Z", "slash": "{0:%d/%m/%Y}", "dot": "{0:%d.%m.%Y}",
    "dash": "{0:%d-%m-%Y}", "short": "{0.day}/{0.month}/{0.year}",
}
PROVABLE = ("slash", "dot", "dash", "short")
TICKERS = st.text("AZaz09.^-_=& éВ機,;'", min_size=1, max_size=6).map(str.strip).filter(
    lambda name: name and name.lower() not in ("-", "date", "ticker", "close"))
CLOSES = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-10**20, 10**20),
                   st.decimals(0, 10**6, places=4))  # 1.000 beside 999 may be a thousand


def csv_text(rows: list[list[str]], newline: str) -> str:
    """Rows with every cell that needs it in quotes."""
    return newline.join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows) + newline


@st.composite
def tables(draw) -> tuple[bytes, bool, pd.DataFrame]:
    """A file in one of the accepted forms, whether it is compressed, and the frame that it holds."""
    dates = sorted(draw(st.sets(st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)), min_size=1, max_size=8)))
    tickers = draw(st.lists(TICKERS, min_size=1, max_size=5, unique=True))
    closes = [[draw(CLOSES) for _ in tickers] for _ in dates]
    form = draw(st.sampled_from(sorted(DATE_FORMS)))
    assume(form not in PROVABLE or any(date.day > 12 for date in dates))
    written = [DATE_FORMS[form].format(date) for date in dates]
    markers = st.sampled_from(["", "-", "na", "N/A", "NaN", "null", "NONE", "#N/A", " nan "])
    cells = [[draw(markers) if close is None else str(close) for close in row] for row in closes]
    if draw(st.booleans()):
        header = [draw(st.sampled_from(["date", "Date", "", "day", "close"])), *tickers]
        rows = [[text, *row] for text, row in zip(written, cells, strict=True)]
    else:
        order = draw(st.permutations(range(3)))
        header = [draw(st.sampled_from([title, title.upper(), f" {title} "])) for title in ("date", "ticker", "close")]
        rows = [[text, ticker, cell] for text, row in zip(written, cells, strict=True)
                for ticker, cell in zip(tickers, row, strict=True)]
        header, rows = [header[at] for at in order], [[row[at] for at in order] for row in rows]
    rows = draw(st.permutations(rows + draw(st.lists(st.sampled_from(rows), max_size=3))))
    if sorted(title.strip().lower() for title in header) == ["close", "date", "ticker"]:
        place = [title.strip().lower() for title in header].index("ticker")
        tickers_read = list(dict.fromkeys(row[place] for row in rows))
    else:
        tickers_read = tickers
    text = csv_text([header, *rows], draw(st.sampled_from(["\n", "\r\n", "\n\n"])))
    content = (draw(st.sampled_from(["", "\ufeff"])) + text).encode()
    compressed = draw(st.booleans())
    values = np.array([[np.nan if close is None else float(close) for close in row] for row in closes])
    frame = pd.DataFrame(values, days(*map(str, dates)), tickers)[tickers_read]
    return gzip.compress(content, mtime=0) if compressed else content, compressed, frame


@hundreds
@given(tables())
def test_a_table_reads_back_whatever_its_form(folder, table):
    content, compressed, expected = table
    path = put(folder, content, "a.csv.gz" if compressed else "a.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prices, findings = read(path)
    pd.testing.assert_frame_equal(prices, expected, check_exact=True)
    assert_clean(prices)
    assert prices.index.is_monotonic_increasing and all(row.subject == path.name for row in findings)


CELLS = st.sampled_from([
    "", " ", "-", "nan", "1", "2.5", "-3", "1e5", "1e999", "inf", "1,5", "x", '"', "'", "date", "ticker", "close", "A",
    "2018-12-31", "2018-12-30", "20181231", "31/12/2018", "12/31/2018", "1.2.2018", "31.12.18", "2019-02-30",
    "0000-00-00", "2018-12-31 00:00", "2018-12-31T10:00Z", "2018-12-31 00:00-05:00", "9999-12-31", "\u2028", "\x85",
    "\ufeff", "\x00", "\x1c", "٣"])


@st.composite
def mutated(draw) -> tuple[bytes, bool]:
    """A good file after one to three accidents, which may also befall its compressed bytes."""
    content, compressed, _ = draw(tables())
    plain = gzip.decompress(content) if compressed else content
    for _ in range(draw(st.integers(1, 3))):
        accident = draw(st.sampled_from(["flip", "cut", "cell", "repeat", "insert"]))
        at = draw(st.integers(0, max(len(plain) - 1, 0)))
        if accident == "flip":
            plain = plain[:at] + bytes([draw(st.integers(1, 127))]) + plain[at + 1:]
        elif accident == "cut":
            plain = plain[:at]
        elif accident == "insert":
            plain = plain[:at] + draw(CELLS).encode() + plain[at:]
        else:
            lines = plain.split(b"\n")
            row = draw(st.integers(0, len(lines) - 1))
            cells = lines[row].split(b",")
            cells[draw(st.integers(0, len(cells) - 1))] = draw(CELLS).encode()
            lines[row:row + (accident == "cell")] = [b",".join(cells)]
            plain = b"\n".join(lines)
    if not compressed:
        return plain, False
    content = gzip.compress(plain, mtime=0)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + (bytes([draw(st.integers(0, 255))]) + content[at + 1:] if draw(st.booleans()) else b"")
    return content, True


@hundreds
@given(mutated())
def test_a_damaged_table_is_clean_or_refused(folder, file):
    content, compressed = file
    assert_clean_or_refused(put(folder, content, "a.csv.gz" if compressed else "a.csv"))


@st.composite
def grids(draw) -> str:
    """Dates and prices that are each fine by themselves, with now and then a cell of any kind."""
    header = draw(st.sampled_from([
        ["date", "ticker", "close"], ["", "A", "B"], ["date", "A", "A"], ["d", "date", "ticker"]]))
    dates = draw(st.sampled_from([
        ["2018-12-31", "2018-12-30", "2018-12-31 00:00"], ["20181231", "20181230T15:00", "20181230 00:00Z"],
        ["31/12/2018", "1/2/2018", "01/02/2018"], ["1.2.2018", "2.1.2018"], ["31-12-2018", "12-31-2018"]]))
    column = {"date": dates, "": dates, "d": dates, "ticker": ["A", "B"]}
    rows = [[draw(st.sampled_from(column.get(title, ["1", "2", "1.0", "", "nan"]))) for title in header]
            for _ in range(draw(st.integers(0, 6)))]
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        row = draw(st.sampled_from([header, *rows]))
        row[draw(st.integers(0, len(row) - 1))] = draw(CELLS)
    return csv_text([header, *rows], "\n")


@hundreds
@given(st.one_of(grids(), st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6).map(
    lambda rows: csv_text(rows, "\n"))), st.booleans())
def test_a_grid_of_any_cells_is_clean_or_refused(folder, text, compressed):
    content = text.encode()
    assert_clean_or_refused(put(folder, gzip.compress(content, mtime=0) if compressed else content,
                                "a.csv.gz" if compressed else "a.csv"))


@hundreds
@given(st.one_of(st.text(), st.text("0123456789-/.,;\t\n\r\"' :TZ+eABdate\0\u2028")), st.booleans())
@example("date,A\n2018-12-31,1\x1c\n", False)
def test_any_text_is_clean_or_refused(folder, text, compressed):
    content = text.encode()
    assert_clean_or_refused(put(folder, gzip.compress(content, mtime=0) if compressed else content,
                                "a.csv.gz" if compressed else "a.csv"))


@hundreds
@given(st.binary(), st.booleans())
def test_any_bytes_are_clean_or_refused(folder, content, compressed):
    assert_clean_or_refused(put(folder, content, "a.csv.gz" if compressed else "a.csv"))
