"""Three drawdowns of one portfolio: by hand, by direct search, and against skfolio."""

import os
from pathlib import Path

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import differential_evolution, linprog
from skfolio import RiskMeasure
from skfolio.datasets import load_sp500_dataset
from skfolio.optimization import MeanRisk

from forefolio.portfolios import drawdown as drawdown_module
from forefolio.portfolios.drawdown import PATHS, cdar_family, drawdown_measures, drawdown_table, minimum_drawdown
from forefolio.portfolios.problems import Limits
from forefolio.portfolios.problems import OptimizationError

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
ENDS = [-1, -1500, -4000]  # of windows of 250 days
PROBLEMS = {
    "constant_weights": minimum_drawdown,
    "uncompounded": lambda scenarios, **options: minimum_drawdown(scenarios, path="uncompounded", **options),
    "average": lambda scenarios, **options: minimum_drawdown(scenarios, path="uncompounded", alpha=0, **options),
    "cdar": lambda scenarios, **options: minimum_drawdown(scenarios, path="uncompounded", alpha=0.9, **options),
    "buy_and_hold": lambda scenarios, **options: minimum_drawdown(scenarios, path="buy_and_hold", **options),
}


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().pct_change().iloc[1:]


@pytest.fixture(scope="module")
def scenarios(returns):
    return returns.iloc[-250:]


def wealth(w, scenarios, path):
    """From the first day's opening on; sums of returns where nothing is compounded."""
    R, w = scenarios.to_numpy(), np.asarray(w)
    return {"constant_weights": lambda: np.append(1, np.cumprod(1 + R @ w)),
            "uncompounded": lambda: np.append(0, np.cumsum(R @ w)),
            "buy_and_hold": lambda: np.append(1, np.cumprod(1 + R, axis=0) @ w)}[path]()


def drawdown(w, scenarios, path="constant_weights"):
    """Largest loss from a peak, the initial wealth included: of the peak where returns are compounded."""
    V = wealth(w, scenarios, path)
    peak = np.maximum.accumulate(V)
    return ((peak - V) / (1 if path == "uncompounded" else peak)).max()


def cdar(w, scenarios, alpha):
    """Mean of the worst 1 - alpha share of the uncompounded drawdowns, the last of these days in part."""
    V = wealth(w, scenarios, "uncompounded")
    below = np.sort((np.maximum.accumulate(V) - V)[1:])[::-1]
    share = np.clip((1 - alpha) * len(below) - np.arange(len(below)), 0, 1)
    return below @ share / share.sum()


@pytest.mark.parametrize("path", PATHS)
def test_initial_wealth_is_a_peak_on_every_path(path):
    """Losing from the first day: the less of A, which falls more, the better."""
    falling = pd.DataFrame({"A": [-0.02, -0.01], "B": [-0.01, -0.01]})
    assert minimum_drawdown(falling, path=path).weights["B"] == pytest.approx(1, abs=1e-6)


def test_three_drawdowns_by_hand():
    """Half of A, which rises 10 % and falls 20 %, half in cash."""
    path = pd.DataFrame({"A": [0.1, -0.2], "CASH": [0.0, 0.0]})
    measures = drawdown_measures(pd.Series({"CASH": 0.5, "A": 0.5}), path)  # joined by name
    assert measures["constant_weights"] == pytest.approx(0.1)
    assert measures["uncompounded"] == pytest.approx(0.1)
    assert measures["buy_and_hold"] == pytest.approx(0.11 / 1.05)
    falling = pd.DataFrame({"A": [-0.2, -0.1], "CASH": [0.0, 0.0]})  # from the initial wealth, which is a peak
    expected = [1 - 0.9 * 0.95, 0.15, 1 - 0.86]
    np.testing.assert_allclose(drawdown_measures(pd.Series({"A": 0.5, "CASH": 0.5}), falling), expected)
    with pytest.raises(ValueError, match="weights has other assets"):
        drawdown_measures(pd.Series({"A": 1.0}), path)


@pytest.mark.parametrize("end", [*ENDS, 1240, 5000])
def test_each_optimum_is_the_best_of_three_under_its_own_measure(end, returns):
    path = returns.iloc[end - 250 : end]
    table = drawdown_table(path)
    assert list(table.index) == list(table.columns) == list(PATHS)
    for measure in PATHS:
        others = table[measure].drop(measure)
        assert (table.loc[measure, measure] < others - 1e-5).all(), measure


@pytest.mark.parametrize("path", PATHS)
def test_a_measure_is_the_drawdown_of_its_path(path, scenarios):
    weights = pd.Series(np.arange(1, 21) / 210, index=scenarios.columns)
    assert drawdown_measures(weights, scenarios)[path] == pytest.approx(drawdown(weights, scenarios, path))


@pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_the_vietnamese_market_s_table():
    """The 55 complete stocks, 250 returns up to the last trading day of 2022."""
    prices = pd.read_csv(Path(MARKETS) / "vn100_prices.csv", index_col="date", parse_dates=True)
    path = prices.loc[:, (prices > 0).all()].pct_change().loc[:"2022-12-30"].iloc[-250:]
    assert path.shape == (250, 55)
    order = ["uncompounded", "constant_weights", "buy_and_hold"]
    expected = [[0.0773, 0.0785, 0.0873], [0.0788, 0.0777, 0.0879], [0.0824, 0.0819, 0.0823]]
    assert drawdown_table(path).loc[order, order].round(4).to_numpy().tolist() == expected


@pytest.mark.parametrize("end", ENDS)
def test_the_uncompounded_optimum_is_no_worse_than_skfolio_s(end, returns):
    path = returns.iloc[end - 250 : end]
    theirs = MeanRisk(risk_measure=RiskMeasure.MAX_DRAWDOWN).fit(path).weights_
    best = drawdown(theirs, path, "uncompounded")
    ours = drawdown(minimum_drawdown(path, path="uncompounded").weights, path, "uncompounded")
    assert best - 1e-4 < ours <= best + 1e-6


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("alpha", [0.5, 0.95])
def test_the_conditional_drawdown_is_no_worse_than_skfolio_s(alpha, end, returns):
    path = returns.iloc[end - 250 : end]
    theirs = MeanRisk(risk_measure=RiskMeasure.CDAR, cdar_beta=alpha).fit(path).weights_
    ours = minimum_drawdown(path, path="uncompounded", alpha=alpha).weights
    assert cdar(theirs, path, alpha) - 1e-4 < cdar(ours, path, alpha) <= cdar(theirs, path, alpha) + 1e-6


def test_the_conditional_drawdown_goes_from_the_average_to_the_maximum(scenarios):
    def best(alpha):
        return cdar(minimum_drawdown(scenarios, path="uncompounded", alpha=alpha).weights, scenarios, alpha)

    family = [best(alpha) for alpha in (0, 0.3, 0.6, 0.9, 0.99)]
    assert (np.diff(family) > 1e-4).all()
    average = minimum_drawdown(scenarios, path="uncompounded", alpha=0).weights
    assert family[0] == pytest.approx((np.maximum.accumulate(V := wealth(average, scenarios, "uncompounded")) - V)[1:].mean())
    maximum = minimum_drawdown(scenarios, path="uncompounded")
    assert family[-1] < drawdown(maximum.weights, scenarios, "uncompounded") - 1e-5
    for alpha in (1 - 1 / 250, 0.999, 1.0):
        last_day = minimum_drawdown(scenarios, path="uncompounded", alpha=alpha)
        pd.testing.assert_series_equal(last_day.weights, maximum.weights, atol=1e-6)


def test_just_below_one_day_the_conditional_drawdown_is_near_the_maximum(scenarios):
    """Its own program, with a tail, meets the maximum's."""
    tail = minimum_drawdown(scenarios, path="uncompounded", alpha=1 - 1.001 / 250).weights
    maximum = minimum_drawdown(scenarios, path="uncompounded").weights
    assert drawdown(tail, scenarios, "uncompounded") == pytest.approx(drawdown(maximum, scenarios, "uncompounded"), rel=1e-3)


@pytest.mark.parametrize("end", ENDS)
def test_no_linear_program_finds_a_lower_drawdown_of_buy_and_hold(end, returns):
    """At a drawdown lower by a hundred thousandth, the polyhedron of methods on this path is empty."""
    path = returns.iloc[end - 250 : end]
    d = drawdown(minimum_drawdown(path, path="buy_and_hold").weights, path, "buy_and_hold")
    w, u, G = cp.Variable(20), cp.Variable(251), np.vstack([np.ones(20), (1 + path).cumprod()])

    def feasible(d):
        polyhedron = [G @ w >= (1 - d) * u, u[1:] >= u[:-1], u >= G @ w, u[0] >= 1, cp.sum(w) == 1, w >= 0]
        problem = cp.Problem(cp.Minimize(0), polyhedron)
        problem.solve(solver=cp.HIGHS)
        return problem.status == "optimal"

    assert feasible(d * (1 + 1e-5)) and not feasible(d * (1 - 1e-5))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ENDS)
def test_every_path_agrees_with_a_direct_search(end, path, returns):
    three = returns[["JNJ", "KO", "XOM"]].iloc[end - 250 : end]

    def searched(x):
        w = np.append(x, 1 - x.sum())
        return drawdown(w, three, path) if w[-1] >= 0 else 1 - w[-1]

    best = differential_evolution(searched, [(0, 1)] * 2, seed=1, tol=1e-12, popsize=15)
    ours = minimum_drawdown(three, path=path).weights
    assert drawdown(ours, three, path) == pytest.approx(best.fun, rel=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_limits_are_kept_and_the_best_within_them_is_found(path, returns):
    three = returns[["JNJ", "KO", "XOM"]].iloc[-250:]
    held = pd.Series({"XOM": 0.5, "KO": 0.3, "JNJ": 0.2})
    limits = Limits(min_weight=0.1, max_weight=0.6, max_turnover=0.15, held=held)
    ours = minimum_drawdown(three, path=path, limits=limits).weights
    assert ours.between(0.1 - 1e-8, 0.6 + 1e-8).all() and abs(ours - held).sum() / 2 <= 0.15 + 1e-8
    grid = [(a, b, 1 - a - b) for a in np.linspace(0.1, 0.6, 101) for b in np.linspace(0.1, 0.6, 101)
            if 0.1 <= 1 - a - b <= 0.6 and abs(np.array([a, b, 1 - a - b]) - [0.2, 0.3, 0.5]).sum() / 2 <= 0.15 + 1e-9]
    best = min(drawdown(w, three, path) for w in grid)
    free = drawdown(minimum_drawdown(three, path=path).weights, three, path)
    assert free + 1e-4 < drawdown(ours, three, path) <= best + 1e-7 < drawdown(ours, three, path) + 5e-4


@pytest.mark.parametrize("path", PATHS)
def test_a_turnover_that_cannot_be_kept_is_the_least_possible(path, scenarios):
    """A fifth is held in an asset that is gone: it is sold, whatever the limit."""
    held = pd.Series({"GONE": 0.2, "KO": 0.8})
    solution = minimum_drawdown(scenarios, path=path, limits=Limits(max_turnover=0.05, held=held))
    assert solution.weights["KO"] == pytest.approx(0.8, abs=1e-5)
    assert solution.note == "turnover 20 %, the smallest possible"


@pytest.mark.parametrize("path", PATHS)
def test_without_any_drawdown_the_nearest_to_equal_weight_is_taken_on_every_path(path):
    rising = pd.DataFrame({"A": [0.01, 0.03, 0.02], "B": [0.02, 0.01, 0.04], "C": [-0.3, 0.2, 0.1], "D": [-0.5, -0.1, 0.0]})
    solution = minimum_drawdown(rising, path=path)
    assert drawdown(solution.weights, rising, path) < 1e-6 and "nearest equal weight" in solution.note
    nearest = min((sum((x - 0.25) ** 2 for x in w), w)
                  for a in np.linspace(0, 1, 51) for b in np.linspace(0, 1 - a, 51)
                  for c in np.linspace(0, max(1 - a - b, 0), 26)
                  if drawdown(w := (a, b, c, max(1 - a - b - c, 0)), rising, path) < 1e-12)
    assert sum((solution.weights - 0.25) ** 2) <= nearest[0] + 1e-6


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_twins_share_their_weight_on_every_path(problem, scenarios):
    path = scenarios[["JNJ", "KO", "XOM"]]
    alone = problem(path)
    largest = alone.weights.idxmax()
    twins = problem(path.assign(TWIN=path[largest]))
    assert alone.note == "" and "nearest equal weight" in twins.note
    assert twins.weights["TWIN"] == pytest.approx(twins.weights[largest], abs=1e-4)
    assert twins.weights["TWIN"] + twins.weights[largest] == pytest.approx(alone.weights[largest], abs=2e-3)


def test_uncompounded_returns_may_lose_everything():
    total = pd.DataFrame({"A": [-1.0, 0.0], "B": [0.1, -0.2]})
    assert minimum_drawdown(total, path="uncompounded").weights["B"] > 0.5


def test_minimum_drawdown_by_hand():
    """With a third in A day one is flat and day two loses 6.67 %; more of A loses on both, less more on day two."""
    scenarios = pd.DataFrame({"A": [-0.2, 0.0], "B": [0.1, -0.1]})
    solution = minimum_drawdown(scenarios)
    best = min((drawdown([a, 1 - a], scenarios), a) for a in np.linspace(0, 1, 30_001))
    assert solution.weights["A"] == pytest.approx(1 / 3, abs=1e-6) and best[1] == pytest.approx(1 / 3, abs=1e-5)
    assert drawdown(solution.weights, scenarios) == pytest.approx(best[0], rel=1e-6)


def test_initial_wealth_is_a_peak():
    """The loss of the first day counts: half of each asset loses 1 % a day and B alone 2 % at once."""
    scenarios = pd.DataFrame({"A": [0.0, -0.02], "B": [-0.02, 0.0]})
    solution = minimum_drawdown(scenarios)
    assert drawdown(solution.weights, scenarios) == pytest.approx(1 - 0.99**2, rel=1e-5)
    np.testing.assert_allclose(solution.weights, [0.5, 0.5], atol=0.01)  # the optimum is flat


@pytest.mark.parametrize("end", [1240, 5000, 7000])
def test_minimum_drawdown_solves_the_exponential_cone_program(end, returns):
    path = returns.iloc[end - 250 : end]
    w, m, y = cp.Variable(20), cp.Variable(), cp.Variable(251)
    program = cp.Problem(cp.Maximize(m), [
        y[1:] <= y[:-1] + cp.log1p(path.to_numpy() @ w),
        y[0] == 0,
        y <= 0,
        y >= m,
        cp.sum(w) == 1,
        w >= 0,
    ])
    program.solve(solver=cp.CLARABEL)
    assert program.status == "optimal"
    ours = minimum_drawdown(path)
    assert drawdown(ours.weights, path) == pytest.approx(1 - np.exp(m.value), rel=1e-5)
    np.testing.assert_allclose(ours.weights, w.value, atol=5e-3)


def test_minimum_drawdown_is_near_that_of_libraries_and_better_when_compounded(returns):
    path = returns.iloc[-500:-250]
    uncompounded = MeanRisk(risk_measure=RiskMeasure.MAX_DRAWDOWN).fit(path).weights_
    ours = drawdown(minimum_drawdown(path).weights, path)
    assert ours < drawdown(uncompounded, path) < 1.05 * ours


def test_the_order_of_days_matters_to_a_drawdown(returns):
    path = returns.iloc[-250:]
    weights = minimum_drawdown(path).weights
    shuffled = minimum_drawdown(path.sample(frac=1, random_state=1)).weights
    assert (weights - shuffled).abs().max() > 0.05


def test_without_any_drawdown_the_nearest_to_equal_weight_is_taken():
    """A and B never fall and C always does; of all mixes of A and B the even one is nearest equal weight."""
    scenarios = pd.DataFrame({"A": [0.01, 0.03, 0.02], "B": [0.02, 0.01, 0.04], "C": [-0.3, -0.2, -0.1]})
    solution = minimum_drawdown(scenarios)
    assert drawdown(solution.weights, scenarios) < 1e-6
    assert "nearest equal weight" in solution.note
    nearest = min(((w - 1 / 3) ** 2 + (v - 1 / 3) ** 2 + (1 - w - v - 1 / 3) ** 2, w, v)
                  for w in np.linspace(0, 1, 151) for v in np.linspace(0, 1 - w, 151)
                  if drawdown([w, v, max(1 - w - v, 0)], scenarios) == 0)
    np.testing.assert_allclose(solution.weights[:2], nearest[1:], atol=0.02)


def test_more_assets_than_days_leave_many_portfolios_without_a_drawdown():
    rng = np.random.default_rng(8)
    scenarios = pd.DataFrame(rng.normal(0.001, 0.01, size=(20, 50))).rename(columns=str)
    solution = minimum_drawdown(scenarios)
    assert drawdown(solution.weights, scenarios) < 1e-6 and "nearest equal weight" in solution.note
    w = cp.Variable(50)
    never_falls = [scenarios.to_numpy() @ w >= 0, cp.sum(w) == 1, w >= 0]
    cp.Problem(cp.Minimize(cp.sum_squares(w - 1 / 50)), never_falls).solve(solver=cp.CLARABEL)
    np.testing.assert_allclose(solution.weights, w.value, atol=1e-3)


def crowded(n_assets=60, n_days=40):
    """Returns of assets that outnumber days and all lose as much on the first: many portfolios never fall below that."""
    rng = np.random.default_rng(2)
    returns = 0.001 + rng.normal(0, 0.003, (n_days, 1)) + rng.normal(0, 0.01, (n_days, n_assets))
    returns[0] = -0.02
    return pd.DataFrame(returns).rename(columns=str)


def smallest_sum_below_peak(R):
    """Smallest drawdown of summed returns, by scipy: below[t] >= below[t-1] - w'r_t, each below the worst."""
    (n_days, n_assets), before = R.shape, np.eye(len(R), k=-1)
    worst = np.vstack([np.zeros((n_days, 1)), -np.ones((n_days, 1))])
    rows = np.hstack([np.vstack([-R, 0 * R]), np.vstack([before - np.eye(n_days), np.eye(n_days)]), worst])
    best = linprog(np.eye(1, rows.shape[1], rows.shape[1] - 1)[0], rows, np.zeros(len(rows)),
                   [np.arange(rows.shape[1]) < n_assets], [1], method="highs-ds",
                   options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    assert best.status == 0
    return best.fun


def test_the_nearest_to_equal_weight_has_the_smallest_drawdown_to_a_millionth_of_the_best_asset_s():
    scenarios = crowded()
    solution = minimum_drawdown(scenarios, path="uncompounded")
    assert "nearest equal weight" in solution.note
    best_asset = min(drawdown(np.eye(60)[asset], scenarios, "uncompounded") for asset in range(60))
    excess = drawdown(solution.weights, scenarios, "uncompounded") - smallest_sum_below_peak(scenarios.to_numpy())
    assert -1e-9 < excess / best_asset <= 1e-6


@pytest.mark.parametrize("path", PATHS)
def test_of_many_optima_the_one_taken_is_as_good_as_any_to_a_millionth(path, monkeypatch):
    """The program alone, without a wish for weights near equal, tells the smallest drawdown that there is."""
    scenarios, taken = crowded(), minimum_drawdown(crowded(), path=path)
    monkeypatch.setattr(drawdown_module.np.linalg, "matrix_rank", lambda rows, tol: 60)  # as if there were one optimum
    alone = minimum_drawdown(scenarios, path=path)
    assert "nearest equal weight" in taken.note and not alone.note
    best_asset = min(drawdown(np.eye(60)[asset], scenarios, path) for asset in range(60))
    assert drawdown(taken.weights, scenarios, path) <= drawdown(alone.weights, scenarios, path) + 1e-6 * best_asset


def test_weights_beyond_the_smallest_drawdown_are_not_taken(monkeypatch):
    """A solver may call a portfolio optimal that misses what it must keep: any optimum is taken, and the note says so."""
    monkeypatch.setattr(drawdown_module, "_nearest_equal", lambda w, constraints: np.full(w.size, 1 / w.size))
    solution = minimum_drawdown(crowded(), path="uncompounded")
    assert "and this is one of them: the solver exceeded the smallest drawdown" in solution.note
    assert drawdown(solution.weights, crowded(), "uncompounded") == pytest.approx(0.02, abs=1e-7)


def test_one_asset_is_held_whole():
    assert minimum_drawdown(pd.DataFrame({"A": [-0.1, 0.05]})).weights.tolist() == [1.0]


def test_wealth_that_is_lost_cannot_be_compounded():
    with pytest.raises(OptimizationError, match="-100 %"):
        minimum_drawdown(pd.DataFrame({"A": [-1.0, 0.0], "B": [0.1, 0.0]}))


@pytest.mark.parametrize("end", ENDS)
def test_the_family_goes_from_the_average_to_the_maximum_drawdown(end, returns):
    path = returns.iloc[end - 250 : end]
    family = cdar_family(path)
    assert list(family) == ["alpha", "cdar", "maximum_drawdown", "mean_drawdown", "effective_holdings"]
    assert family["alpha"].tolist() == [0, 0.5, 0.9, 0.95, 0.99, 1]
    assert (family["cdar"].diff().dropna() >= -1e-7).all() and family["cdar"].iloc[-1] > 1.2 * family["cdar"].iloc[0]
    largest = family["maximum_drawdown"]
    assert largest.iloc[-1] <= largest.min() + 1e-7 and largest.iloc[-1] < largest.iloc[0] - 0.005
    mean = family["mean_drawdown"]
    assert mean.iloc[0] == pytest.approx(family["cdar"].iloc[0]) and mean.iloc[0] <= mean.min() + 1e-7
    assert family["effective_holdings"].between(1, 20).all()


def test_the_family_ends_in_the_maximum_drawdown_where_one_day_is_left(scenarios):
    family = cdar_family(scenarios, alphas=(1 - 1 / 250, 0.999, 1.0))
    smallest = minimum_drawdown(scenarios, path="uncompounded").weights
    np.testing.assert_allclose(family["cdar"], drawdown(smallest, scenarios, "uncompounded"), rtol=1e-5)
    np.testing.assert_array_equal(family["cdar"], family["maximum_drawdown"])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.953, 0.9999])
def test_each_of_the_family_is_the_best_under_its_own_measure(alpha, scenarios):
    row = cdar_family(scenarios, alphas=(alpha,)).iloc[0]
    own = minimum_drawdown(scenarios, path="uncompounded", alpha=alpha).weights
    assert row["cdar"] == pytest.approx(cdar(own, scenarios, min(alpha, 1 - 1 / 250)))
    assert row["effective_holdings"] == pytest.approx(1 / (own**2).sum())
    for other in {0.0, 0.5, 0.9, 1.0} - {alpha}:
        other_weights = minimum_drawdown(scenarios, path="uncompounded", alpha=other).weights
        assert cdar(other_weights, scenarios, min(alpha, 1 - 1 / 250)) >= row["cdar"] - 1e-7


def test_wealth_that_multiplies_by_hundreds_still_has_a_smallest_drawdown():
    rng = np.random.default_rng(3)
    leaps = pd.DataFrame(np.exp(rng.standard_t(2, (80, 6)) * 0.08) - 1)
    assert leaps.max().max() > 100
    weights = minimum_drawdown(leaps, path="buy_and_hold").weights
    ours = drawdown_measures(weights, leaps)["buy_and_hold"]
    others = [pd.Series(row, leaps.columns) for row in [*np.eye(6), *rng.dirichlet(np.ones(6), 500)]]
    near = [0.99 * weights + 0.01 * other for other in others]
    assert ours <= min(drawdown_measures(other, leaps)["buy_and_hold"] for other in others + near) + 1e-6


def test_a_path_without_a_solution_leaves_the_others_in_the_table():
    table = drawdown_table(pd.DataFrame({"A": [-1.5, 0.1, 0.2], "B": [-1.2, 0.0, 0.1]}))
    assert table.loc["constant_weights"].isna().all() and table.loc["uncompounded"].notna().all()
