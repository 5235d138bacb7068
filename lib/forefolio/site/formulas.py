"""Formulas as MathML: TeX in a notebook becomes marks that every browser draws by itself, without a network.

latex2mathml does the work. `mathml` adds what browsers need beyond that, because they draw MathML Core only.
"""

import re
import unicodedata
from functools import cache
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element

# TeX that latex2mathml draws otherwise than a reader expects, and what is drawn instead
INSTEAD = ((r"\\(begin|end)\{(?:align(?:ed)?|gather(?:ed)?|multline)\*?\}", r"\\\1{align*}"),  # lines without numbers
           (r"\\label\{[^}]*\}|\\(?:nonumber|notag)(?![A-Za-z])", ""),  # there are no numbers that they could name
           (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"), (r"\\mathscr(?![A-Za-z])", r"\\mathcal"),
           (r"\\math(?:bbm|ds)(?![A-Za-z])", r"\\mathbb"), (r"\\not\s*=", r"\\ne "), (r"\\not\s*\\in(?![A-Za-z])", r"\\notin "))
OVER = ("min", "max", "arg", "sup", "inf", "lim")  # what they are taken over stands below them
LETTERS = {"bold-italic": "BOLD ITALIC", "double-struck": "DOUBLE-STRUCK", "script": "SCRIPT", "fraktur": "FRAKTUR",
           "sans-serif": "SANS-SERIF", "monospace": "MONOSPACE"}  # kinds of letters, as Unicode names them
THIN = {"width": "0.1667em"}  # TeX's space beside the name of a function
SCRIPTED = ("msub", "msup", "msubsup", "munder", "mover", "munderover")  # what stands first in them has scripts


@cache
def mathml(tex: str, *, display: bool) -> str:
    """A formula as a `<math>` element.

    Parameters
    ----------
    tex : the formula without its dollar signs.
    display : whether it stands on a line of its own; limits then stand below `min`, not beside it.

    Raises
    ------
    ValueError : if the formula is incomplete, or a command in it is unknown, so that it would be shown as it is typed.

    Examples
    --------
    >>> mathml("x'y", display=False)
    '<math display="inline"><mrow><msup><mi>x</mi><mi>′</mi></msup><mi>y</mi></mrow></math>'
    >>> mathml("\\\\whatever", display=False)
    Traceback (most recent call last):
    ValueError: \\whatever: the site cannot draw this command of a formula; write it with another one
    """
    known = tex
    for pattern, replacement in INSTEAD:
        known = re.sub(pattern, replacement, known)
    shown = "block" if display else "inline"
    try:
        formula = convert_to_element(known, display=shown)
    except Exception as error:  # its kinds of errors have no common one
        raise ValueError(f"${tex}$: the site cannot draw this formula ({type(error).__name__}); correct it, or write "
                         "\\$ for the sign of a currency") from None
    formula.attrib = {"display": shown}
    for part in formula.iter():
        _mend(part)
        if display and part.tag == "msub" and (part[0].text in OVER or part[0].get("movablelimits")):
            part.tag = "munder"
    for part in list(formula.iter()):
        _space(part)
    return tostring(formula, encoding="unicode", short_empty_elements=False)


def _mend(part: Element) -> None:
    """Give a part of a formula its characters, and the kind of letters that browsers draw."""
    part.attrib.pop("href", None)  # a formula leads nowhere
    if part.tag == "menclose" and part.get("notation") != "box":
        raise ValueError(f"{part.get('notation')}: the site cannot draw this line through a formula; write it without")
    if not part.text:
        return
    text = re.sub("&#x([0-9A-Fa-f]+);", lambda found: chr(int(found[1], 16)), part.text)
    if part.tag == "mtext":
        text = re.sub(r"\\([$%&#_{}])", r"\1", text)
    if unknown := re.search(r"\\[A-Za-z]+", text) or re.fullmatch("&", part.text):  # `\&` is an entity there
        raise ValueError(f"{unknown[0]}: the site cannot draw this command of a formula; write it with another one")
    if part.tag == "mi" and text.isascii() and text.isalpha() and text != part.text:  # `\mathrm{d}`, which is not slanted
        part.set("mathvariant", "normal")
    variant = part.get("mathvariant")
    if variant in LETTERS:
        text = "".join(_letter(letter, LETTERS[variant]) for letter in text)
    if variant != "normal":  # the only one that MathML Core has
        part.attrib.pop("mathvariant", None)
    if variant in ("bold", "italic"):
        part.set("class", variant)
    if text == "―" and part.get("accent"):  # site.css draws the line, over all that is below it
        text = "‾"
        part.attrib = {"class": "bar"}
    part.text = text


def _space(row: Element) -> None:
    """Give a row of a formula the spaces that TeX leaves around names of functions, and none around bars."""
    for part in row:
        if part.tag == "mo" and (part.text or "").isalpha():  # browsers leave wide spaces around operators
            part.tag, part.attrib = "mi", {}
        elif part.tag == "mo" and part.text == "|" and "form" not in part.attrib:
            part.attrib |= {"lspace": "0", "rspace": "0"}
    if row.tag in (*SCRIPTED, "mfrac"):
        return
    for part in list(row):  # a bracket of a wanted size is small where it has a script: this then stands beside nothing
        if part.tag in SCRIPTED and part[0].get("minsize"):
            row.insert(list(row).index(part), part[0])
            part[0] = Element("mrow")
    parts = list(row)
    for left, right in zip(parts, parts[1:]):
        if _is_name(left) and _edge(right, 0).tag in ("mi", "mn") or _is_name(right) and (
                _edge(left, -1).tag in ("mi", "mn") or _edge(left, -1).text == ")"):
            row.insert(list(row).index(right), Element("mspace", THIN))


def _is_name(part: Element) -> bool:
    """Whether a part of a formula is a name such as log or max, with or without scripts."""
    while part.tag in SCRIPTED:
        part = part[0]
    return part.tag in ("mi", "mo") and len(part.text or "") > 1 and part.text.isalpha()


def _edge(part: Element, place: int) -> Element:
    """The first (0) or the last (-1) mark of a part of a formula."""
    while len(part):
        part = part[place]
    return part


def _letter(letter: str, kind: str) -> str:
    """A letter or digit of a kind that mathematics has, or itself.

    >>> _letter("x", "BOLD ITALIC"), _letter("R", "DOUBLE-STRUCK"), _letter("+", "SCRIPT")
    ('𝒙', 'ℝ', '+')
    """
    plain = re.sub("^(?:LATIN|GREEK) | LETTER(?= )", "", unicodedata.name(letter, ""))
    for name in (f"MATHEMATICAL {kind} {plain}", f"{kind} {plain}", f"BLACK-LETTER {plain}" if kind == "FRAKTUR" else ""):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            pass
    return letter
