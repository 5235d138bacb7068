"""Pictures and sentences of the evidence: what is left without the best, other seeds, and how sure each number is."""

import numpy as np
import pandas as pd
import pytest
from figure_frames import FRAMES, SAMPLE, plain

from forefolio.performance.intervals import intervals, sharpe_differences
from forefolio.report import evidence, sentences
from forefolio.study.parameters import ROOT
from forefolio.study.vocabulary import ABSENT, LEAKS, NOT_SHOWN, SHOWN


def best(**totals):
    """Total return as it was, without the best month and without the best asset, by strategy."""
    return pd.DataFrame([(name.replace("_mvf", "+mvf"), *values, pd.Timestamp("2023-04-01"), 0.35, "HAG", 0.9)
                         for name, values in totals.items()],
                        columns=["strategy", "total_return", "without_month", "without_asset", "best_month",
                                 "month_return", "best_asset", "contribution"])


def test_the_highest_total_is_told_with_what_its_month_and_asset_were_worth():
    told = sentences.without_best(best(lstm_mvf=(2.222, 1.386, 0.892), equal_weight=(0.469, 0.297, 0.443)))
    assert "`lstm+mvf` has the highest total, 222.2 %" in told
    assert "Without its best month, April 2023 (35.0 %), this is 138.6 %." in told
    assert "Without its best asset, HAG, it is 89.2 %" in told and "It stays ahead" in told


def test_leads_that_rest_on_one_month_or_asset_are_named():
    told = sentences.without_best(best(lstm_mvf=(0.6, 0.1, 0.5), cnn1d_mvf=(0.5, 0.1, 0.1), mean_mvf=(0.1, 0.3, 0.5),
                                       equal_weight=(0.4, 0.2, 0.3)))
    assert "Of the 3 strategies beside `equal_weight`, 2 ended ahead of it." in told
    assert "Without the best month of each, `lstm+mvf` and `cnn1d+mvf` no longer are." in told
    assert "Without the best asset of each, `cnn1d+mvf` no longer is." in told and "stay" not in told


def test_nothing_ahead_one_strategy_and_none_are_told():
    assert sentences.without_best(best(lstm_mvf=(0.1, 0.0, 0.0), equal_weight=(0.4, 0.2, 0.3))).endswith(
        "Of the 1 strategy beside `equal_weight`, none ended ahead of it.")
    assert "the only total" in sentences.without_best(best(equal_weight=(0.4, 0.2, 0.3)))
    assert sentences.without_best(best()) == "No strategy kept its wealth, so there is nothing to leave out."


def differences(*rows):
    columns = ["strategy", "rival", "difference", "low", "high", "p", "holm_p", "verdict"]
    return pd.DataFrame(rows, columns=columns)


PERFORMANCE = pd.DataFrame({"strategy": ["lstm+mvf", "equal_weight", "benchmark"], "information_ratio": [0.2, 0.7, np.nan],
                            "max_drawdown": -0.1, "annual_volatility": 0.1})


def interval_rows():
    rows = [("lstm+mvf", "total_return", 2.222, 0.048, 8.043), ("lstm+mvf", "sharpe", 1.6, 0.3, 2.9),
            ("equal_weight", "total_return", 0.469, -0.1, 1.4), ("equal_weight", "sharpe", 1.1, -0.2, 2.6),
            ("benchmark", "total_return", 9.0, 8.0, 10.0), ("benchmark", "sharpe", 1.1, -0.2, 2.6)]
    return pd.DataFrame(rows, columns=["strategy", "metric", "value", "low", "high"])


def test_the_interval_of_the_highest_total_and_the_three_words_are_told():
    told = sentences.certainty(interval_rows(), differences(
        ("lstm+mvf", "equal_weight", 0.5, 0.1, 0.9, 0.0002, 0.003, SHOWN),
        ("cnn1d+mvf", "equal_weight", -0.5, -0.9, -0.1, 0.002, 0.004, ABSENT),
        ("mean+mvf", "equal_weight", 0.1, -0.1, 0.3, 0.5, 0.5, NOT_SHOWN),
        ("lstm+mvf", "mean+mvf", 0.1, -0.1, 0.3, 0.25, 0.25, NOT_SHOWN)), PERFORMANCE, 24)
    assert "`lstm+mvf` ended with 222.2 %. The 95 % interval of that total goes from 4.8 % to 804.3 %" in told  # no benchmark
    assert ("*shown* for `lstm+mvf`, *not shown* for 1 of 3 strategies and *shown to be absent* for `cnn1d+mvf`. The "
            "smallest p-value, below 0.001 (0.003 after Holm's correction for 3 tests)") in told
    assert "**Better than the twin?** A higher Sharpe ratio is *not shown* for 1 of 1 strategy." in told


def test_what_so_many_months_can_show_stands_beside_the_highest_ratio_that_was_measured():
    told = sentences.power(PERFORMANCE, 24)
    assert "In 24 months" in told and "at least 0.52 a month" in told and "highest measured here is 0.70" in told
    ruined = sentences.power(PERFORMANCE.assign(max_drawdown=[-0.1, -1.0, -0.1]), 24)
    assert "highest measured here is 0.20 (`lstm+mvf`)" in ruined
    assert "measured" not in sentences.power(PERFORMANCE.assign(information_ratio=np.nan), 24)
    assert "Nothing" in sentences.power(PERFORMANCE, 1)


@pytest.mark.parametrize("n_days", [12, 90])
@pytest.mark.parametrize("names", [["equal_weight"], ["lstm+mvf", "mean+mvf"], ["lstm+mvf", "mean+mvf", "equal_weight"]])
def test_what_an_ordinary_run_gives_ends_in_words_and_a_figure(names, n_days):
    days = pd.bdate_range("2022-01-03", periods=n_days, name="date")
    drawn = np.random.default_rng(1).normal(0, 0.01, (n_days, len(names) + 1))
    net, terms = pd.DataFrame(drawn, days, [*names, "benchmark"]), dict(periods_per_year=252, risk_free_rate=0.0, seed=7)
    table = intervals(net, **terms, n_bootstraps=50)
    twins = pd.DataFrame({"strategy": ["lstm+mvf"], "twin": ["mean+mvf"]})
    tested = sharpe_differences(net, twins, **terms, n_bootstraps=99)
    told = sentences.certainty(table, tested, PERFORMANCE, 4)
    assert "nan" not in told and ("too few days for intervals" in told) == (n_days == 12)
    assert ("equal weight?" in told) == (len(names) == 3) and ("the twin?" in told) == (len(names) > 1)
    figure = evidence.sharpe_ratios(table, tested, sample=SAMPLE)
    assert sum(trace.mode == "markers" for trace in figure.data) == len(names) + 1 + 2 * (len(names) == 3)


def test_every_interval_is_drawn_whole_and_zero_has_a_line():
    figure = evidence.sharpe_ratios(FRAMES["intervals"], FRAMES["sharpe_differences"], sample=SAMPLE)
    assert "Sharpe ratio" in plain(figure.layout.title.text) and len(figure.layout.shapes) == 2
    for number, (low, high) in zip(("", "2"), ((-1.0, 2.0), (-1.2, 0.8))):
        axis = figure.layout[f"xaxis{number}"]
        assert axis.range[0] < low and axis.range[1] > high
        bars = [trace for trace in figure.data if trace.mode == "lines" and trace.xaxis == f"x{number}"]
        assert len(bars) == (4 if not number else 3) and all(list(bar.x) == [low, high] for bar in bars)


def test_strategies_whose_numbers_agree_are_drawn_once_under_all_their_names():
    names = ["mean+rpp", "lstm+rpp", "lstm+mvf"]
    table = pd.DataFrame([(name, "sharpe", 1.0 + 1e-4 * (name == "lstm+rpp"), 0.1, 2.0) for name in names],
                         columns=["strategy", "metric", "value", "low", "high"])
    figure = evidence.sharpe_ratios(table, FRAMES["sharpe_differences"][:0], sample=SAMPLE)
    assert list(figure.layout.yaxis.categoryarray) == ["mean=lstm+rpp", "lstm+mvf"]
    assert "contains 0 for none of 2 portfolios" in plain(figure.layout.title.text)


def test_a_cross_is_another_seed():
    per_seed = pd.DataFrame({"seed": [1, 2], "strategy": "lstm+rpp", "total_return": [0.1, 0.2]})
    figure = evidence.offsets(FRAMES["offsets"], per_seed, sample=SAMPLE)
    cross = figure.data[-1]
    assert list(cross.y) == ["lstm+rpp"] * 2 and cross.marker.symbol == "x-thin" and "another seed" in figure.layout.title.text


def test_the_page_lists_every_leak_as_the_vocabulary_has_it():
    rows = [line for line in (ROOT / "docs" / "evidence.md").read_text().splitlines() if line.startswith("| `")]
    assert set(rows) >= {f"| `{name}` | {leak.sees} |" for name, leak in LEAKS.items() if name != "none"}
