"""Figures: units, colors, completeness, small size; one of them as a picture."""

import re
import struct

import numpy as np
import pandas as pd
import pytest

from forefolio.performance.investors import with_profile
from forefolio.report import (forecasts as forecast_figures, frontier as frontier_figures, market as market_figures,
                              strategies as strategy_figures, style)

RNG = np.random.default_rng(1)
ASSETS = ["BB", "AA", "CC", "DD", "EE"]
DAYS = pd.bdate_range("2021-01-04", periods=500, name="date")
STRATEGIES = [f"{model}+{framework}" for model in ("lstm", "cnn1d", "mean") for framework in ("mvf", "rpp", "mdp")]
STRATEGIES += ["equal_weight"]
SAMPLE = "test, 2022-01-03 to 2022-12-30"
LAYERS = [("input", "30 days x 21 assets"), ("LSTM", "64 units, every step"), ("LSTM", "32 units, every step"),
          ("dense", "21 assets, every step")]
STEPS = [("prices", "21 assets, 1098 days"), ("returns", "training 2021-08-16 to 2023-06-30"),
         ("network", "LSTM, windows 5, 10, 15, 30"), ("forecast", "mean of the coming 30 days"),
         ("tangency", "shorts allowed, gross limit none"), ("holding", "monthly, 8 rebalances")]
CELLS = ["rnn", "lstm", "gru", "bilstm"]


def made_up() -> dict[str, pd.DataFrame]:
    """One frame of each kind, as the other modules give them."""
    returns = pd.DataFrame(RNG.normal(0.0005, 0.01, (500, 5)), index=DAYS, columns=ASSETS)
    net_returns = pd.DataFrame(RNG.normal(0.0005, 0.01, (240, 11)), index=DAYS[260:], columns=[*STRATEGIES, "benchmark"])
    dates = DAYS[259::21]
    held = [*ASSETS, *(f"F{i:02d}" for i in range(20))]
    weights = pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": held,
                                       "weight": np.full(25, 0.04) if strategy == "equal_weight" else
                                       np.r_[RNG.dirichlet(np.full(24, 0.05)), 0]})
                         for date in dates for strategy in STRATEGIES], ignore_index=True)
    models = ["lstm", "zero", "mean"]
    forecasts = pd.MultiIndex.from_product([DAYS[260:], [1, 2], ASSETS, models, [0, 1]], names=[
        "target_date", "horizon", "asset", "model", "seed"]).to_frame(index=False)
    history = pd.concat([pd.DataFrame({"model": model, "seed": 0, "asset": asset, "epoch": range(1, n + 1), "loss": 1.0,
                                       "validation_loss": np.arange(n, dtype=float), "kept": np.arange(n) == n - 2})
                         for model in ("lstm", "cnn1d") for asset, n in [("AA", 3), ("BB", 5)]])
    by_window = pd.MultiIndex.from_product([CELLS, [30, 5, 10]], names=["model", "window"]).to_frame(index=False)
    joint_history = by_window.merge(pd.DataFrame([(0, 1, False), (0, 2, True), (0, 3, False), (1, 1, True)],
                                                 columns=["seed", "epoch", "kept"]), how="cross")
    by_asset = pd.MultiIndex.from_product([models, [0, 1], ASSETS], names=["model", "seed", "asset"]).to_frame(index=False)
    risk = RNG.dirichlet(np.ones(5))
    months = pd.date_range("2021-11-01", periods=16, freq="MS").strftime("%Y-%m")
    points = pd.DataFrame({"expected_return": [0.0004, 0.0006], "volatility": [0.008, 0.012]})
    return {
        "prices": (1 + returns).cumprod() * 20, "returns": returns, "net_returns": net_returns, "weights": weights,
        "periods": pd.DataFrame([("training", "2021-01-04", "2021-09-30", 194),
                                 ("validation", "2021-10-01", "2021-12-31", 66), ("test", "2022-01-03", "2022-12-02", 240)],
                                columns=["period", "first", "last", "n_days"]),
        "universe": pd.DataFrame({"ticker": ASSETS, "first": DAYS[0], "kept": [True, False, True, True, True]}),
        "correlation": returns.corr(), "rolling": returns["AA"].rolling(50).corr(returns["BB"]).to_frame("correlation"),
        "spectrum": pd.DataFrame([(1, 2.4, 0.8, 1.2), (2, 0.5, 0.17, 1.2), (3, 0.1, 0.03, 1.2)],
                                 columns=["rank", "eigenvalue", "share", "noise_edge"]),
        "two_fund": pd.DataFrame([(0.0002, 0.009, 1.5), (0.0005, 0.007, 1.0), (0.0008, 0.01, 1.5)],
                                 columns=["target", "volatility", "gross_exposure"]),
        "long_only": points, "cloud": pd.concat([points] * 4000, ignore_index=True),
        "portfolios": points.assign(gross_exposure=[1.0, 19.8]).set_index(pd.Index(["minimum_variance", "tangency"])),
        "mpt_weights": pd.DataFrame({"minimum_variance": [0.2] * 5, "tangency": [1.5, -1, 0.5, 0, 0]}, index=ASSETS),
        "risk": pd.DataFrame({"weight": [0.2] * 5, "risk_share": risk}, index=pd.Index(ASSETS, name="asset")),
        "contributions": pd.concat([pd.DataFrame({"strategy": strategy, "asset": ASSETS, "risk_share": risk})
                                    for strategy in STRATEGIES]),
        "history": history, "forecasts": forecasts.assign(forecast=RNG.normal(0, 0.001, len(forecasts))),
        "by_asset": by_asset.assign(mse=np.where(by_asset["model"] == "zero", 2.0, 1.0 + 2 * by_asset["seed"])),
        "window_accuracy": by_window.assign(
            seed=0, mse_test=by_window["window"] * 1.01e-4, zero_mse_test=by_window["window"] * 1e-4,
            mean_mse_test=by_window["window"] * 0.98e-4, mae_test=0.03, zero_mae_test=0.03, mean_mae_test=0.03),
        "joint_history": joint_history.assign(loss=0.001 / joint_history["epoch"],
                                              validation_loss=0.002 + 0.0001 * joint_history["epoch"]),
        "accuracy": pd.DataFrame({"model": models, **{f"{kind}_{part}": [0.5, np.nan, 0.51] for kind in
                                                      ("hr", "hr_plus", "hr_minus") for part in ("mean", "std")}}),
        "monthly_excess": pd.DataFrame(RNG.normal(0, 0.02, (16, 10)), pd.Index(months, name="month"), STRATEGIES),
        "performance": pd.DataFrame({"strategy": [*STRATEGIES, "benchmark"], "annual_return": RNG.normal(0.1, 0.05, 11),
                                     "annual_volatility": RNG.uniform(0.1, 0.3, 11), "turnover": [*RNG.random(10), np.nan]}),
        "means": pd.DataFrame({"model": ["mean", "lstm"] * 50, "window_mean": RNG.normal(0, 0.002, 100),
                               "mu": RNG.normal(0, 0.002, 100)}),
        "costs": pd.DataFrame([(name, cost, 0.3 - cost / 100) for name in STRATEGIES for cost in (0, 10)],
                              columns=["strategy", "cost_bps", "total_return"]),
    }


FRAMES = made_up()
BASE_RATES = pd.Series({"up_share": 0.5, "down_share": 0.45, "always_up_hr": 0.52, "always_down_hr": 0.48})
DRAW = {  # every figure of the library from the frames
    "prices": lambda f: market_figures.prices(f["prices"]),
    "prices_with_periods": lambda f: market_figures.with_periods(market_figures.prices(f["prices"]), f["periods"]),
    "benchmark": lambda f: market_figures.prices(f["prices"][["AA"]]),
    "returns": lambda f: market_figures.returns(f["returns"]),
    "availability": lambda f: market_figures.availability(f["prices"], f["universe"], validation_end="2021-12-31"),
    "heatmap": lambda f: market_figures.correlation_heatmap(f["correlation"], sample=SAMPLE),
    "rolling": lambda f: market_figures.rolling_correlation(f["rolling"]["correlation"], f["periods"], window=50),
    "spectrum": lambda f: market_figures.spectrum(f["spectrum"], sample=SAMPLE),
    "frontier": lambda f: frontier_figures.frontier(f["two_fund"], f["long_only"], f["cloud"], f["portfolios"], sample=SAMPLE,
                                           periods_per_year=252, risk_free_rate=0.01),
    "mpt_weights": lambda f: frontier_figures.portfolio_weights_bars(f["mpt_weights"], sample=SAMPLE),
    "risk_shares": lambda f: frontier_figures.risk_shares(f["risk"], portfolio="maximum_sharpe", sample=SAMPLE),
    "training": lambda f: forecast_figures.training_curves(f["history"]),
    "forecast": lambda f: forecast_figures.forecast_vs_actual(f["forecasts"], f["returns"], "AA"),
    "accuracy": lambda f: forecast_figures.accuracy_by_asset(f["by_asset"], "mse", sample=SAMPLE),
    "hits": lambda f: forecast_figures.hit_ratios(f["accuracy"], BASE_RATES, sample=SAMPLE),
    "momentum": lambda f: forecast_figures.momentum(f["means"], sample=SAMPLE),
    "network": lambda f: forecast_figures.network_diagram(LAYERS, title="The LSTM of 2022"),
    "construction": lambda f: forecast_figures.construction_diagram(STEPS),
    "window_accuracy": lambda f: forecast_figures.window_accuracy(f["window_accuracy"], metric="mse", sample=SAMPLE),
    "window_training": lambda f: forecast_figures.window_training_curves(f["joint_history"]),
    "grid": lambda f: strategy_figures.weights_grid(f["weights"], STRATEGIES),
    "effective": lambda f: strategy_figures.effective_holdings_over_time(f["weights"]),
    "contributions": lambda f: strategy_figures.risk_contributions(f["contributions"], date="2022-01-31"),
    "wealth": lambda f: strategy_figures.wealth(f["net_returns"]),
    "drawdowns": lambda f: strategy_figures.drawdowns(f["net_returns"]),
    "excess": lambda f: strategy_figures.monthly_excess(f["monthly_excess"], 2022),
    "risk_return": lambda f: strategy_figures.risk_return(f["performance"], sample=SAMPLE),
    "costs": lambda f: strategy_figures.cost_sensitivity(f["costs"], sample=SAMPLE),
    "profiles": lambda f: strategy_figures.risk_profiles(with_profile(f["performance"]), sample=SAMPLE),
    "readme": lambda f: strategy_figures.readme_figure(f["net_returns"], f["weights"]),
}
DIAGRAMS = ["network", "construction"]  # boxes and arrows: no data, no axes, no days; their own tests are at the end
OF_STRATEGIES = ["effective", "contributions", "wealth", "drawdowns", "excess", "risk_return", "costs"]


@pytest.fixture(scope="module")
def drawn():
    return {name: draw(FRAMES) for name, draw in DRAW.items()}


def axis_titles(figure, letter):
    return [axis.title.text or "" for axis in figure.select_xaxes()] if letter == "x" else [
        axis.title.text or "" for axis in figure.select_yaxes()]


def note_boxes(figure, plot_size):
    """Left, bottom, right, top of each label beside a point, in pixels of a plot of this size."""
    spans, boxes = [np.ptp(axis.range) for axis in (figure.layout.xaxis, figure.layout.yaxis)], []
    for note in figure.layout.annotations:
        x, y = note.x / spans[0] * plot_size[0] + note.ax, note.y / spans[1] * plot_size[1] - note.ay
        left = x - (6.7 * len(note.text) if note.xanchor == "right" else 0)
        boxes.append((left, y - 8, left + 6.7 * len(note.text), y + 8))
    return boxes


def overlaps(boxes):
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1:]
            if a[0] < b[2] and a[2] > b[0] and a[1] < b[3] and a[3] > b[1]]


def test_every_public_function_that_draws_is_in_this_test():
    public = {name for room in (market_figures, forecast_figures, frontier_figures, forecast_figures, strategy_figures)
              for name, value in vars(room).items() if callable(value)
              and getattr(value, "__module__", "") == room.__name__ and not name.startswith("_")}
    called = {name for draw in DRAW.values() for name in draw.__code__.co_names}
    assert public <= called


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_has_its_size_a_title_with_the_period_and_only_finite_values(drawn, name):
    figure = drawn[name]
    told = figure.layout.title.text
    if name in DIAGRAMS:
        assert figure.layout.width >= 820 and figure.layout.height >= 150 and "parameters" in told and not figure.data
    else:
        assert figure.layout.width >= 820 and figure.layout.height >= 400
        assert re.search(r"\d{4}-\d{2}-\d{2}|2022|assets: 2, seeds: 1|windows: 5, 10, 30 days, seeds: 2", told)
    assert figure.layout.template.layout.paper_bgcolor == "white"
    assert all(np.isfinite(np.asarray(trace.y, float)).all() for trace in figure.data
               if trace.type == "scatter" and not isinstance(trace.y[0], str))


@pytest.mark.parametrize("name", [name for name in DRAW if name not in DIAGRAMS])
def test_axes_say_what_and_in_which_unit(drawn, name):
    figure = drawn[name]
    if name == "heatmap":  # its unit is at the color scale, its axes are the assets
        assert "no unit" in figure.data[0].colorbar.title.text
        return
    for letter, axes in (("x", figure.select_xaxes()), ("y", figure.select_yaxes())):
        axes, titles = list(axes), "".join(axis_titles(figure, letter))
        names_only = all(isinstance(trace[letter][0], str) for trace in figure.data if trace[letter] is not None)
        assert titles or names_only or axes[0].ticktext, f"no title on {letter}"
        if any("%" in (axis.tickformat or "") for axis in axes):
            assert "%" in titles


def test_money_has_no_currency_and_drawdowns_say_that_they_are_compounded(drawn):
    assert axis_titles(drawn["prices"], "y") == ["price, first day = 1 (log axis)"]
    assert "ompounded" in drawn["drawdowns"].layout.title.text and "compounded" in axis_titles(drawn["drawdowns"], "y")[0]
    told = "".join(title for figure in drawn.values() for letter in "xy" for title in axis_titles(figure, letter))
    assert not re.search(r"USD|\$|VND", told)


@pytest.mark.parametrize("name", DRAW)
def test_drawing_leaves_its_frames_as_they_were(name):
    before = {key: frame.copy(deep=True) for key, frame in FRAMES.items()}
    DRAW[name](FRAMES)
    for key, frame in FRAMES.items():
        pd.testing.assert_frame_equal(frame, before[key])


@pytest.mark.parametrize("name", OF_STRATEGIES)
def test_every_strategy_is_drawn_once_in_its_own_color(drawn, name):
    figure, expected = drawn[name], [*STRATEGIES, "benchmark"]
    if name in ("effective", "contributions", "excess", "costs"):
        expected = STRATEGIES  # an index has no weights, and no excess over itself
    traces = [(trace.name.partition(" (")[0], trace.line.color or trace.marker.color) if trace.type == "scatter"
              else (trace.name, trace.marker.color) for trace in figure.data]
    found = dict(traces)
    assert len(found) == len(traces)
    assert found == {strategy: style.strategy_color(strategy) for strategy in expected}


def test_readme_figure_names_every_strategy_beside_its_bar(drawn):
    bars = [trace for trace in drawn["readme"].data if trace.type == "bar"]
    lines = [trace for trace in drawn["readme"].data if trace.type == "scatter"]
    assert sorted(bar.y[0] for bar in bars) == sorted(line.name for line in lines) == sorted([*STRATEGIES, "benchmark"])
    assert [bar.marker.color for bar in bars] == [line.line.color for line in lines]
    final = (1 + FRAMES["net_returns"]).prod().sort_values(ascending=False)
    assert [bar.y[0] for bar in bars] == list(final.index)


def test_strategy_colors_differ_and_hold_for_names_nobody_knows():
    models, frameworks = ("lstm", "cnn1d", "gru", "bilstm", "rnn", "mean", "ar", "zero"), ("mvf", "rpp", "mdp", "tangency")
    names = [f"{model}+{framework}" for model in models for framework in frameworks] + ["equal_weight", "benchmark", *models]
    assert len({style.strategy_color(name) for name in names}) == len(names)
    assert style.strategy_color("transformer+hrp") == "#d07187"  # the same in every process
    assert style.strategy_color("transformer+hrp") != style.strategy_color("oracle+hrp")
    assert len({style.strategy_line(f"{model}+mvf", width=1)["dash"] for model in models}) == len(models)


def test_asset_colors_follow_the_alphabet_and_differ_for_sixty_assets():
    names = [f"A{i:02d}" for i in range(60)]
    colors = style.asset_colors(names[::-1])
    assert colors == style.asset_colors(names)
    assert list(colors) == names and len(set(colors.values())) == 60


def test_weights_stack_to_one_in_every_panel_at_every_date(drawn):
    one = strategy_figures.weights_grid(FRAMES["weights"], ["lstm+mdp"])
    for figure, panels in ((drawn["grid"], len(STRATEGIES)), (one, 1)):
        stacks = {}
        for bar in figure.data:
            stacks[bar.xaxis] = stacks.get(bar.xaxis, 0) + np.asarray(bar.y, float)
        assert len(stacks) == panels
        assert np.allclose(list(stacks.values()), 1)


def test_a_stack_has_one_legend_entry_an_asset(drawn):
    told = [bar.name for bar in drawn["grid"].data if bar.showlegend]
    assert len(told) == len(set(told)) and "each at most 5 %" in told


def test_ten_assets_have_a_color_in_the_stack_and_two_greys_take_turns_for_the_others(drawn):
    bars = drawn["grid"].data
    told = {bar.legendgroup: bar.legendrank for bar in bars if bar.showlegend}
    assert len(told) == 12 and sorted(told, key=told.get)[10:] == ["others above 5 %", "each at most 5 %"]
    weights = FRAMES["weights"].query("strategy != 'equal_weight'").groupby("asset")["weight"].sum()
    assert sorted(told, key=told.get)[:10] == list(weights.sort_values(ascending=False).index[:10])
    colors = {}
    for bar in bars:
        colors.setdefault(bar.legendgroup, set()).add(bar.marker.color)
    assert len(colors["others above 5 %"]) == 2
    plain = [colors[name] for name in told if name != "others above 5 %"]
    assert all(len(color) == 1 for color in plain) and len(set.union(*colors.values())) == 13
    few = strategy_figures.weights_grid(FRAMES["weights"].query("asset in ['AA', 'BB']"), ["lstm+mvf"])
    assert {bar.name for bar in few.data} == {"AA", "BB", "each at most 5 %"}


def test_with_periods_shades_a_copy():
    plain = market_figures.prices(FRAMES["prices"])
    shaded = market_figures.with_periods(plain, FRAMES["periods"])
    assert len(plain.layout.shapes) == 0 and len(shaded.layout.shapes) == 3
    assert [note.text for note in shaded.layout.annotations] == ["training", "validation", "test"]
    as_dates = FRAMES["periods"].assign(first=pd.to_datetime(FRAMES["periods"]["first"]))
    assert market_figures.with_periods(plain, as_dates).to_json() == shaded.to_json()


def test_eight_years_of_sixty_assets_stay_small():
    days = pd.bdate_range("2017-01-03", periods=2000, name="date")
    names = [f"A{i:02d}" for i in range(60)]
    prices = pd.DataFrame(np.exp(RNG.normal(0, 0.01, (2000, 60)).cumsum(axis=0)), index=days, columns=names)
    figure = market_figures.prices(prices)
    assert len(figure.to_json()) < 250_000
    assert figure.data[0].x is None and figure.data[0].dx == 7 * 86_400_000  # weekly, without dates
    assert np.isclose(figure.data[0].y[-1], prices[names[0]].iloc[-1] / prices[names[0]].iloc[0])


def test_more_than_a_thousand_days_of_strategies_are_drawn_weekly_with_their_deepest_drawdown():
    days = pd.bdate_range("2017-01-03", periods=1200, name="date")
    falls = pd.DataFrame({"lstm+mvf": 0.0, "benchmark": 0.0}, index=days)
    falls.iloc[602, 0], falls.iloc[603, 0] = -0.5, 1.0  # lost on a Thursday, regained on the Friday
    figure = strategy_figures.drawdowns(falls)
    assert "weekly lows" in figure.layout.title.text
    assert min(np.min(trace.y) for trace in figure.data) == -0.5


def test_extreme_days_are_the_actual_ones_and_the_normal_reach_is_not(drawn):
    box, low_tick, worst, high_tick, best = drawn["returns"].data
    returns = FRAMES["returns"]
    assert dict(zip(worst.x, worst.y, strict=True)) == returns.min().to_dict()
    assert dict(zip(best.x, best.y, strict=True)) == returns.max().to_dict()
    reach = (high_tick.y - low_tick.y) / 2 / returns.std()[list(box.x)]
    assert np.allclose(reach, 2.8782, atol=1e-4)  # the normal quantile of 1 - 1/500


def test_frontier_annualizes_and_writes_what_lies_outside_instead_of_drawing_it():
    portfolios = FRAMES["portfolios"].copy()
    portfolios.loc["tangency", ["expected_return", "volatility"]] = [0.05, 0.4]
    figure = DRAW["frontier"](FRAMES | {"portfolios": portfolios})
    cloud, shorts, long_only, variance = figure.data
    assert len(cloud.x) == 2667 and len(figure.data) == 4
    assert np.isclose(variance.x[0], 0.008 * 252**0.5) and np.isclose(variance.y[0], 0.0004 * 252)
    assert np.isclose(cloud.marker.color[0], (0.0004 * 252 - 0.01) / (0.008 * 252**0.5), atol=1e-5)
    assert max(figure.layout.xaxis.range) < 0.4 * 252**0.5
    outside = [note.text for note in figure.layout.annotations if "outside" in note.text]
    assert outside == ["outside the axes: tangency (gross 19.8), volatility 635%, return 1260%"]


def test_gross_exposure_stands_on_every_label_inside_and_outside_the_axes(drawn):
    assert [note.text for note in drawn["frontier"].layout.annotations] == [
        "minimum variance (gross 1.0)", "tangency (gross 19.8)"]
    assert [note.font.color for note in drawn["frontier"].layout.annotations] == [
        style.strategy_color("minimum_variance"), style.strategy_color("tangency")]


def test_labels_of_portfolios_at_one_point_do_not_cover_each_other():
    names = ["maximum_sharpe", "maximum_sortino", "minimum_variance", "minimum_cvar", "tangency"]
    portfolios = FRAMES["portfolios"].iloc[[0] * 5].set_index(pd.Index(names))
    figure = DRAW["frontier"](FRAMES | {"portfolios": portfolios})
    boxes = note_boxes(figure, (620, 350))
    assert len(boxes) == 5 and not overlaps(boxes)


def test_weights_of_many_assets_are_summed_not_lost():
    weights = pd.DataFrame({"maximum_sharpe": RNG.dirichlet(np.ones(55)), "minimum_variance": RNG.dirichlet(np.ones(55))},
                           index=[f"A{i:02d}" for i in range(55)])
    figure = frontier_figures.portfolio_weights_bars(weights, sample=SAMPLE)
    assert all(len(bars.y) == 25 and bars.y[-1] == "other 31" and np.isclose(bars.x.sum(), 1) for bars in figure.data)


def test_a_stopped_asset_keeps_its_last_loss(drawn):
    curve = next(trace for trace in drawn["training"].data if trace.name == "lstm validation")
    assert list(curve.y) == [0, 1, 2, 2.5, 3]  # one asset stops at 2, the other goes on to 4
    assert "kept 3" in [note.text for note in drawn["training"].layout.annotations]


def test_accuracy_is_the_mean_over_seeds_divided_by_the_zero_forecast_s(drawn):
    assert {box.name: set(box.y) for box in drawn["accuracy"].data} == {"lstm": {1.0}, "mean": {1.0}}
    assert "lstm 0; mean 0" in drawn["accuracy"].layout.title.text


def test_forecasts_of_the_next_day_are_drawn_against_the_day_they_are_for(drawn):
    actual = next(trace for trace in drawn["forecast"].data if trace.name == "actual return")
    assert list(actual.x)[0] == f"{DAYS[260]:%Y-%m-%d}" and len(actual.x) == 240
    assert np.allclose(actual.y, FRAMES["returns"]["AA"].iloc[260:])


def test_expected_returns_are_drawn_against_the_window_s_mean_with_the_line_where_they_are_equal(drawn):
    points, diagonal = drawn["momentum"].data[2:]
    lstm = FRAMES["means"].query("model == 'lstm'")
    np.testing.assert_allclose(np.c_[points.x, points.y], lstm[["window_mean", "mu"]], rtol=1e-6)
    assert list(diagonal.x) == list(diagonal.y) == list(drawn["momentum"].layout.xaxis.range)


def test_every_expected_return_lies_inside_the_axes():
    means = FRAMES["means"].copy()
    means.loc[[0, 1], ["window_mean", "mu"]] = [[-0.05, 0.001], [0.002, 0.09]]
    figure = forecast_figures.momentum(means, sample=SAMPLE)
    low, high = figure.layout.xaxis.range
    assert low < -0.05 and high > 0.09 and tuple(figure.layout.yaxis.range) == (low, high) and high - low < 0.16


def test_subtitles_say_what_flat_tails_and_bars_are(drawn):
    assert "keeps its last loss" in drawn["training"].layout.title.text
    assert "no confidence interval" in drawn["hits"].layout.title.text


def test_names_of_strategies_are_not_struck_through(drawn):
    figure = drawn["risk_return"]
    assert {note.bgcolor for note in figure.layout.annotations} == {"white"}
    assert [shape.layer for shape in figure.layout.shapes] == ["below"]


def test_costs_name_where_a_strategy_falls_to_equal_weight():
    returns = {"equal_weight": [0.2, 0.2, 0.2], "lstm+mvf": [0.3, 0.22, 0.12], "mean+mvf": [0.4, 0.3, 0.21],
               "mean+rpp": [0.1, 0.3, 0.0]}  # crosses between 10 and 30; never; starts below
    costs = pd.DataFrame([(name, cost, value) for name, values in returns.items()
                          for cost, value in zip((0, 10, 30), values, strict=True)],
                         columns=["strategy", "cost_bps", "total_return"])
    figure = strategy_figures.cost_sensitivity(costs, sample=SAMPLE)
    assert [trace.name for trace in figure.data] == ["mean+mvf", "lstm+mvf (14 bps)", "equal_weight", "mean+rpp"]
    assert "in brackets" in figure.layout.title.text
    alone = strategy_figures.cost_sensitivity(costs.query("strategy != 'equal_weight'"), sample=SAMPLE)
    assert {trace.name for trace in alone.data} == set(returns) - {"equal_weight"}
    assert alone.layout.title.text.endswith(f"{SAMPLE}</span>")


def test_hit_ratios_leave_out_the_forecast_that_has_none(drawn):
    assert [trace.name for trace in drawn["hits"].data[:2]] == ["lstm", "mean"]


@pytest.mark.parametrize("months", [
    pd.period_range("2021-11", periods=16, freq="M"), pd.date_range("2021-11-30", periods=16, freq="ME"),
    [f"{month}" for month in pd.period_range("2021-11", periods=16, freq="M")]])
def test_monthly_excess_of_a_year_takes_any_kind_of_month(months):
    excess = FRAMES["monthly_excess"].set_axis(months)
    figure = strategy_figures.monthly_excess(excess, 2022)
    assert figure.data[0].x[0] == "Jan" and len(figure.data[0].x) == 12
    assert np.allclose(figure.data[0].y, excess[figure.data[0].name].iloc[2:14])


def test_labels_cover_neither_each_other_nor_another_point():
    performance = FRAMES["performance"].assign(annual_return=0.1 + 0.0005 * np.arange(11), annual_volatility=0.2)
    performance.loc[0, ["annual_return", "annual_volatility"]] = [0.3, 0.4]
    figure = strategy_figures.risk_return(performance, sample=SAMPLE)
    boxes = note_boxes(figure, (800, 300))
    assert len(boxes) == 11 and not overlaps(boxes)


def test_log_ticks_cover_the_axis_and_are_few():
    for low, high in [(0.8, 2.5), (0.2, 30), (0.02, 2000)]:
        axis = style.log_axis(low, high)
        inside = [tick for tick in axis["tickvals"] if low <= tick <= high]
        assert 3 <= len(inside) <= 12 and axis["range"] == pytest.approx(np.log10([low, high]))


def boxes_of(figure):
    """Left, top, right, bottom of each box of a diagram, in the order drawn."""
    return [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in figure.layout.shapes if shape.type == "rect"]


def plain(text):
    """Text as it is read: without tags, breaks as spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("draw", [lambda parts: forecast_figures.network_diagram(parts, title="net"),
                                  forecast_figures.construction_diagram])
def test_a_diagram_has_one_box_a_part_with_its_text_and_an_arrow_between_neighbors(draw, count):
    parts = [(f"part {i}", f"detail {i}: {STEPS[i % 6][1]}") for i in range(count)]
    figure = draw(parts)
    boxes = boxes_of(figure)
    assert len(boxes) == count and not overlaps(boxes)
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range  # y runs downwards
    assert all(left < box[0] and box[2] < right and top < box[1] and box[3] < bottom for box in boxes)
    assert len({box[1] for box in boxes}) == (1 if count <= 6 else 2)
    assert not figure.layout.xaxis.visible and not figure.layout.yaxis.visible
    texts = [note for note in figure.layout.annotations if note.text]
    assert [plain(note.text) for note in texts] == [f"{name} {detail}" for name, detail in parts]
    assert all(box[0] < note.x < box[2] and box[1] < note.y < box[3] for box, note in zip(boxes, texts, strict=True))
    arrows = [note for note in figure.layout.annotations if note.showarrow]
    turns = [shape.path for shape in figure.layout.shapes if shape.type == "path"]
    assert len(arrows) == count - 1 and len(turns) == (count > 6)
    for one, other, arrow in zip(boxes[:-1], boxes[1:], arrows, strict=True):
        if one[1] == other[1]:  # beside each other: from the right edge to the left edge
            assert (arrow.ax, arrow.x) == pytest.approx((one[2], other[0])) and one[1] < arrow.y == arrow.ay < one[3]
        else:  # from below the last box of the row to above the first of the next
            corners = [tuple(map(float, corner.split(","))) for corner in re.findall(r"[\d.]+,[\d.]+", turns[0])]
            assert corners[0] == pytest.approx(((one[0] + one[2]) / 2, one[3]))
            assert corners[-1] == pytest.approx((arrow.ax, arrow.ay))
            assert (arrow.x, arrow.y) == pytest.approx(((other[0] + other[2]) / 2, other[1]))


def test_the_text_of_a_diagram_s_boxes_fits_into_them():
    for parts in (LAYERS, STEPS, [("a", "one two three four " * 5), ("extraordinarily long name", "")] * 5):
        figure = forecast_figures.network_diagram(parts, title="net")
        for (left, top, right, bottom), note in zip(boxes_of(figure), (n for n in figure.layout.annotations if n.text)):
            size = [float(size) for size in re.findall(r"font-size:([\d.]+)px", note.text)]
            name, detail = note.text.split("</b>")
            lines = [(s, line) for s, part in zip(size, (name, detail)) for line in part.split("<br>")]
            assert max(0.54 * s * len(plain(line)) for s, line in lines) <= right - left and min(size) >= 10
            assert 17 * (note.text.count("<br>") + 1) < bottom - top


def test_a_recurrent_layer_has_the_color_of_its_model(drawn):
    lines = [shape.line.color for shape in drawn["network"].layout.shapes if shape.type == "rect"]
    assert lines == [style.GREY, style.strategy_color("lstm"), style.strategy_color("lstm"), style.GREY]


def test_window_accuracy_is_relative_to_the_zero_forecast_of_the_same_window(drawn):
    figure = drawn["window_accuracy"]
    assert [trace.name for trace in figure.data] == [*CELLS, "mean forecast"]
    assert all(list(trace.x) == ["5", "10", "30"] for trace in figure.data)
    assert np.allclose([trace.y for trace in figure.data], [[0.01] * 3] * 4 + [[-0.02] * 3])
    assert [trace.line.color for trace in figure.data] == [style.strategy_color(name) for name in [*CELLS, "mean"]]
    assert [shape.y0 for shape in figure.layout.shapes] == [0]  # the zero forecast
    assert [plain(tick) for tick in figure.layout.xaxis.ticktext] == ["5 0.0005", "10 0.001", "30 0.003"]
    assert "0 of 12 networks are better" in figure.layout.title.text


def test_window_accuracy_averages_seeds_and_leaves_out_networks_that_diverged():
    first = FRAMES["window_accuracy"].query("model in ('rnn', 'lstm')")
    second = first.assign(seed=1, mse_test=first["zero_mse_test"] * 0.97)
    second.loc[second["model"] == "lstm", "mse_test"] = np.nan
    gone = first["mse_test"].mask((first["model"] == "lstm") & (first["window"] == 10))
    both = pd.concat([first.assign(mse_test=gone), second])
    figure = forecast_figures.window_accuracy(both, metric="mse", sample=SAMPLE)
    rnn, lstm, mean = figure.data
    assert np.allclose(rnn.y, -0.01) and list(lstm.x) == ["5", "30"] and np.allclose(lstm.y, 0.01) and len(mean.x) == 3
    assert "3 of 5 networks are better" in figure.layout.title.text


def test_accuracy_axis_holds_every_point_and_the_zero_forecast():
    for factor in (1.00001, 0.9, 1.3):
        accuracy = FRAMES["window_accuracy"].assign(mae_test=0.03 * factor)
        figure = forecast_figures.window_accuracy(accuracy, metric="mae", sample=SAMPLE)
        low, high = figure.layout.yaxis.range
        assert low < 0 < high and all(low < min(trace.y) and max(trace.y) < high for trace in figure.data)
        assert high - low < 1.2 * abs(factor - 1)  # so that small differences can be seen


def test_accuracy_axis_is_stretched_where_one_network_is_far_worse():
    accuracy = FRAMES["window_accuracy"].copy()
    accuracy["mse_test"] = accuracy["zero_mse_test"] * np.where(accuracy["model"] == "rnn", 1.5, 1.01)
    accuracy["mean_mse_test"] = accuracy["zero_mse_test"] * 0.99
    figure = forecast_figures.window_accuracy(accuracy, metric="mse", sample=SAMPLE)
    axis, (rnn, lstm, *_, mean) = figure.layout.yaxis, figure.data
    assert "stretched around 0" in axis.title.text
    for trace, expected in ((rnn, np.arcsinh(50)), (lstm, np.arcsinh(1)), (mean, -np.arcsinh(1))):
        assert np.allclose(trace.y, expected)
    assert np.allclose(rnn.customdata, 0.5)  # what hovering tells
    ticks = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert ticks["0%"] == 0 and ticks["1%"] == pytest.approx(np.arcsinh(1)) and ticks["\N{MINUS SIGN}1%"] == -ticks["1%"]
    assert "stretched" not in axis_titles(DRAW["window_accuracy"](FRAMES), "y")[0]
    assert axis.range[0] < min(mean.y) and max(rnn.y) < axis.range[1]


def test_window_training_has_a_panel_a_window_and_marks_the_kept_epoch_on_the_validation_curve(drawn):
    figure = drawn["window_training"]
    assert [note.text for note in figure.layout.annotations] == ["5 days", "10 days", "30 days"]
    assert [trace.name for trace in figure.data if trace.showlegend] == CELLS
    panel = [trace for trace in figure.data if trace.xaxis == "x" and trace.legendgroup == "lstm"]
    validation, kept, training = panel
    assert (validation.line.dash, training.line.dash) == ("solid", "dot") and len(figure.data) == 3 * 4 * 3
    assert np.allclose(validation.y, [0.0021, 0.00215, 0.0022])  # a seed stops after one epoch and keeps its loss
    assert np.allclose(training.y, [0.001, 0.00075, 0.001 * (1 / 3 + 1) / 2])
    assert kept.x == (1.5,) and np.allclose(kept.y, 0.002125)  # the median of epochs 1 and 2


def test_window_training_has_a_log_axis_only_where_losses_differ_tenfold(drawn):
    assert drawn["window_training"].layout.yaxis.type is None
    history = FRAMES["joint_history"]
    wide = forecast_figures.window_training_curves(history.assign(loss=0.1 / history["epoch"]))
    assert {axis.type for axis in wide.select_yaxes()} == {"log"} and "log axis" in axis_titles(wide, "y")[0]


def test_window_training_draws_what_is_finite_of_a_network_that_diverged():
    history = FRAMES["joint_history"].query("window == 5 and seed == 0").assign(kept=False)
    history.loc[history["epoch"] == 3, ["loss", "validation_loss"]] = np.inf, np.nan
    figure = forecast_figures.window_training_curves(history)
    assert len(figure.data) == 2 * 4 and all(np.isfinite(trace.y).all() for trace in figure.data)
    assert np.isfinite(figure.layout.yaxis.range).all()
    assert "no network" in forecast_figures.window_training_curves(history.iloc[:0]).layout.title.text


def test_a_figure_becomes_a_picture_of_its_size(drawn):
    try:
        png = drawn["wealth"].to_image(format="png")
    except RuntimeError as error:  # also what kaleido raises for a browser that dies
        pytest.skip(f"no usable browser: {type(error).__name__}")
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (900, 450)


def test_errors_of_very_different_size_stand_on_a_log_axis():
    assert forecast_figures.accuracy_by_asset(FRAMES["by_asset"], "mse", sample=SAMPLE).layout.yaxis.type is None
    wide = FRAMES["by_asset"].copy()
    wide.loc[(wide["asset"] == "AA") & (wide["model"] == "lstm"), "mse"] = 5000.0
    axis = forecast_figures.accuracy_by_asset(wide, "mse", sample=SAMPLE).layout.yaxis
    assert axis.type == "log" and "log axis" in axis.title.text and 10 ** axis.range[1] > 2500
