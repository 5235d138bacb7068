"""Notebooks and Markdown documents become pages: HTML for browsers, and Markdown for readers of text.

`markdown` writes texts, and nbconvert's highlighter code. Here tables get room of their own, and figures keep both forms that
a notebook stores: the data that plotly draws, and the picture.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import nbformat
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup, escape
from nbconvert.filters import Highlight2HTML, strip_ansi

from forefolio.files import StageError, content_hash
from forefolio.site.markdown import Markdown, bound, fenced, wide
from forefolio.study.vocabulary import literal

FIGURE = "application/vnd.plotly.v1+json"
FOLDED = {"settings": "Rarer parameters"}  # cells by tag that are always folded at first, and how they are named
NAMED = {"parameters": "Parameters", "injected-parameters": "Parameters of this run", "exercise": "Your answer"}
FAILED = "papermill-error-cell-tag"  # of the cells that papermill adds to a notebook that failed
ENDED = "The error that ended this notebook"
LONG = 8  # rows from which on a table can be sorted and filtered
SHORT = 24  # letters up to which the names of rows stay in one line
_highlight = Highlight2HTML(pygments_lexer="python")
PICTURES = "pictures"  # the folder of still pictures beside the pages
KINDS = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
MOST = 1000  # columns or rows that one cell may span, as in browsers
# what a terminal obeys: titles and links of a window, a line written anew, and all other control characters
_WINDOW, _ANEW, _CONTROL = (re.compile(pattern) for pattern in (
    r"\x1b\].*?(?:\x07|\x1b\\)", r"[^\n]*\r(?!\n)(?=[^\n])", r"[\x00-\x08\x0b-\x1f\x7f]"))


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
    title : the first heading; the name, if there is none.
    html, markdown : what has been written so far.
    sections : a heading and its text each; those of level 2 are the table of contents.
    pictures : still pictures by their path from the page.
    tables : every table of a result: the section it stands in, and its rows of text, the header first.
    """

    def __init__(self, name: str, link: Callable[[str, str], str]):
        self.name, self.link = name, link
        self.html: list[str] = []
        self.markdown: list[str] = []
        self.sections: list[Section] = []
        self.pictures: dict[str, bytes] = {}
        self.tables: list[tuple[str, list[list[str]]]] = []
        self._markdown = Markdown(self._target)
        self._attached: dict[str, dict[str, str]] = {}  # pictures in the cell that is being written, by name and kind
        self._n_figures = 0

    @property
    def title(self) -> str:
        """The first heading, or the name if no heading has a text."""
        return next((section.title for section in self.sections if section.title), self.name)

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

    def add_text(self, source: str, attached: Mapping[str, Any] | None = None) -> None:
        """Add Markdown, with a section for each heading; `attached` are the pictures that its notebook keeps in the cell."""
        self._attached = dict(attached or {})
        written = self._markdown.html(source)
        self.add(written, self._markdown.markdown(source))
        for element in BeautifulSoup(written, "html.parser").find_all(recursive=False):
            for formula in element.find_all("math"):
                formula.replace_with(" ")
            is_heading = re.fullmatch("h[1-4]", element.name)
            text = " ".join(element.get_text("" if is_heading else " ").split())
            if is_heading:
                self.sections.append(Section(int(element.name[1]), element["id"], text, ""))
            elif self.sections:
                self.sections[-1] = self.sections[-1]._replace(text=f"{self.sections[-1].text} {text}".strip())

    def add_below_title(self, source: str) -> None:
        """Add Markdown without headings right below the page's title."""
        title, mark, rest = self.html[0].partition("</h1>")
        self.html[0] = f"{title}{mark}\n{self._markdown.html(source)}{rest}"
        title, _, rest = self.markdown[0].partition("\n")
        self.markdown[0] = f"{title}\n\n{source}\n\n{rest.lstrip()}"

    def add_code(self, source: str, tags: list[str]) -> None:
        """Add a cell of code without its results."""
        folded = next((FOLDED[tag] for tag in tags if tag in FOLDED), "")
        named = folded or next((NAMED[tag] for tag in tags if tag in NAMED), "Code")
        self.add(f'<details class="code" {"data-folded" if folded else "open"}><summary>{named}</summary>'
                 f'{wide(_highlight(source, language="python"), named)}</details>', fenced(source, "python"))

    def add_output(self, output: Mapping[str, Any]) -> None:
        """Add one result of a cell, in the richest of the forms that the notebook stores."""
        data = output.get("data", {})
        kind, picture = next(((kind, _picture(data[kind])) for kind in KINDS if kind in data), ("", None))
        told = output.get("metadata", {}).get(kind, {}).get("alt") or str(data.get("text/plain", "figure"))
        if isinstance(data.get(FIGURE), Mapping):
            self.add_figure(data[FIGURE], picture, told, KINDS.get(kind, ""))
        elif "text/html" in data and self._add_html(str(data["text/html"])):
            pass
        elif "text/markdown" in data:
            self.add_text(str(data["text/markdown"]))
        elif "text/latex" in data and self._add_formula(str(data["text/latex"])):
            pass
        elif picture:
            self.add_figure(None, picture, told, KINDS[kind])
        else:
            failed = "\n".join(output.get("traceback", [])) or f"{output.get('ename', '')}: {output.get('evalue', '')}"
            text = _printed(str(output.get("text") or data.get("text/plain") or ("ename" in output) * failed))
            if text.strip():
                self.add(wide(f'<pre class="printed">{escape(text)}</pre>', "Printed result"), fenced(text.rstrip(), "text"))

    def _add_html(self, source: str) -> bool:
        """Add the tables of a result, or its text if there are none; whether there was something to add."""
        found = BeautifulSoup(source, "html.parser")
        for part in found(["script", "style"]):
            part.decompose()
        tables = [table for table in found("table") if not table.find_parent("table")]
        for table in tables:
            if table.caption:
                self.add_text(literal(table.caption.get_text().strip()))
            lines = _lines(table)
            first = next((line for line in lines if line.find_parent("tbody")), None)
            rows, n_header, n_names = _plain(_cells(lines), sum(line.parent.name == "thead" for line in lines) or 1,
                                             len(first("th", recursive=False)) if first else 0)
            if any(rows):
                self.add_table(rows, n_header=n_header, n_names=n_names)
        text = "" if tables else _printed(found.get_text().strip())
        if text:
            self.add(wide(f'<pre class="printed">{escape(text)}</pre>', "Printed result"), fenced(text, "text"))
        return bool(tables or text)

    def _add_formula(self, source: str) -> bool:
        """Add a result that is a formula; whether it can be drawn."""
        try:
            self.add_text(source)
        except ValueError:  # the text that Python prints is there as well
            return False
        return True

    def add_figure(self, figure: Mapping[str, Any] | None, picture: bytes | None, told: str, suffix: str = ".png") -> None:
        """Add a figure: data and layout for plotly, the picture for print and for a page without script, and its words."""
        self._n_figures += 1
        file = f"{PICTURES}/{self.name}-{self._n_figures}{suffix}"
        if picture:
            self.pictures[file] = picture
        parts = _json(figure and {name: figure.get(name, empty) for name, empty in (("data", []), ("layout", {}))})
        drawn = f'<script type="application/json">{parts}</script><div class="plot"></div>' if figure else ""
        still = f'<img class="still" src="{file}" alt="{escape(told)}" loading="lazy">' if picture else (
            f'<p class="still">{escape(told)}</p>')
        self.add(f'<figure id="Figure-{self._n_figures}">{wide(drawn + still, told)}</figure>',
                 f"![{literal(told)}]({file})" if picture else f"*Figure: {literal(told)}*")

    def _target(self, url: str, suffix: str) -> str:
        """Where a target lies in the site; an attached picture becomes a file of its own."""
        name = unquote(url.removeprefix("attachment:"))
        if not url.startswith("attachment:"):
            return self.link(url, suffix)
        kind = next((kind for kind in KINDS if kind in self._attached.get(name, {})), "")
        content = _picture(self._attached[name][kind]) if kind else b""
        file = f"{PICTURES}/{self.name}-{content_hash(content)[:12]}{KINDS.get(kind, '')}"
        return file if kind and self.pictures.setdefault(file, content) else ""

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
        self.add(wide(_table(rows, n_header, n_names, choices), "Table"), "\n".join(
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
    except OSError:
        raise
    except Exception as error:  # nbformat raises many kinds
        raise StageError(f"{path} is not a notebook that can be read ({type(error).__name__}); run it again") from None
    with _said_where(path):
        for cell in cells:
            if FAILED in cell.metadata.get("tags", []):
                page.add_text(f"## {ENDED}") if "id=" in cell.source else None  # the other one, at the top, leads to it
            elif cell.cell_type == "markdown":
                page.add_text(cell.source, cell.get("attachments"))
            elif cell.cell_type == "code":
                page.add_code(cell.source, cell.metadata.get("tags", []))
                for output in cell.outputs:
                    page.add_output(output)
    return page


def _table(rows: list[list[str]], n_header: int, n_names: int, choices: str) -> str:
    """A table as HTML; columns of numbers are aligned to the right, and short names of rows are not broken."""
    body = rows[n_header:]
    columns = [[row[i] for row in body if i < len(row)] for i in range(max(map(len, rows), default=0))]
    numeric = [any(map(str.strip, cells)) and all(map(_is_number, cells)) for cells in columns]
    short = bool(columns) and not numeric[0] and max(map(len, columns[0]), default=0) <= SHORT

    def kinds(i: int, head: str) -> str:
        if i == 0 and short and not head:
            return ' class="short"'
        return f' class="number{" long" * (len(head) > 20 and " " in head)}"' if numeric[i] else ""

    def written(row: list[str], kind: str) -> str:
        cells = [("th" if text and (kind == "col" or i < n_names) else "td", i, text) for i, text in enumerate(row)]
        return "".join(f'<{mark}{f" scope={kind}" if mark == "th" else ""}{kinds(i, text if kind == "col" else "")}>'
                       f"{_breaking(bound(text), after='_' if kind == 'col' else '=')}</{mark}>" for mark, i, text in cells)

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
    body = rows[n_header:]
    if (body and n_names != 1) or min(map(len, rows), default=0) < 2 or any(row[0].strip() for row in rows[:n_header]):
        return rows, n_header, n_names
    numbers = [int(row[0]) if row[0].isdecimal() else -1 for row in body]
    counts = numbers == list(range(len(body))) or (  # or what is left of such an index, beside a column of names
        -1 not in numbers and sorted(set(numbers)) == numbers and not any(_is_number(row[1]) for row in body))
    return ([row[1:] for row in rows], n_header, 0) if counts else (rows, n_header, n_names)


def _lines(table: Tag) -> list[Tag]:
    """The rows of a table, without those of a table in one of its cells."""
    return [row for row in table("tr") if row.find_parent("table") is table]


def _cells(lines: list[Tag]) -> list[list[str]]:
    """The texts of a table, row by row; a cell that spans several places fills the first and leaves the others empty."""
    rows: list[list[str]] = []
    below: set[tuple[int, int]] = set()  # places that a cell of a row above covers
    for i, row in enumerate(lines):
        texts: list[str] = []
        for cell in row(["th", "td"], recursive=False):
            while (i, len(texts)) in below:
                texts.append("")
            wide, high = (_span(cell.get(span, "1")) for span in ("colspan", "rowspan"))
            below |= {(i + down, len(texts) + right) for down in range(1, min(high, len(lines) - i)) for right in range(wide)}
            texts += [cell.get_text(), *[""] * (wide - 1)]
        rows.append(texts)
    return rows


def _span(text: str) -> int:
    """How many places a cell takes, as browsers read it.

    >>> _span("3"), _span("0"), _span("100%"), _span("all"), _span("9999999")
    (3, 1, 100, 1, 1000)
    """
    found = re.match(r"\s*(\d{1,9})", text)
    return min(max(int(found[1]), 1), MOST) if found else 1


def _printed(text: str) -> str:
    """What a terminal shows of a printed text in the end.

    >>> _printed("\\x1b[31m10 %\\r100 %\\n\\x07done")
    '100 %\\ndone'
    """
    return _CONTROL.sub("", _ANEW.sub("", _WINDOW.sub("", strip_ansi(text)).replace("\r\n", "\n")))


def _picture(stored: str) -> bytes:
    """The bytes of a picture, which a notebook stores as text, and as base64 if it is not a drawing."""
    if stored.lstrip().startswith("<"):
        return stored.encode("utf-8", "replace")
    try:
        return base64.b64decode(stored)
    except binascii.Error:
        raise ValueError("a picture of a result is damaged; run the notebook again") from None


def _json(part: object) -> str:
    """JSON for a script of a page: no text in it can end the script, and numbers that JSON does not have are missing."""
    try:
        text = json.dumps(part, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(json.loads(json.dumps(part), parse_constant=lambda _: None), separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _breaking(text: str, after: str) -> Markup:
    """A text as HTML whose lines may end after a mark, so that a long name makes no wide column."""
    return escape(text).replace(after, Markup(f"{after}<wbr>"))


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, with or without a percent sign, or nothing."""
    return re.fullmatch(r"\s*([-+−]?[\d,]*\.?\d+(e[-+]?\d+)?\s*%?|nan|NaN|inf|)\s*", text) is not None


@contextmanager
def _said_where(path: Path) -> Iterator[None]:
    """Name the file in the error of a formula."""
    try:
        yield
    except ValueError as error:
        raise StageError(f"{path}: {error}") from None
