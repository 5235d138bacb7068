"""Does a study fit its market? Universe, periods and windows are checked before any kernel starts."""

from pathlib import Path
from typing import NamedTuple

from forefolio.market import returns, sources, universe
from forefolio.runs import contracts
from forefolio.study.parameters import Study, StudyError, as_parameters
from forefolio.study.vocabulary import FRAMEWORKS


class Market(NamedTuple):
    """What of a market the check of a study needs."""

    files: list[Path]  # where the prices come from
    n_assets: int  # that may be held
    n_returns: int  # days of returns: all, and those of two periods
    training: int
    validation: int


class Markets:
    """Markets of many studies, each looked at once."""

    def __init__(self) -> None:
        self._makes = set(contracts.declared_parameters("01_data")) - {"study"}
        self._known: dict[str, Market] = {}

    def of(self, study: Study) -> Market:
        """The market of a study; all seeds share one, unless it is simulated."""
        makes = self._makes - ({"seed"} if study.source != "simulated" else set())
        key = contracts.combined(as_parameters(study, makes))
        if key not in self._known:
            self._known[key] = _market(study)
        return self._known[key]


def check(study: Study, markets: Markets | None = None) -> list[Path]:
    """Check that a study fits its market, as its stages will need it.

    Parameters
    ----------
    study : the study.
    markets : those already looked at, where there are many studies.

    Returns
    -------
    list of Path
        The files that the prices come from.

    Raises
    ------
    StudyError
        One sentence naming the parameter that does not fit.
    """
    market = (markets or Markets()).of(study)
    _check(study, market)
    return market.files


def _market(study: Study) -> Market:
    market = sources.load(study)
    try:
        prices = universe.choose(market.prices, study).prices
        index = returns.simple_returns(prices).index
        periods = returns.periods(index, train_end=study.train_end, validation_end=study.validation_end).set_index("period")
    except ValueError as error:
        raise StudyError(str(error)) from None
    training, validation = (int(periods.loc[name, "n_days"]) for name in ("training", "validation"))
    return Market(market.files, prices.shape[1], len(index), training, validation)


def _check(study: Study, market: Market) -> None:
    """Raise StudyError where the study asks for more than the market has."""
    n, training, validation = market.n_assets, market.training, market.validation
    regular = study.covariance_estimator != "sample" or study.ridge > 0  # solvable with fewer days than assets
    longest = max(study.windows) * (2 if study.network_target == "window" else 1) * (study.network_scope == "joint")
    for name, needed, there, why in [
            ("windows", longest, min(training, validation), "a period has no room for a window and its labels"),
            ("train_end", 2 if regular else n + 2, training,
             f"the sample covariance of {n} assets needs more, or set covariance_estimator or ridge"),
            ("lookback", study.lookback + 1, training, "the training period has no window"),
            ("predictability_lag", study.predictability_lag * (study.source == "simulated") + 1, training,
             "nothing carries over within the training period"),
            ("ar_lags", 2 * study.ar_lags + 2, training, "the training period cannot fit them"),
            ("correlation_window", study.correlation_window, market.n_returns, "that is all there is"),
            ("estimation_window", study.estimation_window, training + validation, "no more is known at the first rebalance"),
            ("residual_window", study.residual_window * study.use_residual, validation, "only validation has forecasts")]:
        if needed > there:
            raise StudyError(f"{name}: {getattr(study, name)} does not fit {there} returns; {why}, so shorten it or "
                             "move start, train_end or validation_end")
    frameworks = [FRAMEWORKS[name] for name in study.frameworks]
    for name, fits, mend in [("max_weight", n * study.max_weight >= 1 - 1e-9, f"give at least {1 / n:.4g}"),
                             ("min_weight", n * study.min_weight <= 1 + 1e-9, f"give at most {1 / n:.4g}")]:
        if not fits and any(framework.long_only for framework in frameworks):
            raise StudyError(f"{name}: {getattr(study, name)} lets no weights of {n} assets sum to one; {mend}")
    on_scenarios = any(framework.sees != "mean" for framework in frameworks)
    if study.scenarios == "forecast_only" and on_scenarios and validation < 2:
        raise StudyError("scenarios: forecast_only needs forecasts of days before the first rebalance, and the validation "
                         f"period, which alone has them, has {validation}; move train_end, or choose another")
