"""Pictures of portfolios and their results (stages 05 and 06): weights, wealth, risk profiles, README."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forefolio.performance import metrics
from forefolio.portfolios.holdings import concentration, distance_from, effective_holdings
from forefolio.portfolios.problems import named
from forefolio.report.style import (BLUE, GREY, INK, LARGEST, MANY, RED, days, dress, label, label_ends, largest, line,
                                    names_axis, span, strategy_color, strategy_line, verbatim, weekly)
from forefolio.study.vocabulary import (BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, METRICS, PERCENT, counted, in_words,
                                        lower_is_better, parts, percent)

LONGEST = 260  # days; longer lines are drawn weekly
PANELS = ("annual_return", "annual_volatility", "max_drawdown", "turnover")  # of risk profiles
BESIDE = 0.27  # of a panel's width: room for the value beside an outermost dot


def timeline(index: pd.DatetimeIndex, dates: pd.DatetimeIndex, *, estimation_window: int,
             residual_window: int) -> go.Figure:
    """One decision on a time axis: the days that it knows, when it is made, and the days on which its weights earn.

    `index` has the days of returns and `dates` the rebalances; the first decision is drawn.
    """
    known, held = index[index <= dates[0]], index[index > dates[0]]
    held = held[held <= dates[1]] if len(dates) > 1 else held
    errors, window = known[-residual_window:], known[-estimation_window:]
    rows = [("covariance and drawdowns", window, GREY), ("mean forecast error", errors, GREY),
            ("weights are decided", known[-1:], RED), ("weights earn", held, BLUE)]
    figure = go.Figure()
    for row, (name, spell, color) in enumerate(rows):
        ends, told = days(spell[[0, -1]]), counted(len(spell), "day")
        figure.add_scatter(x=ends, y=[row, row], mode="lines+markers", name=name, showlegend=False,
                           line=dict(color=color, width=12), marker=dict(color=color, size=12, symbol="square"))
        figure.add_annotation(x=ends[row < 3], y=row - 0.38, text=f"{told}, {' to '.join(dict.fromkeys(ends))}",
                              showarrow=False, xanchor="right" if row < 3 else "left",
                              font_color=INK if color == GREY else color)
    figure.add_vline(x=days(known[-1:])[0], line=dict(color=RED, width=1.5, dash="dash"), layer="below")
    room = (held[-1] - window[0]) * 0.36  # for the last label
    figure.update_xaxes(type="date", title_text="date",
                        range=days(pd.DatetimeIndex([window[0] - room / 20, held[-1] + room])))
    figure.update_yaxes(range=[3.5, -0.8], tickvals=[0, 1, 2, 3], ticktext=[name for name, *_ in rows], ticks="",
                        showgrid=False)
    first, last = days(held[[0, -1]])
    return dress(figure, f"Decided at the close of {dates[0]:%Y-%m-%d}, earned from {first} to {last}",
                 f"the first of {len(dates)} rebalances; nothing to the right of the dashed line is known at the decision",
                 height=400)


def risk_aversion(weights: pd.DataFrame, mu: pd.Series, covariance: pd.DataFrame, *, chosen: float,
                  sample: str) -> go.Figure:
    """Weights of mean-variance as bars, with a slider over risk aversion: a large forecast counts less and less.

    `weights` are as `decisions.by_risk_aversion` gives them. Assets stand from the highest mean to the lowest. The slider
    starts at the value nearest `chosen`, and all its steps are stored in the figure: it needs no kernel. Of more than 60
    assets, the 24 largest have bars, and all others share the last.
    """
    weights = weights[mu.sort_values(ascending=False).index]
    drawn = largest(weights.T, weights.max(), LARGEST).T if weights.shape[1] > MANY else weights
    steps = []
    for (gamma, held), heights in zip(weights.iterrows(), drawn.to_numpy("float32").round(4)):
        name = f"\N{GREEK SMALL LETTER GAMMA} = {gamma:g}" if np.isfinite(gamma) else "Minimum variance"
        volatility = np.sqrt(held @ covariance.loc[held.index, held.index] @ held)
        title = (f"{name}: {effective_holdings(held):.1f} effective holdings, mean {percent(held @ mu, 2)}, "
                 f"volatility {percent(volatility, 2)} a day")
        steps.append((f"{gamma:g}" if np.isfinite(gamma) else "min. variance", title, heights))
    active = int(np.argmin(np.abs(np.log(weights.index.to_numpy()) - np.log(chosen)))) if chosen > 0 else 0
    figure = go.Figure(go.Bar(x=list(drawn), y=steps[active][2], name="weight", marker_color=BLUE,
                              hovertemplate="%{x}: %{y:.1%}<extra></extra>"))
    figure.add_hline(y=1 / len(mu), line=dict(color=INK, width=1, dash="dash"), annotation_text="equal weight",
                     annotation_position="top right")
    figure.update_xaxes(title_text="asset, from the highest mean to the lowest", **names_axis(list(drawn)))
    figure.update_yaxes(title_text="weight (%)", tickformat=PERCENT, range=[0, 1.05])
    subtitle = f"{sample}; move the slider from forecast-driven to minimum variance"
    dress(figure, steps[active][1], subtitle, height=550, margin_b=200, showlegend=False)
    whole, own = figure.layout.title.text, verbatim(steps[active][1])
    titles = [whole.replace(own, verbatim(title)) for _, title, _ in steps]
    return figure.update_layout(sliders=[dict(
        active=active, pad_t=110, font_size=11,
        currentvalue=dict(prefix="risk aversion \N{GREEK SMALL LETTER GAMMA}: "),
        steps=[dict(label=label, method="update", args=[{"y": [held]}, {"title.text": title}])
               for (label, _, held), title in zip(steps, titles)])])


def two_drawdowns(returns: pd.DataFrame) -> go.Figure:
    """How far each portfolio, a column of daily returns, is below its running peak: compounded and uncompounded."""
    added = returns.cumsum()
    kinds = {"compounded": (metrics.drawdown(returns), "solid"),
             "uncompounded": (added - added.cummax().clip(lower=0), "dot")}
    deepest = {name: [percent(-fallen[name].min()) for fallen, _ in kinds.values()] for name in returns}
    figure = make_subplots(1, returns.shape[1], shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=[
        f"{verbatim(name)}: {first} compounded, {second} uncompounded" for name, (first, second) in deepest.items()])
    for column, name in enumerate(returns, 1):
        for kind, (fallen, dash) in kinds.items():
            figure.add_trace(line(fallen[name], name=kind, showlegend=column == 1, legendgroup=kind,
                                  line=dict(color=INK if kind == "compounded" else RED, dash=dash, width=1.7)),
                             row=1, col=column)
    figure.update_xaxes(type="date", title_text="date", tickangle=0, nticks=5)
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="below the running peak (%)", col=1)
    worst = [f"{name} {first}" for name, (first, _) in deepest.items()]
    return dress(figure, f"Deepest compounded drawdown: {', '.join(worst)}",
                 f"daily, {span(returns)}; compounded: % of the peak, uncompounded: % of the initial wealth", margin_t=92,
                 legend=dict(orientation="h", y=-0.2))


def holdings_over_time(weights: pd.DataFrame, contributions: pd.DataFrame) -> go.Figure:
    """What each strategy holds at each rebalance, its main asset named, and which assets carry its risk at one of them.

    A row per strategy. On the left a bar has the largest weight, then the second and third in a lighter shade, then all
    others; short sales are below zero. On the right a tick is an asset's share of risk; `contributions` is as
    `holdings.risk_contributions` gives it for one date. Of more than 60 assets, only the 24 largest shares of risk have
    ticks, and a main asset has its name where its weight is at least 5 %.
    """
    order = {name: place for place, name in enumerate(FRAMEWORKS)}
    names = sorted(weights["strategy"].unique(), key=lambda name: order.get(parts(name)[1], len(order)))
    count = weights["asset"].nunique()
    held = concentration(weights).groupby("strategy")["effective_holdings"].mean()
    tall = 92 if len(names) <= 8 else 76  # pixels of a row, 24 of them for its title
    titles = [title for name in names for title in (f"{name}: {held[name]:.1f} effective holdings, mean", "")]
    figure = make_subplots(len(names), 2, column_widths=[0.75, 0.25], horizontal_spacing=0.03, shared_xaxes="columns",
                           vertical_spacing=24 / tall / len(names), subplot_titles=titles)
    main = {}
    for row, name in enumerate(names, 1):
        wide = weights[weights["strategy"] == name].pivot(index="rebalance_date", columns="asset", values="weight")
        wide = wide.fillna(0.0)
        main[name] = _bars(figure, wide, strategy_color(name), row=row)
        share = contributions[contributions["strategy"] == name].set_index("asset")["risk_share"].dropna()
        share = share if count <= MANY else share.loc[share.abs().nlargest(LARGEST).index]
        figure.add_scatter(x=share.to_numpy("float32"), y=np.zeros(len(share)), mode="markers+text", cliponaxis=False,
                           text=share.index.where(share == max(share.max(), 2 / count), ""), textposition="top center",
                           name=f"{name}, share of risk", customdata=list(share.index),
                           hovertemplate="%{customdata}: %{x:.1%}",
                           marker=dict(size=14, symbol="line-ns-open", line_width=2, color=strategy_color(name)),
                           row=row, col=2)
    figure.add_vline(x=1 / contributions["asset"].nunique(), line=dict(color=INK, width=1, dash="dash"), col=2)
    figure.update_xaxes(type="date", col=1)
    figure.update_xaxes(title_text="rebalance date", row=len(names), col=1)
    figure.update_xaxes(tickformat=PERCENT, title_text="share of risk (%)", row=len(names), col=2)
    figure.update_yaxes(tickformat=PERCENT, nticks=3, col=1)
    figure.update_yaxes(title_text="weight (%)", row=(len(names) + 1) // 2, col=1)
    figure.update_yaxes(visible=False, range=[-1, 1.6], col=2)
    figure.update_annotations(xanchor="left", x=0.0)
    of_framework = pd.Series(main).groupby(lambda name: parts(name)[1]).mean().sort_values()
    of_framework = of_framework.drop(EQUAL_WEIGHT, errors="ignore") if len(of_framework) > 1 else of_framework
    shares = "each asset's share of risk" if count <= MANY else f"the {LARGEST} largest shares of risk"
    ends = " to ".join(f"{percent(of_framework[name], 0)} ({name})" for name in dict.fromkeys(of_framework.index[[0, -1]]))
    return dress(figure, f"The main asset has {ends} of the money on average",
                 f"{span(weights['rebalance_date'].array)}; dark: the main asset, lighter: the next two, pale: the others; "
                 f"right: {shares} at the first date, dashed: equal shares", width=1000, height=190 + tall * max(len(names), 3),
                 margin_t=92, barmode="relative", bargap=0.06, showlegend=False)


def _bars(figure: go.Figure, wide: pd.DataFrame, color: str, *, row: int) -> float:
    """Bars of one strategy's weights, one row per date, with the name of the main asset; the mean of its weight."""
    ranked = np.sort(wide.to_numpy().clip(min=0))[:, ::-1]
    main, others = ranked[:, 0], ranked[:, 3:].sum(axis=1)
    shades = [("main asset", main, 1.0), ("next two", ranked[:, 1:3].sum(axis=1), 0.45), ("others", others, 0.15),
              ("short", wide.to_numpy().clip(max=0).sum(axis=1), 0.45)]
    alone = np.isclose(main, ranked[:, 1]) if ranked.shape[1] > 1 else np.zeros(len(main), bool)
    small = main < (0.05 if ranked.shape[1] > MANY else 0)
    names = wide.idxmax(axis=1).where(~alone & ~small, "")
    for kind, values, shade in shades:
        if np.abs(values).max() > 0:
            figure.add_bar(x=days(wide.index), y=values.astype("float32"), name=kind,
                           marker=dict(color=color, opacity=shade, line_width=0),
                           customdata=list(names), hovertemplate=f"{kind}: %{{y:.1%}} (%{{customdata}})", row=row, col=1)
    room = int(680 / len(wide) / 5.5)  # letters that a bar's width has room for
    if room >= 3:
        bright = np.array([0.30, 0.59, 0.11]) @ [int(color[at:at + 2], 16) for at in (1, 3, 5)] > 140
        inside = main > 0.25 * max(1, main.max())
        above = main + 0.14 * max(1, main.max())
        figure.add_scatter(x=days(wide.index), y=np.where(inside, main / 2, above), mode="text", name="main asset",
                           text=[str(name)[:room] for name in names], hoverinfo="skip", row=row, col=1,
                           textfont=dict(size=9, color=["white" if place and not bright else INK for place in inside]))
    return float(main.mean())


def moved(weights: pd.DataFrame) -> go.Figure:
    """How far each model's forecasts move money from equal weight, one row per model: taken as true, and as a view.

    A dot is the mean over rebalances of the one-way distance of `mvf` and of `black_litterman` from equal weight.
    """
    distance = distance_from(weights, EQUAL_WEIGHT).mean()
    pairs = {name: parts(name) for name in distance.index if parts(name)[1] in ("mvf", "black_litterman")}
    rows = list(dict.fromkeys("=".join(models) for models, _ in pairs.values()))
    figure = go.Figure()
    for framework, title in [("mvf", "taken at its word (mvf)"), ("black_litterman", "weighed by its errors")]:
        shown = [name for name, (_, own) in pairs.items() if own == framework]
        figure.add_scatter(x=distance[shown].to_numpy("float32"), y=["=".join(pairs[name][0]) for name in shown], name=title,
                           mode="markers+text", text=[percent(value) for value in distance[shown]], cliponaxis=False,
                           textposition="top center", marker=dict(size=12, color=strategy_color(f"lstm+{framework}")))
    figure.update_xaxes(title_text="one-way distance from equal weight (% of wealth)", tickformat=PERCENT, range=[-0.02, 1.05])
    figure.update_yaxes(autorange="reversed", dtick=1)
    dates = weights["rebalance_date"].unique()
    return dress(figure, "How far a forecast moves the portfolio", f"mean over {len(dates)} rebalances, {span(dates)}",
                 height=270 + 50 * max(len(rows), 3), legend=dict(orientation="h", y=-0.3))


def wealth(net_returns: pd.DataFrame, *, costs: str = "") -> go.Figure:
    """Growth of one in every strategy and the benchmark, each named at its end with its total return.

    `costs` is what the subtitle says of the costs that are in the returns, if there are any.
    """
    grown = metrics.wealth(net_returns)
    drawn, how = _from_one(grown)
    figure = _lines(drawn, {name: f"{name} ({_gain(grown[name].iloc[-1] - 1)})" for name in _by_outcome(grown)}, "date")
    figure.add_hline(y=1, line=dict(color=GREY, width=1))
    figure.update_yaxes(title_text="wealth, start = 1")
    height = _tall(grown.shape[1])
    return dress(label_ends(figure, height=height), _ahead(grown.iloc[-1]),
                 f"growth of one, {how}, {span(net_returns)}{costs}; in brackets: total return", height=height)


def monthly_excess(monthly_excess: pd.DataFrame, year: int | None = None) -> go.Figure:
    """Monthly return above the benchmark, of all years or of one, a panel per framework (Nguyen 2025, Figs. 2 and 3).

    All panels have one y axis. Strategies that read no forecast share a panel. A panel's title has its models in the
    colors of their bars.
    """
    shown = monthly_excess if year is None else monthly_excess[monthly_excess.index.year == year]
    alone = [name for name in shown if not parts(name)[0]]
    frameworks = {name: parts(name)[1] for name in shown} | (
        dict.fromkeys(alone, "without a forecast") if len(alone) > 1 else {})
    panels = list(dict.fromkeys(frameworks.values()))
    members = {panel: [name for name in shown if frameworks[name] == panel] for panel in panels}
    figure = make_subplots(len(panels), 1, shared_xaxes=True, shared_yaxes="all", vertical_spacing=0.22 / len(panels),
                           subplot_titles=[" ".join([f"<b>{verbatim(panel)}</b>"] * (members[panel] != [panel])
                                                    + list(map(_in_color, members[panel]))) for panel in panels])
    months = [f"{month:%Y-%m-01}" for month in shown.index]
    for row, panel in enumerate(panels, 1):
        for name in members[panel]:
            figure.add_bar(x=months, y=shown[name].to_numpy("float32"), name=name, row=row, col=1, showlegend=False,
                           marker_color=strategy_color(name))
    figure.update_yaxes(tickformat=PERCENT, zeroline=True, zerolinecolor=INK)
    figure.update_yaxes(title_text="excess (% points a month)", row=len(panels) // 2 + len(panels) % 2, col=1)
    figure.update_xaxes(type="date")
    figure.update_xaxes(title_text="month", row=len(panels), col=1)
    above = (shown > 0).sum().sort_values(kind="stable")
    ends = [f"{above[name]} of {len(shown)} ({name})" for name in above.index[[0, -1]]]
    return dress(figure, f"Months above the benchmark: {ends[0]}" + f" to {ends[1]}" * (len(above) > 1),
                 f"compounded month of the strategy minus the benchmark's, {shown.index[0]:%Y-%m} to {shown.index[-1]:%Y-%m}",
                 height=190 + 115 * len(panels), bargap=0.25, margin_t=92)


def _in_color(name: str) -> str:
    """A square in the color of a strategy's bars, and the models of its name, or the name where it has none."""
    return (f"<span style='color:{strategy_color(name)}'>\N{BLACK SQUARE}</span> "
            + verbatim("=".join(parts(name)[0]) or name))


def cost_sensitivity(costs: pd.DataFrame, *, sample: str) -> go.Figure:
    """Total return of every strategy by the cost of trading, with the cost at which it falls to equal weight.

    `costs` is as `backtest.cost_sensitivity` gives it. The name at a line's end has the cost at which a line that starts
    above equal weight meets it, also where that is beyond the costs that are drawn. Who lost all wealth is left out, and
    named.
    """
    even = costs.set_index("strategy")["break_even_bps"].groupby(level=0).first()
    ends = costs.groupby("strategy", sort=False)["total_return"].max()
    lost = ends <= metrics.LOST - 1
    gone, costs = list(ends.index[lost]), costs[~costs["strategy"].map(lost)]
    wide = costs.pivot_table(index="cost_bps", columns="strategy", values="total_return", sort=False).sort_index()
    order = wide.columns if wide.empty else wide.iloc[0].sort_values(ascending=False).index
    figure = go.Figure([go.Scatter(x=list(wide.index), y=wide[name].to_numpy("float32"), mode="lines",
                                   name=name + (f" ({even[name]:.0f} bps)" if even.get(name, 0) > 0 else ""),
                                   line=_style(name))
                        for name in order])
    figure.add_hline(y=0, line=dict(color=GREY, width=1))
    figure.update_xaxes(title_text="cost of trading (basis points of what is traded)")
    figure.update_yaxes(title_text=label("total_return")[0], tickformat=PERCENT)
    height, title = _tall(len(order)), "What trading costs leave"
    if len(order) and len(wide) > 1:
        paid = (wide.iloc[0] - wide.iloc[-1]).sort_values(ascending=False)
        others = f", {_points(paid[EQUAL_WEIGHT])} from equal weight" if EQUAL_WEIGHT in paid.index[1:] else ""
        title = (f"A cost of {wide.index[-1]:g} basis points takes {_points(paid.iloc[0])} points of total return from "
                 f"{paid.index[0]}{others}")
    bracket = "; in brackets: the cost that brings it to equal weight" if (even > 0).any() else ""
    return dress(label_ends(figure, height=height), title, f"{sample}{bracket}{_left_out(gone)}", height=height)


def readme_figure(net_returns: pd.DataFrame, weights: pd.DataFrame, *, costs: str = "") -> go.Figure:
    """The project in one figure: each portfolio's wealth, and how many assets it held; bankrupt ones have no rank."""
    grown = metrics.wealth(net_returns)
    ruined = list(grown.columns[metrics.bankrupt(net_returns)])
    grown = grown.drop(columns=ruined)
    drawn, how = _from_one(grown)
    holdings, models = metrics.mean_holdings(weights), {model for name in grown for model in parts(name)[0]}
    texts = {name: f"{_gain(grown[name].iloc[-1] - 1)}  {in_words(name, len(models))}"
             + (f", {holdings[name]:.1f} assets" if name in holdings else "") for name in _by_outcome(grown)}
    figure = _lines(drawn, texts, "date")
    for trace, name in zip(figure.data, texts):
        trace.line.width = 3.4 if name in (EQUAL_WEIGHT, BENCHMARK) else 2
    figure.add_hline(y=1, line=dict(color=GREY, width=1))
    figure.update_yaxes(title_text="wealth, start = 1")
    height = _tall(grown.shape[1]) + 30
    own = {name: in_words(name, len(models)) for name in grown if name not in (EQUAL_WEIGHT, BENCHMARK)}
    return dress(label_ends(figure, height=height), _ahead(grown.iloc[-1].rename(own)),
                 f"growth of one, {how}, {span(net_returns)}{costs}; beside each line: total return, portfolio, effective "
                 f"number of assets{_left_out(ruined)}", height=height)


def _gain(value: float) -> str:
    """A total return with its sign, in whole percent."""
    return "+" * (round(100 * value) > 0) + percent(value, 0)


def _points(value: float) -> str:
    """A difference of percentages, in points."""
    return percent(value).removesuffix(" %")


def _ahead(final: pd.Series) -> str:
    """How many optimized portfolios ended ahead of equal weight, by the final wealth of each, under the name to be said."""
    own = final.drop([BENCHMARK, EQUAL_WEIGHT], errors="ignore")
    if EQUAL_WEIGHT not in final or own.empty:
        return "Growth of one"
    ahead = own[own > final[EQUAL_WEIGHT] + metrics.SAME]
    if len(own) == 1:
        return f"{own.index[0]} ended {'ahead of' if len(ahead) else 'behind or level with'} equal weight"
    many = {0: "None", len(own): "All"}.get(len(ahead), str(len(ahead)))
    best = f", {ahead.idxmax()} furthest" if 0 < len(ahead) < len(own) else ""
    return f"{many} of the {len(own)} optimized portfolios ended ahead of equal weight{best}"


def risk_profiles(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """Return, volatility, drawdown and turnover of every strategy, grouped by the investor it is meant for.

    `table` is as `investors.outcome` gives it, or `investors.with_profile` of `investors.promised` (without turnover).
    A line marks equal weight in each panel, and a stem leads from it to each strategy. What is missing (an index trades
    nothing) has no dot and says so. Returns are drawn from 0 % on, and every tick has its number. Who lost all wealth
    is left out, and named.
    """
    table, gone = _without_ruined(table)
    places, names = {}, []  # row of each strategy; what is written at each row: profiles over their strategies
    for profile in dict.fromkeys([*(framework.profile for framework in FRAMEWORKS.values()), *table["profile"]]):
        members = table.loc[table["profile"] == profile, "strategy"]
        names += [f"<b>{profile}</b>"] if len(members) else []
        places |= {name: len(names) + i for i, name in enumerate(members)}
        names += list(members)
    panels = [measure for measure in PANELS if measure in table]
    titles = [METRICS[measure].title.partition(", ")[0] for measure in panels]
    figure = make_subplots(1, len(panels), shared_yaxes=True, horizontal_spacing=0.025, subplot_titles=[
        f"\N{LEFTWARDS ARROW} {title}" if lower_is_better(measure) else f"{title} \N{RIGHTWARDS ARROW}"
        for measure, title in zip(panels, titles)])
    for column, (measure, title) in enumerate(zip(panels, titles), 1):
        _panel(figure, table.set_index("strategy")[measure], places, row=1, col=column)
        figure.update_xaxes(title_text=label(measure)[0].removeprefix(f"{title}, "), row=1, col=column)
    figure.update_xaxes(tickformat=PERCENT, tickangle=0)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], tickvals=list(range(len(names))), showgrid=False, ticks="")
    figure.update_yaxes(ticktext=names, col=1)
    reference = "; vertical line: equal weight" if EQUAL_WEIGHT in places else ""
    return dress(figure, _profile_title(table),
                 f"{sample}; arrows point to the better side{reference}{gone}", width=1000,
                 height=190 + 23 * max(len(names), 6), showlegend=False, margin_t=92)


def _profile_title(table: pd.DataFrame) -> str:
    """Which strategy has the highest return, and which the shallowest drawdown."""
    own = table[table["strategy"] != BENCHMARK].set_index("strategy")
    best = [f"{what}: {known.idxmax()} ({percent(known.max())})" for what, known in (
        (what, own[measure][np.isfinite(own[measure])]) for what, measure in (
            ("Highest return", "annual_return"), ("shallowest drawdown", "max_drawdown")) if measure in own) if len(known)]
    return "; ".join(best) or "Return and risk by risk profile"


def _panel(figure: go.Figure, values: pd.Series, places: dict[str, int], **there: int) -> None:
    """One measure: equal weight's line, a stem and a dot per strategy, its value on the side away from the line."""
    known = values[np.isfinite(values)]
    reference = known.get(EQUAL_WEIGHT, np.nan)
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    for name, place in places.items():
        color = strategy_color(name)
        if name not in known:
            figure.add_scatter(x=[high], y=[place], mode="text", name=name, text="\N{EN SPACE}none", hoverinfo="skip",
                               textfont=dict(size=11, color=GREY), textposition="middle right", **there)
            continue
        if not np.isnan(reference):
            figure.add_scatter(x=[reference, known[name]], y=[place, place], mode="lines", hoverinfo="skip",
                               line=dict(color=color, width=2), name=name, **there)
        figure.add_scatter(x=[known[name]], y=[place], mode="markers+text", text=percent(known[name]), name=name,
                           textposition="middle left" if known[name] < reference else "middle right", cliponaxis=False,
                           textfont=dict(size=11, color=INK), hovertemplate="%{x:.2%}",
                           marker=dict(size=10, color=color), **there)
    if not np.isnan(reference):
        figure.add_vline(x=reference, line=dict(color=strategy_color(EQUAL_WEIGHT), width=1.5), layer="below", **there)
    before = BESIDE if low < reference else 0.08
    width = max(high - low, 0.04) / (1 - before - BESIDE)
    ends = low - before * width, high + BESIDE * width
    if values.name == "annual_return":  # zero stands on the axis, with room for its number
        ends = min(ends[0], -0.08 * ends[1]), max(ends[1], -0.08 * ends[0])
    figure.update_xaxes(range=list(ends), tickvals=_ticks(*ends), **there)


def _ticks(low: float, high: float) -> list[float]:
    """At most four round values, zero among them where it is inside, none so near an end that its number is cut."""
    room = 0.05 * (high - low)
    power = 10.0 ** np.floor(np.log10((high - low) / 4))
    every = (step * np.arange(np.ceil((low + room) / step), np.floor((high - room) / step) + 1)
             for step in power * np.array([1, 2, 2.5, 5, 10, 20]))
    return next(list(ticks.round(12)) for ticks in every if len(ticks) <= 4)


def _without_ruined(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rows of strategies that kept some wealth, and the names left out, for a subtitle; a benchmark stays."""
    lost = metrics.ruined(table) & (table["strategy"] != BENCHMARK)
    return table[~lost], _left_out(list(table.loc[lost, "strategy"]))


def _left_out(ruined: list[str]) -> str:
    """The strategies that lost all wealth, for a subtitle; empty if there are none."""
    return f"; left out, all wealth lost: {named(ruined)}" if ruined else ""


def _style(name: str) -> dict:
    """Line of a strategy; what it is compared with is thicker."""
    return strategy_line(name, width=2.4 if name in (EQUAL_WEIGHT, BENCHMARK) else 1.7)


def _tall(count: int) -> int:
    """Height in pixels at which a legend of so many lines is whole."""
    return max(450, 140 + 20 * count)


def _lines(frame: pd.DataFrame, texts: dict[str, str], dates: str) -> go.Figure:
    """A line per strategy over time, in the order of their texts in the legend; `dates` is the title of the axis."""
    figure = go.Figure([line(frame[name], name=text, line=_style(name)) for name, text in texts.items()])
    return figure.update_xaxes(type="date", title_text=dates)


def _from_one(grown: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Wealth with the 1 of the day before its first, weekly where it is long, and the word that says which."""
    start = pd.DataFrame(1.0, index=grown.index[:1] - pd.Timedelta(days=1), columns=grown.columns)
    whole = pd.concat([start, grown])
    return (whole, "daily") if len(grown) <= LONGEST else (weekly(whole), "weekly")


def _by_outcome(grown: pd.DataFrame) -> list[str]:
    """Strategies from the highest final wealth to the lowest, as the lines end."""
    return list(grown.iloc[-1].sort_values(ascending=False).index)
