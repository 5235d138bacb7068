"""How often each test of the evidence finds something: where nothing is there (its size), and where it is (its power).

A case is a world whose truth is known. It is drawn hundreds of times, and each time the library's own functions judge
the draw, as they judge a study. All worlds come from `market.simulated`: 20 stocks that move together, volatility in
clusters, fat tails; four years to learn from, two years (24 months, about 500 days) to be judged on. What was found is
in benchmarks/evidence.json, and as a table in docs/evidence.md: `python -m benchmarks.evidence` writes both.
"""

import json
import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.timing import machine
from forefolio.forecasts import baselines
from forefolio.forecasts.accuracy import direction_tests
from forefolio.forecasts.schedule import forecast_frame, forecast_schedule
from forefolio.market.returns import rebalance_dates, simple_returns
from forefolio.market.simulated import factor_market, trading_days
from forefolio.performance import evidence, gate, intervals, luck
from forefolio.performance.trials import by_parameter
from forefolio.study.parameters import ROOT, Study
from forefolio.study.vocabulary import ABSENT, BENCHMARK, EQUAL_WEIGHT, SHOWN, percent

RATES, PAGE = Path(__file__).with_name("evidence.json"), ROOT / "docs" / "evidence.md"
BEGIN, END_OF_RATES = "<!-- written by python -m benchmarks.evidence -->\n", "<!-- end -->\n"  # around the rates in the page

START, TRAIN_END, VALIDATION_END, END = "2016-01-01", "2019-12-31", "2020-12-31", "2022-12-31"
DAYS = trading_days(START, END, periods_per_year=252)
MONTH = 21  # days
N_TRIALS, SKILLED = 40, 13  # a third of the trials
RATIO = 0.8  # true information ratio, a month, of a skilled trial
MEAN = 0.1  # a year, of every stock where portfolios are judged: a rising market
BOOTSTRAPS = 200  # resamples of a test; a study takes more
LEVEL = 0.05

Draw = dict[str, bool | float]  # whether each test rejects; missing where it cannot be computed


def market(seed: int, *, r2: float = 0.0, mean: float = 0.0) -> pd.DataFrame:
    """Returns of a simulated market; `r2` is the share of variance that the best forecast explains, `mean` a year's."""
    study = Study(source="simulated", simulated_seed=seed, predictability=[r2], simulated_mean=mean)
    return simple_returns(factor_market(DAYS, study)[0])


def test_days(returns: pd.DataFrame) -> pd.DataFrame:
    """The days on which studies are judged."""
    return returns.loc[returns.index > pd.Timestamp(VALIDATION_END)]


def covariance(n: int = 20) -> np.ndarray:
    """The true covariance a day of a market of n stocks without predictability."""
    of = Study()
    group = np.arange(n) % of.simulated_groups
    rho = np.where(group[:, None] == group, of.simulated_group_correlation, of.simulated_correlation)
    np.fill_diagonal(rho, 1.0)
    deviation = of.simulated_volatility / np.sqrt(252) * 1.5 ** np.linspace(-1, 1, n)
    return rho * np.outer(deviation, deviation)


def persistent(rng: np.random.Generator, shape: tuple[int, int], *, persistence: float, deviation: float) -> np.ndarray:
    """A column of each asset's AR(1) noise."""
    noise = rng.normal(0, deviation * np.sqrt(1 - persistence**2), shape)
    noise[0] = rng.normal(0, deviation, shape[1])
    for day in range(1, len(noise)):
        noise[day] += persistence * noise[day - 1]
    return noise


# ---------------------------------------------------------------------------------------------------------- forecasts
def forecasters(seed: int, *, r2: float, persistence: float, deviation: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns of a market, and the forecasts of fitted and of made models.

    `zero`, `mean` and `ar` are the library's. `lstm` and `gru` stand for two networks that learned nothing: noise of a
    deviation and persistence. Where something can be predicted, `lstm` is the best forecast and `gru` noise as large.
    """
    returns, rng = market(seed, r2=r2), np.random.default_rng([seed, 1])
    schedule = forecast_schedule(returns.index, train_end=TRAIN_END, validation_end=VALIDATION_END)
    schedule = schedule[(schedule["horizon"] == 1) & (schedule["target_date"] > pd.Timestamp(VALIDATION_END))]
    shape, truth = (len(schedule), returns.shape[1]), np.sqrt(r2) * returns.loc[schedule["decision_date"]].to_numpy()
    first, second = (persistent(rng, shape, persistence=persistence, deviation=truth.std() if r2 else deviation)
                     for _ in range(2))
    made = [baselines.zero(returns, schedule), baselines.historical_mean(returns, schedule),
            baselines.autoregression(returns, schedule, train_end=TRAIN_END, lags=5)]
    made += [forecast_frame(schedule, pd.DataFrame(values, columns=returns.columns), model=model)
             for model, values in (("lstm", truth if r2 else first), ("gru", second))]
    return returns, pd.concat(made, ignore_index=True)


def slow_networks(seed: int) -> Draw:
    """Whether the test of two networks that learned nothing tells them apart, where their forecasts change slowly."""
    returns, forecasts = forecasters(seed, r2=0.0, persistence=0.95, deviation=0.01)
    forecasts = forecasts[forecasts["model"].isin(["lstm", "gru"])]
    made = gate.asset_days(forecasts, returns, first=test_days(returns).index[0], last=returns.index[-1])
    return {"diebold_mariano": 2 * gate.pairs(made)[["p_better", "p_worse"]].min(axis=1).item() < LEVEL}


def forecasting(seed: int, *, r2: float = 0.0) -> Draw:
    """What the gate finds: of a fitted model against the mean, of two networks, of direction, and its verdicts."""
    returns, forecasts = forecasters(seed, r2=r2, persistence=0.0, deviation=0.002)
    days = {"first": test_days(returns).index[0], "last": returns.index[-1]}
    made = gate.asset_days(forecasts, returns, **days)
    directions = direction_tests(forecasts[forecasts["model"] == "ar"], returns, **days)
    judged = directions.set_index("model").reindex(["ar", "lstm", "gru"]).reset_index()  # a verdict only shows these
    tested = gate.pairs(made)
    both = tested.set_index(["model", "rival"])
    nested, networks = both.loc[("ar", "mean")], both[["p_better", "p_worse"]].loc[("gru", "lstm")]
    losses = gate.paired_losses(made, "ar", "mean")
    plain = gate.diebold_mariano(losses["rival"] - losses["model"])
    verdicts = gate.verdicts(made, tested, judged, seed=seed).set_index("model")
    hypotheses = gate.hypotheses(tested[tested["model"].isin(["ar", "mean", "lstm", "gru"])])
    return {
        "clark_west": nested["p_better"] < LEVEL, "nested_better": plain[1] < LEVEL, "nested_worse": plain[2] < LEVEL,
        "diebold_mariano": 2 * networks.min() < LEVEL,
        "direction": directions["p_value"].item() < LEVEL,
        "hypotheses": bool((hypotheses.loc[hypotheses["rival"] == "mean", "verdict"] != "neither").any()),
        "set_without_best": verdicts["p_set"]["lstm"] <= gate.SET_SIZE,
        "set_without_other": verdicts["p_set"]["gru"] <= gate.SET_SIZE,
        "gate": bool((verdicts.loc[["ar", "lstm", "gru"], "verdict"] == SHOWN).any()),
        "gate_absent": verdicts["verdict"]["lstm"] == ABSENT}


# ------------------------------------------------------------------------------------------------------------- months
def months(seed: int, *, skew: bool = False, correlation: float = 0.0, ratio: float = 0.0) -> Draw:
    """What the tests of 24 monthly excess returns find; of the best two of six strategies too.

    Months are normal, or the negative of exponential ones (a skewness of -2), and follow each other with a correlation.
    """
    rng = np.random.default_rng([seed, 2])
    shocks = 1 - rng.exponential(size=(60, 6)) if skew else rng.normal(size=(60, 6))
    for month in range(1, 60):
        shocks[month] = correlation * shocks[month - 1] + np.sqrt(1 - correlation**2) * shocks[month]
    index = pd.date_range("2021-01-01", periods=24, freq="MS", name="month")
    names = [f"{model}+mvf" for model in ("lstm", "mean", "gru", "rnn", "cnn1d", "ar")]
    excess = pd.DataFrame(0.03 * (shocks[-24:] + ratio), index, names)
    held = pd.DataFrame({"rebalance_date": index[0], "strategy": names[:2], "asset": "S01", "weight": 1.0})
    tests, pair = evidence.monthly_tests(excess), evidence.best_pair(excess).iloc[0]
    twins = evidence.against_twins(excess.iloc[:, :2], held).set_index("strategy")
    return {"signed_rank": tests["wilcoxon_p"][0] < LEVEL, "sign": tests["sign_p"][0] < LEVEL,
            "t": tests["t_p"][0] < LEVEL, "shapiro": tests["shapiro_p"][0] < LEVEL,
            "twins": twins.at["lstm+mvf", "signed_rank_p"] < LEVEL,
            "holm": bool((tests["t_p_holm"] < LEVEL).any()),
            "best_two_mann_whitney": pair["mann_whitney_p"] < LEVEL,
            "best_two_signed_rank": pair["signed_rank_p"] < LEVEL}


# ------------------------------------------------------------------------------------------------------------- trials
class Trials(NamedTuple):
    """Strategies of a market whose stocks all have the same mean."""

    returns: pd.DataFrame  # (n_days, 40), those of the skilled first
    equal: pd.Series
    index: pd.Series
    deviation: np.ndarray  # of each trial's returns, true, a day


def trials(seed: int, *, mean: float, skilled: int = 0) -> Trials:
    """Daily returns of 40 trials, of equal weight, and of an index.

    Each trial holds stocks drawn anew each month, half of them as the other trials do. The first `skilled` trials earn
    more than equal weight, by 0.8 times the deviation of a month of what sets them apart from it.
    """
    returns, rng = test_days(market(seed, mean=mean)), np.random.default_rng([seed, 3])
    n_assets, Sigma = returns.shape[1], covariance()
    month = (returns.index.to_period("M") - returns.index[0].to_period("M")).map(lambda apart: apart.n)
    own, common = (rng.dirichlet(np.full(n_assets, 0.5), (month.max() + 1, n)) for n in (N_TRIALS, 1))
    held = (own + common) / 2

    def deviation(weights: np.ndarray) -> np.ndarray:
        """True deviation a day of each portfolio (n_months, n_portfolios, n_assets) over the months."""
        return np.sqrt(np.einsum("mki,ij,mkj->k", weights, Sigma, weights) / len(weights))

    earned = np.einsum("di,dki->dk", returns.to_numpy(), held[month])
    earned[:, :skilled] += RATIO * deviation(held - 1 / n_assets)[:skilled] / np.sqrt(MONTH)
    names = [f"p{k}/lstm+mvf" for k in range(N_TRIALS)]
    index = returns @ rng.dirichlet(np.full(n_assets, 3.0))
    return Trials(pd.DataFrame(earned, returns.index, names), returns.mean(axis=1), index, deviation(held))


def luck_of_trials(seed: int, *, skilled: int = 0) -> Draw:
    """What the tests of the best of many trials find."""
    tried, equal, index, _ = trials(seed, mean=MEAN, skilled=skilled)
    judged = luck.judge(tried, {EQUAL_WEIGHT: equal, BENCHMARK: index}, seed=seed, n_bootstraps=BOOTSTRAPS)
    over_equal = judged.set_index("rival").loc[EQUAL_WEIGHT]
    verdict = luck.verdict(judged)
    return {"superior_ability": over_equal["p_consistent"] < LEVEL,
            "deflated_active": over_equal["deflated"] > luck.DEFLATED,
            "deflated_raw": luck.deflated_sharpe(tried, seed=seed)["deflated"] > luck.DEFLATED,
            "overfitting": luck.overfitting(tried, n_blocks=10).probability < LEVEL,
            "verdict": verdict == SHOWN, "verdict_absent": verdict == ABSENT}


# ---------------------------------------------------------------------------------------------------------- intervals
def of_one_ratio(seed: int, *, lead: float) -> tuple[pd.DataFrame, float, float]:
    """Two strategies with the true Sharpe ratio of equal weight, which stands beside them with an index.

    Daily returns, then the true ratio (a year) and deviation (a day) of the second; the first one's ratio is higher by
    `lead`.
    """
    tried, equal, index, deviation = trials(seed, mean=MEAN)
    ratio = MEAN / np.sqrt(252) / np.sqrt(covariance().mean())
    true = (ratio + np.array([lead, 0.0])) / np.sqrt(252) * deviation[:2]
    net_returns = (tried.iloc[:, :2] + (true - MEAN / 252)).set_axis(["lstm+mvf", "mean+mvf"], axis=1)
    return net_returns.assign(**{EQUAL_WEIGHT: equal, BENCHMARK: index}), ratio, deviation[1]


def sharpes(seed: int, *, lead: float = 0.0) -> Draw:
    """Whether Sharpe ratios differ: of a strategy and equal weight, and of two strategies of the same kind."""
    net_returns, *_ = of_one_ratio(seed, lead=lead)
    pairs = [("lstm+mvf", EQUAL_WEIGHT), ("lstm+mvf", "mean+mvf")]
    p_values = intervals.ledoit_wolf(net_returns, pairs, periods_per_year=252, risk_free_rate=0.0, seed=seed,
                                     n_bootstraps=999)["p"]
    return {"ledoit_wolf": p_values[0] < LEVEL, "ledoit_wolf_twin": p_values[1] < LEVEL}


def missed(seed: int) -> Draw:
    """Whether 95 percent intervals miss the true values of a strategy and of equal weight."""
    net_returns, ratio, deviation = of_one_ratio(seed, lead=0.0)
    table = intervals.intervals(net_returns.drop(columns="lstm+mvf"), periods_per_year=252, risk_free_rate=0.0,
                                seed=seed, n_bootstraps=400).set_index(["strategy", "metric"])
    sharpe, volatility = table.loc[("mean+mvf", "sharpe")], table.loc[("mean+mvf", "annual_volatility")]
    excess = table.loc[(EQUAL_WEIGHT, "mean_monthly_excess")]  # its true mean is zero: all stocks have the same
    return {"interval_sharpe": not sharpe["low"] <= ratio <= sharpe["high"],
            "interval_lead": not sharpe["lead_low"] <= 0 <= sharpe["lead_high"],
            "interval_volatility": not volatility["low"] <= deviation * np.sqrt(252) <= volatility["high"],
            "interval_excess": not excess["low"] <= 0 <= excess["high"]}


# -------------------------------------------------------------------------------------------------------------- costs
def costs(seed: int, *, foresight: float = 0.0) -> Draw:
    """Whether one of two strategies earns more than the other after 10 basis points of what is traded.

    Both hold stocks drawn anew each month; the first puts a share, `foresight`, into the coming month's best stock.
    """
    returns, rng = market(seed, mean=MEAN), np.random.default_rng([seed, 5])
    dates = rebalance_dates(returns.index, validation_end=VALIDATION_END)
    returns = returns.loc[dates[0]:]
    best = [returns.loc[start:end].iloc[1:].add(1).prod().argmax()
            for start, end in zip(dates, [*dates[1:], returns.index[-1]])]
    own, other = rng.dirichlet(np.full(returns.shape[1], 0.5), (2, len(dates)))
    own = (1 - foresight) * own + foresight * np.eye(returns.shape[1])[best]
    decided = pd.concat([pd.DataFrame(values, dates, returns.columns).rename_axis("rebalance_date").melt(
        var_name="asset", value_name="weight", ignore_index=False).reset_index().assign(strategy=name)
        for name, values in (("lstm+mvf", own), ("mean+mvf", other))])
    table = evidence.worth_its_cost(decided, returns, cost_bps=10, daily_borrow=0, rival="mean+mvf")
    return {"worth_its_cost": table.set_index("strategy").at["lstm+mvf", "p"] < LEVEL}


# -------------------------------------------------------------------------------------------------------------- sweep
def sensitivity(seed: int, *, effect: float = 0.0) -> Draw:
    """Whether a parameter's share of variance exceeds what chance gives it, in a grid of five seeds and four values."""
    grid = pd.MultiIndex.from_product([range(5), [1, 2, 3, 4]], names=["seed", "x"]).to_frame(index=False)
    noise = np.random.default_rng([seed, 4]).standard_t(5, len(grid))
    results = grid.assign(point=[f"p{point}" for point in grid.index], strategy="lstm+mvf",
                          sharpe=noise + effect * grid["x"])
    table = by_parameter(results, ["seed", "x"], "sharpe", seed=seed).set_index("parameter")
    return {"sensitivity": table.at["x", "share"] > table.at["x", "chance"]}


# -------------------------------------------------------------------------------------------------------------- cases
QUESTIONS = {"skill": "Skill", "certainty": "How sure are the numbers", "luck": "Luck, and sweeps", "cost": "Cost",
             "months": "Months, in 06 and the papers' notebooks"}  # what the tests are about, as the page names it


@dataclass(frozen=True)
class Test:
    """A test of the evidence."""

    question: str  # of `QUESTIONS`
    title: str
    nominal: float = LEVEL
    bound: bool = False  # whether it promises no more than not to exceed the nominal rate


@dataclass(frozen=True)
class Case:
    """A world whose truth is known."""

    says: str
    draw: Callable[[int], Draw]
    null: tuple[str, ...]  # the tests whose null hypothesis is true in it; others find something that is there
    planted: tuple[str, ...] = ()


TESTS = {
    "clark_west": Test("skill", "Clark-West: an autoregression against the mean"),
    "nested_better": Test("skill", "Diebold-Mariano in its place: the autoregression is better"),
    "nested_worse": Test("skill", "Diebold-Mariano in its place: the autoregression is worse"),
    "diebold_mariano": Test("skill", "Diebold-Mariano: one network against another"),
    "direction": Test("skill", "Pesaran-Timmermann by days"),
    "hypotheses": Test("skill", "H1 or H2 of any of two networks", bound=True),
    "set_without_best": Test("skill", "model confidence set without the best model", 0.10, bound=True),
    "set_without_other": Test("skill", "model confidence set without a network that learned nothing", 0.10),
    "gate": Test("skill", "gate: any of three models is shown to forecast", bound=True),
    "gate_absent": Test("skill", "gate: a network's forecast is shown to be absent", bound=True),
    "ledoit_wolf": Test("certainty", "Ledoit-Wolf against equal weight"),
    "ledoit_wolf_twin": Test("certainty", "Ledoit-Wolf against another strategy of the same kind"),
    "interval_sharpe": Test("certainty", "interval of the Sharpe ratio without the true one"),
    "interval_lead": Test("certainty", "interval of its lead over equal weight without the true one"),
    "interval_volatility": Test("certainty", "interval of the volatility without the true one"),
    "interval_excess": Test("certainty", "interval of the mean monthly excess without the true one"),
    "superior_ability": Test("luck", "superior ability against equal weight"),
    "deflated_active": Test("luck", "deflated Sharpe ratio above 0.95, active returns", bound=True),
    "deflated_raw": Test("luck", "deflated Sharpe ratio above 0.95, raw returns in its place"),
    "overfitting": Test("luck", "probability of overfitting below 0.05", bound=True),
    "verdict": Test("luck", "verdict on the trials: shown", bound=True),
    "verdict_absent": Test("luck", "verdict on the trials: shown to be absent", bound=True),
    "sensitivity": Test("luck", "a parameter's share of variance is above chance"),
    "worth_its_cost": Test("cost", "one strategy earns more than another after costs, or less"),
    "signed_rank": Test("months", "Wilcoxon's signed ranks of monthly excess"),
    "sign": Test("months", "sign test of monthly excess"),
    "t": Test("months", "t-test of monthly excess"),
    "shapiro": Test("months", "Shapiro-Wilk of monthly excess"),
    "holm": Test("months", "t-tests of six strategies, corrected by Holm: any of them", bound=True),
    "twins": Test("months", "signed ranks of a strategy against its twin"),
    "best_two_mann_whitney": Test("months", "Mann-Whitney of the best two of six strategies"),
    "best_two_signed_rank": Test("months", "signed ranks of the best two of six strategies"),
}
ACCURACY = ("clark_west", "nested_better", "nested_worse", "diebold_mariano", "direction", "hypotheses")
FOUND = ("clark_west", "nested_better", "diebold_mariano", "direction", "hypotheses", "set_without_other", "gate")
KEPT = ("set_without_best", "gate_absent")  # mistakes where there is something to be found
SHARPES = tuple(name for name, test in TESTS.items() if test.question == "certainty")
LUCK = ("superior_ability", "deflated_active", "deflated_raw", "overfitting", "verdict")
MONTHLY = tuple(name for name, test in TESTS.items() if test.question == "months" and name != "shapiro")
NEEDED = intervals.needed_ratio(24)
CASES = {
    "nothing": Case("nothing can be predicted", forecasting, (*ACCURACY, "gate"), ("gate_absent",)),
    "persistent": Case("nothing can be predicted, and forecasts change slowly (persistence 0.95, deviation 1 % a day)",
                       slow_networks, ("diebold_mariano",)),
    "r2_0.2": Case("the best forecast has an R² of 0.2 %", partial(forecasting, r2=0.002), KEPT, FOUND),
    "r2_0.5": Case("the best forecast has an R² of 0.5 %", partial(forecasting, r2=0.005), KEPT, FOUND),
    "r2_1.0": Case("the best forecast has an R² of 1 %", partial(forecasting, r2=0.01), KEPT, FOUND),
    "equal": Case("all strategies have the same true Sharpe ratio", sharpes, SHARPES[:2]),
    "lead": Case("a strategy's true Sharpe ratio is higher by 1.5 a year", partial(sharpes, lead=1.5), (), SHARPES[:2]),
    "missed": Case("all strategies have the same true Sharpe ratio", missed, SHARPES[2:]),
    "luck": Case("none of 40 trials has skill, and the market earns 10 % a year", luck_of_trials, LUCK,
                 ("verdict_absent",)),
    "skill": Case("a third of 40 trials has an information ratio of 0.8 a month",
                  partial(luck_of_trials, skilled=SKILLED), ("verdict_absent",), LUCK),
    "all_good": Case("all 40 trials have an information ratio of 0.8 a month",
                     partial(luck_of_trials, skilled=N_TRIALS), ("verdict_absent",), LUCK),
    "no_effect": Case("no parameter has an effect: five seeds and four values", sensitivity, ("sensitivity",)),
    "effect": Case("each step of a parameter adds a deviation of the noise", partial(sensitivity, effect=1.3), (),
                   ("sensitivity",)),
    "costs": Case("two strategies have no skill and cost 10 basis points", costs, ("worth_its_cost",)),
    "foresight": Case("one of them has a fifth in the best stock of each coming month", partial(costs, foresight=0.2),
                      (), ("worth_its_cost",)),
    "months": Case("months are normal with a mean excess of 0", months, (*MONTHLY, "shapiro")),
    "skewed": Case("months have a mean excess of 0 and a skewness of -2", partial(months, skew=True), MONTHLY,
                   ("shapiro",)),
    "correlated": Case("months have a mean excess of 0 and an autocorrelation of 0.3",
                       partial(months, correlation=0.3), MONTHLY),
    "months_good": Case(f"all strategies have an information ratio of {NEEDED:.2f} a month",
                        partial(months, ratio=NEEDED), (), ("signed_rank", "sign", "t", "holm")),
}
WANTED = {("verdict", "skill"): 0.8}  # the least power, where some is promised
REMARKS = {  # on rates that are not what a reader would expect, by test or by test and case
    "nested_better": "Estimating costs accuracy, so the larger model looks worse than it is.",
    ("nested_worse", "nothing"): "It takes the cost of estimating for evidence against the model, which is why nested "
                                 "models are tested by Clark-West.",
    ("deflated_raw", "luck"): "In a rising market most portfolios have a positive Sharpe ratio, so active returns are deflated.",
    ("overfitting", "luck"): "It judges the order of the trials and is no test at this level.",
    ("overfitting", "all_good"): "If all trials are equally good, the choice among them is a coin toss.",
    "best_two_mann_whitney": "It takes the same months for independent samples, and the best two of several are close.",
    "best_two_signed_rank": "The best two of several are close to each other.",
    ("diebold_mariano", "persistent"): "Losses last as forecasts do, so few of them are independent; without lags it "
                                       "would be 28 %.",
    ("signed_rank", "skewed"): "It tests whether months are symmetric about zero, and these are not.",
    ("sign", "skewed"): "It tests the median, which is above the mean under left skew.",
    ("t", "skewed"): "A sample of 24 months often misses the rare large losses.",
    ("holm", "skewed"): "Its tests reject too often, as the t-test does.",
    ("signed_rank", "correlated"): "Correlated months tell less than as many independent ones.",
    ("t", "correlated"): "Correlated months tell less than as many independent ones.",
    ("holm", "correlated"): "Its tests reject too often, as the t-test does.",
    ("twins", "correlated"): "Correlated months tell less than as many independent ones.",
    "interval_volatility": "Volatility clusters last longer than the blocks, so volatility is less certain than its interval says.",
}


def repeat(draw: Callable[[int], Draw], seeds: Iterable[int], *, workers: int = 1) -> pd.DataFrame:
    """What each draw finds, a row a seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a draw warns of is in what it finds
        if workers == 1:
            return pd.DataFrame([draw(seed) for seed in seeds], dtype=float)
        with ProcessPoolExecutor(workers) as pool:
            return pd.DataFrame(list(pool.map(draw, seeds, chunksize=5)), dtype=float)


def rates(name: str, found: pd.DataFrame) -> list[dict]:
    """A row a test of a case: how often it rejects, with the exact 95 % interval, and between what it should."""
    case, rows = CASES[name], []
    for test in (*case.null, *case.planted):
        known, about = found[test].dropna(), TESTS[test]
        low, high = stats.binomtest(int(known.sum()), len(known)).proportion_ci()
        least, most = WANTED.get((test, name), 0.0), 1.0
        if test in case.null:
            least, most = 0.0 if about.bound else 0.5 * about.nominal, 1.5 * about.nominal
        rows.append({"question": about.question, "test": test, "title": about.title, "case": name, "says": case.says,
                     "null": test in case.null, "nominal": about.nominal, "replications": len(known),
                     "rejects": round(float(known.mean()), 4), "low": round(low, 4), "high": round(high, 4),
                     "least": least, "most": round(most, 4),
                     "remark": REMARKS.get((test, name), REMARKS.get(test, ""))})
    return rows


def told(rates: list[dict]) -> str:
    """Rates in Markdown: a row per test with its lowest and highest, and a line for each that is not as it should be."""
    known = sorted(rates, key=lambda row: list(QUESTIONS).index(row["question"]))
    null = [row for row in rates if row["null"]]
    held = sum(row["least"] <= row["rejects"] <= row["most"] for row in null)
    rows = ["| question | test | level | size | power |", "|---|---|---|---|---|"]
    for test in dict.fromkeys(row["test"] for row in known):
        own = [row for row in known if row["test"] == test]
        rows.append(f"| {QUESTIONS[own[0]['question']]} | {own[0]['title']} | {percent(own[0]['nominal'], 0)} | "
                    f"{_ends([row['rejects'] for row in own if row['null']])} | "
                    f"{_ends([row['rejects'] for row in own if not row['null']])} |")
    surprising = [row for row in known if row["remark"] or not row["least"] <= row["rejects"] <= row["most"]]
    lines = [f"* **{title}**: " + "; ".join(f"{percent(row['rejects'])} if {row['says']}" for row in surprising
                                            if (row["title"], row["remark"]) == (title, remark)) + f". {remark}".rstrip()
             for title, remark in dict.fromkeys((row["title"], row["remark"]) for row in surprising)]
    return "\n".join([f"The size is as it should be in {held} of {len(null)} cases.", "", *rows, "",
                      "These rates differ from the level, or need a word:", "", *lines, ""])


def _ends(found: list[float]) -> str:
    """The lowest and the highest of some rates."""
    ends = dict.fromkeys(percent(end) for end in (min(found), max(found))) if found else ()
    return " to ".join(ends)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(CASES)), help="This case; may be repeated.")
@click.option("--replications", type=click.IntRange(min=1), default=500, show_default=True, help="Draws of each case.")
@click.option("--workers", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Processes.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to keep the rates.",
              default=RATES, show_default=True)
def main(only: tuple[str, ...], replications: int, workers: int, output: Path) -> None:
    """Draw case after case, and keep the rates of its tests in the place of earlier ones."""
    for name in only or CASES:
        rows = rates(name, repeat(CASES[name].draw, range(replications), workers=workers))
        kept = json.loads(output.read_text(encoding="utf-8"))["rates"] if output.exists() else []
        every = rows + [row for row in kept if row["case"] != name]
        every.sort(key=lambda row: list(CASES).index(row["case"]))
        output.write_text(json.dumps({"machine": machine(), "rates": every}, indent=1, allow_nan=False,
                                     ensure_ascii=False) + "\n", encoding="utf-8")
        if output == RATES:
            before, _, after = PAGE.read_text(encoding="utf-8").partition(BEGIN)
            after = after.partition(END_OF_RATES)[2]
            PAGE.write_text(f"{before}{BEGIN}{told(every)}{END_OF_RATES}{after}", encoding="utf-8")
        for row in rows:
            click.echo(f"{name:12}{'null' if row['null'] else 'planted':9}{row['rejects']:8.1%}  {row['title']}")


if __name__ == "__main__":
    main()
