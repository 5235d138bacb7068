"""Prices and a benchmark from a source: the sample inside skfolio, Yahoo, csv files, or a simulated market.

A source is one function, from a study to `Closes`, under its name in `SOURCES`. Nothing is ever made up: a ticker that
the source lacks is an error, unless the study allows it to be missing, and what had to be mended on the way is listed.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forefolio.market import csv_files, simulated, snapshots, universe, yahoo
from forefolio.market.csv_files import Finding, MarketError
from forefolio.market.returns import iso_day, simple_returns
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import listed

TRUTH = ["asset", "lag", "coefficient", "best_r2", "best_r2_over_zero", "annual_volatility", "delisted_on"]


@dataclass(frozen=True)
class Market:
    """Prices as the source has them, before any filter.

    Attributes
    ----------
    prices : DataFrame (n_days, n_assets)
        Adjusted closes, ascending dates, one column a ticker asked for; NaN where the source has none.
    benchmark : DataFrame (n_days, 1)
        The index on the days of `prices`; days that it lacks hold its last value.
    findings : DataFrame (n_findings, 6)
        Columns subject (ticker, benchmark or file), finding, first, last, n_days, treatment: what was found in the
        source, and what was done about it.
    truth : DataFrame (n_assets or 0, 7)
        What no real market tells: the best forecast of each asset and its R2; without rows unless simulated.
    files : list of Path
        What was read, for the manifest.
    """

    prices: pd.DataFrame
    benchmark: pd.DataFrame
    findings: pd.DataFrame
    truth: pd.DataFrame
    files: list[Path]


@dataclass(frozen=True)
class Closes:
    """
    All that a source has, before a study chooses from it.

    Attributes
    ----------
    name : str
        What messages call it: a file's name, as a rule.
    prices : DataFrame (n_days, n_columns)
        Adjusted closes on ascending days, one column a ticker; NaN where there is none.
    files : list of Path
        What was read.
    findings : list of Finding
        What had to be mended.
    levels : DataFrame, optional
        An index of the source's own, where the benchmark is not among `prices`.
    truth : DataFrame
        As `Market.truth`.
    """

    name: str
    prices: pd.DataFrame
    files: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    levels: pd.DataFrame | None = None
    truth: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TRUTH))


def load(study: Study) -> Market:
    """Load the prices and the benchmark that a study asks for, between `start` and `end`.

    Raises
    ------
    MarketError
        One sentence naming the source and the tickers, dates or file that are wrong.
    """
    source = SOURCES[study.source](study)
    wanted = study.tickers or [ticker for ticker in source.prices if ticker != study.benchmark]
    if not wanted:
        raise MarketError(f"{source.name}: has no column beside the benchmark {study.benchmark}; add prices to invest "
                          "in")
    missing = [ticker for ticker in wanted if ticker not in source.prices]
    if missing and not study.allow_missing_tickers:
        raise MarketError(f"tickers: {', '.join(missing)} are not in {source.name}; correct the names, or set "
                          "allow_missing_tickers to true to go on without them")
    days = slice(study.start.isoformat(), study.end.isoformat())
    prices = source.prices.reindex(columns=wanted).loc[days].dropna(how="all")
    if prices.empty:
        covers = source.prices.index
        raise MarketError(f"start, end: {source.name} has no prices from {study.start} to {study.end} of what is asked "
                          f"for; its days go from {iso_day(covers[0])} to {iso_day(covers[-1])}")
    prices.index = prices.index.as_unit("us").rename("date")  # one unit, whatever the source has
    benchmark, found = _benchmark(study, source, prices.index)
    table = pd.DataFrame(source.findings + found, columns=Finding._fields)
    truth = source.truth[source.truth["asset"].isin(wanted)].reset_index(drop=True)
    own = [Path(study.benchmark_path)] if study.benchmark_path else []
    return Market(prices, benchmark, table, truth, source.files + own)


def findings(market: Market, study: Study) -> pd.DataFrame:
    """The market's findings followed by what is strange in its prices, in the columns of `Market.findings`."""
    strange = universe.findings(market.prices, study)
    return pd.DataFrame([*market.findings.itertuples(index=False, name=None), *strange], columns=Finding._fields)


def truth_sentence(truth: pd.DataFrame) -> str:
    """
    What is known about how well the assets can be forecast, in Markdown.

    Examples
    --------
    >>> truth_sentence(pd.DataFrame({"asset": ["A", "B"], "lag": 1, "best_r2": [0.0, 0.05]}))
    'The best possible out-of-sample $R^2$ of a day is **0.05** for 1 of 2 assets (lag 1 day) and 0 for the others.'
    """
    if truth.empty:
        return ("This market is real: nobody knows how well its returns can be forecast, and stage 4 can only compare "
                "forecasts with each other.")
    planted = truth[truth["best_r2"] > 0]
    if planted.empty:
        return (f"This market is simulated with **no** predictability in any of its {len(truth)} assets: a forecaster "
                "that beats the mean of the past in stage 4 was lucky, or leaks.")
    low, high = planted["best_r2"].min(), planted["best_r2"].max()
    others = " and 0 for the others" if len(planted) < len(truth) else ""
    lag = planted["lag"].iloc[0]
    span = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return (f"The best possible out-of-sample $R^2$ of a day is **{span}** for {len(planted)} of "
            f"{len(truth)} assets (lag {lag} {'day' if lag == 1 else 'days'}){others}.")


def equal_weight_index(prices: pd.DataFrame) -> pd.Series:
    """
    An index that holds equal amounts of every ticker with a price, put right again every day.

    Parameters
    ----------
    prices : DataFrame (n_days, n_tickers)
        Adjusted closes; a gap holds the last price, and a ticker whose prices have ended is left out.

    Returns
    -------
    Series (n_days,)
        100 on the first day.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> equal_weight_index(pd.DataFrame({"A": [1.0, 2.0, 2.0], "B": [1.0, 1.0, 2.0]}, index=days)).tolist()
    [100.0, 150.0, 225.0]
    """
    known = universe.known(prices)
    held = known.ffill().where(known.bfill().notna())
    return 100 * (1 + simple_returns(held).mean(axis=1).reindex(prices.index).fillna(0.0)).cumprod()


def _benchmark(study: Study, source: Closes, days: pd.DatetimeIndex) -> tuple[pd.DataFrame, list[Finding]]:
    """The benchmark on the days of the prices, and what was mended in it."""
    levels, found = source.prices if source.levels is None else source.levels, []
    made = study.benchmark_tickers or source.levels is not None and study.benchmark in source.levels
    if made and study.benchmark in source.prices:
        raise MarketError(f"benchmark: {study.benchmark} is a ticker of {source.name}, and the benchmark is made here; "
                          "give it a name of its own")
    place = source.files[-1].name if source.files else source.name
    if study.benchmark_path:
        path = _file(study.benchmark_path, "benchmark_path")
        (levels, found), place = csv_files.read(path), path.name
    if study.benchmark_tickers:
        level, held = _equal_weight_benchmark(study, source, days)
        found = found + held
    elif study.benchmark in levels:
        level = levels[study.benchmark]
    else:
        columns, more = [*map(str, levels.columns[:5])], len(levels.columns) - 5
        columns += [f"{more} more"] if more > 0 else []
        raise MarketError(f"benchmark: {study.benchmark} is not in {place}, which has {listed(columns)}; set benchmark "
                          "to one of its columns")
    known = level.where(level > 0).dropna()
    if known.empty or known.index[0] > days[0] or known.index[-1] < days[-1]:
        covers = f"{iso_day(known.index[0])} to {iso_day(known.index[-1])}" if len(known) else "no day"
        raise MarketError(f"benchmark: {study.benchmark} covers {covers}, and the prices go from {iso_day(days[0])} to "
                          f"{iso_day(days[-1])}; move start or end, or choose another")
    gaps = days.difference(known.index)
    if len(gaps):
        found = [*found, Finding(study.benchmark, "days without a value of the benchmark", gaps[0], gaps[-1], len(gaps),
                                 "holds the last value")]
    return known.reindex(days, method="ffill").to_frame(), found


def _equal_weight_benchmark(study: Study, source: Closes, days: pd.DatetimeIndex) -> tuple[pd.Series, list[Finding]]:
    """A benchmark made of `benchmark_tickers`, and the days on which one of them holds its last price."""
    absent = [ticker for ticker in study.benchmark_tickers if ticker not in source.prices]
    if absent:
        raise MarketError(f"benchmark_tickers: {', '.join(absent)} are not in {source.name}; name tickers that it has")
    members = universe.known(source.prices.loc[days, study.benchmark_tickers])
    absent = members.columns[members.iloc[[0, -1]].isna().any()]
    if len(absent):
        raise MarketError(f"benchmark_tickers: {', '.join(absent)} have no price on the first or the last day, "
                          f"{iso_day(days[0])} and {iso_day(days[-1])}; name others, or move start or end")
    gaps = {ticker: days[members[ticker].isna()] for ticker in members}
    return equal_weight_index(members).rename(study.benchmark), [
        Finding(ticker, "days without a price in the benchmark", gap[0], gap[-1], len(gap), "holds the last price")
        for ticker, gap in gaps.items() if len(gap)]


def _sample(study: Study) -> Closes:
    """The S&P 500 sample inside skfolio: found without importing it, which would take seconds."""
    found = importlib.util.find_spec("skfolio")
    if found is None:
        raise MarketError("source sample: the package skfolio, which carries it, is not installed; run `make run`")
    folder = Path(found.origin).parent / "datasets" / "data"
    files = [folder / "sp500_dataset.csv.gz", folder / "sp500_index.csv.gz"]
    prices, levels = (csv_files.read(path)[0] for path in files)
    return Closes(files[0].name, prices, files, levels=levels)


def _yfinance(study: Study) -> Closes:
    """A snapshot of Yahoo's prices, downloaded where there is none yet."""
    path = fetch(study)
    absent = [Finding(ticker, f"not at Yahoo: {reason}", pd.NaT, pd.NaT, 0, "dropped")
              for ticker, reason in snapshots.sidecar(path)["missing"].items() if ticker in study.tickers]
    return Closes(path.name, snapshots.read(path), [path], absent)


def fetch(study: Study) -> Path:
    """The snapshot of a study of source yfinance: the one at hand, or a new download.

    Raises
    ------
    MarketError
        As `yahoo.fetch`; or the study's source is another one, which has nothing to download.
    """
    if study.source != "yfinance":
        raise MarketError(f"source {study.source}: has nothing to download; only source yfinance has")
    own = [] if study.benchmark_path else study.benchmark_tickers or [study.benchmark]
    return yahoo.fetch([*study.tickers, *own], start=study.start, end=study.end,
                       allow_missing=study.allow_missing_tickers)


def _csv(study: Study) -> Closes:
    """A file of prices."""
    path = _file(study.prices_path, "prices_path")
    prices, found = csv_files.read(path)
    return Closes(path.name, prices, [path], found)


def _simulated(study: Study) -> Closes:
    """A market of our own making; its benchmark holds all of its assets equally while they are listed."""
    days = simulated.trading_days(study.start, study.end, periods_per_year=study.periods_per_year)
    try:
        prices, truth = simulated.factor_market(days, study)
    except ValueError as error:
        raise MarketError(f"source simulated: {error}") from None
    level = equal_weight_index(prices).to_frame(study.benchmark)
    return Closes("the simulated market", prices, levels=level, truth=truth)


def _file(path: str, parameter: str) -> Path:
    """The path that a parameter gives, if there is a file."""
    if not Path(path).is_file():
        raise MarketError(f"{parameter}: there is no file {path}; correct the path")
    return Path(path)


SOURCES: dict[str, Callable[[Study], Closes]] = {  # the function of each name in `vocabulary.SOURCES`
    "sample": _sample, "yfinance": _yfinance, "csv": _csv, "simulated": _simulated}
