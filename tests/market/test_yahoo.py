"""Downloads and snapshots: the real yfinance client against a local server that answers as Yahoo does."""

import hashlib
import json
import signal
import socket
import subprocess
import sys
import time
from datetime import date

import numpy as np
import pandas as pd
import pytest
import yahoo_server
import yfinance

from forefolio.market import snapshots, sources, universe, yahoo
from forefolio.market.csv_files import MarketError
from forefolio.runs import contracts
from forefolio.study import parameters
from forefolio.study.parameters import ROOT, Study

DAYS = pd.bdate_range("2020-01-02", "2020-03-31", name="date")
SPAN = dict(start=date(2020, 1, 1), end=date(2020, 3, 31))


def closes(first: float) -> pd.Series:
    return pd.Series(first + np.arange(len(DAYS)) / 8, index=DAYS)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Four stocks and an index at a Yahoo of our own; no other address can be reached."""
    server = yahoo_server.Yahoo()
    server.closes = {name: closes(first) for first, name in enumerate(("AAA", "BBB", "CCC", "DDD", "^IX"), 10)}
    monkeypatch.setenv("https_proxy", server.url)
    monkeypatch.setenv("FOREFOLIO_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(yahoo, "WAITS", (0.01,) * 3)
    yahoo_server.point(server.url, str(tmp_path / "cache"), monkeypatch.setattr)
    yield server
    server.server.shutdown()


def study(tickers=("AAA", "BBB", "CCC"), **changes) -> Study:
    return Study(**dict(source="yfinance", tickers=list(tickers), benchmark="^IX", start="2020-01-01", end="2020-03-31",
                        train_end="2020-02-14", validation_end="2020-02-28") | changes)


# ------------------------------------------------------------------------------------------------- what arrives
def test_a_download_is_the_adjusted_closes_of_the_days_asked_for(server):
    market = sources.load(study())
    expected = pd.DataFrame({name: server.closes[name] for name in ("AAA", "BBB", "CCC")})
    pd.testing.assert_frame_equal(market.prices, expected, check_freq=False)
    np.testing.assert_array_equal(market.benchmark["^IX"], server.closes["^IX"])
    assert market.findings == [] and market.truth.empty


def test_the_days_are_those_of_the_exchange_whatever_its_time_zone(server):
    for server.zone in ("America/New_York", "Asia/Ho_Chi_Minh", "UTC"):
        symbol = f"Z{server.zone[:2].upper()}"
        server.closes[symbol] = closes(5)
        path = yahoo.fetch([symbol], **SPAN, minutes=1, allow_missing=False)
        assert snapshots.read(path).index.equals(DAYS), server.zone


def test_a_split_and_a_dividend_are_no_jump(server):
    server.splits["AAA"] = "2020-02-03"
    server.paid["AAA"] = server.closes["AAA"] / 0.9  # what was paid before a later dividend
    prices = snapshots.read(yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False))
    np.testing.assert_allclose(prices["AAA"], server.closes["AAA"], rtol=1e-12)


def test_prices_inside_that_are_missing_stay_missing(server):
    server.closes["BBB"].iloc[[5, 6]] = np.nan
    server.closes["CCC"] = server.closes["CCC"].drop(DAYS[9])
    market = sources.load(study())
    assert market.prices["BBB"].isna().to_numpy().nonzero()[0].tolist() == [5, 6]
    assert market.prices["CCC"].isna().to_numpy().nonzero()[0].tolist() == [9]


def test_a_ticker_asked_for_by_name_that_is_partly_empty_is_an_error_with_its_days(server):
    server.closes["BBB"].iloc[[5, 6]] = np.nan
    server.closes["CCC"] = server.closes["CCC"].iloc[3:]
    prices = sources.load(study()).prices
    with pytest.raises(ValueError) as refused:
        universe.choose(prices, study())
    assert "BBB misses 2 of 42 days up to 2020-02-28" in str(refused.value)
    assert "CCC starts on 2020-01-07" in str(refused.value) and "allow_missing_tickers" in str(refused.value)
    four = study(("AAA", "BBB", "CCC", "DDD"), allow_missing_tickers=True)
    table = universe.choose(sources.load(four).prices, four).assets.set_index("ticker")
    assert table["kept"].tolist() == [True, False, False, True]
    assert table.loc["CCC", "reason"] == "starts on 2020-01-07"


def test_the_running_day_is_never_asked_for(server):
    today = pd.Timestamp.now("UTC").date()
    days = pd.date_range(end=today, periods=30, name="date")
    server.closes["NOW"] = pd.Series(np.arange(1.0, 31), index=days)
    path = yahoo.fetch(["NOW"], start=days[0].date(), end=date(today.year + 1, 1, 1), minutes=1, allow_missing=False)
    assert snapshots.read(path).index[-1] == days[-2]


# ------------------------------------------------------------------------------------------------ what goes wrong
def test_an_unknown_ticker_is_an_error_that_names_it(server):
    with pytest.raises(MarketError) as refused:
        yahoo.fetch(["AAA", "ZZZ", "YYY"], **SPAN, minutes=1, allow_missing=False)
    assert "Yahoo has no prices of ZZZ, YYY from 2020-01-01 to 2020-03-31 (ZZZ: no such symbol" in str(refused.value)
    assert "\n" not in str(refused.value) and snapshots.kept("yahoo") == []


def test_a_missing_ticker_that_is_allowed_is_dropped_with_its_reason(server):
    allowed = study(("AAA", "BBB", "ZZZ"), allow_missing_tickers=True)
    market = sources.load(allowed)
    assert market.prices["ZZZ"].isna().all(), "nothing is made up for it"
    table = universe.choose(market.prices, allowed).assets.set_index("ticker")
    assert not table.loc["ZZZ", "kept"] and table.loc["ZZZ", "reason"] == "has no prices"
    assert [row[:2] for row in market.findings] == [("ZZZ", "not at Yahoo: no such symbol")]
    assert snapshots.sidecar([*market.files][0])["missing"] == {"ZZZ": "no such symbol"}
    with pytest.raises(MarketError, match="tickers: ZZZ are not in yahoo_2020-01-01_2020-03-31_"):
        sources.load(study(("AAA", "BBB", "ZZZ")))


def test_a_mistyped_name_costs_no_second_download_of_the_others(server):
    with pytest.raises(MarketError):
        yahoo.fetch(["AAA", "BBB", "CCX"], **SPAN, minutes=1, allow_missing=False)
    server.asked.clear()
    yahoo.fetch(["AAA", "BBB", "CCC"], **SPAN, minutes=1, allow_missing=False)
    assert set(server.asked) == {"CCC"}


@pytest.mark.parametrize("trouble", [[429, 429], [429, 429, 429, 429], ["cut"], ["garbled", "html"], [500, 500]])
def test_a_passing_trouble_is_waited_for(server, trouble, capsys):
    server.trouble["BBB"] = list(trouble)
    prices = snapshots.read(yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=1, allow_missing=False))
    np.testing.assert_array_equal(prices["BBB"], server.closes["BBB"])
    kind = "rate limit" if 429 in trouble else "an answer that cannot be read"
    assert f"Yahoo: {kind} for BBB; asking again in 0.01 s" in capsys.readouterr().err
    assert server.asked.count("AAA") == 1, "what had arrived is not asked for again"


@pytest.mark.parametrize(("trouble", "said"), [(429, "rate limit from Yahoo for BBB, still after 4 tries"),
                                               ("garbled", "an answer that cannot be read from Yahoo for BBB"),
                                               ("cut", "an answer that cannot be read from Yahoo for BBB")])
def test_a_lasting_trouble_keeps_what_has_arrived(server, trouble, said):
    server.trouble["BBB"] = [trouble, ...]
    with pytest.raises(MarketError) as refused:
        yahoo.fetch(["AAA", "BBB", "CCC"], **SPAN, minutes=1, allow_missing=True)
    assert said in str(refused.value) and "2 tickers are kept" in str(refused.value)
    assert "run `forefolio fetch` again" in str(refused.value) and "\n" not in str(refused.value)
    assert snapshots.kept("yahoo") == [], "a rate limit is no missing ticker"
    server.asked.clear()
    server.trouble.clear()
    assert list(snapshots.read(yahoo.fetch(["AAA", "BBB", "CCC"], **SPAN, minutes=1, allow_missing=False))) == ["AAA", "BBB", "CCC"]
    assert server.asked == ["BBB"]


def test_no_network_is_one_sentence_with_the_snapshot_and_the_alternatives(server):
    server.server.shutdown()
    server.server.server_close()
    with pytest.raises(MarketError) as refused:
        yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=1, allow_missing=True)
    said = str(refused.value)
    assert "Yahoo cannot be reached" in said and "no snapshot yahoo_2020-01-01_2020-03-31_" in said
    assert all(word in said for word in ("forefolio fetch", "sample", "csv", "simulated")) and "\n" not in said


def test_a_network_that_swallows_everything_is_told_as_none_and_not_asked_again_and_again(server, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it accepts, and never answers
        yahoo_server.point(f"http://127.0.0.1:{deaf.getsockname()[1]}", str(snapshots._data_folder()), monkeypatch.setattr,
                           hosts=(server.url,))
        monkeypatch.setattr(yahoo, "SILENCE", 2)
        with pytest.raises(yahoo.NoNetworkError) as refused:
            yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=10, allow_missing=True)
    assert "Yahoo cannot be reached (it sent nothing for 2 s), and there is no snapshot" in str(refused.value)
    said = capsys.readouterr().err
    assert "Yahoo: no answer for 1 s" in said and "asking again" not in said


def test_one_ticker_that_stays_silent_ends_the_download_in_time_and_the_others_are_kept(server, monkeypatch):
    server.trouble["BBB"] = ["silent", ...]
    for silence, minutes, said in [(30, 0.03, "0.03 minutes (fetch_minutes)"), (0.3, 1, "4 tries")]:
        monkeypatch.setattr(yahoo, "SILENCE", silence)
        with pytest.raises(MarketError) as refused:
            yahoo.fetch(["AAA", "BBB", "CCC", "DDD"], **SPAN, minutes=minutes, allow_missing=True)
        assert f"no answer from Yahoo for BBB, still after {said}" in str(refused.value)
        assert "3 tickers are kept" in str(refused.value) and "\n" not in str(refused.value)
        next(snapshots._data_folder().glob("*.parts/AAA.parquet")).unlink()  # it answers again
        yfinance.data.YfData.cache_get.cache_clear()
    server.trouble.clear()
    assert list(snapshots.read(yahoo.fetch(["BBB"], **SPAN, minutes=1, allow_missing=False))) == ["BBB"]


@pytest.mark.parametrize("trouble", [429, "garbled"])
def test_a_trouble_that_lasts_longer_than_the_download_may_is_not_waited_for(server, monkeypatch, trouble):
    server.trouble["BBB"] = [trouble, ...]
    monkeypatch.setattr(yahoo, "WAITS", (3600,))
    with pytest.raises(MarketError, match=r"from Yahoo for BBB, still after 5 minutes \(fetch_minutes\)") as refused:
        yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=5, allow_missing=True)
    assert "1 tickers are kept" in str(refused.value)


def test_the_time_that_a_download_may_take_changes_no_result():
    of = [contracts.counting(parameters.as_parameters(study(fetch_minutes=minutes))) for minutes in (1.0, 2.0)]
    assert of[0] == of[1] and study().fetch_minutes == 10


def test_an_error_of_the_disk_while_prices_come_is_not_swallowed(server, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "part")

    monkeypatch.setattr(yahoo, "write_whole", full)
    with pytest.raises(OSError, match="No space left on device: 'part'"):
        yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False)


# ------------------------------------------------------------------------------------------------------ snapshots
def test_a_snapshot_needs_no_network_later_not_even_for_fewer_tickers_or_days(server):
    path = yahoo.fetch(["AAA", "BBB", "CCC"], **SPAN, minutes=1, allow_missing=False)
    server.server.shutdown()
    server.server.server_close()
    assert yahoo.fetch(["CCC", "AAA"], **SPAN, minutes=1, allow_missing=False) == path
    assert yahoo.fetch(["AAA"], start=date(2020, 2, 1), end=date(2020, 2, 28), minutes=1, allow_missing=False) == path
    with pytest.raises(MarketError, match="cannot be reached"):
        yahoo.fetch(["AAA"], start=date(2019, 2, 1), end=date(2020, 2, 28), minutes=1, allow_missing=False)


def test_the_sidecar_says_what_was_asked_and_what_came(server):
    server.closes["BBB"] = server.closes["BBB"].iloc[:-2]
    path = yahoo.fetch(["AAA", "BBB", "ZZZ"], **SPAN, minutes=1, allow_missing=True)
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["tickers"] == ["AAA", "BBB", "ZZZ"] and about["asked"] == {"start": "2020-01-01", "end": "2020-03-31"}
    assert about["got"]["BBB"] == {"first": "2020-01-02", "last": "2020-03-27", "days": len(DAYS) - 2}
    assert about["answered"] == about["last"] == "2020-03-31" and about["source"] == "yahoo"
    assert about["missing"] == {"ZZZ": "no such symbol"} and about["client"] == f"yfinance {yfinance.__version__}"
    assert abs(pd.Timestamp(about["downloaded"]) - pd.Timestamp.now("UTC")) < pd.Timedelta("1h")
    assert about["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sorted(found.name for found in path.parent.iterdir()) == [path.with_suffix(".json").name, path.name]


def test_a_changed_snapshot_is_refused(server):
    market = sources.load(study())
    [(path, was)] = market.files.items()
    content = bytearray(path.read_bytes())
    assert hashlib.sha256(content).hexdigest() == was
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(MarketError, match="was changed since it was downloaded; delete it and its json file"):
        sources.load(study())


def test_a_snapshot_without_its_sidecar_does_not_count(server):
    path = yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False)
    path.with_suffix(".json").unlink()
    server.asked.clear()
    yfinance.data.YfData.cache_get.cache_clear()  # the client remembers answers within a process
    assert yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False) == path and server.asked == ["AAA"]
    about = json.loads(path.with_suffix(".json").read_text())
    for wrong in ({}, [1], "x", None, about | {"asked": None}, about | {"asked": {"start": 2015, "end": 2019}},
                  about | {"tickers": None}, about | {"tickers": [["a"]]}, about | {"missing": ["AAA"]}):
        path.with_suffix(".json").write_text(json.dumps(wrong))
        with pytest.raises(MarketError, match="not the sidecar of a snapshot .* delete it"):
            yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False)


# -------------------------------------------------------------------------------------- an end that has not come yet
FUTURE = date(pd.Timestamp.now("UTC").year + 1, 12, 31)


@pytest.fixture
def growing(server):
    """A ticker with a close on each of the last 40 days, and what a snapshot of 20 days ago had of it."""
    days = pd.date_range(end=pd.Timestamp.now("UTC").normalize().tz_localize(None) - pd.Timedelta(days=1), periods=40,
                         name="date")
    server.closes["NEW"] = pd.Series(np.arange(1.0, 41), index=days)
    path = yahoo.fetch(["NEW"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False)
    then, about = snapshots.read(path).iloc[:20], json.loads(path.with_suffix(".json").read_text())
    path.unlink()
    path.with_suffix(".json").unlink()
    old = path.with_name(f"yahoo_{days[0]:%Y-%m-%d}_{FUTURE}_12345678.parquet")
    then.to_parquet(old)
    last = f"{days[19]:%Y-%m-%d}"
    about |= {"downloaded": f"{days[20]:%Y-%m-%d}T12:00:00Z", "answered": last, "last": last,
              "got": {"NEW": about["got"]["NEW"] | {"last": last, "days": 20}},
              "sha256": hashlib.sha256(old.read_bytes()).hexdigest()}
    old.with_suffix(".json").write_text(json.dumps(about))
    server.asked.clear()
    yfinance.data.YfData.cache_get.cache_clear()  # the client remembers answers within a process
    return server, days, old


def without_answer(snapshot) -> None:
    """Make a sidecar what earlier versions wrote."""
    about = json.loads(snapshot.with_suffix(".json").read_text())
    about = {name: about[name] for name in ("downloaded", "tickers", "asked", "got", "missing", "sha256")}
    snapshot.with_suffix(".json").write_text(json.dumps(about | {"source": "Yahoo, adjusted closes", "yfinance": "0.2"}))


@pytest.mark.parametrize("written_before", [False, True])
def test_days_that_have_come_since_are_asked_for_once(growing, written_before):
    server, days, old = growing
    if written_before:
        without_answer(old)
    server.closes["NEW"] /= 2  # a dividend since then has changed all closes before it
    path = yahoo.fetch(["NEW"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False)
    assert server.asked == ["NEW"]
    prices = snapshots.read(path)["NEW"]
    assert prices.index.equals(days) and prices.tolist() == server.closes["NEW"].tolist(), "no closes of two downloads in one"
    assert yahoo.fetch(["NEW"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False) == path and server.asked == ["NEW"]
    before = days[19].date()  # what the old one has needs no new one
    assert yahoo.fetch(["NEW"], start=days[0].date(), end=before, minutes=1, allow_missing=False) in (path, old)
    assert server.asked == ["NEW"]


def test_days_without_trading_are_not_asked_for_again(server):
    days = pd.date_range(end=pd.Timestamp.now("UTC").normalize().tz_localize(None) - pd.Timedelta(days=5), periods=20)
    server.closes["NEW"] = pd.Series(np.arange(1.0, 21), index=days)  # nothing for the last days: a long weekend
    for _ in range(3):
        path = yahoo.fetch(["NEW"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False)
    assert server.asked == ["NEW"]
    about = snapshots.sidecar(path)
    assert about["last"] == f"{days[-1]:%Y-%m-%d}" < about["answered"]


@pytest.mark.parametrize("written_before", [False, True])
def test_without_a_network_what_is_there_is_used_and_the_days_it_lacks_are_told(growing, written_before, capsys):
    server, days, old = growing
    if written_before:
        without_answer(old)
    server.server.shutdown()
    server.server.server_close()
    assert yahoo.fetch(["NEW"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False) == old
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and f"lacks the days from {days[20]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" in said[0]
    with pytest.raises(MarketError, match="cannot be reached"):
        yahoo.fetch(["NEW", "AAA"], start=days[0].date(), end=FUTURE, minutes=1, allow_missing=False)


def test_a_snapshot_of_before_whose_end_had_passed_is_whole_even_if_it_ends_on_a_weekend(server):
    path = yahoo.fetch(["AAA"], start=date(2020, 1, 1), end=date(2020, 3, 29), minutes=1, allow_missing=False)  # a Sunday
    without_answer(path)
    assert yahoo.fetch(["AAA"], start=date(2020, 1, 1), end=date(2020, 3, 29), minutes=1, allow_missing=False) == path
    assert server.asked == ["AAA"]


def test_a_data_folder_that_cannot_be_made_is_told_before_anything_is_asked(server, tmp_path, monkeypatch):
    (tmp_path / "afile").write_text("")
    monkeypatch.setenv("FOREFOLIO_DATA", str(tmp_path / "afile"))
    with pytest.raises(MarketError, match="FOREFOLIO_DATA: .*afile cannot hold snapshots .* name a folder"):
        yahoo.fetch(["AAA"], **SPAN, minutes=1, allow_missing=False)
    assert server.asked == []


def test_the_same_prices_give_the_same_file(server, tmp_path, monkeypatch):
    first = yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=1, allow_missing=False)
    monkeypatch.setenv("FOREFOLIO_DATA", str(tmp_path / "elsewhere"))
    assert yahoo.fetch(["AAA", "BBB"], **SPAN, minutes=1, allow_missing=False).read_bytes() == first.read_bytes()


# -------------------------------------------------------------------------------------------------- the command
@pytest.fixture
def command(server, tmp_path, monkeypatch):
    """Start `forefolio` on a params file, with the local server in place of Yahoo."""
    params = tmp_path / "params.yml"
    params.write_text("study: far\nsource: yfinance\ntickers: [AAA, BBB, CCC, DDD]\nbenchmark: ^IX\nstart: 2020-01-01\n"
                      "train_end: 2020-02-14\nvalidation_end: 2020-02-28\nend: 2020-03-31\nlookback: 12\nepochs: 1\n"
                      "estimation_window: 20\nresidual_window: 5\ncorrelation_window: 10\nmodels: [zero, mean]\n"
                      "portfolio_models: [mean]\nar_lags: 1\n")
    monkeypatch.setenv("TEST_YAHOO", server.url)
    monkeypatch.setenv("TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FOREFOLIO_OUTPUTS", str(tmp_path / "outputs"))
    return lambda verb, *more: subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "yahoo_server.py"), verb, str(params), *more], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_fetch_downloads_in_batches_and_a_run_needs_no_network_after_it(command, server, monkeypatch):
    fetching = command("fetch")
    printed, logged = fetching.communicate()
    assert fetching.returncode == 0, logged
    assert "snapshot: " in printed and "Yahoo: 5 of 5 tickers" in logged and "Warning" not in logged
    server.server.shutdown()
    server.server.server_close()
    running = command("run", "--to", "01_data")
    printed, logged = running.communicate()
    assert running.returncode == 0 and "01_data  done" in printed, logged


def test_ctrl_c_ends_a_fetch_at_once_although_no_answer_comes(command, server):
    server.trouble = {name: ["silent", ...] for name in server.closes}
    fetching = command("fetch")
    while not server.asked and fetching.poll() is None:
        time.sleep(0.05)
    fetching.send_signal(signal.SIGINT)
    try:
        printed, logged = fetching.communicate(timeout=20)  # the client itself waits for half a minute, and again
    finally:
        fetching.kill()
    assert fetching.returncode == 130 and "Traceback" not in logged and "Interrupted" in logged


def test_fetch_that_is_killed_goes_on_where_it_stopped(command, server, tmp_path, monkeypatch):
    server.closes |= {f"T{i:02d}": closes(i + 1) for i in range(15)}
    tickers = f"tickers={[f'T{i:02d}' for i in range(15)]}"
    server.trouble["T12"] = [429] * 2000
    first = command("fetch", "--set", tickers)
    parts = tmp_path / "data" / "yahoo_2020-01-01_2020-03-31.parts"
    while len(list(parts.glob("T*.parquet"))) < 10 and first.poll() is None:  # all of the first batch
        time.sleep(0.05)
    server.hold.clear()  # the second batch gets no answer
    first.send_signal(signal.SIGKILL)
    first.communicate()
    server.hold.set()
    server.trouble.clear()
    kept = {path.stem for path in parts.glob("T*.parquet")}
    assert len(kept) >= 10 and snapshots.kept("yahoo") == []
    server.asked.clear()
    second = command("fetch", "--set", tickers)
    printed, logged = second.communicate()
    assert second.returncode == 0, logged
    assert not set(server.asked) & kept and not parts.exists()
    assert list(snapshots.read(snapshots.kept("yahoo")[0])) == [f"T{i:02d}" for i in range(15)] + ["^IX"]


@pytest.mark.parametrize(("verb", "arguments", "said"), [
    ("fetch", ("--set", "tickers=[AAA, ZZZ]"), "tickers: Yahoo has no prices of ZZZ"),
    ("run", ("--set", "tickers=[AAA, ZZZ]"), "tickers: Yahoo has no prices of ZZZ"),
    ("fetch", ("--set", "source=sample"), "source sample: has nothing to download"),
    ("fetch", ("--set", "start=2999-01-01"), "start: 2999-01-01"),
])
def test_what_cannot_be_fetched_is_one_sentence_and_exit_2(command, verb, arguments, said):
    process = command(verb, *arguments)
    printed, logged = process.communicate()
    assert process.returncode == 2
    assert f"Error: {said}" in logged.splitlines()[-1] or said in logged.splitlines()[-1]
    assert "Traceback" not in logged
