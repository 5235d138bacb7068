"""Snapshots: closes that were downloaded from a source and are kept in a file.

A source may revise its history or limit requests, so it is asked only once. A snapshot is a parquet file with a json
sidecar, which records the request, the last day that was answered, what arrived, when, and the file's hash. Later runs
read the file and need no network.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pandas as pd
import platformdirs

from forefolio.files import content_hash, file_hash, utc, write_text, write_whole
from forefolio.market.csv_files import MarketError


@dataclass(frozen=True)
class Asked:
    """What a source is asked for."""

    source: str  # the first word of the snapshot's name
    tickers: tuple[str, ...]
    start: date  # first and last day that are wanted
    end: date
    last: date  # the last day up to `end` that has a close; today has none yet

    @property
    def parts(self) -> Path:
        """The folder where a download collects tickers until all have arrived."""
        return _data_folder() / f"{self.source}_{self.start}_{self.last}.parts"

    @property
    def path(self) -> Path:
        """The path of the snapshot of exactly this request."""
        digest = hashlib.sha256("\n".join(sorted(self.tickers)).encode()).hexdigest()[:8]
        return _data_folder() / f"{self.source}_{self.start}_{self.last}_{digest}.parquet"


def ask(source: str, tickers: Sequence[str], *, start: date, end: date) -> Asked:
    """A request with each ticker once; MarketError if no day of it has a close yet."""
    last = min(end, pd.Timestamp.now("UTC").date() - timedelta(days=1))
    if start > last:
        raise MarketError(f"start: {start} has no close yet; move it into the past")
    return Asked(source, tuple(dict.fromkeys(tickers)), start, end, last)


def _data_folder() -> Path:
    """Where snapshots lie: `$FOREFOLIO_DATA`, else the user's data folder (~/.local/share/forefolio on Linux)."""
    return Path(os.environ.get("FOREFOLIO_DATA") or platformdirs.user_data_path("forefolio")).absolute()


def kept(source: str) -> list[Path]:
    """All complete snapshots of a source, by name; a snapshot without a sidecar was never finished."""
    return [path for path in sorted(_data_folder().glob(f"{source}_*.parquet")) if path.with_suffix(".json").exists()]


def find(asked: Asked) -> dict[Path, date]:
    """Snapshots that cover this request, by name, and the last day for which each was answered."""
    abouts = {path: sidecar(path) for path in kept(asked.source)}
    return {path: date.fromisoformat(about["answered"]) for path, about in abouts.items()
            if about["asked"]["start"] <= f"{asked.start}" and about["asked"]["end"] >= f"{asked.last}"
            and set(asked.tickers) <= set(about["tickers"])}


def keep(asked: Asked, closes: pd.DataFrame, *, missing: dict[str, str], client: str) -> Path:
    """
    Write a snapshot and then its sidecar, which makes it valid.

    Parameters
    ----------
    closes : DataFrame (n_days, n_tickers)
        Adjusted closes of the tickers that came.
    missing : dict of str to str
        The other tickers, and why they are missing.
    client : str
        The program that asked the source, with its version.
    """
    path, days = asked.path, {ticker: closes[ticker].dropna().index for ticker in closes}
    write_whole(path, closes.to_parquet)
    about = {"source": asked.source, "client": client, "downloaded": utc(time.time()), "tickers": asked.tickers,
             "asked": {"start": f"{asked.start}", "end": f"{asked.end}"}, "answered": f"{asked.last}",
             "last": f"{closes.index[-1]:%Y-%m-%d}", "missing": missing, "sha256": file_hash(path),
             "got": {ticker: {"first": f"{came[0]:%Y-%m-%d}", "last": f"{came[-1]:%Y-%m-%d}", "days": len(came)}
                     for ticker, came in days.items()}}
    write_text(path.with_suffix(".json"), json.dumps(about, indent=1) + "\n")
    return path


def sidecar(snapshot: Path) -> dict:
    """
    The content of a snapshot's sidecar: tickers, asked (start, end), answered (last day), got, missing, sha256.

    If a request ended in the future, it was answered only up to the day before the download. Sidecars of earlier
    versions lack `answered`. For them it is the requested end, if that had passed at the time of the download;
    otherwise it is the last day that arrived.
    """
    try:
        about = json.loads(snapshot.with_suffix(".json").read_text(encoding="utf-8"))
        end = date.fromisoformat(about["asked"]["end"])
        if "answered" not in about:
            passed = end < date.fromisoformat(about["downloaded"][:10]) - timedelta(days=1)
            about["answered"] = str(end if passed else max(came["last"] for came in about["got"].values()))
        date.fromisoformat(about["answered"])
        if not all(isinstance(text, str) for text in (*about["tickers"], about["asked"]["start"], about["sha256"],
                                                      *about["missing"].values())):
            raise ValueError("names or dates that are no text")
        return about
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MarketError(f"{snapshot.with_suffix('.json').name}: not the sidecar of a snapshot ({error}); delete it, "
                          "and the prices are downloaded again") from None


def read(snapshot: Path, about: dict | None = None) -> pd.DataFrame:
    """The prices of a snapshot; a file whose hash differs from the one in its sidecar (`about`) is refused."""
    content = snapshot.read_bytes()
    if content_hash(content) != (about or sidecar(snapshot))["sha256"]:
        raise MarketError(f"{snapshot.name} in {snapshot.parent}: was changed since it was downloaded; delete it and "
                          f"its "
                          "json file, and the prices are downloaded again")
    return pd.read_parquet(BytesIO(content)).astype(float)
