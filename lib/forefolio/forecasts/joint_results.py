"""What joint networks leave behind: their layers as a list to be drawn, and the tables of all windows and models."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

KEYS = {"model": str, "seed": int, "window": int}
ERRORS = [f"{whose}{error}_{period}" for period in ("validation", "test") for whose in ("", "zero_", "mean_")
          for error in ("mse", "mae")]
TABLES = {  # columns beside the keys, as `joint_networks.trained_forecasts` makes them
    "window_means": {"decision_date": "datetime64[us]", "asset": str, "forecast": float},
    "history": {"epoch": int, "loss": float, "validation_loss": float, "kept": bool},
    "accuracy": {"epochs_run": int, "n_samples_validation": int, "n_samples_test": int} | dict.fromkeys(ERRORS, float),
    "timings": {"seconds": float},
}
UNITS = {"code": (64, 32), "prose": (50,)}
CELLS = {"rnn": "simple RNN", "lstm": "LSTM", "gru": "GRU", "bilstm": "LSTM, both directions"}


def collected(trained: Mapping[str, Mapping[str, pd.DataFrame]], table: str) -> pd.DataFrame:
    """
    One table of all trained models below each other; its columns without rows where no joint network was trained.

    Parameters
    ----------
    trained : dict of dict of DataFrame
        By model, what `joint_networks.trained_forecasts` returned (or another trainer, which leaves no such table).
    table : {"window_means", "history", "accuracy", "timings"}

    Examples
    --------
    >>> made = {"lstm": {"timings": pd.DataFrame({"model": ["lstm"], "seed": 7, "window": 5, "seconds": 2.5})}}
    >>> collected(made, "timings").to_numpy().tolist()
    [['lstm', 7, 5, 2.5]]
    >>> collected({"lstm": {"forecasts": pd.DataFrame()}}, "timings").columns.tolist()
    ['model', 'seed', 'window', 'seconds']
    """
    frames = [tables[table] for tables in trained.values() if KEYS.keys() <= set(tables.get(table, ()))]
    if frames:
        return pd.concat(frames, ignore_index=True)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in (KEYS | TABLES[table]).items()})


def outline(cell: str, training: Any, *, n_assets: int) -> list[tuple[str, str]]:
    """
    A joint network's layers from input to output, each a name and its details, to be drawn.

    Parameters
    ----------
    cell : str
        One of `joint_networks.CELLS`.
    training : JointTraining
        Its preset, target and lookback.
    n_assets : int

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> outline("gru", SimpleNamespace(preset="code", target="window", lookback=30), n_assets=21)[1:]
    [('GRU', '64 units, every step'), ('GRU', '32 units, every step'), ('dense', '30 days x 21 assets')]
    """
    days = training.lookback if training.target == "window" else 1
    together = training.preset == "code"
    assets = f"{n_assets} assets" if together else "1 asset"
    layers = [("input", f"{training.lookback} days x {assets}")]
    layers += [(CELLS[cell], f"{units} units, {'every' if together else 'last'} step") for units in UNITS[training.preset]]
    layers += [] if together else [("dropout", "0.2")]
    return [*layers, ("dense", f"{days} {'day' if days == 1 else 'days'} x {assets}")]
