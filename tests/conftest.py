"""Every test of a process writes into one scratch folder; the notebooks' run in it is shared by all that read it."""

import atexit
import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling
import yfinance  # noqa: F401  before any test loads TensorFlow, whose own curl would be taken for that of its client

from forefolio.runs import guard

SCRATCH = Path(tempfile.mkdtemp(prefix="forefolio-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
os.environ["FOREFOLIO_OUTPUTS"] = str(SCRATCH / "outputs")  # before any kernel starts: nbval's notebooks write there


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Keep a module's tests in one process, but for the longest, and the notebooks with the tests that read their run."""
    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            if module == "tests/test_dirt.py":
                return nodeid  # minutes in all, each test by itself
            return "the run" if module.startswith("notebooks/") or module == "tests/runs/test_run.py" else module

    return ByModule(config, log)


@pytest.fixture(scope="session")
def scratch() -> Path:
    """A folder for the whole session."""
    return SCRATCH


@pytest.fixture(scope="session")
def default_run() -> Path:
    """The run folder of the default study: what nbval has just run, completed where nbval did not."""
    from command import forefolio

    done = forefolio("run", "params/default.yml")
    assert done.returncode == 0, done.stderr
    return SCRATCH / "outputs" / "default"


# The market of the tests of portfolios: four years of 20 stocks. A module with another market has fixtures of its own.
@pytest.fixture(scope="module")
def returns():
    from skfolio.datasets import load_sp500_dataset

    return load_sp500_dataset().iloc[-1000:].pct_change().iloc[1:]


@pytest.fixture(scope="module")
def mu(returns):
    return returns.mean()


@pytest.fixture(scope="module")
def Sigma(returns):
    return returns.cov()


@pytest.fixture(params=["process 1", "this process"])
def parents(request):
    """Who adopts orphans: the machine's first process, or a process that asked for them, as systemd and Slurm do."""
    if request.param == "process 1":
        yield
    elif sys.platform != "linux":
        pytest.skip("only Linux gives orphans to others")
    else:
        control = ctypes.CDLL(None).prctl
        control(guard.PR_SET_CHILD_SUBREAPER, 1)
        yield
        control(guard.PR_SET_CHILD_SUBREAPER, 0)
