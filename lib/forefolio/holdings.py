"""Decided weights to how far forecasts moved them, who carries their risk, and what the past promised them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from forefolio.expectations import estimation_sample
from forefolio.frontier import marginal_risk
from forefolio.portfolios import effective_holdings_by_date, gross_exposure, risk_parity
from forefolio.rebalances import solution
from forefolio.returns import Date, iso_day


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

    Notes
    -----
    Risk parity of the window is without limits. Where limits bind, the distance is what forecasts and limits moved
    together; where a strategy found no risk parity on its own path, it is that of the equal weight held instead.
    """
    rows = []
    of_rpp = weights[weights["strategy"].str.endswith("+rpp")]
    for date, at_date in of_rpp.groupby("rebalance_date"):
        window = estimation_sample(returns, date=date, days=estimation_window, name="estimation_window")
        bought = weights.loc[(weights["rebalance_date"] == date) & (weights["weight"] != 0), "asset"]
        assets = window.columns[window.columns.isin(bought)]  # risk parity and equal weight hold all that they may
        history = solution(partial(risk_parity, estimate_covariance(window[assets])), assets)
        for strategy, held in at_date.groupby("strategy", sort=False):
            difference = held.set_index("asset")["weight"].loc[assets] - history.weights
            distance = np.nan if history.status == "failed" else 0.5 * difference.abs().sum()
            rows.append((date, strategy, distance))
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "one_way_distance"])


def distance_by_strategy(distance: pd.DataFrame) -> pd.DataFrame:
    """How far forecasts moved each risk parity, on the mean and on the most distant rebalance date.

    Parameters
    ----------
    distance : DataFrame
        As `rpp_distance` returns.

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


def promised(weights: pd.DataFrame, returns: pd.DataFrame, *, estimation_window: int,
             periods_per_year: int) -> pd.DataFrame:
    """What each strategy's weights would have earned in the window that chose them, mean over the rebalance dates.

    Parameters
    ----------
    weights, returns, estimation_window
        As `rebalances.decide` returns and takes.
    periods_per_year : int
        Trading days a year.

    Returns
    -------
    DataFrame
        A row a strategy: strategy, annual_return (compounded) and annual_volatility of the window's daily returns,
        weights held constant, max_drawdown (compounded, 0 or below), effective_holdings. No turnover: a window in which
        the weights are held constant promises none.

    Raises
    ------
    ValueError
        If the window is longer than the data before a date.

    Notes
    -----
    In sample by construction: the weights were chosen to look well in this window, with forecasts beside it. It is what
    an investor was shown at the decision, to be read beside what was earned after it, never as a result. There are no
    costs in it. A day that loses everything, or more, leaves nothing for good.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.02, -0.01]}, index=pd.DatetimeIndex(["2024-01-30", "2024-01-31"]))
    >>> weights = pd.DataFrame({"rebalance_date": returns.index[[1]], "strategy": "all", "asset": "A", "weight": 1.0})
    >>> window = promised(weights, returns, estimation_window=2, periods_per_year=252)
    >>> window[["annual_return", "max_drawdown", "effective_holdings"]].round(4).to_numpy().tolist()
    [[2.4171, -0.01, 1.0]]
    """
    windows = []
    for date, at_date in weights.groupby("rebalance_date"):
        decided = at_date.pivot(index="asset", columns="strategy", values="weight")
        window = estimation_sample(returns, date=date, days=estimation_window, name="estimation_window")
        daily = window[decided.index] @ decided
        wealth = (1 + daily).clip(lower=0).cumprod()
        windows.append(pd.DataFrame({"annual_return": wealth.iloc[-1] ** (periods_per_year / len(window)) - 1,
                                     "annual_volatility": daily.std() * np.sqrt(periods_per_year),
                                     "max_drawdown": (wealth / wealth.cummax().clip(lower=1) - 1).min()}))
    table = pd.concat(windows).groupby("strategy").mean()
    held = effective_holdings_by_date(weights).groupby("strategy")["effective_holdings"].mean()
    table = table.assign(effective_holdings=held)
    return table.loc[weights["strategy"].unique()].rename_axis("strategy").reset_index()
