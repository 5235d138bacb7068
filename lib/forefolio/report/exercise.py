"""Exercises of the notebooks: an answer is right, nearly right or wrong, and the reader is told what to look at.

An exercise knows how to find its answer from what the notebook hands over, so it stays true for other parameters. The
answers are here and not in the notebooks; `notebooks/solutions` works out each of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

RIGHT, NEARLY, WRONG, NONE = "Right", "Nearly right", "Not yet", "Not answered yet"


class Exercise(NamedTuple):
    """How an exercise is judged."""

    truth: Callable[..., Any]  # of what the notebook hands over: a number, (lowest, highest), a Series, or a letter
    look: str  # what to look at, a sentence, where the answer is not right
    right: float = 0.0  # the largest distance that counts as right, in the answer's unit
    near: float = 0.0  # the largest distance that counts as nearly right


class Verdict(str):
    """A verdict as a notebook shows it."""

    def _repr_markdown_(self) -> str:
        return str(self)


def _jumping(prices: pd.DataFrame, threshold: float) -> int:
    """How many assets move beyond a threshold from one known price to the next, upward or as far downward."""
    known = prices.where(prices > 0).ffill()
    ratio = known / known.shift()
    return (np.maximum(ratio, 1 / ratio) > 1 + threshold).any().sum().item()


EXERCISES: dict[str, Exercise] = {
    # 01
    "01 predict": Exercise(lambda asset_summary: 100 * asset_summary["standard_error"].median() / 2, right=0.3, near=1.5,
                           look="The standard error falls with the root of the number of years. Start from the median of "
                                "`asset_summary[\"standard_error\"]`."),
    "01 change": Exercise(lambda prices: _jumping(prices, 0.2), near=3,
                          look="Count the rows of `findings` whose text begins with \"moves beyond\", after all cells ran "
                               "with the new threshold."),
    "01 explain": Exercise(lambda: "c", look="Equal weight of the universe uses no forecast. What did it earn beside the "
                                             "index?"),
    # 02
    "02 predict": Exercise(lambda covariance: 100 * covariance.to_numpy().mean() / np.diag(covariance).mean(), right=2,
                           near=10, look="Square the last point of the blue line and divide by the square of the first."),
    "02 change": Exercise(lambda returns, correlation: correlation.rolling_average_correlation(returns, window=21).max(),
                          right=0.01, near=0.05,
                          look="Run all cells after the change, then read the title of the figure or `rolling.max()`."),
    "02 explain": Exercise(lambda: "c", look="With many assets only the mean covariance is left: 0.25 times 20 % times "
                                             "20 %. The volatility is its root."),
    # 03
    "03 predict": Exercise(lambda variances: variances[1] / sum(variances), right=0.005, near=0.16, look=(
        "Each weight is in proportion to one over the variance, and the variance is the square of the volatility.")),
    "03 change": Exercise(lambda covariance, long_only: long_only.minimum_variance(
        covariance, limits=long_only.Limits(max_weight=0.15)).weights, right=0.002, near=0.03, look=(
        "The weights sum to one, none is negative, and none is above 0.15. Use `Sigma` in place of `related`, one weight "
        "per asset, and `solver=cp.CLARABEL`.")),
    "03 explain": Exercise(lambda: "b", look="Read the objective and the constraints: which numbers enter the program?"),
    # 04
    "04 predict": Exercise(  # of the LSTM, in percent
        lambda spread: 100 * (spread["deviation_month"] / spread["actual_deviation"])[
            spread["model"].eq("lstm").idxmax()],
        "A network that reads its own calm forecasts sees less noise than one that reads returns. Look at "
        "`deviation_month` of `lstm` in `spread`, and divide it by `actual_deviation`.", right=0.3, near=1.0),
    "04 change": Exercise(  # in percent
        lambda past: 100 * np.polyval(np.polyfit(past[:-1], past[1:], 1), past.iloc[-1]),
        "Fit `past[1:]` on `past[:-1]` with `np.polyfit`; the forecast is `100 * (a + b * past.iloc[-1])`.",
        right=0.0005, near=0.05),
    "04 explain": Exercise(
        lambda: "b", "Halve the forecasts `f1` in the example, and compute the MSE and t again. Which one changes?"),
    # 05
    "05 predict": Exercise(
        lambda mu, Sigma, long_only: 1 / (long_only.mean_variance_forecast(mu, Sigma, risk_aversion=100.0).weights**2).sum(),
        right=0.5, near=1.5,
        look="Move the slider to 100. Near minimum variance a portfolio holds the calm assets that move together "
             "least."),
    "05 change": Exercise(
        lambda Sigma, long_only: long_only.risk_parity(Sigma).weights, right=1e-3, near=1e-2,
        look="Each weight times its entry of Sigma @ weights must be the same. Divide x by its sum."),
    "05 explain": Exercise(lambda: "b", look="Read the formula of risk parity: which inputs does it have?"),
    # 06
    "06 predict": Exercise(lambda: 10.0, "Wealth is 1.3/3 + 1/3 + 0.7/3 = 1. Take half of the sum of |target - drifted|.", 0.5, 10.5),
    "06 change": Exercise(lambda costs: _hurt_most(costs), "Compare the two ends of each line: who loses most from left to right?"),
    "06 explain": Exercise(lambda: "b", "If another forecast gives the same weights, can the months tell which forecast is better?"),
    # 07
    "07 predict": Exercise(lambda: 1 - 0.5 ** (1 / 10), "All ten p-values are above x with probability (1 - x) to the power of "
                           "10. Find the x at which this is one half.", right=0.02, near=0.05),
    "07 change": Exercise(lambda lead, equal: 10_000 * lead / (1 + 11 * 2 * 0.40 - sum(equal)), "Both sides of a trade count: "
                          "40 % turnover is 2 * 0.40 traded at each rebalance.", right=0.6, near=3.0),
    "07 explain": Exercise(lambda: "c", "A p-value is the probability of such data without skill. It is no probability of "
                           "skill, and a test that does not reject proves nothing."),
    # papers
    "nguyen2025 total": Exercise(lambda printed: printed["total return"]["LSTM+MDP"] / printed["mean monthly excess"]["LSTM+MDP"],
                                 right=0.5, near=1.5, look="A sum of monthly numbers is their mean times the number of months. "
                                 "The test period has 24 months; is that the number?"),
    "nguyen2025 ratio": Exercise(lambda printed: printed["information ratio"]["1D-CNN+MDP"] * 23**0.5, right=0.02, near=0.1,
                                 look="The standard error of a mean is its standard deviation over the root of the number of "
                                      "months, which is 23 here."),
    "zouaoui2025 detective": Exercise(
        lambda printed, names: pd.Series(printed.reindex(list(names), fill_value=0.0).to_numpy(), index=sorted(names)),
        right=0.005, near=3, look="Sort all 25 names by the alphabet. Which weight stands beside the first name of the table, "
                                  "and which name is first in the alphabet?"),
    "zouaoui2025 unit": Exercise(lambda: 1.7239 / (1.1219 * 365**0.5), right=0.002, near=0.02,
                                 look="Only the risk is per day. Coins trade on 365 days per year."),
}


def _hurt_most(costs: pd.DataFrame) -> str:
    """The strategy that loses most total return at 20 basis points, by `backtest.cost_sensitivity`."""
    wide = costs.pivot(index="cost_bps", columns="strategy", values="total_return")
    return str((wide.loc[0] - wide.loc[20]).idxmax())


def check(name: str, answer: Any, *given: Any) -> Verdict:
    """Compare an answer with that of an exercise.

    Parameters
    ----------
    name : the exercise, such as `03 predict`.
    answer : a number, a Series by asset, or a letter, as the exercise asks; None where there is none yet.
    given : what the exercise needs to find its answer: frames of the notebook, and the modules of the library that it uses,
        so that this module imports none.

    Returns
    -------
    Verdict
        Begins with `Right`, `Nearly right`, `Not yet` or `Not answered yet`, and says what to look at.
    """
    exercise = EXERCISES[name]
    if answer is None:
        return Verdict(f"**{NONE}.** Write your answer in place of `None`, and run this cell again.")
    truth = exercise.truth(*given)
    if problem := _unlike(answer, truth):
        return Verdict(f"**{WRONG}.** {problem}")
    off = _distance(answer, truth)
    if off <= exercise.right:
        return Verdict(f"**{RIGHT}.**")
    return Verdict(f"**{NEARLY if off <= exercise.near else WRONG}.** {exercise.look}")


def _unlike(answer: Any, truth: Any) -> str:
    """What is wrong with the kind of an answer; '' where it can be compared."""
    if isinstance(truth, str):
        return "" if isinstance(answer, str) else "The answer is a letter in quotes, such as \"a\"."
    if isinstance(truth, pd.Series):
        if not isinstance(answer, pd.Series) or set(answer.index) != set(truth.index):
            return f"The answer is a pandas Series with a number for each of {', '.join(map(str, truth.index[:3]))}, ..."
        numbers = pd.to_numeric(answer, errors="coerce")
    else:
        numbers = pd.to_numeric(pd.Series([answer]), errors="coerce")
    return "" if np.isfinite(numbers.to_numpy(dtype=float)).all() else "The answer is a number, without quotes or a unit."


def _distance(answer: Any, truth: Any) -> float:
    """How far an answer is from the truth, in its own unit; a letter is right or infinitely far."""
    if isinstance(truth, str):
        return 0.0 if answer.strip().lower() == truth else float("inf")
    if isinstance(truth, pd.Series):
        return float((answer.astype(float) - truth).abs().max())
    low, high = truth if isinstance(truth, tuple) else (truth, truth)
    return max(low - float(answer), float(answer) - high, 0.0)
