"""How certain the results are: totals without the best month or asset, intervals, differences of Sharpe ratios.

A test period is one draw of many possible ones. The stationary bootstrap draws others from blocks of its days, with the
same days for all strategies, so that differences are paired. A strategy that lost all its wealth is in no table here,
because it has no returns after that.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.performance.backtest import Backtest, backtest
from forefolio.performance.evidence import LEVEL, holm
from forefolio.performance.luck import DAYS
from forefolio.performance.metrics import (COLUMNS, SAME, Record, bankrupt, monthly_returns, performance_table,
                                           sharpe, solvent, total_return, wealth)
from forefolio.study.vocabulary import ABSENT, BENCHMARK, EQUAL_WEIGHT, NOT_SHOWN, SHOWN, line

POWER = 0.8  # desired power of a test
ENDS = [LEVEL / 2, 1 - LEVEL / 2]  # of an interval


def contributions(weights: pd.DataFrame, returns: pd.DataFrame, result: Backtest) -> pd.DataFrame:
    """
    The contribution of each asset to each strategy, as a fraction of initial wealth: (n_strategies, n_assets).

    Positive where it earned, and zero where it was never held. `result` is the backtest of the weights.

    Notes
    -----
    Between two rebalances, invested wealth V and weights w, drifting, asset i adds V w_i (G_i - 1), G_i its growth. The
    sum over assets is the total return before the costs of trading and borrowing, which belong to no asset.

    Examples
    --------
    Half in an asset that doubles, half in one that stands still:

    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], name="date")
    >>> returns = pd.DataFrame({"A": [0.0, 1.0], "B": [0.0, 0.0]}, index=days)
    >>> weights = pd.DataFrame({"rebalance_date": days[[0, 0]], "strategy": "s", "asset": ["A", "B"], "weight": 0.5})
    >>> contributions(weights, returns, backtest(weights, returns, cost_rate=0.0)).loc["s"].to_dict()
    {'A': 0.5, 'B': 0.0}
    """
    rows, grown = {}, wealth(result.net_returns)
    costs = result.trades.set_index(["strategy", "rebalance_date"])["cost"]
    for strategy, group in weights.groupby("strategy", sort=False):
        target = group.pivot(index="rebalance_date", columns="asset", values="weight").fillna(0.0)
        starts = returns.index.searchsorted(target.index, side="right")
        growth = np.multiply.reduceat(1 + returns[target.columns].to_numpy()[starts[0]:], starts - starts[0], axis=0)
        before = grown[strategy].reindex(target.index, method="ffill").fillna(1.0)  # nothing is earned before the first
        paid = costs[strategy].reindex(target.index).fillna(0.0)  # a bankrupt strategy trades no more
        invested = (before * (1 - paid)).to_numpy()[:, None]
        rows[strategy] = pd.Series((invested * target.to_numpy() * (growth - 1)).sum(axis=0), target.columns)
    return pd.DataFrame(rows).T.reindex(columns=returns.columns).fillna(0.0).rename_axis("strategy")


def without_best(weights: pd.DataFrame, returns: pd.DataFrame, *, cost_rate: float,
                 daily_borrow: float = 0.0) -> pd.DataFrame:
    """
    What each strategy would have earned without its best month, and without its best asset.

    `cost_rate` and `daily_borrow` are those of `backtest.backtest`.

    Returns
    -------
    DataFrame (n_strategies, 8)
        Columns strategy, total_return (compounded, net), best_month (its first calendar day), month_return,
        without_month (the total return had that month earned nothing), best_asset, contribution (of the initial wealth,
        before costs), without_asset (the total return had that asset earned nothing). A strategy that lost all its
        wealth has no row.

    Notes
    -----
    In both cases "without" means a return of zero, as if the money were held in cash. For the asset the strategy is run
    again with the same decided weights, and with the same costs. The best month is that of the highest return, and the
    best asset that of the highest of `contributions`. Every total is lower without its best part, so compare it only
    with totals that were treated the same way.

    Examples
    --------
    A doubles and B gains a tenth: held in equal parts they earn 55 percent, and without A 5 percent.

    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], name="date")
    >>> returns = pd.DataFrame({"A": [0.0, 1.0], "B": [0.0, 0.1]}, index=days)
    >>> weights = pd.DataFrame({"rebalance_date": days[[0, 0]], "strategy": "s", "asset": ["A", "B"], "weight": 0.5})
    >>> table = without_best(weights, returns, cost_rate=0.0)
    >>> table[["total_return", "without_month", "best_asset", "without_asset"]].round(4).to_numpy().tolist()
    [[0.55, 0.0, 'A', 0.05]]
    """
    costs = dict(cost_rate=cost_rate, daily_borrow=daily_borrow)
    result = backtest(weights, returns, **costs)
    added, rows = contributions(weights, returns, result), []
    net_returns = solvent(result.net_returns)
    totals, months = total_return(net_returns), monthly_returns(net_returns)
    for strategy in net_returns:
        month, asset = months[strategy].idxmax(), added.loc[strategy].idxmax()
        own = weights[weights["strategy"] == strategy]
        without = total_return(backtest(own, returns.assign(**{asset: 0.0}), **costs).net_returns).item()
        best = months.loc[month, strategy]
        rows.append((strategy, totals[strategy], month, best, (1 + totals[strategy]) / (1 + best) - 1, asset,
                     added.loc[strategy, asset], without))
    return pd.DataFrame(rows, columns=["strategy", "total_return", "best_month", "month_return", "without_month",
                                       "best_asset", "contribution", "without_asset"])


def block_length(returns: pd.DataFrame, kind: str) -> float:
    """
    Mean length in days of the blocks that a bootstrap draws; missing below 20 days, or where nothing varies.

    `kind` is `stationary` or `circular`. Of Politis & White's optimal lengths (2004, as corrected by Patton, Politis &
    White 2009) it takes the median over columns, of returns and of squared returns, and the larger of the two, rounded
    up: returns hardly depend on each other from day to day, and their volatility does.
    """
    from arch.bootstrap import optimal_block_length  # here, as importing it takes a second

    varying = returns.loc[:, returns.std() > SAME]
    if len(returns) < DAYS or varying.empty:
        return np.nan
    centered = varying - varying.mean()
    lengths = [optimal_block_length(values)[kind].median() for values in (centered, centered**2)]
    return max(1, math.ceil(np.nanmax(lengths)))


def intervals(net_returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float, seed: int,
              n_bootstraps: int = 1000) -> pd.DataFrame:
    """
    The interval of each metric of each strategy, and of its lead over equal weight.

    Returns
    -------
    DataFrame
        Columns strategy, metric, value, low, high (95 percent), lead (value minus that of equal weight), lead_low,
        lead_high, block_length (days). A row for each metric that returns alone give: turnover has no interval. A lead
        is missing where there is no equal weight, ends are missing below 20 days, and a strategy that lost all its
        wealth has no rows.

    Notes
    -----
    The stationary bootstrap (Politis & Romano 1994) with the blocks of `block_length`; ends are the 2.5 and 97.5
    percent quantiles of the metric over `n_bootstraps` resamples. One set of resampled days is for all strategies, so
    leads are of pairs. The k-th day of a resample stands in the month of the k-th day of the test period: months keep
    their number and lengths.
    """
    from arch.bootstrap import StationaryBootstrap  # here, as importing it takes a second

    lost = bankrupt(net_returns) & (net_returns.columns != BENCHMARK)
    kept, terms = net_returns.loc[:, ~lost], (periods_per_year, risk_free_rate)
    none = pd.Series(np.nan, kept.columns)  # turnover is of trades, and a resample has none
    values = performance_table(kept, none, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate)
    values, length = values.set_index("strategy"), block_length(kept, "stationary")
    found, days = {}, np.arange(len(kept))[:, None]  # as they are, where there are too few for blocks
    if length > 0:
        draws = StationaryBootstrap(length, np.arange(len(kept)), seed=seed).bootstrap(n_bootstraps)
        days = np.column_stack([positional[0] for positional, _ in draws])
    months = monthly_returns(_drawn(kept[BENCHMARK], days))
    for strategy, returns in kept.items():
        drawn = _drawn(returns, days)
        record = Record(drawn, monthly_returns(drawn) - months, pd.Series(np.nan, drawn.columns), *terms)
        found[strategy] = pd.DataFrame({name: measure(record) for name, measure in COLUMNS.items()})
    rows, unknown = [], pd.Series(np.nan, values.columns)
    for strategy, own in found.items():
        lead = own - found[EQUAL_WEIGHT] if EQUAL_WEIGHT in found and strategy != EQUAL_WEIGHT else own * np.nan
        ends = [frame.quantile(ENDS) if length > 0 else frame.iloc[[0, 0]] * np.nan for frame in (own, lead)]
        table = pd.DataFrame({
            "value": values.loc[strategy], "low": ends[0].iloc[0], "high": ends[0].iloc[1],
            "lead": values.loc[strategy] - (values.loc[EQUAL_WEIGHT] if lead.notna().any(axis=None) else unknown),
            "lead_low": ends[1].iloc[0], "lead_high": ends[1].iloc[1]})
        rows.append(table.dropna(subset="value").rename_axis("metric").reset_index().assign(strategy=strategy))
    table = pd.concat(rows, ignore_index=True).assign(block_length=length)
    return table[["strategy", *table.columns.drop("strategy")]]


def _drawn(returns: pd.Series, days: np.ndarray) -> pd.DataFrame:
    """Returns on resampled days: (n_days, n_bootstraps), dated as they are."""
    return pd.DataFrame(returns.to_numpy()[days], returns.index)


def sharpe_differences(net_returns: pd.DataFrame, twins: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float,
                       seed: int, n_bootstraps: int = 4999) -> pd.DataFrame:
    """
    Is the Sharpe ratio of a strategy higher than that of equal weight, and than that of its twin?

    `twins` has the columns strategy and twin, as `evidence.against_twins` gives them.

    Returns
    -------
    DataFrame
        Columns strategy, rival, difference (annual), low, high (95 percent), p (two-sided), holm_p (over the strategies
        of the same question: against equal weight, or against the twin), verdict: `shown` that it is higher, `shown to
        be absent` where it is significantly lower, else `not shown`. All but the difference is missing where two
        strategies have the same returns or differ on too few days, and below 20 days. What lost all its wealth has no
        row.

    Notes
    -----
    The studentized bootstrap test of Ledoit & Wolf (2008, section 3.2). The difference of Sharpe ratios is a function
    of the means and of the uncentered second moments of both; its standard error follows from their long-run covariance
    by the delta method, with the quadratic spectral kernel on the sample and with the blocks' own on each resample of
    circular blocks. p is the share of resamples in which the centered difference exceeds, in standard errors, that of
    the sample. Deviations: the block length is that of `block_length`, not calibrated; the kernel is not
    prewhitened.
    """
    lines = list(solvent(net_returns))
    rivals = [(name, EQUAL_WEIGHT) for name in lines if EQUAL_WEIGHT in lines and name not in (EQUAL_WEIGHT, BENCHMARK)]
    paired = [(line(strategy, lines), line(twin, lines)) for strategy, twin in zip(twins["strategy"], twins["twin"])]
    paired = list(dict.fromkeys(pair for pair in paired if pair[0] != pair[1] and {*pair} <= {*lines}))
    columns = ["strategy", "rival", "difference", "low", "high", "p", "holm_p", "verdict"]
    tables = []
    for pairs in (rivals, paired):
        rows = ledoit_wolf(net_returns[lines], pairs, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate,
                           seed=seed, n_bootstraps=n_bootstraps)
        rows["holm_p"] = holm(rows["p"])
        significant = rows["holm_p"] < LEVEL
        rows["verdict"] = np.select([significant & (rows["difference"] > 0), significant], [SHOWN, ABSENT], NOT_SHOWN)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)[columns]


def ledoit_wolf(returns: pd.DataFrame, pairs: Sequence[tuple[str, str]], *, periods_per_year: int,
                risk_free_rate: float, seed: int, n_bootstraps: int = 4999) -> pd.DataFrame:
    """
    Ledoit & Wolf's test of equal Sharpe ratios for each pair of columns; see `sharpe_differences`.

    Columns strategy, rival, difference (annual), low, high, p; one set of resampled blocks for all pairs.
    """
    n_days, excess = len(returns), returns - risk_free_rate / periods_per_year
    ratios = sharpe(returns, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate)
    length, rows = block_length(returns, "circular"), []
    scale = math.sqrt(periods_per_year * (1 - 1 / n_days))  # to a year, and to the deviation with ddof 1
    if length > 0:
        n_blocks = n_days // length
        starts = np.random.default_rng(seed).integers(n_days, size=(n_bootstraps, n_blocks))
        draws = np.arange(n_bootstraps)[:, None] * n_days + starts
        shares = np.bincount(draws.ravel(), minlength=n_bootstraps * n_days).reshape(-1, n_days) / n_blocks
        blocks = (np.arange(n_days)[:, None] + np.arange(length)) % n_days
    for strategy, rival in pairs:
        one, other = excess[strategy].to_numpy(), excess[rival].to_numpy()
        difference, tested = ratios[strategy] - ratios[rival], (np.nan, np.nan, np.nan)
        if length > 0 and np.isfinite(difference) and np.abs(one - other).max() > SAME:
            tested = _studentized(np.column_stack([one, other, one**2, other**2]), blocks, shares, scale)
        rows.append((strategy, rival, difference, *tested))
    return pd.DataFrame(rows, columns=["strategy", "rival", "difference", "low", "high", "p"])


def _studentized(moments: np.ndarray, blocks: np.ndarray, shares: np.ndarray,
                 scale: float) -> tuple[float, float, float]:
    """Ends of the interval, times `scale`, and p of the studentized bootstrap of a difference of Sharpe ratios.

    `moments` (n_days, 4) are both excess returns and their squares, `blocks` (n_days, length) the days of the block
    that begins on each day, `shares` (n_bootstraps, n_days) the share of a resample's blocks that begin on each day.
    """
    from arch.covariance.kernel import QuadraticSpectral

    length, n_blocks = blocks.shape[1], len(moments) // blocks.shape[1]
    difference, gradient = _difference(moments.mean(axis=0)[None])
    long_run = np.asarray(QuadraticSpectral(moments, df_adjust=4).cov.long_run)
    error = float(np.sqrt(max(gradient[0] @ long_run @ gradient[0], 0.0) / len(moments)))
    sums = moments[blocks].sum(axis=1)
    means = shares @ sums / length
    squares = (shares @ (sums[:, :, None] * sums[:, None, :]).reshape(-1, 16)).reshape(-1, 4, 4) / length
    drawn, gradients = _difference(means)
    variances = np.einsum("bi,bij,bj->b", gradients, squares, gradients) - length * (
        np.einsum("bi,bi->b", gradients, means) ** 2)
    errors = np.sqrt(np.clip(variances, 0, None) / (n_blocks * length))
    if not error * math.sqrt(len(moments)) > 1e-9 or np.quantile(errors, LEVEL) < 1e-3 * error:
        return np.nan, np.nan, np.nan  # only rounding is left, or many resamples have none of the few days that differ
    distances = np.abs(drawn - difference) / np.clip(errors, SAME, None)
    wide = float(np.quantile(distances, 1 - LEVEL)) * error
    p = (1 + (distances >= abs(difference[0]) / error).sum()) / (1 + len(distances))
    return scale * (difference[0] - wide), scale * (difference[0] + wide), float(p)


def _difference(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Difference of two Sharpe ratios (n,) and its gradient (n, 4) from both means and both second moments (n, 4)."""
    means, squares = moments[:, :2], moments[:, 2:]
    deviations = np.sqrt(np.clip(squares - means**2, SAME**2, None))
    signs = np.array([1.0, -1.0])
    gradient = np.hstack([signs * squares / deviations**3, -signs * means / (2 * deviations**3)])
    return (signs * means / deviations).sum(axis=1), gradient


def needed_ratio(n_months: int) -> float:
    """
    The true monthly information ratio that a test of `n_months` months detects in 80 percent of cases; missing below
    two months.

    The t-test of the mean monthly excess is one-sided at 5 percent. With d = ratio * sqrt(n) its statistic has the
    noncentral t-distribution of n - 1 degrees of freedom, and d is where that exceeds the critical value in 80 percent.

    >>> [round(needed_ratio(n_months), 2) for n_months in (12, 24, 120)]
    [0.77, 0.52, 0.23]
    """
    if n_months < 2:
        return np.nan
    critical = scipy.stats.t.ppf(1 - LEVEL, n_months - 1)
    return float(scipy.special.nctdtrinc(n_months - 1, 1 - POWER, critical) / math.sqrt(n_months))
