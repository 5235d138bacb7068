"""The parameters of portfolio decisions, the function of each framework, and the days that they need.

`vocabulary.FRAMEWORKS` says what a framework sees and whether limits apply to it. A new framework is an entry there and
a function here: `(what it sees, terms, limits) -> Solution`. Solvers are loaded only when a function is called.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from forefolio.market import covariance
from forefolio.market.returns import Date, Need
from forefolio.portfolios.problems import Limits, OptimizationError, Solution, estimation_sample
from forefolio.study import vocabulary
from forefolio.study.parameters import Study


@dataclass(frozen=True)
class Terms:
    """The parameters of a study that concern portfolios; `params/default.yml` explains them.

    `risk_free` is per day; `limits` are for long-only frameworks and have no `held`.
    """

    estimation_window: int
    stale_days: int
    covariance_estimator: str
    ridge: float
    mu_horizon: str
    use_residual: bool
    residual_window: int
    scenarios: str
    risk_aversion: float
    drawdown_path: str
    drawdown_alpha: float
    cdar_alpha: float
    cost_aware: bool
    cost_bps: float
    risk_free: float
    max_gross: float
    limits: Limits

    @classmethod
    def of(cls, study: Study) -> "Terms":
        """The terms of a study.

        >>> terms = Terms.of(Study(risk_free_rate=0.0252, max_weight=0.3))
        >>> terms.risk_free, terms.limits.max_weight
        (0.0001, 0.3)
        """
        same = set(cls.__dataclass_fields__) - {"risk_free", "limits"}
        return cls(**{name: getattr(study, name) for name in same},
                   risk_free=study.risk_free_rate / study.periods_per_year,
                   limits=Limits(study.min_weight, study.max_weight, study.max_turnover))

    def window(self, returns: pd.DataFrame, date: Date) -> pd.DataFrame:
        """The last `estimation_window` returns up to and including a date."""
        return estimation_sample(returns, date=date, days=self.estimation_window, name="estimation_window")

    def covariance(self, sample: pd.DataFrame) -> pd.DataFrame:
        """Covariance of a sample of returns, per day."""
        return covariance.estimate(sample, estimator=self.covariance_estimator, ridge=self.ridge)


def _mean_variance(mu: pd.Series, Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Mean-variance with forecasting."""
    from forefolio.portfolios.long_only import mean_variance_forecast

    return mean_variance_forecast(mu, Sigma, risk_aversion=terms.risk_aversion, limits=limits)


def _many_mean_variances(mus: pd.DataFrame, Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> pd.DataFrame:
    """Mean-variance with each of many forecasts."""
    from forefolio.portfolios.long_only import mean_variance_forecasts

    return mean_variance_forecasts(mus, Sigma, risk_aversion=terms.risk_aversion, limits=limits)


def _risk_parity(Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Risk parity."""
    from forefolio.portfolios import long_only

    return long_only.risk_parity(Sigma, limits=limits)


def _minimum_drawdown(path: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Minimum drawdown."""
    from forefolio.portfolios import drawdown

    return drawdown.minimum_drawdown(path, path=terms.drawdown_path, alpha=terms.drawdown_alpha, limits=limits)


def _conditional_drawdown(path: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Minimum conditional drawdown at risk, on the only path on which it is convex."""
    from forefolio.portfolios import drawdown

    return drawdown.minimum_drawdown(path, path="uncompounded", alpha=terms.cdar_alpha, limits=limits)


def _tangency(mu: pd.Series, Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """The tangency portfolio, in closed form or within `max_gross`; other limits do not apply."""
    from forefolio.portfolios import long_short

    if terms.max_gross == 0:
        return long_short.tangency(mu, Sigma, risk_free=terms.risk_free)
    return long_short.tangency_within(mu, Sigma, risk_free=terms.risk_free, max_gross=terms.max_gross)


def _maximum_sharpe(mu: pd.Series, Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Maximum Sharpe ratio, long-only."""
    from forefolio.portfolios import long_only

    return long_only.maximum_sharpe(mu, Sigma, risk_free=terms.risk_free, limits=limits)


def _maximum_sortino(path: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Maximum Sortino ratio, with the risk-free return as the least acceptable one."""
    from forefolio.portfolios import long_only

    return long_only.maximum_sortino(path, target=terms.risk_free, limits=limits)


def _black_litterman(mu: pd.Series, errors: pd.DataFrame, Sigma: pd.DataFrame, terms: Terms,
                     limits: Limits) -> Solution:
    """Black-Litterman; the prior mean is as uncertain as a mean over the window's days."""
    from forefolio.portfolios import long_only

    return long_only.black_litterman(mu, errors, Sigma, risk_aversion=terms.risk_aversion,
                                     tau=1 / terms.estimation_window, limits=limits)


def _minimum_variance(Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Minimum variance."""
    from forefolio.portfolios import long_only

    return long_only.minimum_variance(Sigma, limits=limits)


def _minimum_cvar(path: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Minimum mean loss of the worst 5 % of days, as in stage 03."""
    from forefolio.portfolios import long_only

    return long_only.minimum_cvar(path, confidence=0.95, limits=limits)


def _maximum_diversification(Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Maximum diversification."""
    from forefolio.portfolios import long_only

    return long_only.maximum_diversification(Sigma, limits=limits)


def _hierarchical_risk_parity(Sigma: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """Hierarchical risk parity."""
    from forefolio.portfolios import long_only

    return long_only.hierarchical_risk_parity(Sigma, limits=limits)


def _learned(trained: pd.DataFrame, terms: Terms, limits: Limits) -> Solution:
    """The mean of the trainings' weights, rescaled if assets are left out; limits do not apply."""
    weights = trained.mean()
    if not weights.sum() > 0:
        raise OptimizationError("no training holds any asset that can be bought")
    return Solution(weights / weights.sum(), "network", "optimal")


FRAMEWORKS: dict[str, Callable[..., Solution]] = {  # what it sees, terms, limits -> weights
    "mvf": _mean_variance, "rpp": _risk_parity, "mdp": _minimum_drawdown, "tangency": _tangency,
    "max_sharpe": _maximum_sharpe, "max_sortino": _maximum_sortino, "black_litterman": _black_litterman,
    "min_variance": _minimum_variance, "min_cvar": _minimum_cvar, "cdar": _conditional_drawdown,
    "max_diversification": _maximum_diversification, "hrp": _hierarchical_risk_parity, "dls": _learned,
}

MANY: dict[str, Callable[..., pd.DataFrame]] = {"mvf": _many_mean_variances}  # many forecasts at once


def held_days(periods_per_year: int) -> int:
    """Rows of prices per month; weights are held for a month."""
    return max(1, round(periods_per_year / 12))


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """The days of returns that the study's portfolios of so many assets need.

    The first rebalance is at the end of validation, and before it only the validation days have forecasts. If no
    residual is added to forecasts, any returns can fill its window.

    >>> [(need.parameter, need.days, need.period) for need in needed_days(Study(residual_window=30), n_assets=20)]
    [('estimation_window', 250, 'known'), ('residual_window', 30, 'validation')]
    """
    known = "no more days are known at the first rebalance"
    residual = ("validation", "only the validation period has forecasts") if study.use_residual else ("known", known)
    needs = [Need("estimation_window", study.estimation_window, "known", known),
             Need("residual_window", study.residual_window, *residual)]
    if "dls" in study.frameworks:
        month = held_days(study.periods_per_year)
        needs += [Need("lookback", study.lookback + month, "training", "dls holds for a month after its first window"),
                  Need("validation_end", month, "validation", "dls holds for a month")]
    on_path = {name for name in study.frameworks if vocabulary.FRAMEWORKS[name].sees in ("covariance", "path")}
    if study.scenarios == "forecast_only" and on_path:
        needs.append(Need("scenarios", 2, "validation", "it needs forecasts for days before the first rebalance, and "
                                                        "only the validation period has them"))
    return needs


def check_bounds(study: Study, n_assets: int) -> None:
    """Raise ValueError if a framework of the study has limits that no weights of so many assets can meet."""
    if any(vocabulary.FRAMEWORKS[name].limits for name in study.frameworks):
        Terms.of(study).limits.check(n_assets)
