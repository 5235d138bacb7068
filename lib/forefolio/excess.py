"""What each strategy earned above the benchmark, and how much it traded for that (Nguyen 2025, Table 5).

The paper defines neither its turnover nor its total return; here each stands in every convention that it may mean.
"""

import pandas as pd

from forefolio.backtest import turnover
from forefolio.metrics import BENCHMARK, information_ratio, monthly_excess, total_return
from forefolio.portfolios import effective_holdings_by_date


def excess_table(net_returns: pd.DataFrame, trades: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """
    Monthly excess over the benchmark, total return and turnover, one row a strategy.

    Parameters
    ----------
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns, the column `benchmark` among them.
    trades : DataFrame
        As `backtest.backtest` gives them: columns strategy and turnover, one-way.
    weights : DataFrame
        As `rebalances.decide` returns.

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
    Of the means the paper prints only that of LSTM+MDP, 2.281 %, and 23 times it is the total return that it prints for
    that strategy, 52.459 %: a sum over 23 of the 24 months of its test period, and not compounded. That the totals of the
    other strategies are such sums as well is assumed, not seen. We take the first month to be the one that is missing, as
    a series of month-end values has no return for its first month.

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
    excess, traded = monthly_excess(net_returns), turnover(trades)
    holdings = effective_holdings_by_date(weights).groupby("strategy")["effective_holdings"].mean()
    for frame, named in (("trades", traded.index), ("weights", holdings.index)):
        strangers = excess.columns.symmetric_difference(named)
        if len(strangers):
            raise ValueError(f"Net returns and {frame} do not name the same strategies ({strangers[0]}): take both from "
                             "one backtest")
    table = pd.DataFrame({
        "n_months": len(excess),
        "mean_monthly_excess": excess.mean(),
        "std_monthly_excess": excess.std(),
        "information_ratio": information_ratio(excess),
        "total_return": total_return(net_returns),
        "summed_excess": excess.sum(),
        "summed_excess_but_first": excess.iloc[1:].sum(),
        "turnover_one_way": traded,
        "turnover_two_way": 2 * traded,
        "effective_holdings": holdings,
    })
    return table.loc[[*excess.columns, BENCHMARK]].rename_axis("strategy").reset_index()
