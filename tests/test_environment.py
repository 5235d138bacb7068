"""The lock, the environment file and what is installed here say the same."""

import importlib.metadata
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from forefolio.study.parameters import ROOT

LOCK = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]


def test_the_lock_names_exact_versions_and_no_index():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text and "--" not in text
    assert all(re.fullmatch(r"==[^*]+", str(requirement.specifier)) for requirement in LOCK)


def test_what_is_installed_is_what_the_lock_says():
    wanted = {canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
              for requirement in LOCK if requirement.marker is None or requirement.marker.evaluate()}
    installed = {canonicalize_name(found.metadata["Name"]): found.version for found in importlib.metadata.distributions()}
    assert {name: installed.get(name) for name in wanted} == wanted
    of_the_extra_jax = {"jax", "jaxlib", "opt-einsum"}
    assert set(installed) - set(wanted) <= {"forefolio", "pip", "setuptools"} | of_the_extra_jax


def test_every_direct_dependency_is_locked_and_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    locked = {canonicalize_name(requirement.name) for requirement in LOCK}
    for line in tomllib.loads(text)["project"]["dependencies"]:
        assert canonicalize_name(Requirement(line).name) in locked
        assert re.search(rf'"{re.escape(line)}",\s+# \w+', text), f"{line} has no reason"


def test_the_environment_file_installs_what_make_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python, pip, nested = environment
    assert pip == "pip" and nested["pip"] == ["--requirement requirements.lock", "--editable ."]
    assert re.fullmatch(r"python=3\.1[123]", python)
    makefile = (ROOT / "Makefile").read_text()
    assert "uv pip sync" in makefile and "requirements.lock" in makefile and "--no-deps" in makefile and "--editable ." in makefile


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")])
def test_the_lock_names_each_package_once_on_every_platform(python, system):
    where = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": system[0],
             "platform_machine": system[1], "os_name": "nt" if system[0] == "win32" else "posix",
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    names = [canonicalize_name(requirement.name) for requirement in LOCK
             if requirement.marker is None or requirement.marker.evaluate(where)]
    assert len(names) == len(set(names))
    assert {"tensorflow", "keras", "papermill", "cvxpy", "plotly", "nbval"} <= set(names)
