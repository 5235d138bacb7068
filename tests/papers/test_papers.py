"""A paper's printed numbers beside a run: all of them where a paper is named, none where none is."""

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import claims, rows
from forefolio.runs import contracts

PUBLISHED = {path.stem.removeprefix("zouaoui2025_"): pd.read_csv(path) for path in contracts.published("zouaoui2025")}
PORTFOLIOS = ["minimum_cvar", "maximum_sortino", "minimum_variance", "maximum_sharpe"]


@pytest.fixture
def run():
    """Tables of a made-up run on three coins."""
    coins = pd.Index(["BTC-USD", "ETH-USD", "USDC-USD"], name="asset")
    weights = pd.DataFrame(1 / 3, index=coins, columns=PORTFOLIOS)
    statistics = pd.DataFrame(0.5, index=pd.Index(["annual_return", "sharpe"], name="statistic"), columns=PORTFOLIOS)
    accuracy = pd.DataFrame({"model": ["lstm"], "seed": 7, "window": 5, "mse_validation": 0.0016, "mae_validation": 0.023,
                             "mse_test": 0.0012, "mae_test": 0.0218, "zero_mse_test": 0.0011})
    summary = pd.DataFrame({"mpt_in_sample": [0.3115], "lstm_in_sample": [0.01]}, index=["annualized_return"])
    days = pd.date_range("2021-08-16", periods=50)
    returns = pd.DataFrame(np.random.default_rng(0).normal(0, 0.02, (50, 3)), index=days, columns=coins)
    return dict(mpt_weights=weights.reset_index(), mpt_statistics=statistics.reset_index(), window_accuracy=accuracy,
                table5_weights=weights.iloc[:, :2].set_axis(["mpt_in_sample", "lstm_in_sample"], axis=1), table5=summary,
                returns=returns)


def test_without_a_paper_there_is_nothing_to_compare(run):
    table = claims.all_claims("none", {}, run)
    assert list(table) == rows.COLUMNS and table.empty
    assert claims.table3({}, run["mpt_weights"], run["mpt_statistics"]).empty
    assert claims.table4({}, run["window_accuracy"]).empty
    assert "names no paper" in claims.in_words(table)


def test_without_the_equity_paper_its_tables_have_no_rows():
    nothing = pd.DataFrame()
    assert list(claims.table_forecasts({}, nothing)) == ["number", "printed", "ours", "zero forecast", "status"]
    assert list(claims.table_portfolios({}, nothing, nothing))[:4] == ["strategy", "total, printed", "sum of 23", "sum of 24"]
    assert claims.table_forecasts(PUBLISHED, nothing).empty and claims.table_portfolios(PUBLISHED, nothing, nothing).empty


def test_each_paper_takes_what_it_needs_and_names_what_is_lacking(run):
    assert len(claims.all_claims("zouaoui2025", PUBLISHED, {**run, "excess": None})) > 100
    with pytest.raises(ValueError, match="The claims of zouaoui2025 need table5, returns, not among the results"):
        claims.all_claims("zouaoui2025", PUBLISHED, {name: run[name] for name in list(run)[:4]})
    with pytest.raises(ValueError, match="The claims of nguyen2025 need log_accuracy, excess, tests"):
        claims.all_claims("nguyen2025", {}, run)


def test_every_printed_number_has_its_row(run):
    table = claims.all_claims("zouaoui2025", PUBLISHED, run)
    places = table["place"].str.split(",").str[0].value_counts()
    table3, table5 = PUBLISHED["table3_mpt"], PUBLISHED["table5_weights"]
    assert places["Table 3"] == 4 * len(table3)
    assert places["Table 5"] == 2 * (len(table5) + len(PUBLISHED["table5_summary"]))
    stated = PUBLISHED["claims"]["place"].value_counts()
    assert places["Table 4"] == 4 * len(PUBLISHED["table4_windows"]) + stated["Table 4"]
    assert all(places[place] == count for place, count in stated.items() if place not in ("Table 4",))
    assert {f"Audit {number}" for number in range(1, 10)} <= set(places.index)
    assert set(table["status"]) == {"reproduced", "not reproduced", "no such data"}
    assert "(1)" in claims.in_words(table)


def test_this_run_s_numbers_are_the_ones_beside(run):
    table = claims.all_claims("zouaoui2025", PUBLISHED, run).set_index("claim")
    window = table[table.index.str.startswith("test MSE of the LSTM, window of 5 days")].iloc[0]
    assert (window["published"], window["ours"], window["status"]) == (0.0012, 0.0012, "reproduced")
    coins = table[table.index.str.startswith("coins: ")].iloc[0]
    assert (coins["published"], coins["ours"], coins["status"]) == (25, 3, "not reproduced")
    lacking = table[(table["place"] == "Table 4") & table.index.str.contains("window of 30")]
    assert (lacking["status"] == "no such data").all()


def test_side_by_side_leaves_out_weights_that_are_zero_on_both_sides(run):
    weights = run["mpt_weights"].set_index("asset")
    shown = claims.table3(PUBLISHED, weights, run["mpt_statistics"].set_index("statistic"))
    assert list(shown) == ["claim", "unit", "published", "ours", "status"]
    of_weights = shown[shown["claim"].str.startswith("weight of")]
    assert of_weights["claim"].str.contains("weight of LINK-USD, maximum_sharpe").sum() == 1
    assert of_weights["claim"].str.contains("weight of USDC-USD, maximum_sharpe").sum() == 1, "zero in the paper, held here"
    assert not of_weights["claim"].str.contains("weight of LINK-USD, minimum_cvar").any(), "zero there and lacking here"
    assert shown["claim"].str.contains("sharpe ratio, maximum_sharpe").sum() == 1


def test_no_text_of_a_short_table_is_cut_in_a_notebook(run):
    statistics = pd.DataFrame(0.5, index=list(rows.STATISTICS), columns=PORTFOLIOS)
    weights = pd.DataFrame(0.04, index=PUBLISHED["table5_weights"]["asset"], columns=PORTFOLIOS)
    windows = pd.concat([run["window_accuracy"].assign(window=n, zero_mse_validation=0.001, zero_mae_validation=0.02,
                                                       zero_mae_test=0.02) for n in (5, 10, 15, 30)])
    for shown in (claims.table3(PUBLISHED, weights, statistics), claims.table4(PUBLISHED, windows)):
        longest = shown[["claim", "unit", "status"]].map(len).max()
        assert (longest <= 50).all(), longest
        assert "..." not in shown.to_html()
    assert shown["unit"].str.contains("forecasting zero").all() and len(shown) == 16


def test_counts_leave_out_zeros_and_tell_what_claims_are_compared_with(run):
    table = claims.all_claims("zouaoui2025", PUBLISHED, run)
    counted = claims.counts(table)
    assert counted["numbers"].sum() == counted["readings"].sum() == len(claims.side_by_side(table)) < len(table)
    assert counted["reproduced"].sum() == (claims.side_by_side(table)["status"] == "reproduced").sum()
    code = counted[counted["place"] == "Code"]
    assert set(code["compared_with"]) == {"the paper itself"} and code["numbers"].sum() == 3
    assert set(counted.loc[counted["place"] == "Audit", "compared_with"]) == {"a computation"}
    assert claims.counts(claims.all_claims("none", {}, run)).empty
