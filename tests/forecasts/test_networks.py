import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import asset_networks, training as training_module
from forefolio.forecasts.architectures import CNN1D as Convolutional, Recurrent
from forefolio.forecasts.training import Training, programs

pytestmark = pytest.mark.usefixtures("eagerly")  # what compiling may change is tested with `compiled`
keras = asset_networks.keras
ASSETS = ["A", "B", "C"]
LOOKBACK = 8
LSTM = Recurrent("lstm", layers=2, units=3, dropout=0.0, recurrent_dropout=0.0)
CNN1D = Convolutional(layers=2, filters=5, kernel_size=3, pool_size=2, dense_units=7, dropout=0.2)
DAYS = pd.bdate_range("2020-01-01", periods=150, name="date")
TRAINING = Training(lookback=LOOKBACK, epochs=4, batch_size=16, learning_rate=0.01, patience=2, train_end=DAYS[89], validation_end=DAYS[119], seed=5)


@pytest.fixture
def double_precision():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 3)), index=DAYS, columns=ASSETS)


@pytest.fixture(scope="module")
def schedule():
    """Next-day forecasts from the last training day on; from two rebalance dates also days 2 to 5 and 2 to 3."""
    rows = [(day, 1) for day in range(89, 149)]
    rows += [(119, horizon) for horizon in range(2, 6)] + [(140, horizon) for horizon in range(2, 4)]
    days, horizons = np.array(sorted(rows)).T
    return pd.DataFrame({"decision_date": DAYS[days], "target_date": DAYS[days + horizons], "horizon": horizons})


@pytest.fixture(scope="module")
def default(eagerly, returns, schedule):
    """What the tests of forecasts have in common, trained once."""
    return forecast(returns, schedule)


def forecast(returns, schedule, seed=5):
    return asset_networks.trained_forecasts(returns, schedule, CNN1D, replace(TRAINING, seed=seed))


def samples(n_train=70, n_validation=30, seed=0):
    """Windows and targets of training and validation; 70 samples leave 6 for the last batch of 16."""
    scores = np.random.default_rng(seed).normal(size=(n_train + n_validation + LOOKBACK, 3))
    windows = np.lib.stride_tricks.sliding_window_view(scores, LOOKBACK, axis=0).swapaxes(1, 2)[:-1]
    windows, targets = windows.astype(keras.config.floatx()), scores[LOOKBACK:].astype(keras.config.floatx())
    return windows[:n_train], targets[:n_train], windows[n_train:], targets[n_train:]


def train(model, data, progress=None, **changes):
    return training_module.train(model, data, training=replace(TRAINING, **changes), seed=TRAINING.seed, assets=ASSETS,
                                 program=programs(model), progress=progress)


def fake_train(monkeypatch):
    """Replace training by noting what it is given: forecasts then come from the initial weights."""
    noted = {}

    def note(model, data, *, seed, assets, **options):
        noted.update(model=model, data=data)
        return pd.DataFrame({"model": model.name, "seed": seed, "asset": assets, "epoch": 1, "loss": 1.0, "validation_loss": 1.0, "kept": True})

    monkeypatch.setattr(asset_networks, "train", note)
    return noted


# -- what stock Keras does, asset by asset


def stock_lstm(network=LSTM):
    last = network.layers - 1
    layers = [keras.layers.LSTM(network.units, return_sequences=layer < last, dropout=network.dropout,
                                recurrent_dropout=network.recurrent_dropout) for layer in range(network.layers)]
    return keras.Sequential([keras.Input((LOOKBACK, 1)), *layers, keras.layers.Dense(1)])


def stock_cnn1d(network=CNN1D):
    layers = [keras.layers.Conv1D(network.filters, network.kernel_size, activation="relu")
              for _ in range(network.layers)]
    return keras.Sequential([keras.Input((LOOKBACK, 1)), *layers, keras.layers.MaxPooling1D(network.pool_size),
                             keras.layers.Flatten(), keras.layers.Dense(network.dense_units, activation="relu"),
                             keras.layers.Dropout(network.dropout), keras.layers.Dense(1)])


def trained_alone(stock, weights, data):
    """Weights and losses after each epoch of one asset's network in stock Keras, its last batch being smaller."""
    x, y, x_validation, y_validation = data
    stock.set_weights(weights)
    for variable in stock.optimizer.variables:  # step and moments; Adam begins anew
        variable.assign(0 * variable if variable is not stock.optimizer.learning_rate else variable)
    rng = np.random.default_rng(TRAINING.seed)
    after = []
    for _ in range(TRAINING.epochs):
        order, squares = rng.permutation(len(x)), 0.0
        for first in range(0, len(x), TRAINING.batch_size):
            rows = order[first:first + TRAINING.batch_size]
            squares += np.sum((stock.predict_on_batch(x[rows, :, None])[:, 0] - y[rows]) ** 2)
            stock.train_on_batch(x[rows, :, None], y[rows])
        validation = np.mean((stock.predict_on_batch(x_validation[..., None])[:, 0] - y_validation) ** 2)
        after.append(([weight.copy() for weight in stock.get_weights()], squares / len(x), validation))
    return after


def compare_with_stock(network, stock, tolerance):
    data, model = samples(), asset_networks.build(network, n_assets=3, lookback=LOOKBACK, seed=1)
    weights = [weight.copy() for weight in model.get_weights()]
    history = train(model, data, patience=99).set_index("asset")
    stock.compile(keras.optimizers.Adam(TRAINING.learning_rate), "mse")
    for a, asset in enumerate(ASSETS):
        alone = trained_alone(stock, [weight[a] for weight in weights], [part[..., a] for part in data])
        own, other = history.loc[asset], history.loc[ASSETS[a - 1]]
        losses = np.array([losses for _, *losses in alone])
        np.testing.assert_allclose(own[["loss", "validation_loss"]], losses, rtol=tolerance)
        for ours, theirs in zip(model.get_weights(), alone[np.flatnonzero(own["kept"])[0]][0]):
            np.testing.assert_allclose(ours[a], theirs, atol=tolerance)
        crossed = other[["loss", "validation_loss"]].to_numpy() - losses
        assert abs(crossed).min() > 100 * tolerance


def test_each_lstm_is_trained_as_stock_keras_trains_it_alone(compiled):
    compare_with_stock(LSTM, stock_lstm(), tolerance=1e-5)


def test_each_cnn_is_trained_as_stock_keras_trains_it_alone(compiled, double_precision):
    network = replace(CNN1D, dropout=0.0)
    compare_with_stock(network, stock_cnn1d(network), tolerance=1e-10)


@pytest.mark.parametrize("network, stock", [(LSTM, stock_lstm), (CNN1D, stock_cnn1d)])
def test_weights_have_stock_shapes_with_a_leading_asset_axis(network, stock):
    model = asset_networks.build(network, n_assets=3, lookback=LOOKBACK, seed=1)
    shapes = [weight.shape for weight in stock().get_weights()]
    assert [weight.shape for weight in model.get_weights()] == [(3, *shape) for shape in shapes]


@pytest.mark.parametrize("network, stock", [(LSTM, stock_lstm), (CNN1D, stock_cnn1d)])
def test_each_asset_starts_as_stock_keras_does(network, stock):
    """Glorot draws reach the limit of one network's fans and no further; zeros and ones are the same."""
    weights = asset_networks.build(network, n_assets=200, lookback=LOOKBACK, seed=1).get_weights()
    for ours, theirs in zip(weights, stock().get_weights()):
        if theirs.ndim == 1:
            assert (ours == theirs).all()
            continue
        assert len(np.unique(ours.reshape(200, -1)[:, 0])) == 200
        if network is LSTM and theirs.shape[0] == LSTM.units and theirs.shape[1] == 4 * LSTM.units:
            continue  # either kernel of a deeper layer: the next test tells them apart
        receptive = np.prod(theirs.shape[:-2], dtype=int)
        limit = np.sqrt(6 / (receptive * (theirs.shape[-2] + theirs.shape[-1])))
        assert 0.98 * limit < abs(ours).max() <= limit


def test_recurrent_kernels_are_orthogonal_and_forget_gates_open():
    weights = asset_networks.build(LSTM, n_assets=3, lookback=LOOKBACK, seed=1).get_weights()
    for kernel, recurrent, bias in (weights[:3], weights[3:6]):
        products = recurrent @ recurrent.swapaxes(1, 2)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-6)
        assert abs(kernel).max() <= np.sqrt(6 / (kernel.shape[1] + 12))
        assert (bias == np.repeat([0, 1, 0, 0], 3)).all()


# -- dropout


def dropped(network, stock, n_draws=20_000):
    """Outputs of the same window under many masks: two assets side by side with equal weights, and stock Keras."""
    model = asset_networks.build(network, n_assets=2, lookback=LOOKBACK, seed=1)
    alone = stock(network)
    weights = [weight + 0.1 for weight in alone.get_weights()]
    alone.set_weights(weights)
    model.set_weights([np.stack([weight, weight]) for weight in weights])
    window = np.tile(np.linspace(-2, 2, LOOKBACK)[None, :, None], (n_draws, 1, 1)).astype("float32")
    ours = np.asarray(model(np.repeat(window, 2, axis=2), training=True))
    return ours, np.asarray(alone(window, training=True))[:, 0], np.asarray(alone(window[:1]))[0, 0]


@pytest.mark.parametrize("network, stock", [
    (Recurrent("lstm", layers=2, units=3, dropout=0.3, recurrent_dropout=0.2), stock_lstm),
    (Recurrent("lstm", layers=1, units=3, dropout=0.5, recurrent_dropout=0.0), stock_lstm),
    (Convolutional(layers=1, filters=3, kernel_size=3, pool_size=2, dense_units=5, dropout=0.4), stock_cnn1d)])
def test_masks_are_drawn_as_stock_keras_draws_them_and_apart_for_each_asset(network, stock):
    ours, theirs, _ = dropped(network, stock)
    spread = theirs.std()
    assert spread > 0.01
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(), atol=5 * spread * np.sqrt(2 / len(theirs)))
    np.testing.assert_allclose(ours.std(axis=0), spread, rtol=0.05)
    assert abs(np.corrcoef(ours.T)[0, 1]) < 5 / np.sqrt(len(theirs))


def test_dropout_before_a_linear_layer_changes_no_mean():
    network = Convolutional(layers=1, filters=3, kernel_size=3, pool_size=2, dense_units=5, dropout=0.4)
    ours, _, without = dropped(network, stock_cnn1d)
    np.testing.assert_allclose(ours.mean(axis=0), without, atol=5 * ours.std() / np.sqrt(len(ours)))


# -- early stopping


def test_each_asset_stops_alone_and_gets_its_best_weights_back(compiled):
    data = samples()
    model = asset_networks.build(CNN1D, n_assets=3, lookback=LOOKBACK, seed=2)
    history = train(model, data, epochs=40, patience=3, learning_rate=0.02)
    forecasts = model.predict_on_batch(data[2])
    lengths = history.groupby("asset").size()
    assert lengths.nunique() == 3 and lengths.max() < 40
    for a, asset in enumerate(ASSETS):
        own = history[history["asset"] == asset].reset_index(drop=True)
        best = own["validation_loss"].idxmin()
        assert own["kept"].tolist() == [row == best for row in own.index]
        assert own["epoch"].tolist() == list(range(1, best + 1 + 3 + 1))
        restored = np.mean((forecasts[:, a] - data[3][:, a]) ** 2)
        np.testing.assert_allclose(restored, own.loc[best, "validation_loss"], rtol=1e-5)


def test_without_patience_all_epochs_run_and_the_last_one_is_kept():
    data = samples()
    model = asset_networks.build(CNN1D, n_assets=3, lookback=LOOKBACK, seed=2)
    history = train(model, data, epochs=12, patience=0, learning_rate=0.02)
    assert (history.groupby("asset").size() == 12).all() and history["kept"].tolist() == (history["epoch"] == 12).tolist()
    losses = np.mean((model.predict_on_batch(data[2]) - data[3]) ** 2, axis=0)
    last = history[history["kept"]].set_index("asset")["validation_loss"]
    np.testing.assert_allclose(losses, last[ASSETS], rtol=1e-5)
    assert (last > history.groupby("asset")["validation_loss"].min()).any(), "else stopping early would not matter here"


def test_an_asset_whose_loss_is_not_a_number_stops_alone_and_keeps_nothing():
    data, models = samples(), [asset_networks.build(CNN1D, n_assets=3, lookback=LOOKBACK, seed=2) for _ in range(2)]
    clean = train(models[0], data)
    broken = [part.copy() for part in data]
    broken[1][-1, 1] = np.nan  # one target of B
    with pytest.warns(UserWarning, match="cnn1d of B diverged"):
        history = train(models[1], broken)
    own, others = history[history["asset"] == "B"], history[history["asset"] != "B"]
    assert own["epoch"].tolist() == [1] and own["loss"].isna().all() and not own["kept"].any()
    expected = clean[clean["asset"] != "B"]
    pd.testing.assert_frame_equal(others.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True)
    for weight, same in zip(models[1].get_weights(), models[0].get_weights()):
        assert (weight[[0, 2]] == same[[0, 2]]).all()


# -- forecasts


def test_forecasts_are_the_scheduled_ones_and_history_names_its_model(returns, schedule):
    network = Recurrent("lstm", layers=2, units=3, dropout=0.3, recurrent_dropout=0.3)
    result = asset_networks.trained_forecasts(returns, schedule, network, replace(TRAINING, epochs=2))
    made = result["forecasts"]
    assert list(made) == ["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]
    pd.testing.assert_frame_equal(made[list(schedule)].iloc[::3].reset_index(drop=True), schedule)
    assert made["asset"].tolist() == ASSETS * len(schedule)
    assert set(made["model"]) == {"lstm"} and set(made["seed"]) == {5} and np.isfinite(made["forecast"]).all()
    assert result["history"].groupby("asset")["kept"].sum().tolist() == [1, 1, 1]
    assert list(result["history"]) == ["model", "seed", "asset", "epoch", "loss", "validation_loss", "kept"]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(default, returns, schedule):
    again, other = forecast(returns, schedule), forecast(returns, schedule, seed=6)
    for name in default:
        pd.testing.assert_frame_equal(default[name], again[name], check_exact=True)
    assert not np.allclose(default["forecasts"]["forecast"], other["forecasts"]["forecast"], atol=1e-5)


def test_groups_are_the_same_whatever_the_cores_and_hold_each_asset_once(compiled, monkeypatch, default, returns, schedule):
    monkeypatch.setattr(asset_networks, "GROUP", 2)  # three assets: the second group is filled up with the first asset
    made = []
    for n_cores in (1, 2):
        monkeypatch.setattr(asset_networks, "_n_cores", lambda n_cores=n_cores: n_cores)
        made.append(forecast(returns, schedule))
    for name in default:
        pd.testing.assert_frame_equal(made[0][name], made[1][name], check_exact=True)
    keys = ["decision_date", "target_date", "asset"]
    assert made[0]["forecasts"][keys].equals(default["forecasts"][keys])
    assert made[0]["history"].groupby(["asset", "epoch"]).size().eq(1).all()
    assert made[0]["history"].groupby("asset")["kept"].sum().eq(1).all()


def test_the_bar_counts_epochs_of_all_groups_and_networks_that_finished(monkeypatch, capsys, returns, schedule):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    monkeypatch.setattr(asset_networks, "GROUP", 2)
    monkeypatch.setattr(asset_networks, "tqdm", partial(asset_networks.tqdm, mininterval=0))  # each epoch is shown, however short
    forecast(returns, schedule)
    shown = capsys.readouterr().err
    assert "cnn1d" in shown and "3 of 3 networks finished" in shown and "epoch" in shown


def test_several_seeds_are_as_many_trainings_of_their_own(default, returns, schedule):
    both = asset_networks.trained_forecasts(returns, schedule, CNN1D, replace(TRAINING, seeds=2))
    other = forecast(returns, schedule, seed=6)
    for name in default:
        for seed, alone in ((5, default), (6, other)):
            own = both[name][both[name]["seed"] == seed].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, alone[name], check_exact=True)


def test_groups_that_would_not_fit_in_memory_are_smaller_and_said(monkeypatch, returns, schedule):
    monkeypatch.setattr(asset_networks, "ROOM", 3 * 2**20)
    with pytest.warns(UserWarning, match="The cnn1d is trained in groups of 2 in place of 16 assets"):
        made = forecast(returns, schedule)
    assert made["forecasts"].groupby("asset").size().eq(len(schedule)).all()


@pytest.mark.parametrize("day", [119, 140])
def test_noise_after_a_day_changes_no_forecast_decided_up_to_it(default, returns, schedule, day):
    noisy = returns.copy()
    noisy.iloc[day + 1:] = np.random.default_rng(9).normal(0.01, 0.05, size=noisy.iloc[day + 1:].shape)
    noisy = forecast(noisy, schedule)
    pd.testing.assert_frame_equal(noisy["history"], default["history"], check_exact=True)
    before, after = default["forecasts"], noisy["forecasts"]
    known = before["decision_date"] <= DAYS[day]
    pd.testing.assert_frame_equal(before[known], after[known], check_exact=True)
    assert (before.loc[~known, "forecast"] != after.loc[~known, "forecast"]).mean() > 0.8


def test_z_scores_know_only_training_and_samples_belong_to_the_period_of_their_target(monkeypatch, returns, schedule):
    noted = fake_train(monkeypatch)
    returns = returns * np.where(returns.index > DAYS[89], 10, 1)[:, None]
    forecast(returns, schedule)
    logs = np.log1p(returns.to_numpy())
    scores = (logs - logs[:90].mean(axis=0)) / logs[:90].std(axis=0)
    train_windows, train_targets, validation_windows, validation_targets = noted["data"]
    np.testing.assert_allclose(train_targets, scores[LOOKBACK:90], rtol=1e-5)
    np.testing.assert_allclose(validation_targets, scores[90:120], rtol=1e-5)
    np.testing.assert_allclose(train_windows[0], scores[:LOOKBACK], rtol=1e-5)
    np.testing.assert_allclose(train_windows[-1], scores[89 - LOOKBACK:89], rtol=1e-5)
    np.testing.assert_allclose(validation_windows[0], scores[90 - LOOKBACK:90], rtol=1e-5)
    np.testing.assert_allclose(validation_windows[-1], scores[119 - LOOKBACK:119], rtol=1e-5)


def test_longer_horizons_feed_each_forecast_into_the_next_window(monkeypatch, returns, schedule):
    noted = fake_train(monkeypatch)
    made = forecast(returns, schedule)["forecasts"]
    logs = np.log1p(returns.to_numpy())
    mean, deviation = logs[:90].mean(axis=0), logs[:90].std(axis=0)
    for day, last in [(89, 1), (119, 5), (140, 3), (148, 1)]:
        window = ((logs - mean) / deviation)[day - LOOKBACK + 1:day + 1].astype("float32")
        own = made[made["decision_date"] == DAYS[day]]
        assert own["horizon"].max() == last
        for horizon in range(1, last + 1):
            score = np.asarray(noted["model"](window[None]))[0]
            window = np.vstack([window[1:], score])
            at_horizon = own.loc[own["horizon"] == horizon, "forecast"]
            np.testing.assert_allclose(at_horizon, np.expm1(mean + deviation * score + deviation**2 / 2), atol=1e-8)


def test_an_asset_that_diverges_makes_no_forecasts(monkeypatch, default, returns, schedule):
    build = asset_networks.build

    def poisoned(*arguments, **options):
        model = build(*arguments, **options)
        weights = model.get_weights()
        weights[0][1] = np.nan
        model.set_weights(weights)
        return model

    monkeypatch.setattr(asset_networks, "build", poisoned)
    with pytest.warns(UserWarning, match="cnn1d of B diverged and forecasts nothing"):
        made = forecast(returns, schedule)["forecasts"]
    others = default["forecasts"][default["forecasts"]["asset"] != "B"].reset_index(drop=True)
    pd.testing.assert_frame_equal(made, others, check_exact=True)


@pytest.fixture(scope="module")
def seventeen():
    """Returns of an asset more than a graph holds: the second group of nine is filled up with a copy of the first."""
    rng = np.random.default_rng(4)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 17)), index=DAYS, columns=[f"S{a:02d}" for a in range(17)])


def with_groups(monkeypatch, change):
    """Let a function change the initial weights of each group of seventeen, by its number."""
    build, numbers = asset_networks.build, iter(range(99))

    def changed(*arguments, **options):
        model = build(*arguments, **options)
        weights = model.get_weights()
        change(next(numbers), weights)
        model.set_weights(weights)
        return model

    monkeypatch.setattr(asset_networks, "build", changed)


def test_each_of_seventeen_assets_has_exactly_one_kept_epoch_for_each_seed(monkeypatch, seventeen, schedule):
    def started(number, weights):
        """The first asset starts at zero in its own group, and soon stops; its copy starts far off, and goes on."""
        for weight in weights:
            weight[0 if number % 2 == 0 else 8] *= 0 if number % 2 == 0 else 10

    with_groups(monkeypatch, started)
    training = replace(TRAINING, epochs=8, patience=1, seeds=2)
    history = asset_networks.trained_forecasts(seventeen, schedule, CNN1D, training)["history"]
    assert history.groupby(["seed", "asset"])["kept"].sum().eq(1).all()
    epochs = history.groupby(["seed", "asset"])["epoch"]
    assert (epochs.max() == epochs.size()).all() and len(epochs) == 34
    last = history.groupby(["seed", "asset"])["kept"].apply(lambda kept: len(kept) - 1 - np.flatnonzero(kept)[0])
    assert (last <= training.patience).all(), "no epoch after patience ran out"


def test_a_diverged_asset_is_not_rescued_by_its_copy(monkeypatch, seventeen, schedule):
    def poisoned(number, weights):
        """The first asset diverges in its own group, and one more in the other, where the copy keeps its last epoch."""
        weights[0][0 if number == 0 else 1] = np.nan
        for weight in weights if number == 1 else []:
            weight[8] *= 10

    with_groups(monkeypatch, poisoned)
    with pytest.warns(UserWarning) as told:
        made = asset_networks.trained_forecasts(seventeen, schedule, CNN1D, replace(TRAINING, epochs=8))
    told = sorted(str(one.message) for one in told if "diverged" in str(one.message))
    assert [text.split(" diverged")[0] for text in told] == ["The cnn1d of S00", "The cnn1d of S10"]
    assert set(made["forecasts"]["asset"]) == set(seventeen) - {"S00", "S10"}
    assert not made["history"].groupby("asset")["kept"].any()[["S00", "S10"]].any()


def test_errors_by_lag_are_those_of_the_forecasts_and_of_each_usable_asset_once(monkeypatch, seventeen, schedule):
    def poisoned(number, weights):
        """The first asset diverges in its own group, and its copy in the other goes on."""
        weights[0][0 if number == 0 else slice(0)] = np.nan

    training = replace(TRAINING, epochs=2)
    made = asset_networks.trained_forecasts(seventeen, schedule, CNN1D, training)
    lags = made["lags"]
    assert not lags.duplicated(["asset", "lag"]).any() and set(lags["asset"]) == set(seventeen)
    judged = made["forecasts"].query("horizon == 1 and asset == 'S00'")
    judged = judged[judged["target_date"] > pd.Timestamp(training.validation_end)]
    past = np.log1p(seventeen.loc[:training.train_end, "S00"])
    variance = past.var(ddof=0)
    errors = np.log1p(seventeen.loc[judged["target_date"], "S00"]).to_numpy() - (np.log1p(judged["forecast"]) - variance / 2)
    intact = lags[(lags["asset"] == "S00") & (lags["lag"] == 0)].iloc[0]
    assert intact["n_days"] == len(judged) and intact["mse"] == pytest.approx((errors**2).mean() / variance, rel=1e-4)
    with_groups(monkeypatch, poisoned)
    with pytest.warns(UserWarning, match="S00 diverged"):
        assert "S00" not in set(asset_networks.trained_forecasts(seventeen, schedule, CNN1D, training)["lags"]["asset"])


def test_a_copy_that_diverges_says_nothing(monkeypatch, recwarn, seventeen, schedule):
    def poisoned(number, weights):
        if number == 1:
            weights[0][8] = np.nan

    with_groups(monkeypatch, poisoned)
    made = asset_networks.trained_forecasts(seventeen, schedule, CNN1D, TRAINING)
    assert set(made["forecasts"]["asset"]) == set(seventeen) and not [one for one in recwarn if "diverged" in str(one.message)]


@pytest.mark.parametrize("change, sentence", [
    (lambda returns: returns.assign(B=0.001), "B never moves up to train_end"),
    (lambda returns: returns.iloc[82:], "The training period is empty"),
    (lambda returns: returns.drop(DAYS[90:120]), "The validation period is empty"),
])
def test_returns_that_cannot_train_are_named(returns, schedule, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        forecast(change(returns), schedule)


def test_a_decision_without_a_full_window_is_named(monkeypatch, returns, schedule):
    fake_train(monkeypatch)
    early = schedule.assign(decision_date=schedule["decision_date"].where(schedule.index > 0, DAYS[3]))
    with pytest.raises(ValueError, match="The decision of 2020-01-06 has no 8 returns up to it"):
        forecast(returns, early)


def test_a_lookback_that_convolutions_use_up_is_named():
    asset_networks.build(CNN1D, n_assets=2, lookback=6, seed=1)
    with pytest.raises(ValueError, match="need more days than the lookback of 5"):
        asset_networks.build(CNN1D, n_assets=2, lookback=5, seed=1)


def run(script, **environment):
    """What a fresh process says of a script: its error stream beside its output."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize("before, after", [("1", "3"), ("0", "0")])
def test_tensorflow_logs_no_errors_where_jax_came_first_unless_the_user_asks_for_them(before, after):
    done = run("import os\nfrom forefolio.forecasts import layers\nprint(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
               TF_CPP_MIN_LOG_LEVEL=before)
    assert done.stdout.split() == [after], done.stderr


def test_importing_says_nothing_and_loses_nothing_that_others_write_to_the_error_stream_meanwhile():
    done = run("""
import os, sys, threading
before, ended = os.fstat(2), threading.Event()
def write():
    while not ended.is_set():
        os.write(2, b"another thread\\n")
        ended.wait(0.01)
writing = threading.Thread(target=write)
writing.start()
from forefolio.forecasts import asset_networks
ended.set()
writing.join()
after = os.fstat(2)
assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
""")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert set(done.stderr.splitlines()) == {"another thread"} and done.stderr.count("\n") > 20


def test_a_failed_import_leaves_the_error_stream_as_it_was(tmp_path):
    (tmp_path / "tensorflow.py").write_text("import os\nos.write(2, b'why\\n')\nraise ImportError('broken')")
    done = run(f"""
import os, sys
sys.path.insert(0, {str(tmp_path)!r})
before, descriptors = os.fstat(2), len(os.listdir("/proc/self/fd"))
try:
    from forefolio.forecasts import layers
except ImportError as error:
    assert str(error) == "broken"
after = os.fstat(2)
assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
assert len(os.listdir("/proc/self/fd")) == descriptors
""", KERAS_BACKEND="tensorflow")
    assert done.returncode == 0 and done.stderr == "why\n", done.stderr
