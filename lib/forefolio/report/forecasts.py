"""Pictures of networks and forecasts (stages 04 and 05): what is built, how it was trained, how well each forecasts."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance import gate
from forefolio.portfolios.problems import named
from forefolio.report.style import BLUE, GREY, INK, RED, bare, dress, line, log_axis, span, strategy_color, verbatim
from forefolio.study.vocabulary import ABSENT, MODELS, NOT_SHOWN, PERCENT, SHOWN, counted, percent

LATEST = 500  # days, two years: more cannot be told apart on paper
VERDICTS = {SHOWN: BLUE, NOT_SHOWN: GREY, ABSENT: RED}  # the color of each answer
REFERENCE = dict(color=INK, width=1, dash="dash")  # the line of what a figure compares with


def network_diagram(layers: list[tuple[str, str]], *, title: str) -> go.Figure:
    """A network's layers, name and detail each, from input to output (Zouaoui & Naas 2025, Fig. 1).

    A layer that bears the name or the title of a network has its color.
    """
    return _boxes(layers, title, "from the input to the forecast, drawn from this study's parameters")


def construction_diagram(steps: list[tuple[str, str]]) -> go.Figure:
    """The way from prices to a portfolio that is held, title and detail of each step (Zouaoui & Naas 2025, Fig. 3)."""
    return _boxes(steps, "From prices to a portfolio", "each step and what it uses, drawn from this study's parameters")


def _boxes(parts: list[tuple[str, str]], title: str, subtitle: str) -> go.Figure:
    """A box with a name and a detail per part, from top to bottom, each with an arrow to the next; units are pixels."""
    high, step, count = 34, 58, len(parts)
    networks = {name.lower(): model.color for key, model in MODELS.items() if model.scopes
                for name in (key, model.title)}
    figure = go.Figure()
    for i, (name, detail) in enumerate(parts):
        top = i * step
        figure.add_shape(type="rect", x0=0, x1=520, y0=top, y1=top + high, layer="below", fillcolor="#f4f6f8",
                         line_width=1.8, line_color=networks.get(name.lower(), GREY))
        figure.add_annotation(x=260, y=top + high / 2, showarrow=False, text=f"<b>{name}</b>&nbsp; {detail}")
        if i:
            figure.add_annotation(x=260, y=top, ax=260, ay=top - step + high, axref="x", ayref="y", text="",
                                  showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=INK)
    bottom = count * step - (step - high)
    figure.update_xaxes(visible=False, range=[-170, 690])
    figure.update_yaxes(visible=False, range=[bottom + 2, -2])
    return dress(figure, title, subtitle, height=bottom + 4 + 98, margin=dict(l=20, r=20, t=80, b=18))


def training_curves(history: pd.DataFrame) -> go.Figure:
    """Training and validation loss by epoch, a panel per model: mean over assets and seeds, band from 10 to 90 %.

    A network whose training has stopped keeps its last loss, so that the mean is over the same ones at every epoch.
    The vertical line is the median of the kept epochs. Where networks were fitted more than once, the column
    `fitted_until` tells their fits apart.
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


def window_training_curves(history: pd.DataFrame) -> go.Figure:
    """Training and validation loss by epoch, a panel per window, a color per model: mean over seeds.

    A seed whose training has stopped keeps its last loss; infinite and missing losses are left out. The diamond is the
    median of the kept epochs. The axis is a log axis where the highest loss is more than ten times the lowest.
    """
    windows, named = sorted(history["window"].unique()), set()
    if not windows:
        return _no_network()
    history = history.replace([np.inf, -np.inf], np.nan)
    figure = _beside([f"{window} days" for window in windows], shared_yaxes=True)
    for (window, model), one in history.groupby(["window", "model"], sort=False):
        style = dict(legendgroup=model, row=1, col=windows.index(window) + 1)
        curves = {dash: one.pivot(index="epoch", columns="seed", values=column).ffill().mean(axis=1).dropna()
                  for dash, column in (("solid", "validation_loss"), ("dot", "loss"))}
        curves = {dash: curve for dash, curve in curves.items() if len(curve)}  # there may be no validation days
        for dash, curve in curves.items():
            figure.add_scatter(x=list(curve.index), y=curve.to_numpy("float32"), mode="lines", name=model, **style,
                               line=dict(color=strategy_color(model), dash=dash, width=2),
                               showlegend=model not in named)
            named.add(model)
        kept = one.loc[one["kept"], "epoch"].median()
        if curves and np.isfinite(kept):
            curve = next(iter(curves.values()))
            figure.add_scatter(x=[kept], y=[np.interp(kept, curve.index, curve)], mode="markers", showlegend=False,
                               name=f"{model} kept", **style, marker=dict(size=10, symbol="diamond", line_color="white",
                                                                          line_width=1, color=strategy_color(model)))
    losses = history[["loss", "validation_loss"]].stack()
    low, high, last = losses.min(), losses.max(), history["epoch"].max()
    log = 0 < 10 * low < high
    figure.update_yaxes(**log_axis(low / 1.1, high * 1.1) if log else {})
    figure.update_yaxes(title_text="loss (squared error of daily returns" + (", log axis)" if log else ")"), col=1)
    figure.update_xaxes(title_text="epoch", range=[0, 1.04 * last], dtick=1 if last <= 8 else None)
    told = f"windows: {', '.join(map(str, windows))} days, seeds: {history['seed'].nunique()}"
    return dress(figure, "Training by window", f"{told}; solid: validation, dotted: training, diamond: the kept epoch",
                 margin_t=92, legend_tracegroupgap=0)


def _no_network() -> go.Figure:
    return bare("nothing was trained", "Training: no network in this study", "models names none")


def _beside(titles: list[str], **shared) -> go.Figure:
    """Panels beside each other."""
    return make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.03, **shared)


def forecast_vs_actual(forecasts: pd.DataFrame, returns: pd.DataFrame, asset: str) -> go.Figure:
    """Next-day forecasts of one asset, mean over seeds, on the scale of its returns and on their own: the last days."""
    one = forecasts[(forecasts["asset"] == asset) & (forecasts["horizon"] == 1)]
    wide = one.pivot_table(index="target_date", columns="model", values="forecast", sort=False)
    wide = wide.sort_index().tail(LATEST)
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.12,
                           subplot_titles=["on the scale of the actual returns", "the forecasts on their own scale"])
    figure.add_trace(line(returns[asset].reindex(wide.index), name="actual return",
                          line=dict(color="#b5b5b5", width=0.8)), row=1, col=1)
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
    """Error of each model on each asset, mean over seeds, as a ratio to the zero forecast's: below 1 is skill.

    `by_asset` is as `accuracy.accuracy_by_asset` gives it; the metric is `mae`, `mse` or `rmse`. An asset that never
    moved has no ratio, because zero was right every day: it is left out and named.
    """
    error = by_asset.pivot_table(index="asset", columns="model", values=metric, sort=False)
    moved = error["zero"] > 0
    left_out = "" if moved.all() else f"; without {named([*map(verbatim, error.index[~moved])])}, as zero was right every day"
    ratio = error[moved].drop(columns="zero").div(error.loc[moved, "zero"], axis=0)
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
                 f"{sample}; below 1 on, of {len(ratio)} assets: {better}{left_out}")


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
    scale = excess.abs().stack().median()
    scale = scale if scale > 0 else 1e-4
    places = np.arcsinh(excess / scale)
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
    low, high = min(0, places.min().min()), max(0, places.max().max())
    room = 0.06 * (high - low) or 0.1
    sizes = 10.0 ** np.floor(np.log10(scale)) * np.array([1, 3, 10, 30, 100, 300, 1e3, 1e4, 1e5])
    sizes = sizes[np.arcsinh(sizes / scale) > room]  # so that numbers do not meet at 0
    ticks = np.array([*-sizes[::-1], 0, *sizes])
    figure.update_yaxes(title_text=f"test {name} above the zero forecast's<br>(%, axis stretched around 0)",
                        range=[low - room, high + room], tickvals=np.arcsinh(ticks / scale),
                        ticktext=[f"{100 * tick:.3g}%" for tick in ticks])
    better, count = int((excess[list(models)] < 0).sum().sum()), int(models.notna().sum().sum())
    return dress(figure, f"Test {name} by window and model: above 0 is worse than forecasting zero",
                 f"{sample}; {better} of {count} networks are better than the zero forecast")


def hit_ratios(accuracy: pd.DataFrame, base_rates: pd.Series, *, sample: str) -> go.Figure:
    """Share of right signs of each model, mean and deviation over assets, beside what always saying the same would hit.

    The deviation says how assets differ. It is no confidence interval: `accuracy.direction_tests` tests. The frames are
    as `accuracy.accuracy_table` and `accuracy.base_rates` give them; models without a hit ratio (`zero`) are left out.
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

    `means` is as `decisions.mvf_means` gives it. Points on the dashed line are momentum: there the forecast has left no
    trace in r̂ + ē.
    """
    models = list(means["model"].unique())
    figure = _beside(models, shared_xaxes="all", shared_yaxes="all")
    ends = [means[["window_mean", "mu"]].min().min(), means[["window_mean", "mu"]].max().max()]
    for i, model in enumerate(models, start=1):
        one, panel = means[means["model"] == model], dict(showlegend=False, row=1, col=i)
        figure.add_scatter(x=one["window_mean"].to_numpy("float32"), y=one["mu"].to_numpy("float32"), mode="markers",
                           marker=dict(size=4, opacity=0.5, color=strategy_color(model)), **panel)
        figure.add_scatter(x=ends, y=ends, mode="lines", line=REFERENCE, hoverinfo="skip", **panel)
    figure.update_xaxes(title_text="mean return of the window (% a day)", tickformat=PERCENT)
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="forecast + mean residual (% a day)", col=1)
    return dress(figure, "Expected returns of MVF beside plain momentum",
                 f"one point an asset and rebalance, {sample}; dashed: the two are equal", margin_t=92)


def risk_forecasts(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Variance and likelihood loss of each covariance estimator less those of the sample covariance (stage 05).

    `table` is as `risk_forecasts.comparison` gives it. Bars are two standard errors to each side.
    """
    rivals = table.dropna(subset="variance_difference")
    variance = table.loc[table["variance_difference"].isna(), "variance"].mean()
    panels = [("out-of-sample variance", "% of the sample covariance's", "variance", variance, PERCENT),
              ("likelihood loss", "a day", "loss", 1.0, ".3~g")]
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=[
        f"\N{LEFTWARDS ARROW} {title}" for title, *_ in panels])
    for column, (title, unit, measure, scale, number) in enumerate(panels, 1):
        difference, error = (rivals[f"{measure}_{part}"] / scale for part in ("difference", "error"))
        figure.add_scatter(x=difference.to_numpy(), y=list(rivals["estimator"]), mode="markers", name=title,
                           error_x=dict(array=2 * error.to_numpy(), thickness=1.5, width=5),
                           marker=dict(size=10, color=BLUE), row=1, col=column)
        figure.add_vline(x=0, line=REFERENCE, row=1, col=column)
        figure.update_xaxes(title_text=f"difference from sample ({unit})", tickformat=number, row=1, col=column)
    figure.update_yaxes(autorange="reversed", ticks="", showgrid=False)
    lower, of = int((rivals["variance_difference"] < 0).sum()), counted(len(rivals), "estimator")
    return dress(figure, f"Risk forecasts: {lower} of {of} led to less variance than the sample covariance",
                 f"{sample}; bars: two standard errors; arrows point to the better side",
                 height=max(400, 190 + 40 * len(rivals)), showlegend=False, margin_t=92)


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
    return dress(figure, f"Does it forecast? {found} of {counted(len(judged), 'model')} shown to",
                 f"{sample}; bars: 95 % intervals; right of the dashed line is better",
                 height=max(400, 200 + 45 * len(judged)), legend=dict(orientation="h", y=-0.25))


def lag_importance(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """By how much each network's squared error rises when one day of its window is shuffled, a panel per network.

    `table` is as `accuracy.lag_importance` gives it.
    """
    models = list(table["model"].unique())
    figure = _beside(models, shared_xaxes="all", shared_yaxes="all")
    for i, model in enumerate(models, start=1):
        rows, color = table[table["model"] == model], strategy_color(model)
        figure.add_scatter(x=list(rows["lag"]), y=rows["loss"].to_numpy("float32"), mode="markers", name=model, showlegend=False,
                           error_y=dict(array=(rows["high"] - rows["loss"]).to_numpy("float32"), thickness=1.2, width=0,
                                        arrayminus=(rows["loss"] - rows["low"]).to_numpy("float32")),
                           marker=dict(size=7, color=color), row=1, col=i)
    figure.add_hline(y=0, line=REFERENCE)
    figure.update_xaxes(title_text="days before the target")
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="rise of the squared error (%)", col=1)
    return dress(figure, "What a forecast rests on: the loss in accuracy without one day",
                 f"{sample}; mean over assets, bars: 10th to 90th percentile", margin_t=92)
