"""The default run, which the notebooks have made: what it holds, what a rerun does, and what is refused."""

import os
import shutil
import subprocess
import sys

import pytest
from command import forefolio

from forefolio.runs import contracts
from forefolio.files import locked, read_frame
from forefolio.portfolios import holdings
from forefolio.study.parameters import ROOT
from forefolio.study.vocabulary import MODELS, SHOWN, baselines, parts, percent

STAGES = list(contracts.STAGES)
README = (ROOT / "README.md").read_text()


def test_the_readme_s_answer_is_what_the_default_run_found(default_run):
    """It names equal weight, the best portfolio that another forecast would have changed, and what the gate says of networks."""
    performance, gate = (read_frame(default_run / "tables" / f"{name}.csv") for name in ("performance", "gate"))
    weights = holdings.merged(read_frame(default_run / "artifacts" / "weights.parquet"))
    total = holdings.once(performance, holdings.near_copies(weights)).set_index("strategy")["total_return"]
    networks = MODELS.keys() - set(baselines())
    best = total[[name for name in total.index if parts(name)[0] and networks >= set(parts(name)[0])]].max()
    of_networks = gate[gate["model"].isin(networks)]["verdict"]
    assert len(of_networks) == 2 and SHOWN not in set(of_networks)
    days = read_frame(default_run / "artifacts" / "net_returns.parquet").index.year
    answer = (f"in {days.min()} and {days.max()} an equal-weight portfolio of 20 S&P 500 stocks gained "
              f"{percent(total['equal_weight'])}, the best portfolio that depends on a neural network's forecasts "
              f"gained {percent(best)}, and neither network was shown to forecast returns.")
    assert answer in " ".join(README.split())


def test_the_default_run_verifies_also_as_a_copy_and_not_with_one_byte_changed(default_run, tmp_path):
    assert forefolio("verify", str(default_run)).returncode == 0
    copy = tmp_path / "elsewhere"
    shutil.copytree(default_run, copy)
    assert forefolio("verify", str(copy)).returncode == 0
    for path in ("artifacts/weights.parquet", "tables/performance.csv", "figures/01_prices.html",
                 "figures/plotly.min.js"):
        content = bytearray((copy / path).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / path).write_bytes(content)
        answer = forefolio("verify", str(copy))
        assert answer.returncode == 1 and f"{path} was changed" in answer.stderr
        shutil.copy(default_run / path, copy / path)
    (copy / "tables" / "extra.csv").write_text("a\n1\n")
    assert "tables/extra.csv was made by no stage" in forefolio("verify", str(copy)).stderr
    (copy / "artifacts" / "weights.parquet").unlink()
    assert "artifacts/weights.parquet is gone" in forefolio("verify", str(copy)).stderr


def test_a_run_with_nothing_changed_starts_no_kernel_and_says_so(default_run):
    before = {path: path.stat().st_mtime_ns for path in default_run.rglob("*") if path.suffix in (".csv", ".parquet", ".json")}
    answer = forefolio("run", "params/default.yml")
    assert answer.returncode == 0
    assert all(f"{stage}  up to date" in answer.stdout for stage in STAGES) and "running" not in answer.stdout
    assert "equal_weight" in answer.stdout and str(default_run) in answer.stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_another_risk_aversion_runs_the_stages_from_05_on_alone(default_run, without_pictures, tmp_path):
    shutil.copytree(default_run, tmp_path / "default")
    answer = forefolio("run", "params/default.yml", "--set", "risk_aversion=50", "--to", "06_comparison", outputs=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert [f"{stage}  up to date" in answer.stdout for stage in STAGES] == [True] * 4 + [False] * 3
    assert list(contracts.read_manifest(tmp_path / "default")) == STAGES[:-1], "07 is to be made again"
    assert "05_portfolios  running (parameters changed: risk_aversion)" in answer.stdout
    shown = README.split("```text\n")[1].split("```")[0].splitlines()  # numbers of networks may differ between processors
    assert 'SET="risk_aversion=50"' in README and all(line in answer.stdout for line in shown if "lstm" not in line)
    old, new = (read_frame(folder / "artifacts" / "weights.parquet") for folder in (default_run, tmp_path / "default"))
    same = old.set_index(["strategy", "rebalance_date", "asset"])["weight"].eq(
        new.set_index(["strategy", "rebalance_date", "asset"])["weight"]).groupby("strategy").all()
    assert not same[[name for name in same.index if name.endswith("+mvf")]].any()
    assert same[[name for name in same.index if not name.endswith("+mvf")]].all()


def test_stock_papermill_counts_like_the_command(default_run, tmp_path):
    shutil.copytree(default_run, tmp_path / "default")
    done = subprocess.run([sys.executable, "-m", "papermill", "02_correlation.ipynb", str(tmp_path / "out.ipynb"), "-f",
                           "../params/default.yml", "-p", "correlation_window", "42"], cwd=ROOT / "notebooks",
                          capture_output=True, text=True, env=os.environ | {"FOREFOLIO_OUTPUTS": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert contracts.read_manifest(tmp_path / "default")["02_correlation"]["parameters"]["correlation_window"] == 42
    answer = forefolio("run", "params/default.yml", "--set", "correlation_window=42", "--to", "02_correlation",
                       outputs=tmp_path)
    assert "02_correlation  up to date" in answer.stdout


@pytest.mark.parametrize("arguments", [
    ["--set", "lookbak=3"], ["--set", "lookback=5000"], ["--set", "estimation_window=5000"], ["--set", "start=2018-12-30"],
    ["--set", "residual_window=600"], ["--set", "source=simulated", "--set", "predictability_lag=100000"],
    ["--set", "tickers=[AAPL]"], ["--set", "tickers=[AAPL, NOPE]"], ["--set", "validation_end=2022-12-30"],
    ["--set", "max_weight=0.04"], ["--set", "min_weight=0.06"],
    ["--set", "scenarios=forecast_only", "--set", "validation_end=2019-01-02", "--set", "use_residual=false"],
    ["--set", "study=../x"], ["--set", "ar_lags=700"], ["--set", "correlation_window=5000"],
    ["--from", "03_mpt_frontier"], ["--from", "06_comparison", "--to", "01_data"],
])
def test_what_cannot_run_is_refused_before_anything_is_written(arguments, tmp_path):
    answer = forefolio("run", "params/default.yml", *arguments, outputs=tmp_path / "outputs")
    assert answer.returncode == 2, answer.stdout
    assert answer.stderr.startswith("Error: ") and answer.stderr.count("\n") == 1, answer.stderr
    assert not (tmp_path / "outputs").exists()


def test_a_params_file_that_is_missing_is_one_sentence():
    answer = forefolio("run", "params/nowhere.yml")
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1 and "params/nowhere.yml" in answer.stderr


@pytest.mark.parametrize("what", ["file", "folder in a file"])
def test_an_output_that_cannot_be_written_is_one_sentence(what, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    answer = forefolio("run", "params/default.yml", "--output", str(blocked if what == "file" else blocked / "deeper"))
    assert answer.returncode == 2 and answer.stderr.count("\n") == 1 and "blocked" in answer.stderr


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    answer = forefolio("verify", str(tmp_path))
    assert answer.returncode == 2 and "is not a run or sweep folder" in answer.stderr


def test_results_of_other_parameters_are_not_built_upon(default_run):
    answer = forefolio("run", "params/default.yml", "--set", "estimation_window=100", "--from", "06_comparison")
    assert answer.returncode == 2
    assert "05_portfolios is not up to date for this study (parameters changed: estimation_window)" in answer.stderr


def test_check_prints_the_resolved_study_and_opens_no_data(tmp_path):
    answer = forefolio("check", "params/default.yml", "--set", "source=csv", "--set", "prices_path=/nowhere.csv")
    assert answer.returncode == 0 and "prices_path: /nowhere.csv" in answer.stdout


def test_a_second_run_in_the_same_folder_is_refused_naming_the_first(tmp_path):
    with locked(tmp_path / "default", "`forefolio run`"):
        answer = forefolio("run", "params/default.yml", outputs=tmp_path)
    assert answer.returncode == 2 and "in use by `forefolio run` (process" in answer.stderr


def test_figures_are_there_as_html_and_as_png(default_run):
    """In CI a missing browser is a failure; elsewhere the png half is left out, as the stages leave it out."""
    html = {path.stem for path in (default_run / "figures").glob("*.html")}
    png = {path.stem for path in (default_run / "figures").glob("*.png")}
    assert {"01_prices", "02_heatmap", "03_frontier", "04_training_curves", "05_holdings", "06_wealth"} <= html
    if os.environ.get("CI") or png:
        assert png == html
    else:
        print("no browser here: png figures are not looked for")
