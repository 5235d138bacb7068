"""Pictures of the evidence (stage 07).

They show where the return came from, what other days of the month and other seeds would have earned, and how certain
each number is.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance.counterfactuals import steps
from forefolio.performance.metrics import SAME
from forefolio.report.style import GREY, INK, dress, label, strategy_color
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, PERCENT, counted, parts, percent, strategy_name

STEPS = {EQUAL_WEIGHT: strategy_color(EQUAL_WEIGHT), "optimizer": "#bdbdbd", "momentum": "#b9a58a"}
ALIKE = 0.005  # of a Sharpe ratio: strategies that differ by no more are drawn once


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
            figure.add_annotation(x=row.step, y=np.nanmax([row.before, row.total_return, 0.0]), yshift=11, showarrow=False,
                                  text=percent(row.total_return, 0), bgcolor="rgba(255,255,255,0.8)", borderpad=0, **place)
            if shuffled is not None and np.isfinite(shuffled["low"]).all():
                figure.add_scatter(x=[row.step] * 2, y=[shuffled["low"].item(), shuffled["high"].item()], mode="lines",
                                   line=dict(color=GREY, width=5), opacity=0.8, showlegend=False, **place)
    figure.add_hline(y=0, line=dict(color=INK, width=1))
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text=label("total_return")[0], col=1)
    return dress(figure, _added(attributed, frameworks, use_residual=use_residual),
                 f"{sample}; numbers: total after the step; gray: middle 95 % of shuffled forecasts",
                 height=height, margin_t=92)


def _added(attributed: pd.DataFrame, frameworks: list[str], *, use_residual: bool) -> str:
    """What the models' forecasts added to their frameworks' totals, at most and at least, as a title."""
    every = pd.concat([steps(attributed, name, use_residual=use_residual).assign(framework=name) for name in frameworks])
    last = every[~every["step"].isin(STEPS)].reset_index(drop=True)
    if last.empty:
        return "What each step added to the total return"
    added = last["total_return"] - last["before"]
    told = [f"{100 * added[row]:+.0f} points to {strategy_name([last.at[row, 'step']], last.at[row, 'framework'])}"
            for row in dict.fromkeys([added.idxmax(), added.idxmin()])]
    return f"The forecasts added {' and '.join(told)}"


def offsets(table: pd.DataFrame, per_seed: pd.DataFrame, *, sample: str) -> go.Figure:
    """Total return of every strategy for each day of the month that it might have been decided on, a dot each.

    `table` and `per_seed` are as `counterfactuals.offsets` and `by_seed` give them. A ring marks the run's own calendar, a
    cross a training with another seed.
    """
    both = pd.concat([table, per_seed]) if len(per_seed) else table
    names = list(both.groupby("strategy", sort=False)["total_return"].max().sort_values(ascending=False).index)
    figure = go.Figure()
    for name in names:
        rows = table[table["strategy"] == name]
        values, color = rows["total_return"].to_numpy("float32"), strategy_color(name)
        figure.add_scatter(x=values, y=[name] * len(rows), mode="markers", name=name, customdata=list(rows["offset"]),
                           marker=dict(size=9, color=color, opacity=0.55), showlegend=False,
                           hovertemplate="%{customdata} days later: %{x:.1%}")
        figure.add_scatter(x=values[:1], y=[name] * len(values[:1]), mode="markers", name=name, hoverinfo="skip",
                           showlegend=False, marker=dict(size=16, symbol="circle-open", color=INK, line_width=2))
    if len(per_seed):
        figure.add_scatter(x=per_seed["total_return"].to_numpy("float32"), y=list(per_seed["strategy"]), mode="markers",
                           name="seeds", customdata=list(per_seed["seed"]), hovertemplate="seed %{customdata}: %{x:.1%}",
                           marker=dict(size=9, symbol="x-thin", line=dict(color=INK, width=1.5)), showlegend=False)
    figure.add_vline(x=0, line=dict(color=GREY, width=1), layer="below")
    figure.update_xaxes(title_text=label("total_return")[0], tickformat=PERCENT)
    figure.update_yaxes(autorange="reversed", dtick=1, categoryorder="array", categoryarray=names)
    ends = table.groupby("strategy", sort=False)["total_return"].agg(["min", "max"])
    widest = (ends["max"] - ends["min"]).idxmax()
    low, high = (percent(value, 0) for value in ends.loc[widest])
    title = f"On other days of the month, {widest} earns between {low} and {high}"
    return dress(figure, title if table["offset"].max() else "There is no other day of the month to decide on",
                 f"{sample}; ring: the run's calendar; dot: rebalances up to {table['offset'].max()} trading days later"
                 + ("; cross: another seed" if len(per_seed) else ""), height=max(400, 190 + 30 * len(names)))


def sharpe_ratios(table: pd.DataFrame, differences: pd.DataFrame, *, sample: str) -> go.Figure:
    """Sharpe ratio of every strategy with its 95 percent interval, and beside it its lead over equal weight, likewise.

    The two are as `intervals.intervals` and `intervals.sharpe_differences` give them. What is missing has no dot.
    Strategies of one framework whose numbers agree are drawn once, under the names of all their models.
    """
    own = table[table["metric"] == "sharpe"]
    names = _alike(own)
    own = own[own["strategy"].isin(list(names))].replace({"strategy": names})
    differences = differences[differences["strategy"].isin(list(names))].replace({"strategy": names})
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
    sure = own[(own["strategy"] != BENCHMARK) & own["low"].notna()]
    unsure = int(((sure["low"] <= 0) & (sure["high"] >= 0)).sum())
    title = (f"The interval of the Sharpe ratio contains 0 for {unsure or 'none'} of {counted(len(sure), 'portfolio')}"
             if len(sure) else "There are too few days for intervals of the Sharpe ratio")
    return dress(figure, title, f"{sample}; bars: 95 % intervals by the bootstrap", margin_t=92,
                 height=max(400, 200 + 26 * len(own)))


def _alike(own: pd.DataFrame) -> dict[str, str]:
    """Of rows with a strategy, value, low and high: those to draw, each with the name of all that agree with it."""
    same: dict[str, list[str]] = {}
    numbers = own.set_index("strategy")[["value", "low", "high"]].astype(float)
    for name in numbers.index:
        like = [first for first in same if parts(first)[1] == parts(name)[1] and np.allclose(
            numbers.loc[first], numbers.loc[name], rtol=0, atol=ALIKE, equal_nan=True)]
        same.setdefault(like[0] if like else name, []).append(name)
    return {first: strategy_name([model for name in like for model in parts(name)[0]], parts(first)[1])
            for first, like in same.items()}
