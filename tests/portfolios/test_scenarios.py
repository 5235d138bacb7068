"""What every problem on scenarios keeps to, whatever it looks at: losses in `long_only`, paths in `drawdown`."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from skfolio.datasets import load_sp500_dataset

from forefolio.portfolios import drawdown, long_only
from forefolio.portfolios.problems import OptimizationError

PROBLEMS = {  # and the days that each looks at
    "maximum_sortino": (partial(long_only.maximum_sortino, target=0.0001), 500),
    "minimum_cvar": (partial(long_only.minimum_cvar, confidence=0.95), 500),
    "constant_weights": (drawdown.minimum_drawdown, 250),
    "uncompounded": (partial(drawdown.minimum_drawdown, path="uncompounded"), 250),
    "average": (partial(drawdown.minimum_drawdown, path="uncompounded", alpha=0), 250),
    "cdar": (partial(drawdown.minimum_drawdown, path="uncompounded", alpha=0.9), 250),
    "buy_and_hold": (partial(drawdown.minimum_drawdown, path="buy_and_hold"), 250),
}
each_problem = pytest.mark.parametrize("problem, days", PROBLEMS.values(), ids=PROBLEMS)


@pytest.fixture(scope="module")
def returns():
    return load_sp500_dataset().pct_change().iloc[1:]


@each_problem
def test_weights_are_long_only_labelled_and_sum_to_one(problem, days, returns):
    scenarios = returns.iloc[-days:]
    solution = problem(scenarios)
    assert solution.weights.index.equals(scenarios.columns)
    assert solution.weights.sum() == pytest.approx(1, abs=1e-12) and (solution.weights >= 0).all()
    assert solution.status == "optimal" and solution.note == ""


@each_problem
def test_permuting_assets_permutes_weights(problem, days, returns):
    scenarios = returns.iloc[-days:]
    weights = problem(scenarios[scenarios.columns[::-1]]).weights
    pd.testing.assert_series_equal(weights.loc[scenarios.columns], problem(scenarios).weights, atol=1e-3, rtol=0)


@each_problem
def test_gaps_give_no_weights(problem, days, returns):
    scenarios = returns.iloc[-days:]
    gap = scenarios.copy()
    gap.iloc[3, 1] = np.nan
    with pytest.raises(OptimizationError, match="gaps in AMD"):
        problem(gap)
