"""How far apart decided weights are: one-way distances, near-copies, and how many strategies there really are."""

import numpy as np
import pandas as pd


def nearest_strategy(weights: pd.DataFrame) -> pd.DataFrame:
    """For each strategy the one whose weights are most like its own: near-copies count once, whatever their names.

    Parameters
    ----------
    weights : DataFrame
        As `rebalances.decide` returns.

    Returns
    -------
    DataFrame
        Columns strategy, nearest, largest_distance: half the sum of absolute differences of weights (0 to 1, or more
        where assets are sold short) at the rebalance date where the two differ most.

    Examples
    --------
    >>> rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 0.6), ("B", "y", 0.4), ("C", "x", 0.0), ("C", "y", 1.0)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> nearest_strategy(weights).round(2)
      strategy nearest  largest_distance
    0        A       B               0.1
    1        B       A               0.1
    2        C       A               0.5
    """
    wide = weights.pivot(index=["rebalance_date", "asset"], columns="strategy", values="weight")
    wide = wide[weights["strategy"].unique()]
    rows = []
    for strategy in wide:
        differences = wide.drop(columns=strategy).sub(wide[strategy], axis=0).abs()
        distance = 0.5 * differences.groupby("rebalance_date").sum().max()
        rows.append((strategy, distance.idxmin(), distance.min()) if len(distance) else (strategy, "", np.nan))
    return pd.DataFrame(rows, columns=["strategy", "nearest", "largest_distance"])


def distance_from(weights: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """How far every strategy's weights are from those of one of them, date by date.

    Parameters
    ----------
    weights : DataFrame
        As `rebalances.decide` returns.
    strategy : str
        The one to measure from.

    Returns
    -------
    DataFrame (n_dates, n_strategies)
        Half the sum of absolute differences of weights: the share of wealth that lies elsewhere. Strategies in the order
        of `weights`; an asset that is not named has no weight.

    Examples
    --------
    >>> rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 0.6), ("B", "y", 0.4)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> distance_from(weights, "A").round(2).to_numpy().tolist()
    [[0.0, 0.1]]
    """
    wide = weights.pivot(index=["rebalance_date", "asset"], columns="strategy", values="weight").fillna(0.0)
    wide = wide[weights["strategy"].unique()]
    return wide.sub(wide[strategy], axis=0).abs().groupby("rebalance_date").sum() / 2


def distinct_strategies(weights: pd.DataFrame, *, apart: float = 0.01) -> list[str]:
    """Strategies without their near-copies, which are one piece of evidence whatever their names.

    Parameters
    ----------
    weights : DataFrame
        As `rebalances.decide` returns.
    apart : float
        One-way distance of weights, fraction of wealth: who is never further from one that already counts is its copy.

    Returns
    -------
    list of str
        In the order of `weights`. Of copies the one without a model (`equal_weight`) counts, or else the first.

    Notes
    -----
    Only weights decide, never what they earned. A copy of a copy that is itself further away counts.

    Examples
    --------
    >>> rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 0.505), ("B", "y", 0.495), ("C", "x", 0.0), ("C", "y", 1.0)]
    >>> distinct_strategies(pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0))
    ['A', 'C']
    """
    names = list(weights["strategy"].unique())
    distinct = []
    for name in sorted(names, key=lambda name: "+" in name):
        furthest = distance_from(weights, name)[distinct].max()
        distinct += [name] if (furthest > apart).all() else []
    return [name for name in names if name in distinct]
