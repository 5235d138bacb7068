"""The floor under training: floating-point operations of an epoch, over the machine's rate of matrix products.

No program can train faster than its arithmetic takes at the fastest rate that the machine has. One multiplication,
addition, comparison or activation is one operation. Backward costs about twice what forward does, as every product
has two gradients; dropout masks and Adam are left out, which makes the floor lower.
"""

import numpy as np

from benchmarks.timing import seconds
from forefolio.forecasts.architectures import CNN1D, Recurrent


def lstm_operations(network: Recurrent, *, lookback: int) -> int:
    """Operations of one forecast by stacked LSTMs and a dense unit.

    A layer on a day: four gates, each a product with inputs and state and a bias; five activations (four gates and the
    carry's tanh); f * c + i * g and o * tanh(c), four more, a unit.
    """
    total = 0
    for n_inputs in [1] + [network.units] * (network.layers - 1):
        gates = 4 * network.units * (2 * (n_inputs + network.units) + 1)
        total += lookback * (gates + (5 + 4) * network.units)
    return total + 2 * network.units + 1


def cnn1d_operations(network: CNN1D, *, lookback: int) -> int:
    """Operations of one forecast by convolutions, a pool, a dense layer and a dense unit; a bias and a relu each one."""
    total, n_inputs, n_days = 0, 1, lookback
    for _ in range(network.layers):
        n_days -= network.kernel_size - 1
        total += n_days * network.filters * (2 * network.kernel_size * n_inputs + 2)
        n_inputs = network.filters
    n_pools = n_days // network.pool_size
    total += n_pools * network.filters * (network.pool_size - 1)
    total += network.dense_units * (2 * n_pools * network.filters + 2)
    return total + 2 * network.dense_units + 1


def epoch_operations(network: Recurrent | CNN1D, *, lookback: int, n_training: int, n_validation: int) -> int:
    """Operations of one asset's epoch: forward and backward for each training sample, forward for each of validation."""
    count = cnn1d_operations if isinstance(network, CNN1D) else lstm_operations
    return count(network, lookback=lookback) * (3 * n_training + n_validation)


def matrix_rate(size: int = 2048) -> float:
    """Operations a second of numpy's product of two float32 matrices on all cores: the best of a few."""
    left, right = np.random.default_rng(0).standard_normal((2, size, size), dtype=np.float32)
    return 2 * size**3 / min(seconds(lambda: left @ right) for _ in range(5))
