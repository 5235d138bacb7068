"""Every name that a study may use (models, frameworks, covariances, sources, metrics), with its title, color and unit.

Plain data, in the order that tables and figures use. All code that lists or labels these names reads them here. The
functions behind the names are in `forecasts/registry`, `portfolios/registry` and `market/sources`.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

EQUAL_WEIGHT, BENCHMARK = "equal_weight", "benchmark"  # the names of equal weight and of the benchmark
FAILED, INEFFICIENT = "failed", "inefficient"  # the solver failed, equal weight is held; the lowest ratio of all
BANKRUPT = "bankrupt"  # status of a strategy that lost all its wealth: it enters no test and ranks last
ZERO, PERFECT = "zero", "perfect foresight"  # a forecast of no return, and the true returns as a forecast
SHOWN, NOT_SHOWN, ABSENT = "shown", "not shown", "shown to be absent"  # the answers to every question about evidence
PASSED = "\N{CHECK MARK}"  # after a name in a figure: this strategy's forecasts passed the gate
_MARK = r"[\\`*$~\[]|<(?=[\w/!?])|&(?=[\w#]+;)|(?<!\w)_|_(?!\w)"
_MARKED = re.compile(rf"(\S*(?:{_MARK})\S*?)([,.;:)]*)(?!\S)")  # a word with a mark of Markdown, and what ends its clause
PERCENT, PLAIN = ".2~%", ".3~f"  # how axes write numbers: at most two decimals of a percentage, three of a ratio


class Model(NamedTuple):
    """A forecasting model."""

    title: str
    color: str  # of the model's own line
    lightness: float  # of its strategies' lines; their hue is that of the framework
    dash: str  # of its strategies' lines; short, because long dashes hide parts of a daily line
    scopes: tuple[str, ...] = ()  # "asset": one network per asset; "joint": one for all assets; empty: not a network


class Framework(NamedTuple):
    """A rule that turns forecasts and risk into weights; a strategy is `<model>+<framework>` or `<framework>`."""

    title: str
    hue: int  # degrees
    saturation: float
    shade: float  # factor of the lightness: hues that color-blind readers confuse differ in it, see tests/report/test_colors.py
    sees: str  # the input of its problem, see `SEES`
    limits: bool  # whether min_weight, max_weight and max_turnover apply
    profile: str  # the investor it is meant for (Nguyen 2025)


class Covariance(NamedTuple):
    """An estimator of the covariance of returns."""

    title: str
    ordered: bool = False  # whether the order of the days matters: the last rows count most
    invertible: bool = False  # even with fewer days than assets
    quick: bool = True  # whether stage 05 compares it when the study did not choose it


class Source(NamedTuple):
    """Where prices come from."""

    title: str
    needs: str = ""  # the parameter that it requires
    finds: str = ""  # what that parameter holds


class Leak(NamedTuple):
    """A mistake that a study makes on purpose."""

    title: str
    sees: str  # which information a decision gets that nobody could have had
    trains: bool = False  # whether it changes how networks are trained


class Metric(NamedTuple):
    """A measure of a strategy or a forecast."""

    title: str
    unit: str  # '' if the title names it
    number: str  # how an axis writes it
    better: str  # higher or lower
    noun: str = ""  # used in sentences; without it, the title


MODELS = {
    "zero": Model("zero", "#8a8a8a", 0.68, "1px,3px"),
    "mean": Model("historical mean", "#6d4412", 0.65, "2px,2px"),
    "mean_frozen": Model("mean of the training period", "#daa225", 0.62, "2px,3px"),
    "ar": Model("autoregression", "#556474", 0.57, "3px,3px"),
    "ridge": Model("ridge regression", "#1d6f4e", 0.35, "4px,2px"),
    "gbm": Model("boosted trees", "#a468fb", 0.44, "4px,2px,1px,2px"),
    "lstm": Model("LSTM", "#a128b3", 0.29, "solid", ("asset", "joint")),
    "cnn1d": Model("1D-CNN", "#25adbe", 0.48, "5px,2px", ("asset",)),
    "rnn": Model("RNN", "#bc8763", 0.60, "5px,2px,2px,2px", ("asset", "joint")),
    "gru": Model("GRU", "#737902", 0.31, "8px,2px", ("asset", "joint")),
    "bilstm": Model("LSTM, both directions", "#262177", 0.53, "8px,2px,2px,2px", ("asset", "joint")),
}
SEES = {  # input of a framework's problem, and whether it holds a forecast; None: depends on `scenarios`
    "mean": True,  # forecast plus its mean error, and the window's covariance
    "forecast": True,  # forecast, and the window's covariance
    "view": True,  # the same, and the past errors of the forecasts
    "shifted": True,  # the window's days, shifted so that their mean is the forecast
    "covariance": None, "path": None,  # covariance of the days that `scenarios` makes, and those days
    "risk": False,  # covariance of the window
    "learned": False,  # weights of trained networks
}
FRAMEWORKS = {
    "mvf": Framework("mean-variance with forecasting", 6, 0.83, 1.10, "mean", True, "return-seeking"),
    "rpp": Framework("risk parity", 228, 0.90, 1.10, "covariance", True, "moderate"),
    "mdp": Framework("minimum drawdown", 175, 0.50, 0.78, "path", True, "conservative"),
    "tangency": Framework("tangency portfolio", 299, 0.32, 0.75, "forecast", False, "long-short"),
    "max_sharpe": Framework("maximum Sharpe ratio", 300, 0.95, 1.22, "forecast", True, "return-seeking"),
    "max_sortino": Framework("maximum Sortino ratio", 5, 0.95, 0.52, "shifted", True, "return-seeking"),
    "black_litterman": Framework("Black-Litterman", 48, 0.32, 1.22, "view", True, "moderate"),
    "min_variance": Framework("minimum variance", 184, 0.80, 1.00, "risk", True, "conservative"),
    "min_cvar": Framework("minimum CVaR", 330, 0.95, 1.22, "path", True, "conservative"),
    "cdar": Framework("minimum CDaR", 139, 0.39, 0.50, "path", True, "conservative"),
    "max_diversification": Framework("maximum diversification", 149, 0.60, 0.74, "risk", True, "moderate"),
    "hrp": Framework("hierarchical risk parity", 201, 0.40, 1.14, "risk", True, "moderate"),
    "dls": Framework("learned weights", 280, 0.78, 0.50, "learned", False, "return-seeking"),
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
    BENCHMARK: "#000000", EQUAL_WEIGHT: "#daae01", "minimum_variance": "#0067d9", "maximum_sharpe": "#c8371e",
    "maximum_sortino": "#218b58", "minimum_cvar": "#ae578b", "tangency": "#5a2589",
}
SOURCES = {
    "sample": Source("20 S&P 500 stocks and the index, from the skfolio package"),
    "yfinance": Source("adjusted closes from Yahoo", "tickers", "names to download"),
    "csv": Source("a file of prices", "prices_path", "the path of a file of prices"),
    "simulated": Source("a simulated factor market"),
}
PAPERS = {"none": "no paper", "zouaoui2025": "Zouaoui & Naas 2025", "nguyen2025": "Nguyen 2025"}  # to reproduce
LEAKS = {  # see `market/leaks`
    "none": Leak("no leak", "nothing but what was known"),
    "printed_split": Leak("printed split", "training includes three quarters of the test days, and no days are left "
                                           "for validation",
                          trains=True),
    "scaler_sees_test": Leak("scaler that sees the test", "networks scale returns by the mean and standard deviation "
                                                          "of all days", trains=True),
    "survivors_only": Leak("survivors only", "assets without a price on some day of the test period are left out"),
    "winners_universe": Leak("universe of winners", "the half of the assets that grew most in the test period"),
    "peek_one_day": Leak("one day ahead", "each decision sees the next day's returns"),
    "full_sample_mean": Leak("mean of the full sample", "the historical mean uses all days, including the test period"),
}
METRICS = {  # metrics that can rank a sweep
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
    """A fraction as a percentage; zero has no sign, and very large numbers are written with a power of ten.

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
    """A value's text for a message, shortened in the middle if it is longer than `most`.

    >>> short("x" * 1000, 20)
    'xxxxxxxxxx ... xxxxx'
    """
    text = str(value)
    return text if len(text) <= most else f"{text[:most // 2]} ... {text[5 - most + most // 2:]}"


def code(text: str) -> str:
    """A text as a code span of Markdown, where JupyterLab, code hosts and the site show it letter by letter.

    Anywhere else, marks in a name would become emphasis, tags or formulas; JupyterLab draws formulas even if a backslash
    stands before `$`. Inside of a table, `|` needs a backslash besides.

    >>> code("a|b"), code("`q`")
    ('`a|b`', '`` `q` ``')
    """
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{space}{text}{space}{fence}"


def literal(text: str) -> str:
    """A text for Markdown in which each word with a mark of Markdown is a code span.

    >>> literal("$x$ and <b>A & B</b>, never move; set min_weight.")
    '`$x$` and `<b>A` & `B</b>`, never move; set min_weight.'
    """
    return _MARKED.sub(lambda found: code(found[1]) + found[2], text)


def lower_is_better(metric: str) -> bool:
    """Whether a lower value of a metric is better; for an unknown name, higher is better."""
    return metric in METRICS and METRICS[metric].better == "lower"


def noun(metric: str) -> str:
    """The name of a metric in a sentence."""
    return METRICS[metric].noun or METRICS[metric].title


def baselines() -> list[str]:
    """Models that are not networks."""
    return [name for name, model in MODELS.items() if not model.scopes]


def reads_forecasts(framework: str, scenarios: str) -> bool:
    """Whether a framework's weights depend on forecasts; with scenarios `history`, days hold none.

    >>> reads_forecasts("rpp", "append"), reads_forecasts("rpp", "history"), reads_forecasts("min_variance", "append")
    (True, False, False)
    """
    known = SEES[FRAMEWORKS[framework].sees]
    return scenarios != "history" if known is None else known


def strategy_name(models: list[str], framework: str) -> str:
    """A strategy's name, from its framework and one model, several models with the same weights, or none.

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


def in_words(name: str, n_models: int) -> str:
    """A strategy's name for readers who do not know the names.

    Parameters
    ----------
    name : of a strategy, such as `cnn1d+mvf`.
    n_models : number of models of which strategies are shown beside it.

    >>> in_words("cnn1d+mvf", 3), in_words("mean=lstm+rpp", 2), in_words("benchmark", 2)
    ('mean-variance (1D-CNN)', 'risk parity (both forecasts)', 'the index')
    """
    models, framework = parts(name)
    titles = {EQUAL_WEIGHT: "equal weight", BENCHMARK: "the index"} | {
        known: entry.title.removesuffix(" with forecasting") for known, entry in FRAMEWORKS.items()}
    if not models:
        return titles.get(framework, framework)
    whose = ", ".join(MODELS[model].title if model in MODELS else model for model in models)
    if len(models) == n_models > 1:
        whose = "both forecasts" if n_models == 2 else f"all {n_models} forecasts"
    return f"{titles.get(framework, framework)} ({whose})"


def apart(name: str) -> list[str]:
    """The single strategies that a joint name stands for.

    >>> apart("mean=lstm+rpp"), apart("hrp")
    (['mean+rpp', 'lstm+rpp'], ['hrp'])
    """
    models, framework = parts(name)
    return [strategy_name([model], framework) for model in models] or [name]


def line(name: str, lines: Iterable[str]) -> str:
    """The line that shows a strategy: alone, joined with others, or without its model; else its own name.

    >>> [line("lstm+rpp", lines) for lines in (["lstm+rpp"], ["mean=lstm+rpp"], ["mvf", "rpp"], ["mvf"])]
    ['lstm+rpp', 'mean=lstm+rpp', 'rpp', 'lstm+rpp']
    """
    of_name = {one: line for line in lines for one in apart(line)}
    return of_name.get(name) or of_name.get(parts(name)[1], name)
