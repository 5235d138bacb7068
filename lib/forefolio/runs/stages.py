"""Opens and closes stages, and reads and writes their results.

A notebook opens its stage in the first cell after its parameters and closes it in its last code cell. Opening checks
parameters and inputs, and removes old results. Closing writes the manifest entry, which tells a later run that the
stage is up to date. A stage that runs by hand, by stock papermill or by the pipeline is recorded in the same way.
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
    value != str(contracts.PACKAGE.parent)))  # variables that a run's kernels do not have
KILLED = 3600  # seconds after which an unfinished folder belongs to a killed process
INSIDE_A_RUN = "FOREFOLIO_INSIDE_A_RUN"  # the run's locked folder, passed to its kernels


class Stage:
    """An open stage: reads what its contract lets it read, writes what it promises.

    `study` holds the validated parameters that the notebook declares, `folder` is the run folder.

    Opening a stage removes its old results. It raises a StudyError if a parameter has a wrong type or range, and a
    StageError if an input is missing, changed or made for another study, or if another run uses the folder.

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
        self._executed = namespace.get("In") or [""]  # the cells that the kernel has executed, if it keeps them
        self._first = len(self._executed) - 1
        self._written: dict[str, str] = {}  # the hash of each file when it was written
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
        """Say in one line how this kernel, started by hand, differs from those of a run."""
        shell = namespace["get_ipython"]() if "get_ipython" in namespace else None
        startup = sorted(Path(shell.profile_dir.startup_dir).glob("*.*py")) if hasattr(shell, "profile_dir") else []
        found = [*measured.otherwise(contracts.packages(self._conditions["library"])), *SET, *map(str, startup)]
        if found:
            print(f"{self.name}: this kernel is not like those of `forefolio run`, so its numbers may differ, because "
                  f"of {listed(found)}")

    @property
    def _mark(self) -> str:
        """The mark above every title of a run with a deliberate mistake; empty if there is none."""
        leak = self.study.leak
        return "" if leak == "none" else f"LEAK {leak} ({LEAKS[leak].title})"

    def _alone(self) -> AbstractContextManager[None]:
        """The run folder's lock, or nothing inside a run, which already holds it."""
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
        """Record the hashes of results now; later changes by others are not results."""
        self._written |= {path: file_hash(self.folder / path) for path in paths}

    def _path_of(self, name: str, paths: tuple[str, ...]) -> str:
        for path in paths:
            if Path(path).stem == name:
                return path
        raise StageError(f"{name} is not in the contract of {self.name}, which has {', '.join(paths)}; "
                         "add it in runs/contracts.py")

    def read_outside(self, files: dict[Path, str]) -> None:
        """Record files from outside the run folder, each with the hash of what was read."""
        self._conditions["sources"] = list(files.values())

    def published(self) -> dict[str, pd.DataFrame]:
        """The tables of a paper by name: its printed numbers, and results of sweeps over its choices."""
        return {path.stem.removeprefix(f"{self.name}_"): read_frame(path, expected=self._conditions["published"][path.name])
                for path in contracts.beside(self.name)}

    def remember(self, function: Callable[..., dict[str, pd.DataFrame]], *arguments: Any) -> dict[str, pd.DataFrame]:
        """Call a slow function, or return the result of an earlier call with the same code and arguments.

        Frames are kept under `.trained/` next to the run folders. The key is a hash of the arguments, the modules of
        the function and its settings, all modules that they import, and the versions. Texts and colors in a notebook do
        not count. Warnings are kept as well, and repeated each time.
        """
        modules = sorted({type(part).__module__ for part in arguments if is_dataclass(part)} | {function.__module__})
        library = contracts.library_hashes("\n".join(f"import {module}" for module in modules))
        contracts.check_loaded(library)
        elsewhere = [measured.versions([module.split(".")[0]]) or uuid.uuid4().hex  # in a notebook: different in every run
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
            contracts.check_loaded(library)  # imported only now
            _keep(kept, frames, told)
        for text in told:
            warnings.warn(text, stacklevel=2)
        return frames

    def figure(self, noun: str, figure: Any) -> pictures.Shown:
        """Save a plotly figure as html and png under `figures/`, and return what the notebook shows; a leak marks it."""
        if self._mark:
            from forefolio.report import style  # if there is a figure, plotly is imported

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
        """Check that the notebook, as saved, wrote every promised result, and record what made them."""
        missing = [path for path in self._contract.writes if path not in self._written]
        if missing:
            raise StageError(f"{self.name} closes without {', '.join(missing)}; run all of its cells in order")
        changed = contracts.notebook_hash(self.name) != self._conditions["notebook"]
        if "open_stage(" in self._executed[self._first]:  # all cells after the opening one, once each, in order
            executed = [source.strip() for source in self._executed[self._first:]]
            cells = contracts.code_cells(self.name)
            changed |= executed != cells[next(i for i, source in enumerate(cells) if "open_stage(" in source):]
        if changed:
            raise StageError(f"cells ran since the stage was opened that notebooks/{contracts.path_of(self.name)} does not hold, or in "
                             "another order, so the results are not recorded; save it, restart the kernel and run all")
        contracts.check_loaded(self._conditions["library"])  # modules that the cells imported only now
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
            with contracts.changing(self.folder) as manifest:
                manifest[self.name] = entry
        if not self._run:  # a run writes the line when the notebook has ended
            append_to_ledger(self.folder, ledger_line(
                point=self.study.study, stage=self.name, state="done", started=self._started,
                seconds=round(time.time() - self._started, 1), parameters=self._parameters,
                library_hash=contracts.combined(entry["library"])))


open_stage = Stage  # the function that notebooks call


def _keep(kept: Path, frames: dict[str, pd.DataFrame], told: list[str]) -> None:
    """Keep frames and their warnings in a folder of remembered results, if possible."""
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
        if not (kept / "about.json").exists():  # otherwise another run has just kept the same
            _say_once(f"{kept.parent} cannot be written ({error.strerror or type(error).__name__}), so what was "
                      "trained here is trained again next time; make room there, or let this user write there")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@cache
def _say_once(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def _remembered(kept: Path) -> tuple[dict[str, pd.DataFrame], list[str]] | None:
    """The frames and warnings in a folder; if they were changed, None, and the folder is removed."""
    try:
        about = json.loads((kept / "about.json").read_text(encoding="utf-8"))
        frames = {Path(name).stem: read_frame(kept / name, expected=was) for name, was in about["files"].items()}
        return frames, about["warnings"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StageError):  # nothing is there, or not ours
        shutil.rmtree(kept, ignore_errors=True)
        return None


def _content(value: Any) -> Any:
    """A JSON value that changes when the content of an argument changes."""
    if isinstance(value, pd.DataFrame):
        rows = pd.util.hash_pandas_object(value, index=True).to_numpy().tobytes()
        return [[str(name) for name in value.columns], hashlib.sha256(rows).hexdigest()]
    return [type(value).__name__, asdict(value)] if is_dataclass(value) else value
