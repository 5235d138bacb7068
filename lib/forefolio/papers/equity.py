"""Nguyen (2025) beside a run: what the run finds for each printed number, and the audit.

Where the paper does not say how a number was made, each reading of it is compared, and the readings exclude one
another. A reading names the choices of ours on which the number depends, and what it is with others, where a sweep over
them lies beside the notebook. The paper's headline, that LSTM outperforms 1D-CNN, and its three research questions get
the tests that they lack. The audit asks what the printed numbers say about each other. Half of it needs them alone and
is plain text here, with its rows in the paper's audit file. The rest needs the index, the stocks and the zero forecast
of the same two test years, and says nothing where a run has other years. It says what would explain a number; it is no
verdict on what the author did.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forefolio.papers.printed import NO_DATA, NOT_REPRODUCED, REPRODUCED, Ours, compare, values
from forefolio.performance import backtest, evidence, gate, metrics
from forefolio.study.vocabulary import (BENCHMARK, FRAMEWORKS, MODELS, NOT_SHOWN, SHOWN, counted, line, listed, parts,
                                        percent)

PAPER = "nguyen2025"
NETWORKS = {name: MODELS[name].title for name in ("lstm", "cnn1d")}
SIX = ["lstm+mdp", "lstm+mvf", "cnn1d+mvf", "lstm+rpp", "cnn1d+rpp", "cnn1d+mdp"]  # strategies, in the order of Table 5
STRATEGIES = {f"{NETWORKS[model]}+{framework.upper()}": f"{model}+{framework}"  # by name in the paper
              for model, framework in (name.split("+") for name in SIX)}
TITLES = {strategy: title for title, strategy in STRATEGIES.items()}
PROFILES = ["mvf", "rpp", "mdp"]  # frameworks, in the order in which the paper presents them
CHOICES = ["estimation_window", "scenarios", "patience"]  # of ours, on which portfolios depend; forecasts on the last
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

POINTS = ["Total return", "The index", "Stability", "Significance", "The text", "The zero forecast", "Turnover"]
NOTHING = "Nothing that this run could compute."
FIRST, LAST = "2023-01", "2024-12"  # of the paper's test period
N_MONTHS = 23  # behind a printed total: 52.459 / 2.281
BEST = "LSTM+MDP"  # the one strategy whose mean is printed
WINDOWS = (20, 60, 120, 250)  # days of covariance tried for risk parity
FIXED = {  # what the printed numbers say alone
    1: "52.459 is 23 times the printed mean 2.281 (52.463): the total return of LSTM+MDP is a sum of monthly excess "
       "returns. It is not growth, which would be 67.990. The test period has 24 months. Values at the ends of "
       "months give no return for the first month, which would explain the 23. The paper prints a mean for this "
       "strategy only. We assume the same for the other totals.",
    3: "The total over 23 and over the information ratio gives the standard deviation of monthly excess returns: 5.66 "
       "to 5.69 percent for RPP, 4.13 to 4.20 for MVF. So RPP strays further from the index than MVF. The text "
       "calls RPP the more stable in volatility. It means the strategies' own returns, while our number describes "
       "their excess over an index.",
    4: "A ratio times the root of 23 is a t-statistic. The one-sided p-values are 0.010 to 0.122, and 3 of 6 "
       "strategies are significant at 0.05. The text finds all significant by signed-rank tests. A few extreme "
       "months would explain the difference, because they change a t-statistic more than ranks. After Holm's "
       "correction, which the paper does not make, none of 6 would be (smallest p 0.058).",
    5: "The text gives the lowest total return to 1D-CNN+MDP with 33.877. In Table 5 the lowest is that of 1D-CNN+RPP, "
       "33.824. Text and Table 5 agree on 4 of 5 strategies named highest or lowest.",
}


def claims(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """
    Every printed number of the paper and every point of its audit beside this run, and the audit in Markdown.

    Parameters
    ----------
    published : dict of DataFrames
        Beside `numbers` and `audit`, the results of sweeps over `CHOICES`, where they are there: `choices`, the columns
        of `TABLE5` as fractions by those three and strategy, and `accuracy`, errors by patience and model.
    results : dict
        What the run found, by name: log_accuracy, excess, tests, monthly_excess, net_returns, universe, returns and
        rivals, and its estimation_window, scenarios and patience.
    """
    accuracy, months = results["log_accuracy"], by_name(results["monthly_excess"])
    tested = against_cnn1d(results["rivals"], results["monthly_excess"])
    years = two_years(published, results["returns"], results["net_returns"], accuracy)
    stopped = "stopped early" if results["patience"] else "not stopped early"
    chosen = f"{results['estimation_window']} days, {results['scenarios']}, {stopped}"
    table = conventions(results["excess"], results["monthly_excess"]).join(_of_tests(results))
    of_networks = [numbers_of_networks(point) for point in _points(published.get("accuracy"), CHOICES[-1:])]
    of_portfolios = [[*numbers_of_table5(point), *numbers_of_portfolios(point)]
                     for point in map(_six, _points(published.get("choices"), CHOICES))]
    ours = [*numbers_of_table5(table), *numbers_of_portfolios(table, tested), *numbers_of_pair(months)]
    rows = compare(PAPER, published, [
        *numbers_of_data(results["universe"]),
        *_over_choices(numbers_of_networks(accuracy, tested), stopped, of_networks, published),
        *_over_choices(ours, chosen, of_portfolios, published), *numbers_of_audit(years)])
    return rows, in_words(published, years, rows)


def numbers_of_data(universe: pd.DataFrame) -> list[Ours]:
    """How many constituents have complete histories, and how many are left out for lack of one."""
    kept, file = universe["kept"].astype(bool), f"; here of a file of {len(universe)} tickers, the paper's of {LISTED}"
    return [Ours("Data", "constituents with complete histories", int(kept.sum()), note=file),
            Ours("Data", "constituents excluded", int((~kept).sum()), note=file)]


def numbers_of_networks(accuracy: pd.DataFrame, tested: pd.DataFrame | None = None) -> list[Ours]:
    """
    Errors of the two networks, means over stocks, beside those of forecasting zero where `accuracy` has them, and what
    is said of them. `tested` is as `against_cnn1d` gives it.
    """
    found = [Ours("Table 4", f"{error} of the {title}, mean over stocks", of[model],
                  note="" if np.isnan(of["zero"]) else f" (forecasting zero: {of['zero']:.{decimals}f})")
             for (error, of), decimals in zip(_errors(accuracy).items(), ERRORS.values(), strict=True)
             for model, title in NETWORKS.items()]
    models = accuracy.set_index("model")
    if set(NETWORKS) <= set(models.index):
        found += _of_networks(models.loc["lstm"], models.loc["cnn1d"], tested)
    return found


def conventions(excess: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Each number of Table 5 in every convention that the paper leaves open, of its six strategies.

    Index strategy; columns as `TABLE5` has them: fractions, but the ratios a month. What the run lacks is missing.

    Notes
    -----
    The one total whose mean is printed is 23 times that, one month less than the test period has: mean and ratio could
    leave out a month too.
    """
    months = by_name(monthly_excess)
    return _six(by_name(excess).set_index("strategy").assign(
        mean_monthly_excess_but_first=months.iloc[1:].mean(),
        information_ratio_but_first=metrics.information_ratio(months.iloc[1:])).reset_index())[_columns()]


def by_name(table: pd.DataFrame) -> pd.DataFrame:
    """A table of strategies, its rows or columns, with the paper's six under their own names where the run has them.

    Strategies that came to the same weights stand in one line, and those that read no forecast have no model's name.
    """
    if "strategy" not in table:
        return table.assign(**{name: table[line(name, table)] for name in SIX if line(name, table) in table})
    names = table["strategy"]
    rows = [table[names == line(name, names)].assign(strategy=name) for name in SIX if name not in set(names)]
    return pd.concat([table, *rows], ignore_index=True)


def numbers_of_table5(table: pd.DataFrame) -> list[Ours]:
    """What the strategies earned over the index, and traded, in each of the `conventions`."""
    ours = _printed_units(table)
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
    ours, n_months = _printed_units(conventions(excess, monthly_excess)).set_axis(list(STRATEGIES)), len(monthly_excess)
    table = pd.DataFrame({
        "total, printed": values(published, "Table 5", "total return"),
        f"sum of {n_months - 1}": ours["summed_excess_but_first"], f"sum of {n_months}": ours["summed_excess"],
        "compounded": ours["total_return"],
        "IR, printed": values(published, "Table 5", "information ratio"),
        f"IR {n_months - 1}": ours["information_ratio_but_first"], f"IR {n_months}": ours["information_ratio"],
        "turnover, printed": values(published, "Table 5", "turnover"), "one-way": ours["turnover_one_way"],
        "two-way": ours["turnover_two_way"]}).loc[list(STRATEGIES)]
    return table.round({name: 3 if "IR" in name else 2 for name in table}).rename_axis("strategy").reset_index()


def numbers_of_portfolios(table: pd.DataFrame, tested: pd.DataFrame | None = None) -> list[Ours]:
    """
    What the text says of all six strategies: which come first and last, with ties, which outperform, what tests say.

    `table` has `conventions`, and the columns volatility, shapiro_p and wilcoxon_p where they are known; `tested` is as
    `against_cnn1d` gives it. Nothing is said where one of the six is missing.
    """
    six = table.reindex(columns=[*_columns(), "volatility", "shapiro_p", "wilcoxon_p"])
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
    above = [total[f"lstm+{framework}"] - total[f"cnn1d+{framework}"] > TIED for framework in PROFILES]
    found.append(_said("Results", "LSTM strategies outperform their 1D-CNN counterparts",
                       None if total.isna().any() else all(above), f"{summed}, all three{_p_of_months(tested)}"))
    for claim, column, meant in (
            ("Shapiro-Wilk rejects normality for all six", "shapiro_p", f"each p below {evidence.LEVEL}"),
            ("Wilcoxon p below 0.05 for all six", "wilcoxon_p", "one-sided, not corrected for their number")):
        rejected = None if six[column].isna().any() else (six[column] < evidence.LEVEL).all()
        found.append(_said("Results", claim, rejected, meant))
    parity, volatility = six.index.str.endswith("+rpp"), six["volatility"]
    calmer = None if volatility.isna().any() else volatility[parity].max() < volatility[~parity].min()
    return [*found, _said("Results", "RPP strategies are the more stable in volatility", calmer,
                          "of daily returns, each RPP below every MVF and MDP")]


def numbers_of_pair(monthly_excess: pd.DataFrame) -> list[Ours]:
    """Mann-Whitney's test of the two best strategies of the paper: its p-value and its verdict."""
    if not set(PAIR) <= set(monthly_excess.dropna(axis="columns")):
        return []
    p = float(evidence.best_pair(monthly_excess[PAIR])["mann_whitney_p"].iloc[0])
    return [Ours("Results", "Mann-Whitney p of LSTM+MDP and LSTM+MVF", p, "two-sided"),
            _said("Results", "no significant difference at 0.05 between LSTM+MDP and LSTM+MVF", p >= evidence.LEVEL,
                  f"two-sided Mann-Whitney of monthly excess, p {p:.3f}")]


def against_cnn1d(rivals: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Does the LSTM outperform the 1D-CNN? Its forecasts on the same days, and its strategies in the same months.

    `rivals` is as `performance.gate.pairs` gives it.

    Returns
    -------
    DataFrame (4, 10)
        Columns compared (forecasts, MVF, RPP, MDP), test, n (days, or months), difference, low and high (its 95 percent
        interval), t, p (one-sided: the LSTM is the better), p_holm and verdict (`SHOWN` or `NOT_SHOWN`). Of forecasts
        the difference is the share by which the 1D-CNN's squared error is the larger, tested by Diebold and Mariano; of
        strategies the mean excess of the LSTM's over its twin's, a month, with Student's t-interval, tested by signed
        rank. Holm corrects over the three frameworks. What the run lacks is missing, and so is the p-value of twins
        that hold the same weights.

    Notes
    -----
    Nguyen 2025 draws its headline from unpaired means without a test. The days and months are the same, so the
    differences are tested, which the common moves of the market leave alone.
    """
    both = rivals[rivals["model"].isin(NETWORKS) & rivals["rival"].isin(NETWORKS)]
    rows = [_of_days(both.iloc[0]) if len(both) else {}]
    months = by_name(monthly_excess).dropna(axis="columns")
    pairs = {framework: [f"{model}+{framework}" for model in NETWORKS] for framework in PROFILES}
    apart = pd.DataFrame({framework: months[lstm] - months[cnn1d] for framework, (lstm, cnn1d) in pairs.items()
                          if {lstm, cnn1d} <= set(months)})
    tests = evidence.monthly_tests(apart).set_index("strategy").reindex(PROFILES)
    rows += [{"n": one.n_months, "difference": one.mean, "low": one.t_low, "high": one.t_high, "p": one.wilcoxon_p,
              "t": apart[one.Index].mean() / apart[one.Index].sem() if one.wilcoxon_p >= 0 else np.nan,
              "p_holm": one.wilcoxon_p_holm} for one in tests.itertuples()]
    table = pd.DataFrame(rows, columns=["n", "difference", "low", "high", "t", "p", "p_holm"])
    table.insert(0, "compared", ["forecasts", *(framework.upper() for framework in PROFILES)])
    table.insert(1, "test", [gate.DIEBOLD_MARIANO, *["signed rank"] * len(PROFILES)])
    return table.assign(verdict=np.where(table["p_holm"] < evidence.LEVEL, SHOWN, NOT_SHOWN))


def answers(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> str:
    """
    The three research questions of the paper's introduction, each with a computed answer and its test, in Markdown.

    `results` are as `claims` takes them, and `twins`, as `performance.evidence.against_twins` gives it.
    """
    asked = {
        "How do LSTM and 1D-CNN models perform in forecasting returns in the Vietnamese stock market?": _first(results),
        "How does the integration of these forecasts with MVF, RPP and MDP affect portfolio performance across "
        "investor risk preferences?": _second(results["twins"]),
        "Which combinations deliver superior performance in returns, risk-adjusted returns and turnover?":
            _third(published, results)}
    return "\n".join(f"{number}. *{question}* {told or NOTHING}"
                     for number, (question, told) in enumerate(asked.items(), 1))


class TwoYears(NamedTuple):
    """What this run's data say of the paper's two test years; missing where the run has other years."""

    rise: float  # of the index, percent
    below: int  # how many printed totals are not above that
    ends: pd.Series  # index months but the first, each plus 1/23 of a printed total, compounded: percent by strategy
    above: int  # how many of them are above the same months of the index alone
    parity: pd.DataFrame  # risk parity, as `risk_parity` has it, in percent
    errors: pd.DataFrame  # as `_errors` has them
    n_stocks: int


def two_years(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame, net_returns: pd.DataFrame,
              accuracy: pd.DataFrame) -> TwoYears:
    """Measure what the audit needs of the index, the stocks (`returns`, of all days) and the zero forecast."""
    totals = values(published, "Table 5", "total return")
    errors, n_stocks = _errors(accuracy), returns.shape[1]
    if not len(net_returns) or [f"{month:%Y-%m}" for month in net_returns.index[[0, -1]]] != [FIRST, LAST]:
        return TwoYears(np.nan, 0, totals * np.nan, 0, _no_parity(), errors * np.nan, n_stocks)
    index = net_returns[[BENCHMARK]]
    months = metrics.monthly_returns(index).iloc[1:, 0].to_numpy()[:, None]
    ends = pd.Series(100 * ((1 + months + totals.to_numpy() / 100 / N_MONTHS).prod(axis=0) - 1), totals.index)
    rise, above = 100 * float(metrics.total_return(index).iloc[0]), (ends > 100 * (np.prod(1 + months) - 1)).sum()
    return TwoYears(rise, int((totals <= rise).sum()), ends, int(above),
                    100 * risk_parity(returns, net_returns), errors, n_stocks)


def risk_parity(returns: pd.DataFrame, net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    What risk parity, decided before each month from windows of several lengths, deviates from the index and trades.

    `returns` are of all days, and the days of `net_returns` are the test period. Index days of the window; columns
    deviation (of the monthly excess, ddof 1), turnover_one_way (of `backtest.turnover`) and turnover_two_way, fractions
    per month; missing where the first window would open before the data. Covariances are Ledoit-Wolf's, because with
    fewer days than stocks the sample's is singular.
    """
    from forefolio.market import covariance
    from forefolio.portfolios import long_only  # solvers, for which stage 04 should not pay

    index = returns.index
    decided = index[index.get_indexer(net_returns.index[~net_returns.index.to_period("M").duplicated()]) - 1]
    made = {(day, str(window)): long_only.risk_parity(covariance.ledoit_wolf(returns.loc[:day].iloc[-window:])).weights
            for window in WINDOWS if index.get_loc(decided[0]) + 1 >= window for day in decided}
    if not made:
        return _no_parity()
    weights = pd.concat(made).rename("weight").rename_axis(["rebalance_date", "strategy", "asset"]).reset_index()
    result = backtest.backtest(weights, returns, cost_rate=0.0)
    deviation = metrics.monthly_excess(result.net_returns.join(net_returns[BENCHMARK], how="inner")).std()
    one_way = backtest.turnover(result.trades)
    table = pd.DataFrame({"deviation": deviation, "turnover_one_way": one_way, "turnover_two_way": 2 * one_way})
    return table.rename(int).reindex(WINDOWS)


def _no_parity() -> pd.DataFrame:
    """`risk_parity` of nothing."""
    return pd.DataFrame(np.nan, WINDOWS, ["deviation", "turnover_one_way", "turnover_two_way"])


def numbers_of_audit(years: TwoYears) -> list[Ours]:
    """
    The checks of the audit that need data of the two years: (2) do the strategies end above the index, (3) can risk
    parity deviate from it as the printed ratios say, (6) are the printed errors at most those of forecasting nothing,
    (7) can risk parity trade as much as is printed?
    """
    found = [Ours("Audit 6, Table 4", f"{error} of the {title} at most the zero forecast's", nothing,
                  note=f", over {years.n_stocks}") for title in NETWORKS.values()
             for error, nothing in years.errors.loc["zero"].items()]
    if not np.isnan(years.rise):
        told = (f"; the index's rise {years.rise:.1f} percent, totals not above it {years.below}, {BEST} "
                f"grows by {years.ends[BEST]:.1f}")
        found.append(Ours("Audit 2, Results", "strategies above the index", years.above, note=told))
    cases = [("Audit 3, Table 5", "deviation of excess of RPP", "deviation", ""),
             *(("Audit 7, Table 5", "turnover of RPP", column, words) for column, words in TABLE5["turnover"].items())]
    for place, number, column, words in cases:
        ours = years.parity[column]
        if ours.notna().any():
            found.append(Ours(place, f"{number} at most that of risk parity", ours.max(), words,
                              f", from {ours.min():.2f} percent"))
    return found


def in_words(published: Mapping[str, pd.DataFrame], years: TwoYears, rows: pd.DataFrame) -> str:
    """The audit in a short Markdown list, one line per point."""
    known = rows[rows["status"] != NO_DATA]
    parity, errors, turnover = (known[known["place"] == place] for place in (
        "Audit 3, Table 5", "Audit 6, Table 4", "Audit 7, Table 5"))
    told = FIXED | {2: _index_in_words(years), 6: _zero_in_words(published, years, errors),
                    7: _turnover_in_words(published, years, turnover)}
    told[3] += _parity_in_words(years, parity)
    return "\n".join(f"- **({number}) {name}.** {told[number] or NOTHING}"
                     for number, name in enumerate(POINTS, 1))


def _so_many(count: float, total: float) -> str:
    """So many of all, in words at both ends: none of 6, 3 of 6, all 6."""
    return f"all {total:g}" if count == total else f"{count:g} of {total:g}" if count else f"none of {total:g}"


def _said(place: str, claim: str, value: str | bool | None, meant: str = "") -> Ours:
    """What a sentence says, yes or no where it holds or not, and how it is measured here where that is a choice."""
    told = value if value is None or isinstance(value, str) else "yes" if value else "no"
    return Ours(place, claim, told, note=f"; here {meant}" if meant else "")


def _errors(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Mean errors in daily log returns of forecasting zero and of the two networks (rows), by MAE, MSE and RMSE."""
    means = {f"{error}_mean": error.upper() for error in ERRORS}
    return accuracy.set_index("model").reindex(index=["zero", *NETWORKS], columns=list(means)).rename(columns=means)


def _columns() -> list[str]:
    """The columns of `conventions`."""
    return [column for meanings in TABLE5.values() for column in meanings]


def _printed_units(table: pd.DataFrame) -> pd.DataFrame:
    """`conventions` in the units of Table 5: percent, but the ratios."""
    return table[_columns()] * [1 if column in TABLE5["information ratio"] else 100 for column in _columns()]


def _six(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's strategies of a table by strategy, as its index; what is not there is missing."""
    return by_name(table).set_index("strategy").reindex(SIX).rename(columns={"annual_volatility": "volatility"})


def _of_tests(results: Mapping[str, Any]) -> pd.DataFrame:
    """What the run's tests of months and daily returns say of the six."""
    return _six(results["tests"])[["shapiro_p", "wilcoxon_p"]].assign(volatility=by_name(results["net_returns"]).std())


def _points(table: pd.DataFrame | None, by: list[str]) -> list[pd.DataFrame]:
    """A sweep's results apart, one table per combination of choices; none where there was no sweep."""
    return [] if table is None else [point for _, point in table.groupby(by)]


def _over_choices(found: list[Ours], chosen: str, others: list[list[Ours]],
                  published: Mapping[str, pd.DataFrame]) -> list[Ours]:
    """What is found, each with the choices made, and over all of them its range and how often it agrees."""
    rows = compare(PAPER, published, [one._replace(note="") for point in others for one in point])
    names = rows["claim"].str.partition(":")[0]
    by_key = {key: of for key, of in rows[rows["status"] != NO_DATA].groupby([rows["place"], names, rows["reading"]])}
    told = []
    for one in found:
        elsewhere, words = by_key.get((one.place, one.name, one.reading)), [one.reading, chosen]
        if elsewhere is not None:
            agree, ours = int((elsewhere["status"] == REPRODUCED).sum()), elsewhere["ours"]
            words.append(f"holds in {_so_many(agree, len(ours))} choices" if isinstance(ours.iloc[0], str) else (
                f"{ours.min():.4g} to {ours.max():.4g} over {counted(len(ours), 'choice')}, reproduced in {agree}"))
        told.append(one._replace(reading="; ".join(filter(None, words))))
    return told


def _of_networks(lstm: pd.Series, cnn1d: pd.Series, tested: pd.DataFrame | None) -> list[Ours]:
    """What is said of the two networks' errors."""
    found = [_said("Table 4", f"LSTM has the lower {words} of MAE MSE and RMSE over stocks",
                   all(lstm[f"{error}_{kind}"] < cnn1d[f"{error}_{kind}"] for error in ERRORS), meant)
             for words, kind, meant in (("means", "mean", _p_of_days(tested)), ("deviations", "std", ""))]
    apart = (lstm.reindex(list(HIT_RATIOS)).astype(float) - cnn1d.reindex(list(HIT_RATIOS)).astype(float)).abs()
    meant = f"mean {', '.join(HIT_RATIOS.values())} each less than one percentage point apart"
    if apart.notna().all():
        meant += f" ({', '.join(f'{name} {100 * apart[column]:.2f}' for column, name in HIT_RATIOS.items())})"
    return [*found, _said("Table 4", "both models alike in direction",
                          None if apart.isna().any() else (apart < POINT).all(), meant)]


def _of_days(pair: pd.Series) -> dict[str, float]:
    """The row of forecasts of `against_cnn1d`, by that of the two networks among the rivals, whichever is the model."""
    found = {"n": pair["n_days"]}
    if pair["model"] == "lstm":  # gain = 1 - MSE of the LSTM / MSE of the 1D-CNN, turned into the inverse ratio - 1
        found |= {name: 1 / (1 - pair[gain]) - 1 for name, gain in (
            ("difference", "gain"), ("low", "gain_low"), ("high", "gain_high"))}
        return found | {"t": pair["statistic"], "p": pair["p_better"], "p_holm": pair["p_better"]}
    found |= {name: -pair[gain] for name, gain in (("difference", "gain"), ("low", "gain_high"), ("high", "gain_low"))}
    return found | {"t": -pair["statistic"], "p": pair["p_worse"], "p_holm": pair["p_worse"]}


def _p_of_days(tested: pd.DataFrame | None) -> str:
    """The test of forecasts in a few words."""
    if tested is None or np.isnan(tested["p"].iloc[0]):
        return ""
    days = tested.iloc[0]
    return (f"{days['test']} of squared errors on the same {days['n']:.0f} days: t {days['t']:.2f}, one-sided p "
            f"{days['p']:.2g}")


def _p_of_months(tested: pd.DataFrame | None) -> str:
    """The tests of months in a few words, Holm's p-value of each framework."""
    if tested is None or tested["n"].iloc[1:].isna().all():
        return ""
    told = [f"{row.compared} {row.p_holm:.2g}" if row.p_holm >= 0 else f"{row.compared} untested"
            for row in tested.iloc[1:].itertuples()]
    return f"; one-sided signed rank of the same months, p after Holm {', '.join(told)}"


def _first(results: Mapping[str, Any]) -> str:
    """How the networks forecast: errors beside zero's, beside each other, and the sign."""
    accuracy = results["log_accuracy"].set_index("model")
    tested = against_cnn1d(results["rivals"], results["monthly_excess"]).iloc[0]
    if not {"zero", *NETWORKS} <= set(accuracy.index) or np.isnan(tested["p"]):
        return ""
    better = results["rivals"].set_index(["model", "rival"])["p_better"]
    p_values = pd.Series({title: better.get((model, "zero"), np.nan) for model, title in NETWORKS.items()})
    p_values = evidence.holm(p_values)
    able = list(p_values.index[p_values < evidence.LEVEL])
    error, hits = accuracy["mae_mean"], accuracy["hr_mean"]
    low, high = (percent(tested[end], 2) for end in ("low", "high"))
    return (
        f"The mean absolute error is {error['lstm']:.5f} for the LSTM, {error['cnn1d']:.5f} for the 1D-CNN and "
        f"{error['zero']:.5f} for forecasting no move. The 1D-CNN's squared error is "
        f"{percent(tested['difference'], 2)} above the LSTM's, 95 % interval {low} to {high} ({tested['test']}, "
        f"{tested['n']:.0f} days, t {tested['t']:.2f}, one-sided p {tested['p']:.2g}): that the LSTM is the more "
        f"accurate is **{tested['verdict']}**. That {'the ' + listed(able) if able else 'either'} predicts what zero does not is "
        f"**{SHOWN if able else NOT_SHOWN}** ({gate.CLARK_WEST}, p after Holm "
        f"{listed([f'{p:.2g} for the {title}' for title, p in p_values.items()])}). The sign is right on "
        f"{percent(hits['lstm'])} of days for the LSTM and {percent(hits['cnn1d'])} for the 1D-CNN.")


def _second(twins: pd.DataFrame) -> str:
    """What the forecasts change in each framework, beside the historical mean's."""
    own = twins[twins["strategy"].isin(SIX)]
    if own.empty:
        return ""
    told = []
    for framework in PROFILES:
        of = [_moved(row) for row in own.itertuples() if parts(row.strategy)[1] == framework]
        told += [f"{framework.upper()} ({FRAMEWORKS[framework].profile}): {listed(of)}"] if of else []
    return (f"Compared with the same framework and the historical mean as its forecast: {'; '.join(told)}. That forecasts "
            f"made a difference is {_shown_for(own['holm_p'])} strategies (two-sided signed-rank test on the same months, p "
            "after Holm).")


def _moved(row: NamedTuple) -> str:
    """How far one network's forecasts move a framework's weights and its monthly excess, by a row of the twins."""
    whose = f"the {NETWORKS[parts(row.strategy)[0][0]]}"
    if not row.holm_p >= 0:
        return f"{whose} changes nothing"
    return (f"{whose} moves {percent(row.mean_distance, 2)} of wealth and the mean excess return by "
            f"{round(100 * row.mean_difference, 2) + 0.0:+.2f} points per month (p {row.holm_p:.2g})")


def _shown_for(p_values: pd.Series) -> str:
    """For how many strategies an effect is shown."""
    shown, tried = int((p_values < evidence.LEVEL).sum()), len(p_values)
    return f"**{SHOWN}** for {_so_many(shown, tried)}" if shown else f"**{NOT_SHOWN}** for any of {tried}"


def _third(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> str:
    """Which strategies come first, and whether any of that is more than chance."""
    table, months = conventions(results["excess"], results["monthly_excess"]), by_name(results["monthly_excess"])
    p_values = evidence.holm(_six(results["tests"])["wilcoxon_p"])
    if table["summed_excess"].isna().any() or p_values.isna().any():
        return ""
    (most, total), (best, ratio), (least, traded) = (_named(table[column], end) for column, end in (
        ("summed_excess", "max"), ("information_ratio", "max"), ("turnover_one_way", "min")))
    pair = evidence.best_pair(months[SIX].T.drop_duplicates().T).iloc[0]  # of strategies that differ
    told = (
        f"Highest sum of monthly excess returns: {most} with {percent(total)}. Highest information ratio: {best} with "
        f"{ratio:.3f} per month. Lowest turnover: {least} with {percent(traded)} per month, one-way. That a strategy beats "
        f"the index is {_shown_for(p_values)} strategies (one-sided signed rank, smallest p after Holm "
        f"{p_values.min():.2g}). The two best, {TITLES[pair['first']]} and {TITLES[pair['second']]}, differ by "
        f"{100 * pair['mean_difference']:.2f} points per month (signed rank p {pair['signed_rank_p']:.2g}, the pair "
        "chosen in hindsight).")
    points = [_six(point)["summed_excess"] for point in _points(published.get("choices"), CHOICES)]
    first = sum(point.notna().all() and point[STRATEGIES[BEST]] >= point.max() - TIED for point in points)
    if points:
        told += f" {BEST} has the highest total return in the paper. It is first in {_so_many(first, len(points))} choices."
    return told


def _named(values_of: pd.Series, end: str) -> tuple[str, float]:
    """The paper's names of the strategies at one end, with ties, and the number there."""
    best = values_of.agg(end)
    return listed([TITLES[name] for name in values_of.index[(values_of - best).abs() <= TIED]]), best


def _index_in_words(years: TwoYears) -> str:
    """(2) Do the strategies end above the index, which itself rose?"""
    if np.isnan(years.rise):
        return ""
    below, above = (_so_many(count, len(SIX)) for count in (years.below, years.above))
    doubt = (f", and {below} printed totals are not above that. The text says that all strategies beat the index. So the "
             "totals cannot be what the strategies themselves earned") if years.below else ""
    return (f"The index rose {round(years.rise, 1):g} percent in the 24 months{doubt}. If the totals are sums of excess "
            f"returns, {above} strategies end above the index: its returns in all months but the first, each plus the mean "
            f"excess return of {BEST}, compound to {round(years.ends[BEST], 1):g} percent.")


def _parity_in_words(years: TwoYears, known: pd.DataFrame) -> str:
    """(3) Can risk parity deviate so much from the index?"""
    if known.empty:
        return ""
    lowest = known["published"].iloc[0]
    why = (f"each less than {lowest:.2f}. Weights far from risk parity would explain the printed number, or a ratio that is "
           "not mean over deviation") if known["status"].iloc[0] == NOT_REPRODUCED else f"so that {lowest:.2f} is possible"
    strays = years.parity["deviation"]
    return (f" Risk parity over this run's stocks deviates from the index by {strays.min():.2f} to {strays.max():.2f} percent "
            f"with windows of {WINDOWS[0]} to {WINDOWS[-1]} days, {why}.")


def _turnover_in_words(published: Mapping[str, pd.DataFrame], years: TwoYears, known: pd.DataFrame) -> str:
    """(7) Can risk parity trade as much as is printed?"""
    if known.empty:
        return ""
    theirs = values(published, "Table 5", "turnover")
    printed = sorted(theirs[title] for title, strategy in STRATEGIES.items() if strategy.endswith("+rpp"))
    one_way, two_way = (years.parity[column] for column in TABLE5["turnover"])
    why = ("Weights far from risk parity, or a turnover of more than one month, would explain the printed numbers."
           if (known["status"] == NOT_REPRODUCED).all() else f"So {printed[0]:g} is possible.")
    return (f"Table 5 prints {printed[0]:g} and {printed[-1]:g} percent for RPP. Risk parity over this run's stocks, "
            f"decided each month with windows of {WINDOWS[0]} to {WINDOWS[-1]} days, turns over {one_way.min():.1f} to "
            f"{one_way.max():.1f} percent one-way and {two_way.min():.1f} to {two_way.max():.1f} two-way. {why}")


def _zero_in_words(published: Mapping[str, pd.DataFrame], years: TwoYears, known: pd.DataFrame) -> str:
    """(6) Are the printed errors at most those of forecasting nothing?"""
    if known.empty:
        return ""
    zero, n_ours = years.errors.loc["zero"].dropna(), years.n_stocks
    n_theirs = values(published, "Data", "constituents with complete histories").iloc[0]
    larger, absent = known[known["status"] == NOT_REPRODUCED], n_theirs - n_ours
    errors = ", ".join(f"{name} {error:.4g}" for name, error in zero.items())
    told = (f"Forecasting zero has {errors} over the same two years, smaller than "
            f"{_so_many(len(larger), len(known))} printed errors. These are means over this run's {n_ours:g} stocks. The "
            f"printed errors are means over {n_theirs:g} stocks.")
    if len(larger) and absent > 0:
        least = larger["published"].astype(float).groupby(larger["claim"].str.split().str[0], sort=False).min()
        needed = (n_theirs * least - n_ours * zero[least.index]) / absent
        means = ", ".join(f"{name} {error:.3g} ({error / zero[name]:.1f} times that of the {n_ours:g})"
                          for name, error in needed.items())
        told += (f" Suppose that the {n_ours:g} are among the {n_theirs:g}. Then the errors of zero for the {absent:g} others "
                 f"would have to be {means} to reach the smallest printed errors.")
    own = years.errors.loc[list(NETWORKS)]
    better, n_own = own.lt(zero).to_numpy().sum(), own.count().sum()
    return told + (f" This run's own networks beat zero in {_so_many(better, n_own)} errors." if n_own else "")
