"""Table 5: in sample knows its days, out of sample does not, and both by hand."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import crypto
from forefolio.portfolios import decisions
from forefolio.report import sentences
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


# ------------------------------------------------------------------------------------------------------ by window
@pytest.fixture
def window_means():
    rows = [("lstm", 0, window, date, asset, value * window) for window in (5, 10) for date in (SPLIT, DAYS[250])
            for asset, value in zip(ASSETS, (0.003, 0.001, 0.002))]
    return pd.DataFrame(rows, columns=["model", "seed", "window", "decision_date", "asset", "forecast"])


def by_window(window_means, returns, traded=None, **changes):
    options = dict(estimation_window=100, estimate_covariance=pd.DataFrame.cov, risk_free=0.0, max_gross=0.0) | changes
    return decisions.weights_by_window(window_means, returns, returns.notna() if traded is None else traded, **options)


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
    table = crypto.performance_by_window(weights, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.0).set_index("window")
    held = weights[weights["window"] == 10].groupby("rebalance_date")["weight"].agg(lambda row: row.abs().sum())
    assert (table.loc[10, "mean_gross"], table.loc[10, "largest_gross"]) == pytest.approx((held.mean(), held.max()))
    flat = weights.assign(weight=weights["asset"].map({"A": 1.0, "B": 0.0, "C": 0.0}))
    one = crypto.performance_by_window(flat, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.0).set_index("window").loc[5]
    assert one["total_return"] == pytest.approx((1 + returns["A"].iloc[200:]).prod() - 1)
    assert one["annual_volatility"] == pytest.approx(returns["A"].iloc[200:].std() * np.sqrt(365))
    assert one["mean_gross"] == one["largest_gross"] == 1 and not one["bankrupt"] and one["inefficient_dates"] == 0


def test_a_ruined_window_is_said_to_be(returns, window_means):
    weights = by_window(window_means, returns)
    reckless = weights.assign(weight=weights["asset"].map({"A": 200.0, "B": -199.0, "C": 0.0}))
    table = crypto.performance_by_window(reckless, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.0)
    assert table["bankrupt"].all() and (table["total_return"] == -1).all()


def test_without_windows_the_tables_have_columns_and_no_rows(returns, window_means):
    weights = by_window(window_means.iloc[:0], returns)
    table = crypto.performance_by_window(weights, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.0)
    assert weights.empty and table.empty and "largest_gross" in table and "status" in weights


def test_costs_and_the_risk_free_rate_lower_what_is_reported(returns, forecasts, weights, net_returns, window_means):
    held = by_window(window_means, returns)
    free = crypto.performance_by_window(held, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.0)
    paid = crypto.performance_by_window(held, returns, periods_per_year=365, risk_free=0.0, cost_rate=0.002)
    rate = crypto.performance_by_window(held, returns, periods_per_year=365, risk_free=0.001, cost_rate=0.0)
    assert (paid["total_return"] < free["total_return"]).all() and (rate["sharpe"] < free["sharpe"]).all()
    dear = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"cost_rate": 0.01}))[1]
    cheap = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[1]
    place = ("annualized_return", "mpt_out_of_sample")
    assert dear.loc[place] < cheap.loc[place] and dear.loc["sharpe_ratio", "mpt_in_sample"] == cheap.loc["sharpe_ratio", "mpt_in_sample"]


def test_without_inefficient_dates_nothing_is_said():
    log = pd.DataFrame({"strategy": ["a", "b"], "status": ["optimal", "failed"]})
    assert sentences.inefficiency(log) == ""
    both = pd.DataFrame({"strategy": ["a", "b"], "status": ["inefficient", "inefficient"]})
    assert sentences.inefficiency(both).count("1 of 1 dates") == 2
