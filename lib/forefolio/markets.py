"""Prices and a benchmark from a source: the sample that ships with skfolio, or csv files.

Nothing is ever made up: a ticker that the source lacks is an error, unless the study allows it to be missing.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forefolio.study import Study


class MarketError(ValueError):
    """A source that does not hold what the study asks for; the message is one sentence."""


@dataclass(frozen=True)
class Market:
    """Prices as the source has them, before any filter.

    Attributes
    ----------
    prices : DataFrame (n_days, n_assets)
        Adjusted closes, ascending dates, one column a ticker asked for; NaN where the source has none.
    benchmark : DataFrame (n_days, 1)
        The index on the days of `prices`; days that it lacks hold its last value.
    benchmark_gaps : int
        How many days had to hold the benchmark's last value.
    files : list of Path
        What was read, for the manifest.
    """

    prices: pd.DataFrame
    benchmark: pd.DataFrame
    benchmark_gaps: int
    files: list[Path]


def load(study: Study) -> Market:
    """Load the prices and the benchmark that a study asks for, between `start` and `end`.

    Raises
    ------
    MarketError
        One sentence naming the source and the tickers, dates or file that are wrong.
    """
    files = _SOURCES[study.source](study)
    prices = _read(files[0])
    levels = _read(files[1]) if len(files) > 1 else prices
    if study.benchmark not in levels:
        raise MarketError(f"benchmark: {study.benchmark} is not in {files[-1].name}, which has "
                          f"{_few(levels.columns)}; set benchmark to one of its columns")
    days = slice(study.start.isoformat(), study.end.isoformat())
    wanted = study.tickers or [ticker for ticker in prices.columns if ticker != study.benchmark]
    missing = [ticker for ticker in wanted if ticker not in prices]
    if missing and not study.allow_missing_tickers:
        raise MarketError(f"tickers: {', '.join(missing)} are not in {files[0].name}; correct the names, or set "
                          "allow_missing_tickers to true to go on without them")
    prices = prices.reindex(columns=wanted).loc[days]
    if prices.empty:
        raise MarketError(f"start, end: {files[0].name} has no prices from {study.start} to {study.end}; it covers "
                          f"{levels.index[0]:%Y-%m-%d} to {levels.index[-1]:%Y-%m-%d}")
    raw = levels[[study.benchmark]].reindex(prices.index)
    benchmark = levels[[study.benchmark]].ffill().reindex(prices.index, method="ffill")
    if benchmark.iloc[0].isna().any():
        raise MarketError(f"benchmark: {study.benchmark} starts after {prices.index[0]:%Y-%m-%d}, the first day of "
                          "prices; move start, or choose another benchmark")
    return Market(prices, benchmark, int(raw.isna().sum().iloc[0]), files)


def _sample(study: Study) -> list[Path]:
    """The S&P 500 sample inside skfolio: found without importing it, which would take seconds."""
    found = importlib.util.find_spec("skfolio")
    if found is None:
        raise MarketError("source sample: the package skfolio, which carries it, is not installed; run `make run`")
    folder = Path(found.origin).parent / "datasets" / "data"
    return [folder / "sp500_dataset.csv.gz", folder / "sp500_index.csv.gz"]


def _csv(study: Study) -> list[Path]:
    files = [Path(path) for path in (study.prices_path, study.benchmark_path) if path]
    for path in files:
        if not path.is_file():
            raise MarketError(f"source csv: there is no file {path}; correct prices_path or benchmark_path")
    return files


_SOURCES = {"sample": _sample, "csv": _csv}


def _read(path: Path) -> pd.DataFrame:
    """A wide file of prices: ISO dates in the first column, one column a ticker."""
    try:
        prices = pd.read_csv(path, index_col=0)
        prices.index = pd.to_datetime(prices.index, format="%Y-%m-%d")
        prices = prices.astype(float)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0]
        raise MarketError(f"{path.name}: not a table of dates (2018-12-31) and prices ({reason}); mend the file") from None
    if not prices.index.is_unique or not prices.index.is_monotonic_increasing:
        raise MarketError(f"{path.name}: dates repeat or are out of order; sort the file and keep each date once")
    return prices.rename_axis(index="date", columns=None)


def _few(names: pd.Index) -> str:
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
