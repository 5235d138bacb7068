"""How accurate next-day forecasts are: errors and hit ratios, of any model.

Forecasts are the long frame of `forecasts`, returns simple daily ones. Every number is first of one asset, then a mean
over assets. Errors of log returns, the paper's, stand beside those of simple ones; hit ratios are the same in both.
"""

import numpy as np
import pandas as pd

from forefolio.returns import Date, iso_day

METRICS = ["mae", "mse", "rmse", "hr", "hr_plus", "hr_minus"]


def _next_day(forecasts: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of horizon 1 with the `actual` return beside each, joined by date and asset name."""
    next_day = forecasts[forecasts["horizon"] == 1]
    rows = returns.index.get_indexer(next_day["target_date"])
    columns = returns.columns.get_indexer(next_day["asset"])
    if (rows < 0).any() or (columns < 0).any():
        lost = next_day[(rows < 0) | (columns < 0)].iloc[0]
        raise ValueError(f"The forecast of {lost['asset']} for {iso_day(lost['target_date'])} has no return to compare "
                         "with: make forecasts and returns from the same prices")
    if next_day["forecast"].isna().any():
        lost = next_day[next_day["forecast"].isna()].iloc[0]
        raise ValueError(f"The {lost['model']} forecast of {lost['asset']} for {iso_day(lost['target_date'])} is not a "
                         "number: its training diverged, so lower learning_rate")
    return next_day.assign(actual=returns.to_numpy()[rows, columns])


def accuracy_by_asset(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """
    Errors and hit ratios of the next-day forecasts of each model, seed and asset.

    Parameters
    ----------
    forecasts, returns : DataFrame
        Long frame of forecasts, any models; simple daily returns. A day without a return is not judged.
    first, last : date
        First and last target day, both included.

    Returns
    -------
    DataFrame
        Columns model, seed, asset, mae, mse, rmse (fractions a day, mse their square), hr, hr_plus, hr_minus (shares),
        n_days. A hit ratio is missing where no day counts, always so for forecasts of zero.

    Raises
    ------
    ValueError
        If no forecast has its target between the two days, has no return to compare with or is not a number.

    Notes
    -----
    Nguyen 2025, Tables 3 and 4. HR: share of days with sign(r̂) = sign(r) among days with r r̂ != 0. HR+: share of
    r > 0 among days with r̂ > 0. HR-: share of r < 0 among days with r̂ < 0. r = 0 is a miss in HR+ and HR-.
    """
    inside = forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))
    days = _next_day(forecasts[inside], returns).dropna(subset="actual")
    if days.empty:
        raise ValueError(f"No next-day forecast has its target from {iso_day(first)} to {iso_day(last)}: move them")
    forecast, actual = days["forecast"], days["actual"]
    scores = days[["model", "seed", "asset"]].assign(
        mae=(actual - forecast).abs(),
        mse=(actual - forecast) ** 2,
        hr=(np.sign(forecast) == np.sign(actual)).where((forecast != 0) & (actual != 0)).astype(float),
        hr_plus=(actual > 0).where(forecast > 0).astype(float),
        hr_minus=(actual < 0).where(forecast < 0).astype(float),
    )
    groups = scores.groupby(["model", "seed", "asset"], sort=False)
    by_asset = groups.mean().assign(n_days=groups.size())
    by_asset["rmse"] = np.sqrt(by_asset["mse"])
    return by_asset[[*METRICS, "n_days"]].reset_index()


def log_accuracy_by_asset(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """
    Errors of the next-day forecasts as errors of log returns; parameters and columns as in `accuracy_by_asset`.

    Parameters
    ----------
    forecasts, returns : DataFrame
        Long frame of forecasts, any models, and daily returns, both simple as everywhere.
    first, last : date
        First and last target day, both included.

    Returns
    -------
    DataFrame
        mae, mse and rmse are of log(1 + r) - log(1 + r̂), in log points a day; hit ratios are those of simple returns.

    Raises
    ------
    ValueError
        As `accuracy_by_asset`, and if a forecast or return of these days is -1 or less and has no logarithm.

    Notes
    -----
    Nguyen 2025 trains on log returns, so that Tables 3 and 4 are of these. log(1 + r) has the sign of r.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=2)
    >>> returns = pd.DataFrame({"A": [0.1, -0.1]}, index=days)
    >>> made = pd.DataFrame({"target_date": days, "horizon": 1, "asset": "A", "model": "zero", "seed": 0, "forecast": 0.0})
    >>> log_accuracy_by_asset(made, returns, first=days[0], last=days[1])["mae"].round(4).tolist()
    [0.1003]
    """
    days = forecasts[forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last)) & (forecasts["horizon"] == 1)]
    judged = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    if (days["forecast"] <= -1).any():
        lost = days[days["forecast"] <= -1].iloc[0]
        raise ValueError(f"The {lost['model']} forecast of {lost['asset']} for {iso_day(lost['target_date'])} is -100 % or "
                         "less and has no logarithm: leave this model out, or judge simple returns")
    if (judged <= -1).any(axis=None):
        asset = (judged <= -1).any().idxmax()
        raise ValueError(f"The return of {asset} on {iso_day((judged[asset] <= -1).idxmax())} is -100 % or less and has no "
                         "logarithm: leave the asset out, or judge simple returns")
    return accuracy_by_asset(days.assign(forecast=np.log1p(days["forecast"])), np.log1p(judged), first=first, last=last)


def accuracy_table(by_asset: pd.DataFrame) -> pd.DataFrame:
    """
    Mean and deviation (ddof 1) over assets of each model's accuracy; an asset's is the mean over seeds.

    From `accuracy_by_asset` to columns model, mae_mean, mae_std, ..., hr_minus_std, a row a model in the same order.
    """
    per_asset = by_asset.groupby(["model", "asset"], sort=False)[METRICS].mean()
    table = per_asset.groupby("model", sort=False).agg(["mean", "std"])
    table.columns = [f"{metric}_{statistic}" for metric, statistic in table.columns]
    return table.reset_index()


def base_rates(returns: pd.DataFrame, *, first: Date, last: Date) -> pd.Series:
    """
    Hit ratios without any skill: what forecasting a rise, or a fall, every day would score.

    Parameters
    ----------
    returns, first, last : DataFrame, date, date
        Simple daily returns (n_days, n_assets), missing where a day is not judged; the days that count, both included.

    Returns
    -------
    Series
        up_share (HR+ of "always up"), down_share (HR- of "always down"), zero_share, always_up_hr, always_down_hr;
        means over assets, as in the accuracy table.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, -0.1, 0.0]}, index=days)
    >>> base_rates(returns, first="2024-01-01", last="2024-01-04").round(2).tolist()
    [0.5, 0.25, 0.25, 0.67, 0.33]
    """
    inside = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    days = inside.count()
    up, down, zero = (inside > 0).sum() / days, (inside < 0).sum() / days, (inside == 0).sum() / days
    return pd.Series({"up_share": up.mean(), "down_share": down.mean(), "zero_share": zero.mean(),
                      "always_up_hr": (up / (up + down)).mean(), "always_down_hr": (down / (up + down)).mean()})
