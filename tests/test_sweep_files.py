"""Every sweep in params/sweeps is a list of valid studies, no two alike."""

from itertools import product

import pytest
import yaml

from forefolio import study

FILES = sorted((study.ROOT / "params" / "sweeps").glob("*.yml"))
PAPER = {  # Nguyen 2025, the text under Tables 1 and 2
    "nguyen_lstm_grid": {"models": ["zero", "lstm"], "portfolio_models": ["lstm"], "lstm_layers": 4, "lstm_units": 4,
                         "learning_rate": 0.01, "batch_size": 64, "lstm_dropout": 0.3, "lstm_recurrent_dropout": 0.3},
    "nguyen_cnn_grid": {"models": ["zero", "cnn1d"], "portfolio_models": ["cnn1d"], "cnn1d_layers": 2,
                        "cnn1d_filters": 32, "cnn1d_kernel_size": 3, "cnn1d_pool_size": 2, "cnn1d_dense_units": 64,
                        "learning_rate": 0.01, "batch_size": 64, "epochs": 50, "cnn1d_dropout": 0.2},
}


def sweep(path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def points(path) -> list[dict]:
    """What each study of a sweep changes in its base: the product of the grid, and the points named one by one."""
    wanted = sweep(path)
    grid = wanted.get("grid", {})
    combined = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())] if grid else []
    return combined + wanted.get("points", [])


def studies(path) -> list[dict]:
    """The resolved parameters of each study of a sweep, each validated on top of the base."""
    base = study.as_parameters(study.load(study.ROOT / sweep(path)["base"]))
    return [study.as_parameters(study.validated(base | point, where=f"{path.name}, {point}")) for point in points(path)]


def test_the_paper_s_two_grids_are_there():
    assert PAPER.keys() <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sweep_file_has_the_agreed_keys(path):
    wanted = sweep(path)
    assert {"base"} < wanted.keys() <= {"base", "grid", "points", "name"} and wanted.get("name", path.stem) == path.stem
    assert all(isinstance(values, list) and values for values in wanted.get("grid", {}).values())
    assert all(isinstance(point, dict) and point for point in wanted.get("points", []))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_point_is_a_study_of_its_own(path):
    made = studies(path)
    assert len(made) > 1
    assert all(one not in made[:number] for number, one in enumerate(made)), "two points are the same study"


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_s_configuration_is_one_point_and_its_neighbours_lie_on_both_sides(name):
    made = studies(study.ROOT / "params" / "sweeps" / f"{name}.yml")
    chosen = [one for one in made if PAPER[name].items() <= one.items()]
    assert len(chosen) == 1 and len(made) <= 48  # what two cores can train
    varied = [key for key in chosen[0] if any(one[key] != chosen[0][key] for one in made)]
    fixed = {"models", "portfolio_models", "cnn1d_pool_size", "epochs"}  # one network in every point, and no other
    assert set(varied) == PAPER[name].keys() - fixed
    for key in varied:
        alone = [one[key] for one in made if all(one[other] == chosen[0][other] for other in varied if other != key)]
        assert min(alone) < chosen[0][key] < max(alone), f"{key} has no neighbour on one side"
