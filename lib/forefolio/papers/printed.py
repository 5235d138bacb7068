"""What a paper prints, in one long table, and the one comparison of it with what a run finds.

A paper has two files. `params/published/<paper>_numbers.csv` has one row per printed number or statement: where it
stands (`place`), what it is (`number`, `of`, `column`), its `value` as printed, its `unit`, the `decimals` that count,
and, if it repeats a number that has its row already, the place of that row (`repeats`). `<paper>_audit.csv` says what
these numbers mean for each other, with the `tolerance` of each check. What no run can change may stand in the files as
our side (`ours`, and its `source`); tests recompute it from the printed numbers. A run gives its values by place and
name, in the printed unit, so nothing is joined by position.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

COLUMNS = ["paper", "place", "claim", "published", "ours", "tolerance", "status", "reading"]
REPRODUCED, NOT_REPRODUCED, NO_DATA = STATUSES = ["reproduced", "not reproduced", "no such data"]
RELATIVE_TOLERANCE = 0.05  # another vendor's prices move a volatility by less, another portfolio by more
LINE = ["place", "number", "of", "column", "value", "decimals", "tolerance", "unit", "ours", "source", "repeats"]
REPEATS = "; repeats "  # ends the claim of a number that has its row in another place, which follows


class Ours(NamedTuple):
    """What a run finds for a printed number; several of one number are readings that its paper leaves open."""

    place: str
    name: str  # number, of and column in words: "weight of XLM-USD, maximum_sharpe"
    value: float | str | None  # in the printed unit; missing where the run cannot say
    reading: str = ""  # how the number is read, if the paper leaves that open, and on which choices of ours it depends
    note: str = ""  # ends the claim


def values(published: Mapping[str, pd.DataFrame], place: str, number: str, *, column: str | None = None) -> pd.Series:
    """Printed numbers of one kind, in the printed unit, by what they are of; of any column where none is given."""
    and_column = "" if column is None else " and column == @column"
    lines = published["numbers"].query(f"place == @place and number == @number{and_column}")
    return lines.set_index("of")["value"].astype(float)


def tolerance(published: float, *, decimals: float | None) -> float:
    """
    How far ours may be from a published number: 5 percent of it, and at least half a unit of its last digit.

    `decimals` is the number of digits after the point that count, None for a count, which must be met exactly.

    >>> tolerance(40.0, decimals=2), tolerance(0.0, decimals=2), tolerance(1093, decimals=None)
    (2.0, 0.005, 0.0)
    """
    return 0.0 if decimals is None else max(RELATIVE_TOLERANCE * abs(published), 0.5 * 10.0**-decimals)


def status(claim: str, published: float | str, ours: float | str | None, allowed: float | None = None) -> str:
    """
    Whether ours, in the unit of the published, agrees with it.

    Texts must be equal, and two numbers differ by at most `allowed`; if the claim has "at most", published may be
    smaller. There is no such data where ours is missing. A text beside a number raises ValueError.

    >>> status("observations, days", 1093, 1097, 0.0)
    'not reproduced'
    """
    if pd.isna(ours):
        return NO_DATA
    if isinstance(ours, str) != isinstance(published, str):
        raise ValueError(f"{claim}: published is {published!r} and ours {ours!r}; give both as text or both as numbers")
    if isinstance(ours, str):
        return REPRODUCED if ours == published else NOT_REPRODUCED
    apart = published - ours if " at most " in claim else abs(ours - published)
    # A difference of exactly the tolerance agrees, whatever binary fractions make of it.
    return REPRODUCED if apart <= allowed * (1 + 1e-9) else NOT_REPRODUCED


def compare(paper: str, published: Mapping[str, pd.DataFrame], ours: Iterable[Ours]) -> pd.DataFrame:
    """
    Every printed number of a paper, and every check of its audit, beside what the run finds.

    What the run finds may come in any order, and values of numbers that the paper does not print are left out. The
    claims have the order of the files, one row per reading. What the run does not give has no such data, unless the
    file has it; and there are no claims of a paper that publishes nothing. The tolerance of a text is missing, and the
    reading is empty where there is but one.
    """
    lines = pd.concat([published.get(name, pd.DataFrame()).reindex(columns=LINE).astype(object)
                       for name in ("numbers", "audit")])
    lines = lines.where(lines.notna(), None)
    names = [line.number + (f" of {line.of}" if line.of else "") + (f", {line.column}" if line.column else "")
             for line in lines.itertuples()]
    found = pd.DataFrame(list(ours), columns=Ours._fields, dtype=object).rename(columns={"value": "found"})
    rows = []
    lines = lines.assign(name=np.array(names, dtype=object)).merge(found, on=["place", "name"], how="left")
    for line in lines.itertuples():
        theirs, allowed = _value(line.value), line.tolerance
        if allowed is None and not isinstance(theirs, str):
            theirs, allowed = float(theirs), tolerance(theirs, decimals=line.decimals)
        claim = "".join([line.name, f": {line.unit}" if line.unit else "",
                         f"; ours from {line.source}" if line.source else "", "" if pd.isna(line.note) else line.note,
                         f"{REPEATS}{line.repeats}" if line.repeats else ""])
        mine = line.found if line.ours is None else _value(line.ours)
        rows.append((paper, line.place, claim, theirs, np.nan if mine is None else mine, allowed,
                     status(claim, theirs, mine, allowed), "" if pd.isna(line.reading) else line.reading))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"published": object, "ours": object, "tolerance": float})


def _value(written: float | str) -> float | str:
    """What a file says: a whole number, another number, or words."""
    for kind in (int, float):
        try:
            return kind(written) if isinstance(written, str) else written
        except ValueError:
            pass
    return written
