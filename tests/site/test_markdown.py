"""Markdown as users write it: what a browser is given, and what a reader of text is given."""

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup

from forefolio.site.markdown import Markdown, fenced

PAGES = {"other.ipynb": "other", "a b.md": "a-b"}


def link(url: str, suffix: str) -> str:
    """Where a target lies: two pages, a picture, and whatever lies elsewhere."""
    return f"{PAGES[url]}{suffix}" if url in PAGES else url if url == "picture.png" or ":" in url or url[:1] == "#" else ""


@pytest.fixture
def html() -> Callable[[str], BeautifulSoup]:
    """Turns a text into marks, each text on the same page."""
    page = Markdown(link)
    return lambda source: BeautifulSoup(page.html(source), "html.parser")


@pytest.mark.parametrize("source", [
    "it costs $5 and $6 a day", "from $5–$10 or US$5/US$6", "$100k, up from $90k (11%)", "prices: 5$ or 6$", "a $ b $ c",
    "$5", r"\$5 and \$6", "$5 then\n\n$6"])
def test_prices_are_no_formulas(html, source):
    page = html(source)
    assert not page.math and page.get_text().split() == source.replace("\\", "").split()


@pytest.mark.parametrize("source", ["costs $5, not $x$", r"$\alpha$ costs $5 and $6", r"\\(x\\) at $5", "$x$-year and $5",
                                    "> $x$ is $5", "* $5\n* $x$", "## $x$ for $5", "[$x$ for $5](other.ipynb)",
                                    "| a |\n|---|\n| $x$, $5 |"])
def test_a_formula_is_one_wherever_it_stands_and_also_beside_a_price(html, source):
    page = html(source)
    assert len(page.find_all("math")) == 1 and page.get_text().count("$") == source.count("$5") + source.count("$6")


@pytest.mark.parametrize("source", [r"\\[x^2\\]", "$$\nx^2\n$$", r"\begin{align}x^2\end{align}", "$$x^2$$ and more"])
def test_a_formula_on_a_line_of_its_own_is_shown_as_one(html, source):
    assert html(source).math["display"] == "block"


def test_formulas_may_touch_each_other(html):
    assert [formula.get_text() for formula in html(r"$\alpha$$\beta$ and $$x$$").find_all("math")] == ["α", "β", "x"]


def test_of_html_what_is_harmless_counts_and_all_else_is_text(html):
    page = html("<details><summary>More</summary>\n\nA **word**<br>and H<sub>2</sub>O.\n\n</details>\n\n<b>x</b> <script>1</script>")
    assert page.details.summary.get_text() == "More" and page.details.strong and page.br and page.sub.get_text() == "2"
    assert not page.find_all(["b", "script"]) and "<b>x</b> <script>1</script>" in page.get_text()


@pytest.mark.parametrize("source", ["<details>\n\nnever closed", "a</sub> b", "<summary onclick='x'>a</summary>", "<DIV>"])
def test_tags_that_are_not_closed_or_not_known_are_text(html, source):
    page = html(source)
    assert not page.find_all(["details", "sub", "summary", "div"]) and "<" in page.get_text()


@pytest.mark.parametrize("source", ["a <!-- a secret --> b", "<!-- a\nsecret -->\n\nb", "b\n\n<!--\na\n\nsecret\n-->"])
def test_a_comment_of_an_author_is_in_no_form_of_a_page(html, source):
    assert "secret" not in str(html(source)) and "b" in html(source).get_text()
    assert "secret" not in Markdown(link).markdown(source)
    assert "secret" in Markdown(link).markdown("`<!-- a secret -->`")


def test_signs_written_as_entities_are_shown(html):
    assert html("A&nbsp;B &mdash; &#955; &lt;b&gt; A&B &unknownname; `&amp;`").get_text().strip() == "A\xa0B — λ <b> A&B &unknownname; &amp;"


def test_a_bar_in_code_in_a_table_is_shown_without_what_protects_it(html):
    assert html("| a | b |\n|---|---|\n| `x\\|y` | z |").find_all("td")[0].get_text() == "x|y"


def test_headings_have_anchors_of_their_own_and_none_that_the_page_uses_itself(html):
    heads = html("## One\n\n## One\n\n## One-1\n\n## 😀\n\n## !\n\n## שלום\n\n## Search").find_all("h2")
    heads += html("## One").find_all("h2")
    assert [head["id"] for head in heads] == ["one", "one-1", "one-1-1", "part-1", "part-2", "שלום", "search", "one-2"]


def test_footnotes_lead_to_their_texts_and_back_also_in_two_texts_of_a_page(html):
    seen = set()
    for text in ("first", "second"):
        page = html(f"a[^1]\n\n[^1]: {text}")
        to, back = page.find_all("a")
        assert text in page.find(id=to["href"][1:]).get_text() and page.find(id=back["href"][1:])
        seen |= {to["href"], back["href"]}
    assert len(seen) == 4


def test_a_picture_elsewhere_is_a_link_and_one_that_is_not_there_its_words(html):
    page = html('![one](https://example.org/a.png) ![two](absent.png) ![three](picture.png) <img src="picture.png" alt="four">'
                ' <img src="absent.png" alt="five">')
    assert [image["src"] for image in page.find_all("img")] == ["picture.png", "picture.png"]
    assert page.a["href"] == "https://example.org/a.png" and page.get_text().split() == ["one", "two", "five"]


def test_a_link_without_words_is_named_by_its_target(html):
    assert html("[](other.ipynb)").a.get_text() == "other.ipynb"


@pytest.mark.parametrize("source, wanted", [
    ("[a](other.ipynb) and [b](absent)", "[a](other.md) and b"),
    ('[a](other.ipynb "title")', '[a](other.md "title")'),
    ("[a](<a b.md>)", "[a](a-b.md)"),
    ("[![p](picture.png)](other.ipynb)", "[![p](picture.png)](other.md)"),
    ("![p](absent.png)", "p"),
    ("[a][1]\n\n[1]: other.ipynb", "[a][1]\n\n[1]: other.md"),
    ("`[a](other.ipynb)` [a](other.ipynb)", "`[a](other.ipynb)` [a](other.md)"),
    ("```\n[a](other.ipynb)\n```\n[a](other.ipynb)", "```\n[a](other.ipynb)\n```\n[a](other.md)"),
    ("~~~\n[a](other.ipynb)", "~~~\n[a](other.ipynb)"),
    ("* one\n\n      ```\n      [a](other.ipynb)\n      ```", "* one\n\n      ```\n      [a](other.ipynb)\n      ```"),
    ("> ```\n> [a](other.ipynb)\n> ```\n\n[a](other.ipynb)", "> ```\n> [a](other.ipynb)\n> ```\n\n[a](other.md)"),
    ("a ` alone\n\n[a](other.ipynb) and another `", "a ` alone\n\n[a](other.md) and another `"),
    ("a[^1]\n\n[^1]: other.ipynb", "a[^1]\n\n[^1]: other.ipynb")])
def test_links_are_written_anew_in_text_and_not_in_code(source, wanted):
    assert Markdown(link).markdown(source) == wanted


@pytest.mark.parametrize("text", ["a", "```\ninside\n```", "a ````` b"])
def test_what_is_fenced_cannot_end_its_fence(html, text):
    page = html(f"{fenced(text, 'text')}\n\n## After")
    assert page.pre.get_text().strip() == text and page.h2
