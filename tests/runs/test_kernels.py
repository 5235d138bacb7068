"""Kernels: what they see of a user's account, where they lie, and that none outlives the command that started it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
import short_project
from short_project import ledger, processes, wait_until

from forefolio.runs import contracts, execution, kernels

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sockets are files, and parents are left, there")
linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their environment")
SLOW = "__import__('time').sleep(600)"


@pytest.fixture
def fresh():
    """This process's folder is made anew, where the test says, and again after it."""
    kernels.end()
    shutil.rmtree(kernels.own_folder())
    kernels.own_folder.cache_clear()
    yield
    kernels.own_folder.cache_clear()


# ------------------------------------------------------------------------------------------------------------- where
@pytest.fixture
def asked(monkeypatch) -> list[Path]:
    """What papermill is asked for: where the kernel's sockets are to lie. Nothing is executed."""
    seen = []

    def execute(source, aside, parameters, *, place, **_):
        environment, config = place
        seen.append(Path(config["KernelManager"]["connection_file"]))
        assert config["KernelManager"]["transport"] == "ipc" and seen[-1].parent.is_dir()
        assert environment["TMPDIR"] == str(seen[-1].parent)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    monkeypatch.setattr(kernels, "prepare", lambda *_: None)
    return seen


def test_sockets_lie_in_the_temporary_folder_and_near_where_its_path_is_long(asked, fresh, monkeypatch, tmp_path):
    long = tmp_path / ("far" * 30)
    long.mkdir()
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        for folder in (short, long):
            kernels.own_folder.cache_clear()
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
            assert execution.notebook(Path("a.ipynb"), tmp_path / "aside.ipynb", {})[:2] == ("done", "")
        own, near = asked
        assert own.parents[2] == Path(short) and near.parents[2] == Path("/tmp")
        assert all(len(f"{path}-5") < 108 for path in asked), "a socket's path has no more room"
        assert not own.parent.exists() and not near.parent.exists(), "nothing stays"
        near.parents[1].rmdir()
    assert not list(long.iterdir())


def test_two_kernels_have_no_sockets_in_common(asked, tmp_path):
    for _ in range(2):
        execution.notebook(Path("a.ipynb"), tmp_path / "aside.ipynb", {})
    assert asked[0].parent != asked[1].parent


def test_folders_of_dead_processes_are_cleared_away_and_those_of_others_stay(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(kernels, "FAR", 1000)
    own, elsewhere = kernels.own_folder(), "forefolio-000000-99999999-1-abc"
    number, born = os.getpid(), own.name.split("-")[3]
    dead = [own.with_name(f"{kernels._prefix()}{name}") for name in (f"99999999-{born}-a", f"{number}-{int(born, 16) - 60:x}-b")]
    stay = [own, own.with_name(elsewhere), own.with_name(f"{kernels._prefix()}x-y-z"), tmp_path / "somebody-s"]
    for folder in (*dead, *stay):
        (folder / "inner").mkdir(parents=True)
    kernels.clear_dead()
    assert sorted(tmp_path.iterdir()) == sorted(stay)


# --------------------------------------------------------------------------------------------------------- isolation
LOOKS = """
import json, os, sys
from pathlib import Path
import keras
seen = {"startup": "from_startup" in globals(), "python": sys.executable, "path": "intruder" in str(sys.path),
        "floatx": keras.config.floatx(), "settings": [name for name in os.environ if name in (
        "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "PYTHONSTARTUP", "OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "MINE")]}
Path(out).write_text(json.dumps(seen))
"""


def test_a_kernel_sees_nothing_of_an_account_that_changes_numbers(tmp_path):
    """A home folder and a shell with all that a user may have set up: files, a kernel of that name, variables."""
    home = tmp_path / "home"
    for path, text in {".keras/keras.json": '{"floatx": "float64", "backend": "jax"}',
                       ".ipython/profile_default/startup/own.py": "from_startup = 1",
                       ".local/share/jupyter/kernels/python3/kernel.json": '{"argv": ["false"], "display_name": "x"}',
                       "intruder/json.py": "raise RuntimeError", "start.py": "from_startup = 1"}.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    cells = [nbformat.v4.new_code_cell('out: str = ""', metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell(LOOKS)]
    meta = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=meta), tmp_path / "looks.ipynb")
    script = (f"from pathlib import Path\nfrom forefolio.runs import execution\nprint(execution.notebook(Path({str(tmp_path)!r}, "
              f"'looks.ipynb'), Path({str(tmp_path)!r}, 'done.ipynb'), {{'out': {str(tmp_path / 'seen.json')!r}}}))")
    variables = {"HOME": str(home), "PYTHONSTARTUP": str(home / "start.py"), "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
                 "TF_ENABLE_ONEDNN_OPTS": "0", "OPENBLAS_CORETYPE": "Prescott", "OMP_NUM_THREADS": "1", "MINE": "1"}
    paths = [str(contracts.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    said = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True, cwd=tmp_path,
                          env={name: value for name, value in os.environ.items() if name not in (
                              "IPYTHONDIR", "KERAS_HOME", "JUPYTER_DATA_DIR", "XDG_DATA_HOME")} | variables | {
                              "PYTHONPATH": os.pathsep.join(paths)})
    assert said.stdout.startswith("('done', ''"), said
    assert json.loads((tmp_path / "seen.json").read_text()) == {
        "startup": False, "python": sys.executable, "path": False, "floatx": "float32",
        "settings": [name for name in variables if name in ("OMP_NUM_THREADS", "MINE")]}


# ------------------------------------------------------------------------------------------------------- what is ended
@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A short project whose second stage never ends where its window is 99."""
    plain = short_project.make(tmp_path_factory.mktemp("plain") / "project", pause=0)
    return short_project.edited(plain, tmp_path_factory.mktemp("short") / "project", "02_correlation",
                                f"correlation_window == 99 and {SLOW}")


def started(project: Path, outputs: Path, *words: str, **variables: str) -> subprocess.Popen:
    """A run whose second stage never ends."""
    return short_project.start(project, "run", "params/short.yml", "--set", "correlation_window=99", *words,
                               outputs=outputs, **variables)


def hangs(outputs: Path) -> bool:
    """Whether the second stage has begun to do nothing for ever."""
    running = outputs / "short" / ".02_correlation.open"
    return running.exists()


@linux
@pytest.mark.parametrize(("how", "parents"), [  # one that is asked to end leaves no orphans
    (signal.SIGKILL, "process 1"), (signal.SIGKILL, "this process"), (signal.SIGTERM, "this process")], indirect=["parents"])
def test_a_command_that_ends_while_its_kernel_is_born_leaves_none(how, parents, project, tmp_path):
    rng, commands = random.Random(7), {}
    for number in range(3):
        outputs = tmp_path / f"{number}"
        commands[outputs] = short_project.start(project, "run", "params/short.yml", "--to", "01_data", outputs=outputs)
    for outputs, command in commands.items():
        assert wait_until(lambda: processes(outputs, "guard.py"), seconds=60)
        time.sleep(rng.uniform(0, 0.3))
        command.send_signal(how)
    for outputs, command in commands.items():
        out, error = command.communicate(timeout=60)
        assert wait_until(lambda: not processes(outputs), seconds=10), processes(outputs)
        assert "Traceback" not in error and command.returncode == (-9 if how == signal.SIGKILL else 143), (out, error)


@linux
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_is_interrupted_says_so_in_its_ledger_and_its_exit_code(how, code, project, tmp_path):
    temporary = Path(tempfile.mkdtemp(prefix="own", dir="/tmp"))
    command = started(project, tmp_path, TMPDIR=str(temporary))
    assert wait_until(lambda: hangs(tmp_path), seconds=60)
    command.send_signal(how)
    out, error = command.communicate(timeout=60)
    assert command.returncode == code and error.count("\n") == 1 and error.startswith("Interrupted: "), (out, error)
    ends = {line["stage"]: line["state"] for line in ledger(tmp_path / "short")}
    assert ends["01_data"] == "done" and ends["02_correlation"] == "cancelled" and {*ends.values()} == {"done", "cancelled"}
    assert wait_until(lambda: not processes(tmp_path), seconds=10) and not list(temporary.iterdir())
    temporary.rmdir()
    left = [path.name for path in (tmp_path / "short").iterdir()]
    assert not [name for name in left if name.endswith((".open", ".running.ipynb")) or name == ".holder"], left


@linux
def test_a_run_that_nobody_may_hang_up_goes_on(project, tmp_path):
    command = subprocess.Popen(["nohup", sys.executable, "-m", "forefolio", "run", "params/short.yml", "--to", "01_data"],
                               cwd=project, env=short_project.environment(project, tmp_path), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert wait_until(lambda: processes(tmp_path, "guard.py"), seconds=60)
    command.send_signal(signal.SIGHUP)
    assert command.wait(timeout=60) == 0


@linux
def test_a_stage_that_takes_too_long_is_ended_named_with_its_cell_and_made_by_the_next_call(project, tmp_path):
    command = started(project, tmp_path, "--stage-timeout", "0.1", "--to", "02_correlation")
    out, error = command.communicate(timeout=120)
    assert command.returncode == 1 and "Traceback" not in error, error
    assert "02_correlation timed out after 6 s, in cell 5 of 7 (correlation_window == 99" in error, error
    assert not processes(tmp_path)
    last = ledger(tmp_path / "short")[-1]
    assert (last["stage"], last["state"]) == ("02_correlation", "timed out")
    again = short_project.start(project, "run", "params/short.yml", "--to", "02_correlation", outputs=tmp_path)
    out, error = again.communicate(timeout=60)
    assert again.returncode == 0 and "01_data  up to date" in out and "02_correlation  done" in out, (out, error)


def test_what_runs_and_for_how_long_is_told_once_a_minute(project, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "TOLD", 1)
    monkeypatch.setattr(contracts, "NOTEBOOKS", tmp_path)
    cell = nbformat.v4.new_code_cell("__import__('time').sleep(4)")
    meta = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=meta), tmp_path / "waits.ipynb")
    told = []
    assert execution.notebook(tmp_path / "waits.ipynb", tmp_path / "done.ipynb", {}, tell=told.append)[0] == "done"
    assert all(line.startswith("running for ") for line in told)
    assert any(" s, cell 1 of 1 (__import__('time').sleep(4)) for " in line for line in told), told


def test_a_browser_of_a_kernel_that_had_to_be_killed_is_ended(tmp_path):
    """What a kernel started in a session of its own, as browsers are, ends with the kernel, however that ends."""
    note = tmp_path / "number"
    starts = (f"import os, pathlib, subprocess\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
              f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\nos.kill(os.getpid(), 9)")
    guarded = subprocess.run([sys.executable, "-I", str(kernels.GUARD), str(os.getpid()), sys.executable, "-c", starts],
                             timeout=60)
    assert guarded.returncode == 1
    assert not psutil.pid_exists(int(note.read_text())) or (
        psutil.Process(int(note.read_text())).status() == psutil.STATUS_ZOMBIE)


def test_in_a_kernel_s_place_no_other_folder_is_made(fresh, monkeypatch):
    with kernels.place({}) as (environment, _):
        kernels.own_folder.cache_clear()
        monkeypatch.setattr(tempfile, "tempdir", environment["TMPDIR"])
        assert str(kernels.own_folder()) == environment["TMPDIR"]
    Path(environment["TMPDIR"]).parent.rmdir()
