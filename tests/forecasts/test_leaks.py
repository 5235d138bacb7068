"""From prices to weights, refitted on the way: what happens after a day changes nothing that was decided up to it."""

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import registry
from forefolio.forecasts.schedule import Fit, forecast_schedule
from forefolio.market import simulated
from forefolio.portfolios import decisions
from forefolio.portfolios.problems import Limits
from forefolio.portfolios.registry import Terms
from forefolio.study.vocabulary import FRAMEWORKS
from forefolio.market.returns import rebalance_dates, simple_returns
from forefolio.study.parameters import Study

SPLIT = {"train_end": "2023-11-30", "validation_end": "2024-01-31"}
STUDY = Study(start="2022-09-01", end="2024-05-10", refit="quarterly", lookback=3, epochs=2, patience=2, seed=3, ar_lags=2,
              lstm_layers=1, lstm_units=3, lstm_dropout=0.1, lstm_recurrent_dropout=0.1, cnn1d_layers=1, cnn1d_filters=3,
              cnn1d_kernel_size=2, cnn1d_dense_units=4, cnn1d_dropout=0.1, **SPLIT).model_copy(
                  update={"models": ["mean", "ar", "lstm", "cnn1d"]})  # decided upon below, where zero has nothing to say
OPTIONS = {"estimation_window": 40, "stale_days": 10, "residual_window": 20, "use_residual": True, "mu_horizon": "month",
           "risk_aversion": 20.0, "limits": Limits(max_weight=0.6, max_turnover=0.3), "risk_free": 0.0, "max_gross": 2.0,
           "covariance_estimator": "sample", "ridge": 0.0}
SCENARIOS = {  # each with another path of the drawdown
    "append": {"drawdown_path": "constant_weights", "drawdown_alpha": 1.0},
    "recenter": {"drawdown_path": "buy_and_hold", "drawdown_alpha": 1.0},
    "forecast_only": {"drawdown_path": "uncompounded", "drawdown_alpha": 0.8},
}
LAST = pd.Timestamp("2024-03-29")  # a rebalance date in the middle, on which all models are refitted


def study(prices) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts and weights of the whole test period."""
    returns = simple_returns(prices)
    plan = registry.plan(returns.index, STUDY)
    assert [fit.validation_end for fit in plan] == [SPLIT["validation_end"], f"{LAST:%Y-%m-%d}"]
    made = registry.forecasts(returns, study=STUDY).forecasts
    dates = rebalance_dates(returns.index, validation_end=SPLIT["validation_end"])
    assert LAST in dates[1:-1]
    decided = []
    for scenarios, path in SCENARIOS.items():
        weights, _ = decisions.decide(returns, made, prices.notna(), rebalance_dates=dates, frameworks=tuple(FRAMEWORKS),
                                      terms=Terms(scenarios=scenarios, **path, **OPTIONS))
        decided.append(weights.assign(scenarios=scenarios))
    return made, pd.concat(decided, ignore_index=True)


@pytest.fixture(scope="module")
def prices():
    days = simulated.trading_days("2022-09-01", "2024-05-10", periods_per_year=252)
    return simulated.factor_market(days, Study(simulated_assets=4, simulated_mean=0.05, simulated_groups=2,
                                               predictability=[0.02], seed=2))[0]


@pytest.fixture(scope="module")
def noisy(prices):
    """The same prices up to LAST; after it, prices that nobody could know."""
    changed, later = prices.copy(), prices.index > LAST
    shocks = np.random.default_rng(8).normal(0, 0.05, (later.sum(), prices.shape[1]))
    changed.loc[later] = prices.loc[LAST].to_numpy() * np.exp(shocks)
    return changed


@pytest.fixture(scope="module")
def studies(prices, noisy):
    return study(prices), study(noisy)


def test_noise_after_a_rebalance_date_changes_no_forecast_decided_up_to_it(studies):
    (ours, _), (theirs, _) = studies
    known = ours["decision_date"] <= LAST
    pd.testing.assert_frame_equal(ours[known], theirs[known], check_exact=True)
    assert (ours.loc[known, "decision_date"] == LAST).any() and (ours.loc[known, "horizon"] > 1).any()


def test_noise_after_a_rebalance_date_changes_no_weight_decided_up_to_it(studies):
    (_, ours), (_, theirs) = studies
    known = ours["rebalance_date"] <= LAST
    pd.testing.assert_frame_equal(ours[known], theirs[known], check_exact=True)
    assert ours.loc[known, "rebalance_date"].nunique() == 3


def test_the_noise_is_heard_by_every_model_and_every_strategy_after_it(studies):
    (our_forecasts, our_weights), (their_forecasts, their_weights) = studies
    for ours, theirs, value, date, name in [(our_forecasts, their_forecasts, "forecast", "decision_date", "model"),
                                            (our_weights, their_weights, "weight", "rebalance_date", "strategy")]:
        moved = (ours[value] - theirs[value]).abs()[ours[date] > LAST].groupby(ours[name]).max()
        assert (moved.drop("equal_weight", errors="ignore") > 1e-4).all(), moved


def test_a_fit_that_looks_ahead_by_a_week_would_be_noticed(prices, noisy):
    """Fitted up to 2024-04-04, with forecasts decided on LAST: the comparison above must tell."""
    made = []
    for returns in (simple_returns(prices), simple_returns(noisy)):
        schedule = forecast_schedule(returns.index, **SPLIT)
        decided = schedule[schedule["decision_date"] == LAST].reset_index(drop=True)
        made.append(registry.BASELINES["ar"](returns, Fit(decided, "2024-04-04", "2024-04-05"), STUDY))
    assert not made[0].equals(made[1])
