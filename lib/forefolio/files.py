"""Files of results: written whole, hashed and locked; and the ledger, with one line per event of a stage.

A file that has its final name is complete. Many processes may append to one ledger. Names in tables are text, because
0050 and NA are listed symbols.
"""

import hashlib
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from forefolio.study.parameters import ROOT

if TYPE_CHECKING:
    import pandas as pd  # takes half a second, and `forefolio check` does not need it

NAMES = ("asset", "ticker", "subject", "strategy", "point")  # columns of tables that hold names
LIMIT = 60.0  # default limit for a stage, in minutes
LEDGER_KEYS = ("point", "stage", "state", "started", "seconds", "parameters", "library_hash", "error", "notebook",
               "peak_memory_mb", "worker")

LEDGER = "ledger.jsonl"  # one line per event of a stage
MARKS = {"run": "manifest.json", "sweep": "sweep.json"}  # marks a folder as a run or a sweep; written first
RENAME = {"run": "give this run another name with --set study=NAME",
          "sweep": "give this sweep another name, or another --output"}


class StageError(RuntimeError):
    """A problem in files or runs that the user can fix. The message is one sentence."""


class RunFailed(RuntimeError):
    """A failure while running: a notebook raised an error, or workers are gone. The message says where and why."""


def outputs_folder() -> Path:
    """Where run folders lie: `$FOREFOLIO_OUTPUTS`, else `outputs/` of the repository."""
    folder = Path(os.environ.get("FOREFOLIO_OUTPUTS") or ROOT / "outputs").absolute()
    if any("\ud800" <= letter <= "\udfff" for letter in str(folder)):  # bytes of a path that are not valid text
        raise StageError(f"{folder} is not UTF-8 text, so no notebook can name it; name another folder with --output")
    return folder


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file name and a reason to system errors: a full disk gives no name, some libraries give no reason."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error) or type(error).__name__, str(path)) from error


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file, then rename it, so that a visible file is always complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    with naming(path):
        try:
            write(aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text whole, in UTF-8."""
    write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def content_hash(content: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return content_hash(path.read_bytes())


def reading_once() -> Callable[[Path], str]:
    """A `file_hash` that reads a file with several names (hard links) only once."""
    known: dict[tuple[int, int], str] = {}

    def hashed(path: Path) -> str:
        found = path.stat()
        if (found.st_dev, found.st_ino) not in known:
            known[found.st_dev, found.st_ino] = file_hash(path)
        return known[found.st_dev, found.st_ino]

    return hashed


def check_kind(folder: Path, kind: str) -> None:
    """Refuse a folder that holds the other kind of results, even if the process that made it was killed."""
    if other := [name for name, mark in MARKS.items() if name != kind and (folder / mark).exists()]:
        raise StageError(f"{folder} holds a {other[0]}; {RENAME[kind]}")


def kind_of(folder: Path) -> str:
    """Whether a folder holds a run or a sweep; a StageError if it holds neither."""
    there = [kind for kind, mark in MARKS.items() if (folder / mark).is_file()]
    if not there:
        raise StageError(f"{folder} has no {' and no '.join(MARKS.values())}, so it is not a run or sweep folder; "
                         "name one such as outputs/default")
    return there[-1]


@contextmanager
def locked(folder: Path, holder: str, *, kind: str = "run") -> Iterator[None]:
    """Hold a folder for one process at a time, and mark it as a run's or a sweep's.

    If another process has it, or it holds the other kind, a StageError says so and what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken, note = filelock.FileLock(folder / ".lock", timeout=0), folder / ".holder"
    try:
        taken.acquire()
    except filelock.Timeout:
        who = note.read_text(encoding="utf-8") if note.exists() else "another process"
        raise StageError(f"{folder} is in use by {who}; wait until that ends, or {RENAME[kind]}") from None
    try:
        check_kind(folder, kind)
        if not (folder / MARKS[kind]).exists():
            write_text(folder / MARKS[kind], "{}\n")
        write_text(note, f"{holder} (process {os.getpid()})")
        yield
    finally:
        note.unlink(missing_ok=True)
        taken.release()


def in_turn(path: Path) -> AbstractContextManager[Any]:
    """Let one process at a time do something, by a lock file; the others wait."""
    return filelock.FileLock(path)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Delay termination signals until this is done."""
    came: list[tuple[int, Any]] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *signaled: came.append(signaled)) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
        for number, frame in came[:1]:
            if callable(before[number]):
                before[number](number, frame)
            elif before[number] == signal.SIG_DFL:
                signal.raise_signal(number)


def read_frame(path: Path, *, text: Iterable[str] = (), expected: str | None = None) -> "pd.DataFrame":
    """A table (csv) or artifact (parquet) as it was written; a StageError if its hash is not the expected one.

    In a table, names and the columns in `text` are always text; in other columns an empty cell is missing.
    """
    import pandas as pd

    content = path.read_bytes()
    if expected not in (None, content_hash(content)):
        raise StageError(f"{path} was changed since it was hashed; run all cells of the stage that reads it again")
    if path.suffix != ".csv":
        return pd.read_parquet(BytesIO(content))
    columns = set(pd.read_csv(BytesIO(content), nrows=0))
    as_text = columns & {*NAMES, *text}
    return pd.read_csv(BytesIO(content), dtype=dict.fromkeys(as_text, str), keep_default_na=False,
                       na_values=dict.fromkeys(columns - as_text, [""]))


def write_frame(path: Path, frame: "pd.DataFrame") -> None:
    """Write a frame whole; a named index becomes the first column of a table."""
    if path.suffix == ".csv":
        write_whole(path, lambda aside: frame.to_csv(aside, index=frame.index.name is not None, lineterminator="\n"))
    else:
        write_whole(path, frame.to_parquet)


def ledger_line(*, started: float, **happened: Any) -> dict[str, Any]:
    """One line of the ledger; `started` is in seconds since the epoch, absent values are None, extra ones come last."""
    happened["started"] = utc(started)
    known = {key: happened.pop(key, None) for key in LEDGER_KEYS}
    return {"time": utc(time.time()), **known, **happened}


def append_to_ledger(folder: Path, entry: dict[str, Any]) -> None:
    """Add a line to the ledger of a folder, one process at a time; an incomplete last line is ended first."""
    path = folder / LEDGER
    with naming(path), in_turn(folder / ".ledger.lock"), open(path, "a+b") as ledger:
        ledger.seek(max(ledger.tell() - 1, 0))
        torn = ledger.read(1) not in (b"", b"\n")
        ledger.write(b"\n" * torn + json.dumps(entry).encode() + b"\n")


def read_ledger(folder: Path) -> list[dict[str, Any]]:
    """The complete lines of a folder's ledger, oldest first; incomplete or foreign lines are skipped."""
    path, entries = folder / LEDGER, []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"stage", "state", "seconds", "error"} <= entry.keys():
            entries.append(entry)
    return entries


def utc(seconds: float) -> str:
    """A time, given in seconds since the epoch, as ISO text in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def lasting(seconds: float) -> str:
    """A duration as text.

    >>> lasting(35.2), lasting(119), lasting(3600)
    ('35 s', '119 s', '60 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
