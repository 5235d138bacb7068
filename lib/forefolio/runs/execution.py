"""A notebook executed by papermill, in a kernel of its own that is watched while it runs.

The kernel listens at sockets in a private folder, so that no two of a machine can take each other's ports, and gets its
environment alone, so that several may run in one process. Importing papermill takes a second.
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import papermill
import psutil
from nbclient.exceptions import CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

from forefolio import files
from forefolio.runs import contracts
from forefolio.runs.stages import INSIDE_A_RUN

LOOK = 0.5  # seconds between looks at a kernel
PATIENCE = 300  # seconds that a kernel may take to start on a busy machine
FAR = 60  # letters of a temporary folder in which a socket's path, 107 at most, may have no room


class _Engine(NBClientEngine):
    """Papermill's own engine, with an environment for the kernel, whose processes are looked at while it runs."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, environment, look, config, start_timeout=PATIENCE, **_):
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, startup_timeout=start_timeout, config=config)
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK):
                look(_processes(client))

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            return client.execute(env=environment, cwd=str(contracts.NOTEBOOKS),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # the notebook has what cells print
        finally:
            ended.set()
            watching.join()


def _processes(client: PapermillNotebookClient) -> list[psutil.Process]:
    """The kernel and all that it started, such as a browser for figures; none before it runs and after it ended."""
    number = getattr(getattr(client.km, "provisioner", None), "pid", None)
    try:
        kernel = psutil.Process(number) if number else None  # psutil takes None for this process itself
        return [kernel, *kernel.children(recursive=True)] if kernel else []
    except psutil.NoSuchProcess:
        return []


def _verbatim(path: Path) -> str:
    """A path for papermill, which replaces `{name}` in every path by the value of that parameter."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _memory(process: psutil.Process) -> int:
    """Bytes of a process; what processes share counts once where the system tells (Linux), and for each elsewhere."""
    try:
        return process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss
    except psutil.Error:
        return 0


papermill_engines.register("watched", _Engine)


def notebook(source: Path, aside: Path, parameters: dict[str, Any], *, environment: dict[str, str] | None = None,
             bar: bool = False, wanted: Callable[[], bool] = lambda: True) -> tuple[str, str, float]:
    """Execute a notebook in a kernel of its own.

    Parameters
    ----------
    aside : where papermill writes it cell by cell: not yet the name that a reader looks for.
    environment : variables of the kernel, on top of this process's own.
    wanted : asked twice a second; when it says no, the kernel is killed.

    Returns
    -------
    state, message, peak memory
        `done`, `failed`, `timed out` or `cancelled`; what went wrong, '' when nothing did; megabytes.
    """
    state, message, peak = "failed", "", 0.0

    def look(processes: list[psutil.Process]) -> None:
        nonlocal peak
        peak = max(peak, round(sum(map(_memory, processes)) / 1e6, 1))
        if not wanted():
            for process in processes:
                process.kill()

    variables = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"} | (environment or {})  # silences the debugger
    near = "/tmp" if len(tempfile.gettempdir()) > FAR and os.path.isdir("/tmp") else None
    with tempfile.TemporaryDirectory(prefix="forefolio-kernel-", dir=near, ignore_cleanup_errors=True) as sockets:
        connection = {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}
        try:
            papermill.execute_notebook(
                _verbatim(source), _verbatim(aside), parameters, kernel_name="python3", engine_name="watched", environment=variables, look=look,
                progress_bar={"desc": source.stem, "unit": "cell", "leave": False} if bar else False,
                config=Config({"KernelManager": connection if os.name == "posix" else {"transport_encryption": "auto"},
                               "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]}}))
            state = "done"
        except KeyboardInterrupt:
            state, message = "cancelled", "interrupted"
        except CellTimeoutError as error:
            state, message = "timed out", str(error)
        except papermill.PapermillExecutionError as error:
            message = f"{error.ename}: {error.evalue}"
        except Exception as error:  # a kernel that died or did not start: the ledger names it, the user is told
            message = f"{type(error).__name__}: {error}"
    if state != "done" and not wanted():
        state, message = "cancelled", "interrupted"
    return state, message, peak


def stage(folder: Path, name: str, parameters: dict[str, Any], *, point: str, environment: dict[str, str] | None = None,
          bar: bool = False, wanted: Callable[[], bool] = lambda: True) -> dict[str, Any]:
    """Execute the notebook of a stage, put what a failed one leaves out of sight, and return the line for the ledger."""
    started, executed, aside = time.time(), folder / f"{name}.ipynb", folder / f".{name}.running.ipynb"
    contracts.forget(folder, name)
    state, message, peak = notebook(
        contracts.NOTEBOOKS / f"{name}.ipynb", aside, parameters, bar=bar, wanted=wanted,
        environment={"FOREFOLIO_OUTPUTS": str(files.outputs_folder()), **(environment or {}), INSIDE_A_RUN: str(folder)})
    if state == "done" and name not in contracts.read_manifest(folder):
        state, message = "failed", "the notebook ended without closing its stage"
    if state != "done":
        contracts.forget(folder, name)
    if aside.exists():  # it takes its final name when it is whole, whether it succeeded or not
        os.replace(aside, executed)
    if state == "done":
        manifest = contracts.read_manifest(folder)
        manifest[name]["files"][executed.name] = files.file_hash(executed)
        contracts.write_manifest(folder, manifest)
    return files.ledger_line(point=point, stage=name, state=state, started=started, seconds=round(time.time() - started, 1),
                             parameters=parameters, error=message, notebook=executed.name, peak_memory_mb=peak,
                             library_hash=contracts.combined(contracts.code(name)["library"]))
