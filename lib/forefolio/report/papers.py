"""Pictures and sentences that only the papers' own notebooks need."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from pandas.io.formats.style import Styler
from plotly.subplots import make_subplots

from forefolio.papers import crypto_steps, equity, equity_steps
from forefolio.papers.printed import values
from forefolio.performance import metrics
from forefolio.report.style import BLUE, GREY, INK, RED, asset_colors, bare, days, dress, span, strategy_color
from forefolio.study.vocabulary import BENCHMARK, MODELS, PERCENT, counted, listed, percent

NO_SWEEP = "*{what} is not there yet: run `make papers`, which runs whole sweeps and writes their tables beside this notebook.*"


def no_sweep(what: str) -> str:
    """A note that the results of a sweep are not beside the notebook."""
    return NO_SWEEP.format(what=what)


def whole(rows: pd.DataFrame) -> Styler:
    """Claims as a notebook shows them: texts in full, numbers with five digits, a solver's tiny values as zero."""
    def written(value: object) -> str:
        return value if isinstance(value, str) else "" if pd.isna(value) else f"{round(value, 8) + 0.0:.5g}"
    to_left = [{"selector": "td, th", "props": "text-align: left"}]  # one rule for all: a property per cell would be long
    return Styler(rows.reset_index(drop=True), cell_ids=False).hide(axis="index").set_table_styles(to_left).format(
        written, subset=["published", "ours"])


# ---------------------------------------------------------------------------------------------------------- Nguyen 2025
# What `papers.equity_steps` finds: grids of networks, errors beside zero's, and what other choices would have given.
WINDOWS = {30: dict(symbol="circle", color="#d98200"), 250: dict(symbol="square", color="#1f5fa8")}  # days of risk
PANELS = {  # number of Table 5: the column of choices that reads it as the paper most likely means it, axis, and unit
    "total return": ("summed_excess_but_first", "sum of monthly excess returns but the first (%)", 100),
    "information ratio": ("information_ratio_but_first", "mean over standard deviation, per month", 1),
}


def left_out(table: pd.DataFrame, published: Mapping[str, pd.DataFrame]) -> str:
    """How many stocks this run keeps, and how many the paper did; `table` is as `equity_steps.left_out` gives it."""
    ours, out = (int(table.loc[table["what"].eq("kept") == kept, "stocks"].sum()) for kept in (True, False))
    theirs, gone = (int(values(published, "Data", f"constituents {name}").iloc[0])
                    for name in ("with complete histories", "excluded"))
    return (f"The file of this run has {ours + out} tickers: **{ours} are kept and {out} left out**, where the paper "
            f"keeps {theirs} of {theirs + gone}. Each is named with its reason in `tables/universe.csv`.")


def grid(grids: Mapping[str, pd.DataFrame], zero: Sequence[float | None], *, sample: str) -> go.Figure:
    """
    Each network of both grids by its error in validation and test, a panel per model; the paper's network is red.

    Parameters
    ----------
    grids : dict of DataFrames
        By model, as `equity_steps.grid` gives them; those without points have no panel.
    zero : sequence
        Mean absolute errors of forecasting zero in validation (simple returns) and test (log returns), a day; None
        where the run has none. The axes show how far the errors of a point lie above these.
    """
    grids = {model: points for model, points in grids.items() if len(points)}
    ranks = [f"{equity.NETWORKS[model]} {own.rank} of {len(points)}" for model, points in grids.items()
             for own in points[points["chosen"]].itertuples()]
    title = f"Rank in validation of the paper's networks: {listed(ranks)}" if ranks else "Networks around the paper's choice"
    if not grids or None in zero:
        return bare("this run has no zero forecast" if grids else "no grid is beside this notebook", title, sample)
    figure = make_subplots(1, len(grids), horizontal_spacing=0.1, subplot_titles=[
        f"{equity.NETWORKS[model]}, {counted(len(points), 'network')}" for model, points in grids.items()])
    kinds = {False: ("a network of the grid", dict(size=9, color="#7f9fc4")),
             True: ("the paper's choice", dict(size=14, color=RED, symbol="diamond"))}
    for column, (model, points) in enumerate(grids.items(), 1):
        there, swept = dict(row=1, col=column), equity_steps.settings(points)
        for chosen, (name, marker) in kinds.items():
            own = points[points["chosen"] == chosen]
            hover = ["<br>".join(f"{setting} {row[setting]:g}" for setting in swept) for _, row in own.iterrows()]
            x, y = (own[error].to_numpy() / nothing - 1 for error, nothing in zip(("validation_mae", "mae"), zero))
            figure.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker, customdata=hover, legendgroup=name,
                               showlegend=column == 1, hovertemplate="%{customdata}<extra></extra>", **there)
        figure.add_scatter(x=[0], y=[0], mode="markers+text", name="forecasting zero", text="zero", showlegend=False,
                           textposition="top right", hovertemplate="forecasting zero<extra></extra>",
                           marker=dict(size=13, color=INK, symbol="x-thin", line_width=2.5), **there)
    figure.update_xaxes(title_text="validation MAE above that of zero (%)", tickformat=".2~%", nticks=6)
    figure.update_yaxes(tickformat=".2~%")
    figure.update_yaxes(title_text="test MAE above that of zero (%)", col=1)
    return dress(figure, title, f"{sample}; one dot per network; mean absolute error, averaged over stocks", margin_t=100,
                 height=480, legend=dict(orientation="h", y=-0.2))


def grid_words(grids: Mapping[str, pd.DataFrame]) -> str:
    """The rank of the paper's networks in their grids, how far the errors differ, and what the choice was worth."""
    return "\n\n".join(_one_grid(equity.NETWORKS[model], points) for model, points in grids.items())


def _one_grid(title: str, points: pd.DataFrame) -> str:
    if points.empty:
        return no_sweep(f"The grid of the {title}")
    best, own, validated, tested = points.iloc[0], points[points["chosen"]], points["validation_mae"], points["mae"]
    told = [f"**{title}.** The grid has {counted(len(points), 'network')}. The best has a validation MAE of "
            f"{100 * best['validation_mae']:.4f} % per day. The MAE of the worst is {_above(validated.max(), validated.min())} "
            "higher.",
            "The paper's network is not in this grid."]
    if len(own):
        own = own.iloc[0]
        told[1] = (f"The paper's network has rank {own['rank']} in validation, "
                   f"{_above(own['validation_mae'], best['validation_mae'])} above the best, and rank "
                   f"{own['test_rank']} in the test period.")
    told += [f"The best network in validation has rank {best['test_rank']} in the test period, where all test errors lie within "
             f"{_above(tested.max(), tested.min())}. The rank correlation of the two errors is "
             f"{validated.corr(tested, method='spearman'):.2f}."]
    totals = points["total_return_mvf"].dropna()
    if len(totals):
        told += [f"With their forecasts, MVF earned between {percent(totals.min(), 0)} and {percent(totals.max(), 0)}: "
                 f"{percent(best['total_return_mvf'], 0)} with the best network in validation"
                 + (f", {percent(own['total_return_mvf'], 0)} with the paper's, rank "
                    f"{(totals > own['total_return_mvf']).sum() + 1} of {len(totals)}." if len(own) else ".")]
    return " ".join(told)


def _above(error: float, other: float) -> str:
    """By how much an error exceeds another, in percent of that."""
    return percent(error / other - 1, 2)


def stopping_words(table: pd.DataFrame) -> str:
    """What early stopping changes; `table` is as `equity_steps.stopping` gives it."""
    if table.empty:
        return no_sweep("The table of errors with and without early stopping")
    told = []
    for model, rows in table.groupby("model", sort=False):
        told += [f"* {equity.NETWORKS[model]}, " + (f"patience of {row.patience:g} epochs" if row.patience else "all epochs")
                 + f": {100 * row.mae:.4f} % per day, {percent(row.above_zero, 2)} above that of zero; {row.reproduced} of the "
                 f"{len(equity.ERRORS)} printed errors are reproduced" for row in rows.itertuples()]
    return "\n".join(["Test MAE with and without early stopping:", "", *told])


def above_zero(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """
    How far each error of Table 4 lies above the error of forecasting zero: as printed, and in this run.

    `table` is as `equity_steps.above_zero` gives it.
    """
    if table.empty:
        return bare("this run has no zero forecast", "Errors beside those of forecasting zero", sample)
    own = table[[name in equity.NETWORKS.values() for name in table.index]].stack().dropna()
    title = f"Table 4: {(own > 0).sum()} of {counted(len(own), 'error')} of this run's networks are above those of forecasting zero"
    figure, colors = go.Figure(), {name: strategy_color(model) for model, name in equity.NETWORKS.items()}
    for name in sorted(table.index, key=lambda name: name in colors):  # this run's networks lie on top
        printed, known = name.endswith("printed"), table.loc[name].dropna()
        color = colors.get(name.partition(",")[0], GREY)
        figure.add_scatter(x=known.to_numpy(), y=list(known.index), mode="markers+text", name=name, cliponaxis=False,
                           text=[percent(value) if printed else "" for value in known], textposition="top center",
                           marker=dict(size=12, color=color, symbol="diamond-open" if printed else "circle",
                                       line=dict(color=color, width=2)), hovertemplate="%{x:.2%}")
    figure.add_vline(x=0, line=dict(color=INK, width=1.5), layer="below")
    ends = np.append(table.to_numpy(), 0.0)
    room = 0.06 * max(np.nanmax(ends) - np.nanmin(ends), 0.01)
    figure.update_xaxes(title_text="error above that of forecasting zero (%)", tickformat=PERCENT,
                        range=[np.nanmin(ends) - room, np.nanmax(ends) + room])
    figure.update_yaxes(autorange="reversed", dtick=1)
    return dress(figure, title, f"{sample}; open: as printed, for the paper's stocks; filled: this run; line: forecasting zero", height=420)


def choices(published: Mapping[str, pd.DataFrame], own: Mapping[str, object], *, sample: str) -> go.Figure:
    """
    Total excess return and information ratio of each strategy, as printed and for each choice that the paper leaves open.

    Parameters
    ----------
    published : dict of DataFrames
        `choices` and `numbers`, as `Stage.published` gives them.
    own : dict
        The choices of this run by parameter: its dots have a ring.
    """
    rows = published.get("choices", pd.DataFrame(columns=["strategy"]))
    titles = {strategy: name for name, strategy in equity.STRATEGIES.items()}
    rows = rows[rows["strategy"].isin(titles)]
    if rows.empty:
        return bare("no sweep over these choices is beside this notebook", "Table 5 for other choices", sample)
    ours = (rows[list(own)] == pd.Series(dict(own), dtype=object)).all(axis=1)
    groups = [(f"risk of {window:g} days", of, dict(size=8, opacity=0.65, **WINDOWS.get(window, {})))
              for window, of in rows.groupby("estimation_window")]
    if ours.any():
        groups += [("this run's choice", rows[ours], dict(size=15, symbol="circle-open", color=INK, line_width=2))]
    figure, inside = make_subplots(1, len(PANELS), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(PANELS)), []
    for place, (number, (column, axis, unit)) in enumerate(PANELS.items(), 1):
        printed = values(published, "Table 5", number)
        reach = (unit * rows.groupby("strategy")[column].agg(["min", "max"]).astype(float)).rename(titles).reindex(printed.index)
        inside += [*printed.between(reach["min"], reach["max"])]
        drawn = [(name, of["strategy"].map(titles), unit * of[column].astype(float), marker)
                 for name, of, marker in groups]
        drawn += [("as printed", printed.index, printed, dict(size=20, symbol="line-ns-open", color=RED, line_width=3))]
        for name, strategies, found, marker in drawn:
            figure.add_scatter(x=found.to_numpy(), y=list(strategies), mode="markers", name=name, legendgroup=name,
                               marker=marker, showlegend=place == 1, hovertemplate="%{y}: %{x:.3g}", row=1, col=place)
        figure.add_vline(x=0, line=dict(color=GREY, width=1), layer="below", row=1, col=place)
        figure.update_xaxes(title_text=axis, row=1, col=place)
    figure.update_yaxes(categoryorder="array", categoryarray=list(titles.values()), autorange="reversed", dtick=1)
    n_choices = len(rows[list(own)].drop_duplicates())
    title = f"Table 5: {sum(inside)} of {len(inside)} printed numbers lie within what the open choices give"
    return dress(figure, title, f"{sample}; {n_choices} dots per strategy, some on top of each other", height=480, margin_t=92,
                 width=1000, legend=dict(orientation="h", y=-0.2))


def choices_words(table: pd.DataFrame) -> str:
    """How many printed numbers lie within the range of all choices; `table` is as `equity_steps.ranges` gives it."""
    if table.empty:
        return no_sweep("The table of choices")
    told = []
    for number, rows in table.groupby("number", sort=False):
        inside = list(rows.loc[rows["inside"], "strategy"])
        told += [f"* {number}: inside the range for {len(inside)} of {len(rows)}"
                 + (f" ({listed(inside)})" if inside else "")]
    return "\n".join(["Does any choice give the printed numbers? Compared with the range over all choices, the printed number is",
                      "", *told])


# -------------------------------------------------------------------------------------------------- Zouaoui & Naas 2025
SPLIT_RUNS = "The table of both networks with the printed split"  # of a sweep
LARGEST = 5  # assets that the chart of returns names
DAY = 24 * 3600 * 1000  # in milliseconds, plotly's unit of time
SPLIT_COLORS = {crypto_steps.HONEST: BLUE, crypto_steps.PRINTED: RED}


def daily_returns(returns: pd.DataFrame) -> go.Figure:
    """Daily returns of all assets over time (Zouaoui & Naas 2025, Fig. 2); the five with the largest moves are named."""
    largest = returns.abs().max().nlargest(LARGEST).index
    colors, figure = asset_colors(largest), go.Figure()
    for asset in [*returns.columns.difference(largest, sort=False), *largest[::-1]]:
        figure.add_scatter(y=returns[asset].to_numpy("float32"), **_when(returns.index), mode="lines", name=asset,
                           showlegend=asset in colors, line=dict(width=1, color=colors.get(asset, "#c4ccd4")),
                           legendrank=1000 - returns[asset].abs().max())
    figure.update_xaxes(type="date", title_text="date (daily)")
    figure.update_yaxes(title_text="daily return (%)", tickformat=PERCENT)
    asset, day = largest[0], returns[largest[0]].abs().idxmax()
    return dress(figure, f"Daily returns: the largest move is {percent(returns.at[day, asset], 0)} by {asset} on {day:%Y-%m-%d}",
                 f"{counted(returns.shape[1], 'asset')}, {span(returns)}; in color: the five with the largest moves; gray: the others")


def against_index(hindsight: pd.DataFrame, decided: pd.DataFrame) -> go.Figure:
    """
    Growth of one in the LSTM's long-short portfolio and in the index (Zouaoui & Naas 2025, Fig. 5), in two panels.

    `hindsight` and `decided` have daily returns, a column each for what is compared: on the days that chose the weights,
    and net of costs on those after the decision.
    """
    panels = {"on the days that chose it": metrics.wealth(hindsight), "decided before": metrics.wealth(decided)}
    titles = [f"{when}: " + ", ".join(f"{name} {value:.2f}" for name, value in grown.iloc[-1].items())
              for when, grown in panels.items()]
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=titles)
    for column, grown in enumerate(panels.values(), 1):
        for name in grown:
            figure.add_scatter(y=grown[name].to_numpy("float32"), **_when(grown.index), mode="lines", name=name,
                               legendgroup=name, showlegend=column == 1, row=1, col=column,
                               line=dict(color=strategy_color("lstm" if "LSTM" in name else BENCHMARK), width=1.8))
        figure.add_hline(y=1, line=dict(color=GREY, width=1), layer="below", row=1, col=column)
    figure.update_xaxes(type="date", title_text="date (daily)", nticks=5)
    figure.update_yaxes(title_text="wealth, start = 1", col=1)
    ends = [f"{name} {percent(value - 1, 0)}" for name, value in panels["decided before"].iloc[-1].items()]
    return dress(figure, f"Total return when decided beforehand: {listed(ends) if ends else 'no portfolio'}", margin_t=92,
                 legend=dict(orientation="h", y=-0.2),
                 subtitle=f"above each panel: final wealth; {span(hindsight)} (left) and {span(decided)} (right)")


def split_gains(table: pd.DataFrame) -> go.Figure:
    """
    Share of zero's squared test error that each network saves, by window, on disjoint periods and with the printed split.

    `table` is as `crypto_steps.bought` gives it.
    """
    if table.empty:
        return bare("no such runs are beside this notebook yet", "What the printed split changes", "disjoint periods and the printed split")
    saved = table.filter(like="saved").rename(columns=lambda name: name.removeprefix("saved, "))
    networks = list(table.index.unique("network"))
    both = [saved.xs(split, level="split").reindex(networks) for split in SPLIT_COLORS if split in saved.index.unique("split")]
    gained = (both[1] - both[0]).stack().dropna() if len(both) == 2 else pd.Series(dtype=float)
    title = f"Training on test days lowers the test error in {(gained > 0).sum()} of {counted(len(gained), 'case')}"
    figure = make_subplots(1, len(networks), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=networks)
    for (network, split), row in saved.iterrows():
        row = row.dropna()
        figure.add_scatter(x=list(row.index), y=row.to_numpy("float32"), mode="lines+markers", name=split, legendgroup=split,
                           showlegend=network == networks[0], line=dict(color=SPLIT_COLORS[split], width=2), marker_size=9,
                           row=1, col=networks.index(network) + 1)
    figure.add_hline(y=0, line=dict(color=INK, width=1, dash="dash"))
    figure.update_xaxes(title_text="days that the network reads", categoryorder="array", categoryarray=list(saved))
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="squared error below that of zero (%)", col=1)
    return dress(figure, title, "test period, the same labels for both; dashed line: forecasting zero", margin_t=92,
                 legend=dict(orientation="h", y=-0.22))


def windows_words(table: pd.DataFrame) -> str:
    """Which window has the smallest test error by each measure, and whether any beats zero on its own days.

    `table` is as `crypto_steps.errors_by_window` gives it.
    """
    if table.empty:
        return "This run has no such network for all coins, so it has no Table 4."
    test, model = table.loc["test"], table.columns[0][0]
    least = {error: int(test[model, error].idxmin()) for error in crypto_steps.ERRORS}
    named = "; ".join(f"{error.upper()} {window} days" for error, window in least.items())
    beaten = {error: [int(window) for window in test.index[test[model, error] < test["zero", error]]]
              for error in ("mse", "mae")}
    told = [f"the {error.upper()} is below that of forecasting zero for " + (
        f"{counted(len(windows), 'window')} of {len(test)} ({listed(list(map(str, windows)))} days)" if windows else
        f"none of {counted(len(test), 'window')}") for error, windows in beaten.items()]
    spread = np.ptp(test[model, "mse"]) / test[model, "mse"].mean()
    of_zero = np.ptp(test["zero", "mse"]) / test["zero", "mse"].mean()
    return (f"Smallest test error of the {MODELS[model].title}: {named}. On the same days, {listed(told)}. From window to "
            f"window its MSE differs by up to {percent(spread, 1)}. The MSE of forecasting zero, which reads no window, "
            f"differs by {percent(of_zero, 1)}: each window is judged on its own days.")


def table5_words(summary: pd.DataFrame) -> str:
    """Table 5 when its portfolios are decided before the days that judge them; `summary` is as `crypto.table5` gives it."""
    if summary.empty:
        return "This run has no tangency portfolio of the LSTM, so there is no Table 5."
    told = []
    for portfolio, title in (("mpt", "Markowitz's portfolio"), ("lstm", "The LSTM's portfolio")):
        before, after = (summary[f"{portfolio}_{when}"] for when in ("in_sample", "out_of_sample"))
        told.append(f"{title} has a Sharpe ratio of {before['sharpe_ratio']:.2f} on the days that chose it and "
                    f"{after['sharpe_ratio']:.2f} on the {int(after['observations'])} days after the decision, where its "
                    f"return is {percent(after['annualized_return'], 1)} per year and its volatility "
                    f"{percent(after['annualized_volatility'], 1)} per year.")
    promised, earned = (summary.at[row, "lstm_in_sample"] for row in ("forecast_return", "annualized_return"))
    gross, wrong = summary.at["gross_exposure", "lstm_out_of_sample"], summary.at["inefficient", "lstm_out_of_sample"]
    return (f"{' '.join(told)} In sample, the LSTM's forecasts promised its portfolio {percent(promised)} per year, and it "
            f"earned {percent(earned)}. Out of sample, its gross exposure reaches {gross:.1f}. At {percent(wrong)} of its "
            "decisions the formula gives the worst ratio of all, not the best.")


def split_words(table: pd.DataFrame) -> str:
    """What the printed split changes, in words for each network; `table` is as `crypto_steps.bought` gives it, or empty.

    Only windows of which both splits were run are compared.
    """
    told = []
    for network in table.index.unique("network") if len(table) else []:
        runs = table.loc[network]
        if not {crypto_steps.HONEST, crypto_steps.PRINTED} <= {*runs.index}:
            continue
        saved = runs.filter(like="saved").dropna(axis="columns")
        honest, leaked = saved.loc[crypto_steps.HONEST], saved.loc[crypto_steps.PRINTED]
        ratios = runs["sharpe"]
        told.append(
            f"Compared with forecasting zero, the {network} saves at best {percent(honest.max(), 2)} of the squared error on "
            f"disjoint periods and {percent(leaked.max(), 2)} with the printed split. The printed split lowers its error in "
            f"{int((leaked > honest).sum())} of {counted(len(honest), 'window')}. The Sharpe ratio of its portfolio goes from "
            f"{ratios[crypto_steps.HONEST]:.2f} to {ratios[crypto_steps.PRINTED]:.2f}.")
    return "\n\n".join(told) or no_sweep(SPLIT_RUNS)


def _when(index: pd.DatetimeIndex) -> dict:
    """Dates as plotly takes them: a first day and a step where no day is missing, which is short."""
    whole = len(index) == (index[-1] - index[0]).days + 1
    return dict(x0=days(index)[0], dx=DAY) if whole else dict(x=days(index))
