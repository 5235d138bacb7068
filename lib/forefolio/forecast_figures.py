"""Pictures of what the models learned and how well they forecast (stage 04).

Each function takes frames of the library and returns a plotly figure with its size set; the caller shows and saves it.
A model has the same color in all of them (`drawing.strategy_color`).
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.drawing import GREY, INK, PERCENT, dress, line, log_axis, span, strategy_color

LATEST = 500  # days, two years: more cannot be told apart on paper


def training_curves(history: pd.DataFrame) -> go.Figure:
    """Training and validation loss by epoch, one panel a model: mean over assets and seeds, band from 10 to 90 %.

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
        return dress(go.Figure(), "Training: no network in this study", "models names none")
    figure = make_subplots(1, len(models), shared_yaxes=True, subplot_titles=models, horizontal_spacing=0.03)
    for i, model in enumerate(models, start=1):
        one, color = history[history["model"] == model], strategy_color(model)
        for column, name, style in [("loss", "training", dict(color=GREY, dash="dot")),
                                    ("validation_loss", "validation", dict(color=color))]:
            each = [name for name in ("fitted_until", "seed", "asset") if name in one]  # a network
            curves = one.pivot_table(index="epoch", columns=each, values=column).ffill()
            low, high = curves.quantile(0.1, axis=1), curves.quantile(0.9, axis=1)
            figure.add_scatter(x=[*low.index, *high.index[::-1]], y=np.r_[low, high[::-1]].astype("float32"), fill="toself",
                               fillcolor=style["color"], opacity=0.18, line_width=0, hoverinfo="skip", mode="lines",
                               showlegend=False, row=1, col=i)
            figure.add_scatter(x=list(curves.index), y=curves.mean(axis=1).to_numpy("float32"), mode="lines", row=1, col=i,
                               name=f"{model} {name}", line=style | dict(width=2))
        kept = one.loc[one["kept"], "epoch"].median()
        figure.add_vline(x=kept, line=dict(color=INK, width=1, dash="dash"), row=1, col=i)
        figure.add_annotation(text=f"kept {kept:g}", x=kept, y=1, yref="y domain", xanchor="left", yanchor="top", xshift=3,
                              showarrow=False, row=1, col=i)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="loss (squared error of z-scores)", col=1)
    pairs = history[["asset", "seed"]].drop_duplicates()
    return dress(figure, "Training: mean over assets and their 10 to 90 % band",
                 f"assets: {pairs['asset'].nunique()}, seeds: {pairs['seed'].nunique()}; dashed: median of the kept epochs; "
                 "a network that has stopped keeps its last loss",
                 margin_t=92, legend=dict(orientation="h", x=0.5, xanchor="center", y=-0.2, yanchor="top"), margin_b=95)


def forecast_vs_actual(forecasts: pd.DataFrame, returns: pd.DataFrame, asset: str) -> go.Figure:
    """Next-day forecasts of one asset on the scale of its returns, and again on their own scale: the latest 500 days.

    Parameters
    ----------
    forecasts : DataFrame
        Columns target_date, horizon, asset, model, seed, forecast (simple daily return); horizon 1 is drawn, averaged over
        seeds.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns.
    asset : str
        A column of `returns`.
    """
    one = forecasts[(forecasts["asset"] == asset) & (forecasts["horizon"] == 1)]
    wide = one.pivot_table(index="target_date", columns="model", values="forecast", sort=False).sort_index().tail(LATEST)
    actual = returns[asset].reindex(wide.index)
    figure = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.12,
                           subplot_titles=["on the scale of the actual returns", "the forecasts on their own scale"])
    figure.add_trace(line(actual, name="actual return", line=dict(color="#b5b5b5", width=0.8)), row=1, col=1)
    for model in wide:
        for row in (1, 2):
            figure.add_trace(line(wide[model], name=model, legendgroup=model, showlegend=row == 1,
                                  line=dict(color=strategy_color(model), width=1.3)), row=row, col=1)
    figure.update_yaxes(title_text="return (% a day)", tickformat=PERCENT)
    figure.update_xaxes(type="date")
    figure.update_xaxes(title_text="day forecast", row=2, col=1)
    return dress(figure, f"{asset}: next-day forecasts and what happened", f"daily, {span(wide)}", height=520, margin_t=92,
                 legend_tracegroupgap=0)


def momentum(means: pd.DataFrame, *, sample: str) -> go.Figure:
    """What MVF takes for the expected return beside the mean return of the residual window, a panel a model.

    Parameters
    ----------
    means : DataFrame
        Columns model, window_mean, mu (fractions a day), a row a rebalance date and asset.
    sample : str
        The rebalance dates, for the title.

    Notes
    -----
    Points on the dashed line are momentum: there the forecast has left no trace in r̂ + ē.
    """
    models = list(means["model"].unique())
    figure = make_subplots(1, len(models), shared_xaxes="all", shared_yaxes="all", subplot_titles=models,
                           horizontal_spacing=0.03)
    low, high = means[["window_mean", "mu"]].min().min(), means[["window_mean", "mu"]].max().max()
    ends = np.array([low, high]) + 0.04 * max(high - low, 1e-6) * np.array([-1, 1])  # all points, and room for their size
    for i, model in enumerate(models, start=1):
        one = means[means["model"] == model]
        figure.add_scatter(x=one["window_mean"].to_numpy("float32"), y=one["mu"].to_numpy("float32"), mode="markers",
                           marker=dict(size=4, opacity=0.5, color=strategy_color(model)), showlegend=False, row=1, col=i)
        figure.add_scatter(x=ends, y=ends, mode="lines", line=dict(color=INK, width=1, dash="dash"), showlegend=False,
                           hoverinfo="skip", row=1, col=i)
    figure.update_xaxes(title_text="mean return of the window (% a day)", tickformat=PERCENT, range=list(ends))
    figure.update_yaxes(tickformat=PERCENT, range=list(ends))
    figure.update_yaxes(title_text="forecast + mean residual (% a day)", col=1)
    return dress(figure, "Expected returns of MVF beside plain momentum",
                 f"one point an asset and rebalance, {sample}; dashed: the two are equal", margin_t=92)


def accuracy_by_asset(by_asset: pd.DataFrame, metric: str, *, sample: str) -> go.Figure:
    """Error of each model on each asset as a ratio to the zero forecast's: below 1 is skill.

    Parameters
    ----------
    by_asset : DataFrame
        Columns model (one of them `zero`), asset, seed and the metric; the mean over seeds is drawn.
    metric : str
        `mae`, `mse` or `rmse`.
    sample : str
        The target days, for the title.
    """
    error = by_asset.pivot_table(index="asset", columns="model", values=metric, sort=False)
    ratio = error.drop(columns="zero").div(error["zero"], axis=0)
    figure = go.Figure([go.Box(y=ratio[model].to_numpy("float32"), name=model, text=list(ratio.index), boxpoints="all",
                               jitter=0.6, pointpos=0, marker=dict(size=5, opacity=0.6), showlegend=False,
                               line=dict(color=strategy_color(model), width=1.5)) for model in ratio])
    figure.add_hline(y=1, line=dict(color=INK, width=1.2, dash="dash"))
    figure.update_xaxes(title_text="model")
    name, low, high = metric.upper(), ratio.min().min(), ratio.max().max()
    stretched = high > 10 * low > 0  # beside calm assets a network's errors may be thousands of times theirs
    figure.update_yaxes(title_text=f"{name} / {name} of the zero forecast (1 = no skill{', log axis' if stretched else ''})",
                        **(log_axis(min(low, 1) / 1.3, max(high, 1) * 1.3) if stretched else {}))
    better = "; ".join(f"{model} {(ratio[model] < 1).sum()}" for model in ratio)
    return dress(figure, f"{metric.upper()} of next-day forecasts, one point an asset",
                 f"{sample}; below 1 on, of {len(ratio)} assets: {better}")


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
    sample : str
        The target days, for the title.
    """
    accuracy = accuracy.dropna(subset="hr_mean")
    kinds = {"hr": "HR: right sign", "hr_plus": "HR+: up, where up was said", "hr_minus": "HR-: down, where down was said"}
    figure = go.Figure([go.Scatter(
        x=np.arange(3) + 0.6 * ((i + 0.5) / len(accuracy) - 0.5), y=[row[f"{kind}_mean"] for kind in kinds], mode="markers",
        error_y=dict(array=[row[f"{kind}_std"] for kind in kinds], thickness=1.2, width=4), name=row["model"],
        marker=dict(size=9, color=strategy_color(row["model"]))) for i, (_, row) in enumerate(accuracy.iterrows())])
    lines = [base_rates[["always_up_hr", "always_down_hr"]].max(), base_rates["up_share"], base_rates["down_share"]]
    for i, share in enumerate(lines):
        figure.add_scatter(x=[i - 0.38, i + 0.38], y=[share] * 2, mode="lines", showlegend=i == 0,
                           name="always the same sign", line=dict(color=INK, width=1.5, dash="dash"))
    figure.update_xaxes(title_text="hit ratio", tickvals=[0, 1, 2], ticktext=list(kinds.values()),
                        range=[-0.5, 2.5], showgrid=False)
    figure.update_yaxes(title_text="share of days (%)", tickformat=PERCENT)
    return dress(figure, "How often the sign was right",
                 f"{sample}; bars: mean ± deviation over assets, no confidence interval")
