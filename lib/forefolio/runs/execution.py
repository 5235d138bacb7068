"""Execution of a notebook by papermill, in its own kernel, which is watched while it runs.

Importing papermill takes a second.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

sys.modules.setdefault("rfc3987_syntax", None)  # a parser of web addresses: takes 1.6 s to load, and nothing needs it
import papermill
import psutil
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from forefolio import files
from forefolio.runs import contracts, kernels, pictures
from forefolio.runs.stages import INSIDE_A_RUN
from forefolio.study.vocabulary import short

LOOK = 0.5  # seconds between checks of a kernel
SAVED = 5  # seconds between two versions of a notebook on disk while it runs
TOLD = 60  # seconds between progress lines, if there is no progress bar


class _Engine(NBClientEngine):
    """Papermill's engine with an isolated kernel, which is watched while it runs and ended with all its children."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, place, look, start_timeout=kernels.PATIENCE, **_):
        environment, config = place
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, startup_timeout=start_timeout, config=config,
                                         kernel_manager_class=kernels.Kernel)
        ended, seen = threading.Event(), set()

        def watch() -> None:
            while not ended.wait(LOOK):
                now = _processes(client)
                seen.update(now)
                look(now, nb_man)

        whole, nb_man.save = nb_man.save, _seldom(nb_man.save)
        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            return client.execute(env=environment, cwd=str(contracts.NOTEBOOKS),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # the notebook has what cells print
        finally:
            ended.set()
            watching.join()
            nb_man.save = whole
            nb_man.save()
            _kill({*seen, *_processes(client)})  # the browser of a kernel that was killed


def _seldom(save: Callable[..., None]) -> Callable[..., None]:
    """Save a notebook at most every `SAVED` seconds; papermill saves it twice a cell, which takes longer than most cells."""
    last = time.monotonic()

    def now_and_then(**options: Any) -> None:
        nonlocal last
        if time.monotonic() > last + SAVED:
            save(**options)
            last = time.monotonic()

    return now_and_then


def _processes(client: PapermillNotebookClient) -> list[psutil.Process]:
    """The kernel and its child processes, such as a browser for figures; none before it starts and after it ends."""
    number = getattr(getattr(client.km, "provisioner", None), "pid", None)
    try:
        kernel = psutil.Process(number) if number else None  # psutil takes None for this process itself
        return [kernel, *kernel.children(recursive=True)] if kernel else []
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):  # it ended by itself
            process.kill()


def _place(nb_man: NotebookExecutionManager) -> tuple[str, float]:
    """The running cell, with the first line of its code, and the time when it began."""
    for number, cell in enumerate(nb_man.nb.cells, 1):
        about = cell.metadata.get("papermill", {})
        if about.get("status") == nb_man.RUNNING:
            line = next((line for line in cell.source.splitlines() if line.strip()), "")
            began = datetime.fromisoformat(about["start_time"]).timestamp()
            return f"cell {number} of {len(nb_man.nb.cells)} ({short(line, 60)})", began
    return "the start of its kernel", nb_man.start_time.timestamp()


def _verbatim(path: Path) -> str:
    """A path for papermill with braces escaped, because papermill replaces `{name}` by the parameter's value."""
    return str(path).replace("{", "{{").replace("}", "}}")


papermill_engines.register("watched", _Engine)
logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of parameters that the folded cell declares


def notebook(source: Path, aside: Path, parameters: dict[str, Any], *, environment: dict[str, str] | None = None,
             minutes: float = files.LIMIT, tell: Callable[[str], None] | None = None, bar: int | None = None,
             wanted: Callable[[], bool] = lambda: True) -> tuple[str, str, float]:
    """Execute a notebook in its own kernel.

    Parameters
    ----------
    aside : temporary path to which papermill writes while cells run.
    environment : variables for the kernel, in addition to those of this process that change no result.
    minutes : time limit, after which the kernel is killed.
    tell : called once per minute with a line that says what runs, and for how long; not with a `bar`.
    bar : the row of a progress bar in a terminal; None for no bar.
    wanted : called twice per second; when it returns False, the kernel is killed.

    Returns
    -------
    state, message, peak memory
        `done`, `failed`, `timed out` or `cancelled`; the error, or an empty text; megabytes.
    """
    state, message, peak, late, started, told = "failed", "", 0.0, "", time.monotonic(), 0

    def look(processes: list[psutil.Process], nb_man: NotebookExecutionManager) -> None:
        nonlocal peak, late, told
        peak = max(peak, round(sum(map(kernels.memory, processes)) / 1e6, 1))
        (cell, began), seconds = _place(nb_man), time.monotonic() - started
        if nb_man.pbar:
            nb_man.pbar.set_postfix_str(f"{cell} for {files.lasting(time.time() - began)}")
        elif tell and seconds // TOLD > told:
            told = seconds // TOLD
            tell(f"running for {files.lasting(seconds)}, {cell} for {files.lasting(time.time() - began)}")
        late = late or (f"after {files.lasting(60 * minutes)}, in {cell}" if seconds > 60 * minutes else "")
        if late or not wanted():
            _kill(processes)

    show = {"desc": source.stem, "unit": "cell", "leave": False, "position": bar,
            "bar_format": "{desc}: {n} of {total} cells, {elapsed}{postfix}"}
    with kernels.place(environment or {}) as place:
        try:
            kernels.prepare(source, environment)
            papermill.execute_notebook(
                _verbatim(source), _verbatim(aside), parameters, kernel_name="python3", engine_name="watched",
                place=place, look=look, progress_bar=False if bar is None else show)
            state = "done"
        except KeyboardInterrupt:
            state, message = "cancelled", "interrupted"
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it would tell of what waited for the kernel
        except papermill.PapermillExecutionError as error:
            message = f"{error.ename}: {error.evalue}"
        except Exception as error:  # a kernel that died or did not start: the ledger names it, the user is told
            message = f"{type(error).__name__}: {error}"
    if state != "done" and not wanted():
        state, message = "cancelled", "interrupted"
    elif state == "failed" and late:
        state, message = "timed out", late
    return state, message, peak


def named(aside: Path, executed: Path) -> bool:
    """Give an executed notebook its final name if it is complete, even if it failed; a full disk may cut it off."""
    try:
        whole = "cells" in json.loads(aside.read_bytes())
    except (OSError, ValueError):
        whole = False
    if whole:
        os.replace(aside, executed)
    aside.unlink(missing_ok=True)
    return whole


def stage(folder: Path, name: str, parameters: dict[str, Any], *, point: str, environment: dict[str, str] | None = None,
          wanted: Callable[[], bool] = lambda: True, drawer: pictures.Drawer | None = None, **options: Any) -> dict[str, Any]:
    """Execute the notebook of a stage, remove what a failed one leaves, and return the line for the ledger.

    The kernel draws no pictures; `drawer` is asked for those of its figures while the stage goes on. Other `options` are
    those of `notebook`.
    """
    def still_wanted() -> bool:
        if drawer:
            drawer.ask(folder.glob(f"figures/{contracts.prefix(name)}*.html"))
        return wanted()

    def undo() -> None:
        if drawer:
            drawer.drop(folder / "figures", contracts.prefix(name))
        contracts.forget(folder, name)

    started, executed, aside = time.time(), folder / f"{name}.ipynb", folder / f".{name}.running.ipynb"
    declared = contracts.declared_parameters(name)
    other = {key: value for key, value in parameters.items() if declared[key] != value}  # what a reader sees as changed
    contracts.forget(folder, name)
    state, message, peak = notebook(
        contracts.NOTEBOOKS / contracts.path_of(name), aside, other, wanted=still_wanted, **options,
        environment={"FOREFOLIO_OUTPUTS": str(files.outputs_folder()), pictures.WITHOUT: "1", **(environment or {}),
                     INSIDE_A_RUN: str(folder)})
    if state == "done" and name not in contracts.read_manifest(folder):
        state, message = "failed", "the notebook ended without closing its stage"
    if state != "done":
        undo()
    shown = named(aside, executed)
    if state == "done" and not shown:
        undo()
        state, message = "failed", "its executed notebook could not be written whole"
    if state == "done":
        with contracts.changing(folder) as manifest:
            manifest[name]["files"][executed.name] = files.file_hash(executed)
    made_of = contracts.read_manifest(folder).get(name) or contracts.code(name)  # as it was executed
    return files.ledger_line(point=point, stage=name, state=state, started=started, seconds=round(time.time() - started, 1),
                             parameters=parameters, error=message, notebook=executed.name if shown else None, peak_memory_mb=peak,
                             library_hash=contracts.combined(made_of["library"]))
