"""Weights that a network learns: it earns what a backtest earns, keeps its best state, and sees no tomorrow."""

import functools

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts.layers import ops
from forefolio.performance.backtest import backtest, turnover
from forefolio.performance.metrics import sharpe
from forefolio.portfolios import end_to_end
from forefolio.portfolios.end_to_end import Learning

DAYS = pd.bdate_range("2018-01-01", periods=1800, name="date")
LEARNING = Learning(lookback=15, epochs=20, patience=5, learning_rate=0.003, cost_bps=10.0, risk_free_rate=0.01,
                    periods_per_year=252, train_end=DAYS[1199], validation_end=DAYS[1499], seed=3)
DECIDED = [f"{day:%Y-%m-%d}" for day in DAYS[1199:1779]]


def market() -> tuple[pd.DataFrame, pd.Series]:
    """Four assets, of which one at a time rises by 0.6 % a day, for 60 days; and which one it is."""
    rng = np.random.default_rng(4)
    leaders = np.repeat(rng.integers(0, 4, 30), 60)
    returns = rng.normal(0, 0.01, (1800, 4)) + 0.006 * (leaders[:, None] == np.arange(4))
    return pd.DataFrame(returns, DAYS, list("ABCD")), pd.Series(np.array(list("ABCD"))[leaders], DAYS)


RETURNS, LEADERS = market()


@functools.cache
def trained(**changed) -> dict[str, pd.DataFrame]:
    return end_to_end.trained_weights(RETURNS, DECIDED, Learning(**{**vars(LEARNING), **changed}))


def wide(weights: pd.DataFrame) -> pd.DataFrame:
    return weights.pivot(index="rebalance_date", columns="asset", values="weight")


def held(weights: pd.DataFrame, *, cost_bps: float = LEARNING.cost_bps):
    """The backtest of weights (n_dates, n_assets), and the days of it that lie within a month of the last decision."""
    long = weights.rename_axis("rebalance_date").rename_axis(columns="asset").stack().rename("weight").reset_index()
    last = RETURNS.index.get_loc(weights.index[-1]) + LEARNING.hold
    return backtest(long.assign(strategy="dls"), RETURNS.iloc[:last + 1], cost_rate=cost_bps / 10_000)


def earned(weights: pd.DataFrame, returns: pd.DataFrame = RETURNS, *, cost_rate: float = 0.0) -> np.ndarray:
    """What the network is told that it earned."""
    growth = end_to_end.growth(returns.to_numpy(), returns.index.get_indexer(weights.index), hold=LEARNING.hold)
    return ops.convert_to_numpy(end_to_end.net_returns(
        weights.to_numpy("float32"), growth.astype("float32"), cost_rate=cost_rate))


@pytest.fixture(scope="module")
def some_weights() -> pd.DataFrame:
    """Random weights, decided every month."""
    drawn = np.random.default_rng(1).dirichlet(np.ones(4), 5)
    return pd.DataFrame(drawn, DAYS[100:205:21], RETURNS.columns)


def test_what_the_network_is_told_that_it_earned_is_what_a_backtest_earns(some_weights):
    """With drift, the first purchase, and costs."""
    expected = held(some_weights, cost_bps=50.0).net_returns["dls"]
    np.testing.assert_allclose(earned(some_weights, cost_rate=0.005), expected, atol=1e-6)


def test_a_sale_costs_as_much_as_a_purchase():
    """All from A to B, nothing moves: 1 % of the first purchase and 1 % of each side of the switch; never a gain."""
    weights = pd.DataFrame([[1.0, 0.0, 0, 0], [0.0, 1.0, 0, 0]], DAYS[[100, 121]], RETURNS.columns)
    paid = earned(weights, 0 * RETURNS, cost_rate=0.01)
    assert paid[0] == pytest.approx(-0.01, abs=1e-7) and paid[21] == pytest.approx(-0.02, abs=1e-7)
    assert not paid[1:21].any() and not paid[22:].any()


def test_weights_that_only_drift_cost_nothing():
    start = pd.Series([0.4, 0.3, 0.2, 0.1], RETURNS.columns)
    later = start * (1 + RETURNS.iloc[101:122]).prod()
    weights = pd.DataFrame([start, later / later.sum()], DAYS[[100, 121]])
    np.testing.assert_allclose(earned(weights, cost_rate=0.01)[1:], earned(weights)[1:], atol=2e-7)


def test_no_position_is_scaled_with_a_volatility_that_knows_the_day_s_own_return(some_weights):
    """Three times the move of a day is three times the return of that day, up or down, and no other day's changes."""
    day = 21  # the last day of the first month, on which no trade is paid
    moved = RETURNS.copy()
    moved.iloc[100 + day] *= 3
    before, after = earned(some_weights), earned(some_weights, moved)
    assert after[day - 1] == pytest.approx(3 * before[day - 1], abs=1e-6)
    np.testing.assert_allclose(np.delete(after, day - 1), np.delete(before, day - 1), atol=1e-7)


def test_the_ratio_that_counts_is_that_of_simple_returns_after_costs():
    """The weights that came back, held for real on each path of validation, have the ratio that the history names."""
    history, weights = trained()["history"], wide(trained()["weights"])
    starts = end_to_end.paths(1199, 1499, hold=LEARNING.hold)
    assert len(starts) == 21
    of_paths = [sharpe(held(weights.loc[DAYS[path]]).net_returns, periods_per_year=252, risk_free_rate=0.01)["dls"]
                for path in starts]
    assert np.mean(of_paths) == pytest.approx(history.loc[history["kept"], "validation_sharpe"].item(), abs=1e-3)


def test_the_best_epoch_is_kept_and_not_the_last():
    history = trained()["history"]
    best = history["validation_sharpe"].idxmax()
    assert history["kept"].tolist() == [epoch == best for epoch in history.index]
    assert len(history) == best + 1 + LEARNING.patience < LEARNING.epochs
    assert history["validation_sharpe"].iloc[-1] < history["validation_sharpe"].max() - 0.1


def test_without_patience_the_last_epoch_is_kept():
    history = end_to_end.trained_weights(RETURNS, DECIDED[:2], Learning(**{**vars(LEARNING), "epochs": 3, "patience": 0}))["history"]
    assert history["kept"].tolist() == [False, False, True]


def test_momentum_is_found_where_it_was_planted():
    """In the test period: more than a quarter of the money on the asset that leads, and a better ratio for it."""
    decided = wide(trained()["weights"]).loc[DAYS[1500]:]
    assert np.mean([decided.loc[day, LEADERS[day]] for day in decided.index]) > 0.4
    for first in (0, 7, 14):
        learned = decided.iloc[first::21]
        ours, theirs = (held(weights).net_returns["dls"] for weights in (learned, learned * 0 + 0.25))
        assert (1 + ours).prod() > 1.1 * (1 + theirs).prod()
        assert ours.mean() / ours.std() > 1.05 * theirs.mean() / theirs.std()


def test_where_trades_cost_much_it_learns_to_trade_less():
    cheap, dear = (turnover(held(wide(trained(cost_bps=bps)["weights"]).iloc[::21]).trades).item()
                   for bps in (10.0, 300.0))
    assert dear < 0.5 * cheap


def test_noise_a_jump_and_a_delisting_after_a_decision_change_no_weight_decided_up_to_it():
    last = DAYS[1600]
    changed, after = RETURNS.copy(), RETURNS.index > last
    changed.loc[after, ["A", "B"]] = np.random.default_rng(8).normal(0, 0.05, (after.sum(), 2))
    changed.loc[DAYS[1601], "C"] = 9.0
    changed.loc[DAYS[1601], "D"], changed.loc[DAYS[1602]:, "D"] = -0.9, 0.0
    ours, theirs = trained(epochs=1), end_to_end.trained_weights(
        changed, DECIDED, Learning(**{**vars(LEARNING), "epochs": 1}))
    pd.testing.assert_frame_equal(ours["history"], theirs["history"], check_exact=True)
    ours, theirs = wide(ours["weights"]), wide(theirs["weights"])
    pd.testing.assert_frame_equal(ours.loc[:last], theirs.loc[:last], check_exact=True)
    assert (ours - theirs).loc[DAYS[1601]].abs().max() > 1e-4


def test_weights_are_those_of_a_long_only_portfolio():
    weights = wide(trained()["weights"])
    assert (weights.to_numpy() >= 0).all() and weights.index.tolist() == pd.DatetimeIndex(DECIDED).tolist()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)


def test_untrained_it_holds_equal_weight():
    model = end_to_end.build(lookback=5, n_assets=3, seed=1)
    windows = np.random.default_rng(1).normal(size=(2, 4, 5, 3)).astype("float32")
    np.testing.assert_allclose(end_to_end.decided(model, windows), np.full((2, 4, 3), 1 / 3), atol=1e-7)


def test_seeds_are_trained_apart_and_again_give_the_same():
    both, second = trained(epochs=1, seeds=2), trained(epochs=1, seed=4)
    assert both["history"]["seed"].tolist() == [3, 4]
    of_seeds = [wide(of_seed) for _, of_seed in both["weights"].groupby("seed")]
    pd.testing.assert_frame_equal(of_seeds[1], wide(second["weights"]), check_exact=True)
    assert not np.allclose(*of_seeds, atol=1e-4)


def test_an_asset_that_never_moved_in_training_spoils_nothing():
    still = RETURNS.assign(A=0.0)
    made = end_to_end.trained_weights(still, DECIDED[:2], Learning(**{**vars(LEARNING), "epochs": 1}))
    assert np.isfinite(wide(made["weights"])).all(axis=None) and made["history"]["kept"].all()


def test_a_training_that_diverges_decides_nothing_and_says_so():
    with pytest.warns(UserWarning, match="^The dls network diverged, so it decides nothing; lower learning_rate$"):
        made = trained(learning_rate=1e38)
    assert made["weights"].empty and len(made["history"]) == 1 and not made["history"]["kept"].any()


def test_days_that_cannot_be_used_are_refused():
    dates = {"train_end": DAYS[34], "validation_end": DAYS[55]}  # 15 days of lookback, and 20 of the 21 of a path
    with pytest.raises(ValueError, match="^A path needs 21 days after its first decision, and there are 20; "):
        end_to_end.trained_weights(RETURNS, DECIDED[:1], Learning(**{**vars(LEARNING), **dates}))
    with pytest.raises(ValueError, match="^The decision of 2018-01-08 has no 15 returns up to it; lower lookback"):
        end_to_end.trained_weights(RETURNS, ["2018-02-08", "2018-01-08"], LEARNING)


@pytest.mark.parametrize("n_days, hold", [(21, 21), (41, 21), (42, 21), (60, 21), (62, 21), (500, 21), (7, 1)])
def test_paths_begin_on_every_day_of_a_month_and_end_in_time(n_days, hold):
    made = end_to_end.paths(9, 9 + n_days, hold=hold)
    assert made[0, 0] == 9 and (np.diff(made[:, 0]) == 1).all() and (np.diff(made) == hold).all()
    assert made.max() + hold <= 9 + n_days
    assert len(made) == (hold if n_days >= 2 * hold - 1 else n_days - hold + 1)
