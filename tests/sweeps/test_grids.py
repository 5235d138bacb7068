"""Sweep files: what they may say, what each point is called, what is answered when one is wrong, and those that ship."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from forefolio.runs import contracts
from forefolio.study import parameters, vocabulary
from forefolio.study.parameters import StudyError
from forefolio.sweeps import grids, plan
from forefolio.sweeps.store import Store

BASE = "params/default.yml"


@pytest.fixture
def written(tmp_path):
    """Write a sweep file from its keys, or from its text, and return its path."""
    def write(text: str = "", **keys):
        path = tmp_path / "tried.yml"
        path.write_text(text or yaml.safe_dump({"base": BASE} | keys, sort_keys=False), encoding="utf-8")
        return path
    return write


def names(grid: grids.Grid) -> list[str]:
    return [point.name for point in grid.points]


# ------------------------------------------------------------------------------------------------------------ points
def test_a_grid_is_every_combination_the_last_parameter_fastest_and_then_the_points(written):
    grid = grids.load(written(grid={"risk_aversion": [0.1, 10], "cost_bps": [0, 5]}, points=[{"lookback": 60}]))
    assert names(grid)[::4] == ["risk_aversion-0.1__cost_bps-0", "lookback-60"]
    assert [(point.study.risk_aversion, point.study.cost_bps, point.study.lookback) for point in grid.points] == [
        (0.1, 0, 30), (0.1, 5, 30), (10, 0, 30), (10, 5, 30), (1, 0, 60)]
    assert {point.study.study for point in grid.points} == {"tried"}


def test_points_alone_make_a_sweep(written):
    grid = grids.load(written(points=[{"risk_aversion": 2}, {"cost_bps": 5}]))
    assert names(grid) == ["risk_aversion-2", "cost_bps-5"] and grid.parameters == ["risk_aversion", "cost_bps"]


def test_what_a_file_leaves_out_has_a_default(written):
    grid = grids.load(written(grid={"seed": [1, 2]}))
    assert (grid.name, grid.base, grid.metric, grid.paper) == ("tried", BASE, "sharpe", "none")
    named = grids.load(written(grid={"seed": [1, 2]}, name="other", metric="validation_mae", base="params/nguyen2025.yml"))
    assert (named.name, named.metric, named.paper) == ("other", "validation_mae", "nguyen2025")


def test_a_seed_is_a_parameter_like_any_other(written):
    grid = grids.load(written(grid={"seed": [1, 2, 7], "risk_aversion": [1, 10]}))
    assert grid.parameters == ["seed", "risk_aversion"] and grid.base_point == "seed-7__risk_aversion-1"
    assert [point.study.seed for point in grid.points] == [1, 1, 2, 2, 7, 7]


def test_only_parameters_that_differ_between_points_are_said_to_vary(written):
    grid = grids.load(written(grid={"models": [["zero", "lstm"]], "portfolio_models": [["lstm"]], "lookback": [10, 30]}))
    assert grid.parameters == ["lookback"] and names(grid) == ["lookback-10", "lookback-30"]


def test_a_value_of_a_point_that_the_others_have_from_the_base_varies(written):
    grid = grids.load(written(grid={"lookback": [10, 20]}, points=[{"lookback": 10, "epochs": 5}]))
    assert grid.parameters == ["lookback", "epochs"]
    assert names(grid) == ["lookback-10", "lookback-20", "lookback-10__epochs-5"]


def test_the_only_point_of_a_sweep_is_named_by_all_that_it_sets(written):
    grid = grids.load(written(grid={"lookback": [10], "seed": [3]}))
    assert grid.parameters == ["lookback", "seed"] and names(grid) == ["lookback-10__seed-3"]


def test_the_base_s_point_is_the_one_with_the_base_s_values_and_may_be_missing(written):
    both = written(grid={"risk_aversion": [1.0, 2], "cost_bps": [0, 5]})
    assert grids.load(both).base_point == "risk_aversion-1.0__cost_bps-0"
    assert grids.load(written(grid={"risk_aversion": [1, 2], "cost_bps": [5, 10]})).base_point == ""
    assert grids.load(written(grid={"models": [["zero", "mean"]], "portfolio_models": [["mean"]],
                                    "cost_bps": [0, 5]})).base_point == "cost_bps-0", "what does not vary does not count"


def test_set_changes_the_base_and_not_what_a_point_sets(written):
    path = written(grid={"risk_aversion": [1, 10]}, points=[{"risk_aversion": 2, "cost_bps": 0}])
    grid = grids.load(path, ("cost_bps=7", "lookback=20"))
    assert [(point.study.risk_aversion, point.study.cost_bps, point.study.lookback) for point in grid.points] == [
        (1, 7, 20), (10, 7, 20), (2, 0, 20)]
    assert grid.base_point == "risk_aversion-1" and grids.load(path).base_point == "risk_aversion-1"


def test_set_of_a_parameter_that_some_points_set_moves_the_base_among_them(written):
    path = written(points=[{"risk_aversion": 1}, {"risk_aversion": 10}])
    assert grids.load(path).base_point == "risk_aversion-1"
    assert grids.load(path, ("risk_aversion=10",)).base_point == "risk_aversion-10"


def test_set_of_a_parameter_in_the_grid_is_refused_with_where_to_change_it(written):
    path = written(grid={"risk_aversion": [1, 10], "cost_bps": [0, 5]})
    with pytest.raises(StudyError) as refused:
        grids.load(path, ("lookback=20", "cost_bps=7"))
    assert str(refused.value) == f"--set cost_bps=7: cost_bps is in the grid of {path}; change it there"


def test_set_of_a_study_is_refused_as_a_sweep_has_none(written):
    path = written(grid={"seed": [1, 2]})
    with pytest.raises(StudyError) as refused:
        grids.load(path, ("study=mine",))
    assert str(refused.value) == f"--set study=mine: a sweep has no study; set name in {path}, or choose another --output"


def test_set_can_make_a_point_invalid_and_its_sentence_names_it(written):
    with pytest.raises(StudyError, match=re.escape("point 2 of 2 (lookback 10): cnn1d_kernel_size: ")):
        grids.load(written(grid={"lookback": [30, 10]}), ("cnn1d_kernel_size=6",))
    with pytest.raises(StudyError, match="lookbak is not a parameter; did you mean lookback"):
        grids.load(written(grid={"lookback": [30, 10]}), ("lookbak=6",))


def test_relative_paths_of_points_are_relative_to_the_repository(written):
    grid = grids.load(written(points=[{"source": "csv", "prices_path": path} for path in ("data/a.csv", "/b.csv")]))
    assert [point.study.prices_path for point in grid.points] == [str(parameters.ROOT / "data" / "a.csv"), "/b.csv"]


def test_dates_with_and_without_quotes_are_the_same_value(written):
    path = written(f"base: {BASE}\ngrid:\n  start: [2014-01-01, '2015-01-01']\n")
    grid = grids.load(path)
    assert names(grid) == ["start-2014-01-01", "start-2015-01-01"] and grid.base_point == "start-2014-01-01"


def test_a_file_whose_own_name_cannot_be_a_folder_s_is_asked_for_another(tmp_path):
    path = tmp_path / "my sweep.yml"
    path.write_text(f"base: {BASE}\ngrid: {{seed: [1, 2]}}\n")
    with pytest.raises(StudyError, match="my sweep.yml: name: 'my sweep' cannot be used; set name to at most 100 letters"):
        grids.load(path)
    path.write_text(f"base: {BASE}\nname: mine\ngrid: {{seed: [1, 2]}}\n")
    assert grids.load(path).name == "mine"


def test_a_value_of_a_table_is_one_cell():
    assert [grids.text(value) for value in (["zero", "lstm"], [5, 10], [], 0.1, True, "none")] == [
        "zero lstm", "5 10", "", 0.1, True, "none"]


# ------------------------------------------------------------------------------------------------------------- names
def test_names_are_legal_as_folders_whatever_the_values_are(written):
    grid = grids.load(written(points=[
        {"source": "csv", "prices_path": "/a b/../c:d*?.csv"}, {"benchmark": "^GSPC / Ünïcode"},
        {"tickers": ["BRK.B", "AAPL"]}, {"risk_free_rate": -0.01}, {"use_residual": False}, {"learning_rate": 0.00001},
        {"models": ["zero", "mean"], "portfolio_models": ["mean"]}]))
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) for name in names(grid)), names(grid)
    assert names(grid)[2:] == ["tickers-BRK.B-AAPL", "risk_free_rate--0.01", "use_residual-False", "learning_rate-1e-05",
                               "models-zero-mean__portfolio_models-mean"]


def test_names_that_would_be_too_long_are_cut_and_stay_different(written):
    many = [f"STOCK{number}" for number in range(30)]
    grid = grids.load(written(grid={"tickers": [many, many[:-1], many[:-2]], "frameworks": [["mvf", "rpp", "mdp"], ["mvf"]]}))
    assert len(set(names(grid))) == 6 and all(len(name) <= grids.LONGEST for name in names(grid))
    assert all(name.startswith("tickers-STOCK") for name in names(grid))


def test_a_date_in_a_name_that_is_cut_is_no_obstacle(written):
    many = [f"STOCK{number}" for number in range(30)]
    path = written(f"base: {BASE}\ngrid:\n  start: [2014-01-01, 2015-01-01]\n  tickers: [{many}, {many[1:]}]\n")
    assert len(set(names(grids.load(path)))) == 4


def test_names_that_would_be_alike_are_told_apart(written):
    grid = grids.load(written(points=[{"benchmark": "A B"}, {"benchmark": "A/B"}, {"benchmark": "A-B"}]))
    assert names(grid)[0] == "benchmark-A-B" and len(set(names(grid))) == 3
    assert all(name.startswith("benchmark-A-B") for name in names(grid))


def test_a_value_more_leaves_the_names_of_the_other_points_alone(written):
    many = [f"STOCK{number}" for number in range(30)]
    values = {"tickers": [many, many[1:]], "risk_aversion": [1, 10]}
    before = names(grids.load(written(grid=values)))
    after = names(grids.load(written(grid={"tickers": [many[2:], *values["tickers"]], "risk_aversion": [0.5, 1, 10]},
                                     points=[{"cost_bps": 5}])))
    assert len(after) == 10 and [name for name in after if name in before] == before


# ---------------------------------------------------------------------------------------------------------- refusals
REFUSED = [
    ({"grid": {"seed": [1, 2]}, "metrik": "sharpe"}, "metrik is not a key of a sweep; its keys are base, grid, points, name, metric"),
    ({"grid": {"lookbak": [10, 20]}}, "point 1 of 2 (lookbak 10): lookbak is not a parameter; did you mean lookback?"),
    ({"points": [{"seed": 1}, {"seed": 2, "cost_bp": 3}]},
     "point 2 of 2 (seed 2, cost_bp 3): cost_bp is not a parameter; did you mean cost_bps?"),
    ({"grid": {"epochs": [5, "ten"]}}, "point 2 of 2 (epochs ten): epochs: 'ten' should be a whole number"),
    ({"grid": {"use_residual": ["true", False]}},
     "point 1 of 2 (use_residual true): use_residual: 'true' should be a boolean"),
    ({"grid": {"risk_aversion": [1, -1]}}, "point 2 of 2 (risk_aversion -1): risk_aversion: -1 should be greater than 0"),
    ({"grid": {"seed": [1]}, "points": [{"cost_bps": -5}]},
     "point 2 of 2 (cost_bps -5): cost_bps: -5 should be greater than or"),
    ({"grid": {"lookback": [30, 5], "seed": [1, 2]}},
     "point 3 of 4 (lookback 5, seed 1): cnn1d_kernel_size: 2 convolutions of 3"),
    ({"points": [{"models": ["zero", "ar"]}]},
     "point 1 of 1 (models ['zero', 'ar']): portfolio_models: mean is not in models"),
    ({"grid": {"seed": 3}}, "grid: seed: 3 is not a list of values; write `seed: [value, value]`"),
    ({"grid": {"seed": []}}, "grid: seed: [] is not a list of values"),
    ({"grid": {"seed": {"from": 1}}}, "grid: seed: {'from': 1} is not a list of values"),
    ({"grid": {"seed": [1, 2, 1]}}, "points 1 (seed 1) and 3 (seed 1) are the same study; leave one out"),
    ({"grid": {"risk_aversion": [1, 1.0]}}, "points 1 (risk_aversion 1) and 2 (risk_aversion 1.0) are the same study"),
    ({"grid": {"windows": [[5, 10], [5, 10]]}}, "points 1 (windows [5, 10]) and 2 (windows [5, 10]) are the same study"),
    ({"points": [{"risk_aversion": 2}, {"risk_aversion": 3}, {"risk_aversion": 2.0}]},
     "points 1 (risk_aversion 2) and 3 (risk_aversion 2.0) are the same study; leave one out"),
    ({"grid": {"risk_aversion": [1, 2]}, "points": [{"risk_aversion": 2.0, "cost_bps": 0}]},
     "points 2 (risk_aversion 2) and 3 (risk_aversion 2.0, cost_bps 0) are the same study"),
    ({"grid": {"predictability": [0.1, [0.1]]}},
     "points 1 (predictability 0.1) and 2 (predictability [0.1]) are the same study"),
    ({"points": [{"seed": 1}, {"study": "mine", "seed": 2}]},
     "point 2 of 2 (study mine, seed 2): study names a run, and points are named by what they set"),
    ({"grid": {"study": ["a", "b"]}}, "point 1 of 2 (study a): study names a run, and points are named by what they set"),
    ({}, "grid: is missing; there is no point; give values to combine, or points"),
    ({"grid": {}}, "grid: {} cannot be used; there is no point"),
    ({"grid": {}, "points": []}, "there is no point"),
    ({"grid": None}, "grid: None cannot be used; write `parameter: [value, value]`"),
    ({"grid": [{"seed": 1}]}, "cannot be used; write `parameter: [value, value]`"),
    ({"points": {"seed": 1}}, "points: {'seed': 1} cannot be used; write a list of sets"),
    ({"points": [{"seed": 1}, {}]}, "cannot be used; write a list of sets such as"),
    ({"points": ["seed"]}, "points: ['seed'] cannot be used; write a list of sets"),
    ({"base": None, "grid": {"seed": [1]}}, "base: None cannot be used; name its params file"),
    ({"grid": {"seed": [1]}, "metric": "sharp"}, "metric: 'sharp' cannot be used; choose one of sharpe, sortino"),
    ({"grid": {"seed": [1]}, "metric": ["sharpe"]}, "metric: ['sharpe'] cannot be used; choose one of"),
    ({"grid": {"seed": [1]}, "name": 7}, "name: 7 cannot be used; set name to at most 100 letters, digits, "),
    ({"grid": {"seed": [1]}, "name": "../elsewhere"},
     "name: '../elsewhere' cannot be used; set name to at most 100 letters"),
    ({"grid": {"seed": [1]}, "name": "n" * 101}, "nnn' cannot be used; set name to at most 100 letters, digits, "),
    ({"grid": {name: list(range(1, 11)) for name in ("seed", "risk_aversion", "cost_bps", "epochs", "patience", "ar_lags")}},
     "grid: gives more than 100000 points; give fewer values"),
]


@pytest.mark.parametrize(("keys", "said"), REFUSED, ids=[said[:60] for _, said in REFUSED])
def test_a_bad_file_is_refused_with_one_sentence_that_names_it(keys, said, written):
    path = written(**keys)
    with pytest.raises(StudyError) as refused:
        grids.load(path)
    assert str(refused.value).startswith(str(path)) and said in str(refused.value), str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_looks_like_a_number_needs_quotes(written):
    text = f"base: {BASE}\ngrid: {{seed: [1, 2]}}\nname: "
    with pytest.raises(StudyError, match="name: 2024 cannot be used; set .*, in quotes if they look like a number"):
        grids.load(written(text + "2024\n"))
    assert grids.load(written(text + "'2024'\n")).name == "2024"


def test_a_name_of_a_hundred_letters_is_a_folder_s_and_one_more_is_not(written, tmp_path):
    assert grids.load(written(grid={"seed": [1, 2]}, name="n" * 100)).name == "n" * 100
    path = tmp_path / f"{'n' * 101}.yml"
    path.write_text(f"base: {BASE}\ngrid: {{seed: [1, 2]}}\n")
    with pytest.raises(StudyError, match="cannot be used; set name to at most 100 letters"):
        grids.load(path)


def test_every_metric_that_may_rank_is_taken(written):
    for metric in vocabulary.METRICS:
        assert grids.load(written(grid={"seed": [1, 2]}, metric=metric)).metric == metric


def test_a_file_without_base_says_what_a_base_is(written):
    with pytest.raises(StudyError, match="tried.yml: base: is missing; name its params file, such as params/"):
        grids.load(written("grid: {seed: [1, 2]}\n"))


@pytest.mark.parametrize("base", ["params/nowhere.yml", "params"])
def test_a_base_that_is_no_file_is_named(base, written):
    with pytest.raises(StudyError, match=f"{base}: cannot be read .*; name a params file such as params/default.yml"):
        grids.load(written(base=base, grid={"seed": [1, 2]}))


@pytest.mark.parametrize(("text", "said"), [
    ("grid: {seed: [1, 2]\n", "not plain YAML"), ("- 1\n- 2\n", "holds a list, not parameters"),
    (f"base: {BASE}\ngrid: {{seed: [1], seed: [2]}}\n", "seed is repeated"), ("\n", "base: is missing")])
def test_a_file_that_is_no_sweep_is_refused(text, said, written):
    with pytest.raises(StudyError, match=said):
        grids.load(written(text))


def test_a_sweep_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StudyError, match="nowhere.yml: cannot be read"):
        grids.load(tmp_path / "nowhere.yml")


# ------------------------------------------------------------------------------------------------- the sweeps that ship
FOLDER = parameters.ROOT / "params" / "sweeps"
SHIPPED = sorted(FOLDER.glob("*.yml"))
TASKS = {  # how many notebooks of each stage, 01 to 06, a sweep executes
    "risk_aversion": [1, 1, 1, 1, 12, 12],
    "lookback": [1, 1, 1, 6, 6, 6],
    "risk_aversion_costs": [1, 1, 1, 1, 6, 24],
    "network_window": [1, 1, 1, 4, 16, 16],
    "seeds": [1, 1, 1, 10, 10, 10],
    "leaks": [7, 7, 7, 7, 7, 7],  # each title says which
}
BASE_POINTS = {
    "risk_aversion": "risk_aversion-1", "lookback": "lookback-30", "risk_aversion_costs": "risk_aversion-1__cost_bps-0",
    "network_window": "",  # its base makes portfolios of several models at once
    "seeds": "seed-7", "leaks": "leak-none",
    "nguyen_lstm_grid": "lstm_layers-4__lstm_units-4__learning_rate-0.01",
    "nguyen_cnn_grid": "cnn1d_layers-2__cnn1d_filters-32__learning_rate-0.01",
    "nguyen_choices": "estimation_window-250__scenarios-append__patience-10",
    "zouaoui_choices": "base",
}
PAPER = {  # Nguyen 2025, the text under Tables 1 and 2
    "nguyen_lstm_grid": {"models": ["zero", "lstm"], "portfolio_models": ["lstm"], "lstm_layers": 4, "lstm_units": 4,
                         "learning_rate": 0.01, "batch_size": 64, "lstm_dropout": 0.3, "lstm_recurrent_dropout": 0.3},
    "nguyen_cnn_grid": {"models": ["zero", "cnn1d"], "portfolio_models": ["cnn1d"], "cnn1d_layers": 2,
                        "cnn1d_filters": 32, "cnn1d_kernel_size": 3, "cnn1d_pool_size": 2, "cnn1d_dense_units": 64,
                        "learning_rate": 0.01, "batch_size": 64, "epochs": 50, "cnn1d_dropout": 0.2},
}


def shipped(name: str) -> grids.Grid:
    return grids.load(FOLDER / f"{name}.yml")


def head(name: str) -> str:
    """The comment at the head of a sweep file, as one line."""
    text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8").split("\nname:")[0]
    return " ".join(line.removeprefix("#").strip() for line in text.splitlines())


def test_the_sweeps_that_ship_are_these():
    assert {path.stem for path in SHIPPED} == BASE_POINTS.keys() >= TASKS.keys() | PAPER.keys()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_file_loads_under_its_own_name_into_studies_no_two_alike(path):
    grid = grids.load(path)
    made = [parameters.as_parameters(point.study) for point in grid.points]
    assert grid.name == path.stem and len(made) > 1
    assert all(one not in made[:number] for number, one in enumerate(made))


@pytest.mark.parametrize("name", BASE_POINTS)
def test_the_base_s_own_choice_is_the_point_that_is_said_to_be_it(name):
    assert shipped(name).base_point == BASE_POINTS[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_shipped_sweep_executes_what_its_head_says(name, tmp_path):
    made = plan.plan(shipped(name), Store(tmp_path))
    counted = Counter(task.stage for task in made.tasks.values())
    assert [counted[stage] for stage in contracts.OF_A_POINT] == TASKS[name]
    said = re.search(r"(\d+) points, (\d+) stages", head(name))
    assert said and [int(number) for number in said.groups()] == [len(made.stages), sum(TASKS[name])]
    in_place_of = re.search(r"in place of (\d+)", head(name))
    shared = sum(TASKS[name]) < len(made.stages) * len(contracts.OF_A_POINT)
    assert bool(in_place_of) == shared and (not shared or int(in_place_of[1]) == len(made.stages) * len(contracts.OF_A_POINT))


def test_the_paths_in_a_sweep_file_are_of_this_repository():
    for path in SHIPPED:
        base = yaml.safe_load(path.read_text(encoding="utf-8"))["base"]
        assert not Path(base).is_absolute() and (parameters.ROOT / base).is_file()


@pytest.mark.parametrize("name", ["nguyen_lstm_grid", "nguyen_cnn_grid", "lookback", "network_window"])
def test_networks_are_ranked_by_what_was_known_before_the_test_period(name):
    assert shipped(name).metric == "validation_mae"


def test_each_network_meets_each_window_once():
    points = [point.study for point in shipped("network_window").points]
    assert all(len(point.portfolio_models) == 1 and point.portfolio_models[0] in point.models for point in points)
    assert Counter((point.portfolio_models[0], point.lookback) for point in points) == Counter(
        (network, days) for network in ("lstm", "cnn1d", "gru", "rnn") for days in (10, 20, 30, 60))


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_configuration_is_one_point_and_its_neighbours_lie_on_both_sides(name):
    grid = shipped(name)
    made = {point.name: parameters.as_parameters(point.study) for point in grid.points}
    chosen = [point for point, one in made.items() if PAPER[name].items() <= one.items()]
    assert chosen == [grid.base_point] and grid.paper == "nguyen2025"
    assert head(name).count(f" {len(made)} trainings.") == 1 and len(made) <= 48  # what two cores can train
    fixed = {"models", "portfolio_models", "cnn1d_pool_size", "epochs"}  # one network in every point, and no other
    assert set(grid.parameters) == PAPER[name].keys() - fixed
    own = made[chosen[0]]
    for key in grid.parameters:
        others = [other for other in grid.parameters if other != key]
        alone = [one[key] for one in made.values() if all(one[other] == own[other] for other in others)]
        assert min(alone) < own[key] < max(alone), f"{key} has no neighbour on one side"
