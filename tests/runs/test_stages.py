"""Stages: what opens, what is written, what is remembered, what counts."""

import importlib
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import plotly.graph_objects as go
import pytest
import short_project
from plotly.offline import get_plotlyjs

import forefolio
from forefolio import files
from forefolio.files import StageError
from forefolio.market import sources
from forefolio.report import style
from forefolio.runs import contracts, measured, pictures, stages
from forefolio.runs.stages import open_stage
from forefolio.study import vocabulary
from forefolio.study.parameters import StudyError


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_missing", ["no browser is started in this process"])
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def frame():
    days = pd.DatetimeIndex(["2020-01-02", "2020-01-03"], name="date")
    return pd.DataFrame({"A": [0.1, 0.2], "B": [0.3, 0.4]}, index=days)


def write_all(stage, frame):
    """Write a frame under every noun that the stage promises."""
    for path in contracts.STAGES[stage.name].writes:
        stage.write(**{Path(path).stem: frame})


def close_01(frame: pd.DataFrame, **parameters) -> stages.Stage:
    """Run stage 01 in this process with one frame for every result."""
    stage = open_stage("01_data", parameters)
    write_all(stage, frame)
    stage.close()
    return stage


def test_a_stage_without_its_inputs_names_the_file_and_the_command(outputs):
    with pytest.raises(StageError) as refused:
        open_stage("03_mpt_frontier", {})
    said = str(refused.value)
    assert "artifacts/returns.parquet" in said and "--to 01_data" in said and "notebooks/01_data.ipynb" in said


def test_what_a_stage_writes_another_reads(outputs, frame):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    pd.testing.assert_frame_equal(stage.read("returns"), frame, check_freq=False)
    table = files.read_frame(outputs / "default" / "tables" / "universe.csv")
    assert list(table.columns) == ["date", "A", "B"], "a named index is the first column of a table"


def test_a_stage_is_judged_by_its_parameters(outputs):
    with pytest.raises(StudyError, match="lookback: 1 should be"):
        open_stage("04_forecasting", {"lookback": 1})
    with pytest.raises(StudyError, match="not a plain name"):
        open_stage("01_data", {"study": "../x"})


def test_inputs_of_another_study_are_refused(outputs, frame):
    close_01(frame, train_end="2017-12-31")
    with pytest.raises(StageError, match="was given train_end '2018-12-31', but artifacts/returns.parquet was made with "
                                         "'2017-12-31'"):
        open_stage("04_forecasting", {})


def test_an_input_that_somebody_changed_is_refused(outputs, frame):
    close_01(frame)
    (frame * 2).to_parquet(outputs / "default" / "artifacts" / "returns.parquet")
    with pytest.raises(StageError, match="is not the file that 01_data wrote"):
        open_stage("02_correlation", {})


def test_an_input_that_somebody_changes_after_the_stage_has_opened_is_refused(outputs, frame):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    stage.read("returns")
    (frame * 2).to_parquet(outputs / "default" / "artifacts" / "returns.parquet")
    with pytest.raises(StageError, match="returns.parquet was changed since it was hashed"):
        stage.read("returns")


def paper_s_stage(monkeypatch, outputs):
    """The last stage of a paper, as if it read nothing."""
    monkeypatch.setitem(contracts.CONTRACTS, "zouaoui2025", contracts.PAPERS["zouaoui2025"]._replace(reads=()))
    return open_stage("zouaoui2025", {"study": "default"})


def test_published_numbers_that_change_after_the_stage_has_opened_are_refused(outputs, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(contracts, "PUBLISHED", tmp_path)
    (tmp_path / "zouaoui2025_numbers.csv").write_text("place,value\nTable 3,1\n")
    stage = paper_s_stage(monkeypatch, outputs)
    assert stage.published()["numbers"]["value"].tolist() == [1]
    (tmp_path / "zouaoui2025_numbers.csv").write_text("place,value\nTable 3,2\n")
    with pytest.raises(StageError, match="zouaoui2025_numbers.csv was changed since"):
        stage.published()


def test_prices_count_as_they_were_when_they_were_read(outputs, frame, tmp_path):
    days = pd.bdate_range("2020-01-01", periods=60)
    prices = pd.DataFrame({"A": range(1, 61), "B": range(2, 62), "SP500": range(3, 63)}, days).rename_axis("date")
    prices.to_csv(tmp_path / "prices.csv")
    was = files.file_hash(tmp_path / "prices.csv")
    given = {"source": "csv", "prices_path": str(tmp_path / "prices.csv"), "start": "2020-01-01", "end": "2020-03-24",
             "train_end": "2020-02-14", "validation_end": "2020-02-28"}
    stage = open_stage("01_data", given)
    stage.read_outside(sources.load(stage.study).files)
    (2 * prices).to_csv(tmp_path / "prices.csv")
    write_all(stage, frame)
    stage.close()
    assert contracts.read_manifest(outputs / "default")["01_data"]["sources"] == [was]


def test_a_result_that_somebody_changes_before_the_stage_closes_is_none_of_its(outputs, frame):
    stage = open_stage("01_data", {})
    write_all(stage, frame)
    (2 * frame).to_parquet(outputs / "default" / "artifacts" / "returns.parquet")
    stage.close()
    with pytest.raises(StageError, match="returns.parquet in .* is not the file that 01_data wrote"):
        open_stage("02_correlation", {})


def test_only_what_the_contract_lists_is_read_and_written(outputs, frame):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    with pytest.raises(StageError, match="prices is not in the contract of 02_correlation"):
        stage.read("prices")
    with pytest.raises(StageError, match="returns is not in the contract"):
        stage.write(returns=frame)
    with pytest.raises(StageError, match="closes without artifacts/correlation.parquet"):
        stage.close()
    assert "02_correlation" not in contracts.read_manifest(outputs / "default")


def test_opening_a_stage_puts_its_results_and_its_readers_out_of_sight(outputs, frame):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    write_all(stage, frame)
    stage.figure("heatmap", go.Figure())
    stage.close()
    folder = outputs / "default"
    assert list(contracts.read_manifest(folder)) == ["01_data", "02_correlation"]
    open_stage("01_data", {})
    assert contracts.read_manifest(folder) == {}
    assert not list(folder.glob("artifacts/*")) and not list(folder.glob("tables/*"))
    assert not list(folder.glob("figures/02_*"))


def test_a_slow_function_runs_once_for_the_same_content(outputs, frame, monkeypatch, capsys):
    from forefolio.forecasts import baselines

    calls = []

    def slow(data, option):
        calls.append(option)
        return {"forecasts": data * option}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    first = stage.remember(slow, frame, 2)
    again = open_stage("01_data", {"study": "other"}).remember(slow, frame.copy(), 2)
    pd.testing.assert_frame_equal(first["forecasts"], again["forecasts"], check_freq=False)
    assert calls == [2] and "remembered" in capsys.readouterr().out
    stage.remember(slow, frame, 3)
    stage.remember(slow, frame.rename(columns={"A": "C"}), 2)
    changed = frame.copy()
    changed.iloc[0, 0] += 1e-12
    stage.remember(slow, changed, 2)
    assert calls == [2, 3, 2, 2], "another option, another name, another digit: computed again"


def test_what_is_remembered_is_checked_before_it_is_believed(outputs, frame):
    from forefolio.forecasts import baselines

    calls = []

    def slow(data):
        calls.append(1)
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    stage.remember(slow, frame)
    kept = next((outputs / ".trained").glob("*/forecasts.parquet"))
    (frame * 2).to_parquet(kept)
    pd.testing.assert_frame_equal(stage.remember(slow, frame)["forecasts"], frame, check_freq=False)
    kept.write_bytes(b"")
    pd.testing.assert_frame_equal(stage.remember(slow, frame)["forecasts"], frame, check_freq=False)
    assert len(calls) == 3


def full_disk(aside: Path, content: bytes) -> None:
    """Write half of something, as a disk does that is full."""
    aside.write_bytes(content[:len(content) // 2])
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("trouble", ["full disk", "no folder", "renamed by nobody"])
def test_a_memory_that_cannot_be_written_warns_once_and_the_stage_goes_on(trouble, outputs, frame, monkeypatch):
    from forefolio.forecasts import baselines

    def slow(data, option):
        return {"forecasts": data * option}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    if trouble == "full disk":
        monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda frame, path: full_disk(path, b"parquet"))
    elif trouble == "no folder":
        (outputs / ".trained").write_text("a file in its place")
    else:
        monkeypatch.setattr(stages.os, "replace", lambda aside, path: full_disk(aside / "more", b"bytes"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for option in (2, 3):
            pd.testing.assert_frame_equal(stage.remember(slow, frame, option)["forecasts"], frame * option)
    assert len(told) == 1 and ".trained cannot be written" in str(told[0].message)
    assert not list(outputs.glob(".trained/*"))


def test_what_a_killed_process_was_remembering_is_cleared_away(outputs, frame):
    from forefolio.forecasts import baselines

    def slow(data):
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    for name in (".aside-old", ".aside-new"):
        (outputs / ".trained" / name).mkdir(parents=True)
    os.utime(outputs / ".trained" / ".aside-old", (0, 0))
    open_stage("01_data", {}).remember(slow, frame)
    assert [path.name for path in outputs.glob(".trained/.aside-*")] == [".aside-new"], "that one may be another's work"


@pytest.mark.parametrize("about", ["[]", '{"files": ["forecasts"]}', '{"files": {"about.json": 7}, "warnings": []}', "{"])
def test_a_memory_that_is_none_of_ours_is_made_again(about, outputs, frame):
    from forefolio.forecasts import baselines

    def slow(data):
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    stage.remember(slow, frame)
    kept = next((outputs / ".trained").glob("*/about.json"))
    was = kept.read_text()
    kept.write_text(about)
    pd.testing.assert_frame_equal(stage.remember(slow, frame)["forecasts"], frame, check_freq=False)
    assert kept.read_text() == was


# ----------------------------------------------------------------------------------------------------------- figures
def test_what_draws_the_figures_is_whole_recorded_and_that_of_the_installed_plotly(outputs, frame, monkeypatch):
    monkeypatch.setattr(pictures, "Shown", lambda figure: SimpleNamespace(png=None))
    script = outputs / "default" / contracts.PLOTLY
    script.parent.mkdir(parents=True)
    script.write_bytes(get_plotlyjs().encode()[:8192])  # torn, or of another version
    stage = open_stage("01_data", {})
    write_all(stage, frame)
    stage.figure("prices", go.Figure())
    stage.close()
    assert script.read_bytes() == get_plotlyjs().encode()
    assert contracts.read_manifest(outputs / "default")["01_data"]["files"][contracts.PLOTLY] == files.file_hash(script)
    assert '<script charset="utf-8" src="plotly.min.js"></script>' in (script.parent / "01_prices.html").read_text()


def test_a_disk_that_is_full_leaves_no_part_of_what_draws_the_figures(outputs, monkeypatch):
    stage = open_stage("01_data", {})
    for write in ("write_text", "write_bytes"):
        real = getattr(Path, write)

        def torn(path, content, *_, real=real, **__):
            real(path, content[:8192])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, write, torn)
    with pytest.raises(OSError, match="No space left"):
        stage.figure("prices", go.Figure())
    assert not list((outputs / "default" / "figures").iterdir())


def test_a_network_from_outside_the_library_is_trained_again_when_its_file_is_edited(outputs, frame, monkeypatch):
    from forefolio.forecasts import baselines

    outside, calls = outputs / "outside", []
    outside.mkdir()
    monkeypatch.syspath_prepend(outside)

    def slow(data, network):
        calls.append(network.units)
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    for text in ("units: int", "units: int", "units: int  # and another activation"):
        (outside / "outside_network.py").write_text(
            f"from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Linear:\n    {text}\n")
        for known in (sys.modules, forefolio.LOADED):  # as in a kernel of its own
            monkeypatch.delitem(known, "outside_network", raising=False)
        network = importlib.import_module("outside_network").Linear(4)
        stage.remember(slow, frame, network)
    assert calls == [4, 4], "once for each content of the file"
    monkeypatch.delitem(sys.modules, "outside_network")
    (outside / "outside_network.py").write_text("units = 4")
    with pytest.raises(StageError, match="older code of outside_network"):
        stage.remember(slow, frame, network)


@pytest.mark.parametrize("module", ["asset_networks", "joint_networks"])
def test_networks_of_another_backend_are_trained_again(outputs, frame, monkeypatch, module):
    backends = []

    def slow(data):
        backends.append(os.environ["KERAS_BACKEND"])
        return {"forecasts": data}

    slow.__module__ = f"forefolio.forecasts.{module}"
    stage = open_stage("01_data", {})
    for backend in ("tensorflow", "jax", "tensorflow", "jax"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        monkeypatch.delitem(sys.modules, "keras", raising=False)  # as in a kernel that starts with this variable
        stage.remember(slow, frame)
    assert backends == ["tensorflow", "jax"]


# ------------------------------------------------------------------------------------------- what was loaded counts
@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Edit a module on the disk, in a copy of the package, while this process goes on with what it has loaded."""
    package = tmp_path / "disk" / "forefolio"
    shutil.copytree(contracts.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(contracts, "PACKAGE", package)

    def edit(module):
        path = package.parent / f"{module.replace('.', '/')}.py"
        path.write_text(path.read_text() + "\n# another line\n")

    return edit


def test_a_stage_opens_in_no_kernel_that_loaded_other_code_than_the_disk_holds(outputs, frame, edited):
    from forefolio.market import correlation  # noqa: F401  which the stage imports before it opens

    close_01(frame)
    stage = open_stage("02_correlation", {})
    write_all(stage, frame)
    stage.close()
    edited("forefolio.market.correlation")
    with pytest.raises(StageError, match="older code of forefolio.market.correlation than the disk holds; restart"):
        open_stage("02_correlation", {})
    assert "02_correlation" in contracts.read_manifest(outputs / "default"), "what the older code made stays"
    open_stage("03_mpt_frontier", {})


def test_a_stage_that_does_not_end_with_the_code_that_it_began_with_is_not_recorded(
        outputs, frame, edited, monkeypatch):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    write_all(stage, frame)
    with monkeypatch.context() as late:
        late.setitem(forefolio.LOADED, "forefolio.market.correlation", "imported by a cell while the file was another")
        with pytest.raises(StageError, match="restart the kernel"):
            stage.close()
    edited("forefolio.market.correlation")
    with pytest.raises(StageError, match="forefolio.market.correlation changed since the stage was opened"):
        stage.close()


def test_a_lock_that_is_edited_while_a_stage_runs_is_noticed(outputs, frame, tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    (root / "requirements.lock").write_text("numpy==1\n")
    monkeypatch.setattr(contracts, "ROOT", root)
    stage = open_stage("01_data", {})
    write_all(stage, frame)
    (root / "requirements.lock").write_text("numpy==2\n")
    with pytest.raises(StageError, match="lock changed since the stage was opened"):
        stage.close()


def test_nothing_is_remembered_of_code_that_is_not_on_the_disk(outputs, frame, edited, monkeypatch):
    from forefolio.forecasts import baselines

    calls = []

    def slow(data):
        calls.append(1)
        monkeypatch.setitem(forefolio.LOADED, "forefolio.forecasts.schedule", "imported by the function, after an edit")
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    with pytest.raises(StageError, match="older code of forefolio.forecasts.schedule"):
        stage.remember(slow, frame)
    assert not (outputs / ".trained").exists()
    monkeypatch.delitem(forefolio.LOADED, "forefolio.forecasts.schedule")
    edited("forefolio.forecasts.baselines")
    with pytest.raises(StageError, match="older code of forefolio.forecasts.baselines"):
        stage.remember(slow, frame)
    assert calls == [1]


def test_a_function_of_no_loaded_file_is_never_remembered(outputs, frame):
    calls = []

    def slow(data):
        calls.append(1)
        return {"forecasts": data}

    slow.__module__ = "__main__"  # of a notebook
    stage = open_stage("01_data", {})
    for _ in range(2):
        stage.remember(slow, frame)
    assert calls == [1, 1]


BY_HAND = """
import importlib
from pathlib import Path

import pandas as pd

from forefolio import files
from forefolio.runs import contracts, stages


def by_hand(name):
    stage = stages.open_stage(name, {})
    for path in contracts.STAGES[name].writes:
        stage.write(**{Path(path).stem: pd.DataFrame({"value": [1]})})
    stage.close()


by_hand("01_data")
by_hand("02_correlation")
source = Path(files.__file__)
source.write_text(source.read_text() + "# another line")
for again in (lambda: None, lambda: importlib.reload(files)):
    again()
    try:
        by_hand("02_correlation")
    except RuntimeError as error:
        print(error)
"""


def test_cells_that_run_again_after_an_edit_of_the_library_are_refused_until_the_kernel_is_restarted(tmp_path):
    project = short_project.make(tmp_path / "project")
    done = subprocess.run([sys.executable, "-c", BY_HAND], env=short_project.environment(project, tmp_path / "outputs"),
                          capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if "this kernel still runs older code of forefolio.files" in line]
    assert len(said) == 2, done.stdout


def test_what_is_remembered_repeats_its_warnings(outputs, frame):
    from forefolio.forecasts import baselines

    calls = []

    def slow(data):
        calls.append(1)
        warnings.warn("The LSTM of A diverged", stacklevel=2)
        warnings.warn("of no interest", DeprecationWarning, stacklevel=2)
        return {"forecasts": data}

    slow.__module__ = baselines.__name__
    stage = open_stage("01_data", {})
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("ignore", DeprecationWarning)
            assert set(stage.remember(slow, frame)) == {"forecasts"}
        assert [str(warning.message) for warning in told] == ["The LSTM of A diverged"]
    assert len(calls) == 1


def test_a_stage_that_was_opened_again_elsewhere_is_not_recorded(outputs, frame):
    close_01(frame)
    first = open_stage("02_correlation", {"correlation_window": 21})
    second = open_stage("02_correlation", {})
    for stage in (first, second):
        write_all(stage, frame)
    with pytest.raises(StageError, match="02_correlation was opened again"):
        first.close()
    second.close()
    entry = contracts.read_manifest(outputs / "default")["02_correlation"]
    assert entry["parameters"]["correlation_window"] == 63


def test_a_stage_whose_inputs_were_made_again_is_not_recorded(outputs, frame):
    close_01(frame)
    stage = open_stage("02_correlation", {})
    close_01(frame)
    write_all(stage, frame)
    with pytest.raises(StageError, match="its inputs were made again"):
        stage.close()


def test_a_kernel_that_ran_other_cells_than_the_notebook_holds_is_not_recorded(outputs, frame):
    cells = contracts.code_cells("02_correlation")
    cells = cells[next(number for number, source in enumerate(cells) if "open_stage(" in source):]

    def close(executed):
        close_01(frame)
        stage = open_stage("02_correlation", {"In": ["", "a cell before", executed[0]]})
        stage._executed += executed[1:]
        write_all(stage, frame)
        stage.close()

    close(cells)
    for executed in (cells + ["correlation *= 2"], cells[:3] + ["correlation *= 2"] + cells[3:], cells[:3] + cells[4:]):
        with pytest.raises(StageError, match="cells ran since the stage was opened"):
            close(executed)


def test_an_entry_that_somebody_edited_counts_as_none(outputs, frame):
    close_01(frame)
    path = outputs / "default" / "manifest.json"
    path.write_text(path.read_text().replace('"max_missing": 0.0', '"max_missing": 0.1'))
    assert contracts.read_manifest(outputs / "default") == {}


def test_what_a_killed_process_left_aside_is_swept(outputs, frame):
    close_01(frame)
    left = outputs / "default" / "artifacts" / ".prices.abcd1234.parquet"
    left.write_text("half")
    open_stage("01_data", {})
    assert not left.exists()


def test_without_a_browser_figures_are_html_and_it_is_said_once(outputs, frame, monkeypatch, capsys):
    def no_browser(*_, **__):
        raise RuntimeError("no Chrome")

    monkeypatch.setattr(pictures, "png", no_browser)
    monkeypatch.setattr(pictures, "_missing", [])
    stage = open_stage("01_data", {})
    shown = [stage.figure(noun, go.Figure()) for noun in ("one", "two")]
    assert capsys.readouterr().out.count("no PNG figures") == 1
    folder = outputs / "default" / "figures"
    assert sorted(path.name for path in folder.glob("01_*")) == ["01_one.html", "01_two.html"]
    assert "image/png" not in shown[0]._repr_mimebundle_()[0]


@pytest.fixture
def as_a_run(monkeypatch):
    """A kernel that is like those of a run."""
    monkeypatch.setattr(stages, "SET", [])
    monkeypatch.setattr(measured, "otherwise", lambda packages: [])


def test_a_stage_by_hand_says_in_one_line_where_its_kernel_is_not_like_those_of_a_run(
        outputs, as_a_run, monkeypatch, capsys):
    (outputs / "own.py").write_text("from_startup = 1")
    (outputs / "README").write_text("This is the IPython startup directory")
    shell = SimpleNamespace(profile_dir=SimpleNamespace(startup_dir=str(outputs)))
    open_stage("01_data", {})
    open_stage("01_data", {"get_ipython": lambda: SimpleNamespace(profile_dir=SimpleNamespace(startup_dir="/nowhere"))})
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(stages, "SET", ["PYTHONPATH"])
    monkeypatch.setattr(measured, "otherwise", lambda packages: ["numpy 1.0"] if "numpy" in packages else [])
    open_stage("01_data", {"get_ipython": lambda: shell})
    assert capsys.readouterr().out == (
        "01_data: this kernel is not like those of `forefolio run`, so its numbers may differ, because of numpy 1.0, "
        f"PYTHONPATH and {outputs / 'own.py'}\n")
    monkeypatch.setenv(stages.INSIDE_A_RUN, str(outputs / "default"))
    open_stage("01_data", {"get_ipython": lambda: shell})
    assert capsys.readouterr().out == ""


def test_the_folder_of_a_run_is_used_by_one_at_a_time(outputs):
    with files.locked(outputs / "default", "`forefolio run`"):
        with pytest.raises(StageError, match="in use by `forefolio run` .process"):
            open_stage("01_data", {})
    open_stage("01_data", {})


def test_a_stage_by_hand_does_not_enter_the_folder_of_a_sweep(outputs):
    with files.locked(outputs / "default", "`forefolio sweep`", kind="sweep"):
        pass
    with pytest.raises(StageError, match="default holds a sweep; give this run another name"):
        open_stage("01_data", {})


def test_the_stage_of_a_paper_reads_the_published_tables_by_name(outputs, frame, monkeypatch):
    tables = paper_s_stage(monkeypatch, outputs).published()
    assert {"numbers", "audit"} <= set(tables)
    assert tables["numbers"]["place"].unique()[:3].tolist() == ["Table 3", "Table 4", "Table 5"]
    close_01(frame)
    assert open_stage("03_mpt_frontier", {}).published() == {}


@pytest.mark.parametrize("stage", contracts.STAGES)
def test_every_stage_knows_of_a_mistake_on_purpose(stage):
    assert contracts.declared_parameters(stage)["leak"] == "none"


@pytest.mark.parametrize("leak", vocabulary.LEAKS)
def test_a_mistake_on_purpose_is_said_at_the_opening_and_marked_in_every_figure(outputs, capsys, leak):
    stage = open_stage("01_data", {"leak": leak})
    shown = stage.figure("toy", style.dress(go.Figure(go.Scatter(x=[1], y=[2])), "A toy", "no days"))
    said, mark = capsys.readouterr().out, f"LEAK {leak} ({vocabulary.LEAKS[leak].title})"
    written = (outputs / "default" / "figures" / "01_toy.html").read_text()
    for text in (said, written, shown._repr_mimebundle_()[0]["text/plain"]):
        assert (mark in text) == (leak != "none") and ("LEAK" in text) == (leak != "none")
    assert (vocabulary.LEAKS[leak].sees in said) == (leak != "none")
