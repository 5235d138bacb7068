"""Keras layers whose weights have a leading asset axis: as many independent small layers, side by side in one graph.

Slice ``weight[a]`` of each weight is the layer of asset ``a``, in stock Keras' shapes and order, and the draws of
initial weights and of dropout masks are each asset's own. Importing Keras takes seconds.
"""

import os
from collections.abc import Callable

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

    def __init__(self, network, *, seed: int):
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
