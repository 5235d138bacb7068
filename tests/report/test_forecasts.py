"""Figures of networks and forecasts: boxes, losses, accuracy."""

import numpy as np
import pandas as pd
import pytest
from figure_frames import BASE_RATES, CELLS, DAYS, FRAMES, GAINS, LAYERS, SAMPLE, SPREAD, STEPS, axis_titles, drawn, overlaps, plain

from forefolio.report import forecasts as forecast_figures, sentences, style
from forefolio.study.vocabulary import MODELS


def test_losses_are_relative_to_the_first_epoch_and_a_stopped_network_keeps_its_last():
    history = FRAMES["history"].assign(validation_loss=lambda rows: 2.0 * rows["epoch"])
    figure = forecast_figures.training_curves(history)
    curve = next(trace for trace in figure.data if trace.name == "lstm" and trace.line.dash == "solid")
    assert list(curve.y) == [1, 2, 3, 3.5, 4]  # one asset stops at 3 times its first loss, the other goes on to 5 times
    kept = next(trace for trace in figure.data if trace.name == "lstm kept")
    assert kept.x == (3,) and kept.y == (3,)
    assert "changes by 200.0 % (cnn1d) to 200.0 % (lstm)" in figure.layout.title.text


def test_a_study_without_networks_says_so():
    assert "no network" in forecast_figures.training_curves(FRAMES["history"].iloc[:0]).layout.title.text
    assert "no network" in forecast_figures.network_diagram({}, title="net").layout.title.text


def test_the_ratios_of_learned_weights_are_means_over_trainings_and_the_title_has_those_that_were_kept():
    training, validation = drawn("learned").data
    assert list(training.y) == [1, 2, 3, 3.5, 4]  # one training stops after three epochs
    assert list(validation.y) == [1, 0.5, 0.5, 0.5, 0.5]
    assert "Sharpe ratio 1.0 in training, 1.0 in validation" in drawn("learned").layout.title.text
    none = forecast_figures.sharpe_curves(FRAMES["learned"].assign(kept=False))
    assert "no training converged" in none.layout.title.text and not none.layout.shapes


def test_accuracy_is_the_mean_over_seeds_relative_to_the_zero_forecast_s():
    assert {box.name: set(box.y) for box in drawn("accuracy").data} == {"lstm": {0.0}, "mean": {0.0}}
    better = FRAMES["by_asset"].copy()
    better.loc[(better["model"] == "lstm") & better["asset"].isin(["AA", "BB"]), "mse"] *= 0.9
    figure = forecast_figures.accuracy_by_asset(better, "mse", sample=SAMPLE)
    assert "no model beats the zero forecast on more than 2 of 5 assets" in figure.layout.title.text
    assert list(figure.layout.xaxis.ticktext) == ["lstm<br>2 of 5", "mean<br>0 of 5"]
    assert "AA: -10.00 %" in next(box for box in figure.data if box.name == "lstm").text


def test_the_share_of_forecasts_in_the_variation_of_returns_leaves_out_zero():
    bars = next(trace for trace in drawn("forecast").data if trace.type == "bar")
    np.testing.assert_allclose(bars.x, [0.01, 0.5])
    assert list(bars.y) == ["lstm", "mean"] and "1.0 % (lstm) to 50.0 % (mean)" in drawn("forecast").layout.title.text


def test_forecasts_of_the_next_day_are_drawn_against_the_day_they_are_for():
    actual = next(trace for trace in drawn("forecast").data if trace.name == "actual return")
    assert list(actual.x)[0] == f"{DAYS[260]:%Y-%m-%d}" and len(actual.x) == 240
    assert np.allclose(actual.y, FRAMES["returns"]["AA"].iloc[260:])


def test_expected_returns_are_drawn_against_the_window_s_mean_with_the_line_where_they_are_equal():
    points, diagonal = drawn("momentum").data[2:]
    lstm = FRAMES["means"].query("model == 'lstm'")
    np.testing.assert_allclose(np.c_[points.x, points.y], lstm[["window_mean", "mu"]], rtol=1e-6)
    every = FRAMES["means"][["window_mean", "mu"]]
    assert list(diagonal.x) == list(diagonal.y) == [every.min().min(), every.max().max()]  # through all points
    near = np.corrcoef(lstm["mu"], lstm["window_mean"])[0, 1]
    assert f"lstm {near:.2f}" in drawn("momentum").layout.title.text


def test_subtitles_say_what_flat_tails_and_bars_are():
    assert "band: 10 to 90 % of the assets" in drawn("training").layout.title.text
    assert "no confidence interval" in drawn("hits").layout.title.text


def test_hit_ratios_have_a_row_a_model_and_leave_out_the_forecast_that_has_none():
    panels = drawn("hits").data
    assert [list(panel.y) for panel in panels] == [["lstm", "mean"]] * 3
    assert [line.x0 for line in drawn("hits").layout.shapes] == [0.52, 0.5, 0.45]


@pytest.mark.parametrize("still", [["AA"], ["BB", "AA"]])
def test_an_asset_that_never_moved_is_left_out_of_ratios_to_zero_and_named(still):
    flat = FRAMES["by_asset"].copy()
    flat.loc[flat["asset"].isin(still) & (flat["model"] == "zero"), "mse"] = 0.0
    figure = forecast_figures.accuracy_by_asset(flat, "mse", sample=SAMPLE)
    assert all(set(box.text).isdisjoint(still) and np.isfinite(box.y).all() for box in figure.data)
    assert f"without {', '.join(still)}, as zero was right every day" in figure.layout.title.text


def test_a_window_in_which_nothing_moved_has_no_ratio_to_zero():
    flat = FRAMES["window_accuracy"].assign(zero_mse_test=0.0)
    figure = forecast_figures.window_accuracy(flat, metric="mse", sample=SAMPLE)
    assert not any(len(trace.y) for trace in figure.data) and np.isfinite(figure.layout.yaxis.range).all()


def test_one_very_large_error_does_not_squeeze_the_others():
    wide = FRAMES["by_asset"].copy()
    wide.loc[wide["model"] == "lstm", "mse"] *= 1.01
    wide.loc[(wide["asset"] == "AA") & (wide["model"] == "lstm"), "mse"] = 5000.0
    figure = forecast_figures.accuracy_by_asset(wide, "mse", sample=SAMPLE)
    low, high = figure.layout.yaxis.range
    ticks = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
    assert (ticks["1%"] - ticks["0%"]) / (high - low) > 0.04 and "stretched around 0" in figure.layout.yaxis.title.text


def boxes_of(figure):
    """Left, top, right, bottom of each box of a diagram, in the order drawn."""
    return [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in figure.layout.shapes if shape.type == "rect"]


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("draw, between", [
    (lambda parts: forecast_figures.network_diagram({"net": parts}, title="net"), " "),
    (forecast_figures.construction_diagram, " &nbsp; ")])
def test_a_diagram_has_one_box_a_part_with_its_text_and_an_arrow_between_neighbors(draw, between, count):
    parts = [(f"part {i}", f"detail {i}: {STEPS[i % 6][1]}") for i in range(count)]
    figure = draw(parts)
    boxes = boxes_of(figure)
    assert len(boxes) == count and not overlaps(boxes)
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range  # y runs downwards
    assert all(left < box[0] and box[2] < right and top < box[1] and box[3] < bottom for box in boxes)
    assert not figure.layout.xaxis.visible and not figure.layout.yaxis.visible
    texts = [note for note in figure.layout.annotations if note.text and plain(note.text) != "net"]
    assert [plain(note.text) for note in texts] == [f"{name}{between}{detail}" for name, detail in parts]
    assert all(box[0] < note.x < box[2] and box[1] < note.y < box[3] for box, note in zip(boxes, texts, strict=True))
    arrows = [note for note in figure.layout.annotations if note.showarrow]
    for one, other, arrow in zip(boxes[:-1], boxes[1:], arrows, strict=True):
        assert (arrow.ay, arrow.y) == (one[3], other[1]) and one[3] < other[1]  # from the box above to the one below
    pixels = figure.layout.width - figure.layout.margin.l - figure.layout.margin.r
    longest = [max(plain(line) for line in note.text.split("<br>")) for note in texts]
    assert all(8 * len(text) < (box[2] - box[0]) / (right - left) * pixels for box, text in zip(boxes, longest))


def test_two_inputs_of_a_step_stand_side_by_side_without_an_arrow_between_them():
    figure = forecast_figures.construction_diagram([("returns", ""), [("LSTM forecasts", ""), ("covariance", "")], ("held", "")])
    above, left, right, below = boxes_of(figure)
    assert left[1] == right[1] and left[2] < right[0] and not overlaps([above, left, right, below])
    arrows = {(note.x, note.ay, note.y) for note in figure.layout.annotations if note.showarrow}
    assert arrows == {((box[0] + box[2]) / 2, *ends) for box in (left, right) for ends in ((above[3], box[1]), (box[3], below[1]))}
    colors = [shape.line.color for shape in figure.layout.shapes]
    assert colors == [style.GREY, style.strategy_color("lstm"), style.GREY, style.GREY]


def test_networks_stand_beside_each_other_three_in_a_row():
    networks = {name: LAYERS[:2 + i % 2] for i, name in enumerate(["lstm", "gru", "rnn", "bilstm", "cnn1d"])}
    figure = forecast_figures.network_diagram(networks, title="five")
    boxes = boxes_of(figure)
    assert len(boxes) == 12 and not overlaps(boxes) and len({box[0] for box in boxes}) == 3
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    assert all(left < box[0] and box[2] < right and top < box[1] and box[3] < bottom for box in boxes)
    assert {plain(note.text) for note in figure.layout.annotations} > set(networks)


def test_a_layer_has_the_color_of_the_model_whose_name_or_title_it_bears(monkeypatch):
    monkeypatch.setitem(MODELS, "toy", MODELS["gru"]._replace(title="Toy network", color="#123456"))
    layers = [*LAYERS, ("LSTM, both directions", "4 units"), ("toy network", "1 unit"), ("mean", "no network")]
    figure = forecast_figures.network_diagram({"net": layers}, title="net")
    lines = [shape.line.color for shape in figure.layout.shapes if shape.type == "rect"]
    assert lines == [style.GREY, style.strategy_color("lstm"), style.strategy_color("lstm"), style.GREY,
                     style.strategy_color("bilstm"), "#123456", style.GREY]


def test_window_accuracy_is_relative_to_the_zero_forecast_of_the_same_window():
    figure = drawn("window_accuracy")
    assert [trace.name for trace in figure.data] == [*CELLS, "mean forecast"]
    assert all(list(trace.x) == ["5", "10", "30"] for trace in figure.data)
    assert np.allclose([trace.customdata for trace in figure.data], [[0.01] * 3] * 4 + [[-0.02] * 3])
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
    assert np.allclose(rnn.customdata, -0.01) and len(mean.x) == 3
    assert list(lstm.x) == ["5", "30"] and np.allclose(lstm.customdata, 0.01)
    assert "3 of 5 networks are better" in figure.layout.title.text


def test_accuracy_axis_holds_every_point_and_the_zero_forecast():
    for factor in (1.00001, 0.9, 1.3):
        accuracy = FRAMES["window_accuracy"].assign(mae_test=0.03 * factor)
        figure = forecast_figures.window_accuracy(accuracy, metric="mae", sample=SAMPLE)
        low, high = figure.layout.yaxis.range
        assert low < 0 < high and all(low < min(trace.y) and max(trace.y) < high for trace in figure.data)
        places = dict(zip(figure.layout.yaxis.ticktext, figure.layout.yaxis.tickvals, strict=True))
        assert sum(low <= place <= high for place in places.values()) >= 2  # also small differences can be read


def test_accuracy_axis_is_stretched_around_zero():
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
    assert ticks["0%"] == 0 and ticks["1%"] == pytest.approx(np.arcsinh(1)) and ticks["-1%"] == -ticks["1%"]
    assert axis.range[0] < min(mean.y) and max(rnn.y) < axis.range[1]


def test_joint_networks_have_a_panel_a_window_and_the_kept_epoch_on_the_validation_curve():
    figure = drawn("window_training")
    assert [note.text for note in figure.layout.annotations] == ["5 days", "10 days", "30 days"]
    assert [trace.name for trace in figure.data if trace.showlegend] == CELLS
    panel = [trace for trace in figure.data if trace.xaxis == "x" and trace.legendgroup == "lstm"]
    band, validation, training, kept = panel
    assert (validation.line.dash, training.line.dash) == ("solid", "dot") and len(figure.data) == 3 * 4 * 4
    joint = FRAMES["joint_history"].query("model == 'lstm' and window == 5 and seed == 0")
    one = (joint["validation_loss"] / joint["validation_loss"].iloc[0]).to_numpy()
    assert np.allclose(validation.y, (one + 1) / 2)  # a seed stops after one epoch and keeps its loss
    assert kept.x == (1.5,) and np.allclose(kept.y, np.interp(1.5, [1, 2, 3], validation.y))  # the median of 1 and 2


def test_training_has_a_log_axis_only_where_losses_differ_tenfold():
    assert drawn("window_training").layout.yaxis.type is None
    history = FRAMES["joint_history"].query("seed == 0")
    wide = forecast_figures.training_curves(history.assign(loss=0.1 ** history["epoch"]))
    assert {axis.type for axis in wide.select_yaxes()} == {"log"} and "log axis" in axis_titles(wide, "y")[0]


def test_training_draws_what_is_finite_of_a_network_that_diverged():
    history = FRAMES["joint_history"].query("window == 5 and seed == 0").assign(kept=False)
    history.loc[history["epoch"] == 3, ["loss", "validation_loss"]] = np.inf, np.nan
    figure = forecast_figures.training_curves(history)
    assert len(figure.data) == 2 * 4 and all(np.isfinite(trace.y).all() for trace in figure.data)
    assert "no network has a kept epoch" in figure.layout.title.text


# ------------------------------------------------------------------------------------------------------------- sentences
def test_a_forecast_that_hardly_varies_is_called_almost_constant_unless_it_claims_to_know_nothing():
    text = sentences.variation(SPREAD.assign(deviation_next_day=[0.0, 0.0002, 0.0001]))
    assert "**2.00 %**" in text and "0.010 % for `mean`" in text and "0.5 % (`mean`) to 1.0 % (`lstm`)" in text
    assert text.endswith("**`lstm` is almost constant.**")
    assert "almost constant" not in sentences.variation(SPREAD.assign(deviation_next_day=0.0011))
    assert "nothing to compare" in sentences.variation(SPREAD.assign(actual_deviation=0.0))
    assert "nothing to compare" in sentences.variation(SPREAD.iloc[:0])


def test_the_takeaways_have_size_error_direction_and_verdict():
    verdicts = GAINS.assign(direction_p=[0.5, np.nan, 0.04])
    text = sentences.forecasting(SPREAD, FRAMES["accuracy"], BASE_RATES, verdicts)
    assert "is -1.00 % (`lstm`) to 2.00 % (`cnn1d`); below zero" in text
    assert "is right on 52.0 %" in text and "is 0.040 (`cnn1d`), before any correction" in text
    assert text.endswith("Skill is shown for `cnn1d`; not shown for `mean`; shown to be absent for `lstm`.")
    nothing = sentences.forecasting(SPREAD.iloc[:0], FRAMES["accuracy"].iloc[:0], BASE_RATES, verdicts.iloc[:0])
    assert nothing == "* **Verdict.** No forecast could be judged."
