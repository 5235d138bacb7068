"""The printed numbers of the paper that a run reproduces, beside the run's own: every row of `tables/claims.csv`.

`published` is what `Stage.published` returns: nothing where the study names no paper, and then there is nothing to
compare. The rows themselves are made by `claims` and `audit`, `equity_claims` and `equity_audit`, a pair a paper.
"""

from collections.abc import Mapping

import pandas as pd

from forefolio.papers import crypto_audit, equity, equity_audit, rows as rows_module
from forefolio.papers.rows import NOT_REPRODUCED, NO_DATA, PAPER, REPRODUCED, claims_table, number_at, stated

NEEDED = {  # results of the run, by paper
    PAPER: ("mpt_weights", "mpt_statistics", "window_accuracy", "table5_weights", "table5", "returns"),
    equity.PAPER: ("log_accuracy", "excess", "tests", "monthly_excess", "net_returns", "universe", "returns")}
HELD = 0.0005  # a weight that a table in percent with two digits shows
SHOWN = ["claim", "unit", "published", "ours", "status"]
FORECASTS = ["number", "printed", "ours", "zero forecast", "status"]
STATUSES = [REPRODUCED, NOT_REPRODUCED, NO_DATA]


def side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """
    Claims as a short table: what is printed, this run's value, and whether they agree; no weights of zero on both sides.

    Returns
    -------
    DataFrame
        Columns claim, unit (and convention), published, ours, status.
    """
    shown = rows[~_nothing(rows)].reset_index(drop=True)
    said, unit = (shown["claim"].map(lambda claim, part=part: claim.partition(": ")[part]) for part in (0, 2))
    return shown.assign(claim=said, unit=unit)[SHOWN]


def table3(published: Mapping[str, pd.DataFrame], weights: pd.DataFrame, statistics: pd.DataFrame) -> pd.DataFrame:
    """`claims.table3` side by side; without rows where no paper with such a table is named."""
    return side_by_side(rows_module.table3(published, weights, statistics) if "table3_mpt" in published
                        else claims_table([]))


def table4(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """`claims.table4` side by side; without rows where no paper with such a table is named."""
    return side_by_side(rows_module.table4(published, accuracy) if "table4_windows" in published else claims_table([]))


def table_forecasts(published: Mapping[str, pd.DataFrame], log_accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    `equity_claims.table4` as a short table; without rows where no paper with such a table is named.

    Returns
    -------
    DataFrame
        Columns number, printed, ours, zero forecast (of this run), status; errors in log returns a day, written with four
        significant digits, empty where the run has none.
    """
    if "forecasts" not in published:
        return pd.DataFrame(columns=FORECASTS)
    rows = equity.table4(published, log_accuracy)
    words = rows["claim"].str.extract(r"^(\w+) of the (\S+),")
    by_model = log_accuracy.set_index("model")
    zero = [_digits(number_at(by_model, "zero", f"{error.lower()}_mean")) for error in words[0]]
    return pd.DataFrame({"number": words[1] + " " + words[0], "printed": rows["published"].map(_digits),
                         "ours": rows["ours"].map(_digits), "zero forecast": zero, "status": rows["status"]})


def table_portfolios(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame,
                     monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    Table 5 beside every reading of it, one row a strategy; without rows where no paper with such a table is named.

    Returns
    -------
    DataFrame
        Columns strategy; the total return in percent as printed, as the sum of monthly excess without and with the
        first month, and as the strategy's own, compounded; the information ratio as printed, and of as many months;
        the turnover in percent as printed, one-way and two-way. Names carry this run's number of months.
    """
    n_months = len(monthly_excess) or equity_audit.TEST_MONTHS
    few, all_months = n_months - 1, n_months
    columns = {f"sum of {few}": "summed_but_first", f"sum of {all_months}": "summed", "compounded": "compounded",
               f"IR {few}": "ratio_but_first", f"IR {all_months}": "ratio", "one-way": "one_way", "two-way": "two_way"}
    order = ["strategy", "total, printed", *list(columns)[:3], "IR, printed", *list(columns)[3:5], "turnover, printed",
             *list(columns)[5:]]
    if "portfolios" not in published:
        return pd.DataFrame(columns=order)
    printed = published["portfolios"].set_index("strategy")
    ours = equity.readings(excess, monthly_excess).reindex(printed.index)
    table = pd.DataFrame({name: ours[column] for name, column in columns.items()}).assign(**{
        f"{name}, printed": printed[column] for name, column in (
            ("total", "total_return_percent"), ("IR", "information_ratio"), ("turnover", "turnover_percent"))})
    digits = {name: 3 if name.startswith("IR") else 2 for name in table}
    return table.round(digits).rename(index=equity.title_of).reset_index()[order]


def all_claims(paper: str, published: Mapping[str, pd.DataFrame], results: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Every printed number of the run's paper and every point of its audit.

    Parameters
    ----------
    paper : str
        Parameter `paper`.
    published : dict of DataFrames
        As `Stage.published` returns it.
    results : dict of DataFrames
        What the run found, by name; each paper takes what it needs. Zouaoui & Naas: mpt_weights and mpt_statistics
        (tables of stage 03, their first column the asset and the statistic), window_accuracy, table5_weights and
        table5 (as `comparison.table5` gives them), returns (simple daily returns of all days). Nguyen: log_accuracy
        (errors in log returns: model, mae_mean, mae_std, ...), excess (`excess.excess_table`), tests
        (`evidence.monthly_tests`), monthly_excess (month on the index), net_returns, universe, returns.

    Returns
    -------
    DataFrame
        Columns paper, place, claim, published, ours, tolerance, status; without rows where no paper is named.

    Raises
    ------
    ValueError
        If results that the paper needs are not there.
    """
    if paper not in NEEDED:
        return claims_table([])
    lacking = [name for name in NEEDED[paper] if name not in results]
    if lacking:
        raise ValueError(f"The claims of {paper} need {', '.join(lacking)}, not among the results: give them by that name")
    made = {PAPER: _crypto, equity.PAPER: _equity}[paper]
    return made(published, **{name: results[name] for name in NEEDED[paper]})


def _crypto(published: Mapping[str, pd.DataFrame], *, mpt_weights: pd.DataFrame, mpt_statistics: pd.DataFrame,
            window_accuracy: pd.DataFrame, table5_weights: pd.DataFrame, table5: pd.DataFrame,
            returns: pd.DataFrame) -> pd.DataFrame:
    """All rows of Zouaoui & Naas (2025)."""
    weights, statistics = mpt_weights.set_index("asset"), mpt_statistics.set_index("statistic")
    facts = {("Data", "observations"): len(returns), ("Data", "coins"): returns.shape[1],
             ("Results", "coins used by the MPT portfolio"): int((weights["maximum_sharpe"] > HELD).sum())}
    return pd.concat([rows_module.table3(published, weights, statistics), rows_module.table4(published, window_accuracy),
                      rows_module.table5(published, table5_weights, table5), stated(published, facts),
                      crypto_audit.audit(published, returns)], ignore_index=True)


def _equity(published: Mapping[str, pd.DataFrame], *, log_accuracy: pd.DataFrame, excess: pd.DataFrame,
            tests: pd.DataFrame, monthly_excess: pd.DataFrame, net_returns: pd.DataFrame, universe: pd.DataFrame,
            returns: pd.DataFrame) -> pd.DataFrame:
    """All rows of Nguyen (2025)."""
    told = equity.sentences(published, accuracy=log_accuracy, excess=excess, tests=tests, universe=universe,
                                   monthly_excess=monthly_excess, net_returns=net_returns)
    audited = equity_audit.audit(published, returns=returns, net_returns=net_returns, log_accuracy=log_accuracy)
    return pd.concat([equity.table4(published, log_accuracy),
                      equity.table5(published, excess, monthly_excess), told, audited], ignore_index=True)


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
    told = shown.assign(number=equity.printed_number(shown["claim"]), standing=shown["place"],
                        compared_with=itself.map({True: "the paper itself", False: "this run"}).mask(audited, "a computation"),
                        place=shown["place"].str.partition(",")[0].mask(audited, "Audit"),
                        rank=shown["status"].map(STATUSES.index))
    numbers = told.groupby([*key, "standing", "number"], sort=False)["rank"].agg(["min", "size"])
    counted = {"numbers": numbers["min"].notna(), "readings": numbers["size"],
               **{status: numbers["min"] == rank for rank, status in enumerate(STATUSES)}}
    return pd.DataFrame(counted, index=numbers.index).astype(int).groupby(level=key, sort=False).sum().reset_index()


def in_words(rows: pd.DataFrame) -> str:
    """What the audit found, in Markdown; that there is nothing to compare where no paper is named."""
    if rows.empty:
        return "This study names no paper whose printed numbers are checked here (`paper`), so there is nothing to compare."
    written = {PAPER: crypto_audit.audit_sentences, equity.PAPER: equity_audit.audit_sentences}
    return written[rows["paper"].iloc[0]](rows)


def _nothing(rows: pd.DataFrame) -> pd.Series:
    """Which claims are weights of zero on both sides."""
    both = rows[["published", "ours"]].apply(pd.to_numeric, errors="coerce").abs()
    return rows["claim"].str.startswith("weight of") & (both["published"] == 0) & ~(both["ours"] > 100 * HELD)


def _digits(number: float) -> str:
    """Four significant digits, which pandas would cut at its sixth decimal."""
    return "" if pd.isna(number) else f"{number:.4g}"
