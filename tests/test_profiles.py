"""Risk profiles: who is meant for whom, whose wish came true, all words by the numbers."""

import numpy as np
import pandas as pd
import pytest

from forefolio import profiles as subject

OUTCOMES = pd.DataFrame([  # return, volatility, drawdown, turnover, effective holdings
    ("lstm+mvf", "return-seeking", 0.25, 0.40, -0.45, 0.80, 1.2), ("lstm+rpp", "moderate", 0.19, 0.15, -0.13, 0.03, 18.0),
    ("lstm+mdp", "conservative", 0.08, 0.16, -0.12, 0.26, 4.0), ("equal_weight", "reference", 0.20, 0.17, -0.15, 0.02, 20.0),
    ("benchmark", "reference", 0.30, 0.10, -0.05, np.nan, np.nan)], columns=["strategy", "profile", *subject.MEASURES])
TESTS = pd.DataFrame({"strategy": ["lstm+mvf", "lstm+rpp", "lstm+mdp", "equal_weight"],
                      "wilcoxon_p_holm": [0.9, 0.018, np.nan, 0.0001]})


def advised(outcomes=OUTCOMES, tests=TESTS):
    """Advice, a row a wish, by the wish's measure."""
    return subject.advice(outcomes, tests).set_index(pd.Index(["return", "volatility", "drawdown", "turnover"]))


def changed(strategy, **values):
    """Outcomes with other values of one strategy."""
    outcomes = OUTCOMES.set_index("strategy")
    outcomes.loc[strategy, list(values)] = list(values.values())
    return outcomes.reset_index()


def test_profiles_follow_the_framework_and_what_has_none_is_a_reference():
    names = ["lstm+mvf", "zero+rpp", "cnn1d+mdp", "ar+tangency", "equal_weight", "benchmark", "lstm+hrp"]
    table = pd.DataFrame({"strategy": names, "turnover": 0.1}, index=range(3, 10))
    marked = subject.with_profile(table)
    assert marked["profile"].tolist() == ["return-seeking", "moderate", "conservative", "long-short"] + ["reference"] * 3
    assert list(marked) == ["strategy", "profile", "turnover"] and list(table) == ["strategy", "turnover"]
    pd.testing.assert_frame_equal(subject.with_profile(marked), marked)


def test_outcome_averages_holdings_over_the_rebalances():
    performance = OUTCOMES.drop(columns=["profile", "effective_holdings"]).assign(sharpe=1.0)
    strategies = performance["strategy"].drop(4)
    weights = pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": name, "asset": ["A", "B"], "weight": held})
                         for date, held in ((0, [1.0, 0.0]), (1, [0.5, 0.5])) for name in strategies])
    table = subject.outcome(performance, weights)
    assert list(table) == list(OUTCOMES)
    assert table["effective_holdings"].tolist() == pytest.approx([1.5] * 4 + [np.nan], nan_ok=True)
    pd.testing.assert_frame_equal(table.drop(columns="effective_holdings"), OUTCOMES.drop(columns="effective_holdings"))
    with pytest.raises(ValueError, match="lstm\\+rpp has no weights"):
        subject.outcome(performance, weights[weights["strategy"] != "lstm+rpp"])


def test_each_wish_goes_to_the_best_strategy_and_never_to_the_benchmark():
    advice = advised()
    assert advice["then"].to_dict() == {"return": "lstm+mvf", "volatility": "lstm+rpp", "drawdown": "lstm+mdp",
                                        "turnover": "equal_weight"}
    assert advice["the paper says"].tolist() == ["MVF (return-seeking)", "RPP (moderate)", "MDP (conservative)", "nothing"]
    assert advice["at"].tolist() == ["return 25.0 % a year", "volatility 15.0 % a year", "at worst 12.0 % below its peak",
                                     "turnover 2.0 % a rebalance"]
    assert advice.loc["return", "for"] == "volatility 40.0 %, drawdown 45.0 %, turnover 80.0 %"
    assert advice.loc["drawdown", "for"] == "return 8.0 %, volatility 16.0 %, turnover 26.0 %"
    assert advice["equal weight"].tolist() == ["20.0 %", "17.0 %", "15.0 %", "2.0 %"]
    assert [wish.split()[0] for wish in advice["if your investor"]] == ["wants", "wants", "cannot", "pays"]


def test_another_winner_changes_the_words_and_not_what_the_paper_says():
    other = advised(changed("lstm+mdp", annual_return=0.5, annual_volatility=0.01))
    assert other.loc[["return", "volatility"], "then"].tolist() == ["lstm+mdp"] * 2
    assert other["the paper says"].tolist() == advised()["the paper says"].tolist()
    pd.testing.assert_frame_equal(advised(OUTCOMES[::-1].reset_index(drop=True), TESTS[::-1]), advised())


def test_luck_is_the_corrected_p_value_of_the_winner():
    end = "; chosen after seeing the results"
    assert advised()["luck?"].tolist() == [
        f"p = 0.900 (excess, Holm), not below 0.05{end}", f"p = 0.018 (excess, Holm), below 0.05{end}",
        f"its excess cannot be tested{end}", f"p below 0.001 (excess, Holm), below 0.05{end}"]


def copied(*names, **values):
    """Outcomes and tests with near-copies of risk parity: equal to what is printed."""
    source = OUTCOMES.set_index("strategy").loc["lstm+rpp"]
    rows = [source.to_dict() | {"strategy": name, "annual_volatility": 0.15 - 1e-6 * i} | values
            for i, name in enumerate(names, 1)]
    return (pd.concat([OUTCOMES, pd.DataFrame(rows)], ignore_index=True),
            pd.concat([TESTS, pd.DataFrame({"strategy": names, "wilcoxon_p_holm": 0.018})]))


def test_near_copies_are_all_named_and_share_one_text():
    both = advised(*copied("cnn1d+rpp"))
    assert both.loc["volatility", "then"] == "lstm+rpp and cnn1d+rpp"
    assert both.loc["volatility", "for"] == "return 19.0 %, drawdown 13.0 %, turnover 3.0 %"
    assert both.loc["volatility", "luck?"].startswith("p = 0.018")
    many = advised(*copied("cnn1d+rpp", "gru+rpp", "rnn+rpp"))
    assert many.loc["volatility", "then"] == "lstm+rpp, cnn1d+rpp and 2 others"


def test_of_strategies_level_at_a_wish_the_one_that_trades_least_stands_first_and_is_told():
    row = advised(*copied("cnn1d+rpp", turnover=0.025, annual_return=0.1)).loc["volatility"]
    assert row["then"] == "cnn1d+rpp and lstm+rpp"
    assert row["for"] == "cnn1d+rpp: return 10.0 %, drawdown 13.0 %, turnover 2.5 %"


def test_what_is_missing_is_said_and_nothing_reads_nan():
    alone = OUTCOMES.iloc[[0, 4]].assign(turnover=np.nan)
    advice = advised(alone, TESTS.iloc[:0])
    assert advice["then"].tolist() == ["lstm+mvf"] * 3 + ["cannot be told"]
    assert advice.loc["return", ["for", "equal weight"]].tolist() == ["volatility 40.0 %, drawdown 45.0 %", "none"]
    assert advice.loc["return", "luck?"].startswith("its excess cannot be tested")
    assert not advice.apply(lambda column: column.str.contains("nan")).any(axis=None)


def test_kept_joins_promise_and_outcome_by_name():
    promised = pd.DataFrame({"strategy": ["equal_weight", "lstm+mvf"], "annual_return": [0.1, 1.5],
                             "annual_volatility": [0.2, 0.3], "max_drawdown": [-0.1, -0.2], "turnover": 0.0})
    table = subject.kept(promised, OUTCOMES)
    assert list(table) == ["strategy", "promised_annual_return", "kept_annual_return", "promised_annual_volatility",
                           "kept_annual_volatility", "promised_max_drawdown", "kept_max_drawdown"]
    assert table.to_numpy().tolist() == [["equal_weight", 0.1, 0.2, 0.2, 0.17, -0.1, -0.15],
                                         ["lstm+mvf", 1.5, 0.25, 0.3, 0.4, -0.2, -0.45]]
    with pytest.raises(ValueError, match="ar\\+mvf has no outcome"):
        subject.kept(promised.replace("lstm+mvf", "ar+mvf"), OUTCOMES)
