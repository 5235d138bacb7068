"""Pictures of a sweep: what each parameter does, which one matters, what another seed changes, what luck gives.

Values of a parameter that are text, or true and false, stand in the order in which the sweep names them, numbers in
their own order. Positive numbers that span more than thirty-fold have a log axis.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forefolio.files import StageError
from forefolio.performance.luck import Overfitting, sharpe_ratios
from forefolio.performance.trials import SAME, SEED, contenders, ranking
from forefolio.report.style import BLUE, FEW, INK, RED, bare, dress, fitting, label, strategy_color, strategy_line
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, counted, listed, lower_is_better, percent

WIDE = 30  # positive values that span more stand on a log axis
LONGEST = 22  # letters of a value's label
BARS = 40  # of a histogram


def by_parameters(results: pd.DataFrame, parameters: list[str], metric: str, strategy: str) -> go.Figure:
    """The figure that fits the number of varying parameters: lines for one, a heatmap for two, parallel axes for more.

    The seed counts only if nothing else varies, because its points are repetitions. If no point has this strategy, a
    StageError names the others.
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
    """Metric by one parameter, a line per strategy (that of `strategy` is wider), the points of a value averaged."""
    touched = {*contenders(results, metric)["strategy"], EQUAL_WEIGHT, BENCHMARK}
    means = _means(results[results["strategy"].isin(touched)], metric, [parameter]).unstack("strategy")
    order = means.mean().sort_values(ascending=lower_is_better(metric)).index
    places, axis = _parameter_axis(results[parameter])
    figure = go.Figure()
    for name in order:
        one = means[name].reindex(list(places)).dropna()
        figure.add_scatter(x=one.index.map(places), y=one.to_numpy(), name=name, mode="lines+markers",
                           marker_size=9 if name == strategy else 5,
                           line=strategy_line(name, width=3.5 if name == strategy else 1.7))
    figure.update_xaxes(**axis)
    name, written = label(metric)
    figure.update_yaxes(title_text=name, tickformat=written)
    rest = results["strategy"].nunique() - len(order)
    title, own = f"{parameter} and the result", means[strategy].dropna() if strategy in means else means.iloc[:0, 0]
    if len(own):
        best = own.idxmin() if lower_is_better(metric) else own.idxmax()
        title = (f"{strategy}: {metric} from {_written(own.min(), metric)} to {_written(own.max(), metric)}, best at "
                 f"{parameter} {value_text(best)}")
    return dress(figure, title, f"{_averaged(results, [parameter])}; wider: {strategy}"
                 + (f"; not drawn: {counted(rest, 'strategy', 'strategies')} that no value changes" if rest else ""))


def heatmap(results: pd.DataFrame, metric: str, strategy: str, x: str, y: str) -> go.Figure:
    """Metric of one strategy by the parameters `x` and `y`; the best cell has a frame, an empty cell no result.

    Points that agree in both parameters are averaged.
    """
    columns, rows = _values(results[x]), _values(results[y])
    means = _means(results[results["strategy"] == strategy], metric, [x, y]).droplevel("strategy")
    wide = means.unstack(x).reindex(index=rows, columns=columns).to_numpy(float)
    (name, written), lower = label(metric), lower_is_better(metric)
    figure = go.Figure(go.Heatmap(
        z=wide, x=labels(columns), y=labels(rows), colorscale="Viridis", reversescale=lower, xgap=2, ygap=2,
        texttemplate=f"%{{z:{written.replace('~', '')}}}" if max(wide.shape) <= FEW else None, textfont_size=12,
        hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>%{{z:{written}}}<extra></extra>", hoverongaps=False,
        colorbar=dict(title_text=f"{name}; {'lower' if lower else 'higher'} is better", tickformat=written)))
    if np.isfinite(wide).any():
        row, column = np.unravel_index((np.nanargmin if lower else np.nanargmax)(wide), wide.shape)
        figure.add_shape(type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
                         line=dict(color=RED, width=3))
    figure.update_xaxes(title_text=x, type="category", showgrid=False, tickfont_size=fitting(len(columns)))
    figure.update_yaxes(title_text=y, type="category", showgrid=False, tickfont_size=fitting(len(rows)))
    gaps = int(np.isnan(wide).sum())
    title = f"{strategy} by {x} and {y}"
    if np.isfinite(wide).any():
        title += f": {_written(np.nanmin(wide), metric)} to {_written(np.nanmax(wide), metric)}"
    return dress(figure, title, f"{_averaged(results, [x, y])}; frame: the best"
                 + (f"; empty: no result ({counted(gaps, 'cell')})" if gaps else ""),
                 height=int(np.clip(210 + 48 * len(rows), 400, 800)))


def parallel(results: pd.DataFrame, parameters: list[str], metric: str, strategy: str) -> go.Figure:
    """Parallel coordinates: a line per point, an axis per parameter, the metric last with the better end on top.

    Lines through one value are spread over a small band, the best on top, as they would hide each other on one spot.
    Nothing is averaged. The better a point, the darker its line; the best one is red.
    """
    ranked = ranking(results[results["strategy"] == strategy], metric)
    axes, (name, written), reached = [], label(metric), ranked[metric]
    for parameter in parameters:
        found = _values(results[parameter])
        place = ranked[parameter].map({value: i for i, value in enumerate(found)})
        same = place.groupby(place)
        spread = 0.4 * ((same.cumcount(ascending=False) + 0.5) / same.transform("size") - 0.5)
        axes.append(dict(label=_broken(parameter), values=place + spread, range=[-0.5, len(found) - 0.5],
                         tickvals=list(range(len(found))), ticktext=labels(found)))
    differ = dict(range=[reached.iloc[-1], reached.iloc[0]]) if reached.max() - reached.min() > SAME else {}
    axes.append(dict(label=_broken(metric), values=reached, tickformat=written, **differ))
    figure = go.Figure(go.Parcoords(
        dimensions=axes, labelside="bottom", labelfont_size=13, tickfont_size=12, rangefont_size=12,
        line=dict(color=-reached if lower_is_better(metric) else reached,
                  colorscale=[(0, "#d6e0ec"), (0.999, "#18407e"), (1, RED)])))
    return dress(figure, f"{strategy}: {_written(reached.min(), metric)} to {_written(reached.max(), metric)} over its points",
                 f"{counted(len(ranked), 'point')}; last axis: {name}, the better end on top; dark: good, red: best",
                 height=520, margin=dict(l=180, r=70, t=100, b=110))


def sensitivity_bars(sensitivity: pd.DataFrame, metric: str) -> go.Figure:
    """How far the metric moves with each parameter, a bar per strategy; beside it the best value and its share.

    `sensitivity` is as `trials.by_parameter` gives it; of many strategies those that move most are drawn.
    """
    moves = sensitivity.groupby("strategy", sort=False)["spread"].max().sort_values(ascending=False, kind="stable")
    parameters = list(sensitivity["parameter"].unique())
    shown = moves.index[:max(1, 30 // max(1, len(parameters)))]
    (name, written), figure = label(metric), go.Figure()
    for strategy in shown:
        one = sensitivity[sensitivity["strategy"] == strategy].set_index("parameter").loc[parameters]
        figure.add_bar(y=parameters, x=one["spread"].to_numpy(), name=strategy, orientation="h", showlegend=True,
                       text=[_beside(row) for _, row in one.iterrows()], textposition="outside", textfont_size=11,
                       cliponaxis=False, marker_color=strategy_color(strategy))
    widest = moves.max() if len(moves) and moves.max() > SAME else 1.0
    figure.update_xaxes(title_text=f"spread of the means of its values: {name}", tickformat=written,
                        range=[0, 1.8 * widest])
    figure.update_yaxes(type="category", autorange="reversed")
    rest = len(moves) - len(shown)
    beyond = sensitivity[sensitivity["share"] > sensitivity["chance"] + SAME]
    names = list(beyond["parameter"].unique())
    title = (f"{listed(names)} {'moves' if len(names) == 1 else 'move'} the result more than chance" if names else
             "No parameter is shown to move the result more than chance")
    return dress(figure, title,
                 ("best: the value of the best mean; share: of the variation between points; chance: share that noise "
                  "reaches once in twenty" if parameters else "no parameter varies between the points")
                 + (f"; {counted(rest, 'strategy', 'strategies')} that move less not drawn" if rest else ""),
                 height=int(max(400, 190 + (18 * len(shown) + 14) * len(parameters))), bargap=0.3)


def seeds(results: pd.DataFrame, parameters: list[str], metric: str) -> list[go.Figure]:
    """Values of the seeds of one setting, a row per strategy and setting; no figure where no seed changes anything."""
    if SEED not in parameters:
        return []
    others = [name for name in parameters if name != SEED]
    known = results[results[metric].notna() & (results["strategy"] != BENCHMARK)]
    moved = [group for group in known.groupby(["strategy", *others], sort=False) if np.ptp(group[1][metric]) > SAME]
    if not moved:
        return []
    best = sorted(moved, key=lambda group: group[1][metric].mean(), reverse=not lower_is_better(metric))[:25]
    figure, names = go.Figure(), []
    for i, ((strategy, *setting), one) in enumerate(best):
        found = one[metric].to_numpy()
        names.append(", ".join([strategy, *(f"{other} {value_text(value)}" for other, value in zip(others, setting))]))
        figure.add_scatter(x=found, y=[i] * len(found), mode="markers", name=strategy,
                           marker=dict(color=strategy_color(strategy), size=9), hovertemplate="%{text}: %{x}",
                           text=[f"seed {seed}" for seed in one[SEED]])
        figure.add_scatter(x=[found.mean()], y=[i], mode="markers", hoverinfo="skip",
                           marker=dict(symbol="line-ns-open", size=16, color=INK, line_width=2))
    figure.update_yaxes(tickvals=list(range(len(best))), ticktext=names, range=[len(best) - 0.4, -0.6],
                        tickfont_size=fitting(len(best)))
    name, written = label(metric)
    figure.update_xaxes(title_text=name, tickformat=written)
    rest = len(moved) - len(best)
    apart = max(np.ptp(one[metric]) for _, one in best)
    return [dress(figure, f"Another seed moves the result by up to {_written(apart, metric)}", "one dot a seed, tick: their mean; the best mean on top"
                  + (f"; {counted(rest, 'setting')} below not drawn" if rest else ""),
                  height=max(400, 170 + 24 * len(best)), showlegend=False)]


def best_and_luck(tried: pd.DataFrame, rivals: dict[str, pd.Series], judged: pd.DataFrame) -> go.Figure:
    """Daily Sharpe ratios of all trials' active returns, the chosen one, and the best that luck would give so many.

    The arguments are those of `luck.judge`, and what it gives; drawn is the first rival that some trial is tested
    against.
    """
    tested = judged.dropna(subset="deflated")
    if tested.empty:
        return bare("nothing to test", "No trial can be tested against a rival", "none has a lead that varies")
    judged = tested.iloc[0]
    middles, width, counts = _bars(sharpe_ratios(tried.sub(rivals[judged["rival"]], axis=0).dropna()).dropna())
    chosen = judged["trial"]
    figure = go.Figure(go.Bar(x=middles, y=counts, width=width, name="all", hovertemplate="%{x:.3f}: %{y}",
                              marker=dict(color="#9db4cc", line=dict(color="white", width=1))))
    for value, name, color, dash in [(judged["expected_best"], "best by luck", INK, "dash"),
                                     (judged["sharpe"], chosen, RED, "solid")]:
        figure.add_scatter(x=[value, value], y=[0, 1.05 * counts.max()], mode="lines+markers", marker_size=4,
                           name=f"{name}: {value:.3f}", line=dict(color=color, width=2, dash=dash))
    figure.update_xaxes(title_text=f"Sharpe ratio of the active return over {judged['rival']} (a day, not annualized)")
    figure.update_yaxes(title_text="how many have this ratio", rangemode="tozero", **(dict(dtick=1) if counts.max() <= 8 else {}))
    return dress(figure, f"{chosen} has a deflated Sharpe ratio of {percent(judged['deflated'], 0)}; shown needs 95 %",
                 f"{judged['n_days']} days; {judged['n_trials']} portfolios, which count as {judged['n_effective']:.1f} "
                 "independent ones",
                 legend=dict(orientation="h", x=1, xanchor="right", y=1, yanchor="bottom"), margin_t=92)


def overfitting_logits(overfitting: Overfitting) -> go.Figure:
    """Logits of the rank out of sample of the trial that is best in sample; red is the worse half of the trials."""
    middles, width, counts = _bars(overfitting.logits)
    figure = go.Figure(go.Bar(x=middles, y=counts / counts.sum(), width=width, showlegend=False,
                              marker_color=[RED if middle <= 0 else BLUE for middle in middles],
                              hovertemplate="%{x:.2f}: %{y:.1%}"))
    figure.add_vline(x=0, line=dict(color=INK, width=2, dash="dash"))
    reach = [min(-1.0, middles.min() - width), max(1.0, middles.max() + width)]
    figure.update_xaxes(title_text="logit of the rank out of sample (0: the median trial)", range=reach)
    figure.update_yaxes(title_text="combinations (%)", tickformat=".3~%")
    return dress(figure, f"In {percent(overfitting.probability)} of the splits the best of one half is in the worse half later",
                 f"{len(overfitting.logits):,} combinations of {overfitting.n_blocks} blocks, {overfitting.n_trials} "
                 "trials; red: in the worse half")


def _bars(found: pd.Series) -> tuple[np.ndarray, float, np.ndarray]:
    """Middles, width and counts of the bars of a histogram; none lies on both sides of 0."""
    width = (found.max() - found.min()) / BARS or 1e-3
    numbers, counts = np.unique(np.ceil(found / width), return_counts=True)  # (k - 1) width < value <= k width
    return (numbers - 0.5) * width, width, counts


def _values(column: pd.Series) -> list:
    """Values of a parameter: numbers sorted, text in the order in which it comes."""
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


def _parameter_axis(column: pd.Series) -> tuple[dict, dict]:
    """Position of each value of a parameter, in the order of its axis, and the axis: categories, log or plain."""
    found, name = _values(column), column.name
    short, places = labels(found), {value: value for value in found}
    if _is_text(column):
        return dict(zip(found, short)), dict(type="category", categoryorder="array", categoryarray=short,
                                             tickfont_size=fitting(len(short)), title_text=name)
    log = found[0] > 0 and found[-1] / found[0] > WIDE
    ticks = dict(tickvals=found, ticktext=short, tickfont_size=fitting(len(found))) if log or len(found) <= 6 else {}
    return places, dict(type="log" if log else "linear", title_text=f"{name} (log axis)" if log else name, **ticks)


def _written(value: float, metric: str) -> str:
    """A value of a metric in a title."""
    return percent(value) if "%" in label(metric)[1] else f"{value:.3g}"


def _broken(name: str) -> str:
    """A name below an axis' lowest number, a long one in several lines."""
    return "<br>" + (name.replace("_", "_<br>") if len(name) > 14 else name)


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def _means(results: pd.DataFrame, metric: str, parameters: list[str]) -> pd.Series:
    return results[results[metric].notna()].groupby(["strategy", *parameters], sort=False)[metric].mean()


def _averaged(results: pd.DataFrame, parameters: list[str]) -> str:
    """How many points each drawn value is the mean of."""
    sizes = results.groupby("strategy")[parameters].value_counts()
    few, many = int(sizes.min()), int(sizes.max())
    return "one point each" if many == 1 else f"means of {many if few == many else f'{few} to {many}'} points"


def _beside(row: pd.Series) -> str:
    """The text next to a bar of the sensitivity."""
    if row["n_values"] == 1:
        return "one value only"
    return f"best: {value_text(row['best_value'])}" + ("" if pd.isna(row["share"]) else
                                                        f", share {row['share']:.0%} (chance {row['chance']:.0%})")
