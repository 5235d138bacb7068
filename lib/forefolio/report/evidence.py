"""Pictures of the evidence (stage 07): what is left without the best, and how sure each number is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance.metrics import SAME
from forefolio.report.style import GREY, INK, dress, label, strategy_color
from forefolio.study.vocabulary import EQUAL_WEIGHT, PERCENT

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


def sharpe_ratios(table: pd.DataFrame, differences: pd.DataFrame, *, sample: str) -> go.Figure:
    """Sharpe ratio of every strategy with its 95 percent interval, and beside it its lead over equal weight, likewise.

    The two are as `intervals.intervals` and `intervals.sharpe_differences` give them. What is missing has no dot.
    """
    own = table[table["metric"] == "sharpe"]
    leads = differences[differences["rival"] == EQUAL_WEIGHT].rename(columns={"difference": "value"})
    title, number = label("sharpe")
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=[
        "its own", f"minus that of {EQUAL_WEIGHT}"])
    for column, rows in enumerate((own, leads), 1):
        there, rows = dict(row=1, col=column), rows[np.isfinite(rows["value"].astype(float))]
        for row in rows.itertuples():
            color = strategy_color(row.strategy)
            if np.isfinite(row.low):
                figure.add_scatter(x=[row.low, row.high], y=[row.strategy] * 2, mode="lines", showlegend=False,
                                   line=dict(color=color, width=3), hoverinfo="skip", **there)
            figure.add_scatter(x=[row.value], y=[row.strategy], mode="markers", marker=dict(size=10, color=color),
                               name=row.strategy, showlegend=False, **there)
        ends = np.append(rows[["value", "low", "high"]].to_numpy(float), 0.0)
        room = 0.04 * max(np.nanmax(ends) - np.nanmin(ends), SAME)
        figure.update_xaxes(range=[np.nanmin(ends) - room, np.nanmax(ends) + room], **there)
        figure.add_vline(x=0, line=dict(color=INK, width=1), layer="below", **there)
    figure.update_xaxes(title_text=title, tickformat=number, nticks=6)
    figure.update_yaxes(categoryorder="array", categoryarray=list(own["strategy"]), autorange="reversed", dtick=1)
    return dress(figure, "How sure is the Sharpe ratio?", f"{sample}; bars: 95 % intervals by the bootstrap",
                 margin_t=92, height=max(400, 200 + 26 * len(own)))
