"""From forecasts to portfolios in seven notebooks, and one more for a paper; import the modules that you need.

The record of a result names the code that made it. That is the code that was loaded, and files may change later. So
modules of this package, and a user's own, are always compiled from source, and `LOADED` keeps the hash of that source.
"""

import hashlib
import re
import sys
import uuid
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

LOADED: dict[str, str] = vars(sys).setdefault("_forefolio_loaded", {})  # hash by module; in `sys` it survives a reload


def _note(module: str, source: bytes) -> bytes:
    """Keep the hash of an executed source; a module that was executed from two different sources matches neither."""
    digest = hashlib.sha256(source).hexdigest()
    if LOADED.setdefault(module, digest) != digest:
        LOADED[module] = uuid.uuid4().hex
    return source


class _Loader(SourceFileLoader):
    """Compiles a module from source, never from cached bytecode, which depends on a file's time and not its content."""

    def get_code(self, fullname):
        return self.source_to_code(_note(self.name, self.get_data(self.path)), self.path)


def own(spec: ModuleSpec | None) -> bool:
    """Whether a module belongs to this package or to the user, and is not installed or part of Python."""
    if not spec or type(spec.loader) is not SourceFileLoader:
        return False
    installed = spec.origin.startswith((sys.prefix, sys.base_prefix)) or re.search("(site|dist)-packages", spec.origin)
    return spec.name.startswith(f"{__name__}.") or not installed


class _Finder:
    """Finds the modules that Python would find, and uses `_Loader` for those that are `own`."""

    @staticmethod
    def find_spec(name, path=None, target=None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if own(spec):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


if not LOADED:
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _Finder)
_note(__name__, __loader__.get_data(__file__))
