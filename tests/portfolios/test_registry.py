"""Terms of a study, a function for every framework, one added from outside, and the days that portfolios need."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rebalance_market import TERMS, dates, forecasts, returns  # noqa: F401  fixtures

from forefolio.portfolios import decisions, registry
from forefolio.portfolios.problems import Limits
from forefolio.study import vocabulary
from forefolio.study.parameters import Study

OUTSIDE = '''
import numpy as np
import pandas as pd

from forefolio.portfolios import registry
from forefolio.portfolios.problems import Solution
from forefolio.study import vocabulary


def inverse_volatility(covariance, terms, limits):
    """Weights in proportion to one over each asset's volatility."""
    calm = pd.Series(1 / np.sqrt(np.diag(covariance)), covariance.columns).clip(upper=1e4)
    return Solution(calm / calm.sum(), "closed form", "optimal", "" if limits.max_weight == 1 else "limits are for others")


vocabulary.FRAMEWORKS["toy"] = vocabulary.Framework("inverse volatility", 60, 0.6, 1.0, "covariance", True, "calm")
registry.FRAMEWORKS["toy"] = inverse_volatility
'''


@pytest.fixture
def outside(monkeypatch):
    """A framework of another module, forgotten after the test."""
    for names in (vocabulary.FRAMEWORKS, registry.FRAMEWORKS):
        monkeypatch.setitem(names, "toy", None)
    exec(compile(OUTSIDE, "outside.py", "exec"), {})


def test_every_framework_has_its_function_and_sees_what_decisions_can_show():
    assert list(registry.FRAMEWORKS) == list(vocabulary.FRAMEWORKS)
    assert {kind.sees for kind in vocabulary.FRAMEWORKS.values()} == set(decisions.SEEN)


@pytest.mark.parametrize("limits", [Limits(), Limits(min_weight=0.05), Limits(0.05, 0.4)])
@pytest.mark.parametrize("name", registry.MANY)
def test_what_decides_many_forecasts_at_once_decides_each_as_it_would_alone(name, limits, returns):
    rng, Sigma = np.random.default_rng(2), returns.cov()
    mus = pd.DataFrame(rng.normal(0, 0.003, (6, 5)), columns=returns.columns[::-1])
    mus.iloc[0] = 0.0
    many = registry.MANY[name](mus, Sigma, TERMS, limits)
    for row, mu in mus.iterrows():
        alone = registry.FRAMEWORKS[name](mu, Sigma, TERMS, limits).weights
        pd.testing.assert_series_equal(many.loc[row], alone, atol=1e-7, check_names=False)


def test_a_framework_from_outside_decides_like_the_others(outside, returns, forecasts, dates):
    assert OUTSIDE.count("\n") < 30
    weights, log = decisions.decide(returns, forecasts, returns.notna(), rebalance_dates=dates[:2],
                                    frameworks=["toy", "rpp"], terms=replace(TERMS, scenarios="history"))
    toy = weights[weights["strategy"] == "toy"].pivot(index="rebalance_date", columns="asset", values="weight")
    for date in dates[:2]:
        expected = 1 / returns.loc[:date].iloc[-60:].std()
        np.testing.assert_allclose(toy.loc[date, returns.columns], expected / expected.sum())
    assert (log.loc[log["strategy"] == "toy", "status"] == "optimal").all()
    limits = Limits(max_weight=0.5)
    _, log = decisions.decide(returns, forecasts, returns.notna(), rebalance_dates=dates[:1], frameworks=["toy"],
                              terms=replace(TERMS, limits=limits))
    assert (log.loc[log["strategy"] != "equal_weight", "note"] == "limits are for others").all()


def test_the_terms_of_a_study_have_its_values_and_the_risk_free_return_a_day():
    terms = registry.Terms.of(Study(risk_aversion=7.0, risk_free_rate=0.0365, periods_per_year=365, min_weight=0.01,
                                    max_weight=0.2, max_turnover=0.3, ridge=0.5))
    assert (terms.risk_aversion, terms.risk_free, terms.ridge) == (7.0, pytest.approx(0.0001), 0.5)
    assert terms.limits == Limits(0.01, 0.2, 0.3)
    two = pd.DataFrame({"A": [0.01, 0.03], "B": [0.02, 0.00]})
    np.testing.assert_allclose(terms.covariance(two), [[0.0003, -0.0002], [-0.0002, 0.0003]])


def needs(**changed):
    return {need.parameter: (need.days, need.period) for need in registry.needed_days(Study(**changed), n_assets=5)}


def test_the_days_that_are_said_to_be_needed_are_enough_and_one_fewer_is_not(returns, forecasts, dates):
    """At the first rebalance: known days for the window, days of validation for the residual, which has no forecast before."""
    known = returns.loc[:dates[0]]
    first = forecasts[forecasts["horizon"] == 1]["target_date"].min()
    validation = len(known.loc[first:])
    for changed, name, there in [({}, "estimation_window", len(known)), ({}, "residual_window", validation),
                                 ({"use_residual": False}, "residual_window", len(known))]:
        assert needs(**changed, **{name: there})[name] == (there, "known" if there == len(known) else "validation")
        decided(returns, forecasts, dates, **changed, **{name: there})
        if there == validation:
            of_model = decisions.average_over_seeds(forecasts, model="lstm")
            made = decisions.next_day_forecasts(of_model, known.iloc[-there - 1:]).notna().all(axis=1)
            assert made.iloc[1:].all() and not made.iloc[0]
        else:
            with pytest.raises(ValueError, match=name):
                decided(returns, forecasts, dates, **changed, **{name: there + 1})


def decided(returns, forecasts, dates, **changed):
    """All that stage 05 asks of residuals."""
    terms = replace(TERMS, **changed)
    decisions.decide(returns, forecasts, returns.notna(), rebalance_dates=dates[:1], frameworks=["mvf"], terms=terms)
    return decisions.mvf_means(returns, forecasts, returns.notna(), rebalance_dates=dates[:1], terms=terms)


def test_forecasts_alone_need_two_days_of_them_where_a_framework_looks_at_a_path():
    assert needs(scenarios="forecast_only")["scenarios"] == (2, "validation")
    assert "scenarios" not in needs(scenarios="forecast_only", frameworks=["mvf", "tangency"])
    assert "scenarios" not in needs()


def test_bounds_are_checked_for_frameworks_that_have_limits():
    registry.check_bounds(Study(max_weight=0.2), n_assets=5)
    with pytest.raises(ValueError, match="^max_weight: 0.19 makes it impossible for the weights of 5 assets to sum to one; set at least 0.2$"):
        registry.check_bounds(Study(max_weight=0.19), n_assets=5)
    with pytest.raises(ValueError, match="^min_weight: 0.21 makes it impossible for the weights of 5 assets to sum to one; set at most 0.2$"):
        registry.check_bounds(Study(min_weight=0.21), n_assets=5)
    registry.check_bounds(Study(max_weight=0.19, frameworks=["tangency"]), n_assets=5)


def test_what_says_how_many_days_are_needed_and_what_describes_weights_loads_no_solver():
    script = ("import sys; from forefolio.portfolios import holdings, problems, registry; "
              "print([name for name in ('cvxpy', 'highspy') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def learned(*rows):
    return pd.DataFrame(rows, columns=["seed", "rebalance_date", "asset", "weight"])


def test_learned_weights_are_the_mean_of_trainings_of_what_can_be_bought(returns, forecasts, dates):
    """XOM is not traded on the second date; its weight goes to the others in proportion."""
    first, second = dates[:2]
    given = {1: [0.6, 0.1, 0.1, 0.0, 0.2], 2: [0.2, 0.3, 0.1, 0.0, 0.4]}
    trained = learned(*((seed, date, asset, weight) for seed, weights in given.items() for date in (first, second)
                        for asset, weight in zip(returns.columns, weights, strict=True)))
    traded = returns.notna()
    traded.loc[second, "XOM"] = False
    weights, log = decisions.decide(returns, forecasts, traded, rebalance_dates=dates[:2], terms=TERMS,
                                    frameworks=["dls", "rpp"], learned=trained)
    dls = weights[weights["strategy"] == "dls"].pivot(index="rebalance_date", columns="asset", values="weight")
    np.testing.assert_allclose(dls.loc[first, returns.columns], [0.4, 0.2, 0.1, 0.0, 0.3], atol=1e-12)
    held = dls.loc[second, returns.columns].to_numpy()
    np.testing.assert_allclose(held[1:3] / held[0], [0.5, 0.25], atol=1e-12)
    assert set(log.loc[log["strategy"] == "dls", "status"]) == {"optimal"} and not any("+dls" in name for name in log["strategy"])
    alone, _ = decisions.decide(returns, forecasts, traded, rebalance_dates=dates[:2], terms=TERMS, frameworks=["rpp"])
    pd.testing.assert_frame_equal(weights[weights["strategy"] != "dls"].reset_index(drop=True), alone)


@pytest.mark.parametrize("trained", [None, learned(), learned((1, "2022-03-31", "AAPL", 0.0))])
def test_where_no_training_decides_equal_weight_is_held_and_said(trained, returns, forecasts, dates):
    if trained is not None:
        trained["rebalance_date"] = pd.DatetimeIndex(trained["rebalance_date"])
    weights, log = decisions.decide(returns, forecasts, returns.notna(), rebalance_dates=dates[:1], terms=TERMS,
                                    frameworks=["dls"], learned=trained)
    assert (weights.loc[weights["strategy"] == "dls", "weight"] == 0.2).all()
    assert log.loc[0, ["strategy", "status"]].tolist() == ["dls", "failed"]
    assert log.loc[0, "note"] == "equal weight instead: no training holds any asset that can be bought"


def test_a_study_without_learned_weights_loads_no_keras_for_them():
    script = ("import sys, pandas as pd; from forefolio.portfolios import decisions; from forefolio.study.parameters import Study; "
              "made = decisions.learned_weights(pd.DataFrame(), Study(), traded=None, rebalance_dates=[]); "
              "print([len(frame) for frame in made.values()], 'keras' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 0] False"


def test_weights_are_learned_anew_where_refit_says_so_and_each_date_has_those_of_the_latest_fit(monkeypatch, returns, dates):
    """Of the trainings' dates, costs and periods; nothing is trained here."""
    asked = []

    def remembered(function, returns, days, learning):
        asked.append((function.__name__, days, learning))
        weights = pd.DataFrame({"seed": 7, "rebalance_date": pd.DatetimeIndex(days), "asset": "AAPL", "weight": 1.0})
        history = pd.DataFrame({"seed": [7], "epoch": [1], "sharpe": [1.0], "validation_sharpe": [0.5], "kept": [True]})
        return {"weights": weights, "history": history}

    study = Study(start="2021-06-01", end="2022-08-01", train_end="2021-10-29", validation_end="2022-03-31",
                  frameworks=["dls"], refit="quarterly", cost_bps=20.0, seeds=3)
    made = decisions.learned_weights(returns, study, traded=returns.notna(), rebalance_dates=dates, remember=remembered)
    assert [name for name, _, _ in asked] == ["trained_weights"] * 2
    assert [days for _, days, _ in asked] == [["2022-03-31", "2022-04-29", "2022-05-31"], ["2022-06-30"]]
    assert [(learning.train_end, learning.validation_end) for _, _, learning in asked] == [
        ("2021-10-29", "2022-03-31"), ("2022-01-28", "2022-06-30")]
    assert {(learning.cost_bps, learning.seeds, learning.seed) for _, _, learning in asked} == {(20.0, 3, 7)}
    assert made["history"]["fitted_until"].tolist() == ["2022-03-31", "2022-06-30"]
    assert made["weights"]["rebalance_date"].tolist() == list(dates)


def test_days_that_learned_weights_need_are_enough_and_one_fewer_is_not():
    from forefolio.portfolios import end_to_end

    assert needs(frameworks=["dls"], lookback=9)["lookback"] == (30, "training")
    assert needs(frameworks=["dls"])["validation_end"] == (21, "validation") and "validation_end" not in needs()
    assert end_to_end.paths(9 - 1, 30 - 1, hold=21).size == end_to_end.paths(30 - 1, 30 + 21 - 1, hold=21).size == 1
    for first, last in [(9 - 1, 29 - 1), (30 - 1, 30 + 20 - 1)]:
        with pytest.raises(ValueError, match="^A path needs 21 days"):
            end_to_end.paths(first, last, hold=21)
