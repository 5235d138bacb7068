"""Adjusted closes from Yahoo through yfinance, kept as snapshots of our own.

Yahoo revises its history and limits who asks too often, and yfinance keeps no prices. So a market is downloaded
once: a parquet file with a sidecar that says what was asked, what came, when, by which version, and its hash. Later
runs read the file and need no network.
"""

import json
import os
import time
from datetime import date
from pathlib import Path

import pandas as pd
import platformdirs

from forefolio.files import file_hash, utc, write_whole
from forefolio.market.csv_files import MarketError


def data_folder() -> Path:
    """Where snapshots lie: `$FOREFOLIO_DATA`, else the user's data folder (~/.local/share/forefolio on Linux)."""
    return Path(os.environ.get("FOREFOLIO_DATA") or platformdirs.user_data_path("forefolio")).absolute()


def snapshots() -> list[Path]:
    """All whole snapshots, by name: one without its sidecar was never finished."""
    return [path for path in sorted(data_folder().glob("yahoo_*.parquet")) if path.with_suffix(".json").exists()]


def sidecar(snapshot: Path) -> dict:
    """What a snapshot's sidecar says: source, version, time, tickers, dates asked for and got, missing, SHA-256."""
    try:
        about = json.loads(snapshot.with_suffix(".json").read_text(encoding="utf-8"))
        about = {name: about[name] for name in ("source", "yfinance", "downloaded", "tickers", "asked", "got", "missing",
                                                "sha256")}
        if not all(isinstance(text, str) for text in (*about["tickers"], about["asked"]["start"], about["asked"]["end"],
                                                      *about["missing"].values())):
            raise ValueError("names or dates that are no text")
        return about
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MarketError(f"{snapshot.with_suffix('.json').name}: not the sidecar of a snapshot ({error}); delete it, and "
                          "the prices are downloaded again") from None


def read(snapshot: Path) -> pd.DataFrame:
    """
    The prices of a snapshot, wide; a file that is not as it was downloaded is refused.

    Raises
    ------
    MarketError
        If the file's SHA-256 is not the one in its sidecar.
    """
    if file_hash(snapshot) != sidecar(snapshot)["sha256"]:
        raise MarketError(f"{snapshot.name} in {snapshot.parent}: was changed since it was downloaded; delete it and its "
                          "json file, and the prices are downloaded again")
    try:
        prices = pd.read_parquet(snapshot).astype(float)
        days = prices.index
        whole = len(prices) and isinstance(days, pd.DatetimeIndex) and days.tz is None and days.is_monotonic_increasing \
            and days.is_unique
    except (ValueError, TypeError, OSError):
        whole = False
    if not whole:
        raise MarketError(f"{snapshot.name} in {snapshot.parent}: holds no table of days and prices; delete it and its json "
                          "file, and the prices are downloaded again")
    return prices


def _keep(path: Path, closes: pd.DataFrame, tickers: list[str], missing: dict[str, str], start: date, end: date) -> None:
    """Write the snapshot, and last its sidecar, which makes it count."""
    import yfinance

    write_whole(path, closes.to_parquet)
    got = {ticker: {"first": f"{days.index[0]:%Y-%m-%d}", "last": f"{days.index[-1]:%Y-%m-%d}", "days": len(days)}
           for ticker, days in ((ticker, closes[ticker].dropna()) for ticker in closes)}
    about = {"source": "Yahoo, adjusted closes", "yfinance": yfinance.__version__, "downloaded": utc(time.time()),
             "tickers": tickers, "asked": {"start": start.isoformat(), "end": end.isoformat()}, "got": got,
             "missing": missing, "sha256": file_hash(path)}
    write_whole(path.with_suffix(".json"),
                lambda aside: aside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8"))
