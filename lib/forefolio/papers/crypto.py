"""Table 5 of Zouaoui & Naas 2025: the Markowitz portfolio beside the network's, in sample and out of sample.

In sample, as in the paper, a portfolio is judged on the days that chose it; out of sample it is decided before the
days that judge it. The difference is what hindsight is worth.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.performance.backtest import backtest
from forefolio.portfolios.holdings import gross_exposure
from forefolio.study.vocabulary import INEFFICIENT

COLUMNS = ("mpt_in_sample", "lstm_in_sample", "mpt_out_of_sample", "lstm_out_of_sample")


def table5(returns: pd.DataFrame, forecasts: pd.DataFrame, weights: pd.DataFrame, net_returns: pd.DataFrame, *,
           solver_log: pd.DataFrame, model: str, validation_end: Date, risk_free: float, periods_per_year: int,
           cost_rate: float, estimate_covariance: Callable[[pd.DataFrame], pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Weights and results of both portfolios, in sample and out of sample.

    Parameters
    ----------
    returns : DataFrame (n_days, n_assets)
        Simple daily returns of all days.
    forecasts : DataFrame
        Columns horizon, asset, model, forecast and others.
    weights : DataFrame
        Columns rebalance_date, strategy, asset, weight, with the strategy `<model>+tangency`.
    net_returns : DataFrame (n_test_days, n_strategies)
        Daily returns of the strategies, the same among them.
    solver_log : DataFrame
        Columns date, strategy, status and others, as `rebalances.decide` gives it.
    model : str
        The network.
    validation_end : date
        The Markowitz portfolio out of sample knows the days up to it.
    risk_free : float
        Fraction a day.
    periods_per_year, cost_rate : int, float
        Trading days a year; cost of trading out of sample, fraction of the amount traded.
    estimate_covariance : callable
        Returns to covariance.

    Returns
    -------
    weights : DataFrame (n_assets, 4)
        Columns mpt_in_sample, lstm_in_sample, mpt_out_of_sample, lstm_out_of_sample; the last is what was decided
        first.
    summary : DataFrame (6, 4)
        Index annualized_return (arithmetic mean times `periods_per_year`), annualized_volatility, sharpe_ratio,
        observations, gross_exposure (of the last column the largest of all rebalances), inefficient (share of decisions
        on which the closed form has the worst ratio of all, not the best); same columns. Both without rows where the
        run has no such strategy.

    Notes
    -----
    Markowitz: long-only maximum Sharpe ratio (Table 3); out of sample decided once, with the returns up to
    `validation_end`, and put back to these weights at every rebalance. Network, in sample: the closed form of the
    tangency portfolio with the mean of all its next-day forecasts in place of mu and the covariance of all days, shorts
    allowed, which is what the paper seems to do; out of sample: the strategy `<model>+tangency`.
    """
    from forefolio.portfolios.long_only import maximum_sharpe  # solvers, for which stage 04 should not pay
    from forefolio.portfolios.long_short import tangency

    strategy = f"{model}+tangency"
    made = forecasts[(forecasts["model"] == model) & (forecasts["horizon"] == 1)]
    decided = weights[weights["strategy"] == strategy]
    if made.empty or decided.empty:
        return (pd.DataFrame(columns=list(COLUMNS), index=pd.Index([], name="asset"), dtype=float),
                pd.DataFrame(columns=list(COLUMNS), index=pd.Index([], name="statistic"), dtype=float))
    assets, everything, past = returns.columns, estimate_covariance(returns), returns.loc[:pd.Timestamp(validation_end)]
    by_date = decided.pivot(index="rebalance_date", columns="asset", values="weight")[assets]
    in_sample = tangency(made.groupby("asset")["forecast"].mean()[assets], everything, risk_free=risk_free)
    chosen = pd.DataFrame({
        "mpt_in_sample": maximum_sharpe(returns.mean(), everything, risk_free=risk_free).weights,
        "lstm_in_sample": in_sample.weights,
        "mpt_out_of_sample": maximum_sharpe(past.mean(), estimate_covariance(past), risk_free=risk_free).weights,
        "lstm_out_of_sample": by_date.iloc[0]})[list(COLUMNS)]
    held = pd.DataFrame(np.tile(chosen["mpt_out_of_sample"], (len(by_date), 1)), by_date.index, assets)
    markowitz = held.stack().rename("weight").rename_axis(["rebalance_date", "asset"]).reset_index().assign(strategy="mpt")
    daily = {"mpt_in_sample": returns @ chosen["mpt_in_sample"], "lstm_in_sample": returns @ chosen["lstm_in_sample"],
             "mpt_out_of_sample": backtest(markowitz, returns, cost_rate=cost_rate).net_returns["mpt"],
             "lstm_out_of_sample": net_returns[strategy]}
    summary = pd.DataFrame({name: {
        "annualized_return": series.mean() * periods_per_year,
        "annualized_volatility": series.std() * np.sqrt(periods_per_year),
        "sharpe_ratio": (series.mean() - risk_free) / series.std() * np.sqrt(periods_per_year),
        "observations": len(series),
        "gross_exposure": gross_exposure(chosen[name])} for name, series in daily.items()})
    summary.loc["gross_exposure", "lstm_out_of_sample"] = by_date.abs().sum(axis=1).max()
    statuses = solver_log.loc[solver_log["strategy"] == strategy, "status"]
    summary.loc["inefficient"] = [0.0, float(in_sample.status == INEFFICIENT), 0.0, (statuses == INEFFICIENT).mean()]
    return chosen.rename_axis("asset"), summary.rename_axis("statistic")
