"""Does a study fit its market? Universe, periods and windows are checked before any kernel starts."""

from pathlib import Path
from typing import NamedTuple

from forefolio.forecasts import registry as forecast
from forefolio.market import returns, sources, universe
from forefolio.performance import metrics
from forefolio.portfolios import registry as decided
from forefolio.runs import contracts
from forefolio.study.parameters import Study, StudyError, as_parameters
from forefolio.study.vocabulary import SOURCES

NEEDED = (forecast.needed_days, universe.needed_days, decided.needed_days, metrics.needed_days)  # each room says its own


class Market(NamedTuple):
    """What of a market the check of a study needs."""

    files: list[Path]  # where the prices come from
    n_assets: int  # that may be held
    days: dict[str, int]  # returns of each period, of what is known at the first rebalance, and in all


class Markets:
    """Markets of many studies, each looked at once."""

    def __init__(self) -> None:
        self._makes = set(contracts.declared_parameters("01_data")) - {"study"}
        self._known: dict[str, Market] = {}

    def of(self, study: Study) -> Market:
        """The market of a study; all seeds share one, unless it is random."""
        makes = self._makes - (set() if SOURCES[study.source].random else {"seed"})
        key = contracts.combined(as_parameters(study, makes))
        if key not in self._known:
            self._known[key] = _market(study)
        return self._known[key]


def check(study: Study, markets: Markets | None = None) -> list[Path]:
    """The files of prices of a study that fits its market, as its stages will need it.

    Raises
    ------
    StudyError
        One sentence naming the parameter that does not fit.
    """
    market = (markets or Markets()).of(study)
    for needed_days in NEEDED:
        for need in needed_days(study, market.n_assets):
            there = market.days[need.period]
            if need.days > there:
                raise StudyError(f"{need.parameter}: {getattr(study, need.parameter)} does not fit {there} returns; {need.why}, "
                                 "so change it, or move start, train_end, validation_end or end")
    try:
        decided.check_bounds(study, market.n_assets)
    except ValueError as error:
        raise StudyError(str(error)) from None
    return market.files


def _market(study: Study) -> Market:
    market = sources.load(study)
    try:
        prices = universe.choose(market.prices, study).prices
        index = returns.simple_returns(prices).index
        periods = returns.periods(index, train_end=study.train_end, validation_end=study.validation_end)
    except ValueError as error:
        raise StudyError(str(error)) from None
    days = periods.set_index("period")["n_days"].to_dict()
    return Market(market.files, prices.shape[1],
                  days | {"known": days["training"] + days["validation"], "all": len(index)})
