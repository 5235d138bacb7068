import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import fits, forecast_schedule

DAYS = pd.bdate_range("2020-06-01", "2023-05-16", name="date", unit="us")
HOLIDAYS = ["2021-12-30", "2021-12-31", "2022-01-03", "2022-07-01"]  # so that years and quarters start late, end early
DAYS = DAYS[~DAYS.isin(pd.DatetimeIndex(HOLIDAYS))]
SPLIT = {"train_end": "2020-12-31", "validation_end": "2021-05-14"}  # the test period starts on 2021-05-17
QUARTERS = ["2021-05-14", "2021-06-30", "2021-09-30", "2021-12-29", "2022-03-31", "2022-06-30", "2022-09-30", "2022-12-30",
            "2023-03-31"]


@pytest.fixture(scope="module")
def schedule():
    return forecast_schedule(DAYS, **SPLIT)


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(11)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 2)), index=DAYS, columns=["A", "B"])


def plan_of(schedule, refit, **changes):
    return fits(DAYS, schedule, refit=refit, **(SPLIT | changes))


def span(fit) -> tuple[str, str]:
    """First and last decision of a fit."""
    return tuple(fit.schedule["decision_date"].agg(["min", "max"]).dt.strftime("%Y-%m-%d"))


def test_without_refits_one_fit_has_the_schedule_and_the_dates_as_given(schedule):
    fit, = plan_of(schedule, "never")
    pd.testing.assert_frame_equal(fit.schedule, schedule)
    assert (fit.train_end, fit.validation_end) == ("2020-12-31", "2021-05-14")


def test_yearly_fits_by_hand(schedule):
    first, second, third = plan_of(schedule, "yearly")
    assert (first.train_end, first.validation_end, span(first)) == ("2020-12-31", "2021-05-14", ("2020-12-31", "2021-12-28"))
    assert (second.validation_end, span(second)) == ("2021-12-29", ("2021-12-29", "2022-12-29"))  # no trade until 01-04
    assert (third.validation_end, span(third)) == ("2022-12-30", ("2022-12-30", "2023-05-15"))  # nothing from the last day


def test_quarterly_fits_by_hand(schedule):
    plan = plan_of(schedule, "quarterly")
    assert [fit.validation_end for fit in plan] == QUARTERS
    assert [span(fit)[0] for fit in plan] == ["2020-12-31", *QUARTERS[1:]]
    assert span(plan[-1])[1] == "2023-05-15"


def test_a_test_period_within_one_span_needs_one_fit(schedule):
    early = DAYS[DAYS <= "2021-06-30"]
    within = forecast_schedule(early, **SPLIT)
    for refit in ("yearly", "quarterly"):
        fit, = fits(early, within, refit=refit, **SPLIT)
        pd.testing.assert_frame_equal(fit.schedule, within)
        assert (fit.train_end, fit.validation_end) == tuple(SPLIT.values())


def test_a_test_period_that_starts_with_a_year_is_fitted_once_for_it():
    split = {"train_end": "2020-12-31", "validation_end": "2021-12-31"}  # no trading day; the last up to it is 12-29
    plan = fits(DAYS, forecast_schedule(DAYS, **split), refit="yearly", **split)
    assert [fit.validation_end for fit in plan] == ["2021-12-31", "2022-12-30"]


def test_a_span_of_a_single_day_has_a_fit():
    days = DAYS[DAYS <= "2021-07-01"]
    plan = fits(days, forecast_schedule(days, **SPLIT), refit="quarterly", **SPLIT)
    assert [fit.validation_end for fit in plan] == ["2021-05-14", "2021-06-30"]
    assert plan[1].schedule["target_date"].tolist() == [pd.Timestamp("2021-07-01")]


@pytest.mark.parametrize("refit", ["never", "yearly", "quarterly"])
def test_every_forecast_is_made_by_exactly_one_fit_in_order(schedule, refit):
    parts = pd.concat([fit.schedule for fit in plan_of(schedule, refit)], ignore_index=True)
    pd.testing.assert_frame_equal(parts, schedule)


@pytest.mark.parametrize("refit", ["yearly", "quarterly"])
def test_a_later_fit_serves_from_its_own_day_to_the_day_before_the_next(schedule, refit):
    plan = plan_of(schedule, refit)
    assert (plan[0].schedule["decision_date"] < plan[1].validation_end).all()
    for fit, following in zip(plan[1:], [*plan[2:], None], strict=True):
        assert span(fit)[0] == fit.validation_end
        assert following is None or (fit.schedule["decision_date"] < following.validation_end).all()
        assert fit.schedule["horizon"].max() > 10, "a fit's day is a rebalance date, with its whole month"


@pytest.mark.parametrize("refit", ["yearly", "quarterly"])
def test_validation_keeps_its_length_and_training_grows_up_to_it(schedule, refit):
    plan = plan_of(schedule, refit)
    train_ends = [fit.train_end for fit in plan]
    assert train_ends == sorted(set(train_ends))
    for fit in plan:
        validation = DAYS[(DAYS > fit.train_end) & (DAYS <= fit.validation_end)]
        assert len(validation) == ((DAYS > "2020-12-31") & (DAYS <= "2021-05-14")).sum() == 96
        assert DAYS[DAYS.get_loc(validation[0]) - 1] == pd.Timestamp(fit.train_end)


def test_a_fit_with_nothing_to_forecast_is_left_out(schedule):
    late = schedule[schedule["decision_date"] >= "2022-12-30"]
    fit, = plan_of(late, "yearly")
    assert fit.validation_end == "2022-12-30"
    pd.testing.assert_frame_equal(fit.schedule, late.reset_index(drop=True))


def autoregressions(returns, plan):
    return pd.concat([baselines.autoregression(returns, fit.schedule, train_end=fit.train_end, lags=1) for fit in plan],
                     ignore_index=True)


def test_refitted_autoregression_equals_least_squares_by_hand(returns, schedule):
    made = autoregressions(returns, plan_of(schedule, "yearly"))
    assert made[["decision_date", "target_date", "horizon"]].iloc[::2].reset_index(drop=True).equals(schedule)
    next_day = made[(made["horizon"] == 1) & (made["asset"] == "B")].set_index("decision_date")["forecast"]
    n_validation = 96
    b = returns["B"]
    for fitted, decision in [(None, "2021-12-28"), ("2021-12-29", "2021-12-29"), ("2021-12-29", "2022-12-29"),
                             ("2022-12-30", "2022-12-30"), ("2022-12-30", "2023-05-15")]:
        known = b.loc[:fitted].iloc[:-n_validation] if fitted else b.loc[:"2020-12-31"]
        slope, constant = np.polyfit(known.iloc[:-1], known.iloc[1:], 1)
        assert next_day[decision] == pytest.approx(constant + slope * b[decision], abs=1e-15)


def test_without_refits_forecasts_are_those_without_a_plan(returns, schedule):
    without = baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=1)
    pd.testing.assert_frame_equal(autoregressions(returns, plan_of(schedule, "never")), without, check_exact=True)
    assert not autoregressions(returns, plan_of(schedule, "yearly"))["forecast"].equals(without["forecast"])


# -- where stocks and a coin are held together


def mixed_market() -> pd.DataFrame:
    """Whether each price is the day's own: a coin every day, two stocks on weekdays."""
    days = pd.date_range("2020-06-01", "2022-01-20", name="date")
    return pd.DataFrame({"COIN": True, "A": days.day_of_week < 5, "B": days.day_of_week < 5}, index=days)


def test_forecasts_of_a_month_are_made_on_the_last_day_on_which_the_market_as_a_whole_traded():
    traded = mixed_market()
    split = {"train_end": "2020-12-31", "validation_end": "2021-01-31"}  # a Sunday
    made = forecast_schedule(traded.index, traded=traded, **split)
    longest = made.groupby("decision_date")["horizon"].max()
    assert longest[["2021-01-29", "2021-01-30", "2021-01-31", "2021-02-26"]].tolist() == [28, 1, 1, 33]  # to 02-26, to 03-31


def test_a_fit_ends_on_the_day_of_its_first_decision_and_learns_nothing_of_the_weekend_after():
    traded = mixed_market()
    split = {"train_end": "2020-12-31", "validation_end": "2021-01-31", "traded": traded}
    plan = fits(traded.index, forecast_schedule(traded.index, **split), refit="quarterly", **split)
    assert [fit.validation_end for fit in plan] == ["2021-01-29", "2021-03-31", "2021-06-30", "2021-09-30", "2021-12-31"]
    served = plan[0].schedule
    assert (served["decision_date"] == "2021-01-29").sum() == 28
