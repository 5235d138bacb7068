"""What the first stages say that they showed: every number from frames made by hand."""

import numpy as np
import pandas as pd

from forefolio.market import correlation
from forefolio.report.exercise import RIGHT, check
from forefolio.report.sentences import correlation_lessons, data_lessons

ASSETS = pd.DataFrame({"ticker": list("ABC"), "kept": [True, True, False]})
SUMMARY = pd.DataFrame({"mean_return": [0.3, 0.1], "standard_error": [0.1, 0.2]}, index=list("AB"))
EARNED = pd.DataFrame([(0.4, 0.1, 0.2, 0.06)], columns=["equal weight", "X"] + ["difference", "standard_error"], index=["test"])
ROLLING = pd.Series([0.1, 0.6, 0.3], pd.date_range("2024-01-01", periods=3))


def spectrum(eigenvalues: list[float], *, edge: float, rest: float) -> pd.DataFrame:
    return pd.DataFrame({"eigenvalue": eigenvalues, "share": np.array(eigenvalues) / len(eigenvalues), "noise_edge": edge,
                         "rest_edge": rest})


def test_stage_one_counts_the_universe_the_clear_means_and_what_the_universe_alone_earned():
    told = data_lessons(ASSETS, SUMMARY, EARNED)
    assert "2 of 3 assets are complete enough to be held." in told
    assert "median standard error of a mean return is 15.0 % a year. 1 of 2 means" in told and "`A`: 30.0 % ± 10.0 % a year" in told
    assert "equal weight earned 40.0 % and `X` 10.0 %. The mean difference is 20.0 % ± 6.0 % a year" in told


def test_a_single_day_has_a_difference_without_an_error():
    assert "The mean difference is 20.0 % a year" in data_lessons(ASSETS, SUMMARY, EARNED.assign(standard_error=np.nan))


def test_stage_two_says_both_counts_of_eigenvalues_and_the_floor():
    Sigma = pd.DataFrame([[0.04, 0.02, 0.02], [0.02, 0.09, 0.02], [0.02, 0.02, 0.16]])
    told = correlation_lessons(Sigma, spectrum([2.1, 0.6, 0.3], edge=1.2, rest=0.36), ROLLING)
    assert "30.0 % a year on average (31.1 % as the root of the mean variance). Equal weights of all 3 have 21.3 %" in told
    assert "The floor for ever more assets like these is 14.1 %." in told
    assert "1 of 3 eigenvalues of the correlation matrix is above the edge of noise, 1.20." in told
    assert "70 % of all variance. For what it leaves the edge is 0.36: 1 other is above that one." in told
    assert "between 0.10 and 0.60; the highest value is that of the window that ends on 2024-01-02." in told


def test_without_a_shared_movement_there_is_no_second_count_and_hedges_have_no_floor():
    hedge = pd.DataFrame([[0.04, -0.02], [-0.02, 0.04]])
    told = correlation_lessons(hedge, spectrum([1.1, 0.9], edge=1.2, rest=1.2), ROLLING)
    assert "0 of 2 eigenvalues" in told and "leaves" not in told and "there is no floor" in told


def test_the_exercises_of_the_first_stages_find_their_answers_by_hand():
    nan = np.nan
    prices = pd.DataFrame({"A": [10, 12.5, nan, 12.5], "B": [10, 8, 8, 8], "C": [10, 11, 10, 9], "D": [10, nan, 5, 5]})
    assert check("01 change", 3, prices).startswith(f"**{RIGHT}")  # C alone stays within 20 % up and 17 % down
    assert check("01 predict", 7.5, SUMMARY).startswith(f"**{RIGHT}")  # half of the median, 15 %
    assert check("02 predict", 50, pd.DataFrame([[0.04, 0.0], [0.0, 0.04]])).startswith(f"**{RIGHT}")
    moves = pd.DataFrame(np.random.default_rng(1).normal(size=(40, 3)))
    mean = max((np.corrcoef(moves[at:at + 21], rowvar=False).sum() - 3) / 6 for at in range(20))
    assert check("02 change", mean, moves, correlation).startswith(f"**{RIGHT}")
