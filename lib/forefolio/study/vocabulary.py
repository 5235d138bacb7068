"""Every name that a study may use: models, frameworks, covariances, sources and metrics, with what is said and drawn of each.

Plain data, in the order in which choices, tables and figures have them. Everything that lists or labels such names reads
it here. A room puts the function under the name: `forecasts/registry`, `portfolios/registry`, `market/sources`.
"""

from collections.abc import Iterable
from typing import NamedTuple

EQUAL_WEIGHT, BENCHMARK = "equal_weight", "benchmark"  # the strategies without a model
FAILED, INEFFICIENT = "failed", "inefficient"  # statuses: equal weight is held instead; the lowest ratio of all
BANKRUPT = "bankrupt"  # the status of a strategy that lost all its wealth: tested nowhere, ranked last
ZERO, PERFECT = "zero", "perfect foresight"  # forecasts that say nothing, and those that nobody can make
SHOWN, NOT_SHOWN, ABSENT = "shown", "not shown", "shown to be absent"  # the answers to every question about evidence
PASSED = "\N{CHECK MARK}"  # in a legend: this strategy's forecasts passed the gate
PERCENT, PLAIN = ".2~%", ".3~f"  # how axes write numbers: at most two decimals of a percentage, three of a ratio


class Model(NamedTuple):
    """A forecasting model."""

    title: str
    color: str  # of its own line
    lightness: float  # of the lines of its strategies, whose hue is their framework's
    dash: str  # of the same; short dashes, because long ones tear a daily line apart
    scopes: tuple[str, ...] = ()  # one network per asset, one for all assets jointly, or no network at all


class Framework(NamedTuple):
    """A way from forecasts and risk to weights; a strategy is `<model>+<framework>`, or `<framework>` without a model."""

    title: str
    hue: int  # degrees
    saturation: float
    shade: float  # factor of the lightness: green looks lighter than red or blue of the same lightness
    sees: str  # what it is solved on, see `SEES`
    limits: bool  # whether min_weight, max_weight and max_turnover hold for it
    profile: str  # the investor it is meant for (Nguyen 2025)


class Covariance(NamedTuple):
    """An estimator of the covariance of returns."""

    title: str
    ordered: bool = False  # whether it takes the last days for the newest, which count most
    invertible: bool = False  # however few the days are
    quick: bool = True  # whether stage 05 compares it where it was not chosen


class Source(NamedTuple):
    """Where prices come from."""

    title: str
    needs: str = ""  # the parameter without which it has nothing to read
    finds: str = ""  # what that parameter gives it


class Leak(NamedTuple):
    """A mistake that a study makes on purpose."""

    title: str
    sees: str  # what reaches a decision though nobody could know it
    trains: bool = False  # whether it acts where networks are trained, so that what it buys takes a training to know


class Metric(NamedTuple):
    """A measure of a strategy or a forecast."""

    title: str
    unit: str  # '' where the title has it
    number: str  # how an axis writes it
    better: str  # higher or lower
    noun: str = ""  # in a sentence; the title where there is none


MODELS = {
    "zero": Model("zero", "#9a9a9a", 0.77, "1px,3px"),
    "mean": Model("historical mean", "#96714a", 0.66, "2px,2px"),
    "mean_frozen": Model("mean of the training period", "#b08d57", 0.70, "2px,3px"),
    "ar": Model("autoregression", "#58697c", 0.72, "3px,3px"),
    "ridge": Model("ridge regression", "#2f6b4f", 0.44, "4px,2px"),
    "gbm": Model("boosted trees", "#7b4b94", 0.51, "4px,2px,1px,2px"),
    "lstm": Model("LSTM", "#8a1c5a", 0.30, "solid", ("asset", "joint")),
    "cnn1d": Model("1D-CNN", "#0b8f93", 0.48, "5px,2px", ("asset",)),
    "rnn": Model("RNN", "#c06a2b", 0.62, "5px,2px,2px,2px", ("asset", "joint")),
    "gru": Model("GRU", "#6d7a12", 0.39, "8px,2px", ("asset", "joint")),
    "bilstm": Model("LSTM, both directions", "#3d3f9e", 0.56, "8px,2px,2px,2px", ("asset", "joint")),
}
SEES = {  # what a framework is solved on, and whether that has a forecast in it; of None `scenarios` tells
    "mean": True,  # forecast with its mean error, covariance of the window
    "forecast": True,  # forecast as it is, covariance of the window
    "view": True,  # the same, and what errors the forecasts had
    "shifted": True,  # the window's days, moved until their mean is the forecast
    "covariance": None, "path": None,  # of days that `scenarios` informs by forecasts, and these days themselves
    "risk": False,  # covariance of the window
    "learned": False,  # weights of trained networks
}
FRAMEWORKS = {
    "mvf": Framework("mean-variance with forecasting", 12, 0.72, 1.0, "mean", True, "return-seeking"),
    "rpp": Framework("risk parity", 212, 0.72, 1.0, "covariance", True, "moderate"),
    "mdp": Framework("minimum drawdown", 145, 0.5, 0.85, "path", True, "conservative"),
    "tangency": Framework("tangency portfolio", 280, 0.6, 1.0, "forecast", False, "long-short"),
    "max_sharpe": Framework("maximum Sharpe ratio", 340, 0.6, 1.0, "forecast", True, "return-seeking"),
    "max_sortino": Framework("maximum Sortino ratio", 28, 0.6, 0.9, "shifted", True, "return-seeking"),
    "black_litterman": Framework("Black-Litterman", 70, 0.6, 0.8, "view", True, "moderate"),
    "min_variance": Framework("minimum variance", 195, 0.75, 0.85, "risk", True, "conservative"),
    "min_cvar": Framework("minimum CVaR", 305, 0.45, 1.0, "path", True, "conservative"),
    "cdar": Framework("minimum CDaR", 115, 0.45, 0.85, "path", True, "conservative"),
    "max_diversification": Framework("maximum diversification", 170, 0.6, 0.85, "risk", True, "moderate"),
    "hrp": Framework("hierarchical risk parity", 245, 0.6, 1.0, "risk", True, "moderate"),
    "dls": Framework("learned weights", 325, 0.6, 1.0, "learned", False, "return-seeking"),
}
COVARIANCES = {
    "sample": Covariance("sample"),
    "ledoit_wolf": Covariance("Ledoit-Wolf shrinkage", invertible=True),
    "ewma": Covariance("exponentially weighted", ordered=True),
    "denoised": Covariance("denoised by Marchenko-Pastur"),
    "gerber": Covariance("Gerber statistic"),
    "garch": Covariance("constant-correlation GARCH", ordered=True, quick=False),  # a fit per asset and date
}
PORTFOLIOS = {  # single portfolios and their colors
    BENCHMARK: "#000000", EQUAL_WEIGHT: "#c99700", "minimum_variance": "#1f5fa8", "maximum_sharpe": "#c8371e",
    "maximum_sortino": "#2b8a4b", "minimum_cvar": "#b0559b", "tangency": "#6b2fa0",
}
SOURCES = {
    "sample": Source("20 S&P 500 stocks and the index, from the skfolio package"),
    "yfinance": Source("adjusted closes from Yahoo", "tickers", "names to download"),
    "csv": Source("a file of prices", "prices_path", "the path of a file of prices"),
    "simulated": Source("a simulated factor market"),
}
PAPERS = {"none": "no paper", "zouaoui2025": "Zouaoui & Naas 2025", "nguyen2025": "Nguyen 2025"}  # that a study may reproduce
LEAKS = {  # see `market/leaks`
    "none": Leak("no leak", "nothing but what was known"),
    "printed_split": Leak("printed split", "networks are trained on three quarters of the test days too, and none validate",
                          trains=True),
    "scaler_sees_test": Leak("scaler that sees the test", "the z-scores of networks have the mean and deviation of all "
                             "days", trains=True),
    "survivors_only": Leak("survivors only", "assets that miss a trading day of the test period are left out"),
    "winners_universe": Leak("universe of winners", "the half of the assets that grew most in the test period"),
    "peek_one_day": Leak("one day ahead", "a decision sees the next day's returns"),
    "full_sample_mean": Leak("mean of the full sample", "the historical mean is that of all days, the test included"),
}
METRICS = {  # those that a sweep may rank by
    "sharpe": Metric("Sharpe ratio", "annual", PLAIN, "higher"),
    "sortino": Metric("Sortino ratio", "annual", PLAIN, "higher"),
    "total_return": Metric("total return, compounded", "%", PERCENT, "higher"),
    "annual_return": Metric("return, compounded", "% a year", PERCENT, "higher", "return"),
    "annual_volatility": Metric("volatility", "% a year", PERCENT, "lower"),
    "max_drawdown": Metric("maximum drawdown, compounded", "%", PERCENT, "higher", "drawdown"),  # 0 or below
    "cvar_95": Metric("mean of the worst 5 % of days", "% lost", PERCENT, "lower"),
    "mean_monthly_excess": Metric("mean excess", "% points a month", PERCENT, "higher"),
    "std_monthly_excess": Metric("deviation of the excess", "% points a month", PERCENT, "lower"),
    "information_ratio": Metric("information ratio", "monthly", PLAIN, "higher"),
    "turnover": Metric("turnover, one-way", "% a rebalance", PERCENT, "lower", "turnover"),
    "validation_mae": Metric("validation MAE", "mean over assets, % a day", ".3~%", "lower"),
}


def percent(value: float, digits: int = 1) -> str:
    """A fraction in percent; what rounds to zero has no sign, and what has more than eight digits stands in powers.

    >>> percent(-0.0001), percent(0.125), percent(3e7)
    ('0.0 %', '12.5 %', '3.0e+09 %')
    """
    if abs(value) >= 1e6:
        return f"{100 * value:.{digits}e} %"
    return f"{round(100 * value, digits) + 0.0:.{digits}f} %"  # adding 0 turns -0 into 0


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: 1 day, 2 days."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def listed(names: list[str], last: str = "and") -> str:
    """Names in a sentence: a, b and c."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def short(value: object, most: int = 100) -> str:
    """A value as a message shows it: its text, cut in the middle where it is longer than `most`.

    >>> short("x" * 1000, 20)
    'xxxxxxxxxx ... xxxxx'
    """
    text = str(value)
    return text if len(text) <= most else f"{text[:most // 2]} ... {text[5 - most + most // 2:]}"


def lower_is_better(metric: str) -> bool:
    """Whether a lower value of a metric is the better one; of a name that is no metric a higher one is."""
    return metric in METRICS and METRICS[metric].better == "lower"


def noun(metric: str) -> str:
    """What a metric is called in a sentence."""
    return METRICS[metric].noun or METRICS[metric].title


def baselines() -> list[str]:
    """Models that are no networks."""
    return [name for name, model in MODELS.items() if not model.scopes]


def reads_forecasts(framework: str, scenarios: str) -> bool:
    """Whether a framework's weights depend on forecasts; days that are `history` have none in them.

    >>> reads_forecasts("rpp", "append"), reads_forecasts("rpp", "history"), reads_forecasts("min_variance", "append")
    (True, False, False)
    """
    known = SEES[FRAMEWORKS[framework].sees]
    return scenarios != "history" if known is None else known


def strategy_name(models: list[str], framework: str) -> str:
    """The name of a framework's weights: of one model, of several that came to the same weights, or of none.

    >>> strategy_name(["lstm"], "mvf"), strategy_name(["mean", "lstm"], "rpp"), strategy_name([], "hrp")
    ('lstm+mvf', 'mean=lstm+rpp', 'hrp')
    """
    return f"{'='.join(models)}+{framework}" if models else framework


def parts(strategy: str) -> tuple[list[str], str]:
    """The models and the framework of a strategy's name.

    >>> parts("mean=lstm+rpp"), parts("hrp")
    ((['mean', 'lstm'], 'rpp'), ([], 'hrp'))
    """
    models, _, framework = strategy.rpartition("+")
    return models.split("=") if models else [], framework


def apart(name: str) -> list[str]:
    """The names, of one model each or of none, of the strategies that stand under one name.

    >>> apart("mean=lstm+rpp"), apart("hrp")
    (['mean+rpp', 'lstm+rpp'], ['hrp'])
    """
    models, framework = parts(name)
    return [strategy_name([model], framework) for model in models] or [name]


def line(name: str, lines: Iterable[str]) -> str:
    """Of several names that under which a strategy stands: alone, with others, or without its model; else its own.

    >>> [line("lstm+rpp", lines) for lines in (["lstm+rpp"], ["mean=lstm+rpp"], ["mvf", "rpp"], ["mvf"])]
    ['lstm+rpp', 'mean=lstm+rpp', 'rpp', 'lstm+rpp']
    """
    of_name = {one: line for line in lines for one in apart(line)}
    return of_name.get(name) or of_name.get(parts(name)[1], name)
