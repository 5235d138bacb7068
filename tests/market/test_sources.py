"""What a source must hold, and what is said when it does not."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio import files
from forefolio.market import csv_files, sources, universe
from forefolio.market.csv_files import MarketError
from forefolio.study import parameters, vocabulary
from forefolio.study.parameters import Study

MARKETS = os.environ.get("FOREFOLIO_MARKETS")


@pytest.fixture
def prices_file(tmp_path):
    """Five days of two stocks and an index that lacks the third day."""
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n2020-01-01,1,10,100\n2020-01-02,2,,101\n2020-01-03,3,30,\n"
                    "2020-01-06,4,40,103\n2020-01-07,5,50,104\n")
    return path


def csv_study(path, **changes) -> Study:
    days = dict(start="2020-01-01", train_end="2020-01-02", validation_end="2020-01-03", end="2020-01-07")
    return Study(source="csv", prices_path=str(path), **({"benchmark": "INDEX"} | days | changes))


def gaps(market) -> list[tuple]:
    """Findings about days without a value of the benchmark."""
    return [(row.subject, f"{row.first:%Y-%m-%d}", f"{row.last:%Y-%m-%d}", row.n_days, row.treatment)
            for row in market.findings if row.finding == "days without a value of the benchmark"]


def test_what_is_hashed_is_what_was_read_even_where_the_file_is_replaced_meanwhile(prices_file, monkeypatch):
    was, days_of = files.file_hash(prices_file), csv_files._days

    def replaced(*arguments):
        prices_file.write_text("date,A,B,INDEX\n2020-01-01,7,70,700\n")
        return days_of(*arguments)

    monkeypatch.setattr(csv_files, "_days", replaced)
    market = sources.load(csv_study(prices_file))
    assert market.prices["A"].tolist() == [1, 2, 3, 4, 5] and market.files == {prices_file: was}


def test_the_sample_is_the_one_that_skfolio_loads():
    from skfolio.datasets import load_sp500_dataset, load_sp500_index

    market = sources.load(Study())
    expected = load_sp500_dataset().loc["2014-01-01":"2022-12-31"]
    pd.testing.assert_frame_equal(market.prices, expected, check_names=False, check_freq=False)
    index = load_sp500_index().loc["2014-01-01":"2022-12-31"]
    pd.testing.assert_frame_equal(market.benchmark, index, check_names=False, check_freq=False)
    assert market.prices.index.name == "date" and market.findings == [] and market.truth.empty


def test_a_csv_keeps_its_gaps_and_the_benchmark_holds_its_last_value(prices_file):
    market = sources.load(csv_study(prices_file))
    assert list(market.prices) == ["A", "B"]
    assert np.isnan(market.prices.loc["2020-01-02", "B"])
    assert market.benchmark["INDEX"].tolist() == [100, 101, 101, 103, 104]
    assert gaps(market) == [("INDEX", "2020-01-03", "2020-01-03", 1, "holds the last value")]


def test_a_benchmark_of_its_own_file_may_have_other_days(prices_file, tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("date,INDEX\n2020-01-01,99\n2020-01-02,101\n2020-01-05,102\n2020-01-08,104\n")
    market = sources.load(csv_study(prices_file, benchmark_path=str(index)))
    assert market.benchmark["INDEX"].tolist() == [99, 101, 101, 102, 102]
    assert gaps(market) == [("INDEX", "2020-01-03", "2020-01-07", 3, "holds the last value")]


def test_dates_that_are_no_trading_days_are_fine(prices_file):
    market = sources.load(csv_study(prices_file, start="2019-06-01", end="2020-01-05"))
    assert [market.prices.index[0].day, market.prices.index[-1].day] == [1, 3]


def test_a_ticker_that_the_source_lacks_is_an_error_unless_allowed(prices_file):
    with pytest.raises(MarketError, match="tickers: ZZZ are not in prices.csv"):
        sources.load(csv_study(prices_file, tickers=["A", "ZZZ"]))
    allowed = sources.load(csv_study(prices_file, tickers=["A", "ZZZ"], allow_missing_tickers=True))
    assert allowed.prices["ZZZ"].isna().all(), "nothing is made up for it"


@pytest.mark.parametrize(("changes", "said"), [
    ({"benchmark": "DAX"}, "benchmark: DAX is not in prices.csv"),
    ({"start": "2030-01-01", "train_end": "2030-01-02", "validation_end": "2030-01-03", "end": "2030-01-04"},
     "has no prices from 2030-01-01 to 2030-01-04 of what is asked for; its days go from 2020-01-01 to 2020-01-07"),
    ({"prices_path": "nowhere.csv"}, "prices_path: there is no file nowhere.csv"),
    ({"benchmark_path": "elsewhere.csv"}, "benchmark_path: there is no file elsewhere.csv"),
])
def test_a_study_that_does_not_fit_its_file_is_refused(prices_file, changes, said):
    with pytest.raises(MarketError) as refused:
        sources.load(csv_study(prices_file).model_copy(update={
            name: pd.Timestamp(value).date() if name in ("start", "end") else value for name, value in changes.items()}))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_with_nothing_but_the_benchmark_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,INDEX\n2020-01-01,1\n2020-01-07,1\n")
    with pytest.raises(MarketError, match="prices.csv: has no column beside the benchmark INDEX"):
        sources.load(csv_study(path))


@pytest.mark.parametrize("levels", [("", 1, 1), (1, 1, ""), (1, 1, 0), (1, 1, -5), ("", "", "")])
def test_a_benchmark_that_starts_late_or_ends_early_is_refused(tmp_path, levels):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,INDEX\n" + "".join(f"2020-01-0{day},1,{level}\n" for day, level in enumerate(levels, 1)))
    with pytest.raises(MarketError, match="benchmark: INDEX covers .* the prices go from 2020-01-01 to 2020-01-03"):
        sources.load(csv_study(path))


def test_what_was_mended_in_a_file_is_told_with_what_is_strange_in_it(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n2020-01-02,2,20,101\n2020-01-01,1,0,100\n2020-01-03,2,21,102\n2020-01-03,2,21,102\n"
                    "2020-01-06,2,22,103\n2020-01-07,2,23,104\n")
    changed = csv_study(path, stale_days=3, jump_threshold=0.9)
    table = sources.findings(sources.load(changed), changed)
    assert list(table) == ["subject", "finding", "first", "last", "n_days", "treatment"]
    assert table["subject"].tolist() == ["prices.csv", "prices.csv", "A", "A", "A", "B"]
    assert table["finding"].tolist()[2:] == ["3 or more days without a move", "moves beyond +90 % or -47 % in a day",
                                             "a price ratio near 2, as after a split",
                                             "prices that are not positive numbers"]


def test_days_on_which_no_asset_has_a_price_are_no_trading_days(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n2020-01-01,1,1,1\n2020-01-02,,,2\n2020-01-03,3,3,3\n2020-01-07,4,4,4\n")
    assert sources.load(csv_study(path)).prices.index.day.tolist() == [1, 3, 7]


def test_columns_called_like_fields_are_read_if_the_study_names_them(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,OPEN,LOW,B,INDEX\n" + "".join(f"2020-01-0{day},{day},2,3,4\n" for day in range(1, 8)))
    with pytest.raises(MarketError, match="the header has OPEN and LOW, named like fields of a trading day"):
        sources.load(csv_study(path))
    assert list(sources.load(csv_study(path, tickers=["LOW", "B"])).prices) == ["LOW", "B"]
    with pytest.raises(MarketError, match="the header has OPEN, named like fields"):
        sources.load(csv_study(path, benchmark="LOW"))
    made = csv_study(path, benchmark="X", benchmark_tickers=["OPEN", "LOW"])
    assert list(sources.load(made).prices) == ["OPEN", "LOW", "B", "INDEX"]


def test_the_file_of_a_benchmark_may_hold_its_whole_trading_days(prices_file, tmp_path):
    index = tmp_path / "index.csv"
    index.write_text("Date,Open,High,Low,Close\n2020-01-01,1,1,1,99\n2020-01-07,1,1,1,104\n")
    market = sources.load(csv_study(prices_file, benchmark="Close", benchmark_path=str(index), tickers=["A", "B"]))
    assert market.benchmark["Close"].tolist()[-1] == 104


def test_days_on_which_no_asset_moves_are_told_and_left_out_only_where_asked(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n2020-01-01,1,5,100\n2020-01-02,1,5,110\n2020-01-03,1,6,121\n2020-01-04,1,,130\n"
                    "2020-01-07,2,6,133.1\n")
    market = sources.load(csv_study(path))
    finding, = [row for row in sources.findings(market, csv_study(path)).itertuples() if "no asset moves" in row.finding]
    assert (finding.subject, finding.finding, f"{finding.first:%d}", f"{finding.last:%d}", finding.n_days, finding.treatment) == (
        "prices.csv", "days on which no asset moves", "02", "04", 2, "flagged")
    assert market.prices.index.day.tolist() == [1, 2, 3, 4, 7]
    dropped = sources.load(csv_study(path, drop_still_days=True))
    assert dropped.prices.index.day.tolist() == [1, 3, 7] and dropped.findings[0].treatment == "left out"
    assert dropped.benchmark["INDEX"].tolist() == [100, 121, 133.1], "its returns compound over the days left out"
    pd.testing.assert_index_equal(dropped.benchmark.index, dropped.prices.index)


@pytest.mark.parametrize(("levels", "first", "told"), [
    ({4: "", 5: ""}, 6, ["days before the benchmark's first value"]),
    ({30: "", 31: ""}, 4, ["days without a value of the benchmark"])])
def test_a_benchmark_that_is_closed_on_the_first_or_last_days_of_a_coin_is_held_or_waited_for(tmp_path, levels, first, told):
    path = tmp_path / "prices.csv"
    rows = [f"2020-01-{day:02d},{day},{day + 1},{levels.get(day, day)}\n" for day in range(4, 32)]
    path.write_text("date,A,B,INDEX\n" + "".join(rows))
    market = sources.load(csv_study(path, end="2020-01-31"))
    assert market.prices.index[0].day == market.benchmark.index[0].day == first and market.prices.index[-1].day == 31
    assert [row.finding for row in market.findings if row.subject == "INDEX"] == told
    assert market.benchmark.notna().all(axis=None) and market.benchmark.index.equals(market.prices.index)


def test_a_benchmark_of_weeks_or_months_beside_daily_prices_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    for step, refused in ((1, False), (2, False), (5, True), (9, True)):
        path.write_text("date,A,B,INDEX\n" + "".join(
            f"2020-01-{day:02d},{day},{day + 1},{day if (day - 1) % step == 0 else ''}\n" for day in range(1, 29)))
        study = csv_study(path, end="2020-01-26" if step == 5 else "2020-01-28")
        if refused:
            with pytest.raises(MarketError, match=r"^benchmark: INDEX has values on \d of 2\d days; choose"):
                sources.load(study)
        else:
            assert len(sources.load(study).benchmark) == 28


def test_days_after_a_long_gap_in_all_prices_are_told(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,INDEX\n" + "".join(f"2020-{month:02d}-{day:02d},{day},{day + 1},{day}\n"
                                                 for month in (1, 3) for day in range(1, 29)))
    told = [row for row in sources.load(csv_study(path, end="2020-03-28")).findings if "10 days without" in row.finding]
    assert [(row.subject, f"{row.first:%Y-%m-%d}", row.n_days, row.treatment) for row in told] == [
        ("prices.csv", "2020-03-01", 1, "flagged")]


# ------------------------------------------------------------------------------------------- a benchmark of tickers
def test_a_benchmark_may_be_made_of_tickers(prices_file):
    made = csv_study(prices_file, benchmark="TWO", benchmark_tickers=["A", "INDEX"], tickers=["A", "B"])
    market = sources.load(made)
    np.testing.assert_allclose(market.benchmark["TWO"], 100 * np.cumprod(
        [1, 1 + (1 + 0.01) / 2, 1 + 0.5 / 2, 1 + (1 / 3 + 2 / 101) / 2, 1 + (1 / 4 + 1 / 103) / 2]))
    with pytest.raises(MarketError, match="benchmark_tickers: Z are not in prices.csv"):
        sources.load(made.model_copy(update={"benchmark_tickers": ["A", "Z"]}))


def test_a_benchmark_ticker_without_a_first_price_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,C\n2020-01-01,1,1,\n2020-01-02,1,2,2\n2020-01-03,3,3,3\n2020-01-07,3,3,3\n")
    with pytest.raises(MarketError, match="benchmark_tickers: C have no price on the first or the last day, 2020-01-01 and 2020-01-07"):
        sources.load(csv_study(path, benchmark="X", benchmark_tickers=["A", "C"], tickers=["A", "B"]))


def test_a_member_of_the_benchmark_that_ends_is_refused_and_its_gaps_are_told(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,C,D\n2020-01-01,1,1,1,1\n2020-01-02,1,2,,2\n2020-01-03,3,3,3,\n2020-01-07,3,4,3,\n")
    of = dict(benchmark="X", tickers=["A", "B"])
    with pytest.raises(MarketError, match="benchmark_tickers: D have no price on the first or the last day"):
        sources.load(csv_study(path, benchmark_tickers=["A", "D"], **of))
    found = sources.load(csv_study(path, benchmark_tickers=["A", "C"], **of)).findings
    assert [(row.subject, row.finding, row.n_days) for row in found] == [("C", "days without a price in the benchmark", 1)]


def test_a_made_benchmark_knows_nothing_of_later_days():
    """On a day without a price nobody knows whether one will follow: the index up to a day is the same without what follows."""
    days = pd.date_range("2020-01-01", periods=6, name="date")
    prices = pd.DataFrame({"A": [1.0, 1.1, 1.2, 1.3, 1.5, 1.4], "B": [2.0, 2.1, np.nan, np.nan, 2.4, 2.5],
                           "C": [3.0, 3.3, 3.2, np.nan, np.nan, np.nan]}, index=days)
    whole = sources._equal_weight_index(prices)
    for n_days in range(1, 6):
        pd.testing.assert_series_equal(sources._equal_weight_index(prices.iloc[:n_days]), whole.iloc[:n_days])
    daily = [(0.1 + 0.05 + 0.1) / 3, (0.1 / 1.1 - 0.1 / 3.3) / 2, 0.1 / 1.2, (0.2 / 1.3 + 0.3 / 2.1) / 2, (-0.1 / 1.5 + 0.1 / 2.4) / 2]
    assert whole.tolist() == pytest.approx([100, *100 * np.cumprod(1 + np.array(daily))])


@pytest.mark.parametrize("changes", [dict(source="simulated", benchmark="S01"),
                                     dict(benchmark="MSFT", benchmark_tickers=["AAPL"]),
                                     dict(benchmark="AAPL", benchmark_tickers=["AAPL"])])
def test_a_benchmark_that_is_made_may_not_have_the_name_of_a_ticker(changes):
    with pytest.raises(MarketError, match=f"benchmark: {changes['benchmark']} is a ticker of .* give it a name of its own"):
        sources.load(Study(**changes))


# ------------------------------------------------------------------------------------------------- the registry
def test_every_source_of_the_vocabulary_has_its_function():
    assert list(sources.SOURCES) == list(vocabulary.SOURCES)


@pytest.mark.parametrize("index", [None, "INDEX"])
def test_a_source_from_outside_is_two_entries(monkeypatch, index):
    days = pd.bdate_range("2020-01-01", periods=60)  # its name and unit are the source's own

    def toy(study: Study) -> sources.Closes:
        prices = pd.DataFrame(100 + np.random.default_rng(study.seed).normal(size=(60, 3)).cumsum(axis=0), days, list("ABC"))
        return sources.Closes("the toy", prices, levels=prices[["A"]].set_axis([index], axis=1) if index else None)

    monkeypatch.setitem(vocabulary.SOURCES, "toy", vocabulary.Source("a toy"))
    monkeypatch.setitem(sources.SOURCES, "toy", toy)
    study = Study(source="toy", start="2020-01-01", train_end="2020-02-14", validation_end="2020-02-28", end="2020-03-24",
                  benchmark=index or "C")
    market = sources.load(study)
    assert list(market.prices) == (["A", "B", "C"] if index else ["A", "B"]) and list(market.benchmark) == [study.benchmark]
    assert market.prices.index.name == "date" and market.files == {} and market.truth.empty and market.findings == []
    chosen = universe.choose(market.prices, study)
    assert chosen.assets["kept"].all() and chosen.traded.all(axis=None)
    with pytest.raises(MarketError, match="benchmark: DAX is not in the toy, which has "):
        sources.load(study.model_copy(update={"benchmark": "DAX"}))


# --------------------------------------------------------------------------------------------------------- simulated
def simulated(**changes) -> Study:
    return Study(**(dict(source="simulated", benchmark="MARKET") | changes))


def test_a_simulated_market_is_the_same_for_the_same_seed():
    first, again, other = (sources.load(simulated(seed=seed)) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.prices, again.prices, check_exact=True)
    assert (first.prices.iloc[-1] != other.prices.iloc[-1]).all()
    alike = sources.load(simulated(seed=8, simulated_seed=3))
    pd.testing.assert_frame_equal(first.prices, alike.prices, check_exact=True)
    assert first.prices.iloc[-1, :2].tolist() == pytest.approx([116.59636398996454, 138.84614566234697], rel=1e-9), "as before there was simulated_seed"
    assert first.prices.shape[1] == 20 and first.files == {} and list(first.truth["best_r2"]) == [0.0] * 20


def test_a_simulated_market_keeps_the_study_s_calendar_size_and_truth():
    every_day = sources.load(simulated(periods_per_year=365, simulated_assets=3, predictability=[0.0, 0.1, 0.2]))
    assert len(every_day.prices) == (pd.Timestamp("2022-12-31") - pd.Timestamp("2014-01-01")).days + 1
    assert every_day.truth["best_r2"].tolist() == [0.0, 0.1, 0.2]
    few = sources.load(simulated(tickers=["S07", "S02"], predictability=[0.05]))
    assert list(few.prices) == ["S07", "S02"] and set(few.truth["asset"]) == {"S02", "S07"}
    with pytest.raises(MarketError, match="tickers: S99 are not in the simulated market"):
        sources.load(simulated(tickers=["S01", "S99"]))


def test_a_simulated_benchmark_holds_all_listed_assets_equally():
    market = sources.load(simulated(simulated_delistings=5))
    daily = market.prices.pct_change(fill_method=None)
    np.testing.assert_allclose(market.benchmark["MARKET"].pct_change().iloc[1:], daily.mean(axis=1).iloc[1:], atol=1e-12)
    assert market.prices.isna().any().sum() == 5


def test_simulated_delistings_are_dropped_before_and_cash_after_the_end_of_validation():
    made = simulated(simulated_delistings=12)
    market = sources.load(made)
    chosen = universe.choose(market.prices, made)
    kept, table = chosen.prices, chosen.assets
    ended = market.truth.set_index("asset")["delisted_on"]
    early = ended.index[ended <= pd.Timestamp(made.validation_end)]
    assert set(table.loc[~table["kept"], "ticker"]) == set(early) and 0 < len(early) < 12
    late = ended.index[ended > pd.Timestamp(made.validation_end)]
    assert (kept[late].iloc[-1] == market.prices[late].ffill().iloc[-1]).all()
    assert table.set_index("ticker").loc[late, "reason"].str.endswith("cash after").all()


def test_what_cannot_be_simulated_is_one_sentence():
    with pytest.raises(MarketError, match="source simulated: S.* would lose everything .* lower simulated_volatility"):
        sources.load(simulated(simulated_volatility=2.0, simulated_tail=2.5))


@pytest.mark.parametrize(("predictability", "said"), [
    ([0.0], "**no** predictability in any of its 20 assets"), ([0.02], "is **0.02** for 20 of 20 assets (lag 1 day)."),
    ([0.0] * 18 + [0.01, 0.03], "is **0.01 to 0.03** for 2 of 20 assets (lag 1 day) and 0 for the others.")])
def test_the_truth_is_told(predictability, said):
    assert said in sources.truth_sentence(sources.load(simulated(predictability=predictability)).truth)


def test_of_a_real_market_nobody_knows_the_truth():
    assert "nobody knows" in sources.truth_sentence(sources.load(Study()).truth)


# ------------------------------------------------------------------------------------------------ the papers' markets
def kept_and_table(of: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    made = universe.choose(sources.load(of).prices, of)
    return made.prices, made.assets


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_the_vietnamese_market_keeps_exactly_its_complete_histories():
    paths = (f"prices_path={Path(MARKETS) / 'vn100_prices.csv'}", f"benchmark_path={Path(MARKETS) / 'vn100_index.csv'}")
    nguyen = parameters.load(parameters.ROOT / "params" / "nguyen2025.yml", paths)
    kept, table = kept_and_table(nguyen)
    raw = pd.read_csv(Path(MARKETS) / "vn100_prices.csv", index_col="date")
    assert list(kept) == list(raw.columns[(raw > 0).all()]) and kept.shape[1] == 55
    dropped = table[~table["kept"]]
    assert len(table) == 101 and len(dropped) == 46
    assert dropped["reason"].str.match(r"(starts|ends) on \d{4}-|misses \d+ of 1501 days|has no prices").all()
    market = sources.load(nguyen)
    assert gaps(market) == [("VN100", "2018-01-24", "2018-01-24", 1, "holds the last value")]
    zeros = sources.findings(market, nguyen).query("finding == 'prices that are not positive numbers'")
    assert zeros["n_days"].sum() == (raw == 0).sum().sum() == 3


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_the_coins_are_all_kept_and_the_four_others_have_their_reason():
    path = f"prices_path={Path(MARKETS) / 'crypto21_prices.csv'}"
    params = parameters.ROOT / "params" / "zouaoui2025.yml"
    kept, table = kept_and_table(parameters.load(params, ("source=csv", path, "allow_missing_tickers=true")))
    assert kept.shape == (1098, 21) and len(table) == 25
    absent = table[~table["kept"]]
    assert absent["ticker"].tolist() == ["DAI-USD", "VUSDT-USD", "RARE11294-USD", "VBTC-USD"]
    assert (absent["reason"] == "has no prices").all()
    with pytest.raises(MarketError, match="tickers: DAI-USD, VUSDT-USD, RARE11294-USD, VBTC-USD are not in crypto21"):
        sources.load(parameters.load(params, ("source=csv", path)))
    assert kept_and_table(parameters.load(params, ("source=csv", path, "tickers=[]")))[0].shape == (1098, 21)
