"""Training of networks side by side: an epoch is one compiled program, and training stops separately for each asset.

The loss is the sum of the assets' mean squared errors, and Adam treats each weight separately, so every asset is
trained as if it were alone. A program is compiled once for all groups of one size, all seeds and all refits, because
weights, moments and random states are its inputs and outputs.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from forefolio.forecasts.layers import compiled, keras, ops, with_gradient
from forefolio.market.returns import Date

BETAS, EPSILON = (0.9, 0.999), 1e-7  # of Adam, stock Keras' own
PREDICTED_TOGETHER = 256  # windows; one shape, so that it is compiled once


@dataclass(frozen=True)
class Training:
    """Settings of training: lookback in days, patience in epochs, last days of training and validation, and seeds.

    Where a `leak` moves them (see `market.leaks`), `fitted_until` is the last day that is trained on, and
    `scaled_until` the last that z-scores know. Training days cannot validate, so with `fitted_until` all epochs run and
    the last one is kept, as with a patience of 0.
    """

    lookback: int
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    train_end: Date
    validation_end: Date
    seed: int
    seeds: int = 1
    fitted_until: Date | None = None  # None: train_end
    scaled_until: Date | None = None

    @property
    def stops_early(self) -> bool:
        """Whether validation losses decide when training stops and which weights are kept."""
        return self.patience > 0 and self.fitted_until is None


class Programs(NamedTuple):
    """Compiled functions of one architecture, as `programs` makes them; `predict` forecasts from weights and states.

    `epoch` trains: it returns weights, random states and moments afterwards, and the mean squared error of each asset
    over the epoch's batches, as stock Keras reports it.
    """

    epoch: Callable
    predict: Callable


def programs(model: keras.Model) -> Programs:
    """The programs of a model (batch, lookback, n_assets) -> (batch, n_assets), and of all others of its architecture."""
    def epoch(weights, states, moments, windows, targets, rows, row_weights, n_batches, learning_rate):
        def step(batch, carried):
            weights, states, moments, errors = carried
            x, y = (ops.take(values, rows[batch], axis=0) for values in (windows, targets))
            weight = row_weights[batch]

            def loss(weights):
                forecasts, after = model.stateless_call(weights, states, x, training=True)
                squares = ops.sum(weight[:, None] * ops.square(forecasts - y), axis=0)
                return ops.sum(squares) / ops.sum(weight), (squares, after)

            (_, (squares, states)), gradient = with_gradient(loss, weights)
            weights, moments = _adam(weights, gradient, moments, learning_rate)
            return weights, list(states), moments, errors + squares

        start = (weights, states, moments, ops.zeros_like(targets[0]))
        weights, states, moments, errors = ops.fori_loop(0, n_batches, step, start)
        return weights, states, moments, errors / ops.sum(row_weights)

    def predict(weights, states, windows):
        return model.stateless_call(weights, states, windows, training=False)[0]

    return Programs(compiled(epoch), compiled(predict))


def values_of(model: keras.Model) -> tuple[list, list]:
    """Weights and random states of a model, as a program takes them."""
    return tuple([variable.value for variable in variables]
                 for variables in (model.trainable_variables, model.non_trainable_variables))


def _adam(weights: list, gradient: list, moments: tuple, learning_rate) -> tuple[list, tuple]:
    """One step of Adam (Kingma and Ba 2015) in stock Keras' form; moments are the first, the second, and the step."""
    (first, second, step), (keep_first, keep_second) = moments, BETAS
    step = step + 1
    one, two = (float(np.float32(keep)) ** step for keep in BETAS)  # stock Keras rounds them here in double precision too
    rate = learning_rate * ops.sqrt(1 - two) / (1 - one)
    first = [m + (1 - keep_first) * (g - m) for m, g in zip(first, gradient)]
    second = [v + (1 - keep_second) * (g * g - v) for v, g in zip(second, gradient)]
    weights = [w - rate * m / (ops.sqrt(v) + EPSILON) for w, m, v in zip(weights, first, second)]
    return weights, (first, second, step)


def in_batches(predict: Callable[[np.ndarray], np.ndarray], windows: np.ndarray) -> np.ndarray:
    """The result of `predict` for windows, in batches of one shape; the first windows fill up the last batch."""
    batches = np.resize(np.arange(len(windows)), (-(-len(windows) // PREDICTED_TOGETHER), PREDICTED_TOGETHER))
    return np.concatenate([ops.convert_to_numpy(predict(windows[rows])) for rows in batches])[:len(windows)]


def _batches(n_samples: int, batch_size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shuffled rows (batches, batch_size), their weights, 0 where they fill up the last batch, and how many batches count."""
    rows = np.resize(rng.permutation(n_samples), (-(-_roomy(n_samples) // batch_size), batch_size))
    weights = (np.arange(rows.size) < n_samples).reshape(rows.shape)
    n_batches = np.asarray(-(-n_samples // batch_size), "int32")
    return rows.astype("int32"), weights.astype(keras.config.floatx()), n_batches


def _roomy(n_samples: int) -> int:
    """The next multiple of 512: samples that an array has room for, so that periods of about one length share a program."""
    return -(-n_samples // 512) * 512


def _padded(samples: np.ndarray):
    """Samples as a tensor, with zeros that no batch reads."""
    room = _roomy(len(samples)) - len(samples)
    return ops.convert_to_tensor(np.pad(samples, [(0, room)] + [(0, 0)] * (samples.ndim - 1)))


def train(model: keras.Model, data: tuple[np.ndarray, ...], *, training: Training, seed: int, assets: list[str],
          program: Programs, progress: Callable[[int, int], None] | None = None) -> pd.DataFrame:
    """Train the networks of all assets side by side in place, each until its own validation loss stops falling.

    Parameters
    ----------
    data : tuple of ndarray
        Windows and targets of training, then of validation.
    seed : int
        The seed of the order of samples.
    assets : list of str
        Names of the first networks for the history; further networks are fillers and are not reported.
    progress : callable, optional
        Called after each epoch with its number and the number of assets that go on.

    Returns
    -------
    DataFrame
        The history; losses are over the epoch's batches with dropout, validation losses after the epoch without. A
        UserWarning names each asset whose loss became infinite or not a number: it stops alone and no epoch is kept.
    """
    train_windows, train_targets, validation_windows, validation_targets = data
    floats = keras.config.floatx()
    weights, states = ([ops.convert_to_tensor(ops.convert_to_numpy(value)) for value in values] for values in values_of(model))
    moments = ([ops.zeros_like(w) for w in weights], [ops.zeros_like(w) for w in weights], ops.zeros((), floats))
    windows, targets = _padded(train_windows), _padded(train_targets)
    rng, rows_of_epochs, own = np.random.default_rng(seed), [], slice(len(assets))
    best_weights = [np.array(ops.convert_to_numpy(weight)) for weight in weights]
    best_loss, best_epoch = np.full(len(assets), np.inf), np.zeros(len(assets), dtype=int)
    running, failed = np.full(len(assets), True), np.full(len(assets), False)
    for epoch in range(1, training.epochs + 1):
        weights, states, moments, loss = program.epoch(weights, states, moments, windows, targets,
                                                       *_batches(len(train_windows), training.batch_size, rng),
                                                       np.asarray(training.learning_rate, floats))
        loss = ops.convert_to_numpy(loss)[own]
        errors = in_batches(partial(program.predict, weights, states), validation_windows) - validation_targets
        validation_loss = np.mean(errors**2, axis=0)[own]
        table = pd.DataFrame({"model": model.name, "seed": seed, "asset": assets, "epoch": epoch, "loss": loss,
                              "validation_loss": validation_loss})
        rows_of_epochs.append(table[running])
        # Stopped assets stay in the graph without effect on others; their best weights are kept.
        failed |= running & ~np.isfinite(loss + validation_loss)
        better = running & ~failed & (validation_loss < best_loss if training.stops_early else True)
        best_loss[better], best_epoch[better] = validation_loss[better], epoch
        for best, now in zip(best_weights, weights):
            best[own][better] = ops.convert_to_numpy(now)[own][better]
        running &= ~failed & ((epoch - best_epoch < training.patience) | (not training.stops_early))
        if progress:
            progress(epoch, int(running.sum()))
        if not running.any():
            break
    for variable, best in zip(model.trainable_variables, best_weights):
        variable.assign(best)
    for asset in np.array(assets)[failed]:
        warnings.warn(f"The {model.name} of {asset} diverged and forecasts nothing: lower learning_rate", stacklevel=2)
    history = pd.concat(rows_of_epochs, ignore_index=True)
    kept = pd.Series(np.where(failed, 0, best_epoch), index=assets)
    return history.assign(kept=history["epoch"] == history["asset"].map(kept))
