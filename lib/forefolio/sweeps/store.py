"""Results of stages by their content: `.stages/<stage>-<key>/` beside the run folders, whole or not there.

A folder in the store holds what one stage wrote, its executed notebook, and `record.json` with the manifest entry and
the ledger's line. It takes its name in one step when all is in it. Points of a sweep are linked together from it: a
file that many points share lies on the disk once.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forefolio.files import StageError, file_hash, write_text
from forefolio.runs import contracts, pictures
from forefolio.runs.contracts import PARAMS


@dataclass(frozen=True)
class Store:
    """The results of stages under one folder of outputs."""

    outputs: Path

    def place(self, stage: str, key: str) -> Path:
        """Where the results of a stage lie once they are whole."""
        return self.outputs / ".stages" / f"{stage}-{key}"

    def record(self, stage: str, key: str) -> dict[str, Any]:
        """What is kept beside results: `entry` of the manifest, `line` of the ledger, and the `seal` of both."""
        return json.loads((self.place(stage, key) / "record.json").read_text(encoding="utf-8"))

    def intact(self, stage: str, key: str, inputs: dict[str, str], hashed: Callable[[Path], str] = file_hash) -> bool:
        """Whether the results of a stage are, to the byte, as they were put there, and made of the inputs that are there.

        `inputs` has the key of each stage whose results it reads; one that is not there is made again, as it was.
        """
        folder = self.place(stage, key)
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # nothing is there, or no record
            kept = self.record(stage, key)
            reads, there = kept["entry"].get("reads", {}), [i for i in inputs.items() if self.place(*i).exists()]
            made = {path: was for i in there for path, was in self.record(*i)["entry"]["files"].items()}
            return (kept.pop("seal") == contracts.combined(kept)
                    and all(made.get(path, was) == was for path, was in reads.items())
                    and all(hashed(folder / path) == was for path, was in kept["entry"]["files"].items()))
        return False

    def restore(self, stage: str, key: str) -> None:
        """Write anew, under all of its names, what draws figures if it changed: no stage has to run for it."""
        path = self.place(stage, key) / contracts.PLOTLY
        if path.exists() and path.read_bytes() != pictures.script():
            path.write_bytes(pictures.script())

    def lay_out(self, folder: Path, inputs: dict[str, str]) -> None:
        """Make a run folder in which a stage can be run: its inputs, and the manifest that vouches for them."""
        folder.mkdir(parents=True)
        for stage, key in inputs.items():
            for path in {*contracts.STAGES[stage].writes, contracts.PLOTLY}:
                _link(self.place(stage, key) / path, folder / path)
        contracts.write_manifest(folder, {stage: self.record(stage, key)["entry"] for stage, key in inputs.items()})

    def keep(self, folder: Path, stage: str, key: str, line: dict[str, Any]) -> bool:
        """Give the results of a stage that ran in a folder their place in the store; False if others are there already.

        An `OSError` where a file is gone or the store cannot be written, a `StageError` where a file was changed since.
        """
        entry = contracts.read_manifest(folder)[stage]
        aside = folder / "kept"
        for path, was in entry["files"].items():
            _link(folder / path, aside / path)
            if file_hash(aside / path) != was:
                raise StageError(f"{path} was changed after {stage} had written it; give the command again")
        _seal(aside, entry, line)
        self.place(stage, key).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(aside, self.place(stage, key))
        except OSError:
            if not self.place(stage, key).exists():
                raise
            return False
        return True

    def add(self, stage: str, key: str, entry: dict[str, Any]) -> None:
        """Record what was added to the results of a stage in their place."""
        _seal(self.place(stage, key), entry, self.record(stage, key)["line"])

    def assemble(self, folder: Path, stages: dict[str, str], params: str) -> None:
        """Make the run folder of a point from the store: the files of its stages, one manifest, its params file.

        `stages` has the key of each stage that has results. A folder that is as it should be is left alone; another
        one is replaced as a whole, and files in it that no stage made stay in it.
        """
        entries = {stage: self.record(stage, key)["entry"] for stage, key in stages.items()}
        sources = {path: self.place(stage, stages[stage]) / path  # what many wrote (plotly's file) is the first one's
                   for stage, entry in reversed(entries.items()) for path in entry["files"]}
        with suppress(OSError):  # a file is gone
            if (contracts.read_manifest(folder) == entries and (folder / PARAMS).read_text(encoding="utf-8") == params
                    and all(_same(folder / path, source) for path, source in sources.items())):
                return
        new, old = _settled(folder)
        write_text(new / PARAMS, params)
        contracts.write_manifest(new, entries)
        for path, source in ({path: folder / path for path in own_files(folder)} | sources).items():
            _link(source, new / path)
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
        shutil.rmtree(old, ignore_errors=True)


def put_away(folder: Path) -> None:
    """Remove a folder, if it is there; moved first, so that nobody can use or keep half of it."""
    aside = folder.with_name(f".away-{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)


def mend(sweep: Path) -> None:
    """Finish or undo what a killed process left of putting points together or away, and results of stages."""
    for params in [*sweep.glob(f".*.old/{PARAMS}"), *sweep.glob(f".*.new/{PARAMS}")]:
        _settled(params.parent.with_name(params.parent.name[1:-len(".new")]))
    for left in [*sweep.glob(".away-*"), *sweep.parent.glob(".stages/.away-*")]:
        shutil.rmtree(left, ignore_errors=True)


def _settled(point: Path) -> tuple[Path, Path]:
    """Finish or undo what an interruption left of a point; where its new folder is made, and the old one waits."""
    new, old = (point.with_name(f".{point.name}.{kind}") for kind in ("new", "old"))
    if old.exists() and not point.exists():
        os.rename(old, point)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    return new, old


def own_files(point: Path) -> list[str]:
    """Paths of a user's own files in a point's folder, which no stage made."""
    made = {"manifest.json", PARAMS}.union(*(entry["files"] for entry in contracts.read_manifest(point).values()))
    found = (path.relative_to(point).as_posix() for path in point.rglob("*") if path.is_file())
    return [path for path in found if path not in made]


def _same(first: Path, second: Path) -> bool:
    """Whether two names are of one file, or of two with the same bytes."""
    return os.path.samefile(first, second) or file_hash(first) == file_hash(second)


def _seal(folder: Path, entry: dict[str, Any], line: dict[str, Any]) -> None:
    """Write the record of results into their folder."""
    about = {"entry": entry, "line": line}
    write_text(folder / "record.json", json.dumps(about | {"seal": contracts.combined(about)}, indent=1))


def _link(source: Path, target: Path) -> None:
    """Let a file have a second name; a copy where the disk cannot do that. One that is there already stays."""
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
