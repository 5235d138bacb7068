"""Pictures of networks and forecasts (stage 04): what is built, how it was trained, how well each model forecasts.

Each function takes frames of the library and returns a plotly figure with its size set; the caller shows and saves it.
A model has the same color in all of them. Diagrams are drawn from the parameters that they describe, so that another
params file draws another diagram. `sample` is the text that says which target days a figure describes.
"""

from textwrap import wrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.report.style import GREY, INK, dress, line, log_axis, span, strategy_color
from forefolio.study.vocabulary import MODELS, PERCENT

LATEST = 500  # days, two years: more cannot be told apart on paper
BESIDE = 6  # so many boxes of a diagram fit beside each other
WIDE, EDGE, TOP = 860, 18, 80  # pixels of a diagram, and left and above of it
PADDING, LINE, BETWEEN = 14, 18, 56  # pixels inside a box at its sides, from line to line, between rows of boxes
REFERENCE = dict(color=INK, width=1, dash="dash")  # the line of what a figure compares with


# ------------------------------------------------------------------------------------------------------------ diagrams
def network_diagram(layers: list[tuple[str, str]], *, title: str) -> go.Figure:
    """A network's layers from input to output, drawn from its parameters (Zouaoui & Naas 2025, Fig. 1).

    Parameters
    ----------
    layers : list of (str, str)
        Name and detail of each layer, at least one: `[("input", "30 days x 21 assets"), ("LSTM", "64 units"), ...]`.
        More than six stand in several rows. A layer that bears the name of a model has its color.
    title : str
        What is drawn, such as the network's name.
    """
    return _boxes(layers, title, "from the input to the forecast, drawn from this study's parameters")


def construction_diagram(steps: list[tuple[str, str]]) -> go.Figure:
    """The way from prices to a portfolio that is held, step by step (Zouaoui & Naas 2025, Fig. 3).

    Parameters
    ----------
    steps : list of (str, str)
        Title and detail of each step, at least one: `[("prices", "21 assets, 1098 days"), ...]`.
    """
    return _boxes(steps, "From prices to a portfolio", "each step and what it uses, drawn from this study's parameters")


def _boxes(parts: list[tuple[str, str]], title: str, subtitle: str) -> go.Figure:
    """Boxes with a name and a detail, from left to right and row below row, each with an arrow to the next."""
    rows = -(-len(parts) // BESIDE)
    columns = -(-len(parts) // rows)
    gap = 30 if columns > 4 else 50
    wide = min(200, (WIDE - gap * (columns - 1)) / columns)
    names, name_size = _fitted([name for name, _ in parts], wide, 14)
    details, detail_size = _fitted([detail for _, detail in parts], wide, 12)
    high = LINE * max(name.count("<br>") + detail.count("<br>") + 2 for name, detail in zip(names, details)) + 24
    bottom = rows * high + (rows - 1) * BETWEEN
    figure = go.Figure()
    figure.update_xaxes(visible=False, range=[-2, WIDE + 2])
    figure.update_yaxes(visible=False, range=[bottom + 2, -2])
    dress(figure, title, subtitle, width=WIDE + 4 + 2 * EDGE, height=bottom + 4 + TOP + EDGE,
          margin=dict(l=EDGE, r=EDGE, t=TOP, b=EDGE))
    networks = {name.lower(): model.color for key, model in MODELS.items() if model.scopes
                for name in (key, model.title)}
    for i, (name, detail) in enumerate(zip(names, details)):
        left, top = i % columns * (wide + gap), i // columns * (high + BETWEEN)
        middle, center = left + wide / 2, top + high / 2
        figure.add_shape(type="rect", x0=left, x1=left + wide, y0=top, y1=top + high, layer="below", name=parts[i][0],
                         fillcolor="#f4f6f8", line_width=1.8, line_color=networks.get(parts[i][0].lower(), GREY))
        text = (f"<b style='font-size:{name_size}px'>{name}</b><br>"
                f"<span style='font-size:{detail_size}px'>{detail}</span>")
        figure.add_annotation(x=middle, y=center, showarrow=False, text=text)
        if i == 0:
            continue
        tip, tail = (left, center), (left - gap, center)
        if i % columns == 0:  # from below the end of a row, between the rows, to above the start of the next
            last, above = (columns - 1) * (wide + gap) + middle, top - BETWEEN // 2
            tip, tail = (middle, top), (middle, above)
            figure.add_shape(type="path", path=f"M {last},{top - BETWEEN} L {last},{above} L {middle},{above}",
                             line=dict(color=INK, width=1.5), layer="below")
        figure.add_annotation(x=tip[0], y=tip[1], ax=tail[0], ay=tail[1], axref="x", ayref="y", text="", showarrow=True,
                              arrowhead=2, arrowwidth=1.5, arrowcolor=INK)
    return figure


def _fitted(texts: list[str], wide: float, size: float) -> tuple[list[str], float]:
    """Texts in even lines for a box so many pixels wide, and the size (10 or more) that their longest word needs."""
    room, longest = wide - PADDING, max(_longest(text) for text in texts)
    size = max(10, min(size, round(room / 0.58 / longest, 1)))
    most = int(room / 0.54 / size)  # letters a line
    fitted = []
    for text in texts:
        lines = len(wrap(text, most, break_on_hyphens=False))
        even = next((letters for letters in range(_longest(text), most)
                     if len(wrap(text, letters, break_on_hyphens=False)) <= lines), most)
        fitted.append("<br>".join(wrap(text, even, break_on_hyphens=False)))
    return fitted, size


def _longest(text: str) -> int:
    """Letters of the longest word, at least 1."""
    return max((len(word) for word in text.split()), default=1)


# ------------------------------------------------------------------------------------------------------------ training
def training_curves(history: pd.DataFrame) -> go.Figure:
    """Training and validation loss by epoch, a panel per model: mean over assets and seeds, band from 10 to 90 %.

    Parameters
    ----------
    history : DataFrame
        Columns model, seed, asset, epoch (1..), loss, validation_loss, kept (True where the weights were kept), and
        fitted_until where networks were fitted more than once.

    Notes
    -----
    A network whose training has stopped keeps its last loss, so that the mean is over the same ones at every epoch.
    The vertical line is the median of the kept epochs.
    """
    models = list(history["model"].unique())
    if not models:
        return _no_network()
    figure = _beside(models, shared_yaxes=True)
    each = [name for name in ("fitted_until", "seed", "asset") if name in history]  # a network
    for i, model in enumerate(models, start=1):
        one, place = history[history["model"] == model], dict(row=1, col=i)
        for column, name, style in [("loss", "training", dict(color=GREY, dash="dot")),
                                    ("validation_loss", "validation", dict(color=strategy_color(model)))]:
            curves = one.pivot_table(index="epoch", columns=each, values=column).ffill()
            low, high = curves.quantile(0.1, axis=1), curves.quantile(0.9, axis=1)
            figure.add_scatter(x=[*low.index, *high.index[::-1]], y=np.r_[low, high[::-1]].astype("float32"),
                               fill="toself", fillcolor=style["color"], opacity=0.18, line_width=0, hoverinfo="skip",
                               mode="lines", showlegend=False, **place)
            figure.add_scatter(x=list(curves.index), y=curves.mean(axis=1).to_numpy("float32"), mode="lines",
                               name=f"{model} {name}", line=style | dict(width=2), **place)
        kept = one.loc[one["kept"], "epoch"].median()
        figure.add_vline(x=kept, line=REFERENCE, **place)
        figure.add_annotation(text=f"kept {kept:g}", x=kept, y=1, yref="y domain", xanchor="left", yanchor="top",
                              xshift=3, showarrow=False, **place)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="loss (squared error of z-scores)", col=1)
    return dress(figure, "Training: mean over assets and their 10 to 90 % band",
                 f"assets: {history['asset'].nunique()}, seeds: {history['seed'].nunique()}; dashed: median of the "
                 "kept epochs; a network that has stopped keeps its last loss",
                 margin_t=92, legend=dict(orientation="h", x=0.5, xanchor="center", y=-0.2, yanchor="top"), margin_b=95)


def window_training_curves(history: pd.DataFrame) -> go.Figure:
    """Training and validation loss by epoch, a panel per window, a color per model: mean over seeds.

    Parameters
    ----------
    history : DataFrame
        Columns model, seed, window (days), epoch (1..), loss, validation_loss (NaN where there are no validation days),
        kept (True where the weights were kept).

    Notes
    -----
    A seed whose training has stopped keeps its last loss; infinite losses are left out. The diamond is the median of
    the kept epochs. The axis is a log axis where the highest loss is more than ten times the lowest.
    """
    windows, models = sorted(history["window"].unique()), list(history["model"].unique())
    if not windows:
        return _no_network()
    history = history.replace([np.inf, -np.inf], np.nan)
    rows = -(-len(windows) // 4)
    columns, named = -(-len(windows) // rows), set()
    figure = make_subplots(rows, columns, shared_xaxes="all", shared_yaxes="all", horizontal_spacing=0.025,
                           vertical_spacing=0.25 / rows, subplot_titles=[f"{window} days" for window in windows])
    places = [dict(row=i // columns + 1, col=i % columns + 1) for i in range(len(windows))]
    for window, place in zip(windows, places):
        for model in models:
            one, color = history[(history["window"] == window) & (history["model"] == model)], strategy_color(model)
            kept, marked = one.loc[one["kept"], "epoch"].median(), False
            for column, dash in [("validation_loss", "solid"), ("loss", "dot")]:
                curve = one.pivot(index="epoch", columns="seed", values=column).ffill().mean(axis=1).dropna()
                if curve.empty:  # a split without validation days
                    continue
                figure.add_scatter(x=list(curve.index), y=curve.to_numpy("float32"), mode="lines", legendgroup=model,
                                   name=model, showlegend=model not in named, **place,
                                   line=dict(color=color, dash=dash, width=2 if dash == "solid" else 1.5))
                named.add(model)
                if np.isfinite(kept) and not marked:
                    figure.add_scatter(x=[kept], y=[np.interp(kept, curve.index, curve)], mode="markers",
                                       showlegend=False, name=f"{model} kept", legendgroup=model, **place, marker=dict(
                                           size=10, symbol="diamond", color=color, line=dict(color="white", width=1)))
                    marked = True
    for place in places[-columns:]:  # the lowest panel of each column
        figure.update_xaxes(title_text="epoch", showticklabels=True, **place)
    losses = history[["loss", "validation_loss"]].stack()
    low, high = losses.min(), losses.max()
    log, room = low > 0 and high > 10 * low, 0.05 * (high - low) or 0.05 * high
    figure.update_yaxes(**log_axis(low / 1.1, high * 1.1) if log else dict(range=[low - room, high + room]))
    last = history["epoch"].max()
    figure.update_xaxes(range=[0, 1.04 * last], dtick=1 if last <= 8 else None)
    figure.update_yaxes(title_text="loss (squared error of daily returns" + (", log axis)" if log else ")"), col=1)
    told = f"windows: {', '.join(map(str, windows))} days, seeds: {history['seed'].nunique()}"
    return dress(figure, "Training by window", f"{told}; solid: validation, dotted: training, diamond: the kept epoch",
                 margin_t=92, height=450 if rows == 1 else 170 + 260 * rows, legend_tracegroupgap=0)


def _no_network() -> go.Figure:
    return dress(go.Figure(), "Training: no network in this study", "models names none")


def _beside(titles: list[str], **shared) -> go.Figure:
    """Panels beside each other."""
    return make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.03, **shared)


# ----------------------------------------------------------------------------------------------- forecasts and accuracy
def forecast_vs_actual(forecasts: pd.DataFrame, returns: pd.DataFrame, asset: str) -> go.Figure:
    """Next-day forecasts of one asset on the scale of its returns, and again on their own scale: the latest 500 days.

    Parameters
    ----------
    forecasts : DataFrame
        Columns target_date, horizon, asset, model, seed, forecast (simple daily return); horizon 1 is drawn, averaged
        over seeds.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns.
    asset : str
        A column of `returns`.
    """
    one = forecasts[(forecasts["asset"] == asset) & (forecasts["horizon"] == 1)]
    wide = one.pivot_table(index="target_date", columns="model", values="forecast", sort=False)
    wide = wide.sort_index().tail(LATEST)
    actual = line(returns[asset].reindex(wide.index), name="actual return", line=dict(color="#b5b5b5", width=0.8))
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.12,
                           subplot_titles=["on the scale of the actual returns", "the forecasts on their own scale"])
    figure.add_trace(actual, row=1, col=1)
    for model in wide:
        for row in (1, 2):
            figure.add_trace(line(wide[model], name=model, legendgroup=model, showlegend=row == 1,
                                  line=dict(color=strategy_color(model), width=1.3)), row=row, col=1)
    figure.update_yaxes(title_text="return (% a day)", tickformat=PERCENT)
    figure.update_xaxes(type="date")
    figure.update_xaxes(title_text="day forecast", row=2, col=1)
    return dress(figure, f"{asset}: next-day forecasts and what happened", f"daily, {span(wide)}", height=520,
                 margin_t=92, legend_tracegroupgap=0)


def accuracy_by_asset(by_asset: pd.DataFrame, metric: str, *, sample: str) -> go.Figure:
    """Error of each model on each asset as a ratio to the zero forecast's: below 1 is skill.

    Parameters
    ----------
    by_asset : DataFrame
        Columns model (one of them `zero`), asset, seed and the metric; the mean over seeds is drawn.
    metric : str
        `mae`, `mse` or `rmse`.
    """
    error = by_asset.pivot_table(index="asset", columns="model", values=metric, sort=False)
    ratio = error.drop(columns="zero").div(error["zero"], axis=0)
    figure = go.Figure([go.Box(y=ratio[model].to_numpy("float32"), name=model, text=list(ratio.index), boxpoints="all",
                               jitter=0.6, pointpos=0, marker=dict(size=5, opacity=0.6), showlegend=False,
                               line=dict(color=strategy_color(model), width=1.5)) for model in ratio])
    figure.add_hline(y=1, line=REFERENCE | dict(width=1.2))
    figure.update_xaxes(title_text="model")
    name, low, high = metric.upper(), ratio.min().min(), ratio.max().max()
    stretched = high > 10 * low > 0  # beside calm assets a network's errors may be thousands of times theirs
    remark = "1 = no skill, log axis" if stretched else "1 = no skill"
    figure.update_yaxes(title_text=f"{name} / {name} of the zero forecast ({remark})",
                        **(log_axis(min(low, 1) / 1.3, max(high, 1) * 1.3) if stretched else {}))
    better = "; ".join(f"{model} {(ratio[model] < 1).sum()}" for model in ratio)
    return dress(figure, f"{name} of next-day forecasts, one point an asset",
                 f"{sample}; below 1 on, of {len(ratio)} assets: {better}")


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
    The axis is error / error of the zero forecast - 1, because the errors themselves differ in their third digit:
    0 is the zero forecast, above is worse. Where one error is ten times as far from 0 as the median one, the axis is
    stretched around 0 (inverse hyperbolic sine) and says so. The zero forecast's own error stands below each window.
    """
    name, error, zero, mean = metric.upper(), f"{metric}_test", f"zero_{metric}_test", f"mean_{metric}_test"
    by_window = accuracy.groupby("window")[[zero, mean]].mean()
    models = accuracy.pivot_table(index="window", columns="model", values=error, sort=False).reindex(by_window.index)
    excess = models.assign(mean=by_window[mean]).div(by_window[zero], axis=0) - 1
    excess.index = excess.index.map(str)
    windows, sizes = list(excess.index), excess.abs().stack()
    scale = sizes.median() if 0 < 10 * sizes.median() < sizes.max() else None
    figure = go.Figure()
    for model in excess:
        known = excess[model].dropna()
        text, style = ("mean forecast", dict(dash="dash")) if model == "mean" else (model, {})
        figure.add_scatter(x=list(known.index), y=_stretched(known, scale).to_numpy("float32"), mode="lines+markers",
                           name=text, line=dict(color=strategy_color(model), width=2, **style), marker_size=9,
                           customdata=known.to_numpy("float32"), hovertemplate="%{x} days: %{customdata:.3%}")
    figure.add_hline(y=0, line=dict(color=INK, width=1.5), name="zero forecast", showlegend=True)
    figure.update_xaxes(title_text=f"window (days); below it: {name} of the zero forecast, which is 0 % here",
                        type="category", categoryorder="array", categoryarray=windows, tickvals=windows,
                        range=[-0.35, len(windows) - 0.65],
                        ticktext=[f"{window}<br><span style='font-size:11px;color:#666666'>{value:.3g}</span>"
                                  for window, value in zip(windows, by_window[zero])])
    figure.update_yaxes(**_stretched_axis(excess, scale), title_text=f"test {name} above the zero forecast's"
                        + (" (%)" if scale is None else "<br>(%, axis stretched around 0)"))
    better, count = int((excess[list(models)] < 0).sum().sum()), int(models.notna().sum().sum())
    return dress(figure, f"Test {name} by window and model: above 0 is worse than forecasting zero",
                 f"{sample}; {better} of {count} networks are better than the zero forecast")


def _stretched(values, scale: float | None):
    """Values on an axis that is linear up to about `scale` and logarithmic beyond, on both sides of 0."""
    return values if scale is None else np.arcsinh(values / scale)


def _stretched_axis(excess: pd.DataFrame, scale: float | None) -> dict:
    """Range with 0 and every value, and round ticks in percent where the axis is stretched."""
    bottom, top = _stretched(np.array([min(0, excess.min().min()), max(0, excess.max().max())]), scale)
    room = 0.06 * (top - bottom) or 0.01
    axis = dict(range=[bottom - room, top + room], tickformat=".4~%")
    if scale is None:
        return axis
    ticks = [0.0]
    for size in (step * 10.0**power for power in range(-7, 3) for step in (1, 2, 5)):
        if _stretched(size, scale) - _stretched(ticks[-1], scale) > 0.07 * (top - bottom):
            ticks.append(size)
    places = {tick: _stretched(tick, scale) for tick in [*(-tick for tick in ticks[:0:-1]), *ticks]}
    places = {tick: place for tick, place in places.items() if bottom - room <= place <= top + room}
    return axis | dict(tickvals=list(places.values()),
                       ticktext=[f"{100 * tick:g}%".replace("-", "\N{MINUS SIGN}") for tick in places])


def hit_ratios(accuracy: pd.DataFrame, base_rates: pd.Series, *, sample: str) -> go.Figure:
    """Share of right signs of each model, mean and deviation over assets, beside what always saying the same would hit.

    The deviation says how assets differ. It is no confidence interval: `accuracy.direction_tests` tests.

    Parameters
    ----------
    accuracy : DataFrame
        Columns model, hr_mean, hr_std, hr_plus_mean, hr_plus_std, hr_minus_mean, hr_minus_std (fractions); models
        without a hit ratio (`zero`) are left out.
    base_rates : Series
        As `accuracy.base_rates` gives it; for HR the better of always up and always down is drawn.
    """
    accuracy = accuracy.dropna(subset="hr_mean")
    kinds = {"hr": "HR: right sign", "hr_plus": "HR+: up, where up was said",
             "hr_minus": "HR-: down, where down was said"}
    figure = go.Figure([go.Scatter(
        x=np.arange(3) + 0.6 * ((i + 0.5) / len(accuracy) - 0.5), y=[row[f"{kind}_mean"] for kind in kinds],
        error_y=dict(array=[row[f"{kind}_std"] for kind in kinds], thickness=1.2, width=4), mode="markers",
        name=row["model"], marker=dict(size=9, color=strategy_color(row["model"])))
        for i, (_, row) in enumerate(accuracy.iterrows())])
    lines = [base_rates[["always_up_hr", "always_down_hr"]].max(), base_rates["up_share"], base_rates["down_share"]]
    for i, share in enumerate(lines):
        figure.add_scatter(x=[i - 0.38, i + 0.38], y=[share] * 2, mode="lines", showlegend=i == 0,
                           name="always the same sign", line=REFERENCE | dict(width=1.5))
    figure.update_xaxes(title_text="hit ratio", tickvals=[0, 1, 2], ticktext=list(kinds.values()), range=[-0.5, 2.5],
                        showgrid=False)
    figure.update_yaxes(title_text="share of days (%)", tickformat=PERCENT)
    return dress(figure, "How often the sign was right",
                 f"{sample}; bars: mean ± deviation over assets, no confidence interval")


def momentum(means: pd.DataFrame, *, sample: str) -> go.Figure:
    """What MVF takes for the expected return beside the mean return of the residual window, a panel per model.

    Parameters
    ----------
    means : DataFrame
        Columns model, window_mean, mu (fractions a day), a row per rebalance date and asset.

    Notes
    -----
    Points on the dashed line are momentum: there the forecast has left no trace in r̂ + ē.
    """
    models = list(means["model"].unique())
    figure = _beside(models, shared_xaxes="all", shared_yaxes="all")
    low, high = means[["window_mean", "mu"]].min().min(), means[["window_mean", "mu"]].max().max()
    room = 0.04 * max(high - low, 1e-6)  # for the size of the points
    ends = np.array([low - room, high + room])
    for i, model in enumerate(models, start=1):
        one, panel = means[means["model"] == model], dict(showlegend=False, row=1, col=i)
        figure.add_scatter(x=one["window_mean"].to_numpy("float32"), y=one["mu"].to_numpy("float32"), mode="markers",
                           marker=dict(size=4, opacity=0.5, color=strategy_color(model)), **panel)
        figure.add_scatter(x=ends, y=ends, mode="lines", line=REFERENCE, hoverinfo="skip", **panel)
    figure.update_xaxes(title_text="mean return of the window (% a day)", tickformat=PERCENT, range=list(ends))
    figure.update_yaxes(tickformat=PERCENT, range=list(ends))
    figure.update_yaxes(title_text="forecast + mean residual (% a day)", col=1)
    return dress(figure, "Expected returns of MVF beside plain momentum",
                 f"one point an asset and rebalance, {sample}; dashed: the two are equal", margin_t=92)
