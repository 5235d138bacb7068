"""Pictures and sentences of the papers' notebooks: what they show, and what they say where something is not there."""

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import equity_steps
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
    assert SAMPLE in figure.layout.title.text and "%" in figure.layout.xaxis.title.text + figure.layout.yaxis.title.text


def test_a_grid_that_is_not_there_has_no_panel_and_a_sentence(grids):
    one = grids | {"cnn1d": pd.DataFrame()}
    assert len(drawn(papers.grid(one, (0.02, 0.01), sample=SAMPLE), "forecasting zero")) == 1
    none = papers.grid({"lstm": pd.DataFrame()}, (0.02, 0.01), sample=SAMPLE)
    assert not none.data and "no grid" in none.layout.annotations[0].text
    assert "zero forecast" in papers.grid(grids, (None, None), sample=SAMPLE).layout.annotations[0].text
    assert papers.grid_words({"lstm": pd.DataFrame()}) == papers.no_sweep("The grid of the LSTM")
    assert "make papers" in papers.grid_words(one) and "**LSTM.**" in papers.grid_words(one)


def test_the_grid_s_words_have_rank_spread_and_what_the_choice_bought(grids):
    told = papers.grid_words(grids)
    lstm, cnn1d = told.split("\n\n")
    assert "Of 3 networks the best has a validation MAE of 2.0100 % a day and the worst one 1.49 % more" in lstm
    assert "is rank 2 in validation, 0.50 % above the best, and rank 1 in the test period" in lstm
    assert "The best in validation is rank 3 in the test period" in lstm and "within 1.98 %" in lstm
    assert "they end between -20 % and 150 %; the best in validation at -20 %, the paper's at 50 %." in lstm
    assert "The paper's configuration is none of them." in cnn1d and cnn1d.endswith("the best in validation at -20 %.")


def test_early_stopping_has_a_sentence_with_both_errors_or_one_that_they_are_not_there():
    table = pd.DataFrame({"model": ["lstm", "lstm"], "patience": [0, 10], "mae": [0.012, 0.011], "above_zero": [0.2, 0.1]})
    told = papers.stopping_words(table)
    assert "LSTM: all epochs 1.2000 % a day, 20.00 % above zero's; 10 epochs of patience 1.1000 % a day, 10.00 % above zero's." in told
    assert "not there yet" in papers.stopping_words(pd.DataFrame())


def test_errors_stand_at_their_distance_from_zero_s(stocks):
    accuracy = pd.DataFrame({"model": ["zero", "lstm"], "mae_mean": [0.01, 0.011], "mse_mean": [1e-4, 1e-4], "rmse_mean": 0.01})
    figure = papers.above_zero(equity_steps.above_zero(stocks, accuracy), sample=SAMPLE)
    printed, own = drawn(figure, "LSTM, printed")[0], drawn(figure, "LSTM")[0]
    assert printed.x[0] == pytest.approx(0.56) and own.x[0] == pytest.approx(0.1)
    assert printed.text[0] == "56.0 %" and printed.marker.symbol == "diamond-open" and list(own.y) == ["MAE", "MSE", "RMSE"]
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
    assert dict(zip(tick.y, tick.x))["LSTM+MDP"] == 52.459 and "4 dots a strategy" in figure.layout.title.text
    assert not drawn(papers.choices(stocks | {"choices": choices}, own | {"patience": 7}, sample=SAMPLE), "this run's choice")


def test_without_choices_there_is_a_bare_figure_and_a_sentence(stocks):
    assert "no sweep" in papers.choices(stocks, {}, sample=SAMPLE).layout.annotations[0].text
    assert "not there yet" in papers.choices_words(pd.DataFrame())


def test_the_words_on_choices_count_the_printed_numbers_inside():
    table = pd.DataFrame([("LSTM+MDP", "total return", True), ("LSTM+MVF", "total return", True), ("LSTM+RPP", "total return", False),
                          ("LSTM+MDP", "turnover", False)], columns=["strategy", "number", "inside"])
    told = papers.choices_words(table)
    assert "* total return: between the lowest and the highest for 2 of 3 (LSTM+MDP and LSTM+MVF)" in told
    assert told.endswith("* turnover: outside for all 1")


def test_claims_are_shown_whole_with_four_digits():
    rows = pd.DataFrame({"claim": ["x" * 90, "y"], "unit": "", "reading": "", "published": [0.123456, "yes"],
                         "ours": [np.nan, "no"], "status": ""})
    shown = papers.whole(rows).to_html()
    assert "x" * 90 in shown and "0.1235" in shown and "nan" not in shown and ">yes<" in shown
