"""Every framework of the registry on ten real windows, against a solver or a library that shares no code with it."""

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS
from scipy import optimize
from skfolio import RiskMeasure
from skfolio.datasets import load_sp500_dataset
from skfolio.optimization import HierarchicalRiskParity, MaximumDiversification, MeanRisk, RiskBudgeting

from forefolio.performance.backtest import backtest
from forefolio.portfolios import decisions, long_only, registry
from forefolio.portfolios.problems import Limits, OptimizationError
from forefolio.study import vocabulary

DAYS, GAMMA, RISK_FREE = 120, 10.0, 1e-5
ENDS = pd.to_datetime([f"{year}-06-15" for year in range(2004, 2014)])
CLOSER = {"solver_params": {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10}}


@pytest.fixture(scope="module")
def windows():
    returns = load_sp500_dataset().iloc[:, :12].pct_change().iloc[1:]
    return [returns.loc[:end].iloc[-DAYS:] for end in ENDS]


def seen(name, window):
    """What a framework sees in a window: its first half forecasts, the rest is as it was."""
    mu, Sigma = window.iloc[:60].mean(), window.cov()
    errors = window - mu
    return {"mean": (mu, Sigma), "forecast": (mu, Sigma), "view": (mu, errors.T @ errors / DAYS, Sigma),
            "shifted": (window - window.mean() + mu,), "covariance": (Sigma,), "path": (window,),
            "risk": (Sigma,)}[vocabulary.FRAMEWORKS[name].sees]


def by_slsqp(objective, n):
    best = optimize.minimize(objective, np.full(n, 1 / n), method="SLSQP", bounds=[(0, 1)] * n,
                             constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": 3000})
    return best.x


def drawdowns(window, w):
    path = np.r_[0, np.cumsum(window.to_numpy() @ w)]
    return (np.maximum.accumulate(path) - path)[1:]


def compounded(window, w):
    wealth = np.r_[1, np.cumprod(1 + window.to_numpy() @ w)]
    return (1 - wealth / np.maximum.accumulate(wealth)).max()


def cdar(window, w, alpha):
    """Mean of the worst 1 - alpha of drawdowns, by sorting."""
    worst = np.sort(drawdowns(window, w))[::-1]
    n = (1 - alpha) * len(worst)
    shares = np.clip(n - np.arange(len(worst)), 0, 1)
    return shares @ worst / n


def posterior(window, mu):
    """Mean of the prior N(pi, Sigma / T) given q = mean + error, as a regression of one normal vector on another."""
    Sigma, errors = window.cov().to_numpy(), (window - mu).to_numpy()
    pi = 2 * GAMMA * Sigma @ np.full(len(mu), 1 / len(mu))
    joint = np.block([[Sigma / DAYS, Sigma / DAYS], [Sigma / DAYS, Sigma / DAYS + errors.T @ errors / DAYS]])
    n = len(mu)
    return pi + joint[:n, n:] @ np.linalg.inv(joint[n:, n:]) @ (mu.to_numpy() - pi)


def utility(w, mu, Sigma):
    return GAMMA * w @ Sigma.to_numpy() @ w - w @ np.asarray(mu)


def fitted(estimator, window):
    return estimator.fit(window).weights_


GOALS = {  # what is made small, of weights, the window and its first half's mean
    "mvf": lambda w, window, mu: utility(w, mu, window.cov()),
    "rpp": lambda w, window, mu: np.ptp(w * (window.cov().to_numpy() @ w)) / (w @ window.cov().to_numpy() @ w),
    "mdp": lambda w, window, mu: compounded(window, w),
    "tangency": lambda w, window, mu: -abs((w @ mu - RISK_FREE) / np.sqrt(w @ window.cov().to_numpy() @ w)),
    "max_sharpe": lambda w, window, mu: -(w @ mu - RISK_FREE) / np.sqrt(w @ window.cov().to_numpy() @ w),
    "max_sortino": lambda w, window, mu: -(w @ mu - RISK_FREE) / np.sqrt(
        np.mean(np.minimum((window - window.mean() + mu).to_numpy() @ w - RISK_FREE, 0) ** 2)),
    "black_litterman": lambda w, window, mu: utility(w, posterior(window, mu), window.cov()),
    "min_variance": lambda w, window, mu: w @ window.cov().to_numpy() @ w,
    "min_cvar": lambda w, window, mu: -np.sort(window.to_numpy() @ w)[:6].mean(),
    "cdar": lambda w, window, mu: cdar(window, w, 0.95),
    "max_diversification": lambda w, window, mu: -w @ window.std() / np.sqrt(w @ window.cov().to_numpy() @ w),
    "hrp": lambda w, window, mu: 0.0,
}
ORACLES = {  # the same problems, solved by others
    "mvf": lambda window, mu: by_slsqp(lambda w: 1e3 * utility(w, mu, window.cov()), len(mu)),
    "rpp": lambda window, mu: fitted(RiskBudgeting(risk_measure=RiskMeasure.VARIANCE), window),
    "mdp": lambda window, mu: fitted(MeanRisk(risk_measure=RiskMeasure.MAX_DRAWDOWN, **CLOSER), window),
    "tangency": lambda window, mu: (lambda x: x / x.sum())(np.linalg.inv(window.cov()) @ (mu - RISK_FREE)),
    "max_sharpe": lambda window, mu: by_slsqp(lambda w: GOALS["max_sharpe"](w, window, mu), len(mu)),
    "max_sortino": lambda window, mu: by_slsqp(lambda w: GOALS["max_sortino"](w, window, mu), len(mu)),
    "black_litterman": lambda window, mu: by_slsqp(
        lambda w: 1e3 * utility(w, posterior(window, mu), window.cov()), len(mu)),
    "min_variance": lambda window, mu: fitted(MeanRisk(risk_measure=RiskMeasure.VARIANCE, **CLOSER), window),
    "min_cvar": lambda window, mu: fitted(MeanRisk(risk_measure=RiskMeasure.CVAR, cvar_beta=0.95, **CLOSER), window),
    "cdar": lambda window, mu: fitted(MeanRisk(risk_measure=RiskMeasure.CDAR, cdar_beta=0.95, **CLOSER), window),
    "max_diversification": lambda window, mu: fitted(MaximumDiversification(**CLOSER), window),
    "hrp": lambda window, mu: fitted(HierarchicalRiskParity(), window),
}


def terms(**changed):
    from dataclasses import replace
    return replace(TERMS, estimation_window=DAYS, risk_aversion=GAMMA, risk_free=RISK_FREE, **changed)


def test_every_framework_that_is_solved_has_a_goal_and_a_rival():
    assert set(GOALS) == set(ORACLES) == {name for name, kind in vocabulary.FRAMEWORKS.items() if kind.sees != "learned"}


@pytest.mark.parametrize("name", GOALS)
def test_a_framework_is_at_least_as_good_as_another_solver_on_ten_real_windows(name, windows):
    for window in windows:
        mu = window.iloc[:60].mean()
        solution = registry.FRAMEWORKS[name](*seen(name, window), terms(), Limits())
        ours, theirs = solution.weights[window.columns].to_numpy(), ORACLES[name](window, mu)
        if solution.status == "fallback":  # no asset's forecast exceeds the risk-free rate
            assert mu.max() <= RISK_FREE and GOALS["min_variance"](ours, window, mu) <= GOALS["min_variance"](theirs, window, mu)
            continue
        best, other = (GOALS[name](w, window, mu) for w in (ours, theirs))
        assert best <= other + 1e-5 * abs(other)
        unique = name not in ("mdp", "min_cvar")  # linear programs may have other optima; MDP's path is another one
        if unique:
            np.testing.assert_allclose(ours, theirs, atol=0.02 if name == "cdar" else 5e-3)


@pytest.mark.parametrize("name", [name for name, kind in vocabulary.FRAMEWORKS.items() if kind.limits])
def test_limits_on_weights_and_turnover_hold_and_are_used_up(name, windows):
    window = windows[3]
    held = pd.Series(np.arange(1.0, 13) / 78, window.columns)
    free = registry.FRAMEWORKS[name](*seen(name, window), terms(), Limits()).weights
    limits = Limits(min_weight=0.01, max_weight=0.2, max_turnover=0.15, held=held)
    solution = registry.FRAMEWORKS[name](*seen(name, window), terms(), limits)
    assert limits.met_by(solution.weights) or (solution.weights - held).abs().sum() / 2 <= 0.15 + 1e-6
    assert solution.weights.between(0.01 - 1e-8, 0.2 + 1e-8).all()
    away = (free - held).abs().sum() / 2
    assert away < 0.15 or (solution.weights - held).abs().sum() / 2 == pytest.approx(0.15, abs=1e-4)


def test_hierarchical_risk_parity_of_a_covariance_is_that_of_its_correlations(windows):
    Sigma = 4 * windows[0].cov()  # a scale moves nothing
    pd.testing.assert_series_equal(long_only.hierarchical_risk_parity(Sigma).weights,
                                   long_only.hierarchical_risk_parity(windows[0].cov()).weights)
    still = windows[0].assign(dead=0.0).cov()
    with pytest.raises(OptimizationError, match="dead"):
        long_only.hierarchical_risk_parity(still)


# ------------------------------------------------------------------------------------------------- Black-Litterman
def test_a_forecast_that_errs_as_much_as_returns_vary_hardly_moves_equal_weight(windows):
    """And one that never errs decides alone."""
    window = windows[5]
    mu, Sigma = 0.001 * pd.Series(np.linspace(-1, 1, 12), window.columns), window.cov()
    given = {"risk_aversion": GAMMA, "tau": 1 / DAYS}
    useless, sure = (long_only.black_litterman(mu, error * Sigma, Sigma, **given).weights for error in (1.0, 1e-9))
    alone = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=GAMMA).weights
    assert (useless - 1 / 12).abs().sum() / 2 < 0.1 < (alone - 1 / 12).abs().sum() / 2
    np.testing.assert_allclose(sure, alone, atol=1e-4)


def test_views_of_twins_count_once(windows):
    """Two assets whose forecasts miss together are one view: doubling the twin leaves the other asset where it is."""
    two = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=list("AB"), columns=list("AB"))
    twins = pd.DataFrame([[1e-4, 0, 0], [0, 1e-4, 1e-4], [0, 1e-4, 1e-4]], index=list("ABC"), columns=list("ABC"))
    given = {"risk_aversion": 1.0, "tau": 1.0}
    q = pd.Series({"A": 0.0, "B": 1e-4, "C": 1e-4})
    alone = long_only.black_litterman(q[["A", "B"]], two, two, **given).weights
    both = long_only.black_litterman(q, twins, twins, **given).weights
    prior = 1 / 2, 1 / 3  # of A, where nothing is forecast
    assert 0 < prior[0] - alone["A"] < 0.3 and 0 < prior[1] - both["A"] < 0.3
    assert both["B"] == pytest.approx(both["C"], abs=1e-3)


# ------------------------------------------------------------------------------------------------- costs in the objective
def test_mean_variance_with_a_cost_trades_only_where_the_gain_exceeds_it():
    Sigma = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=list("AB"), columns=list("AB"))
    held = pd.Series({"A": 0.5, "B": 0.5})
    for gap, cost, expected in [(1e-4, 0.0, 0.75), (1e-4, 1e-5, 0.70), (1e-4, 5e-5, 0.5), (1e-4, 1e-3, 0.5)]:
        mu = pd.Series({"A": gap, "B": 0.0})  # w_A = 1/2 + (gap - 2 cost) / 4 gamma sigma^2, as long as that is more
        limits = Limits(held=held, daily_cost=cost)
        solution = long_only.mean_variance_forecast(mu, Sigma, risk_aversion=1.0, limits=limits)
        assert solution.weights["A"] == pytest.approx(expected, abs=1e-5)


def test_the_first_purchase_costs_the_same_whatever_is_bought(windows):
    mu, Sigma = windows[0].mean(), windows[0].cov()
    free, paid = (long_only.mean_variance_forecast(mu, Sigma, risk_aversion=GAMMA, limits=Limits(daily_cost=cost)).weights
                  for cost in (0.0, 1e-3))
    pd.testing.assert_series_equal(free, paid)


@pytest.fixture(scope="module")
def predictable():
    """A market in which one day tells the next, and the forecast that knows it."""
    rng = np.random.default_rng(11)
    days, names = pd.bdate_range("2019-01-01", "2022-12-30", name="date"), list("ABCDEF")
    signal = np.zeros((len(days), 6))
    for day in range(1, len(days)):
        signal[day] = 0.97 * signal[day - 1] + rng.normal(0, 0.0003, 6)
    returns = pd.DataFrame(np.roll(signal, 1, axis=0) + rng.normal(0, 0.01, signal.shape), days, names)
    rows = []
    dates = days[days.to_series().dt.to_period("M").shift(-1) != days.to_series().dt.to_period("M")]
    dates = dates[(dates >= "2020-01-01") & (dates < "2022-12-30")]
    for date in dates:
        following = days[(days > date) & (days <= (dates[dates > date].min() if (dates > date).any() else days[-1]))]
        for horizon, target in enumerate(following, 1):
            ahead = signal[days.get_loc(date)] * 0.97 ** (horizon - 1)
            rows += [(date, target, horizon, name, "known", 0, value) for name, value in zip(names, ahead)]
    columns = ["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]
    return returns, pd.DataFrame(rows, columns=columns), dates


def test_counting_costs_trades_less_and_nets_no_less_where_forecasts_are_right(predictable):
    returns, forecasts, dates = predictable
    outcome = {}
    for aware in (False, True):
        given = terms(use_residual=False, mu_horizon="month", cost_aware=aware, cost_bps=20.0)
        weights, log = decisions.decide(returns, forecasts, returns.notna(), rebalance_dates=dates, frameworks=["mvf"],
                                        terms=given)
        assert (log["status"] == "optimal").all()
        result = backtest(weights[weights["strategy"] == "known+mvf"], returns, cost_rate=0.002)
        outcome[aware] = result.trades["turnover"].iloc[1:].mean(), (1 + result.net_returns["known+mvf"]).prod()
    assert outcome[True][0] < 0.9 * outcome[False][0] and outcome[True][1] >= outcome[False][1]
