"""The accuracy of forecasts: errors, hit ratios, and tests whether they are better than chance.

Every measure is computed per asset and then averaged over assets. There are errors of simple returns and, as in the
paper, of log returns; hit ratios are the same for both. A day without a return is left out.
"""

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from forefolio.market.returns import Date, iso_day
from forefolio.study.vocabulary import counted

METRICS = ["mae", "mse", "rmse", "hr", "hr_plus", "hr_minus"]
LEVEL = 0.05  # level of the tests of direction for single assets


def _refuse(days: pd.DataFrame, wrong: np.ndarray | pd.Series, fault: str) -> None:
    """Raise ValueError that names the first forecast that is wrong."""
    if wrong.any():
        lost = days[wrong].iloc[0]
        raise ValueError(f"The {lost['model']} forecast of {lost['asset']} for {iso_day(lost['target_date'])} {fault}")


def _judged(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """Next-day forecasts for days with a return, each with the `actual` return."""
    inside = forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))
    days = forecasts[inside & (forecasts["horizon"] == 1)]
    rows, columns = returns.index.get_indexer(days["target_date"]), returns.columns.get_indexer(days["asset"])
    _refuse(days, (rows < 0) | (columns < 0), "has no return to compare with: make forecasts and returns from the same prices")
    _refuse(days, days["forecast"].isna(), "is not a number: its training diverged, so lower learning_rate")
    days = days.assign(actual=returns.to_numpy()[rows, columns]).dropna(subset="actual")
    if days.empty:
        raise ValueError(f"No next-day forecast has its target from {iso_day(first)} to {iso_day(last)}: move them")
    return days


def accuracy_by_asset(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """Errors and hit ratios of the next-day forecasts of each model, seed and asset.

    Returns
    -------
    DataFrame
        Columns model, seed, asset, mae, mse, rmse (fractions per day; mse in their square), hr, hr_plus, hr_minus
        (shares), n_days. A hit ratio is missing if no day counts, as for forecasts of zero, and for an asset that never
        moved.

    Raises
    ------
    ValueError
        If no forecast has its target between the two days, has no return to compare with or is not a number.

    Notes
    -----
    Nguyen 2025, Tables 3 and 4. HR: share of days with sign(r̂) = sign(r) among days with r r̂ != 0. HR+: share of
    r > 0 among days with r̂ > 0. HR-: share of r < 0 among days with r̂ < 0. r = 0 is a miss in HR+ and HR-.
    """
    return _by_asset(_judged(forecasts, returns, first=first, last=last))


def log_accuracy_by_asset(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date,
                          added: pd.Series | float = 0.0) -> pd.DataFrame:
    """Like `accuracy_by_asset`, with errors of log returns, log(1 + r) - log(1 + r̂).

    Nguyen 2025 trains on log returns, so Tables 3 and 4 show their errors. `added` is what `registry.added_in_logs`
    added to log forecasts when they became simple returns; it is subtracted again. A forecast of -1 or less has no
    logarithm, so its day is left out, with a warning.
    """
    days = _judged(forecasts, returns, first=first, last=last)
    lost = days["forecast"] <= -1
    if lost.any():
        first_lost = days[lost].iloc[0]
        warnings.warn(f"{counted(lost.sum(), 'forecast')} of -100 % or less left out of the errors of log returns, first "
                      f"that of {first_lost['model']} for {first_lost['asset']} on {iso_day(first_lost['target_date'])}: "
                      "it has no logarithm", stacklevel=2)
        days = days[~lost]
    in_logs = np.log1p(days["forecast"]).sub(added).reindex(days.index)
    return _by_asset(days.assign(forecast=in_logs, actual=np.log1p(days["actual"])))


def _by_asset(days: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each model, seed and asset."""
    forecast, actual = days["forecast"], days["actual"]
    moved = (actual != 0).groupby(days["asset"]).transform("any")
    scores = days[["model", "seed", "asset"]].assign(
        mae=(actual - forecast).abs(),
        mse=(actual - forecast) ** 2,
        hr=(np.sign(forecast) == np.sign(actual)).where((forecast != 0) & (actual != 0)).astype(float),
        hr_plus=(actual > 0).where(moved & (forecast > 0)).astype(float),
        hr_minus=(actual < 0).where(moved & (forecast < 0)).astype(float),
    )
    groups = scores.groupby(["model", "seed", "asset"], sort=False)
    by_asset = groups.mean().assign(n_days=groups.size(), rmse=lambda means: np.sqrt(means["mse"]))
    return by_asset[[*METRICS, "n_days"]].reset_index()


def accuracy_table(by_asset: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation (ddof 1) over assets of each model's accuracy; per asset, the mean over seeds.

    Takes the result of `accuracy_by_asset`. Columns model, mae_mean, mae_std, ..., hr_minus_std; one row per model, in
    the same order.
    """
    per_asset = by_asset.groupby(["model", "asset"], sort=False)[METRICS].mean()
    table = per_asset.groupby("model", sort=False).agg(["mean", "std"])
    table.columns = [f"{metric}_{statistic}" for metric, statistic in table.columns]
    return table.reset_index()


def base_rates(returns: pd.DataFrame, *, first: Date, last: Date) -> pd.Series:
    """Hit ratios without skill: the scores of forecasting a rise every day, or a fall every day.

    Returns
    -------
    Series
        up_share (HR+ of "always up"), down_share (HR- of "always down"), zero_share, always_up_hr, always_down_hr;
        means over assets, as in the accuracy table, without assets that never moved.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, -0.1, 0.0]}, index=days)
    >>> base_rates(returns, first="2024-01-01", last="2024-01-04").round(2).tolist()
    [0.5, 0.25, 0.25, 0.67, 0.33]
    """
    inside = returns.loc[pd.Timestamp(first):pd.Timestamp(last)]
    inside = inside.loc[:, inside.fillna(0).ne(0).any()]
    days = inside.count()
    up, down, zero = (inside > 0).sum() / days, (inside < 0).sum() / days, (inside == 0).sum() / days
    return pd.Series({"up_share": up.mean(), "down_share": down.mean(), "zero_share": zero.mean(),
                      "always_up_hr": (up / (up + down)).mean(), "always_down_hr": (down / (up + down)).mean()})


def pesaran_timmermann(forecast: pd.Series, actual: pd.Series) -> tuple[float, float]:
    """Test that the signs of one asset's forecasts and returns (n_days,) are independent: statistic and p-value.

    Neither may be missing or zero. Under independence the statistic is standard normal; the p-value is one-sided. Both
    are missing if all forecasts, or all returns, have one sign.

    Notes
    -----
    Pesaran & Timmermann (1992): (P - P*) / sqrt(V(P) - V(P*)) with the hit ratio P and its expectation P* = p_y p_x +
    (1 - p_y)(1 - p_x), if returns are positive on a share p_y of days and forecasts on a share p_x. The test assumes
    independent days, so it fits one asset, but not the stock-days of many assets, which move together.
    """
    n, p_x, p_y, hit = len(actual), (forecast > 0).mean(), (actual > 0).mean(), ((forecast > 0) == (actual > 0)).mean()
    if n < 2 or p_x in (0, 1) or p_y in (0, 1):
        return np.nan, np.nan
    expected = p_y * p_x + (1 - p_y) * (1 - p_x)
    of_hit = expected * (1 - expected) / n
    of_expected = ((2 * p_y - 1) ** 2 * p_x * (1 - p_x) + (2 * p_x - 1) ** 2 * p_y * (1 - p_y)) / n
    of_expected += 4 * p_y * p_x * (1 - p_y) * (1 - p_x) / n**2
    statistic = (hit - expected) / np.sqrt(of_hit - of_expected)
    return float(statistic), float(stats.norm.sf(statistic))


def direction_tests(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """Tests whether the signs of each model's forecasts (averaged over seeds) are right more often than by chance.

    Returns
    -------
    DataFrame
        One row per model. Columns model, n_days, hit_ratio (of all stock-days with r r̂ != 0), expected_hit_ratio (if
        signs were independent), statistic, p_value (t-test over days, one-sided), significant_assets (share of assets
        whose Pesaran-Timmermann p-value is below 0.05; by chance 0.05). The last three are missing for models without
        direction, such as zero, or one sign for all days of every asset.

    Notes
    -----
    Let x and y be 1 where an asset's forecast and return are positive, p_x and p_y their means over its days. A hit
    exceeds its expectation P* by 2 (x - p_x)(y - p_y) + (2 p_y - 1)(x - p_x) + (2 p_x - 1)(y - p_y). The last two terms
    average to zero over an asset's days whatever the skill; V(P*) removes them from the variance in
    `pesaran_timmermann`. The mean of the first term over assets is one number per day for the t-test. Treating
    stock-days as independent would reject far too often. At horizon 1 days are uncorrelated under the null, so
    Newey-West is not needed.
    """
    days = _judged(forecasts, returns, first=first, last=last)
    made = days.groupby(["model", "asset", "target_date"], sort=False).agg({"forecast": "mean", "actual": "first"})
    rows = []
    for model, one in made.groupby(level="model", sort=False):
        signed = one[(one != 0).all(axis=1)].droplevel("model")
        up = (signed > 0).astype(float)
        share = up.groupby("asset").transform("mean")
        excess = 2 * (up - share).prod(axis=1).groupby("target_date").mean()
        statistic = p_value = np.nan
        if len(excess) > 1 and excess.std() > 0:
            statistic = excess.mean() / (excess.std() / np.sqrt(len(excess)))
            p_value = stats.t.sf(statistic, len(excess) - 1)
        by_asset = [pesaran_timmermann(asset["forecast"], asset["actual"])[1] for _, asset in signed.groupby("asset")]
        rows.append({"model": model, "n_days": len(excess), "hit_ratio": (up["forecast"] == up["actual"]).mean(),
                     "expected_hit_ratio": (share.prod(axis=1) + (1 - share).prod(axis=1)).mean(),
                     "statistic": statistic, "p_value": p_value,
                     "significant_assets": (pd.Series(by_asset, dtype=float).dropna() < LEVEL).mean()})
    return pd.DataFrame(rows)


def forecast_spread(forecasts: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """How much the forecasts for a coming month vary from day to day, compared with returns; recursive ones flatten.

    After the first day a network reads its own forecasts, which have no noise, so it converges to a constant.

    Returns
    -------
    DataFrame
        One row per model. Columns model, deviation_next_day (of an asset's next-day forecasts over all days of these
        months), deviation_month (of the forecasts made at one decision for its month), actual_deviation (of the returns
        of these same days, month by month); standard deviations have ddof 1, are fractions per day, and are means over
        decisions and assets, of forecasts averaged over seeds. No rows if no decision looks more than one day ahead.
    """
    decision = ["model", "decision_date", "asset"]
    months = forecasts[forecasts.groupby(decision)["horizon"].transform("max") > 1]
    path = months.groupby([*decision, "target_date"], sort=False)["forecast"].mean().reset_index()
    actual = returns.stack().rename_axis(["target_date", "asset"]).rename("actual").reset_index()
    within = path.merge(actual, how="left", on=["target_date", "asset"]).groupby(decision, sort=False)
    by_month = within[["forecast", "actual"]].std().groupby("model", sort=False).mean()
    next_day = forecasts[(forecasts["horizon"] == 1) & forecasts["target_date"].isin(path["target_date"])]
    by_day = next_day.groupby(["model", "asset", "target_date"], sort=False)["forecast"].mean()
    over_days = by_day.groupby(["model", "asset"]).std().groupby("model").mean()
    return pd.DataFrame({"deviation_next_day": over_days.reindex(by_month.index), "deviation_month": by_month["forecast"],
                         "actual_deviation": by_month["actual"]}).rename_axis("model").reset_index()


def lag_importance(lags: pd.DataFrame) -> pd.DataFrame:
    """How much less accurate each network is without one day of its window: the loss of accuracy by lag.

    `lags` comes from `registry.forecasts`: each network's squared errors of next-day forecasts, for lag 0 with the
    unchanged window, for lag k with the returns of k days before the target shuffled.

    Returns
    -------
    DataFrame
        Columns model, lag, loss (share by which the shuffled lag raises an asset's squared error, mean over assets),
        low and high (10th and 90th percentile over assets). Fits and seeds are averaged first. A loss below 0 means
        that the forecasts are better without this day.

    Examples
    --------
    >>> lags = pd.DataFrame({"model": "lstm", "seed": 7, "asset": "A", "lag": [0, 1, 2], "mse": [1.0, 1.2, 0.9], "n_days": 5})
    >>> lag_importance(lags)["loss"].round(2).tolist()
    [0.2, -0.1]
    """
    total = lags.assign(squares=lags["mse"] * lags["n_days"]).groupby(["model", "asset", "lag"], sort=False)
    mse = (total["squares"].sum() / total["n_days"].sum()).unstack("lag")
    if 0 not in mse:
        return pd.DataFrame(columns=["model", "lag", "loss", "low", "high"])
    loss = mse.drop(columns=0).div(mse[0].where(mse[0] > 0), axis=0).sub(1).stack().dropna().rename("loss")
    by_lag = loss.groupby(level=["model", "lag"], sort=False)
    table = pd.DataFrame({"loss": by_lag.mean(), "low": by_lag.quantile(0.1), "high": by_lag.quantile(0.9)})
    return table.reset_index()
