"""The 1D-CNN: short filters that slide over a window of days, a pool, and a dense layer; one network per asset.

Settings are plain data; only what builds layers imports Keras, which takes seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar


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

    @property
    def values_a_day(self) -> int:
        """Values that training keeps for each day of each sample, about."""
        return 4 * (self.kernel_size + 1) * self.layers * self.filters

    def hidden(self, windows: Any, seeds: Iterator[int]) -> Any:
        """The dense layer's output (n_assets, batch, dense_units) of windows (batch, days, n_assets).

        ValueError if the lookback is too short for convolutions and pooling.
        """
        from forefolio.forecasts.layers import Dense, keras, ops

        n_assets, pool = windows.shape[2], self.pool_size
        n_pools = (windows.shape[1] - self.layers * (self.kernel_size - 1)) // pool
        if n_pools < 1:
            raise ValueError(f"The convolutions leave nothing of a lookback of {windows.shape[1]} to pool: lengthen it")
        x = ops.transpose(windows, (2, 0, 1))[..., None]
        for _ in range(self.layers):
            x = Dense(self.filters, "relu", seed=next(seeds), kernel_size=self.kernel_size)(x)
        x = ops.max(ops.reshape(x[:, :, :n_pools * pool], (n_assets, -1, n_pools, pool, self.filters)), axis=3)
        x = ops.reshape(x, (n_assets, -1, n_pools * self.filters))
        x = Dense(self.dense_units, "relu", seed=next(seeds))(x)
        # Stock dropout in two halves: XLA makes TensorFlow's generator 20 times slower where a graph draws only once.
        halves = x[..., :self.dense_units // 2], x[..., self.dense_units // 2:]
        return ops.concatenate([keras.layers.Dropout(self.dropout, seed=next(seeds))(half) for half in halves], axis=-1)

    def outline(self, title: str) -> list[tuple[str, str]]:
        """The layers between input and output, each a name and its details."""
        return [*[("convolution", f"{self.filters} filters of {self.kernel_size} days")] * self.layers,
                ("pool", f"{self.pool_size} days"), ("dense", f"{self.dense_units} units, dropout {self.dropout:g}")]
