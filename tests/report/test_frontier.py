"""Figures of frontiers: annualized, labels apart, nothing lost."""

import numpy as np
import pandas as pd
from figure_frames import DRAW, FRAMES, RNG, SAMPLE, drawn, note_boxes, overlaps

from forefolio.report import frontier as frontier_figures, style


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


def test_gross_exposure_stands_on_every_label_inside_and_outside_the_axes():
    assert [note.text for note in drawn("frontier").layout.annotations] == [
        "minimum variance (gross 1.0)", "tangency (gross 19.8)"]
    assert [note.font.color for note in drawn("frontier").layout.annotations] == [
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
