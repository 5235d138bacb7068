"""How a reader's browser is used and watched: widths, themes, and figures that draw when they come near the view."""

import re
from pathlib import Path

from playwright.sync_api import Page

PATIENCE = 60_000  # milliseconds for what a page waits for, on a machine that runs other tests
HEIGHT = 900
WIDTHS, THEMES = (1280, 390), ("light", "dark")
LEFT = "net::ERR_ABORTED"  # the reader went to another page before this one was complete
INSIDE = re.compile("file:|data:|blob:")
DRAW = """async () => {
  for (const figure of document.querySelectorAll('figure:has(.plot)')) {
    figure.scrollIntoView();
    await new Promise(done => setTimeout(() => requestAnimationFrame(done), 30));
  }
  scrollTo(0, 0);
}"""
DRAWN = "() => [...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))"
COUNT = """() => {
  const plots = [...document.querySelectorAll('.drawn .plot')];
  window.left = plots.length;
  plots.forEach(plot => plot.once('plotly_afterplot', () => { window.left -= 1; }));
}"""
LOOK = (Path(__file__).parent / "site" / "look.js").read_text()


def watch(page: Page, troubles: list[str]) -> None:
    """Add a line for each request that leaves the folder or fails, and for each error that the page reports."""
    page.on("request", lambda request: INSIDE.match(request.url) or troubles.append(f"asks {request.url}"))
    page.on("requestfailed", lambda request: request.failure == LEFT or troubles.append(f"did not get {request.url}"))
    page.on("console", lambda said: said.type in ("error", "warning") and troubles.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))


def draw(page: Page) -> int:
    """Scroll until every figure is drawn; how many there are."""
    page.evaluate(DRAW)
    page.wait_for_function(DRAWN)
    return page.locator(".plot").count()


def at(page: Page, width: int, theme: str) -> None:
    """Change width and theme; figures draw themselves in the colors of the theme."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    if page.evaluate("theme => !matchMedia(`(prefers-color-scheme: ${theme})`).matches", theme):
        page.evaluate(COUNT)
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("() => left === 0")
