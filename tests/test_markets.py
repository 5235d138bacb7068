"""What a source must hold, and what is said when it does not."""

import numpy as np
import pandas as pd
import pytest

from forefolio import markets
from forefolio.markets import MarketError
from forefolio.study import Study


@pytest.fixture
def prices_file(tmp_path):
    """Five days of two stocks and an index that lacks the third day."""
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n2020-01-01,1,10,100\n2020-01-02,2,,101\n2020-01-03,3,30,\n"
                    "2020-01-06,4,40,103\n2020-01-07,5,50,104\n")
    return path


def csv_study(path, **changes) -> Study:
    days = dict(start="2020-01-01", train_end="2020-01-02", validation_end="2020-01-03", end="2020-01-07")
    return Study(source="csv", prices_path=str(path), benchmark="INDEX", **(days | changes))


def test_the_sample_is_the_one_that_skfolio_loads():
    from skfolio.datasets import load_sp500_dataset, load_sp500_index

    market = markets.load(Study())
    expected = load_sp500_dataset().loc["2014-01-01":"2022-12-31"]
    pd.testing.assert_frame_equal(market.prices, expected, check_names=False, check_freq=False)
    index = load_sp500_index().loc["2014-01-01":"2022-12-31"]
    pd.testing.assert_frame_equal(market.benchmark, index, check_names=False, check_freq=False)
    assert market.prices.index.name == "date" and market.benchmark_gaps == 0


def test_a_csv_keeps_its_gaps_and_the_benchmark_holds_its_last_value(prices_file):
    market = markets.load(csv_study(prices_file))
    assert list(market.prices) == ["A", "B"]
    assert np.isnan(market.prices.loc["2020-01-02", "B"])
    assert market.benchmark["INDEX"].tolist() == [100, 101, 101, 103, 104]
    assert market.benchmark_gaps == 1


def test_a_benchmark_of_its_own_file_may_have_other_days(prices_file, tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("date,INDEX\n2020-01-01,99\n2020-01-02,101\n2020-01-05,102\n2020-01-08,104\n")
    market = markets.load(csv_study(prices_file, benchmark_path=str(index)))
    assert market.benchmark["INDEX"].tolist() == [99, 101, 101, 102, 102]
    assert market.benchmark_gaps == 3


def test_dates_that_are_no_trading_days_are_fine(prices_file):
    market = markets.load(csv_study(prices_file, start="2019-06-01", end="2020-01-05"))
    assert [market.prices.index[0].day, market.prices.index[-1].day] == [1, 3]


def test_a_ticker_that_the_source_lacks_is_an_error_unless_allowed(prices_file):
    with pytest.raises(MarketError, match="tickers: ZZZ are not in prices.csv"):
        markets.load(csv_study(prices_file, tickers=["A", "ZZZ"]))
    allowed = markets.load(csv_study(prices_file, tickers=["A", "ZZZ"], allow_missing_tickers=True))
    assert allowed.prices["ZZZ"].isna().all(), "nothing is made up for it"


@pytest.mark.parametrize(("changes", "said"), [
    ({"benchmark": "DAX"}, "benchmark: DAX is not in prices.csv"),
    ({"start": "2030-01-01", "train_end": "2030-01-02", "validation_end": "2030-01-03", "end": "2030-01-04"},
     "has no prices from 2030-01-01 to 2030-01-04; it covers 2020-01-01 to 2020-01-07"),
    ({"prices_path": "nowhere.csv"}, "there is no file nowhere.csv"),
])
def test_a_study_that_does_not_fit_its_file_is_refused(prices_file, changes, said):
    with pytest.raises(MarketError) as refused:
        markets.load(csv_study(prices_file).model_copy(update={
            name: pd.Timestamp(value).date() if name in ("start", "end") else value for name, value in changes.items()}))
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [
    ("date,A,INDEX\n01/02/2020,1,1\n", "not a table of dates"),
    ("date,A,INDEX\n2020-01-01,one,1\n", "not a table of dates"),
    ("date,A,INDEX\n2020-01-02,1,1\n2020-01-01,1,1\n", "repeat or are out of order"),
    ("date,A,INDEX\n2020-01-01,1,1\n2020-01-01,1,1\n", "repeat or are out of order"),
    ("", "not a table of dates"),
    ("date,A,INDEX\n", "no rows"),
    ("date,A,A,INDEX\n2020-01-01,1,1,1\n", "two columns of one name"),
    ("date,A,INDEX,\n2020-01-01,1,1,\n", "a column without a name"),
    ("date,A,INDEX\n,1,1\n2020-01-02,1,1\n", "a row has no date"),
    ("date;A;INDEX\n2020-01-01;1;1\n", "separated by commas"),
    ("date,INDEX\n2020-01-01,1\n2020-01-07,1\n", "no column beside the benchmark"),
])
def test_a_file_that_cannot_be_understood_is_refused(tmp_path, text, said):
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(MarketError) as refused:
        markets.load(csv_study(path))
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("levels", [("", 1, 1), (1, 1, ""), (1, 1, 0), (1, 1, -5), ("", "", "")])
def test_a_benchmark_that_starts_late_or_ends_early_is_refused(tmp_path, levels):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,INDEX\n" + "".join(f"2020-01-0{day},1,{level}\n" for day, level in enumerate(levels, 1)))
    with pytest.raises(MarketError, match="benchmark: INDEX covers .* the prices go from 2020-01-01 to 2020-01-03"):
        markets.load(csv_study(path))
