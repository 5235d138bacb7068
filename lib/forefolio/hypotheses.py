"""The two hypotheses of Zouaoui & Naas 2025, answered by tests on a run's own data, in words that the numbers choose.

H1: deep learning is more accurate than Markowitz's theory; H2: the reverse. What Markowitz's theory forecasts is the
mean of the past, so each network's daily errors meet those of the historical mean on the same days; zero and the
autoregression stand beside it.
"""

from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.conclusions import listed
from forefolio.evidence import BASELINES, LEVEL, holm
from forefolio.returns import Date

RIVAL = "mean"


def daily_errors(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """
    Squared errors of the next-day forecasts of each model, mean over assets, day by day.

    Parameters
    ----------
    forecasts : DataFrame
        Columns target_date, horizon, asset, model, seed, forecast; the mean over seeds is judged.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns; missing where an asset's day is not judged.
    first, last : date
        First and last target day, both included.

    Returns
    -------
    DataFrame (n_days, n_models)
        Squared fraction a day. Assets are averaged because errors of one day move together: asset-days are no
        independent observations. An asset that some model does not forecast is left out for all.
    """
    inside = forecasts[(forecasts["horizon"] == 1) & forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))]
    made = inside.pivot_table(index=["target_date", "asset"], columns="model", values="forecast", sort=False)
    actual = returns.stack().rename_axis(["target_date", "asset"]).reindex(made.index)
    return made.rsub(actual, axis=0).pow(2).dropna().groupby("target_date").mean()


def diebold_mariano(differences: pd.Series, *, horizon: int) -> tuple[float, float, float]:
    """
    Diebold and Mariano's test of equal accuracy, with the small-sample correction of Harvey, Leybourne and Newbold.

    Parameters
    ----------
    differences : Series (n_days,)
        Daily loss differences, positive where the model was better; assets already averaged, because errors of one
        day move together and stock-days are no independent observations.
    horizon : int
        Days that a forecast looks ahead; its `horizon` - 1 autocovariances are taken into account.

    Returns
    -------
    statistic, p_better, p_worse : float
        t-statistic, and one-sided p-values that the model is better, and worse; missing where nothing varies.

    Examples
    --------
    With horizon 1 it is nearly the t-test of the mean:

    >>> differences = pd.Series([0.3, -0.1, 0.4, 0.2])
    >>> [round(float(value), 4) for value in diebold_mariano(differences, horizon=1)]
    [1.8516, 0.0806, 0.9194]
    """
    values = differences.to_numpy(dtype=float)
    n = len(values)
    centered = values - values.mean()
    covariances = [centered[lag:] @ centered[: n - lag] / n for lag in range(horizon)]
    variance = (covariances[0] + 2 * sum(covariances[1:])) / n
    if n < 2 or not variance > 0:
        return np.nan, np.nan, np.nan
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = correction * values.mean() / np.sqrt(variance)
    return float(statistic), float(stats.t.sf(statistic, n - 1)), float(stats.t.cdf(statistic, n - 1))


def accuracy_tests(errors: pd.DataFrame, *, networks: list[str]) -> pd.DataFrame:
    """
    H1 and H2 for each network against each baseline: the historical mean first, then zero and the autoregression.

    Parameters
    ----------
    errors : DataFrame (n_days, n_models)
        As `daily_errors` gives them; column `mean` is what Markowitz's theory forecasts, and like `zero` and `ar` it is
        tested against where it is there.
    networks : list of str
        Columns to test against them.

    Returns
    -------
    DataFrame (n_networks * n_baselines, 8)
        Columns model, baseline, n_days, gain (share of the baseline's squared error that the network saves), statistic,
        p_h1, p_h2 (one-sided, Holm-corrected over all rows), verdict (`H1`: the network is more accurate than this
        baseline, `H2`: less, or `neither`, at the 5 % level). The hypotheses of the paper are the rows of `mean`.

    Raises
    ------
    ValueError
        If a network is not there.
    """
    absent = [model for model in networks if model not in errors]
    if absent:
        raise ValueError(f"There are no forecasts of {', '.join(absent)}: add them to models")
    baselines = sorted((model for model in BASELINES if model in errors), key=lambda model: model != RIVAL)
    rows = []
    for model, baseline in product(networks, baselines):
        statistic, p_h1, p_h2 = diebold_mariano(errors[baseline] - errors[model], horizon=1)
        gain = 1 - errors[model].mean() / errors[baseline].mean()
        rows.append((model, baseline, len(errors), gain, statistic, p_h1, p_h2))
    table = pd.DataFrame(rows, columns=["model", "baseline", "n_days", "gain", "statistic", "p_h1", "p_h2"])
    table[["p_h1", "p_h2"]] = table[["p_h1", "p_h2"]].apply(holm)
    table["verdict"] = np.select([table["p_h1"] < LEVEL, table["p_h2"] < LEVEL], ["H1", "H2"], "neither")
    return table


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
