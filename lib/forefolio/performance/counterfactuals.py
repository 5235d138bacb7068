"""What a run's strategies would have earned with other forecasts, on other days of the month, or with other seeds.

Tests of significance ignore three other explanations of a result: the optimizer, which earns something with any input;
the calendar, because months could have started on any other day; and the seed of a network. A fourth is a leak. Nothing
is trained here. New decisions use the run's forecasts, and their returns are computed as in `backtest`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forefolio.forecasts import registry as forecast_registry
from forefolio.forecasts.baselines import zero
from forefolio.forecasts.schedule import forecast_frame
from forefolio.market import leaks
from forefolio.market.returns import open_days, rebalance_dates
from forefolio.market.universe import NOT_TRADED, kept_out
from forefolio.performance import metrics
from forefolio.performance.backtest import backtest, turnover
from forefolio.performance.evidence import LEVEL, holm
from forefolio.portfolios import registry
from forefolio.portfolios.decisions import SEEN, average_over_seeds, decide, for_portfolios, solution
from forefolio.portfolios.holdings import around, drifted, frozen, limits_of_rest
from forefolio.portfolios.problems import NONE, Limits, OptimizationError
from forefolio.portfolios.registry import Terms, held_days
from forefolio.study import vocabulary
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, PERFECT, ZERO

SHUFFLES = 100  # of each network's forecasts
SOLVES = 2400  # most solves of shuffled forecasts a framework whose problems are solved one by one: then fewer shuffles
SIMPLE = ("zero", "mean", "mean_frozen")  # what forecasts are replaced by: shuffling these asks nothing
BY_MEAN = ("mean", "forecast")  # what frameworks see (`vocabulary.SEES`) that are decided from many forecasts at once
ALONE = ("path", "covariance", "risk")  # and those that can do without any
SPARSE = 3  # frameworks that see a path take long: they are moved by every third number of days only


@dataclass(frozen=True)
class Run:
    """
    The inputs of a run's portfolios, and the parameters with which they are judged.

    Attributes
    ----------
    returns, traded : DataFrame (n_days, n_assets)
    forecasts : DataFrame
        Only of models that become portfolios, one row per seed.
    benchmark_returns : Series (n_days,)
    dates : DatetimeIndex
        The rebalance dates.
    """

    returns: pd.DataFrame
    traded: pd.DataFrame
    forecasts: pd.DataFrame
    benchmark_returns: pd.Series
    dates: pd.DatetimeIndex
    frameworks: tuple[str, ...]
    terms: Terms
    periods_per_year: int
    risk_free_rate: float
    cost_rate: float
    daily_borrow: float = 0.0

    @classmethod
    def of(cls, study: Study, *, returns: pd.DataFrame, traded: pd.DataFrame, forecasts: pd.DataFrame,
           benchmark_returns: pd.Series, dates: pd.DatetimeIndex) -> "Run":
        """The run of a study; of `forecasts` it takes those that become portfolios."""
        used = for_portfolios(forecasts, study.portfolio_models)
        return cls(returns, traded, used, benchmark_returns, pd.DatetimeIndex(dates), tuple(study.frameworks),
                   Terms.of(study), study.periods_per_year, study.risk_free_rate, study.cost_bps / 10_000,
                   study.borrow_rate / study.periods_per_year)

    @property
    def costs(self) -> dict[str, float]:
        """The costs of trading and borrowing, as arguments of a backtest."""
        return {"cost_rate": self.cost_rate, "daily_borrow": self.daily_borrow}

    @property
    def models(self) -> list[str]:
        """Models in the order of the forecasts."""
        return list(self.forecasts["model"].unique())

    def reading(self, *sees: str) -> list[str]:
        """The frameworks that see one of `sees` (`vocabulary.SEES`)."""
        return [name for name in self.frameworks if vocabulary.FRAMEWORKS[name].sees in sees]

    def table(self, net_returns: pd.DataFrame, traded: pd.Series) -> pd.DataFrame:
        """`metrics.performance_table` of net returns and turnover by strategy, without the benchmark."""
        daily = net_returns.join(self.benchmark_returns.rename(BENCHMARK))
        table = metrics.performance_table(daily, traded, periods_per_year=self.periods_per_year,
                                          risk_free_rate=self.risk_free_rate)
        return table[table["strategy"] != BENCHMARK]


@dataclass(frozen=True)
class Forecast:
    """
    A model's forecasts as mean-variance reads them, decision days x assets.

    `made` is what it takes for the expected return, `usual` the mean of the next-day forecasts whose targets are the last
    `residual_window` days. With the mean return m of these days the forecast with its mean error is made + (m - usual);
    if too few of these days have a forecast, no error is added.
    """

    made: np.ndarray
    usual: np.ndarray

    def mu(self, momentum: np.ndarray, *, residual: bool) -> np.ndarray:
        """Expected returns, with or without the mean error; `momentum` is m."""
        return self.made + (np.nan_to_num(momentum - self.usual) if residual else 0.0)

    def shuffled(self, rng: np.random.Generator) -> "Forecast":
        """The same forecasts for other assets: one permutation of the assets, the same on all days."""
        own = np.flatnonzero(np.isfinite(self.made).any(axis=0))
        others = np.arange(self.made.shape[1])
        others[own] = rng.permutation(own)
        return Forecast(self.made[:, others], self.usual[:, others])


def _momentum(run: Run, dates: pd.DatetimeIndex) -> np.ndarray:
    """Mean return of the last `residual_window` days, dates x assets."""
    return run.returns.rolling(run.terms.residual_window).mean().reindex(dates).to_numpy()


def _forecast(run: Run, of_model: pd.DataFrame, dates: pd.DatetimeIndex) -> Forecast:
    """A model's forecasts on some dates; if only the next day is forecast, it is used for the coming month."""
    next_day, days = of_model[of_model["horizon"] == 1], run.terms.residual_window
    known = next_day[next_day["decision_date"].isin(dates)].pivot(index="decision_date", columns="asset", values="forecast")
    made = known
    if run.terms.mu_horizon == "month":
        at_dates = of_model[of_model["decision_date"].isin(dates)]
        made = at_dates.groupby(["decision_date", "asset"])["forecast"].mean().unstack().where(known.notna())
    due = next_day.pivot(index="target_date", columns="asset", values="forecast").reindex_like(run.returns)
    error = (run.returns - due).rolling(days, min_periods=-(-days // 2)).mean()  # as in `decisions.expected_returns`
    usual = run.returns.rolling(days).mean() - error
    return Forecast(*(frame.reindex(index=dates, columns=run.returns.columns).to_numpy() for frame in (made, usual)))


def _coming(run: Run) -> Forecast:
    """Perfect foresight: the mean daily return until the next rebalance; its past errors are zero."""
    bounds = [*run.returns.index.searchsorted(run.dates, side="right"), len(run.returns)]
    values = run.returns.to_numpy()
    made = np.array([values[first:last].mean(axis=0) for first, last in zip(bounds, bounds[1:])])
    return Forecast(made, made)


def decided(run: Run, dates: pd.DatetimeIndex, asked: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """
    Weights of frameworks at some dates, each from many expected returns at once, as `decisions.decide` has them.

    Parameters
    ----------
    asked : dict
        By framework, expected returns per day (n_sources, n_dates, n_assets); assets without a finite value are not
        bought. None for a framework that uses actual returns only, and for `equal_weight`.

    Returns
    -------
    dict
        By framework, weights (n_sources, n_dates, n_assets).
    """
    made = {name: np.zeros((1, len(dates), run.returns.shape[1]) if mus is None else mus.shape) for name, mus in asked.items()}
    reasons = kept_out(run.returns, run.traded, dates=dates, stale_days=run.terms.stale_days)
    ends = [*dates[1:], run.returns.index[-1]]
    for row, date in enumerate(dates):
        why, seen = reasons.loc[date], {}  # seen: by what a framework looks at and which assets
        suspended = row > 0 and bool((why == NOT_TRADED).any())
        for framework, mus in asked.items():
            before, now = made[framework][:, row - 1], made[framework][:, row]
            given = np.zeros((1, len(why))) if mus is None else mus[:, row]
            bound = row > 0 and _counts_held(run, framework)
            for own, sources in _alike((why == "").to_numpy() & np.isfinite(given)):
                if not own.any() or framework == EQUAL_WEIGHT:
                    now[sources] = (why == "") / (why == "").sum()
                elif not bound:
                    now[np.ix_(sources, own)] = _solved(run, framework, date, given[sources][:, own], own, seen, _limits(
                        run, framework, own))
                for source in sources if bound or suspended else ():
                    held = drifted(dates[row - 1], pd.Series(before[source], why.index), run.returns.loc[:date])
                    fixed = frozen(held, why)
                    if bound and own.any():
                        limits = _limits(run, framework, own, days=len(run.returns.loc[date:ends[row]]) - 1)
                        limits = limits if held is None else limits_of_rest(limits, held, fixed)
                        now[source, own] = _solved(run, framework, date, given[[source]][:, own], own, seen, limits)[0]
                    bought = pd.Series(now[source], why.index)[why == ""]
                    now[source] = around(bought, held, fixed).reindex(why.index, fill_value=0.0)
    return made


def _alike(buyable: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which assets sources can buy, and the sources that can buy these."""
    patterns, group = np.unique(buyable, axis=0, return_inverse=True)
    return [(own, np.flatnonzero(group.ravel() == number)) for number, own in enumerate(patterns)]


def _counts_held(run: Run, framework: str) -> bool:
    """Whether a framework's weights depend on what is held before."""
    known = vocabulary.FRAMEWORKS.get(framework)
    return known is not None and (known.limits and run.terms.limits.max_turnover < 1 or
                                  run.terms.cost_aware and known.sees == "mean")


def _limits(run: Run, framework: str, own: np.ndarray, *, days: int = 0) -> Limits:
    """What binds a framework's weights of its own assets, and what a trade costs a day where it counts that."""
    known = vocabulary.FRAMEWORKS[framework]
    limits = run.terms.limits.fitting(own.sum())[0] if known.limits else NONE
    counts = days and run.terms.cost_aware and known.sees == "mean"
    return replace(limits, daily_cost=run.terms.cost_bps / 10_000 / days) if counts else limits


def _solved(run: Run, framework: str, date: pd.Timestamp, mus: np.ndarray, own: np.ndarray, seen: dict,
            limits: Limits) -> np.ndarray:
    """Weights for each row of expected returns, all at once where the framework can; without limits on trades."""
    sees, terms, returns = vocabulary.FRAMEWORKS[framework].sees, run.terms, run.returns.loc[:, own]
    read = "mean" if sees in BY_MEAN else sees, own.tobytes()
    if read not in seen:
        seen[read] = (terms.covariance(terms.window(returns, date)),) if sees in BY_MEAN else SEEN[sees](
            None, returns, date, terms)[0]
    known = seen[read]
    if sees not in BY_MEAN:
        return np.array([solution(framework, known, run.terms, limits).weights.to_numpy()])
    given = pd.DataFrame(mus, columns=run.returns.columns[own])
    if framework in registry.MANY and limits.held is None:
        try:
            return registry.MANY[framework](given, *known, run.terms, limits).to_numpy()
        except OptimizationError:
            pass  # of one of them: then one by one
    return np.array([solution(framework, (mu, *known), run.terms, limits).weights.to_numpy() for _, mu in given.iterrows()])


def earned(weights: np.ndarray, dates: pd.DatetimeIndex, returns: pd.DataFrame, *, cost_rate: float,
           daily_borrow: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """
    Net returns (n_days, n_sources) and mean turnover (n_sources,) of many weights at once, as in `backtest.backtest`.

    `weights` is (n_sources, n_dates, n_assets). A strategy that loses all earns -1 that day and 0 from then on.

    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> returns = pd.DataFrame({"A": [0.0, 1.0, 0.0], "B": 0.0}, index=days)
    >>> earned(np.full((1, 2, 2), 0.5), days[:2], returns, cost_rate=0.01)[0].round(4).ravel().tolist()
    [0.485, -0.0033]
    """
    bounds = [*returns.index.searchsorted(dates, side="right"), len(returns)]
    values, solvent = returns.to_numpy(), np.ones(len(weights), dtype=bool)
    before, daily, turnovers = np.zeros(weights[:, 0].shape), [], []
    for row, (first, last) in enumerate(zip(bounds, bounds[1:])):
        traded = np.abs(weights[:, row] - before).sum(axis=1)
        turnovers.append(np.where(solvent, traded / 2, np.nan))
        growth, short = np.cumprod(1 + values[first:last], axis=0), np.minimum(weights[:, row], 0)
        worth = growth @ weights[:, row].T
        with np.errstate(divide="ignore", invalid="ignore"):
            gross = worth / np.vstack([np.ones(len(weights)), worth[:-1]]) - 1
            gross += daily_borrow * np.vstack([short.sum(axis=1), (growth @ short.T / worth)[:-1]])
            before = weights[:, row] * growth[-1] / worth[-1][:, None]
        alive = np.logical_and.accumulate((worth > 0) & (gross > -1), axis=0) & solvent & (cost_rate * traded < 1)
        gross[0] = (1 + gross[0]) * (1 - cost_rate * traded) - 1
        ruin = np.vstack([solvent, alive[:-1]]) & ~alive  # the day of it
        daily.append(np.where(alive, gross, np.where(ruin, -1.0, 0.0)))
        solvent = alive[-1]
    later = np.isfinite(turnovers[1:]).reshape(-1, len(weights)).sum(axis=0)
    mean = np.nansum(np.reshape(turnovers[1:], (-1, len(weights))), axis=0) / np.maximum(later, 1)
    return np.concatenate(daily), np.where(later > 0, mean, np.nan)


def _totals(run: Run, weights: np.ndarray) -> np.ndarray:
    """The total return of each of many weights at the run's rebalances."""
    return (1 + earned(weights, run.dates, run.returns, **run.costs)[0]).prod(axis=0) - 1


def attribution(run: Run, net_returns: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """
    What each framework earned with each model's forecasts, and what it would have earned with other forecasts.

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_strategies)
        The run's net returns, for portfolios that need not be decided again.
    seed : int
        Of the shuffles.

    Returns
    -------
    DataFrame
        Columns framework, forecast, residual, total_return, n_shuffles, low, high, median, p_value, holm_p, answer.
        Equal weight comes first, as framework `equal_weight`. A framework that reads forecasts has a row for `zero`,
        `mean`, each model and `perfect foresight`; one that adds the mean recent error (`vocabulary.SEES` mean) has
        each without it too (residual False). For models other than zero and means, the row also has the results of
        shuffled forecasts: the middle 95 % (low, high), the median, and the share, including the model itself, that
        earned at least as much (p_value). For strategies of the run, holm_p corrects it for their number, and `answer`
        is `vocabulary.SHOWN` if it is below 5 %: it mattered which asset a forecast was for.

    Notes
    -----
    A shuffle gives each asset the forecasts of another asset. One permutation is used for the whole test period, so the
    size and persistence of forecasts do not change. The mean error is that of the shuffled forecasts. Frameworks that
    see days of returns (RPP, MDP) are not shuffled: forecasts hardly move their weights. Perfect foresight knows the
    mean return of each asset until the next rebalance.
    """
    totals = metrics.total_return(net_returns)
    rows = [(EQUAL_WEIGHT, "", False, totals[EQUAL_WEIGHT], *_beside(totals[EQUAL_WEIGHT], np.array([])))]
    learned = [model for model in run.models if model not in SIMPLE]
    sources = {model: _forecast(run, average_over_seeds(run.forecasts, model=model), run.dates) for model in run.models}
    expanding = run.returns.expanding().mean()
    never = np.zeros((len(run.dates), run.returns.shape[1]))
    past = {ZERO: Forecast(never, never), "mean": Forecast(
        expanding.loc[run.dates].to_numpy(),
        expanding.shift().rolling(run.terms.residual_window).mean().loc[run.dates].to_numpy())}
    momentum = _momentum(run, run.dates)
    for framework in run.reading(*BY_MEAN):
        n = _n_shuffles(run, framework, len(learned))
        for residual in (True, False)[vocabulary.FRAMEWORKS[framework].sees != "mean":]:
            rng = np.random.default_rng(seed)  # the same permutations with the residual and without
            given = past | sources | ({} if residual else {PERFECT: _coming(run)})
            mixed = [given[model].shuffled(rng) for model in learned for _ in range(n)]
            mus = np.array([one.mu(momentum, residual=residual) for one in (*given.values(), *mixed)])
            made = _totals(run, decided(run, run.dates, {framework: mus})[framework])
            beside = dict(zip(learned, made[len(given):].reshape(len(learned), n)))
            rows += [(framework, name, residual, total, *_beside(total, beside.get(name, made[:0])))
                     for name, total in zip(given, made)]
    rows += [(*row, *_beside(row[-1], np.array([]))) for row in _by_path(run, totals)]
    table = pd.DataFrame(rows, columns=["framework", "forecast", "residual", "total_return", "n_shuffles", "low", "high",
                                        "median", "p_value"])
    by_residual = table["framework"].isin(run.reading("mean"))
    table["holm_p"] = holm(table["p_value"].where(~by_residual | (table["residual"] == run.terms.use_residual)))
    shown = (table["holm_p"] < LEVEL).map({True: vocabulary.SHOWN, False: vocabulary.NOT_SHOWN})
    return table.assign(answer=shown.where(table["holm_p"].notna(), ""))


def _n_shuffles(run: Run, framework: str, n_models: int) -> int:
    """How many shuffles: fewer where each is many solves."""
    return SHUFFLES if framework in registry.MANY else min(SHUFFLES, SOLVES // max(len(run.dates) * n_models, 1))


def _beside(total: float, shuffled: np.ndarray) -> tuple[int, float, float, float, float]:
    """Number, middle 95 % and median of the shuffles' returns, and the share that earned at least `total`."""
    if not len(shuffled):
        return 0, *[np.nan] * 4
    low, median, high = np.quantile(shuffled, [0.025, 0.5, 0.975])
    return len(shuffled), low, high, median, (1 + (shuffled >= total).sum()) / (1 + len(shuffled))


def _by_path(run: Run, totals: pd.Series) -> list[tuple]:
    """Rows of frameworks that read forecasts in another way: decided from zero and perfect forecasts, else as the run has it."""
    others = [name for name in run.frameworks if vocabulary.reads_forecasts(name, run.terms.scenarios)
              and name not in run.reading(*BY_MEAN)]
    if not others:
        return []
    schedule = run.forecasts[["decision_date", "target_date", "horizon"]].drop_duplicates().reset_index(drop=True)
    perfect = forecast_frame(schedule, run.returns.loc[schedule["target_date"]], model=PERFECT)
    made = pd.concat([zero(run.returns, schedule), perfect])
    weights, _ = decide(run.returns, made, run.traded, rebalance_dates=run.dates, frameworks=others,
                        terms=replace(run.terms, mu_horizon="month"))
    decided = metrics.total_return(backtest(weights, run.returns, **run.costs).net_returns)
    rows = []
    for framework in others:
        for model in (ZERO, *(model for model in run.models if model != ZERO), PERFECT):
            name = vocabulary.strategy_name([model], framework)
            rows.append((framework, model, False, decided[name] if name in decided else
                         totals.get(vocabulary.line(name, totals.index), np.nan)))
    return rows


def steps(attributed: pd.DataFrame, framework: str, *, use_residual: bool) -> pd.DataFrame:
    """
    From equal weight to each model's strategy of a framework, one change at a time.

    Returns
    -------
    DataFrame
        Columns step, before, total_return. `optimizer` is the framework fed with zero forecasts, or, where that has no
        solution of its own (it reads the forecast as it is), with the historical mean; `momentum` adds the mean return of
        the last days (the residual of a zero forecast); each model's step starts from there.
    """
    rows = attributed[attributed["framework"] == framework].set_index(["forecast", "residual"])["total_return"]
    sees = vocabulary.FRAMEWORKS[framework].sees
    start = attributed.loc[attributed["framework"] == EQUAL_WEIGHT, "total_return"].item()
    found, level = [(EQUAL_WEIGHT, 0.0, start)], start
    chain = [("optimizer", "mean" if sees == "forecast" else ZERO, False)]
    residual = use_residual and sees == "mean"
    chain += [("momentum", ZERO, True)] if residual else []
    for step, forecast, own in chain:
        found.append((step, level, rows[forecast, own]))
        level = rows[forecast, own]
    models = [name for name, own in rows.index if own == residual and name not in (*SIMPLE, PERFECT)]
    found += [(model, level, rows[model, residual]) for model in models]
    return pd.DataFrame(found, columns=["step", "before", "total_return"])


def shifted_dates(run: Run, by: int) -> pd.DatetimeIndex:
    """
    The rebalance dates, each except the first moved by `offset` trading days; dates beyond the data are left out.

    The first purchase stays where it is, so that all strategies live on the same days: after it the shifted
    dates follow, that of the first one among them.
    """
    if not by:
        return run.dates
    opened = run.returns.index[open_days(run.traded).reindex(run.returns.index, fill_value=True).to_numpy()]
    at = opened.searchsorted(run.dates, side="right") - 1 + by
    moved = opened[at[at < len(opened)]]
    return run.dates[:1].append(moved[(moved < run.returns.index[-1]) & (moved > run.dates[0])])


def offsets(run: Run) -> pd.DataFrame:
    """
    Performance of the strategies if each rebalance is some trading days later, without new training.

    Returns
    -------
    DataFrame
        Column offset (0 is the run's own calendar, up to a month less a day), n_rebalances, then the columns of
        `metrics.performance_table`, a row per strategy. Offsets that leave no rebalance after the first purchase are
        left out.

    Notes
    -----
    Longer horizons are forecast on the run's own dates alone; elsewhere the next day's forecast is held for the month.
    So frameworks that see days of returns (RPP, MDP and others) are decided from actual returns alone, as with
    `scenarios: history`, and appear under their own name. Frameworks that see the path itself (MDP) are decided on
    every third offset only, because each solution takes long. Frameworks that weigh a forecast by its errors, shift
    days to it, or were learned, are left out (`left_out`).
    """
    models, found = {model: average_over_seeds(run.forecasts, model=model) for model in run.models}, []
    by_mean = run.reading(*BY_MEAN)
    for by in range(held_days(run.periods_per_year)):
        dates = shifted_dates(run, by)
        if by and len(dates) < 2:
            continue
        alone = run.reading(*ALONE[bool(by % SPARSE):])
        momentum, asked = _momentum(run, dates), dict.fromkeys([EQUAL_WEIGHT, *alone])
        made = [_forecast(run, of_model, dates) for of_model in models.values()] if by_mean else []
        for framework in by_mean:
            residual = run.terms.use_residual and vocabulary.FRAMEWORKS[framework].sees == "mean"
            asked[framework] = np.array([one.mu(momentum, residual=residual) for one in made])
        weights = decided(run, dates, asked)
        names = [vocabulary.strategy_name([] if mus is None else [model], framework)
                 for framework, mus in asked.items() for model in ([""] if mus is None else models)]
        daily, traded = earned(np.concatenate(list(weights.values())), dates, run.returns, **run.costs)
        days = run.returns.index[-len(daily):].rename("date")
        table = run.table(pd.DataFrame(daily, days, names), pd.Series(traded, names))
        found.append(table.assign(offset=by, n_rebalances=len(dates)))
    joined = pd.concat(found, ignore_index=True)
    return joined[["offset", "n_rebalances", *joined.columns.drop(["offset", "n_rebalances"])]]


def left_out(run: Run) -> list[str]:
    """Frameworks that `offsets` does not decide again."""
    return run.reading("view", "shifted", "learned")


def by_seed(run: Run) -> pd.DataFrame:
    """
    What each single training of the networks would have decided and earned.

    Returns
    -------
    DataFrame
        Column seed, then those of `metrics.performance_table`, of networks' strategies alone; no rows where networks were
        trained once.
    """
    n_trained = run.forecasts.groupby("model")["seed"].nunique()
    often = run.forecasts[run.forecasts["model"].isin(n_trained.index[n_trained > 1])]
    reading = [name for name in run.frameworks if vocabulary.reads_forecasts(name, run.terms.scenarios)]
    tables = []
    for seed, of_seed in often.groupby("seed") if reading else ():
        weights, _ = decide(run.returns, of_seed, run.traded, rebalance_dates=run.dates, frameworks=reading, terms=run.terms)
        result = backtest(weights[weights["strategy"] != EQUAL_WEIGHT], run.returns, **run.costs)
        table = run.table(result.net_returns, turnover(result.trades))
        tables.append(table.assign(seed=seed)[["seed", *table.columns]])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["seed", "strategy", *metrics.COLUMNS])


def rivals(performance: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs whose rank matters: each strategy against equal weight, and against its twin with the mean as forecast.

    >>> rivals(pd.DataFrame({"strategy": ["mean+mvf", "lstm+mvf", "equal_weight", "benchmark"]}))
    [('mean+mvf', 'equal_weight'), ('lstm+mvf', 'equal_weight'), ('lstm+mvf', 'mean+mvf')]
    """
    names = [name for name in performance["strategy"] if name not in (EQUAL_WEIGHT, BENCHMARK)]
    pairs = []
    for name in names:
        models, framework = vocabulary.parts(name)
        twin = vocabulary.line(vocabulary.strategy_name(["mean"], framework), names)
        pairs.append((name, EQUAL_WEIGHT))
        if models and "mean" not in models and twin in names:
            pairs.append((name, twin))
    return pairs


def claimed(performance: pd.DataFrame, draws: dict[str, pd.DataFrame], pairs: Sequence[tuple[str, str]], *,
            metric: str = "total_return") -> pd.DataFrame:
    """
    Which of two strategies ranks above the other: the one that does so in every draw.

    Parameters
    ----------
    performance : DataFrame
        Of the run.
    draws : dict of DataFrame
        Tables such as `offsets` and `by_seed` give, the number of the draw first. A strategy stands under its own name or
        that of its framework; one that a table does not have is as in the run.

    Returns
    -------
    DataFrame
        Columns strategy, rival, difference (of the run, positive where the strategy is better), for each of `draws`
        with two draws or more its lowest and highest difference (`offset_low`, `offset_high`), and claimed. Without
        such draws nothing is claimed. A strategy that lost all wealth ranks below all others, and differences from it
        are missing.

    >>> run = pd.DataFrame({"strategy": ["A", "B"], "total_return": [3.0, 1.0]})
    >>> moved = pd.DataFrame({"offset": [0, 0, 1, 1], "strategy": ["A", "B"] * 2, "total_return": [3.0, 1.0, 2.0, 1.5]})
    >>> claimed(run, {"offset": moved}, [("A", "B")]).to_numpy().tolist()
    [['A', 'B', 2.0, 0.5, 2.0, True]]
    """
    own = _ranked(performance, metric)
    known = {name: draw for name, draw in draws.items() if len(draw) and draw[draw.columns[0]].nunique() > 1}
    values = {name: pd.DataFrame({number: _ranked(rows, metric) for number, rows in draw.groupby(draw.columns[0])}).T
              for name, draw in known.items()}
    rows = []
    for first, second in pairs:
        differences = {name: (_of(first, wide, own) - _of(second, wide, own)).dropna() for name, wide in values.items()}
        with np.errstate(invalid="ignore"):  # two that lost all wealth have no difference
            here = own.get(first, np.nan) - own.get(second, np.nan)
        ends = [end for found in differences.values() for end in (found.min(), found.max())]
        same = [len(found) > 1 and (np.sign(here) * found > metrics.SAME).all() for found in differences.values()]
        told = [end if np.isfinite(end) else np.nan for end in (here, *ends)]
        rows.append((first, second, *told, bool(same) and all(same)))
    sides = [f"{name}_{side}" for name in values for side in ("low", "high")]
    return pd.DataFrame(rows, columns=["strategy", "rival", "difference", *sides, "claimed"])


def _ranked(table: pd.DataFrame, metric: str) -> pd.Series:
    """A metric by strategy, higher the better, lowest of all for who lost all wealth."""
    sign = -1 if vocabulary.lower_is_better(metric) else 1
    return (sign * table[metric]).mask(metrics.ruined(table), -np.inf).set_axis(table["strategy"])


def _of(name: str, wide: pd.DataFrame, own: pd.Series) -> pd.Series:
    """A strategy's draws, or its value in the run for each of them."""
    line = vocabulary.line(name, wide.columns)
    return wide[line] if line in wide else pd.Series(own.get(name, np.nan), wide.index)


def leaked(returns: pd.DataFrame, traded: pd.DataFrame, benchmark_returns: pd.Series, *, study: Study, honest: pd.DataFrame,
           net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    What deliberate mistakes bought: returns with a leak, compared with honest ones on the same days.

    Parameters
    ----------
    returns, traded : DataFrame (n_days, n_assets)
        Of all assets that an honest study holds.
    honest : DataFrame
        Forecasts without the study's leak; without rows where it has none.
    net_returns : DataFrame (n_days, n_strategies)
        What the study's strategies earned, with its leak.

    Returns
    -------
    DataFrame
        Columns leak, strategy, residual, n_assets (that may be held), honest_return, total_return, bought (their
        difference), honest_ratio, ratio (monthly information ratios). Of a study with a leak a row per strategy. Of an
        honest one a row for each leak that takes no training, as it would be for `equal_weight`, where the leak is in the
        universe, and for `mean+mvf`; a leak that leaves fewer than two assets has no row.

    Notes
    -----
    `residual` says whether the mean recent error is added to forecasts, as the study says. With `full_sample_mean` it
    never is, because a constant forecast plus its mean error is momentum, whatever its value. Learned weights (`dls`)
    are not learned again, and have no row.
    """
    dates = rebalance_dates(returns.index, validation_end=study.validation_end, traded=traded)
    cost_rate = study.cost_bps / 10_000
    if study.leak != "none":
        frameworks = [name for name in study.frameworks if vocabulary.FRAMEWORKS[name].sees != "learned"]
        weights, _ = decide(returns, for_portfolios(honest, study.portfolio_models), traded, rebalance_dates=dates,
                            frameworks=frameworks, terms=Terms.of(study))
        earned_honestly = backtest(weights, returns, cost_rate=cost_rate).net_returns
        held = leaks.held(returns, traded, leak=study.leak, validation_end=study.validation_end)[0]
        names = {name: vocabulary.line(name, net_returns.columns) for name in earned_honestly}
        rows = [(study.leak, name, study.use_residual, held.shape[1], earned_honestly[name], net_returns[line])
                for name, line in names.items() if line in net_returns]
        return _beside_honest(rows, benchmark_returns)
    made = {residual: _by_mean(returns, traded, dates, study, "none", residual)[1] for residual in (study.use_residual, False)}
    rows = []
    for leak, known in vocabulary.LEAKS.items():
        if leak == "none" or known.trains:
            continue
        residual = study.use_residual and leak != "full_sample_mean"
        try:
            n_assets, earned_by_it = _by_mean(returns, traded, dates, study, leak, residual)
        except ValueError:  # it leaves fewer than two assets
            continue
        rows += [(leak, name, residual, n_assets, made[residual][name], earned_by_it[name]) for name in earned_by_it
                 if name != EQUAL_WEIGHT or leak in leaks.CHOSEN]
    return _beside_honest(rows, benchmark_returns)


def _by_mean(returns: pd.DataFrame, traded: pd.DataFrame, dates: pd.DatetimeIndex, study: Study, leak: str,
             residual: bool) -> tuple[int, pd.DataFrame]:
    """How many assets may be held under a leak, and net returns of equal weight and of the historical mean's MVF."""
    asked = study.model_copy(update={"leak": leak, "models": ["zero", "mean"], "use_residual": residual})
    held, own = leaks.held(returns, traded, leak=leak, validation_end=study.validation_end)
    made = forecast_registry.forecasts(returns, study=asked, traded=traded).forecasts
    weights, _ = decide(leaks.seen(held, leak=leak), made[made["model"] == "mean"], own, rebalance_dates=dates,
                        frameworks=("mvf",), terms=Terms.of(asked))
    return held.shape[1], backtest(weights, returns, cost_rate=study.cost_bps / 10_000).net_returns


def _beside_honest(rows: list[tuple], benchmark_returns: pd.Series) -> pd.DataFrame:
    """The table of `leaked`, by leak, strategy, residual, number of assets, honest net returns and those with the leak."""
    told = []
    for *named, honest, with_leak in rows:
        both = pd.DataFrame({"honest": honest, "leak": with_leak})
        totals = metrics.total_return(both)
        ratios = metrics.information_ratio(metrics.monthly_excess(both.join(benchmark_returns.rename(BENCHMARK))))
        told.append((*named, totals["honest"], totals["leak"], totals["leak"] - totals["honest"], *ratios))
    return pd.DataFrame(told, columns=["leak", "strategy", "residual", "n_assets", "honest_return", "total_return", "bought",
                                       "honest_ratio", "ratio"])
