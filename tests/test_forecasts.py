import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio import forecasts as subject
from forefolio.returns import simple_returns

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
DAYS = pd.bdate_range("2023-10-02", "2024-02-15", name="date", unit="us")
SPLIT = {"train_end": "2023-11-30", "validation_end": "2023-12-31"}


@pytest.fixture
def returns():
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 3)), index=DAYS, columns=["A", "B", "C"])


@pytest.fixture
def schedule():
    return subject.schedule(DAYS, **SPLIT)


def long(rows, *, model="lstm", seed=1):
    """Next-day forecasts from (target, asset, forecast)."""
    frame = pd.DataFrame(rows, columns=["target_date", "asset", "forecast"])
    targets = pd.to_datetime(frame["target_date"])
    decisions = targets - pd.Timedelta(days=1)
    return frame.assign(target_date=targets, decision_date=decisions, horizon=1, model=model, seed=seed)


def test_horizon_one_fills_validation_and_test(schedule):
    next_day = schedule[schedule["horizon"] == 1]
    assert next_day["decision_date"].iloc[0] == pd.Timestamp("2023-11-30")
    assert next_day["target_date"].tolist() == DAYS[DAYS > "2023-11-30"].tolist()


def test_each_rebalance_forecasts_every_day_up_to_the_next(schedule):
    longer = schedule[schedule["horizon"] > 1].groupby("decision_date")
    assert longer.groups.keys() == {pd.Timestamp("2023-12-29"), pd.Timestamp("2024-01-31")}
    december = longer.get_group(pd.Timestamp("2023-12-29"))
    assert december["target_date"].tolist() == DAYS[(DAYS > "2024-01-01") & (DAYS <= "2024-01-31")].tolist()
    assert december["horizon"].tolist() == list(range(2, 24))
    assert longer.get_group(pd.Timestamp("2024-01-31"))["target_date"].max() == DAYS[-1]


def test_a_target_lies_its_horizon_after_the_decision(schedule):
    steps = DAYS.get_indexer(schedule["target_date"]) - DAYS.get_indexer(schedule["decision_date"])
    assert (steps == schedule["horizon"]).all() and (steps >= 1).all()
    assert not schedule.duplicated(["decision_date", "horizon"]).any()


def test_a_schedule_needs_a_return_before_train_end():
    with pytest.raises(ValueError, match="No return lies up to train_end 2023-09-29"):
        subject.schedule(DAYS, train_end="2023-09-29", validation_end="2023-12-31")


def test_windows_belong_to_the_period_of_their_target():
    counts = subject.window_counts(DAYS, lookback=30, **SPLIT).set_index("period")
    assert counts.loc["training", "first_target"] == DAYS[30]
    assert counts.loc["validation", "first_target"] == pd.Timestamp("2023-12-01")  # its window ends in training
    assert counts["n_samples"].sum() == len(DAYS) - 30
    with pytest.raises(ValueError, match="training period is empty"):
        subject.window_counts(DAYS, lookback=44, **SPLIT)


def test_frames_have_the_agreed_columns_and_a_row_for_each_asset(returns, schedule):
    for frame in (subject.zero(returns, schedule), subject.historical_mean(returns, schedule),
                  subject.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)):
        assert list(frame) == ["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]
        assert len(frame) == 3 * len(schedule) and frame.index.equals(pd.RangeIndex(len(frame)))
        assert not frame.duplicated(["decision_date", "horizon", "asset"]).any()
        assert (frame["decision_date"] < frame["target_date"]).all() and frame["seed"].eq(0).all()


def test_zero_forecasts_nothing(returns, schedule):
    assert subject.zero(returns, schedule)["forecast"].eq(0).all()


def test_the_mean_is_of_all_returns_up_to_the_decision(returns, schedule):
    frame = subject.historical_mean(returns, schedule)
    for row in frame.sample(20, random_state=1).itertuples():
        assert row.forecast == pytest.approx(returns.loc[:row.decision_date, row.asset].mean(), abs=1e-15)
    assert frame.groupby(["decision_date", "asset"])["forecast"].nunique().eq(1).all()


def test_autoregression_equals_least_squares_fed_with_its_own_forecasts(returns, schedule):
    frame = subject.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)
    b = returns["B"].to_numpy()
    n_train = (DAYS <= SPLIT["train_end"]).sum()
    lagged = np.column_stack([np.ones(n_train - 2), b[1:n_train - 1], b[:n_train - 2]])
    c, newest, older = np.linalg.lstsq(lagged, b[2:n_train], rcond=None)[0]
    t = DAYS.get_loc("2023-12-29")
    one = c + newest * b[t] + older * b[t - 1]
    two = c + newest * one + older * b[t]
    three = c + newest * two + older * one
    ours = frame[(frame["asset"] == "B") & (frame["decision_date"] == "2023-12-29")].sort_values("horizon")["forecast"]
    assert ours.head(3).tolist() == pytest.approx([one, two, three], abs=1e-12)


def test_autoregression_equals_statsmodels_prediction_at_the_end_of_training(returns, schedule):
    from statsmodels.tsa.ar_model import AutoReg

    training = returns.loc[:SPLIT["train_end"], "A"].to_numpy()
    theirs = AutoReg(training, 3, trend="c").fit().forecast(1)[0]
    ours = subject.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=3)
    assert ours.loc[ours["asset"] == "A", "forecast"].iloc[0] == pytest.approx(theirs, abs=1e-14)


def test_autoregression_of_an_asset_that_never_moves_is_zero(returns, schedule):
    frame = subject.autoregression(returns.assign(B=0.0), schedule, train_end=SPLIT["train_end"], lags=2)
    assert frame.loc[frame["asset"] == "B", "forecast"].abs().max() == 0


@pytest.mark.parametrize("lags", [0, 22])
def test_autoregression_refuses_lags_that_do_not_fit(returns, schedule, lags):
    with pytest.raises(ValueError, match=f"autoregression on {lags} lags .* there are 44 days"):
        subject.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=lags)


def test_returns_after_a_decision_change_no_forecast_made_before(returns, schedule):
    noisy = returns.copy()
    noisy.loc["2024-01-15":] = 1.0
    for forecast, options in ((subject.historical_mean, {}),
                              (subject.autoregression, {"train_end": SPLIT["train_end"], "lags": 2})):
        before, after = forecast(returns, schedule, **options), forecast(noisy, schedule, **options)
        known = before["decision_date"] < "2024-01-15"
        assert before[known].equals(after[known])
        assert not before.equals(after)


def test_permuted_assets_permute_forecasts(returns, schedule):
    ours, theirs = (subject.autoregression(frame, schedule, train_end=SPLIT["train_end"], lags=2)
                    .sort_values(["asset", "decision_date", "horizon"], ignore_index=True)
                    for frame in (returns, returns[["C", "A", "B"]]))
    pd.testing.assert_frame_equal(ours, theirs)


def test_residuals_are_by_name_and_of_the_mean_over_seeds():
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="date")
    returns = pd.DataFrame({"A": [0.01, 0.02], "B": [0.03, 0.04]}, index=index)
    forecasts = pd.concat([long([("2024-01-03", "B", 0.01), ("2024-01-03", "A", 0.00)], seed=1),
                           long([("2024-01-03", "A", 0.02), ("2024-01-03", "B", 0.03)], seed=2),
                           long([("2024-01-03", "A", 9.00)]).assign(horizon=2)])
    residuals = subject.residuals(forecasts, returns)
    assert list(residuals) == ["target_date", "asset", "model", "residual"]
    assert residuals.set_index("asset")["residual"].to_dict() == pytest.approx({"A": 0.01, "B": 0.02})


def test_a_forecast_without_a_return_is_refused(returns):
    with pytest.raises(ValueError, match="forecast of Z for 2023-10-03 has no return"):
        subject.residuals(long([("2023-10-03", "A", 0.0), ("2023-10-03", "Z", 0.0)]), returns)
    with pytest.raises(ValueError, match="forecast of A for 2030-01-01 has no return"):
        subject.residuals(long([("2030-01-01", "A", 0.0)]), returns)


def test_a_forecast_that_is_not_a_number_is_refused(returns):
    with pytest.raises(ValueError, match="lstm forecast of A for 2023-10-03 is not a number"):
        subject.residuals(long([("2023-10-03", "A", np.nan)]), returns)


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
    accuracy = subject.accuracy_by_asset(subject.zero(returns, schedule), returns, first=DAYS[-20], last=DAYS[-1])
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
    mean = subject.historical_mean(returns, schedule)
    spoilt = mean.assign(forecast=mean["forecast"].where(mean["horizon"] == 1, 99.0))
    span = {"first": "2024-01-01", "last": DAYS[-1]}
    assert subject.accuracy_by_asset(mean, returns, **span).equals(subject.accuracy_by_asset(spoilt, returns, **span))


def test_accuracy_needs_targets_between_the_days(returns, schedule):
    with pytest.raises(ValueError, match="No next-day forecast has its target from 2020-01-01 to 2020-12-31"):
        subject.accuracy_by_asset(subject.zero(returns, schedule), returns, first="2020-01-01", last="2020-12-31")


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


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_zero_forecast_of_the_vietnamese_market_has_the_known_errors():
    prices = pd.read_csv(Path(MARKETS) / "vn100_prices.csv", index_col="date", parse_dates=True)
    kept = prices.loc[:, (prices.loc[:"2022-12-31"] > 0).all()]
    assert kept.shape[1] == 55 and (kept > 0).all(axis=None)
    errors = {}
    for kind, returns in {"log": np.log(kept).diff().iloc[1:], "simple": simple_returns(kept)}.items():
        schedule = subject.schedule(returns.index, train_end="2021-12-31", validation_end="2022-12-31")
        test = {"first": "2023-01-01", "last": "2024-12-31"}
        accuracy = subject.accuracy_by_asset(subject.zero(returns, schedule), returns, **test)
        errors[kind] = subject.accuracy_table(accuracy).iloc[0]
    assert errors["log"]["mae_mean"] == pytest.approx(0.01386, abs=5e-6)  # methods of the paper: log returns
    assert errors["log"]["mse_mean"] == pytest.approx(4.01e-4, abs=5e-7)
    assert errors["log"]["rmse_mean"] == pytest.approx(0.0195, abs=5e-5)
    assert errors["simple"]["mae_mean"] == pytest.approx(0.01387, abs=5e-6)
    assert errors["simple"]["mse_mean"] == pytest.approx(4.02e-4, abs=5e-7)
    rates = subject.base_rates(simple_returns(kept), first="2023-01-01", last="2024-12-31")
    assert rates[["always_up_hr", "up_share", "zero_share"]].round(3).tolist() == [0.501, 0.459, 0.084]
