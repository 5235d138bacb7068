"""What a worker does with a task, and how Dask orders tasks and accounts for them; nothing here starts a process."""

import asyncio
import socket
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import hand_made_plan
import pytest
from distributed.core import Server
from hand_made_plan import keep, place, states
from short_project import wait_until

from forefolio.files import read_ledger
from forefolio.runs import contracts
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import StudyError
from forefolio.sweeps import tasks
from forefolio.sweeps.plan import GOOD, Task
from forefolio.sweeps.tasks import OTHER_CODE, OTHER_PRICES, Errand

FIRST, SECOND, THIRD = hand_made_plan.POINTS
ALL = {key for keys in hand_made_plan.KEYS.values() for key in keys}
COMPARED = {"compared1", "compared2", "compared9"}


def ended(task: Task, errand: Errand) -> str:
    """How a task ends on a worker: the state that it gives, or raises for Dask to pass on."""
    try:
        return tasks.run(task, errand)
    except tasks.Ended as end:
        assert str(end) not in GOOD
        return str(end)


def hidden(folder: Path) -> list[str]:
    """What is left in the folder in which tasks run."""
    return [path.name for path in folder.glob(".working/*")]


# ---------------------------------------------------------------------------------------------------------- a worker
def test_a_worker_keeps_what_a_stage_made_and_writes_its_line(tried, kernel, errand):
    assert ended(tried.plan.tasks["data"], errand) == "done"
    assert tried.store.intact("01_data", "data", {}) and not hidden(tried.folder)
    (written,) = read_ledger(tried.folder)
    assert written == tried.store.record("01_data", "data")["line"]
    assert (written["worker"], written["key"], written["points"], written["sweep"], written["point"]) == (
        "host tcp://a:1", "data", 3, "tried", FIRST)
    assert kernel.environment == {"FOREFOLIO_OUTPUTS": str(tried.folder.parent), "FOREFOLIO_CORES": "3",
                                  "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def test_the_only_task_of_a_stage_has_all_cores(tried, kernel, errand):
    assert ended(tried.plan.tasks["data"], replace(errand, tasks={"01_data": 1})) == "done"
    assert kernel.environment["FOREFOLIO_CORES"] == "6"


def test_a_stage_is_laid_out_with_what_it_reads(tried, kernel, errand):
    keep(tried, "data")
    assert ended(tried.plan.tasks["correlation"], errand) == "done"
    assert kernel.laid_out == {*STAGES["01_data"].writes, "manifest.json"}


@pytest.mark.parametrize("asked", [None, "of another call"])
def test_a_task_that_nobody_wants_any_more_is_cancelled_with_a_line(asked, tried, kernel, errand):
    (tried.folder / ".asked").unlink()
    if asked:
        (tried.folder / ".asked").write_text(asked)
    assert ended(tried.plan.tasks["data"], errand) == "cancelled"
    assert not kernel.calls and states(tried) == [("data", "cancelled")] and not place(tried, "data").exists()
    assert read_ledger(tried.folder)[0]["error"] == ""


def test_a_folder_that_a_worker_does_not_see_is_said_in_a_sentence(tried, kernel):
    with pytest.raises(FileNotFoundError, match="does not see .*elsewhere; --output must name a folder on a disk that all"):
        tasks.run(tried.plan.tasks["data"], Errand(tried.folder.parent / "elsewhere", "token"))
    assert not kernel.calls and not (tried.folder.parent / "elsewhere").exists()


def test_what_is_in_the_store_already_is_not_run(tried, kernel, errand):
    keep(tried, "data", sweep_name="another")
    assert ended(tried.plan.tasks["data"], errand) == "up to date"
    assert not kernel.calls and states(tried) == [("data", "up to date")]


def test_a_worker_with_other_code_begins_nothing(tried, kernel, errand, monkeypatch):
    monkeypatch.setattr(contracts, "environment", lambda library: {"python": "2.7"})
    assert ended(tried.plan.tasks["data"], errand) == "failed"
    assert not kernel.calls and read_ledger(tried.folder)[0]["error"] == OTHER_CODE


def test_code_that_was_edited_between_the_plan_and_the_notebook_s_start_is_noticed(tried, kernel, errand, monkeypatch):
    """The worker's own look is before; the entry of the manifest has what the notebook saw."""
    def edited():
        manifest = contracts.read_manifest(kernel.folder)
        manifest["01_data"]["notebook"] = "another"
        contracts.write_manifest(kernel.folder, manifest)

    kernel.edit = edited
    assert ended(tried.plan.tasks["data"], errand) == "failed"
    assert read_ledger(tried.folder)[0]["error"] == OTHER_CODE and not place(tried, "data").exists()


def test_published_numbers_that_are_not_those_of_the_plan_fail(tried, kernel, errand):
    def edited():
        manifest = contracts.read_manifest(kernel.folder)
        manifest["01_data"]["published"] = {"nguyen2025_table.csv": "another hash"}
        contracts.write_manifest(kernel.folder, manifest)

    kernel.edit = edited
    assert ended(tried.plan.tasks["data"], errand) == "failed"
    assert read_ledger(tried.folder)[0]["error"] == OTHER_PRICES and not place(tried, "data").exists()


def test_prices_that_are_not_those_of_the_command_fail(tried, kernel, errand):
    kernel.sources = ["hash of other prices"]
    assert ended(tried.plan.tasks["data"], errand) == "failed"
    (written,) = read_ledger(tried.folder)
    assert (written["state"], written["error"]) == ("failed", OTHER_PRICES)
    assert not place(tried, "data").exists() and not hidden(tried.folder)
    assert (tried.folder / written["notebook"]).read_text() == "executed, done"


@pytest.mark.parametrize("state", ["failed", "timed out"])
def test_the_notebook_of_a_failure_is_kept_until_the_stage_is_done(state, tried, kernel, errand):
    kernel.ends["01_data"] = (state, "ValueError: no")
    assert ended(tried.plan.tasks["data"], errand) == state
    kept = tried.folder / "failed" / "01_data-data.ipynb"
    assert kept.read_text() == f"executed, {state}" and not hidden(tried.folder)
    (written,) = read_ledger(tried.folder)
    assert (written["state"], written["error"], written["notebook"]) == (state, "ValueError: no", "failed/01_data-data.ipynb")
    kernel.ends.clear()
    assert ended(tried.plan.tasks["data"], errand) == "done" and not kept.exists()


def test_the_notebook_of_a_stage_that_was_interrupted_is_not_kept(tried, kernel, errand):
    kernel.ends["01_data"] = ("cancelled", "interrupted")
    assert ended(tried.plan.tasks["data"], errand) == "cancelled"
    assert not (tried.folder / "failed").exists() and not hidden(tried.folder) and not place(tried, "data").exists()
    assert states(tried) == [("data", "cancelled")]


def test_a_worker_whose_input_is_gone_raises_and_leaves_no_workspace(tried, kernel, errand):
    with pytest.raises(FileNotFoundError):
        tasks.run(tried.plan.tasks["correlation"], errand)
    assert not kernel.calls and not hidden(tried.folder)


def test_the_second_of_two_workers_that_made_the_same_says_up_to_date(tried, kernel, errand):
    kernel.edit = lambda: keep(tried, "data", sweep_name="another")
    assert ended(tried.plan.tasks["data"], errand) == "up to date"
    assert states(tried) == [("data", "up to date")] and tried.store.record("01_data", "data")["line"]["sweep"] == "another"


# -------------------------------------------------------------------------------------------------------------- Dask
@pytest.fixture
def ends(client, tried, monkeypatch):
    """Submit the plan to Dask, each task ending as it is told by its key or else done; each end, in order."""
    def make(**told: str | Exception) -> list[tuple[str, str, str]]:
        def run(task, errand, *made):
            end = told.get(task.key, "done")
            if isinstance(end, Exception):
                raise end
            if end not in GOOD:
                raise tasks.Ended(end)
            return end

        monkeypatch.setattr(tasks, "run", run)
        futures = tasks.submit(client, tried.plan, Errand(tried.folder, uuid.uuid4().hex))
        found = list(tasks.ended(client, tried.plan, futures))
        assert futures.keys() == {key for key, state, _ in found if state not in ("done", "up to date")}, "others are let go"
        return found
    return make


def test_dask_runs_each_task_once_and_after_those_that_it_reads(ends, tried):
    order = [key for key, state, error in ends() if (state, error) == ("done", "")]
    assert len(order) == len(ALL) and set(order) == ALL
    assert all(order.index(maker) < order.index(key) for key in order for maker in tried.plan.tasks[key].inputs.values())


def test_a_task_that_is_up_to_date_is_not_submitted_and_its_readers_do_not_wait_for_it(ends, tried):
    tried.plan.up_to_date.update({"data", "forecasts", "weights1"})
    assert {key for key, _, _ in ends(frontier="up to date")} == ALL - {"data", "forecasts", "weights1"}


@pytest.mark.parametrize(("key", "never"), [
    ("data", ALL - {"data"}), ("correlation", set()), ("frontier", set()),
    ("forecasts", {"weights1", "weights9", *COMPARED}), ("weights1", {"compared1", "compared2"}), ("compared9", set())])
@pytest.mark.parametrize("state", ["failed", "timed out", "cancelled"])
def test_what_waits_for_a_stage_that_did_not_end_well_is_not_run_and_the_rest_goes_on(state, key, never, ends):
    found = ends(**{key: state})
    assert len(found) == len(ALL) and {name: how for name, how, _ in found} == (
        dict.fromkeys(ALL, "done") | dict.fromkeys(never, "not run") | {key: state})
    order = [name for name, _, _ in found]
    assert all(order.index(key) < order.index(name) for name in never) and not any(error for _, _, error in found)


def test_two_stages_that_fail_have_each_their_own_state_and_what_reads_neither_goes_on(ends):
    found = {key: state for key, state, _ in ends(frontier="failed", weights1="timed out")}
    assert (found["frontier"], found["weights1"]) == ("failed", "timed out")
    assert [found[key] for key in sorted(COMPARED)] == ["not run", "not run", "done"] and found["weights9"] == "done"


def test_a_worker_that_raises_or_dies_is_a_state_with_an_error_of_that_task_alone(ends, monkeypatch):
    """No worker is left to write these lines into the ledger, and Dask gives the same error for what waits."""
    monkeypatch.setattr(tasks, "KilledWorker", ZeroDivisionError)
    found = {key: (state, error) for key, state, error in ends(frontier=OSError("no disk"), weights9=ZeroDivisionError("dead"))}
    assert found["frontier"] == ("failed", "OSError: no disk")
    assert found["weights9"] == ("killed", "ZeroDivisionError: dead")
    assert [found[key] for key in sorted(COMPARED)] == [("done", ""), ("done", ""), ("not run", "")]


def test_what_ended_badly_before_patience_ran_out_is_said_again_and_the_rest_is_left(client, tried, monkeypatch):
    """As after Ctrl-C: the ends that were not heard are asked for again, for a while."""
    def run(task, errand, *made):
        if task.key == "data":
            raise tasks.Ended("failed")
        return "done"

    monkeypatch.setattr(tasks, "run", run)
    futures = tasks.submit(client, tried.plan, Errand(tried.folder, "again"))
    assert next(tasks.ended(client, tried.plan, futures)) == ("data", "failed", "")
    assert dict(one[:2] for one in tasks.ended(client, tried.plan, futures, patience=30)) == (
        dict.fromkeys(ALL, "not run") | {"data": "failed"})


def test_the_slots_of_each_machine_are_counted(client):
    assert list(tasks.slots(client).values()) == [1]


def test_of_tasks_that_could_run_the_first_point_s_come_first_and_of_these_what_most_others_wait_for(tried):
    urgency = {}

    class Recorder:
        def submit(self, run, task, *_, priority, key):
            urgency[task.key] = priority

    tasks.submit(Recorder(), tried.plan, Errand(tried.folder, "recorded"))
    assert sorted(tried.plan.tasks, key=urgency.get, reverse=True) == [
        "data", "forecasts", "weights1", "correlation", "frontier", "compared1", "compared2", "weights9", "compared9"]


# --------------------------------------------------------------------------------------------------------- connected
@pytest.fixture(params=[b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
                        bytes(100_000), bytes(range(255, 0, -1)) * 9, b"\1\0\0\0\0\0\0\0\377\377\0\0\0\0\0\0"],
                ids=["silence", "http", "ssh", "zeros", "noise", "half a message"])
def stranger(request):
    """The address of a program that accepts connections and says something else than a scheduler; who was hung up on."""
    hung_up, server = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = server.accept()
            connection.settimeout(30)
            try:
                connection.sendall(request.param)
                while connection.recv(1000):
                    pass
                hung_up.append("by the command")
            except TimeoutError:
                hung_up.append("by the stranger")
            except ConnectionError:
                hung_up.append("by the command")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}", hung_up
    server.close()


def test_what_answers_in_place_of_a_scheduler_is_told_in_time_and_in_one_sentence(stranger, monkeypatch, capfd):
    monkeypatch.setattr(tasks, "PATIENCE", 1)
    address, hung_up = stranger
    with pytest.raises(StudyError, match=f"--scheduler {address}: no Dask scheduler answers there") as refused:
        tasks.connected(None, address).__enter__()
    assert "\n" not in str(refused.value) and capfd.readouterr().err == ""
    assert wait_until(lambda: hung_up == ["by the command"], seconds=60), hung_up


def test_a_worker_is_no_scheduler(client):
    async def start() -> Server:
        server = Server({"identity": lambda **_: {"type": "Worker"}})
        await server.listen("tcp://127.0.0.1:0")
        return server

    worker = client.sync(start)
    with pytest.raises(StudyError, match="no Dask scheduler answers there"):
        tasks.connected(None, worker.address).__enter__()
    client.sync(worker.close)


@pytest.mark.parametrize("answers", [True, False])
def test_a_scheduler_that_falls_silent_in_the_middle_of_a_sweep_is_hung_up_on(answers, monkeypatch):
    """One that answers is asked again and again, until the client has ended."""
    monkeypatch.setattr(tasks, "SILENCE", 0.05)
    asked, hung_up = [], []

    async def identity(n_workers):
        asked.append(n_workers)
        client.status = "closed" if len(asked) == 3 else "running"
        await asyncio.sleep(0 if answers else 60)

    client = SimpleNamespace(status="running", scheduler=SimpleNamespace(identity=identity), scheduler_comm=SimpleNamespace(
        comm=SimpleNamespace(abort=lambda: hung_up.append(True))))
    asyncio.run(asyncio.wait_for(tasks._stay(client), 30))
    assert (len(asked), hung_up) == ((3, []) if answers else (1, [True]))
