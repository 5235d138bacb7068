import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.market.returns import asset_summary, earned, open_days, periods, rebalance_dates, simple_returns
from forefolio.study.parameters import ROOT

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], name="date")


def prices(**columns):
    return pd.DataFrame(columns, index=DAYS, dtype=float)


def test_simple_returns_by_hand():
    returns = simple_returns(prices(A=[100, 110, 99, 99, 198], B=[1, 1, 1, 1, 1]))
    assert returns["A"].tolist() == pytest.approx([0.1, -0.1, 0.0, 1.0])
    assert returns["B"].tolist() == [0, 0, 0, 0]
    assert returns.index.equals(DAYS[1:]) and returns.index.name == "date"


def test_a_gap_gives_missing_returns_and_is_not_bridged():
    returns = simple_returns(prices(A=[100, np.nan, 110, 110, 110]))
    assert returns["A"].isna().tolist() == [True, True, False, False]


def test_permuted_columns_permute_returns():
    frame = prices(A=[1, 2, 3, 4, 5], B=[5, 4, 3, 2, 1])
    pd.testing.assert_frame_equal(simple_returns(frame[["B", "A"]]), simple_returns(frame)[["B", "A"]])


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4], [0, 0, 1, 2, 3]])
def test_unsorted_or_repeated_dates_are_refused(order):
    frame = prices(A=[1, 2, 3, 4, 5], B=[1, 2, 3, 4, 5]).iloc[order]
    with pytest.raises(ValueError, match="ascending and without repeats"):
        simple_returns(frame)


@pytest.mark.parametrize("kind", [str, dt.date.fromisoformat, pd.Timestamp])
def test_periods_are_disjoint_and_take_any_kind_of_date(kind):
    table = periods(DAYS, train_end=kind("2024-01-03"), validation_end=kind("2024-01-07"))  # a Sunday
    assert table["period"].tolist() == ["training", "validation", "test"]
    assert table["first"].tolist() == [DAYS[0], DAYS[2], DAYS[4]]
    assert table["last"].tolist() == [DAYS[1], DAYS[3], DAYS[4]]
    assert table["n_days"].tolist() == [2, 2, 1]


@pytest.mark.parametrize(("train_end", "validation_end", "period"), [
    ("2024-01-01", "2024-01-05", "training"),
    ("2024-01-05", "2024-01-07", "validation"),  # a weekend between the two
    ("2024-01-05", "2024-01-03", "validation"),
    ("2024-01-03", "2024-01-08", "test")])
def test_an_empty_period_is_named_with_the_dates(train_end, validation_end, period):
    with pytest.raises(ValueError, match=f"The {period} period is empty with train_end {train_end} and validation_end "
                                         f"{validation_end}; the data are 2024-01-02 to 2024-01-08"):
        periods(DAYS, train_end=train_end, validation_end=validation_end)


def test_rebalances_are_the_last_trading_days_before_each_month_of_the_test():
    days = pd.bdate_range("2023-11-15", "2024-04-01")
    dates = rebalance_dates(days, validation_end="2023-12-31")
    assert dates.strftime("%Y-%m-%d").tolist() == ["2023-12-29", "2024-01-31", "2024-02-29", "2024-03-29"]


def test_the_first_rebalance_may_be_within_a_month():
    days = pd.bdate_range("2024-01-02", "2024-02-05")
    dates = rebalance_dates(days, validation_end="2024-01-13")  # a Saturday
    assert dates.strftime("%Y-%m-%d").tolist() == ["2024-01-12", "2024-01-31"]


def test_a_month_without_trading_has_no_rebalance():
    days = pd.bdate_range("2023-12-20", "2024-03-10")
    days = days[days.month != 2]
    dates = rebalance_dates(days, validation_end="2023-12-31")
    assert dates.strftime("%Y-%m-%d").tolist() == ["2023-12-29", "2024-01-31"]


def test_no_rebalance_on_the_last_row():
    days = pd.bdate_range("2023-12-20", "2024-01-31")
    assert rebalance_dates(days, validation_end="2023-12-31").tolist() == [pd.Timestamp("2023-12-29")]


def test_asset_summary_by_hand_and_against_scipy():
    rng = np.random.default_rng(3)
    returns = pd.DataFrame(rng.standard_t(5, size=(300, 2)) / 100, columns=["A", "B"])
    returns.loc[:29, "B"] = 0.0
    summary = asset_summary(returns, periods_per_year=252)
    a = returns["A"].to_numpy()
    assert summary.loc["A", "skewness"] == pytest.approx(stats.skew(a, bias=False))
    assert summary.loc["A", "excess_kurtosis"] == pytest.approx(stats.kurtosis(a, bias=False))
    assert summary.loc["A", "autocorrelation"] == pytest.approx(
        np.sum((a[1:] - a.mean()) * (a[:-1] - a.mean())) / np.sum((a - a.mean()) ** 2))
    assert summary.loc["A", "annual_return"] == pytest.approx(np.prod(1 + a) ** (252 / 300) - 1)
    assert summary.loc["A", "annual_volatility"] == pytest.approx(np.std(a, ddof=1) * np.sqrt(252))
    assert summary.loc["A", "mean_return"] == pytest.approx(252 * a.mean())
    assert summary.loc["A", "standard_error"] == pytest.approx(252 * stats.sem(a))
    assert summary.loc["B", "zero_share"] == 0.1
    assert (summary.loc["A", "minimum"], summary.loc["A", "maximum"]) == (a.min(), a.max())


def test_the_page_on_data_explains_each_column_of_the_summary():
    table = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").split("## The table `asset_summary`")[1]
    explained = [name for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert explained == list(asset_summary(pd.DataFrame({"A": [0.1, 0.0, 0.2]}), periods_per_year=252))


def test_an_asset_that_never_moves_has_a_summary():
    still = asset_summary(pd.DataFrame({"A": np.zeros(9)}), periods_per_year=252).loc["A"]
    assert still["annual_return"] == 0 and still["zero_share"] == 1 and np.isnan(still["autocorrelation"])


def test_what_two_portfolios_earned_is_compounded_within_each_period_and_their_difference_has_its_error():
    days = pd.date_range("2024-01-01", periods=5)
    pair = pd.DataFrame({"ours": [0.1, 0.1, -0.5, 0.02, 0.0], "index": [0.0, 0.2, 1.0, 0.0, 0.0]}, days)
    spans = periods(days, train_end=days[1], validation_end=days[2])
    table = earned(pair, spans, periods_per_year=10)
    assert list(table.index) == ["training", "validation", "test"]
    assert table.loc["training", ["ours", "index"]].tolist() == pytest.approx([0.21, 0.2])
    assert table.loc["test", "difference"] == pytest.approx(0.1)
    assert table.loc["test", "standard_error"] == pytest.approx(10 * stats.sem([0.02, 0.0]))
    assert np.isnan(table.loc["validation", "standard_error"])  # one day has none


# -- days on which the market as a whole trades


def mixed(first: str, last: str, *, stocks=3) -> pd.DataFrame:
    """Whether each price is the day's own: one coin every day, and stocks on weekdays."""
    days = pd.date_range(first, last, name="date")
    return pd.DataFrame({"COIN": True, **{f"S{at}": days.day_of_week < 5 for at in range(stocks)}}, index=days)


def days_of(traded: pd.DataFrame, *, validation_end: str) -> list[str]:
    return rebalance_dates(traded.index, validation_end=validation_end, traded=traded).strftime("%Y-%m-%d").tolist()


def test_portfolios_of_stocks_and_a_coin_are_decided_on_the_last_day_on_which_half_of_the_assets_traded():
    assert days_of(mixed("2024-02-01", "2024-07-10"), validation_end="2024-03-31") == [  # the Friday before Easter Sunday
        "2024-03-29", "2024-04-30", "2024-05-31", "2024-06-28"]
    assert days_of(mixed("2024-02-01", "2024-07-10", stocks=1), validation_end="2024-03-31") == [  # one of two is half
        "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]


@pytest.mark.parametrize("days", [pd.bdate_range("2023-11-15", "2024-06-03"), pd.date_range("2020-01-31", periods=40, freq="ME")])
def test_without_gaps_the_rebalances_are_the_same(days):
    everything = pd.DataFrame(True, days, ["A", "B"])
    plain = rebalance_dates(days, validation_end=days[20])
    pd.testing.assert_index_equal(rebalance_dates(days, validation_end=days[20], traded=everything), plain)


def test_assets_that_ended_long_ago_shut_no_market():
    traded = mixed("2024-01-01", "2024-07-10", stocks=5)
    traded.loc["2024-03-01":, ["S0", "S1", "S2", "S3"]] = False  # of six assets two are left
    assert days_of(traded, validation_end="2024-02-28") == [
        "2024-02-28", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]


def test_a_market_shut_for_longer_than_any_holiday_is_not_waited_for():
    traded = mixed("2024-01-01", "2024-06-10")
    traded.loc["2024-03-22":"2024-03-31", ["S0", "S1", "S2"]] = False  # ten days
    assert "2024-03-21" in days_of(traded, validation_end="2024-01-31")
    traded.loc["2024-03-20":"2024-03-31", ["S0", "S1", "S2"]] = False  # twelve
    assert "2024-03-31" in days_of(traded, validation_end="2024-01-31")


def test_assets_of_which_few_trade_on_any_day_are_decided_upon_on_the_last_day_of_the_month():
    days = pd.date_range("2024-01-01", "2024-04-15")
    traded = pd.DataFrame({f"A{at}": np.arange(len(days)) % 5 == at for at in range(5)}, index=days)
    assert not open_days(traded)["2024-01-06":].any()
    assert days_of(traded, validation_end="2024-01-31") == ["2024-01-31", "2024-02-29", "2024-03-31"]


def test_what_trades_after_a_day_does_not_decide_whether_it_was_open():
    traded = pd.DataFrame(np.random.default_rng(5).random((60, 5)) < 0.4, pd.date_range("2024-01-01", periods=60))
    for last in range(1, 60):
        pd.testing.assert_series_equal(open_days(traded.iloc[:last]), open_days(traded).iloc[:last])
