"""Tests of monthly returns, corrected for their number: was it luck, and was it the forecasts?

The tests are those of Nguyen 2025, and others that fit better. Forecasts themselves are tested in `gate`.
`report.sentences` says what the numbers mean.
"""

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.performance.backtest import backtest, break_even, cost_sensitivity
from forefolio.performance.metrics import SAME, bankrupt, solvent
from forefolio.portfolios.holdings import distance_from
from forefolio.study.vocabulary import ABSENT, BANKRUPT, EQUAL_WEIGHT, NOT_SHOWN, SHOWN, apart, baselines, parts

LEVEL = 0.05  # usual level of significance, also in the papers
COSTS = (0, 5, 10, 20, 50)  # basis points of the amount traded, at which net returns are reported
FUND = 10.0  # basis points: typical cost of a fund, for studies without costs


def holm(p_values: pd.Series) -> pd.Series:
    """
    Holm's correction of p-values for their number; missing ones stay missing and do not count as tests.

    The k-th smallest of m is multiplied by m - k + 1; none may fall below an earlier one or exceed 1 (Holm 1979). It is
    valid for any dependence between the tests.

    >>> holm(pd.Series([0.04, 0.01, 0.03])).tolist()
    [0.06, 0.03, 0.06]
    """
    tested = p_values.dropna().sort_values()  # statsmodels' multipletests collects garbage first, a third of a second a call
    corrected = tested * np.arange(len(tested), 0, -1)
    return corrected.cummax().clip(upper=1.0).reindex(p_values.index)


def monthly_tests(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Is the monthly excess return of each strategy above zero?

    Returns
    -------
    DataFrame
        Columns strategy, status (`tested`, `untested` where no test can be computed, or `bankrupt`), n_months, mean,
        t_low, t_high (95 percent t-interval of the mean), skewness (corrected for bias), shapiro_p (normality),
        wilcoxon_p, wilcoxon_p_holm, sign_p, sign_p_holm, t_p, t_p_holm. Wilcoxon's signed-rank test, the exact sign
        test and the t-test are one-sided, the alternative being a positive excess, as in Nguyen 2025. A value is
        missing if it cannot be computed, because there are too few months or no differences. A strategy with a missing
        month lost all its wealth; it is in no test and comes last. Holm corrects over the tests of the table.

    Notes
    -----
    Nguyen 2025 rejects normality by Shapiro-Wilk and goes on to the signed-rank test as one of the median. It is a test
    of symmetry about zero: a skewed excess whose median is zero can be rejected as well. The sign test asks for the
    median alone: of the n months that differ from zero, k are positive, and p = P(X >= k) for X ~ Binomial(n, 1/2). The
    interval is mean -+ t(0.975, n_months - 1) deviation / sqrt(n_months), the deviation with ddof 1.

    Examples
    --------
    Five positive months: under the null all five signs agree upward once in 2^5 times, whatever the sizes.

    >>> excess = pd.DataFrame({"lstm+mvf": [0.01, 0.02, 0.03, 0.04, 0.05]})
    >>> monthly_tests(excess)[["wilcoxon_p", "sign_p"]].to_numpy().tolist()
    [[0.03125, 0.03125]]
    """
    rows, whole = [], monthly_excess.dropna(axis="columns")
    for strategy, excess in whole.items():
        n, mean, differing, varies = len(excess), excess.mean(), _differing(excess), np.ptp(excess) > SAME
        interval = (np.nan, np.nan)
        if varies:
            interval = scipy.stats.t.interval(1 - LEVEL, n - 1, mean, scipy.stats.sem(excess))
        shapiro_p = scipy.stats.shapiro(excess).pvalue if varies and n >= 3 else np.nan
        n_up, n_differing = int((differing > 0).sum()), len(differing)
        sign_p = scipy.stats.binomtest(n_up, n_differing, alternative="greater").pvalue if n_differing else np.nan
        t_p = scipy.stats.ttest_1samp(excess, 0, alternative="greater").pvalue if varies else np.nan
        skewness = excess.skew() if varies else np.nan
        rows.append((strategy, "tested" if n_differing else "untested", n, mean, *interval, skewness, shapiro_p,
                     _signed_rank_p(excess, "greater"), sign_p, t_p))
    columns = ["strategy", "status", "n_months", "mean", "t_low", "t_high", "skewness", "shapiro_p", "wilcoxon_p",
               "sign_p", "t_p"]
    lost = [(strategy, BANKRUPT, monthly_excess[strategy].count(), *[np.nan] * 8)
            for strategy in monthly_excess.columns.drop(whole.columns)]
    tests = pd.DataFrame(rows + lost, columns=columns)
    for test in ("wilcoxon_p", "sign_p", "t_p"):
        tests.insert(tests.columns.get_loc(test) + 1, f"{test}_holm", holm(tests[test]))
    return tests


def size_under_skew(n_months: int, skewness: float) -> dict[str, float]:
    """
    How often one-sided signed-rank and sign tests reject at 5 percent if the mean is zero and months are skewed.

    Keys wilcoxon and sign. They ask whether the months lie symmetrically about zero, and about the median. Months with
    many small gains and few large losses have a mean of zero and a median above it: both tests then reject too often.

    Notes
    -----
    The months are taken for a shifted gamma distribution (Pearson III) of mean 0, deviation 1 and this skewness. With
    p_1 the probability that a month is above zero, the number of such months is binomial. With p_2 that of the sum of
    two months, which is of the same kind with skewness over sqrt(2), the mean of the rank sum is n p_1 + n(n-1)/2 p_2
    (Hettmansperger 1984); its distribution is taken for normal with the deviation under symmetry.

    Examples
    --------
    >>> {test: round(size, 2) for test, size in size_under_skew(24, -2.0).items()}
    {'wilcoxon': 0.21, 'sign': 0.29}
    """
    p_1, p_2 = (scipy.stats.pearson3(skewness / root).sf(0) for root in (1, np.sqrt(2)))
    n = n_months
    least = scipy.stats.binom.isf(LEVEL, n, 0.5)  # more positive months than these are significant
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    shift = n * p_1 + n * (n - 1) / 2 * p_2 - n * (n + 1) / 4
    return {"wilcoxon": float(scipy.stats.norm.sf(scipy.stats.norm.isf(LEVEL) - shift / deviation)),
            "sign": float(scipy.stats.binom.sf(least, n, p_1))}


def against_twins(monthly_excess: pd.DataFrame, weights: pd.DataFrame, *, twin: str = "mean") -> pd.DataFrame:
    """
    Did the networks make the difference? Each network's strategy against the same framework with a simple forecast.

    That is the forecast of the model `twin`, by default the historical mean, which is Markowitz's.

    Returns
    -------
    DataFrame (n_pairs, 7)
        Columns strategy, twin, mean_difference (strategy minus twin, a month), standard_error (of that mean; missing for
        a single month), signed_rank_p (two-sided; missing where
        no month differs), holm_p (over the rows), mean_distance (one-way distance of their weights, mean over the
        rebalances). A row for each `<network>+<framework>` whose `<twin>+<framework>` is there; none where one of them
        lost all its wealth.

    Notes
    -----
    Framework, days, limits and costs are the same, so any difference comes from the forecasts. If weights hardly
    differ, a small p may belong to a difference too small to matter; compare `mean_distance`.

    Examples
    --------
    >>> excess = pd.DataFrame({"mean+mvf": [0.01, 0.02], "lstm+mvf": [0.02, 0.04]})
    >>> rows = [("mean+mvf", "x", 1.0), ("mean+mvf", "y", 0.0), ("lstm+mvf", "x", 0.7), ("lstm+mvf", "y", 0.3)]
    >>> weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=0)
    >>> against_twins(excess, weights).drop(columns=["strategy", "twin"]).round(3).to_numpy().tolist()
    [[0.015, 0.005, 0.5, 0.5, 0.3]]
    """
    rows, monthly_excess = [], monthly_excess.dropna(axis="columns")
    lines = {name: line for line in monthly_excess for name in apart(line)}
    for strategy, line in lines.items():
        models, framework = parts(strategy)
        other = f"{twin}+{framework}"
        if not models or models[0] in (twin, *baselines()) or other not in lines:
            continue
        difference = monthly_excess[line] - monthly_excess[lines[other]]
        rows.append((strategy, other, difference.mean(), difference.sem(), _signed_rank_p(difference, "two-sided"),
                     distance_from(weights, lines[other])[line].mean()))
    table = pd.DataFrame(rows, columns=["strategy", "twin", "mean_difference", "standard_error", "signed_rank_p",
                                        "mean_distance"])
    table.insert(5, "holm_p", holm(table["signed_rank_p"].astype(float)))
    return table


def best_pair(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Do the two strategies of highest mean monthly excess differ?

    One row, none if there are fewer than two strategies that kept some wealth: first, second, n_months, mean_difference
    (a month), mann_whitney_p, signed_rank_p, both two-sided.

    Notes
    -----
    Nguyen 2025 compares the two best by Mann-Whitney, which treats their months as independent samples. But they are
    the same months, and the common movement counts as noise: if two strategies hold the same market, the test hardly
    ever rejects. The signed-rank test of the paired differences is correct. The pair was chosen in hindsight: both
    p-values are only descriptive.
    """
    columns = ["first", "second", "n_months", "mean_difference", "mann_whitney_p", "signed_rank_p"]
    monthly_excess = monthly_excess.dropna(axis="columns")
    if monthly_excess.shape[1] < 2:
        return pd.DataFrame(columns=columns)
    first, second = monthly_excess.mean().sort_values(ascending=False, kind="stable").index[:2]
    difference = monthly_excess[first] - monthly_excess[second]
    unpaired = scipy.stats.mannwhitneyu(monthly_excess[first], monthly_excess[second], alternative="two-sided").pvalue
    return pd.DataFrame([[first, second, len(difference), difference.mean(), unpaired,
                          _signed_rank_p(difference, "two-sided")]], columns=columns)


def worth_its_cost(weights: pd.DataFrame, returns: pd.DataFrame, *, cost_bps: float, daily_borrow: float,
                   rival: str = EQUAL_WEIGHT) -> pd.DataFrame:
    """
    At which trading cost is the rival (by default equal weight) better, and what is the return at several costs?

    `cost_bps` is the cost that the verdict is about, in basis points of what is traded; `daily_borrow` is as in
    `backtest`.

    Returns
    -------
    DataFrame (n_strategies, 14)
        Columns strategy, verdict (`SHOWN`, `NOT_SHOWN`, `ABSENT`, or `BANKRUPT`), traded (all that was traded, both
        ways, a multiple of wealth), mean_short (of what is sold short at the rebalances, a fraction of wealth),
        break_even_bps and its 95 percent limits low_bps and high_bps, p (two-sided, of no difference from the rival at
        this cost), holm_p (over the rows), then net_0 ... net_50: total returns, compounded and net, at `COSTS`. The
        rival's row has only its trades and returns; it comes last, before bankrupt strategies.

    Notes
    -----
    A month's difference is that of log growth, strategy minus rival, so the months add up to the lead and its standard
    error is deviation x sqrt(n_months): t-test with n_months - 1 degrees of freedom. The limits are the costs that make
    lead -+ t(0.975) errors vanish (`backtest.break_even`); missing where no cost, paid or received, does. `SHOWN` is a gain over the rival at this cost that is significant at 5 percent after Holm's correction, `ABSENT` a
    loss that is.

    Examples
    --------
    A strategy that doubles its trades at the second rebalance ends at 1.10 and equal weight at 1.05: level where 1 - 2
    kappa = 1.05 / 1.10.

    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01"], name="date")
    >>> returns = pd.DataFrame({"A": [0.0, 0.1, 0.0, 0.0], "B": 0.0}, index=days)
    >>> rows = [(days[0], "s", "A", 1.0), (days[0], "s", "B", 0.0), (days[2], "s", "A", 0.0), (days[2], "s", "B", 1.0),
    ...         (days[0], "equal_weight", "A", 0.5), (days[0], "equal_weight", "B", 0.5)]
    >>> weights = pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])
    >>> table = worth_its_cost(weights, returns, cost_bps=0, daily_borrow=0)
    >>> table.loc[0, ["traded", "break_even_bps"]].round(1).tolist()
    [3.0, 227.3]
    """
    free = backtest(weights, returns, cost_rate=0.0, daily_borrow=daily_borrow)
    nets = cost_sensitivity(weights, returns, cost_bps=COSTS, daily_borrow=daily_borrow)
    nets = nets.pivot(index="strategy", columns="cost_bps", values="total_return").add_prefix("net_")
    lost = bankrupt(free.net_returns)
    grown = np.log1p(solvent(free.net_returns))
    traded = {name: 2 * own.set_index("rebalance_date")["turnover"] for name, own in free.trades.groupby("strategy")}
    short = weights["weight"].clip(upper=0).abs().groupby([weights["strategy"], weights["rebalance_date"]]).sum()
    rows = []
    for name in sorted(grown.columns, key=lambda name: name == rival):
        row = {"strategy": name, "verdict": "", "traded": traded[name].sum(), "mean_short": short[name].mean()}
        if name != rival in grown:
            row |= _against_rival(grown[name] - grown[rival], traded[name], traded[rival], cost_bps / 10_000)
        rows.append(row)
    rows += [{"strategy": name} for name in lost.index[lost]]
    table = pd.DataFrame(rows, columns=["strategy", "verdict", "traded", "mean_short", "break_even_bps", "low_bps",
                                        "high_bps", "p", "holm_p", "gain"])
    table["holm_p"] = holm(table["p"])
    told, gained = table["holm_p"] < LEVEL, table["gain"] > 0
    table["verdict"] = np.select(
        [table["strategy"].isin(lost.index[lost]), table["strategy"] == rival, told & gained, told],
        [BANKRUPT, "", SHOWN, ABSENT], NOT_SHOWN)
    return table.drop(columns="gain").join(nets, on="strategy").reset_index(drop=True)


def _against_rival(difference: pd.Series, traded: pd.Series, rival_traded: pd.Series,
                   cost_rate: float) -> dict[str, float]:
    """Break-even cost with its limits, and the test at a cost, from daily differences of log growth without costs."""
    lead, days = difference.sum(), difference.index
    by_month = difference.groupby(days.to_period("M")).sum()
    found, n = {"break_even_bps": 10_000 * break_even(lead, traded, rival_traded)}, len(by_month)
    if n < 2:
        return found
    away = scipy.stats.t.isf(LEVEL / 2, n - 1) * by_month.std() * np.sqrt(n)
    for limit, far in (("low_bps", lead - away), ("high_bps", lead + away)):
        found[limit] = 10_000 * break_even(far, traded, rival_traded)
    paid = (np.log1p(-(cost_rate * all_trades).clip(upper=1 - SAME)) for all_trades in (traded, rival_traded))
    own, other = (log.groupby(days[days.searchsorted(log.index, side="right")].to_period("M")).sum().reindex(
        by_month.index, fill_value=0.0) for log in paid)
    net = by_month + own - other
    if np.ptp(net) > SAME:
        found |= {"p": float(scipy.stats.ttest_1samp(net, 0).pvalue), "gain": net.sum()}
    return found


def answer(gate: pd.DataFrame, costs: pd.DataFrame, luck: pd.DataFrame) -> pd.DataFrame:
    """
    One answer each for skill, cost and luck, and the number that decides.

    Parameters
    ----------
    gate, costs, luck : DataFrame
        What `gate.verdicts`, `worth_its_cost` and `luck.judge` give.

    Returns
    -------
    DataFrame (3, 6)
        Columns question (skill, cost, luck), answer (`SHOWN`, `NOT_SHOWN`, `ABSENT`), of (the model or strategy that decides;
        empty where there is none to judge), number (what was measured), value, p (missing where not tested).

    Notes
    -----
    Skill is shown if one model passes the gate, cost if one strategy that is not equal weight gains over it significantly at the
    study's cost, luck if the best strategy passes both tests of `luck.judge` against equal weight. Skill and cost are
    shown to be absent if that is so of every model, or of every strategy.

    Examples
    --------
    >>> gate = pd.DataFrame({"model": ["ar", "lstm"], "gain": [-0.01, 0.002], "p_holm": [0.9, 0.4], "verdict": "not shown"})
    >>> costs = pd.DataFrame({"strategy": ["lstm+mvf"], "break_even_bps": [12.0], "holm_p": [0.7], "verdict": "not shown"})
    >>> luck = pd.DataFrame({"rival": ["equal_weight"], "trial": ["lstm+mvf"], "deflated": [0.2], "p_consistent": [0.6],
    ...                      "verdict": "shown to be absent"})
    >>> answer(gate, costs, luck)[["question", "answer", "of", "value"]].to_numpy().tolist()
    [['skill', 'not shown', 'lstm', 0.002], ['cost', 'not shown', 'lstm+mvf', 12.0], ['luck', 'shown to be absent', 'lstm+mvf', 0.2]]
    """
    judged = costs[costs["verdict"].isin([SHOWN, NOT_SHOWN, ABSENT])]
    beside = luck[luck["rival"] == EQUAL_WEIGHT]
    rows = [("skill", *_together(gate, "model", "gain", "p_holm", "share of the rival's squared error that the forecasts save")),
            ("cost", *_together(judged, "strategy", "break_even_bps", "holm_p", "cost at which equal weight is as good, basis points")),
            ("luck", *_together(beside, "trial", "deflated", "p_consistent", "deflated Sharpe ratio of the active returns"))]
    return pd.DataFrame(rows, columns=["question", "answer", "of", "number", "value", "p"])


def _together(judged: pd.DataFrame, name: str, value: str, p_value: str, number: str) -> tuple:
    """One answer from several: shown if one is, absent if all are; and the best of those that gave this answer."""
    if judged[name].isna().all():
        return NOT_SHOWN, "", number, np.nan, np.nan
    words = set(judged["verdict"])
    word = SHOWN if SHOWN in words else ABSENT if words == {ABSENT} else NOT_SHOWN
    own = judged[judged["verdict"] == word].sort_values(value, ascending=False, kind="stable").iloc[0]
    return word, own[name], number, own[value], own[p_value]


def _differing(values: pd.Series) -> pd.Series:
    """Without what is zero up to rounding."""
    return values[values.abs() > SAME]


def _signed_rank_p(values: pd.Series, alternative: str) -> float:
    """Wilcoxon signed-rank, missing if no value differs from zero by more than rounding."""
    differing = _differing(values)
    return float(scipy.stats.wilcoxon(differing, alternative=alternative).pvalue) if len(differing) else np.nan
