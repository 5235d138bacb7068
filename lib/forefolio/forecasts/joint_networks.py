"""Neural networks that forecast all assets jointly from their raw simple returns.

Zouaoui & Naas (2025) let one recurrent network read the last W days of every asset and forecast them all, for several
window lengths W. `architectures.JointRecurrent` says what a network reads and forecasts; this module trains it and
measures its errors.
"""

import logging
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from forefolio.forecasts.layers import keras
from forefolio.forecasts.schedule import (errors_by_lag, forecast_frame, lookback_windows, sample_days, scheduled,
                                          judged_targets)
from forefolio.forecasts.training import Training, in_batches
from forefolio.market.returns import Date, periods, rebalance_dates

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns about one graph per window, which is intended
Samples = tuple[np.ndarray, np.ndarray]  # inputs, targets


def build(network: Any, *, window: int, n_assets: int, seed: int) -> keras.Model:
    """Build a network of stock Keras layers; all draws come from `seed`, and Keras' global seed does not change.

    All assets together: (batch, window, n_assets) -> (batch, window, n_assets), or -> (batch, n_assets) for the next
    day. Otherwise (batch, window, 1) -> (batch, 1), one network that reads each asset's own window.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(40).tolist())
    inputs = keras.Input((window, n_assets if network.together else 1))
    x = network.hidden(inputs, seeds)
    dense = keras.layers.Dense(inputs.shape[-1], kernel_initializer=keras.initializers.GlorotUniform(next(seeds)))
    return keras.Model(inputs, dense(x), name=network.name)


def samples(returns: pd.DataFrame, *, window: int, target: str, first: Date, last: Date) -> Samples:
    """Windows of returns, days t - window + 1 to t, and their labels; all days lie within one period.

    Labels are the returns of the days t + 1 to t + window, (n_samples, window, n_assets), where `target` is "window", or
    of day t + 1, (n_samples, n_assets), where it is "next_day".
    """
    inside = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    runs = lookback_windows(inside, lookback=sample_days(window, target))
    return runs[:, :window], runs[:, window:] if target == "window" else runs[:, window]


def _fed(model: keras.Model, values: np.ndarray) -> np.ndarray:
    """Inputs or targets in the network's form: all assets together, or each asset as its own sample."""
    if model.input_shape[-1] != values.shape[-1]:
        values = np.moveaxis(values, -1, 1).reshape(-1, *values.shape[1:-1], 1)
    return values.astype(keras.config.floatx())


def _predict(model: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Forecasts of windows (n, window, n_assets): (n, window, n_assets) or (n, n_assets)."""
    outputs = in_batches(model.predict_on_batch, _fed(model, windows))
    return outputs.reshape(len(windows), *outputs.shape[1:-1], windows.shape[-1])


def train(model: keras.Model, training_samples: Samples, validation_samples: Samples, *,
          training: Training) -> pd.DataFrame:
    """Train in place until the validation loss stops improving, and restore the best weights.

    Returns the history from `epoch` on; both losses are after the epoch, without dropout. If a loss is not finite, no
    epoch is kept, all weights are missing, and a UserWarning says so.
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
        diverged = not np.isfinite(losses).all()
        if losses[1] < best_loss or not training.stops_early:
            best_loss, best_epoch, best_weights = losses[1], epoch, [weight.copy() for weight in model.get_weights()]
        if diverged or training.stops_early and epoch - best_epoch >= training.patience:
            break
    if diverged:
        best_epoch = 0
        warnings.warn(f"The {model.name} of window {inputs.shape[1]} diverged: lower learning_rate", stacklevel=2)
        best_weights = [np.nan * weight for weight in model.get_weights()]  # so that nobody uses them by mistake
    model.set_weights(best_weights)
    return pd.DataFrame(rows).assign(kept=lambda history: history["epoch"] == best_epoch)


def trained_forecasts(returns: pd.DataFrame, schedule: pd.DataFrame, network: Any, training: Training,
                      traded: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """Train one network per window length, make the scheduled forecasts and measure how accurate each network is.

    Returns
    -------
    dict of DataFrame
        `forecasts` and `lags` (model and seed before the columns of `schedule.errors_by_lag`, errors of simple returns), by
        the network whose window is the `lookback`. All others have model, seed and window first:
        `window_means` (decision_date, asset, forecast: each network's mean forecast a day for the coming `window` days,
        at the rebalance dates); `history`; `window_accuracy`, a row per window (epochs_run; for validation and test,
        n_samples and the mean squared and absolute errors of the network, of zero and of the assets' training means on
        the same labels); `timings` (seconds of training, with compilation). A network that diverged has no forecasts,
        and its errors are missing. `training.seeds` is ignored: there is one training.

    Notes
    -----
    The networks of Table 4 of Zouaoui & Naas 2025, on disjoint periods; theirs overlap. No sample crosses the edge of a
    period. For days beyond its output a network reads its own forecasts, appended to the window; that is our choice.
    """
    spans = periods(returns.index, train_end=training.train_end, validation_end=training.validation_end).set_index("period")
    rebalances = rebalance_dates(returns.index, validation_end=training.validation_end,
                                 traded=traded).rename("decision_date")
    means, tables = returns.loc[:spans.loc["training", "last"]].mean().to_numpy(), {}
    for window in network.windows:
        started = time.perf_counter()
        data = {period: samples(returns, window=window, target=network.target, first=days["first"], last=days["last"])
                for period, days in spans.iterrows()}
        if training.fitted_until is not None:
            data["training"] = samples(returns, window=window, target=network.target, first=returns.index[0],
                                       last=training.fitted_until)
        model = build(network, window=window, n_assets=returns.shape[1], seed=training.seed)
        history = train(model, data["training"], data["validation"], training=training)
        timings, predict = pd.DataFrame({"seconds": [time.perf_counter() - started]}), partial(_predict, model)
        days = pd.MultiIndex.from_product([rebalances, np.arange(window) + 1], names=["decision_date", "horizon"])
        coming = scheduled(days.to_frame(index=False), returns, predict, window=window).reshape(len(rebalances), window, -1).mean(axis=1)
        coming = pd.DataFrame(coming, rebalances, returns.columns.astype(str).rename("asset"))
        tables[network.name, training.seed, window] = {
            "window_means": coming.stack().rename("forecast").dropna().reset_index(), "history": history,
            "window_accuracy": _accuracy(predict, data, means, epochs_run=len(history)), "timings": timings}
        if window == training.lookback:
            values = pd.DataFrame(scheduled(schedule, returns, predict, window=window), columns=returns.columns)
            lags = errors_by_lag(returns, lambda read: predict(read).reshape(len(read), -1, returns.shape[1])[:, 0],
                                 window=window, targets=judged_targets(schedule, training.validation_end), seed=training.seed)
    forecasts = forecast_frame(schedule, values, model=network.name, seed=training.seed)
    made = {"forecasts": forecasts.dropna(ignore_index=True),
            "lags": lags.assign(model=network.name, seed=training.seed)[["model", "seed", "asset", "lag", "mse", "n_days"]]}
    for noun in ("window_means", "history", "window_accuracy", "timings"):
        frames = {key: table[noun] for key, table in tables.items()}
        made[noun] = pd.concat(frames, names=["model", "seed", "window"]).reset_index([0, 1, 2]).reset_index(drop=True)
    return made


def _accuracy(predict: Callable[[np.ndarray], np.ndarray], data: dict[str, Samples], means: np.ndarray, *,
              epochs_run: int) -> pd.DataFrame:
    """One row: errors in validation and test of the network, of zero and of the training means, on the same labels."""
    row = {"epochs_run": epochs_run}
    for period in ("validation", "test"):
        inputs, targets = data[period]
        row[f"n_samples_{period}"] = len(targets)
        for name, forecast in (("", predict(inputs)), ("zero_", 0.0), ("mean_", means)):
            row[f"{name}mse_{period}"] = np.square(targets - forecast).mean()
            row[f"{name}mae_{period}"] = np.abs(targets - forecast).mean()
    return pd.DataFrame([row])
