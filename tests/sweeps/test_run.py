"""A sweep from plan to results in this process: what is cleared away, counted, said and accounted for."""

import io
import os
import shutil
import signal
import sys
from itertools import islice
from pathlib import Path

import hand_made_plan
import pandas as pd
import pytest
from hand_made_plan import entry, keep, place, states
from short_project import wait_until

from forefolio.files import RunFailed, append_to_ledger, file_hash, ledger_line, read_ledger
from forefolio.runs import contracts, pictures
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import StudyError, as_yaml
from forefolio.sweeps import results, run, store, tasks
from forefolio.sweeps.run import Progress, Sweep

FIRST, SECOND, THIRD = hand_made_plan.POINTS
SHARED = {"data", "correlation", "frontier", "forecasts"}
ALL = {key for keys in hand_made_plan.KEYS.values() for key in keys}


def assembled(of: Sweep, *names: str) -> list[Path]:
    """Folders of points that are in the plan or that were once, each with what 01 makes."""
    if not place(of, "data").exists():
        keep(of, "data")
    alone = of.plan.grid.points[0].study
    for name in names:
        params = as_yaml(alone.model_copy(update={"study": f"tried-{name}"}))
        of.store.assemble(of.folder / name, {"01_data": "data"}, params)
    return [of.folder / name for name in names]


# ------------------------------------------------------------------------------------------------------------- _tidy
def test_what_another_call_made_after_the_plan_is_up_to_date(tried):
    keep(tried, "data", "correlation", sweep_name="another")
    tried.plan.up_to_date.add("data")
    run._tidy(tried)
    assert tried.plan.up_to_date == {"data", "correlation"} and tried.plan.to_run() == len(ALL) - 2
    assert states(tried) == [("data", "up to date"), ("correlation", "up to date")]
    line = read_ledger(tried.folder)[0]
    assert (line["stage"], line["point"], line["points"], line["seconds"]) == ("01_data", FIRST, 3, 0.0)


@pytest.mark.parametrize("harm", ["missing", "changed", "no record"])
def test_results_that_are_not_as_they_were_put_there_are_taken_away(harm, tried):
    keep(tried, "data", "correlation")
    table = place(tried, "correlation") / "tables" / "conditioning.csv"
    if harm == "changed":
        table.write_text("something else")
    else:
        {"missing": table, "no record": place(tried, "correlation") / "record.json"}[harm].unlink()
    run._tidy(tried)
    assert tried.plan.up_to_date == {"data"} and states(tried) == [("data", "up to date")]
    assert [path.name for path in place(tried, "data").parent.iterdir()] == ["01_data-data"], "nothing is left aside"


def test_a_point_that_is_no_more_goes_and_those_of_the_plan_stay(tried):
    old, own = assembled(tried, "gamma-7__cost-0", FIRST)
    run._tidy(tried)
    assert not old.exists() and (own / "tables" / "universe.csv").exists() and tried.store.intact("01_data", "data", {})


def test_a_point_that_is_no_more_stays_with_the_files_of_its_user(tried):
    (old,) = assembled(tried, "gamma-7__cost-0")
    (old / "mine.txt").write_text("look at May")
    run._tidy(tried)
    assert (old / "mine.txt").read_text() == "look at May" and (old / "tables" / "universe.csv").exists()


def test_a_copy_under_another_name_and_a_folder_of_the_user_s_own_stay(tried):
    """Neither has the study.yml that this sweep writes for a point of that name."""
    (own,) = assembled(tried, FIRST)
    shutil.copytree(own, tried.folder / "best so far")
    for name, text in [("notes", "study: mine\n"), ("empty", ""), ("no study", "seed: 1\n")]:
        (tried.folder / name).mkdir()
        (tried.folder / name / "study.yml").write_text(text)
    run._tidy(tried)
    assert {path.name for path in tried.folder.iterdir() if path.is_dir()} == {FIRST, "best so far", "notes", "empty", "no study"}
    assert (tried.folder / "best so far" / "tables" / "universe.csv").exists()


def test_notebooks_of_failures_go_with_their_tasks(tried):
    failed = tried.folder / "failed"
    failed.mkdir()
    for name in ("05_portfolios-weights9.ipynb", "05_portfolios-gone.ipynb", "04_forecasting-forecasts.ipynb", "notes.txt"):
        (failed / name).write_text("")
    run._tidy(tried)
    assert {path.name for path in failed.iterdir()} == {
        "05_portfolios-weights9.ipynb", "04_forecasting-forecasts.ipynb", "notes.txt"}


def test_what_killed_commands_left_of_their_work_goes(tried):
    for left in (".working/abc/tables", ".working/def", ".away-123/ghi", "../.stages/.away-123/ghi"):
        (tried.folder / left).mkdir(parents=True)
        (tried.folder / left / "half.csv").write_text("a")
    (tried.folder / "awayday.txt").write_text("mine")
    run._tidy(tried)
    assert [path.name for path in tried.folder.iterdir()] == ["awayday.txt"]
    assert not list((tried.folder.parent / ".stages").iterdir())


def test_a_worker_of_an_earlier_call_can_keep_nothing_once_its_folder_was_put_away(tried, monkeypatch):
    """The whole is moved before it is removed: half of it never takes a name in the store."""
    kept = tried.folder / ".working" / "abc" / "kept"
    entry(kept, "01_data")
    place(tried, "data").parent.mkdir()
    seen = []

    def remove(path, **options):
        with pytest.raises(FileNotFoundError):  # the last step of a worker that keeps its results
            kept.rename(place(tried, "data"))
        seen.append(path.name.partition("-")[0])
        real(path, **options)

    real = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", remove)
    store.put_away(tried.folder / ".working")
    assert seen == [".away"] and not place(tried, "data").exists() and not list(tried.folder.iterdir())


# ------------------------------------------------------------------------------------------------------- _take_stock
def test_what_somebody_deleted_meanwhile_is_not_done(tried):
    keep(tried, "data", "correlation", "frontier")
    tried.states |= {"data": "up to date", "correlation": "done", "frontier": "done", "forecasts": "failed"}
    shutil.rmtree(place(tried, "correlation"))
    shutil.rmtree(place(tried, "data"))
    run._take_stock(tried)
    assert tried.states == {"data": "not run", "correlation": "not run", "frontier": "done", "forecasts": "failed"}
    assert tried.ended(FIRST) == ("not run", "01_data")


def test_a_line_that_a_killed_worker_did_not_write_is_written_once(tried):
    keep(tried, "data", "correlation")
    keep(tried, "frontier", sweep_name="another")
    append_to_ledger(tried.folder, tried.store.record("01_data", "data")["line"])
    tried.states |= {"data": "done", "correlation": "up to date", "frontier": "up to date", "weights9": "failed"}
    run._take_stock(tried)
    run._take_stock(tried)
    assert states(tried) == [("data", "done"), ("correlation", "done")], "another sweep's is its own"
    assert read_ledger(tried.folder)[1] == tried.store.record("02_correlation", "correlation")["line"]


def test_a_line_that_says_up_to_date_is_not_the_one_that_was_lost(tried):
    keep(tried, "data")
    run._tidy(tried)
    tried.states["data"] = "up to date"
    run._take_stock(tried)
    assert states(tried) == [("data", "up to date"), ("data", "done")]


# ---------------------------------------------------------------------------------------------------------- accounts
def test_a_point_ends_as_its_first_stage_that_is_not_done(tried):
    tried.states |= dict.fromkeys(SHARED, "up to date") | {
        "weights1": "done", "compared1": "done", "compared2": "timed out", "weights9": "killed", "compared9": "not run"}
    assert [tried.ended(point) for point in (FIRST, SECOND, THIRD)] == [
        ("done", ""), ("timed out", "06_comparison"), ("killed", "05_portfolios")]
    del tried.states["frontier"]
    assert tried.ended(FIRST) == ("not run", "03_mpt_frontier"), "it has not ended"


def line(key: str | None, state: str, error: str | None) -> dict:
    return ledger_line(started=0.0, stage="any", state=state, seconds=0.0, error=error, key=key)


def test_the_account_of_a_point_has_the_last_error_of_the_stage_that_stopped_it(tried):
    tried.states |= dict.fromkeys(SHARED | {"weights1", "compared1"}, "done") | {"compared2": "killed", "weights9": "failed"}
    for key, state, error in [("weights9", "failed", "earlier"), ("compared1", "failed", "mended since"),
                              ("weights9", "failed", "ValueError: no"), ("compared2", "killed", None), ("compared1", "done", ""),
                              (None, "failed", "nobody's")]:
        append_to_ledger(tried.folder, line(key, state, error))
    assert tried.accounts() == {FIRST: ("done", "", ""), SECOND: ("killed", "06_comparison", ""),
                                THIRD: ("failed", "05_portfolios", "ValueError: no")}


def test_the_summary_counts_the_points_and_gives_the_reasons_of_those_that_failed(tried):
    tried.states |= dict.fromkeys(SHARED | {"weights1", "compared1"}, "done") | {"compared2": "cancelled", "weights9": "failed"}
    append_to_ledger(tried.folder, line("weights9", "failed", "ValueError: no"))
    said = run.summary(tried).splitlines()
    assert said == ["3 points: 1 done, 1 cancelled, 1 failed", f"{THIRD}: 05_portfolios failed: ValueError: no",
                    f"results: {tried.folder}"]
    (tried.folder / "failed").mkdir()
    (tried.folder / "failed" / "05_portfolios-weights9.ipynb").write_text("")
    assert run.summary(tried).splitlines() == [
        *said[:2], f"executed notebooks of failed stages, with the errors in them: {tried.folder / 'failed'}", said[2]]


def test_a_failure_of_an_earlier_call_is_not_pointed_at_when_nothing_failed_in_this_one(tried):
    (tried.folder / "failed").mkdir()
    (tried.folder / "failed" / "05_portfolios-weights9.ipynb").write_text("")
    tried.states |= dict.fromkeys(ALL - {"weights9", "compared9"}, "done") | {"weights9": "cancelled"}
    assert run.summary(tried).splitlines() == ["3 points: 2 done, 1 cancelled", f"results: {tried.folder}"]


def test_one_point_is_no_points(tried):
    for point in (SECOND, THIRD):
        del tried.plan.stages[point]
    assert run.summary(tried).startswith("1 point: 1 not run\n")
    tried.states |= dict.fromkeys(ALL, "done")
    assert run.summary(tried).startswith("1 point: 1 done\n")


# ------------------------------------------------------------------------------------------------- all of it together
def accounts(of: Sweep) -> dict[str, str]:
    points = pd.read_csv(of.folder / "points.csv")
    return dict(zip(points["point"], points["state"], strict=True))


def test_a_sweep_runs_each_stage_once_for_all_points_that_share_it(tried, kernel, ran, capsys):
    run.run(tried)
    assert len(ran) == len(set(ran)) == len(ALL)
    assert set(accounts(tried).values()) == {"done"} and "all" in (tried.folder / "sweep.ipynb").read_text()
    assert "[9 of 9 stages, 3 of 3 points, 0 stages failed, nothing left]" in capsys.readouterr().out
    for point, keys in tried.plan.stages.items():
        assert contracts.read_manifest(tried.folder / point).keys() == keys.keys()
        assert f"study: tried-{point}\n" in (tried.folder / point / store.PARAMS).read_text()
    assert not list(tried.folder.glob(".asked")) and not list(tried.folder.glob(".working"))


def test_a_second_call_has_nothing_to_run_and_keeps_the_notebook(tried, kernel, ran):
    run.run(tried)
    ran.clear()
    again = Sweep(tried.folder, hand_made_plan.make())  # planned when nothing was there yet
    run.run(again)
    assert not ran and set(again.states.values()) == {"up to date"} and set(accounts(again).values()) == {"done"}


def test_a_result_that_rots_is_made_again_by_the_next_call_and_its_points_are_whole(tried, kernel, ran):
    """One letter of a file changed; its size and time did not."""
    run.run(tried)
    table = place(tried, "weights1") / "tables" / "cdar.csv"
    before, was = table.stat(), table.read_text()
    table.write_text(was.replace("of", "or"))
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    ran.clear()
    again = Sweep(tried.folder, hand_made_plan.make())
    again.plan.up_to_date.update(
        key for key, task in again.plan.tasks.items() if again.store.intact(task.stage, key, task.inputs))
    run.run(again)
    assert ran == [("05_portfolios", FIRST)] and set(accounts(again).values()) == {"done"}
    assert {(tried.folder / point / "tables" / "cdar.csv").read_text() for point in (FIRST, SECOND, THIRD)} == {was}


@pytest.fixture
def figure(kernel) -> None:
    """Stage 02 makes a figure, as an interactive page."""
    def made():
        if kernel.calls[-1][0] == "02_correlation":
            html = kernel.folder / HEATMAP
            html.parent.mkdir()
            html.write_text("a figure")
            with contracts.changing(kernel.folder) as manifest:
                manifest["02_correlation"]["files"][HEATMAP] = file_hash(html)

    kernel.edit = made


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """In place of a browser: each picture is a text; the names of the pages, as often as they were drawn."""
    names = []

    class Stub(pictures.Drawer):
        def _answer(self, page):
            names.append(page.stem)
            page.with_suffix(".png").write_text("a picture")
            return ""

    monkeypatch.delenv(pictures.WITHOUT, raising=False)
    monkeypatch.setattr(pictures, "Drawer", Stub)
    return names


HEATMAP = "figures/02_heatmap.html"


def has_picture(of: Sweep) -> set[bool]:
    """Whether all points, or none, have the picture and name it as theirs."""
    picture = HEATMAP.replace("html", "png")
    named = {picture in contracts.read_manifest(of.folder / point)["02_correlation"]["files"] for point in (FIRST, SECOND, THIRD)}
    return named | {(of.folder / point / picture).exists() for point in (FIRST, SECOND, THIRD)}


def test_a_sweep_draws_no_pictures_by_itself_and_misses_none(tried, kernel, ran, figure, drawn, capsys):
    run.run(tried)
    assert not drawn and has_picture(tried) == {False}
    assert "PNG" not in run.summary(tried) + capsys.readouterr().out


def test_a_sweep_that_is_to_have_pictures_draws_each_once_while_its_stages_go_on(tried, kernel, ran, figure, drawn):
    tried.pictures = True
    run.run(tried)
    assert drawn == ["02_heatmap"] and has_picture(tried) == {True} and "PNG" not in run.summary(tried)
    assert tried.store.intact("02_correlation", "correlation", {"01_data": "data"})


def test_pictures_are_drawn_by_a_later_call_that_wants_them_without_a_kernel(tried, kernel, ran, figure, drawn):
    run.run(tried)
    ran.clear()
    for _ in range(2):
        again = Sweep(tried.folder, hand_made_plan.make(), pictures=True)
        run.run(again)
        assert drawn == ["02_heatmap"] and not ran and has_picture(again) == {True}
        assert again.store.intact("02_correlation", "correlation", {"01_data": "data"})


def test_pictures_that_could_not_be_drawn_are_counted_where_they_are_wanted(tried, kernel, ran, figure, drawn, monkeypatch):
    monkeypatch.setattr(pictures.Drawer, "_answer", lambda self, page: "ChromeNotFoundError")
    for wanted in (True, False, True):
        again = Sweep(tried.folder, hand_made_plan.make(), pictures=wanted)
        run.run(again)
        assert (pictures.missed(1) in run.summary(again).splitlines()) == wanted and has_picture(again) == {False}


def test_the_folder_is_a_sweep_s_while_its_first_stage_runs(tried, kernel, ran):
    seen = []
    kernel.edit = lambda: seen.append((tried.folder / "sweep.json").read_text())
    run.run(tried)
    assert seen == ["{}\n"] * len(ALL)


def test_a_scheduler_that_cannot_be_had_leaves_earlier_results_in_sight(tried, kernel, ran, monkeypatch):
    def nobody(workers, scheduler):
        raise StudyError("nobody")

    run.run(tried)
    shutil.rmtree(place(tried, "compared9"))
    monkeypatch.setattr(tasks, "connected", nobody)
    with pytest.raises(StudyError):
        run.run(Sweep(tried.folder, hand_made_plan.make()))
    assert all((tried.folder / name).exists() for name in (*results.TABLES, "sweep.ipynb"))


def test_a_stage_that_fails_takes_its_own_points_along(tried, kernel, ran, capsys):
    kernel.ends["06_comparison", THIRD] = ("failed", "ValueError: no")
    kernel.ends["06_comparison", FIRST] = ("timed out", "a cell took too long")
    run.run(tried)
    assert accounts(tried) == {FIRST: "timed out", SECOND: "done", THIRD: "failed"}
    assert run.summary(tried).splitlines()[:2] == [
        "3 points: 1 timed out, 1 done, 1 failed", f"{FIRST}: 06_comparison timed out: a cell took too long"]
    assert pd.read_csv(tried.folder / "results.csv")["point"].tolist() == [SECOND]
    assert contracts.read_manifest(tried.folder / THIRD).keys() == set(list(STAGES)[:5]), "what is done is there to see"
    assert {path.name for path in (tried.folder / "failed").iterdir()} == {
        "06_comparison-compared1.ipynb", "06_comparison-compared9.ipynb"}


def test_a_stage_that_many_need_fails_once_and_all_say_why(tried, kernel, ran, capsys):
    kernel.ends["04_forecasting"] = ("failed", "ValueError: no")
    run.run(tried)
    assert sorted(ran) == [(stage, FIRST) for stage in list(STAGES)[:4]] and set(accounts(tried).values()) == {"failed"}
    assert list(tried.accounts().values()) == [("failed", "04_forecasting", "ValueError: no")] * 3
    assert "[9 of 9 stages, 0 of 3 points, 1 stages failed, nothing left] " in capsys.readouterr().out
    assert not (tried.folder / "results.csv").exists() and not (tried.folder / "sweep.ipynb").exists()


def test_results_of_an_earlier_call_are_out_of_sight_while_stages_run(tried, kernel, ran):
    run.run(tried)
    shutil.rmtree(place(tried, "compared9"))
    seen = []
    kernel.edit = lambda: seen.extend(name for name in (*results.TABLES, "sweep.ipynb") if (tried.folder / name).exists())
    ran.clear()
    run.run(Sweep(tried.folder, hand_made_plan.make()))
    assert ran == [("06_comparison", THIRD)] and seen == [] and (tried.folder / "sweep.ipynb").exists()


def test_a_scheduler_that_is_gone_leaves_accounts_and_a_sentence(tried, kernel, ran, monkeypatch):
    real = tasks.ended
    monkeypatch.setattr(tasks, "ended", lambda *arguments: islice(real(*arguments), 6))
    with pytest.raises(RunFailed, match="tcp://a:1 is gone with 3 stages not ended; what is done is kept"):
        run.run(tried, scheduler="tcp://a:1")
    assert len(tried.states) == 6 and set(accounts(tried)) == {FIRST, SECOND, THIRD}
    assert "not run" in set(accounts(tried).values()) and not list(tried.folder.glob(".asked"))


def test_an_interrupted_sweep_lets_its_workers_go_and_accounts_for_what_is_done(tried, kernel, ran):
    """A polite request to end while the first 06 runs: no other task is begun, and the handlers of signals are as they were."""
    own = signal.default_int_handler
    before = {number: signal.signal(number, own) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupted():
        if ran[-1][0] == "06_comparison":
            os.kill(os.getpid(), signal.SIGTERM)
            assert wait_until(lambda: not (tried.folder / ".asked").exists(), seconds=60), "the worker still seems wanted"
            return "cancelled", ""

    kernel.edit = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.run(tried)
    assert [signal.signal(number, earlier) for number, earlier in before.items()] == [own, own]
    assert ran[-1][0] == "06_comparison" and [stage for stage, _ in ran].count("06_comparison") == 1, "nothing began after that"
    first = tried.plan.stages[ran[-1][1]]["06_comparison"]
    assert tried.states[first] == "cancelled" and (first, "cancelled") in states(tried)
    assert set(accounts(tried).values()) <= {"cancelled", "not run"} and not (tried.folder / "results.csv").exists()
    assert not list(tried.folder.glob(".working/*"))
    assert contracts.read_manifest(tried.folder / ran[-1][1]).keys() >= {"01_data", "04_forecasting", "05_portfolios"}


def test_a_store_that_is_deleted_meanwhile_is_made_again_by_the_next_call(tried, kernel, ran):
    def deleted():
        if kernel.calls[-1] == ("06_comparison", THIRD):
            shutil.rmtree(place(tried, "weights9"))

    kernel.edit = deleted
    run.run(tried)
    assert accounts(tried) == {FIRST: "done", SECOND: "done", THIRD: "not run"}
    kernel.edit = lambda: None
    ran.clear()
    again = Sweep(tried.folder, hand_made_plan.make())
    run.run(again)
    assert ran == [("05_portfolios", THIRD)] and set(accounts(again).values()) == {"done"}


# ---------------------------------------------------------------------------------------------------------- progress
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
    progress.bar.close()
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
    lines = [known(stage, 40.0 if stage == "04_forecasting" else 2.0) for stage in contracts.OF_A_POINT]
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
    progress.bar.close()
    shown = sys.stderr.getvalue()
    assert "tried: 2 of 9 stages |" in shown and "0 of 3 points, 1 stages failed, " in shown
    assert "05_portfolios of gamma-9__cost-0: failed\n" in shown and "01_data of" not in shown
    assert capsys.readouterr().out == ""


# ------------------------------------------------------------------------------------------------------ what runs now
def test_a_log_says_once_a_minute_what_runs_and_for_how_long(made, capsys, monkeypatch):
    progress = Progress(made, 2, [known("04_forecasting", 100.0), known("02_correlation", 3.0)])
    monkeypatch.setattr(run.time, "monotonic", lambda moment=progress._told + 61: moment)
    progress.runs([("04_forecasting", 180.0), ("02_correlation", 2.0)])
    progress.runs([("04_forecasting", 181.0)])
    (line,) = said(capsys)
    assert line.startswith("[0 of 9 stages, 0 of 3 points, 0 stages failed, about ")
    assert line.endswith(" left, running: 04_forecasting for 3 min, 02_correlation for 2 s]")


def test_no_time_is_promised_while_a_stage_takes_far_longer_than_its_like(made, capsys, monkeypatch):
    progress = Progress(made, 2, [known("04_forecasting", 3.0)])
    monkeypatch.setattr(run.time, "monotonic", lambda moment=progress._told + 61: moment)
    progress.runs([("04_forecasting", 300.0)] + [("06_comparison", 1.0)] * 4)
    (line,) = said(capsys)
    assert "time left unknown, running: 04_forecasting for 5 min, 06_comparison for 1 s" in line and line.endswith(" and 2 more]")


def test_a_bar_shows_what_runs_and_for_how_long(made, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(made, 2, [])
    progress.runs([("04_forecasting", 42.0)])
    progress.bar.close()
    assert "time left unknown, running: 04_forecasting for 42 s" in sys.stderr.getvalue()


def test_what_runs_is_read_from_the_folders_of_workers(tmp_path):
    told, ended = [], run.threading.Event()
    (tmp_path / "04_forecasting-abc").mkdir()
    progress = type("Told", (), {"runs": lambda self, running: (told.append(running), ended.set())})()
    run._tell(progress, tmp_path, ended)
    assert [(stage, round(seconds)) for stage, seconds in told[0]] == [("04_forecasting", 0)]


def test_a_stage_may_take_as_long_as_the_call_says(tried, kernel, ran):
    run.run(tried, minutes=7)
    assert kernel.minutes == 7
