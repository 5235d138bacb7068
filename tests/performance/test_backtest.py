import numpy as np
import pandas as pd
import pytest

from forefolio.performance.backtest import backtest, break_even, cost_sensitivity, turnover
from forefolio.performance.metrics import OF_BANKRUPT, performance_table

DAYS = pd.bdate_range("2024-01-25", "2024-04-10", name="date")
REBALANCES = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-29"])
ASSETS = ["A", "B", "C"]


@pytest.fixture
def returns():
    rng = np.random.default_rng(11)
    return pd.DataFrame(rng.normal(0.001, 0.02, size=(len(DAYS), 3)), index=DAYS, columns=ASSETS)


def weights_of(strategy, rows, *, dates=REBALANCES, assets=ASSETS):
    """Long weights from one row a rebalance."""
    wide = pd.DataFrame(rows, index=dates[:len(rows)], columns=assets)
    long = wide.rename_axis(index="rebalance_date", columns="asset").stack().rename("weight").reset_index()
    return long.assign(strategy=strategy)[["rebalance_date", "strategy", "asset", "weight"]]


@pytest.fixture
def weights():
    rng = np.random.default_rng(12)
    return pd.concat([weights_of(name, rng.dirichlet(np.ones(3), size=3)) for name in ("lstm+mvf", "mean+rpp")])


def test_two_assets_by_hand():
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05"], name="date")
    returns = pd.DataFrame({"A": [9.0, 0.10, 0.00, 0.05], "B": [9.0, -0.10, 0.50, 0.00]}, index=days)
    weights = weights_of("s", [[0.5, 0.5], [0.2, 0.8]], dates=days[[0, 2]], assets=["A", "B"])
    result = backtest(weights, returns, cost_rate=0.01)
    # growth: day one 0.55 + 0.45 = 1.00; day two 0.55 + 0.675 = 1.225; then 0.2 * 1.05 + 0.8 = 1.01
    drifted_a = 0.55 / 1.225
    traded = 2 * (drifted_a - 0.2)
    assert result.net_returns["s"].tolist() == pytest.approx([1.00 * 0.99 - 1, 0.225, 1.01 * (1 - 0.01 * traded) - 1])
    assert result.net_returns.index.equals(days[1:])
    assert result.drifted_weights["weight"].tolist() == pytest.approx([0, 0, drifted_a, 1 - drifted_a])
    assert result.trades["turnover"].tolist() == pytest.approx([0.5, traded / 2])
    assert result.trades["cost"].tolist() == pytest.approx([0.01, 0.01 * traded])
    assert turnover(result.trades)["s"] == pytest.approx(traded / 2)


def test_frames_have_the_agreed_columns(weights, returns):
    result = backtest(weights, returns, cost_rate=0.0)
    assert list(result.net_returns) == ["lstm+mvf", "mean+rpp"]
    assert result.net_returns.index.name == "date"
    assert result.net_returns.index.equals(DAYS[DAYS > REBALANCES[0]])
    assert list(result.drifted_weights) == ["rebalance_date", "strategy", "asset", "weight"]
    assert list(result.trades) == ["rebalance_date", "strategy", "turnover", "cost"]
    assert turnover(result.trades).index.tolist() == ["lstm+mvf", "mean+rpp"]


def test_drifted_weights_sum_to_one_after_the_purchase_from_cash(weights, returns):
    drifted = backtest(weights, returns, cost_rate=0.0).drifted_weights
    sums = drifted.groupby(["strategy", "rebalance_date"])["weight"].sum().unstack()
    assert sums[REBALANCES[0]].eq(0).all()
    np.testing.assert_allclose(sums[REBALANCES[1:]], 1)


def test_buy_and_hold_is_the_ratio_of_prices(returns):
    prices = (1 + returns).cumprod()
    bought = np.array([0.2, 0.3, 0.5])
    result = backtest(weights_of("hold", [bought]), returns, cost_rate=0.0)
    wealth = (prices / prices.loc[REBALANCES[0]]).loc[DAYS > REBALANCES[0]] @ bought
    np.testing.assert_allclose((1 + result.net_returns["hold"]).cumprod(), wealth, rtol=1e-12)
    assert turnover(result.trades).isna().all()


def test_turnover_is_zero_when_weights_only_drift(returns):
    growth = (1 + returns).cumprod().loc[REBALANCES] / (1 + returns).cumprod().loc[REBALANCES[0]]
    held = growth * [0.2, 0.3, 0.5]
    result = backtest(weights_of("drift", held.div(held.sum(axis=1), axis=0).to_numpy()), returns, cost_rate=0.01)
    assert turnover(result.trades)["drift"] == pytest.approx(0, abs=1e-15)
    assert result.trades["cost"].iloc[1:].max() == pytest.approx(0, abs=1e-15)


def test_one_asset_earns_its_own_returns_however_often_rebalanced(returns):
    result = backtest(weights_of("only", [[0, 1, 0]] * 3), returns, cost_rate=0.0)
    np.testing.assert_allclose(result.net_returns["only"], returns["B"].loc[DAYS > REBALANCES[0]], atol=1e-15)
    assert turnover(result.trades)["only"] == pytest.approx(0, abs=1e-15)


def test_switching_everything_turns_over_once(returns):
    result = backtest(weights_of("switch", [[1, 0, 0], [0, 1, 0], [1, 0, 0]]), returns, cost_rate=0.001)
    assert turnover(result.trades)["switch"] == pytest.approx(1)
    assert result.trades["cost"].tolist() == pytest.approx([0.001, 0.002, 0.002])


def test_daily_rebalancing_earns_the_constant_weights_returns(returns):
    chosen = np.array([0.1, 0.6, 0.3])
    daily = weights_of("constant", [chosen] * (len(DAYS) - 1), dates=DAYS)
    result = backtest(daily, returns, cost_rate=0.0)
    np.testing.assert_allclose(result.net_returns["constant"], returns.iloc[1:] @ chosen, atol=1e-14)


def test_zero_cost_is_gross_and_costs_multiply(weights, returns):
    gross = backtest(weights, returns, cost_rate=0.0)
    net = backtest(weights, returns, cost_rate=0.002)
    assert gross.trades["cost"].eq(0).all()
    costs = net.trades.pivot(index="rebalance_date", columns="strategy", values="cost")
    first_days = [DAYS[DAYS > date][0] for date in REBALANCES]
    kept = pd.DataFrame(1.0, index=gross.net_returns.index, columns=gross.net_returns.columns)
    kept.loc[first_days] = 1 - costs.to_numpy()
    np.testing.assert_allclose(1 + net.net_returns, (1 + gross.net_returns) * kept, rtol=1e-14)


def test_ten_times_the_cost_lowers_the_net_return(weights, returns):
    total = {rate: (1 + backtest(weights, returns, cost_rate=rate).net_returns).prod() for rate in (0.0, 0.001, 0.01)}
    assert (total[0.01] < total[0.001]).all() and (total[0.001] < total[0.0]).all()


def test_a_sale_costs_as_much_as_a_purchase(returns):
    bought = backtest(weights_of("s", [[1, 0, 0], [0.5, 0.5, 0]]), returns, cost_rate=0.01).trades["cost"].iloc[1]
    sold = backtest(weights_of("s", [[0.5, 0.5, 0], [1, 0, 0]]), returns * 0, cost_rate=0.01).trades["cost"].iloc[1]
    assert bought == pytest.approx(0.01) and sold == pytest.approx(0.01)


def test_the_day_of_the_decision_is_not_earned(weights, returns):
    changed = returns.copy()
    changed.loc[:REBALANCES[0]] = 0.5
    pd.testing.assert_frame_equal(backtest(weights, changed, cost_rate=0.01).net_returns,
                                  backtest(weights, returns, cost_rate=0.01).net_returns)


def test_later_returns_change_nothing_before(weights, returns):
    changed = returns.copy()
    changed.loc["2024-03-15":] = 0.3
    ours, theirs = (backtest(weights, frame, cost_rate=0.01) for frame in (returns, changed))
    pd.testing.assert_frame_equal(ours.net_returns.loc[:"2024-03-14"], theirs.net_returns.loc[:"2024-03-14"])
    assert not ours.net_returns.equals(theirs.net_returns)


def test_weights_are_joined_by_name_and_not_by_position(weights, returns):
    ours = backtest(weights, returns, cost_rate=0.01)
    shuffled = backtest(weights.sample(frac=1, random_state=2), returns[["C", "A", "B"]], cost_rate=0.01)
    pd.testing.assert_frame_equal(ours.net_returns, shuffled.net_returns[ours.net_returns.columns])
    pd.testing.assert_series_equal(turnover(ours.trades), turnover(shuffled.trades)[turnover(ours.trades).index])


def test_assets_that_are_not_held_need_no_weight(returns):
    part = backtest(weights_of("s", [[0.5, 0.5]] * 3, assets=["A", "C"]), returns, cost_rate=0.01)
    whole = backtest(weights_of("s", [[0.5, 0.0, 0.5]] * 3), returns, cost_rate=0.01)
    pd.testing.assert_frame_equal(part.net_returns, whole.net_returns)


def test_short_positions_pay_for_all_that_is_traded(returns):
    result = backtest(weights_of("short", [[1.5, -0.5, 0.0]]), returns, cost_rate=0.01)
    assert result.trades["cost"].tolist() == pytest.approx([0.02])


def test_three_assets_long_and_short_by_hand():
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05"], name="date")
    returns = pd.DataFrame({"A": [9.0, 0.10, 0.00, -0.05], "B": [9.0, 0.20, -0.10, 0.10],
                            "C": [9.0, -0.10, 0.50, 0.00]}, index=days)
    weights = weights_of("s", [[1.2, -0.5, 0.3], [0.5, 1.0, -0.5]], dates=days[[0, 2]])
    result = backtest(weights, returns, cost_rate=0.01)
    # holdings: day one 1.32 - 0.60 + 0.27 = 0.99; day two 1.32 - 0.54 + 0.405 = 1.185; then 0.475 + 1.1 - 0.5 = 1.075
    # traded first 1.2 + 0.5 + 0.3; then |0.5 - 1.32 / 1.185| + |1 + 0.54 / 1.185| + |-0.5 - 0.405 / 1.185|
    traded = (0.7275 + 1.725 + 0.9975) / 1.185
    assert result.drifted_weights["weight"].iloc[3:].tolist() == pytest.approx([1.32 / 1.185, -0.54 / 1.185,
                                                                                0.405 / 1.185])
    assert result.trades["turnover"].tolist() == pytest.approx([1.0, traded / 2])
    assert result.trades["cost"].tolist() == pytest.approx([0.02, 0.01 * traded])
    assert result.net_returns["s"].tolist() == pytest.approx([0.99 * 0.98 - 1, 1.185 / 0.99 - 1,
                                                              1.075 * (1 - 0.01 * traded) - 1])
    assert result.bankruptcies.empty and list(result.bankruptcies) == ["date", "strategy"]


def test_daily_rebalancing_earns_the_constant_long_and_short_weights_returns(returns):
    chosen = np.array([1.4, -0.9, 0.5])
    daily = weights_of("constant", [chosen] * (len(DAYS) - 1), dates=DAYS)
    result = backtest(daily, returns, cost_rate=0.0)
    np.testing.assert_allclose(result.net_returns["constant"], returns.iloc[1:] @ chosen, atol=1e-14)


RUIN = pd.Timestamp("2024-03-05")  # between the second rebalance and the third


@pytest.fixture
def ruinous(returns):
    """Returns where the second of three assets rises fourfold on one day, which half the wealth short of it loses."""
    changed = returns.copy()
    changed.loc[RUIN, "B"] = 3.0
    return changed


def test_a_strategy_that_loses_everything_is_bankrupt_for_good(ruinous):
    both = pd.concat([weights_of("short", [[1.5, -0.5, 0.0]] * 3), weights_of("long", [[0.5, 0.0, 0.5]] * 3)])
    result = backtest(both, ruinous, cost_rate=0.001)
    earned = result.net_returns["short"]
    assert earned[RUIN] == -1 and (earned[earned.index > RUIN] == 0).all() and (earned[earned.index < RUIN] != 0).all()
    assert result.net_returns.notna().all(axis=None) and (result.net_returns >= -1).all(axis=None)
    assert result.bankruptcies[["date", "strategy"]].to_numpy().tolist() == [[RUIN, "short"]]
    assert result.trades["strategy"].tolist() == ["short"] * 2 + ["long"] * 3  # what has no wealth trades no more
    assert len(result.drifted_weights) == 2 * 3 + 3 * 3 and turnover(result.trades).notna().all()
    alone = backtest(weights_of("long", [[0.5, 0.0, 0.5]] * 3), ruinous, cost_rate=0.001)
    pd.testing.assert_series_equal(result.net_returns["long"], alone.net_returns["long"])


def test_until_its_bankruptcy_a_strategy_is_as_if_it_never_came(returns, ruinous):
    short = weights_of("short", [[1.5, -0.5, 0.0]] * 3)
    spared, ruined = (backtest(short, frame, cost_rate=0.001).net_returns["short"] for frame in (returns, ruinous))
    pd.testing.assert_series_equal(spared[spared.index < RUIN], ruined[ruined.index < RUIN])
    assert spared[RUIN] > -0.2


def test_wealth_of_exactly_zero_is_bankruptcy():
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-02"], name="date")
    returns = pd.DataFrame({"A": [0.0, 0.0, 0.5], "B": [0.0, 1.0, 0.5]}, index=days)
    result = backtest(weights_of("s", [[2.0, -1.0]], dates=days, assets=["A", "B"]), returns, cost_rate=0.0)
    assert result.net_returns["s"].tolist() == [-1, 0] and result.bankruptcies["date"].tolist() == [days[1]]


def test_costs_that_exceed_the_wealth_are_bankruptcy_on_the_day_they_are_paid(returns):
    """Twenty times the wealth bought and nineteen sold short, at 3 percent: 1.17 of the wealth."""
    result = backtest(weights_of("s", [[20.0, -19.0, 0.0]] * 3), returns * 0, cost_rate=0.03)
    assert result.net_returns["s"].tolist() == [-1] + [0] * (len(result.net_returns) - 1)
    assert result.trades["cost"].tolist() == pytest.approx([1.17])
    assert result.bankruptcies["date"].tolist() == [result.net_returns.index[0]]
    assert turnover(result.trades).isna().all()


def test_a_bankruptcy_leaves_a_performance_without_gaps(ruinous):
    both = pd.concat([weights_of("short", [[1.5, -0.5, 0.0]] * 3), weights_of("long", [[0.5, 0.0, 0.5]] * 3)])
    result = backtest(both, ruinous, cost_rate=0.001)
    net_returns = result.net_returns.assign(benchmark=ruinous["A"])
    table = performance_table(net_returns, turnover(result.trades), periods_per_year=252, risk_free_rate=0.0)
    row = table.set_index("strategy").loc["short"]
    assert row[list(OF_BANKRUPT)].eq(-1).all() and row.drop(list(OF_BANKRUPT)).isna().all(), "it is not calm, but gone"
    assert table.set_index("strategy").loc["long"].notna().all()
    costs = cost_sensitivity(both, ruinous, cost_bps=[0, 10])
    assert costs.loc[costs["strategy"] == "short", "total_return"].tolist() == [-1, -1]


@pytest.mark.parametrize(("rows", "message"), [
    ([[0.5, 0.4, 0.0]], "weights of s on 2024-01-31 sum to 0.9, not one"),
    ([[0.5, np.nan, 0.5]], "weights of s on 2024-01-31 sum to nan, not one")])
def test_weights_that_are_not_whole_are_refused(rows, message, returns):
    with pytest.raises(ValueError, match=message):
        backtest(weights_of("s", rows), returns, cost_rate=0.0)


def test_unknown_assets_are_refused(returns):
    with pytest.raises(KeyError, match="Z"):
        backtest(weights_of("s", [[0.5, 0.5]], assets=["A", "Z"]), returns, cost_rate=0.0)


def test_a_rebalance_on_the_last_row_is_refused(returns):
    with pytest.raises(ValueError, match="No return follows the rebalance of s on 2024-04-10"):
        backtest(weights_of("s", [[1, 0, 0]] * 2, dates=DAYS[[0, -1]]), returns, cost_rate=0.0)


def test_missing_returns_are_refused_where_they_would_be_earned(returns):
    early = returns.copy()
    early.loc[:REBALANCES[0], "A"] = np.nan
    assert backtest(weights_of("s", [[1, 0, 0]]), early, cost_rate=0.0).net_returns.notna().all(axis=None)
    early.loc["2024-03-01", "A"] = np.nan
    with pytest.raises(ValueError, match="Returns that s would earn after 2024-01-31 are missing"):
        backtest(weights_of("s", [[1, 0, 0]]), early, cost_rate=0.0)


def test_strategies_that_start_on_different_days_are_refused(returns):
    both = pd.concat([weights_of("a", [[1, 0, 0]]), weights_of("b", [[1, 0, 0]], dates=REBALANCES[1:])])
    with pytest.raises(ValueError, match="start on different days, 2024-02-01 and 2024-03-01"):
        backtest(both, returns, cost_rate=0.0)


@pytest.mark.parametrize("rows", [None, [[1.8, -0.9, 0.1], [-0.5, 1.9, -0.4], [-1.0, 0.2, 1.8]]])
def test_counting_shares_and_money_gives_the_same_wealth(rows, weights, returns):
    weights = weights_of("lstm+mvf", rows) if rows else weights
    prices = 50 * (1 + returns).cumprod()
    decided = weights[weights["strategy"] == "lstm+mvf"].pivot(index="rebalance_date", columns="asset", values="weight")
    money, shares, path = 1000.0, pd.Series(0.0, index=ASSETS), {}
    for day in DAYS[DAYS >= REBALANCES[0]]:
        value = shares * prices.loc[day]
        money = value.sum() or money
        path[day] = money
        if day in decided.index:
            money -= 0.003 * (decided.loc[day] * money - value).abs().sum()
            shares = decided.loc[day] * money / prices.loc[day]
    ours = backtest(weights, returns, cost_rate=0.003).net_returns["lstm+mvf"]
    np.testing.assert_allclose(1000 * (1 + ours).cumprod(), list(path.values())[1:], rtol=1e-12)


def test_cost_sensitivity_is_the_backtest_at_each_cost(weights, returns):
    costs = cost_sensitivity(weights, returns, cost_bps=[0, 10, 50])
    assert list(costs) == ["strategy", "cost_bps", "total_return", "break_even_bps"] and len(costs) == 6
    assert costs["break_even_bps"].isna().all(), "there is no equal weight"
    wide = costs.pivot(index="cost_bps", columns="strategy", values="total_return")
    assert (wide.diff().iloc[1:] < 0).all(axis=None)
    at_ten = (1 + backtest(weights, returns, cost_rate=0.001).net_returns).prod() - 1
    assert wide.loc[10].to_dict() == pytest.approx(at_ten.to_dict())
    pd.testing.assert_frame_equal(wide.loc[[0, 50]], cost_sensitivity(weights, returns, cost_bps=[0, 50]).pivot(
        index="cost_bps", columns="strategy", values="total_return"))


def test_cost_sensitivity_knows_who_cannot_pay(ruinous):
    """Of 3 percent on 39 times the wealth nothing is left; who was ruined without costs stays so."""
    both = pd.concat([weights_of("levered", [[20.0, -19.0, 0.0]] * 3), weights_of("short", [[1.5, -0.5, 0.0]] * 3)])
    costs = cost_sensitivity(both, ruinous * [0, 1, 1], cost_bps=[0, 300]).set_index(["strategy", "cost_bps"])["total_return"]
    assert costs["levered", 300] == costs["short", 0] == costs["short", 300] == -1


# ------------------------------------------------------------------------------------------------------- break-even
def test_break_even_is_where_both_backtests_end_level(returns):
    """The strategy trades and holds what rises; its rival never trades again."""
    returns = returns.assign(A=returns["A"] + 0.004)
    both = pd.concat([weights_of("active", [[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]]), weights_of("rival", [[0, 0.5, 0.5]])])
    free = backtest(both, returns, cost_rate=0.0)
    traded = [2 * free.trades.loc[free.trades["strategy"] == name, "turnover"] for name in ("active", "rival")]
    lead = np.log1p(free.net_returns).sum()
    kappa = break_even(lead["active"] - lead["rival"], *traded)
    ends = (1 + backtest(both, returns, cost_rate=kappa).net_returns).prod()
    assert 0.001 < kappa < 0.1 and ends["active"] == pytest.approx(ends["rival"], rel=1e-9)


def test_break_even_of_who_is_behind_is_what_it_would_have_to_be_paid():
    assert break_even(np.log(1.01), [1, 1], [1, 0]) == pytest.approx(1 - 1 / 1.01)
    assert break_even(-np.log(1.01), [1, 1], [1, 0]) == pytest.approx(1 - 1.01)
    assert break_even(0.0, [1, 1], [1, 0]) == 0


@pytest.mark.parametrize(("lead", "traded", "rival"), [
    (0.1, [1.0], [1.0, 0.5]), (0.1, [1.0], [1.0]), (-0.1, [1.0], [1.0]), (np.nan, [1.0, 1.0], [1.0]), (-5.0, [1.0, 1.0], [1.0])])
def test_without_more_trading_or_within_reason_no_cost_makes_them_level(lead, traded, rival):
    assert np.isnan(break_even(lead, traded, rival))


def test_break_even_for_small_costs_is_the_lead_by_what_is_traded_more():
    own, rival = [1.0, *[0.8] * 23], [1.0, *[0.03] * 23]
    lead = 1e-4 * (sum(own) - sum(rival))
    assert break_even(lead, own, rival) == pytest.approx(1e-4, rel=1e-3)


# -------------------------------------------------------------------------------------------------------- borrowing
def test_borrowing_is_paid_each_day_on_what_is_short_by_hand():
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05"], name="date")
    returns = pd.DataFrame({"A": [9.0, 0.10, 0.00, 0.00], "B": [9.0, 0.20, 0.00, 0.00]}, index=days)
    result = backtest(weights_of("s", [[1.5, -0.5]], dates=days, assets=["A", "B"]), returns, cost_rate=0.01, daily_borrow=0.002)
    # day one earns 0.15 - 0.10 = 0.05 and pays 0.002 x 0.5, after a cost of 2 percent; then 0.6 of 1.05 is short
    assert result.net_returns["s"].tolist() == pytest.approx(
        [(1 + 0.05 - 0.001) * 0.98 - 1, -0.002 * 0.6 / 1.05, -0.002 * 0.6 / 1.05])


def test_borrowing_costs_nothing_without_shorts_and_changes_no_trade(weights, returns):
    for held in (weights, weights_of("short", [[1.5, -0.5, 0.0]] * 3)):
        free, paid = (backtest(held, returns, cost_rate=0.001, daily_borrow=fee) for fee in (0.0, 0.0004))
        pd.testing.assert_frame_equal(free.trades, paid.trades)
        pd.testing.assert_frame_equal(free.drifted_weights, paid.drifted_weights)
        cheaper = free.net_returns - paid.net_returns
        assert (cheaper == 0).all(axis=None) if held is weights else (cheaper > 0).all(axis=None)


def test_more_borrowing_lowers_what_is_left_and_can_ruin(returns):
    short = weights_of("short", [[1.5, -0.5, 0.0]] * 3)
    left = [(1 + backtest(short, returns, cost_rate=0.0, daily_borrow=fee).net_returns["short"]).prod() for fee in (0, 1e-4, 1e-3)]
    assert left[0] > left[1] > left[2] > 0
    levered = weights_of("levered", [[20.0, -19.0, 0.0]] * 3)
    result = backtest(levered, returns * 0, cost_rate=0.0, daily_borrow=0.06)
    assert result.net_returns["levered"].iloc[0] == -1 and list(result.bankruptcies["strategy"]) == ["levered"]


def test_borrowing_is_in_cost_sensitivity(returns):
    short = weights_of("short", [[1.5, -0.5, 0.0]] * 3)
    at_ten = (1 + backtest(short, returns, cost_rate=0.001, daily_borrow=0.0003).net_returns["short"]).prod() - 1
    told = cost_sensitivity(short, returns, cost_bps=[10], daily_borrow=0.0003)["total_return"].item()
    assert told == pytest.approx(at_ten, rel=1e-12)
