"""Runs many studies from one grid: every point has a state, no stage runs twice, and a killed process loses nothing.

The ledger records what happened, and the store keeps finished results. Both survive the process, so the same command
again runs only what is missing.
"""

import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from forefolio import files
from forefolio.runs import contracts, kernels, pictures
from forefolio.study.parameters import StudyError, as_yaml, read_mapping
from forefolio.sweeps import grids, plan as plan_module, results
from forefolio.sweeps.plan import GOOD, Plan, Task, line
from forefolio.sweeps.store import PARAMS, Store, mend, own_files, put_away

QUIET = ("done", "not run", "cancelled")  # states of points without an error
LOOK, TOLD = 1.0, 60  # seconds between checks of what runs, and between progress lines if there is no bar
GRACE = 30  # seconds that interrupted tasks have to end their kernels


@dataclass
class Sweep:
    """A running sweep; `states` holds the final state of each task that has ended, by key.

    With `pictures`, the figures of its points are drawn as PNG as well.
    """

    folder: Path
    plan: Plan
    pictures: bool = False
    states: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """The store with the results of stages."""
        return Store(self.folder.parent)

    def ended(self, point: str) -> tuple[str, str]:
        """How a point ended: `done`, or the state of its first stage that is not done, and that stage."""
        ends = ((self.states.get(key, "not run"), stage) for stage, key in self.plan.stages[point].items())
        return next((end for end in ends if end[0] not in GOOD), ("done", ""))

    def accounts(self) -> dict[str, tuple[str, str, str]]:
        """The account of each point, by name."""
        errors = {entry.get("key"): entry["error"] or "" for entry in files.read_ledger(self.folder)}
        ends = {point: self.ended(point) for point in self.plan.stages}
        return {point: (state, stage, errors.get(self.plan.stages[point].get(stage), "") if state not in QUIET else "")
                for point, (state, stage) in ends.items()}


def prepare(path: str | Path, overrides: tuple[str, ...] = (), wanted: Sequence[str] = contracts.OF_A_POINT, *,
            pictures: bool = False) -> Sweep:
    """Read a sweep file, check every point, and find the stages that have to run. Nothing is written."""
    grid = grids.load(path, overrides)
    folder = files.outputs_folder() / grid.name
    files.check_kind(folder, "sweep")
    contracts.notebook_hash(results.NOTEBOOK)  # notice it now, not after all stages have run
    return Sweep(folder, plan_module.plan(grid, Store(folder.parent), wanted), pictures)


def run(sweep: Sweep, *, workers: int | None = None, scheduler: str | None = None,
        minutes: float = files.LIMIT) -> None:
    """Run all tasks without results, then make the sweep's tables and notebook.

    The figures of its points are interactive pages; if the sweep wants `pictures`, this process draws them while the
    workers go on.

    It uses `workers` processes on this machine (by default one per core), or the workers of the Dask `scheduler` at an
    address. A stage that takes more than `minutes` is ended. If the scheduler is gone, or the sweep's notebook fails,
    it raises `RunFailed`. Ctrl-C ends its kernels. Finished stages are kept, and finished points are complete.
    """
    plan, folder, token = sweep.plan, sweep.folder, uuid.uuid4().hex
    with files.locked(folder, "`forefolio sweep`", kind="sweep"), pictures.Drawer(tqdm.write) as drawer:
        files.write_text(folder / ".asked", token)  # tells workers of earlier calls to stop
        _tidy(sweep)
        sweep.states |= dict.fromkeys(plan.up_to_date, "up to date")
        try:
            if plan.to_run():
                _run_tasks(sweep, token, workers, scheduler, minutes, drawer)
            if sweep.pictures:
                _draw(sweep, drawer)
        finally:
            with files.undisturbed():
                (folder / ".asked").unlink(missing_ok=True)
                put_away(folder / ".working")
                _take_stock(sweep)
                for point in plan.grid.points:
                    _assemble(sweep, point)
                results.write(folder, plan.grid, sweep.accounts())
        results.execute_notebook(folder)


def _run_tasks(sweep: Sweep, token: str, workers: int | None, scheduler: str | None, minutes: float,
               drawer: pictures.Drawer) -> None:
    """Hand all tasks to the workers, and record how each ends."""
    from forefolio.sweeps import tasks  # papermill and Dask take seconds to import, and a plan needs neither

    plan, points = sweep.plan, {point.name: point for point in sweep.plan.grid.points}
    kernels.tell()
    with tasks.connected(workers, scheduler) as client:
        results.forget(sweep.folder)
        slots = tasks.slots(client)
        progress = Progress(plan, sum(slots.values()), files.read_ledger(sweep.folder))
        number = {stage: plan.to_run(stage) for stage in contracts.STAGES}
        futures = tasks.submit(client, plan, tasks.Errand(sweep.folder, token, slots, number, minutes))
        ended = threading.Event()
        telling = threading.Thread(target=_tell, args=(progress, sweep.folder / ".working", ended), daemon=True)
        telling.start()
        try:
            for key, state, error in tasks.ended(client, plan, futures):
                task, sweep.states[key] = plan.tasks[key], state
                if len(plan.tasks) - len(sweep.states) < sum(slots.values()):  # a core is free
                    kernels.prepare(contracts.NOTEBOOKS / f"{results.NOTEBOOK}.ipynb")
                if error:
                    files.append_to_ledger(sweep.folder, line(task, state, error))
                complete = [point for point in task.points if sweep.ended(point)[0] == "done"]
                seconds = None
                with suppress(FileNotFoundError):  # not done, or the store was deleted: checked at the end
                    seconds = sweep.store.record(task.stage, key)["line"]["seconds"]
                    if sweep.pictures:
                        drawer.ask(sweep.store.place(task.stage, key).glob("figures/*.html"))
                    for point in complete:
                        _assemble(sweep, points[point])
                progress.ended(task, state, seconds, len(complete))
        except KeyboardInterrupt:
            with files.undisturbed():
                (sweep.folder / ".asked").unlink(missing_ok=True)  # the workers end their kernels and begin nothing
                sweep.states |= {key: state for key, state, _ in tasks.ended(client, plan, futures, patience=GRACE)}
            raise
        finally:
            ended.set()
            telling.join()
            progress.bar.close()
    if gone := len(plan.tasks.keys() - sweep.states.keys()):
        raise files.RunFailed(f"the scheduler {scheduler or ''} is gone with {gone} stages not ended; what is "
                              "done is kept: start one, and give the same command again")


def _tell(progress: "Progress", working: Path, ended: threading.Event) -> None:
    """Report which stages run, and for how long, until all have ended; `tasks` names the folder of each."""
    began: dict[Path, float] = {}
    while not ended.wait(LOOK):
        began = {folder: began.get(folder, time.monotonic()) for folder in sorted(working.glob("0*"))}
        progress.runs([(folder.name[:folder.name.index("-")], time.monotonic() - moment)
                       for folder, moment in began.items()])


def _tidy(sweep: Sweep) -> None:
    """Remove what a killed command left, points that no longer exist, and results that were changed."""
    folder, plan, store = sweep.folder, sweep.plan, sweep.store
    put_away(folder / ".working")
    mend(folder)
    for params in folder.glob(f"*/{PARAMS}"):
        with suppress(StudyError):  # not every params file there is one that this sweep wrote for a point of that name
            point = params.parent.name
            made = read_mapping(params).get("study") == f"{folder.name}-{point}"
            if made and point not in plan.stages and not own_files(params.parent):
                put_away(params.parent)
    for key, task in plan.tasks.items():
        if key not in plan.up_to_date:
            store.restore(task.stage, key)
        if key in plan.up_to_date or store.intact(task.stage, key, task.inputs):  # made by another call since, or restored
            plan.up_to_date.add(key)
            files.append_to_ledger(folder, line(task, "up to date"))
        else:
            put_away(store.place(task.stage, key))
    for path in folder.glob("failed/*.ipynb"):
        stage, _, key = path.stem.rpartition("-")
        if stage in contracts.STAGES and (key not in plan.tasks or key in plan.up_to_date):
            path.unlink()


def _take_stock(sweep: Sweep) -> None:
    """Count deleted results as not run, and write the lines that killed workers could not write."""
    written = {entry.get("key") for entry in files.read_ledger(sweep.folder) if entry["state"] == "done"}
    hashed = files.reading_once()
    for key in [key for key, state in sweep.states.items() if state in GOOD]:
        stage, inputs = sweep.plan.tasks[key].stage, sweep.plan.tasks[key].inputs
        if not sweep.store.intact(stage, key, inputs, hashed):
            sweep.states[key] = "not run"
        elif key not in written and (kept := sweep.store.record(stage, key)["line"])["sweep"] == sweep.folder.name:
            files.append_to_ledger(sweep.folder, kept)


def _lacking(sweep: Sweep) -> dict[str, dict[str, Any]]:
    """Manifest entries of results without pictures of their figures, by key."""
    entries = {}
    for key in [key for key, state in sweep.states.items() if state in GOOD]:
        with suppress(OSError, ValueError, KeyError):  # somebody deletes the store: stock is taken at the end
            entries[key] = sweep.store.record(sweep.plan.tasks[key].stage, key)["entry"]
    return {key: entry for key, entry in entries.items() if contracts.lacking(entry)}


def _draw(sweep: Sweep, drawer: pictures.Drawer) -> None:
    """Draw missing pictures of results in the store."""
    if lacking := _lacking(sweep):
        stages = {key: sweep.plan.tasks[key].stage for key in lacking}
        drawn = pictures.completed(drawer, [(sweep.store.place(stages[key], key), entry) for key, entry in lacking.items()])
        for key, entry in zip(lacking, drawn, strict=True):
            sweep.store.add(stages[key], key, entry)


def _assemble(sweep: Sweep, point: grids.Point) -> None:
    """Build a point's folder from links to its finished stages."""
    stages = {stage: key for stage, key in sweep.plan.stages[point.name].items() if sweep.states.get(key) in GOOD}
    if stages:
        alone = point.study.model_copy(update={"study": f"{sweep.folder.name}-{point.name}"})
        sweep.store.assemble(sweep.folder / point.name, stages, as_yaml(alone))


class Progress:
    """Progress of a sweep: a bar in a terminal, or one line per stage in a log.

    It counts stages and points as they end, and estimates the remaining time from stages of the same name. `slots`
    stages run at once; times in the ledger of earlier calls (`known`) give a first estimate.
    """

    def __init__(self, plan: Plan, slots: int, known: list[dict[str, Any]]):
        self._left = Counter(task.stage for key, task in plan.tasks.items() if key not in plan.up_to_date)
        self._slots, self._n_stages, self._n_points = slots, self._left.total(), len(plan.stages)
        self._points = sum(plan.up_to_date.issuperset(keys.values()) for keys in plan.stages.values())
        self._failed, self._seconds, self._told = 0, defaultdict(list), time.monotonic()
        for entry in known:
            if entry["state"] == "done":
                self._seconds[entry["stage"]].append(entry["seconds"])
        self.bar = tqdm(total=self._n_stages, desc=plan.grid.name, disable=not sys.stderr.isatty(),
                        bar_format="{desc}: {n_fmt} of {total_fmt} stages |{bar}| {postfix}")

    def ended(self, task: Task, state: str, seconds: float | None, points: int) -> None:
        """Record a task that ended, and the number of points that it completed."""
        self._left[task.stage] -= 1
        self._points += points
        self._failed += state in ("failed", "timed out", "killed")
        if seconds:
            self._seconds[task.stage].append(seconds)
        said = self._said([])
        whose = task.points[0] if len(task.points) == 1 else f"{len(task.points)} points"
        text = f"{task.stage} of {whose}: {state}" + (f" in {seconds:.0f} s" if seconds else "")
        if self.bar.disable:
            print(f"[{self._n_stages - self._left.total()} of {self._n_stages} stages, {said}] {text}", flush=True)
        else:
            self.bar.set_postfix_str(said, refresh=False)
            self.bar.update()
            if state not in GOOD:
                self.bar.write(text, file=sys.stderr)

    def runs(self, running: list[tuple[str, float]]) -> None:
        """Show the running stages with their seconds so far, in the bar or as one line per minute."""
        names = ", ".join(f"{stage} for {files.lasting(seconds)}" for stage, seconds in running[:3])
        more = f" and {len(running) - 3} more" if len(running) > 3 else ""
        said = f"{self._said(running)}, running: {names}{more}"
        if not self.bar.disable:
            self.bar.set_postfix_str(said)
        elif running and time.monotonic() > self._told + TOLD:
            self._told = time.monotonic()
            print(f"[{self._n_stages - self._left.total()} of {self._n_stages} stages, {said}]", flush=True)

    def _said(self, running: list[tuple[str, float]]) -> str:
        return f"{self._points} of {self._n_points} points, {self._failed} stages failed, {self._time_left(running)}"

    def _time_left(self, running: list[tuple[str, float]]) -> str:
        """The remaining time: remaining work, from the mean time of each stage, divided by the number of workers."""
        if not self._left.total():
            return "nothing left"
        means = {stage: fmean(seconds) for stage, seconds in self._seconds.items()}
        if not means or any(seconds > 2 * means.get(stage, seconds) for stage, seconds in running):  # it may hang
            return "time left unknown"
        each = {stage: means.get(stage, fmean(means.values())) for stage, n in self._left.items() if n}
        left = max(sum(self._left[stage] * mean for stage, mean in each.items()) / self._slots, *each.values())
        return f"about {files.lasting(left)} left"


def summary(sweep: Sweep) -> str:
    """A summary of the points for a terminal: how many are done, and the reason for each other one."""
    accounts = sweep.accounts()
    counted = Counter(state for state, _, _ in accounts.values())
    ended = ", ".join(f"{number} {state}" for state, number in counted.items())
    lines = [f"{len(accounts)} point{'s' * (len(accounts) != 1)}: {ended}"]
    lines += [f"{point}: {stage} {state}: {error}" for point, (state, stage, error) in accounts.items()
              if state not in QUIET]
    if counted.keys() - set(QUIET) and any(sweep.folder.glob("failed/*.ipynb")):
        lines.append(f"executed notebooks of failed stages, with the errors in them: {sweep.folder / 'failed'}")
    if missing := sum(len(contracts.lacking(entry)) for entry in _lacking(sweep).values()) if sweep.pictures else 0:
        lines.append(pictures.missed(missing))
    return "\n".join([*lines, f"results: {sweep.folder}"])
