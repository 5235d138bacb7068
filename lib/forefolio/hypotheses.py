"""The two hypotheses of Zouaoui & Naas 2025, answered by tests on a run's own data, in words that the numbers choose.

H1: deep learning is more accurate than Markowitz's theory; H2: the reverse. What Markowitz's theory forecasts is the
mean of the past, so each network's daily errors meet those of the historical mean on the same days.
"""

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.evidence import LEVEL, holm
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
        independent observations.
    """
    inside = forecasts[(forecasts["horizon"] == 1) & forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))]
    made = inside.pivot_table(index=["target_date", "asset"], columns="model", values="forecast", sort=False)
    actual = returns.stack().rename_axis(["target_date", "asset"]).reindex(made.index)
    return made.rsub(actual, axis=0).pow(2).groupby("target_date").mean().dropna(how="all")


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
    H1 and H2 for each network against the historical mean.

    Parameters
    ----------
    errors : DataFrame (n_days, n_models)
        As `daily_errors` gives them; column `mean` is what Markowitz's theory forecasts.
    networks : list of str
        Columns to test against it.

    Returns
    -------
    DataFrame (n_networks, 7)
        Columns model, n_days, gain (share of the mean's squared error that the network saves), statistic, p_h1, p_h2
        (one-sided, Holm-corrected over the networks), verdict (`H1`, `H2` or `neither`, at the 5 % level).

    Raises
    ------
    ValueError
        If the historical mean or a network is not there.
    """
    absent = [model for model in (RIVAL, *networks) if model not in errors]
    if absent:
        raise ValueError(f"There are no forecasts of {', '.join(absent)}: add them to models")
    rows = []
    for model in networks:
        statistic, p_h1, p_h2 = diebold_mariano(errors[RIVAL] - errors[model], horizon=1)
        rows.append((model, len(errors), 1 - errors[model].mean() / errors[RIVAL].mean(), statistic, p_h1, p_h2))
    table = pd.DataFrame(rows, columns=["model", "n_days", "gain", "statistic", "p_h1", "p_h2"])
    table[["p_h1", "p_h2"]] = table[["p_h1", "p_h2"]].apply(holm)
    table["verdict"] = np.select([table["p_h1"] < LEVEL, table["p_h2"] < LEVEL], ["H1", "H2"], "neither")
    return table


def answer(table: pd.DataFrame) -> str:
    """
    What `accuracy_tests` found, in Markdown.

    Examples
    --------
    >>> rows = [("lstm", 100, -0.02, -2.5, 1.0, 0.01, "H2"), ("gru", 100, 0.001, 0.3, 0.8, 1.0, "neither")]
    >>> table = pd.DataFrame(rows, columns=["model", "n_days", "gain", "statistic", "p_h1", "p_h2", "verdict"])
    >>> print(answer(table))
    Over 100 days each network's squared errors met those of the historical mean, which is Markowitz's forecast.
    <BLANKLINE>
    * **H1** (the network is more accurate) holds for none of 2 networks at the 5 % level, Holm-corrected.
    * **H2** (the mean is more accurate) holds for lstm.
    * The best, gru, made errors 0.10 % smaller than the mean's; the worst, lstm, 2.00 % larger.
    """
    if table.empty:
        return "No network was asked for in this run, so there is nothing to test."
    named = {verdict: ", ".join(table.loc[table["verdict"] == verdict, "model"]) for verdict in ("H1", "H2")}
    n_networks = f"{len(table)} network" + ("s" if len(table) > 1 else "")
    best, worst = table.loc[table["gain"].idxmax()], table.loc[table["gain"].idxmin()]
    ends = f"* The best, {best['model']}, made errors {_compared(best['gain'])} than the mean's"
    if len(table) > 1:
        ends += f"; the worst, {worst['model']}, {_compared(worst['gain'])}"
    return "\n".join([
        f"Over {table['n_days'].iloc[0]} days each network's squared errors met those of the historical mean, which is "
        "Markowitz's forecast.", "",
        f"* **H1** (the network is more accurate) holds for {named['H1'] or f'none of {n_networks}'} at the 5 % level, "
        "Holm-corrected.",
        f"* **H2** (the mean is more accurate) holds for {named['H2'] or f'none of {n_networks}'}.", f"{ends}."])


def _compared(gain: float) -> str:
    """A share of the rival's error in words."""
    return f"{abs(gain):.2%} {'smaller' if gain > 0 else 'larger'}".replace("%", " %")
