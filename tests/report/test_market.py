"""Figures of the market: prices, extreme days, periods, means, diversification, correlations and eigenvalues."""

import numpy as np
import pandas as pd
from figure_frames import FRAMES, RNG, drawn

from forefolio.report import market as market_figures


def test_with_periods_shades_a_copy():
    plain = market_figures.prices(FRAMES["prices"])
    shaded = market_figures.with_periods(plain, FRAMES["periods"])
    assert len(plain.layout.shapes) == 0 and len(shaded.layout.shapes) == 3
    assert [note.text for note in shaded.layout.annotations[-3:]] == ["training", "validation", "test"]
    as_dates = FRAMES["periods"].assign(first=pd.to_datetime(FRAMES["periods"]["first"]))
    assert market_figures.with_periods(plain, as_dates).to_json() == shaded.to_json()


def test_eight_years_of_sixty_assets_stay_small():
    days = pd.bdate_range("2017-01-03", periods=2000, name="date")
    names = [f"A{i:02d}" for i in range(60)]
    prices = pd.DataFrame(np.exp(RNG.normal(0, 0.01, (2000, 60)).cumsum(axis=0)), index=days, columns=names)
    figure = market_figures.prices(prices)
    assert len(figure.to_json()) < 250_000
    assert figure.data[0].x is None and figure.data[0].dx == 7 * 86_400_000  # weekly, without dates
    growth = (prices.iloc[-1] / prices.iloc[0]).sort_values(ascending=False)
    assert [note.text for note in figure.layout.annotations] == [*growth.index[:3], *growth.index[-3:], "mean of all"]
    assert figure.layout.title.text.startswith(
        f"1 unit of money became {growth.iloc[0]:.3g} in {growth.index[0]} and {growth.iloc[-1]:.2g} in {growth.index[-1]}")


def test_extreme_days_are_the_actual_ones_and_the_normal_reach_is_not():
    box, low_tick, worst, high_tick, best = drawn("returns").data
    returns = FRAMES["returns"]
    assert dict(zip(worst.x, worst.y, strict=True)) == returns.min().to_dict()
    assert dict(zip(best.x, best.y, strict=True)) == returns.max().to_dict()
    reach = (high_tick.y - low_tick.y) / 2 / returns.std()[list(box.x)]
    assert np.allclose(reach, 2.8782, atol=1e-4)  # the normal quantile of 1 - 1/500


def test_a_mean_is_called_clear_only_where_two_standard_errors_do_not_reach_zero():
    clear, less = drawn("mean_returns").data
    assert dict(zip(clear.x, clear.y)) == {"CC": 0.3, "EE": 0.2} and set(less.x) == {"AA", "BB", "DD"}
    assert clear.error_y.array.tolist() == [0.08, 0.2]  # twice the errors of EE and CC
    assert drawn("mean_returns").layout.title.text.startswith("2 of 5 mean returns")
    assert list(drawn("mean_returns").layout.xaxis.categoryarray) == ["AA", "DD", "BB", "EE", "CC"]


def test_the_universe_beside_its_index_says_what_both_earned_in_the_last_period():
    figure = drawn("beside_index")
    assert figure.layout.title.text.startswith("In the test period: equal weight 40 % and index 10 %")
    assert [note.text for note in figure.layout.annotations] == ["equal weight", "index"]


def test_a_heatmap_has_each_pair_once_and_names_the_closest():
    rho = pd.DataFrame([[1, 0.2, 0.9], [0.2, 1, -0.5], [0.9, -0.5, 1]], list("ABC"), list("ABC"))
    figure = market_figures.correlation_heatmap(rho, sample="2022")
    heatmap, = figure.data
    assert (heatmap.x, heatmap.y) == (("A", "B"), ("B", "C"))
    assert np.allclose(heatmap.z, [[0.2, np.nan], [0.9, -0.5]], equal_nan=True)
    assert figure.layout.title.text.startswith("A and C move most alike (0.90); the mean of all pairs is 0.20")


def test_diversification_names_both_ends_and_the_floor_and_stays_small_with_many_assets():
    figure = drawn("diversification")
    assert figure.layout.title.text.startswith("Volatility falls from 30.0 % with 1 asset to 18.0 % with 3")
    assert "dashed: the floor, 12.0 %" in figure.layout.title.text and figure.layout.shapes[0].y0 == 0.12
    n = pd.Index(range(1, 501))
    many = market_figures.diversification(pd.Series(1.0, n), pd.DataFrame(1.0, n, range(40)), floor=0.1, sample="2022")
    assert len(many.to_json()) < 60_000
    assert many.data[0].x[[0, -1]].tolist() == [1, 500]


def test_the_spectrum_counts_against_both_edges():
    above, lower, below = drawn("spectrum").data
    assert (list(above.x), list(lower.x), list(below.x)) == ([1], [2], [3])
    assert "1 of 3 eigenvalues are above the edge of noise; 2 once the first has its share" in drawn("spectrum").layout.title.text
    plain = FRAMES["spectrum"].assign(eigenvalue=[1.1, 1.0, 0.9], rest_edge=1.2)
    figure = market_figures.spectrum(plain, sample="2022")
    assert "0 of 3 eigenvalues" in figure.layout.title.text and "once" not in figure.layout.title.text
    assert len(figure.layout.shapes) == 1  # one edge, where the first eigenvalue is no movement
