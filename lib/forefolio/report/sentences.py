"""Numbers to sentences in Markdown: what a comparison shows, who was served best, what networks and a sweep gave."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.market.returns import iso_day
from forefolio.market.universe import NOT_TRADED
from forefolio.performance import gate, luck
from forefolio.performance.evidence import LEVEL, size_under_skew
from forefolio.performance.intervals import POWER, needed_ratio
from forefolio.performance.investors import WISHES, Served
from forefolio.performance.metrics import bankrupt, riskless, ruined
from forefolio.performance.trials import SAME, SEED, Sweep, contenders, point_ranking, ranking, without_rivals
from forefolio.portfolios.holdings import concentration
from forefolio.portfolios.problems import Solution, named
from forefolio.study.vocabulary import (ABSENT, BANKRUPT, BENCHMARK, EQUAL_WEIGHT, FAILED, FRAMEWORKS, INEFFICIENT,
                                        LEAKS, METRICS, NOT_SHOWN, PASSED, PERFECT, PLAIN, SHOWN, ZERO, code, counted,
                                        line, listed, literal, lower_is_better, noun, parts, percent)

TOO_OFTEN = 0.075  # of samples without an effect: a test that rejects more often is not at its level of 5 %
MOST = 12  # assets or points that a sentence names
FLAT = 0.05  # of the standard deviation of returns: forecasts that vary less are almost constant
APART = 0.01  # of wealth: weights that differ by no more are one strategy under two names
WANTED = {"annual_return": "most return", "sharpe": "most return for its risk", "max_drawdown": "shallowest drawdown",
          "turnover": "least turnover"}  # by the wishes of `investors`


def data_lessons(assets: pd.DataFrame, summary: pd.DataFrame, earned: pd.DataFrame) -> str:
    """What stage 01 showed: the universe, how uncertain means are, and what the universe alone earned, as a list.

    The frames are as `universe.choose`, `returns.asset_summary` and `returns.earned` give them.
    """
    highest, clear = summary["mean_return"].idxmax(), summary["mean_return"].abs() > 2 * summary["standard_error"]
    best, last = summary.loc[highest], earned.iloc[-1]
    ours, index = earned.columns[:2]
    error = f" ± {percent(last['standard_error'])}" if last["standard_error"] >= 0 else ""  # one day alone has none
    return "\n".join([
        f"* **The universe.** {assets['kept'].sum()} of {counted(len(assets), 'asset')} are complete enough to be held.",
        f"* **Means are uncertain.** The median standard error of a mean return is {percent(summary['standard_error'].median())} "
        f"a year. {clear.sum()} of {len(summary)} means are more than two standard errors from zero. The highest mean is that of "
        f"{code(highest)}: {percent(best['mean_return'])} ± {percent(best['standard_error'])} a year.",
        f"* **The universe alone.** In the {earned.index[-1]} period {ours} earned {percent(last[ours])} and {code(index)} "
        f"{percent(last[index])}. The mean difference is {percent(last['difference'])}{error} a year, and no forecast was used."])


def correlation_lessons(covariance: pd.DataFrame, spectrum: pd.DataFrame, rolling: pd.Series) -> str:
    """What stage 02 showed: what diversification removes, how many movements are shared, and how both change, as a list.

    `covariance` is a year's; the others are as `market.correlation` gives them.
    """
    Sigma = covariance.to_numpy()
    alone, all_equal = np.sqrt(np.diag(Sigma)).mean(), np.sqrt(max(Sigma.mean(), 0))
    between = (Sigma.sum() - np.trace(Sigma)) / (len(Sigma) * (len(Sigma) - 1))
    floor = f"The floor for ever more assets like these is {percent(np.sqrt(between))}." if between > 0 else (
        "The mean covariance is not positive, so there is no floor.")
    edge, rest = spectrum["noise_edge"].iloc[0], spectrum["rest_edge"].iloc[0]
    plain, after = (spectrum["eigenvalue"] > edge).sum(), (spectrum["eigenvalue"] > rest).sum()
    others = (f" It has {percent(spectrum['share'].iloc[0], 0)} of all variance. For what it leaves the edge is {rest:.2f}: "
              f"{counted(after - 1, 'other')} {'is' if after == 2 else 'are'} above that one.") if rest < edge else ""
    first = " The first is usually the market." if plain else ""
    return "\n".join([
        f"* **Diversification.** One asset alone has a volatility of {percent(alone)} a year on average "
        f"({percent(np.sqrt(np.diag(Sigma).mean()))} as the root of the mean variance). Equal weights of all "
        f"{len(Sigma)} have {percent(all_equal)}. {floor}",
        f"* **Shared movements.** {plain} of {len(spectrum)} eigenvalues of the correlation matrix {'is' if plain == 1 else 'are'} "
        f"above the edge of noise, {edge:.2f}.{first}{others}",
        f"* **Correlations move.** Their mean was between {rolling.min():.2f} and {rolling.max():.2f}; the highest value is "
        f"that of the window that ends on {iso_day(rolling.idxmax())}."])


def absences(kept_out: pd.DataFrame) -> str:
    """Which assets no strategy could buy, when and why, and what happened to them, by `universe.absences` or its table."""
    told = [f"{code(row.asset)} ({row.reason}) at {counted(row.n_decisions, 'decision')}, {iso_day(row.first)}"
            + (f" to {iso_day(row.last)}" if row.n_decisions > 1 else "") for row in kept_out.itertuples()]
    told, more = told[:MOST], len(told) - MOST
    if not told:
        return "Every asset could be bought at every decision."
    told += [f"{more} more, in the table `kept_out`"] if more > 0 else []
    suspended = kept_out["reason"].eq(NOT_TRADED)
    became = []
    if suspended.any():
        became += ["Holdings of an asset that did not trade that day were kept, and the rest of the wealth was decided "
                   "around them."]
    if not suspended.all():
        became += [f"{'The other holdings' if became else 'Holdings of them'} were sold at the first of these decisions."]
    return f"No strategy could buy these assets: {'; '.join(told)}. {' '.join(became)}"


def answered(answer: pd.DataFrame) -> str:
    """Skill, cost and luck in a Markdown table, one line each with the number that decides, by `evidence.answer`."""
    asked = {"skill": "Does a model forecast better than rivals that know nothing?",
             "cost": "Does a strategy earn more than equal weight after the cost of its trades?",
             "luck": "Is the best strategy better than the luckiest of as many without skill?"}
    rows = []
    for row in answer.itertuples():
        shown = percent(row.value, 2) if row.question == "skill" else f"{row.value:{'.3g' if abs(row.value) < 1000 else ',.0f'}}"
        tested = f"; p = {row.p:.2g}" if row.p >= 0 else ""
        decides = f"`{row.of}`: {shown} ({row.number}){tested}" if row.of else "there is none to judge"
        rows.append(f"| {row.question} | {asked[row.question]} | **{row.answer}** | {decides} |")
    return "\n".join(["| | question | answer | what decides |", "|---|---|---|---|", *rows])


def covered(own: pd.DataFrame) -> list[str]:
    """How many of the scheduled forecasts a user's own file has, by `own.coverage`; nothing where there is no file."""
    told = [f"`{row.model}` has **{row.made:,}** of {row.scheduled:,} scheduled forecasts of the next day, and "
            f"{row.made_at_rebalances:,} of the {row.rebalances:,} on days on which portfolios are decided."
            for row in own.itertuples()]
    lacking = bool((own["made"] < own["scheduled"]).any())
    return told + ["Where a forecast is missing, the model does not buy that asset."] * lacking


def too_good(own: pd.DataFrame) -> list[str]:
    """A warning for each model of a user's own whose forecasts can hardly be honest, by `own.suspicions`."""
    return [f"**`{row.model}`: this looks like tomorrow's price leaked into today's forecast.** On the test days its forecasts explain "
            f"{percent(row.r2)} of the variance of the next day's return, and correlate with it by {row.correlation:.2f} (with the "
            f"return of the day after by {row.shifted:.2f}). Honest forecasts of daily returns explain a percent at best. Check that "
            "each forecast is dated by the last close that it knows."
            for row in own[own["leaked"].astype(bool)].itertuples()]


def learned(history: pd.DataFrame, turnover: pd.Series) -> str:
    """What the training of learned weights came to, and how much they trade: mean one-way turnover by strategy.

    `history` is as `portfolios.decisions.learned_weights` gives it; it is empty where no strategy learns its weights.
    """
    if history.empty:
        return "No strategy of this study learns its weights: add `dls` to `frameworks` for one that does."
    trainings, kept = history.groupby(["fitted_until", "seed"]).ngroups, history[history["kept"]]
    if kept.empty:
        return (f"None of {counted(trainings, 'training')} of `dls` converged, so it holds equal weight: lower "
                "`learning_rate`.")
    last, first = kept["epoch"].max(), kept["epoch"].min()
    told = (f"`dls` was trained {counted(trainings, 'time')}. The states that were kept, after "
            f"{counted(last, 'epoch') if first == last else f'{first} to {last} epochs'}, have a Sharpe ratio of "
            f"{kept['sharpe'].mean():.2f} in training and {kept['validation_sharpe'].mean():.2f} in validation "
            "(annual, net of costs, mean).")
    lost = trainings - len(kept)
    told += f" {counted(lost, 'training')} diverged and {'has' if lost == 1 else 'have'} no part in it." if lost else ""
    if turnover.get("dls", np.nan) >= 0:  # missing where there is one decision alone
        told += (f" It trades {percent(turnover['dls'], 0)} of its wealth at a rebalance, and equal weight "
                 f"{percent(turnover[EQUAL_WEIGHT], 0)}, so compare what is left after costs.")
    return told


def mishaps(solver_log: pd.DataFrame, bankruptcies: pd.DataFrame) -> list[str]:
    """Where a strategy did not hold what its name promises, a paragraph each; nothing where all did.

    On dates of status `failed` equal weight was held, on those of status `inefficient` the portfolio of the lowest
    ratio. The log is stage 05's, `bankruptcies` are as `backtest.Backtest` has them.
    """
    sizes, on = solver_log["strategy"].value_counts(), {INEFFICIENT: [], FAILED: []}
    for (strategy, status), rows in solver_log.groupby(["strategy", "status"], sort=False):
        dates = f"`{strategy}` on {len(rows)} of {counted(sizes[strategy], 'date')}"
        if status == INEFFICIENT:
            on[status].append(dates)
        if status == FAILED:
            first, *others = rows["note"].unique()
            reason = literal(first.removeprefix("equal weight instead: ")) + ", the first time" * bool(others)
            on[status].append(f"of {dates} ({reason})")
    lowest = "The closed form gave the *lowest* ratio instead of the highest, and this portfolio was held:"
    openings = {INEFFICIENT: lowest, FAILED: "Equal weight was held instead"}
    return [f"{openings[status]} {listed(dates)}." for status, dates in on.items() if dates] + [
        f"The strategy `{strategy}` loses all its wealth on {date:%Y-%m-%d} and earns nothing more: limit its shorts "
        "and what its trades cost. It is in no ranking, test or advice below."
        for date, strategy in zip(bankruptcies["date"], bankruptcies["strategy"])]


def without(names: Sequence[str]) -> list[str]:
    """That strategies take no part because they lost all their wealth; nothing where none did."""
    lost = [f"`{name}`" for name in names]
    return [f"**Ruined.** {listed(lost)} lost all wealth and {'take' if len(lost) > 1 else 'takes'} no part in what "
            "follows."] if lost else []


def skewed(tests: pd.DataFrame) -> str:
    """
    For which strategies the signed-rank and sign tests of `evidence.monthly_tests` reject too often; nothing for none.

    Those whose months are so skewed to the left that, were their mean zero, a test would reject in more than 7.5 % of
    samples at 5 %.
    """
    rows = tests.dropna(subset="skewness")
    sizes = pd.DataFrame([size_under_skew(row.n_months, row.skewness) for row in rows.itertuples()], rows["strategy"])
    sizes = sizes[(sizes > TOO_OFTEN).any(axis=1)] if len(sizes) else sizes
    if sizes.empty:
        return ""
    worst = sizes.max(axis=1).idxmax()
    skewness = rows.set_index("strategy")["skewness"]
    others = [f"`{name}`" for name in sizes.index.drop(worst)]
    too = f" The same holds, less so, for {named(others)}." if others else ""
    return (f"**Skewness.** The months of `{worst}` are skewed to the left ({skewness[worst]:.1f}): if their mean were "
            f"zero, the signed-rank test would still reject in {percent(sizes.loc[worst, 'wilcoxon'], 0)} of samples "
            f"at {percent(LEVEL, 0)}, and the sign test in {percent(sizes.loc[worst, 'sign'], 0)}. A small $p$ of these "
            f"two tests says little about its mean: read the $t$-test.{too}")


def worth_its_cost(table: pd.DataFrame, *, cost_bps: float) -> str:
    """Is any strategy worth what its trades cost? By `evidence.worth_its_cost` at that cost, in basis points."""
    lost = table[table["verdict"] == BANKRUPT]
    rows = table[table["verdict"].isin([SHOWN, NOT_SHOWN, ABSENT])].set_index("strategy")
    gone = f" {named([f'`{name}`' for name in lost['strategy']])} lost all wealth." if len(lost) else ""
    if rows["p"].isna().all():
        return f"No strategy of this run can be compared with `{EQUAL_WEIGHT}` month by month.{gone}"
    found = {word: [f"`{name}`" for name in rows.index[rows["verdict"] == word]] for word in (SHOWN, ABSENT)}
    told = [f"At {cost_bps:g} basis points, a gain over `{EQUAL_WEIGHT}` is **{SHOWN}** for {named(found[SHOWN]) or 'none'} "
            f"of {counted(len(rows), 'strategy', 'strategies')} and **{ABSENT}** for {named(found[ABSENT]) or 'none'} "
            f"($t$-tests of the monthly differences at {percent(LEVEL, 0)}, with Holm's correction)."]
    ahead = rows[rows["break_even_bps"] > 0]
    if ahead.empty:
        told += [f"Even if trading is free, no strategy that trades more than `{EQUAL_WEIGHT}` ends ahead of it."]
    else:
        best = ahead["break_even_bps"].idxmax()
        told += [f"The highest break-even cost is that of `{best}`, {_limits_of(ahead.loc[best])}."]
    return " ".join(told) + gone


def _limits_of(row: pd.Series) -> str:
    """A break-even cost with its interval."""
    low, high = (f"{value:.0f}" if pd.notna(value) else beyond
                 for value, beyond in ((row["low_bps"], "below any"), (row["high_bps"], "above any")))
    return f"{row['break_even_bps']:.0f} basis points (95 % interval {low} to {high})"


def conclusion(performance: pd.DataFrame, tests: pd.DataFrame, *, twins: pd.DataFrame) -> str:
    """What the comparison of strategies shows, and what it cannot show: a Markdown item each.

    What the universe earned without a forecast, the best strategy by total return and by information ratio, whether the
    networks made a difference, what is significant at 5 percent raw and after Holm, and what so many months cannot tell.
    Give it near-copies once (`holdings.once`): a correction that counts them asks too much. A strategy that lost all its
    wealth is named and takes no part.
    """
    table = performance.set_index("strategy")
    lost = ruined(table) & (table.index != BENCHMARK)
    ruin = without(table.index[lost])
    table = table[~lost]
    strategies = table.drop(index=BENCHMARK, errors="ignore")
    if strategies.empty:
        return _items([*ruin, "No strategy is left to compare."])
    n_months, tests = int(tests["n_months"].max()), tests[tests["strategy"].isin(strategies.index)]
    alone = [f"**The universe alone.** {universe(performance, n_months)}"] if EQUAL_WEIGHT in table.index else []
    return _items([
        *ruin, *alone, _best_by_return(table["total_return"]), _best_by_ratio(strategies, n_months), _difference(twins),
        _significance(tests), *filter(len, [skewed(tests)]), _limits(strategies["std_monthly_excess"], n_months)])


def _items(paragraphs: Sequence[str]) -> str:
    """Paragraphs as the items of a list."""
    return "\n".join(f"* {paragraph}" for paragraph in paragraphs)


def universe(performance: pd.DataFrame, n_months: int) -> str:
    """What equal weight earned beside the index, without any forecast, by `metrics.performance_table`."""
    table = performance.set_index("strategy")
    if EQUAL_WEIGHT not in table.index or BENCHMARK not in table.index:
        return "This run has no equal weight beside an index."
    own, index = table.loc[EQUAL_WEIGHT], table.loc[BENCHMARK]
    return (f"`{EQUAL_WEIGHT}` holds every asset and reads no forecast. It earned {percent(own['total_return'])} in the test "
            f"period, and the index earned {percent(index['total_return'])}{_lead(own, n_months)}. This difference is due "
            "to the choice of the assets, and to their dividends where the index is a price index.")


def _lead(row: pd.Series, n_months: int) -> str:
    """The mean monthly excess of a strategy with its standard error; nothing where it cannot be computed."""
    mean, error = row["mean_monthly_excess"], row["std_monthly_excess"] / np.sqrt(n_months)
    return "" if not np.isfinite(mean) or not np.isfinite(error) else (
        f": a mean lead of {100 * mean:.1f} ± {100 * error:.1f} percentage points a month (± standard error, "
        f"{counted(n_months, 'month')})")


def _best_by_return(totals: pd.Series) -> str:
    own = totals.drop(BENCHMARK, errors="ignore")
    text = f"**Total return.** {_best(own, percent, 'over the test period', beside=totals)}."
    others = own.drop(EQUAL_WEIGHT, errors="ignore")
    if len(others) in (0, len(own)):
        return text
    ahead = (others > own[EQUAL_WEIGHT]).sum() or "none"
    return (f"{text} Of the {counted(len(others), 'other strategy', 'other strategies')}, {ahead} ended ahead of "
            f"`{EQUAL_WEIGHT}`.")


def _best_by_ratio(strategies: pd.DataFrame, n_months: int) -> str:
    calm = riskless(strategies)
    ratios = strategies.loc[~calm, "information_ratio"]
    cash = named([f"`{name}`" for name in calm.index[calm]])
    cash = cash and f" {cash} took hardly any risk and cannot win it."
    if ratios.isna().all():
        return f"**Information ratio.** None can be computed from {counted(n_months, 'month')}.{cash}"
    best = _best(ratios, "{:.2f}".format, "a month", beside=ratios)
    return f"**Information ratio.** {best}{_lead(strategies.loc[ratios.idxmax()], n_months)}.{cash}"


def _best(values: pd.Series, written: Callable[[float], str], unit: str, *, beside: pd.Series) -> str:
    """The highest value of several strategies, and on which side of it equal weight and the benchmark stand."""
    best, count, sides = values.idxmax(), len(values), {"ahead of": [], "level with": [], "behind": []}
    for name, other in beside.reindex([EQUAL_WEIGHT, BENCHMARK]).drop(best, errors="ignore").dropna().items():
        alike = written(values[best]) == written(other)  # what is written alike is level
        side = "level with" if alike else "ahead of" if values[best] > other else "behind"
        sides[side].append(f"`{name}` ({written(other)})")
    whose = f"`{best}` is the {f'best of {count} strategies' if count > 1 else 'only strategy,'}"
    return f"{whose} with {written(values[best])} {unit}" + "".join(
        f", {side} {listed(names)}" for side, names in sides.items() if names)


def _difference(twins: pd.DataFrame) -> str:
    """What networks changed and earned, each against the same framework with a simple forecast."""
    opening = "**Did the networks make the difference?**"
    if twins.empty:
        return (f"{opening} This run cannot tell. It has no network's strategy that kept some wealth beside a twin: the "
                "same framework with a simple forecast.")
    apart, model = twins[twins["mean_distance"] > APART], twins["twin"].iloc[0].rpartition("+")[0]
    have = "strategy of a network has" if len(twins) == 1 else "strategies of networks have"
    text = (f"{opening} {len(twins)} {have} a twin, the same framework with the forecasts of `{model}`. On average, "
            f"{len(apart) or 'none'} held more than {percent(APART, 0)} of wealth in other assets than the twin.")
    if apart.empty:
        return f"{text} So the networks' forecasts hardly moved a weight, and can hardly have made a difference."
    if len(twins) > len(apart):
        text += f" What the other {len(twins) - len(apart)} earned comes from the framework, not from the network."
    more = apart["mean_difference"] > 0
    sides = [_significant(apart[more], "earned more a month than the twin")]
    sides += [] if more.all() else [_significant(apart[~more], "did not")]
    text += (f" Of the {len(apart)}, {' and '.join(sides)}, by two-sided signed-rank tests at {percent(LEVEL, 0)} with "
             f"Holm's correction for {counted(twins['signed_rank_p'].count(), 'test')}.")
    shown = (more & (apart["holm_p"] < LEVEL)).any()
    return text if shown else f"{text} We found no evidence that the networks' forecasts added return."


def _significant(rows: pd.DataFrame, did: str) -> str:
    """How many did it, and which of them differ significantly from their twin."""
    found = rows[rows["holm_p"] < LEVEL]
    gains = [f"`{name}`, by {percent(abs(gain), 2)}"
             for name, gain in zip(found["strategy"], found["mean_difference"])]
    return f"{len(rows)} {did} (significant: {listed(gains or ['none'])})" if len(rows) else f"none {did}"


def _significance(tests: pd.DataFrame) -> str:
    """How many of the distinct strategies beat the benchmark, raw and corrected."""
    n_tested = tests["wilcoxon_p"].count()
    if not n_tested:
        return "**Luck?** No strategy could be tested: too few months, or no differences from the benchmark."
    raw, corrected, sign_raw, sign_corrected, t_raw, t_corrected = (
        (tests[column] < LEVEL).sum() or "none" for test in ("wilcoxon_p", "sign_p", "t_p")
        for column in (test, f"{test}_holm"))
    text = (f"**Luck?** Of {counted(len(tests), 'strategy', 'strategies')}, {raw} beat the benchmark significantly at "
            f"{percent(LEVEL, 0)} by the one-sided signed-rank test taken alone, and {corrected} after Holm's correction "
            f"for {counted(n_tested, 'test')} (sign test: {sign_raw} and {sign_corrected}; t-test: {t_raw} and "
            f"{t_corrected}).")
    text += f" {len(tests) - n_tested} could not be tested." if n_tested < len(tests) else ""
    simple = tests.loc[tests["strategy"] == EQUAL_WEIGHT, "wilcoxon_p_holm"] < LEVEL
    return text if not simple.any() else (
        f"{text} `{EQUAL_WEIGHT}` is one of them, and it reads no forecast. So a lead over this benchmark says more about "
        "the universe than about any model.")


def _limits(deviations: pd.Series, n_months: int) -> str:
    months, varying = counted(n_months, "month"), deviations[deviations > 1e-12]
    if 0.5**n_months >= LEVEL:  # the smallest p-value that a signed-rank test can reach
        return (f"**Limits.** A signed-rank test of {months} cannot be significant, whatever the returns. So no lead can be "
                "shown here.")
    if varying.empty:
        return f"**Limits.** In {months} no strategy's lead over the benchmark varies: there is nothing to test."
    factor = scipy.stats.t.ppf(1 - LEVEL, n_months - 1) / np.sqrt(n_months)
    ends = [f"{percent(factor * varying[name])} a month for `{name}`, whose excess varies {kind},"
            for name, kind in ((varying.idxmin(), "least"), (varying.idxmax(), "most"))]
    return (f"**Limits.** With {months}, a mean excess must exceed {factor:.2f} of its standard deviation to be significant "
            f"even in a single t-test. That is {' and '.join(ends[:len(varying)]).rstrip(',')}. A smaller excess is not shown to be "
            "above zero, and strategies that are close cannot be ranked.")


def attribution(attributed: pd.DataFrame, *, use_residual: bool) -> str:
    """What the optimizer earns whatever it is fed with, and whether the forecasts made more, by `counterfactuals.attribution`."""
    own = attributed[attributed["forecast"] != ""]
    if own.empty:
        return "No framework of this run reads a forecast, so no return came from one."
    told = [f"`{EQUAL_WEIGHT}` earns {percent(attributed['total_return'].iloc[0])}."]
    for framework, rows in own.groupby("framework", sort=False):
        by_residual = rows["residual"].any()
        mine = rows[rows["residual"] == (use_residual and by_residual)].set_index("forecast")["total_return"]
        told.append(_fed(framework, mine, rows, by_residual and use_residual))
        if not by_residual and abs(mine[ZERO] - attributed["total_return"].iloc[0]) < SAME:
            told[-1] += " With zero forecasts it has no solution, so it holds equal weight."
    tested = own[own["answer"] != ""]
    for answer, rows in tested.groupby("answer", sort=False):
        names = [f"`{row.forecast}+{row.framework}` (p = {row.p_value:.3f} from {counted(row.n_shuffles, 'shuffle')}, "
                 f"{row.holm_p:.3f} after Holm's correction)" for row in rows.itertuples()]
        told.append(f"It is *{answer}* that the right forecast for each asset mattered: {listed(names)}.")
    return "\n\n".join(told)


def _fed(framework: str, totals: pd.Series, rows: pd.DataFrame, residual: bool) -> str:
    """What a framework earned with each forecast, with the residual and without."""
    perfect = rows.loc[rows["forecast"] == PERFECT, "total_return"].item()
    models = totals.drop([PERFECT, ZERO], errors="ignore")
    text = (f"**`{framework}`** with zero forecasts {'and their residual ' if residual else ''}earns {percent(totals[ZERO])}. "
            f"With a model's forecasts: {listed([f'`{name}` {percent(total)}' for name, total in models.items()])}. "
            f"With perfect foresight of each coming month: {percent(perfect, 0)}.")
    if residual:
        bare = rows[~rows["residual"] & (rows["forecast"] != PERFECT)]
        told = [f"`{row.forecast}` {percent(row.total_return)}" for row in bare.itertuples()]
        return f"{text} Without the residual: {listed(told)}. The residual of a zero forecast is momentum."
    moved = (models - totals[ZERO]).abs().max()
    return text if not moved < APART else f"{text} The forecasts change its total by less than {percent(APART, 0)} of the initial wealth."


def calendar(table: pd.DataFrame, left_out: Sequence[str]) -> str:
    """Between what a strategy ends on other days of the month, by `counterfactuals.offsets`; `left_out` are frameworks."""
    ends = table.groupby("strategy", sort=False)["total_return"].agg(["min", "max", "first", "size"])
    if ends["size"].max() < 2:
        return "In these prices there is no other day of the month to decide on."
    widest = (ends["max"] - ends["min"]).sort_values(ascending=False).index[:3]
    told = [f"`{name}` ends between {percent(ends['min'][name])} and {percent(ends['max'][name])} "
            f"({percent(ends['first'][name])} on its own calendar)" for name in widest]
    beside = "" if EQUAL_WEIGHT in widest else (
        f" `{EQUAL_WEIGHT}`: {percent(ends['min'][EQUAL_WEIGHT])} to {percent(ends['max'][EQUAL_WEIGHT])}.")
    few = [f"`{name}` on {count}" for name, count in ends["size"].items() if count < ends["size"].max()]
    few = f" Frameworks that take long to solve have fewer calendars: {listed(few)}." if few else ""
    none = f" Not decided again: {listed([f'`{name}`' for name in left_out])}." if left_out else ""
    return f"**Calendars.** Over {ends['size'].max()} calendars, {'; '.join(told)}.{beside}{few}{none}"


def trainings(per_seed: pd.DataFrame, performance: pd.DataFrame) -> str:
    """Between what a strategy ends by the seed of its network, by `counterfactuals.by_seed`."""
    if per_seed.empty:
        return ("**Seeds.** Each network was trained once, so this run does not tell what another seed would have earned. Set "
                "`seeds` to 5 or more to see it.")
    ends, own = per_seed.groupby("strategy", sort=False)["total_return"], performance.set_index("strategy")["total_return"]
    told = [f"`{name}` ends between {percent(totals.min())} and {percent(totals.max())} (the mean of all forecasts: "
            f"{percent(own[line(name, own.index)])})" for name, totals in ends]
    return f"**Seeds.** Over {counted(per_seed['seed'].nunique(), 'seed')}, {'; '.join(told)}."


def ranks(claimed: pd.DataFrame) -> str:
    """Which ranks may be claimed, by `counterfactuals.claimed`: those that hold in each draw of calendar and seed."""
    draws = [name for name, column in (("calendar", "offset_low"), ("seed", "seed_low")) if column in claimed]
    if not draws:
        return "**Ranks.** There is no other calendar and no other seed to compare, so no rank is claimed."
    every = " and ".join(f"every {name}" for name in draws)
    held = [f"`{row.strategy}` {'above' if row.difference > 0 else 'below'} `{row.rival}`"
            for row in claimed[claimed["claimed"]].itertuples()]
    return (f"**Ranks.** We compare each strategy with `{EQUAL_WEIGHT}` and with its twin, the same framework fed with the "
            f"historical mean. Of {counted(len(claimed), 'rank')}, {len(held) or 'none'} "
            f"{'hold' if len(held) > 1 else 'holds'} in {every}" + (f": {listed(held)}." if held else ", so none is claimed."))


def without_best(table: pd.DataFrame) -> str:
    """What one month and one asset were worth to the highest total, and which leads over equal weight they made."""
    if table.empty:
        return "No strategy kept its wealth, so there is nothing to leave out."
    rows = table.set_index("strategy")
    top = rows["total_return"].idxmax()
    best = rows.loc[top]
    rank = "the highest" if len(rows) > 1 else "the only"
    text = (f"**One month or one asset?** `{top}` has {rank} total, {percent(best['total_return'])}. Without its best month, "
            f"{best['best_month']:%B %Y} ({percent(best['month_return'])}), this is {percent(best['without_month'])}. Without "
            f"its best asset, {literal(best['best_asset'])}, it is {percent(best['without_asset'])}.")
    if EQUAL_WEIGHT not in rows.index or len(rows) == 1:
        return text
    leads = rows.drop(index=EQUAL_WEIGHT)[["total_return", "without_month", "without_asset"]] - rows.loc[EQUAL_WEIGHT]
    ahead = leads[leads["total_return"] > SAME]
    text += (f" Of the {counted(len(leads), 'strategy', 'strategies')} beside `{EQUAL_WEIGHT}`, {len(ahead) or 'none'} "
             "ended ahead of it.")
    gone = {what: [f"`{name}`" for name in ahead.index[ahead[column] <= SAME]] for column, what in (
        ("without_month", "best month"), ("without_asset", "best asset"))}
    for what, names in gone.items():
        if names:
            text += f" Without the {what} of each, {listed(names)} no longer {'are' if len(names) > 1 else 'is'}."
    return text if ahead.empty or any(gone.values()) else (
        f"{text} {'It stays' if len(ahead) == 1 else 'All stay'} ahead when each is without its best month, or without "
        "its best asset.")


def certainty(table: pd.DataFrame, differences: pd.DataFrame, performance: pd.DataFrame, n_months: int) -> str:
    """How wide the intervals are, whose Sharpe ratio is shown to be higher, and what so many months can show at all.

    `table` and `differences` are as `intervals.intervals` and `intervals.sharpe_differences` give them.
    """
    told, own = [], table[~table["strategy"].isin([BENCHMARK])].dropna(subset=["low", "high"])
    totals = own[own["metric"] == "total_return"].set_index("strategy")
    if own.empty or totals.empty:
        told += ["**How sure?** There are too few days for intervals."]
    else:
        top = totals["value"].idxmax()
        row = totals.loc[top]
        told += [f"**How sure?** `{top}` ended with {percent(row['value'])}. The 95 % interval of that total goes from "
                 f"{percent(row['low'])} to {percent(row['high'])}."]
    for question, rows in (("Better than equal weight?", differences[differences["rival"] == EQUAL_WEIGHT]),
                           ("Better than the twin?", differences[differences["rival"] != EQUAL_WEIGHT])):
        told += [f"**{question}** {_verdicts(rows)}"] if len(rows) else []
    told += [power(performance, n_months)]
    return "\n\n".join(told)


def _verdicts(rows: pd.DataFrame) -> str:
    """For which a higher Sharpe ratio is shown, not shown, and shown to be absent, and the p that comes nearest."""
    names = {answer: [f"`{name}`" for name in rows.loc[rows["verdict"] == answer, "strategy"]]
             for answer in (SHOWN, NOT_SHOWN, ABSENT)}
    names[NOT_SHOWN] = [f"{len(names[NOT_SHOWN])} of {counted(len(rows), 'strategy', 'strategies')}"]
    kept = [answer for answer in names if (rows["verdict"] == answer).any()]
    text = f"A higher Sharpe ratio is {listed([f'*{answer}* for {listed(names[answer])}' for answer in kept])}"
    if rows["p"].isna().all():
        return f"{text}: the returns hardly differ, or there are too few days to test."
    least = rows.loc[rows["p"].idxmin()]
    return (f"{text}. The smallest p-value, {_p_value(least['p'])} ({_p_value(least['holm_p'])} after Holm's correction "
            f"for {counted(int(rows['p'].count()), 'test')}), is that of `{least['strategy']}`, whose ratio differs by "
            f"{least['difference']:+.2g} a year (95 % interval {least['low']:+.2g} to {least['high']:+.2g}).")


def power(performance: pd.DataFrame, n_months: int) -> str:
    """The monthly information ratio that so many months could have shown, beside the highest that was measured."""
    needed = needed_ratio(n_months)
    if not needed > 0:
        return "**What could be shown?** Nothing: a test takes two months at least."
    rows = performance.set_index("strategy")
    ratios = rows.loc[~(ruined(rows) | riskless(rows)), "information_ratio"].dropna()
    text = (f"**What could be shown?** In {counted(n_months, 'month')} a one-sided t-test at {percent(LEVEL, 0)} finds "
            f"a lead over the benchmark in {percent(POWER, 0)} of cases only if the true information ratio is at least "
            f"{needed:.2f} a month.")
    if ratios.empty:
        return text
    return (f"{text} The highest measured here is {ratios.max():.2f} (`{ratios.idxmax()}`), and the highest of several "
            "measured ratios tends to exceed its true value.")


def names(copies: dict[str, list[str]]) -> str:
    """Which names stand for one strategy, by `holdings.near_copies`."""
    number, several = sum(map(len, copies.values())), {line: same for line, same in copies.items() if len(same) > 1}
    if not several:
        return "No two strategies hold the same weights."
    told = [f"`{line}` stands for {listed([f'`{name}`' for name in same])}" for line, same in several.items()]
    return (f"{number} names stand for {counted(len(copies), 'strategy', 'strategies')}: weights that never differ by more than "
            f"{percent(APART, 0)} of wealth count once. {'; '.join(told)}.")


def costs_said(cost_bps: float, borrow_rate: float) -> str:
    """What a figure's subtitle says of the costs that are in its returns; nothing where there are none.

    >>> costs_said(10.0, 0.0), costs_said(0.0, 0.0)
    (', net of costs of 10 basis points', '')
    """
    told = [f"{cost_bps:g} basis points"] * (cost_bps > 0) + [f"{percent(borrow_rate)} a year of shorts"] * (borrow_rate > 0)
    return f", net of costs of {listed(told)}" if told else ""


def promises(kept: pd.DataFrame, *, estimation_window: int) -> str:
    """How many strategies fell short of what the windows before the decisions showed, by `investors.kept`."""
    short = {what: ((sign * (kept[f"{what} got"].round(3) - kept[f"{what} promised"].round(3))) < -1e-9).sum() or "none"
             for what, sign in (("return", 1), ("volatility", -1), ("drawdown", 1))}
    text = (f"Of {counted(len(kept), 'strategy', 'strategies')}, {short['return']} had a lower return than in the "
            f"{estimation_window} days before the decisions, and {short['volatility']} had a higher volatility")
    gap = kept["drawdown promised"] - kept["drawdown got"]
    if gap.isna().all():
        return f"{text}. Too few days follow the decisions to compare drawdowns of the same length."
    row = kept.loc[gap.idxmax()]
    return (f"{text}. In the same number of days after them, {short['drawdown']} had a deeper drawdown. The largest gap is "
            f"that of `{row['strategy']}`: {percent(-row['drawdown promised'])} promised, {percent(-row['drawdown got'])} "
            "received.")


def of_twins(twins: pd.DataFrame) -> str:
    """How far each network's strategy is from its twin, in weights and in what it earned, by `evidence.against_twins`."""
    if twins.empty:
        return "No strategy of a network stands beside a twin in this run."
    told = []
    for row in twins.itertuples():
        error = "" if pd.isna(row.standard_error) else f" ± {100 * row.standard_error:.2f}"
        tested = "no month differs" if pd.isna(row.holm_p) else f"Holm's p {_p_value(row.holm_p)}"
        told.append(f"`{row.strategy}` less `{row.twin}`: {round(100 * row.mean_difference, 2) + 0.0:.2f}{error} percentage points a "
                    f"month, {tested}; weights {percent(row.mean_distance)} apart.")
    return _items(told)


def advice(served: list[Served]) -> pd.DataFrame:
    """Which strategy served which investor best, a row per wish, from `investors.served`.

    Returns
    -------
    DataFrame (4, 8)
        Short texts: `if your investor` (is, and wants), `then` (the strategies that were best at it: three at most, or
        two and how many others), `which had` (what they reached), `and with it` (what came with that; of the first,
        where they differ in it), `its framework` (the framework that Nguyen 2025 gives to this investor, and what
        the best of its strategies reached), `equal weight` and `index` (what these reached), `beware`.
    """
    rows = []
    for one in served:
        framework, beside = WISHES[one.measure]
        investor = FRAMEWORKS[framework].profile if framework else "paying for every trade"
        names = list(one.best.index)
        best = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} others"]
        with_it = [", ".join(f"{noun(name)} {_written(row[name], name)}" for name in beside if pd.notna(row[name]))
                   for _, row in one.best.iterrows()]
        gone = [name for name in one.ruined + one.riskless if name.endswith(f"+{framework}")]
        choice, equal, index = (_written(value, one.measure, missing) for value, missing in (
            (one.chosen, "none that counts" if gone else "not in this run"), (one.equal_weight, "none"),
            (one.index, "none")))
        rows.append((
            f"{investor}: {WANTED[one.measure]}", listed(best or ["cannot be told"]),
            f"{noun(one.measure)} {_written(one.best[one.measure].iloc[0], one.measure)}" if names else "not measured",
            "" if not names else with_it[0] if len(set(with_it)) == 1 else f"first: {with_it[0]}",
            f"{framework.upper()}: {choice}" if framework else "none", equal, index, _beware(one)))
    return pd.DataFrame(rows, columns=["if your investor", "then", "which had", "and with it", "its framework",
                                       "equal weight", "index", "beware"])


def _beware(one: Served) -> str:
    """What makes a winner doubtful, its p-values or a close runner-up and a better index; and who could not win."""
    told = [f"{named(names)} {why}" for names, why in (
        (one.ruined, "lost all wealth"), (one.riskless, "took hardly any risk" + f", so no {noun(one.measure)}"
                                          * (METRICS[one.measure].number == PLAIN))) if names]
    return "; ".join(filter(None, [_doubt(one), *told]))


def _doubt(one: Served) -> str:
    """What makes a winner doubtful."""
    if one.p_values:
        told = {beats: [f"{rival} ({'untested' if pd.isna(p) else f'p {_p_value(p)}'})" for rival, p in one.p_values.items()
                        if (p < LEVEL) == beats] for beats in (True, False)}
        return "; ".join(f"{SHOWN if beats else NOT_SHOWN} to beat {listed(rivals, 'and' if beats else 'or')}"
                         for beats, rivals in told.items() if rivals)
    told = [f"hardly ahead of {one.runner_up}"] * bool(one.runner_up) + ["the index did better"] * one.index_ahead
    return "; ".join(told)


def _written(value: float, measure: str, missing: str = "") -> str:
    """A value as it is read: a ratio as it is, a fraction in percent, a drawdown without its sign."""
    if pd.isna(value):
        return missing
    if METRICS[measure].number == PLAIN:
        return f"{value:.2f}"
    return percent(abs(value) if measure == "max_drawdown" else value)


def skill(table: pd.DataFrame) -> str:
    """Which models are shown to forecast, which are shown not to, and the numbers, by `gate.verdicts`."""
    judged = table.dropna(subset="gain")
    if judged.empty:
        return "No forecast could be judged: no asset moved on these days, or no model but `zero` made any."
    names = {verdict: rows["model"].map("`{}`".format).tolist() for verdict, rows in judged.groupby("verdict")}
    days, shown, tested = int(judged["n_days"].max()), names.get(SHOWN, []), int(judged["p_holm"].notna().sum())
    told = [f"**{listed(shown)} {'is' if len(shown) == 1 else 'are'} shown to forecast.**" if shown else
            "**No model is shown to forecast.**",
            f"We compared {counted(len(judged), 'model')} with forecasts that know nothing, over "
            f"{counted(days, 'day')}."]
    if tested:
        nearest = judged.loc[judged["p_holm"].idxmin() if judged["p_holm"].nunique() > 1 else judged["p_value"].idxmin()]
        told += [f"The strongest case is `{nearest['model']}`: p is {_p_value(nearest['p_value'])} against its hardest rival "
                 f"(Clark-West, one-sided), and {_p_value(nearest['p_holm'])} after Holm's correction for "
                 f"{counted(tested, 'model')}."]
    ruled_out = [f"`{row.model}` (its squared error is {_ends(row)} that of `{row.rival}`)"
                 for row in judged[judged["verdict"] == ABSENT].itertuples()]
    told += [f"Skill is shown to be absent for {listed(ruled_out)}: a gain of {percent(gate.SMALL)} in squared error is "
             "ruled out with 95 % confidence."] if ruled_out else []
    costs = judged.loc[judged["gain_high"] < 0, "model"].map("`{}`".format).tolist()
    told += [f"The errors of {listed(costs)} are larger than chance explains. This is the cost of estimating parameters. "
             "It does not show that the simple forecast is true."] if costs else []
    best = judged.loc[judged["p_set"] > gate.SET_SIZE, "model"].map("`{}`".format).tolist()
    each = "each of them" if len(best) > 1 else "it"
    told += [f"The model confidence set keeps {listed(best)}: {each} may be the most accurate model."] if best else []
    return " ".join(told)


def variation(spread: pd.DataFrame) -> str:
    """How much next-day forecasts vary beside the returns, and which are almost constant, by `forecast_spread`."""
    rows, shares = spread.set_index("model"), _shares(spread)
    if shares.empty:
        return "No decision looks ahead further than a day, or no asset moved, so there is nothing to compare."
    rows = rows.loc[shares.index]
    told = [f"{percent(row.deviation_next_day, 3)} for `{row.Index}`" for row in rows.itertuples()]
    actual = percent(rows["actual_deviation"].iloc[0], 2)
    return (f"Daily returns have a standard deviation of **{actual}**. That of the next-day forecasts is {listed(told)}: "
            f"{_from_to(shares, percent)} of that of the returns.{_flat(shares)}")


def _shares(spread: pd.DataFrame) -> pd.Series:
    """The standard deviation of each model's next-day forecasts as a share of that of the returns, without `zero`."""
    rows = spread[(spread["model"] != ZERO) & (spread["actual_deviation"] > 0)].set_index("model")
    return (rows["deviation_next_day"] / rows["actual_deviation"]).dropna()


def _flat(shares: pd.Series) -> str:
    """Which models that claim to know something are almost constant; '' where none is."""
    flat = [f"`{model}`" for model in shares.index[shares < FLAT] if model not in gate.KNOW_NOTHING]
    return f" **{listed(flat)} {'is' if len(flat) == 1 else 'are'} almost constant.**" if flat else ""


def forecasting(spread: pd.DataFrame, accuracy: pd.DataFrame, base_rates: pd.Series, verdicts: pd.DataFrame) -> str:
    """What stage 04 showed, an item each: how much forecasts vary, their errors, their direction, and the verdicts.

    The frames are as `accuracy.forecast_spread`, `accuracy.accuracy_table`, `accuracy.base_rates` and `gate.verdicts`
    give them.
    """
    hits, judged = accuracy.set_index("model")["hr_mean"].dropna(), verdicts.set_index("model").dropna(subset="gain")
    shares = _shares(spread)
    told = [f"**Size.** The standard deviation of forecasts is {_from_to(shares, percent)} of that of the returns."
            f"{_flat(shares)}"] if len(shares) else []
    if len(judged):
        told += ["**Error.** The gain in squared error over the best forecast that knows nothing is "
                 f"{_from_to(judged['gain'], lambda gain: percent(gain, 2))}; below zero, the model is worse."]
    if len(hits):
        always = base_rates[["always_up_hr", "always_down_hr"]].max()
        told += [f"**Direction.** The sign is right on {_from_to(hits, percent)} of the days. The same sign every day is "
                 f"right on {percent(always)}."]
        tested = judged["direction_p"].dropna()
        told[-1] += (f" The smallest p-value of a test of direction is {_p_value(tested.min())} (`{tested.idxmin()}`), before any "
                     "correction for the number of models.") if len(tested) else ""
    models = {answer: [f"`{model}`" for model in judged.index[judged["verdict"] == answer]]
              for answer in (SHOWN, NOT_SHOWN, ABSENT)}
    answers = "; ".join(f"{answer} for {listed(names)}" for answer, names in models.items() if names)
    told += [f"**Verdict.** Skill is {answers}." if answers else "**Verdict.** No forecast could be judged."]
    return "\n".join(f"* {item}" for item in told)


def _from_to(values: pd.Series, written: Callable[[float], str]) -> str:
    """The lowest and the highest of several models' values, each with its model."""
    ends = values.sort_values().iloc[[0, -1]]
    return " to ".join(dict.fromkeys(f"{written(value)} (`{model}`)" for model, value in ends.items()))


def _ends(row: NamedTuple) -> str:
    """Both ends of the interval of a model's squared error relative to its rival's, in words."""
    low, high = -row.gain_high, -row.gain_low
    sign = ["above" if end >= 0 else "below" for end in (low, high)]
    first, last = percent(abs(low), 2), percent(abs(high), 2)
    return f"{first} to {last} {sign[1]}" if sign[0] == sign[1] else f"between {first} {sign[0]} and {last} {sign[1]}"


def risk_aversion(mu: pd.Series, covariance: pd.DataFrame, *, chosen: float) -> str:
    """What a value of risk aversion means for mean-variance, in percent a day: variances beside differences of means.

    >>> variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    >>> risk_aversion(pd.Series({"A": 0.0015, "B": 0.0005}), variances, chosen=1)[-57:]
    'The difference is 10 times as large, so the means decide.'
    """
    priced, apart = chosen * float(np.median(np.diag(covariance))), float(mu.max() - mu.min())
    ratio = apart / priced if priced > 0 else np.inf
    decides = "the means decide" if ratio > 3 else "the variances decide" if ratio < 1 / 3 else "both count"
    size = f"{ratio:.3g} times as large" if ratio >= 1 else "smaller"
    return (f"With $\\gamma$ = {chosen:g}, the variance of the median asset counts as $\\gamma\\sigma^2$ = {percent(priced, 3)} per "
            f"day. The highest and the lowest expected return differ by {percent(apart, 3)} per day. The difference is {size}, so "
            f"{decides}.")


def risk_shares(contributions: pd.DataFrame, distance: pd.DataFrame) -> str:
    """How risk is spread under equal weight, and how far forecasts move risk parity.

    The frames are as `holdings.risk_contributions` and `decisions.rpp_distance` give them.
    """
    share = contributions[contributions["strategy"] == EQUAL_WEIGHT].set_index("asset")["risk_share"].dropna()
    told = [f"Equal weight puts {percent(1 / len(share))} of the money into each asset. Its shares of risk run from "
            f"{percent(share.min())} ({code(share.idxmin())}) to {percent(share.max())} ({code(share.idxmax())})."] if len(share) else []
    moved = distance["largest_distance"].max() if len(distance) else np.nan
    told += [f"Forecasts move risk parity by at most {percent(moved, 2)} of wealth at any rebalance."] if moved >= 0 else []
    return " ".join(told)


def decided(weights: pd.DataFrame, momentum: pd.DataFrame, passed: Sequence[str], *, n_strategies: int) -> str:
    """What the decisions of a run came to, in a list: portfolios that differ, concentration, and what forecasts did.

    `weights` has the lines of `holdings.merged`, `momentum` is as `decisions.momentum_share` gives it, and `passed` names
    the models that the gate lets pass.
    """
    names = list(weights["strategy"].unique())
    held = concentration(weights).groupby("strategy")["effective_holdings"].mean()
    by_framework = held.groupby(lambda name: parts(name)[1]).agg(["min", "max"]).drop(EQUAL_WEIGHT, errors="ignore")
    ranges = [f"`{name}` {low:.1f}" + (f" to {high:.1f}" if f"{low:.1f}" != f"{high:.1f}" else "")
              for name, low, high in by_framework.itertuples()]
    told = [f"{counted(n_strategies, 'strategy', 'strategies')} came to {counted(len(names), 'different portfolio')}." + (
        f" The others differ from one of these by at most {percent(APART, 0)} of wealth on every date." * (len(names) < n_strategies))]
    told += [f"Effective holdings, mean over rebalances: {listed(ranges)}, of {counted(weights['asset'].nunique(), 'asset')}."
             ] * bool(ranges)
    known = momentum.dropna(subset=["window_mean_correlation", "forecast_correlation"])
    if len(known):
        near, far = ([f"{row[part]:.2f} (`{row['model']}`)" for _, row in known.iterrows()]
                     for part in ("window_mean_correlation", "forecast_correlation"))
        told += [f"The expected return of MVF has a correlation with momentum, the mean return of the window, of {listed(near)}. "
                 f"Its correlation with the forecast is {listed(far)}."]
    shown = listed([f"`{name}`" for name in passed]) if passed else "none of the models"
    told += [f"Shown to forecast by the gate of stage 4: {shown}."]
    return "\n".join(f"* {line}" for line in told)


def marks(table: pd.DataFrame) -> str:
    """What a mark after a name in a figure means, or why there is none, by `gate.verdicts`."""
    models = [f"`{model}`" for model in gate.passed(table)]
    if not models:
        return "No model is shown to forecast (the gate of stage 4), so no strategy has a mark in these figures."
    return (f"{PASSED} after a name: the strategy's forecasts passed the gate of stage 4. So {listed(models)} "
            f"{'is' if len(models) == 1 else 'are'} shown to forecast. Whether a strategy earned more by it is another question.")


def persistence(table: pd.DataFrame) -> str:
    """Whether assets keep their volatility and their mean return, by `risk_forecasts.persistence`."""
    told = [f"{row.correlation:.2f} (standard error {row.error:.2f})" for row in
            table.loc[["volatility", "mean_return"]].itertuples()]
    if table["error"].isna().any():
        return "There are too few rebalances, or too few assets, to say whether the past of an asset lasts."
    return (f"The rank correlation across assets between past and coming volatility is {told[0]}. For mean returns it is "
            f"{told[1]}. Both are means over {counted(int(table['n_dates'].min()), 'rebalance')}.")


def risk_forecasts(table: pd.DataFrame) -> str:
    """Which covariance forecast risk best, and whether that is shown, by `risk_forecasts.comparison`."""
    rows = table.set_index("estimator")
    sample, rivals = rows.loc["sample"], rows.drop("sample").dropna(subset="variance_difference")
    if pd.isna(sample["volatility"]) or rivals.empty:
        return "No minimum-variance portfolio could be compared in this study."
    best = rows["variance"].idxmin()
    told = [f"The sample covariance promised its minimum-variance portfolio a volatility of "
            f"{percent(sample['promised_volatility'])} a year. It had {percent(sample['volatility'])}."]
    told += ["No other estimator led to a lower variance." if best == "sample" else
             f"The lowest volatility, {percent(rows.loc[best, 'volatility'])}, came with `{best}`, which promised "
             f"{percent(rows.loc[best, 'promised_volatility'])}."]
    for measure, what in (("variance", "a lower variance than"), ("loss", "a smaller likelihood loss than")):
        better = rivals[(rivals[f"{measure}_p"] < LEVEL) & (rivals[f"{measure}_difference"] < 0)]
        worse = rivals[(rivals[f"{measure}_p"] < LEVEL) & (rivals[f"{measure}_difference"] > 0)]
        if pd.isna(sample[measure]):  # singular, which is told below
            continue
        names = [f"`{name}`" for name in better.index]
        told += [f"{listed(names)} {'has' if len(names) == 1 else 'have'} {what} `sample`, significant at 5 % after "
                 "Holm's correction." if names else
                 f"No estimator is shown to have {what} `sample` (at 5 %, with Holm's correction)."]
        if len(worse):
            names = [f"`{name}`" for name in worse.index]
            told += [f"{listed(names)} {'is' if len(names) == 1 else 'are'} significantly worse."]
    singular = rows.index[rows["loss"].isna()]
    told += [f"Without a loss, because singular on every date: {named(singular)}."] if len(singular) else []
    return " ".join(told)


def hypotheses(table: pd.DataFrame) -> str:
    """What `gate.hypotheses` found: H1 and H2 against the mean, and a sentence about the other baselines."""
    if table.empty:
        return "No network was asked for in this run, so there is nothing to test."
    on_mean, others = table[table["rival"] == gate.RIVAL], []
    for rival, rows in table[table["rival"] != gate.RIVAL].groupby("rival", sort=False):
        more, less = _holders(rows)
        others.append(f"gainst {rival}, H1 holds for {more} and H2 for {less}")
    last = [f"* A{'; a'.join(others)}."] if others else []
    if on_mean["gain"].isna().all():
        return "On these days no error can be compared: no asset moved, or none was traded."
    h1, h2 = _holders(on_mean)
    best, worst = ([row["model"], f"{percent(abs(row['gain']), 2)} {'smaller' if row['gain'] > 0 else 'larger'}"]
                   for row in (on_mean.loc[on_mean["gain"].idxmax()], on_mean.loc[on_mean["gain"].idxmin()]))
    ends = [f"The errors of the best network, {best[0]}, are {best[1]} than those of the mean", f"those of the worst, {', '.join(worst)}"]
    behind = list(on_mean.loc[on_mean["gain_high"] < 0, "model"])
    costs = [f"* *In this sample*, the mean is more accurate than {listed(behind)}, by more than chance explains. A network with "
             "many parameters loses accuracy by estimating them. This is not evidence for H2."] if behind else []
    return "\n".join([
        f"The tests compare the squared errors of each network with those of the historical mean, which is Markowitz's "
        f"forecast, over {counted(int(on_mean['n_days'].max()), 'day')}.", "",
        f"* **H1** (the network predicts what the mean does not) holds for {h1} at the 5 % level, two-sided, "
        f"Holm-corrected for {counted(int(table['p_holm'].notna().sum()), 'test')}.",
        f"* **H2** (the network's forecasts point the wrong way) holds for {h2}.", *costs,
        f"* {'; '.join(ends[:len(on_mean)])}.", *last])


def _holders(rows: pd.DataFrame) -> tuple[str, str]:
    """Networks of which H1 holds, and those of which H2 holds."""
    none = [f"none of {counted(len(rows), 'network')}"]
    h1, h2 = (list(rows.loc[rows["verdict"] == verdict, "model"]) for verdict in ("H1", "H2"))
    return listed(h1 or none), listed(h2 or none)


def accounting(points: pd.DataFrame) -> str:
    """Every point of a sweep in one sentence, and each that is not done with its reason."""
    counts = points["state"].value_counts(sort=False).sort_index(key=lambda states: states != "done", kind="stable")
    told = ", ".join(f"{number} {state}" for state, number in counts.items())
    undone = points[points["state"] != "done"]
    lines = [f"* `{row['point']}` {row['state']}" + (f" in {row['stage']}" if row["stage"] else "")
             + (f": {_short(row['error'])}" if row["error"] else "") for _, row in undone.head(MOST).iterrows()]
    lines += [f"* and {len(undone) - MOST} more, in points.csv"] if len(undone) > MOST else []
    return "\n".join([f"**{counted(len(points), 'point')}: {told}.**", *([""] if lines else []), *lines])


def _short(text: str) -> str:
    """An error on one line, without what Markdown would read as markup."""
    flat = " ".join(text.split())
    return literal(flat if len(flat) <= 300 else flat[:297] + "...")


def leader(results: pd.DataFrame, metric: str) -> str:
    """The best row of a sweep, beside equal weight of its own point, and how many rows are ahead of theirs."""
    rows = ranking(contenders(results, metric), metric)
    best, lower = rows.iloc[0], lower_is_better(metric)
    tied = int((rows["rank"] == 1).sum()) - 1
    text = (f"By `{metric}` ({'lower' if lower else 'higher'} is better) point `{best['point']}`, strategy "
            f"`{best['strategy']}`, is the best of {len(rows)}: {_number(best[metric])}"
            + (f", with {tied} level with it." if tied else "."))
    lost = ruined(results)
    for why, which in ("lost all wealth", lost), ("took hardly any risk", riskless(results) & ~lost):
        points = results.loc[which & (results["strategy"] != BENCHMARK), "strategy"].value_counts(sort=False)
        text += "".join(f" `{name}` {why} in {counted(number, 'point')} and has no rank there."
                        for name, number in points.items())
    rest = results[~results["strategy"].isin([*rows["strategy"], EQUAL_WEIGHT, BENCHMARK])]
    if len(rest := ranking(rest, metric)) and (rest[metric].iloc[0] < best[metric]) == lower:
        text += (f" `{rest['strategy'].iloc[0]}`, which no parameter changes, is better with "
                 f"{_number(rest[metric].iloc[0])}.")
    simple = results[results["strategy"] == EQUAL_WEIGHT].set_index("point")[metric].dropna()
    if best["point"] not in simple.index or best["strategy"] == EQUAL_WEIGHT:
        return text
    against = (rows[metric] - rows["point"].map(simple)) * (-1 if lower else 1)
    ahead = int((against > SAME).sum())
    return (f"{text} Equal weight has {_number(simple[best['point']])} in the same point; {ahead or 'none'} of the "
            f"{len(rows)} {'are' if ahead != 1 else 'is'} ahead of equal weight in the same point.")


def standing(sweep: Sweep, metric: str) -> str:
    """The rank of the base's own choice among the points, each by its best strategy."""
    whose = "The base's own choice" if sweep.paper == "none" else f"The paper's configuration (`{sweep.paper}`)"
    if not sweep.base_point:
        return f"{whose} (`{sweep.base}`) is none of the points of this sweep."
    rows = point_ranking(contenders(sweep.results, metric), metric)
    if sweep.base_point not in set(rows["point"]):
        none = "strategy that can be ranked" if sweep.base_point in set(sweep.results["point"]) else "result here"
        return f"{whose}, point `{sweep.base_point}`, has no {none}, so it has no rank."
    own, best = rows.set_index("point").loc[sweep.base_point], rows.iloc[0]
    tied = int((rows["rank"] == own["rank"]).sum()) - 1
    return (f"{whose}, point `{sweep.base_point}`, is **rank {own['rank']} of {len(rows)}** by `{metric}`: "
            f"{_number(own[metric])} with `{own['strategy']}`"
            + (f", level with {counted(tied, 'other')}" if tied else "") + ("." if own["rank"] == 1 else
               f"; the best point has {_number(best[metric])} with `{best['strategy']}`."))


def repetition(spread: pd.DataFrame, parameters: list[str], metric: str) -> str:
    """What another seed changes beside what another setting changes; `spread` is as `trials.by_seed` gives it."""
    if SEED not in parameters:
        return (f"All points of this sweep have the same seed, so it does not show what another seed does to `{metric}`. "
                "`seed: [7, 8, 9]` in the grid would show it.")
    repeated = spread[spread["n_seeds"] > 1]
    if repeated.empty:
        return f"No setting of this sweep has `{metric}` of two seeds."
    moved = repeated[repeated["highest"] - repeated["lowest"] > SAME]
    if moved.empty:
        return f"Another seed changes `{metric}` of no strategy here."
    apart = moved["deviation"]
    text = (f"Another seed changes `{metric}` of {moved['strategy'].nunique()} of {spread['strategy'].nunique()} "
            f"strategies. Among them, the seeds of one setting have a standard deviation of {_number(apart.median())} "
            f"(median over {len(moved)} settings, at most {_number(apart.max())})")
    between = moved.groupby("strategy")["mean"].std().median()  # missing where each strategy has one setting
    if pd.isna(between):
        return text + "."
    by_chance = (apart / moved["n_seeds"] ** 0.5).median()  # the deviation of a mean of so many seeds
    side = "no more than" if between <= by_chance else "more than"
    return (f"{text}. The means of the settings have a standard deviation of {_number(between)} (median over strategies), "
            f"{side} the {_number(by_chance)} that seeds alone give them.")


def tried_sentence(tried: pd.DataFrame, net_returns: pd.DataFrame, compared: pd.DataFrame) -> str:
    """How many trials the tests below count, and on which days.

    The three are as `trials.distinct_trials`, a `Sweep` and `trials.comparable` give them.
    """
    own, n_compared = without_rivals(net_returns), without_rivals(compared).shape[1]
    n_columns, ruins = own.shape[1], [f"`{name}`" for name in own.columns[bankrupt(own)]]
    left_out, alike = n_columns - n_compared - len(ruins), n_compared - tried.shape[1]
    return (f"**{counted(tried.shape[1], 'distinct trial')}** on {len(tried)} common days, {tried.index[0]:%Y-%m-%d} "
            f"to {tried.index[-1]:%Y-%m-%d}, of {n_columns} columns of returns"
            + (f"; {alike} {'repeats' if alike == 1 else 'repeat'} another one" if alike else "")
            + (f"; {named(ruins)} lost all wealth" if ruins else "")
            + (f"; {left_out} cannot be compared: they hardly vary, or have too few days in common with the best one."
               if left_out else "."))


def _number(value: float) -> str:
    return f"{value:#.4g}"


def _p_value(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def verdict(judged: pd.DataFrame, overfitting: luck.Overfitting | None = None) -> str:
    """Is the best of many trials better than luck? One of three answers, and per rival the numbers that decide it.

    `judged` is as `luck.judge` gives it. A probability of overfitting is said beside the answer and decides nothing.
    """
    answer = luck.verdict(judged)
    if judged.empty:
        return f"**{answer.capitalize()}**: there is no rival to be better than."
    meaning = {ABSENT: "the lead of the best one is no larger than luck gives", NOT_SHOWN: "the best one is not shown to "
               "be better than luck"}.get(answer, "the best one is better than luck")
    rivals = [f"`{name}`" for name in judged["rival"]]
    text = [f"**{answer.capitalize()}**: {meaning}, against {listed(rivals)}."]
    text += [_against(row, alone=len(judged) == 1) for _, row in judged.iterrows()]
    if overfitting is not None:
        text += [f"In {percent(overfitting.probability)} of all splits of the days, the trial that was best on one half is "
                 "in the worse half of all trials on the other. A choice at random would have 50 %. This number does not "
                 "decide, because it is also 50 % if all trials are equally good."]
    return "\n\n".join(text)


def _against(row: pd.Series, *, alone: bool) -> str:
    """What the two tests say against one rival."""
    whose = f"Against `{row['rival']}`" + ("" if alone else f", {row['verdict']}") + ": "
    if not row["n_trials"]:
        return f"{whose}no lead varies, so nothing can be tested."
    if pd.isna(row["p_consistent"]):
        return f"{whose}{counted(row['n_days'], 'day')} are too few for a test, which needs {luck.DAYS}."
    ability = f"the p-value of the test of superior ability is {_p_value(row['p_consistent'])} (*shown* needs less than {LEVEL})"
    if pd.isna(row["deflated"]):
        return f"{whose}{ability}. There is no deflated Sharpe ratio, because the lead over this rival never varies."
    point, _, strategy = row["trial"].rpartition("/")
    trial = f"`{strategy}`" + (f" in point `{point}`" if point else "")
    best = "one without skill is" if row["n_trials"] == 1 else (
        f"the best of {row['n_trials']} without skill, which count as {row['n_effective']:.1f} independent ones, is")
    return (f"{whose}{ability}. The deflated Sharpe ratio of {trial} is {percent(row['deflated'])} (*shown* needs more than "
            f"{percent(luck.DEFLATED, 0)}). Its active returns have a ratio of {row['sharpe']:.3f} a day, and {best} "
            f"expected to have {row['expected_best']:.3f}.")


def sensitivity(matters: pd.DataFrame, metric: str) -> str:
    """Which parameters move the metric of a strategy more than chance; of one strategy, by `trials.by_parameter`."""
    rows = matters.dropna(subset="share")
    if rows.empty:
        return f"No parameter moves `{metric}` of this strategy."
    told = [f"`{row.parameter}` explains {percent(row.share, 0)} of the variation of `{metric}`, "
            + ("more" if row.share > row.chance + SAME else "no more")
            + f" than the {percent(row.chance, 0)} that a parameter without effect exceeds once in twenty"
            for row in rows.itertuples()]
    return "; ".join(told) + "."


def neighbors(alike: pd.Series, strategy: str) -> str:
    """Whether neighboring points hold much the same, by `trials.neighbors`."""
    if not np.isfinite(alike["near"]):
        return f"No two points of `{strategy}` are one step apart, so neighbors cannot be compared."
    far = "" if not np.isfinite(alike["far"]) else f", that of all other pairs {alike['far']:.2f}"
    return (f"The active returns of `{strategy}` in {counted(int(alike['n_near']), 'pair')} of neighboring points have a median "
            f"correlation of {alike['near']:.2f}{far}.")


def above_zero(tried: pd.DataFrame, rivals: dict[str, pd.Series]) -> str:
    """How many trials have a positive Sharpe ratio, and how many one over each rival; the two are those of `luck.judge`."""
    told = [f"{(luck.sharpe_ratios(tried.sub(rival, axis=0).dropna()) > 0).sum()} lead `{name}`" for name, rival in rivals.items()]
    own = (luck.sharpe_ratios(tried) > 0).sum()
    return (f"{own} of {counted(tried.shape[1], 'trial')} {'has' if own == 1 else 'have'} a positive mean return"
            + (f"; {listed(told)}." if told else "."))


def choices(moved: pd.DataFrame) -> str:
    """Do the researcher's choices move the result more than sampling noise? By `trials.choices`."""
    if moved.empty:
        return "No strategy stands in two points with different returns, so no choice moved a result here."
    most, n_more = moved.loc[moved["ratio"].idxmax()], int((moved["ratio"] > 1).sum())
    return (f"The choice of a point moves the mean active return of `{most['strategy']}` most. Its standard deviation over "
            f"{counted(most['n_points'], 'point')} is {_points(most['non_standard'])} a day. The standard error of one point from "
            f"{most['n_days']} days is {_points(most['standard'])}, so the ratio is {most['ratio']:.2f}. "
            + (f"Choices move the result more than noise does for {n_more} of {len(moved)} strategies."
               if n_more else "Choices move the result of no strategy more than noise does."))


def _points(value: float) -> str:
    return f"{1e4 * value:.2f} basis points"


def leaked(table: pd.DataFrame, *, leak: str, n_assets: int) -> str:
    """What the run's leak bought, or what leaks would have bought it; `table` is as `counterfactuals.leaked` gives it.

    `n_assets` is how many an honest run may hold.
    """
    if table.empty:
        return "Here every leak that needs no training leaves fewer than two assets, so none was made."
    most, least = (table.loc[place] for place in (table["bought"].idxmax(), table["bought"].idxmin()))
    more, less = table["bought"] > APART, table["bought"] < -APART
    if leak != "none":
        text = [f"This run has the leak `{leak}`: {LEAKS[leak].sees}. It raised the total return of {more.sum()} of "
                f"{counted(len(table), 'strategy', 'strategies')} and lowered that of {less.sum()}, by more than "
                f"{percent(APART, 0)} of wealth."]
        return " ".join(text + [f"That of {_bought(row)}" for row, told in ((most, more.any()), (least, less.any())) if told])
    unmoved = [f"`{leak}`" for leak, rows in (~more & ~less).groupby(table["leak"], sort=False) if rows.all()]
    text = [f"The leak `{most['leak']}` would have bought most: {LEAKS[most['leak']].sees}. The total return of "
            f"{_bought(most)}"] if more.any() else []
    text += [f"A leak can also hurt: with `{least['leak']}` the total return of {_bought(least)}"] if less.any() else []
    text += [f"Here {listed(unmoved)} {'change' if len(unmoved) > 1 else 'changes'} no total by more than "
             f"{percent(APART, 0)} of wealth."] if unmoved else []
    if (table.loc[table["leak"] == "survivors_only", "n_assets"] == n_assets).any():
        text += ["`survivors_only` leaves out no asset, because none misses a day of the test period. The list of assets may "
                 "still be biased: if somebody made it later, assets that failed were never on it."]
    return " ".join(text)


def _bought(row: pd.Series) -> str:
    """What one leak did for one strategy."""
    how = "" if row["strategy"] == EQUAL_WEIGHT or row["residual"] else ", without the mean error,"
    return (f"`{row['strategy']}`{how} goes from {percent(row['honest_return'])} to "
            f"{percent(row['total_return'])}.")


def solved(chosen: dict[str, Solution]) -> str:
    """How a few programs ended: all at their optimum, or which of them did not and why."""
    apart = [f"`{name}` ({solution.status}): {literal(solution.note) or 'no note'}" for name, solution in chosen.items()
             if solution.status != "optimal" or solution.note]
    if not apart:
        solvers = listed(sorted({solution.solver for solution in chosen.values()}))
        return f"All {len(chosen)} programs reached their optimum ({solvers})."
    return f"These portfolios need a remark: {'; '.join(apart)}."


def tangency(solution: Solution) -> str:
    """The tangency portfolio in a sentence: its gross exposure, and what one should know of it."""
    if solution.status == FAILED:
        return f"There is no tangency portfolio. {literal(solution.note)}"
    exposed = f"The tangency portfolio has a gross exposure of **{solution.weights.abs().sum():.2f}**."
    return f"{exposed} It is {literal(solution.note)}." if solution.note else exposed


def known_means(known: pd.DataFrame, weights: pd.Series) -> str:
    """How well means are known, and the least certain one that a portfolio pays for.

    `known` has the columns mean and standard_error, fractions per year, by asset; `weights` are maximum Sharpe's.
    """
    least = known["standard_error"][weights >= 0.01].idxmax()
    mean, error = known.loc[least, ["mean", "standard_error"]]
    return (f"The median standard error is **{percent(known['standard_error'].median())}** a year. The standard "
            f"deviation across the {len(known)} means is {percent(known['mean'].std())}. Maximum Sharpe puts "
            f"{percent(weights[least])} into {code(least)}. Of the assets it holds, this one has the least certain mean: "
            f"{percent(mean, 0).removesuffix(' %')} ± {percent(error, 0)} a year.")


def resampled(ratios: pd.DataFrame, moved: pd.Series, best: float) -> str:
    """What resampled maximum Sharpe portfolios promised and delivered, and how far their weights moved.

    `ratios` has the Sharpe ratios promised and delivered, a row per sample; `best` is that of the estimated means.
    """
    ratios = ratios.replace([np.inf, -np.inf], np.nan).dropna()
    away = (f"On average **{_with_error(100 * moved, 0)} %** of the money lies in other assets than under the "
            "estimated means.")
    if ratios.empty or not np.isfinite(best):
        return f"Portfolios without risk have no Sharpe ratio. {away}"
    promised, delivered = (_with_error(ratios[name], 2) for name in ("promised", "delivered"))
    return (f"By the means that chose them, the resampled portfolios promise a Sharpe ratio of **{promised}** on "
            f"average. By the estimated means, the same weights deliver **{delivered}**; the best possible is {best:.2f}. "
            f"{away}")


def rewarded(statistics: pd.DataFrame, known: pd.DataFrame, ratios: pd.DataFrame, tangency: Solution, *,
             years: float) -> str:
    """What stage 03 found, as a list: the two portfolios, the means, the resampled promise, and short selling.

    `statistics` are `metrics.portfolio_statistics`; the other frames are those of `known_means` and `resampled`.
    """
    def earned(name: str) -> str:
        """Return with its standard error, and volatility, a year."""
        mean, volatility = statistics.loc[["annual_return", "annual_volatility"], name]
        error, held = volatility / np.sqrt(years), statistics.at["effective_holdings", name]
        return (f"{percent(mean).removesuffix(' %')} ± {percent(error)} a year at a volatility of "
                f"{percent(volatility)}, in {held:.1f} effective holdings")

    ratios = ratios.replace([np.inf, -np.inf], np.nan).dropna()
    unclear = (known["mean"].abs() < 2 * known["standard_error"]).sum()
    told = [f"**Minimum variance** earned {earned('minimum_variance')}.",
            f"**Maximum Sharpe** earned {earned('maximum_sharpe')}. This very sample chose it, so this is no forecast.",
            f"**Means:** {unclear} of {len(known)} are less than two standard errors from zero."]
    if len(ratios):
        lost = _with_error(ratios["promised"] - ratios["delivered"], 2)
        told.append("**Promise:** resampled maximum-Sharpe portfolios promise a Sharpe ratio that is "
                    f"{lost} higher than what they deliver.")
    if tangency.status != FAILED:
        exposure = tangency.weights.abs().sum()
        told.append(f"**Short selling:** the tangency portfolio has a gross exposure of {exposure:.1f}"
                    f"{' and the lowest Sharpe ratio of all, not the highest' * (tangency.status == INEFFICIENT)}.")
    return "\n".join(f"* {line}" for line in told)


def _with_error(values: pd.Series, digits: int) -> str:
    """A mean with its standard error; alone where there is only one value."""
    error = f" ± {values.std() / np.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{error}"
