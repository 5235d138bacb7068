"""Zouaoui & Naas (2025) beside a run: Table 5 computed, what the run finds for each printed number, and the audit.

Table 5 in sample, as in the paper, judges a portfolio on the days that chose it; out of sample it is decided before
the days that judge it. The difference is what hindsight is worth. Where the paper leaves open how a number is meant
(the days of a year, which coin a weight belongs to), each reading is a row. The audit asks what the printed numbers
say about each other. In it a year has 252 days and returns are compounded, because that fits the printed numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.papers.printed import NO_DATA, NOT_REPRODUCED, REPRODUCED, Ours, compare, values
from forefolio.performance import gate, metrics
from forefolio.performance.backtest import backtest
from forefolio.portfolios import holdings
from forefolio.portfolios.holdings import held_assets
from forefolio.study.vocabulary import INEFFICIENT, MODELS, counted, line, listed

PAPER = "zouaoui2025"
COLUMNS = ("mpt_in_sample", "lstm_in_sample", "mpt_out_of_sample", "lstm_out_of_sample")
IN_PERCENT, IN_FRACTIONS = COLUMNS[:2]  # those of Table 5 that are printed
PERCENT = {"annualized return", "annualized volatility"}  # numbers in percent, but fractions in one column of Table 5
HELD = 0.0005  # a weight that a table in percent with two digits shows

POINTS = ["Coin names", "Units", "Optimality", "Exposure", "Volatility", "The text", "Split", "Days", "Code"]
YEAR = 252  # of the audit, and of one reading of each annual number
STAND_IN, STOOD_IN = "USDC-USD", ("DAI-USD", "USDT-USD", "VUSDT-USD")  # one stable coin for the three others
STABLE = (STAND_IN, *STOOD_IN)
LEFT_OUT = 0.1  # share of gross exposure in coins without prices that leaves a volatility worth computing
SHOWN = 3  # disagreements that a sentence names
ORDINALS = {"H1": "first", "H2": "second"}
BATCHES = {5: 14, 10: 13, 15: 12, 30: 10}  # of an evaluation, by window, in the last column of Table 4
BATCH = 16


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
    summary : DataFrame (7, 4)
        Index annualized_return (arithmetic mean times `periods_per_year`), annualized_volatility, sharpe_ratio,
        observations, gross_exposure (of the last column the largest of all rebalances), inefficient (share of decisions
        on which the closed form has the worst ratio of all, not the best), forecast_return (a year, arithmetic, that
        the weights were chosen for: w'mu with the means of the sample, w'r̂ with those of the forecasts; of the last
        column missing, because it has one per rebalance); same columns. Both without rows where the run has no such
        strategy.

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
    means = (returns.mean(), mean.reindex(assets), past.mean().reindex(assets))
    summary.loc["forecast_return"] = [(chosen[name] * mu).sum(min_count=1) * periods_per_year
                                      for name, mu in zip(COLUMNS, means)] + [np.nan]
    return chosen.rename_axis("asset"), summary.rename_axis("statistic")


def _restored(weights: pd.Series, bought: pd.Index) -> pd.Series:
    """Long-only weights of what can be bought, rescaled to one, or equal where they are nothing; zero of all else."""
    left = weights[bought] if weights[bought].sum() > 0 else pd.Series(1.0, bought)
    return (left / left.sum()).reindex(weights.index, fill_value=0.0)


def claims(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> pd.DataFrame:
    """
    Every printed number of the paper and every point of its audit beside this run, in each reading that it leaves open.

    Annual numbers are read in the paper's own convention (252 days, compounded, ratios of these, which its numbers fit)
    and by its formulas (arithmetic mean, days of the study). Weights of the Markowitz portfolios are read as labelled,
    and under the names that the audit proves (`relabelled`). A coin that the data lack has no such data.

    Parameters
    ----------
    results : dict
        What the run found, by name: mpt_weights and mpt_statistics (tables of stage 03, their first column the asset
        and the statistic), window_accuracy, rivals (of `gate.pairs`), table5_weights and table5 (as `table5` gives
        them), returns (of all days), periods_per_year.

    Notes
    -----
    The four dollar coins are nearly one asset, and an optimizer that has two of them gives these what it would give to
    all four. So where one of the four is lacking none of their weights is compared alone: all have no such data, and
    the audit compares what the coins at hand hold together with the printed sum.
    """
    returns, tickers = results["returns"], values(published, "Table 5", "weight", column=IN_FRACTIONS).index
    weights = results["mpt_weights"].set_index("asset")
    # Stage 03 describes all days, or the first of them.
    n_days = results["mpt_statistics"].set_index("statistic").loc["observations"].max()
    year, table5_weights = {"periods_per_year": results["periods_per_year"]}, results["table5_weights"]
    of_table5 = numbers_of_table5(table5_weights, results["table5"], returns, tickers, **year)
    at_hand = tickers.isin(returns.columns)
    return compare(PAPER, published, [
        *numbers_of_table3(weights, returns.head(int(n_days)), tickers, **year),
        *numbers_of_table4(results["window_accuracy"], published.get("choices")),
        *of_table5, *numbers_of_abstract(of_table5, results["window_accuracy"]),
        Ours("Data", "observations", len(returns)),
        Ours("Data", "coins", returns.shape[1] if at_hand.all() else None, note=f" ({at_hand.sum()} at hand)"),
        Ours("Results", "coins used by the MPT portfolio", *_used(weights["maximum_sharpe"])),
        *numbers_of_text(results["rivals"], table5_weights),
        *numbers_of_stable_coins(weights, table5_weights),
        *numbers_of_print(published), *numbers_of_audit(published, returns)])


def annual_statistics(earned: pd.DataFrame, *, periods_per_year: int) -> dict[str, pd.DataFrame]:
    """
    Statistics of daily returns in the units of Table 3, in each reading of a year; a column of `earned` per portfolio.

    Returns
    -------
    dict of DataFrames (n_statistics, n_portfolios)
        By reading: "252 days, compounded", which fits the printed numbers, and arithmetic means times
        `periods_per_year`, the formula of Table 2. Ratios are those of these returns, without a risk-free rate, as in
        print. Under "" is what no year changes. Table 3 turns out to print skewness, kurtosis and Sortino ratio x 100,
        the variance as squared percent over 100, and the CVaR of a day times the root of a year's days.
    """
    daily = {"skewness": 100 * earned.skew(), "kurtosis": 100 * earned.kurt(),
             "max drawdown": 100 * metrics.max_drawdown(earned), "observations": earned.count().astype(float)}
    return {f"{YEAR} days, compounded": _annual(earned, metrics.annual_return(earned, periods_per_year=YEAR), YEAR),
            f"{periods_per_year} days, arithmetic": _annual(earned, earned.mean() * periods_per_year, periods_per_year),
            "": pd.DataFrame(daily).T}


def _annual(earned: pd.DataFrame, gain: pd.Series, days: int) -> pd.DataFrame:
    """Statistics of a year of so many days, its return given, in the units of Table 3."""
    volatility = metrics.annual_volatility(earned, periods_per_year=days)
    downside = ((earned.clip(upper=0) ** 2).mean() * days) ** 0.5
    tail = metrics.cvar(earned, confidence=0.95) * days**0.5
    return pd.DataFrame({"annualized return": 100 * gain, "annualized volatility": 100 * volatility,
                         "sharpe ratio": gain / volatility, "cvar": 100 * tail, "sortino ratio": 100 * gain / downside,
                         "variance": 100 * volatility**2}).T


def numbers_of_table3(weights: pd.DataFrame, returns: pd.DataFrame, tickers: Sequence[str], *,
                      periods_per_year: int) -> list[Ours]:
    """
    Weights and statistics of the four long-only portfolios, in the units of Table 3 and in each reading.

    `returns` are of the days that chose the weights, `tickers` all coins in the order of the table.
    """
    earned = returns[weights.index] @ weights
    return _weights("Table 3", 100 * weights, tickers) + [
        Ours("Table 3", f"{number}, {portfolio}", value, reading)
        for reading, table in annual_statistics(earned, periods_per_year=periods_per_year).items()
        for number, row in table.iterrows() for portfolio, value in row.items()]


def numbers_of_table4(accuracy: pd.DataFrame, choices: pd.DataFrame | None = None) -> list[Ours]:
    """
    Errors of the LSTM for each length of its window, as in Table 4; of several seeds the mean is taken.

    `choices` has the errors of other choices that the paper leaves open, one row per choice and window: columns
    network_preset, leak, network_target, window, mse_validation, ... The printed split leaves no rows for validation:
    its errors there are missing and no reading.
    """
    by_window, found = _by_window(accuracy), []
    for window, row in by_window.iterrows():
        for period, error in product(("validation", "test"), ("mse", "mae")):
            zero = row.get(f"zero_{error}_{period}", np.nan)
            quoted = "" if np.isnan(zero) else f" (forecasting zero: {zero:.4f})"
            found.append(Ours("Table 4", _error(period, error, window), row[f"{error}_{period}"],
                              "" if choices is None else "this run", quoted))
    for row in [] if choices is None else choices.to_dict("records"):
        reading = f"network {row['network_preset']}, target {row['network_target']}, leak {row['leak']}"
        found += [Ours("Table 4", _error(period, error, row["window"]), row[f"{error}_{period}"], reading)
                  for period, error in product(("validation", "test"), ("mse", "mae"))
                  if not np.isnan(row[f"{error}_{period}"])]
    best = by_window["mse_test"].idxmin() if len(by_window) > 1 else None
    return [*found, Ours("Table 4", "5-day window has the lowest test MSE (text)",
                         None if best is None else _yes(best == 5), note=f": lowest at {best} days" if best else "")]


def numbers_of_table5(weights: pd.DataFrame, summary: pd.DataFrame, returns: pd.DataFrame, tickers: Sequence[str], *,
                      periods_per_year: int) -> list[Ours]:
    """
    Both portfolios in sample, the Sharpe portfolio in percent and the LSTM portfolio in fractions, as in Table 5.

    `weights` and `summary` are those of `table5`, `tickers` all coins in the order of the table. The LSTM portfolio has
    one more reading, which the audit suggests for the printed one: the mean forecast, w'r̂ of a day, and a day's
    volatility.
    """
    if weights.empty:
        return []
    held = weights[[IN_PERCENT, IN_FRACTIONS]]
    found = _weights("Table 5", 100 * held[[IN_PERCENT]], tickers)
    found += _weights("Table 5", held[[IN_FRACTIONS]], tickers, labels="as labelled")
    earned = returns[weights.index] @ held
    readings = annual_statistics(earned, periods_per_year=periods_per_year)
    hoped = summary.at["forecast_return", IN_FRACTIONS] / periods_per_year
    volatility = earned[IN_FRACTIONS].std()
    readings["forecast of a day, w'r̂"] = pd.DataFrame({IN_FRACTIONS: {
        "annualized return": 100 * hoped, "annualized volatility": 100 * volatility,
        "sharpe ratio": hoped / volatility}})
    return found + [
        Ours("Table 5", f"{number}, {portfolio}", value / _percent(number, portfolio), reading)
        for reading, table in readings.items() for number, row in table.iterrows() for portfolio, value in row.items()]


def numbers_of_abstract(of_table5: Sequence[Ours], accuracy: pd.DataFrame) -> list[Ours]:
    """What the abstract quotes from Tables 4 and 5, in the readings of these tables."""
    words = {"annualized return": "return", "annualized volatility": "risk", "sharpe ratio": "Sharpe"}
    quoted = {f"{number}, {column}": (f"{name} portfolio {word}", _percent(number, column))
              for name, column in (("LSTM", IN_FRACTIONS), ("MPT", IN_PERCENT)) for number, word in words.items()}
    found = [Ours("Abstract", name, factor * ours.value, ours.reading)
             for ours in of_table5 if ours.name in quoted for name, factor in [quoted[ours.name]]]
    errors = _by_window(accuracy).reindex([5]).iloc[0]
    return [*found, Ours("Abstract", "MSE at 5 days", 100 * errors.get("mse_test", np.nan), "the MSE, in percent"),
            Ours("Abstract", "MSE at 5 days", errors.get("mae_test", np.nan), "the MAE, a fraction")]


def numbers_of_text(tested: pd.DataFrame, weights: pd.DataFrame) -> list[Ours]:
    """
    The accepted hypothesis, by `gate.hypotheses` of the LSTM and the historical mean, and who diversifies better.

    The introduction gives Markowitz the second hypothesis, the abstract gives it to deep learning: two readings. To
    diversify has two as well: more effective holdings (`holdings.effective_holdings`, whatever is owed for them), or no
    more gross exposure.
    """
    table = gate.hypotheses(tested)
    verdict = table.loc[(table["model"] == "lstm") & (table["rival"] == gate.RIVAL), "verdict"]
    turned = {"H1": "H2", "H2": "H1"}
    found = [Ours("Results", "accepted hypothesis", ORDINALS.get(name, name), reading) for shown in verdict
             for name, reading in (
                 (shown, "as the introduction numbers them: MPT is more accurate"),
                 (turned.get(shown, shown), "as the abstract numbers them: the LSTM is more accurate"))]
    if weights.empty or weights[[IN_PERCENT, IN_FRACTIONS]].isna().any(axis=None):
        return found
    mpt, lstm = weights[IN_PERCENT], weights[IN_FRACTIONS]
    number = "deep learning diversifies better"
    for reading, measure, better in (("more effective holdings", holdings.effective_holdings, float.__gt__),
                                     ("no more gross exposure", holdings.gross_exposure, float.__le__)):
        theirs, own = float(measure(lstm)), float(measure(mpt))
        found.append(Ours("Results", number, _yes(better(round(theirs, 6), round(own, 6))), reading,
                          f": LSTM {theirs:.4g}, MPT {own:.4g}"))
    return found


def numbers_of_stable_coins(weights: pd.DataFrame, table5_weights: pd.DataFrame) -> list[Ours]:
    """What the dollar coins at hand weigh together in each portfolio, in the printed unit; `claims` says why."""
    together = [("Audit 1, Table 3", portfolio, 100 * held) for portfolio, held in weights.items()]
    if len(table5_weights):
        together.append(("Audit 4, Table 5", "LSTM", table5_weights[IN_FRACTIONS]))
    return [Ours(place, f"stable coins together, {portfolio}", held[held.index.isin(STABLE)].sum(min_count=1))
            for place, portfolio, held in together]


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


def numbers_of_print(published: Mapping[str, pd.DataFrame]) -> list[Ours]:
    """
    What the printed numbers say of statements in the text: (1) the coins held, relabelled, (4) whether the LSTM column
    has more effective holdings, (6) whether its return is the highest, (7) the batches of Table 4, with the printed
    slice of the rows and with a fifth of them, for labels as long as the input.
    """
    lstm = values(published, "Table 5", "weight", column=IN_FRACTIONS)
    printed = {name: relabelled(values(published, "Table 3", "weight", column=name), lstm.index)
               for name in ("minimum_variance", "minimum_cvar", "maximum_sharpe")}
    coins = {name: ", ".join(own.index[own > 1]) for name, own in printed.items()}
    effective = [holdings.effective_holdings(held) for held in (lstm, printed["maximum_sharpe"] / 100)]
    gain = {column: values(published, "Table 5", "annualized return", column=column).iloc[0] for column in COLUMNS[:2]}
    rows = int(values(published, "Data", "observations").iloc[0])
    found = [
        Ours("Audit 1, Table 3", "coins of minimum_variance", coins["minimum_variance"]),
        Ours("Audit 1, Table 3", "coins of minimum_cvar", coins["minimum_cvar"]),
        Ours("Audit 1, Results", "coins of the Sharpe portfolio", coins["maximum_sharpe"]),
        Ours("Audit 4, Table 5", "LSTM column has more effective holdings", _yes(effective[0] > effective[1]),
             note=" ({:.3g} against {:.3g})".format(*effective)),
        Ours("Audit 6, Results", "LSTM return is the highest", _yes(100 * gain[IN_FRACTIONS] > gain[IN_PERCENT]))]
    for name, judged in (("the printed slice", rows - int(0.2 * rows)), ("a fifth", int(0.2 * rows))):
        needed = [-(-(judged - 2 * window + 1) // BATCH) for window in BATCHES]
        found.append(Ours("Audit 7, Table 4", f"batches with {name} of the rows", ", ".join(map(str, needed))))
    return found


def numbers_of_audit(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame) -> list[Ours]:
    """
    The checks of the audit that need prices: (1) which names give the printed statistics, (2) in which units they are,
    (3) how near the printed Sharpe weights come to the highest ratio in sample, (5) over which period the volatility
    and the return of the LSTM portfolio are, (8) how many days there are.

    Values are missing where the run lacks a coin that is held, except up to a tenth of the LSTM portfolio's exposure.
    """
    prices = with_stand_ins(returns)
    stood_in = [coin for coin in STOOD_IN if coin in prices and prices[coin].equals(prices[STAND_IN])]
    note = f", {STAND_IN} for {', '.join(stood_in)}" if stood_in else ""
    lstm = values(published, "Table 5", "weight", column=IN_FRACTIONS)
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
    found += _shares_of_highest_sharpe({"relabelled": moved, "as labelled": labelled}, prices, note)
    for point, name, days, weights in (
            (1, "volatility, relabelled", 1, moved_lstm), (5, "volatility, a year", YEAR, lstm),
            (5, "volatility, a day", 1, lstm), (5, "return, a year", YEAR, lstm), (5, "return, a day", 1, lstm)):
        lacking = weights.index.difference(prices.columns)
        few = len(lacking) and weights[lacking].abs().sum() <= LEFT_OUT * weights.abs().sum()
        measure = ((lambda earned, days=days: days * earned.mean()) if name.startswith("return") else
                   partial(metrics.annual_volatility, periods_per_year=days))
        found.append(Ours(f"Audit {point}, Table 5", f"LSTM {name}",
                          _measured(measure, weights.drop(lacking) if few else weights, prices),
                          note=note + (f", without {' and '.join(lacking)}" if few else "")))
    at_hand = len(returns) if lstm.index.isin(returns.columns).any() else np.nan
    return [*found, Ours("Audit 8, Data", "daily returns in this run", at_hand)]


def _shares_of_highest_sharpe(named: dict[str, pd.Series], prices: pd.DataFrame, note: str) -> list[Ours]:
    """In-sample Sharpe ratios of printed weights under these names, as shares of the highest long-only one there is."""
    from forefolio.portfolios.long_only import maximum_sharpe  # solvers, for which stage 04 should not pay

    ratio, found = partial(metrics.sharpe, periods_per_year=YEAR, risk_free_rate=0.0), []
    for order, weights in named.items():
        reached, share, told = _measured(ratio, weights, prices), np.nan, ""
        if not np.isnan(reached):
            best = maximum_sharpe(prices.mean(), prices.cov(), risk_free=0.0).weights
            highest = _measured(ratio, best, prices)
            share, told = reached / highest, f" ({reached:.4f} of {highest:.4f}){note if order == 'relabelled' else ''}"
        found.append(Ours("Audit 3, Table 3", f"share of the highest Sharpe ratio, {order}", share, note=told))
    return found


def in_words(rows: pd.DataFrame) -> str:
    """The audit in a short Markdown list, one line per point, whose words and numbers come from its rows."""
    checks = rows[rows["place"].str.startswith("Audit")].assign(key=lambda known: known["claim"].str.partition(":")[0])
    lines = []
    for number, name in enumerate(POINTS, 1):
        part = checks[checks["place"].str.startswith(f"Audit {number},")]
        known = part[part["status"] != NO_DATA]
        # Of several readings the one that agrees.
        best = known.sort_values("status", key=lambda status: status != REPRODUCED, kind="stable")
        told = WORDS.get(number, _counted)(best.drop_duplicates("key").sort_index().set_index("key"))
        last = f"Not computed: {part['claim'].iloc[0].partition(': ')[2]}." if len(part) and known.empty else ""
        lines.append(f"- **({number}) {name}.** {told or last or 'Nothing that this run could compute.'}")
    return "\n".join(lines)


def _counted(found: pd.DataFrame) -> str:
    """How many checks agree, and what the first of the others say."""
    if found.empty:
        return ""
    against = found[found["status"] == NOT_REPRODUCED]
    written = against[["published", "ours"]].map(lambda value: value if isinstance(value, str) else f"{value:.5g}")
    told = (against.index + ": printed or expected " + written["published"] + ", found " + written["ours"]).tolist()
    more = f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return (f"{len(found) - len(told)} of {len(found)} checks agree."
            + (f" The others: {'; '.join(told[:SHOWN])}{more}." if told else ""))


def _names(found: pd.DataFrame) -> str:
    """(1) Under which names the printed weights have the printed statistics."""
    measures, told = ("volatility", "return", "drawdown"), []
    under = {order: [f"{name}, {order}" for name in measures] for order in ("as labelled", "relabelled")}
    if set(under["as labelled"] + under["relabelled"]) <= set(found.index):
        named, moved = (found.loc[keys] for keys in under.values())
        numbers = [", ".join(f"{value:.2f}" for value in column)
                   for column in (moved["published"], named["ours"], moved["ours"])]
        told.append("The Sharpe column prints a volatility, a return and a drawdown of {} percent. On this run's "
                    "prices, its weights give {} under the printed names, and {} relabelled.".format(*numbers))
        if (moved["status"] == REPRODUCED).all() and (named["status"] == NOT_REPRODUCED).all():
            told.append("So the names are shuffled.")
    for name in ("minimum_variance", "minimum_cvar"):
        if f"coins of {name}" in found.index:
            told.append(f"Relabelled, `{name}` holds {found.at[f'coins of {name}', 'ours']}.")
    together = found[found.index.str.startswith("stable coins together")]
    if len(together):
        shares = [f"{row.ours:.1f} percent of `{row.Index.rpartition(' ')[2]}` ({row.published:.1f} in print)"
                  for row in together.itertuples()]
        told.append(f"In this run, the dollar coins together have {listed(shares)}.")
    return " ".join(told)


def _optimality(found: pd.DataFrame) -> str:
    """(3) Whether the printed portfolios are the best at their own objectives."""
    shares = found[found.index.str.startswith("share of")]
    printed = found.drop(shares.index)
    best = (printed["status"] == REPRODUCED).sum()
    told = [f"By the printed numbers {best} of {counted(len(printed), 'portfolio')} "
            f"{'is' if best == 1 else 'are'} the best of the four by the measure in the name."] if len(printed) else []
    for row in shares.itertuples():
        order, ratios = row.Index.rpartition(", ")[2], row.claim.partition("(")[2].partition(")")[0]
        told.append(f"{order.capitalize()}, the printed Sharpe weights reach {100 * row.ours:.1f} percent of the "
                    f"highest Sharpe ratio in sample ({ratios})"
                    + (", so that column is optimal." if row.status == REPRODUCED else "."))
    return " ".join(told)


def _exposure(found: pd.DataFrame) -> str:
    """(4) The gross exposure of the LSTM weights."""
    if not {"sum of the LSTM weights", "gross exposure of the LSTM weights"} <= set(found.index):
        return ""
    total, gross = (found.at[f"{name} of the LSTM weights", "ours"] for name in ("sum", "gross exposure"))
    long, short = (gross + total) / 2, (gross - total) / 2
    told = [f"The LSTM weights sum to {total:.4f} and have a gross exposure of {gross:.1f}: {long:.1f} long and "
            f"{short:.1f} short."]
    for row in found.filter(like="LSTM column has more effective holdings", axis=0).itertuples():
        told.append("Counted by absolute weights, they have {} effective holdings than the Sharpe column ({}).".format(
            "more" if row.ours == "yes" else "no more", row.claim.rpartition("(")[2].rstrip(")")))
    return " ".join(told)


def _periods(found: pd.DataFrame) -> str:
    """(5) Of which period the volatility and the return of the LSTM portfolio are."""
    told, of_a_day = [], False
    for name in ("volatility", "return"):
        keys = [f"LSTM {name}, a {period}" for period in ("day", "year")]
        if set(keys) <= set(found.index):
            (day, year), printed = found.loc[keys, "ours"], found.at[keys[0], "published"]
            told.append(f"On this run's prices, the printed weights had a {name} of {100 * day:.3f} percent per day and "
                        f"{100 * year:.1f} percent per year. The paper prints {100 * printed:.4f} percent per year.")
            fits = found.loc[keys, "status"] == REPRODUCED
            if name == "volatility" and fits.tolist() == [True, False]:
                of_a_day = True
                told.append("So the printed volatility is that of a day.")
            if name == "return" and not fits.any():
                told.append("The printed return is not what they earned.")
                told += ["The printed ratio divides it by the volatility of a day, so it is probably a day's number too: "
                         "the mean forecast, w'r̂, which replaces the mean return in the formula of the weights."] * of_a_day
    if {"LSTM Sharpe ratio", "LSTM Sharpe ratio, a year"} <= set(found.index):
        ratio, year = (found.at[f"LSTM Sharpe ratio{end}", "ours"] for end in ("", ", a year"))
        told.append(f"The printed return over the printed volatility is {ratio:.4f}. If that is the ratio of a day, it is "
                    f"{year:.1f} per year.")
    return " ".join(told)


WORDS = {1: _names, 3: _optimality, 4: _exposure, 5: _periods}  # points that a count of checks would not explain


def _weights(place: str, held: pd.DataFrame, tickers: Sequence[str], labels: str = "") -> list[Ours]:
    """
    The weights of portfolios (columns), in the printed unit, beside each printed name: as labelled, and what the coin
    weighs whose weight stands there if a table puts alphabetically ordered weights beside `tickers`.
    """
    lacking = not set(STABLE) <= set(held.index)
    held = held.reindex(list(tickers))
    if lacking:
        held.loc[held.index.isin(STABLE)] = np.nan
    return [Ours(place, f"weight of {name}, {portfolio}", weights[own], reading)
            for portfolio, weights in held.items() for name, moved in zip(tickers, sorted(tickers), strict=True)
            for own, reading in ((name, "as labelled"), (moved, f"relabelled, {moved}")) if reading.startswith(labels)]


def _used(weights: pd.Series) -> tuple[int | None, str, str]:
    """How many coins a portfolio holds, its reading and a note; nobody can say where a dollar coin is lacking."""
    held = weights.index[weights > HELD]
    beside = len(held.difference(STABLE))
    return (len(held) if set(STABLE) <= set(weights.index) else None), "", f" ({beside} beside the dollar coins)"


def _by_window(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Errors of the LSTM by window, means over seeds."""
    return accuracy[accuracy["model"] == "lstm"].groupby("window").mean(numeric_only=True)


def _error(period: str, error: str, window: int) -> str:
    """How Table 4 names an error."""
    return f"{period} {error.upper()} of the {MODELS['lstm'].title}, window of {window} days"


def _percent(number: str, portfolio: str) -> int:
    """What a number of Table 5 in percent is divided by there: the LSTM column is in fractions."""
    return 100 if portfolio == IN_FRACTIONS and number in PERCENT else 1


def _yes(said: bool) -> str:
    """A finding as the papers' statements have it."""
    return "yes" if said else "no"


def _measured(measure: Callable[..., pd.Series], weights: pd.Series, prices: pd.DataFrame) -> float:
    """One measure of a portfolio that is rebalanced daily, missing if a coin that is held has no prices."""
    held = weights[weights != 0]
    if prices.empty or not held.index.isin(prices.columns).all():
        return np.nan
    return float(measure((prices[held.index] @ held).to_frame("portfolio"))["portfolio"])
