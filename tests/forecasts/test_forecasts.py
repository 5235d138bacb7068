import numpy as np
import pandas as pd
import pytest
from forecast_days import DAYS, SPLIT, returns, schedule  # noqa: F401  fixtures

from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import forecast_schedule, lookback_windows, scheduled, window_counts


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
        forecast_schedule(DAYS, train_end="2023-09-29", validation_end="2023-12-31")


def test_windows_belong_to_the_period_of_their_target():
    counts = window_counts(DAYS, lookback=30, **SPLIT).set_index("period")
    assert counts.loc["training", "first_target"] == DAYS[30]
    assert counts.loc["validation", "first_target"] == pd.Timestamp("2023-12-01")  # its window ends in training
    assert counts["n_samples"].sum() == len(DAYS) - 30
    with pytest.raises(ValueError, match="training period is empty"):
        window_counts(DAYS, lookback=44, **SPLIT)


def test_what_is_forecast_for_several_days_at_once_is_read_before_more_is_forecast():
    given = []

    def twice(read):
        """Two days at once: the last value that is read, and as much again."""
        given.append(read[..., 0].tolist())
        return np.stack([read[:, -1], 2 * read[:, -1]], axis=1)

    values = pd.DataFrame({"A": [1.0, 2.0, 4.0]}, index=DAYS[:3])
    rows = pd.DataFrame({"decision_date": DAYS[[1, 2, 2, 2]], "horizon": [1, 1, 2, 3]})
    assert scheduled(rows, values, twice, window=2)[:, 0].tolist() == [2, 4, 8, 8]
    assert given == [[[1, 2], [2, 4]], [[4, 8]]]


def test_frames_have_the_agreed_columns_and_a_row_for_each_asset(returns, schedule):
    for frame in (baselines.zero(returns, schedule), baselines.historical_mean(returns, schedule),
                  baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)):
        assert list(frame) == ["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]
        assert len(frame) == 3 * len(schedule) and frame.index.equals(pd.RangeIndex(len(frame)))
        assert not frame.duplicated(["decision_date", "horizon", "asset"]).any()
        assert (frame["decision_date"] < frame["target_date"]).all() and frame["seed"].eq(0).all()


def test_zero_forecasts_nothing(returns, schedule):
    assert baselines.zero(returns, schedule)["forecast"].eq(0).all()


def test_the_mean_is_of_all_returns_up_to_the_decision(returns, schedule):
    frame = baselines.historical_mean(returns, schedule)
    for row in frame.sample(20, random_state=1).itertuples():
        assert row.forecast == pytest.approx(returns.loc[:row.decision_date, row.asset].mean(), abs=1e-15)
    assert frame.groupby(["decision_date", "asset"])["forecast"].nunique().eq(1).all()


def test_autoregression_equals_least_squares_fed_with_its_own_forecasts(returns, schedule):
    frame = baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=2)
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
    ours = baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=3)
    assert ours.loc[ours["asset"] == "A", "forecast"].iloc[0] == pytest.approx(theirs, abs=1e-14)


def test_autoregression_of_an_asset_that_never_moves_is_zero(returns, schedule):
    frame = baselines.autoregression(returns.assign(B=0.0), schedule, train_end=SPLIT["train_end"], lags=2)
    assert frame.loc[frame["asset"] == "B", "forecast"].abs().max() == 0


@pytest.mark.parametrize("lags", [0, 22])
def test_autoregression_refuses_lags_that_do_not_fit(returns, schedule, lags):
    with pytest.raises(ValueError, match=f"autoregression on {lags} lags .* there are 44 days"):
        baselines.autoregression(returns, schedule, train_end=SPLIT["train_end"], lags=lags)


def test_returns_after_a_decision_change_no_forecast_made_before(returns, schedule):
    noisy = returns.copy()
    noisy.loc["2024-01-15":] = 1.0
    for forecast, options in ((baselines.historical_mean, {}),
                              (baselines.autoregression, {"train_end": SPLIT["train_end"], "lags": 2})):
        before, after = forecast(returns, schedule, **options), forecast(noisy, schedule, **options)
        known = before["decision_date"] < "2024-01-15"
        assert before[known].equals(after[known])
        assert not before.equals(after)


def test_permuted_assets_permute_forecasts(returns, schedule):
    ours, theirs = (baselines.autoregression(frame, schedule, train_end=SPLIT["train_end"], lags=2)
                    .sort_values(["asset", "decision_date", "horizon"], ignore_index=True)
                    for frame in (returns, returns[["C", "A", "B"]]))
    pd.testing.assert_frame_equal(ours, theirs)


def test_windows_hold_consecutive_rows_oldest_first():
    values = np.arange(10).reshape(5, 2)
    windows = lookback_windows(values, lookback=3)
    assert windows.shape == (3, 3, 2)
    for sample in range(3):
        np.testing.assert_array_equal(windows[sample], values[sample:sample + 3])


@pytest.mark.parametrize("lookback", [0, 6])
def test_a_lookback_that_does_not_fit_is_refused(lookback):
    with pytest.raises(ValueError, match=f"lookback of {lookback} does not fit 5 days"):
        lookback_windows(np.zeros((5, 1)), lookback=lookback)
