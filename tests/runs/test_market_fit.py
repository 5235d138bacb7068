"""Does a study fit its market? Each limit to the day, and no market loaded more often than it must be."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forefolio.market import csv_files, sources
from forefolio.runs import market_fit
from forefolio.study.parameters import Study, StudyError

TRAINING, VALIDATION, TEST = 100, 40, 30  # returns of the market below, on which 5 assets trade
DAYS = pd.bdate_range("2020-01-01", periods=1 + TRAINING + VALIDATION + TEST, name="date")
BASE = {"source": "csv", "prices_path": "/five.csv", "start": DAYS[0].date(), "end": DAYS[-1].date(),
        "train_end": DAYS[TRAINING].date(), "validation_end": DAYS[TRAINING + VALIDATION].date(), "models": ["zero", "mean"],
        "portfolio_models": ["mean"], "lookback": 10, "windows": [5, 10], "estimation_window": 60, "residual_window": 10,
        "correlation_window": 20}


@pytest.fixture
def loaded(monkeypatch) -> list[Study]:
    """The studies whose market was loaded; the market itself is made here."""
    calls = []

    def load(of: Study) -> sources.Market:
        calls.append(of)
        rng = np.random.default_rng(of.seed)
        levels = 100 * np.exp(rng.normal(0, 0.01, (len(DAYS), 6)).cumsum(axis=0))
        prices = pd.DataFrame(levels, DAYS, [*"ABCDE", "INDEX"])
        files = {of.prices_path: "its hash"}
        return sources.Market(prices.drop(columns="INDEX"), prices[["INDEX"]], [], pd.DataFrame(), files)

    monkeypatch.setattr(sources, "load", load)
    return calls


def a_study(**changes) -> Study:
    return Study(**BASE | changes)


# ------------------------------------------------------------------------------------------------------------ limits
JOINT = {"network_scope": "joint", "models": ["zero", "mean", "lstm"], "network_target": "window"}


@pytest.mark.parametrize(("parameter", "most", "others"), [
    ("lookback", TRAINING - 1, {}),
    ("ar_lags", 49, {"train_end": DAYS[101].date(), "models": ["zero", "mean", "ar"]}),
    ("correlation_window", TRAINING + VALIDATION + TEST, {}),
    ("estimation_window", TRAINING + VALIDATION, {}),
    ("residual_window", VALIDATION, {}),
    ("predictability_lag", TRAINING - 1, {"source": "simulated"}),
])
def test_a_span_fits_to_the_day_and_not_a_day_more(parameter, most, others, loaded):
    market_fit.check(a_study(**others, **{parameter: most}))
    with pytest.raises(StudyError, match=rf"^{parameter}: {most + 1} does not fit \d+ returns; .*so change it, or move start"):
        market_fit.check(a_study(**others, **{parameter: most + 1}))


@pytest.mark.parametrize(("target", "most"), [("window", TEST // 2), ("next_day", TEST - 1)])
def test_the_longest_window_of_a_joint_network_and_its_labels_fit_the_shortest_period(target, most, loaded):
    market_fit.check(a_study(**JOINT | {"network_target": target, "windows": [10, most]}))
    with pytest.raises(StudyError, match=rf"^windows: \[10, {most + 1}\] does not fit {TEST} returns"):
        market_fit.check(a_study(**JOINT | {"network_target": target, "windows": [10, most + 1]}))
    market_fit.check(a_study(windows=[10, most + 1]))


@pytest.mark.parametrize("n_days", [0, 1])
def test_a_test_period_of_less_than_two_days_is_refused(n_days, loaded):
    with pytest.raises(StudyError, match="test"):
        market_fit.check(a_study(validation_end=DAYS[-1 - n_days].date(), end=date(2030, 1, 1)))
    market_fit.check(a_study(validation_end=DAYS[-3].date(), end=date(2030, 1, 1)))


def test_a_market_that_is_asleep_at_a_decision_is_refused_before_any_kernel(monkeypatch):
    levels = 100 * np.exp(np.random.default_rng(1).normal(0, 0.01, (len(DAYS), 4)).cumsum(axis=0))
    levels[-20:] = levels[-20]
    prices = pd.DataFrame(levels, DAYS, list("ABCD"))
    monkeypatch.setattr(sources, "load", lambda of: sources.Market(prices, prices[["A"]], [], pd.DataFrame(), {}))
    market_fit.check(a_study(validation_end=DAYS[-30].date(), stale_days=30))
    with pytest.raises(StudyError, match=r"^Nothing can be bought at the decision of 20\d\d-\d\d-\d\d: each of 4 assets has no move"):
        market_fit.check(a_study(validation_end=DAYS[-5].date()))


def test_lags_of_an_autoregression_that_is_not_fitted_may_be_any(loaded):
    market_fit.check(a_study(ar_lags=500))


def test_the_residual_window_must_fit_what_is_known_even_where_no_residual_is_added(loaded):
    """Stage 05 tells how much of a forecast is momentum from that window all the same."""
    known = {"use_residual": False, "estimation_window": 60}
    market_fit.check(a_study(residual_window=TRAINING + VALIDATION, **known))
    with pytest.raises(StudyError, match=f"^residual_window: {TRAINING + VALIDATION + 1} does not fit"):
        market_fit.check(a_study(residual_window=TRAINING + VALIDATION + 1, **known))


def test_spans_that_a_study_does_not_use_may_be_any(loaded):
    market_fit.check(a_study(use_residual=False, residual_window=VALIDATION + 1))
    market_fit.check(a_study(predictability_lag=TRAINING + 1))


def test_a_sample_covariance_needs_more_days_than_assets_and_a_regular_one_does_not(loaded):
    enough, few = DAYS[7].date(), DAYS[6].date()  # seven returns, the sample covariance's least for five assets, and six
    short = {"lookback": 2, "ar_lags": 1, "windows": [2], "estimation_window": 10}
    market_fit.check(a_study(train_end=enough, **short))
    with pytest.raises(StudyError, match="^train_end: .* does not fit 6 returns; the sample covariance of 5 assets"):
        market_fit.check(a_study(train_end=few, **short))
    market_fit.check(a_study(train_end=few, ridge=0.01, **short))
    market_fit.check(a_study(train_end=few, covariance_estimator="ledoit_wolf", **short))


def test_bounds_must_let_the_weights_sum_to_one(loaded):
    market_fit.check(a_study(max_weight=0.2))
    market_fit.check(a_study(min_weight=0.2))
    with pytest.raises(StudyError, match="max_weight: 0.19 makes it impossible for the weights of 5 assets to sum to one; set at least 0.2"):
        market_fit.check(a_study(max_weight=0.19))
    with pytest.raises(StudyError, match="min_weight: 0.21 makes it impossible for the weights of 5 assets to sum to one; set at most 0.2"):
        market_fit.check(a_study(min_weight=0.21))
    market_fit.check(a_study(max_weight=0.19, frameworks=["tangency"]))


def test_scenarios_of_forecasts_alone_need_forecasts(loaded):
    one_day = {"validation_end": DAYS[TRAINING + 1].date(), "use_residual": False, "scenarios": "forecast_only"}
    with pytest.raises(StudyError, match="^scenarios: forecast_only does not fit 1 returns; it needs forecasts for days before"):
        market_fit.check(a_study(**one_day))
    market_fit.check(a_study(**one_day, frameworks=["mvf"]))
    market_fit.check(a_study(**one_day | {"scenarios": "append"}))


def test_the_files_of_the_prices_come_back(loaded):
    assert market_fit.check(a_study()) == {"01_data": {"/five.csv": "its hash"}, "04_forecasting": {}}


# ----------------------------------------------------------------------------------------------------- loaded once
def test_studies_of_one_market_load_it_once(loaded):
    known = market_fit.Markets()
    others = ({"risk_aversion": 5.0}, {"lookback": 20}, {"cost_bps": 10.0}, {"study": "other"}, {"paper": "nguyen2025"})
    for changes in ({}, *others):
        assert market_fit.check(a_study(**changes), known) == {"01_data": {"/five.csv": "its hash"}, "04_forecasting": {}}
    assert len(loaded) == 1


def test_what_is_known_does_not_spare_the_check(loaded):
    known = market_fit.Markets()
    market_fit.check(a_study(), known)
    with pytest.raises(StudyError, match="lookback: 500 does not fit 100 returns"):
        market_fit.check(a_study(lookback=500), known)
    assert len(loaded) == 1


@pytest.mark.parametrize("changes", [{"prices_path": "/other.csv"}, {"tickers": ["A", "B"]}, {"train_end": DAYS[50].date()},
                                     {"max_missing": 0.5}, {"benchmark_path": "/index.csv"}, {"drop_jumps": True}])
def test_another_market_is_loaded(changes, loaded):
    known = market_fit.Markets()
    for one in (a_study(), a_study(**changes), a_study()):
        market_fit.check(one, known)
    assert len(loaded) == 2


def test_without_a_memory_each_study_loads_its_market(loaded):
    market_fit.check(a_study())
    market_fit.check(a_study())
    assert len(loaded) == 2


def test_studies_of_all_seeds_share_a_market_and_a_simulated_one_has_a_seed_of_its_own(loaded):
    known = market_fit.Markets()
    for seed in (1, 2, 3):
        market_fit.check(a_study(seed=seed), known)
    assert len(loaded) == 1
    for seed, simulated_seed in [(1, 1), (2, 1), (3, 1), (3, 2)]:
        market_fit.check(a_study(source="simulated", seed=seed, simulated_seed=simulated_seed), known)
    assert [of.simulated_seed for of in loaded[1:]] == [1, 2]


def test_a_market_that_cannot_be_loaded_is_not_remembered(loaded, monkeypatch):
    def fails(of):
        raise csv_files.MarketError("tickers: NOPE are not there")

    known = market_fit.Markets()
    with monkeypatch.context() as patched:
        patched.setattr(sources, "load", fails)
        with pytest.raises(ValueError, match="NOPE"):
            market_fit.check(a_study(), known)
    assert market_fit.check(a_study(), known) == {"01_data": {"/five.csv": "its hash"}, "04_forecasting": {}}


def test_rows_a_year_that_contradict_the_study_are_refused_before_any_kernel(loaded):
    with pytest.raises(StudyError, match=r"^periods_per_year: 365 does not fit the prices, which have 26\d rows per year .*; set it to 252$"):
        market_fit.check(a_study(periods_per_year=365))
