"""How portfolio problems are solved: solvers and their tolerances, and the form of what goes in and comes out.

Problems are scaled until their optimum is of order one, because solvers stop at absolute tolerances and a daily
variance is near 1e-4.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pandas as pd

DUST = 1e-6  # a weight below zero by less is a solver's rounding
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
    raise OptimizationError(f"{solver} did not reach the optimum ({reason}), so its weights were not taken")


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
