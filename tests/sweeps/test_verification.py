"""What `forefolio verify` says of a sweep: nothing where all is as it was made, one sentence for each thing that is not."""

import json
import os
import shutil
from pathlib import Path

import hand_made_plan
import pytest

from forefolio.files import locked
from forefolio.runs import contracts, pipeline
from forefolio.sweeps import results, run
from forefolio.sweeps.verification import verify

FIRST, SECOND, THIRD = hand_made_plan.POINTS


@pytest.fixture
def swept(tried, kernel, ran, monkeypatch) -> Path:
    """The folder of a sweep of three points that are done, made by stubs of kernels."""
    make = kernel.__class__.__call__

    def with_notebook(self, folder, name, parameters, **options):
        line = make(self, folder, name, parameters, **options)
        manifest = contracts.read_manifest(folder)
        if name in manifest:
            manifest[name]["files"][f"{name}.ipynb"] = contracts.file_hash(folder / f"{name}.ipynb")
            contracts.write_manifest(folder, manifest)
        return line

    monkeypatch.setattr(kernel.__class__, "__call__", with_notebook)
    run.run(tried)
    return tried.folder


def changed(path: Path) -> None:
    """Change one bit in the middle of a file and give it another inode, as a copy that rots; others keep theirs."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def test_a_sweep_that_is_as_it_was_made_verifies_also_under_another_name(swept, tmp_path):
    assert verify(swept) == []
    shutil.copytree(swept, tmp_path / "elsewhere")
    assert verify(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(("path", "said"), [
    ("points.csv", ["points.csv was changed; give the same `forefolio sweep` again"]),
    ("results.csv", ["results.csv was changed"]), ("results.parquet", ["results.parquet was changed"]),
    ("net_returns.parquet", ["net_returns.parquet was changed"]),
    ("sweep.ipynb", []), ("sweep.json", ["sweep.json: the sweep has not ended, or the file was changed"]),
    (f"{SECOND}/study.yml", [f"{SECOND}: study.yml was changed", f"{SECOND}: "]),
    (f"{SECOND}/05_portfolios.ipynb", [f"{SECOND}: 05_portfolios: 05_portfolios.ipynb was changed"]),
    (f"{THIRD}/tables/cdar.csv", [f"{THIRD}: 05_portfolios: tables/cdar.csv was changed"]),
    (f"{FIRST}/manifest.json", [f"{FIRST}: manifest.json", f"{FIRST}: 0"]),
])
def test_one_bit_is_noticed_wherever_it_is(path, said, swept):
    changed(swept / path)
    sentences = verify(swept)
    assert sentences and all("\n" not in sentence for sentence in sentences)
    if path in results.TABLES[1:] or path == "sweep.ipynb":
        assert "sweep.ipynb is gone, was changed, or was not made by this code of these tables" in sentences.pop()
    assert not said or sentences[0].startswith(tuple(said))
    assert len(sentences) == bool(said) or path.endswith("study.yml"), "nothing else is wrong"


@pytest.mark.parametrize(("path", "said"), [
    ("points.csv", "points.csv is gone"), ("results.csv", "results.csv is gone"), ("sweep.ipynb", "sweep.ipynb is gone"),
    ("sweep.json", "sweep.json: the sweep has not ended"), (f"{FIRST}/study.yml", f"{FIRST}: study.yml is gone"),
    (f"{FIRST}/manifest.json", f"{FIRST}: manifest.json is gone"),
    (f"{FIRST}/tables/cdar.csv", f"{FIRST}: 05_portfolios: tables/cdar.csv is gone"),
])
def test_one_file_that_is_gone_is_named(path, said, swept):
    (swept / path).unlink()
    assert verify(swept)[0].startswith(said)


def test_the_params_of_a_point_are_those_of_its_stages(swept):
    params = swept / FIRST / "study.yml"
    params.write_text(params.read_text().replace("seed: 7", "seed: 8"))
    told = [f"{stage}: seed was 7, but 8 in study.yml" for stage in contracts.OF_A_POINT]
    assert pipeline.verify(swept / FIRST) == told, "the point by itself"
    assert verify(swept) == [f"{FIRST}: {sentence}" for sentence in (*told, "study.yml was changed")]


def test_points_that_changed_places_are_noticed(swept):
    for old, new in ((FIRST, "aside"), (SECOND, FIRST), ("aside", SECOND)):
        os.rename(swept / old, swept / new)
    assert verify(swept) == [f"{FIRST}: study.yml was changed", f"{SECOND}: study.yml was changed"]


def test_what_no_stage_and_no_sweep_made_is_named(swept):
    shutil.copytree(swept / FIRST, swept / "best so far")
    for path in ("mine.ipynb", f"{FIRST}/mine.ipynb", f"{FIRST}/tables/mine.csv"):
        (swept / path).write_text("{}")
    (swept / "notes").mkdir()
    assert verify(swept) == [
        "mine.ipynb was made by no sweep", "best so far is not a point of this sweep",
        f"{FIRST}: mine.ipynb was made by no stage", f"{FIRST}: tables/mine.csv was made by no stage"]


def test_a_point_that_failed_is_told_once_and_what_it_has_is_checked(tried, kernel, swept):
    shutil.rmtree(hand_made_plan.place(tried, "weights9"))
    shutil.rmtree(hand_made_plan.place(tried, "compared9"))
    kernel.ends["05_portfolios", THIRD] = ("failed", "ValueError: no")
    run.run(run.Sweep(swept, hand_made_plan.make()))
    assert verify(swept) == [f"{THIRD}: 05_portfolios failed"]
    changed(swept / THIRD / "tables" / "findings.csv")  # which no later stage reads
    assert verify(swept)[1:] == [f"{THIRD}: 01_data: tables/findings.csv was changed"]


def test_a_sweep_that_was_killed_at_once_is_one_that_has_not_ended(tmp_path):
    with locked(tmp_path / "tried", "`forefolio sweep`", kind="sweep"):
        pass
    (sentence,) = verify(tmp_path / "tried")
    assert sentence.startswith("sweep.json: the sweep has not ended")
    assert json.loads((tmp_path / "tried" / "sweep.json").read_text()) == {}
