"""A sweep of three points planned by hand: they share 01 to 04, the first two share 05, and each has a 06 of its own."""

from functools import cache
from typing import Any

from forefolio.runs import contracts
from forefolio.sweeps.grids import Grid, Point
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import Study
from forefolio.sweeps.plan import Plan, Task

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
    points = [Point(point, {"risk_aversion": gamma, "cost_bps": cost},
                    Study(study=name, risk_aversion=gamma, cost_bps=cost)) for point, (gamma, cost) in POINTS.items()]
    grid = Grid(name, "params/default.yml", "sharpe", points, ["risk_aversion", "cost_bps"], "gamma-1__cost-0", "none")
    stages = {point: dict(zip(STAGES, keys, strict=True)) for point, keys in KEYS.items()}
    tasks = {}
    for point, keys in stages.items():
        for stage, key in keys.items():
            inputs = {maker: keys[maker] for maker, contract in STAGES.items()
                      if set(contract.writes) & set(STAGES[stage].reads)}
            made = Task(stage, key, inputs, {"seed": 7}, contracts.combined(code(stage)),
                        ["hash of prices"] if stage == "01_data" else [])
            tasks.setdefault(key, made).points.append(point)
    return Plan(grid, tasks, stages, set(up_to_date))
