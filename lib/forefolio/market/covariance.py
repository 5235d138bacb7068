"""Returns to covariance: estimates, and how to make one that portfolios can be solved with.

Every function takes wide frames (rows are days, columns assets) and returns labelled frames, so that nothing is ever
joined by position. The sample covariance is `DataFrame.cov`. A covariance is per day: annualize where you show it, not
where you compute it. Near copies of an asset make it nearly singular: Ledoit-Wolf or a ridge keeps it solvable.
"""

import numpy as np
import pandas as pd


def ledoit_wolf(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance shrunk toward a multiple of the identity (Ledoit and Wolf 2004).

    Parameters
    ----------
    returns : DataFrame, shape (n_days, n_assets)
        Simple returns, fraction a day.

    Returns
    -------
    DataFrame, shape (n_assets, n_assets)
        Covariance a day, positive definite even with fewer days than assets.

    Notes
    -----
    The target gives every asset the mean variance, so next to coins a stable coin looks riskier than it is.
    The shrunk matrix has n_days in the denominator, as in the paper of Ledoit and Wolf.
    """
    from sklearn.covariance import ledoit_wolf as shrunk  # takes a second to import

    return pd.DataFrame(shrunk(returns.to_numpy())[0], returns.columns, returns.columns)


def with_ridge(covariance: pd.DataFrame, *, ridge: float) -> pd.DataFrame:
    """Covariance with a share of each asset's own variance added to it (diagonal loading).

    Parameters
    ----------
    covariance : DataFrame, shape (n_assets, n_assets)
        Per day.
    ridge : float
        Share of each asset's variance, zero or more; 0.01 adds one percent.

    Returns
    -------
    DataFrame, shape (n_assets, n_assets)
        Sigma + ridge diag(Sigma), per day; with a ridge of zero exactly `covariance`.

    Raises
    ------
    ValueError
        If `ridge` is negative or not finite.

    Notes
    -----
    The ridge is in units of each asset's own variance, so a stable coin stays calm beside coins; under `ledoit_wolf` it
    does not. Volatilities grow by sqrt(1 + ridge) and correlations shrink by 1 / (1 + ridge). An eigenvalue l of the
    correlation becomes (l + ridge) / (1 + ridge), so its condition number falls from l_max / l_min to
    (l_max + ridge) / (l_min + ridge). That of the covariance stays at least the ratio of the largest to the smallest
    variance. An asset that never moves still never moves.

    Examples
    --------
    >>> twins = pd.DataFrame([[4.0, 4.0], [4.0, 4.0]], index=["ETH", "WETH"], columns=["ETH", "WETH"])
    >>> with_ridge(twins, ridge=0.25).to_numpy().tolist()
    [[5.0, 4.0], [4.0, 5.0]]
    """
    if not 0 <= ridge < np.inf:
        raise ValueError(f"ridge is {ridge}: give zero or a positive number")
    return covariance + ridge * np.diag(np.diag(covariance))


ESTIMATORS = {"sample": pd.DataFrame.cov, "ledoit_wolf": ledoit_wolf}  # choices of covariance_estimator


def estimate(returns: pd.DataFrame, *, estimator: str, ridge: float) -> pd.DataFrame:
    """The covariance that a study's portfolios use: one of `ESTIMATORS`, with a ridge.

    Parameters
    ----------
    returns : DataFrame, shape (n_days, n_assets)
        Simple returns, fraction a day.
    estimator : {"sample", "ledoit_wolf"}
        Parameter `covariance_estimator` of a study.
    ridge : float
        Share of each asset's variance added to its own, zero or more.

    Returns
    -------
    DataFrame, shape (n_assets, n_assets)
        Covariance a day.

    Raises
    ------
    ValueError
        If the estimator is unknown, `ridge` is negative, a return is missing or there are fewer than two days.

    Notes
    -----
    The sample covariance of two assets with the same returns is singular: no closed form can invert it, and a solver
    may split their weight in any way. With `ledoit_wolf`, or any ridge above zero, they share it equally.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.01, 0.03], "B": [0.02, 0.00]})
    >>> estimate(returns, estimator="sample", ridge=0.5).round(6).to_numpy().tolist()
    [[0.0003, -0.0002], [-0.0002, 0.0003]]
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"covariance_estimator is {estimator!r}: choose one of {', '.join(ESTIMATORS)}")
    check_complete(returns)
    return with_ridge(ESTIMATORS[estimator](returns), ridge=ridge)


def standardized(covariance: pd.DataFrame) -> pd.DataFrame:
    """A covariance in units of each asset's own volatility: its correlations.

    Examples
    --------
    >>> standardized(pd.DataFrame([[4.0, 1.0], [1.0, 1.0]])).loc[0, 1]
    np.float64(0.5)
    """
    volatility = np.sqrt(np.diag(covariance))
    return covariance / np.outer(volatility, volatility)


def condition_number(covariance: pd.DataFrame) -> float:
    """Largest over smallest eigenvalue of a covariance; infinite if it is singular.

    Examples
    --------
    >>> condition_number(pd.DataFrame([[4.0, 0.0], [0.0, 1.0]]))
    4.0
    """
    eigenvalues = np.linalg.eigvalsh(covariance.to_numpy())
    # below the rounding error of the largest eigenvalue the smallest one is not known to differ from zero
    singular = eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(float).eps
    return float("inf") if singular else float(eigenvalues[-1] / eigenvalues[0])


def check_complete(returns: pd.DataFrame) -> None:
    """Refuse missing returns, and samples too short for a covariance."""
    missing = returns.columns[~np.isfinite(returns.to_numpy()).all(axis=0)]
    if len(missing):
        raise ValueError(f"Returns of {', '.join(map(str, missing))} have gaps: build the universe first")
    if len(returns) < 2:
        raise ValueError(f"The returns have {len(returns)} day(s), and a covariance needs two: take a longer sample")
