"""A backtest of many rebalances through `decisions.decide`, and the same problems through other libraries.

All get their inputs from the same functions: window, expected returns, path. skfolio is in the lock; Riskfolio-Lib and
PyPortfolioOpt are not, and are measured where they are found (a folder on PYTHONPATH will do).
"""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import product
from statistics import median

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.timing import in_turns, processor_seconds, ratio
from forefolio.forecasts import baselines
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.portfolios import decisions
from forefolio.portfolios.registry import Terms
from forefolio.market.returns import rebalance_dates, simple_returns
from forefolio.market.simulated import factor_market, trading_days
from forefolio.study.parameters import Study

GAMMA, WINDOW, RESIDUALS = 1.0, 250, 30
FRAMEWORKS = ("mvf", "rpp", "mdp")
TERMS = Terms.of(Study(estimation_window=WINDOW, residual_window=RESIDUALS, risk_aversion=GAMMA,
                       drawdown_path="uncompounded"))
STATED = {  # what a library is asked for each framework; '' where it cannot express the problem
    "skfolio": {"mvf": "MeanRisk, maximize utility, variance", "rpp": "RiskBudgeting, variance",
                "mdp": "MeanRisk, minimize maximum drawdown (uncompounded)"},
    "riskfolio": {"mvf": "optimization, Utility with MV", "rpp": "rp_optimization, MV",
                  "mdp": "optimization, MinRisk with MDD (uncompounded)"},
    "pypfopt": {"mvf": "EfficientFrontier.max_quadratic_utility with twice gamma", "rpp": "",
                "mdp": "EfficientCDaR.min_cdar, its tail half a day: the maximum (uncompounded)"},
}


def stocks() -> pd.DataFrame:
    """Prices of the stocks that skfolio has as a sample."""
    from skfolio.datasets import load_sp500_dataset

    return load_sp500_dataset()


def known(n_rebalances: int, n_assets: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DatetimeIndex]:
    """Returns of a market, forecasts by their mean and by autoregression, and the last rebalance dates.

    The market is skfolio's sample of stocks; more assets than it has are a simulated market of the same years.
    """
    prices = stocks().loc["2014":].iloc[:, :n_assets]
    if n_assets > prices.shape[1]:
        days = trading_days(prices.index[0], prices.index[-1], periods_per_year=252)
        prices, _ = factor_market(days, Study(simulated_assets=n_assets))
    returns = simple_returns(prices).copy()  # in one block, from which all libraries take their samples faster
    ends = {"train_end": "2018-12-31", "validation_end": "2020-12-31"}
    schedule = forecast_schedule(returns.index, **ends)
    made = [baselines.historical_mean(returns, schedule),
            baselines.autoregression(returns, schedule, train_end=ends["train_end"], lags=5)]
    dates = rebalance_dates(returns.index, validation_end=ends["validation_end"])[-n_rebalances:]
    return returns, pd.concat(made, ignore_index=True), dates


def ours(returns: pd.DataFrame, made: pd.DataFrame, dates: pd.DatetimeIndex, frameworks: list[str]) -> np.ndarray:
    """Our weights, (n_rebalances * n_models * n_frameworks, n_assets), in this order."""
    weights, _ = decisions.decide(
        returns, made, returns.notna(), rebalance_dates=dates, frameworks=frameworks, terms=TERMS)
    decided = weights[weights["strategy"] != "equal_weight"]
    return decided["weight"].to_numpy().reshape(-1, returns.shape[1])


def theirs(solvers: dict[str, Callable[[pd.DataFrame], np.ndarray]], returns: pd.DataFrame, made: pd.DataFrame,
           dates: pd.DatetimeIndex, frameworks: list[str]) -> np.ndarray:
    """The same weights by another library's functions from a sample of returns."""
    solved = []
    by_model = {model: decisions.average_over_seeds(made, model=model) for model in made["model"].unique()}
    for date in dates:
        window = TERMS.window(returns, date)
        for of_model, framework in product(by_model.values(), frameworks):
            if framework == "mvf":  # a sample with the mean that is expected, and the covariance of the window
                mu = decisions.expected_returns(of_model, returns, date=date, terms=TERMS)["mu"]
                sample = window - window.mean() + mu
            else:
                sample = decisions.scenario_path(of_model, window, date=date, terms=TERMS)
            solved.append(solvers[framework](sample))
    return np.array(solved)


def _skfolio() -> dict[str, Callable]:
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting

    utility = dict(objective_function=ObjectiveFunction.MAXIMIZE_UTILITY, risk_aversion=GAMMA)
    return {"mvf": lambda sample: MeanRisk(**utility, risk_measure=RiskMeasure.VARIANCE).fit(sample).weights_,
            "rpp": lambda sample: RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(sample).weights_,
            "mdp": lambda sample: MeanRisk(risk_measure=RiskMeasure.MAX_DRAWDOWN).fit(sample).weights_}


def _riskfolio() -> dict[str, Callable]:
    import riskfolio

    def portfolio(sample):
        made = riskfolio.Portfolio(returns=sample)
        made.assets_stats(method_mu="hist", method_cov="hist")
        return made

    def best(sample, **options):
        return portfolio(sample).optimization(model="Classic", rf=0, hist=True, **options)["weights"].to_numpy()

    return {"mvf": lambda sample: best(sample, rm="MV", obj="Utility", l=GAMMA),
            "rpp": lambda sample: portfolio(sample).rp_optimization(model="Classic", rm="MV", rf=0)["weights"].to_numpy(),
            "mdp": lambda sample: best(sample, rm="MDD", obj="MinRisk")}


def _pypfopt() -> dict[str, Callable]:
    import pypfopt

    def utility(sample):
        problem = pypfopt.EfficientFrontier(sample.mean(), sample.cov())
        return np.array(list(problem.max_quadratic_utility(risk_aversion=2 * GAMMA).values()))  # it takes half of gamma

    def drawdown(sample):
        problem = pypfopt.EfficientCDaR(sample.mean(), sample, beta=1 - 0.5 / len(sample))
        return np.array(list(problem.min_cdar().values()))

    return {"mvf": utility, "mdp": drawdown}


LIBRARIES = {"skfolio": _skfolio, "riskfolio": _riskfolio, "pypfopt": _pypfopt}


def compare(*, n_rebalances: int, sizes: tuple[int, ...], rounds: int) -> dict:
    """Processor seconds of each library's backtest over ours, by number of assets and framework.

    Linear algebra has one thread, as in a sweep: two threads for such small matrices wait for each other if anything
    else runs on the machine, in all libraries alike.
    """
    with threadpool_limits(1):
        return {"how": f"{n_rebalances} rebalances, forecasts by mean and ar, {', '.join(FRAMEWORKS)}; processor seconds "
                       "with one thread of linear algebra, without imports and without what is compiled once; more than "
                       f"the {stocks().shape[1]} stocks of skfolio's sample are a simulated market",
                **{f"assets_{n}": _of_assets(known(n_rebalances, n), rounds) for n in sizes},
                "problems": STATED}


def _of_assets(data: tuple, rounds: int) -> dict:
    """The ratios of each library on one market."""
    found = {}
    for library, load in LIBRARIES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, on solvers and on styles of sums
            try:
                found[library] = _against(load(), data, rounds)
            except ImportError as error:
                found[library] = {"state": f"not installed ({error})"}
            except Exception as error:  # whatever another library raises is its result, not the end of ours
                found[library] = {"state": f"failed ({type(error).__name__}: {error})"}
    return found


def _against(solvers: dict[str, Callable], data: tuple, rounds: int) -> dict:
    """One library's ratios to ours, measured in turns, and how far its weights are from ours."""
    sides, weights = {"theirs": partial(theirs, solvers), "ours": ours}, {}
    returns, forecasts, dates = data
    for backtest in sides.values():
        backtest(returns, forecasts, dates[:1], list(solvers))  # not measured: imports, and what is compiled once

    def measurement(framework, side):
        return lambda: processor_seconds(lambda: weights.update({(framework, side): sides[side](*data, [framework])}))

    asked = {(framework, side): measurement(framework, side) for framework in solvers for side in sides}
    spent, found = in_turns(asked, rounds=rounds), {}
    for framework in solvers:
        target = {"mvf": "at least 2", "mdp": "at least 1"}.get(framework, "")
        apart = abs(weights[framework, "theirs"] - weights[framework, "ours"]).max(axis=1)
        compared = ratio("theirs", spent[framework, "theirs"], "ours", spent[framework, "ours"], target=target)
        found[framework] = compared | {
            "largest_difference_of_a_weight": {"median": float(f"{median(apart):.2g}"), "worst": float(f"{apart.max():.2g}")}}
    return found
