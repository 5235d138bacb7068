"""Returns to what the tables of performance say: growth, risk, ratios, drawdowns, months against the benchmark.

`returns` are simple daily returns, a wide frame with one column per strategy; a metric is one value per column. No return
may be missing: a gap would be compounded as if nothing had happened. `COLUMNS` puts a function under each name that
`study.vocabulary.METRICS` has: a new metric is an entry there, a function here, and its line in `COLUMNS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forefolio.market.returns import Need, iso_day
from forefolio.performance.backtest import backtest, turnover
from forefolio.portfolios.holdings import concentration, gross_exposure
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import BENCHMARK, INEFFICIENT


@dataclass(frozen=True)
class Record:
    """What the metrics of a run's strategies are measured on."""

    returns: pd.DataFrame  # (n_days, n_strategies + 1), simple daily returns after costs, the column `benchmark` among them
    excess: pd.DataFrame  # (n_months, n_strategies), as `monthly_excess` gives it
    turnover: pd.Series  # by strategy, as `backtest.turnover` gives it
    periods_per_year: int  # trading days
    risk_free_rate: float  # fraction a year



def wealth(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Growth of one unit, compounded; a day that loses everything, or more, leaves nothing for good.

    Examples
    --------
    >>> wealth(pd.DataFrame({"A": [0.1, -0.5]}))["A"].round(4).tolist()
    [1.1, 0.55]
    """
    return (1 + returns).clip(lower=0).cumprod()


def drawdown(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Loss since the highest wealth so far, compounded, 0 or below; the initial wealth counts as a peak.

    Examples
    --------
    >>> drawdown(pd.DataFrame({"A": [-0.1, 0.2, -0.5]}))["A"].round(4).tolist()
    [-0.1, 0.0, -0.5]
    """
    grown = wealth(returns)
    return grown / grown.cummax().clip(lower=1) - 1


def max_drawdown(returns: pd.DataFrame) -> pd.Series:
    """The deepest compounded drawdown, 0 or below."""
    return drawdown(returns).min()


def total_return(returns: pd.DataFrame) -> pd.Series:
    """Compounded return of the whole span; -1 where a day loses everything, or more."""
    return (1 + returns).clip(lower=0).prod() - 1


def annual_return(returns: pd.DataFrame, *, periods_per_year: int) -> pd.Series:
    """Compounded return a year, (1 + total)^(periods_per_year / n_days) - 1."""
    return (1 + total_return(returns)) ** (periods_per_year / len(returns)) - 1


def annual_volatility(returns: pd.DataFrame, *, periods_per_year: int) -> pd.Series:
    """Standard deviation (ddof 1) of the daily returns times sqrt(periods_per_year)."""
    return returns.std() * np.sqrt(periods_per_year)


def sharpe(returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float) -> pd.Series:
    """
    Sharpe ratio a year: (mean - risk free) / deviation x sqrt(periods_per_year).

    Parameters
    ----------
    returns : DataFrame (n_days, n_strategies)
        Simple daily returns.
    periods_per_year, risk_free_rate : int, float
        Trading days a year; fraction a year, of which a day earns its `periods_per_year`-th part.

    Returns
    -------
    Series
        One ratio a strategy, missing where returns do not vary.

    Examples
    --------
    >>> sharpe(pd.DataFrame({"A": [0.00, 0.02]}), periods_per_year=252, risk_free_rate=0.0).round(3).tolist()
    [11.225]
    """
    excess = returns.mean() - risk_free_rate / periods_per_year
    return _ratio(excess, returns.std()) * np.sqrt(periods_per_year)


def sortino(returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float) -> pd.Series:
    """
    Sortino ratio a year: (mean - tau) / sqrt(mean of min(r - tau, 0)^2 over all days) x sqrt(periods_per_year).

    Parameters are those of `sharpe`, tau being the risk-free return of a day; missing where no return is below tau.

    Examples
    --------
    >>> sortino(pd.DataFrame({"A": [0.03, -0.01]}), periods_per_year=1, risk_free_rate=0.0).round(4).tolist()
    [1.4142]
    """
    excess = returns - risk_free_rate / periods_per_year
    return _ratio(excess.mean(), (excess.clip(upper=0) ** 2).mean() ** 0.5) * np.sqrt(periods_per_year)


def cvar(returns: pd.DataFrame, *, confidence: float) -> pd.Series:
    """
    Conditional value at risk: the mean loss of the worst days.

    Parameters
    ----------
    returns : DataFrame (n_days, n_strategies)
        Simple daily returns.
    confidence : float
        0.95 for the worst 5 percent of days; a day at the edge counts in part (Rockafellar & Uryasev 2000).

    Returns
    -------
    Series
        Fraction a day, positive for a loss.

    Examples
    --------
    The worst 1.5 of 3 days: (0.04 + 0.5 x 0.01) / 1.5.

    >>> cvar(pd.DataFrame({"A": [-0.01, 0.02, -0.04]}), confidence=0.5).round(4).tolist()
    [0.03]
    """
    n_worst = (1 - confidence) * len(returns)
    share = np.clip(n_worst - np.arange(len(returns)), 0, 1) / n_worst  # of each day, the worst first
    return -returns.apply(lambda column: np.sort(column) @ share)


def monthly_returns(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Returns compounded within each calendar month; index month, its first calendar day. End months may be partial.

    Examples
    --------
    >>> days = pd.DatetimeIndex(["2024-01-30", "2024-01-31", "2024-02-01"], name="date")
    >>> monthly_returns(pd.DataFrame({"A": [0.1, 0.1, -0.2]}, index=days))["A"].round(2).tolist()
    [0.21, -0.2]
    """
    months = returns.index.to_period("M").to_timestamp().rename("month")
    return (1 + returns).groupby(months).prod() - 1


def monthly_excess(net_returns: pd.DataFrame) -> pd.DataFrame:
    """
    Each strategy's compounded month minus the benchmark's.

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns, the column `benchmark` among them.

    Returns
    -------
    DataFrame (n_months, n_strategies)
        Fraction a month, index month.

    Raises
    ------
    ValueError
        If there is no benchmark, or a return is missing.

    Notes
    -----
    Nguyen 2025, Table 5. Returns are compounded over calendar months first and subtracted then.
    """
    _check(net_returns)
    months = monthly_returns(net_returns)
    return months.drop(columns=BENCHMARK).sub(months[BENCHMARK], axis=0)


def information_ratio(excess: pd.DataFrame) -> pd.Series:
    """Mean over deviation (ddof 1) of monthly excess returns, per month, not annualized (Nguyen 2025, Table 5)."""
    return _ratio(excess.mean(), excess.std())


def _ratio(mean: pd.Series, deviation: pd.Series) -> pd.Series:
    """A mean by its deviation, missing where the deviation is only rounding."""
    return mean / np.where(deviation > 1e-12, deviation, np.nan)


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
    "mean_monthly_excess": lambda record: record.excess.mean(),
    "std_monthly_excess": lambda record: record.excess.std(),
    "information_ratio": lambda record: information_ratio(record.excess),
    "turnover": lambda record: record.turnover,
}


def performance_table(net_returns: pd.DataFrame, turnover: pd.Series, *, periods_per_year: int,
                      risk_free_rate: float) -> pd.DataFrame:
    """
    One row per strategy, `COLUMNS` beside its name: what it earned, at what risk, and against the benchmark.

    Parameters
    ----------
    net_returns, turnover, periods_per_year, risk_free_rate
        As a `Record` has them.

    Returns
    -------
    DataFrame (n_strategies + 1, 12)
        Fractions: max_drawdown is compounded, 0 or below; cvar_95 is a day's, positive; information_ratio is monthly. The
        benchmark is the last row; its excess and turnover are missing.

    Raises
    ------
    ValueError
        If there is no benchmark, a return is missing, or a strategy has no turnover.
    """
    record = Record(net_returns, monthly_excess(net_returns), turnover, periods_per_year, risk_free_rate)
    _same_strategies(record.excess, turnover=turnover)
    return _by_strategy({name: measure(record) for name, measure in COLUMNS.items()}, record.excess)


def excess_table(net_returns: pd.DataFrame, trades: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """
    What each strategy earned above the benchmark, and how much it traded for that (Nguyen 2025, Table 5).

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns, the column `benchmark` among them.
    trades : DataFrame
        As `backtest.backtest` gives them: columns strategy and turnover, one-way.
    weights : DataFrame
        As `decisions.decide` returns.

    Returns
    -------
    DataFrame (n_strategies + 1, 11)
        Columns strategy, n_months, mean_monthly_excess and std_monthly_excess (ddof 1; fractions a month),
        information_ratio (a month), total_return (of the strategy itself, compounded), summed_excess (of all months),
        summed_excess_but_first (without the first month), turnover_one_way (half the sum of |target - drifted|, mean
        over the rebalances after the first purchase), turnover_two_way (the sum: twice that), effective_holdings (mean
        over the rebalances). The benchmark is the last row; beside the number of months it has only a total return.

    Raises
    ------
    ValueError
        If there is no benchmark, a return is missing, or the three frames do not name the same strategies.

    Notes
    -----
    The paper defines neither its turnover nor its total return, so each stands here in every convention that it may mean.
    Of the means the paper prints only that of LSTM+MDP, 2.281 %, and 23 times it is the total return that it prints for
    that strategy, 52.459 %: a sum over 23 of the 24 months of its test period, and not compounded. We assume that the
    totals of the other strategies are such sums as well, and that the first month is the one that is missing, because a
    series of month-end values has no return for its first month.

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
    _same_strategies(excess, trades=traded, weights=held)
    return _by_strategy({
        "n_months": len(excess),
        "mean_monthly_excess": excess.mean(),
        "std_monthly_excess": excess.std(),
        "information_ratio": information_ratio(excess),
        "total_return": total_return(net_returns),
        "summed_excess": excess.sum(),
        "summed_excess_but_first": excess.iloc[1:].sum(),
        "turnover_one_way": traded,
        "turnover_two_way": 2 * traded,
        "effective_holdings": held,
    }, excess)


def performance_by_window(weights: pd.DataFrame, returns: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float,
                          cost_rate: float) -> pd.DataFrame:
    """
    What the portfolios of each window earned, with the gross exposure that it took.

    Parameters
    ----------
    weights : DataFrame
        As `decisions.weights_by_window` gives them.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns.
    periods_per_year, risk_free_rate, cost_rate : int, float, float
        Trading days a year; fraction a year; cost of trading, fraction of the amount traded.

    Returns
    -------
    DataFrame
        Columns model, window, mean_gross, largest_gross, total_return (compounded), annual_volatility, sharpe,
        inefficient_dates (rebalances on which the closed form has the lowest ratio of all), bankrupt (whether all wealth
        was lost); net of costs.
    """
    rows = []
    for (model, window), decided in weights.groupby(["model", "window"], sort=False):
        result = backtest(decided, returns, cost_rate=cost_rate)
        daily, by_date = result.net_returns, decided.groupby("rebalance_date")
        gross = by_date["weight"].agg(gross_exposure)
        rows.append((model, window, gross.mean(), gross.max(), total_return(daily).item(),
                     annual_volatility(daily, periods_per_year=periods_per_year).item(),
                     sharpe(daily, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate).item(),
                     by_date["status"].first().eq(INEFFICIENT).sum(), len(result.bankruptcies) > 0))
    return pd.DataFrame(rows, columns=["model", "window", "mean_gross", "largest_gross", "total_return", "annual_volatility",
                                       "sharpe", "inefficient_dates", "bankrupt"])


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
    returns : DataFrame (n_days, n_assets)
        Simple daily returns.
    periods_per_year, risk_free_rate : int, float
        Trading days a year; fraction a year.

    Returns
    -------
    DataFrame (12, n_portfolios)
        Index statistic: annual_return (mean x periods_per_year, not compounded, as in the paper's formulas),
        annual_volatility, skewness, kurtosis (excess; both corrected for bias), max_drawdown (compounded; -1 where
        shorts lose everything in a day, while the other rows take that day's return as it is, even below -1),
        observations, sharpe, cvar_95 (a day), sortino, variance (a year), effective_holdings (1 / sum w^2),
        gross_exposure (sum |w|).

    Raises
    ------
    ValueError
        If a portfolio names an asset that has no returns.
    """
    for name, held in weights_by_name.items():
        if not held.index.isin(returns.columns).all():
            raise ValueError(f"The portfolio {name} holds {held.index.difference(returns.columns)[0]}, which has no "
                             "returns: use the same universe for both")
    weights = pd.DataFrame({name: held.reindex(returns.columns, fill_value=0.0)
                            for name, held in weights_by_name.items()})
    earned = returns @ weights
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
        "effective_holdings": 1 / (weights**2).sum(),
        "gross_exposure": weights.abs().sum(),
    }).T.rename_axis("statistic")


def _check(net_returns: pd.DataFrame) -> None:
    """The benchmark must be there, and each return."""
    if BENCHMARK not in net_returns:
        raise ValueError("The net returns have no column named benchmark: add the benchmark's daily returns to them")
    missing = net_returns.isna()
    if missing.any(axis=None):
        date, name = missing.stack().idxmax()
        raise ValueError(f"The return of {name} on {iso_day(date)} is missing: hold the last price in the gaps of its "
                         "prices")


def _same_strategies(excess: pd.DataFrame, **others: pd.Series) -> None:
    """Net returns and what stands beside them must name the same strategies."""
    for name, values in others.items():
        strangers = excess.columns.symmetric_difference(values.index)
        if len(strangers):
            raise ValueError(f"Net returns and {name} do not name the same strategies ({strangers[0]}): take both from one "
                             "backtest")


def _by_strategy(columns: dict[str, pd.Series], excess: pd.DataFrame) -> pd.DataFrame:
    """Columns as a table: strategies in their order, then the benchmark."""
    return pd.DataFrame(columns).loc[[*excess.columns, BENCHMARK]].rename_axis("strategy").reset_index()


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """Days of returns that stage 06 needs: a standard deviation is of two at least.

    >>> needed_days(Study(), n_assets=20)[0].days
    2
    """
    return [Need("end", 2, "test", "a volatility needs two days of the test period")]
