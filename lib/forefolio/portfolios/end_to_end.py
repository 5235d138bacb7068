"""A network that turns past returns into long-only weights; it is trained for the Sharpe ratio and not to forecast.

Zhang, Zohren & Roberts (2020) put the portfolio inside the network: an LSTM, and a softmax over the assets. A sample is
a path and not a day: weights are decided every month, drift in between, and pay the cost of each trade, as in
`performance.backtest`. The loss is minus the path's annual Sharpe ratio. Importing this module loads Keras.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from forefolio.forecasts.layers import keras, ops, stock_recurrent
from forefolio.forecasts.schedule import lookback_windows
from forefolio.forecasts.training import in_batches
from forefolio.market.returns import Date, iso_day
from forefolio.portfolios.registry import held_days

UNITS = 64  # units of the one LSTM layer, as in the paper


@dataclass(frozen=True)
class Learning:
    """Settings of the training: lookback in days, `seeds` trainings of at most `epochs` epochs, last days of periods.

    `patience` counts epochs without a better Sharpe ratio in the validation period (0: all epochs run and the last is
    kept). `cost_bps` is in basis points of the amount traded, `risk_free_rate` a fraction per year of
    `periods_per_year` days.
    """

    lookback: int
    epochs: int
    patience: int
    learning_rate: float
    cost_bps: float
    risk_free_rate: float
    periods_per_year: int
    train_end: Date
    validation_end: Date
    seed: int
    seeds: int = 1

    @property
    def hold(self) -> int:
        """Days for which weights are held in training: a month.

        >>> given = dict(lookback=30, epochs=1, patience=1, learning_rate=0.01, cost_bps=0.0, risk_free_rate=0.0,
        ...              train_end="2018-12-31", validation_end="2020-12-31", seed=7)
        >>> [Learning(periods_per_year=days, **given).hold for days in (252, 365, 12)]
        [21, 30, 1]
        """
        return held_days(self.periods_per_year)


def paths(first: int, last: int, *, hold: int) -> np.ndarray:
    """Positions of the days on which each path decides (n_paths, n_decisions), all held for `hold` days up to `last`.

    Paths start on different days, the earliest at `first`; there are at most `hold` paths.

    Examples
    --------
    >>> paths(10, 18, hold=3).tolist()
    [[10, 13], [11, 14], [12, 15]]
    """
    n_days = last - first
    if n_days < hold:
        raise ValueError(f"A path needs {hold} days after its first decision, and there are {n_days}; lengthen the "
                         f"training and validation periods")
    n_decisions = max(1, (n_days - hold + 1) // hold)
    starts = np.arange(min(hold, n_days - n_decisions * hold + 1))
    return first + starts[:, None] + hold * np.arange(n_decisions)


def growth(returns: np.ndarray, decided: np.ndarray, *, hold: int) -> np.ndarray:
    """The value of one unit of each asset on each day after a decision, (*decided.shape, hold, n_assets)."""
    return np.cumprod(1 + lookback_windows(returns, lookback=hold)[decided + 1], axis=-2)


def net_returns(weights, growth, *, cost_rate: float):
    """Daily returns, net of costs, of weights decided one after the other: a tensor (n_decisions * hold,).

    Parameters
    ----------
    weights : tensor (n_decisions, n_assets)
        Each row sums to one.
    growth : tensor (n_decisions, hold, n_assets)

    Notes
    -----
    As in `performance.backtest`, weights drift while they are held. The cost is `cost_rate` times the sum of the
    absolute differences between decided and drifted weights, and is taken from the return of the first day. The path
    starts with cash. Zhang et al. compare with the weights decided before, as if they did not drift.
    """
    wealth = ops.sum(weights[:, None] * growth, axis=-1)
    drifted = weights * growth[:, -1] / wealth[:, -1:]
    before = ops.concatenate([ops.zeros_like(weights[:1]), drifted[:-1]])
    cost = cost_rate * ops.sum(ops.absolute(weights - before), axis=-1)
    gross = wealth / ops.concatenate([ops.ones_like(wealth[:, :1]), wealth[:, :-1]], axis=1)
    first = gross[:, :1] * (1 - cost[:, None])
    return ops.reshape(ops.concatenate([first, gross[:, 1:]], axis=1) - 1, (-1,))


def sharpe(returns, *, risk_free_rate: float, periods_per_year: int):
    """Annual Sharpe ratio of a path of daily returns: mean excess over standard deviation."""
    variance = ops.sum(ops.square(returns - ops.mean(returns))) / (returns.shape[0] - 1)
    deviation = ops.sqrt(variance + keras.config.epsilon() ** 2)  # so that a path that never moves has a gradient
    return (ops.mean(returns) - risk_free_rate / periods_per_year) / deviation * periods_per_year**0.5


def build(*, lookback: int, n_assets: int, seed: int) -> keras.Model:
    """One LSTM and a softmax, (batch, lookback, n_assets) -> (batch, n_assets); untrained it gives equal weight."""
    seeds = iter(np.random.SeedSequence(seed).generate_state(20).tolist())
    inputs = keras.Input((lookback, n_assets))
    hidden = stock_recurrent("lstm", UNITS, sequences=False, seeds=seeds)(inputs)
    weights = keras.layers.Dense(n_assets, activation="softmax", kernel_initializer="zeros")(hidden)
    return keras.Model(inputs, weights, name="dls")


def train(model: keras.Model, windows: dict[str, np.ndarray], growths: dict[str, np.ndarray], *, learning: Learning,
          seed: int) -> pd.DataFrame:
    """Train in place until the validation Sharpe ratio stops rising, then restore the weights of the best epoch.

    Parameters
    ----------
    windows, growths : dict of ndarray
        Of `training` and `validation`: (n_paths, n_decisions, lookback or hold, n_assets).
        One epoch is one step of Adam on each training path, in an order drawn from `seed`.

    Returns
    -------
    DataFrame
        Columns epoch, sharpe and validation_sharpe (mean over the period's paths, annual, net, after the epoch), kept.
        Training ends if the ratio is not finite. If it was never finite, no epoch is kept, all weights of the network
        are missing, and a UserWarning says so.
    """
    rated = partial(sharpe, risk_free_rate=learning.risk_free_rate, periods_per_year=learning.periods_per_year)
    earned = partial(net_returns, cost_rate=learning.cost_bps / 10_000)
    jit = keras.backend.backend() != "tensorflow"  # compiling so small a graph takes longer than it saves
    model.compile(keras.optimizers.Adam(learning.learning_rate), jit_compile=jit,
                  loss=lambda growth, weights: -rated(earned(weights, growth)))
    rng, rows, best_sharpe, best_epoch = np.random.default_rng(seed), [], -np.inf, 0
    best_state = [np.nan * state for state in model.get_weights()]  # so that no portfolio uses these weights by mistake
    for epoch in range(1, learning.epochs + 1):
        for path in rng.permutation(len(windows["training"])):
            model.train_on_batch(windows["training"][path], growths["training"][path])
        now = [np.mean([rated(earned(weights, growth)) for weights, growth in zip(
            decided(model, windows[period]), growths[period])]) for period in ("training", "validation")]
        rows.append({"epoch": epoch, "sharpe": now[0], "validation_sharpe": now[1]})
        if np.isfinite(now).all() and (now[1] > best_sharpe or not learning.patience):
            best_sharpe, best_epoch = now[1], epoch
            best_state = [state.copy() for state in model.get_weights()]
        if not np.isfinite(now).all() or epoch - best_epoch >= (learning.patience or np.inf):
            break
    if best_epoch == 0:
        warnings.warn("The dls network diverged, so it decides nothing; lower learning_rate", stacklevel=2)
    model.set_weights(best_state)
    return pd.DataFrame(rows).assign(kept=lambda history: history["epoch"] == best_epoch)


def decided(model: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Weights (..., n_assets) that a network decides from windows (..., lookback, n_assets)."""
    flat = windows.reshape(-1, *windows.shape[-2:])
    return in_batches(model.predict_on_batch, flat).reshape(*windows.shape[:-2], -1)


def trained_weights(returns: pd.DataFrame, dates: Sequence[str], learning: Learning) -> dict[str, pd.DataFrame]:
    """Train the network `seeds` times; each training decides at the given dates (ISO text).

    Returns
    -------
    dict of DataFrame
        `weights`: seed, rebalance_date, asset, weight (sum to one). A training that diverged has no rows.
        `history`: seed, then the columns of `train`.

    Raises
    ------
    ValueError
        If a period is too short for a path, or a date has no `lookback` returns up to it.

    Notes
    -----
    Zhang, Zohren & Roberts 2020, "Deep learning for portfolio optimization", long-only. A decision sees the returns of
    the last `lookback` days, including its own, divided by each asset's standard deviation in the training period; the
    paper adds prices. The path earns plain simple returns, not scaled to a volatility. Training uses no return after
    `train_end`, and validation none after `validation_end`. The paper trades every day. Here a path decides every
    month, like the strategy, and there is a path for each first day of a month.
    """
    values, scale = returns.to_numpy(dtype=float), returns.loc[:pd.Timestamp(learning.train_end)].std().to_numpy()
    scaled = (values / np.where(scale > 1e-12, scale, 1.0)).astype(keras.config.floatx())
    train_end, validation_end = (returns.index.searchsorted(pd.Timestamp(day), side="right") - 1
                                 for day in (learning.train_end, learning.validation_end))
    at = {"training": paths(learning.lookback - 1, train_end, hold=learning.hold),
          "validation": paths(train_end, validation_end, hold=learning.hold),
          "decided": returns.index.get_indexer(pd.DatetimeIndex(dates))}
    early = at["decided"] < learning.lookback - 1
    if early.any():
        raise ValueError(f"The decision of {iso_day(dates[early.argmax()])} has no {learning.lookback} returns up to "
                         f"it; lower lookback or start the data earlier")
    windows = {name: lookback_windows(scaled, lookback=learning.lookback)[days - learning.lookback + 1]
               for name, days in at.items()}
    growths = {name: growth(values, at[name], hold=learning.hold).astype(scaled.dtype)
               for name in ("training", "validation")}
    weights, history = {}, {}
    for seed in range(learning.seed, learning.seed + learning.seeds):
        model = build(lookback=learning.lookback, n_assets=returns.shape[1], seed=seed)
        history[seed] = train(model, windows, growths, learning=learning, seed=seed)
        held = decided(model, windows["decided"]).astype(float)
        held = pd.DataFrame(held, returns.index[at["decided"]], returns.columns)
        weights[seed] = held.div(held.sum(axis=1), axis=0)
    long = pd.concat(weights, names=["seed", "rebalance_date"]).rename_axis(columns="asset").stack()
    return {"weights": long.rename("weight").dropna().reset_index(),
            "history": pd.concat(history, names=["seed"]).reset_index(0).reset_index(drop=True)}
