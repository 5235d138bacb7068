"""What a process computes with: it is found in the process itself, and another one makes a stage stale."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from forefolio.files import StageError
from forefolio.runs import contracts, measured
from forefolio.study.precision import KERAS


@pytest.fixture
def installed(monkeypatch) -> dict[str, str]:
    """Say that packages are of other versions than they are."""
    real, others = measured._version, {}

    def version(package):
        return others.get(package, real(package))

    version.__wrapped__ = real.__wrapped__  # what is installed now
    monkeypatch.setattr(measured, "_version", version)
    return others


def test_a_stage_that_was_made_with_another_version_of_what_it_imports_is_stale(installed, tmp_path):
    entry = contracts.conditions(tmp_path, "02_correlation", {}, []) | {"files": {}}
    contracts.write_manifest(tmp_path, {"02_correlation": entry})
    installed["statsmodels"] = "0.1"
    now = contracts.conditions(tmp_path, "02_correlation", {}, [])
    assert contracts.why_stale(tmp_path, "02_correlation", now) == ""
    installed["numpy"] = "0.1"
    now = contracts.conditions(tmp_path, "02_correlation", {}, [])
    assert contracts.why_stale(tmp_path, "02_correlation", now) == "environment changed: numpy"


def test_every_package_counts_that_a_stage_reaches_by_the_name_that_imports_it():
    found = contracts.code("04_forecasting")["environment"]
    assert {"numpy", "pandas", "keras", "statsmodels", "sklearn", "yaml"} <= found.keys()
    assert not {"forefolio", "json", "dask"} & found.keys(), "its own, Python's, and what only sweeps import"
    assert all(isinstance(found[name], str) and found[name][0].isdigit() for name in ("numpy", "sklearn", "yaml"))
    assert measured.versions(["no_such_package"]) == {}


def test_of_backends_only_the_one_in_use_counts(monkeypatch, installed):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    installed |= {"jax": "1", "tensorflow": "2"}
    for backend, other in (("tensorflow", "jax"), ("jax", "tensorflow")):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        found = contracts.code("04_forecasting")["environment"]
        assert backend in found and other not in found and found["backend"] == backend


def test_a_package_that_hides_the_installed_one_is_told_apart(monkeypatch, tmp_path):
    (tmp_path / "tqdm").mkdir()
    (tmp_path / "tqdm" / "__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    real = measured._version.__wrapped__("tqdm")
    monkeypatch.syspath_prepend(tmp_path)
    assert measured._version.__wrapped__("tqdm") == f"{real} hidden by {tmp_path / 'tqdm' / '__init__.py'}"


def test_a_package_that_was_installed_again_under_a_kernel_is_refused(installed):
    library = contracts.library_hashes("from forefolio.market import correlation")
    contracts.check_loaded(library)
    installed["scipy"] = "the version that this kernel began with"
    with pytest.raises(StageError, match="runs older code of scipy"):
        contracts.check_loaded(library)


def test_versions_other_than_the_locked_ones_are_named(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    installed |= {"numpy": "2.0", "sklearn": "1.0", "yaml": "6.0"}
    (tmp_path / "requirements.lock").write_text(
        "numpy==2.0 ; python_version < '3.12'\nnumpy==2.1\nscikit-learn==1.0.1\n\npyyaml==6.0\n")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    assert measured.otherwise(["numpy", "sklearn", "yaml", "no_such_package"]) == ["sklearn 1.0"]


# ------------------------------------------------------------------------------------------------------------- Keras
def test_keras_is_measured_where_it_is_loaded_and_else_what_it_will_be_set_to(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    for variable in ("", "tensorflow"):
        monkeypatch.setenv("KERAS_BACKEND", variable)
        assert measured.networks() == {"backend": "tensorflow", **KERAS}
    have = {"backend": "jax", "floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first",
            "dtype_policy": SimpleNamespace(name="float64")}
    config = SimpleNamespace(**{name: lambda value=value: value for name, value in have.items()})
    loaded = SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "keras", loaded)
    monkeypatch.delitem(sys.modules, "forefolio.forecasts.layers", raising=False)
    assert measured.networks() == {"backend": "jax", **KERAS}, "its backend stays, the rest will be set"
    assert measured.otherwise([]) == ["backend jax"]
    monkeypatch.setitem(sys.modules, "forefolio.forecasts.layers", loaded)
    assert measured.networks() == have | {"dtype_policy": "float64"}


SET_BY_THE_LIBRARY = """
import json, os
from forefolio.runs import measured
planned = measured.networks()
from forefolio.forecasts import layers
print(json.dumps([planned, measured.networks(), os.environ["TF_NUM_INTRAOP_THREADS"]]))
"""


def test_networks_compute_as_planned_whatever_a_home_folder_or_a_shell_says(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float64", "epsilon": 0.1, "backend": "jax",
                                                     "image_data_format": "channels_first"}))
    variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    variables |= {"KERAS_HOME": str(tmp_path), "TF_NUM_INTRAOP_THREADS": "8"}
    done = subprocess.run([sys.executable, "-c", SET_BY_THE_LIBRARY], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    planned, found, threads = json.loads(done.stdout.splitlines()[-1])
    assert planned == found == {"backend": "tensorflow", **KERAS} and threads == "1"
