"""The command: what a user can mend is one sentence on one line, and exit code 2, whatever went wrong on the way."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from forefolio.__main__ import main
from forefolio.files import RunFailed, StageError
from forefolio.study import parameters
from forefolio.study.parameters import ROOT

CHECK = [sys.executable, "-m", "forefolio", "check", "params/default.yml"]


def answer(monkeypatch, error: Exception) -> tuple[int, str]:
    """Exit code and last words of a command that meets an error."""
    def fails(*_):
        raise error

    monkeypatch.setattr(parameters, "load", fails)
    result = CliRunner().invoke(main, ["check", "params.yml"])
    return result.exit_code, result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("call", [CHECK, [*CHECK[:3], "--help"]], ids=["check", "help"])
def test_a_full_output_is_called_by_its_name(call, unbuffered):
    with open("/dev/full", "w") as full:
        ended = subprocess.run(call, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True,
                               env=os.environ | {"PYTHONUNBUFFERED": unbuffered})
        assert subprocess.run([*CHECK[:-1], "nowhere.yml"], cwd=ROOT, stderr=full).returncode == 2
    assert ended.returncode == 2
    assert ended.stderr == ("Error: standard output: No space left on device; print to a terminal or a file that can be "
                            "written\n")


def test_an_output_that_nobody_reads_is_called_by_its_name():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(CHECK, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("Error: standard output: Broken pipe; ")


@pytest.mark.parametrize("error", [OSError(), OSError("told in words"), BlockingIOError(errno.EAGAIN, "Try again"),
                                   PermissionError(errno.EACCES, "Permission denied", "/x")], ids=repr)
def test_no_error_of_the_system_is_called_none(error, monkeypatch):
    code, said = answer(monkeypatch, error)
    assert code == 2 and said.startswith("Error: ") and said.count("\n") == 1 and "None" not in said
    assert (error.strerror or str(error)) in said


@pytest.mark.parametrize("error", [StageError, parameters.StudyError])
def test_no_error_of_a_user_breaks_the_line_or_colors_it_or_fills_the_screen(error, monkeypatch):
    code, said = answer(monkeypatch, error(f"a\nb\0c\x1b[31m Hòa Phát \udcff {'x' * 10**6}; mend it"))
    assert code == 2 and len(said) < 6000 and said.endswith("; mend it\n")
    assert said.startswith(r"Error: a\nb\x00c\x1b[31m Hòa Phát \udcff xxx")


def test_what_a_notebook_raised_keeps_its_lines(monkeypatch):
    assert answer(monkeypatch, RunFailed("first\nsecond")) == (1, "Error: first\nsecond\n")


def test_a_user_without_a_home_is_told_to_set_one(monkeypatch):
    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    code, said = answer(monkeypatch, KeyError("not reached"))
    assert (code, said) == (2, "Error: HOME: this user has no home folder; set HOME to a writable folder\n")


def test_too_few_open_files_are_told_before_anything_starts():
    resource = pytest.importorskip("resource")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ended = subprocess.run([*CHECK[:3], "run", "params/default.yml"], cwd=ROOT, capture_output=True, text=True,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, hard)))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == ("Error: this process may open only 20 files, too few for a kernel; raise the limit (ulimit -n 256)\n")


# ---------------------------------------------------------------------------------------------------------- make run
@pytest.fixture
def make_run(tmp_path):
    """`make run` where the environment is this one; what is given to make follows."""
    if not shutil.which("make"):
        pytest.skip("needs make")
    command = tmp_path / "bin" / "forefolio"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forefolio "$@"\n')
    command.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}  # of make test
    return lambda *given, **environment: subprocess.run(
        ["make", "run", f"BIN={command.parent}", "--old-file=.venv/ready", *given], cwd=ROOT, capture_output=True,
        text=True, env=clean | {"FOREFOLIO_OUTPUTS": str(tmp_path / "outputs")} | environment)


def test_make_run_is_the_command_with_a_study_and_each_word_of_set(make_run):
    shown = make_run("--dry-run", "STUDY=params/nguyen2025.yml", "SET=prices_path=stocks.csv models=[zero,mean]").stdout
    assert shown.split()[1:] == ["run", "'params/nguyen2025.yml'", "--set", "'prices_path=stocks.csv'", "--set",
                                 "'models=[zero,mean]'"]
    default = make_run("--dry-run", STUDY="params/lecture.yml", SET="epochs=1").stdout  # a shell's own variables are not meant
    assert default.split()[1:] == ["run", "'params/default.yml'"]


@pytest.mark.parametrize(("given", "said"), [
    (["STUDY=params/nowhere.yml"], "params/nowhere.yml: cannot be read (No such file or directory); name a params file"),
    (["STUDY=params/nguyen2025.yml", "SET=prices_path=nowhere.csv"], f"prices_path: there is no file {ROOT}/nowhere.csv; "
     "put it there, or name yours with --set prices_path=FILE"),
    (["SET=nonsense"], "--set nonsense: has no '='; write --set name=value"),
])
def test_make_run_says_in_one_sentence_what_it_lacks(given, said, make_run, tmp_path):
    ended = make_run(*given)
    sentence, maker = ended.stderr.splitlines()
    assert ended.returncode == 2 and sentence.startswith(f"Error: {said}") and maker.startswith("make: ***")
    assert not (tmp_path / "outputs").exists()
