"""Tests of how much of the best of many trials is luck: by hand, by brute force, on published numbers, on planted skill."""

import math
import re
import statistics
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from forefolio.performance import luck as luck_module
from forefolio.performance.luck import (Overfitting, _bootstrap_deviation, deflated_sharpe, overfitting, sharpe_ratios,
                                        superior_ability)
from forefolio.report import sentences

NORMAL = statistics.NormalDist()
DAYS_A_YEAR = 250  # of the paper's example


def frame(values, prefix="p"):
    days = pd.bdate_range("2021-01-04", periods=len(values), name="date")
    return pd.DataFrame(values, index=days, columns=[f"{prefix}{k}/lstm+mvf" for k in range(values.shape[1])])


def noise(seed, n_days, n_trials, deviation=0.01):
    return frame(np.random.default_rng(seed).normal(0, deviation, size=(n_days, n_trials)))


def with_sharpes(base, sharpes):
    """Trials that are one another scaled and moved, each of exactly the daily Sharpe ratio asked for."""
    unit = (base - base.mean()) / base.std(ddof=1)
    return frame(0.01 * (unit[:, None] + np.asarray(sharpes)))


def spread(n_trials, best, deviation):
    """Sharpe ratios of the given highest and the given deviation (ddof 1)."""
    steps = np.arange(n_trials, dtype=float)
    steps *= deviation / steps.std(ddof=1)
    return steps - steps.max() + best


# Sharpe ratios


def test_sharpe_ratios_by_hand():
    ratios = sharpe_ratios(pd.DataFrame({"a": [0.01, 0.03], "b": [0.02, -0.02], "still": [0.01, 0.01]}))
    assert ratios[["a", "b"]].tolist() == pytest.approx([math.sqrt(2), 0]) and np.isnan(ratios["still"])


# the deflated Sharpe ratio


def deflated_by_hand(trials, best):
    """The formulas of Bailey & Lopez de Prado 2014, written out."""
    sharpes = {name: statistics.fmean(days) / statistics.stdev(days) for name, days in trials.items()}
    n, g = len(trials), 0.5772156649015329
    expected = statistics.stdev(sharpes.values()) * (
        (1 - g) * NORMAL.inv_cdf(1 - 1 / n) + g * NORMAL.inv_cdf(1 - 1 / (n * math.e)))
    days, sharpe = trials[best], sharpes[best]
    mean, deviation = statistics.fmean(days), statistics.pstdev(days)
    skew = statistics.fmean([((day - mean) / deviation) ** 3 for day in days])
    kurtosis = statistics.fmean([((day - mean) / deviation) ** 4 for day in days])
    spread = math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    return expected, skew, kurtosis, NORMAL.cdf((sharpe - expected) * math.sqrt(len(days) - 1) / spread)


def test_deflated_sharpe_by_hand():
    trials = {"p/lstm+mvf": [0.03, -0.01, 0.02, 0.01, -0.02, 0.04], "q/lstm+mvf": [0.01, -0.02, 0.03, 0.00, -0.01, 0.00],
              "r/mean+rpp": [-0.01, 0.01, -0.03, 0.02, 0.00, -0.01]}
    found = deflated_sharpe(pd.DataFrame(trials))
    assert list(found.index) == ["trial", "n_trials", "n_days", "sharpe", "expected_best", "skew", "kurtosis", "deflated"]
    assert found[["trial", "n_trials", "n_days"]].tolist() == ["p/lstm+mvf", 3, 6]
    assert found[["expected_best", "skew", "kurtosis", "deflated"]].tolist() == pytest.approx(
        deflated_by_hand(trials, "p/lstm+mvf"), abs=1e-12)
    assert 0.5 < found["deflated"] < 0.99  # where an error would show


def test_another_trial_can_be_the_chosen_one():
    returns = noise(0, 120, 5)
    trial = sharpe_ratios(returns).idxmin()
    found = deflated_sharpe(returns, chosen=trial)
    expected = deflated_by_hand({name: days.tolist() for name, days in returns.items()}, trial)
    assert found["trial"] == trial and found["deflated"] == pytest.approx(expected[-1])
    assert found["deflated"] < deflated_sharpe(returns)["deflated"]


def test_the_numbers_of_bailey_and_lopez_de_prado():
    # five years of 250 days, an annual ratio of 2.5, variance of the annual ratios 1/2, 100 trials, skew -3, kurtosis 10:
    # the best of luck is expected at 0.1132 a day, and the deflated ratio is 0.9004
    low = np.repeat([-1.0, 0.1], [105, 1145])  # 105 of 1,250 days: skew -3.00, kurtosis 10.0, which two values can have
    sharpes = spread(100, best=2.5 / math.sqrt(DAYS_A_YEAR), deviation=math.sqrt(0.5 / DAYS_A_YEAR))
    found = deflated_sharpe(with_sharpes(low, sharpes))
    assert [found["skew"], found["kurtosis"]] == pytest.approx([-3, 10], abs=0.02)
    assert found["expected_best"] == pytest.approx(0.1132, abs=5e-5)
    assert found["deflated"] == pytest.approx(0.9004, abs=5e-4)


def test_fewer_trials_or_normal_days_pass_as_published():
    # of only 46 trials the same discovery has 0.9505; so it has of 88 if its days are normal
    deviation, best = math.sqrt(0.5 / DAYS_A_YEAR), 2.5 / math.sqrt(DAYS_A_YEAR)
    low = np.repeat([-1.0, 0.1], [105, 1145])
    normal = np.array([NORMAL.inv_cdf((k + 0.5) / 1250) for k in range(1250)])
    for base, n_trials in ((low, 46), (normal, 88)):
        found = deflated_sharpe(with_sharpes(base, spread(n_trials, best, deviation)))
        assert found["deflated"] == pytest.approx(0.9505, abs=1e-3)


def test_one_trial_is_deflated_by_nothing():
    found = deflated_sharpe(noise(3, 200, 1) + 0.001)
    error = math.sqrt(1 - found["skew"] * found["sharpe"] + (found["kurtosis"] - 1) / 4 * found["sharpe"] ** 2)
    assert found["expected_best"] == 0
    assert found["deflated"] == pytest.approx(NORMAL.cdf(found["sharpe"] * math.sqrt(199) / error))


def test_expected_best_is_what_the_best_of_simulated_luck_has():
    bests, expected = [], []
    for seed in range(200):
        found = deflated_sharpe(noise(seed, 100, 40))
        bests.append(found["sharpe"])
        expected.append(found["expected_best"])
    assert statistics.fmean(bests) == pytest.approx(statistics.fmean(expected), rel=0.05)


def test_deflated_sharpe_is_invariant_to_order_and_scale():
    returns = noise(5, 150, 12)
    found = deflated_sharpe(returns)
    for changed in (returns.iloc[:, ::-1], returns * 3, returns.iloc[::-1]):
        again = deflated_sharpe(changed)
        assert again["trial"] == found["trial"] and again["deflated"] == pytest.approx(found["deflated"])


def test_deflated_sharpe_refuses_in_one_sentence():
    returns = noise(1, 30, 3)
    gap, name = returns.copy(), returns.columns[1]
    gap.iloc[4, 1] = np.nan
    refusals = [(gap, f"The return of {name} on 2021-01-08 is missing: "),
                (returns.assign(still=0.001), "The returns of the trial still do not vary")]
    for trials, message in refusals:
        with pytest.raises(ValueError, match=re.escape(message)) as error:
            deflated_sharpe(trials)
        assert "\n" not in str(error.value) and ". " not in str(error.value)


# the probability of overfitting


def brute_force(returns, n_blocks):
    """Ranks out of sample of what is best in sample, and its ratio there; one combination after the other."""
    trials = {name: days.tolist() for name, days in returns.items()}
    blocks = [list(map(int, part)) for part in np.array_split(range(len(returns)), n_blocks)]
    found = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        inside, outside = {}, {}
        for name, days in trials.items():
            for ratios, mine in ((inside, True), (outside, False)):
                half = [days[day] for k, block in enumerate(blocks) if (k in chosen) == mine for day in block]
                ratios[name] = statistics.fmean(half) / statistics.stdev(half)
        best = max(inside, key=inside.get)
        rank = sum(ratio < outside[best] for ratio in outside.values()) + 1
        share = rank / (len(trials) + 1)
        found.append((math.log(share / (1 - share)), outside[best]))
    return found


@pytest.mark.parametrize("n_days, n_trials", [(48, 10), (53, 11), (15, 10)])  # blocks of 8 days; of 9 or 8; of 3 or 2
def test_overfitting_equals_brute_force(n_days, n_trials):
    returns = noise(n_days, n_days, n_trials) + 0.001
    found, by_hand = overfitting(returns, n_blocks=6), brute_force(returns, 6)
    assert found.logits.tolist() == pytest.approx([logit for logit, _ in by_hand], abs=1e-12)
    assert found.probability == sum(logit <= 0 for logit, _ in by_hand) / 20
    assert found.loss_probability == sum(earned < 0 for _, earned in by_hand) / 20
    assert (found.n_trials, found.n_blocks) == (n_trials, 6)
    assert 0 < found.probability < 1 and 0 < found.loss_probability < 1  # where an error would show


def test_sixteen_blocks_have_12870_combinations():
    found = overfitting(noise(2, 64, 10))
    assert found.n_blocks == 16 and len(found.logits) == 12_870 and found.logits.index.name == "combination"


def test_noise_is_overfitted_about_half_the_time():
    found = [overfitting(noise(seed, 96, 20), n_blocks=8) for seed in range(80)]
    assert 0.4 < statistics.fmean(each.probability for each in found) < 0.6
    assert 0.4 < statistics.fmean(each.loss_probability for each in found) < 0.6


def test_a_trial_that_is_better_is_not_overfitted():
    returns = noise(4, 200, 20)
    returns.iloc[:, 7] += 0.01
    found = overfitting(returns, n_blocks=8)
    assert found.probability == 0 and found.loss_probability == 0
    assert found.logits.nunique() == 1 and found.logits[0] == pytest.approx(math.log(20))  # always first of 20


def test_trials_that_earn_in_one_half_what_they_lose_in_the_other_are_overfitted():
    n_blocks, length = 6, 10
    halves = list(combinations(range(n_blocks), n_blocks // 2))
    signs = np.array([[1 if block in half else -1 for half in halves] for block in range(n_blocks)])
    returns = noise(6, n_blocks * length, len(halves), 0.001) + 0.01 * signs.repeat(length, axis=0)
    found = overfitting(returns, n_blocks=n_blocks)
    assert found.probability == 1 and found.loss_probability == 1
    assert found.logits.tolist() == pytest.approx([-math.log(20)] * 20)  # always last of 20


def test_a_trial_in_the_middle_counts_as_overfitted():
    # of 11 trials the sixth out of sample has the logit 0: trial 0 is best in the first half, sixth in the second
    means = np.vstack([[0.02] + [0.001 * k for k in range(1, 11)], [0.0055] + [0.001 * k for k in range(1, 11)]])
    returns = noise(8, 40, 1, 0.01).to_numpy()
    returns = frame(returns - returns.mean() + means.repeat(20, axis=0))
    found = overfitting(returns, n_blocks=2)
    assert found.logits[0] == 0 and found.probability >= 0.5


def test_copies_share_their_mean_rank():
    returns = noise(13, 48, 10)
    returns.iloc[:, 7] += 0.02  # always first; of itself and two copies among 12 the mean rank is 11
    returns = returns.assign(copy=returns.iloc[:, 7], other=returns.iloc[:, 7])
    found = overfitting(returns, n_blocks=6)
    assert found.logits.tolist() == pytest.approx([math.log(11 / 2)] * 20)


def test_overfitting_is_invariant_to_the_order_of_columns_and_to_scale():
    returns = noise(9, 80, 15)
    found = overfitting(returns, n_blocks=8)
    shuffled = returns.iloc[:, np.random.default_rng(0).permutation(15)]
    for changed in (shuffled, returns * 5):
        pd.testing.assert_series_equal(overfitting(changed, n_blocks=8).logits, found.logits)


def test_chunks_change_nothing(monkeypatch):
    returns = noise(10, 90, 13)
    whole = overfitting(returns, n_blocks=10)
    for chunk in (1, 13 * 11, 13 * 251):  # one combination at a time; 11, which do not divide 252; all but one
        monkeypatch.setattr(luck_module, "CHUNK", chunk)
        again = overfitting(returns, n_blocks=10)
        pd.testing.assert_series_equal(again.logits, whole.logits)
        assert (again.probability, again.loss_probability) == (whole.probability, whole.loss_probability)


def test_large_means_do_not_cancel():
    # the same order of Sharpe ratios whether or not squares of returns are ten million times their variance
    returns = noise(11, 48, 10, 1e-4)
    returns += 0.3
    found = overfitting(returns, n_blocks=6)
    assert found.logits.tolist() == pytest.approx([logit for logit, _ in brute_force(returns, 6)])


def test_a_trial_that_rests_in_a_half_is_worth_nothing_there():
    returns = noise(12, 40, 10) - 0.01
    returns.iloc[:20, 0] = 0.0  # cash, while all others lose; then it loses most
    returns.iloc[20:, 0] -= 0.05
    found = overfitting(returns, n_blocks=2)
    assert found.logits[0] == pytest.approx(-math.log(10))  # best in the first half, last in the second


def test_rest_is_not_divided_by_rounding():
    # a constant small gain in the first half: its deviation there is zero, and what subtraction leaves is no deviation
    for seed in range(20):
        returns = noise(seed, 400, 10) + 0.01
        returns.iloc[:200, 0] = 0.001
        returns.iloc[200:, 0] = 0.1 * returns.iloc[200:, 0] - 0.05
        assert overfitting(returns, n_blocks=2).logits[0] > -2  # the last of the second half, -2.3, is not chosen


@pytest.mark.parametrize("n_days, n_trials, n_blocks, message", [
    (40, 9, 4, "There are 9 trials, and the probability of overfitting takes 10: "),
    (31, 10, 16, "There are 31 days, and 16 blocks take 32: "),
    (40, 10, 5, "Days cannot be halved in 5 blocks: "), (40, 10, 0, "Days cannot be halved in 0 blocks: ")])
def test_overfitting_refuses_in_one_sentence(n_days, n_trials, n_blocks, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        overfitting(noise(0, n_days, n_trials), n_blocks=n_blocks)
    assert "\n" not in str(error.value) and ". " not in str(error.value)


# superior ability


def test_a_trial_that_earns_more_is_found_and_one_that_earns_less_is_not():
    trials, rival = noise(20, 250, 8), noise(21, 250, 1).iloc[:, 0]
    better, worse = trials.copy(), trials - 0.01
    better.iloc[:, 3] += 0.004
    assert superior_ability(better, rival, seed=1, n_bootstraps=200)["p_consistent"] < 0.02
    assert superior_ability(worse, rival, seed=1, n_bootstraps=200)["p_consistent"] > 0.5
    assert superior_ability(trials, rival + 0.01, seed=1, n_bootstraps=200)["p_consistent"] > 0.5


def test_luck_is_rejected_as_often_as_the_level_says():
    p_values = []
    for seed in range(60):
        returns = noise(100 + seed, 100, 6)
        p_values.append(superior_ability(returns.iloc[:, 1:], returns.iloc[:, 0], seed=seed, n_bootstraps=99)
                        ["p_consistent"])
    assert 1 <= sum(p < 0.1 for p in p_values) <= 14  # of 60; 6 are expected
    assert 0.35 < statistics.fmean(p_values) < 0.65


def test_the_three_p_values_are_in_order_and_part_where_trials_are_bad():
    trials = noise(22, 250, 8)
    trials.iloc[:, 0] += 0.001
    trials.iloc[:, 4:] -= 0.02
    trials.iloc[:, 4:] *= 3
    found = superior_ability(trials, noise(23, 250, 1).iloc[:, 0], seed=2, n_bootstraps=400)
    assert list(found.index) == ["p_lower", "p_consistent", "p_upper", "block_length", "n_days"]
    assert found["p_lower"] <= found["p_consistent"] < found["p_upper"] and found["n_days"] == 250


def test_the_seed_alone_decides():
    trials, rival = noise(24, 120, 5), noise(25, 120, 1).iloc[:, 0]
    first, again, other = (superior_ability(trials, rival, seed=seed, n_bootstraps=150) for seed in (1, 1, 2))
    shuffled = superior_ability(trials.iloc[:, ::-1], rival, seed=1, n_bootstraps=150)
    pd.testing.assert_series_equal(first, again)
    pd.testing.assert_series_equal(first, shuffled)
    assert not first.equals(other) and (first[["block_length", "n_days"]] == other[["block_length", "n_days"]]).all()


def test_a_restless_trial_does_not_hide_a_steady_one():
    from arch.bootstrap import SPA

    rival = noise(26, 250, 1).iloc[:, 0]
    gains = noise(27, 250, 3, 0.05)
    gains.iloc[:, 0] = noise(28, 250, 1, 0.001).to_numpy()[:, 0] + 0.0005  # 8 standard errors
    found = superior_ability(gains.add(rival, axis=0), rival, seed=3, n_bootstraps=200)
    plain = SPA(np.zeros(250), -gains.to_numpy(), block_size=1, reps=200, seed=3)
    plain.compute()
    assert found["p_consistent"] < 0.01 and plain.pvalues["consistent"] > 0.1


def test_leverage_of_a_gain_changes_nothing():
    gains, rival = noise(29, 150, 4), noise(30, 150, 1).iloc[:, 0]
    first = superior_ability(gains.add(rival, axis=0), rival, seed=4, n_bootstraps=150)
    second = superior_ability((gains * [1, 2, 5, 0.5]).add(rival, axis=0), rival, seed=4, n_bootstraps=150)
    pd.testing.assert_series_equal(first, second)


def test_the_deviation_is_that_of_bootstrapped_means():
    from arch.bootstrap import StationaryBootstrap

    steps = noise(31, 60, 3)
    gains = steps.rolling(3, min_periods=1).mean()  # days that depend on each other
    means = StationaryBootstrap(5, gains.to_numpy(), seed=5).apply(lambda days: days.mean(axis=0), reps=6000)
    assert _bootstrap_deviation(gains, 5) == pytest.approx(means.std(axis=0) * math.sqrt(60), rel=0.04)
    assert _bootstrap_deviation(gains, 1) == pytest.approx(gains.std(ddof=0).to_numpy())


def test_superior_ability_is_arch_on_gains_over_their_deviation():
    from arch.bootstrap import SPA, optimal_block_length

    rival = noise(38, 200, 1).iloc[:, 0]
    gains = noise(39, 200, 5) - 0.001
    gains.iloc[:, 3:] = gains.iloc[:, 3:].rolling(8, min_periods=1).mean()
    lengths = optimal_block_length(gains)["stationary"]
    length = math.ceil(statistics.median(lengths))
    assert 1 < statistics.median(lengths) < length < lengths.max()
    direct = SPA(np.zeros(200), -(gains / _bootstrap_deviation(gains, length)), block_size=length, reps=130, seed=6)
    direct.compute()
    found = superior_ability(gains.add(rival, axis=0), rival, seed=6, n_bootstraps=130)
    assert found["block_length"] == length
    assert found[["p_lower", "p_consistent", "p_upper"]].tolist() == direct.pvalues.tolist()
    assert 0.05 < found["p_lower"] < found["p_consistent"] < found["p_upper"] < 0.5  # where an error would show


def test_days_that_depend_on_each_other_get_longer_blocks():
    steps, rival = noise(32, 300, 5), noise(33, 300, 1).iloc[:, 0]
    lengths = [superior_ability(gains.add(rival, axis=0), rival, seed=1, n_bootstraps=20)["block_length"]
               for gains in (steps, steps.rolling(10, min_periods=1).mean())]
    assert 1 <= lengths[0] < 5 < lengths[1]


def test_a_copy_of_the_rival_is_no_trial():
    trials, rival = noise(34, 100, 3), noise(35, 100, 1).iloc[:, 0]
    without = superior_ability(trials, rival, seed=1, n_bootstraps=100)
    among = superior_ability(trials.assign(copy=rival), rival, seed=1, n_bootstraps=100)
    pd.testing.assert_series_equal(among, without)
    alone = superior_ability(rival.to_frame("copy"), rival, seed=1, n_bootstraps=100)
    assert alone[["p_lower", "p_consistent", "p_upper"]].tolist() == [1, 1, 1] and np.isnan(alone["block_length"])


def test_superior_ability_refuses_in_one_sentence():
    trials, rival = noise(36, 40, 3), noise(37, 40, 1).iloc[:, 0]
    gap, missing = rival.copy(), "The return of p0/lstm+mvf on 2021-01-04 is missing: "
    gap.iloc[0] = np.nan
    refusals = [(trials, rival.iloc[1:], missing), (trials, gap, missing),
                (trials.iloc[:19], rival.iloc[:19], "There are 19 days, and the bootstrap takes 20: ")]
    for returns, other, message in refusals:
        with pytest.raises(ValueError, match=re.escape(message)) as error:
            superior_ability(returns, other, seed=1, n_bootstraps=10)
        assert "\n" not in str(error.value) and ". " not in str(error.value)


# the verdict


def sentence(deflated=0.99, overfitted=0.01, p_values=(0.01, 0.02), n_trials=40, trial="cost_5/lstm+mvf"):
    chosen = pd.Series({"trial": trial, "n_trials": n_trials, "n_days": 500, "sharpe": 0.12345, "expected_best": 0.0789,
                        "skew": 0.0, "kurtosis": 3.0, "deflated": deflated})
    found = None if overfitted is None else Overfitting(overfitted, 0.1, pd.Series([0.0]), n_trials, 16)
    against = {name: pd.Series({"p_lower": 0.0, "p_consistent": p, "p_upper": 1.0, "block_length": 2, "n_days": 500})
               for name, p in zip(("equal_weight", "benchmark"), p_values, strict=False)}
    return sentences.verdict(chosen, found, against)


def test_yes_takes_every_test():
    text = sentence()
    assert text.startswith("**Yes**, it is better than luck: point `cost_5`, strategy `lstm+mvf`, chosen of 40 trials, "
                           "has for it a deflated Sharpe ratio of 99.0 % (")
    assert "a day's ratio is 0.123, and luck's best is expected to be 0.079" in text and "against it" not in text
    assert "overfitting of 1.0 %" in text
    assert "of 0.010 against `equal_weight`" in text and text.endswith("of 0.020 against `benchmark` (below 0.05 is asked).")


@pytest.mark.parametrize("changed, reason", [
    ({"deflated": 0.95}, "a deflated Sharpe ratio of 95.0 %"),
    ({"overfitted": 0.05}, "a probability of overfitting of 5.0 %"),
    ({"p_values": (0.05, 0.01)}, "a superior-ability p-value of 0.050 against `equal_weight`"),
    ({"p_values": (0.01, 0.4)}, "a superior-ability p-value of 0.400 against `benchmark`"),
    ({"overfitted": None, "n_trials": 9}, "no probability of overfitting (it takes at least 10 trials)"),
    ({"overfitted": None}, "no probability of overfitting (it takes at least 2 days a block)"),
    ({"deflated": 0.501}, "a deflated Sharpe ratio of 50.1 %"),
    ({"overfitted": 0.499}, "a probability of overfitting of 49.9 %")])
def test_one_missed_test_cannot_be_told_from_luck(changed, reason):
    text = sentence(**changed)
    assert text.startswith("**It cannot be told from luck**: point `cost_5`, strategy `lstm+mvf`,")
    for_it, against_it = text.split(", and against it ")
    assert reason in against_it and reason not in for_it and " has for it a" in for_it


@pytest.mark.parametrize("changed", [{"deflated": 0.5}, {"deflated": 0.1}, {"overfitted": 0.5}, {"overfitted": 0.9},
                                     {"deflated": 0.1, "overfitted": None}])
def test_no_where_luck_gives_as_much(changed):
    text = sentence(**changed)
    assert text.startswith("**No**, it is not shown to be better than luck: point `cost_5`") and ", and against it a" in text


def test_nothing_speaks_for_it():
    text = sentence(deflated=0.2, overfitted=0.7, p_values=(0.9, 0.6))
    assert text.startswith("**No**") and " has against it a deflated" in text and "for it" not in text


def test_a_verdict_is_one_sentence_and_names_what_it_can():
    for text in (sentence(), sentence(overfitted=None), sentence(deflated=0.1), sentence(p_values=())):
        assert text.count(". ") == 0 and text.endswith(".") and "\n" not in text
    assert "trial `equal_weight`, chosen of 40 trials," in sentence(trial="equal_weight")
    assert "point `a/b`, strategy `lstm+mvf`, the only trial," in sentence(trial="a/b/lstm+mvf", n_trials=1)
    assert "p-value" not in sentence(p_values=()) and "p-value below 0.001 against" in sentence(p_values=(0.0,))


def test_a_verdict_of_planted_skill_and_of_luck():
    luck, rival = noise(40, 320, 12), noise(41, 320, 1).iloc[:, 0]
    skill = luck.copy()
    skill.iloc[:, 5] += 0.006
    opening = []
    for returns in (skill, luck):
        against = {"equal_weight": superior_ability(returns, rival, seed=1, n_bootstraps=200)}
        opening.append(sentences.verdict(deflated_sharpe(returns), overfitting(returns, n_blocks=8), against))
    assert opening[0].startswith("**Yes**, it is better than luck: point `p5`, strategy `lstm+mvf`")
    assert not opening[1].startswith("**Yes**")
