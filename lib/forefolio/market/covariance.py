"""Covariance of returns: estimators, and a ridge that makes the matrix invertible.

The sample covariance is `DataFrame.cov`. Near copies of an asset make it nearly singular; Ledoit-Wolf shrinkage or a
ridge avoids that. A new estimator is an entry in `vocabulary.COVARIANCES` and its function in `ESTIMATORS`.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from forefolio.study.vocabulary import listed

DECAY = 0.97  # daily decay of weights in `ewma`; RiskMetrics (1996) uses it for a horizon of one month
GERBER_THRESHOLD = 0.5  # of volatility; a smaller move is noise (Gerber, Markowitz, Ernst, Miao et al. 2022)
MONTH = 21  # days ahead over which `garch` averages its forecasts
GARCH_DAYS = 50  # with fewer days, GARCH cannot be estimated
STILL = 1e-13  # share of the largest volatility; at or below it, a return varies by rounding alone


def ledoit_wolf(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance shrunk toward a multiple of the identity (Ledoit and Wolf 2004).

    It is positive definite even with fewer days than assets. The target gives every asset the mean variance, so a
    stable coin among volatile coins looks riskier than it is. The denominator is n_days, as in the paper.
    """
    from sklearn.covariance import ledoit_wolf as shrunk  # takes a second to import

    return pd.DataFrame(shrunk(returns.to_numpy())[0], returns.columns, returns.columns)


def ewma(returns: pd.DataFrame) -> pd.DataFrame:
    """Exponentially weighted covariance (RiskMetrics 1996): recent days count most, and the mean is taken as zero.

    Sigma = sum_k w_k r_k r_k', w_k proportional to 0.97^k for the day k days before the last, with sum 1. RiskMetrics
    uses 0.94 for the next day and 0.97 for a month, and portfolios here are held for a month. The weights correspond to
    about 66 equally weighted days. With more assets than that the matrix is nearly singular, however many days there
    are.

    >>> ewma(pd.DataFrame({"A": [0.0, 0.0, 0.1]})).loc["A", "A"].round(6)  # 0.01 / (1 + 0.97 + 0.97^2)
    np.float64(0.003435)
    """
    R = returns.to_numpy(dtype=float)
    weights = DECAY ** np.arange(len(R))[::-1]
    return _labelled((R.T * (weights / weights.sum())) @ R, returns)


def denoised(returns: pd.DataFrame) -> pd.DataFrame:
    """Sample covariance with noise removed from its correlations (Lopez de Prado 2020, chapter 2).

    Eigenvalues of the correlation below the edge of the Marchenko-Pastur distribution, fitted to them by skfolio, are
    replaced by their mean. Variances stay those of the sample (ddof 1).
    """
    def correlation(moving: pd.DataFrame) -> np.ndarray:
        from skfolio.moments import DenoiseCovariance, EmpiricalCovariance

        with np.errstate(all="ignore"):  # with as many days as assets, the density at zero is infinite
            fitted = DenoiseCovariance(EmpiricalCovariance(nearest=False), nearest=False).fit(moving.to_numpy())
        return standardized(_labelled(fitted.covariance_, moving)).to_numpy()

    return _from_correlation(returns, correlation, name="denoised")


def gerber(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance from the Gerber statistic, which counts how often two assets move together (Gerber et al. 2022).

    The correlation counts days on which both assets move by at least half their volatility: days in the same direction
    minus days in opposite directions, divided by the days on which at least one asset exceeds its threshold. This
    variant (from skfolio) is positive semidefinite. Variances are those of the sample (ddof 1).
    """
    def correlation(moving: pd.DataFrame) -> np.ndarray:
        from skfolio.moments import GerberCovariance

        fitted = GerberCovariance(threshold=GERBER_THRESHOLD, nearest=False).fit(moving.to_numpy())
        return standardized(_labelled(fitted.covariance_, moving)).to_numpy()

    return _from_correlation(returns, correlation, name="gerber")


def garch(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance of the coming month by constant-correlation GARCH (Bollerslev 1990): Sigma = D R D.

    Each asset has a GARCH(1,1) with a constant mean, fitted by maximum likelihood (arch); D has the root of its mean
    variance forecast over the 21 days after the last, R is the correlation of the standardized residuals. If a fit
    fails, or there are fewer than 50 days, the asset has its sample variance, with a warning.
    """
    moving, residuals, volatilities, failed = _moving(returns), {}, {}, []
    if moving.shape[1] == 0:
        return 0.0 * returns.cov()
    for name, values in moving.items():
        scale = values.std()
        fitted = _garch(values / scale)
        if fitted is None:
            failed.append(name)
            fitted = 1.0, (values - values.mean()).to_numpy() / scale
        volatilities[name], residuals[name] = fitted[0] * scale, fitted[1]
    if failed:
        warnings.warn(f"GARCH could not be fitted to the {len(moving)} days of {listed(list(map(str, failed)))}; "
                      f"their sample variance is used", stacklevel=2)
    correlation = np.corrcoef(np.array(list(residuals.values())), rowvar=True).reshape(len(volatilities), -1)
    D = np.array(list(volatilities.values()))
    return _labelled(correlation * np.outer(D, D), moving).reindex(
        index=returns.columns, columns=returns.columns, fill_value=0.0)


def _garch(values: pd.Series) -> tuple[float, np.ndarray] | None:
    """Volatility forecast and standardized residuals of returns in units of their volatility; None if the fit fails."""
    from arch import arch_model  # takes a second to import

    if len(values) < GARCH_DAYS:
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = arch_model(values.to_numpy(), rescale=False).fit(disp="off")  # constant mean, GARCH(1,1), normal
            ahead = fit.forecast(horizon=MONTH, reindex=False).variance.to_numpy().mean()
        except (ValueError, np.linalg.LinAlgError):
            return None
    residuals = fit.resid / fit.conditional_volatility
    sound = fit.convergence_flag == 0 and 0 < ahead < np.inf and np.isfinite(residuals).all() and residuals.std() > 0
    return (float(np.sqrt(ahead)), residuals) if sound else None


def _labelled(Sigma: np.ndarray, returns: pd.DataFrame) -> pd.DataFrame:
    """A matrix with asset names, made exactly symmetric."""
    return pd.DataFrame((Sigma + Sigma.T) / 2, returns.columns, returns.columns)


def _moving(returns: pd.DataFrame) -> pd.DataFrame:
    """The returns without assets that never move, which have no correlation."""
    volatility = returns.std()
    return returns.loc[:, (volatility > STILL * volatility.max()).to_numpy()]


def _from_correlation(returns: pd.DataFrame, correlation: Callable[[pd.DataFrame], np.ndarray], *,
                      name: str) -> pd.DataFrame:
    """Sample volatilities with another correlation; if that fails, the sample covariance, with a warning."""
    Sigma, moving = 0.0 * returns.cov(), _moving(returns)
    if moving.shape[1] == 0:
        return Sigma
    try:
        R = correlation(moving)
        sound = np.isfinite(R).all()
    except (ValueError, np.linalg.LinAlgError):
        sound = False
    if not sound:
        warnings.warn(f"No {name} correlation of {moving.shape[1]} assets over {len(moving)} days could be computed; "
                      f"the sample covariance is used", stacklevel=3)
        return returns.cov()
    volatility = moving.std().to_numpy()
    Sigma.loc[moving.columns, moving.columns] = R * np.outer(volatility, volatility)
    return Sigma


ESTIMATORS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {  # returns -> covariance per day
    "sample": pd.DataFrame.cov, "ledoit_wolf": ledoit_wolf, "ewma": ewma, "denoised": denoised, "gerber": gerber,
    "garch": garch,
}


def estimate(returns: pd.DataFrame, *, estimator: str, ridge: float) -> pd.DataFrame:
    """The covariance that a study's portfolios use: an estimate Sigma plus a ridge, Sigma + ridge diag(Sigma).

    Parameters
    ----------
    estimator : str
        A name of `ESTIMATORS`, parameter `covariance_estimator` of a study. For `ewma` and `garch` the order of days
        matters: the last row is the newest.
    ridge : float
        Share of each asset's variance, zero or more; 0.01 adds one percent.

    Raises
    ------
    ValueError
        If a return is missing or there are fewer than two days.

    Notes
    -----
    Two assets with the same returns make the sample covariance singular. It cannot be inverted, and a solver may split
    the weight between them in any way. With `ledoit_wolf`, or any ridge above zero, they share it equally.

    The ridge (diagonal loading) is proportional to each asset's own variance, so a stable coin keeps a small variance.
    Under `ledoit_wolf` it does not. Volatilities grow by sqrt(1 + ridge) and correlations shrink by 1 / (1 + ridge). An
    eigenvalue l of the correlation becomes (l + ridge) / (1 + ridge), so its condition number falls from l_max / l_min
    to (l_max + ridge) / (l_min + ridge). The condition number of the covariance stays at least the ratio of the largest
    to the smallest variance. The variance of an asset that never moves stays zero.

    Examples
    --------
    >>> twins = pd.DataFrame({"ETH": [0.01, 0.03], "WETH": [0.01, 0.03]})
    >>> estimate(twins, estimator="sample", ridge=0.25).round(6).to_numpy().tolist()
    [[0.00025, 0.0002], [0.0002, 0.00025]]
    """
    if not (finite := np.isfinite(returns.to_numpy())).all():
        missing = returns.columns[~finite.all(axis=0)]
        raise ValueError(f"Returns of {', '.join(map(str, missing))} have gaps; build the universe first")
    if len(returns) < 2:
        raise ValueError(f"The returns have {len(returns)} day(s), and a covariance needs two; take a longer sample")
    covariance = ESTIMATORS[estimator](returns)
    return covariance + ridge * np.diag(np.diag(covariance))


def standardized(covariance: pd.DataFrame) -> pd.DataFrame:
    """A covariance scaled to unit variances: the correlations.

    >>> standardized(pd.DataFrame([[4.0, 1.0], [1.0, 1.0]])).loc[0, 1]
    np.float64(0.5)
    """
    volatility = np.sqrt(np.diag(covariance))
    return covariance / np.outer(volatility, volatility)


def condition_number(covariance: pd.DataFrame) -> float:
    """Largest over smallest eigenvalue of a covariance; infinite if it is singular.

    >>> condition_number(pd.DataFrame([[4.0, 0.0], [0.0, 1.0]]))
    4.0
    """
    eigenvalues = np.linalg.eigvalsh(covariance.to_numpy())
    # a smallest eigenvalue below the rounding error of the largest may be zero
    singular = eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(float).eps
    return float("inf") if singular else float(eigenvalues[-1] / eigenvalues[0])
