"""Settings and layers of networks: recurrent cells (per asset or joint) and the 1D-CNN (per asset).

Settings are plain data. Only functions that build layers import Keras, which takes seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Cell = Literal["rnn", "lstm", "gru", "bilstm"]


@dataclass(frozen=True)
class Recurrent:
    """Stacked cells of one kind, one network per asset; Nguyen (2025): an LSTM, 4 layers of 4 units, both dropouts 0.3."""

    name: Cell
    layers: int
    units: int
    dropout: float
    recurrent_dropout: float

    @property
    def values_a_day(self) -> int:
        """Approximate number of values that training keeps per day and sample."""
        return 24 * self.layers * self.units

    def hidden(self, windows: Any, seeds: Iterator[int]) -> Any:
        """The top layer's last state (n_assets, batch, n_units) of windows (batch, days, n_assets)."""
        from forefolio.forecasts.layers import StackedLSTM, StackedRecurrent

        seed = next(seeds)
        stack = StackedLSTM(self, seed=seed) if self.name == "lstm" else StackedRecurrent(self, cell=self.name, seed=seed)
        return stack(windows)

    def outline(self, title: str) -> list[tuple[str, str]]:
        """The layers between input and output, each a name and its details."""
        return [(title, f"{self.units} units, dropout {self.dropout:g}")] * self.layers


@dataclass(frozen=True)
class JointRecurrent:
    """Stacked cells of one kind that forecast all assets, one network for each of `windows`, in days (Zouaoui & Naas 2025).

    Notes
    -----
    The preset "code" is the listing that the paper prints: cell(64, sequences) -> cell(32, sequences) -> Dense(N). The
    window's inputs are r[t-W+1..t] and output step j = 1..W forecasts the return of day t+j. So a cell that reads in
    one direction computes step j from the first j inputs only, r[t-W+1..t-W+j]. Its forecast of tomorrow depends only
    on the oldest return of the window. The printed code is like this; only `bilstm` reads the whole window for each
    step. With the target "next_day" only the last step's output is used. No input is ever a label of its own sample.
    The preset "prose" is the network of the text: four times cell(50) -> dropout 0.2, then Dense(1). One network reads
    each asset's own window, and assets are pooled as samples. Its only target is "next_day". The text names 50 units, a
    dropout of 20 %, one output and "a neural network of 200 cells" without the number of layers; four layers of 50
    units are 200 cells, and four such layers, each with its dropout, fit its sentence "an LSTM layer and other dropout
    layers were added". That is our inference. GRU and BiLSTM, which the paper proposes for the future, replace the same
    layers.
    """

    UNITS: ClassVar[dict[str, tuple[int, ...]]] = {"code": (64, 32), "prose": (50, 50, 50, 50)}
    DROPOUT: ClassVar[float] = 0.2

    name: Cell
    preset: Literal["code", "prose"]
    target: Literal["window", "next_day"]
    windows: tuple[int, ...]

    @property
    def together(self) -> bool:
        """Whether one sample holds the windows of all assets."""
        return self.preset == "code"

    def hidden(self, windows: Any, seeds: Iterator[int]) -> Any:
        """The last hidden tensor (batch, days, n_units) of windows (batch, days, n_series), or (batch, n_units) for one day."""
        from forefolio.forecasts.layers import keras, stock_recurrent

        x, layers = windows, self.UNITS[self.preset]
        for place, units in enumerate(layers, 1):
            x = stock_recurrent(self.name, units, sequences=self.together or place < len(layers), seeds=seeds)(x)
            if not self.together:
                x = keras.layers.Dropout(self.DROPOUT, seed=next(seeds))(x)
        return x if self.target == "window" or not self.together else x[:, -1]

    def outline(self, title: str) -> list[tuple[str, str]]:
        """The layers between input and output, each a name and its details."""
        layers, drawn = self.UNITS[self.preset], []
        for place, units in enumerate(layers, 1):
            step = "every" if self.together or place < len(layers) else "last"
            drawn += [(title, f"{units} units, {step} step"), *([] if self.together else [("dropout", f"{self.DROPOUT:g}")])]
        return drawn


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
        """Approximate number of values that training keeps per day and sample."""
        return 4 * (self.kernel_size + 1) * self.layers * self.filters

    def hidden(self, windows: Any, seeds: Iterator[int]) -> Any:
        """The dense layer's output (n_assets, batch, dense_units) of windows (batch, days, n_assets).

        ValueError if the lookback is too short for convolutions and pooling.
        """
        from forefolio.forecasts.layers import Dense, keras, ops

        n_assets, pool = windows.shape[2], self.pool_size
        n_pools = (windows.shape[1] - self.layers * (self.kernel_size - 1)) // pool
        if n_pools < 1:
            raise ValueError(f"The convolutions and the pool need more days than the lookback of {windows.shape[1]}; "
                             "lengthen it")
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
