"""What a sweep says while it runs: how far it is, what failed, and how long the rest may take."""

import io
import sys

import hand_made_plan
import pytest

from forefolio.sweeps.run import Progress


@pytest.fixture
def made():
    return hand_made_plan.make()


def known(stage: str, seconds: float, state: str = "done") -> dict:
    """A line of the ledger from an earlier call."""
    return {"stage": stage, "state": state, "seconds": seconds, "error": ""}


def said(capsys) -> list[str]:
    """The lines on stdout; a log has nothing on stderr."""
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def left(capsys, progress: Progress, task, state: str = "done", seconds: float | None = None) -> str:
    """What is said of the time left when a task has ended."""
    progress.ended(task, state, seconds, 0)
    (line,) = said(capsys)
    return line.partition("]")[0].rpartition(", ")[2]


# ------------------------------------------------------------------------------------------------------------ counts
def test_every_task_that_ends_is_a_plain_line_where_nobody_looks_at_a_bar(made, capsys):
    progress = Progress(made, 2, [])
    progress.ended(made.tasks["data"], "done", 3.4, 0)
    progress.ended(made.tasks["weights1"], "up to date", None, 0)
    progress.ended(made.tasks["compared2"], "done", 12.0, 1)
    progress.close()
    first, second, third = said(capsys)
    assert first.startswith("[1 of 9 stages, 0 of 3 points, 0 stages failed, ")
    assert first.endswith("] 01_data of 3 points: done in 3 s")
    assert second.startswith("[2 of 9 stages, 0 of 3 points, ") and second.endswith("] 05_portfolios of 2 points: up to date")
    assert third.startswith("[3 of 9 stages, 1 of 3 points, ")
    assert third.endswith("] 06_comparison of gamma-1__cost-5: done in 12 s")


def test_what_is_up_to_date_is_no_stage_to_run_and_its_points_are_there_from_the_start(capsys):
    done = {"data", "correlation", "frontier", "forecasts", "weights1", "compared1"}
    made = hand_made_plan.make(up_to_date=done)
    progress = Progress(made, 1, [])
    progress.ended(made.tasks["compared2"], "done", 1.0, 1)
    progress.ended(made.tasks["weights9"], "done", 1.0, 0)
    progress.ended(made.tasks["compared9"], "done", 1.0, 1)
    heads = [line.partition("]")[0] for line in said(capsys)]
    assert [head.split(", ")[:2] for head in heads] == [
        ["[1 of 3 stages", "2 of 3 points"], ["[2 of 3 stages", "2 of 3 points"], ["[3 of 3 stages", "3 of 3 points"]]
    assert heads[-1].endswith("nothing left")


@pytest.mark.parametrize(("state", "counts"), [
    ("failed", 1), ("timed out", 1), ("killed", 1), ("done", 0), ("up to date", 0), ("not run", 0), ("cancelled", 0)])
def test_a_stage_counts_as_failed_where_it_was_tried_and_not_where_it_never_ran(state, counts, made, capsys):
    progress = Progress(made, 1, [])
    progress.ended(made.tasks["weights9"], state, None, 0)
    progress.ended(made.tasks["weights1"], state, None, 0)
    last = said(capsys)[-1]
    assert f", {2 * counts} stages failed, " in last and last.endswith(f"05_portfolios of 2 points: {state}")


# --------------------------------------------------------------------------------------------------------- time left
def test_nothing_is_guessed_from_nothing(made, capsys):
    progress = Progress(made, 1, [known("01_data", 50.0, "failed"), known("05_portfolios", 0.0, "up to date")])
    assert left(capsys, progress, made.tasks["data"]) == "time left unknown"
    assert left(capsys, progress, made.tasks["correlation"], seconds=4.0) != "time left unknown"


def test_the_first_guess_is_from_stages_of_the_same_name_in_earlier_calls(made, capsys):
    """When 01 has ended: 02 2 s, 03 3 s, 04 20 s (the mean of 10 and 30), two 05 of 5 s, three 06 of 6 s."""
    times = [("01_data", 1.0), ("02_correlation", 2.0), ("03_mpt_frontier", 3.0), ("04_forecasting", 10.0),
             ("04_forecasting", 30.0), ("05_portfolios", 5.0), ("06_comparison", 6.0)]
    lines = [*(known(*one) for one in times), known("06_comparison", 900.0, "failed")]
    assert left(capsys, Progress(made, 1, lines), made.tasks["data"]) == "about 53 s left"
    assert left(capsys, Progress(made, 2, lines), made.tasks["data"]) == "about 26 s left"  # 26.5, even


def test_a_stage_that_ended_counts_from_then_on_and_its_like_take_the_mean(capsys):
    made = hand_made_plan.make(up_to_date={"data", "correlation", "frontier", "forecasts", "weights1", "weights9"})
    progress = Progress(made, 1, [])
    assert left(capsys, progress, made.tasks["compared1"], seconds=10.0) == "about 20 s left"
    assert left(capsys, progress, made.tasks["compared2"], seconds=30.0) == "about 20 s left"
    assert left(capsys, progress, made.tasks["compared9"], seconds=20.0) == "nothing left"


def test_a_stage_that_was_never_seen_takes_the_mean_of_those_that_were(capsys):
    made = hand_made_plan.make(up_to_date={"data", "correlation", "frontier", "forecasts", "weights1"})
    progress = Progress(made, 1, [known("01_data", 2.0), known("04_forecasting", 10.0)])
    assert left(capsys, progress, made.tasks["weights9"]) == "about 18 s left"


def test_many_workers_do_not_make_a_stage_shorter(made, capsys):
    lines = [known(stage, 40.0 if stage == "04_forecasting" else 2.0) for stage in hand_made_plan.STAGES]
    progress = Progress(made, 1000, lines)
    assert left(capsys, progress, made.tasks["data"]) == "about 40 s left"
    assert left(capsys, progress, made.tasks["forecasts"]) == "about 2 s left", "the long one has ended"


@pytest.mark.parametrize(("seconds", "expected"), [(119, "about 119 s left"), (120, "about 2 min left"),
                                                   (1234, "about 21 min left")])
def test_a_long_time_is_said_in_minutes(seconds, expected, capsys):
    made = hand_made_plan.make(up_to_date={"data", "correlation", "frontier", "forecasts", "weights1", "weights9", "compared1"})
    progress = Progress(made, 1, [known("06_comparison", float(seconds))])
    assert left(capsys, progress, made.tasks["compared2"]) == expected


# -------------------------------------------------------------------------------------------------------- a terminal
class Terminal(io.StringIO):
    """A place where somebody looks."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar_and_a_line_only_for_what_did_not_end_well(made, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(made, 2, [])
    progress.ended(made.tasks["data"], "done", 3.0, 0)
    progress.ended(made.tasks["weights9"], "failed", None, 0)
    progress.close()
    shown = sys.stderr.getvalue()
    assert "tried: 2 of 9 stages |" in shown and "0 of 3 points, 1 stages failed, " in shown
    assert "05_portfolios of gamma-9__cost-0: failed\n" in shown and "01_data of" not in shown
    assert capsys.readouterr().out == ""
