"""The benchmarks run with tiny sizes and say what they measured; nothing is timed here."""

import base64
import json
import struct
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from forefolio.forecasts import asset_networks
from forefolio.forecasts.architectures import CNN1D, Recurrent
from forefolio.papers import equity
from forefolio.performance.trials import Sweep
from forefolio.runs.contracts import STAGES
from forefolio.study.parameters import ROOT

sys.path.append(str(ROOT))  # benchmarks are beside the library, not in it
from benchmarks import (backtest, before, floor, growth, imports, papers, peers, site, stages, sweeps, timing,  # noqa: E402
                        training)
from benchmarks import __main__ as command  # noqa: E402

TINY = {"lstm": Recurrent("lstm", layers=1, units=2, dropout=0.1, recurrent_dropout=0.1),
        "cnn1d": CNN1D(layers=1, filters=2, kernel_size=2, pool_size=2, dense_units=4, dropout=0.1)}


def test_a_ratio_is_that_of_its_two_medians():
    found = timing.ratio("theirs", [9.0, 1.0, 4.0], "ours", [1.0, 2.0, 3.0])
    assert found == {"ratio": 2.0, "of": "theirs / ours", "theirs": 4.0, "ours": 2.0, "rounds": 3}


def test_measurements_are_made_in_turns():
    order = []
    timing.in_turns({"one": lambda: order.append(1), "two": lambda: order.append(2)}, rounds=2)
    assert order == [1, 2, 1, 2]


def test_the_machine_is_described():
    described = timing.machine()
    assert described["processor"] and described["cores"] >= 1 and described["memory_gib"] > 0
    assert {"python", "tensorflow", "keras", "cvxpy", "skfolio"} <= set(described["versions"])


def test_the_work_of_a_small_lstm_is_that_counted_by_hand():
    # A day of 2 units that see 1 input: 8 sums of 3 products, 6 operations and a bias each; f * c + i * g and o * tanh(c),
    # 8; 10 activations. Two days, then a dense unit: a sum of 2 products, 4 operations, and a bias. 4 masks of 3 numbers.
    one_layer = 2 * (8 * 7 + 8) + 5
    assert floor.lstm_work(TINY["lstm"], lookback=2) == (one_layer, 20, 12)
    above = 2 * (8 * 9 + 8)  # a second layer sees 2 inputs
    assert floor.lstm_work(Recurrent("lstm", 2, 2, 0.0, 0.0), lookback=2) == (one_layer + above, 40, 12 + 16)


def test_the_work_of_a_small_convolution_is_that_counted_by_hand():
    # 4 days of 2 filters: 2 products and sums (4), a bias, a relu; 2 pools of 2 filters, one comparison each;
    # 4 dense units of 4 inputs: 8, a bias, a relu; a dense unit of 4 inputs: 8 and a bias.
    assert floor.cnn1d_work(TINY["cnn1d"], lookback=5) == (4 * 2 * 6 + 4 + 4 * 10 + 9, 0, 4)


def test_an_epoch_repeats_operations_three_times_and_activations_once_for_a_training_sample():
    one = floor.lstm_work(TINY["lstm"], lookback=3)
    assert floor.epoch_work(TINY["lstm"], lookback=3, n_training=10, n_validation=4) == (
        34 * one.operations, 14 * one.activations, 10 * one.draws)


def test_the_floor_is_each_kind_of_work_at_its_own_rate():
    assert floor.Work(100, 20, 6).seconds(floor.Work(50, 5, 2)) == 2 + 4 + 3


@pytest.mark.parametrize("name", TINY)
def test_rates_are_found_for_large_and_for_small_products(name):
    assert floor.small_product_rate(TINY[name], lookback=5, batch_size=4, n_assets=2) > 0


@pytest.mark.parametrize("name", TINY)
def test_a_peer_s_network_forecasts_what_ours_does(name):
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    lib = peers.Library(np.asarray, sigmoid, np.tanh, lambda x: np.maximum(x, 0), np.max, np.concatenate, np.zeros, None,
                        scan, None, None, None)
    model = asset_networks.build(TINY[name], n_assets=2, lookback=6, seed=1)
    windows = np.random.default_rng(5).normal(size=(2, 7, 6)).astype("float32")
    ours = model.predict_on_batch(windows.transpose(1, 2, 0))
    for stock in range(2):
        weights = [weight[stock] for weight in model.get_weights()]
        theirs = peers.FORECASTS[type(TINY[name])](lib, TINY[name], weights, windows[stock], None)
        np.testing.assert_allclose(theirs, ours[:, stock], atol=1e-5)


def scan(day, states, series):
    """Outputs of a loop over days."""
    outputs = []
    for today in series:
        states, output = day(states, today)
        outputs.append(output)
    return np.stack(outputs)


def test_a_peer_takes_the_steps_of_adam():
    optimizer, weight = training.keras.optimizers.Adam(0.1), training.keras.Variable([1.0, -2.0])
    ours, state = [np.array([1.0, -2.0])], ([np.zeros(2)], [np.zeros(2)], 0.0)
    for gradient in (np.array([0.5, 3.0]), np.array([-1.0, 0.1])):
        optimizer.apply([gradient.astype("float32")], [weight])
        ours, state = peers.adam(ours, [gradient], state, 0.1)
    np.testing.assert_allclose(ours[0], weight.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", training.NETWORKS)
def test_the_loop_s_network_has_as_many_weights_as_ours(name):
    ours = asset_networks.build(training.NETWORKS[name], n_assets=3, lookback=training.LOOKBACK, seed=1)
    theirs = training.stock_model(name)
    assert [weight.shape[1:] for weight in ours.trainable_variables] == [weight.shape for weight in theirs.trainable_variables]


def missing():
    """A library that is not there."""
    raise ImportError("No module named 'missing'")


@pytest.fixture
def tiny(monkeypatch):
    """A small network and few samples."""
    for name, value in {"N_TRAINING": 70, "N_VALIDATION": 10, "LOOKBACK": 5, "NETWORKS": {"cnn1d": TINY["cnn1d"]}}.items():
        monkeypatch.setattr(training, name, value)


def test_training_says_what_it_measured(tiny):
    found = training.compare(n_stocks=2, epochs=2, loop_epochs=2, rounds=1)
    assert set(found["cnn1d"]) == {"seconds_a_stock_an_epoch", "seconds_of_a_whole_run", "how"}
    assert {"ratio", "keras_loop", "side_by_side", "target"} <= set(found["cnn1d"]["seconds_a_stock_an_epoch"])
    assert "multiplied" in found["cnn1d"]["how"]
    assert any("target: at least 12" in line for line in command.lines(found)) and json.dumps(found, allow_nan=False)


def test_the_floor_and_peers_say_what_they_measured(tiny, monkeypatch):
    monkeypatch.setattr(floor, "rates", lambda: floor.Work(1e9, 1e8, 1e7))
    monkeypatch.setattr(peers, "LIBRARIES", {"missing": missing, "broken": object})
    found = training.against_floor_and_peers(n_stocks=2, epochs=2, rounds=1)["cnn1d"]
    assert found["floor"]["a_stock_an_epoch"]["operations"] > 0 and found["floor"]["target"] == "at most 2"
    assert {"ratio", "side_by_side"} <= set(found["floor_of_small_products"])
    states = found["processor_seconds_of_peers"]
    assert states["missing"] == {"state": "not installed (No module named 'missing')"}
    assert states["broken"]["state"].startswith("failed (AttributeError") and json.dumps(found, allow_nan=False)


def test_growth_is_the_slowest_size_over_the_fastest(monkeypatch):
    seconds = {20: 1.0, 60: 0.8, 200: 1.2}
    monkeypatch.setattr(growth, "a_stock_an_epoch",
                        lambda name, n_assets, epochs, n_training=100: lambda: (seconds[n_assets] * n_training / 100, 9.0))
    found = growth.with_assets(sizes=tuple(seconds), stock_epochs=100, rounds=3)
    assert found["lstm"]["ratio"] == 1.5 and found["lstm"]["of"] == "slowest_at_200_assets / fastest_at_60_assets"
    assert found["lstm"]["seconds_a_stock_an_epoch"] == {"assets_20": 1.0, "assets_60": 0.8, "assets_200": 1.2}
    history = growth.with_history(n_assets=20, times=(1, 2, 4), n_training=100, stock_epochs=100, rounds=1)
    assert history["cnn1d"]["ratio"] == 1.0  # twice the days took twice as long


def test_stages_grow_from_the_smallest_size_to_the_largest(monkeypatch):
    asked = []

    def run(params, overrides, *options):
        """A stage takes n^2 T seconds, and its notebook has 1 MB per hundred assets."""
        given = dict(override.split("=") for override in overrides)
        asked.append(given)
        n, years = int(given["simulated_assets"]), int(given["end"][:4]) - int(given["start"][:4]) + 1
        line = {"seconds": n**2 * years / 7, "peak_memory_mb": n, "notebook_mb": n / 100}
        return 1.0, [line | {"stage": stage} for stage in STAGES if stage <= options[1]]

    monkeypatch.setattr(growth.stages, "run", run)
    found = growth.of_stages("lecture.yml", sizes=(20, 100, 500), times=(1, 2, 4), overrides=("epochs=2",), rounds=1)
    assert len(asked) == 5 and {given["epochs"] for given in asked} == {"2"}
    assert [given["start"] for given in asked] == ["2016-01-01"] * 3 + ["2009-01-01", "1995-01-01"]
    assert (asked[0]["train_end"], asked[0]["validation_end"]) == ("2018-12-31", "2020-12-31"), "as in the lecture study"
    assert (asked[4]["train_end"], asked[4]["validation_end"]) == ("2006-12-31", "2014-12-31"), "four times as long, each"
    assert [stage for stage in found if stage != "params"] == list(STAGES)[:6]
    data = found["01_data"]
    assert data["assets"]["ratio"] == 625 and data["assets"]["target"] == "at most 25"
    assert data["assets"]["exponents"] == {"20_to_100": 2.0, "100_to_500": 2.0}
    assert data["days"]["ratio"] == 4 and data["days"]["seconds"] == {f"times_the_days_{k}": 400 * k for k in (1, 2, 4)}
    assert data["notebook"]["ratio"] == 1.0 and found["02_correlation"]["assets"]["target"] == "at most 15625"
    assert json.dumps(found, allow_nan=False) and any("01_data assets: 625.0" in line for line in command.lines(found))


def test_the_backtest_through_skfolio_solves_the_same_problems():
    found = backtest.compare(n_rebalances=1, sizes=(3,), rounds=1)
    assert set(found) == {"how", "assets_3", "problems"} and set(found["assets_3"]) == set(backtest.LIBRARIES)
    for framework in backtest.FRAMEWORKS:
        of_skfolio = found["assets_3"]["skfolio"][framework]
        assert {"ratio", "theirs", "ours"} <= set(of_skfolio)
        assert of_skfolio["largest_difference_of_a_weight"]["worst"] < 1e-3
    for library in ("riskfolio", "pypfopt"):  # not in the lock
        assert "not installed" in found["assets_3"][library].get("state", "not installed") and library in found["problems"]


def test_more_assets_than_the_sample_has_are_a_simulated_market():
    n_stocks = backtest.stocks().shape[1]
    for n_assets, first in ((n_stocks, backtest.stocks().columns[0]), (n_stocks + 1, "S01")):
        returns, made, dates = backtest.known(2, n_assets)
        assert returns.shape[1] == n_assets == made["asset"].nunique() and returns.columns[0] == first
        assert len(dates) == 2 and returns.index[-1].year == 2022


def test_a_site_is_measured_beside_nbconvert_on_the_same_run(monkeypatch):
    called = []

    def call(module, *arguments):
        called.append((module, *arguments[:1]))
        if arguments[0] == "run":
            folder = Path(arguments[-1]) / "default" / "site"
            folder.mkdir(parents=True)
            (folder.parent / "manifest.json").write_text("{}")
            (folder / "index.html").write_bytes(b"x" * 2_000_000)

    monkeypatch.setattr(site, "_call", call)
    found = site.against_nbconvert("params/default.yml", rounds=2)
    assert called == [("forefolio", "run")] + [("forefolio", "site"), ("jupyter", "nbconvert")] * 2
    assert found["megabytes"] == 2.0 and found["seconds"]["rounds"] == 2


def test_a_checkout_is_measured_against_another_one_in_turns_and_their_results_are_compared(monkeypatch, tmp_path):
    order = []

    def made(*words, outputs, root):
        """Half the time of the other checkout; the second command has other results there."""
        order.append((words[0], root == ROOT))
        (Path(outputs) / "x" / "tables").mkdir(parents=True)
        (Path(outputs) / "x" / "tables" / "t.csv").write_text(f"{words[0] == 'sweep' and root == ROOT}")
        return 5.0 if root == ROOT else 10.0

    monkeypatch.setattr(before, "forefolio", made)
    commands = {"one": (("run", "a.yml"), "at most 0.6"), "two": (("sweep", "b.yml"), "at most 0.4")}
    found = before.compare(tmp_path, rounds=2, commands=commands)
    assert order == [("run", True), ("run", False)] * 2 + [("sweep", True), ("sweep", False)] * 2
    assert found["one"]["ratio"] == found["two"]["ratio"] == 0.5 and found["two"]["target"] == "at most 0.4"
    assert found["one"]["results"] == "1 of 1 tables and artifacts are the same, byte for byte" and not found["one"]["not_the_same"]
    assert found["two"]["results"].startswith("0 of 1 tables") and found["two"]["not_the_same"] == ["t.csv"]
    assert "--before" in before.compare(rounds=1)["state"]


def test_workers_take_the_next_task_that_may_start():
    """Two workers, an input of 2 seconds and three readers of 3: the third waits for a worker."""
    def task(stage, **inputs):
        return SimpleNamespace(stage=stage, inputs=inputs)

    tasks = {"m": task("a"), **{reader: task("b", a="m") for reader in "xyz"}, "kept": task("a")}
    plan = SimpleNamespace(tasks=tasks, up_to_date={"kept"})
    assert sweeps.simulated(plan, {"a": 2.0, "b": 3.0}, 2) == 8.0
    assert sweeps.simulated(plan, {"a": 2.0, "b": 3.0}, 3) == 5.0


def test_many_points_are_planned_and_their_hours_follow_from_those_measured(monkeypatch):
    def made(command, file, *words, outputs, **_):
        folder = Path(outputs) / Path(file).stem
        if "--dry-run" not in words:
            folder.mkdir(exist_ok=True)
            lines = [{"stage": stage, "state": "done", "seconds": 36.0} for stage in sweeps.plans.contracts.OF_A_POINT]
            (folder / "ledger.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return 1.0

    monkeypatch.setattr(sweeps, "forefolio", made)
    found = sweeps.of_many_points("params/lecture.yml", measured={"cost_bps": [0]}, many={"cost_bps": [0, 1, 2, 3]}, workers=1, rounds=1)
    assert (found["points"], found["measured_points"]) == (4, 1)
    assert found["hours_simulated"] == round((5 + 4) * 36 / 3600, 2), "01 to 05 once, and 06 four times"
    assert found["plan"]["ratio"] == 0.5


def test_what_a_stage_imports_is_measured_in_a_new_process(monkeypatch):
    monkeypatch.setattr(imports.contracts, "STAGES", ["01_data"])
    found = imports.of_stages(rounds=1)["01_data"]
    assert found["seconds"] > 0 and {"pandas", "forefolio"} <= found["packages"].keys() and "tensorflow" not in found["packages"]


def test_stages_are_shares_of_the_whole_command(monkeypatch):
    monkeypatch.setattr(stages, "_run", lambda params, overrides: (10.0, {"01_data": 4.0, "02_correlation": 6.0}))
    found = stages.of_a_run("params/default.yml", rounds=2)
    assert found["whole_command"] == {"seconds": [10.0, 10.0]}
    assert found["02_correlation"]["ratio"] == 0.6


def test_a_topic_measured_again_replaces_itself_alone(tmp_path):
    path = tmp_path / "results.json"
    command.keep(path, "one", {"results": 1})
    command.keep(path, "two", {"results": 2})
    command.keep(path, "one", {"results": 3})
    assert json.loads(path.read_text()) == {"one": {"results": 3}, "two": {"results": 2}}


@pytest.mark.parametrize("n_separate, n_run, n_same", [(None, 4, 3), (2, 2, 2)])
def test_a_sweep_is_measured_against_its_points_run_alone(n_separate, n_run, n_same, monkeypatch, tmp_path):
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def made(command, file, *, outputs):
        """A sweep of four points in 10 seconds; each alone in 20, and the second with another table."""
        outputs = tmp_path / command if command == "sweep" else sweeps.Path(outputs)
        for point in "abcd" if command == "sweep" else ["alone"]:
            write(outputs / "name" / point / "study.yml", point)
            text = "other" if "/b/" in file else "1"
            write(outputs / "name" / point / "tables" / "t.csv" if command == "sweep" else outputs / "x" / "tables" / "t.csv", text)
        return 10.0 if command == "sweep" else 20.0

    monkeypatch.setattr(sweeps, "forefolio", made)
    monkeypatch.setattr(sweeps, "studies", lambda outputs: sorted((tmp_path / "sweep").glob("*/*/study.yml")))
    found = sweeps.against_separate_runs("sweep.yml", n_separate=n_separate, rounds=1)
    assert found["points"] == 4 and found["points_run_alone"] == n_run
    assert found["time"]["ratio"] == 0.125 and found["time"]["of"] == "together / alone"
    assert found["tables"] == f"the same, byte for byte, in {n_same} of {n_run} points"


# ------------------------------------------------------------------------------------------------------ tables of papers
STOCKS_INDEX = pd.bdate_range("2023-01-02", "2023-03-31", name="date")


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """A sweep of two points over `patience`, in the formats of the tables that it leaves, for `benchmarks.papers`."""
    rng, rows, returns = np.random.default_rng(3), [], {}
    for point, patience in (("patience-0", 0), ("patience-10", 10)):
        tables = tmp_path / "swept" / point / "tables"
        tables.mkdir(parents=True)
        for noun, add in (("log_accuracy", 0.01), ("validation_accuracy", 0.02)):
            pd.DataFrame({"model": ["zero", "lstm"], "mae_mean": [add, add + patience / 1e4]}).to_csv(tables / f"{noun}.csv", index=False)
        pd.DataFrame({"strategy": ["mean=lstm+mvf", "rpp"], "shapiro_p": [0.1, 0.2], "wilcoxon_p": [0.3, 0.4]}).to_csv(
            tables / "evidence.csv", index=False)
        pd.DataFrame({"strategy": ["lstm+mvf", "rpp"], "status": ["optimal", "failed" if patience else "optimal"]}).to_csv(
            tables / "solver_log.csv", index=False)
        for strategy in ("lstm+mvf", "rpp", "benchmark"):
            rows.append({"point": point, "patience": patience, "strategy": strategy, "total_return": rng.uniform(),
                         "information_ratio": 0.5, "annual_volatility": 0.1, "mean_monthly_excess": 0.01, "turnover": 0.3, "validation_mae": 0.0})
            returns[f"{point}/{strategy}"] = rng.normal(0, 0.01, len(STOCKS_INDEX))
    made = Sweep(name="swept", base="b", metric="sharpe", parameters=["patience"], base_point="patience-10", paper="nguyen2025",
                 points=pd.DataFrame(), results=pd.DataFrame(rows), net_returns=pd.DataFrame(returns, STOCKS_INDEX))
    monkeypatch.setattr(papers.results, "load", lambda folder: made)
    return tmp_path / "swept", made


def test_a_grid_becomes_a_row_a_point_with_both_errors_and_the_totals_of_its_model(swept):
    folder, made = swept
    table = papers.grid(folder, "lstm")
    assert table["patience"].tolist() == [0, 10]
    assert table["validation_mae"].tolist() == pytest.approx([0.02, 0.021]) and table["mae"].tolist() == pytest.approx([0.01, 0.011])
    totals = made.results.set_index(["point", "strategy"])["total_return"]
    assert table["total_return_mvf"].tolist() == [totals["patience-0", "lstm+mvf"], totals["patience-10", "lstm+mvf"]]
    assert table["total_return_rpp"].tolist() == [totals["patience-0", "rpp"], totals["patience-10", "rpp"]], "of no model"
    assert table["total_return_mdp"].isna().all(), "not in this sweep"


def test_choices_are_read_in_every_convention(swept):
    folder, made = swept
    table = papers.choices(folder).set_index(["patience", "strategy"])
    assert sorted(table.index.get_level_values("strategy").unique()) == sorted(equity.SIX)
    daily = made.net_returns[["patience-10/lstm+mvf", "patience-10/benchmark"]].set_axis(["own", "index"], axis=1)
    months = (1 + daily).groupby(daily.index.to_period("M")).prod() - 1
    excess = months["own"] - months["index"]
    row = table.loc[(10, "lstm+mvf")]
    assert row["summed_excess"] == pytest.approx(excess.sum())
    assert row["summed_excess_but_first"] == pytest.approx(excess.iloc[1:].sum())
    assert row["information_ratio_but_first"] == pytest.approx(excess.iloc[1:].mean() / excess.iloc[1:].std())
    assert (row["turnover_one_way"], row["turnover_two_way"], row["annual_volatility"]) == (0.3, 0.6, 0.1)
    assert (row["shapiro_p"], row["wilcoxon_p"]) == (0.1, 0.3), "from the line that two models share"
    assert table.at[(0, "cnn1d+rpp"), "wilcoxon_p"] == 0.4 and table.loc[(0, "cnn1d+mdp")].isna().all()
    assert table.loc[(10, "lstm+mdp")].isna().all(), "not in this sweep"


def test_a_table_that_points_share_stands_once_a_setting(swept):
    folder, _ = swept
    assert papers.per_point(folder, "log_accuracy", ["patience"]).to_numpy().tolist() == [
        [0, "zero", 0.01], [0, "lstm", 0.01], [10, "zero", 0.01], [10, "lstm", pytest.approx(0.011)]]


def test_a_sweep_that_is_not_there_leaves_its_table_as_it_is(tmp_path):
    (tmp_path / "nguyen2025_choices.csv").write_text("a\n1\n")
    done = CliRunner().invoke(papers.main, ["tables", str(tmp_path), "--into", str(tmp_path)])
    assert done.exit_code == 0 and done.output.count("stays") == len(papers.TABLES)
    assert (tmp_path / "nguyen2025_choices.csv").read_text() == "a\n1\n"


def test_a_figure_of_an_executed_notebook_keeps_its_picture_alone(tmp_path):
    small = base64.b64encode(papers.with_palette(rgba(np.zeros((2, 3, 3), int)))).decode()
    shown = {"data": {"application/vnd.plotly.v1+json": {"data": [1.0]}, "text/html": "a page", "image/png": small, "text/plain": "F"},
             "metadata": {"image/png": {"alt": "A figure."}}}
    table = {"data": {"text/html": "<table>", "text/plain": "T"}}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [{"outputs": [shown, table]}, {"source": "words"}]}))
    assert CliRunner().invoke(papers.main, ["pictures", str(tmp_path / "a.ipynb")]).exit_code == 0
    kept = json.loads((tmp_path / "a.ipynb").read_text())["cells"]
    told = {"metadata": {"image/png": {"alt": "A figure."}}}
    assert kept == [{"outputs": [{"data": {"image/png": small, "text/plain": "F"}} | told, table]}, {"source": "words"}]


def rgba(pixels: np.ndarray) -> bytes:
    """A PNG picture of opaque pixels (height, width, 3), each row as its difference from the row above, as Chrome writes it."""
    whole = np.dstack([pixels, np.full(pixels.shape[:2], 255)]).astype(np.uint8)
    rows = np.diff(whole, axis=0, prepend=np.zeros_like(whole[:1])).reshape(len(pixels), -1)
    lines = np.hstack([np.full((len(rows), 1), 2, np.uint8), rows])
    head = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
                                             for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b"")))


def of_palette(picture: bytes) -> np.ndarray:
    """The pixels (height, width, 3) of a picture with a palette and whole rows."""
    parts, place = {}, 8
    while place < len(picture):
        length = struct.unpack(">I", picture[place:place + 4])[0]
        parts[picture[place + 4:place + 8]] = picture[place + 8:place + 8 + length]
        place += length + 12
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, 1 + width)
    return np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)[lines[:, 1:]]


def test_a_picture_of_few_colors_keeps_them_all_and_one_of_many_stays_near_them():
    few = np.random.default_rng(1).choice([0, 90, 255], (20, 30, 3))
    assert (of_palette(papers.with_palette(rgba(few))) == few).all()
    many = np.random.default_rng(2).integers(0, 256, (40, 40, 1)) * [1, 1, 1]
    small = papers.with_palette(rgba(many), most=64)
    assert len(small) < len(rgba(many)) / 2 and abs(of_palette(small).astype(int) - many).max() <= 4
    assert papers.with_palette(small) == small, "what is no picture of Chrome comes back as it is"
