"""Runs the stages of a study through papermill, in order, and only those that are not up to date.

The study is checked against its market before any kernel starts. A stage that fails keeps its executed notebook,
stops the run, and leaves nothing of the later stages in view.
"""

import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from forefolio import markets, provenance, returns, universe
from forefolio.artifacts import INSIDE_A_RUN, locked, read_frame
from forefolio.provenance import STAGES
from forefolio.study import Study, StudyError, as_parameters


class StageFailed(RuntimeError):
    """A stage whose notebook raised; the message says which, where the executed notebook is, and why."""


def check_market(study: Study) -> list[Path]:
    """Check that a study fits its market: universe, periods and windows, as stage 01 and 04 will need them.

    Returns
    -------
    list of Path
        The files that the prices come from.

    Raises
    ------
    ValueError
        One sentence naming the parameter that does not fit.
    """
    market = markets.load(study)
    train_end, validation_end = study.train_end.isoformat(), study.validation_end.isoformat()
    try:
        prices, _ = universe.choose(
            market.prices, train_end=train_end, validation_end=validation_end, max_missing=study.max_missing,
            fill_limit=study.fill_limit, largest_jump=study.jump_threshold if study.drop_jumps else math.inf,
            required=[] if study.allow_missing_tickers else study.tickers)
        index = returns.simple_returns(prices).index
        periods = returns.periods(index, train_end=train_end, validation_end=validation_end).set_index("period")
    except ValueError as error:
        raise StudyError(str(error)) from None
    regular = study.covariance_estimator != "sample" or study.ridge > 0  # solvable with fewer days than assets
    training, validation = (int(periods.loc[name, "n_days"]) for name in ("training", "validation"))
    longest = max(study.windows) * (2 if study.network_target == "window" else 1) * (study.network_scope == "joint")
    for name, needed, there, why in [
            ("windows", longest, min(training, validation), "a period has no room for a window and its labels"),
            ("train_end", 2 if regular else prices.shape[1] + 2, training,
             f"the sample covariance of {prices.shape[1]} assets needs more, or set covariance_estimator or ridge"),
            ("lookback", study.lookback + 1, training, "the training period has no window"),
            ("predictability_lag", study.predictability_lag * (study.source == "simulated") + 1, training,
             "nothing carries over within the training period"),
            ("ar_lags", 2 * study.ar_lags + 2, training, "the training period cannot fit them"),
            ("correlation_window", study.correlation_window, len(index), "that is all there is"),
            ("estimation_window", study.estimation_window, training + validation, "no more is known at the first rebalance"),
            ("residual_window", study.residual_window * study.use_residual, validation, "only validation has forecasts")]:
        if needed > there:
            raise StudyError(f"{name}: {getattr(study, name)} does not fit {there} returns; {why}, so shorten it or "
                             "move start, train_end or validation_end")
    n, bounded = prices.shape[1], bool({"mvf", "rpp", "mdp"} & set(study.frameworks))
    for name, fits, mend in [("max_weight", n * study.max_weight >= 1 - 1e-9, f"give at least {1 / n:.4g}"),
                             ("min_weight", n * study.min_weight <= 1 + 1e-9, f"give at most {1 / n:.4g}")]:
        if bounded and not fits:
            raise StudyError(f"{name}: {getattr(study, name)} lets no weights of {n} assets sum to one; {mend}")
    if study.scenarios == "forecast_only" and {"rpp", "mdp"} & set(study.frameworks) and validation < 2:
        raise StudyError("scenarios: forecast_only needs forecasts of days before the first rebalance, and the validation "
                         f"period, which alone has them, has {validation}; move train_end, or choose another")
    return market.files


def run(study: Study, *, first: str | None = None, last: str | None = None, force: bool = False) -> Path:
    """Bring the stages of a study up to date, from `first` to `last`.

    Parameters
    ----------
    study : what to run; its results lie in the outputs folder under its name.
    first, last : names of stages; all of them where not given.
    force : run stages that are up to date as well.

    Returns
    -------
    Path
        The run folder.

    Raises
    ------
    ValueError, StageError
        What a user can mend, before any kernel has started.
    StageFailed
        A stage raised; earlier stages are whole, later ones out of sight.
    """
    names = list(STAGES)
    begin, end = names.index(first) if first else 0, names.index(last) if last else len(names) - 1
    if begin > end:
        raise StudyError(f"--from {first} comes after --to {last}; the order is {', '.join(names)}")
    folder = provenance.outputs_folder() / study.study
    os.environ["FOREFOLIO_OUTPUTS"] = str(folder.parent)  # kernels have another current folder
    sources = {"01_data": check_market(study)}
    values = as_parameters(study)
    for name in names[:begin]:
        why = _why_stale(folder, name, values, sources)[0]
        if why and set(names[begin:end + 1]) & set(provenance.readers(name)):
            raise StudyError(f"--from {first}: {name} is not up to date for this study ({why}); start from there, or "
                             "leave --from out")
    with locked(folder, "`forefolio run`"):
        for name in names[begin:end + 1]:
            why, now = _why_stale(folder, name, values, sources)
            parameters = {key: values[key] for key in provenance.declared_parameters(name)}
            if why or force:
                _execute(folder, name, parameters, why or "asked for with --force")
            else:
                print(f"{name}  up to date", flush=True)
                provenance.append_ledger(folder, point=study.study, stage=name, state="up to date",
                                         started=time.time(), seconds=0.0, parameters=parameters,
                                         library_hash=provenance.combined(now["library"]))
    return folder


def _why_stale(folder: Path, name: str, values: dict[str, Any],
               sources: dict[str, list[Path]]) -> tuple[str, dict[str, Any]]:
    """Why a stage has to run for these values, '' where it need not, and the conditions that it would run under."""
    parameters = {key: values[key] for key in provenance.declared_parameters(name)}
    now = provenance.conditions(folder, name, parameters, sources.get(name, []))
    return provenance.why_stale(folder, name, now), now


def _execute(folder: Path, name: str, parameters: dict[str, Any], why: str) -> None:
    """Execute one notebook; it takes its final name only when it is whole, whether it succeeded or not."""
    import papermill  # seconds to import, and a run that is up to date does not need it
    from traitlets.config import Config

    print(f"{name}  running ({why})", flush=True)
    os.environ[INSIDE_A_RUN] = str(folder)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # silences the debugger in kernels
    aside, executed = folder / f".{name}.running.ipynb", folder / f"{name}.ipynb"
    started = time.time()
    provenance.forget(folder, name)
    state, message = "failed", ""
    try:
        papermill.execute_notebook(
            provenance.NOTEBOOKS / f"{name}.ipynb", aside, parameters, kernel_name="python3", cwd=provenance.NOTEBOOKS,
            progress_bar={"desc": name, "unit": "cell", "leave": False} if sys.stderr.isatty() else False,
            config=Config({"KernelManager": {"transport_encryption": "auto"},
                           "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]}}))
        if name not in provenance.read_manifest(folder):
            message = "the notebook ended without closing its stage"
    except KeyboardInterrupt:
        state, message = "cancelled", "interrupted"
        raise
    except papermill.PapermillExecutionError as error:
        message = f"{error.ename}: {error.evalue}"
    except Exception as error:  # a kernel that died or did not start: the ledger names it, the user is told
        message = f"{type(error).__name__}: {error}"
    else:
        state = state if message else "done"
    finally:
        os.environ.pop(INSIDE_A_RUN)
        if state != "done":
            provenance.forget(folder, name)
        if aside.exists():
            os.replace(aside, executed)
        if state != "done":
            provenance.append_ledger(folder, point=folder.name, stage=name, state=state, started=started,
                                     seconds=round(time.time() - started, 1), parameters=parameters, error=message,
                                     library_hash=provenance.combined(provenance.library_hashes(
                                         provenance.stage_code(name))), notebook=executed.name)
    if state != "done":
        raise StageFailed(f"{name} failed with {message}\nits executed notebook, with the error in it: {executed}")
    provenance.record_executed(folder, name, executed)
    print(f"{name}  done in {time.time() - started:.0f} s", flush=True)


def verify(folder: Path) -> list[str]:
    """Check by hashes alone that every file of a run is what this code and its parameters made.

    Returns
    -------
    list of str
        What is wrong, one sentence each; empty when nothing is.
    """
    manifest, wrong, seen = provenance.read_manifest(folder), [], {}
    for name in STAGES:
        entry = manifest.get(name, {"parameters": {}, "sources": []})
        now = provenance.conditions(folder, name, entry["parameters"], []) | {"sources": entry["sources"]}
        why = provenance.why_stale(folder, name, now)
        if why:
            wrong.append(f"{name}: {why}")
        for parameter, value in entry["parameters"].items():
            stage, was = seen.setdefault(parameter, (name, value))
            if was != value:
                wrong.append(f"{name}: {parameter} is {value!r}, but {stage} was run with {was!r}")
    return wrong + [f"{path} was made by no stage" for path in provenance.strangers(folder)]


def strategies_table(folder: Path) -> str:
    """The few columns of the performance table that a terminal has room for."""
    table = read_frame(folder / "tables" / "performance.csv").set_index("strategy")
    fractions = ["total_return", "annual_return", "annual_volatility", "max_drawdown", "turnover"]
    shown = table[fractions].map(lambda value: "" if pd.isna(value) else f"{value:.1%}")
    for ratio in ("sharpe", "information_ratio"):
        shown[ratio] = table[ratio].map(lambda value: "" if pd.isna(value) else f"{value:.2f}")
    return shown.rename_axis(index=None).to_string()
