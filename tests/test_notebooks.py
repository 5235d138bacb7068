"""How the notebooks are written and committed; nbval executes them."""

import ast
import json
import re
from pathlib import Path
from statistics import median

import papermill
import pytest
from cells import is_example

from forefolio.report import exercise
from forefolio.runs import contracts
from forefolio.study.parameters import ROOT, Study

STAGES = list(contracts.CONTRACTS)
ALL = [*STAGES, "sweep"]
SOLUTIONS = [f"solutions/{stage}" for stage in contracts.CONTRACTS]
PLUMBING = {"open_stage", "read", "read_outside", "write", "close"}  # what a notebook does with its run folder
NOT_ENGLISH = ("how far the matrix is from singular says", "network an asset", "before it was tried with", "is not shown.\n",
               "no better than luck", "of which `beware` reminds", "free lunch", "that no past tells", "each temper",
               "times its own wealth")  # of the house's style


def path_of(stage: str) -> Path:
    return contracts.NOTEBOOKS / (f"{stage}.ipynb" if stage in SOLUTIONS else contracts.path_of(stage))


def cells(stage: str) -> list[dict]:
    return json.loads(path_of(stage).read_text())["cells"]


def code(stage: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(stage) if cell["cell_type"] == "code"]


def lines_of(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


def called(statement: ast.stmt) -> set[str]:
    """The names of the functions and methods that a statement calls."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return {getattr(function, "attr", getattr(function, "id", "")) for function in calls}


def plumbing(statement: ast.stmt, last: bool) -> bool:
    """Whether a statement opens, reads, writes, checks or only displays, in place of telling the story."""
    names = called(statement)
    return (isinstance(statement, ast.Import | ast.ImportFrom) or isinstance(statement, ast.Assert) and last
            or bool(names & PLUMBING) or "display" in names and "figure" not in names)


def words(stage: str) -> int:
    """Words of a notebook's prose: no formulas, no tables, no code."""
    text = "\n".join("".join(cell["source"]) for cell in cells(stage) if cell["cell_type"] == "markdown")
    for left_out in (r"\$\$.*?\$\$", r"```.*?```", r"^\|.*$"):
        text = re.sub(left_out, " ", text, flags=re.DOTALL if "^" not in left_out else re.MULTILINE)
    return len(re.findall(r"\w[\w'’-]*", re.sub(r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)", " x ", text)))


def shown(stage: str, kind: str) -> int:
    """How many outputs of a notebook are of a kind."""
    return sum(kind in output.get("data", {}) for cell in cells(stage) for output in cell.get("outputs", ()))


def test_the_folder_holds_the_stages_their_solutions_and_the_notebook_of_a_sweep():
    assert sorted((ROOT / "notebooks").rglob("*.ipynb")) == sorted(map(path_of, [*ALL, *SOLUTIONS]))


@pytest.mark.parametrize("stage", ALL)
def test_a_notebook_keeps_the_style(stage):
    kinds = [cell["cell_type"] for cell in cells(stage)]
    assert kinds.count("markdown") >= kinds.count("code")
    assert kinds[0] == "markdown" and kinds[-1] == "markdown"
    assert "code code code" not in " ".join(kinds[3:])
    story = [source for cell, source in zip([cell for cell in cells(stage) if cell["cell_type"] == "code"], code(stage))
             if not {"parameters", "settings"} & set(cell["metadata"].get("tags", []))]
    assert all(len(source.splitlines()) <= 12 for source in story)
    for source in story:
        assert not any(isinstance(node, ast.ClassDef | ast.For | ast.While) for node in ast.walk(ast.parse(source)))
    prose = "".join("".join(cell["source"]) for cell in cells(stage) if cell["cell_type"] == "markdown").lower()
    assert [phrase for phrase in NOT_ENGLISH if phrase in prose] == []


@pytest.mark.parametrize("stage", contracts.STAGES)
def test_a_stage_notebook_keeps_within_its_budgets(stage):
    """What one reads in an hour: few figures, tables, words and parameters, short cells, little plumbing."""
    assert shown(stage, "image/png") <= 5 and shown(stage, "text/html") <= 4
    assert words(stage) <= 1250
    assert len([cell for cell in cells(stage) if cell["metadata"].get("tags") == ["parameters"]][0]["source"]) <= 15
    story = code(stage)[2 if any(cell["metadata"].get("tags") == ["settings"] for cell in cells(stage)) else 1:]
    assert median(len(source.splitlines()) for source in story) <= 4
    lines = [(lines_of(node), plumbing(node, source == contracts.code_cells(stage)[-1])) for source in story for node in ast.parse(source).body]
    assert sum(length for length, is_plumbing in lines if is_plumbing) <= 0.2 * sum(length for length, _ in lines)
    assert path_of(stage).stat().st_size < 1_000_000


@pytest.mark.parametrize("stage", contracts.STAGES)
def test_a_stage_notebook_has_three_exercises_and_each_is_solved(stage):
    asked = [f"{stage[:2]} {kind}" for kind in ("predict", "change", "explain")]
    for notebook, verdict in [(stage, exercise.NONE), (f"solutions/{stage}", exercise.RIGHT)]:
        named = re.findall(r'exercise\.check\("([^"]+)"', "\n".join(code(notebook)))
        assert named == asked
        told = [text for cell in cells(notebook) for output in cell.get("outputs", ())
                for text in ["".join(output.get("data", {}).get("text/markdown", ""))] if text.startswith(f"**{verdict}.**")]
        assert len(told) == 3


@pytest.mark.parametrize("paper", contracts.PAPERS)
def test_a_paper_s_notebook_keeps_within_its_own_budgets_and_each_exercise_is_solved(paper):
    """It follows a whole paper, table by table, for readers who have it at hand, so it is as long as that paper."""
    assert shown(paper, "image/png") <= 10 and shown(paper, "text/html") <= 25 and words(paper) <= 3600
    assert median(len(source.splitlines()) for source in code(paper)[1:]) <= 4
    assert path_of(paper).stat().st_size < 700_000
    asked = [re.findall(r'exercise\.check\("([^"]+)"', "\n".join(code(name))) for name in (paper, f"solutions/{paper}")]
    assert asked[0] == asked[1] and len(asked[0]) == 2 and all(name.startswith(paper) for name in asked[0])
    for notebook, verdict in [(paper, exercise.NONE), (f"solutions/{paper}", exercise.RIGHT)]:
        told = ["".join(output.get("data", {}).get("text/markdown", "")) for cell in cells(notebook)
                for output in cell.get("outputs", ())]
        assert sum(text.startswith(f"**{verdict}.**") for text in told) == 2


def test_only_the_example_of_04_is_left_out_where_a_test_runs_cells_without_a_kernel():
    left = {stage: [source for source in code(stage) if is_example(stage, source)] for stage in STAGES}
    assert {stage: len(found) for stage, found in left.items() if found} == {"04_forecasting": 3}
    assert not any("stage." in source for source in left["04_forecasting"]), "what the study makes is not left out"


def test_every_exercise_is_asked():
    text = "\n".join(source for stage in STAGES for source in code(stage))
    assert set(re.findall(r'exercise\.check\("([^"]+)"', text)) == set(exercise.EXERCISES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_parameters_of_a_study(stage):
    assert set(contracts.declared_parameters(stage)) <= set(Study.model_fields)


@pytest.mark.parametrize("stage", ALL)
def test_the_parameters_cell_is_what_papermill_can_read(stage):
    found = papermill.inspect_notebook(str(path_of(stage)))
    assert set(found) <= set(contracts.declared_parameters(stage)) and (stage == "sweep" or "study" in found)
    for parameter in found.values():
        assert parameter["inferred_type_name"] not in (None, "None") and parameter["help"], parameter
    tags = [cell["metadata"].get("tags") for cell in cells(stage)]
    folded = [place for place, tag in enumerate(tags) if tag == ["settings"]]
    assert folded in ([], [1]) and tags.index(["parameters"]) == 1 + len(folded)  # papermill's values come after both
    assert all(cells(stage)[place]["metadata"]["jupyter"]["source_hidden"] for place in folded)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_opened_after_its_parameters_and_closed_in_the_last_code_cell(stage):
    parameters = [cell["metadata"].get("tags") for cell in cells(stage)].index(["parameters"])
    assert f'stages.open_stage("{stage}", globals())' in "".join(cells(stage)[parameters + 1]["source"])
    assert contracts.code_cells(stage)[-1].splitlines()[-1] == "stage.close()"
    asking = [cell for cell in cells(stage) if "exercise.check(" in "".join(cell["source"])]
    assert all("exercise" in cell["metadata"]["tags"] for cell in asking), "an answer would make the results stale"
    tagged = [cell["metadata"].get("tags", []) for cell in cells(stage) if cell["cell_type"] == "code"]
    assert ["exercise"] not in tagged[:len(contracts.code_cells(stage))], "exercises follow the results"


@pytest.mark.parametrize("stage", [*ALL, *SOLUTIONS])
def test_committed_outputs_are_complete_and_clean(stage):
    """Every code cell was executed in order without error, figures have their picture, no path of a machine shows."""
    executed = [cell for cell in cells(stage) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in executed] == list(range(1, len(executed) + 1))
    for cell in executed:
        for output in cell["outputs"]:
            assert output["output_type"] != "error" and output.get("name") != "stderr"
            if "application/vnd.plotly.v1+json" in output.get("data", {}):
                assert "image/png" in output["data"]
            if "image/png" in output.get("data", {}):
                assert len(output["metadata"]["image/png"]["alt"].split()) >= 6, "a figure is described in words"
    text = json.dumps([cell["outputs"] for cell in executed])
    assert not any(place in text for place in ("/home/", "/Users/", str(Path.home()), str(ROOT)))
    assert stage not in contracts.PAPERS or "application/vnd.plotly" not in text, "a figure holds the prices' own series"
    assert path_of(stage).stat().st_size < 1_000_000


@pytest.mark.parametrize("stage", contracts.STAGES)  # what nbval executes
def test_at_least_one_table_is_compared_strictly(stage):
    strict = [cell for cell in cells(stage) if cell["cell_type"] == "code"
              and "nbval-ignore-output" not in cell["metadata"].get("tags", [])
              and any("text/html" in output.get("data", {}) for output in cell["outputs"])]
    assert strict
