"""The store of stages: whole or not there, checked before it is believed, linked into the folders of points."""

import json
import os
import shutil
from pathlib import Path

import pytest

from forefolio import files as files_module
from forefolio.files import StageError, file_hash, write_whole
from forefolio.runs import contracts
from forefolio.runs.contracts import PLOTLY
from forefolio.sweeps import store as store_module
from forefolio.sweeps.store import Store, mend, put_away

FILES = {  # what the stages of these tests wrote; the real ones write more
    "01_data": ["artifacts/returns.parquet", "tables/universe.csv", "figures/01_prices.html", PLOTLY, "01_data.ipynb"],
    "02_correlation": ["artifacts/correlation.parquet", "figures/02_heatmap.html", PLOTLY, "02_correlation.ipynb"],
}
BOTH = {"01_data": "k1", "02_correlation": "k2"}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "outputs")


@pytest.fixture
def ran(tmp_path):
    """Make a folder in which a stage has just run, each file with the content `<path> of <content>`."""
    def make(stage: str, content: str = "first") -> Path:
        folder = tmp_path / "working" / f"{stage}-{content}"
        for path in FILES[stage]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{path} of {content}" if path != PLOTLY else "plotly")
        entry = {"parameters": {"seed": 7}, "files": {path: file_hash(folder / path) for path in FILES[stage]}}
        contracts.write_manifest(folder, {stage: entry})
        return folder
    return make


@pytest.fixture
def kept(store, ran) -> Store:
    """A store with the results of two stages."""
    for stage, key in BOTH.items():
        assert store.keep(ran(stage), stage, key, {"stage": stage, "seconds": 1.0})
    return store


@pytest.fixture
def point(kept, tmp_path) -> Path:
    """The folder of a point, made of both stages."""
    kept.assemble(tmp_path / "outputs" / "tried" / "seed-1", BOTH, "seed: 1\n")
    return tmp_path / "outputs" / "tried" / "seed-1"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def same_file(first: Path, second: Path) -> bool:
    return first.stat().st_ino == second.stat().st_ino


def rewrite(path: Path, content: bytes) -> None:
    """Write a file anew, as everybody here does: aside, then under its name; other names of the old one stay."""
    aside = path.with_name("aside")
    aside.write_bytes(content)
    os.replace(aside, path)


def rot(path: Path) -> None:
    """Change one letter of a file in place; its size and time stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# -------------------------------------------------------------------------------------------------------------- keep
def test_what_is_kept_is_there_with_all_that_the_manifest_names(kept):
    folder = kept.place("01_data", "k1")
    assert files(folder) == {*FILES["01_data"], "record.json"}
    assert (folder / "tables/universe.csv").read_text() == "tables/universe.csv of first"
    record = kept.record("01_data", "k1")
    assert record["line"] == {"stage": "01_data", "seconds": 1.0} and record["entry"]["parameters"] == {"seed": 7}
    assert kept.intact("01_data", "k1", {}) and kept.intact("02_correlation", "k2", {})


def test_results_take_their_place_when_all_is_there(store, ran, monkeypatch):
    seen = []

    def rename(source, target):
        seen.append((files(Path(source)), Path(target).exists()))
        real(source, target)

    real = os.rename
    monkeypatch.setattr(store_module.os, "rename", rename)
    store.keep(ran("01_data"), "01_data", "k1", {})
    assert seen == [({*FILES["01_data"], "record.json"}, False)]


def test_results_that_lack_a_file_are_not_kept(store, ran):
    folder = ran("01_data")
    (folder / "tables/universe.csv").unlink()
    with pytest.raises(FileNotFoundError):
        store.keep(folder, "01_data", "k1", {})
    assert not store.place("01_data", "k1").exists() and not store.intact("01_data", "k1", {})


def test_results_that_were_changed_since_the_manifest_are_not_kept(store, ran):
    folder = ran("01_data")
    rot(folder / "tables/universe.csv")
    with pytest.raises(StageError, match="tables/universe.csv was changed after 01_data had written it"):
        store.keep(folder, "01_data", "k1", {})
    assert not store.place("01_data", "k1").exists()


def test_the_second_of_two_that_made_the_same_is_dropped(store, ran):
    assert store.keep(ran("01_data", "first"), "01_data", "k1", {"worker": "a"}) is True
    assert store.keep(ran("01_data", "second"), "01_data", "k1", {"worker": "b"}) is False
    assert (store.place("01_data", "k1") / "tables/universe.csv").read_text() == "tables/universe.csv of first"
    assert store.record("01_data", "k1")["line"] == {"worker": "a"} and store.intact("01_data", "k1", {})
    assert store.keep(ran("01_data", "third"), "01_data", "k3", {}) is True, "another key has a place of its own"


def test_a_store_that_cannot_be_written_is_an_error_and_no_second_worker(store, ran, monkeypatch):
    def full(source, target):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(store_module.os, "rename", full)
    with pytest.raises(OSError, match="no space left"):
        store.keep(ran("01_data"), "01_data", "k1", {})


def test_results_that_are_put_away_are_gone_and_may_be_kept_again(kept, ran):
    put_away(kept.place("01_data", "k1"))
    assert not kept.place("01_data", "k1").exists() and kept.intact("02_correlation", "k2", {})
    assert [path.name for path in kept.place("01_data", "k1").parent.iterdir()] == ["02_correlation-k2"]
    put_away(kept.place("01_data", "k1"))
    assert kept.keep(ran("01_data", "second"), "01_data", "k1", {})


# ------------------------------------------------------------------------------------------------------------ intact
@pytest.mark.parametrize("path", FILES["01_data"])
def test_a_file_that_changed_was_shortened_or_is_missing_is_noticed(path, kept):
    file = kept.place("01_data", "k1") / path
    content = file.read_bytes()
    for wrong in (content[:-1] + b"X", content[:-1], content + b"X", b""):
        rewrite(file, wrong)
        os.utime(file, ns=(0, 0))
        assert not kept.intact("01_data", "k1", {}), wrong
    file.unlink()
    assert not kept.intact("01_data", "k1", {})
    rewrite(file, content)
    assert kept.intact("01_data", "k1", {}), "the same bytes again"


def test_a_time_without_a_change_does_no_harm(kept):
    for path in FILES["01_data"]:
        os.utime(kept.place("01_data", "k1") / path, ns=(1, 1))
    assert kept.intact("01_data", "k1", {})


def test_one_look_at_many_results_reads_a_file_of_many_names_once_and_the_next_look_reads_it_again(kept, tmp_path, monkeypatch):
    script, other = (kept.place(stage, key) / PLOTLY for stage, key in BOTH.items())
    other.unlink()
    os.link(script, other)
    read = []
    monkeypatch.setattr(files_module, "file_hash", lambda path: read.append(path) or file_hash(path))
    hashed = files_module.reading_once()
    assert all(kept.intact(stage, key, {}, hashed) for stage, key in BOTH.items())
    assert [path for path in read if path.name == script.name] == [script] and len(read) == len(set(read)) == 8
    rot(script)
    assert not any(kept.intact(stage, key, {}, files_module.reading_once()) for stage, key in BOTH.items())


@pytest.mark.parametrize("path", [*FILES["01_data"], "record.json"])
def test_one_bit_that_changed_is_noticed_whatever_size_and_time_say(path, kept):
    rot(kept.place("01_data", "k1") / path)
    assert not kept.intact("01_data", "k1", {})


def test_what_is_not_there_or_has_no_record_is_not_intact(kept):
    assert not kept.intact("01_data", "other", {}) and not kept.intact("03_mpt_frontier", "k1", {})
    record = kept.place("01_data", "k1") / "record.json"
    for text in ("", "{", "{}", "null", "[]", json.dumps({"entry": {"files": []}, "files": {}}),
                 json.dumps({"entry": {"files": {"a": "b"}}, "files": {}})):
        record.write_text(text)
        assert not kept.intact("01_data", "k1", {}), text
    record.unlink()
    assert not kept.intact("01_data", "k1", {})


def test_a_file_of_a_point_edited_in_place_is_noticed_in_the_store(kept, point):
    """Both are the same file; the stage is run again rather than believed."""
    with open(point / "tables/universe.csv", "a") as table:
        table.write("more")
    assert not kept.intact("01_data", "k1", {}) and kept.intact("02_correlation", "k2", {})


def test_results_that_were_made_of_an_input_with_other_bytes_are_not_believed(kept, ran):
    """A stage that was made again may differ in the last digit, on another machine."""
    record = kept.place("02_correlation", "k2") / "record.json"
    about = json.loads(record.read_text())
    del about["seal"]
    about["entry"]["reads"] = {"artifacts/returns.parquet": file_hash(kept.place("01_data", "k1") / "artifacts/returns.parquet")}
    record.write_text(json.dumps(about | {"seal": contracts.combined(about)}))
    assert kept.intact("02_correlation", "k2", {"01_data": "k1"})
    put_away(kept.place("01_data", "k1"))
    assert kept.intact("02_correlation", "k2", {"01_data": "k1"}), "its input is made again"
    kept.keep(ran("01_data", "second"), "01_data", "k1", {})
    assert not kept.intact("02_correlation", "k2", {"01_data": "k1"})


def test_what_draws_figures_is_restored_under_all_of_its_names_without_a_stage(kept, point, monkeypatch):
    monkeypatch.setattr(store_module.pictures, "script", lambda: b"plotly")
    rot(kept.place("01_data", "k1") / PLOTLY)
    assert not kept.intact("01_data", "k1", {})
    kept.restore("01_data", "k1")
    assert kept.intact("01_data", "k1", {}) and (point / PLOTLY).read_text() == "plotly"
    assert same_file(point / PLOTLY, kept.place("01_data", "k1") / PLOTLY)
    kept.restore("03_mpt_frontier", "nowhere")


# ----------------------------------------------------------------------------------------------------------- lay_out
def test_a_stage_finds_its_inputs_and_nothing_else(kept, tmp_path):
    kept.lay_out(tmp_path / "run", {"01_data": "k1"})
    assert files(tmp_path / "run") == {"artifacts/returns.parquet", "tables/universe.csv", PLOTLY, "manifest.json"}
    for path in ("artifacts/returns.parquet", PLOTLY):
        assert same_file(tmp_path / "run" / path, kept.place("01_data", "k1") / path)
    assert contracts.read_manifest(tmp_path / "run") == {"01_data": kept.record("01_data", "k1")["entry"]}


def test_a_stage_that_reads_nothing_finds_an_empty_manifest(store, tmp_path):
    store.lay_out(tmp_path / "run", {})
    assert files(tmp_path / "run") == {"manifest.json"} and contracts.read_manifest(tmp_path / "run") == {}


def test_what_a_stage_writes_whole_over_an_input_leaves_the_store_alone(kept, tmp_path):
    kept.lay_out(tmp_path / "run", {"01_data": "k1"})
    write_whole(tmp_path / "run" / "tables/universe.csv", lambda aside: aside.write_text("mine"))
    assert kept.intact("01_data", "k1", {}) and (tmp_path / "run" / "tables/universe.csv").read_text() == "mine"


# ---------------------------------------------------------------------------------------------------------- assemble
def test_a_point_has_the_files_of_its_stages_one_manifest_and_its_params(kept, point):
    assert files(point) == {*FILES["01_data"], *FILES["02_correlation"], "manifest.json", "study.yml"}
    assert (point / "study.yml").read_text() == "seed: 1\n"
    assert contracts.read_manifest(point) == {stage: kept.record(stage, key)["entry"] for stage, key in BOTH.items()}
    assert not contracts.strangers(point)
    assert [path.name for path in point.parent.iterdir()] == ["seed-1"], "nothing is left aside"


def test_a_file_that_many_points_share_lies_on_the_disk_once(kept, point):
    kept.assemble(point.with_name("seed-2"), BOTH, "seed: 2\n")
    for path in FILES["02_correlation"]:
        assert same_file(point / path, point.with_name("seed-2") / path)
    assert same_file(point / "tables/universe.csv", kept.place("01_data", "k1") / "tables/universe.csv")


def test_where_a_disk_has_no_links_files_are_copied(store, ran, tmp_path, monkeypatch):
    def no_links(source, target):
        raise OSError(95, "operation not supported")

    monkeypatch.setattr(store_module.os, "link", no_links)
    assert store.keep(ran("01_data"), "01_data", "k1", {}) and store.intact("01_data", "k1", {})
    store.assemble(tmp_path / "point", {"01_data": "k1"}, "")
    copy, own = tmp_path / "point" / "tables/universe.csv", store.place("01_data", "k1") / "tables/universe.csv"
    assert copy.read_bytes() == own.read_bytes() and not same_file(copy, own)
    before = (tmp_path / "point").stat().st_ino
    store.assemble(tmp_path / "point", {"01_data": "k1"}, "")
    assert (tmp_path / "point").stat().st_ino == before
    rot(copy)
    store.assemble(tmp_path / "point", {"01_data": "k1"}, "")
    assert copy.read_bytes() == own.read_bytes(), "a copy that rots is replaced"


def test_a_point_that_is_as_it_should_be_is_left_alone(kept, point):
    os.utime(point, ns=(5, 5))
    kept.assemble(point, BOTH, "seed: 1\n")
    assert point.stat().st_mtime_ns == 5


@pytest.mark.parametrize("harm", ["changed", "missing", "manifest", "params", "plotly"])
def test_a_point_that_is_not_is_made_again_from_the_store(harm, kept, point):
    before, table = point.stat().st_ino, point / "tables/universe.csv"
    if harm == "changed":
        rewrite(table, b"changed by somebody")
    else:
        {"missing": table, "manifest": point / "manifest.json", "params": point / "study.yml",
         "plotly": point / PLOTLY}[harm].unlink()
    kept.assemble(point, BOTH, "seed: 1\n")
    assert point.stat().st_ino != before and same_file(table, kept.place("01_data", "k1") / "tables/universe.csv")
    assert files(point) == {*FILES["01_data"], *FILES["02_correlation"], "manifest.json", "study.yml"}
    assert set(contracts.read_manifest(point)) == BOTH.keys()


def test_a_point_whose_params_are_others_is_made_again(kept, point):
    """A path does not count in a key, and stands in the params file."""
    kept.assemble(point, BOTH, "seed: 1\nprices_path: /moved.csv\n")
    assert (point / "study.yml").read_text() == "seed: 1\nprices_path: /moved.csv\n"


def test_a_stage_more_less_or_another_replaces_the_point(kept, ran, point):
    kept.assemble(point, {"01_data": "k1"}, "seed: 1\n")
    assert files(point) == {*FILES["01_data"], "manifest.json", "study.yml"}
    kept.keep(ran("02_correlation", "second"), "02_correlation", "k3", {})
    kept.assemble(point, {"01_data": "k1", "02_correlation": "k3"}, "seed: 1\n")
    assert (point / "02_correlation.ipynb").read_text() == "02_correlation.ipynb of second"
    assert (kept.place("02_correlation", "k2") / "02_correlation.ipynb").read_text() == "02_correlation.ipynb of first"


def test_a_user_s_own_files_stay_in_a_point_that_is_replaced(kept, point):
    (point / "notes").mkdir()
    (point / "notes" / "mine.txt").write_text("look at May")
    (point / "tables" / "mine.csv").write_text("a\n1\n")
    (point / "tables/universe.csv").unlink()
    kept.assemble(point, BOTH, "seed: 1\n")
    assert (point / "notes" / "mine.txt").read_text() == "look at May"
    assert (point / "tables" / "mine.csv").read_text() == "a\n1\n" and (point / "tables/universe.csv").exists()


def test_a_user_s_file_does_not_take_the_place_of_a_result(kept, point):
    """It has the name of what another stage writes now."""
    kept.assemble(point, {"01_data": "k1"}, "seed: 1\n")
    (point / "02_correlation.ipynb").write_text("my own try")
    kept.assemble(point, BOTH, "seed: 1\n")
    assert (point / "02_correlation.ipynb").read_text() == "02_correlation.ipynb of first"


# ----------------------------------------------------------------------------------------------------- mend
@pytest.mark.parametrize("then", ["another command", "the same one"])
@pytest.mark.parametrize("step", range(11))
def test_a_point_whose_making_was_stopped_is_whole_after_the_next_and_keeps_a_user_s_file(step, then, kept, point, monkeypatch):
    """Stopped before each of the steps on the disk that the making takes: links, names, and the removal of what was.

    A command that was killed is followed by another, which mends first; one that was interrupted makes the point again itself.
    """
    (point / "mine.txt").write_text("look at May")
    left = [step]

    def killed_at_last(function):
        def called(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return function(*arguments, **options)
        return called

    with monkeypatch.context() as patched:
        for module, name in ((store_module.os, "rename"), (store_module.os, "link"), (store_module.shutil, "rmtree")):
            patched.setattr(module, name, killed_at_last(getattr(module, name)))
        with pytest.raises(KeyboardInterrupt):
            kept.assemble(point, {"01_data": "k1"}, "seed: 1\n")
    if then == "another command":
        mend(point.parent)
        assert [path.name for path in point.parent.iterdir()] == ["seed-1"]
        assert (point / "mine.txt").read_text() == "look at May" and contracts.read_manifest(point)
    kept.assemble(point, {"01_data": "k1"}, "seed: 1\n")
    assert files(point) == {*FILES["01_data"], "manifest.json", "study.yml", "mine.txt"}
    assert (point / "mine.txt").read_text() == "look at May"


@pytest.mark.parametrize("gone", [[], ["study.yml"], ["mine.txt", "manifest.json"]])
def test_what_is_left_of_a_point_that_was_replaced_is_in_nobody_s_way(gone, kept, point):
    """Killed while the folder that was replaced is taken away, its params file among the first files or not."""
    (point / "mine.txt").write_text("look at May")
    old = point.with_name(".seed-1.old")
    shutil.copytree(point, old)
    for path in gone:
        (old / path).unlink()
    mend(point.parent)
    kept.assemble(point, {"01_data": "k1"}, "seed: 1\n")
    assert files(point) == {*FILES["01_data"], "manifest.json", "study.yml", "mine.txt"}
    assert [path.name for path in point.parent.iterdir()] == ["seed-1"]


def test_mending_leaves_points_and_a_user_s_hidden_folders_alone(kept, point):
    (point.parent / ".vscode-settings").mkdir()
    (point.parent / ".vscode-settings" / "mine.json").write_text("{}")
    before = files(point.parent)
    mend(point.parent)
    assert files(point.parent) == before
