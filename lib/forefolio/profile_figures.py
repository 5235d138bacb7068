"""Pictures of risk profiles (stages 05 and 06): what each was promised, and what it got.

A strategy has the same color as everywhere (`drawing.strategy_color`); strategies for one kind of investor stand together.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.conclusions import EQUAL_WEIGHT, percent
from forefolio.drawing import GREY, INK, PERCENT, dress, strategy_color
from forefolio.profiles import LONG_SHORT, PROFILES, REFERENCE

_PANELS = {  # measure: (title, whose arrow points to the better side; axis)
    "annual_return": ("annual return \N{RIGHTWARDS ARROW}", "return (% a year)"),
    "annual_volatility": ("\N{LEFTWARDS ARROW} annual volatility", "volatility (% a year)"),
    "max_drawdown": ("maximum drawdown \N{RIGHTWARDS ARROW}", "compounded drawdown (%)"),
    "turnover": ("\N{LEFTWARDS ARROW} turnover", "one-way (% a rebalance)"),
}
_TEXT = 0.27  # of a panel's width: room for the value beside an outermost dot


def risk_profiles(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Return, volatility, drawdown and turnover of every strategy, grouped by the investor it is meant for.

    Parameters
    ----------
    table : DataFrame
        Columns strategy, profile, and of annual_return, annual_volatility, max_drawdown (0 or below), turnover (one-way)
        those that are to have a panel; fractions. As `profiles.outcome` gives it, or `profiles.with_profile` of
        `holdings.promised`, which has no turnover.
    sample : str
        The days, and whether they are those that chose the weights, for the title.

    Notes
    -----
    A line marks equal weight in each panel, and a stem leads from it to each strategy. What is missing (an index trades
    nothing) has no dot and says so. Returns are drawn from 0 % on, and every tick has its number.
    """
    places, names = _places(table)
    panels = {measure: words for measure, words in _PANELS.items() if measure in table}
    figure = make_subplots(1, len(panels), shared_yaxes=True, horizontal_spacing=0.025,
                           subplot_titles=[title for title, _ in panels.values()])
    for column, (measure, (_, axis)) in enumerate(panels.items(), 1):
        _panel(figure, table.set_index("strategy")[measure], places, column)
        figure.update_xaxes(title_text=axis, row=1, col=column)
    figure.update_xaxes(tickformat=PERCENT, tickangle=0)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], tickvals=list(range(len(names))), showgrid=False, ticks="")
    figure.update_yaxes(ticktext=names, col=1)
    drawn = sample + "; arrows point to the better side" + ("; vertical line: equal weight" if EQUAL_WEIGHT in places else "")
    shown = "return, risk and trading" if "turnover" in panels else "return and risk"
    return dress(figure, f"Risk profiles: {shown} of each strategy", drawn, width=1000,
                 height=190 + 23 * max(len(names), 6), showlegend=False, margin_t=92)


def _places(table: pd.DataFrame) -> tuple[dict[str, int], list[str]]:
    """Row of each strategy, and what is written at each row: a line with the profile's name over its strategies."""
    places, names = {}, []
    for profile in dict.fromkeys([*PROFILES.values(), LONG_SHORT, REFERENCE, *table["profile"]]):
        members = table.loc[table["profile"] == profile, "strategy"]
        names += [f"<b>{profile}</b>"] if len(members) else []
        places |= {name: len(names) + i for i, name in enumerate(members)}
        names += list(members)
    return places, names


def _panel(figure: go.Figure, values: pd.Series, places: dict[str, int], column: int) -> None:
    """One measure: equal weight's line, a stem and a dot a strategy, its value on the side away from the line."""
    there = {"row": 1, "col": column}
    known = values.dropna()
    low, high, reference = known.min(), known.max(), known.get(EQUAL_WEIGHT, np.nan)
    for name, place in places.items():
        color = strategy_color(name)
        if name not in known:
            figure.add_scatter(x=[0 if known.empty else high], y=[place], mode="text", name=name, text="\N{EN SPACE}none",
                               textposition="middle center" if known.empty else "middle right", hoverinfo="skip",
                               textfont=dict(size=11, color=GREY), **there)
            continue
        if not np.isnan(reference):
            figure.add_scatter(x=[reference, known[name]], y=[place, place], mode="lines", hoverinfo="skip",
                               line=dict(color=color, width=2), name=name, **there)
        figure.add_scatter(x=[known[name]], y=[place], mode="markers+text", text=percent(known[name]), name=name,
                           textposition="middle left" if known[name] < reference else "middle right", cliponaxis=False,
                           textfont=dict(size=11, color=INK), hovertemplate="%{x:.2%}", marker=dict(size=10, color=color),
                           **there)
    if not np.isnan(reference):
        figure.add_vline(x=reference, line=dict(color=strategy_color(EQUAL_WEIGHT), width=1.5), layer="below", **there)
    if known.empty:
        figure.update_xaxes(range=[-1, 1], tickvals=[0], ticktext=[" "], ticks="", showgrid=False, **there)
        return
    before, after = (_TEXT if low < reference else 0.08), _TEXT
    width = max(high - low, 0.04) / (1 - before - after)
    ends = low - before * width, high + after * width
    if values.name == "annual_return":  # zero stands on the axis, with room for its number
        ends = min(ends[0], -0.08 * ends[1]), max(ends[1], -0.08 * ends[0])
    figure.update_xaxes(range=list(ends), tickvals=_ticks(*ends), **there)


def _ticks(low: float, high: float) -> list[float]:
    """At most four round values, zero among them where it is inside, none so near an end that its number is cut."""
    room = 0.05 * (high - low)
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    for step in power * np.array([1, 2, 2.5, 5, 10, 20]):
        ticks = step * np.arange(np.ceil((low + room) / step), np.floor((high - room) / step) + 1)
        if len(ticks) <= 4:
            break
    return [round(float(tick), 12) for tick in ticks]
