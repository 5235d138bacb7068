"""What tests of running share: a sweep of three points, a stub of a kernel, and Dask in this process."""

from collections.abc import Iterator

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
    """In place of kernels, on a worker with three cores per task."""
    stub = hand_made_plan.Kernel()
    monkeypatch.setattr(execution, "stage", stub)
    monkeypatch.setattr(tasks, "here", lambda slots: ("host tcp://a:1", 3))
    return stub


@pytest.fixture
def errand(tried) -> Errand:
    """Of a call that stands."""
    (tried.folder / ".asked").write_text("token")
    return Errand(tried.folder, "token", {"host": 2})


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
