"""A paper's printed numbers beside a run: one row, one comparison, and tables only where a paper is named."""

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import claims, crypto, equity, printed
from forefolio.papers.printed import COLUMNS, Ours, compare, status, tolerance
from forefolio.runs import contracts

PAPERS = {paper: {path.stem.removeprefix(f"{paper}_"): pd.read_csv(path) for path in contracts.beside(paper)}
          for paper in (crypto.PAPER, equity.PAPER)}


@pytest.mark.parametrize("theirs, ours, allowed, expected", [
    (2.0, 2.1, 0.1, "reproduced"), (2.0, 2.11, 0.1, "not reproduced"), (2.0, np.nan, 0.1, "no such data"),
    (7, 7, 0.0, "reproduced"), (7, 6, 0.0, "not reproduced"),
    (-59.42, -59.8, 0.5, "reproduced"), (1.0, np.inf, 0.1, "not reproduced"), (2.0, None, 0.1, "no such data"),
    ("yes", "yes", None, "reproduced"), ("yes", "no", None, "not reproduced"), ("yes", None, None, "no such data"),
    ("yes", np.nan, None, "no such data")])
def test_status_of_one_row(theirs, ours, allowed, expected):
    assert status("a claim", theirs, ours, allowed) == expected


def test_difference_of_exactly_the_tolerance_agrees():
    assert 1.1 - 1.0 > 0.1  # in binary
    assert status("a claim", 1.0, 1.1, 0.1) == "reproduced"


def test_a_claim_of_at_most_agrees_with_any_smaller_number():
    said = [status("the error at most zero's", theirs, 1.0, 0.1) for theirs in (-5.0, 1.1, 1.2)]
    assert said == ["reproduced", "reproduced", "not reproduced"]


def test_text_against_number_is_refused():
    with pytest.raises(ValueError, match="a claim: published is 'yes' and ours 1.0"):
        status("a claim", "yes", 1.0)
    with pytest.raises(ValueError, match="a claim: published is 1.0 and ours 'yes'"):
        status("a claim", 1.0, "yes", 0.1)


def test_tolerance_is_relative_with_a_floor():
    assert tolerance(-59.42, decimals=2) == pytest.approx(2.971)
    assert tolerance(0.02, decimals=2) == pytest.approx(0.005)
    assert tolerance(1093, decimals=None) == 0


@pytest.fixture
def small():
    """Two files of a made-up paper."""
    numbers = pd.DataFrame({"place": ["Table 1", "Table 1", "Text", "Text"], "number": ["weight", "days", "best", "rows"],
                            "of": ["A", np.nan, np.nan, np.nan], "column": ["calm", np.nan, np.nan, np.nan],
                            "value": ["40.0", "7", "calm", "8"], "decimals": [1, np.nan, np.nan, np.nan],
                            "unit": ["percent", "a count", np.nan, np.nan], "ours": [np.nan, np.nan, np.nan, "9"],
                            "source": [np.nan, np.nan, np.nan, "Table 1"]})
    audit = pd.DataFrame({"place": ["Audit 1, Text"], "number": ["days"], "value": ["7"], "tolerance": [1.5], "unit": ["of 7"],
                          "ours": ["8.25"], "repeats": ["Table 1"]})
    return {"numbers": numbers, "audit": audit}


def test_printed_numbers_meet_ours_by_name_and_keep_their_order(small):
    ours = [Ours("Text", "best", "bold"), Ours("Table 1", "weight of A, calm", 41.0, "as held"),
            Ours("Table 1", "weight of A, calm", 50.0, "as sold", " (of 2)"), Ours("Table 1", "weight of B, calm", 1.0)]
    assert compare("p", small, ours).drop(columns="paper").astype(object).fillna("").to_numpy().tolist() == [
        ["Table 1", "weight of A, calm: percent", 40.0, 41.0, 2.0, "reproduced", "as held"],
        ["Table 1", "weight of A, calm: percent (of 2)", 40.0, 50.0, 2.0, "not reproduced", "as sold"],
        ["Table 1", "days: a count", 7.0, "", 0.0, "no such data", ""],
        ["Text", "best", "calm", "bold", "", "not reproduced", ""],
        ["Text", "rows; ours from Table 1", 8.0, 9, 0.0, "not reproduced", ""],
        ["Audit 1, Text", "days: of 7; repeats Table 1", 7, 8.25, 1.5, "reproduced", ""]]
    shuffled = [ours[3], ours[1], ours[0], ours[2]]  # readings keep the order in which they are given
    pd.testing.assert_frame_equal(compare("p", small, shuffled), compare("p", small, ours))


def test_values_are_printed_numbers_by_what_they_are_of(small):
    assert printed.values(small, "Table 1", "weight", column="calm").to_dict() == {"A": 40.0}
    assert printed.values(small, "Table 1", "weight", column="bold").empty
    assert printed.values(small, "Text", "rows").tolist() == [8]


@pytest.mark.parametrize("paper", PAPERS)
def test_each_printed_number_has_one_row(paper):
    rows, files = compare(paper, PAPERS[paper], []), [PAPERS[paper][name] for name in ("numbers", "audit")]
    assert len(rows) == sum(map(len, files)) and not rows.duplicated(["place", "claim"]).any()
    assert list(rows) == COLUMNS and set(rows["paper"]) == {paper}
    assert rows["place"].str.startswith("Audit").sum() == len(PAPERS[paper]["audit"])


@pytest.mark.parametrize("paper", PAPERS)
def test_what_repeats_a_number_names_a_place_that_has_it(paper):
    lines = pd.concat([PAPERS[paper][name] for name in ("numbers", "audit")])
    if "repeats" in lines:
        kept = lines[lines["repeats"].isna()]
        for line in lines[lines["repeats"].notna()].itertuples():
            there = pd.to_numeric(kept.loc[kept["place"] == line.repeats, "value"], errors="coerce")
            same = [np.isclose(there * factor, float(line.value), rtol=1e-9, atol=0).any() for factor in (1, 100, 0.01)]
            assert any(same) or (float(line.value) == 0 and (there == 0).any()), f"{line.place}: {line.number}, {line.value}"


def readings(*statuses, claim="days: a count"):
    """Rows of one number in one place, a reading each."""
    return pd.DataFrame({"place": "Table 1", "claim": claim, "published": 7.0, "ours": 7.0, "status": statuses,
                         "reading": [str(n) for n in range(len(statuses))]})


@pytest.mark.parametrize("statuses, expected", [
    (("not reproduced", "reproduced", "no such data"), "reproduced"), (("not reproduced", "no such data"), "no such data"),
    (("not reproduced", "not reproduced"), "not reproduced"), (("no such data",), "no such data")])
def test_a_number_counts_once_by_the_best_that_its_readings_leave_open(statuses, expected):
    counted = claims.counts(readings(*statuses))
    assert counted[["numbers", "readings"]].to_numpy().tolist() == [[1, len(statuses)]] and counted[expected].tolist() == [1]


def test_what_repeats_a_number_is_not_counted():
    rows = pd.concat([readings("reproduced"), readings("not reproduced", claim="days: a count; repeats Data")])
    assert claims.counts(rows)["numbers"].tolist() == [1] and len(claims.side_by_side(rows)) == 2


def test_weights_are_left_out_only_if_they_are_zero_in_all_readings():
    rows = readings("reproduced", "reproduced", claim="weight of A, calm: percent").assign(published=0.0, ours=[0.0, np.nan])
    assert claims.counts(rows).empty and claims.side_by_side(rows).empty
    held = rows.assign(ours=[0.0, 12.0])
    assert claims.counts(held)["numbers"].tolist() == [1] and len(claims.side_by_side(held)) == 2


def test_without_a_paper_there_is_nothing_to_compare():
    table = compare("none", {}, [])
    assert list(table) == COLUMNS and table.empty and claims.counts(table).empty
