"""Prices and a benchmark from a source: the sample inside skfolio, Yahoo, csv files, or a simulated market.

A source is one function from a study to `Closes`, listed in `SOURCES` under its name. No price is ever invented. A
ticker that the source lacks is an error, unless the study allows it to be missing. Everything that was repaired is
listed.
"""

import importlib.util
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forefolio.files import content_hash
from forefolio.market import csv_files, simulated, snapshots, universe, yahoo
from forefolio.market.csv_files import Finding, MarketError, found
from forefolio.market.returns import iso_day, simple_returns
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import counted, listed

TRUTH = ["asset", "lag", "coefficient", "best_r2", "best_r2_over_zero", "annual_volatility", "delisted_on"]


@dataclass(frozen=True)
class Market:
    """The prices of a study from its source, before any filter."""

    prices: pd.DataFrame  # one column per requested ticker; NaN if the source has no price
    benchmark: pd.DataFrame  # (n_days, 1), the index on the days of `prices`; missing days keep its last value
    findings: list[Finding]  # what was found in the source, and what was done about it
    truth: pd.DataFrame  # columns `TRUTH`: one row per asset of a simulated market, otherwise no rows
    files: dict[Path, str]  # the files that were read, with their hashes, for the manifest


@dataclass(frozen=True)
class Closes:
    """Everything that a source has, before a study chooses from it."""

    name: str  # its name in messages, usually a file's name
    prices: pd.DataFrame
    files: dict[Path, str] = field(default_factory=dict)  # the files that were read, with their hashes
    findings: list[Finding] = field(default_factory=list)  # what was repaired
    levels: pd.DataFrame | None = None  # an index from the source, if the benchmark is not among `prices`
    truth: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TRUTH))


def load(study: Study) -> Market:
    """Load the prices and the benchmark that a study asks for, between `start` and `end`, or raise MarketError."""
    source = SOURCES[study.source](study)
    wanted = study.tickers or [ticker for ticker in source.prices if ticker != study.benchmark]
    if not wanted:
        raise MarketError(f"{source.name}: has no column beside the benchmark {study.benchmark}; add prices of assets")
    missing = [ticker for ticker in wanted if ticker not in source.prices]
    if missing and not study.allow_missing_tickers:
        raise MarketError(f"tickers: {', '.join(missing)} are not in {source.name}; correct the names, or set "
                          "allow_missing_tickers to true to go on without them")
    days = slice(study.start.isoformat(), study.end.isoformat())
    prices = source.prices.reindex(columns=wanted).loc[days].dropna(how="all")
    if prices.empty:
        raise MarketError(f"start, end: {source.name} has no prices from {study.start} to {study.end} of what is asked "
                          f"for; its days go from {_span(source.prices.index)}")
    prices.index = prices.index.as_unit("us").rename("date")  # one unit, whatever the source has
    still = universe.still_days(prices)
    told = found(source.name, "days on which no asset moves", still, "left out" if study.drop_still_days else "flagged")
    told += found(source.name, f"more than {universe.CLOSING} days without any price before these",
                  universe.holes(prices.index).index, "flagged")
    prices = prices.drop(still) if study.drop_still_days else prices
    benchmark, mended, own = _benchmark(study, source, prices.index)
    prices = prices.loc[benchmark.index]
    truth = source.truth[source.truth["asset"].isin(wanted)].reset_index(drop=True)
    return Market(prices, benchmark, source.findings + told + mended, truth, source.files | own)


def findings(market: Market, study: Study) -> pd.DataFrame:
    """The market's findings, then anything unusual in its prices, with the columns of `Finding`."""
    return pd.DataFrame(market.findings + universe.findings(market.prices, study), columns=Finding._fields)


def truth_sentence(truth: pd.DataFrame) -> str:
    """How well the assets can be forecast, if that is known, in Markdown.

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
    span = " to ".join(dict.fromkeys(f"{r2:.3g}" for r2 in (planted["best_r2"].min(), planted["best_r2"].max())))
    others = " and 0 for the others" if len(planted) < len(truth) else ""
    return (f"The best possible out-of-sample $R^2$ of a day is **{span}** for {len(planted)} of {len(truth)} assets "
            f"(lag {counted(planted['lag'].iloc[0], 'day')}){others}.")


def _benchmark(study: Study, source: Closes,
               days: pd.DatetimeIndex) -> tuple[pd.DataFrame, list[Finding], dict[Path, str]]:
    """The benchmark on the days of the prices (from its first day on), what was repaired, and its own file, if any.

    It may miss first and last days on which only assets that trade around the clock have prices.
    """
    name, levels, mended, own = study.benchmark, source.prices if source.levels is None else source.levels, [], {}
    if name in source.prices and (study.benchmark_tickers or source.levels is not None and name in source.levels):
        raise MarketError(f"benchmark: {name} is a ticker of {source.name}, and the benchmark is made here; give it a "
                          "name of its own")
    place = [*source.files][-1].name if source.files else source.name
    if study.benchmark_path:
        path = _file(study.benchmark_path, "benchmark_path")
        (levels, mended, own), place = _read(path, named=None), path.name
    if study.benchmark_tickers:
        level, held = _of_tickers(study.benchmark_tickers, source, days)
        mended = mended + held
    elif name in levels:
        level = levels[name]
    else:
        more = [f"{len(levels.columns) - 5} more"] if len(levels.columns) > 5 else []
        raise MarketError(f"benchmark: {name} is not in {place}, which has "
                          f"{listed([*map(str, levels.columns[:5]), *more])}; set benchmark to one of its columns")
    known = level.where(level > 0).dropna()
    if known.empty or (known.index[0] > days[0] and not universe.merely_closed(known.index[0], days)) or (
            known.index[-1] < days[-1] and not universe.merely_closed(known.index[-1], days[::-1])):
        covers = _span(known.index) if len(known) else "no day"
        raise MarketError(f"benchmark: {name} covers {covers}, and the prices go from {_span(days)}; move start or "
                          "end, or choose another")
    if 4 * known.index.isin(days).sum() < len(days):
        raise MarketError(f"benchmark: {name} has values on {known.index.isin(days).sum()} of {len(days)} days; choose "
                          "one with a value on every day, or prices with as few")
    early, days = days[days < known.index[0]], days[days >= known.index[0]]
    gaps = found(name, "days before the benchmark's first value", early, "left out") + found(
        name, "days without a value of the benchmark", days.difference(known.index), "holds the last value")
    return known.reindex(days, method="ffill").to_frame(name), mended + gaps, own


def _of_tickers(tickers: list[str], source: Closes, days: pd.DatetimeIndex) -> tuple[pd.Series, list[Finding]]:
    """A benchmark built from tickers, and the days on which one of them keeps its last price."""
    absent = [ticker for ticker in tickers if ticker not in source.prices]
    if absent:
        raise MarketError(f"benchmark_tickers: {', '.join(absent)} are not in {source.name}; name tickers that it has")
    members = universe.known(source.prices.loc[days, tickers])
    absent = members.columns[members.iloc[[0, -1]].isna().any()]
    if len(absent):
        raise MarketError(f"benchmark_tickers: {', '.join(absent)} have no price on the first or the last day, "
                          f"{iso_day(days[0])} and {iso_day(days[-1])}; name others, or move start or end")
    gaps = [found(ticker, "days without a price in the benchmark", days[members[ticker].isna()], "holds the last price")
            for ticker in members]
    return _equal_weight_index(members.ffill()), sum(gaps, [])


def _equal_weight_index(prices: pd.DataFrame) -> pd.Series:
    """An index from 100 that earns the mean return, since their last price, of the tickers with a price on the day.

    Only later is it known whether a price follows a gap, so a gap counts neither as a return of 0 nor as an end.
    """
    daily = simple_returns(prices.ffill()).where(prices.notna())
    return 100 * (1 + daily.mean(axis=1).reindex(prices.index).fillna(0.0)).cumprod()


def _span(days: pd.DatetimeIndex) -> str:
    """First and last day in a message."""
    return f"{iso_day(days[0])} to {iso_day(days[-1])}"


def _sample(study: Study) -> Closes:
    """The S&P 500 sample inside skfolio, found without importing the package, which would take seconds."""
    package = importlib.util.find_spec("skfolio")
    if package is None:
        raise MarketError("source sample: the package skfolio, which carries it, is not installed; run `make run`")
    folder = Path(package.origin).parent / "datasets" / "data"
    files = [folder / "sp500_dataset.csv.gz", folder / "sp500_index.csv.gz"]
    (prices, _, of_prices), (levels, _, of_levels) = map(_read, files)
    return Closes(files[0].name, prices, of_prices | of_levels, levels=levels)


def _yfinance(study: Study) -> Closes:
    """A snapshot of Yahoo's prices, downloaded if there is none yet."""
    path = fetch(study)
    about = snapshots.sidecar(path)
    absent = [Finding(ticker, f"not at Yahoo: {reason}", pd.NaT, pd.NaT, 0, "dropped")
              for ticker, reason in about["missing"].items() if ticker in study.tickers]
    return Closes(path.name, snapshots.read(path, about), {path: about["sha256"]}, absent)


def fetch(study: Study) -> Path:
    """The snapshot of a study with source yfinance: an existing one or a new download."""
    if study.source != "yfinance":
        raise MarketError(f"source {study.source}: has nothing to download; only source yfinance has")
    own = [] if study.benchmark_path else study.benchmark_tickers or [study.benchmark]
    return yahoo.fetch([*study.tickers, *own], start=study.start, end=study.end, minutes=study.fetch_minutes,
                       allow_missing=study.allow_missing_tickers)


def _csv(study: Study) -> Closes:
    """A file of prices; if `tickers` names the columns to read, other columns may hold anything."""
    path = _file(study.prices_path, "prices_path")
    prices, mended, files = _read(path, named=None if study.tickers else {study.benchmark, *study.benchmark_tickers})
    return Closes(path.name, prices, files, mended)


def _simulated(study: Study) -> Closes:
    """A simulated market; its benchmark holds all listed assets with equal weights."""
    days = simulated.trading_days(study.start, study.end, periods_per_year=study.periods_per_year)
    prices, truth = simulated.factor_market(days, study)
    levels = _equal_weight_index(universe.known(prices)).to_frame(study.benchmark)
    return Closes("the simulated market", prices, levels=levels, truth=truth)


def _read(path: Path, named: Collection[str] | None = ()) -> tuple[pd.DataFrame, list[Finding], dict[Path, str]]:
    """The result of `csv_files.read`, and the hash of the bytes that it read."""
    content = csv_files.content(path)
    return *csv_files.read(path, named, content), {path: content_hash(content)}


def _file(path: str, parameter: str) -> Path:
    """The path that a parameter gives, if there is a file."""
    if not Path(path).is_file():
        raise MarketError(f"{parameter}: there is no file {path}; put it there, or name yours with --set "
                          f"{parameter}=FILE")
    return Path(path)


SOURCES: dict[str, Callable[[Study], Closes]] = {  # the function of each name in `vocabulary.SOURCES`
    "sample": _sample, "yfinance": _yfinance, "csv": _csv, "simulated": _simulated}
