"""Which assets may be held, why not the others, and what is strange in prices."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forefolio.market import universe
from forefolio.market.returns import simple_returns
from forefolio.market.universe import ENDED, absences, kept_out
from forefolio.study.parameters import Study

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], name="date")


def prices(**columns):
    return pd.DataFrame(columns, index=DAYS, dtype=float)


def chosen(frame, *, until="2024-01-05", max_missing=0.0, fill_limit=0, largest_jump=np.inf, required=(), train_end=None):
    finite = np.isfinite(largest_jump)
    chosen = universe.choose(frame, Study().model_copy(update=dict(
        train_end=train_end or until, validation_end=until, max_missing=max_missing, fill_limit=fill_limit, drop_jumps=finite,
        jump_threshold=largest_jump if finite else 0.0, tickers=list(required))))
    return chosen.prices, chosen.assets.set_index("ticker")


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4], [0, 0, 1, 2, 3]])
def test_unsorted_or_repeated_dates_are_refused_here_too(order):
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5]).iloc[order]
    with pytest.raises(ValueError, match="ascending and without repeats"):
        chosen(frame)


def test_a_ticker_in_two_columns_is_refused():
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5]).set_axis(["A", "A"], axis=1)
    with pytest.raises(ValueError, match="ticker A appears in more than one column"):
        chosen(frame)


def test_universe_states_why_each_ticker_was_dropped():
    nan = np.nan
    kept, table = chosen(prices(
        WHOLE=[1, 2, 3, 4, 5], OTHER=[5, 5, 5, 6, 5], STILL=[7, 7, 7, 7, 8], LATE=[nan, 2, 3, 4, 5], GAP=[1, nan, 3, 4, 5],
        ZERO=[1, 0, 3, 4, 5], NEGATIVE=[1, 2, -3, 4, 5], NONE=[nan] * 5, GONE=[1, 2, 3, nan, nan]))
    assert list(kept) == ["WHOLE", "OTHER"]
    assert table["reason"].to_dict() == {
        "WHOLE": "", "OTHER": "", "STILL": "never moves up to 2024-01-05", "LATE": "starts on 2024-01-03", "GAP": "misses 1 of 4 days up to 2024-01-05",
        "ZERO": "misses 1 of 4 days up to 2024-01-05", "NEGATIVE": "misses 1 of 4 days up to 2024-01-05",
        "NONE": "has no prices", "GONE": "ends on 2024-01-04"}
    assert table["missing"].to_dict() == {"WHOLE": 0, "OTHER": 0, "STILL": 0, "LATE": 1, "GAP": 1, "ZERO": 1, "NEGATIVE": 1,
                                          "NONE": 4, "GONE": 1}
    assert table.loc["GONE", "last"] == pd.Timestamp("2024-01-04") and pd.isna(table.loc["NONE", "first"])


def test_universe_table_has_the_columns_of_the_stage():
    whole = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5])
    table = chosen(whole)[1].reset_index()
    assert list(table) == ["ticker", "first", "last", "missing", "kept", "reason"]
    assert table["kept"].dtype == bool


def test_a_gap_within_the_limit_holds_the_last_price():
    frame = prices(A=[1, np.nan, 3, 4, 5], B=[1, 2, 3, 4, 5])
    kept, table = chosen(frame, max_missing=0.25)  # one day of four is just within
    assert kept["A"].tolist() == [1, 1, 3, 4, 5]
    assert table.loc["A", "reason"] == "holds the last price on 1 missing day"
    with pytest.raises(ValueError, match="Only 1 of 2 tickers"):
        chosen(frame, max_missing=0.24)


def test_gaps_and_delistings_after_the_limit_hold_the_last_price_and_are_told():
    kept, table = chosen(prices(A=[1, 2, np.nan, 4, 5], B=[1, 2, 3, np.nan, 0], C=[1, 2, 3, 4, 5]), until="2024-01-03")
    assert kept["A"].tolist() == [1, 2, 2, 4, 5] and kept["B"].tolist() == [1, 2, 3, 3, 3]
    assert table["missing"].tolist() == [0, 0, 0]
    assert table["reason"].tolist() == ["holds the last price on 1 missing day", "ends on 2024-01-04, held after", ""]


def test_prices_after_the_limit_choose_no_ticker():
    rng = np.random.default_rng(0)
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, np.nan, 3, 4, 5], C=[3, 3, 4, 3, 3])
    noisy = frame.copy()
    noisy.iloc[3:] = rng.choice([np.nan, -1.0, 9.0], size=(2, 3))
    assert list(chosen(frame, until="2024-01-04")[0]) == list(chosen(noisy, until="2024-01-04")[0]) == ["A", "C"]


def test_a_held_price_is_not_traded():
    frame = prices(A=[1, 2, np.nan, 4, 5], B=[1, 2, 3, np.nan, 0], C=[1, 2, 3, 4, 5], D=[np.nan, 1, 2, 3, 4])
    chosen = universe.choose(frame, Study().model_copy(update=dict(train_end="2024-01-03", validation_end="2024-01-03")))
    assert list(chosen.traded) == list(chosen.prices) == ["A", "B", "C"] and chosen.traded.index.equals(DAYS)
    assert chosen.traded["A"].tolist() == [True, True, False, True, True]
    assert chosen.traded["B"].tolist() == [True, True, True, False, False] and chosen.traded["C"].all()


def test_universe_does_not_change_its_argument():
    frame = prices(A=[1, 0, 3, 4, 5], B=[1, 2, 3, 4, 5])
    before = frame.copy()
    chosen(frame, max_missing=0.5)
    pd.testing.assert_frame_equal(frame, before)


def test_universe_needs_prices_before_its_limit():
    with pytest.raises(ValueError, match="No prices up to 2023-12-29: prices start on 2024-01-02"):
        chosen(prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5]), until="2023-12-29")


def test_fewer_than_two_tickers_are_refused_with_examples():
    with pytest.raises(ValueError, match=r"Only 1 of 2 tickers can be kept \(B starts on 2024-01-03\)"):
        chosen(prices(A=[1, 2, 3, 4, 5], B=[np.nan, 2, 3, 4, 5]))




@pytest.mark.parametrize(("fill_limit", "max_missing", "reason"), [
    (0, 0.0, "misses 3 of 5 days up to 2024-01-08"), (1, 0.0, "misses 2 of 5 days up to 2024-01-08"),
    (2, 0.0, "holds the last price on 3 missing days"), (1, 0.4, "holds the last price on 3 missing days"),
    (1, 0.39, "misses 2 of 5 days up to 2024-01-08")])
def test_short_gaps_do_not_count_as_missing(fill_limit, max_missing, reason):
    frame = pd.DataFrame({"A": [1, np.nan, 3, np.nan, np.nan], "B": range(1, 6), "C": range(2, 7)}, index=DAYS, dtype=float)
    frame.loc[pd.Timestamp("2024-01-09")] = [9.0, 9.0, 9.0]  # after validation, so that the last gap is no ending
    kept, table = chosen(frame, until="2024-01-08", fill_limit=fill_limit, max_missing=max_missing)
    assert table.loc["A", "reason"] == reason and table.loc["A", "missing"] == 3
    if table.loc["A", "kept"]:
        assert kept["A"].tolist() == [1, 1, 3, 3, 3, 9]


def test_a_column_that_returns_the_same_every_day_but_for_rounding_is_dropped_and_one_that_varies_a_little_is_kept():
    growth = 100 * 1.00013 ** np.arange(5)
    frame = prices(EXACT=list(growth), CENTS=list(growth.round(2)), A=[1, 2, 3, 4, 5])
    _, table = chosen(frame, train_end="2024-01-05")
    assert table.loc["EXACT", "reason"] == "returns the same every day up to 2024-01-05" and table.loc["CENTS", "kept"]


def test_an_asset_that_never_moves_in_training_is_dropped_even_if_it_moves_later():
    frame = prices(PEG=[1, 1, 1, 1, 2], A=[1, 2, 3, 4, 5], B=[5, 4, 3, 2, 1])
    assert chosen(frame, train_end="2024-01-04")[1].loc["PEG", "reason"] == "never moves up to 2024-01-04"


def test_a_jump_drops_an_asset_only_where_asked_and_only_up_to_the_limit():
    frame = prices(A=[1, 2, 2, 2, 2], B=[3, 3.1, 3, 3.1, 9], C=[1, 1, 1.2, 1, 1])
    assert chosen(frame)[1]["kept"].all()
    kept, table = chosen(frame, largest_jump=0.5)
    assert table["reason"].to_dict() == {"A": "moves by +100 % on 2024-01-03, like a split", "B": "", "C": ""}
    assert list(kept) == ["B", "C"]


def test_a_required_ticker_with_gaps_is_refused_with_its_days():
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, np.nan], C=[np.nan] * 5, D=[5, 4, 3, 2, 1])
    assert chosen(frame)[1].loc["B", "reason"] == "ends on 2024-01-05, held after"
    with pytest.raises(ValueError) as refused:
        chosen(frame, required=["A", "B", "C"])
    assert str(refused.value).startswith("tickers: B misses 1 of 5 days, from 2024-01-08 to 2024-01-08; C has no prices: ")
    assert "allow_missing_tickers" in str(refused.value) and "\n" not in str(refused.value)
    assert list(chosen(frame, required=["A", "B"], max_missing=0.2)[0]) == ["A", "B", "D"]
    assert list(chosen(frame, required=["A", "B"], fill_limit=1)[0]) == ["A", "B", "D"]


def test_many_required_tickers_are_named_in_part():
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5], **{f"N{i}": [np.nan] * 5 for i in range(8)})
    with pytest.raises(ValueError, match=r"N4 has no prices; and 3 more: leave them out"):
        chosen(frame, required=list(frame))


# -------------------------------------------------------------------------------------------------------- calendars
def beside_a_coin(start, *, n_days=60, filled=False, opens=None):
    """A coin every day from `start` on, and two stocks on weekdays from `opens` on."""
    days = pd.date_range(start, periods=n_days, name="date")
    levels = np.random.default_rng(1).uniform(10, 11, (n_days, 3))
    frame = pd.DataFrame(levels, days, ["COIN", "S1", "S2"])
    closed = (days.day_of_week > 4) | (days < pd.Timestamp(opens or start))
    frame.loc[closed, ["S1", "S2"]] = np.nan
    return frame.ffill() if filled else frame


@pytest.mark.parametrize("filled", [True, False])
@pytest.mark.parametrize(("start", "opens", "first"), [
    ("2024-01-06", None, "2024-01-08"), ("2024-01-07", None, "2024-01-08"), ("2024-01-01", "2024-01-02", "2024-01-02"),
    ("2024-02-09", "2024-02-19", "2024-02-19")])
def test_what_starts_some_days_after_a_coin_is_kept_and_the_prices_start_with_it(start, opens, first, filled):
    frame = beside_a_coin(start, opens=opens, filled=filled)
    kept, table = chosen(frame, until=f"{frame.index[40]:%Y-%m-%d}", fill_limit=2)
    assert list(kept) == ["COIN", "S1", "S2"] and kept.index[0] == pd.Timestamp(first) and kept.notna().all(axis=None)
    pd.testing.assert_series_equal(kept["COIN"], frame["COIN"].loc[first:])
    assert table["reason"]["COIN"] == ""
    assert table["reason"]["S1"].startswith(f"starts on {first}, so that all prices start on {first}")
    assert ("holds the last price" in table["reason"]["S1"]) is not filled


def test_what_starts_weeks_after_a_coin_or_late_on_its_own_calendar_is_dropped():
    frame = beside_a_coin("2024-02-01", opens="2024-02-15", filled=True)
    with pytest.raises(ValueError, match="S1 starts on 2024-02-15"):
        chosen(frame, until="2024-03-20")
    stocks = beside_a_coin("2024-02-01", n_days=90).assign(S3=lambda frame: frame["S2"].shift(1), S4=1.0)
    stocks = stocks[stocks.index.day_of_week < 5].iloc[:, 1:].assign(S4=lambda frame: frame["S1"] + 1)
    stocks.iloc[:3, 2] = np.nan
    kept, table = chosen(stocks.ffill(), until="2024-04-01")
    assert list(kept) == ["S1", "S2", "S4"] and table["reason"]["S3"] == "starts on 2024-02-06"
    assert kept.index[0] == stocks.index[0]


def test_a_late_start_is_judged_by_what_was_known_at_the_end_of_validation():
    frame = beside_a_coin("2024-01-06", n_days=80)
    later = frame.copy()
    later.loc[later.index[50:][later.index[50:].day_of_week > 4]] = 5.0
    until = f"{frame.index[49]:%Y-%m-%d}"
    assert chosen(frame, until=until, fill_limit=2)[0].iloc[:48].equals(chosen(later, until=until, fill_limit=2)[0].iloc[:48])


def test_a_named_ticker_may_start_some_days_after_a_coin():
    frame = beside_a_coin("2024-01-06")
    assert list(chosen(frame, until="2024-02-20", fill_limit=2, required=["COIN", "S1"])[0]) == ["COIN", "S1", "S2"]


def test_tickers_dropped_for_closed_days_are_refused_with_the_fill_limit_that_keeps_them():
    frame = beside_a_coin("2024-01-01").drop(pd.to_datetime(["2024-01-09"]))
    frame.loc["2024-02-12", ["S1", "S2"]] = np.nan  # a holiday after a weekend
    with pytest.raises(ValueError, match=r"Only 1 of 3 tickers .*S1 misses 15 of 50 days .* set fill_limit to 3, raise max"):
        chosen(frame, until=f"{frame.index[49]:%Y-%m-%d}")
    assert chosen(frame, until=f"{frame.index[49]:%Y-%m-%d}", fill_limit=3)[0].shape[1] == 3


def test_days_on_which_only_a_dropped_ticker_has_a_price_are_left_out():
    frame = beside_a_coin("2024-01-01").assign(COIN=lambda frame: frame["COIN"].where(frame.index < "2024-02-01"))
    kept, table = chosen(frame.dropna(how="all"), until="2024-02-20", fill_limit=2)
    assert list(kept) == ["S1", "S2"] and (kept.index.day_of_week < 5).all()
    assert table["reason"]["S1"] == ""


@pytest.mark.parametrize(("freq", "given", "told"), [
    ("ME", 252, 12), ("ME", 365, 12), ("W", 252, 52), ("W", 12, 52), ("B", 365, 252), ("D", 252, 365), ("QE", 12, 4),
    ("YE", 4, 1), ("B", 12, 252), ("SME", 252, 24), ("B", 52, 252)])
def test_prices_far_from_the_periods_a_year_are_refused_with_the_number_to_write(freq, given, told):
    days = pd.date_range("2000-01-03", "2012-12-28", freq=freq, name="date")
    frame = pd.DataFrame(np.random.default_rng(0).uniform(10, 11, (len(days), 2)), days, ["A", "B"])
    study = Study(start=date(2000, 1, 1), train_end=date(2005, 1, 1), validation_end=date(2008, 1, 1), periods_per_year=given)
    with pytest.raises(ValueError, match=rf"^periods_per_year: {given} does not fit .* rows? per year .*; set it to {told}$"):
        universe.choose(frame, study)
    universe.choose(frame, study.model_copy(update={"periods_per_year": told}))


@pytest.mark.parametrize("given", [240, 250, 252, 260, 261])
@pytest.mark.parametrize("n_days", [5, 20, 64, 70, 300, 3000])
def test_the_usual_numbers_for_an_exchange_and_short_spans_pass(given, n_days):
    frame = pd.DataFrame({"A": range(1, n_days + 1)}, pd.bdate_range("2011-12-20", periods=n_days))
    universe.check_rate(frame, periods_per_year=given)


@pytest.mark.parametrize(("days", "n_gaps", "last"), [
    (pd.bdate_range("2016-01-01", "2020-12-31").delete(slice(400, 800)), "1 gap", "2019-01-25"),
    (pd.date_range("2012-01-31", "2015-12-31", freq="ME").append(pd.bdate_range("2016-01-01", "2020-12-31")), "47 gaps",
     "2015-12-31")])
def test_gaps_between_all_prices_are_named_where_they_alone_spoil_the_periods_a_year(days, n_gaps, last):
    frame = pd.DataFrame({"A": np.arange(1.0, len(days) + 1)}, days)
    with pytest.raises(ValueError, match=rf"; move start or end, .* have {n_gaps} of .*, the last before {last}$"):
        universe.check_rate(frame, periods_per_year=252)


def test_filled_days_are_named_where_leaving_them_out_gives_the_periods_a_year():
    days = pd.date_range("2020-01-01", "2022-12-31")
    frame = pd.DataFrame({"A": np.arange(1.0, len(days) + 1)}, days)[days.day_of_week < 5].reindex(days, method="ffill")
    with pytest.raises(ValueError, match="set it to 365, or, as no asset moves on 313 days, set drop_still_days to true"):
        universe.check_rate(frame, periods_per_year=252)


# --------------------------------------------------------------------------------------------------------- findings
def found(frame, *, stale_days=2, jump_threshold=0.5):
    return [(row.subject, row.finding, f"{row.first:%d}", f"{row.last:%d}", row.n_days, row.treatment)
            for row in universe.findings(frame, Study(stale_days=stale_days, jump_threshold=jump_threshold))]


def test_prices_that_are_none_are_counted_and_missing():
    assert found(prices(A=[1, 0, -2, 1.1, 1.2], B=[1, np.nan, 1, 1.1, np.inf])) == [
        ("A", "prices that are not positive numbers", "03", "04", 2, "missing"),
        ("B", "prices that are not positive numbers", "08", "08", 1, "missing")]


def test_a_price_of_zero_is_no_loss_of_everything():
    kept, _ = chosen(prices(A=[2, 0, 2.2, 2, 1], B=[1, 2, 3, 4, 5]), max_missing=0.5)
    assert kept["A"].pct_change().min() == pytest.approx(-0.5)


JUMP = "moves beyond +50 % or -33 % in a day"


def test_a_standstill_is_flagged_from_the_limit_on():
    frame = prices(A=[1, 1, 1, 1, 1.7], B=[1, 1, 1.7, 1.7, 1.7], C=[1, 1, 1.1, 1.1, 1.2])
    assert found(frame) == [("A", "2 or more days without a move", "03", "05", 3, "flagged"),
                            ("A", JUMP, "08", "08", 1, "flagged"),
                            ("B", "2 or more days without a move", "05", "08", 2, "flagged"),
                            ("B", JUMP, "04", "04", 1, "flagged")]
    assert [row[0] for row in found(frame, stale_days=3, jump_threshold=9)] == ["A"]


def test_a_standstill_goes_on_over_a_gap():
    assert found(prices(A=[1, 1, np.nan, 1, 1.1]))[0] == ("A", "2 or more days without a move", "03", "05", 2, "flagged")


def test_a_jump_over_a_gap_is_seen_and_one_at_the_threshold_is_not():
    assert found(prices(A=[1, np.nan, 3.5, 3.1, 3], B=[2, 3, 2, 2.1, 2.2])) == [("A", JUMP, "04", "04", 1, "flagged")]
    assert found(prices(A=[2, 3.01, 2, 2.1, 2.2]))[0][4] == 2, "falls count as rises do"


@pytest.mark.parametrize("threshold", [0.2, 0.3, 0.5, 0.9])
def test_a_series_and_its_mirror_image_have_the_same_jumps(threshold):
    levels = 100 * np.exp(np.random.default_rng(3).standard_t(2, (5, 200)).cumsum(axis=0) / 9)
    frame = pd.DataFrame(levels, DAYS).rename(columns=str)
    jumps, mirrored = ([row for row in found(of, jump_threshold=threshold) if row[1].startswith("moves beyond")]
                       for of in (frame, 1e4 / frame))
    assert jumps == mirrored and jumps
    kept, kept_mirrored = (list(chosen(of, until="2024-01-08", largest_jump=threshold)[0]) for of in (frame, 1e4 / frame))
    assert kept == kept_mirrored


@pytest.mark.parametrize(("ratio", "named"), [
    (0.5 * 1.006, "1/2"), (2 / 1.006, "2"), (1 / 3, "1/3"), (3, "3"), (0.2, "1/5"), (5.1, "5"), (0.103, "1/10"), (9.6, "10"),
    (0.45, None), (2.2, None), (0.6, None), (4, None), (7, None), (1.0, None)])
def test_a_ratio_near_that_of_a_split_is_named_whatever_the_threshold(ratio, named):
    frame = prices(A=[100, 101, 101 * ratio, 102 * ratio, 101 * ratio])
    said = [("A", f"a price ratio near {named}, as after a split", "04", "04", 1, "flagged")] if named else []
    assert [row for row in found(frame, jump_threshold=20) if "split" in row[1]] == said


def test_all_splits_of_a_ticker_are_named_in_one_finding():
    assert found(prices(A=[100, 50, 500, 250, 240]), jump_threshold=20) == [
        ("A", "a price ratio near 1/2 or 10, as after a split", "03", "05", 3, "flagged")]


def test_prices_that_nothing_has_are_missing():
    frame = prices(A=[1, 1e300, 1.1, 1e-300, 1.2], B=[5, 4, 5, 4, 5])
    assert found(frame)[0] == ("A", "prices that are not positive numbers", "03", "05", 2, "missing")
    assert universe.known(frame)["A"].isna().sum() == 2 and universe.known(prices(A=[8.55e-6] * 5)).notna().all(axis=None)


def test_one_ticker_is_no_universe_and_is_told_without_empty_brackets():
    with pytest.raises(ValueError, match="Only 1 of 1 tickers can be kept, and two are needed: name more tickers$"):
        chosen(prices(A=[1, 2, 3, 4, 5]))


def test_ordinary_prices_have_no_findings():
    assert found(prices(A=[1, 1.1, 1.1, 1, 1.2])) == []


# ------------------------------------------------------------------------------------------------------ needed days
@pytest.mark.parametrize(("changes", "expected"), [
    ({}, [("train_end", 7, "training"), ("correlation_window", 63, "all")]),
    ({"ridge": 0.01}, [("train_end", 2, "training"), ("correlation_window", 63, "all")]),
    ({"covariance_estimator": "ledoit_wolf", "correlation_window": 20},
     [("train_end", 2, "training"), ("correlation_window", 20, "all")]),
    ({"covariance_estimator": "gerber"}, [("train_end", 7, "training"), ("correlation_window", 63, "all")]),
    ({"source": "simulated", "predictability_lag": 9},
     [("train_end", 7, "training"), ("predictability_lag", 10, "training"), ("correlation_window", 63, "all")])])
def test_the_days_that_the_first_stages_need(changes, expected):
    needs = universe.needed_days(Study(**changes), n_assets=5)
    assert [need[:3] for need in needs] == expected
    assert needs[0].why == (f"the {Study(**changes).covariance_estimator} covariance of 5 assets needs more, or set "
                            "covariance_estimator to ledoit_wolf, or ridge")


CALENDAR = pd.bdate_range("2024-01-01", periods=20, name="date")
STILL = "no move in 5 days"


def moving(**still):
    """Returns of A and B on 20 days, none zero but in the named span of places."""
    moves = pd.DataFrame(np.random.default_rng(3).uniform(0.001, 0.01, (20, 2)), CALENDAR, ["A", "B"])
    for asset, (first, last) in still.items():
        moves.loc[CALENDAR[first]:CALENDAR[last], asset] = 0.0
    return moves


def reasons(moves, traded=None, dates=CALENDAR):
    return kept_out(moves, moves.notna() if traded is None else traded, dates=dates, stale_days=5)


def test_an_asset_is_kept_out_from_the_last_of_so_many_days_without_a_move_until_it_moves():
    found = reasons(moving(A=(3, 11)))
    assert (found["B"] == "").all() and found.index[found["A"] == STILL].equals(CALENDAR[7:12])
    assert (reasons(moving(A=(3, 6)))["A"] == "").all()
    assert (reasons(moving(A=(0, 3)))["A"] == "").all(), "with fewer days than that nobody can tell"


def test_days_after_a_date_do_not_decide_what_can_be_bought_then():
    for last in range(6, 14):
        seen = reasons(moving(A=(3, 11)).iloc[:last], dates=CALENDAR[:last])
        pd.testing.assert_frame_equal(seen, reasons(moving(A=(3, 11), B=(13, 19))).iloc[:last])


def test_days_of_a_gap_count_as_days_without_a_move_and_a_held_price_is_not_traded_first_of_all():
    traded = moving().notna()
    traded.loc[CALENDAR[4]:CALENDAR[8], "A"] = False
    back_unchanged, back_elsewhere = reasons(moving(A=(4, 9)), traded), reasons(moving(A=(4, 8)), traded)
    assert back_unchanged["A"].iloc[4:11].tolist() == ["not traded that day"] * 5 + [STILL, ""]
    assert back_elsewhere["A"].iloc[4:11].tolist() == ["not traded that day"] * 5 + ["", ""]


def test_a_date_at_which_nothing_can_be_bought_is_refused_with_what_to_change():
    with pytest.raises(ValueError, match=r"^Nothing can be bought at the decision of 2024-01-23: each of 2 assets has no "
                                         r"move in 5 days or was not traded that day; correct the prices, raise stale_days"):
        reasons(moving(A=(3, 19), B=(12, 19)))


def test_absences_have_the_first_and_the_last_decision_and_how_many():
    traded = moving().notna()
    traded.loc[CALENDAR[15]:, "A"] = False
    table = absences(reasons(moving(A=(3, 11), B=(5, 9)), traded, dates=CALENDAR[[6, 8, 10, 16, 19]]))
    assert table.to_numpy().tolist() == [["A", STILL, CALENDAR[8], CALENDAR[10], 2],
                                         ["A", "not traded that day", CALENDAR[16], CALENDAR[19], 2]]
    assert list(table) == ["asset", "reason", "first", "last", "n_decisions"]
    assert absences(reasons(moving())).empty


# -- suspended, and ended for good

LONG = pd.bdate_range("2024-01-02", periods=40, name="date")


def ending(last: int, *, delisting_return=0.0, back=None):
    """The universe of A, which has no price after day `last` of 40 (but on day `back`), and of B, which always has."""
    frame = pd.DataFrame(np.random.default_rng(4).uniform(90, 110, (40, 2)), LONG, ["A", "B"])
    gone = (np.arange(40) > last) & (np.arange(40) != back)
    study = Study().model_copy(update=dict(train_end=LONG[4].date(), validation_end=LONG[5].date(),
                                           delisting_return=delisting_return))
    return frame, universe.choose(frame.mask(gone[:, None] & [True, False]), study)


def test_an_asset_that_ends_for_good_pays_the_delisting_return_once_and_moves_no_more():
    frame, chosen = ending(19, delisting_return=-0.3)
    returns = simple_returns(chosen.prices)["A"]
    assert returns.iloc[19] == pytest.approx(-0.3) and (returns.iloc[20:] == 0).all()
    assert chosen.prices["A"].iloc[:20].equals(frame["A"].iloc[:20]) and chosen.prices["B"].equals(frame["B"])
    assert chosen.assets["reason"].tolist() == [f"ends on {LONG[19]:%Y-%m-%d}, cash after", ""]
    _, plain = ending(19)
    assert (plain.prices["A"].iloc[19:] == frame["A"].iloc[19]).all()


@pytest.mark.parametrize("last, back", [(33, None), (10, 39), (10, 31)])
def test_an_asset_that_comes_back_or_is_absent_only_at_the_end_is_suspended_and_pays_nothing(last, back):
    frame, chosen = ending(last, delisting_return=-0.3, back=back)
    if back is not None:
        assert chosen.prices["A"].iloc[back] == frame["A"].iloc[back]
    assert (chosen.prices["A"].iloc[last:back] == frame["A"].iloc[last]).all()


def test_what_has_ended_is_told_from_what_did_not_trade_that_day_and_only_after_its_last_price():
    moves = pd.DataFrame(0.01, LONG, ["A", "B", "C"])
    traded = moves.notna().assign(A=np.arange(40) < 15, B=np.arange(40) % 3 == 0)
    found = kept_out(moves, traded, dates=LONG, stale_days=5)
    assert found["A"].tolist() == [""] * 15 + [ENDED] * 25
    assert set(found["B"]) == {"", universe.NOT_TRADED} and (found["C"] == "").all()


def test_monthly_prices_end_after_five_months_without_one():
    months = pd.date_range("2020-01-31", periods=24, freq="ME", name="date")
    traded = pd.DataFrame({"A": np.arange(24) < 20, "B": np.arange(24) < 12, "C": True}, index=months)
    assert universe.ended(traded).isna().tolist() == [True, False, True]


def test_a_delisting_return_of_minus_one_or_less_is_refused():
    with pytest.raises(ValueError, match="delisting_return"):
        Study(delisting_return=-1.0)
