"""Sentences: chosen by the numbers, readable with one strategy or few months."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio import conclusions as subject
from forefolio.evidence import monthly_tests
from forefolio.metrics import monthly_excess, performance_table


def compared(growth, *, n_days=500, seed=1):
    """Performance and tests of strategies with a given daily growth in excess of noise that is common to all."""
    days = pd.bdate_range("2023-01-02", periods=n_days, name="date")
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.01, size=n_days)
    net = pd.DataFrame({name: market + step + rng.normal(0, 0.001, size=n_days) for name, step in growth.items()},
                       index=days).assign(benchmark=market)
    turnover = pd.Series(0.1, index=list(growth))
    table = performance_table(net, turnover, periods_per_year=252, risk_free_rate=0.0)
    return table, monthly_tests(monthly_excess(net))


def test_conclusion_names_the_best_and_counts_what_is_significant():
    table, tests = compared({"lstm+mvf": 0.001, "cnn1d+rpp": -0.001, "equal_weight": 0.0005})
    text = subject.conclusion(table, tests)
    total = table.set_index("strategy")["total_return"]
    ratio = table.set_index("strategy")["information_ratio"]
    assert f"`lstm+mvf` is the best of 3 strategies with {100 * total['lstm+mvf']:.1f} % over the test period" in text
    assert (f"ahead of `equal_weight` ({100 * total['equal_weight']:.1f} %) and "
            f"`benchmark` ({100 * total['benchmark']:.1f} %).") in text
    assert "Of the 2 strategies beside `equal_weight`, 1 ended ahead of it." in text
    assert f"with {ratio.max():.2f} a month" in text
    assert "Of 3 strategies, 2 beat the benchmark significantly at 5 %" in text and "2 after Holm's correction" in text
    other = subject.conclusion(table, tests.assign(sign_p=[0.01, 0.04, 0.5], sign_p_holm=[0.03, 0.08, 0.5],
                                                   t_p=0.04, t_p_holm=0.12))
    assert "2 after Holm's correction for 3 tests (sign test: 2 and 1; t-test: 3 and none)." in other
    assert "With 23 months" in text
    assert "`equal_weight` is among the significant and forecasts nothing" in text
    assert "nan" not in text.lower()


def test_conclusion_says_when_nothing_beats_equal_weight():
    text = subject.conclusion(*compared({"lstm+mvf": -0.001, "cnn1d+rpp": -0.0005, "equal_weight": 0.0005}))
    assert "`equal_weight` is the best of 3 strategies" in text
    assert "Of the 2 strategies beside `equal_weight`, none ended ahead of it." in text
    assert "owes nothing to a forecast" in text


def test_conclusion_credits_no_universe_where_equal_weight_is_not_significant():
    table, tests = compared({"lstm+mvf": 0.001, "equal_weight": -0.0005})
    assert "among the significant" not in subject.conclusion(table, tests)


def test_conclusion_says_when_all_trail_the_benchmark():
    text = subject.conclusion(*compared({"lstm+mvf": -0.002, "equal_weight": -0.001}))
    assert "behind `benchmark`" in text and "below the benchmark's" in text
    assert "none beat the benchmark significantly" in text and "owes nothing" not in text


def test_conclusion_changes_only_with_the_numbers():
    table, tests = compared({"lstm+mvf": 0.001, "equal_weight": 0.0005})
    names = {"lstm+mvf": "equal_weight", "equal_weight": "lstm+mvf"}
    swapped = subject.conclusion(table.replace({"strategy": names}), tests.replace({"strategy": names}))
    assert "`equal_weight` is the best" in swapped and "`lstm+mvf` is the best" not in swapped
    shuffled = subject.conclusion(table[::-1].reset_index(drop=True), tests[::-1].reset_index(drop=True))
    assert shuffled == subject.conclusion(table, tests)


@pytest.mark.parametrize(("growth", "n_days"), [
    ({"equal_weight": 0.0}, 500), ({"lstm+mvf": 0.0}, 500), ({"lstm+mvf": 0.001, "equal_weight": 0.0}, 10),
    ({"lstm+mvf": 0.001, "equal_weight": 0.0}, 40)])
def test_conclusion_reads_well_with_one_strategy_or_few_months(growth, n_days):
    text = subject.conclusion(*compared(growth, n_days=n_days))
    assert "nan" not in text.lower() and "1 strategies" not in text and "1 months" not in text
    assert ("is the only strategy, with" in text) == (len(growth) == 1)
    assert ("whatever the returns" in text) == (n_days < 100)
    assert ("None can be computed from 1 month" in text) == (n_days == 10)


def test_conclusion_without_any_difference_from_the_benchmark():
    table, tests = compared({"equal_weight": 0.0})
    table.loc[0, ["information_ratio", "mean_monthly_excess", "std_monthly_excess"]] = [np.nan, 0.0, 0.0]
    table.loc[0, "total_return"] = table.loc[1, "total_return"]
    tests.loc[:, "t_low":] = np.nan
    text = subject.conclusion(table, tests)
    assert "level with `benchmark`" in text and "No strategy could be tested" in text and "nothing to test" in text


def test_the_least_significant_excess_is_where_the_t_test_turns():
    table, tests = compared({"lstm+mvf": 0.0})
    n, deviation = tests.loc[0, "n_months"], 0.04
    text = subject.conclusion(table.assign(std_monthly_excess=deviation), tests)
    shape = np.random.default_rng(0).normal(size=n)
    shape = deviation * (shape - shape.mean()) / shape.std(ddof=1)
    edge = stats.t.ppf(0.95, n - 1) * deviation / np.sqrt(n)
    assert f": {100 * edge:.1f} % a month for `lstm+mvf`, whose excess varies least." in text
    assert stats.ttest_1samp(shape + edge, 0, alternative="greater").pvalue == pytest.approx(0.05)


def accuracy(**errors):
    return pd.DataFrame({"model": list(errors), "mse_mean": list(errors.values())})


def test_accuracy_sentence_when_a_network_beats_some_baselines():
    text = subject.accuracy_sentence(accuracy(zero=4.0e-4, mean=4.4e-4, ar=5.0e-4, lstm=4.2e-4, cnn1d=9e-4))
    assert "The best of 2 networks on these very days, `lstm`, has a mean squared error of 4.200e-04" in text
    assert "5.00 % above `zero`, 4.55 % below `mean` and 16.00 % below `ar`." in text
    assert "**Its error is lower than that of `mean` and `ar`, but not `zero`.**" in text and "untested" not in text


def test_accuracy_sentence_when_no_network_beats_anything():
    text = subject.accuracy_sentence(accuracy(zero=4.0e-4, mean=4.1e-4, ar=4.1e-4, lstm=4.2e-4))
    assert "The only network, `lstm`," in text and "**No network has a lower error than `zero`, `mean` or `ar`.**" in text


def test_accuracy_sentence_says_that_tiny_differences_are_tiny():
    text = subject.accuracy_sentence(accuracy(zero=4.0e-4, ar=3.98e-4, lstm=3.979e-4))
    assert "**Its error is lower than that of `zero` and `ar`.**" in text and "All these differences are below 1 %" in text
    level = subject.accuracy_sentence(accuracy(zero=4.0e-4, lstm=4.0e-4 * (1 + 1e-7)))
    assert "level with `zero`. **No network has a lower error than `zero`.**" in level


def test_accuracy_sentence_without_networks_or_without_baselines():
    text = subject.accuracy_sentence(accuracy(zero=4.0e-4, mean=4.2e-4))
    assert text.startswith("This study has no network. Of its baselines `zero` has the lowest") and "lower error" not in text
    assert "no other model to compare it with" in subject.accuracy_sentence(accuracy(zero=4.0e-4))
    assert "no baseline to compare it with" in subject.accuracy_sentence(accuracy(lstm=4.0e-4))
