"""Pictures of the market (stages 01 and 02): prices, days, availability, correlations."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from forefolio.report.style import (BLUE, FEW, GREY, INK, MANY, RED, asset_colors, days, dots, dress, fitting, label_ends,
                                    line, log_axis, names_axis, span, verbatim, weekly)
from forefolio.study.vocabulary import PERCENT, percent

KEPT, DROPPED, QUIET = BLUE, "#c8641e", "#a8a8a8"
PERIODS = "#cfe0f6", "#f7e5bb", "#f0f0f0"  # training, validation and test, behind lines


def prices(prices: pd.DataFrame) -> go.Figure:
    """Growth of one unit of money in every asset, weekly, on a log axis, with their mean.

    The mean is what equal amounts, bought on the first day and never traded, are worth. Of more than twelve assets the
    three best and the three worst have names and colors; hovering names the others. Of more than sixty assets, bands
    take the place of the others: the middle half and the middle 90 % of all assets, week by week.
    """
    growth, count = weekly(prices / prices.iloc[0]), prices.shape[1]
    colors, order = asset_colors(prices.columns), list(growth.iloc[-1].sort_values(ascending=False).index)
    named = order[:3] + order[-3:] if count > FEW else order
    quiet = [asset for asset in order if asset not in named] if count <= MANY else []
    figure = go.Figure(_bands(growth) if count > MANY else [
        line(growth[asset], name=asset, line=dict(color=QUIET, width=1), showlegend=False) for asset in quiet])
    figure.add_traces([line(growth[asset], name=asset, line=dict(color=colors[asset], width=1.6)) for asset in named])
    figure.add_trace(line(growth.mean(axis=1), name="mean of all", line=dict(color=INK, width=2.6)))
    figure.update_xaxes(type="date", title_text="date (weekly)")
    figure.update_yaxes(title_text="price, first day = 1 (log axis)",
                        **log_axis(growth.min().min() / 1.15, growth.max().max() * 1.15))
    best, worst = growth[order[0]].iloc[-1], growth[order[-1]].iloc[-1]
    bands = "; gray: the middle half and the middle 90 % of the assets" if count > MANY else ""
    return dress(label_ends(figure), f"1 unit of money became {best:.3g} in {order[0]} and {worst:.2g} in {order[-1]}",
                 f"{count} assets, weekly closes, {span(prices)}{bands}")


def _bands(growth: pd.DataFrame) -> list[go.Scatter]:
    """The middle 90 % and the middle half of all columns at each time, as filled bands behind lines."""
    ends = growth.quantile([0.05, 0.95, 0.25, 0.75], axis=1).T
    shown = dict(showlegend=False, hoverinfo="skip", line=dict(width=0))
    return [line(ends[at], fill=fill, fillcolor=color, **shown) for at, fill, color in (
        (0.05, None, None), (0.95, "tonexty", "#dedede"), (0.25, None, None), (0.75, "tonexty", "#bdbdbd"))]


def beside_index(returns: pd.DataFrame, earned: pd.DataFrame) -> go.Figure:
    """Growth of one in two portfolios (n_days, 2), weekly, on a log axis; `earned` is as `returns.earned` gives it."""
    growth = weekly((1 + returns).cumprod())
    figure = go.Figure([line(growth[name], name=name, line=dict(color=color, width=2.2))
                        for name, color in zip(growth, (BLUE, INK))])
    figure.update_xaxes(type="date", title_text="date (weekly)")
    figure.update_yaxes(title_text="growth of one (log axis)",
                        **log_axis(growth.min().min() / 1.1, growth.max().max() * 1.1))
    last = earned.iloc[-1]
    told = " and ".join(f"{name} {percent(last[name], 0)}" for name in growth)
    return dress(label_ends(figure), f"In the {earned.index[-1]} period: {told}", f"weekly, no costs, {span(returns)}")


def means(summary: pd.DataFrame, *, sample: str) -> go.Figure:
    """Mean return of each asset, two standard errors to each side, by a frame as `returns.asset_summary` gives it."""
    summary = summary.sort_values("mean_return")
    names, reach = list(summary.index), 2 * summary["standard_error"]
    bar = dict(width=0, thickness=1.6 if len(names) <= MANY else min(1.6, 400 / len(names)))
    clear = summary["mean_return"].abs() > reach
    figure = go.Figure()
    for name, rows, color, pale in [("more than two standard errors from zero", clear, BLUE, "#a9c4e4"),
                                    ("at most two", ~clear, GREY, "#d9d9d9")]:
        if rows.any():
            figure.add_scatter(x=list(summary.index[rows]), y=summary["mean_return"][rows].to_numpy(), mode="markers",
                               name=name, marker=dict(size=dots(len(names), 8), color=color),
                               error_y=dict(array=reach[rows].to_numpy(), color=pale if len(names) > MANY else None, **bar))
    figure.add_hline(y=0, line=dict(color=INK, width=1))
    figure.update_xaxes(title_text="asset, lowest mean first", categoryorder="array", 
                        categoryarray=[verbatim(name) for name in names], **names_axis(names))
    figure.update_yaxes(title_text="mean return (% a year)", tickformat=PERCENT)
    return dress(figure, f"{clear.sum()} of {len(names)} mean returns are more than two standard errors from zero",
                 f"bars: two standard errors to each side; {sample}",
                 legend=dict(orientation="h", x=1, xanchor="right", y=1.0, yanchor="bottom"))


def returns(returns: pd.DataFrame) -> go.Figure:
    """Daily returns of each asset: usual days as a box, and the extreme days beside those of a normal distribution.

    Box: middle half of all days; whiskers: 1st to 99th percentile. The ticks are where a normal distribution with the
    asset's mean and deviation is passed once in n_days. Assets stand in the order of their volatility.
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
        figure.add_scatter(x=names, y=expected.to_numpy(), mode="markers", name="most extreme day if normal",
                           showlegend=sign > 0, marker=tick)
        figure.add_scatter(x=names, y=extreme.to_numpy(), mode="markers", name="actual worst and best day",
                           showlegend=sign > 0, marker=dict(size=dots(len(names), 6), color=RED))
    figure.update_xaxes(title_text="asset, calmest first", **names_axis(names))
    figure.update_yaxes(title_text="daily return (%)", tickformat=PERCENT)
    times = float(((returns.mean() - returns.min()) / reach).median())
    return dress(figure, f"The worst day is {times:.1f} times what a normal distribution suggests (median asset)",
                 f"{len(names)} assets, {len(returns):,} daily returns each, {span(returns)}",
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
    count, shares = len(rows), share.to_numpy("float32").T
    style = dict(z=signed, zmin=-1, zmax=1, ygap=0.5, customdata=shares) if count <= MANY else dict(  # a byte per cell
        z=(100 * signed).round().astype("int8"), zmin=-100, zmax=100, customdata=(100 * shares).round().astype("int8"))
    figure = go.Figure(go.Heatmap(
        x=[f"{month}-15" for month in share.index], y=rows["ticker"].tolist(), showscale=False,
        colorscale=[(0, DROPPED), (0.5, "#ffffff"), (1, KEPT)], **style,
        hovertemplate=f"%{{y}}, %{{x|%b %Y}}: %{{customdata{':.0%}' if count <= MANY else '}%'} of days<extra></extra>"))
    last, = days([validation_end])
    figure.add_vline(x=last, line=dict(color=INK, width=1.5, dash="dash"))
    figure.add_annotation(x=last, y=1, yref="paper", yanchor="bottom", showarrow=False, text="end of validation",
                          font=dict(size=12, color="#666666"))
    kept = int(rows["kept"].sum())
    height = min(900, max(400, 220 + 16 * count))
    figure.update_xaxes(type="date", title_text="month", showgrid=False)
    every = -(-11 * count // (height - 200))  # name each asset that has room for its name
    figure.update_yaxes(autorange="reversed", title_text="asset", showgrid=False, dtick=every,
                        tickfont_size=fitting(count))
    return dress(figure, f"{kept} of {count} assets are complete enough to be kept",
                 f"share of the month's days with a price, <b style='color:{KEPT}'>kept</b>, "
                 f"<b style='color:{DROPPED}'>dropped</b>; {span(prices)}", height=height, margin_t=92)


def diversification(expected: pd.Series, orders: pd.DataFrame, *, floor: float, sample: str) -> go.Figure:
    """Annual volatility of equal weights over the number of assets: the closed form, and random orders of the assets.

    Parameters
    ----------
    expected : Series (n_assets,)
        As `correlation.equal_weight_volatility` gives it, a year.
    orders : DataFrame (n_assets, n_orders)
        As `correlation.random_orders` gives it, a year.
    floor : float
        Root of the mean covariance, a year, where volatility goes as assets are added; 0 where that is negative.
    sample : str
        The period, for the title.
    """
    count = len(expected)
    some = orders.iloc[np.unique(np.geomspace(1, count, 60).round().astype(int)) - 1] if count > 60 else orders
    figure = go.Figure([go.Scatter(x=some.index.to_numpy("int16"), y=some[order].to_numpy("float32"), mode="lines",
                                   line=dict(color=QUIET, width=1), name="random orders", hoverinfo="skip")
                        for order in some])
    figure.add_scatter(x=expected.index.to_numpy(), y=expected.to_numpy(), name="closed form", marker_size=5,
                       mode="lines+markers" if count <= MANY else "lines", line=dict(color=BLUE, width=2.4))
    figure.add_hline(y=floor, line=dict(color=INK, width=1.2, dash="dash"))
    figure.update_xaxes(**_counts_axis("number of assets, equally weighted", count))
    figure.update_yaxes(title_text="volatility (% a year)", tickformat=PERCENT, rangemode="tozero")
    first, last = percent(expected.iloc[0]), percent(expected.iloc[-1])
    return dress(figure, f"Volatility falls from {first} with 1 asset to {last} with {count}",
                 f"blue: root of the mean variance; gray: {orders.shape[1]} random orders; dashed: the floor, "
                 f"{percent(floor)}; {sample}", showlegend=False)


def _counts_axis(title: str, last: int) -> dict:
    """An axis from 1 to `last`; beyond 60 a log axis, because what matters is at its start."""
    if last <= MANY:
        return dict(title_text=title, range=[0.5, last + 0.5])
    return dict(title_text=f"{title} (log axis)", **log_axis(0.9, 1.1 * last))


def correlation_heatmap(correlation: pd.DataFrame, *, sample: str) -> go.Figure:
    """Correlations (n_assets, n_assets) as a heatmap, each pair once, in the order given; numbers up to 25 assets.

    Of more than 60 assets, neighbors stand together: a cell is the mean of all pairs of two groups, or of one.
    """
    names, count = list(correlation.columns), len(correlation)
    pairs = correlation.where(np.tri(count, k=-1, dtype=bool))
    first, second = pairs.stack().idxmax()
    cells = _of_groups(pairs) if count > MANY else pairs.iloc[1:, :-1]
    figure = go.Figure(go.Heatmap(
        z=cells.to_numpy("float32"), x=list(cells.columns), y=list(cells.index), zmin=-1, zmax=1, xgap=0.5, ygap=0.5,
        colorscale="RdBu", reversescale=True, texttemplate="%{z:.2f}" if count <= 25 else None,
        textfont_size=10 if count > FEW else 12, hoverongaps=False, hovertemplate="%{y}, %{x}: %{z:.3f}<extra></extra>",
        colorbar_title_text="correlation (no unit)"))
    axis = names_axis(names[:MANY]) | dict(showline=False, showgrid=False)
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis | dict(tickangle=None), autorange="reversed")
    most, mean = pairs.loc[first, second], np.nanmean(pairs.to_numpy())
    title = f"{second} and {first} move most alike ({most:.2f}); the mean of all pairs is {mean:.2f}"
    grouped = f"; each cell: mean of pairs of groups of {-(-count // MANY)} neighbors" if count > MANY else ""
    return dress(figure, title, f"{sample}{grouped}", width=820, height=700)


def _of_groups(pairs: pd.DataFrame) -> pd.DataFrame:
    """The mean of the known pairs of each two groups of neighbors, at most 60 groups, each named by its first asset."""
    starts = np.arange(0, len(pairs), -(-len(pairs) // MANY))
    values, sizes = pairs.to_numpy(), np.diff([*starts, len(pairs)])
    sums, known = (np.add.reduceat(np.add.reduceat(part, starts, axis=0), starts, axis=1)
                   for part in (np.nan_to_num(values), np.isfinite(values).astype(float)))
    names = [f"{pairs.columns[start]} + {size - 1}" if size > 1 else pairs.columns[start] for start, size in zip(starts, sizes)]
    return pd.DataFrame(np.divide(sums, known, out=np.full_like(sums, np.nan), where=known > 0), names, names)


def rolling_correlation(series: pd.Series, periods: pd.DataFrame, *, window: int) -> go.Figure:
    """Mean correlation of all pairs over the `window` days up to each date, weekly, with the periods shaded."""
    series = series.dropna()
    figure = go.Figure(line(weekly(series), line=dict(color=BLUE, width=1.6), showlegend=False))
    figure.update_xaxes(type="date", title_text="last day of the window (weekly)")
    figure.update_yaxes(title_text="mean correlation of pairs (no unit)", rangemode="tozero")
    dress(figure, f"The mean correlation moves between {series.min():.2f} and {series.max():.2f}",
          f"over {window} days each, drawn weekly, {span(series)}")
    return with_periods(figure, periods)


def spectrum(spectrum: pd.DataFrame, *, sample: str) -> go.Figure:
    """Eigenvalues of the correlation matrix, as `correlation.spectrum` gives them, against both edges of noise."""
    edge, rest = (float(spectrum[name].iloc[0]) for name in ("noise_edge", "rest_edge"))
    plain, after = spectrum["eigenvalue"] > edge, spectrum["eigenvalue"] > rest
    figure = go.Figure()
    groups = {"above the edge of noise": (plain, RED), "above the lower edge only": (after & ~plain, "#e39a1f"),
              "below both": (~after, "#8fa3b8")}
    for name, (rows, color) in groups.items():
        if rows.any():
            figure.add_scatter(x=spectrum["rank"][rows].to_numpy(), y=spectrum["eigenvalue"][rows].to_numpy(),
                               name=f"{name}: {rows.sum()}", mode="markers", marker=dict(size=9, color=color))
    last = int(spectrum["rank"].max())
    largest, share = spectrum["eigenvalue"].iloc[0], percent(spectrum["share"].iloc[0], 0)
    for height, text, anchor in [(edge, "edge of noise", "bottom"), (rest, "edge of what the first leaves", "top")]:
        if anchor == "bottom" or rest < edge:
            figure.add_hline(y=height, line=dict(color=INK, width=1.2, dash="dash"))
            figure.add_annotation(x=1, xref="paper", xanchor="right", y=np.log10(height), yanchor=anchor,
                                  showarrow=False, text=f"{text}: {height:.2f}")
    figure.add_annotation(x=1 if len(spectrum) <= MANY else 0, y=np.log10(largest), text=f"{share} of all variance", showarrow=False, xanchor="left",
                          xshift=10)
    figure.update_xaxes(**_counts_axis("rank of the eigenvalue", last))
    figure.update_yaxes(title_text="eigenvalue (1 = variance of one asset, log axis)",
                        **log_axis(max(spectrum["eigenvalue"].min(), 1e-4) / 1.3, spectrum["eigenvalue"].max() * 1.6))
    title = f"{plain.sum()} of {len(spectrum)} eigenvalues are above the edge of noise"
    title += f"; {after.sum()} once the first has its share" if rest < edge else ""
    return dress(figure, title, sample, legend=dict(x=0.99, xanchor="right", y=0.98))
