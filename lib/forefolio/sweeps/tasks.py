"""Workers run the tasks of a plan: processes on this machine, or the workers of a Dask scheduler.

Dask starts each task after those whose results it reads. A worker runs one stage for all points that share it, stores
its results, and writes a line in the ledger. Importing Dask takes a second.
"""

import asyncio
import logging
import re
import shutil
import signal
import socket
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from dask.system import cpu_count
from distributed import (CancelledError, Client, Future, KilledWorker, LocalCluster, Security, as_completed, get_worker,
                         rpc)

from forefolio import files
from forefolio.runs import contracts, execution, kernels
from forefolio.study.parameters import StudyError
from forefolio.sweeps import memory
from forefolio.sweeps.plan import GOOD, Plan, Task, line
from forefolio.sweeps.store import Store

# workers ignore Ctrl-C and a closed terminal; the command ends them
DEAF = "import signal; [signal.signal(getattr(signal, name, 2), signal.SIG_IGN) for name in ('SIGINT', 'SIGHUP')]"
PATIENCE = 15  # seconds that a scheduler may take to answer, and to get a worker
SILENCE = 60  # seconds between checks of a scheduler, and seconds that it may take to answer
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # of BLAS, per stage
OTHER_CODE = ("the notebooks, lib/, packages, Python or backend of this worker are not those of the plan; if "
              "you edited them meanwhile, give the command again; another machine needs the same copy")
OTHER_PRICES = ("the prices or published numbers that this worker finds are not those of the command; let both see the "
                "same files")


class Ended(Exception):
    """A task did not succeed, so Dask starts no task that reads its results; the message is the state."""


@dataclass(frozen=True)
class Errand:
    """One call of `forefolio sweep`, to which tasks belong.

    Attributes
    ----------
    token : the call's own; while `.asked` in the folder holds it, the call needs its tasks.
    slots : number of tasks that run at once on each machine and share its cores, by worker address.
    tasks : number of tasks of each stage that are to run; few tasks that take long share more cores.
    minutes : how long a stage may take.
    """

    folder: Path
    token: str
    slots: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    minutes: float = files.LIMIT

    def wanted(self) -> bool:
        """Whether the call still needs its tasks: it was neither interrupted nor replaced by another call."""
        with suppress(OSError):
            return (self.folder / ".asked").read_text(encoding="utf-8") == self.token
        return False


@contextmanager
def connected(workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """Start `workers` processes on this machine, or connect to the scheduler at an address."""
    for name in ("distributed", "distributed.client"):  # the command reports the same in one sentence
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is not None:
        if not re.fullmatch(r"(tcp|tls|ucx|wss?)://.+:\d+", scheduler):
            raise StudyError(f"--scheduler {scheduler}: is no address of a scheduler; write one such as "
                             "tcp://10.0.0.1:8786, as `dask scheduler` prints it")
        try:
            asyncio.run(_greet(scheduler))
        except Exception as error:  # Dask's errors for no answer, and for an unknown protocol
            raise StudyError(f"--scheduler {scheduler}: no Dask scheduler answers there ({type(error).__name__}); "
                             "start one with `dask scheduler`, and give the address that it prints") from None
        with Client(scheduler, timeout=PATIENCE, set_as_default=False) as client:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise StudyError(f"--scheduler {scheduler}: has no workers; start some with `dask worker {scheduler} "
                                 "--nthreads 1`") from None
            asyncio.run_coroutine_threadsafe(_stay(client), client.loop.asyncio_loop)
            yield client
        return
    try:
        with (dask.config.set({"distributed.logging.distributed": "critical", "distributed.admin.tick.limit": "1h",
                               "distributed.admin.tick.interval": "1s",  # else a worker checks itself 50 times a second,
                               "distributed.worker.profile.enabled": False,  # and its threads 100 times a second
                               "temporary-directory": str(kernels.own_folder())}),
              _local(workers or cpu_count()) as local, Client(local, set_as_default=False) as client):
            yield client
    finally:
        kernels.clear_dead()  # files of workers that were killed


def _local(workers: int) -> LocalCluster:
    """New processes on this machine; signals are delayed during the start, because Dask cannot undo half of it."""
    with files.undisturbed():
        if hasattr(signal, "SIGHUP"):  # what counts the semaphores of all processes is deaf to every other signal
            before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
            resource_tracker.ensure_running()
            signal.signal(signal.SIGHUP, before)
        return LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, memory_limit=0,
                            dashboard_address="127.0.0.1:0", silence_logs=50, preload=DEAF)


async def _stay(client: Client) -> None:
    """Close the connection to a scheduler that no longer answers, so that Dask treats it as gone and not as busy."""
    while client.status == "running":
        await asyncio.sleep(SILENCE)
        try:
            await asyncio.wait_for(client.scheduler.identity(n_workers=0), SILENCE)
        except TimeoutError:
            client.scheduler_comm.comm.abort()
            return


async def _greet(address: str) -> None:
    """Check within a time limit that a scheduler is at an address, because a `Client` may wait forever."""
    security = Security().get_connection_args("client")
    async with asyncio.timeout(PATIENCE), rpc(address, connection_args=security) as there:
        if (await there.identity(n_workers=0))["type"] != "Scheduler":
            raise TypeError("this is a worker")


def slots(client: Client) -> dict[str, int]:
    """Number of tasks that run at once on each machine, by worker address."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return Counter(worker["host"] for worker in workers for _ in range(worker["nthreads"]))


def submit(client: Client, plan: Plan, errand: Errand) -> dict[str, Future]:
    """Submit all tasks without results, each with its inputs; returns their futures, by key.

    Points come in order; within a point, the stage for which most others wait comes first. A task runs once, on any
    worker, and again if that worker dies.
    """
    futures, numbers = {}, {point: number for number, point in enumerate(plan.stages)}
    for key, task in plan.tasks.items():
        if key not in plan.up_to_date:
            made = [futures[maker] for maker in task.inputs.values() if maker in futures]
            waiting = plan.stages[task.points[0]].keys() & contracts.readers(task.stage)
            urgency = len(waiting) - 10 * numbers[task.points[0]]
            futures[key] = client.submit(run, task, errand, *made, priority=urgency,
                                         key=f"{task.stage}-{key}-{errand.token}")
    return futures


def ended(client: Client, plan: Plan, futures: dict[str, Future], *,
          patience: float | None = None) -> Iterator[tuple[str, str, str]]:
    """Tasks as they end: the key, the state, and the error if no worker could write it into the ledger.

    A task whose inputs failed is `not run`. The iterator stops early if the scheduler is gone, or after `patience`
    seconds. A task that succeeded is removed from `futures`; otherwise Dask would run it again if its worker died.
    """
    keys = {future.key: key for key, future in futures.items()}
    with suppress(TimeoutError, CancelledError):
        for future in as_completed(list(futures.values()), loop=client.loop, timeout=patience):
            key = keys[future.key]
            if future.status == "finished":
                del futures[key]
                yield key, future.result(), ""
            elif future.status == "error":  # its own, or that of what it reads
                error, inputs = future.exception(), plan.tasks[key].inputs.values()
                if any(maker in futures and futures[maker].status == "error" for maker in inputs):
                    yield key, "not run", ""
                elif isinstance(error, Ended):
                    yield key, str(error), ""
                else:
                    state = "killed" if isinstance(error, KilledWorker) else "failed"
                    yield key, state, f"{type(error).__name__}: {error}"


def run(task: Task, errand: Errand, *made: str) -> str:
    """Run a task on a worker, after its inputs (Dask waits for `made`), and return its state.

    A state that other tasks cannot build on is raised as `Ended`. `FileNotFoundError` means that this worker does not
    see the sweep's folder, or that the task's inputs were deleted.
    """
    if not errand.folder.is_dir():
        raise FileNotFoundError(f"{socket.gethostname()} does not see {errand.folder}; --output must name a folder "
                                "on a disk that all workers share")
    store, worker = Store(errand.folder.parent), get_worker()
    slots = errand.slots.get(worker.ip, worker.state.nthreads)
    cores = max(1, cpu_count() // min(slots, errand.tasks.get(task.stage, slots)))
    about = {"worker": f"{socket.gethostname()} {worker.address}", "key": task.key, "points": len(task.points),
             "sweep": errand.folder.name}
    if not errand.wanted():
        happened = line(task, "cancelled")
    elif store.place(task.stage, task.key).exists():  # another sweep was faster, or a worker that seemed dead
        happened = line(task, "up to date")
    elif contracts.combined(contracts.code(task.stage)) != task.code:
        happened = line(task, "failed", OTHER_CODE)
    else:
        need = memory.needed(task.stage, task.n_assets, files.read_ledger(errand.folder))
        with memory.claimed(need, errand.token, errand.wanted):
            happened = _execute(task, errand, store, cores, about) if errand.wanted() else line(task, "cancelled")
    files.append_to_ledger(errand.folder, happened | about)
    if happened["state"] not in GOOD:
        raise Ended(happened["state"])
    return happened["state"]


def _execute(task: Task, errand: Errand, store: Store, cores: int, about: dict[str, Any]) -> dict[str, Any]:
    """Execute the notebook in a new folder; its results go to the store, a failed notebook to `failed/`."""
    folder = errand.folder / ".working" / f"{task.stage}-{uuid.uuid4().hex}"
    failed = errand.folder / "failed" / f"{task.stage}-{task.key}.ipynb"
    try:
        store.lay_out(folder, task.inputs)
        happened = execution.stage(
            folder, task.stage, task.parameters, point=task.points[0], wanted=errand.wanted, minutes=errand.minutes,
            environment={"FOREFOLIO_OUTPUTS": str(errand.folder.parent), "FOREFOLIO_CORES": str(cores), **ONE_THREAD})
        if happened["state"] == "done":
            entry = contracts.read_manifest(folder)[task.stage]
            same_code = contracts.combined({part: entry[part] for part in contracts.code(task.stage)}) == task.code
            given = entry["sources"], entry.get("published", {})
            wrong = OTHER_CODE if not same_code else OTHER_PRICES if given != (task.sources, task.published) else ""
            happened |= {"state": "failed", "error": wrong} if wrong else {}
        if happened["state"] == "done":
            failed.unlink(missing_ok=True)
            happened["state"] = "done" if store.keep(folder, task.stage, task.key, happened | about) else "up to date"
        elif happened["state"] != "cancelled" and happened["notebook"]:
            failed.parent.mkdir(exist_ok=True)
            (folder / happened["notebook"]).replace(failed)
            happened["notebook"] = failed.relative_to(errand.folder).as_posix()
        return happened
    finally:
        shutil.rmtree(folder, ignore_errors=True)
