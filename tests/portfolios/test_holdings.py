from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from decided_weights import DATES, decided, returns  # noqa: F401  a fixture among them
from rebalance_market import TERMS

from forefolio.portfolios import decisions, holdings
from forefolio.portfolios.long_only import risk_parity


def test_the_nearest_strategy_is_the_one_at_the_smallest_mean_distance():
    rows = [(date, strategy, asset, weight) for strategy, both in
            {"A": (0.5, 0.5), "B": (0.5, 0.9), "C": (0.75, 0.75)}.items()
            for date, first in enumerate(both) for asset, weight in (("x", first), ("y", 1 - first))]
    weights = pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])
    nearest = holdings.nearest_strategy(weights).set_index("strategy")
    assert nearest["nearest"].to_dict() == {"A": "B", "B": "A", "C": "B"}  # B is 0.4 from A on one date, C never more than 0.25
    assert nearest["mean_distance"].round(12).to_dict() == {"A": 0.2, "B": 0.2, "C": 0.2}
    assert nearest["largest_distance"].round(12).to_dict() == {"A": 0.4, "B": 0.4, "C": 0.25}
    alone = holdings.nearest_strategy(weights[weights["strategy"] == "A"])
    assert alone["nearest"].tolist() == [""] and alone["mean_distance"].isna().all()


def test_near_copies_of_one_framework_share_a_line_within_the_distance_that_is_asked_for():
    near, far = (0.408, 0.292, 0.3), (0.42, 0.28, 0.3)
    weights = decided(**{"mean+rpp": [(0.4, 0.3, 0.3)] * 3, "lstm+rpp": [near] * 3, "cnn1d+rpp": [far] * 3, "lstm+mdp": [near] * 3})
    assert list(holdings.merged(weights, apart=0.01)["strategy"].unique()) == ["mean=lstm+rpp", "cnn1d+rpp", "lstm+mdp"]
    assert holdings.merged(weights)["strategy"].nunique() == 4


def test_a_portfolio_without_risk_has_weights_and_no_shares_of_risk():
    Sigma = pd.DataFrame([[1e-4, 0.0], [0.0, 0.0]], ["A", "peg"], ["A", "peg"])
    risk = holdings.marginal_risk(pd.Series({"A": 0.0, "peg": 1.0}), Sigma)
    assert risk["weight"].tolist() == [0, 1] and risk["covariance_with_portfolio"].tolist() == [0, 0]
    assert risk[["marginal_risk", "correlation_with_portfolio", "risk_contribution", "risk_share"]].isna().all(axis=None)


def test_rpp_distance_is_from_the_window_without_limits_over_all_that_could_be_bought(returns):
    """Also of a strategy that holds less: an asset that another strategy holds could be bought."""
    options = {"terms": replace(TERMS, estimation_window=30)}
    weights = decided(**{"lstm+rpp": [(0.5, 0.5, 0)] * 3, "equal_weight": [(1 / 3, 1 / 3, 1 / 3)] * 3})
    distance = decisions.rpp_distance(returns, weights, **options).iloc[0]
    parities = [risk_parity(returns.loc[:date].iloc[-30:].cov()).weights for date in DATES]
    expected = [(parity - [0.5, 0.5, 0]).abs().sum() / 2 for parity in parities]
    assert distance.to_dict() == {"strategy": "lstm+rpp", "mean_distance": pytest.approx(np.mean(expected)),
                                  "largest_distance": pytest.approx(max(expected)), "n_dates": len(DATES)}
    without = decisions.rpp_distance(returns, decided(**{"lstm+rpp": [(0.5, 0.5, 0)] * 3}), **options).iloc[0]
    assert without["mean_distance"] < distance["mean_distance"]


def test_distance_is_half_of_what_differs_date_by_date_and_an_unnamed_asset_has_no_weight():
    weights = decided(**{"lstm+mvf": [(1, 0, 0), (0.5, 0.5, 0), (0, 0, 1)],
                         "mean+mvf": [(0, 1, 0), (0.5, 0.3, 0.2), (0, 0, 1)]})
    for rows in (weights, weights[weights["weight"] != 0], weights.sample(frac=1, random_state=1)):
        distance = holdings.distance_from(rows, "mean+mvf")
        np.testing.assert_allclose(distance["lstm+mvf"], [1, 0.2, 0], atol=1e-12)
        assert (distance["mean+mvf"] == 0).all() and distance.index.tolist() == list(DATES)


def test_near_copies_count_once_by_the_date_where_they_differ_most():
    base = (0.4, 0.3, 0.3)
    near, far, chain = (0.408, 0.292, 0.3), (0.42, 0.28, 0.3), (0.416, 0.284, 0.3)
    weights = decided(**{"mean+rpp": [base] * 3, "cnn1d+rpp": [base, base, far], "lstm+rpp": [base, base, near],
                         "gru+rpp": [chain] * 3})
    # lstm is near to mean, if not to cnn1d; gru to cnn1d on the last date only, and further than 1 % from mean
    assert holdings.near_copies(weights) == {"mean=lstm+rpp": ["mean+rpp", "lstm+rpp"], "cnn1d+rpp": ["cnn1d+rpp"],
                                             "gru+rpp": ["gru+rpp"]}
    assert list(holdings.near_copies(weights, apart=0.005)) == ["mean+rpp", "cnn1d+rpp", "lstm+rpp", "gru+rpp"]
    assert list(holdings.near_copies(weights, apart=0.05)) == ["mean=cnn1d=lstm=gru+rpp"]


def test_of_copies_the_one_without_a_model_counts():
    weights = decided(**{"zero+rpp": [(1 / 3, 1 / 3, 1 / 3)] * 3, "zero+mvf": [(1, 0, 0)] * 3,
                         "equal_weight": [(1 / 3, 1 / 3, 1 / 3)] * 3})
    assert holdings.near_copies(weights) == {"zero+mvf": ["zero+mvf"], "equal_weight": ["equal_weight", "zero+rpp"]}


def test_near_copies_stand_once_in_rows_and_in_columns_and_the_benchmark_stays():
    copies = {"mean=lstm+rpp": ["mean+rpp", "lstm+rpp"], "equal_weight": ["equal_weight", "zero+mvf"]}
    columns = pd.DataFrame({name: [i] for i, name in enumerate(["lstm+rpp", "mean+rpp", "zero+mvf", "equal_weight", "benchmark"])})
    assert holdings.once(columns, copies).iloc[0].to_dict() == {"mean=lstm+rpp": 1, "equal_weight": 3, "benchmark": 4}
    rows = columns.T.reset_index().set_axis(["strategy", "sharpe"], axis=1)
    assert holdings.once(rows, copies).to_numpy().tolist() == [["mean=lstm+rpp", 1], ["equal_weight", 3], ["benchmark", 4]]


def test_what_no_strategy_holds_has_no_share_of_the_risk(returns):
    """An asset that cannot be bought would else be counted in the equal share that the figure draws."""
    weights = decided(**{"lstm+rpp": [(0.5, 0.5, 0)] * 3, "lstm+mvf": [(1, 0, 0), (0, 0, 1), (0, 0, 1)]})
    terms = replace(TERMS, estimation_window=30)
    first, last = (holdings.risk_contributions(returns, weights, date=date, terms=terms) for date in DATES[[0, 2]])
    assert first["asset"].tolist() == ["A", "B"] * 2 and last["asset"].tolist() == ["A", "B", "C"] * 2
    Sigma = returns.loc[:DATES[0], ["A", "B"]].iloc[-30:].cov()
    pd.testing.assert_frame_equal(first[first["strategy"] == "lstm+rpp"].set_index("asset").drop(columns="strategy"),
                                  holdings.marginal_risk(pd.Series(0.5, ["A", "B"]), Sigma))
