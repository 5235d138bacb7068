"""Neural networks that forecast each asset from its own past, all assets side by side.

Nguyen (2025) fits one small network a stock. Here every weight has a leading asset axis, so that one compiled graph
trains all those networks at once. They share nothing but the order of the batches: the loss is the sum of the assets'
own losses, and Adam works weight by weight, so each is trained as it would be alone. Slice ``weight[a]`` of each of a
model's weights is the network of asset ``a``, in stock Keras' shapes and order. Importing Keras takes seconds.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from forefolio.forecasts.layers import Dense, StackedLSTM, StackedRecurrent
from forefolio.forecasts.schedule import forecast_frame, window_counts
from forefolio.forecasts.training import PREDICTED_TOGETHER, Programs, predict, programs, train
from forefolio.market.returns import Date, iso_day, lookback_windows

import keras
from keras import ops

GROUP = 16  # assets at most in one graph
ROOM = 2**30  # bytes that a group's values may take while it is trained
TITLES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "bilstm": "LSTM, both directions"}


@dataclass(frozen=True)
class Recurrent:
    """Stacked rnn, lstm, gru or bilstm; Nguyen (2025): an LSTM, 4 layers of 4 units, both dropouts 0.3."""

    name: Literal["rnn", "lstm", "gru", "bilstm"]
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
    """How networks are trained: lookback in days, patience in epochs, last days of training and validation, `seeds` times."""

    lookback: int
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    train_end: Date
    validation_end: Date
    seed: int
    seeds: int = 1


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


def build(network: Recurrent | CNN1D, *, n_assets: int, lookback: int, seed: int) -> keras.Model:
    """Build one network an asset, side by side: windows (batch, lookback, n_assets) -> forecasts (batch, n_assets).

    Initial weights and dropout masks are drawn from `seed`, which Keras' global seed is set to as well, each asset's
    apart and as stock Keras draws them. ValueError if the lookback is too short for convolutions and pooling.
    """
    keras.utils.set_random_seed(seed)
    seeds, windows = count(1000 * seed), keras.Input((lookback, n_assets))
    if network.name == "lstm":
        x = StackedLSTM(network, seed=next(seeds))(windows)
    elif isinstance(network, Recurrent):
        x = StackedRecurrent(network, cell=network.name, seed=next(seeds))(windows)
    else:
        x = _cnn1d(windows, network, seeds)
    forecasts = Dense(1, "linear", seed=next(seeds))(x)
    return keras.Model(windows, ops.transpose(forecasts[..., 0]), name=network.name)


def outline(network: Recurrent | CNN1D, training: Training, *, n_assets: int) -> list[tuple[str, str]]:
    """A network's layers from input to output, each a name and its details, to be drawn.

    >>> training = Training(30, 50, 64, 0.01, 10, "2018-12-31", "2020-12-31", 7)
    >>> outline(Recurrent("lstm", 1, 4, 0.3, 0.3), training, n_assets=20)
    [('input', '30 days, 1 asset'), ('LSTM', '4 units, dropout 0.3'), ('dense', '1 day'), ('side by side', '20 assets')]
    """
    if isinstance(network, Recurrent):
        inside = [(TITLES[network.name], f"{network.units} units, dropout {network.dropout:g}")] * network.layers
    else:
        inside = [("convolution", f"{network.filters} filters of {network.kernel_size} days")] * network.layers
        inside += [("pool", f"{network.pool_size} days"),
                   ("dense", f"{network.dense_units} units, dropout {network.dropout:g}")]
    return [("input", f"{training.lookback} days, 1 asset"), *inside, ("dense", "1 day"), ("side by side", f"{n_assets} assets")]


def no_history() -> pd.DataFrame:
    """The history of a study without networks: the columns of `trained_forecasts`, no rows."""
    kinds = dict(model=str, seed=int, asset=str, epoch=int, loss=float, validation_loss=float, kept=bool)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def trained_forecasts(returns: pd.DataFrame, schedule: pd.DataFrame, network: Recurrent | CNN1D,
                      training: Training) -> dict[str, pd.DataFrame]:
    """Train one network an asset and make the scheduled forecasts.

    Parameters
    ----------
    returns, schedule : DataFrame
        Simple daily returns; the forecasts to make, as `forecasts.schedule` gives them from the days of `returns`.
    network, training : Recurrent or CNN1D, Training

    Returns
    -------
    dict of DataFrame
        `forecasts`, as `forecasts.forecast_frame` makes them, without assets that diverged; `history`, as
        `training.train` returns it, with model and seed, losses in squared z-scores.

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
    samples = slice(0, n_train), slice(n_train, n_train + n_validation)
    longest = schedule.groupby("decision_date")["horizon"].max()
    decided = returns.index.get_indexer(longest.index) - lookback + 1
    if (decided < 0).any():
        day = iso_day(longest.index[decided < 0][0])
        raise ValueError(f"The decision of {day} has no {lookback} returns up to it: schedule later ones")

    groups = _groups(returns.shape[1], _largest_group(network, training))
    tasks = [(seed, number) for seed in range(training.seed, training.seed + training.seeds) for number in range(len(groups))]
    models = [build(network, n_assets=groups.shape[1], lookback=lookback, seed=_group_seed(*task)) for task in tasks]
    program = _compiled(network, groups.shape[1], lookback, keras.config.floatx())
    bar, finished = _bar(network.name, len(tasks) * training.epochs), {}

    def tell(task, n_finished, n_epochs):
        finished[task] = n_finished
        bar.update(n_epochs)
        bar.set_postfix_str(f"{sum(finished.values())} of {groups.size * training.seeds} networks finished")

    def train_and_forecast(model, task):
        seed, group = task[0], groups[task[1]]
        data = [part[rows][..., group] for rows in samples for part in (windows, targets)]
        history = train(model, *data, epochs=training.epochs, batch_size=training.batch_size, patience=training.patience,
                        learning_rate=training.learning_rate, seed=seed, assets=list(returns.columns[group]),
                        program=program, progress=lambda epoch, n_running: tell(task, len(group) - n_running, 1))
        tell(task, len(group), training.epochs - history["epoch"].max())  # those that stopping early saved
        return history.assign(seed=seed), _recursive(model, program, windows[decided][..., group], longest.to_numpy())

    with ThreadPoolExecutor(_n_cores()) as pool, bar:  # a program holds no lock on Python
        histories, steps = zip(*pool.map(train_and_forecast, models, tasks))
    history = pd.concat(histories, ignore_index=True).drop_duplicates(["seed", "asset", "epoch"], ignore_index=True)
    rows = schedule["horizon"] - 1, longest.index.get_indexer(schedule["decision_date"])
    made = []
    for seed, of_seed in history.groupby("seed", sort=False):
        scored = np.concatenate([part for part, task in zip(steps, tasks) if task[0] == seed], axis=2)[..., :returns.shape[1]]
        values = pd.DataFrame(np.expm1(mean + deviation * scored[rows]), columns=returns.columns)
        usable = of_seed.groupby("asset")["kept"].any()[returns.columns].to_numpy()
        made.append(forecast_frame(schedule, values.loc[:, usable], model=network.name, seed=seed))
    return {"forecasts": pd.concat(made, ignore_index=True),
            "history": history.assign(model=network.name)[no_history().columns]}


def _groups(n_assets: int, largest: int) -> np.ndarray:
    """Positions of the assets of each group, all groups of one size; the first assets fill the last group up.

    >>> _groups(3, 16), _groups(17, 16)[:, [0, -1]]
    (array([[0, 1, 2]]), array([[0, 8],
           [9, 0]]))
    """
    n_groups = -(-n_assets // largest)
    return np.resize(np.arange(n_assets), (n_groups, -(-n_assets // n_groups)))


def _largest_group(network: Recurrent | CNN1D, training: Training) -> int:
    """Assets that may be trained together; fewer than usual, and said, where their values would need too much memory."""
    if isinstance(network, Recurrent):
        values_a_day = 24 * network.layers * network.units
    else:
        values_a_day = 4 * (network.kernel_size + 1) * network.layers * network.filters
    samples = max(training.batch_size, PREDICTED_TOGETHER)
    bytes_an_asset = np.dtype(keras.config.floatx()).itemsize * samples * training.lookback * values_a_day
    fitting = int(min(max(ROOM // bytes_an_asset, 1), GROUP))
    if fitting < GROUP:
        warnings.warn(f"The {network.name} is trained in groups of {fitting} in place of {GROUP} assets, as more would not "
                      "fit in memory: lower lookback, batch_size, layers or units if it takes too long", stacklevel=3)
    return fitting


@lru_cache(maxsize=32)
def _compiled(network: Recurrent | CNN1D, n_assets: int, lookback: int, floats: str) -> Programs:
    """The programs of an architecture, for every group, seed and refit of this process."""
    return programs(build(network, n_assets=n_assets, lookback=lookback, seed=0))


def _group_seed(seed: int, number: int) -> int:
    """What a group's initial weights and masks are drawn from: neither cores nor other groups matter."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] % 2**20)


def _bar(name: str, n_epochs: int) -> tqdm:
    """Epochs of all groups, with the time left, where somebody looks: at a terminal, or in JupyterLab's own session."""
    seen = sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ
    return tqdm(total=n_epochs, desc=name, unit="epoch", leave=False, disable=not seen)


def _n_cores() -> int:
    """The cores that this process may use: `$FOREFOLIO_CORES` where somebody shares them out, else all that it has."""
    if os.environ.get("FOREFOLIO_CORES"):
        return int(os.environ["FOREFOLIO_CORES"])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _recursive(model: keras.Model, program: Programs, recent: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """Forecasts (horizon, decision, asset) of all decisions at once; each enters the window of the next horizon."""
    weights, states = ([variable.value for variable in variables]
                       for variables in (model.trainable_variables, model.non_trainable_variables))
    steps = np.full((longest.max(), len(longest), recent.shape[2]), np.nan)
    for step, forecast in enumerate(steps):
        due = longest > step
        forecast[due] = predict(program, weights, states, recent[due])
        recent = np.concatenate([recent[:, 1:], forecast[:, None]], axis=1, dtype=recent.dtype)
    return steps


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
