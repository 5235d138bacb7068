"""What is known at a decision date: the forecasts made then, the errors seen so far, the window of returns up to it.

A decision at date t sees returns up to and including t, forecasts decided at t, and forecasts whose target is not
after t with their errors; nothing else.
"""

from collections.abc import Callable, Sequence

import pandas as pd

from forefolio.returns import Date, iso_day

MU_HORIZONS = {  # the coming month's forecasts -> expected return a day
    "next_day": lambda month: month.iloc[0],
    "month": lambda month: month.mean(),
}
SCENARIOS = {  # window of actual returns, forecasts of the coming month, what gives those of the window's days, mu -> path
    "append": lambda window, month, made, mu: pd.concat([window, month]),
    "recenter": lambda window, month, made, mu: window - window.mean() + mu,
    "forecast_only": lambda window, month, made, mu: made(),
    "history": lambda window, month, made, mu: window,
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
    residuals = recent - next_day_forecasts(forecasts, recent)
    if residuals.isna().any(axis=None):
        lost = residuals.index[residuals.isna().any(axis=1)][0]
        raise ValueError(f"Model {forecasts['model'].iloc[0]} has no forecast for {iso_day(lost)}, which "
                         f"residual_window {residual_window} needs: lower it, or end the training period earlier")
    return residuals.mean()


def next_day_forecasts(forecasts: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    """What one model forecast for each day and asset of `window` on the day before it; NaN where it made no forecast."""
    rows = forecasts[(forecasts["horizon"] == 1) & forecasts["target_date"].isin(window.index)]
    made = rows.pivot(index="target_date", columns="asset", values="forecast")
    return made.reindex(index=window.index, columns=window.columns)


def forecast_path(forecasts: pd.DataFrame, *, date: Date, assets: pd.Index) -> pd.DataFrame:
    """Forecasts of one model decided at `date`, target dates x assets, from the next day to the next rebalance."""
    decided = forecasts[forecasts["decision_date"] == pd.Timestamp(date)]
    path = decided.pivot(index="target_date", columns="asset", values="forecast").reindex(columns=assets).sort_index()
    if not (decided["horizon"] == 1).any() or path.isna().any(axis=None):
        raise ValueError(f"Model {forecasts['model'].iloc[0]} lacks forecasts decided on {iso_day(date)}: make them "
                         "for every asset and day up to the next rebalance")
    return path.rename_axis(index=None, columns=assets.name)


def scenario_path(forecasts: pd.DataFrame, window: pd.DataFrame, *, date: Date, scenarios: str,
                  mu_horizon: str) -> pd.DataFrame:
    """The path of returns whose covariance RPP and whose drawdown MDP looks at.

    Parameters
    ----------
    forecasts : DataFrame
        Of one model, as `average_over_seeds` returns.
    window : DataFrame, shape (n_days, n_assets)
        Actual returns up to and including `date`, as `estimation_sample` returns.
    date, scenarios, mu_horizon
        As in `decide`.

    Returns
    -------
    DataFrame, dates x assets
        Simple daily returns in the order of time. `append`: the window, then the forecasts of the coming month.
        `recenter`: the window, each asset shifted by a constant so that its mean is the forecast that `mu_horizon`
        names, without residual. `forecast_only`: for each day of the window what the model forecast on the day before
        it; fewer days than the window where it reaches back to days before the first forecast. `history`: the window.

    Raises
    ------
    ValueError
        If a forecast is missing, or under `forecast_only` all but one of the window's days have none.

    Notes
    -----
    "Returns informed by forecasts" is all that Nguyen (2025) says. A covariance does not see a shift, so `recenter` moves
    MDP only. There are no forecasts up to `train_end`: the model was fitted on these days, and knows them.
    """
    month = forecast_path(forecasts, date=date, assets=window.columns)
    mu = option(MU_HORIZONS, mu_horizon, "mu_horizon")(month)
    path = option(SCENARIOS, scenarios, "scenarios")(
        window, month, lambda: next_day_forecasts(forecasts, window).dropna(), mu)
    if len(path) < 2:
        raise ValueError(f"Model {forecasts['model'].iloc[0]} has forecasts of {len(path)} of the {len(window)} days up to "
                         f"{iso_day(date)}, too few for scenarios {scenarios}: choose another, or end the training period "
                         "earlier")
    return path


def average_over_seeds(forecasts: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Forecasts of one model without column seed, each the mean over the model's trainings."""
    of_model = forecasts[forecasts["model"] == model]
    if of_model["forecast"].isna().any():
        lost = of_model[of_model["forecast"].isna()].iloc[0]
        raise ValueError(f"The {model} forecast of {lost['asset']} decided on {iso_day(lost['decision_date'])} is not "
                         "a number: its training diverged, so lower learning_rate")
    keys = ["decision_date", "target_date", "horizon", "asset", "model"]
    return of_model.groupby(keys, sort=False, as_index=False)["forecast"].mean()


def mvf_means(returns: pd.DataFrame, forecasts: pd.DataFrame, *, rebalance_dates: Sequence[Date], residual_window: int,
              mu_horizon: str) -> pd.DataFrame:
    """What MVF's mu is made of at each rebalance: the forecast and its mean recent error, beside the mean return.

    Parameters
    ----------
    returns, forecasts, rebalance_dates, residual_window, mu_horizon
        As in `decide`.

    Returns
    -------
    DataFrame
        Columns rebalance_date, model, asset, forecast (r̂), residual (ē), mu (r̂ + ē), window_mean (mean return of the
        residual window: momentum), fractions a day.

    Raises
    ------
    ValueError
        If a window is longer than the data before a date, or a forecast is missing.

    Notes
    -----
    With m the forecasts' own mean over the residual window, ē = window_mean - m, so that mu = window_mean + (r̂ - m). A
    forecast that does not change leaves nothing but momentum, whatever its value; of the others only the change counts.
    """
    rows = []
    for model in forecasts["model"].unique():
        of_model = average_over_seeds(forecasts, model=model)
        own = returns[returns.columns[returns.columns.isin(of_model["asset"].unique())]]
        for date in pd.DatetimeIndex(rebalance_dates):
            options = {"date": date, "residual_window": residual_window}
            forecast = expected_returns(of_model, own, use_residual=False, mu_horizon=mu_horizon, **options)
            residual = mean_residual(of_model, own, **options)
            recent = estimation_sample(own, date=date, days=residual_window, name="residual_window")
            rows.append(pd.DataFrame({"rebalance_date": date, "model": model, "asset": own.columns,
                                      "forecast": forecast.to_numpy(), "residual": residual.to_numpy(),
                                      "mu": (forecast + residual).to_numpy(), "window_mean": recent.mean().to_numpy()}))
    return pd.concat(rows, ignore_index=True)


def momentum_share(means: pd.DataFrame) -> pd.DataFrame:
    """How much of MVF's mu is the mean return of the last days, and how much the forecast.

    Parameters
    ----------
    means : DataFrame
        As `mvf_means` returns.

    Returns
    -------
    DataFrame
        A row a model: model; window_mean_correlation and forecast_correlation (of mu with each, over all assets and
        dates; missing where one does not vary), relative_difference (mean |mu - window_mean| over mean |window_mean|),
        same_favorite (share of dates on which the asset of highest mu is also that of highest window_mean).

    Examples
    --------
    A forecast of 0.3 % for everything, always, with its mean error:

    >>> means = pd.DataFrame({"rebalance_date": 0, "model": "flat", "asset": ["A", "B"], "forecast": 0.003,
    ...                       "mu": [0.001, -0.002], "window_mean": [0.001, -0.002]})
    >>> momentum_share(means).set_index("model").loc["flat"].tolist()
    [1.0, nan, 0.0, 1.0]
    """
    rows = []
    for model, of_model in means.groupby("model", sort=False):
        correlation = of_model[["mu", "window_mean", "forecast"]].corr().loc["mu"]
        difference = (of_model["mu"] - of_model["window_mean"]).abs().mean() / of_model["window_mean"].abs().mean()
        favorites = of_model.set_index("asset").groupby("rebalance_date")[["mu", "window_mean"]].idxmax()
        rows.append((model, correlation["window_mean"], correlation["forecast"], difference,
                     (favorites["mu"] == favorites["window_mean"]).mean()))
    return pd.DataFrame(rows, columns=["model", "window_mean_correlation", "forecast_correlation", "relative_difference",
                                       "same_favorite"])


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
