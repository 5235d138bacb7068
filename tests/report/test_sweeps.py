"""Figures of sweeps: what is drawn, where, in which units; one figure for each number of parameters."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from forefolio.performance import luck, trials
from forefolio.report import sweeps as sweep_figures
from forefolio.report.style import RED, strategy_color
from forefolio.files import StageError

RNG = np.random.default_rng(5)


def made(**grid) -> pd.DataFrame:
    """Results of a full grid: lstm+mvf has the number of its point as Sharpe ratio, mean+rpp and the rivals none of it."""
    rows = []
    for i, values in enumerate(product(*grid.values())):
        setting = (f"p{i}", *values)
        rows += [(*setting, "lstm+mvf", float(i), 0.01 - 0.0001 * i), (*setting, "mean+rpp", 0.8, np.nan),
                 (*setting, "equal_weight", 0.7, np.nan), (*setting, "benchmark", 0.9, np.nan)]
    return pd.DataFrame(rows, columns=["point", *grid, "strategy", "sharpe", "validation_mae"])


ONE = made(risk_aversion=[0.1, 1, 100, 10])
TWO = made(lookback=[30, 10], scenarios=["next", "append", "month"])
THREE = made(layers=[2, 4], rate=[0.01, 0.1], models=["zero lstm", "zero"])
SEEDED = made(layers=[2, 4], seed=[7, 8, 9])


def trace(figure, name):
    return next(one for one in figure.data if one.name == name)


@pytest.mark.parametrize("results, parameters, kind", [
    (ONE, ["risk_aversion"], "lstm+mvf: sharpe from 0 to 3, best at risk_aversion 10"),
    (TWO, ["lookback", "scenarios"], "lstm+mvf by lookback and scenarios"),
    (THREE, ["layers", "rate", "models"], "lstm+mvf: 0 to 7 over its points"),
    (SEEDED, ["layers", "seed"], "lstm+mvf: sharpe from 1 to 4, best at layers 4"),
    (SEEDED, ["seed"], "lstm+mvf: sharpe from 1.5 to 3.5, best at seed 9"), (ONE, [], "lstm+mvf: sharpe from 0 to 3, best at point p3")])
def test_the_number_of_parameters_chooses_the_figure_and_seeds_are_repetitions(results, parameters, kind):
    figure = sweep_figures.by_parameters(results, parameters, "sharpe", "lstm+mvf")
    assert figure.layout.title.text.startswith(kind)
    assert figure.layout.width == 900 and figure.layout.height >= 400 and figure.data


def test_a_strategy_that_no_point_has_is_refused():
    with pytest.raises(StageError, match="'lstm' has no results.*lstm\\+mvf, mean\\+rpp"):
        sweep_figures.by_parameters(TWO, ["lookback", "scenarios"], "sharpe", "lstm")


def test_lines_are_of_the_touched_strategies_and_the_rivals_in_their_colors():
    figure = sweep_figures.by_parameter(ONE, "risk_aversion", "sharpe", "lstm+mvf")
    assert {one.name for one in figure.data} == {"lstm+mvf", "equal_weight", "benchmark"}
    assert all(one.line.color == strategy_color(one.name) for one in figure.data)
    assert trace(figure, "lstm+mvf").line.width > trace(figure, "benchmark").line.width
    assert "not drawn: 1 strategy that no value changes" in figure.layout.title.text


def test_numbers_stand_in_their_order_on_a_log_axis_where_they_span_much():
    figure = sweep_figures.by_parameter(ONE, "risk_aversion", "sharpe", "lstm+mvf")
    assert list(trace(figure, "lstm+mvf").x) == [0.1, 1, 10, 100] and list(trace(figure, "lstm+mvf").y) == [0, 1, 3, 2]
    assert figure.layout.xaxis.type == "log" and figure.layout.xaxis.title.text == "risk_aversion (log axis)"
    near = sweep_figures.by_parameter(made(x=[1, 30]), "x", "sharpe", "lstm+mvf").layout.xaxis
    assert near.type == "linear" and near.title.text == "x"
    assert sweep_figures.by_parameter(made(x=[0, 100]), "x", "sharpe", "lstm+mvf").layout.xaxis.type == "linear"


def test_text_stands_in_the_order_of_the_sweep_and_true_is_text():
    figure = sweep_figures.by_parameter(made(mode=["next", "append"]), "mode", "sharpe", "lstm+mvf")
    assert figure.layout.xaxis.type == "category" and list(figure.layout.xaxis.categoryarray) == ["next", "append"]
    assert list(trace(figure, "lstm+mvf").x) == ["next", "append"]
    assert sweep_figures.by_parameter(made(on=[True, False]), "on", "sharpe", "lstm+mvf").layout.xaxis.type == "category"


def test_points_of_one_value_are_averaged_and_the_title_says_so():
    figure = sweep_figures.by_parameter(SEEDED, "layers", "sharpe", "lstm+mvf")
    assert list(trace(figure, "lstm+mvf").y) == [1, 4] and "means of 3 points" in figure.layout.title.text



def test_long_labels_are_cut_and_stay_different():
    found = ["AAPL MSFT JNJ KO PEP WMT XOM", "AAPL MSFT JNJ KO PEP WMT CVX", "", 0.5]
    short = sweep_figures.labels(found)
    assert len(set(short)) == 4 and max(map(len, short)) <= 26 and short[2:] == ["(none)", "0.5"]


def test_the_heatmap_has_every_cell_in_place_and_frames_the_best():
    figure = sweep_figures.heatmap(TWO, "sharpe", "lstm+mvf", "lookback", "scenarios")
    cells = figure.data[0]
    assert list(cells.x) == ["10", "30"] and list(cells.y) == ["next", "append", "month"]
    assert np.array_equal(cells.z, [[3, 0], [4, 1], [5, 2]])
    frame = figure.layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.5, 0.5, 1.5, 2.5)
    assert "higher is better" in cells.colorbar.title.text and cells.reversescale is False


def test_a_missing_point_is_an_empty_cell_that_is_counted():
    figure = sweep_figures.heatmap(TWO[TWO["point"] != "p5"], "sharpe", "lstm+mvf", "lookback", "scenarios")
    assert "no result (1 cell)" in figure.layout.title.text
    assert np.isnan(figure.data[0].z[2, 0]) and np.isnan(figure.data[0].z).sum() == 1 and figure.layout.shapes[0].y0 == 0.5


def test_the_best_cell_of_an_error_is_the_lowest():
    figure = sweep_figures.heatmap(TWO, "validation_mae", "lstm+mvf", "lookback", "scenarios")
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].y0) == (-0.5, 1.5) and figure.data[0].reversescale is True
    assert "lower is better" in figure.data[0].colorbar.title.text


def lines_of(figure) -> list[tuple]:
    """The ticks that each line of parallel axes passes, and the metric it ends at."""
    *axes, last = figure.data[0].dimensions
    ticks = [[axis.ticktext[round(value)] for value in axis.values] for axis in axes]
    return list(zip(*ticks, last.values, strict=True))


@pytest.mark.parametrize("metric", ["sharpe", "validation_mae"])
def test_parallel_axes_have_a_line_per_point_and_the_best_in_red_at_the_top(metric):
    figure = sweep_figures.parallel(THREE, ["layers", "rate", "models"], metric, "lstm+mvf")
    one = THREE[THREE["strategy"] == "lstm+mvf"]
    assert sorted(lines_of(figure)) == sorted(zip(one["layers"].map(str), one["rate"].map("{:g}".format), one["models"],
                                                  one[metric], strict=True))
    *axes, last = figure.data[0].dimensions
    assert [axis.label.replace("<br>", "") for axis in (*axes, last)] == ["layers", "rate", "models", metric]
    assert list(axes[2].ticktext) == ["zero lstm", "zero"] and list(axes[2].tickvals) == [0, 1]
    line = figure.data[0].line
    assert lines_of(figure)[np.argmax(line.color)] == ("4", "0.1", "zero", last.range[1])  # p7 is the best by both metrics
    assert line.colorscale[-1] == (1, RED) and RED not in [color for _, color in line.colorscale[:-1]]
    assert sorted(last.range) == [one[metric].min(), one[metric].max()]
    assert sweep_figures.label(metric)[0] in figure.layout.title.text and "8 points" in figure.layout.title.text


def test_parallel_lines_of_one_value_do_not_hide_each_other():
    for axis in sweep_figures.parallel(THREE, ["layers", "rate", "models"], "sharpe", "lstm+mvf").data[0].dimensions[:3]:
        assert len(set(axis.values)) == 8 and sum(value > 0.5 for value in axis.values) == 4
        assert axis.range[0] < min(axis.values) and max(axis.values) < axis.range[1]


def test_parallel_axes_draw_every_point_of_a_large_sweep_and_stand_where_no_point_differs():
    many = made(a=range(30), b=range(30), c=[1])
    assert len(lines_of(sweep_figures.parallel(many, ["a", "b", "c"], "sharpe", "lstm+mvf"))) == 900
    level = THREE.assign(sharpe=0.5)
    last = sweep_figures.parallel(level, ["layers", "rate", "models"], "sharpe", "lstm+mvf").data[0].dimensions[-1]
    assert set(last.values) == {0.5} and last.range is None  # plotly makes room; a range without width draws nothing


def test_sensitivity_bars_are_the_spreads_with_best_value_and_share():
    table = trials.by_parameter(trials.contenders(TWO, "sharpe"), ["lookback", "scenarios"], "sharpe", seed=1)
    figure = sweep_figures.sensitivity_bars(table, "sharpe")
    assert list(figure.data[0].y) == ["lookback", "scenarios"] and np.allclose(figure.data[0].x, [3, 2])
    assert figure.data[0].text == tuple(
        f"best: {best}, share {share} (chance {chance:.0%})"
        for best, share, chance in zip((10, "month"), ("77%", "23%"), table["chance"].iloc[:2], strict=True))
    assert figure.layout.xaxis.range[1] > 3


def test_a_parameter_that_a_strategy_saw_one_value_of_has_no_best():
    table = trials.by_parameter(trials.contenders(ONE, "sharpe").assign(models="lstm"), ["models"], "sharpe", seed=1)
    assert sweep_figures.sensitivity_bars(table, "sharpe").data[0].text == ("one value only",)


def test_sensitivity_of_many_strategies_draws_those_that_move_most_and_of_none_says_so():
    rows = [(f"s{i}", "x", 2, 0.0, float(i), float(i), 1, 0.5, 0.2, 1) for i in range(40)]
    columns = ["strategy", "parameter", "n_values", "lowest", "highest", "spread", "best_value", "share", "chance",
               "fewest_points"]
    figure = sweep_figures.sensitivity_bars(pd.DataFrame(rows, columns=columns), "sharpe")
    assert [bar.name for bar in figure.data] == [f"s{i}" for i in range(39, 9, -1)]
    assert "10 strategies that move less not drawn" in figure.layout.title.text
    empty = sweep_figures.sensitivity_bars(pd.DataFrame(columns=columns), "sharpe")
    assert "no parameter varies between the points" in empty.layout.title.text


def test_seeds_have_a_dot_each_and_the_best_mean_on_top():
    figure, = sweep_figures.seeds(SEEDED, ["layers", "seed"], "sharpe")
    dots = [one for one in figure.data if one.mode == "markers" and one.name]
    assert [list(one.x) for one in dots] == [[3, 4, 5], [0, 1, 2]]
    assert list(figure.layout.yaxis.ticktext) == ["lstm+mvf, layers 4", "lstm+mvf, layers 2"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first row is the upper one
    by_error, = sweep_figures.seeds(SEEDED, ["layers", "seed"], "validation_mae")
    assert by_error.layout.yaxis.ticktext[0] == "lstm+mvf, layers 4"  # the lowest error


def test_there_is_no_figure_of_seeds_where_they_do_nothing():
    assert sweep_figures.seeds(ONE, ["risk_aversion"], "sharpe") == []
    assert sweep_figures.seeds(SEEDED[SEEDED["strategy"] == "mean+rpp"], ["layers", "seed"], "sharpe") == []
    alone, = sweep_figures.seeds(SEEDED, ["seed"], "sharpe")
    assert list(alone.layout.yaxis.ticktext) == ["lstm+mvf"]


def test_luck_draws_all_trials_and_marks_the_chosen_and_the_expected_best():
    rival = pd.Series(RNG.normal(0, 0.01, 100))
    tried = pd.DataFrame(RNG.normal(0, 0.01, (100, 4)), columns=[f"p/{name}" for name in "abcd"])
    row = {"rival": "benchmark", "trial": "p/c", "n_trials": 4, "n_effective": 2.5, "n_days": 100, "sharpe": 0.05,
           "expected_best": 0.03, "deflated": 0.7}
    rivals, judged = {"equal_weight": rival * 0, "benchmark": rival}, pd.DataFrame([row | {"rival": "equal_weight", "deflated": None}, row])
    figure = sweep_figures.best_and_luck(tried.assign(twin=rival), rivals, judged)  # a twin has no ratio
    ratios = luck.sharpe_ratios(tried.sub(rival, axis=0))
    assert sum(figure.data[0].y) == 4 and figure.data[0].x[0] - figure.data[0].width / 2 <= ratios.min()
    assert {line.name: line.x for line in figure.data[1:]} == {
        "best by luck: 0.030": (0.03, 0.03), "p/c: 0.050": (0.05, 0.05)}
    none = sweep_figures.best_and_luck(tried, rivals, judged.iloc[:1])
    assert not none.data and "No trial can be tested" in none.layout.title.text
    assert "100 days; 4 portfolios, which count as 2.5 independent ones" in figure.layout.title.text
    assert "p/c has a deflated Sharpe ratio of 70 %" in figure.layout.title.text
    assert "over benchmark" in figure.layout.xaxis.title.text


def test_logits_at_or_below_the_median_are_red_and_make_the_probability():
    returns = pd.DataFrame(RNG.normal(0, 0.01, (64, 60)))
    found = luck.overfitting(returns.set_axis([f"p{i}/s" for i in range(60)], axis=1), n_blocks=8)
    for logits in (found.logits, pd.Series(RNG.normal(0, 1, 500))):  # a bar a value, and bins
        some = luck.Overfitting(probability=float((logits <= 0).mean()), loss_probability=0.5, logits=logits, n_trials=60,
                                n_blocks=8)
        figure = sweep_figures.overfitting_logits(some)
        bars = figure.data[0]
        red = sum(y for y, color in zip(bars.y, bars.marker.color) if color == RED)
        assert np.isclose(red, some.probability) and np.isclose(sum(bars.y), 1)
        assert figure.layout.xaxis.range[0] < 0 < figure.layout.xaxis.range[1]


def test_drawing_leaves_its_frames_as_they_were():
    before = THREE.copy(deep=True)
    sweep_figures.by_parameters(THREE, ["layers", "rate", "models"], "sharpe", "lstm+mvf")
    sweep_figures.by_parameters(THREE, ["rate"], "sharpe", "lstm+mvf")
    pd.testing.assert_frame_equal(THREE, before)
