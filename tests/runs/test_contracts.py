"""What counts as a stage's code and inputs: every module that it reaches, its notebook, the manifest that keeps them."""

import json
import shutil
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from forefolio.files import StageError
from forefolio.runs import contracts, pipeline
from forefolio.runs.contracts import STAGES, library_hashes


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the library's files, which hashes are made of."""
    folder = tmp_path / "forefolio"
    shutil.copytree(contracts.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(contracts, "PACKAGE", folder)
    return folder


def reached_by(source: str, package: Path, folder: Path) -> set[str]:
    """The oracle: files of the package that the standard library's own tracer of imports finds from a source text."""
    script = folder / "script.py"
    script.write_text("\n".join(line for line in source.splitlines() if not line.startswith(("%", "!"))))
    finder = ModuleFinder(path=[str(package.parent)])  # nothing else lies there: other libraries are not followed
    finder.run_script(str(script))
    return {Path(module.__file__).relative_to(package).as_posix() for name, module in finder.modules.items()
            if name.split(".")[0] == "forefolio"}


def test_editing_a_module_makes_exactly_the_stages_stale_that_reach_it(package, tmp_path):
    sources = {stage: "\n".join(contracts.code_cells(stage)) for stage in STAGES}
    expected = {stage: reached_by(source, package, tmp_path) for stage, source in sources.items()}
    before = {stage: library_hashes(source) for stage, source in sources.items()}
    modules = [path for path in sorted(package.rglob("*.py")) if path.name != "__main__.py"]
    assert set().union(*expected.values()) <= {path.relative_to(package).as_posix() for path in modules}
    for path in modules:
        text = path.read_text()
        path.write_text(text + "\n# another line\n")
        stale = {stage for stage in STAGES if library_hashes(sources[stage]) != before[stage]}
        name = path.relative_to(package).as_posix()
        assert stale == {stage for stage in STAGES if name in expected[stage]}, name
        path.write_text(text)


def test_a_color_changes_the_stages_that_draw_and_nothing_that_trains(package):
    drawing, training = "\n".join(contracts.code_cells("04_forecasting")), "from forefolio.forecasts import asset_networks"
    before = {source: library_hashes(source) for source in (drawing, training)}
    style = package / "report" / "style.py"
    style.write_text(style.read_text() + "\nACCENT = '#1f5fa9'\n")
    now = library_hashes(drawing)
    assert [name for name in now if now[name] != before[drawing][name]] == ["forefolio.report.style"]
    assert library_hashes(training) == before[training]


@pytest.fixture
def made_up(tmp_path, monkeypatch) -> Path:
    """A small package of rooms: what imports what is known."""
    files = {"__init__.py": '"""A house."""', "flat.py": "X = 1", "kitchen/__init__.py": '"""A room."""',
             "kitchen/stove.py": "from forefolio.kitchen.drawer import knife", "kitchen/drawer.py": "knife = 1",
             "cellar/__init__.py": "from forefolio.cellar import wine", "cellar/wine.py": "import forefolio.flat",
             "cellar/coal.py": "def burn():\n    from forefolio.kitchen import stove"}
    for name, text in files.items():
        path = tmp_path / "forefolio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(contracts, "PACKAGE", tmp_path / "forefolio")
    return tmp_path / "forefolio"


@pytest.mark.parametrize(("source", "expected"), [
    ("import numpy, forefolion", []),
    ("import forefolio.flat as f", ["", "flat"]),
    ("from forefolio import flat", ["", "flat"]),
    ("from forefolio.flat import X", ["", "flat"]),
    ("from forefolio.kitchen import stove", ["", "kitchen", "kitchen.drawer", "kitchen.stove"]),
    ("from forefolio.kitchen.drawer import knife", ["", "kitchen", "kitchen.drawer"]),
    ("from forefolio import cellar", ["", "cellar", "cellar.wine", "flat"]),
    ("if True:\n    from forefolio.cellar import coal",
     ["", "cellar", "cellar.coal", "cellar.wine", "flat", "kitchen", "kitchen.drawer", "kitchen.stove"]),
])
def test_dotted_imports_count_with_the_packages_on_the_way(made_up, source, expected):
    assert list(library_hashes(source)) == [f"forefolio.{name}".rstrip(".") for name in expected]


def test_a_module_of_a_user_s_own_beside_the_notebooks_counts_with_what_it_imports(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(contracts, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks" / "mine").mkdir(parents=True)
    for name, text in {"helper": "import numpy\nfrom mine import part", "mine/__init__": "", "mine/part": "X = 1",
                       }.items():
        (tmp_path / "notebooks" / f"{name}.py").write_text(text)
    before = library_hashes("import pandas, helper, json")
    assert list(before) == ["helper", "mine", "mine.part"] and contracts.packages(before) == {"numpy"}
    (tmp_path / "notebooks" / "mine" / "part.py").write_text("X = 2")
    now = library_hashes("import pandas, helper, json")
    assert [name for name in now if now[name] != before[name]] == ["mine.part"]


def test_modules_of_one_name_in_two_rooms_are_told_apart(made_up):
    (made_up / "cellar" / "stove.py").write_text("HEAT = 1")
    before = library_hashes("from forefolio.kitchen import stove")
    (made_up / "cellar" / "stove.py").write_text("HEAT = 2")
    assert library_hashes("from forefolio.kitchen import stove") == before
    (made_up / "kitchen" / "stove.py").write_text("HEAT = 2")
    assert library_hashes("from forefolio.kitchen import stove") != before


@pytest.mark.parametrize("module", ["asset_networks", "joint_networks"])
def test_the_backend_is_part_of_what_trained_networks_depend_on(monkeypatch, module):
    library = library_hashes(f"from forefolio.forecasts import {module}")
    monkeypatch.delitem(sys.modules, "keras", raising=False)  # as in a process that plans
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    tensorflow = contracts.environment(library)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert contracts.environment(library) != tensorflow
    assert "backend" not in contracts.environment(library_hashes("from forefolio.portfolios import frontier"))


@pytest.mark.parametrize(("variable", "counts"), [
    ("TF_ENABLE_ONEDNN_OPTS", True), ("XLA_FLAGS", True), ("KERAS_HOME", True), ("OPENBLAS_CORETYPE", True),
    ("PYTHONPATH", True), ("TF_CPP_MIN_LOG_LEVEL", False), ("TF_CLI_CONFIG_FILE", False), ("OMP_NUM_THREADS", False),
    ("KERAS_BACKEND", False)])
def test_a_setting_is_a_variable_by_which_numbers_change(variable, counts):
    assert contracts.is_setting(variable) == counts, "how much is logged, and settings of other programs, change none"


def test_the_manifest_names_modules_as_they_are_imported(tmp_path):
    made = contracts.conditions(tmp_path, "02_correlation", {}, [])["library"]
    assert {"forefolio", "forefolio.runs.stages"} <= made.keys() and json.dumps(made)


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Write the one code cell of stage 02."""
    monkeypatch.setattr(contracts, "NOTEBOOKS", tmp_path)
    return lambda source: (tmp_path / "02_correlation.ipynb").write_text(json.dumps(
        {"cells": [{"cell_type": "code", "source": source, "metadata": {}}]}))


def test_what_a_notebook_itself_imports_counts_with_its_version(notebook):
    notebook("from forefolio import files")
    assert "statsmodels" not in contracts.code("02_correlation")["environment"]
    notebook("from forefolio import files\nif True:\n    import statsmodels.api as sm")
    made = contracts.code("02_correlation")
    assert "statsmodels" in made["environment"] and "forefolio.files" in made["library"]


def test_a_notebook_that_is_no_python_is_refused_in_one_sentence(notebook):
    notebook("frame?")
    with pytest.raises(StageError, match=r"^notebooks/02_correlation.ipynb, .* is not plain Python .*: frame\?") as error:
        contracts.code("02_correlation")
    assert "\n" not in str(error.value)


def test_a_sentence_changes_the_notebook_and_an_output_does_not(monkeypatch, tmp_path):
    monkeypatch.setattr(contracts, "NOTEBOOKS", tmp_path)
    cells = [{"cell_type": "code", "source": ["a = 1\n", "a"], "outputs": [], "metadata": {}},
             {"cell_type": "markdown", "source": "Words.", "metadata": {}}]

    def hash_of(cells):
        (tmp_path / "01_data.ipynb").write_text(json.dumps({"cells": cells}))
        return contracts.notebook_hash("01_data")

    before = hash_of(cells)
    assert hash_of([cells[0] | {"outputs": [{"text": "1"}], "source": "a = 1\na"}, cells[1]]) == before
    assert hash_of([cells[0], cells[1] | {"source": "Other words."}]) != before
    asked, answered = ({"cell_type": "code", "source": f"answer = {answer}", "metadata": {"tags": ["exercise"]}} for answer in "ab")
    assert hash_of([*cells, asked]) == hash_of([*cells, answered]) == before
    assert contracts.code_cells("01_data") == ["a = 1\na"]


@pytest.mark.parametrize("typed, expected", [
    ('study: str = "default"  # name', {"study": "default"}), ('study = "mine"', {"study": "mine"}),
    ('study: str = "default"  # name\ncost_bps: float = 5.0\nstudy = "mine"', {"study": "mine", "cost_bps": 5.0})])
def test_a_reader_may_type_a_parameter_with_its_type_or_without(monkeypatch, typed, expected):
    cells = [{"cell_type": "code", "source": [typed], "metadata": {"tags": ["parameters"]}}]
    monkeypatch.setattr(contracts, "_cells", lambda stage: cells)
    assert contracts.declared_parameters("01_data") == expected


def test_the_published_numbers_of_the_named_paper_are_an_input(tmp_path, monkeypatch):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "zouaoui2025_claims.csv").write_text("place,value\nTable 9,7\n")
    (folder / "nguyen2025_claims.csv").write_text("place,value\nTable 1,1\n")
    monkeypatch.setattr(contracts, "PUBLISHED", folder)
    named = contracts.conditions(tmp_path, "zouaoui2025", {}, [])["published"]
    assert "zouaoui2025_claims.csv" in named and not [name for name in named if name.startswith("nguyen2025")]
    assert contracts.conditions(tmp_path, "03_mpt_frontier", {}, [])["published"] == {}
    assert contracts.conditions(tmp_path, "02_correlation", {}, [])["published"] == {}
    (folder / "zouaoui2025_claims.csv").write_text("place,value\nTable 9,8\n")
    assert contracts.conditions(tmp_path, "zouaoui2025", {}, [])["published"] != named


def test_readers_follow_the_contracts():
    assert contracts.readers("02_correlation") == ["02_correlation"]
    assert contracts.readers("04_forecasting") == [
        "04_forecasting", "05_portfolios", "06_comparison", "07_evidence", *contracts.PAPERS]
    assert contracts.readers("01_data") == list(contracts.CONTRACTS)


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "{", '{"01_data": {}}', '{"01_data": null}'])
def test_a_manifest_that_is_none_counts_as_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert contracts.read_manifest(tmp_path) == {}


def entry(**changes: object) -> dict:
    return {"parameters": {"seed": 7}, "files": {"tables/universe.csv": "hash"}} | changes


@pytest.mark.parametrize("malformed", [
    None, [], "x", 7, {}, {"files": {}}, {"parameters": {}}, entry(files=[]), entry(files=None), entry(parameters=[1]),
    entry(files="tables/universe.csv")])
def test_an_entry_that_no_stage_can_have_written_counts_as_none_though_its_seal_fits(tmp_path, malformed):
    contracts.write_manifest(tmp_path, {"01_data": malformed, "02_correlation": entry()})
    assert contracts.read_manifest(tmp_path) == {"02_correlation": entry()}
    assert contracts.strangers(tmp_path) == []
    now = contracts.conditions(tmp_path, "01_data", {}, [])
    assert contracts.why_stale(tmp_path, "01_data", now) == "its entry in manifest.json was changed"
    assert contracts.why_stale(tmp_path, "03_mpt_frontier", now) == "no results yet"


@pytest.mark.parametrize("values", [
    {"paper": ["a"]}, {"paper": "/etc"}, {"paper": "**"}, {"paper": None}, {}])
def test_strange_values_in_an_entry_are_a_reason_and_no_traceback(tmp_path, values):
    strange = {"parameters": values, "files": {"/dev/zero": "x", "tables": 7, "a\0b": [], "..": None}, "reads": 7,
               "library": [], "environment": None, "sources": "x", "notebook": {}}
    contracts.write_manifest(tmp_path, {"01_data": strange})
    (tmp_path / "tables").mkdir()
    said = pipeline.verify(tmp_path)
    assert said[0] == "01_data: notebook changed" and len(said) == len(STAGES)


def test_a_file_of_an_entry_that_is_a_folder_or_a_device_is_gone(tmp_path):
    now = contracts.conditions(tmp_path, "01_data", {}, [])
    for path in ("/dev/zero", "tables", "a\0b"):
        (tmp_path / "tables").mkdir(exist_ok=True)
        contracts.write_manifest(tmp_path, {"01_data": now | {"files": {path: "hash"}}})
        assert contracts.why_stale(tmp_path, "01_data", now) == f"{path} is gone"


def test_a_notebook_that_no_stage_made_is_a_stranger_and_that_of_a_stage_that_failed_is_not(tmp_path):
    contracts.write_manifest(tmp_path, {"01_data": entry(files={"01_data.ipynb": "hash"}), "02_correlation": entry()})
    for name in ("01_data", "02_correlation", "03_mpt_frontier", "mine", ".01_data.running"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    assert contracts.strangers(tmp_path) == ["02_correlation.ipynb", "mine.ipynb"]


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, "\xff"])
def test_a_manifest_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    assert pipeline.verify(tmp_path) == ["manifest.json is gone or was changed, so nothing says what made the files; make "
                                         "them again"]


def test_a_stage_that_is_none_is_named(tmp_path):
    (tmp_path / "manifest.json").write_text('{"07_mine": {}}')
    assert pipeline.verify(tmp_path)[0] == "07_mine in manifest.json is not a stage"
