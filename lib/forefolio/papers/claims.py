"""The printed numbers of a paper beside a run: every row of `tables/claims.csv`, and how many of them agree.

What a run finds for each printed number comes from `crypto` and `equity`, a module per paper, which are called from the
paper's own notebook; `printed` puts the two together.
"""

import pandas as pd

from forefolio.papers.crypto import HELD
from forefolio.papers.printed import STATUSES


def side_by_side(rows: pd.DataFrame, place: str = "") -> pd.DataFrame:
    """Claims, or those of one place, as a short table: the unit in a column, no texts, no weights of zero on both sides."""
    numbers = ~rows["published"].map(lambda value: isinstance(value, str)) if place else True
    shown = rows[rows["place"].str.startswith(place) & ~_nothing(rows) & numbers].reset_index(drop=True)
    claim, unit = (shown["claim"].map(lambda claim, part=part: claim.partition(": ")[part]) for part in (0, 2))
    return shown.assign(claim=claim, unit=unit)[["claim", "unit", "reading", "published", "ours", "status"]]


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
    shown = rows[~_nothing(rows)]
    audited, key = shown["place"].str.startswith("Audit"), ["place", "compared_with"]
    itself = shown["claim"].str.contains("; ours from", regex=False)
    compared_with = itself.map({True: "the paper itself", False: "this run"}).mask(audited, "a computation")
    told = shown.assign(number=shown["claim"].str.partition(":")[0].str.partition(";")[0], standing=shown["place"],
                        compared_with=compared_with,
                        place=shown["place"].str.partition(",")[0].mask(audited, "Audit"),
                        rank=shown["status"].map(STATUSES.index))
    numbers = told.groupby([*key, "standing", "number"], sort=False)["rank"].agg(["min", "size"])
    counted = {"numbers": numbers["min"].notna(), "readings": numbers["size"],
               **{status: numbers["min"] == rank for rank, status in enumerate(STATUSES)}}
    return pd.DataFrame(counted).astype(int).groupby(level=key, sort=False).sum().reset_index()


def _nothing(rows: pd.DataFrame) -> pd.Series:
    """Which claims are weights of zero on both sides."""
    both = rows[["published", "ours"]].apply(pd.to_numeric, errors="coerce").abs()
    return rows["claim"].str.startswith("weight of") & (both["published"] == 0) & ~(both["ours"] > 100 * HELD)
