"""What a reader sees is plain English: no phrase that a native reader stumbles over, in notebooks, pages or the library."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator

import pytest

from forefolio.study.parameters import ROOT

UNITS = "asset|stock|coin|day|month|year|model|strategy|ticker|point|row|sample|epoch|rebalance|date|window|gate|layer|line|machine"
COUNTED = ("network|sample|row|column|line|dot|point|panel|value|number|path|fit|figure|bar|weight|entry|folder|product|"
           "training|unit|filter|process|stage|minute|second|epoch|task|file|mark|curve|networks|rows|units")
FAULTS = {  # a pattern, and what to write in its place
    rf"\b(?:an?|one|so many|\d+) (?:\w+ )?(?:{COUNTED}) an? (?:{UNITS})\b": "per",
    r"\b(?:returns?|fractions?|rows|trading days) a (?:day|year|month)\b": "per",
    r"With \*\*1\*\* a column": "**1** is a vector of ones",
    r"says the condition number|far from singular": "The condition number says how close to singular the matrix is",
    r"believe no single": "Re-run ... before you trust any single weight",
    r"(?:^|[.!?] )That [^.]{0,80} is not shown": "We found no evidence that ...",
    r"of which `?beware": "picked in hindsight; see `beware`",
    r"whoever owes|free lunch that": "Leverage is not a free lunch",
    r"that no past tells|nobody tells|no one tells": "unpredictable",
    r"each temper|tempers\b": "risk profile",
    r"\bowes? \d|its own wealth": "gross exposure",
    r"[Nn]o better than luck": "not shown to be better",
    r"(?:^|[.:;] )Say (?:that|one of|which|how|what)\b": "Turn ... into, Report",
    r"\bbut for (?:the|a|an|rounding|what)\b": "except for",
    r"\bstands? (?:twice|for itself)\b": "appears twice",
    r"\bhangs? (?:on|less on|only on)\b": "depends on",
    r"(?<!there )\bis no (?:number|file|list|date|index|fund|skill|table|run|sweep|stage|point|match|trading day|strategy|paper|proof)\b": "is not a",
    r"(?<!there )\bare no (?:numbers|files|lists|dates|networks|tickers|prices|trading days|copies)\b": "are not",
    r"\bwhat (?:came of it|it came to|became of (?:it|them|weights|strategies))\b": "the outcome",
    r"\bput out of sight|out of sight\b": "remove",
    r"\b(?:made|was|were) anew\b|\btrained anew\b|\bfitted anew\b": "again",
    r"\bmend(?:s|ed|ing)?\b": "repair, fix",
    r"\bvouch(?:es)? for\b": "cover",
    r"\bwhoever\b": "anyone who",
    r"\bnought\b|\bhitherto\b|\bwherein\b|\bthereof\b|\bfurthermost\b": "the usual word",
    r"\bthe coming into\b|\bof one's own\b|\bof our own making\b": "its own",
    r"\btold (?:apart by|with its)\b": "distinguished by",
    r"\bneighbour|\bcolour|\bbehaviour|\bfavour|annualis|optimis(?:e|ation)|regularis|normalis": "American spelling",
}


def _notebooks() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text())["cells"], 1):
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                yield f"{path.relative_to(ROOT)}, cell {number}", source
            else:
                comments = "\n".join(line.partition("#")[2] for line in source.splitlines())
                yield f"{path.relative_to(ROOT)}, cell {number}", comments


def _pages() -> Iterator[tuple[str, str]]:
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "notebooks").glob("*.md"))]:
        yield str(path.relative_to(ROOT)), re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for path in sorted((ROOT / "params").rglob("*.yml")):
        comments = (line.partition("#")[2] for line in path.read_text().splitlines())
        yield str(path.relative_to(ROOT)), "\n".join(comments)


def _library() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "lib").rglob("*.py")):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}, line {node.lineno}", node.value
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.relative_to(ROOT)}, line {token.start[0]}", token.string


def faults(texts: Iterator[tuple[str, str]]) -> list[str]:
    """Each faulty phrase with its place and what to write instead."""
    return [f"{place}: '{found.group().strip()}' (write: {instead})" for place, text in texts for pattern, instead in FAULTS.items()
            for found in re.finditer(pattern, " ".join(text.split()))]


@pytest.mark.parametrize("texts", [_notebooks, _pages, _library], ids=["notebooks", "pages", "library"])
def test_no_phrase_makes_a_native_reader_stumble(texts):
    found = faults(texts())
    assert not found, "\n" + "\n".join(found)
