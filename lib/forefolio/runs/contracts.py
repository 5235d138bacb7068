"""The record of a run: hashes of what made each file, the manifest that keeps them, and why a stage has to run.

A stage is up to date when its notebook, its parameters, what it read, the modules it imports, the versions of packages
and what it wrote are all unchanged. `STAGES` lists what each stage reads and writes. `PAPERS` does the same for the
last stage of a study that reproduces a paper. There is no other list.
"""

import ast
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

import forefolio
from forefolio.files import StageError, content_hash, file_hash, in_turn, write_text
from forefolio.runs import measured
from forefolio.study.parameters import PATHS, ROOT
from forefolio.study.vocabulary import FRAMEWORKS
from forefolio.study.vocabulary import listed

NOTEBOOKS = ROOT / "notebooks"
PACKAGE = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "params" / "published"
PARAMS = "study.yml"  # in a point of a sweep: its params file, with which `forefolio run` runs the same study alone
PLOTLY = "figures/plotly.min.js"  # draws all figures of a run folder; some megabytes
SETTINGS = ("PYTHON", "IPYTHON", "KERAS_", "TF_CUDNN_", "TF_DETERMINISTIC_", "TF_DISABLE_", "TF_ENABLE_", "TF_USE_",
            "TF_XLA_", "XLA_", "JAX_", "OMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_",
            "NVIDIA_TF32_OVERRIDE")  # prefixes of environment variables that can change results
NOTHING_YET = "no results yet"
NO_KEY = {"study", "fetch_minutes", *PATHS}  # these change no number, or name a file whose content counts instead


class Contract(NamedTuple):
    """What a stage reads and writes, as paths in the run folder (without figures)."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


def _artifacts(*nouns: str) -> tuple[str, ...]:
    return tuple(f"artifacts/{noun}.parquet" for noun in nouns)


def _tables(*nouns: str) -> tuple[str, ...]:
    return tuple(f"tables/{noun}.csv" for noun in nouns)


STAGES = {
    "01_data": Contract(
        reads=(),
        writes=_artifacts("prices", "returns", "traded", "benchmark") + _tables(
            "universe", "findings", "truth", "periods", "asset_summary")),
    "02_correlation": Contract(
        reads=_artifacts("returns"),
        writes=_artifacts("correlation") + _tables("near_duplicates", "conditioning")),
    "03_mpt_frontier": Contract(
        reads=_artifacts("returns"),
        writes=_artifacts("frontier", "random_portfolios") + _tables("mpt_weights", "mpt_statistics")),
    "04_forecasting": Contract(
        reads=_artifacts("returns", "traded") + _tables("universe"),
        writes=_artifacts("forecasts", "honest_forecasts", "window_means", "training_history", "timings") + _tables(
            "forecast_accuracy", "validation_accuracy", "log_accuracy", "directions", "rivals", "gate", "lag_importance",
            "forecast_spread", "windows", "window_accuracy", "own_forecasts")),
    "05_portfolios": Contract(
        reads=_artifacts("returns", "traded", "forecasts", "window_means") + _tables("gate"),
        writes=_artifacts("weights", "window_weights") + _tables(
            "solver_log", "kept_out", "learning", "gross_exposure", "drawdowns", "cdar", "momentum", "rpp_distance",
            "promised", "risk_forecasts")),
    "06_comparison": Contract(
        reads=_artifacts("returns", "traded", "benchmark", "weights") + _tables(
            "own_forecasts", "solver_log", "kept_out", "gate", "promised"),
        writes=_artifacts("net_returns") + _tables(
            "performance", "monthly_excess", "evidence", "twins", "kept", "advice")),
    "07_evidence": Contract(
        reads=_artifacts("returns", "traded", "benchmark", "forecasts", "honest_forecasts", "weights", "net_returns") + _tables(
            "gate", "performance", "twins"),
        writes=_tables(
            "attribution", "offsets", "seeds", "ranks", "without_best", "intervals", "sharpe_differences", "luck", "costs",
            "leaks", "answer")),
}
PAPERS = {
    "nguyen2025": Contract(
        reads=_artifacts("returns", "weights", "net_returns") + _tables(
            "universe", "periods", "validation_accuracy", "log_accuracy", "directions", "rivals", "momentum", "rpp_distance",
            "drawdowns", "evidence", "twins"),
        writes=_tables("excess", "claims")),
    "zouaoui2025": Contract(
        reads=_artifacts("returns", "benchmark", "frontier", "random_portfolios", "forecasts", "timings", "weights",
                         "window_weights", "net_returns") + _tables(
            "mpt_weights", "mpt_statistics", "window_accuracy", "rivals", "solver_log"),
        writes=_tables("hypotheses", "performance_by_window", "table5_weights", "table5_summary", "claims")),
}
CONTRACTS = STAGES | PAPERS
OF_A_POINT = [stage for stage in STAGES if stage != "07_evidence"]  # of a sweep, unless --evidence is given


def of_run(paper: str) -> list[str]:
    """The stages of a run, in order; `paper` is the study's, or "none"."""
    return [*STAGES, *(name for name in PAPERS if name == paper)]


def path_of(stage: str) -> str:
    """The path of a stage's notebook in the folder of notebooks."""
    return f"papers/{stage}.ipynb" if stage in PAPERS else f"{stage}.ipynb"


def prefix(stage: str) -> str:
    """The prefix of a stage's figures: its number, or the name of its paper."""
    return f"{stage if stage in PAPERS else stage[:2]}_"


def is_setting(variable: str) -> bool:
    """Whether a variable is one of `SETTINGS`; the backend is recorded, and the number of threads changes nothing."""
    return variable.startswith(SETTINGS) and variable != "KERAS_BACKEND" and not variable.endswith("_NUM_THREADS")


def _cells(stage: str) -> list[dict[str, Any]]:
    path = NOTEBOOKS / path_of(stage)
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise StageError(f"{path} cannot be read as a notebook ({error}); restore it from version control") from None


def notebook_hash(stage: str) -> str:
    """SHA-256 of a notebook's cell sources: outputs, metadata and answers to exercises do not count."""
    sources = [["".join(cell["source"]), cell["cell_type"]] for cell in _cells(stage) if not _is_exercise(cell)]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def code_cells(stage: str) -> list[str]:
    """The sources of the code cells of a stage's notebook, up to the one that closes it: exercises follow."""
    return ["".join(cell["source"]).strip() for cell in _cells(stage) if cell["cell_type"] == "code" and not _is_exercise(cell)]


def _is_exercise(cell: dict[str, Any]) -> bool:
    """Whether a reader answers an exercise in a cell, which changes no result."""
    return "exercise" in cell["metadata"].get("tags", [])


def declared_parameters(stage: str) -> dict[str, Any]:
    """Names and values of the parameters that a notebook declares, in order.

    Those that a reader changes stand in its cell tagged `parameters`. The others stand in one tagged `settings` before it,
    which is folded: papermill writes its values after the cell tagged `parameters`, so they hold for both. A line may have
    its type, as in `cost_bps: float = 10.0`, or not, as a reader types it; the last line of a name holds.
    """
    cells = [(cell["metadata"].get("tags", []), "".join(cell["source"])) for cell in _cells(stage)]
    if not any("parameters" in tags for tags, _ in cells):
        raise StageError(f"notebooks/{path_of(stage)} has no cell tagged parameters; tag the one that declares them")
    lines = [line for tags, source in cells if {"parameters", "settings"} & set(tags) for line in ast.parse(source).body]
    named = [(line.target if isinstance(line, ast.AnnAssign) else line.targets[0], line) for line in lines]
    return {target.id: ast.literal_eval(line.value) for target, line in named}


@lru_cache
def _imported(source: str | bytes) -> frozenset[str]:
    """Dotted names that a source text imports anywhere, and the packages above them."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {".".join(filter(None, (getattr(node, "module", ""), name.name))) for node in nodes for name in node.names}
    split = [name.split(".") for name in found]
    return frozenset(".".join(parts[:depth]) for parts in split for depth in range(1, len(parts) + 1))


def _source(module: str) -> bytes | None:
    """The source, on disk, of a module of this package or the user's own; None if it is installed or absent."""
    top, folder = module.split(".")[0], PACKAGE.parent
    if top != PACKAGE.name:
        spec = PathFinder.find_spec(top, [str(NOTEBOOKS), *sys.path])  # kernels run in the folder of the notebooks
        if not forefolio.own(spec):
            return None
        folder = Path(spec.origin).parents[bool(spec.submodule_search_locations)]
    place = folder.joinpath(*module.split("."))
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((file.read_bytes() for file in files if file.exists()), None)


def library_hashes(source: str) -> dict[str, str]:
    """SHA-256 of each module that a source text reaches through imports, by dotted name, as it is on disk.

    Installed modules are left out, because their versions are recorded. Parent packages are included: `from
    forefolio.room import module` also executes the room's `__init__`.
    """
    reached, waiting = {}, set(_imported(source))
    while waiting:
        module = waiting.pop()
        if module not in reached and (text := _source(module)) is not None:
            reached[module] = content_hash(text)
            waiting |= _imported(text)
    return dict(sorted(reached.items()))


def check_loaded(library: dict[str, str]) -> None:
    """Refuse modules whose executed source differs from these hashes, and packages that were replaced since."""
    other = [module for module, was in library.items() if forefolio.LOADED.get(module, was) != was]
    other += measured.replaced(packages(library))
    if other:
        raise StageError(f"this kernel still runs older code of {listed(other)} than the disk holds; restart the "
                         "kernel and run all cells")


def packages(library: dict[str, str], source: str = "") -> set[str]:
    """Packages that modules and a source text import, without this package and Python's own modules."""
    texts = [source, *(_source(module) or b"" for module in library)]
    found = {name for text in texts for name in _imported(text) if "." not in name}
    return found - sys.stdlib_module_names - library.keys()


def environment(library: dict[str, str]) -> dict[str, Any]:
    """Everything else that a result depends on, as found in this process.

    That is the lock file, Python, the kind of processor, the settings of networks, and the imported packages.
    """
    networks = measured.networks() if "forefolio.forecasts.layers" in library else {}  # per asset and joint ones alike
    return {"lock": file_hash(ROOT / "requirements.lock"), "python": ".".join(platform.python_version_tuple()[:2]),
            "machine": platform.machine(), **networks, **measured.versions(packages(library))}


def code(stage: str) -> dict[str, Any]:
    """The code of a stage, independent of its inputs: its notebook, the modules that it reaches, the environment."""
    source = "\n".join(code_cells(stage))
    try:
        library = library_hashes(source)
    except SyntaxError as error:
        raise StageError(f"notebooks/{path_of(stage)}, or a module that it imports, is not plain Python ({error.msg}: "
                         f"{(error.text or '').strip()}); correct that line") from None
    return {"notebook": notebook_hash(stage), "library": library,
            "environment": environment(library) | measured.versions(packages(library, source))}


def counting(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters on which results depend: all except names of runs and files, and those the stage does not use.

    Costs matter for weights only if a framework uses them, so a sweep over costs decides weights once.

    >>> given = {"study": "a", "cost_bps": 20.0, "cost_aware": False, "frameworks": ["mvf"]}
    >>> list(counting(given)), list(counting(given | {"cost_aware": True})), list(counting({"cost_bps": 20.0}))
    (['cost_aware', 'frameworks'], ['cost_bps', 'cost_aware', 'frameworks'], ['cost_bps'])
    """
    free = parameters.get("cost_aware") is False and not any(
        FRAMEWORKS[name].sees == "learned" for name in parameters["frameworks"] if name in FRAMEWORKS)
    return {name: value for name, value in parameters.items() if name not in NO_KEY and not (free and name == "cost_bps")}


def beside(stage: str) -> list[Path]:
    """Files of the repository that a stage shows.

    Of a paper its published numbers, `params/published/<paper>_<table>.csv`, and the results of sweeps over what it leaves
    open, of the same name beside its notebook.
    """
    folders = (PUBLISHED, NOTEBOOKS / "papers") if stage in PAPERS else ()  # a plan asks for each stage of each point
    return sorted(path for folder in folders for path in folder.glob(f"{stage}_*.csv"))


def sealed(folder: Path) -> dict[str, Any] | None:
    """The content of `manifest.json` by stage, each entry with its seal, valid or not; None if it is not a manifest."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def lacking(entry: dict[str, Any]) -> list[str]:
    """Paths of missing pictures of a manifest entry; no browser was usable when its figures were drawn."""
    pictures = (f"{path.removesuffix('.html')}.png" for path in entry["files"] if path.endswith(".html"))
    return [path for path in pictures if path not in entry["files"]]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Manifest entries by stage, without entries that were changed after they were written."""
    found = sealed(folder) or {}
    return {stage: found[stage]["entry"] for stage in CONTRACTS if stage in found and _whole(found[stage])}


def _whole(kept: Any) -> bool:
    """Whether an entry is unchanged and complete."""
    try:
        entry = kept["entry"]
        return kept["seal"] == combined(entry) and all(isinstance(entry[name], dict) for name in ("parameters", "files"))
    except (TypeError, KeyError, RecursionError):
        return False


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest in one step, stages in order, each entry sealed with its hash."""
    sealed = {stage: {"seal": combined(manifest[stage]), "entry": manifest[stage]}
              for stage in CONTRACTS if stage in manifest}
    write_text(folder / "manifest.json", json.dumps(sealed, indent=1) + "\n")


@contextmanager
def changing(folder: Path) -> Iterator[dict[str, Any]]:
    """The manifest, to be changed by one process at a time: stages of a run may end at the same moment."""
    with in_turn(folder / ".manifest.lock"):
        manifest = read_manifest(folder)
        yield manifest
        write_manifest(folder, manifest)


def conditions(folder: Path, stage: str, parameters: dict[str, Any], sources: list[str],
               made_of: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything that a stage's results depend on, as the manifest records it.

    `sources` are hashes of files from outside the run folder, such as prices or the user's own forecasts. `made_of` is
    the stage's `code`, if it is known.
    """
    return {**(made_of or code(stage)), "parameters": counting(parameters), "sources": sources,
            "published": {path.name: file_hash(path) for path in beside(stage)},
            "reads": {path: file_hash(folder / path) for path in CONTRACTS[stage].reads if (folder / path).is_file()}}


def why_stale(folder: Path, stage: str, now: dict[str, Any], hashed: Callable[[Path], str] = file_hash) -> str:
    """Why a stage has to run, in a few words; empty if it is up to date."""
    entry = read_manifest(folder).get(stage)
    if entry is None:
        return NOTHING_YET if stage not in (sealed(folder) or {}) else "its entry in manifest.json was changed"
    for name in ("notebook", "parameters", "sources", "published", "reads", "library", "environment"):
        was = entry.get(name)  # an entry of an older version may lack it
        if was != now[name]:
            if isinstance(now[name], dict) and isinstance(was, dict):
                changed = sorted(key for key in now[name].keys() | was.keys() if now[name].get(key) != was.get(key))
                return f"{name} changed: {', '.join(changed)}"
            return f"{name} changed"
    for path, was in entry["files"].items():
        if not (folder / path).is_file():
            return f"{path} is gone"
        if hashed(folder / path) != was:
            return f"{path} was changed"
    return ""


def readers(stage: str) -> list[str]:
    """The stage and all stages that read its results, directly or indirectly, in order."""
    found, written = [], set()
    for later, contract in CONTRACTS.items():
        if later == stage or written.intersection(contract.reads):
            found.append(later)
            written.update(contract.writes)
    return found


def makers(stage: str) -> set[str]:
    """The stages that write what a stage reads."""
    return {name for name, contract in CONTRACTS.items() if set(contract.writes) & set(CONTRACTS[stage].reads)}


def forget(folder: Path, stage: str) -> None:
    """Remove the results of a stage, of all that read it and of another paper's stage, manifest entries first.

    Both papers write `tables/claims.csv`, so a run folder holds one of them.
    """
    dropped = {*readers(stage), *(PAPERS if stage in PAPERS else ())}
    if read_manifest(folder).keys() & dropped:
        with changing(folder) as manifest:
            for name in manifest.keys() & dropped:
                del manifest[name]
    for name in dropped:
        aside = [f"*/.{Path(path).stem}.*" for path in CONTRACTS[name].writes]  # left by a killed process
        left = [f"{name}.ipynb", opening(folder, name).name, *CONTRACTS[name].writes, *aside]
        for pattern in (*left, f"figures/{prefix(name)}*", f"figures/.{prefix(name)}*"):
            for path in sorted(folder.glob(pattern)):
                path.unlink(missing_ok=True)


def opening(folder: Path, stage: str) -> Path:
    """The file that marks an open stage; a later opening or rerun of the stage replaces it."""
    return folder / f".{stage}.open"


def strangers(folder: Path) -> list[str]:
    """Result files and notebooks that no manifest entry covers.

    Files that may belong to a stage with a changed entry, and the notebook of a failed stage, do not count.
    """
    manifest = read_manifest(folder)
    known = {path for entry in manifest.values() for path in entry["files"]}
    known |= {f"{stage}.ipynb" for stage in CONTRACTS if stage not in manifest}
    doubtful = [stage for stage in sealed(folder) or () if stage in CONTRACTS and stage not in manifest]
    known |= {path for stage in doubtful for path in CONTRACTS[stage].writes}
    found = [path for kind in ("artifacts", "tables", "figures") for path in (folder / kind).glob("*")
             if not path.name.startswith(tuple(prefix(stage) for stage in doubtful))]
    return sorted({path.relative_to(folder).as_posix() for path in (*found, *folder.glob("*.ipynb"))
                   if not path.name.startswith(".")} - known)


def combined(values: dict[str, Any]) -> str:
    """One hash of many values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
