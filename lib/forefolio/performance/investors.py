"""Strategies for different investors: what each was meant for, what it promised, and what it delivered.

Nguyen 2025 gives each framework to one kind of investor (the `profile` of `vocabulary.FRAMEWORKS`): mean-variance with
forecasting to the return-seeking, risk parity to the moderate, maximum drawdown to the conservative. Here a run's
numbers decide which strategy served which investor; `report.sentences` describes the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.performance import metrics
from forefolio.performance.evidence import monthly_tests
from forefolio.portfolios.problems import estimation_sample
from forefolio.study.vocabulary import (BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, METRICS, PLAIN, lower_is_better,
                                        noun)

MEASURES = ("annual_return", "annual_volatility", "max_drawdown", "turnover", "effective_holdings", "sharpe")
WISHES = {  # the wish of each investor, and the framework meant for it (Nguyen 2025)
    "annual_return": ("mvf", ("annual_volatility", "max_drawdown", "turnover")),
    "sharpe": ("rpp", ("annual_return", "annual_volatility", "turnover")),
    "max_drawdown": ("mdp", ("annual_return", "annual_volatility", "turnover")),
    "turnover": ("", ("annual_return", "annual_volatility", "max_drawdown")),
}
CLOSE = {"sharpe": 0.1, "max_drawdown": 0.01}  # leads below these are small


@dataclass(frozen=True)
class Served:
    """The strategy that served one wish best, and what the others reached; missing values are NaN."""

    measure: str  # the wish, a name of `WISHES`
    best: pd.DataFrame  # outcomes of the best strategies, index strategy: all printed alike, who trades least first
    chosen: float  # what the best strategy of the framework that is meant for this investor reached
    equal_weight: float
    index: float  # what the benchmark reached, which cannot win
    p_values: dict[str, float] = field(default_factory=dict)  # of the return wish: of the winner's excess, by rival
    runner_up: str = ""  # the next strategy, if it is close: by less than `CLOSE`
    index_ahead: bool = False  # whether the index did better; asked for the wishes of `CLOSE`
    ruined: list[str] = field(default_factory=list)  # strategies that cannot win: they lost all their wealth
    riskless: list[str] = field(default_factory=list)  # those like cash: they win no ratio, or won another wish


def with_profile(table: pd.DataFrame) -> pd.DataFrame:
    """
    Any table with a column `strategy`, and after it `profile`: the investor that each strategy is meant for.

    That is `return-seeking`, `moderate` or `conservative` by the framework as in Nguyen 2025, `long-short` for tangency
    portfolios, and `reference` for everything without a framework (equal weight, the benchmark).

    >>> with_profile(pd.DataFrame({"strategy": ["lstm+mvf", "lstm+tangency", "equal_weight"]}))["profile"].tolist()
    ['return-seeking', 'long-short', 'reference']
    """
    frameworks = table["strategy"].str.rpartition("+")[2]
    profiles = frameworks.map({name: framework.profile for name, framework in FRAMEWORKS.items()}).fillna("reference")
    result = table.drop(columns="profile", errors="ignore")
    result.insert(result.columns.get_loc("strategy") + 1, "profile", profiles)
    return result


def outcome(performance: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """
    What each strategy delivered, and the investor it is meant for; rows as in `performance`.

    Columns strategy, profile, annual_return, annual_volatility, max_drawdown (0 or below), turnover (one-way, a
    rebalance), effective_holdings (mean over the rebalances; missing for the benchmark), sharpe (a year).
    """
    table = performance.assign(effective_holdings=performance["strategy"].map(metrics.mean_holdings(weights)))
    return with_profile(table[["strategy", *MEASURES]])


def promised(weights: pd.DataFrame, returns: pd.DataFrame, *, estimation_window: int,
             periods_per_year: int) -> pd.DataFrame:
    """
    What each strategy's weights would have earned in the window that chose them, mean over the rebalance dates.

    Columns strategy, annual_return (compounded) and annual_volatility of the window's daily returns, weights held
    constant, max_drawdown (compounded, 0 or below), effective_holdings. There is no turnover: constant weights promise
    none. A window that is longer than the data before a date is a ValueError.

    Notes
    -----
    These numbers are in sample: the weights were chosen to look good in this window. They are what an investor saw at
    the decision. Compare them with later returns, and never read them as a result. They include no costs. After a day
    that loses everything, wealth stays zero.

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
        windows.append(pd.DataFrame({
            "annual_return": metrics.annual_return(daily, periods_per_year=periods_per_year),
            "annual_volatility": metrics.annual_volatility(daily, periods_per_year=periods_per_year),
            "max_drawdown": metrics.max_drawdown(daily)}))
    table = pd.concat(windows).groupby("strategy").mean().assign(effective_holdings=metrics.mean_holdings(weights))
    return table.loc[weights["strategy"].unique()].rename_axis("strategy").reset_index()


def kept(promised: pd.DataFrame, outcomes: pd.DataFrame, net_returns: pd.DataFrame, *, dates: Sequence[Date],
         estimation_window: int) -> pd.DataFrame:
    """
    What each strategy's weights did in the window that chose them, compared with what followed.

    `dates` are those of the decisions, `estimation_window` is the number of days that each of them looked back on.

    Returns
    -------
    DataFrame
        Columns strategy, then `return promised`, `return got` and the same for volatility and drawdown (0 or below),
        and `kept`: which of the three were at least as good as promised, to a tenth of a percent: their names, `all` or
        `none`. A row per promised strategy, in that order.

    Notes
    -----
    Return and volatility are those of the test period, a year. A longer period has deeper drawdowns, so `drawdown got`
    is of windows as long as the promise's: the mean over the decisions of the deepest drawdown in the
    `estimation_window` days after each. A decision that fewer days follow does not count; where none has so many, the
    drawdown is missing, and is not kept.
    """
    said, got = promised.set_index("strategy"), outcomes.set_index("strategy").loc[promised["strategy"]]
    ruined, starts = metrics.ruined(got), net_returns.index.searchsorted(pd.DatetimeIndex(dates), side="right")
    after = [metrics.max_drawdown(net_returns.iloc[start:start + estimation_window][got.index])
             for start in starts if start + estimation_window <= len(net_returns)]
    got = got.assign(max_drawdown=pd.concat(after, axis=1).mean(axis=1) if after else np.nan)
    table, good = {}, {}
    for measure in ("annual_return", "annual_volatility", "max_drawdown"):
        called, gain = noun(measure), got[measure].round(3) - said[measure].round(3)
        table |= {f"{called} promised": said[measure], f"{called} got": got[measure]}
        good[called] = (-gain if lower_is_better(measure) else gain) > -1e-9
    good = pd.DataFrame(good).mul(~ruined, axis=0)  # a bankrupt strategy keeps no promise: it only stands still
    words = good.apply(lambda row: "all" if row.all() else ", ".join(row.index[row]) or "none", axis=1)
    return pd.DataFrame(table).assign(kept=words).rename_axis("strategy").reset_index()


def served(outcomes: pd.DataFrame, monthly_excess: pd.DataFrame) -> list[Served]:
    """
    Which strategy served each wish best: one `Served` per wish, in the order of `WISHES`.

    Notes
    -----
    The paper's moderate investor wants balance, for which it has no number; the Sharpe ratio is ours. Only returns are
    tested for luck: by one-sided signed-rank tests, each Holm-corrected over all strategies. All is chosen in
    hindsight. A strategy that lost all its wealth serves nobody and is in no test, and one that is like cash wins no ratio.
    Give it each near-copy once (`holdings.once`), so that the correction counts no test twice.
    """
    table = outcomes.set_index("strategy")
    tested = monthly_excess.drop(columns=table.index[metrics.ruined(table)], errors="ignore")
    return [_served(table, tested, measure) for measure in WISHES]


def _served(table: pd.DataFrame, monthly_excess: pd.DataFrame, measure: str) -> Served:
    """One wish."""
    lost, ratio = metrics.ruined(table), METRICS[measure].number == PLAIN
    cash = metrics.riskless(table) & ~lost
    calm = cash & ratio
    out = {name: list(table.index[which].drop(BENCHMARK, errors="ignore"))
           for name, which in (("ruined", lost), ("riskless", calm))}
    values = table.loc[~lost & ~calm & np.isfinite(table[measure]), measure]
    goodness = -values if lower_is_better(measure) else values
    candidates = goodness.drop(BENCHMARK, errors="ignore")
    its = candidates[candidates.index.str.endswith(f"+{WISHES[measure][0]}")]
    reached = (values[its.idxmax()] if len(its) else float("nan"), *values.reindex([EQUAL_WEIGHT, BENCHMARK]))
    if candidates.empty:
        return Served(measure, table.iloc[:0], *reached, **out)
    printed = values.map(lambda value: round(value, 2) if measure == "sharpe" else round(100 * value, 1))
    best = table.loc[candidates.index[printed[candidates.index] == printed[candidates.idxmax()]]]
    best = best.loc[best["turnover"].round(3).sort_values(kind="stable").index]
    out["riskless"] = out["riskless"] or list(best.index[cash[best.index]])
    if measure not in CLOSE:
        p_values = _p_values(monthly_excess, best.index[0]) if measure == "annual_return" else {}
        return Served(measure, best, *reached, p_values, **out)
    rivals = candidates.drop(best.index)
    close = len(rivals) and candidates.max() - rivals.max() < CLOSE[measure]
    return Served(measure, best, *reached, runner_up=rivals.idxmax() if close else "",
                  index_ahead=bool(goodness.get(BENCHMARK, candidates.max()) > candidates.max() + metrics.SAME), **out)


def _p_values(monthly_excess: pd.DataFrame, winner: str) -> dict[str, float]:
    """Holm-corrected p-values of a strategy's monthly excess over equal weight and over the index, by rival."""
    against = {"the index": monthly_excess}
    if EQUAL_WEIGHT in monthly_excess and winner != EQUAL_WEIGHT:
        over_equal = monthly_excess.drop(columns=EQUAL_WEIGHT).sub(monthly_excess[EQUAL_WEIGHT], axis=0)
        against = {"equal weight": over_equal} | against
    return {rival: float(monthly_tests(excess).set_index("strategy").loc[winner, "wilcoxon_p_holm"])
            for rival, excess in against.items()}
