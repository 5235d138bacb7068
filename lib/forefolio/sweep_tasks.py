"""What a worker does: run one stage for all points that share it, keep its results whole, and say so in the ledger."""

import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from forefolio import cluster, execution, ledger, provenance
from forefolio.stage_store import Store
from forefolio.sweep_plan import Task


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
    if not errand.wanted():
        return "cancelled"
    store, (address, cores) = Store(errand.folder.parent), cluster.here(errand.slots)
    if store.place(task.stage, task.key).exists():  # another worker was thought dead, and was not
        return "up to date"
    if provenance.combined(provenance.code(task.stage)) != task.code:
        return _refuse(task, errand, address, "this worker's copy of the project (notebooks, lib/, "
                       "requirements.lock, Python, backend) is not the command's; update it and start the worker again")
    folder = errand.folder / ".working" / uuid.uuid4().hex
    try:
        store.lay_out(folder, task.inputs)
        line = execution.stage(
            folder, task.stage, task.parameters, point=task.points[0], wanted=errand.wanted,
            environment={"FOREFOLIO_OUTPUTS": str(errand.folder.parent), "FOREFOLIO_CORES": str(cores)})
        line |= {"worker": address, "key": task.key, "points": len(task.points), "sweep": errand.folder.name}
        if line["state"] == "done" and provenance.read_manifest(folder)[task.stage]["sources"] != task.sources:
            line |= {"state": "failed", "error": "the prices on this worker are others than those of the command; let both "
                                                 "see the same files"}
        failed = errand.folder / "failed" / f"{task.stage}-{task.key}.ipynb"
        if line["state"] == "done":
            failed.unlink(missing_ok=True)
            if not store.keep(folder, task.stage, task.key, line):
                return "up to date"
        elif line["state"] != "cancelled" and (folder / line["notebook"]).exists():
            failed.parent.mkdir(exist_ok=True)
            (folder / line["notebook"]).replace(failed)
            line["notebook"] = failed.relative_to(errand.folder).as_posix()
        ledger.append(errand.folder, line)
        return line["state"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse(task: Task, errand: Errand, address: str, why: str) -> str:
    """Say in the ledger why a task was not begun."""
    ledger.append(errand.folder, ledger.line(
        point=task.points[0], stage=task.stage, state="failed", started=time.time(), seconds=0.0,
        parameters=task.parameters, error=why, worker=address, key=task.key, points=len(task.points)))
    return "failed"
