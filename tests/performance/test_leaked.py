"""What a leak bought: beside an honest run of the same market, in which the answer is planted."""

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import registry
from forefolio.market import leaks
from forefolio.market.returns import rebalance_dates
from forefolio.performance import counterfactuals
from forefolio.performance.backtest import backtest
from forefolio.portfolios.decisions import decide
from forefolio.portfolios.registry import Terms
from forefolio.study.parameters import Study

DAYS = pd.bdate_range("2023-01-02", "2024-06-28", name="date")
STUDY = Study(start="2023-01-01", end="2024-06-28", train_end="2023-09-29", validation_end="2023-12-29", models=["zero", "mean"],
              portfolio_models=["mean"], frameworks=["mvf"], estimation_window=60, residual_window=20)
COLUMNS = ["leak", "strategy", "residual", "n_assets", "honest_return", "total_return", "bought", "honest_ratio", "ratio"]


@pytest.fixture
def market():
    """Four assets, and the index; W grows in the test period alone, and D is suspended for a week of it."""
    returns = pd.DataFrame(np.random.default_rng(3).normal(0, 0.01, (len(DAYS), 4)), DAYS, list("WXYD"))
    returns.loc["2024":, "W"] += 0.004
    traded = pd.DataFrame(True, DAYS, returns.columns)
    traded.loc["2024-03-04":"2024-03-08", "D"] = False
    return returns, traded, pd.Series(0.0001, DAYS)


def run(market, leak: str) -> tuple[registry.Forecasts, pd.DataFrame]:
    """Forecasts and net returns of the whole study with a leak, as the stages make them."""
    returns, traded, _ = market
    study = STUDY.model_copy(update={"leak": leak})
    made = registry.forecasts(returns, study=study, traded=traded)
    held, own = leaks.held(returns, traded, leak=leak, validation_end=study.validation_end)
    dates = rebalance_dates(returns.index, validation_end=study.validation_end, traded=traded)
    weights, _ = decide(leaks.seen(held, leak=leak), made.forecasts[made.forecasts["model"] == "mean"], own,
                        rebalance_dates=dates, frameworks=("mvf",), terms=Terms.of(study))
    return made, backtest(weights, returns, cost_rate=0.0).net_returns


def leaked(market, leak: str = "none") -> pd.DataFrame:
    made, net_returns = run(market, leak)
    returns, traded, benchmark = market
    return counterfactuals.leaked(returns, traded, benchmark, study=STUDY.model_copy(update={"leak": leak}),
                                  honest=made.honest, net_returns=net_returns)


def test_an_honest_run_is_told_what_the_runs_with_each_leak_would_show(market):
    table, honest = leaked(market), run(market, "none")[1]
    assert list(table) == COLUMNS
    assert list(table["leak"].unique()) == ["survivors_only", "winners_universe", "peek_one_day", "full_sample_mean"]
    for leak in ("survivors_only", "winners_universe", "peek_one_day"):
        net_returns = run(market, leak)[1]
        for row in table[table["leak"] == leak].itertuples():
            assert row.total_return == pytest.approx((1 + net_returns[row.strategy]).prod() - 1)
            assert row.honest_return == pytest.approx((1 + honest[row.strategy]).prod() - 1)
            assert row.bought == pytest.approx(row.total_return - row.honest_return)


def test_the_number_of_assets_tells_whom_a_universe_in_hindsight_left_out(market):
    n_assets = leaked(market).groupby("leak")["n_assets"].first()
    assert n_assets.to_dict() == {"survivors_only": 3, "winners_universe": 2, "peek_one_day": 4, "full_sample_mean": 4}


def test_winners_buy_what_the_better_half_earned_more(market):
    table = leaked(market).set_index(["leak", "strategy"])
    assert table.loc[("winners_universe", "equal_weight"), "bought"] > 0.1
    assert ("peek_one_day", "equal_weight") not in table.index, "what decides without forecasts sees nothing more"


def test_with_its_mean_error_the_mean_of_the_full_sample_buys_nothing_and_without_it_the_winner(market):
    table = leaked(market).set_index(["leak", "strategy"])
    alone = table.loc[("full_sample_mean", "mean+mvf")]
    assert not alone["residual"] and alone["bought"] > 0.2
    with_error = leaked(market, "full_sample_mean").set_index("strategy").loc["mean+mvf"]
    assert with_error["residual"] and abs(with_error["bought"]) < 0.05


@pytest.mark.parametrize("leak", ["survivors_only", "winners_universe", "peek_one_day", "full_sample_mean"])
def test_a_run_with_a_leak_is_set_beside_the_honest_run(market, leak):
    table, honest, with_leak = leaked(market, leak), run(market, "none")[1], run(market, leak)[1]
    assert list(table) == COLUMNS and set(table["leak"]) == {leak} and list(table["strategy"]) == list(honest)
    for row in table.itertuples():
        assert row.honest_return == pytest.approx((1 + honest[row.strategy]).prod() - 1)
        assert row.total_return == pytest.approx((1 + with_leak[row.strategy]).prod() - 1)


def test_two_assets_leave_no_winners_and_the_rest_is_told(market):
    returns, traded, benchmark = market
    pair = returns[["W", "X"]], traded[["W", "X"]], benchmark
    assert "winners_universe" not in set(leaked(pair)["leak"]) and len(leaked(pair))
