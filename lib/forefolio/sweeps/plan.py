"""Points become tasks: a stage runs once for all points that give it the same code, parameters and inputs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from forefolio import files
from forefolio.runs import contracts, market_fit
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import StudyError, as_parameters
from forefolio.sweeps.grids import Grid
from forefolio.sweeps.store import Store

GOOD = ("done", "up to date")  # states of tasks whose results are in the store
MAKERS = {stage: [maker for maker, contract in STAGES.items() if set(contract.writes) & set(reader.reads)]
          for stage, reader in STAGES.items()}  # the stages whose results each stage reads


@dataclass(frozen=True)
class Task:
    """One stage to be run for one or many points.

    Attributes
    ----------
    inputs : the stages whose results it reads, with their keys.
    parameters : the parameters of the notebook.
    code : hash of the notebook, the library and the environment with which it must run.
    sources : hashes of external files that it must find: prices, the user's own forecasts.
    points : names of the points that share it, in order.
    n_assets : number of assets that may be held, used to estimate its memory.
    published : hashes of the files of the paper's published numbers that it must find, by name.
    """

    stage: str
    key: str
    inputs: dict[str, str]
    parameters: dict[str, Any]
    code: str
    sources: list[str]
    points: list[str] = field(default_factory=list)
    n_assets: int = 0
    published: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All tasks of a sweep, each after its inputs, and the tasks of each point.

    Attributes
    ----------
    tasks : by key.
    stages : the key of each stage, by point.
    up_to_date : keys of tasks whose results exist.
    """

    grid: Grid
    tasks: dict[str, Task]
    stages: dict[str, dict[str, str]]
    up_to_date: set[str]

    def to_run(self, stage: str | None = None) -> int:
        """The number of tasks, of one stage or of all, without results."""
        return sum(key not in self.up_to_date and stage in (None, task.stage) for key, task in self.tasks.items())


def plan(grid: Grid, store: Store, wanted: Sequence[str] = contracts.OF_A_POINT) -> Plan:
    """Find the tasks of a sweep, for the wanted stages, after checking each point against its market."""
    code = {stage: contracts.combined(contracts.code(stage)) for stage in wanted}
    declared = {stage: list(contracts.declared_parameters(stage)) for stage in wanted}
    markets, hashed = market_fit.Markets(), files.reading_once()
    tasks: dict[str, Task] = {}
    stages: dict[str, dict[str, str]] = {}
    for number, point in enumerate(grid.points, 1):
        try:
            outside = market_fit.check(point.study, markets)
            n_assets = markets.of(point.study).n_assets
        except StudyError as error:
            where = f"sweep {grid.name}, point {number} of {len(grid.points)} ({point.name})"
            raise StudyError(f"{where}: {error}") from None
        values, keys = as_parameters(point.study), {}
        for stage in wanted:
            given = {name: values[name] for name in declared[stage]}
            published = {path.name: hashed(path) for path in contracts.beside(stage)}
            inputs, sources = {maker: keys[maker] for maker in MAKERS[stage]}, [*outside.get(stage, {}).values()]
            keys[stage] = contracts.combined({
                "stage": stage, "code": code[stage], "parameters": contracts.counting(given), "sources": sources,
                "published": published, "inputs": inputs})[:24]
            task = tasks.setdefault(keys[stage], Task(stage, keys[stage], inputs, given, code[stage], sources,
                                                       n_assets=n_assets, published=published))
            task.points.append(point.name)
        stages[point.name] = keys
    there = {key for key, task in tasks.items() if store.intact(task.stage, key, task.inputs, hashed)}
    return Plan(grid, tasks, stages, there)


def line(task: Task, state: str, error: str = "") -> dict[str, Any]:
    """The ledger's line for a task that was not executed."""
    return files.ledger_line(
        point=task.points[0], stage=task.stage, state=state, started=time.time(), seconds=0.0, error=error,
        parameters=task.parameters, key=task.key, points=len(task.points))


def table(made: Plan) -> str:
    """The plan for a terminal: what runs, what is shared, and what exists already."""
    grid, n_points, rows = made.grid, len(made.grid.points), []
    wanted = list(next(iter(made.stages.values())))
    n_alone = n_points * len(wanted)
    for stage in wanted:
        sharing, to_run = [len(task.points) for task in made.tasks.values() if task.stage == stage], made.to_run(stage)
        most = " to ".join(map(str, sorted({min(sharing), max(sharing)})))
        rows.append(f"{stage:<16}{to_run:>8}{len(sharing) - to_run:>12}{most:>23}")
    return "\n".join([
        f"sweep {grid.name}: {n_points} points of {grid.base} over {', '.join(grid.parameters)}",
        f"{'stage':<16}{'to run':>8}{'up to date':>12}{'points that share one':>23}", *rows,
        f"{made.to_run()} stages to run, {len(made.up_to_date)} up to date, {n_alone - len(made.tasks)} shared, "
        f"in place of {n_alone} runs of a stage"])
