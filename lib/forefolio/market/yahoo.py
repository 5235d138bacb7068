"""Adjusted closes from Yahoo, downloaded with yfinance and kept as a snapshot.

A market is downloaded once, in batches. An interrupted download continues where it stopped.
"""

import logging
import shutil
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote

import pandas as pd

from forefolio.files import write_whole
from forefolio.market import snapshots
from forefolio.market.csv_files import MarketError
from forefolio.market.snapshots import Asked

BATCH = 10  # tickers per batch; each batch is on disk before the next one starts
N_ASKERS = 4  # threads
SILENCE = 30  # seconds without any answer after which we stop waiting
SILENT = "no answer"
WAITS = (2, 4, 8, 16, 32, 64)  # seconds before the next try, after a rate limit or an unreadable answer


class NoNetworkError(MarketError):
    """Yahoo cannot be reached."""


def fetch(tickers: Sequence[str], *, start: date, end: date, minutes: float, allow_missing: bool) -> Path:
    """
    The snapshot of these tickers over these days; it is downloaded if there is none yet.

    Parameters
    ----------
    start, end : date
        Today is never requested, because it has no close yet.
    minutes : float
        The longest time that a download may take.
    allow_missing : bool
        Whether a ticker without prices is noted in the sidecar; otherwise it is an error.

    Returns
    -------
    Path
        A parquet file, one column for each ticker that has prices; beside it a sidecar of the same name in json. It may
        hold more tickers and days than asked for.

    Raises
    ------
    MarketError
        No network, no answer, a rate limit that does not end, or tickers that Yahoo does not know. What had arrived by
        then is kept, and the next call goes on from there.

    Notes
    -----
    If `end` was in the future when a snapshot was made, there may be new days. They are not appended, because each
    dividend changes all earlier adjusted closes, so closes of two downloads do not fit together. Everything is
    downloaded again into a new snapshot. Without a network the old one is used, and one line says which days it lacks.
    """
    asked = snapshots.ask("yahoo", tickers, start=start, end=end)
    there = snapshots.find(asked)
    whole = [path for path, answered in there.items() if answered >= asked.last]
    if whole:
        return whole[0]
    try:
        return _new_snapshot(asked, minutes, allow_missing)
    except NoNetworkError:
        if not there:
            raise
    path = max(there, key=there.__getitem__)
    print(f"Yahoo cannot be reached: {path.name} is used, which lacks the days from {there[path] + timedelta(days=1)} "
          f"to {asked.last}; run `forefolio fetch` where there is a network to have them", file=sys.stderr, flush=True)
    return path


def _new_snapshot(asked: Asked, minutes: float, allow_missing: bool) -> Path:
    """Download a snapshot."""
    import yfinance

    try:
        asked.parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MarketError(f"FOREFOLIO_DATA: {asked.parts.parent} cannot hold snapshots ({error.strerror}); name a "
                          "folder that can be written") from None
    missing, span = _download(asked, minutes), f"from {asked.start} to {asked.end}"
    if missing and not allow_missing:
        reasons = "; ".join(f"{ticker}: {reason}" for ticker, reason in list(missing.items())[:3])
        raise MarketError(f"tickers: Yahoo has no prices of {', '.join(missing)} {span} ({reasons}); correct "
                          "the names, or set allow_missing_tickers to true to go on without them (the others are kept)")
    if len(missing) == len(asked.tickers):
        raise MarketError(f"tickers: Yahoo has no prices of any of {len(missing)} tickers {span}; correct the names or "
                          "the dates")
    came = [pd.read_parquet(_part(asked, ticker)) for ticker in asked.tickers if ticker not in missing]
    closes = pd.concat(came, axis=1).sort_index().rename_axis("date")
    path = snapshots.keep(asked, closes, missing=missing, client=f"yfinance {yfinance.__version__}")
    shutil.rmtree(asked.parts, ignore_errors=True)
    return path


def _download(asked: Asked, minutes: float) -> dict[str, str]:
    """Download every ticker's closes into `asked.parts`, batch by batch; returns those without prices, and why."""
    import yfinance
    from tqdm import tqdm

    yfinance.config.debug.hide_exceptions = False  # so that it raises errors and prints nothing
    logging.getLogger("yfinance").setLevel(logging.CRITICAL + 1)
    waiting = [ticker for ticker in asked.tickers if not _part(asked, ticker).exists()]
    with warnings.catch_warnings(action="ignore"), tqdm(
            total=len(asked.tickers), initial=len(asked.tickers) - len(waiting), desc="Yahoo", unit="ticker",
            disable=None) as bar:
        ask = partial(_ask, asked, minutes=minutes, until=time.monotonic() + 60 * minutes, bar=bar)
        return ask(list(ask(waiting)))  # a ticker counts as missing after two such answers


def _ask(asked: Asked, waiting: list[str], *, minutes: float, until: float, bar: Any) -> dict[str, str]:
    """Ask for tickers in batches, and repeat each batch until all are answered; returns the missing ones, and why."""
    missing: dict[str, str] = {}
    answered = False
    for first in range(0, len(waiting), BATCH):
        batch = waiting[first:first + BATCH]
        for wait in (*WAITS, None):
            answers = _answers(asked, batch, until=until, bar=bar)
            missing |= {ticker: answer for ticker, answer in answers.items() if isinstance(answer, str)}
            troubles = {ticker: answer for ticker, answer in answers.items() if isinstance(answer, tuple)}
            if not troubles:
                break
            answered = answered or len(troubles) < len(answers)
            batch, (kind, reason) = list(troubles), next(iter(troubles.values()))
            hopeless = not answered and (kind == SILENT or kind == "no network" and not any(asked.parts.iterdir()))
            late = time.monotonic() + (wait or 0) >= until
            if wait is None or hopeless or late:
                tries = f"still after {minutes:g} minutes (fetch_minutes)" if late else f"still after {len(WAITS) + 1} tries"
                raise _stopped(asked, "no network" if hopeless else kind, reason, batch, tries)
            bar.write(f"Yahoo: {kind} for {', '.join(batch)}; asking again in {wait} s", file=sys.stderr)
            time.sleep(wait)
        answered = True
        if bar.disable:
            print(f"Yahoo: {_n_parts(asked)} of {bar.total} tickers", file=sys.stderr, flush=True)
    return missing


def _answers(asked: Asked, batch: list[str], *, until: float, bar: Any) -> dict[str, Any]:
    """The answers of `_bring` for each ticker; it stops waiting if no answer arrives for a while.

    Unlike those of a pool, these threads do not keep the process from ending.
    """
    left, came, found = deque(batch), SimpleQueue(), {}

    def bring() -> None:
        with suppress(IndexError):
            while True:
                ticker = left.popleft()
                try:
                    came.put((ticker, _bring(asked, ticker)))
                except Exception as error:  # a full disk
                    came.put((ticker, error))

    for _ in range(N_ASKERS):
        threading.Thread(target=bring, daemon=True).start()
    last = told = time.monotonic()
    while len(found) < len(batch) and (now := time.monotonic()) < min(last + SILENCE, until):
        try:
            ticker, answer = came.get(timeout=max(min(0.5, until - now), 0))
        except Empty:
            bar.refresh()  # its clock moves
            if bar.disable and now > told + SILENCE / 3:
                told = now
                print(f"Yahoo: no answer for {now - last:.0f} s", file=sys.stderr, flush=True)
            continue
        if isinstance(answer, Exception):
            raise answer
        found[ticker], last = answer, time.monotonic()
        bar.update(answer is None)
    left.clear()
    silent = SILENT, f"it sent nothing for {time.monotonic() - last:.0f} s"
    return {ticker: found.get(ticker, silent) for ticker in batch}


def _bring(asked: Asked, ticker: str) -> str | tuple[str, str] | None:
    """Keep a ticker's adjusted closes; if there are none, or something fails, returns the kind and the reason."""
    import yfinance
    from yfinance import exceptions

    try:
        found = yfinance.Ticker(ticker).history(start=asked.start, end=asked.last + timedelta(days=1), auto_adjust=True,
                                                actions=False, timeout=30)
    except exceptions.YFRateLimitError:
        return "rate limit", "too many requests"
    except exceptions.YFTickerMissingError as error:
        unknown = isinstance(error, exceptions.YFTzMissingError)
        return "no such symbol" if unknown else str(error.rationale).strip(" .\n")
    except Exception as error:  # a network error, or an answer of an unexpected form
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            return "no such symbol"
        yfinance.data.YfData.cache_get.cache_clear()  # its cache would give the same broken answer again
        names = {kind.__name__ for kind in type(error).__mro__}
        kind = SILENT if "Timeout" in names else (
            "no network" if names & {"ConnectionError", "ProxyError"} else "an answer that cannot be read")
        return kind, f"{type(error).__name__}: {error}".splitlines()[0]
    closes = found[["Close"]].dropna().set_axis([ticker], axis=1)
    if closes.empty:
        return "no closes"
    closes.index = closes.index.tz_localize(None).normalize().rename("date")  # the day at the exchange
    write_whole(_part(asked, ticker), closes.to_parquet)
    return None


def _stopped(asked: Asked, kind: str, reason: str, batch: list[str], tries: str) -> MarketError:
    """The error for a download that cannot go on."""
    if kind == "no network":
        why, path = reason.split(" See ")[0].rstrip("."), asked.path
        return NoNetworkError(f"source yfinance: Yahoo cannot be reached ({why}), and there is no snapshot {path.name} "
                              f"in {path.parent}; run `forefolio fetch` where there is a network and copy the snapshot "
                              "with its json file there, or set source to sample, csv or simulated, which need none")
    return MarketError(f"source yfinance: {kind} from Yahoo for {', '.join(batch)}, {tries} "
                       f"({reason}); {_n_parts(asked)} tickers are kept in {asked.parts}, so run `forefolio fetch` "
                       "again later to go on")


def _part(asked: Asked, ticker: str) -> Path:
    """The file for the closes of one ticker until all have arrived."""
    return asked.parts / f"{quote(ticker, safe='^=-.')}.parquet"


def _n_parts(asked: Asked) -> int:
    """The number of tickers that have arrived."""
    return len(list(asked.parts.glob("*.parquet")))
