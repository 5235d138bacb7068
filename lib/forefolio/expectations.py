"""What is known at a decision date: the forecasts made then, the errors seen so far, the window of returns up to it.

A decision at date t sees returns up to and including t, forecasts decided at t, and the errors of forecasts whose
target is not after t; nothing else.
"""

from collections.abc import Callable

import pandas as pd

from forefolio.returns import Date, iso_day

MU_HORIZONS = {  # the coming month's forecasts -> expected return a day
    "next_day": lambda month: month.iloc[0],
    "month": lambda month: month.mean(),
}
SCENARIOS = {  # window of actual returns, the coming month's forecasts -> the path that RPP and MDP look at
    "append": lambda window, month: pd.concat([window, month]),
    "history": lambda window, month: window,
}


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
    mu = option(MU_HORIZONS, mu_horizon, "mu_horizon")(month)
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


def option(options: dict[str, Callable], choice: str, name: str) -> Callable:
    """What an option stands for."""
    if choice not in options:
        raise ValueError(f"{name} is {choice!r}: choose one of {', '.join(options)}")
    return options[choice]
