"""Inputs and outputs of portfolio problems: checked moments and scenarios, limits, and the solution.

This module solves nothing, so importing it loads no solver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forefolio.market.returns import Date, iso_day

DUST = 1e-6  # a smaller negative weight is a solver's rounding
ROUNDING = 1e-9  # tolerance of a limit


class OptimizationError(ValueError):
    """A portfolio problem has no solution, or the solver did not reach it."""


@dataclass(frozen=True)
class Solution:
    """Weights by asset, the solver, its status (`optimal`, `fallback`, `inefficient`) and a note."""

    weights: pd.Series
    solver: str
    status: str
    note: str = ""
    spread: float = float("nan")  # for risk parity: largest over smallest contribution to risk, minus 1


def estimation_sample(returns: pd.DataFrame, *, date: Date, days: int, name: str) -> pd.DataFrame:
    """The last `days` returns up to and including `date`; the error names the parameter `name` if there are fewer."""
    n_known = returns.index.searchsorted(pd.Timestamp(date), side="right")
    if n_known < days:
        raise ValueError(f"There are {n_known} returns up to {iso_day(date)} and {name} needs {days}; lower it or "
                         f"start the data earlier")
    return returns.iloc[n_known - days:n_known]


def covariance_matrix(covariance: pd.DataFrame) -> np.ndarray:
    """Values of a covariance that is labelled, complete, symmetric and positive semidefinite."""
    if not covariance.index.equals(covariance.columns) or not covariance.index.is_unique:
        raise ValueError("The rows and columns of the covariance differ; give each asset once, as a row and as a "
                         "column")
    Sigma = covariance.to_numpy(dtype=float)
    if not np.isfinite(Sigma).all():
        missing = covariance.columns[~np.isfinite(Sigma).all(axis=0)]
        raise OptimizationError(f"The covariance has no value for {named(missing)}: estimate it from complete returns")
    rounding = 1e-8 * abs(Sigma).max() or 1.0
    try:
        np.linalg.cholesky(Sigma + rounding * np.eye(len(Sigma)))  # fails if an eigenvalue is below minus the rounding
        sound = abs(Sigma - Sigma.T).max() <= rounding
    except np.linalg.LinAlgError:
        sound = False
    if not sound:
        raise ValueError("The covariance is not symmetric and positive semidefinite: estimate it from complete returns")
    return (Sigma + Sigma.T) / 2


def aligned(by_asset: pd.Series, assets: pd.Index, *, name: str = "mu") -> np.ndarray:
    """Values of `by_asset` in the order of `assets`, joined by name and complete."""
    if not by_asset.index.equals(assets):
        if set(by_asset.index) != set(assets) or not by_asset.index.is_unique:
            raise ValueError(f"{name} has other assets than the rest of the problem; give one value for each asset")
        by_asset = by_asset.reindex(assets)
    values = by_asset.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise OptimizationError(f"{name} has no value for {named(assets[~np.isfinite(values)])}")
    return values


def complete(scenarios: pd.DataFrame) -> np.ndarray:
    """Values of scenarios without a gap."""
    R = scenarios.to_numpy(dtype=float)
    if not (finite := np.isfinite(R)).all():
        gaps = scenarios.columns[~finite.all(axis=0)]
        raise OptimizationError(f"Scenarios have gaps in {named(gaps)}; complete or drop them")
    return R


@dataclass(frozen=True)
class Limits:
    """Bounds on the weights and the turnover of a long-only portfolio, fractions.

    Turnover is one-way: half the sum of |w - held|; 1 means no limit. `held` has the weights just before the trade.
    Holdings outside of the problem must be sold, which counts as turnover. With `held` None nothing is held yet, and
    the first purchase has no limit. `daily_cost` is not a bound. It is the cost of trading the whole wealth once, as a
    fraction, divided by the days until the next trade; an objective with costs uses it.
    """

    min_weight: float = 0.0
    max_weight: float = 1.0
    max_turnover: float = 1.0
    held: pd.Series | None = None
    daily_cost: float = 0.0

    def check(self, n_assets: int) -> None:
        """Raise ValueError if weights of so many assets cannot stay within the bounds."""
        for name, fits, mend in [("max_weight", n_assets * self.max_weight >= 1 - ROUNDING, "at least"),
                                 ("min_weight", n_assets * self.min_weight <= 1 + ROUNDING, "at most")]:
            if not fits:
                raise ValueError(f"{name}: {getattr(self, name)} makes it impossible for the weights of {n_assets} "
                                 f"assets to sum to one; set {mend} {1 / n_assets:.4g}")

    def fitting(self, n_assets: int) -> tuple["Limits", str]:
        """These limits, with bounds widened to equal weight if so few assets need it, and a note.

        >>> Limits(max_weight=0.4).fitting(2)[1]
        'max_weight 50 %, because there are 2 assets'
        """
        even = 1 / n_assets
        widened = replace(self, min_weight=min(self.min_weight, even), max_weight=max(self.max_weight, even))
        names = [name for name in ("min_weight", "max_weight")
                 if abs(getattr(widened, name) - getattr(self, name)) > ROUNDING]
        return widened, joined(*(f"{name} {100 * even:.3g} %, because there are {n_assets} assets" for name in names))

    def attainable(self, assets: pd.Index) -> tuple["Limits", str]:
        """These limits, with the turnover raised to the smallest that `assets` allow, if necessary, and a note.

        The nearest feasible weights clip the held ones at the bounds, then trade the difference of their sum from one:
        min |w - h|_1 = |c - h|_1 + |1 - 1'c| with c_i = min(max(h_i, min_weight), max_weight).
        """
        self.check(len(assets))
        if not self.limits_turnover:
            return self, ""
        held, sold = self.traded_from(assets)
        within = np.clip(held, self.min_weight, self.max_weight)
        least = (abs(within - held).sum() + abs(1 - within.sum()) + sold) / 2
        note = f"turnover {100 * least:.3g} %, the smallest possible" if least > self.max_turnover + ROUNDING else ""
        return replace(self, max_turnover=min(max(self.max_turnover, least + DUST), 1)), note  # tolerance for a solver

    def met_by(self, weights: pd.Series) -> bool:
        """Whether weights that sum to one keep these limits."""
        turnover = 0.0
        if self.held is not None:
            held, sold = self.traded_from(weights.index)
            turnover = (abs(weights.to_numpy() - held).sum() + sold) / 2
        return bool(weights.min() >= self.min_weight - ROUNDING and weights.max() <= self.max_weight + ROUNDING
                    and turnover <= self.max_turnover + ROUNDING)

    @property
    def limits_turnover(self) -> bool:
        """Whether a trade is compared with what was held."""
        return self.held is not None and self.max_turnover < 1

    @property
    def counts_costs(self) -> bool:
        """Whether an objective with costs differs from one without: the first purchase costs the same in any case."""
        return self.held is not None and self.daily_cost > 0

    def traded_from(self, assets: pd.Index) -> tuple[np.ndarray, float]:
        """The held weight of each of `assets`, and of all others together."""
        others = self.held[~self.held.index.isin(assets)]
        return self.held.reindex(assets, fill_value=0.0).to_numpy(dtype=float), float(others.abs().sum())


NONE = Limits()


def joined(*notes: str) -> str:
    """The notes of one solution that are not empty, joined."""
    return "; ".join(filter(None, notes))


def named(assets: Sequence[str]) -> str:
    """The first three assets and the number of others, for a sentence.

    >>> named(["A", "B", "C", "D", "E"])
    'A, B, C and 2 others'
    """
    shown, more = assets[:3], len(assets) - 3
    return ", ".join(map(str, shown)) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")
