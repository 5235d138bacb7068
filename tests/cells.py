"""A stage without its kernel: the cells of its notebook in this process, where kernels are not what is tested."""

from pathlib import Path
from typing import Any

from forefolio.runs import contracts, market_fit
from forefolio.study.parameters import as_parameters, load

EXAMPLE = "04_forecasting", "alone."  # the small network that 04 trains by hand: it has no parameter, the default run trains it


def execute(stage: str, given: dict[str, Any]) -> None:
    """Execute a stage's cells with these parameters, those that its notebook declares."""
    declared = contracts.declared_parameters(stage)
    namespace = declared | {name: value for name, value in given.items() if name in declared}
    for cell in contracts._cells(stage):
        source = "".join(cell["source"])
        set_apart = {"parameters", "settings"} & set(cell["metadata"].get("tags", [])) or is_example(stage, source)
        if cell["cell_type"] == "code" and not set_apart:
            exec(compile(source, stage, "exec"), namespace)


def is_example(stage: str, source: str) -> bool:
    """Whether a cell belongs to the example that is left out here."""
    return stage == EXAMPLE[0] and EXAMPLE[1] in source


def run(params: Path, *changes: str, to: str, without: tuple[str, ...] = ()) -> None:
    """Run a params file with `key=value` changes up to a stage, once it is known to fit its market.

    The last stage of a study that names a paper is the paper's own. `without` are stages to leave out.
    """
    study = load(params, changes)
    market_fit.check(study)
    stages = contracts.of_run(study.paper)
    for stage in stages[:stages.index(to) + 1]:
        if stage not in without:
            execute(stage, as_parameters(study))
