"""The results of a sweep: tables over all points, and a notebook that reads them.

A sweep's folder holds `points.csv` (one row per point), `results` (one row per strategy of each finished point, as csv
and parquet), `net_returns.parquet` (one column per row of `results`), `sweep.json` (the request, and hashes of the
tables and of the points' params files; `{}` while the sweep runs) and `sweep.ipynb`.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from forefolio.study.vocabulary import apart
from forefolio.files import MARKS, RunFailed, StageError, file_hash, read_frame, write_frame, write_text
from forefolio.performance.trials import Sweep
from forefolio.runs import contracts
from forefolio.runs.contracts import PARAMS
from forefolio.study.parameters import Study, as_parameters
from forefolio.sweeps.grids import Grid, text

TABLES = ("points.csv", "results.csv", "results.parquet", "net_returns.parquet")
NOTEBOOK = "sweep"
STAMP = f".{NOTEBOOK}.made_of"


def forget(folder: Path) -> None:
    """Remove tables and notebook, because the points that they count are about to change."""
    write_text(folder / MARKS["sweep"], "{}\n")
    for name in (f"{NOTEBOOK}.ipynb", *TABLES):
        (folder / name).unlink(missing_ok=True)


def write(folder: Path, grid: Grid, accounts: dict[str, tuple[str, str, str]]) -> None:
    """Write the tables of a sweep from the folders of its points and the account of each, by name.

    `results` has the columns of `tables/performance.csv` and the validation MAE of the strategy's model, averaged over
    assets. `net_returns.parquet` has a column `<point>/<strategy>` for each row of `results`.
    """
    values = {point.name: as_parameters(point.study) for point in grid.points}
    settings = {name: {key: text(own[key]) for key in grid.parameters} for name, own in values.items()}
    done = [name for name, (state, _, _) in accounts.items() if state == "done"]
    if not done:
        forget(folder)
    write_frame(folder / "points.csv", pd.DataFrame([
        {"point": name, "state": state, "stage": stage, "error": error, **settings[name]}
        for name, (state, stage, error) in accounts.items()]))
    if done:
        results = pd.concat([_results(folder / name, name, settings[name]) for name in done], ignore_index=True)
        returns = pd.concat([_by_name(read_frame(folder / name / "artifacts" / "net_returns.parquet")).add_prefix(f"{name}/")
                             for name in done], axis=1, sort=True)
        for name, frame in zip(TABLES[1:], (results, results, returns), strict=True):
            write_frame(folder / name, frame)
    wanted: dict[str, Any] = {name: value for name, value in vars(grid).items() if name != "points"}
    wanted["files"] = {name: file_hash(folder / name) for name in TABLES if (folder / name).exists()}
    wanted["params"] = {name: file_hash(folder / name / PARAMS) for name in accounts if (folder / name / PARAMS).exists()}
    write_text(folder / MARKS["sweep"], json.dumps(wanted | {"seal": contracts.combined(wanted)}, indent=1) + "\n")


def asked(folder: Path) -> dict[str, Any]:
    """The content of `sweep.json`; empty while the sweep runs, and if the file was changed."""
    with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        found = json.loads((folder / MARKS["sweep"]).read_text(encoding="utf-8"))
        if found.pop("seal", "") == contracts.combined(found):
            return found
    return {}


def _results(folder: Path, name: str, settings: dict[str, Any]) -> pd.DataFrame:
    """The strategies of one point."""
    performance = read_frame(folder / "tables" / "performance.csv")
    performance = performance.assign(strategy=performance["strategy"].map(apart)).explode("strategy", ignore_index=True)
    validation = read_frame(folder / "tables" / "validation_accuracy.csv").set_index("model")["mae_mean"]
    models = performance["strategy"].str.rpartition("+")[0]
    return pd.DataFrame({"point": name, **settings}, index=performance.index).join(
        performance.assign(validation_mae=models.map(validation)))


def _by_name(net_returns: pd.DataFrame) -> pd.DataFrame:
    """One column per strategy, also for strategies with the same weights that share a line."""
    return pd.DataFrame({name: net_returns[line] for line in net_returns for name in apart(line)})


def changed(folder: Path, made: dict[str, str]) -> list[str]:
    """The tables that were changed, one sentence each."""
    return [f"{name} was changed" if (folder / name).exists() else f"{name} is gone" for name, was in made.items()
            if not (folder / name).exists() or file_hash(folder / name) != was]


def load(folder: Path) -> Sweep:
    """Read the results in a sweep's folder; a `StageError` if it is not a sweep, was changed, or has no done point."""
    wanted = asked(folder)
    if not wanted or not (folder / "points.csv").exists():
        raise StageError(f"{folder} is not a sweep with results; run `forefolio sweep` with its file first "
                         f"(params/sweeps/{folder.name}.yml, if it is one that ships)")
    if not all((folder / name).exists() for name in TABLES[2:]):
        raise StageError(f"no point of {folder} is done, so there is nothing to compare; its points.csv says why")
    if wrong := changed(folder, wanted.pop("files")):
        raise StageError(f"{folder}: {wrong[0]}; give the same `forefolio sweep` again, which makes the tables anew")
    del wanted["params"]
    settings = [name for name in wanted["parameters"] if not isinstance(getattr(Study(), name, 0), (int, float))]
    points = read_frame(folder / "points.csv", text=("stage", "error", *settings))
    return Sweep(**wanted, points=points, results=read_frame(folder / "results.parquet"),
                 net_returns=read_frame(folder / "net_returns.parquet"))


def execute_notebook(folder: Path) -> None:
    """Execute the sweep's notebook on its tables, unless the same code has already done so for the same tables.

    A notebook that raised an error is kept, with the error in it, and `RunFailed` is raised.
    """
    if not (folder / "results.parquet").exists():
        return
    if notebook_is_current(folder):
        return
    executed, aside, stamp = (folder / name for name in (f"{NOTEBOOK}.ipynb", f".{NOTEBOOK}.running.ipynb", STAMP))
    from forefolio.runs import execution  # papermill takes seconds to import

    for path in (stamp, executed):
        path.unlink(missing_ok=True)
    state, message, _ = execution.notebook(contracts.NOTEBOOKS / executed.name, aside, {"sweep": folder.name},
                                           environment={"FOREFOLIO_OUTPUTS": str(folder.parent)})
    if state == "cancelled":
        aside.unlink(missing_ok=True)
        raise KeyboardInterrupt
    shown = execution.named(aside, executed)
    if state != "done" or not shown:
        kept = f"\nit is kept, with the error in it: {executed}" if shown else ""
        raise RunFailed(f"the notebook of the sweep failed with {message or 'a disk that tore it'}{kept}")
    write_text(stamp, _stamp(folder))


def notebook_is_current(folder: Path) -> bool:
    """Whether this code made the notebook of a sweep, byte for byte, from the current tables."""
    with suppress(OSError):  # a file is gone
        return (folder / STAMP).read_text(encoding="utf-8") == _stamp(folder)
    return False


def _stamp(folder: Path) -> str:
    """One hash of the notebook of a sweep and everything that it depends on."""
    files = (*TABLES, MARKS["sweep"], f"{NOTEBOOK}.ipynb")
    return contracts.combined({"files": {name: file_hash(folder / name) for name in files}, "code": contracts.code(NOTEBOOK)})
