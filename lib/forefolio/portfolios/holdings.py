"""What weights are like: how concentrated, who carries their risk, how far apart they are, which are near-copies.

A frame of `weights` is what `decisions.decide` returns: columns rebalance_date, strategy, asset, weight.
"""

import numpy as np
import pandas as pd

from forefolio.market.returns import Date, iso_day
from forefolio.portfolios.problems import aligned, covariance_matrix
from forefolio.portfolios.registry import Terms


def effective_holdings(weights: pd.Series) -> float:
    """Squared gross exposure over the sum of squared weights: how many equal holdings would be as concentrated.

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
    """How concentrated each strategy is on each rebalance date.

    Returns
    -------
    DataFrame
        Columns rebalance_date, strategy, effective_holdings, gross_exposure.

    Examples
    --------
    >>> rows = [("long", "A", 0.5), ("long", "B", 0.5), ("short", "A", 2.0), ("short", "B", -1.0)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> concentration(weights).drop(columns="rebalance_date").to_numpy().tolist()
    [['long', 2.0, 1.0], ['short', 1.8, 3.0]]
    """
    by_date = weights.groupby(["rebalance_date", "strategy"], sort=False)["weight"]
    return by_date.agg(effective_holdings=effective_holdings, gross_exposure=gross_exposure).reset_index()


def marginal_risk(weights: pd.Series, covariance: pd.DataFrame) -> pd.DataFrame:
    """What each asset adds to the risk of a portfolio (Zouaoui & Naas 2025, eq. 4 to 6).

    Parameters
    ----------
    weights, covariance : Series, shape (n_assets,), and DataFrame, shape (n_assets, n_assets)
        Weights of the portfolio; covariance per day, joined by name.

    Returns
    -------
    DataFrame, shape (n_assets, 6)
        Index: asset. Columns weight, marginal_risk, covariance_with_portfolio, correlation_with_portfolio (NaN for an
        asset that never moves), risk_contribution and risk_share, which sum to the portfolio's volatility and to 1.

    Raises
    ------
    ValueError
        If assets differ or the portfolio has no risk.

    Notes
    -----
    marginal_risk is d sigma_p / d w_i = (Sigma w)_i / sigma_p. The paper differentiates the variance, which gives
    2 (Sigma w)_i, and calls the covariance (Sigma w)_i a correlation: both stand here under their own names.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 9e-4]], index=["A", "B"], columns=["A", "B"])
    >>> marginal_risk(pd.Series({"A": 0.5, "B": 0.5}), variances)["risk_share"].round(6).tolist()
    [0.1, 0.9]
    """
    Sigma = covariance_matrix(covariance)
    w = aligned(weights, covariance.columns, name="weights")
    with_portfolio = Sigma @ w
    if not w @ with_portfolio > 0:
        raise ValueError("The portfolio has no risk to attribute: give one that moves")
    volatility = np.sqrt(w @ with_portfolio)
    own = np.sqrt(np.diag(Sigma))
    return pd.DataFrame(
        {
            "weight": w,
            "marginal_risk": with_portfolio / volatility,
            "covariance_with_portfolio": with_portfolio,
            "correlation_with_portfolio": with_portfolio / np.where(own > 0, own, np.nan) / volatility,
            "risk_contribution": w * with_portfolio / volatility,
            "risk_share": w * with_portfolio / volatility**2,
        },
        index=covariance.columns.rename("asset"),
    )


def risk_contributions(returns: pd.DataFrame, weights: pd.DataFrame, *, date: Date, terms: Terms) -> pd.DataFrame:
    """Who carries the risk of each strategy on one rebalance date, by the covariance known then.

    Parameters
    ----------
    returns, weights : DataFrame
        As `decisions.decide` takes and returns.
    date, terms : date, Terms
        The rebalance date; the window and the estimator of the covariance.

    Returns
    -------
    DataFrame
        Columns strategy, asset, then those of `marginal_risk`.
    """
    Sigma = terms.covariance(terms.window(returns, date))
    at_date = weights[weights["rebalance_date"] == pd.Timestamp(date)]
    if at_date.empty:
        raise ValueError(f"No weights were decided on {iso_day(date)}: give one of the rebalance dates")
    shares = {strategy: marginal_risk(held.set_index("asset")["weight"], Sigma)
              for strategy, held in at_date.groupby("strategy", sort=False)}
    return pd.concat(shares, names=["strategy", "asset"]).reset_index()


def distance_from(weights: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """How far every strategy's weights are from those of one of them, date by date.

    Parameters
    ----------
    weights, strategy : DataFrame, str
        All weights; the strategy to measure from.

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


def nearest_strategy(weights: pd.DataFrame) -> pd.DataFrame:
    """For each strategy the one whose weights are most like its own: near-copies count once, whatever their names.

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
    rows = []
    for strategy in weights["strategy"].unique():
        furthest = distance_from(weights, strategy).max().drop(strategy)
        rows.append((strategy, furthest.idxmin(), furthest.min()) if len(furthest) else (strategy, "", np.nan))
    return pd.DataFrame(rows, columns=["strategy", "nearest", "largest_distance"])


def distinct_strategies(weights: pd.DataFrame, *, apart: float = 0.01) -> list[str]:
    """Strategies without their near-copies, which are one piece of evidence whatever their names.

    Parameters
    ----------
    weights : DataFrame
        Of all strategies.
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


def distance_by_strategy(distance: pd.DataFrame) -> pd.DataFrame:
    """How far forecasts moved each risk parity, on the mean and on the most distant rebalance date.

    Parameters
    ----------
    distance : DataFrame
        As `decisions.rpp_distance` returns.

    Returns
    -------
    DataFrame
        A row a strategy: strategy, mean_distance, largest_distance (0 to 1), n_dates (those with a distance).

    Examples
    --------
    >>> by_date = pd.DataFrame({"strategy": "lstm+rpp", "one_way_distance": [0.01, 0.03, np.nan]})
    >>> distance_by_strategy(by_date).set_index("strategy").loc["lstm+rpp"].tolist()
    [0.02, 0.03, 2.0]
    """
    return distance.groupby("strategy", sort=False)["one_way_distance"].agg(
        mean_distance="mean", largest_distance="max", n_dates="count").reset_index()
