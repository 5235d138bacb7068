"""Metrics of returns: growth, risk, ratios, drawdowns, and months against the benchmark.

`returns` have a column per strategy, and a metric is one value per column. No return may be missing: a gap would be
compounded as if nothing had happened. `COLUMNS` puts a function under each name that `study.vocabulary.METRICS` has: a
new metric is an entry there, a function here, and its line in `COLUMNS`. A strategy that lost all its wealth is
`bankrupt`. After that its returns are only placeholders of zero, so it enters no test and ranks last.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forefolio.market.returns import Need, iso_day
from forefolio.performance.backtest import backtest, turnover
from forefolio.portfolios.holdings import concentration, effective_holdings, gross_exposure
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import BENCHMARK, INEFFICIENT

SAME = 1e-12  # values this close are equal: what is left is rounding
LOST = 1e-6  # of the highest wealth: a strategy with no more than that left has lost all
OF_BANKRUPT = ("total_return", "annual_return", "max_drawdown")  # all that can be said of a strategy that lost all
RISKLESS = 0.005  # a year: a volatility below it is like that of cash


@dataclass(frozen=True)
class Record:
    """The inputs of the metrics of a run's strategies."""

    returns: pd.DataFrame  # net returns and the benchmark's
    excess: pd.DataFrame  # monthly
    turnover: pd.Series  # by strategy, as `backtest.turnover` gives it
    periods_per_year: int
    risk_free_rate: float


def wealth(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Growth of one unit, compounded; after a day that loses everything, wealth stays zero.

    >>> wealth(pd.DataFrame({"A": [0.1, -0.5]}))["A"].round(4).tolist()
    [1.1, 0.55]
    """
    return (1 + returns).clip(lower=0).cumprod()


def drawdown(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Loss since the highest wealth so far, compounded, 0 or below; the initial wealth counts as a peak.

    >>> drawdown(pd.DataFrame({"A": [-0.1, 0.2, -0.5]}))["A"].round(4).tolist()
    [-0.1, 0.0, -0.5]
    """
    grown = wealth(returns)
    return grown / grown.cummax().clip(lower=1) - 1


def max_drawdown(returns: pd.DataFrame) -> pd.Series:
    """The deepest compounded drawdown, 0 or below."""
    return drawdown(returns).min()


def bankrupt(returns: pd.DataFrame) -> pd.Series:
    """
    Which columns lost all wealth, or all except a millionth; later values in them are not returns.

    >>> bankrupt(pd.DataFrame({"A": [0.1, -1.0, 0.0], "B": [0.1, -0.9, 0.0]})).to_dict()
    {'A': True, 'B': False}
    """
    return max_drawdown(returns) <= LOST - 1


def solvent(returns: pd.DataFrame) -> pd.DataFrame:
    """The columns that are not `bankrupt`: those that can be tested and ranked."""
    return returns.loc[:, ~bankrupt(returns).astype(bool)]


def total_return(returns: pd.DataFrame) -> pd.Series:
    """Compounded return of the whole span; -1 where a day loses everything, or more."""
    return (1 + returns).clip(lower=0).prod() - 1


def annual_return(returns: pd.DataFrame, *, periods_per_year: int) -> pd.Series:
    """Compounded annual return, (1 + total)^(periods_per_year / n_days) - 1; missing if it overflows."""
    grown = (1 + total_return(returns)) ** (periods_per_year / len(returns)) - 1
    return grown.where(np.isfinite(grown))


def annual_volatility(returns: pd.DataFrame, *, periods_per_year: int) -> pd.Series:
    """Standard deviation (ddof 1) of the daily returns times sqrt(periods_per_year)."""
    return returns.std() * np.sqrt(periods_per_year)


def sharpe(returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float) -> pd.Series:
    """
    Annual Sharpe ratio: (mean - risk free) / deviation x sqrt(periods_per_year); missing where returns do not vary.

    >>> sharpe(pd.DataFrame({"A": [0.00, 0.02]}), periods_per_year=252, risk_free_rate=0.0).round(3).tolist()
    [11.225]
    """
    excess = returns.mean() - risk_free_rate / periods_per_year
    return _ratio(excess, returns.std()) * np.sqrt(periods_per_year)


def sortino(returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float) -> pd.Series:
    """
    Annual Sortino ratio: (mean - tau) / sqrt(mean of min(r - tau, 0)^2 over all days) x sqrt(periods_per_year).

    tau is the risk-free return of a day; missing where no return is below it.

    >>> sortino(pd.DataFrame({"A": [0.03, -0.01]}), periods_per_year=1, risk_free_rate=0.0).round(4).tolist()
    [1.4142]
    """
    excess = returns - risk_free_rate / periods_per_year
    return _ratio(excess.mean(), (excess.clip(upper=0) ** 2).mean() ** 0.5) * np.sqrt(periods_per_year)


def cvar(returns: pd.DataFrame, *, confidence: float) -> pd.Series:
    """
    Conditional value at risk: the mean loss of the worst days, fraction per day, positive for a loss.

    A confidence of 0.95 takes the worst 5 percent of days; a day at the edge counts in part (Rockafellar & Uryasev
    2000). Here the worst 1.5 of 3 days: (0.04 + 0.5 x 0.01) / 1.5.

    >>> cvar(pd.DataFrame({"A": [-0.01, 0.02, -0.04]}), confidence=0.5).round(4).tolist()
    [0.03]
    """
    n_worst = (1 - confidence) * len(returns)
    share = np.clip(n_worst - np.arange(len(returns)), 0, 1) / n_worst  # of each day, the worst first
    return -returns.apply(lambda column: np.sort(column) @ share)


def monthly_returns(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Returns compounded within each calendar month; index month, its first calendar day. End months may be partial.

    >>> days = pd.DatetimeIndex(["2024-01-30", "2024-01-31", "2024-02-01"], name="date")
    >>> monthly_returns(pd.DataFrame({"A": [0.1, 0.1, -0.2]}, index=days))["A"].round(2).tolist()
    [0.21, -0.2]
    """
    return (1 + returns).groupby(_months(returns)).prod() - 1


def _months(returns: pd.DataFrame) -> pd.DatetimeIndex:
    """The first calendar day of the month of each row."""
    return returns.index.to_period("M").to_timestamp().rename("month")


def monthly_excess(net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    Each strategy's month minus the benchmark's, each compounded first (Nguyen 2025, Table 5).

    The months of a bankrupt strategy are missing from that of its ruin on: a column with a missing month is no sample
    of a strategy, and is tested nowhere. A missing return is a ValueError.

    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-28"], name="date")
    >>> returns = pd.DataFrame({"A": [0.1, -1.0, 0.0], "benchmark": [0.0, -0.1, -0.1]}, index=days)
    >>> monthly_excess(returns)["A"].round(2).tolist()
    [0.1, nan, nan]
    """
    check_complete(net_returns)
    months = monthly_returns(net_returns)
    lost = (drawdown(net_returns) <= LOST - 1).cummax().groupby(_months(net_returns)).any()
    return months.where(~lost).drop(columns=BENCHMARK).sub(months[BENCHMARK], axis=0)


def information_ratio(excess: pd.DataFrame) -> pd.Series:
    """Mean over deviation (ddof 1) of monthly excess returns, per month, not annualized (Nguyen 2025, Table 5)."""
    return _ratio(excess.mean(skipna=False), excess.std(skipna=False))


def _ratio(mean: pd.Series, deviation: pd.Series) -> pd.Series:
    """A mean divided by its standard deviation; missing if that is only rounding."""
    return mean / np.where(deviation > SAME, deviation, np.nan)


COLUMNS: dict[str, Callable[[Record], pd.Series]] = {  # of the table of performance, in its order
    "total_return": lambda record: total_return(record.returns),
    "annual_return": lambda record: annual_return(record.returns, periods_per_year=record.periods_per_year),
    "annual_volatility": lambda record: annual_volatility(record.returns, periods_per_year=record.periods_per_year),
    "sharpe": lambda record: sharpe(record.returns, periods_per_year=record.periods_per_year,
                                    risk_free_rate=record.risk_free_rate),
    "sortino": lambda record: sortino(record.returns, periods_per_year=record.periods_per_year,
                                      risk_free_rate=record.risk_free_rate),
    "max_drawdown": lambda record: max_drawdown(record.returns),
    "cvar_95": lambda record: cvar(record.returns, confidence=0.95),
    "mean_monthly_excess": lambda record: record.excess.mean(skipna=False),
    "std_monthly_excess": lambda record: record.excess.std(skipna=False),
    "information_ratio": lambda record: information_ratio(record.excess),
    "turnover": lambda record: record.turnover,
}


def performance_table(net_returns: pd.DataFrame, turnover: pd.Series, *, periods_per_year: int,
                      risk_free_rate: float) -> pd.DataFrame:
    """
    One row per strategy, `COLUMNS` beside its name: what it earned, at what risk, and against the benchmark.

    `turnover` is as `backtest.turnover` gives it. max_drawdown is compounded, 0 or below; cvar_95 is a day's, positive;
    information_ratio is monthly. The benchmark is the last row; its excess and turnover are missing. A strategy that
    lost all its wealth has only the columns `OF_BANKRUPT`; the others are missing, because the days after its ruin
    would make it look calm.
    """
    record = Record(net_returns, monthly_excess(net_returns), turnover, periods_per_year, risk_free_rate)
    table = _by_strategy({name: measure(record) for name, measure in COLUMNS.items()}, record.excess)
    lost = ruined(table) & (table["strategy"] != BENCHMARK)
    return table.assign(**{name: table[name].mask(lost) for name in COLUMNS if name not in OF_BANKRUPT})


def excess_table(net_returns: pd.DataFrame, trades: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """
    What each strategy earned above the benchmark, and how much it traded for that (Nguyen 2025, Table 5).

    Returns
    -------
    DataFrame (n_strategies + 1, 11)
        Columns strategy, n_months, mean_monthly_excess, std_monthly_excess (ddof 1), information_ratio (a month),
        total_return (of the strategy itself, compounded), summed_excess (of all months), summed_excess_but_first
        (without the first), turnover_one_way (of `backtest.turnover`), turnover_two_way (twice that),
        effective_holdings (mean over the rebalances). The benchmark is the last row; beside the number of months it has
        only a total return.

    Notes
    -----
    The paper defines neither its turnover nor its total return, so the table has every possible convention. Of the
    means the paper prints only that of LSTM+MDP, 2.281 %, and 23 times it is the total return that it prints for that
    strategy, 52.459 %: a sum over 23 of the 24 months of its test period, and not compounded. We assume that the totals
    of the other strategies are such sums as well, and that the first month is the one that is missing, because a series
    of month-end values has no return for its first month.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], name="date")
    >>> net_returns = pd.DataFrame({"A": [0.03, 0.02], "benchmark": [0.01, 0.01]}, index=days)
    >>> trades = pd.DataFrame({"strategy": ["A", "A"], "turnover": [0.5, 0.2]})
    >>> weights = pd.DataFrame({"rebalance_date": 0, "strategy": "A", "asset": ["x", "y"], "weight": 0.5})
    >>> table = excess_table(net_returns, trades, weights).set_index("strategy")
    >>> table.loc["A", ["mean_monthly_excess", "summed_excess_but_first", "turnover_two_way"]].round(3).tolist()
    [0.015, 0.01, 0.4]
    """
    excess, traded, held = monthly_excess(net_returns), turnover(trades), mean_holdings(weights)
    return _by_strategy({
        "n_months": len(excess),
        "mean_monthly_excess": excess.mean(skipna=False),
        "std_monthly_excess": excess.std(skipna=False),
        "information_ratio": information_ratio(excess),
        "total_return": total_return(net_returns),
        "summed_excess": excess.sum(skipna=False),
        "summed_excess_but_first": excess.iloc[1:].sum(skipna=False),
        "turnover_one_way": traded,
        "turnover_two_way": 2 * traded,
        "effective_holdings": held,
    }, excess)


def performance_by_window(weights: pd.DataFrame, returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float,
                          cost_rate: float, daily_borrow: float = 0.0) -> pd.DataFrame:
    """
    Net performance of the portfolios of each window, as in `backtest`, with their gross exposure.

    `weights` are those of `decisions.weights_by_window`. Columns model, window, mean_gross, largest_gross, total_return
    (compounded), annual_volatility, sharpe, inefficient_dates (rebalances on which the closed form has the lowest ratio
    of all), bankrupt (whether all wealth was lost: then volatility and ratio are missing).
    """
    rows = []
    for (model, window), decided in weights.groupby(["model", "window"], sort=False):
        result = backtest(decided, returns, cost_rate=cost_rate, daily_borrow=daily_borrow)
        daily, by_date = result.net_returns, decided.groupby("rebalance_date")
        gross = by_date["weight"].agg(gross_exposure)
        rows.append((model, window, gross.mean(), gross.max(), total_return(daily).item(),
                     annual_volatility(daily, periods_per_year=periods_per_year).item(),
                     sharpe(daily, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate).item(),
                     by_date["status"].first().eq(INEFFICIENT).sum(), bankrupt(daily).item()))
    table = pd.DataFrame(rows, columns=["model", "window", "mean_gross", "largest_gross", "total_return",
                                        "annual_volatility", "sharpe", "inefficient_dates", "bankrupt"])
    measured = ["annual_volatility", "sharpe"]
    return table.assign(**table[measured].mask(table["bankrupt"].astype(bool)))


def ruined(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table lost all wealth, or all but a millionth, by its max_drawdown: they have no rank.

    >>> ruined(pd.DataFrame({"max_drawdown": [-1.0, -0.9999999, -0.99]})).tolist()
    [True, True, False]
    """
    return _column(table, "max_drawdown") <= LOST - 1


def riskless(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table are like cash, by their annual_volatility: their ratios have nothing to divide by.

    >>> riskless(pd.DataFrame({"annual_volatility": [0.0001, 0.01]})).tolist()
    [True, False]
    """
    return _column(table, "annual_volatility") < RISKLESS


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column; missing values where the table has none of this name."""
    return table.get(name, pd.Series(np.nan, table.index))


def mean_holdings(weights: pd.DataFrame) -> pd.Series:
    """Effective holdings by strategy, mean over the rebalances."""
    return concentration(weights).groupby("strategy")["effective_holdings"].mean()


def portfolio_statistics(weights_by_name: dict[str, pd.Series], returns: pd.DataFrame, *, periods_per_year: int,
                         risk_free_rate: float) -> pd.DataFrame:
    """
    Statistics of portfolios whose weights are restored every day, as Table 3 of Zouaoui & Naas 2025 has them.

    Parameters
    ----------
    weights_by_name : dict of Series
        Weights by asset, negative where sold short; an asset that a portfolio does not name is not held.

    Returns
    -------
    DataFrame (12, n_portfolios)
        Index statistic: annual_return (mean x periods_per_year, not compounded, as in the paper's formulas),
        annual_volatility, skewness, kurtosis (excess; both corrected for bias), max_drawdown (compounded; -1 where
        shorts lose everything in a day, while the other rows take that day's return as it is, even below -1),
        observations, sharpe, cvar_95 (a day), sortino, variance (a year), effective_holdings and gross_exposure as in
        `portfolios.holdings`.
    """
    weights = pd.DataFrame(weights_by_name).fillna(0.0)
    earned = returns[weights.index] @ weights
    volatility = annual_volatility(earned, periods_per_year=periods_per_year)
    rates = {"periods_per_year": periods_per_year, "risk_free_rate": risk_free_rate}
    return pd.DataFrame({
        "annual_return": earned.mean() * periods_per_year,
        "annual_volatility": volatility,
        "skewness": earned.skew(),
        "kurtosis": earned.kurt(),
        "max_drawdown": max_drawdown(earned),
        "observations": earned.count().astype(float),
        "sharpe": sharpe(earned, **rates),
        "cvar_95": cvar(earned, confidence=0.95),
        "sortino": sortino(earned, **rates),
        "variance": volatility**2,
        "effective_holdings": weights.apply(effective_holdings),
        "gross_exposure": weights.apply(gross_exposure),
    }).T.rename_axis("statistic")


def check_complete(returns: pd.DataFrame) -> None:
    """Each return must be there and finite, or a ValueError names the first that is not."""
    missing = ~np.isfinite(returns)
    if missing.any(axis=None):
        date, name = missing.stack().idxmax()
        raise ValueError(f"The return of {name} on {iso_day(date)} is missing: take days on which all are known, or "
                         "hold the last price in the gaps of its prices")


def _by_strategy(columns: dict[str, pd.Series], excess: pd.DataFrame) -> pd.DataFrame:
    """Columns as a table: strategies in their order, then the benchmark."""
    return pd.DataFrame(columns).loc[[*excess.columns, BENCHMARK]].rename_axis("strategy").reset_index()


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """Days of returns that stage 06 needs: a standard deviation is of two at least.

    >>> needed_days(Study(), n_assets=20)[0].days
    2
    """
    return [Need("end", 2, "test", "a volatility needs two days of the test period")]
