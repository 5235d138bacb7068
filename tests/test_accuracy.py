import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio import accuracy as subject
from forefolio import forecasts as models
from forefolio.returns import simple_returns

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
DAYS = pd.bdate_range("2023-10-02", "2024-02-15", name="date", unit="us")
SPLIT = {"train_end": "2023-11-30", "validation_end": "2023-12-31"}
SPAN = {"first": DAYS[0], "last": DAYS[-1]}


@pytest.fixture
def returns():
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 3)), index=DAYS, columns=["A", "B", "C"])


@pytest.fixture
def schedule():
    return models.schedule(DAYS, **SPLIT)


def long(rows, *, model="lstm", seed=1):
    """Next-day forecasts from (target, asset, forecast)."""
    frame = pd.DataFrame(rows, columns=["target_date", "asset", "forecast"])
    targets = pd.to_datetime(frame["target_date"])
    decisions = targets - pd.Timedelta(days=1)
    return frame.assign(target_date=targets, decision_date=decisions, horizon=1, model=model, seed=seed)


def test_a_forecast_without_a_return_is_refused(returns):
    with pytest.raises(ValueError, match="forecast of Z for 2023-10-03 has no return"):
        subject.accuracy_by_asset(long([("2023-10-03", "A", 0.0), ("2023-10-03", "Z", 0.0)]), returns, **SPAN)
    with pytest.raises(ValueError, match="forecast of A for 2030-01-01 has no return"):
        subject.accuracy_by_asset(long([("2030-01-01", "A", 0.0)]), returns, first=DAYS[0], last="2030-12-31")


def test_a_forecast_that_is_not_a_number_is_refused(returns):
    with pytest.raises(ValueError, match="lstm forecast of A for 2023-10-03 is not a number"):
        subject.accuracy_by_asset(long([("2023-10-03", "A", np.nan)]), returns, **SPAN)


def test_accuracy_by_hand():
    index = pd.date_range("2024-01-01", periods=6, name="date")
    returns = pd.DataFrame({"A": [0.0, 0.02, -0.01, 0.0, 0.03, -0.02]}, index=index)
    forecasts = [0.01, 0.01, 0.01, 0.01, -0.01, -0.02]  # of each day
    frame = long([(day, "A", forecast) for day, forecast in zip(index, forecasts, strict=True)])
    row = subject.accuracy_by_asset(frame, returns, first=index[1], last=index[5]).iloc[0]
    assert row["n_days"] == 5
    assert row["mae"] == pytest.approx((0.01 + 0.02 + 0.01 + 0.04 + 0.00) / 5)
    assert row["mse"] == pytest.approx((1e-4 + 4e-4 + 1e-4 + 16e-4) / 5)
    assert row["rmse"] == pytest.approx(row["mse"] ** 0.5)
    assert row["hr"] == 2 / 4  # right, wrong, (no move), wrong, right
    assert row["hr_plus"] == 1 / 3  # a day without a move is a miss
    assert row["hr_minus"] == 1 / 2


def test_hit_ratios_of_zero_are_blank(returns, schedule):
    accuracy = subject.accuracy_by_asset(models.zero(returns, schedule), returns, first=DAYS[-20], last=DAYS[-1])
    assert accuracy[["hr", "hr_plus", "hr_minus"]].isna().all(axis=None)
    assert accuracy["mae"].tolist() == pytest.approx(returns.iloc[-20:].abs().mean().tolist())
    assert accuracy["n_days"].eq(20).all()


def test_perfect_and_reversed_forecasts_hit_always_and_never(returns):
    perfect = long([(day, asset, value) for (day, asset), value in returns.stack().items()])
    span = {"first": DAYS[0], "last": DAYS[-1]}
    right = subject.accuracy_by_asset(perfect, returns, **span)
    wrong = subject.accuracy_by_asset(perfect.assign(forecast=-perfect["forecast"]), returns, **span)
    assert right[["hr", "hr_plus", "hr_minus"]].eq(1).all(axis=None) and right["mae"].eq(0).all()
    assert wrong[["hr", "hr_plus", "hr_minus"]].eq(0).all(axis=None)


def test_accuracy_counts_horizon_one_only(returns, schedule):
    mean = models.historical_mean(returns, schedule)
    spoilt = mean.assign(forecast=mean["forecast"].where(mean["horizon"] == 1, 99.0))
    span = {"first": "2024-01-01", "last": DAYS[-1]}
    assert subject.accuracy_by_asset(mean, returns, **span).equals(subject.accuracy_by_asset(spoilt, returns, **span))


def test_accuracy_needs_targets_between_the_days(returns, schedule):
    with pytest.raises(ValueError, match="No next-day forecast has its target from 2020-01-01 to 2020-12-31"):
        subject.accuracy_by_asset(models.zero(returns, schedule), returns, first="2020-01-01", last="2020-12-31")


def test_accuracy_table_is_over_assets_after_the_mean_over_seeds():
    by_asset = pd.DataFrame({
        "model": ["lstm"] * 4 + ["zero"] * 2, "seed": [1, 1, 2, 2, 0, 0], "asset": ["A", "B"] * 3,
        **{metric: [1.0, 2.0, 3.0, 6.0, 5.0, 5.0] for metric in subject.METRICS}, "n_days": 9})
    table = subject.accuracy_table(by_asset)
    assert table["model"].tolist() == ["lstm", "zero"]
    assert list(table)[1:5] == ["mae_mean", "mae_std", "mse_mean", "mse_std"] and len(table.columns) == 13
    assert table["mse_mean"].tolist() == [3.0, 5.0]  # assets 2 and 4; 5 and 5
    assert table["mse_std"].tolist() == pytest.approx([2**0.5, 0.0])


def test_base_rates_are_the_hit_ratios_of_constant_forecasts(returns):
    returns = returns.mask(returns.abs() < 0.003, 0.0)
    span = {"first": DAYS[10], "last": DAYS[-1]}
    rates = subject.base_rates(returns, **span)
    always = long([(day, asset, 0.01) for day, asset in returns.stack().index])
    up = subject.accuracy_table(subject.accuracy_by_asset(always, returns, **span)).iloc[0]
    down = subject.accuracy_table(subject.accuracy_by_asset(always.assign(forecast=-0.01), returns, **span)).iloc[0]
    assert rates["always_up_hr"] == pytest.approx(up["hr_mean"])
    assert rates["up_share"] == pytest.approx(up["hr_plus_mean"])
    assert rates["always_down_hr"] == pytest.approx(down["hr_mean"])
    assert rates["down_share"] == pytest.approx(down["hr_minus_mean"])
    assert rates[["up_share", "down_share", "zero_share"]].sum() == pytest.approx(1)


def test_a_day_without_a_return_of_its_own_is_not_judged():
    days = DAYS[:4]
    actual = pd.DataFrame({"A": [0.01, np.nan, -0.02, 0.03], "B": [0.01, 0.01, np.nan, np.nan]}, index=days)
    made = long([(day, asset, 0.01) for asset in "AB" for day in days])
    by_asset = subject.accuracy_by_asset(made, actual, first=days[0], last=days[-1]).set_index("asset")
    assert by_asset["n_days"].tolist() == [3, 2] and by_asset["mae"].tolist() == pytest.approx([0.05 / 3, 0.0])
    rates = subject.base_rates(actual, first=days[0], last=days[-1])
    assert rates.round(4).tolist() == [0.8333, 0.1667, 0, 0.8333, 0.1667]


def test_log_errors_by_hand():
    returns = pd.DataFrame({"A": [np.e - 1, 1 / np.e - 1]}, index=DAYS[:2])  # log returns 1 and -1
    made = long([(DAYS[0], "A", 0.0), (DAYS[1], "A", np.exp(0.5) - 1)])
    row = subject.log_accuracy_by_asset(made, returns, first=DAYS[0], last=DAYS[1]).iloc[0]
    assert row["mae"] == pytest.approx((1 + 1.5) / 2)
    assert row["mse"] == pytest.approx((1 + 1.5**2) / 2) and row["rmse"] == pytest.approx(row["mse"] ** 0.5)
    assert row["hr"] == row["hr_plus"] == 0 and np.isnan(row["hr_minus"])


def test_errors_in_logs_leave_hit_ratios_as_they_are(returns, schedule):
    returns = returns.mask(returns.abs() < 0.002, 0.0)
    made = models.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)
    span = {"first": "2024-01-01", "last": DAYS[-1]}
    simple, log = subject.accuracy_by_asset(made, returns, **span), subject.log_accuracy_by_asset(made, returns, **span)
    errors = ["mae", "mse", "rmse"]
    pd.testing.assert_frame_equal(simple.drop(columns=errors), log.drop(columns=errors), check_exact=True)
    assert (simple[errors] != log[errors]).all(axis=None)
    next_day = made[(made["horizon"] == 1) & (made["target_date"] > "2023-12-31") & (made["asset"] == "C")]
    expected = np.log1p(returns["C"].loc[next_day["target_date"]].to_numpy()) - np.log1p(next_day["forecast"].to_numpy())
    assert log.set_index("asset").loc["C", "mae"] == pytest.approx(np.abs(expected).mean(), rel=1e-12)


def test_what_has_no_logarithm_is_refused_by_name(returns):
    ruin = long([(DAYS[1], "A", -1.0)])
    with pytest.raises(ValueError, match="lstm forecast of A for 2023-10-03 is -100 % or less"):
        subject.log_accuracy_by_asset(ruin, returns, **SPAN)
    assert len(subject.accuracy_by_asset(ruin, returns, **SPAN)) == 1
    lost = returns.copy()
    lost.loc[DAYS[2], "B"] = -1.0
    with pytest.raises(ValueError, match="return of B on 2023-10-04 is -100 % or less"):
        subject.log_accuracy_by_asset(long([(DAYS[1], "A", 0.0)]), lost, **SPAN)


@pytest.fixture(scope="module")
def vietnam():
    """Simple returns of the 55 stocks with complete histories, and the zero forecast."""
    prices = pd.read_csv(Path(MARKETS) / "vn100_prices.csv", index_col="date", parse_dates=True)
    kept = prices.loc[:, (prices.loc[:"2022-12-31"] > 0).all()]
    assert kept.shape[1] == 55 and (kept > 0).all(axis=None)
    returns = simple_returns(kept)
    schedule = models.schedule(returns.index, train_end="2021-12-31", validation_end="2022-12-31")
    return returns, models.zero(returns, schedule)


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
@pytest.mark.parametrize(("errors_of", "mae", "mse", "rmse"), [
    (subject.log_accuracy_by_asset, 0.01386, 4.01e-4, 0.0195), (subject.accuracy_by_asset, 0.01387, 4.02e-4, 0.01955)])
def test_the_zero_forecast_of_the_vietnamese_market_has_the_known_errors(vietnam, errors_of, mae, mse, rmse):
    returns, zero = vietnam
    table = subject.accuracy_table(errors_of(zero, returns, first="2023-01-01", last="2024-12-31")).iloc[0]
    assert table["mae_mean"] == pytest.approx(mae, abs=5e-6)
    assert table["mse_mean"] == pytest.approx(mse, abs=5e-7)
    assert table["rmse_mean"] == pytest.approx(rmse, abs=5e-5)


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_the_vietnamese_market_has_the_known_base_rates(vietnam):
    returns, _ = vietnam
    rates = subject.base_rates(returns, first="2023-01-01", last="2024-12-31")
    assert rates[["always_up_hr", "up_share", "zero_share"]].round(3).tolist() == [0.501, 0.459, 0.084]
