"""Pictures of a sweep's figures, as a user asks for them: none by itself, all of them with `--pictures`, now or later."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import short_project
from short_project import ledger, processes

from forefolio.runs import contracts

pytestmark = [
    pytest.mark.skipif(not any(map(shutil.which, ("chromium", "google-chrome", "chrome"))), reason="no browser here"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their environment")]
FIGURE = ("import plotly.graph_objects as go\nstage.figure('main', go.Figure(go.Scatter(y=[1, 2]), {'title': {'text': stage.name}}))")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A short project whose second stage makes a figure, as does the notebook of its sweeps."""
    plain = short_project.make(tmp_path_factory.mktemp("plain") / "project", pause=0)
    made = short_project.edited(plain, tmp_path_factory.mktemp("short") / "project", "02_correlation", FIGURE)
    path = made / "notebooks" / "sweep.ipynb"
    content = json.loads(path.read_text())
    content["cells"][-1]["source"] += ("\nimport plotly.graph_objects as go\nfrom forefolio.runs import pictures\n"
                                       "pictures.Shown(go.Figure(go.Scatter(y=[1, 2])))")
    path.write_text(json.dumps(content))
    short_project.sweep_file(made, "drawn", cost_bps=[0, 10])
    return made


def sweep(project: Path, outputs: Path, *words: str) -> str:
    """Give the command of the sweep; what it said."""
    command = short_project.start(project, "sweep", "drawn.yml", *words, outputs=outputs)
    out, error = command.communicate(timeout=300)
    assert command.returncode == 0 and not error and not processes(outputs), (out, error)
    return out


@pytest.fixture(scope="module")
def undrawn(project, tmp_path_factory) -> Path:
    """Outputs of the sweep, given without a word about pictures."""
    outputs = tmp_path_factory.mktemp("undrawn")
    assert "(PNG)" not in sweep(project, outputs)
    return outputs


def drawn(folder: Path) -> set[bool]:
    """Whether all points have the picture of 02, in their record and in its notebook, or none of them."""
    found = set()
    for point in ("cost_bps-0", "cost_bps-10"):
        files = contracts.read_manifest(folder / point)["02_correlation"]["files"]
        assert "figures/02_main.html" in files
        found |= {"figures/02_main.png" in files, (folder / point / "figures" / "02_main.png").exists(),
                  "image/png" in (folder / point / "02_correlation.ipynb").read_text()}
    return found


def test_pictures_are_drawn_where_they_are_asked_for_and_later_without_running_a_stage(project, undrawn, tmp_path):
    shutil.copytree(undrawn, tmp_path, dirs_exist_ok=True)
    assert drawn(tmp_path / "drawn") == {False}
    assert "image/png" in (tmp_path / "drawn" / "sweep.ipynb").read_text(), "a sweep's own notebook has its pictures"
    out = sweep(project, tmp_path, "--pictures")
    assert drawn(tmp_path / "drawn") == {True} and "0 stages to run" in out and "(PNG)" not in out
    assert drawn(tmp_path / "drawn") == {True} and "0 stages to run" in sweep(project, tmp_path), "they stay"
    assert {line["state"] for line in ledger(tmp_path / "drawn")} == {"done", "up to date"}
    command = short_project.start(project, "verify", str(tmp_path / "drawn"), outputs=tmp_path)
    out, error = command.communicate(timeout=60)
    assert command.returncode == 0, (out, error)


def test_pictures_that_are_asked_for_are_drawn_by_the_call_that_makes_their_stage(project, undrawn, tmp_path):
    shutil.copytree(undrawn / ".stages", tmp_path / ".stages", ignore=shutil.ignore_patterns("02_correlation-*"))
    out = sweep(project, tmp_path, "--pictures")
    assert drawn(tmp_path / "drawn") == {True} and "1 stages to run" in out and "(PNG)" not in out
