"""Workers: processes of this machine, or whatever a Dask scheduler has. Importing Dask takes a second."""

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed, get_worker

DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for the command, which ends the workers
PATIENCE = 15  # seconds that a scheduler may take to answer, and to have a worker


class ClusterError(ValueError):
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
