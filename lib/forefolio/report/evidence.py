"""Pictures of the evidence (stage 07).

What made the money, what other days of the month and other seeds would have made, what is left without the best, and how
sure each number is.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance import metrics
from forefolio.performance.counterfactuals import steps
from forefolio.performance.metrics import SAME
from forefolio.report.style import GREY, INK, dress, label, line, span, strategy_color, strategy_line
from forefolio.study.vocabulary import EQUAL_WEIGHT, PERCENT, percent, strategy_name

STEPS = {EQUAL_WEIGHT: strategy_color(EQUAL_WEIGHT), "optimizer": "#bdbdbd", "momentum": "#b9a58a"}
LEFT_OUT = {"total_return": ("as it was", "circle"), "without_month": ("without its best month", "line-ns-open"),
            "without_asset": ("without its best asset", "diamond-open")}  # by the columns of `intervals.without_best`


def attribution(attributed: pd.DataFrame, *, use_residual: bool, sample: str) -> go.Figure:
    """Total return from equal weight over optimizer and momentum to each model's forecasts, a panel per framework.

    `attributed` is as `counterfactuals.attribution` gives it. A bar goes from the total before a step to the total after;
    a grey line has the middle 95 % of what shuffles of the forecasts would have earned in place of it.
    """
    frameworks = list(attributed.loc[attributed["forecast"] != "", "framework"].unique())
    columns = min(3, len(frameworks))
    rows = -(-len(frameworks) // columns)
    height = 90 + 360 * rows
    figure = make_subplots(rows, columns, shared_yaxes="all", horizontal_spacing=0.025, vertical_spacing=130 / height,
                           subplot_titles=frameworks)
    own = attributed.set_index(["framework", "forecast", "residual"]).sort_index()
    for number, framework in enumerate(frameworks):
        place = dict(row=number // columns + 1, col=number % columns + 1)
        for row in steps(attributed, framework, use_residual=use_residual).itertuples():
            known = own.loc[framework].xs(row.step, level="forecast") if row.step in own.loc[framework].index else None
            shuffled = None if known is None else known.loc[known.index == (use_residual and len(known) > 1)]
            color = strategy_color(strategy_name([row.step], framework)) if known is not None else STEPS[row.step]
            figure.add_bar(x=[row.step], y=[row.total_return - row.before], base=[row.before], marker_color=color,
                           showlegend=False, hoverinfo="skip", **place)
            told = shuffled is not None and np.isfinite(shuffled["low"]).all()
            top = np.nanmax([row.before, row.total_return, 0.0, shuffled["high"].item() if told else np.nan])
            figure.add_scatter(x=[row.step], y=[top], text=[percent(row.total_return, 0)], textposition="top center",
                               mode="text", textfont=dict(size=11, color=INK), cliponaxis=False, showlegend=False,
                               hoverinfo="skip", **place)
            if told:
                figure.add_scatter(x=[row.step] * 2, y=[shuffled["low"].item(), shuffled["high"].item()], mode="lines",
                                   line=dict(color=GREY, width=5), opacity=0.8, showlegend=False, **place)
    figure.add_hline(y=0, line=dict(color=INK, width=1))
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text=label("total_return")[0], col=1)
    return dress(figure, "From equal weight to the forecasts, step by step",
                 f"{sample}; numbers: total after the step; grey: middle 95 % of shuffled forecasts",
                 height=height, margin_t=92)


def offsets(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Total return of every strategy for each day of the month that it might have been decided on, a dot each.

    `table` is as `counterfactuals.offsets` gives it; a ring marks the run's own calendar.
    """
    names = list(table.groupby("strategy", sort=False)["total_return"].max().sort_values(ascending=False).index)
    figure = go.Figure()
    for name in names:
        rows = table[table["strategy"] == name]
        values, color = rows["total_return"].to_numpy("float32"), strategy_color(name)
        figure.add_scatter(x=values, y=[name] * len(rows), mode="markers", name=name, customdata=list(rows["offset"]),
                           marker=dict(size=9, color=color, opacity=0.55), showlegend=False,
                           hovertemplate="%{customdata} days later: %{x:.1%}")
        figure.add_scatter(x=values[:1], y=[name], mode="markers", name=name, hoverinfo="skip", showlegend=False,
                           marker=dict(size=16, symbol="circle-open", color=INK, line_width=2))
    figure.add_vline(x=0, line=dict(color=GREY, width=1), layer="below")
    figure.update_xaxes(title_text=label("total_return")[0], tickformat=PERCENT)
    figure.update_yaxes(autorange="reversed", dtick=1)
    return dress(figure, "The same strategies on other days of the month",
                 f"{sample}; ring: the run's own calendar, dots: rebalances up to {table['offset'].max()} trading days later",
                 height=max(400, 190 + 30 * len(names)))


def seeds(net_returns: pd.DataFrame) -> go.Figure:
    """Growth of one for each seed of each strategy of a network, net of costs, a line each.

    `net_returns` is as `counterfactuals.by_seed` gives it; the best and the worst end of a strategy stand in the legend.
    """
    grown, figure = metrics.wealth(net_returns), go.Figure()
    for name in grown.columns.unique("strategy"):
        of_strategy = grown[name]
        ends = of_strategy.iloc[-1]
        for seed in of_strategy:
            first = bool(seed == of_strategy.columns[0])
            figure.add_trace(line(of_strategy[seed], name=f"{name} ({ends.min():.2f} to {ends.max():.2f})", legendgroup=name,
                                  showlegend=first, line=strategy_line(name, width=1.3)))
    figure.add_hline(y=1, line=dict(color=GREY, width=1))
    figure.update_xaxes(type="date", title_text="date")
    figure.update_yaxes(title_text="wealth, start = 1")
    count = grown.columns.unique("seed").size
    return dress(figure, "One network, several trainings",
                 f"{span(net_returns)}, a line per seed ({count}); in brackets: lowest and highest end",
                 height=max(450, 140 + 20 * grown.columns.unique("strategy").size))


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
