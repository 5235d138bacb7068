"""A second computation of some claims about both papers, which shares no line with the library.

It knows the papers' text, their printed numbers and closing prices, and uses numpy, scipy and pandas alone: the weights come from
active-set least squares and a coordinate descent of its own. `frozen_claims.csv` beside it is what it came to on the real prices;
what hangs on trained networks enters as `frozen_monthly_excess.csv`, the monthly excess of the six strategies in a run.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import nnls

STATUS = ("reproduced", "not reproduced", "no such data")
ARITHMETIC, COMPOUNDED = "365 days, arithmetic", "252 days, compounded"


class Row(NamedTuple):
    """A claim: what the paper printed, what this computation finds, and whether the two agree."""

    paper: str
    place: str
    claim: str
    reading: str
    published: str
    ours: str
    status: str
    says: str = ""  # what else the claim tells in words


class Rows:
    """The claims of one paper, in order."""

    def __init__(self, paper: str):
        self.paper, self.rows = paper, []

    def add(self, place: str, claim: str, published: str, ours: float | None, *, reading: str = "", tolerance: float | None = None,
            says: str = "") -> None:
        """A number; the tolerance is 5 % of what is printed and at least half a unit of its last digit, unless given."""
        number = float(published)
        near = max(0.05 * abs(number), half_a_unit(published)) if tolerance is None else tolerance
        status = STATUS[2] if ours is None else STATUS[bool(abs(ours - number) > near + 1e-12)]
        self._keep(place, claim, reading, published, "" if ours is None else f"{ours:.10g}", status, says)

    def at_most(self, place: str, claim: str, published: str, ours: float, *, reading: str = "", says: str = "") -> None:
        """A printed number that cannot be above one of ours."""
        status = STATUS[bool(float(published) > ours + half_a_unit(published))]
        self._keep(place, claim, reading, published, f"{ours:.10g}", status, says)

    def say(self, place: str, claim: str, published: str, ours: str, *, reading: str = "", says: str = "") -> None:
        """A statement, or a name: reproduced where the words are the same."""
        self._keep(place, claim, reading, published, ours, STATUS[bool(ours != published)], says)

    def _keep(self, place: str, claim: str, reading: str, published: str, ours: str, status: str, says: str) -> None:
        self.rows.append(Row(self.paper, place, claim, reading, published, ours, status, says))


def half_a_unit(published: str) -> float:
    """Of the last digit of a printed number."""
    return 0.5 * 10.0 ** -len(published.partition(".")[2])


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Claims as a table of text, as it is frozen."""
    return pd.DataFrame(list(rows), columns=Row._fields).astype(str)

# ------------------------------------------------------------------- Zouaoui & Naas as printed, read from the paper anew
LISTED = ("ADA BNB BTC DAI DOGE ETH LINK LTC USDT XRP XLM BCH WETH WBTC AVAX SHIB DOT LEO SOL USDC STETH AAVE VUSDT RARE11294 "
          "VBTC").split()  # Table 3's names, in its order
TABLE3_WEIGHTS = {  # percent; what is not here is 0
    "maximum_sharpe": {"LINK": "4.21", "XLM": "40.03", "AVAX": "16.39", "SHIB": "22.9", "LEO": "4.78", "SOL": "4.69", "STETH": "7.01"},
    "minimum_variance": {"LINK": "24.09", "XLM": "0.08", "LEO": "25", "SOL": "25.4", "STETH": "25.42"}}
TABLE3 = {"annualized return": "31.15", "annualized volatility": "39.05", "sharpe ratio": "0.7978", "sortino ratio": "122.77",
          "variance": "15.25", "cvar": "95.38", "max drawdown": "-59.42", "skewness": "65.63", "kurtosis": "678.6"}  # column (Sharpe)
DOLLARS = ["DAI", "USDC", "USDT", "VUSDT"]  # stable coins
RATIOS, VOLATILITIES = (0.8331, 2.0032, 0.2781, 0.7978), (0.47, 0.63, 0.96, 39.05)  # CVaR, Sortino, variance, Sharpe
MINIMUM_VARIANCE = {"annualized volatility": "0.96", "variance": "0.01"}
TEST_MSE, TEST_MAE = {5: 0.0012, 10: 0.0011, 15: 0.0012, 30: 0.0012}, {5: 0.0218, 10: 0.0219, 15: 0.0222, 30: 0.0228}  # Table 4
LSTM = (0.014606, -0.05918, -1.44428, -4.74505, 4.70012e-05, 2.26891, 0.0689542, 0.0518116, 0.57744, 0.0210249, -0.0330404,
        -0.035509, -2.70253, 1.41132, 0.00331112, 0.00729518, -0.0759262, 0.0481682, 0.033132, -0.315186, 0.443353, 0.0234812,
        5.36088, 0.00904898, 0.0679007)  # Table 5, P-Weights (LSTM), in the order of the names

# ----------------------------------------------------------------------------------------- Nguyen as printed, likewise
TABLE4 = {"LSTM": {"MAE": "0.0156", "MSE": "0.000476", "RMSE": "0.0212"}, "1D-CNN": {"MAE": "0.0160", "MSE": "0.000503", "RMSE": "0.0218"}}
TABLE5 = {  # total return in percent, information ratio, turnover in percent
    "LSTM+MDP": ("52.459", "0.499", "78.697"), "LSTM+MVF": ("50.775", "0.526", "80.878"), "1D-CNN+MVF": ("45.499", "0.479", "80.236"),
    "LSTM+RPP": ("34.034", "0.26", "54.137"), "1D-CNN+RPP": ("33.824", "0.26", "60.224"), "1D-CNN+MDP": ("33.877", "0.250", "55.454")}


# ------------------------------------------------------------------------------------------------- mean and variance
def long_only(covariance: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights of the smallest variance for a given target'w, none below 0, summing to 1.

    The minimum of y'Sy / 2 - target'y over y >= 0 is the nonnegative least-squares solution of L'y = L^-1 target, S = LL'. Means as
    the target give the best ratio of mean to deviation, ones the minimum variance.
    """
    lower = np.linalg.cholesky(covariance)
    y, _ = nnls(lower.T, np.linalg.solve(lower, target), maxiter=10_000)
    return y / y.sum()


def shrunk(returns: np.ndarray) -> np.ndarray:
    """The covariance of returns (n_days, n_stocks) drawn to one variance as far as Ledoit & Wolf (2004) find best.

    With fewer days than stocks the sample's is singular. The distance to the target is d2, the noise of the sample b2.
    """
    n, stocks = returns.shape
    centered = returns - returns.mean(axis=0)
    sample = centered.T @ centered / n
    target = np.trace(sample) / stocks * np.eye(stocks)
    d2 = ((sample - target) ** 2).sum()
    b2 = (((centered ** 2).T @ (centered ** 2)).sum() / n - (sample ** 2).sum()) / n
    share = min(b2, d2) / d2
    return share * target + (1 - share) * sample


def risk_parity(covariance: np.ndarray) -> np.ndarray:
    """Equal contributions to risk: each weight in turn solves its own quadratic equation w_i (Sw)_i = 1 / n, until none moves."""
    n, w = len(covariance), 1 / np.sqrt(np.diag(covariance))
    for _ in range(20_000):
        before = w.copy()
        for i in range(n):
            others = covariance[i] @ w - covariance[i, i] * w[i]
            w[i] = (math.sqrt(others * others + 4 * covariance[i, i] / n) - others) / (2 * covariance[i, i])
        if np.abs(w / before - 1).max() < 1e-12:
            return w / w.sum()
    raise ArithmeticError("risk parity does not settle")


def described(returns: pd.Series, reading: str) -> dict[str, float]:
    """A portfolio's daily returns in the terms of Table 3, in percent or times 100 as it prints them."""
    days, year = (365, returns.mean() * 365) if reading == ARITHMETIC else (252, (1 + returns).prod() ** (252 / len(returns)) - 1)
    volatility, downside = (math.sqrt(square * days) for square in (returns.var(), (returns.clip(upper=0) ** 2).mean()))
    worst, tail = returns.sort_values().to_numpy(), 0.05 * len(returns)  # the last of the worst days counts in part
    loss = -(worst[:int(tail)].sum() + (tail - int(tail)) * worst[int(tail)]) / tail
    return {"annualized return": 100 * year, "annualized volatility": 100 * volatility, "sharpe ratio": year / volatility,
            "sortino ratio": 100 * year / downside, "variance": 100 * volatility ** 2, "cvar": 100 * loss * math.sqrt(days),
            "max drawdown": 100 * drawdown(returns), "skewness": 100 * returns.skew(), "kurtosis": 100 * returns.kurt()}


def drawdown(returns: pd.Series) -> float:
    """The deepest fall of wealth from a peak, at most 0; the day before the first return may be the peak."""
    wealth = np.concatenate([[1.0], (1 + returns).cumprod()])
    return float((wealth / np.maximum.accumulate(wealth) - 1).min())


# -------------------------------------------------------------------------------------------- Zouaoui & Naas (2025)
def crypto(prices: pd.DataFrame, *, ridge: float) -> list[Row]:
    """Claims about the coins, of their closes (n_days, n_coins).

    `ridge` is the share of each variance that the study adds to its own, because wrapped coins are nearly their originals.
    """
    rows = Rows("zouaoui2025")
    returns = prices.rename(columns=lambda name: name.removesuffix("-USD")).pct_change().iloc[1:]
    coins, sample = [*returns], returns.cov().to_numpy()
    covariance = sample + ridge * np.diag(np.diag(sample))
    weights = {"maximum_sharpe": pd.Series(long_only(covariance, returns.mean().to_numpy()), coins),
               "minimum_variance": pd.Series(long_only(covariance, np.ones(len(coins))), coins)}
    best = returns @ weights["maximum_sharpe"]
    true = dict(zip(LISTED, sorted(LISTED)))  # weights in alphabetical order stand beside names in the list's order

    rows.add("Data", "observations", "1093", len(returns), tolerance=0)
    rows.add("Data", "coins", "25", len(coins) if len(coins) == 25 else None, tolerance=0)  # the file lacks some of the 25
    for kind, printed, seen in zip(("training", "validation", "test"), ("874", "0", "875"), slices(1093)):
        rows.add("Code", f"{kind} rows", printed, len(seen), tolerance=0)

    for reading in (COMPOUNDED, ARITHMETIC):
        found = described(best, reading)
        for term in ("annualized return", "annualized volatility", "sharpe ratio", "sortino ratio", "variance", "cvar"):
            rows.add("Table 3", f"{term}, maximum_sharpe", TABLE3[term], found[term], reading=reading)
    for term in ("max drawdown", "skewness", "kurtosis"):
        rows.add("Table 3", f"{term}, maximum_sharpe", TABLE3[term], found[term])
    for portfolio, column in TABLE3_WEIGHTS.items():
        for name, printed in column.items():
            for reading, coin in (("as labelled", name), (f"relabelled, {true[name]}-USD", true[name])):
                ours = 100 * weights[portfolio][coin] if coin in coins else None
                rows.add("Table 3", f"weight of {name}-USD, {portfolio}", printed, ours, reading=reading)
        together = sum(float(printed) for name, printed in column.items() if true[name] in DOLLARS)
        ours = 100 * weights[portfolio].reindex(DOLLARS).sum()
        rows.add("Audit 1, Table 3", f"stable coins together, {portfolio}", f"{together:.2f}", ours)

    numbers = pd.Series(TABLE3_WEIGHTS["maximum_sharpe"]).astype(float) / 100
    for reading, held in (("relabelled", numbers.rename(true)), ("as labelled", numbers)):
        earned = returns @ at_hand(held, coins)
        found = described(earned, COMPOUNDED)
        for term in ("annualized volatility", "annualized return", "max drawdown"):
            rows.add("Audit 1, Table 3", f"{term.split()[1]}, {reading}", TABLE3[term], found[term])
        rows.add("Audit 3, Table 3", f"share of the highest Sharpe ratio, {reading}", "1.0", annual_ratio(earned) / annual_ratio(best),
                 says=f" of {annual_ratio(best):.4f})")
    for portfolio, column in (("maximum_sharpe", TABLE3), ("minimum_variance", MINIMUM_VARIANCE)):
        squared = float(column["annualized volatility"]) ** 2 / 100
        rows.add("Audit 2, Table 3", f"variance, {portfolio}", column["variance"], squared, tolerance=0.005)
    rows.add("Audit 3, Table 3", "sharpe_ratio of maximum_sharpe", "0.7978", max(RATIOS), tolerance=0)
    rows.add("Audit 3, Table 3", "annualized_volatility of minimum_variance", "0.96", min(VOLATILITIES), tolerance=0)

    learned = pd.Series(LSTM, LISTED)
    rows.add("Audit 4, Table 5", "sum of the LSTM weights", "1.0", learned.sum(), tolerance=5e-5)
    rows.add("Audit 4, Fig. 4", "gross exposure of the LSTM weights", "1.0", learned.abs().sum())
    earned = returns @ at_hand(learned, coins)
    rows.add("Audit 5, Table 5", "LSTM return, a year", "0.017239", earned.mean() * 252)
    rows.add("Audit 5, Table 5", "LSTM volatility, a year", "0.011219", earned.std() * 252 ** 0.5)
    rows.add("Audit 5, Table 5", "LSTM volatility, a day", "0.011219", earned.std())
    rows.add("Audit 6, Abstract", "MSE at 5 days", "0.0218", 100 * TEST_MSE[5])
    rows.add("Audit 6, Abstract", "MSE at 5 days is the MAE", "0.0218", TEST_MAE[5])
    rows.add("Audit 6, Results", "window of the lowest test MSE", "5", min(TEST_MSE, key=TEST_MSE.get), tolerance=0)
    rows.add("Audit 6, Data", "fall of the market in 2022", "614", 100 * (2182.5 - 842.5) / 2182.5)
    training, _, test = slices(1093)
    rows.add("Audit 7, Code", "test rows seen in training", "0", len(set(training) & set(test)), tolerance=0)
    for which, n in (("the printed slice", len(test)), ("a fifth", int(0.2 * 1093))):  # a sample is a window and its target
        batches = ", ".join(str(math.ceil((n - 2 * window + 1) / 16)) for window in TEST_MSE)
        rows.say("Audit 7, Table 4", f"batches with {which} of the rows", "14, 13, 12, 10", batches)
    return rows.rows


def at_hand(weights: pd.Series, coins: list[str]) -> pd.Series:
    """Weights by name on the coins at hand; others are left out.

    USDC stands for the other three dollars where one of them is lacking, so that no spread between two dollars comes in.
    """
    known = weights if set(DOLLARS) <= set(coins) else weights.rename(dict.fromkeys(DOLLARS, "USDC"))
    return known.groupby(level=0).sum().reindex(coins, fill_value=0.0)


def slices(n: int) -> tuple[range, range, range]:
    """The rows of training, validation and test by the printed code."""
    days = range(n)
    return days[:int(0.8 * n)], days[int(0.8 * n):int(0.2 * n)], days[int(0.2 * n):]


def annual_ratio(returns: pd.Series) -> float:
    """Arithmetic mean over deviation, a year of 252 days."""
    return float(returns.mean() / returns.std() * 252 ** 0.5)


# ------------------------------------------------------------------------------------------------------ Nguyen (2025)
WINDOWS = (20, 60, 120, 250)


def equity(prices: pd.DataFrame, index: pd.Series, excess: pd.DataFrame) -> list[Row]:
    """Claims about the stocks.

    Parameters
    ----------
    prices : (n_days, n_stocks) closes, where 0 says that there is none
    index : (n_days,) VN100
    excess : (24, 6) monthly excess of a run's strategies over the index, as a fraction
    """
    rows = Rows("nguyen2025")
    complete = prices.where(prices > 0).dropna(axis="columns")
    rows.add("Data", "constituents with complete histories", "59", complete.shape[1], tolerance=0)
    rows.add("Data", "constituents excluded", "41", prices.shape[1] - complete.shape[1], tolerance=0)

    logs = np.log(complete).diff().loc["2023":"2024"]
    zero = {"MAE": logs.abs().mean().mean(), "MSE": (logs ** 2).mean().mean(), "RMSE": (logs ** 2).mean().pow(0.5).mean()}
    for model, errors in TABLE4.items():
        for error, value in errors.items():
            rows.at_most("Audit 6, Table 4", f"{error} of the {model} at most the zero forecast's", value, zero[error])

    months = (100 * excess).rename(columns=lambda name: name.replace("cnn1d", "1D-CNN").upper())
    readings = {" but the first": months.iloc[1:], "": months}
    for strategy, (total, ratio, _) in TABLE5.items():
        for but, seen in readings.items():
            rows.add("Table 5", f"total return of {strategy}", total, seen[strategy].sum(), reading=f"the sum of monthly excess{but}")
            rows.add("Table 5", f"information ratio of {strategy}", ratio, seen[strategy].mean() / seen[strategy].std(),
                     reading=f"of all months{but}")
    for but, seen in readings.items():
        rows.add("Table 5", "mean monthly excess of LSTM+MDP", "2.281", seen["LSTM+MDP"].mean(), reading=f"of all months{but}")
    pairs = [months[f"LSTM+{framework}"].sum() > months[f"1D-CNN+{framework}"].sum() for framework in ("MVF", "RPP", "MDP")]
    p = {test.__name__: max(test(months[strategy], **how).pvalue for strategy in TABLE5)
         for test, how in ((stats.shapiro, {}), (stats.wilcoxon, {"alternative": "greater"}))}
    alike = stats.mannwhitneyu(months["LSTM+MDP"], months["LSTM+MVF"], alternative="two-sided").pvalue
    rows.say("Results", "highest total return", "lstm+mdp", short(months.sum().idxmax()))
    rows.say("Results", "highest information ratio", "lstm+mvf", short((months.mean() / months.std()).idxmax()))
    rows.say("Results", "LSTM strategies outperform their 1D-CNN counterparts", "yes", yes(all(pairs)))
    rows.say("Results", "Shapiro-Wilk rejects normality for all six", "yes", yes(p["shapiro"] < 0.05))
    rows.say("Results", "Wilcoxon p below 0.05 for all six", "yes", yes(p["wilcoxon"] < 0.05))
    rows.add("Results", "Mann-Whitney p of LSTM+MDP and LSTM+MVF", "0.265", alike, reading="two-sided")
    rows.say("Results", "no significant difference at 0.05 between LSTM+MDP and LSTM+MVF", "yes", yes(alike >= 0.05))

    printed = pd.DataFrame(TABLE5, ["total", "ratio", "turnover"]).T.astype(float)
    ends = index.groupby(index.index.to_period("M")).tail(1).loc["2022-12-01":]
    market, rise = ends.pct_change().iloc[2:], 100 * (ends.iloc[-1] / ends.iloc[0] - 1)
    grown = {strategy: (1 + market + total / 2300).prod() for strategy, total in printed["total"].items()}
    rows.add("Audit 1, Table 5", "total return of LSTM+MDP", "52.459", 23 * 2.281, tolerance=23 * 0.0005 + 0.0005)
    rows.add("Audit 2, Results", "strategies above the index", "6", sum(end > 1 + rise / 100 for end in grown.values()), tolerance=0,
             says=f"rise {rise:.1f} percent, totals not above it {(printed['total'] <= rise).sum()}, LSTM+MDP grows by "
             f"{100 * grown['LSTM+MDP'] - 100:.1f}")

    implied = printed["total"] / 23 / printed["ratio"]
    parity, mean_variance = implied[["LSTM+RPP", "1D-CNN+RPP"]], implied[["LSTM+MVF", "1D-CNN+MVF"]]
    rows.say("Audit 3, Results", "RPP is more stable than MVF", "yes", yes(parity.max() < mean_variance.min()),
             says=f"RPP {parity.min():.2f} to {parity.max():.2f}, MVF {mean_variance.min():.2f} to {mean_variance.max():.2f}")
    returns = complete.pct_change()
    found = [parity_months(returns, ends, window) for window in WINDOWS]
    deviations, turnovers = [100 * earned.std() for earned, _ in found], [100 * turnover for _, turnover in found]
    rows.at_most("Audit 3, Table 5", "deviation of excess of RPP at most that of risk parity", f"{parity.min():.10g}", max(deviations),
                 says=f"from {min(deviations):.2f} percent")
    for ways, reading in ((1, "one-way"), (2, "two-way")):
        rows.at_most("Audit 7, Table 5", "turnover of RPP at most that of risk parity", TABLE5["LSTM+RPP"][2], ways * max(turnovers),
                     reading=reading, says=f"from {ways * min(turnovers):.2f} percent")

    p = pd.Series(stats.t.sf(printed["ratio"] * 23 ** 0.5, 22), printed.index).sort_values()
    holm = (p * np.arange(6, 0, -1)).cummax()
    rows.add("Audit 4, Results", "strategies significant at 0.05", "6", (p < 0.05).sum(), tolerance=0,
             says=f"p {p.min():.3f} to {p.max():.3f}; after Holm's correction, which the paper does not make, p from {holm.min():.3f}, "
             f"significant {(holm < 0.05).sum()}")
    rows.say("Audit 5, Results", "lowest total return", "cnn1d+mdp", short(printed["total"].idxmin()))
    rows.say("Audit 5, Results", "highest turnover", "lstm+mvf", short(printed["turnover"].idxmax()))
    return rows.rows


def short(strategy: str) -> str:
    """The name of a strategy as params files have it."""
    return strategy.replace("1D-CNN", "cnn1d").lower()


def yes(holds: bool) -> str:
    """A statement's answer."""
    return "yes" if holds else "no"


def parity_months(returns: pd.DataFrame, ends: pd.Series, window: int) -> tuple[pd.Series, float]:
    """Monthly excess over the index of risk parity decided on the last days of months, and its mean one-way turnover after drift."""
    excess, trades, drifted = {}, [], None
    for first, last in zip(ends.index[:-1], ends.index[1:]):
        weights = risk_parity(shrunk(returns.loc[:first].iloc[-window:].to_numpy()))
        if drifted is not None:
            trades.append(np.abs(weights - drifted).sum() / 2)
        grown = weights * (1 + returns.loc[first:last].iloc[1:]).prod().to_numpy()
        excess[last], drifted = grown.sum() - ends[last] / ends[first], grown / grown.sum()
    return pd.Series(excess), float(np.mean(trades))
