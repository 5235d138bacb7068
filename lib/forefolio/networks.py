"""Neural networks that forecast each asset from its own past, all assets side by side.

Nguyen (2025) fits one small network a stock. Here every weight has a leading asset axis, so that one compiled graph
trains all those networks at once. They share nothing but the order of the batches: the loss is the sum of the assets'
own losses, and Adam works weight by weight, so each is trained as it would be alone. Slice ``weight[a]`` of each of a
model's weights is the network of asset ``a``, in stock Keras' shapes and order. Importing Keras takes seconds.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import numpy as np
import pandas as pd

from forefolio.forecasts import forecast_frame, window_counts
from forefolio.returns import Date, iso_day, lookback_windows

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_stderr = os.dup(2)
with open(os.devnull, "w") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)  # TensorFlow 2.21 heeds no log level while it is imported
try:
    import keras
    from keras import ops
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)


@dataclass(frozen=True)
class LSTM:
    """Stacked LSTM; Nguyen (2025): 4 layers of 4 units, dropout and recurrent dropout 0.3."""

    name: ClassVar[str] = "lstm"
    layers: int
    units: int
    dropout: float
    recurrent_dropout: float


@dataclass(frozen=True)
class CNN1D:
    """Convolutions over time; Nguyen (2025): 2 of 32 filters and kernel 3, pool 2, 64 dense units, dropout 0.2."""

    name: ClassVar[str] = "cnn1d"
    layers: int
    filters: int
    kernel_size: int
    pool_size: int
    dense_units: int
    dropout: float


@dataclass(frozen=True)
class Training:
    """How networks are trained: lookback in days, patience in epochs, the last days of training and of validation."""

    lookback: int
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    train_end: Date
    validation_end: Date
    seed: int


def _each_asset(initializer: Callable) -> Callable:
    """Draw each asset's weights apart: Glorot's fans are those of one network, as in stock Keras."""
    return lambda shape, dtype=None: ops.stack([initializer(shape[1:], dtype=dtype) for _ in range(shape[0])])


class Dense(keras.layers.Layer):
    """Each asset's dense layer, (assets, batch, inputs) -> (assets, batch, units).

    With a kernel size it is a convolution, (assets, batch, days, inputs) -> (assets, batch, fewer days, units): the
    same dense layer on every run of that many days.
    """

    def __init__(self, units: int, activation: str, *, seed: int, kernel_size: int | None = None):
        super().__init__()
        self.units, self.activation, self.kernel_size = units, keras.activations.get(activation), kernel_size
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, shape):
        stock_shape = (shape[-1], self.units) if self.kernel_size is None else (self.kernel_size, shape[-1], self.units)
        glorot = _each_asset(keras.initializers.GlorotUniform(self.seed_generator))
        self.kernel = self.add_weight((shape[0], *stock_shape), initializer=glorot)
        self.bias = self.add_weight((shape[0], self.units), initializer="zeros")

    def call(self, x):
        if self.kernel_size is not None:
            n_days = x.shape[2] - self.kernel_size + 1
            x = ops.concatenate([x[:, :, day:day + n_days] for day in range(self.kernel_size)], axis=-1)
        n_assets, n_inputs = x.shape[0], x.shape[-1]
        kernel = ops.reshape(self.kernel, (n_assets, n_inputs, self.units))
        outputs = ops.matmul(ops.reshape(x, (n_assets, -1, n_inputs)), kernel) + self.bias[:, None]
        return self.activation(ops.reshape(outputs, (n_assets, -1, *x.shape[2:-1], self.units)))


class StackedLSTM(keras.layers.Layer):
    """Each asset's stacked LSTM, (batch, days, assets) -> (assets, batch, units), the top layer's last state.

    All layers advance in one loop, as a wave: while the first layer reads day t, layer k reads what the layer below
    made of day t - k. So one product a gate serves all layers and assets, in days + layers - 1 steps. Dropout masks
    are those of stock Keras with recurrent dropout: one a gate, for what comes from below and for the layer's own
    state, the same on all days.
    """

    def __init__(self, network: LSTM, *, seed: int):
        super().__init__()
        self.network, self.seed_generator = network, keras.random.SeedGenerator(seed)
        self.wave = keras.layers.RNN(_Wave(network.units))  # a loop that every backend can differentiate and compile

    def build(self, shape):
        n_assets, units = shape[-1], self.network.units
        glorot = _each_asset(keras.initializers.GlorotUniform(self.seed_generator))
        orthogonal = _each_asset(keras.initializers.Orthogonal(seed=self.seed_generator))
        unit_forget = _each_asset(lambda shape, dtype: ops.repeat(ops.array([0, 1, 0, 0], dtype), units))
        self.kernels, self.recurrent_kernels, self.biases = [], [], []
        for n_inputs in [1] + [units] * (self.network.layers - 1):
            self.kernels.append(self.add_weight((n_assets, n_inputs, 4 * units), initializer=glorot))
            self.recurrent_kernels.append(self.add_weight((n_assets, units, 4 * units), initializer=orthogonal))
            self.biases.append(self.add_weight((n_assets, 4 * units), initializer=unit_forget))

    def call(self, windows, training=False):
        layers, units = self.network.layers, self.network.units
        rates = self.network.dropout, self.network.recurrent_dropout
        ones = ops.ones((layers, windows.shape[2], units, ops.shape(windows)[0]), self.compute_dtype)
        # The first layer has one input; zeros give its kernel the shape of the others.
        padded = [ops.pad(kernel, ((0, 0), (0, units - kernel.shape[1]), (0, 0))) for kernel in self.kernels]
        below, own = ([ops.swapaxes(kernel, 1, 2) for kernel in kind] for kind in (padded, self.recurrent_kernels))
        kernels = ops.concatenate([ops.stack(below), ops.stack(own)], axis=3)
        kernels = ops.split(kernels, 4, axis=2)  # a gate: (layers, assets, units, 2 units)
        biases = ops.split(ops.stack([bias[..., None] for bias in self.biases]), 4, axis=2)
        masks = [ops.concatenate([keras.random.dropout(ones, rate, seed=self.seed_generator) for rate in rates], axis=2)
                 if training else ones[:1, :1, :1, :1] for _ in range(4)]
        self.wave.cell.gates = tuple(zip(kernels, biases, masks))
        days = ops.pad(ops.transpose(windows, (2, 1, 0)), ((0, 0), (0, layers - 1), (0, 0)))
        start = [ops.zeros_like(ones), ops.zeros_like(ones), ops.zeros((), self.compute_dtype)]
        return ops.swapaxes(self.wave(days, initial_state=start), 1, 2)


class _Wave(keras.layers.Layer):
    """One step of the wave; its states are hidden and carry, (layers, assets, units, batch), and the step's number."""

    def __init__(self, units: int):
        super().__init__()
        self.state_size, self.output_size = [units, units, 1], units

    def call(self, today, states):
        hidden, carry, step = states
        today = ops.pad(today[None, :, None], ((0, 0), (0, 0), (0, hidden.shape[2] - 1), (0, 0)))
        below = ops.concatenate([today, hidden[:-1]])
        # To compute the gates again for the gradient is cheaper than to keep them from every step.
        hidden, carry = keras.remat(_lstm_step)(below, hidden, carry, *self.gates)
        reached = ops.cast(ops.arange(hidden.shape[0], dtype=step.dtype) <= step, hidden.dtype)[:, None, None, None]
        return hidden[-1], [hidden * reached, carry * reached, step + 1]


def _lstm_step(below, hidden, carry, *gates):
    """Hidden and carry after one step of the LSTM; the kernel, bias and mask of each gate come in Keras' order."""
    inputs = ops.concatenate([below, hidden], axis=2)
    let_in, forget, candidate, let_out = (ops.matmul(kernel, inputs * mask) + bias for kernel, bias, mask in gates)
    carry = ops.sigmoid(forget) * carry + ops.sigmoid(let_in) * ops.tanh(candidate)
    return ops.sigmoid(let_out) * ops.tanh(carry), carry


def _cnn1d(windows, network: CNN1D, seeds: Iterator[int]):
    """The layers of the 1D-CNN up to its last."""
    n_assets, pool = windows.shape[2], network.pool_size
    n_pools = (windows.shape[1] - network.layers * (network.kernel_size - 1)) // pool
    if n_pools < 1:
        raise ValueError(f"The convolutions leave nothing of a lookback of {windows.shape[1]} to pool: lengthen it")
    x = ops.transpose(windows, (2, 0, 1))[..., None]
    for _ in range(network.layers):
        x = Dense(network.filters, "relu", seed=next(seeds), kernel_size=network.kernel_size)(x)
    x = ops.max(ops.reshape(x[:, :, :n_pools * pool], (n_assets, -1, n_pools, pool, network.filters)), axis=3)
    x = ops.reshape(x, (n_assets, -1, n_pools * network.filters))
    x = Dense(network.dense_units, "relu", seed=next(seeds))(x)
    # Stock dropout in two halves: XLA makes TensorFlow's generator 20 times slower where a graph draws only once.
    halves = x[..., :network.dense_units // 2], x[..., network.dense_units // 2:]
    return ops.concatenate([keras.layers.Dropout(network.dropout, seed=next(seeds))(half) for half in halves], axis=-1)


def build(network: LSTM | CNN1D, *, n_assets: int, lookback: int, seed: int) -> keras.Model:
    """Build one network an asset, side by side: windows (batch, lookback, n_assets) -> forecasts (batch, n_assets).

    Initial weights and dropout masks are drawn from `seed`, which Keras' global seed is set to as well, each asset's
    apart and as stock Keras draws them. ValueError if the lookback is too short for convolutions and pooling.
    """
    keras.utils.set_random_seed(seed)
    seeds, windows = count(1000 * seed), keras.Input((lookback, n_assets))
    if isinstance(network, LSTM):
        x = StackedLSTM(network, seed=next(seeds))(windows)
    else:
        x = _cnn1d(windows, network, seeds)
    forecasts = Dense(1, "linear", seed=next(seeds))(x)
    return keras.Model(windows, ops.transpose(forecasts[..., 0]), name=network.name)


def _batches(n_samples: int, batch_size: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shuffled rows and their weights; rows of weight 0 fill the last batch up, so that XLA compiles one shape."""
    order = rng.permutation(n_samples)
    for first in range(0, n_samples, batch_size):
        rows = order[first:first + batch_size]
        yield np.resize(rows, batch_size), np.where(np.arange(batch_size) < len(rows), 1.0, 0.0)


def _predict(model: keras.Model, windows: np.ndarray, batch_size: int) -> np.ndarray:
    """Forecasts (n_windows, n_assets), made in batches of one shape as well."""
    batches = np.resize(np.arange(len(windows)), (-(-len(windows) // batch_size), batch_size))
    return np.concatenate([model.predict_on_batch(windows[rows]) for rows in batches])[:len(windows)]


def _losses(model: keras.Model, windows: np.ndarray, targets: np.ndarray, batch_size: int) -> np.ndarray:
    """Each asset's mean squared error, without dropout."""
    return np.square(_predict(model, windows, batch_size) - targets).mean(axis=0, dtype=float)


def train(model: keras.Model, train_windows: np.ndarray, train_targets: np.ndarray, validation_windows: np.ndarray,
          validation_targets: np.ndarray, *, training: Training, assets: list[str],
          progress: Callable[[int, int], None] | None = None) -> pd.DataFrame:
    """Train in place, each asset until its validation loss stops improving, and restore each asset's best weights.

    Parameters
    ----------
    model, training, assets : keras.Model as `build` makes it, Training, list of str
    train_windows, train_targets : ndarray (n_samples, lookback, n_assets), ndarray (n_samples, n_assets)
    validation_windows, validation_targets : ndarray, the same for validation
    progress : callable, called after each epoch with its number and the number of assets that go on

    Returns
    -------
    DataFrame
        asset, epoch (from 1 to the asset's last), loss and validation_loss (mean squared errors after the epoch,
        without dropout), kept (True on the epoch whose weights the asset has now).

    Warns
    -----
    UserWarning
        Names each asset whose loss became infinite or not a number: it stops alone and no epoch of it is kept.
    """
    # The mean over assets times their number is their sum: each asset's gradient is that of its own mean.
    model.compile(keras.optimizers.Adam(training.learning_rate), loss_weights=float(len(assets)), jit_compile=True,
                  loss=keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    rng, epochs = np.random.default_rng(training.seed), []
    best_weights = [weight.copy() for weight in model.get_weights()]
    best_loss, best_epoch = np.full(len(assets), np.inf), np.zeros(len(assets), dtype=int)
    running, failed = np.full(len(assets), True), np.full(len(assets), False)
    for epoch in range(1, training.epochs + 1):
        for rows, weights in _batches(len(train_windows), training.batch_size, rng):
            model.train_on_batch(train_windows[rows], train_targets[rows], weights)
        loss = _losses(model, train_windows, train_targets, training.batch_size)
        validation_loss = _losses(model, validation_windows, validation_targets, training.batch_size)
        table = {"asset": assets, "epoch": epoch, "loss": loss, "validation_loss": validation_loss}
        epochs.append(pd.DataFrame(table)[running])
        # Stopped assets go on in the graph and disturb nobody; their best weights stay as they are.
        failed |= running & ~np.isfinite(loss + validation_loss)
        better = running & ~failed & (validation_loss < best_loss)
        best_loss[better], best_epoch[better] = validation_loss[better], epoch
        for best, now in zip(best_weights, model.get_weights()):
            best[better] = now[better]
        running &= ~failed & (epoch - best_epoch < training.patience)
        if progress:
            progress(epoch, int(running.sum()))
        if not running.any():
            break
    model.set_weights(best_weights)
    for asset in np.array(assets)[failed]:
        warnings.warn(f"The {model.name} of {asset} diverged and forecasts nothing: lower learning_rate", stacklevel=2)
    history = pd.concat(epochs, ignore_index=True)
    kept = pd.Series(np.where(failed, 0, best_epoch), index=assets)
    return history.assign(kept=history["epoch"] == history["asset"].map(kept))


def no_history() -> pd.DataFrame:
    """The history of a study without networks: the columns of `trained_forecasts`, no rows."""
    kinds = dict(model=str, seed=int, asset=str, epoch=int, loss=float, validation_loss=float, kept=bool)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def trained_forecasts(returns: pd.DataFrame, schedule: pd.DataFrame, network: LSTM | CNN1D, training: Training, *,
                      progress: Callable[[int, int], None] | None = None) -> dict[str, pd.DataFrame]:
    """Train one network an asset and make the scheduled forecasts.

    Parameters
    ----------
    returns, schedule : DataFrame
        Simple daily returns; the forecasts to make, as `forecasts.schedule` gives them from the days of `returns`.
    network, training, progress : LSTM or CNN1D, Training, callable as in `train`

    Returns
    -------
    dict of DataFrame
        `forecasts`, as `forecasts.forecast_frame` makes them, without assets that diverged; `history`, as `train`
        returns it, with model and seed, losses in squared z-scores.

    Raises
    ------
    ValueError
        If a return has no logarithm, a period has no sample, an asset never moves in training, or a decision has no
        full window of returns up to it.

    Notes
    -----
    Nguyen 2025: log returns, z-scored by mean and deviation (ddof 0) of the training period alone; a sample belongs to
    the period of its target. For horizons above 1, which are ours, each forecast enters the window of the next.
    """
    lookback, train_end = training.lookback, pd.Timestamp(training.train_end)
    _check(returns, returns.loc[:train_end], lookback)
    n_train, n_validation, _ = window_counts(returns.index, lookback=lookback, train_end=training.train_end,
                                             validation_end=training.validation_end)["n_samples"]
    log_returns = np.log1p(returns)
    past = log_returns.loc[:train_end].to_numpy()
    mean, deviation = past.mean(axis=0), past.std(axis=0)
    scores = ((log_returns - mean) / deviation).to_numpy(keras.config.floatx())
    windows, targets = lookback_windows(scores, lookback=lookback), scores[lookback:]
    validation = slice(n_train, n_train + n_validation)
    model = build(network, n_assets=returns.shape[1], lookback=lookback, seed=training.seed)
    history = train(model, windows[:n_train], targets[:n_train], windows[validation], targets[validation],
                    training=training, assets=list(returns.columns), progress=progress)

    longest = schedule.groupby("decision_date")["horizon"].max()
    decided = returns.index.get_indexer(longest.index) - lookback + 1
    if (decided < 0).any():
        day = iso_day(longest.index[decided < 0][0])
        raise ValueError(f"The decision of {day} has no {lookback} returns up to it: schedule later ones")
    recent, steps = windows[decided], np.full((longest.max(), len(longest), returns.shape[1]), np.nan)
    for step, forecast in enumerate(steps):
        due = longest.to_numpy() > step
        forecast[due] = _predict(model, recent[due], training.batch_size)
        recent = np.concatenate([recent[:, 1:], forecast[:, None]], axis=1, dtype=recent.dtype)
    values = steps[schedule["horizon"] - 1, longest.index.get_indexer(schedule["decision_date"])]
    values = pd.DataFrame(np.expm1(mean + deviation * values), columns=returns.columns)
    usable = history.groupby("asset")["kept"].any()[returns.columns].to_numpy()
    forecasts = forecast_frame(schedule, values.loc[:, usable], model=network.name, seed=training.seed)
    return {"forecasts": forecasts,
            "history": history.assign(model=network.name, seed=training.seed)[no_history().columns]}


def _check(returns: pd.DataFrame, past: pd.DataFrame, lookback: int) -> None:
    """Raise ValueError where returns cannot train networks."""
    bad = ~(returns > -1)
    if bad.any(axis=None):
        asset = bad.any().idxmax()
        raise ValueError(f"The return of {asset} on {iso_day(bad[asset].idxmax())} has no logarithm: fill its gaps or "
                         "leave it out")
    if len(past) <= lookback:
        raise ValueError(f"A lookback of {lookback} needs more than {len(past)} returns up to train_end: shorten it")
    still = past.columns[past.nunique() == 1]
    if len(still):
        raise ValueError(f"{', '.join(still)} never moves up to train_end, so it has no z-scores: drop it")
