"""The versions of packages and the settings of Keras, as found in this process.

The planning process finds what its kernels would have; a stage finds what its kernel has.
"""

import os
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from forefolio.study.parameters import ROOT
from forefolio.study.precision import KERAS

BACKENDS = {"tensorflow", "jax"}  # backends; networks need one of them


def _planned() -> dict[str, Any]:
    """The backend of networks and Keras's settings in a kernel that this process starts."""
    return {"backend": os.environ.get("KERAS_BACKEND") or "tensorflow", **KERAS}


def networks() -> dict[str, Any]:
    """The backend of networks and Keras's settings: the actual ones if loaded, otherwise the planned ones."""
    keras, ours = sys.modules.get("keras"), "forefolio.forecasts.layers" in sys.modules
    found = {name: getattr(keras.config, name)() if keras and (ours or name == "backend") else value
             for name, value in _planned().items()}
    return {name: getattr(value, "name", value) for name, value in found.items()}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of installed packages by import name; of the backends, only the one in use."""
    wanted = sorted(set(packages) - (BACKENDS - {networks()["backend"]}))
    return {package: version for package in wanted if (version := _version(package))}


def replaced(packages: Iterable[str]) -> list[str]:
    """Packages that were reinstalled since this process first asked for their versions."""
    return [package for package, version in versions(packages).items() if _version.__wrapped__(package) != version]


def otherwise(packages: Iterable[str]) -> list[str]:
    """How this process differs from the plan: versions that are not in `requirements.lock`, and Keras's settings."""
    locked = [line.split()[0] for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line]
    unlocked = [f"{package} {version}" for package, version in versions(packages).items()
                if f"{re.sub('[-_.]+', '-', _distribution(package)).lower()}=={version}" not in locked]
    return unlocked + [f"{name} {value}" for name, value in networks().items() if value != _planned()[name]]


@lru_cache
def _distribution(package: str) -> str:
    """The name under which a package is installed (`scikit-learn` for `sklearn`); empty if it is not."""
    try:
        return metadata.distribution(package).name
    except metadata.PackageNotFoundError:
        holds = f"\n{package}/__init__.py,"
        return next((one.name for one in metadata.distributions() if holds in f"\n{one.read_text('RECORD')}"), "")


@lru_cache  # once a process: what is installed later is not what was loaded
def _version(package: str) -> str:
    """The installed version, and the path of a package that hides it; empty if none is installed."""
    name = _distribution(package)
    if not name:
        return ""
    found, spec = metadata.distribution(name), find_spec(package)
    hidden = spec and spec.origin and not Path(spec.origin).is_relative_to(found.locate_file(""))
    return f"{found.version} hidden by {spec.origin}" if hidden else found.version
