"""Pictures of what the past rewarded (stage 03): frontiers, weights, shares of risk."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.report.style import GREY, INK, dress, label_points, names_axis, strategy_color
from forefolio.study.vocabulary import PERCENT


def frontier(two_fund: pd.DataFrame, long_only: pd.DataFrame, random_portfolios: pd.DataFrame,
             portfolios: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float, sample: str) -> go.Figure:
    """Risk and return of random portfolios, of both frontiers and of the chosen portfolios, annualized.

    Parameters
    ----------
    two_fund : DataFrame
        Frontier with short selling: columns target, volatility, per day.
    long_only, random_portfolios : DataFrame
        Columns expected_return, volatility, per day; of the random ones at most 3,000 are drawn (every k-th).
    portfolios : DataFrame
        Index: name. Columns expected_return, volatility (per day), gross_exposure (1 = long only).
    risk_free_rate : float
        A year, a fraction; for the Sharpe ratio that colors the random portfolios.

    Notes
    -----
    Each label tells the gross exposure, because a portfolio that borrows many times its money may stand beside a
    long-only cloud (Zouaoui & Naas 2025, Fig. 4). The axes hold the long-only world; what lies far outside of it (short
    selling without limit) is written below the title.
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
    text = [f"{_words(name)} (gross {gross:.1f})" for name, gross in portfolios["gross_exposure"].items()]
    chosen = chosen.assign(text=text)
    away = chosen.drop(reach.index)
    for name, x, y in reach.itertuples():
        figure.add_scatter(x=[x], y=[y], mode="markers", name=_words(name), showlegend=False, marker=dict(
            size=11, symbol="diamond", color=strategy_color(name), line_color="white", line_width=1))
    label_points(figure, chosen.loc[reach.index], x_range=x_range, y_range=y_range, plot_size=(620, 350),
                 others=pd.concat([cloud[::10], edge, shorts]))
    for note, name in zip(figure.layout.annotations, reach.index):  # in a crowd the color tells whose label it is
        note.update(font_color=strategy_color(name), arrowcolor=strategy_color(name), bgcolor="rgba(255,255,255,0.8)")
    if len(away):
        beyond = [f"{p.text}, volatility {p.x:.0%}, return {p.y:.0%}" for p in away.itertuples()]
        figure.add_annotation(text="outside the axes: " + "; ".join(beyond), x=0, y=1, xref="paper", yref="paper",
                              xanchor="left", yanchor="bottom", showarrow=False, font=dict(size=12, color=GREY))
    figure.update_xaxes(title_text="volatility (% a year)", tickformat=PERCENT, range=x_range)
    figure.update_yaxes(title_text="expected return (% a year)", tickformat=PERCENT, range=y_range)
    shown = f"{len(cloud):,} of {len(random_portfolios):,} random portfolios drawn; gross: sum of absolute weights"
    return dress(figure, "What the past rewarded: the efficient frontier", f"{sample}; {shown}", height=500,
                 margin_t=92, legend=dict(x=1.02, xanchor="left", y=1, yanchor="top"))


def portfolio_weights_bars(weights: pd.DataFrame, *, sample: str) -> go.Figure:
    """Weights of a few portfolios side by side, one panel a portfolio; beyond 25 assets the smallest are summed.

    `weights` has a row per asset and a column per portfolio, named such as `maximum_sharpe`; short sales are negative.
    """
    if len(weights) > 25:
        size = (weights.abs() / weights.abs().max()).max(axis=1)  # each portfolio keeps its own largest
        shown = weights.index.isin(size.sort_values(ascending=False, kind="stable").index[:24])
        rest = weights[~shown].sum().rename(f"other {len(weights) - 24}")
        weights = pd.concat([weights[shown], rest.to_frame().T])
    figure = make_subplots(1, weights.shape[1], shared_yaxes=True, horizontal_spacing=0.02,
                           subplot_titles=[_words(name) for name in weights])
    for i, name in enumerate(weights, start=1):
        figure.add_bar(x=weights[name].to_numpy("float32"), y=list(weights.index), orientation="h", name=_words(name),
                       marker_color=strategy_color(name), showlegend=False, row=1, col=i)
    figure.update_xaxes(title_text="weight (%)", tickformat=PERCENT, nticks=4, zeroline=True, zerolinecolor=GREY)
    long_only = weights.min() >= 0
    for i in np.flatnonzero(long_only):  # one scale, so that bars compare; short positions would shrink it
        figure.update_xaxes(range=[0, 1.05 * weights.loc[:, long_only].max().max()], col=int(i) + 1)
    figure.update_yaxes(autorange="reversed", dtick=1, tickfont_size=11)
    return dress(figure, "What each objective holds", sample, bargap=0.25, margin_t=92,
                 height=190 + 17 * max(len(weights), 14))


def risk_shares(shares: pd.DataFrame, *, portfolio: str, sample: str) -> go.Figure:
    """Weight and share of the risk of every asset held in one portfolio: money and risk are not spread alike.

    `shares` has a row per asset and the columns weight and risk_share, fractions that each sum to 1.
    """
    shares = shares[shares["weight"].abs() > 1e-6].sort_values("weight", ascending=False)
    riskless = "" if shares["risk_share"].notna().any() else "; its assets never moved, so there is no risk to share"
    names, color = list(shares.index), strategy_color(portfolio)
    figure = go.Figure()
    for i, (weight, risk) in enumerate(zip(shares["weight"], shares["risk_share"])):
        figure.add_shape(type="line", x0=i, x1=i, y0=weight, y1=risk, line=dict(color=GREY, width=1.2),
                         layer="below")
    for name, column, symbol in [("weight", "weight", "circle-open"), ("share of the risk", "risk_share", "circle")]:
        figure.add_scatter(x=names, y=shares[column].to_numpy("float32"), mode="markers", name=name,
                           marker=dict(size=9, symbol=symbol, color=color, line=dict(color=color, width=1.8)))
    figure.update_xaxes(title_text="asset, largest weight first", **names_axis(len(names)))
    figure.update_yaxes(title_text="share of the portfolio (%)", tickformat=PERCENT, zeroline=True, zerolinecolor=GREY)
    return dress(figure, f"Money and risk in {_words(portfolio)}", f"{len(names)} assets held, {sample}{riskless}",
                 legend=dict(x=0.99, xanchor="right", y=0.98))


def _words(name: str) -> str:
    """A portfolio's name as it is read: `maximum_sharpe` is maximum Sharpe."""
    return name.replace("_", " ").replace("sharpe", "Sharpe").replace("sortino", "Sortino").replace("cvar", "CVaR")
