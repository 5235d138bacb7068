"""Colors that stay apart for readers who do not see red and green as most people do.

A color is turned into the one that a reader without the cones for green (deuteranopia) or for red (protanopia) sees, and
the distance of two colors is CIEDE2000. A distance of 1 is just visible between two fields that touch; 10 is plain on a line.
"""

from itertools import combinations, pairwise, product

import numpy as np
import pytest
from figure_frames import DRAW, drawn

from forefolio.report import evidence, forecasts, market, papers, style
from forefolio.study.parameters import ROOT, load
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, MODELS, PORTFOLIOS, SEES

APART = 10
SIGHT = {  # Machado, Oliveira & Fernandes (2009), severity 1.0, for linear RGB
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = np.array([0.95047, 1.0, 1.08883])  # D65
SHARMA = [  # Sharma, Wu & Dalal (2005), Table 1: two colors in CIELAB and their distance
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425), ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669), ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195), ((50, -0.0010, 2.4900), (50, 0.0011, -2.4900), 4.7461),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065), ((50, 2.5, 0), (73, 25, -18), 27.1492), ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def linear(color: str) -> np.ndarray:
    """Linear RGB of a hexadecimal color, each part from 0 to 1."""
    rgb = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    xyz = TO_XYZ @ rgb / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, other) -> float:
    """Distance of two colors in CIELAB (Sharma, Wu & Dalal 2005, eq. 2 to 22)."""
    (l_1, a_1, b_1), (l_2, a_2, b_2) = one, other
    mean_chroma = (np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2
    redder = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25**7))
    c_1, c_2 = np.hypot(redder * a_1, b_1), np.hypot(redder * a_2, b_2)
    h_1, h_2 = np.degrees(np.arctan2(b_1, redder * a_1)) % 360, np.degrees(np.arctan2(b_2, redder * a_2)) % 360
    turn = (h_2 - h_1 + 180) % 360 - 180 if c_1 * c_2 else 0.0
    hue = (h_1 + turn / 2 if c_1 * c_2 else h_1 + h_2) % 360
    lightness, chroma = (l_1 + l_2) / 2, (c_1 + c_2) / 2
    waves = sum(size * np.cos(np.radians(times * hue + shift)) for size, times, shift in (
        (-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63)))
    by_lightness = (l_2 - l_1) / (1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2))
    by_chroma = (c_2 - c_1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(c_1 * c_2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * (1 + waves))
    blue = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-((hue - 275) / 25) ** 2)))
    return float(np.sqrt(by_lightness**2 + by_chroma**2 + by_hue**2 + blue * by_chroma * by_hue))


def distance(one: str, other: str) -> float:
    """The least distance of two hexadecimal colors in the three kinds of sight."""
    seen = ([lab(np.clip(matrix @ linear(color), 0, 1)) for color in (one, other)] for matrix in map(np.array, SIGHT.values()))
    return min(ciede2000(*colors) for colors in seen)


def too_near(colors: dict[str, str]) -> list[tuple[str, str, float]]:
    """Pairs of names whose colors are nearer than `APART`."""
    pairs = ((a, b, round(distance(colors[a], colors[b]), 1)) for a, b in combinations(colors, 2))
    return [pair for pair in pairs if pair[2] < APART]


def of_strategies(names) -> dict[str, str]:
    return {name: style.strategy_color(name) for name in names}


def told_apart(figure) -> dict[str, str]:
    """The colors by which a figure tells its traces apart; an alphabet of many assets is told apart by names."""
    parts = [part for trace in figure.data for part in (getattr(trace, "marker", None), getattr(trace, "line", None)) if part]
    colors = dict.fromkeys(part.color for part in parts if isinstance(part.color, str) and part.color.startswith("#"))
    return {color: color for color in colors}


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_the_distance_of_two_colors_is_that_of_sharma_s_table(one, other, expected):
    assert ciede2000(one, other) == pytest.approx(expected, abs=5e-5)
    assert ciede2000(other, one) == pytest.approx(expected, abs=5e-5)


def test_the_simulation_confuses_red_and_green_and_leaves_grays_alone():
    red, green = "#c8371e", "#786400"
    assert distance(red, green) < APART < ciede2000(lab(linear(red)), lab(linear(green)))
    for matrix in map(np.array, SIGHT.values()):
        assert np.allclose(matrix @ linear("#808080"), linear("#808080"), atol=1e-5)


@pytest.mark.parametrize("params", ["default", "lecture", "nguyen2025", "zouaoui2025"])
def test_the_strategies_of_a_study_stay_apart(params):
    study = load(ROOT / "params" / f"{params}.yml")
    names = [f"{model}+{framework}" for model, framework in product(study.portfolio_models, study.frameworks)]
    assert too_near(of_strategies([*names, EQUAL_WEIGHT, BENCHMARK])) == []


def test_models_and_single_portfolios_stay_apart():
    assert too_near(of_strategies(MODELS)) == too_near(of_strategies(PORTFOLIOS)) == []


def test_frameworks_stay_apart_that_read_no_forecast_and_those_that_share_a_model():
    reads = {name for name, framework in FRAMEWORKS.items() if SEES[framework.sees]}
    assert too_near(of_strategies([*FRAMEWORKS.keys() - reads, EQUAL_WEIGHT, BENCHMARK])) == []
    for model in ("mean", "lstm", "cnn1d"):
        assert too_near(of_strategies([*(f"{model}+{name}" for name in reads), EQUAL_WEIGHT, BENCHMARK])) == []


def test_the_colors_of_assets_stay_apart_and_from_the_gray_of_assets_without_a_name():
    assert too_near({color: color for color in [*style.PALETTE, market.QUIET]}) == []


def test_assets_beside_each_other_in_the_alphabet_stay_apart():
    colors = [*style.asset_colors([f"A{i:02d}" for i in range(60)]).values()]
    assert min(distance(*pair) for pair in pairwise(colors)) >= APART
    assert too_near({color: color for color in colors[:10]}) == []


@pytest.mark.parametrize("name", DRAW)
def test_the_colors_of_a_figure_stay_apart(name):
    colors = told_apart(drawn(name))
    assert len(colors) > style.FEW or too_near(colors) == []


def test_colors_that_a_figure_sets_itself_stay_apart():
    step_names = [[*evidence.STEPS.values(), *of_strategies([f"lstm+{name}", f"cnn1d+{name}"]).values()]
                  for name in ("mvf", "rpp", "mdp")]
    windows = [window["color"] for window in papers.WINDOWS.values()]
    for colors in ([style.GREY, style.INK, style.RED, style.BLUE], [*forecasts.VERDICTS.values()], market.PERIODS,
                   [market.KEPT, market.DROPPED, "#ffffff"], [*windows, style.RED, style.INK],
                   [*papers.SPLIT_COLORS.values(), style.INK], *step_names):
        assert too_near({color: color for color in colors}) == [] and len({*colors}) == len(colors)


def test_every_name_gets_a_color_that_is_seen_on_white():
    names = [*MODELS, *PORTFOLIOS, *FRAMEWORKS, "oracle", "oracle+mvf", "oracle+rtp", "lstm+rtp", "rtp",
             *(f"{model}+{framework}" for model, framework in product(MODELS, FRAMEWORKS))]
    faint = {name: color for name, color in of_strategies(names).items() if distance(color, "#ffffff") < APART}
    assert faint == {}
