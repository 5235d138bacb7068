"""What is known at a decision date, and the weights that each strategy decides then."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS, dates, forecasts, returns  # noqa: F401  fixtures

from forefolio.market import universe
from forefolio.market.covariance import estimate
from forefolio.market.returns import rebalance_dates, simple_returns
from forefolio.performance.backtest import backtest
from forefolio.portfolios import decisions, holdings, problems, registry
from forefolio.portfolios.drawdown import PATHS, minimum_drawdown
from forefolio.portfolios.long_only import mean_variance_forecast, risk_parity
from forefolio.portfolios.long_short import tangency, tangency_within
from forefolio.portfolios.problems import Limits, OptimizationError
from forefolio.study import vocabulary
from forefolio.study.parameters import Study

FRAMEWORKS = [name for name, kind in vocabulary.FRAMEWORKS.items() if kind.sees != "learned"]  # that are solved


@pytest.fixture(scope="module")
def lstm(forecasts):
    return decisions.average_over_seeds(forecasts, model="lstm")


@pytest.fixture(scope="module")
def decided(returns, forecasts, dates):
    return decide(returns, forecasts, dates)


def decide(returns, forecasts, dates, traded=None, frameworks=("mvf", "rpp", "mdp"), **changed):
    traded = returns.notna() if traded is None else traded
    return decisions.decide(returns, forecasts, traded, rebalance_dates=dates, frameworks=frameworks,
                            terms=replace(TERMS, **changed))


def held(weights, strategy, date):
    rows = weights[(weights["strategy"] == strategy) & (weights["rebalance_date"] == date)]
    return rows.set_index("asset")["weight"]


def test_every_strategy_decides_every_asset_at_every_date(decided, returns, dates):
    weights, log = decided
    strategies = [f"{model}+{framework}" for model in ("zero", "mean", "lstm") for framework in ("mvf", "rpp", "mdp")]
    assert list(weights.columns) == ["rebalance_date", "strategy", "asset", "weight"]
    assert set(weights["strategy"]) == {*strategies, "equal_weight"}
    assert len(weights) == len(dates) * 10 * 5 and (weights["weight"] >= 0).all()
    np.testing.assert_allclose(weights.groupby(["rebalance_date", "strategy"])["weight"].sum(), 1)
    assert list(log.columns) == ["date", "strategy", "solver", "status", "note", "spread"]
    assert len(log) == len(dates) * 10 and (log["status"] == "optimal").all()
    assert (weights.loc[weights["strategy"] == "equal_weight", "weight"] == 0.2).all()


def test_the_log_has_the_spread_of_risk_contributions_of_rpp_alone(decided, returns, forecasts, dates):
    weights, log = decided
    parity = log["strategy"].str.endswith("+rpp")
    assert log.loc[parity, "spread"].between(0, 1e-8).all() and log.loc[~parity, "spread"].isna().all()
    limits = Limits(max_weight=0.25)
    zero = forecasts[forecasts["model"] == "zero"]
    weights, log = decide(returns, zero, dates[:1], frameworks=["rpp"], scenarios="history", limits=limits)
    Sigma = returns.loc[:dates[0]].tail(60).cov()
    w = held(weights, "rpp", dates[0])
    contributions = w * (Sigma @ w)
    assert w.max() == pytest.approx(0.25)
    spread = contributions.max() / contributions.min() - 1
    assert spread > 0.01 and log["spread"].iloc[0] == pytest.approx(spread)


def test_noise_after_a_date_changes_nothing_decided_up_to_it(decided, returns, forecasts, dates):
    last = dates[2]
    rng = np.random.default_rng(9)
    other_returns = returns.copy()
    other_returns.loc[returns.index > last] = rng.normal(0, 0.05, size=other_returns.loc[returns.index > last].shape)
    other_forecasts = forecasts.copy()
    later = forecasts["decision_date"] > last
    other_forecasts.loc[later, "forecast"] = rng.normal(0, 0.05, later.sum())
    weights, log = decide(other_returns, other_forecasts, dates)
    for ours, theirs, date in [(decided[0], weights, "rebalance_date"), (decided[1], log, "date")]:
        pd.testing.assert_frame_equal(ours[ours[date] <= last], theirs[theirs[date] <= last])
    changed = decided[0].merge(weights, on=["rebalance_date", "strategy", "asset"])
    changed = changed[changed["strategy"] != "equal_weight"]
    moved = (changed["weight_x"] - changed["weight_y"]).abs().groupby(changed["rebalance_date"]).max()
    assert (moved[moved.index > last] > 0.01).all()  # the noise was loud enough to be heard


@pytest.mark.parametrize("drawdown_path", PATHS)
@pytest.mark.parametrize("scenarios", decisions.SCENARIOS)
def test_noise_after_a_date_changes_no_scenario_and_no_drawdown_before_it(scenarios, drawdown_path, returns, forecasts,
                                                                         dates):
    rng = np.random.default_rng(9)
    noisy, made = returns.copy(), forecasts.copy()
    noisy.loc[returns.index > dates[1]] = rng.normal(0, 0.05, size=noisy.loc[returns.index > dates[1]].shape)
    later = forecasts["decision_date"] > dates[1]
    made.loc[later, "forecast"] = rng.normal(0, 0.05, later.sum())
    options = {"scenarios": scenarios, "drawdown_path": drawdown_path, "limits": Limits(max_turnover=0.3),
               "frameworks": ["rpp", "mdp"]}
    ours, theirs = (decide(actual, of_all[of_all["model"] == "lstm"], dates[:3], **options)
                    for actual, of_all in ((returns, forecasts), (noisy, made)))
    for before, after, column in [(ours[0], theirs[0], "rebalance_date"), (ours[1], theirs[1], "date")]:
        known = before[column] <= dates[1]
        assert known.sum() == len(before) * 2 / 3
        pd.testing.assert_frame_equal(before[known], after[known])
    for strategy in ("rpp", "mdp") if scenarios == "history" else ("lstm+rpp", "lstm+mdp"):
        moved = held(ours[0], strategy, dates[2]) - held(theirs[0], strategy, dates[2])
        assert moved.abs().max() > 0.01  # the noise was loud enough to be heard


def test_the_decision_day_itself_is_known(decided, returns, forecasts, dates):
    shocked = returns.copy()
    shocked.loc[dates[2]] = [0.1, -0.3, -0.1, 0.1, -0.2]
    weights, _ = decide(shocked, forecasts, dates)
    for strategy in ("zero+mvf", "zero+rpp", "zero+mdp"):
        assert (held(weights, strategy, dates[2]) - held(decided[0], strategy, dates[2])).abs().max() > 1e-3
        pd.testing.assert_series_equal(held(weights, strategy, dates[1]), held(decided[0], strategy, dates[1]))


def test_without_residual_mvf_maximizes_the_forecast_itself(returns, forecasts, dates):
    weights, _ = decide(returns, forecasts, dates[:1], use_residual=False, frameworks=["mvf"])
    tomorrow = forecasts[(forecasts["model"] == "mean") & (forecasts["decision_date"] == dates[0])
                         & (forecasts["horizon"] == 1)].set_index("asset")["forecast"]
    Sigma = returns.loc[:dates[0]].iloc[-60:].cov()
    expected = mean_variance_forecast(tomorrow, Sigma, risk_aversion=10.0).weights
    pd.testing.assert_series_equal(held(weights, "mean+mvf", dates[0]), expected, check_names=False)


def test_append_puts_the_months_forecasts_after_the_window(returns, forecasts, dates):
    date = dates[1]
    weights, _ = decide(returns, forecasts, [date])
    lstm = decisions.average_over_seeds(forecasts, model="lstm")
    month = decisions.forecast_path(lstm, date=date, assets=returns.columns)
    assert month.index[0] > date and month.index[-1] == dates[2] and month.index.is_monotonic_increasing
    path = pd.concat([returns.loc[:date].iloc[-60:], month])
    pd.testing.assert_series_equal(held(weights, "lstm+rpp", date), risk_parity(path.cov()).weights,
                                   check_names=False)
    pd.testing.assert_series_equal(held(weights, "lstm+mdp", date), minimum_drawdown(path).weights, check_names=False)


@pytest.mark.parametrize("scenarios", ["recenter", "forecast_only"])
def test_rpp_and_mdp_look_at_the_path_of_the_scenarios(scenarios, returns, forecasts, dates):
    weights, log = decide(returns, forecasts, dates[:1], scenarios=scenarios, mu_horizon="month")
    lstm = decisions.average_over_seeds(forecasts, model="lstm")
    path = decisions.scenario_path(lstm, returns.loc[:dates[0]].iloc[-60:], date=dates[0], 
                                   terms=replace(TERMS, scenarios=scenarios, mu_horizon="month"))
    for strategy, expected in {"lstm+rpp": risk_parity(path.cov()), "lstm+mdp": minimum_drawdown(path)}.items():
        pd.testing.assert_series_equal(held(weights, strategy, dates[0]), expected.weights, check_names=False)
    assert not log["note"].str.contains("days").any()


def test_the_log_says_of_how_many_days_there_are_forecasts(returns, forecasts, dates):
    _, log = decide(returns, forecasts, dates[:2], scenarios="forecast_only", estimation_window=110)
    noted = log[log["note"].str.contains("forecasts of 105 of the 110 days")]
    assert set(noted["date"]) == {dates[0]} and set(noted["strategy"].str.split("+").str[1]) == {"rpp", "mdp"}


def test_forecasts_that_never_vary_have_no_risk_parity_and_no_drawdown(returns, forecasts, dates):
    """Also where their mean has a rounding error, which else would look like the calmest asset of all."""
    zero = forecasts[forecasts["model"] == "zero"]
    lstm = forecasts[forecasts["model"] == "lstm"]
    stuck = lstm.assign(forecast=lstm["forecast"].where(lstm["asset"] != "KO", 0.0007123))
    weights, log = decide(returns, pd.concat([zero, stuck]), dates[:1], scenarios="forecast_only",
                          frameworks=["rpp", "mdp"])
    status = log.set_index("strategy")
    for strategy, still in [("zero+rpp", "AAPL, JNJ, KO and 2 others never move,"), ("lstm+rpp", "KO never moves")]:
        assert status.loc[strategy, "status"] == "failed" and still in status.loc[strategy, "note"]
        assert (held(weights, strategy, dates[0]) == 0.2).all()
    assert status.loc["zero+mdp", "status"] == "optimal"
    np.testing.assert_allclose(held(weights, "zero+mdp", dates[0]), 0.2, atol=1e-6)


@pytest.mark.parametrize("drawdown_path, drawdown_alpha", [("uncompounded", 1.0), ("uncompounded", 0.5),
                                                           ("buy_and_hold", 1.0)])
def test_mdp_takes_the_drawdown_asked_for(drawdown_path, drawdown_alpha, decided, returns, forecasts, dates):
    weights, _ = decide(returns, forecasts, dates[:1], drawdown_path=drawdown_path, drawdown_alpha=drawdown_alpha,
                        scenarios="history")
    ours = held(weights, "mdp", dates[0])
    expected = minimum_drawdown(returns.loc[:dates[0]].iloc[-60:], path=drawdown_path, alpha=drawdown_alpha)
    pd.testing.assert_series_equal(ours, expected.weights, check_names=False)
    assert (ours - minimum_drawdown(returns.loc[:dates[0]].iloc[-60:]).weights).abs().max() > 1e-4


def test_a_forecast_crash_moves_minimum_drawdown_under_append_only(returns, forecasts, dates):
    crash = forecasts[forecasts["model"] == "zero"].copy()
    crash.loc[crash["asset"] == "JNJ", "forecast"] = -0.05
    options = {"frameworks": ["mdp"], "use_residual": False}
    zero = forecasts[forecasts["model"] == "zero"]
    for scenarios, strategy, moves in [("append", "zero+mdp", True), ("history", "mdp", False)]:
        calm, feared = (held(decide(returns, made, dates[:1], scenarios=scenarios, **options)[0], strategy, dates[0])
                        for made in (zero, crash))
        assert len(calm) == 5 and ((calm - feared).abs().max() > 0.05) == moves


def test_seeds_are_averaged(returns, forecasts, dates):
    lstm = forecasts[forecasts["model"] == "lstm"]
    keys = ["decision_date", "target_date", "horizon", "asset", "model"]
    averaged = lstm.groupby(keys, as_index=False)["forecast"].mean()
    one, _ = decide(returns, averaged.assign(seed=0), dates[:2])
    both, _ = decide(returns, lstm, dates[:2])
    pd.testing.assert_frame_equal(one, both)


def test_the_order_of_rows_and_assets_names_nothing(decided, returns, forecasts, dates):
    shuffled = forecasts.sample(frac=1, random_state=2)
    weights, _ = decide(returns[returns.columns[::-1]], shuffled, dates[:2])
    both = decided[0].merge(weights, on=["rebalance_date", "strategy", "asset"])
    assert len(both) == 2 * 10 * 5
    np.testing.assert_allclose(both["weight_x"], both["weight_y"], atol=2e-3)


def test_a_problem_that_strategies_share_is_solved_once(monkeypatch, returns, forecasts, dates):
    calls = []

    def counted(covariance, terms, limits):
        calls.append(covariance)
        return risk_parity(covariance, limits=limits)

    monkeypatch.setitem(registry.FRAMEWORKS, "rpp", counted)
    same = pd.concat([forecasts[forecasts["model"] == "zero"].assign(model=name) for name in ("zero", "nil")])
    weights, log = decide(returns, same, dates[:2], frameworks=["rpp"])
    assert len(calls) == 2 and len(log) == 2 * 3  # two models and equal weight at two dates
    pd.testing.assert_series_equal(held(weights, "zero+rpp", dates[0]), held(weights, "nil+rpp", dates[0]))


@pytest.mark.parametrize("scenarios", list(decisions.SCENARIOS))
def test_what_reads_no_forecast_is_decided_once_under_its_own_name(scenarios, returns, forecasts, dates):
    weights, _ = decide(returns, forecasts, dates[:1], frameworks=FRAMEWORKS, scenarios=scenarios)
    alone = {"min_variance", "max_diversification", "hrp"} | (
        {"rpp", "mdp", "cdar", "min_cvar"} if scenarios == "history" else set())
    read = [f"{model}+{name}" for model in ("zero", "mean", "lstm") for name in FRAMEWORKS if name not in alone]
    assert set(weights["strategy"]) == {*alone, *read, "equal_weight"}
    noise = forecasts.assign(forecast=np.random.default_rng(1).normal(0, 0.02, len(forecasts)))
    moved, _ = decide(returns, noise, dates[:1], frameworks=FRAMEWORKS, scenarios=scenarios)
    for name in alone:
        pd.testing.assert_series_equal(held(weights, name, dates[0]), held(moved, name, dates[0]))


def test_a_problem_without_solution_holds_equal_weight_and_says_so(monkeypatch, returns, forecasts, dates):
    def failing(scenarios, terms, limits):
        if scenarios.index[59] == dates[1]:
            raise OptimizationError("the solver stalled")
        return minimum_drawdown(scenarios, limits=limits)

    monkeypatch.setitem(registry.FRAMEWORKS, "mdp", failing)
    weights, log = decide(returns, forecasts[forecasts["model"] == "mean"], dates[:3])
    failed = log[log["status"] == "failed"]
    assert failed[["date", "strategy"]].to_numpy().tolist() == [[dates[1], "mean+mdp"]]
    assert failed["note"].tolist() == ["equal weight instead: the solver stalled"]
    assert (held(weights, "mean+mdp", dates[1]) == 0.2).all()
    assert (held(weights, "mean+mdp", dates[2]) != 0.2).any()


def test_an_asset_without_risk_fails_risk_parity_loudly(returns, forecasts, dates):
    halted = returns.assign(KO=0.0)
    weights, log = decide(halted, forecasts[forecasts["model"] == "zero"], dates[:1], stale_days=1000)
    row = log[log["strategy"] == "zero+rpp"].iloc[0]
    assert row["status"] == "failed" and "KO never moves" in row["note"]
    assert (held(weights, "zero+rpp", dates[0]) == 0.2).all()


def test_rpp_distance_is_half_the_sum_of_differences(decided, returns, forecasts, dates):
    first, history = (weights[weights["rebalance_date"] == dates[0]] for weights in
                      (decided[0], decide(returns, forecasts, dates[:1], frameworks=["rpp"], scenarios="history")[0]))
    distance = decisions.rpp_distance(returns, first, terms=TERMS).set_index("strategy")
    assert list(distance.index) == ["zero+rpp", "mean+rpp", "lstm+rpp"] and (distance["n_dates"] == 1).all()
    difference = held(first, "lstm+rpp", dates[0]) - held(history, "rpp", dates[0])
    ours = distance.loc["lstm+rpp", "largest_distance"]
    assert ours == pytest.approx(difference.abs().sum() / 2) and ours > 1e-5
    assert decisions.rpp_distance(returns, history, terms=TERMS)["largest_distance"].max() < 1e-12


def test_risk_contributions_of_risk_parity_on_its_own_covariance_are_equal(returns, forecasts, dates):
    history, _ = decide(returns, forecasts, dates[:1], scenarios="history")
    shares = holdings.risk_contributions(returns, history, date=dates[0], terms=TERMS)
    assert set(shares["strategy"]) == set(history["strategy"])
    parity = shares[shares["strategy"] == "rpp"]
    np.testing.assert_allclose(parity["risk_share"], 0.2, rtol=1e-9)
    np.testing.assert_allclose(shares.groupby("strategy")["risk_share"].sum(), 1)


def test_the_estimator_given_is_the_one_used(returns, forecasts, dates):
    """By MVF on the window, by RPP on its path, by the distance and the contributions on the window again."""
    shrunk = partial(estimate, estimator="ledoit_wolf", ridge=0.05)
    changed = {"covariance_estimator": "ledoit_wolf", "ridge": 0.05}
    weights, _ = decide(returns, forecasts, dates[:1], **changed)
    window = returns.loc[:dates[0]].iloc[-60:]
    mean = decisions.average_over_seeds(forecasts, model="mean")
    mu = decisions.expected_returns(mean, returns, date=dates[0], terms=TERMS)["mu"]
    path = pd.concat([window, decisions.forecast_path(mean, date=dates[0], assets=returns.columns)])
    for strategy, problem in {
        "mean+mvf": lambda Sigma: mean_variance_forecast(mu, Sigma(window), risk_aversion=10.0).weights,
        "mean+rpp": lambda Sigma: risk_parity(Sigma(path)).weights,
    }.items():
        ours = held(weights, strategy, dates[0])
        pd.testing.assert_series_equal(ours, problem(shrunk), check_names=False)
        assert (ours - problem(pd.DataFrame.cov)).abs().max() > 1e-3
    history, _ = decide(returns, forecasts, dates[:1], frameworks=["rpp"], scenarios="history", **changed)
    terms = replace(TERMS, **changed)
    assert decisions.rpp_distance(returns, history, terms=terms)["largest_distance"].max() < 1e-12
    shares = holdings.risk_contributions(returns, history, date=dates[0], terms=terms)
    np.testing.assert_allclose(shares.loc[shares["strategy"] == "rpp", "risk_share"], 0.2, rtol=1e-9)


@pytest.mark.parametrize("changed, message", [
    ({"estimation_window": 5000}, "estimation_window needs 5000"),
    ({"residual_window": 5000}, "residual_window needs 5000"),
    ({"limits": Limits(max_weight=0.15)}, "max_weight: 0.15 makes it impossible for the weights of 5 assets to sum to one; set at least 0.2"),
])
def test_what_cannot_be_done_is_one_sentence(changed, message, returns, forecasts, dates):
    with pytest.raises(ValueError, match=message):
        decide(returns, forecasts, dates, **changed)


def test_missing_inputs_are_named(returns, forecasts, dates):
    without = forecasts[(forecasts["asset"] != "KO") | (forecasts["decision_date"] != dates[1]) | (forecasts["horizon"] != 3)]
    with pytest.raises(ValueError, match=f"lacks forecasts decided on {dates[1]:%Y-%m-%d}"):
        decide(returns, without, dates)


def test_inputs_are_not_changed(returns, forecasts, dates):
    before = returns.copy(), forecasts.copy()
    decide(returns, forecasts, dates[:1])
    pd.testing.assert_frame_equal(returns, before[0])
    pd.testing.assert_frame_equal(forecasts, before[1])


# --------------------------------------------------------------------------------------------------------- limits
def realized(weights, returns):
    """Turnover of every rebalance after the first purchase, by date and strategy."""
    trades = backtest(weights, returns, cost_rate=0.0).trades
    return trades[trades["rebalance_date"] > trades["rebalance_date"].min()].set_index(["rebalance_date", "strategy"])[
        "turnover"]


def test_without_limits_every_problem_is_what_it_is_alone(decided, returns, forecasts, dates):
    """Bit for bit, also on later dates, on which something is held."""
    weights, date = decided[0], dates[1]
    window = returns.loc[:date].iloc[-60:]
    mean = decisions.average_over_seeds(forecasts, model="mean")
    mu = decisions.expected_returns(mean, returns, date=date, terms=TERMS)["mu"]
    path = decisions.scenario_path(mean, window, date=date, terms=TERMS)
    for framework, alone in {
        "mvf": mean_variance_forecast(mu, window.cov(), risk_aversion=10.0),
        "rpp": risk_parity(path.cov()),
        "mdp": minimum_drawdown(path),
    }.items():
        pd.testing.assert_series_equal(held(weights, f"mean+{framework}", date), alone.weights, check_exact=True,
                                       check_names=False)


@pytest.mark.parametrize("max_turnover", [0.03, 0.1])
def test_what_a_backtest_trades_stays_within_the_turnover_limit(max_turnover, decided, returns, forecasts, dates):
    weights, log = decide(returns, forecasts, dates, limits=Limits(max_turnover=max_turnover))
    limited = weights[weights["strategy"] != "equal_weight"]
    free, traded = realized(decided[0], returns), realized(limited, returns)
    assert (log["status"] == "optimal").all() and not log["note"].str.contains("least possible").any()
    assert traded.max() <= max_turnover + 1e-6
    for framework in ("mvf", "mdp"):
        of_framework = traded.index.get_level_values("strategy").str.endswith(framework)
        assert traded[of_framework].max() > max_turnover - 1e-5 and free.loc[traded.index][of_framework].max() > 0.12
    first = weights["rebalance_date"] == dates[0]
    pd.testing.assert_frame_equal(weights[first], decided[0][first])  # a purchase has no limit
    assert (weights.loc[weights["strategy"] == "equal_weight", "weight"] == 0.2).all()


def test_bounds_hold_for_the_long_only_frameworks_alone(returns, forecasts, dates):
    options = {"frameworks": tuple(FRAMEWORKS), "risk_free": 0.0}
    weights, _ = decide(returns, forecasts, dates[:2], limits=Limits(min_weight=0.1, max_weight=0.27), **options)
    free, _ = decide(returns, forecasts, dates[:2], **options)
    unbound = weights["strategy"].str.endswith(("+tangency", "equal_weight"))
    pd.testing.assert_frame_equal(weights[unbound], free[unbound])
    for framework in ("mvf", "rpp", "mdp"):
        ours = weights.loc[weights["strategy"].str.endswith(framework), "weight"]
        assert ours.min() > 0.1 - 1e-6 and ours.max() < 0.27 + 1e-6
        assert free.loc[free["strategy"].str.endswith(framework), "weight"].max() > 0.28


def test_a_delisted_asset_is_sold_even_under_a_tight_limit_and_the_log_says_so(returns, forecasts, dates):
    ended = dates[1]
    dead = returns.copy()
    dead.loc[dead.index > ended, "KO"] = 0.0
    traded = returns.notna()
    traded.loc[traded.index > ended, "KO"] = False
    weights, log = decide(dead, forecasts, dates, traded=traded, limits=Limits(max_turnover=0.02), frameworks=["rpp", "mdp"])
    strategy, date = "lstm+rpp", dates[2]
    drifted = backtest(weights, dead, cost_rate=0.0).drifted_weights
    to_sell = held(drifted, strategy, date)["KO"]
    assert to_sell > 0.1 and held(weights, strategy, date)["KO"] == 0
    note = log[(log["strategy"] == strategy) & (log["date"] == date)]["note"].iloc[0]
    assert f"turnover {100 * to_sell:.3g} %, the smallest possible" in note and note.endswith("without KO, its prices have ended")
    trades = realized(weights, dead)
    assert trades[(date, strategy)] == pytest.approx(to_sell, abs=1e-5)
    assert trades[(dates[3], strategy)] <= 0.02 + 1e-6
    last = log[(log["strategy"] == strategy) & (log["date"] == dates[3])]["note"].iloc[0]
    assert "least possible" not in last


def test_strategies_share_a_problem_only_if_they_hold_the_same(returns, forecasts, dates):
    zero = forecasts[forecasts["model"] == "zero"]
    feared = zero.assign(model="feared", forecast=zero["forecast"].where(
        (zero["decision_date"] != dates[0]) | (zero["asset"] != "JNJ"), -0.05))
    options = {"frameworks": ["mvf"], "use_residual": False}
    for max_turnover, same in [(1.0, True), (0.05, False)]:
        weights, _ = decide(returns, pd.concat([zero, feared]), dates[:2], limits=Limits(max_turnover=max_turnover), **options)
        first, second = ((held(weights, "zero+mvf", date) - held(weights, "feared+mvf", date)).abs().max()
                         for date in dates[:2])
        assert first > 0.1 and (second == 0) == same


def test_limited_strategies_that_hold_the_same_are_solved_once(monkeypatch, returns, forecasts, dates):
    limits = []

    def counted(covariance, terms, given):
        limits.append(given)
        return risk_parity(covariance, limits=given)

    monkeypatch.setitem(registry.FRAMEWORKS, "rpp", counted)
    same = pd.concat([forecasts[forecasts["model"] == "zero"].assign(model=name) for name in ("zero", "nil")])
    weights, _ = decide(returns, same, dates[:2], frameworks=["rpp"], limits=Limits(max_turnover=0.01))
    assert len(limits) == 2 and limits[0].held is None
    drifted = backtest(weights, returns.loc[:dates[2]], cost_rate=0.0).drifted_weights
    pd.testing.assert_series_equal(limits[1].held, held(drifted, "zero+rpp", dates[1]), check_names=False)


def test_a_strategy_that_lost_all_buys_anew(returns, forecasts, dates):
    ruined = returns.copy()
    ruined.loc[returns.index[returns.index > dates[0]][0]] = -1.0
    weights, log = decide(ruined, forecasts[forecasts["model"] == "mean"], dates[:2], frameworks=["mvf"],
                          limits=Limits(max_turnover=0.05))
    assert (log["status"] == "optimal").all() and not log["note"].str.contains("turnover").any()
    assert held(weights, "mean+mvf", dates[1]).sum() == pytest.approx(1)


# -------------------------------------------------------------------------------------------------- short selling
TANGENCY = {"frameworks": ["tangency"], "risk_free": 0.0}


def mean_forecast(forecasts, model, date, horizons):
    rows = forecasts[(forecasts["model"] == model) & (forecasts["decision_date"] == date)]
    return rows[rows["horizon"] <= horizons].groupby("asset")["forecast"].mean()


@pytest.mark.parametrize("mu_horizon, horizons", [("next_day", 1), ("month", 99)])
def test_tangency_takes_the_forecast_without_residual_and_the_covariance_of_the_window(mu_horizon, horizons, returns,
                                                                                       forecasts, dates):
    weights, log = decide(returns, forecasts, dates[:1], mu_horizon=mu_horizon, **TANGENCY)
    Sigma = returns.loc[:dates[0]].iloc[-60:].cov()
    expected = tangency(mean_forecast(forecasts, "lstm", dates[0], horizons), Sigma, risk_free=0.0)
    ours = held(weights, "lstm+tangency", dates[0])
    pd.testing.assert_series_equal(ours, expected.weights, check_names=False)
    assert ours.sum() == pytest.approx(1) and (horizons == 1 or ours.min() < -0.1)
    row = log.set_index("strategy").loc["lstm+tangency"]
    assert (row["status"], row["note"]) == (expected.status, expected.note)
    elsewhere, _ = decide(returns, forecasts, dates[:1], mu_horizon=mu_horizon, scenarios="history", residual_window=10,
                          **TANGENCY)
    pd.testing.assert_series_equal(held(elsewhere, "lstm+tangency", dates[0]), ours)


def test_a_limit_on_gross_exposure_holds_at_every_date(returns, forecasts, dates):
    free, _ = decide(returns, forecasts, dates, frameworks=["mvf", "tangency"])
    weights, log = decide(returns, forecasts, dates, frameworks=["mvf", "tangency"], max_gross=1.5)
    gross, unlimited = (holdings.concentration(w).set_index(["rebalance_date", "strategy"])["gross_exposure"]
                        for w in (weights, free))
    assert len(gross) == len(dates) * 7 and gross.max() == pytest.approx(1.5) and unlimited.max() > 2
    short = gross.index.get_level_values("strategy").str.endswith("+tangency")
    np.testing.assert_allclose(gross[~short], 1)
    np.testing.assert_allclose(weights.groupby(["rebalance_date", "strategy"])["weight"].sum(), 1)
    Sigma = returns.loc[:dates[1]].iloc[-60:].cov()
    expected = tangency_within(mean_forecast(forecasts, "mean", dates[1], 1), Sigma, risk_free=1e-4, max_gross=1.5)
    pd.testing.assert_series_equal(held(weights, "mean+tangency", dates[1]), expected.weights, check_names=False)
    assert set(log["status"]) <= {"optimal", "fallback"}
    assert (log.loc[log["strategy"] == "zero+tangency", "status"] == "fallback").all()  # zero never exceeds 1e-4


def test_an_inefficient_tangency_is_held_and_the_log_says_so(returns, forecasts, dates):
    """Every forecast below the risk-free rate by the same: the closed form is the calmest portfolio, its ratio < 0."""
    weights, log = decide(returns, forecasts[forecasts["model"] == "zero"], dates[:1], frameworks=["tangency"])
    inverse = np.linalg.inv(returns.loc[:dates[0]].iloc[-60:].cov())
    calm = pd.Series(inverse.sum(axis=1) / inverse.sum(), index=returns.columns)
    np.testing.assert_allclose(held(weights, "zero+tangency", dates[0]), calm, atol=1e-9)
    row = log.set_index("strategy").loc["zero+tangency"]
    assert row["status"] == "inefficient" and f"gross exposure {calm.abs().sum():.2f}, volatility" in row["note"]


@pytest.mark.parametrize("spoil, reason", [
    (lambda returns: returns.assign(KO=returns["JNJ"]), "singular"),
    (lambda returns: returns.assign(KO=0.0), "KO never moves")])
def test_a_singular_covariance_holds_equal_weight_and_says_so(spoil, reason, returns, forecasts, dates):
    weights, log = decide(spoil(returns), forecasts[forecasts["model"] == "mean"], dates[:1], stale_days=1000,
                          frameworks=["mvf", "tangency"])
    failed = log[log["status"] == "failed"].iloc[0]
    assert failed["strategy"] == "mean+tangency" and failed["note"].startswith("equal weight instead: ")
    assert reason in failed["note"] and (held(weights, "mean+tangency", dates[0]) == 0.2).all()
    assert (held(weights, "mean+mvf", dates[0]) != 0.2).any()


def test_noise_after_a_date_changes_no_tangency_up_to_it(returns, forecasts, dates):
    rng = np.random.default_rng(9)
    noisy, made = returns.copy(), forecasts.copy()
    noisy.loc[returns.index > dates[2]] = rng.normal(0, 0.05, size=noisy.loc[returns.index > dates[2]].shape)
    later = forecasts["decision_date"] > dates[2]
    made.loc[later, "forecast"] = rng.normal(0, 0.05, later.sum())
    for max_gross in (0, 2):
        ours, theirs = (decide(*both, dates, frameworks=["tangency"], max_gross=max_gross)[0]
                        for both in ((returns, forecasts), (noisy, made)))
        early = ours["rebalance_date"] <= dates[2]
        pd.testing.assert_frame_equal(ours[early], theirs[early])
        assert (ours.loc[~early, "weight"] - theirs.loc[~early, "weight"]).abs().max() > 0.01


def test_bounds_are_widened_where_too_few_assets_trade_and_refused_where_the_universe_is_too_small(
        returns, forecasts, dates):
    even = 1 / returns.shape[1]
    traded = returns.notna()
    traded.loc[dates[1], returns.columns[2:]] = False
    weights, log = decide(returns, forecasts, dates[:2], traded, limits=Limits(max_weight=1.5 * even))
    at_last = weights[(weights["rebalance_date"] == dates[1]) & weights["asset"].isin(returns.columns[:2])]
    shares = at_last["weight"] / at_last.groupby("strategy")["weight"].transform("sum")  # of what is not frozen
    np.testing.assert_allclose(shares, 0.5, atol=1e-6)
    bounded = log[log["strategy"] != "equal_weight"]
    assert (bounded["note"].str.contains("max_weight 50 %, because there are 2 assets") == (bounded["date"] == dates[1])).all()
    with pytest.raises(ValueError, match="makes it impossible for the weights of 5 assets to sum to one"):
        decide(returns, forecasts, dates[:2], limits=Limits(max_weight=0.9 * even))


def test_an_asset_that_a_model_does_not_forecast_is_not_bought_by_it_and_the_log_says_so(returns, forecasts, dates):
    lost = forecasts[(forecasts["model"] != "lstm") | (forecasts["asset"] != "KO")]
    weights, log = decide(returns, lost, dates[:2])
    everything, _ = decide(returns, forecasts, dates[:2])
    own = weights["strategy"].str.startswith("lstm+")
    assert (weights.loc[own & (weights["asset"] == "KO"), "weight"] == 0).all()
    assert everything.loc[own & (weights["asset"] == "KO"), "weight"].max() > 0.05
    pd.testing.assert_frame_equal(weights[~own], everything[~own])
    noted = log["note"].str.contains("without KO, not forecast by lstm")
    assert (noted == log["strategy"].str.startswith("lstm+")).all()


def test_an_asset_that_does_not_trade_is_neither_bought_nor_sold_short(returns, forecasts, dates):
    weights, _ = decide(returns, forecasts, dates, traded=returns.notna().assign(KO=False), **TANGENCY)
    ours = weights[weights["strategy"] == "lstm+tangency"]
    assert (ours.loc[ours["asset"] == "KO", "weight"] == 0).all() and ours["weight"].min() < 0
    np.testing.assert_allclose(ours.groupby("rebalance_date")["weight"].sum(), 1)


# ------------------------------------------------------------------------------------------- what cannot be bought
def test_an_asset_whose_last_price_is_held_is_not_bought_and_the_log_says_so(returns, forecasts, dates):
    ended = dates[1]
    dead = returns.copy()
    dead.loc[dead.index > ended, "KO"] = 0.0
    traded = returns.notna()
    traded.loc[traded.index > ended, "KO"] = False
    weights, log = decide(dead, forecasts, dates, traded=traded)
    of_dead = weights[weights["asset"] == "KO"].set_index("rebalance_date")["weight"]
    assert (of_dead[of_dead.index > ended] == 0).all() and of_dead[of_dead.index <= ended].max() > 0
    np.testing.assert_allclose(weights.groupby(["rebalance_date", "strategy"])["weight"].sum(), 1)
    later = log["date"] > ended
    assert log.loc[later, "note"].str.endswith("without KO, its prices have ended").all()
    assert not log.loc[~later, "note"].str.contains("KO").any()
    bought = decide(dead, forecasts, dates, stale_days=1000)[0]  # without that rule the dead asset looks like the safest
    assert held(bought, "mean+rpp", dates[-1])["KO"] > 1.3 * held(bought, "mean+rpp", dates[0])["KO"]


def test_without_an_asset_the_others_are_decided_as_if_it_had_never_been(returns, forecasts, dates):
    traded = returns.notna().assign(KO=False)
    weights, _ = decide(returns, forecasts, dates, traded=traded)
    others = decide(returns.drop(columns="KO"), forecasts[forecasts["asset"] != "KO"], dates)[0]
    left = weights[weights["asset"] != "KO"].reset_index(drop=True)
    pd.testing.assert_frame_equal(left, others, check_exact=True)
    assert (held(weights, "equal_weight", dates[0]).drop("KO") == 0.25).all()
    pd.testing.assert_frame_equal(decisions.rpp_distance(returns, weights, terms=TERMS),
                                  decisions.rpp_distance(returns.drop(columns="KO"), others, terms=TERMS), check_exact=True)


def test_a_dead_price_is_bought_by_no_strategy_and_what_was_held_is_sold_and_the_log_says_so(returns, forecasts, dates):
    dead = returns.copy()
    dead.loc[dates[0]:, "KO"] = 0.0  # its price is there every day, and never moves
    weights, log = decide(dead, forecasts, dates, frameworks=list(FRAMEWORKS))
    of_dead = weights[weights["asset"] == "KO"].pivot(index="rebalance_date", columns="strategy", values="weight")
    assert of_dead.shape[1] == 3 * 9 + 3 + 1 and (of_dead.iloc[0] != 0).any() and of_dead.loc[dates[0], "equal_weight"] == 0.2
    assert (of_dead.iloc[1:] == 0).all(axis=None)
    notes = log.set_index("date")["note"]
    assert notes[dates[1:]].str.endswith("without KO, no move in 10 days").all()
    assert not notes[dates[0]].str.contains("KO").any()
    others = decide(returns.drop(columns="KO"), forecasts[forecasts["asset"] != "KO"], dates, frameworks=list(FRAMEWORKS))[0]
    left = weights[(weights["asset"] != "KO") & (weights["rebalance_date"] > dates[0])]
    others = others[others["rebalance_date"] > dates[0]]
    pd.testing.assert_frame_equal(left.reset_index(drop=True), others.reset_index(drop=True))
    asleep = dead["KO"].mask(dead.index > dates[2], returns["KO"])  # it wakes up: bought again at the next decision
    again = decide(dead.assign(KO=asleep), forecasts, dates)[0]
    assert held(again, "equal_weight", dates[2])["KO"] == 0 and held(again, "equal_weight", dates[3])["KO"] == 0.2


def test_the_log_tells_a_dead_price_from_one_that_is_held(returns, forecasts, dates):
    traded = returns.notna().assign(JNJ=False)
    _, log = decide(returns.assign(KO=0.0, JNJ=0.0), forecasts, dates[:1], traded)
    assert log["note"].str.endswith("without KO, no move in 10 days; without JNJ, not traded that day").all()


def test_the_one_asset_that_still_moves_is_held_by_all(returns, forecasts, dates):
    one = returns.assign(**dict.fromkeys(returns.columns.drop("RRC"), 0.0))
    weights, log = decide(one, forecasts, dates[:1], frameworks=list(FRAMEWORKS))
    assert (weights.loc[weights["asset"] == "RRC", "weight"] == 1).all() and (log["status"] != "failed").all()


def test_a_model_that_forecasts_nothing_that_moves_holds_equal_weight_and_says_so(returns, forecasts, dates):
    lost = forecasts[(forecasts["model"] != "lstm") | (forecasts["asset"] == "KO")]
    weights, log = decide(returns.assign(KO=0.0), lost, dates[:1], frameworks=list(FRAMEWORKS))
    of_lstm = log[log["strategy"].str.startswith("lstm+")]
    assert (of_lstm["status"] == "failed").all() and of_lstm["note"].str.startswith(
        "equal weight instead: lstm forecasts nothing that can be bought").all()
    assert (held(weights, "lstm+mvf", dates[0]).drop("KO") == 0.25).all()


def test_what_cannot_be_bought_has_no_mean_in_the_figure_of_momentum(returns, forecasts, dates):
    means = decisions.mvf_means(returns.assign(KO=0.0), forecasts, returns.notna().assign(JNJ=False), rebalance_dates=dates,
                                terms=TERMS)
    assert sorted(means["asset"].unique()) == ["AAPL", "RRC", "XOM"]
    assert decisions.momentum_share(means.assign(window_mean=0.0))["relative_difference"].isna().all()


def test_days_on_which_nothing_is_known_to_trade_are_refused(returns, forecasts, dates):
    traded = returns.notna().mul(returns.index != dates[2], axis=0)
    with pytest.raises(ValueError, match="Nothing can be bought at the decision of 2022-05-31"):
        decide(returns, forecasts, dates, traded=traded)


# -------------------------------------------------------------------------------------------- what is known then
def forecast_mean(forecasts, returns, date, mu_horizon):
    terms = replace(TERMS, use_residual=False, mu_horizon=mu_horizon)
    return decisions.expected_returns(forecasts, returns, date=date, terms=terms)["mu"]


def path_at(date, forecasts, returns, *, days=60, mu_horizon="next_day", scenarios):
    window = problems.estimation_sample(returns, date=date, days=days, name="estimation_window")
    return decisions.scenario_path(forecasts, window, date=date,
                                   terms=replace(TERMS, scenarios=scenarios, mu_horizon=mu_horizon))


def parity(path):
    return risk_parity(path.cov()).weights


def test_a_flat_forecast_with_its_mean_error_is_momentum(returns, forecasts, dates):
    """Where r̂ is constant over the residual window, r̂ + ē is the window's mean return."""
    for constant in (0.0, 0.004):
        flat = forecasts[forecasts["model"] == "zero"].assign(forecast=constant)
        mu = decisions.expected_returns(flat, returns, date=dates[1], terms=TERMS)["mu"]
        pd.testing.assert_series_equal(mu, returns.loc[:dates[1]].iloc[-30:].mean(), check_names=False)


def test_mean_residual_averages_the_residuals_whose_target_is_known(returns, forecasts, lstm, dates):
    known = forecasts[(forecasts["model"] == "lstm") & (forecasts["horizon"] == 1) & (forecasts["target_date"] <= dates[1])]
    made = known.groupby(["target_date", "asset"])["forecast"].mean().unstack()  # over seeds
    expected = (returns.loc[made.index] - made).iloc[-30:].mean()
    ours = decisions.expected_returns(lstm, returns, date=dates[1], terms=TERMS)["residual"]
    pd.testing.assert_series_equal(ours, expected, check_names=False)


def test_the_months_mu_is_the_mean_of_its_days(returns, forecasts, lstm, dates):
    decided_then = forecasts[(forecasts["model"] == "lstm") & (forecasts["decision_date"] == dates[1])]
    assert decided_then["horizon"].nunique() > 15
    month, next_day = (forecast_mean(lstm, returns, dates[1], horizon)
                       for horizon in ("month", "next_day"))
    by_asset = decided_then.groupby("asset")["forecast"].mean()
    pd.testing.assert_series_equal(month, by_asset.loc[month.index], check_names=False)
    one = decided_then[decided_then["horizon"] == 1].groupby("asset")["forecast"].mean()
    pd.testing.assert_series_equal(next_day, one.loc[next_day.index], check_names=False)


def test_average_over_seeds_is_the_mean_of_each_forecast(forecasts, lstm):
    both = forecasts[forecasts["model"] == "lstm"].groupby("seed")["forecast"].agg(list)
    assert len(lstm) == len(both[1]) and "seed" not in lstm
    np.testing.assert_allclose(lstm["forecast"], np.mean([both[1], both[2]], axis=0))


def test_the_forecast_path_of_a_rebalance_reaches_to_the_next(returns, lstm, dates):
    path = decisions.forecast_path(lstm, date=dates[0], assets=returns.columns)
    assert path.index.tolist() == returns.loc[dates[0]:dates[1]].index[1:].tolist()
    pd.testing.assert_index_equal(path.columns, returns.columns)
    with pytest.raises(ValueError, match="Model lstm lacks forecasts decided on 2022-03-31"):
        decisions.forecast_path(lstm[lstm["asset"] != "KO"], date=dates[0], assets=returns.columns)


# ------------------------------------------------------------------------------------------------------- scenarios
def test_append_and_history_are_the_window_with_and_without_the_coming_month(returns, lstm, dates):
    window = returns.loc[:dates[1]].iloc[-60:]
    pd.testing.assert_frame_equal(path_at(dates[1], lstm, returns, scenarios="history"), window)
    appended = path_at(dates[1], lstm, returns, scenarios="append")
    pd.testing.assert_frame_equal(appended.iloc[:60].rename_axis(index="Date"), window)
    pd.testing.assert_frame_equal(appended.iloc[60:], decisions.forecast_path(lstm, date=dates[1], assets=returns.columns),
                                  check_freq=False)


@pytest.mark.parametrize("mu_horizon", ["next_day", "month"])
def test_recenter_gives_the_window_the_mean_that_is_forecast(mu_horizon, returns, lstm, dates):
    path = path_at(dates[1], lstm, returns, scenarios="recenter", mu_horizon=mu_horizon)
    mu = forecast_mean(lstm, returns, dates[1], mu_horizon)
    pd.testing.assert_series_equal(path.mean(), mu, check_names=False)
    shift = path - returns.loc[:dates[1]].iloc[-60:]
    assert np.ptp(shift, axis=0).max() < 1e-15 and abs(shift.iloc[0]).min() > 1e-5


def test_recenter_leaves_risk_parity_as_it_is(returns, lstm, dates):
    for date in dates:
        recentered, history = (parity(path_at(date, lstm, returns, scenarios=name)) for name in ("recenter", "history"))
        np.testing.assert_allclose(recentered, history, rtol=0, atol=1e-9)


def test_the_fewer_days_append_adds_the_less_it_moves_risk_parity(returns, lstm, dates):
    history = parity(path_at(dates[1], lstm, returns, scenarios="history"))
    moved = []
    for days in (1, 5, 99):
        coming = lstm[(lstm["decision_date"] < dates[1]) | (lstm["horizon"] <= days)]
        moved.append((parity(path_at(dates[1], coming, returns, scenarios="append")) - history).abs().sum() / 2)
    assert 0 < moved[0] < moved[1] < moved[2] < 0.005


def test_forecast_only_is_what_was_forecast_the_day_before(returns, lstm, dates):
    path = path_at(dates[2], lstm, returns, scenarios="forecast_only")
    assert path.index.equals(returns.loc[:dates[2]].index[-60:])
    day = path.index[30]
    made = lstm[(lstm["target_date"] == day) & (lstm["decision_date"] == path.index[29])].set_index("asset")["forecast"]
    pd.testing.assert_series_equal(path.loc[day], made[returns.columns], check_names=False)
    other = lstm.copy()
    other.loc[lstm["horizon"] > 1, "forecast"] = 0.5
    pd.testing.assert_frame_equal(path_at(dates[2], other, returns, scenarios="forecast_only"), path)


def test_forecast_only_knows_no_actual_return(returns, lstm, dates):
    noise = pd.DataFrame(np.random.default_rng(3).normal(0, 0.05, returns.shape), returns.index, returns.columns)
    for name in decisions.SCENARIOS:
        ours, theirs = (parity(path_at(dates[2], lstm, actual, scenarios=name)) for actual in (returns, noise))
        assert ((ours - theirs).abs().max() < 1e-12) == (name == "forecast_only")


def test_forecast_only_leaves_out_days_that_the_model_was_fitted_on(returns, lstm, dates):
    path = path_at(dates[0], lstm, returns, days=150, scenarios="forecast_only")
    assert path.index.equals(returns.loc["2021-10-30":dates[0]].index) and len(path) == 105
    young = lstm[lstm["target_date"] >= dates[0]]
    assert len(path_at(dates[0], young, returns, scenarios="recenter")) == 60


@pytest.mark.parametrize("scenarios", decisions.SCENARIOS)
def test_no_path_looks_past_its_date(scenarios, returns, lstm, dates):
    """Neither at returns, nor at forecasts decided later, nor at forecasts of the past that are made only later."""
    date = dates[1]
    path = path_at(date, lstm, returns, scenarios=scenarios)
    later, unknown = lstm["decision_date"] > date, returns.index > date
    other, actual = lstm.copy(), returns.copy()
    other.loc[later, "forecast"] = 0.07
    actual.loc[unknown] = -0.07
    pd.testing.assert_frame_equal(path_at(date, other, actual, scenarios=scenarios), path)
    assert not path_at(dates[2], other, actual, scenarios=scenarios).iloc[-22:].equals(
        path_at(dates[2], lstm, returns, scenarios=scenarios).iloc[-22:])


# -------------------------------------------------------------------------------------------------- what mu is made of
def means_of(made, returns, dates, mu_horizon="next_day"):
    return decisions.mvf_means(returns, made, returns.notna(), rebalance_dates=dates,
                               terms=replace(TERMS, mu_horizon=mu_horizon))


@pytest.mark.parametrize("mu_horizon", ["next_day", "month"])
def test_the_parts_of_mu_are_those_that_mvf_takes(mu_horizon, returns, forecasts, lstm, dates):
    means = means_of(forecasts, returns, dates[:2], mu_horizon)
    assert list(means.columns) == ["rebalance_date", "model", "asset", "forecast", "residual", "mu", "window_mean"]
    assert len(means) == 2 * 3 * 5 and means["model"].unique().tolist() == ["zero", "mean", "lstm"]
    row = means[(means["model"] == "lstm") & (means["rebalance_date"] == dates[1])].set_index("asset")
    for column, use_residual in (("mu", True), ("forecast", False)):
        terms = replace(TERMS, use_residual=use_residual, mu_horizon=mu_horizon)
        expected = decisions.expected_returns(lstm, returns, date=dates[1], terms=terms)["mu"]
        pd.testing.assert_series_equal(row[column], expected, check_names=False)
    np.testing.assert_allclose(row["residual"], row["mu"] - row["forecast"])
    np.testing.assert_allclose(row["window_mean"], returns.loc[:dates[1]].iloc[-30:].mean())


def test_without_residual_mu_is_the_forecast_and_its_window_may_reach_back_to_days_without_forecasts(returns, lstm, dates):
    terms = replace(TERMS, use_residual=False, residual_window=len(returns.loc[:dates[0]]))
    means = decisions.mvf_means(returns, lstm.assign(seed=0), returns.notna(), rebalance_dates=dates[:2], terms=terms)
    assert (means["mu"] == means["forecast"]).all() and (means["residual"] == 0).all()
    np.testing.assert_allclose(means["window_mean"].iloc[:5], returns.loc[:dates[0]].mean())


def test_of_a_constant_forecast_mu_keeps_nothing_but_momentum(returns, forecasts, dates):
    constant = pd.concat([forecasts[forecasts["model"] == "zero"].assign(model=f"always {value}", forecast=value)
                          for value in (0.0, 0.004, -0.02)])
    means = means_of(constant, returns, dates)
    np.testing.assert_allclose(means["mu"], means["window_mean"], rtol=0, atol=1e-15)
    share = decisions.momentum_share(means).set_index("model")
    assert list(share.index) == ["always 0.0", "always 0.004", "always -0.02"]
    np.testing.assert_allclose(share["window_mean_correlation"], 1)
    assert share["forecast_correlation"].isna().all() and (share["same_favorite"] == 1).all()
    assert share["relative_difference"].max() < 1e-12


def test_of_perfect_foresight_mu_keeps_the_forecast(returns, forecasts, dates):
    zero = forecasts[forecasts["model"] == "zero"]
    known = returns.stack().rename("actual")
    foresight = zero.assign(model="foresight").join(known, on=["target_date", "asset"])
    foresight = foresight.assign(forecast=foresight["actual"]).drop(columns="actual")
    means = means_of(foresight, returns, dates)
    assert means["residual"].abs().max() < 1e-15 and (means["mu"] - means["window_mean"]).abs().max() > 0.01
    share = decisions.momentum_share(means).iloc[0]
    assert share["forecast_correlation"] == pytest.approx(1) and abs(share["window_mean_correlation"]) < 0.6
    assert share["relative_difference"] > 1 and share["same_favorite"] < 1


def test_momentum_share_by_hand():
    means = pd.DataFrame({
        "rebalance_date": [0, 0, 1, 1], "model": "lstm", "asset": ["A", "B", "A", "B"],
        "forecast": [1.0, 2.0, 3.0, 4.0], "mu": [1.0, 2.0, 4.0, 3.0], "window_mean": [1.0, -2.0, 3.0, -2.0]})
    share = decisions.momentum_share(means).iloc[0]
    assert share["relative_difference"] == pytest.approx((0 + 4 + 1 + 5) / (1 + 2 + 3 + 2))
    assert share["forecast_correlation"] == pytest.approx(0.8) and share["same_favorite"] == 0.5
    assert share["window_mean_correlation"] == pytest.approx(np.corrcoef(means["mu"], means["window_mean"])[0, 1])


# ------------------------------------------------------------------------------------------- suspended
@pytest.fixture(scope="module")
def suspended(returns, dates):
    """Returns and days of trade where KO is suspended from three days before the second decision to the day after the third."""
    first, last = returns.index.get_indexer(dates[[1, 2]]) + [-2, 1]
    halted = returns.index[first:last + 1]
    moves, traded = returns.copy(), returns.notna()
    moves.loc[halted, "KO"], traded.loc[halted, "KO"] = 0.0, False
    moves.loc[returns.index[last + 1], "KO"] = -0.3  # what was feared
    return moves, traded


ALL = list(FRAMEWORKS)


def test_what_is_held_of_a_suspended_asset_is_neither_bought_nor_sold_until_it_trades_again(suspended, forecasts, dates):
    moves, traded = suspended
    weights, log = decide(moves, forecasts, dates, traded, frameworks=ALL, max_gross=2.0)
    drifted = backtest(weights, moves, cost_rate=0.0).drifted_weights
    decided, before = (frame.pivot(index="rebalance_date", columns=["strategy", "asset"], values="weight").xs("KO", axis=1, level=1)
                       for frame in (weights, drifted))
    np.testing.assert_allclose(decided.loc[dates[1:3]], before.loc[dates[1:3]], atol=1e-12)
    assert (decided.loc[dates[1:3], "equal_weight"] > 0.15).all() and decided.loc[dates[3], "equal_weight"] == 0.2
    np.testing.assert_allclose(weights.groupby(["rebalance_date", "strategy"])["weight"].sum(), 1)
    noted = log[log["strategy"] == "equal_weight"].set_index("date")["note"]
    assert noted.str.contains("of wealth stays in KO, which cannot be sold").tolist() == [False, True, True, *[False] * (len(dates) - 3)]


def test_equal_weight_bears_the_fall_after_a_suspension(suspended, forecasts, dates):
    moves, traded = suspended
    weights, _ = decide(moves, forecasts, dates, traded, frameworks=["rpp"])
    net = backtest(weights, moves, cost_rate=0.0).net_returns["equal_weight"]
    day = moves.index[moves["KO"] == -0.3][0]
    kept = held(weights, "equal_weight", dates[2])["KO"]
    assert kept > 0.15 and net[day] < 0.8 * kept * -0.3


def test_the_assets_that_trade_share_what_is_not_frozen_as_if_it_were_all(suspended, returns, forecasts, dates):
    moves, traded = suspended
    weights, _ = decide(moves, forecasts, dates[:2], traded, frameworks=ALL, max_gross=2.0)
    others, _ = decide(moves.drop(columns="KO"), forecasts[forecasts["asset"] != "KO"], dates[1:2], frameworks=ALL, max_gross=2.0)
    for strategy in others["strategy"].unique():
        ours = held(weights, strategy, dates[1])
        np.testing.assert_allclose(ours.drop("KO") / (1 - ours["KO"]), held(others, strategy, dates[1]), atol=1e-12)


def test_a_limit_on_turnover_holds_for_all_wealth_beside_a_suspended_asset(suspended, forecasts, dates):
    moves, traded = suspended
    weights, log = decide(moves, forecasts, dates, traded, limits=Limits(max_turnover=0.05), frameworks=["mvf", "rpp", "mdp"])
    trades = realized(weights, moves)
    assert not log["note"].str.contains("the smallest possible").any()
    for strategy in weights["strategy"].unique():
        if strategy != "equal_weight":
            assert trades[(dates[1], strategy)] <= 0.05 + 1e-6 and trades[(dates[2], strategy)] <= 0.05 + 1e-6
    assert max(trades[(dates[1], strategy)] for strategy in weights["strategy"].unique()) > 0.049


def test_nothing_is_traded_where_all_that_is_held_is_suspended(returns, forecasts, dates):
    traded = returns.notna()
    traded.loc[dates[1], returns.columns.drop("XOM")] = False
    lost = forecasts[(forecasts["model"] != "lstm") | (forecasts["asset"] != "XOM")]  # so lstm does not buy XOM
    weights, log = decide(returns, lost, dates[:2], traded, frameworks=["rpp"])
    assert held(weights, "lstm+rpp", dates[1])["XOM"] == 0
    drifted = backtest(weights, returns, cost_rate=0.0).drifted_weights
    pd.testing.assert_series_equal(held(weights, "lstm+rpp", dates[1]), held(drifted, "lstm+rpp", dates[1]))
    note = log[(log["strategy"] == "lstm+rpp") & (log["date"] == dates[1])]["note"].item()
    assert "100.0 % of wealth stays in AAPL, JNJ, KO, RRC, which cannot be sold, so nothing is traded" in note


def test_risk_parity_of_the_window_is_compared_with_what_is_not_frozen(suspended, forecasts, dates):
    moves, traded = suspended
    history, _ = decide(moves, forecasts, dates, traded, frameworks=["rpp"], scenarios="history")
    distance = decisions.rpp_distance(moves, history, terms=TERMS, traded=traded)
    assert distance["largest_distance"].max() < 1e-9
    assert decisions.rpp_distance(moves, history, terms=TERMS)["largest_distance"].max() > 0.01


def test_the_holdings_of_windows_are_frozen_too(suspended, dates):
    moves, traded = suspended
    means = pd.DataFrame(np.random.default_rng(2).normal(0.001, 0.001, (len(dates), 5)), dates.rename("decision_date"), moves.columns)
    long = means.rename_axis(columns="asset").stack().rename("forecast").reset_index().assign(model="lstm", seed=0, window=30)
    weights = decisions.weights_by_window(long, moves, traded, terms=replace(TERMS, max_gross=2.0))
    drifted = backtest(weights, moves, cost_rate=0.0).drifted_weights
    strategy = "lstm+tangency, 30 days"
    for date in dates[1:3]:
        assert held(weights, strategy, date)["KO"] == pytest.approx(held(drifted, strategy, date)["KO"], abs=1e-12)
        assert abs(held(weights, strategy, date)["KO"]) > 0.01


def test_stocks_that_are_shut_at_the_end_of_the_month_leave_equal_weight_in_all_of_them(forecasts):
    """A coin and two stocks: once all wealth went into the coin for the month after a weekend at its end."""
    days = pd.date_range("2020-09-01", "2020-12-05", name="date")
    rng = np.random.default_rng(1)
    closes = pd.DataFrame(100 * np.exp(rng.normal(0, 0.02, (len(days), 3)).cumsum(axis=0)), days, ["COIN", "A", "B"])
    closes.loc[days.day_of_week > 4, ["A", "B"]] = np.nan
    study = Study(periods_per_year=365).model_copy(update={"train_end": days[9].date(), "validation_end": days[29].date(),
                                                           "fill_limit": 3})
    market = universe.choose(closes, study)
    moves = simple_returns(market.prices)
    dates = rebalance_dates(moves.index, validation_end=study.validation_end, traded=market.traded)
    assert dates.strftime("%Y-%m-%d").tolist() == ["2020-09-30", "2020-10-30", "2020-11-30"]
    none = pd.DataFrame(columns=forecasts.columns)
    weights, _ = decisions.decide(moves, none, market.traded, rebalance_dates=dates, frameworks=[], terms=TERMS)
    net = backtest(weights, moves, cost_rate=0.0).net_returns["equal_weight"]
    earned = (1 + net["2020-10-31":"2020-11-30"]).prod() - 1
    assert earned == pytest.approx((closes.loc["2020-11-30"] / closes.loc["2020-10-30"]).mean() - 1)
    assert abs(earned - (closes["COIN"]["2020-11-30"] / closes["COIN"]["2020-10-31"] - 1)) > 0.01
