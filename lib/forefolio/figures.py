"""Pictures of the market and of what the past rewarded (stages 01 to 03): prices, correlations, frontier.

Each function takes frames of the library and returns a plotly figure with its size set; the caller shows and saves it.
Nothing that another module computes is computed here. Frames without dates need `sample`, the text that says which
days they describe (`f"training, {drawing.span(returns)}"`). Models and strategies are in `strategy_figures`.
"""

from statistics import NormalDist

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.drawing import (GREY, INK, PERCENT, asset_colors, days, dress, fitting, label_ends, label_points, line,
                               log_axis, span, strategy_color, weekly, words)

FEW = 12  # so many lines can be told apart by color


def prices(prices: pd.DataFrame) -> go.Figure:
    """Growth of one unit of money in every asset, weekly, on a log axis, with their mean.

    Parameters
    ----------
    prices : DataFrame (n_days, n_assets)
        Adjusted closes, no gaps; any currency, because each asset is divided by its first day.

    Notes
    -----
    The mean is what equal amounts bought on the first day and never traded have become. With more than twelve assets
    the lines are thin and only the three best and the three worst are named; hovering names the others. One asset alone,
    such as a benchmark, stands in the title.
    """
    growth = weekly(prices / prices.iloc[0])
    mean, colors, count = growth.mean(axis=1), asset_colors(prices.columns), prices.shape[1]
    many = count > FEW
    figure = go.Figure([line(growth[asset], name=asset, line=dict(color=colors[asset], width=1 if many else 1.6),
                             opacity=0.6 if many else 1, showlegend=1 < count <= FEW) for asset in growth])
    if count > 1:
        figure.add_trace(line(mean, name="mean of all", line=dict(color=INK, width=2.6), showlegend=not many))
    axis = log_axis(growth.min().min() / 1.15, growth.max().max() * 1.15)
    if many:
        last = growth.iloc[-1].sort_values()
        ends = pd.concat([last.iloc[[0, 1, 2, -3, -2, -1]], pd.Series({"mean of all": mean.iloc[-1]})])
        label_ends(figure, ends, colors | {"mean of all": INK}, log_range=axis["range"], height=316)
    figure.update_xaxes(type="date", title_text="date (weekly)")
    figure.update_yaxes(title_text="price, first day = 1 (log axis)", **axis)
    of = f"{count} assets" if count > 1 else prices.columns[0]
    return dress(figure, f"Growth of one in {of}", f"weekly closes, {span(prices)}", margin_r=105 if many else 25)


def returns(returns: pd.DataFrame) -> go.Figure:
    """Daily returns of each asset: usual days as a box, the extreme days against what a normal law would give.

    Parameters
    ----------
    returns : DataFrame (n_days, n_assets)
        Simple daily returns, fractions.

    Notes
    -----
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
    for sign, extreme, expected in [(-1, returns.min(), returns.mean() - reach), (1, returns.max(), returns.mean() + reach)]:
        figure.add_scatter(x=names, y=expected.to_numpy(), mode="markers", name="normal law's extreme day",
                           showlegend=sign > 0, marker=dict(symbol="line-ew-open", size=min(9, 400 / len(names)), color=INK,
                                                            line_width=2))
        figure.add_scatter(x=names, y=extreme.to_numpy(), mode="markers", name="worst and best day", showlegend=sign > 0,
                           marker=dict(size=6, color="#c8371e"))
    figure.update_xaxes(title_text="asset, calmest first", tickangle=-90 if len(names) > FEW else 0,
                        tickfont_size=fitting(len(names)), dtick=1)
    figure.update_yaxes(title_text="daily return (%)", tickformat=PERCENT)
    return dress(figure, f"Usual and extreme days of {len(names)} assets",
                 f"{len(returns):,} daily returns each, {span(returns)}",
                 legend=dict(orientation="h", x=1, xanchor="right", y=1.0, yanchor="bottom"))


def with_periods(figure: go.Figure, periods: pd.DataFrame) -> go.Figure:
    """A copy of a figure over time with the training, validation and test periods shaded behind it.

    Parameters
    ----------
    figure : go.Figure
        Its horizontal axes are dates.
    periods : DataFrame
        Columns period, first, last (dates, also as text); one row a period.
    """
    shaded = go.Figure(figure).update_layout(margin_t=92)
    for i, row in enumerate(periods.itertuples()):
        shaded.add_vrect(x0=days([row.first])[0], x1=days([row.last])[0], layer="below", line_width=0, opacity=0.5,
                         fillcolor=("#dfe8f1", "#fbeccb", "#e3f1df")[i % 3])
        # the middle period is often narrow: its name stands one line higher, so that names do not meet
        shaded.add_annotation(x=days([row.first])[0], y=1, yref="paper", text=row.period, showarrow=False,
                              xanchor="left", yanchor="bottom", yshift=14 * (i % 2), font=dict(size=12, color="#666666"))
    return shaded


def correlation_heatmap(correlation: pd.DataFrame, *, sample: str) -> go.Figure:
    """Correlation matrix as a heatmap in the order given, with numbers up to 25 assets.

    Parameters
    ----------
    correlation : DataFrame (n_assets, n_assets)
        Without unit, -1 to 1. For a clustered picture give it as `correlation.loc[order, order]`.
    sample : str
        The days that it describes, for the title.
    """
    names, count = list(correlation.columns), len(correlation)
    figure = go.Figure(go.Heatmap(z=correlation.to_numpy("float32"), x=names, y=names, zmin=-1, zmax=1, xgap=0.5, ygap=0.5,
                                  colorscale="RdBu", reversescale=True, texttemplate="%{z:.2f}" if count <= 25 else None,
                                  textfont_size=9 if count > 12 else 12, hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
                                  colorbar_title_text="correlation (no unit)"))
    size = fitting(count)
    figure.update_xaxes(tickangle=-90 if count > FEW else 0, tickfont_size=size, dtick=1, showline=False, showgrid=False)
    figure.update_yaxes(autorange="reversed", tickfont_size=size, dtick=1, showline=False, showgrid=False)
    return dress(figure, f"Correlation of daily returns, {count} assets", sample, width=820, height=740)


def rolling_correlation(series: pd.Series, periods: pd.DataFrame, *, window: int) -> go.Figure:
    """Average correlation of all pairs over time, weekly, with the periods shaded.

    Parameters
    ----------
    series : Series (n_days,)
        Mean correlation of the pairs over the `window` days up to each date, -1 to 1.
    periods : DataFrame
        Columns period, first, last.
    window : int
        Trading days, for the title.
    """
    series = series.dropna()
    figure = go.Figure(line(weekly(series), line=dict(color="#1f5fa8", width=1.6), showlegend=False))
    figure.update_xaxes(type="date", title_text="last day of the window (weekly)")
    figure.update_yaxes(title_text="mean correlation of pairs (no unit)", rangemode="tozero")
    return with_periods(dress(figure, f"How alike the assets move: correlation over {window} days", span(series)), periods)


def spectrum(spectrum: pd.DataFrame, *, sample: str) -> go.Figure:
    """Eigenvalues of the correlation matrix against the edge below which they could be noise.

    Parameters
    ----------
    spectrum : DataFrame (n_assets rows)
        Columns rank (1 is the largest), eigenvalue (variance in units of one asset's), share (fraction of all variance),
        noise_edge (Marchenko and Pastur's upper edge, the same on every row).
    sample : str
        The days that it describes, for the title.
    """
    edge = float(spectrum["noise_edge"].iloc[0])
    signal = spectrum["eigenvalue"] > edge
    figure = go.Figure()
    for name, rows, color in [("above the noise edge", spectrum[signal], "#c8371e"),
                              ("could be noise", spectrum[~signal], "#8fa3b8")]:
        figure.add_scatter(x=rows["rank"].to_numpy(), y=rows["eigenvalue"].to_numpy(), name=name, mode="markers+text",
                           marker=dict(size=9, color=color), textposition="middle right",
                           text=[f"{share:.1%}" if name != "could be noise" else "" for share in rows["share"]])
    last = spectrum["rank"].max() + 0.5
    figure.add_scatter(x=[0.5, last], y=[edge, edge], mode="lines", name=f"noise edge {edge:.2f}",
                       line=dict(color=INK, width=1.2, dash="dash"))
    figure.update_xaxes(title_text="rank of the eigenvalue", range=[0.5, last])
    figure.update_yaxes(title_text="eigenvalue (1 = variance of one asset, log axis)",
                        **log_axis(max(spectrum["eigenvalue"].min(), 1e-4) / 1.3, spectrum["eigenvalue"].max() * 1.6))
    return dress(figure, f"{signal.sum()} of {len(spectrum)} eigenvalues stand out of the noise",
                 f"{sample}; numbers: their share of all variance", legend=dict(x=0.99, xanchor="right", y=0.98))


def frontier(two_fund: pd.DataFrame, long_only: pd.DataFrame, random_portfolios: pd.DataFrame, portfolios: pd.DataFrame, *,
             periods_per_year: int, risk_free_rate: float, sample: str) -> go.Figure:
    """Risk and return of random portfolios, of both frontiers and of the chosen portfolios, annualized.

    Parameters
    ----------
    two_fund : DataFrame
        Frontier with short selling: columns target, volatility, per day.
    long_only, random_portfolios : DataFrame
        Columns expected_return, volatility, per day; of the random ones at most 3,000 are drawn (every k-th).
    portfolios : DataFrame
        Index: name. Columns expected_return, volatility (per day), gross_exposure (1 = long only).
    periods_per_year : int
        Days in a year; means are multiplied by it, volatilities by its root.
    risk_free_rate : float
        A year, a fraction; for the Sharpe ratio that colors the random portfolios.
    sample : str
        The days that the estimates come from, for the title.

    Notes
    -----
    The axes hold the long-only world. A portfolio far outside of it (short selling without limit) is written below the
    title instead of shrinking the rest to a dot.
    """
    def annual(frame, mean="expected_return"):
        return pd.DataFrame({"x": frame["volatility"] * periods_per_year**0.5, "y": frame[mean] * periods_per_year})

    every = -(-len(random_portfolios) // 3000)
    cloud, chosen = annual(random_portfolios.iloc[::every]), annual(portfolios)
    edge, shorts = annual(long_only), annual(two_fund, "target")
    core = pd.concat([cloud, edge])
    room = 0.08 * (core.max() - core.min())
    reach = chosen[(chosen - core.mean()).abs().le(0.8 * (core.max() - core.min())).all(axis=1)]
    inside = pd.concat([core, reach])
    x_range = (0, inside["x"].max() + room["x"])
    y_range = (inside["y"].min() - room["y"], inside["y"].max() + room["y"])

    figure = go.Figure(go.Scatter(
        x=cloud["x"].to_numpy("float32"), y=cloud["y"].to_numpy("float32"), mode="markers", name="random, long only",
        hoverinfo="skip", showlegend=False, marker=dict(
            size=4, color=((cloud["y"] - risk_free_rate) / cloud["x"]).to_numpy("float32"), colorscale="Viridis",
            colorbar=dict(title_text="Sharpe ratio (annual)", len=0.6, y=0, yanchor="bottom"))))
    for name, curve, style in [("frontier with short selling", shorts, dict(color=GREY, dash="dash", width=1.5)),
                               ("frontier, long only", edge, dict(color=INK, width=2))]:
        figure.add_scatter(x=curve["x"].to_numpy("float32"), y=curve["y"].to_numpy("float32"), mode="lines", name=name,
                           line=style)
    text = [words(name) + (f" (gross exposure {gross:.3g})" if gross > 1.0005 else "")
            for name, gross in portfolios["gross_exposure"].items()]
    chosen = chosen.assign(text=text)
    away = chosen.drop(reach.index)
    for name, x, y in reach.itertuples():
        figure.add_scatter(x=[x], y=[y], mode="markers", name=words(name), showlegend=False, marker=dict(
            size=11, symbol="diamond", color=strategy_color(name), line_color="white", line_width=1))
    label_points(figure, chosen.loc[reach.index], x_range=x_range, y_range=y_range, plot_size=(620, 350),
                 others=pd.concat([cloud.iloc[::10], edge, shorts]))
    if len(away):
        beyond = [f"{p.text}, volatility {p.x:.0%}, return {p.y:.0%}" for p in away.itertuples()]
        figure.add_annotation(text="outside the axes: " + "; ".join(beyond), x=0, y=1, xref="paper", yref="paper",
                              xanchor="left", yanchor="bottom", showarrow=False, font=dict(size=12, color=GREY))
    figure.update_xaxes(title_text="volatility (% a year)", tickformat=PERCENT, range=x_range)
    figure.update_yaxes(title_text="expected return (% a year)", tickformat=PERCENT, range=y_range)
    shown = f"{len(cloud):,} of {len(random_portfolios):,} random portfolios drawn; gross exposure 1 unless said"
    return dress(figure, "What the past rewarded: the efficient frontier", f"{sample}; {shown}", height=500,
                 margin_t=92, legend=dict(x=1.02, xanchor="left", y=1, yanchor="top"))


def portfolio_weights_bars(weights: pd.DataFrame, *, sample: str) -> go.Figure:
    """Weights of a few portfolios side by side, one panel a portfolio; beyond 25 assets the smallest are summed.

    Parameters
    ----------
    weights : DataFrame (n_assets, n_portfolios)
        Fractions that sum to 1 a column; negative where sold short. Columns are names such as `maximum_sharpe`.
    sample : str
        The days that the estimates come from, for the title.
    """
    if len(weights) > 25:
        size = (weights.abs() / weights.abs().max()).max(axis=1)  # each portfolio keeps its own largest
        largest = weights.loc[size.sort_values(ascending=False, kind="stable").index[:24]]
        rest = weights.drop(largest.index).sum().rename(f"other {len(weights) - 24}")
        weights = pd.concat([largest.loc[[asset for asset in weights.index if asset in largest.index]], rest.to_frame().T])
    figure = make_subplots(1, weights.shape[1], shared_yaxes=True, horizontal_spacing=0.02,
                           subplot_titles=[words(name) for name in weights])
    for i, name in enumerate(weights, start=1):
        figure.add_bar(x=weights[name].to_numpy("float32"), y=list(weights.index), orientation="h", name=words(name),
                       marker_color=strategy_color(name), showlegend=False, row=1, col=i)
    long_only = [i for i, name in enumerate(weights, start=1) if (weights[name] >= 0).all()]
    figure.update_xaxes(title_text="weight (%)", tickformat=PERCENT, nticks=4, zeroline=True, zerolinecolor=GREY)
    for i in long_only:  # one scale, so that bars compare; short positions would shrink it
        figure.update_xaxes(range=[0, 1.05 * weights.iloc[:, [i - 1 for i in long_only]].max().max()], col=i)
    figure.update_yaxes(autorange="reversed", dtick=1, tickfont_size=11)
    return dress(figure, "What each objective holds", sample, bargap=0.25, margin_t=92,
                 height=190 + 17 * max(len(weights), 14))


def risk_shares(shares: pd.DataFrame, *, portfolio: str, sample: str) -> go.Figure:
    """Weight and share of the risk of every asset held in one portfolio: money and risk are not spread alike.

    Parameters
    ----------
    shares : DataFrame (n_assets rows)
        Asset as index or as column `asset`; columns weight and risk_share, fractions that each sum to 1.
    portfolio : str
        Its name, for title and color.
    sample : str
        The days that the covariance comes from, for the title.
    """
    shares = shares.set_index("asset") if "asset" in shares else shares
    shares = shares[shares["weight"].abs() > 1e-6].sort_values("weight", ascending=False)
    names, color = list(shares.index), strategy_color(portfolio)
    figure = go.Figure()
    for asset, weight, risk in zip(names, shares["weight"], shares["risk_share"]):
        figure.add_shape(type="line", x0=asset, x1=asset, y0=weight, y1=risk, line_color=GREY, line_width=1.2, layer="below")
    for name, column, symbol in [("weight", "weight", "circle-open"), ("share of the risk", "risk_share", "circle")]:
        figure.add_scatter(x=names, y=shares[column].to_numpy("float32"), mode="markers", name=name,
                           marker=dict(size=9, symbol=symbol, color=color, line=dict(color=color, width=1.8)))
    figure.update_xaxes(title_text="asset, largest weight first", tickangle=-90 if len(names) > FEW else 0, dtick=1,
                        tickfont_size=fitting(len(names)))
    figure.update_yaxes(title_text="share of the portfolio (%)", tickformat=PERCENT, zeroline=True, zerolinecolor=GREY)
    return dress(figure, f"Money and risk in {words(portfolio)}", f"{len(names)} assets held, {sample}",
                 legend=dict(x=0.99, xanchor="right", y=0.98))
