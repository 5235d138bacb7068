"""Numbers to sentences: what a comparison shows, and whether a network forecasts better than a simple rule.

The sentences are built from the numbers alone, so that another params file cannot make them lie; notebooks display
them as Markdown.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.evidence import BASELINES, LEVEL, distinct_tests
from forefolio.metrics import BENCHMARK

EQUAL_WEIGHT = "equal_weight"
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
    baselines = errors[errors.index.isin(BASELINES)]
    networks = errors.drop(baselines.index)
    if networks.empty:
        best, rivals = baselines.idxmin(), baselines.drop(baselines.idxmin())
        opening = f"This study has no network. Of its baselines `{best}` has the lowest"
    else:
        best, rivals = networks.idxmin(), baselines
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


def percent(value: float, digits: int = 1) -> str:
    """A fraction in percent; what rounds to zero has no sign."""
    return f"{round(100 * value, digits) + 0.0:.{digits}f} %"  # adding 0 turns -0 into 0


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def listed(names: list[str], last: str = "and") -> str:
    """Names in a sentence: a, b and c."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
