"""Which covariance estimator forecasts the risk of the coming month best?

A covariance is a forecast. It is judged on the days until the next rebalance, which it has not seen: by the variance of
its minimum-variance portfolio, and by the likelihood of the returns.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.market.covariance import condition_number, standardized
from forefolio.market.returns import Date
from forefolio.market.universe import kept_out
from forefolio.performance.evidence import holm
from forefolio.portfolios.problems import OptimizationError, estimation_sample
from forefolio.portfolios.registry import Terms
from forefolio.study.vocabulary import COVARIANCES

RIVAL = "sample"  # the estimator that every other one is measured against


def estimators(chosen: str) -> list[str]:
    """
    The estimators to compare: those that take next to no time, and the one that the study uses.

    >>> estimators("garch")
    ['sample', 'ledoit_wolf', 'ewma', 'denoised', 'gerber', 'garch']
    """
    return [name for name, kind in COVARIANCES.items() if kind.quick or name == chosen]


def daily(returns: pd.DataFrame, traded: pd.DataFrame, *, rebalance_dates: Sequence[Date],
          terms: Terms) -> pd.DataFrame:
    """
    What each estimator's minimum-variance portfolio earned on each day of the test period, and the likelihood loss.

    Parameters
    ----------
    returns, traded : DataFrame (n_days, n_assets)
        Simple daily returns, and whether each price is the day's own.
    rebalance_dates : sequence of dates
        Each covariance sees the `terms.estimation_window` returns up to and including such a date. It is judged on the
        days after it, up to and including the next one, the last on all days that remain.

    Returns
    -------
    DataFrame (n_estimators * n_test_days, 6)
        Columns estimator, rebalance_date, date, return (a day, of weights held constant), promised (variance a day that
        the estimate gives these weights), loss (log det Sigma + r'Sigma^-1 r). A loss is missing where Sigma is
        singular, all three where no portfolio was found.

    Notes
    -----
    Every estimate gets the ridge of the study. Assets that cannot be bought at a date are left out of it. The loss is
    twice the negative log-likelihood of a normal distribution without mean, less a constant. Its expected value is
    smallest for the true covariance, whatever the distribution, which holds for few losses (Patton 2011).
    """
    from forefolio.portfolios.long_only import minimum_variance

    days, rows = pd.DatetimeIndex(rebalance_dates), []
    reasons = kept_out(returns, traded, dates=days, stale_days=terms.stale_days)
    for date, end in zip(days, [*days[1:], returns.index[-1]], strict=True):
        own = returns.columns[reasons.loc[date] == ""]
        window = terms.window(returns[own], date)
        after = returns.loc[(returns.index > date) & (returns.index <= end), own]
        for name in estimators(terms.covariance_estimator):
            Sigma = replace(terms, covariance_estimator=name).covariance(window)
            try:
                weights = minimum_variance(Sigma).weights
            except OptimizationError:
                weights = pd.Series(np.nan, own)
            promised = weights @ Sigma @ weights
            rows.append(pd.DataFrame({"estimator": name, "rebalance_date": date, "date": after.index,
                                      "return": after.to_numpy() @ weights.to_numpy(), "promised": promised,
                                      "loss": likelihood_loss(Sigma, after).to_numpy()}))
    return pd.concat(rows, ignore_index=True)


def persistence(returns: pd.DataFrame, *, rebalance_dates: Sequence[Date], estimation_window: int) -> pd.DataFrame:
    """
    Does an asset's past predict its next month, for mean return and for volatility?

    At each rebalance date the assets are ranked by the window up to it, and by the days until the next one. The last
    date has all days that remain. A date after which fewer than two days come tells nothing.

    Returns
    -------
    DataFrame (2, 3)
        Index mean_return and volatility; columns correlation (Spearman's, across assets, mean over dates), error (its
        standard error over dates), n_dates.
    """
    days, found = pd.DatetimeIndex(rebalance_dates), []
    for date, end in zip(days, [*days[1:], returns.index[-1]], strict=True):
        window = estimation_sample(returns, date=date, days=estimation_window, name="estimation_window")
        after = returns.loc[(returns.index > date) & (returns.index <= end)]
        if len(after) > 1:
            found.append({"mean_return": window.mean().rank().corr(after.mean().rank()),
                          "volatility": window.std().rank().corr(after.std().rank())})
    by_date = pd.DataFrame(found, columns=["mean_return", "volatility"])
    return pd.DataFrame({"correlation": by_date.mean(), "error": by_date.sem(), "n_dates": by_date.count()})


def likelihood_loss(covariance: pd.DataFrame, returns: pd.DataFrame) -> pd.Series:
    """
    log det Sigma + r'Sigma^-1 r of each day (n_days,); missing where Sigma is singular to working precision.

    >>> Sigma = pd.DataFrame([[4.0, 0.0], [0.0, 1.0]])
    >>> likelihood_loss(Sigma, pd.DataFrame([[0.0, 0.0], [2.0, 3.0]])).round(3).tolist()
    [1.386, 11.386]
    """
    variances = np.diag(covariance)
    if not (variances > 0).all() or np.isinf(condition_number(standardized(covariance))):
        return pd.Series(np.nan, returns.index)
    volatility, R = np.sqrt(variances), standardized(covariance).to_numpy()  # volatilities may differ a thousandfold
    z = returns.to_numpy() / volatility
    distance = (z * np.linalg.solve(R, z.T).T).sum(axis=1)
    return pd.Series(distance + np.linalg.slogdet(R)[1] + 2 * np.log(volatility).sum(), returns.index)


def comparison(of_days: pd.DataFrame, *, periods_per_year: int) -> pd.DataFrame:
    """
    A row per estimator: risk that was promised, risk that came, and the differences from the sample covariance.

    Parameters
    ----------
    of_days : DataFrame
        As `daily` gives it.

    Returns
    -------
    DataFrame (n_estimators, 13)
        Columns estimator, n_dates, n_days, promised_volatility, volatility (a year), variance (a day, about the mean of
        the whole test period), variance_difference, variance_error, variance_p, loss (a day), loss_difference,
        loss_error, loss_p. A difference is the estimator's minus that of `sample` on the days that have both, below
        zero where the estimator is better; errors are its standard errors. p-values are two-sided and Holm-corrected
        over the rows, for variances and for losses apart. All of this is missing for `sample` itself.

    Notes
    -----
    Days of one holding period share one covariance, so they are no independent observations. With S_p the sum over the
    n_p days of period p of the daily differences d, and P periods, the standard error of the mean of all n days is
    sqrt(P / (P - 1) sum_p (S_p - n_p mean(d))^2) / n: clustered by holding period. The p-value is that of Student's t
    with P - 1 degrees of freedom.
    """
    wide = of_days.pivot(index=["rebalance_date", "date"], columns="estimator")
    squares = (wide["return"] - wide["return"].mean()) ** 2
    rows = []
    for name, own in of_days.groupby("estimator", sort=False):
        known = own.dropna(subset="return")
        rows.append((name, known["rebalance_date"].nunique(), len(known),
                     np.sqrt(periods_per_year * known["promised"].mean()),
                     known["return"].std() * np.sqrt(periods_per_year), squares[name].mean(),
                     *_difference(squares[name] - squares[RIVAL]), own["loss"].mean(),
                     *_difference(wide["loss"][name] - wide["loss"][RIVAL])))
    table = pd.DataFrame(rows, columns=[
        "estimator", "n_dates", "n_days", "promised_volatility", "volatility", "variance", "variance_difference",
        "variance_error", "variance_p", "loss", "loss_difference", "loss_error", "loss_p"])
    of_itself = [name for name in table if name.endswith(("_difference", "_error"))]
    table.loc[table["estimator"] == RIVAL, of_itself] = np.nan
    table[["variance_p", "loss_p"]] = table[["variance_p", "loss_p"]].apply(holm)
    return table


def _difference(days: pd.Series) -> tuple[float, float, float]:
    """Mean of daily differences, its standard error clustered by rebalance date, and the p-value of a zero mean."""
    days = days.dropna()
    by_period = (days - days.mean()).groupby(level="rebalance_date").sum()
    P = len(by_period)
    if P < 2:
        return days.mean(), np.nan, np.nan
    error = float(np.sqrt(P / (P - 1) * (by_period ** 2).sum()) / len(days))
    return days.mean(), error, float(2 * scipy.stats.t.sf(abs(days.mean()) / error, P - 1)) if error > 0 else np.nan
