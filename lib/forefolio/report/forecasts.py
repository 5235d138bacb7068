"""Pictures of networks and forecasts (stages 04 and 05): how they are built, trained and judged."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance import gate
from forefolio.portfolios.problems import named
from forefolio.report.style import BLUE, GREY, INK, RED, bare, dress, line, log_axis, span, strategy_color, verbatim
from forefolio.study.vocabulary import ABSENT, MODELS, NOT_SHOWN, PERCENT, SHOWN, ZERO, counted, percent

LATEST = 250  # days, about a year: more lines cannot be distinguished
DRAWN = 3000  # points of a panel: more hide each other, and a browser draws them slowly
VERDICTS = {SHOWN: BLUE, NOT_SHOWN: GREY, ABSENT: RED}  # the color of each answer
REFERENCE = dict(color=INK, width=1, dash="dash")  # the line of what a figure compares with


def network_diagram(networks: dict[str, list[tuple[str, str]]], *, title: str) -> go.Figure:
    """The layers of each network, name and detail each, from input to output, a column per network.

    A layer that bears the name or the title of a network has its color (Zouaoui & Naas 2025, Fig. 1).
    """
    if not networks:
        return bare("nothing was trained", "This study has no network", "its list of models has none")
    wide, high, step, per_row = 270, 42, 62, 3  # pixels, as the axes are
    figure, top, names = go.Figure(), 0, list(networks)
    for first in range(0, len(names), per_row):
        row = names[first:first + per_row]
        for column, name in enumerate(row):
            left = column * (wide + 16)
            figure.add_annotation(x=left + wide / 2, y=top + 10, showarrow=False, text=f"<b>{name}</b>")
            for i, (layer, detail) in enumerate(networks[name]):
                y = top + 26 + i * step
                figure.add_shape(type="rect", x0=left, x1=left + wide, y0=y, y1=y + high, layer="below", line_width=1.8,
                                 fillcolor="#f4f6f8", line_color=_colors_of_layers().get(layer.lower(), GREY))
                figure.add_annotation(x=left + wide / 2, y=y + high / 2, showarrow=False,
                                      text=f"<b>{layer}</b><br>{detail}")
                if i:
                    _arrow(figure, left + wide / 2, y - step + high, y)
        top += 40 + step * max(len(networks[name]) for name in row)
    across = min(len(names), per_row)
    middle, width = (across * (wide + 16) - 16) / 2, 860
    figure.update_xaxes(visible=False, range=[middle - width / 2, middle + width / 2])
    figure.update_yaxes(visible=False, range=[top - 20, -2])
    return dress(figure, title, "each network from its input to its forecast, as this study's parameters build it",
                 height=top + 84, margin=dict(l=20, r=20, t=72, b=8))


def _colors_of_layers() -> dict[str, str]:
    """The color of each network, by its name and by its title in small letters."""
    return {name.lower(): model.color for key, model in MODELS.items() if model.scopes for name in (key, model.title)}


def _arrow(figure: go.Figure, x: float, start: float, end: float) -> None:
    """An arrow downwards, from a box to the next."""
    figure.add_annotation(x=x, y=end, ax=x, ay=start, axref="x", ayref="y", text="", showarrow=True, arrowhead=2,
                          arrowwidth=1.5, arrowcolor=INK)


def construction_diagram(steps: list[tuple[str, str] | list[tuple[str, str]]]) -> go.Figure:
    """The way from prices to a portfolio that is held (Zouaoui & Naas 2025, Fig. 3): a box per step, with an arrow to the next.

    A step is its title and a detail. A list of two stands for steps side by side: neither is an input of the other.
    """
    high, step, figure, before = 34, 58, go.Figure(), [260.0]  # pixels, as the axes are; centers of the boxes above
    for i, one in enumerate(steps):
        beside, top = one if isinstance(one, list) else [one], i * step
        centers, half = ([50.0, 470.0], 200) if len(beside) > 1 else ([260.0], 260)
        for (name, detail), x in zip(beside, centers, strict=True):
            figure.add_shape(type="rect", x0=x - half, x1=x + half, y0=top, y1=top + high, layer="below", line_width=1.8,
                             fillcolor="#f4f6f8", line_color=_colors_of_layers().get(name.split(" ")[0].lower(), GREY))
            figure.add_annotation(x=x, y=top + high / 2, showarrow=False, text=f"<b>{name}</b>&nbsp; {detail}")
        for x in max(before, centers, key=len) if i else []:
            _arrow(figure, x, top - step + high, top)
        before = centers
    bottom = len(steps) * step - (step - high)
    figure.update_xaxes(visible=False, range=[-170, 690])
    figure.update_yaxes(visible=False, range=[bottom + 2, -2])
    return dress(figure, "From prices to a portfolio", "each step and what it uses, drawn from this study's parameters",
                 height=bottom + 4 + 98, margin=dict(l=20, r=20, t=80, b=18))


def training_curves(history: pd.DataFrame) -> go.Figure:
    """Loss by epoch as a multiple of the first epoch's, solid in validation and dotted in training (stage 04).

    A panel per model, or per window where networks are joint. Lines are means over assets, seeds and fits, each
    relative to its own first epoch. The band holds the 10th to the 90th percentile in validation. A network that has
    stopped keeps its last loss; infinite and missing losses are left out. The diamond is the median of the kept epochs.
    The axis is a log axis where the highest loss is more than ten times the lowest.
    """
    if history.empty:
        return bare("nothing was trained", "Training: no network in this study", "its list of models has none")
    kind = "window" if "window" in history else "model"
    each = [name for name in ("fitted_until", "seed", "asset", "window") if name in history]  # a network of a model
    history = history.replace([np.inf, -np.inf], np.nan).sort_values("epoch", kind="stable")
    first = history.groupby(["model", *each])[["loss", "validation_loss"]].transform("first")
    ratios = (history[["loss", "validation_loss"]] / first).replace([np.inf, -np.inf], np.nan)
    history = history.assign(**ratios, panel=history[kind])
    panels, ends, in_legend = list(history["panel"].unique()), [], set()
    panels = sorted(panels) if kind == "window" else panels
    figure = _beside([panel if kind == "model" else f"{panel} days" for panel in panels], shared_yaxes=True)
    for (panel, model), one in history.groupby(["panel", "model"], sort=False):
        color, place = strategy_color(model), dict(row=1, col=panels.index(panel) + 1)
        shown = dict(legendgroup=model, name=model, mode="lines", showlegend=False, **place)
        validated, trained = (one.pivot_table(index="epoch", columns=each, values=column).ffill()
                              for column in ("validation_loss", "loss"))
        if validated.shape[1] > 1:
            low, high = validated.quantile(0.1, axis=1), validated.quantile(0.9, axis=1)
            figure.add_scatter(x=[*low.index, *high.index[::-1]], y=np.r_[low, high[::-1]].astype("float32"),
                               fill="toself", fillcolor=color, opacity=0.18, line_width=0, hoverinfo="skip", **shown)
            ends += [low.min(), high.max()]
        curves = [(curve.mean(axis=1), dash) for curve, dash in ((validated, "solid"), (trained, "dot")) if curve.size]
        for curve, dash in curves:
            figure.add_scatter(x=list(curve.index), y=curve.to_numpy("float32"),
                               line=dict(color=color, dash=dash, width=2), **shown | dict(
                                   showlegend=kind == "window" and model not in in_legend))
            in_legend.add(model)
            ends += [curve.min(), curve.max()]
        kept = one.loc[one["kept"], "epoch"].median()
        if curves and np.isfinite(kept):
            figure.add_scatter(x=[kept], y=[np.interp(kept, curves[0][0].index, curves[0][0])], marker=dict(
                size=10, symbol="diamond", line_color="white", line_width=1, color=color), **shown | dict(
                mode="markers", name=f"{model} kept"))
    log = bool(0 < 10 * min(ends, default=0) < max(ends, default=0))
    figure.update_yaxes(**log_axis(min(ends) / 1.1, max(ends) * 1.1) if log else {})
    figure.update_yaxes(title_text="loss / loss of the first epoch" + " (log axis)" * log, col=1)
    figure.update_xaxes(title_text="epoch")
    moved = (history[history["kept"]].groupby("model")["validation_loss"].mean() - 1).dropna()
    told = _from_to(moved)
    of = f"windows: {', '.join(map(str, panels))} days" if kind == "window" else f"assets: {history['asset'].nunique()}"
    return dress(figure, f"From the first epoch to the kept one, the validation loss changes by {told}" if told else
                 "Training: no network has a kept epoch with a validation loss",
                 f"{of}, seeds: {history['seed'].nunique()}; solid: validation, dotted: training, diamond: median kept epoch"
                 + "; band: 10 to 90 % of the assets" * (kind == "model"), margin_t=92, legend_tracegroupgap=0)


def _from_to(values: pd.Series) -> str:
    """The lowest and the highest of several models' fractions in percent; nothing where there is none."""
    ends = values.sort_values().iloc[[0, -1]] if len(values) else values
    return " to ".join(dict.fromkeys(f"{percent(value)} ({model})" for model, value in ends.items()))


def sharpe_curves(history: pd.DataFrame) -> go.Figure:
    """Sharpe ratio of learned weights in training and validation by epoch: mean over seeds and fits (stage 05).

    A training that has stopped keeps its last ratio. The vertical line is the median of the kept epochs, and the title
    says what the kept states have on average.
    """
    figure, each = go.Figure(), ["fitted_until", "seed"]
    for column, name, style in [("sharpe", "training", dict(color=GREY, dash="dot")),
                                ("validation_sharpe", "validation", dict(color=strategy_color("dls")))]:
        curve = history.pivot_table(index="epoch", columns=each, values=column).ffill().mean(axis=1)
        figure.add_scatter(x=list(curve.index), y=curve.to_numpy("float32"), mode="lines+markers", name=name,
                           line=style | dict(width=2))
    kept = history[history["kept"]]
    if len(kept):
        figure.add_vline(x=kept["epoch"].median(), line=REFERENCE)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="Sharpe ratio (annual, net of costs)")
    return dress(figure, f"Learned weights: Sharpe ratio {kept['sharpe'].mean():.1f} in training, "
                         f"{kept['validation_sharpe'].mean():.1f} in validation" if len(kept) else
                 "Learned weights: no training converged",
                 f"fits: {history['fitted_until'].nunique()}, the first until {history['fitted_until'].min()}, seeds: "
                 f"{history['seed'].nunique()}; dashed: median of the kept epochs; what has stopped keeps its last ratio")


def _beside(titles: list[str], **shared) -> go.Figure:
    """Panels beside each other."""
    return make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.03, **shared)


def forecast_vs_actual(forecasts: pd.DataFrame, returns: pd.DataFrame, asset: str, spread: pd.DataFrame) -> go.Figure:
    """One asset's latest next-day forecasts, mean over seeds, on the scale of its returns; beside it what all vary by.

    The right panel has the standard deviation of each model's forecasts as a share of that of the returns. `spread` is
    as `accuracy.forecast_spread` gives it. `zero`, which never varies, is left out.
    """
    one = forecasts[(forecasts["asset"] == asset) & (forecasts["horizon"] == 1) & (forecasts["model"] != ZERO)]
    wide = one.pivot_table(index="target_date", columns="model", values="forecast", sort=False)
    wide = wide.sort_index().tail(LATEST)
    table = spread[(spread["model"] != ZERO) & (spread["actual_deviation"] > 0)].set_index("model")
    share = (table["deviation_next_day"] / table["actual_deviation"]).dropna()
    figure = make_subplots(1, 2, column_widths=[0.68, 0.32], horizontal_spacing=0.14, subplot_titles=[
        f"{verbatim(asset)}: returns (gray) and forecasts", "all assets: how much forecasts vary"])
    figure.add_trace(line(returns[asset].reindex(wide.index), name="actual return",
                          line=dict(color="#b5b5b5", width=0.8)), row=1, col=1)
    for model in wide:
        figure.add_trace(line(wide[model], name=model, line=dict(color=strategy_color(model), width=1.3)), row=1, col=1)
    figure.add_bar(x=share.to_numpy("float32"), y=list(share.index), orientation="h", row=1, col=2,
                   name="share of the returns' standard deviation", text=[percent(value) for value in share],
                   marker_color=[strategy_color(model) for model in share.index], textposition="outside",
                   cliponaxis=False)
    figure.update_xaxes(type="date", row=1, col=1)
    figure.update_xaxes(title_text="standard deviation <br>(% of that of the returns)", tickformat=PERCENT, row=1,
                        col=2, range=[0, 1.3 * max(share.max(), 1e-6) if len(share) else 1])
    figure.update_yaxes(title_text="return (% a day)", tickformat=PERCENT, row=1, col=1)
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False, row=1, col=2)
    found = _from_to(share)
    return dress(figure, f"The standard deviation of forecasts is {found} of that of returns" if found else
                 "Next-day forecasts and what happened",
                 f"daily; left: {span(wide)}; right: mean over assets, validation and test", height=400, margin_t=92,
                 showlegend=False, bargap=0.5)


def accuracy_by_asset(by_asset: pd.DataFrame, metric: str, *, sample: str) -> go.Figure:
    """Error of each model on each asset, mean over seeds, relative to the zero forecast's: below 0 is better.

    `by_asset` is as `accuracy.accuracy_by_asset` gives it; the metric is `mae`, `mse` or `rmse`. An asset that never
    moved has no ratio, because zero was right every day: it is left out and named. The axis is error / error of the
    zero forecast - 1, stretched around 0: on calm assets a network's error may be thousands of times that of zero.
    """
    error = by_asset.pivot_table(index="asset", columns="model", values=metric, sort=False)
    moved = error[ZERO] > 0
    still = [*map(verbatim, error.index[~moved])]
    left_out = f"; without {named(still)}, as zero was right every day" if still else ""
    excess = error[moved].drop(columns=ZERO).div(error.loc[moved, ZERO], axis=0) - 1
    places, axis = _stretched(excess)
    better, count, name = (excess < 0).sum(), len(excess), metric.upper()
    figure = go.Figure([go.Box(
        y=places[model].to_numpy("float32"), name=model, boxpoints="all", jitter=0.6, pointpos=0, hoveron="points",
        text=[f"{asset}: {percent(value, 2)}" for asset, value in excess[model].items()], hovertemplate="%{text}",
        marker=dict(size=5, opacity=0.6), showlegend=False, line=dict(color=strategy_color(model), width=1.5))
        for model in excess])
    figure.add_hline(y=0, line=REFERENCE | dict(width=1.2))
    figure.update_xaxes(title_text="model, and on how many assets it beats zero", tickvals=list(range(len(better))),
                        ticktext=[f"{model}<br>{number} of {count}" for model, number in better.items()])
    figure.update_yaxes(title_text=f"{name} above the zero forecast's <br>(%, axis stretched around 0)", **axis)
    most = int(better.max()) if len(better) else 0
    return dress(figure, f"{name}: no model beats the zero forecast on more than {most} of {counted(count, 'asset')}",
                 f"{sample}; a point per asset, box: quartiles; below the dashed line is better{left_out}")


def _stretched(excess: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """Places on an axis stretched around 0 (inverse hyperbolic sine of multiples of the median), and that axis."""
    scale = excess.abs().stack().median()
    scale = scale if scale > 0 else 1e-4
    places = np.arcsinh(excess / scale)
    low, high = min(0, places.min().min()), max(0, places.max().max())
    room = 0.06 * (high - low) or 0.1
    sizes = 10.0 ** np.floor(np.log10(scale)) * np.array([1, 3, 10, 30, 100, 300, 1e3, 1e4, 1e5, 1e6])
    sizes = sizes[np.arcsinh(sizes / scale) > room]  # so that numbers do not meet at 0
    ticks = np.array([*-sizes[::-1], 0, *sizes])
    return places, dict(range=[low - room, high + room], tickvals=np.arcsinh(ticks / scale),
                        ticktext=[f"{100 * tick:,.6g}%" for tick in ticks])


def window_accuracy(accuracy: pd.DataFrame, *, metric: str, sample: str) -> go.Figure:
    """Test error of each model by its window, relative to the zero forecast's (Zouaoui & Naas 2025, Table 4).

    Parameters
    ----------
    accuracy : DataFrame
        Columns model, window (days), {metric}_test, zero_{metric}_test and mean_{metric}_test: errors of the model, and
        of the zero and mean forecasts on the same days. Missing errors (a network that diverged) are left out; several
        rows of a model and window (seeds) are averaged.
    metric : str
        `mse` or `mae`.

    Notes
    -----
    The axis is error / error of the zero forecast - 1, because the errors themselves differ in their third digit: 0 is
    the zero forecast, above is worse. It is stretched around 0 (inverse hyperbolic sine of multiples of the median),
    because one network may be many times as far from 0 as the others. The zero forecast's own error stands below each
    window.
    """
    name, error, zero, mean = metric.upper(), f"{metric}_test", f"zero_{metric}_test", f"mean_{metric}_test"
    by_window = accuracy.groupby("window")[[zero, mean]].mean()
    models = accuracy.pivot_table(index="window", columns="model", values=error, sort=False).reindex(by_window.index)
    excess = models.assign(mean=by_window[mean]).div(by_window[zero].where(by_window[zero] > 0), axis=0) - 1
    excess.index = windows = list(excess.index.map(str))
    places, axis = _stretched(excess)
    figure = go.Figure()
    for model in excess:
        known, is_mean = excess[model].dropna(), model == "mean"
        figure.add_scatter(x=list(known.index), y=places.loc[known.index, model].to_numpy("float32"), marker_size=9,
                           mode="lines+markers", name="mean forecast" if is_mean else model,
                           line=dict(color=strategy_color(model), width=2, dash="dash" if is_mean else "solid"),
                           customdata=known.to_numpy("float32"), hovertemplate="%{x} days: %{customdata:.3%}")
    figure.add_hline(y=0, line=dict(color=INK, width=1.5), name="zero forecast", showlegend=True)
    figure.update_xaxes(title_text=f"window (days); below it: {name} of the zero forecast, which is 0 % here",
                        type="category", categoryorder="array", categoryarray=windows, tickvals=windows,
                        range=[-0.35, len(windows) - 0.65],
                        ticktext=[f"{window}<br><span style='font-size:11px;color:#666666'>{value:.3g}</span>"
                                  for window, value in zip(windows, by_window[zero])])
    figure.update_yaxes(title_text=f"test {name} above the zero forecast's <br>(%, axis stretched around 0)", **axis)
    better, count = int((excess[list(models)] < 0).sum().sum()), int(models.notna().sum().sum())
    return dress(figure, f"Test {name} by window and model: above 0 is worse than forecasting zero",
                 f"{sample}; {better} of {count} networks are better than the zero forecast")


def hit_ratios(accuracy: pd.DataFrame, base_rates: pd.Series, *, sample: str) -> go.Figure:
    """Share of right signs of each model, a row each, beside what always saying the same would hit: the dashed lines.

    Bars are the standard deviation over assets: they say how assets differ, and are no confidence interval
    (`accuracy.direction_tests` tests). The frames are as `accuracy.accuracy_table` and `accuracy.base_rates` give them;
    models without a hit ratio (`zero`) are left out.
    """
    accuracy = accuracy.dropna(subset="hr_mean")
    best = base_rates[["always_up_hr", "always_down_hr"]].max()
    kinds = {"hr": ("HR: the sign is right", best), "hr_plus": ("HR+: a rise, when forecast", base_rates["up_share"]),
             "hr_minus": ("HR-: a fall, when forecast", base_rates["down_share"])}
    figure = _beside([title for title, _ in kinds.values()], shared_yaxes=True)
    for column, (kind, (title, base)) in enumerate(kinds.items(), 1):
        figure.add_scatter(x=accuracy[f"{kind}_mean"].to_numpy(), y=list(accuracy["model"]), mode="markers", name=title,
                           error_x=dict(array=accuracy[f"{kind}_std"].to_numpy(), thickness=1.2, width=4, color=GREY),
                           marker=dict(size=10, color=[strategy_color(model) for model in accuracy["model"]]),
                           showlegend=False, row=1, col=column)
        figure.add_vline(x=base, line=REFERENCE | dict(width=1.5), row=1, col=column)
        figure.update_xaxes(title_text=f"% of days; dashed: {percent(base)}", tickformat=PERCENT, row=1, col=column)
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False)
    above = int((accuracy["hr_mean"] > best).sum())
    models = f"{above} of {counted(len(accuracy), 'model')} {'is' if above == 1 else 'are'}"
    return dress(figure, f"Direction: {models} right more often than always the same sign ({percent(best)})",
                 f"{sample}; mean over assets; bars: standard deviation over assets, no confidence interval",
                 height=max(400, 190 + 40 * len(accuracy)), margin_t=92)


def momentum(means: pd.DataFrame, *, sample: str) -> go.Figure:
    """What MVF takes for the expected return beside the mean return of the residual window, a panel per model.

    `means` is as `decisions.mvf_means` gives it. Points on the dashed line are momentum: there the forecast has left no
    trace in r̂ + ē. Of more than 3,000 points per model, so many are drawn at random.
    """
    models = list(means["model"].unique())
    figure = _beside(models, shared_xaxes="all", shared_yaxes="all")
    ends = [means[["window_mean", "mu"]].min().min(), means[["window_mean", "mu"]].max().max()]
    for i, model in enumerate(models, start=1):
        one, panel = means[means["model"] == model], dict(showlegend=False, row=1, col=i)
        one = one if len(one) <= DRAWN else one.sample(DRAWN, random_state=7)
        figure.add_scatter(x=one["window_mean"].to_numpy("float32"), y=one["mu"].to_numpy("float32"), mode="markers",
                           marker=dict(size=4, opacity=0.5, color=strategy_color(model)), **panel)
        figure.add_scatter(x=ends, y=ends, mode="lines", line=REFERENCE, hoverinfo="skip", **panel)
    figure.update_xaxes(title_text="mean return of the window (% a day)", tickformat=PERCENT)
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="forecast + mean residual (% a day)", col=1)
    near = means.groupby("model", sort=False)[["mu", "window_mean"]].corr().xs("window_mean", level=1)["mu"]
    told = ", ".join(f"{model} {near[model]:.2f}" for model in models)
    count = means["model"].value_counts().max()
    some = f"; {DRAWN:,} of {count:,} drawn" if count > DRAWN else ""
    return dress(figure, f"Correlation of MVF's expected return with momentum: {told}",
                 f"one point per asset and rebalance, {sample}; dashed: the two are equal{some}", margin_t=92)


def gains(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Share of squared error that each model saves against the best forecast that knows nothing, with its interval.

    `table` is as `gate.verdicts` gives it. Where the bar ends left of the dotted line, a gain worth the name is ruled out.
    """
    judged = table.dropna(subset="gain")
    figure = go.Figure()
    for verdict, rows in judged.groupby("verdict", sort=False):
        ends = [(rows["gain_high"] - rows["gain"]).fillna(0), (rows["gain"] - rows["gain_low"]).fillna(0)]
        figure.add_scatter(x=rows["gain"].to_numpy("float32"), y=[f"{row.model}, against {row.rival}" for row in rows.itertuples()],
                           mode="markers", name=verdict, marker=dict(size=11, color=VERDICTS[verdict]),
                           error_x=dict(array=ends[0].to_numpy(), arrayminus=ends[1].to_numpy(), thickness=1.5, width=5))
    figure.add_vline(x=0, line=REFERENCE)
    figure.add_vline(x=gate.SMALL, line=dict(color=GREY, width=1, dash="dot"), annotation_text=percent(gate.SMALL),
                     annotation_position="top")
    figure.update_xaxes(title_text="gain in squared error over the best forecast that knows nothing (%)", tickformat=PERCENT)
    figure.update_yaxes(categoryorder="array", dtick=1,
                        categoryarray=[f"{row.model}, against {row.rival}" for row in judged[::-1].itertuples()])
    found = int(judged["verdict"].eq(SHOWN).sum())
    return dress(figure, f"{found or 'None'} of {counted(len(judged), 'model')} {'are' if found > 1 else 'is'} shown to forecast",
                 f"{sample}; bars: 95 % intervals; right of the dashed line is better",
                 height=max(400, 200 + 45 * len(judged)), legend=dict(orientation="h", y=-0.25))
