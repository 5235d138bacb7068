"""The same networks, one per stock, under `jax.vmap` and under `torch.func.vmap`: peers of our own training.

Each network is written once, for one stock, as a textbook has it: layer by layer, and day by day where it is recurrent.
The library turns that into all stocks side by side. Weights at the start, windows, order of batches, Adam and the check
after each epoch are ours. JAX runs an epoch as one compiled program. PyTorch runs each operation by itself: its compiler
was not tried. Neither library is in the lock. All seconds are of processor time, on all cores together.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forefolio.forecasts import asset_networks
from forefolio.forecasts.architectures import CNN1D, Recurrent
from forefolio.forecasts.schedule import lookback_windows
from forefolio.forecasts.training import BETAS, EPSILON, Training, programs, train

Weights = list  # of one network, in Keras' order; with a leading axis of stocks outside of a vmap


class Data(NamedTuple):
    """Windows (n_stocks, n_samples, lookback) and targets (n_stocks, n_samples) of training, then of validation."""

    windows: Any
    targets: Any
    checked_windows: Any
    checked_targets: Any


class Library(NamedTuple):
    """What differs between two array libraries, for one stock as for all of them."""

    array: Callable  # numpy's -> its own
    sigmoid: Callable
    tanh: Callable
    relu: Callable
    largest: Callable  # over an axis
    concatenate: Callable
    zeros: Callable
    mask: Callable  # draws, shape, rate -> a dropout mask
    scan: Callable  # day, states, series -> outputs, one a day; day(states, today) -> states, output
    key: Any  # where draws start, or None where the library keeps that itself
    epoch: Callable  # network, learning rate -> (data, rows, row weights, state -> state) of all stocks
    forecasts: Callable  # network -> (weights, windows -> forecasts) of all stocks


# ---------------------------------------------------------------------------------------------------- networks of a stock
def lstm(lib: Library, network: Recurrent, weights: Weights, windows: Any, draws: Any) -> Any:
    """Forecasts (batch,) of windows (batch, days) by stacked LSTMs; `draws` is None without dropout."""
    series, units, batch = windows.T[:, :, None], network.units, len(windows)
    for place in range(network.layers):
        kernel, own_kernel, bias = weights[3 * place:3 * place + 3]
        kernel, own_kernel = (k.reshape(-1, 4, units).swapaxes(0, 1) for k in (kernel, own_kernel))  # (gates, inputs, units)
        bias, masks = bias.reshape(4, 1, units), (1.0, 1.0)
        if draws is not None:
            masks = [lib.mask(draws, (4, batch, k.shape[1]), rate) for k, rate in
                     ((kernel, network.dropout), (own_kernel, network.recurrent_dropout))]

        def day(states, today):
            hidden, carry = states
            sums = (today * masks[0]) @ kernel + (hidden * masks[1]) @ own_kernel + bias
            let_in, forget, let_out = (lib.sigmoid(sums[gate]) for gate in (0, 1, 3))
            carry = forget * carry + let_in * lib.tanh(sums[2])
            hidden = let_out * lib.tanh(carry)
            return (hidden, carry), hidden

        series = lib.scan(day, (lib.zeros((batch, units)), lib.zeros((batch, units))), series)
    return (series[-1] @ weights[-2] + weights[-1])[:, 0]


def cnn1d(lib: Library, network: CNN1D, weights: Weights, windows: Any, draws: Any) -> Any:
    """Forecasts (batch,) of windows (batch, days) by convolutions, each a product with the days that it sees."""
    x = windows[:, :, None]
    for place in range(network.layers):
        kernel, bias = weights[2 * place:2 * place + 2]
        n_days = x.shape[1] - network.kernel_size + 1
        seen = lib.concatenate([x[:, day:day + n_days] for day in range(network.kernel_size)], -1)
        x = lib.relu(seen @ kernel.reshape(-1, network.filters) + bias)
    n_pools = x.shape[1] // network.pool_size
    x = x[:, :n_pools * network.pool_size].reshape(-1, n_pools, network.pool_size, network.filters)
    x = lib.largest(x, 2).reshape(-1, n_pools * network.filters)
    x = lib.relu(x @ weights[-4] + weights[-3])
    if draws is not None:
        x = x * lib.mask(draws, x.shape, network.dropout)
    return (x @ weights[-2] + weights[-1])[:, 0]


FORECASTS = {Recurrent: lstm, CNN1D: cnn1d}


def loss(lib: Library, network: Recurrent | CNN1D, weights: Weights, windows: Any, targets: Any, row_weights: Any,
         draws: Any) -> Any:
    """The mean squared error of one stock's batch; a row of weight 0 only fills it up."""
    made = FORECASTS[type(network)](lib, network, weights, windows, draws)
    return (row_weights * (made - targets) ** 2).sum() / row_weights.sum()


def adam(weights: Weights, gradient: Weights, state: tuple, learning_rate: float) -> tuple[Weights, tuple]:
    """One step of Adam; the state is the first and the second moments, and the number of steps."""
    first, second, step = state
    step = step + 1
    rate = learning_rate * (1 - BETAS[1] ** step) ** 0.5 / (1 - BETAS[0] ** step)
    first = [m + (1 - BETAS[0]) * (g - m) for m, g in zip(first, gradient)]
    second = [v + (1 - BETAS[1]) * (g * g - v) for v, g in zip(second, gradient)]
    return [w - rate * m / (v**0.5 + EPSILON) for w, m, v in zip(weights, first, second)], (first, second, step)


# ------------------------------------------------------------------------------------------------------------- libraries
def _jax() -> Library:
    """An epoch is one compiled program."""
    import jax
    from jax import numpy as jnp

    def mask(keys, shape, rate):
        return jax.random.bernoulli(next(keys), 1 - rate, shape) / (1 - rate)

    def epoch(network, learning_rate):
        def of_a_stock(weights, windows, targets, row_weights, key):
            draws = iter(jax.random.split(key, 2 * network.layers))
            return loss(lib, network, weights, windows, targets, row_weights, draws)

        gradients = jax.vmap(jax.grad(of_a_stock), in_axes=(0, 0, 0, None, 0))

        @jax.jit
        def of_all(data, rows, row_weights, state):
            def step(carried, batch):
                (weights, moments, key), (rows, row_weights) = carried, batch
                keys = jax.random.split(key, 1 + len(data.windows))
                made = gradients(weights, data.windows[:, rows], data.targets[:, rows], row_weights, keys[1:])
                return (*adam(weights, made, moments, learning_rate), keys[0]), None

            return jax.lax.scan(step, state, (rows, row_weights))[0]
        return of_all

    def forecasts(network):
        return jax.jit(jax.vmap(lambda weights, windows: FORECASTS[type(network)](lib, network, weights, windows, None)))

    lib = Library(jnp.asarray, jax.nn.sigmoid, jnp.tanh, jax.nn.relu, jnp.max, jnp.concatenate, jnp.zeros, mask,
                  lambda day, states, series: jax.lax.scan(day, states, series)[1], jax.random.key(0), epoch, forecasts)
    return lib


def _torch() -> Library:
    """Each operation runs by itself, and the loop over days is Python's."""
    import torch

    torch.set_num_threads(1)  # operations are small: a second thread would only add processor time
    def mask(draws, shape, rate):
        return torch.bernoulli(torch.full(tuple(shape), 1 - rate)) / (1 - rate)

    def scan(day, states, series):
        outputs = []
        for today in series:
            states, output = day(states, today)
            outputs.append(output)
        return torch.stack(outputs)

    def epoch(network, learning_rate):
        gradients = torch.func.vmap(
            torch.func.grad(lambda *values: loss(lib, network, *values, draws=True)), in_dims=(0, 0, 0, None),
            randomness="different")

        def of_all(data, rows, row_weights, state):
            weights, moments, _ = state
            for chosen, weight in zip(rows, row_weights):
                made = gradients(weights, data.windows[:, chosen], data.targets[:, chosen], weight)
                weights, moments = adam(weights, made, moments, learning_rate)
            return weights, moments, None
        return of_all

    def forecasts(network):
        return torch.func.vmap(lambda weights, windows: FORECASTS[type(network)](lib, network, weights, windows, None))

    lib = Library(torch.as_tensor, torch.sigmoid, torch.tanh, torch.relu, torch.amax, torch.cat, torch.zeros, mask, scan, None,
                  epoch, forecasts)
    return lib


LIBRARIES = {"jax_vmap": _jax, "torch_vmap": _torch}


# ---------------------------------------------------------------------------------------------------------- measurements
def samples(returns: pd.DataFrame, *, lookback: int, n_training: int, n_validation: int) -> Data:
    """Windows and targets of all stocks, in z-scores."""
    scores = ((returns - returns.mean()) / returns.std()).to_numpy("float32")
    windows, targets = lookback_windows(scores, lookback=lookback).transpose(2, 0, 1), scores[lookback:].T
    training, checked = slice(0, n_training), slice(n_training, n_training + n_validation)
    return Data(*(np.ascontiguousarray(values[:, rows]) for rows in (training, checked) for values in (windows, targets)))


def loaded() -> dict[str, Library | str]:
    """Each library, or that it is not installed."""
    found = {}
    for name, load in LIBRARIES.items():
        try:
            found[name] = load()
        except ImportError as error:
            found[name] = f"not installed ({error})"
    return found


def theirs(lib: Library, network: Recurrent | CNN1D, data: Data, **settings: float) -> tuple[float, float] | str:
    """What `trained` gives, or how it failed: whatever another library raises is its result, not the end of ours."""
    try:
        return trained(lib, network, data, **settings)
    except Exception as error:
        return f"failed ({type(error).__name__}: {error})"


def trained(lib: Library, network: Recurrent | CNN1D, data: Data, *, epochs: int, batch_size: int,
            learning_rate: float) -> tuple[float, float]:
    """Processor seconds a stock of an epoch beyond the first; and how far forecasts before training are from ours."""
    n_stocks, n_samples, lookback = data.windows.shape
    model = asset_networks.build(network, n_assets=n_stocks, lookback=lookback, seed=7)
    ours = model.predict_on_batch(data.checked_windows.transpose(1, 2, 0)).T
    weights = [lib.array(weight) for weight in model.get_weights()]
    moments = [lib.zeros(tuple(w.shape)) for w in weights], [lib.zeros(tuple(w.shape)) for w in weights], 0.0
    state, data = (weights, moments, lib.key), Data(*map(lib.array, data))
    train_all, forecasts = lib.epoch(network, learning_rate), lib.forecasts(network)
    rng, ended = np.random.default_rng(7), []
    apart = float(np.abs(np.asarray(forecasts(weights, data.checked_windows)) - ours).max())
    for _ in range(epochs):
        order = np.resize(rng.permutation(n_samples), (-(-n_samples // batch_size), batch_size))
        counts = (np.arange(order.size) < n_samples).reshape(order.shape).astype("float32")
        state = train_all(data, lib.array(order), lib.array(counts), state)
        errors = np.asarray(forecasts(state[0], data.checked_windows) - data.checked_targets)
        if not np.isfinite(errors).all():
            raise ArithmeticError("the networks diverged")
        ended.append(time.process_time())
    return median(np.diff(ended)) / n_stocks, apart


def ours(network: Recurrent | CNN1D, data: Data, training: Training) -> float:
    """Processor seconds a stock of an epoch beyond the first, by `training.train`, all stocks in one graph."""
    n_stocks, _, lookback = data.windows.shape
    model, ended = asset_networks.build(network, n_assets=n_stocks, lookback=lookback, seed=7), []
    train(model, [values.transpose(1, 2, 0) if values.ndim == 3 else values.T for values in data], training=training, seed=7,
          assets=[f"S{number}" for number in range(n_stocks)], program=programs(model),
          progress=lambda *_: ended.append(time.process_time()))
    return median(np.diff(ended)) / n_stocks
