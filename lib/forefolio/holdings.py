"""Decided weights to what they have in common, how far forecasts moved them, and who carries their risk."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from forefolio.expectations import estimation_sample
from forefolio.frontier import marginal_risk
from forefolio.portfolios import gross_exposure, risk_parity
from forefolio.rebalances import solution
from forefolio.returns import Date, iso_day


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


def gross_exposure_by_date(weights: pd.DataFrame) -> pd.DataFrame:
    """Sum of absolute weights of each strategy on each rebalance date: 1 without short selling.

    Parameters
    ----------
    weights : DataFrame
        As `rebalances.decide` returns.

    Returns
    -------
    DataFrame
        Columns rebalance_date, strategy, gross_exposure.

    Examples
    --------
    >>> rows = [("long", "A", 0.5), ("long", "B", 0.5), ("short", "A", 1.5), ("short", "B", -0.5)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> gross_exposure_by_date(weights)["gross_exposure"].tolist()
    [1.0, 2.0]
    """
    by_date = weights.groupby(["rebalance_date", "strategy"], sort=False)["weight"]
    return by_date.agg(gross_exposure).rename("gross_exposure").reset_index()


def rpp_distance(returns: pd.DataFrame, weights: pd.DataFrame, *, estimation_window: int,
                 estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """How far the forecasts moved risk parity from what the window of actual returns alone would hold.

    Parameters
    ----------
    returns, weights, estimation_window, estimate_covariance
        As `rebalances.decide` takes and returns.

    Returns
    -------
    DataFrame
        Columns rebalance_date, strategy, one_way_distance (half the sum of absolute differences of weights, 0 to 1)
        for each `<model>+rpp`; NaN where the window alone has no risk parity.
    """
    rows = []
    of_rpp = weights[weights["strategy"].str.endswith("+rpp")]
    for date, at_date in of_rpp.groupby("rebalance_date"):
        window = estimation_sample(returns, date=date, days=estimation_window, name="estimation_window")
        assets = at_date.loc[at_date["weight"] > 0, "asset"].unique()  # risk parity holds all that it may
        history = solution(partial(risk_parity, estimate_covariance(window[assets])), pd.Index(assets))
        for strategy, held in at_date.groupby("strategy", sort=False):
            difference = held.set_index("asset")["weight"].loc[assets] - history.weights
            distance = np.nan if history.status == "failed" else 0.5 * difference.abs().sum()
            rows.append((date, strategy, distance))
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "one_way_distance"])


def risk_contributions(returns: pd.DataFrame, weights: pd.DataFrame, *, date: Date, estimation_window: int,
                       estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Who carries the risk of each strategy on one rebalance date, by the covariance known then.

    Parameters
    ----------
    returns, weights : DataFrame
        As `rebalances.decide` takes and returns.
    date, estimation_window, estimate_covariance : date, int, callable
        The rebalance date; trading days of the covariance; returns to covariance, as in `rebalances.decide`.

    Returns
    -------
    DataFrame
        Columns strategy, asset, then those of `frontier.marginal_risk`.
    """
    Sigma = estimate_covariance(estimation_sample(returns, date=date, days=estimation_window, name="estimation_window"))
    at_date = weights[weights["rebalance_date"] == pd.Timestamp(date)]
    if at_date.empty:
        raise ValueError(f"No weights were decided on {iso_day(date)}: give one of the rebalance dates")
    shares = {strategy: marginal_risk(held.set_index("asset")["weight"], Sigma)
              for strategy, held in at_date.groupby("strategy", sort=False)}
    return pd.concat(shares, names=["strategy", "asset"]).reset_index()
