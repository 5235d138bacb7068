"""What a sweep left behind: its points, what ranks first, and how many trials were made.

A trial is one strategy in one point of the grid. The best of many trials looks better than it is; `luck` says by how
much, from the daily returns that are made ready here.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forefolio.artifacts import read_frame
from forefolio.conclusions import EQUAL_WEIGHT, listed
from forefolio.metrics import BENCHMARK
from forefolio.provenance import StageError

LOWER_IS_BETTER = ("annual_volatility", "cvar_95", "turnover", "std_monthly_excess", "validation_mae")
SEED = "seed"  # the parameter that is no choice: points that differ by it alone are repetitions
SAME = 1e-12  # values this close are equal
SHARED = 2 / 3  # of the chosen trial's days: a trial that has fewer is not compared with it
FILES = ("sweep.json", "points.csv", "results.parquet", "net_returns.parquet")


@dataclass(frozen=True)
class Sweep:
    """The results of a sweep.

    Attributes
    ----------
    name, base, metric : str
        Name of the sweep, its base params file, the metric that ranks by default.
    parameters : list of str
        Parameters that differ between points.
    base_point : str
        The point whose varying parameters are all the base's own; empty where there is none.
    paper : str
        Whose configuration the base is; `none` where it is nobody's.
    points : DataFrame
        A row a point of the grid: point, state, stage, error, the varying parameters.
    results : DataFrame
        A row a done point and strategy: point, the varying parameters, strategy, the metrics (fractions).
    net_returns : DataFrame (n_days, n_trials)
        Daily fractions; columns `<point>/<strategy>`, NaN outside of a point's test period.
    """

    name: str
    base: str
    metric: str
    parameters: list[str]
    base_point: str
    paper: str
    points: pd.DataFrame
    results: pd.DataFrame
    net_returns: pd.DataFrame


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


# ----------------------------------------------------------------------------------------------------- what is best
def contenders(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """
    Rows that a ranking of points can be made of: strategies that the varying parameters touch.

    Parameters
    ----------
    results : DataFrame
        As in `Sweep`.
    metric : str
        One of its columns.

    Returns
    -------
    DataFrame
        Rows of `results` without equal weight, the benchmark, and strategies that are in every point with the same
        value: they would share a rank as often as there are points. Where none is
        left, those that no parameter touches, and else equal weight.

    Raises
    ------
    StageError
        Unknown metric, or one that no row has a value of.
    """
    names = list(results.columns[results.columns.get_loc("strategy") + 1:])
    if metric not in names:
        raise StageError(f"metric {metric!r} is no column of the sweep's results; choose of {', '.join(names)}")
    known = results[results[metric].notna() & (results["strategy"] != BENCHMARK)]
    if known.empty:
        raise StageError(f"no strategy of this sweep has a value of {metric}"
                         + (", which only networks have" if metric == "validation_mae" else "") + "; set another metric")
    values = known[known["strategy"] != EQUAL_WEIGHT].groupby("strategy", sort=False)[metric]
    everywhere = values.size() == known["point"].nunique()
    touched = [name for name, one in values if not everywhere[name] or varies(one)]
    return known[known["strategy"].isin(touched or list(values.groups) or [EQUAL_WEIGHT])]


def untouched(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rivals and strategies that `contenders` leaves out: strategy, n_points, lowest, highest of the metric."""
    rest = results[~results["strategy"].isin(contenders(results, metric)["strategy"])]
    values = rest.groupby("strategy", sort=False)[metric]
    return values.agg(n_points="size", lowest="min", highest="max").reset_index()


def ranking(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """
    All rows that have the metric, the best first.

    Parameters
    ----------
    results : DataFrame
        As in `Sweep`, or some of its rows.
    metric : str
        One of its columns; those of `LOWER_IS_BETTER` are ranked from the lowest.

    Returns
    -------
    DataFrame
        `rank`, then the columns of `results`; one row a point and strategy, without the benchmark. Equal values (within
        1e-12) share the lowest rank.

    Examples
    --------
    >>> results = pd.DataFrame({"point": list("abc"), "strategy": "lstm+mvf", "sharpe": [0.5, 0.9, 0.9]})
    >>> ranking(results, "sharpe")[["rank", "point"]].to_numpy().tolist()
    [[1, 'b'], [1, 'c'], [3, 'a']]
    """
    rows = results[results[metric].notna() & (results["strategy"] != BENCHMARK)]
    return _ranked(rows, metric)


def point_ranking(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Points by their best strategy: the columns of `ranking`, one row a point."""
    return _ranked(ranking(results, metric).drop_duplicates("point").drop(columns="rank"), metric)


# ------------------------------------------------------------------------------------------------------- the trials
def comparable(net_returns: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """The columns that can be judged beside the chosen one: they vary, and share at least two thirds of its days."""
    days = net_returns[chosen].dropna().index
    shared = net_returns.loc[days].notna().mean()
    return net_returns.loc[:, (shared >= SHARED) & (net_returns.std() > SAME)]


def distinct_trials(net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    Daily returns of all that was tried, each once, on the days on which all are known.

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_trials)
        Daily fractions; columns `<point>/<strategy>`.

    Returns
    -------
    DataFrame
        Without the benchmark, which is no trial. Columns that are equal within 1e-12 on these days, as equal weight is
        in every point, are one trial under its first name.

    Examples
    --------
    >>> net_returns = pd.DataFrame({"a/equal_weight": [0.01, 0.02], "b/equal_weight": [0.01, 0.02], "b/benchmark": 0.0})
    >>> list(distinct_trials(net_returns))
    ['a/equal_weight']
    """
    tried = net_returns.loc[:, [not name.endswith(f"/{BENCHMARK}") for name in net_returns]].dropna()
    values, kept = tried.to_numpy(), []
    for column in range(values.shape[1]):
        apart = np.abs(values[:, kept] - values[:, [column]])
        if not (apart <= SAME).all(axis=0).any():
            kept.append(column)
    return tried.iloc[:, kept]


def trial_of(tried: pd.DataFrame, net_returns: pd.DataFrame, name: str) -> str:
    """The name under which `distinct_trials` kept a column."""
    apart = tried.sub(net_returns.loc[tried.index, name], axis=0).abs().max()
    if not apart.min() <= SAME:
        raise StageError(f"{name} is not among the trials; take them from the same returns")
    return str(apart.index[apart <= SAME][0])


def rivals(tried: pd.DataFrame, net_returns: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Equal weight and the benchmark of the point of a trial, on the trials' days on which they are known."""
    point = name.rpartition("/")[0]
    columns = {rival: f"{point}/{rival}" for rival in (EQUAL_WEIGHT, BENCHMARK)}
    found = {rival: net_returns.loc[tried.index, column].dropna() for rival, column in columns.items()
             if column in net_returns}
    return {rival: returns for rival, returns in found.items() if len(returns)}


def _ranked(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows in order of the metric, with their rank in front; rows of one rank stay in the order they had."""
    ranks = rows[metric].round(12).rank(method="min", ascending=metric in LOWER_IS_BETTER).astype(int)
    ordered = rows.assign(rank=ranks).sort_values("rank", kind="stable", ignore_index=True)
    return ordered[["rank", *rows.columns]]


def varies(values: pd.Series) -> bool:
    """Whether values are not all the same, within 1e-12."""
    return bool(values.max() - values.min() > SAME)
