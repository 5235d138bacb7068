"""The numbers that Zouaoui & Naas (2025) print, each beside what this run finds: reproduced or not.

`published` is a dict of the paper's frames by the name of their table ("claims", "table3_mpt", "table4_windows",
"table5_summary", "table5_weights"). Ours is converted to the paper's unit, never the reverse, and the claim's text says
which unit that is. Assets are joined by name, never by position: the paper's own tables show what position does.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

PAPER = "zouaoui2025"
COLUMNS = ["paper", "place", "claim", "published", "ours", "tolerance", "status"]
REPRODUCED, NOT_REPRODUCED, NO_DATA = "reproduced", "not reproduced", "no such data"

RELATIVE_TOLERANCE = 0.05  # another vendor's prices move a volatility by less, another portfolio by more
PORTFOLIOS = {"cvar": "minimum_cvar", "sortino": "maximum_sortino", "variance": "minimum_variance",
              "sharpe": "maximum_sharpe"}  # the columns of Table 3, and ours
COUNTED = ("days", "coins", "rows", "stocks")  # units of the claims that are counts, which agree or do not
YEAR = "arithmetic mean x 365"
# Row of Table 3: our statistic, its factor, decimals printed, unit. The root of 365 in the CVaR is the one that fits.
STATISTICS = {
    "annualized_return": ("annual_return", 100, 2, f"percent a year; ours {YEAR}"),
    "annualized_volatility": ("annual_volatility", 100, 2, "percent a year; ours of 365 days"),
    "skewness": ("skewness", 100, 2, "x 100, daily returns"),
    "kurtosis": ("kurtosis", 100, 2, "x 100, excess, daily returns"),
    "max_drawdown": ("max_drawdown", 100, 2, "percent, compounded"),
    "observations": ("observations", 1, None, "days, a count"),
    "sharpe_ratio": ("sharpe", 1, 4, "a year; ours mean over volatility of 365 days"),
    "cvar": ("cvar_95", 100 * np.sqrt(365), 2, "percent, a day's at 95 % times the root of 365"),
    "sortino_ratio": ("sortino", 100, 2, f"x 100, a year; ours {YEAR}"),
    "variance": ("variance", 100, 2, "percent squared over 100; ours of 365 days"),
}
# Row of Table 5: decimals printed in its two columns, and how ours is meant.
SUMMARY = {"annualized_return": (2, 6, f"ours {YEAR}"), "annualized_volatility": (2, 6, "ours of 365 days"),
           "observations": (None, None, "days, a count"), "sharpe_ratio": (4, 4, "a year")}
TOTAL_MARKET_VALUE = (2182.5, 842.5)  # billion dollars at both ends of 2022, beside "fell by 614 percent" (Data)


def tolerance(published: float, *, decimals: int | None) -> float:
    """
    How far ours may be from a published number: 5 percent of it, at least half a unit of its last printed digit.

    Parameters
    ----------
    published : float
        The number as printed.
    decimals : int, optional
        Digits printed after the point; None for a count, which is met exactly or not.

    Examples
    --------
    >>> tolerance(40.0, decimals=2), tolerance(0.0, decimals=2), tolerance(1093, decimals=None)
    (2.0, 0.005, 0.0)
    """
    return 0.0 if decimals is None else max(RELATIVE_TOLERANCE * abs(published), 0.5 * 10.0**-decimals)


def row(paper: str, place: str, claim: str, published: float | str, ours: float | str | None,
        allowed: float | None = None) -> dict[str, Any]:
    """
    One row of the claims table, with its status.

    Parameters
    ----------
    paper, place, claim : str
        Whose claim it is, where it stands, and what it says, with unit and convention.
    published, ours : float or str
        In the same unit; ours missing where the run cannot say.
    allowed : float, optional
        Largest difference of two numbers that still counts as agreement; none for texts, which must be equal.

    Raises
    ------
    ValueError
        If a text is to be compared with a number, or two numbers without a tolerance.

    Examples
    --------
    >>> row("zouaoui2025", "Data", "observations, days", 1093, 1097, 0.0)["status"]
    'not reproduced'
    """
    text = isinstance(published, str)
    if ours is None or ours != ours:
        ours, status = np.nan, NO_DATA
    elif isinstance(ours, str) != text:
        raise ValueError(f"{claim}: published is {published!r} and ours {ours!r}; give both as text or both as numbers")
    elif text:
        status = REPRODUCED if ours == published else NOT_REPRODUCED
    elif allowed is None:
        raise ValueError(f"{claim}: two numbers are compared without a tolerance; give one, 0 for a count")
    else:  # a difference of exactly the tolerance agrees, whatever binary fractions make of it
        status = REPRODUCED if abs(ours - published) <= allowed * (1 + 1e-9) else NOT_REPRODUCED
    return dict(zip(COLUMNS, (paper, place, claim, published, ours, np.nan if text else allowed, status), strict=True))


def claims_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame; published and ours hold numbers and texts, tolerance is missing for texts."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"published": object, "ours": object, "tolerance": float})


def table3(published: Mapping[str, pd.DataFrame], weights: pd.DataFrame, statistics: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 3: weights and statistics of the four long-only portfolios.

    Parameters
    ----------
    published : dict of DataFrames
        Its frame `table3_mpt`.
    weights : DataFrame (n_assets, 4)
        Fractions; columns minimum_cvar, maximum_sortino, minimum_variance, maximum_sharpe.
    statistics : DataFrame (n_statistics, 4)
        As `metrics.portfolio_statistics` gives it for a year of 365 days; same columns.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; an asset or a statistic that the run lacks has no such data. Tolerance 5 percent, at least
        half a unit of the last printed digit; counts are exact.

    Notes
    -----
    Percent throughout, as the table turns out to be: weights, return, volatility and drawdown x 100, but skewness,
    kurtosis and Sortino ratio x 100 too, and the variance is the squared percent over 100, our variance x 100.
    """
    rows = []
    for label, line in published["table3_mpt"].set_index("row").iterrows():
        asset = line["unit"] == "percent weight"
        name, factor, decimals, unit = (label, 100, 2, "percent") if asset else STATISTICS[label]
        frame, title = (weights, f"weight of {label}") if asset else (statistics, label.replace("_", " "))
        rows += [row(PAPER, "Table 3", f"{title}, {ours}: {unit}", float(line[theirs]),
                     factor * number_at(frame, name, ours), tolerance(line[theirs], decimals=decimals))
                 for theirs, ours in PORTFOLIOS.items()]
    return claims_table(rows)


def table4(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 4: errors of the LSTM for each length of its window.

    Parameters
    ----------
    published : dict of DataFrames
        Its frame `table4_windows`.
    accuracy : DataFrame
        Columns model, window, mse_validation, mae_validation, mse_test, mae_test in simple daily returns; of several
        seeds the mean is taken. Where zero_mse_test and so on are there too, the claim quotes them.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; tolerance as in `table3`, for four decimals. A window that the run lacks has no such data.
    """
    ours = accuracy[accuracy["model"] == "lstm"].groupby("window").mean(numeric_only=True)
    rows = []
    for window, line in published["table4_windows"].set_index("window_days").iterrows():
        for column, number in line.items():
            period, error = column.split("_")
            zero = number_at(ours, window, f"zero_{error}_{period}")
            unit = "squared fraction a day" if error == "mse" else "fraction a day"
            quoted = "" if np.isnan(zero) else f" (forecasting zero: {zero:.4f})"
            claim = f"{period} {error.upper()} of the LSTM, window of {window} days: {unit}{quoted}"
            rows.append(row(PAPER, "Table 4", claim, float(number), number_at(ours, window, f"{error}_{period}"),
                            tolerance(number, decimals=4)))
    return claims_table(rows)


def table5(published: Mapping[str, pd.DataFrame], weights: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """
    Every number of Table 5: the Sharpe portfolio in percent beside the LSTM portfolio in fractions.

    Parameters
    ----------
    published : dict of DataFrames
        Its frames `table5_weights` and `table5_summary`.
    weights : DataFrame (n_assets, 2)
        Fractions; columns mpt_in_sample, lstm_in_sample.
    summary : DataFrame (4, 2)
        Fractions; index annualized_return, annualized_volatility, observations, sharpe_ratio, same columns.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; tolerance as in `table3`. An asset that the run lacks has no such data.
    """
    rows = []
    for asset, line in published["table5_weights"].set_index("asset").iterrows():
        for theirs, ours, factor, unit, decimals in (("sharpe_percent", "mpt_in_sample", 100, "percent", 2),
                                                     ("lstm_fraction", "lstm_in_sample", 1, "fraction", 4)):
            rows.append(row(PAPER, "Table 5", f"weight of {asset}, {ours}: {unit}", float(line[theirs]),
                            factor * number_at(weights, asset, ours), tolerance(line[theirs], decimals=decimals)))
    for label, line in published["table5_summary"].set_index("row").iterrows():
        *decimals, convention = SUMMARY[label]
        for theirs, ours, digits in zip(("sharpe", "lstm"), ("mpt_in_sample", "lstm_in_sample"), decimals, strict=True):
            in_percent = theirs == "sharpe" and label.startswith("annualized")
            unit = "percent a year; " if in_percent else "fraction a year; " if label.startswith("annualized") else ""
            claim = f"{label.replace('_', ' ')}, {ours}: {unit}{convention}"
            rows.append(row(PAPER, "Table 5", claim, float(line[theirs]),
                            (100 if in_percent else 1) * number_at(summary, label, ours),
                            tolerance(line[theirs], decimals=digits)))
    return claims_table(rows)


def stated(published: Mapping[str, pd.DataFrame], facts: Mapping[tuple[str, str], float | str | None], *,
           paper: str = PAPER) -> pd.DataFrame:
    """
    What a paper's text and code say: each row of its frame `claims`.

    Parameters
    ----------
    published : dict of DataFrames
        All of the paper's, because some sentences of this module's paper can be checked against its own tables.
    facts : dict
        What the run can say, by (place, claim), in the published unit.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. Ours is the run's; failing that, what the printed tables imply, and the claim says so;
        failing that too, there is no such data. Tolerance as in `table3`, and 0 for counts.

    Raises
    ------
    ValueError
        If `facts` names a claim that the paper does not make.
    """
    claims = published["claims"]
    strangers = [key for key in facts if key not in set(zip(claims["place"], claims["claim"]))]
    if strangers:
        raise ValueError(f"{strangers[0]} is no claim of {paper}: name place and claim as its claims file does")
    printed = _implied(published) if paper == PAPER else {}
    rows = []
    for place, claim, value, unit in claims[["place", "claim", "value", "unit"]].itertuples(index=False):
        ours, told = facts.get((place, claim)), f"{claim}: {unit}" if isinstance(unit, str) else claim
        if (ours is None or ours != ours) and (place, claim) in printed:
            ours, source = printed[place, claim]
            told += f"; ours from {source}"
        number = _number(value)
        if number is None:
            rows.append(row(paper, place, told, value, ours))
        else:
            decimals = None if unit in COUNTED else len(str(value).partition(".")[2])
            rows.append(row(paper, place, told, number, ours, tolerance(number, decimals=decimals)))
    return claims_table(rows)


def printed_split(n_rows: int) -> tuple[range, range, range]:
    """
    Row numbers of training, validation and test as the printed code slices them: [:0.8n], [0.8n:0.2n], [0.2n:].

    Examples
    --------
    >>> [len(rows) for rows in printed_split(1093)]
    [874, 0, 875]
    """
    early, late = int(0.2 * n_rows), int(0.8 * n_rows)
    return range(late), range(late, early), range(early, n_rows)


def _implied(published: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], tuple[float | str, str]]:
    """What the printed tables say about the sentences, and which table it was."""
    statistics, windows = published["table3_mpt"].set_index("row"), published["table4_windows"].set_index("window_days")
    summary, weights = published["table5_summary"].set_index("row"), published["table5_weights"]
    n_rows = int(statistics.at["observations", "sharpe"])
    values = {
        ("Data", "observations"): (n_rows, "Table 3 as printed"),
        ("Data", "coins"): (len(weights), "Table 5 as printed"),
        ("Table 4", "5-day window has the lowest test MSE (text)"):
            ("yes" if windows["test_mse"].idxmin() == 5 else "no", "Table 4 as printed"),
        ("Abstract", "MSE at 5 days"): (100 * windows.at[5, "test_mse"], "Table 4 as printed, x 100"),
        ("Results", "coins used by the MPT portfolio"):
            (int((weights["sharpe_percent"] > 0).sum()), "Table 5 as printed"),
        ("Data", "fall of the combined market value in 2022"):
            (100 * (1 - TOTAL_MARKET_VALUE[1] / TOTAL_MARKET_VALUE[0]), "the two totals printed beside it")}
    for name, rows in zip(("training", "validation", "test"), printed_split(n_rows), strict=True):
        values["Code", f"{name} rows"] = (len(rows), f"the printed slices of {n_rows} rows")
    for words, label in zip(("return", "risk", "Sharpe"), summary.index.drop("observations"), strict=True):
        source = "Table 5 as printed, x 100"
        values["Abstract", f"LSTM portfolio {words}"] = (100 * summary.at[label, "lstm"], source)
        values["Abstract", f"MPT portfolio {words}"] = (  # in percent there already, but for the ratio
            (100 * summary.at[label, "sharpe"], source) if words == "Sharpe" else
            (summary.at[label, "sharpe"], source.removesuffix(", x 100")))
    return values


def number_at(frame: pd.DataFrame, label: Any, column: str) -> float:
    """A number by its names, missing where the frame has no such row or column."""
    return float(frame.at[label, column]) if label in frame.index and column in frame else np.nan


def _number(value: float | str) -> float | None:
    """A published value as a number; None for words."""
    try:
        return float(value)
    except ValueError:
        return None
