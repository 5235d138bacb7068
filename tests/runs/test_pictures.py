"""Figures as pictures: whatever a browser does or does not do, a stage goes on and leaves no process behind."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import psutil
import pytest
from short_project import processes, wait_until

from forefolio.files import RunFailed, file_hash, ledger_line, read_ledger
from forefolio.runs import contracts, execution, kernels, pictures, pipeline
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import Study

FOUND = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif("CI" not in os.environ and not FOUND, reason="no browser here")
posix = pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script")


@pytest.fixture(autouse=True)
def drawing(monkeypatch):
    """Pictures are drawn here, whatever the tests as a whole were told."""
    monkeypatch.delenv(pictures.WITHOUT, raising=False)


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


@posix
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


@needs_browser
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


# ------------------------------------------------------------------------------------------------ a page and its figure
ODD = "</script> Plotly.newPlot( \\\" \u2028 {}[], \N{GREEK SMALL LETTER MU}"


def odd(value: float = 1.5) -> go.Figure:
    return go.Figure(go.Scatter(x=["2020-01-02", "2020-01-03"], y=[value, None], name=ODD), {"title": {"text": ODD}})


def page(path: Path, figure: go.Figure | None = None) -> Path:
    """Write a figure as a stage writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (figure or odd()).write_html(path, include_plotlyjs="plotly.min.js", div_id=path.stem)
    return path


def test_the_figure_in_a_page_is_the_one_that_was_written(tmp_path):
    found = pictures.figure_of(page(tmp_path / "01_prices.html").read_text(encoding="utf-8"))
    assert found == {part: json.loads(odd().to_json())[part] for part in ("data", "layout")}
    assert found["layout"]["title"]["text"] == ODD


# ------------------------------------------------------------------------------------------------ a command's pictures
@pytest.fixture
def with_browser(tmp_path, monkeypatch):
    """Let processes that draw have a browser that is a shell script, and little patience with it."""
    monkeypatch.setattr(pictures, "PATIENCE", 5)

    def with_browser(*lines: str) -> None:
        (tmp_path / "browser").mkdir(exist_ok=True)
        monkeypatch.setenv("BROWSER_PATH", str(script(tmp_path / "browser", *lines)))
    return with_browser


@needs_browser
@posix
def test_one_browser_draws_the_pictures_of_many_pages_as_a_notebook_draws_them(with_browser, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE", 60)
    with_browser(f"echo started >> {tmp_path}/started", f'exec {FOUND} "$@"')
    made = [page(tmp_path / "figures" / f"01_{number}.html", odd(number)) for number in range(3)]
    with pictures.Drawer() as drawer:
        drawer.ask(made[:1])
        drawer.ask(made)
        drawer.wait()
        assert drawer.usable
    assert (tmp_path / "started").read_text() == "started\n"
    drawn = [one.with_suffix(".png").read_bytes() for one in made]
    alone = ("import sys, plotly.graph_objects as go\nfrom forefolio.runs import pictures\n"
             f"sys.stdout.buffer.write(pictures.png(go.Figure(pictures.figure_of(open({str(made[1])!r}, encoding='utf-8').read()))))")
    said = subprocess.run([sys.executable, "-c", alone], capture_output=True, check=True)
    assert drawn[1] == said.stdout and drawn[1].startswith(b"\x89PNG") and drawn[0] != drawn[1] != drawn[2]


@needs_browser
@posix
def test_a_browser_that_hangs_is_replaced_with_one_line(with_browser, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE", 12)
    with_browser(f"cd {tmp_path}", f'test -e number && exec {FOUND} "$@"', *HANGS["alone"][1:])
    said, made = [], [page(tmp_path / "figures" / f"01_{name}.html") for name in "ab"]
    with pictures.Drawer(said.append) as drawer:
        drawer.ask(made)
        drawer.wait()
    assert said == ["pictures  the browser did not answer for 12 s at 01_a, and was replaced"]
    assert all(one.with_suffix(".png").exists() for one in made)
    assert is_gone(int((tmp_path / "number").read_text()))


@posix
def test_a_browser_that_hangs_twice_is_given_up(with_browser, tmp_path):
    with_browser(f"cd {tmp_path}", "echo $$ >> numbers", "exec sleep 3600")
    said, made = [], [page(tmp_path / "figures" / f"01_{name}.html") for name in "abc"]
    with pictures.Drawer(said.append) as drawer:
        drawer.ask(made[:2])
        drawer.wait()
        assert not drawer.usable
        drawer.ask(made)
        assert not drawer.asked(made[2])
        drawer.wait()
    numbers = [int(number) for number in (tmp_path / "numbers").read_text().split()]
    assert len(said) == 1 and len(numbers) == 2 and all(map(is_gone, numbers))
    assert not list((tmp_path / "figures").glob("*.png"))


@posix
def test_where_no_browser_starts_the_first_page_is_the_last(with_browser, tmp_path):
    with_browser(f"echo started >> {tmp_path}/started", "exit 1")
    said, made = [], [page(tmp_path / "figures" / f"01_{name}.html") for name in "abc"]
    with pictures.Drawer(said.append) as drawer:
        drawer.ask(made)
        drawer.wait()
        assert not drawer.usable and not said
    assert (tmp_path / "started").read_text().count("started") <= 2 and not list((tmp_path / "figures").glob("*.png"))


@pytest.mark.parametrize(("name", "value"), [("BROWSER_PATH", "/nothing/here"), (pictures.WITHOUT, "1")])
def test_without_a_browser_an_entry_stays_as_it_is_and_takes_nobody_s_file(name, value, entry, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv(name, value)
    with pictures.Drawer() as drawer:
        assert drawer.usable == (name != pictures.WITHOUT)
        assert pictures.completed(drawer, [(tmp_path, entry)]) == [entry] and not drawer.usable
    assert not (tmp_path / "figures" / "01_returns.png").exists() and capfd.readouterr() == ("", "")


@posix
def test_a_drawer_that_ends_leaves_no_process_and_no_folder(with_browser, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE", 600)
    with_browser(*(line.format(folder=tmp_path) for line in HANGS["with a child in a session of its own"]))
    before = set(kernels.own_folder().iterdir())
    with pictures.Drawer() as drawer:
        drawer.ask([page(tmp_path / "figures" / "01_a.html")])
        assert wait_until((tmp_path / "number").exists, seconds=60)
        assert set(kernels.own_folder().iterdir()) > before
    assert set(kernels.own_folder().iterdir()) == before and not drawer.usable
    assert all(is_gone(int(number)) for number in (tmp_path / "number").read_text().split())
    drawer.wait()


def test_a_drawer_that_ends_before_its_process_has_started_starts_none(tmp_path, monkeypatch):
    drawer, starting, started = pictures.Drawer(), threading.Event(), []
    monkeypatch.setattr(drawer, "_draw", lambda page, real=drawer._draw: (starting.wait(60), real(page)))
    monkeypatch.setattr(drawer, "_started", lambda: started.append(True))
    drawer.ask([tmp_path / "01_a.html"])
    monkeypatch.setattr(drawer, "_kill", starting.set)
    drawer.end()
    assert starting.is_set() and not started


OWNER = """
import sys
from pathlib import Path
from forefolio.runs import pictures
drawer = pictures.Drawer()
drawer.ask([Path(sys.argv[1])])
drawer.wait()
"""


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their environment")
def test_a_command_that_is_killed_while_it_draws_leaves_no_browser(with_browser, parents, tmp_path):
    with_browser(*(line.format(folder=tmp_path) for line in HANGS["with a child in a session of its own"]))
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(page(tmp_path / "figures" / "01_a.html"))],
                             env=os.environ | {"FOREFOLIO_OUTPUTS": str(tmp_path)})
    assert wait_until((tmp_path / "number").exists, seconds=60)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: not processes(tmp_path), seconds=10), processes(tmp_path)
    assert all(is_gone(int(number)) for number in (tmp_path / "number").read_text().split())


# ----------------------------------------------------------------------------------------------------- what is asked for
class Painter(pictures.Drawer):
    """Writes a text in place of each picture; a page waits where it is told to."""

    drawn: list[str]
    holds: dict[str, threading.Event] = {}

    def _answer(self, page: Path) -> str:
        self.drawn.append(page.stem)
        if hold := self.holds.get(page.stem):
            assert hold.wait(60)
        page.with_suffix(".png").write_bytes(b"a picture")
        return ""


@pytest.fixture
def painter(monkeypatch) -> type[Painter]:
    """In place of a browser that draws, with the names of pages in the order in which they were drawn."""
    monkeypatch.setattr(Painter, "drawn", [], raising=False)
    monkeypatch.setattr(Painter, "holds", {})
    monkeypatch.setattr(pictures, "Drawer", Painter)
    return Painter


def test_what_is_dropped_is_not_drawn_and_not_being_drawn_and_the_rest_is(painter, tmp_path):
    held = painter.holds["01_a"] = threading.Event()
    figures, other = tmp_path / "figures", tmp_path / "other"
    figures.mkdir(), other.mkdir()
    with painter() as drawer:
        drawer.ask([figures / "01_a.html", figures / "01_b.html", figures / "02_a.html", other / "01_c.html"])
        dropping = threading.Thread(target=drawer.drop, args=(figures, "01_"))
        dropping.start()
        assert wait_until(lambda: not drawer.asked(figures / "01_b.html"), seconds=60)
        dropping.join(0.2)
        assert dropping.is_alive(), "the first one is being drawn"
        held.set()
        dropping.join()
        drawer.wait()
        assert painter.drawn == ["01_a", "02_a", "01_c"]
        drawer.ask([figures / "01_b.html"])
        drawer.wait()
    assert painter.drawn[3:] == ["01_b"], "the stage was made again"


@pytest.fixture
def entry(tmp_path) -> dict:
    """Of a stage with two figures, of which one has its picture; in the place of the other lies somebody's file."""
    outputs = []
    for name, value in (("01_prices", 1.0), ("01_returns", 2.0)):
        page(tmp_path / "figures" / f"{name}.html", odd(value))
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"an old picture")
        outputs.append(shown(odd(value), None))
    write_notebook(tmp_path / "01_data.ipynb", outputs)
    known = ["figures/01_prices.html", "figures/01_prices.png", "figures/01_returns.html", "01_data.ipynb"]
    return {"files": {path: file_hash(tmp_path / path) for path in known}}


def shown(figure: go.Figure, png: bytes | None):
    """What a notebook shows of a figure."""
    one = pictures.Shown.__new__(pictures.Shown)
    one._figure, one.png = figure, png
    data, metadata = one._repr_mimebundle_()
    return nbformat.v4.new_output("display_data", data, metadata=metadata)


def write_notebook(path: Path, outputs: list) -> None:
    """Write an executed notebook with these outputs, as papermill does."""
    cell = nbformat.v4.new_code_cell("show()", outputs=outputs, id="a")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def test_a_picture_stands_in_the_notebook_as_if_its_kernel_had_drawn_it(painter, entry, tmp_path):
    with painter() as drawer:
        (now,) = pictures.completed(drawer, [(tmp_path, entry)])
    picture = tmp_path / "figures" / "01_returns.png"
    assert painter.drawn == ["01_returns"] and picture.read_bytes() == b"a picture"
    assert (tmp_path / "figures" / "01_prices.png").read_bytes() == b"an old picture"
    changed = {path: file_hash(tmp_path / path) for path in ("figures/01_returns.png", "01_data.ipynb")}
    assert now == {"files": entry["files"] | changed} and changed["01_data.ipynb"] != entry["files"]["01_data.ipynb"]
    write_notebook(tmp_path / "expected.ipynb", [shown(odd(1.0), None), shown(odd(2.0), b"a picture")])
    assert (tmp_path / "01_data.ipynb").read_text() == (tmp_path / "expected.ipynb").read_text()
    assert base64.b64encode(b"a picture").decode() in (tmp_path / "01_data.ipynb").read_text()


# ----------------------------------------------------------------------------------------------------------- the run
@pytest.fixture
def stage(tmp_path, monkeypatch) -> list[str]:
    """In place of kernels: each writes its results and one figure, and asks for its picture; the stages that ran."""
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    monkeypatch.setattr(kernels, "prepare", lambda *_, **__: None)
    ran = []

    def stage(folder, name, parameters, *, point, drawer, **_):
        ran.append(name)
        figure = page(folder / "figures" / f"{name[:2]}_main.html")
        drawer.ask([figure])
        for path in STAGES[name].writes:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{path} of {name}")
        write_notebook(folder / f"{name}.ipynb", [shown(odd(), None)])
        made = {path: file_hash(folder / path) for path in (*STAGES[name].writes, f"figures/{figure.name}", f"{name}.ipynb")}
        with contracts.changing(folder) as manifest:
            manifest[name] = contracts.conditions(folder, name, parameters, []) | {"files": made}
        return ledger_line(point=point, stage=name, state="done", started=time.time(), seconds=1.0)

    monkeypatch.setattr(execution, "stage", stage)
    return ran


SHORT = Study(study="short", source="simulated")


def test_a_run_without_a_browser_says_at_its_end_what_is_missing_and_says_it_each_time(stage, painter, monkeypatch, capsys):
    monkeypatch.setattr(painter, "_answer", lambda self, page: painter.drawn.append(page.stem) or "ChromeNotFoundError")
    for _ in range(2):
        pipeline.run(SHORT, last="03_mpt_frontier")
        said = capsys.readouterr().out.splitlines()
        assert said[-1] == pictures.missed(3) and sum("no Chrome or Chromium" in line for line in said) == 1
    assert len(stage) == 3 and painter.drawn[0] == "01_main" and len(painter.drawn) == 2, "one try a command"
    assert pictures.missed(3).startswith("3 figures have no picture (PNG), as no Chrome or Chromium was usable; ")


def test_a_run_draws_beside_its_stages_and_says_nothing_of_it(stage, painter, capsys, tmp_path):
    pipeline.run(SHORT, last="02_correlation")
    assert painter.drawn == ["01_main", "02_main"] and "pictures" not in capsys.readouterr().out
    assert "image/png" in (tmp_path / "short" / "02_correlation.ipynb").read_text()
    assert pipeline.verify(tmp_path / "short") == [f"{name}: no results yet" for name in list(STAGES)[2:]]


def test_the_next_run_draws_what_an_earlier_one_could_not_and_runs_no_stage(stage, painter, capsys, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv(pictures.WITHOUT, "1")
        pipeline.run(SHORT, last="02_correlation")
    assert not painter.drawn and capsys.readouterr().out.splitlines()[-1] == pictures.missed(2)
    for last in ("01_data", "02_correlation", "02_correlation"):
        pipeline.run(SHORT, last=last)
    assert len(stage) == 2 and painter.drawn == ["01_main", "02_main"], "each once"
    said = capsys.readouterr().out.splitlines()
    assert "pictures  drawing what 01_data lack" in said and "pictures  drawing what 02_correlation lack" in said
    assert said[-2:] == ["01_data  up to date", "02_correlation  up to date"]
    assert pipeline.verify(tmp_path / "short") == [f"{name}: no results yet" for name in list(STAGES)[2:]]


def test_a_run_that_fails_has_the_pictures_of_what_is_done(stage, painter, tmp_path, monkeypatch):
    def fails(folder, name, parameters, *, real=execution.stage, **options):
        if name == "02_correlation":
            return ledger_line(point="short", stage=name, state="failed", started=0.0, seconds=1.0, error="ValueError: no",
                               notebook=None)
        return real(folder, name, parameters, **options)

    monkeypatch.setattr(execution, "stage", fails)
    with pytest.raises(RunFailed, match="02_correlation failed with ValueError: no"):
        pipeline.run(SHORT, last="02_correlation")
    assert [line["state"] for line in read_ledger(tmp_path / "short")] == ["done", "failed"]
    assert painter.drawn == ["01_main"] and not contracts.lacking(contracts.read_manifest(tmp_path / "short")["01_data"])


def test_the_kernel_of_a_stage_draws_nothing_and_its_command_is_asked_for_each_figure_once(painter, tmp_path, monkeypatch):
    """While the stage goes on; what a stage that fails asked for is dropped."""
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    asked, given = [], []

    def notebook(source, aside, parameters, *, wanted, environment):
        given.append(environment[pictures.WITHOUT])
        for noun in ("prices", "returns"):
            page(tmp_path / "short" / "figures" / f"01_{noun}.html")
            page(tmp_path / "short" / "figures" / f"02_{noun}.html")
            assert wanted() and wanted()
        asked.extend(path.stem for path in (tmp_path / "short" / "figures").glob("*.html") if drawer.asked(path))
        return "failed", "ValueError: no", 1.0

    monkeypatch.setattr(execution, "notebook", notebook)
    (tmp_path / "short").mkdir()
    with painter() as drawer:
        line = execution.stage(tmp_path / "short", "01_data", {}, point="short", drawer=drawer)
        assert line["state"] == "failed" and not drawer._asked
    assert sorted(asked) == ["01_prices", "01_returns"] and given == ["1"] and not list(tmp_path.rglob("01_*"))
