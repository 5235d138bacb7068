"""What a paper prints, in one long table, and the one comparison of it with what a run finds.

A paper has two files. `params/published/<paper>_numbers.csv` has one row per printed number or statement: where it
stands (`place`), what it is (`number`, `of`, `column`), its `value` as printed, its `unit`, and the `decimals` that
count. `<paper>_audit.csv` says what these numbers mean for each other, with the `tolerance` of each check. Where no
run is needed, the files hold our side too (`ours`, and its `source`); tests recompute it from the printed numbers. A
run gives its values by place and name, in the printed unit, so nothing is joined by position.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

COLUMNS = ["paper", "place", "claim", "published", "ours", "tolerance", "status"]
REPRODUCED, NOT_REPRODUCED, NO_DATA = "reproduced", "not reproduced", "no such data"
STATUSES = [REPRODUCED, NOT_REPRODUCED, NO_DATA]
RELATIVE_TOLERANCE = 0.05  # another vendor's prices move a volatility by less, another portfolio by more
FILES = ("numbers", "audit")
LINE = ["place", "number", "of", "column", "value", "decimals", "tolerance", "unit", "ours", "source"]


class Ours(NamedTuple):
    """What a run finds for a printed number; several of one number are readings that its paper leaves open."""

    place: str
    name: str  # number, of and column in words: "weight of XLM-USD, maximum_sharpe"
    value: float | str | None  # in the printed unit; missing where the run cannot say
    note: str = ""  # ends the claim


def values(published: Mapping[str, pd.DataFrame], place: str, number: str, *, column: str | None = None) -> pd.Series:
    """
    Printed numbers of one kind.

    Parameters
    ----------
    published : dict of DataFrames
        As `Stage.published` returns it.
    place, number, column : str
        As the file of numbers has them; any column where none is given.

    Returns
    -------
    Series
        Floats in the printed unit, by what they are of.
    """
    lines = published["numbers"]
    lines = lines[(lines["place"] == place) & (lines["number"] == number)]
    lines = lines if column is None else lines[lines["column"] == column]
    return lines.set_index("of")["value"].astype(float)


def tolerance(published: float, *, decimals: float | None) -> float:
    """
    How far ours may be from a published number: 5 percent of it, and at least half a unit of its last digit.

    Parameters
    ----------
    published, decimals : float
        The number as printed, and the digits after its point that count; None for a count, which must be met exactly.

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
        Whose claim it is, where it stands, and what it says. If that has "at most", published may be smaller.
    published, ours : float or str
        In the same unit; ours is missing where the run cannot say.
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
        apart = published - ours if " at most " in claim else abs(ours - published)
        status = REPRODUCED if apart <= allowed * (1 + 1e-9) else NOT_REPRODUCED
    return dict(zip(COLUMNS, (paper, place, claim, published, ours, np.nan if text else allowed, status), strict=True))


def claims_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame; published and ours hold numbers and texts, and the tolerance of a text is missing."""
    return pd.DataFrame(rows, columns=COLUMNS).astype({"published": object, "ours": object, "tolerance": float})


def compare(paper: str, published: Mapping[str, pd.DataFrame], ours: Iterable[Ours]) -> pd.DataFrame:
    """
    Every printed number of a paper, and every check of its audit, beside what the run finds.

    Parameters
    ----------
    paper : str
        Parameter `paper`.
    published : dict of DataFrames
        As `Stage.published` returns it.
    ours : iterable of Ours
        What the run finds, in any order; values of numbers that the paper does not print are left out.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, in the order of the files, one row per reading. What the run does not give has no such data,
        unless the file has it.
    """
    lines = pd.concat([published[name] for name in FILES if name in published]).reindex(columns=LINE).astype(object)
    lines = lines.where(lines.notna(), None)
    lines["name"] = [_name(line) for line in lines.itertuples()]
    found = pd.DataFrame(list(ours), columns=Ours._fields, dtype=object).rename(columns={"value": "found"})
    rows = []
    for line in lines.merge(found, on=["place", "name"], how="left").itertuples():
        theirs, allowed = _value(line.value), line.tolerance
        if allowed is None and not isinstance(theirs, str):
            theirs, allowed = float(theirs), tolerance(theirs, decimals=line.decimals)
        claim = "".join([line.name, f": {line.unit}" if line.unit else "",
                         f"; ours from {line.source}" if line.source else "", "" if pd.isna(line.note) else line.note])
        mine = line.found if line.ours is None else _value(line.ours)
        rows.append(row(paper, line.place, claim, theirs, mine, allowed))
    return claims_table(rows)


def _name(line: Any) -> str:
    """What a row of a file is about, in words."""
    return line.number + (f" of {line.of}" if line.of else "") + (f", {line.column}" if line.column else "")


def _value(written: float | str) -> float | str:
    """What a file says: a whole number, another number, or words."""
    for kind in (int, float):
        try:
            return kind(written) if isinstance(written, str) else written
        except ValueError:
            pass
    return written
