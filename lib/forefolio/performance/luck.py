"""How much of the best of many trials is luck: two tests against each rival, one verdict, and the value of choosing.

The columns of `returns` are trials: everything that was tried, not only what was kept. They are the strategies of a
run, or each strategy at each point of a sweep. The best of many trials is partly lucky. The test of superior ability
asks whether any trial earns more than a rival, the deflated Sharpe ratio of active returns how much of the best one's
lead luck would give. Both together are the verdict (`judge`, `verdict`). The probability of overfitting concerns only
the choice among the trials. It is one half if all are equally good and also if all are equally bad, so it never
decides. A missing return is a ValueError.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.performance.evidence import LEVEL
from forefolio.performance.metrics import SAME, check_complete, sharpe, solvent
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN

DEFLATED = 0.95  # the deflated Sharpe ratio must be above it (Bailey & Lopez de Prado 2014)
COIN = 0.5  # a deflated Sharpe ratio no higher is what luck gives; a choice that means nothing has it as its PBO
TRIALS = 10  # the fewest that ranks out of sample can be told from
DAYS = 20  # the fewest that a block length can be estimated from
DRAWS = 2000  # of correlated trials without skill
CHUNK = 500_000  # Sharpe ratios held at a time, combinations x trials


@dataclass(frozen=True)
class Overfitting:
    """How often the choice of the best trial fails on other days."""

    probability: float  # of backtest overfitting, PBO
    loss_probability: float  # of a Sharpe ratio below 0 out of sample
    logits: pd.Series  # one a combination, in lexicographic order of the blocks in sample
    n_trials: int
    n_blocks: int


def sharpe_ratios(returns: pd.DataFrame) -> pd.Series:
    """
    Daily Sharpe ratio: mean / standard deviation (ddof 1), not annualized, with a risk-free rate of 0.

    Missing where returns do not vary.

    >>> sharpe_ratios(pd.DataFrame({"a/lstm+mvf": [0.00, 0.01, 0.02]})).tolist()
    [1.0]
    """
    check_complete(returns)
    return sharpe(returns, periods_per_year=1, risk_free_rate=0.0)


def deflated_sharpe(returns: pd.DataFrame, *, chosen: str | None = None, seed: int) -> pd.Series:
    """
    How probable is it that the chosen trial's true Sharpe ratio exceeds what the best of as many trials has by luck?

    The chosen trial is by default the one of highest daily Sharpe ratio. Give active returns, over a rival: in a rising
    market every portfolio has a Sharpe ratio that luck alone does not give. `seed` is of `effective_trials`.

    Returns
    -------
    Series
        trial, n_trials, n_effective (`effective_trials`), n_days, sharpe (a day), expected_best (a day: what the best
        of the trials without skill is expected to have), skew, kurtosis (not in excess of 3) and deflated, a
        probability.

    Notes
    -----
    Bailey & Lopez de Prado 2014: the best of N trials without skill is expected to have the SR_0 of `expected_best`,
    and the deflated ratio is `probabilistic_sharpe` at SR_0. Two deviations. N is the effective number, as trials of
    one study move together. And V, the variance of the ratios of trials without skill, is 1 / (T - 1), which T days
    give to a ratio of zero; the paper takes that of the trials' own ratios, but these also differ by true skill, good
    or bad, and a third of good trials among bad ones would be called luck. Days are taken for independent.

    Examples
    --------
    >>> float(deflated_sharpe(pd.DataFrame({"a/lstm+mvf": [-0.01, 0.01, -0.02, 0.02]}), seed=7)["deflated"])
    0.5
    """
    sharpes = sharpe_ratios(returns)
    still = sharpes.index[sharpes.isna()]
    if len(still):
        raise ValueError(f"The returns of the trial {still[0]} do not vary, so it has no Sharpe ratio: leave it out")
    trial, (n_days, n_trials) = sharpes.idxmax() if chosen is None else chosen, returns.shape
    n_effective = effective_trials(returns, seed=seed)
    expected = expected_best(n_effective, deviation=(n_days - 1) ** -0.5)
    return pd.Series({"trial": trial, "n_trials": n_trials, "n_effective": n_effective, "n_days": n_days,
                      "sharpe": float(sharpes[trial]), "expected_best": expected,
                      "skew": float(scipy.stats.skew(returns[trial])),
                      "kurtosis": float(scipy.stats.kurtosis(returns[trial], fisher=False)),
                      "deflated": probabilistic_sharpe(returns[trial], threshold=expected)})


def probabilistic_sharpe(returns: pd.Series, *, threshold: float) -> float:
    """
    How probable is it that the true daily Sharpe ratio of `returns` (n_days,) is above the threshold, a ratio a day?

    With SR the ratio over T days of skew s and kurtosis k (moments with ddof 0) and SR_0 the threshold, it is
    Phi((SR - SR_0) sqrt(T - 1) / sqrt(1 - s SR + (k - 1)/4 SR^2)) (Bailey & Lopez de Prado 2012).
    """
    ratio = sharpe_ratios(returns.to_frame()).item()
    skew, kurtosis = scipy.stats.skew(returns), scipy.stats.kurtosis(returns, fisher=False)
    error = np.sqrt((1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2) / (len(returns) - 1))
    return float(scipy.stats.norm.cdf((ratio - threshold) / error))


def expected_best(n_trials: float, *, deviation: float) -> float:
    """
    The Sharpe ratio that the best of so many independent trials without skill is expected to have.

    `deviation` is that of the trials' ratios. With Z the normal quantile and g = 0.5772 Euler's constant it is
    deviation ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), and 0 where that is negative, as with fewer than 1.3 trials
    (Bailey & Lopez de Prado 2014).

    >>> round(expected_best(100, deviation=(0.5 / 250) ** 0.5), 4)  # the paper's own example
    0.1132
    """
    if n_trials <= 1:
        return 0.0
    ends = scipy.stats.norm.ppf([1 - 1 / n_trials, 1 - 1 / (n_trials * np.e)])
    return float(max(0.0, deviation * ((1 - np.euler_gamma) * ends[0] + np.euler_gamma * ends[1])))


def effective_trials(returns: pd.DataFrame, *, seed: int) -> float:
    """
    As many independent trials have a best as lucky as these, which move together: from 1 to the number of trials.

    `seed` is of the draws. Trials whose returns do not vary are a ValueError.

    Notes
    -----
    2,000 draws of as many normal variables as there are trials, with the correlation of their returns; the number is
    that at which `expected_best` is the mean of the draws' maxima. Copies count once, and so do groups of near copies.

    Examples
    --------
    >>> trials = pd.DataFrame({"a/lstm+mvf": [0.01, -0.01, 0.02, -0.02], "b/lstm+mvf": [0.02, -0.02, 0.04, -0.04]})
    >>> effective_trials(trials, seed=7)
    1.0
    """
    check_complete(returns)
    n_days, n_trials = returns.shape
    centered = returns.to_numpy() - returns.to_numpy().mean(axis=0)
    lengths = np.linalg.norm(centered, axis=0)
    if (lengths <= SAME).any():
        raise ValueError("The returns of some trial do not vary, so it moves with no other: leave it out")
    drawn = np.random.default_rng(seed).standard_normal((DRAWS // 2, n_days)) @ (centered / lengths)
    best = (drawn.max(axis=1) - drawn.min(axis=1)).mean() / 2  # each draw and its mirror image
    if best <= SAME or n_trials == 1:
        return 1.0
    if best >= expected_best(n_trials, deviation=1):
        return float(n_trials)
    return float(scipy.optimize.brentq(lambda n: expected_best(n, deviation=1) - best, 1, n_trials))


def overfitting(returns: pd.DataFrame, *, n_blocks: int = 16) -> Overfitting:
    """
    How often does the trial that is best on one half of the days end in the worse half of all trials on the other?

    Days are cut into an even number of blocks that follow each other. Each half of the blocks is once in sample: 12,870
    combinations of 16. Fewer than 10 trials, or than 2 days a block, are a ValueError.

    Notes
    -----
    Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado & Zhu 2017). The trial of highest daily
    Sharpe ratio in sample has rank r out of sample, 1 being the lowest of N, ties sharing their mean rank. Its logit is
    ln(w / (1 - w)) with w = r / (N + 1); PBO is the share of logits that are 0 or below. It is about one half where the
    choice means nothing. Deviation: where blocks cannot be equally long, the first have a day more, and no day is left
    out. A trial whose returns do not vary in a half has a Sharpe ratio of 0 there.
    """
    check_complete(returns)
    returns = solvent(returns)
    n_days, n_trials = returns.shape
    if n_trials < TRIALS:
        raise ValueError(f"There are {n_trials} trials, and the probability of overfitting takes {TRIALS}: try more")
    if n_blocks < 2 or n_blocks % 2:
        raise ValueError(f"Days cannot be halved in {n_blocks} blocks: take an even number of them")
    if n_days < 2 * n_blocks:
        raise ValueError(f"There are {n_days} days, and {n_blocks} blocks take {2 * n_blocks}: take fewer blocks")
    means = returns.to_numpy().mean(axis=0)
    blocks = np.array_split(returns.to_numpy() - means, n_blocks)  # less the means, or squares would cancel
    sums, squares = (np.stack([(block**power).sum(axis=0) for block in blocks]) for power in (1, 2))
    lengths = np.array([len(block) for block in blocks])

    def sharpes(halves: np.ndarray) -> np.ndarray:
        """Daily Sharpe ratios (n_halves, n_trials) from the blocks of each half."""
        n = (halves @ lengths)[:, None]
        shift = halves @ sums / n
        deviations = np.sqrt(np.clip(halves @ squares - n * shift**2, 0, None) / (n - 1))
        varies = deviations > SAME + 1e-6 * np.abs(shift)  # below it the subtraction leaves rounding alone
        return np.divide(means + shift, deviations, out=np.zeros_like(shift), where=varies)

    chosen = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    halves = np.zeros((len(chosen), n_blocks))
    np.put_along_axis(halves, chosen, 1, axis=1)  # 1 where a block is in sample
    step = max(1, CHUNK // n_trials)
    found = [_outcome(sharpes(half), sharpes(1 - half)) for half in np.split(halves, range(step, len(halves), step))]
    ranks, earned = np.concatenate(found, axis=1)
    logits = pd.Series(np.log(ranks / (n_trials + 1 - ranks)), name="logit").rename_axis("combination")
    return Overfitting(probability=float((logits <= 0).mean()), loss_probability=float((earned < 0).mean()),
                       logits=logits, n_trials=n_trials, n_blocks=n_blocks)


def _outcome(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rank out of sample, from 1, and Sharpe ratio there of the trial that is best in sample; one a row."""
    earned = np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    ranks = (outside < earned).sum(axis=1) + ((outside == earned).sum(axis=1) + 1) / 2
    return ranks, earned[:, 0]


def superior_ability(returns: pd.DataFrame, rival: pd.Series, *, seed: int, n_bootstraps: int = 2000) -> pd.Series:
    """
    Hansen's test of superior predictive ability; its null hypothesis: no trial earns more a day than the rival.

    `rival` (n_days,) has the same days; `n_bootstraps` resamples are drawn. Fewer than 20 days are a ValueError.

    Returns
    -------
    Series
        p_lower, p_consistent (the one to read), p_upper, block_length (mean, days), n_days. A small p says that some
        trial earns more, not which one. Trials equal to the rival do not count; if all are, p is 1 and the length
        missing. So does a trial whose gain does not vary: there is nothing to resample.

    Notes
    -----
    Hansen 2005, with the stationary bootstrap. A loss is a negative return, a trial's gain d_k = return_k - rival. The
    statistic is the largest mean(d_k) / omega_k; the variance of sqrt(n) mean(d_k) under the bootstrap is omega_k^2 =
    gamma_k(0) + 2 sum_i ((1 - i/n) (1 - q)^i + i/n (1 - q)^(n - i)) gamma_k(i), with q = 1 / block length, gamma_k(i)
    the autocovariance at lag i. `arch.bootstrap.SPA` does not divide by omega, so gains are divided before it has them:
    a restless trial would hide a steady one. The block length is the median of Politis & White's for d_k, rounded up.
    """
    from arch.bootstrap import SPA, optimal_block_length  # here, as importing it takes a second

    n_days, gains = len(returns), solvent(returns).sub(rival, axis=0)
    check_complete(gains)
    if n_days < DAYS:
        raise ValueError(f"There are {n_days} days, and the bootstrap takes {DAYS}: take a longer period")
    gains = gains.loc[:, gains.std() > SAME]
    if gains.empty:
        return pd.Series([1, 1, 1, np.nan, n_days], ["p_lower", "p_consistent", "p_upper", "block_length", "n_days"])
    block_length = max(1, math.ceil(optimal_block_length(gains)["stationary"].median()))
    scaled = (gains / _bootstrap_deviation(gains, block_length)).to_numpy()
    test = SPA(np.zeros(n_days), -scaled, block_size=block_length, reps=n_bootstraps, bootstrap="stationary", seed=seed)
    test.compute()
    p_values = {f"p_{name}": float(p) for name, p in test.pvalues.items()}
    return pd.Series({**p_values, "block_length": block_length, "n_days": n_days})


def _bootstrap_deviation(gains: pd.DataFrame, block_length: int) -> np.ndarray:
    """Deviation of sqrt(n) times the mean of each column under the stationary bootstrap (Politis & Romano 1994)."""
    n_days, stays = len(gains), 1 - 1 / block_length
    centered = gains.to_numpy() - gains.to_numpy().mean(axis=0)
    variances = (centered**2).mean(axis=0)
    for lag in range(1, n_days):
        weight = (1 - lag / n_days) * stays**lag + lag / n_days * stays ** (n_days - lag)
        variances = variances + 2 * weight * np.einsum("dk,dk->k", centered[:-lag], centered[lag:]) / n_days
    return np.sqrt(np.clip(variances, SAME**2, None))


def judge(returns: pd.DataFrame, rivals: dict[str, pd.Series], *, chosen: str | None = None, seed: int,
          n_bootstraps: int = 2000) -> pd.DataFrame:
    """
    Is the best trial better than each rival, or is its lead what the best of so many gets by luck? One row per rival.

    Parameters
    ----------
    returns : DataFrame (n_days, n_trials)
        Daily net returns. A trial that repeats a rival is none, nor is one that leads a rival by the same every day, or
        one that lost all its wealth.
    rivals : dict of Series
        Their daily net returns by name, each on some of the days of `returns`.
    chosen : str, optional
        The trial whose ratio is deflated; by default, against each rival, the one of highest active Sharpe ratio.
    seed, n_bootstraps : int
        Of the draws of `effective_trials` and `superior_ability`; the resamples of the latter.

    Returns
    -------
    DataFrame (n_rivals, 15)
        rival; trial to deflated as `deflated_sharpe` gives them of active returns, returns minus the rival's; p_lower
        to block_length as `superior_ability` gives them (missing with fewer than 20 days); verdict. What cannot be
        tested is missing, and its verdict is "not shown".

    Notes
    -----
    "Shown" takes p_consistent below 0.05 *and* a deflated ratio above 0.95; "shown to be absent" takes a p_consistent
    that is not below 0.05 *and* a deflated ratio of at most one half, what the best of such trials has by luck alone.
    """
    columns = ["rival", "trial", "n_trials", "n_effective", "n_days", "sharpe", "expected_best", "skew", "kurtosis",
               "deflated", "p_lower", "p_consistent", "p_upper", "block_length"]
    rows, returns = [], solvent(returns)
    for name, rival in rivals.items():
        active = returns.loc[rival.index].sub(rival, axis=0)
        check_complete(active)
        active = active.loc[:, active.std() > SAME]
        row = {"rival": name, "n_trials": active.shape[1]}
        if not active.empty and chosen in (None, *active):
            row |= deflated_sharpe(active, chosen=chosen, seed=seed).to_dict()
        if len(active) >= DAYS:
            row |= superior_ability(returns[list(active)].loc[rival.index], rival, seed=seed,
                                    n_bootstraps=n_bootstraps).to_dict()
        rows.append(row | {"n_days": len(active)})
    table = pd.DataFrame(rows, columns=columns).astype({"trial": object})
    return table.assign(verdict=[_word(row.p_consistent, row.deflated) for row in table.itertuples()])


def _word(p_value: float, deflated: float) -> str:
    """The answer of both tests against one rival."""
    if p_value < LEVEL and deflated > DEFLATED:
        return SHOWN
    return ABSENT if p_value >= LEVEL and deflated <= COIN else NOT_SHOWN


def verdict(judged: pd.DataFrame) -> str:
    """
    Is the best trial better than its rivals, apart from luck? `judged` comes from `judge`.

    "Shown" if it is so against every rival, "shown to be absent" if it is so against every one, else "not shown".

    >>> verdict(pd.DataFrame({"rival": ["equal_weight", "benchmark"], "verdict": ["shown to be absent", "not shown"]}))
    'not shown'
    """
    words = set(judged["verdict"])
    return words.pop() if len(words) == 1 else NOT_SHOWN
