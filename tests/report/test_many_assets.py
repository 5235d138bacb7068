"""Every figure of 100 and of 500 assets can be read: few names at axes and in legends, few texts, lines and bytes."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from figure_frames import ASSETS, DRAW, FRAMES, drawn

from forefolio.report.style import FEW

COUNTS = (100, 500)
WEIGHED = ("weight", "risk_share")  # what all assets share


def widened(frame: pd.DataFrame, count: int) -> pd.DataFrame:
    """A frame of so many assets: those of the frame and copies of them, in its columns, its index and its rows."""
    for column in {"asset", "ticker"} & set(frame.columns):
        copies = count // frame[column].nunique()
        shared = {name: frame[name] / copies for name in WEIGHED if name in frame}
        frame = pd.concat([frame.assign(**{column: frame[column] + tail(i)}, **shared) for i in range(copies)],
                          ignore_index=True)
    if set(ASSETS) <= set(frame.columns):
        others = frame.drop(columns=ASSETS)
        frame = others.join([frame[ASSETS].add_suffix(tail(i)) for i in range(count // len(ASSETS))])
    if set(ASSETS) <= set(frame.index):
        frame = pd.concat([frame.rename(index=lambda name: name + tail(i)) for i in range(count // len(ASSETS))])
    return frame


def tail(i: int) -> str:
    """What the names of a copy end with; the first has none."""
    return f"{i:03d}" if i else ""


@cache
def many(count: int) -> dict[str, pd.DataFrame]:
    """The frames of all figures, of so many assets."""
    ranks = np.arange(1, count + 1)
    return {name: widened(frame, count) for name, frame in FRAMES.items()} | {
        "spectrum": pd.DataFrame({"rank": ranks, "eigenvalue": 50.0 / ranks, "share": 0.1, "noise_edge": 4.0,
                                  "rest_edge": 2.0}),
        "volatility": pd.DataFrame({name: 0.1 + 0.1 / ranks for name in ("expected", "one", "other")}, ranks),
        "means": pd.concat([FRAMES["means"]] * (count // 2), ignore_index=True)}


@cache
def crowded(name: str, count: int = 500):
    """One of the figures, of so many assets."""
    return DRAW[name](many(count))


@pytest.mark.parametrize("count", COUNTS)
def test_the_frames_have_so_many_assets(count):
    counts = {name: max(frame.shape[1] if "AA" in frame.columns else 0, len(frame) if "AA" in frame.index else 0,
                        *(frame[column].nunique() for column in ("asset", "ticker") if column in frame))
              for name, frame in many(count).items()
              if "AA" in [*frame.columns, *frame.index] or {"asset", "ticker"} & set(frame.columns)}
    counts.pop("history")  # two networks are enough: the others are in a band
    assert {"prices", "returns", "correlation", "universe", "summary", "efficient", "mpt_weights", "known_means",
            "weights", "contributions", "by_asset", "by_gamma"} <= set(counts) and min(counts.values()) >= count


def written(figure, letter: str) -> list[tuple[int, float]]:
    """How many names an axis has that plotly does not leave out by itself, and for how many it has room."""
    found = []
    for axis in figure.select_xaxes() if letter == "x" else figure.select_yaxes():
        own = axis.plotly_name.removeprefix(f"{letter}axis")
        traces = [trace for trace in figure.data if (trace[f"{letter}axis"] or letter) == letter + own]
        names = {name for trace in traces for name in trace[letter]} if axis.type == "category" else ()
        count = len(axis.tickvals) if axis.tickvals is not None else len(names) / axis.dtick if axis.dtick else 0
        share = np.ptp(axis.domain) if axis.domain else 1
        pixels = figure.layout.width - 95 if letter == "x" else figure.layout.height - 134
        found.append((count, share * pixels / (axis.tickfont.size or 13)))
    return found


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", DRAW)
def test_no_more_names_stand_beside_an_axis_than_fit(name, count):
    for letter in "xy":
        for names, room in written(crowded(name, count), letter):
            assert names <= room, f"{names:.0f} names on {letter}, with room for {room:.0f}"


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", DRAW)
def test_a_legend_and_the_ends_of_lines_name_few(name, count):
    figure, few = crowded(name, count), drawn(name)
    entries = {trace.name for trace in figure.data if trace.showlegend is not False}
    assert len(entries) <= FEW or figure.layout.showlegend is False
    assert len(figure.layout.annotations) <= max(2 * FEW, len(few.layout.annotations) + 6)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", DRAW)
def test_many_assets_have_few_lines_and_few_texts_in_a_figure(name, count):
    figure, few = crowded(name, count), drawn(name)
    texts = [text for trace in figure.data if trace.type == "scatter" and "text" in (trace.mode or "")
             for text in np.atleast_1d(trace.text) if text]
    cells = sum(np.size(trace.z) for trace in figure.data if trace.type == "heatmap" and trace.texttemplate)
    assert len(texts) + cells <= 250 and len(figure.data) <= max(60, len(few.data))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", DRAW)
def test_a_figure_of_many_assets_is_small(name, count):
    assert len(crowded(name, count).to_json()) < 150_000


def test_what_a_figure_leaves_out_is_in_its_sum():
    bars = crowded("risk_aversion").data[0]
    assert bars.x[-1] == "other 476" and len(bars.x) == 25
    assert np.isclose(np.sum(bars.y), many(500)["by_gamma"].loc[10.0].sum(), rtol=1e-3)


def test_a_cell_of_groups_is_the_mean_of_their_pairs():
    figure, known = crowded("heatmap"), many(500)["correlation"].to_numpy()
    cells = np.asarray(figure.data[0].z, float).reshape(len(figure.data[0].y), -1)
    assert cells.shape == (56, 56) and figure.data[0].x[0] == f"{ASSETS[0]} + 8"
    assert np.isclose(cells[3, 1], known[27:36, 9:18].mean(), atol=1e-6)
    one = known[9:18, 9:18][np.tri(9, k=-1, dtype=bool)]
    assert np.isclose(cells[1, 1], one.mean(), atol=1e-6) and np.isnan(cells[1, 2])


def test_the_middle_of_many_prices_is_a_band():
    figure = crowded("prices")
    bands = [trace for trace in figure.data if trace.fill == "tonexty"]
    named = [trace.name for trace in figure.data if trace.name]
    assert len(bands) == 2 and len(named) == 7 and named[-1] == "mean of all"
