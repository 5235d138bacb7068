"""Every ordinary fault of a market ends in results that say so, or in a refusal, through all stages.

A matrix of faults x stages x frameworks x covariance estimators, with networks trained. No stage may stop, and no figure
or table may meet a number that is not there.
"""

import json
import re
import warnings

import cells
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from figure_frames import misread

from forefolio.files import outputs_folder, read_frame
from forefolio.performance import counterfactuals
from forefolio.runs import contracts, market_fit, stages
from forefolio.study.parameters import StudyError, validated
from forefolio.study.vocabulary import FRAMEWORKS

pytestmark = pytest.mark.usefixtures("without_pictures")
DAYS = pd.bdate_range("2019-01-01", "2020-12-31", name="date")
TRAINING, VALIDATION, TEST = slice("2019-01-01", "2020-01-31"), slice("2020-02-01", "2020-08-31"), slice("2020-09-01", None)
WINDOW = slice("2020-06-01", "2020-08-31")  # of the first decision
JUMP = "2020-10-05"  # the third day after a rebalance: stage 07 decides on the days before it, on it and after it


def still(moves: pd.DataFrame, days: slice, assets: str = "D") -> pd.DataFrame:
    """Moves of which some assets' are zero on some days."""
    moves = moves.copy()
    moves.loc[days, list(assets)] = 0.0
    return moves


def changed(moves: pd.DataFrame, **columns) -> pd.DataFrame:
    """Moves with other ones of some assets."""
    return moves.assign(**columns)


FAULTS = {  # daily returns of A, B, C, D and the index I without a fault -> the same with one
    "none": lambda moves: moves,
    "flat in training": lambda moves: still(moves, TRAINING),
    "flat in the first window": lambda moves: still(moves, WINDOW),
    "flat in validation": lambda moves: still(moves, VALIDATION),
    "flat in the test period": lambda moves: still(moves, TEST),
    "flat from the last month of validation on": lambda moves: still(moves, slice("2020-08-01", None)),
    "two flat in the test period": lambda moves: still(moves, TEST, "CD"),
    "all flat in the first window": lambda moves: still(moves, WINDOW, "ABCD"),
    "all flat in the test period": lambda moves: still(moves, TEST, "ABCD"),
    "the index flat": lambda moves: still(moves, slice(None), "I"),
    "flat after training but for rounding": lambda moves: changed(
        moves, D=np.where(moves.index < "2020-02-01", moves["D"], np.where(np.arange(len(moves)) % 2, 1e-8, -1e-8))),
    "only rising": lambda moves: changed(moves, D=moves["D"].abs() / 10 + 1e-4),
    "rising by the same every day": lambda moves: changed(moves, D=1e-4),
    "only falling": lambda moves: changed(moves, D=-moves["D"].abs()),
    "an identical twin": lambda moves: changed(moves, D=moves["C"]),
    "a hedge that earns": lambda moves: changed(moves, D=5e-4 - moves["C"]),
    "two identical pairs": lambda moves: changed(moves, D=moves["C"], B=moves["A"]),
    "a jump x50 in the test period": lambda moves: changed(moves, D=moves["D"].where(DAYS[1:] != JUMP, 49.0)),
    "a jump x50 in training": lambda moves: changed(moves, D=moves["D"].where(DAYS[1:] != "2019-10-15", 49.0)),
    "a fall to a hundredth": lambda moves: changed(moves, D=moves["D"].where(DAYS[1:] != JUMP, -0.99)),
    "all but nothing lost": lambda moves: moves.where(moves.notna() & (DAYS[1:] != JUMP)[:, None], -1 + 1e-9),
    "all falling": lambda moves: -moves.abs(),
    "all rising": lambda moves: moves.abs(),
    "a rate above all means": lambda moves: moves,
}
SOLVED = [name for name, kind in FRAMEWORKS.items() if kind.sees != "learned"]  # others take seconds: each alone, below
STUDY = {
    "source": "csv", "benchmark": "I", "start": "2019-01-01", "end": "2020-12-31", "train_end": "2020-01-31",
    "validation_end": "2020-08-31", "models": ["zero", "mean", "ar", "lstm"], "portfolio_models": ["mean", "lstm"],
    "frameworks": SOLVED, "epochs": 1, "lookback": 5, "lstm_layers": 1, "estimation_window": 60,
    "residual_window": 20, "correlation_window": 20, "random_portfolios": 1000, "ar_lags": 1}
FEW = {"SHUFFLES": 6, "held_days": lambda periods_per_year: 6}  # of stage 07: more are the same on other days, of 24 orders
OWN = {"a rate above all means": {"risk_free_rate": 0.9}}  # parameters of a fault


def prices(fault: str) -> pd.DataFrame:
    """Prices of four assets and an index."""
    rng = np.random.default_rng(5)
    common = rng.standard_t(5, (len(DAYS) - 1, 1))
    moves = pd.DataFrame(3e-4 + 0.008 * (common + rng.standard_t(5, (len(DAYS) - 1, 5))) / 2, DAYS[1:], list("ABCDI"))
    return (1 + FAULTS[fault](moves)).cumprod().reindex(DAYS).fillna(1.0) * 50


def run(stage: str, given: dict) -> list[str]:
    """Run a stage's cells; a warning about numbers is an error, and what is not finite is listed."""
    wrong, figure, write = [], stages.Stage.figure, stages.Stage.write

    def looked_at(self, noun, drawn):
        wrong.extend(f"{stage}: figure {noun}: {fault}" for fault in faults_of_figure(drawn))
        return figure(self, noun, drawn)

    def checked(self, **frames):
        for noun, frame in frames.items():
            numbers = frame.select_dtypes("number")
            wrong.extend(f"{stage}: table {noun}: {column} is infinite" for column in numbers.columns[
                np.isinf(numbers.astype(float)).any()] if not column.startswith("condition_number"))  # of twins it is
        return write(self, **frames)

    stages.Stage.figure, stages.Stage.write = looked_at, checked
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            cells.execute(stage, given)
    finally:
        stages.Stage.figure, stages.Stage.write = figure, write
    return wrong


def faults_of_figure(figure: go.Figure) -> list[str]:
    """What a reader would stumble over: no mark and no word why, infinite marks or ends of axes, 'nan' in a text."""
    wrong = []
    marks = [np.asarray(trace[axis]) for trace in figure.data for axis in "xyz" if axis in trace and trace[axis] is not None]
    numbers = [values.astype(float) for values in marks if values.dtype.kind in "fi"]
    notes = [note.text for note in figure.layout.annotations if note.text]
    if not any(np.isfinite(values).any() for values in numbers) and not notes and not figure.layout.shapes:
        wrong.append("has neither marks nor words")
    if any(np.isinf(values).any() for values in numbers):
        wrong.append("has infinite marks")
    for axis in [*figure.select_xaxes(), *figure.select_yaxes()]:
        if axis.range and any(isinstance(end, float) and not np.isfinite(end) for end in axis.range):
            wrong.append(f"an axis has no ends: {axis.range}")
    wrong += [f"leaves {found} to plotly's guess" for found in misread(json.loads(figure.to_json()))]
    texts = [*notes, figure.layout.title.text, *[trace.name for trace in figure.data if trace.name]]
    return wrong + [f"says {text}" for text in texts if re.search(r"(?i)\b(nan|inf|nat)\b", text)]


REFUSED = {  # faults with which nothing can be decided -> what the refusal says
    "all flat in the first window": "Nothing can be bought at the decision of 2020-08-31",
    "all flat in the test period": "Nothing can be bought at the decision of 2020-09-30",
}
SAID = {  # what some table or figure says of a fault
    "flat in training": "never moves up to 2020-01-31",
    "flat in the first window": "without D, no move in 10 days",
    "flat in validation": "without D, no move in 10 days",
    "flat in the test period": "without D, as zero was right every day",
    "flat from the last month of validation on": "without D, no move in 10 days",
    "two flat in the test period": "without C, D, as zero was right every day",
    "rising by the same every day": "returns the same every day up to 2020-01-31",
    "flat after training but for rounding": "without D, no move in 10 days",
    "all but nothing lost": "lost all wealth",
    "an identical twin": "numerically singular",
}


@pytest.fixture
def few(monkeypatch):
    """Fewer shuffles of forecasts and moved calendars in stage 07."""
    for name, value in FEW.items():
        monkeypatch.setattr(counterfactuals, name, value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_in_results_that_say_so_or_in_a_refusal(fault, request, tmp_path):
    if fault != "none":  # that is all of it
        request.getfixturevalue("few")
    name = f"dirt-{list(FAULTS).index(fault)}"
    prices(fault).to_csv(tmp_path / "prices.csv")
    study = STUDY | OWN.get(fault, {}) | {"study": name, "prices_path": str(tmp_path / "prices.csv")}
    if fault in REFUSED:
        with pytest.raises(StudyError, match=REFUSED[fault]):
            market_fit.check(validated(study, where="test"))
        return
    market_fit.check(validated(study, where="test"))
    number = list(FAULTS).index(fault)
    alone, some = [list(FRAMEWORKS)[number % len(FRAMEWORKS)]], list(FRAMEWORKS)[number % 4::4]
    regular = [{"covariance_estimator": "ledoit_wolf"}, {"ridge": 0.1}]
    wrong = [fault for stage in contracts.OF_A_POINT for fault in run(stage, study)]
    said = "".join(path.read_text() for path in (outputs_folder() / name).glob("*/*.[ch][st][vm]*"))
    # Each fault meets each stage and both ways to regularize, and each framework is once alone, but not all in one study.
    for change, of in [({"frameworks": some} | regular[0] | regular[1], ("02", "03", "05", "06", "07")),
                       ({"frameworks": alone} | regular[number % 2], ("05", "06") if number > 8 else ())]:
        wrong += [fault for stage in contracts.STAGES if stage[:2] in of for fault in run(stage, study | change)]
    assert not wrong
    assert (SAID.get(fault, "") in said) is True  # not the text itself, which is long


NAMES = ["0050", "2330", "000001", "1e5", "2020-01", "NA", "<NA>", "#NA", "-nan", "NULL", "True", "<b>x</b>", "$x$", "a|b"]


def test_names_that_look_like_something_else_are_text_from_the_file_to_the_last_table(few, tmp_path):
    rng = np.random.default_rng(5)
    moves = pd.DataFrame(rng.normal(3e-4, 0.01, (len(DAYS), len(NAMES) + 1)), DAYS, [*NAMES, "600519"])
    (1 + moves).cumprod().to_csv(tmp_path / "prices.csv")
    study = STUDY | {"study": "dirt-names", "prices_path": str(tmp_path / "prices.csv"), "benchmark": "600519",
                     "tickers": NAMES, "models": ["zero", "mean", "ar"], "portfolio_models": ["mean", "ar"]}
    market_fit.check(validated(study, where="test"))
    right = "says -nan", "training_curves: has neither marks nor words"  # a name; and no network, as its title says
    assert not [fault for stage in contracts.STAGES for fault in run(stage, study) if not fault.endswith(right)]
    tables, artifacts = (outputs_folder() / "dirt-names" / kind for kind in ("tables", "artifacts"))
    for table, column in [("universe", "ticker"), ("asset_summary", "asset"), ("mpt_weights", "asset")]:
        assert set(read_frame(tables / f"{table}.csv")[column]) == {*NAMES}
    assert set(read_frame(artifacts / "returns.parquet")) == {*NAMES}
    for artifact in ("forecasts", "weights"):
        assert set(read_frame(artifacts / f"{artifact}.parquet")["asset"]) == {*NAMES}
    assert read_frame(tables / "performance.csv")["sharpe"].dtype == float
