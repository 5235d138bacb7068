"""What the printed numbers of Nguyen (2025) say about each other: six points, each a computation.

Three points need the paper's own numbers alone. The others need the index, the stocks and the zero forecast of the
same two test years, and say nothing where a run has other years. What is computed is told and what would explain it;
it is no verdict on what the author did.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.papers.equity import COMPLETE, ERRORS, MODELS, PAPER, at_most, numbers_in, so_many, title_of, yes
from forefolio.papers.rows import NOT_REPRODUCED, NO_DATA, claims_table, number_at, row, tolerance
from forefolio.performance import backtest, evidence, metrics

POINTS = {1: "Total return", 2: "The index", 3: "Stability", 4: "Significance", 5: "The text", 6: "The zero forecast"}
FIRST, LAST = "2023-01", "2024-12"  # of the paper's test period
TEST_MONTHS = len(pd.period_range(FIRST, LAST, freq="M"))
N_MONTHS = 23  # behind a printed total: 52.459 / 2.281
BEST = "lstm+mdp"  # the one strategy whose mean is printed
WINDOWS = (20, 60, 120, 250)  # days of covariance tried for risk parity


def implied(published: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    What the totals and ratios of the paper's frame `portfolios` say of a strategy's monthly excess, with 23 months.

    Returns
    -------
    DataFrame (6, 5)
        Columns strategy, mean_monthly_excess and std_monthly_excess (fraction a month), t_p (one-sided), t_p_holm.

    Notes
    -----
    mean = total / 23, deviation = mean / IR, t = IR sqrt(23) with 22 degrees of freedom; Holm over the six.
    """
    table = published["portfolios"]
    mean = table["total_return_percent"] / 100 / N_MONTHS
    p_values = pd.Series(stats.t.sf(table["information_ratio"] * np.sqrt(N_MONTHS), N_MONTHS - 1), index=table.index)
    return pd.DataFrame({"strategy": table["strategy"], "mean_monthly_excess": mean,
                         "std_monthly_excess": mean / table["information_ratio"], "t_p": p_values,
                         "t_p_holm": evidence.holm(p_values)})


def audit(published: Mapping[str, pd.DataFrame], *, returns: pd.DataFrame, net_returns: pd.DataFrame,
          log_accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    The six points of the audit, each in one row or more: what the paper says, and what its numbers or the market say.

    Parameters
    ----------
    published : dict of DataFrames
        The paper's frames by the name of their table.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns of the run's stocks, all days.
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns of the test period, the column `benchmark` among them.
    log_accuracy : DataFrame
        As `equity_claims.table4` takes it.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; place opens with "Audit 1" to "Audit 6". Published: printed, said or implied. What
        takes the run's numbers has no such data unless its test period is that of the paper, 2023 and 2024. Where the
        claim has "at most", published may be any smaller number.
    """
    months = [f"{month:%Y-%m}" for month in net_returns.index[[0, -1]]] if len(net_returns) else []
    benchmark, parity, accuracy = pd.Series(dtype=float), pd.Series(dtype=float), log_accuracy.iloc[:0]
    if months == [FIRST, LAST]:
        benchmark, accuracy = net_returns[metrics.BENCHMARK], log_accuracy
        parity = risk_parity_deviations(returns, net_returns)
    return claims_table([*_totals(published), *_index(published, benchmark), *_stability(published, parity),
                         *_significance(published), *_text(published), *_zero(published, accuracy, returns.shape[1])])


def risk_parity_deviations(returns: pd.DataFrame, net_returns: pd.DataFrame) -> pd.Series:
    """
    Deviation of the monthly excess of risk parity, decided before each month from windows of several lengths.

    Parameters
    ----------
    returns : DataFrame (n_days, n_assets)
        Simple daily returns, all days.
    net_returns : DataFrame
        Its days are the test period; its column `benchmark` is what the excess is over.

    Returns
    -------
    Series
        By days of the window, fraction a month (ddof 1); missing where the first window would open before the data.

    Notes
    -----
    Covariances are Ledoit-Wolf's, because with fewer days than stocks the sample's is singular.
    """
    from forefolio.market import covariance
    from forefolio.portfolios import long_only  # solvers, for which stage 04 should not pay

    index = returns.index
    decided = index[index.get_indexer(net_returns.index[~net_returns.index.to_period("M").duplicated()]) - 1]
    rows = []
    for window in WINDOWS:
        for date in decided if index.get_loc(decided[0]) + 1 >= window else []:
            known = returns.loc[:date].iloc[-window:]
            weights = long_only.risk_parity(covariance.ledoit_wolf(known)).weights
            rows.append(pd.DataFrame({"rebalance_date": date, "strategy": str(window), "asset": weights.index,
                                      "weight": weights.to_numpy()}))
    if not rows:
        return pd.Series(np.nan, index=WINDOWS)
    earned = backtest.backtest(pd.concat(rows, ignore_index=True), returns, cost_rate=0.0).net_returns
    deviation = metrics.monthly_excess(earned.join(net_returns[metrics.BENCHMARK], how="inner")).std()
    return deviation.rename(int).reindex(WINDOWS)


def audit_sentences(rows: pd.DataFrame) -> str:
    """
    The audit in a short Markdown list, one line a point, whose numbers come from the rows and their claims.

    Parameters
    ----------
    rows : DataFrame
        As `papers.all_claims` gives it, also from its file; the audit's alone say nothing of this run's own networks.
    """
    known, lines = rows[rows["status"] != NO_DATA], []
    for number, name in POINTS.items():
        part = known[known["place"].str.startswith(f"Audit {number},")]
        told = SAID[number](part, known) if len(part) else "Nothing that this run could compute."
        lines.append(f"- **({number}) {name}.** {told}")
    return "\n".join(lines)


def _point(number: int, place: str, claim: str, published: Any, ours: Any, allowed: float | None = None) -> dict:
    return row(PAPER, f"Audit {number}, {place}", claim, published, ours, allowed)


def _totals(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(1) How does the printed total return come from the printed mean?"""
    line = published["portfolios"].set_index("strategy").loc[BEST]
    total, mean = line["total_return_percent"], line["mean_monthly_excess_percent"]
    return [_point(1, "Table 5", f"total return of {title_of(BEST)}: percent; ours {N_MONTHS} times the printed mean "
                   f"{mean:g}, within its rounding", total, N_MONTHS * mean, 0.0005 * (N_MONTHS + 1))]


def _index(published: Mapping[str, pd.DataFrame], benchmark: pd.Series) -> list[dict]:
    """(2) Do the strategies end above the index, which itself rose?"""
    printed = published["portfolios"].set_index("strategy")["total_return_percent"]
    above, told = np.nan, ""
    if len(benchmark):
        rose = 100 * float(metrics.total_return(benchmark.to_frame()).iloc[0])
        months = metrics.monthly_returns(benchmark.to_frame()).iloc[1:, 0].to_numpy()[:, None]
        ends = pd.Series((1 + months + printed.to_numpy() / 100 / N_MONTHS).prod(axis=0) - 1, index=printed.index)
        above = int((ends > np.prod(1 + months) - 1).sum())
        told = (f"; the index's rise {rose:.1f} percent, totals not above it {(printed <= rose).sum()}, "
                f"{title_of(BEST)} grows by {100 * ends[BEST]:.1f}")
    return [_point(2, "Results", f"strategies above the index: of {len(printed)}; ours the index's months but the first, each "
                   f"plus 1/{N_MONTHS} of the printed total, compounded{told}", len(printed), above, 0)]


def _stability(published: Mapping[str, pd.DataFrame], parity: pd.Series) -> list[dict]:
    """(3) Is risk parity the stable framework, by the printed ratios, and can it deviate so much from the index?"""
    theirs = 100 * implied(published).set_index("strategy")["std_monthly_excess"]
    calm, bold = (theirs[theirs.index.str.endswith(framework)] for framework in ("+rpp", "+mvf"))
    lowest, low, high = calm.min(), 100 * parity.min(), 100 * parity.max()
    over = f"over this run's stocks{'' if np.isnan(high) else f', from {low:.2f} percent'}"
    how, windows = f"printed total over {N_MONTHS} and over the ratio", ", ".join(map(str, WINDOWS))
    return [_point(3, "Results", "RPP is more stable than MVF: the text's of volatility; ours of the deviation of excess, "
                   f"percent a month, {how}; RPP {calm.min():.2f} to {calm.max():.2f}, MVF {bold.min():.2f} to "
                   f"{bold.max():.2f}", "yes", yes(calm.max() < bold.min())),
            at_most("Audit 3, Table 5", f"deviation of excess of RPP at most that of risk parity: percent a month, {how}, the "
                    f"lower of two; ours the highest of windows of {windows} days {over}", lowest, high,
                    tolerance(lowest, decimals=2))]


def _significance(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(4) Are six strategies significant with 23 months and these ratios?"""
    table, level = implied(published), evidence.LEVEL
    p_values, corrected = table["t_p"], table["t_p_holm"]
    return [_point(4, "Results", f"strategies significant at {level}: the text's by signed-rank tests; ours by t-tests of the "
                   f"printed ratios, one-sided, {N_MONTHS} months; p {p_values.min():.3f} to {p_values.max():.3f}; after "
                   f"Holm's correction, which the paper does not make, p from {corrected.min():.3f}, significant "
                   f"{(corrected < level).sum()}", len(table), int((p_values < level).sum()), 0)]


def _text(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(5) Does the text name the first and the last of the table?"""
    said = published["claims"].set_index("claim")["value"]
    table = published["portfolios"].set_index("strategy")
    total, ratio, traded = (table[name] for name in ("total_return_percent", "information_ratio", "turnover_percent"))
    cases = [("highest total return", total, "max"), ("lowest total return (text)", total, "min"),
             ("highest information ratio", ratio, "max"), ("lowest information ratio", ratio, "min"),
             ("highest turnover", traded, "max")]
    return [_point(5, "Results", f"{claim.removesuffix(' (text)')}: the text's, of {column[said[claim]]:g}; ours that of "
                   f"Table 5, of {column.agg(end):g}", said[claim], column.agg(f"idx{end}")) for claim, column, end in cases]


def _zero(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame, n_stocks: int) -> list[dict]:
    """(6) Are the printed errors at most those of forecasting nothing?"""
    zero, rows = accuracy.set_index("model"), []
    n_theirs = int(float(published["claims"].set_index("claim").at[COMPLETE, "value"]))
    for model, line in published["forecasts"].set_index("model").iterrows():
        for error, (unit, decimals) in ERRORS.items():
            printed, nothing = float(line[f"{error}_mean"]), number_at(zero, "zero", f"{error}_mean")
            claim = (f"{error.upper()} of the {MODELS[model]} at most the zero forecast's: {unit}, mean over stocks, the "
                     f"printed over {n_theirs}; ours zero's, over {n_stocks}")
            rows.append(at_most("Audit 6, Table 4", claim, printed, nothing, 0.5 * 10.0**-decimals))
    return rows


def _say_totals(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(1), from its row."""
    line = part.iloc[0]
    total, summed, (mean,) = float(line["published"]), float(line["ours"]), numbers_in(line["claim"], "printed mean #")
    if line["status"] == NOT_REPRODUCED:
        return f"The printed total {total:g} is not {N_MONTHS} times the printed mean {mean:g} ({summed:.3f})."
    return (f"{total:g} is {N_MONTHS} times the printed mean {mean:g} ({summed:.3f}): the total return of {title_of(BEST)} is "
            f"a sum of monthly excesses, not growth, which would be {100 * ((1 + mean / 100) ** N_MONTHS - 1):.3f}. The test "
            f"period has {TEST_MONTHS} months; values at the ends of these give no return for the first, which would explain "
            f"the {N_MONTHS}. For no other strategy is a mean printed: of their totals the same is assumed, here and below.")


def _say_index(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(2), from its row."""
    line = part.iloc[0]
    n_all, above = float(line["published"]), float(line["ours"])
    rose, below, grown = numbers_in(line["claim"], f"rise # percent, totals not above it #, {title_of(BEST)} grows by #")
    doubt = (f", and {so_many(below, n_all)} printed totals are not above that, so they are not what the strategies "
             "themselves earned if all beat the index, as the text says") if below else ""
    return (f"The index rose {rose:g} percent in the {TEST_MONTHS} months{doubt}. As sums of excess, with the index's own "
            f"rise in none of them, the totals put {so_many(above, n_all)} strategies above it: the index's months but the "
            f"first, each plus the mean excess of {title_of(BEST)}, compound to {grown:g} percent.")


def _say_stability(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(3), from one row, and from the second where the run has the paper's years."""
    calm, calmest, bold, boldest = numbers_in(part["claim"].iloc[0], "RPP # to #, MVF # to #")
    way = "further from the index than" if calm > boldest else "less far than" if calmest < bold else "about as far as"
    told = (f"A total over {N_MONTHS} and over the information ratio is the deviation of monthly excess: {calm:.2f} to "
            f"{calmest:.2f} percent for RPP, {bold:.2f} to {boldest:.2f} for MVF. So RPP strays {way} MVF. The text calls RPP "
            "the more stable in volatility: that is of the strategies, the implied number of their excess over an index.")
    for line in part.iloc[1:].itertuples():
        (low,), high, lowest = numbers_in(line.claim, "from # percent"), float(line.ours), float(line.published)
        why = (f"each less than {lowest:.2f}: weights far from risk parity, or a ratio that is not mean over deviation, would "
               "explain that") if line.status == NOT_REPRODUCED else f"so that {lowest:.2f} is possible"
        told += (f" Risk parity over this run's stocks strays {low:.2f} to {high:.2f} percent with windows of {WINDOWS[0]} to "
                 f"{WINDOWS[-1]} days, {why}.")
    return told


def _say_significance(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(4), from its row."""
    line = part.iloc[0]
    n_all, n_found = float(line["published"]), float(line["ours"])
    low, high, least, left = numbers_in(line["claim"], "p # to #; after Holm's correction, which the paper does not make, p "
                                        "from #, significant #")
    why = (" The text finds all significant by signed-rank tests; a few extreme months, which weigh on a t-statistic more "
           "than on ranks, would explain it.") if n_found < n_all else ""
    return (f"A ratio times the root of {N_MONTHS} is a t-statistic: the one-sided p-values are {low:.3f} to {high:.3f}, and "
            f"{so_many(n_found, n_all)} strategies are significant at {evidence.LEVEL}.{why} After Holm's correction, which "
            f"the paper does not make, {so_many(left, n_all)} would be (smallest p {least:.3f}).")


def _say_text(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(5), from its rows."""
    told, wrong = "", part[part["status"] == NOT_REPRODUCED]
    for line in wrong.itertuples():
        theirs, ours = numbers_in(line.claim, "of #; ours that of Table 5, of #")
        told += (f"The text gives the {line.claim.partition(':')[0]} to {title_of(line.published)} with {theirs:g}; in Table "
                 f"5 it is that of {title_of(line.ours)}, {ours:g}. ")
    agreed = so_many(len(part) - len(wrong), len(part))
    return f"{told}Text and Table 5 agree on {agreed} strategies named highest or lowest."


def _say_zero(part: pd.DataFrame, known: pd.DataFrame) -> str:
    """(6), from its rows and from those of this run's own errors, if they are there."""
    n_theirs, n_ours = numbers_in(part["claim"].iloc[0], "the printed over #; ours zero's, over #")
    cases = part.assign(error=part["claim"].str.split().str[0]).astype({"published": float, "ours": float})
    zero = cases.groupby("error", sort=False)["ours"].first()
    above, absent = cases[cases["status"] == NOT_REPRODUCED], n_theirs - n_ours
    told = (f"Forecasting no move has {', '.join(f'{name} {x:.4g}' for name, x in zero.items())} over the same two years, "
            f"smaller than {so_many(len(above), len(cases))} printed errors. Zero's are means over this run's {n_ours:g} "
            f"stocks with its prices, the printed over {n_theirs:g}.")
    if len(above) and absent > 0:
        least = above.groupby("error", sort=False)["published"].min()
        needed = (n_theirs * least - n_ours * zero[least.index]) / absent
        means = ", ".join(f"{name} {x:.3g} ({x / zero[name]:.1f} times that of the {n_ours:g})" for name, x in needed.items())
        told += (f" If the {n_ours:g} are among the {n_theirs:g}, zero's mean over the {absent:g} others would have to be "
                 f"{means} to make zero's errors as large as the smallest printed.")
    own = known[(known["place"] == "Table 4") & known["claim"].str.contains(", mean over stocks")]
    better = (own["ours"].astype(float) < own["claim"].str.split().str[0].map(zero)).sum()
    return told + (f" This run's own networks beat zero in {so_many(better, len(own))} errors." if len(own) else "")


SAID = {1: _say_totals, 2: _say_index, 3: _say_stability, 4: _say_significance, 5: _say_text, 6: _say_zero}
