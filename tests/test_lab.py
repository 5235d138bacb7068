"""JupyterLab as `make lab` starts it: a stage runs, figures draw, their sliders move, and nothing asks a question."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from command import forefolio
from forefolio.runs import contracts, kernels
from forefolio.study.parameters import ROOT

PATIENCE = 120  # seconds for what a page waits for, on a machine that runs other tests
FIGURE = re.compile(r'stage\.figure\(\s*"(\w+)"')
MARKS = ".barlayer .point path, .scatterlayer path.js-line, .scatterlayer .points path"
QUESTION = ".Toastify__toast"
SEEN = "bars => bars.filter(bar => Math.min(bar.getBBox().width, bar.getBBox().height) > 1).length"


def arguments() -> list[str]:
    """What `make lab` runs, without the program."""
    printed = subprocess.run(["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    program, *given = next(shlex.split(line) for line in printed.splitlines() if "/jupyter lab " in line)
    return given


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab in a copy of the repository and an empty home, with results of stage 01; it ends with this process."""
    place = tmp_path_factory.mktemp("lab")
    for name in ("lib", "notebooks", "params", ".jupyter"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    shutil.copy(ROOT / "requirements.lock", place)
    stage = place / "notebooks" / "03_mpt_frontier.ipynb"
    notebook = nbformat.read(stage, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # so that what the page shows was made here
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, stage)
    done = forefolio("run", "params/default.yml", "--to", "01_data", outputs=place / "outputs")
    assert done.returncode == 0, done.stderr

    (home := place / "home").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = tempfile.mkdtemp()  # for what a browser of a killed kernel leaves
    own = {"HOME": home, "PYTHONPATH": place / "lib", "FOREFOLIO_OUTPUTS": place / "outputs", "TMPDIR": temporary}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG_", "IPYTHON"))}
    command = [Path(sys.executable).with_name("jupyter"), *arguments(), "--no-browser", "--allow-root",
               f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=reader"]
    with (place / "log").open("w") as log:
        server = subprocess.Popen(kernels.guarded(*map(str, command)), cwd=place, stdout=log, stderr=log,
                                  env=kept | {name: str(value) for name, value in own.items()})
    try:
        answers(f"http://127.0.0.1:{port}/api", server, place / "log")
        yield SimpleNamespace(place=place, address=f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(temporary)


def answers(address: str, server: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(address):
            return
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture
def page(lab, browser):
    """A page of a reader who has never opened JupyterLab; `asked` has the addresses that it asks for."""
    with browser.new_context(viewport={"width": 1400, "height": 1000}) as reader:
        page = reader.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        yield page
        assert not [url for url in page.asked if not url.startswith((lab.address, "data:", "blob:"))]


def opened(lab, page, notebook: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(f"{lab.address}/lab/tree/notebooks/{notebook}.ipynb?token=reader")
    page.get_by_text("| Idle").wait_for()


def figures(notebook: str) -> list[str]:
    """The names of the figures that a notebook draws in any study."""
    always = [source for source in contracts.code_cells(notebook) if not source.startswith("if ")]
    return [name for source in always for name in FIGURE.findall(source)]


def drawn(page, name: str):
    """The figure of a name: a picture when it comes into view, and itself when the mouse is over it."""
    cell = page.locator(".jp-CodeCell", has_text=re.compile(rf'stage\.figure\(\s*"{name}"')).first
    output = cell.locator(".jp-RenderedPlotly")
    end = time.monotonic() + PATIENCE
    while not output.count() and time.monotonic() < end:
        cell.evaluate("cell => cell.scrollIntoView()")
        page.wait_for_timeout(100)
    output.hover()
    output.locator(".gtitle").wait_for()
    return output


def slide(page, figure, share: float) -> str:
    """Click on a share of the slider's length; the text of its value comes back."""
    value = figure.locator(".slider-label").first
    before = value.text_content()
    rail = figure.locator(".slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + share * rail["width"], rail["y"] + rail["height"] / 2)
    page.wait_for_function("([label, was]) => label.textContent != was", arg=[value.element_handle(), before])
    return value.text_content()


def test_all_cells_of_03_run_its_figures_draw_and_its_slider_leads_to_the_asset_of_highest_mean(lab, page):
    opened(lab, page, "03_mpt_frontier")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text("Not answered yet").nth(2).wait_for()  # the third exercise is the last cell
    names = figures("03_mpt_frontier")
    assert len(names) == 5
    for name in names:
        assert drawn(page, name).locator(MARKS).count() >= 4, name

    along = drawn(page, "along")
    bars = along.locator(".barlayer .point path")
    assert slide(page, along, 0.02) and bars.evaluate_all(SEEN) > 5
    assert slide(page, along, 0.99) and bars.evaluate_all(SEEN) == 1
    assert not page.locator(QUESTION).count()

    page.keyboard.press("Control+s")
    page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    cells = json.loads((lab.place / "notebooks" / "03_mpt_frontier.ipynb").read_text())["cells"]
    executed = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in executed] == list(range(1, len(executed) + 1))
    kinds = {output["output_type"] for cell in executed for output in cell["outputs"]}
    assert not kinds & {"error", "stream"}
    assert "03_mpt_frontier" in contracts.read_manifest(lab.place / "outputs" / "default")


def test_the_committed_figure_over_gamma_draws_when_05_is_opened_and_its_slider_moves(lab, page):
    opened(lab, page, "05_portfolios")
    figure = drawn(page, "risk_aversion")
    bars = figure.locator(".barlayer .point path")
    moved = []
    for share in (0.5, 0.02, 0.99):
        slide(page, figure, share)
        moved.append((figure.locator(".gtitle").text_content(), bars.evaluate_all(SEEN)))
    assert all(expected in title for (title, _), expected in zip(moved, ("γ = 20:", "γ = 0.1:", "Minimum variance:")))
    assert moved[1][1] == 1 < moved[2][1]  # where only the forecast counts, one stock is held


def test_no_question_about_news_greets_a_reader_who_did_not_ask_for_it(lab, page):
    opened(lab, page, "01_data")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2000)
    assert not page.locator(QUESTION).count()
    assert not [url for url in page.asked if re.search("/lab/api/(news|update)", url)]

    setting = f"{lab.address}/lab/api/settings/@jupyterlab/apputils-extension:notification"
    page.request.put(setting, data={"raw": '{"fetchNews": "none"}'}, headers={"Authorization": "token reader"})
    page.reload()
    page.locator(QUESTION, has_text="Jupyter news").wait_for()  # it would have been seen
