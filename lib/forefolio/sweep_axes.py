"""How the parameters and metrics of a sweep are written: names with units, short labels of values, axes.

Values of parameters that are text, or true and false, stand in the order in which the sweep names them, numbers in their
own order; positive numbers that span more than thirty-fold have a log axis.
"""

import numpy as np
import pandas as pd

from forefolio.drawing import PERCENT, fitting
from forefolio.trials import LOWER_IS_BETTER

LABELS = {  # what a metric is called, its unit in brackets, and how its numbers are written
    "total_return": ("total return, compounded (%)", PERCENT), "annual_return": ("return, compounded (% a year)", PERCENT),
    "annual_volatility": ("volatility (% a year)", PERCENT), "sharpe": ("Sharpe ratio (annual)", ".3~f"),
    "sortino": ("Sortino ratio (annual)", ".3~f"), "max_drawdown": ("maximum drawdown, compounded (%)", PERCENT),
    "cvar_95": ("mean of the worst 5 % of days (% lost)", PERCENT),
    "turnover": ("turnover, one-way (% a rebalance)", PERCENT),
    "mean_monthly_excess": ("mean excess (% points a month)", PERCENT),
    "std_monthly_excess": ("deviation of the excess (% points a month)", PERCENT),
    "information_ratio": ("information ratio (monthly)", ".3~f"),
    "validation_mae": ("validation MAE (mean over assets, % a day)", ".3~%"),
}
WIDE = 30  # positive values that span more stand on a log axis
LONGEST = 22  # letters of a value's label


def label(metric: str) -> tuple[str, str]:
    """A metric's name with its unit, and the format of its numbers on an axis.

    Examples
    --------
    >>> label("information_ratio")
    ('information ratio (monthly)', '.3~f')
    """
    return LABELS.get(metric, (metric, ".3~g"))


def number(value: float, metric: str) -> str:
    """A value of a metric as text: percent where its axis has percent."""
    return f"{100 * value:.4g} %" if "%" in label(metric)[1] else f"{value:.4g}"


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def values(column: pd.Series) -> list:
    """Values of a parameter: numbers sorted, text in the order in which it comes.

    Examples
    --------
    >>> values(pd.Series([10, 2, 10])), values(pd.Series(["next_day", "month"]))
    ([2, 10], ['next_day', 'month'])
    """
    found = list(column.drop_duplicates())
    return found if _is_text(column) else sorted(found)


def value_text(value) -> str:
    """A value as it is read; long text is cut, no text is named."""
    if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
        return f"{value:g}"
    text = str(value) or "(none)"
    return text if len(text) <= LONGEST else text[:LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def labels(found: list) -> list[str]:
    """Short labels, all different: what would be cut to the same text is numbered."""
    short = [value_text(value) for value in found]
    return [text if short.count(text) == 1 else f"{text} #{short[:i].count(text) + 1}" for i, text in enumerate(short)]


def parameter_axis(column: pd.Series) -> tuple[dict, dict]:
    """Position of each value of a parameter, in the order of its axis, and the axis: categories, log or plain."""
    found = values(column)
    if _is_text(column):
        short = labels(found)
        return dict(zip(found, short)), dict(type="category", categoryorder="array", categoryarray=short,
                                             tickfont_size=fitting(len(short)), title_text=column.name)
    places = {value: value for value in found}
    if found[0] > 0 and found[-1] / found[0] > WIDE:
        return places, dict(type="log", tickvals=found, ticktext=labels(found), tickfont_size=fitting(len(found)),
                            title_text=f"{column.name} (log axis)")
    return places, dict(type="linear", title_text=column.name) | (dict(tickvals=found) if len(found) <= 6 else {})


def metric_axis(drawn: pd.Series, metric: str) -> dict:
    """Title and ticks of an axis of a metric; a log axis where values of one that cannot be negative differ much."""
    name, written = label(metric)
    low, high = drawn.min(), drawn.max()
    if metric not in LOWER_IS_BETTER or not (low > 0 and high / low > WIDE):
        return dict(title_text=name, tickformat=written)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1,) if high / low > 3000 else (1, 2, 5)
    ticks = [step * 10.0**power for power in powers for step in steps if low / 1.5 < step * 10.0**power < high * 1.5]
    return dict(title_text=f"{name.removesuffix(')')}, log axis)" if name.endswith(")") else f"{name} (log axis)",
                type="log", tickvals=ticks, ticktext=[number(tick, metric) for tick in ticks])
