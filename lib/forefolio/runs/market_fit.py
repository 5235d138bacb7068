"""Does a study fit its market? Universe, periods and windows are checked before any kernel starts."""

from pathlib import Path

from forefolio.forecasts import registry as forecast
from forefolio.market import returns, sources, universe
from forefolio.performance import metrics
from forefolio.portfolios import registry as decided
from forefolio.runs import contracts
from forefolio.study.parameters import Study, StudyError, as_parameters

NEEDED = (forecast.needed_days, universe.needed_days, decided.needed_days, metrics.needed_days)  # each room says its own


class Markets:
    """Markets of many studies, each looked at once."""

    def __init__(self) -> None:
        self._makes = set(contracts.declared_parameters("01_data")) - {"study"}
        self._known: dict[str, tuple[dict[Path, str], int, dict[str, int]]] = {}

    def of(self, study: Study) -> tuple[dict[Path, str], int, dict[str, int]]:
        """Files of prices with their hashes, number of assets that may be held, and days of returns.

        Days are those of each period, `known` at first, and `all`; `known` counts the days before the first rebalance.
        """
        key = contracts.combined(as_parameters(study, self._makes))
        if key not in self._known:
            market = sources.load(study)
            chosen = universe.choose(market.prices, study)
            rows = returns.simple_returns(chosen.prices)
            periods = returns.periods(rows.index, train_end=study.train_end, validation_end=study.validation_end)
            days = periods.set_index("period")["n_days"].to_dict()
            dates = returns.rebalance_dates(rows.index, validation_end=study.validation_end, traded=chosen.traded)
            universe.kept_out(rows, chosen.traded, dates=dates, stale_days=study.stale_days)
            days |= {"known": days["training"] + days["validation"], "all": len(rows)}
            self._known[key] = market.files, rows.shape[1], days
        return self._known[key]


def check(study: Study, markets: Markets | None = None) -> dict[Path, str]:
    """The files of prices, with their hashes, of a study that fits its market, as its stages will need it.

    Raises
    ------
    StudyError
        One sentence naming the parameter that does not fit.
    """
    try:
        files, n_assets, days = (markets or Markets()).of(study)
        decided.check_bounds(study, n_assets)
    except ValueError as error:
        raise StudyError(str(error)) from None
    for need in (need for needed_days in NEEDED for need in needed_days(study, n_assets)):
        if need.days > days[need.period]:
            raise StudyError(f"{need.parameter}: {getattr(study, need.parameter)} does not fit {days[need.period]} "
                             f"returns; {need.why}, so change it, or move start, train_end, validation_end or end")
    return files
