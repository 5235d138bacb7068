"""The site of the default run as a reader's browser shows it: from a folder, in two widths and both themes.

`visits` opens every page once and notes what is wrong in each width and theme. Each of the first tests looks at one
kind of fact in all of these notes; a failure names the page, the width and the theme. The other tests use a page by
mouse and by keyboard.
"""

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from command import forefolio
from playwright.sync_api import Locator, Page, TimeoutError
from reading import HEIGHT, LOOK, PATIENCE, THEMES, WIDTHS, at, draw, watch

from forefolio.runs import contracts
from forefolio.site import build

STAGES = [contracts.path_of(stage).removesuffix(".ipynb").replace("/", "-") for stage in contracts.STAGES]
MOST = 15e6  # bytes of the site of the default study
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"color-contrast": {"enabled": False}}}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # takes seconds; `look.js` looks at all pages
ONE_OF_EACH = ("index", "02_correlation", "docs-commands", "solutions-05_portfolios")
VIEWS = [(width, theme) for theme, widths in zip(THEMES, (WIDTHS, WIDTHS[::-1])) for width in widths]
SHOWN = "figure => figure.querySelectorAll('.scatterlayer .trace, .barlayer .trace').length"


class Visit(NamedTuple):
    """What is wrong with one page in one width and theme, by kind."""

    page: str
    width: int
    theme: str
    wrong: dict[str, list[str]]


@pytest.fixture(scope="module")
def executed(default_run, scratch) -> Path:
    """The default run with its notebooks, which nbval executes elsewhere; the networks that it has trained are used again."""
    outputs = scratch / "executed"
    shutil.copytree(default_run.parent / ".trained", outputs / ".trained")
    done = forefolio("run", "params/default.yml", outputs=outputs)
    assert done.returncode == 0, done.stderr
    return outputs / "default"


@pytest.fixture(scope="module")
def site(executed, tmp_path_factory) -> Path:
    """The site of the default run."""
    return build.build(executed, tmp_path_factory.mktemp("site") / "default")


@pytest.fixture(scope="module")
def visits(site, browser) -> list[Visit]:
    """Every page in each width and theme; a page is loaded once, and changes its width and theme while it is open."""
    made, axe = [], Axe()
    with browser.new_context(viewport={"width": WIDTHS[0], "height": HEIGHT}) as context:
        page, troubles = context.new_page(), []
        page.set_default_timeout(PATIENCE)
        watch(page, troubles)
        for file in sorted(site.glob("*.html")):
            at(page, *VIEWS[0])
            page.goto(file.as_uri())
            draw(page)
            for width, theme in VIEWS:
                at(page, width, theme)
                wrong = page.evaluate(LOOK)
                wrong["axe"] = violations(axe, page, RULES) if (width, theme) == VIEWS[0] else []
                if width == WIDTHS[0] and file.stem in ONE_OF_EACH:
                    wrong["axe"] += violations(axe, page, CONTRAST)
                made.append(Visit(file.name, width, theme, wrong | {"troubles": troubles.copy()}))
                troubles.clear()
    return made


def violations(axe: Axe, page: Page, rules: dict) -> list[str]:
    """What axe-core finds outside the figures, whose text `look.js` looks at; its preload would read files."""
    asked = rules | {"resultTypes": ["violations"], "preload": False}
    answer = axe.run(page, context={"exclude": [".plot"]}, options=asked)
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


# ------------------------------------------------------------------------------------------------- what the files say
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



# ------------------------------------------------------------------------------------------------- figures and readers
def test_the_slider_of_05_leads_from_one_asset_to_minimum_variance(site, reader):
    figure = figure_with(reader, site / "05_portfolios.html", ".slider-rail-touch-rect")
    labels, n_held = zip(*[slide(figure, share) for share in (0.5, 0.02, 0.98)])
    assert len(set(labels)) == 3
    assert n_held[1] == 1 < n_held[2] and labels[2].endswith("variance")


def test_the_slider_of_03_moves_along_the_frontier_to_the_asset_of_highest_mean(site, reader):
    figure = figure_with(reader, site / "03_mpt_frontier.html", ".slider-rail-touch-rect")
    places = "points => points.map(point => point.getAttribute('transform')).join()"
    points = figure.locator(".scatterlayer .points path")
    begin, middle = points.evaluate_all(places), slide(figure, 0.5)
    moved, end = points.evaluate_all(places), slide(figure, 0.999)
    assert begin != moved != points.evaluate_all(places)
    assert middle[1] > end[1] == 1


def test_a_slider_moves_also_on_a_phone_and_after_the_theme_has_changed(site, reader):
    at(reader, 390, "dark")
    figure = figure_with(reader, site / "05_portfolios.html", ".slider-rail-touch-rect")
    at(reader, 390, "light")
    figure.locator(".wide").evaluate("part => part.scrollLeft = 0")
    assert slide(figure, 0.3)[0] != slide(figure, 0.02)[0]


def test_a_click_in_a_legend_hides_a_part_of_a_figure_and_shows_it_again(site, reader):
    for page in ("03_mpt_frontier", "07_evidence"):
        figure = figure_with(reader, site / f"{page}.html", ".legendtoggle")
        before = [figure.element_handle(), figure.evaluate(SHOWN)]
        figure.locator(".legendtoggle").first.click()
        reader.wait_for_function(f"([figure, before]) => ({SHOWN})(figure) < before", arg=before)
        reader.wait_for_timeout(500)  # a second click within 300 milliseconds would be a double click
        figure.locator(".legendtoggle").first.click()
        reader.wait_for_function(f"([figure, before]) => ({SHOWN})(figure) === before", arg=before)


def test_hover_says_what_is_shown_with_its_unit(site, reader):
    for page, marks in (("03_mpt_frontier", ".barlayer .point path"), ("05_portfolios", ".barlayer .point path"),
                        ("06_comparison", ".scatterlayer .points path")):
        figure = figure_with(reader, site / f"{page}.html", marks)
        said = hovered(reader, figure, marks)
        assert re.search(r"\d ?%", said), f"{page}: {said!r}"
        assert "..." not in said, f"{page}: {said!r}"


def test_what_is_pale_in_the_light_is_pale_in_the_dark_and_what_is_ink_stands_out_in_both(site, reader):
    name = "frontiers of resampled means"
    for theme in THEMES:
        at(reader, 1280, theme)
        figure = figure_with(reader, site / "03_mpt_frontier.html", f".legendtext:text-is('{name}')")
        pale, ink = figure.locator(".scatterlayer").evaluate("""layer => {
          const { paper_bgcolor } = layer.closest('.plot')._fullLayout;
          const paper = paper_bgcolor.startsWith('rgba') ? getComputedStyle(document.documentElement).getPropertyValue('--paper') : paper_bgcolor;
          const lines = [...layer.querySelectorAll('.js-line')].map(line => getComputedStyle(line));
          const [thin, thick] = lines.sort((a, b) => parseFloat(a.strokeWidth) - parseFloat(b.strokeWidth)).filter((_, i) => i % (lines.length - 1) === 0);
          return [thin, thick].map(line => contrast(parsed(line.stroke).slice(0, 3), parsed(paper).slice(0, 3)));
        }""")
        assert pale < 2 < 7 < ink, theme


def test_search_leads_to_a_section_and_says_when_there_is_none(site, reader):
    section = next(head for head in soup(site / "03_mpt_frontier.html").find_all("h2") if "by hand" in head.get_text())
    reader.goto((site / "index.html").as_uri())
    box = reader.get_by_role("searchbox", name="Search all pages")
    box.press_sequentially(section.get_text().upper())
    first = reader.locator("#Found a").first
    assert section.get_text() in first.text_content()
    first.click()
    reader.wait_for_url(f"**/03_mpt_frontier.html#{section['id']}")
    assert 0 <= reader.locator(f"[id='{section['id']}']").bounding_box()["y"] < HEIGHT / 2
    box.fill("zygomorphic")
    reader.get_by_text("No section has all of these words.").wait_for()
    assert not reader.locator("#Found a").count()
    box.fill(f"what is a zygomorphic {section.get_text().lower()}?".replace("?", ""))
    reader.get_by_text("These have some:").wait_for()
    assert section.get_text() in reader.locator("#Found a").first.text_content()
    shown = reader.locator("#Found p").first.text_content().strip("… ").split()
    assert set(shown) <= set(re.sub(r"\s+", " ", " ".join(part[4] for part in searched(site))).split())
    box.fill("zygomorphic")
    reader.keyboard.press("Escape")
    assert not reader.locator("#Found").is_visible()
    box.fill("minimum variance")
    box.press("Enter")
    reader.wait_for_url("**/*.html#*minimum*")


def test_code_that_was_folded_once_stays_folded_on_other_pages_until_it_is_shown(site, reader):
    code = reader.locator("details.code:not([data-folded]) pre").first
    reader.goto((site / "03_mpt_frontier.html").as_uri())
    switch = reader.get_by_role("button", name="Fold code")
    assert code.is_visible() and switch.get_attribute("aria-pressed") == "false"
    switch.click()
    reader.reload()
    assert not code.is_visible()
    reader.goto((site / "05_portfolios.html").as_uri())
    assert not code.is_visible() and switch.get_attribute("aria-pressed") == "true"
    reader.locator("details.code:not([data-folded]) summary").first.click()  # one cell is shown by itself
    assert code.is_visible()
    switch.click()
    reader.goto((site / "03_mpt_frontier.html").as_uri())
    assert code.is_visible()


def test_claims_are_sorted_by_numbers_and_filtered_by_words_and_status(site, reader):
    reader.goto((site / "index.html").as_uri())
    heads = reader.get_by_role("heading", name=re.compile("^Claims: "))
    table = heads.first.locator("xpath=following::table[1]")
    titles = [title.strip() for title in table.locator("thead th").all_text_contents()]
    rows = table.locator("tbody tr:visible")
    n_rows, column = rows.count(), titles.index("published")

    def numbers() -> list[float]:
        """The numbers of the column, from top to bottom."""
        cells = [row.locator("td, th").nth(column).text_content() for row in rows.all()]
        return [float(text) for text in cells if re.fullmatch(r"-?\d+(\.\d+)?", text)]

    before = numbers()
    for sign in (1, -1):
        table.get_by_role("button", name="published").click()
        assert numbers() == sorted(before, key=lambda number: sign * number)
    assert before != sorted(before) and len(set(before)) > 5
    status = rows.first.locator("td, th").nth(titles.index("status")).text_content()
    part = table.locator("xpath=preceding::div[@class='filter'][1]")
    part.get_by_role("combobox").select_option(status)
    chosen = rows.count()
    assert 0 < chosen < n_rows
    assert {row.locator("td, th").nth(titles.index("status")).text_content() for row in rows.all()} == {status}
    word = rows.first.locator("td, th").first.text_content().split()[0].lower()
    part.get_by_role("searchbox").fill(word)
    assert 0 < rows.count() <= chosen
    assert all(word in text.lower() for text in rows.all_text_contents())
    assert part.get_by_role("status").text_content() == f"{rows.count()} of {n_rows} rows"


def test_on_a_phone_a_button_shows_the_list_of_pages(site, reader):
    at(reader, 390, "light")
    reader.goto((site / "index.html").as_uri())
    pages = reader.get_by_role("navigation", name="Pages")
    assert not pages.is_visible()
    reader.get_by_role("button", name="Pages").click()
    pages.get_by_role("link").nth(2).click()
    reader.wait_for_url(f"**/{STAGES[1]}.html")


def test_previous_and_next_lead_through_all_stages(site, reader):
    reader.goto((site / f"{STAGES[0]}.html").as_uri())
    for stage in STAGES[1:]:
        reader.locator("a[rel=next]").click()
        reader.wait_for_url(f"**/{stage}.html")
    reader.locator("a[rel=prev]").click()
    reader.wait_for_url(f"**/{STAGES[-2]}.html")


# ------------------------------------------------------------------------------------------------- paper, and no script
def test_print_has_pictures_in_place_of_figures_and_nothing_to_navigate(site, reader):
    reader.emulate_media(media="print", color_scheme="dark")
    reader.goto((site / "03_mpt_frontier.html").as_uri())
    n_figures = draw(reader)
    for part in ("header", "footer", "#Pages", ".toc", ".steps", ".plot", ".filter"):
        assert not reader.locator(f"{part}:visible").count(), part
    assert reader.locator("img.still:visible").count() == n_figures > 3
    assert reader.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(re.findall(rb"/Subtype /Image", reader.pdf())) >= n_figures


def test_without_script_a_page_has_its_text_pictures_formulas_and_code(site, browser):
    with browser.new_context(viewport={"width": 390, "height": HEIGHT}, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((site / "03_mpt_frontier.html").as_uri())
        assert len(page.locator("main").inner_text()) > 10_000
        assert page.locator("img.still:visible").count() == page.locator("figure").count() > 3
        assert not page.locator(".plot:visible").count()
        assert page.locator("math:visible").count() == page.locator("math").count() > 10
        assert page.locator("details.code:not([data-folded]) pre:visible").count() > 10
        page.get_by_role("link", name="This page as Markdown").wait_for()


def test_a_figure_without_a_picture_shows_its_words_until_it_is_drawn(executed, reader, tmp_path):
    notebook = nbformat.read(executed / "02_correlation.ipynb", as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)
    (run := tmp_path / "run").mkdir()
    (run / "manifest.json").write_text("{}")
    nbformat.write(notebook, run / "02_correlation.ipynb")
    file = build.build(run) / "02_correlation.html"
    reader.add_init_script("window.IntersectionObserver = class { observe() {} unobserve() {} }")  # nothing comes near
    reader.goto(file.as_uri())
    still = reader.locator("p.still")
    assert still.count() == reader.locator("figure:has(.plot)").count() > 2
    assert all(len(words) > 20 for words in still.all_inner_texts())
    reader.evaluate("Promise.all(figures.map(draw))")
    assert not reader.locator(".still:visible").count()
    reader.emulate_media(media="print")
    assert reader.locator(".plot:visible").count() == still.count()


def figure_with(page: Page, file: Path, part: str) -> Locator:
    """The first figure of a page that has a part, drawn and in the middle of the view."""
    page.goto(file.as_uri())
    draw(page)
    figure = page.locator("figure", has=page.locator(part)).first
    figure.evaluate("figure => figure.scrollIntoView({ block: 'center' })")
    return figure


def slide(figure: Locator, share: float) -> tuple[str, int]:
    """Click on a share of a slider's length; its text and the number of bars that are seen then."""
    label, rail = figure.locator(".slider-label").first, figure.locator(".slider-rail-touch-rect")
    before, place = [label.element_handle(), label.text_content()], rail.bounding_box()
    figure.page.mouse.click(place["x"] + share * place["width"], place["y"] + place["height"] / 2)
    figure.page.wait_for_function("([label, before]) => label.textContent !== before", arg=before)
    figure.page.wait_for_function("plot => !plot._transitioning", arg=figure.locator(".plot").element_handle())
    return label.text_content(), figure.locator(".barlayer .point path").evaluate_all(
        "bars => bars.filter(bar => Math.min(bar.getBBox().width, bar.getBBox().height) > 1).length")


def hovered(page: Page, figure: Locator, marks: str) -> str:
    """What a figure says when the mouse is over one of its marks."""
    said = figure.locator(".hoverlayer .hovertext")
    for mark in figure.locator(marks).all():
        place = mark.bounding_box()
        if place and min(place["width"], place["height"]) > 2:
            page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=3)
            with suppress(TimeoutError):
                said.first.wait_for(timeout=1000)
                return " ".join(" ".join(said.all_text_contents()).split())
    return ""


def searched(site: Path) -> list[list[str]]:
    """The sections that the search knows: page, title of the page, anchor, heading, text."""
    return json.loads((site / "search.js").read_text().partition("= ")[2].rstrip().removesuffix(";"))


def soup(file: Path) -> BeautifulSoup:
    """A page as its marks."""
    return BeautifulSoup(file.read_text(), "html.parser")
