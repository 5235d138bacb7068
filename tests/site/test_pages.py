"""Notebooks as pages: hand-made ones, whose names look like marks of HTML, Markdown and TeX."""

import base64
import json
from html import escape
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from papermill.exceptions import PapermillExecutionError
from papermill.execute import raise_for_execution_errors

from forefolio.files import StageError
from forefolio.site import pages

NAMES = ["<b>x</b>", "$x$", "a|b", "A&B", "</script>"]  # of assets, as a csv file may have them
PIXEL = base64.b64encode(b"not looked into").decode()
FIGURE = {"data": [{"type": "bar", "x": NAMES, "y": [1, 2, 3, 4, 5]}], "layout": {"title": {"text": "Bars"}}}


def page_of(folder: Path, *cells) -> pages.Page:
    """The page of a notebook with these cells; links get their suffix, and those to `absent` have no page."""
    nbformat.write(new_notebook(cells=list(cells)), folder / "made.ipynb")
    return pages.of_notebook(folder / "made.ipynb", "made",
                             lambda url, suffix: "" if url == "absent" else url if ":" in url else f"{url}{suffix}")


def with_result(**data) -> nbformat.NotebookNode:
    """A cell with one result of these forms; a double underscore in a form's name is a slash."""
    forms = {kind.replace("__", "/"): value for kind, value in data.items()}
    return new_code_cell("1", outputs=[new_output("display_data", forms)])


def marks(page: pages.Page) -> BeautifulSoup:
    """The page as a browser reads it."""
    return BeautifulSoup(str(page.body), "html.parser")


def table(rows: list[list[str]]) -> str:
    """A table as pandas writes it."""
    head, *body = [[escape(text) for text in row] for row in rows]
    return ("<table><thead><tr>" + "".join(f"<th>{text}</th>" for text in head) + "</tr></thead><tbody>" + "".join(
        f"<tr><th>{row[0]}</th>" + "".join(f"<td>{text}</td>" for text in row[1:]) + "</tr>" for row in body)
        + "</tbody></table>")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_as_text_in_tables_prints_code_words_and_figures(tmp_path, name):
    rows = [["", "weight"], [name, "0.5"]]
    page = page_of(tmp_path, new_markdown_cell("# Names"), with_result(text__html=table(rows)),
                   new_code_cell(f"x = {name!r}", outputs=[new_output("stream", text=f"{name}\n")]),
                   with_result(**{"application/vnd.plotly.v1+json": FIGURE, "image/png": PIXEL, "text/plain": name}))
    shown = marks(page)
    assert shown.find("tbody").th.get_text() == name
    assert shown.find("pre", class_="printed").get_text().strip() == name
    assert name in shown.find_all("div", class_="highlight")[1].get_text()
    assert shown.img["alt"] == shown.figure.div["aria-label"] == name
    assert json.loads(shown.find("script").string) == FIGURE
    assert not shown.find_all(["b", "math"])
    assert page.tables == [("Names", rows)]


def test_names_in_markdown_are_text_and_a_bar_does_not_split_a_cell(tmp_path):
    page = page_of(tmp_path, new_markdown_cell("# Names\n\n<b>x</b> and \\$x\\$ and `$y$`"),
                   with_result(text__html=table([["", "weight"], *[[name, "1"] for name in NAMES]])))
    shown = marks(page)
    assert shown.p.get_text() == "<b>x</b> and $x$ and $y$" and not shown.find_all(["b", "math"])
    rows = [line for line in "\n".join(page.markdown).splitlines() if line.startswith("|")]
    assert rows == ["|  | weight |", "| --- | --- |", "| `<b>x</b>` | 1 |", "| `$x$` | 1 |", r"| a\|b | 1 |",
                    "| A&B | 1 |", "| `</script>` | 1 |"]


def test_the_title_is_the_first_heading_and_sections_are_found_by_their_words(tmp_path):
    page = page_of(tmp_path, new_markdown_cell("# What is *it*?\n\nFirst words, $x^2$."),
                   new_markdown_cell("## One\n\nlater"), with_result(text__markdown="A result."),
                   new_markdown_cell("### Deep\n\n## One\n\nagain"))
    assert page.title == "What is it?"
    assert [(part.level, part.anchor, part.title, part.text) for part in page.sections] == [
        (1, "what-is-it", "What is it?", "First words, ."), (2, "one", "One", "later A result."),
        (3, "deep", "Deep", ""), (2, "one-1", "One", "again")]
    assert [part.anchor for part in page.contents] == ["one", "one-1"]
    assert {head["id"] for head in marks(page).find_all(["h1", "h2", "h3"])} == {part.anchor for part in page.sections}


def test_links_get_the_suffix_of_each_form_and_one_without_a_page_is_text(tmp_path):
    page = page_of(tmp_path, new_markdown_cell("# Links\n\n[one](other), [two](https://example.org), [three](absent)"))
    assert [link["href"] for link in marks(page).find_all("a")] == ["other.html", "https://example.org"]
    assert marks(page).p.get_text() == "one, two, three"
    assert "[one](other.md), [two](https://example.org)" in page.markdown[0]


def test_a_figure_has_its_data_its_picture_and_its_words_and_without_a_picture_its_words(tmp_path):
    drawn = {"application/vnd.plotly.v1+json": FIGURE, "text/plain": "bars of five names"}
    page = page_of(tmp_path, with_result(**drawn, image__png=PIXEL), with_result(**drawn),
                   with_result(image__png=PIXEL))
    one, two, three = marks(page).find_all("figure")
    assert list(page.pictures) == [one.img["src"], three.img["src"]] == ["pictures/made-1.png", "pictures/made-3.png"]
    assert page.pictures["pictures/made-1.png"] == base64.b64decode(PIXEL)
    assert two.find(class_="still").get_text() == "bars of five names" and not two.img
    assert one.find(class_="plot") and two.find(class_="plot") and not three.find(class_="plot")
    assert {"![bars of five names](pictures/made-1.png)", "*Figure: bars of five names*"} < set(page.markdown)


def test_columns_of_numbers_are_told_from_texts_and_long_tables_can_be_sorted(tmp_path):
    rows = [["n", "a", "b of which much is said", "c"],
            *[[str(i), f"{i}.5 %", f"−{i},000", "word" if i else "7"] for i in range(pages.LONG)]]
    page = page_of(tmp_path, with_result(text__html=table(rows)), with_result(text__html=table(rows[:-1])))
    long, short = marks(page).find_all("table")
    assert [head.get("class") for head in long.thead.find_all("th")] == [["number"], ["number"], ["number", "long"], None]
    assert "sortable" in long["class"] and not short.get("class")


def test_an_index_that_only_counts_is_left_out_and_one_with_names_or_a_title_is_kept(tmp_path):
    counts, names, titled = ([[title, "a"], *[[name, "word"] for name in index]] for title, index in (
        ("", "012"), ("", "01x"), ("rank", "012")))
    page = page_of(tmp_path, *[with_result(text__html=table(rows)) for rows in (counts, names, titled)])
    assert [rows for _, rows in page.tables] == [[row[1:] for row in counts], names, titled]


def test_what_is_left_of_an_index_that_counts_is_left_out_beside_names_and_kept_beside_numbers(tmp_path):
    beside_names = [["", "name", "a"], ["8", "x", "1"], ["9", "y", "2"]]
    kept = [["", "a"], ["8", "1"], ["9", "2"]], [["", "name"], ["9", "x"], ["8", "y"]], [[""], ["8"], ["9"]]
    page = page_of(tmp_path, *[with_result(text__html=table(rows)) for rows in (beside_names, *kept)])
    assert [rows for _, rows in page.tables] == [[row[1:] for row in beside_names], *kept]


def test_the_names_of_an_index_stand_in_the_header_s_last_row_and_names_of_columns_keep_a_row_of_their_own(tmp_path):
    frame = pd.DataFrame({"b": [1.5], "c": [2.5]}, index=pd.Index(["x"], name="a"))
    page = page_of(tmp_path, with_result(text__html=frame.to_html()), with_result(text__html=frame.rename_axis(columns="d").to_html()))
    assert [rows for _, rows in page.tables] == [[["a", "b", "c"], ["x", "1.5", "2.5"]],
                                                 [["d", "b", "c"], ["a", "", ""], ["x", "1.5", "2.5"]]]


def test_a_table_without_rows_says_so(tmp_path):
    page = page_of(tmp_path, with_result(text__html=pd.DataFrame({"a": [], "b": []}).to_html()))
    assert [head.get_text() for head in marks(page).find_all("th")] == ["a", "b"]
    assert marks(page).tbody.get_text() == "no rows"


def test_a_cell_that_spans_others_leaves_their_places_empty(tmp_path):
    page = page_of(tmp_path, with_result(text__html=(
        '<table><thead><tr><th colspan="2">wide</th><th>c</th></tr></thead><tbody>'
        '<tr><th rowspan="2">high</th><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></tbody></table>')))
    assert page.tables[0][1] == [["wide", "", "c"], ["high", "1", "2"], ["", "3", "4"]]


@pytest.mark.parametrize("span, n", [("100%", 100), ("0", 1), ("-1", 1), ("all", 1), ("99999999999", pages.MOST)])
def test_a_span_is_read_as_browsers_read_it(tmp_path, span, n):
    page = page_of(tmp_path, with_result(text__html=f'<table><tr><td colspan="{span}" rowspan="{span}">a</td></tr></table>'))
    assert page.tables[0][1] == [["a", *[""] * (n - 1)]]


def test_a_table_in_a_cell_is_text_of_the_cell_and_a_title_stands_above(tmp_path):
    page = page_of(tmp_path, with_result(text__html=(
        "<style>td { color: red }</style><table><caption>A <b>title</b></caption><tr><td>a</td></tr>"
        "<tr><td>b<table><tr><td>in</td></tr></table></td></tr></table>")))
    assert [rows for _, rows in page.tables] == [[["a"], ["bin"]]]
    assert marks(page).p.get_text() == "A title" and "red" not in str(page.body)


@pytest.mark.parametrize("source", ["", "<table></table>", "<table><thead></thead><tbody></tbody></table>", "<script>1</script>"])
def test_html_without_content_gives_nothing_or_the_text_beside_it(tmp_path, source):
    page = page_of(tmp_path, with_result(text__html=source, text__plain="<HTML object>"))
    assert marks(page).get_text().removesuffix("<HTML object>").strip() == "Code1"


def test_html_without_a_table_is_its_text(tmp_path):
    page = page_of(tmp_path, with_result(text__html="<p>Hello <b>you</b></p><script>one()</script>", text__plain="<HTML object>"))
    assert marks(page).find("pre", class_="printed").get_text() == "Hello you" and page.markdown[-1] == "```text\nHello you\n```"


@pytest.mark.parametrize("kind", pages.KINDS)
def test_a_picture_of_any_kind_is_shown_from_a_file_of_its_kind(tmp_path, kind):
    stored = '<svg xmlns="http://www.w3.org/2000/svg"/>' if "svg" in kind else PIXEL
    page = page_of(tmp_path, with_result(**{kind: stored, "text/plain": "a picture"}))
    assert marks(page).img["src"] == f"pictures/made-1{pages.KINDS[kind]}" == next(iter(page.pictures))
    assert page.pictures[marks(page).img["src"]] == (stored.encode() if "svg" in kind else base64.b64decode(PIXEL))


def test_a_damaged_picture_is_said_with_its_file(tmp_path):
    with pytest.raises(StageError, match=r"made\.ipynb: a picture of a result is damaged; run the notebook again"):
        page_of(tmp_path, with_result(image__png="a"))


def test_a_result_that_is_a_formula_is_drawn_and_else_its_text_is_shown(tmp_path):
    page = page_of(tmp_path, with_result(text__latex=r"$\displaystyle x^2$", text__plain="x**2"),
                   with_result(text__latex=r"$\whatever$", text__plain="whatever"))
    assert len(marks(page).find_all("math")) == 1
    assert [part.get_text() for part in marks(page).find_all("pre", class_="printed")] == ["whatever"]


def test_a_widget_is_its_text_and_a_result_without_a_form_is_nothing(tmp_path):
    page = page_of(tmp_path, with_result(**{"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Slider(1)"}),
                   with_result(application__javascript="alert(1)"), with_result(),
                   new_code_cell("1", outputs=[new_output("stream", text="")]))
    assert [part.get_text() for part in marks(page).find_all("pre", class_="printed")] == ["Slider(1)"]


def test_a_print_is_what_a_terminal_shows_in_the_end(tmp_path):
    said = "\x1b[31mred\x1b[0m\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\\n 1 %\r 50 %\r100 %\r\nend\x00\x07\r\n"
    page = page_of(tmp_path, new_code_cell("1", outputs=[new_output("stream", name="stderr", text=said)]))
    assert marks(page).find("pre", class_="printed").get_text() == "redhere\n100 %\nend\n"


def test_what_papermill_adds_to_a_notebook_that_failed_becomes_a_heading_before_the_error(tmp_path):
    failed = new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("x", outputs=[failed], execution_count=1)])
    for cell in notebook.cells:
        cell.metadata["papermill"] = {"exception": cell.cell_type == "code"}
    with pytest.raises(PapermillExecutionError):
        raise_for_execution_errors(notebook, str(tmp_path / "made.ipynb"))
    page = pages.of_notebook(tmp_path / "made.ipynb", "made", lambda url, _: url)
    assert page.title == "Title" and [part.title for part in page.contents] == [pages.ENDED]
    shown = marks(page).get_text()
    assert "papermill" not in shown and "<span" not in shown
    assert shown.index(pages.ENDED) < shown.index("ValueError: no")


def test_an_error_without_a_traceback_is_its_name_and_message(tmp_path):
    page = page_of(tmp_path, new_code_cell("x", outputs=[new_output("error", ename="ValueError", evalue="no", traceback=[])]))
    assert marks(page).find("pre", class_="printed").get_text() == "ValueError: no"


def test_no_text_of_a_figure_ends_its_script_and_no_number_breaks_it(tmp_path):
    figure = {"data": [{"name": "<!--<script></script>", "y": [float("nan"), float("inf"), 1.5]}]}
    page = page_of(tmp_path, with_result(**{"application/vnd.plotly.v1+json": figure}), new_markdown_cell("## After"))
    (script,) = marks(page).find_all("script")
    assert "<" not in script.string and marks(page).h2
    assert json.loads(script.string, parse_constant=pytest.fail) == {
        "data": [{"name": "<!--<script></script>", "y": [None, None, 1.5]}], "layout": {}}


def test_a_picture_attached_to_a_cell_becomes_a_file_that_both_forms_show(tmp_path):
    cell = new_markdown_cell("![two words](attachment:a%20b.png) and ![gone](attachment:c.png)",
                             attachments={"a b.png": {"image/png": PIXEL}})
    page = page_of(tmp_path, cell, new_markdown_cell("![of another cell](attachment:a%20b.png)"))
    (name,) = page.pictures
    assert [image["src"] for image in marks(page).find_all("img")] == [name] and page.pictures[name] == base64.b64decode(PIXEL)
    assert page.markdown == [f"![two words]({name}) and gone", "of another cell"]
    assert "gone" in marks(page).get_text() and "of another cell" in marks(page).get_text()


def test_a_page_without_a_heading_has_its_name_as_title(tmp_path):
    assert page_of(tmp_path, new_markdown_cell("words")).title == "made"


def test_text_that_is_no_unicode_is_read(tmp_path):
    page_of(tmp_path, new_code_cell("1", outputs=[new_output("stream", text="lone")]))
    notebook = tmp_path / "made.ipynb"
    notebook.write_text(notebook.read_text().replace("lone", "a\\ud800b"))
    assert "printed" in pages.of_notebook(notebook, "made", lambda url, _: url).body


def test_cells_of_rarer_parameters_are_folded_and_others_are_shown(tmp_path):
    page = page_of(tmp_path, new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
                   new_code_cell("a = 2", metadata={"tags": ["injected-parameters"]}),
                   new_code_cell("b = 2", metadata={"tags": ["settings"]}), new_code_cell("c = 3"))
    parts = marks(page).find_all("details")
    assert [part.summary.get_text() for part in parts] == ["Parameters", "Parameters of this run", "Rarer parameters", "Code"]
    assert [part.has_attr("open") for part in parts] == [True, True, False, True]
    assert page.markdown == [f"```python\n{source}\n```" for source in ("a = 1", "a = 2", "b = 2", "c = 3")]


def test_a_number_keeps_its_unit_and_its_error_in_its_line_and_is_found_by_plain_words(tmp_path):
    page = page_of(tmp_path, new_markdown_cell("# Of 5 % a year\n\nIt earned 1.4 ± 0.2 %, not `2 %`"),
                   with_result(text__html=table([["a", "b"], ["x", "volatility 3 %"]])))
    shown = marks(page)
    assert shown.p.get_text() == "It earned 1.4\xa0±\xa00.2\xa0%, not 2 %"
    assert shown.td.get_text() == "volatility 3\xa0%"
    assert (page.title, page.sections[0].anchor) == ("Of 5 % a year", "of-5--a-year")
    assert page.sections[0].text == "It earned 1.4 ± 0.2 %, not 2 %"
    assert "1.4 ± 0.2 %" in page.markdown[0]


@pytest.mark.parametrize(("text", "kept"), [("($x$).", "(x)."), ('at least $x$" is', 'x"'), ("a $x$-test", "x-test"), ("$x$ is", "x")])
def test_a_formula_in_a_line_is_not_parted_from_the_marks_that_touch_it(tmp_path, text, kept):
    assert marks(page_of(tmp_path, new_markdown_cell(text))).find(class_="bound").get_text() == kept


def test_lines_of_a_title_of_a_column_may_end_after_underscores_and_short_names_of_rows_stay_whole(tmp_path):
    rows = [["a_name", "of_a_column"], ["the shorter name", "a=b"], ["short", "c"]]
    page = page_of(tmp_path, with_result(text__html=pd.DataFrame(rows[1:], columns=rows[0]).to_html()))
    shown = marks(page)
    assert [len(head.find_all("wbr")) for head in shown.find_all("th")] == [1, 2]
    assert [cell.get("class") for cell in shown.find_all("td")] == [["short"], None, ["short"], None]
    assert page.tables[0][1] == rows and len(shown.tbody.find_all("wbr")) == 1


def test_text_below_the_title_stands_before_what_the_first_cell_says(tmp_path):
    page = page_of(tmp_path, new_markdown_cell("# Title\n\nFirst words."))
    page.add_below_title("Words of *this* sweep.")
    assert [part.get_text() for part in marks(page).find_all(["h1", "p"])] == ["Title", "Words of this sweep.", "First words."]
    assert page.markdown[0].split("\n\n") == ["# Title", "Words of *this* sweep.", "First words."]


def test_an_error_of_a_cell_is_shown_without_its_colors(tmp_path):
    failed = new_output("error", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m: <no>"])
    assert marks(page_of(tmp_path, new_code_cell("x", outputs=[failed]))).find("pre", class_="printed").get_text() == (
        "ValueError: <no>")


@pytest.mark.parametrize("formula", [r"\whatever", "a_"])
def test_a_formula_that_cannot_be_drawn_is_said_with_its_file(tmp_path, formula):
    with pytest.raises(StageError, match=r"made\.ipynb: .*the site cannot draw"):
        page_of(tmp_path, new_markdown_cell(f"# Title\n\n${formula}$"))
    (tmp_path / "made.md").write_text(f"# Title\n\n${formula}$\n")
    with pytest.raises(StageError, match=r"made\.md: .*the site cannot draw"):
        pages.of_document(tmp_path / "made.md", "made", lambda url, _: url)


def test_a_file_that_is_not_a_notebook_is_refused(tmp_path):
    (tmp_path / "made.ipynb").write_text("{")
    with pytest.raises(StageError, match="is not a notebook that can be read"):
        pages.of_notebook(tmp_path / "made.ipynb", "made", lambda url, _: url)
