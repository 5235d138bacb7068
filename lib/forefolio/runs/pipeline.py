"""Runs the stages of a study through papermill, and only those that are not up to date.

The study is checked against its market before any kernel starts. A stage starts when those are done whose results it
reads, so some run side by side. A stage that fails keeps its executed notebook; those that run beside it end, no later
one starts, and results of later stages are removed.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from forefolio import files
from forefolio.runs import contracts, kernels, market_fit, pictures
from forefolio.study.parameters import Study, StudyError, as_parameters, load
from forefolio.study.vocabulary import listed

FRACTIONS = ("total_return", "annual_return", "annual_volatility", "max_drawdown", "turnover")  # in tables of strategies
RATIOS = ("sharpe", "information_ratio")


def run(study: Study, *, first: str | None = None, last: str | None = None, force: bool = False,
        minutes: float = files.LIMIT) -> Path:
    """Bring the stages of a study up to date, from `first` to `last`, and return the run folder.

    A stage that takes more than `minutes` is ended.

    Raises
    ------
    StudyError, StageError
        A problem that the user can fix; no kernel has started.
    RunFailed
        A stage failed; results of earlier stages are complete, those of later stages are removed.
    """
    names = contracts.of_run(study.paper)
    for option, name in (("--from", first), ("--to", last)):
        if name and name not in names:
            raise StudyError(f"{option} {name}: this study has `paper: {study.paper}`, so it has no such stage; set paper to {name}")
    begin, end = names.index(first) if first else 0, names.index(last) if last else len(names) - 1
    if begin > end:
        raise StudyError(f"--from {first} comes after --to {last}; the order is {', '.join(names)}")
    folder = files.outputs_folder() / study.study
    files.check_kind(folder, "run")
    outside, values = market_fit.check(study), as_parameters(study)
    given = {name: {key: values[key] for key in contracts.declared_parameters(name)} for name in names}

    def conditions(name: str) -> dict[str, Any]:
        return contracts.conditions(folder, name, given[name], [*outside.get(name, {}).values()])

    for name in names[:begin]:
        why = contracts.why_stale(folder, name, conditions(name))
        if why and set(names[begin:end + 1]) & set(contracts.readers(name)):
            raise StudyError(f"--from {first}: {name} is not up to date for this study ({why}); start from there, or "
                             "leave --from out")
    with files.locked(folder, "`forefolio run`"), pictures.Drawer(_say) as drawer:
        failed = _Run(folder, given, conditions, drawer, minutes, force).bring_up_to_date(names[begin:end + 1])
        _draw(folder, names[begin:end + 1], drawer)
    if failed:
        raise next(iter(failed.values()))
    return folder


def _say(line: str) -> None:
    """Print a line in one piece, as others may say something at the same moment."""
    print(f"{line}\n", end="", flush=True)


class _Run:
    """The stages of a run that are still to be made, and those that are being made."""

    def __init__(self, folder: Path, given: dict[str, dict[str, Any]], conditions: Callable[[str], dict[str, Any]],
                 drawer: pictures.Drawer, minutes: float, force: bool):
        self._folder, self._given, self._conditions, self._drawer = folder, given, conditions, drawer
        self._minutes, self._force, self._wanted = minutes, force, True
        self._slots = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def bring_up_to_date(self, names: list[str]) -> dict[str, files.RunFailed]:
        """Start each stage as soon as those are up to date whose results it reads, but no more than there are cores.

        After a failure only earlier stages start, as if one had run after the other; the failures are returned, by stage.
        """
        left, waiting, running, failed = list(names), {}, {}, {}
        with ThreadPoolExecutor(self._slots) as threads:
            try:
                while running or left or waiting:
                    unmade = {*left, *waiting, *running.values()}
                    for name in [name for name in left if not contracts.makers(name) & unmade]:
                        left.remove(name)
                        if why := self._why(name):
                            waiting[name] = why
                    urgent = sorted(waiting, key=lambda name: -len(contracts.readers(name)))  # those for which most others wait
                    for name in urgent[:self._slots - len(running)]:
                        kernels.tell()
                        _say(f"{name}  running ({waiting.pop(name)})")
                        with files.undisturbed():  # else it may run without being known
                            running[threads.submit(self._execute, name, len(running), left)] = name
                    if running:
                        failed |= self._ended(running, FIRST_COMPLETED)
                    if failed:
                        earlier = names[:min(map(names.index, failed))]
                        left = [name for name in left if name in earlier]
                        waiting = {name: why for name, why in waiting.items() if name in earlier}
            except BaseException:
                self._wanted = False
                kernels.end()
                self._drawer.end()
                self._ended(running, ALL_COMPLETED)
                raise
        return failed

    def _why(self, name: str) -> str:
        """Why a stage has to run; empty, and told, if it is up to date."""
        now = self._conditions(name)
        why = contracts.why_stale(self._folder, name, now) or ("asked for with --force" if self._force else "")
        if not why:
            _say(f"{name}  up to date")
            files.append_to_ledger(self._folder, files.ledger_line(
                point=self._folder.name, stage=name, state="up to date", started=time.time(), seconds=0.0,
                parameters=self._given[name], library_hash=contracts.combined(now["library"])))
        return why

    def _execute(self, name: str, row: int, later: list[str]) -> dict[str, Any]:
        """Execute one notebook, while the parent of kernels prepares for later ones; the line for the ledger."""
        for other, when in ((name, "now"), *((other, "later") for other in list(later))):
            kernels.prepare(contracts.NOTEBOOKS / contracts.path_of(other), when=when)
        from forefolio.runs import execution  # papermill takes seconds to import, and a run that is up to date needs none

        return execution.stage(
            self._folder, name, self._given[name], point=self._folder.name, minutes=self._minutes, drawer=self._drawer,
            wanted=lambda: self._wanted, bar=row if sys.stderr.isatty() else None, tell=lambda line: _say(f"{name}  {line}"))

    def _ended(self, running: dict[Future, str], when: str) -> dict[str, files.RunFailed]:
        """Wait for stages to end, and report each in the ledger and to the user; the failures, by stage."""
        failed = {}
        for future in wait(running, return_when=when).done:
            with files.undisturbed():
                name, entry = running.pop(future), future.result()
                files.append_to_ledger(self._folder, entry)
            if entry["state"] == "done":
                _say(f"{name}  done in {entry['seconds']:.0f} s")
            elif entry["state"] != "cancelled":
                how = "failed with" if entry["state"] == "failed" else entry["state"]
                executed = entry["notebook"]
                shown = f"\nits executed notebook, with the error in it: {self._folder / executed}" if executed else ""
                failed[name] = files.RunFailed(f"{name} {how} {entry['error']}{shown}")
        return failed


def _draw(folder: Path, names: list[str], drawer: pictures.Drawer) -> None:
    """Put the pictures of figures beside them, draw missing ones, and say how many are still missing."""
    manifest = contracts.read_manifest(folder)
    lacking = {name: manifest[name] for name in names if name in manifest and contracts.lacking(manifest[name])}
    old = [name for name, entry in lacking.items() if not all(map(drawer.asked, pictures.pages(folder, entry)))]
    if old and drawer.usable:
        _say(f"pictures  drawing what {listed(old)} lack")
    made = dict(zip(lacking, pictures.completed(drawer, [(folder, entry) for entry in lacking.values()]), strict=True))
    if made:
        with contracts.changing(folder) as now:
            now |= made
    if missing := sum(len(contracts.lacking(entry)) for entry in made.values()):
        _say(pictures.missed(missing))


def verify(folder: Path, code: Callable[[str], dict[str, Any]] = contracts.code,
           hashed: Callable[[Path], str] = files.file_hash) -> list[str]:
    """Every problem of a run, one sentence each; hashes show whether this code and its parameters made each file.

    `code` returns the code of a stage and `hashed` the hash of a file; callers may pass versions that cache.
    """
    kept, manifest, seen = contracts.sealed(folder), contracts.read_manifest(folder), {}
    if kept is None:
        return ["manifest.json is gone or was changed, so nothing says what made the files; make them again"]
    wrong = [f"{name} in manifest.json is not a stage" for name in kept if name not in contracts.CONTRACTS]
    a_point = (folder.parent / files.MARKS["sweep"]).exists()
    always = contracts.OF_A_POINT if a_point else contracts.STAGES
    wanted = [name for name in contracts.CONTRACTS if name in kept or name in always]
    if (folder / contracts.PARAMS).exists():
        try:
            values = as_parameters(load(folder / contracts.PARAMS))
            seen = {name: (contracts.PARAMS, value) for name, value in values.items()}
        except StudyError as error:
            wrong.append(str(error))
    for name in wanted:
        entry = manifest.get(name, {"parameters": {}})
        sources = entry.get("sources", [])
        now = contracts.conditions(folder, name, entry["parameters"], sources, code(name))
        why = contracts.why_stale(folder, name, now, hashed)
        if why:
            wrong.append(f"{name}: {why}")
        for parameter, value in entry["parameters"].items():
            where, was = seen.setdefault(parameter, (name, value))
            if was != value:
                wrong.append(f"{name}: {parameter} was {value!r}, but {was!r} in {where}")
    return wrong + [f"{path} was made by no stage" for path in contracts.strangers(folder)]


def strategies_table(folder: Path) -> str:
    """The columns of the performance table that fit into a terminal."""
    table = files.read_frame(folder / "tables" / "performance.csv").set_index("strategy")
    formats = dict.fromkeys(FRACTIONS, "{:.1%}".format) | dict.fromkeys(RATIOS, "{:.2f}".format)
    return table[list(formats)].to_string(formatters=formats, na_rep="", index_names=False)
