"""One headless browser a process turns plotly figures into PNG, each in a fraction of a second.

Starting a browser takes seconds and plotly starts one for each picture; here it is started once, in the background,
while the notebook loads its data. A machine without a Chrome or Chromium has no pictures, and nothing else changes.
"""

import asyncio
import atexit
import base64
import json
import os
import signal
import threading
from concurrent.futures import Future, wait
from functools import cache
from typing import Any, NamedTuple

PATIENCE = 60  # seconds for one picture, with the start of the browser where it is the first
GRACE = 1  # seconds for the browser to end by itself
_missing: list[str] = []  # why this process has no pictures, once that is known


class Shown:
    """A figure in a notebook: interactive where plotly is, a picture where it is not.

    `png` is the picture; None, and one line said once a process, where the machine has no browser.
    """

    def __init__(self, figure: Any):
        self._figure, self.png = figure, None
        if _missing:
            return
        try:
            self.png = png(figure, scale=1.1)
        except Exception as error:  # a picture must never fail a stage: any trouble of the browser ends here
            _missing.append(type(error).__name__)
            print(f"no PNG figures: {_missing[0]}, no usable Chrome or Chromium; the interactive figures are there, and the "
                  "same stage, run again with --force, makes both once there is a browser")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle = {"application/vnd.plotly.v1+json": json.loads(self._figure.to_json()),
                  "text/plain": self._figure.layout.title.text or "figure"}
        return bundle | ({"image/png": base64.b64encode(self.png).decode()} if self.png else {})


def script() -> bytes:
    """What draws an interactive figure in a browser, as the installed plotly has it."""
    from plotly.offline import get_plotlyjs  # whoever has a figure has imported plotly; a plan needs none

    return get_plotlyjs().encode()


class _Browser(NamedTuple):
    """A browser, its event loop, and the future of its being ready; kaleido's own server cannot end one that hangs."""

    loop: asyncio.AbstractEventLoop
    ready: Future
    started: list[Any]  # kaleido's browser, from the moment on that there is something to end


@cache
def warm_up() -> _Browser:
    """Start the browser in the background, once a process."""
    import kaleido  # a second to import, paid beside the notebook's own work

    loop, started = asyncio.new_event_loop(), []
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def opened() -> Any:
        started.append(kaleido.Kaleido())
        return await started[0].__aenter__()

    browser = _Browser(loop, asyncio.run_coroutine_threadsafe(opened(), loop), started)
    atexit.register(_end, browser)
    return browser


def png(figure: Any, *, scale: float) -> bytes:
    """Draw a figure at its own size in pixels, times `scale`; a browser that fails is ended, and its error raised."""
    browser = warm_up()

    async def drawn() -> bytes:
        ready = await asyncio.wrap_future(browser.ready)
        return await ready.calc_fig(figure, opts={"format": "png", "scale": scale})

    try:
        return asyncio.run_coroutine_threadsafe(drawn(), browser.loop).result(PATIENCE - 3 * GRACE)
    except Exception:
        atexit.unregister(_end)
        _end(browser)
        raise


def _end(browser: _Browser) -> None:
    """End the browser and its loop; one that does not answer is killed, so that only its temporary files are left."""
    wait([browser.ready], GRACE)  # one that was only just started has no process yet
    for kaleido in browser.started:
        closing = asyncio.run_coroutine_threadsafe(kaleido.close(), browser.loop)
        if not wait([closing], GRACE).done:
            if hasattr(os, "killpg"):
                os.killpg(kaleido.subprocess.pid, signal.SIGKILL)  # kaleido gives it a group of its own
            else:
                kaleido.subprocess.kill()
            closing.cancel()
            wait([asyncio.run_coroutine_threadsafe(asyncio.sleep(GRACE / 10), browser.loop)], GRACE)
    browser.loop.call_soon_threadsafe(browser.loop.stop)
