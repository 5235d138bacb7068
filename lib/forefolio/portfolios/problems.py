"""What goes into a portfolio problem and what comes out: checked inputs, limits and the solution.

Nothing here solves anything, so that importing it loads no solver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forefolio.market.returns import Date, iso_day

DUST = 1e-6  # a weight below zero by less is a solver's rounding
ROUNDING = 1e-9  # by which a limit may be missed, and is still met


class OptimizationError(ValueError):
    """A portfolio problem that has no solution, or whose solver did not reach it."""


@dataclass(frozen=True)
class Solution:
    """Weights by asset, the solver, its status (`optimal`, `fallback`, `inefficient`) and what else one should know."""

    weights: pd.Series
    solver: str
    status: str
    note: str = ""
    spread: float = float("nan")  # of risk parity: largest over smallest contribution to risk, minus 1


def estimation_sample(returns: pd.DataFrame, *, date: Date, days: int, name: str) -> pd.DataFrame:
    """The last `days` returns up to and including `date`; `name` is the parameter to lower where there are fewer."""
    known = returns.loc[:pd.Timestamp(date)]
    if len(known) < days:
        raise ValueError(f"There are {len(known)} returns up to {iso_day(date)} and {name} asks for {days}: "
                         "lower it or start the data earlier")
    return known.iloc[len(known) - days:]


def covariance_matrix(covariance: pd.DataFrame) -> np.ndarray:
    """Values of a covariance that is labelled, complete, symmetric and positive semidefinite."""
    if not covariance.index.equals(covariance.columns) or not covariance.index.is_unique:
        raise ValueError("The covariance has other rows than columns: give one with each asset once on both sides")
    Sigma = covariance.to_numpy(dtype=float)
    if not np.isfinite(Sigma).all():
        missing = covariance.columns[~np.isfinite(Sigma).all(axis=0)]
        raise OptimizationError(f"The covariance has no value for {named(missing)}: estimate it from complete returns")
    rounding = 1e-8 * abs(Sigma).max()
    if abs(Sigma - Sigma.T).max() > rounding or np.linalg.eigvalsh(Sigma)[0] < -rounding:
        raise ValueError("The covariance is not symmetric and positive semidefinite: estimate it from complete returns")
    return (Sigma + Sigma.T) / 2


def aligned(by_asset: pd.Series, assets: pd.Index, *, name: str = "mu") -> np.ndarray:
    """Values of `by_asset` in the order of `assets`, joined by name and complete."""
    if set(by_asset.index) != set(assets) or not by_asset.index.is_unique:
        raise ValueError(f"{name} names other assets than what it goes with: give one value for each")
    values = by_asset.reindex(assets).to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise OptimizationError(f"{name} has no value for {named(assets[~np.isfinite(values)])}")
    return values


def complete(scenarios: pd.DataFrame) -> np.ndarray:
    """Values of scenarios without a gap."""
    R = scenarios.to_numpy(dtype=float)
    gaps = scenarios.columns[~np.isfinite(R).all(axis=0)]
    if len(gaps):
        raise OptimizationError(f"Scenarios have gaps in {named(gaps)}: complete or drop them")
    return R


@dataclass(frozen=True)
class Limits:
    """Bounds on the weights and the turnover of a long-only portfolio, fractions.

    Turnover is one-way, half the sum of |w - held|; 1 is no limit. `held` has the weights just before the trade. What
    is not in the problem must be sold, and counts. None: nothing is held yet, and the first purchase has no limit.
    `daily_cost` is no bound: what trading the whole wealth once costs, as a share of it, divided by the days to the next
    trade; an objective that counts costs uses it.
    """

    min_weight: float = 0.0
    max_weight: float = 1.0
    max_turnover: float = 1.0
    held: pd.Series | None = None
    daily_cost: float = 0.0

    def check(self, n_assets: int) -> None:
        """Raise ValueError where so many assets cannot have such weights."""
        for name, fits, mend in [("max_weight", n_assets * self.max_weight >= 1 - ROUNDING, "at least"),
                                 ("min_weight", n_assets * self.min_weight <= 1 + ROUNDING, "at most")]:
            if not fits:
                raise ValueError(f"{name}: {getattr(self, name)} lets no weights of {n_assets} assets sum to one; give "
                                 f"{mend} {1 / n_assets:.4g}")

    def fitting(self, n_assets: int) -> tuple["Limits", str]:
        """These limits, their bounds widened to equal weight where so few assets need more, and a note if they do.

        >>> Limits(max_weight=0.4).fitting(2)[1]
        'max_weight 50 %, as 2 assets need'
        """
        even = 1 / n_assets
        widened = replace(self, min_weight=min(self.min_weight, even), max_weight=max(self.max_weight, even))
        names = [name for name in ("min_weight", "max_weight")
                 if abs(getattr(widened, name) - getattr(self, name)) > ROUNDING]
        return widened, joined(*(f"{name} {100 * even:.3g} %, as {n_assets} assets need" for name in names))

    def attainable(self, assets: pd.Index) -> tuple["Limits", str]:
        """These limits, with the turnover widened to the least that `assets` allow, and a note if it had to be.

        The nearest weights to those held cut these off at the bounds, then trade what is missing to one or above it:
        min |w - h|_1 = |c - h|_1 + |1 - 1'c| with c_i = min(max(h_i, min_weight), max_weight).
        """
        self.check(len(assets))
        if not self.limits_turnover:
            return self, ""
        held, sold = self.traded_from(assets)
        within = np.clip(held, self.min_weight, self.max_weight)
        least = (abs(within - held).sum() + abs(1 - within.sum()) + sold) / 2
        note = f"turnover {100 * least:.3g} %, the least possible" if least > self.max_turnover + ROUNDING else ""
        return replace(self, max_turnover=min(max(self.max_turnover, least + DUST), 1)), note  # room for a solver

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

    def traded_from(self, assets: pd.Index) -> tuple[np.ndarray, float]:
        """Weight held of each of `assets`, and of all others together."""
        others = self.held[~self.held.index.isin(assets)]
        return self.held.reindex(assets, fill_value=0.0).to_numpy(dtype=float), float(others.abs().sum())


NONE = Limits()


def joined(*notes: str) -> str:
    """Notes of one solution that say something, as one."""
    return "; ".join(filter(None, notes))


def named(assets: Sequence[str]) -> str:
    """The first three assets and the number of others, for a sentence.

    >>> named(["A", "B", "C", "D", "E"])
    'A, B, C and 2 others'
    """
    shown, more = assets[:3], len(assets) - 3
    return ", ".join(map(str, shown)) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")
