"""Headless browsers turn plotly figures into PNG, each in a fraction of a second.

Plotly starts a browser for each picture, which takes seconds. A command keeps one browser for all pictures of its stages.
It works in a process of its own, which ends with the command and draws from the interactive figures while stages go on.
A notebook that runs by hand has its own browser. Without Chrome or Chromium there are no pictures, and nothing else
changes; the manifest lists the figures without one, and the next command draws them.
"""

import asyncio
import atexit
import base64
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import psutil

from forefolio.files import file_hash, write_text, write_whole
from forefolio.runs import contracts

WITHOUT = "FOREFOLIO_WITHOUT_PICTURES"  # tells a kernel that its command draws, and a command that nothing is to be drawn
HUNG = TimeoutError.__name__
PATIENCE = 60  # seconds for one picture, including the start of the browser
GRACE = 1  # seconds for the browser to end by itself
SCALE = 1.1  # pixels of a picture per pixel of the figure
_missing: list[str] = []  # why this process has no pictures, if it looked for a browser in vain


class Shown:
    """A figure in a notebook: interactive where plotly is, a picture where it is not.

    `png` is the picture; None, and one line said once a process, where the machine has no browser.
    """

    def __init__(self, figure: Any):
        self._figure, self.png = figure, None
        if _missing or WITHOUT in os.environ:
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
    if not _missing and WITHOUT not in os.environ:
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
        _browser.cache_clear()
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


def missed(number: int) -> str:
    """One sentence that says how many figures have no picture."""
    what = "1 figure has no picture" if number == 1 else f"{number} figures have no picture"
    return (f"{what} (PNG), as no Chrome or Chromium was usable; once there is one, the same command draws what is "
            "missing, without running a stage")


# ------------------------------------------------------------------------------------------------- a command's pictures
class Drawer:
    """Draws pictures beside the pages of figures, with one browser for all, in a process that ends with this one.

    A browser that does not answer for `PATIENCE` seconds is replaced, and `say` gets a line. After the second time in a
    row, or where none is usable, nothing more is drawn.
    """

    def __init__(self, say: Callable[[str], None] = print):
        self._say, self._pages, self._usable = say, SimpleQueue(), WITHOUT not in os.environ
        self._asked: set[Path] = set()
        self._idle = threading.Condition()
        self._left: list[Path] = []
        self._process: subprocess.Popen | None = None
        self._place = ExitStack()  # with the folder of the process
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Drawer":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, pages: Iterable[Path]) -> None:
        """Ask for the pictures of these pages, each once; this does not wait for them."""
        with self._idle:
            new = [page for page in pages if page not in self._asked] if self._usable else []
            self._asked.update(new)
            self._left += new
            for page in new:
                self._pages.put(page)
            if new and not self._thread:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    @property
    def usable(self) -> bool:
        """Whether pictures are drawn, as far as is known."""
        return self._usable

    def asked(self, page: Path) -> bool:
        """Whether the picture of a page was asked for."""
        return page in self._asked

    def drop(self, folder: Path, beginning: str) -> None:
        """Draw nothing more of the figures in a folder whose names begin so; none of them is being drawn afterwards."""
        with self._idle:
            dropped = {page for page in self._asked if page.parent == folder and page.name.startswith(beginning)}
            self._asked -= dropped
            now = self._left[:1]
            self._left = now + [page for page in self._left[1:] if page not in dropped]
            self._idle.wait_for(lambda: not dropped.intersection(self._left))

    def wait(self) -> None:
        """Wait until all that was asked for is drawn, or cannot be."""
        with self._idle:
            self._idle.wait_for(lambda: not self._left)

    def end(self) -> None:
        """End the browser and its process at once."""
        with self._idle:
            self._usable, self._left = False, self._left[:1]
        self._pages.put(None)
        self._kill()
        if self._thread:
            self._thread.join()

    def _work(self) -> None:
        while page := self._pages.get():
            with self._idle:
                wanted = page in self._left
            if wanted and self._usable:
                self._draw(page)
            with self._idle:
                self._left = [other for other in self._left if other != page]
                self._idle.notify_all()

    def _draw(self, page: Path) -> None:
        """Draw one picture, with a new browser if the first one hangs."""
        error = self._answer(page)
        if error == HUNG and self._usable:
            self._say(f"pictures  the browser did not answer for {PATIENCE} s at {page.stem}, and was replaced")
            error = self._answer(page)
        if error:
            self._usable = False

    def _answer(self, page: Path) -> str:
        """The name of the error with which the process drew a picture; empty if there was none."""
        try:
            with self._idle:
                if not self._usable:
                    return HUNG
                process = self._process = self._process or self._started()
            process.stdin.write(f"{json.dumps(str(page))}\n")
            process.stdin.flush()
            late = threading.Timer(2 * PATIENCE, process.terminate)  # where the process itself hangs
            late.start()
            try:
                if said := process.stdout.readline():
                    return json.loads(said)
            finally:
                late.cancel()
        except (OSError, ValueError):  # it was ended, here or by somebody else
            pass
        self._kill()
        return HUNG

    def _started(self) -> subprocess.Popen:
        """A new process that draws."""
        from forefolio.runs import kernels

        environment, _ = self._place.enter_context(kernels.place({}))
        return subprocess.Popen(
            kernels.guarded(sys.executable, "-m", __name__, str(PATIENCE)), env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)

    def _kill(self) -> None:
        """End the process that draws, its browser, and their folder."""
        process, self._process = self._process, None
        if process:
            process.terminate()  # its guard ends the browser too
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError, ValueError):
                    stream.close()
            self._place.close()


def pages(folder: Path, entry: dict[str, Any]) -> list[Path]:
    """Pages of figures of a manifest entry that lack their picture."""
    return [(folder / path).with_suffix(".html") for path in contracts.lacking(entry)]


def completed(drawer: Drawer, entries: list[tuple[Path, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Manifest entries, each with the missing pictures that could be drawn now, which its executed notebook shows as well.

    Parameters
    ----------
    entries : folder and entry; the entry's files must exist and match their hashes.
    """
    wanted = [page for folder, entry in entries for page in pages(folder, entry)]
    for page in wanted:
        if not drawer.asked(page):
            page.with_suffix(".png").unlink(missing_ok=True)  # an existing picture belongs to another run
    drawer.ask(wanted)
    drawer.wait()
    return [entry | {"files": entry["files"] | _drawn(folder, entry)} for folder, entry in entries]


def _drawn(folder: Path, entry: dict[str, Any]) -> dict[str, str]:
    """Hashes of the pictures that an entry lacked, and of the notebook into which they were put."""
    made = [path for path in contracts.lacking(entry) if (folder / path).exists()]
    notebooks = [path for path in entry["files"] if made and path.endswith(".ipynb")]
    for path in notebooks:
        _show(folder / path, [folder / picture for picture in made])
    return {path: file_hash(folder / path) for path in (*made, *notebooks)}


def _show(notebook: Path, made: list[Path]) -> None:
    """Put pictures beside the interactive figures of an executed notebook."""
    shown = {picture: figure_of(picture.with_suffix(".html").read_text(encoding="utf-8")) for picture in made}
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for output in (output for cell in content["cells"] for output in cell.get("outputs", ())):
        figure = output.get("data", {}).get("application/vnd.plotly.v1+json")
        picture = next((picture for picture, its in shown.items() if figure and its.items() <= figure.items()), None)
        if picture:
            output["data"]["image/png"] = base64.b64encode(picture.read_bytes()).decode()
            output["metadata"] = output["metadata"] | {"image/png": {"alt": "".join(output["data"]["text/plain"])}}
    write_text(notebook, json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def figure_of(page: str) -> dict[str, Any]:
    """The figure in a page that plotly wrote."""
    place, parts = page.index("Plotly.newPlot(") + len("Plotly.newPlot("), []
    while len(parts) < 3:  # the name of the place in the page, data, layout
        place += len(page[place:]) - len(page[place:].lstrip(" \n,"))
        part, place = json.JSONDecoder().raw_decode(page, place)
        parts.append(part)
    return {"data": parts[1], "layout": parts[2]}


def main() -> None:
    """Draw the picture of each page that a line of standard input names, and answer each with the name of an error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    for line in sys.stdin:
        page, error = Path(json.loads(line)), ""
        try:
            picture = png(figure_of(page.read_text(encoding="utf-8")))
            write_whole(page.with_suffix(".png"), lambda aside, picture=picture: aside.write_bytes(picture))
        except FileNotFoundError:  # the stage was asked for again, and its figures are gone
            error = "" if not page.exists() else FileNotFoundError.__name__
        except Exception as failed:  # a picture must never fail a command
            error = type(failed).__name__
        print(json.dumps(error), file=answers, flush=True)


if __name__ == "__main__":
    PATIENCE = float(sys.argv[1])
    main()
