"""The ledger: one line for each thing that happened to a stage, appended by as many processes as there are."""

import json
import time
from pathlib import Path
from typing import Any

import filelock

KEYS = ("point", "stage", "state", "started", "seconds", "parameters", "library_hash", "error", "notebook",
        "peak_memory_mb", "worker")


def line(*, started: float, **happened: Any) -> dict[str, Any]:
    """One line, `started` in seconds since the epoch; what is not given is None, what is given beyond `KEYS` comes last.

    >>> line(started=0.0, stage="01_data", state="done", key="a1")["started"]
    '1970-01-01T00:00:00Z'
    """
    happened["started"] = utc(started)
    known = {key: happened.pop(key, None) for key in KEYS}
    return {"time": utc(time.time()), **known, **happened}


def append(folder: Path, entry: dict[str, Any]) -> None:
    """Add a line to the ledger of a folder; one process at a time, and on a line of its own after a torn one."""
    path = folder / "ledger.jsonl"
    with filelock.FileLock(folder / ".ledger.lock"), open(path, "a+b") as ledger:
        if ledger.tell():
            ledger.seek(-1, 2)
            torn = ledger.read(1) != b"\n"
        else:
            torn = False
        ledger.write(b"\n" * torn + json.dumps(entry).encode() + b"\n")


def read(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a folder's ledger, oldest first; one that is torn or is none of ours counts as none."""
    path, entries = folder / "ledger.jsonl", []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"stage", "state", "seconds", "error"} <= entry.keys():
            entries.append(entry)
    return entries


def utc(seconds: float) -> str:
    """A moment, in seconds since the epoch, as ISO text in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
