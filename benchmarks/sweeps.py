"""A sweep against its points run one by one with nothing shared, a sweep with nothing to do, and one of 1,000 points."""

import heapq
import json
import tempfile
from collections import defaultdict
from math import prod
from pathlib import Path
from statistics import median

from benchmarks.before import forefolio
from benchmarks.timing import ratio
from forefolio.sweeps import grids, plan as plans
from forefolio.sweeps.store import Store


def against_separate_runs(sweep: str, *, n_separate: int | None = None, rounds: int) -> dict:
    """Seconds of a sweep over those of its points alone, each in an outputs folder of its own.

    Parameters
    ----------
    sweep : a sweep file.
    n_separate : how many of the points are run alone, evenly spaced over the sweep, their mean counting for the others;
        all, if not given.
    rounds : how often both are measured.
    """
    together, alone, equal, n_points, n_run = [], [], 0, 0, 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
            together.append(forefolio("sweep", sweep, outputs=outputs))
            found = studies(outputs)
            n_points, chosen = len(found), found[::max(1, len(found) // (n_separate or len(found)))][:n_separate]
            times = [_alone(study) for study in chosen]
            n_run += len(chosen)
            equal += sum(same for _, same in times)
            alone.append(sum(time for time, _ in times) / len(times) * n_points)
    return {"sweep": sweep, "points": n_points, "points_run_alone": n_run,
            "time": ratio("together", together, "alone", alone, target="below 0.25"),
            "tables": f"the same, byte for byte, in {equal} of {n_run} points"}


def studies(outputs: str) -> list[Path]:
    """The params files of the points of the sweep in a folder."""
    return sorted(Path(outputs).glob("*/*/study.yml"))


def _alone(study: Path) -> tuple[float, bool]:
    """Seconds of a point's own run, and whether its tables are those that it has in the sweep."""
    with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
        time = forefolio("run", str(study), outputs=outputs)
        made, there = (_tables(folder) for folder in (next(Path(outputs).glob("*/tables")), study.parent / "tables"))
        return time, made == there


def _tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.csv")}


def of_many_points(base: str, *, measured: dict[str, list], many: dict[str, list], workers: int, rounds: int) -> dict:
    """Seconds of a plan of many points, of a sweep with nothing left to do, and the hours that the many would take.

    Parameters
    ----------
    base : a params file.
    measured : the grid of a sweep that is really run, for the seconds of its stages.
    many : the grid of the sweep that is only planned.
    workers : stages that run at once.
    """
    with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
        few, whole = (_file(Path(outputs), name, base, grid) for name, grid in (("few", measured), ("many", many)))
        forefolio("sweep", few, "--workers", str(workers), outputs=outputs)
        again = [forefolio("sweep", few, outputs=outputs) for _ in range(rounds)]
        planned = [forefolio("sweep", whole, "--dry-run", outputs=outputs) for _ in range(rounds)]
        took = defaultdict(list)
        for line in map(json.loads, (Path(outputs) / "few" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()):
            if line["state"] == "done":
                took[line["stage"]].append(line["seconds"])
        each = {stage: median(values) for stage, values in took.items()}
        plan = plans.plan(grids.load(whole), Store(Path(outputs)))
    return {"base": base, "points": len(plan.stages), "measured_points": prod(map(len, measured.values())),
            "nothing_to_do": ratio("again", again, "limit_seconds", [3.0], target="below 1"),
            "plan": ratio("plan", planned, "limit_seconds", [2.0], target="below 1"),
            "seconds_a_stage": {stage: round(value, 2) for stage, value in each.items()},
            "hours_simulated": round(simulated(plan, each, workers) / 3600, 2), "workers": workers}


def simulated(plan: plans.Plan, each: dict[str, float], workers: int) -> float:
    """Seconds until all tasks of a plan are done, if each of `workers` takes the next one that may start."""
    ends: dict[str, float] = {}
    free = [0.0] * workers
    for key, task in plan.tasks.items():  # each after its inputs
        if key not in plan.up_to_date:
            begins = max([heapq.heappop(free), *(ends.get(maker, 0.0) for maker in task.inputs.values())])
            ends[key] = begins + each[task.stage]
            heapq.heappush(free, ends[key])
    return max(ends.values(), default=0.0)


def _file(folder: Path, name: str, base: str, grid: dict[str, list]) -> str:
    """A sweep file."""
    path = folder / f"{name}.yml"
    path.write_text(json.dumps({"name": name, "base": base, "grid": grid}), encoding="utf-8")
    return str(path)
