"""Where the time of the default study goes: the seconds of each stage, from the ledger of a run made for it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import ratio, seconds
from forefolio.study.parameters import ROOT


def of_a_run(params: str, *, overrides: tuple[str, ...] = (), rounds: int) -> dict:
    """Each stage's seconds over those of the whole command, starting it included; a new outputs folder every round."""
    made = [_run(params, overrides) for _ in range(rounds)]
    whole = [total for total, _ in made]
    return {"params": params, "whole_command": {"seconds": whole}} | {
        stage: ratio("stage", [by_stage[stage] for _, by_stage in made], "whole_command", whole) for stage in made[0][1]}


def _run(params: str, overrides: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Seconds of the command and of each stage."""
    whole, done = run(params, overrides)
    return whole, {line["stage"]: line["seconds"] for line in done}


def run(params: str, overrides: tuple[str, ...], *options: str) -> tuple[float, list[dict]]:
    """Seconds of a run in a new outputs folder, and its ledger: a line per stage, with the size of its notebook in MB."""
    with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
        command = [sys.executable, "-m", "forefolio", "run", params, "--output", outputs, *options]
        for override in overrides:
            command += ["--set", override]
        library = os.pathsep.join(filter(None, [str(ROOT / "lib"), os.environ.get("PYTHONPATH")]))
        whole = seconds(lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True,
                                               env=os.environ | {"PYTHONPATH": library}))
        path, = Path(outputs).glob("*/ledger.jsonl")
        done = [line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()) if line["state"] == "done"]
        return round(whole, 1), [line | {"notebook_mb": (path.parent / line["notebook"]).stat().st_size / 1e6}
                                 for line in done]
