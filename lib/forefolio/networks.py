"""Neural networks that forecast each asset from its own past, all assets side by side.

Nguyen (2025) fits one small network a stock. Here every weight has a leading asset axis, so that one compiled graph
trains all those networks at once. They share nothing but the order of the batches: the loss is the sum of the assets'
own losses, and Adam works weight by weight, so each is trained as it would be alone. Slice ``weight[a]`` of each of a
model's weights is the network of asset ``a``, in stock Keras' shapes and order. Importing Keras takes seconds.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import numpy as np
import pandas as pd

from forefolio.forecasts import forecast_frame, window_counts
from forefolio.layers import Dense, StackedLSTM
from forefolio.returns import Date, iso_day, lookback_windows

import keras  # after layers, which silences it
from keras import ops


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


def outline(network: LSTM | CNN1D, training: Training, *, n_assets: int) -> list[tuple[str, str]]:
    """A network's layers from input to output, each a name and its details, to be drawn.

    >>> training = Training(30, 50, 64, 0.01, 10, "2018-12-31", "2020-12-31", 7)
    >>> outline(LSTM(1, 4, 0.3, 0.3), training, n_assets=20)
    [('input', '30 days, 1 asset'), ('LSTM', '4 units, dropout 0.3'), ('dense', '1 day'), ('side by side', '20 assets')]
    """
    if isinstance(network, LSTM):
        inside = [("LSTM", f"{network.units} units, dropout {network.dropout:g}")] * network.layers
    else:
        inside = [("convolution", f"{network.filters} filters of {network.kernel_size} days")] * network.layers
        inside += [("pool", f"{network.pool_size} days"),
                   ("dense", f"{network.dense_units} units, dropout {network.dropout:g}")]
    return [("input", f"{training.lookback} days, 1 asset"), *inside, ("dense", "1 day"), ("side by side", f"{n_assets} assets")]


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
