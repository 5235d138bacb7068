"""The few months of made-up returns that the tests of forecasts and of their accuracy share."""

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts.schedule import forecast_schedule

DAYS = pd.bdate_range("2023-10-02", "2024-02-15", name="date", unit="us")
SPLIT = {"train_end": "2023-11-30", "validation_end": "2023-12-31"}


@pytest.fixture
def returns():
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 3)), index=DAYS, columns=["A", "B", "C"])


@pytest.fixture
def schedule():
    return forecast_schedule(DAYS, **SPLIT)
