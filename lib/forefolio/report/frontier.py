"""Pictures of what the past rewarded (stage 03): means, frontiers, weights, and what other samples would have said."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.portfolios.holdings import effective_holdings
from forefolio.report.style import (BLUE, GREY, INK, LARGEST, MANY, RED, dots, dress, label_points, largest, names_axis,
                                    strategy_color, verbatim)
from forefolio.study.vocabulary import PERCENT, counted, percent

CLOUD, PALE = "#d3d9e0", "#aebccd"  # what stands behind: random portfolios, other frontiers
HELD = 0.005  # weights from here on count as held
NAMED = 25  # so many assets all have their names beside their points; of more, only half as many
STEPS = 20  # of the slider


def means(known: pd.DataFrame, *, sample: str) -> go.Figure:
    """The mean return of each asset with one standard error on both sides, the highest mean first.

    `known` has a row per asset and the columns mean and standard_error, fractions per year.
    """
    known = known.sort_values("mean", ascending=False, kind="stable")
    errors, many = known["standard_error"], len(known) > MANY
    bar = dict(color=PALE, width=0, thickness=min(2, 400 / len(known))) if many else dict(color=GREY, width=3)
    figure = go.Figure(go.Scatter(
        x=list(known.index), y=known["mean"].to_numpy("float32"), mode="markers", name="mean ± standard error",
        marker=dict(color=BLUE, size=dots(len(known), 8)), error_y=dict(array=errors.to_numpy("float32"), **bar)))
    unclear = int((known["mean"].abs() < 2 * errors).sum())
    figure.update_xaxes(title_text="asset, highest mean first", **names_axis(list(known.index)))
    figure.update_yaxes(title_text="mean return (% a year)", tickformat=PERCENT, zeroline=True, zerolinecolor=GREY)
    return dress(figure, f"{unclear} of {len(known)} means are less than two standard errors from zero",
                 f"bars: one standard error on each side, {percent(errors.median())} a year in the median; {sample}")


def frontier(two_fund: pd.DataFrame, long_only: pd.DataFrame, random_portfolios: pd.DataFrame,
             portfolios: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float, sample: str,
             assets: pd.DataFrame | None = None) -> go.Figure:
    """Risk and return of random portfolios, both frontiers, the chosen portfolios and single assets, annualized.

    Parameters
    ----------
    two_fund : DataFrame
        Frontier with short selling: columns target, volatility, per day.
    long_only, random_portfolios : DataFrame
        Columns expected_return, volatility, per day; of the random ones at most 1,500 are drawn (every k-th).
    portfolios : DataFrame
        Index: name. Columns expected_return, volatility (per day), gross_exposure (1 = long only).
    risk_free_rate : float
        A year, a fraction. The line from it to the maximum Sharpe portfolio is the steepest to any long-only one.
    assets : DataFrame, optional
        Index: asset. Columns expected_return, volatility, per day. Up to 25 have their names written; of more, the 12
        furthest from the middle, and the 6 furthest of more than 60.

    Notes
    -----
    A label has the gross exposure where that is above 1, because a portfolio that borrows many times its money may
    stand beside a long-only cloud (Zouaoui & Naas 2025, Fig. 4). The axes hold the long-only world. What lies far
    outside (short selling without limit, an asset more than three interquartile ranges from the others) is written
    below the title.
    """
    every = -(-len(random_portfolios) // 1500)
    cloud, chosen, edge, shorts = (_annual(frame, periods_per_year) for frame in (
        random_portfolios.iloc[::every], portfolios, long_only, two_fund.rename(columns={"target": "expected_return"})))
    single = edge[:0] if assets is None else _annual(assets, periods_per_year)
    near = single[~_far(single)]
    safe = chosen[portfolios["gross_exposure"] < 1 + 1e-6]
    core = pd.concat([cloud, near, safe] if len(near) else [cloud, edge])
    extent, middle = core.max() - core.min(), (core.max() + core.min()) / 2
    reach = chosen[(chosen - middle).abs().le(0.8 * extent).all(axis=1)]
    inside = pd.concat([core, reach])
    room = 0.06 * (inside.max() - inside.min())
    x_range = (0, inside["x"].max() + room["x"])
    y_range = (inside["y"].min() - room["y"], inside["y"].max() + room["y"])
    steepest = pd.concat([pd.DataFrame({"x": [0.0], "y": [risk_free_rate]}),
                          reach[reach.index == "maximum_sharpe"]])

    red = strategy_color("maximum_sharpe")
    figure = go.Figure(go.Scatter(**_float32(cloud), mode="markers", name="random, long only", hoverinfo="skip",
                                  marker=dict(size=3, color=CLOUD)))
    for name, curve, style in [("frontier with short selling", shorts, dict(color=GREY, dash="dash", width=1.5)),
                               ("frontier, long only", edge, dict(color=INK, width=2)),
                               ("from the risk-free rate", steepest, dict(color=red, dash="dot", width=1.2))]:
        if len(curve) > 1:
            figure.add_scatter(**_float32(curve), mode="lines", name=name, line=style)
    if len(near):
        figure.add_scatter(**_float32(near), mode="markers", name="single assets", text=list(near.index),
                           hoverinfo="text", marker=dict(size=dots(len(near), 6), color=INK, symbol="circle-open"))
    for name, x, y in reach.itertuples():
        figure.add_scatter(x=[x], y=[y], mode="markers", name=_words(name), showlegend=False, marker=dict(
            size=11, symbol="diamond", color=strategy_color(name), line_color="white", line_width=1))
    chosen = chosen.assign(color=[strategy_color(name) for name in chosen.index], text=[
        f"{_words(name)} (gross {gross:.1f})" if gross > 1.05 else _words(name)
        for name, gross in portfolios["gross_exposure"].items()])
    single = single.assign(color=INK, text=[verbatim(name) for name in single.index])
    distance = (near - near.median()).abs() / (near.max() - near.min()).replace(0, 1)
    most = NAMED if len(near) <= NAMED else NAMED // 2 if len(near) <= MANY else NAMED // 4
    written = near.index if len(near) <= most else distance.max(axis=1).nlargest(most).index
    labels = pd.concat([chosen.loc[reach.index], single.loc[written]])
    label_points(figure, labels, x_range=x_range, y_range=y_range, plot_size=(805, 400),
                 others=pd.concat([cloud[::10], *map(_dense, (edge, shorts, steepest))]))
    for note, color in zip(figure.layout.annotations, labels["color"]):  # in a crowd it tells whose label it is
        note.update(font_color=color, arrowcolor=color, bgcolor=None if color == INK else "rgba(255,255,255,0.8)")
    away = pd.concat([chosen.drop(reach.index), single.drop(near.index)])
    beyond = [f"{p.text}, volatility {p.x:.0%}, return {p.y:.0%}" for p in away.itertuples()]
    if beyond:
        more = [f"{len(beyond) - 3} more"] if len(beyond) > 3 else []
        figure.add_annotation(text="outside the axes: " + "; ".join(beyond[:3] + more), x=0, y=1, xref="paper",
                              yref="paper", xanchor="left", yanchor="bottom", showarrow=False, font_color=GREY)
    figure.update_xaxes(title_text="volatility (% a year)", tickformat=PERCENT, range=x_range)
    figure.update_yaxes(title_text="expected return (% a year)", tickformat=PERCENT, range=y_range)
    drawn = f"{len(cloud):,} of {len(random_portfolios):,} random portfolios"
    told = f"{sample}; {drawn} drawn; gross: sum of absolute weights, where it is not 1"
    title = _reached(safe, _annual(random_portfolios, periods_per_year), risk_free_rate)
    return dress(figure, title, told, height=560, margin_t=92,
                 margin_b=95, legend=dict(orientation="h", x=0, y=-0.14, yanchor="top"))


def _annual(frame: pd.DataFrame, periods_per_year: int, mean: str = "expected_return") -> pd.DataFrame:
    """Volatility as x and a mean as y, a year."""
    return pd.DataFrame({"x": frame["volatility"] * periods_per_year**0.5, "y": frame[mean] * periods_per_year})


def _float32(points: pd.DataFrame) -> dict:
    """Points as plotly takes them, in half the space."""
    return {letter: points[letter].to_numpy("float32") for letter in "xy"}


def _far(points: pd.DataFrame) -> pd.Series:
    """Which points lie more than three interquartile ranges outside of the middle half, in either direction."""
    low, high = points.quantile(0.25), points.quantile(0.75)
    return ((points < low - 3 * (high - low)) | (points > high + 3 * (high - low))).any(axis=1)


def _dense(curve: pd.DataFrame) -> pd.DataFrame:
    """Points all along a curve, ten for each of its own."""
    at = np.linspace(0, len(curve) - 1, 10 * len(curve))
    return pd.DataFrame({letter: np.interp(at, np.arange(len(curve)), curve[letter]) if len(curve) else at
                         for letter in "xy"})


def _reached(portfolios: pd.DataFrame, cloud: pd.DataFrame, risk_free_rate: float) -> str:
    """The title of a frontier: the best Sharpe ratio of a long-only portfolio beside that of random ones."""
    ratio, by_chance = ((points["y"] - risk_free_rate) / points["x"].where(points["x"] > 0)
                        for points in (portfolios, cloud))
    if ratio.isna().all() or by_chance.isna().all():
        return "The efficient frontier"
    best = _words(ratio.idxmax())
    return (f"{best[0].upper()}{best[1:]} has a Sharpe ratio of {ratio.max():.2f} in hindsight, "
            f"the median random portfolio {by_chance.median():.2f}")


def along_frontier(efficient: pd.DataFrame, *, periods_per_year: int, risk_free_rate: float, sample: str) -> go.Figure:
    """The weights of the long-only frontier at each wanted mean, with a slider; it opens at the best Sharpe ratio.

    `efficient` is as `portfolios.frontier.efficient_frontier` gives it. The slider needs no kernel. An asset that no
    point of the frontier holds is left out. Of more than 60 assets, the 24 largest have bars, and the others one.
    """
    points = efficient.iloc[np.unique(np.linspace(0, len(efficient) - 1, STEPS).round().astype(int))]
    curve, dots = _annual(efficient, periods_per_year), _annual(points, periods_per_year).round(5)
    every = points.iloc[:, 2:]
    weights = (every if every.shape[1] > MANY else every.loc[:, every.max() >= HELD]).round(4)
    ratio = (dots["y"] - risk_free_rate) / dots["x"].where(dots["x"] > 0)
    start = int(ratio.fillna(-np.inf).to_numpy().argmax())
    holdings = [effective_holdings(held) for _, held in weights.iterrows()]
    weights = largest(weights.T, weights.max(), LARGEST).T if every.shape[1] > MANY else weights
    names = [verbatim(str(name)) for name in weights]
    ratios = ["" if np.isnan(each) else f"Sharpe ratio {each:.2f}, " for each in ratio]
    told = [f"volatility {percent(x)}, {each}{n:.1f} effective holdings"
            for x, each, n in zip(dots["x"], ratios, holdings)]

    figure = make_subplots(1, 2, column_widths=[0.45, 0.55], horizontal_spacing=0.13,
                           subplot_titles=["frontier, long only", told[start]])
    figure.add_scatter(**_float32(curve), mode="lines", name="frontier", line=dict(color=INK, width=2), row=1, col=1)
    figure.add_scatter(**_float32(dots.iloc[[start]]), mode="markers", name="wanted mean",
                       marker=dict(size=13, symbol="diamond", color=RED), row=1, col=1)
    figure.add_bar(x=weights.iloc[start].to_numpy(), y=list(weights.columns), orientation="h", name="weights",
                   marker_color=RED, row=1, col=2)
    figure.update_xaxes(title_text="volatility (% a year)", tickformat=PERCENT, rangemode="tozero", col=1)
    figure.update_yaxes(title_text="wanted mean (% a year)", tickformat=PERCENT, col=1)
    figure.update_xaxes(title_text="weight (%)", tickformat=PERCENT, range=[0, 1.02], col=2)
    figure.update_yaxes(autorange="reversed", dtick=1, tickfont_size=11, col=2)
    steps = [dict(method="update", label=percent(y), args=[
        {"x": [[x], held.tolist()], "y": [[y], names]}, {"annotations[1].text": text}, [1, 2]])
        for x, y, (_, held), text in zip(dots["x"], dots["y"], weights.iterrows(), told)]
    figure.update_layout(sliders=[dict(active=start, steps=steps, pad=dict(t=45),
                                       currentvalue=dict(prefix="wanted mean a year: "))])
    title = (f"Effective holdings: {holdings[0]:.1f} at minimum variance, {holdings[start]:.1f} at the best Sharpe "
             f"ratio, {holdings[-1]:.1f} at the highest mean")
    return dress(figure, title, f"move the slider; {sample}", showlegend=False, margin_t=100, bargap=0.3,
                 height=330 + 16 * max(len(names), 14))


def resampled(frontiers: pd.DataFrame, efficient: pd.DataFrame, chosen: pd.DataFrame, *, periods_per_year: int,
              sample: str) -> go.Figure:
    """The frontiers of resampled means behind the estimated one, and each sample's maximum Sharpe portfolio twice.

    Parameters
    ----------
    frontiers : DataFrame
        First level of the index: the sample. Columns expected_return (by its own means) and volatility, per day.
    efficient : DataFrame
        The frontier of the estimated means: the same columns.
    chosen : DataFrame
        A row per sample. Columns promised and delivered, the expected return of its maximum Sharpe portfolio by its
        own means and by the estimated ones; volatility (all per day); and moved, the share of the money that moves.
    """
    figure = go.Figure()
    for number, (_, curve) in enumerate(frontiers.groupby(level=0)):
        figure.add_scatter(**_float32(_annual(curve, periods_per_year)), mode="lines", hoverinfo="skip",
                           name="frontiers of resampled means", showlegend=number == 0, legendgroup="resampled",
                           line=dict(color=PALE, width=1))
    figure.add_scatter(**_float32(_annual(efficient, periods_per_year)), mode="lines", name="estimated frontier",
                       line=dict(color=INK, width=2.5))
    promised, delivered = (_annual(chosen, periods_per_year, column) for column in ("promised", "delivered"))
    for name, points, color, symbol in [("maximum Sharpe, promised", promised, RED, "diamond"),
                                        ("the same weights, delivered", delivered, BLUE, "circle")]:
        figure.add_scatter(**_float32(points), mode="markers", name=name, marker=dict(
            color=color, size=7, symbol=symbol, line=dict(color="white", width=0.5)))
    across = 1.1 * promised["x"].quantile(0.95)  # one wild sample would squeeze the others
    inside = pd.concat([promised, delivered])[lambda points: points["x"] <= across]["y"]
    low, high = min(inside.min(), efficient["expected_return"].iloc[0] * periods_per_year), inside.max()
    room, outside = 0.05 * (high - low) or 0.01, int((promised["x"] > across).sum())
    figure.update_xaxes(title_text="volatility (% a year)", tickformat=PERCENT,
                        range=[0.85 * promised["x"].min(), across or 1.0])
    figure.update_yaxes(title_text="expected return (% a year)", tickformat=PERCENT, range=[low - room, high + room])
    beyond = f"{outside} outside the axes; " if outside else ""
    moved = percent(chosen["moved"].mean(), 0)
    return dress(figure, f"Resampled means move {moved} of the money in maximum Sharpe, on average",
                 f"{counted(len(chosen), 'sample')} of the days, drawn with replacement; {beyond}{sample}",
                 height=500, margin_b=95, legend=dict(orientation="h", x=0, y=-0.16, yanchor="top"))


def portfolio_weights_bars(weights: pd.DataFrame, *, sample: str) -> go.Figure:
    """Weights of a few portfolios side by side, one panel a portfolio; beyond 25 assets the smallest are summed.

    `weights` has a row per asset and a column per portfolio, named such as `maximum_sharpe`; short sales are negative.
    """
    n_assets, held = len(weights), (weights.abs() >= HELD).sum()
    weights = largest(weights, (weights.abs() / weights.abs().max()).max(axis=1), LARGEST)  # each keeps its own largest
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
    title = (f"{_words(held.idxmax())} holds {held.max()} of {n_assets} assets, {_words(held.idxmin())} {held.min()}"
             if held.max() > held.min() else f"Every objective holds {held.max()} of {n_assets} assets")
    return dress(figure, title[0].upper() + title[1:], f"held: a weight of at least {HELD:.1%}; {sample}",
                 bargap=0.25, margin_t=92, height=190 + 17 * max(len(weights), 14))


def _words(name: str) -> str:
    """A portfolio's name as it is read: `maximum_sharpe` is maximum Sharpe."""
    return name.replace("_", " ").replace("sharpe", "Sharpe").replace("sortino", "Sortino").replace("cvar", "CVaR")
