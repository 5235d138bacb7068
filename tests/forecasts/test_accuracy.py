import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forecast_days import DAYS, SPLIT, returns, schedule  # noqa: F401  fixtures
from scipy import stats

from forefolio.forecasts.accuracy import (METRICS, accuracy_by_asset, accuracy_table, base_rates, direction_tests,
                                          forecast_spread, lag_importance, log_accuracy_by_asset, pesaran_timmermann)
from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import errors_by_lag, forecast_schedule
from forefolio.market.returns import simple_returns

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
SPAN = {"first": DAYS[0], "last": DAYS[-1]}


def long(rows, *, model="lstm", seed=1):
    """Next-day forecasts from (target, asset, forecast)."""
    frame = pd.DataFrame(rows, columns=["target_date", "asset", "forecast"])
    targets = pd.to_datetime(frame["target_date"])
    decisions = targets - pd.Timedelta(days=1)
    return frame.assign(target_date=targets, decision_date=decisions, horizon=1, model=model, seed=seed)


def test_a_forecast_without_a_return_is_refused(returns):
    with pytest.raises(ValueError, match="forecast of Z for 2023-10-03 has no return"):
        accuracy_by_asset(long([("2023-10-03", "A", 0.0), ("2023-10-03", "Z", 0.0)]), returns, **SPAN)
    with pytest.raises(ValueError, match="forecast of A for 2030-01-01 has no return"):
        accuracy_by_asset(long([("2030-01-01", "A", 0.0)]), returns, first=DAYS[0], last="2030-12-31")


def test_a_forecast_that_is_not_a_number_is_refused(returns):
    with pytest.raises(ValueError, match="lstm forecast of A for 2023-10-03 is not a number"):
        accuracy_by_asset(long([("2023-10-03", "A", np.nan)]), returns, **SPAN)


def test_accuracy_by_hand():
    index = pd.date_range("2024-01-01", periods=6, name="date")
    returns = pd.DataFrame({"A": [0.0, 0.02, -0.01, 0.0, 0.03, -0.02]}, index=index)
    forecasts = [0.01, 0.01, 0.01, 0.01, -0.01, -0.02]  # of each day
    frame = long([(day, "A", forecast) for day, forecast in zip(index, forecasts, strict=True)])
    row = accuracy_by_asset(frame, returns, first=index[1], last=index[5]).iloc[0]
    assert row["n_days"] == 5
    assert row["mae"] == pytest.approx((0.01 + 0.02 + 0.01 + 0.04 + 0.00) / 5)
    assert row["mse"] == pytest.approx((1e-4 + 4e-4 + 1e-4 + 16e-4) / 5)
    assert row["rmse"] == pytest.approx(row["mse"] ** 0.5)
    assert row["hr"] == 2 / 4  # right, wrong, (no move), wrong, right
    assert row["hr_plus"] == 1 / 3  # a day without a move is a miss
    assert row["hr_minus"] == 1 / 2


def test_hit_ratios_of_zero_are_blank(returns, schedule):
    accuracy = accuracy_by_asset(baselines.zero(returns, schedule), returns, first=DAYS[-20], last=DAYS[-1])
    assert accuracy[["hr", "hr_plus", "hr_minus"]].isna().all(axis=None)
    assert accuracy["mae"].tolist() == pytest.approx(returns.iloc[-20:].abs().mean().tolist())
    assert accuracy["n_days"].eq(20).all()


def test_perfect_and_reversed_forecasts_hit_always_and_never(returns):
    perfect = long([(day, asset, value) for (day, asset), value in returns.stack().items()])
    span = {"first": DAYS[0], "last": DAYS[-1]}
    right = accuracy_by_asset(perfect, returns, **span)
    wrong = accuracy_by_asset(perfect.assign(forecast=-perfect["forecast"]), returns, **span)
    assert right[["hr", "hr_plus", "hr_minus"]].eq(1).all(axis=None) and right["mae"].eq(0).all()
    assert wrong[["hr", "hr_plus", "hr_minus"]].eq(0).all(axis=None)


def test_accuracy_counts_horizon_one_only(returns, schedule):
    mean = baselines.historical_mean(returns, schedule)
    spoilt = mean.assign(forecast=mean["forecast"].where(mean["horizon"] == 1, 99.0))
    span = {"first": "2024-01-01", "last": DAYS[-1]}
    assert accuracy_by_asset(mean, returns, **span).equals(accuracy_by_asset(spoilt, returns, **span))


def test_accuracy_needs_targets_between_the_days(returns, schedule):
    with pytest.raises(ValueError, match="No next-day forecast has its target from 2020-01-01 to 2020-12-31"):
        accuracy_by_asset(baselines.zero(returns, schedule), returns, first="2020-01-01", last="2020-12-31")


def test_accuracy_table_is_over_assets_after_the_mean_over_seeds():
    by_asset = pd.DataFrame({
        "model": ["lstm"] * 4 + ["zero"] * 2, "seed": [1, 1, 2, 2, 0, 0], "asset": ["A", "B"] * 3,
        **{metric: [1.0, 2.0, 3.0, 6.0, 5.0, 5.0] for metric in METRICS}, "n_days": 9})
    table = accuracy_table(by_asset)
    assert table["model"].tolist() == ["lstm", "zero"]
    assert list(table)[1:5] == ["mae_mean", "mae_std", "mse_mean", "mse_std"] and len(table.columns) == 13
    assert table["mse_mean"].tolist() == [3.0, 5.0]  # assets 2 and 4; 5 and 5
    assert table["mse_std"].tolist() == pytest.approx([2**0.5, 0.0])


def test_base_rates_are_the_hit_ratios_of_constant_forecasts(returns):
    returns = returns.mask(returns.abs() < 0.003, 0.0)
    span = {"first": DAYS[10], "last": DAYS[-1]}
    rates = base_rates(returns, **span)
    always = long([(day, asset, 0.01) for day, asset in returns.stack().index])
    up = accuracy_table(accuracy_by_asset(always, returns, **span)).iloc[0]
    down = accuracy_table(accuracy_by_asset(always.assign(forecast=-0.01), returns, **span)).iloc[0]
    assert rates["always_up_hr"] == pytest.approx(up["hr_mean"])
    assert rates["up_share"] == pytest.approx(up["hr_plus_mean"])
    assert rates["always_down_hr"] == pytest.approx(down["hr_mean"])
    assert rates["down_share"] == pytest.approx(down["hr_minus_mean"])
    assert rates[["up_share", "down_share", "zero_share"]].sum() == pytest.approx(1)


def test_a_day_without_a_return_of_its_own_is_not_judged():
    days = DAYS[:4]
    actual = pd.DataFrame({"A": [0.01, np.nan, -0.02, 0.03], "B": [0.01, 0.01, np.nan, np.nan]}, index=days)
    made = long([(day, asset, 0.01) for asset in "AB" for day in days])
    by_asset = accuracy_by_asset(made, actual, first=days[0], last=days[-1]).set_index("asset")
    assert by_asset["n_days"].tolist() == [3, 2] and by_asset["mae"].tolist() == pytest.approx([0.05 / 3, 0.0])
    rates = base_rates(actual, first=days[0], last=days[-1])
    assert rates.round(4).tolist() == [0.8333, 0.1667, 0, 0.8333, 0.1667]


def test_log_errors_by_hand():
    returns = pd.DataFrame({"A": [np.e - 1, 1 / np.e - 1]}, index=DAYS[:2])  # log returns 1 and -1
    made = long([(DAYS[0], "A", 0.0), (DAYS[1], "A", np.exp(0.5) - 1)])
    row = log_accuracy_by_asset(made, returns, first=DAYS[0], last=DAYS[1]).iloc[0]
    assert row["mae"] == pytest.approx((1 + 1.5) / 2)
    assert row["mse"] == pytest.approx((1 + 1.5**2) / 2) and row["rmse"] == pytest.approx(row["mse"] ** 0.5)
    assert row["hr"] == row["hr_plus"] == 0 and np.isnan(row["hr_minus"])


def test_errors_in_logs_leave_hit_ratios_as_they_are(returns, schedule):
    returns = returns.mask(returns.abs() < 0.002, 0.0)
    made = baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)
    span = {"first": "2024-01-01", "last": DAYS[-1]}
    simple, log = accuracy_by_asset(made, returns, **span), log_accuracy_by_asset(made, returns, **span)
    errors = ["mae", "mse", "rmse"]
    pd.testing.assert_frame_equal(simple.drop(columns=errors), log.drop(columns=errors), check_exact=True)
    assert (simple[errors] != log[errors]).all(axis=None)
    next_day = made[(made["horizon"] == 1) & (made["target_date"] > "2023-12-31") & (made["asset"] == "C")]
    expected = np.log1p(returns["C"].loc[next_day["target_date"]].to_numpy()) - np.log1p(next_day["forecast"].to_numpy())
    assert log.set_index("asset").loc["C", "mae"] == pytest.approx(np.abs(expected).mean(), rel=1e-12)


def test_an_asset_that_never_moved_counts_in_no_hit_ratio(returns):
    made = long([(day, asset, r) for day in DAYS[1:4] for asset, r in [("A", 0.01), ("B", -0.01)]])
    flat = returns.assign(B=0.0)
    still = accuracy_by_asset(made, flat, **SPAN).set_index("asset").loc["B"]
    assert still[["hr", "hr_plus", "hr_minus"]].isna().all() and still["mae"] == pytest.approx(0.01)
    span = {"first": DAYS[1], "last": DAYS[-1]}
    pd.testing.assert_series_equal(base_rates(flat, **span), base_rates(flat.drop(columns="B"), **span))


def test_what_has_no_logarithm_is_left_out_of_log_errors_alone_and_named(returns):
    ruin = long([(DAYS[1], "A", -1.0), (DAYS[2], "A", 0.01)])
    with pytest.warns(UserWarning, match="^1 forecast of -100 % or less left out .* of lstm for A on 2023-10-03"):
        log = log_accuracy_by_asset(ruin, returns, **SPAN)
    assert log["n_days"].tolist() == [1] and accuracy_by_asset(ruin, returns, **SPAN)["n_days"].tolist() == [2]


def test_pesaran_timmermann_by_hand():
    """Up forecast on 6 of 10 days, up on 5, both on 4: hits on 7, and 5 expected."""
    forecast = pd.Series([1.0] * 6 + [-1.0] * 4)
    actual = pd.Series([0.02] * 4 + [-0.01] * 2 + [0.03] + [-0.02] * 3)
    statistic, p_value = pesaran_timmermann(forecast, actual)
    of_hit, of_expected = 0.5 * 0.5 / 10, 0.2**2 * 0.25 / 10 + 4 * 0.24 * 0.25 / 100
    assert statistic == pytest.approx(0.2 / (of_hit - of_expected) ** 0.5) and statistic == pytest.approx(1.3608, abs=1e-4)
    assert p_value == pytest.approx(0.08678, abs=1e-5)
    worse, p_worse = pesaran_timmermann(-forecast, actual)
    assert worse == pytest.approx(-statistic) and p_worse == pytest.approx(1 - p_value)


def test_pesaran_timmermann_is_the_correlation_of_signs():
    rng = np.random.default_rng(3)
    forecast, actual = pd.Series(rng.normal(0.5, 1, 80)), pd.Series(rng.normal(-0.3, 1, 80))
    correlation = np.corrcoef(forecast > 0, actual > 0)[0, 1]
    assert pesaran_timmermann(forecast, actual)[0] == pytest.approx(correlation * 80 / 79**0.5)
    assert np.isnan(pesaran_timmermann(forecast.abs(), actual)).all()
    assert np.isnan(pesaran_timmermann(forecast, -actual.abs())).all()


def test_direction_by_hand():
    """A: right, right, wrong, right. B always up: no direction. A day without a move counts for nothing."""
    days = DAYS[:5]
    returns = pd.DataFrame({"A": [0.01, -0.01, -0.02, 0.01, 0.0], "B": [0.01, -0.01, 0.01, 0.01, 0.01]}, index=days)
    said = {"A": [0.1, -0.1, 0.1, 0.1, -0.1], "B": [0.1] * 5}
    frame = long([(day, asset, said[asset][i]) for asset in "AB" for i, day in enumerate(days)])
    row = direction_tests(frame, returns, first=days[0], last=days[-1]).iloc[0]
    assert row["n_days"] == 5 and row["hit_ratio"] == pytest.approx((3 + 4) / 9)
    assert row["expected_hit_ratio"] == pytest.approx((4 * (0.75 * 0.5 + 0.25 * 0.5) + 5 * 0.8) / 9)
    of_a = np.array([2 * 0.25 * 0.5, 2 * 0.75 * 0.5, -2 * 0.25 * 0.5, 2 * 0.25 * 0.5, 0])
    daily = of_a / [2, 2, 2, 2, 1]  # the mean with B, whose are 0
    expected = stats.ttest_1samp(daily, 0, alternative="greater")
    assert (row["statistic"], row["p_value"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert row["significant_assets"] == 0  # A's statistic is 1.54, its p-value 0.12; B has none


def test_models_without_direction_have_no_test_of_it(returns, schedule):
    zero = baselines.zero(returns, schedule)
    up = zero.assign(model="up", forecast=0.01)
    table = direction_tests(pd.concat([zero, up]), returns, **SPAN).set_index("model")
    assert table.loc["zero", ["hit_ratio", "expected_hit_ratio"]].isna().all() and table.loc["zero", "n_days"] == 0
    assert table.loc["up", "hit_ratio"] == pytest.approx(table.loc["up", "expected_hit_ratio"])
    assert table.loc["up", "n_days"] > 0
    assert table[["statistic", "p_value", "significant_assets"]].isna().all(axis=None)


def test_perfect_direction_is_found_in_every_asset_and_the_mean_over_seeds_is_judged(returns):
    perfect = long([(day, asset, value) for (day, asset), value in returns.stack().items()])
    doubted = pd.concat([perfect, perfect.assign(seed=2, forecast=-0.5 * perfect["forecast"])])  # on average still right
    for frame in (perfect, doubted):
        row = direction_tests(frame, returns, **SPAN).iloc[0]
        assert row["hit_ratio"] == 1 and row["p_value"] < 1e-10 and row["significant_assets"] == 1
    row = direction_tests(perfect.assign(forecast=-perfect["forecast"]), returns, **SPAN).iloc[0]
    assert row["hit_ratio"] == 0 and row["p_value"] > 1 - 1e-10 and row["significant_assets"] == 0


def test_direction_without_skill_is_rejected_as_often_as_the_level_says():
    """Forecasts and returns each move together across assets, and are independent; each model has days of its own."""
    rng = np.random.default_rng(11)
    n_models, n_days, n_assets = 400, 60, 10
    days = pd.date_range("1960-01-01", periods=n_models * n_days)
    actual, made = (level + rng.normal(size=(len(days), 1)) + 0.5 * rng.normal(size=(len(days), n_assets))
                    for level in (0.3, 0.5))  # both are mostly up
    names = [f"A{i}" for i in range(n_assets)]
    frame = pd.MultiIndex.from_product([days, names], names=["target_date", "asset"]).to_frame(index=False)
    frame = frame.assign(model=np.repeat(range(n_models), n_days * n_assets), seed=0, horizon=1, forecast=made.ravel())
    table = direction_tests(frame, pd.DataFrame(actual, days, names), first=days[0], last=days[-1])
    pooled = [pesaran_timmermann(pd.Series(x.ravel()), pd.Series(y.ravel()))[1]
              for x, y in zip(np.split(made, n_models), np.split(actual, n_models), strict=True)]
    assert len(table) == n_models and (table["p_value"] < 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert (np.array(pooled) < 0.05).mean() > 0.15
    assert table["significant_assets"].mean() == pytest.approx(0.05, abs=0.02)


def test_spread_of_forecasts_by_hand():
    days = pd.bdate_range("2024-01-01", periods=6)
    rows = [(0, 1, 0.01), (0, 2, 0.03), (0, 3, 0.05), (1, 2, 0.02), (2, 3, 0.04),
            (3, 4, 0.01), (3, 5, 0.01), (4, 5, 0.03)]
    made = pd.DataFrame([(days[a], days[b], b - a, forecast) for a, b, forecast in rows],
                        columns=["decision_date", "target_date", "horizon", "forecast"])
    made = made.assign(asset="A", model="lstm", seed=1)
    flat = made.assign(model="flat", forecast=0.01)
    early = made.iloc[:1].assign(decision_date="2023-12-29", target_date=days[0], forecast=9.0)  # of no month
    early["decision_date"] = pd.to_datetime(early["decision_date"])
    returns = pd.DataFrame({"A": [0.0, 0.01, 0.02, 0.06, -0.01, 0.03]}, index=days)
    seeds = pd.concat([early, made, made.assign(seed=2, forecast=made["forecast"] + 0.02), flat])
    table = forecast_spread(seeds, returns)
    assert list(table) == ["model", "deviation_next_day", "deviation_month", "actual_deviation"]
    table = table.set_index("model")
    actual = (np.std([0.01, 0.02, 0.06], ddof=1) + np.std([-0.01, 0.03], ddof=1)) / 2
    next_day = np.std([0.01, 0.02, 0.04, 0.01, 0.03], ddof=1)
    assert table.loc["lstm"].tolist() == pytest.approx([next_day, (0.02 + 0) / 2, actual])
    assert table.loc["flat"].tolist() == pytest.approx([0, 0, actual])
    assert forecast_spread(made[made["horizon"] == 1].iloc[1:3], returns).empty


@pytest.fixture(scope="module")
def vietnam():
    """Simple returns of the 55 stocks with complete histories, and the zero forecast."""
    prices = pd.read_csv(Path(MARKETS) / "vn100_prices.csv", index_col="date", parse_dates=True)
    kept = prices.loc[:, (prices.loc[:"2022-12-31"] > 0).all()]
    assert kept.shape[1] == 55 and (kept > 0).all(axis=None)
    returns = simple_returns(kept)
    schedule = forecast_schedule(returns.index, train_end="2021-12-31", validation_end="2022-12-31")
    return returns, baselines.zero(returns, schedule)


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
@pytest.mark.parametrize(("errors_of", "mae", "mse", "rmse"), [
    (log_accuracy_by_asset, 0.01386, 4.01e-4, 0.0195), (accuracy_by_asset, 0.01387, 4.02e-4, 0.01955)])
def test_the_zero_forecast_of_the_vietnamese_market_has_the_known_errors(vietnam, errors_of, mae, mse, rmse):
    returns, zero = vietnam
    table = accuracy_table(errors_of(zero, returns, first="2023-01-01", last="2024-12-31")).iloc[0]
    assert table["mae_mean"] == pytest.approx(mae, abs=5e-6)
    assert table["mse_mean"] == pytest.approx(mse, abs=5e-7)
    assert table["rmse_mean"] == pytest.approx(rmse, abs=5e-5)


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_the_vietnamese_market_has_the_known_base_rates(vietnam):
    returns, _ = vietnam
    rates = base_rates(returns, first="2023-01-01", last="2024-12-31")
    assert rates[["always_up_hr", "up_share", "zero_share"]].round(3).tolist() == [0.501, 0.459, 0.084]


def test_what_was_added_to_log_forecasts_is_taken_off_before_they_are_judged_in_logs():
    """A log forecast that is right every day has no error in logs, whatever made it a mean simple return."""
    days = pd.date_range("2024-01-01", periods=4)
    logs = pd.DataFrame({"A": [0.01, -0.02, 0.03, 0.0]}, days)
    made = pd.DataFrame({"decision_date": days[:3], "target_date": days[1:], "horizon": 1, "asset": "A", "model": "lstm",
                         "seed": 0, "forecast": np.expm1(logs["A"].to_numpy()[1:] + 0.002)}, index=[5, 7, 9])
    span = {"first": days[0], "last": days[-1]}
    plain, adjusted = (log_accuracy_by_asset(made, np.expm1(logs), added=added, **span)["mae"].item()
                       for added in (0.0, pd.Series(0.002, made.index)))
    assert plain == pytest.approx(0.002) and adjusted == pytest.approx(0, abs=1e-15)


# ------------------------------------------------------------------------------------------------- what a forecast rests on
def test_only_the_days_that_a_forecast_reads_cost_accuracy_when_they_are_shuffled():
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.normal(size=(300, 2)), pd.bdate_range("2021-01-01", periods=300), ["A", "B"])
    for day in range(2, 300):
        values.iloc[day] += 0.8 * values.iloc[day - 2]
    errors = errors_by_lag(values, lambda read: 0.8 * read[:, -2], window=4, targets=values.index[100:], seed=1)
    mse = errors.pivot(index="lag", columns="asset", values="mse")
    assert errors["n_days"].unique().tolist() == [200] and mse.index.tolist() == [0, 1, 2, 3, 4]
    assert (mse.loc[[1, 3, 4]] == mse.loc[0]).all(axis=None) and (mse.loc[2] > 1.3 * mse.loc[0]).all()
    pd.testing.assert_frame_equal(errors, errors_by_lag(values, lambda read: 0.8 * read[:, -2], window=4,
                                                        targets=values.index[100:], seed=1))


def test_targets_without_a_window_are_left_out_and_none_leave_an_empty_table():
    values = pd.DataFrame({"A": np.arange(5.0)}, pd.bdate_range("2021-01-01", periods=5))
    some = errors_by_lag(values, lambda read: read[:, -1], window=3, targets=values.index, seed=1)
    assert some["n_days"].unique().tolist() == [2]
    none = errors_by_lag(values, lambda read: read[:, -1], window=3, targets=values.index[:2], seed=1)
    assert none.empty and list(none) == list(some)
    assert lag_importance(none.assign(model="lstm", seed=1)).empty


def test_fits_and_seeds_are_averaged_by_their_days_before_a_lag_is_judged():
    rows = [("A", 0, 1.0, 30), ("A", 0, 3.0, 10), ("A", 1, 2.0, 30), ("A", 1, 4.0, 10), ("B", 0, 1.0, 40), ("B", 1, 1.0, 40)]
    lags = pd.DataFrame(rows, columns=["asset", "lag", "mse", "n_days"]).assign(model="lstm", seed=7)
    table = lag_importance(lags)
    assert table["lag"].tolist() == [1]
    assert table["loss"].tolist() == pytest.approx([(2.5 / 1.5 - 1) / 2]), "A's errors are 1.5 and 2.5 over both fits; B's stay"


def test_an_asset_that_never_errs_has_no_loss():
    lags = pd.DataFrame({"model": "lstm", "seed": 1, "asset": ["A", "A"], "lag": [0, 1], "mse": 0.0, "n_days": 3})
    assert lag_importance(lags).empty
