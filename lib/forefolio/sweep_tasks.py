"""What a worker does: run one stage for all points that share it, keep its results whole, and say so in the ledger."""

import shutil
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forefolio import cluster, execution, ledger, provenance
from forefolio.stage_store import Store
from forefolio.sweep_plan import Task


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
    store, (address, cores) = Store(errand.folder.parent), cluster.here(errand.slots)
    about = {"worker": address, "key": task.key, "points": len(task.points), "sweep": errand.folder.name}
    if not errand.wanted():
        line = _not_begun(task, "cancelled")
    elif store.place(task.stage, task.key).exists():  # another sweep was first, or a worker that was thought dead
        line = _not_begun(task, "up to date")
    elif provenance.combined(provenance.code(task.stage)) != task.code:
        line = _not_begun(task, "failed", OTHER_CODE)
    else:
        line = _execute(task, errand, store, cores, about)
    ledger.append(errand.folder, line | about)
    return line["state"]


def _not_begun(task: Task, state: str, error: str = "") -> dict[str, Any]:
    return ledger.line(point=task.points[0], stage=task.stage, state=state, started=time.time(), seconds=0.0, error=error,
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
            entry = provenance.read_manifest(folder)[task.stage]
            same_code = provenance.combined({part: entry[part] for part in provenance.code(task.stage)}) == task.code
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
