"""Values that do not fit together are refused in one sentence."""

from types import SimpleNamespace

import pytest

from forefolio.study import parameters, rules, vocabulary
from forefolio.study.parameters import Study, StudyError


@pytest.mark.parametrize(("override", "said"), [
    ("models=[zero, lstm]", "portfolio_models: mean is not in models"),
    ("models=[mean, lstm, cnn1d]", "models: zero is missing"),
    ("start=2019-06-01", "train_end: 2018-12-31 is not after start (2019-06-01)"),
    ("end=2020-01-01", "end: 2020-01-01 is not after validation_end"),
    ("lookback=5", "need more days than the lookback of 5"),
    ("tickers=[AAPL, AAPL]", "tickers: AAPL is named twice"),
    ("tickers=[SP500, AAPL]", "SP500 is the benchmark"),
    ("source=csv", "prices_path"),
    ("source=yfinance", "tickers: source yfinance needs names"),
    ("simulated_garch=0.97", "simulated_arch + simulated_garch must stay below 1"),
    ("simulated_correlation=0.7", "simulated_group_correlation: 0.5 is below simulated_correlation (0.7)"),
    ("network_scope=joint", "models: cnn1d does not exist for network_scope joint"),
    ("max_gross=0.5", "max_gross: 0.5 is below 1"),
    ("windows=[5, 5]", "windows: 5 is named twice"),
    ("covariance_estimator=ewma", "scenarios: append puts forecasts after the days that rpp sees"),
    ("leak=peek", "leak: 'peek' should be 'none', 'printed_split'"),
    ("study=../x", "study: '../x' is not a plain name"),
    ("study=.hidden", "is not a plain name"),
    ("study=''", "is not a plain name"),
])
def test_values_that_do_not_fit_together_are_refused_in_one_sentence(override, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "default.yml", (override,))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("overrides", "said"), [
    (("periods_per_year=250",), "periods_per_year: source simulated has no calendar with 250 days"),
    (("predictability=[0.1, 0.2]",), "predictability: has 2 values for 20 assets"),
    (("simulated_delistings=19",), "simulated_delistings: 19 of 20 assets leave fewer than two"),
])
def test_a_simulated_market_that_does_not_fit_together_is_refused(overrides, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "default.yml", ("source=simulated", *overrides))
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(("overrides", "said"), [
    (("lookback=20",), "windows: [5, 10, 15, 30] lacks lookback (20)"),
    (("network_preset=prose",), "network_target: the prose preset has one output, the next day; set next_day"),
    (("models=[zero, mean, lstm, cnn1d]", "lookback=5"), "models: cnn1d does not exist for network_scope joint"),
])
def test_joint_networks_that_do_not_fit_together_are_refused(overrides, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "zouaoui2025.yml", overrides)
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(("overrides", "said"), [
    (("leak=scaler_sees_test", "network_scope=joint", "models=[zero, mean, lstm]", "portfolio_models=[mean, lstm]"),
     "leak: scaler_sees_test needs per-asset networks"),
    (("leak=printed_split", "models=[zero, mean, ar]", "portfolio_models=[mean]"), "printed_split needs a network"),
    (("leak=full_sample_mean", "models=[zero, lstm]", "portfolio_models=[lstm]"),
     "leak: full_sample_mean needs mean or mean_frozen"),
])
def test_a_leak_that_has_nothing_to_act_on_is_refused(overrides, said):
    with pytest.raises(StudyError) as refused:
        parameters.load(parameters.ROOT / "params" / "default.yml", overrides)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_rules_read_what_the_vocabulary_says_of_a_name(monkeypatch):
    monkeypatch.setitem(vocabulary.MODELS, "toy", vocabulary.MODELS["lstm"]._replace(scopes=("joint",)))
    monkeypatch.setitem(vocabulary.SOURCES, "made_up", vocabulary.Source("made up", "benchmark_path", "an index"))
    with pytest.raises(StudyError, match="toy does not exist for network_scope asset; .* or change network_scope$"):
        parameters.validated({"models": ["zero", "mean", "toy"], "portfolio_models": ["mean"]}, where="params")
    with pytest.raises(StudyError, match="benchmark_path: source made_up needs an index; set benchmark_path$"):
        parameters.validated({"source": "made_up"}, where="params")
    assert parameters.validated({"source": "made_up", "benchmark_path": "index.csv"}, where="params").source == "made_up"


def test_a_rule_is_looked_at_only_where_all_that_it_reads_is_declared(monkeypatch):
    """A rule that cannot even be evaluated says nothing of a stage that does not declare its parameters."""
    def fails(study):
        raise AssertionError("evaluated")

    study = Study()
    monkeypatch.setattr(rules, "RULES", (rules.Rule(("seed", "epochs"), fails, ""),))
    assert rules.problem(study, {"seed", "lookback"}) == ""
    with pytest.raises(AssertionError, match="evaluated"):
        rules.problem(study, {"seed", "epochs"})


def test_a_name_that_stands_twice_is_found_without_comparing_all_with_all():
    class Counted(str):
        n_compared = 0

        def __eq__(self, other):
            Counted.n_compared += 1
            return str(self) == str(other)

        __hash__ = str.__hash__

    rule = next(rule for rule in rules.RULES if rule.fields == ("tickers",))
    many = [*(Counted(f"T{number}") for number in range(2000)), Counted("T7")]
    assert rule.broken(SimpleNamespace(tickers=many)) == "T7" and Counted.n_compared < 2 * len(many)
