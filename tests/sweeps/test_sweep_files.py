"""Every sweep in params/sweeps is a list of valid studies, no two alike, and its head says what it costs."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from forefolio.runs import contracts
from forefolio.study import parameters
from forefolio.sweeps import grids, plan
from forefolio.sweeps.store import Store

FOLDER = parameters.ROOT / "params" / "sweeps"
FILES = sorted(FOLDER.glob("*.yml"))
TASKS = {  # how many notebooks of each stage, 01 to 06, a sweep executes
    "risk_aversion": [1, 1, 1, 1, 12, 12],
    "lookback": [1, 1, 1, 6, 6, 6],
    "risk_aversion_costs": [1, 1, 1, 1, 6, 24],
    "network_window": [1, 1, 1, 4, 16, 16],
    "seeds": [10, 10, 10, 10, 10, 10],
}
BASE_POINTS = {
    "risk_aversion": "risk_aversion-1", "lookback": "lookback-30", "risk_aversion_costs": "risk_aversion-1__cost_bps-0",
    "network_window": "",  # its base makes portfolios of several models at once
    "seeds": "seed-7",
    "nguyen_lstm_grid": "lstm_layers-4__lstm_units-4__learning_rate-0.01",
    "nguyen_cnn_grid": "cnn1d_layers-2__cnn1d_filters-32__learning_rate-0.01",
}
PAPER = {  # Nguyen 2025, the text under Tables 1 and 2
    "nguyen_lstm_grid": {"models": ["zero", "lstm"], "portfolio_models": ["lstm"], "lstm_layers": 4, "lstm_units": 4,
                         "learning_rate": 0.01, "batch_size": 64, "lstm_dropout": 0.3, "lstm_recurrent_dropout": 0.3},
    "nguyen_cnn_grid": {"models": ["zero", "cnn1d"], "portfolio_models": ["cnn1d"], "cnn1d_layers": 2,
                        "cnn1d_filters": 32, "cnn1d_kernel_size": 3, "cnn1d_pool_size": 2, "cnn1d_dense_units": 64,
                        "learning_rate": 0.01, "batch_size": 64, "epochs": 50, "cnn1d_dropout": 0.2},
}


def load(name: str) -> grids.Grid:
    return grids.load(FOLDER / f"{name}.yml")


def head(name: str) -> str:
    """The comment at the head of a sweep file, as one line."""
    text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8").split("\nname:")[0]
    return " ".join(line.removeprefix("#").strip() for line in text.splitlines())


def test_the_sweeps_that_ship_are_these():
    assert {path.stem for path in FILES} == TASKS.keys() | PAPER.keys() == BASE_POINTS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_loads_under_its_own_name_into_studies_no_two_alike(path):
    grid = grids.load(path)
    made = [parameters.as_parameters(point.study) for point in grid.points]
    assert grid.name == path.stem and len(made) > 1
    assert all(one not in made[:number] for number, one in enumerate(made))
    assert all(one | point.changes == one for one, point in zip(made, grid.points, strict=True))


@pytest.mark.parametrize("name", BASE_POINTS)
def test_the_base_s_own_choice_is_the_point_that_is_said_to_be_it(name):
    assert load(name).base_point == BASE_POINTS[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_shipped_sweep_executes_what_its_head_says(name, tmp_path):
    made = plan.plan(load(name), Store(tmp_path))
    counted = Counter(task.stage for task in made.tasks.values())
    assert [counted[stage] for stage in contracts.STAGES] == TASKS[name]
    said = re.search(r"(\d+) points, (\d+) stages", head(name))
    assert said and [int(number) for number in said.groups()] == [len(made.stages), sum(TASKS[name])]
    in_place_of = re.search(r"in place of (\d+)", head(name))
    shared = sum(TASKS[name]) < len(made.stages) * len(contracts.STAGES)
    assert bool(in_place_of) == shared and (not shared or int(in_place_of[1]) == len(made.stages) * len(contracts.STAGES))


def test_the_paths_in_a_sweep_file_are_of_this_repository():
    for path in FILES:
        base = yaml.safe_load(path.read_text(encoding="utf-8"))["base"]
        assert not Path(base).is_absolute() and (parameters.ROOT / base).is_file()


@pytest.mark.parametrize("name", ["nguyen_lstm_grid", "nguyen_cnn_grid", "lookback", "network_window"])
def test_networks_are_ranked_by_what_was_known_before_the_test_period(name):
    assert load(name).metric == "validation_mae"


def test_each_network_meets_each_window_once():
    points = [point.study for point in load("network_window").points]
    assert all(len(point.portfolio_models) == 1 and point.portfolio_models[0] in point.models for point in points)
    assert Counter((point.portfolio_models[0], point.lookback) for point in points) == Counter(
        (network, days) for network in ("lstm", "cnn1d", "gru", "rnn") for days in (10, 20, 30, 60))


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_configuration_is_one_point_and_its_neighbours_lie_on_both_sides(name):
    grid = load(name)
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
