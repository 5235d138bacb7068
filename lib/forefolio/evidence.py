"""Was it luck? Tests of monthly excess returns, corrected for their number, and conclusions in words.

The tests are those of Nguyen 2025, with what fits better beside them. The sentences are built from the numbers alone,
so that another params file cannot make them lie; notebooks display them as Markdown.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.metrics import BENCHMARK

LEVEL = 0.05  # of significance, the papers' and everyone's
EQUAL_WEIGHT = "equal_weight"
BASELINES = ("zero", "mean", "ar")
TINY = 0.01  # relative difference of mean squared errors that the text calls small


def holm(p_values: pd.Series) -> pd.Series:
    """
    Holm's correction of p-values for their number.

    Parameters
    ----------
    p_values : Series
        One a test; missing ones stay missing and do not count as tests.

    Returns
    -------
    Series
        Corrected p-values, same index: significant at a level if below it, whatever the dependence of the tests.

    Notes
    -----
    The k-th smallest of m is multiplied by m - k + 1; none may fall below an earlier one or exceed 1 (Holm 1979).

    Examples
    --------
    >>> holm(pd.Series([0.04, 0.01, 0.03])).tolist()
    [0.06, 0.03, 0.06]
    """
    ordered = p_values.dropna().sort_values()
    corrected = ordered * np.arange(len(ordered), 0, -1)
    return corrected.cummax().clip(upper=1).reindex(p_values.index)


def monthly_tests(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Is the monthly excess return of each strategy above zero?

    Parameters
    ----------
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month, as `metrics.monthly_excess` gives it.

    Returns
    -------
    DataFrame
        Columns strategy, n_months, mean, shapiro_p (normality), wilcoxon_p, wilcoxon_p_holm, t_p, t_p_holm. Wilcoxon
        signed-rank and t-test are one-sided, the alternative being a positive excess, as in Nguyen 2025. A p-value is
        missing where there are too few months or no differences. Holm corrects over the strategies of the table.

    Notes
    -----
    The signed-rank test is of symmetry about zero. It is a test of the median only if the distribution is symmetric.

    Examples
    --------
    Five positive months: under the null all five signs agree upward once in 2^5 times.

    >>> excess = pd.DataFrame({"lstm+mvf": [0.01, 0.02, 0.03, 0.04, 0.05]})
    >>> monthly_tests(excess)["wilcoxon_p"].tolist()
    [0.03125]
    """
    rows = [{"strategy": strategy, "n_months": len(excess), "mean": excess.mean(), "shapiro_p": _shapiro_p(excess),
             "wilcoxon_p": _signed_rank_p(excess, "greater"), "t_p": _t_p(excess)}
            for strategy, excess in monthly_excess.items()]
    columns = ["strategy", "n_months", "mean", "shapiro_p", "wilcoxon_p", "t_p"]
    tests = pd.DataFrame(rows, columns=columns)
    tests.insert(5, "wilcoxon_p_holm", holm(tests["wilcoxon_p"]))
    return tests.assign(t_p_holm=holm(tests["t_p"]))


def best_pair(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Do the two strategies of highest mean monthly excess differ?

    Parameters
    ----------
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month.

    Returns
    -------
    DataFrame
        One row, none if there are fewer than two strategies: first, second, n_months, mean_difference (fraction a
        month), mann_whitney_p, signed_rank_p, both two-sided.

    Notes
    -----
    Nguyen 2025 compares the two best by Mann-Whitney, which takes the months of the two for independent samples. They
    are the same months, so the signed-rank test of the paired differences fits. The pair was chosen after seeing the
    results: both p-values are only descriptive.
    """
    columns = ["first", "second", "n_months", "mean_difference", "mann_whitney_p", "signed_rank_p"]
    if monthly_excess.shape[1] < 2:
        return pd.DataFrame(columns=columns)
    first, second = monthly_excess.mean().sort_values(ascending=False, kind="stable").index[:2]
    difference = monthly_excess[first] - monthly_excess[second]
    unpaired = stats.mannwhitneyu(monthly_excess[first], monthly_excess[second], alternative="two-sided").pvalue
    return pd.DataFrame([[first, second, len(difference), difference.mean(), unpaired,
                          _signed_rank_p(difference, "two-sided")]], columns=columns)


def _varies(values: pd.Series) -> bool:
    return np.ptp(values) > 1e-12


def _shapiro_p(values: pd.Series) -> float:
    """Shapiro-Wilk, missing for fewer than three values or constant ones."""
    return float(stats.shapiro(values).pvalue) if len(values) >= 3 and _varies(values) else np.nan


def _signed_rank_p(values: pd.Series, alternative: str) -> float:
    """Wilcoxon signed-rank, missing if no value differs from zero by more than rounding."""
    differing = values[values.abs() > 1e-12]
    return float(stats.wilcoxon(differing, alternative=alternative).pvalue) if len(differing) else np.nan


def _t_p(values: pd.Series) -> float:
    """One-sided t-test, missing for constant values."""
    return float(stats.ttest_1samp(values, 0, alternative="greater").pvalue) if _varies(values) else np.nan


def conclusion(performance: pd.DataFrame, tests: pd.DataFrame) -> str:
    """
    What the comparison of strategies shows, and what it cannot show.

    Parameters
    ----------
    performance : DataFrame
        As `metrics.performance_table` gives it.
    tests : DataFrame
        As `monthly_tests` gives it.

    Returns
    -------
    str
        Markdown of a few short paragraphs: the best strategy by total return and by information ratio against equal
        weight and the benchmark, significance at 5 percent raw and after Holm, what so many months cannot tell.
    """
    table = performance.set_index("strategy")
    strategies = table.drop(index=BENCHMARK, errors="ignore")
    n_months = int(tests["n_months"].max())
    return "\n\n".join([_best_by_return(table, strategies), _best_by_ratio(strategies, n_months),
                        _significance(tests), _limits(strategies, n_months)])


def _best_by_return(table: pd.DataFrame, strategies: pd.DataFrame) -> str:
    totals = table["total_return"]
    best = strategies["total_return"].idxmax()
    rivals = totals[[name for name in (EQUAL_WEIGHT, BENCHMARK) if name in totals.index and name != best]]
    text = (f"**Total return.** {_ranked(best, len(strategies))} with {_percent(totals[best])} over the test period"
            + _against(totals[best], rivals, _percent) + ".")
    others = strategies["total_return"].drop(EQUAL_WEIGHT, errors="ignore")
    if EQUAL_WEIGHT not in strategies.index or others.empty:
        return text
    ahead = (others > totals[EQUAL_WEIGHT]).sum()
    counted = _counted(len(others), "strategy", "strategies")
    text += f" Of the {counted} beside `{EQUAL_WEIGHT}`, {ahead or 'none'} ended ahead of it."
    if BENCHMARK in totals.index and totals[EQUAL_WEIGHT] > totals[BENCHMARK]:
        lead = _percent(totals[EQUAL_WEIGHT] - totals[BENCHMARK])
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
    side = "level with" if _percent(abs(mean)) == _percent(0) else (
        f"{_percent(abs(mean))} {'above' if mean > 0 else 'below'}")
    return (f"**Information ratio.** {_ranked(best, len(strategies))} with {ratios[best]:.2f} a month"
            + _against(ratios[best], rivals, "{:.2f}".format) + f"; its mean month was {side} the benchmark's.")


def _significance(tests: pd.DataFrame) -> str:
    n_tested = tests["wilcoxon_p"].notna().sum()
    if not n_tested:
        return "**Luck?** No strategy could be tested: there are too few months, or no differences from the benchmark."
    raw, corrected, t_raw, t_corrected = (
        (tests[column] < LEVEL).sum() or "none" for column in ("wilcoxon_p", "wilcoxon_p_holm", "t_p", "t_p_holm"))
    n_untested = len(tests) - n_tested
    return (f"**Luck?** Of {_counted(len(tests), 'strategy', 'strategies')}, {raw} beat the benchmark significantly at "
            f"{_percent(LEVEL, 0)} by the one-sided signed-rank test taken alone, and {corrected} after Holm's "
            f"correction for {_counted(n_tested, 'test')} (t-test: {t_raw} and {t_corrected})."
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
    ends = [f"{_percent(factor * deviations[name])} a month for `{name}`, {kind}"
            for name, kind in ((deviations.idxmin(), "whose excess varies least"),
                               (deviations.idxmax(), "whose varies most"))]
    return (f"**Limits.** With {months}, a mean excess must exceed {factor:.2f} of its own deviation to be significant "
            f"even in a single t-test: {_listed(ends if len(deviations) > 1 else ends[:1])}. What is smaller cannot be "
            "told from luck, nor can close ranks be told apart.")


def accuracy_sentence(accuracy_table: pd.DataFrame) -> str:
    """
    Does any network forecast better than zero, the mean or an autoregression?

    Parameters
    ----------
    accuracy_table : DataFrame
        As `forecasts.accuracy_table` gives it; every model but zero, mean and ar counts as a network.

    Returns
    -------
    str
        Markdown: the best network's mean squared error, mean over assets, against each baseline in the table.
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
    sides = [f"level with `{name}`" if d == 0 else f"{_percent(abs(d), 2)} {'above' if d > 0 else 'below'} `{name}`"
             for name, d in differences.items()]
    beaten, missed = ([f"`{name}`" for name in differences.index[mask]] for mask in (differences < 0, differences >= 0))
    verdict = (f" **No network has a lower error than {_listed(missed, 'or')}.**" if not beaten else
               f" **Its error is lower than that of {_listed(beaten)}" + (f", but not {_listed(missed, 'or')}.**" if missed else ".**"))
    small = differences.abs().max() < TINY
    return (f"{text}, {_listed(sides)}." + (verdict if len(networks) else "")
            + (f" All these differences are below {_percent(TINY, 0)} and untested here: "
               "stage 6 tests them, and another seed shows how much of them is chance."
               if small else ""))


def _ranked(best: str, n_strategies: int) -> str:
    return f"`{best}` is the {f'best of {n_strategies} strategies' if n_strategies > 1 else 'only strategy,'}"


def _against(value: float, rivals: pd.Series, written: Callable[[float], str]) -> str:
    """One number against others, level with those that are written alike."""
    sides = {side: [] for side in ("ahead of", "level with", "behind")}
    for name, other in rivals.items():
        side = "level with" if written(value) == written(other) else "ahead of" if value > other else "behind"
        sides[side].append(f"`{name}` ({written(other)})")
    return "".join(f", {side} {_listed(names)}" for side, names in sides.items() if names)


def _percent(value: float, digits: int = 1) -> str:
    return f"{round(100 * value, digits) + 0.0:.{digits}f} %"  # adding 0 turns -0 into 0


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def _listed(names: list[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
