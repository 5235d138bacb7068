import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import crypto_audit
from forefolio.papers import rows as rows_module
from forefolio.papers.rows import COLUMNS, printed_split, table3, table4, table5, tolerance

PUBLISHED = Path(__file__).parents[2] / "params" / "published"
MARKETS = os.environ.get("FOREFOLIO_MARKETS")
market = pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with crypto21_prices.csv")
STATUSES = {"reproduced", "not reproduced", "no such data"}
FOUR = ["minimum_cvar", "maximum_sortino", "minimum_variance", "maximum_sharpe"]
IN_SAMPLE = ["mpt_in_sample", "lstm_in_sample"]
NOTHING = pd.DataFrame()


@pytest.fixture
def published():
    return {path.stem.removeprefix("zouaoui2025_"): pd.read_csv(path) for path in PUBLISHED.glob("zouaoui2025_*.csv")}


@pytest.fixture
def crypto_returns():
    prices = pd.read_csv(Path(MARKETS) / "crypto21_prices.csv", index_col="date", parse_dates=True)
    return prices.pct_change().iloc[1:]


@pytest.fixture
def all_returns(published):
    """Independent returns of all 25 coins, simulated."""
    tickers = published["table5_weights"]["asset"]
    days = pd.date_range("2021-08-16", periods=400, name="date")
    return pd.DataFrame(np.random.default_rng(3).normal(0.001, 0.02, (400, 25)), index=days, columns=tickers)


def ours_of(table, start):
    """The one row whose claim starts so."""
    found = table[table["claim"].str.startswith(start)]
    assert len(found) == 1, f"{start}: {len(found)} rows"
    return found.iloc[0]


def by_name(table):
    return table.set_index(["place", "claim"])


@pytest.mark.parametrize("printed, ours, allowed, status", [
    (2.0, 2.1, 0.1, "reproduced"), (2.0, 2.11, 0.1, "not reproduced"), (2.0, np.nan, 0.1, "no such data"),
    (7, 7, 0.0, "reproduced"), (7, 6, 0.0, "not reproduced"),
    (-59.42, -59.8, 0.5, "reproduced"), (1.0, np.inf, 0.1, "not reproduced"), (2.0, None, 0.1, "no such data"),
    ("yes", "yes", None, "reproduced"), ("yes", "no", None, "not reproduced"), ("yes", None, None, "no such data"),
    ("yes", np.nan, None, "no such data")])
def test_status_of_one_row(printed, ours, allowed, status):
    row = rows_module.row("zouaoui2025", "Table 0", "a claim", printed, ours, allowed)
    assert list(row) == COLUMNS and row["status"] == status
    assert np.isnan(row["tolerance"]) == isinstance(printed, str)


def test_difference_of_exactly_the_tolerance_agrees():
    assert 1.1 - 1.0 > 0.1  # in binary
    assert rows_module.row("p", "Table 0", "a claim", 1.0, 1.1, 0.1)["status"] == "reproduced"


def test_text_against_number_and_numbers_without_tolerance_are_refused():
    with pytest.raises(ValueError, match="a claim: published is 'yes' and ours 1.0"):
        rows_module.row("p", "Table 0", "a claim", "yes", 1.0)
    with pytest.raises(ValueError, match="a claim: two numbers are compared without a tolerance"):
        rows_module.row("p", "Table 0", "a claim", 1.0, 1.0)


def test_tolerance_is_relative_with_a_floor():
    assert tolerance(-59.42, decimals=2) == pytest.approx(2.971)
    assert tolerance(0.02, decimals=2) == pytest.approx(0.005)
    assert tolerance(1093, decimals=None) == 0


@pytest.fixture
def statistics():
    """Fractions of a portfolio, the same in the four columns."""
    column = {"annual_return": 0.3115, "annual_volatility": 0.3905, "skewness": 0.6563, "kurtosis": 6.786,
              "max_drawdown": -0.5942, "observations": 1093.0, "sharpe": 0.7978, "cvar_95": 0.9538 / 365**0.5,
              "sortino": 1.2277, "variance": 0.3905**2, "effective_holdings": 4.0}
    return pd.DataFrame({name: column for name in FOUR}).rename_axis("statistic")


@pytest.fixture
def weights(published):
    """What Table 3 prints, as fractions, for the coins that it names."""
    table = published["table3_mpt"].set_index("row")
    table = table[table["unit"] == "percent weight"].drop(columns="unit") / 100
    return table.set_axis(FOUR, axis="columns").rename_axis("asset")


def test_table3_is_converted_to_the_printed_units(published, weights, statistics):
    table = table3(published, weights, statistics)
    assert set(table["status"]) <= STATUSES and list(table) == COLUMNS
    sharpe = table[table["claim"].str.contains("maximum_sharpe")]
    assert len(sharpe) == 18 and sharpe["status"].eq("reproduced").all()
    assert sharpe["ours"].astype(float).tolist() == pytest.approx(sharpe["published"].astype(float).tolist(), abs=0.002)
    assert ours_of(table, "cvar, maximum_sharpe")["ours"] == pytest.approx(95.38)
    assert ours_of(table, "weight of XLM-USD, maximum_sharpe")["ours"] == pytest.approx(40.03)
    wrong = ours_of(table, "annualized return, minimum_cvar")
    assert (wrong["published"], wrong["status"]) == (0.39, "not reproduced")
    assert wrong["tolerance"] == pytest.approx(0.05 * 0.39)


def test_table3_joins_by_name_never_by_position(published, weights, statistics):
    expected = table3(published, weights, statistics)
    shuffled = table3(published, weights.iloc[::-1, [2, 0, 3, 1]], statistics.iloc[::-1, [3, 1, 0, 2]])
    pd.testing.assert_frame_equal(shuffled, expected)


def test_table3_without_an_asset_or_a_statistic_has_no_such_data(published, weights, statistics):
    table = table3(published, weights.drop("SOL-USD"), statistics.drop("sortino"))
    lacking = table["claim"].str.contains("SOL-USD|sortino ratio")
    assert lacking.sum() == 8
    assert table["status"].eq("no such data").tolist() == lacking.tolist() and table.loc[lacking, "ours"].isna().all()


def test_table4_takes_the_mean_of_the_seeds_of_the_lstm(published):
    columns = ["model", "seed", "window", "mse_validation", "mae_validation", "mse_test", "mae_test", "zero_mse_test"]
    accuracy = pd.DataFrame([["lstm", 1, 5, 0.0016, 0.0230, 0.0010, 0.03, 0.0011],
                             ["lstm", 2, 5, 0.0016, 0.0230, 0.0014, 0.05, 0.0011],
                             ["gru", 1, 10, 0.0016, 0.0233, 0.0011, 0.0219, 0.0011]], columns=columns)
    table = table4(published, accuracy)
    assert len(table) == 16
    assert ours_of(table, "test MSE of the LSTM, window of 5 days")["ours"] == pytest.approx(0.0012)
    assert ours_of(table, "test MSE of the LSTM, window of 5 days")["claim"].endswith("(forecasting zero: 0.0011)")
    assert ours_of(table, "test MAE of the LSTM, window of 5 days")["status"] == "not reproduced"
    assert table["status"].value_counts().to_dict() == {"no such data": 12, "reproduced": 3, "not reproduced": 1}


def test_table5_has_one_column_in_percent_and_one_in_fractions(published):
    printed = published["table5_weights"].set_index("asset")
    weights = pd.DataFrame({"mpt_in_sample": printed["sharpe_percent"] / 100,
                            "lstm_in_sample": printed["lstm_fraction"]})
    summary = pd.DataFrame([[0.3115, 0.017239], [0.3905, 0.02], [1093, 1097], [0.7978, 1.5365]], columns=IN_SAMPLE,
                           index=["annualized_return", "annualized_volatility", "observations", "sharpe_ratio"])
    table = table5(published, weights.iloc[::-1], summary.iloc[::-1])
    missed = table[table["status"] != "reproduced"]
    assert missed["claim"].str.partition(":")[0].tolist() == ["annualized volatility, lstm_in_sample",
                                                              "observations, lstm_in_sample"]
    assert table5(published, weights.drop("DAI-USD"), summary)["status"].eq("no such data").sum() == 2


def test_stated_claims_follow_the_run_and_else_the_printed_tables(published):
    table = rows_module.stated(published, {("Data", "observations"): 1097, ("Results", "accepted hypothesis"): "neither",
                                       ("Code", "test rows"): np.nan})
    told = table.set_index(["place", table["claim"].str.split(":|;").str[0]])
    assert told.loc[("Data", "observations"), ["ours", "status"]].tolist() == [1097, "not reproduced"]
    assert told.loc[("Results", "accepted hypothesis"), "status"] == "not reproduced"
    assert told.loc[("Code", "test rows"), ["ours", "status"]].tolist() == [875, "reproduced"]
    assert told.loc[("Table 4", "5-day window has the lowest test MSE (text)"), "ours"] == "no"
    assert told.loc[("Abstract", "MSE at 5 days"), "ours"] == pytest.approx(0.12)
    assert told.loc[("Abstract", "LSTM portfolio return"), "status"] == "reproduced"
    assert told.loc[("Abstract", "LSTM portfolio Sharpe"), "ours"] == pytest.approx(153.65)
    assert told.loc[("Abstract", "MPT portfolio risk"), "status"] == "reproduced"
    assert told.loc[("Abstract", "MPT portfolio Sharpe"), "ours"] == pytest.approx(79.78)
    assert told.loc[("Data", "fall of the combined market value in 2022"), "ours"] == pytest.approx(61.3975, abs=1e-4)
    assert told.loc[("Results", "deep learning diversifies better"), "status"] == "no such data"


def test_stated_refuses_a_fact_about_nothing_that_the_paper_says(published):
    with pytest.raises(ValueError, match=r"\('Data', 'coin'\) is no claim of zouaoui2025"):
        rows_module.stated(published, {("Data", "coin"): 25})


def test_each_published_number_is_claimed_exactly_once(published):
    no_networks = pd.DataFrame(columns=["model", "window"])
    rows = pd.concat([table3(published, NOTHING, NOTHING), table4(published, no_networks),
                      table5(published, NOTHING, NOTHING), rows_module.stated(published, {})])
    printed = [number for name in ("table3_mpt", "table4_windows", "table5_summary", "table5_weights")
               for number in published[name].drop(columns=["row", "unit", "asset", "window_days"], errors="ignore")
               .to_numpy(float).ravel()]
    stated = published["claims"]["value"].tolist()
    assert len(rows) == len(printed) + len(stated) == 72 + 16 + 8 + 50 + 17
    texts = Counter(value for value in rows["published"] if isinstance(value, str))
    assert texts == {"yes": 2, "second": 1}
    assert Counter(value for value in rows["published"] if not isinstance(value, str)) == Counter(
        printed + [float(value) for value in stated if value not in texts])
    assert not rows.duplicated(["place", "claim"]).any()
    assert set(rows["status"]) == STATUSES


def test_printed_split_by_hand():
    training, validation, test = printed_split(10)
    assert (list(training), list(validation), list(test)) == (list(range(8)), [], list(range(2, 10)))
    training, validation, test = printed_split(1093)
    assert len(set(training) & set(test)) == 656


def test_relabelling_by_hand():
    printed = pd.Series({"C": 0.5, "A": 0.3, "B": 0.2})  # beside names in this order stand the weights of A, B, C
    assert crypto_audit.relabelled(printed, ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.3, "C": 0.2}
    assert crypto_audit.relabelled(printed[::-1], ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.3, "C": 0.2}
    assert crypto_audit.relabelled(printed, ["A", "B", "C"]).to_dict() == printed.to_dict()
    assert crypto_audit.relabelled(printed.drop("A"), ["C", "A", "B"]).to_dict() == {"A": 0.5, "B": 0.0, "C": 0.2}
    with pytest.raises(ValueError, match="A is not there exactly once"):
        crypto_audit.relabelled(printed, ["C", "B"])
    with pytest.raises(ValueError, match="C is not there exactly once"):
        crypto_audit.relabelled(pd.Series([0.5, 0.5], index=["C", "C"]), ["C", "B"])


def test_usdc_stands_in_for_all_three_stable_coins_if_one_is_lacking(all_returns):
    lacking = crypto_audit.with_stand_ins(all_returns.drop(columns="DAI-USD"))
    for coin in ("DAI-USD", "USDT-USD", "VUSDT-USD"):
        assert lacking[coin].equals(all_returns["USDC-USD"])
    assert crypto_audit.with_stand_ins(all_returns).equals(all_returns)
    gap = all_returns.copy()
    gap.loc["2022-01-01", "USDT-USD"] = np.nan
    assert crypto_audit.with_stand_ins(gap)["VUSDT-USD"].equals(all_returns["USDC-USD"])
    alone = all_returns.drop(columns=["DAI-USD", "USDC-USD"])
    assert crypto_audit.with_stand_ins(alone).equals(alone)


def test_each_point_of_the_audit_has_a_row_without_any_prices(published):
    rows = crypto_audit.audit(published, NOTHING)
    assert list(rows) == COLUMNS and set(rows["status"]) == STATUSES
    assert set(rows["place"].str.extract(r"^Audit (\d), ")[0]) == set("123456789")
    assert not rows.duplicated(["place", "claim"]).any()
    computed = rows[rows["status"] != "no such data"]
    assert set(computed["place"].str.extract(r"^Audit (\d), ")[0]) == set("12345678")


def test_audit_of_the_printed_numbers_alone(published):
    rows = crypto_audit.audit(published, NOTHING)
    expected = {
        "coins of minimum_variance": ("DAI-USD, USDC-USD, USDT-USD, VUSDT-USD", "not reproduced"),
        "coins of minimum_cvar": ("USDC-USD, USDT-USD, VUSDT-USD", "not reproduced"),
        "variance, maximum_sharpe": (15.249, "reproduced"), "Sharpe ratio, minimum_cvar": (0.39 / 0.47, "reproduced"),
        "sharpe_ratio of maximum_sharpe": (2.0032, "not reproduced"), "cvar of minimum_cvar": (1.16, "reproduced"),
        "annualized_volatility of minimum_variance": (0.47, "not reproduced"),
        "sortino_ratio of maximum_sortino": (257.0, "reproduced"),
        "sum of the LSTM weights": (1.0, "reproduced"), "gross exposure": (19.82, "not reproduced"),
        "LSTM Sharpe ratio:": (1.5366, "reproduced"), "LSTM return is the highest": ("no", "not reproduced"),
        "LSTM Sharpe ratio, quoted": (153.65, "not reproduced"), "MSE at 5 days:": (0.12, "not reproduced"),
        "MSE at 5 days is the MAE": (0.0218, "reproduced"), "window of the lowest": (10, "not reproduced"),
        "fall of the market": (61.4, "not reproduced"), "coins that the text names": (6, "not reproduced"),
        "training rows": (874, "reproduced"), "validation rows": (0, "reproduced"), "test rows:": (875, "reproduced"),
        "test rows seen in training": (656, "not reproduced"),
        "batches with the printed slice": ("55, 54, 53, 51", "not reproduced"),
        "batches with a fifth": ("14, 13, 12, 10", "reproduced"),
        "daily returns by the dates": (1097, "not reproduced"), "daily returns in this run": (None, "no such data")}
    for start, (ours, status) in expected.items():
        row = ours_of(rows, start)
        assert row["status"] == status, start
        if ours is not None:
            assert row["ours"] == (ours if isinstance(ours, str) else pytest.approx(ours, rel=2e-4)), start
    stable = rows["claim"].str.contains("all stable", regex=False)
    assert stable.sum() == 2 and not rows.loc[stable, "claim"].str.contains("not all").any()


def test_audit_holds_each_coin_under_its_own_name(published, all_returns):
    rows = crypto_audit.audit(published, all_returns)
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
    pd.testing.assert_frame_equal(crypto_audit.audit(published, all_returns[sorted(all_returns)[::-1]]), rows)


def test_audit_without_a_coin_that_is_held_has_no_such_data(published, all_returns):
    rows = crypto_audit.audit(published, all_returns.drop(columns=["SHIB-USD", "XLM-USD", "WETH-USD"]))
    for start in ("volatility, relabelled:", "return, as labelled", "skewness", "LSTM volatility, a day"):
        assert ours_of(rows, start)["status"] == "no such data", start
    small = crypto_audit.audit(published, all_returns.drop(columns="RARE11294-USD"))
    assert ours_of(small, "LSTM volatility, a day")["claim"].endswith("without RARE11294-USD")
    weights = published["table5_weights"].set_index("asset")["lstm_fraction"].drop("RARE11294-USD")
    expected = (all_returns[weights.index] * weights).sum(axis=1).std()
    assert ours_of(small, "LSTM volatility, a day")["ours"] == pytest.approx(expected)


def test_functions_change_nothing_that_they_are_given(published, all_returns):
    before = {name: frame.copy() for name, frame in published.items()}
    kept = all_returns.copy()
    rows = crypto_audit.audit(published, all_returns.drop(columns="DAI-USD"))
    crypto_audit.audit(published, all_returns)
    kept_rows = rows.copy()
    crypto_audit.audit_sentences(rows)
    rows_module.stated(published, {})
    pd.testing.assert_frame_equal(all_returns, kept)
    pd.testing.assert_frame_equal(rows, kept_rows)
    for name, frame in published.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_sentences_follow_the_rows(published):
    rows = crypto_audit.audit(published, NOTHING)
    text = crypto_audit.audit_sentences(rows)
    assert text.count("\n") == 8 and all(line.startswith(f"- **({n})") for n, line in enumerate(text.split("\n"), 1))
    assert "**(2) Units.** 8 of 8 checks agree." in text
    assert "gross exposure of the LSTM weights: expected 1, found 19.821" in text
    assert "(9) Code.** Nothing that this run could compute." in text
    assert "shuffled" not in text and "is a day's" not in text  # no prices, no verdict
    other = rows.assign(ours=rows["ours"].where(~rows["claim"].str.startswith("gross exposure"), 3.5))
    assert "gross exposure of the LSTM weights: expected 1, found 3.5." in crypto_audit.audit_sentences(other)


def test_sentences_are_the_same_from_a_file(published, tmp_path):
    rows = pd.concat([rows_module.stated(published, {}), crypto_audit.audit(published, NOTHING)], ignore_index=True)
    rows.to_csv(tmp_path / "claims.csv", index=False)
    assert crypto_audit.audit_sentences(pd.read_csv(tmp_path / "claims.csv")) == crypto_audit.audit_sentences(rows)


@market
def test_relabelled_sharpe_column_has_its_printed_statistics(published, crypto_returns):
    rows = crypto_audit.audit(published, crypto_returns)
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
    rows = crypto_audit.audit(published, own)  # nothing is lacking, so nothing is stood in for
    ours = [ours_of(rows, f"{name}, relabelled:")["ours"] for name in ("volatility", "return", "drawdown")]
    assert [round(value, 1) for value in ours] == [38.4, 31.2, -59.8] and round(ours[1], 2) == 31.18


@market
def test_printed_yearly_volatility_of_the_lstm_portfolio_is_a_days(published, crypto_returns):
    rows = crypto_audit.audit(published, crypto_returns)
    assert ours_of(rows, "LSTM volatility, a day")["status"] == "reproduced"
    assert ours_of(rows, "LSTM volatility, a year")["status"] == "not reproduced"
    assert ours_of(rows, "LSTM volatility, relabelled")["ours"] > 10 * 0.011219  # its own order was right
    text = crypto_audit.audit_sentences(rows)
    assert "the names are shuffled" in text and "a year's volatility is a day's" in text
