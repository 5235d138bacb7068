"""Adjusted closes from Yahoo through yfinance, kept as snapshots of our own.

Yahoo revises its history and limits who asks too often, and yfinance keeps no prices. So a market is downloaded
once: a parquet file with a sidecar that says what was asked, what came, when, by which version, and its hash. Later
runs read the file and need no network.
"""

import hashlib
import logging
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from forefolio.files import write_whole
from forefolio.market.csv_files import MarketError
from forefolio.market.snapshots import _keep, data_folder, sidecar, snapshots

BATCH = 10  # tickers asked for side by side; what a batch brought is on disk before the next one starts
WAITS = (2, 4, 8, 16, 32, 64)  # seconds before asking again, after a rate limit or an answer that cannot be read


def fetch(tickers: Sequence[str], *, start: date, end: date, allow_missing: bool) -> Path:
    """
    The snapshot that holds these tickers over these days; downloaded if there is none yet.

    Parameters
    ----------
    tickers : sequence of str
        Yahoo's symbols.
    start, end : date
        First and last day. The day that is still running is never asked for: it has no close yet.
    allow_missing : bool
        Whether a ticker without prices is noted in the sidecar; else it is an error.

    Returns
    -------
    Path
        A parquet file, one column a ticker that has prices; beside it a sidecar of the same name in json. It may
        hold more tickers and days than asked for.

    Raises
    ------
    MarketError
        One sentence: no network, a rate limit that does not end, or tickers that Yahoo does not know. What had
        arrived by then is kept, and the next call goes on from there.
    """
    wanted = list(dict.fromkeys(tickers))
    for path in snapshots():
        about = sidecar(path)
        if about["asked"]["start"] <= start.isoformat() and about["asked"]["end"] >= end.isoformat() \
                and set(wanted) <= set(about["tickers"]):
            return path
    digest = hashlib.sha256("\n".join(sorted(wanted)).encode()).hexdigest()[:8]
    path = data_folder() / f"yahoo_{start}_{end}_{digest}.parquet"
    last = min(end, pd.Timestamp.now("UTC").date() - timedelta(days=1))
    if start > last:
        raise MarketError(f"start: {start} has no close yet; move it into the past")
    parts = data_folder() / f"yahoo_{start}_{last}.parts"
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MarketError(f"FOREFOLIO_DATA: {data_folder()} cannot hold snapshots ({error.strerror}); name a folder that can "
                          "be written") from None
    missing = _download(wanted, start=start, last=last, parts=parts, snapshot=path)
    if missing and not allow_missing:
        reasons = "; ".join(f"{ticker}: {reason}" for ticker, reason in list(missing.items())[:3])
        raise MarketError(f"tickers: Yahoo has no prices of {', '.join(missing)} from {start} to {end} ({reasons}); correct "
                          "the names, or set allow_missing_tickers to true to go on without them (the others are kept)")
    if len(missing) == len(wanted):
        raise MarketError(f"tickers: Yahoo has no prices of any of {len(wanted)} tickers from {start} to {end}; correct "
                          "the names or the dates")
    closes = pd.concat([pd.read_parquet(_part(parts, ticker)) for ticker in wanted if ticker not in missing], axis=1)
    _keep(path, closes.sort_index().rename_axis("date"), wanted, missing, start, end)
    shutil.rmtree(parts, ignore_errors=True)
    return path


def _download(tickers: list[str], *, start: date, last: date, parts: Path, snapshot: Path) -> dict[str, str]:
    """Bring every ticker's closes into `parts`, batch by batch; returns the tickers without prices and why."""
    from tqdm import tqdm

    waiting = [ticker for ticker in tickers if not _part(parts, ticker).exists()]
    with _plain_yfinance(), ThreadPoolExecutor(4) as pool, tqdm(
            total=len(tickers), initial=len(tickers) - len(waiting), desc="Yahoo", unit="ticker",
            disable=not sys.stderr.isatty()) as bar:
        ask = partial(_ask, pool=pool, bar=bar, start=start, last=last, parts=parts, snapshot=snapshot)
        return ask(list(ask(waiting)))  # a ticker is missing when Yahoo has said so twice


def _ask(waiting: list[str], *, pool: ThreadPoolExecutor, bar: Any, start: date, last: date, parts: Path,
         snapshot: Path) -> dict[str, str]:
    """Ask for tickers in batches, each again and again until every one of it is answered; the missing and why."""
    missing: dict[str, str] = {}
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        for wait in (*WAITS, None):
            answers = dict(zip(batch, pool.map(lambda ticker: _closes(ticker, start, last), batch), strict=True))
            troubles = {ticker: answer for ticker, answer in answers.items() if isinstance(answer, tuple)}
            for ticker, answer in answers.items():
                if isinstance(answer, pd.Series):
                    write_whole(_part(parts, ticker), answer.to_frame().to_parquet)
                    bar.update()
                elif ticker not in troubles:
                    missing[ticker] = answer
            batch = list(troubles)
            if not batch:
                break
            kind, reason = troubles[batch[0]]
            if wait is None or (kind == "no network" and len(troubles) == len(answers) and not any(parts.iterdir())):
                raise _stopped(kind, reason, batch, parts, snapshot)
            _say(bar, f"Yahoo: {kind} for {', '.join(batch)}; asking again in {wait} s")
            time.sleep(wait)
        if bar.disable:
            _say(bar, f"Yahoo: {len(list(parts.glob('*.parquet')))} of {bar.total} tickers")
    return missing


def _closes(ticker: str, start: date, last: date) -> pd.Series | str | tuple[str, str]:
    """Adjusted closes of a ticker; why there are none; or what went wrong, as a kind and a reason."""
    import yfinance
    from yfinance import exceptions

    try:
        found = yfinance.Ticker(ticker).history(start=start, end=last + timedelta(days=1), auto_adjust=True,
                                                actions=False, timeout=30)
    except exceptions.YFRateLimitError:
        return "rate limit", "too many requests"
    except exceptions.YFTickerMissingError as error:
        return "no such symbol" if isinstance(error, exceptions.YFTzMissingError) else str(error.rationale).strip(" .\n")
    except Exception as error:  # the network, or whatever a client meets in an answer of another shape
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            return "no such symbol"
        yfinance.data.YfData.cache_get.cache_clear()  # it would give the same broken answer again
        names = {kind.__name__ for kind in type(error).__mro__}
        kind = "no network" if names & {"ConnectionError", "ProxyError"} else "an answer that cannot be read"
        return kind, f"{type(error).__name__}: {error}".splitlines()[0]
    closes = found["Close"].dropna().rename(ticker)
    if closes.empty:
        return "no closes"
    closes.index = closes.index.tz_localize(None).normalize().rename("date")  # the day at the exchange
    return closes


@contextmanager
def _plain_yfinance() -> Iterator[None]:
    """While it lasts yfinance raises what goes wrong, and says nothing by itself."""
    import yfinance

    debug, log = yfinance.config.debug, logging.getLogger("yfinance")
    before = debug.hide_exceptions, log.level
    debug.hide_exceptions = False
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        debug.hide_exceptions = before[0]
        log.setLevel(before[1])


def _stopped(kind: str, reason: str, batch: list[str], parts: Path, snapshot: Path) -> MarketError:
    """The sentence for a download that cannot go on."""
    if kind == "no network":
        return MarketError(f"source yfinance: Yahoo cannot be reached ({reason.split(' See ')[0].rstrip('.')}), and there is "
                           f"no snapshot {snapshot.name} in {snapshot.parent}; run `forefolio fetch` where there is a "
                           "network and copy the snapshot with its json file there, or set source to sample, csv or "
                           "simulated, which need none")
    kept = len(list(parts.glob("*.parquet")))
    return MarketError(f"source yfinance: {kind} from Yahoo for {', '.join(batch)}, still after {len(WAITS) + 1} tries "
                       f"({reason}); {kept} tickers are kept in {parts}, so run `forefolio fetch` again later to go on")


def _part(parts: Path, ticker: str) -> Path:
    return parts / f"{quote(ticker, safe='^=-.')}.parquet"


def _say(bar: Any, line: str) -> None:
    """A line above the bar on a terminal, a plain line elsewhere."""
    if not bar.disable:
        bar.clear()
    print(line, file=sys.stderr, flush=True)
