"""A store of stage results by content: `.stages/<stage>-<key>/` next to the run folders, complete or absent.

A folder in the store holds what one stage wrote, its executed notebook, and `record.json` with the manifest entry and
the ledger's line. It gets its final name in one step when it is complete. Points of a sweep consist of links into the
store, so a file that many points share is on disk once.
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
        """The folder of a stage's results, once they are complete."""
        return self.outputs / ".stages" / f"{stage}-{key}"

    def record(self, stage: str, key: str) -> dict[str, Any]:
        """The record next to results: the manifest's `entry`, the ledger's `line`, and the `seal` of both."""
        return json.loads((self.place(stage, key) / "record.json").read_text(encoding="utf-8"))

    def intact(self, stage: str, key: str, inputs: dict[str, str], hashed: Callable[[Path], str] = file_hash) -> bool:
        """Whether the results of a stage are unchanged and were made from the inputs that are in the store.

        `inputs` holds the key of each stage whose results it reads; a missing one is made again.
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
        """Rewrite plotly's script under all of its names if it changed; no stage has to run for that."""
        path = self.place(stage, key) / contracts.PLOTLY
        if path.exists() and path.read_bytes() != pictures.script():
            path.write_bytes(pictures.script())

    def lay_out(self, folder: Path, inputs: dict[str, str]) -> None:
        """Make a run folder in which a stage can run: its inputs, and their manifest."""
        folder.mkdir(parents=True)
        for stage, key in inputs.items():
            for path in {*contracts.STAGES[stage].writes, contracts.PLOTLY}:
                _link(self.place(stage, key) / path, folder / path)
        contracts.write_manifest(folder, {stage: self.record(stage, key)["entry"] for stage, key in inputs.items()})

    def keep(self, folder: Path, stage: str, key: str, line: dict[str, Any]) -> bool:
        """Move the results of a stage from its folder into the store; False if the store already has them.

        An `OSError` if a file is gone or the store cannot be written; a `StageError` if a file was changed.
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
        """Record files that were added to the results of a stage."""
        _seal(self.place(stage, key), entry, self.record(stage, key)["line"])

    def assemble(self, folder: Path, stages: dict[str, str], params: str) -> None:
        """Build the run folder of a point from the store: the files of its stages, one manifest, its params file.

        `stages` holds the key of each stage with results. A correct folder is left alone; any other is replaced as a
        whole, but files in it that no stage made are kept.
        """
        entries = {stage: self.record(stage, key)["entry"] for stage, key in stages.items()}
        sources = {path: self.place(stage, stages[stage]) / path  # plotly's file is that of the first stage
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
    """Remove a folder, if it exists; it is moved first, so that nobody uses half of it."""
    aside = folder.with_name(f".away-{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)


def mend(sweep: Path) -> None:
    """Finish or undo what a killed process left while it built or removed points and results."""
    for params in [*sweep.glob(f".*.old/{PARAMS}"), *sweep.glob(f".*.new/{PARAMS}")]:
        _settled(params.parent.with_name(params.parent.name[1:-len(".new")]))
    for left in [*sweep.glob(".away-*"), *sweep.parent.glob(".stages/.away-*")]:
        shutil.rmtree(left, ignore_errors=True)


def _settled(point: Path) -> tuple[Path, Path]:
    """Finish or undo what an interruption left of a point; returns the paths for its new and its old folder."""
    new, old = (point.with_name(f".{point.name}.{kind}") for kind in ("new", "old"))
    if old.exists() and not point.exists():
        os.rename(old, point)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    return new, old


def own_files(point: Path) -> list[str]:
    """Paths of the user's own files in a point's folder, which no stage made."""
    made = {"manifest.json", PARAMS}.union(*(entry["files"] for entry in contracts.read_manifest(point).values()))
    found = (path.relative_to(point).as_posix() for path in point.rglob("*") if path.is_file())
    return [path for path in found if path not in made]


def _same(first: Path, second: Path) -> bool:
    """Whether two paths are the same file, or two files with the same bytes."""
    return os.path.samefile(first, second) or file_hash(first) == file_hash(second)


def _seal(folder: Path, entry: dict[str, Any], line: dict[str, Any]) -> None:
    """Write the record of results into their folder."""
    about = {"entry": entry, "line": line}
    write_text(folder / "record.json", json.dumps(about | {"seal": contracts.combined(about)}, indent=1))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name (a hard link), or copy it if the disk has no links. An existing file stays."""
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
