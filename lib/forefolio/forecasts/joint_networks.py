"""Neural networks that forecast all assets jointly from their raw simple returns.

Zouaoui & Naas (2025) let one recurrent network read the last W days of every asset and forecast them all, for several
window lengths W. Two things vary: the preset (the listing that the paper prints, or the network that its text
describes) and the target (the W days after the window, or the next day alone). Importing Keras takes seconds.
"""

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from forefolio.forecasts import layers  # noqa: F401  it sets TensorFlow up before Keras is imported
from forefolio.forecasts.schedule import forecast_frame
from forefolio.market.returns import Date, iso_day, lookback_windows, periods, rebalance_dates

import keras

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of compiling one graph a window, as it must
CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "bilstm": keras.layers.LSTM}
PREDICTED_TOGETHER = 128  # windows; one shape, so that XLA compiles once

Samples = tuple[np.ndarray, np.ndarray]  # inputs, targets


@dataclass(frozen=True)
class JointTraining:
    """How joint networks are trained, one for each of `windows` (days); that of `lookback` makes the forecasts."""

    preset: Literal["code", "prose"]
    target: Literal["window", "next_day"]
    windows: tuple[int, ...]
    lookback: int
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    train_end: Date
    validation_end: Date
    seed: int


def _recurrent(cell: str, units: int, *, sequences: bool, seeds: Iterator[int]) -> keras.layers.Layer:
    """A stock layer of this cell whose initial weights depend on nothing but the seeds."""
    def one_way(**options):
        return CELLS[cell](units, return_sequences=sequences, seed=next(seeds),
                           kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                           recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)), **options)

    if cell == "bilstm":  # given both ways: a copy that Keras made itself would start with the same weights
        return keras.layers.Bidirectional(one_way(), backward_layer=one_way(go_backwards=True))
    return one_way()


def build(cell: str, *, preset: str, target: str, window: int, n_assets: int, seed: int) -> keras.Model:
    """
    Build a network of stock Keras layers; all that is drawn comes from `seed`, and Keras' global seed stays as it is.

    Parameters
    ----------
    cell, preset, target : str
        One of `CELLS`; "code" or "prose"; "window" or "next_day", which alone the prose preset knows.
    window, n_assets, seed : int
        Days that the network reads; assets; of initial weights and dropout.

    Returns
    -------
    keras.Model
        Code: (batch, window, n_assets) -> (batch, window, n_assets), or -> (batch, n_assets) for the next day. Prose:
        (batch, window, 1) -> (batch, 1), one network that reads each asset's own window; assets are pooled as samples.

    Notes
    -----
    Zouaoui & Naas 2025. Code, as printed: cell(64, sequences) -> cell(32, sequences) -> Dense(N). The window's inputs
    are r[t-W+1..t] and output step j = 1..W forecasts the return of day t+j. So a cell that reads in one direction
    makes step j from the first j inputs alone, r[t-W+1..t-W+j]: its forecast of tomorrow rests on the oldest return of
    the window and on nothing else. That is how the printed code is; only `bilstm` reads the whole window for each step.
    Where the next day is the target, the last step's output is used alone. No input is ever a label of its own sample.
    Prose: cell(50) -> dropout 0.2 -> Dense(1). GRU and BiLSTM, which the paper asks for next, take the same places.
    """
    if cell not in CELLS:
        raise ValueError(f"There is no cell {cell!r}: choose one of {', '.join(CELLS)}")
    if preset == "prose" and target == "window":
        raise ValueError("The prose preset has one output, the next day: set target to next_day")
    seeds = iter(np.random.SeedSequence(seed).generate_state(20).tolist())
    inputs = keras.Input((window, n_assets if preset == "code" else 1))
    if preset == "code":
        x = _recurrent(cell, 64, sequences=True, seeds=seeds)(inputs)
        x = _recurrent(cell, 32, sequences=True, seeds=seeds)(x)
        x = x if target == "window" else x[:, -1]
    else:
        x = _recurrent(cell, 50, sequences=False, seeds=seeds)(inputs)
        x = keras.layers.Dropout(0.2, seed=next(seeds))(x)
    dense = keras.layers.Dense(inputs.shape[-1], kernel_initializer=keras.initializers.GlorotUniform(next(seeds)))
    return keras.Model(inputs, dense(x), name=cell)


def samples(returns: pd.DataFrame, *, window: int, target: str, first: Date, last: Date) -> Samples:
    """
    Windows of returns and their labels, all of whose days lie within a period.

    Parameters
    ----------
    returns, window, target, first, last : DataFrame (n_days, n_assets), int, str, date, date
        Simple daily returns; days in a window; "window" or "next_day"; the period, both days included.

    Returns
    -------
    inputs, targets : ndarray (n_samples, window, n_assets), the same or (n_samples, n_assets)
        Returns of the days t - window + 1 to t, the oldest first; of the days t + 1 to t + window, or of day t + 1.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, 0.3, 0.4]}, index=pd.date_range("2024-01-01", periods=4))
    >>> inputs, targets = samples(returns, window=2, target="window", first="2024-01-01", last="2024-01-04")
    >>> inputs[..., 0].tolist(), targets[..., 0].tolist()
    ([[0.1, 0.2]], [[0.3, 0.4]])
    """
    inside = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    runs = lookback_windows(inside, lookback=2 * window if target == "window" else window + 1)
    return runs[:, :window], runs[:, window:] if target == "window" else runs[:, window]


def _fed(model: keras.Model, values: np.ndarray) -> np.ndarray:
    """Inputs or targets as the network takes them: all assets together, or each as a sample of its own."""
    if model.input_shape[-1] != values.shape[-1]:
        values = np.moveaxis(values, -1, 1).reshape(-1, *values.shape[1:-1], 1)
    return values.astype(keras.config.floatx())


def _predict(model: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Forecasts of windows (n, window, n_assets): (n, window, n_assets) or (n, n_assets)."""
    inputs = _fed(model, windows)
    batches = np.resize(np.arange(len(inputs)), (-(-len(inputs) // PREDICTED_TOGETHER), PREDICTED_TOGETHER))
    outputs = np.concatenate([model.predict_on_batch(inputs[rows]) for rows in batches])[:len(inputs)]
    return outputs.reshape(len(windows), *outputs.shape[1:-1], windows.shape[-1])


def train(model: keras.Model, training_samples: Samples, validation_samples: Samples, *, training: JointTraining,
          progress: Callable[[int], None] | None = None) -> pd.DataFrame:
    """
    Train in place until the validation loss stops improving, and restore the best weights.

    Parameters
    ----------
    model, training : keras.Model as `build` makes it, JointTraining
    training_samples, validation_samples : tuple of ndarray, as `samples` gives them
    progress : callable, called after each epoch with its number

    Returns
    -------
    DataFrame
        epoch (from 1), loss and validation_loss (mean squared errors after the epoch, without dropout), kept (True on
        the epoch whose weights the network has now). After a loss that is no finite number no epoch is kept, all
        weights are missing, and a UserWarning says so.
    """
    # An eager loop of compiled batches: twice as fast as the same without XLA, and unrolling takes longer to compile.
    model.compile(keras.optimizers.Adam(training.learning_rate), jit_compile=True,
                  loss=keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    inputs, targets = (_fed(model, part) for part in training_samples)
    rng, size, rows = np.random.default_rng(training.seed), training.batch_size, []
    best_loss, best_epoch, best_weights = np.inf, 0, None
    for epoch in range(1, training.epochs + 1):
        order = rng.permutation(len(inputs))
        for first in range(0, len(order), size):
            # Rows of weight 0 fill the last batch up, so that XLA compiles one shape; a weight a label, or Keras' mean
            # would be a sum over days.
            batch = np.resize(order[first:first + size], size)
            weights = np.ones((size, *targets.shape[1:-1]), keras.config.floatx())
            weights[len(order) - first:] = 0
            model.train_on_batch(inputs[batch], targets[batch], weights)
        losses = [np.square(y - _predict(model, x)).mean() for x, y in (training_samples, validation_samples)]
        rows.append({"epoch": epoch, "loss": losses[0], "validation_loss": losses[1]})
        if progress:
            progress(epoch)
        diverged = not np.isfinite(losses).all()
        if losses[1] < best_loss:
            best_loss, best_epoch, best_weights = losses[1], epoch, [weight.copy() for weight in model.get_weights()]
        if diverged or epoch - best_epoch >= training.patience:
            break
    if diverged:
        best_epoch = 0
        warnings.warn(f"The {model.name} of window {inputs.shape[1]} diverged: lower learning_rate", stacklevel=2)
        best_weights = [np.nan * weight for weight in model.get_weights()]  # so that nothing is forecast by mistake
    model.set_weights(best_weights)
    return pd.DataFrame(rows).assign(kept=lambda history: history["epoch"] == best_epoch)


def trained_forecasts(returns: pd.DataFrame, schedule: pd.DataFrame, cell: str, training: JointTraining, *,
                      progress: Callable[[int, int], None] | None = None) -> dict[str, pd.DataFrame]:
    """
    Train one network a window length, make the scheduled forecasts and measure how accurate each network is.

    Parameters
    ----------
    returns, schedule : DataFrame
        Simple daily returns; the forecasts to make, as `forecasts.schedule` gives them from the days of `returns`.
    cell, training, progress : str, JointTraining, callable
        One of `CELLS`, which names the model; called after each epoch with the window and the epoch's number.

    Returns
    -------
    dict of DataFrame
        `forecasts`, as `forecasts.forecast_frame` makes them, by the network of `lookback`. All others have model,
        seed and window first: `window_means` (decision_date, asset, forecast: each network's mean forecast a day for
        the coming `window` days, at the rebalance dates); `history`, as `train` returns it; `accuracy`, a row a window
        (epochs_run; for validation and test, n_samples and the mean squared and absolute errors of the network, of
        zero and of the assets' training means on the same labels); `timings` (seconds of training, with compilation).
        A network that diverged has no forecasts, and its errors are missing.

    Raises
    ------
    ValueError
        If a return or a decision's window is missing, a period has no sample, or `lookback` is not among the windows.

    Notes
    -----
    Zouaoui & Naas 2025, the networks of their Table 4, on disjoint periods; theirs overlap. No sample crosses a
    period's edge. Beyond what a network gives it reads its own forecasts, appended to the window; this is ours.
    """
    spans = _checked_periods(returns, training)
    rebalances = rebalance_dates(returns.index, validation_end=training.validation_end).rename("decision_date")
    decisions = pd.DatetimeIndex(schedule["decision_date"].unique())
    recent = _windows_up_to(returns, decisions, training.lookback)
    means, tables = returns.loc[:spans.loc["training", "last"]].mean().to_numpy(), {}
    for window in training.windows:
        started = time.perf_counter()
        data = {period: samples(returns, window=window, target=training.target, first=days["first"], last=days["last"])
                for period, days in spans.iterrows()}
        model = build(cell, preset=training.preset, target=training.target, window=window, n_assets=returns.shape[1],
                      seed=training.seed)
        history = train(model, data["training"], data["validation"], training=training,
                        progress=progress and partial(progress, window))
        timings = pd.DataFrame({"seconds": [time.perf_counter() - started]})
        coming = _path(model, _windows_up_to(returns, rebalances, window), window)
        coming = pd.DataFrame(coming.mean(axis=1), rebalances, returns.columns.astype(str).rename("asset"))
        tables[cell, training.seed, window] = {
            "window_means": coming.stack().rename("forecast").dropna().reset_index(), "history": history,
            "accuracy": _accuracy(model, data, means, epochs_run=len(history)), "timings": timings}
        if window == training.lookback:
            path = _path(model, recent, schedule["horizon"].max())
    values = path[decisions.get_indexer(schedule["decision_date"]), schedule["horizon"] - 1]
    forecasts = forecast_frame(schedule, pd.DataFrame(values, columns=returns.columns), model=cell, seed=training.seed)
    made = {"forecasts": forecasts.dropna(ignore_index=True)}
    for noun in ("window_means", "history", "accuracy", "timings"):
        frames = {key: table[noun] for key, table in tables.items()}
        made[noun] = pd.concat(frames, names=["model", "seed", "window"]).reset_index([0, 1, 2]).reset_index(drop=True)
    return made


def _checked_periods(returns: pd.DataFrame, training: JointTraining) -> pd.DataFrame:
    """The periods by name; ValueError where returns cannot train these networks."""
    bad = ~np.isfinite(returns)
    if bad.any(axis=None):
        asset = bad.any().idxmax()
        raise ValueError(f"The return of {asset} on {iso_day(bad[asset].idxmax())} is missing: fill or drop it")
    if training.lookback not in training.windows:
        raise ValueError(f"There is no network of lookback {training.lookback} among windows: add it there")
    spans = periods(returns.index, train_end=training.train_end, validation_end=training.validation_end)
    longest = max(training.windows)
    n_labels = longest if training.target == "window" else 1
    for period, n_days in zip(spans["period"], spans["n_days"]):
        if n_days < longest + n_labels:
            raise ValueError(f"The {period} period has {n_days} days, and a window of {longest} with {n_labels} to "
                             f"forecast needs {longest + n_labels}: shorten the window or lengthen the period")
    return spans.set_index("period")


def _windows_up_to(returns: pd.DataFrame, days: pd.DatetimeIndex, window: int) -> np.ndarray:
    """The window of returns that ends on each decision day."""
    first = returns.index.get_indexer(days) - window + 1
    if (first < 0).any():
        raise ValueError(f"The decision of {iso_day(days[first < 0][0])} has no {window} returns up to it: drop it")
    return lookback_windows(returns, lookback=window)[first]


def _path(model: keras.Model, windows: np.ndarray, n_days: int) -> np.ndarray:
    """Forecasts (n_windows, n_days, n_assets) of the days after each window; the network reads its own and goes on."""
    (n_windows, window, n_assets), path = windows.shape, windows
    while path.shape[1] < window + n_days:
        path = np.concatenate([path, _predict(model, path[:, -window:]).reshape(n_windows, -1, n_assets)], axis=1)
    return path[:, window:window + n_days]


def _accuracy(model: keras.Model, data: dict[str, Samples], means: np.ndarray, *, epochs_run: int) -> pd.DataFrame:
    """One row: errors in validation and test of the network, of zero and of the training means, on the same labels."""
    row = {"epochs_run": epochs_run}
    for period in ("validation", "test"):
        inputs, targets = data[period]
        row[f"n_samples_{period}"] = len(targets)
        for name, forecast in (("", _predict(model, inputs)), ("zero_", 0.0), ("mean_", means)):
            row[f"{name}mse_{period}"] = np.square(targets - forecast).mean()
            row[f"{name}mae_{period}"] = np.abs(targets - forecast).mean()
    return pd.DataFrame([row])
