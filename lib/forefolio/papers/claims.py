"""The printed numbers of a paper beside a run: every row of `tables/claims.csv`, and how many of them agree.

What a run finds for each printed number comes from `crypto` and `equity`, a module per paper, which are called from the
paper's own notebook; `printed` puts the two together.
"""

import pandas as pd

from forefolio.papers.crypto import HELD
from forefolio.papers.printed import NO_DATA, NOT_REPRODUCED, REPEATS, REPRODUCED, STATUSES


def side_by_side(rows: pd.DataFrame, place: str = "") -> pd.DataFrame:
    """Claims, or those of one place, as a short table with units, without texts and weights of zero in all readings."""
    numbers = ~rows["published"].map(lambda value: isinstance(value, str)) if place else True
    shown = rows[rows["place"].str.startswith(place) & ~_nothing(rows) & numbers].reset_index(drop=True)
    claim, unit = (shown["claim"].map(lambda claim, part=part: claim.partition(": ")[part]) for part in (0, 2))
    return shown.assign(claim=claim, unit=unit)[["claim", "unit", "reading", "published", "ours", "status"]]


def counts(rows: pd.DataFrame) -> pd.DataFrame:
    """
    How many printed numbers agree, by where they stand and what they are compared with; each number counts once.

    Returns
    -------
    DataFrame
        Columns place, compared_with (this run, the paper itself, or a computation from its numbers), numbers, readings,
        reproduced, not reproduced, no such data. Readings are the rows: several of a number whose convention the paper
        does not give. A number is reproduced if one of its readings is. Otherwise it has no such data if a reading has
        none, because that could be the right one, and is not reproduced if all readings differ. Left out are rows that
        repeat a number of another place, and weights that are zero on both sides in all readings, because they agree
        with anything. In the audit a number is a check.
    """
    shown = rows[~_nothing(rows) & ~rows["claim"].str.contains(REPEATS, regex=False)]
    best = [REPRODUCED, NO_DATA, NOT_REPRODUCED]
    audited, key = shown["place"].str.startswith("Audit"), ["place", "compared_with"]
    itself = shown["claim"].str.contains("; ours from", regex=False)
    compared_with = itself.map({True: "the paper itself", False: "this run"}).mask(audited, "a computation")
    told = shown.assign(number=_number(shown), standing=shown["place"], compared_with=compared_with,
                        place=shown["place"].str.extract("^([^,]*)", expand=False).mask(audited, "Audit"),
                        rank=shown["status"].map(best.index))
    numbers = told.groupby([*key, "standing", "number"], sort=False)["rank"].agg(["min", "size"])
    counted = {"numbers": numbers["min"].notna(), "readings": numbers["size"],
               **{status: numbers["min"] == best.index(status) for status in STATUSES}}
    return pd.DataFrame(counted).astype(int).groupby(level=key, sort=False).sum().reset_index()


def _number(rows: pd.DataFrame) -> pd.Series:
    """What a claim is about: its words before the unit, the source and the notes."""
    return rows["claim"].str.extract("^([^:;]*)", expand=False)


def _nothing(rows: pd.DataFrame) -> pd.Series:
    """Which claims are weights of zero on both sides, in all their readings."""
    both = rows[["published", "ours"]].apply(pd.to_numeric, errors="coerce").abs()
    zero = rows["claim"].str.startswith("weight of") & (both["published"] == 0) & ~(both["ours"] > 100 * HELD)
    return zero.groupby([rows["place"], _number(rows)]).transform("all").astype(bool)
