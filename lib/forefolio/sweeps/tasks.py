"""Workers: processes of this machine, or whatever a Dask scheduler has. Importing Dask takes a second.

What a worker does: run one stage for all points that share it, keep its results whole, and say so in the ledger.
"""

import logging
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed, get_worker

from forefolio import files
from forefolio.runs import contracts, execution
from forefolio.sweeps.plan import Task
from forefolio.sweeps.store import Store

DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for the command, which ends the workers
PATIENCE = 15  # seconds that a scheduler may take to answer, and to have a worker


class ClusterError(files.StageError):
    """No workers; the message is one sentence for whoever asked for them."""


class Workers:
    """What runs tasks. A task is a function call with a name; it runs once, on any worker, again if that worker dies.

    Attributes
    ----------
    slots : dict of str to int
        How many tasks run at once on each machine, by the address that its workers have.
    """

    def __init__(self, client: Client):
        self._client, self._names = client, {}
        self._completed = as_completed(loop=client.loop)
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        self.slots = {worker["host"]: 0 for worker in workers}
        for worker in workers:
            self.slots[worker["host"]] += worker["nthreads"]

    def submit(self, name: str, function: Callable[..., str], *arguments: Any, key: str, priority: int) -> None:
        """Hand a task over; of those that wait, the one of highest priority is next."""
        future = self._client.submit(function, *arguments, key=key, priority=priority)
        self._names[future] = name
        self._completed.add(future)

    def ended(self, *, patience: float | None = None) -> Iterator[tuple[str, str, str]]:
        """Tasks as they end: name, what it returned or else the state `killed` or `failed`, and the error of these two.

        More may be submitted meanwhile. It stops without the rest when the scheduler is gone, or after `patience` seconds.
        """
        if patience is not None:
            self._completed = as_completed(list(self._names), loop=self._client.loop, timeout=patience)
        try:
            for future in self._completed:
                name = self._names.pop(future)
                if future.status == "finished":
                    yield name, future.result(), ""
                elif future.status == "error":
                    error = future.exception()
                    state = "killed" if isinstance(error, KilledWorker) else "failed"
                    yield name, state, f"{type(error).__name__}: {error}"
        except (TimeoutError, CancelledError):
            return


@contextmanager
def connected(workers: int | None, scheduler: str | None) -> Iterator[Workers]:
    """`workers` new processes on this machine, or those that the scheduler at an address has.

    Raises
    ------
    ClusterError
        No scheduler answers there, or it has no workers.
    """
    for name in ("distributed", "distributed.client"):  # what they would say is said in one sentence by whoever asked
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is not None:
        if not re.fullmatch(r"(tcp|tls|ucx|wss?)://.+:\d+", scheduler):
            raise ClusterError(f"--scheduler {scheduler}: is no address of a scheduler; write one such as tcp://10.0.0.1:8786, as "
                               "`dask scheduler` prints it")
        try:
            client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"--scheduler {scheduler}: nobody answers there ({type(error).__name__}); start one with "
                               "`dask scheduler`, and give the address that it prints") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise ClusterError(f"--scheduler {scheduler}: has no workers; start some with `dask worker {scheduler} "
                                   "--nthreads 1`") from None
            yield Workers(client)
        return
    quiet = {"distributed.logging.distributed": "critical", "distributed.admin.tick.limit": "1h"}
    with (dask.config.set(quiet),
          LocalCluster(n_workers=workers or n_cores(), threads_per_worker=1, processes=True, memory_limit=0,
                       dashboard_address="127.0.0.1:0", silence_logs=50, preload=DEAF) as local,
          Client(local, set_as_default=False) as client):
        yield Workers(client)


def here(shared: dict[str, int]) -> tuple[str, int]:
    """For code on a worker: the worker's name in the ledger, and the cores that one of its tasks may use."""
    worker = get_worker()
    return f"{socket.gethostname()} {worker.address}", max(1, n_cores() // shared.get(worker.ip, worker.state.nthreads))


def n_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # of BLAS, in each stage
OTHER_CODE = ("the notebooks, lib/, requirements.lock, Python or backend of this worker are not those that the sweep was planned "
              "with: where they were edited meanwhile, give the command again; another machine needs the same copy")
OTHER_PRICES = "the prices that this worker finds are not those of the command; let both see the same files"


@dataclass(frozen=True)
class Errand:
    """For whom a task is run: one call of `forefolio sweep`.

    Attributes
    ----------
    folder : Path
        The sweep's, on a disk that all workers see.
    token : str
        Of the call; while `.asked` in the folder holds it, the call wants its tasks.
    slots : dict of str to int
        How many tasks run at once on each machine, by the address of its workers: they share its cores.
    """

    folder: Path
    token: str
    slots: dict[str, int] = field(default_factory=dict)

    def wanted(self) -> bool:
        """Whether the call still stands: it was neither interrupted nor followed by another."""
        try:
            return (self.folder / ".asked").read_text(encoding="utf-8") == self.token
        except OSError:
            return False


def run(task: Task, errand: Errand) -> str:
    """Run a task on this worker, in a folder of its own.

    Parameters
    ----------
    task, errand : what to run, and for whom; all that the task reads is in the store.

    Returns
    -------
    str
        The state: `done`, `up to date`, `failed`, `timed out` or `cancelled`.
    """
    if not errand.folder.is_dir():
        raise FileNotFoundError(f"{socket.gethostname()} does not see {errand.folder}; --output must name a folder on a disk "
                                "that all workers share")
    store, (address, cores) = Store(errand.folder.parent), here(errand.slots)
    about = {"worker": address, "key": task.key, "points": len(task.points), "sweep": errand.folder.name}
    if not errand.wanted():
        line = _not_begun(task, "cancelled")
    elif store.place(task.stage, task.key).exists():  # another sweep was first, or a worker that was thought dead
        line = _not_begun(task, "up to date")
    elif contracts.combined(contracts.code(task.stage)) != task.code:
        line = _not_begun(task, "failed", OTHER_CODE)
    else:
        line = _execute(task, errand, store, cores, about)
    files.append_to_ledger(errand.folder, line | about)
    return line["state"]


def _not_begun(task: Task, state: str, error: str = "") -> dict[str, Any]:
    return files.ledger_line(point=task.points[0], stage=task.stage, state=state, started=time.time(), seconds=0.0, error=error,
                       parameters=task.parameters)


def _execute(task: Task, errand: Errand, store: Store, cores: int, about: dict[str, Any]) -> dict[str, Any]:
    """Execute the notebook in a new folder; what it made goes to the store, and the notebook of a failure to `failed/`."""
    folder = errand.folder / ".working" / uuid.uuid4().hex
    failed = errand.folder / "failed" / f"{task.stage}-{task.key}.ipynb"
    try:
        store.lay_out(folder, task.inputs)
        line = execution.stage(
            folder, task.stage, task.parameters, point=task.points[0], wanted=errand.wanted,
            environment={"FOREFOLIO_OUTPUTS": str(errand.folder.parent), "FOREFOLIO_CORES": str(cores), **ONE_THREAD})
        if line["state"] == "done":
            entry = contracts.read_manifest(folder)[task.stage]
            same_code = contracts.combined({part: entry[part] for part in contracts.code(task.stage)}) == task.code
            wrong = OTHER_CODE if not same_code else OTHER_PRICES if entry["sources"] != task.sources else ""
            line |= {"state": "failed", "error": wrong} if wrong else {}
        if line["state"] == "done":
            failed.unlink(missing_ok=True)
            line["state"] = "done" if store.keep(folder, task.stage, task.key, line | about) else "up to date"
        elif line["state"] != "cancelled" and (folder / line["notebook"]).exists():
            failed.parent.mkdir(exist_ok=True)
            (folder / line["notebook"]).replace(failed)
            line["notebook"] = failed.relative_to(errand.folder).as_posix()
        return line
    finally:
        shutil.rmtree(folder, ignore_errors=True)
