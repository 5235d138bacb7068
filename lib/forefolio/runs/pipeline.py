"""Runs the stages of a study through papermill, in order, and only those that are not up to date.

The study is checked against its market before any kernel starts. A stage that fails keeps its executed notebook and
stops the run; results of later stages are removed.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forefolio import files
from forefolio.runs import contracts, market_fit, pictures
from forefolio.study.parameters import Study, StudyError, as_parameters, load
from forefolio.study.vocabulary import listed

FRACTIONS = ("total_return", "annual_return", "annual_volatility", "max_drawdown", "turnover")  # in tables of strategies
RATIOS = ("sharpe", "information_ratio")


def run(study: Study, *, first: str | None = None, last: str | None = None, force: bool = False,
        minutes: float = files.LIMIT) -> Path:
    """Bring the stages of a study up to date, from `first` to `last`, and return the run folder.

    A stage that takes more than `minutes` is ended.

    Raises
    ------
    StudyError, StageError
        A problem that the user can fix; no kernel has started.
    RunFailed
        A stage failed; results of earlier stages are complete, those of later stages are removed.
    """
    names = contracts.of_run(study.paper)
    for option, name in (("--from", first), ("--to", last)):
        if name and name not in names:
            raise StudyError(f"{option} {name}: this study has `paper: {study.paper}`, so it has no such stage; set paper to {name}")
    begin, end = names.index(first) if first else 0, names.index(last) if last else len(names) - 1
    if begin > end:
        raise StudyError(f"--from {first} comes after --to {last}; the order is {', '.join(names)}")
    folder = files.outputs_folder() / study.study
    files.check_kind(folder, "run")
    outside, values = market_fit.check(study), as_parameters(study)
    given = {name: {key: values[key] for key in contracts.declared_parameters(name)} for name in names}

    def conditions(name: str) -> dict[str, Any]:
        return contracts.conditions(folder, name, given[name], [*outside.get(name, {}).values()])

    for name in names[:begin]:
        why = contracts.why_stale(folder, name, conditions(name))
        if why and set(names[begin:end + 1]) & set(contracts.readers(name)):
            raise StudyError(f"--from {first}: {name} is not up to date for this study ({why}); start from there, or "
                             "leave --from out")
    with files.locked(folder, "`forefolio run`"):
        in_vain = False  # whether a kernel of this call has looked for a browser
        for name in names[begin:end + 1]:
            now = conditions(name)
            why = contracts.why_stale(folder, name, now)
            if why or force:
                _execute(folder, name, given[name], why or "asked for with --force", minutes, in_vain)
                in_vain |= bool(contracts.lacking(contracts.read_manifest(folder)[name]))
            else:
                print(f"{name}  up to date", flush=True)
                files.append_to_ledger(folder, files.ledger_line(
                    point=study.study, stage=name, state="up to date", started=time.time(), seconds=0.0,
                    parameters=given[name], library_hash=contracts.combined(now["library"])))
        _draw(folder, names[begin:end + 1], tried=in_vain)
    return folder


def _draw(folder: Path, names: list[str], *, tried: bool) -> None:
    """Draw missing pictures of figures, unless that was just `tried`, and say how many are still missing."""
    manifest = contracts.read_manifest(folder)
    lacking = {name: manifest[name] for name in names if contracts.lacking(manifest[name])}
    if lacking and not tried:
        from forefolio.runs import redraw  # half a second to import

        print(f"pictures  drawing what {listed(list(lacking))} lack", flush=True)
        lacking = dict(zip(lacking, redraw.completed([(folder, entry) for entry in lacking.values()]), strict=True))
        contracts.write_manifest(folder, manifest | lacking)
    if missing := sum(len(contracts.lacking(entry)) for entry in lacking.values()):
        print(pictures.missed(missing), flush=True)


def _execute(folder: Path, name: str, parameters: dict[str, Any], why: str, minutes: float, in_vain: bool) -> None:
    """Execute one notebook, and report it in the ledger and to the user."""
    from forefolio.runs import execution  # papermill takes seconds to import, and a run that is up to date needs none

    print(f"{name}  running ({why})", flush=True)
    entry = execution.stage(folder, name, parameters, point=folder.name, minutes=minutes, bar=sys.stderr.isatty(),
                            environment=pictures.told(in_vain), tell=lambda line: print(f"{name}  {line}", flush=True))
    files.append_to_ledger(folder, entry)
    if entry["state"] == "cancelled":
        raise KeyboardInterrupt
    if entry["state"] != "done":
        how = "failed with" if entry["state"] == "failed" else entry["state"]
        executed = entry["notebook"]
        shown = f"\nits executed notebook, with the error in it: {folder / executed}" if executed else ""
        raise files.RunFailed(f"{name} {how} {entry['error']}{shown}")
    print(f"{name}  done in {entry['seconds']:.0f} s", flush=True)


def verify(folder: Path, code: Callable[[str], dict[str, Any]] = contracts.code,
           hashed: Callable[[Path], str] = files.file_hash) -> list[str]:
    """Every problem of a run, one sentence each; hashes show whether this code and its parameters made each file.

    `code` returns the code of a stage and `hashed` the hash of a file; callers may pass versions that cache.
    """
    kept, manifest, seen = contracts.sealed(folder), contracts.read_manifest(folder), {}
    if kept is None:
        return ["manifest.json is gone or was changed, so nothing says what made the files; make them again"]
    wrong = [f"{name} in manifest.json is not a stage" for name in kept if name not in contracts.CONTRACTS]
    a_point = (folder.parent / files.MARKS["sweep"]).exists()
    always = contracts.OF_A_POINT if a_point else contracts.STAGES
    wanted = [name for name in contracts.CONTRACTS if name in kept or name in always]
    if (folder / contracts.PARAMS).exists():
        try:
            values = as_parameters(load(folder / contracts.PARAMS))
            seen = {name: (contracts.PARAMS, value) for name, value in values.items()}
        except StudyError as error:
            wrong.append(str(error))
    for name in wanted:
        entry = manifest.get(name, {"parameters": {}})
        sources = entry.get("sources", [])
        now = contracts.conditions(folder, name, entry["parameters"], sources, code(name))
        why = contracts.why_stale(folder, name, now, hashed)
        if why:
            wrong.append(f"{name}: {why}")
        for parameter, value in entry["parameters"].items():
            where, was = seen.setdefault(parameter, (name, value))
            if was != value:
                wrong.append(f"{name}: {parameter} was {value!r}, but {was!r} in {where}")
    return wrong + [f"{path} was made by no stage" for path in contracts.strangers(folder)]


def strategies_table(folder: Path) -> str:
    """The columns of the performance table that fit into a terminal."""
    table = files.read_frame(folder / "tables" / "performance.csv").set_index("strategy")
    formats = dict.fromkeys(FRACTIONS, "{:.1%}".format) | dict.fromkeys(RATIOS, "{:.2f}".format)
    return table[list(formats)].to_string(formatters=formats, na_rep="", index_names=False)
