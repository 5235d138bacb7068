"""A sweep of three points, small enough to be ranked by hand."""

import numpy as np
import pandas as pd

DAYS = pd.bdate_range("2021-01-04", periods=6, name="date")


def made_results() -> pd.DataFrame:
    """Points a, b, c: x = 1, 2, 2; lstm+mvf moves, mean+rpp does not, gru+mvf is in one point only."""
    rows = [("a", 1, "lstm+mvf", 0.5, 0.20, 0.010), ("a", 1, "mean+rpp", 0.8, 0.10, np.nan),
            ("a", 1, "equal_weight", 0.7, 0.05, np.nan), ("a", 1, "benchmark", 0.9, np.nan, np.nan),
            ("b", 2, "lstm+mvf", 0.9, 0.30, 0.012), ("b", 2, "mean+rpp", 0.8, 0.10, np.nan),
            ("b", 2, "equal_weight", 0.7, 0.05, np.nan), ("b", 2, "benchmark", 0.9, np.nan, np.nan),
            ("c", 2, "lstm+mvf", 0.6, 0.40, 0.011), ("c", 2, "mean+rpp", 0.8, 0.10, np.nan),
            ("c", 2, "gru+mvf", 0.6, 0.50, 0.013), ("c", 2, "equal_weight", 0.7, 0.05, np.nan),
            ("c", 2, "benchmark", 0.9, np.nan, np.nan)]
    return pd.DataFrame(rows, columns=["point", "x", "strategy", "sharpe", "turnover", "validation_mae"])


def made_returns() -> pd.DataFrame:
    """Two points of six and five days; equal weight is the same in both, and b/mean+rpp repeats a/mean+rpp."""
    rng = np.random.default_rng(2)
    one, two, equal, rest, index = rng.normal(0, 0.01, (5, 6))
    net = pd.DataFrame({"a/lstm+mvf": one, "a/mean+rpp": rest, "a/equal_weight": equal, "a/benchmark": index,
                        "b/lstm+mvf": two, "b/mean+rpp": rest + 1e-14, "b/equal_weight": equal, "b/benchmark": index}, DAYS)
    net.loc[DAYS[0], [name for name in net if name.startswith("b/")]] = np.nan
    return net
