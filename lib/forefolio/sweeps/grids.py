"""Turns a sweep file into points; each point must be a valid study, or the whole file is refused.

A file in `params/sweeps/` names a `base` (a params file), a `grid` (values of parameters, all combined), `points` (sets
of parameters, one by one) or both, and perhaps a `name` and the `metric` that ranks the points.
"""

import re
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from forefolio.runs.contracts import combined
from forefolio.study import rules, vocabulary
from forefolio.study.parameters import ROOT, Study, StudyError, as_parameters, located, read_mapping, validated, written
from forefolio.study.parameters import load as load_study
from forefolio.study.vocabulary import short

KEYS = ("base", "grid", "points", "name", "metric")
MOST = 100_000  # largest number of points; more are a mistake
LONGEST = 100  # characters of a point's name, which names a folder


@dataclass(frozen=True)
class Point:
    """One study of a sweep, and the name of its point."""

    name: str
    study: Study


@dataclass(frozen=True)
class Grid:
    """A sweep as described in its file.

    Attributes
    ----------
    base, metric : the params file that it starts from, and the column of results that ranks points.
    points : in the order of the file: the grid's combinations, the last parameter fastest, then the points one by one.
    parameters : those whose values differ between points.
    base_point : name of the point with the base's own values of these parameters, '' if there is none.
    paper : the base's paper, or `none`.
    """

    name: str
    base: str
    metric: str
    points: list[Point]
    parameters: list[str]
    base_point: str
    paper: str


def load(path: str | Path, overrides: tuple[str, ...] = ()) -> Grid:
    """Read a sweep file and validate every point; no two points may be the same study.

    The path of its base is relative to the repository's root. `overrides` (`key=value`) change the base; a point that
    sets the same parameter keeps its own value.
    """
    wanted = {"name": Path(path).stem, "metric": next(iter(vocabulary.METRICS))} | read_mapping(path)
    _check(wanted, path)
    grid, points = wanted.get("grid", {}), wanted.get("points", [])
    for override in overrides:
        key = override.partition("=")[0]
        if key == "study":
            raise StudyError(f"--set {short(override)}: a sweep has no study; set name in {path}, or choose another --output")
        if key in grid:
            raise StudyError(f"--set {short(override)}: {key} is in the grid of {path}; change it there")
    base = load_study(ROOT / wanted["base"], overrides)
    values = written(ROOT / wanted["base"], overrides) | {"study": wanted["name"]}
    combinations = islice(product(*grid.values()), MOST + 1) if grid else []
    sets = [dict(zip(grid, combination, strict=True)) for combination in combinations] + points
    if len(sets) > MOST:
        raise StudyError(f"{path}: grid: gives more than {MOST} points; give fewer values")
    studies, first = [], {}
    for number, changes in enumerate(sets, 1):
        where = f"{path}, point {number} of {len(sets)} ({_said(changes)})"
        if "study" in changes:
            raise StudyError(f"{where}: study names a run, and points are named by what they set; leave it out")
        studies.append(validated(values | located(changes), where=where))
        same = first.setdefault(combined(as_parameters(studies[-1])), number)
        if same != number:
            raise StudyError(f"{path}: points {same} ({_said(sets[same - 1])}) and {number} ({_said(changes)}) are the "
                             "same study; leave one out")
    parameters = [key for key in dict.fromkeys(key for changes in sets for key in changes)
                  if len(sets) == 1 or any(getattr(one, key) != getattr(studies[0], key) for one in studies)]
    made = [Point(*of_one) for of_one in zip(_names(sets, parameters), studies, strict=True)]
    own = [point.name for point in made if all(getattr(point.study, key) == getattr(base, key) for key in parameters)]
    return Grid(wanted["name"], wanted["base"], wanted["metric"], made, parameters, own[0] if own else "", base.paper)


def text(value: Any) -> Any:
    """A parameter's value for a table: a list becomes one text, other values stay as they are."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _check(wanted: dict[str, Any], path: str | Path) -> None:
    """Refuse a file that cannot be a sweep, whatever its points are."""
    if unknown := [key for key in wanted if key not in KEYS]:
        raise StudyError(f"{path}: {short(unknown[0])} is not a key of a sweep; its keys are {', '.join(KEYS)}")
    name, grid, points = wanted["name"], wanted.get("grid", {}), wanted.get("points", [])
    for key, fits, mend in [
            ("base", isinstance(wanted.get("base"), str), "name its params file, such as params/default.yml"),
            ("name", isinstance(name, str) and re.fullmatch(rules.NAME, name) and len(name) <= LONGEST,
             f"set name to at most {LONGEST} letters, digits, '-', '_' and '.', in quotes if they look like a number"),
            ("metric", wanted["metric"] in list(vocabulary.METRICS), f"choose one of {', '.join(vocabulary.METRICS)}"),
            ("grid", isinstance(grid, dict), "write `parameter: [value, value]`, one per line"),
            ("points", isinstance(points, list) and all(isinstance(point, dict) and point for point in points),
             "write a list of sets such as `- {risk_aversion: 10, cost_bps: 20}`"),
            ("grid", grid or points, "there is no point; give values to combine, or points")]:
        if not fits:
            given = f"{short(repr(wanted[key]))} cannot be used" if key in wanted else "is missing"
            raise StudyError(f"{path}: {key}: {given}; {mend}")
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise StudyError(f"{path}: grid: {short(key)}: {short(repr(values))} is not a list of values; write "
                             f"`{short(key)}: [value, value]`")


def _names(sets: list[dict[str, Any]], parameters: list[str]) -> list[str]:
    """Names of points from their values of the varying parameters, safe for use in a path.

    Another value of a parameter changes no name; another varying parameter changes the names of points that set it.

    >>> _names([{"seed": 1, "cost_bps": 0.5}, {"models": ["zero", "ar"]}, {}], ["seed", "cost_bps", "models"])
    ['seed-1__cost_bps-0.5', 'models-zero-ar', 'base']
    """
    names: dict[str, None] = {}
    for changes in sets:
        said = {key: value for key, value in changes.items() if key in parameters}
        name = "__".join(f"{key}-{re.sub(r'[^A-Za-z0-9_.]+', '-', str(text(value)))}"
                         for key, value in said.items()) or "base"
        if len(name) > LONGEST or name in names:
            name = f"{name[:LONGEST - 9]}-{combined({key: str(value) for key, value in said.items()})[:8]}"
        names[name] = None
    return list(names)


def _said(changes: dict[str, Any]) -> str:
    """The values that a point sets, for an error message."""
    return short(", ".join(f"{key} {short(value)}" for key, value in changes.items()))
