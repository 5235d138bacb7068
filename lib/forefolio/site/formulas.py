"""Formulas as MathML: TeX in a notebook becomes marks that every browser draws by itself, without a network.

latex2mathml does the work. `mathml` adds what browsers need beyond that, because they draw MathML Core only.
"""

import re
from functools import cache

from latex2mathml.converter import convert


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
    '<math display="inline"><mrow><msup><mi>x</mi><mi>&#x02032;</mi></msup><mi>y</mi></mrow></math>'
    >>> mathml("\\\\whatever", display=False)
    Traceback (most recent call last):
    ValueError: \\whatever: the site cannot draw this command of a formula; write it with another one
    """
    known = re.sub(r"(begin|end)\{aligned\}", r"\1{align*}", tex.replace(r"\arg", r"\operatorname{arg}"))
    try:
        drawn = convert(known, display="block" if display else "inline")
    except Exception as error:  # its kinds of errors have no common one
        raise ValueError(f"${tex}$: the site cannot draw this formula ({type(error).__name__}); correct it, or write "
                         "\\$ for the sign of a currency") from None
    drawn = drawn.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    if unknown := re.search(r"\\[A-Za-z]+|<mi>&</mi>", drawn):
        raise ValueError(f"{unknown[0]}: the site cannot draw this command of a formula; write it with another one")
    drawn = re.sub(r'mathvariant="bold"', 'class="bold"', drawn)  # MathML Core has no bold
    # site.css draws the line of an overline, over all that is below it
    drawn = drawn.replace('<mo accent="true">&#x02015;</mo>', '<mo class="bar">&#x0203E;</mo>')
    if display:  # what min and max are taken over
        beside = r"<msub>(<mo>(?:min|max|arg)</mo>(?:<mi>.</mi>|<mrow>.*?</mrow>))</msub>"
        drawn = re.sub(beside, r"<munder>\1</munder>", drawn)
    return drawn
