"""The site of the default run as a reader's browser shows it: from a folder, in two widths and both themes.

`visits` opens every page once and notes what it finds in each width and theme; each of the first tests looks at one kind of
fact in all of these notes, and a failure names the page, the width and the theme. The other tests use a page by mouse and
keyboard.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from forefolio.runs import contracts
from forefolio.site import build

PATIENCE = 60_000  # milliseconds for what a page waits for, on a machine that runs other tests
HEIGHT = 900
WIDTHS, THEMES = (1280, 390), ("light", "dark")
STAGES = [contracts.path_of(stage).removesuffix(".ipynb").replace("/", "-") for stage in contracts.STAGES]
INSIDE = re.compile("file:|data:|blob:")
MOST = 15e6  # bytes of the site of the default study
RULES = {"tag": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
CONTRAST = {"rule": ["color-contrast"]}
ONE_OF_EACH = ("index", "02_correlation", "docs-commands", "papers-zouaoui2025", "solutions-05_portfolios")

DRAW = """async () => {
  for (const figure of document.querySelectorAll('figure:has(.plot)')) {
    figure.scrollIntoView();
    await new Promise(done => setTimeout(() => requestAnimationFrame(done), 30));
  }
  scrollTo(0, 0);
}"""
DRAWN = "() => [...document.querySelectorAll('figure:has(.plot)')].every(figure => figure.querySelector('.plot .main-svg'))"
COUNT = """() => {
  const plots = [...document.querySelectorAll('.drawn .plot')];
  window.left = plots.length;
  plots.forEach(plot => plot.once('plotly_afterplot', () => { window.left -= 1; }));
}"""
LOOK = (Path(__file__).parent / "look.js").read_text()


class Visit(NamedTuple):
    """What is wrong with one page in one width and theme, by kind."""

    page: str
    width: int
    theme: str
    wrong: dict[str, list[str]]


@pytest.fixture(scope="module")
def site(default_run, tmp_path_factory) -> Path:
    """The site of the default run."""
    return build.build(default_run, tmp_path_factory.mktemp("site") / "default")


@pytest.fixture(scope="module")
def visits(site, browser) -> list[Visit]:
    """Every page in each width and theme; a page is loaded once, and changes its width and theme while it is open."""
    made, axe = [], Axe()
    with browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}) as context:
        page, troubles = context.new_page(), []
        page.set_default_timeout(PATIENCE)
        watch(page, troubles)
        for file in sorted(site.glob("*.html")):
            at(page, WIDTHS[0], THEMES[0])
            page.goto(file.as_uri())
            draw(page)
            page.evaluate("folded => fold(folded)", file.stem not in ONE_OF_EACH)  # axe-core looks long at code
            for theme in THEMES:
                for width in WIDTHS:
                    at(page, width, theme)
                    wrong = page.evaluate(LOOK)
                    if (width, theme) == (WIDTHS[0], THEMES[0]):  # it takes seconds
                        wrong["axe"] = violations(axe, page, RULES)
                    elif width == WIDTHS[0] and file.stem in ONE_OF_EACH:
                        wrong["axe"] = violations(axe, page, CONTRAST)
                    made.append(Visit(file.name, width, theme, wrong | {"troubles": troubles.copy()}))
                    troubles.clear()
    return made


@pytest.fixture
def reader(browser) -> Iterator[Page]:
    """A page of a reader who comes for the first time; whatever it asks for is a file, and nothing goes wrong."""
    with browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}) as context:
        page, troubles = context.new_page(), []
        page.set_default_timeout(PATIENCE)
        watch(page, troubles)
        yield page
        assert not troubles


def watch(page: Page, troubles: list[str]) -> None:
    """Add a line for each request that leaves the folder or fails, and for each error that the page reports."""
    page.on("request", lambda request: INSIDE.match(request.url) or troubles.append(f"asks {request.url}"))
    page.on("requestfailed", lambda request: troubles.append(f"did not get {request.url}"))
    page.on("console", lambda said: said.type in ("error", "warning") and troubles.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))


def draw(page: Page) -> None:
    """Scroll until every figure is drawn."""
    page.evaluate(DRAW)
    page.wait_for_function(DRAWN)


def at(page: Page, width: int, theme: str) -> None:
    """Change width and theme; figures draw themselves in the colors of the theme."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    if page.evaluate("theme => !matchMedia(`(prefers-color-scheme: ${theme})`).matches", theme):
        page.evaluate(COUNT)
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("() => left === 0")


def violations(axe: Axe, page: Page, rules: dict[str, list[str]]) -> list[str]:
    """What axe-core finds outside the figures, whose text `look.js` looks at."""
    (kind, values), = rules.items()
    answer = axe.run(page, context={"exclude": [".plot"]}, options={
        "runOnly": {"type": kind, "values": values}, "resultTypes": ["violations"], "preload": False})  # preload reads files
    return [f"{found['id']}: {found['nodes'][0]['target']}, and {len(found['nodes']) - 1} more; "
            f"{found['nodes'][0]['failureSummary']}" for found in answer.response["violations"]]


def faults(visits: list[Visit], kind: str) -> str:
    """All faults of a kind, one a line, with page, width and theme."""
    return "\n".join(f"{visit.page} at {visit.width} px, {visit.theme}: {fault}"
                     for visit in visits for fault in visit.wrong.get(kind, []))


def test_every_page_opens_from_a_folder_without_an_error_and_asks_only_for_files(visits, site):
    assert {visit.page for visit in visits} >= {"index.html", *(f"{stage}.html" for stage in STAGES)}
    assert not faults(visits, "troubles")


def test_nothing_is_wider_than_the_page_and_nothing_is_cut_off(visits):
    assert not faults(visits, "width")


def test_every_figure_draws_its_marks_and_has_words(visits):
    assert not faults(visits, "figures")


def test_every_formula_is_drawn_and_no_text_is_left_as_it_was_typed(visits):
    assert not faults(visits, "formulas")


def test_all_text_stands_out_from_what_is_behind_it_also_in_figures(visits):
    assert not faults(visits, "ink")


def test_pages_follow_the_rules_of_accessibility(visits):
    assert not faults(visits, "axe")


# --------------------------------------------------------------------------------------------------------- what the files say
def test_links_and_tables_of_contents_lead_to_pages_files_and_headings_that_exist(site):
    anchors = {file.name: {tag["id"] for tag in soup(file).find_all(id=True)} for file in site.glob("*.html")}
    wrong, n_inside = [], 0
    for file in sorted(site.glob("*.html")):
        page = soup(file)
        if len(page.main.find_all("h2")) and not page.select(".toc a"):
            wrong.append(f"{file.name} has no table of contents")
        for tag, key in [(tag, key) for key in ("href", "src") for tag in page.find_all(attrs={key: True})]:
            target = tag[key]
            if re.match("https?:|data:", target):
                if tag.name != "a" and not target.startswith("data:"):
                    wrong.append(f"{file.name} loads {target}")
                continue
            name, _, anchor = unquote(target).partition("#")
            n_inside += 1
            if name and not (site / name).is_file() or anchor and anchor not in anchors.get(name or file.name, ()):
                wrong.append(f"{file.name}: {target}")
    assert not wrong, "\n".join(wrong)
    assert n_inside > 1000


def test_every_page_has_its_text_as_markdown_and_llms_txt_lists_all(site):
    listed = re.findall(r"\]\(([^)]+)\)", (site / "llms.txt").read_text())
    pages = sorted(file.stem for file in site.glob("*.html"))
    assert sorted(listed) == [f"{page}.md" for page in pages]
    wrong = []
    for page in pages:
        text, shown = (site / f"{page}.md").read_text(), soup(site / f"{page}.html").main
        heads, n_rows = [head.get_text() for head in shown.find_all("h2")], len(shown.select("tbody tr"))
        if sum(line.startswith("## ") for line in text.splitlines()) < len(heads):
            wrong.append(f"{page}.md has fewer sections than {heads}")
        if sum(line.lstrip(" *").startswith("|") for line in text.splitlines()) < n_rows:
            wrong.append(f"{page}.md has fewer rows of tables than {n_rows}")
        for target in re.findall(r"\]\(([^)#\s]+)[^)\s]*\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)):
            if not re.match("[a-z]+:", target) and not (site / unquote(target)).is_file():
                wrong.append(f"{page}.md: {target}")
    assert not wrong, "\n".join(wrong)


def test_the_site_is_small_and_shares_one_plotly(site):
    assert sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) < MOST
    assert [file.name for file in site.rglob("*plotly*")] == ["plotly.min.js"]


def test_the_first_page_has_answer_table_figure_stages_claims_and_records(site):
    page = soup(site / "index.html").main
    assert page.h1.get_text().endswith("?")
    heads = [head.get_text() for head in page.find_all("h2")]
    assert heads[:3] == ["The answer", "What each strategy earned", "The stages"] and heads[-1] == "Records"
    assert sum(head.startswith("Claims: ") for head in heads) == 2
    assert page.find("figure").find("img")["alt"]
    assert [card["href"] for card in page.select(".card")] == [f"{stage}.html" for stage in STAGES]
    assert all(card.img and card.get_text(strip=True) for card in page.select(".card"))
    files = {f"files/{name}" for name in ("params.yml", "manifest.json", "ledger.jsonl")}
    assert files <= {link["href"] for link in page.find_all("a")}


def soup(file: Path) -> BeautifulSoup:
    """A page as its marks."""
    return BeautifulSoup(file.read_text(), "html.parser")
