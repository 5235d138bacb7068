"""Small runs from nothing: the same twice, with later noise, after a fault, and of markets unlike the default one."""

import json
import os
from pathlib import Path

import cells
import numpy as np
import pandas as pd
import pytest
from command import forefolio, tables

from forefolio.files import read_frame
from forefolio.runs import contracts, execution
from forefolio.study.parameters import ROOT, as_parameters, load

pytestmark = pytest.mark.usefixtures("without_pictures")
STAGES = list(contracts.STAGES)
NOISE_AFTER = "2019-04-30"  # in the test period of the small study

SMALL = """
study: small
source: csv
benchmark: SP500
start: 2016-01-01
train_end: 2017-06-30
validation_end: 2018-12-31
end: 2019-07-31
lookback: 10
epochs: 2
lstm_layers: 2
portfolio_models: [mean, lstm]
estimation_window: 60
residual_window: 10
random_portfolios: 1000
correlation_window: 21
prices_path: {folder}/small.csv
"""


def ledger(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def small_market() -> pd.DataFrame:
    from skfolio.datasets import load_sp500_dataset, load_sp500_index

    stocks = load_sp500_dataset()[["AAPL", "JNJ", "KO", "XOM"]]
    return stocks.join(load_sp500_index()).loc["2016":"2019"].rename_axis("date")


@pytest.fixture(scope="module")
def small_params(small_market, scratch) -> Path:
    small_market.to_csv(scratch / "small.csv", date_format="%Y-%m-%d")
    noise = small_market.copy()
    later = noise.index > NOISE_AFTER
    noise.loc[later] = np.random.default_rng(1).uniform(80, 120, noise.loc[later].shape)
    noise.to_csv(scratch / "noise.csv", date_format="%Y-%m-%d")
    (scratch / "small.yml").write_text(SMALL.format(folder=scratch))
    return scratch / "small.yml"


@pytest.fixture(scope="module")
def small_runs(small_params, scratch) -> dict[str, Path]:
    """The small study three times from nothing: by the command, with a fault; and by its cells, again and with noise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOREFOLIO_OUTPUTS", str(scratch / "again"))
        cells.run(small_params, to=STAGES[-1])
        patch.setenv("FOREFOLIO_OUTPUTS", str(scratch / "noise"))
        cells.run(small_params, f"prices_path={scratch}/noise.csv", to="05_portfolios",
                  without=("02_correlation", "03_mpt_frontier"))
    return {"first": broken_then_mended(small_params, scratch / "first"), "again": scratch / "again" / "small",
            "noise": scratch / "noise" / "small"}


def broken_then_mended(params: Path, outputs: Path) -> Path:
    """Run the small study with a broken stage 04, check what is left, and run it again without the fault."""
    folder = outputs / "small"
    failed = forefolio("run", str(params), outputs=outputs, KERAS_BACKEND="nonsense")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "04_forecasting failed with" in failed.stderr and str(folder / "04_forecasting.ipynb") in failed.stderr
    kept = json.loads((folder / "04_forecasting.ipynb").read_text())
    assert any(output["output_type"] == "error" for cell in kept["cells"] for output in cell.get("outputs", []))
    assert list(contracts.read_manifest(folder)) == STAGES[:3]
    assert not (folder / "artifacts" / "forecasts.parquet").exists() and not (folder / "05_portfolios.ipynb").exists()
    assert {line["stage"]: line["state"] for line in ledger(folder)} == dict.fromkeys(STAGES[:3], "done") | {STAGES[3]: "failed"}
    (failure,) = (line for line in ledger(folder) if line["state"] == "failed")
    assert failure["error"] and failure["notebook"] == "04_forecasting.ipynb"

    before = tables(folder)
    mended = forefolio("run", str(params), outputs=outputs)
    assert mended.returncode == 0, mended.stderr
    assert [f"{stage}  up to date" in mended.stdout for stage in STAGES] == [True] * 3 + [False] * 4
    assert {name: tables(folder)[name] for name in before} == before
    return folder


def test_a_stage_that_fails_is_kept_and_a_rerun_goes_on_from_there(small_runs):
    assert forefolio("verify", str(small_runs["first"])).returncode == 0


def test_the_same_study_twice_gives_the_same_tables_byte_for_byte(small_runs):
    first, again = tables(small_runs["first"]), tables(small_runs["again"])
    assert len(first) >= 10 and first == again
    for name in ("forecasts", "weights", "net_returns"):
        pd.testing.assert_frame_equal(*(read_frame(small_runs[run] / "artifacts" / f"{name}.parquet")
                                        for run in ("first", "again")), check_exact=True)


def test_noise_after_a_date_changes_no_forecast_and_no_weight_before_it(small_runs):
    for name, date in (("forecasts", "decision_date"), ("weights", "rebalance_date")):
        true, noisy = (read_frame(small_runs[run] / "artifacts" / f"{name}.parquet") for run in ("first", "noise"))
        before_true, before_noisy = (frame[frame[date] <= NOISE_AFTER].reset_index(drop=True) for frame in (true, noisy))
        assert before_true[date].max() == pd.Timestamp(NOISE_AFTER)
        pd.testing.assert_frame_equal(before_true, before_noisy, check_exact=True)
        assert not true.drop(columns=date).equals(noisy.drop(columns=date)), "the noise must be felt after the date"


# ------------------------------------------------------------------------------------------------------ other markets
@pytest.fixture
def outputs(monkeypatch, tmp_path) -> Path:
    """Where stages that are run in this process leave what they make."""
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path))
    return tmp_path


def test_a_simulated_market_runs_whole_with_delistings_and_its_truth(small_params, outputs):
    """Stages 01 to 05: those that end early are dropped, those that end later are held and never bought."""
    changes = ["source=simulated", "study=known", "simulated_assets=8", "simulated_delistings=5", "predictability=0.05",
               "models=[zero, mean]", "portfolio_models=[mean]", "start=2014-01-01", "end=2019-12-31"]
    cells.run(small_params, *changes, to="05_portfolios")
    folder = outputs / "known"
    truth, universe, findings = (read_frame(folder / "tables" / f"{name}.csv") for name in ("truth", "universe", "findings"))
    assert truth["best_r2"].tolist() == [0.05] * 8 and truth["delisted_on"].notna().sum() == 5
    ended = pd.to_datetime(truth.set_index("asset")["delisted_on"])
    assert set(universe.loc[~universe["kept"], "ticker"]) == set(ended.index[ended < "2018-12-31"])
    late = ended[ended >= "2018-12-31"]
    weights = read_frame(folder / "artifacts" / "weights.parquet")
    for asset, day in late.items():
        after = weights[(weights["asset"] == asset) & (weights["rebalance_date"] > day)]
        assert (after["weight"] == 0).all()
    assert len(late) and list(findings) == ["subject", "finding", "first", "last", "n_days", "treatment"]


def test_twins_and_a_peg_have_no_tangency_portfolio_until_the_ridge_that_the_sentence_names(
        small_market, small_params, outputs):
    """Two identical columns and one that hardly moves: stage 03 goes on and names the parameter that gives one."""
    rng = np.random.default_rng(3)
    hard = small_market.assign(TWIN=small_market["AAPL"], PEG=1 + rng.normal(0, 1e-5, len(small_market)))
    hard.to_csv(outputs / "hard.csv", date_format="%Y-%m-%d")
    changes = [f"prices_path={outputs}/hard.csv", "models=[zero, mean]", "portfolio_models=[mean]"]
    folder = outputs / "small"
    cells.run(small_params, *changes, to="01_data")
    given, declared = as_parameters(load(small_params, changes)), contracts.declared_parameters("03_mpt_frontier")
    without = execution.stage(folder, "03_mpt_frontier", {name: given[name] for name in declared}, point="small")
    assert without["state"] == "done", without["error"]
    executed = (folder / "03_mpt_frontier.ipynb").read_text()
    assert "There is no tangency portfolio" in executed
    assert "set covariance_estimator to ledoit_wolf, or ridge above 0" in executed
    cells.run(small_params, *changes, "ridge=0.001", to="05_portfolios")
    assert set(read_frame(folder / "tables" / "solver_log.csv")["status"]) == {"optimal"}
    twins = read_frame(folder / "tables" / "near_duplicates.csv")
    assert twins[["first", "second"]].to_numpy().tolist() == [["AAPL", "TWIN"]] and twins["correlation"][0] > 1 - 1e-9
    conditioning = read_frame(folder / "tables" / "conditioning.csv").set_index("covariance")
    assert np.isinf(conditioning.loc["sample", "condition_number"])
    assert conditioning.loc["this study", "condition_number_of_correlation"] < 1e4


@pytest.mark.skipif(not os.environ.get("FOREFOLIO_MARKETS"), reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_a_coins_study_without_the_lstm_says_in_its_notebook_what_it_lacks(outputs):
    """No network and no tangency portfolio: the paper's notebook runs whole, Tables 4 and 5 have no such data."""
    changes = ["source=csv", f"prices_path={os.environ['FOREFOLIO_MARKETS']}/crypto21_prices.csv", "allow_missing_tickers=true",
               "models=[zero, mean]", "portfolio_models=[mean]", "frameworks=[rpp]", "random_portfolios=1000"]
    cells.run(ROOT / "params" / "zouaoui2025.yml", *changes, to="zouaoui2025", without=("07_evidence",))
    claims, table5, universe = (read_frame(outputs / "zouaoui2025" / "tables" / f"{name}.csv")
                                for name in ("claims", "table5_summary", "universe"))
    assert universe["kept"].sum() == 21 and set(claims["place"]) >= {"Abstract", "Data", "Code", "Table 3", "Results"}
    own = ~claims["reading"].fillna("").str.contains("network ")  # not what the sweep beside the notebook found
    of_networks = claims["place"].eq("Table 4") & own & claims["claim"].str.contains("the LSTM") | claims["claim"].str.contains("lstm_in_sample")
    assert table5.empty and of_networks.any() and (claims.loc[of_networks, "status"] == "no such data").all()


@pytest.mark.skipif(not os.environ.get("FOREFOLIO_MARKETS"), reason="FOREFOLIO_MARKETS names no folder with the papers' markets")
def test_a_stocks_study_without_one_of_the_six_strategies_says_what_it_lacks(outputs):
    """Six of the paper's stocks, no MDP and no LSTM: its notebook runs whole, and their numbers are no such data."""
    markets = os.environ["FOREFOLIO_MARKETS"]
    changes = [f"prices_path={markets}/vn100_prices.csv", f"benchmark_path={markets}/vn100_index.csv", "end=2023-04-28",
               "epochs=2", "tickers=[ANV, BID, BMP, BVH, CII, CTD]", "random_portfolios=1000", "frameworks=[mvf, rpp]",
               "models=[zero, mean, cnn1d]", "portfolio_models=[mean, cnn1d]"]
    cells.run(ROOT / "params" / "nguyen2025.yml", *changes, to="nguyen2025", without=("07_evidence",))
    claims = read_frame(outputs / "nguyen2025" / "tables" / "claims.csv")
    lacking = claims["place"].eq("Table 5") & claims["claim"].str.contains("MDP|LSTM")
    assert lacking.any() and (claims.loc[lacking, "status"] == "no such data").all()
    assert claims.loc[claims["claim"].str.startswith("total return of 1D-CNN+MVF"), "ours"].notna().all()
