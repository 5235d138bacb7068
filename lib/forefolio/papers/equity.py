"""Nguyen (2025) beside a run: what the run finds for each printed number, and the audit.

Where the paper does not say how a number was made, each reading of it is compared, and the readings exclude one
another. The audit asks what the printed numbers say about each other. Half of it needs them alone and is plain text
here, with its rows in the paper's audit file. The rest needs the index, the stocks and the zero forecast of the same
two test years, and says nothing where a run has other years. It says what would explain a number; it is no verdict on
what the author did.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forefolio.papers.printed import NO_DATA, NOT_REPRODUCED, Ours, compare, values
from forefolio.performance import backtest, evidence, metrics
from forefolio.study.vocabulary import BENCHMARK, MODELS, line

PAPER = "nguyen2025"
NETWORKS = {name: MODELS[name].title for name in ("lstm", "cnn1d")}
SIX = ["lstm+mdp", "lstm+mvf", "cnn1d+mvf", "lstm+rpp", "cnn1d+rpp", "cnn1d+mdp"]  # strategies, in the order of Table 5
STRATEGIES = {f"{NETWORKS[model]}+{framework.upper()}": f"{model}+{framework}"  # by name in the paper
              for model, framework in (name.split("+") for name in SIX)}
ERRORS = {"mae": 4, "mse": 6, "rmse": 4}  # and their decimals in Table 4
PAIR = ["lstm+mdp", "lstm+mvf"]  # that the paper tests against each other
POINT = 0.01  # networks are alike in direction if no hit ratio differs by so much
HIT_RATIOS = {"hr_mean": "HR", "hr_plus_mean": "HR+", "hr_minus_mean": "HR-"}
LISTED = 100  # tickers that the paper has, with complete histories or excluded
ALL, BUT_FIRST = "of all months", "of all months but the first"
# Number of Table 5: how it could be meant, by column of `readings`.
TABLE5 = {
    "total return": {"summed_excess_but_first": "the sum of monthly excess but the first",
                     "summed_excess": "the sum of monthly excess", "total_return": "the strategy's own, compounded"},
    "information ratio": {"information_ratio_but_first": BUT_FIRST, "information_ratio": ALL},
    "turnover": {"turnover_one_way": "one-way", "turnover_two_way": "two-way"},
    "mean monthly excess": {"mean_monthly_excess_but_first": BUT_FIRST, "mean_monthly_excess": ALL},
}
TIED = 1e-4  # of a ratio or a fraction: strategies whose results are no further apart tie

POINTS = ["Total return", "The index", "Stability", "Significance", "The text", "The zero forecast"]
FIRST, LAST = "2023-01", "2024-12"  # of the paper's test period
N_MONTHS = 23  # behind a printed total: 52.459 / 2.281
BEST = "LSTM+MDP"  # the one strategy whose mean is printed
WINDOWS = (20, 60, 120, 250)  # days of covariance tried for risk parity
FIXED = {  # what the printed numbers say alone
    1: "52.459 is 23 times the printed mean 2.281 (52.463): the total return of LSTM+MDP is a sum of monthly "
       "excesses, not growth, which would be 67.990. The test period has 24 months; values at the ends of these "
       "give no return for the first, which would explain the 23. For no other strategy is a mean printed: of "
       "their totals the same is assumed, here and below.",
    3: "A total over 23 and over the information ratio is the deviation of monthly excess: 5.66 to 5.69 percent "
       "for RPP, 4.13 to 4.20 for MVF. So RPP strays further from the index than MVF. The text calls RPP the more "
       "stable in volatility: that is of the strategies, the implied number of their excess over an index.",
    4: "A ratio times the root of 23 is a t-statistic: the one-sided p-values are 0.010 to 0.122, and 3 of 6 "
       "strategies are significant at 0.05. The text finds all significant by signed-rank tests; a few extreme "
       "months, which weigh on a t-statistic more than on ranks, would explain it. After Holm's correction, which "
       "the paper does not make, none of 6 would be (smallest p 0.058).",
    5: "The text gives the lowest total return to 1D-CNN+MDP with 33.877; in Table 5 it is that of 1D-CNN+RPP, "
       "33.824. Text and Table 5 agree on 4 of 5 strategies named highest or lowest.",
}


def claims(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """
    Every printed number of the paper and every point of its audit beside this run, and the audit in Markdown.

    Parameters
    ----------
    results : dict
        What the run found, by name: log_accuracy, excess, tests, monthly_excess, net_returns, universe, returns.
    """
    accuracy = results["log_accuracy"]
    named = {name: by_name(results[name]) for name in ("excess", "tests", "monthly_excess", "net_returns")}
    years = two_years(published, results["returns"], results["net_returns"], accuracy)
    rows = compare(PAPER, published, [
        *numbers_of_table4(accuracy), *numbers_of_table5(named["excess"], named["monthly_excess"]),
        *numbers_of_text(accuracy=accuracy, universe=results["universe"], **named), *numbers_of_audit(years)])
    return rows, in_words(published, years, rows)


def numbers_of_table4(accuracy: pd.DataFrame) -> list[Ours]:
    """Errors of the two networks, means over stocks, beside those of forecasting zero where `accuracy` has them."""
    return [Ours("Table 4", f"{error} of the {title}, mean over stocks", of[model],
                 note="" if np.isnan(of["zero"]) else f" (forecasting zero: {of['zero']:.{decimals}f})")
            for (error, of), decimals in zip(_errors(accuracy).items(), ERRORS.values(), strict=True)
            for model, title in NETWORKS.items()]


def readings(excess: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    What each number of Table 5 could mean, in every way that the paper leaves open.

    Index strategy, those of the paper; columns as `TABLE5` has them, in percent, but the ratios a month.

    Notes
    -----
    The one total whose mean is printed is 23 times that, one month less than the test period has: mean and ratio could
    leave out a month too.
    """
    table = excess.set_index("strategy").assign(
        mean_monthly_excess_but_first=monthly_excess.iloc[1:].mean(),
        information_ratio_but_first=metrics.information_ratio(monthly_excess.iloc[1:]))
    table = table.reindex(index=SIX, columns=[column for meanings in TABLE5.values() for column in meanings])
    return table * [1 if column in TABLE5["information ratio"] else 100 for column in table]


def by_name(table: pd.DataFrame) -> pd.DataFrame:
    """A table of strategies, its rows or columns, with the paper's six under their own names where the run has them.

    Strategies that came to the same weights stand in one line, and those that read no forecast have no model's name.
    """
    if "strategy" not in table:
        return table.assign(**{name: table[line(name, table)] for name in SIX if line(name, table) in table})
    names = table["strategy"]
    rows = [table[names == line(name, names)].assign(strategy=name) for name in SIX if name not in set(names)]
    return pd.concat([table, *rows], ignore_index=True)


def numbers_of_table5(excess: pd.DataFrame, monthly_excess: pd.DataFrame) -> list[Ours]:
    """What the strategies earned over the index, and traded: three readings of a total return, two of other numbers."""
    ours = readings(excess, monthly_excess)
    return [Ours("Table 5", f"{number} of {title}", ours.at[strategy, column], words)
            for title, strategy in STRATEGIES.items()
            for number, meanings in TABLE5.items() for column, words in meanings.items()]


def side_by_side(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame,
                 monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Table 5 beside every reading of it, one row per strategy.

    Columns strategy; the total return in percent as printed, as the sum of monthly excess without and with the first
    month, and as the strategy's own, compounded; the information ratio as printed, and of as many months; the turnover
    in percent as printed, one-way and two-way. Names carry this run's number of months.
    """
    ours, n_months = readings(excess, monthly_excess).set_axis(list(STRATEGIES)), len(monthly_excess)
    table = pd.DataFrame({
        "total, printed": values(published, "Table 5", "total return"),
        f"sum of {n_months - 1}": ours["summed_excess_but_first"], f"sum of {n_months}": ours["summed_excess"],
        "compounded": ours["total_return"],
        "IR, printed": values(published, "Table 5", "information ratio"),
        f"IR {n_months - 1}": ours["information_ratio_but_first"], f"IR {n_months}": ours["information_ratio"],
        "turnover, printed": values(published, "Table 5", "turnover"), "one-way": ours["turnover_one_way"],
        "two-way": ours["turnover_two_way"]}).loc[list(STRATEGIES)]
    return table.round({name: 3 if "IR" in name else 2 for name in table}).rename_axis("strategy").reset_index()


def numbers_of_text(*, accuracy: pd.DataFrame, excess: pd.DataFrame, tests: pd.DataFrame, monthly_excess: pd.DataFrame,
                    net_returns: pd.DataFrame, universe: pd.DataFrame) -> list[Ours]:
    """
    What the paper's text says beyond the numbers of Tables 4 and 5.

    What is said of all six strategies is there if the run has them all, and other strategies take no part. Of
    Mann-Whitney's test the verdict is compared, not the p-value.
    """
    kept, file = universe["kept"].astype(bool), f"; here of a file of {len(universe)} tickers, the paper's of {LISTED}"
    found = [Ours("Data", "constituents with complete histories", int(kept.sum()), note=file),
             Ours("Data", "constituents excluded", int((~kept).sum()), note=file)]
    models = accuracy.set_index("model")
    if set(NETWORKS) <= set(models.index):
        found += _of_networks(models.loc["lstm"], models.loc["cnn1d"])
    if set(SIX) <= set(excess["strategy"]):
        found += _of_portfolios(excess.set_index("strategy").loc[SIX])
    if set(SIX) <= set(tests["strategy"]):
        p_values = tests.set_index("strategy").loc[SIX]
        found += [_said("Results", claim, None if p_values[column].isna().any() else (
            p_values[column] < evidence.LEVEL).all(), meant) for claim, column, meant in (
            ("Shapiro-Wilk rejects normality for all six", "shapiro_p", f"each p below {evidence.LEVEL}"),
            ("Wilcoxon p below 0.05 for all six", "wilcoxon_p", "one-sided, not corrected for their number"))]
    if set(SIX) <= set(net_returns):
        volatility = net_returns[SIX].std()
        parity = volatility.index.str.endswith("+rpp")
        found.append(_said("Results", "RPP strategies are the more stable in volatility",
                           volatility[parity].max() < volatility[~parity].min(),
                           "of daily returns, each RPP below every MVF and MDP"))
    if set(PAIR) <= set(monthly_excess.dropna(axis="columns")):
        p = float(evidence.best_pair(monthly_excess[PAIR])["mann_whitney_p"].iloc[0])
        found.append(Ours("Results", "no significant difference at 0.05 between LSTM+MDP and LSTM+MVF",
                          "yes" if p >= evidence.LEVEL else "no", note=f", {p:.3f} here, two-sided, of monthly excess"))
    return found


class TwoYears(NamedTuple):
    """What this run's data say of the paper's two test years; missing where the run has other years."""

    rise: float  # of the index, percent
    below: int  # how many printed totals are not above that
    ends: pd.Series  # index months but the first, each plus 1/23 of a printed total, compounded: percent by strategy
    above: int  # how many of them are above the same months of the index alone
    parity: pd.Series  # deviation of monthly excess of risk parity, percent, by days of the window
    errors: pd.DataFrame  # as `_errors` has them
    n_stocks: int


def two_years(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame, net_returns: pd.DataFrame,
              accuracy: pd.DataFrame) -> TwoYears:
    """Measure what the audit needs of the index, the stocks (`returns`, of all days) and the zero forecast."""
    totals = values(published, "Table 5", "total return")
    errors, n_stocks = _errors(accuracy), returns.shape[1]
    if not len(net_returns) or [f"{month:%Y-%m}" for month in net_returns.index[[0, -1]]] != [FIRST, LAST]:
        return TwoYears(np.nan, 0, totals * np.nan, 0, pd.Series(np.nan, WINDOWS), errors * np.nan, n_stocks)
    index = net_returns[[BENCHMARK]]
    months = metrics.monthly_returns(index).iloc[1:, 0].to_numpy()[:, None]
    ends = pd.Series(100 * ((1 + months + totals.to_numpy() / 100 / N_MONTHS).prod(axis=0) - 1), totals.index)
    rise, above = 100 * float(metrics.total_return(index).iloc[0]), (ends > 100 * (np.prod(1 + months) - 1)).sum()
    return TwoYears(rise, int((totals <= rise).sum()), ends, int(above),
                    100 * risk_parity_deviations(returns, net_returns), errors, n_stocks)


def risk_parity_deviations(returns: pd.DataFrame, net_returns: pd.DataFrame) -> pd.Series:
    """
    Deviation of the monthly excess of risk parity, decided before each month from windows of several lengths.

    `returns` are of all days, and the days of `net_returns` are the test period. By days of the window, fraction a
    month (ddof 1); missing where the first window would open before the data. Covariances are Ledoit-Wolf's, because
    with fewer days than stocks the sample's is singular.
    """
    from forefolio.market import covariance
    from forefolio.portfolios import long_only  # solvers, for which stage 04 should not pay

    index = returns.index
    decided = index[index.get_indexer(net_returns.index[~net_returns.index.to_period("M").duplicated()]) - 1]
    made = {(day, str(window)): long_only.risk_parity(covariance.ledoit_wolf(returns.loc[:day].iloc[-window:])).weights
            for window in WINDOWS if index.get_loc(decided[0]) + 1 >= window for day in decided}
    if not made:
        return pd.Series(np.nan, index=WINDOWS)
    weights = pd.concat(made).rename("weight").rename_axis(["rebalance_date", "strategy", "asset"]).reset_index()
    earned = backtest.backtest(weights, returns, cost_rate=0.0).net_returns
    deviation = metrics.monthly_excess(earned.join(net_returns[BENCHMARK], how="inner")).std()
    return deviation.rename(int).reindex(WINDOWS)


def numbers_of_audit(years: TwoYears) -> list[Ours]:
    """
    The checks of the audit that need data of the two years: (2) do the strategies end above the index, (3) can risk
    parity deviate from it as the printed ratios say, (6) are the printed errors at most those of forecasting nothing?
    """
    found = [Ours("Audit 6, Table 4", f"{error} of the {title} at most the zero forecast's", nothing,
                  note=f", over {years.n_stocks}") for title in NETWORKS.values()
             for error, nothing in years.errors.loc["zero"].items()]
    if not np.isnan(years.rise):
        told = (f"; the index's rise {years.rise:.1f} percent, totals not above it {years.below}, {BEST} "
                f"grows by {years.ends[BEST]:.1f}")
        found.append(Ours("Audit 2, Results", "strategies above the index", years.above, note=told))
    if years.parity.notna().any():
        found.append(Ours("Audit 3, Table 5", "deviation of excess of RPP at most that of risk parity",
                          years.parity.max(), note=f", from {years.parity.min():.2f} percent"))
    return found


def in_words(published: Mapping[str, pd.DataFrame], years: TwoYears, rows: pd.DataFrame) -> str:
    """The audit in a short Markdown list, one line per point."""
    known = rows[rows["status"] != NO_DATA]
    parity, errors = (known[known["place"] == place] for place in ("Audit 3, Table 5", "Audit 6, Table 4"))
    told = FIXED | {2: _index_in_words(years), 6: _zero_in_words(published, years, errors)}
    told[3] += _parity_in_words(years, parity)
    return "\n".join(f"- **({number}) {name}.** {told[number] or 'Nothing that this run could compute.'}"
                     for number, name in enumerate(POINTS, 1))


def _so_many(count: float, total: float) -> str:
    """So many of all, in words at both ends: none of 6, 3 of 6, all 6."""
    return f"all {total:g}" if count == total else f"{count:g} of {total:g}" if count else f"none of {total:g}"


def _said(place: str, claim: str, value: str | bool | None, meant: str = "") -> Ours:
    """What a sentence says, yes or no where it holds or not, and how it is measured here where that is a choice."""
    told = value if value is None or isinstance(value, str) else "yes" if value else "no"
    return Ours(place, claim, told, note=f"; here {meant}" if meant else "")


def _errors(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Mean errors in log returns a day of forecasting zero and of the two networks (rows), by MAE, MSE and RMSE."""
    means = {f"{error}_mean": error.upper() for error in ERRORS}
    return accuracy.set_index("model").reindex(index=["zero", *NETWORKS], columns=list(means)).rename(columns=means)


def _of_networks(lstm: pd.Series, cnn1d: pd.Series) -> list[Ours]:
    """What is said of the two networks' errors."""
    found = [_said("Table 4", f"LSTM has the lower {words} of MAE MSE and RMSE over stocks",
                   all(lstm[f"{error}_{kind}"] < cnn1d[f"{error}_{kind}"] for error in ERRORS))
             for words, kind in (("means", "mean"), ("deviations", "std"))]
    apart = (lstm.reindex(list(HIT_RATIOS)).astype(float) - cnn1d.reindex(list(HIT_RATIOS)).astype(float)).abs()
    meant = f"mean {', '.join(HIT_RATIOS.values())} each less than one percentage point apart"
    if apart.notna().all():
        meant += f" ({', '.join(f'{name} {100 * apart[column]:.2f}' for column, name in HIT_RATIOS.items())})"
    return [*found, _said("Table 4", "both models alike in direction",
                          None if apart.isna().any() else (apart < POINT).all(), meant)]


def _of_portfolios(six: pd.DataFrame) -> list[Ours]:
    """Which of the six strategies come first and last, with ties, and whether each LSTM leads its 1D-CNN."""
    summed = "excess summed over all months"
    cases = [("Results", "highest total return", "summed_excess", "max", summed),
             ("Results", "lowest total return (text)", "summed_excess", "min", summed),
             ("Results", "highest information ratio", "information_ratio", "max", ""),
             ("Results", "lowest information ratio", "information_ratio", "min", ""),
             ("Results", "highest turnover", "turnover_one_way", "max", "one-way"),
             ("Fig. 1", "highest final net value", "total_return", "max", "compounded")]
    found = []
    for place, claim, column, end, meant in cases:
        tied = six.index[(six[column] - six[column].agg(end)).abs() <= TIED]
        found.append(_said(place, claim, None if six[column].isna().any() else ", ".join(tied), meant))
    total = six["summed_excess"]  # of as many months, so that it orders them as the mean does
    above = [total[name] - total[name.replace("lstm", "cnn1d")] > TIED for name in SIX if name.startswith("lstm+")]
    return [*found, _said("Results", "LSTM strategies outperform their 1D-CNN counterparts", all(above),
                          f"{summed}, all three")]


def _index_in_words(years: TwoYears) -> str:
    """(2) Do the strategies end above the index, which itself rose?"""
    if np.isnan(years.rise):
        return ""
    below, above = (_so_many(count, len(SIX)) for count in (years.below, years.above))
    doubt = (f", and {below} printed totals are not above that, so they are not what the strategies "
             "themselves earned if all beat the index, as the text says") if years.below else ""
    return (f"The index rose {round(years.rise, 1):g} percent in the 24 months{doubt}. As sums of excess, with the "
            f"index's own rise in none of them, the totals put {above} strategies above it: the index's months but the "
            f"first, each plus the mean excess of {BEST}, compound to {round(years.ends[BEST], 1):g} percent.")


def _parity_in_words(years: TwoYears, known: pd.DataFrame) -> str:
    """(3) Can risk parity deviate so much from the index?"""
    if known.empty:
        return ""
    lowest = known["published"].iloc[0]
    why = (f"each less than {lowest:.2f}: weights far from risk parity, or a ratio that is not mean over deviation, "
           "would explain that") if known["status"].iloc[0] == NOT_REPRODUCED else f"so that {lowest:.2f} is possible"
    return (f" Risk parity over this run's stocks strays {years.parity.min():.2f} to {years.parity.max():.2f} percent "
            f"with windows of {WINDOWS[0]} to {WINDOWS[-1]} days, {why}.")


def _zero_in_words(published: Mapping[str, pd.DataFrame], years: TwoYears, known: pd.DataFrame) -> str:
    """(6) Are the printed errors at most those of forecasting nothing?"""
    if known.empty:
        return ""
    zero, n_ours = years.errors.loc["zero"].dropna(), years.n_stocks
    n_theirs = values(published, "Data", "constituents with complete histories").iloc[0]
    larger, absent = known[known["status"] == NOT_REPRODUCED], n_theirs - n_ours
    errors = ", ".join(f"{name} {error:.4g}" for name, error in zero.items())
    told = (f"Forecasting no move has {errors} over the same two years, smaller than "
            f"{_so_many(len(larger), len(known))} printed errors. Zero's are means over this run's {n_ours:g} stocks "
            f"with its prices, the printed over {n_theirs:g}.")
    if len(larger) and absent > 0:
        least = larger["published"].astype(float).groupby(larger["claim"].str.split().str[0], sort=False).min()
        needed = (n_theirs * least - n_ours * zero[least.index]) / absent
        means = ", ".join(f"{name} {error:.3g} ({error / zero[name]:.1f} times that of the {n_ours:g})"
                          for name, error in needed.items())
        told += (f" If the {n_ours:g} are among the {n_theirs:g}, zero's mean over the {absent:g} others would have to "
                 f"be {means} to make zero's errors as large as the smallest printed.")
    own = years.errors.loc[list(NETWORKS)]
    better, n_own = own.lt(zero).to_numpy().sum(), own.count().sum()
    return told + (f" This run's own networks beat zero in {_so_many(better, n_own)} errors." if n_own else "")
