"""The walls: which module may import which, who alone imports a library, and what importing costs."""

import ast
import json
import re
import subprocess
import sys

import pytest

from forefolio.study import ROOT

PACKAGE = ROOT / "lib" / "forefolio"
SOLE = {  # library: the only modules that import it
    "pydantic": ("study",), "yaml": ("study",), "filelock": ("ledger", "artifacts"), "kaleido": ("pictures",),
    "yfinance": ("yahoo",), "platformdirs": ("yahoo",), "tqdm": ("yahoo", "networks", "sweep_progress"), "sklearn": ("covariance",),
    "statsmodels": ("forecasts",), "keras": ("layers", "backends", "training", "networks", "joint_networks"),
    "tensorflow": ("backends",), "jax": ("backends",), "cvxpy": ("solvers", "limits", "portfolios", "downside", "drawdown_paths", "drawdowns", "frontier", "long_short"), "arch": ("luck",),
    "plotly": ("drawing", "market_figures", "frontier_figures", "forecast_figures", "network_figures",
               "strategy_figures", "profile_figures", "sweep_axes", "sweep_figures", "luck_figures"),
    "papermill": ("execution",), "psutil": ("execution",), "dask": ("cluster",), "distributed": ("cluster",),
    "click": ("__main__",), "highspy": ("solvers",),
}


def module_table() -> list[str]:
    """Modules in the order of the README's table."""
    readme = (ROOT / "README.md").read_text()
    return re.findall(r"^\| `(\w+)\.py` \|", readme, flags=re.MULTILINE)


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


def test_the_readme_s_table_names_every_module_once():
    modules = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
    assert sorted(module_table()) == modules


@pytest.mark.parametrize("module", module_table())
def test_a_module_imports_only_from_rows_above_it(module):
    above = module_table()[:module_table().index(module)]
    ours = {name.split(".")[1] for name in imports(module) if name.startswith("forefolio.")}
    assert ours <= set(above), f"{module} imports {ours - set(above)}"


@pytest.mark.parametrize("module", module_table())
def test_a_library_stays_in_its_room(module):
    for name in imports(module):
        owners = SOLE.get(name.split(".")[0], (module,))
        assert module in owners, f"{module} imports {name}, which is for {owners}"


def test_only_the_networks_pay_for_keras_and_only_what_executes_for_papermill_and_dask():
    """Importing every other module loads no Keras, no TensorFlow, no statsmodels, no arch, no yfinance, no Dask."""
    heavy = ("layers", "backends", "training", "networks", "joint_networks", "execution", "cluster", "sweep_tasks", "__main__")
    light = [module for module in module_table() if module not in heavy]
    script = (f"import sys; from forefolio import {', '.join(light)}; "
              "print([name for name in ('keras', 'tensorflow', 'statsmodels', 'arch', 'papermill', 'skfolio', 'yfinance', 'distributed') "
              "if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stage, allowed", [
    ("01_data", set()), ("02_correlation", {"scipy"}), ("03_mpt_frontier", {"scipy", "cvxpy"}),
    ("04_forecasting", {"scipy", "keras", "tensorflow", "sklearn"}),  # the last is Keras' own wish
    ("05_portfolios", {"scipy", "cvxpy"}),
    ("06_comparison", {"scipy", "cvxpy"})])
def test_no_stage_pays_for_a_library_that_it_does_not_use(stage, allowed):
    """What the notebook's imports load of the heavy libraries; sources, AR and estimators load theirs when they are used."""
    cells = [cell for cell in json.loads((ROOT / "notebooks" / f"{stage}.ipynb").read_text())["cells"]
             if cell["cell_type"] == "code"]
    script = "".join(cells[1]["source"]).partition("stage = ")[0] + (
        "import sys; print([name for name in ('scipy', 'cvxpy', 'keras', 'tensorflow', 'sklearn', 'statsmodels', 'arch', "
        "'yfinance', 'skfolio', 'papermill', 'kaleido') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout.strip())) <= allowed


def test_the_package_re_exports_nothing():
    assert not any(isinstance(node, ast.Import | ast.ImportFrom)
                   for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text())))
