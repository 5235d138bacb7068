"""Stages open and close here, and results are read and written here.

A notebook opens its stage in its third cell and closes it in its last. Opening checks the parameters and the
inputs and puts old results out of sight; closing writes the manifest entry by which a later run knows that the
stage is up to date. A stage run by hand, by stock papermill or by the pipeline is recorded alike.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from forefolio.files import (StageError, append_to_ledger, file_hash, ledger_line, locked, outputs_folder, read_frame,
                             write_frame, write_text, write_whole)
from forefolio.runs import contracts, measured, pictures
from forefolio.runs.contracts import CONTRACTS
from forefolio.study.parameters import as_parameters, validated
from forefolio.study.vocabulary import LEAKS, listed

SET = sorted(name for name, value in os.environ.items() if contracts.is_setting(name) and (
    not name.startswith(("PYTHON", "IPYTHON")) or name in ("PYTHONPATH", "PYTHONSTARTUP")) and (
    value != str(contracts.PACKAGE.parent)))  # what a run's kernels lack, before this library sets any
KILLED = 3600  # seconds after which a folder that takes seconds to fill belongs to a process that was killed
INSIDE_A_RUN = "FOREFOLIO_INSIDE_A_RUN"  # given to the kernels of a run: its folder, which the run has locked


class Stage:
    """An open stage: reads what its contract lets it read, writes what it promises.

    `study` holds the validated parameters that the notebook declares, `folder` is the run folder.

    Opening one puts its old results out of sight. It raises a StudyError where a parameter has a wrong type or range, and
    a StageError where an input is missing, changed or made for another study, or another run has the folder.

    Parameters
    ----------
    name : the notebook's stem, such as `04_forecasting`.
    namespace : the notebook's `globals()`, where its parameters stand.
    """

    def __init__(self, name: str, namespace: dict[str, Any]):
        self.name, self._contract, self._started = name, CONTRACTS[name], time.time()
        declared = contracts.declared_parameters(name)
        given = {parameter: namespace.get(parameter, value) for parameter, value in declared.items()}
        self.study = validated(given, where=f"notebooks/{contracts.path_of(name)}", declared=set(declared))
        self._parameters = as_parameters(self.study, set(declared))
        self._run = os.environ.get(INSIDE_A_RUN)
        self.folder = Path(self._run) if self._run else outputs_folder() / self.study.study
        self._executed = namespace.get("In") or [""]  # what the kernel has executed, where a kernel keeps it
        self._first = len(self._executed) - 1
        self._written: dict[str, str] = {}  # each file, as it was when it was written
        self._token = uuid.uuid4().hex
        self._conditions = contracts.conditions(self.folder, name, self._parameters, [])
        contracts.check_loaded(self._conditions["library"])
        if not self._run:
            self._say_what_is_otherwise(namespace)
        if self._mark:
            print(f"{self._mark}: {LEAKS[self.study.leak].sees}. Every figure of this run says so.")
        self._check_inputs()
        with self._alone():
            contracts.forget(self.folder, name)
            write_text(contracts.opening(self.folder, name), self._token)
        pictures.warm_up()

    def _say_what_is_otherwise(self, namespace: dict[str, Any]) -> None:
        """Say in one line where this kernel, started by hand, is not like those of a run."""
        shell = namespace["get_ipython"]() if "get_ipython" in namespace else None
        startup = sorted(Path(shell.profile_dir.startup_dir).glob("*.*py")) if hasattr(shell, "profile_dir") else []
        found = [*measured.otherwise(contracts.packages(self._conditions["library"])), *SET, *map(str, startup)]
        if found:
            print(f"{self.name}: this kernel is not like those of `forefolio run`, so its numbers may differ, because "
                  f"of {listed(found)}")

    @property
    def _mark(self) -> str:
        """What stands above every title of a run with a mistake on purpose; '' where there is none."""
        leak = self.study.leak
        return "" if leak == "none" else f"LEAK {leak} ({LEAKS[leak].title})"

    def _alone(self) -> AbstractContextManager[None]:
        """The run folder's lock, or nothing to do inside a run that has it."""
        return nullcontext() if self._run else locked(self.folder, f"notebook {self.name}")

    def _check_inputs(self) -> None:
        """Refuse inputs that are missing, changed, or made for another study."""
        manifest = contracts.read_manifest(self.folder)
        for path in self._contract.reads:
            maker = next(stage for stage, contract in CONTRACTS.items() if path in contract.writes)
            mend = f"run notebooks/{contracts.path_of(maker)}, or `forefolio run` with your params file and --to {maker}"
            entry = manifest.get(maker, {"files": {}, "parameters": {}})
            if path not in entry["files"] or path not in self._conditions["reads"]:
                raise StageError(f"{self.name} reads {path}, which is not in {self.folder}; {mend}")
            if self._conditions["reads"][path] != entry["files"][path]:
                raise StageError(f"{path} in {self.folder} is not the file that {maker} wrote; {mend}")
            for parameter, value in self._parameters.items():
                was = entry["parameters"].get(parameter, value)
                if was != value and parameter not in contracts.NO_KEY:
                    raise StageError(f"{self.name} was given {parameter} {value!r}, but {path} was made with {was!r}; "
                                     f"{mend}")

    def read(self, name: str) -> pd.DataFrame:
        """Read one of the stage's inputs by its noun, such as `returns`."""
        path = self._path_of(name, self._contract.reads)
        return read_frame(self.folder / path, expected=self._conditions["reads"][path])

    def write(self, **frames: pd.DataFrame) -> None:
        """Write results of the stage, each under its noun, such as `prices=prices`, and each whole or not at all."""
        for name, frame in frames.items():
            path = self._path_of(name, self._contract.writes)
            write_frame(self.folder / path, frame)
            self._wrote(path)

    def _wrote(self, *paths: str) -> None:
        """Take note of results, with their hashes: what somebody makes of them later is none."""
        self._written |= {path: file_hash(self.folder / path) for path in paths}

    def _path_of(self, name: str, paths: tuple[str, ...]) -> str:
        for path in paths:
            if Path(path).stem == name:
                return path
        raise StageError(f"{name} is not in the contract of {self.name}, which has {', '.join(paths)}; "
                         "add it in runs/contracts.py")

    def read_outside(self, files: dict[Path, str]) -> None:
        """Say which files from outside the run folder the results come from, each with the hash of what was read."""
        self._conditions["sources"] = list(files.values())

    def published(self) -> dict[str, pd.DataFrame]:
        """The tables beside a paper's notebook by their name: what it printed, and what sweeps over its choices gave."""
        return {path.stem.removeprefix(f"{self.name}_"): read_frame(path, expected=self._conditions["published"][path.name])
                for path in contracts.beside(self.name)}

    def remember(self, function: Callable[..., dict[str, pd.DataFrame]], *arguments: Any) -> dict[str, pd.DataFrame]:
        """Call a slow function, or return what it returned when everything that it depends on was the same.

        Frames are kept under `.trained/` beside the run folders, by the content of the arguments, the modules that
        define the function and the classes of its settings, all that these reach through imports, and the versions; no
        sentence or color of a notebook counts. The warnings that it raised are kept with them, and told each time.
        """
        modules = sorted({type(part).__module__ for part in arguments if is_dataclass(part)} | {function.__module__})
        library = contracts.library_hashes("\n".join(f"import {module}" for module in modules))
        contracts.check_loaded(library)
        elsewhere = [measured.versions([module.split(".")[0]]) or uuid.uuid4().hex  # of a notebook: always another
                     for module in modules if module not in library]
        key = [function.__qualname__, elsewhere, [_content(argument) for argument in arguments], library,
               contracts.environment(library)]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
        kept = outputs_folder() / ".trained" / digest[:32]
        remembered = _remembered(kept)
        if remembered is not None:
            print(f"remembered: {function.__name__} of the same data, parameters and code; nothing is computed again")
            frames, told = remembered
        else:
            with warnings.catch_warnings(record=True) as caught:
                frames = function(*arguments)
            told = [str(warning.message) for warning in caught]
            contracts.check_loaded(library)  # what it imported only now
            _keep(kept, frames, told)
        for text in told:
            warnings.warn(text, stacklevel=2)
        return frames

    def figure(self, noun: str, figure: Any) -> pictures.Shown:
        """Save a plotly figure as html and png under `figures/`, and return what the notebook shows; a leak marks it."""
        if self._mark:
            from forefolio.report import style  # whoever has a figure has imported plotly

            figure = style.marked(figure, self._mark)
        path = self.folder / "figures" / f"{contracts.prefix(self.name)}{noun}.html"
        plotly = self.folder / contracts.PLOTLY
        if contracts.PLOTLY not in self._written:  # plotly itself would write it in place, and never again
            if not plotly.exists() or plotly.read_bytes() != pictures.script():
                write_whole(plotly, lambda aside: aside.write_bytes(pictures.script()))
            self._wrote(contracts.PLOTLY)
        write_whole(path, lambda aside: figure.write_html(aside, include_plotlyjs=plotly.name, div_id=path.stem))
        self._wrote(f"figures/{path.name}")
        shown = pictures.Shown(figure)
        if shown.png:
            write_whole(path.with_suffix(".png"), lambda aside: aside.write_bytes(shown.png))
            self._wrote(f"figures/{path.stem}.png")
        return shown

    def close(self) -> None:
        """Check that every promised result was written by the notebook as it stands, and record what made them."""
        missing = [path for path in self._contract.writes if path not in self._written]
        if missing:
            raise StageError(f"{self.name} closes without {', '.join(missing)}; run all of its cells in order")
        changed = contracts.notebook_hash(self.name) != self._conditions["notebook"]
        if "open_stage(" in self._executed[self._first]:  # the cells from the one that opened on, all, once, in order
            executed = [source.strip() for source in self._executed[self._first:]]
            cells = contracts.code_cells(self.name)
            changed |= executed != cells[next(i for i, source in enumerate(cells) if "open_stage(" in source):]
        if changed:
            raise StageError(f"cells ran since the stage was opened that notebooks/{contracts.path_of(self.name)} does not hold, or in "
                             "another order, so the results are not recorded; save it, restart the kernel and run all")
        contracts.check_loaded(self._conditions["library"])  # what the cells imported only now
        now = contracts.code(self.name)
        was, now = (made["library"] | made["environment"] for made in (self._conditions, now))
        if other := sorted(name for name in now.keys() | was.keys() if now.get(name) != was.get(name)):
            raise StageError(f"{listed(other)} changed since the stage was opened, so the results are not recorded; "
                             "restart the kernel and run all cells")
        entry = {**self._conditions, "files": self._written}
        with self._alone():
            token = contracts.opening(self.folder, self.name)
            if not token.exists() or token.read_text() != self._token:
                raise StageError(f"{self.name} was opened again, or its inputs were made again, since it was opened "
                                 "here, so its results are not recorded; run all of its cells again")
            token.unlink()
            contracts.write_manifest(self.folder, contracts.read_manifest(self.folder) | {self.name: entry})
        if not self._run:  # a run writes the line when the notebook has ended
            append_to_ledger(self.folder, ledger_line(
                point=self.study.study, stage=self.name, state="done", started=self._started,
                seconds=round(time.time() - self._started, 1), parameters=self._parameters,
                library_hash=contracts.combined(entry["library"])))


open_stage = Stage  # the verb that notebooks say


def _keep(kept: Path, frames: dict[str, pd.DataFrame], told: list[str]) -> None:
    """Put frames and the warnings that came with them into a folder of remembered results, if that can be."""
    aside = kept.with_name(f".aside-{uuid.uuid4().hex}")
    try:
        for left in kept.parent.glob(".aside-*"):
            if time.time() - left.stat().st_mtime > KILLED:
                shutil.rmtree(left, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, frame in frames.items():
            frame.to_parquet(aside / f"{name}.parquet")
        about = {"files": {path.name: file_hash(path) for path in aside.iterdir()}, "warnings": told}
        (aside / "about.json").write_text(json.dumps(about), encoding="utf-8")
        os.replace(aside, kept)
    except OSError as error:
        if not (kept / "about.json").exists():  # else another run has just remembered the same
            _say_once(f"{kept.parent} cannot be written ({error.strerror or type(error).__name__}), so what was "
                      "trained here is trained again next time; make room there, or let this user write there")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@cache
def _say_once(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def _remembered(kept: Path) -> tuple[dict[str, pd.DataFrame], list[str]] | None:
    """The frames and warnings in a folder; None, and no folder, where they are not as they were written."""
    try:
        about = json.loads((kept / "about.json").read_text(encoding="utf-8"))
        frames = {Path(name).stem: read_frame(kept / name, expected=was) for name, was in about["files"].items()}
        return frames, about["warnings"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StageError):  # nothing is there, or not ours
        shutil.rmtree(kept, ignore_errors=True)
        return None


def _content(value: Any) -> Any:
    """Something that changes when the content of an argument changes, as JSON can write it."""
    if isinstance(value, pd.DataFrame):
        rows = pd.util.hash_pandas_object(value, index=True).to_numpy().tobytes()
        return [[str(name) for name in value.columns], hashlib.sha256(rows).hexdigest()]
    return [type(value).__name__, asdict(value)] if is_dataclass(value) else value
