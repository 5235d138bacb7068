"""One headless browser a process turns plotly figures into PNG, each in a fraction of a second.

Starting a browser takes seconds, and plotly starts one for each picture. Here it starts once, in the background, while
the notebook loads its data. Without Chrome or Chromium there are no pictures, and nothing else changes; the manifest
lists the figures without one, and `redraw` draws them later.
"""

import asyncio
import atexit
import base64
import json
import logging
import os
import signal
import tempfile
import threading
from contextlib import suppress
from concurrent.futures import Future, wait
from functools import cache
from typing import Any, NamedTuple

import psutil

WITHOUT = "FOREFOLIO_WITHOUT_PICTURES"  # tells a kernel that an earlier one found no usable browser
PATIENCE = 60  # seconds for one picture, including the start of the browser
GRACE = 1  # seconds for the browser to end by itself
SCALE = 1.1  # pixels of a picture per pixel of the figure
_missing = [WITHOUT] if WITHOUT in os.environ else []  # why this process has no pictures, if so


class Shown:
    """A figure in a notebook: interactive where plotly is, a picture where it is not.

    `png` is the picture; None, and one line said once a process, where the machine has no browser.
    """

    def __init__(self, figure: Any):
        self._figure, self.png = figure, None
        if _missing:
            return
        try:
            self.png = png(figure)
        except Exception as error:  # a picture must never fail a stage, so browser errors end here
            _missing.append(type(error).__name__)
            print(f"no PNG figures: {_missing[0]}, no usable Chrome or Chromium; the interactive figures are there, "
                  "and once there is a browser, `forefolio run` draws the pictures without running a stage")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a notebook shows: the figure, its picture, and a text for who sees neither, beside the picture as well."""
        from forefolio.report import style  # if there is a figure, plotly is imported

        told = style.described(self._figure)
        bundle = {"application/vnd.plotly.v1+json": json.loads(self._figure.to_json()), "text/plain": told}
        picture = {"image/png": base64.b64encode(self.png).decode()} if self.png else {}
        return bundle | picture, {name: {"alt": told} for name in picture}


def script() -> bytes:
    """The script of the installed plotly that draws an interactive figure in a browser."""
    from plotly.offline import get_plotlyjs  # if there is a figure, plotly is imported; a plan needs none

    return get_plotlyjs().encode()


class _Browser(NamedTuple):
    """A browser, its event loop, and a future for its start; kaleido's own server cannot end one that hangs."""

    loop: asyncio.AbstractEventLoop
    ready: Future
    started: list[Any]  # kaleido's browser, from the moment on that there is something to end


def warm_up() -> None:
    """Start the browser in the background, unless none is known to be usable."""
    if not _missing:
        _browser()


@cache
def _browser() -> _Browser:
    """The browser of this process, started once."""
    import kaleido  # a second to import, paid beside the notebook's own work

    from forefolio.runs import kernels

    logging.getLogger("choreographer").setLevel(logging.CRITICAL)  # one sentence here says what it would
    loop, started = asyncio.new_event_loop(), []
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def opened() -> Any:
        before, tempfile.tempdir = tempfile.tempdir, str(kernels.own_folder())  # the profile of a browser, and its page
        try:
            started.append(kaleido.Kaleido())
            return await started[0].__aenter__()
        finally:
            tempfile.tempdir = before

    kernels.own_folder()  # before what ends the browser is registered, so that it goes after that
    browser = _Browser(loop, asyncio.run_coroutine_threadsafe(opened(), loop), started)
    atexit.register(_end, browser)
    return browser


def png(figure: Any) -> bytes:
    """Draw a figure at its own size in pixels, times `SCALE`; a browser that fails is ended and its error raised."""
    browser = _browser()

    async def drawn() -> bytes:
        ready = await asyncio.wrap_future(browser.ready)
        return await ready.calc_fig(figure, opts={"format": "png", "scale": SCALE})

    try:
        return asyncio.run_coroutine_threadsafe(drawn(), browser.loop).result(PATIENCE - 3 * GRACE)
    except Exception:
        atexit.unregister(_end)
        _end(browser)
        raise


def _end(browser: _Browser) -> None:
    """End the browser, all that it started, and its loop."""
    wait([browser.ready], GRACE)  # one that was only just started has no process yet
    for kaleido in browser.started:
        number = getattr(getattr(kaleido, "subprocess", None), "pid", None)
        family = _family(number)
        closing = asyncio.run_coroutine_threadsafe(kaleido.close(), browser.loop)
        closed = wait([closing], GRACE).done
        for process in family:
            with suppress(psutil.Error):  # it ended by itself
                process.kill()
        if number and hasattr(os, "killpg"):
            with suppress(OSError):  # kaleido gives it a group of its own, of which mostly nobody is left
                os.killpg(number, signal.SIGKILL)
        if not closed:
            closing.cancel()
            wait([asyncio.run_coroutine_threadsafe(asyncio.sleep(GRACE / 10), browser.loop)], GRACE)
    browser.loop.call_soon_threadsafe(browser.loop.stop)


def _family(number: int | None) -> list[psutil.Process]:
    """A process and its children; none if it does not exist."""
    try:
        return [(first := psutil.Process(number)), *first.children(recursive=True)] if number else []
    except psutil.Error:
        return []


def told(in_vain: bool) -> dict[str, str]:
    """Variables for the next kernels of a command; after `in_vain` they do not look for a browser again."""
    return {WITHOUT: "1"} if in_vain else {}


def missed(number: int) -> str:
    """One sentence that says how many figures have no picture."""
    what = "1 figure has no picture" if number == 1 else f"{number} figures have no picture"
    return (f"{what} (PNG), as no Chrome or Chromium was usable; once there is one, the same command draws what is "
            "missing, without running a stage")
