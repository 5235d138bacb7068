"""Answers to exercises are told apart: right, nearly right, wrong, and not an answer."""

import pandas as pd
import pytest

from forefolio.report import exercise
from forefolio.report.exercise import Exercise, check


@pytest.fixture(autouse=True)
def exercises(monkeypatch):
    known = {"number": Exercise(lambda x: 2 * x, "Double it.", right=0.5, near=2), "letter": Exercise(lambda: "b", "Read it again."),
             "range": Exercise(lambda: (1.0, 2.0), "Look at the axis.", near=1),
             "weights": Exercise(lambda: pd.Series({"A": 0.75, "B": 0.25}), "Divide by the sum.", right=1e-3, near=0.1)}
    monkeypatch.setattr(exercise, "EXERCISES", known)


@pytest.mark.parametrize("name, answer, given, verdict", [
    ("number", 10.4, (5,), "Right"), ("number", 8, (5,), "Nearly right"), ("number", 7.9, (5,), "Not yet"),
    ("number", None, (5,), "Not answered yet"), ("number", "ten", (5,), "Not yet"), ("number", float("nan"), (5,), "Not yet"),
    ("letter", "B ", (), "Right"), ("letter", "a", (), "Not yet"), ("letter", 1, (), "Not yet"),
    ("range", 1.5, (), "Right"), ("range", 2.9, (), "Nearly right"), ("range", 3.1, (), "Not yet"),
    ("weights", pd.Series({"B": 0.25, "A": 0.75}), (), "Right"), ("weights", pd.Series({"A": 0.7, "B": 0.3}), (), "Nearly right"),
    ("weights", pd.Series({"A": 0.25, "B": 0.75}), (), "Not yet"), ("weights", pd.Series({"A": 1.0}), (), "Not yet"),
    ("weights", pd.Series({"A": "x", "B": 0.25}), (), "Not yet"), ("weights", [0.75, 0.25], (), "Not yet")])
def test_an_answer_gets_its_verdict(name, answer, given, verdict):
    assert check(name, answer, *given).startswith(f"**{verdict}.**")


def test_who_is_not_right_is_told_what_to_look_at_and_not_the_answer():
    said = check("number", 7, 5)
    assert "Double it." in said and "10" not in said
