"""A kernel that is watched: which processes are its own; and the names of folders, which mean nothing to it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import short_project

from forefolio.files import RunFailed
from forefolio.runs import execution, kernels, pictures, pipeline
from forefolio.runs.contracts import STAGES, combined, conditions as conditions_of, read_manifest, write_manifest
from forefolio.sweeps import results

NAMES = ["-dash", "{study}", "{x} {", "}{0}", "100%25 #1?a=b&c", "year=2020", "[ab]*?", "$HOME `id` ~", "\\1\\", "it's \"so\"",
         "\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", "two\nlines",
         "n" * 200]


@pytest.mark.parametrize("manager", [None, SimpleNamespace(provisioner=None),
                                     SimpleNamespace(provisioner=SimpleNamespace(pid=None))])
def test_a_kernel_that_does_not_run_has_no_processes_and_least_of_all_this_one(manager):
    assert execution._processes(SimpleNamespace(km=manager)) == []


def test_a_kernel_s_processes_are_those_that_it_started_too():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as kernel:
        client, found = SimpleNamespace(km=SimpleNamespace(provisioner=SimpleNamespace(pid=kernel.pid))), []
        while len(found) < 2:
            found = execution._processes(client)
        assert found[0].pid == kernel.pid and os.getpid() not in [process.pid for process in found]
        assert all(kernels.memory(process) > 0 for process in found)
        kernel.stdin.close()
    assert execution._processes(client) == []


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A short project in folders with such names, whose last stage fails where trading costs something."""
    plain = short_project.make(tmp_path_factory.mktemp("plain") / "project", pause=0)
    return short_project.edited(plain, tmp_path_factory.mktemp("named").joinpath(*NAMES), "06_comparison",
                                "assert cost_bps == 0")


def told(project: Path, *arguments: str) -> tuple[int, str]:
    """Exit code of a command whose results are to lie in folders with such names, and all that it said."""
    process = short_project.start(project, *arguments, "--output", os.path.join(*NAMES), outputs=project / "elsewhere")
    said = "".join(process.communicate())
    assert not (project / "elsewhere").exists()
    return process.returncode, said


def test_a_run_lands_in_the_folder_that_is_named_whatever_its_name_means_to_a_library(project):
    code, said = told(project, "run", "params/short.yml", "--to", "02_correlation")
    assert code == 0, said
    folder = project.joinpath(*NAMES, "short")
    assert sorted(path.stem for path in folder.glob("*.ipynb")) == list(STAGES)[:2] == list(read_manifest(folder))


@pytest.mark.parametrize(("name", "said"), [("\udcff", "is not UTF-8 text"), ("n" * 300, "File name too long")])
def test_a_folder_that_cannot_hold_results_is_refused_in_one_sentence_before_any_kernel(name, said, project, tmp_path):
    process = short_project.start(project, "run", "params/short.yml", "--output", str(tmp_path / name), outputs=tmp_path)
    out, error = process.communicate()
    assert process.returncode == 2 and said in error and error.count("\n") == 1 and "running" not in out
    assert not any(tmp_path.iterdir())


def test_a_sweep_does_so_with_its_own_notebook_and_that_of_a_stage_that_fails(project):
    file = short_project.sweep_file(project, "swept", cost_bps=[0, 10])
    code, said = told(project, "sweep", file, "--workers", "1")
    assert code == 1 and "2 points: 1 done, 1 failed" in said and "AssertionError" in said, said
    folder = project.joinpath(*NAMES, "swept")
    assert (folder / "sweep.ipynb").exists() and (folder / "cost_bps-0" / "06_comparison.ipynb").exists()
    assert [path.name.startswith("06_comparison-") for path in (folder / "failed").iterdir()] == [True]


# ----------------------------------------------------------------------------------------- a notebook has a name or is torn
@pytest.fixture
def torn(monkeypatch):
    """In place of papermill: a full disk leaves a notebook of which a part is written."""
    def execute(source, aside, parameters, **_):
        Path(aside).write_text(json.dumps({"cells": ["x" * 9000]})[:8192])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(execution.papermill, "execute_notebook", execute)


def failure(folder: Path) -> str:
    """What a run says of its first stage, which fails."""
    conditions = partial(conditions_of, folder, parameters={}, sources=[])
    run = pipeline._Run(folder, {"01_data": {}}, conditions, pictures.Drawer(), minutes=60.0, force=False)
    (failed,) = run.bring_up_to_date(["01_data", "02_correlation"]).values()
    assert isinstance(failed, RunFailed)
    return str(failed)


def test_a_notebook_that_is_not_whole_is_neither_seen_nor_announced(torn, tmp_path, monkeypatch):
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    (tmp_path / "short").mkdir()
    line = execution.stage(tmp_path / "short", "01_data", {}, point="short")
    assert line["state"] == "failed" and "No space left" in line["error"] and line["notebook"] is None
    failed = failure(tmp_path / "short")
    assert "No space left" in failed and "with the error in it" not in failed
    assert not list(tmp_path.glob("short/*.ipynb")) and not list(tmp_path.glob("short/.*.ipynb"))


def test_a_sweep_s_notebook_that_is_not_whole_is_neither_seen_nor_announced(torn, tmp_path):
    for name in (*results.TABLES, "sweep.json"):
        (tmp_path / name).write_text("a table")
    with pytest.raises(RunFailed, match=r"failed with OSError: .*No space left on device$"):
        results.execute_notebook(tmp_path)
    assert not list(tmp_path.glob("*.ipynb")) and not list(tmp_path.glob(".*.ipynb"))


def test_a_notebook_with_an_error_in_it_is_seen_and_announced(tmp_path, monkeypatch):
    def execute(source, aside, parameters, **_):
        Path(aside).write_text('{"cells": []}')
        raise ValueError("seven")

    monkeypatch.setattr(execution.papermill, "execute_notebook", execute)
    assert "failed with ValueError: seven\nits executed notebook, with the error in it: " in failure(tmp_path)
    assert (tmp_path / "01_data.ipynb").exists()


def test_the_ledger_has_the_code_that_the_stage_was_made_of_even_if_it_is_edited_since(tmp_path, monkeypatch):
    def executed(source, aside, parameters, **_):
        aside.parent.mkdir(exist_ok=True)
        aside.write_text('{"cells": []}')
        write_manifest(tmp_path / "run", {"01_data": {
                "parameters": {}, "library": {"forefolio": "as it was loaded"}, "files": {}}})
        return "done", "", 1.0

    monkeypatch.setattr(execution, "notebook", executed)
    line = execution.stage(tmp_path / "run", "01_data", {}, point="run")
    assert line["library_hash"] == combined({"forefolio": "as it was loaded"})


def test_a_notebook_is_saved_seldom_while_it_runs(monkeypatch):
    now, saved = iter([0.0, 1.0, 4.9, 5.1, 5.1, 6.0, 11.0, 11.0]), []
    monkeypatch.setattr(execution.time, "monotonic", lambda: next(now))
    save = execution._seldom(lambda: saved.append("saved"))
    for number in (0, 0, 1, 1, 2):
        save()
        assert len(saved) == number
