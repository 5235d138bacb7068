"""Pictures of the evidence (stage 07): what is left without the best, and how sure each number is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance.metrics import SAME
from forefolio.report.style import GREY, INK, dress, label, strategy_color
from forefolio.study.vocabulary import EQUAL_WEIGHT, METRICS, PERCENT

LEFT_OUT = {"total_return": ("as it was", "circle"), "without_month": ("without its best month", "line-ns-open"),
            "without_asset": ("without its best asset", "diamond-open")}  # by the columns of `intervals.without_best`


def without_best(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Total return of every strategy, a row each: as it was, without its best month, and without its best asset.

    `table` is as `intervals.without_best` gives it.
    """
    rows = table.sort_values("total_return", ascending=False, kind="stable")
    names, figure = list(rows["strategy"]), go.Figure()
    for row in rows.itertuples():
        ends = [getattr(row, column) for column in LEFT_OUT]
        figure.add_scatter(x=[min(ends), max(ends)], y=[row.strategy] * 2, mode="lines", hoverinfo="skip",
                           line=dict(color="#d0d0d0", width=2), showlegend=False)
    for column, (title, symbol) in LEFT_OUT.items():
        figure.add_scatter(x=rows[column].to_numpy("float32"), y=names, mode="markers", name=title, cliponaxis=False,
                           marker=dict(size=12, symbol=symbol, color=[*map(strategy_color, names)],
                                       line_width=0 if symbol == "circle" else 2),
                           hovertemplate="%{y}: %{x:.1%}")
    figure.add_vline(x=0, line=dict(color=GREY, width=1), layer="below")
    figure.update_xaxes(title_text=label("total_return")[0], tickformat=PERCENT)
    figure.update_yaxes(autorange="reversed", dtick=1)
    return dress(figure, "What one month and one asset were worth", f"{sample}; left out: as if it had earned nothing",
                 height=max(400, 190 + 26 * len(names)), legend=dict(orientation="h", y=1.02, yanchor="bottom"),
                 margin_t=100)


def intervals(table: pd.DataFrame, metric: str, *, sample: str) -> go.Figure:
    """A metric of every strategy with its 95 percent interval, and beside it the lead over equal weight with its own.

    `table` is as `intervals.intervals` gives it. What is missing has no dot.
    """
    rows = table[table["metric"] == metric]
    title, number = label(metric)
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=[
        "its own", f"minus that of {EQUAL_WEIGHT}"])
    for column, kind in enumerate(("", "lead"), 1):
        value, low, high = (kind or "value", *(f"{kind}_{end}".strip("_") for end in ("low", "high")))
        for row in rows.to_dict("records"):
            if not np.isfinite(row[value]):
                continue
            color, middle = strategy_color(row["strategy"]), row[value]
            if np.isfinite(row[low]):
                figure.add_scatter(x=[row[low], row[high]], y=[row["strategy"]] * 2, mode="lines", showlegend=False,
                                   line=dict(color=color, width=3), hoverinfo="skip", row=1, col=column)
            figure.add_scatter(x=[middle], y=[row["strategy"]], mode="markers", marker=dict(size=10, color=color),
                               name=row["strategy"], showlegend=False, row=1, col=column)
        known = rows[[value, low, high]].to_numpy(float)
        known = np.append(known[np.isfinite(known)], 0.0)
        room = 0.04 * max(np.ptp(known), SAME)
        figure.update_xaxes(range=[known.min() - room, known.max() + room], row=1, col=column)
        figure.add_vline(x=0, line=dict(color=INK, width=1), layer="below", row=1, col=column)
    figure.update_xaxes(title_text=title, tickformat=number, nticks=6)
    figure.update_yaxes(categoryorder="array", categoryarray=list(rows["strategy"]), autorange="reversed", dtick=1)
    return dress(figure, f"How sure is the {METRICS[metric].title.partition(', ')[0]}?",
                 f"{sample}; bars: 95 % intervals of the stationary bootstrap", margin_t=92,
                 height=max(400, 200 + 26 * len(rows)))
