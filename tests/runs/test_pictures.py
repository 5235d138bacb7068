"""Figures as pictures: whatever a browser does or does not do, a stage goes on and leaves no process behind."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import plotly.graph_objects as go
import psutil
import pytest
from short_project import wait_until

from forefolio.runs import pictures


def test_with_a_browser_a_figure_is_shown_interactive_and_as_a_picture(monkeypatch):
    monkeypatch.setattr(pictures, "png", lambda figure: b"a picture")
    monkeypatch.setattr(pictures, "_missing", [])
    shown = pictures.Shown(go.Figure())
    assert shown.png == b"a picture"
    assert {"image/png", "application/vnd.plotly.v1+json"} <= shown._repr_mimebundle_()[0].keys()


def test_without_a_browser_a_figure_is_interactive_and_it_is_said_once(monkeypatch, capsys):
    def no_browser(*_, **__):
        raise RuntimeError("no Chrome")

    monkeypatch.setattr(pictures, "png", no_browser)
    monkeypatch.setattr(pictures, "_missing", [])
    shown = [pictures.Shown(go.Figure()) for _ in range(2)]
    assert capsys.readouterr().out.count("no PNG figures") == 1
    assert all("image/png" not in figure._repr_mimebundle_()[0] for figure in shown)


DRAW = """
import plotly.graph_objects as go
from forefolio.runs import pictures
pictures.PATIENCE = 6
pictures.warm_up()
print([pictures.Shown(go.Figure()).png for _ in range(2)])
"""
START_ONLY = """
import os, pathlib, time
from forefolio.runs import pictures
pictures.warm_up()
while not pathlib.Path(os.environ["BROWSER_PATH"]).with_name("number").exists():
    time.sleep(0.01)
"""


def call(script: str, browser: Path) -> subprocess.CompletedProcess:
    """Run a script that has this browser and no other."""
    return subprocess.run([sys.executable, "-c", script], env=os.environ | {"BROWSER_PATH": str(browser)}, text=True,
                          capture_output=True, timeout=60)


def test_a_browser_that_is_not_there_costs_one_line(tmp_path):
    done = call(DRAW, tmp_path / "nothing")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no PNG figures: ChromeNotFoundError") == 1 and done.stdout.endswith("[None, None]\n")


def test_a_kernel_that_is_told_that_no_browser_is_usable_starts_none_and_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv(pictures.WITHOUT, "1")
    started = tmp_path / "started"
    done = call(DRAW, script(tmp_path, f"touch {started}"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "[None, None]\n", "") and not started.exists()


def script(folder: Path, *lines: str) -> Path:
    """A browser that is a shell script."""
    browser = folder / "browser"
    browser.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    browser.chmod(0o755)
    return browser


NOTE = "echo $$ $! > number.new; mv number.new number"
HANGS = {  # ways of a browser to say nothing, with children or without
    "alone": ("cd {folder}", NOTE, "exec sleep 3600"),
    "with a child": ("cd {folder}", "sleep 3600 &", NOTE, "wait"),
    "with a child in a session of its own": ("cd {folder}", "setsid sleep 3600 &", NOTE, "wait"),
    "dead, but not its child": ("cd {folder}", "sleep 3600 &", NOTE, "exit 1"),
}


@pytest.mark.skipif(os.name != "posix", reason="the browser that never answers is a shell script")
@pytest.mark.parametrize(("how", "drawing", "said"), [
    *((how, DRAW, "no PNG figures: ") for how in HANGS), ("alone", START_ONLY, "")])
def test_a_browser_that_never_answers_is_ended_with_all_that_it_started(how, drawing, said, tmp_path):
    if "setsid" in str(HANGS[how]) and not shutil.which("setsid"):
        pytest.skip("no setsid here")
    done = call(drawing, script(tmp_path, *(line.format(folder=tmp_path) for line in HANGS[how])))
    assert (done.returncode, done.stderr) == (0, "") and said in done.stdout
    numbers = [int(number) for number in (tmp_path / "number").read_text().split()]
    assert len(numbers) == 2 - (how == "alone")
    left = [number for number in numbers if not wait_until(lambda number=number: is_gone(number), seconds=10)]
    for number in left:
        psutil.Process(number).kill()
    assert not left, "the browser or a child of it runs on"


def is_gone(number: int) -> bool:
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif("CI" not in os.environ and not any(map(shutil.which, ("chromium", "google-chrome", "chrome"))),
                    reason="no browser here")
def test_a_process_that_is_killed_leaves_what_its_browser_wrote_to_the_next_one():
    """A kernel that a user runs by hand may be killed: profile and page lie in the folder that is then cleared away."""
    near = Path(tempfile.mkdtemp(prefix="p-", dir="/tmp"))
    script = ("import os, plotly.graph_objects as go\nfrom forefolio.runs import kernels, pictures\n"
              "assert pictures.png(go.Figure())\nprint(len(list(kernels.own_folder().iterdir())), flush=True)\nos.kill(os.getpid(), 9)")
    clear = "from forefolio.runs import kernels; kernels.clear_dead()"
    environment = os.environ | {"TMPDIR": str(near)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, text=True, capture_output=True)
    assert done.returncode == -9 and int(done.stdout) >= 2, done.stderr
    for _ in range(100):  # the browser ends a moment later
        subprocess.run([sys.executable, "-c", clear], env=environment, check=True)
        if not list(near.iterdir()):
            break
        time.sleep(0.1)
    near.rmdir()
