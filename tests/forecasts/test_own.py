"""Forecasts from a user's file: what is refused, what is missing, and that a model's own forecasts, read back, change nothing."""

import gzip
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forefolio.forecasts import own, registry
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.market.returns import rebalance_dates
from forefolio.portfolios import decisions
from forefolio.portfolios.registry import Terms
from forefolio.report import sentences
from forefolio.study.parameters import Study, StudyError

DAYS = pd.bdate_range("2020-01-01", "2021-06-30", name="date")
SPLIT = {"train_end": "2020-06-30", "validation_end": "2020-12-31"}
STUDY = Study(models=["zero", "mean", "ar", "ridge"], portfolio_models=["mean", "ar"], estimation_window=60, ar_lags=2, **SPLIT)
TERMS = replace(Terms.of(STUDY), residual_window=20)
SCHEDULE = forecast_schedule(DAYS, **SPLIT)
DATES = rebalance_dates(DAYS, validation_end=SPLIT["validation_end"])
TEST = {"first": "2021-01-01", "last": "2021-06-30"}


@pytest.fixture(scope="module")
def returns() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    common = rng.normal(0.0003, 0.008, (len(DAYS), 1))
    return pd.DataFrame(common + rng.normal(0, 0.01, (len(DAYS), 3)), DAYS, ["0050", "NA", "B"])


@pytest.fixture(scope="module")
def traded(returns) -> pd.DataFrame:
    return returns.notna()


@pytest.fixture(scope="module")
def made(returns, traded) -> pd.DataFrame:
    return registry.forecasts(returns, study=STUDY, traded=traded).forecasts


def file_of(rows: pd.DataFrame, path) -> str:
    rows.to_csv(path, index=False)
    return str(path)


def loaded(path, returns, tickers=("0050", "NA", "B", "LEFT")) -> own.Own:
    return own.load(STUDY.model_copy(update={"forecasts_path": str(path)}), returns, traded=returns.notna(), tickers=tickers)


def some(**columns) -> pd.DataFrame:
    """Two honest rows, with columns changed."""
    return pd.DataFrame({"decision_date": ["2021-01-29", "2021-02-26"], "asset": ["B", "0050"], "forecast": [0.001, -0.002]} | columns)


# ---------------------------------------------------------------------------------------------------------- what is read
def test_csv_gzip_and_parquet_hold_the_same(tmp_path, returns):
    rows = some(asset=["NA", "0050"], forecast=["", "1e-3"], unknown=["x", "y"])[["forecast", "asset", "unknown", "decision_date"]]
    text = rows.to_csv(index=False)
    (tmp_path / "a.csv").write_text("\ufeff" + text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows.assign(forecast=[np.nan, 0.001], decision_date=pd.to_datetime(rows["decision_date"])).to_parquet(tmp_path / "a.parquet")
    read = [loaded(tmp_path / name, returns) for name in ("a.csv", "a.csv.gz", "a.parquet")]
    expected = pd.DataFrame({"decision_date": pd.DatetimeIndex(["2021-02-26"]).as_unit("us"), "asset": ["0050"], "horizon": [1],
                             "model": ["own"], "forecast": [0.001]})
    for one in read:
        pd.testing.assert_frame_equal(one.forecasts, expected)
    assert len({*sum(([*one.files.values()] for one in read), [])}) == 3, "the hash is of the bytes"


def test_a_study_without_a_file_has_none(returns):
    empty = own.load(STUDY, returns, traded=returns.notna(), tickers=[])
    assert empty.forecasts.empty and empty.files == {} and list(empty.forecasts) == own.COLUMNS
    covered = own.coverage(empty.forecasts, SCHEDULE, n_assets=3)
    assert covered.empty and sentences.covered(covered) == []


@pytest.mark.parametrize(("changes", "said"), [
    ({"decision_date": ["2021-01-29", "2021-02-27"]}, "decided on 2021-02-27, which is not a trading day"),
    ({"decision_date": ["2021-01-29", "26/02/2021"]}, "row 2 below the header: decision_date 26/02/2021 is not a date"),
    ({"decision_date": ["2021-01-29", "2021-02-26 16:00"]}, "row 2 below the header: decision_date 2021-02-26 16:00 is not a date"),
    ({"asset": ["B", "C"]}, "has forecasts of C, which the study does not have"),
    ({"asset": ["B", "B"], "decision_date": ["2021-01-29"] * 2}, "has two forecasts of B by own on 2021-01-29, horizon 1; keep one"),
    ({"forecast": [0.5, -30]}, "row 2 below the header: forecast -30.0 is not a simple return per day"),
    ({"forecast": [0.5, 1.5]}, "has forecasts of own whose median size is 1 a day; they look like percent, so divide them by 100"),
    ({"forecast": [0.001, "1,5"]}, "row 2 below the header: forecast 1,5 is not a simple return"),
    ({"forecast": [0.001, "inf"]}, "row 2 below the header: forecast inf is not a simple return"),
    ({"horizon": [1, 0]}, "row 2 below the header: horizon 0 is not a number of trading days"),
    ({"horizon": [1, 1.5]}, "row 2 below the header: horizon 1.5 is not a number of trading days"),
    ({"model": ["a", "a+b"]}, "row 2 below the header: model a+b is no plain name"),
    ({"model": ["mine", "lstm"]}, "row 2 below the header: model lstm is a model of the study's own; call yours something else"),
    ({"horizon": [2, 2]}, "has no next-day forecast of model own that is scheduled; the days to decide on go from 2020-06-30 on"),
    ({"decision_date": ["2020-01-29", "2020-02-26"]}, "has no next-day forecast of model own that is scheduled"),
    ({"forecast": ["", ""]}, "has no forecast in it"),
])
def test_a_file_that_cannot_be_meant_is_refused_with_one_sentence(changes, said, tmp_path, returns):
    path = file_of(some(**changes), tmp_path / "mine.csv")
    with pytest.raises(StudyError, match=rf"^forecasts_path: mine.csv .*{re.escape(said)}") as caught:
        loaded(path, returns)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "content", "said"), [
    ("mine.csv", b"", "cannot be read"), ("mine.parquet", b"PAR1", "cannot be read"), ("mine.csv.gz", b"text", "cannot be read"),
    ("mine.csv", b"date,asset,forecast\n2021-01-29,B,0.1\n", "has the columns date, asset and forecast"),
    ("mine.csv", b"decision_date;asset;forecast\n2021-01-29;B;0.1\n", "has the columns decision_date;asset;forecast"),
    ("mine.csv", b"decision_date,asset,forecast,Forecast\n2021-01-29,B,0,0\n", "each once"),
])
def test_a_file_that_is_no_table_of_forecasts_is_refused(name, content, said, tmp_path, returns):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError, match=rf"^forecasts_path: {name} .*{said}"):
        loaded(tmp_path / name, returns)
    with pytest.raises(StudyError, match="^forecasts_path: there is no file .*nowhere.csv; correct the path$"):
        loaded(tmp_path / "nowhere.csv", returns)


def test_days_outside_of_the_study_and_assets_that_its_universe_left_out_do_not_count(tmp_path, returns):
    rows = some(decision_date=["1999-12-31", "2021-02-26"], asset=["LEFT", "B"])
    rows.loc[2] = ["2021-02-26", "LEFT", 0.1]
    assert loaded(file_of(rows, tmp_path / "mine.csv"), returns).forecasts["asset"].tolist() == ["B"]


# ----------------------------------------------------------------------------------------------------------- the schedule
def test_what_is_missing_is_counted_and_a_later_day_holds_the_last_forecast_before_it():
    date = DATES[1]
    mine = pd.DataFrame({"decision_date": date, "asset": ["B", "B", "0050"], "horizon": [1, 3, 2], "model": "own",
                         "forecast": [0.01, 0.03, 0.09]})
    answered = own.on_schedule(mine, SCHEDULE)
    n_days = (SCHEDULE["decision_date"] == date).sum()
    assert answered["asset"].unique().tolist() == ["B"], "0050 has no forecast of the next day"
    assert answered["forecast"].tolist() == [0.01, 0.01] + [0.03] * (n_days - 2) and answered["horizon"].tolist() == [*range(1, n_days + 1)]
    assert (answered["decision_date"] < answered["target_date"]).all()
    counted = own.coverage(mine, SCHEDULE, n_assets=3).iloc[0]
    n_decisions = (SCHEDULE["horizon"] == 1).sum()
    assert counted[["scheduled", "made", "rebalances", "made_at_rebalances"]].tolist() == [3 * n_decisions, 1, 3 * len(DATES), 1]
    has, lacks = sentences.covered(own.coverage(mine, SCHEDULE, n_assets=3))
    assert "`own` has **1** of" in has and "does not buy that asset" in lacks


@pytest.mark.parametrize("model", ["mean", "ar", "ridge"])
def test_a_model_s_forecasts_written_to_a_file_give_the_same_portfolios(model, made, returns, traded, tmp_path):
    rows = made.loc[made["model"] == model, ["decision_date", "asset", "horizon", "forecast"]]
    theirs = loaded(file_of(rows, tmp_path / "mine.csv"), returns)
    both = registry.forecasts(returns, study=STUDY, traded=traded, own=theirs).forecasts
    pd.testing.assert_frame_equal(both[both["model"] != "own"], made)
    chosen = decisions.for_portfolios(both, [model])
    assert chosen["model"].unique().tolist() == [model, "own"]
    frameworks = ["mvf", "rpp", "mdp", "black_litterman", "max_sortino"]
    weights, _ = decisions.decide(returns, chosen, traded, rebalance_dates=DATES, frameworks=frameworks, terms=TERMS)
    by_strategy = weights.pivot(index=["rebalance_date", "asset"], columns="strategy", values="weight")
    for framework in frameworks:
        np.testing.assert_array_equal(by_strategy[f"own+{framework}"], by_strategy[f"{model}+{framework}"])


def test_what_is_missing_at_a_date_is_not_bought_then_and_said(made, returns, traded):
    """Every framework: one asset is missing at the second date, all are at the third, and there are no days in between."""
    mine = made[(made["model"] == "ar") & made["decision_date"].isin(DATES)].assign(model="own")
    mine = mine[(mine["decision_date"] != DATES[2]) & ((mine["decision_date"] != DATES[1]) | (mine["asset"] != "B"))]
    frameworks = ["mvf", "rpp", "mdp", "tangency", "max_sharpe", "max_sortino", "black_litterman", "min_cvar", "cdar"]
    for scenarios in ("append", "recenter", "forecast_only"):
        weights, log = decisions.decide(returns, mine, traded, rebalance_dates=DATES, frameworks=frameworks,
                                        terms=replace(TERMS, scenarios=scenarios))
        held = weights.set_index(["rebalance_date", "strategy", "asset"])["weight"].unstack("asset")
        notes = log.set_index(["date", "strategy"])[["status", "note"]]
        assert held.notna().all(axis=None) and np.allclose(held.sum(axis=1), 1)
        for name in (f"own+{framework}" for framework in frameworks):
            assert notes.loc[(DATES[2], name)].tolist() == ["failed", "equal weight instead: own forecasts nothing that can be bought"]
            if notes.loc[(DATES[1], name), "status"] != "failed":
                assert held.loc[(DATES[1], name), "B"] == 0 and "without B, not forecast by own" in notes.loc[(DATES[1], name), "note"]
        assert (notes.xs("own+mvf", level=1)["status"] == "failed").sum() == 1


def test_errors_of_few_forecasts_are_not_added_to_the_next(made, returns):
    """ē is the mean of the errors that are known where at least half of the window has forecasts, else zero."""
    of_model = decisions.average_over_seeds(made, model="ar")
    window = returns.loc[:DATES[2]].index[-20:]
    for kept, known in ((10, True), (9, False)):
        some_days = of_model[~of_model["target_date"].isin(window[kept:]) | (of_model["decision_date"] == DATES[2])]
        means = decisions.expected_returns(some_days, returns, date=DATES[2], terms=TERMS)
        forecast = of_model[of_model["horizon"] == 1].pivot(index="target_date", columns="asset", values="forecast")
        errors = (returns - forecast).loc[window[:kept], returns.columns].mean()
        np.testing.assert_allclose(means["residual"], errors if known else 0.0, atol=1e-15)


# ------------------------------------------------------------------------------------------------------------------ leaks
def next_returns(returns: pd.DataFrame) -> pd.DataFrame:
    """Tomorrow's return as a forecast of today, in the long frame of forecasts."""
    long = returns.stack().rename_axis(["target_date", "asset"]).rename("forecast").reset_index()
    return long.assign(horizon=1, model="own", decision_date=long["target_date"] - pd.offsets.BDay())


@pytest.mark.parametrize(("scale", "noise", "leaked"), [
    (1.0, 0.0, True),  # tomorrow's return itself
    (0.01, 0.0, True),  # a hundredth of it: R2 is 2 %, the correlation 1
    (1.0, 0.02, True),  # twice as much noise on it: R2 is negative
    (0.0, 0.001, False),  # noise alone
    (0.02, 0.002, False),  # an R2 of 1 %, which is a very good and honest forecast
])
def test_tomorrow_s_price_in_today_s_forecast_is_noticed(scale, noise, leaked, returns):
    rng = np.random.default_rng(3)
    forecasts = next_returns(returns)
    forecasts["forecast"] = scale * forecasts["forecast"] + noise * rng.normal(size=len(forecasts))
    found = own.suspicions(forecasts, returns, **TEST)
    assert found["leaked"].tolist() == [leaked]
    said = sentences.too_good(found)
    assert bool(said) == leaked and all("this looks like tomorrow's price leaked into today's forecast" in text for text in said)


def test_honest_models_are_not_suspected(made, returns):
    found = own.suspicions(made, returns, **TEST).set_index("model")
    assert found.index.tolist() == ["zero", "mean", "ar", "ridge"] and not found["leaked"].any() and (found["r2"] < 0.02).all()


def test_a_leak_on_the_days_of_decisions_alone_is_noticed(returns):
    """24 months are what most users have: the days alone decide, whatever stocks have in common."""
    long = pd.bdate_range("2019-01-01", "2022-12-30", name="date")
    rng = np.random.default_rng(5)
    market = pd.DataFrame(rng.normal(0, 0.01, (len(long), 1)) + rng.normal(0, 0.01, (len(long), 8)), long, list("ABCDEFGH"))
    monthly = next_returns(market)[lambda rows: rows["decision_date"].isin(rebalance_dates(long, validation_end="2020-12-31"))]
    assert own.suspicions(monthly, market, first="2021-01-01", last="2022-12-30")["leaked"].all()
    noise = [own.suspicions(monthly.assign(forecast=rng.normal(0, 0.002, len(monthly))), market, first="2021-01-01",
                            last="2022-12-30")["leaked"].any() for _ in range(40)]
    assert not any(noise)
