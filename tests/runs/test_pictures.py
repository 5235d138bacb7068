"""Figures as pictures: whatever a browser does or does not do, a stage goes on and leaves no process behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import plotly.graph_objects as go
import psutil
import pytest

from forefolio.runs import pictures


def test_with_a_browser_a_figure_is_shown_interactive_and_as_a_picture(monkeypatch):
    monkeypatch.setattr(pictures, "png", lambda figure, scale: b"a picture")
    monkeypatch.setattr(pictures, "_missing", [])
    shown = pictures.Shown(go.Figure())
    assert shown.png == b"a picture"
    assert {"image/png", "application/vnd.plotly.v1+json"} <= shown._repr_mimebundle_().keys()


def test_without_a_browser_a_figure_is_interactive_and_it_is_said_once(monkeypatch, capsys):
    def no_browser(*_, **__):
        raise RuntimeError("no Chrome")

    monkeypatch.setattr(pictures, "png", no_browser)
    monkeypatch.setattr(pictures, "_missing", [])
    shown = [pictures.Shown(go.Figure()) for _ in range(2)]
    assert capsys.readouterr().out.count("no PNG figures") == 1
    assert all("image/png" not in figure._repr_mimebundle_() for figure in shown)


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


@pytest.mark.skipif(os.name != "posix", reason="the browser that never answers is a shell script")
@pytest.mark.parametrize(("script", "said"), [(DRAW, "no PNG figures: TimeoutError"), (START_ONLY, "")])
def test_a_browser_that_never_answers_is_ended_with_what_started_it(script, said, tmp_path):
    browser, note = tmp_path / "browser", tmp_path / "number"
    browser.write_text(f"#!/bin/sh\necho $$ > {note}.new; mv {note}.new {note}\nexec sleep 3600\n")
    browser.chmod(0o755)
    done = call(script, browser)
    assert (done.returncode, done.stderr) == (0, "") and said in done.stdout
    number = int(note.read_text())
    for _ in range(100):  # the system takes a moment to bury it
        if not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    psutil.Process(number).kill()
    pytest.fail("the browser runs on")
