"""Names that mean something to Markdown, HTML, TeX or a browser are text on every page of a site, letter by letter.

Each name of the market has a part of its own, its core. Wherever a page shows a core, the whole name must stand there.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import mistune
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from command import forefolio

from forefolio.runs import contracts
from forefolio.site import build

pytestmark = pytest.mark.usefixtures("without_pictures")
NAMES = ["<b>qbold</b>", "$qtex$", "qpipe|x", "_qunder_", "*qstar*", "`qtick`", "<script>qran=1</script>",
         "&lt;qentity", "[qlink](x)", "QPLAIN"]
INDEX = "<i>$qindex$</i>"
SAID = ("<b>qbold</b>", "$qtex$", "qpipe|x", "`qtick`")  # in sentences, which the search knows
CORE = re.compile("q[a-z]+")
STUDY = f"""
study: names
source: csv
prices_path: {{folder}}/prices.csv
benchmark: {INDEX}
start: 2019-01-01
train_end: 2020-01-31
validation_end: 2020-08-31
end: 2020-12-31
models: [zero, mean]
portfolio_models: [mean]
frameworks: [mvf, rpp]
lookback: 5
estimation_window: 60
residual_window: 20
correlation_window: 20
random_portfolios: 1000
"""
PATIENCE = 60_000  # milliseconds for what a page waits for, on a machine that runs other tests
PAGES = ("index", *contracts.STAGES)
DRAW = """async () => {
  for (const figure of document.querySelectorAll('figure:has(.plot)')) {
    figure.scrollIntoView();
    await new Promise(done => setTimeout(() => requestAnimationFrame(done), 30));
  }
}"""
DRAWN = "() => [...document.querySelectorAll('figure:has(.plot)')].every(one => one.querySelector('.plot .main-svg'))"
TEXTS = """() => [
  document.title,
  ...[...document.querySelectorAll('main :is(p, li, td, th, pre, svg text, math)')].map((part) => part.textContent),
  ...[...document.querySelectorAll('main :is([alt], [aria-label])')].map((part) => part.alt ?? part.ariaLabel),
]"""
HOVERED = """() => [...document.querySelectorAll('.drawn .plot')].flatMap((plot) => plot.data.flatMap((trace, i) => {
  const point = { curveNumber: i, pointNumber: trace.type === 'heatmap' ? [0, 0] : 0 };
  Plotly.Fx.hover(plot, [point], Object.keys(plot._fullLayout._plots));
  return [...plot.querySelectorAll('.hoverlayer text')].map((text) => text.textContent);
}))"""
UNEVEN = """() => [...document.querySelectorAll('main table')].filter((table) =>
  new Set([...table.rows].map((row) => [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0))).size > 1
).map((table) => table.textContent.slice(0, 200))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site of a small run of these names: three stand still for a while, one moves most, one only rises."""
    folder = tmp_path_factory.mktemp("names")
    days, rng = pd.bdate_range("2019-01-01", "2020-12-31", name="date"), np.random.default_rng(5)
    common, own = rng.normal(0, 0.006, (len(days), 1)), rng.normal(0, 0.008, (len(days), len(NAMES) + 1))
    moves = pd.DataFrame(3e-4 + common + own, days, [*NAMES, INDEX])
    moves.loc["2020-08-01":"2020-10-15", NAMES[:3]] = 0.0
    moves["$qtex$"] *= 4
    moves["`qtick`"] = moves["`qtick`"].abs() / 4
    (1 + moves).cumprod().to_csv(folder / "prices.csv")
    (folder / "names.yml").write_text(STUDY.format(folder=folder))
    done = forefolio("run", str(folder / "names.yml"), outputs=folder)
    assert done.returncode == 0, done.stderr
    return build.build(folder / "names")


@pytest.fixture(scope="module")
def texts(site, browser) -> dict[str, list[str]]:
    """All that each page of the run shows: titles, texts, cells, words of figures, and what hovering adds."""
    found, troubles = {}, []
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: said.type in ("error", "warning") and troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        for name in PAGES:
            page.goto((site / f"{name}.html").as_uri())
            page.evaluate(DRAW)
            page.wait_for_function(DRAWN)
            found[name] = [text for script in (TEXTS, HOVERED) for text in page.evaluate(script)]
            assert not page.evaluate(UNEVEN) and page.evaluate("typeof qran") == "undefined", name
    assert not troubles
    return found


def broken(text: str) -> list[str]:
    """The places of a text where a core is shown without the rest of its name."""
    return [text[max(0, found.start() - 40):found.end() + 40]
            for name in (*NAMES, INDEX) for core in CORE.findall(name)[:1]
            for found in re.finditer(core, text) if not text.startswith(name, found.start() - name.index(core))]


def test_every_name_is_shown_letter_by_letter_wherever_a_page_shows_it(texts):
    wrong = [f"{page}: {place}" for page, shown in texts.items() for text in shown for place in broken(text)]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert not [name for name in (*NAMES, INDEX) if not any(name in text for text in texts["01_data"])]


def test_figures_store_every_name_as_plotly_shows_it_letter_by_letter(site):
    """Also steps of sliders and points that no mouse meets here."""
    wrong = [f"{file.name}: {text[:200]}" for file in site.glob("0*.html")
             for script in BeautifulSoup(file.read_text(), "html.parser").select("figure script")
             for text in strings(json.loads(script.string)) if broken(html.unescape(text)) or re.search("[>$]q", text.replace("<extra>", ""))]  # a tag of ours
    assert not wrong, "\n".join(wrong)


def strings(part: object) -> Iterator[str]:
    """All texts of a figure."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, (list, dict)):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from strings(inner)


def test_the_search_finds_every_name_and_shows_it_letter_by_letter(site, browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto((site / "index.html").as_uri())
        for name in SAID:
            page.fill("#Search", name)
            page.locator("#Found mark").first.wait_for()
            assert name in page.locator("#Found").text_content()
            assert {name} == set(page.locator("#Found mark").all_text_contents()), name


def test_pages_as_markdown_have_every_name_letter_by_letter(site):
    """Read as code hosts do, where tags count and tables are known, and not with the renderer of the site."""
    read = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
    wrong = [f"{name}: {place}" for name in PAGES
             for place in broken(BeautifulSoup(read((site / f"{name}.md").read_text()), "html.parser").get_text())]
    assert not wrong, "\n".join(wrong)
