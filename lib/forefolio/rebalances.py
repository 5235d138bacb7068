"""The weights that each strategy decides at each rebalance date.

A strategy `<model>+<framework>` turns the forecasts of a model into weights; what it may know is in `expectations`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from forefolio.drawdowns import minimum_drawdown
from forefolio.expectations import (SCENARIOS, average_over_seeds, estimation_sample, expected_returns, forecast_path,
                                    option)
from forefolio.long_short import tangency_portfolio
from forefolio.portfolios import equal_weight, mean_variance_forecast, risk_parity
from forefolio.returns import Date, iso_day
from forefolio.solvers import OptimizationError, Solution

FRAMEWORKS = ("mvf", "rpp", "mdp", "tangency")


def decide(returns: pd.DataFrame, forecasts: pd.DataFrame, traded: pd.DataFrame, *, rebalance_dates: Sequence[Date],
           frameworks: Sequence[str], estimation_window: int, residual_window: int, use_residual: bool, mu_horizon: str,
           scenarios: str, risk_aversion: float, risk_free: float, max_gross: float,
           estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decide the weights of every strategy at every rebalance date.

    Parameters
    ----------
    returns : DataFrame, shape (n_days, n_assets)
        Simple daily returns, dates ascending.
    forecasts : DataFrame
        Columns decision_date, target_date, horizon, asset, model, seed, forecast; averaged over seeds here.
    traded : DataFrame of bool, shape (n_days, n_assets)
        Whether an asset has a price of its own that day. Where not, it cannot be bought: its weight is 0.
    rebalance_dates : sequence of dates
        Decision dates, days of `returns`.
    frameworks : sequence of {"mvf", "rpp", "mdp", "tangency"}
        Mean-variance with forecasting, risk parity, minimum drawdown; all three long-only. The tangency portfolio sells
        short.
    estimation_window : int
        Trading days that Sigma and the path of RPP and MDP come from.
    residual_window, use_residual : int, bool
        Trading days whose mean forecast error is ē; whether MVF adds it to the forecast.
    mu_horizon : {"next_day", "month"}
        Forecast of MVF and tangency: of the next day, or the mean over all days up to the next rebalance; both per
        day.
    scenarios : {"append", "history"}
        Path of RPP and MDP: the window followed by the coming month's forecasts, or the window alone.
    risk_aversion : float
        gamma of MVF.
    risk_free, max_gross : float
        Of tangency: risk-free return a day; largest sum of absolute weights, at least 1, or 0 for no limit.
    estimate_covariance : callable
        Returns to covariance, as `covariance.estimate` with its options filled in: Sigma of MVF, RPP and tangency.

    Returns
    -------
    weights : DataFrame
        Columns rebalance_date, strategy, asset, weight: each strategy `<model>+<framework>`, and `equal_weight`. The
        weights of a strategy sum to one on each date; those of tangency may be negative.
    solver_log : DataFrame
        Columns date, strategy, solver, status, note. Where a problem cannot be solved the strategy holds equal weight
        at that date: status `failed`, and the note has the reason. Where the closed form of the tangency has the lowest
        ratio of all it is held nonetheless, as in the paper: status `inefficient`, and the note has what the global
        minimum variance portfolio would be.

    Raises
    ------
    ValueError
        If an option is unknown, `max_gross` is neither 0 nor at least 1, a window is longer than the data before a
        date, or a forecast or return is missing.

    Notes
    -----
    An asset whose last price is held after a delisting would seem to be without risk, and draw all the weight of those
    who avoid risk. What was held of it is sold at that last price at the first rebalance after it.
    Sigma of MVF and tangency is estimated from the window's actual returns, whatever `scenarios` says. Tangency takes
    the forecast as it is, without a residual: Zouaoui & Naas (2025) add none.
    """
    dates = pd.DatetimeIndex(rebalance_dates)
    _check(returns, traded, dates, frameworks)
    path = option(SCENARIOS, scenarios, "scenarios")
    by_model = {model: average_over_seeds(forecasts, model=model) for model in forecasts["model"].unique()}
    decided = []
    for date in dates:
        assets = returns.columns[traded.loc[date, returns.columns]]
        window = estimation_sample(returns[assets], date=date, days=estimation_window, name="estimation_window")
        solved = {}  # a problem that several strategies share is solved once
        for model, of_model in by_model.items():
            month = forecast_path(of_model, date=date, assets=assets)
            for framework in frameworks:
                if framework == "mvf":
                    mu = expected_returns(of_model, returns[assets], date=date, residual_window=residual_window,
                                          use_residual=use_residual, mu_horizon=mu_horizon)
                    problem = partial(mean_variance_forecast, mu, estimate_covariance(window),
                                      risk_aversion=risk_aversion)
                elif framework == "rpp":
                    problem = partial(risk_parity, estimate_covariance(path(window, month)))
                elif framework == "mdp":
                    problem = partial(minimum_drawdown, path(window, month))
                else:
                    mu = expected_returns(of_model, returns[assets], date=date, residual_window=residual_window,
                                          use_residual=False, mu_horizon=mu_horizon)
                    problem = partial(tangency_portfolio, mu, estimate_covariance(window), risk_free=risk_free,
                                      max_gross=max_gross)
                key = (framework, *(argument.to_numpy().tobytes() for argument in problem.args))
                if key not in solved:
                    solved[key] = solution(problem, assets)
                decided.append((date, f"{model}+{framework}", solved[key]))
        decided.append((date, "equal_weight", equal_weight(assets)))
    weights = pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": returns.columns,
                                       "weight": chosen.weights.reindex(returns.columns, fill_value=0.0).to_numpy()})
                         for date, strategy, chosen in decided], ignore_index=True)
    log = [(date, strategy, chosen.solver, chosen.status,
            _noted(chosen.note, returns.columns.difference(chosen.weights.index)))
           for date, strategy, chosen in decided]
    return weights, pd.DataFrame(log, columns=["date", "strategy", "solver", "status", "note"])


def solution(problem: Callable[[], Solution], assets: pd.Index) -> Solution:
    """Solve a problem; where that fails, equal weight of the assets, with the reason in the note."""
    try:
        return problem()
    except OptimizationError as error:
        return Solution(equal_weight(assets).weights, "none", "failed", f"equal weight instead: {error}")


def _noted(note: str, untraded: pd.Index) -> str:
    """A solver's note, with the assets that could not be bought."""
    if untraded.empty:
        return note
    return f"{note + '; ' if note else ''}without {', '.join(map(str, untraded))}, not traded that day"


def _check(returns: pd.DataFrame, traded: pd.DataFrame, dates: pd.DatetimeIndex, frameworks: Sequence[str]) -> None:
    """Refuse unknown frameworks, dates that are no trading days or see no trade, and returns with gaps or unordered."""
    for framework in frameworks:
        if framework not in FRAMEWORKS:
            raise ValueError(f"There is no framework {framework!r}: choose among {', '.join(FRAMEWORKS)}")
    if not returns.index.is_monotonic_increasing or not returns.index.is_unique:
        raise ValueError("The dates of the returns must be ascending and without repeats: sort them")
    if len(dates) == 0 or not dates.isin(returns.index).all():
        lost = iso_day(dates[~dates.isin(returns.index)][0]) if len(dates) else "none"
        raise ValueError(f"Rebalance dates must be trading days of the returns, and {lost} is not: use rebalance_dates")
    known = returns.loc[:dates.max()]
    if known.isna().any(axis=None):
        raise ValueError(f"The returns of {known.columns[known.isna().any()][0]} have gaps: build the universe first")
    if not returns.columns.isin(traded.columns).all() or not dates.isin(traded.index).all():
        raise ValueError("traded says nothing of some asset or rebalance date: give a column an asset and a row a day")
    if not traded.loc[dates, returns.columns].any(axis=1).all():
        lost = dates[~traded.loc[dates, returns.columns].any(axis=1)][0]
        raise ValueError(f"No asset has a price on {iso_day(lost)}, so nothing can be decided then: mend the prices")
