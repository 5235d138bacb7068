"""A copy of the project whose notebooks take a second each, for sweeps that are killed, interrupted and run again.

The stages keep their contracts: each reads all of its inputs and writes all of its results, and every number is drawn from
what was read and from the parameters, so that an input that is mixed up or torn shows in all later tables.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil

from forefolio.runs import guard
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import ROOT, Study, as_parameters

PARAMETERS = {  # of each stage, besides the name of the study
    "01_data": ("start", "end"),
    "02_correlation": ("correlation_window",),
    "03_mpt_frontier": ("frontier_sample",),
    "04_forecasting": ("seed", "lookback"),
    "05_portfolios": ("risk_aversion", "estimation_window"),
    "06_comparison": ("cost_bps",),
    "07_evidence": ("min_weight",),
}

PARAMS = "study: short\nsource: simulated\nsimulated_assets: 4\n"  # a market that needs no files

NO_BROWSER = """

def warm_up():
    pass  # nothing is drawn here, and a browser would take seconds of each kernel
"""

OPEN = """
import time
from pathlib import Path

import numpy as np
import pandas as pd

from forefolio.runs import contracts, stages

assert Path.cwd() == contracts.NOTEBOOKS, "this kernel imports another copy of the library than the command"
stage = stages.open_stage("{stage}", globals())
"""

READ = """
contract = contracts.STAGES[stage.name]
inputs = {path: stage.read(Path(path).stem) for path in contract.reads}
made_of = {path: str(pd.util.hash_pandas_object(frame).sum()) for path, frame in inputs.items()}
made_of |= {name: repr(globals()[name]) for name in contracts.declared_parameters(stage.name) if name != "study"}
mark = int(pd.util.hash_pandas_object(pd.Series(made_of)).sum()) % 2**32
"""

DISTURB = "pass  # a test may put trouble here"

WRITE = """
for path in contract.writes:
    time.sleep({pause} / len(contract.writes))
    rng = np.random.default_rng([mark, contract.writes.index(path)])
    frame = pd.DataFrame({{"made_of": list(made_of), "value": list(made_of.values()), "draw": rng.normal(size=len(made_of))}})
    if path == "tables/validation_accuracy.csv":
        frame = pd.DataFrame({{"model": ["zero", "mean"], "mae_mean": rng.uniform(size=2)}})
    if path == "tables/performance.csv":
        frame = pd.DataFrame(rng.normal(size=(3, 11)), columns={columns})
        frame.insert(0, "strategy", ["mean+mvf", "equal_weight", "benchmark"])
    if path == "artifacts/net_returns.parquet":
        dates = pd.date_range("2021-01-01", periods=50, name="date")
        frame = pd.DataFrame(rng.normal(size=(50, 3)), dates, ["mean+mvf", "equal_weight", "benchmark"])
    stage.write(**{{Path(path).stem: frame}})
"""

COLUMNS = ["total_return", "annual_return", "annual_volatility", "sharpe", "sortino", "max_drawdown", "cvar_95",
           "mean_monthly_excess", "std_monthly_excess", "information_ratio", "turnover"]

OF_SWEEPS = """
import pandas as pd

from forefolio import files

results = pd.read_parquet(files.outputs_folder() / sweep / "results.parquet")
print(results["point"].nunique(), "points")
"""


def make(folder: Path, *, pause: float = 0.2) -> Path:
    """Make a short project in a new folder.

    Parameters
    ----------
    folder : where; it comes back.
    pause : seconds that a stage sleeps while it writes its results.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("lib", "params"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    with open(folder / "lib" / "forefolio" / "runs" / "pictures.py", "a") as pictures:
        pictures.write(NO_BROWSER)
    (folder / "params" / "short.yml").write_text(PARAMS)
    (folder / "notebooks").mkdir()
    values = as_parameters(Study())
    for stage in STAGES:
        given = [f"{name}: {type(values[name]).__name__} = {values[name]!r}" for name in ("study", *PARAMETERS[stage])]
        _write(folder, stage, [given, [OPEN.format(stage=stage)], [READ], [DISTURB],
                               [WRITE.format(pause=pause, columns=COLUMNS)], ["stage.close()"]])
    _write(folder, "sweep", [['sweep: str = "short"'], [OF_SWEEPS]])
    return folder


def _write(folder: Path, name: str, cells: list[list[str]]) -> None:
    """Write a notebook of these code cells, the first of them with its parameters."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(lines).strip()) for lines in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")


def edited(project: Path, folder: Path, stage: str, line: str) -> Path:
    """A copy of a project in another folder, with one line of one notebook changed."""
    shutil.copytree(project, folder)
    path = folder / "notebooks" / f"{stage}.ipynb"
    before = path.read_text()
    assert before.count(json.dumps(DISTURB)[1:-1]) == 1
    path.write_text(before.replace(json.dumps(DISTURB)[1:-1], json.dumps(line)[1:-1]))
    return folder


def sweep_file(project: Path, name: str, **grid: list) -> str:
    """Write a sweep of the short study; its path as the command takes it."""
    (project / f"{name}.yml").write_text(json.dumps({"name": name, "base": "params/short.yml", "grid": grid}))
    return f"{name}.yml"


# ------------------------------------------------------------------------------------------------------- processes
def environment(project: Path, outputs: Path) -> dict[str, str]:
    """Variables of a process that is to use a short project, and to leave its results in `outputs`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FOREFOLIO_")}
    return clean | {"PYTHONPATH": str(project / "lib"), "FOREFOLIO_OUTPUTS": str(outputs)}


def start(project: Path, *arguments: str, outputs: Path, **variables: str) -> subprocess.Popen:
    """Start the command of a short project, in a session of its own as a terminal does."""
    return subprocess.Popen([sys.executable, "-m", "forefolio", *arguments], cwd=project, start_new_session=True,
                            env=environment(project, outputs) | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def processes(outputs: Path, said: str = "") -> list[psutil.Process]:
    """All processes that work for a folder of outputs, whoever their parents are, with a word in their command line."""
    found, mark = [], f"FOREFOLIO_OUTPUTS={outputs}".encode()
    for number in psutil.pids():
        try:
            if mark in Path(f"/proc/{number}/environ").read_bytes().split(b"\0"):  # a quarter of what psutil takes
                found.append(psutil.Process(number))
        except (OSError, psutil.Error):
            continue
    return [process for process in found if _says(process, said)]


def kernels(outputs: Path) -> list[psutil.Process]:
    """The kernels among them: they look like the prepared parent that they were forked from."""
    alike = processes(outputs, "forefolio.runs.fork_server")
    parents = {process.pid for process in alike if not _says(process, "guard.py")}
    return [process for process in alike if _parent(process) in parents]


def _says(process: psutil.Process, word: str) -> bool:
    """Whether a process lives and has a word in its command line."""
    try:
        return word in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int | None:
    """The number of a process's parent; None if the process is gone."""
    try:
        return process.ppid()
    except psutil.Error:
        return None


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Let this process adopt what its children leave, as systemd and Slurm do."""
    control = ctypes.CDLL(None).prctl
    control(guard.PR_SET_CHILD_SUBREAPER, 1)
    yield
    control(guard.PR_SET_CHILD_SUBREAPER, 0)


def ledger(folder: Path) -> list[dict]:
    """The lines of a ledger; what a process was writing when it was killed is not one."""
    path, lines = folder / "ledger.jsonl", []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def wait_until(fact: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until something is so; whether it was in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if fact():
            return True
        time.sleep(0.02)
    return fact()
