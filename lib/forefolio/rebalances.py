"""The weights that each strategy decides at each rebalance date.

A strategy `<model>+<framework>` turns the forecasts of a model into weights; what it may know is in `expectations`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import pandas as pd

from forefolio.drawdowns import minimum_drawdown
from forefolio.expectations import average_over_seeds, estimation_sample, expected_returns, scenario_path
from forefolio.limits import Limits, joined
from forefolio.long_short import tangency_portfolio
from forefolio.portfolios import equal_weight, mean_variance_forecast, risk_parity
from forefolio.returns import Date, iso_day
from forefolio.solvers import OptimizationError, Solution

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
