"""A sweep of the real notebooks from nothing, as a user runs it: what it makes, what it shares, what it refuses."""

import json
from pathlib import Path

import cells
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from command import forefolio, tables

from forefolio.__main__ import main
from forefolio.runs import contracts
from forefolio.study.parameters import ROOT
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN

pytestmark = pytest.mark.usefixtures("without_pictures")
STAGES = contracts.OF_A_POINT
BASE = """
tickers: [AAPL, JNJ, KO, PG, RRC, XOM]
start: 2018-01-01
train_end: 2019-12-31
validation_end: 2020-12-31
end: 2021-06-30
models: [zero, mean, ar]
portfolio_models: [mean, ar]
frameworks: [mvf, rpp]
estimation_window: 60
random_portfolios: 1000
"""
AVERSIONS = [0.1, 1000]


@pytest.fixture(scope="module")
def file(scratch) -> Path:
    (scratch / "base.yml").write_text(BASE)
    path = scratch / "aversions.yml"
    path.write_text(f"base: {scratch}/base.yml\nmetric: total_return\ngrid:\n  risk_aversion: {AVERSIONS}\n")
    return path


@pytest.fixture(scope="module")
def swept(file, scratch) -> Path:
    """The outputs of the sweep, run once."""
    done = forefolio("sweep", str(file), outputs=scratch / "swept")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 stages to run, 0 up to date, 4 shared, in place of 12 runs of a stage" in done.stdout
    assert "[8 of 8 stages, 2 of 2 points, 0 stages failed, nothing left]" in done.stdout  # plain lines in a log
    assert "2 points: 2 done" in done.stdout and done.stderr == ""
    return scratch / "swept"


def called(*arguments: str, outputs: Path) -> Result:
    """Give the command in this process."""
    return CliRunner().invoke(main, arguments, env={"FOREFOLIO_OUTPUTS": str(outputs)})


def test_a_point_is_the_study_that_a_run_alone_makes(swept, monkeypatch):
    point = swept / "aversions" / "risk_aversion-1000"
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(swept / "alone"))
    cells.run(point / "study.yml", to=STAGES[-1])
    made = tables(swept / "alone" / "aversions-risk_aversion-1000")
    assert len(made) > 20 and tables(point) == made
    for folder in (point, swept / "aversions"):
        answer = forefolio("verify", str(folder))
        assert answer.returncode == 0 and f"{folder}: this code and its parameters made every file" in answer.stdout, answer.stderr
    assert sorted(path.stem for path in point.glob("*.ipynb")) == STAGES


def test_a_file_that_points_share_lies_on_the_disk_once(swept):
    first, second = (swept / "aversions" / f"risk_aversion-{value}" for value in AVERSIONS)
    for path in ("04_forecasting.ipynb", "artifacts/forecasts.parquet", "figures/plotly.min.js"):
        assert (first / path).stat().st_ino == (second / path).stat().st_ino
    assert tables(first)["universe.csv"] == tables(second)["universe.csv"]
    assert tables(first)["performance.csv"] != tables(second)["performance.csv"]


def test_the_results_have_a_row_a_point_and_strategy(swept):
    results = pd.read_csv(swept / "aversions" / "results.csv")
    assert results["risk_aversion"].unique().tolist() == AVERSIONS
    assert results.groupby("point")["strategy"].nunique().tolist() == [6, 6]  # 2 models x 2 frameworks, equal weight, index
    performance = pd.read_csv(swept / "aversions" / "risk_aversion-1000" / "tables" / "performance.csv")
    assert results.loc[results["risk_aversion"] == 1000, performance.columns].reset_index(drop=True).equals(performance)
    validation = pd.read_csv(swept / "aversions" / "risk_aversion-1000" / "tables" / "validation_accuracy.csv")
    assert results.set_index("strategy").loc["ar+mvf", "validation_mae"].tolist() == 2 * [
        validation.set_index("model").loc["ar", "mae_mean"]]
    assert results.set_index("strategy").loc["equal_weight", "validation_mae"].isna().all()
    returns = pd.read_parquet(swept / "aversions" / "net_returns.parquet")
    total = (1 + returns["risk_aversion-1000/ar+mvf"]).prod() - 1
    assert total == pytest.approx(performance.set_index("strategy").loc["ar+mvf", "total_return"])


def test_the_notebook_of_the_sweep_ends_with_a_computed_answer(swept):
    notebook = json.loads((swept / "aversions" / "sweep.ipynb").read_text())
    outputs = [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" for output in outputs)
    said = "".join("".join(output["data"].get("text/markdown", "")) for output in outputs if "data" in output)
    assert "**2 points: 2 done.**" in said and "`total_return`" in said
    assert "deflated Sharpe ratio of" in said and "the p-value of the test of superior ability is" in said
    assert "No probability of overfitting" in said  # fewer than ten trials
    assert any(f"**{word.capitalize()}**: " in said for word in (SHOWN, NOT_SHOWN, ABSENT))


def test_the_same_sweep_again_starts_no_kernel(swept, file):
    ledger = swept / "aversions" / "ledger.jsonl"
    before = (swept / "aversions" / "sweep.ipynb").stat().st_mtime_ns
    again = called("sweep", str(file), outputs=swept)
    assert again.exit_code == 0 and "0 stages to run, 8 up to date" in again.stdout
    states = [json.loads(line)["state"] for line in ledger.read_text().splitlines()]
    assert states == ["done"] * 8 + ["up to date"] * 8
    assert (swept / "aversions" / "sweep.ipynb").stat().st_mtime_ns == before


def test_a_dry_run_prints_the_plan_and_writes_nothing(file, tmp_path):
    planned = called("sweep", str(file), "--dry-run", outputs=tmp_path / "outputs")
    assert planned.exit_code == 0 and "8 stages to run" in planned.stdout
    assert not (tmp_path / "outputs").exists()


def test_a_bad_point_is_refused_before_anything_starts(scratch, tmp_path):
    (tmp_path / "bad.yml").write_text(f"base: {scratch}/base.yml\ngrid:\n  cost_bps: [0, 10]\n  risk_aversion: [1, -1]\n")
    answer = called("sweep", str(tmp_path / "bad.yml"), outputs=tmp_path / "outputs")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and not (tmp_path / "outputs").exists()
    assert "point 2 of 4 (cost_bps 0, risk_aversion -1): risk_aversion: -1 should be greater than 0" in answer.stderr


def test_a_point_that_does_not_fit_its_market_is_refused(scratch, tmp_path):
    (tmp_path / "long.yml").write_text(f"base: {scratch}/base.yml\ngrid:\n  estimation_window: [60, 6000]\n")
    answer = called("sweep", str(tmp_path / "long.yml"), outputs=tmp_path / "outputs")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and not (tmp_path / "outputs").exists()
    assert "point 2 of 2 (estimation_window-6000): estimation_window: 6000 does not fit" in answer.stderr


@pytest.mark.parametrize("arguments, said", [
    (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "exclude each other"),
    (("--scheduler", "nowhere"), "is no address"),
    (("--scheduler", "tcp://127.0.0.1:1"), "no Dask scheduler answers there (TimeoutError)"),
    (("--workers", "0"), "0 is not in the range"),
])
def test_workers_that_cannot_be_had_are_one_sentence(arguments, said, file, tmp_path):
    answer = called("sweep", str(file), *arguments, outputs=tmp_path)
    assert answer.exit_code == 2 and said in answer.stderr and "Traceback" not in answer.stderr


def test_a_sweep_and_a_run_do_not_share_a_folder(swept, file, scratch, tmp_path):
    run = called("run", str(scratch / "base.yml"), "--set", "study=aversions", outputs=swept)
    assert run.exit_code == 2 and "holds a sweep" in run.stderr
    (tmp_path / "aversions").mkdir()
    (tmp_path / "aversions" / "manifest.json").write_text("{}")
    sweep = called("sweep", str(file), outputs=tmp_path)
    assert sweep.exit_code == 2 and "holds a run" in sweep.stderr


def test_the_page_on_sweeps_tells_how_to_sweep_and_how_to_use_a_cluster():
    page = (ROOT / "docs" / "sweeps.md").read_text()
    assert "forefolio sweep params/sweeps/risk_aversion.yml" in page and "--scheduler tcp://" in page
