import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import joint_networks, layers
from forefolio.forecasts.architectures import JointRecurrent
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.forecasts.training import Training
from forefolio.market import returns as returns_module
from forefolio.market.returns import rebalance_dates, simple_returns
from forefolio.market.simulated import factor_market, trading_days
from forefolio.study.parameters import Study

pytestmark = pytest.mark.usefixtures("eagerly")
keras = joint_networks.keras
ASSETS = ["A", "B", "C"]
DAYS = pd.bdate_range("2020-01-01", periods=150, name="date")
TRAINING = Training(lookback=3, epochs=3, batch_size=16, learning_rate=0.01, patience=2, train_end=DAYS[89],
                    validation_end=DAYS[119], seed=5)
WINDOW = JointRecurrent("lstm", "code", "window", (4, 3))
NEXT_DAY = replace(WINDOW, target="next_day")
PROSE = replace(NEXT_DAY, preset="prose")


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(0, 0.03, size=(len(DAYS), 3)), index=DAYS, columns=ASSETS)


@pytest.fixture(scope="module")
def schedule():
    """Next-day forecasts from the last training day on, and whole months from the rebalance dates."""
    return forecast_schedule(DAYS, train_end=DAYS[89], validation_end=DAYS[119])


@pytest.fixture(scope="module")
def week(schedule):
    """The same with six days of each month, which are more than a window gives."""
    return schedule[schedule["horizon"] <= 6].reset_index(drop=True)


@pytest.fixture(scope="module")
def default(eagerly, returns, schedule):
    """What the tests of the window target have in common, trained once."""
    return joint_networks.trained_forecasts(returns, schedule, WINDOW, TRAINING)


def built(cell, network=WINDOW, window=4, seed=1):
    return joint_networks.build(replace(network, name=cell), window=window, n_assets=3, seed=seed)


def drawn(model):
    """The weights that start at random: not biases, which the GRU has two rows of."""
    return [weight for weight in model.get_weights() if weight.ndim == 2 and weight.any()]


def outputs(model, windows):
    """What stock Keras gives for windows (n, window, 3), asset by asset where the network reads but one."""
    if model.input_shape[-1] == 3:
        return model.predict_on_batch(windows)
    alone = np.concatenate([windows[..., [a]] for a in range(3)])
    return model.predict_on_batch(alone).reshape(3, len(windows)).T


def periods_of(returns, window, target):
    """Samples of training, validation and test."""
    edges = [(DAYS[0], DAYS[89]), (DAYS[90], DAYS[119]), (DAYS[120], DAYS[-1])]
    return [joint_networks.samples(returns, window=window, target=target, first=first, last=last) for first, last in edges]


def with_models(monkeypatch):
    """Note the networks as they are built, in the order of windows; each one's training goes on as it would."""
    models, build = [], joint_networks.build
    monkeypatch.setattr(joint_networks, "build", lambda *args, **options: models.append(build(*args, **options)) or models[-1])
    return models


def untrained(monkeypatch):
    """Leave out training, so that forecasts come from the initial weights; note the networks."""
    history = pd.DataFrame({"epoch": [1], "loss": [1.0], "validation_loss": [1.0], "kept": [True]})
    monkeypatch.setattr(joint_networks, "train", lambda *args, **options: history)
    return with_models(monkeypatch)


# -- samples


def test_windows_and_labels_are_those_counted_by_hand():
    days = pd.date_range("2024-01-01", periods=7)
    returns = pd.DataFrame({"A": np.arange(7.0), "B": np.arange(7.0) + 10}, index=days)
    inputs, targets = joint_networks.samples(returns, window=2, target="window", first="2024-01-02", last="2024-01-06")
    assert inputs.tolist() == [[[1, 11], [2, 12]], [[2, 12], [3, 13]]]
    assert targets.tolist() == [[[3, 13], [4, 14]], [[4, 14], [5, 15]]]
    inputs, targets = joint_networks.samples(returns, window=2, target="next_day", first="2024-01-02", last="2024-01-06")
    assert inputs[:, :, 0].tolist() == [[1, 2], [2, 3], [3, 4]]
    assert targets.tolist() == [[3, 13], [4, 14], [5, 15]]


@pytest.mark.parametrize("target, n_labels", [("window", 4), ("next_day", 1)])
def test_no_sample_crosses_the_edge_of_a_period(target, n_labels):
    numbers = pd.DataFrame({name: np.arange(150.0) for name in ASSETS}, index=DAYS)
    edges = [(0, 89), (90, 119), (120, 149)]
    for (first, last), (inputs, targets) in zip(edges, periods_of(numbers, 4, target)):
        assert len(inputs) == len(targets) == last - first + 1 - 4 - n_labels + 1
        assert inputs.min() == first and targets.max() == last
        assert (targets.reshape(len(targets), -1).min(axis=1) == inputs.max(axis=(1, 2)) + 1).all()


def test_a_period_without_room_for_a_sample_is_refused(returns):
    with pytest.raises(ValueError, match="A lookback of 8 does not fit 7 days"):
        joint_networks.samples(returns, window=4, target="window", first=DAYS[0], last=DAYS[6])
    joint_networks.samples(returns, window=4, target="window", first=DAYS[0], last=DAYS[7])


# -- networks


@pytest.mark.parametrize("cell, n_gates, ways", [("rnn", 1, 1), ("lstm", 4, 1), ("gru", 3, 1), ("bilstm", 4, 2)])
def test_networks_have_the_papers_layers_and_shapes(cell, n_gates, ways):
    windows = np.zeros((6, 4, 3), "float32")
    for network, shape in ((WINDOW, (6, 4, 3)), (NEXT_DAY, (6, 3))):
        model = built(cell, network)
        assert model.predict_on_batch(windows).shape == shape
        kernels = [(3, 64), (64, 64), (64 * ways, 32), (32, 32)] * ways
        kernels = [(n_inputs, units * n_gates) for n_inputs, units in kernels]
        assert sorted(map(np.shape, drawn(model))) == sorted([*kernels, (32 * ways, 3)])
    model = built(cell, PROSE)
    assert model.predict_on_batch(windows[..., :1]).shape == (6, 1)
    kernels = [(n_inputs, 50 * n_gates) for n_inputs in (1, 50, *[50 * ways, 50] * 3)] * ways
    assert sorted(map(np.shape, drawn(model))) == sorted([*kernels, (50 * ways, 1)])
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.2] * 4


@pytest.mark.parametrize("cell", layers.STOCK)
def test_a_seed_gives_its_weights_and_leaves_the_global_seed_alone(cell):
    keras.utils.set_random_seed(1)
    one = built(cell, seed=7).get_weights()
    keras.utils.set_random_seed(2)
    same, other = built(cell, seed=7).get_weights(), built(cell, seed=2**31 - 1).get_weights()
    assert np.random.random() == np.random.RandomState(2).random_sample()
    for a, b, c in zip(one, same, other):
        assert (a == b).all()
        assert (a != c).any() == (a.ndim == 2 and a.any())
    kernels = drawn(built(cell, seed=7))  # of the two directions too
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)


@pytest.mark.parametrize("cell", layers.STOCK)
def test_only_both_directions_let_the_first_step_see_the_whole_window(cell):
    model, windows = built(cell), np.random.default_rng(1).normal(size=(5, 4, 3)).astype("float32")
    later = windows.copy()
    later[:, 1:] += 1
    before, after = model.predict_on_batch(windows), model.predict_on_batch(later)
    assert np.array_equal(before[:, 0], after[:, 0]) == (cell != "bilstm")
    assert (before[:, 1:] != after[:, 1:]).all()


# -- training


def test_training_is_that_of_stock_keras_with_a_smaller_last_batch(returns):
    training, _, _ = periods_of(returns, 4, "window")
    model, stock = built("gru"), built("gru")
    history = joint_networks.train(model, training, training, training=replace(TRAINING, epochs=2, learning_rate=1e-3))
    stock.compile(keras.optimizers.Adam(1e-3), "mse")
    rng, (inputs, targets) = np.random.default_rng(TRAINING.seed), (part.astype("float32") for part in training)
    assert len(inputs) % 16
    for epoch in range(2):
        order = rng.permutation(len(inputs))
        for first in range(0, len(order), 16):
            rows = order[first:first + 16]
            stock.train_on_batch(inputs[rows], targets[rows])
        loss = np.square(stock.predict_on_batch(inputs) - targets).mean()
        np.testing.assert_allclose(history["loss"][epoch], loss, rtol=1e-4)
    assert history["kept"].tolist() == [False, True]
    for ours, theirs in zip(model.get_weights(), stock.get_weights()):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("network", [WINDOW, PROSE])
def test_training_stops_early_and_keeps_the_best_weights(returns, network):
    data = periods_of(returns, 4, network.target)
    model = built("lstm", network)
    training = replace(TRAINING, epochs=60, batch_size=32 if network is WINDOW else 128, patience=2, learning_rate=0.03)
    history = joint_networks.train(model, data[0], data[1], training=training)
    best = history["validation_loss"].idxmin()
    assert history["kept"].tolist() == [row == best for row in history.index]
    assert history["epoch"].tolist() == list(range(1, best + 1 + 2 + 1)) and len(history) < 60
    restored = np.square(outputs(model, data[1][0]) - data[1][1]).mean()
    np.testing.assert_allclose(restored, history["validation_loss"][best], rtol=1e-5)
    assert history["validation_loss"].iloc[-1] > 1.001 * restored
    endless = replace(training, epochs=len(history), patience=0)
    history = joint_networks.train(built("lstm", network), data[0], data[1], training=endless)
    assert history["kept"].tolist() == [False] * (endless.epochs - 1) + [True], "without patience, the last, though not the best"


def test_a_network_that_diverges_keeps_no_weights(monkeypatch, returns, schedule):
    def poisoned(model, windows):
        """Lose the weights of the network of window 3 before the errors of its third epoch are counted."""
        counted.append(model.input_shape[1])
        if counted.count(3) == 5:  # two for each epoch
            model.set_weights([np.nan * weight for weight in model.get_weights()])
        return predict(model, windows)

    predict, counted = joint_networks._predict, []
    monkeypatch.setattr(joint_networks, "_predict", poisoned)
    with pytest.warns(UserWarning, match="The rnn of window 3 diverged: lower learning_rate"):
        made = joint_networks.trained_forecasts(returns, schedule, replace(WINDOW, name="rnn"), replace(TRAINING, patience=9))
    assert made["forecasts"].empty and set(made["window_means"]["window"]) == {4}
    history = made["history"].groupby("window")
    assert history["kept"].sum().to_dict() == {3: 0, 4: 1} and history["epoch"].max().to_dict() == {3: 3, 4: 3}
    accuracy = made["window_accuracy"].set_index("window")
    assert accuracy["mse_test"].isna().to_dict() == {4: False, 3: True} and accuracy["zero_mse_test"].notna().all()


# -- forecasts


def test_frames_have_the_promised_columns(default, schedule):
    made, keys = default["forecasts"], ["model", "seed", "window"]
    assert list(made) == ["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]
    pd.testing.assert_frame_equal(made[list(schedule)].iloc[::3].reset_index(drop=True), schedule)
    assert made["asset"].tolist() == ASSETS * len(schedule) and np.isfinite(made["forecast"]).all()
    assert list(default["window_means"]) == [*keys, "decision_date", "asset", "forecast"]
    assert list(default["history"]) == [*keys, "epoch", "loss", "validation_loss", "kept"]
    assert list(default["window_accuracy"])[:6] == [*keys, "epochs_run", "n_samples_validation", "mse_validation"]
    assert list(default["timings"]) == [*keys, "seconds"] and (default["timings"]["seconds"] > 0).all()
    for frame in default.values():
        assert set(frame["model"]) == {"lstm"} and set(frame["seed"]) == {5}
    for name in ("window_accuracy", "timings"):
        assert default[name]["window"].tolist() == [4, 3]


@pytest.mark.parametrize("cell", ["gru", "bilstm"])
@pytest.mark.parametrize("network", [WINDOW, NEXT_DAY, PROSE])
def test_forecasts_are_the_networks_outputs_and_then_recursive(monkeypatch, returns, week, cell, network):
    models = untrained(monkeypatch)
    made = joint_networks.trained_forecasts(returns, week, replace(network, name=cell), TRAINING)

    by_window = dict(zip(network.windows, models))
    table = made["forecasts"].pivot(index=["decision_date", "horizon"], columns="asset", values="forecast")
    for decision in (DAYS[89], *rebalance_dates(DAYS, validation_end=DAYS[119])):
        own = table.loc[decision].to_numpy()
        known = returns.loc[:decision].to_numpy()
        window, path = known[-3:], np.empty((0, 3))
        while len(path) < len(own):
            step = outputs(by_window[3], window[None]).reshape(-1, 3)
            path, window = np.vstack([path, step]), np.vstack([window, step])[-3:]
        np.testing.assert_allclose(own, path[:len(own)], atol=1e-6)
    assert len(own) > 4  # more than the window gives
    means = made["window_means"].pivot(index=["window", "decision_date"], columns="asset", values="forecast")
    assert means.loc[4].index.equals(rebalance_dates(DAYS, validation_end=DAYS[119]).rename("decision_date"))
    for n_days, model in by_window.items():
        window, path = known[-n_days:], np.empty((0, 3))
        while len(path) < n_days:
            step = outputs(model, window[None]).reshape(-1, 3)
            path, window = np.vstack([path, step]), np.vstack([window, step])[-n_days:]
        np.testing.assert_allclose(means.loc[n_days, decision], path.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("network", [replace(NEXT_DAY, name="bilstm", windows=(3,)), replace(PROSE, windows=(3,))])
def test_the_same_seed_gives_the_same_numbers_and_another_does_not(returns, week, network):
    one, same, other = (joint_networks.trained_forecasts(returns, week, network, replace(TRAINING, epochs=1, batch_size=64, seed=seed))
                        for seed in (5, 5, 6))
    for name in ("forecasts", "window_means", "history", "window_accuracy"):
        pd.testing.assert_frame_equal(one[name], same[name], check_exact=True)
    assert not np.allclose(one["forecasts"]["forecast"], other["forecasts"]["forecast"], atol=1e-5)


def test_noise_after_validation_changes_nothing_known_by_then(default, returns, schedule):
    noisy, day = returns.copy(), 119
    noisy.iloc[day + 1:] = np.random.default_rng(9).normal(0.01, 0.1, size=noisy.iloc[day + 1:].shape)
    noisy = joint_networks.trained_forecasts(noisy, schedule, WINDOW, TRAINING)
    pd.testing.assert_frame_equal(noisy["history"], default["history"], check_exact=True)
    validation = [column for column in default["window_accuracy"] if "test" not in column]
    pd.testing.assert_frame_equal(noisy["window_accuracy"][validation], default["window_accuracy"][validation], check_exact=True)
    assert (noisy["window_accuracy"]["mse_test"] != default["window_accuracy"]["mse_test"]).all()
    for name in ("forecasts", "window_means"):
        known = default[name]["decision_date"] <= DAYS[day]
        pd.testing.assert_frame_equal(noisy[name][known], default[name][known], check_exact=True)
        changed = noisy[name]["forecast"] != default[name]["forecast"]
        assert known.any() and changed[~known].mean() > 0.8


# -- accuracy


def test_errors_are_those_on_the_samples_of_a_period(monkeypatch, returns, schedule):
    models = with_models(monkeypatch)
    made = joint_networks.trained_forecasts(returns, schedule, replace(WINDOW, name="gru"), TRAINING)
    means = returns.iloc[:90].mean().to_numpy()
    for model, (_, row) in zip(models, made["window_accuracy"].iterrows()):
        _, *periods = periods_of(returns, row["window"], "window")
        for period, (inputs, targets) in zip(("validation", "test"), periods):
            assert row[f"n_samples_{period}"] == len(inputs) == 30 - 2 * row["window"] + 1
            for name, forecast in (("", model.predict_on_batch(inputs)), ("zero_", 0 * targets), ("mean_", means)):
                np.testing.assert_allclose(row[f"{name}mse_{period}"], np.mean((targets - forecast)**2), rtol=1e-5)
                np.testing.assert_allclose(row[f"{name}mae_{period}"], np.mean(abs(targets - forecast)), rtol=1e-5)
        history = made["history"][made["history"]["window"] == row["window"]]
        assert history.loc[history["kept"], "validation_loss"].tolist() == [row["mse_validation"]]
        assert row["epochs_run"] == len(history)


def test_baselines_are_those_computed_by_hand(monkeypatch):
    days = pd.bdate_range("2024-01-01", periods=9)
    returns = pd.DataFrame({"A": [0.1, 0.3, 0.2, 0.1, 0.3, -0.1, 0.1, 0.2, 0.4]}, index=days)
    network = replace(NEXT_DAY, name="rnn", windows=(2,))
    training = replace(TRAINING, lookback=2, train_end=days[2], validation_end=days[5])
    scheduled = pd.DataFrame({"decision_date": [days[5]], "target_date": [days[6]], "horizon": [1]})
    untrained(monkeypatch)
    monkeypatch.setattr(returns_module, "rebalance_dates", lambda index, validation_end: days[[5]])
    row = joint_networks.trained_forecasts(returns, scheduled, network, training)["window_accuracy"].iloc[0]
    assert row[["n_samples_validation", "n_samples_test"]].tolist() == [1, 1]
    np.testing.assert_allclose(row[["zero_mse_validation", "zero_mae_validation"]].astype(float), [0.01, 0.1])
    np.testing.assert_allclose(row[["mean_mse_validation", "mean_mae_validation"]].astype(float), [0.09, 0.3])
    np.testing.assert_allclose(row[["zero_mse_test", "mean_mse_test"]].astype(float), [0.16, 0.04])


def test_planted_skill_is_found_and_none_where_none_is(compiled):
    days = trading_days("2015-01-01", "2021-12-31", periods_per_year=365)
    prices, _ = factor_market(days, Study(simulated_assets=4, simulated_volatility=0.8, simulated_groups=2, simulated_tail=8.0,
                                          predictability=[0.2, 0.0, 0.2, 0.0], periods_per_year=365, seed=7))
    training = replace(TRAINING, lookback=5, epochs=20, batch_size=32, learning_rate=0.003, patience=5, seed=5,
                       train_end="2018-12-31", validation_end="2019-12-31")
    returns = simple_returns(prices)
    scheduled = forecast_schedule(returns.index, train_end=training.train_end,
                                     validation_end=training.validation_end)
    made = joint_networks.trained_forecasts(returns, scheduled, replace(NEXT_DAY, windows=(5,)), training)["forecasts"]
    judged = made[(made["horizon"] == 1) & (made["target_date"] > training.validation_end)]
    forecast = judged.pivot(index="target_date", columns="asset", values="forecast")
    actual = returns.loc[forecast.index, forecast.columns]
    r2 = 1 - ((actual - forecast) ** 2).mean() / (actual ** 2).mean()
    assert r2.iloc[::2].between(0.1, 0.3).all() and (r2.iloc[1::2] < 0.01).all(), r2


# -- refusals


@pytest.mark.parametrize("change, network, sentence", [
    (lambda returns: returns.drop(DAYS[110:120]), replace(WINDOW, windows=(12,)), "A lookback of 24 does not fit 20 days"),
    (lambda returns: returns.drop(DAYS[93:120]), replace(NEXT_DAY, windows=(3,)), "A lookback of 4 does not fit 3 days"),
    (lambda returns: returns.drop(DAYS[90:120]), WINDOW, "The validation period is empty"),
])
def test_what_cannot_be_trained_is_named(returns, schedule, change, network, sentence):
    with pytest.raises(ValueError, match=sentence):
        joint_networks.trained_forecasts(change(returns), schedule[:3], network, TRAINING)


def test_a_decision_without_a_full_window_is_named(monkeypatch, returns, schedule):
    untrained(monkeypatch)
    early = schedule.assign(decision_date=schedule["decision_date"].where(schedule.index > 0, DAYS[1]))
    with pytest.raises(ValueError, match="The decision of 2020-01-02 has no 3 returns up to it"):
        joint_networks.trained_forecasts(returns, early, WINDOW, TRAINING)


@pytest.mark.skipif("FOREFOLIO_MARKETS" not in os.environ, reason="FOREFOLIO_MARKETS names no folder of market files")
def test_on_the_papers_coins_no_network_is_much_better_than_zero(compiled):
    path = Path(os.environ["FOREFOLIO_MARKETS"]) / "crypto21_prices.csv"
    returns = simple_returns(pd.read_csv(path, index_col=0, parse_dates=True))
    training = Training(lookback=30, epochs=30, batch_size=64, learning_rate=0.001, patience=5, train_end="2023-06-30",
                        validation_end="2024-01-07", seed=7)
    scheduled = forecast_schedule(returns.index, train_end=training.train_end,
                                     validation_end=training.validation_end)
    accuracy = joint_networks.trained_forecasts(returns, scheduled, replace(WINDOW, windows=(5, 30)), training)["window_accuracy"]
    assert accuracy["n_samples_test"].tolist() == [213, 163]
    assert (accuracy["mse_test"] > 0.99 * accuracy["zero_mse_test"]).all()
