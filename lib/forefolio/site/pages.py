"""Notebooks and Markdown documents become pages: HTML for browsers, and Markdown for readers of text.

nbconvert's renderer of Markdown and its highlighter do most of the work. Here formulas become MathML, tables get room of
their own, and figures keep both forms that a notebook stores: the data that plotly draws, and the picture.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup, escape
from mistune.plugins.table import render_table
from nbconvert.filters import Highlight2HTML, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from forefolio.files import StageError
from forefolio.site.formulas import mathml
from forefolio.study.vocabulary import literal

FIGURE = "application/vnd.plotly.v1+json"
FOLDED = {"settings": "Rarer parameters"}  # cells by tag that are always folded at first, and how they are named
NAMED = {"parameters": "Parameters", "exercise": "Your answer"}
LONG = 8  # rows from which on a table can be sorted and filtered
_highlight = Highlight2HTML(pygments_lexer="python")
PICTURES = "pictures"  # the folder of still pictures beside the pages


class Section(NamedTuple):
    """A part of a page under one heading."""

    level: int
    anchor: str
    title: str
    text: str


class Page:
    """A page, written part by part: for browsers, as Markdown, and as text that the search looks through.

    Parameters
    ----------
    name : its file without suffix.
    link : turns the target of a link in the source into one that works from the page, with the suffix that it is given;
        an empty target leaves the link's text without a link.

    Attributes
    ----------
    title : the first heading.
    html, markdown : what has been written so far.
    sections : a heading and its text each; those of level 2 are the table of contents.
    pictures : still pictures by their path from the page.
    tables : every table of a result: the section it stands in, and its rows of text, the header first.
    """

    def __init__(self, name: str, link: Callable[[str, str], str]):
        self.name, self.link, self.title = name, link, ""
        self.html: list[str] = []
        self.markdown: list[str] = []
        self.sections: list[Section] = []
        self.pictures: dict[str, bytes] = {}
        self.tables: list[tuple[str, list[list[str]]]] = []
        self._render = MarkdownWithMath(_Renderer(self)).render
        self._n_figures = 0

    @property
    def body(self) -> Markup:
        """All of its HTML."""
        return Markup("\n".join(self.html))

    @property
    def contents(self) -> list[Section]:
        """The table of contents."""
        return [section for section in self.sections if section.level == 2]

    def add(self, html: str, markdown: str) -> None:
        """Add a part in both forms."""
        self.html.append(html)
        self.markdown.append(markdown)

    def add_text(self, source: str) -> None:
        """Add Markdown, with a section for each heading."""
        written = self._render(source)
        self.add(written, re.sub(r"\]\(([^)\s]+)\)", lambda found: f"]({self.link(found[1], '.md')})", source))
        for element in BeautifulSoup(written, "html.parser").find_all(recursive=False):
            for formula in element.find_all("math"):
                formula.replace_with(" ")
            is_heading = re.fullmatch("h[1-4]", element.name)
            text = " ".join(element.get_text("" if is_heading else " ").split())
            if is_heading:
                self.title = self.title or text
                self.sections.append(Section(int(element.name[1]), element["id"], text, ""))
            elif self.sections:
                self.sections[-1] = self.sections[-1]._replace(text=f"{self.sections[-1].text} {text}".strip())

    def add_code(self, source: str, tags: list[str]) -> None:
        """Add a cell of code without its results."""
        folded = next((FOLDED[tag] for tag in tags if tag in FOLDED), "")
        named = folded or next((NAMED[tag] for tag in tags if tag in NAMED), "Code")
        self.add(f'<details class="code" {"data-folded" if folded else "open"}><summary>{named}</summary>'
                 f'{_wide(_highlight(source, language="python"), named)}</details>', f"```python\n{source}\n```")

    def add_output(self, output: Mapping[str, Any]) -> None:
        """Add one result of a cell, in the richest of the forms that the notebook stores."""
        data = output.get("data", {})
        told = output.get("metadata", {}).get("image/png", {}).get("alt") or str(data.get("text/plain", "figure"))
        picture = base64.b64decode(data["image/png"]) if "image/png" in data else None
        if FIGURE in data:
            self.add_figure(data[FIGURE], picture, told)
        elif "text/html" in data:
            for table in BeautifulSoup(str(data["text/html"]), "html.parser").find_all("table"):
                first = table.tbody.find("tr") if table.tbody else None
                rows, n_header, n_names = _plain(_cells(table), len(table.thead.find_all("tr")) if table.thead else 1,
                                                 len(first.find_all("th")) if first else 0)
                self.add_table(rows, n_header=n_header, n_names=n_names)
        elif "text/markdown" in data:
            self.add_text(str(data["text/markdown"]))
        elif picture:
            self.add_figure(None, picture, told)
        else:
            text = strip_ansi(str(output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))))
            self.add(_wide(f'<pre class="printed">{escape(text)}</pre>', "Printed result"), f"```text\n{text.rstrip()}\n```")

    def add_figure(self, figure: Mapping[str, Any] | None, picture: bytes | None, told: str) -> None:
        """Add a figure: data and layout for plotly, the picture for print and for a page without script, and its words."""
        self._n_figures += 1
        file = f"{PICTURES}/{self.name}-{self._n_figures}.png"
        if picture:
            self.pictures[file] = picture
        parts = json.dumps(figure and {name: figure[name] for name in ("data", "layout")}, separators=(",", ":"))
        parts = parts.replace("</", "<\\/")  # else a text could end the script
        drawn = f'<script type="application/json">{parts}</script><div class="plot"></div>' if figure else ""
        still = f'<img class="still" src="{file}" alt="{escape(told)}" loading="lazy">' if picture else (
            f'<p class="still">{escape(told)}</p>')
        self.add(f'<figure id="figure-{self._n_figures}">{_wide(drawn + still, told)}</figure>',
                 f"![{literal(told)}]({file})" if picture else f"*Figure: {literal(told)}*")

    def add_table(self, rows: list[list[str]], *, n_header: int = 1, n_names: int = 0, choices: str = "") -> None:
        """Add a table.

        Parameters
        ----------
        rows : texts, the rows of the header first.
        n_header : number of rows of the header.
        n_names : number of columns that name their row.
        choices : the title of a column by whose values the reader may choose rows; empty for none.
        """
        self.tables.append((self.sections[-1].title if self.sections else "", rows))
        flat = [[literal(" ".join(text.split())).replace("|", "\\|") for text in row] for row in rows]
        self.add(_wide(_table(rows, n_header, n_names, choices), "Table"), "\n".join(
            f"| {' | '.join(row)} |" for row in [flat[0], ["---"] * len(flat[0]), *flat[1:]]))


def of_document(path: Path, name: str, link: Callable[[str, str], str]) -> Page:
    """The page of a Markdown document; `StageError` if one of its formulas cannot be drawn."""
    page = Page(name, link)
    with _said_where(path):
        page.add_text(path.read_text(encoding="utf-8"))
    return page


def of_notebook(path: Path, name: str, link: Callable[[str, str], str]) -> Page:
    """The page of an executed notebook; `StageError` if it cannot be read or one of its formulas cannot be drawn."""
    page = Page(name, link)
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception as error:  # nbformat raises many kinds
        raise StageError(f"{path} is not a notebook that can be read ({type(error).__name__}); run its stage again") from None
    with _said_where(path):
        for cell in cells:
            if cell.cell_type == "markdown":
                page.add_text(cell.source)
            elif cell.cell_type == "code":
                page.add_code(cell.source, cell.metadata.get("tags", []))
                for output in cell.outputs:
                    page.add_output(output)
    return page


def _table(rows: list[list[str]], n_header: int, n_names: int, choices: str) -> str:
    """A table as HTML; columns of numbers are aligned to the right."""
    body = rows[n_header:]
    columns = [[row[i] for row in body if i < len(row)] for i in range(max(map(len, rows), default=0))]
    numeric = [any(map(str.strip, cells)) and all(map(_is_number, cells)) for cells in columns]

    def kinds(i: int, head: str) -> str:
        return f' class="number{" long" * (len(head) > 20 and " " in head)}"' if numeric[i] else ""

    def written(row: list[str], kind: str) -> str:
        cells = [("th" if text and (kind == "col" or i < n_names) else "td", i, text) for i, text in enumerate(row)]
        return "".join(f'<{mark}{f" scope={kind}" if mark == "th" else ""}{kinds(i, text if kind == "col" else "")}>'
                       f"{escape(text)}</{mark}>" for mark, i, text in cells)

    sortable = f' class="sortable" data-choices="{escape(choices)}"' if n_header == 1 and len(body) >= LONG else ""
    header, lines = ("".join(f"<tr>{written(row, kind)}</tr>" for row in part)
                     for part, kind in ((rows[:n_header], "col"), (body, "row")))
    none = f'<tr><td colspan="{len(columns)}">no rows</td></tr>'
    return f"<table{sortable}><thead>{header}</thead><tbody>{lines or none}</tbody></table>"


def _plain(rows: list[list[str]], n_header: int, n_names: int) -> tuple[list[list[str]], int, int]:
    """A table without what pandas adds: a header row for the names of the index alone, and an index that only counts."""
    if n_header > 1 and not any(map(str.strip, rows[n_header - 2][:n_names] + rows[n_header - 1][n_names:])):
        together = [*rows[n_header - 1][:n_names], *rows[n_header - 2][n_names:]]
        rows, n_header = [*rows[:n_header - 2], together, *rows[n_header:]], n_header - 1
    unnamed = n_names == 1 and not any(row[0].strip() for row in rows[:n_header])
    counts = [row[0] for row in rows[n_header:]] == [str(i) for i in range(len(rows) - n_header)]
    return ([row[1:] for row in rows], n_header, 0) if unnamed and counts and rows[n_header:] else (rows, n_header, n_names)


def _cells(table: Tag) -> list[list[str]]:
    """The texts of a table, row by row; a cell that spans several places fills the first and leaves the others empty."""
    rows: list[list[str]] = []
    below: set[tuple[int, int]] = set()  # places that a cell of a row above covers
    for i, row in enumerate(table.find_all("tr")):
        texts: list[str] = []
        for cell in row.find_all(["th", "td"]):
            while (i, len(texts)) in below:
                texts.append("")
            wide, high = (int(cell.get(span, 1)) for span in ("colspan", "rowspan"))
            below |= {(i + down, len(texts) + right) for down in range(1, high) for right in range(wide)}
            texts += [cell.get_text(), *[""] * (wide - 1)]
        rows.append(texts)
    return rows


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, with or without a percent sign, or nothing."""
    return re.fullmatch(r"\s*([-+−]?[\d,]*\.?\d+(e[-+]?\d+)?\s*%?|nan|NaN|inf|)\s*", text) is not None


def _wide(content: str, name: str, kind: str = "div") -> str:
    """A part that scrolls by itself where it is wider than the page, also by keyboard."""
    return f'<{kind} class="wide" tabindex="0" role="group" aria-label="{escape(name)}">{content}</{kind}>'


class _Renderer(IPythonRenderer):
    """nbconvert's renderer with formulas as MathML, anchors as code hosts make them, and links that work in the site."""

    def __init__(self, page: Page):
        super().__init__(escape=True)  # a name such as <b>x</b> is text
        self._page, self._anchors = page, {}

    def heading(self, text: str, level: int, **_: Any) -> str:
        plain = BeautifulSoup(text, "html.parser").get_text()
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        number = self._anchors[anchor] = self._anchors.get(anchor, -1) + 1
        anchor = f"{anchor}-{number}" if number else anchor
        return f'<h{level} id="{escape(anchor)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        target = self._page.link(url, ".html")
        return super().link(text, target, title) if target else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return super().image(text, self._page.link(url, ""), title)

    def table(self, text: str) -> str:
        return _wide(render_table(self, text), "Table")

    def block_code(self, code: str, info: str | None = None) -> str:
        return _wide(super().block_code(code, info), "Code")

    def block_math(self, body: str) -> str:
        return _wide(mathml(body.strip(), display=True), "Formula", "span")  # it stands in a paragraph

    def inline_math(self, body: str) -> str:
        return mathml(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


@contextmanager
def _said_where(path: Path) -> Iterator[None]:
    """Name the file in the error of a formula."""
    try:
        yield
    except ValueError as error:
        raise StageError(f"{path}: {error}") from None
