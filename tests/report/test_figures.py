"""Every figure: units, titles, finite values, frames left alone; one of them as a picture."""

import html
import json
import re
import struct

import numpy as np
import pandas as pd
import pytest
from figure_frames import DRAW, FRAMES, axis_titles, drawn, misread

from forefolio.report import (evidence as evidence_figures, forecasts as forecast_figures, frontier as frontier_figures,
                              market as market_figures, strategies as strategy_figures, style)

DIAGRAMS = ["network", "construction"]  # boxes and arrows: no data, no axes, no days; their own tests are at the end


def test_every_public_function_that_draws_is_in_this_test():
    public = {name for room in (market_figures, forecast_figures, frontier_figures, strategy_figures, evidence_figures)
              for name, value in vars(room).items() if callable(value)
              and getattr(value, "__module__", "") == room.__name__ and not name.startswith("_")}
    called = {name for draw in DRAW.values() for name in draw.__code__.co_names}
    assert public <= called


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_has_its_size_a_title_with_the_period_and_only_finite_values(name):
    figure = drawn(name)
    told = figure.layout.title.text
    if name in DIAGRAMS:
        assert figure.layout.width >= 820 and figure.layout.height >= 150 and "parameters" in told and not figure.data
    else:
        assert figure.layout.width >= 820 and figure.layout.height >= 400
        assert re.search(r"\d{4}-\d{2}|2022|assets: 2, seeds: 1|windows: 5, 10, 30 days, seeds: 2", told)
    assert figure.layout.template.layout.paper_bgcolor == "white"
    assert all(np.isfinite(np.asarray(trace.y, float)).all() for trace in figure.data
               if trace.type == "scatter" and not isinstance(trace.y[0], str))


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_described_by_its_title_and_what_it_shows(name):
    figure = drawn(name)
    told = style.described(figure)
    title = re.sub(r"<[^>]*>", "", html.unescape(figure.layout.title.text.split("<br>")[0]))
    assert told.startswith(title) and "<" not in told
    names = [trace.name for trace in figure.data if trace.name]
    assert not names or html.unescape(names[0]) in told
    assert len(told.split()) >= 6


@pytest.mark.parametrize("name", [name for name in DRAW if name not in DIAGRAMS])
def test_axes_say_what_and_in_which_unit(name):
    figure = drawn(name)
    if name == "heatmap":  # its unit is at the color scale, its axes are the assets
        assert "no unit" in figure.data[0].colorbar.title.text
        return
    for letter, axes in (("x", figure.select_xaxes()), ("y", figure.select_yaxes())):
        axes, titles = list(axes), "".join(axis_titles(figure, letter))
        names_only = all(isinstance(trace[letter][0], str) for trace in figure.data if trace[letter] is not None)
        assert titles or names_only or axes[0].ticktext, f"no title on {letter}"
        if any("%" in (axis.tickformat or "") for axis in axes):
            assert "%" in titles


@pytest.mark.parametrize("name", DRAW)
def test_ticks_at_given_values_have_the_format_of_their_axis(name):
    for axis in [*drawn(name).select_xaxes(), *drawn(name).select_yaxes()]:
        assert axis.tickvals is None or axis.ticktext is not None or not axis.hoverformat, axis.hoverformat


def test_money_has_no_currency():
    assert axis_titles(drawn("prices"), "y") == ["price, first day = 1 (log axis)"]
    told = "".join(title for figure in map(drawn, DRAW) for letter in "xy" for title in axis_titles(figure, letter))
    assert not re.search(r"USD|\$|VND", told)


@pytest.mark.parametrize("name", DRAW)
def test_drawing_leaves_its_frames_as_they_were(name):
    before = {key: frame.copy(deep=True) for key, frame in FRAMES.items()}
    DRAW[name](FRAMES)
    for key, frame in FRAMES.items():
        pd.testing.assert_frame_equal(frame, before[key])


@pytest.mark.parametrize("name", DRAW)
def test_an_axis_of_names_has_categories_even_where_they_look_like_numbers(name):
    renamed = {"BB": "0050", "CC": "2020-01", "DD": "<b>x</b>", "EE": "$x$"}
    frames = {key: (frame.rename(renamed).rename(columns=renamed) if isinstance(frame.columns[0], str) else frame).replace(renamed)
              for key, frame in FRAMES.items()}
    assert misread(json.loads(DRAW[name](frames).to_json())) == []


def test_a_figure_becomes_a_picture_of_its_size():
    try:
        png = drawn("wealth").to_image(format="png")
    except RuntimeError as error:  # also what kaleido raises for a browser that dies
        pytest.skip(f"no usable browser: {type(error).__name__}")
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (900, 450)
