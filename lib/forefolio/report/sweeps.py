"""How the parameters and metrics of a sweep are written: names with units, short labels of values, axes.

Values of parameters that are text, or true and false, stand in the order in which the sweep names them, numbers in their
own order; positive numbers that span more than thirty-fold have a log axis.

Pictures of a sweep: what each parameter does to a metric, which one matters, and what another seed changes.

Each function takes frames of `trials` and returns a plotly figure. How values and metrics are written is in `sweep_axes`.

Pictures of what luck gives: the chosen trial among all trials, and whether a choice outlives the days that made it.

Each function takes results of `luck` and returns a plotly figure.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forefolio.files import StageError
from forefolio.performance.luck import Overfitting
from forefolio.performance.trials import SAME, SEED, contenders, ranking
from forefolio.report.style import FEW, INK, PERCENT, dress, fitting, strategy_color, strategy_dash
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, lower_is_better, percent

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
    if not lower_is_better(metric) or not (low > 0 and high / low > WIDE):
        return dict(title_text=name, tickformat=written)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1,) if high / low > 3000 else (1, 2, 5)
    ticks = [step * 10.0**power for power in powers for step in steps if low / 1.5 < step * 10.0**power < high * 1.5]
    return dict(title_text=f"{name.removesuffix(')')}, log axis)" if name.endswith(")") else f"{name} (log axis)",
                type="log", tickvals=ticks, ticktext=[number(tick, metric) for tick in ticks])

MOST = 400  # lines of parallel coordinates that can be drawn
BINS = 20  # shades of the lines of parallel coordinates
RED = "#c8371e"


def by_parameters(results: pd.DataFrame, parameters: list[str], metric: str, strategy: str) -> go.Figure:
    """The figure that fits the number of varying parameters: lines for one, a heatmap for two, parallel axes for more.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`.
    parameters : list of str
        The varying parameters. The seed counts only where nothing else varies: its points are repetitions.
    metric, strategy : str
        What is drawn; lines show every strategy, and this one wider.

    Raises
    ------
    StageError
        No point has the strategy.
    """
    if strategy not in set(results["strategy"]):
        raise StageError(f"strategy {strategy!r} has no results in this sweep; choose of "
                         + ", ".join(results["strategy"].unique()))
    choices = [name for name in parameters if name != SEED] or parameters or ["point"]
    if len(choices) == 1:
        return by_parameter(results, choices[0], metric, strategy)
    if len(choices) == 2:
        return heatmap(results, metric, strategy, *choices)
    return parallel(results, choices, metric, strategy)


def by_parameter(results: pd.DataFrame, parameter: str, metric: str, strategy: str) -> go.Figure:
    """Metric by one parameter, a line a strategy, equal weight and the benchmark beside them.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`; a value's points are averaged.
    parameter, metric, strategy : str
        The x axis, the y axis, the strategy drawn wider.
    """
    touched = set(contenders(results, metric)["strategy"])
    means = _means(results, metric, [parameter]).reset_index()
    means = means[means["strategy"].isin(touched | {EQUAL_WEIGHT, BENCHMARK})]
    order = means.groupby("strategy")[metric].mean().sort_values(ascending=lower_is_better(metric)).index
    places, axis = parameter_axis(results[parameter])
    figure = go.Figure()
    for name in order:
        one = means[means["strategy"] == name].set_index(parameter)[metric]
        one = one.reindex([value for value in places if value in one.index])
        figure.add_scatter(x=[places[value] for value in one.index], y=one.to_numpy(), name=name, mode="lines+markers",
                           marker_size=9 if name == strategy else 5, line=dict(
                               color=strategy_color(name), dash=strategy_dash(name), width=3.5 if name == strategy else 1.7))
    figure.update_xaxes(**axis)
    figure.update_yaxes(**metric_axis(means[metric], metric))
    rest = results["strategy"].nunique() - len(order)
    return dress(figure, f"What {parameter} does", f"{_averaged(results, [parameter])}; wider: {strategy}"
                 + (f"; not drawn: {_counted(rest, 'strategy', 'strategies')} that no value touches" if rest else ""))


def heatmap(results: pd.DataFrame, metric: str, strategy: str, x: str, y: str) -> go.Figure:
    """Metric of one strategy by two parameters; the best cell has a frame, an empty cell no result.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`; points that agree in both parameters are averaged.
    metric, strategy, x, y : str
        The color, whose it is, the parameters of the axes.
    """
    means = _means(results[results["strategy"] == strategy], metric, [x, y]).reset_index()
    columns, rows = values(results[x]), values(results[y])
    wide = means.pivot(index=y, columns=x, values=metric).reindex(index=rows, columns=columns).to_numpy(dtype=float)
    (name, written), lower = label(metric), lower_is_better(metric)
    figure = go.Figure(go.Heatmap(
        z=wide, x=labels(columns), y=labels(rows), colorscale="Viridis", reversescale=lower, xgap=2, ygap=2,
        hoverongaps=False,
        texttemplate=f"%{{z:{written.replace('~', '')}}}" if max(wide.shape) <= FEW else None, textfont_size=12,
        hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>%{{z:{written}}}<extra></extra>",
        colorbar=dict(title_text=f"{name}; {'lower' if lower else 'higher'} is better", tickformat=written)))
    if np.isfinite(wide).any():
        row, column = np.unravel_index((np.nanargmin if lower else np.nanargmax)(wide), wide.shape)
        figure.add_shape(type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
                         line=dict(color=RED, width=3))
    figure.update_xaxes(title_text=x, type="category", showgrid=False, tickfont_size=fitting(len(columns)))
    figure.update_yaxes(title_text=y, type="category", showgrid=False, tickfont_size=fitting(len(rows)))
    gaps = int(np.isnan(wide).sum())
    return dress(figure, f"{strategy} by {x} and {y}", f"{_averaged(results, [x, y])}; frame: the best"
                 + (f"; empty: no result ({_counted(gaps, 'cell')})" if gaps else ""),
                 height=int(np.clip(210 + 48 * len(rows), 400, 800)))


def parallel(results: pd.DataFrame, parameters: list[str], metric: str, strategy: str) -> go.Figure:
    """Parallel coordinates: a line a point, an axis a parameter, the metric last; the best point is drawn in red.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`.
    parameters : list of str
        The axes, in this order.
    metric, strategy : str
        The last axis and the shade, and whose it is.

    Notes
    -----
    Lines through one value are spread over a small band, the best on top, as they would hide each other on one spot; so
    is the last axis, whether more is better or less. Nothing is averaged: points that differ by the seed alone are lines
    of their own. Of very many points every n-th of the ranking is drawn, the best among them.
    """
    ranked = ranking(results[results["strategy"] == strategy], metric)
    rows = ranked.iloc[::-(-len(ranked) // MOST)].reset_index(drop=True)
    places = {name: {value: i for i, value in enumerate(values(results[name]))} for name in parameters}
    heights = np.empty((len(rows), len(parameters) + 1))
    for i, name in enumerate(parameters):
        place = rows[name].map(places[name])
        from_top = (place.groupby(place).cumcount() + 0.5) / place.groupby(place).transform("size")
        heights[:, i] = (place + 0.5 + 0.6 * (0.5 - from_top)) / len(places[name])
    best, worst = rows[metric].iloc[0], rows[metric].iloc[-1]
    goodness = (rows[metric] - worst) / (best - worst) if abs(best - worst) > SAME else rows[metric] * 0 + 0.5
    heights[:, -1] = 0.05 + 0.9 * goodness
    figure, told = go.Figure(), [f"{point}: {number(value, metric)}" for point, value in zip(rows["point"], rows[metric])]
    for shade, some in rows.groupby((goodness * (BINS - 1)).round()):
        y = np.column_stack([heights[some.index], np.full(len(some), np.nan)]).ravel()  # a gap between two lines
        figure.add_scatter(x=np.tile([*range(len(parameters) + 1), None], len(some)), y=[*map(_gap, y)], mode="lines",
                           text=np.repeat([told[i] for i in some.index], len(parameters) + 2), hoverinfo="text",
                           line=dict(color=_shade(shade / (BINS - 1)), width=1.3), showlegend=False)
    figure.add_scatter(x=[*range(len(parameters) + 1)], y=[*map(_gap, heights[0])], mode="lines", text=told[0],
                       hoverinfo="text", line=dict(color=RED, width=4), showlegend=False)
    for i, name in enumerate([*parameters, metric]):
        figure.add_vline(x=i, line=dict(color="#777777", width=1), layer="below")
        figure.add_annotation(x=i, y=1.02, yshift=8 + 16 * (i % (2 if len(parameters) < 7 else 3)), text=f"<b>{name}</b>",
                              showarrow=False, yanchor="bottom", font_size=12)
    for i, name in enumerate(parameters):
        for j, text in enumerate(labels(list(places[name]))):
            figure.add_annotation(x=i, y=(j + 0.5) / len(places[name]), text=text, showarrow=False, font_size=12,
                                  bgcolor="rgba(255,255,255,0.85)", borderpad=1)
    for value, height in {best: heights[0, -1], worst: heights[-1, -1]}.items():
        figure.add_annotation(x=len(parameters), y=height, text=number(value, metric), showarrow=False, xanchor="left",
                              xshift=4)
    figure.update_xaxes(range=[-0.35, len(parameters) + 0.45], visible=False)
    figure.update_yaxes(range=[-0.02, 1.02], visible=False)
    dropped = f", {len(ranked)} in all" if len(rows) < len(ranked) else ""
    return dress(figure, f"Every point of {strategy}",
                 f"{_counted(len(rows), 'point')}{dropped}; last axis: {label(metric)[0]}; the best on top and dark, the "
                 "very best red", height=520, margin=dict(l=20, r=20, t=125, b=20))


def sensitivity_bars(sensitivity: pd.DataFrame, metric: str) -> go.Figure:
    """How far the metric moves with each parameter, a bar a strategy; beside it the best value and the share explained.

    Parameters
    ----------
    sensitivity : DataFrame
        As `sensitivity.by_parameter` gives it; where there are many strategies, those that move most are drawn.
    metric : str
        What it is of.
    """
    moves = sensitivity.groupby("strategy", sort=False)["spread"].max().sort_values(ascending=False, kind="stable")
    parameters = list(sensitivity["parameter"].unique())
    shown = list(moves.index[:max(1, 30 // max(1, len(parameters)))])
    (name, written), figure, longest = label(metric), go.Figure(), 0
    for strategy in shown:
        one = sensitivity[sensitivity["strategy"] == strategy].set_index("parameter").loc[parameters]
        told = [_beside(row) for _, row in one.iterrows()]
        longest = max(longest, *map(len, told))
        figure.add_bar(y=parameters, x=one["spread"].to_numpy(), name=strategy, orientation="h", text=told, cliponaxis=False,
                       textposition="outside", textfont_size=11, marker_color=strategy_color(strategy), showlegend=True)
    if not parameters:
        figure.add_annotation(text="no parameter varies between the points", x=0.5, y=0.5, xref="paper", yref="paper",
                              showarrow=False)
    widest = moves.max() if len(moves) and moves.max() > SAME else 1.0
    figure.update_xaxes(title_text=f"spread of the means of its values: {name}", tickformat=written,
                        range=[0, widest * (1.05 + 0.0125 * longest)])
    figure.update_yaxes(type="category", autorange="reversed")
    rest = len(moves) - len(shown)
    return dress(figure, "Which parameter matters",
                 "best: the value of the best mean; share: of the variation between points"
                 + (f"; {_counted(rest, 'strategy', 'strategies')} that move less not drawn" if rest else ""),
                 height=int(max(400, 190 + (18 * len(shown) + 14) * len(parameters))),
                 bargap=0.2 if len(shown) * len(parameters) > 5 else 0.6)


def seeds(results: pd.DataFrame, parameters: list[str], metric: str) -> list[go.Figure]:
    """Values of the seeds of one setting, a row a strategy and setting; no figure where no seed changes anything.

    Parameters
    ----------
    results : DataFrame
        As in `trials.Sweep`.
    parameters : list of str
        The varying parameters; without `seed` among them there is no figure.
    metric : str
        The x axis.
    """
    known, others = results[results[metric].notna()], [name for name in parameters if name != SEED]
    moved = [] if SEED not in parameters else [
        (key, one) for key, one in known[known["strategy"] != BENCHMARK].groupby(["strategy", *others], sort=False)
        if one[metric].max() - one[metric].min() > SAME]
    if not moved:
        return []
    lower = lower_is_better(metric)
    best = sorted(moved, key=lambda group: group[1][metric].mean(), reverse=not lower)[:25]
    name, written = label(metric)
    figure = go.Figure()
    for i, (key, one) in enumerate(best):
        values, color = one[metric].to_numpy(), strategy_color(key[0])
        figure.add_scatter(x=[values.min(), values.max()], y=[i, i], mode="lines", line=dict(color=color, width=1.5),
                           showlegend=False, hoverinfo="skip")
        figure.add_scatter(x=values, y=[i] * len(values), mode="markers", marker=dict(color=color, size=9), name=key[0],
                           showlegend=False, text=[f"seed {seed}" for seed in one[SEED]], hovertemplate="%{text}: %{x}")
        figure.add_scatter(x=[values.mean()], y=[i], mode="markers", showlegend=False, hoverinfo="skip",
                           marker=dict(symbol="line-ns-open", size=16, color=INK, line_width=2))
    settings = [[f"{other} {value_text(value)}" for other, value in zip(others, key[1:])] for key, _ in best]
    names = [", ".join([key[0], *setting]) for (key, _), setting in zip(best, settings)]
    figure.update_yaxes(tickvals=list(range(len(best))), ticktext=names, range=[len(best) - 0.4, -0.6],
                        tickfont_size=fitting(len(best)))
    figure.update_xaxes(title_text=name, tickformat=written)
    rest = len(moved) - len(best)
    return [dress(figure, "What another seed changes", "one dot a seed, tick: their mean; the best mean on top"
                  + (f"; {_counted(rest, 'setting')} below not drawn" if rest else ""),
                  height=max(400, 170 + 24 * len(best)))]


def _means(results: pd.DataFrame, metric: str, parameters: list[str]) -> pd.Series:
    return results[results[metric].notna()].groupby(["strategy", *parameters], sort=False)[metric].mean()


def _averaged(results: pd.DataFrame, parameters: list[str]) -> str:
    """How many points each drawn value is the mean of."""
    sizes = results.groupby("strategy")[parameters].value_counts() if len(results) else pd.Series([1])
    few, many = int(sizes.min()), int(sizes.max())
    return "one point each" if many == 1 else f"means of {many if few == many else f'{few} to {many}'} points"


def _shade(goodness: float) -> str:
    """Pale for the worst, dark blue for the best."""
    return f"rgb({round(214 - 190 * goodness)},{round(224 - 160 * goodness)},{round(236 - 110 * goodness)})"


def _gap(height: float) -> float | None:
    return None if np.isnan(height) else round(float(height), 4)


def _beside(row: pd.Series) -> str:
    """What stands beside a bar of the sensitivity."""
    if row["n_values"] == 1:
        return "one value only"
    return f"best: {value_text(row['best_value'])}" + ("" if pd.isna(row["share"]) else f", share {row['share']:.0%}")


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n} {singular if n == 1 else plural or singular + 's'}"

RED_LUCK_FIGURES, BLUE, PALE = "#c8371e", "#1f5fa8", "#9db4cc"
DISTINCT = 40  # as many values have a bar each


def best_and_luck(sharpe_ratios: pd.Series, deflated: pd.Series) -> go.Figure:
    """Daily Sharpe ratios of all trials, the chosen one, and the best that so many trials would have by luck.

    Parameters
    ----------
    sharpe_ratios : Series
        As `luck.sharpe_ratios` gives them, one a trial, a day.
    deflated : Series
        As `luck.deflated_sharpe` gives it.
    """
    by_luck, chosen = deflated["expected_best"], deflated["sharpe"]
    low, high = (end([sharpe_ratios.agg(name), by_luck, chosen, 0]) for end, name in ((min, "min"), (max, "max")))
    room = max(0.08 * (high - low), 1e-3)
    step = (high - low + 2 * room) / DISTINCT
    numbers, counts = np.unique(np.floor(sharpe_ratios / step), return_counts=True)
    figure = go.Figure(go.Bar(x=(numbers + 0.5) * step, y=counts, width=step, marker_color=PALE, name="trials",
                              marker_line=dict(color="white", width=1), showlegend=False, hovertemplate="%{x:.3f}: %{y}"))
    marks = sorted([(by_luck, "expected best by luck", INK, "dash"), (chosen, "the chosen trial", RED_LUCK_FIGURES, "solid")])
    places = _places(*((mark[0] - low) / (high - low) for mark in marks))
    for (value, text, color, dash), (level, anchor) in zip(marks, places):
        figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=level - 0.03, yref="paper",
                         line=dict(color=color, width=2, dash=dash))
        figure.add_annotation(x=value, y=level, yref="paper", text=f"{text}: {value:.3f}", font_color=color, showarrow=False,
                              xanchor=anchor, yanchor="middle")
    figure.update_xaxes(title_text="Sharpe ratio (a day, not annualized)", range=[low - room, high + room])
    figure.update_yaxes(title_text="trials", **_whole(counts))
    return dress(figure, "Is the chosen trial beyond what luck gives?",
                 f"{deflated['n_trials']} trials, {deflated['n_days']} days; chosen: {deflated['trial']}", margin_t=125)


def overfitting_logits(overfitting: Overfitting) -> go.Figure:
    """Logits of the rank out of sample of the trial that is best in sample; red is the worse half of the trials.

    Parameters
    ----------
    overfitting : Overfitting
        As `luck.overfitting` gives it.
    """
    middles, widths, counts = _histogram(overfitting.logits)
    colors = [RED_LUCK_FIGURES if middle <= 0 else BLUE for middle in middles]
    figure = go.Figure(go.Bar(x=middles, y=counts / counts.sum(), width=widths, marker_color=colors, showlegend=False,
                              hovertemplate="%{x:.2f}: %{y:.1%}"))
    figure.add_vline(x=0, line=dict(color=INK, width=2, dash="dash"))
    reach = [min(-1.0, middles.min() - widths[0]), max(1.0, middles.max() + widths[0])]
    figure.update_xaxes(title_text="logit of the rank out of sample (0: the median trial)", range=reach)
    figure.update_yaxes(title_text="combinations (%)", tickformat=".3~%")
    return dress(figure, "Does the choice outlive the days that made it?",
                 f"{len(overfitting.logits):,} combinations of {overfitting.n_blocks} blocks, {overfitting.n_trials} "
                 f"trials; red, in the worse half: {percent(overfitting.probability)}")


def _histogram(values: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle, width and count of bars; few distinct values have a bar each, and else no bar lies on both sides of 0."""
    distinct, counts = np.unique(values.round(9), return_counts=True)
    if len(distinct) <= DISTINCT:
        gap = np.diff(distinct).min() if len(distinct) > 1 else 1.0
        return distinct, np.full(len(distinct), 0.9 * gap), counts
    step = (distinct[-1] - distinct[0]) / DISTINCT
    numbers, counts = np.unique(np.ceil(values / step), return_counts=True)  # (k - 1) step < value <= k step
    return (numbers - 0.5) * step, np.full(len(numbers), step), counts


def _whole(counts: np.ndarray) -> dict:
    """Ticks of a count: whole numbers, however few there are."""
    return dict(dtick=1) if counts.max() <= 8 else dict(tickformat="d")


def _places(left: float, right: float) -> list[tuple[float, str]]:
    """Height and anchor of the names of two lines (0..1 from left to right), so that no name crosses the other line."""
    if right - left > 0.3:
        return [(1.06, "left"), (1.14, "right")]
    if left + right > 1:  # both names go to the left, the right line's above the left line
        return [(1.06, "right"), (1.14, "right")]
    return [(1.14, "left"), (1.06, "left")]
