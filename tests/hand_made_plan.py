"""A sweep of three points planned by hand: they share 01 to 04, the first two share 05, and each has a 06 of its own.

Beside it: what its stages write, and a stub that makes this in place of a kernel.
"""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from forefolio.files import file_hash, ledger_line, read_ledger
from forefolio.runs import contracts
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import Study
from forefolio.sweeps.grids import Grid, Point
from forefolio.sweeps.plan import MAKERS, Plan, Task
from forefolio.sweeps.run import Sweep

POINTS = {"gamma-1__cost-0": (1.0, 0.0), "gamma-1__cost-5": (1.0, 5.0), "gamma-9__cost-0": (9.0, 0.0)}
KEYS = {  # of the stages of each point
    "gamma-1__cost-0": ["data", "correlation", "frontier", "forecasts", "weights1", "compared1"],
    "gamma-1__cost-5": ["data", "correlation", "frontier", "forecasts", "weights1", "compared2"],
    "gamma-9__cost-0": ["data", "correlation", "frontier", "forecasts", "weights9", "compared9"],
}


@cache
def code(stage: str) -> dict[str, Any]:
    """What a stage is made of as it stands, read once."""
    return contracts.code(stage)


def make(name: str = "tried", up_to_date: set[str] = frozenset()) -> Plan:
    """The plan, its tasks in the order of the stages of one point after another, made of the code as it stands."""
    points = [Point(point, Study(study=name, risk_aversion=gamma, cost_bps=cost)) for point, (gamma, cost) in POINTS.items()]
    grid = Grid(name, "params/default.yml", "sharpe", points, ["risk_aversion", "cost_bps"], "gamma-1__cost-0", "none")
    stages = {point: dict(zip(contracts.OF_A_POINT, keys, strict=True)) for point, keys in KEYS.items()}
    tasks = {}
    for point, keys in stages.items():
        for stage, key in keys.items():
            made = Task(stage, key, {maker: keys[maker] for maker in MAKERS[stage]}, {"seed": 7}, contracts.combined(code(stage)),
                        ["hash of prices"] if stage == "01_data" else [])
            tasks.setdefault(key, made).points.append(point)
    return Plan(grid, tasks, stages, set(up_to_date))


def entry(folder: Path, stage: str, *, sources: list[str] = ("hash of prices",)) -> dict:
    """What a stage writes, and its entry of the manifest: made of the code as it stands."""
    for path in STAGES[stage].writes:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{path} of {stage}")
    frames = {"tables/performance.csv": "strategy,sharpe\nmean+mvf,1.5\n",
              "tables/validation_accuracy.csv": "model,mae_mean\nmean,0.25\n"}
    for path in frames.keys() & set(STAGES[stage].writes):
        (folder / path).write_text(frames[path])
    if stage == "06_comparison":
        days = pd.date_range("2021-01-01", periods=3, name="date")
        pd.DataFrame({"mean+mvf": 0.01}, days).to_parquet(folder / "artifacts/net_returns.parquet")
    files = {path: file_hash(folder / path) for path in STAGES[stage].writes}
    hashes = list(sources) if stage == "01_data" else []
    return {**contracts.conditions(folder, stage, {"seed": 7}, hashes, code(stage)), "files": files}


def keep(of: Sweep, *keys: str, sweep_name: str = "tried") -> None:
    """Put results of tasks into the store, as a worker of a sweep does; no line is written."""
    for key in keys:
        task, folder = of.plan.tasks[key], of.folder.parent / "ran" / key
        contracts.write_manifest(folder, {task.stage: entry(folder, task.stage)})
        line = ledger_line(started=0.0, point=task.points[0], stage=task.stage, state="done", seconds=2.0, parameters={},
                           error="", key=key, sweep=sweep_name)
        assert of.store.keep(folder, task.stage, key, line)
        shutil.rmtree(folder)


def place(of: Sweep, key: str) -> Path:
    return of.store.place(of.plan.tasks[key].stage, key)


def states(of: Sweep) -> list[tuple[str, str]]:
    """Key and state of each line of the ledger."""
    return [(line["key"], line["state"]) for line in read_ledger(of.folder)]


class Kernel:
    """In place of a kernel: makes what a stage makes, and ends as it is told, by stage or by stage and point."""

    def __init__(self):
        self.calls, self.ends, self.sources, self.edit = [], {}, ["hash of prices"], lambda: None

    def __call__(self, folder, name, parameters, *, point, wanted, environment, minutes):
        self.calls.append((name, point))
        self.folder, self.environment, self.minutes, self.laid_out = folder, environment, minutes, {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        state, error = self.ends.get((name, point), self.ends.get(name, ("done", "")))
        (folder / f"{name}.ipynb").write_text(f"executed, {state}")
        if state == "done":
            manifest = contracts.read_manifest(folder) | {name: entry(folder, name, sources=self.sources)}
            contracts.write_manifest(folder, manifest)
        state, error = self.edit() or (state, error)
        return ledger_line(point=point, stage=name, state=state, started=0.0, seconds=2.0, parameters=parameters, error=error,
                           notebook=f"{name}.ipynb")
