"""What a sweep leaves: tables over all points, and a notebook that reads them."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from forefolio import files
from forefolio.files import StageError, read_frame, write_frame
from forefolio.performance.trials import Sweep
from forefolio.runs import contracts
from forefolio.study.parameters import as_parameters
from forefolio.study.vocabulary import listed
from forefolio.sweeps.grids import Grid, Point, text

TABLES = ("points.csv", "results.csv", "results.parquet", "net_returns.parquet")
NOTEBOOK = "sweep"


class NotebookFailed(RuntimeError):
    """The sweep's notebook raised; the message says where it is, and why."""


def forget(folder: Path) -> None:
    """Put tables and notebook out of sight: points that they count are about to change."""
    for name in (f"{NOTEBOOK}.ipynb", *TABLES, "sweep.json"):
        (folder / name).unlink(missing_ok=True)


def write(folder: Path, grid: Grid, accounts: dict[str, tuple[str, str, str]]) -> None:
    """Write the tables of a sweep from the folders of its points.

    Parameters
    ----------
    folder : the sweep's.
    grid : what was asked for.
    accounts : state of each point, its stage that is not done, and what went wrong there, by name.

    Notes
    -----
    `points.csv` has a row a point, `results` a row a strategy of each point that is done, with the columns of
    `tables/performance.csv` and the validation MAE of the strategy's model, mean over assets. `net_returns.parquet` has a
    column `<point>/<strategy>` for each of them.
    """
    settings = {point.name: _settings(point, grid.parameters) for point in grid.points}
    rows = [{"point": name, "state": state, "stage": stage, "error": error, **settings[name]}
            for name, (state, stage, error) in accounts.items()]
    done = [name for name, (state, _, _) in accounts.items() if state == "done"]
    if not done:
        forget(folder)
    write_frame(folder / "points.csv", pd.DataFrame(rows))
    if done:
        results = pd.concat([_results(folder / name, name, settings[name]) for name in done], ignore_index=True)
        returns = pd.concat([read_frame(folder / name / "artifacts" / "net_returns.parquet").add_prefix(f"{name}/")
                             for name in done], axis=1, sort=True)
        for suffix in ("csv", "parquet"):
            write_frame(folder / f"results.{suffix}", results)
        write_frame(folder / "net_returns.parquet", returns)
    about = {"name": grid.name, "base": grid.base, "metric": grid.metric, "parameters": grid.parameters,
             "base_point": grid.base_point, "paper": grid.paper}
    files.write_whole(folder / "sweep.json", lambda aside: aside.write_text(json.dumps(about, indent=1) + "\n"))


def _settings(point: Point, parameters: list[str]) -> dict[str, Any]:
    values = as_parameters(point.study)
    return {name: text(values[name]) for name in parameters}


def _results(folder: Path, name: str, settings: dict[str, Any]) -> pd.DataFrame:
    """The strategies of one point."""
    performance = read_frame(folder / "tables" / "performance.csv")
    validation = read_frame(folder / "tables" / "validation_accuracy.csv").set_index("model")["mae_mean"]
    models = performance["strategy"].str.rpartition("+")[0]
    return pd.DataFrame({"point": name, **settings}, index=performance.index).join(
        performance.assign(validation_mae=models.map(validation)))


def execute_notebook(folder: Path) -> None:
    """Execute the sweep's notebook on its tables; not when it was executed on the same ones, by the same code.

    Raises
    ------
    NotebookFailed
        It raised; it is kept, with the error in it.
    """
    executed, template = folder / f"{NOTEBOOK}.ipynb", contracts.NOTEBOOKS / f"{NOTEBOOK}.ipynb"
    if not (folder / "results.parquet").exists():
        return
    made_of = contracts.combined({
        "tables": {name: files.file_hash(folder / name) for name in (*TABLES, "sweep.json")},
        "code": contracts.code(NOTEBOOK)})
    stamp = folder / ".sweep.made_of"
    if executed.exists() and stamp.exists() and stamp.read_text() == made_of:
        return
    from forefolio.runs import execution  # papermill takes seconds to import

    aside = folder / f".{NOTEBOOK}.running.ipynb"
    for path in (stamp, executed):
        path.unlink(missing_ok=True)
    state, message, _ = execution.notebook(
        template, aside, {"sweep": folder.name}, environment={"FOREFOLIO_OUTPUTS": str(folder.parent)})
    if state == "cancelled":
        aside.unlink(missing_ok=True)
        raise KeyboardInterrupt
    if aside.exists():
        os.replace(aside, executed)
    if state != "done":
        kept = f"\nit is kept, with the error in it: {executed}" if executed.exists() else ""
        raise NotebookFailed(f"the notebook of the sweep failed with {message}{kept}")
    stamp.write_text(made_of)
FILES = ("sweep.json", "points.csv", "results.parquet", "net_returns.parquet")


def load(folder: Path) -> Sweep:
    """
    Read what a sweep wrote.

    Parameters
    ----------
    folder : Path
        `<outputs>/<sweep>`.

    Raises
    ------
    StageError
        The folder is no sweep, or none of its points is done.
    """
    mend = f"run `forefolio sweep` with its file first (params/sweeps/{folder.name}.yml, if it is one that ships)"
    missing = [name for name in FILES if not (folder / name).exists()]
    if set(missing) & set(FILES[:2]):
        raise StageError(f"{folder} is no sweep with results, it lacks {listed(missing)}; {mend}")
    if missing:
        raise StageError(f"no point of {folder} is done, so there is nothing to compare; its points.csv says why")
    told = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    points, results, net_returns = (read_frame(folder / name) for name in FILES[1:])
    text = [name for name in points if name in ("stage", "error") or not pd.api.types.is_numeric_dtype(points[name])]
    points[text] = points[text].astype(object).fillna("")  # an empty text was written as nothing
    return Sweep(told["name"], told["base"], told["metric"], list(told["parameters"]), told["base_point"], told["paper"],
                 points.assign(point=points["point"].astype(str)), results, net_returns)
