"""One headless browser a process turns plotly figures into PNG, each in a fraction of a second.

Starting a browser takes seconds and plotly starts one for each picture; here it is started once, in the background,
while the notebook loads its data. A machine without a Chrome or Chromium has no pictures, and nothing else changes.
"""

import asyncio
import atexit
import base64
import json
import threading
from functools import cache
from typing import Any

PATIENCE = 60  # seconds for the browser to start, and for one picture
_missing: list[str] = []  # why this process has no pictures, once that is known


class Shown:
    """A figure in a notebook: interactive where plotly is, a picture where it is not.

    Attributes
    ----------
    png : bytes or None
        The picture; None, and one line said once a process, where the machine has no browser.
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


@cache
def warm_up() -> tuple[Any, Any]:
    """Start the browser in the background, once; returns it with the future of its being ready."""
    import kaleido  # a second to import, paid beside the notebook's own work

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def opened() -> Any:
        return await kaleido.Kaleido().__aenter__()

    browser = asyncio.run_coroutine_threadsafe(opened(), loop)
    atexit.register(_close, loop, browser)
    return loop, browser


def png(figure: Any, *, scale: float) -> bytes:
    """Draw a figure at its own size in pixels, times `scale`.

    Raises
    ------
    Exception
        Whatever the missing or failing browser raises; the caller decides that a picture is not worth a stage.
    """
    loop, browser = warm_up()
    drawn = browser.result(PATIENCE).calc_fig(figure, opts={"format": "png", "scale": scale})
    return asyncio.run_coroutine_threadsafe(drawn, loop).result(PATIENCE)


def _close(loop: asyncio.AbstractEventLoop, browser: Any) -> None:
    """Let the browser go with the process, whether it ever started or not."""
    try:
        asyncio.run_coroutine_threadsafe(browser.result(0).__aexit__(None, None, None), loop).result(10)
    except Exception:  # it never started, or is gone already: nothing is left to close
        pass
    loop.call_soon_threadsafe(loop.stop)
