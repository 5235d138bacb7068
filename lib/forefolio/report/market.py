"""Pictures of the market (stages 01 and 02): prices, days, availability, correlations."""

from statistics import NormalDist

import pandas as pd
import plotly.graph_objects as go

from forefolio.report.style import (BLUE, FEW, INK, RED, asset_colors, days, dress, line, log_axis, names_axis, span,
                                    weekly)
from forefolio.study.vocabulary import PERCENT

KEPT, DROPPED = BLUE, "#c8641e"
PERIODS = "#cfe0f6", "#f7e5bb", "#f0f0f0"  # training, validation and test, behind lines


def prices(prices: pd.DataFrame) -> go.Figure:
    """Growth of one unit of money in every asset, weekly, on a log axis, with their mean.

    The mean is what equal amounts bought on the first day and never traded have become. The legend is in the order of
    the outcomes; of more than twelve assets it has the three best and the three worst, and hovering names the others.
    One asset alone stands in the title.
    """
    growth, count = weekly(prices / prices.iloc[0]), prices.shape[1]
    colors, order = asset_colors(prices.columns), list(growth.iloc[-1].sort_values(ascending=False).index)
    named = order[:3] + order[-3:] if count > FEW else order
    figure = go.Figure([line(growth[asset], name=asset, opacity=1 if asset in named else 0.35,
                             line=dict(color=colors[asset], width=1.6 if asset in named else 1),
                             showlegend=asset in named and count > 1) for asset in order])
    if count > 1:
        figure.add_trace(line(growth.mean(axis=1), name="mean of all", line=dict(color=INK, width=2.6)))
    figure.update_xaxes(type="date", title_text="date (weekly)")
    figure.update_yaxes(title_text="price, first day = 1 (log axis)",
                        **log_axis(growth.min().min() / 1.15, growth.max().max() * 1.15))
    of = f"{count} assets" if count > 1 else prices.columns[0]
    return dress(figure, f"Growth of one in {of}", f"weekly closes, {span(prices)}")


def returns(returns: pd.DataFrame) -> go.Figure:
    """Daily returns of each asset: usual days as a box, the extreme days against what a normal law would give.

    Box: middle half of all days; whiskers: 1st to 99th percentile. The ticks are where a normal law with the asset's
    mean and deviation is passed once in n_days. Assets stand in the order of their volatility.
    """
    returns = returns[returns.std().sort_values().index]
    quantile = returns.quantile([0.01, 0.25, 0.5, 0.75, 0.99]).to_numpy()
    reach = returns.std() * NormalDist().inv_cdf(1 - 1 / len(returns))
    names = list(returns.columns)
    figure = go.Figure(go.Box(x=names, lowerfence=quantile[0], q1=quantile[1], median=quantile[2], q3=quantile[3],
                              upperfence=quantile[4], name="usual days", line=dict(color="#4a6f94", width=1),
                              fillcolor="#c9d8e6"))
    tick = dict(symbol="line-ew-open", size=min(9, 400 / len(names)), color=INK, line_width=2)
    for sign, extreme in [(-1, returns.min()), (1, returns.max())]:
        expected = returns.mean() + sign * reach
        figure.add_scatter(x=names, y=expected.to_numpy(), mode="markers", name="normal law's extreme day",
                           showlegend=sign > 0, marker=tick)
        figure.add_scatter(x=names, y=extreme.to_numpy(), mode="markers", name="worst and best day",
                           showlegend=sign > 0, marker=dict(size=6, color=RED))
    figure.update_xaxes(title_text="asset, calmest first", **names_axis(len(names)))
    figure.update_yaxes(title_text="daily return (%)", tickformat=PERCENT)
    return dress(figure, f"Usual and extreme days of {len(names)} assets",
                 f"{len(returns):,} daily returns each, {span(returns)}",
                 legend=dict(orientation="h", x=1, xanchor="right", y=1.0, yanchor="bottom"))


def with_periods(figure: go.Figure, periods: pd.DataFrame) -> go.Figure:
    """A copy of a figure over time with the training, validation and test periods shaded behind it."""
    shaded = go.Figure(figure).update_layout(margin_t=92)
    for i, row in enumerate(periods.itertuples()):
        shaded.add_vrect(x0=days([row.first])[0], x1=days([row.last])[0], layer="below", line_width=0, fillcolor=PERIODS[i % 3])
        # the middle period is often narrow: its name stands one line higher, so that names do not meet
        shaded.add_annotation(x=days([row.first])[0], y=1, yref="paper", text=row.period, showarrow=False,
                              xanchor="left", yanchor="bottom", yshift=14 * (i % 2), font_size=12,
                              font_color="#666666")
    return shaded


def availability(prices: pd.DataFrame, universe: pd.DataFrame, *, validation_end: str) -> go.Figure:
    """Which assets had a price when, month by month: the kept ones in blue, the dropped ones in orange.

    Parameters
    ----------
    prices : DataFrame (n_days, n_assets)
        Adjusted closes as they came, with gaps.
    universe : DataFrame
        Columns ticker, first, kept, as `Universe.assets` has them; a row per column of `prices`.
    validation_end : date
        Last day whose gaps count, marked in the figure.

    Notes
    -----
    The strength of the color is the share of a month's days with a price, white being none and full every day. Kept
    assets stand at the top, each group in the order of its first day.
    """
    rows = universe.sort_values(["kept", "first", "ticker"], ascending=[False, True, True], na_position="last")
    known = prices[rows["ticker"]].gt(0)
    share = known.groupby(known.index.to_period("M")).mean()
    strength = share.where(share == 1, 0.75 * share)  # so that one missing day can be seen
    signed = strength.to_numpy("float32").T * rows["kept"].map({True: 1, False: -1}).to_numpy("float32")[:, None]
    figure = go.Figure(go.Heatmap(
        z=signed, x=[f"{month}-15" for month in share.index], y=rows["ticker"].tolist(), zmin=-1, zmax=1, ygap=0.5,
        colorscale=[(0, DROPPED), (0.5, "#ffffff"), (1, KEPT)], showscale=False, customdata=share.to_numpy("float32").T,
        hovertemplate="%{y}, %{x|%b %Y}: %{customdata:.0%} of days<extra></extra>"))
    last, = days([validation_end])
    figure.add_vline(x=last, line=dict(color=INK, width=1.5, dash="dash"))
    figure.add_annotation(x=last, y=1, yref="paper", yanchor="bottom", showarrow=False, text="end of validation",
                          font=dict(size=12, color="#666666"))
    count, kept = len(rows), int(rows["kept"].sum())
    height = min(900, max(400, 220 + 16 * count))
    figure.update_xaxes(type="date", title_text="month", showgrid=False)
    figure.update_yaxes(autorange="reversed", title_text="asset", showgrid=False, dtick=1,
                        tickfont_size=min(12, max(5, 0.85 * (height - 200) / count)))
    return dress(figure, f"{kept} of {count} assets are complete enough to be kept",
                 f"share of the month's days with a price, <b style='color:{KEPT}'>kept</b>, "
                 f"<b style='color:{DROPPED}'>dropped</b>; {span(prices)}", height=height, margin_t=92)


def correlation_heatmap(correlation: pd.DataFrame, *, sample: str) -> go.Figure:
    """Correlation matrix (n_assets, n_assets) as a heatmap in the order given, with numbers up to 25 assets."""
    names, count = list(correlation.columns), len(correlation)
    figure = go.Figure(go.Heatmap(
        z=correlation.to_numpy("float32"), x=names, y=names, zmin=-1, zmax=1, xgap=0.5, ygap=0.5, colorscale="RdBu",
        reversescale=True, texttemplate="%{z:.2f}" if count <= 25 else None, textfont_size=9 if count > FEW else 12,
        hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>", colorbar_title_text="correlation (no unit)"))
    axis = names_axis(count) | dict(showline=False, showgrid=False)
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis | dict(tickangle=None), autorange="reversed")
    return dress(figure, f"Correlation of daily returns, {count} assets", sample, width=820, height=740)


def rolling_correlation(series: pd.Series, periods: pd.DataFrame, *, window: int) -> go.Figure:
    """Mean correlation of all pairs over the `window` days up to each date, weekly, with the periods shaded."""
    series = series.dropna()
    figure = go.Figure(line(weekly(series), line=dict(color=BLUE, width=1.6), showlegend=False))
    figure.update_xaxes(type="date", title_text="last day of the window (weekly)")
    figure.update_yaxes(title_text="mean correlation of pairs (no unit)", rangemode="tozero")
    dress(figure, f"How alike the assets move: correlation over {window} days", span(series))
    return with_periods(figure, periods)


def spectrum(spectrum: pd.DataFrame, *, sample: str) -> go.Figure:
    """Eigenvalues of the correlation matrix, as `correlation.spectrum` gives them, against the edge of noise."""
    edge = float(spectrum["noise_edge"].iloc[0])
    signal = spectrum["eigenvalue"] > edge
    figure = go.Figure()
    for name, rows, color, mode in [("above the noise edge", spectrum[signal], RED, "markers+text"),
                                    ("could be noise", spectrum[~signal], "#8fa3b8", "markers")]:
        figure.add_scatter(x=rows["rank"].to_numpy(), y=rows["eigenvalue"].to_numpy(), name=name, mode=mode,
                           marker=dict(size=9, color=color), textposition="middle right",
                           text=rows["share"].map("{:.1%}".format))
    last = spectrum["rank"].max() + 0.5
    figure.add_scatter(x=[0.5, last], y=[edge, edge], mode="lines", name=f"noise edge {edge:.2f}",
                       line=dict(color=INK, width=1.2, dash="dash"))
    figure.update_xaxes(title_text="rank of the eigenvalue", range=[0.5, last])
    figure.update_yaxes(title_text="eigenvalue (1 = variance of one asset, log axis)",
                        **log_axis(max(spectrum["eigenvalue"].min(), 1e-4) / 1.3, spectrum["eigenvalue"].max() * 1.6))
    return dress(figure, f"{signal.sum()} of {len(spectrum)} eigenvalues stand out of the noise",
                 f"{sample}; numbers: their share of all variance", legend=dict(x=0.99, xanchor="right", y=0.98))
