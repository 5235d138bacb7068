"""What CONTRIBUTING.md tells is so: its table names every module, and its changes apply and are all that is needed."""

import ast
import json
import re
import shutil
import subprocess
import sys

import pytest

from forefolio.study.parameters import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
CHANGES = dict(re.findall(r"^### An? (\w+)\n(?:(?!^###).)*?^```diff\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL))
HOLD = """
from forefolio.forecasts import registry
from forefolio.market import sources
from forefolio.portfolios import registry as frameworks
from forefolio.runs.contracts import PAPERS, STAGES, readers
from forefolio.study import vocabulary
from forefolio.study.parameters import Study

assert vocabulary.MODELS.keys() == registry.BASELINES.keys() | registry.NETWORKS.keys()
assert vocabulary.FRAMEWORKS.keys() == frameworks.FRAMEWORKS.keys() and vocabulary.SOURCES.keys() == sources.SOURCES.keys()
"""
NEW = {
    "model": "study = Study(models=['zero', 'linear'], portfolio_models=['linear'])\n"
             "assert 'linear' in registry.networks(study) and registry.outlines(study, n_assets=2)['linear']",
    "framework": "import pandas as pd\n"
                 "Sigma = pd.DataFrame([[0.01, 0.0], [0.0, 0.04]], list('AB'), list('AB'))\n"
                 "held = frameworks.FRAMEWORKS['ivp'](Sigma, None, None).weights\n"
                 "assert abs(held['A'] - 2 / 3) < 1e-12 and Study(frameworks=['ivp'])",
    "source": "import pandas as pd, tempfile\n"
              "path = tempfile.mkdtemp() + '/p.parquet'\n"
              "days = pd.bdate_range('2014-01-01', periods=900, name='date')\n"
              "pd.DataFrame(1.0, days, ['A', 'B', 'SP500']).to_parquet(path)\n"
              "assert list(sources.load(Study(source='parquet', prices_path=path)).prices) == ['A', 'B']",
    "stage": "assert readers('06_comparison') == ['06_comparison', '07_evidence', '08_regimes', *PAPERS]",
}


def test_the_table_names_every_module_once():
    package = ROOT / "lib" / "forefolio"
    there = [path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"]
    named = [(room or "") + module for room, module in re.findall(r"^\| (?:`(\w+/)`)? ?\| `(\w+\.py)` \|", TEXT, flags=re.MULTILINE)]
    assert sorted(named) == sorted(there)
    for module in there:  # each row has the first line of the module's docstring
        first = ast.get_docstring(ast.parse((package / module).read_text())).splitlines()[0]
        assert f"| `{module.split('/')[-1]}` | {first.rstrip('.')} |" in TEXT, module


def test_six_tasks_name_the_section_of_a_notebook_that_teaches_them():
    tasks = re.findall(r"^\d\. \*\*(.*?)\*\*(.*?)(?=^\d\.|^##)", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert len(tasks) == 6
    for title, task in tasks:
        path, section = re.search(r"\]\((notebooks/.*?)\),\s+\*(.*?)\*", task, flags=re.DOTALL).groups()
        cells = json.loads((ROOT / path).read_text())["cells"]
        headings = re.findall(r"^## (.*)$", "\n".join("".join(cell["source"]) for cell in cells), flags=re.MULTILINE)
        assert " ".join(section.split()) in headings, title


@pytest.mark.parametrize("kind", NEW)
def test_a_change_applies_is_short_and_is_all_that_is_needed(kind, tmp_path):
    added = [line for line in CHANGES[kind].splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert 0 < len(added) < 30
    for name in ("lib", "params", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for name in ("README.md", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-C1", "-"], input=CHANGES[kind], text=True, cwd=tmp_path, check=True)
    done = subprocess.run([sys.executable, "-c", HOLD + NEW[kind]], env={"PYTHONPATH": str(tmp_path / "lib"), "PATH": ""},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
