"""Pictures and sentences of the papers' notebooks: what they show, and what they say where something is not there."""

import numpy as np
import pandas as pd
import pytest
from figure_frames import axis_titles, plain

from forefolio.papers import crypto_steps, equity_steps
from forefolio.report import papers
from forefolio.runs import contracts

# ---------------------------------------------------------------------------------------------------------- Nguyen 2025
SAMPLE = "test period, 2023-01-03 to 2024-12-31"


@pytest.fixture
def stocks():
    return {"numbers": pd.read_csv(contracts.PUBLISHED / "nguyen2025_numbers.csv")}


def grid_of(model, name, values):
    points = pd.DataFrame({name: values, "validation_mae": [0.0202, 0.0201, 0.0204], "mae": [0.0101, 0.0103, 0.0102],
                           "total_return_mvf": [0.5, -0.2, 1.5]})
    return equity_steps.grid({equity_steps.GRIDS[model]: points}, model)


@pytest.fixture
def grids():
    return {"lstm": grid_of("lstm", "lstm_layers", [4, 2, 6]), "cnn1d": grid_of("cnn1d", "cnn1d_layers", [1, 3, 4])}


def drawn(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_the_universe_s_sentence_has_both_counts(stocks):
    table = pd.DataFrame({"what": ["kept", "starts on ...", "has no prices"], "stocks": [55, 40, 6], "examples": ""})
    told = papers.left_out(table, stocks)
    assert "101 tickers: **55 are kept and 46 left out**" in told and "the paper keeps 59 of 100" in told


def test_points_lie_by_how_much_their_errors_exceed_zero_s_and_the_paper_s_own_is_marked(grids):
    figure = papers.grid(grids, (0.02, 0.01), sample=SAMPLE)
    own, = [trace for trace in drawn(figure, "the paper's choice") if len(trace.x)]
    assert (own.x[0], own.y[0]) == pytest.approx((0.01, 0.01)), "no point of the 1D-CNN's grid is the paper's"
    assert [len(trace.x) for trace in drawn(figure, "a network of the grid")] == [2, 3]
    assert len(drawn(figure, "forecasting zero")) == 2
    assert "Rank in validation of the paper's networks: LSTM 2 of 3<" in figure.layout.title.text, "a title has the finding"
    assert SAMPLE in figure.layout.title.text and "%" in figure.layout.xaxis.title.text + figure.layout.yaxis.title.text


def test_a_grid_that_is_not_there_has_no_panel_and_a_sentence(grids):
    one = grids | {"cnn1d": pd.DataFrame()}
    assert len(drawn(papers.grid(one, (0.02, 0.01), sample=SAMPLE), "forecasting zero")) == 1
    none = papers.grid({"lstm": pd.DataFrame()}, (0.02, 0.01), sample=SAMPLE)
    assert not none.data and "no grid" in none.layout.annotations[0].text
    assert not none.layout.xaxis.visible and not none.layout.yaxis.visible, "no numbers where nothing is measured"
    assert "zero forecast" in papers.grid(grids, (None, None), sample=SAMPLE).layout.annotations[0].text
    assert papers.grid_words({"lstm": pd.DataFrame()}) == papers.no_sweep("The grid of the LSTM")
    assert "make papers" in papers.grid_words(one) and "**LSTM.**" in papers.grid_words(one)


def test_the_grid_s_words_have_rank_spread_and_what_the_choice_bought(grids):
    told = papers.grid_words(grids)
    lstm, cnn1d = told.split("\n\n")
    assert "3 networks. The best has a validation MAE of 2.0100 % per day. The MAE of the worst is 1.49 % higher." in lstm
    assert "has rank 2 in validation, 0.50 % above the best, and rank 1 in the test period" in lstm
    assert "The best network in validation has rank 3 in the test period" in lstm and "within 1.98 %" in lstm
    assert "between -20 % and 150 %: -20 % with the best network in validation, 50 % with the paper's, rank 2 of 3." in lstm
    assert "network is not in this grid." in cnn1d and cnn1d.endswith("-20 % with the best network in validation.")


def test_early_stopping_has_a_sentence_with_both_errors_or_one_that_they_are_not_there():
    table = pd.DataFrame({"model": ["lstm", "lstm"], "patience": [0, 10], "mae": [0.012, 0.011], "above_zero": [0.2, 0.1], "reproduced": [3, 0]})
    told = papers.stopping_words(table)
    assert "* LSTM, all epochs: 1.2000 % per day, 20.00 % above that of zero; 3 of the 3 printed errors are reproduced" in told
    assert "* LSTM, patience of 10 epochs: 1.1000 % per day, 10.00 % above that of zero; 0 of the 3 printed" in told
    assert "not there yet" in papers.stopping_words(pd.DataFrame())


def test_errors_stand_at_their_distance_from_zero_s(stocks):
    accuracy = pd.DataFrame({"model": ["zero", "lstm"], "mae_mean": [0.01, 0.011], "mse_mean": [1e-4, 1e-4], "rmse_mean": 0.01})
    figure = papers.above_zero(equity_steps.above_zero(stocks, accuracy), sample=SAMPLE)
    printed, own = drawn(figure, "LSTM, printed")[0], drawn(figure, "LSTM")[0]
    assert printed.x[0] == pytest.approx(0.56) and own.x[0] == pytest.approx(0.1)
    assert printed.text[0] == "56.0 %" and printed.marker.symbol == "diamond-open" and list(own.y) == ["MAE", "MSE", "RMSE"]
    assert "1 of 3 errors of this run's networks are above" in figure.layout.title.text
    assert "zero forecast" in papers.above_zero(pd.DataFrame(), sample=SAMPLE).layout.annotations[0].text


@pytest.fixture
def choices():
    rows = [(window, patience, name, window / 1000 + patience / 100) for window in (30, 250) for patience in (0, 10)
            for name in ("lstm+mdp", "lstm+mvf")]
    table = pd.DataFrame(rows, columns=["estimation_window", "patience", "strategy", "summed_excess_but_first"])
    return table.assign(information_ratio_but_first=table["summed_excess_but_first"], scenarios="append")


def test_every_choice_is_a_dot_this_run_s_has_a_ring_and_the_printed_a_tick(stocks, choices):
    own = {"estimation_window": 250, "patience": 10, "scenarios": "append"}
    figure = papers.choices(stocks | {"choices": choices}, own, sample=SAMPLE)
    ring, = [trace for trace in drawn(figure, "this run's choice") if trace.xaxis == "x"]
    assert list(ring.x) == pytest.approx([35.0, 35.0]) and list(ring.y) == ["LSTM+MDP", "LSTM+MVF"]
    dots = [trace for trace in figure.data if trace.name.startswith("risk of") and trace.xaxis == "x"]
    assert sum(len(trace.x) for trace in dots) == len(choices)
    tick = drawn(figure, "as printed")[0]
    assert "0 of 12 printed numbers lie within" in figure.layout.title.text
    assert dict(zip(tick.y, tick.x))["LSTM+MDP"] == 52.459 and "4 dots per strategy" in figure.layout.title.text
    assert not drawn(papers.choices(stocks | {"choices": choices}, own | {"patience": 7}, sample=SAMPLE), "this run's choice")


def test_without_choices_there_is_a_bare_figure_and_a_sentence(stocks):
    assert "no sweep" in papers.choices(stocks, {}, sample=SAMPLE).layout.annotations[0].text
    assert "not there yet" in papers.choices_words(pd.DataFrame())


def test_the_words_on_choices_count_the_printed_numbers_inside():
    table = pd.DataFrame([("LSTM+MDP", "total return", True), ("LSTM+MVF", "total return", True), ("LSTM+RPP", "total return", False),
                          ("LSTM+MDP", "turnover", False)], columns=["strategy", "number", "inside"])
    told = papers.choices_words(table)
    assert "* total return: inside the range for 2 of 3 (LSTM+MDP and LSTM+MVF)" in told
    assert told.endswith("* turnover: inside the range for 0 of 1")


def test_claims_are_shown_whole_with_five_digits():
    rows = pd.DataFrame({"claim": ["x" * 90, "y"], "unit": "", "reading": "", "published": [0.123456, "yes"],
                         "ours": [np.nan, "no"], "status": ""})
    shown = papers.whole(rows).to_html()
    assert "x" * 90 in shown and "0.12346" in shown and "nan" not in shown and ">yes<" in shown


# -------------------------------------------------------------------------------------------------- Zouaoui & Naas 2025
COINS = pd.date_range("2024-01-01", periods=40, name="date")


@pytest.fixture
def coins():
    made = pd.DataFrame(np.random.default_rng(2).normal(0, 0.01, (40, 7)), index=COINS, columns=list("ABCDEFG"))
    made.loc["2024-01-09", "C"] = -0.5
    return made


def split(*, leaked=True):
    rows = [("code", "none", 5, 0.0021, 0.5), ("code", "none", 30, 0.0019, 0.5)]
    rows += [("code", "printed_split", 5, 0.0018, 1.5), ("code", "printed_split", 30, 0.00195, 1.5)] if leaked else []
    made = pd.DataFrame(rows, columns=["network_preset", "leak", "window", "mse_test", "sharpe"])
    return crypto_steps.bought(made.assign(zero_mse_test=0.002, total_return=0.01, annual_volatility=0.02))


def windows(lstm, zero):
    rows = {f"{error}_{period}": value for error in ("mse", "mae") for period in ("validation", "test") for value in [lstm]}
    return crypto_steps.errors_by_window(pd.DataFrame([{"model": "lstm", "seed": 1, "window": window} | {
        f"{whose}{name}": value[window] for whose, value in (("", lstm), ("zero_", zero), ("mean_", zero)) for name in rows}
        for window in lstm]), model="lstm")


def test_the_chart_of_returns_names_the_largest_moves_and_draws_everybody(coins):
    figure = papers.daily_returns(coins)
    assert "-50 % by C on 2024-01-09" in figure.layout.title.text and "2024-01-01 to 2024-02-09" in figure.layout.title.text
    assert sorted(trace.name for trace in figure.data) == list("ABCDEFG")
    assert sum(trace.showlegend for trace in figure.data) == papers.LARGEST
    for trace in figure.data:
        np.testing.assert_allclose(trace.y, coins[trace.name].to_numpy("float32"))
    assert axis_titles(figure, "y") == ["daily return (%)"] and figure.data[0].x0 == "2024-01-01"


def test_dates_with_a_missing_day_are_all_written(coins):
    figure = papers.daily_returns(coins.drop(COINS[3]))
    assert figure.data[0].x0 is None and list(figure.data[0].x[2:4]) == ["2024-01-03", "2024-01-05"]


def test_the_portfolio_beside_the_index_starts_at_one_and_says_where_it_ends(coins):
    made = coins[["A", "B"]].set_axis(["LSTM", "Crypto10"], axis=1)
    figure = papers.against_index(made, made.iloc[30:])
    ends = [(1 + part).prod() for part in (made, made.iloc[30:])]
    for note, end, when in zip(figure.layout.annotations, ends, ("on the days that chose it", "decided before")):
        assert note.text == f"{when}: LSTM {end['LSTM']:.2f}, Crypto10 {end['Crypto10']:.2f}"
    assert [trace.name for trace in figure.data] == ["LSTM", "Crypto10"] * 2
    assert figure.data[0].y[-1] == pytest.approx(ends[0]["LSTM"], rel=1e-6)
    assert "2024-01-31 to 2024-02-09" in figure.layout.title.text
    assert f"LSTM {ends[1]['LSTM'] - 1:.0%} and".replace("%", " %") in figure.layout.title.text


def test_what_the_printed_split_buys_is_drawn_and_said():
    figure, words = papers.split_gains(split()), papers.split_words(split())
    assert [trace.name for trace in figure.data] == ["disjoint periods", "the printed split"]
    np.testing.assert_allclose([trace.y for trace in figure.data], [[-0.05, 0.05], [0.1, 0.025]], rtol=1e-6)
    assert list(figure.data[0].x) == ["5 days", "30 days"] and "squared error below that of zero (%)" in axis_titles(figure, "y")
    assert words == ("Compared with forecasting zero, the network of the listing saves at best 5.00 % of the squared error on "
                     "disjoint periods and 10.00 % with the printed split. The printed split lowers its error in 1 of 2 "
                     "windows. The Sharpe ratio of its portfolio goes from 0.50 to 1.50.")
    assert "lowers the test error in 1 of 2 cases" in figure.layout.title.text
    one_window = split().mask(lambda table: table.index.get_level_values("split").to_series().eq("the printed split").to_numpy()[:, None]
                              & (table.columns == "saved, 5 days")[None])
    assert "saves at best 5.00 % of the squared error on disjoint periods and 2.50 %" in papers.split_words(one_window)
    assert list(papers.split_gains(one_window).data[1].x) == ["30 days"], "what was not run is not drawn"


def test_without_the_runs_of_the_printed_split_a_sentence_says_so():
    for table in (pd.DataFrame(), split(leaked=False)):
        assert papers.split_words(table) == papers.no_sweep(papers.SPLIT_RUNS)
    assert "not there yet" in papers.no_sweep(papers.SPLIT_RUNS)
    figure = papers.split_gains(pd.DataFrame())
    assert not figure.data and "no such runs" in figure.layout.annotations[0].text


def test_the_sentence_about_windows_names_the_smallest_and_who_beats_zero():
    words = papers.windows_words(windows({5: 0.0012, 10: 0.0011, 30: 0.0013}, {5: 0.0011, 10: 0.0012, 30: 0.0012}))
    assert words.startswith("Smallest test error of the LSTM: MSE 10 days; RMSE 10 days; MAE 10 days. On the same days, the MSE is "
                            "below that of forecasting zero for 1 window of 3 (10 days)")
    assert "forecasting zero for none of 1 window and" in papers.windows_words(windows({5: 0.0012}, {5: 0.0011}))
    assert "no Table 4" in papers.windows_words(crypto_steps.errors_by_window(pd.DataFrame({"model": [], "window": []}), model="lstm"))


def test_the_sentence_about_table_5_sets_hindsight_beside_what_was_decided_before():
    columns = ["mpt_in_sample", "lstm_in_sample", "mpt_out_of_sample", "lstm_out_of_sample"]
    summary = pd.DataFrame([[0.5, 0.01, 0.2, -0.03], [0.4, 0.02, 0.5, 0.1], [1.25, 0.5, 0.4, -0.3], [100, 100, 30, 30],
                            [1, 1.2, 1, 7.25], [0, 0, 0, 0.25], [0.5, 0.9, 0.3, np.nan]], columns=columns, index=[
        "annualized_return", "annualized_volatility", "sharpe_ratio", "observations", "gross_exposure", "inefficient", "forecast_return"])
    words = papers.table5_words(summary)
    for told in ("1.25 on the days that chose it and 0.40 on the 30 days", "0.50 on the days that chose it and -0.30 on the 30 days",
                 "return is -3.0 % per year and its volatility 10.0 % per year", "its portfolio 90.0 % per year, and it earned 1.0 %",
                 "reaches 7.2", "At 25.0 % of its decisions"):
        assert told in words, told
    assert papers.table5_words(pd.DataFrame(columns=columns)).startswith("This run has no tangency portfolio")


def test_a_claim_is_shown_whole_and_a_solver_s_dust_as_zero():
    rows = pd.DataFrame({"claim": ["weight of a coin with a long name, " * 5] * 2, "published": [4.2, "yes"], "ours": [8e-12, np.nan],
                         "status": "not reproduced"})
    shown = plain(papers.whole(rows).to_html())
    assert rows["claim"][0].strip() in shown and "4.2 0 not reproduced" in shown and "e-12" not in shown and "nan" not in shown
