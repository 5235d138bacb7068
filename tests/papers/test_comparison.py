"""Table 5: in sample knows its days, out of sample does not, and both by hand."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import crypto
from forefolio.market.covariance import estimate
from forefolio.portfolios.long_short import tangency
from forefolio.portfolios.long_only import maximum_sharpe

RNG = np.random.default_rng(4)
DAYS = pd.date_range("2022-01-01", periods=300, name="date")
SPLIT = DAYS[199]
ASSETS = ["A", "B", "C"]
OPTIONS = dict(model="lstm", validation_end=SPLIT, risk_free=0.0001, periods_per_year=365, cost_rate=0.0,
               estimate_covariance=pd.DataFrame.cov, solver_log=pd.DataFrame({
                   "strategy": ["lstm+tangency"] * 2 + ["mean+rpp"], "status": ["inefficient", "optimal", "optimal"]}))


@pytest.fixture
def returns():
    return pd.DataFrame(RNG.normal([0.002, 0.001, 0.0015], [0.02, 0.01, 0.015], (300, 3)), index=DAYS, columns=ASSETS)


@pytest.fixture
def forecasts():
    rows = [(day, 1, asset, "lstm", 0, value) for day in DAYS[150:] for asset, value in zip(ASSETS, (0.003, 0.001, 0.002))]
    other = [(DAYS[200], 2, "A", "lstm", 0, 9.0), (DAYS[200], 1, "A", "zero", 0, 9.0)]
    return pd.DataFrame(rows + other, columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])


@pytest.fixture
def weights():
    rows = [(date, "lstm+tangency", asset, weight) for date, held in ((SPLIT, (2.0, -1.5, 0.5)), (DAYS[250], (3.0, -2.5, 0.5)))
            for asset, weight in zip(ASSETS, held)]
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])


@pytest.fixture
def net_returns():
    return pd.DataFrame({"lstm+tangency": RNG.normal(0.001, 0.02, 100)}, index=DAYS[200:])


def test_in_sample_uses_all_days_and_out_of_sample_only_those_before(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)
    assert list(chosen) == list(summary) == list(crypto.COLUMNS) and list(chosen.index) == ASSETS
    expected = maximum_sharpe(returns.mean(), returns.cov(), risk_free=0.0001).weights
    np.testing.assert_allclose(chosen["mpt_in_sample"], expected)
    past = returns.iloc[:200]
    np.testing.assert_allclose(chosen["mpt_out_of_sample"],
                               maximum_sharpe(past.mean(), past.cov(), risk_free=0.0001).weights)
    mu = pd.Series([0.003, 0.001, 0.002], ASSETS)
    np.testing.assert_allclose(chosen["lstm_in_sample"], tangency(mu, returns.cov(), risk_free=0.0001).weights)
    assert chosen["lstm_out_of_sample"].tolist() == [2.0, -1.5, 0.5]
    assert summary.loc["observations"].tolist() == [300, 300, 100, 100]


def test_the_summary_is_arithmetic_and_annual(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)
    daily = returns @ chosen["mpt_in_sample"]
    assert summary.loc["annualized_return", "mpt_in_sample"] == pytest.approx(daily.mean() * 365)
    assert summary.loc["annualized_volatility", "mpt_in_sample"] == pytest.approx(daily.std() * np.sqrt(365))
    out = net_returns["lstm+tangency"]
    assert summary.loc["sharpe_ratio", "lstm_out_of_sample"] == pytest.approx((out.mean() - 1e-4) / out.std() * np.sqrt(365))
    assert summary.loc["gross_exposure", "lstm_out_of_sample"] == pytest.approx(6.0), "the largest of its rebalances"
    assert summary.loc["gross_exposure", "mpt_in_sample"] == pytest.approx(1.0)
    assert summary.loc["inefficient"].tolist() == [0, 0, 0, 0.5]


def test_noise_after_the_split_changes_no_weight_out_of_sample(returns, forecasts, weights, net_returns):
    noise = returns.copy()
    noise.iloc[200:] = RNG.normal(0, 0.1, (100, 3))
    before = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[0]
    after = crypto.table5(noise, forecasts, weights, net_returns, **OPTIONS)[0]
    pd.testing.assert_series_equal(before["mpt_out_of_sample"], after["mpt_out_of_sample"])
    assert not np.allclose(before["mpt_in_sample"], after["mpt_in_sample"])


def test_the_estimator_given_is_used(returns, forecasts, weights, net_returns):
    ridge = partial(estimate, estimator="sample", ridge=5.0)
    plain = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[0]
    other = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"estimate_covariance": ridge}))[0]
    assert (plain.drop(columns="lstm_out_of_sample") - other.drop(columns="lstm_out_of_sample")).abs().max().min() > 1e-3


def test_a_run_without_the_strategy_has_tables_without_rows(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"model": "gru"}))
    assert list(chosen) == list(summary) == list(crypto.COLUMNS) and chosen.empty and summary.empty


def test_costs_lower_what_is_reported_out_of_sample(returns, forecasts, weights, net_returns):
    dear = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"cost_rate": 0.01}))[1]
    cheap = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[1]
    place = ("annualized_return", "mpt_out_of_sample")
    assert dear.loc[place] < cheap.loc[place] and dear.loc["sharpe_ratio", "mpt_in_sample"] == cheap.loc["sharpe_ratio", "mpt_in_sample"]
