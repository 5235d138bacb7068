"""What tests of running share: a sweep of three points, a stub of a kernel, and Dask in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import hand_made_plan
import pytest
from distributed import Client
from short_project import wait_until

from forefolio.runs import execution
from forefolio.sweeps import tasks
from forefolio.sweeps.run import Sweep
from forefolio.sweeps.tasks import Errand


@pytest.fixture
def tried(tmp_path) -> Sweep:
    """A sweep of three points, of which nothing has run."""
    (tmp_path / "outputs" / "tried").mkdir(parents=True)
    return Sweep(tmp_path / "outputs" / "tried", hand_made_plan.make())


@pytest.fixture
def kernel(monkeypatch) -> hand_made_plan.Kernel:
    """In place of kernels, on a worker of a machine with six cores."""
    stub = hand_made_plan.Kernel()
    monkeypatch.setattr(execution, "stage", stub)
    worker = SimpleNamespace(ip="10.0.0.1", address="tcp://a:1", state=SimpleNamespace(nthreads=1))
    monkeypatch.setattr(tasks, "get_worker", lambda: worker)
    monkeypatch.setattr(tasks, "cpu_count", lambda: 6)
    monkeypatch.setattr(tasks.socket, "gethostname", lambda: "host")
    return stub


@pytest.fixture
def errand(tried) -> Errand:
    """Of a call that stands, two tasks at once on the machine of the worker."""
    (tried.folder / ".asked").write_text("token")
    return Errand(tried.folder, "token", {"10.0.0.1": 2})


@pytest.fixture(scope="module")
def dask() -> Iterator[Client]:
    """A scheduler and one worker that are threads of this process, so that stubs hold for them as well."""
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None, set_as_default=False) as client:
        yield client


@pytest.fixture
def client(dask) -> Iterator[Client]:
    """The same, idle before and after each test."""
    yield dask
    assert wait_until(lambda: not any(dask.processing().values()), seconds=60)


@pytest.fixture
def ran(client, kernel, monkeypatch):
    """Workers are a thread of this process, and the sweep's notebook is not executed; what a kernel was started for."""
    @contextmanager
    def connected(workers, scheduler):
        yield client

    monkeypatch.setattr(tasks, "connected", connected)
    monkeypatch.setattr(execution, "notebook", lambda source, aside, parameters, **_: (
        aside.write_text('{"cells": "all"}') and "done", "", 1.0))
    return kernel.calls
