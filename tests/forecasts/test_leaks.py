"""From prices to weights, refitted on the way: what happens after a day changes nothing that was decided up to it.

Every model and every framework of the vocabulary takes part, so that a new one does, too. What happens is noise, a jump, a
delisting and a suspension, and for what takes no training each of them alone.

Mistakes on purpose (`leak`) come last: each leaks what it says, and nothing else.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import registry
from forefolio.forecasts.schedule import Fit, forecast_schedule
from forefolio.market import leaks, simulated, sources, universe
from forefolio.market.returns import open_days, rebalance_dates, simple_returns
from forefolio.portfolios import decisions
from forefolio.portfolios.problems import Limits
from forefolio.portfolios.registry import Terms
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import FRAMEWORKS, LEAKS, MODELS, baselines

SPLIT = {"train_end": "2023-11-30", "validation_end": "2024-01-31"}
STUDY = Study(start="2023-03-01", end="2024-05-10", refit="quarterly", lookback=3, epochs=1, patience=1, seed=3, ar_lags=2,
              lstm_layers=1, lstm_units=3, lstm_dropout=0.1, lstm_recurrent_dropout=0.1, cnn1d_layers=1, cnn1d_filters=3,
              cnn1d_kernel_size=2, cnn1d_dense_units=4, cnn1d_dropout=0.1, delisting_return=-0.5, **SPLIT)
OPTIONS = {"estimation_window": 40, "stale_days": 10, "residual_window": 20, "use_residual": True, "mu_horizon": "month",
           "risk_aversion": 20.0, "cdar_alpha": 0.9, "cost_aware": True, "cost_bps": 10.0,
           "limits": Limits(max_weight=0.6, max_turnover=0.3), "risk_free": 0.0, "max_gross": 2.0,
           "covariance_estimator": "sample", "ridge": 0.0}
SCENARIOS = {  # each with another path of the drawdown
    "append": {"drawdown_path": "constant_weights", "drawdown_alpha": 1.0},
    "recenter": {"drawdown_path": "buy_and_hold", "drawdown_alpha": 1.0},
    "forecast_only": {"drawdown_path": "uncompounded", "drawdown_alpha": 0.8},
}
LAST = pd.Timestamp("2024-03-29")  # a rebalance date in the middle, on which all models are refitted
CHANGES = (("noise",), ("jump",), ("delisting",), ("suspension",), ("noise", "jump", "delisting", "suspension"))
DEAF = {"zero", "mean_frozen"}  # after LAST they learn nothing more
ASSET, JOINT = ([name for name, model in MODELS.items() if scope in model.scopes] for scope in ("asset", "joint"))


def changed(prices: pd.DataFrame, *changes: str) -> pd.DataFrame:
    """The same prices up to LAST; after it, what nobody could know."""
    later, made = prices.index > LAST, prices.copy()
    if "noise" in changes:
        shocks = np.random.default_rng(8).normal(0, 0.05, (later.sum(), prices.shape[1]))
        made.loc[later] = prices.loc[LAST].to_numpy() * np.exp(shocks)
    if "jump" in changes:
        made.loc[later, "S02"] *= 1.4
    if "delisting" in changes:
        made.loc[later, "S03"] = np.nan
    if "suspension" in changes:
        made.loc["2024-04-22":"2024-05-03", "S04"] = np.nan  # over the next rebalance date
    return made


class Studied:
    """Everything from the prices to the weights of the whole test period."""

    def __init__(self, prices, models, scenarios=("append",), **settings):
        study = STUDY.model_copy(update={"models": models, **settings})
        self.universe = universe.choose(prices, study)
        self.returns, traded = simple_returns(self.universe.prices), self.universe.traded
        self.plan = registry.plan(self.returns.index, study, traded=traded)
        self.made = registry.forecasts(self.returns, study=study, traded=traded)
        self.forecasts = self.made.forecasts
        self.dates = rebalance_dates(self.returns.index, validation_end=SPLIT["validation_end"], traded=traded)
        assert LAST in self.dates[1:-1]
        self.reasons = universe.kept_out(self.returns, traded, dates=self.dates, stale_days=OPTIONS["stale_days"])
        learns = {"frameworks": ["dls"] if set(ASSET) <= set(models) else ["mvf"]}  # once is enough
        learned = decisions.learned_weights(self.returns, study.model_copy(update=learns), traded=traded,
                                  rebalance_dates=self.dates)["weights"]
        decided = []
        for place, name in enumerate(scenarios):  # each model meets one of several, each framework all
            terms = Terms(scenarios=name, **SCENARIOS[name], **OPTIONS)
            forecasts = self.forecasts[self.forecasts["model"].isin(models[place::len(scenarios)])]
            weights, _ = decisions.decide(self.returns, forecasts, traded, rebalance_dates=self.dates,
                                          frameworks=tuple(FRAMEWORKS), terms=terms, learned=learned)
            decided.append(weights.assign(scenarios=name))
        self.weights = pd.concat(decided, ignore_index=True)
        self.by_window = decisions.weights_by_window(self.made.window_means, self.returns, traded, terms=terms)


def assert_same(ours, theirs, date: str) -> None:
    """The rows up to LAST are the same, to the last digit, and there are some on that day."""
    known = ours[date] <= LAST
    assert (ours.loc[known, date] == LAST).any()
    pd.testing.assert_frame_equal(ours[known], theirs[theirs[date] <= LAST], check_exact=True)


def assert_heard(ours, theirs, value: str, date: str, name: str) -> None:
    """After LAST each model or strategy moves."""
    keys = [key for key in ("target_date", "horizon", "scenarios", "window", "seed") if key in ours]
    both = ours.merge(theirs, on=[date, name, "asset", *keys], suffixes=("", "_theirs"))
    moved = (both[value] - both[f"{value}_theirs"]).abs()[both[date] > LAST].groupby(both[name]).max()
    deaf = [of for of in moved.index if of.split("+")[0] in {*DEAF, "equal_weight"}]
    assert len(moved) > len(deaf) and (moved.drop(deaf) > 1e-4).all(), moved


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """To compile a network takes longer than to train it for an epoch."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def prices():
    days = simulated.trading_days("2023-03-01", "2024-05-10", periods_per_year=252)
    return simulated.factor_market(days, Study(simulated_assets=4, simulated_mean=0.05, simulated_groups=2,
                                               predictability=[0.02], seed=2))[0]


@pytest.fixture(scope="module")
def by_asset(prices):
    """Studies of each model that is a network per asset or none, with these prices and with all changes to them."""
    models = [*baselines(), *ASSET]
    return Studied(prices, models), Studied(changed(prices, *CHANGES[-1]), models)


@pytest.fixture(scope="module")
def jointly(prices):
    """The same of all joint networks, which are never refitted."""
    settings = {"models": JOINT, "network_scope": "joint", "windows": [3], "refit": "never", "network_target": "next_day"}
    return Studied(prices, **settings), Studied(changed(prices, *CHANGES[-1]), **settings)


@pytest.fixture(scope="module")
def baseline(prices):
    return Studied(prices, baselines(), scenarios=tuple(SCENARIOS))


@pytest.mark.parametrize("scope", ["by_asset", "jointly"])
def test_what_happens_after_a_rebalance_date_changes_no_forecast_decided_up_to_it(scope, request):
    ours, theirs = request.getfixturevalue(scope)
    assert set(ours.forecasts["model"]) == {"by_asset": {*baselines(), *ASSET}, "jointly": set(JOINT)}[scope]
    assert_same(ours.forecasts, theirs.forecasts, "decision_date")
    assert (ours.forecasts.loc[ours.forecasts["decision_date"] == LAST, "horizon"] > 1).any()
    if scope == "jointly":
        assert_same(ours.made.window_means, theirs.made.window_means, "decision_date")


@pytest.mark.parametrize("scope", ["by_asset", "jointly"])
def test_what_happens_after_a_rebalance_date_changes_no_weight_decided_up_to_it(scope, request):
    ours, theirs = request.getfixturevalue(scope)
    assert_same(ours.weights, theirs.weights, "rebalance_date")
    assert ours.weights.loc[ours.weights["rebalance_date"] <= LAST, "rebalance_date"].nunique() == 3
    if scope == "jointly":
        assert_same(ours.by_window, theirs.by_window, "rebalance_date")


@pytest.mark.parametrize("scope", ["by_asset", "jointly"])
def test_it_is_heard_by_every_model_and_every_strategy_after_it(scope, request):
    ours, theirs = request.getfixturevalue(scope)
    assert_heard(ours.forecasts, theirs.forecasts, "forecast", "decision_date", "model")
    assert_heard(ours.weights, theirs.weights, "weight", "rebalance_date", "strategy")


def test_models_are_refitted_at_the_rebalance_date_in_the_middle(by_asset):
    for studied in by_asset:
        assert [fit.validation_end for fit in studied.plan] == [SPLIT["validation_end"], f"{LAST:%Y-%m-%d}"]


@pytest.mark.parametrize("changes", CHANGES[:4])
def test_noise_a_jump_a_delisting_or_a_suspension_alone_changes_nothing_decided_up_to_it(baseline, prices, changes):
    theirs = Studied(changed(prices, *changes), baselines(), scenarios=tuple(SCENARIOS))
    assert_same(baseline.forecasts, theirs.forecasts, "decision_date")
    assert_same(baseline.weights, theirs.weights, "rebalance_date")
    assert not baseline.weights.equals(theirs.weights)


@pytest.mark.parametrize("changes", CHANGES)
def test_nothing_after_a_day_decides_what_may_be_held_and_when(baseline, prices, changes):
    theirs = Studied.__new__(Studied)
    theirs.universe = universe.choose(changed(prices, *changes), STUDY)
    columns = ["ticker", "first", "missing", "kept"]
    pd.testing.assert_frame_equal(baseline.universe.assets[columns], theirs.universe.assets[columns])
    for ours, other in zip(baseline.universe, theirs.universe, strict=True):
        if isinstance(ours.index, pd.DatetimeIndex):
            pd.testing.assert_frame_equal(ours[:LAST], other[:LAST], check_exact=True)
    pd.testing.assert_series_equal(open_days(baseline.universe.traded)[:LAST], open_days(theirs.universe.traded)[:LAST])
    reasons = universe.kept_out(simple_returns(theirs.universe.prices), theirs.universe.traded, dates=baseline.dates,
                                stale_days=OPTIONS["stale_days"])
    pd.testing.assert_frame_equal(reasons[:LAST], baseline.reasons[:LAST])
    assert (reasons.loc[LAST + pd.Timedelta(days=1):, "S03"] != "").all() == ("delisting" in changes)


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("kind", ["made", "of the source"])
def test_a_benchmark_of_tickers_is_the_same_up_to_a_day_whatever_comes_after(prices, tmp_path, changes, kind):
    def benchmark(of: pd.DataFrame) -> pd.Series:
        if kind == "of the source":  # as of a simulated market, which leaves out what has ended
            return sources._equal_weight_index(of)
        path = tmp_path / "prices.csv"
        of.to_csv(path)
        study = STUDY.model_copy(update=dict(source="csv", prices_path=str(path), benchmark="MADE", tickers=["S03", "S04"],
                                             benchmark_tickers=["S01", "S02"], allow_missing_tickers=True))
        return sources.load(study).benchmark["MADE"]

    ours, theirs = benchmark(prices), benchmark(changed(prices, *changes))
    pd.testing.assert_series_equal(ours[:LAST], theirs[:LAST], check_exact=True)
    if {"noise", "jump"} & {*changes} or kind == "of the source":  # no member of the made one is delisted or suspended
        assert (ours[-1:] - theirs[-1:]).abs().item() > 0.01


def test_a_fit_that_looks_ahead_by_a_week_would_be_noticed(prices):
    """Fitted up to 2024-04-04, with forecasts decided on LAST: the comparison above must tell."""
    made = []
    for returns in (simple_returns(prices), simple_returns(changed(prices, "noise"))):
        schedule = forecast_schedule(returns.index, **SPLIT)
        decided = schedule[schedule["decision_date"] == LAST].reset_index(drop=True)
        made.append(registry.BASELINES["ar"](returns, Fit(decided, "2024-04-04", "2024-04-05"), STUDY))
    assert not made[0].equals(made[1])


# ---- mistakes on purpose: each leaks what it says and nothing else

TRAINED = ["zero", "mean", "mean_frozen", "ar", "lstm"]
NEXT = pd.Timestamp("2024-04-01")  # the trading day after LAST
PRINTED = pd.Timestamp("2024-04-16")  # the last day that printed_split trains on


def noisy(returns: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Returns with other values from a first to a last day."""
    days = returns.loc[first:last].index
    assert len(days)
    made = returns.copy()
    made.loc[days] += np.random.default_rng(4).normal(0, 0.02, (len(days), returns.shape[1]))
    return made


@pytest.fixture(scope="module")
def market(prices):
    """Returns and trading of a market in which S03 is delisted and S04 is suspended during the test period."""
    chosen = universe.choose(changed(prices, "delisting", "suspension"), STUDY)
    return simple_returns(chosen.prices), chosen.traded


@pytest.fixture(scope="module")
def leaked(market):
    """The forecasts under a leak, of these returns or of others; what is trained is trained once."""
    trained = {}

    def remember(function, returns, schedule, *settings):
        key = repr((function.__module__, pd.util.hash_pandas_object(returns).sum(), pd.util.hash_pandas_object(schedule).sum(),
                    settings))
        if key not in trained:
            trained[key] = function(returns, schedule, *settings)
        return trained[key]

    def made(leak, returns=None, **settings):
        study = STUDY.model_copy(update={"models": TRAINED, "refit": "never", "leak": leak, **settings})
        return registry.forecasts(market[0] if returns is None else returns, study=study, traded=market[1], remember=remember)

    return made


def decided(made: registry.Forecasts, *models: str) -> pd.DataFrame:
    """The forecasts decided up to LAST, of some models or of all."""
    rows = made.forecasts[made.forecasts["decision_date"] <= LAST]
    return (rows[rows["model"].isin(models)] if models else rows).reset_index(drop=True)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_set_beside_the_forecasts_of_the_study_without_it(leaked, leak):
    made, honest = leaked(leak), leaked("none").forecasts
    if leak == "none":
        assert made.honest.empty and list(made.honest) == list(honest)
    else:
        pd.testing.assert_frame_equal(made.honest, honest, check_exact=True)


@pytest.mark.parametrize("leak, reached", [
    ("none", []), ("survivors_only", []), ("winners_universe", []), ("printed_split", ["lstm"]), ("scaler_sees_test", ["lstm"]),
    ("peek_one_day", ["mean", "ar", "lstm"]), ("full_sample_mean", ["mean", "mean_frozen"])])
def test_later_returns_reach_the_forecasts_that_a_leak_is_about_and_no_others(leaked, market, leak, reached):
    other = leaked(leak, noisy(market[0], NEXT, pd.Timestamp(STUDY.end)))
    both = decided(leaked(leak)).merge(decided(other), on=["decision_date", "horizon", "asset", "model"])
    apart = (both["forecast_x"] - both["forecast_y"]).abs().groupby(both["model"]).max()
    assert sorted(apart.index[apart > 0]) == sorted(reached)


def test_a_peek_sees_one_day_and_not_the_one_after(leaked, market):
    next_day, later = noisy(market[0], NEXT, NEXT), noisy(market[0], NEXT + pd.Timedelta(days=1), pd.Timestamp(STUDY.end))
    ours, unmoved, theirs = (decided(leaked("peek_one_day", returns, models=["zero", "mean", "ar"]))
                             for returns in (market[0], later, next_day))
    pd.testing.assert_frame_equal(ours, unmoved, check_exact=True)
    moved = ours.loc[(ours["forecast"] != theirs["forecast"]), "decision_date"]
    assert set(moved) == {LAST}


def test_a_peek_forecasts_what_an_honest_model_forecasts_a_day_later(leaked, market):
    days = market[0].index
    next_day = dict(zip(days[:-1], days[1:]))
    ahead, honest = (made.forecasts.query("horizon == 1") for made in (leaked("peek_one_day"), leaked("none")))
    both = ahead.assign(decision_date=ahead["decision_date"].map(next_day)).merge(
        honest, on=["decision_date", "asset", "model", "seed"])
    assert set(both["model"]) == {*TRAINED} and len(both) > 0.9 * len(honest)
    np.testing.assert_allclose(both["forecast_x"], both["forecast_y"], atol=1e-6)  # batches of another size round otherwise


def test_a_peek_reaches_weights_through_the_returns_that_a_decision_sees(leaked, market):
    weights = []
    for returns in (market[0], noisy(market[0], NEXT, NEXT), noisy(market[0], NEXT + pd.Timedelta(days=1), pd.Timestamp(STUDY.end))):
        forecasts = leaked("peek_one_day", returns, models=["zero", "mean"]).forecasts
        terms = Terms(scenarios="append", **SCENARIOS["append"], **OPTIONS)
        weights.append(decisions.decide(leaks.seen(returns, leak="peek_one_day"), forecasts[forecasts["model"] == "mean"],
                                        market[1], rebalance_dates=[LAST], frameworks=("mvf",), terms=terms)[0])
    assert not weights[0].equals(weights[1])
    pd.testing.assert_frame_equal(weights[0], weights[2], check_exact=True)


def test_the_mean_of_the_full_sample_is_that_of_all_returns_at_every_decision(leaked, market):
    made = leaked("full_sample_mean").forecasts
    means = made["asset"].map(market[0].mean())
    told = made["model"].isin(["mean", "mean_frozen"])
    assert told.any() and (made["forecast"] == means)[told].all()
    pd.testing.assert_frame_equal(made[~told], leaked("none").forecasts[~told], check_exact=True)


@pytest.mark.parametrize("leak, assets", [("survivors_only", ["S01", "S02"]), ("winners_universe", None)])
def test_a_leak_in_the_universe_leaves_assets_out_and_changes_no_forecast_of_the_others(leaked, market, leak, assets):
    kept = list(leaks.held(*market, leak=leak, validation_end=STUDY.validation_end)[0])
    assert len(kept) == 2 and (assets is None or kept == assets)
    made, honest = leaked(leak), leaked("none").forecasts
    pd.testing.assert_frame_equal(made.forecasts, honest[honest["asset"].isin(kept)].reset_index(drop=True), check_exact=True)
    assert set(made.history["asset"]) == set(kept)


def test_a_scaler_that_sees_the_test_trains_on_the_same_days(market):
    from forefolio.forecasts import asset_networks, training

    honest = training.Training(lookback=3, epochs=1, batch_size=16, learning_rate=0.01, patience=1, seed=3, **SPLIT)
    all_days = replace(honest, scaled_until="2024-05-10")
    scores, mean, deviation = asset_networks._scores(market[0], all_days)
    logs = np.log1p(market[0])
    np.testing.assert_allclose(mean, logs.mean())
    np.testing.assert_allclose(deviation, logs.std(ddof=0))
    ours, theirs = (asset_networks._samples(scores, market[0].index, of) for of in (all_days, honest))
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("scope", ["asset", "joint"])
def test_the_printed_split_trains_on_three_quarters_of_the_test_days_and_on_no_more(leaked, market, scope):
    settings = {"network_scope": scope, "models": ["zero", "lstm"], **(
        {"windows": [3], "network_target": "next_day"} if scope == "joint" else {})}
    ours = decided(leaked("printed_split", **settings), "lstm")
    after = leaked("printed_split", noisy(market[0], PRINTED + pd.Timedelta(days=1), pd.Timestamp(STUDY.end)), **settings)
    at_last = leaked("printed_split", noisy(market[0], PRINTED, PRINTED), **settings)
    pd.testing.assert_frame_equal(ours, decided(after, "lstm"), check_exact=True)
    assert not ours.equals(decided(at_last, "lstm"))


@pytest.mark.parametrize("scope", ["asset", "joint"])
def test_nothing_stops_the_printed_split_early_and_the_last_epoch_is_kept(leaked, scope):
    settings = {"network_scope": scope, "models": ["zero", "lstm"], "epochs": 3, "learning_rate": 0.5, **(
        {"windows": [3], "network_target": "next_day"} if scope == "joint" else {})}
    history = leaked("printed_split", **settings).history
    assert set(history["epoch"]) == {1, 2, 3}
    assert history.loc[history["kept"], "epoch"].eq(3).all() and history["kept"].any()
    stopped = leaked("none", **settings).history
    assert not stopped.loc[stopped["kept"], "epoch"].eq(3).all(), "else patience would not matter here"


def test_what_is_added_to_log_forecasts_is_of_the_days_that_they_are_scaled_by(leaked, market):
    for leak, until in (("none", SPLIT["train_end"]), ("printed_split", PRINTED), ("scaler_sees_test", "2024-05-10")):
        study = STUDY.model_copy(update={"models": TRAINED, "refit": "never", "leak": leak})
        forecasts = leaked(leak).forecasts
        added = registry.added_in_logs(forecasts, market[0], study=study, traded=market[1])
        half = np.log1p(market[0].loc[:until]).var(ddof=0) / 2
        of = forecasts["model"] == "lstm"
        np.testing.assert_allclose(added[of], forecasts.loc[of, "asset"].map(half))
