"""How the notebooks are written and committed; nbval executes them."""

import ast
import json
from pathlib import Path

import papermill
import pytest

from forefolio.runs import contracts
from forefolio.study.parameters import ROOT, Study

STAGES = list(contracts.CONTRACTS)
ALL = [*STAGES, "sweep"]


def path_of(stage: str) -> Path:
    return contracts.NOTEBOOKS / contracts.path_of(stage)


def cells(stage: str) -> list[dict]:
    return json.loads(path_of(stage).read_text())["cells"]


def code(stage: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(stage) if cell["cell_type"] == "code"]


def test_the_folder_holds_the_stages_and_the_notebook_of_a_sweep():
    assert sorted((ROOT / "notebooks").rglob("*.ipynb")) == sorted(map(path_of, ALL))


@pytest.mark.parametrize("stage", ALL)
def test_a_notebook_keeps_the_style(stage):
    kinds = [cell["cell_type"] for cell in cells(stage)]
    assert 20 <= len(kinds) <= (70 if stage == "07_evidence" or stage in contracts.PAPERS else 38)  # of ten questions, or a whole paper
    assert kinds.count("markdown") >= kinds.count("code")
    assert kinds[0] == "markdown" and kinds[-1] == "markdown"
    assert "code code code" not in " ".join(kinds[3:])
    assert all(len(source.splitlines()) <= 12 for source in code(stage)[1:])
    for source in code(stage):
        assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.For | ast.While)
                       for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_parameters_of_a_study(stage):
    assert set(contracts.declared_parameters(stage)) <= set(Study.model_fields)


@pytest.mark.parametrize("stage", ALL)
def test_the_parameters_cell_is_what_papermill_can_read(stage):
    found = papermill.inspect_notebook(str(path_of(stage)))
    assert set(found) == set(contracts.declared_parameters(stage))
    for parameter in found.values():
        assert parameter["inferred_type_name"] not in (None, "None") and parameter["help"], parameter
    assert [cell["metadata"].get("tags") for cell in cells(stage)].index(["parameters"]) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_opened_in_the_third_cell_and_closed_in_the_last_code_cell(stage):
    assert f'stages.open_stage("{stage}", globals())' in "".join(cells(stage)[2]["source"])
    assert code(stage)[-1].splitlines()[-1] == "stage.close()"


@pytest.mark.parametrize("stage", ALL)
def test_committed_outputs_are_complete_and_clean(stage):
    """Every code cell was executed in order without error, figures have their picture, no path of a machine shows."""
    executed = [cell for cell in cells(stage) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in executed] == list(range(1, len(executed) + 1))
    for cell in executed:
        for output in cell["outputs"]:
            assert output["output_type"] != "error" and output.get("name") != "stderr"
            if "application/vnd.plotly.v1+json" in output.get("data", {}):
                assert "image/png" in output["data"]
    text = json.dumps([cell["outputs"] for cell in executed])
    assert not any(place in text for place in ("/home/", "/Users/", str(Path.home()), str(ROOT)))
    assert stage not in contracts.PAPERS or "application/vnd.plotly" not in text, "a figure holds the prices' own series"
    assert path_of(stage).stat().st_size < 2_000_000


@pytest.mark.parametrize("stage", contracts.STAGES)  # what nbval executes
def test_at_least_one_table_is_compared_strictly(stage):
    strict = [cell for cell in cells(stage) if cell["cell_type"] == "code"
              and "nbval-ignore-output" not in cell["metadata"].get("tags", [])
              and any("text/html" in output.get("data", {}) for output in cell["outputs"])]
    assert strict
