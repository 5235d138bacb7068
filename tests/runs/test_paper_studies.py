"""Both papers' studies as a user runs them: prices from Yahoo's client against a local server, from a csv, and what goes wrong."""

from pathlib import Path

import cells
import numpy as np
import pandas as pd
import pytest
import yahoo_server
from click.testing import CliRunner

from forefolio.__main__ import main
from forefolio.files import read_frame
from forefolio.market import sources, yahoo
from forefolio.runs import contracts, pipeline
from forefolio.study.parameters import ROOT, load

pytestmark = pytest.mark.usefixtures("without_pictures")
COINS, STOCKS_OF_YAHOO = (ROOT / "params" / f"{name}.yml" for name in ("zouaoui2025", "nguyen2025_yahoo"))
FEW = ["ANV.VN", "BID.VN", "BMP.VN", "BVH.VN", "CII.VN"]  # of a hundred
SMALL = {COINS: ["epochs=3", "windows=[5, 30]", "models=[zero, mean, lstm, gru]", "random_portfolios=1000"],
         STOCKS_OF_YAHOO: ["epochs=1", "end=2023-04-28", "models=[zero, mean, lstm, cnn1d]", "random_portfolios=1000"]}


def made_up(names: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    """Prices of our own making."""
    rng = np.random.default_rng(18)
    market = rng.standard_t(5, (len(days), 1))
    return pd.DataFrame(20 * np.exp(np.cumsum(0.008 * (market + rng.standard_t(5, (len(days), len(names)))), axis=0)), days, names)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A Yahoo of our own that has no prices yet; no other address can be reached."""
    server = yahoo_server.Yahoo()
    monkeypatch.setenv("https_proxy", server.url)
    monkeypatch.setenv("FOREFOLIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(yahoo, "WAITS", (0.01,) * 3)
    yahoo_server.point(server.url, str(tmp_path / "cache"), monkeypatch.setattr)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(params=[COINS, STOCKS_OF_YAHOO], ids=lambda path: path.stem)
def study_at_yahoo(request, server) -> Path:
    """A params file whose prices the server has, made up under the real names: all coins, or a few of the stocks."""
    if request.param == COINS:
        server.zone, names, days = "UTC", load(COINS).tickers, pd.date_range("2021-08-15", "2024-08-16")
    else:
        server.zone, names, days = "Asia/Ho_Chi_Minh", [*FEW, "VTP.VN", "E1VFVN30.VN"], pd.bdate_range("2017-01-02", "2024-12-31")
    server.closes = dict(made_up(names, days).items())
    if request.param == STOCKS_OF_YAHOO:
        server.closes["VTP.VN"] = server.closes["VTP.VN"].loc["2018-11-23":]  # listed later
    return request.param


def test_a_paper_s_study_runs_from_yahoo_to_every_table_and_figure_of_its_own_notebook(study_at_yahoo, server, tmp_path):
    """One download, then every stage without a network, with little training; the stocks' study leaves out 07."""
    study, without = load(study_at_yahoo, SMALL[study_at_yahoo]), () if study_at_yahoo == COINS else ("07_evidence",)
    sources.fetch(study)
    assert set(server.closes) <= set(server.asked)
    server.server.shutdown()
    server.server.server_close()
    cells.run(study_at_yahoo, *SMALL[study_at_yahoo], to=study.paper, without=without)
    folder = tmp_path / "outputs" / study.study
    ran = [stage for stage in contracts.STAGES if stage not in without]
    assert not contracts.strangers(folder) and list(contracts.read_manifest(folder)) == [*ran, study.paper]
    universe = read_frame(folder / "tables" / "universe.csv").set_index("ticker")["kept"]
    held = set(universe.index[universe])
    assert held == (set(study.tickers) if study_at_yahoo == COINS else set(FEW))
    claims = read_frame(folder / "tables" / "claims.csv")
    assert set(claims["status"]) == {"reproduced", "not reproduced", "no such data"} and set(claims["paper"]) == {study.paper}
    printed = [len(read_frame(path)) for path in contracts.beside(study.paper) if path.parent == contracts.PUBLISHED]
    assert len(claims) >= sum(printed)
    assert pipeline.verify(folder) == [f"{stage}: {contracts.NOTHING_YET}" for stage in without]
    drawn = {path.stem for path in (folder / "figures").glob("*.html")}
    (all_of_coins if study_at_yahoo == COINS else all_of_stocks)(folder, claims, drawn)


def all_of_coins(folder: Path, claims: pd.DataFrame, drawn: set[str]) -> None:
    """Two networks that see five and thirty days have all tables and figures of their paper's notebook."""
    assert {"02_heatmap", "03_frontier", "04_networks", "04_training_curves", "05_timeline", "05_holdings", "06_wealth"} <= drawn
    assert {name.removeprefix("zouaoui2025_") for name in drawn if name.startswith("zouaoui2025_")} == {
        "networks", "returns", "heatmap", "construction", "window_mse", "window_mae", "printed_split",
        "frontier", "against_index"}
    by_window, accuracy, hypotheses, table5, weights = (read_frame(folder / "tables" / f"{name}.csv") for name in (
        "performance_by_window", "window_accuracy", "hypotheses", "table5_summary", "table5_weights"))
    assert by_window["window"].tolist() == [5, 30, 5, 30] and (by_window["largest_gross"] >= 1).all()
    assert accuracy["model"].tolist() == ["lstm", "lstm", "gru", "gru"] and (accuracy["epochs_run"] <= 3).all()
    assert len(claims) > 200
    assert {"Abstract", "Data", "Code", "Table 3", "Table 4", "Table 5", "Results"} <= set(claims["place"])
    assert set(hypotheses["model"]) == {"lstm", "gru"} and set(hypotheses["verdict"]) <= {"H1", "H2", "neither"}
    assert table5["statistic"].tolist() == ["annualized_return", "annualized_volatility", "sharpe_ratio", "observations",
                                            "gross_exposure", "inefficient", "forecast_return"]
    assert weights["asset"].nunique() == len(load(COINS).tickers) and weights["lstm_in_sample"].sum() == pytest.approx(1)
    performance = read_frame(folder / "tables" / "performance.csv")
    assert {"lstm+tangency", "mean+tangency", "lstm+rpp", "equal_weight", "benchmark"} <= set(performance["strategy"])


def all_of_stocks(folder: Path, claims: pd.DataFrame, drawn: set[str]) -> None:
    """Five stocks have all tables and figures of their paper's notebook; half of the audit is silent on other years."""
    assert {name for name in drawn if name.startswith("nguyen2025_")} == {
        f"nguyen2025_{noun}" for noun in ("grids", "accuracy", "choices", "wealth", "monthly_excess_2023")}
    months = read_frame(folder / "tables" / "excess.csv")
    assert months.loc[months["strategy"] != "benchmark", "turnover_one_way"].notna().all(), "joint lines trade as well"
    assert claims.loc[claims["place"] == "Table 5", "ours"].notna().all()


def test_a_csv_without_some_coins_is_refused_with_the_parameter_that_allows_it(tmp_path, monkeypatch):
    """The path is relative to the folder that the user works in, not to the repository."""
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path / "outputs"))
    names, days = load(COINS).tickers, pd.date_range("2021-08-15", "2024-08-16", name="date")
    made_up(names, days).drop(columns=["DAI-USD", "VBTC-USD"]).to_csv(tmp_path / "coins.csv")
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["run", str(COINS), "--set", "source=csv", "--set", "prices_path=coins.csv"])
    assert refused.exit_code == 2 and refused.stderr.count("\n") == 1
    assert "DAI-USD, VBTC-USD are not in coins.csv" in refused.stderr and "allow_missing_tickers" in refused.stderr
    assert sources.load(load(COINS, ("source=csv", "prices_path=coins.csv", "allow_missing_tickers=true"))).prices.dropna(axis="columns").shape[1] == 23


@pytest.mark.parametrize(("arguments", "said"), [
    (["params/default.yml", "--to", "nguyen2025"], "--to nguyen2025: this study has `paper: none`"),
    (["params/zouaoui2025.yml", "--from", "nguyen2025"], "--from nguyen2025: this study has `paper: zouaoui2025`"),
    (["params/zouaoui2025.yml", "--from", "zouaoui2025", "--to", "01_data"], "--from zouaoui2025 comes after --to 01_data"),
    (["params/lecture.yml", "--set", "paper=nguyen2025", "--from", "nguyen2025"],
     "--from nguyen2025: 01_data is not up to date for this study (no results yet)"),
])
def test_a_paper_s_stage_that_cannot_run_is_one_sentence(arguments, said, tmp_path, monkeypatch):
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path / "outputs"))
    refused = CliRunner().invoke(main, ["run", str(ROOT / arguments[0]), *arguments[1:]])
    assert refused.exit_code == 2 and refused.stderr.startswith(f"Error: {said}") and refused.stderr.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(("first", "then"), [("nguyen2025", "zouaoui2025"), ("zouaoui2025", "nguyen2025")])
def test_a_run_folder_holds_the_results_of_one_paper(first, then, tmp_path):
    """Both write the same table of claims."""
    for path in (f"{first}.ipynb", "tables/claims.csv", f"figures/{first}_wealth.html"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("{}")
    contracts.write_manifest(tmp_path, {"01_data": {"parameters": {}, "files": {}}, first: {"parameters": {}, "files": {
        "tables/claims.csv": "as it was"}}})
    contracts.forget(tmp_path, then)
    assert list(contracts.read_manifest(tmp_path)) == ["01_data"] and contracts.strangers(tmp_path) == []
    assert [path.name for path in tmp_path.rglob("[!.]*") if path.is_file()] == ["manifest.json"]
