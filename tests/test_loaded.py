"""What was loaded: the hash of each source that a process executed, which no later edit of a file changes."""

import hashlib
import importlib
import os
import sys
from importlib.machinery import PathFinder

import pytest

import forefolio
from forefolio import files
from forefolio.runs import contracts


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of a user's own, always with the same time and size, and import it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def imported(text):
        (tmp_path / "of_my_own.py").write_text(text)
        os.utime(tmp_path / "of_my_own.py", (0, 0))
        importlib.invalidate_caches()
        return importlib.import_module("of_my_own")

    yield imported
    sys.modules.pop("of_my_own", None)
    forefolio.LOADED.pop("of_my_own", None)


def test_the_modules_of_the_package_are_known_as_they_were_loaded():
    library = contracts.library_hashes("from forefolio.runs import contracts")
    assert {name: forefolio.LOADED[name] for name in library} == library


def test_what_was_loaded_stays_when_the_file_is_edited(module, tmp_path):
    module("X = 1\n")
    (tmp_path / "of_my_own.py").write_text("X = 2\n")
    assert forefolio.LOADED["of_my_own"] == digest("X = 1\n")


def test_bytecode_of_an_older_source_is_never_executed(module):
    module("X = 1\n")
    del sys.modules["of_my_own"], forefolio.LOADED["of_my_own"]
    assert module("X = 2\n").X == 2 and forefolio.LOADED["of_my_own"] == digest("X = 2\n")


@pytest.mark.parametrize("again", [lambda: importlib.reload(sys.modules["of_my_own"]),
                                   lambda: sys.modules.pop("of_my_own")], ids=["reload", "import"])
def test_a_module_that_was_loaded_from_two_sources_is_as_neither(module, tmp_path, again):
    module("X = 1\n")
    (tmp_path / "of_my_own.py").write_text("X = 2\n")
    again()
    importlib.import_module("of_my_own")
    assert forefolio.LOADED["of_my_own"] not in (digest("X = 1\n"), digest("X = 2\n"))


def test_what_was_loaded_outlives_a_reload_of_the_package():
    before, finders = dict(forefolio.LOADED), list(sys.meta_path)
    importlib.reload(forefolio)
    assert forefolio.LOADED == before and sys.meta_path == finders
    assert forefolio.LOADED["forefolio"] == files.file_hash(contracts.PACKAGE / "__init__.py")


def test_installed_modules_are_loaded_as_ever(tmp_path):
    assert "filelock" in sys.modules and "filelock" not in forefolio.LOADED
    for folder, own in (("lib/python3.11/site-packages", False), ("project", True)):  # as with --user
        path = tmp_path / folder / "a_package.py"
        path.parent.mkdir(parents=True)
        path.write_text("")
        assert forefolio.own(PathFinder.find_spec("a_package", [str(path.parent)])) == own
