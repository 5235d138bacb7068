"""Checks before any kernel starts that universe, periods and windows of a study fit its market."""

from pathlib import Path
from typing import NamedTuple

from forefolio.forecasts import own, registry as forecast
from forefolio.market import leaks, returns, sources, universe
from forefolio.performance import metrics
from forefolio.portfolios import registry as decided
from forefolio.runs import contracts
from forefolio.study.parameters import Study, StudyError, as_parameters

NEEDED = (forecast.needed_days, universe.needed_days, decided.needed_days, metrics.needed_days)  # per room


class Fitted(NamedTuple):
    """Facts about a study's market, known before any kernel starts.

    `days` counts the days of each period, of `all` periods, and those `known` at the first rebalance.
    """

    outside: dict[str, dict[Path, str]]  # files with their hashes, by the stage that reads them
    n_assets: int  # number of assets that may be held
    days: dict[str, int]


class Markets:
    """Markets of many studies; each market is loaded once."""

    def __init__(self) -> None:
        self._makes = set(contracts.declared_parameters("01_data")) - {"study"}
        self._known: dict[str, Fitted] = {}

    def of(self, study: Study) -> Fitted:
        """The market of a study, and the user's own forecasts for it."""
        key = contracts.combined(as_parameters(study, self._makes | {"forecasts_path"}))
        if key not in self._known:
            market = sources.load(study)
            chosen = universe.choose(market.prices, study)
            rows = returns.simple_returns(chosen.prices)
            periods = returns.periods(rows.index, train_end=study.train_end, validation_end=study.validation_end)
            days = periods.set_index("period")["n_days"].to_dict()
            dates = returns.rebalance_dates(rows.index, validation_end=study.validation_end, traded=chosen.traded)
            held, traded = leaks.held(rows, chosen.traded, leak=study.leak, validation_end=study.validation_end)
            universe.kept_out(held, traded, dates=dates, stale_days=study.stale_days)
            days |= {"known": days["training"] + days["validation"], "all": len(rows)}
            theirs = own.load(study, rows, traded=chosen.traded, tickers=[*market.prices])
            self._known[key] = Fitted({"01_data": market.files, "04_forecasting": theirs.files}, held.shape[1], days)
        return self._known[key]


def check(study: Study, markets: Markets | None = None) -> dict[str, dict[Path, str]]:
    """External files of a study, with their hashes, by the stage that reads them; refuses a study that does not fit.

    Raises
    ------
    StudyError
        One sentence naming the parameter that does not fit.
    """
    try:
        market = (markets or Markets()).of(study)
        decided.check_bounds(study, market.n_assets)
    except ValueError as error:
        raise StudyError(str(error)) from None
    for need in (need for needed_days in NEEDED for need in needed_days(study, market.n_assets)):
        if need.days > market.days[need.period]:
            raise StudyError(f"{need.parameter}: {getattr(study, need.parameter)} does not fit {market.days[need.period]} "
                             f"returns; {need.why}, so change it, or move start, train_end, validation_end or end")
    return market.outside
