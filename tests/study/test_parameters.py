"""What a study may say of each parameter, and what is answered when it says something else."""

import os
import unicodedata
from datetime import date

import pytest
import yaml

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
    assert set(in_file) - set(declared) == {"paper"}, "a parameter that no notebook declares does nothing"


@pytest.mark.parametrize("paper", contracts.PAPERS)
def test_the_notebook_of_a_paper_has_the_values_of_its_study(paper):
    in_file = parameters.as_parameters(parameters.load(parameters.ROOT / "params" / f"{paper}.yml"))
    declared = contracts.declared_parameters(paper)
    assert in_file["paper"] == paper and {name: in_file[name] for name in declared} == declared


def test_each_paper_has_a_last_stage():
    assert ["none", *sorted(contracts.PAPERS)] == ["none", *sorted(set(vocabulary.PAPERS) - {"none"})]
    assert contracts.of_run("none") == list(contracts.STAGES)
    assert contracts.of_run("nguyen2025") == [*contracts.STAGES, "nguyen2025"]


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
    ("end=2022-13-01", "end: '2022-13-01' is not a date; write it as 2018-12-31"),
    ("end=2018-12-31 10:00:00", "end: '2018-12-31 10:00:00' is not a date; write it as 2018-12-31"),
    ("end=!!timestamp 2018-12-31 10:00:00", "is not a date; write it as 2018-12-31"),
    ("seed=1e3", "seed: 1000.0 should be a whole number; write it with digits alone"),
    ("seed=1:30", "seed: '1:30' should be a whole number"),
    ("seed=1_000", "seed: '1_000' should be a whole number"),
    ("seed=0b11", "seed: '0b11' should be a whole number"),
    ("cost_bps=1:30.5", "cost_bps: '1:30.5' should be a number"),
    ("use_residual=yes", "use_residual: 'yes' should be a boolean; write it as true or false"),
    ("study=" + "n" * 10**4 + "/", "is not a plain name"),
    ("seed=" + "n" * 10**4, "n' should be a whole number"),
    ("n" * 10**4 + "=1", "nnn is not a parameter; did you mean"),
    ("n" * 10**4, "nnn: has no '='"),
    ("seed=!" + "n" * 10**4 + " 1", "not plain YAML (could not determine a constructor"),
    ("tickers=[" + "n" * 10**4 + ", " + "n" * 10**4 + "]", "is named twice"),
    ("models=[zero, " + "n" * 10**4 + "]", "models[1]: 'nnn"),
    ("start=01/02/2014", "start: '01/02/2014' is not a date; write it as 2018-12-31"),
    ("learning_rate='1e-3'", "should be a number; write it without quotes: 0.001 or 1e-3"),
    ("epochs=0", "epochs: 0 should be greater than or equal to 1"),
    ("epochs=2.5", "epochs: 2.5 should be a whole number"),
    ("cost_bps=.nan", "cost_bps: nan should be a finite number"),
    ("tickers=[AAPL, TRUE]", "tickers[1]: YAML reads this as True, which is not text; write it in quotes"),
    ("tickers=[2330, 0050]", "tickers[0]: YAML reads this as 2330, which is not text; write it in quotes"),
    ("tickers=['2330', 0050]", "tickers[1]: YAML reads this as 50, which is not text"),
    ('tickers=[0050]', "(in a shell: --set 'tickers=[\"0050\"]')"),
    ("tickers=[~]", "tickers[0]: YAML reads this as None, which is not text"),
    ("tickers=[1e5]", "tickers[0]: YAML reads this as 100000.0, which is not text"),
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
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


@pytest.mark.parametrize(("written", "value"), [
    ("010", 10), ("0o10", 8), ("0x1f", 31), ("+7", 7), ("0008", 8), ("'010'", None), ("08.5", None), ("0x", None)])
def test_a_whole_number_is_what_yaml_1_2_reads(written, value):
    overrides = (f"seed={written}",)
    if value is None:
        with pytest.raises(StudyError, match="seed: .* should be a whole number"):
            parameters.load(parameters.ROOT / "params" / "default.yml", overrides)
    else:
        assert parameters.load(parameters.ROOT / "params" / "default.yml", overrides).seed == value


@pytest.mark.parametrize(("written", "value"), [
    ("1e-3", 1e-3), ("1.0e-3", 1e-3), (".5", 0.5), ("1", 1), ("01", 1), ("5E-1", 0.5), ("0.10", 0.1)])
def test_a_number_is_what_yaml_1_2_reads(written, value):
    overrides = (f"learning_rate={written}",)
    assert parameters.load(parameters.ROOT / "params" / "default.yml", overrides).learning_rate == value


def test_tickers_that_older_yaml_took_for_something_else_are_text():
    names = ["NO", "ON", "Y", "yes", "OFF", "1:30", "1_000", "2020-01-01", "0x", "1.2.3"]
    loaded = parameters.load(parameters.ROOT / "params" / "default.yml", (f"tickers=[{', '.join(names)}]",))
    assert loaded.tickers == names


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
    with pytest.raises(StudyError, match=r"frameworks\[0\]: 'none' should be 'mvf', 'rpp', 'mdp', .*, 'dls' or 'fixed'$"):
        parameters.validated({"frameworks": ["none"]}, where="params")


@pytest.mark.parametrize(("override", "said"), [
    ("end=!!timestamp 2022-13-01", "not plain YAML (month must be in 1..12)"),
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
    ("study: a\nseed: 1\nseeds: 1\nseed: 2\n", "params.yml, line 4: not plain YAML (seed is repeated, first in line 2"),
    ("seed: 1\n'seed': 2\n", "line 2: not plain YAML (seed is repeated, first in line 1)"),
    ("? [seed]\n: 1\n", "not plain YAML"),
    ("seed: [1\n", "not plain YAML"),
    ("seed: !!python/name:os.system\n", "not plain YAML"),
    ("1: 2\n", "1 is not a parameter"),
    ("\tseed: 1\n", "not plain YAML"),
    ("study: a\0\n", "special characters are not allowed); write one `name: value` per line"),
    ("seed: " + "[" * 3000, "not plain YAML"),
    ("seed: 0x" + "f" * 9000, "line 1: not plain YAML (a number of 9002 digits); write one"),
    ("seed: " + "9" * 9000, "line 1: not plain YAML (a number of 9000 digits); write one"),
    ("a: &a [x, x]\nb: [*a, *a]\n", "line 2: not plain YAML (an alias: write the value itself); write one"),
    ("study: a\n" + "#" * 10**6, "cannot be read (it is larger than 1 MB); name a params file"),
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yml")
    for path in (tmp_path / "pipe.yml", "/dev/zero", "/dev/null"):
        with pytest.raises(StudyError, match=f"{path}: cannot be read .it is not a file.; name a params file"):
            parameters.load(path)
    with pytest.raises(StudyError, match="cannot be read"):
        parameters.load("a\0b.yml")


def test_more_values_than_a_study_has_are_refused_before_they_take_minutes(tmp_path, monkeypatch):
    monkeypatch.setattr(parameters, "MOST_VALUES", 100)
    path = tmp_path / "params.yml"
    for text, line in [("".join(f"k{i}: 1\n" for i in range(200)), 50), (f"tickers: {[*map(str, range(200))]}", 1)]:
        path.write_text(text)
        with pytest.raises(StudyError, match=f"params.yml, line {line}: not plain YAML .more than 100 names and values"):
            parameters.load(path)


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
    assert parameters.load(path, ("forecasts_path=mine.csv",)).forecasts_path == str(tmp_path / "mine.csv")


def test_the_resolved_study_reads_back_as_itself(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text(parameters.as_yaml(Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)))
    assert parameters.load(path) == Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)


def test_names_that_look_like_numbers_to_any_reader_of_yaml_are_written_in_quotes(tmp_path):
    names = ["0050", "0o10", "1e5", "NO", "1:30", "1_000", "2020-01-01", "0x1f", "~", "null", ".5", "5.", "true", "0b11"]
    path = tmp_path / "params.yml"
    path.write_text(parameters.as_yaml(Study(study="copy", tickers=names, risk_aversion=1e-5, cost_bps=1e3)))
    assert parameters.load(path).tickers == yaml.safe_load(path.read_text())["tickers"] == names
    assert (parameters.load(path).risk_aversion, yaml.safe_load(path.read_text())["risk_aversion"]) == (1e-5, 1e-5)


def test_names_that_look_the_same_are_the_same():
    apart = unicodedata.normalize("NFD", "Hòa Phát")
    study = parameters.validated({"tickers": [apart], "benchmark": apart + "!", "benchmark_tickers": [apart]}, where="")
    assert (study.tickers, study.benchmark, study.benchmark_tickers) == (["Hòa Phát"], "Hòa Phát!", ["Hòa Phát"])
