"""What is known at each rebalance date, and the weights that each strategy decides from it.

A strategy `<model>+<framework>` turns the forecasts of a model into weights. A decision at date t sees returns up to
and including t, forecasts decided at t, and the errors of forecasts whose target is not after t; nothing else.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from forefolio.downside import minimum_drawdown
from forefolio.long_short import tangency_portfolio
from forefolio.portfolios import OptimizationError, Solution, equal_weight, mean_variance_forecast, risk_parity
from forefolio.returns import Date, iso_day

FRAMEWORKS = ("mvf", "rpp", "mdp", "tangency")
MU_HORIZONS = {  # the coming month's forecasts -> expected return a day
    "next_day": lambda month: month.iloc[0],
    "month": lambda month: month.mean(),
}
SCENARIOS = {  # window of actual returns, the coming month's forecasts -> the path that RPP and MDP look at
    "append": lambda window, month: pd.concat([window, month]),
    "history": lambda window, month: window,
}


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
    path = _option(SCENARIOS, scenarios, "scenarios")
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


def expected_returns(forecasts: pd.DataFrame, returns: pd.DataFrame, *, date: Date, residual_window: int,
                     use_residual: bool, mu_horizon: str) -> pd.Series:
    """The mu of MVF and tangency at `date`: the model's forecast, and where wanted its mean recent error.

    Parameters
    ----------
    forecasts : DataFrame
        Of one model, as `average_over_seeds` returns.
    returns, date, residual_window, use_residual, mu_horizon
        As in `decide`.

    Returns
    -------
    Series, shape (n_assets,)
        r̂, or r̂ + ē, fraction a day.

    Raises
    ------
    ValueError
        If a forecast is missing.

    Notes
    -----
    Where the forecast is constant over the residual window, r̂ + ē is the mean return of that window: momentum.
    """
    month = forecast_path(forecasts, date=date, assets=returns.columns)
    mu = _option(MU_HORIZONS, mu_horizon, "mu_horizon")(month)
    return mu + mean_residual(forecasts, returns, date=date, residual_window=residual_window) if use_residual else mu


def mean_residual(forecasts: pd.DataFrame, returns: pd.DataFrame, *, date: Date, residual_window: int) -> pd.Series:
    """Mean of return minus next-day forecast over the last `residual_window` days up to `date`, by asset: ē of MVF."""
    recent = estimation_sample(returns, date=date, days=residual_window, name="residual_window")
    rows = forecasts[(forecasts["horizon"] == 1) & forecasts["target_date"].isin(recent.index)]
    made = rows.pivot(index="target_date", columns="asset", values="forecast")
    residuals = recent - made.reindex(index=recent.index, columns=recent.columns)
    if residuals.isna().any(axis=None):
        lost = residuals.index[residuals.isna().any(axis=1)][0]
        raise ValueError(f"Model {forecasts['model'].iloc[0]} has no forecast for {iso_day(lost)}, which "
                         f"residual_window {residual_window} needs: lower it, or end the training period earlier")
    return residuals.mean()


def forecast_path(forecasts: pd.DataFrame, *, date: Date, assets: pd.Index) -> pd.DataFrame:
    """Forecasts of one model decided at `date`, target dates x assets, from the next day to the next rebalance."""
    decided = forecasts[forecasts["decision_date"] == pd.Timestamp(date)]
    path = decided.pivot(index="target_date", columns="asset", values="forecast").reindex(columns=assets).sort_index()
    if not (decided["horizon"] == 1).any() or path.isna().any(axis=None):
        raise ValueError(f"Model {forecasts['model'].iloc[0]} lacks forecasts decided on {iso_day(date)}: make them "
                         "for every asset and day up to the next rebalance")
    return path.rename_axis(index=None, columns=assets.name)


def average_over_seeds(forecasts: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Forecasts of one model without column seed, each the mean over the model's trainings."""
    of_model = forecasts[forecasts["model"] == model]
    if of_model["forecast"].isna().any():
        lost = of_model[of_model["forecast"].isna()].iloc[0]
        raise ValueError(f"The {model} forecast of {lost['asset']} decided on {iso_day(lost['decision_date'])} is not "
                         "a number: its training diverged, so lower learning_rate")
    keys = ["decision_date", "target_date", "horizon", "asset", "model"]
    return of_model.groupby(keys, sort=False, as_index=False)["forecast"].mean()


def estimation_sample(returns: pd.DataFrame, *, date: Date, days: int, name: str) -> pd.DataFrame:
    """The last `days` returns up to and including `date`; `name` is the parameter to lower where there are fewer.

    >>> index = pd.DatetimeIndex(["2024-01-29", "2024-01-30", "2024-01-31"])
    >>> returns = pd.DataFrame({"A": [0.01, 0.02, 0.03]}, index=index)
    >>> estimation_sample(returns, date="2024-01-30", days=1, name="estimation_window")["A"].tolist()
    [0.02]
    """
    known = returns.loc[:pd.Timestamp(date)]
    if len(known) < days:
        raise ValueError(f"There are {len(known)} returns up to {iso_day(date)} and {name} asks for {days}: "
                         "lower it or start the data earlier")
    return known.iloc[len(known) - days:]


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


def _option(options: dict[str, Callable], choice: str, name: str) -> Callable:
    """What an option stands for."""
    if choice not in options:
        raise ValueError(f"{name} is {choice!r}: choose one of {', '.join(options)}")
    return options[choice]


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
