"""Which stages points share, what makes a stage run again, and which points fit no market."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forefolio import files
from forefolio.runs import contracts
from forefolio.sweeps import grids, plan
from forefolio.runs.contracts import OF_A_POINT as STAGES
from forefolio.sweeps.store import Store
from forefolio.study.parameters import StudyError

NAMES = list(STAGES)
READERS = {  # each stage, and those that it reaches through what they read
    "01_data": NAMES, "02_correlation": ["02_correlation"], "03_mpt_frontier": ["03_mpt_frontier"],
    "04_forecasting": NAMES[3:], "05_portfolios": NAMES[4:], "06_comparison": ["06_comparison"],
}
SMALL = {"source": "csv", "benchmark": "INDEX", "start": "2020-01-01", "train_end": "2020-08-31",
         "validation_end": "2020-12-31", "end": "2021-06-30", "models": ["zero", "mean", "lstm"],
         "portfolio_models": ["mean"], "windows": [5, 10], "lookback": 10, "estimation_window": 60, "correlation_window": 21,
         "residual_window": 10, "risk_free_rate": 0.01}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A study of three assets, whose prices lie beside it."""
    folder = tmp_path_factory.mktemp("market")
    days = pd.bdate_range("2020-01-01", "2021-06-30", name="date")
    returns = np.random.default_rng(5).normal(0, 0.01, (len(days), 4))
    prices = pd.DataFrame(100 * np.exp(returns.cumsum(axis=0)), days, ["A", "B", "C", "INDEX"])
    prices.to_csv(folder / "prices.csv", date_format="%Y-%m-%d")
    (folder / "small.yml").write_text(yaml.safe_dump(SMALL | {"prices_path": str(folder / "prices.csv")}))
    return folder / "small.yml"


@pytest.fixture
def planned(base, tmp_path):
    """Plan a sweep of the small study from its keys."""
    def make(**keys) -> plan.Plan:
        (tmp_path / "tried.yml").write_text(yaml.safe_dump({"base": str(base), **keys}, sort_keys=False))
        return plan.plan(grids.load(tmp_path / "tried.yml"), Store(tmp_path / "outputs"))
    return make


@pytest.fixture
def notebooks(tmp_path, monkeypatch) -> Path:
    """Copies of the notebooks, which plans are made of."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(contracts.NOTEBOOKS / f"{name}.ipynb", folder)
    monkeypatch.setattr(contracts, "NOTEBOOKS", folder)
    return folder


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the library's files, which plans are made of."""
    shutil.copytree(contracts.PACKAGE, tmp_path / "forefolio", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(contracts, "PACKAGE", tmp_path / "forefolio")
    return tmp_path / "forefolio"


def counts(made: plan.Plan) -> list[int]:
    """How many tasks each stage has, 01 to 06."""
    counted = Counter(task.stage for task in made.tasks.values())
    return [counted[stage] for stage in STAGES]


def keys(made: plan.Plan) -> dict[str, str]:
    """The key of each stage of the first point."""
    return next(iter(made.stages.values()))


def changed(before: plan.Plan, after: plan.Plan) -> list[str]:
    """Stages of the first point whose key is another one."""
    return [stage for stage in STAGES if keys(before)[stage] != keys(after)[stage]]


# ----------------------------------------------------------------------------------------------------------- sharing
@pytest.mark.parametrize(("parameter", "values", "expected"), [
    ("risk_aversion", [1, 10, 100], [1, 1, 1, 1, 3, 3]),
    ("cost_bps", [0, 5, 10], [1, 1, 1, 1, 1, 3]),
    ("lookback", [10, 12, 15], [1, 1, 1, 3, 3, 3]),
    ("estimation_window", [50, 60, 70], [1, 1, 1, 1, 3, 3]),
    ("correlation_window", [21, 42, 63], [1, 3, 1, 1, 1, 1]),
    ("random_portfolios", [1000, 2000, 3000], [1, 1, 3, 1, 1, 1]),
    ("ridge", [0.0, 0.01, 0.1], [1, 3, 3, 1, 3, 3]),
    ("paper", ["none", "nguyen2025", "zouaoui2025"], [1, 1, 1, 1, 1, 1]),
    ("seed", [1, 2, 3], [1, 1, 1, 3, 3, 3]),
    ("simulated_seed", [1, 2, 3], [3, 3, 3, 3, 3, 3]),
    ("max_missing", [0.0, 0.1, 0.2], [3, 3, 3, 3, 3, 3]),
])
def test_a_parameter_multiplies_the_stages_that_declare_it_and_their_readers(parameter, values, expected, planned):
    assert counts(planned(grid={parameter: values})) == expected


def test_seeds_of_a_simulated_market_share_it_where_it_has_a_seed_of_its_own(planned):
    simulated = {"source": "simulated", "simulated_assets": 4}
    points = [{**simulated, "seed": seed} for seed in (1, 2, 3)]
    assert counts(planned(points=points)) == [3, 3, 3, 3, 3, 3], "as in files from before there was simulated_seed"
    assert counts(planned(points=[{**point, "simulated_seed": 5} for point in points])) == [1, 1, 1, 3, 3, 3]


def test_a_grid_of_two_parameters_shares_what_neither_touches(planned):
    made = planned(grid={"risk_aversion": [1, 10], "cost_bps": [0, 5, 10], "correlation_window": [21, 42]})
    assert counts(made) == [1, 2, 1, 1, 2, 6]
    names = list(made.stages)
    shared = {task.stage: task.points for task in made.tasks.values()}
    assert shared["04_forecasting"] == names, "in the order of the file"
    assert sorted(len(task.points) for task in made.tasks.values()) == [2] * 6 + [6] * 4 + [12] * 3
    for name, stages in made.stages.items():
        assert list(stages) == NAMES and all(name in made.tasks[key].points for key in stages.values())


def test_a_task_stands_after_those_that_it_reads_and_has_what_its_notebook_declares(planned):
    made = planned(grid={"risk_aversion": [1, 10], "lookback": [10, 15]})
    order = list(made.tasks)
    reads = {"01_data": [], "02_correlation": ["01_data"], "03_mpt_frontier": ["01_data"], "04_forecasting": ["01_data"],
             "05_portfolios": ["01_data", "04_forecasting"],
             "06_comparison": ["01_data", "04_forecasting", "05_portfolios"]}
    for key, task in made.tasks.items():
        assert task.key == key and list(task.inputs) == reads[task.stage]
        assert all(order.index(maker) < order.index(key) for maker in task.inputs.values())
        assert list(task.parameters) == list(contracts.declared_parameters(task.stage))
        assert bool(task.sources) == (task.stage == "01_data")
    last = made.tasks[made.stages["risk_aversion-10__lookback-15"]["05_portfolios"]]
    assert last.parameters["risk_aversion"] == 10
    assert made.tasks[last.inputs["04_forecasting"]].parameters["lookback"] == 15


def test_the_same_setting_has_the_same_keys_in_every_sweep(planned):
    alone = planned(points=[{"risk_aversion": 10}], name="one")
    among = planned(grid={"risk_aversion": [1, 10.0], "cost_bps": [0.0, 5]}, name="another")
    assert keys(alone) == among.stages["risk_aversion-10.0__cost_bps-0.0"]


def test_a_thousand_points_are_planned_as_the_stages_that_they_differ_in(planned):
    made = planned(grid={"risk_aversion": list(range(1, 51)), "cost_bps": list(range(20))})
    assert len(made.stages) == 1000 and counts(made) == [1, 1, 1, 1, 50, 1000]
    assert {len(task.points) for task in made.tasks.values() if task.stage == "05_portfolios"} == {20}


def test_the_table_adds_up(planned):
    said = plan.table(planned(grid={"risk_aversion": [1, 10, 100]}))
    assert "3 points" in said and "over risk_aversion" in said
    assert "10 stages to run, 0 up to date, 8 shared, in place of 18 runs of a stage" in said


def test_what_the_store_has_is_up_to_date_and_what_is_broken_in_it_is_not(planned, tmp_path):
    made = planned(grid={"risk_aversion": [1, 10]})
    task = next(iter(made.tasks.values()))
    folder = tmp_path / "ran"
    folder.mkdir()
    (folder / "universe.csv").write_text("ticker\nA\n")
    contracts.write_manifest(folder, {task.stage: {
        "parameters": {}, "files": {"universe.csv": files.file_hash(folder / "universe.csv")}}})
    store = Store(tmp_path / "outputs")
    assert store.keep(folder, task.stage, task.key, {})
    again = planned(grid={"risk_aversion": [1, 10]})
    assert again.up_to_date == {task.key} and again.to_run() == made.to_run() - 1 == 7
    assert (again.to_run("01_data"), again.to_run("02_correlation"), again.to_run("06_comparison")) == (0, 1, 2)
    assert "7 stages to run, 1 up to date" in plan.table(again)
    (store.place(task.stage, task.key) / "universe.csv").write_text("ticker\nAB\n")
    assert planned(grid={"risk_aversion": [1, 10]}).up_to_date == set()


# --------------------------------------------------------------------------------------------------- what counts
@pytest.mark.parametrize("stage", NAMES)
def test_a_line_of_a_notebook_reruns_its_stage_and_what_reads_it(stage, planned, notebooks):
    before = planned(grid={"risk_aversion": [1, 10]})
    content = json.loads((notebooks / f"{stage}.ipynb").read_text(encoding="utf-8"))
    content["cells"][-1]["source"].append("\nOne more line.")
    (notebooks / f"{stage}.ipynb").write_text(json.dumps(content), encoding="utf-8")
    assert changed(before, planned(grid={"risk_aversion": [1, 10]})) == READERS[stage]


def test_an_output_in_a_notebook_reruns_nothing(planned, notebooks):
    before = planned(grid={"risk_aversion": [1, 10]})
    content = json.loads((notebooks / "01_data.ipynb").read_text(encoding="utf-8"))
    code = next(cell for cell in content["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["new\n"]}]
    (notebooks / "01_data.ipynb").write_text(json.dumps(content), encoding="utf-8")
    assert changed(before, planned(grid={"risk_aversion": [1, 10]})) == []


@pytest.mark.parametrize("module", ["files", "forecasts/layers", "portfolios/decisions", "market/correlation", "sweeps/plan"])
def test_a_line_of_the_library_reruns_the_stages_that_reach_it_and_what_reads_them(module, planned, package):
    name = f"forefolio.{module.replace('/', '.')}"
    reach = [stage for stage in STAGES if name in contracts.code(stage)["library"]]
    assert bool(reach) == (module != "sweeps/plan") and (reach == NAMES) == (module == "files"), "else it would say nothing"
    before = planned(grid={"risk_aversion": [1, 10]})
    with open(package / f"{module}.py", "a", encoding="utf-8") as file:
        file.write("# one more line\n")
    rerun = {reader for stage in reach for reader in READERS[stage]}
    assert changed(before, planned(grid={"risk_aversion": [1, 10]})) == sorted(rerun)


def test_another_parameter_outside_of_a_stage_changes_no_key_of_it(planned):
    assert changed(planned(points=[{"estimation_window": 60}]), planned(points=[{"estimation_window": 61}])) == NAMES[4:]
    assert changed(planned(points=[{"seed": 1}], name="one"), planned(points=[{"seed": 1}], name="another")) == []


def test_other_prices_rerun_all_and_the_same_prices_elsewhere_nothing(planned, base, tmp_path):
    prices = base.with_name("prices.csv").read_text()
    (tmp_path / "copy.csv").write_text(prices)
    last = prices.rstrip("\n").rpartition("\n")[2]
    (tmp_path / "shorter.csv").write_text(prices.replace(f"{last}\n", ""))
    made = planned(points=[{"prices_path": str(path)} for path in (base.with_name("prices.csv"), tmp_path / "copy.csv",
                                                                   tmp_path / "shorter.csv")])
    own, copy, shorter = made.stages.values()
    assert copy == own and counts(made) == [2] * 6
    assert not set(shorter.values()) & set(own.values())
    hashes = [made.tasks[stages["01_data"]].sources for stages in (own, shorter)]
    assert hashes == [[files.file_hash(base.with_name("prices.csv"))], [files.file_hash(tmp_path / "shorter.csv")]]


def test_other_forecasts_of_one_s_own_rerun_what_reads_them_and_the_same_ones_elsewhere_nothing(planned, base, tmp_path):
    day = base.with_name("prices.csv").read_text().split("\n")[-30].partition(",")[0]
    texts = {name: f"decision_date,asset,forecast\n{day},A,{value}\n" for name, value in
             {"one.csv": 0.001, "copy.csv": 0.001, "two.csv": 0.002}.items()}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    made = planned(points=[{"seed": 1}, *({"seed": 1, "forecasts_path": str(tmp_path / name)} for name in texts)])
    without, one, copy, two = made.stages.values()
    assert copy == one and counts(made) == [1, 1, 1, 3, 3, 3]
    assert [stage for stage in STAGES if one[stage] != two[stage]] == [stage for stage in STAGES if one[stage] != without[stage]] == NAMES[3:]
    assert made.tasks[two["04_forecasting"]].sources == [files.file_hash(tmp_path / "two.csv")]
    (tmp_path / "two.csv").write_text(texts["two.csv"].replace(",A,", ",NOPE,"))
    with pytest.raises(StudyError, match="^sweep tried, point 1 of 1 .*: forecasts_path: two.csv has forecasts of NOPE, which the study"):
        planned(points=[{"forecasts_path": str(tmp_path / "two.csv")}])


# ---------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(("points", "said"), [
    ([{"lookback": 10}, {"lookback": 500}],
     "sweep tried, point 2 of 2 (lookback-500): lookback: 500 does not fit 173 returns"),
    ([{"estimation_window": 5000}, {"seed": 2}],
     "point 1 of 2 (estimation_window-5000): estimation_window: 5000 does not fit"),
    ([{"seed": 1}, {"seed": 2}, {"max_weight": 0.2}],
     "point 3 of 3 (max_weight-0.2): max_weight: 0.2 makes it impossible for the weights of 3 assets"),
    ([{"seed": 1}, {"tickers": ["A", "NOPE"]}], "point 2 of 2 (tickers-A-NOPE): tickers: NOPE are not in"),
    ([{"seed": 1}, {"prices_path": "/nowhere/prices.csv"}], "point 2 of 2 (prices_path--nowhere-prices.csv): "),
])
def test_a_point_that_does_not_fit_its_market_is_refused_by_its_name(points, said, planned, tmp_path):
    with pytest.raises(StudyError) as refused:
        planned(points=points)
    assert said in str(refused.value) and "\n" not in str(refused.value), str(refused.value)
    assert not (tmp_path / "outputs").exists()
