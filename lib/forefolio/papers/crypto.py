"""Zouaoui & Naas (2025) beside a run: Table 5 computed, what the run finds for each printed number, and the audit.

Table 5 in sample, as in the paper, judges a portfolio on the days that chose it; out of sample it is decided before
the days that judge it. The difference is what hindsight is worth. The audit asks what the printed numbers say about
each other. Most of its answers are in the paper's audit file; here are those that need the coins' prices. In the audit
a year has 252 days and returns are compounded, because that is what fits the printed numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.papers.printed import NO_DATA, NOT_REPRODUCED, REPRODUCED, Ours, compare, values
from forefolio.performance import metrics
from forefolio.performance.backtest import backtest
from forefolio.portfolios.holdings import held_assets
from forefolio.study.vocabulary import INEFFICIENT, MODELS, line

PAPER = "zouaoui2025"
COLUMNS = ("mpt_in_sample", "lstm_in_sample", "mpt_out_of_sample", "lstm_out_of_sample")
# Number of Table 3: our statistic, its factor in the printed unit, and how ours is meant. The table turns out to print
# skewness, kurtosis and Sortino ratio x 100, the variance as squared percent over 100, and the CVaR of a day times the
# root of 365, which is the one that fits.
STATISTICS = {
    "annualized return": ("annual_return", 100, "arithmetic mean x {days}"),
    "annualized volatility": ("annual_volatility", 100, "{days} days"),
    "skewness": ("skewness", 100, ""),
    "kurtosis": ("kurtosis", 100, ""),
    "max drawdown": ("max_drawdown", 100, ""),
    "observations": ("observations", 1, ""),
    "sharpe ratio": ("sharpe", 1, "mean over volatility of {days} days"),
    "cvar": ("cvar_95", 100 * np.sqrt(365), ""),
    "sortino ratio": ("sortino", 100, "arithmetic mean x {days}"),
    "variance": ("variance", 100, "{days} days"),
}
IN_PERCENT = "mpt_in_sample"  # the column of Table 5 in percent; the other is in fractions
HELD = 0.0005  # a weight that a table in percent with two digits shows

POINTS = ["Coin names", "Units", "Optimality", "Exposure", "Volatility", "The text", "Split", "Days", "Code"]
YEAR = 252  # of the audit
STAND_IN, STOOD_IN = "USDC-USD", ("DAI-USD", "USDT-USD", "VUSDT-USD")  # one stable coin for the three others
LEFT_OUT = 0.1  # share of gross exposure in coins without prices that leaves a volatility worth computing
SHOWN = 3  # disagreements that a sentence names


def table5(returns: pd.DataFrame, forecasts: pd.DataFrame, weights: pd.DataFrame, net_returns: pd.DataFrame, *,
           solver_log: pd.DataFrame, model: str, validation_end: Date, risk_free_rate: float, periods_per_year: int,
           cost_rate: float, estimate_covariance: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Weights and results of both portfolios, in sample and out of sample.

    Parameters
    ----------
    returns, weights, net_returns : DataFrame
        Of all days; with the strategy `<model>+tangency`; of the test days, this strategy among them.
    forecasts, solver_log : DataFrame
        Columns horizon, asset, model, forecast; strategy, status, as `decisions.decide` gives it.
    model : str
        The network.
    validation_end : date
        The Markowitz portfolio out of sample knows the days up to it.
    risk_free_rate, cost_rate : float
        Fraction a year; cost of trading out of sample, fraction of the amount traded.
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
    `validation_end`, and put back to these weights at every rebalance. What no strategy of `weights` holds at a
    rebalance cannot be bought then: the other weights are rescaled, or are equal where none is left. Network, in
    sample: the closed form of the tangency portfolio with the mean of all its next-day forecasts in place of mu and the
    covariance of all days, shorts allowed, which is what the paper seems to do (missing where the covariance is
    singular); out of sample: the strategy `<model>+tangency`.
    """
    from forefolio.portfolios.long_only import maximum_sharpe  # solvers, for which stage 04 should not pay
    from forefolio.portfolios.long_short import in_closed_form

    strategy, risk_free = f"{model}+tangency", risk_free_rate / periods_per_year
    made = forecasts[(forecasts["model"] == model) & (forecasts["horizon"] == 1)]
    shown = line(strategy, weights["strategy"].unique())
    decided = weights[weights["strategy"] == shown]
    if made.empty or decided.empty:
        nothing = pd.DataFrame(columns=list(COLUMNS), dtype=float)
        return nothing.rename_axis("asset"), nothing.rename_axis("statistic")
    assets, everything = returns.columns, estimate_covariance(returns)
    past = returns.loc[:pd.Timestamp(validation_end), held_assets(weights, date=decided["rebalance_date"].min())]
    by_date = decided.pivot(index="rebalance_date", columns="asset", values="weight")[assets]
    mean = made.groupby("asset")["forecast"].mean()
    own = assets[assets.isin(mean.index)]  # of an asset whose network diverged there are no forecasts
    in_sample, _ = in_closed_form(mean[own], everything.loc[own, own], risk_free=risk_free)
    chosen = pd.DataFrame({
        "mpt_in_sample": maximum_sharpe(returns.mean(), everything, risk_free=risk_free).weights,
        "lstm_in_sample": in_sample.weights.reindex(assets),
        "mpt_out_of_sample": maximum_sharpe(past.mean(), estimate_covariance(past),
                                            risk_free=risk_free).weights.reindex(assets, fill_value=0.0),
        "lstm_out_of_sample": by_date.iloc[0]}).loc[assets, list(COLUMNS)]
    held = pd.concat({date: _restored(chosen["mpt_out_of_sample"], held_assets(weights, date=date))
                      for date in by_date.index})
    markowitz = held.rename("weight").rename_axis(["rebalance_date", "asset"]).reset_index()
    net = backtest(markowitz.assign(strategy="mpt"), returns, cost_rate=cost_rate).net_returns["mpt"]
    judged = [pd.DataFrame({name: returns @ chosen[name] for name in COLUMNS[:2]}),
              pd.DataFrame({"mpt_out_of_sample": net, "lstm_out_of_sample": net_returns[shown]})]
    summary = pd.concat([pd.DataFrame({
        "annualized_return": daily.mean() * periods_per_year,
        "annualized_volatility": metrics.annual_volatility(daily, periods_per_year=periods_per_year),
        "sharpe_ratio": metrics.sharpe(daily, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate),
        "observations": daily.count(), "gross_exposure": chosen[list(daily)].abs().sum(min_count=1)})
        for daily in judged]).T
    summary.loc["gross_exposure", "lstm_out_of_sample"] = by_date.abs().sum(axis=1).max()
    statuses = solver_log.loc[solver_log["strategy"] == strategy, "status"]
    summary.loc["inefficient"] = [0.0, float(in_sample.status == INEFFICIENT), 0.0, (statuses == INEFFICIENT).mean()]
    return chosen.rename_axis("asset"), summary.rename_axis("statistic")


def _restored(weights: pd.Series, bought: pd.Index) -> pd.Series:
    """Long-only weights of what can be bought, rescaled to one, or equal where they are nothing; zero of all else."""
    left = weights[bought] if weights[bought].sum() > 0 else pd.Series(1.0, bought)
    return (left / left.sum()).reindex(weights.index, fill_value=0.0)


def claims(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> pd.DataFrame:
    """
    Every printed number of the paper and every point of its audit beside this run.

    Parameters
    ----------
    results : dict
        What the run found, by name: mpt_weights and mpt_statistics (tables of stage 03, their first column the asset and
        the statistic), window_accuracy, table5_weights and table5 (as `table5` gives them), returns (of all days),
        periods_per_year.
    """
    weights, returns = results["mpt_weights"].set_index("asset"), results["returns"]
    year = {"periods_per_year": results["periods_per_year"]}
    return compare(PAPER, published, [
        *numbers_of_table3(weights, results["mpt_statistics"].set_index("statistic"), **year),
        *numbers_of_table4(results["window_accuracy"]),
        *numbers_of_table5(results["table5_weights"], results["table5"], **year),
        Ours("Data", "observations", len(returns)), Ours("Data", "coins", returns.shape[1]),
        Ours("Results", "coins used by the MPT portfolio", int((weights["maximum_sharpe"] > HELD).sum())),
        *numbers_of_audit(published, returns)])


def numbers_of_table3(weights: pd.DataFrame, statistics: pd.DataFrame, *, periods_per_year: int) -> list[Ours]:
    """Weights and statistics of the four long-only portfolios, in the units of Table 3."""
    found = _weights("Table 3", 100 * weights)
    for number, (statistic, factor, meant) in STATISTICS.items():
        if statistic in statistics.index:
            found += [Ours("Table 3", f"{number}, {portfolio}", factor * value, meant.format(days=periods_per_year))
                      for portfolio, value in statistics.loc[statistic].items()]
    return found


def numbers_of_table4(accuracy: pd.DataFrame) -> list[Ours]:
    """Errors of the LSTM for each length of its window, as in Table 4; of several seeds the mean is taken."""
    found = []
    for window, row in accuracy[accuracy["model"] == "lstm"].groupby("window").mean(numeric_only=True).iterrows():
        for period, error in product(("validation", "test"), ("mse", "mae")):
            zero = row.get(f"zero_{error}_{period}", np.nan)
            quoted = "" if np.isnan(zero) else f" (forecasting zero: {zero:.4f})"
            name = f"{period} {error.upper()} of the {MODELS['lstm'].title}, window of {window} days"
            found.append(Ours("Table 4", name, row[f"{error}_{period}"], note=quoted))
    return found


def numbers_of_table5(weights: pd.DataFrame, summary: pd.DataFrame, *, periods_per_year: int) -> list[Ours]:
    """
    Both portfolios in sample, the Sharpe portfolio in percent and the LSTM portfolio in fractions, as in Table 5.

    `weights` and `summary` are those of `table5`.
    """
    found = _weights("Table 5", weights * [100 if portfolio == IN_PERCENT else 1 for portfolio in weights])
    for statistic, row in summary.iterrows():
        number = statistic.replace("_", " ")
        meant = STATISTICS[number][2] if statistic.startswith("annualized") else ""
        found += [Ours("Table 5", f"{number}, {portfolio}", (100 if meant and portfolio == IN_PERCENT else 1) * value,
                       meant.format(days=periods_per_year)) for portfolio, value in row.items()]
    return found


def relabelled(weights: pd.Series, tickers: Sequence[str]) -> pd.Series:
    """
    Weights under their own names, where a table puts alphabetically ordered weights beside names in a list's order.

    `weights` are by printed name, 0 for a coin that is not named; `tickers` are all coins in the order of the table.

    >>> relabelled(pd.Series({"SOL": 0.7, "BTC": 0.3}), ["SOL", "ADA", "BTC"]).to_dict()
    {'ADA': 0.7, 'BTC': 0.0, 'SOL': 0.3}
    """
    return pd.Series(weights.reindex(list(tickers), fill_value=0.0).to_numpy(), index=sorted(tickers))


def with_stand_ins(returns: pd.DataFrame) -> pd.DataFrame:
    """
    Returns in which USDC stands in for DAI, USDT and VUSDT, all three, if one of them is lacking or has gaps.

    One rule for the three keeps the spread between two dollars out: the relabelled Sharpe column compounds to 31.19
    percent with all three stood in for, and to 31.18 with USDT's own prices.
    """
    complete = returns.dropna(how="all").dropna(axis="columns")
    if STAND_IN not in complete or set(STOOD_IN) <= set(complete):
        return complete
    return complete.assign(**{coin: complete[STAND_IN] for coin in STOOD_IN})


def numbers_of_audit(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame) -> list[Ours]:
    """
    The checks of the audit that need prices: (1) which names give the printed statistics, (2) in which units they are,
    (5) over which period the volatility of the LSTM portfolio is, (8) how many days there are.

    Values are missing where the run lacks a coin that is held, except up to a tenth of the LSTM portfolio's exposure.
    """
    prices = with_stand_ins(returns)
    stood_in = [coin for coin in STOOD_IN if coin in prices and prices[coin].equals(prices[STAND_IN])]
    note = f", {STAND_IN} for {', '.join(stood_in)}" if stood_in else ""
    lstm = values(published, "Table 5", "weight", column="lstm_in_sample")
    labelled = values(published, "Table 3", "weight", column="maximum_sharpe") / 100
    moved, moved_lstm = relabelled(labelled, lstm.index), relabelled(lstm, lstm.index)
    compounded = partial(metrics.annual_return, periods_per_year=YEAR)
    printed = {"volatility": partial(metrics.annual_volatility, periods_per_year=YEAR), "return": compounded,
               "drawdown": metrics.max_drawdown}
    cases = [
        *((1, f"{name}, {order}", measure, weights, told) for order, weights, told in (
            ("relabelled", moved, note), ("as labelled", labelled, "")) for name, measure in printed.items()),
        (1, "volatility, relabelled, 365 days", lambda earned: 365**0.5 * earned.std(), moved, note),
        (1, "return, relabelled, 365 days", lambda earned: 365 * earned.mean(), moved, note),
        *((2, f"{name}, relabelled Sharpe column", measure, moved, told + note) for name, measure, told in (
            ("skewness", pd.DataFrame.skew, ""), ("kurtosis", pd.DataFrame.kurt, ""),
            ("sortino ratio", lambda daily: compounded(daily) / np.sqrt((daily.clip(upper=0) ** 2).mean() * YEAR), ""),
            *(("cvar", lambda earned, days=days: np.sqrt(days) * metrics.cvar(earned, confidence=0.95),
               f" {days}, percent") for days in (365, YEAR))))]
    found = [Ours(f"Audit {point}, Table 3", name, 100 * _measured(measure, weights, prices), note=told)
             for point, name, measure, weights, told in cases]
    for point, name, weights, days in ((1, "relabelled", moved_lstm, 1), (5, "a year", lstm, YEAR), (5, "a day", lstm, 1)):
        lacking = weights.index.difference(prices.columns)
        few = len(lacking) and weights[lacking].abs().sum() <= LEFT_OUT * weights.abs().sum()
        volatility = _measured(partial(metrics.annual_volatility, periods_per_year=days),
                               weights.drop(lacking) if few else weights, prices)
        found.append(Ours(f"Audit {point}, Table 5", f"LSTM volatility, {name}", volatility, note=note + (f", without {' and '.join(lacking)}" if few else "")))
    at_hand = len(returns) if lstm.index.isin(returns.columns).any() else np.nan
    return [*found, Ours("Audit 8, Data", "daily returns in this run", at_hand)]


def in_words(rows: pd.DataFrame) -> str:
    """The audit in a short Markdown list, one line per point, whose words and numbers come from its rows."""
    checks, lines = rows[rows["status"] != NO_DATA].assign(key=lambda known: known["claim"].str.partition(":")[0]), []
    for number, name in enumerate(POINTS, 1):
        part = checks[checks["place"].str.startswith(f"Audit {number},")]
        against = part[part["status"] == NOT_REPRODUCED]
        written = against[["published", "ours"]].map(lambda value: value if isinstance(value, str) else f"{value:.5g}")
        told = (against["key"] + ": expected " + written["published"] + ", found " + written["ours"]).tolist()
        shown = "; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else "")
        counted = f"{len(part) - len(told)} of {len(part)} checks agree."
        lines.append(f"- **({number}) {name}.** {counted if len(part) else 'Nothing that this run could compute.'}"
                     + _meaning(number, part.groupby("status")["key"].agg(set)) + (f" Not: {shown}." if told else ""))
    return "\n".join(lines)


def _weights(place: str, printed: pd.DataFrame) -> list[Ours]:
    """The weights of portfolios (columns), in the printed unit."""
    return [Ours(place, f"weight of {asset}, {portfolio}", weight)
            for portfolio, held in printed.items() for asset, weight in held.items()]


def _measured(measure: Callable[..., pd.Series], weights: pd.Series, prices: pd.DataFrame) -> float:
    """One measure of a portfolio that is rebalanced daily, missing if a coin that is held has no prices."""
    held = weights[weights != 0]
    if prices.empty or not held.index.isin(prices.columns).all():
        return np.nan
    return float(measure((prices[held.index] @ held).to_frame("portfolio"))["portfolio"])


def _meaning(number: int, checks: pd.Series) -> str:
    """What two of the points mean, if their checks say so; `checks` are the names of those that agree and do not."""
    right, wrong = (checks.get(status, set()) for status in (REPRODUCED, NOT_REPRODUCED))
    moved, named = ({f"{name}, {order}" for name in ("volatility", "return", "drawdown")}
                    for order in ("relabelled", "as labelled"))
    if number == 1 and moved <= right and named <= wrong:
        return " Relabelled, the Sharpe column has its printed statistics, as labelled none: the names are shuffled."
    if number == 5 and "LSTM volatility, a day" in right and "LSTM volatility, a year" in wrong:
        return " What is printed as a year's volatility is a day's."
    return ""
