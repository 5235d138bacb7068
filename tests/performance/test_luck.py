"""Tests of how much of the best of many trials is luck: by hand, by brute force, on published numbers, on planted skill."""

import math
import re
import statistics
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from forefolio.performance import luck as luck_module
from forefolio.performance import trials
from forefolio.performance.luck import (Overfitting, _bootstrap_deviation, deflated_sharpe, effective_trials,
                                        expected_best, judge, overfitting, probabilistic_sharpe, sharpe_ratios,
                                        superior_ability, verdict)
from forefolio.report import sentences
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN

NORMAL = statistics.NormalDist()
DAYS_A_YEAR = 250  # of the paper's example


def frame(values, prefix="p"):
    days = pd.bdate_range("2021-01-04", periods=len(values), name="date")
    return pd.DataFrame(values, index=days, columns=[f"{prefix}{k}/lstm+mvf" for k in range(values.shape[1])])


def noise(seed, n_days, n_trials, deviation=0.01):
    return frame(np.random.default_rng(seed).normal(0, deviation, size=(n_days, n_trials)))


# Sharpe ratios


def test_sharpe_ratios_by_hand():
    ratios = sharpe_ratios(pd.DataFrame({"a": [0.01, 0.03], "b": [0.02, -0.02], "still": [0.01, 0.01]}))
    assert ratios[["a", "b"]].tolist() == pytest.approx([math.sqrt(2), 0]) and np.isnan(ratios["still"])


# the deflated Sharpe ratio


def probability_by_hand(days, threshold):
    """The formula of Bailey & Lopez de Prado 2012, written out."""
    sharpe = statistics.fmean(days) / statistics.stdev(days)
    mean, deviation = statistics.fmean(days), statistics.pstdev(days)
    skew = statistics.fmean([((day - mean) / deviation) ** 3 for day in days])
    kurtosis = statistics.fmean([((day - mean) / deviation) ** 4 for day in days])
    spread = math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    return skew, kurtosis, NORMAL.cdf((sharpe - threshold) * math.sqrt(len(days) - 1) / spread)


def test_deflated_sharpe_by_hand():
    # three trials that do not move together: two are orthogonal to each other and to the third, so N is 3 and T is 6
    up, a, b = [1, 1, 1, 1, 1, 1], [1, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0]
    returns = frame(np.array([np.add(up, np.multiply(3, a)), np.multiply(1, b), [0, 0, 0, 0, 2, -2]]).T / 100)
    found = deflated_sharpe(returns, seed=1)
    assert list(found.index) == ["trial", "n_trials", "n_effective", "n_days", "sharpe", "expected_best", "skew",
                                 "kurtosis", "deflated"]
    assert found[["trial", "n_trials", "n_days"]].tolist() == ["p0/lstm+mvf", 3, 6]
    assert found["n_effective"] == pytest.approx(3, rel=0.1)  # by simulation
    n, g = found["n_effective"], 0.5772156649015329
    best = ((1 - g) * NORMAL.inv_cdf(1 - 1 / n) + g * NORMAL.inv_cdf(1 - 1 / (n * math.e))) / math.sqrt(5)
    assert found["expected_best"] == pytest.approx(best, abs=1e-12) and best > 0.3
    assert found[["skew", "kurtosis", "deflated"]].tolist() == pytest.approx(
        probability_by_hand(returns["p0/lstm+mvf"].tolist(), best), abs=1e-12)
    assert 0.5 < found["deflated"] < 0.99  # where an error would show


def test_another_trial_can_be_the_chosen_one():
    returns = noise(0, 120, 5)
    trial, best = sharpe_ratios(returns).idxmin(), deflated_sharpe(returns, seed=1)
    found = deflated_sharpe(returns, chosen=trial, seed=1)
    assert found["trial"] == trial and found["expected_best"] == best["expected_best"]
    assert found["deflated"] == pytest.approx(probability_by_hand(returns[trial].tolist(), found["expected_best"])[-1])
    assert found["deflated"] < best["deflated"]


def ratio_of(base, ratio):
    """Days of the shape of `base` and of exactly the daily Sharpe ratio asked for."""
    return pd.Series((base - base.mean()) / base.std(ddof=1) + ratio)


def test_the_numbers_of_bailey_and_lopez_de_prado():
    # five years of 250 days, an annual ratio of 2.5, variance of the annual ratios 1/2, 100 trials, skew -3, kurtosis 10:
    # the best of luck is expected at 0.1132 a day, and the deflated ratio is 0.9004
    low = np.repeat([-1.0, 0.1], [105, 1145])  # 105 of 1,250 days: skew -3.00, kurtosis 10.0, which two values can have
    threshold = expected_best(100, deviation=math.sqrt(0.5 / DAYS_A_YEAR))
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    found = probabilistic_sharpe(ratio_of(low, 2.5 / math.sqrt(DAYS_A_YEAR)), threshold=threshold)
    assert found == pytest.approx(0.9004, abs=5e-4)


def test_fewer_trials_or_normal_days_pass_as_published():
    # of only 46 trials the same discovery has 0.9505; so it has of 88 if its days are normal
    deviation, best = math.sqrt(0.5 / DAYS_A_YEAR), 2.5 / math.sqrt(DAYS_A_YEAR)
    low = np.repeat([-1.0, 0.1], [105, 1145])
    normal = np.array([NORMAL.inv_cdf((k + 0.5) / 1250) for k in range(1250)])
    for base, n_trials in ((low, 46), (normal, 88)):
        found = probabilistic_sharpe(ratio_of(base, best), threshold=expected_best(n_trials, deviation=deviation))
        assert found == pytest.approx(0.9505, abs=1e-3)


def test_one_trial_is_deflated_by_nothing():
    returns = noise(3, 200, 1) + 0.001
    found = deflated_sharpe(returns, seed=1)
    assert found[["n_effective", "expected_best"]].tolist() == [1, 0]
    assert found["deflated"] == probabilistic_sharpe(returns.iloc[:, 0], threshold=0)


def together(rng, n_days, groups, copies, share):
    """Groups of trials without skill; `share` of the variance of each is that of its group."""
    common, own = rng.normal(size=(n_days, groups)), rng.normal(size=(n_days, groups * copies))
    return frame(0.01 * (math.sqrt(share) * common.repeat(copies, axis=1) + math.sqrt(1 - share) * own))


@pytest.mark.parametrize("groups, copies, share", [(40, 1, 0.0), (1, 40, 0.5), (1, 40, 0.9), (4, 10, 0.95)])
def test_expected_best_is_what_the_best_of_simulated_luck_has_however_trials_move_together(groups, copies, share):
    rng, bests, expected = np.random.default_rng(9), [], []
    for seed in range(300):
        returns = together(rng, 60, groups, copies, share)
        bests.append(sharpe_ratios(returns).max())
        if seed < 25:
            expected.append(deflated_sharpe(returns, seed=seed)["expected_best"])
    error = statistics.stdev(bests) / math.sqrt(300)
    assert statistics.fmean(bests) == pytest.approx(statistics.fmean(expected), abs=3 * error + 0.002)


def test_trials_that_move_together_count_as_fewer():
    rng = np.random.default_rng(10)
    alone, grouped, near = (effective_trials(together(rng, 400, *shape), seed=1)
                            for shape in ((40, 1, 0.0), (4, 10, 0.999), (1, 40, 0.999)))
    assert alone == pytest.approx(40, rel=0.15) and grouped == pytest.approx(4, rel=0.15) and 1 <= near < 1.4


def test_copies_of_a_trial_are_one_trial_and_opposites_are_two():
    one = noise(14, 50, 1)
    assert effective_trials(pd.concat([one, 2 * one + 0.01], axis=1, keys=["a", "b"]), seed=1) == 1
    assert effective_trials(pd.concat([one, -one], axis=1, keys=["a", "b"]), seed=1) == 2
    with pytest.raises(ValueError, match="some trial do not vary"):
        effective_trials(one.assign(still=0.001), seed=1)


def test_trials_of_different_skill_are_not_called_luck():
    # a third of 30 trials earns its deviation every sixth day: the ratios' own variance would put luck's best beyond it
    returns = noise(15, 500, 30)
    returns.iloc[:, :10] += 0.01 * 0.8 / math.sqrt(21)
    ratios = sharpe_ratios(returns)
    found = deflated_sharpe(returns, seed=1)
    assert found["deflated"] > 0.99
    published = expected_best(30, deviation=ratios.std())
    assert probabilistic_sharpe(returns[found["trial"]], threshold=published) < 0.95


def test_deflated_sharpe_is_invariant_to_order_and_scale():
    returns = noise(5, 150, 12)
    found = deflated_sharpe(returns, seed=1)
    for changed in (returns.iloc[:, ::-1], returns * 3):
        again = deflated_sharpe(changed, seed=1)
        assert again["trial"] == found["trial"] and again["deflated"] == pytest.approx(found["deflated"])


def test_deflated_sharpe_refuses_in_one_sentence():
    returns = noise(1, 30, 3)
    gap, name = returns.copy(), returns.columns[1]
    gap.iloc[4, 1] = np.nan
    refusals = [(gap, f"The return of {name} on 2021-01-08 is missing: "),
                (returns.assign(still=0.001), "The returns of the trial still do not vary")]
    for trials, message in refusals:
        with pytest.raises(ValueError, match=re.escape(message)) as error:
            deflated_sharpe(trials, seed=1)
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
    rival = noise(23, 250, 1).iloc[:, 0]
    found = superior_ability(trials / 10, rival / 10, seed=2, n_bootstraps=400)  # small, so that none loses all its wealth
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


def test_a_lead_that_never_varies_is_no_trial():
    rival = noise(42, 60, 1).iloc[:, 0]
    found = superior_ability(pd.DataFrame({"a": rival + 0.001}), rival, seed=1, n_bootstraps=50)
    assert found["p_consistent"] == 1 and np.isnan(found["block_length"])  # zero over zero is no proof


# the verdict


def days_of(rng, n_days, n_assets):
    """Returns with fat tails, volatility clusters and a common factor."""
    shocks, variances = rng.standard_t(5, (n_days, n_assets + 1)) * math.sqrt(3 / 5), np.ones(n_assets + 1)
    for day in range(n_days):
        shocks[day] *= np.sqrt(variances)
        variances = 0.05 + 0.08 * shocks[day] ** 2 + 0.87 * variances
    return 0.01 * (0.9 * shocks[:, [0]] + 1.4 * shocks[:, 1:])


def study(rng, n_trials, n_days=400, drift=0.0):
    """Trials without skill, long-only at random weights, and equal weight of the same assets."""
    assets = days_of(rng, n_days, 15) + drift
    return frame(assets @ rng.dirichlet(np.full(15, 0.3), n_trials).T), pd.Series(
        assets.mean(axis=1), pd.bdate_range("2021-01-04", periods=n_days, name="date"))


def test_equally_good_trials_are_not_called_luck_because_the_choice_among_them_is_a_coin_toss():
    # 40 trials with annual active information ratios above 1.1 in two years
    rng, rival = np.random.default_rng(3), noise(50, 504, 1).iloc[:, 0]
    common = rng.normal(size=504)
    common -= common.mean()
    active = noise(51, 504, 40, 1.0)
    active = (0.9 * common[:, None] + 0.3 * (active - active.mean())) * 0.005
    returns = (active + active.std() * rng.uniform(2.5, 2.9, 40) / math.sqrt(252)).add(rival, axis=0)
    ratios = sharpe_ratios(returns.sub(rival, axis=0)) * math.sqrt(252)
    found, choice = judge(returns, {"equal_weight": rival}, seed=1, n_bootstraps=500), overfitting(returns, n_blocks=8)
    assert ratios.min() > 1.1 and found.loc[0, "deflated"] > 0.99 and found.loc[0, "p_consistent"] < 0.01
    assert verdict(found) == SHOWN
    text = sentences.verdict(found, Overfitting(0.52, 0.1, choice.logits, 40, 8))
    assert text.startswith("**Shown**: the best one is better than luck, against `equal_weight`.")
    assert "In 52.0 % of all splits" in text and "does not decide" in text


def test_a_rising_market_is_no_skill():
    # on raw returns the deflated ratio passes in most of these studies, on active ones in none
    rng, raw, active = np.random.default_rng(6), 0, 0
    for seed in range(25):
        returns, rival = study(rng, 15, drift=0.0015)
        raw += deflated_sharpe(returns, seed=seed)["deflated"] > 0.95
        active += judge(returns, {"equal_weight": rival}, seed=seed, n_bootstraps=20).loc[0, "deflated"] > 0.95
    assert raw > 5 and active <= 2


def test_the_verdict_has_size_and_power():
    rng, null, skilled = np.random.default_rng(8), [], []
    for seed in range(40):
        returns, rival = study(rng, 15)
        null.append(verdict(judge(returns, {"equal_weight": rival}, seed=seed, n_bootstraps=100)))
    for seed in range(15):
        returns, rival = study(rng, 15)
        returns.iloc[:, :5] += 0.8 / math.sqrt(21) * returns.iloc[:, :5].sub(rival, axis=0).std()
        skilled.append(verdict(judge(returns, {"equal_weight": rival}, seed=seed, n_bootstraps=100)))
    assert null.count(SHOWN) <= 3 and null.count(ABSENT) >= 8 and skilled.count(SHOWN) >= 13


def test_judge_is_both_tests_of_active_returns_against_each_rival():
    returns, index = noise(52, 60, 4), noise(53, 60, 1).iloc[:, 0].iloc[:50]
    equal = returns.mean(axis=1)
    found = judge(returns, {"equal_weight": equal, "benchmark": index}, seed=3, n_bootstraps=100)
    assert found[["rival", "n_trials", "n_days"]].to_numpy().tolist() == [["equal_weight", 4, 60], ["benchmark", 4, 50]]
    for (_, row), (rival, days) in zip(found.iterrows(), ((equal, returns), (index, returns.iloc[:50]))):
        deflated = deflated_sharpe(days.sub(rival, axis=0), seed=3)
        ability = superior_ability(days, rival, seed=3, n_bootstraps=100)
        assert row[deflated.index].equals(deflated.rename(row.name))
        assert row[ability.index].tolist() == pytest.approx(ability.tolist())
    other = judge(returns, {"equal_weight": equal}, chosen=returns.columns[1], seed=3, n_bootstraps=20)
    assert other.loc[0, "trial"] == returns.columns[1]


def test_what_cannot_be_tested_is_not_shown_and_said():
    returns, rival = noise(54, 60, 2), noise(55, 60, 1).iloc[:, 0]
    cases = {"few": judge(returns.iloc[:12], {"benchmark": rival.iloc[:12]}, seed=1),
             "twin": judge(rival.to_frame("equal_weight"), {"equal_weight": rival}, seed=1, n_bootstraps=20),
             "chosen": judge(returns.assign(copy=rival), {"equal_weight": rival}, chosen="copy", seed=1, n_bootstraps=20),
             "steady": judge((rival + 0.001).to_frame("a"), {"equal_weight": rival}, seed=1, n_bootstraps=20),
             "day": judge(returns.iloc[:1], {"benchmark": rival.iloc[:1]}, seed=1), "none": judge(returns, {}, seed=1),
             "empty": judge(returns[[]], {"equal_weight": rival}, seed=1)}
    told = {name: sentences.verdict(found) for name, found in cases.items()}
    assert {verdict(found) for found in cases.values()} == {NOT_SHOWN}
    assert all(text.startswith("**Not shown**: ") and "nan" not in text for text in told.values())
    assert "12 days are too few for a test, which needs 20" in told["few"] and "no rival" in told["none"]
    assert "the lead over this rival never varies" in told["chosen"]
    assert all("no lead varies" in told[name] for name in ("twin", "steady", "day", "empty"))


def judged(*rows):
    """Rows of `judge`: rival, p_consistent, deflated."""
    found = pd.DataFrame(rows, columns=["rival", "p_consistent", "deflated"]).assign(
        trial="cost_5/lstm+mvf", n_trials=40, n_effective=12.34, n_days=500, sharpe=0.12345, expected_best=0.0789)
    return found.assign(verdict=[luck_module._word(p, d) for p, d in found[["p_consistent", "deflated"]].to_numpy()])


@pytest.mark.parametrize("p, deflated, word", [
    (0.049, 0.951, SHOWN), (0.05, 0.99, NOT_SHOWN), (0.01, 0.95, NOT_SHOWN), (0.01, 0.2, NOT_SHOWN),
    (0.05, 0.5, ABSENT), (0.9, 0.1, ABSENT), (0.9, 0.501, NOT_SHOWN), (np.nan, 0.1, NOT_SHOWN), (0.9, np.nan, NOT_SHOWN)])
def test_one_rival_takes_both_tests(p, deflated, word):
    found = judged(("equal_weight", p, deflated))
    assert verdict(found) == word and sentences.verdict(found).startswith(f"**{word.capitalize()}**: ")


def test_strong_words_take_every_rival():
    good, bad, open_ = ("equal_weight", 0.01, 0.99), ("benchmark", 0.9, 0.1), ("benchmark", 0.2, 0.8)
    assert [verdict(judged(good, good)), verdict(judged(bad, bad))] == [SHOWN, ABSENT]
    assert {verdict(judged(good, other)) for other in (bad, open_)} == {verdict(judged(bad, open_))} == {NOT_SHOWN}


def test_a_verdict_names_the_numbers_that_decide():
    text = sentences.verdict(judged(("equal_weight", 0.0001, 0.998), ("benchmark", 0.2, 0.4)))
    assert text.startswith("**Not shown**: the best one is not shown to be better than luck, against `equal_weight` and "
                           "`benchmark`.\n\nAgainst `equal_weight`, shown: the p-value of the test of superior ability is below "
                           "0.001 (*shown* needs less than 0.05). The deflated Sharpe ratio of `lstm+mvf` in point `cost_5` is "
                           "99.8 % (*shown* needs more than 95 %). Its active returns have a ratio of 0.123 a day, and ")
    assert "the best of 40 without skill, which count as 12.3 independent ones, is expected to have 0.079." in text
    assert "Against `benchmark`, shown to be absent: the p-value of the test of superior ability is 0.200" in text
    assert "splits" not in text
    run = sentences.verdict(judged(("equal_weight", 0.2, 0.4)).assign(trial="a=b+mvf", n_trials=1))
    assert "Against `equal_weight`: " in run and "ratio of `a=b+mvf` is" in run and "one without skill is expected" in run
    assert "In 3.0 % of all splits" in sentences.verdict(
        judged(("equal_weight", 0.2, 0.4)), Overfitting(0.03, 0.1, pd.Series([0.0]), 40, 16))


def test_a_run_is_judged_as_a_sweep_is_without_what_lost_all_or_took_no_risk():
    net = noise(56, 60, 6).set_axis(["lstm+mvf", "mean+mvf", "broke", "cash", "equal_weight", "benchmark"], axis=1)
    net["mean+mvf"] = net["equal_weight"]
    net["broke"] = [0.5, -1.0] + [0.0] * 58
    net["cash"] = 1e-6
    tried = trials.distinct_trials(trials.comparable(net, "equal_weight"))
    assert list(tried) == ["lstm+mvf", "mean+mvf"]
    rivals = trials.rivals(tried, net, tried.columns[0])
    found = judge(tried, rivals, seed=1, n_bootstraps=50)
    assert found[["rival", "n_trials"]].to_numpy().tolist() == [["equal_weight", 1], ["benchmark", 2]]
    ruin = net.assign(equal_weight=net["broke"])
    assert list(trials.rivals(tried, ruin, "equal_weight")) == ["benchmark"]  # who lost all is nobody's rival
    gone = pd.DataFrame({name: net["broke"] for name in net})
    tried = trials.distinct_trials(trials.comparable(gone, "equal_weight"))
    assert tried.empty and judge(tried, trials.rivals(tried, gone, "equal_weight"), seed=1).empty
