"""Zouaoui & Naas beside a run: Table 5 by hand, numbers in the printed units, and what the printed numbers say alone."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio.market.covariance import estimate
from forefolio.papers import claims, crypto
from forefolio.papers.printed import COLUMNS, STATUSES, compare, tolerance, values
from forefolio.portfolios.long_only import maximum_sharpe
from forefolio.portfolios.long_short import tangency
from forefolio.runs import contracts

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
market = pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with crypto21_prices.csv")
FOUR = ["minimum_cvar", "maximum_sortino", "minimum_variance", "maximum_sharpe"]
IN_SAMPLE = ["mpt_in_sample", "lstm_in_sample"]
NOTHING = pd.DataFrame()
RNG = np.random.default_rng(4)
DAYS = pd.date_range("2022-01-01", periods=300, name="date")
SPLIT = DAYS[199]
ASSETS = ["A", "B", "C"]
OPTIONS = dict(model="lstm", validation_end=SPLIT, risk_free_rate=0.0365, periods_per_year=365, cost_rate=0.0,
               estimate_covariance=pd.DataFrame.cov, solver_log=pd.DataFrame({
                   "strategy": ["lstm+tangency"] * 2 + ["mean+rpp"], "status": ["inefficient", "optimal", "optimal"]}))


@pytest.fixture
def returns():
    return pd.DataFrame(RNG.normal([0.002, 0.001, 0.0015], [0.02, 0.01, 0.015], (300, 3)), index=DAYS, columns=ASSETS)


@pytest.fixture
def forecasts():
    rows = [(day, 1, asset, "lstm", 0, value) for day in DAYS[150:] for asset, value in zip(ASSETS, (0.003, 0.001, 0.002))]
    other = [(DAYS[200], 2, "A", "lstm", 0, 9.0), (DAYS[200], 1, "A", "zero", 0, 9.0)]
    return pd.DataFrame(rows + other, columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])


@pytest.fixture
def weights():
    rows = [(date, "lstm+tangency", asset, weight) for date, held in ((SPLIT, (2.0, -1.5, 0.5)), (DAYS[250], (3.0, -2.5, 0.5)))
            for asset, weight in zip(ASSETS, held)]
    return pd.DataFrame(rows, columns=["rebalance_date", "strategy", "asset", "weight"])


@pytest.fixture
def net_returns():
    return pd.DataFrame({"lstm+tangency": RNG.normal(0.001, 0.02, 100)}, index=DAYS[200:])


def test_in_sample_uses_all_days_and_out_of_sample_only_those_before(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)
    assert list(chosen) == list(summary) == list(crypto.COLUMNS) and list(chosen.index) == ASSETS
    expected = maximum_sharpe(returns.mean(), returns.cov(), risk_free=0.0001).weights
    np.testing.assert_allclose(chosen["mpt_in_sample"], expected)
    past = returns.iloc[:200]
    np.testing.assert_allclose(chosen["mpt_out_of_sample"],
                               maximum_sharpe(past.mean(), past.cov(), risk_free=0.0001).weights)
    mu = pd.Series([0.003, 0.001, 0.002], ASSETS)
    np.testing.assert_allclose(chosen["lstm_in_sample"], tangency(mu, returns.cov(), risk_free=0.0001).weights)
    assert chosen["lstm_out_of_sample"].tolist() == [2.0, -1.5, 0.5]
    assert summary.loc["observations"].tolist() == [300, 300, 100, 100]


def test_the_summary_is_arithmetic_and_annual(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)
    daily = returns @ chosen["mpt_in_sample"]
    assert summary.loc["annualized_return", "mpt_in_sample"] == pytest.approx(daily.mean() * 365)
    assert summary.loc["annualized_volatility", "mpt_in_sample"] == pytest.approx(daily.std() * np.sqrt(365))
    out = net_returns["lstm+tangency"]
    assert summary.loc["sharpe_ratio", "lstm_out_of_sample"] == pytest.approx((out.mean() - 1e-4) / out.std() * np.sqrt(365))
    assert summary.loc["gross_exposure", "lstm_out_of_sample"] == pytest.approx(6.0), "the largest of its rebalances"
    assert summary.loc["gross_exposure", "mpt_in_sample"] == pytest.approx(1.0)
    assert summary.loc["inefficient"].tolist() == [0, 0, 0, 0.5]
    promised = summary.loc["forecast_return"]
    assert promised["mpt_in_sample"] == pytest.approx(summary.loc["annualized_return", "mpt_in_sample"]), "its own mean"
    assert promised["mpt_out_of_sample"] == pytest.approx(365 * (returns.iloc[:200] @ chosen["mpt_out_of_sample"]).mean())
    assert promised["lstm_in_sample"] == pytest.approx(365 * (chosen["lstm_in_sample"] @ [0.003, 0.001, 0.002]))
    assert np.isnan(promised["lstm_out_of_sample"])


def test_noise_after_the_split_changes_no_weight_out_of_sample(returns, forecasts, weights, net_returns):
    noise = returns.copy()
    noise.iloc[200:] = RNG.normal(0, 0.1, (100, 3))
    before = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[0]
    after = crypto.table5(noise, forecasts, weights, net_returns, **OPTIONS)[0]
    pd.testing.assert_series_equal(before["mpt_out_of_sample"], after["mpt_out_of_sample"])
    assert not np.allclose(before["mpt_in_sample"], after["mpt_in_sample"])


def test_what_cannot_be_bought_is_not_in_the_markowitz_portfolio_out_of_sample(returns, forecasts, weights, net_returns):
    still = returns.copy()
    still.loc[DAYS[150]:, "A"] = 0.0
    awake = weights.assign(weight=weights["weight"].where(weights["asset"] != "A", 0.0))
    chosen, summary = crypto.table5(still, forecasts, awake, net_returns, **OPTIONS)
    past = still.loc[:SPLIT, ["B", "C"]]
    expected = maximum_sharpe(past.mean(), past.cov(), risk_free=0.0001).weights
    assert chosen["mpt_out_of_sample"].tolist() == pytest.approx([0.0, *expected])
    later = weights.assign(weight=weights["weight"].where(weights["rebalance_date"] == SPLIT, [0, 0, 0, 0, 0, 1.0]))
    only_c = crypto.table5(returns, forecasts, later, net_returns, **OPTIONS)
    first = (1 + returns.loc[DAYS[200]:DAYS[250]]).cumprod() @ only_c[0]["mpt_out_of_sample"]
    daily = pd.concat([first / first.shift(fill_value=1.0) - 1, returns.loc[DAYS[251]:, "C"]])
    assert only_c[1].loc["annualized_return", "mpt_out_of_sample"] == pytest.approx(daily.mean() * 365)


def test_the_estimator_given_is_used(returns, forecasts, weights, net_returns):
    ridge = partial(estimate, estimator="sample", ridge=5.0)
    plain = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[0]
    other = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"estimate_covariance": ridge}))[0]
    assert (plain.drop(columns="lstm_out_of_sample") - other.drop(columns="lstm_out_of_sample")).abs().max().min() > 1e-3


def test_a_run_without_the_strategy_has_tables_without_rows(returns, forecasts, weights, net_returns):
    chosen, summary = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"model": "gru"}))
    assert list(chosen) == list(summary) == list(crypto.COLUMNS) and chosen.empty and summary.empty


def test_costs_lower_what_is_reported_out_of_sample(returns, forecasts, weights, net_returns):
    dear = crypto.table5(returns, forecasts, weights, net_returns, **(OPTIONS | {"cost_rate": 0.01}))[1]
    cheap = crypto.table5(returns, forecasts, weights, net_returns, **OPTIONS)[1]
    place = ("annualized_return", "mpt_out_of_sample")
    assert dear.loc[place] < cheap.loc[place]
    assert dear.loc["sharpe_ratio", "mpt_in_sample"] == cheap.loc["sharpe_ratio", "mpt_in_sample"]


@pytest.fixture
def published():
    return {path.stem.removeprefix("zouaoui2025_"): pd.read_csv(path) for path in contracts.beside("zouaoui2025")
            if path.parent == contracts.PUBLISHED}  # what is printed, without what sweeps gave


@pytest.fixture
def tickers(published):
    """All 25 coins, in the order of the tables."""
    return values(published, "Table 5", "weight", column="lstm_in_sample").index


@pytest.fixture
def mpt_weights(published):
    """What Table 3 prints, as fractions, for the coins that it names."""
    return pd.DataFrame({name: values(published, "Table 3", "weight", column=name) / 100 for name in FOUR}).rename_axis("asset")


@pytest.fixture
def run(mpt_weights):
    """Tables of a made-up run on the eight coins of Table 3; the portfolios know the first 40 of its 50 days."""
    accuracy = pd.DataFrame({"model": ["lstm"], "seed": 7, "window": 5, "mse_validation": 0.0016, "mae_validation": 0.023,
                             "mse_test": 0.0012, "mae_test": 0.0218, "zero_mse_test": 0.0011})
    statistics = pd.DataFrame({"statistic": ["observations"], **{name: [40.0] for name in FOUR}})
    days = pd.date_range("2021-08-16", periods=50)
    daily = pd.DataFrame(np.random.default_rng(0).normal(0, 0.02, (50, 8)), index=days, columns=mpt_weights.index)
    summary = pd.DataFrame({"lstm_in_sample": [0.73]}, index=["forecast_return"])
    return dict(mpt_weights=mpt_weights.reset_index(), mpt_statistics=statistics, window_accuracy=accuracy,
                rivals=against_mean(0.2, 0.8), table5=summary, returns=daily, periods_per_year=365,
                table5_weights=mpt_weights[["maximum_sharpe", "minimum_variance"]].set_axis(IN_SAMPLE, axis=1))


def against_mean(p_better, p_worse):
    """One test of the LSTM against the mean, as `gate.pairs` gives it."""
    return pd.DataFrame({"model": ["lstm"], "rival": "mean", "test": "Clark-West", "n_days": 200, "gain": 0.01, "gain_low": -0.1,
                         "gain_high": 0.1, "statistic": 1.0, "p_better": p_better, "p_worse": p_worse})


def table3(published, weights, returns, days=365):
    """All rows of Table 3."""
    tickers = values(published, "Table 5", "weight", column="lstm_in_sample").index
    rows = compare("zouaoui2025", published, crypto.numbers_of_table3(weights, returns, tickers, periods_per_year=days))
    return rows[rows["place"] == "Table 3"].reset_index(drop=True)


def audited(published, returns):
    rows = compare("zouaoui2025", published, [*crypto.numbers_of_print(published), *crypto.numbers_of_audit(published, returns)])
    return rows[rows["place"].str.startswith("Audit")].reset_index(drop=True)


def ours_of(table, start, reading=""):
    """The one row whose claim and reading start so."""
    found = table[table["claim"].str.startswith(start) & table["reading"].str.startswith(reading)]
    assert len(found) == 1, f"{start}: {len(found)} rows"
    return found.iloc[0]


@pytest.fixture
def four(tickers):
    """Daily returns of four portfolios that hold one coin each, over 300 days."""
    coins = ["LEO-USD", "SHIB-USD", "SOL-USD", "XLM-USD"]
    daily = pd.DataFrame(np.random.default_rng(5).normal(0.001, 0.02, (300, 4)), index=DAYS, columns=coins)
    return pd.DataFrame(np.eye(4), index=coins, columns=FOUR), daily


def test_table3_has_each_statistic_of_a_year_in_two_readings_and_in_the_printed_units(published, four):
    weights, daily = four
    table, earned = table3(published, *four), daily["XLM-USD"]  # what maximum_sharpe holds
    path, down = np.cumprod(1 + earned.to_numpy()), (np.minimum(earned, 0) ** 2).mean() ** 0.5
    tail = np.sort(-earned)[-15:].mean()  # 5 percent of 300 days
    grown = path[-1] ** (252 / 300) - 1
    expected = {
        "252 days, compounded": {"annualized return": 100 * grown, "annualized volatility": 100 * earned.std() * 252**0.5,
                                 "sharpe ratio": grown / (earned.std() * 252**0.5), "cvar": 100 * tail * 252**0.5,
                                 "sortino ratio": 100 * grown / (down * 252**0.5), "variance": 100 * earned.var() * 252},
        "365 days, arithmetic": {"annualized return": 36500 * earned.mean(), "annualized volatility": 100 * earned.std() * 365**0.5,
                                 "sharpe ratio": earned.mean() / earned.std() * 365**0.5, "cvar": 100 * tail * 365**0.5,
                                 "sortino ratio": 100 * earned.mean() * 365**0.5 / down, "variance": 100 * earned.var() * 365},
        "": {"skewness": 100 * earned.skew(), "kurtosis": 100 * earned.kurt(), "observations": 300,
             "max drawdown": 100 * (path / np.maximum.accumulate([1, *path])[1:] - 1).min()}}
    shown = table[table["claim"].str.contains(", maximum_sharpe:") & ~table["claim"].str.startswith("weight")]
    found = {(reading, claim.partition(",")[0]): ours for reading, claim, ours in shown[["reading", "claim", "ours"]].to_numpy()}
    assert found == pytest.approx({(reading, name): value for reading, of in expected.items() for name, value in of.items()})


def test_the_days_of_a_year_of_the_study_are_those_of_the_arithmetic_reading(published, four):
    assert set(table3(published, *four, days=250)["reading"]) >= {"252 days, compounded", "250 days, arithmetic"}


def test_table3_joins_by_name_never_by_position(published, four):
    weights, daily = four
    expected = table3(published, weights, daily)
    shuffled = table3(published, weights.iloc[::-1, [2, 0, 3, 1]], daily.iloc[:, [1, 3, 0, 2]])
    pd.testing.assert_frame_equal(shuffled, expected)


def test_a_weight_is_read_as_labelled_and_under_the_name_that_the_audit_proves(published, tickers):
    weights = pd.DataFrame({name: pd.Series(0.0, tickers) for name in FOUR})
    weights.loc[["SHIB-USD", "AVAX-USD"], "maximum_sharpe"] = [0.1639, 0.2]
    table = table3(published, weights, pd.DataFrame(RNG.normal(0, 0.01, (20, 25)), columns=tickers))
    labelled, moved = (ours_of(table, "weight of AVAX-USD, maximum_sharpe", reading) for reading in ("as", "relabelled, SHIB"))
    assert (labelled["ours"], labelled["status"]) == (pytest.approx(20.0), "not reproduced")
    assert (moved["ours"], moved["status"]) == (pytest.approx(16.39), "reproduced")
    assert table.loc[table["claim"].str.startswith("weight"), "ours"].notna().all(), "all 25 coins are at hand"


def test_what_the_data_lack_is_no_such_data_in_either_reading(published, four):
    table = table3(published, *four)  # LEO, SHIB, SOL and XLM alone
    for start, reading in (("weight of LINK-USD, maximum_sharpe", "as labelled"),
                           ("weight of AVAX-USD, maximum_sharpe", "as labelled"),
                           ("weight of SOL-USD, minimum_cvar", "relabelled, USDT-USD")):
        assert ours_of(table, start, reading)["status"] == "no such data", start
    assert ours_of(table, "weight of AVAX-USD, maximum_sharpe", "relabelled, SHIB-USD")["ours"] == 0
    counted = claims.counts(table[table["claim"].str.startswith("weight of LEO-USD, minimum_cvar")])
    assert counted[["numbers", "readings", "no such data"]].to_numpy().tolist() == [[1, 2, 1]], "USDC could hold it"


def test_dollar_coins_are_compared_together_where_one_is_lacking(published, tickers):
    weights = pd.DataFrame({name: pd.Series(1 / 24, tickers.drop("VUSDT-USD")) for name in FOUR})
    table = table3(published, weights, pd.DataFrame(RNG.normal(0, 0.01, (20, 24)), columns=weights.index))
    moved = table[table["reading"].str.startswith("relabelled")]
    stable = moved["reading"].isin([f"relabelled, {coin}-USD" for coin in ("DAI", "USDC", "USDT", "VUSDT")])
    assert stable.sum() == 16 and (moved["ours"].isna() == stable).all()
    found = crypto.numbers_of_stable_coins(weights, weights.iloc[:, :2].set_axis(IN_SAMPLE, axis=1))
    assert [ours.value for ours in found] == pytest.approx([12.5] * 4 + [0.125]), "three of 24"
    rows = compare("zouaoui2025", published, found)
    assert (rows["ours"].notna() & rows["claim"].str.startswith("stable coins together")).sum() == 5


def test_table4_takes_the_mean_of_the_seeds_of_the_lstm(published):
    columns = ["model", "seed", "window", "mse_validation", "mae_validation", "mse_test", "mae_test", "zero_mse_test"]
    accuracy = pd.DataFrame([["lstm", 1, 5, 0.0016, 0.0230, 0.0010, 0.03, 0.0011],
                             ["lstm", 2, 5, 0.0016, 0.0230, 0.0014, 0.05, 0.0011],
                             ["gru", 1, 10, 0.0016, 0.0233, 0.0011, 0.0219, 0.0011]], columns=columns)
    rows = compare("zouaoui2025", published, crypto.numbers_of_table4(accuracy))
    table = rows[rows["claim"].str.contains(" of the LSTM, window")]
    assert len(table) == 16
    assert ours_of(table, "test MSE of the LSTM, window of 5 days")["ours"] == pytest.approx(0.0012)
    assert ours_of(table, "test MSE of the LSTM, window of 5 days")["claim"].endswith("(forecasting zero: 0.0011)")
    assert ours_of(table, "test MAE of the LSTM, window of 5 days")["status"] == "not reproduced"
    assert table["status"].value_counts().to_dict() == {"no such data": 12, "reproduced": 3, "not reproduced": 1}


def test_choices_that_the_paper_leaves_open_are_readings_of_table4(published, run):
    point = dict(network_preset="code", leak="printed_split", network_target="window", window=10, mse_validation=0.0016,
                 mae_validation=np.nan, mse_test=0.0011, mae_test=0.03)
    found = crypto.numbers_of_table4(run["window_accuracy"], pd.DataFrame([point]))
    table = compare("zouaoui2025", published, found)
    row = ours_of(table, "test MSE of the LSTM, window of 10 days")
    assert (row["ours"], row["reading"]) == (0.0011, "network code, target window, leak printed_split")
    assert ours_of(table, "test MSE of the LSTM, window of 5 days")["reading"] == "this run"
    assert ours_of(table, "validation MAE of the LSTM, window of 10 days")["reading"] == "", "without validation no reading"


@pytest.mark.parametrize("best, said", [(5, "yes"), (15, "no")])
def test_the_best_window_is_the_run_s_own(published, run, best, said):
    accuracy = pd.concat([run["window_accuracy"].assign(window=n, mse_test=0.001 if n == best else 0.002) for n in (5, 10, 15)])
    row = ours_of(compare("zouaoui2025", published, crypto.numbers_of_table4(accuracy)), "5-day window")
    assert row["ours"] == said and row["claim"].endswith(f": lowest at {best} days")
    alone = compare("zouaoui2025", published, crypto.numbers_of_table4(run["window_accuracy"]))
    assert ours_of(alone, "5-day window")["status"] == "no such data"


def test_table5_has_one_column_in_percent_and_one_in_fractions(published, run, tickers):
    def table(weights):
        rows = compare("zouaoui2025", published, crypto.numbers_of_table5(
            weights, run["table5"], run["returns"], tickers, periods_per_year=365))
        return rows[rows["place"] == "Table 5"]

    weights = run["table5_weights"]
    rows = table(weights.iloc[::-1])
    earned = run["returns"] @ weights
    ours = ours_of(rows, "annualized return, mpt_in_sample", "365 days")["ours"]
    assert ours == pytest.approx(36500 * earned["mpt_in_sample"].mean())
    ours = ours_of(rows, "annualized volatility, lstm_in_sample", "252 days")["ours"]
    assert ours == pytest.approx(earned["lstm_in_sample"].std() * 252**0.5)
    assert ours_of(rows, "weight of XLM-USD, mpt_in_sample", "as labelled")["ours"] == pytest.approx(40.03)
    assert ours_of(rows, "weight of SOL-USD, lstm_in_sample")["ours"] == pytest.approx(0.254), "in its own order, once"
    assert table(weights.iloc[:0])["status"].eq("no such data").all()


def test_the_lstm_portfolio_is_read_as_a_forecast_of_a_day_too(published, run, tickers):
    found = crypto.numbers_of_table5(run["table5_weights"], run["table5"], run["returns"], tickers, periods_per_year=365)
    rows = compare("zouaoui2025", published, found)
    hoped = 0.73 / 365
    risk = (run["returns"] @ run["table5_weights"])["lstm_in_sample"].std()
    ours = [ours_of(rows, f"{number}, lstm_in_sample", "forecast")["ours"]
            for number in ("annualized return", "annualized volatility", "sharpe ratio")]
    assert ours == pytest.approx([hoped, risk, hoped / risk])
    assert not rows.query("claim.str.contains('mpt_in_sample')")["reading"].str.startswith("forecast").any()
    quoted = compare("zouaoui2025", published, crypto.numbers_of_abstract(found, run["window_accuracy"]))
    assert ours_of(quoted, "LSTM portfolio return", "forecast")["ours"] == pytest.approx(100 * hoped)
    assert ours_of(quoted, "LSTM portfolio Sharpe", "forecast")["ours"] == pytest.approx(hoped / risk)
    assert ours_of(quoted, "MSE at 5 days", "the MAE")["status"] == "reproduced"
    assert ours_of(quoted, "MSE at 5 days", "the MSE")["ours"] == pytest.approx(0.12)


@pytest.mark.parametrize("p_better, p_worse, ours", [(0.001, 0.999, ["first", "second"]), (0.999, 0.001, ["second", "first"]),
                                                     (0.2, 0.8, ["neither", "neither"])])
def test_the_accepted_hypothesis_is_computed(published, p_better, p_worse, ours):
    rows = compare("zouaoui2025", published, crypto.numbers_of_text(against_mean(p_better, p_worse), NOTHING))
    rows = rows[rows["claim"] == "accepted hypothesis"]
    assert rows["ours"].tolist() == ours and rows["reading"].str.extract(r"^as the (\w+)")[0].tolist() == ["introduction", "abstract"]
    assert rows["status"].tolist() == ["reproduced" if said == "second" else "not reproduced" for said in ours]
    none = compare("zouaoui2025", published, crypto.numbers_of_text(against_mean(0.2, 0.8).iloc[:0], NOTHING))
    assert ours_of(none, "accepted hypothesis")["status"] == "no such data", "a run without an LSTM"


def test_who_diversifies_better_is_computed(published):
    weights = pd.DataFrame({"mpt_in_sample": [1.0, 0.0, 0.0], "lstm_in_sample": [2.0, -1.5, 0.5]}, index=ASSETS)
    rows = compare("zouaoui2025", published, crypto.numbers_of_text(against_mean(0.2, 0.8), weights))
    more, owed = (ours_of(rows, "deep learning diversifies better", reading) for reading in ("more", "no more"))
    assert more["ours"] == "yes" and more["claim"].endswith(": LSTM 2.462, MPT 1"), "16 / 6.5"
    assert owed["ours"] == "no" and owed["claim"].endswith(": LSTM 4, MPT 1")
    lacking = compare("zouaoui2025", published, crypto.numbers_of_text(against_mean(0.2, 0.8), weights * np.nan))
    assert ours_of(lacking, "deep learning diversifies better")["status"] == "no such data"


def test_this_run_s_numbers_are_the_ones_beside(published, run):
    table = crypto.claims(published, run)
    window = ours_of(table, "test MSE of the LSTM, window of 5 days")
    assert (window["published"], window["ours"], window["status"]) == (0.0012, 0.0012, "reproduced")
    told = table.set_index(["place", "claim"])[["published", "ours", "status"]]
    assert told.loc[("Data", "coins: coins (8 at hand)")].fillna("").tolist() == [25, "", "no such data"]
    assert told.loc[("Data", "observations: days")].tolist() == [1093, 50, "not reproduced"]
    used = ours_of(table, "coins used by the MPT portfolio")
    assert used["status"] == "no such data" and used["claim"].endswith("(7 beside the dollar coins)")
    lacking = table[(table["place"] == "Table 4") & table["claim"].str.contains("window of 30")]
    assert (lacking["status"] == "no such data").all()
    assert ours_of(table, "observations, maximum_sharpe")["ours"] == 40, "the days that chose the weights"


def test_all_coins_at_hand_are_counted(published, run, all_returns, tickers):
    weights = pd.DataFrame({name: pd.Series(0.0, tickers) for name in FOUR}).rename_axis("asset")
    weights.loc[["USDC-USD", "SOL-USD"], "maximum_sharpe"] = 0.5
    table = crypto.claims(published, {**run, "returns": all_returns, "mpt_weights": weights.reset_index()})
    assert ours_of(table, "coins used by the MPT portfolio")["ours"] == 2
    assert ours_of(table[table["place"] == "Data"], "coins")["status"] == "reproduced"


def test_each_number_counts_once(published, run):
    table = crypto.claims(published, run)
    repeated = table["claim"].str.contains("; repeats ")
    assert claims.counts(table[~repeated]).equals(claims.counts(table))
    days = table[(table["published"] == 1093) & ~table["place"].str.startswith("Audit")]
    assert len(days) == 7 and claims.counts(days)[["place", "numbers"]].to_numpy().tolist() == [["Data", 1]]
    ratio = table[table["claim"].str.contains("sharpe ratio, m[ap][xt]|MPT portfolio Sharpe") & (table["published"] == 0.7978)]
    assert set(ratio["place"]) == {"Table 3", "Table 5", "Abstract"} and claims.counts(ratio)["numbers"].tolist() == [1]


def test_counts_tell_what_claims_are_compared_with(published, run):
    counted = claims.counts(crypto.claims(published, run))
    assert (counted["numbers"] == counted[STATUSES].sum(axis=1)).all()
    code = counted[counted["place"] == "Code"]
    assert set(code["compared_with"]) == {"the paper itself"} and code["numbers"].sum() == 3
    assert set(counted.loc[counted["place"] == "Audit", "compared_with"]) == {"a computation"}


def test_no_text_of_a_short_table_is_cut_in_a_notebook(published, run):
    table = crypto.claims(published, run)
    for place in ("Table 3", "Table 4", "Table 5"):
        shown = claims.side_by_side(table, place)
        longest = shown[["claim", "unit", "reading", "status"]].map(len).max()
        assert len(shown) and (longest <= 55).all(), longest
        assert "..." not in shown.to_html()


def test_no_statement_is_settled_by_a_text_in_a_file(published, run, all_returns):
    files = pd.concat([published["numbers"], published["audit"]])
    words = files[pd.to_numeric(files["value"], errors="coerce").isna()]
    assert len(words) == 11 and words["ours"].isna().all()
    windows = pd.concat([run["window_accuracy"].assign(window=n) for n in (5, 10)])
    rows = crypto.claims(published, {**run, "returns": all_returns, "window_accuracy": windows})
    said = rows[rows["published"].map(lambda value: isinstance(value, str))]
    lacking = said.loc[said["status"] == "no such data", "claim"].tolist()
    assert len(lacking) == 1 and lacking[0].startswith("the cited repository made the tables"), "which nobody can run"


def printed_split(n_rows):
    """Rows of training, validation and test as the printed code slices them: [:0.8n], [0.8n:0.2n], [0.2n:]."""
    early, late = int(0.2 * n_rows), int(0.8 * n_rows)
    return {"training": range(late), "validation": range(late, early), "test": range(early, n_rows)}


def test_printed_split_by_hand():
    assert [list(part) for part in printed_split(10).values()] == [list(range(8)), [], list(range(2, 10))]


@pytest.fixture
def facts(published):
    """Printed numbers in one place: Tables 3 and 5 by column, Table 4 by window, statements by name."""
    numbers = published["numbers"]
    wide = {place: lines.pivot(index="number", columns="column", values="value").astype(float) for place, lines in (
        numbers[numbers["of"].isna() & numbers["column"].notna()].groupby("place"))}
    windows = numbers[numbers["of"] == "the LSTM"].pivot(index="column", columns="number", values="value").astype(float)
    windows.index = windows.index.str.extract(r"(\d+)")[0].astype(int)
    said = numbers[numbers["column"].isna()].set_index(["place", "number"])["value"]
    return wide["Table 3"], windows.sort_index(), wide["Table 5"], said


def test_what_statements_are_compared_with_follows_from_what_is_printed(published, facts):
    said = facts[3]
    rows = compare("zouaoui2025", published, []).query("claim.str.contains('; ours from')")
    ours = rows.set_index(["place", rows["claim"].str.split(":|;").str[0]])["ours"]
    sizes = {name: len(part) for name, part in printed_split(int(said["Data", "observations"])).items()}
    expected = {("Code", f"{name} rows"): size for name, size in sizes.items()}
    expected["Data", "fall of the combined market value in 2022"] = 100 * (1 - 842.5 / 2182.5)  # billion dollars, both ends
    assert ours.to_dict() == expected
    assert rows["claim"].str.contains(f"slices of {said['Data', 'observations']} rows").sum() == 3


def test_the_audit_of_the_printed_numbers_follows_from_them(published, facts):
    statistics, windows, summary, said = facts
    expected = {}  # what is printed or said, what the printed numbers say, tolerance
    for name in FOUR:
        gain, deviation = statistics.loc[["annualized return", "annualized volatility"], name]
        rounded = gain / deviation * (0.005 / gain + 0.005 / deviation) + 0.00005  # half a last digit each
        expected[f"variance, {name}"] = statistics.at["variance", name], deviation**2 / 100, 0.005
        expected[f"Sharpe ratio, {name}"] = statistics.at["sharpe ratio", name], gain / deviation, rounded
    for number, name, best in (("sharpe ratio", "maximum_sharpe", "max"), ("annualized volatility", "minimum_variance", "min"),
                               ("cvar", "minimum_cvar", "min"), ("sortino ratio", "maximum_sortino", "max")):
        expected[f"{number.replace(' ', '_')} of {name}"] = statistics.at[number, name], statistics.loc[number].agg(best), 0.0
    lstm = values(published, "Table 5", "weight", column="lstm_in_sample")
    for name in ("minimum_variance", "minimum_cvar"):
        held = values(published, "Table 3", "weight", column=name) / 100
        own = crypto.relabelled(held, lstm.index)
        expected[f"coins of {name}"] = *(", ".join(sorted(weights.index[weights > 0.01])) for weights in (held, own)), None
        assert {crypto.STAND_IN, *crypto.STOOD_IN}.issuperset(own.index[own > 0.01]), "all stable, as the claim says"
    own = crypto.relabelled(values(published, "Table 3", "weight", column="maximum_sharpe"), lstm.index)
    named = ["AVAX-USD", "LEO-USD", "LINK-USD", "SOL-USD", "STETH-USD", "XLM-USD"]  # after "seven (7) were used, namely"
    expected["coins of the Sharpe portfolio"] = ", ".join(named), ", ".join(own.index[own > 0]), None
    expected["coins that the text names"] = float(said["Results", "coins used by the MPT portfolio"]), len(named), 0.0
    expected["sum of the LSTM weights"] = 1.0, lstm.sum(), 0.00005
    expected["gross exposure of the LSTM weights"] = 1.0, sum(abs(lstm)), 0.05
    spread = [sum(abs(held)) ** 2 / sum(held**2) for held in (lstm, own)]
    expected["LSTM column has more effective holdings"] = "yes", "yes" if spread[0] > spread[1] else "no", None
    gain, deviation, ratio = summary.loc[["annualized return", "annualized volatility", "sharpe ratio"], "lstm_in_sample"]
    expected["LSTM Sharpe ratio"] = ratio, gain / deviation, 0.0002
    expected["LSTM Sharpe ratio, a year"] = ratio, gain / deviation * np.sqrt(252), tolerance(ratio, decimals=4)
    higher = 100 * gain > summary.at["annualized return", "mpt_in_sample"]
    expected["LSTM return is the highest"] = "yes", "yes" if higher else "no", None
    for name, column in (("LSTM", "lstm_in_sample"), ("MPT", "mpt_in_sample")):
        quoted = float(said["Abstract", f"{name} portfolio Sharpe"])
        expected[f"{name} Sharpe ratio, quoted in percent"] = (
            quoted, 100 * summary.at["sharpe ratio", column], tolerance(quoted, decimals=4))
    mse, fall = float(said["Abstract", "MSE at 5 days"]), float(said["Data", "fall of the combined market value in 2022"])
    expected["MSE at 5 days"] = mse, 100 * windows.at[5, "test MSE"], 0.00005
    expected["MSE at 5 days is the MAE"] = mse, windows.at[5, "test MAE"], 0.00005
    expected["window of the lowest test MSE"] = 5, windows["test MSE"].idxmin(), 0.0
    expected["fall of the market in 2022"] = fall, 100 * (1 - 842.5 / 2182.5), tolerance(fall, decimals=0)
    n_rows = int(said["Data", "observations"])
    split = printed_split(n_rows)
    for name, part in split.items():
        expected[f"{name} rows"] = float(said["Code", f"{name} rows"]), len(part), 0.0
    expected["test rows seen in training"] = 0, len(set(split["training"]) & set(split["test"])), 0.0
    batches = {5: 14, 10: 13, 15: 12, 30: 10}  # of an evaluation, by window (Table 4, last column), 16 samples each
    for name, judged in (("the printed slice", len(split["test"])), ("a fifth", int(0.2 * n_rows))):
        needed = [-(-(judged - 2 * window + 1) // 16) for window in batches]  # labels as long as the input
        expected[f"batches with {name} of the rows"] = *(", ".join(map(str, n)) for n in (batches.values(), needed)), None
        assert f"{judged} rows" in published["audit"].set_index("number").at[f"batches with {name} of the rows", "unit"]
    dates = published["audit"].set_index("number").at["daily returns by the dates", "unit"].split(" to ")
    expected["daily returns by the dates"] = float(n_rows), (pd.Timestamp(dates[1]) - pd.Timestamp(dates[0])).days, 0.0

    rows = compare("zouaoui2025", published, crypto.numbers_of_print(published))
    rows = rows[rows["place"].str.startswith("Audit") & rows["ours"].notna()]
    found = rows.set_index(rows["claim"].str.partition(": ")[0])[["published", "ours", "tolerance"]]
    assert {name: (*line[:2], None if np.isnan(line[2]) else line[2]) for name, *line in found.itertuples()} == expected


def test_checks_that_need_prices_are_of_the_printed_numbers(published, facts, tickers):
    statistics, _, summary, said = facts
    audit = published["audit"].set_index("number")
    sharpe = statistics["maximum_sharpe"]
    for start, number, allowed in (("volatility, ", "annualized volatility", 0.05), ("return, ", "annualized return", 0.05),
                                   ("drawdown, ", "max drawdown", 0.05), ("skewness", "skewness", 0.2), ("cvar, rel", "cvar", 0.05),
                                   ("kurtosis", "kurtosis", 0.2), ("sortino ratio, ", "sortino ratio", 0.2)):
        lines = audit[audit.index.str.startswith(start)]
        assert len(lines) and (lines["value"].astype(float) == sharpe[number]).all(), start
        assert lines["tolerance"].tolist() == pytest.approx([allowed * abs(sharpe[number])] * len(lines)), start
    together = audit[audit.index.str.startswith("stable coins together")]["value"].astype(float)
    printed = {name: crypto.relabelled(values(published, "Table 3", "weight", column=name), tickers)[list(crypto.STABLE)].sum()
               for name in FOUR}
    printed["LSTM"] = values(published, "Table 5", "weight", column="lstm_in_sample")[list(crypto.STABLE)].sum()
    assert {name.rpartition(" ")[2]: value for name, value in together.items()} == pytest.approx(printed)
    gain = audit[audit.index.str.startswith("LSTM return, a")]
    assert (gain["value"].astype(float) == summary.at["annualized return", "lstm_in_sample"]).all() and len(gain) == 2
    assert gain["tolerance"].tolist() == pytest.approx([0.2 * 0.017239] * 2)
    volatility = audit[audit.index.str.startswith("LSTM volatility")]
    assert (volatility["value"].astype(float) == summary.at["annualized volatility", "lstm_in_sample"]).all()
    assert volatility["tolerance"].tolist() == pytest.approx([0.2 * 0.011219] * 3)
    assert audit.at["daily returns in this run", "value"] == f"{said['Data', 'observations']}.0"


def test_the_sharpe_column_is_the_same_in_both_tables(published):
    table3 = values(published, "Table 3", "weight", column="maximum_sharpe")
    table5 = values(published, "Table 5", "weight", column="mpt_in_sample")
    assert len(table5) == 25 and table5.index.is_unique and set(table3.index) <= set(table5.index)
    assert table5[table5 > 0].to_dict() == table3[table3 > 0].to_dict() and (table5 > 0).sum() == 7


@pytest.fixture
def all_returns(published):
    """Independent returns of all 25 coins, simulated."""
    tickers = values(published, "Table 5", "weight", column="lstm_in_sample").index
    days = pd.date_range("2021-08-16", periods=400, name="date")
    return pd.DataFrame(np.random.default_rng(3).normal(0.001, 0.02, (400, 25)), index=days, columns=tickers)


@pytest.fixture
def crypto_returns():
    prices = pd.read_csv(Path(MARKETS) / "crypto21_prices.csv", index_col="date", parse_dates=True)
    return prices.pct_change().iloc[1:]


def test_relabelling_by_hand():
    printed = pd.Series({"C": 0.5, "A": 0.3, "B": 0.2})  # beside names in this order stand the weights of A, B, C
    assert crypto.relabelled(printed, ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.3, "C": 0.2}
    assert crypto.relabelled(printed[::-1], ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.3, "C": 0.2}
    assert crypto.relabelled(printed, ["A", "B", "C"]).to_dict() == printed.to_dict()
    assert crypto.relabelled(printed.drop("A"), ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.0, "C": 0.2}


def test_usdc_stands_in_for_all_three_stable_coins_if_one_is_lacking(all_returns):
    lacking = crypto.with_stand_ins(all_returns.drop(columns="DAI-USD"))
    for coin in ("DAI-USD", "USDT-USD", "VUSDT-USD"):
        assert lacking[coin].equals(all_returns["USDC-USD"])
    assert crypto.with_stand_ins(all_returns).equals(all_returns)
    gap = all_returns.copy()
    gap.loc["2022-01-01", "USDT-USD"] = np.nan
    assert crypto.with_stand_ins(gap)["VUSDT-USD"].equals(all_returns["USDC-USD"])
    alone = all_returns.drop(columns=["DAI-USD", "USDC-USD"])
    assert crypto.with_stand_ins(alone).equals(alone)


def test_each_point_of_the_audit_has_a_row_without_any_prices(published):
    rows = audited(published, NOTHING)
    assert list(rows) == COLUMNS and set(rows["status"]) == set(STATUSES)
    assert set(rows["place"].str.extract(r"^Audit (\d), ")[0]) == set("123456789")
    assert not rows.duplicated(["place", "claim"]).any()
    computed = rows[rows["status"] != "no such data"]
    assert set(computed["place"].str.extract(r"^Audit (\d), ")[0]) == set("12345678")


def test_audit_holds_each_coin_under_its_own_name(published, all_returns):
    rows = audited(published, all_returns)
    assert not rows["claim"].str.contains("USDC-USD for").any()
    names = {"LINK-USD": 4.21, "XLM-USD": 40.03, "AVAX-USD": 16.39, "SHIB-USD": 22.9, "LEO-USD": 4.78, "SOL-USD": 4.69,
             "STETH-USD": 7.01}
    earned = sum(all_returns[coin] * weight / 100 for coin, weight in names.items())
    assert ours_of(rows, "volatility, as labelled")["ours"] == pytest.approx(100 * earned.std() * 252**0.5)
    own = dict(zip(["DAI-USD", "LEO-USD", "SHIB-USD", "SOL-USD", "USDC-USD", "USDT-USD", "VUSDT-USD"],
                   [4.21, 40.03, 16.39, 22.9, 4.78, 4.69, 7.01], strict=True))
    earned = sum(all_returns[coin] * weight / 100 for coin, weight in own.items())
    assert ours_of(rows, "volatility, relabelled:")["ours"] == pytest.approx(100 * earned.std() * 252**0.5)
    path = np.cumprod(1 + earned.to_numpy())
    assert ours_of(rows, "return, relabelled:")["ours"] == pytest.approx(100 * (path[-1] ** (252 / 400) - 1))
    peaks = np.maximum.accumulate(np.concatenate([[1], path]))[1:]
    assert ours_of(rows, "drawdown, relabelled")["ours"] == pytest.approx(100 * (path / peaks - 1).min())
    downside = (np.minimum(earned, 0) ** 2).mean() ** 0.5 * 252**0.5
    assert ours_of(rows, "sortino ratio, rel")["ours"] == pytest.approx(100 * (path[-1] ** (252 / 400) - 1) / downside)
    worst = -np.sort(earned)[:20].mean()  # 5 percent of 400 days
    tails = rows[rows["claim"].str.startswith("cvar, relabelled")]["ours"].astype(float).tolist()
    assert tails == pytest.approx([100 * worst * 365**0.5, 100 * worst * 252**0.5])
    assert ours_of(rows, "return, relabelled, 365 days")["ours"] == pytest.approx(36500 * earned.mean())
    pd.testing.assert_frame_equal(audited(published, all_returns[sorted(all_returns)[::-1]]), rows)


def test_audit_without_a_coin_that_is_held_has_no_such_data(published, all_returns):
    rows = audited(published, all_returns.drop(columns=["SHIB-USD", "XLM-USD", "WETH-USD"]))
    for start in ("volatility, relabelled:", "return, as labelled", "skewness", "LSTM volatility, a day"):
        assert ours_of(rows, start)["status"] == "no such data", start
    small = audited(published, all_returns.drop(columns="RARE11294-USD"))
    assert ours_of(small, "LSTM volatility, a day")["claim"].endswith("without RARE11294-USD")
    weights = values(published, "Table 5", "weight", column="lstm_in_sample").drop("RARE11294-USD")
    expected = (all_returns[weights.index] * weights).sum(axis=1).std()
    assert ours_of(small, "LSTM volatility, a day")["ours"] == pytest.approx(expected)


def test_functions_change_nothing_that_they_are_given(published, run):
    given = {**published, **{name: frame for name, frame in run.items() if isinstance(frame, pd.DataFrame)}}
    before = {name: frame.copy() for name, frame in given.items()}
    crypto.claims(published, run)
    for name, frame in given.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_sentences_follow_the_rows(published):
    rows = audited(published, NOTHING)
    text = crypto.in_words(rows)
    assert text.count("\n") == 8 and all(line.startswith(f"- **({n})") for n, line in enumerate(text.split("\n"), 1))
    assert "**(2) Units.** 8 of 8 checks agree." in text
    assert "sum to 1.0000 and have a gross exposure of 19.8: 10.4 long and 9.4 short." in text
    assert "`minimum_variance` holds DAI-USD, USDC-USD, USDT-USD, VUSDT-USD." in text
    assert "**(3) Optimality.** By the printed numbers 2 of 4 portfolios are" in text
    assert "(9) Code.** Not computed: read, not run;" in text
    for verdict in ("shuffled", "volatility is that of a day", "not what they earned", "so that column is optimal"):
        assert verdict not in text, "no prices, no verdict"
    other = rows.assign(ours=rows["ours"].where(~rows["claim"].str.startswith("gross exposure"), 3.0))
    assert "a gross exposure of 3.0: 2.0 long and 1.0 short." in crypto.in_words(other)


def test_verdicts_follow_the_statuses(published, all_returns):
    rows = audited(published, all_returns)
    keys = rows["claim"].str.partition(":")[0]
    for wanted, right, wrong in (
            ("the names are shuffled", [f"{name}, relabelled" for name in ("volatility", "return", "drawdown")],
             [f"{name}, as labelled" for name in ("volatility", "return", "drawdown")]),
            ("printed volatility is that of a day", ["LSTM volatility, a day"], ["LSTM volatility, a year"]),
            ("is not what they earned", [], ["LSTM return, a day", "LSTM return, a year"]),
            ("so that column is optimal", ["share of the highest Sharpe ratio, relabelled"], [])):
        said = rows["status"].mask(keys.isin(right), "reproduced").mask(keys.isin(wrong), "not reproduced")
        assert wanted in crypto.in_words(rows.assign(status=said)), wanted
        turned = rows["status"].mask(keys.isin(right), "not reproduced").mask(keys.isin(wrong), "reproduced")
        assert wanted not in crypto.in_words(rows.assign(status=turned)), wanted


@market
def test_relabelled_sharpe_column_has_its_printed_statistics(published, crypto_returns):
    rows = audited(published, crypto_returns)
    printed = {"volatility, relabelled:": 38.4, "return, relabelled:": 31.2, "drawdown, relabelled:": -59.8}
    for start, ours in printed.items():
        row = ours_of(rows, start)
        assert round(row["ours"], 1) == ours and row["status"] == "reproduced"
        assert row["claim"].endswith("USDC-USD for DAI-USD, USDT-USD, VUSDT-USD")
    assert round(ours_of(rows, "return, relabelled:")["ours"], 2) == 31.19
    for start, ours in (("volatility, as labelled:", 60.75), ("return, as labelled:", 2.25), ("drawdown, as", -80.99)):
        row = ours_of(rows, start)
        assert round(row["ours"], 2) == ours and row["status"] == "not reproduced"
    assert set(rows["place"].str.extract(r"^Audit (\d), ")[0]) == set("123456789")


@market
def test_usdt_under_its_own_prices_changes_the_second_decimal_only(published, crypto_returns):
    own = crypto_returns.assign(**{coin: crypto_returns["USDC-USD"] for coin in ("DAI-USD", "VUSDT-USD")})
    rows = audited(published, own)  # nothing is lacking, so nothing is stood in for
    ours = [ours_of(rows, f"{name}, relabelled:")["ours"] for name in ("volatility", "return", "drawdown")]
    assert [round(value, 1) for value in ours] == [38.4, 31.2, -59.8] and round(ours[1], 2) == 31.18


@market
def test_printed_yearly_volatility_of_the_lstm_portfolio_is_a_days(published, crypto_returns):
    rows = audited(published, crypto_returns)
    assert ours_of(rows, "LSTM volatility, a day")["status"] == "reproduced"
    assert ours_of(rows, "LSTM volatility, a year")["status"] == "not reproduced"
    assert ours_of(rows, "LSTM volatility, relabelled")["ours"] > 10 * 0.011219  # its own order was right
    text = crypto.in_words(rows)
    assert "the names are shuffled" in text and "printed volatility is that of a day" in text
    earned = [ours_of(rows, f"LSTM return, a {period}") for period in ("year", "day")]
    assert [round(100 * row["ours"], digits) for row, digits in zip(earned, (1, 3))] == [3.9, 0.016]
    assert all(row["status"] == "not reproduced" for row in earned)
    assert "3.9 percent per year. The paper prints 1.7239 percent per year. The printed return is not what they earned." in text


@market
def test_relabelled_the_printed_sharpe_column_is_optimal(published, crypto_returns):
    rows = audited(published, crypto_returns)
    own, printed = (ours_of(rows, f"share of the highest Sharpe ratio, {order}") for order in ("relabelled", "as labelled"))
    assert own["status"] == "reproduced" and "(0.8974 of 0.8981)" in own["claim"]
    assert printed["status"] == "not reproduced" and "(0.3397 of 0.8981)" in printed["claim"]
    assert "(0.8974 of 0.8981), so that column is optimal." in crypto.in_words(rows)


@market
def test_our_sharpe_portfolio_beside_print_by_an_independent_optimizer(published, crypto_returns, tickers):
    from scipy.optimize import minimize

    mean, V = crypto_returns.mean().to_numpy(), crypto_returns.cov().to_numpy()
    found = minimize(lambda w: -(mean @ w) / (w @ V @ w) ** 0.5, np.full(21, 1 / 21), bounds=[(0, 1)] * 21, method="SLSQP",
                     constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": 1000})
    weights = pd.DataFrame({"maximum_sharpe": found.x}, index=crypto_returns.columns)
    table = table3(published, weights, crypto_returns)
    ratio = ours_of(table, "sharpe ratio, maximum_sharpe", "252 days")
    assert (round(ratio["ours"], 3), ratio["status"]) == (0.801, "reproduced")
    assert ours_of(table, "sharpe ratio, maximum_sharpe", "365 days")["status"] == "not reproduced"
    shib = ours_of(table, "weight of AVAX-USD, maximum_sharpe", "relabelled, SHIB-USD")
    assert shib["ours"] == pytest.approx(16.39, abs=0.05) and shib["status"] == "reproduced"
    assert ours_of(table, "weight of AVAX-USD, maximum_sharpe", "as labelled")["status"] == "not reproduced"
    assert ours_of(table, "weight of LINK-USD, maximum_sharpe", "relabelled, DAI-USD")["status"] == "no such data"
