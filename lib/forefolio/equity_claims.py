"""The numbers that Nguyen (2025) prints, each beside what this run finds: reproduced or not.

`published` is a dict of the paper's frames by the name of their table ("claims", "forecasts", "portfolios"). The frame
of claims repeats the numbers of the two others, which are compared once, by `table4` and `table5`. Where the paper does
not say how a number was made, as of total return and turnover, each reading has its row and the claim says which it is.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forefolio import evidence
from forefolio.claims import claims_table, number_at, row, stated, tolerance

PAPER = "nguyen2025"
MODELS = {"lstm": "LSTM", "cnn1d": "1D-CNN"}
ERRORS = {"mae": ("log return a day", 4), "mse": ("squared log return a day", 6), "rmse": ("log return a day", 4)}
PAIR = ["lstm+mdp", "lstm+mvf"]  # that the paper tests against each other
ALIKE = 0.01  # difference of two hit ratios below which models are alike in direction
# Column of Table 5: its name in words, our columns that it could mean, unit and convention of each.
READINGS = {
    "total_return_percent": (("total return", "summed_excess_but_first", "percent, sum of excess without the first month"),
                             ("total return", "summed_excess", "percent, sum of excess of all months"),
                             ("total return", "total_return", "percent, compounded, the strategy's own")),
    "information_ratio": (("information ratio", "information_ratio", "a month"),),
    "turnover_percent": (("turnover", "turnover_one_way", "percent, one-way"),
                         ("turnover", "turnover_two_way", "percent, two-way")),
    "mean_monthly_excess_percent": (("mean monthly excess", "mean_monthly_excess", "percent"),),
}
TIED = 5  # decimals of a fraction to which two strategies with the same result tie: more is the solver's rounding
DECIMALS = 3  # printed in Table 5; the two ratios of "approximately 0.26" have two, which 5 percent covers
# How a sentence of the paper is measured here, where that is a choice.
MEASURED = {
    "both models alike in direction": "mean hit ratios less than one percentage point apart",
    "highest total return": "excess summed over all months",
    "lowest total return (text)": "excess summed over all months",
    "highest final net value": "compounded",
    "highest turnover": "one-way",
    "Mann-Whitney p between LSTM+MDP and LSTM+MVF": "two-sided, of monthly excess",
    "Shapiro-Wilk rejects normality for all six": f"each p below {evidence.LEVEL}",
    "Wilcoxon p below 0.05 for all six": "one-sided, not corrected for their number",
    "LSTM strategies outperform their 1D-CNN counterparts": "mean monthly excess, all three",
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


def table5(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 5 that the text quotes: what the six strategies earned over the index, and traded.

    Parameters
    ----------
    published : dict of DataFrames
        Its frame `portfolios`.
    excess : DataFrame
        Columns strategy, mean_monthly_excess, information_ratio, total_return, summed_excess,
        summed_excess_but_first, turnover_one_way, turnover_two_way; fractions, excess over the benchmark.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; three rows for a total return, two for a turnover, whose conventions the paper does
        not give. Tolerance 5 percent. A strategy that the run lacks has no such data.

    Notes
    -----
    The printed totals are the sum of 23 monthly excess returns (`equity_audit`), one month less than the test period
    has: our sum over all months but the first is the one alike in kind.
    """
    ours, rows = excess.set_index("strategy"), []
    for strategy, line in published["portfolios"].set_index("strategy").iterrows():
        for column, readings in READINGS.items():
            printed, factor = line[column], 100 if column.endswith("percent") else 1
            rows += [row(PAPER, "Table 5", f"{title} of {title_of(strategy)}: {unit}", float(printed),
                         factor * number_at(ours, strategy, name), tolerance(printed, decimals=DECIMALS))
                     for title, name, unit in readings if not np.isnan(printed)]
    return claims_table(rows)


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
        As `table4` and `table5` take them; of accuracy also mae_std, mse_std, rmse_std and hr_mean.
    tests : DataFrame
        As `evidence.monthly_tests` gives it.
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month over the benchmark.
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns.
    universe : DataFrame
        As `universe.choose` gives it: a row a ticker, column kept.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`. What is said of all six strategies has no such data where the run lacks one, and
        other strategies of the run take no part.
    """
    six = published["portfolios"]["strategy"].tolist()
    facts = {("Data", "constituents with complete histories"): int(universe["kept"].astype(bool).sum()),
             ("Data", "constituents excluded"): int((~universe["kept"].astype(bool)).sum()),
             **_of_models(accuracy.set_index("model"))}
    if set(six) <= set(excess["strategy"]):
        facts |= _of_portfolios(excess.set_index("strategy").loc[six])
    if set(six) <= set(tests["strategy"]):
        facts |= _of_tests(tests.set_index("strategy").loc[six])
    if set(PAIR) <= set(monthly_excess):
        p_value = evidence.best_pair(monthly_excess[PAIR])["mann_whitney_p"].iloc[0]
        facts["Results", "Mann-Whitney p between LSTM+MDP and LSTM+MVF"] = float(p_value)
    if set(six) <= set(net_returns):
        volatility = net_returns[six].std()
        parity = volatility.index.str.endswith("+rpp")
        facts["Results", "RPP strategies are the more stable in volatility"] = yes(
            volatility[parity].max() < volatility[~parity].min())
    claims = published["claims"]
    repeated = claims["place"].isin(["Table 4", "Table 5"]) & pd.to_numeric(claims["value"], errors="coerce").notna()
    alone = claims[~repeated]
    told = stated({"claims": alone}, facts, paper=PAPER)
    meant = alone["claim"].map(MEASURED).reset_index(drop=True)
    return told.assign(claim=told["claim"].where(meant.isna(), told["claim"] + "; here " + meant))


def yes(holds: bool) -> str:
    """A statement that holds or not, as the paper's frame of claims writes it.

    >>> yes(1 < 2), yes(2 < 1)
    ('yes', 'no')
    """
    return "yes" if holds else "no"


def title_of(strategy: str) -> str:
    """A strategy as the paper writes it.

    >>> title_of("cnn1d+mvf")
    '1D-CNN+MVF'
    """
    model, framework = strategy.split("+")
    return f"{MODELS[model]}+{framework.upper()}"


def _of_models(ours: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """What is said of the two networks' errors; nothing where one is lacking."""
    if not set(MODELS) <= set(ours.index):
        return {}
    lower = ours.loc["lstm"] < ours.loc["cnn1d"]
    apart = abs(ours.at["lstm", "hr_mean"] - ours.at["cnn1d", "hr_mean"])
    facts = {f"LSTM has the lower {words} of MAE MSE and RMSE over stocks":
             yes(lower[[f"{error}_{kind}" for error in ERRORS]].all())
             for words, kind in (("means", "mean"), ("deviations", "std"))}
    facts["both models alike in direction"] = None if np.isnan(apart) else yes(apart < ALIKE)
    return {("Table 4", claim): value for claim, value in facts.items()}


def _of_portfolios(six: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Who of the paper's six strategies comes first and last, ties named in full, and whether each LSTM leads its 1D-CNN."""
    six = six.select_dtypes("number").round(TIED)
    ends = {"highest total return": ("summed_excess", "max"), "lowest total return (text)": ("summed_excess", "min"),
            "highest information ratio": ("information_ratio", "max"),
            "lowest information ratio": ("information_ratio", "min"),
            "highest turnover": ("turnover_one_way", "max"), "highest final net value": ("total_return", "max")}
    facts = {("Fig. 1" if column == "total_return" else "Results", claim):
             None if six[column].isna().any() else ", ".join(six.index[six[column] == six[column].agg(end)])
             for claim, (column, end) in ends.items()}
    mean = six["mean_monthly_excess"]
    above = [mean[name] > mean[name.replace("lstm", "cnn1d")] for name in six.index if name.startswith("lstm+")]
    return {**facts, ("Results", "LSTM strategies outperform their 1D-CNN counterparts"): yes(all(above))}


def _of_tests(six: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Whether the two tests reject for all six; a test that could not be made leaves it open."""
    return {("Results", claim): None if six[column].isna().any() else yes((six[column] < evidence.LEVEL).all())
            for claim, column in (("Shapiro-Wilk rejects normality for all six", "shapiro_p"),
                                  ("Wilcoxon p below 0.05 for all six", "wilcoxon_p"))}
