"""The tables of a sweep, from folders of points made by hand, when its notebook is executed on them, and how they are read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from small_sweep import made_returns

from forefolio.files import RunFailed, StageError, file_hash
from forefolio.runs import contracts, execution
from forefolio.sweeps import grids
from forefolio.sweeps.results import TABLES, execute_notebook, forget, load, write

NAMES = ["frameworks-mvf-rpp__cost_bps-0", "frameworks-mvf-rpp__cost_bps-5",
         "frameworks-mvf__cost_bps-0", "frameworks-mvf__cost_bps-5"]
DONE = ("done", "", "")
STRATEGIES = ["lstm+mvf", "mean+mvf", "equal_weight"]


@pytest.fixture
def grid(tmp_path) -> grids.Grid:
    (tmp_path / "tried.yml").write_text(yaml.safe_dump({
        "base": "params/default.yml", "metric": "sortino",
        "grid": {"frameworks": [["mvf", "rpp"], ["mvf"]], "cost_bps": [0, 5]}}, sort_keys=False))
    return grids.load(tmp_path / "tried.yml")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a sweep with all of its points; the number of a point is in each of its numbers."""
    for number, name in enumerate(NAMES):
        made = tmp_path / "outputs" / "tried" / name
        (made / "tables").mkdir(parents=True)
        (made / "artifacts").mkdir()
        pd.DataFrame({"strategy": STRATEGIES, "sharpe": [number + 0.1, number + 0.2, number + 0.3], "turnover": number}
                     ).to_csv(made / "tables" / "performance.csv", index=False)
        pd.DataFrame({"model": ["mean", "lstm", "zero"], "mae_mean": [number + 0.01, number + 0.02, 9.0]}
                     ).to_csv(made / "tables" / "validation_accuracy.csv", index=False)
        days = pd.date_range(f"2021-01-0{1 + number}", periods=3, name="date")
        pd.DataFrame(np.full((3, 3), number / 100), days, STRATEGIES).to_parquet(made / "artifacts" / "net_returns.parquet")
    return tmp_path / "outputs" / "tried"


def test_there_is_a_row_a_point_and_one_a_strategy_of_what_is_done(grid, folder):
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    points, results = pd.read_csv(folder / "points.csv"), pd.read_csv(folder / "results.csv")
    assert points["point"].tolist() == NAMES and set(points["state"]) == {"done"}
    assert results[["point", "strategy"]].to_numpy().tolist() == [[name, one] for name in NAMES for one in STRATEGIES]
    assert list(results) == ["point", "frameworks", "cost_bps", "strategy", "sharpe", "turnover", "validation_mae"]
    assert results["sharpe"].tolist() == [number + tenth / 10 for number in range(4) for tenth in (1, 2, 3)]
    assert results.loc[results["point"] == NAMES[2], "turnover"].tolist() == [2, 2, 2]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "results.parquet"), results, check_dtype=False)


def test_a_setting_of_many_values_is_one_text(grid, folder):
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    points, results = pd.read_csv(folder / "points.csv"), pd.read_parquet(folder / "results.parquet")
    assert list(zip(points["frameworks"], points["cost_bps"], strict=True)) == [
        ("mvf rpp", 0), ("mvf rpp", 5), ("mvf", 0), ("mvf", 5)]
    assert results["frameworks"].tolist() == ["mvf rpp"] * 6 + ["mvf"] * 6


def test_a_strategy_has_the_validation_error_of_its_own_model_and_one_without_model_none(grid, folder):
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    results = pd.read_parquet(folder / "results.parquet").set_index(["point", "strategy"])["validation_mae"]
    assert results[NAMES[3]].drop("equal_weight").to_dict() == {"lstm+mvf": 3.02, "mean+mvf": 3.01}
    assert results.xs("equal_weight", level="strategy").isna().all()


def test_returns_stand_beside_each_other_by_date_whatever_the_days_of_a_point(grid, folder):
    write(folder, grid, dict.fromkeys(reversed(NAMES), DONE))
    returns = pd.read_parquet(folder / "net_returns.parquet")
    assert set(returns) == {f"{name}/{strategy}" for name in NAMES for strategy in STRATEGIES} and returns.shape == (6, 12)
    assert returns.index.tolist() == pd.date_range("2021-01-01", periods=6).tolist()
    assert returns[f"{NAMES[1]}/lstm+mvf"].dropna().to_dict() == {
        day: 0.01 for day in pd.date_range("2021-01-02", periods=3)}


def test_a_point_that_is_not_done_has_its_account_and_no_results(grid, folder):
    accounts = dict.fromkeys(NAMES, DONE) | {
        NAMES[1]: ("failed", "05_portfolios", "ValueError: no, \"never\"\nand never"), NAMES[2]: ("not run", "06_comparison", "")}
    write(folder, grid, accounts)
    points = pd.read_csv(folder / "points.csv", keep_default_na=False).set_index("point")
    assert list(points) == ["state", "stage", "error", "frameworks", "cost_bps"]
    assert points.loc[NAMES[1]].tolist() == ["failed", "05_portfolios", "ValueError: no, \"never\"\nand never", "mvf rpp", 5.0]
    assert points.loc[NAMES[2]].tolist() == ["not run", "06_comparison", "", "mvf", 0.0]
    assert pd.read_csv(folder / "results.csv")["point"].unique().tolist() == [NAMES[0], NAMES[3]]
    assert {column.partition("/")[0] for column in pd.read_parquet(folder / "net_returns.parquet")} == {NAMES[0], NAMES[3]}


def test_where_no_point_is_done_there_are_accounts_alone(grid, folder):
    for name in NAMES[1:]:
        shutil.rmtree(folder / name)
    before = {path.name for path in folder.iterdir()}
    write(folder, grid, dict.fromkeys(NAMES, ("failed", "01_data", "no")))
    assert {path.name for path in folder.iterdir()} - before == {"points.csv", "sweep.json"}
    assert pd.read_csv(folder / "points.csv")["point"].tolist() == NAMES


def test_what_the_notebook_needs_to_know_of_the_sweep_file_is_in_json(grid, folder):
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    asked = json.loads((folder / "sweep.json").read_text())
    assert asked.pop("files") == {name: file_hash(folder / name) for name in TABLES} and asked.pop("seal")
    assert asked.pop("params") == {}, "these points have no params files"
    assert asked == {
        "name": "tried", "base": "params/default.yml", "metric": "sortino", "parameters": ["frameworks", "cost_bps"],
        "base_point": "", "paper": "none"}


def test_what_is_forgotten_are_the_tables_and_the_notebook_and_nothing_else(grid, folder):
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    for name in ("sweep.ipynb", "ledger.jsonl", "mine.csv"):
        (folder / name).write_text("")
    forget(folder)
    assert {path.name for path in folder.iterdir()} == {*NAMES, "ledger.jsonl", "mine.csv", "sweep.json"}
    forget(folder)
    assert (folder / "sweep.json").read_text() == "{}\n", "the folder is still a sweep's"


# ------------------------------------------------------------------------------------------------------ the notebook
class Notebook:
    """In place of a kernel: writes what would be executed, and ends as it is told."""

    def __init__(self):
        self.calls, self.ends = [], ("done", "", 50.0)

    def __call__(self, source, aside, parameters, *, environment):
        self.calls.append((source.name, parameters, environment))
        aside.write_text(json.dumps({"cells": f"executed {len(self.calls)}"}))
        return self.ends


def executed(folder: Path) -> str:
    """What the sweep's notebook says of itself."""
    return json.loads((folder / "sweep.ipynb").read_text())["cells"]


@pytest.fixture
def notebook(monkeypatch, tmp_path) -> Notebook:
    """Executes nothing; its template is a copy, which a test may change."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(contracts.NOTEBOOKS / "sweep.ipynb", tmp_path / "notebooks")
    monkeypatch.setattr(contracts, "NOTEBOOKS", tmp_path / "notebooks")
    stub = Notebook()
    monkeypatch.setattr(execution, "notebook", stub)
    return stub


@pytest.fixture
def written(grid, folder) -> Path:
    write(folder, grid, dict.fromkeys(NAMES, DONE))
    return folder


def test_the_notebook_is_given_its_sweep_and_where_that_lies(written, notebook):
    execute_notebook(written)
    assert notebook.calls == [("sweep.ipynb", {"sweep": "tried"}, {"FOREFOLIO_OUTPUTS": str(written.parent)})]
    assert executed(written) == "executed 1"


def test_the_same_tables_and_code_need_no_second_execution(grid, written, notebook):
    execute_notebook(written)
    write(written, grid, dict.fromkeys(NAMES, DONE))
    execute_notebook(written)
    assert len(notebook.calls) == 1 and executed(written) == "executed 1"


@pytest.mark.parametrize("name", [*TABLES, "sweep.json"])
def test_another_table_needs_another_execution(name, written, notebook):
    execute_notebook(written)
    (written / name).write_bytes((written / name).read_bytes() + b"\n")
    execute_notebook(written)
    assert executed(written) == "executed 2"


def test_other_code_or_a_notebook_that_is_gone_needs_another_execution(written, notebook):
    execute_notebook(written)
    (written / "sweep.ipynb").unlink()
    execute_notebook(written)
    template = contracts.NOTEBOOKS / "sweep.ipynb"
    content = json.loads(template.read_text(encoding="utf-8"))
    content["cells"][-1]["source"].append("\nOne more line.")
    template.write_text(json.dumps(content), encoding="utf-8")
    execute_notebook(written)
    assert len(notebook.calls) == 3 and executed(written) == "executed 3"


def test_where_no_point_is_done_there_is_no_notebook(grid, folder, notebook):
    write(folder, grid, dict.fromkeys(NAMES, ("failed", "01_data", "no")))
    execute_notebook(folder)
    assert not notebook.calls and not (folder / "sweep.ipynb").exists()


def test_an_interrupted_notebook_leaves_none_and_is_executed_the_next_time(written, notebook):
    notebook.ends = ("cancelled", "interrupted", 50.0)
    before = {path.name for path in written.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        execute_notebook(written)
    assert {path.name for path in written.iterdir()} == before
    notebook.ends = ("done", "", 50.0)
    execute_notebook(written)
    assert executed(written) == "executed 2"


@pytest.mark.parametrize("state", ["failed", "timed out"])
def test_a_notebook_that_raised_is_kept_named_and_not_believed(state, written, notebook):
    notebook.ends = (state, "ValueError: no", 50.0)
    with pytest.raises(RunFailed, match="ValueError: no") as failed:
        execute_notebook(written)
    assert str(written / "sweep.ipynb") in str(failed.value) and executed(written) == "executed 1"
    notebook.ends = ("done", "", 50.0)
    execute_notebook(written)
    execute_notebook(written)
    assert len(notebook.calls) == 2 and executed(written) == "executed 2"


# ------------------------------------------------------------------------------------------------------ what is read
@pytest.fixture
def small(tmp_path):
    """A sweep with a point that is done and one that failed, as the command leaves it."""
    path = tmp_path / "small"
    path.mkdir()
    pd.DataFrame({"point": ["01", "02"], "state": ["done", "failed"], "stage": ["", "04_forecasting"],
                  "error": ["", "no memory"], "x": [1, 2], "tickers": ["", "A B"]}).to_csv(path / "points.csv", index=False)
    pd.DataFrame({"point": ["p1"], "x": [1], "strategy": ["lstm+mvf"], "sharpe": [0.5]}).to_parquet(path / "results.parquet")
    made_returns().to_parquet(path / "net_returns.parquet")
    return sealed(path)


def sealed(path: Path) -> Path:
    """Write the sweep's own file over tables that were made by hand."""
    asked = {"name": "small", "base": "params/default.yml", "metric": "sharpe", "parameters": ["x", "tickers"],
             "base_point": "", "paper": "none",
             "files": {name: file_hash(path / name) for name in TABLES if (path / name).exists()}, "params": {}}
    (path / "sweep.json").write_text(json.dumps(asked | {"seal": contracts.combined(asked)}))
    return path


def test_a_sweep_is_read_as_it_was_written(small):
    found = load(small)
    assert (found.name, found.metric, found.parameters, found.base_point) == ("small", "sharpe", ["x", "tickers"], "")
    assert found.points["state"].tolist() == ["done", "failed"]
    assert found.results["sharpe"].tolist() == [0.5]
    pd.testing.assert_frame_equal(found.net_returns, made_returns(), check_freq=False)


def test_empty_text_of_a_point_stays_text(small):
    points = load(small).points
    assert points[["stage", "error", "tickers"]].to_numpy().tolist() == [
        ["", "", ""], ["04_forecasting", "no memory", "A B"]]
    assert points["x"].tolist() == [1, 2]


def test_a_ticker_that_looks_like_a_number_stays_text(small):
    table = pd.read_csv(small / "points.csv").assign(tickers=["0050", "NA"])
    table.to_csv(small / "points.csv", index=False)
    sealed(small)
    assert load(small).points["tickers"].tolist() == ["0050", "NA"]


@pytest.mark.parametrize("name, told", [("sweep.json", "not a sweep with results"), ("points.csv", "not a sweep with results"),
                                        ("results.parquet", "no point of .* is done")])
def test_a_folder_that_is_no_sweep_with_results_is_refused_in_one_sentence(small, name, told):
    (small / name).unlink()
    with pytest.raises(StageError, match=told) as error:
        load(small)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["{}\n", "", "[]", "null", "[" * 100_000, '{"name": "small", "files": {}}'])
def test_a_sweep_that_has_not_ended_or_whose_file_was_edited_has_no_results(small, text):
    (small / "sweep.json").write_text(text)
    with pytest.raises(StageError, match="not a sweep with results"):
        load(small)


@pytest.mark.parametrize("name", ["points.csv", "results.parquet", "net_returns.parquet"])
def test_a_table_with_one_bit_changed_is_not_read(small, name):
    content = bytearray((small / name).read_bytes())
    content[len(content) // 2] ^= 1
    (small / name).write_bytes(content)
    with pytest.raises(StageError, match=f"{name} was changed; give the same `forefolio sweep` again"):
        load(small)


def test_a_notebook_with_one_bit_changed_is_executed_again(written, notebook):
    execute_notebook(written)
    (written / "sweep.ipynb").write_text((written / "sweep.ipynb").read_text().replace("1", "3"))
    execute_notebook(written)
    assert executed(written) == "executed 2"
