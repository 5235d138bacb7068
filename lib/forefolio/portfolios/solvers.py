"""How portfolio problems are solved: solvers, tolerances, limits as constraints, and removal of rounding.

Problems are scaled so that their optimum is of order one, because solvers stop at absolute tolerances and a daily
variance is near 1e-4.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

import clarabel
import cvxpy as cp
import highspy
import numpy as np
import pandas as pd
from scipy import linalg, sparse

from forefolio.portfolios.problems import DUST, Limits, OptimizationError

PRICED = 1e-6  # a larger multiplier is not rounding
TIGHT = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10}
EXACT = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}
ATTEMPTS = {  # options to try in turn until a solver reaches the optimum; Clarabel without scaling gets past a stall
    cp.CLARABEL: [TIGHT, {**TIGHT, "equilibrate_enable": False}, {}],
    cp.HIGHS: [EXACT],
}

Stated = TypeVar("Stated")


def kept(statement: Callable[[Limits, pd.Index], Stated]) -> Callable[[Limits, pd.Index], Stated]:
    """Keep what a function states in cvxpy for a number of assets and bounds; compiling takes longer than solving.

    Numbers that differ from one solution to the next are parameters of the statement. Holdings before a trade are not,
    so a statement with a limit on turnover, or with costs, is made and compiled again each time.
    """
    @lru_cache(maxsize=16)
    def same(n_assets: int, min_weight: float, max_weight: float) -> Stated:
        return statement(Limits(min_weight, max_weight), pd.RangeIndex(n_assets))

    def stated(limits: Limits, assets: pd.Index) -> Stated:
        if limits.limits_turnover or limits.counts_costs:
            return statement(limits, assets)
        return same(len(assets), limits.min_weight, limits.max_weight)

    return stated


def solve(problem: cp.Problem, solver: str, **closer: float) -> None:
    """Solve to our tolerances, otherwise to the solver's own, or raise `OptimizationError` with the solver's status.

    `closer` holds solver options for every attempt.
    """
    for options in ATTEMPTS[solver]:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Solution may be inaccurate")  # such a status is refused
                problem.solve(solver=solver, **options, **closer)
            reason = f"status {problem.status}"
        except cp.SolverError as error:
            reason = str(error)
        if problem.status == cp.OPTIMAL:
            return
    raise OptimizationError(_unsolved(solver, reason))


class QuadraticProgram:
    """A quadratic program in weights `w` with parameters; cvxpy compiles it once, for Clarabel.

    Clarabel gets its matrices directly, because cvxpy's own way from new values to a solution takes several times as
    long as the solution of a small program.
    """

    def __init__(self, problem: cp.Problem, w: cp.Variable) -> None:
        for parameter in problem.parameters():
            parameter.value = np.zeros(parameter.shape)
        data, _, _ = problem.get_problem_data(cp.CLARABEL)
        compiled = data["param_prob"]  # all is linear in the parameters and a last 1: x'Px/2 + q'x, and A x with bounds
        first, n, n_rows = compiled.var_id_to_col[w.id], len(data["c"]), len(data["b"])
        self._of_w, self._cones = slice(first, first + w.size), [clarabel.ZeroConeT(data["dims"].zero),
                                                                 clarabel.NonnegativeConeT(data["dims"].nonneg)]
        self._first = {parameter.name(): compiled.param_id_to_col[parameter.id] for parameter in problem.parameters()}
        rows = compiled.A.tocsr()  # column by column, without the sign that Clarabel needs, the bounds last
        self._n_values, self._linear, self._bounds = compiled.q.shape[1], compiled.q[:-1].tocsr(), rows[n_rows * n:]
        self._square, self._rows = _Entries(compiled.P.tocsr(), n, upper=True), _Entries(-rows[:n_rows * n], n_rows)

    def minimize(self, **values: np.ndarray | float) -> np.ndarray:
        """The weights at given values of all parameters, by name; `OptimizationError` as in `solve`."""
        given = np.ones(self._n_values)
        for name, first in self._first.items():
            value = np.ravel(values[name], order="F")
            given[first:first + len(value)] = value
        stated = (self._square.at(given), self._linear @ given, self._rows.at(given), self._bounds @ given, self._cones)
        for options in ATTEMPTS[cp.CLARABEL]:
            settings = clarabel.DefaultSettings()
            for name, value in {"verbose": False, **options}.items():
                setattr(settings, name, value)
            found = clarabel.DefaultSolver(*stated, settings).solve()
            if found.status == clarabel.SolverStatus.Solved:
                return _without_dust(np.array(found.x)[self._of_w])
        raise OptimizationError(_unsolved(cp.CLARABEL, f"status {found.status}"))


class _Entries:
    """The entries of a sparse matrix that are not always zero, each linear in the values of a program's parameters."""

    def __init__(self, linear: sparse.csr_array, n_rows: int, *, upper: bool = False) -> None:
        at = np.flatnonzero(np.diff(linear.indptr))  # places, column by column
        at = at[at % n_rows <= at // n_rows] if upper else at
        self._shape = n_rows, linear.shape[0] // n_rows
        self._linear, self._row = linear[at], at % n_rows
        self._column = np.searchsorted(at // n_rows, np.arange(self._shape[1] + 1))

    def at(self, given: np.ndarray) -> sparse.csc_matrix:
        """The matrix at these values."""
        return sparse.csc_matrix((self._linear @ given, self._row, self._column), self._shape)


class LinearProgram:
    """A linear program in weights `w` and other variables, kept by HiGHS, which starts from its last solution.

    cvxpy compiles the problem once. Rows on the weights can be added between solutions.
    """

    def __init__(self, problem: cp.Problem, w: cp.Variable) -> None:
        data, _, _ = problem.get_problem_data(cp.HIGHS)
        first = data["param_prob"].var_id_to_col[w.id]
        self._cost, self._of_w = data["c"], slice(first, first + w.size)
        self._rows, n_equalities = data["A"].tocsr(), data["dims"].zero  # A x = b in the first rows, then A x <= b
        self._equality = np.arange(len(data["b"])) < n_equalities
        self._highs = highspy.Highs()
        self._highs.silent()
        for name, value in EXACT.items():
            self._highs.setOptionValue(name, value)
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
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise OptimizationError(_unsolved(cp.HIGHS, f"status {self._highs.modelStatusToString(status)}"))
        x = np.array(self._highs.getSolution().col_value)
        return float(self._cost @ x), _without_dust(x[self._of_w])

    def fixed(self, by_bound: Sequence[np.ndarray] = ()) -> np.ndarray:
        """Rows (n_rows, n_assets) whose products with the weights are the same at every optimum.

        All optima meet every constraint with a positive multiplier with equality; the other variables are eliminated
        from these. `by_bound` has, for each added row with a positive multiplier, the rows that it fixes.
        """
        priced = abs(np.array(self._highs.getSolution().row_dual)) > PRICED
        n = len(self._equality)
        met = self._rows[self._equality | priced[:n]].toarray()
        on_w, on_others = met[:, self._of_w], np.delete(met, self._of_w, axis=1)
        eliminated = on_w - on_others @ linalg.lstsq(on_others, on_w, lapack_driver="gelsy")[0]
        return np.vstack([eliminated, *(rows for rows, counts in zip(by_bound, priced[n:]) if counts)])

    def _add(self, rows: sparse.csr_matrix, lower: np.ndarray, upper: np.ndarray) -> None:
        """Add rows lower <= rows x <= upper."""
        self._highs.addRows(len(lower), lower, upper, rows.nnz, rows.indptr[:-1].astype(np.int32),
                            rows.indices.astype(np.int32), rows.data)


def without_dust(weights: np.ndarray, assets: pd.Index) -> pd.Series:
    """Label weights, set tiny negative weights from rounding to zero, and rescale the sum to one."""
    return pd.Series(_without_dust(weights), index=assets, name="weight")


def _without_dust(weights: np.ndarray) -> np.ndarray:
    """The same without labels."""
    if not (weights > -DUST).all():
        raise OptimizationError(f"The solver gave a weight of {weights.min():.1e}, and no weight may be negative")
    positive = np.maximum(weights, 0)
    return positive / positive.sum()


def smallest(values: np.ndarray) -> float:
    """Smallest positive value, or one if there is none; used as a unit in which an optimum is near one."""
    return float(values[values > 0].min()) if (values > 0).any() else 1.0


def within(limits: Limits, w: cp.Expression, assets: pd.Index,
           total: float | cp.Expression = 1.0) -> list[cp.Constraint]:
    """Linear constraints on weights `w` of `assets` that sum to `total`; the first one bounds the smallest weight."""
    bounds = [w >= limits.min_weight * total if limits.min_weight > 0 else w >= 0]
    if limits.max_weight < 1:
        bounds.append(w <= limits.max_weight * total)
    if not limits.limits_turnover:
        return bounds
    held, sold = limits.traded_from(assets)
    traded = cp.Variable(len(assets))
    return bounds + [
        w - held * total <= traded,
        held * total - w <= traded,
        cp.sum(traded) + sold * total <= 2 * limits.max_turnover * total,
    ]


def _unsolved(solver: str, reason: str) -> str:
    """The error for a solver that did not reach the optimum."""
    return f"{solver} did not reach the optimum ({reason}), so its weights were not taken"
