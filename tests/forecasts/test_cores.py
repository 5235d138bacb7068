"""How many cores train changes no result, down to the last bit; where threads share sums it would."""

import hashlib
import os
import subprocess
import sys

from skfolio.datasets import load_sp500_dataset

from forefolio.forecasts import asset_networks, schedule as schedules
from forefolio.forecasts.architectures import CNN1D
from forefolio.forecasts.training import Training

ON_ONE_CORE = """
import os, runpy, sys
if hasattr(os, "sched_setaffinity"):  # before TensorFlow counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(runpy.run_path(sys.argv[1])["trained"]())
"""
SPLIT = {"train_end": "2017-12-29", "validation_end": "2018-12-31"}


def trained() -> str:
    """Hash of the forecasts of a 1D-CNN; its sums are long enough to be shared."""
    returns = load_sp500_dataset().loc["2012":"2019"].pct_change().iloc[1:]
    training = Training(lookback=30, epochs=1, batch_size=64, learning_rate=0.01, patience=10, seed=7, **SPLIT)
    made = asset_networks.trained_forecasts(returns, schedules.forecast_schedule(returns.index, **SPLIT),
                                            CNN1D(2, 32, 3, 2, 64, 0.2), training)["forecasts"]["forecast"]
    return hashlib.sha256(made.to_numpy().tobytes()).hexdigest()


def test_one_core_and_all_give_the_same_forecasts():
    alone = subprocess.run([sys.executable, "-c", ON_ONE_CORE, __file__], capture_output=True, text=True,
                           env=os.environ | {"FOREFOLIO_CORES": "1"})
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.strip() == trained()
