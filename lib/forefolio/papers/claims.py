"""The printed numbers of the paper that a run reproduces, beside the run's own: every row of `tables/claims.csv`.

`published` is what `Stage.published` returns: nothing where the study names no paper, and then there is nothing to
compare. What the run finds for each printed number comes from `crypto` and `equity`, a module per paper; `printed` puts
the two together.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forefolio.papers import crypto, equity
from forefolio.papers.printed import STATUSES, Ours, compare

NO_PAPER = "This study names no paper whose printed numbers are checked here (`paper`), so there is nothing to compare."


def side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims as a short table, the unit (and convention) in a column; no weights of zero on both sides."""
    shown = rows[~_nothing(rows)].reset_index(drop=True)
    claim, unit = (shown["claim"].map(lambda claim, part=part: claim.partition(": ")[part]) for part in (0, 2))
    return shown.assign(claim=claim, unit=unit)[["claim", "unit", "published", "ours", "status"]]


def table3(paper: str, published: Mapping[str, pd.DataFrame], weights: pd.DataFrame, statistics: pd.DataFrame, *,
           periods_per_year: int) -> pd.DataFrame:
    """Table 3 of Zouaoui & Naas beside this run; without rows where another paper or none is named."""
    ours = crypto.numbers_of_table3(weights, statistics, periods_per_year=periods_per_year)
    return _numbers(crypto.PAPER, "Table 3", paper, published, ours)


def table_windows(paper: str, published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """Table 4 of Zouaoui & Naas beside this run; without rows where another paper or none is named."""
    return _numbers(crypto.PAPER, "Table 4", paper, published, crypto.numbers_of_table4(accuracy))


def table_forecasts(paper: str, published: Mapping[str, pd.DataFrame], log_accuracy: pd.DataFrame) -> pd.DataFrame:
    """Table 4 of Nguyen beside this run; without rows where another paper or none is named."""
    return _numbers(equity.PAPER, "Table 4", paper, published, equity.numbers_of_table4(log_accuracy))


def table_portfolios(paper: str, published: Mapping[str, pd.DataFrame], excess: pd.DataFrame,
                     monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """Table 5 of Nguyen as `equity.side_by_side` has it; empty where another paper or none is named."""
    if paper != equity.PAPER:
        return pd.DataFrame()
    return equity.side_by_side(published, equity.by_name(excess), equity.by_name(monthly_excess))


def all_claims(paper: str, published: Mapping[str, pd.DataFrame],
               results: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """
    Every printed number of the run's paper and every point of its audit.

    Parameters
    ----------
    results : dict
        What the run found, by name; each paper takes what it needs. Zouaoui & Naas: mpt_weights and mpt_statistics
        (tables of stage 03, their first column the asset and the statistic), window_accuracy, table5_weights and
        table5 (as `crypto.table5` gives them), returns (of all days), periods_per_year. Nguyen: log_accuracy, excess,
        tests, monthly_excess, net_returns, universe, returns.

    Returns
    -------
    rows : DataFrame
        The claims; none where no paper is named.
    words : str
        What the audit found, in Markdown; that there is nothing to compare where no paper is named.
    """
    papers = {crypto.PAPER: _crypto, equity.PAPER: _equity}
    return papers[paper](published, results) if paper in papers else (compare(paper, {}, []), NO_PAPER)


def counts(rows: pd.DataFrame) -> pd.DataFrame:
    """
    How many printed numbers agree, by where they stand and what they are compared with.

    Returns
    -------
    DataFrame
        Columns place, compared_with (this run, the paper itself, or a computation from its numbers), numbers, readings,
        reproduced, not reproduced, no such data. Readings are the rows: several of a number whose convention the paper
        does not give. A number is reproduced if one of its readings is, and without data if all of them are. Weights of
        zero on both sides are left out, because they agree with anything.
    """
    if rows.empty:
        return pd.DataFrame(columns=["place", "compared_with", "numbers", "readings", *STATUSES])
    shown = rows[~_nothing(rows)]
    audited, key = shown["place"].str.startswith("Audit"), ["place", "compared_with"]
    itself = shown["claim"].str.contains("; ours from", regex=False)
    compared_with = itself.map({True: "the paper itself", False: "this run"}).mask(audited, "a computation")
    told = shown.assign(number=shown["claim"].str.partition(equity.READ_AS)[0], standing=shown["place"],
                        compared_with=compared_with,
                        place=shown["place"].str.partition(",")[0].mask(audited, "Audit"),
                        rank=shown["status"].map(STATUSES.index))
    numbers = told.groupby([*key, "standing", "number"], sort=False)["rank"].agg(["min", "size"])
    counted = {"numbers": numbers["min"].notna(), "readings": numbers["size"],
               **{status: numbers["min"] == rank for rank, status in enumerate(STATUSES)}}
    return pd.DataFrame(counted).astype(int).groupby(level=key, sort=False).sum().reset_index()


def _crypto(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """Claims and audit of Zouaoui & Naas (2025)."""
    weights, returns = results["mpt_weights"].set_index("asset"), results["returns"]
    year = {"periods_per_year": results["periods_per_year"]}
    rows = compare(crypto.PAPER, published, [
        *crypto.numbers_of_table3(weights, results["mpt_statistics"].set_index("statistic"), **year),
        *crypto.numbers_of_table4(results["window_accuracy"]),
        *crypto.numbers_of_table5(results["table5_weights"], results["table5"], **year),
        Ours("Data", "observations", len(returns)), Ours("Data", "coins", returns.shape[1]),
        Ours("Results", "coins used by the MPT portfolio", int((weights["maximum_sharpe"] > crypto.HELD).sum())),
        *crypto.numbers_of_audit(published, returns)])
    return rows, crypto.in_words(rows)


def _equity(published: Mapping[str, pd.DataFrame], results: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """Claims and audit of Nguyen (2025)."""
    accuracy = results["log_accuracy"]
    named = {name: equity.by_name(results[name]) for name in ("excess", "tests", "monthly_excess", "net_returns")}
    years = equity.two_years(published, results["returns"], results["net_returns"], accuracy)
    rows = compare(equity.PAPER, published, [
        *equity.numbers_of_table4(accuracy), *equity.numbers_of_table5(named["excess"], named["monthly_excess"]),
        *equity.numbers_of_text(accuracy=accuracy, universe=results["universe"], **named),
        *equity.numbers_of_audit(years)])
    return rows, equity.in_words(published, years, rows)


def _numbers(printed_in: str, place: str, paper: str, published: Mapping[str, pd.DataFrame],
             ours: list[Ours]) -> pd.DataFrame:
    """The printed numbers of a table beside ours, without its statements; no rows where the run's paper is another."""
    rows = compare(paper, published if paper == printed_in else {}, ours)
    return side_by_side(rows[(rows["place"] == place) & ~rows["published"].map(lambda value: isinstance(value, str))])


def _nothing(rows: pd.DataFrame) -> pd.Series:
    """Which claims are weights of zero on both sides."""
    both = rows[["published", "ours"]].apply(pd.to_numeric, errors="coerce").abs()
    return rows["claim"].str.startswith("weight of") & (both["published"] == 0) & ~(both["ours"] > 100 * crypto.HELD)
