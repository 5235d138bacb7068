"""How many cores train changes no result, down to the last bit; where threads share sums it would."""

import os
import subprocess
import sys

TRAIN = """
import hashlib, os, sys
if "one" in sys.argv and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from skfolio.datasets import load_sp500_dataset
from forefolio.forecasts import asset_networks as networks, schedule as schedules
from forefolio.forecasts.architectures import CNN1D
from forefolio.forecasts.training import Training
returns = load_sp500_dataset().loc["2012":"2019"].pct_change().iloc[1:]
schedule = schedules.forecast_schedule(returns.index, train_end="2017-12-29", validation_end="2018-12-31")
training = Training(lookback=30, epochs=1, batch_size=64, learning_rate=0.01, patience=10, train_end="2017-12-29",
                    validation_end="2018-12-31", seed=7)
made = networks.trained_forecasts(returns, schedule, CNN1D(2, 32, 3, 2, 64, 0.2), training)["forecasts"]["forecast"]
print(hashlib.sha256(made.to_numpy().tobytes()).hexdigest())
"""


def trained(*arguments: str, **environment: str) -> str:
    """Hash of the forecasts of a 1D-CNN, trained in a process of its own; its sums are long enough to be shared."""
    done = subprocess.run([sys.executable, "-c", TRAIN, *arguments], capture_output=True, text=True,
                          env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_core_and_all_give_the_same_forecasts():
    assert trained("one", FOREFOLIO_CORES="1") == trained()
