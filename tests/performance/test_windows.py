"""Portfolios of each forecasting window: what they hold, and what became of it."""

import numpy as np
import pandas as pd
import pytest

from forefolio.performance import metrics
from forefolio.portfolios import decisions
from forefolio.portfolios.long_short import tangency

DAYS = pd.date_range("2022-01-01", periods=300, name="date")
SPLIT = DAYS[199]
ASSETS = ["A", "B", "C"]


@pytest.fixture
def returns():
    rng = np.random.default_rng(4)
    return pd.DataFrame(rng.normal([0.002, 0.001, 0.0015], [0.02, 0.01, 0.015], (300, 3)), index=DAYS, columns=ASSETS)


@pytest.fixture
def window_means():
    rows = [("lstm", 0, window, date, asset, value * window) for window in (5, 10) for date in (SPLIT, DAYS[250])
            for asset, value in zip(ASSETS, (0.003, 0.001, 0.002))]
    return pd.DataFrame(rows, columns=["model", "seed", "window", "decision_date", "asset", "forecast"])


def by_window(window_means, returns, traded=None, **changes):
    options = dict(estimation_window=100, estimate_covariance=pd.DataFrame.cov, risk_free=0.0, max_gross=0.0) | changes
    return decisions.weights_by_window(window_means, returns, returns.notna() if traded is None else traded, **options)


def measured(weights, returns, **changes):
    terms = dict(periods_per_year=365, risk_free_rate=0.0, cost_rate=0.0) | changes
    return metrics.performance_by_window(weights, returns, **terms)


def test_each_window_holds_its_tangency_portfolio(returns, window_means):
    weights = by_window(window_means, returns)
    assert weights["strategy"].unique().tolist() == ["lstm+tangency, 5 days", "lstm+tangency, 10 days"]
    past = returns.loc[:SPLIT].tail(100)
    expected = tangency(pd.Series([0.015, 0.005, 0.01], ASSETS), past.cov(), risk_free=0.0).weights
    held = weights[(weights["window"] == 5) & (weights["rebalance_date"] == SPLIT)].set_index("asset")["weight"]
    np.testing.assert_allclose(held, expected)
    np.testing.assert_allclose(weights.groupby(["strategy", "rebalance_date"])["weight"].sum(), 1)


def test_the_gross_limit_and_untraded_assets_are_heeded(returns, window_means):
    limited = by_window(window_means, returns, max_gross=1.2)
    assert limited.groupby(["window", "rebalance_date"])["weight"].agg(lambda held: held.abs().sum()).max() < 1.2 + 1e-6
    without = by_window(window_means, returns, traded=returns.notna().assign(C=False))
    assert (without.loc[without["asset"] == "C", "weight"] == 0).all()


def test_performance_by_window_by_hand(returns, window_means):
    weights = by_window(window_means, returns)
    table = measured(weights, returns).set_index("window")
    held = weights[weights["window"] == 10].groupby("rebalance_date")["weight"].agg(lambda row: row.abs().sum())
    assert (table.loc[10, "mean_gross"], table.loc[10, "largest_gross"]) == pytest.approx((held.mean(), held.max()))
    flat = weights.assign(weight=weights["asset"].map({"A": 1.0, "B": 0.0, "C": 0.0}))
    one = measured(flat, returns).set_index("window").loc[5]
    assert one["total_return"] == pytest.approx((1 + returns["A"].iloc[200:]).prod() - 1)
    assert one["annual_volatility"] == pytest.approx(returns["A"].iloc[200:].std() * np.sqrt(365))
    assert one["mean_gross"] == one["largest_gross"] == 1 and not one["bankrupt"] and one["inefficient_dates"] == 0


def test_a_ruined_window_is_said_to_be(returns, window_means):
    weights = by_window(window_means, returns)
    reckless = weights.assign(weight=weights["asset"].map({"A": 200.0, "B": -199.0, "C": 0.0}))
    table = measured(reckless, returns)
    assert table["bankrupt"].all() and (table["total_return"] == -1).all()


def test_without_windows_the_tables_have_columns_and_no_rows(returns, window_means):
    weights = by_window(window_means.iloc[:0], returns)
    table = measured(weights, returns)
    assert weights.empty and table.empty and "largest_gross" in table and "status" in weights


def test_costs_and_the_risk_free_rate_lower_what_is_reported(returns, window_means):
    held = by_window(window_means, returns)
    free = measured(held, returns)
    assert (measured(held, returns, cost_rate=0.002)["total_return"] < free["total_return"]).all()
    assert (measured(held, returns, risk_free_rate=0.365)["sharpe"] < free["sharpe"]).all()
