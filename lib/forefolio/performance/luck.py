"""How much of the best of many trials is luck: three answers, and one verdict that sums them up.

Here the columns of `returns` are trials: all that was tried, not only what was kept, a point and strategy of a sweep
each. Whoever tries much and reports the best reports luck as well: the deflated Sharpe ratio asks how much of it, the
probability of overfitting whether the choice outlives the days that it was made on, the test of superior ability
whether any trial earns more than a rival. A return that is missing is a ValueError.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.performance.evidence import LEVEL
from forefolio.performance.metrics import SAME, check_complete, sharpe

DEFLATED = 0.95  # the deflated Sharpe ratio must be above it (Bailey & Lopez de Prado 2014)
OVERFITTED = 0.05  # the probability of overfitting must be below it (Bailey, Borwein, Lopez de Prado & Zhu 2017)
COIN = 0.5  # a deflated Sharpe ratio no higher, or a probability of overfitting no lower, is what luck gives
TRIALS = 10  # the fewest that ranks out of sample can be told from
DAYS = 20  # the fewest that a block length can be estimated from
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
    Sharpe ratio a day: mean / deviation (ddof 1), not annualized, the risk-free rate being 0.

    Missing where returns do not vary.

    >>> sharpe_ratios(pd.DataFrame({"a/lstm+mvf": [0.00, 0.01, 0.02]})).tolist()
    [1.0]
    """
    check_complete(returns)
    return sharpe(returns, periods_per_year=1, risk_free_rate=0.0)


def deflated_sharpe(returns: pd.DataFrame, *, chosen: str | None = None) -> pd.Series:
    """
    How probable is it that the chosen trial's true Sharpe ratio exceeds what the best of as many trials has by luck?

    The chosen trial is by default the one of highest daily Sharpe ratio.

    Returns
    -------
    Series
        trial, n_trials, n_days, sharpe (a day), expected_best (a day: what the best of n_trials without skill is
        expected to have), skew, kurtosis (not in excess of 3) and deflated, a probability.

    Notes
    -----
    Bailey & Lopez de Prado 2014. Of N trials whose Sharpe ratios SR have the variance V (ddof 1), without skill the
    best is expected to have SR_0 = sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), Z being the normal quantile and g =
    0.5772 Euler's constant. The deflated ratio of the chosen one, over T days of skew s and kurtosis k (moments with
    ddof 0), is Phi((SR - SR_0) sqrt(T - 1) / sqrt(1 - s SR + (k - 1)/4 SR^2)). With one trial SR_0 is 0, and it is the
    probabilistic Sharpe ratio. Trials and days are taken for independent; of trials that move together N counts too
    many.

    Examples
    --------
    >>> float(deflated_sharpe(pd.DataFrame({"a/lstm+mvf": [-0.01, 0.01, -0.02, 0.02]}))["deflated"])
    0.5
    """
    sharpes = sharpe_ratios(returns)
    still = sharpes.index[sharpes.isna()]
    if len(still):
        raise ValueError(f"The returns of the trial {still[0]} do not vary, so it has no Sharpe ratio: leave it out")
    trial, (n_days, n_trials) = sharpes.idxmax() if chosen is None else chosen, returns.shape
    ratio, expected = sharpes[trial], _expected_best(sharpes)
    skew, kurtosis = scipy.stats.skew(returns[trial]), scipy.stats.kurtosis(returns[trial], fisher=False)
    error = np.sqrt((1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2) / (n_days - 1))
    return pd.Series({"trial": trial, "n_trials": n_trials, "n_days": n_days, "sharpe": float(ratio),
                      "expected_best": float(expected), "skew": float(skew), "kurtosis": float(kurtosis),
                      "deflated": float(scipy.stats.norm.cdf((ratio - expected) / error))})


def _expected_best(sharpes: pd.Series) -> float:
    """The Sharpe ratio that the best of as many trials without skill is expected to have."""
    n_trials = len(sharpes)
    if n_trials == 1:
        return 0.0
    ends = scipy.stats.norm.ppf([1 - 1 / n_trials, 1 - 1 / (n_trials * np.e)])
    return sharpes.std() * ((1 - np.euler_gamma) * ends[0] + np.euler_gamma * ends[1])


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
        missing.

    Notes
    -----
    Hansen 2005, with the stationary bootstrap. A loss is a negative return, a trial's gain d_k = return_k - rival. The
    statistic is the largest mean(d_k) / omega_k; the variance of sqrt(n) mean(d_k) under the bootstrap is omega_k^2 =
    gamma_k(0) + 2 sum_i ((1 - i/n) (1 - q)^i + i/n (1 - q)^(n - i)) gamma_k(i), with q = 1 / block length, gamma_k(i)
    the autocovariance at lag i. `arch.bootstrap.SPA` does not divide by omega, so gains are divided before it has them:
    a restless trial would hide a steady one. The block length is the median of Politis & White's for d_k, rounded up.
    """
    from arch.bootstrap import SPA, optimal_block_length  # here, as importing it takes a second

    n_days, gains = len(returns), returns.sub(rival, axis=0)
    check_complete(gains)
    if n_days < DAYS:
        raise ValueError(f"There are {n_days} days, and the bootstrap takes {DAYS}: take a longer period")
    gains = gains.loc[:, (gains.abs() > SAME).any()]
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


@dataclass(frozen=True)
class Verdict:
    """Whether a trial is better than luck (`yes`, `no` or `open`), and which tests it passed, by name."""

    answer: str
    passed: dict[str, bool]


def verdict(deflated: pd.Series, overfitting: Overfitting | None, against: dict[str, pd.Series]) -> Verdict:
    """
    Is the best point better than luck? `against` has what `superior_ability` gives, by the rival's name.

    `yes` if the deflated Sharpe ratio is above 0.95, the probability of overfitting is there (it is None where there
    are too few trials or days) and below 0.05, and each p-value (p_consistent) is below 0.05. Else `no` if the deflated
    Sharpe ratio is at most 0.5, or the probability of overfitting at least 0.5: luck gives as much. Else `open`: it
    cannot be told from luck. Tests are `deflated`, `overfitting` and the rivals' names.
    """
    probability = np.nan if overfitting is None else overfitting.probability
    passed = {"deflated": bool(deflated["deflated"] > DEFLATED), "overfitting": probability < OVERFITTED,
              **{rival: bool(test["p_consistent"] < LEVEL) for rival, test in against.items()}}
    luck_alone = deflated["deflated"] <= COIN or probability >= COIN
    return Verdict("yes" if all(passed.values()) else "no" if luck_alone else "open", passed)
