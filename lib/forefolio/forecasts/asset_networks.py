"""Neural networks that forecast each asset from its own past, all assets side by side.

Nguyen (2025) fits one small network per stock. Here every weight has a leading asset axis (see `layers`), so that one
compiled graph trains all those networks at once. They share only the order of the batches (see `training`).
"""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from forefolio.forecasts.layers import Dense, keras, ops
from forefolio.forecasts.schedule import (errors_by_lag, forecast_frame, lookback_windows, scheduled, judged_targets,
                                          window_counts)
from forefolio.forecasts.training import PREDICTED_TOGETHER, Programs, Training, in_batches, programs, train, values_of

GROUP = 16  # largest number of assets in one graph
ROOM = 2**30  # largest memory of a group's values during training, bytes


class _Task(NamedTuple):
    """One training of one group: positions of its assets (including fillers at the end), and names without fillers."""

    seed: int
    group: np.ndarray
    assets: list[str]
    model: keras.Model


def build(network: Any, *, n_assets: int, lookback: int, seed: int) -> keras.Model:
    """Build one network per asset, side by side: windows (batch, lookback, n_assets) -> forecasts (batch, n_assets).

    Initial weights and dropout masks are drawn from `seed` (also Keras' global seed), separately for each asset and as
    in stock Keras. ValueError if the lookback is too short for the network's layers.
    """
    keras.utils.set_random_seed(seed)
    seeds, windows = count(1000 * seed), keras.Input((lookback, n_assets))
    x = network.hidden(windows, seeds)
    forecasts = Dense(1, "linear", seed=next(seeds))(x)
    return keras.Model(windows, ops.transpose(forecasts[..., 0]), name=network.name)


def trained_forecasts(returns: pd.DataFrame, schedule: pd.DataFrame, network: Any,
                      training: Training) -> dict[str, pd.DataFrame]:
    """Train one network per asset and make the scheduled forecasts.

    Returns
    -------
    dict of DataFrame
        `forecasts`, without assets that diverged; `history`, losses in squared z-scores; `lags`, model and seed before
        the columns of `schedule.errors_by_lag`, errors in squared z-scores of the schedule's days after validation.
        ValueError if a period has no sample, or an asset never moves in training.

    Notes
    -----
    Nguyen 2025: log returns, as z-scores by mean and standard deviation (ddof 0) of the training period only. A sample
    belongs to the period of its target. If z is standard normal, the mean of exp(m + s z) - 1 is exp(m + s^2 / 2) - 1.
    So half the training variance s^2 is added before a log forecast becomes a simple return; the paper does not do
    this. Otherwise the forecast would be too low by that, 7 basis points per day for a volatile stock. For horizons
    above 1, which we add, each forecast enters the next window.
    """
    scores, mean, deviation = _scores(returns, training)
    data, judged = _samples(scores, returns.index, training), judged_targets(schedule, training.validation_end)
    tasks = _tasks(returns.columns, network, training)
    n_networks, finished = returns.shape[1] * training.seeds, {}
    program = _compiled(network, len(tasks[0].group), training.lookback, keras.config.floatx())
    seen = sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ  # there is a reader, in a terminal or in JupyterLab
    bar = tqdm(total=len(tasks) * training.epochs, desc=network.name, unit="epoch", leave=False, disable=not seen)

    def tell(task, n_finished, n_epochs):
        finished[task.seed, task.group[0]] = n_finished
        bar.update(n_epochs)
        bar.set_postfix_str(f"{sum(finished.values())} of {n_networks} networks finished")

    def fitted(task):
        """History, forecasts (n_rows, n_assets) in z-scores, and errors by lag of one task, without the fillers."""
        history = train(task.model, [part[..., task.group] for part in data], training=training, seed=task.seed,
                        assets=task.assets, program=program,
                        progress=lambda epoch, n_running: tell(task, len(task.assets) - n_running, 1))
        tell(task, len(task.assets), training.epochs - history["epoch"].max())  # epochs saved by early stopping
        room = len(task.group) - len(task.assets)
        own = pd.DataFrame(scores[:, task.group], returns.index, [*task.assets, *[""] * room])
        predict = partial(in_batches, partial(program.predict, *values_of(task.model)))
        made = scheduled(schedule, own, predict, window=training.lookback)
        kept = history.loc[history["kept"], "asset"]  # without fillers and diverged networks
        errors = errors_by_lag(own, predict, window=training.lookback, targets=judged, seed=task.seed)
        errors = errors[errors["asset"].isin(kept)]
        return history, made[:, :len(task.assets)], errors.assign(model=network.name, seed=task.seed)

    with ThreadPoolExecutor(_n_cores()) as pool, bar:  # a compiled program does not hold Python's lock
        histories, made, lags = zip(*pool.map(fitted, tasks))
    history, frames = pd.concat(histories, ignore_index=True), []
    for seed, of_seed in history.groupby("seed", sort=False):
        scored = np.concatenate([part for part, task in zip(made, tasks) if task.seed == seed], axis=1)
        values = pd.DataFrame(np.expm1(mean + deviation * scored + deviation**2 / 2), columns=returns.columns)
        usable = of_seed.groupby("asset")["kept"].any()[returns.columns].to_numpy()
        frames.append(forecast_frame(schedule, values.loc[:, usable], model=network.name, seed=seed))
    return {"forecasts": pd.concat(frames, ignore_index=True), "history": history,
            "lags": pd.concat(lags, ignore_index=True)[["model", "seed", "asset", "lag", "mse", "n_days"]]}


def _scores(returns: pd.DataFrame, training: Training) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log returns as z-scores of the training period (n_days, n_assets), and each asset's mean and deviation."""
    log_returns = np.log1p(returns)
    past = log_returns.loc[:pd.Timestamp(training.scaled_until or training.train_end)]
    still = past.columns[past.nunique() == 1]
    if len(still):
        raise ValueError(f"{', '.join(still)} never moves up to train_end, so it has no z-scores: drop it")
    mean, deviation = past.to_numpy().mean(axis=0), past.to_numpy().std(axis=0)
    return ((log_returns - mean) / deviation).to_numpy(keras.config.floatx()), mean, deviation


def _samples(scores: np.ndarray, index: pd.DatetimeIndex, training: Training) -> tuple[np.ndarray, ...]:
    """Windows and targets of training, then of validation."""
    n_training, n_validation, _ = window_counts(index, lookback=training.lookback, train_end=training.train_end,
                                                validation_end=training.validation_end)["n_samples"]
    windows, targets = lookback_windows(scores, lookback=training.lookback), scores[training.lookback:]
    n_fitted = index[training.lookback:].searchsorted(pd.Timestamp(training.fitted_until or training.train_end), side="right")
    parts = slice(0, n_fitted), slice(n_training, n_training + n_validation)
    return tuple(values[rows] for rows in parts for values in (windows, targets))


def _tasks(columns: pd.Index, network: Any, training: Training) -> list[_Task]:
    """All seeds of all groups, in the order of seeds and assets; draws do not depend on cores or other groups."""
    groups = _groups(len(columns), _largest_group(network, training))
    tasks = []
    for seed in range(training.seed, training.seed + training.seeds):
        for number, group in enumerate(groups):
            own = len(columns) - number * len(group)  # the last group may be smaller
            drawn_from = int(np.random.SeedSequence([seed, number]).generate_state(1)[0] % 2**20)
            model = build(network, n_assets=len(group), lookback=training.lookback, seed=drawn_from)
            tasks.append(_Task(seed, group, list(columns[group[:own]]), model))
    return tasks


def _groups(n_assets: int, largest: int) -> np.ndarray:
    """Positions of the assets of each group. All groups have one size; the first assets fill up the last group.

    >>> _groups(3, 16), _groups(17, 16)[:, [0, -1]]
    (array([[0, 1, 2]]), array([[0, 8],
           [9, 0]]))
    """
    n_groups = -(-n_assets // largest)
    return np.resize(np.arange(n_assets), (n_groups, -(-n_assets // n_groups)))


def _largest_group(network: Any, training: Training) -> int:
    """The number of assets that are trained together; if memory is short it is smaller than usual, with a warning."""
    samples = max(training.batch_size, PREDICTED_TOGETHER)
    bytes_an_asset = np.dtype(keras.config.floatx()).itemsize * samples * training.lookback * network.values_a_day
    fitting = int(min(max(ROOM // bytes_an_asset, 1), GROUP))
    if fitting < GROUP:
        warnings.warn(f"The {network.name} is trained in groups of {fitting} in place of {GROUP} assets, as more would not "
                      "fit in memory: lower lookback, batch_size, layers or units if it takes too long", stacklevel=4)
    return fitting


@lru_cache(maxsize=32)
def _compiled(network: Any, n_assets: int, lookback: int, floats: str) -> Programs:
    """The compiled programs of an architecture, shared by all groups, seeds and refits of this process."""
    return programs(build(network, n_assets=n_assets, lookback=lookback, seed=0))


def _n_cores() -> int:
    """The cores that this process may use: `$FOREFOLIO_CORES` if it is set, otherwise all that it has."""
    if os.environ.get("FOREFOLIO_CORES"):
        return int(os.environ["FOREFOLIO_CORES"])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
