"""Markdown of notebooks and documents becomes HTML for browsers, and Markdown whose links work in a site.

nbconvert's renderer does most of the work. Formulas become MathML, prices stay prices, and of HTML in Markdown only what
is harmless and common counts; all other tags are shown as text, because a ticker may look like one.
"""

import re
from collections.abc import Callable
from html import unescape
from itertools import count
from typing import Any

from bs4 import BeautifulSoup
from markupsafe import escape
from mistune import import_plugin
from mistune.plugins.table import render_table
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, MathInlineParser

from forefolio.site.formulas import mathml

Link = Callable[[str, str], str]  # a target as written, and the suffix of pages; an empty answer: there is no such page
KEPT = ("details", "summary", "sub", "sup", "kbd")  # tags of HTML that count where each is closed again
_SPACE = re.compile(r"(?<=\d) (?=%|± ?\d)|(?<=±) (?=\d)")  # inside a number with its unit or its error: no place to break a line
_FORMULA = re.compile(r'(?:[^\s<>]{1,3}(?=<m))?<math display="inline">.*?</math>[^\s<]{,8}')  # with the marks that touch it
REMOTE = re.compile("https?:", re.IGNORECASE)  # nothing that a page needs may lie there
_TAG = re.compile(r"(<!--.*?-->|<[^<>]*>)", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_CODE = (r"^[ \t>]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t>]*(?P=fence)|\Z)"
         r"|(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)(?P=ticks)(?!`)")  # a span ends with its paragraph
_LABEL = r"(?:[^\[\]\\]|\\.|!?\[[^\[\]]*\](?:\([^()]*\))?)*"  # also with a picture in it
_TARGET = r"<[^<>\n]*>|[^\s()<>]+(?:\([^\s()]*\)[^\s()]*)*"
_LINKS = re.compile(rf"(?P<code>{_CODE})|(?P<comment><!--.*?-->)"
                    rf"|(?P<image>!?)\[(?P<label>{_LABEL})\]\(\s*(?P<target>{_TARGET})(?P<title>\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"
                    r"|^(?P<name> {0,3}\[[^\]^][^\]]*\]:[ \t]*)(?P<defined>\S+)", re.DOTALL | re.MULTILINE)


class Markdown:
    """Writes the Markdown of one page in both forms.

    Parameters
    ----------
    link : says where a target lies in the site.
    """

    def __init__(self, link: Link):
        self._link, self._n_texts = link, 0
        self._renderer = _Renderer(link)
        plugins = map(import_plugin, (*MarkdownWithMath.DEFAULT_PLUGINS, "footnotes"))
        self._render = MarkdownWithMath(self._renderer, inline=_Inline(hard_wrap=False), plugins=plugins).render

    def html(self, source: str) -> str:
        """A text as HTML; headings get anchors that are unique on the page, and so do footnotes."""
        self._n_texts += 1
        found = re.findall(r"<(/?\w+)(?: open)?>", source)
        self._renderer.kept = {tag for tag in KEPT if found.count(tag) == found.count(f"/{tag}")}
        written = _FORMULA.sub(r'<span class="bound">\g<0></span>', self._render(source))
        return re.sub(r'(["#]fn(?:ref)?)(?=-\d+")', rf"\1.{self._n_texts}", written)

    def markdown(self, source: str) -> str:
        """A text as Markdown: links lead into the site, those without a page are text, and comments are gone."""
        return _LINKS.sub(self._rewritten, source)

    def _rewritten(self, found: re.Match[str]) -> str:
        """A part of a text that is code, a comment, a link, or what a link with a name leads to."""
        if found["code"]:
            return found[0]
        if found["comment"]:
            return ""
        if found["name"]:
            return f"{found['name']}{self._link(found['defined'].strip('<>'), '.md') or '<>'}"
        label, target = self.markdown(found["label"]), self._link(unescape(found["target"].strip("<>")), ".md")
        return f"{found['image']}[{label}]({target}{found['title'] or ''})" if target else label


class _Inline(MathInlineParser):
    """nbconvert's parser, for which `$5 and $6` is a formula; here a formula touches both of its signs, and no digit follows."""

    SPECIFICATION = {**MathInlineParser.SPECIFICATION, "inline_math_tex": (
        r"(?s:(?<!\\)\$(?![\s$])(?P<math_inline_tex>(?:[^$\\]|\\.)+?)(?<!\s)\$(?!\d))")}


class _Renderer(IPythonRenderer):
    """nbconvert's renderer with formulas as MathML, anchors as code hosts make them, and links that work in the site."""

    def __init__(self, link: Link):
        super().__init__(escape=True)
        self._link, self._anchors = link, {""}
        self.kept: set[str] = set()

    def heading(self, text: str, level: int, **_: Any) -> str:
        plain = BeautifulSoup(text, "html.parser").get_text().replace("\N{NO-BREAK SPACE}", " ")
        wanted = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        anchor = next(name for i in count() if (name := f"{wanted or 'part'}-{i}" if i else wanted) not in self._anchors)
        self._anchors.add(anchor)
        return f'<h{level} id="{escape(anchor)}">{text}</h{level}>\n'

    def text(self, text: str) -> str:
        return str(escape(bound(_ENTITY.sub(lambda found: unescape(found[0]), text))))

    def link(self, text: str, url: str, title: str | None = None) -> str:
        target = self._link(url, ".html")
        return super().link(text or str(escape(url)), target, title) if target else text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        target = self._link(url, ".html")
        if REMOTE.match(target):  # a page asks no network for anything
            return super().link(text or str(escape(url)), target, title)
        return super().image(text, target, title) if target else text

    def block_html(self, html: str) -> str:
        written = self.inline_html(html).strip()
        return f"{written}\n" if not written or re.match("</?(?:details|summary)>", written) else f"<p>{written}</p>\n"

    def inline_html(self, html: str) -> str:
        return "".join(self._tag(part) if i % 2 else self.text(part) for i, part in enumerate(_TAG.split(html)))

    def _tag(self, tag: str) -> str:
        """A tag as it counts, or as text; a comment is gone."""
        if tag.startswith("<!--"):
            return ""
        if re.fullmatch(r"<br\s*/?>", tag):
            return "<br>"
        if tag.startswith("<img ") and (image := BeautifulSoup(tag, "html.parser").img):
            return self.image(str(escape(image.get("alt", ""))), image.get("src", ""))
        name = re.fullmatch(r"</?(\w+)(?: open)?>", tag)
        return tag if name and name[1] in self.kept else str(escape(tag))

    def table(self, text: str) -> str:
        text = re.sub("<code>.*?</code>", lambda found: found[0].replace("\\|", "|"), text)  # it would split the cell
        return wide(render_table(self, text), "Table")

    def block_code(self, code: str, info: str | None = None) -> str:
        return wide(super().block_code(code, info), "Code")

    def block_math(self, body: str) -> str:
        return wide(mathml(body.strip(), display=True), "Formula", "span")  # it stands in a paragraph

    def inline_math(self, body: str) -> str:
        return mathml(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def bound(text: str) -> str:
    """A text in which a number keeps its unit and its error in its line.

    >>> bound("1.5 ± 0.2 % a year").replace("\\xa0", "~")
    '1.5~±~0.2~% a year'
    """
    return _SPACE.sub("\N{NO-BREAK SPACE}", text)


def wide(content: str, name: str, kind: str = "div") -> str:
    """A part that scrolls by itself where it is wider than the page, also by keyboard."""
    return f'<{kind} class="wide" tabindex="0" role="group" aria-label="{escape(name)}">{content}</{kind}>'


def fenced(text: str, language: str) -> str:
    """A text as a block of code in Markdown, whatever marks are in it.

    >>> print(fenced("a = 1", "python"))
    ```python
    a = 1
    ```
    """
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
