"""The floor under training: what an epoch has to compute, each kind of work at the fastest rate that a core shows for it.

Three kinds are counted. Operations are multiplications, additions and comparisons. They run at the rate of a large
product of matrices. Activations are sigmoids and tanhs, forward only: backward their slopes come from kept values, and
are operations. Draws are the random numbers of dropout masks. Backward costs twice the operations of forward, as every
product has two gradients. Adam, copies and all movement of memory are left out, which makes the floor lower.

Products in these networks are small, one per asset. A second floor has them at the rate of such products. All rates are
per second of one core's own time, so that other programs on the machine do not change them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import processor_seconds
from forefolio.forecasts.architectures import CNN1D, Recurrent
from forefolio.forecasts.layers import compiled, ops


class Work(NamedTuple):
    """How much of each kind of work there is, or how much of it a core does in a second."""

    operations: float
    activations: float
    draws: float

    def seconds(self, rates: "Work") -> float:
        """Seconds of one core for this work at these rates."""
        return sum(much / rate for much, rate in zip(self, rates))


def lstm_work(network: Recurrent, *, lookback: int) -> Work:
    """One forecast by stacked LSTMs and a dense unit.

    A layer on a day: four gates, each a product with inputs and state and a bias; f * c + i * g and o * tanh(c), four
    more operations a unit; and five activations, four gates and the carry's tanh. A sample has one mask per gate.
    """
    operations, draws = 2 * network.units + 1, 0
    for n_inputs in [1] + [network.units] * (network.layers - 1):
        operations += lookback * network.units * (4 * (2 * (n_inputs + network.units) + 1) + 4)
        draws += 4 * (n_inputs + network.units)
    return Work(operations, lookback * network.layers * network.units * 5, draws)


def cnn1d_work(network: CNN1D, *, lookback: int) -> Work:
    """One forecast by convolutions, a pool, a dense layer and a dense unit; a bias and a relu are an operation each."""
    operations, n_inputs, n_days = 0, 1, lookback
    for _ in range(network.layers):
        n_days -= network.kernel_size - 1
        operations += n_days * network.filters * (2 * network.kernel_size * n_inputs + 2)
        n_inputs = network.filters
    n_pools = n_days // network.pool_size
    operations += n_pools * network.filters * (network.pool_size - 1)
    operations += network.dense_units * (2 * n_pools * network.filters + 2)
    return Work(operations + 2 * network.dense_units + 1, 0, network.dense_units)


def epoch_work(network: Recurrent | CNN1D, *, lookback: int, n_training: int, n_validation: int) -> Work:
    """One asset's epoch: forward and backward for each training sample, forward for each of validation."""
    one = (cnn1d_work if isinstance(network, CNN1D) else lstm_work)(network, lookback=lookback)
    return Work(one.operations * (3 * n_training + n_validation), one.activations * (n_training + n_validation),
                one.draws * n_training)


def rates() -> Work:
    """Operations of a large product, activations (three sigmoids to two tanhs) and draws of one core in a second."""
    left, right = np.random.default_rng(0).standard_normal((2, 1024, 1024), dtype=np.float32)
    rng, size, often = np.random.default_rng(0), 2**14, 500
    values = ops.convert_to_tensor(rng.standard_normal(size, dtype=np.float32))
    twice, thrice = (compiled(lambda x, act=act: ops.fori_loop(0, often, lambda _, x: act(x) + 0.1, x))
                     for act in (ops.tanh, ops.sigmoid))
    an_activation = (2 * _fastest(lambda: ops.convert_to_numpy(twice(values)))
                     + 3 * _fastest(lambda: ops.convert_to_numpy(thrice(values)))) / (5 * size * often)
    with threadpool_limits(1):
        product = _fastest(lambda: left @ right)
    return Work(2 * 1024**3 / product, 1 / an_activation, 2**20 / _fastest(lambda: rng.random(2**20, dtype=np.float32)))


def small_product_rate(network: Recurrent | CNN1D, *, lookback: int, batch_size: int, n_assets: int = 15) -> float:
    """Operations a second of one core in the batched products that most of a network's time goes to.

    Of the LSTM they are those of one gate on a day, of the 1D-CNN those of its last convolution: forward, and the
    gradients of inputs and of weights. They run in one compiled loop, each from what the one before gave.
    """
    rng, often = np.random.default_rng(0), 50
    if isinstance(network, CNN1D):
        n_rows = batch_size * (lookback - network.layers * (network.kernel_size - 1))
        n_inputs, units, stack = network.kernel_size * network.filters, network.filters, (n_assets,)
    else:
        n_rows, n_inputs, units, stack = batch_size, 2 * network.units, network.units, (network.layers, n_assets)
    # With orthonormal columns the products neither grow nor vanish.
    kernel = np.linalg.qr(rng.standard_normal((*stack, n_inputs, units)))[0].astype("float32")
    inputs = rng.standard_normal((*stack, n_rows, n_inputs), dtype=np.float32)
    turned = [np.ascontiguousarray(np.swapaxes(values, -1, -2)) for values in (kernel, inputs)]

    def by_rows(_, carried):  # as the 1D-CNN has them
        inputs, kernel, back, total = carried
        outputs = ops.matmul(inputs, kernel)
        return ops.matmul(outputs, back), kernel, back, total + ops.matmul(ops.swapaxes(inputs, -1, -2), outputs)

    def by_columns(_, carried):  # as the LSTM has them
        inputs, back, kernel, total = carried
        outputs = ops.matmul(kernel, inputs)
        return ops.matmul(back, outputs), back, kernel, total + ops.matmul(outputs, ops.swapaxes(inputs, -1, -2))

    step = by_rows if isinstance(network, CNN1D) else by_columns
    start = [inputs, kernel, turned[0], np.zeros_like(kernel)]
    if step is by_columns:
        start = [turned[1], kernel, turned[0], np.zeros_like(turned[0])]
    run = compiled(lambda *start: ops.fori_loop(0, often, step, start)[3])
    start = [ops.convert_to_tensor(values) for values in start]
    operations = 3 * 2 * int(np.prod(stack)) * n_rows * n_inputs * units * often
    return operations / _fastest(lambda: ops.convert_to_numpy(run(*start)))


def _fastest(action: Callable[[], object]) -> float:
    """The least seconds of a core that an action took in a few tries, after a first one that compiles."""
    action()
    return min(processor_seconds(action) for _ in range(7))
