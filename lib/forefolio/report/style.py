"""How every figure looks: one template, one color a strategy and an asset, dates, labels that do not collide.

The same strategy has the same color in every stage: its framework is the hue, its forecasting model the shade and the
dash. The modules of figures draw with what is here; a notebook needs `span` to name the period of a figure
whose frame has no dates.
"""

import colorsys
import zlib
from itertools import product

import numpy as np
import pandas as pd
import plotly.graph_objects as go

WEEK = 7 * 24 * 3600 * 1000  # in milliseconds, plotly's unit of time
GREY, INK = "#8a8a8a", "#222222"
FEW = 12  # so many lines can be told apart by color
PERCENT = ".2~%"  # at most two decimals, none where none is needed

_FIXED = {  # single portfolios and single models; a strategy `model+framework` takes its color from the two tables below
    "benchmark": "#000000", "equal_weight": "#c99700",
    "minimum_variance": "#1f5fa8", "maximum_sharpe": "#c8371e", "maximum_sortino": "#2b8a4b", "minimum_cvar": "#b0559b",
    "tangency": "#6b2fa0", "lstm": "#8a1c5a", "cnn1d": "#0b8f93", "gru": "#6d7a12", "bilstm": "#3d3f9e", "rnn": "#c06a2b",
    "mean": "#96714a", "ar": "#58697c", "zero": "#9a9a9a",
}
_HUES = {  # hue in degrees, saturation, factor of the shades: green looks lighter than red or blue of the same lightness
    "mvf": (12, 0.72, 1.0), "rpp": (212, 0.72, 1.0), "mdp": (145, 0.5, 0.85), "tangency": (280, 0.6, 1.0),
}
_SHADES = {  # lightness, dash; short dashes, because long ones tear a daily line apart
    "lstm": (0.30, "solid"), "cnn1d": (0.48, "5px,2px"), "gru": (0.39, "8px,2px"), "bilstm": (0.56, "8px,2px,2px,2px"),
    "rnn": (0.62, "5px,2px,2px,2px"), "mean": (0.66, "2px,2px"), "ar": (0.72, "3px,3px"), "zero": (0.77, "1px,3px"),
}

_AXIS = dict(showline=True, linecolor="#555555", ticks="outside", ticklen=4, tickcolor="#555555", gridcolor="#e8e8e8",
             zeroline=False, automargin=True, title=dict(standoff=8, font=dict(size=13)))
_BAR = dict(title=dict(side="right", font=dict(size=13)), thickness=13, outlinewidth=0)
TEMPLATE = go.layout.Template(layout=dict(
    font=dict(family="Helvetica, Arial, Liberation Sans, sans-serif", size=13, color=INK),
    title=dict(x=0.012, xanchor="left", yanchor="top", font=dict(size=17)),
    paper_bgcolor="white", plot_bgcolor="white", hovermode="closest", xaxis=_AXIS, yaxis=_AXIS,
    legend=dict(font=dict(size=12), bgcolor="rgba(255,255,255,0.7)"), margin=dict(l=70, r=25, t=74, b=60)),
    data=dict(heatmap=[dict(colorbar=_BAR)], scatter=[dict(marker=dict(colorbar=_BAR))]))


def dress(figure: go.Figure, title: str, subtitle: str, *, width: int = 900, height: int = 450, **layout) -> go.Figure:
    """Give a figure the template, its size in pixels, and a title with a smaller line under it."""
    figure.update_annotations(font_size=13)  # the panels' titles, which plotly writes larger than the axes
    text = f"{title}<br><span style='font-size:13px;color:#666666'>{subtitle}</span>"
    return figure.update_layout(template=TEMPLATE, width=width, height=height, title_text=text, title_y=1 - 26 / height,
                                **layout)


def strategy_color(name: str) -> str:
    """Color of a strategy, a model or a chosen portfolio, the same in every figure and every process.

    Parameters
    ----------
    name : str
        `lstm+mvf`, `equal_weight`, `benchmark`, `lstm`, `maximum_sharpe`, ... A name that is not known gets a color from
        its letters, so that it is stable as well.

    Returns
    -------
    str
        Hexadecimal color.

    Examples
    --------
    >>> strategy_color("benchmark")
    '#000000'
    >>> strategy_color("lstm+mvf") == strategy_color("cnn1d+mvf")
    False
    """
    if name in _FIXED:
        return _FIXED[name]
    model, _, framework = name.rpartition("+")
    letters = zlib.crc32(name.encode())  # hash() differs from process to process
    lightness = _SHADES.get(model, (0.35 + letters % 30 / 100, ""))[0]
    hue, saturation, factor = _HUES.get(framework, (zlib.crc32(framework.encode()) % 360, 0.5, 1.0))
    return _hex(hue, lightness * factor, saturation)


def strategy_dash(name: str) -> str:
    """Dash of a strategy's line, by its model; solid for everything that has no model.

    Examples
    --------
    >>> strategy_dash("lstm+rpp"), strategy_dash("cnn1d+rpp"), strategy_dash("equal_weight")
    ('solid', '5px,2px', 'solid')
    """
    return _SHADES.get(name.rpartition("+")[0], (0, "solid"))[1]


def asset_colors(assets) -> dict[str, str]:
    """Color of each asset, by its place in the alphabet of the universe; neighbors differ in hue and in shade.

    Parameters
    ----------
    assets : iterable of str
        All assets of the universe, in any order.

    Returns
    -------
    dict of str to str
        Asset to hexadecimal color, in alphabetical order.

    Examples
    --------
    >>> asset_colors(["B", "A"]) == asset_colors(["A", "B"])
    True
    """
    names = sorted(set(assets))
    return {name: _hex(210 + 222.5 * i, (0.36, 0.48, 0.60)[i % 3], 0.55) for i, name in enumerate(names)}  # golden angle


def span(dates) -> str:
    """First and last day as text, for titles.

    Parameters
    ----------
    dates : DatetimeIndex, or a frame or series that has one

    Examples
    --------
    >>> span(pd.to_datetime(["2022-01-03", "2023-12-29"]))
    '2022-01-03 to 2023-12-29'
    """
    index = pd.DatetimeIndex(dates.index if isinstance(dates, (pd.DataFrame, pd.Series)) else dates)
    return f"{index.min():%Y-%m-%d} to {index.max():%Y-%m-%d}"


def weekly(frame, how: str = "last"):
    """The last (`min`: the lowest) value of each week; weeks without a trading day repeat the week before."""
    return getattr(frame.resample("W-FRI"), how)().ffill()


def daily_or_weekly(frame: pd.DataFrame, how: str = "last", *, longest: int = 1000) -> tuple[pd.DataFrame, str]:
    """The frame itself, or weekly where it has more than `longest` days, and the word that says which."""
    return (frame, "daily") if len(frame) <= longest else (weekly(frame, how), "weekly")


def line(series: pd.Series, **style) -> go.Scatter:
    """One line over time; weekly values carry no dates but a first day and a step, which keeps notebooks small."""
    values = series.to_numpy("float32")
    regular = str(getattr(series.index, "freqstr", None)) == "W-FRI"
    when = dict(x0=f"{series.index[0]:%Y-%m-%d}", dx=WEEK) if regular else dict(x=days(series.index))
    return go.Scatter(y=values, mode="lines", **when, **style)


def days(dates) -> list[str]:
    """Dates as short text; plotly would spend 26 characters on each."""
    return list(pd.DatetimeIndex(dates).strftime("%Y-%m-%d"))


def log_axis(low: float, high: float) -> dict:
    """A log axis from `low` to `high` with round numbers written out, where plotly would write bare digits."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1,) if high / low > 3000 else (1, 2, 5) if high / low > 10 else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = [step * 10.0**power for power in powers for step in steps]
    return dict(type="log", range=list(np.log10([low, high])), tickvals=ticks, ticktext=[f"{tick:,g}" for tick in ticks])


def label_ends(figure: go.Figure, ends: pd.Series, colors: dict[str, str], *, log_range, height: int) -> None:
    """Names at the right edge of lines on a log axis, pushed apart to 15 pixels; the right margin must hold them."""
    low, high = log_range
    ends = ends.sort_values()
    pixels = (np.log10(ends.to_numpy()) - low) / (high - low) * height
    steps = 15 * np.arange(len(pixels))
    pixels = np.minimum(np.maximum.accumulate(pixels - steps), height - steps[-1:]) + steps
    for name, pixel in zip(ends.index, pixels):
        figure.add_annotation(text=name, x=1.005, xref="paper", xanchor="left", y=pixel / height, yref="paper",
                              yanchor="middle", showarrow=False, font=dict(size=12, color=colors[name]))


def label_points(figure: go.Figure, points: pd.DataFrame, *, x_range, y_range, plot_size, others=None) -> None:
    """Write `text` beside each point (`x`, `y`) where it covers no point, no other text and few of the `others`."""
    low, scale = np.array([x_range[0], y_range[0]]), np.array(plot_size) / np.ptp([x_range, y_range], axis=1)

    def pixels(frame):
        return (frame[["x", "y"]].to_numpy() - low) * scale

    def boxes(frame, half):
        return [(px - half, py - half, px + half, py + half) for px, py in pixels(frame)]

    taken, minor = boxes(points, 11), boxes(others, 1) if others is not None else []
    moves = [(radius * np.cos(angle), radius * np.sin(angle))
             for radius, angle in product((14, 26, 42, 62, 86, 115), np.linspace(0, 2 * np.pi, 24, False))]
    for (px, py), text, x, y in zip(pixels(points), points["text"], points["x"], points["y"]):
        wide = 6.7 * len(text) + 6

        def box(move):
            left = px + move[0] - (0 if move[0] >= -1 else wide)
            return left, py + move[1] - 9, left + wide, py + move[1] + 9

        def clashes(move):
            left, low, right, high = box(move)
            outside = left < 0 or low < 0 or right > plot_size[0] or high > plot_size[1]
            covered, lesser = (sum(left < r and right > l and low < h and high > b for l, b, r, h in rest)
                               for rest in (taken, minor))
            return 3 * outside + covered + 0.1 * min(lesser, 10)

        best = min(moves, key=clashes)  # the nearest of those with the fewest clashes
        taken.append(box(best))
        figure.add_annotation(x=x, y=y, text=text, ax=best[0], ay=-best[1], showarrow=True, arrowhead=0, arrowwidth=0.8,
                              arrowcolor=GREY, standoff=5, xanchor="left" if best[0] >= -1 else "right", font_size=12)


def words(name: str) -> str:
    """A portfolio's name as it is read: `maximum_sharpe` is maximum Sharpe."""
    return name.replace("_", " ").replace("sharpe", "Sharpe").replace("sortino", "Sortino").replace("cvar", "CVaR")


def fitting(count: int) -> int:
    """Size of tick labels so that so many fit beside each other."""
    return 13 if count <= 12 else 11 if count <= 30 else 10 if count <= 60 else 9


def _hex(hue: float, lightness: float, saturation: float) -> str:
    """Hue in degrees, lightness and saturation in 0..1, as a hexadecimal color."""
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
