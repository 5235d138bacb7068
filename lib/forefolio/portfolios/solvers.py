"""How portfolio problems are solved: solvers and their tolerances, and the form of what goes in and comes out.

Problems are scaled until their optimum is of order one, because solvers stop at absolute tolerances and a daily
variance is near 1e-4.

Limits of a long-only portfolio: bounds on its weights, and on what a rebalance may trade.

A `Limits` is handed to a problem of `portfolios` or `drawdowns`, which adds its constraints to its own.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cvxpy as cp
import highspy
import numpy as np
import pandas as pd
from scipy import linalg, sparse

DUST = 1e-6  # a weight below zero by less is a solver's rounding
PRICED = 1e-6  # a multiplier above is none of a solver's rounding
TIGHT = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10}
ATTEMPTS = {  # options, one after the other until a solver reaches the optimum; Clarabel unscaled gets past a stall
    cp.CLARABEL: [TIGHT, {**TIGHT, "equilibrate_enable": False}, {}],
    cp.HIGHS: [{"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}, {}],
}


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


def solve(problem: cp.Problem, solver: str) -> None:
    """Solve to our tolerances, else to the solver's own, or raise `OptimizationError` with the solver's status."""
    for options in ATTEMPTS[solver]:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Solution may be inaccurate")  # its status says so, and is refused
                problem.solve(solver=solver, **options)
            reason = f"status {problem.status}"
        except cp.SolverError as error:
            reason = str(error)
        if problem.status == cp.OPTIMAL:
            return
    raise OptimizationError(_unsolved(solver, reason))


class LinearProgram:
    """A linear program in weights `w` and other variables, kept by HiGHS, which goes on from its last solution.

    cvxpy reads the objective and the constraints once. Rows on the weights can be added between solutions.
    """

    def __init__(self, objective: cp.Expression, constraints: list[cp.Constraint], w: cp.Variable) -> None:
        data, _, _ = cp.Problem(cp.Minimize(objective), constraints).get_problem_data(cp.HIGHS)
        first = data["param_prob"].var_id_to_col[w.id]
        self._cost, self._of_w = data["c"], slice(first, first + w.size)
        self._rows, n_equalities = data["A"].tocsr(), data["dims"].zero  # A x = b in the first rows, then A x <= b
        self._equality = np.arange(len(data["b"])) < n_equalities
        self._highs = highspy.Highs()
        self._highs.silent()
        free = np.full(len(self._cost), np.inf)
        self._highs.addVars(len(free), -free, free)
        self._highs.changeColsCost(len(free), np.arange(len(free), dtype=np.int32), self._cost)
        self._add(self._rows, np.where(self._equality, data["b"], -np.inf), data["b"])

    def bound(self, slopes: np.ndarray, offsets: np.ndarray) -> None:
        """Add the rows objective >= offsets + slopes @ w."""
        rows = np.tile(self._cost, (len(offsets), 1))
        rows[:, self._of_w] -= slopes
        self._add(sparse.csr_matrix(rows), offsets, np.full(len(offsets), np.inf))

    def minimize(self) -> tuple[float, np.ndarray]:
        """Smallest objective and its weights; `OptimizationError` as in `solve`."""
        for options in ATTEMPTS[cp.HIGHS]:
            self._highs.resetOptions()
            self._highs.silent()
            for name, value in options.items():
                self._highs.setOptionValue(name, value)
            self._highs.run()
            status = self._highs.getModelStatus()
            if status == highspy.HighsModelStatus.kOptimal:
                x = np.array(self._highs.getSolution().col_value)
                weights = x[self._of_w]
                return float(self._cost @ x), long_only(weights, pd.RangeIndex(len(weights))).to_numpy()
            self._highs.clearSolver()
        raise OptimizationError(_unsolved(cp.HIGHS, f"status {self._highs.modelStatusToString(status)}"))

    def prices_of_bounds(self) -> np.ndarray:
        """Multiplier of each row that was added, in the order of adding."""
        return self._prices()[len(self._equality):]

    def fixed(self) -> np.ndarray:
        """Rows, shape (n_rows, n_assets), whose products with the weights are the same at every optimum.

        All optima meet with equality every constraint that has a price. The other variables are eliminated from these.
        """
        met = self._rows[self._equality | (self._prices()[:len(self._equality)] > PRICED)].toarray()
        on_w, on_others = met[:, self._of_w], np.delete(met, self._of_w, axis=1)
        return on_w - on_others @ linalg.lstsq(on_others, on_w, lapack_driver="gelsy")[0]

    def _prices(self) -> np.ndarray:
        """Size of every row's multiplier."""
        return abs(np.array(self._highs.getSolution().row_dual))

    def _add(self, rows: sparse.csr_matrix, lower: np.ndarray, upper: np.ndarray) -> None:
        """Add rows lower <= rows x <= upper."""
        self._highs.addRows(len(lower), lower, upper, rows.nnz, rows.indptr[:-1].astype(np.int32),
                            rows.indices.astype(np.int32), rows.data)


def long_only(weights: np.ndarray, assets: pd.Index) -> pd.Series:
    """Label weights, set a solver's dust below zero to zero, and rescale to sum one."""
    if not (weights > -DUST).all():
        raise OptimizationError(f"The solver gave a weight of {weights.min():.1e} where none may be negative")
    kept = np.maximum(weights, 0)
    return pd.Series(kept / kept.sum(), index=assets, name="weight")


def named(assets: Sequence[str]) -> str:
    """The first three assets and the number of others, for a sentence.

    >>> named(["A", "B", "C", "D", "E"])
    'A, B, C and 2 others'
    """
    shown, more = assets[:3], len(assets) - 3
    return ", ".join(map(str, shown)) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def smallest(values: np.ndarray) -> float:
    """Smallest positive value, one if there is none: a unit in which an optimum is near one."""
    return float(values[values > 0].min()) if (values > 0).any() else 1.0


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
    if not len(R):
        raise OptimizationError("There are no scenarios: give at least one day of returns")
    gaps = scenarios.columns[~np.isfinite(R).all(axis=0)]
    if len(gaps):
        raise OptimizationError(f"Scenarios have gaps in {named(gaps)}: complete or drop them")
    return R


def _unsolved(solver: str, reason: str) -> str:
    """What is said of a solver that stopped short."""
    return f"{solver} did not reach the optimum ({reason}), so its weights were not taken"

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
