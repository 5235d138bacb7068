"""What the kernel of each stage loads before its first cell computes: seconds of each package, its own modules alone."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median

from forefolio.runs import contracts

LEAST = 0.05  # seconds of a package that gets a line of its own


def of_stages(*, rounds: int) -> dict:
    """Seconds that a new process takes to import what a stage's notebook imports, ipykernel included, and of what."""
    return {stage: _of(contracts.NOTEBOOKS / contracts.path_of(stage), rounds) for stage in contracts.STAGES}


def _of(notebook: Path, rounds: int) -> dict:
    made = [_seconds(notebook) for _ in range(rounds)]
    each = {package: median(one[package] for one in made) for package in made[0]}
    named = {package: round(seconds, 2) for package, seconds in sorted(each.items(), key=lambda item: -item[1]) if seconds >= LEAST}
    return {"seconds": round(sum(each.values()), 2), "packages": named}


def _seconds(notebook: Path) -> Counter:
    """Seconds by package, of one new process."""
    told = subprocess.run([sys.executable, "-X", "importtime", "-m", __name__, str(notebook)], capture_output=True, text=True,
                          check=True, cwd=Path(__file__).parents[1]).stderr
    found = Counter()
    for microseconds, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)$", told, flags=re.MULTILINE):
        found[module.split(".")[0]] += int(microseconds) / 1e6
    return found


if __name__ == "__main__":  # the new process
    import ipykernel.kernelapp  # noqa: F401

    cells = ["".join(cell["source"]) for cell in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in ast.parse(cell).body if isinstance(line, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(lines, []), sys.argv[1], "exec"), {})
