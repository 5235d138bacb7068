"""Which parameter of a sweep mattered, and how far chance alone moves what it measures."""

import numpy as np
import pandas as pd

from forefolio.metrics import BENCHMARK
from forefolio.trials import LOWER_IS_BETTER, SEED, varies


def aligned(results: pd.DataFrame, strategy: str) -> tuple[pd.DataFrame, str]:
    """
    Strategies under names that all points have, so that points can be compared.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`.
    strategy : str
        The one to be looked at.

    Returns
    -------
    results, strategy
        As they were, if every point has the strategy, or if some point has its framework with two models. Otherwise each
        `<model>+<framework>` is called `<framework>`: a point's own model is a parameter of the point.

    Examples
    --------
    >>> results = pd.DataFrame({"point": ["a", "b"], "strategy": ["lstm+mvf", "gru+mvf"]})
    >>> aligned(results, "gru+mvf")[0]["strategy"].tolist(), aligned(results, "gru+mvf")[1]
    (['mvf', 'mvf'], 'mvf')
    """
    short = results["strategy"].str.rpartition("+")[2]
    everywhere = results.loc[results["strategy"] == strategy, "point"].nunique() == results["point"].nunique()
    if everywhere or results.assign(strategy=short).duplicated(["point", "strategy"]).any():
        return results, strategy
    return results.assign(strategy=short), strategy.rpartition("+")[2]


def by_parameter(results: pd.DataFrame, parameters: list[str], metric: str) -> pd.DataFrame:
    """
    How much the metric of each strategy moves with each parameter, over the mean of all others.

    Parameters
    ----------
    results : DataFrame
        As in `Sweep`, or some of its rows.
    parameters : list of str
        The varying parameters.
    metric : str
        One of its columns.

    Returns
    -------
    DataFrame
        Columns strategy, parameter, n_values, lowest and highest (of the means of the points of one value), spread
        (highest - lowest), best_value, share (0 to 1; missing where the metric does not vary), fewest_points (of a value).

    Notes
    -----
    With m_v the mean of the n_v points of value v and m that of all points, share is the sum of n_v (m_v - m)^2 over the
    sum of squares of all points about m. In a full grid without interactions the shares sum to 1.

    Examples
    --------
    >>> results = pd.DataFrame({"point": list("abcd"), "x": [1, 1, 2, 2], "strategy": "s", "sharpe": [0.0, 2.0, 4.0, 6.0]})
    >>> by_parameter(results, ["x"], "sharpe")[["lowest", "highest", "spread", "best_value", "share"]].to_numpy().tolist()
    [[1.0, 5.0, 4.0, 2, 0.8]]
    """
    columns = ["strategy", "parameter", "n_values", "lowest", "highest", "spread", "best_value", "share", "fewest_points"]
    rows = []
    known = results[results[metric].notna() & (results["strategy"] != BENCHMARK)]
    for strategy, one in known.groupby("strategy", sort=False):
        total = ((one[metric] - one[metric].mean()) ** 2).sum()
        for parameter in parameters:
            values = one.groupby(parameter, sort=False)[metric]
            means, sizes = values.mean(), values.size()
            between = (sizes * (means - one[metric].mean()) ** 2).sum()
            best = means.idxmin() if metric in LOWER_IS_BETTER else means.idxmax()
            share = between / total if varies(one[metric]) else np.nan
            rows.append((strategy, parameter, len(means), means.min(), means.max(), means.max() - means.min(), best, share,
                         sizes.min()))
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"best_value": object})  # numbers of one parameter beside the text of another


def by_seed(results: pd.DataFrame, parameters: list[str], metric: str) -> pd.DataFrame:
    """
    How far apart the seeds of one setting end.

    Returns
    -------
    DataFrame
        Columns strategy, the other varying parameters, n_seeds, mean, deviation (ddof 1), lowest, highest of the metric;
        without rows where `seed` is not among the parameters.

    Examples
    --------
    >>> results = pd.DataFrame({"point": ["a", "b"], "seed": [1, 2], "strategy": "s", "sharpe": [0.5, 0.7]})
    >>> by_seed(results, ["seed"], "sharpe").round(3).to_numpy().tolist()
    [['s', 2, 0.6, 0.141, 0.5, 0.7]]
    """
    setting = ["strategy", *(name for name in parameters if name != SEED)]
    known = results[results[metric].notna() & (results["strategy"] != BENCHMARK)]
    if SEED not in parameters:
        known = known.iloc[:0]
    values = known.groupby(setting, sort=False)[metric]
    return values.agg(n_seeds="size", mean="mean", deviation="std", lowest="min", highest="max").reset_index()
