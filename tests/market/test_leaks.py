"""Mistakes on purpose: what each changes of a market, by hand, and that nothing changes without one."""

import numpy as np
import pandas as pd
import pytest

from forefolio.market import leaks
from forefolio.study.vocabulary import LEAKS

DAYS = pd.date_range("2024-01-01", periods=12, name="date")
END = "2024-01-08"  # of validation: four days of test


@pytest.fixture
def market() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns of five assets, and a frame of trading with the day before them."""
    returns = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (12, 5)), DAYS, list("ABCDE"))
    before = DAYS[:1] - pd.Timedelta(days=1)
    return returns, pd.DataFrame(True, before.append(DAYS), returns.columns)


def held(market: tuple[pd.DataFrame, pd.DataFrame], leak: str) -> str:
    returns, traded = leaks.held(*market, leak=leak, validation_end=END)
    assert list(returns) == list(traded) and returns.index.equals(market[0].index) and traded.index.equals(market[1].index)
    return "".join(returns)


@pytest.mark.parametrize("leak", [leak for leak in LEAKS if leak not in leaks.CHOSEN])
def test_every_asset_may_be_held_unless_the_leak_is_in_the_universe(market, leak):
    assert held(market, leak) == "ABCDE"


def test_winners_are_the_half_that_grows_most_in_the_test_period_whatever_came_before(market):
    returns, traded = market
    returns.loc[END:, "B"], returns.loc[END:, "D"], returns.loc[END:, "E"] = 0.05, 0.04, 0.03
    assert held(market, "winners_universe") == "BDE"
    returns.loc[:END, "A"] = 0.5
    assert held(market, "winners_universe") == "BDE"
    assert held((returns[["A", "B", "D", "E"]], traded[["A", "B", "D", "E"]]), "winners_universe") == "BD"


def test_survivors_miss_no_day_of_the_test_period_on_which_the_market_trades(market):
    returns, traded = market
    traded.loc["2024-01-05", "A"] = False  # before the test period
    traded.loc["2024-01-10", "B"] = False  # suspended
    traded.loc["2024-01-11":, "D"] = False  # delisted
    traded.loc["2024-01-12", ["A", "B", "C", "D"]] = False  # a holiday of all but one
    assert held(market, "survivors_only") == "ACE"


def test_a_universe_of_one_is_refused_in_one_sentence(market):
    for day, asset in zip(DAYS[-4:], "ABCD"):
        market[1].loc[day, asset] = False
    with pytest.raises(ValueError, match="leak: survivors_only leaves 1 of 5 assets, and at least two are needed"):
        held(market, "survivors_only")


@pytest.mark.parametrize("leak", LEAKS)
def test_decisions_see_the_next_day_s_returns_with_peek_one_day_alone(market, leak):
    returns = market[0]
    seen = leaks.seen(returns, leak=leak)
    assert seen.index.equals(returns.index)
    if leak == "peek_one_day":
        assert np.array_equal(seen[:-1], returns[1:]) and (seen.iloc[-1] == 0).all()
    else:
        assert seen is returns


def test_what_is_asked_a_day_later_is_answered_under_the_day_before(market):
    schedule = pd.DataFrame({"decision_date": DAYS[[3, 4, 4, 10]], "target_date": DAYS[[4, 5, 6, 11]], "horizon": [1, 1, 2, 1]})
    asked = leaks.asked(schedule, DAYS, leak="peek_one_day")
    assert list(asked["decision_date"]) == list(DAYS[[4, 5, 5, 11]]) and list(asked["horizon"]) == [1, 1, 2, 1]
    answer = asked.assign(asset="A", model="ar", forecast=0.0)
    pd.testing.assert_frame_equal(leaks.answered(answer, market[0], leak="peek_one_day")[list(schedule)], schedule)
    assert leaks.asked(schedule, DAYS, leak="none") is schedule and leaks.answered(answer, market[0], leak="none") is answer


def test_the_share_of_test_days_that_are_trained_on_is_that_of_the_printed_slices():
    n_days = 1093  # the paper's rows: training [:0.8 n], test [0.2 n:]
    first, last = round(0.2 * n_days), int(0.8 * n_days)
    assert leaks.OVERLAP == pytest.approx((last - first) / (n_days - first), abs=0.001)
    days = pd.date_range("2020-01-01", periods=n_days)
    moved = leaks.training_days(days, leak="printed_split", validation_end=days[first - 1])
    assert moved["fitted_until"] == moved["scaled_until"] == f"{days[last - 1]:%Y-%m-%d}"


@pytest.mark.parametrize("leak", LEAKS)
def test_training_days_move_with_the_leaks_that_act_on_training_alone(leak):
    moved = leaks.training_days(DAYS, leak=leak, validation_end=END)
    assert (moved != {"fitted_until": None, "scaled_until": None}) == LEAKS[leak].trains
    if leak == "scaler_sees_test":
        assert moved == {"fitted_until": None, "scaled_until": "2024-01-12"}
