"""Formulas of notebooks as MathML: what browsers draw, and what is refused because they would not."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from forefolio.runs import contracts
from forefolio.site.formulas import mathml


def drawn(tex: str, *, display: bool = True) -> BeautifulSoup:
    """A formula as marks."""
    return BeautifulSoup(mathml(tex, display=display), "html.parser").math


def markdown(path: Path) -> list[str]:
    """The Markdown cells of a notebook, without code in them."""
    return [re.sub(r"```.*?```|`[^`]*`", "", cell.source, flags=re.DOTALL)
            for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]


def test_every_formula_of_the_notebooks_is_drawn_with_marks_that_browsers_know():
    known = {"math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "mpadded",
             "msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd"}  # of MathML Core
    sources = [cell for path in contracts.NOTEBOOKS.rglob("*.ipynb") for cell in re.findall(
        r'\$\$?.+?\$\$?', " ".join(markdown(path)), flags=re.DOTALL)]
    assert len(sources) > 100
    for source in sources:
        formula = drawn(source.strip("$").strip(), display=source.startswith("$$"))
        assert {tag.name for tag in formula.find_all(True)} <= known, source
        assert not re.search(r"[\\$]", formula.get_text()), source
        ignored = {tag["mathvariant"] for tag in formula.find_all(mathvariant=True)} - {"normal"}  # by browsers
        assert not ignored, source


def test_what_a_minimum_is_taken_over_stands_below_it_on_a_line_of_its_own_and_beside_it_in_a_text():
    formula = drawn(r"\min_w w'\Sigma w")
    for tex, below in ((r"\min_w w'\Sigma w", "w"), (r"\max_\theta x", "θ"), (r"\min_{w,y} x", "w,y")):
        assert [part.get_text() for part in drawn(tex).munder.find_all(recursive=False)] == [tex[1:4], below]
    beside = drawn(r"\min_w w'\Sigma w", display=False)
    assert beside.munder is None and beside.msub.get_text() == "minw"
    assert (formula["display"], beside["display"]) == ("block", "inline")


@pytest.mark.parametrize("operator", [r"\max", r"\sup", r"\lim", r"\argmin", r"\operatorname*{argmax}", r"\Pr"])
def test_what_other_operators_are_taken_over_stands_below_them_too(operator):
    assert drawn(operator + r"_{w \in W} x").munder.find_all(recursive=False)[1].get_text() == "w∈W"
    assert drawn(operator + r"_{w \in W} x", display=False).munder is None


def test_a_bold_letter_is_bold_by_its_class():
    assert drawn(r"\mathbf{1}'w").find(class_="bold").get_text() == "1"


def test_lines_of_an_aligned_formula_are_rows_that_meet_at_their_marks():
    rows = drawn(r"\begin{aligned} a &= b \\ c + d &= e \end{aligned}").find_all("mtr")
    assert [[cell.get_text() for cell in row.find_all("mtd")] for row in rows] == [["a", "=b"], ["c+d", "=e"]]
    assert [cell["columnalign"] for cell in rows[0].find_all("mtd")] == ["right", "left"]


@pytest.mark.parametrize("tex, shown", [
    (r"\boldsymbol\mu", "𝝁"), (r"\bm{x}", "𝒙"), (r"\mathbb R", "ℝ"), (r"\mathscr{L}", "ℒ"), (r"\mathsf T", "𝖳"),
    (r"\mathfrak{g}", "𝔤"), (r"\mathrm{d}", "d"), (r"\text{cost \$5 & <b>x</b>}", "cost\xa0$5\xa0&\xa0<b>x</b>"), (r"5\% \& x", "5%&x"),
    (r"\underbrace{a}_{b}", "a⏟b"), (r"\operatorname{tr}(A)", "tr(A)"), (r"\begin{cases}1 & x<0\end{cases}", "{1x<0"),
    (r"\begin{pmatrix}a & b\end{pmatrix}", "(ab)"), (r"\begin{align}a&=b\label{one}\\c&=d\nonumber\end{align}", "a=bc=d"),
    (r"\tfrac12 \quad \hat\mu''", "12μ^″"), (r"\href{javascript:x}{y}", "y"),
    (r"\mathbbm{1}", "𝟙"), (r"\mathds 1", "𝟙"), (r"a \not= b", "a≠b"), (r"a \not\in B", "a∉B"), (r"\argmin_w", "arg\u2009minw")])
def test_what_users_write_is_drawn_with_what_browsers_draw(tex, shown):
    formula = drawn(tex)
    assert formula.get_text() == shown
    assert not [tag for tag in formula.find_all(True) if tag.get("mathvariant", "normal") != "normal" or tag.get("href") or tag.name == "b"]


def test_a_letter_that_is_not_slanted_stays_so():
    assert [letter.get("mathvariant") for letter in drawn(r"\mathrm{d}x \, \mathrm d").find_all("mi")] == ["normal", None, "normal"]


@pytest.mark.parametrize("name", ["gather", "gather*", "multline", "align", "aligned"])
def test_lines_stand_below_each_other_and_have_no_numbers(name):
    rows = drawn(rf"\begin{{{name}}} a \\ b \end{{{name}}}").find_all("mtr")
    assert [row.get_text() for row in rows] == ["a", "b"]


@pytest.mark.parametrize("tex", [r"\whatever{x}", "a & b", "a_", r"\left( a", r"\begin{aligned} a", r"\eqref{a}", r"\cancel{x}"])
def test_a_formula_that_cannot_be_drawn_is_refused_in_a_sentence(tex):
    with pytest.raises(ValueError, match="the site cannot draw this"):
        mathml(tex, display=False)


def test_a_line_over_several_letters_is_drawn_over_all_of_them():
    assert re.search('<mover><mrow>.*</mrow><mo class="bar">‾</mo></mover>', mathml(r"\overline{r - g}", display=False))


@pytest.mark.parametrize("tex", [r"\bigl(1 + x\bigr)^2", r"\Bigl[x\Bigr]_0", r"\bigl(x\bigr)_0^2", r"\Big(x\Big)^2"])
def test_brackets_of_a_wanted_size_are_of_one_kind_also_with_a_script(tex):
    first, last = drawn(tex).find_all("mo", minsize=True)
    assert first.attrs == last.attrs and first.parent is last.parent


@pytest.mark.parametrize("tex", [r"\log V", r"\log_2 V", r"a\tanh(b)", r"(a)\ln(b)", r"\max_u V", r"\operatorname{Cov} x",
                                 r"a_b\operatorname{Cov}(x)", r"\ln\tfrac12", r"\arg\min(w)"])
def test_the_name_of_a_function_stands_apart_from_letters_and_numbers_beside_it(tex):
    assert len(drawn(tex).find_all("mspace", width="0.1667em")) == 1


@pytest.mark.parametrize("tex", [r"\log(x)", r"-\log(x)", r"\max(x, y)", r"1/\operatorname{Cov}(x)", r"\frac{\log(x)}{2}"])
def test_the_name_of_a_function_stands_beside_its_bracket(tex):
    formula = drawn(tex)
    assert not formula.find("mspace") and not [part for part in formula.find_all("mo") if part.get_text().isalpha()]


def test_bars_of_a_size_have_no_space_around_them():
    bars = drawn(r"\sum_i |w_i - v_i| / |w_i|").find_all("mo", string="|")
    assert [(bar["lspace"], bar["rspace"]) for bar in bars] == [("0", "0")] * 4
