"""The results of a sweep: points, ranking, effects of parameters, and the number of trials.

A trial is one strategy in one point of the grid. The best of many trials looks better than it is; `luck` says by how
much, from the daily returns that this module prepares.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forefolio.files import StageError
from forefolio.performance.metrics import RISKLESS, SAME, bankrupt, riskless, ruined
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, lower_is_better

RIVALS = (EQUAL_WEIGHT, BENCHMARK)
SEED = "seed"  # the parameter that is no choice: points that differ by it alone are repetitions
PERMUTATIONS, CHANCE = 1000, 0.95  # of the points of a sweep; the share that noise reaches once in twenty
SHARED = 2 / 3  # of the chosen trial's days: a trial that has fewer is not compared with it


@dataclass(frozen=True)
class Sweep:
    """The results of a sweep."""

    name: str
    base: str  # the base params file
    metric: str  # the one that ranks by default
    parameters: list[str]  # that differ between points
    base_point: str  # the point whose varying parameters are all the base's own; empty where there is none
    paper: str  # whose configuration the base is; `none` where it is nobody's
    points: pd.DataFrame  # a row per point of the grid: point, state, stage, error, the varying parameters
    results: pd.DataFrame
    net_returns: pd.DataFrame


def rankable(results: pd.DataFrame) -> pd.DataFrame:
    """Results without strategies that lost all their wealth or are like cash: they have no rank. The benchmark stays."""
    return results[~(ruined(results) | riskless(results)) | (results["strategy"] == BENCHMARK)]


def contenders(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """
    Rows that a ranking of points can be made of: strategies that the varying parameters touch.

    Left out are equal weight, the benchmark, and strategies that are in every point with the same value: they would
    share a rank as often as there are points, and what is not `rankable`. Where none is left, those that no parameter
    touches are given, and else equal weight. A metric that is no column, or that no row has a value of, is a StageError.
    """
    names = list(results.columns[results.columns.get_loc("strategy") + 1:])
    if metric not in names:
        raise StageError(f"metric {metric!r} is no column of the sweep's results; choose of {', '.join(names)}")
    known = _known(results, metric)
    if known.empty:
        raise StageError(f"no strategy of this sweep that can be ranked has a value of {metric}"
                         f"{', which only networks have' if metric == 'validation_mae' else ''}; set another metric")
    values = known[known["strategy"] != EQUAL_WEIGHT].groupby("strategy", sort=False)[metric]
    everywhere = values.size() == known["point"].nunique()
    touched = [name for name, one in values if not everywhere[name] or _varies(one)]
    return known[known["strategy"].isin(touched or list(values.groups) or [EQUAL_WEIGHT])]


def untouched(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rivals and strategies that `contenders` leaves out: strategy, n_points, lowest, highest of the metric."""
    rest = rankable(results)
    rest = rest[~rest["strategy"].isin(contenders(results, metric)["strategy"])]
    values = rest.groupby("strategy", sort=False)[metric]
    return values.agg(n_points="size", lowest="min", highest="max").reset_index()


def ranking(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """
    All rows that have the metric, without the benchmark, the best first: `rank`, then the columns of `results`.

    Equal values (within 1e-12) share the lowest rank.

    >>> results = pd.DataFrame({"point": list("abc"), "strategy": "lstm+mvf", "sharpe": [0.5, 0.9, 0.9]})
    >>> ranking(results, "sharpe")[["rank", "point"]].to_numpy().tolist()
    [[1, 'b'], [1, 'c'], [3, 'a']]
    """
    return _ranked(_known(results, metric), metric)


def point_ranking(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Points by their best strategy: the columns of `ranking`, one row per point."""
    return _ranked(ranking(results, metric).drop_duplicates("point").drop(columns="rank"), metric)


def comparable(net_returns: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """
    The columns that can be judged beside the chosen one.

    They share at least two thirds of its days, take some risk, and did not lose all their wealth.
    """
    days = net_returns[chosen].dropna().index
    shared = net_returns.loc[days].notna().mean()
    return net_returns.loc[:, (shared >= SHARED) & (net_returns.std() > RISKLESS / 366**0.5) & ~bankrupt(net_returns)]


def without_rivals(net_returns: pd.DataFrame) -> pd.DataFrame:
    """The columns that are trials: equal weight and the benchmark are none, unless there is nothing else."""
    tried = [name for name in net_returns if name.rpartition("/")[2] not in RIVALS]
    return net_returns[tried or [name for name in net_returns if name.rpartition("/")[2] != BENCHMARK]]


def distinct_trials(net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    Daily returns of all that was tried, each once, on the days on which all are known.

    Rivals are no trials. Columns that are equal within 1e-12 on these days are one trial under its first name. The
    columns of a run's net returns, which have no point, are as welcome.

    >>> net_returns = pd.DataFrame({"a/mean+mvf": [0.01, 0.02], "b/mean+mvf": [0.01, 0.02], "b/benchmark": 0.0})
    >>> list(distinct_trials(net_returns))
    ['a/mean+mvf']
    """
    tried = without_rivals(net_returns).dropna()
    values, kept = tried.to_numpy(), []
    for column in range(values.shape[1]):
        apart = np.abs(values[:, kept] - values[:, [column]])
        if not (apart <= SAME).all(axis=0).any():
            kept.append(column)
    return tried.iloc[:, kept]


def trial_of(tried: pd.DataFrame, net_returns: pd.DataFrame, name: str) -> str:
    """The name under which `distinct_trials` kept a column; a rival that it did not keep has its own."""
    apart = tried.sub(net_returns.loc[tried.index, name], axis=0).abs().max()
    if not apart.min() <= SAME and name.rpartition("/")[2] in RIVALS:
        return name
    if not apart.min() <= SAME:
        raise StageError(f"{name} is not among the trials; take them from the same returns")
    return str(apart.index[apart <= SAME][0])


def rivals(tried: pd.DataFrame, net_returns: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """Equal weight and the benchmark of the point of a trial, on the trials' days on which they are known.

    One that lost all its wealth is no rival.
    """
    point = "".join(name.rpartition("/")[:2])  # with its slash; a run has none
    names = {f"{point}{rival}": rival for rival in RIVALS}
    found = net_returns.reindex(index=tried.index, columns=list(names)).rename(columns=names)
    return {rival: returns.dropna() for rival, returns in found.loc[:, ~bankrupt(found)].items()
            if returns.notna().any()}


def _known(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of strategies that can be ranked and have the metric."""
    kept = rankable(results)
    return kept[np.isfinite(kept[metric]) & (kept["strategy"] != BENCHMARK)]


def _ranked(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows in order of the metric, with their rank in front; rows of one rank stay in the order they had."""
    ranks = rows[metric].round(12).rank(method="min", ascending=lower_is_better(metric)).astype(int)
    ordered = rows.assign(rank=ranks).sort_values("rank", kind="stable", ignore_index=True)
    return ordered[["rank", *rows.columns]]


def _varies(values: pd.Series) -> bool:
    """Whether values are not all the same, within 1e-12."""
    return bool(values.max() - values.min() > SAME)


def aligned(results: pd.DataFrame, strategy: str) -> tuple[pd.DataFrame, str]:
    """
    Strategies under names that all points have, so that points can be compared.

    Results and strategy come back as they were if every point has the strategy, or if some point has its framework with
    two models. Otherwise each `<model>+<framework>` is called `<framework>`: a point's own model is a parameter of the
    point.

    >>> results = pd.DataFrame({"point": ["a", "b"], "strategy": ["lstm+mvf", "gru+mvf"]})
    >>> aligned(results, "gru+mvf")[0]["strategy"].tolist(), aligned(results, "gru+mvf")[1]
    (['mvf', 'mvf'], 'mvf')
    """
    short = results["strategy"].str.rpartition("+")[2]
    everywhere = results.loc[results["strategy"] == strategy, "point"].nunique() == results["point"].nunique()
    if everywhere or results.assign(strategy=short).duplicated(["point", "strategy"]).any():
        return results, strategy
    return results.assign(strategy=short), strategy.rpartition("+")[2]


def by_parameter(results: pd.DataFrame, parameters: list[str], metric: str, *, seed: int) -> pd.DataFrame:
    """
    How much the metric of each strategy moves with each parameter, over the mean of all others.

    `seed` is of the permutations. Columns strategy, parameter, n_values, lowest and highest (of the means of the points
    of one value), spread (their difference), best_value, share and chance (0 to 1; missing where the metric does not
    vary), fewest_points (of a value).

    Notes
    -----
    With m_v the mean of the n_v points of value v and m that of all points, share is the sum of n_v (m_v - m)^2 over
    the sum of squares of all points about m. In a full grid without interactions the shares sum to 1. A parameter
    without effect has a share, too: `chance` is the 95th percentile of the shares of 1,000 random permutations of the
    metric over points. A share at or below it is not shown to be more than chance.

    Examples
    --------
    >>> results = pd.DataFrame({"point": list("abcd"), "x": [1, 1, 2, 2], "strategy": "s", "sharpe": [0.0, 2, 4, 6]})
    >>> by_parameter(results, ["x"], "sharpe", seed=7)[["lowest", "highest", "best_value", "share"]].to_numpy().tolist()
    [[1.0, 5.0, 2, 0.8]]
    """
    columns = ["strategy", "parameter", "n_values", "lowest", "highest", "spread", "best_value", "share", "chance",
               "fewest_points"]
    rows = []
    for strategy, one in _known(results, metric).groupby("strategy", sort=False):
        rng = np.random.default_rng(seed)  # the same for each strategy, so that another one in the table moves none
        about = (one[metric] - one[metric].mean()).to_numpy()
        drawn = rng.permuted(np.tile(about, (PERMUTATIONS, 1)), axis=1)
        for parameter in parameters:
            values = one.groupby(parameter, sort=False)[metric]
            means, sizes = values.mean(), values.size()
            members = pd.get_dummies(values.ngroup()).to_numpy(float)
            best = means.idxmin() if lower_is_better(metric) else means.idxmax()
            share = chance = np.nan
            if _varies(one[metric]):
                shares = (np.vstack([about, drawn]) @ members) ** 2 @ (1 / members.sum(axis=0)) / (about @ about)
                share, chance = shares[0], np.quantile(shares[1:], CHANCE)
            rows.append((strategy, parameter, len(means), means.min(), means.max(), means.max() - means.min(), best,
                         share, chance, sizes.min()))
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"best_value": object})  # numbers of one parameter beside the text of another


def neighbors(results: pd.DataFrame, net_returns: pd.DataFrame, parameters: list[str], strategy: str) -> pd.Series:
    """
    How alike one strategy is in neighboring points: correlations of its daily active returns over equal weight.

    `results` and `strategy` are as `aligned` gives them. Points are neighbors if they differ in one parameter by one step;
    text has no order, so any other text is one step away.

    Returns
    -------
    Series
        n_near and n_far (pairs of points that are neighbors, and that are not), near and far (the median correlation of
        each; missing where there is no pair).

    Examples
    --------
    >>> results = pd.DataFrame({"point": list("abc"), "x": [1, 2, 5], "strategy": "s"})
    >>> days = {"a/s": [1.0, -1, 0], "b/s": [2.0, -2, 0], "c/s": [-1.0, 1, 0]}
    >>> net_returns = pd.DataFrame(days | {f"{point}/equal_weight": [0.0, 0, 0] for point in "abc"})
    >>> neighbors(results, net_returns, ["x"], "s").round(6).tolist()
    [2.0, 1.0, 0.0, -1.0]
    """
    own = results[results["strategy"] == strategy].set_index("point")[parameters]
    names = {column.rpartition("/")[0]: column for column in net_returns
             if strategy in (name := column.rpartition("/")[2], name.rpartition("+")[2])}
    points = [point for point in own.index if point in names and f"{point}/{EQUAL_WEIGHT}" in net_returns]
    active = pd.DataFrame({point: net_returns[names[point]] - net_returns[f"{point}/{EQUAL_WEIGHT}"] for point in points})
    steps = np.zeros((len(points), len(points)))
    for parameter in parameters:
        values = own.loc[points, parameter]
        number = pd.api.types.is_numeric_dtype(values)
        codes = (values.rank(method="dense") if number else pd.Series(pd.factorize(values)[0])).to_numpy(float)
        apart = np.abs(codes[:, None] - codes)
        steps += apart if number else apart > 0
    pairs = np.triu_indices(len(points), 1)
    found, near = active.corr().to_numpy()[pairs], steps[pairs] == 1
    parts = {"near": found[near], "far": found[~near]}
    medians = {name: np.nanmedian(part) if np.isfinite(part).any() else np.nan for name, part in parts.items()}
    return pd.Series({f"n_{name}": len(part) for name, part in parts.items()} | medians, dtype=float)


def choices(net_returns: pd.DataFrame, *, names: set[str]) -> pd.DataFrame:
    """
    How much a strategy's return depends on the choice of a point, compared with the noise of its days.

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_trials)
        Of a sweep.
    names : set of str
        The strategies that points are compared by, as `aligned` gives them: a strategy that is none of them stands
        under the name of its framework.

    Returns
    -------
    DataFrame
        strategy, n_points, n_days, mean (over points, of the mean daily active return over the point's equal weight),
        non_standard (its deviation over points, ddof 1), standard (the standard error of one point's mean, median over
        points), ratio (of the two). Strategies of one point, and those that no choice moves or no day, have no row.

    Notes
    -----
    Menkveld et al. 2024 call the variation between analysts who choose differently the non-standard error. Points share
    their days, so noise that all of them share is not in it; the standard error is that of independent days.
    """
    active = {}
    for column in without_rivals(net_returns):
        point, _, strategy = column.rpartition("/")
        if f"{point}/{EQUAL_WEIGHT}" in net_returns and f"{point}/{EQUAL_WEIGHT}" != column:
            name = strategy if strategy in names else strategy.rpartition("+")[2]
            active.setdefault(name, {})[column] = net_returns[column] - net_returns[f"{point}/{EQUAL_WEIGHT}"]
    rows = []
    for strategy, found in active.items():
        gains = pd.DataFrame(found).loc[:, lambda gains: ~bankrupt(net_returns[list(gains)])].dropna()
        means, standard = gains.mean(), gains.sem().median()
        if len(means) > 1 and _varies(means) and standard > SAME:
            rows.append((strategy, len(means), len(gains), means.mean(), means.std(), standard, means.std() / standard))
    return pd.DataFrame(rows, columns=["strategy", "n_points", "n_days", "mean", "non_standard", "standard", "ratio"])


def by_seed(results: pd.DataFrame, parameters: list[str], metric: str) -> pd.DataFrame:
    """
    The spread of results over the seeds of one setting.

    Columns strategy, the other varying parameters, n_seeds, mean, deviation (ddof 1), lowest, highest of the metric;
    no rows where `seed` is not among the parameters.

    >>> results = pd.DataFrame({"point": ["a", "b"], "seed": [1, 2], "strategy": "s", "sharpe": [0.5, 0.7]})
    >>> by_seed(results, ["seed"], "sharpe").round(3).to_numpy().tolist()
    [['s', 2, 0.6, 0.141, 0.5, 0.7]]
    """
    setting = ["strategy", *(name for name in parameters if name != SEED)]
    known = _known(results, metric) if SEED in parameters else results.iloc[:0]
    values = known.groupby(setting, sort=False)[metric]
    return values.agg(n_seeds="size", mean="mean", deviation="std", lowest="min", highest="max").reset_index()
