"""Figures of strategies: weights, wealth, costs, risk profiles."""

import numpy as np
import pandas as pd
import pytest
from figure_frames import DAYS, FRAMES, SAMPLE, STRATEGIES, drawn

from forefolio.performance.investors import MEASURES, with_profile
from forefolio.report import strategies as strategy_figures, style
from forefolio.study.vocabulary import FRAMEWORKS

OF_STRATEGIES = ["wealth", "excess", "costs"]


@pytest.mark.parametrize("name", OF_STRATEGIES)
def test_every_strategy_is_drawn_once_in_its_own_color(name):
    figure, expected = drawn(name), [*STRATEGIES, "benchmark"]
    if name in ("excess", "costs"):
        expected = STRATEGIES  # an index has no weights, and no excess over itself
    traces = [(trace.name.partition(" (")[0], trace.line.color or trace.marker.color) if trace.type == "scatter"
              else (trace.name, trace.marker.color) for trace in figure.data]
    found = dict(traces)
    assert len(found) == len(traces)
    assert found == {strategy: style.strategy_color(strategy) for strategy in expected}


def test_readme_figure_names_every_portfolio_in_words_at_its_end_with_its_return_and_its_assets():
    figure = drawn("readme")
    final = (1 + FRAMES["net_returns"]).prod().sort_values(ascending=False)
    assert [trace.line.color for trace in figure.data] == [style.strategy_color(name) for name in final.index]
    assert {note.text for note in figure.layout.annotations} == {trace.name for trace in figure.data} and not figure.layout.showlegend
    told = dict(zip(final.index, (trace.name for trace in figure.data)))
    sign = "+" if final["benchmark"] > 1 else ""
    assert told["benchmark"] == f"{sign}{100 * (final['benchmark'] - 1):.0f} %  the index"
    assert told["equal_weight"].endswith("equal weight, 25.0 assets")
    assert "mean-variance (1D-CNN), " in told["cnn1d+mvf"] and "+" not in figure.layout.title.text.partition("<br>")[0]


@pytest.mark.parametrize(("ends", "title"), [
    ((1.2, 1.1, 1.0), "None of the 2 optimized portfolios ended ahead of equal weight"),
    ((1.2, 1.3, 1.25), "All of the 2 optimized portfolios ended ahead of equal weight"),
    ((1.2, 1.1, 1.3), "1 of the 2 optimized portfolios ended ahead of equal weight, mean+mvf furthest")])
def test_the_title_of_wealth_counts_who_ended_ahead_of_equal_weight(ends, title):
    net = pd.DataFrame([np.array([*ends, 9.0]) - 1], pd.DatetimeIndex(["2022-01-03"]), ["equal_weight", "lstm+rpp", "mean+mvf", "benchmark"])
    assert strategy_figures.wealth(net).layout.title.text.partition("<br>")[0] == title
    alone = strategy_figures.wealth(net[["equal_weight", "lstm+rpp"]]).layout.title.text
    assert alone.startswith(f"lstm+rpp ended {'ahead of' if ends[1] > ends[0] else 'behind or level with'} equal weight<br>")
    assert strategy_figures.wealth(net[["benchmark", "lstm+rpp"]]).layout.title.text.startswith("Growth of one<br>")


def test_costs_are_said_only_where_there_are_costs():
    net, weights = FRAMES["net_returns"], FRAMES["weights"]
    for text, said in (("", False), (", net of costs of 10 basis points", True)):
        for figure in (strategy_figures.wealth(net, costs=text), strategy_figures.readme_figure(net, weights, costs=text)):
            assert ("costs" in figure.layout.title.text) is said


def test_names_at_line_ends_stay_apart_and_inside_the_figure_where_all_lines_end_at_its_top():
    names = [f"{model}+{framework}" for model in ("lstm", "mean") for framework in FRAMEWORKS]
    net = pd.DataFrame(np.linspace(0.5, 0.51, len(names))[None], pd.DatetimeIndex(["2022-01-03"]), names).assign(benchmark=-0.9)
    figure = strategy_figures.wealth(net)
    low, high = figure.layout.yaxis.range
    inside = figure.layout.height - 140
    places = sorted((note.y - low) / (high - low) * inside + note.yshift for note in figure.layout.annotations)
    assert len(places) == len(names) + 1 and min(np.diff(places)) > 14.9 and 0 <= places[0] and places[-1] <= inside + 0.1


def test_wealth_starts_at_one_and_the_mark_of_who_passed_stands_at_its_line():
    figure = style.passed(strategy_figures.wealth(FRAMES["net_returns"]), ["lstm"])
    assert all(trace.y[0] == 1 for trace in figure.data)
    marked = [note.text for note in figure.layout.annotations if note.text.endswith("\N{CHECK MARK}")]
    assert sorted(text.partition(" (")[0] for text in marked) == ["lstm+mdp", "lstm+mvf", "lstm+rpp"]


def test_a_decision_knows_the_days_up_to_its_own_and_earns_on_those_up_to_the_next():
    window, errors, decided, earned = drawn("timeline").data
    assert list(window.x) == [f"{DAYS[10]:%Y-%m-%d}", f"{DAYS[259]:%Y-%m-%d}"]
    assert list(errors.x) == [f"{DAYS[230]:%Y-%m-%d}", f"{DAYS[259]:%Y-%m-%d}"]
    assert list(decided.x) == [f"{DAYS[259]:%Y-%m-%d}"] * 2
    assert list(earned.x) == [f"{DAYS[260]:%Y-%m-%d}", f"{DAYS[280]:%Y-%m-%d}"]
    alone = strategy_figures.timeline(DAYS, DAYS[[490]], estimation_window=250, residual_window=30).data[3]
    assert list(alone.x) == [f"{DAYS[491]:%Y-%m-%d}", f"{DAYS[499]:%Y-%m-%d}"]


def test_the_slider_holds_the_weights_and_the_title_of_every_risk_aversion():
    figure, by_gamma = drawn("risk_aversion"), FRAMES["by_gamma"]
    slider = figure.layout.sliders[0]
    assert [step.label for step in slider.steps] == ["1", "10", "min. variance"] and slider.active == 1  # nearest to 8
    assert list(figure.data[0].x) == ["AA", "BB", "CC", "DD", "EE"]  # by the mean
    for step, held in zip(slider.steps, by_gamma[list(figure.data[0].x)].to_numpy(), strict=True):
        np.testing.assert_allclose(step.args[0]["y"][0], held, atol=1e-4)
    assert [f"{1 / (held**2).sum():.1f} effective holdings" in step.args[1]["title.text"]
            for step, held in zip(slider.steps, by_gamma.to_numpy())] == [True] * 3
    assert figure.layout.title.text == slider.steps[1].args[1]["title.text"]
    assert list(figure.data[0].y) == list(slider.steps[1].args[0]["y"][0])


def test_every_step_of_the_slider_keeps_the_mark_of_a_leak():
    marked = style.marked(drawn("risk_aversion"), "LEAK peek_one_day")
    assert all("LEAK peek_one_day" in step.args[1]["title.text"] for step in marked.layout.sliders[0].steps)
    assert not any("LEAK" in step.args[1]["title.text"] for step in drawn("risk_aversion").layout.sliders[0].steps)


def test_a_compounded_drawdown_is_less_deep_than_the_uncompounded_one_where_losses_follow_each_other():
    falls = pd.DataFrame({"lstm+mdp": [-0.1, -0.1, 0.0]}, index=pd.bdate_range("2022-01-03", periods=3))
    compounded, uncompounded = strategy_figures.two_drawdowns(falls).data
    np.testing.assert_allclose(compounded.y, [-0.1, -0.19, -0.19], rtol=1e-6)
    np.testing.assert_allclose(uncompounded.y, [-0.1, -0.2, -0.2], rtol=1e-6)
    assert "lstm+mdp 19.0 %" in strategy_figures.two_drawdowns(falls).layout.title.text


def test_bars_of_a_strategy_stack_to_one_and_name_the_main_asset_of_every_date():
    figure = drawn("holdings")
    for strategy in STRATEGIES:
        wide = FRAMES["weights"].query("strategy == @strategy").pivot(index="rebalance_date", columns="asset", values="weight")
        title = next(note for note in figure.layout.annotations if note.text.startswith(f"{strategy}:"))
        own = [trace for trace in figure.data if trace.marker.color == style.strategy_color(strategy) and trace.type == "bar"]
        assert np.allclose(np.sum([np.asarray(bar.y, float) for bar in own], axis=0), 1)
        assert np.allclose(np.asarray(own[0].y, float), wide.max(axis=1))
        texts = next(trace.text for trace in figure.data if trace.type == "scatter" and trace.mode == "text" and trace.yaxis == own[0].yaxis)
        assert list(texts) == ([""] * len(wide) if strategy == "equal_weight" else list(wide.idxmax(axis=1)))
        assert title.x == 0


def test_short_sales_are_below_zero_and_a_strategy_without_them_has_no_such_bar():
    rows = [("lstm+tangency", "AA", 1.5), ("lstm+tangency", "BB", -0.5), ("equal_weight", "AA", 0.5), ("equal_weight", "BB", 0.5)]
    weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=pd.Timestamp("2022-01-31"))
    shares = weights.drop(columns="rebalance_date").rename(columns={"weight": "risk_share"})
    figure = strategy_figures.holdings_over_time(weights, shares)
    short = [bar for bar in figure.data if bar.name == "short"]
    assert [list(bar.y) for bar in short] == [[-0.5]]
    assert "150 % (tangency)" in figure.layout.title.text


def test_more_than_a_year_of_strategies_is_drawn_weekly_and_ends_where_it_ends():
    days = pd.bdate_range("2017-01-03", periods=400, name="date")
    net = pd.DataFrame({"lstm+mvf": 0.001, "benchmark": 0.0}, index=days)
    figure, short = strategy_figures.wealth(net), strategy_figures.wealth(net[:200])
    assert "weekly" in figure.layout.title.text and "daily" in short.layout.title.text
    assert figure.data[0].y[-1] == pytest.approx(1.001 ** 400) and len(figure.data[0].y) < 90


def test_costs_name_where_a_strategy_falls_to_equal_weight():
    returns = {"equal_weight": [0.2, 0.2, 0.2], "lstm+mvf": [0.3, 0.22, 0.12], "mean+mvf": [0.4, 0.3, 0.21],
               "mean+rpp": [0.1, 0.3, 0.0]}  # falls to it at 14.2 basis points; at no cost; starts below
    even = {"lstm+mvf": 14.2, "mean+rpp": -3.0}
    costs = pd.DataFrame([(name, cost, value, even.get(name)) for name, values in returns.items()
                          for cost, value in zip((0, 10, 30), values, strict=True)],
                         columns=["strategy", "cost_bps", "total_return", "break_even_bps"])
    figure = strategy_figures.cost_sensitivity(costs, sample=SAMPLE)
    assert [trace.name for trace in figure.data] == ["mean+mvf", "lstm+mvf (14 bps)", "equal_weight", "mean+rpp"]
    assert "in brackets" in figure.layout.title.text
    nearly = pd.concat([costs, costs[costs["strategy"] == "mean+rpp"].assign(strategy="short", total_return=-1 + 1e-7)])
    without = strategy_figures.cost_sensitivity(nearly, sample=SAMPLE)
    assert len(without.data) == 4 and without.layout.title.text.endswith("; left out, all wealth lost: short</span>")
    alone = costs.query("strategy != 'equal_weight'").assign(break_even_bps=np.nan)
    alone = strategy_figures.cost_sensitivity(alone, sample=SAMPLE)
    assert "brackets" not in alone.layout.title.text
    assert {trace.name for trace in alone.data} == set(returns) - {"equal_weight"}


@pytest.mark.parametrize("months", [
    pd.period_range("2021-11", periods=16, freq="M"), pd.date_range("2021-11-30", periods=16, freq="ME")])
def test_monthly_excess_has_the_months_of_one_year(months):
    excess = FRAMES["monthly_excess"].set_axis(months)
    figure = strategy_figures.monthly_excess(excess, 2022)
    assert figure.data[0].x[0] == "2022-01-01" and len(figure.data[0].x) == 12
    assert np.allclose(figure.data[0].y, excess[figure.data[0].name].iloc[2:14])


def test_all_years_of_monthly_excess_share_one_axis_and_a_panel_names_its_models_in_their_colors():
    excess = FRAMES["monthly_excess"]
    figure = drawn("excess")
    assert all(len(trace.x) == len(excess) for trace in figure.data)
    assert len({axis.matches for axis in figure.select_yaxes()} - {None}) == 1 == sum(not axis.matches for axis in figure.select_yaxes())
    panels = [note.text for note in figure.layout.annotations]
    assert len(panels) == 4 and panels[-1].endswith(" equal_weight") and "<b>" not in panels[-1]
    assert all(style.strategy_color(f"{model}+mvf") in panels[0] and model in panels[0] for model in ("lstm", "cnn1d", "mean"))
    above = (excess > 0).sum()
    assert f"Months above the benchmark: {above.min()} of 16 (" in figure.layout.title.text
    assert f" to {above.max()} of 16 (" in figure.layout.title.text


def test_the_title_of_costs_names_who_pays_most_and_equal_weight_beside_it():
    rows = [(name, cost, start - slope * cost, np.nan) for name, start, slope in (("lstm+mvf", 0.5, 0.004), ("equal_weight", 0.4, 0.0002))
            for cost in (0, 50)]
    costs = pd.DataFrame(rows, columns=["strategy", "cost_bps", "total_return", "break_even_bps"])
    assert strategy_figures.cost_sensitivity(costs, sample=SAMPLE).layout.title.text.startswith(
        "A cost of 50 basis points takes 20.0 points of total return from lstm+mvf, 1.0 from equal weight<br>")


# risk profiles
NAMES = ["benchmark", "equal_weight", *(f"{model}+{framework}" for model in ("lstm", "cnn1d", "mean")
                                        for framework in ("mdp", "rpp", "mvf", "tangency"))]
SHOWN = MEASURES[:4]


def table_of(names, seed=5):
    """Made-up outcomes; the benchmark trades nothing."""
    rng = np.random.default_rng(seed)
    values = pd.DataFrame(rng.uniform(0.02, 0.6, (len(names), len(MEASURES))), columns=MEASURES).assign(strategy=names)
    values["max_drawdown"] *= -1
    values.loc[values["strategy"] == "benchmark", "turnover"] = np.nan
    return with_profile(values)


TABLE = table_of(NAMES)


@pytest.fixture(scope="module")
def figure():
    return strategy_figures.risk_profiles(TABLE, sample=SAMPLE)


def dots(figure):
    """Value and row of each strategy's dot, by measure."""
    panels = {("x", "x2", "x3", "x4")[i]: measure for i, measure in enumerate(SHOWN)}
    return {(panels[trace.xaxis], trace.name): (trace.x[0], trace.y[0]) for trace in figure.data
            if trace.mode == "markers+text"}


def rows(figure):
    """What is written at each row, from the top."""
    return [text.replace("<b>", "").replace("</b>", "") for text in figure.layout.yaxis.ticktext]


def test_strategies_stand_under_the_investor_they_are_meant_for(figure):
    models = ("lstm", "cnn1d", "mean")
    assert rows(figure) == ["return-seeking", *(f"{m}+mvf" for m in models), "moderate", *(f"{m}+rpp" for m in models),
                            "conservative", *(f"{m}+mdp" for m in models), "long-short", *(f"{m}+tangency" for m in models),
                            "reference", "benchmark", "equal_weight"]
    top, bottom = figure.layout.yaxis.range[::-1]
    assert top < 0 and bottom > len(rows(figure)) - 1  # the first row is the highest, the last is not cut


def test_every_value_is_a_dot_at_the_row_of_its_name_in_its_color_with_its_number(figure):
    expected = TABLE.set_index("strategy")[list(SHOWN)].stack().dropna().swaplevel()
    found, names = dots(figure), rows(figure)
    assert {key: value for key, (value, _) in found.items()} == expected.to_dict() and len(found) == 4 * 14 - 1
    assert all(names[row] == name for (_, name), (_, row) in found.items())
    for trace in figure.data:
        if trace.mode == "markers+text":
            assert trace.marker.color == style.strategy_color(trace.name)
            assert trace.text == f"{100 * trace.x[0]:.1f} %"


def test_equal_weight_is_a_line_and_numbers_stand_on_the_side_away_from_it(figure):
    values = TABLE.set_index("strategy").loc["equal_weight"]
    assert [shape.x0 for shape in figure.layout.shapes] == [values[measure] for measure in SHOWN]
    assert {(shape.x0 == shape.x1, shape.line.color) for shape in figure.layout.shapes} == {
        (True, style.strategy_color("equal_weight"))}
    lines = {f"x{i}".replace("x1", "x"): values[measure] for i, measure in enumerate(SHOWN, 1)}
    sides = [(trace.x[0] < lines[trace.xaxis], trace.textposition) for trace in figure.data if trace.mode == "markers+text"]
    assert set(sides) == {(True, "middle left"), (False, "middle right")}
    assert "vertical line: equal weight" in figure.layout.title.text


def test_a_panel_has_room_for_its_dots_and_their_numbers(figure):
    for axis, measure in zip(figure.select_xaxes(), SHOWN, strict=True):
        low, high = axis.range
        width = 0.2 * (high - low)
        assert low + width < TABLE[measure].min() and TABLE[measure].max() < high - width


def test_axes_carry_units_and_the_title_its_days(figure):
    assert SAMPLE in figure.layout.title.text
    titles = [axis.title.text for axis in figure.select_xaxes()]
    assert len(titles) == 4 and all("%" in title for title in titles)
    assert [note.text.strip("\N{LEFTWARDS ARROW}\N{RIGHTWARDS ARROW} ") for note in figure.layout.annotations] == [
        "return", "volatility", "maximum drawdown", "turnover"]


def test_what_is_missing_says_so(figure):
    told = [(trace.name, trace.text.strip()) for trace in figure.data if trace.mode == "text"]
    assert told == [("benchmark", "none")]


def test_a_single_strategy_has_a_row_under_its_profile_and_no_line():
    alone = strategy_figures.risk_profiles(table_of(["lstm+mdp"]), sample=SAMPLE)
    assert rows(alone) == ["conservative", "lstm+mdp"] and not alone.layout.shapes and "line" not in alone.layout.title.text
    assert alone.layout.title.text.startswith("Highest return: lstm+mdp (")
    assert len(alone.data) == 4 and alone.layout.height >= 300
    assert all(np.ptp(axis.range) > 0.02 for axis in alone.select_xaxes())


def test_a_framework_from_outside_stands_under_its_profile(monkeypatch):
    monkeypatch.setitem(FRAMEWORKS, "plain", FRAMEWORKS["rpp"]._replace(profile="easy-going"))
    drawn = strategy_figures.risk_profiles(table_of(["equal_weight", "lstm+plain", "lstm+mdp"]), sample=SAMPLE)
    assert rows(drawn) == ["conservative", "lstm+mdp", "easy-going", "lstm+plain", "reference", "equal_weight"]


def test_arrows_point_to_the_better_side(figure):
    told = [note.text for note in figure.layout.annotations]
    assert [text.endswith("\N{RIGHTWARDS ARROW}") for text in told] == [True, False, True, False]
    assert [text.startswith("\N{LEFTWARDS ARROW}") for text in told] == [False, True, False, True]


def test_a_measure_that_the_table_lacks_has_no_panel(figure):
    fewer = strategy_figures.risk_profiles(TABLE.drop(columns=["turnover", "sharpe"]), sample=SAMPLE)
    assert [axis.title.text for axis in fewer.select_xaxes()] == [axis.title.text for axis in figure.select_xaxes()][:3]
    assert len(fewer.layout.annotations) == 3 and len(dots(fewer)) == 3 * 14


@pytest.mark.parametrize("shift", [-2.0, -0.3, 0.0, 0.7])
@pytest.mark.parametrize("scale", [0.01, 1, 7])
def test_every_tick_has_a_number_and_returns_a_zero(shift, scale):
    table = TABLE.assign(annual_return=(TABLE["annual_return"] + shift) * scale)
    drawn = strategy_figures.risk_profiles(table, sample=SAMPLE)
    for axis in drawn.select_xaxes():
        width = np.ptp(axis.range)
        assert 2 <= len(axis.tickvals) <= 4 and axis.ticktext is None and axis.ticklabeloverflow is None
        assert axis.range[0] + 0.04 * width < min(axis.tickvals) and max(axis.tickvals) < axis.range[1] - 0.04 * width
    assert 0 in drawn.layout.xaxis.tickvals


def test_more_strategies_make_a_taller_figure_and_the_frame_stays_as_it_was(figure):
    before = TABLE.copy(deep=True)
    fewer = strategy_figures.risk_profiles(TABLE.iloc[:9], sample=SAMPLE)
    assert figure.layout.height > fewer.layout.height and figure.layout.width == fewer.layout.width == 1000
    pd.testing.assert_frame_equal(TABLE, before)
