"""A sweep against its points run one by one with nothing shared: the time of both, and whether the tables are the same."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import ratio, seconds
from forefolio.study.parameters import ROOT


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
            together.append(_forefolio("sweep", sweep, outputs=outputs))
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
        time = _forefolio("run", str(study), outputs=outputs)
        made, there = (_tables(folder) for folder in (next(Path(outputs).glob("*/tables")), study.parent / "tables"))
        return time, made == there


def _tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.csv")}


def _forefolio(*arguments: str, outputs: str) -> float:
    """Seconds of a command."""
    library = os.pathsep.join(filter(None, [str(ROOT / "lib"), os.environ.get("PYTHONPATH")]))
    return seconds(lambda: subprocess.run(
        [sys.executable, "-m", "forefolio", *arguments, "--output", outputs], cwd=ROOT, check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": library}))
