"""Kernels that are forked: each is like a new process, none knows of another, and all go with what started them."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
import short_project
from short_project import ledger, processes, wait_until

from forefolio.runs import contracts, execution, fork_server, kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere kernels are new processes")
SLOW = "__import__('time').sleep(600)"


# ------------------------------------------------------------------------------------------------------------- tools
@pytest.fixture(autouse=True)
def ended():
    """No test gets another one's parent of kernels."""
    kernels.end()
    yield
    kernels.end()


def executed(folder: Path, *cells: str, environment: dict[str, str] | None = None) -> tuple[str, str, float]:
    """Execute a notebook of these cells, which find `out`, a file to write to; state, message and memory."""
    first = nbformat.v4.new_code_cell('out: str = ""', metadata={"tags": ["parameters"]})
    sources = [nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells]
    meta = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[first, *sources], metadata=meta), folder / "own.ipynb")
    return execution.notebook(folder / "own.ipynb", folder / "done.ipynb", {"out": str(folder / "seen.json")},
                              environment=environment)


def seen(folder: Path, *cells: str, **options) -> dict:
    """What a notebook of these cells leaves in `seen`."""
    end = "import json, pathlib\npathlib.Path(out).write_text(json.dumps(seen, default=str))"
    assert executed(folder, *cells, end, **options)[:2] == ("done", "")
    return json.loads((folder / "seen.json").read_text())


PARENT = "import os\nseen = {'parent': os.getppid()}"


def server() -> psutil.Process:
    """The prepared parent of this process's kernels."""
    guard = psutil.Process(kernels._parents[-1]._process.pid)
    assert wait_until(lambda: guard.children(), seconds=60)
    return guard.children()[0]


def is_gone(number: int) -> bool:
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# ------------------------------------------------------------------------------------------------- nothing is passed on
LOOK = """
import os, sys, random, warnings, json as changed
import numpy as np, pandas as pd, plotly.io
seen = {"process": os.getpid(), "parent": os.getppid(), "draws": [random.random(), np.random.random()],
        "state": ["left" in globals(), "left_by_a_kernel" in sys.modules, os.environ.get("LEFT"), os.getcwd(),
                  pd.get_option("display.max_rows"), plotly.io.templates.default, plotly.io.renderers.default,
                  hasattr(changed, "left"), "left" in str(warnings.filters), "left" in sys.path, np.geterr(),
                  np.get_printoptions()["precision"], sys.argv[1:2]]}
"""
LEAVE = """
import types
left = 1
sys.modules["left_by_a_kernel"] = types.ModuleType("left_by_a_kernel")
os.environ["LEFT"] = "1"
os.chdir("/")
random.seed(7), np.random.seed(7)
pd.set_option("display.max_rows", 7)
plotly.io.templates.default, plotly.io.renderers.default = "ggplot2", "svg"
changed.left = 1
warnings.filterwarnings("ignore", "left")
sys.path.append("left")
np.seterr(all="ignore"), np.set_printoptions(precision=2)
sys.argv[1:] = ["left"]
"""


def test_no_kernel_sees_what_an_earlier_one_of_the_same_parent_did(tmp_path):
    first = seen(tmp_path, LOOK, "found = seen", LEAVE, LOOK, "seen = found | {'left': seen['state']}")
    second = seen(tmp_path, LOOK)
    assert first["parent"] == second["parent"] == server().pid and first["process"] != second["process"]
    assert first["state"] == second["state"]
    assert not set(first["draws"]) & set(second["draws"]), "each draws its own random numbers"
    left = zip(first["state"], first["left"], strict=True)
    assert all(one != other for one, other in left), "without this, two equal states would say nothing"


# ------------------------------------------------------------------------------------------------- like a new process
DUMP = """
import builtins, decimal, faulthandler, gc, locale, logging, os, signal, sys, threading, time, warnings
import cvxpy, numpy as np, pandas as pd, plotly.io, sklearn
import pandas._config.config as config

def flat(options, before=""):
    found = {}
    for name, value in options.items():
        found |= flat(value, before + name + ".") if isinstance(value, dict) else {before + name: repr(value).lower()}
    return found

def nameless(thing):
    return str(thing).split(" at 0x")[0]

seen = {
    "pandas": flat(config._global_config), "renderer": plotly.io.renderers.default, "template": plotly.io.templates.default,
    "on_display": plotly.io.renderers.render_on_display, "filters": sorted({str(one) for one in warnings.filters}),
    "path": sys.path, "arguments": len(sys.argv),
    "variables": sorted(set(os.environ) - {"JPY_PARENT_PID"}), "folder": os.getcwd(), "python": sys.executable,
    "signals": {number.name: nameless(signal.getsignal(number)) for number in signal.Signals},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "errors": np.geterr(), "print": np.get_printoptions(),
    "locale": locale.getlocale(), "zone": time.tzname, "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
    "hooks": [nameless(hook) for hook in (sys.displayhook, sys.excepthook, sys.unraisablehook, threading.excepthook)],
    "recursion": sys.getrecursionlimit(), "switch": sys.getswitchinterval(), "faults": faulthandler.is_enabled(),
    "log": [logging.getLogger().level, len(logging.getLogger().handlers)], "decimal": str(decimal.getcontext()),
    "main": [sys.modules["__main__"].__name__, hasattr(sys.modules["__main__"], "BORN"), "serve" in globals()],
    "names": sorted(set(globals()) - {"seen"}), "builtins": sorted(set(vars(builtins)) - {"_"}),
    "threads": sorted(type(thread).__name__ for thread in threading.enumerate()), "umask": os.umask(0o022),
    "input": os.path.realpath("/proc/self/fd/0").startswith("/dev/null") or "socket" not in os.readlink("/proc/self/fd/0"),
    "nice": os.nice(0), "shell": type(get_ipython()).__name__, "modules": sorted(sys.modules),
}
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What a forked kernel sees, and one that is started anew."""
    folder, found = tmp_path_factory.mktemp("both"), {}
    for forks in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "FORKS", forks)
            kernels.prepare(contracts.NOTEBOOKS / "05_portfolios.ipynb")
            found[forks] = seen(folder, DUMP)
    kernels.end()
    return found[True], found[False]


SAME = ["pandas", "renderer", "template", "on_display", "path", "arguments", "variables", "folder", "python", "signals",
        "blocked", "errors", "print", "locale", "zone", "gc", "hooks", "recursion", "switch", "faults", "log", "decimal",
        "main", "names", "builtins", "threads", "umask", "input", "nice", "shell"]


@pytest.mark.parametrize("what", SAME)
def test_a_forked_kernel_is_like_one_that_is_started_anew(what, both):
    forked, anew = both
    assert forked[what] == anew[what]


def test_a_forked_kernel_has_imported_more_and_otherwise_ignores_the_same_warnings(both):
    forked, anew = both
    assert set(forked["modules"]) > {"forefolio.portfolios.decisions", "cvxpy"} and "fork" not in str(anew["modules"])
    assert set(anew["filters"]) <= set(forked["filters"])
    assert {*forked} == {*anew} == {*SAME, "filters", "modules"}, "each is compared"


TENSORFLOW = """
import sys
before = "tensorflow" in sys.modules
from tensorflow.python.eager import context
started = context._context is not None and context._context._initialized
import tensorflow
seen = {"before": before, "started": started, "sum": float(tensorflow.reduce_sum([1.0, 2.0])),
        "after": context._context._initialized}
"""


def test_tensorflow_is_imported_in_the_parent_and_starts_in_each_kernel_for_itself(tmp_path):
    kernels.prepare(contracts.NOTEBOOKS / "04_forecasting.ipynb")
    for _ in range(2):
        assert seen(tmp_path, TENSORFLOW) == {"before": True, "started": False, "sum": 3.0, "after": True}


LEARN = """
import sys
seen = {"there": "wave" in sys.modules, "keras": "keras" in sys.modules}
wave = __import__("wave")  # nobody sees this before the cell runs
seen["left"] = hasattr(wave, "left")
wave.left = 1
"""
NETWORK = "keras = __import__('keras')"  # takes seconds


def test_a_module_that_a_kernel_needed_is_there_for_later_ones_but_nothing_of_its_state_and_no_network(tmp_path):
    assert seen(tmp_path, LEARN, NETWORK) == {"there": False, "keras": False, "left": False}
    found = {}
    assert wait_until(lambda: found.update(seen(tmp_path, LEARN)) or found["there"], seconds=120)
    assert found == {"there": True, "keras": False, "left": False}


@pytest.mark.parametrize(("context", "refused"), [(types.SimpleNamespace(_initialized=True), True), (
    types.SimpleNamespace(_initialized=False), False), (None, False)])
def test_a_parent_in_which_tensorflow_has_started_is_not_copied(context, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, fork_server.BACKEND, types.SimpleNamespace(_context=context))
    forks = []
    monkeypatch.setattr(os, "fork", lambda: forks.append(True) or 7)
    if refused:
        with pytest.raises(RuntimeError, match="TensorFlow has started in the parent of kernels"):
            fork_server._forked({}, None, [])
    else:
        assert fork_server._forked({}, None, []) == 7
    assert bool(forks) != refused


# ------------------------------------------------------------------------------------------ which parent, and its imports
def test_a_parent_is_kept_for_variables_that_are_read_late_and_replaced_for_others(tmp_path):
    first = kernels.parent(kernels.variables({}))
    for late in ({}, {"FOREFOLIO_OUTPUTS": str(tmp_path)}, {"FOREFOLIO_CORES": "7"}, dict.fromkeys(kernels.PLACE, "/elsewhere")):
        assert kernels.parent(kernels.variables(late)) is first
    other = kernels.parent(kernels.variables({"READ_EARLY": "1"}))
    assert other is not first and kernels.parent(kernels.variables({})) is not other


def test_a_parent_is_replaced_where_a_module_of_the_library_changed(tmp_path, monkeypatch):
    ignored = shutil.ignore_patterns("__pycache__")
    monkeypatch.setattr(contracts, "PACKAGE", shutil.copytree(contracts.PACKAGE, tmp_path / "lib" / "forefolio", ignore=ignored))
    first = kernels.parent(kernels.variables({}))
    assert kernels.parent(kernels.variables({})) is first
    with open(contracts.PACKAGE / "market" / "returns.py", "a") as module:
        module.write("# another line\n")
    assert kernels.parent(kernels.variables({})) is not first


def test_a_kernel_of_a_parent_that_is_replaced_goes_on(tmp_path):
    """Whoever edits a module while a run goes on loses no stage of it."""
    (tmp_path / "long").mkdir()
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(tmp_path / 'replaced')!r}).exists():\n    time.sleep(0.05)"
    note = f"import os, pathlib\npathlib.Path({str(tmp_path / 'parent')!r}).write_text(str(os.getppid()))"
    with ThreadPoolExecutor(1) as thread:
        long = thread.submit(executed, tmp_path / "long", note, wait)
        assert wait_until((tmp_path / "parent").exists, seconds=60)
        old = server().pid
        try:
            assert seen(tmp_path, PARENT, environment={"READ_EARLY": "1"})["parent"] != old
        finally:
            (tmp_path / "replaced").touch()
        assert long.result()[:2] == ("done", "") and int((tmp_path / "parent").read_text()) == old
    assert wait_until(lambda: is_gone(old), seconds=10), "it ends with its last kernel"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A short project of whose first two stages each imports the user's module; 02 never ends where its window is 99."""
    plain = short_project.make(tmp_path_factory.mktemp("plain") / "project", pause=0)
    one = short_project.edited(plain, tmp_path_factory.mktemp("one") / "project", "01_data", "import mine")
    made = short_project.edited(one, tmp_path_factory.mktemp("short") / "project", "02_correlation",
                                f"import mine\ncorrelation_window == 99 and {SLOW}")
    (made / "notebooks" / "mine.py").write_text(
        "import os, sys\nwith open(os.environ['FOREFOLIO_OUTPUTS'] + '/imported', 'a') as told:\n    told.write(f'{sys.argv}\\n')\n")
    return made


def run(project: Path, outputs: Path, *words: str) -> subprocess.Popen:
    outputs.mkdir(exist_ok=True)
    return short_project.start(project, "run", "params/short.yml", "--to", "02_correlation", *words, outputs=outputs)


def test_a_user_s_own_module_is_imported_by_kernels_alone(project, tmp_path):
    out, error = (command := run(project, tmp_path)).communicate(timeout=120)
    assert command.returncode == 0, (out, error)
    importers = (tmp_path / "imported").read_text().splitlines()
    assert len(importers) == 2 and all("'-f'" in importer for importer in importers), importers


# ------------------------------------------------------------------------------------------------------- what is killed
def test_a_kernel_that_is_killed_is_a_failure_with_a_sentence_and_the_next_one_works(tmp_path):
    note = tmp_path / "number"
    dies = f"""
        import os, pathlib, subprocess
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        pathlib.Path({str(note)!r}).write_text(str(child.pid))
        os.kill(os.getpid(), 9)
    """
    state, message, _ = executed(tmp_path, dies)
    assert state == "failed" and message == "DeadKernelError: Kernel died", message
    assert wait_until(lambda: is_gone(int(note.read_text())), seconds=10), "what it started in a session of its own runs on"
    parent = server().pid
    assert seen(tmp_path, PARENT)["parent"] == parent


@pytest.mark.parametrize("victim", [lambda parent: parent, psutil.Process.parent], ids=["the parent", "its guard"])
def test_kernels_end_with_their_parent_and_its_guard_and_the_next_one_has_new_ones(victim, tmp_path):
    note = tmp_path / "number"
    waits = f"import os, pathlib\npathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n{SLOW}"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(executed, tmp_path, waits)
        assert wait_until(note.exists, seconds=60)
        old = server()
        victim(old).kill()
        assert running.result(timeout=60)[:2] == ("failed", "DeadKernelError: Kernel died")
    assert is_gone(old.pid) and is_gone(int(note.read_text()))
    assert seen(tmp_path, PARENT)["parent"] == server().pid != old.pid


def test_a_parent_that_is_killed_between_two_kernels_is_replaced(tmp_path):
    old = seen(tmp_path, PARENT)["parent"]
    psutil.Process(old).kill()
    assert seen(tmp_path, PARENT)["parent"] != old


def test_a_run_whose_parent_of_kernels_is_killed_says_which_stage_failed_and_the_next_run_goes_on(project, tmp_path):
    command = run(project, tmp_path, "--set", "correlation_window=99")
    assert wait_until((tmp_path / "short" / ".02_correlation.open").exists, seconds=60)
    (kernel,) = short_project.kernels(tmp_path)
    kernel.parent().kill()
    out, error = command.communicate(timeout=60)
    assert command.returncode == 1 and error.startswith("Error: 02_correlation failed with DeadKernelError"), (out, error)
    assert [line["state"] for line in ledger(tmp_path / "short")] == ["done", "failed"] and not processes(tmp_path)
    out, error = (again := run(project, tmp_path)).communicate(timeout=60)
    assert again.returncode == 0 and "01_data  up to date" in out, (out, error)


def test_a_command_that_is_killed_while_kernels_run_leaves_no_process(parents, project, tmp_path):
    command = run(project, tmp_path, "--set", "correlation_window=99")
    assert wait_until((tmp_path / "short" / ".02_correlation.open").exists, seconds=60)
    assert {"guard.py" in " ".join(process.cmdline()) for process in processes(tmp_path, "fork_server")} == {True, False}
    command.kill()
    command.communicate()
    assert wait_until(lambda: not processes(tmp_path), seconds=10), processes(tmp_path)


IMPORTS = """
import sys
from pathlib import Path
from forefolio.runs import kernels
kernels.prepare(Path(sys.argv[1]))
input()
"""


def test_a_command_that_is_killed_while_the_parent_imports_leaves_no_process(tmp_path):
    cell = {"cell_type": "code", "source": "import tensorflow"}
    (tmp_path / "own.ipynb").write_text(json.dumps({"cells": [cell]}))
    owner = subprocess.Popen([sys.executable, "-c", IMPORTS, str(tmp_path / "own.ipynb")], stdin=subprocess.PIPE,
                             env=os.environ | {"FOREFOLIO_OUTPUTS": str(tmp_path)})
    assert wait_until(lambda: any("tensorflow" in str(process.memory_maps()) for process in processes(tmp_path, "fork_server")),
                      seconds=60)
    owner.kill()
    owner.communicate()
    assert wait_until(lambda: not processes(tmp_path), seconds=10), processes(tmp_path)


# ------------------------------------------------------------------------------------------------- where nothing is forked
@pytest.fixture(scope="module")
def without_forks(tmp_path_factory) -> Path:
    """A short project on a system that cannot fork kernels."""
    made = short_project.make(tmp_path_factory.mktemp("without") / "project", pause=0)
    with open(made / "lib" / "forefolio" / "runs" / "kernels.py", "a") as module:
        module.write("\nFORKS = False\n")
    short_project.sweep_file(made, "swept", cost_bps=[0])
    return made


@pytest.mark.parametrize("words", [("run", "params/short.yml", "--to", "02_correlation"), ("sweep", "swept.yml", "--workers", "2")])
def test_a_command_that_cannot_fork_says_so_once_and_does_the_same(words, without_forks, tmp_path):
    for number in range(2):
        command = short_project.start(without_forks, *words, outputs=tmp_path)
        out, error = command.communicate(timeout=300)
        assert command.returncode == 0 and not error, (out, error)
        told = [line for line in out.splitlines() if line.startswith("kernels start anew, which takes some seconds each: ")]
        assert len(told) == 1 - number, "not where no kernel starts"
    assert {line["state"] for line in ledger(next(tmp_path.glob("s*")))} == {"done", "up to date"}
