"""Properties of weights: concentration, contributions to risk, near-copies, drift, and frozen holdings.

Nobody can sell an asset that does not trade. Its weight is frozen: it is the earlier weight after drift. A framework
decides the weights of the assets that trade, and they share the wealth that is not frozen.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.market.universe import NOT_TRADED
from forefolio.portfolios.problems import Limits, aligned, covariance_matrix
from forefolio.portfolios.registry import Terms
from forefolio.study.vocabulary import BENCHMARK, parts, percent, strategy_name

SAME = 1e-6  # share of wealth by which equal weights may differ after a solver
LEAST = 1e-9  # share of wealth; with less to distribute, nothing is traded


def effective_holdings(weights: pd.Series) -> float:
    """Squared gross exposure over the sum of squared weights: the number of equal holdings that is as concentrated.

    >>> effective_holdings(pd.Series([0.5, 0.5, 0.0])), effective_holdings(pd.Series([2.0, -1.0]))
    (2.0, 1.8)
    """
    return float(weights.abs().sum() ** 2 / (weights**2).sum())


def gross_exposure(weights: pd.Series) -> float:
    """Sum of absolute weights: 1 without short selling.

    >>> gross_exposure(pd.Series([1.5, -0.5]))
    2.0
    """
    return float(weights.abs().sum())


def concentration(weights: pd.DataFrame) -> pd.DataFrame:
    """Effective holdings and gross exposure of each strategy on each rebalance date."""
    by_date = weights.groupby(["rebalance_date", "strategy"], sort=False)["weight"]
    return by_date.agg(effective_holdings=effective_holdings, gross_exposure=gross_exposure).reset_index()


def marginal_risk(weights: pd.Series, covariance: pd.DataFrame) -> pd.DataFrame:
    """The risk that each asset adds to a portfolio (Zouaoui & Naas 2025, eq. 4 to 6).

    Returns
    -------
    DataFrame (n_assets, 6)
        Index: asset. Columns weight, marginal_risk, covariance_with_portfolio, correlation_with_portfolio (NaN for an
        asset that never moves), risk_contribution and risk_share, which sum to the portfolio's volatility and to 1. A
        portfolio without risk has no risk to attribute: all but its weights and covariances are NaN.

    Notes
    -----
    marginal_risk is d sigma_p / d w_i = (Sigma w)_i / sigma_p. The paper differentiates the variance, which gives 2
    (Sigma w)_i, and it calls the covariance (Sigma w)_i a correlation. This table has both, under their proper names.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> marginal_risk(pd.Series({"A": 0.5, "B": 0.5}), variances)["risk_share"].round(6).tolist()
    [0.1, 0.9]
    """
    Sigma = covariance_matrix(covariance)
    w = aligned(weights, covariance.columns, name="weights")
    with_portfolio = Sigma @ w
    variance = w @ with_portfolio
    volatility = np.sqrt(variance) if variance > 0 else np.nan
    own = np.sqrt(np.diag(Sigma))
    return pd.DataFrame({
        "weight": w,
        "marginal_risk": with_portfolio / volatility,
        "covariance_with_portfolio": with_portfolio,
        "correlation_with_portfolio": with_portfolio / np.where(own > 0, own, np.nan) / volatility,
        "risk_contribution": w * with_portfolio / volatility,
        "risk_share": w * with_portfolio / volatility**2,
    }, index=covariance.columns.rename("asset"))


def held_assets(weights: pd.DataFrame, *, date: Date) -> pd.Index:
    """The assets that any strategy holds on a rebalance date; with equal weight, these are all that could be bought.

    >>> weights = pd.DataFrame({"rebalance_date": pd.Timestamp(0), "asset": ["A", "B"], "weight": [0, 1]})
    >>> list(held_assets(weights, date=pd.Timestamp(0)))
    ['B']
    """
    at_date = weights[weights["rebalance_date"] == pd.Timestamp(date)]
    some = at_date["weight"].ne(0).groupby(at_date["asset"], sort=False).any()
    return some.index[some].rename(None)


def risk_contributions(returns: pd.DataFrame, weights: pd.DataFrame, *, date: Date, terms: Terms) -> pd.DataFrame:
    """Strategy, asset and the columns of `marginal_risk` on one rebalance date, with the covariance known then.

    Assets that no strategy holds on that date are left out.
    """
    assets = held_assets(weights, date=date)
    Sigma = terms.covariance(terms.window(returns[assets], date))
    at_date = weights[weights["rebalance_date"] == pd.Timestamp(date)]
    shares = {strategy: marginal_risk(held.set_index("asset")["weight"][assets], Sigma)
              for strategy, held in at_date.groupby("strategy", sort=False)}
    return pd.concat(shares, names=["strategy", "asset"]).reset_index()


def merged(weights: pd.DataFrame, *, apart: float = SAME) -> pd.DataFrame:
    """Weights in which strategies of one framework with the same weights on every date appear once, with all models.

    "Same" means within `apart` of wealth. `vocabulary.strategy_name` makes the joint name, which takes the first place.

    >>> rows = [("mean+rpp", "x", 0.5), ("mean+rpp", "y", 0.5), ("lstm+mvf", "x", 0.5), ("lstm+mvf", "y", 0.5),
    ...         ("lstm+rpp", "x", 0.5), ("lstm+rpp", "y", 0.5)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> list(merged(weights)["strategy"].unique())
    ['mean=lstm+rpp', 'lstm+mvf']
    """
    names, same = list(weights["strategy"].unique()), {}  # for each strategy that is kept, those that equal it
    wide = weights.pivot(index=["rebalance_date", "asset"], columns="strategy", values="weight").fillna(0.0)
    for name in names:
        like = [first for first in same if parts(first)[1] == parts(name)[1] and (
            wide[first] - wide[name]).abs().groupby("rebalance_date").sum().max() / 2 <= apart]
        same.setdefault(like[0] if like else name, []).append(name)
    lines = {first: strategy_name([model for name in like for model in parts(name)[0]], parts(first)[1])
             for first, like in same.items()}
    kept = weights[weights["strategy"].isin(list(lines))]
    return kept.assign(strategy=kept["strategy"].map(lines)).reset_index(drop=True)


def distance_from(weights: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """The distance of every strategy's weights from those of `strategy`: DataFrame (n_dates, n_strategies).

    The distance is half the sum of absolute differences of weights, that is, the share of wealth held in other assets.
    Strategies are in the order of `weights`; an asset without a row has no weight.

    >>> rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 0.6), ("B", "y", 0.4)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> distance_from(weights, "A").round(2).to_numpy().tolist()
    [[0.0, 0.1]]
    """
    wide = weights.pivot(index=["rebalance_date", "asset"], columns="strategy", values="weight").fillna(0.0)
    wide = wide[weights["strategy"].unique()]
    return wide.sub(wide[strategy], axis=0).abs().groupby("rebalance_date").sum() / 2


def nearest_strategy(weights: pd.DataFrame) -> pd.DataFrame:
    """For each strategy the one whose weights are nearest to its own on average.

    Columns strategy, nearest, mean_distance, largest_distance: `distance_from`, its mean and maximum over rebalances.

    >>> rows = [("A", "x", 0.5), ("A", "y", 0.5), ("B", "x", 0.6), ("B", "y", 0.4), ("C", "x", 0.0), ("C", "y", 1.0)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> nearest_strategy(weights).round(2)
      strategy nearest  mean_distance  largest_distance
    0        A       B            0.1               0.1
    1        B       A            0.1               0.1
    2        C       A            0.5               0.5
    """
    rows = []
    for strategy in weights["strategy"].unique():
        distance = distance_from(weights, strategy).drop(columns=strategy)
        nearest = distance.mean().idxmin() if len(distance.columns) else ""
        rows.append((strategy, nearest, *(distance[nearest].agg(["mean", "max"]) if nearest else (np.nan, np.nan))))
    return pd.DataFrame(rows, columns=["strategy", "nearest", "mean_distance", "largest_distance"])


def near_copies(weights: pd.DataFrame, *, apart: float = 0.01) -> dict[str, list[str]]:
    """Strategies that hold the same within `apart` of wealth on every date: one piece of evidence, whatever their names.

    Returns
    -------
    dict
        Each strategy that counts, with the names that stand under it; its own is the first. A strategy is a copy of one
        that counts if `distance_from` it is never larger than `apart`. A copy of a copy that is itself further away
        counts. A strategy without a model (`equal_weight`) counts before the others. A key joins the models of copies of
        one framework, as `vocabulary.strategy_name` does. Only weights decide, never what they earned.

    >>> rows = [("mean+rpp", "x", 0.5), ("mean+rpp", "y", 0.5), ("lstm+rpp", "x", 0.505), ("lstm+rpp", "y", 0.495)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> near_copies(weights)
    {'mean=lstm+rpp': ['mean+rpp', 'lstm+rpp']}
    """
    names, like = list(weights["strategy"].unique()), {}
    for name in sorted(names, key=lambda name: "+" in name):
        furthest = distance_from(weights, name)[list(like)].max()
        near = furthest.index[furthest <= apart]
        like.setdefault(near[0] if len(near) else name, []).append(name)
    lines = {first: strategy_name([model for name in like[first] if parts(name)[1] == parts(first)[1]
                                   for model in parts(name)[0]], parts(first)[1]) for first in names if first in like}
    return {line: like[first] for first, line in lines.items()}


def once(frame: pd.DataFrame, copies: dict[str, list[str]]) -> pd.DataFrame:
    """A frame in which the near-copies of `near_copies` stand once, under their common name.

    Strategies are the values of a column `strategy`, or the columns; the benchmark stays.

    >>> once(pd.DataFrame({"mean+rpp": [0.1], "lstm+rpp": [0.1]}), {"mean=lstm+rpp": ["mean+rpp", "lstm+rpp"]})
       mean=lstm+rpp
    0            0.1
    """
    lines = {BENCHMARK: BENCHMARK} | {names[0]: line for line, names in copies.items()}
    if "strategy" not in frame:
        return frame[[name for name in frame if name in lines]].rename(columns=lines)
    kept = frame[frame["strategy"].isin(list(lines))]
    return kept.assign(strategy=kept["strategy"].map(lines)).reset_index(drop=True)


def drifted(date: pd.Timestamp, weights: pd.Series, returns: pd.DataFrame) -> pd.Series | None:
    """
    Weights decided at a date, after drift until the last day of `returns`, as in `backtest`.

    A Series by asset that sums to one, without assets that are not held; None if no wealth is left.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=2)
    >>> returns = pd.DataFrame({"A": [0.0, 1.0], "B": [0.0, 0.0]}, index=days)
    >>> drifted(days[0], pd.Series({"A": 0.5, "B": 0.5}), returns).round(4).to_dict()
    {'A': 0.6667, 'B': 0.3333}
    """
    holdings = weights[weights != 0]
    holdings = holdings * (1 + returns.loc[returns.index > date, holdings.index]).prod()
    return holdings / holdings.sum() if holdings.sum() > 0 else None


def frozen(held: pd.Series | None, reasons: pd.Series) -> pd.Series:
    """
    Weights that cannot be traded: holdings of assets that did not trade that day; empty if there are none.

    `held` comes from `drifted`, `reasons` is a row of `universe.kept_out`. An asset that has ended is cash and not
    frozen. An asset that has a price every day that never moves is not frozen either.

    Examples
    --------
    >>> frozen(pd.Series({"A": 0.6, "B": 0.4}), pd.Series({"A": "", "B": "not traded that day"})).to_dict()
    {'B': 0.4}
    """
    if held is None:
        return pd.Series(dtype=float)
    return held[(reasons[held.index] == NOT_TRADED).to_numpy()]


def limits_of_rest(limits: Limits, held: pd.Series, fixed: pd.Series) -> Limits:
    """
    Limits for the wealth that is not frozen; the largest turnover becomes a larger share of that smaller wealth.

    Examples
    --------
    >>> held, fixed = pd.Series({"A": 0.2, "B": 0.3, "C": 0.5}), pd.Series({"C": 0.5})
    >>> rest = limits_of_rest(Limits(max_turnover=0.1), held, fixed)
    >>> float(rest.max_turnover), rest.held.to_dict()
    (0.2, {'A': 0.4, 'B': 0.6})
    """
    share = 1 - fixed.sum()
    if fixed.empty or share <= LEAST:
        return replace(limits, held=held)
    return replace(limits, held=held.drop(fixed.index) / share, max_turnover=min(1.0, limits.max_turnover / share))


def around(weights: pd.Series, held: pd.Series | None, fixed: pd.Series) -> pd.Series:
    """
    Weights of all wealth: a framework's weights, scaled to the wealth that is not frozen, and the frozen ones.

    If frozen holdings are worth all wealth, or more (with short sales), nothing is traded and `held` is kept.

    Examples
    --------
    >>> held = pd.Series({"A": 0.1, "C": 0.9})
    >>> around(pd.Series({"A": 0.5, "B": 0.5}), held, held[["C"]]).round(4).to_dict()
    {'A': 0.05, 'B': 0.05, 'C': 0.9}
    """
    if fixed.empty:
        return weights
    share = 1 - fixed.sum()
    return pd.concat([weights * share, fixed]).rename(weights.name) if share > LEAST else held


def frozen_note(fixed: pd.Series) -> str:
    """A note on the share of wealth that is frozen; empty if it is too small to show.

    >>> frozen_note(pd.Series({"A": 0.25}))
    '25.0 % of wealth stays in A, which cannot be sold'
    """
    if fixed.empty or fixed.abs().sum() < 5e-4:
        return ""
    rest = "" if 1 - fixed.sum() > LEAST else ", so nothing is traded"
    return f"{percent(fixed.sum())} of wealth stays in {', '.join(map(str, fixed.index))}, which cannot be sold{rest}"
