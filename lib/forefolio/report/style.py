"""How every figure looks: one template, one color per strategy and asset, dates, labels that do not collide.

A strategy has the same color in every stage, made of what `study.vocabulary` says: its framework is the hue, its model
the lightness and the dash. Readers who confuse red and green see two kinds of hue only, so lightness does much of the
work: the strategies of the default study stay apart for them, and so do all models, but nobody can tell more than about
12 lines apart by color. Where there are more, the dash and the name at the end of the line (`label_ends`) carry it. A notebook needs `span`, to name the period of a figure whose frame has no dates.
"""

import colorsys
import html
import re
import zlib

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forefolio.study.vocabulary import FRAMEWORKS, METRICS, MODELS, PASSED, PORTFOLIOS, parts

WEEK = 7 * 24 * 3600 * 1000  # in milliseconds, plotly's unit of time
GREY, INK, RED, BLUE = "#8a8a8a", "#222222", "#c8371e", "#1f5fa8"
FEW = 12  # number of lines that colors can distinguish
MANY = 60  # number of assets that all can have a name and a mark of their own; of more, figures show groups and ends
LARGEST = 24  # of more than 60 assets, so many have a bar or a tick of their own
PALETTE = ("#295f54", "#e09100", "#804915", "#5f74f1", "#0f4981", "#73cb8e", "#d25b4f", "#ebe336", "#e59cdd", "#896b9c")

_AXIS = dict(showline=True, linecolor="#555555", ticks="outside", ticklen=4, tickcolor="#555555", gridcolor="#e8e8e8",
             zeroline=False, automargin=True, title=dict(standoff=8, font=dict(size=13)))
_BAR = dict(title=dict(side="right", font=dict(size=13)), thickness=13, outlinewidth=0)
TEMPLATE = go.layout.Template(layout=dict(
    font=dict(family="Helvetica, Arial, Liberation Sans, sans-serif", size=13, color=INK),
    title=dict(x=0.012, xanchor="left", yanchor="top", font=dict(size=17)),
    paper_bgcolor="white", plot_bgcolor="white", hovermode="closest", xaxis=_AXIS, yaxis=_AXIS,
    legend=dict(font=dict(size=12), bgcolor="rgba(255,255,255,0.7)"), margin=dict(l=70, r=25, t=74, b=60)),
    data=dict(heatmap=[dict(colorbar=_BAR)], scatter=[dict(marker=dict(colorbar=_BAR))]))


def bare(text: str, title: str, subtitle: str) -> go.Figure:
    """A figure without data, which says why in its middle."""
    figure = go.Figure().add_annotation(text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False,
                                        font_color=GREY)
    return dress(figure.update_xaxes(visible=False).update_yaxes(visible=False), title, subtitle)


def dress(figure: go.Figure, title: str, subtitle: str, *, width: int = 900, height: int = 450, **layout) -> go.Figure:
    """Give a figure the template, its size in pixels, and a title with a smaller line under it.

    Names mean nothing to plotly: an axis of text has categories, unless the figure says that it has dates (0050 is not
    a number), and texts have no tags and no TeX.
    """
    for trace in figure.data:
        for letter in [letter for letter in "xy" if _is_text(getattr(trace, letter, None))]:
            axis = figure.layout[f"{letter}axis{(trace[f'{letter}axis'] or letter)[1:]}"]
            axis.type = axis.type or "category"
            if axis.type == "category":
                trace[letter] = [verbatim(name) for name in trace[letter]]
        trace.update({part: verbatim(trace[part]) if isinstance(trace[part], str) else list(map(verbatim, trace[part]))
                      for part in ("name", "text", "customdata") if part in trace and _is_text(trace[part])})
    figure.update_annotations(font_size=13)  # the panels' titles, which plotly writes larger than the axes
    text = f"{verbatim(title)}<br><span style='font-size:13px;color:#666666'>{subtitle}</span>"
    figure.update_layout(template=TEMPLATE, width=width, height=height, title_text=text, title_y=1 - 26 / height, **layout)
    for trace in figure.data:
        _tell_units(figure, trace)
    return figure


def _tell_units(figure: go.Figure, trace: go.Trace) -> None:
    """What the mouse reads from a trace that has no text of its own for it: both values as their axes name and write them."""
    told = [["%{text}"]] if "text" in trace and _is_text(trace.text) and not isinstance(trace.text, str) else []
    for letter in [letter for letter in "xy" if trace.type in ("scatter", "bar", "box")]:
        axis = figure.layout[f"{letter}axis{(trace[f'{letter}axis'] or letter)[1:]}"]
        values = trace[letter]
        given = axis.tickvals is not None and axis.ticktext is None  # plotly writes such ticks by the hover's format
        if axis.type != "category" and not (axis.hoverformat or given) and values is not None and not _is_text(values):
            axis.hoverformat = ".2%" if "%" in (axis.tickformat or "") else ".4~g"
        told.append([axis.title.text] * bool(axis.title.text) + [f"%{{{letter}}}"])
    spread = any("array" in trace[error] and trace[error].array is not None for error in ("error_x", "error_y") if error in trace)
    if trace.type in ("scatter", "bar") and not (trace.hovertemplate or trace.hoverinfo or spread):
        trace.hovertemplate = "<br>".join(": ".join(parts) for parts in told) + f"<extra>{trace.name or ''}</extra>"


def described(figure: go.Figure | dict) -> str:
    """A figure in words, for readers who cannot see it: its title and subtitle, its axes, and the names that it shows.

    A figure that was stored may be given as its data and layout.

    >>> described(dress(go.Figure(go.Bar(name="lstm")).update_xaxes(title_text="share (%)"), "One bar", "three days"))
    'One bar; three days; axes: share (%); shown: lstm'
    """
    figure = figure if isinstance(figure, go.Figure) else go.Figure(figure)
    parts = [_words(part) for part in (figure.layout.title.text or "figure").split("<br>")]
    axes = dict.fromkeys(_words(axis.title.text) for select in (figure.select_xaxes, figure.select_yaxes)
                         for axis in select() if axis.title.text)
    names = list(dict.fromkeys(_words(trace.name) for trace in figure.data if trace.name))
    more = [f" and {len(names) - FEW} more"] if len(names) > FEW else []
    parts += [f"axes: {', '.join(axes)}"] * bool(axes) + [f"shown: {', '.join(names[:FEW])}{''.join(more)}"] * bool(names)
    return "; ".join(part for part in parts if part)  # in small letters, as the names in them are


def _words(text: str) -> str:
    """The visible text of a plotly text: without tags, and with letters in place of their codes."""
    return html.unescape(re.sub(r"<[^>]*>", "", text)).strip()


def label_ends(figure: go.Figure, *, height: int = 450) -> go.Figure:
    """Names at the right ends of lines in place of a legend, moved apart where lines end close to each other.

    The lines are the scatter traces that have a name, on one pair of axes whose y axis is linear or logarithmic; `height`
    is the figure's, in pixels. Call it before `dress`, and give the figure this height.
    """
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.name and trace.showlegend is not False]
    ends = [np.asarray(trace.y, dtype=float) for trace in lines]
    ends = [values[np.isfinite(values)] for values in ends]
    known = [(float(values[-1]), trace) for values, trace in zip(ends, lines) if len(values)]
    if not known:
        return figure
    log = figure.layout.yaxis.type == "log"
    every = np.concatenate(ends)
    low, high = figure.layout.yaxis.range or (np.log10([every.min(), every.max()]) if log else (every.min(), every.max()))
    room = 0 if figure.layout.yaxis.range else 0.05 * ((high - low) or 1)  # what plotly leaves free around lines
    low, high, inside = low - room, high + room, height - 140
    wanted = [((np.log10(value) if log else value) - low) / (high - low) * inside for value, _ in known]
    places, rank = _apart(wanted, 15), np.argsort(np.argsort(wanted, kind="stable"))
    places = np.maximum(np.minimum(places, inside - 15 * (len(rank) - 1 - rank)), 15 * rank)  # none beside the title
    for place, (value, trace), at in zip(places, known, wanted):
        figure.add_annotation(x=1, xref="paper", xanchor="left", y=np.log10(value) if log else value, yshift=place - at,
                              text=verbatim(trace.name), showarrow=False, xshift=5, font_color=trace.line.color or INK)
    longest = max(len(trace.name) for _, trace in known)
    return figure.update_layout(showlegend=False, margin_r=20 + 7 * longest, yaxis_range=[low, high])


def _apart(wanted: list[float], gap: float) -> np.ndarray:
    """Places nearest to those wanted, in the same order, at least `gap` from each other.

    >>> _apart([0.0, 1.0, 100.0], 10)
    array([ -4.5,   5.5, 100. ])
    """
    order = np.argsort(wanted, kind="stable")
    shifted = np.asarray(wanted, dtype=float)[order] - gap * np.arange(len(order))
    blocks: list[list[float]] = []  # each has its sum and its length: neighbors that would cross share their mean
    for value in shifted:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    places = np.empty(len(order))
    places[order] = np.repeat([total / count for total, count in blocks], [count for _, count in blocks]) + gap * np.arange(len(order))
    return places


def marked(figure: go.Figure, text: str) -> go.Figure:
    """A figure with a line in red above its title: what it shows is made with a mistake on purpose."""
    first = f"<span style='font-size:13px;color:{RED}'><b>{verbatim(text)}</b></span>"
    shown = go.Figure(figure).update_layout(title_text=f"{first}<br>{figure.layout.title.text or ''}",
                                            title_y=1 - 16 / (figure.layout.height or 450))
    for step in (step for slider in shown.layout.sliders for step in slider.steps):  # each brings a title of its own
        step.args = [step.args[0], {"title.text": f"{first}<br>{step.args[1]['title.text']}"}]
    return shown


def verbatim(text: str) -> str:
    """Text as plotly writes it letter by letter: it takes < and & for HTML, and $ for TeX.

    >>> verbatim("A&B <b>$x$</b>")
    'A&amp;B &lt;b&gt;&#36;x&#36;&lt;/b&gt;'
    """
    return html.escape(text, quote=False).replace("$", "&#36;")


def _is_text(values) -> bool:
    """Whether a part of a figure is or contains text."""
    return isinstance(values, str) or values is not None and len(values) > 0 and isinstance(values[0], str)


def strategy_color(name: str) -> str:
    """Hexadecimal color of a strategy, a model or a portfolio; the letters of an unknown name give its color.

    >>> strategy_color("benchmark"), strategy_color("lstm+mvf") == strategy_color("cnn1d+mvf")
    ('#000000', False)
    """
    if name in PORTFOLIOS:
        return PORTFOLIOS[name]
    if name in MODELS:
        return MODELS[name].color
    models, framework = parts(name)
    model = models[0] if models else ""
    letters = zlib.crc32(name.encode())  # hash() differs from process to process
    lightness = MODELS[model].lightness if model in MODELS else 0.35 + letters % 30 / 100 if model else 0.42
    if framework in FRAMEWORKS:
        known = FRAMEWORKS[framework]
        return _hex(known.hue, lightness * known.shade, known.saturation)
    return _hex(zlib.crc32(framework.encode()) % 360, lightness, 0.5)


def strategy_line(name: str, *, width: float) -> dict:
    """Line of a strategy: its color, its width in pixels, and a dash by its model; solid where it has none or several.

    >>> [strategy_line(name, width=2)["dash"] for name in ("cnn1d+rpp", "mean=cnn1d+rpp", "equal_weight")]
    ['5px,2px', 'solid', 'solid']
    """
    models = parts(name)[0]
    model = models[0] if len(models) == 1 else ""
    return dict(color=strategy_color(name), dash=MODELS[model].dash if model in MODELS else "solid", width=width)


def passed(figure: go.Figure, models: list[str]) -> go.Figure:
    """The figure with a mark after each line's name whose model, or one of whose models, is among those that passed.

    >>> figure = go.Figure([go.Bar(name="mean=lstm+mvf (-12%)"), go.Bar(name="mean+mvf"), go.Bar(name="lstm")])
    >>> [bar.name for bar in passed(figure, ["lstm"]).data]
    ['mean=lstm+mvf (-12%) ✓', 'mean+mvf', 'lstm ✓']
    """
    for trace in figure.data:
        name = (trace.name or "").split(" (")[0]
        if set(models) & {name, *parts(name)[0]}:
            figure.update_annotations(text=f"{trace.name} {PASSED}", selector={"text": trace.name})  # at a line's end
            trace.name = f"{trace.name} {PASSED}"
    return figure


def asset_colors(assets) -> dict[str, str]:
    """Hexadecimal color of each asset, by its place in the alphabet: ten colors, a little darker in each next round.

    Neighbors in the alphabet stay apart. No sixty colors do, so a figure of many assets names the lines that matter.
    """
    rounds = {name: divmod(i, len(PALETTE)) for i, name in enumerate(sorted(set(assets)))}
    return {name: _darker(PALETTE[place], 0.93 ** (turn % 6)) for name, (turn, place) in rounds.items()}


def label(metric: str) -> tuple[str, str]:
    """A metric's name with its unit, and the format of its numbers on an axis.

    >>> label("information_ratio")
    ('information ratio (monthly)', '.3~f')
    """
    if metric not in METRICS:
        return metric, ".3~g"
    known = METRICS[metric]
    return f"{known.title} ({known.unit})" if known.unit else known.title, known.number


def span(dates) -> str:
    """First and last day, of dates or of a frame or series that has them, as text for titles.

    >>> span(pd.to_datetime(["2022-01-03", "2023-12-29"]))
    '2022-01-03 to 2023-12-29'
    """
    index = pd.DatetimeIndex(dates.index if isinstance(dates, (pd.DataFrame, pd.Series)) else dates)
    return f"{index.min():%Y-%m-%d} to {index.max():%Y-%m-%d}"


def weekly(frame):
    """The last value of each week; weeks without a trading day repeat the week before."""
    return frame.resample("W-FRI").last().ffill()


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
    """A log axis from `low` to `high` (both positive) with round numbers written out, fewer the wider it is."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1,) if high / low > 3000 else (1, 2, 5) if high / low > 10 else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
    return dict(type="log", range=list(np.log10([low, high])), tickvals=ticks, ticktext=[f"{tick:,g}" for tick in ticks])


def label_points(figure: go.Figure, points: pd.DataFrame, *, x_range, y_range, plot_size, others=None) -> None:
    """Write `text` near each point (`x`, `y`) where it covers no point, no other text and few of the `others`."""
    scale = np.array(plot_size) / np.ptp([x_range, y_range], axis=1)
    pixels, minor = ((frame[["x", "y"]].to_numpy() - [x_range[0], y_range[0]]) * scale
                     for frame in (points, points[:0] if others is None else others))
    taken = np.vstack([np.hstack([pixels - 11, pixels + 11]), np.hstack([minor - 1, minor + 1])])
    weights = np.repeat([1, 0.02], [len(pixels), len(minor)])
    circles = np.outer((14, 26, 42, 62, 86, 115), np.exp(1j * np.linspace(0, 2 * np.pi, 24, False))).ravel()
    moves = np.column_stack([circles.real, circles.imag])
    to_left = moves[:, 0] < -1
    for place, text, x, y in zip(pixels, points["text"], points["x"], points["y"]):
        size = np.array([6.7 * len(text) + 6, 18])
        corners = place + moves - size * np.column_stack([to_left, np.full(len(moves), 0.5)])
        boxes = np.hstack([corners, corners + size])
        outside = ((boxes[:, :2] < 0) | (boxes[:, 2:] > plot_size)).any(axis=1)
        covered = ((boxes[:, None, :2] < taken[:, 2:]) & (boxes[:, None, 2:] > taken[:, :2])).all(axis=2)
        best = np.argmin(3 * outside + covered @ weights)  # the nearest of those with the fewest clashes
        taken, weights = np.vstack([taken, boxes[best]]), np.append(weights, 1)
        figure.add_annotation(x=x, y=y, text=text, ax=moves[best, 0], ay=-moves[best, 1], showarrow=True, arrowhead=0,
                              arrowwidth=0.8, arrowcolor=GREY, standoff=5, font_size=12,
                              xanchor="right" if to_left[best] else "left")


def fitting(count: int) -> int:
    """Size of tick labels so that so many fit beside each other."""
    return 13 if count <= FEW else 11 if count <= 30 else 10 if count <= 60 else 9


def dots(count: int, size: float) -> float:
    """Size of dots, of which 60 may have this size and more become smaller, so that they can be told apart.

    >>> dots(60, 8), dots(100, 8), dots(500, 8)
    (8, 6.0, 3)
    """
    return size if count <= MANY else max(3, min(size, 600 / count))


def names_axis(names: list[str]) -> dict:
    """An axis on which all names are written; of more than 60, each second or third and so on, and the last.

    >>> written = names_axis([f"S{i:03d}" for i in range(500)])["tickvals"]
    >>> len(written), written[:2], written[-1]
    (56, ['S000', 'S009'], 'S499')
    """
    count = len(names)
    every = -(-count // MANY)
    ticks = dict(dtick=1) if every <= 1 else dict(
        showgrid=False, tickvals=[*map(verbatim, names[:-every:every]), verbatim(names[-1])])
    return dict(tickangle=-90 if count > FEW else 0, tickfont_size=fitting(count), **ticks)


def largest(weights: pd.DataFrame, size: pd.Series, count: int) -> pd.DataFrame:
    """The rows of the `count` largest sizes, in their order, and the sum of all others as the last row.

    A single other row stays.

    >>> held = pd.DataFrame({"weight": [0.1, 0.5, 0.1, 0.3]}, index=["A", "B", "C", "D"])
    >>> largest(held, held["weight"], 2)["weight"].to_dict()
    {'B': 0.5, 'D': 0.3, 'other 2': 0.2}
    """
    if len(weights) <= count + 1:
        return weights
    shown = weights.index.isin(size.sort_values(ascending=False, kind="stable").index[:count])
    rest = weights[~shown].sum().rename(f"other {len(weights) - count}")
    return pd.concat([weights[shown], rest.to_frame().T])


def _darker(color: str, factor: float) -> str:
    """A hexadecimal color with each of its parts times a factor from 0 to 1.

    >>> _darker("#80ff00", 0.5)
    '#408000'
    """
    return "#" + "".join(f"{round(factor * int(color[i:i + 2], 16)):02x}" for i in (1, 3, 5))


def _hex(hue: float, lightness: float, saturation: float) -> str:
    """Hue in degrees, lightness and saturation in 0..1, as a hexadecimal color."""
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
