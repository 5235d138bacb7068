"""The numbers that Nguyen (2025) prints, each beside what this run finds: reproduced or not.

`published` is a dict of the paper's frames by the name of their table ("claims", "forecasts", "portfolios"). The frame
of claims repeats the numbers of the two others, which are compared once, by `table4` and `table5`. Where the paper does
not say how a number was made, each reading has its row and the claim ends in it; the readings exclude one another.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from forefolio.papers.rows import NOT_REPRODUCED, REPRODUCED, claims_table, number_at, row, stated, tolerance
from forefolio.performance import evidence, metrics

PAPER = "nguyen2025"
MODELS = {"lstm": "LSTM", "cnn1d": "1D-CNN"}
ERRORS = {"mae": ("log return a day", 4), "mse": ("squared log return a day", 6), "rmse": ("log return a day", 4)}
PAIR = ["lstm+mdp", "lstm+mvf"]  # that the paper tests against each other
ALIKE, POINT = "both models alike in direction", 0.01  # apart in no hit ratio by so much
COMPLETE, EXCLUDED = "constituents with complete histories", "constituents excluded"
TESTED = "Mann-Whitney p between LSTM+MDP and LSTM+MVF"  # a number whose verdict is compared
HIT_RATIOS = {"hr_mean": "HR", "hr_plus_mean": "HR+", "hr_minus_mean": "HR-"}
READ_AS = "; read as "  # stands before the reading of a number that the paper does not define
# Column of Table 5: its name and unit in words, and by column of `readings` how it could be meant.
TABLE5 = {
    "total_return_percent": ("total return", "percent", {"summed_but_first": "the sum of monthly excess but the first",
                                                         "summed": "the sum of monthly excess",
                                                         "compounded": "the strategy's own, compounded"}),
    "information_ratio": ("information ratio", "a month", {"ratio_but_first": "of all months but the first",
                                                           "ratio": "of all months"}),
    "turnover_percent": ("turnover", "percent", {"one_way": "one-way", "two_way": "two-way"}),
    "mean_monthly_excess_percent": ("mean monthly excess", "percent", {"mean_but_first": "of all months but the first",
                                                                       "mean": "of all months"}),
}
OURS = {"summed_but_first": "summed_excess_but_first", "summed": "summed_excess", "compounded": "total_return",
        "ratio": "information_ratio", "one_way": "turnover_one_way", "two_way": "turnover_two_way",
        "mean": "mean_monthly_excess"}  # columns of `readings` and of `excess.excess_table`
RATIOS = ["ratio_but_first", "ratio"]  # the others are fractions
TIED = 1e-4  # of a ratio or a fraction: strategies whose results are no further apart tie
DECIMALS = 3  # printed in Table 5; the two ratios of "approximately 0.26" have two, which 5 percent covers
# How a sentence of the paper is measured here, where that is a choice.
MEASURED = {
    "highest total return": "excess summed over all months",
    "lowest total return (text)": "excess summed over all months",
    "highest final net value": "compounded",
    "highest turnover": "one-way",
    "Shapiro-Wilk rejects normality for all six": f"each p below {evidence.LEVEL}",
    "Wilcoxon p below 0.05 for all six": "one-sided, not corrected for their number",
    "LSTM strategies outperform their 1D-CNN counterparts": "excess summed over all months, all three",
    "RPP strategies are the more stable in volatility": "of daily returns, each RPP below every MVF and MDP",
}


def table4(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 4 that the text quotes: errors of the two networks, means over stocks.

    Parameters
    ----------
    published : dict of DataFrames
        Its frame `forecasts`.
    accuracy : DataFrame
        Columns model, mae_mean, mse_mean, rmse_mean in log returns a day, test period. Where it has the zero
        forecast, the claim quotes its error.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; tolerance 5 percent. A model that the run lacks has no such data.
    """
    ours, rows = accuracy.set_index("model"), []
    for model, line in published["forecasts"].set_index("model").iterrows():
        for error, (unit, decimals) in ERRORS.items():
            printed, zero = line[f"{error}_mean"], number_at(ours, "zero", f"{error}_mean")
            quoted = "" if np.isnan(zero) else f" (forecasting zero: {zero:.{decimals}f})"
            rows.append(row(PAPER, "Table 4", f"{error.upper()} of the {MODELS[model]}, mean over stocks: {unit}{quoted}",
                            float(printed), number_at(ours, model, f"{error}_mean"), tolerance(printed, decimals=decimals)))
    return claims_table(rows)


def readings(excess: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    What each number of Table 5 could mean, in every way that the paper leaves open.

    Parameters
    ----------
    excess : DataFrame
        As `excess.excess_table` gives it.
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month over the benchmark, in the order of the months.

    Returns
    -------
    DataFrame (n_strategies, 9)
        Index strategy; columns summed_but_first, summed, compounded, one_way, two_way, mean_but_first, mean (percent),
        ratio_but_first, ratio (a month).

    Notes
    -----
    The one total whose mean is printed is 23 times that (`equity_audit`), one month less than the test period has: mean
    and ratio could leave out a month too.

    Examples
    --------
    >>> excess = pd.DataFrame({"strategy": ["lstm+mvf"], "mean_monthly_excess": 0.02, "turnover_one_way": 0.5})
    >>> months = pd.DataFrame({"lstm+mvf": [0.0, 0.02, 0.04]})
    >>> readings(excess, months).loc["lstm+mvf", ["mean", "mean_but_first", "one_way"]].round(6).tolist()
    [2.0, 3.0, 50.0]
    """
    table, later = excess.set_index("strategy").reindex(columns=list(OURS.values())), monthly_excess.iloc[1:]
    table = table.set_axis(list(OURS), axis=1).assign(mean_but_first=later.mean(),
                                                      ratio_but_first=metrics.information_ratio(later))
    return table.mul(100).assign(**table[RATIOS])


def table5(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 5 that the text quotes: what the six strategies earned over the index, and traded.

    Parameters
    ----------
    published : dict of DataFrames
        Its frame `portfolios`.
    excess, monthly_excess : DataFrame
        As `readings` takes them.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; a row a reading: three of a total return, two of each other number, and the claim
        says which after `READ_AS`. Tolerance 5 percent. A strategy that the run lacks has no such data.
    """
    ours, rows = readings(excess, monthly_excess), []
    for strategy, line in published["portfolios"].set_index("strategy").iterrows():
        for column, (title, unit, meanings) in TABLE5.items():
            printed = float(line[column])
            rows += [row(PAPER, "Table 5", f"{title} of {title_of(strategy)}: {unit}{READ_AS}{words}", printed,
                         number_at(ours, strategy, name), tolerance(printed, decimals=DECIMALS))
                     for name, words in meanings.items() if not np.isnan(printed)]
    return claims_table(rows)


def printed_number(claims: pd.Series) -> pd.Series:
    """Claims without their reading, so that all readings of one printed number are called the same.

    >>> printed_number(pd.Series(["turnover: percent; read as one-way", "stocks: a count"])).tolist()
    ['turnover: percent', 'stocks: a count']
    """
    return claims.map(lambda claim: claim.partition(READ_AS)[0])


def sentences(published: Mapping[str, pd.DataFrame], *, accuracy: pd.DataFrame, excess: pd.DataFrame,
              tests: pd.DataFrame, monthly_excess: pd.DataFrame, net_returns: pd.DataFrame,
              universe: pd.DataFrame) -> pd.DataFrame:
    """
    What the paper's text says beyond the numbers of Tables 4 and 5.

    Parameters
    ----------
    published : dict of DataFrames
        Its frames `claims` and `portfolios`.
    accuracy, excess : DataFrame
        As `table4` and `table5` take them; of accuracy also mae_std, mse_std, rmse_std and the three mean hit ratios.
    tests : DataFrame
        As `evidence.monthly_tests` gives it.
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month over the benchmark.
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns.
    universe : DataFrame
        As `market.universe.Universe.assets`: a row a ticker, column kept.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`. What is said of all six strategies has no such data where the run lacks one, and
        other strategies of the run take no part. Of Mann-Whitney's test the verdict is compared, not the p-value.
    """
    six, kept = published["portfolios"]["strategy"].tolist(), universe["kept"].astype(bool)
    models = accuracy.set_index("model")
    facts = {("Data", COMPLETE): int(kept.sum()), ("Data", EXCLUDED): int((~kept).sum()), **_of_models(models)}
    if set(six) <= set(excess["strategy"]):
        facts |= _of_portfolios(excess.set_index("strategy").loc[six])
    if set(six) <= set(tests["strategy"]):
        facts |= _of_tests(tests.set_index("strategy").loc[six])
    if set(six) <= set(net_returns):
        volatility = net_returns[six].std()
        parity = volatility.index.str.endswith("+rpp")
        facts["Results", "RPP strategies are the more stable in volatility"] = yes(
            volatility[parity].max() < volatility[~parity].min())
    claims, tables = published["claims"], published["claims"]["place"].isin(["Table 4", "Table 5"])
    alone = claims[~(tables & pd.to_numeric(claims["value"], errors="coerce").notna()) & (claims["claim"] != TESTED)]
    told = stated({"claims": alone}, facts, paper=PAPER)
    meant = alone["claim"].map({**MEASURED, **_measured(claims, models, len(universe))}).reset_index(drop=True)
    told["claim"] = told["claim"].where(meant.isna(), told["claim"] + "; here " + meant)
    return pd.concat([told, claims_table([_difference(claims, monthly_excess)])], ignore_index=True)


def yes(holds: bool) -> str:
    """A statement that holds or not, as the paper's frame of claims writes it.

    >>> yes(1 < 2), yes(2 < 1)
    ('yes', 'no')
    """
    return "yes" if holds else "no"


def at_most(place: str, claim: str, published: float, ours: float, allowed: float) -> dict:
    """A row that agrees if what is published is no larger than ours, but for the tolerance."""
    line, holds = row(PAPER, place, claim, published, ours, allowed), published <= ours + allowed
    return line if np.isnan(ours) else {**line, "status": REPRODUCED if holds else NOT_REPRODUCED}


def numbers_in(claim: str, words: str) -> list[float]:
    """The number at each # of these words, as they stand in a claim.

    >>> numbers_in("ratios; p 0.010 to 0.122, of six", "p # to #")
    [0.01, 0.122]
    """
    pattern = re.escape(words).replace(re.escape("#"), r"(-?\d+(?:\.\d+)?)")
    return [float(number) for number in re.search(pattern, claim).groups()]


def so_many(count: float, total: float) -> str:
    """So many of all, in words at both ends.

    >>> so_many(0, 6), so_many(3, 6), so_many(6, 6)
    ('none of 6', '3 of 6', 'all 6')
    """
    return f"all {total:g}" if count == total else f"{count:g} of {total:g}" if count else f"none of {total:g}"


def title_of(strategy: str) -> str:
    """A strategy as the paper writes it.

    >>> title_of("cnn1d+mvf")
    '1D-CNN+MVF'
    """
    model, framework = strategy.split("+")
    return f"{MODELS[model]}+{framework.upper()}"


def _measured(claims: pd.DataFrame, ours: pd.DataFrame, n_tickers: int) -> dict[str, str]:
    """How two sentences are measured here, which depends on the run."""
    said = claims.set_index("claim")["value"]
    listed = int(float(said[COMPLETE]) + float(said[EXCLUDED]))
    apart = ", ".join(f"{name} {100 * abs(number_at(ours, 'lstm', column) - number_at(ours, 'cnn1d', column)):.2f}"
                      for column, name in HIT_RATIOS.items())
    near = f"mean {', '.join(HIT_RATIOS.values())} each less than one percentage point apart"
    return {**dict.fromkeys((COMPLETE, EXCLUDED), f"of a file of {n_tickers} tickers, the paper's of {listed}"),
            ALIKE: near if "nan" in apart else f"{near} ({apart})"}


def _difference(claims: pd.DataFrame, monthly_excess: pd.DataFrame) -> dict:
    """Whether the paper's two best differ by its test, both p-values in the claim's text."""
    printed, ours = float(claims.set_index("claim").at[TESTED, "value"]), np.nan
    if set(PAIR) <= set(monthly_excess):
        ours = float(evidence.best_pair(monthly_excess[PAIR])["mann_whitney_p"].iloc[0])
    here = "" if np.isnan(ours) else f", {ours:.3f} here, two-sided, of monthly excess"
    pair = " and ".join(map(title_of, PAIR))
    return row(PAPER, "Results", f"no significant difference at {evidence.LEVEL} between {pair}: Mann-Whitney p "
               f"{printed:.3f} printed{here}", yes(printed >= evidence.LEVEL),
               None if np.isnan(ours) else yes(ours >= evidence.LEVEL))


def _of_models(ours: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """What is said of the two networks' errors; nothing where one is lacking."""
    if not set(MODELS) <= set(ours.index):
        return {}
    lower = ours.loc["lstm"] < ours.loc["cnn1d"]
    ratios = ours.reindex(columns=list(HIT_RATIOS))
    apart = (ratios.loc["lstm"] - ratios.loc["cnn1d"]).abs()
    facts = {f"LSTM has the lower {words} of MAE MSE and RMSE over stocks":
             yes(lower[[f"{error}_{kind}" for error in ERRORS]].all())
             for words, kind in (("means", "mean"), ("deviations", "std"))}
    facts[ALIKE] = None if apart.isna().any() else yes((apart < POINT).all())
    return {("Table 4", claim): value for claim, value in facts.items()}


def _of_portfolios(six: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Who of the paper's six strategies comes first and last, ties named in full, and whether each LSTM leads its 1D-CNN."""
    ends = {"highest total return": ("summed_excess", "max"), "lowest total return (text)": ("summed_excess", "min"),
            "highest information ratio": ("information_ratio", "max"),
            "lowest information ratio": ("information_ratio", "min"),
            "highest turnover": ("turnover_one_way", "max"), "highest final net value": ("total_return", "max")}
    facts = {("Fig. 1" if column == "total_return" else "Results", claim):
             None if six[column].isna().any() else ", ".join(six.index[(six[column] - six[column].agg(end)).abs() <= TIED])
             for claim, (column, end) in ends.items()}
    total = six["summed_excess"]  # of as many months, so that it orders them as the mean does
    above = [total[name] - total[name.replace("lstm", "cnn1d")] > TIED for name in six.index if name.startswith("lstm+")]
    return {**facts, ("Results", "LSTM strategies outperform their 1D-CNN counterparts"): yes(all(above))}


def _of_tests(six: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Whether the two tests reject for all six; a test that could not be made leaves it open."""
    return {("Results", claim): None if six[column].isna().any() else yes((six[column] < evidence.LEVEL).all())
            for claim, column in (("Shapiro-Wilk rejects normality for all six", "shapiro_p"),
                                  ("Wilcoxon p below 0.05 for all six", "wilcoxon_p"))}
