"""This checkout against another one, such as the commit before: the same commands in turns, and whether results are equal."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.timing import in_turns, ratio, seconds
from forefolio.files import file_hash
from forefolio.study.parameters import ROOT

COMMANDS = {  # with the target of the ratio
    "six_stages_of_the_default_study": (("run", "params/default.yml", "--to", "06_comparison"), "at most 0.6"),
    "six_stages_of_the_lecture": (("run", "params/lecture.yml", "--to", "06_comparison"), "at most 0.6"),
    "sweep_of_24_points": (("sweep", "params/sweeps/risk_aversion_costs.yml"), "at most 0.4"),
}


def compare(before: Path | None = None, *, rounds: int, commands: dict[str, tuple[tuple[str, ...], str]] = COMMANDS) -> dict:
    """Seconds of each command in this checkout over those in the other one, each time into a new folder.

    Parameters
    ----------
    before : Path or None
        The other checkout; nothing is measured without one.
    """
    if before is None:
        return {"state": "not measured: name the checkout of another commit with --before"}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=before, capture_output=True, text=True).stdout.strip()
    found = {"before": commit or "a folder without history"}
    for name, (words, target) in commands.items():
        results: dict[str, list[dict[str, str]]] = {"now": [], "before": []}
        made = in_turns({side: partial(_measured, root, words, results[side].append)
                         for side, root in (("now", ROOT), ("before", before.resolve()))}, rounds=rounds)
        now, then = results["now"][0], results["before"][0]
        other = sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))
        found[name] = ratio("now", made["now"], "before", made["before"], target=target) | {
            "command": f"forefolio {' '.join(words)}",
            "results": f"{len(now.keys() - set(other))} of {len(now)} tables and artifacts are the same, byte for byte",
            "not_the_same": sorted({Path(path).name for path in other})}
    return found


def _measured(root: Path, words: tuple[str, ...], keep: Callable[[dict[str, str]], None]) -> float:
    """Seconds of a command of the checkout in a folder; `keep` gets the hashes of its results."""
    with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
        took = forefolio(*words, outputs=outputs, root=root)
        there = (path for path in Path(outputs).rglob("*") if path.parent.name in ("tables", "artifacts"))
        keep({str(path.relative_to(outputs)): file_hash(path) for path in there if ".stages" not in path.parts
              and path.name != "timings.parquet"})
        return took


def forefolio(*words: str, outputs: str, root: Path = ROOT) -> float:
    """Seconds of a command, with the library of a checkout."""
    library = os.pathsep.join(filter(None, [str(root / "lib"), os.environ.get("PYTHONPATH")]))
    return seconds(lambda: subprocess.run(
        [sys.executable, "-m", "forefolio", *words, "--output", outputs], cwd=root, check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": library}))
