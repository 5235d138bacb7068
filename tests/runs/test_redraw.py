"""Pictures that figures lack: told at the end of a command, drawn by the next one, looked for in vain once."""

import json
import os
import shutil
import time
from pathlib import Path

import plotly.graph_objects as go
import pytest

from forefolio.files import file_hash, ledger_line
from forefolio.runs import contracts, execution, pictures, pipeline, redraw
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import Study

ODD = "</script> Plotly.newPlot( \\\" \u2028 {}[], \N{GREEK SMALL LETTER MU}"


def figure() -> go.Figure:
    return go.Figure(go.Scatter(x=["2020-01-02", "2020-01-03"], y=[1.5, None], name=ODD), {"title": {"text": ODD}})


def page(path: Path) -> Path:
    """Write a figure as a stage writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure().write_html(path, include_plotlyjs="plotly.min.js", div_id=path.stem)
    return path


def test_the_figure_in_a_page_is_the_one_that_was_written(tmp_path):
    found = redraw.figure_of(page(tmp_path / "01_prices.html").read_text(encoding="utf-8"))
    assert found == {part: json.loads(figure().to_json())[part] for part in ("data", "layout")}
    assert found["layout"]["title"]["text"] == ODD


# ------------------------------------------------------------------------------------------------------- the process
@pytest.fixture
def entry(tmp_path) -> dict:
    """Of a stage with two figures, of which one has its picture; in the place of the other lies somebody's file."""
    for name in ("01_prices", "01_returns"):
        page(tmp_path / "figures" / f"{name}.html")
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"a picture")
    known = ["figures/01_prices.html", "figures/01_prices.png", "figures/01_returns.html"]
    return {"files": {path: file_hash(tmp_path / path) for path in known}}


@pytest.mark.skipif("CI" not in os.environ and not any(map(shutil.which, ("chromium", "google-chrome", "chrome"))),
                    reason="no browser here")
def test_a_picture_is_drawn_from_the_interactive_figure_and_nothing_else_is_touched(entry, tmp_path):
    (now,) = redraw.completed([(tmp_path, entry)])
    drawn = tmp_path / "figures" / "01_returns.png"
    assert drawn.read_bytes().startswith(b"\x89PNG") and now == {
        "files": entry["files"] | {"figures/01_returns.png": file_hash(drawn)}}
    assert (tmp_path / "figures" / "01_prices.png").read_bytes() == b"a picture"
    assert len(list((tmp_path / "figures").iterdir())) == 4


def test_where_there_is_no_browser_an_entry_stays_as_it_is_and_takes_nobody_s_file(entry, tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nothing"))
    assert redraw.completed([(tmp_path, entry)]) == [entry]
    assert not (tmp_path / "figures" / "01_returns.png").exists()


# ----------------------------------------------------------------------------------------------------------- the run
@pytest.fixture
def told(tmp_path, monkeypatch) -> list[dict]:
    """In place of kernels that find no usable browser: each writes its results and one figure; what each was told."""
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    told = []

    def stage(folder, name, parameters, *, point, environment, **_):
        told.append(environment)
        for path in (*STAGES[name].writes, f"figures/{name[:2]}_main.html"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{path} of {name}")
        made = {path: file_hash(folder / path) for path in (*STAGES[name].writes, f"figures/{name[:2]}_main.html")}
        contracts.write_manifest(folder, contracts.read_manifest(folder) | {
            name: contracts.conditions(folder, name, parameters, []) | {"files": made}})
        return ledger_line(point=point, stage=name, state="done", started=time.time(), seconds=1.0)

    monkeypatch.setattr(execution, "stage", stage)
    return told


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """In place of a browser that draws; with the figures that it was asked for."""
    asked = []

    def completed(entries):
        for folder, entry in entries:
            for path in contracts.lacking(entry):
                asked.append(path)
                (folder / path).write_text("a picture")
        return [entry | {"files": entry["files"] | {path: file_hash(folder / path) for path in contracts.lacking(entry)}}
                for folder, entry in entries]

    monkeypatch.setattr(redraw, "completed", completed)
    return asked


SHORT = Study(study="short", source="simulated")


def test_one_kernel_of_a_run_looks_for_a_browser_in_vain_and_the_end_says_what_is_missing(told, drawn, capsys):
    pipeline.run(SHORT, last="03_mpt_frontier")
    assert told == [{}, {pictures.WITHOUT: "1"}, {pictures.WITHOUT: "1"}] and not drawn
    assert capsys.readouterr().out.splitlines()[-1] == pictures.missed(3)
    assert pictures.missed(3).startswith("3 figures have no picture (PNG), as no Chrome or Chromium was usable; ")


def test_the_next_run_draws_the_pictures_and_runs_no_stage(told, drawn, capsys, tmp_path):
    for last in ("02_correlation", "01_data", "02_correlation", "02_correlation"):
        pipeline.run(SHORT, last=last)
    assert len(told) == 2 and drawn == ["figures/01_main.png", "figures/02_main.png"], "each once"
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == ["01_data  up to date", "02_correlation  up to date"]
    assert (tmp_path / "short" / "figures" / "02_main.png").exists() and pipeline.verify(tmp_path / "short") == [
        f"{name}: no results yet" for name in list(STAGES)[2:]]


def test_a_run_that_draws_in_vain_says_so_each_time(told, monkeypatch, capsys):
    monkeypatch.setattr(redraw, "completed", lambda entries: [entry for _, entry in entries])
    for _ in range(3):
        pipeline.run(SHORT, last="01_data")
        assert capsys.readouterr().out.splitlines()[-1] == pictures.missed(1)
    assert len(told) == 1
