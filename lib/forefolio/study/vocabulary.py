"""Numbers to sentences: what a comparison shows, and whether a network forecasts better than a simple rule.

The sentences are built from the numbers alone, so that another params file cannot make them lie; notebooks display
them as Markdown.
"""


EQUAL_WEIGHT = "equal_weight"


def percent(value: float, digits: int = 1) -> str:
    """A fraction in percent; what rounds to zero has no sign."""
    return f"{round(100 * value, digits) + 0.0:.{digits}f} %"  # adding 0 turns -0 into 0


def listed(names: list[str], last: str = "and") -> str:
    """Names in a sentence: a, b and c."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
