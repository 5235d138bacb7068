"""What is known at a decision date: the forecasts made then, the errors seen so far, the window of returns up to it.

A decision at date t sees returns up to and including t, forecasts decided at t, and forecasts whose target is not
after t with their errors; nothing else.

The weights that each strategy decides at each rebalance date.

A strategy `<model>+<framework>` turns the forecasts of a model into weights; what it may know is in `expectations`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from forefolio.market.returns import Date, iso_day
from forefolio.portfolios.drawdown import minimum_drawdown
from forefolio.portfolios.long_only import equal_weight, mean_variance_forecast, risk_parity
from forefolio.portfolios.long_short import tangency_portfolio
from forefolio.portfolios.problems import Limits, OptimizationError, Solution, estimation_sample, joined

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


def option(options: dict[str, Callable], choice: str, name: str) -> Callable:
    """What an option stands for."""
    if choice not in options:
        raise ValueError(f"{name} is {choice!r}: choose one of {', '.join(options)}")
    return options[choice]

FRAMEWORKS = ("mvf", "rpp", "mdp", "tangency")
LOG = ["date", "strategy", "solver", "status", "note", "spread"]


def decide(returns: pd.DataFrame, forecasts: pd.DataFrame, traded: pd.DataFrame, *, rebalance_dates: Sequence[Date],
           frameworks: Sequence[str], estimation_window: int, residual_window: int, use_residual: bool, mu_horizon: str,
           scenarios: str, risk_aversion: float, drawdown_path: str, drawdown_alpha: float, limits: Limits,
           risk_free: float, max_gross: float,
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
        Decision dates, days of `returns`, ascending.
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
    scenarios : {"append", "recenter", "forecast_only", "history"}
        Path of RPP and MDP: the window followed by the coming month's forecasts; the window shifted so that each
        asset's mean is its forecast (that of `mu_horizon`, without residual); the forecasts of the window's days, each
        made the day before; the window alone.
    risk_aversion : float
        gamma of MVF.
    drawdown_path, drawdown_alpha : {"constant_weights", "uncompounded", "buy_and_hold"}, float
        Of MDP, as `minimum_drawdown` takes them: whose drawdown is smallest, and its tail.
    limits : Limits
        Of MVF, RPP and MDP, without `held`, which is filled in here: the weights decided at the date before, drifted
        to this one. Where too few assets trade for the bounds they are widened to equal weight, and the log says so.
        Tangency portfolios have no limits but `max_gross`, and equal weight has none.
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
        Columns date, strategy, solver, status, note, spread. Where a problem cannot be solved the strategy holds equal weight
        at that date, whatever that trades: status `failed`, and the note has the reason. Where the closed form of the
        tangency has the lowest ratio of all it is held nonetheless, as in the paper: status `inefficient`, and the note
        has what the global minimum variance portfolio would be. A note also says of how many of the window's days there
        were forecasts, where not of all, and which limit on turnover had to be widened. `spread` is of RPP alone:
        the largest contribution to risk over the smallest, minus 1, on the covariance that the solver was given. It is
        rounding where no limit binds, and infinite where limits leave a contribution that is not positive.

    Raises
    ------
    ValueError
        If an option is unknown, `max_gross` is neither 0 nor at least 1, the bounds on weights are impossible for the
        number of assets, a window is longer than the data before a date, or a forecast or return is missing.

    Notes
    -----
    An asset that a model does not forecast, because its network diverged, is not bought by that model's strategies.
    An asset whose last price is held after a delisting would seem to be without risk, and draw all the weight of those
    who avoid risk. What was held of it is sold at that last price at the first rebalance after it, and counts as
    turnover.
    Sigma of MVF and tangency is estimated from the window's actual returns, whatever `scenarios` says. Tangency takes
    the forecast as it is, without a residual: Zouaoui & Naas (2025) add none.
    """
    dates = pd.DatetimeIndex(rebalance_dates)
    _check(returns, traded, dates, frameworks)
    limits.attainable(returns.columns)  # refuses bounds that no weights can keep
    problems = {  # what a framework looks at -> its weights
        "mvf": partial(mean_variance_forecast, risk_aversion=risk_aversion),
        "rpp": risk_parity,
        "mdp": partial(minimum_drawdown, path=drawdown_path, alpha=drawdown_alpha),
        "tangency": partial(tangency_portfolio, risk_free=risk_free, max_gross=max_gross),
    }
    known = partial(_known, estimation_window=estimation_window, residual_window=residual_window,
                    use_residual=use_residual, mu_horizon=mu_horizon, scenarios=scenarios,
                    estimate_covariance=estimate_covariance)
    by_model = {model: average_over_seeds(forecasts, model=model) for model in forecasts["model"].unique()}
    decided, last = [], {}  # last: the date before and what each strategy decided then
    for date in dates:
        assets = returns.columns[traded.loc[date, returns.columns]]
        solved = {}  # a problem that several strategies share is solved once
        for (model, of_model), framework in product(by_model.items(), frameworks):
            strategy, own = f"{model}+{framework}", assets[assets.isin(of_model["asset"].unique())]
            inputs, note = known(framework, of_model, returns[own], date)
            note = joined(note, _without(assets.difference(own), f"not forecast by {model}"))
            problem, held = partial(problems[framework], *inputs), None
            if framework != "tangency":
                bounds, widened = limits.fitting(len(own))
                if limits.max_turnover < 1 and strategy in last:
                    held = _drifted(last[strategy], returns.loc[:date])
                problem, note = partial(problem, limits=replace(bounds, held=held)), joined(note, widened)
            key = (framework, None if held is None else tuple(held.items()),
                   *(frame.to_numpy().tobytes() for frame in inputs))
            if key not in solved:
                solved[key] = solution(problem, own)
            last[strategy] = date, solved[key].weights
            decided.append((date, strategy, solved[key], note))
        decided.append((date, "equal_weight", equal_weight(assets), ""))
    return _frames(decided, returns.columns, traded)


def solution(problem: Callable[[], Solution], assets: pd.Index) -> Solution:
    """Solve a problem; where that fails, equal weight of the assets, with the reason in the note."""
    try:
        return problem()
    except OptimizationError as error:
        return Solution(equal_weight(assets).weights, "none", "failed", f"equal weight instead: {error}")


def _known(framework: str, of_model: pd.DataFrame, returns: pd.DataFrame, date: pd.Timestamp, *, estimation_window: int,
           residual_window: int, use_residual: bool, mu_horizon: str, scenarios: str,
           estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame]) -> tuple[list, str]:
    """What a framework looks at on a date, in the order of its problem's arguments, and what the log should say of it."""
    window = estimation_sample(returns, date=date, days=estimation_window, name="estimation_window")
    if framework in ("mvf", "tangency"):
        mu = expected_returns(of_model, returns, date=date, residual_window=residual_window,
                              use_residual=use_residual and framework == "mvf", mu_horizon=mu_horizon)
        return [mu, estimate_covariance(window)], ""
    path = scenario_path(of_model, window, date=date, scenarios=scenarios, mu_horizon=mu_horizon)
    note = f"forecasts of {len(path)} of the {len(window)} days" if len(path) < len(window) else ""
    if framework == "mdp":
        return [path], note
    level = path.iloc[0].where((path == path.iloc[0]).all(), 0.0)  # else what never varies would vary by rounding
    return [estimate_covariance(path - level)], note


def _drifted(last: tuple[pd.Timestamp, pd.Series], returns: pd.DataFrame) -> pd.Series | None:
    """Weights before today's trade from those decided last, as in `backtest`; None where nothing is left of them."""
    date, weights = last
    holdings = weights[weights > 0]
    holdings = holdings * (1 + returns.loc[returns.index > date, holdings.index]).prod()
    return holdings / holdings.sum() if holdings.sum() > 0 else None


def _without(assets: pd.Index, reason: str) -> str:
    """A note on assets that were left out."""
    return "" if assets.empty else f"without {', '.join(map(str, assets))}, {reason}"


def _frames(decided: list[tuple[pd.Timestamp, str, Solution, str]], assets: pd.Index,
            traded: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weights of all assets, and the log, with the assets that could not be bought in its notes."""
    weights, log = [], []
    for date, strategy, chosen, note in decided:
        weights.append(pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": assets,
                                     "weight": chosen.weights.reindex(assets, fill_value=0.0).to_numpy()}))
        without = _without(assets[~traded.loc[date, assets]].sort_values(), "not traded that day")
        log.append((date, strategy, chosen.solver, chosen.status, joined(chosen.note, note, without), chosen.spread))
    return pd.concat(weights, ignore_index=True), pd.DataFrame(log, columns=LOG)


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
    if not dates.is_monotonic_increasing or not dates.is_unique:
        raise ValueError("The rebalance dates must be ascending and without repeats: sort them")
    known = returns.loc[:dates.max()]
    if known.isna().any(axis=None):
        raise ValueError(f"The returns of {known.columns[known.isna().any()][0]} have gaps: build the universe first")
    if not returns.columns.isin(traded.columns).all() or not dates.isin(traded.index).all():
        raise ValueError("traded says nothing of some asset or rebalance date: give a column an asset and a row a day")
    if not traded.loc[dates, returns.columns].any(axis=1).all():
        lost = dates[~traded.loc[dates, returns.columns].any(axis=1)][0]
        raise ValueError(f"No asset has a price on {iso_day(lost)}, so nothing can be decided then: mend the prices")


def weights_by_window(window_means: pd.DataFrame, returns: pd.DataFrame, traded: pd.DataFrame, *, estimation_window: int,
                      estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame], risk_free: float,
                      max_gross: float) -> pd.DataFrame:
    """
    Tangency portfolios from the mean forecast of the coming W days, for each window W of a joint network.

    Parameters
    ----------
    window_means : DataFrame
        Columns model, seed, window, decision_date, asset, forecast, as joint networks give them; averaged over seeds.
    returns, traded, estimation_window, estimate_covariance, risk_free, max_gross
        As `rebalances.decide` takes them.

    Returns
    -------
    DataFrame
        Columns rebalance_date, model, window, strategy (`<model>+tangency, <window> days`), asset, weight, status.
        Where there is no solution, equal weight, status `failed`.
    """
    rows = []
    means = window_means.groupby(["model", "window", "decision_date", "asset"], sort=False)["forecast"].mean()
    for (model, window, date), of_date in means.groupby(level=[0, 1, 2], sort=False):
        assets = returns.columns[traded.loc[date, returns.columns]]
        sample = estimation_sample(returns[assets], date=date, days=estimation_window, name="estimation_window")
        problem = partial(tangency_portfolio, of_date.droplevel([0, 1, 2])[assets], estimate_covariance(sample),
                          risk_free=risk_free, max_gross=max_gross)
        chosen = solution(problem, assets)
        rows.append(pd.DataFrame({
            "rebalance_date": date, "model": model, "window": window, "strategy": f"{model}+tangency, {window} days",
            "asset": returns.columns, "weight": chosen.weights.reindex(returns.columns, fill_value=0.0).to_numpy(),
            "status": chosen.status}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(
        columns=["rebalance_date", "model", "window", "strategy", "asset", "weight", "status"])


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
