"""Figures of the market: prices, extreme days, periods."""

import numpy as np
import pandas as pd
from figure_frames import FRAMES, RNG, drawn

from forefolio.report import market as market_figures


def test_with_periods_shades_a_copy():
    plain = market_figures.prices(FRAMES["prices"])
    shaded = market_figures.with_periods(plain, FRAMES["periods"])
    assert len(plain.layout.shapes) == 0 and len(shaded.layout.shapes) == 3
    assert [note.text for note in shaded.layout.annotations] == ["training", "validation", "test"]
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
    assert np.isclose(figure.data[0].y[-1], growth.iloc[0])
    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        *growth.index[:3], *growth.index[-3:], "mean of all"]  # from the best to the worst


def test_extreme_days_are_the_actual_ones_and_the_normal_reach_is_not():
    box, low_tick, worst, high_tick, best = drawn("returns").data
    returns = FRAMES["returns"]
    assert dict(zip(worst.x, worst.y, strict=True)) == returns.min().to_dict()
    assert dict(zip(best.x, best.y, strict=True)) == returns.max().to_dict()
    reach = (high_tick.y - low_tick.y) / 2 / returns.std()[list(box.x)]
    assert np.allclose(reach, 2.8782, atol=1e-4)  # the normal quantile of 1 - 1/500
