"""The figure of risk profiles: groups, places, colors, the line of equal weight, what is missing."""

import numpy as np
import pandas as pd
import pytest

from forefolio.report import style
from forefolio.report.strategies import risk_profiles
from forefolio.performance.investors import MEASURES, with_profile

SAMPLE = "test, 2022-01-03 to 2022-12-30"
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
    return risk_profiles(TABLE, sample=SAMPLE)


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
    empty = risk_profiles(TABLE.assign(turnover=np.nan), sample=SAMPLE)
    assert sum(trace.mode == "text" for trace in empty.data) == 14 and len(empty.layout.shapes) == 3


def test_a_single_strategy_has_a_row_under_its_profile_and_no_line():
    alone = risk_profiles(table_of(["lstm+mdp"]), sample=SAMPLE)
    assert rows(alone) == ["conservative", "lstm+mdp"] and not alone.layout.shapes and "line" not in alone.layout.title.text
    assert len(alone.data) == 4 and alone.layout.height >= 300
    assert all(np.ptp(axis.range) > 0.02 for axis in alone.select_xaxes())


def test_a_measure_that_the_table_lacks_has_no_panel(figure):
    fewer = risk_profiles(TABLE.drop(columns=["turnover", "sharpe"]), sample=SAMPLE)
    assert [axis.title.text for axis in fewer.select_xaxes()] == [axis.title.text for axis in figure.select_xaxes()][:3]
    assert len(fewer.layout.annotations) == 3 and len(dots(fewer)) == 3 * 14
    assert "trading" in figure.layout.title.text and "trading" not in fewer.layout.title.text


@pytest.mark.parametrize("shift", [-2.0, -0.3, 0.0, 0.7])
@pytest.mark.parametrize("scale", [0.01, 1, 7])
def test_every_tick_has_a_number_and_returns_a_zero(shift, scale):
    table = TABLE.assign(annual_return=(TABLE["annual_return"] + shift) * scale)
    drawn = risk_profiles(table, sample=SAMPLE)
    for axis in drawn.select_xaxes():
        width = np.ptp(axis.range)
        assert 2 <= len(axis.tickvals) <= 4 and axis.ticktext is None and axis.ticklabeloverflow is None
        assert axis.range[0] + 0.04 * width < min(axis.tickvals) and max(axis.tickvals) < axis.range[1] - 0.04 * width
    assert 0 in drawn.layout.xaxis.tickvals


def test_more_strategies_make_a_taller_figure_and_the_frame_stays_as_it_was(figure):
    before = TABLE.copy(deep=True)
    fewer = risk_profiles(TABLE.iloc[:9], sample=SAMPLE)
    assert figure.layout.height > fewer.layout.height and figure.layout.width == fewer.layout.width == 1000
    pd.testing.assert_frame_equal(TABLE, before)
