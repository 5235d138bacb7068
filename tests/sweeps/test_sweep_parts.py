"""The parts of a sweep, one by one and without workers: what is cleared away, counted, refused, and what a worker does."""

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import hand_made_plan
import pandas as pd
import papermill
import pytest

from forefolio.files import append_to_ledger, file_hash, ledger_line, read_ledger
from forefolio.runs import contracts, execution
from forefolio.sweeps import results, run, store, tasks
from forefolio.runs.contracts import STAGES
from forefolio.study.yaml_files import as_yaml
from forefolio.sweeps.run import Sweep
from forefolio.sweeps.tasks import Errand, OTHER_CODE, OTHER_PRICES

FIRST, SECOND, THIRD = hand_made_plan.POINTS
SHARED = {"data", "correlation", "frontier", "forecasts"}
ALL = {key for keys in hand_made_plan.KEYS.values() for key in keys}


@pytest.fixture
def tried(tmp_path) -> Sweep:
    """A sweep of three points, of which nothing has run."""
    (tmp_path / "outputs" / "tried").mkdir(parents=True)
    return Sweep(tmp_path / "outputs" / "tried", hand_made_plan.make())


def entry(folder: Path, stage: str, *, sources: list[str] = ("hash of prices",)) -> dict:
    """What a stage writes, and its entry of the manifest: made of the code as it stands."""
    for path in STAGES[stage].writes:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{path} of {stage}")
    frames = {"tables/performance.csv": "strategy,sharpe\nmean+mvf,1.5\n",
              "tables/validation_accuracy.csv": "model,mae_mean\nmean,0.25\n"}
    for path in frames.keys() & set(STAGES[stage].writes):
        (folder / path).write_text(frames[path])
    if stage == "06_comparison":
        days = pd.date_range("2021-01-01", periods=3, name="date")
        pd.DataFrame({"mean+mvf": 0.01}, days).to_parquet(folder / "artifacts/net_returns.parquet")
    files = {path: file_hash(folder / path) for path in STAGES[stage].writes}
    return {**hand_made_plan.code(stage), "sources": list(sources) if stage == "01_data" else [], "files": files}


def keep(of: Sweep, *keys: str, sweep_name: str = "tried") -> None:
    """Put results of tasks into the store, as a worker of a sweep does; no line is written."""
    for key in keys:
        task, folder = of.plan.tasks[key], of.folder.parent / "ran" / key
        contracts.write_manifest(folder, {task.stage: entry(folder, task.stage)})
        line = ledger_line(started=0.0, point=task.points[0], stage=task.stage, state="done", seconds=2.0, parameters={},
                           error="", key=key, sweep=sweep_name)
        assert of.store.keep(folder, task.stage, key, line)
        shutil.rmtree(folder)


def place(of: Sweep, key: str) -> Path:
    return of.store.place(of.plan.tasks[key].stage, key)


def states(of: Sweep) -> list[tuple[str, str]]:
    """Key and state of each line of the ledger."""
    return [(line["key"], line["state"]) for line in read_ledger(of.folder)]


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
    assert not old.exists() and (own / "tables" / "universe.csv").exists() and tried.store.intact("01_data", "data")


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
    for left in (".working/abc/tables", ".working/def", ".away-123/ghi"):
        (tried.folder / left).mkdir(parents=True)
        (tried.folder / left / "half.csv").write_text("a")
    (tried.folder / "awayday.txt").write_text("mine")
    run._tidy(tried)
    assert [path.name for path in tried.folder.iterdir()] == ["awayday.txt"]


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
    monkeypatch.setattr(run.shutil, "rmtree", remove)
    run._put_away(tried.folder)
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


# ----------------------------------------------------------------------------------------------------- _consequences
def waiting(of: Sweep, *ended: str) -> dict[str, set[str]]:
    """What has not begun when some tasks have ended well, and what each of it waits for."""
    ready = {key for key, task in of.plan.tasks.items() if not set(task.inputs.values()) - set(ended)}
    return {key: set(task.inputs.values()) - set(ended) for key, task in of.plan.tasks.items() if key not in ready}


@pytest.mark.parametrize(("key", "never"), [
    ("data", ALL - {"data"}), ("correlation", set()), ("frontier", {"compared1", "compared2", "compared9"}),
    ("forecasts", {"weights1", "weights9", "compared1", "compared2", "compared9"})])
@pytest.mark.parametrize("state", ["failed", "killed", "timed out", "cancelled", "not run"])
def test_what_waits_for_a_stage_that_did_not_end_well_is_not_run_and_the_rest_goes_on(state, key, never, tried):
    ended = () if key == "data" else ("data",)
    left = waiting(tried, *ended)
    before = {name: set(inputs) for name, inputs in left.items()}
    found = run._consequences(left, key, state)
    assert found[0] == (key, state) and len(found) == 1 + len(never)
    assert set(found[1:]) == {(name, "not run") for name in never}
    assert left == {name: inputs for name, inputs in before.items() if name not in never}


def test_a_branch_that_fails_stops_its_own_points_alone(tried):
    left = waiting(tried, *SHARED)
    assert run._consequences(left, "weights1", "failed") == [
        ("weights1", "failed"), ("compared1", "not run"), ("compared2", "not run")]
    assert run._consequences(left, "weights9", "done") == [("weights9", "done")]
    assert left == {"compared9": set()}


def test_what_waits_for_what_waits_is_not_run_either():
    left = {"b": {"a"}, "c": {"b"}, "d": {"c", "x"}, "e": {"b", "c"}, "f": {"x"}}
    found = run._consequences(left, "a", "failed")
    assert found[0] == ("a", "failed") and sorted(found[1:]) == [(name, "not run") for name in "bcde"]
    assert left == {"f": {"x"}}


@pytest.mark.parametrize("state", run.GOOD)
def test_what_waits_for_a_stage_that_is_done_waits_for_the_others_still(state, tried):
    left = waiting(tried, "data")
    assert run._consequences(left, "frontier", state) == [("frontier", state)]
    assert left["compared1"] == {"forecasts", "weights1"} and left["weights1"] == {"forecasts"}


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


# ---------------------------------------------------------------------------------------------------------- a worker
class Kernel:
    """In place of a kernel: makes what a stage makes, and ends as it is told."""

    def __init__(self):
        self.calls, self.ends, self.sources, self.edit = [], {}, ["hash of prices"], lambda: None

    def __call__(self, folder, name, parameters, *, point, wanted, environment):
        self.calls.append((name, point))
        self.folder, self.environment, self.laid_out = folder, environment, {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        state, error = self.ends.get(point if name == "06_comparison" else name, ("done", ""))
        (folder / f"{name}.ipynb").write_text(f"executed, {state}")
        if state == "done":
            manifest = contracts.read_manifest(folder) | {name: entry(folder, name, sources=self.sources)}
            contracts.write_manifest(folder, manifest)
        self.edit()
        return ledger_line(point=point, stage=name, state=state, started=0.0, seconds=2.0, parameters=parameters, error=error,
                           notebook=f"{name}.ipynb")


@pytest.fixture
def kernel(monkeypatch) -> Kernel:
    stub = Kernel()
    monkeypatch.setattr(execution, "stage", stub)
    monkeypatch.setattr(tasks, "here", lambda slots: ("host tcp://a:1", 3))
    return stub


@pytest.fixture
def errand(tried) -> Errand:
    """Of a call that stands."""
    (tried.folder / ".asked").write_text("token")
    return Errand(tried.folder, "token", {"host": 2})


def hidden(folder: Path) -> list[str]:
    """What is left in the folder in which tasks run."""
    return [path.name for path in folder.glob(".working/*")]


def test_a_worker_keeps_what_a_stage_made_and_writes_its_line(tried, kernel, errand):
    assert tasks.run(tried.plan.tasks["data"], errand) == "done"
    assert tried.store.intact("01_data", "data") and not hidden(tried.folder)
    (written,) = read_ledger(tried.folder)
    assert written == tried.store.record("01_data", "data")["line"]
    assert (written["worker"], written["key"], written["points"], written["sweep"], written["point"]) == (
        "host tcp://a:1", "data", 3, "tried", FIRST)
    assert kernel.environment == {"FOREFOLIO_OUTPUTS": str(tried.folder.parent), "FOREFOLIO_CORES": "3",
                                  "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def test_a_stage_is_laid_out_with_what_it_reads(tried, kernel, errand):
    keep(tried, "data")
    assert tasks.run(tried.plan.tasks["correlation"], errand) == "done"
    assert kernel.laid_out == {*STAGES["01_data"].writes, "manifest.json"}


@pytest.mark.parametrize("asked", [None, "of another call"])
def test_a_task_that_nobody_wants_any_more_is_cancelled_with_a_line(asked, tried, kernel, errand):
    (tried.folder / ".asked").unlink()
    if asked:
        (tried.folder / ".asked").write_text(asked)
    assert tasks.run(tried.plan.tasks["data"], errand) == "cancelled"
    assert not kernel.calls and states(tried) == [("data", "cancelled")] and not place(tried, "data").exists()
    assert read_ledger(tried.folder)[0]["error"] == ""


def test_a_folder_that_a_worker_does_not_see_is_said_in_a_sentence(tried, kernel):
    with pytest.raises(FileNotFoundError, match="does not see .*elsewhere; --output must name a folder on a disk that all"):
        tasks.run(tried.plan.tasks["data"], Errand(tried.folder.parent / "elsewhere", "token"))
    assert not kernel.calls and not (tried.folder.parent / "elsewhere").exists()


def test_what_is_in_the_store_already_is_not_run(tried, kernel, errand):
    keep(tried, "data", sweep_name="another")
    assert tasks.run(tried.plan.tasks["data"], errand) == "up to date"
    assert not kernel.calls and states(tried) == [("data", "up to date")]


def test_a_worker_with_other_code_begins_nothing(tried, kernel, errand, monkeypatch):
    monkeypatch.setattr(contracts, "environment", lambda library: {"python": "2.7"})
    assert tasks.run(tried.plan.tasks["data"], errand) == "failed"
    assert not kernel.calls and read_ledger(tried.folder)[0]["error"] == OTHER_CODE


def test_code_that_was_edited_between_the_plan_and_the_notebook_s_start_is_noticed(tried, kernel, errand, monkeypatch):
    """The worker's own look is before; the entry of the manifest has what the notebook saw."""
    def edited():
        manifest = contracts.read_manifest(kernel.folder)
        manifest["01_data"]["notebook"] = "another"
        contracts.write_manifest(kernel.folder, manifest)

    kernel.edit = edited
    assert tasks.run(tried.plan.tasks["data"], errand) == "failed"
    assert read_ledger(tried.folder)[0]["error"] == OTHER_CODE and not place(tried, "data").exists()


def test_prices_that_are_not_those_of_the_command_fail(tried, kernel, errand):
    kernel.sources = ["hash of other prices"]
    assert tasks.run(tried.plan.tasks["data"], errand) == "failed"
    (written,) = read_ledger(tried.folder)
    assert (written["state"], written["error"]) == ("failed", OTHER_PRICES)
    assert not place(tried, "data").exists() and not hidden(tried.folder)
    assert (tried.folder / written["notebook"]).read_text() == "executed, done"


@pytest.mark.parametrize("state", ["failed", "timed out"])
def test_the_notebook_of_a_failure_is_kept_until_the_stage_is_done(state, tried, kernel, errand):
    kernel.ends["01_data"] = (state, "ValueError: no")
    assert tasks.run(tried.plan.tasks["data"], errand) == state
    kept = tried.folder / "failed" / "01_data-data.ipynb"
    assert kept.read_text() == f"executed, {state}" and not hidden(tried.folder)
    (written,) = read_ledger(tried.folder)
    assert (written["state"], written["error"], written["notebook"]) == (state, "ValueError: no", "failed/01_data-data.ipynb")
    kernel.ends.clear()
    assert tasks.run(tried.plan.tasks["data"], errand) == "done" and not kept.exists()


def test_the_notebook_of_a_stage_that_was_interrupted_is_not_kept(tried, kernel, errand):
    kernel.ends["01_data"] = ("cancelled", "interrupted")
    assert tasks.run(tried.plan.tasks["data"], errand) == "cancelled"
    assert not (tried.folder / "failed").exists() and not hidden(tried.folder) and not place(tried, "data").exists()
    assert states(tried) == [("data", "cancelled")]


def test_a_worker_whose_input_is_gone_raises_and_leaves_no_workspace(tried, kernel, errand):
    with pytest.raises(FileNotFoundError):
        tasks.run(tried.plan.tasks["correlation"], errand)
    assert not kernel.calls and not hidden(tried.folder)


def test_the_second_of_two_workers_that_made_the_same_says_up_to_date(tried, kernel, errand):
    kernel.edit = lambda: keep(tried, "data", sweep_name="another")
    assert tasks.run(tried.plan.tasks["data"], errand) == "up to date"
    assert states(tried) == [("data", "up to date")] and tried.store.record("01_data", "data")["line"]["sweep"] == "another"


# ---------------------------------------------------------------------------------------------------------- a kernel
@pytest.fixture
def asked(monkeypatch) -> list[Path]:
    """What papermill is asked for: where the kernel's sockets are to lie. Nothing is executed."""
    seen = []

    def execute(source, aside, parameters, *, config, **_):
        seen.append(Path(config["KernelManager"]["connection_file"]))
        assert config["KernelManager"]["transport"] == "ipc" and seen[-1].parent.is_dir()

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    return seen


@pytest.mark.skipif(os.name != "posix", reason="sockets are files there")
def test_sockets_lie_in_the_temporary_folder_and_near_where_its_path_is_long(asked, monkeypatch, tmp_path):
    long = tmp_path / ("far" * 30)
    long.mkdir()
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        for folder in (short, long):
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
            assert execution.notebook(Path("a.ipynb"), tmp_path / "aside.ipynb", {})[:2] == ("done", "")
        own, near = asked
        assert own.parents[1] == Path(short) and near.parents[1] == Path("/tmp")
        assert all(len(f"{path}-5") < 108 for path in asked), "a socket's path has no more room"
        assert not own.parent.exists() and not near.parent.exists(), "nothing stays"
    assert not list(long.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="sockets are files there")
def test_two_kernels_have_no_sockets_in_common(asked, tmp_path):
    for _ in range(2):
        execution.notebook(Path("a.ipynb"), tmp_path / "aside.ipynb", {})
    assert asked[0].parent != asked[1].parent


# ------------------------------------------------------------------------------------------------- all of it together
class Pool:
    """In place of workers: runs a task in this process when its end is asked for, the most urgent first."""

    def __init__(self):
        self.slots, self.order, self.stop_after, self._queue = {"host": 1}, [], None, []

    def submit(self, name, function, *arguments, key, priority):
        self._queue.append((-priority, len(self.order) + len(self._queue), name, function, arguments))

    def ended(self, *, patience=None):
        while self._queue:
            if len(self.order) == self.stop_after and patience is None:
                return
            one = min(self._queue)
            self._queue.remove(one)
            _, _, name, function, arguments = one
            self.order.append(name)
            try:
                yield name, function(*arguments), ""
            except OSError as error:
                yield name, "failed", f"{type(error).__name__}: {error}"


@pytest.fixture
def pool(monkeypatch) -> Pool:
    stub = Pool()

    @contextmanager
    def connected(workers, scheduler):
        yield stub

    monkeypatch.setattr(tasks, "connected", connected)
    monkeypatch.setattr(execution, "notebook", lambda source, aside, parameters, **_: (aside.write_text("all") and "done", "", 1.0))
    return stub


def accounts(of: Sweep) -> dict[str, str]:
    points = pd.read_csv(of.folder / "points.csv")
    return dict(zip(points["point"], points["state"], strict=True))


def test_a_sweep_runs_each_task_once_one_point_after_another(tried, kernel, pool, capsys):
    run.run(tried)
    assert pool.order == ["data", "forecasts", "frontier", "weights1", "correlation", "compared1", "compared2", "weights9",
                          "compared9"], "of a point first what most others wait for"
    assert set(accounts(tried).values()) == {"done"} and (tried.folder / "sweep.ipynb").read_text() == "all"
    assert "[9 of 9 stages, 3 of 3 points, 0 stages failed, nothing left]" in capsys.readouterr().out
    for point, keys in tried.plan.stages.items():
        assert contracts.read_manifest(tried.folder / point).keys() == keys.keys()
        assert f"study: tried-{point}\n" in (tried.folder / point / store.PARAMS).read_text()
    assert not list(tried.folder.glob(".asked")) and not list(tried.folder.glob(".working"))


def test_a_second_call_has_nothing_to_run_and_keeps_the_notebook(tried, kernel, pool):
    run.run(tried)
    pool.order.clear()
    again = Sweep(tried.folder, hand_made_plan.make())  # planned when nothing was there yet
    run.run(again)
    assert pool.order == [] and set(again.states.values()) == {"up to date"} and set(accounts(again).values()) == {"done"}


def test_a_stage_that_fails_takes_its_own_points_along(tried, kernel, pool, capsys):
    kernel.ends[THIRD] = ("failed", "ValueError: no")
    kernel.ends[FIRST] = ("timed out", "a cell took too long")
    run.run(tried)
    assert accounts(tried) == {FIRST: "timed out", SECOND: "done", THIRD: "failed"}
    assert run.summary(tried).splitlines()[:2] == [
        "3 points: 1 timed out, 1 done, 1 failed", f"{FIRST}: 06_comparison timed out: a cell took too long"]
    assert pd.read_csv(tried.folder / "results.csv")["point"].tolist() == [SECOND]
    assert contracts.read_manifest(tried.folder / THIRD).keys() == set(list(STAGES)[:5]), "what is done is there to see"
    assert {path.name for path in (tried.folder / "failed").iterdir()} == {
        "06_comparison-compared1.ipynb", "06_comparison-compared9.ipynb"}


def test_a_stage_that_many_need_fails_once_and_all_say_why(tried, kernel, pool, capsys):
    kernel.ends["04_forecasting"] = ("failed", "ValueError: no")
    run.run(tried)
    assert sorted(pool.order) == sorted(SHARED) and set(accounts(tried).values()) == {"failed"}
    assert list(tried.accounts().values()) == [("failed", "04_forecasting", "ValueError: no")] * 3
    assert "[9 of 9 stages, 0 of 3 points, 1 stages failed, nothing left] " in capsys.readouterr().out
    assert not (tried.folder / "results.csv").exists() and not (tried.folder / "sweep.ipynb").exists()


def test_results_of_an_earlier_call_are_out_of_sight_while_stages_run(tried, kernel, pool):
    run.run(tried)
    shutil.rmtree(place(tried, "compared9"))
    seen = []
    kernel.edit = lambda: seen.extend(name for name in (*results.TABLES, "sweep.ipynb") if (tried.folder / name).exists())
    pool.order.clear()
    run.run(Sweep(tried.folder, hand_made_plan.make()))
    assert pool.order == ["compared9"] and seen == [] and (tried.folder / "sweep.ipynb").exists()


def test_a_scheduler_that_is_gone_leaves_accounts_and_a_sentence(tried, kernel, pool):
    pool.stop_after = 6
    with pytest.raises(run.SweepStopped, match="tcp://a:1 is gone with 3 stages not ended; what is done is kept"):
        run.run(tried, scheduler="tcp://a:1")
    assert len(pool.order) == 6 and set(accounts(tried)) == {FIRST, SECOND, THIRD}
    assert "not run" in set(accounts(tried).values()) and not list(tried.folder.glob(".asked"))


def test_an_interrupted_sweep_lets_its_workers_go_and_accounts_for_what_is_done(tried, kernel, pool):
    """Ctrl-C while the first 06 runs: no other task is begun, and the handlers of signals are as they were."""
    def own(*_):
        pytest.fail("no signal was sent")

    before = {number: signal.signal(number, own) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupted():
        if (tried.folder / ".asked").exists() and kernel.calls[-1][0] == "06_comparison":
            raise KeyboardInterrupt

    kernel.edit = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.run(tried)
    assert [signal.signal(number, earlier) for number, earlier in before.items()] == [own, own]
    assert ("weights9", "cancelled") in states(tried) or ("compared2", "cancelled") in states(tried)
    assert len(kernel.calls) == len(SHARED) + 2, "nothing began after that"
    assert set(accounts(tried).values()) <= {"cancelled", "not run"} and not (tried.folder / "results.csv").exists()
    assert not hidden(tried.folder) and contracts.read_manifest(tried.folder / FIRST).keys() == set(list(STAGES)[:5])


def test_a_store_that_is_deleted_meanwhile_is_made_again_by_the_next_call(tried, kernel, pool):
    def deleted():
        if kernel.calls[-1] == ("06_comparison", THIRD):
            shutil.rmtree(place(tried, "weights9"))

    kernel.edit = deleted
    run.run(tried)
    assert accounts(tried) == {FIRST: "done", SECOND: "done", THIRD: "not run"}
    kernel.edit = lambda: None
    pool.order.clear()
    again = Sweep(tried.folder, hand_made_plan.make())
    run.run(again)
    assert pool.order == ["weights9"] and set(accounts(again).values()) == {"done"}
