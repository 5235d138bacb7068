"""Side by side in one graph, each asset's recurrent layers do what stock Keras' layers do alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from forefolio.forecasts import layers as layers_module
from forefolio.forecasts.layers import Dense, StackedRecurrent

keras, ops = layers_module.keras, layers_module.ops
N_ASSETS, LOOKBACK, BATCH, UNITS = 3, 6, 10, 3
STOCK = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "bilstm": keras.layers.LSTM}


def network(layers=3, dropout=0.0, recurrent_dropout=0.0):
    return SimpleNamespace(layers=layers, units=UNITS, dropout=dropout, recurrent_dropout=recurrent_dropout)


def stacked(cell, kind, n_assets=N_ASSETS):
    """Our layer and a linear one after it, (batch, days, assets) -> (assets, batch, 1)."""
    windows = keras.Input((LOOKBACK, n_assets))
    x = StackedRecurrent(kind, cell=cell, seed=1)(windows)
    return keras.Model(windows, Dense(1, "linear", seed=2)(x))


def stock(cell, kind):
    """The same of one asset in stock Keras, (batch, days, 1) -> (batch, 1)."""
    layers = [STOCK[cell](UNITS, return_sequences=layer < kind.layers - 1, dropout=kind.dropout,
                          recurrent_dropout=kind.recurrent_dropout) for layer in range(kind.layers)]
    layers = [keras.layers.Bidirectional(layer) if cell == "bilstm" else layer for layer in layers]
    return keras.Sequential([keras.Input((LOOKBACK, 1)), *layers, keras.layers.Dense(1)])


def randomize(model, seed):
    """Give every weight, biases too, values that tell it from the others."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()])


def variables(model):
    """Values of the weights and of the rest, which is the state of the draws."""
    return ([tf.convert_to_tensor(weight) for weight in model.trainable_variables],
            [tf.convert_to_tensor(state) for state in model.non_trainable_variables])


def value_and_gradients(model, weights, state, windows, targets, training):
    """Outputs, gradients of the sum of the assets' mean squared errors, and the state of the draws afterwards."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        outputs, state = model.stateless_call(weights, state, windows, training=training)
        loss = tf.reduce_sum((outputs - targets) ** 2) / BATCH
    return outputs, tape.gradient(loss, weights), state


def draws(n_batches=1):
    """Windows (batches, batch, days, assets) and targets (batches, assets, batch, 1)."""
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(n_batches, BATCH, LOOKBACK, N_ASSETS)).astype("float32")
    return windows, rng.normal(1, 1, size=(n_batches, N_ASSETS, BATCH, 1)).astype("float32")


@pytest.mark.parametrize("cell", STOCK)
def test_outputs_and_gradients_of_each_asset_are_those_of_stock_keras(cell):
    model, alone = stacked(cell, network()), stock(cell, network())
    (windows,), (targets,) = draws()
    randomize(model, seed=4)
    outputs, gradients, _ = value_and_gradients(model, *variables(model), windows, targets, training=True)
    for a in range(N_ASSETS):
        alone.set_weights([weight[a] for weight in model.get_weights()])
        expected, slopes, _ = value_and_gradients(alone, *variables(alone), windows[..., a:a + 1], targets[a], training=True)
        np.testing.assert_allclose(outputs[a], expected, atol=1e-6)
        assert len(gradients) == len(slopes)
        for ours, theirs in zip(gradients, slopes):
            assert abs(theirs.numpy()).max() > 1e-4
            np.testing.assert_allclose(ours[a], theirs, atol=1e-6, rtol=1e-4)
        assert abs(outputs[a - 1] - expected).numpy().max() > 0.01


@pytest.mark.parametrize("cell", STOCK)
def test_the_output_is_each_assets_last_state_and_as_wide_as_in_stock_keras(cell):
    windows = keras.Input((LOOKBACK, N_ASSETS))
    ours = StackedRecurrent(network(layers=2), cell=cell, seed=1)(windows)
    assert ours.shape == (N_ASSETS, None, stock(cell, network(layers=2)).layers[1].output.shape[-1])


# -- initial weights


@pytest.mark.parametrize("cell", STOCK)
def test_each_asset_starts_as_stock_keras_does(cell):
    """Kernels reach Glorot's limit and no further, recurrent ones are orthogonal, biases are the same."""
    n_assets, kind = 60, network(layers=2)
    weights, theirs = stacked(cell, kind, n_assets).get_weights(), stock(cell, kind).get_weights()
    assert [weight.shape for weight in weights] == [(n_assets, *weight.shape) for weight in theirs]
    for kernel, recurrent, bias, stock_bias in zip(weights[:-2:3], weights[1:-2:3], weights[2:-2:3], theirs[2:-2:3]):
        limit = np.sqrt(6 / (kernel.shape[1] + kernel.shape[2]))
        assert 0.98 * limit < abs(kernel).max() <= limit
        np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.05)
        products = recurrent @ recurrent.swapaxes(1, 2)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(UNITS), products.shape), atol=1e-5)
        assert (bias == stock_bias).all()
    drawn = [row for kernel in weights[:-2:3] + weights[1:-2:3] for row in kernel[:, 0]]
    assert len(np.unique(drawn, axis=0)) == len(drawn) == n_assets * 2 * len(weights[:-2:3])


# -- dropout


DROPOUTS = [(0.3, 0.2), (0.4, 0.0), (0.0, 0.4)]


@pytest.mark.parametrize("dropout, recurrent_dropout", DROPOUTS)
@pytest.mark.parametrize("cell", STOCK)
def test_outputs_under_dropout_are_distributed_as_in_stock_keras_and_apart_for_each_asset(cell, dropout, recurrent_dropout):
    """The same window under many masks: two assets side by side with equal weights, and stock Keras."""
    n_draws, kind = 10_000, network(2, dropout, recurrent_dropout)
    model, alone = stacked(cell, kind, n_assets=2), stock(cell, kind)
    randomize(alone, seed=3)
    model.set_weights([np.stack([weight, weight]) for weight in alone.get_weights()])
    window = np.tile(np.linspace(-2, 2, LOOKBACK)[None, :, None], (n_draws, 1, 1)).astype("float32")
    windows = np.repeat(window, 2, axis=2)
    ours, theirs = np.asarray(model(windows, training=True))[..., 0], np.asarray(alone(window, training=True))[:, 0]
    spread = theirs.std()
    assert spread > 0.01
    np.testing.assert_allclose(ours.mean(axis=1), theirs.mean(), atol=5 * spread * np.sqrt(2 / n_draws))
    np.testing.assert_allclose(ours.std(axis=1), spread, rtol=0.05)
    quantiles = np.linspace(0.1, 0.9, 9)
    for own in ours:  # the share of our draws below quantiles of theirs, between two if outputs repeat
        ends = np.quantile(theirs, quantiles)
        for side in ("left", "right"):
            below, expected = (np.searchsorted(np.sort(x), ends + (1e-5 if side == "right" else -1e-5)) / n_draws
                               for x in (own, theirs))
            np.testing.assert_allclose(below, expected, atol=5 * np.sqrt(0.5 / n_draws))
    assert abs(np.corrcoef(ours)[0, 1]) < 5 / np.sqrt(n_draws)
    still = np.asarray(model(windows))[..., 0]
    np.testing.assert_allclose(still, np.asarray(alone(window))[0, 0], atol=1e-5)


@pytest.mark.parametrize("cell, n_gates", [("rnn", 1), ("gru", 3), ("bilstm", 4)])
@pytest.mark.parametrize("dropout, recurrent_dropout", DROPOUTS)
def test_masks_are_as_many_as_stock_keras_draws(monkeypatch, cell, n_gates, dropout, recurrent_dropout):
    """Numbers dropped from (one input, three units) in each layer and direction, an asset and a sample."""
    drawn = {"ours": [], "theirs": []}
    ours, theirs = (maker(cell, network(2, dropout, recurrent_dropout)) for maker in (stacked, stock))
    stateless_dropout = tf.nn.experimental.stateless_dropout

    def note(x, rate, **options):
        if rate:
            drawn[side].append((rate, int(np.prod(x.shape))))
        return stateless_dropout(x, rate, **options)

    monkeypatch.setattr(tf.nn.experimental, "stateless_dropout", note)
    side = "ours"
    ours(np.ones((BATCH, LOOKBACK, N_ASSETS), "float32"), training=True)
    side = "theirs"
    theirs(np.ones((BATCH, LOOKBACK, 1), "float32"), training=True)
    for rate in {dropout, recurrent_dropout} - {0}:
        numbers = {side: sum(n for each, n in drawn[side] if each == rate) for side in drawn}
        assert numbers["ours"] == N_ASSETS * numbers["theirs"] > 0
    side = "ours"
    drawn["ours"].clear()
    ours(np.ones((BATCH, LOOKBACK, N_ASSETS), "float32"), training=False)
    assert not drawn["ours"]


# -- training in one program


def adam(weights, moments, gradients, step):
    """Weights and moments after a plain step of Adam at 0.01, as Keras takes it."""
    first = [0.9 * m + 0.1 * g for (m, _), g in zip(moments, gradients)]
    second = [0.999 * v + 0.001 * g ** 2 for (_, v), g in zip(moments, gradients)]
    rate = 0.01 * tf.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
    weights = [w - rate * m / (tf.sqrt(v) + 1e-7) for w, m, v in zip(weights, first, second)]
    return weights, list(zip(first, second))


def one_program(model):
    """A function of weights, state, windows and targets, compiled by XLA: weights and state after a step a batch."""
    @tf.function(jit_compile=True)
    def program(weights, state, windows, targets):
        def step(batch, weights, moments, state):
            _, gradients, state = value_and_gradients(model, weights, state, windows[batch], targets[batch], training=True)
            return batch + 1, *adam(weights, moments, gradients, tf.cast(batch + 1, "float32")), state

        start = tf.constant(0), weights, [(tf.zeros_like(weight), tf.zeros_like(weight)) for weight in weights], state
        _, weights, _, state = tf.while_loop(lambda batch, *_: batch < len(windows), step, start,
                                             maximum_iterations=len(windows))
        return weights, state

    return program


@pytest.mark.parametrize("cell", STOCK)
def test_one_program_trains_each_asset_as_stock_keras_trains_it_alone(cell):
    model, alone = stacked(cell, network(layers=2)), stock(cell, network(layers=2))
    windows, targets = draws(n_batches=6)
    start = model.get_weights()
    trained, _ = one_program(model)(*variables(model), windows, targets)
    alone.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    for a in range(N_ASSETS):
        alone.set_weights([weight[a] for weight in start])
        for variable in alone.optimizer.variables:  # step and moments; Adam begins anew
            variable.assign(0 * variable if variable is not alone.optimizer.learning_rate else variable)
        for x, y in zip(windows[..., a:a + 1], targets[:, a]):
            alone.train_on_batch(x, y)
        for ours, theirs, before in zip(trained, alone.get_weights(), start):
            np.testing.assert_allclose(ours[a], theirs, atol=1e-5)
            assert abs(theirs - before[a]).max() > 0.01


@pytest.mark.parametrize("cell", STOCK)
def test_in_one_program_masks_follow_the_state_that_is_passed(cell):
    model = stacked(cell, network(layers=1, dropout=0.3, recurrent_dropout=0.3))
    (weights, state), samples, program = variables(model), draws(n_batches=2), one_program(model)
    trained, later = program(weights, state, *samples)
    again, _ = program(weights, state, *samples)
    other, _ = program(weights, later, *samples)
    assert all((one == same).numpy().all() for one, same in zip(trained, again))
    assert abs(trained[1] - other[1]).numpy().max() > 1e-4
