"""Figures of frontiers: annualized, labels apart, nothing lost."""

import numpy as np
import pandas as pd
from figure_frames import DRAW, FRAMES, RNG, SAMPLE, drawn, note_boxes, overlaps, plain

from forefolio.report import frontier as frontier_figures, style


def test_frontier_annualizes_and_writes_what_lies_outside_instead_of_drawing_it():
    portfolios = FRAMES["portfolios"].copy()
    portfolios.loc["tangency", ["expected_return", "volatility"]] = [0.05, 0.4]
    figure = DRAW["frontier"](FRAMES | {"portfolios": portfolios})
    cloud, shorts, long_only, variance = figure.data
    assert len(cloud.x) == 1334 and len(figure.data) == 4
    assert np.isclose(variance.x[0], 0.008 * 252**0.5) and np.isclose(variance.y[0], 0.0004 * 252)
    assert max(figure.layout.xaxis.range) < 0.4 * 252**0.5
    outside = [note.text for note in figure.layout.annotations if "outside" in note.text]
    assert outside == ["outside the axes: tangency (gross 19.8), volatility 635%, return 1260%"]


def test_a_gross_exposure_above_one_stands_on_the_label():
    assert [note.text for note in drawn("frontier").layout.annotations] == ["minimum variance", "tangency (gross 19.8)"]
    assert [note.font.color for note in drawn("frontier").layout.annotations] == [
        style.strategy_color("minimum_variance"), style.strategy_color("tangency")]


def test_the_title_of_a_frontier_has_the_best_long_only_ratio_beside_the_median_random_one():
    ratios = (np.array([0.0004, 0.0006]) * 252 - 0.01) / (np.array([0.008, 0.012]) * 252**0.5)
    assert plain(drawn("frontier").layout.title.text).startswith(
        f"Minimum variance has a Sharpe ratio of {ratios[0]:.2f} in hindsight, the median random portfolio {ratios.mean():.2f}")


def test_a_single_asset_far_from_the_others_is_written_and_does_not_squeeze_the_axes():
    assets = pd.DataFrame({"expected_return": [0.0003, 0.0004, 0.0005, 0.0006, 0.004], "volatility": [0.01, 0.011, 0.012, 0.013, 0.1]},
                          index=["AA", "BB", "CC", "DD", "FAR"])
    figure = frontier_figures.frontier(FRAMES["two_fund"], FRAMES["long_only"], FRAMES["cloud"], FRAMES["portfolios"][:1],
                                       assets=assets, periods_per_year=252, risk_free_rate=0.0, sample=SAMPLE)
    points = next(trace for trace in figure.data if trace.name == "single assets")
    assert list(points.text) == ["AA", "BB", "CC", "DD"] and np.isclose(points.x[0], 0.01 * 252**0.5)
    assert figure.layout.xaxis.range[1] < 0.25
    assert figure.layout.annotations[-1].text == "outside the axes: FAR, volatility 159%, return 101%"


def test_the_line_from_the_risk_free_rate_ends_at_maximum_sharpe():
    figure = frontier_figures.frontier(
        FRAMES["two_fund"], FRAMES["long_only"], FRAMES["cloud"], FRAMES["portfolios"].rename({"minimum_variance": "maximum_sharpe"}),
        periods_per_year=252, risk_free_rate=0.01, sample=SAMPLE)
    line = next(trace for trace in figure.data if trace.name == "from the risk-free rate")
    np.testing.assert_allclose([line.x, line.y], [[0, 0.008 * 252**0.5], [0.01, 0.0004 * 252]], rtol=1e-6)


def test_a_step_of_the_slider_has_the_frontier_s_weights_and_moves_the_point():
    figure = drawn("along")
    slider = figure.layout.sliders[0]
    assert [step.label for step in slider.steps] == ["10.1 %", "15.1 %"] and list(figure.data[2].y) == ["BB", "AA", "CC"]
    moved, told, traces = slider.steps[1].args
    np.testing.assert_allclose([moved["x"][0][0], moved["y"][0][0]], [0.012 * 252**0.5, 0.0006 * 252], atol=1e-5)
    assert moved["x"][1] == [0, 1, 0] and traces == (1, 2)
    assert told["annotations[1].text"].endswith("1.0 effective holdings")
    best = slider.steps[slider.active].args[0]  # 10.1 - 1 over 12.7 and 15.1 - 1 over 19.0
    assert slider.active == 1 - int(0.0908 / 0.127 > 0.1412 / 0.1905) and list(figure.data[2].x) == best["x"][1]


def test_means_stand_with_their_standard_errors_the_highest_first():
    dots = drawn("means").data[0]
    assert list(dots.x) == ["AA", "EE", "BB", "DD", "CC"] and np.allclose(dots.error_y.array, [0.3, 0.2, 0.04, 0.1, 0.1])
    assert plain(drawn("means").layout.title.text).startswith("3 of 5 means are less than two standard errors from zero")


def test_resampled_frontiers_stand_behind_the_estimated_one_with_promise_and_delivery():
    *pale, estimated, promised, delivered = drawn("resampled").data
    assert len(pale) == 2 and [trace.showlegend for trace in pale] == [True, False]
    np.testing.assert_allclose(estimated.y, np.array([0.0004, 0.0006]) * 252, rtol=1e-6)
    np.testing.assert_allclose([promised.y, delivered.y], 252 * np.array([[0.0006, 0.001], [0.0005, 0.0004]]), rtol=1e-6)
    assert "move 30 % of the money" in drawn("resampled").layout.title.text


def test_labels_of_portfolios_at_one_point_do_not_cover_each_other():
    names = ["maximum_sharpe", "maximum_sortino", "minimum_variance", "minimum_cvar", "tangency"]
    portfolios = FRAMES["portfolios"].iloc[[0] * 5].set_index(pd.Index(names))
    figure = DRAW["frontier"](FRAMES | {"portfolios": portfolios})
    boxes = note_boxes(figure, (620, 350))
    assert len(boxes) == 5 and not overlaps(boxes)


def test_weights_of_many_assets_are_summed_not_lost():
    weights = pd.DataFrame({"maximum_sharpe": RNG.dirichlet(np.ones(55)), "minimum_variance": np.full(55, 1 / 55)},
                           index=[f"A{i:02d}" for i in range(55)])
    figure = frontier_figures.portfolio_weights_bars(weights, sample=SAMPLE)
    few = (weights["maximum_sharpe"] >= 0.005).sum()
    assert plain(figure.layout.title.text).startswith(f"Minimum variance holds 55 of 55 assets, maximum Sharpe {few} held")
    assert all(len(bars.y) == 25 and bars.y[-1] == "other 31" and np.isclose(bars.x.sum(), 1) for bars in figure.data)
