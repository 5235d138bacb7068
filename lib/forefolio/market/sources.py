"""Prices and a benchmark from a source: the sample inside skfolio, Yahoo, csv files, or a simulated market.

Nothing is ever made up: a ticker that the source lacks is an error, unless the study allows it to be missing, and
what had to be mended on the way is listed.
"""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forefolio.market import csv_files, simulated, snapshots, universe, yahoo
from forefolio.market.csv_files import Finding, MarketError
from forefolio.study.parameters import Study

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
class _Source:
    """What a source holds: all its columns, and the levels among which the benchmark is looked for."""

    name: str
    prices: pd.DataFrame
    levels: pd.DataFrame
    findings: list[Finding]
    files: list[Path]
    truth: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TRUTH))


def load(study: Study) -> Market:
    """Load the prices and the benchmark that a study asks for, between `start` and `end`.

    Raises
    ------
    MarketError
        One sentence naming the source and the tickers, dates or file that are wrong.
    """
    source = _SOURCES[study.source](study)
    if study.benchmark_path:
        levels, found = csv_files.read(_file(study.benchmark_path, "benchmark_path"))
        source = _Source(source.name, source.prices, levels, source.findings + found,
                         [*source.files, Path(study.benchmark_path)], source.truth)
    wanted = study.tickers or [ticker for ticker in source.prices if ticker != study.benchmark]
    if not wanted:
        raise MarketError(f"{source.name}: has no column beside the benchmark {study.benchmark}; add prices to invest in")
    missing = [ticker for ticker in wanted if ticker not in source.prices]
    if missing and not study.allow_missing_tickers:
        raise MarketError(f"tickers: {', '.join(missing)} are not in {source.name}; correct the names, or set "
                          "allow_missing_tickers to true to go on without them")
    days = slice(study.start.isoformat(), study.end.isoformat())
    prices = source.prices.reindex(columns=wanted).loc[days].dropna(how="all")
    if prices.empty:
        covers = source.prices.index
        raise MarketError(f"start, end: {source.name} has no prices from {study.start} to {study.end} of what is asked for; "
                          f"its days go from {covers[0]:%Y-%m-%d} to {covers[-1]:%Y-%m-%d}")
    prices.index = prices.index.as_unit("us")  # one unit, whatever the source has
    benchmark, found = _benchmark(study, source, prices.index)
    table = pd.DataFrame(source.findings + found, columns=Finding._fields)
    truth = source.truth[source.truth["asset"].isin(wanted)].reset_index(drop=True)
    return Market(prices, benchmark, table, truth, source.files)


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
        return (f"This market is simulated with **no** predictability in any of its {len(truth)} assets: a forecaster that "
                "beats the mean of the past in stage 4 was lucky, or leaks.")
    low, high = planted["best_r2"].min(), planted["best_r2"].max()
    others = " and 0 for the others" if len(planted) < len(truth) else ""
    lag = planted["lag"].iloc[0]
    return (f"The best possible out-of-sample $R^2$ of a day is **{low:.3g}{'' if low == high else f' to {high:.3g}'}** for "
            f"{len(planted)} of {len(truth)} assets (lag {lag} {'day' if lag == 1 else 'days'}){others}.")


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
    >>> equal_weight_index(pd.DataFrame({"A": [1.0, 2.0, 2.0], "B": [1.0, 1.0, 2.0]})).tolist()
    [100.0, 150.0, 225.0]
    """
    known = universe.known(prices)
    alive = known.bfill().notna()
    daily = known.ffill().where(alive).pct_change(fill_method=None).mean(axis=1).fillna(0.0)
    return 100 * (1 + daily).cumprod()


def _benchmark(study: Study, source: _Source, days: pd.DatetimeIndex) -> tuple[pd.DataFrame, list[Finding]]:
    """The benchmark on the days of the prices, and the days on which it had to hold its last value."""
    found: list[Finding] = []
    if study.benchmark in source.prices and (study.benchmark_tickers or study.source == "simulated"):
        raise MarketError(f"benchmark: {study.benchmark} is a ticker of {source.name}, and the benchmark is made here; give "
                          "it a name of its own")
    if study.benchmark_tickers:
        absent = [ticker for ticker in study.benchmark_tickers if ticker not in source.prices]
        if absent:
            raise MarketError(f"benchmark_tickers: {', '.join(absent)} are not in {source.name}; name tickers that it has")
        members = universe.known(source.prices.loc[days, study.benchmark_tickers])
        absent = members.columns[members.iloc[[0, -1]].isna().any()]
        if len(absent):
            raise MarketError(f"benchmark_tickers: {', '.join(absent)} have no price on the first or the last day, "
                              f"{days[0]:%Y-%m-%d} and {days[-1]:%Y-%m-%d}; name others, or move start or end")
        level = equal_weight_index(members).rename(study.benchmark)
        held = [(ticker, days[members[ticker].isna()]) for ticker in members if members[ticker].isna().any()]
        found = [Finding(ticker, "days without a price in the benchmark", gap[0], gap[-1], len(gap), "holds the last price")
                 for ticker, gap in held]
    elif study.benchmark not in source.levels:
        raise MarketError(f"benchmark: {study.benchmark} is not in {source.files[-1].name if source.files else source.name}, "
                          f"which has {_few(source.levels.columns)}; set benchmark to one of its columns")
    else:
        level = source.levels[study.benchmark]
    known = level.where(level > 0).dropna()
    if known.empty or known.index[0] > days[0] or known.index[-1] < days[-1]:
        covers = f"{known.index[0]:%Y-%m-%d} to {known.index[-1]:%Y-%m-%d}" if len(known) else "no day"
        raise MarketError(f"benchmark: {study.benchmark} covers {covers}, and the prices go from "
                          f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; move start or end, or choose another")
    gaps = days.difference(known.index)
    if len(gaps):
        found.append(Finding(study.benchmark, "days without a value of the benchmark", gaps[0], gaps[-1], len(gaps),
                             "holds the last value"))
    return known.reindex(days, method="ffill").to_frame(), found


def _sample(study: Study) -> _Source:
    """The S&P 500 sample inside skfolio: found without importing it, which would take seconds."""
    found = importlib.util.find_spec("skfolio")
    if found is None:
        raise MarketError("source sample: the package skfolio, which carries it, is not installed; run `make run`")
    folder = Path(found.origin).parent / "datasets" / "data"
    files = [folder / "sp500_dataset.csv.gz", folder / "sp500_index.csv.gz"]
    prices, levels = (csv_files.read(path)[0] for path in files)
    return _Source(files[0].name, prices, levels, [], files)


def _yfinance(study: Study) -> _Source:
    """A snapshot of Yahoo's prices, downloaded where there is none yet."""
    path = fetch(study)
    prices, about = snapshots.read(path), snapshots.sidecar(path)
    absent = [Finding(ticker, f"not at Yahoo: {reason}", pd.NaT, pd.NaT, 0, "dropped")
              for ticker, reason in about["missing"].items() if ticker in study.tickers]
    return _Source(path.name, prices, prices, absent, [path])


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
    return yahoo.fetch([*study.tickers, *own], start=study.start, end=study.end, allow_missing=study.allow_missing_tickers)


def _csv(study: Study) -> _Source:
    path = _file(study.prices_path, "prices_path")
    prices, found = csv_files.read(path)
    return _Source(path.name, prices, prices, found, [path])


def _simulated(study: Study) -> _Source:
    """A market of our own making; its benchmark holds all of its assets equally while they are listed."""
    days = simulated.trading_days(study.start, study.end, periods_per_year=study.periods_per_year)
    try:
        prices, truth = simulated.factor_market(
            days, n_assets=study.simulated_assets, mean=study.simulated_mean, volatility=study.simulated_volatility,
            correlation=study.simulated_correlation, n_groups=study.simulated_groups,
            group_correlation=study.simulated_group_correlation, arch=study.simulated_arch, garch=study.simulated_garch,
            degrees_of_freedom=study.simulated_tail, predictability=study.predictability, lag=study.predictability_lag,
            n_delisted=study.simulated_delistings, periods_per_year=study.periods_per_year, seed=study.seed)
    except ValueError as error:
        raise MarketError(f"source simulated: {error}") from None
    return _Source("the simulated market", prices, equal_weight_index(prices).to_frame(study.benchmark), [], [], truth)


_SOURCES = {"sample": _sample, "yfinance": _yfinance, "csv": _csv, "simulated": _simulated}


def _file(path: str, parameter: str) -> Path:
    if not Path(path).is_file():
        raise MarketError(f"{parameter}: there is no file {path}; correct the path")
    return Path(path)


def _few(names: pd.Index) -> str:
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
