"""Params files: what is read, what is refused, and what is written reads back."""

from datetime import date

import pytest

from forefolio.study import parameters, yaml_files
from forefolio.study.parameters import Study, StudyError


@pytest.mark.parametrize(("override", "said"), [
    ("end=2022-13-01", "not plain YAML (month must be in 1..12)"),
    ("seed", "--set seed: has no '='"),
    ("seed=!!python/object/apply:os.getcwd []", "not plain YAML"),
    ("seed=[1, 2", "not plain YAML"),
])
def test_an_override_that_is_not_plain_yaml_is_refused(override, said):
    with pytest.raises(StudyError) as refused:
        yaml_files.load(parameters.ROOT / "params" / "default.yml", (override,))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [
    ("- 1\n- 2\n", "holds a list, not parameters"),
    ("just words", "holds a str, not parameters"),
    ("seed: 1\nseed: 2\n", "seed stands twice"),
    ("seed: [1\n", "not plain YAML"),
    ("seed: !!python/name:os.system\n", "not plain YAML"),
    ("1: 2\n", "1 is not a parameter"),
    ("\tseed: 1\n", "not plain YAML"),
    ("seed: " + "[" * 3000, "not plain YAML"),
])
def test_a_file_that_is_not_plain_params_is_refused(tmp_path, text, said):
    path = tmp_path / "params.yml"
    path.write_text(text)
    with pytest.raises(StudyError, match="params.yml") as refused:
        yaml_files.load(path)
    assert said in str(refused.value)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        yaml_files.load(tmp_path / "nowhere.yml")
    with pytest.raises(StudyError, match="cannot be read"):
        yaml_files.load(tmp_path)
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="not UTF-8"):
        yaml_files.load(tmp_path / "binary.yml")


def test_dates_may_be_quoted_or_not(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text('start: "2015-01-01"\ntrain_end: 2018-06-30\n')
    loaded = yaml_files.load(path)
    assert (loaded.start, loaded.train_end) == (date(2015, 1, 1), date(2018, 6, 30))


def test_an_empty_file_is_the_default_study(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text("# nothing yet\n")
    assert yaml_files.load(path) == Study()


def test_paths_are_relative_to_the_file_s_repository_or_to_the_current_folder(tmp_path, monkeypatch):
    path = tmp_path / "params.yml"
    path.write_text("source: csv\nprices_path: data/prices.csv\n")
    monkeypatch.chdir(tmp_path)
    assert yaml_files.load(path).prices_path == str(parameters.ROOT / "data" / "prices.csv")
    assert yaml_files.load(path, ("prices_path=mine.csv",)).prices_path == str(tmp_path / "mine.csv")


def test_the_resolved_study_reads_back_as_itself(tmp_path):
    path = tmp_path / "params.yml"
    path.write_text(yaml_files.as_yaml(Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)))
    assert yaml_files.load(path) == Study(study="copy", tickers=["AAPL", "MSFT"], risk_aversion=2)
