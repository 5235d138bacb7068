"""Forecasts to portfolios, in seven rerunnable notebooks, and one more for a paper; import the module that you need from here.

Results are recorded under the code that made them, which is what was loaded, not what the files hold by then. So the
modules of this package, and those of a user's own, are always compiled from their source, whose hash `LOADED` keeps.
"""

import hashlib
import re
import sys
import uuid
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

LOADED: dict[str, str] = vars(sys).setdefault("_forefolio_loaded", {})  # by module; there it outlives every reload


def _note(module: str, source: bytes) -> bytes:
    """Keep the hash of a source that is executed; a module that was executed from two sources is as neither of them."""
    digest = hashlib.sha256(source).hexdigest()
    if LOADED.setdefault(module, digest) != digest:
        LOADED[module] = uuid.uuid4().hex
    return source


class _Loader(SourceFileLoader):
    """Compiles a module from its source alone: bytecode is found by the time of a file, not by its content."""

    def get_code(self, fullname):
        return self.source_to_code(_note(self.name, self.get_data(self.path)), self.path)


def own(spec: ModuleSpec | None) -> bool:
    """Whether a module's source is of this package or a user's own: neither Python's nor installed."""
    if not spec or type(spec.loader) is not SourceFileLoader:
        return False
    installed = spec.origin.startswith((sys.prefix, sys.base_prefix)) or re.search("(site|dist)-packages", spec.origin)
    return spec.name.startswith(f"{__name__}.") or not installed


class _Finder:
    """Finds what Python itself would find, and has `_Loader` load what is one's own."""

    @staticmethod
    def find_spec(name, path=None, target=None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if own(spec):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


if not LOADED:
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _Finder)
_note(__name__, __loader__.get_data(__file__))
