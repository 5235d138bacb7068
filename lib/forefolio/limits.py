"""Limits of a long-only portfolio: bounds on its weights, and on what a rebalance may trade.

A `Limits` is handed to a problem of `portfolios` or `drawdowns`, which adds its constraints to its own.
"""

from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
import pandas as pd

from forefolio.solvers import DUST

ROUNDING = 1e-9  # by which a limit may be missed, and is still met


@dataclass(frozen=True)
class Limits:
    """Bounds on the weights and the turnover of a long-only portfolio.

    Attributes
    ----------
    min_weight, max_weight : float
        Of every asset, fractions.
    max_turnover : float
        One-way, half the sum of |w - held|; 1: no limit.
    held : Series or None
        Weights by asset just before the trade, joined by name. An asset that is not in the problem must be sold, and
        counts. None: nothing is held yet, and the first purchase has no limit.

    Raises
    ------
    ValueError
        If a limit is no fraction, or `held` has an asset twice or without a weight.
    """

    min_weight: float = 0.0
    max_weight: float = 1.0
    max_turnover: float = 1.0
    held: pd.Series | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_weight <= self.max_weight <= 1:
            raise ValueError(f"Weights between min_weight {self.min_weight} and max_weight {self.max_weight}: "
                             "give two fractions, the smaller one first")
        if not 0 <= self.max_turnover <= 1:
            raise ValueError(f"max_turnover is {self.max_turnover}: give a fraction, 1 for no limit")
        if self.held is not None and (self.held.isna().any() or not self.held.index.is_unique):
            raise ValueError("The weights held before the trade have gaps or repeat an asset: give each asset one weight")

    def fitting(self, n_assets: int) -> tuple["Limits", str]:
        """These limits, their bounds widened to equal weight where so few assets need more, and a note if they do.

        Examples
        --------
        >>> Limits(max_weight=0.4).fitting(2)[1]
        'max_weight 50 %, as 2 assets need'
        """
        even = 1 / n_assets
        widened = replace(self, min_weight=min(self.min_weight, even), max_weight=max(self.max_weight, even))
        names = [name for name in ("min_weight", "max_weight") if abs(getattr(widened, name) - getattr(self, name)) > ROUNDING]
        return widened, joined(*(f"{name} {100 * even:.3g} %, as {n_assets} assets need" for name in names))

    def attainable(self, assets: pd.Index) -> tuple["Limits", str]:
        """These limits, with the turnover widened to the least that `assets` allow, and a note if it had to be.

        Raises
        ------
        ValueError
            If so many assets cannot have such weights.

        Notes
        -----
        The nearest weights to those held cut these off at the bounds, and then trade what is missing to one or above
        it: min |w - h|_1 = |c - h|_1 + |1 - 1'c| with c_i = min(max(h_i, min_weight), max_weight).

        Examples
        --------
        >>> Limits(max_turnover=0.1, held=pd.Series({"A": 0.7, "B": 0.3})).attainable(pd.Index(["A", "C"]))[1]
        'turnover 30 %, the least possible'
        """
        n = len(assets)
        if n * self.max_weight < 1 - ROUNDING or n * self.min_weight > 1 + ROUNDING:
            raise ValueError(f"The weights of {n} assets cannot sum to one between min_weight {self.min_weight} and "
                             f"max_weight {self.max_weight}: widen them")
        if not self._limits_turnover:
            return self, ""
        held, sold = self._aligned(assets)
        within = np.clip(held, self.min_weight, self.max_weight)
        least = (abs(within - held).sum() + abs(1 - within.sum()) + sold) / 2
        note = f"turnover {100 * least:.3g} %, the least possible" if least > self.max_turnover + ROUNDING else ""
        return replace(self, max_turnover=min(max(self.max_turnover, least + DUST), 1)), note  # room for a solver

    def constraints(self, w: cp.Expression, assets: pd.Index, total: float | cp.Expression = 1.0) -> list[cp.Constraint]:
        """Linear constraints on weights `w` of `assets` that sum to `total`; the first is on the smallest weight."""
        bounds = [w >= self.min_weight * total]
        if self.max_weight < 1:
            bounds.append(w <= self.max_weight * total)
        if not self._limits_turnover:
            return bounds
        held, sold = self._aligned(assets)
        traded = cp.Variable(len(assets))
        return bounds + [
            w - held * total <= traded,
            held * total - w <= traded,
            cp.sum(traded) + sold * total <= 2 * self.max_turnover * total,
        ]

    def met_by(self, weights: pd.Series) -> bool:
        """Whether weights that sum to one keep these limits."""
        turnover = 0.0
        if self.held is not None:
            held, sold = self._aligned(weights.index)
            turnover = (abs(weights.to_numpy() - held).sum() + sold) / 2
        return bool(weights.min() >= self.min_weight - ROUNDING and weights.max() <= self.max_weight + ROUNDING
                    and turnover <= self.max_turnover + ROUNDING)

    @property
    def _limits_turnover(self) -> bool:
        """Whether a trade is compared with what was held."""
        return self.held is not None and self.max_turnover < 1

    def _aligned(self, assets: pd.Index) -> tuple[np.ndarray, float]:
        """Weight held of each of `assets`, and of all others together."""
        others = self.held[~self.held.index.isin(assets)]
        return self.held.reindex(assets, fill_value=0.0).to_numpy(dtype=float), float(others.abs().sum())


NONE = Limits()


def joined(*notes: str) -> str:
    """Notes of one solution that say something, as one."""
    return "; ".join(filter(None, notes))
