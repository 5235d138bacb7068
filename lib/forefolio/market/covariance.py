"""Returns to covariance: estimates, and how to make one that portfolios can be solved with.

The sample covariance is `DataFrame.cov`. Near copies of an asset make it nearly singular: Ledoit-Wolf or a ridge keeps
it solvable.
"""

import numpy as np
import pandas as pd


def ledoit_wolf(returns: pd.DataFrame) -> pd.DataFrame:
    """Covariance shrunk toward a multiple of the identity (Ledoit and Wolf 2004).

    It is positive definite even with fewer days than assets. The target gives every asset the mean variance, so next to
    coins a stable coin looks riskier than it is. The matrix has n_days in the denominator, as in the paper.
    """
    from sklearn.covariance import ledoit_wolf as shrunk  # takes a second to import

    return pd.DataFrame(shrunk(returns.to_numpy())[0], returns.columns, returns.columns)


ESTIMATORS = {"sample": pd.DataFrame.cov, "ledoit_wolf": ledoit_wolf}  # choices of covariance_estimator


def estimate(returns: pd.DataFrame, *, estimator: str, ridge: float) -> pd.DataFrame:
    """The covariance that a study's portfolios use: an estimate Sigma plus a ridge, Sigma + ridge diag(Sigma).

    Parameters
    ----------
    estimator : {"sample", "ledoit_wolf"}
        Parameter `covariance_estimator` of a study.
    ridge : float
        Share of each asset's variance, zero or more; 0.01 adds one percent.

    Raises
    ------
    ValueError
        If a return is missing or there are fewer than two days.

    Notes
    -----
    The sample covariance of two assets with the same returns is singular: no closed form can invert it, and a solver
    may split their weight in any way. With `ledoit_wolf`, or any ridge above zero, they share it equally.

    The ridge (diagonal loading) is in units of each asset's own variance, so a stable coin stays calm beside coins;
    under `ledoit_wolf` it does not. Volatilities grow by sqrt(1 + ridge) and correlations shrink by 1 / (1 + ridge). An
    eigenvalue l of the correlation becomes (l + ridge) / (1 + ridge), so its condition number falls from l_max / l_min
    to (l_max + ridge) / (l_min + ridge). That of the covariance stays at least the ratio of the largest to the smallest
    variance. An asset that never moves still never moves.

    Examples
    --------
    >>> twins = pd.DataFrame({"ETH": [0.01, 0.03], "WETH": [0.01, 0.03]})
    >>> estimate(twins, estimator="sample", ridge=0.25).round(6).to_numpy().tolist()
    [[0.00025, 0.0002], [0.0002, 0.00025]]
    """
    missing = returns.columns[~np.isfinite(returns.to_numpy()).all(axis=0)]
    if len(missing):
        raise ValueError(f"Returns of {', '.join(map(str, missing))} have gaps: build the universe first")
    if len(returns) < 2:
        raise ValueError(f"The returns have {len(returns)} day(s), and a covariance needs two: take a longer sample")
    covariance = ESTIMATORS[estimator](returns)
    return covariance + ridge * np.diag(np.diag(covariance))


def standardized(covariance: pd.DataFrame) -> pd.DataFrame:
    """A covariance in units of each asset's own volatility: its correlations.

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
    # below the rounding error of the largest eigenvalue the smallest one is not known to differ from zero
    singular = eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(float).eps
    return float("inf") if singular else float(eigenvalues[-1] / eigenvalues[0])
