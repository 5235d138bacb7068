"""Colors, labels and axes that all figures share."""

import numpy as np
import plotly.graph_objects as go
import pytest

from forefolio.report import style
from forefolio.study.vocabulary import FRAMEWORKS, METRICS, MODELS, PORTFOLIOS


def test_strategy_colors_differ_and_hold_for_names_nobody_knows():
    names = [*MODELS, *PORTFOLIOS, *(name for name in FRAMEWORKS if name not in PORTFOLIOS),
             *(f"{model}+{framework}" for model in MODELS for framework in FRAMEWORKS)]
    assert len({style.strategy_color(name) for name in names}) == len(names)
    assert style.strategy_color("transformer+rtp") == "#c37f4b"  # the same in every process
    assert style.strategy_color("transformer+rtp") != style.strategy_color("oracle+rtp")
    assert len({style.strategy_line(f"{model}+mvf", width=1)["dash"] for model in MODELS}) == len(MODELS)


def test_a_model_and_a_framework_from_outside_are_drawn_as_the_vocabulary_says(monkeypatch):
    toy = MODELS["gru"]._replace(title="toy", color="#123456", lightness=0.25, dash="9px,9px")
    monkeypatch.setitem(MODELS, "toy", toy)
    monkeypatch.setitem(FRAMEWORKS, "plain", FRAMEWORKS["rpp"]._replace(hue=0, saturation=1.0, shade=1.0))
    assert style.strategy_color("toy") == "#123456"
    assert style.strategy_color("toy+plain") == "#800000"  # red of full saturation, lightness 0.25
    assert style.strategy_line("toy+plain", width=2) == {"color": "#800000", "dash": "9px,9px", "width": 2}


def test_every_metric_is_labelled_with_its_unit_and_its_format():
    for name, metric in METRICS.items():
        text, written = style.label(name)
        assert text == f"{metric.title} ({metric.unit})" and written == metric.number
    assert style.label("sharpe") == ("Sharpe ratio (annual)", ".3~f")
    assert style.label("unheard_of") == ("unheard_of", ".3~g")


def test_asset_colors_follow_the_alphabet_and_differ_for_sixty_assets():
    names = [f"A{i:02d}" for i in range(60)]
    colors = style.asset_colors(names[::-1])
    assert colors == style.asset_colors(names)
    assert list(colors) == names and len(set(colors.values())) == 60


def test_log_ticks_cover_the_axis_and_are_few():
    for low, high in [(0.8, 2.5), (0.2, 30), (0.02, 2000)]:
        axis = style.log_axis(low, high)
        inside = [tick for tick in axis["tickvals"] if low <= tick <= high]
        assert 3 <= len(inside) <= 12 and axis["range"] == pytest.approx(np.log10([low, high]))


def test_a_mark_is_a_line_of_its_own_above_the_title_and_leaves_the_figure_as_it_was():
    plain = style.dress(go.Figure(go.Scatter(x=[1], y=[2])), "Growth of one", "daily", height=400)
    before = plain.to_dict()
    marked = style.marked(plain, "LEAK a <b>")
    first, rest = marked.layout.title.text.split("<br>", 1)
    assert "LEAK a &lt;b&gt;" in first and style.RED in first and rest == plain.layout.title.text
    assert 13 <= (1 - marked.layout.title.y) * 400 < (1 - plain.layout.title.y) * 400, "inside the picture, and above"
    assert plain.to_dict() == before and marked.data == plain.data


def test_the_mouse_reads_values_with_the_names_and_the_units_of_their_axes():
    figure = go.Figure([go.Scatter(x=[1, 2], y=[0.1, 0.2], name="<b>"), go.Bar(x=["a"], y=[0.3], text=["more"])])
    figure.update_xaxes(title_text="days").update_yaxes(title_text="return (%)", tickformat=".2~%")
    line, bar = style.dress(figure, "title", "subtitle").data
    assert line.hovertemplate == "days: %{x}<br>return (%): %{y}<extra>&lt;b&gt;</extra>"
    assert bar.hovertemplate == "%{text}<br>days: %{x}<br>return (%): %{y}<extra></extra>"
    assert figure.layout.yaxis.hoverformat == ".2%", "else the mouse would read 0.1 from an axis of percent"


def test_a_trace_keeps_the_hover_text_that_it_brings_and_one_with_errors_shows_them():
    own, silent, spread = (go.Scatter(x=[1], y=[2], hovertemplate="mine"), go.Scatter(x=[1], y=[2], hoverinfo="skip"),
                           go.Scatter(x=[1], y=[2], error_y_array=[1]))
    dressed = style.dress(go.Figure([own, silent, spread]), "title", "subtitle").data
    assert [trace.hovertemplate for trace in dressed] == ["mine", None, None]
