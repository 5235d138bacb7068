"""Returns of three assets, and weights of them that were decided on three dates."""

import numpy as np
import pandas as pd
import pytest

DAYS = pd.bdate_range("2024-01-01", periods=90)
DATES = DAYS[[39, 59, 79]]


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal([0.001, 0.0, -0.001], [0.01, 0.02, 0.03], (90, 3)), DAYS, ["A", "B", "C"])


def decided(**by_strategy):
    """Weights of A, B and C on each of three dates."""
    rows = [(date, strategy, asset, weight) for strategy, by_date in by_strategy.items()
            for date, row in zip(DATES, by_date, strict=True) for asset, weight in zip("ABC", row, strict=True)]
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])
