"""Keras layers whose weights have a leading asset axis: one small independent layer per asset, all in one graph.

Slice ``weight[a]`` of each weight is the layer of asset ``a``, in stock Keras' shapes and order, and the draws of
initial weights and of dropout masks are each asset's own. The end of the module has what depends on the backend,
TensorFlow or JAX: a compiled function, and a gradient inside one. Import this module before Keras, because it sets up
TensorFlow.
"""

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"  # whatever ~/.keras/keras.json says
if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") == "1":  # JAX sets 1, and where it is installed cvxpy imports it
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # sums in one order, so that results do not depend on the number of cores
_LOGGED = re.compile(rb"(?m)^(?:WARNING: All log messages before absl|[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\]).*\n?")


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Collect what the process writes to file descriptor 2, and pass it on later without TensorFlow's log lines."""
    with tempfile.TemporaryFile() as held:
        descriptor = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(descriptor, 2)
            os.close(descriptor)
            held.seek(0)
            os.write(2, _LOGGED.sub(b"", held.read()))


if os.environ["KERAS_BACKEND"] == "tensorflow":
    with _without_log_lines():  # TensorFlow 2.21 heeds no log level while it is imported
        import tensorflow as tf

import keras
from keras import ops

from forefolio.study.precision import KERAS

for _name, _value in KERAS.items():  # whatever ~/.keras/keras.json says
    getattr(keras.config, f"set_{_name}")(_value)
_FORGET_OPEN = np.array([0, 1, 0, 0])  # the biases that an LSTM's gates start at


def _each_asset(initializer: Callable) -> Callable:
    """Draw each asset's weights separately, with the Glorot fans of one network, as in stock Keras."""
    return lambda shape, dtype=None: ops.stack([initializer(shape[1:], dtype=dtype) for _ in range(shape[0])])


def _cell_weights(layer: keras.layers.Layer, n_assets: int, n_inputs: int, biases: np.ndarray) -> list[keras.Variable]:
    """Kernel, recurrent kernel and bias of one of a layer's cells; `biases` are what each gate's start at."""
    units, gates = layer.network.units, layer.network.units * biases.shape[-1]
    glorot = _each_asset(keras.initializers.GlorotUniform(layer.seed_generator))
    orthogonal = _each_asset(keras.initializers.Orthogonal(seed=layer.seed_generator))
    constant = _each_asset(lambda shape, dtype: ops.repeat(ops.array(biases, dtype), units, axis=-1))
    return [layer.add_weight((n_assets, n_inputs, gates), initializer=glorot),
            layer.add_weight((n_assets, units, gates), initializer=orthogonal),
            layer.add_weight((n_assets, *biases.shape[:-1], gates), initializer=constant)]


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
    made of day t - k. So one product per gate serves all layers and assets, in days + layers - 1 steps. Dropout masks
    are those of stock Keras, the same on all days, for what comes from below and for the layer's own state: with
    recurrent dropout one per gate, without it one for all gates.
    """

    def __init__(self, network, *, seed: int):
        super().__init__()
        self.network, self.seed_generator = network, keras.random.SeedGenerator(seed)
        self.wave = keras.layers.RNN(_Wave(network.units))  # a loop that every backend can differentiate and compile

    def build(self, shape):
        inputs = [1] + [self.network.units] * (self.network.layers - 1)
        self.kernels, self.recurrent_kernels, self.biases = zip(
            *[_cell_weights(self, shape[-1], n_inputs, _FORGET_OPEN) for n_inputs in inputs])

    def call(self, windows, training=False):
        layers, units = self.network.layers, self.network.units
        rates = self.network.dropout, self.network.recurrent_dropout
        ones = ops.ones((layers, windows.shape[2], units, ops.shape(windows)[0]), self.compute_dtype)
        # The first layer has one input; zeros give its kernel the shape of the others.
        padded = [ops.pad(kernel, ((0, 0), (0, units - kernel.shape[1]), (0, 0))) for kernel in self.kernels]
        below, own = ([ops.swapaxes(kernel, 1, 2) for kernel in kind] for kind in (padded, self.recurrent_kernels))
        kernels = ops.concatenate([ops.stack(below), ops.stack(own)], axis=3)
        kernels = ops.split(kernels, 4, axis=2)  # per gate: (layers, assets, units, 2 units)
        biases = ops.split(ops.stack([bias[..., None] for bias in self.biases]), 4, axis=2)
        n_masks = 4 if self.network.recurrent_dropout else 1
        masks = [ops.concatenate([dropout(ones, rate, self.seed_generator) for rate in rates], axis=2)
                 if training else ones[:1, :1, :1, :1] for _ in range(n_masks)]
        transposed = [ops.stop_gradient(ops.swapaxes(kernel, 2, 3)) for kernel in kernels]
        self.wave.cell.gates = tuple(zip(kernels, transposed, biases, masks * (4 // n_masks)))
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
        # Computing the gates again for the gradient is cheaper than keeping them from every step.
        hidden, carry = keras.remat(_lstm_step)(below, hidden, carry, *self.gates)
        reached = ops.cast(ops.arange(hidden.shape[0], dtype=step.dtype) <= step, hidden.dtype)[:, None, None, None]
        return hidden[-1], [hidden * reached, carry * reached, step + 1]


def _lstm_step(below, hidden, carry, *gates):
    """Hidden and carry after one step of the LSTM; each gate's kernel, twice, bias and mask come in Keras' order."""
    inputs = ops.concatenate([below, hidden], axis=2)
    return _lstm((_product(kernel, transposed, inputs * mask) + bias for kernel, transposed, bias, mask in gates), carry)


@ops.custom_gradient
def _product(kernel, transposed, inputs):
    """Kernel times inputs. The gradient reads the transposed kernel: XLA is six times slower if it transposes it here."""
    def gradient(upstream):
        return (ops.matmul(upstream, ops.swapaxes(inputs, -1, -2)), ops.zeros_like(transposed),
                ops.matmul(transposed, upstream))

    return ops.matmul(kernel, inputs), gradient


def _lstm(gates, carry):
    """Hidden and carry that the sums at the LSTM's gates lead to."""
    let_in, forget, candidate, let_out = gates
    carry = ops.sigmoid(forget) * carry + ops.sigmoid(let_in) * ops.tanh(candidate)
    return ops.sigmoid(let_out) * ops.tanh(carry), carry


class StackedRecurrent(keras.layers.Layer):
    """Each asset's stacked cells of one kind, (batch, days, assets) -> (assets, batch, units), the top layer's last state.

    `cell` is a key of CELLS. Both directions of a bidirectional one read all of the layer below, and the output is the
    forward's last state beside the backward's, (assets, batch, 2 units). Dropout masks are as in `StackedLSTM`.
    """

    def __init__(self, network, *, cell: str, seed: int):
        super().__init__()
        self.network, self.cell, self.seed_generator = network, CELLS[cell], keras.random.SeedGenerator(seed)
        self.loops = [keras.layers.RNN(_Today(self.cell, network.units), return_sequences=True, go_backwards=backwards)
                      for backwards in (False, True)[:self.cell.directions]]

    def build(self, shape):
        inputs = [1] + [self.network.units * self.cell.directions] * (self.network.layers - 1)
        self.stack = [[_cell_weights(self, shape[-1], n_inputs, self.cell.biases) for _ in self.loops]
                      for n_inputs in inputs]  # of each layer each direction's

    def call(self, windows, training=False):
        x = ops.transpose(windows, (2, 1, 0))[:, :, None]  # (assets, days, inputs, batch)
        for layer in self.stack:
            runs = [self._run(loop, x, *weights, training) for loop, weights in zip(self.loops, layer)]
            x = ops.concatenate([runs[0], *(ops.flip(run, axis=1) for run in runs[1:])], axis=2)
        return ops.swapaxes(ops.concatenate([run[:, -1] for run in runs], axis=1), 1, 2)

    def _run(self, loop, x, kernel, recurrent_kernel, bias, training):
        """One direction's hidden states in the order in which it reads the days, (assets, days, units, batch)."""
        n_assets, units, n_gates = x.shape[0], self.network.units, self.cell.biases.shape[-1]
        start = ops.zeros((n_assets, units, ops.shape(x)[-1]), self.compute_dtype)
        mask = self._masks(x[:, 0], self.network.dropout, training)
        own_mask = self._masks(start, self.network.recurrent_dropout, training)
        kernel, recurrent_kernel = (ops.transpose(ops.reshape(weight, (n_assets, -1, n_gates, units)), (0, 2, 3, 1))
                                    for weight in (kernel, recurrent_kernel))  # (assets, gates, units, inputs)
        bias = ops.reshape(bias, (n_assets, -1, n_gates, units, 1))
        below = ops.matmul(kernel[:, None], x[:, :, None] * mask[:, None]) + bias[:, :1]
        loop.cell.own = recurrent_kernel, own_mask, ops.sum(bias[:, 1:], axis=1)
        return loop(below, initial_state=[start] * self.cell.states)

    def _masks(self, x, rate, training):
        """Dropout masks of x, (assets, inputs, batch), with the gates as second axis."""
        if not training:
            return ops.ones((1, 1, 1, 1), self.compute_dtype)
        n_masks = self.cell.biases.shape[-1] if self.network.recurrent_dropout else 1
        ones = ops.ones((x.shape[0], n_masks, x.shape[1], ops.shape(x)[2]), self.compute_dtype)
        return keras.random.dropout(ones, rate, seed=self.seed_generator)


class _Today(keras.layers.Layer):
    """One day of the loop; states are (assets, units, batch), what comes from below (assets, gates, units, batch)."""

    def __init__(self, cell, units: int):
        super().__init__()
        self.cell, self.state_size, self.output_size = cell, [units] * cell.states, units

    def call(self, below, states):
        # Computing the gates again is cheaper than keeping them; the gradient sees only what is passed to remat.
        states = keras.remat(self._step)(below, *self.own, *states)
        return states[0], list(states)

    def _step(self, below, kernel, mask, bias, *states):
        return self.cell.step(below, ops.matmul(kernel, states[0][:, None] * mask) + bias, *states)


def _rnn_step(below, own, hidden):
    """The state after one day, a tuple of one; the sums from below and from the own state have an axis of one gate."""
    return (ops.tanh(below + own)[:, 0],)


def _gru_step(below, own, hidden):
    """The state after one day, a tuple of one; the reset gate works on the own state's product (reset_after)."""
    update, reset = ops.unstack(ops.sigmoid(below[:, :2] + own[:, :2]), axis=1)
    candidate = ops.tanh(below[:, 2] + reset * own[:, 2])
    return (update * hidden + (1 - update) * candidate,)


def _bilstm_step(below, own, hidden, carry):
    """Hidden and carry after one day of one direction."""
    return _lstm(ops.unstack(below + own, axis=1), carry)


class _Cell(NamedTuple):
    """A day's new states, each gate's initial bias, how many states it has and how many directions read the days."""

    step: Callable
    biases: np.ndarray
    states: int
    directions: int


CELLS = {
    "rnn": _Cell(_rnn_step, np.zeros(1), states=1, directions=1),
    "gru": _Cell(_gru_step, np.zeros((2, 3)), states=1, directions=1),  # one bias from below, one from the own state
    "bilstm": _Cell(_bilstm_step, _FORGET_OPEN, states=2, directions=2),
}

STOCK = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "bilstm": keras.layers.LSTM}


def stock_recurrent(cell: str, units: int, *, sequences: bool, seeds: Iterator[int]) -> keras.layers.Layer:
    """A stock layer of a cell (a key of STOCK) whose initial weights depend only on the seeds."""
    def one_way(**options):
        return STOCK[cell](units, return_sequences=sequences, seed=next(seeds),
                           kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
                           recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)), **options)

    if cell == "bilstm":  # both directions are given: Keras' own copy would start with the same weights
        return keras.layers.Bidirectional(one_way(), backward_layer=one_way(go_backwards=True))
    return one_way()


def dropout(values, rate: float, seeds: keras.random.SeedGenerator):
    """Stock Keras' dropout of values with the draws that it makes in a compiled program; on TensorFlow six times faster.

    That is so where a loop reads the result. Elsewhere XLA repeats the draws for each operation that reads them.
    """
    if keras.backend.backend() != "tensorflow" or values.dtype != "float32" or not 0 < rate < 1:
        return keras.random.dropout(values, rate, seed=seeds)
    seed = tf.cast(tf.math.floormod(seeds.next(), tf.int32.max - 1), tf.int32)
    return tf.where(_uniform(tf.shape(values), seed) >= rate, values * (1 / (1 - rate)), 0.0)


def _uniform(shape, seed):
    """TensorFlow's random numbers in [0, 1) for a seed (2,), by the generator Philox4x32-10 (Salmon et al. 2011).

    A block of Philox is four numbers. Where TensorFlow joins the blocks, XLA computes one number at a time, and all of
    its block with it. Here each number picks itself from its block without a branch, so that XLA computes 16 at once.
    """
    key, start = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    number, bits = tf.range(tf.reduce_prod(shape)), tf.bitwise
    low = start[0] + tf.cast(bits.right_shift(number, 2), "uint64")
    words, keys = [*_halves(low), *_halves(start[1] + tf.cast(low < start[0], "uint64"))], _halves(key[0])
    for _ in range(10):
        first, second = (_halves(tf.cast(word, "uint64") * tf.constant(factor, "uint64"))
                         for word, factor in ((words[0], 0xD2511F53), (words[2], 0xCD9E8D57)))
        words = [second[1] ^ words[1] ^ keys[0], second[0], first[1] ^ words[3] ^ keys[1], first[0]]
        keys = [key + tf.constant(step, "uint32") for key, step in zip(keys, (0x9E3779B9, 0xBB67AE85))]
    place = bits.bitwise_and(number, 3)
    word = tf.where(place < 2, tf.where(place == 0, *words[:2]), tf.where(place == 2, *words[2:]))
    one_to_two = bits.bitwise_or(bits.right_shift(word, tf.constant(9, "uint32")), tf.constant(0x3F800000, "uint32"))
    return tf.reshape(tf.bitcast(one_to_two, "float32") - 1, shape)


def _halves(values):
    """The low and the high 32 bits of integers of 64 bits."""
    return tf.cast(values, "uint32"), tf.cast(tf.bitwise.right_shift(values, tf.constant(32, "uint64")), "uint32")


if keras.backend.backend() == "jax":
    import jax
_tracing = threading.Lock()


def compiled(function: Callable) -> Callable:
    """The function as one XLA program for each shape of its arguments."""
    def traced(*arguments):
        with _tracing:  # one thread at a time builds a graph, because layers keep state there
            return function(*arguments)

    if keras.backend.backend() == "jax":
        return jax.jit(traced)
    return tf.function(traced, jit_compile=True, autograph=False)


def with_gradient(loss: Callable, weights: list) -> tuple[tuple, list]:
    """What `loss` of the weights returns, a scalar and more, and the gradient of the scalar."""
    if keras.backend.backend() == "jax":
        return jax.value_and_grad(loss, has_aux=True)(weights)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        value = loss(weights)
    return value, tape.gradient(value[0], weights)
