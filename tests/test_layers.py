"""The walls: which room may import which, who alone imports a library, and what importing costs."""

import ast
import json
import re
import subprocess
import sys

import pytest

from forefolio.study.parameters import ROOT

PACKAGE = ROOT / "lib" / "forefolio"
SOLE = {  # library: the only places that import it, a room or a module in it
    "pydantic": ("study/parameters",), "yaml": ("study/parameters",), "filelock": ("files",), "kaleido": ("runs/pictures",),
    "yfinance": ("market/yahoo",), "platformdirs": ("market/snapshots",), "sklearn": ("market/covariance", "forecasts/baselines"),
    "tqdm": ("market/yahoo", "forecasts/asset_networks", "sweeps/run"), "statsmodels": ("forecasts/baselines",),
    "keras": ("forecasts/layers", "forecasts/training", "forecasts/asset_networks", "forecasts/joint_networks"),
    "tensorflow": ("forecasts/layers",), "jax": ("forecasts/layers",), "cvxpy": ("portfolios",), "highspy": ("portfolios/solvers",),
    "arch": ("performance/luck", "performance/gate", "performance/intervals", "market/covariance"), "plotly": ("report", "runs/pictures"), "papermill": ("runs/execution",), "psutil": ("runs", "sweeps/memory"),
    "dask": ("sweeps/tasks",), "distributed": ("sweeps/tasks",), "click": ("__main__",),
    "nbconvert": ("site/markdown", "site/pages"), "mistune": ("site/markdown",), "bs4": ("site/markdown", "site/pages"), "latex2mathml": ("site/formulas",), "jinja2": ("site/build",),
}
MODULES = sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def rooms() -> list[str]:
    """Rooms in the order of the README's table; the command, which nobody imports, comes last."""
    readme = (ROOT / "README.md").read_text()
    return [*re.findall(r"^\| `(\w+)(?:/|\.py)` \|", readme, flags=re.MULTILINE), "__main__"]


def imports(module: str) -> set[str]:
    """Dotted names that a module imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_the_readme_s_table_names_every_room_once():
    there = {module.split("/")[0] for module in MODULES} - {"__init__"}
    assert sorted(rooms()) == sorted(there)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_own_room_and_from_rooms_above_it(module):
    room = module.split("/")[0]
    above = [] if room == "__init__" else rooms()[:rooms().index(room) + 1]
    ours = {name.split(".")[1] for name in imports(module) if name.startswith("forefolio.")}
    assert ours <= set(above), f"{module} imports {ours - set(above)}"


@pytest.mark.parametrize("module", MODULES)
def test_a_library_stays_at_home(module):
    for name in imports(module):
        homes = SOLE.get(name.split(".")[0], (module,))
        assert {module, module.split("/")[0]} & set(homes), f"{module} imports {name}, which is for {homes}"


@pytest.mark.parametrize("room", sorted({module.split("/")[0] for module in MODULES if "/" in module}))
def test_a_room_says_what_enters_and_what_leaves_and_re_exports_nothing(room):
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    assert len(tree.body) == 1, "one docstring and nothing else"
    said = ast.get_docstring(tree)
    assert "Enters:" in said and "Leaves:" in said
    first = re.search(r"Open `(\w+)` first", said).group(1)
    modules = [module for module in MODULES if module.startswith(f"{room}/") and not module.endswith("__init__")]
    assert f"{room}/{first}" in modules and len(modules) <= 10


def test_only_the_networks_pay_for_keras_and_only_what_executes_for_papermill_and_dask():
    """Importing every other module loads no Keras, no TensorFlow, no statsmodels, no arch, no yfinance, no Dask."""
    heavy = {"forecasts/layers", "forecasts/training", "forecasts/asset_networks", "forecasts/joint_networks",
             "portfolios/end_to_end", "runs/execution", "sweeps/tasks", "__main__"}
    light = [f"forefolio.{module.replace('/', '.')}" for module in MODULES if module not in heavy and "__init__" not in module]
    script = (f"import sys, {', '.join(light)}; "
              "print([name for name in ('keras', 'tensorflow', 'statsmodels', 'arch', 'papermill', 'skfolio', 'yfinance', 'distributed') "
              "if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stage, allowed", [
    ("01_data", {"scipy"}), ("02_correlation", {"scipy"}), ("03_mpt_frontier", {"scipy", "cvxpy"}),
    ("04_forecasting", {"scipy"}),
    ("05_portfolios", {"scipy", "cvxpy"}),
    ("06_comparison", {"scipy", "cvxpy"}), ("07_evidence", {"scipy", "cvxpy"})])
def test_no_stage_pays_for_a_library_that_it_does_not_use(stage, allowed):
    """What the notebook's imports load of the heavy libraries; sources, AR and estimators load theirs when they are used."""
    cells = json.loads((ROOT / "notebooks" / f"{stage}.ipynb").read_text())["cells"]
    opening = next(source for cell in cells if "open_stage(" in (source := "".join(cell["source"])))
    script = opening.partition("stage = ")[0] + (
        "import sys; print([name for name in ('scipy', 'cvxpy', 'keras', 'tensorflow', 'sklearn', 'statsmodels', 'arch', "
        "'yfinance', 'skfolio', 'papermill', 'kaleido') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout.strip())) <= allowed
