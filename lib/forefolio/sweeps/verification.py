"""Finds every problem in a sweep's folder: tables, notebook, and each point as a run."""

from functools import cache
from pathlib import Path

from forefolio.files import MARKS, read_frame, reading_once
from forefolio.runs import contracts, pipeline
from forefolio.runs.contracts import PARAMS
from forefolio.sweeps import results


def verify(folder: Path) -> list[str]:
    """Every problem, one sentence each; hashes show whether this code and the points' parameters made each file.

    A point that is not done is reported with its state, and its existing files are checked as well.
    """
    asked, again = results.asked(folder), "give the same `forefolio sweep` again"
    if not asked:
        return [f"{MARKS['sweep']}: the sweep has not ended, or the file was changed; {again}"]
    wrong = results.changed(folder, asked["files"])
    if any(sentence.startswith("points.csv") for sentence in wrong):
        return [f"{sentence}; {again}" for sentence in wrong]
    wrong += [f"{name} was made by no sweep" for name in results.TABLES
              if name not in asked["files"] and (folder / name).exists()]
    notebooks = {path.name for path in folder.glob("*.ipynb") if not path.name.startswith(".")}
    if len(asked["files"]) == len(results.TABLES):
        notebooks.discard(f"{results.NOTEBOOK}.ipynb")
        if not results.notebook_is_current(folder):
            wrong.append(f"{results.NOTEBOOK}.ipynb is gone, was changed, or was not made by this code of these tables; {again}")
    points = read_frame(folder / "points.csv", text=("state", "stage")).set_index("point")
    runs = {path.parent.name for path in folder.glob(f"*/{MARKS['run']}") if not path.parent.name.startswith(".")}
    wrong += [f"{name} was made by no sweep" for name in sorted(notebooks)]
    wrong += [f"{name} is not a point of this sweep" for name in sorted(runs - set(points.index))]
    code, hashed = cache(contracts.code), reading_once()
    for point, state, stage in points[["state", "stage"]].itertuples():
        done = state == "done"
        said = [] if done else [f"{stage} {state}"]
        if done or point in runs:
            said += [sentence for sentence in pipeline.verify(folder / point, code, hashed)
                     if done or not sentence.endswith(contracts.NOTHING_YET)]
            said += results.changed(folder / point, {PARAMS: asked["params"].get(point, "")})
        wrong += [f"{point}: {sentence}" for sentence in said]
    return wrong
