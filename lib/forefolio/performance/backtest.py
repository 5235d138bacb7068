"""Net returns of strategies from weights and returns: drift, trades, costs.

Weights decided at the close of t earn from t+1 on. Until the next rebalance nothing is traded: each holding grows with
its own return, so the weights drift. A rebalance trades from the drifted to the decided weights and pays for it. A
short position is a debt that grows with its asset, and borrowing may cost. A strategy that loses all its wealth is
bankrupt and earns nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forefolio.market.returns import iso_day
from forefolio.study.vocabulary import EQUAL_WEIGHT

ALIKE = 1e-9  # share of wealth: trades that differ by less count as equal
STEPS = 200  # costs between which a change of sign is searched before the root is found


@dataclass(frozen=True)
class Backtest:
    """
    The results of a backtest.

    Attributes
    ----------
    net_returns : DataFrame (n_days, n_strategies)
        From the day after the first decision to the last, without a benchmark; never missing or below -1.
    drifted_weights : DataFrame
        As `weights`, just before each trade; zero in all assets (cash) at first.
    trades : DataFrame
    bankruptcies : DataFrame
        Columns date, strategy; one row per strategy that lost all its wealth, usually none. It no longer trades: later
        rebalances are neither in the trades nor in the drifted weights.
    """

    net_returns: pd.DataFrame
    drifted_weights: pd.DataFrame
    trades: pd.DataFrame
    bankruptcies: pd.DataFrame


def backtest(weights: pd.DataFrame, returns: pd.DataFrame, *, cost_rate: float, daily_borrow: float = 0.0) -> Backtest:
    """
    Hold the decided weights, let them drift in between, and pay for each trade and for borrowing.

    `daily_borrow` is a fraction per day of the short positions. ValueError if weights do not sum to one, strategies
    start on different days, or returns are missing.

    Notes
    -----
    With V_0 = 1 at the rebalance and growth G_{i,t} of asset i since, V_t = sum_i w_i G_{i,t}, the gross return is V_t
    / V_{t-1} - 1 and the drifted weights are w_i G_{i,t} / V_t. The cost c = cost_rate * sum_i |target - drifted| is a
    fraction of the wealth at the rebalance and is taken from the return of the day after: net = (1 + gross)(1 - c) - 1.
    The first purchase, from cash, has a cost, too. A short position has w_i < 0 and the usual cost of a trade; its
    proceeds earn no interest. Borrowing costs b = daily_borrow * sum_i max(-w_i, 0) a day, by the weights at the close
    before, and is taken from that day's gross return, V_t / V_{t-1} - 1 - b: all holdings shrink alike, so the weights
    stay.

    If short positions, borrowing or costs take all wealth (the gross return is -1 or less, or c >= 1), the strategy is
    bankrupt: its net return is -1 on that day and 0 from then on. Debt beyond its wealth is not counted, which makes it
    look better than it was; `bankruptcies` names it.

    Examples
    --------
    Half in an asset that doubles, half in one that stands still; then back to half and half, at 1 percent:

    >>> days = pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-29"], name="date")
    >>> returns = pd.DataFrame({"A": [0.0, 1.0, 0.0], "B": [0.0, 0.0, 0.0]}, index=days)
    >>> weights = pd.DataFrame({"rebalance_date": days[[0, 0, 1, 1]], "strategy": "equal_weight",
    ...                         "asset": ["A", "B", "A", "B"], "weight": 0.5})
    >>> result = backtest(weights, returns, cost_rate=0.01)
    >>> result.drifted_weights["weight"].round(4).tolist()
    [0.0, 0.0, 0.6667, 0.3333]
    >>> result.trades[["turnover", "cost"]].round(4).to_numpy().tolist()
    [[0.5, 0.01], [0.1667, 0.0033]]
    >>> result.net_returns["equal_weight"].round(4).tolist()
    [0.485, -0.0033]
    """
    trades, drifted, net_returns, bankruptcies = [], [], {}, []
    for strategy, group in weights.groupby("strategy", sort=False):
        target = group.pivot(index="rebalance_date", columns="asset", values="weight")
        gross, before, target, ruin = _run(strategy, target, returns, cost_rate, daily_borrow)
        traded = (target - before).abs().sum(axis=1)
        cost = cost_rate * traded
        paid = pd.Series(0.0, index=gross.index)
        paid.iloc[gross.index.searchsorted(target.index, side="right")] = cost.to_numpy()
        net_returns[strategy] = (1 + gross) * (1 - paid) - 1
        drifted.append(before.stack().rename("weight").reset_index().assign(strategy=strategy))
        trades.append(pd.DataFrame({"rebalance_date": target.index, "strategy": strategy,
                                    "turnover": traded.to_numpy() / 2, "cost": cost.to_numpy()}))
        if ruin is not None:
            bankruptcies.append((ruin, strategy))
    starts = sorted({earned.index[0] for earned in net_returns.values()})
    if len(starts) > 1:
        raise ValueError(f"Strategies start on different days, {' and '.join(map(iso_day, starts))}: give each its "
                         "first weights on the same date")
    return Backtest(
        net_returns=pd.DataFrame(net_returns).rename_axis("date"),
        drifted_weights=pd.concat(drifted, ignore_index=True)[["rebalance_date", "strategy", "asset", "weight"]],
        trades=pd.concat(trades, ignore_index=True),
        bankruptcies=pd.DataFrame(bankruptcies, columns=["date", "strategy"]))


def _run(strategy: str, target: pd.DataFrame, returns: pd.DataFrame, cost_rate: float,
         daily_borrow: float) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame, pd.Timestamp | None]:
    """Gross returns of one strategy, weights before each trade, decided weights, and the day of a bankruptcy."""
    bounds = [*returns.index.searchsorted(target.index, side="right"), len(returns)]
    _check(strategy, target, returns, bounds)
    held = returns[target.columns]
    before, gross, ruin = [np.zeros(target.shape[1])], [], None
    for row, decided in enumerate(target.to_numpy()):
        holdings = decided * (1 + held.iloc[bounds[row]:bounds[row + 1]]).cumprod()
        wealth = holdings.sum(axis=1)
        earned = wealth / wealth.shift(fill_value=1.0) - 1
        if daily_borrow:
            owed = holdings.clip(upper=0).sum(axis=1) / wealth  # share of wealth that is short, below 0
            earned += daily_borrow * owed.shift(fill_value=decided.clip(max=0).sum())
        gross.append(earned)
        lost = wealth.index[(wealth <= 0) | (earned <= -1) | (cost_rate * abs(decided - before[-1]).sum() >= 1)]
        if len(lost):
            ruin = lost[0]
            gross[-1] = gross[-1].where(wealth.index < ruin, -1.0).loc[:ruin]
            break
        before.append(holdings.iloc[-1].to_numpy() / wealth.iloc[-1])
    gross = pd.concat(gross).reindex(held.index[bounds[0]:], fill_value=0.0)  # nothing is earned after a bankruptcy
    target = target.iloc[:len(before)]
    return gross, pd.DataFrame(before[:len(target)], index=target.index, columns=target.columns), target, ruin


def _check(strategy: str, target: pd.DataFrame, returns: pd.DataFrame, bounds: list[int]) -> None:
    """Weights must sum to one, days must follow each rebalance, and no return on them may be missing."""
    totals = target.sum(axis=1, skipna=False)
    off = totals.index[~np.isclose(totals, 1, rtol=0, atol=1e-6)]
    if len(off):
        raise ValueError(f"The weights of {strategy} on {iso_day(off[0])} sum to {totals[off[0]]:.6g}, not one: "
                         "rescale them and write zeros out")
    last = target.index[np.diff(bounds) < 1]
    if len(last):
        raise ValueError(f"No return follows the rebalance of {strategy} on {iso_day(last[0])}: drop this date")
    if returns[target.columns].iloc[bounds[0]:].isna().any(axis=None):
        raise ValueError(f"Returns that {strategy} would earn after {iso_day(target.index[0])} are missing: fill the "
                         "gaps of the prices with the last price")


def turnover(trades: pd.DataFrame) -> pd.Series:
    """
    Average one-way turnover of each strategy per rebalance, after the first purchase.

    Missing for a strategy that never traded again. Rebalances after a bankruptcy do not count.

    >>> turnover(pd.DataFrame({"strategy": ["A", "A", "A"], "turnover": [0.5, 0.2, 0.4]})).round(2).to_dict()
    {'A': 0.3}
    """
    later = trades[trades["strategy"].duplicated()]
    return later.groupby("strategy")["turnover"].mean().reindex(trades["strategy"].unique()).rename_axis("strategy")


def cost_sensitivity(weights: pd.DataFrame, returns: pd.DataFrame, *, cost_bps: Sequence[float],
                     daily_borrow: float = 0.0) -> pd.DataFrame:
    """
    Columns strategy, cost_bps, total_return: compounded and net, at each of several costs in basis points, and
    break_even_bps, the cost that brings the strategy to equal weight (`break_even`; missing without equal weight).

    Notes
    -----
    Trades do not depend on the cost. The wealth at a cost kappa is the wealth without costs times the product of 1 -
    kappa T_k over the rebalances k, where T_k is the sum of |target - drifted|. So one backtest is enough for all
    costs.
    """
    free = backtest(weights, returns, cost_rate=0.0, daily_borrow=daily_borrow)
    grown = (1 + free.net_returns).prod()
    traded = {name: 2 * own["turnover"] for name, own in free.trades.groupby("strategy", sort=False)}
    log = np.log(grown.where(grown > 0))
    even = {name: 10_000 * break_even(log[name] - log[EQUAL_WEIGHT], traded[name], traded[EQUAL_WEIGHT])
            if EQUAL_WEIGHT in traded else np.nan for name in grown.index}
    rows = [(name, bps, grown[name] * (1 - bps / 10_000 * traded[name]).clip(lower=0).prod() - 1, even[name])
            for bps in cost_bps for name in grown.index]
    return pd.DataFrame(rows, columns=["strategy", "cost_bps", "total_return", "break_even_bps"])


def break_even(lead: float, traded: Sequence[float], rival_traded: Sequence[float]) -> float:
    """
    The trading cost at which a strategy that trades more than its rival ends with the same wealth; below 0 if it is
    behind.

    Parameters
    ----------
    lead : float
        Logarithm of the strategy's wealth over the rival's, both without costs of trading.
    traded, rival_traded : sequence
        The sum of |target - drifted| at each rebalance, fractions of wealth, of the strategy and of its rival.

    Returns
    -------
    float
        Fraction of the amount traded. Missing if the strategy trades no more than its rival, so that no cost removes a
        lead, or if no cost below 100 percent, paid or received, makes them equal.

    Notes
    -----
    The root of lead + sum_k log(1 - kappa T_k) - sum_k log(1 - kappa T'_k), the one next to 0; `brentq` finds it to
    1e-12. For small costs it is lead / (sum T_k - sum T'_k).

    Examples
    --------
    Both end at 1.10 if the strategy loses 1 percent twice and the rival once: 1.1 / 0.99 before costs, against 1.1.

    >>> round(break_even(-float(np.log(0.99)), [1.0, 1.0], [1.0, 0.0]), 6)
    0.01
    """
    from scipy.optimize import brentq  # here, as loading it takes a moment

    own, other = np.asarray(traded, dtype=float), np.asarray(rival_traded, dtype=float)
    if not own.sum() > other.sum() + ALIKE or not np.isfinite(lead):
        return np.nan

    def ahead(cost: float) -> float:
        return lead + np.log1p(-cost * own).sum() - np.log1p(-cost * other).sum()

    costs = np.linspace(0, (1 - 1e-9) / max(own.max(), other.max(), 1.0) if lead > 0 else -1.0, STEPS)
    crossed = np.flatnonzero([ahead(cost) * lead <= 0 for cost in costs])
    if lead == 0 or not len(crossed):
        return 0.0 if lead == 0 else np.nan
    return float(brentq(ahead, costs[crossed[0] - 1], costs[crossed[0]], xtol=1e-12))
