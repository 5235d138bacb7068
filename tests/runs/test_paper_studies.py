"""Both papers' studies as a user runs them: prices from Yahoo's client against a local server, from a csv, and what goes wrong."""

from pathlib import Path

import cells
import numpy as np
import pandas as pd
import pytest
import yahoo_server
from command import forefolio

from forefolio.files import read_frame
from forefolio.market import sources, yahoo
from forefolio.runs import contracts
from forefolio.study.parameters import ROOT, load

pytestmark = pytest.mark.usefixtures("without_pictures")
COINS, STOCKS, STOCKS_OF_YAHOO = (ROOT / "params" / f"{name}.yml" for name in ("zouaoui2025", "nguyen2025", "nguyen2025_yahoo"))
FEW = ["ANV.VN", "BID.VN", "BMP.VN", "BVH.VN", "CII.VN"]  # of a hundred
SMALL = {COINS: ["epochs=1", "windows=[5]", "models=[zero, mean, lstm]", "random_portfolios=1000"],
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


def test_a_paper_s_study_runs_from_yahoo_to_its_own_notebook(study_at_yahoo, server, tmp_path):
    """One download, then every stage but that of evidence without a network, with little training."""
    study = load(study_at_yahoo, SMALL[study_at_yahoo])
    sources.fetch(study)
    assert set(server.closes) <= set(server.asked)
    server.server.shutdown()
    server.server.server_close()
    cells.run(study_at_yahoo, *SMALL[study_at_yahoo], to=study.paper, without=("07_evidence",))
    folder = tmp_path / "outputs" / study.study
    assert list(contracts.read_manifest(folder)) == [*list(contracts.STAGES)[:-1], study.paper]
    universe = read_frame(folder / "tables" / "universe.csv").set_index("ticker")["kept"]
    held = set(universe.index[universe])
    assert held == (set(study.tickers) if study_at_yahoo == COINS else set(FEW))
    claims = read_frame(folder / "tables" / "claims.csv")
    assert set(claims["status"]) == {"reproduced", "not reproduced", "no such data"} and set(claims["paper"]) == {study.paper}
