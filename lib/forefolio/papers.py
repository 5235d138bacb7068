"""The printed numbers of the paper that a run reproduces, beside the run's own: every row of `tables/claims.csv`.

`published` is what `Stage.published` returns: nothing where the study names no paper, and then there is nothing to
compare. The rows themselves are made by `claims` and `audit`, `equity_claims` and `equity_audit`, a pair a paper.
"""

from collections.abc import Mapping

import pandas as pd

from forefolio import audit, claims, equity_audit, equity_claims

NEEDED = {  # results of the run, by paper
    claims.PAPER: ("mpt_weights", "mpt_statistics", "window_accuracy", "table5_weights", "table5", "returns"),
    equity_claims.PAPER: ("log_accuracy", "excess", "tests", "monthly_excess", "net_returns", "universe", "returns")}
HELD = 0.0005  # a weight that a table in percent with two digits shows


def side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims as a short table: what is printed, this run's value, and whether they agree; no weights of zero on both sides."""
    both = rows[["published", "ours"]].apply(pd.to_numeric, errors="coerce").abs()
    nothing = rows["claim"].str.startswith("weight of") & (both["published"] == 0) & ~(both["ours"] > 100 * HELD)
    return rows.loc[~nothing, ["claim", "published", "ours", "status"]].reset_index(drop=True)


def table3(published: Mapping[str, pd.DataFrame], weights: pd.DataFrame, statistics: pd.DataFrame) -> pd.DataFrame:
    """`claims.table3` side by side; without rows where no paper with such a table is named."""
    return side_by_side(claims.table3(published, weights, statistics) if "table3_mpt" in published
                        else claims.claims_table([]))


def table4(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """`claims.table4` side by side; without rows where no paper with such a table is named."""
    return side_by_side(claims.table4(published, accuracy) if "table4_windows" in published else claims.claims_table([]))


def table_forecasts(published: Mapping[str, pd.DataFrame], log_accuracy: pd.DataFrame) -> pd.DataFrame:
    """`equity_claims.table4` side by side; without rows where no paper with such a table is named."""
    return side_by_side(equity_claims.table4(published, log_accuracy) if "forecasts" in published
                        else claims.claims_table([]))


def table_portfolios(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame) -> pd.DataFrame:
    """`equity_claims.table5` side by side; without rows where no paper with such a table is named."""
    return side_by_side(equity_claims.table5(published, excess) if "portfolios" in published else claims.claims_table([]))


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
        return claims.claims_table([])
    lacking = [name for name in NEEDED[paper] if name not in results]
    if lacking:
        raise ValueError(f"The claims of {paper} need {', '.join(lacking)}, not among the results: give them by that name")
    made = {claims.PAPER: _crypto, equity_claims.PAPER: _equity}[paper]
    return made(published, **{name: results[name] for name in NEEDED[paper]})


def _crypto(published: Mapping[str, pd.DataFrame], *, mpt_weights: pd.DataFrame, mpt_statistics: pd.DataFrame,
            window_accuracy: pd.DataFrame, table5_weights: pd.DataFrame, table5: pd.DataFrame,
            returns: pd.DataFrame) -> pd.DataFrame:
    """All rows of Zouaoui & Naas (2025)."""
    weights, statistics = mpt_weights.set_index("asset"), mpt_statistics.set_index("statistic")
    facts = {("Data", "observations"): len(returns), ("Data", "coins"): returns.shape[1],
             ("Results", "coins used by the MPT portfolio"): int((weights["maximum_sharpe"] > HELD).sum())}
    return pd.concat([claims.table3(published, weights, statistics), claims.table4(published, window_accuracy),
                      claims.table5(published, table5_weights, table5), claims.stated(published, facts),
                      audit.audit(published, returns)], ignore_index=True)


def _equity(published: Mapping[str, pd.DataFrame], *, log_accuracy: pd.DataFrame, excess: pd.DataFrame,
            tests: pd.DataFrame, monthly_excess: pd.DataFrame, net_returns: pd.DataFrame, universe: pd.DataFrame,
            returns: pd.DataFrame) -> pd.DataFrame:
    """All rows of Nguyen (2025)."""
    told = equity_claims.sentences(published, accuracy=log_accuracy, excess=excess, tests=tests, universe=universe,
                                   monthly_excess=monthly_excess, net_returns=net_returns)
    audited = equity_audit.audit(published, returns=returns, net_returns=net_returns, excess=excess,
                                 log_accuracy=log_accuracy)
    return pd.concat([equity_claims.table4(published, log_accuracy), equity_claims.table5(published, excess), told, audited],
                     ignore_index=True)


def counts(rows: pd.DataFrame) -> pd.DataFrame:
    """
    How many claims agree, by where they stand and what they are compared with.

    Returns
    -------
    DataFrame
        Columns place, compared_with (this run, the paper itself, or a computation from its numbers), status, claims;
        weights of zero on both sides are left out, because they agree with anything.
    """
    if rows.empty:
        return pd.DataFrame(columns=["place", "compared_with", "status", "claims"])
    shown = rows.loc[rows["claim"].isin(side_by_side(rows)["claim"])]
    itself = shown["claim"].str.contains("; ours from")
    audited = shown["place"].str.startswith("Audit")
    against = itself.map({True: "the paper itself", False: "this run"}).mask(audited, "a computation")
    place = shown["place"].str.partition(",")[0].mask(audited, "Audit")
    return shown.assign(place=place, compared_with=against).groupby(
        ["place", "compared_with", "status"], sort=False).size().rename("claims").reset_index()


def in_words(rows: pd.DataFrame) -> str:
    """What the audit found, in Markdown; that there is nothing to compare where no paper is named."""
    if rows.empty:
        return "This study names no paper whose printed numbers are checked here (`paper`), so there is nothing to compare."
    written = {claims.PAPER: audit.audit_sentences, equity_claims.PAPER: equity_audit.audit_sentences}
    return written[rows["paper"].iloc[0]](rows)
