"""Numbers to sentences: what a comparison shows, and whether a network forecasts better than a simple rule.

The sentences are built from the numbers alone, so that another params file cannot make them lie; notebooks display
them as Markdown.

A sweep in sentences: is every point there, which is best, where the base's own choice stands, what was tried.

The sentences are built from the numbers alone, so that they hold for any sweep; the notebook displays them as Markdown.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.performance.evidence import LEVEL, RIVAL, distinct_tests
from forefolio.performance.luck import COIN, DEFLATED, OVERFITTED, Overfitting, TRIALS
from forefolio.performance.trials import SAME, SEED, Sweep, contenders, point_ranking, ranking
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, INEFFICIENT, baselines, listed, lower_is_better, percent

TINY = 0.01  # relative difference of mean squared errors that the text calls small
APART = 0.01  # of wealth: weights that differ by no more are one strategy under two names


def conclusion(performance: pd.DataFrame, tests: pd.DataFrame, *, distinct: list[str], twins: pd.DataFrame) -> str:
    """
    What the comparison of strategies shows, and what it cannot show.

    Parameters
    ----------
    performance : DataFrame
        As `metrics.performance_table` gives it.
    tests : DataFrame
        As `evidence.monthly_tests` gives it.
    distinct : list of str
        As `distances.distinct_strategies` gives them: significance is counted among these.
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
                        _significance(distinct_tests(tests, distinct=distinct), len(tests)), _limits(strategies, n_months)])


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
    counted = _counted(len(others), "strategy", "strategies")
    text += f" Of the {counted} beside `{EQUAL_WEIGHT}`, {ahead or 'none'} ended ahead of it."
    if BENCHMARK in totals.index and totals[EQUAL_WEIGHT] > totals[BENCHMARK]:
        lead = percent(totals[EQUAL_WEIGHT] - totals[BENCHMARK])
        text += (f" The lead of `{EQUAL_WEIGHT}` over `{BENCHMARK}`, {lead} of the initial wealth, owes nothing to a "
                 "forecast.")
    return text


def _best_by_ratio(strategies: pd.DataFrame, n_months: int) -> str:
    ratios = strategies["information_ratio"].dropna()
    if ratios.empty:
        return f"**Information ratio.** None can be computed from {_counted(n_months, 'month')}."
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
    text = (f"{opening} {_counted(len(twins), 'strategy', 'strategies')} of networks {'has' if len(twins) == 1 else 'have'} a "
            f"twin, the same framework fed with `{model}`; {len(apart) or 'none'} held, on average, more than "
            f"{percent(APART, 0)} of wealth elsewhere than the twin.")
    if apart.empty:
        return f"{text} So no: whatever was earned, these networks' forecasts moved next to nothing."
    if len(twins) > len(apart):
        text += f" What the other {len(twins) - len(apart)} earned is the framework's doing, whatever the network."
    more = apart["mean_difference"] > 0
    sides = [_significant(apart[more], "earned more a month than the twin")]
    sides += [] if more.all() else [_significant(apart[~more], "did not")]
    n_tests = _counted(int(twins["signed_rank_p"].notna().sum()), "test")
    text += (f" Of the {len(apart)}, {' and '.join(sides)}, by two-sided signed-rank tests at {percent(LEVEL, 0)} with Holm's "
             f"correction for {n_tests}.")
    shown = (more & (apart["holm_p"] < LEVEL)).any()
    return text + ("" if shown else " That a network's forecasts earned anything is not shown.")


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
    counted = _counted(len(tests), "distinct strategy", "distinct strategies")
    names = "" if len(tests) == n_names else (
        f"{n_names} names stand for {counted}: weights that never differ by more than {percent(APART, 0)} of wealth count "
        "once. ")
    return (f"**Luck?** {names}Of {counted}, {raw} beat the benchmark significantly at {percent(LEVEL, 0)} by the one-sided "
            f"signed-rank test taken alone, and {corrected} after Holm's correction for {_counted(n_tested, 'test')} (sign "
            f"test: {sign_raw} and {sign_corrected}; t-test: {t_raw} and {t_corrected})."
            + (f" {n_untested} could not be tested." if n_untested else "") + _by_no_forecast(tests))


def _by_no_forecast(tests: pd.DataFrame) -> str:
    """A sentence where equal weight is among the significant: what it shows cannot be the forecasts' merit."""
    p_values = tests.set_index("strategy")["wilcoxon_p_holm"]
    if not p_values.get(EQUAL_WEIGHT, np.nan) < LEVEL:
        return ""
    return (f" `{EQUAL_WEIGHT}` is among the significant and forecasts nothing: beating this benchmark says more about "
            "the universe (and, where the benchmark is a price index, about dividends) than about any model.")


def _limits(strategies: pd.DataFrame, n_months: int) -> str:
    deviation, months = strategies["std_monthly_excess"].median(), _counted(n_months, "month")
    if 0.5**n_months >= LEVEL:  # the smallest p-value that a signed-rank test can reach
        return (f"**Limits.** A signed-rank test of {months} cannot be significant, whatever the returns: nothing here "
                "tells skill from luck.")
    if not deviation > 1e-12:
        return f"**Limits.** In {months} no strategy's lead over the benchmark varies: there is nothing to test."
    factor = stats.t.ppf(1 - LEVEL, n_months - 1) / np.sqrt(n_months)
    deviations = strategies["std_monthly_excess"]
    deviations = deviations[deviations > 1e-12]
    ends = [f"{percent(factor * deviations[name])} a month for `{name}`, {kind}"
            for name, kind in ((deviations.idxmin(), "whose excess varies least"),
                               (deviations.idxmax(), "whose varies most"))]
    return (f"**Limits.** With {months}, a mean excess must exceed {factor:.2f} of its own deviation to be significant "
            f"even in a single t-test: {listed(ends if len(deviations) > 1 else ends[:1])}. What is smaller cannot be "
            "told from luck, nor can close ranks be told apart.")


def accuracy_sentence(accuracy_table: pd.DataFrame) -> str:
    """
    Does any network forecast better than zero, the mean or an autoregression?

    Parameters
    ----------
    accuracy_table : DataFrame
        As `accuracy.accuracy_table` gives it; every model but zero, mean and ar counts as a network.

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
        count = f"The best of {len(networks)} networks on these very days" if len(networks) > 1 else "The only network"
        opening = f"{count}, `{best}`, has a"
    text = f"{opening} mean squared error of {errors[best]:.3e} (mean over assets)"
    if rivals.empty:
        return f"{text}, and there is {'no baseline' if len(networks) else 'no other model'} to compare it with."
    differences = (errors[best] / rivals - 1).round(4)
    sides = [f"level with `{name}`" if d == 0 else f"{percent(abs(d), 2)} {'above' if d > 0 else 'below'} `{name}`"
             for name, d in differences.items()]
    beaten, missed = ([f"`{name}`" for name in differences.index[mask]] for mask in (differences < 0, differences >= 0))
    verdict = (f" **No network has a lower error than {listed(missed, 'or')}.**" if not beaten else
               f" **Its error is lower than that of {listed(beaten)}"
               + (f", but not {listed(missed, 'or')}.**" if missed else ".**"))
    small = differences.abs().max() < TINY
    differ = f"All these differences are below {percent(TINY, 0)} and" if small else "These differences are"
    return (f"{text}, {listed(sides)}." + (verdict if len(networks) else "") + f" {differ} untested here"
            + (": stage 6 tests them, and another seed shows how much of them is chance." if len(networks) else "."))


def _ranked(best: str, n_strategies: int) -> str:
    return f"`{best}` is the {f'best of {n_strategies} strategies' if n_strategies > 1 else 'only strategy,'}"


def _against(value: float, rivals: pd.Series, written: Callable[[float], str]) -> str:
    """One number against others, level with those that are written alike."""
    sides = {side: [] for side in ("ahead of", "level with", "behind")}
    for name, other in rivals.items():
        side = "level with" if written(value) == written(other) else "ahead of" if value > other else "behind"
        sides[side].append(f"`{name}` ({written(other)})")
    return "".join(f", {side} {listed(names)}" for side, names in sides.items() if names)


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


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
    return "\n".join([f"**{len(points)} point{'s' * (len(points) != 1)}: {told}.**", *([""] if lines else []), *lines])


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
            f"{len(rows)} {'are' if ahead != 1 else 'is'} ahead of equal weight of the own point.")


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
    text += f", level with {tied} other{'s' * (tied > 1)}" if tied else ""
    return text + ("." if own["rank"] == 1 else f"; the best point has {_number(best[metric])} with `{best['strategy']}`.")


def repetition(spread: pd.DataFrame, parameters: list[str], metric: str) -> str:
    """
    What another seed changes beside what another setting changes, in a sentence.

    Parameters
    ----------
    spread : DataFrame
        As `sensitivity.by_seed` gives it.
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
    def count(frame: pd.DataFrame) -> int:
        return sum(not name.endswith("/benchmark") for name in frame)

    left_out, alike = count(net_returns) - count(compared), count(compared) - tried.shape[1]
    text = (f"**{tried.shape[1]} distinct trial{'s' * (tried.shape[1] != 1)}** on {len(tried)} common days, {_days(tried)}, "
            f"of {count(net_returns)} columns of returns")
    text += f"; {alike} repeat another one day by day" if alike else ""
    return text + (f"; {left_out} cannot be compared: they do not vary, or have too few days in common with the best one."
                   if left_out else ".")


def _days(frame: pd.DataFrame) -> str:
    """First and last day of a frame."""
    return f"{frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d}"


def _number(value: float) -> str:
    return f"{value:#.4g}"


def _short(text: str) -> str:
    """An error on one line, without what Markdown would read as markup."""
    flat = " ".join(text.replace("`", "'").replace("*", "\\*").split())
    return flat if len(flat) <= 300 else flat[:297] + "..."


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
    n_tests = f"{len(table)} test" + ("s" if len(table) > 1 else "")
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
        several = rows["verdict"].eq("H1").sum() > 1
        told.append(f"gainst {baseline} {more} {'are' if several else 'is'} significantly more accurate, and {less} less")
    return [f"* A{'; a'.join(told)}."] if told else []


def _holders(rows: pd.DataFrame) -> tuple[str, str]:
    """Networks of which H1 holds, and those of which H2 holds."""
    none = f"none of {len(rows)} network" + ("s" if len(rows) > 1 else "")
    h1, h2 = (list(rows.loc[rows["verdict"] == verdict, "model"]) for verdict in ("H1", "H2"))
    return listed(h1) if h1 else none, listed(h2) if h2 else none


def _compared(gain: float) -> str:
    """A share of the rival's error in words."""
    return f"{abs(gain):.2%} {'smaller' if gain > 0 else 'larger'}".replace("%", " %")


def verdict(deflated: pd.Series, overfitting: Overfitting | None, against: dict[str, pd.Series]) -> str:
    """
    Is the best point better than luck? One sentence, from the numbers alone.

    Parameters
    ----------
    deflated, overfitting, against : Series, Overfitting or None, dict of Series
        What `deflated_sharpe` gives; what `overfitting` gives, None where there are too few trials or days for it; what
        `superior_ability` gives, by the rival's name.

    Returns
    -------
    str
        Markdown. "Yes" if the deflated Sharpe ratio is above 0.95, the probability of overfitting is there and below
        0.05, and each p-value (p_consistent) is below 0.05. Else "No" if the deflated Sharpe ratio is at most 0.5, or the
        probability of overfitting at least 0.5: luck gives as much. Else it cannot be told from luck. What speaks for the
        trial and what against it is named with its number.
    """
    overfitted = np.nan if overfitting is None else overfitting.probability
    least = f"{TRIALS} trials" if deflated["n_trials"] < TRIALS else "2 days a block"
    reasons = {
        f"a deflated Sharpe ratio of {percent(deflated['deflated'])} (above {percent(DEFLATED, 0)} is asked; a day's ratio "
        f"is {deflated['sharpe']:.3f}, and luck's best is expected to be {deflated['expected_best']:.3f})":
            deflated["deflated"] > DEFLATED,
        f"no probability of overfitting (it takes at least {least})" if overfitting is None else
        f"a probability of overfitting of {percent(overfitted)} (below {percent(OVERFITTED, 0)} is asked; a choice that "
        f"means nothing has about {percent(COIN, 0)})": overfitted < OVERFITTED}
    for rival, test in against.items():
        p_value = test["p_consistent"]
        written = f"of {p_value:.3f}" if p_value >= 0.001 else "below 0.001"
        reasons[f"a superior-ability p-value {written} against `{rival}` (below {LEVEL} is asked)"] = p_value < LEVEL
    met, missed = ([reason for reason, holds in reasons.items() if holds == side] for side in (True, False))
    answer = ("**Yes**, it is better than luck" if not missed else "**No**, it is no better than luck"
              if deflated["deflated"] <= COIN or overfitted >= COIN else "**It cannot be told from luck**")
    sides = [f"{side} {listed(named)}" for side, named in (("for it", met), ("against it", missed)) if named]
    return f"{answer}: {_named(deflated)} has {', and '.join(sides)}."


def _named(deflated: pd.Series) -> str:
    """The chosen trial in words; a name without a slash is of no point."""
    point, _, strategy = deflated["trial"].rpartition("/")
    of = "the only trial" if deflated["n_trials"] == 1 else f"chosen of {deflated['n_trials']} trials"
    return f"point `{point}`, strategy `{strategy}`, {of}," if point else f"trial `{strategy}`, {of},"


def inefficiency(solver_log: pd.DataFrame) -> str:
    """
    Which strategies hold the portfolio of the worst ratio in place of the best, in Markdown; empty where none does.

    Examples
    --------
    >>> log = pd.DataFrame({"strategy": ["lstm+tangency"] * 2, "status": ["inefficient", "optimal"]})
    >>> inefficiency(log)
    'On 1 of 2 dates `lstm+tangency` holds the portfolio of the *worst* ratio: its closed form is inefficient there.'
    """
    worst = (solver_log["status"] == INEFFICIENT).groupby(solver_log["strategy"], sort=False).agg(["sum", "size"])
    told = [f"On {row['sum']} of {row['size']} dates `{strategy}`" for strategy, row in worst.iterrows() if row["sum"]]
    if not told:
        return ""
    return f"{', '.join(told)} holds the portfolio of the *worst* ratio: its closed form is inefficient there."
