"""What a study may say of each parameter, and what is answered when it says something else."""

import unicodedata
from datetime import date

import pytest

from forefolio.runs import contracts
from forefolio.study import parameters, vocabulary
from forefolio.study.parameters import Study, StudyError


def test_the_three_places_of_a_parameter_agree():
    """Study, params/default.yml and the parameters cells of the notebooks name the same values."""
    in_file = parameters.as_parameters(parameters.load(parameters.ROOT / "params" / "default.yml"))
    assert in_file == parameters.as_parameters(Study())
    declared = {}
    for stage in contracts.STAGES:
        declared |= contracts.declared_parameters(stage)
        assert {name: in_file[name] for name in contracts.declared_parameters(stage)} == \
            contracts.declared_parameters(stage), stage
    assert set(declared) == set(in_file), "a parameter that no notebook declares does nothing"


def test_every_parameter_stands_in_the_default_file_with_a_comment():
    lines = (parameters.ROOT / "params" / "default.yml").read_text().splitlines()
    written = {line.split(":")[0]: line for line in lines if line and not line.startswith("#")}
    assert set(written) == set(Study.model_fields)
    assert all("  #" in line for line in written.values())


@pytest.mark.parametrize("path", sorted((parameters.ROOT / "params").glob("*.yml")), ids=lambda path: path.stem)
def test_every_shipped_study_is_valid_and_named_as_its_file(path):
    assert parameters.load(path).study == path.stem


def test_the_studies_of_the_papers_have_their_dates_and_assets():
    crypto, stocks, yahoo = (parameters.load(parameters.ROOT / "params" / f"{name}.yml")
                             for name in ("zouaoui2025", "nguyen2025", "nguyen2025_yahoo"))
    assert (crypto.source, len(crypto.tickers), crypto.periods_per_year) == ("yfinance", 25, 365)
    assert (crypto.start, crypto.end) == (date(2021, 8, 15), date(2024, 8, 16))
    assert len(crypto.benchmark_tickers) == 10 and set(crypto.benchmark_tickers) < set(crypto.tickers)
    for of in (stocks, yahoo):
        assert (of.start.year, of.train_end.year, of.validation_end.year, of.end.year) == (2017, 2021, 2022, 2024)
    assert (stocks.source, stocks.tickers, yahoo.source, len(yahoo.tickers)) == ("csv", [], "yfinance", 101)
    assert all(ticker.endswith(".VN") for ticker in yahoo.tickers)


@pytest.mark.parametrize(("override", "said"), [
    ("lookbak=30", "lookbak is not a parameter; did you mean lookback?"),
    ("use_residual='false'", "use_residual: 'false' should be a boolean"),
    ("tickers=AAPL", "tickers: 'AAPL' should be a list"),
    ("models=[lstm, arima]", "models[1]: 'arima' should be"),
    ("models=[]", "models: is empty"),
    ("benchmark=''", "benchmark: is empty"),
    ("start='2016-02-30'", "start: '2016-02-30' is not a date"),
    ("start=0001-01-01", "start: 0001-01-01 is not between 1900 and 2199"),
    ("seed=1e3", "seed: '1e3' should be a whole number; write it with digits alone"),
    ("start=01/02/2014", "start: '01/02/2014' is not a date; write it as 2018-12-31"),
    ("learning_rate=1e-3", "small numbers as 0.001 or 1.0e-3"),
    ("epochs=0", "epochs: 0 should be greater than or equal to 1"),
    ("epochs=2.5", "epochs: 2.5 should be a whole number"),
    ("cost_bps=.nan", "cost_bps: nan should be a finite number"),
    ("tickers=[AAPL, NO]", "tickers[1]: YAML reads this as False, which is not text; write it in quotes"),
    ("tickers=[2330, 0050]", "tickers[0]: YAML reads this as 2330, which is not text; write it in quotes"),
    ("tickers=['2330', 0050]", "tickers[1]: YAML reads this as 40, which is not text"),
    ('tickers=[0050]', "(in a shell: --set 'tickers=[\"0050\"]')"),
    ("tickers=[~]", "tickers[0]: YAML reads this as None, which is not text"),
    ("tickers=[2020-01-01]", "tickers[0]: YAML reads this as 2020-01-01, which is not text"),
    ("benchmark=000001", "benchmark: YAML reads this as 1, which is not text"),
    ("benchmark=1.5", "(in a shell: --set 'benchmark=\"0050\"')"),
    ("predictability=1.5", "predictability[0]: 1.5 should be less than 1"),
    ("predictability=true", "predictability: True should be a list"),
    ("simulated_tail=2", "simulated_tail: 2 should be greater than 2"),
    ("simulated_groups=2000", "simulated_groups: 2000 should be less than or equal to 1000"),
    ("simulated_volatility=1.0e-12", "simulated_volatility: 1e-12 should be greater than or equal to 0.001"),
    ("ridge=1.0e+308", "ridge: 1e+308 should be less than or equal to 10"),
    ("covariance_estimator=oas", "covariance_estimator: 'oas' should be"),
    ("source=bloomberg", "source: 'bloomberg' should be"),
])
def test_a_wrong_value_is_refused_in_one_sentence(override, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "default.yml", (override,))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_number_stands_for_all_assets():
    loaded = parameters.load(parameters.ROOT / "params" / "default.yml", ("predictability=0",))
    assert loaded.predictability == [0.0]


@pytest.mark.parametrize("overrides, drawn_from", [
    ((), 7), (("seed=3",), 7), (("source=simulated",), 7), (("source=simulated", "seed=3"), 3),
    (("source=simulated", "seed=3", "simulated_seed=5"), 5), (("simulated_seed=5",), 5)])
def test_a_simulated_market_without_a_seed_of_its_own_is_drawn_from_the_study_s(overrides, drawn_from):
    assert parameters.load(parameters.ROOT / "params" / "lecture.yml", overrides).simulated_seed == drawn_from


def test_a_study_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Study().seed = 8


def test_a_stage_is_judged_by_its_own_parameters_only():
    """Stage 04 declares no start: a train_end before the default start says nothing about it."""
    assert parameters.validated({"train_end": "2010-01-01"}, where="04", declared={"train_end"}).train_end.year == 2010
    with pytest.raises(StudyError, match="is not after start"):
        parameters.validated({"train_end": "2010-01-01"}, where="params")


def test_a_name_that_another_module_adds_to_the_vocabulary_is_accepted_and_listed(monkeypatch):
    wanted = {"models": ["zero", "toy"], "portfolio_models": ["toy"], "frameworks": ["fixed"], "source": "made_up"}
    with pytest.raises(StudyError, match="source: 'made_up' should be 'sample', 'yfinance', 'csv' or 'simulated'$"):
        parameters.validated(wanted, where="params")
    monkeypatch.setitem(vocabulary.MODELS, "toy", vocabulary.MODELS["lstm"])
    monkeypatch.setitem(vocabulary.FRAMEWORKS, "fixed", vocabulary.FRAMEWORKS["rpp"])
    monkeypatch.setitem(vocabulary.SOURCES, "made_up", vocabulary.Source("made up"))
    study = parameters.validated(wanted, where="params")
    assert (study.source, study.models, study.frameworks) == ("made_up", ["zero", "toy"], ["fixed"])
    with pytest.raises(StudyError, match=r"frameworks\[0\]: 'none' should be 'mvf', 'rpp', 'mdp', 'tangency' or 'fixed'$"):
        parameters.validated({"frameworks": ["none"]}, where="params")


@pytest.mark.parametrize(("override", "said"), [
    ("end=2022-13-01", "not plain YAML (month must be in 1..12)"),
    ("seed", "--set seed: has no '='"),
    ("seed=!!python/object/apply:os.getcwd []", "not plain YAML"),
    ("seed=[1, 2", "not plain YAML"),
])
def test_an_override_that_is_not_plain_yaml_is_refused(override, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "default.yml", (override,))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [
    ("- 1\n- 2\n", "holds a list, not parameters"),
    ("just words", "holds a str, not parameters"),
    ("study: a\nseed: 1\nseeds: 1\nseed: 2\n", "params.yml, line 4: not plain YAML (seed stands twice, first in line 2"),
    ("seed: 1\n'seed': 2\n", "line 2: not plain YAML (seed stands twice, first in line 1)"),
    ("? [seed]\n: 1\n", "not plain YAML"),
    ("seed: [1\n", "not plain YAML"),
    ("seed: !!python/name:os.system\n", "not plain YAML"),
    ("1: 2\n", "1 is not a parameter"),
    ("\tseed: 1\n", "not plain YAML"),
    ("study: a\0\n", "special characters are not allowed); write one `name: value` a line"),
    ("seed: " + "[" * 3000, "not plain YAML"),
])
def test_a_file_that_is_not_plain_params_is_refused(tmp_path, text, said):
    path = tmp_path / "params.yml"
    path.write_text(text)
    with pytest.raises(StudyError, match="params.yml") as refused:
        parameters.load(path)
    assert said in str(refused.value)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        parameters.load(tmp_path / "nowhere.yml")
    with pytest.raises(StudyError, match="cannot be read"):
        parameters.load(tmp_path)
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="not UTF-8"):
        parameters.load(tmp_path / "binary.yml")


def test_dates_may_be_quoted_or_not(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text('start: "2015-01-01"\ntrain_end: 2018-06-30\n')
    loaded = parameters.load(path)
    assert (loaded.start, loaded.train_end) == (date(2015, 1, 1), date(2018, 6, 30))


def test_an_empty_file_is_the_default_study(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text("# nothing yet\n")
    assert parameters.load(path) == Study()


def test_paths_are_relative_to_the_file_s_repository_or_to_the_current_folder(tmp_path, monkeypatch):
    path = tmp_path / "params.yml"
    path.write_text("source: csv\nprices_path: data/prices.csv\n")
    monkeypatch.chdir(tmp_path)
    assert parameters.load(path).prices_path == str(parameters.ROOT / "data" / "prices.csv")
    assert parameters.load(path, ("prices_path=mine.csv",)).prices_path == str(tmp_path / "mine.csv")


def test_the_resolved_study_reads_back_as_itself(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text(parameters.as_yaml(Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)))
    assert parameters.load(path) == Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)


def test_names_that_look_the_same_are_the_same():
    apart = unicodedata.normalize("NFD", "Hòa Phát")
    study = parameters.validated({"tickers": [apart], "benchmark": apart + "!", "benchmark_tickers": [apart]}, where="")
    assert (study.tickers, study.benchmark, study.benchmark_tickers) == (["Hòa Phát"], "Hòa Phát!", ["Hòa Phát"])
