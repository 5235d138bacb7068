"""One call makes all forecasts of a study, an outsider's too, and says how many days it needs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import forefolio
from forefolio.forecasts import joint_networks, registry
from forefolio.forecasts.architectures import JointRecurrent
from forefolio.forecasts.schedule import forecast_frame, window_counts
from forefolio.runs import contracts
from forefolio.runs.stages import Stage
from forefolio.study import vocabulary
from forefolio.study.parameters import Study

pytestmark = pytest.mark.usefixtures("eagerly")  # what is asked is who trains, and with what
DAYS = pd.bdate_range("2020-01-01", periods=150, name="date", unit="us")
SMALL = dict(lookback=4, windows=[4, 3], epochs=2, patience=2, lstm_layers=1, lstm_units=2, lstm_recurrent_dropout=0.0,
             cnn1d_layers=1, cnn1d_filters=3, cnn1d_dense_units=4, seed=5, start="2020-01-01", end="2021-01-01",
             train_end="2020-05-05", validation_end="2020-06-16")
HISTORY = {"asset": ["model", "seed", "asset", "epoch", "loss", "validation_loss", "kept"],
           "joint": ["model", "seed", "window", "epoch", "loss", "validation_loss", "kept"]}


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(0, 0.01, size=(len(DAYS), 2)), index=DAYS, columns=["A", "B"])


def study(models, **changes):
    return Study(**(SMALL | {"models": models, "portfolio_models": ["zero"]} | changes))


# -- names


@pytest.mark.parametrize("name", vocabulary.MODELS)
def test_every_name_has_its_function_in_each_of_its_scopes(name):
    scopes = vocabulary.MODELS[name].scopes
    assert (name in registry.BASELINES) == (not scopes)
    settings = registry.NETWORKS.get(name, {})
    assert set(settings) == set(scopes)
    for scope in scopes:
        assert settings[scope](study(["zero", name], network_scope=scope)).name == name
    assert {*registry.BASELINES, *registry.NETWORKS} <= set(vocabulary.MODELS)


@dataclass(frozen=True)
class Toy:
    """A network of one dense layer, or of none at all; an outsider's."""

    units: int
    name: str = "toy"
    values_a_day: int = 10

    def hidden(self, windows, seeds):
        from forefolio.forecasts.layers import Dense, ops

        return Dense(self.units, "tanh", seed=next(seeds))(ops.transpose(windows, (2, 0, 1)))

    def outline(self, title):
        return [(title, f"{self.units} units")]


@pytest.fixture
def toy(monkeypatch):
    """A network per asset from outside: an entry in the vocabulary and one in the registry."""
    monkeypatch.setitem(vocabulary.MODELS, "toy", vocabulary.Model("toy", "#123456", 0.5, "solid", ("asset",)))
    monkeypatch.setitem(registry.NETWORKS, "toy", {"asset": lambda study: Toy(units=study.lstm_units)})


def test_a_network_from_outside_is_an_entry_and_its_layers(toy, returns):
    chosen = study(["zero"]).model_copy(update={"models": ["zero", "toy"]})
    made = registry.forecasts(returns, study=chosen)
    assert made.forecasts.groupby("model", sort=False).size().to_dict() == {"zero": 176, "toy": 176}
    own = made.forecasts[made.forecasts["model"] == "toy"]
    assert np.isfinite(own["forecast"]).all() and own["forecast"].nunique() > 100
    assert made.history.groupby(["model", "asset"])["kept"].sum().to_dict() == {("toy", "A"): 1, ("toy", "B"): 1}
    assert registry.outlines(chosen, n_assets=2) == {
        "toy": [("one network per asset", "input: 4 days, 1 of 2 assets"), ("toy", "2 units"), ("dense", "1 day")]}


def test_a_baseline_from_outside_is_a_function_and_an_entry(monkeypatch, returns):
    def latest(returns, fit, study):
        return forecast_frame(fit.schedule, returns.loc[fit.schedule["decision_date"]], model="latest", seed=0)

    monkeypatch.setitem(vocabulary.MODELS, "latest", vocabulary.Model("latest", "#123456", 0.5, "solid"))
    monkeypatch.setitem(registry.BASELINES, "latest", latest)
    made = registry.forecasts(returns, study=study(["zero"]).model_copy(update={"models": ["zero", "latest"]})).forecasts
    row = made[(made["model"] == "latest") & (made["asset"] == "B")].iloc[0]
    assert row["forecast"] == returns.loc[row["decision_date"], "B"]


# -- all forecasts of a study


def test_baselines_come_first_and_each_model_delivers_the_whole_schedule(returns):
    made = registry.forecasts(returns, study=study(["zero", "rnn", "ar"], refit="quarterly"))
    schedule = pd.concat([fit.schedule for fit in registry.plan(DAYS, study(["zero"], refit="quarterly"))], ignore_index=True)
    assert list(made.forecasts["model"].unique()) == ["zero", "ar", "rnn"]
    for _, own in made.forecasts.groupby("model"):
        pd.testing.assert_frame_equal(own[list(schedule)].iloc[::2].reset_index(drop=True), schedule)
    assert list(made.history) == [*HISTORY["asset"], "fitted_until"]
    assert made.history["fitted_until"].unique().tolist() == ["2020-06-16", "2020-06-30"]
    assert made.history["loss"].dtype == float and made.history["kept"].dtype == bool
    assert made.window_means.empty and made.timings.empty


@pytest.mark.parametrize("scope", ["asset", "joint"])
def test_a_study_without_networks_has_empty_tables_of_the_same_columns(returns, scope):
    made = registry.forecasts(returns, study=study(["zero"], network_scope=scope))
    assert list(made.history) == HISTORY[scope] and made.history.empty
    assert list(made.timings) == ["model", "seed", "window", "seconds"] and made.timings.empty
    assert list(made.window_means) == ["model", "seed", "window", "decision_date", "asset", "forecast"]
    assert made.window_accuracy.columns[:7].tolist() == ["model", "seed", "window", "epochs_run", "n_samples_validation",
                                                         "n_samples_test", "mse_validation"]


def test_tables_of_joint_networks_are_those_of_a_study_without_them(returns):
    chosen, asked = study(["zero", "rnn"], network_scope="joint"), []

    def remember(function, *arguments):
        asked.append((function, *arguments[2:]))
        return function(*arguments)

    made, without = registry.forecasts(returns, study=chosen, remember=remember), registry.forecasts(returns, study=study(["zero"]))
    for noun in ("window_means", "window_accuracy", "timings"):
        table, empty = getattr(made, noun), getattr(without, noun)
        assert set(table) == set(empty) and len(table) and (table.dtypes[list(empty)] == empty.dtypes).all()
    (function, network, training), = asked
    assert function is joint_networks.trained_forecasts
    assert network == JointRecurrent("rnn", "code", "window", (4, 3))
    assert (training.lookback, training.train_end, training.validation_end) == (4, "2020-05-05", "2020-06-16")


@pytest.mark.parametrize("preset, target", [("code", "window"), ("code", "next_day"), ("prose", "next_day")])
@pytest.mark.parametrize("cell", ["rnn", "bilstm"])
def test_outlines_of_joint_networks_have_the_layers_that_are_built(cell, preset, target):
    chosen = study(["zero", cell], network_scope="joint", network_preset=preset, network_target=target)
    drawn = registry.outlines(chosen, n_assets=3)[cell]
    model = joint_networks.build(registry.networks(chosen)[cell], window=4, n_assets=3, seed=1)
    kept = [layer for layer in model.layers if layer.__class__.__name__ in ("SimpleRNN", "Bidirectional")]
    units = [getattr(layer, "units", None) or layer.forward_layer.units for layer in kept]
    title, last = vocabulary.MODELS[cell].title, "every" if preset == "code" else "last"
    steps = ["every"] * (len(units) - 1) + [last]
    assert [layer for layer in drawn if layer[0] == title] == [
        (title, f"{count} units, {step} step") for count, step in zip(units, steps, strict=True)]
    n_days, n_assets = (*model.output_shape[1:], model.output_shape[-1])[:2] if target == "window" else (1, model.output_shape[-1])
    assert drawn[0] == ("input", f"4 days x {'3 assets' if preset == 'code' else '1 asset'}")
    assert drawn[-1] == ("dense", f"{n_days} day{'s' * (n_days > 1)} x {n_assets} asset{'s' * (n_assets > 1)}")
    assert drawn.count(("dropout", "0.2")) == (4 if preset == "prose" else 0)


# -- what is remembered


def test_what_a_network_remembers_depends_on_its_own_file_and_on_no_title_or_color(tmp_path, monkeypatch):
    import shutil

    package = tmp_path / "forefolio"
    shutil.copytree(contracts.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(contracts, "PACKAGE", package)
    monkeypatch.setattr(forefolio, "LOADED", {})  # as in kernels that start after each edit
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path / "outputs"))
    stage, calls = Stage.__new__(Stage), []
    chosen = study(["zero", "lstm", "cnn1d"])

    def trained(network):
        calls.append(network.name)
        return {"history": pd.DataFrame({"epoch": [1]})}

    from forefolio.forecasts import asset_networks
    trained.__module__ = asset_networks.__name__
    again = {}
    for name in ("architectures", "layers", "training", "schedule", "joint_networks", "accuracy", "registry"):
        for network in registry.networks(chosen).values():
            stage.remember(trained, network)
        calls.clear()
        path = package / "forecasts" / f"{name}.py"
        path.write_text(path.read_text() + "\n# another line\n")
        for network in registry.networks(chosen).values():
            stage.remember(trained, network)
        again[name] = list(calls)
    both = ["lstm", "cnn1d"]
    assert again == {"architectures": both, "layers": both, "training": both, "schedule": both,
                     "joint_networks": [], "accuracy": [], "registry": []}
    path = package / "study" / "vocabulary.py"
    path.write_text(path.read_text().replace("#8a1c5a", "#8a1c5b"))
    for network in registry.networks(chosen).values():
        stage.remember(trained, network)
    assert calls == [], "a color trains nothing"


# -- how many days there must be


def accepted(chosen, training, validation, test):
    """Whether stage 04 makes forecasts in periods of so many days."""
    days = pd.bdate_range("2020-01-01", periods=training + validation + test, name="date")
    market = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (len(days), 2)), index=days, columns=["A", "B"])
    split = {"train_end": days[training - 1].date(), "validation_end": days[training + validation - 1].date()}
    try:
        window_counts(days, lookback=chosen.lookback, **split)
        registry.forecasts(market, study=chosen.model_copy(update=split))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("changes", [
    dict(models=["zero", "mean"]), dict(models=["zero", "ar"], ar_lags=1), dict(models=["zero", "ar"], ar_lags=4),
    dict(models=["zero", "lstm"]), dict(models=["zero", "cnn1d", "ar"], ar_lags=3),
    dict(models=["zero", "rnn"], network_scope="joint", network_target="window"),
    dict(models=["zero", "rnn"], network_scope="joint", network_target="next_day"),
    dict(models=["zero", "rnn"], network_scope="joint", network_target="next_day", network_preset="prose"),
    dict(models=["zero", "ar"], network_scope="joint", network_target="next_day"),
    dict(models=["zero", "rnn", "ar"], network_scope="joint", network_target="window", windows=[4, 2], ar_lags=3)])
def test_the_fewest_days_that_are_accepted_are_those_that_are_needed(monkeypatch, changes):
    monkeypatch.setattr(joint_networks, "train", lambda *arguments, **options: pd.DataFrame(
        {"epoch": [1], "loss": [1.0], "validation_loss": [1.0], "kept": [True]}))
    chosen = study(**(dict(windows=[4, 5]) | changes), epochs=1)
    least = {"training": 0, "validation": 0, "test": 0}
    for need in registry.needed_days(chosen, n_assets=2):
        least[need.period] = max(least[need.period], need.days)
    assert accepted(chosen, **least)
    for period in least:
        assert not accepted(chosen, **least | {period: least[period] - 1}), period


def test_a_joint_network_for_the_next_day_needs_one_more_day_than_its_window():
    chosen = study(["zero", "lstm"], network_scope="joint", network_target="next_day", windows=[4, 9])
    needed = {(need.parameter, need.period): need.days for need in registry.needed_days(chosen, n_assets=2)}
    assert [needed["windows", period] for period in ("training", "validation", "test")] == [10, 10, 10]
