"""Points to tasks: a stage is run once for all points that give it the same code, parameters and inputs."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from forefolio import files
from forefolio.runs import contracts, market_fit
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import StudyError, as_parameters
from forefolio.sweeps.grids import Grid, Point
from forefolio.sweeps.store import Store


@dataclass(frozen=True)
class Task:
    """One stage to be run for one or many points.

    Attributes
    ----------
    stage, key : str
        The stage, and the hash of all that its results depend on.
    inputs : dict of str to str
        The stages whose results it reads, each with its key.
    parameters : dict
        What the notebook is given.
    code : str
        Hash of the notebook, the library and the environment that it must be run with.
    sources : list of str
        Hashes of the files of prices that stage 01 must find.
    points : list of str
        Names of the points that share it, in order.
    """

    stage: str
    key: str
    inputs: dict[str, str]
    parameters: dict[str, Any]
    code: str
    sources: list[str]
    points: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """All tasks of a sweep, each after those that it reads, and which of them make each point.

    Attributes
    ----------
    grid : Grid
    tasks : dict of str to Task
        By key.
    stages : dict of str to dict
        The key of each stage, by point.
    up_to_date : set of str
        Keys of tasks whose results are there.
    """

    grid: Grid
    tasks: dict[str, Task]
    stages: dict[str, dict[str, str]]
    up_to_date: set[str]

    def to_run(self, stage: str | None = None) -> int:
        """How many tasks, of one stage or of all, have no results yet."""
        return sum(key not in self.up_to_date and stage in (None, task.stage) for key, task in self.tasks.items())


def plan(grid: Grid, store: Store) -> Plan:
    """Find the tasks of a sweep, after checking each point against its market.

    Raises
    ------
    ValueError
        One sentence naming the point and the parameter that does not fit.
    """
    code = {stage: contracts.combined(contracts.code(stage)) for stage in STAGES}
    declared = {stage: list(contracts.declared_parameters(stage)) for stage in STAGES}
    markets = market_fit.Markets()
    hashed = cache(files.file_hash)
    tasks: dict[str, Task] = {}
    stages: dict[str, dict[str, str]] = {}
    for number, point in enumerate(grid.points, 1):
        values, keys = as_parameters(point.study), {}
        sources = [hashed(path) for path in _files(grid, point, number, markets)]
        for stage in STAGES:
            given = {name: values[name] for name in declared[stage]}
            published = {path.name: hashed(path) for path in contracts.published(given.get("paper", "none"))}
            task = _task(stage, given, code[stage], sources if stage == "01_data" else [], published, keys)
            keys[stage] = task.key
            tasks.setdefault(task.key, task).points.append(point.name)
        stages[point.name] = keys
    done = {key for key, task in tasks.items() if store.intact(task.stage, key)}
    return Plan(grid, tasks, stages, done)


def _task(stage: str, parameters: dict[str, Any], code: str, sources: list[str], published: dict[str, str],
          keys: dict[str, str]) -> Task:
    inputs = {maker: keys[maker] for maker, contract in STAGES.items() if set(contract.writes) & set(STAGES[stage].reads)}
    key = contracts.combined({"stage": stage, "code": code, "parameters": contracts.counting(parameters),
                               "sources": sources, "published": published, "inputs": inputs})[:24]
    return Task(stage, key, inputs, parameters, code, sources)


def _files(grid: Grid, point: Point, number: int, markets: market_fit.Markets) -> list[Path]:
    try:
        return market_fit.check(point.study, markets)
    except ValueError as error:
        raise StudyError(f"sweep {grid.name}, point {number} of {len(grid.points)} ({point.name}): {error}") from None


def table(made: Plan) -> str:
    """The plan as a terminal shows it: what runs, what is shared, what is there."""
    grid, n_points = made.grid, len(made.grid.points)
    by_stage = {stage: [task for task in made.tasks.values() if task.stage == stage] for stage in STAGES}
    lines = [f"sweep {grid.name}: {n_points} points of {grid.base} over {', '.join(grid.parameters)}",
             f"{'stage':<16}{'to run':>8}{'up to date':>12}{'points that share one':>23}"]
    for stage, tasks in by_stage.items():
        sharing = sorted({len(task.points) for task in tasks})
        most = f"{sharing[0]}" if len(sharing) == 1 else f"{sharing[0]} to {sharing[-1]}"
        lines.append(f"{stage:<16}{made.to_run(stage):>8}{len(tasks) - made.to_run(stage):>12}{most:>23}")
    shared = n_points * len(STAGES) - len(made.tasks)
    lines.append(f"{made.to_run()} stages to run, {len(made.up_to_date)} up to date, {shared} shared, "
                 f"in place of {n_points * len(STAGES)} runs of a stage")
    return "\n".join(lines)
