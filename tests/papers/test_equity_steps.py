"""The steps of Nguyen's notebook: who is left out, grids, early stopping, risk parity's own objective, choices."""

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import equity, equity_steps
from forefolio.portfolios import holdings, long_only
from forefolio.runs import contracts
from forefolio.study.parameters import ROOT, load

SIX = equity.SIX


@pytest.fixture
def published():
    return {"numbers": pd.read_csv(contracts.PUBLISHED / "nguyen2025_numbers.csv")}


def points(**columns):
    """A grid of the LSTM, four points of which the third is the paper's."""
    made = pd.DataFrame({"lstm_layers": [2, 4, 4, 6], "lstm_units": 4, "learning_rate": [0.01, 0.03, 0.01, 0.01], "batch_size": 64,
                         "validation_mae": [0.0203, 0.0201, 0.0202, 0.0204], "mae": [0.010, 0.013, 0.011, 0.010],
                         "total_return_mvf": [0.1, 0.2, np.nan, 0.4]})
    return made.assign(**columns)


def test_the_chosen_networks_are_those_of_the_params_file():
    study = load(ROOT / "params" / "nguyen2025.yml")
    for chosen in equity_steps.CHOSEN.values():
        assert {name: getattr(study, name) for name in chosen} == chosen


def test_reasons_that_differ_in_their_numbers_are_one_and_the_most_frequent_comes_first():
    universe = pd.DataFrame({"ticker": list("ABCDE"), "kept": [False, True, False, False, True],
                             "reason": ["misses 5 of 1501 days up to 2022-12-30", "", "starts on 2018-02-21",
                                        "starts on 2017-07-20", "holds the last price on 1 missing day"]})
    found = equity_steps.left_out(universe)
    assert found["what"].tolist() == ["kept", "starts on ...", "misses ... of ... days up to ..."]
    assert found["stocks"].tolist() == [2, 2, 1] and found["examples"].tolist() == ["B, E", "C, D", "A"]


def test_a_universe_without_reasons_is_kept_whole():
    universe = pd.DataFrame({"ticker": ["A", "B"], "kept": True, "reason": [np.nan, np.nan]})
    assert equity_steps.left_out(universe).to_numpy().tolist() == [["kept", 2, "A, B"]]


def test_a_grid_is_ranked_by_validation_and_marks_the_paper_s_own():
    found = equity_steps.grid({"lstm_grid": points()}, "lstm")
    assert found["rank"].tolist() == [1, 2, 3, 4] and found["test_rank"].tolist() == [4, 3, 1, 1], "equal errors share a rank"
    assert found["chosen"].tolist() == [False, True, False, False]
    assert found["validation_mae"].is_monotonic_increasing
    assert equity_steps.settings(found) == ["lstm_layers", "lstm_units", "learning_rate", "batch_size"]


def test_a_point_that_differs_in_one_setting_is_not_the_paper_s():
    assert not equity_steps.grid({"lstm_grid": points(batch_size=32)}, "lstm")["chosen"].any()


def test_the_best_of_a_grid_are_told_by_what_sets_them_apart_from_the_paper_s(monkeypatch):
    monkeypatch.setattr(equity_steps, "TOP", 1)
    found = equity_steps.top(equity_steps.grid({"lstm_grid": points()}, "lstm"), "lstm")
    assert found["network"].tolist() == ["learning_rate 0.03", "the paper's"] and found["rank"].tolist() == [1, 2]
    assert list(found) == ["rank", "test_rank", "network", "validation_mae", "mae", "total_return_mvf"]
    assert equity_steps.top(pd.DataFrame(), "lstm").empty


def test_without_its_sweep_there_is_no_table(published):
    assert equity_steps.grid(published, "lstm").empty and equity_steps.grid(published, "cnn1d").empty
    assert equity_steps.stopping(published).empty and equity_steps.ranges(published).empty


def test_errors_with_and_without_early_stopping_stand_beside_zero_s_and_the_printed_ones(published):
    rows = [(0, "zero", 0.010), (0, "lstm", 0.012), (10, "zero", 0.020), (10, "lstm", 0.021), (0, "cnn1d", 0.0161)]
    table = pd.DataFrame(rows, columns=["patience", "model", "mae_mean"]).assign(mse_mean=5.1e-4, rmse_mean=1.0)
    found = equity_steps.stopping(published | {"accuracy": table})
    assert found["model"].tolist() == ["lstm", "lstm", "cnn1d"] and found["patience"].tolist() == [0, 10, 0]
    assert found["above_zero"].tolist() == pytest.approx([0.2, 0.05, 0.61])
    assert found["reproduced"].tolist() == [0, 0, 2], "MAE 0.0160 and MSE 5.03e-4 are printed of the 1D-CNN"


@pytest.fixture
def accuracy():
    return pd.DataFrame({"model": ["zero", "mean", "lstm"], "mae_mean": [0.01, 0.011, 0.012], "mse_mean": [1e-4, 2e-4, 3e-4],
                         "rmse_mean": [0.01, 0.02, 0.03], "mae_std": 1.0, "mse_std": 2.0, "rmse_std": 3.0,
                         "hr_mean": [np.nan, 0.5, 0.51], "hr_plus_mean": 0.4, "hr_minus_mean": 0.3})


def test_table_4_has_the_printed_errors_the_run_s_and_those_that_know_nothing(published, accuracy):
    found = equity_steps.table4(published, accuracy)
    assert found.index.tolist() == ["LSTM, printed", "1D-CNN, printed", "LSTM", "zero", "mean"], "this run has no 1D-CNN"
    assert found.loc["LSTM, printed", ["MAE", "MSE", "RMSE"]].tolist() == [0.0156, 0.000476, 0.0212]
    assert found.loc["1D-CNN, printed", "MAE"] == 0.0160 and found.loc["LSTM", "MAE"] == 0.012
    assert found.loc["LSTM", ["RMSE (deviation)", "HR"]].tolist() == [3.0, 0.51]
    assert found.loc[["LSTM, printed", "1D-CNN, printed"], ["HR", "MAE (deviation)"]].isna().all(axis=None), "not in the text"


def test_errors_are_measured_from_those_of_zero(published, accuracy):
    found = equity_steps.above_zero(published, accuracy)
    assert "zero" not in found.index
    assert found.loc["LSTM"].tolist() == pytest.approx([0.2, 2.0, 2.0]) and found.loc["LSTM, printed", "MAE"] == pytest.approx(0.56)
    assert equity_steps.above_zero(published, accuracy[accuracy["model"] != "zero"]).empty


def test_the_paper_s_lines_are_found_under_joint_names_and_without_a_model():
    assert equity_steps.lines(["mean=lstm=cnn1d+mdp", "cnn1d+mvf", "rpp"]) == ["mean=lstm=cnn1d+mdp", "cnn1d+mvf", "rpp"]
    assert equity_steps.lines(["mean+mvf", "equal_weight"]) == []
    assert equity_steps.shown(["benchmark", "lstm+mvf", "equal_weight", "hrp"]) == ["lstm+mvf", "equal_weight", "benchmark"]


def test_strategies_of_the_same_weights_count_twice_in_the_six():
    """As in the paper, so that Holm's correction is over six: a joint line is two of them."""
    months = pd.DataFrame(np.random.default_rng(6).normal(0.01, 0.02, (12, 5)),
                          columns=["lstm=cnn1d+mdp", "lstm+mvf", "cnn1d+mvf", "mean+mvf", "rpp"])
    found = equity_steps.six(months)
    assert list(found) == SIX
    for name, line in {"lstm+mdp": "lstm=cnn1d+mdp", "cnn1d+mdp": "lstm=cnn1d+mdp", "lstm+rpp": "rpp"}.items():
        assert found[name].equals(months[line].rename(name))
    assert list(equity_steps.six(months[["lstm+mvf"]])) == ["lstm+mvf"] and equity_steps.six(months[[]]).empty


def test_the_objective_of_risk_parity_is_its_sum_over_all_pairs():
    rng = np.random.default_rng(2)
    names = list("ABCD")
    Sigma = pd.DataFrame(np.cov(rng.normal(size=(50, 4)), rowvar=False), names, names)
    weights = pd.Series([0.4, 0.3, 0.2, 0.1], names)
    shares = holdings.marginal_risk(weights, Sigma)
    contributions = shares["risk_contribution"].to_numpy()
    by_hand = ((contributions[:, None] - contributions) ** 2).sum() / (weights @ Sigma @ weights)
    found = equity_steps.risk_parity(shares.reset_index().assign(strategy="s")).iloc[0]
    assert found["objective"] == pytest.approx(by_hand)
    assert [found["lowest_share"], found["highest_share"]] == [shares["risk_share"].min(), shares["risk_share"].max()]


def test_risk_parity_is_where_that_sum_is_zero():
    names = list("ABC")
    Sigma = pd.DataFrame([[4e-4, 1e-4, 0], [1e-4, 9e-4, 2e-4], [0, 2e-4, 1e-4]], names, names)
    shares = holdings.marginal_risk(long_only.risk_parity(Sigma).weights, Sigma).reset_index().assign(strategy="rpp")
    assert equity_steps.risk_parity(shares)["objective"].item() == pytest.approx(0, abs=1e-9)


def choices(**columns):
    """Two choices; LSTM+MDP sums to 40 and 60 percent, where 52.459 is printed, every other to nothing."""
    rows = [(window, name, total if name == "lstm+mdp" else 0.0)
            for window, total in ((30, 0.6), (250, 0.4)) for name in SIX]
    table = pd.DataFrame(rows, columns=["estimation_window", "strategy", "summed_excess_but_first"])
    return table.assign(information_ratio_but_first=table["summed_excess_but_first"], turnover_one_way=0.54137,
                        mean_monthly_excess_but_first=0.0, **columns)


def test_a_printed_number_is_inside_if_choices_lie_on_both_sides(published):
    found = equity_steps.ranges({**published, "choices": choices()}).set_index(["number", "strategy"])
    total = found.loc[("total return", "LSTM+MDP")]
    assert total[["printed", "lowest", "highest"]].tolist() == [52.459, 40.0, 60.0] and total["inside"]
    assert found.loc[("information ratio", "LSTM+MDP"), "highest"] == 0.6, "a ratio is no percent"
    assert found.loc["turnover", "inside"].tolist() == [name == "LSTM+RPP" for name in found.loc["turnover"].index]
    assert not found.loc["total return"].drop("LSTM+MDP")["inside"].any()


def test_a_strategy_that_no_choice_has_is_left_out(published):
    table = choices().query("strategy != 'cnn1d+rpp'")
    assert "1D-CNN+RPP" not in set(equity_steps.ranges({**published, "choices": table})["strategy"])


def test_both_pairs_are_compared_and_one_that_is_not_there_is_left_out():
    rng = np.random.default_rng(4)
    months = pd.DataFrame(rng.normal(0, 0.01, (12, 3)), columns=["lstm+mdp", "lstm+mvf", "cnn1d+mvf"])
    months["cnn1d+mvf"] += 1.0
    found = equity_steps.pairs(months)
    assert found["pair"].tolist() == ["the paper's two best", "this run's two best"]
    assert {*found.loc[0, ["first", "second"]]} == {"lstm+mdp", "lstm+mvf"} and found.loc[1, "first"] == "cnn1d+mvf"
    assert equity_steps.pairs(months.drop(columns="lstm+mdp"))["pair"].tolist() == ["this run's two best"]
    assert equity_steps.pairs(months[[]]).empty
