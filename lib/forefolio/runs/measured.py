"""What this process computes with, as it finds it: the versions of packages, and what Keras is set to.

The process that plans finds what a kernel of its own would; a stage finds what its kernel has.
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

BACKENDS = {"tensorflow", "jax"}  # packages of which networks need one


def _planned() -> dict[str, Any]:
    """The backend of networks and Keras's settings in a kernel of this process's own."""
    return {"backend": os.environ.get("KERAS_BACKEND") or "tensorflow", **KERAS}


def networks() -> dict[str, Any]:
    """The backend of networks and Keras's settings: as they are where these are loaded, else as they will be."""
    keras, ours = sys.modules.get("keras"), "forefolio.forecasts.layers" in sys.modules
    found = {name: getattr(keras.config, name)() if keras and (ours or name == "backend") else value
             for name, value in _planned().items()}
    return {name: getattr(value, "name", value) for name, value in found.items()}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those packages that are installed, by the name that imports them; of backends, the one in use."""
    wanted = sorted(set(packages) - (BACKENDS - {networks()["backend"]}))
    return {package: version for package in wanted if (version := _version(package))}


def replaced(packages: Iterable[str]) -> list[str]:
    """Packages that were installed again since this process first asked for their versions."""
    return [package for package, version in versions(packages).items() if _version.__wrapped__(package) != version]


def otherwise(packages: Iterable[str]) -> list[str]:
    """In what this process is not as planned: packages of versions that are not in `requirements.lock`, and Keras."""
    locked = [line.split()[0] for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line]
    unlocked = [f"{package} {version}" for package, version in versions(packages).items()
                if f"{re.sub('[-_.]+', '-', _distribution(package)).lower()}=={version}" not in locked]
    return unlocked + [f"{name} {value}" for name, value in networks().items() if value != _planned()[name]]


@lru_cache
def _distribution(package: str) -> str:
    """Under which name a package is installed, `scikit-learn` for `sklearn`; '' where it is not."""
    try:
        return metadata.distribution(package).name
    except metadata.PackageNotFoundError:
        holds = f"\n{package}/__init__.py,"
        return next((one.name for one in metadata.distributions() if holds in f"\n{one.read_text('RECORD')}"), "")


@lru_cache  # once a process: what is installed later is not what was loaded
def _version(package: str) -> str:
    """The installed version, with the place of a package that hides the installed one; '' where none is installed."""
    name = _distribution(package)
    if not name:
        return ""
    found, spec = metadata.distribution(name), find_spec(package)
    hidden = spec and spec.origin and not Path(spec.origin).is_relative_to(found.locate_file(""))
    return f"{found.version} hidden by {spec.origin}" if hidden else found.version
