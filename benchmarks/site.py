"""What the pages of a run cost, beside nbconvert's pages of the same notebooks."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import in_turns, ratio, seconds
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import ROOT


def against_nbconvert(params: str, *, rounds: int) -> dict:
    """Seconds of `forefolio site`, with all guides and committed notebooks, over those of nbconvert for the stages alone."""
    with tempfile.TemporaryDirectory(prefix="forefolio-bench-") as outputs:
        _call("forefolio", "run", params, "--output", outputs)
        run = next(Path(outputs).glob("*/manifest.json")).parent
        notebooks = [str(run / f"{stage}.ipynb") for stage in STAGES]
        made = in_turns({
            "site": lambda: seconds(lambda: _call("forefolio", "site", str(run))),
            "nbconvert": lambda: seconds(lambda: _call("jupyter", "nbconvert", "--to", "html", "--output-dir",
                                                       str(Path(outputs) / "html"), *notebooks))}, rounds=rounds)
        size = sum(path.stat().st_size for path in (run / "site").rglob("*") if path.is_file())
        return {"params": params, "megabytes": round(size / 1e6, 1),
                "seconds": ratio("site", made["site"], "nbconvert", made["nbconvert"])}


def _call(module: str, *arguments: str) -> None:
    """Run a command of this environment on this copy of the library."""
    library = os.pathsep.join(filter(None, [str(ROOT / "lib"), os.environ.get("PYTHONPATH")]))
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True, capture_output=True,
                   env=os.environ | {"PYTHONPATH": library})
