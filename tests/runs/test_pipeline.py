"""The order of a run: which stages go on side by side, how many, and what a failure or an interruption leaves."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import short_project
from short_project import ledger, processes, wait_until

from forefolio.files import RunFailed, file_hash, ledger_line
from forefolio.runs import contracts, execution, kernels, pipeline
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import Study

SHORT = Study(study="short", source="simulated")
MIDDLE = ["02_correlation", "03_mpt_frontier", "04_forecasting"]  # these read what 01 wrote, and nothing of each other
WAIT = 60  # seconds that a stage waits for another one before the test fails


class Stages:
    """In place of kernels: each stage does what it is told, and then writes its results."""

    def __init__(self):
        self.lock, self.begun, self.running, self.most = threading.Lock(), [], set(), 0
        self.does: dict[str, Callable[[Callable[[], bool]], tuple[str, str] | None]] = {}

    def __call__(self, folder, name, parameters, *, point, wanted, **_):
        with self.lock:
            self.begun.append(name)
            self.running.add(name)
            self.most = max(self.most, len(self.running))
        started = time.time()
        state, error = self.does.get(name, lambda wanted: None)(wanted) or ("done", "")
        if state == "done":
            for path in STAGES[name].writes:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(f"{path} of {name}")
            made = {path: file_hash(folder / path) for path in STAGES[name].writes}
            with contracts.changing(folder) as manifest:
                manifest[name] = contracts.conditions(folder, name, parameters, []) | {"files": made}
        with self.lock:
            self.running.remove(name)
        return ledger_line(point=point, stage=name, state=state, started=started, seconds=1.0, error=error, notebook=None)


@pytest.fixture
def stages(tmp_path, monkeypatch) -> Stages:
    """In place of kernels, on a machine of three cores."""
    stub = Stages()
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(kernels, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(execution, "stage", stub)
    cores(monkeypatch, 3)
    return stub


def cores(monkeypatch, count: int) -> None:
    """Let this machine have so many cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)), raising=False)


def states(folder: Path) -> dict[str, str]:
    return {line["stage"]: line["state"] for line in ledger(folder / "short")}


# -------------------------------------------------------------------------------------------------------- side by side
def test_02_03_and_04_run_side_by_side_after_01(stages, tmp_path):
    meeting = threading.Barrier(3, timeout=WAIT)
    stages.does = dict.fromkeys(MIDDLE, lambda wanted: meeting.wait() and None)
    pipeline.run(SHORT, last="06_comparison")
    assert stages.begun[0] == "01_data" and set(stages.begun[1:4]) == set(MIDDLE) and stages.most == 3
    assert stages.begun[4:] == ["05_portfolios", "06_comparison"]
    assert states(tmp_path) == dict.fromkeys(stages.begun, "done")
    assert list(contracts.read_manifest(tmp_path / "short")) == contracts.OF_A_POINT


@pytest.mark.parametrize("count", [1, 2])
def test_no_more_stages_run_at_once_than_there_are_cores_and_04_is_the_first(count, stages, monkeypatch):
    cores(monkeypatch, count)
    meeting = threading.Barrier(count, timeout=WAIT)
    stages.does = dict.fromkeys(MIDDLE[2:] + MIDDLE[:count - 1], lambda wanted: meeting.wait() and None)
    pipeline.run(SHORT, last="04_forecasting")
    assert stages.most == count and stages.begun[0] == "01_data" and set(stages.begun) == {"01_data", *MIDDLE}
    assert "04_forecasting" in stages.begun[1:1 + count], "most others wait for it"


def test_05_waits_for_04_alone(stages, monkeypatch):
    """02 and 03 end after 05 has begun."""
    begun = threading.Event()
    stages.does = {"02_correlation": lambda wanted: begun.wait(WAIT) and None, "05_portfolios": lambda wanted: begun.set()}
    pipeline.run(SHORT, last="05_portfolios")
    assert stages.begun.index("05_portfolios") > stages.begun.index("04_forecasting") and begun.is_set()


def test_only_what_is_not_up_to_date_is_started(stages, tmp_path, capsys):
    pipeline.run(SHORT, last="05_portfolios")
    stages.begun.clear()
    (tmp_path / "short" / "tables" / "conditioning.csv").unlink()
    pipeline.run(SHORT, last="05_portfolios")
    assert stages.begun == ["02_correlation"]
    said = capsys.readouterr().out.splitlines()
    assert [f"{name}  up to date" in said for name in contracts.OF_A_POINT[:5]] == [True, False, True, True, True]


# ------------------------------------------------------------------------------------------------------------ a failure
def test_a_failure_starts_no_other_stage_and_what_runs_beside_it_is_kept(stages, tmp_path):
    failed = threading.Event()

    def fails(wanted):
        failed.set()
        return "failed", "ValueError: no"

    stages.does = {"02_correlation": fails, "03_mpt_frontier": lambda wanted: failed.wait(WAIT) and None,
                   "04_forecasting": lambda wanted: failed.wait(WAIT) and not time.sleep(0.5) and None}
    with pytest.raises(RunFailed, match="^02_correlation failed with ValueError: no$"):
        pipeline.run(SHORT)
    assert set(stages.begun) == {"01_data", *MIDDLE}
    assert states(tmp_path) == {"01_data": "done", "02_correlation": "failed", "03_mpt_frontier": "done", "04_forecasting": "done"}
    assert list(contracts.read_manifest(tmp_path / "short")) == ["01_data", "03_mpt_frontier", "04_forecasting"]


def test_of_two_failures_both_are_in_the_ledger_and_one_is_the_message(stages, tmp_path):
    meeting = threading.Barrier(2, timeout=WAIT)
    stages.does = dict.fromkeys(MIDDLE[:2], lambda wanted: (meeting.wait(), ("failed", "ValueError: no"))[1])
    with pytest.raises(RunFailed, match="^0[23]_[a-z_]+ failed with ValueError: no$"):
        pipeline.run(SHORT, last="04_forecasting")
    assert sorted(states(tmp_path).values()) == ["done", "done", "failed", "failed"]


def test_a_stage_that_raises_what_nobody_expects_ends_the_others(stages, tmp_path):
    def until_unwanted(wanted):
        assert wait_until(lambda: not wanted(), seconds=WAIT)
        return "cancelled", "interrupted"

    def raises(wanted):
        raise ZeroDivisionError

    stages.does = {"02_correlation": raises, "04_forecasting": until_unwanted, "03_mpt_frontier": until_unwanted}
    with pytest.raises(ZeroDivisionError):
        pipeline.run(SHORT)
    assert states(tmp_path) == {"01_data": "done", "03_mpt_frontier": "cancelled", "04_forecasting": "cancelled"}


# ------------------------------------------------------------------------------------------------------ an interruption
def test_an_interruption_cancels_all_that_runs_with_a_line_each(stages, tmp_path):
    meeting = threading.Barrier(3, timeout=WAIT)

    def interrupted(wanted):
        if not meeting.wait():
            os.kill(os.getpid(), signal.SIGINT)
        assert wait_until(lambda: not wanted(), seconds=WAIT)
        return "cancelled", "interrupted"

    stages.does = dict.fromkeys(MIDDLE, interrupted)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(SHORT)
    assert states(tmp_path) == {"01_data": "done", **dict.fromkeys(MIDDLE, "cancelled")} and len(stages.begun) == 4
    assert list(contracts.read_manifest(tmp_path / "short")) == ["01_data"]


# --------------------------------------------------------------------------------------------------------- one manifest
CHANGE = """
import sys
from pathlib import Path
from forefolio.runs import contracts
for number in range(20):
    with contracts.changing(Path(sys.argv[1])) as manifest:
        manifest[sys.argv[2]] = {"parameters": {}, "files": {**manifest.get(sys.argv[2], {"files": {}})["files"], str(number): "hash"}}
"""


def test_a_manifest_that_many_processes_change_at_once_has_it_all(tmp_path):
    changing = [subprocess.Popen([sys.executable, "-c", CHANGE, str(tmp_path), name]) for name in MIDDLE]
    assert [process.wait(timeout=WAIT) for process in changing] == [0, 0, 0]
    found = contracts.read_manifest(tmp_path)
    assert {name: len(entry["files"]) for name, entry in found.items()} == dict.fromkeys(MIDDLE, 20)


def test_a_manifest_that_many_threads_change_at_once_has_it_all(tmp_path):
    meeting = threading.Barrier(len(STAGES), timeout=WAIT)

    def change(name: str) -> None:
        meeting.wait()
        for number in range(10):
            with contracts.changing(tmp_path) as manifest:
                files = manifest.get(name, {"files": {}})["files"]
                time.sleep(0)
                manifest[name] = {"parameters": {}, "files": files | {str(number): "hash"}}

    with ThreadPoolExecutor(len(STAGES)) as threads:
        list(threads.map(change, STAGES))
    assert {name: len(entry["files"]) for name, entry in contracts.read_manifest(tmp_path).items()} == dict.fromkeys(STAGES, 10)


def test_a_change_of_a_manifest_that_fails_changes_nothing(tmp_path):
    contracts.write_manifest(tmp_path, {"01_data": {"parameters": {}, "files": {}}})
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(ZeroDivisionError), contracts.changing(tmp_path) as manifest:
        manifest.clear()
        raise ZeroDivisionError
    assert (tmp_path / "manifest.json").read_bytes() == before
    with contracts.changing(tmp_path) as manifest:
        assert list(manifest) == ["01_data"], "the lock is free again"


# ------------------------------------------------------------------------------------------------------------ what is said
class Slow(io.StringIO):
    """A place that takes its time for each piece of text, so that others can come between two of them."""

    def write(self, text: str) -> int:
        written = super().write(text)
        time.sleep(0.001)
        return written


def test_a_line_is_one_stage_s_whoever_else_says_something(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Slow())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(pipeline._say, [f"{letter * 40} of one" for letter in "abcdefgh"] * 5))
    lines = sys.stdout.getvalue().splitlines()
    assert len(lines) == 40 and all(len(set(line.removesuffix(" of one"))) == 1 for line in lines), lines


# ------------------------------------------------------------------------------------------------------ with real kernels
@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A short project whose 04 ends only when 02 has written what it makes."""
    plain = short_project.make(tmp_path_factory.mktemp("plain") / "project", pause=0)
    wait = ("import time\nfrom forefolio.files import outputs_folder\nfolder, end = outputs_folder() / study, time.time() + 60\n"
            "while time.time() < end and not (folder / 'artifacts' / 'correlation.parquet').exists():\n    time.sleep(0.05)")
    return short_project.edited(plain, tmp_path_factory.mktemp("short") / "project", "04_forecasting", wait)


@pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="one core, or finds no processes")
def test_the_record_of_a_run_whose_stages_run_side_by_side_is_whole(project, tmp_path):
    command = short_project.start(project, "run", "params/short.yml", "--to", "06_comparison", outputs=tmp_path)
    out, error = command.communicate(timeout=180)
    assert command.returncode == 0 and not error, (out, error)
    lines = {line["stage"]: line for line in ledger(tmp_path / "short")}
    assert list(lines)[0] == "01_data" and list(lines)[-2:] == ["05_portfolios", "06_comparison"]
    assert len(lines) == 6
    said = [line for line in out.splitlines() if line[:2] in ("01", "02", "03", "04", "05", "06")]
    assert len(said) == 12 and [line.split()[1] for line in said].count("running") == 6
    assert said.index(next(line for line in said if line.startswith("04_forecasting  running"))) < said.index(
        next(line for line in said if line.startswith("02_correlation  done")))
    assert set(json.loads((tmp_path / "short" / "manifest.json").read_text())) == set(contracts.OF_A_POINT)
    assert not processes(tmp_path)
