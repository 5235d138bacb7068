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

NO_SWEEP = ("*{what} is not there yet: it takes whole sweeps, which `make papers` runs and writes beside this "
            "notebook. So nothing is shown here.*")


def no_sweep(what: str) -> str:
    """That a table of a sweep's results is not beside the notebook."""
    return NO_SWEEP.format(what=what)


def whole(rows: pd.DataFrame) -> Styler:
    """Claims as a notebook shows them: no text is cut, numbers have five digits, and a solver's dust is zero."""
    def written(value: object) -> str:
        return value if isinstance(value, str) else "" if pd.isna(value) else f"{round(value, 8) + 0.0:.5g}"
    to_left = [{"selector": "td, th", "props": "text-align: left"}]  # one rule for all: a property per cell would be long
    return Styler(rows.reset_index(drop=True), cell_ids=False).hide(axis="index").set_table_styles(to_left).format(
        written, subset=["published", "ours"])


# ---------------------------------------------------------------------------------------------------------- Nguyen 2025
# What `papers.equity_steps` finds: grids of networks, errors beside zero's, and what other choices would have given.
WINDOWS = {30: dict(symbol="circle", color="#d98200"), 250: dict(symbol="square", color="#1f5fa8")}  # days of risk
PANELS = {  # number of Table 5: the column of choices that reads it as the paper most likely means it, axis, and unit
    "total return": ("summed_excess_but_first", "sum of monthly excess but the first (%)", 100),
    "information ratio": ("information_ratio_but_first", "mean over deviation, a month", 1),
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
    Each point of both grids by its error in validation and test, a panel per network; the paper's is red.

    Parameters
    ----------
    grids : dict of DataFrames
        By model, as `equity_steps.grid` gives them; those without points have no panel.
    zero : sequence
        Mean absolute errors of forecasting zero in validation (simple returns) and test (log returns), a day; None
        where the run has none. The axes tell by how much a point's errors lie above these.
    """
    title = "Tables 1 and 2: networks around the paper's choice"
    grids = {model: points for model, points in grids.items() if len(points)}
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
            told = ["<br>".join(f"{setting} {row[setting]:g}" for setting in swept) for _, row in own.iterrows()]
            x, y = (own[error].to_numpy() / nothing - 1 for error, nothing in zip(("validation_mae", "mae"), zero))
            figure.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker, customdata=told, legendgroup=name,
                               showlegend=column == 1, hovertemplate="%{customdata}<extra></extra>", **there)
        figure.add_scatter(x=[0], y=[0], mode="markers+text", name="forecasting zero", text="zero", showlegend=False,
                           textposition="top right", hovertemplate="forecasting zero<extra></extra>",
                           marker=dict(size=13, color=INK, symbol="x-thin", line_width=2.5), **there)
    figure.update_xaxes(title_text="validation MAE above zero's (%)", tickformat=".2~%", nticks=6)
    figure.update_yaxes(tickformat=".2~%")
    figure.update_yaxes(title_text="test MAE above zero's (%)", col=1)
    return dress(figure, title, f"{sample}; a dot per network, mean absolute error over stocks", margin_t=100,
                 height=480, legend=dict(orientation="h", y=-0.2))


def grid_words(grids: Mapping[str, pd.DataFrame]) -> str:
    """Where the paper's networks stand in their grids, how much is at stake there, and what the choice bought."""
    return "\n\n".join(_one_grid(equity.NETWORKS[model], points) for model, points in grids.items())


def _one_grid(title: str, points: pd.DataFrame) -> str:
    if points.empty:
        return no_sweep(f"The grid of the {title}")
    best, own, validated, tested = points.iloc[0], points[points["chosen"]], points["validation_mae"], points["mae"]
    told = [f"**{title}.** Of {counted(len(points), 'network')} the best has a validation MAE of "
            f"{100 * best['validation_mae']:.4f} % a day and the worst one {_above(validated.max(), validated.min())} "
            "more.",
            "The paper's configuration is none of them."]
    if len(own):
        own = own.iloc[0]
        told[1] = (f"The paper's configuration is rank {own['rank']} in validation, "
                   f"{_above(own['validation_mae'], best['validation_mae'])} above the best, and rank "
                   f"{own['test_rank']} in the test period.")
    told += [f"The best in validation is rank {best['test_rank']} in the test period, where all of them lie within "
             f"{_above(tested.max(), tested.min())}; the rank correlation of the two errors is "
             f"{validated.corr(tested, method='spearman'):.2f}."]
    totals = points["total_return_mvf"].dropna()
    if len(totals):
        told += [f"Fed to MVF, they end between {percent(totals.min(), 0)} and {percent(totals.max(), 0)}; the best in "
                 f"validation at {percent(best['total_return_mvf'], 0)}"
                 + (f", the paper's at {percent(own['total_return_mvf'], 0)}, rank "
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
        ways = [(f"{row.patience:g} epochs of patience" if row.patience else "all epochs")
                + f" {100 * row.mae:.4f} % a day, {percent(row.above_zero, 2)} above zero's, with {row.reproduced} of the "
                f"{len(equity.ERRORS)} printed errors reproduced"
                for row in rows.itertuples()]
        told.append(f"{equity.NETWORKS[model]}: {'; '.join(ways)}")
    return f"Test MAE with and without early stopping. {'. '.join(told)}."


def above_zero(table: pd.DataFrame, *, sample: str) -> go.Figure:
    """
    By how much each error of Table 4 lies above that of forecasting zero: printed, and of this run.

    `table` is as `equity_steps.above_zero` gives it.
    """
    title = "Table 4: errors beside those of forecasting no move"
    if table.empty:
        return bare("this run has no zero forecast", title, sample)
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
    figure.update_xaxes(title_text="error above that of forecasting zero, the line (%)", tickformat=PERCENT,
                        range=[np.nanmin(ends) - room, np.nanmax(ends) + room])
    figure.update_yaxes(autorange="reversed", dtick=1)
    return dress(figure, title, f"{sample}; open: as printed, over the paper's stocks; filled: this run", height=420)


def choices(published: Mapping[str, pd.DataFrame], own: Mapping[str, object], *, sample: str) -> go.Figure:
    """
    Total excess and information ratio of each strategy under each choice that the paper leaves open, and as printed.

    Parameters
    ----------
    published : dict of DataFrames
        `choices` and `numbers`, as `Stage.published` gives them.
    own : dict
        The choices of this run by parameter: its dots have a ring.
    """
    title = "Table 5 under every choice that the paper leaves open"
    rows = published.get("choices", pd.DataFrame(columns=["strategy"]))
    titles = {strategy: name for name, strategy in equity.STRATEGIES.items()}
    rows = rows[rows["strategy"].isin(titles)]
    if rows.empty:
        return bare("no sweep over these choices is beside this notebook", title, sample)
    ours = (rows[list(own)] == pd.Series(dict(own), dtype=object)).all(axis=1)
    groups = [(f"risk of {window:g} days", of, dict(size=8, opacity=0.65, **WINDOWS.get(window, {})))
              for window, of in rows.groupby("estimation_window")]
    if ours.any():
        groups += [("this run's choice", rows[ours], dict(size=15, symbol="circle-open", color=INK, line_width=2))]
    figure = make_subplots(1, len(PANELS), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=list(PANELS))
    for place, (number, (column, axis, unit)) in enumerate(PANELS.items(), 1):
        printed = values(published, "Table 5", number)
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
    return dress(figure, title, f"{sample}; {n_choices} dots a strategy, some upon each other", height=480, margin_t=92,
                 width=1000, legend=dict(orientation="h", y=-0.2))


def choices_words(table: pd.DataFrame) -> str:
    """How many printed numbers some choice reaches; `table` is as `equity_steps.ranges` gives it."""
    if table.empty:
        return no_sweep("The table of choices")
    told = []
    for number, rows in table.groupby("number", sort=False):
        inside = list(rows.loc[rows["inside"], "strategy"])
        told += [f"* {number}: " + (f"between the lowest and the highest for {len(inside)} of {len(rows)} "
                                    f"({listed(inside)})" if inside else f"outside for all {len(rows)}")]
    return "\n".join(["Does some choice give what is printed? The printed number lies", "", *told])


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
                 f"{counted(returns.shape[1], 'asset')}, {span(returns)}; named: those with the largest moves")


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
    return dress(figure, "The LSTM's long-short portfolio beside the index", margin_t=92, legend=dict(orientation="h", y=-0.2),
                 subtitle=f"above each panel: where it ends; {span(hindsight)} and {span(decided)}")


def split_gains(table: pd.DataFrame) -> go.Figure:
    """
    Share of zero's squared test error that each network saves, by window, on disjoint periods and with the printed split.

    `table` is as `crypto_steps.bought` gives it.
    """
    title = "What the printed split buys"
    if table.empty:
        return bare("no such runs are beside this notebook yet", title, "disjoint periods and the printed split")
    saved = table.filter(like="saved").rename(columns=lambda name: name.removeprefix("saved, "))
    networks = list(table.index.unique("network"))
    figure = make_subplots(1, len(networks), shared_yaxes=True, horizontal_spacing=0.05, subplot_titles=networks)
    for (network, split), row in saved.iterrows():
        row = row.dropna()
        figure.add_scatter(x=list(row.index), y=row.to_numpy("float32"), mode="lines+markers", name=split, legendgroup=split,
                           showlegend=network == networks[0], line=dict(color=SPLIT_COLORS[split], width=2), marker_size=9,
                           row=1, col=networks.index(network) + 1)
    figure.add_hline(y=0, line=dict(color=INK, width=1, dash="dash"))
    figure.update_xaxes(title_text="days that the network sees", categoryorder="array", categoryarray=list(saved))
    figure.update_yaxes(tickformat=PERCENT)
    figure.update_yaxes(title_text="squared error saved against zero (%)", col=1)
    return dress(figure, title, "test period, the same labels for both; the dashed line is the zero forecast", margin_t=92,
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
    told = [f"the {error.upper()} of forecasting zero is beaten by " + (
        f"{counted(len(windows), 'window')} of {len(test)} ({listed(list(map(str, windows)))} days)" if windows else
        f"none of {counted(len(test), 'window')}") for error, windows in beaten.items()]
    spread = np.ptp(test[model, "mse"]) / test[model, "mse"].mean()
    of_zero = np.ptp(test["zero", "mse"]) / test["zero", "mse"].mean()
    return (f"Smallest test error of the {MODELS[model].title}: {named}. On the same days {listed(told)}. Over the windows "
            f"its MSE moves by {percent(spread, 1)}, and that of zero, which has no window, by {percent(of_zero, 1)}: "
            "windows are judged on different days.")


def table5_words(summary: pd.DataFrame) -> str:
    """What Table 5 becomes when its portfolios are decided before the days that judge them; `summary` is `crypto.table5`'s."""
    if summary.empty:
        return "This run has no tangency portfolio of the LSTM, so there is no Table 5."
    told = []
    for portfolio, title in (("mpt", "Markowitz's portfolio"), ("lstm", "the LSTM's portfolio")):
        before, after = (summary[f"{portfolio}_{when}"] for when in ("in_sample", "out_of_sample"))
        told.append(f"{title} has a Sharpe ratio of {before['sharpe_ratio']:.2f} on the days that chose it and "
                    f"{after['sharpe_ratio']:.2f} on the {int(after['observations'])} days after the decision, with a "
                    f"return of {percent(after['annualized_return'], 1)} and a volatility of "
                    f"{percent(after['annualized_volatility'], 1)} a year")
    promised, earned = (summary.at[row, "lstm_in_sample"] for row in ("forecast_return", "annualized_return"))
    gross, wrong = summary.at["gross_exposure", "lstm_out_of_sample"], summary.at["inefficient", "lstm_out_of_sample"]
    return (f"{told[0]}; {told[1]}. In sample the LSTM's forecasts promise its portfolio {percent(promised)} a year, and it "
            f"earned {percent(earned)}. Out of sample it takes a gross exposure of up to {gross:.1f}, and at "
            f"{percent(wrong)} of its decisions the formula gives the worst ratio of all, not the best.")


def split_words(table: pd.DataFrame) -> str:
    """What the printed split bought, a sentence per network; `table` is as `crypto_steps.bought` gives it, or empty.

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
            f"The {network} saves at best {percent(honest.max(), 2)} of zero's squared error on disjoint periods and "
            f"{percent(leaked.max(), 2)} with the printed split, which lowers its error in {int((leaked > honest).sum())} of "
            f"{counted(len(honest), 'window')}; the Sharpe ratio of its portfolio goes from "
            f"{ratios[crypto_steps.HONEST]:.2f} to {ratios[crypto_steps.PRINTED]:.2f}.")
    return " ".join(told) or no_sweep(SPLIT_RUNS)


def _when(index: pd.DatetimeIndex) -> dict:
    """Dates as plotly takes them: a first day and a step where no day is missing, which is short."""
    whole = len(index) == (index[-1] - index[0]).days + 1
    return dict(x0=days(index)[0], dx=DAY) if whole else dict(x=days(index))
