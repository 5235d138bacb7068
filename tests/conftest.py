"""Every test of a process writes into one scratch folder; the notebooks' run in it is shared by all that read it.

All temporary files of a session lie in one folder: what is left in it when all tests have ended, or still works with it,
fails the session.
"""

import atexit
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from xdist.scheduler import LoadScopeScheduling
import yfinance  # noqa: F401  before any test loads TensorFlow, whose own curl would be taken for that of its client

import short_project
from forefolio.runs import kernels, pictures

if "FOREFOLIO_TESTS" not in os.environ:  # the process that collects; those that run tests are its children
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()  # where `tmp_path` lies, for three sessions
    os.environ["TMPDIR"] = os.environ["FOREFOLIO_TESTS"] = tempfile.mkdtemp(prefix="ft-")
    tempfile.tempdir = None
    atexit.register(shutil.rmtree, os.environ["TMPDIR"], ignore_errors=True)
PATIENCE = 20  # seconds that what a test started may take to go
SCRATCH = Path(tempfile.mkdtemp(prefix="forefolio-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
os.environ["DASK_TEMPORARY_DIRECTORY"] = str(SCRATCH)  # of the schedulers and workers that tests start by hand
os.environ["FOREFOLIO_OUTPUTS"] = str(SCRATCH / "outputs")  # before any kernel starts: nbval's notebooks write there


LONGEST = ("tests/runs/test_small_runs.py", "tests/sweeps/test_kills.py", "tests/sweeps/test_sweep.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the notebooks and with what takes minutes, and fill the processes with many short tests at the end."""
    items.sort(key=lambda item: (_module(item.nodeid) == "tests/test_dirt.py", not _of_the_run(_module(item.nodeid)),
                                 _module(item.nodeid) not in LONGEST))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Keep a module's tests in one process, but for the longest, and the notebooks with the tests that read their run."""
    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if _module(nodeid) == "tests/test_dirt.py":
                return nodeid  # minutes in all, each test by itself
            return "the run" if _of_the_run(_module(nodeid)) else _module(nodeid)

    config.option.loadscopereorder = False  # else modules with few tests come last, however long they take
    return ByModule(config, log)


def _module(nodeid: str) -> str:
    """The file of a test."""
    return nodeid.partition("::")[0]


def _of_the_run(module: str) -> bool:
    """Whether a file's tests make the default run or read it."""
    return module.startswith("notebooks/") or module in ("tests/runs/test_run.py", "tests/site/test_browser.py")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing that a test started works on, and none of its temporary files is left."""
    if hasattr(session.config, "workerinput"):
        return
    shutil.rmtree(SCRATCH, ignore_errors=True)
    kernels.end()
    shutil.rmtree(kernels.own_folder())
    end = time.monotonic() + PATIENCE
    while (left := _left()) and time.monotonic() < end:  # what was just killed takes a moment to go
        time.sleep(0.5)
    if left:
        print("\nleft by the tests:", *left, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left() -> list[str]:
    """Processes that a test started, and names in the session's folder for temporary files."""
    kernels.clear_dead()  # commands that were killed leave their folder to the next one
    folder, left = Path(os.environ["FOREFOLIO_TESTS"]), []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("FOREFOLIO_TESTS") == str(folder):
                left.append(f"process {process.pid}: {' '.join(process.cmdline())[:200]}")
    return left + sorted(path.name for path in folder.iterdir())


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


@pytest.fixture(scope="module")
def browser():
    """The machine's Chromium; while it is open, no test of this process can run an event loop of its own."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "install Chromium or Chrome: what a reader sees is looked at in a browser"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def without_pictures():
    """No browser starts, here or in kernels: what it draws is looked at in the default run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(pictures.WITHOUT, "not drawn here")
        yield


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
        with short_project.adopting_orphans():
            yield
