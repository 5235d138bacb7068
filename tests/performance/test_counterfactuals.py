"""Other forecasts, other days of the month, other seeds: what strategies would have earned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rebalance_market import SPLIT, TERMS, dates, forecasts, returns  # noqa: F401  fixtures

from forefolio.performance import counterfactuals
from forefolio.performance.backtest import backtest, turnover
from forefolio.performance.counterfactuals import Run
from forefolio.performance.metrics import total_return
from forefolio.portfolios.decisions import average_over_seeds, decide
from forefolio.portfolios.long_only import mean_variance_forecast
from forefolio.portfolios.problems import Limits
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import FRAMEWORKS

FEW = 20  # shuffles


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch):
    monkeypatch.setattr(counterfactuals, "SHUFFLES", FEW)


def run_of(returns, forecasts, dates, frameworks=("mvf",), traded=None, cost_rate=0.0, **changed):
    benchmark = returns.mean(axis=1)
    return Run(returns, returns.notna() if traded is None else traded, forecasts, benchmark, pd.DatetimeIndex(dates),
               tuple(frameworks), replace(TERMS, **changed), 252, 0.0, cost_rate)


def decided_by_05(run):
    weights, _ = decide(run.returns, run.forecasts, run.traded, rebalance_dates=run.dates, frameworks=run.frameworks,
                        terms=run.terms)
    return weights


def cube(weights, strategy, run):
    wide = weights[weights["strategy"] == strategy].pivot(index="rebalance_date", columns="asset", values="weight")
    return wide[run.returns.columns].to_numpy()


def mus(run, residual=True):
    made = [counterfactuals._forecast(run, average_over_seeds(run.forecasts, model=model), run.dates)
            for model in run.models]
    return np.array([one.mu(counterfactuals._momentum(run, run.dates), residual=residual) for one in made])


@pytest.fixture
def holiday(returns, dates):
    """One asset that does not trade on the third rebalance date, and one that never moves before the fourth."""
    traded = returns.notna()
    traded.loc[dates[2], "KO"] = False
    still = returns.copy()
    still.loc[dates[2] + pd.Timedelta(days=1):dates[3], "JNJ"] = 0.0
    return still, traded


@pytest.mark.parametrize("changed", [
    {}, {"use_residual": False}, {"mu_horizon": "month"}, {"limits": Limits(0.05, 0.4)}, {"limits": Limits(max_turnover=0.2)},
    {"cost_aware": True, "cost_bps": 50.0}])
@pytest.mark.parametrize("framework", ["mvf", "tangency", "max_sharpe"])
def test_many_forecasts_at_once_are_decided_as_one_by_one(framework, changed, holiday, forecasts, dates):
    returns, traded = holiday
    run = run_of(returns, forecasts, dates, [framework], traded, **changed)
    residual = run.terms.use_residual and framework == "mvf"
    ours, theirs = counterfactuals.decided(run, run.dates, {framework: mus(run, residual)})[framework], decided_by_05(run)
    for model, weights in zip(run.models, ours, strict=True):
        np.testing.assert_allclose(weights, cube(theirs, f"{model}+{framework}", run), atol=1e-6)


@pytest.mark.parametrize("framework", ["rpp", "mdp", "min_variance", "equal_weight"])
def test_frameworks_without_a_forecast_are_decided_as_in_stage_05(framework, holiday, forecasts, dates):
    returns, traded = holiday
    run = run_of(returns, forecasts, dates, [] if framework == "equal_weight" else [framework], traded, scenarios="history")
    ours = counterfactuals.decided(run, run.dates, {framework: None})[framework]
    np.testing.assert_allclose(ours[0], cube(decided_by_05(run), framework, run), atol=1e-6)


def test_an_asset_without_a_forecast_is_not_bought_and_a_model_without_any_holds_equal_weight(returns, forecasts, dates):
    run = run_of(returns, forecasts[forecasts["model"] == "mean"], dates)
    wanted = np.repeat(mus(run), 2, axis=0)
    wanted[0, :, 1], wanted[1, 1] = np.nan, np.nan
    ours = counterfactuals.decided(run, run.dates, {"mvf": wanted})["mvf"]
    assert (ours[0, :, 1] == 0).all() and ours.sum(axis=2) == pytest.approx(1)
    assert ours[1, 1] == pytest.approx(0.2)


@pytest.mark.parametrize("daily_borrow", [0.0, 0.001, 0.4])
@pytest.mark.parametrize("cost_rate", [0.0, 0.002, 0.4])
def test_many_weights_at_once_earn_what_each_earns_in_a_backtest(cost_rate, daily_borrow, returns, dates):
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(5), size=(3, len(dates)))
    weights[2] = [4.0, -3.0, 0.0, 0.0, 0.0]  # the third owes
    crash = returns.copy()
    crash.loc[dates[2] + pd.Timedelta(days=4):, "JNJ"] = 0.2
    long = pd.DataFrame([(date, name, asset, weight) for name, of_one in zip("abc", weights)
                         for date, row in zip(dates, of_one) for asset, weight in zip(returns.columns, row)],
                        columns=["rebalance_date", "strategy", "asset", "weight"])
    costs = {"cost_rate": cost_rate, "daily_borrow": daily_borrow}
    result = backtest(long, crash, **costs)
    daily, traded = counterfactuals.earned(weights, dates, crash, **costs)
    np.testing.assert_allclose(daily, result.net_returns[list("abc")], atol=1e-12)
    np.testing.assert_allclose(traded, turnover(result.trades)[list("abc")], atol=1e-12)
    assert "c" in set(result.bankruptcies["strategy"])


def attributed(run, seed=5):
    net_returns = backtest(decided_by_05(run), run.returns, cost_rate=run.cost_rate).net_returns
    return counterfactuals.attribution(run, net_returns, seed=seed), total_return(net_returns)


def test_a_model_s_row_is_what_its_strategy_earned(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, ["mvf", "tangency", "rpp"], cost_rate=0.001)
    table, totals = attributed(run)
    own = table[table["residual"] | (table["framework"] != "mvf")]
    for model in ("zero", "mean", "lstm"):
        for framework in ("mvf", "rpp", "tangency"):
            row = own[(own["framework"] == framework) & (own["forecast"] == model)]
            assert row["total_return"].item() == pytest.approx(totals[f"{model}+{framework}"], abs=1e-6)
    assert table["total_return"].iloc[0] == totals["equal_weight"] and table["framework"].iloc[0] == "equal_weight"


def test_zero_forecasts_leave_momentum_with_the_residual_and_minimum_variance_without(returns, forecasts, dates):
    run = run_of(returns, forecasts[forecasts["model"] == "lstm"], dates)
    table = attributed(run)[0].set_index(["forecast", "residual"])["total_return"]
    for residual in (True, False):
        rows = []
        for date in dates:
            known = returns.loc[:date]
            mu = known.tail(30).mean() * residual
            rows.append(mean_variance_forecast(mu, known.tail(60).cov(), risk_aversion=10.0).weights)
        made = counterfactuals.earned(np.array(rows)[None], dates, returns, cost_rate=0.0)[0]
        assert table["zero", residual] == pytest.approx((1 + made).prod() - 1, abs=1e-6)


def test_perfect_foresight_earns_the_best_asset_of_each_month_where_risk_counts_nothing(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, risk_aversion=0.0)
    table = attributed(run)[0]
    bounds = [*returns.index.searchsorted(dates, side="right"), len(returns)]
    best = [(1 + returns.iloc[first:last, returns.iloc[first:last].mean().argmax()]).prod()
            for first, last in zip(bounds, bounds[1:])]
    found = table.loc[table["forecast"] == counterfactuals.PERFECT, "total_return"].item()
    assert found == pytest.approx(np.prod(best) - 1)


def test_shuffles_tell_a_forecast_of_what_comes_from_one_that_says_the_same_of_all_assets(returns, forecasts, dates):
    wise = forecasts[forecasts["model"] == "mean"].assign(model="wise")
    coming = returns[::-1].rolling(20, min_periods=1).mean()[::-1].shift(-1)
    wise["forecast"] = [coming.at[day, asset] for day, asset in zip(wise["decision_date"], wise["asset"])]
    flat = wise.assign(model="flat", forecast=0.001)
    run = run_of(returns, pd.concat([wise, flat]).dropna(), dates, use_residual=False, risk_aversion=1.0)
    table = attributed(run)[0].set_index(["forecast", "residual"])
    assert table["p_value"]["wise", False] <= 2 / (FEW + 1) and table["n_shuffles"]["wise", False] == FEW  # 120 orders
    assert table["median"]["wise", False] < table["total_return"]["wise", False] - 0.1
    assert table["p_value"]["flat", False] == 1
    assert table["low"]["flat", False] == pytest.approx(table["high"]["flat", False], abs=1e-6)
    assert list(table.index[table["p_value"].notna()]) == [
        ("wise", True), ("flat", True), ("wise", False), ("flat", False)]  # nothing is asked of zero, mean and foresight


def test_a_shuffle_gives_each_asset_another_s_forecasts_for_good(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates)
    one = counterfactuals._forecast(run, average_over_seeds(forecasts, model="lstm"), run.dates)
    mixed = one.shuffled(np.random.default_rng(1))
    order = [int(np.flatnonzero((one.made == column[:, None]).all(axis=0))[0]) for column in mixed.made.T]
    assert sorted(order) == list(range(5)) and order != list(range(5))
    np.testing.assert_array_equal(mixed.usual, one.usual[:, order])
    momentum = counterfactuals._momentum(run, run.dates)
    np.testing.assert_allclose(mixed.mu(momentum, residual=True), momentum + (one.made - one.usual)[:, order])


def test_the_same_seed_gives_the_same_attribution(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates[:2])
    first, again, other = (attributed(run, seed)[0] for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize("framework, chain", [("mvf", ["equal_weight", "optimizer", "momentum", "lstm"]),
                                              ("tangency", ["equal_weight", "optimizer", "lstm"]),
                                              ("rpp", ["equal_weight", "optimizer", "lstm"])])
def test_steps_lead_from_equal_weight_to_the_strategy(framework, chain, returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, [framework])
    table, totals = attributed(run)
    steps = counterfactuals.steps(table, framework, use_residual=True)
    assert list(steps["step"]) == chain
    assert (steps["total_return"] - steps["before"]).sum() == pytest.approx(totals[f"lstm+{framework}"], abs=1e-6)


def test_an_offset_moves_all_rebalances_but_the_first_purchase_by_trading_days(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates)
    assert counterfactuals.shifted_dates(run, 0).equals(run.dates)
    moved = counterfactuals.shifted_dates(run, 3)
    assert moved[0] == dates[0] and len(moved) == len(dates) + 1
    assert list(returns.index.get_indexer(moved[1:]) - returns.index.get_indexer(dates)) == [3] * len(dates)
    closed = run.traded.copy()
    closed.loc[returns.index[returns.index.get_loc(dates[1]) + 2]] = False  # a holiday is no trading day
    late = counterfactuals.shifted_dates(replace(run, traded=closed), 3)
    assert returns.index.get_loc(late[2]) - returns.index.get_loc(dates[1]) == 4
    assert (counterfactuals.shifted_dates(run, 20) < returns.index[-1]).all()


def test_the_first_offset_is_the_run_itself(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, ["mvf", "tangency", "rpp", "mdp"], cost_rate=0.001, scenarios="history")
    run = replace(run, periods_per_year=84)  # seven days a month
    result = backtest(decided_by_05(run), returns, cost_rate=0.001)
    expected = run.table(result.net_returns, turnover(result.trades)).set_index("strategy")
    table = counterfactuals.offsets(run)
    own = table[table["offset"] == 0].set_index("strategy").drop(columns=["offset", "n_rebalances"])
    pd.testing.assert_frame_equal(own.loc[expected.index], expected, atol=1e-5, rtol=1e-5)
    assert list(table["offset"].unique()) == list(range(7))
    assert list(table.loc[table["strategy"] == "mdp", "offset"]) == [0, 3, 6]  # the slow one
    assert (table["strategy"].value_counts().drop("mdp") == 7).all()


def test_a_moved_rebalance_sees_nothing_of_later_days(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates)
    moved = counterfactuals.shifted_dates(run, 5)
    noisy, made = returns.copy(), forecasts.copy()
    rng, later = np.random.default_rng(1), forecasts["decision_date"] > moved[2]
    noisy.loc[returns.index > moved[2]] = rng.normal(0, 0.05, noisy.loc[returns.index > moved[2]].shape)
    made.loc[later, "forecast"] = rng.normal(0, 0.05, later.sum())
    weights = []
    for one in (run, replace(run, returns=noisy, forecasts=made)):
        lstm = counterfactuals._forecast(one, average_over_seeds(one.forecasts, model="lstm"), moved)
        mu = lstm.mu(counterfactuals._momentum(one, moved), residual=True)
        weights.append(counterfactuals.decided(one, moved, {"mvf": mu[None]})["mvf"][0])
    np.testing.assert_array_equal(weights[0][:3], weights[1][:3])
    assert abs(weights[0][3] - weights[1][3]).max() > 0.01


def test_each_seed_decides_alone(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, ["mvf", "rpp"])
    table = counterfactuals.by_seed(run)
    assert list(table["seed"].unique()) == [1, 2] and set(table["strategy"]) == {"lstm+mvf", "lstm+rpp"}
    second = forecasts[(forecasts["model"] == "lstm") & (forecasts["seed"] == 2)]
    expected = backtest(decided_by_05(replace(run, forecasts=second)), returns, cost_rate=0.0).net_returns
    found = table.set_index(["strategy", "seed"])["total_return"]
    assert found["lstm+mvf", 2] == pytest.approx(total_return(expected)["lstm+mvf"])
    assert counterfactuals.by_seed(replace(run, forecasts=forecasts[forecasts["seed"] < 2])).empty


def draws(name, **totals):
    rows = [(number, strategy, total, -0.1) for strategy, own in totals.items() for number, total in enumerate(own)]
    return pd.DataFrame(rows, columns=[name, "strategy", "total_return", "max_drawdown"])


def claim(performance, **found):
    return counterfactuals.claimed(performance, found, [("a+mvf", "b+mvf")]).iloc[0]


def test_a_rank_is_claimed_only_where_every_offset_and_every_seed_has_it():
    run = draws("run", **{"a+mvf": [0.5], "b+mvf": [0.2]})
    ahead = draws("offset", **{"a+mvf": [0.5, 0.9], "b+mvf": [0.2, 0.8]})
    behind_once = draws("seed", **{"a+mvf": [0.5, 0.1], "b+mvf": [0.2, 0.2]})
    apart = claim(run, offset=ahead)
    assert apart["claimed"] and apart[["offset_low", "offset_high"]].tolist() == pytest.approx([0.1, 0.3])
    assert not claim(run, offset=ahead, seed=behind_once)["claimed"]
    assert not claim(run, offset=ahead[ahead["offset"] == 0])["claimed"]  # one draw is no spread
    assert not claim(run)["claimed"]


def test_who_was_not_drawn_counts_as_in_the_run_and_who_went_bankrupt_ranks_last():
    run = draws("run", **{"a+mvf": [0.5], "b+mvf": [0.2]})
    assert claim(run, seed=draws("seed", **{"a+mvf": [0.3, 0.4]}))["claimed"]
    assert not claim(run, seed=draws("seed", **{"a+mvf": [0.3, 0.1]}))["claimed"]
    ruin = draws("offset", **{"a+mvf": [0.5, 0.9], "b+mvf": [0.2, 0.8]})
    ruin.loc[1, "max_drawdown"] = -1.0
    assert np.isnan(claim(run, offset=ruin)["offset_low"]) and not claim(run, offset=ruin)["claimed"]
    run["max_drawdown"] = -1.0  # both have lost everything
    assert np.isnan(claim(run, offset=ruin)["difference"]) and not claim(run, offset=ruin)["claimed"]


def test_a_framework_s_own_line_stands_for_its_models():
    run = draws("run", **{"a+mvf": [0.5], "b+mvf": [0.2], "equal_weight": [0.1]})
    moved = draws("offset", mvf=[0.3, 0.4], equal_weight=[0.1, 0.1])
    table = counterfactuals.claimed(run, {"offset": moved}, counterfactuals.rivals(run))
    assert table[["strategy", "claimed"]].to_numpy().tolist() == [["a+mvf", True], ["b+mvf", True]]


def test_a_run_of_one_asset_and_twelve_days_has_all_its_tables(returns, forecasts, dates):
    few = returns[["KO"]].loc[:returns.index[returns.index.get_loc(dates[0]) + 12]]
    made = forecasts[(forecasts["asset"] == "KO") & (forecasts["target_date"] <= few.index[-1])]
    run = run_of(few, made, dates[:1], ["mvf", "rpp", "mdp"])
    table, totals = attributed(run)
    assert table["total_return"].nunique() == 1 and table["p_value"].dropna().eq(1).all()
    moved = counterfactuals.offsets(run)
    assert moved["offset"].max() < 12 and moved["total_return"].to_numpy() == pytest.approx(moved["total_return"][0])
    ranks = counterfactuals.claimed(moved[moved["offset"] == 0], {"offset": moved}, counterfactuals.rivals(moved[:3]))
    assert not ranks["claimed"].any()


def test_frameworks_that_read_nothing_and_those_left_out_do_no_harm(returns, forecasts, dates):
    run = run_of(returns, forecasts, dates, ["min_variance", "black_litterman", "dls"])
    table, _ = attributed(replace(run, frameworks=("min_variance", "black_litterman")))
    assert list(table["framework"].unique()) == ["equal_weight", "black_litterman"]
    assert set(counterfactuals.offsets(replace(run, periods_per_year=24))["strategy"]) == {"equal_weight", "min_variance"}
    assert counterfactuals.left_out(run) == ["black_litterman", "dls"]
    assert set(FRAMEWORKS[name].sees for name in FRAMEWORKS) == {
        *counterfactuals.BY_MEAN, *counterfactuals.ALONE, "view", "shifted", "learned"}  # every framework has a place


def test_a_run_takes_the_models_that_become_portfolios(returns, forecasts, dates):
    run = Run.of(Study(portfolio_models=["mean", "lstm"], cost_bps=20, **SPLIT), returns=returns, traded=returns.notna(),
                 forecasts=forecasts, benchmark_returns=returns["KO"], dates=dates)
    assert run.models == ["mean", "lstm"] and run.costs == {"cost_rate": 0.002, "daily_borrow": 0.0} and run.terms.residual_window == 30
