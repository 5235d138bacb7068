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
    if not wanted:
        raise MarketError(f"{files[0].name}: has no column beside the benchmark {study.benchmark}; add prices to invest in")
    missing = [ticker for ticker in wanted if ticker not in prices]
    if missing and not study.allow_missing_tickers:
        raise MarketError(f"tickers: {', '.join(missing)} are not in {files[0].name}; correct the names, or set "
                          "allow_missing_tickers to true to go on without them")
    prices = prices.reindex(columns=wanted).loc[days]
    if prices.empty:
        raise MarketError(f"start, end: {files[0].name} has no prices from {study.start} to {study.end}; it covers "
                          f"{levels.index[0]:%Y-%m-%d} to {levels.index[-1]:%Y-%m-%d}")
    level = levels[study.benchmark].where(levels[study.benchmark] > 0)
    known = level.dropna()
    if known.empty or known.index[0] > prices.index[0] or known.index[-1] < prices.index[-1]:
        covers = f"{known.index[0]:%Y-%m-%d} to {known.index[-1]:%Y-%m-%d}" if len(known) else "no day"
        raise MarketError(f"benchmark: {study.benchmark} covers {covers}, and the prices go from "
                          f"{prices.index[0]:%Y-%m-%d} to {prices.index[-1]:%Y-%m-%d}; move start or end, or choose another")
    benchmark = known.reindex(prices.index, method="ffill").to_frame()
    gaps = int((~prices.index.isin(known.index)).sum())
    return Market(prices, benchmark, gaps, files)


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
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0, 1:]
        prices = pd.read_csv(path, index_col=0, dtype={0: str})
        prices.index = pd.to_datetime(prices.index, format="%Y-%m-%d")
        prices = prices.astype(float)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0].split(". You might")[0]
        raise MarketError(f"{path.name}: not a table of dates (2018-12-31) and prices, separated by commas ({reason}); "
                          "mend the file") from None
    if header.duplicated().any() or (header == "").any() or prices.empty:
        raise MarketError(f"{path.name}: two columns of one name, a column without a name, or no rows; mend the file")
    if prices.index.hasnans:
        raise MarketError(f"{path.name}: a row has no date; mend the file")
    if not prices.index.is_unique or not prices.index.is_monotonic_increasing:
        raise MarketError(f"{path.name}: dates repeat or are out of order; sort the file and keep each date once")
    return prices.rename_axis(index="date", columns=None)


def _few(names: pd.Index) -> str:
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
