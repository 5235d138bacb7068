"""Numbers to sentences: what a comparison shows, who was served best, whether networks forecast better, what a sweep found.

The sentences are built from the numbers alone, so that another params file or sweep cannot make them lie; notebooks
display them as Markdown.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.performance import luck
from forefolio.performance.evidence import LEVEL, RIVAL
from forefolio.performance.investors import WISHES, Served
from forefolio.performance.trials import SAME, SEED, Sweep, contenders, point_ranking, ranking, without_benchmark
from forefolio.study.vocabulary import (BENCHMARK, EQUAL_WEIGHT, FAILED, FRAMEWORKS, INEFFICIENT, METRICS, PLAIN, baselines,
                                        counted, listed, lower_is_better, noun, percent)

TINY = 0.01  # relative difference of mean squared errors that the text calls small
APART = 0.01  # of wealth: weights that differ by no more are one strategy under two names


# ------------------------------------------------------------------------------------------------- one run, compared
def mishaps(solver_log: pd.DataFrame, bankruptcies: pd.DataFrame) -> list[str]:
    """
    Where a strategy did not hold what its name promises, a paragraph each in Markdown; nothing where all did.

    Parameters
    ----------
    solver_log : DataFrame
        Columns date, strategy, status, note, as stage 05 writes them: on dates of status `failed` equal weight was held, on
        those of status `inefficient` the portfolio of the lowest ratio.
    bankruptcies : DataFrame
        As `backtest.Backtest` has them.

    Examples
    --------
    >>> log = pd.DataFrame({"strategy": ["lstm+mvf"] * 2, "status": ["failed", "optimal"],
    ...                     "note": ["equal weight instead: the solver stalled", ""]})
    >>> mishaps(log, pd.DataFrame(columns=["date", "strategy"]))
    ['Equal weight was held instead of `lstm+mvf` on 1 of 2 dates (the solver stalled).']
    """
    lowest, missed = (_dates(solver_log, status) for status in (INEFFICIENT, FAILED))
    told = []
    if lowest:
        dates = listed([f"`{strategy}` on {dates}" for strategy, (dates, _) in lowest.items()])
        told.append("The closed form gives the *lowest* ratio instead of the highest, and it was held all the same: "
                    f"{dates}.")
    if missed:
        dates = [f"of `{strategy}` on {dates} ({notes[0].removeprefix('equal weight instead: ')}"
                 f"{', the first time' * (len(notes) > 1)})" for strategy, (dates, notes) in missed.items()]
        told.append(f"Equal weight was held instead {listed(dates)}.")
    return told + [f"The strategy `{strategy}` loses all its wealth on {date:%Y-%m-%d} and earns nothing more: limit its "
                   "shorts and what its trades cost."
                   for date, strategy in bankruptcies[["date", "strategy"]].itertuples(index=False)]


def _dates(solver_log: pd.DataFrame, status: str) -> dict[str, tuple[str, list[str]]]:
    """Strategies that a status befell: on how many of their dates, and the different notes, the first first."""
    rows = solver_log[solver_log["status"] == status]
    sizes = solver_log["strategy"].value_counts()
    return {strategy: (f"{len(its)} of {counted(sizes[strategy], 'date')}", list(its["note"].unique()))
            for strategy, its in rows.groupby("strategy", sort=False)}


def conclusion(performance: pd.DataFrame, tests: pd.DataFrame, *, twins: pd.DataFrame) -> str:
    """
    What the comparison of strategies shows, and what it cannot show.

    Parameters
    ----------
    performance : DataFrame
        As `metrics.performance_table` gives it.
    tests : DataFrame
        As `evidence.monthly_tests` gives it for the distinct strategies alone: near-copies repeat one test, and a
        correction that counts them asks too much.
    twins : DataFrame
        As `evidence.against_twins` gives it; possibly without rows.

    Returns
    -------
    str
        Markdown of a few short paragraphs: the best strategy by total return and by information ratio against equal
        weight and the benchmark, whether the networks made the difference, significance at 5 percent raw and after
        Holm, what so many months cannot tell.
    """
    table = performance.set_index("strategy")
    strategies = table.drop(index=BENCHMARK, errors="ignore")
    n_months = int(tests["n_months"].max())
    return "\n\n".join([_best_by_return(table, strategies), _best_by_ratio(strategies, n_months), _difference(twins),
                        _significance(tests, len(strategies)), _limits(strategies, n_months)])


def _best_by_return(table: pd.DataFrame, strategies: pd.DataFrame) -> str:
    totals = table["total_return"]
    best = strategies["total_return"].idxmax()
    rivals = totals[[name for name in (EQUAL_WEIGHT, BENCHMARK) if name in totals.index and name != best]]
    text = (f"**Total return.** {_ranked(best, len(strategies))} with {percent(totals[best])} over the test period"
            + _against(totals[best], rivals, percent) + ".")
    others = strategies["total_return"].drop(EQUAL_WEIGHT, errors="ignore")
    if EQUAL_WEIGHT not in strategies.index or others.empty:
        return text
    ahead = (others > totals[EQUAL_WEIGHT]).sum()
    text += (f" Of the {counted(len(others), 'strategy', 'strategies')} beside `{EQUAL_WEIGHT}`, {ahead or 'none'} ended "
             "ahead of it.")
    if BENCHMARK in totals.index and totals[EQUAL_WEIGHT] > totals[BENCHMARK]:
        lead = percent(totals[EQUAL_WEIGHT] - totals[BENCHMARK])
        text += (f" The lead of `{EQUAL_WEIGHT}` over `{BENCHMARK}`, {lead} of the initial wealth, is not "
                 "due to any forecast.")
    return text


def _best_by_ratio(strategies: pd.DataFrame, n_months: int) -> str:
    ratios = strategies["information_ratio"].dropna()
    if ratios.empty:
        return f"**Information ratio.** None can be computed from {counted(n_months, 'month')}."
    best = ratios.idxmax()
    rivals = ratios[[name for name in (EQUAL_WEIGHT,) if name in ratios.index and name != best]]
    mean = strategies.loc[best, "mean_monthly_excess"]
    side = "level with" if percent(abs(mean)) == percent(0) else (
        f"{percent(abs(mean))} {'above' if mean > 0 else 'below'}")
    return (f"**Information ratio.** {_ranked(best, len(strategies))} with {ratios[best]:.2f} a month"
            + _against(ratios[best], rivals, "{:.2f}".format) + f"; its mean month was {side} the benchmark's.")


def _difference(twins: pd.DataFrame) -> str:
    """What networks changed and earned, each against the same framework with a simple forecast."""
    opening = "**Did the networks make the difference?**"
    if twins.empty:
        return (f"{opening} This run cannot tell: no network's strategy has a twin in it, the same framework with a simple "
                "forecast.")
    apart, model = twins[twins["mean_distance"] > APART], twins["twin"].iloc[0].rpartition("+")[0]
    text = (f"{opening} {counted(len(twins), 'strategy', 'strategies')} of networks {'has' if len(twins) == 1 else 'have'} a "
            f"twin, the same framework fed with `{model}`; {len(apart) or 'none'} held, on average, more than "
            f"{percent(APART, 0)} of wealth elsewhere than the twin.")
    if apart.empty:
        return f"{text} So no: whatever was earned, these networks' forecasts hardly moved a weight."
    if len(twins) > len(apart):
        text += f" What the other {len(twins) - len(apart)} earned comes from the framework, not from the network."
    more = apart["mean_difference"] > 0
    sides = [_significant(apart[more], "earned more a month than the twin")]
    sides += [] if more.all() else [_significant(apart[~more], "did not")]
    n_tests = counted(int(twins["signed_rank_p"].notna().sum()), "test")
    text += (f" Of the {len(apart)}, {' and '.join(sides)}, by two-sided signed-rank tests at {percent(LEVEL, 0)} with Holm's "
             f"correction for {n_tests}.")
    shown = (more & (apart["holm_p"] < LEVEL)).any()
    return text + ("" if shown else " We found no evidence that the networks' forecasts added return.")


def _significant(rows: pd.DataFrame, did: str) -> str:
    """How many did it, and which of them differ significantly from their twin."""
    named = [f"`{row['strategy']}`, by {percent(abs(row['mean_difference']), 2)}"
             for _, row in rows[rows["holm_p"] < LEVEL].iterrows()]
    told = f" (significant: {listed(named) if named else 'none'})" if len(rows) else ""
    return f"{len(rows) or 'none'} {did}{told}"


def _significance(tests: pd.DataFrame, n_names: int) -> str:
    """How many of the distinct strategies beat the benchmark, raw and corrected."""
    n_tested = tests["wilcoxon_p"].notna().sum()
    if not n_tested:
        return "**Luck?** No strategy could be tested: there are too few months, or no differences from the benchmark."
    raw, corrected, sign_raw, sign_corrected, t_raw, t_corrected = (
        (tests[column] < LEVEL).sum() or "none" for test in ("wilcoxon_p", "sign_p", "t_p")
        for column in (test, f"{test}_holm"))
    n_untested = len(tests) - n_tested
    distinct = counted(len(tests), "distinct strategy", "distinct strategies")
    names = "" if len(tests) == n_names else (
        f"{n_names} names stand for {distinct}: weights that never differ by more than {percent(APART, 0)} of wealth count "
        "once. ")
    return (f"**Luck?** {names}Of {distinct}, {raw} beat the benchmark significantly at {percent(LEVEL, 0)} by the one-sided "
            f"signed-rank test taken alone, and {corrected} after Holm's correction for {counted(n_tested, 'test')} (sign "
            f"test: {sign_raw} and {sign_corrected}; t-test: {t_raw} and {t_corrected})."
            + (f" {n_untested} could not be tested." if n_untested else "") + _by_no_forecast(tests))


def _by_no_forecast(tests: pd.DataFrame) -> str:
    """A sentence where equal weight is among the significant: no forecast can be the reason."""
    p_values = tests.set_index("strategy")["wilcoxon_p_holm"]
    if not p_values.get(EQUAL_WEIGHT, np.nan) < LEVEL:
        return ""
    return (f" `{EQUAL_WEIGHT}` is among the significant and forecasts nothing: beating this benchmark says more about "
            "the universe (and, where the benchmark is a price index, about dividends) than about any model.")


def _limits(strategies: pd.DataFrame, n_months: int) -> str:
    deviation, months = strategies["std_monthly_excess"].median(), counted(n_months, "month")
    if 0.5**n_months >= LEVEL:  # the smallest p-value that a signed-rank test can reach
        return (f"**Limits.** A signed-rank test of {months} cannot be significant, whatever the returns: nothing here "
                "tells skill from luck.")
    if not deviation > 1e-12:
        return f"**Limits.** In {months} no strategy's lead over the benchmark varies: there is nothing to test."
    factor = stats.t.ppf(1 - LEVEL, n_months - 1) / np.sqrt(n_months)
    deviations = strategies["std_monthly_excess"]
    deviations = deviations[deviations > 1e-12]
    ends = [f"{percent(factor * deviations[name])} a month for `{name}`, whose excess varies {kind}"
            for name, kind in ((deviations.idxmin(), "least"), (deviations.idxmax(), "most"))]
    return (f"**Limits.** With {months}, a mean excess must exceed {factor:.2f} of its own deviation to be significant "
            f"even in a single t-test: {', and '.join(ends[:len(deviations)])}. A smaller "
            "excess cannot be told from luck, and strategies that are close cannot be ranked.")


def advice(served: list[Served]) -> pd.DataFrame:
    """
    If your investor is this one, then this strategy served them best: one row per wish, all words chosen by the numbers.

    Parameters
    ----------
    served : list of Served
        As `investors.served` gives them.

    Returns
    -------
    DataFrame (4, 8)
        Columns, all short texts: `if your investor` (is, and wants), `then` (the strategies that were best at it: three at
        most, or two and how many others), `which had` (what they reached), `and with it` (what came with that; of the first,
        where they differ in it), `the paper's choice` (the framework that Nguyen 2025 gives to this investor, and what the
        best of its strategies reached), `equal weight` and `index` (what these reached), `beware`.
    """
    rows = []
    for one in served:
        framework, beside = WISHES[one.measure]
        investor = FRAMEWORKS[framework].profile if framework else "paying for every trade"
        names, values = list(one.best.index), one.best[one.measure]
        with_it = [", ".join(f"{noun(name)} {_written(row[name], name)}" for name in beside if pd.notna(row[name]))
                   for _, row in one.best.iterrows()]
        choice, equal, index = (_written(value, one.measure, missing) for value, missing in (
            (one.chosen, "not in this run"), (one.equal_weight, "none"), (one.index, "none")))
        rows.append((
            f"{investor}: {_WANTED[one.measure]}",
            listed(names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} others"]) if names else "cannot be told",
            f"{noun(one.measure)} {_written(values.iloc[0], one.measure)}" if names else "not measured",
            "" if not names else with_it[0] if len(set(with_it)) == 1 else f"first: {with_it[0]}",
            f"{framework.upper()}: {choice}" if framework else "none", equal, index, _beware(one)))
    return pd.DataFrame(rows, columns=["if your investor", "then", "which had", "and with it", "the paper's choice",
                                       "equal weight", "index", "beware"])


_WANTED = {"annual_return": "most return", "sharpe": "most return for its risk", "max_drawdown": "shallowest drawdown",
           "turnover": "least turnover"}


def _beware(one: Served) -> str:
    """What makes a winner doubtful: its p-values, or a runner-up that is close and an index that is better."""
    if one.p_values:
        told = [f"{'untested' if pd.isna(p) else 'below 0.001' if p < 0.0005 else f'{p:.3f}'} ({name})"
                for name, p in one.p_values.items()]
        shown = all(p < LEVEL for p in one.p_values.values())
        return f"{'hardly' if shown else 'may be'} luck: Holm's p {', '.join(told)}"
    told = [f"hardly ahead of {one.runner_up}"] * bool(one.runner_up) + ["the index did better"] * one.index_ahead
    return "; ".join(told)


def _written(value: float, measure: str, missing: str = "") -> str:
    """A value as it is read: a ratio as it is, a fraction in percent, a drawdown without its sign."""
    if pd.isna(value):
        return missing
    if METRICS[measure].number == PLAIN:
        return f"{value:.2f}"
    return percent(abs(value) if measure == "max_drawdown" else value)


def accuracy_sentence(accuracy_table: pd.DataFrame) -> str:
    """
    Does any network forecast better than zero, the mean or an autoregression?

    Parameters
    ----------
    accuracy_table : DataFrame
        As `accuracy.accuracy_table` gives it; a model that is no baseline counts as a network.

    Returns
    -------
    str
        Markdown: the best network's mean squared error, mean over assets, against each baseline in the table, and that
        the differences are untested.
    """
    errors = accuracy_table.set_index("model")["mse_mean"]
    simple = errors[errors.index.isin(baselines())]
    networks = errors.drop(simple.index)
    if networks.empty:
        best, rivals = simple.idxmin(), simple.drop(simple.idxmin())
        opening = f"This study has no network. Of its baselines `{best}` has the lowest"
    else:
        best, rivals = networks.idxmin(), simple
        count = f"The best of {len(networks)} networks on these days" if len(networks) > 1 else "The only network"
        opening = f"{count}, `{best}`, has a"
    text = f"{opening} mean squared error of {errors[best]:.3e} (mean over assets)"
    if rivals.empty:
        return f"{text}, and there is {'no baseline' if len(networks) else 'no other model'} to compare it with."
    differences = (errors[best] / rivals - 1).round(4)
    sides = [f"level with `{name}`" if d == 0 else f"{percent(abs(d), 2)} {'above' if d > 0 else 'below'} `{name}`"
             for name, d in differences.items()]
    beaten, missed = (list(differences.index[mask]) for mask in (differences < 0, differences >= 0))
    verdict = (f" **No network has a lower error than {_ticked(missed, 'or')}.**" if not beaten else
               f" **Its error is lower than that of {_ticked(beaten)}"
               + (f", but not {_ticked(missed, 'or')}.**" if missed else ".**"))
    small = differences.abs().max() < TINY
    differ = f"All these differences are below {percent(TINY, 0)} and" if small else "These differences are"
    return (f"{text}, {listed(sides)}." + (verdict if len(networks) else "") + f" {differ} untested here"
            + (": stage 6 tests them, and another seed shows how much of them is chance." if len(networks) else "."))


def _ticked(names: Iterable[str], last: str = "and") -> str:
    """Names in a sentence, each as code."""
    return listed([f"`{name}`" for name in names], last)


def _ranked(best: str, n_strategies: int) -> str:
    return f"`{best}` is the {f'best of {n_strategies} strategies' if n_strategies > 1 else 'only strategy,'}"


def _against(value: float, rivals: pd.Series, written: Callable[[float], str]) -> str:
    """One number against others, level with those that are written alike."""
    sides = {side: [] for side in ("ahead of", "level with", "behind")}
    for name, other in rivals.items():
        side = "level with" if written(value) == written(other) else "ahead of" if value > other else "behind"
        sides[side].append(f"`{name}` ({written(other)})")
    return "".join(f", {side} {listed(names)}" for side, names in sides.items() if names)


def answer(table: pd.DataFrame) -> str:
    """
    What `accuracy_tests` found, in Markdown: H1 and H2 against the mean, and a sentence about the other baselines.

    Examples
    --------
    >>> rows = [("lstm", "mean", 100, -0.02, -2.5, 1.0, 0.01, "H2"), ("lstm", "zero", 100, -0.01, -1.0, 1.0, 0.3, "neither"),
    ...         ("gru", "mean", 100, 0.001, 0.3, 0.8, 1.0, "neither"), ("gru", "zero", 100, 0.02, 2.5, 0.01, 1.0, "H1")]
    >>> columns = ["model", "baseline", "n_days", "gain", "statistic", "p_h1", "p_h2", "verdict"]
    >>> print(answer(pd.DataFrame(rows, columns=columns)))
    Over 100 days each network's squared errors met those of the historical mean, which is Markowitz's forecast.
    <BLANKLINE>
    * **H1** (the network is more accurate) holds for none of 2 networks at the 5 % level, Holm-corrected for 4 tests.
    * **H2** (the mean is more accurate) holds for lstm.
    * The best, gru, made errors 0.10 % smaller than the mean's; the worst, lstm, 2.00 % larger.
    * Against zero gru is significantly more accurate, and none of 2 networks less.
    """
    if table.empty:
        return "No network was asked for in this run, so there is nothing to test."
    on_mean = table[table["baseline"] == RIVAL]
    if on_mean.empty:
        return "\n".join(["The historical mean, which is Markowitz's forecast, is not among the models of this run, so neither "
                          "hypothesis is tested.", "", *_beside(table)])
    h1, h2 = _holders(on_mean)
    best, worst = on_mean.loc[on_mean["gain"].idxmax()], on_mean.loc[on_mean["gain"].idxmin()]
    ends = f"* The best, {best['model']}, made errors {_compared(best['gain'])} than the mean's"
    if len(on_mean) > 1:
        ends += f"; the worst, {worst['model']}, {_compared(worst['gain'])}"
    n_tests = counted(len(table), "test")
    lines = [f"Over {table['n_days'].iloc[0]} days each network's squared errors met those of the historical mean, which is "
             "Markowitz's forecast.", "",
             f"* **H1** (the network is more accurate) holds for {h1} at the 5 % level, Holm-corrected for {n_tests}.",
             f"* **H2** (the mean is more accurate) holds for {h2}.", f"{ends}."]
    return "\n".join([*lines, *_beside(table[table["baseline"] != RIVAL])])


def _beside(others: pd.DataFrame) -> list[str]:
    """The sentence about the baselines beside the mean, none where there are none."""
    told = []
    for baseline, rows in others.groupby("baseline", sort=False):
        more, less = _holders(rows)
        are = "are" if rows["verdict"].eq("H1").sum() > 1 else "is"
        told.append(f"against {baseline} {more} {are} significantly more accurate, and {less} less")
    return [f"* A{'; '.join(told)[1:]}."] if told else []


def _holders(rows: pd.DataFrame) -> tuple[str, str]:
    """Networks of which H1 holds, and those of which H2 holds."""
    none = f"none of {counted(len(rows), 'network')}"
    h1, h2 = (list(rows.loc[rows["verdict"] == verdict, "model"]) for verdict in ("H1", "H2"))
    return listed(h1) if h1 else none, listed(h2) if h2 else none


def _compared(gain: float) -> str:
    """A share of the rival's error in words."""
    return f"{percent(abs(gain), 2)} {'smaller' if gain > 0 else 'larger'}"


# ----------------------------------------------------------------------------------------------------------- a sweep
def accounting(points: pd.DataFrame) -> str:
    """
    Every point in one sentence, and each that is not done with its reason.

    Examples
    --------
    >>> accounting(pd.DataFrame({"point": ["a", "b"], "state": ["done", "failed"], "stage": ["", "04_forecasting"],
    ...                          "error": ["", "no memory"]}))
    '**2 points: 1 done, 1 failed.**\\n\\n* `b` failed in 04_forecasting: no memory'
    """
    counts = points["state"].value_counts(sort=False).sort_index(key=lambda states: states != "done", kind="stable")
    told = ", ".join(f"{number} {state}" for state, number in counts.items())
    lost = points[points["state"] != "done"]
    lines = [f"* `{row['point']}` {row['state']}" + (f" in {row['stage']}" if row["stage"] else "")
             + (f": {_short(row['error'])}" if row["error"] else "") for _, row in lost.head(12).iterrows()]
    lines += [f"* and {len(lost) - 12} more, in points.csv"] if len(lost) > 12 else []
    return "\n".join([f"**{counted(len(points), 'point')}: {told}.**", *([""] if lines else []), *lines])


def leader(results: pd.DataFrame, metric: str) -> str:
    """The best row in a sentence, beside equal weight of its own point, and how many rows are ahead of theirs."""
    rows = ranking(contenders(results, metric), metric)
    best, lower = rows.iloc[0], lower_is_better(metric)
    tied = int((rows["rank"] == 1).sum()) - 1
    text = (f"By `{metric}` ({'lower' if lower else 'higher'} is better) point `{best['point']}`, strategy "
            f"`{best['strategy']}`, is the best of {len(rows)}: {_number(best[metric])}"
            + (f", with {tied} level with it." if tied else "."))
    rest = results[~results["strategy"].isin([*rows["strategy"], EQUAL_WEIGHT, BENCHMARK])]
    if len(rest := ranking(rest, metric)) and (rest[metric].iloc[0] < best[metric]) == lower:
        ahead = rest.iloc[0]
        text += f" `{ahead['strategy']}`, which no parameter touches, is better with {_number(ahead[metric])}."
    simple = results[results["strategy"] == EQUAL_WEIGHT].set_index("point")[metric].dropna()
    if best["point"] not in simple.index or best["strategy"] == EQUAL_WEIGHT:
        return text
    against = rows[metric] - rows["point"].map(simple)
    ahead = int((against < -SAME).sum() if lower else (against > SAME).sum())
    return (f"{text} Equal weight has {_number(simple[best['point']])} in the same point; {ahead or 'none'} of the "
            f"{len(rows)} {'are' if ahead != 1 else 'is'} ahead of equal weight in the same point.")


def standing(sweep: Sweep, metric: str) -> str:
    """The rank of the base's own choice among the points, each by its best strategy, in a sentence."""
    whose = "The base's own choice" if sweep.paper == "none" else f"The paper's configuration (`{sweep.paper}`)"
    if not sweep.base_point:
        return f"{whose} (`{sweep.base}`) is none of the points of this sweep."
    rows = point_ranking(contenders(sweep.results, metric), metric)
    if sweep.base_point not in set(rows["point"]):
        return f"{whose}, point `{sweep.base_point}`, has no result here, so it has no rank."
    own, best = rows.set_index("point").loc[sweep.base_point], rows.iloc[0]
    tied = int((rows["rank"] == own["rank"]).sum()) - 1
    text = (f"{whose}, point `{sweep.base_point}`, is **rank {own['rank']} of {len(rows)}** by `{metric}`: "
            f"{_number(own[metric])} with `{own['strategy']}`")
    text += f", level with {counted(tied, 'other')}" if tied else ""
    return text + ("." if own["rank"] == 1 else f"; the best point has {_number(best[metric])} with `{best['strategy']}`.")


def repetition(spread: pd.DataFrame, parameters: list[str], metric: str) -> str:
    """
    What another seed changes beside what another setting changes, in a sentence.

    Parameters
    ----------
    spread : DataFrame
        As `trials.by_seed` gives it.
    parameters : list of str
        The varying parameters.
    metric : str
        What the spread is of.
    """
    if SEED not in parameters:
        return (f"The seed is the same in all points of this sweep, so what training by chance does to `{metric}` cannot be "
                "told here; `seed: [7, 8, 9]` in the grid would tell.")
    repeated = spread[spread["n_seeds"] > 1]
    if repeated.empty:
        return f"No setting of this sweep has `{metric}` of two seeds."
    moved = repeated[repeated["highest"] - repeated["lowest"] > SAME]
    if moved.empty:
        return f"Another seed changes `{metric}` of no strategy here."
    strategies, all_of = moved["strategy"].nunique(), spread["strategy"].nunique()
    apart = moved["deviation"]
    text = (f"Another seed changes `{metric}` of {strategies} of {all_of} strategies. Where it does, trainings of one "
            f"setting differ by a deviation of {_number(apart.median())} (median over {len(moved)} settings, at most "
            f"{_number(apart.max())})")
    means = moved.groupby("strategy")["mean"].agg(["size", "std"])
    between = means.loc[means["size"] > 1, "std"].median()
    if pd.isna(between):
        return text + "."
    by_chance = (apart / moved["n_seeds"] ** 0.5).median()  # the deviation of a mean of so many seeds
    side = "no more than" if between <= by_chance else "more than"
    return (f"{text}. The means of the settings have a deviation of {_number(between)} (median over strategies), {side} the "
            f"{_number(by_chance)} that seeds alone would give them.")


def tried_sentence(tried: pd.DataFrame, net_returns: pd.DataFrame, compared: pd.DataFrame) -> str:
    """
    How many trials the tests below count, and on which days.

    Parameters
    ----------
    tried, net_returns, compared : DataFrame
        As `trials.distinct_trials`, a `Sweep` and `trials.comparable` give them.
    """
    n_columns, n_compared = (without_benchmark(frame).shape[1] for frame in (net_returns, compared))
    left_out, alike = n_columns - n_compared, n_compared - tried.shape[1]
    text = (f"**{counted(tried.shape[1], 'distinct trial')}** on {len(tried)} common days, {tried.index[0]:%Y-%m-%d} to "
            f"{tried.index[-1]:%Y-%m-%d}, of {n_columns} columns of returns")
    text += f"; {alike} repeat another one day by day" if alike else ""
    return text + (f"; {left_out} cannot be compared: they do not vary, or have too few days in common with the best one."
                   if left_out else ".")


def _number(value: float) -> str:
    return f"{value:#.4g}"


def _short(text: str) -> str:
    """An error on one line, without what Markdown would read as markup."""
    flat = " ".join(text.replace("`", "'").replace("*", "\\*").split())
    return flat if len(flat) <= 300 else flat[:297] + "..."


def verdict(deflated: pd.Series, overfitting: luck.Overfitting | None, against: dict[str, pd.Series]) -> str:
    """
    Is the best point better than luck? `luck.verdict` in one sentence, from the same three answers.

    Returns
    -------
    str
        Markdown: yes, no, or that it cannot be told; then what speaks for the trial and what against it, with its numbers.
    """
    found = luck.verdict(deflated, overfitting, against)
    least = f"{luck.TRIALS} trials" if deflated["n_trials"] < luck.TRIALS else "2 days a block"
    said = {
        "deflated": f"a deflated Sharpe ratio of {percent(deflated['deflated'])} (above {percent(luck.DEFLATED, 0)} is asked; a "
                    f"day's ratio is {deflated['sharpe']:.3f}, and luck's best is expected to be "
                    f"{deflated['expected_best']:.3f})",
        "overfitting": f"no probability of overfitting (it takes at least {least})" if overfitting is None else
                       f"a probability of overfitting of {percent(overfitting.probability)} (below "
                       f"{percent(luck.OVERFITTED, 0)} is asked; a choice that means nothing has about {percent(luck.COIN, 0)})"}
    for rival, test in against.items():
        p = test["p_consistent"]
        said[rival] = (f"a superior-ability p-value {f'of {p:.3f}' if p >= 0.001 else 'below 0.001'} against `{rival}` (below "
                       f"{LEVEL} is asked)")
    sides = {side: [said[name] for name, holds in found.passed.items() if holds == good]
             for side, good in (("for it", True), ("against it", False))}
    answer = {"yes": "**Yes**, it is better than luck", "no": "**No**, it is not shown to be better than luck",
              "open": "**It cannot be told from luck**"}[found.answer]
    point, _, strategy = deflated["trial"].rpartition("/")
    whose = f"point `{point}`, strategy `{strategy}`" if point else f"trial `{strategy}`"  # without a slash it is of no point
    of = "the only trial" if deflated["n_trials"] == 1 else f"chosen of {deflated['n_trials']} trials"
    return (f"{answer}: {whose}, {of}, has "
            + ", and ".join(f"{side} {listed(reasons)}" for side, reasons in sides.items() if reasons) + ".")
