"""The weights that each strategy decides at each rebalance date, from what is known then.

A strategy `<model>+<framework>` turns the forecasts of a model into weights. A decision at date t sees returns up to
and including t, forecasts decided at t, and earlier forecasts whose outcome is known at t. It sees nothing else.
"""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from forefolio.forecasts.schedule import fits
from forefolio.market.returns import Date, iso_day
from forefolio.market.universe import NOT_TRADED, kept_out
from forefolio.portfolios import registry
from forefolio.portfolios.holdings import around, drifted, frozen, frozen_note, held_assets, limits_of_rest
from forefolio.portfolios.long_only import equal_weight
from forefolio.portfolios.problems import NONE, Limits, OptimizationError, Solution, estimation_sample, joined
from forefolio.portfolios.registry import Terms
from forefolio.study import vocabulary
from forefolio.study.parameters import Study

MU_HORIZONS = {  # the coming month's forecasts -> expected return per day
    "next_day": lambda month: month.iloc[0],
    "month": lambda month: month.mean(),
}
SCENARIOS = {  # window of returns, forecasts of the coming month, those of the window's days, mu -> path
    "append": lambda window, month, made, mu: pd.DataFrame(  # day by day in memory, as it is read
        np.ascontiguousarray(np.vstack([window, month])), window.index.append(month.index), window.columns, copy=False),
    "recenter": lambda window, month, made, mu: window - window.mean() + mu,
    "forecast_only": lambda window, month, made, mu: made.dropna(),
    "history": lambda window, month, made, mu: window,
}


def decide(returns: pd.DataFrame, forecasts: pd.DataFrame, traded: pd.DataFrame, *, rebalance_dates: Sequence[Date],
           frameworks: Sequence[str], terms: Terms,
           learned: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decide the weights of every strategy at every rebalance date.

    A framework that reads a forecast (`vocabulary.reads_forecasts`) decides once per model, as `<model>+<framework>`.
    Any other framework decides once, as `<framework>`. `learned` holds the result of `learned_weights`; without it,
    frameworks with learned weights have no solution.

    `terms.limits` apply to the frameworks that the vocabulary marks. This function fills in `held`: the weights decided
    at the date before, drifted to this one. If too few assets trade for the bounds, the bounds are widened to equal
    weight, and the log says so.

    Returns
    -------
    weights : DataFrame
        Of each strategy and of `equal_weight`. Weights of tangency may be negative.
    solver_log : DataFrame
        Columns date, strategy, solver, status, note, spread. If a problem cannot be solved, the strategy holds equal
        weight at that date, whatever turnover that takes; the status is `failed`, and the note gives the reason. If the
        closed form of the tangency portfolio has the lowest ratio and not the highest, it is held all the same, as in
        the paper; the status is `inefficient`. A note also says if some of the window's days have no forecast. `spread`
        is for RPP only; see `long_only.risk_parity`.

    Raises
    ------
    ValueError
        If bounds on weights are impossible for the number of assets, a window is longer than the data before a date, a
        forecast of a later day of the month is missing, or no asset can be bought at a date.

    Notes
    -----
    If a model does not forecast an asset at a date (its network diverged, or a user's file lacks it), that model's
    strategies do not buy the asset then. If it forecasts no asset, they hold equal weight, and the log says so. An
    asset whose price does not move, because it was delisted, suspended or abandoned, seems to have no risk, so cautious
    frameworks would put all weight in it. No strategy, including equal weight, buys the assets that `universe.kept_out`
    names. A holding of an asset that did not trade that day is frozen: it keeps its drifted weight until the asset
    trades again. The other weights share the rest, and limits apply to the rest (`holdings.limits_of_rest`). An asset
    that has ended is sold at the next rebalance. So is an asset whose price never moves, at that price. `scenarios`
    matters only for frameworks that see a `covariance` or a `path`. Any other covariance, for example that of MVF, is
    estimated from the window's actual returns. With `cost_aware` the objective of MVF subtracts the cost of its trade
    (`long_only.mean_variance_forecast`), spread over the days until the next rebalance.
    """
    dates, returns = pd.DatetimeIndex(rebalance_dates), returns.copy()  # in one block, not column by column
    terms.limits.check(returns.shape[1])
    reasons = kept_out(returns, traded, dates=dates, stale_days=terms.stale_days)
    matters = terms.limits.max_turnover < 1 or terms.cost_aware  # held before a trade
    strategies = _strategies(forecasts, frameworks, terms, learned)
    decided, last = [], {}  # last: the previous date, and what each strategy decided then
    for date in dates:
        why = reasons.loc[date]
        suspended, assets = (why == NOT_TRADED).any(), returns.columns[why == ""]
        bought, solved = returns[assets], {}  # the date's problems with their solutions: a shared one is solved once
        for strategy, (framework, source) in strategies.items():
            held, fixed = _before(last.get(strategy), returns, date, why, needed=matters or suspended)
            own, note = _forecast_of(strategy, source, assets, date)
            seen, said = _seen(framework, source, bought if len(own) == len(assets) else bought[own], date, terms)
            if seen is None:
                chosen = equal_weight(assets) if framework is None else _instead(assets, said or note)
                note = ""
            else:
                limits, widened = _limits(framework, source, own, date, terms)
                if held is not None and (limits.max_turnover < 1 or limits.daily_cost > 0):
                    limits = limits_of_rest(limits, held, fixed)
                note = joined(said, note, widened)
                asked = pickle.dumps((framework, seen, limits))
                if asked not in solved:
                    solved[asked] = solution(framework, seen, terms, limits)
                chosen = solved[asked]
            last[strategy] = date, around(chosen.weights, held, fixed)
            decided.append((date, strategy, replace(chosen, weights=last[strategy][1]), joined(note, frozen_note(fixed))))
    return _frames(decided, reasons)


def _strategies(forecasts: pd.DataFrame, frameworks: Sequence[str], terms: Terms,
                learned: pd.DataFrame | None) -> dict[str, tuple[str | None, pd.DataFrame | None]]:
    """Each strategy's framework and its input: a model's forecasts, learned weights, or returns only.

    A framework that reads no forecast decides once, under its own name, and not once per model.
    """
    by_model = {model: average_over_seeds(forecasts, model=model) for model in forecasts["model"].unique()}
    reading = [name for name in frameworks if vocabulary.reads_forecasts(name, terms.scenarios)]
    return {vocabulary.strategy_name([model], name): (name, by_model[model]) for model, name in product(by_model, reading)} | {
        name: (name, learned if vocabulary.FRAMEWORKS[name].sees == "learned" else None)
        for name in frameworks if name not in reading} | {vocabulary.EQUAL_WEIGHT: (None, None)}


def _seen(framework: str | None, source: pd.DataFrame | None, returns: pd.DataFrame, date: pd.Timestamp,
          terms: Terms) -> tuple[tuple | None, str]:
    """The input of a framework's problem (None if there is nothing to solve), and a note."""
    if framework is None or returns.columns.empty:
        return None, ""
    try:
        return SEEN[vocabulary.FRAMEWORKS[framework].sees](source, returns, date, terms)
    except OptimizationError as error:
        return None, str(error)


def _forecast_of(strategy: str, source: pd.DataFrame | None, assets: pd.Index, date: pd.Timestamp) -> tuple[pd.Index, str]:
    """The assets that a strategy's model forecasts at a date (all without a model), and a note if some are missing."""
    for model in vocabulary.parts(strategy)[0]:
        own = forecast_assets(source, assets, date=date)
        if own.empty:
            return own, f"{model} forecasts nothing that can be bought"
        return own, _without(assets.difference(own), f"not forecast by {model}") if len(own) < len(assets) else ""
    return assets, ""


def _limits(framework: str, source: pd.DataFrame | None, own: pd.Index, date: pd.Timestamp,
            terms: Terms) -> tuple[Limits, str]:
    """The limits on a framework's trade, its trading cost per day, and a note."""
    limits, note = terms.limits.fitting(len(own)) if vocabulary.FRAMEWORKS[framework].limits else (NONE, "")
    if terms.cost_aware and vocabulary.FRAMEWORKS[framework].sees == "mean":  # paid once, for the days to come
        days = source.loc[source["decision_date"] == date, "horizon"].max()
        limits = replace(limits, daily_cost=terms.cost_bps / 10_000 / days)
    return limits, note


def learned_weights(returns: pd.DataFrame, study: Study, *, traded: pd.DataFrame, rebalance_dates: Sequence[Date],
                    remember: Callable[..., Any] = lambda function, *given: function(*given)) -> dict[str, pd.DataFrame]:
    """Weights of `dls` and their training history; empty frames if the study does not use `dls`.

    Each training is called as remember(function, *arguments), and `Stage.remember` computes nothing twice. With
    `refit`, the weights of a date come from the latest fit made by then.

    Returns
    -------
    dict of DataFrame
        `weights`: seed, rebalance_date, asset, weight. `history`: fitted_until (the fit's last day of
        validation, ISO text), seed, epoch, sharpe, validation_sharpe, kept; see `end_to_end.train`.
    """
    made = {"weights": [pd.DataFrame(columns=["seed", "rebalance_date", "asset", "weight"])],
            "history": [pd.DataFrame(columns=["fitted_until", "seed", "epoch", "sharpe", "validation_sharpe", "kept"])]}
    if "dls" in study.frameworks:  # importing Keras takes seconds
        from forefolio.portfolios.end_to_end import Learning, trained_weights

        decided = pd.DataFrame({"decision_date": pd.DatetimeIndex(rebalance_dates)})
        made = {"weights": [], "history": []}
        for fit in fits(returns.index, decided, refit=study.refit, train_end=study.train_end,
                        validation_end=study.validation_end, traded=traded):
            given = {field.name: getattr(study, field.name) for field in fields(Learning)}
            learning = Learning(**given | {"train_end": fit.train_end, "validation_end": fit.validation_end})
            frames = remember(trained_weights, returns, [iso_day(day) for day in fit.schedule["decision_date"]], learning)
            made["weights"].append(frames["weights"])
            made["history"].append(frames["history"].assign(fitted_until=fit.validation_end))
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in made.items()}
    return joined | {"history": joined["history"][["fitted_until", *joined["history"].columns.drop("fitted_until")]]}


def solution(framework: str, seen: tuple, terms: Terms, limits: Limits = NONE) -> Solution:
    """Solve a framework's problem; if that fails, return equal weights with the reason in the note."""
    try:
        return registry.FRAMEWORKS[framework](*seen, terms, limits)
    except OptimizationError as error:
        return _instead(seen[-1].columns, error)  # the covariance or the path, which comes last


def _instead(assets: pd.Index, reason: OptimizationError | str) -> Solution:
    """Equal weight of the assets, for a strategy without weights of its own."""
    return Solution(equal_weight(assets).weights, "none", "failed", f"equal weight instead: {reason}")


def _mean(of_model: pd.DataFrame, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """Forecast plus its mean error, and the covariance of the window's actual returns."""
    mu = expected_returns(of_model, returns, date=date, terms=terms)["mu"]
    return (mu, terms.covariance(terms.window(returns, date))), ""


def _forecast(of_model: pd.DataFrame, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """The forecast without its mean error, as in Zouaoui & Naas (2025), and the same covariance."""
    return _mean(of_model, returns, date, replace(terms, use_residual=False))


def _view(of_model: pd.DataFrame, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """The forecast, the mean product of its errors on days with a known outcome, and the covariance of the window."""
    (mu, Sigma), _ = _forecast(of_model, returns, date, terms)
    known = returns.loc[:date]
    errors = (known - next_day_forecasts(of_model, known)).dropna()
    if len(errors) < 2:
        raise OptimizationError(f"Model {of_model['model'].iloc[0]} has {len(errors)} forecasts whose outcome is "
                                f"known on "
                                f"{iso_day(date)}, and black_litterman needs two; lengthen the validation period")
    return (mu, errors.T @ errors / len(errors), Sigma), f"errors of {len(errors)} days"


def _shifted(of_model: pd.DataFrame, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """The window's days, each asset shifted by a constant so that its mean is the forecast, whatever `scenarios` is."""
    return _path(of_model, returns, date, replace(terms, scenarios="recenter"))


def _path(of_model: pd.DataFrame | None, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """Days of returns informed by forecasts, and a note if some days of the window have no forecast."""
    window = terms.window(returns, date)
    path = window if of_model is None else scenario_path(of_model, window, date=date, terms=terms)
    if len(path) < 2:
        raise OptimizationError(f"forecasts of {len(path)} of the {len(window)} days of estimation_window are known")
    return (path,), f"forecasts of {len(path)} of the {len(window)} days" if len(path) < len(window) else ""


def _covariance(of_model: pd.DataFrame | None, returns: pd.DataFrame, date: pd.Timestamp,
                terms: Terms) -> tuple[tuple, str]:
    """Covariance of that path."""
    (path,), note = _path(of_model, returns, date, terms)
    level = path.iloc[0].where((path == path.iloc[0]).all(), 0.0)  # otherwise rounding would give a constant a variance
    return (terms.covariance(path - level),), note


def _risk(of_model: None, returns: pd.DataFrame, date: pd.Timestamp, terms: Terms) -> tuple[tuple, str]:
    """Covariance of the window's actual returns."""
    return _covariance(None, returns, date, terms)


def _learned(trained: pd.DataFrame | None, returns: pd.DataFrame, date: pd.Timestamp,
             terms: Terms) -> tuple[tuple, str]:
    """The weights that each training decided for these assets, one row per training."""
    if trained is None:
        return (pd.DataFrame(columns=returns.columns, dtype=float),), ""
    at_date = trained[trained["rebalance_date"] == date].pivot(index="seed", columns="asset", values="weight")
    return (at_date.reindex(columns=returns.columns),), ""


SEEN = {  # the function of each of `vocabulary.SEES`
    "mean": _mean, "forecast": _forecast, "view": _view, "shifted": _shifted, "covariance": _covariance, "path": _path,
    "risk": _risk, "learned": _learned}


def expected_returns(of_model: pd.DataFrame, returns: pd.DataFrame, *, date: Date, terms: Terms) -> pd.DataFrame:
    """The parts of the mu of MVF at `date`, per asset, as fractions per day.

    Returns
    -------
    DataFrame (n_assets, 4)
        Columns forecast (r̂), residual (ē, its mean recent error, or 0 without `use_residual`), mu (r̂ + ē),
        window_mean (mean return of the residual window: momentum).

    Notes
    -----
    Let m be the mean of the forecasts over the residual window. Then ē = window_mean - m, so mu = window_mean + (r̂ -
    m). If the forecast is constant, mu is the window mean, that is, momentum, whatever the forecast's value. In general
    only the deviation of the forecast from m counts. If a model forecast an asset on fewer than half of the window's
    days, ē is 0.
    """
    forecast = MU_HORIZONS[terms.mu_horizon](forecast_path(of_model, date=date, assets=returns.columns))
    recent = estimation_sample(returns, date=date, days=terms.residual_window, name="residual_window")
    earned, residual = recent.to_numpy(), np.zeros(len(forecast))
    if terms.use_residual:
        mean_error, share_known = _means(earned - next_day_forecasts(of_model, recent).to_numpy())
        residual = np.where(share_known >= 0.5, mean_error, 0.0)
    return pd.DataFrame({"forecast": forecast, "residual": residual, "mu": forecast + residual,
                         "window_mean": _means(earned)[0]})


def _means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of what is known in each column, and which share is; each column is summed on its own, as pandas does."""
    columns = np.ascontiguousarray(values.T)
    known = ~np.isnan(columns)
    n_known = known.sum(axis=1)
    sums = np.where(known, columns, 0.0).sum(axis=1)
    return np.divide(sums, n_known, out=np.full(len(columns), np.nan), where=n_known > 0), n_known / len(values)


def next_day_forecasts(of_model: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    """The forecast made on the previous day for each day and asset of `window`; NaN if there is none."""
    days, due = window.index, of_model["target_date"].to_numpy()
    rows = np.flatnonzero((of_model["horizon"].to_numpy() == 1) & (due >= days[0]) & (due <= days[-1]))
    return _wide(of_model, rows, due[rows], days, window.columns)


def forecast_path(of_model: pd.DataFrame, *, date: Date, assets: pd.Index) -> pd.DataFrame:
    """Forecasts of one model decided at `date`, target dates x assets, from the next day to the next rebalance."""
    decided = _rows(of_model, decided=date)
    due = of_model["target_date"].to_numpy()[decided]
    path = _wide(of_model, decided, due, pd.DatetimeIndex(np.unique(due)), assets)
    if not (of_model["horizon"].to_numpy()[decided] == 1).any() or np.isnan(path.to_numpy()).any():
        raise ValueError(f"Model {of_model['model'].iloc[0]} lacks forecasts decided on {iso_day(date)}; make them "
                         "for every asset and day up to the next rebalance")
    return path


def _rows(of_model: pd.DataFrame, *, decided: Date) -> np.ndarray:
    """Positions of the forecasts that were decided at a date."""
    return np.flatnonzero(of_model["decision_date"].to_numpy() == np.datetime64(pd.Timestamp(decided)))


def _wide(of_model: pd.DataFrame, rows: np.ndarray, due: np.ndarray, days: pd.DatetimeIndex,
          assets: pd.Index) -> pd.DataFrame:
    """The forecasts at some positions, whose targets are `due`, by day and asset: a pivot in a fraction of its time."""
    at_day = days.get_indexer(due)
    at_asset, wide = assets.get_indexer(of_model["asset"].array[rows]), np.full((len(days), len(assets)), np.nan)
    own = (at_day >= 0) & (at_asset >= 0)
    wide[at_day[own], at_asset[own]] = of_model["forecast"].to_numpy()[rows[own]]
    return pd.DataFrame(wide, days, assets)


def scenario_path(of_model: pd.DataFrame, window: pd.DataFrame, *, date: Date, terms: Terms) -> pd.DataFrame:
    """The path of returns from which RPP takes its covariance and MDP its drawdown, in order of time.

    `append`: the `window` of returns up to `date`, then the forecasts of the coming month. `recenter`: the window, each
    asset shifted by a constant so that its mean is the forecast that `mu_horizon` names, without residual.
    `forecast_only`: for each day of the window, the model's forecast made on the day before; the path is shorter than
    the window if the window starts before the first forecast. `history`: the window.

    Notes
    -----
    "Returns informed by forecasts" is all that Nguyen (2025) says. A shift does not change a covariance, so `recenter`
    changes MDP only. There are no forecasts up to `train_end`, because the model was fitted on these days and knows
    them.
    """
    month = forecast_path(of_model, date=date, assets=window.columns)
    made, mu = next_day_forecasts(of_model, window), MU_HORIZONS[terms.mu_horizon](month)
    return SCENARIOS[terms.scenarios](window, month, made, mu)


def forecast_assets(of_model: pd.DataFrame, assets: pd.Index, *, date: Date) -> pd.Index:
    """The assets, of those given, that a model forecasts at a date."""
    next_day = _rows(of_model, decided=date)
    next_day = next_day[of_model["horizon"].to_numpy()[next_day] == 1]
    return assets[assets.isin(of_model["asset"].array[next_day])]


def for_portfolios(forecasts: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Forecasts that become portfolios: those of the study's `portfolio_models`, and the user's own."""
    return forecasts[forecasts["model"].isin(models) | ~forecasts["model"].isin(list(vocabulary.MODELS))]


def average_over_seeds(forecasts: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Forecasts of one model, averaged over its trainings (without the column seed)."""
    of_model = forecasts[forecasts["model"] == model]
    keys = ["decision_date", "target_date", "horizon", "asset", "model"]
    return of_model.groupby(keys, sort=False, as_index=False)["forecast"].mean()


def _before(last: tuple[pd.Timestamp, pd.Series] | None, returns: pd.DataFrame, date: pd.Timestamp,
            reasons: pd.Series, *, needed: bool) -> tuple[pd.Series | None, pd.Series]:
    """What a strategy holds before it trades (if that is needed), and which part is frozen."""
    if last is None or not needed:
        return None, frozen(None, reasons)
    held = drifted(*last, returns.loc[:date])
    return held, frozen(held, reasons)


def _without(assets: pd.Index, reason: str) -> str:
    """A note on assets that were left out."""
    return "" if assets.empty else f"without {', '.join(map(str, assets))}, {reason}"


def _frames(decided: list[tuple[pd.Timestamp, str, Solution, str]],
            reasons: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weights of all assets, and the log; its notes name the assets that could not be bought."""
    assets, n_decided = reasons.columns, len(decided)
    held = [chosen.weights.reindex(assets, fill_value=0.0).to_numpy() for _, _, chosen, _ in decided]
    weights = pd.DataFrame({"rebalance_date": pd.DatetimeIndex([date for date, *_ in decided]).repeat(len(assets)),
                            "strategy": np.repeat([strategy for _, strategy, *_ in decided], len(assets)),
                            "asset": np.tile(assets, n_decided), "weight": np.concatenate(held)})
    without = {}
    for date, out in reasons.sort_index(axis=1).iterrows():
        without[date] = [_without(out.index[out == reason], reason) for reason in sorted(set(out) - {""})]
    log = [(date, strategy, chosen.solver, chosen.status, joined(chosen.note, note, *without[date]), chosen.spread)
           for date, strategy, chosen, note in decided]
    return weights, pd.DataFrame(log, columns=["date", "strategy", "solver", "status", "note", "spread"])


def weights_by_window(window_means: pd.DataFrame, returns: pd.DataFrame, traded: pd.DataFrame, *,
                      terms: Terms) -> pd.DataFrame:
    """Tangency portfolios from the mean forecast of the coming W days, for each window W of a joint network.

    `window_means` has columns model, seed, window, decision_date, asset, forecast, as joint networks return them; it is
    averaged over seeds.

    Returns
    -------
    DataFrame
        Columns rebalance_date, model, window, strategy (`<model>+tangency, <window> days`), asset, weight, status.
        If there is no solution, equal weight with status `failed`.
    """
    rows, last = [], {}
    means = window_means.groupby(["model", "window", "decision_date", "asset"], sort=False)["forecast"].mean()
    reasons = kept_out(returns, traded, dates=window_means["decision_date"].unique(), stale_days=terms.stale_days)
    for (model, window, date), of_date in means.groupby(level=[0, 1, 2], sort=False):
        assets = returns.columns[reasons.loc[date] == ""]
        mu, Sigma = of_date.droplevel([0, 1, 2])[assets], terms.covariance(terms.window(returns[assets], date))
        chosen = solution("tangency", (mu, Sigma), terms)
        why = reasons.loc[date]
        held_fixed = _before(last.get((model, window)), returns, date, why, needed=(why == NOT_TRADED).any())
        weights = around(chosen.weights, *held_fixed)
        last[model, window] = date, weights
        rows.append(pd.DataFrame({
            "rebalance_date": date, "model": model, "window": window, "strategy": f"{model}+tangency, {window} days",
            "asset": returns.columns, "weight": weights.reindex(returns.columns, fill_value=0.0).to_numpy(),
            "status": chosen.status}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(
        columns=["rebalance_date", "model", "window", "strategy", "asset", "weight", "status"])


def mvf_means(returns: pd.DataFrame, forecasts: pd.DataFrame, traded: pd.DataFrame, *,
              rebalance_dates: Sequence[Date], terms: Terms) -> pd.DataFrame:
    """Columns rebalance_date, model, asset, then those of `expected_returns`, for assets that can be bought then."""
    means, dates = {}, pd.DatetimeIndex(rebalance_dates)
    reasons = kept_out(returns, traded, dates=dates, stale_days=terms.stale_days)
    for model in forecasts["model"].unique():
        of_model = average_over_seeds(forecasts, model=model)
        for date in dates:
            assets = forecast_assets(of_model, returns.columns[reasons.loc[date] == ""], date=date)
            if len(assets):
                means[date, model] = expected_returns(of_model, returns[assets], date=date, terms=terms)
    return pd.concat(means, names=["rebalance_date", "model", "asset"]).reset_index()


def by_risk_aversion(mu: pd.Series, covariance: pd.DataFrame, risk_aversions: Sequence[float], *,
                     terms: Terms) -> pd.DataFrame:
    """Weights of MVF at several values of gamma, and those of minimum variance, which gamma leads to.

    Returns
    -------
    DataFrame (n_risk_aversions + 1, n_assets)
        Index: risk_aversion, ascending; the last one, infinity, is minimum variance. Bounds on weights hold.

    Examples
    --------
    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> mu, terms = pd.Series({"A": 0.001, "B": 0.0002}), Terms.of(Study())
    >>> by_risk_aversion(mu, variances, [1, 10, 100], terms=terms)["A"].round(4).to_dict()
    {1.0: 1.0, 10.0: 0.7, 100.0: 0.52, inf: 0.5}
    """
    limits, _ = terms.limits.fitting(len(mu))
    chosen = {gamma: solution("mvf", (mu, covariance), replace(terms, risk_aversion=gamma), limits)
              for gamma in sorted(map(float, risk_aversions))}
    chosen[np.inf] = solution("min_variance", (covariance,), terms, limits)
    weights = pd.DataFrame({gamma: one.weights for gamma, one in chosen.items()}, index=mu.index)
    return weights.T.rename_axis("risk_aversion")


def momentum_share(means: pd.DataFrame) -> pd.DataFrame:
    """How much of MVF's mu is the mean return of recent days and how much is the forecast, from `mvf_means`.

    Returns
    -------
    DataFrame
        One row per model: model; window_mean_correlation and forecast_correlation (of mu with each, over all assets and
        dates; missing if one does not vary), relative_difference (mean |mu - window_mean| over mean |window_mean|,
        missing if the latter is zero), same_favorite (share of dates on which the asset with the highest mu also has
        the highest window_mean).
    """
    rows = []
    for model, of_model in means.groupby("model", sort=False):
        correlation = of_model[["mu", "window_mean", "forecast"]].corr().loc["mu"]
        size = of_model["window_mean"].abs().mean()
        difference = (of_model["mu"] - of_model["window_mean"]).abs().mean() / size if size > 0 else np.nan
        favorites = of_model.set_index("asset").groupby("rebalance_date")[["mu", "window_mean"]].idxmax()
        rows.append((model, correlation["window_mean"], correlation["forecast"], difference,
                     (favorites["mu"] == favorites["window_mean"]).mean()))
    return pd.DataFrame(rows, columns=["model", "window_mean_correlation", "forecast_correlation",
                                       "relative_difference", "same_favorite"])


def rpp_distance(returns: pd.DataFrame, weights: pd.DataFrame, *, terms: Terms,
                 traded: pd.DataFrame | None = None) -> pd.DataFrame:
    """How far the forecasts moved risk parity away from the weights that the window of actual returns alone gives.

    Returns
    -------
    DataFrame
        One row per risk parity strategy: strategy, mean_distance, largest_distance (half the sum of absolute
        differences of weights, from 0 to 1) and n_dates, over the rebalance dates at which the window alone has a risk
        parity portfolio.

    Notes
    -----
    With `traded`, only assets that traded that day are compared, by their share of what is not frozen. Risk parity of
    the window has no limits, so if limits bind, the distance includes their effect. If a strategy has no risk parity
    portfolio on its own path, the distance is that of the equal weight held instead.
    """
    rows = []
    of_rpp = weights[[vocabulary.parts(name)[1] == "rpp" for name in weights["strategy"]]]
    for date, at_date in of_rpp.groupby("rebalance_date"):
        window = terms.window(returns, date)
        assets = everything = held_assets(weights, date=date)  # risk parity and equal weight hold all
        if traded is not None:
            assets = everything[traded.loc[date, everything]]
        history = solution("rpp", (terms.covariance(window[assets]),), terms)
        for strategy, held in at_date.groupby("strategy", sort=False):
            own = held.set_index("asset")["weight"].loc[assets]
            difference = (own if len(assets) == len(everything) else own / own.sum()) - history.weights
            distance = np.nan if history.status == "failed" else 0.5 * difference.abs().sum()
            rows.append((strategy, distance))
    distance = pd.DataFrame(rows, columns=["strategy", "distance"]).groupby("strategy", sort=False)["distance"]
    return distance.agg(mean_distance="mean", largest_distance="max", n_dates="count").reset_index()
