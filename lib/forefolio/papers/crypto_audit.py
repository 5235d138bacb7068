"""What the printed numbers of Zouaoui & Naas (2025) say about each other: nine points, each a computation.

Most points need the paper's own tables alone, the rest the coins' prices, and none a run's models. Here a year has 252
days and returns are compounded, because that is what fits the printed numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forefolio.papers.rows import (NO_DATA, NOT_REPRODUCED, PAPER, PORTFOLIOS, RELATIVE_TOLERANCE, REPRODUCED,
                                   TOTAL_MARKET_VALUE, claims_table, printed_split, row, tolerance)
from forefolio.performance import metrics

POINTS = {1: "Coin names", 2: "Units", 3: "Optimality", 4: "Exposure", 5: "Volatility", 6: "The text", 7: "Split",
          8: "Days", 9: "Code"}
YEAR = 252
STAND_IN, STOOD_IN = "USDC-USD", ("DAI-USD", "USDT-USD", "VUSDT-USD")  # one stable coin for the three others
STABLE = {STAND_IN, *STOOD_IN}
MINOR = 0.01  # of a portfolio; below it a coin does not characterize it
LEFT_OUT = 0.1  # share of gross exposure in coins without prices that leaves a volatility worth computing
SAME_UNIT = 0.2  # relative tolerance where the question is the unit, which other prices cannot change

FIRST, LAST = "2021-08-15", "2024-08-16"  # what the text says and no table does, as the next two
NAMED = ("LINK-USD", "XLM-USD", "AVAX-USD", "LEO-USD", "SOL-USD", "STETH-USD")  # after "seven (7) were used, namely"
BATCHES, BATCH_SIZE = {5: 14, 10: 13, 15: 12, 30: 10}, 16  # of an evaluation, by window (Table 4, last column)
SHOWN = 3  # disagreements that a sentence names


def relabelled(weights: pd.Series, tickers: Sequence[str]) -> pd.Series:
    """
    Weights under their own names, where a table puts alphabetically ordered weights beside names in a list's order.

    Parameters
    ----------
    weights, tickers : Series, sequence of str
        By printed name, a coin that is not named having none; every coin, in the order of the table.

    Returns
    -------
    Series (n_tickers,)
        Index alphabetical.

    Raises
    ------
    ValueError
        If a name is not among the tickers, or twice.

    Examples
    --------
    >>> relabelled(pd.Series({"SOL": 0.7, "BTC": 0.3}), ["SOL", "ADA", "BTC"]).to_dict()
    {'ADA': 0.7, 'BTC': 0.0, 'SOL': 0.3}
    """
    names = list(weights.index)
    unclear = [name for name in names if names.count(name) != 1 or list(tickers).count(name) != 1]
    if unclear:
        raise ValueError(f"{unclear[0]} is not there exactly once: give each coin one weight and one place in the list")
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


def audit(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame) -> pd.DataFrame:
    """
    The nine points of the audit, each in one row or more.

    Parameters
    ----------
    published : dict of DataFrames
        The paper's frames by the name of their table.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns of the run's coins, all days.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; place opens with "Audit 1" to "Audit 9". Published: printed, said or implied.
        No such data where the run lacks a coin that is held, except up to a tenth of the LSTM portfolio's exposure.
    """
    prices = with_stand_ins(returns)
    stood_in = [coin for coin in STOOD_IN if coin in prices and prices[coin].equals(prices[STAND_IN])]
    note = f", {STAND_IN} for {', '.join(stood_in)}" if stood_in else ""
    return claims_table([
        *_names(published, prices, note), *_units(published, prices, note), *_optimality(published),
        *_exposure(published, prices, note), *_text(published), *_split(published), *_days(published, returns),
        _point(9, "Table 3", "the cited repository made the tables: read, not run; it has PyTorch code for four other "
               "tickers and learns weights end to end", "yes", None)])


def _point(number: int, place: str, claim: str, published: Any, ours: Any, allowed: float | None = None) -> dict:
    return row(PAPER, f"Audit {number}, {place}", claim, published, ours, allowed)


def _column(published: Mapping[str, pd.DataFrame], name: str) -> pd.Series:
    """Weights of a column of Table 3 by printed name, fractions."""
    table = published["table3_mpt"].set_index("row")
    return table.loc[table["unit"] == "percent weight", name].astype(float) / 100


def _measured(measure: Callable[..., pd.Series], weights: pd.Series, prices: pd.DataFrame, **options: Any) -> float:
    """One measure of a portfolio that is rebalanced daily, missing if a coin that is held has no prices."""
    held = weights[weights != 0]
    if prices.empty or not held.index.isin(prices.columns).all():
        return np.nan
    return float(measure((prices[held.index] @ held).to_frame("portfolio"), **options)["portfolio"])


def _names(published: Mapping[str, pd.DataFrame], prices: pd.DataFrame, note: str) -> list[dict]:
    """(1) Which names give the printed statistics?"""
    tickers = published["table5_weights"]["asset"].tolist()
    printed = published["table3_mpt"].set_index("row")["sharpe"]
    labelled = _column(published, "sharpe")
    shuffled = relabelled(labelled, tickers)
    measures = [("volatility", "annualized_volatility", metrics.annual_volatility, {"periods_per_year": YEAR}),
                ("return", "annualized_return", metrics.annual_return, {"periods_per_year": YEAR}),
                ("drawdown", "max_drawdown", metrics.max_drawdown, {})]
    how = f"Sharpe column, percent, compounded, {YEAR} days a year"
    cases = [(f"{name}, {order}: {how}{by}", line, measure, weights, options)
             for order, weights, by in (("relabelled", shuffled, note), ("as labelled", labelled, ""))
             for name, line, measure, options in measures]
    other = f"relabelled, 365 days: Sharpe column, percent, arithmetic{note}"
    cases += [(f"volatility, {other}", "annualized_volatility", lambda earned: 365**0.5 * earned.std(), shuffled, {}),
              (f"return, {other}", "annualized_return", lambda earned: 365 * earned.mean(), shuffled, {})]
    rows = [_point(1, "Table 3", claim, printed[line], 100 * _measured(measure, weights, prices, **options),
                   tolerance(printed[line], decimals=2)) for claim, line, measure, weights, options in cases]
    for name in ("variance", "cvar"):
        weights = _column(published, name)
        theirs, ours = (sorted(held.index[held > MINOR]) for held in (weights, relabelled(weights, tickers)))
        means = f"above {MINOR:.0%}; ours relabelled, {'all' if STABLE.issuperset(ours) else 'not all'} stable"
        rows.append(_point(1, "Table 3", f"coins of {PORTFOLIOS[name]}: {means}", ", ".join(theirs), ", ".join(ours)))
    rows.append(_point(1, "Results", "coins of the Sharpe portfolio: as the text names them; ours relabelled",
                       ", ".join(sorted(NAMED)), ", ".join(shuffled.index[shuffled > 0])))
    return [*rows, _lstm_volatility(1, "LSTM volatility, relabelled", published, prices, note, tickers=tickers)]


def _units(published: Mapping[str, pd.DataFrame], prices: pd.DataFrame, note: str) -> list[dict]:
    """(2) In which units is Table 3 printed?"""
    table = published["table3_mpt"].set_index("row")
    rows = []
    for name, title in PORTFOLIOS.items():
        column = table[name]
        gain, deviation = column["annualized_return"], column["annualized_volatility"]
        rounded = gain / deviation * (0.005 / gain + 0.005 / deviation) + 0.00005  # half a last digit each
        rows += [_point(2, "Table 3", f"variance, {title}: volatility squared over 100, percent", column["variance"],
                        deviation**2 / 100, 0.005),
                 _point(2, "Table 3", f"Sharpe ratio, {title}: return over volatility, within their rounding",
                        column["sharpe_ratio"], gain / deviation, rounded)]
    weights = relabelled(_column(published, "sharpe"), published["table5_weights"]["asset"].tolist())
    cases = [("skewness", "x 100", pd.DataFrame.skew, SAME_UNIT),
             ("kurtosis", "excess, x 100", pd.DataFrame.kurt, SAME_UNIT),
             ("sortino_ratio", f"compounded return over downside deviation, {YEAR} days, x 100", lambda earned:
              metrics.annual_return(earned, periods_per_year=YEAR) / np.sqrt((earned.clip(upper=0) ** 2).mean() * YEAR),
              SAME_UNIT)]
    cases += [("cvar", f"a day's times the root of {days}, percent", lambda earned, days=days:
               np.sqrt(days) * metrics.cvar(earned, confidence=0.95), RELATIVE_TOLERANCE) for days in (365, YEAR)]
    return rows + [_point(2, "Table 3", f"{label.replace('_', ' ')}, relabelled Sharpe column: {means}{note}",
                          table.at[label, "sharpe"], 100 * _measured(measure, weights, prices),
                          allowed * table.at[label, "sharpe"]) for label, means, measure, allowed in cases]


def _optimality(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(3) Is each column of Table 3 the best of the four at its own objective?"""
    table = published["table3_mpt"].set_index("row")[list(PORTFOLIOS)]
    cases = [("sharpe", "sharpe_ratio", "max"), ("variance", "annualized_volatility", "min"), ("cvar", "cvar", "min"),
             ("sortino", "sortino_ratio", "max")]
    return [_point(3, "Table 3", f"{line} of {PORTFOLIOS[name]}: ours the {best}imum of the four printed",
                   table.at[line, name], table.loc[line].agg(best), 0.0) for name, line, best in cases]


def _exposure(published: Mapping[str, pd.DataFrame], prices: pd.DataFrame, note: str) -> list[dict]:
    """(4) How much does the LSTM portfolio hold, and (5) over which period is its volatility?"""
    weights = published["table5_weights"]["lstm_fraction"]
    summary = published["table5_summary"].set_index("row")["lstm"]
    gain, deviation, ratio = summary[["annualized_return", "annualized_volatility", "sharpe_ratio"]]
    return [_point(4, "Table 5", "sum of the LSTM weights: fully invested is 1", 1.0, weights.sum(), 0.00005),
            _point(4, "Fig. 4", "gross exposure of the LSTM weights: long-only, 1", 1.0, sum(abs(weights)), 0.05),
            _lstm_volatility(5, "LSTM volatility, a year", published, prices, note, days=YEAR),
            _lstm_volatility(5, "LSTM volatility, a day", published, prices, note),
            _point(5, "Table 5", "LSTM Sharpe ratio: return over volatility", ratio, gain / deviation, 0.0002),
            _point(5, "Table 5", f"LSTM Sharpe ratio, a year: if both are a day's, times the root of {YEAR}", ratio,
                   gain / deviation * np.sqrt(YEAR), tolerance(ratio, decimals=4))]


def _lstm_volatility(number: int, name: str, published: Mapping[str, pd.DataFrame], prices: pd.DataFrame, note: str, *,
                     days: int = 1, tickers: Sequence[str] | None = None) -> dict:
    """Volatility of the LSTM weights against the printed one, without the few coins that have no prices."""
    weights = published["table5_weights"].set_index("asset")["lstm_fraction"]
    printed = published["table5_summary"].set_index("row").at["annualized_volatility", "lstm"]
    weights = weights if tickers is None else relabelled(weights, tickers)
    lacking = weights.index.difference(prices.columns)
    held = weights.drop(lacking) if weights[lacking].abs().sum() <= LEFT_OUT * weights.abs().sum() else weights
    without = f", without {' and '.join(lacking)}" if len(held) < len(weights) else ""
    return _point(number, "Table 5", f"{name}: printed as annualized, fraction{note}{without}", printed,
                  _measured(metrics.annual_volatility, held, prices, periods_per_year=days), SAME_UNIT * printed)


def _text(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(6) Does the text agree with the tables?"""
    summary = published["table5_summary"].set_index("row")
    windows = published["table4_windows"].set_index("window_days")
    said = published["claims"].set_index("claim")["value"]
    mse, fall, used = (float(said[claim]) for claim in ("MSE at 5 days", "fall of the combined market value in 2022",
                                                        "coins used by the MPT portfolio"))
    higher = 100 * summary.at["annualized_return", "lstm"] > summary.at["annualized_return", "sharpe"]
    cases = [("Results", "LSTM return is the highest: both in percent", "yes", "yes" if higher else "no", None)]
    for column, name in (("lstm", "LSTM"), ("sharpe", "MPT")):
        quoted = float(said[f"{name} portfolio Sharpe"])
        cases.append(("Abstract", f"{name} Sharpe ratio, quoted in percent: the ratio of Table 5 x 100", quoted,
                      100 * summary.at["sharpe_ratio", column], tolerance(quoted, decimals=4)))
    cases += [("Abstract", "MSE at 5 days: percent, of Table 4", mse, 100 * windows.at[5, "test_mse"], 0.00005),
              ("Abstract", "MSE at 5 days is the MAE: fraction, of Table 4", mse, windows.at[5, "test_mae"], 0.00005),
              ("Results", "window of the lowest test MSE: days, of Table 4", 5, int(windows["test_mse"].idxmin()), 0),
              ("Data", "fall of the market in 2022: percent, from the two totals beside it", fall,
               100 * (1 - TOTAL_MARKET_VALUE[1] / TOTAL_MARKET_VALUE[0]), tolerance(fall, decimals=0)),
              ("Results", "coins that the text names: of so many used", used, len(NAMED), 0)]
    return [_point(6, *case) for case in cases]


def _split(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(7) Which rows do the printed slices give, and which would the batches of Table 4 need?"""
    said = published["claims"].set_index("claim")["value"]
    n_rows = int(float(said["observations"]))
    training, validation, test = printed_split(n_rows)
    rows = [_point(7, "Code", f"{name} rows: the printed slices of {n_rows}", float(said[f"{name} rows"]), len(part), 0)
            for name, part in (("training", training), ("validation", validation), ("test", test))]
    shared = len(set(training) & set(test))
    rows.append(_point(7, "Code", "test rows seen in training: none in a split of 80/20", 0, shared, 0))
    for name, n_judged in (("the printed slice", len(test)), ("a fifth", int(0.2 * n_rows))):
        batches = [-(-(n_judged - 2 * window + 1) // BATCH_SIZE) for window in BATCHES]  # labels as long as the input
        theirs, ours = (", ".join(map(str, counts)) for counts in (BATCHES.values(), batches))
        claim = f"batches with {name} of the rows: by window, {n_judged} rows, {BATCH_SIZE} a batch"
        rows.append(_point(7, "Table 4", claim, theirs, ours))
    return rows


def _days(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame) -> list[dict]:
    """(8) How many daily returns do the dates give?"""
    observations = float(published["claims"].set_index("claim")["value"]["observations"])
    at_hand = len(returns) if published["table5_weights"]["asset"].isin(returns.columns).any() else np.nan
    return [_point(8, "Data", f"daily returns by the dates: {FIRST} to {LAST}", observations,
                   (pd.Timestamp(LAST) - pd.Timestamp(FIRST)).days, 0),
            _point(8, "Data", "daily returns in this run: of the prices that it has", observations, at_hand, 0)]


def _reading(number: int, checks: pd.Series) -> str:
    """What two of the points mean, if their checks say so; `checks` are the names of those that agree and do not."""
    right, wrong = (checks.get(status, set()) for status in (REPRODUCED, NOT_REPRODUCED))
    moved, named = ({f"{name}, {order}" for name in ("volatility", "return", "drawdown")}
                    for order in ("relabelled", "as labelled"))
    if number == 1 and moved <= right and named <= wrong:
        return " Relabelled, the Sharpe column has its printed statistics, as labelled none: the names are shuffled."
    if number == 5 and "LSTM volatility, a day" in right and "LSTM volatility, a year" in wrong:
        return " What is printed as a year's volatility is a day's."
    return ""


def audit_sentences(rows: pd.DataFrame) -> str:
    """
    An audit in a short Markdown list, one line a point, whose words and numbers come from its rows.

    Parameters
    ----------
    rows : DataFrame
        As `audit` gives it, alone or within a claims table.
    """
    checks, lines = rows.assign(key=rows["claim"].str.partition(":")[0]).query("status != @NO_DATA"), []
    for number, name in POINTS.items():
        part = checks[checks["place"].str.startswith(f"Audit {number},")]
        against = part[part["status"] == NOT_REPRODUCED]
        told = [f"{key}: expected {_written(theirs)}, found {_written(ours)}"
                for key, theirs, ours in against[["key", "published", "ours"]].itertuples(index=False)]
        shown = "; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else "")
        counted = f"{len(part) - len(told)} of {len(part)} checks agree."
        lines.append(f"- **({number}) {name}.** {counted if len(part) else 'Nothing that this run could compute.'}"
                     + _reading(number, part.groupby("status")["key"].agg(set)) + (f" Not: {shown}." if told else ""))
    return "\n".join(lines)


def _written(value: float | str) -> str:
    """Numbers short, also those of a table read from a file, which are texts."""
    try:
        return f"{float(value):.5g}"
    except ValueError:
        return value
