"""Sweeps that are killed, interrupted, refused or given trouble: what is left is whole, and a rerun ends as if nothing had been.

All use a short project (see `short_project.py`) and one sweep of four points, whose undisturbed tables are the reference.
Moments are counted in stages that are done, not in seconds alone, so that a slow machine is disturbed at the same places.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
import short_project
from short_project import kernels, ledger, processes, wait_until

from forefolio.runs import contracts
from forefolio.runs.contracts import OF_A_POINT as STAGES, combined
from forefolio.sweeps.tasks import OTHER_CODE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their environment")

SWEEP = ("sweep", "kills.yml", "--workers", "2")
REST = ("sweep", "kills.yml", "--workers", "1")  # of what was disturbed: one worker starts in half the time of two
RUNS = {"01_data": 1, "02_correlation": 1, "03_mpt_frontier": 1, "04_forecasting": 1, "05_portfolios": 2, "06_comparison": 4}
POINTS = [f"risk_aversion-{gamma}__cost_bps-{cost}" for gamma in (1, 5) for cost in (0, 20)]
PATIENCE = 180  # seconds for a command on a busy machine: it hangs if it takes longer


@dataclass(frozen=True)
class Answer:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Reference:
    """The sweep when nothing disturbed it: its outputs, what the command said, its tables, and all of its data files."""

    outputs: Path
    answer: Answer
    tables: dict[str, bytes]
    files: dict[str, bytes]


def ended(process: subprocess.Popen) -> Answer:
    out, err = process.communicate(timeout=PATIENCE)
    return Answer(process.returncode, out, err)


def call(project: Path, *arguments: str, outputs: Path) -> Answer:
    return ended(short_project.start(project, *arguments, outputs=outputs))


def tables(folder: Path) -> dict[str, bytes]:
    """The tables of all points and of the sweep itself, by their paths."""
    found = [*folder.glob("*/tables/*.csv"), folder / "results.csv", folder / "points.csv"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found if path.exists()}


def data_files(outputs: Path) -> Iterator[Path]:
    """Files with final names in the folders of points and in the store; hidden ones are nobody's but their writer's."""
    for folder, inner, names in os.walk(outputs):
        inner[:] = [name for name in inner if not name.startswith(".") or name == ".stages"]
        for name in names:
            if not name.startswith(".") and name.endswith((".csv", ".parquet", ".json", ".ipynb")):
                yield Path(folder, name)


def done(outputs: Path) -> list[dict]:
    return [line for line in ledger(outputs / "kills") if line["state"] == "done"]


def begun(reference: Reference, outputs: Path, *stages: str) -> Path:
    """Outputs in which the results of some stages are there already: they were made by another sweep."""
    for place in (reference.outputs / ".stages").iterdir():
        if place.name.rpartition("-")[0] in stages:
            copied = outputs / ".stages" / place.name
            shutil.copytree(place, copied)
            record = json.loads((copied / "record.json").read_text())
            record["line"]["sweep"] = "another"
            del record["seal"]
            (copied / "record.json").write_text(json.dumps(record | {"seal": combined(record)}))
    return outputs


def wait_for(process: subprocess.Popen, outputs: Path, n_done: int) -> None:
    """Wait until so many stages are done and another one runs."""
    reached = wait_until(lambda: process.poll() is not None or (
        len(done(outputs)) >= n_done and kernels(outputs)), seconds=PATIENCE)
    assert reached and process.poll() is None, f"it ended before {n_done} stages were done: {ended(process)}"


def check_whole(reference: Reference, outputs: Path) -> None:
    """All is as the undisturbed sweep left it, and nothing is left of what disturbed it."""
    assert tables(outputs / "kills") == reference.tables
    twice = {key: n for key, n in Counter(line["key"] for line in done(outputs)).items() if n > 1}
    assert not twice, f"done more than once: {twice}"
    assert not list((outputs / "kills").glob(".working/*")) and not list((outputs / ".stages").glob(".*"))
    assert not processes(outputs)


def incomplete(folder: Path) -> bool:
    """Whether a folder with a final name, of a stage or a point, lacks a file that it is said to hold."""
    of_the_store = folder.parent.name == ".stages"
    about = folder / ("record.json" if of_the_store else "manifest.json")
    try:
        said = json.loads(about.read_text())
    except FileNotFoundError:
        return folder.exists() and not about.exists()
    entries = [said["entry"]] if of_the_store else [sealed["entry"] for sealed in said.values()]
    return any(not os.path.exists(f"{folder}/{path}") and about.exists() for entry in entries for path in entry["files"])


@contextmanager
def watched(reference: Reference, outputs: Path) -> Iterator[None]:
    """Read all files with final names all the time; each must be what the undisturbed sweep has, or at least be whole."""
    torn, known, stop = [], set(), threading.Event()

    def read(path: Path) -> None:
        name, content = path.relative_to(outputs).as_posix(), path.read_bytes()
        of_a_point = name in reference.files and "/" in name.removeprefix("kills/")
        if of_a_point and content != reference.files[name]:
            torn.append(f"{name}: {len(content)} bytes, {len(reference.files[name])} in the undisturbed sweep")
        elif path.suffix in (".json", ".ipynb"):
            json.loads(content)
        elif not of_a_point:
            pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)

    def look() -> None:
        while not stop.wait(0.02):
            for folder in (*outputs.glob(".stages/[!.]*"), *(outputs / "kills" / point for point in POINTS)):
                if incomplete(folder) and incomplete(folder):  # twice: it may have been replaced meanwhile
                    torn.append(f"{folder} is not complete")
            for path in data_files(outputs):
                try:
                    about = path.stat()
                    seen = (path, about.st_ino, about.st_size, about.st_mtime_ns)
                    if seen not in known:
                        read(path)
                        known.add(seen)
                except FileNotFoundError:
                    continue
                except Exception as error:
                    torn.append(f"{path}: {error}")

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        stop.set()
        looking.join()
    assert not torn, torn
    assert len(known) > 100, "there was nothing to read"


@pytest.fixture(scope="module", autouse=True)
def temporary():
    """A folder for what killed workers have no time to remove; its path is short, as sockets of kernels lie in it."""
    with tempfile.TemporaryDirectory(prefix="short-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    made = short_project.make(tmp_path_factory.mktemp("short") / "project")
    short_project.sweep_file(made, "kills", risk_aversion=[1, 5], cost_bps=[0, 20])
    return made


@pytest.fixture(scope="module")
def reference(project, tmp_path_factory) -> Reference:
    outputs = tmp_path_factory.mktemp("reference")
    answer = call(project, *SWEEP, outputs=outputs)
    assert answer.code == 0, answer
    files = {path.relative_to(outputs).as_posix(): path.read_bytes() for path in data_files(outputs)
             if path.suffix in (".csv", ".parquet")}
    return Reference(outputs, answer, tables(outputs / "kills"), files)


# ------------------------------------------------------------------------------------------------------ undisturbed
def test_the_short_project_uses_its_own_copy_of_the_library(project, tmp_path):
    said = subprocess.run([sys.executable, "-c", "from forefolio.study.parameters import ROOT; print(ROOT)"], text=True,
                          capture_output=True, env=short_project.environment(project, tmp_path), check=True)
    assert said.stdout.strip() == str(project)


def test_an_undisturbed_sweep_runs_each_stage_once_and_accounts_for_every_point(project, reference):
    folder, lines = reference.outputs / "kills", done(reference.outputs)
    assert Counter(line["stage"] for line in lines) == RUNS and len({line["key"] for line in lines}) == sum(RUNS.values())
    assert all(line["worker"] and line["peak_memory_mb"] > 20 and line["seconds"] > 0 for line in lines)
    assert len({line["worker"] for line in lines}) == 2
    assert [line["points"] for line in lines] == [len(POINTS) // RUNS[line["stage"]] for line in lines]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")) == sorted(POINTS)
    verifying = {point: short_project.start(project, "verify", str(folder / point), outputs=reference.outputs)
                 for point in POINTS}
    for point, process in verifying.items():
        assert {path.stem for path in (folder / point).glob("*.ipynb")} == set(STAGES)
        assert not (folder / point / "ledger.jsonl").exists()
        answer = ended(process)
        assert answer.code == 0, answer.err
    results, points = pd.read_csv(folder / "results.csv"), pd.read_csv(folder / "points.csv")
    strategies = ["mean+mvf", "equal_weight", "benchmark"]
    assert results[["point", "strategy"]].to_numpy().tolist() == [[point, name] for point in POINTS for name in strategies]
    assert points["point"].tolist() == POINTS and set(points["state"]) == {"done"}
    assert (folder / "sweep.ipynb").exists() and "4 points: 4 done" in reference.answer.out


def test_other_parameters_change_the_tables_of_the_stages_that_have_them_and_of_no_others(reference):
    """Without this, equal tables would say nothing."""
    def of(stage: str, point: str) -> list[bytes]:
        return [reference.tables[f"{point}/{path}"] for path in contracts.STAGES[stage].writes if path.startswith("tables/")]

    base, other_cost, other_gamma = POINTS[:3]
    for stage in STAGES:
        assert (of(stage, base) == of(stage, other_cost)) == (stage != "06_comparison")
        assert (of(stage, base) == of(stage, other_gamma)) == (stage not in ("05_portfolios", "06_comparison"))


def test_the_same_command_again_starts_no_kernel_and_writes_nothing(project, reference, tmp_path):
    outputs = tmp_path / "outputs"
    shutil.copytree(reference.outputs, outputs)
    before = {path: path.stat().st_mtime_ns for path in data_files(outputs) if path.name not in (
        "points.csv", "results.csv", "results.parquet", "net_returns.parquet", "sweep.json")}
    n_lines, seen = len(ledger(outputs / "kills")), []
    process = short_project.start(project, *SWEEP, outputs=outputs)
    assert wait_until(lambda: seen.extend(kernels(outputs)) or process.poll() is not None, seconds=PATIENCE)
    answer = ended(process)
    assert answer.code == 0 and "0 stages to run, 10 up to date" in answer.out, answer
    assert not seen
    assert {line["state"] for line in ledger(outputs / "kills")[n_lines:]} == {"up to date"}
    assert before == {path: path.stat().st_mtime_ns for path in before}
    check_whole(reference, outputs)


# ---------------------------------------------------------------------------------------------------------- killed
@pytest.mark.parametrize("parents", ["this process"], indirect=True)
def test_workers_that_are_killed_at_three_moments_change_no_table(parents, project, reference, tmp_path):
    rng = random.Random(7)
    moments = [(n_done, round(rng.uniform(0, 1), 2)) for n_done in sorted(rng.sample(range(8), 3))]
    outputs = begun(reference, tmp_path, "01_data")
    process = short_project.start(project, *SWEEP, outputs=outputs)
    for n_done, seconds in moments:
        wait_for(process, outputs, n_done)
        wait_until(lambda: process.poll() is not None, seconds=seconds)
        workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
        assert workers
        rng.choice(workers).kill()
    answer = ended(process)
    assert "Traceback" not in answer.err, f"{moments}\n{answer.err}"
    assert answer.code == 0 or " killed: " in answer.out, (moments, answer)
    again = call(project, *REST, outputs=outputs)
    assert again.code == 0, (moments, again)
    assert answer.code or "0 stages to run" in again.out, (moments, again)
    check_whole(reference, outputs)
    assert {line["state"] for line in ledger(outputs / "kills")} <= {"done", "up to date", "killed"}


def test_a_killed_command_takes_its_kernels_along_and_a_rerun_goes_on(project, reference, tmp_path):
    """Killed twice, at other moments: its orphans are adopted by the machine's first process, then by this one."""
    rng, n_before = random.Random(14), 0
    begun(reference, tmp_path, "01_data", "02_correlation")
    with watched(reference, tmp_path):
        for adopting in (nullcontext, short_project.adopting_orphans):
            moment = n_done, seconds = n_before + rng.randrange(1, 3), round(rng.uniform(0, 1), 2)
            with adopting():
                process = short_project.start(project, *SWEEP, outputs=tmp_path)
                wait_for(process, tmp_path, n_done)
                wait_until(lambda: process.poll() is not None, seconds=seconds)
                process.kill()
                orphans = processes(tmp_path)
                assert wait_until(lambda: not processes(tmp_path), seconds=30), (moment, orphans, processes(tmp_path))
                process.communicate()
            n_before = len(done(tmp_path))
            assert n_done <= n_before < 8, moment
        again = call(project, *REST, outputs=tmp_path)
    assert again.code == 0, (moment, again)
    check_whole(reference, tmp_path)


@pytest.mark.parametrize("parents", ["process 1"], indirect=True)
def test_an_interrupted_sweep_ends_its_kernels_and_leaves_whole_files(parents, project, reference, tmp_path):
    """First as by Ctrl-C, which every process of the terminal gets, then as by a polite kill of the command alone."""
    # each point takes seconds more, so that the sweep cannot end before it is interrupted, on a busy machine either
    slow = short_project.edited(project, tmp_path / "slow", "06_comparison", "__import__('time').sleep(3)")
    outputs = begun(reference, tmp_path / "outputs", "01_data", "02_correlation", "03_mpt_frontier")
    with watched(reference, outputs):
        for n_done, code, interrupt in [(1, 130, lambda process: os.killpg(process.pid, signal.SIGINT)),
                                        (4, 143, subprocess.Popen.terminate)]:
            process = short_project.start(slow, *SWEEP, outputs=outputs)
            wait_for(process, outputs, n_done)
            n_lines = len(ledger(outputs / "kills"))
            interrupt(process)
            assert wait_until(lambda: not kernels(outputs), seconds=15)
            answer = ended(process)
            assert answer.code == code and "Traceback" not in answer.err, answer
            assert not processes(outputs)
            states = [line["state"] for line in ledger(outputs / "kills")[n_lines:]]
            assert "cancelled" in states and set(states) <= {"cancelled", "done"}
            points = pd.read_csv(outputs / "kills" / "points.csv")
            assert points["point"].tolist() == POINTS
            assert "cancelled" in set(points["state"]) and set(points["state"]) <= {"done", "cancelled", "not run"}
        again = call(slow, *REST, outputs=outputs)
    assert again.code == 0, again
    check_whole(reference, outputs)


# --------------------------------------------------------------------------------------------------------- trouble
def test_a_changed_notebook_reruns_its_readers_alone_and_stops_no_point_but_those_for_which_it_fails_or_dies(
        project, reference, tmp_path):
    outputs = begun(reference, tmp_path / "outputs", *STAGES)
    trouble = 'assert risk_aversion != 13, "thirteen is too much"\nif risk_aversion == 17: __import__("os")._exit(1)'
    troubled = short_project.edited(project, tmp_path / "troubled", "05_portfolios", trouble)
    short_project.sweep_file(troubled, "kills", risk_aversion=[13, 17, 1])
    folder = outputs / "kills"
    answer = call(troubled, *SWEEP, outputs=outputs)
    assert answer.code == 1 and "Traceback" not in answer.err, answer
    assert Counter(line["stage"] for line in done(outputs)) == {"05_portfolios": 1, "06_comparison": 1}
    assert "risk_aversion-13: 05_portfolios failed: AssertionError: thirteen is too much" in answer.out
    assert "risk_aversion-17: 05_portfolios failed: " in answer.out and "\nrisk_aversion-1:" not in answer.out
    states = {(line["stage"], line["parameters"].get("risk_aversion")): line["state"] for line in ledger(folder)
              if line["stage"] > "05" and line["point"] != "risk_aversion-1"}
    assert states == {("05_portfolios", 13): "failed", ("05_portfolios", 17): "failed"}
    points = pd.read_csv(folder / "points.csv").set_index("point")
    assert points["state"].to_dict() == {"risk_aversion-13": "failed", "risk_aversion-17": "failed", "risk_aversion-1": "done"}
    assert points.loc["risk_aversion-13", "stage"] == "05_portfolios" and "thirteen" in points.loc["risk_aversion-13", "error"]
    assert set(pd.read_csv(folder / "results.csv")["point"]) == {"risk_aversion-1"}
    kept = [json.loads(path.read_text()) for path in folder.glob("failed/05_portfolios-*.ipynb")]
    raised = [output["ename"] for notebook in kept for cell in notebook["cells"] for output in cell.get("outputs", [])
              if output["output_type"] == "error"]
    assert raised == ["AssertionError"]
    assert not (folder / "risk_aversion-13" / "05_portfolios.ipynb").exists()

    shutil.copy(project / "notebooks" / "05_portfolios.ipynb", troubled / "notebooks")
    mended = call(troubled, *REST, outputs=outputs)
    assert mended.code == 0 and "3 points: 3 done" in mended.out, mended
    assert len(done(outputs)) == 2 + 4  # risk_aversion 1 with the mended notebook was made by the undisturbed sweep


# --------------------------------------------------------------------------------------------------------- elsewhere
@dataclass(frozen=True)
class Cluster:
    """A scheduler and workers, each a process started by hand, and the scheduler's address."""

    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]
    address: str


@contextmanager
def cluster(project: Path, outputs: Path, folder: Path, *, n_workers: int) -> Iterator[Cluster]:
    """Start a scheduler and workers that use a project, and end them with whatever they started."""
    folder.mkdir()
    about, log = folder / "scheduler.json", folder / "log"

    def start(*words: str) -> subprocess.Popen:
        with open(log, "a") as said:
            return subprocess.Popen([str(Path(sys.executable).with_name("dask")), *words, "--scheduler-file", str(about)],
                                    cwd=folder, env=short_project.environment(project, outputs), stdout=said, stderr=said)

    def address() -> str:
        try:
            return json.loads(about.read_text())["address"]
        except (OSError, ValueError):
            return ""

    try:
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", ":0")
        assert wait_until(address, seconds=60), log.read_text()
        workers = [start("worker", "--nthreads", "1", "--no-dashboard") for _ in range(n_workers)]
        assert wait_until(lambda: log.read_text().count("Registered to") == n_workers, seconds=60), log.read_text()
        yield Cluster(scheduler, workers, address())
    finally:
        for process in processes(outputs):
            process.kill()
        for process in (scheduler, *workers):
            process.wait()


@pytest.mark.parametrize("parents", ["this process"], indirect=True)
def test_a_scheduler_and_a_worker_elsewhere_that_are_killed_change_no_table(parents, project, reference, tmp_path):
    outputs = begun(reference, tmp_path / "outputs", "01_data", "02_correlation")
    rng = random.Random(5)
    with cluster(project, outputs, tmp_path / "first", n_workers=2) as first:
        process = short_project.start(project, "sweep", "kills.yml", "--scheduler", first.address, outputs=outputs)
        wait_for(process, outputs, 2)
        wait_until(lambda: process.poll() is not None, seconds=rng.uniform(0, 1))
        first.scheduler.kill()
        answer = ended(process)
        assert answer.code == 1, answer
        assert answer.err.startswith("Error: the scheduler") and answer.err.count("\n") == 1, answer.err
    n_before = len(done(outputs))
    assert 2 <= n_before < 8
    with cluster(project, outputs, tmp_path / "second", n_workers=2) as second:
        process = short_project.start(project, "sweep", "kills.yml", "--scheduler", second.address, outputs=outputs)
        wait_for(process, outputs, n_before + 2)
        killed = second.workers[1]
        for one in (*psutil.Process(killed.pid).children(), killed):
            one.kill()
        answer = ended(process)
        assert answer.code == 0 and "4 points: 4 done" in answer.out, answer
    assert call(project, *REST, outputs=outputs).code == 0
    check_whole(reference, outputs)
    assert len({line["worker"] for line in done(outputs)}) >= 3


def test_a_worker_with_another_copy_of_a_notebook_refuses_to_run_it(project, reference, tmp_path):
    outputs = begun(reference, tmp_path / "outputs", *list(STAGES)[:4])
    other = short_project.edited(project, tmp_path / "other", "05_portfolios", "pass  # another line")
    with cluster(other, outputs, tmp_path / "cluster", n_workers=1) as elsewhere:
        answer = call(project, "sweep", "kills.yml", "--scheduler", elsewhere.address, outputs=outputs)
    assert answer.code == 1 and "Traceback" not in answer.err, answer
    refused = [line for line in ledger(outputs / "kills") if line["state"] == "failed"]
    assert Counter(line["stage"] for line in refused) == {"05_portfolios": 2} and not done(outputs)
    assert all(line["error"] == OTHER_CODE for line in refused)
    assert all(f"{point}: 05_portfolios failed: {OTHER_CODE}" in answer.out for point in POINTS)
