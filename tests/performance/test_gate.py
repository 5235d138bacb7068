"""The gate: pairs on their own days, tests by hand and at their size, verdicts that only the evidence decides, in words."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.forecasts.accuracy import direction_tests
from forefolio.forecasts.baselines import frozen_mean, historical_mean
from forefolio.forecasts.registry import plan, with_baselines
from forefolio.performance import gate
from forefolio.performance.evidence import holm
from forefolio.report import sentences
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import ABSENT, MODELS, NOT_SHOWN, SHOWN

DAYS = pd.date_range("2024-01-01", periods=4, name="date")


def long(values: dict[str, dict[str, list[float]]], *, horizon: int = 1, seed: int = 0) -> pd.DataFrame:
    """Forecasts from model -> asset -> one a day."""
    return pd.DataFrame([(day, horizon, asset, model, seed, value) for model, assets in values.items()
                         for asset, made in assets.items() for day, value in zip(DAYS, made)],
                        columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])


def on(made: pd.DataFrame, returns: pd.DataFrame, first=DAYS[0], last=DAYS[3]) -> pd.DataFrame:
    return gate.asset_days(made, returns, first=first, last=last)


def side_by_side(actual: np.ndarray, **models: np.ndarray) -> pd.DataFrame:
    """What `asset_days` gives, from arrays (n_days, n_assets)."""
    days = pd.bdate_range("2021-01-01", periods=len(actual))
    index = pd.MultiIndex.from_product([days, [f"a{i}" for i in range(actual.shape[1])]], names=["target_date", "asset"])
    return pd.DataFrame({"actual": actual.ravel(), **{name: np.broadcast_to(made, actual.shape).ravel()
                                                      for name, made in models.items()}}, index)


def judged(made: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Verdicts, without a test of direction."""
    models = list(names) or [name for name in made if name != "actual"]
    directions = pd.DataFrame({"model": models, "hit_ratio": np.nan, "p_value": np.nan})
    return gate.verdicts(made, gate.pairs(made), directions, seed=1).set_index("model")


def market(rng, n_days=500, n_assets=20) -> np.ndarray:
    """Daily returns with fat tails, a common factor and clusters of volatility."""
    log_volatility = np.zeros(n_days)
    for day in range(1, n_days):
        log_volatility[day] = 0.97 * log_volatility[day - 1] + 0.12 * rng.normal()
    shocks = 0.7 * rng.standard_t(5, (n_days, 1)) + 0.7 * rng.standard_t(5, (n_days, n_assets))
    return 0.01 * np.exp(log_volatility)[:, None] * shocks


# ------------------------------------------------------------------------------------------------------ losses of a pair
def test_losses_by_hand():
    returns = pd.DataFrame({"A": [0.1, 0.2, 0.0, np.nan], "B": [0.0, -0.2, 0.4, np.nan]}, index=DAYS)
    made = long({"mean": {"A": [0.0] * 4, "B": [0.0] * 4}, "lstm": {"A": [0.1, 0.1, 0.1, 0.1], "B": [0.0, 0.0, 0.4, 0.0]}})
    later = long({"lstm": {"A": [9.0] * 4, "B": [9.0] * 4}}, horizon=2)
    losses = gate.paired_losses(on(pd.concat([made, later]), returns), "lstm", "mean")
    assert losses["rival"].tolist() == pytest.approx([0.005, 0.04, 0.08])
    assert losses["model"].tolist() == pytest.approx([0.0, 0.025, 0.005])
    assert losses["distance"].tolist() == pytest.approx([0.005, 0.005, 0.085])
    assert losses.index.tolist() == list(DAYS[:3])
    assert set(on(made, returns, DAYS[1], DAYS[1]).index.get_level_values(0)) == {DAYS[1]}


def test_a_model_with_few_forecasts_does_not_shorten_the_others_sample():
    returns = pd.DataFrame({"A": [0.1, 0.2, 0.0, 0.1], "B": [9.0] * 4}, index=DAYS)
    made = long({model: {"A": [0.0] * 4, "B": [0.0] * 4} for model in ("zero", "mean", "file")})
    made = made[(made["model"] != "file") | (made["asset"] == "A") & (made["target_date"] < DAYS[2])]
    table = gate.pairs(on(made, returns)).set_index(["model", "rival"])
    assert table.loc[("mean", "zero"), "n_days"] == 4 and table.loc[("file", "zero"), "n_days"] == 2
    assert gate.paired_losses(on(made, returns), "file", "zero")["rival"].tolist() == pytest.approx([0.01, 0.04]), "A alone"


def test_seeds_are_averaged_before_they_are_judged():
    returns = pd.DataFrame({"A": [0.1, 0.1, 0.1, 0.1]}, index=DAYS)
    both = pd.concat([long({"lstm": {"A": [0.0] * 4}, "zero": {"A": [0.0] * 4}}), long({"lstm": {"A": [0.2] * 4}}, seed=1)])
    assert gate.paired_losses(on(both, returns), "lstm", "zero")["model"].tolist() == pytest.approx([0.0] * 4)


def test_an_asset_that_is_not_judged_on_a_day_is_left_out_of_its_mean():
    returns = pd.DataFrame({"A": [0.1, np.nan, 0.1, 0.1], "B": [0.3, 0.3, 0.3, 0.3]}, index=DAYS)
    made = on(long({model: {"A": [0.0] * 4, "B": [0.0] * 4} for model in ("zero", "mean")}), returns)
    assert gate.paired_losses(made, "mean", "zero")["rival"].tolist() == pytest.approx([0.05, 0.09, 0.05, 0.05])


def test_rivals_that_the_study_did_not_name_are_made_as_the_study_would_make_them():
    index = pd.bdate_range("2018-01-01", "2021-06-30", name="date")
    returns = pd.DataFrame(np.random.default_rng(0).normal(0, 0.01, (len(index), 2)), index, ["A", "B"])
    study = Study(models=["zero", "ar"], portfolio_models=["ar"], refit="yearly", train_end="2018-12-31",
                  validation_end="2019-12-31", end="2021-06-30", start="2018-01-01")
    fits = plan(index, study)
    named = frozen_mean(returns, fits[0].schedule, train_end=fits[0].train_end).assign(model="zero")
    made = with_baselines(named, returns, gate.KNOW_NOTHING, fits, study)
    assert len(fits) == 2 and set(made["model"]) == {"zero", "mean", "mean_frozen"}
    expected = pd.concat([historical_mean(returns, fit.schedule) for fit in fits])
    pd.testing.assert_frame_equal(made[made["model"] == "mean"].reset_index(drop=True), expected.reset_index(drop=True))
    assert made[made["model"] == "zero"]["forecast"].tolist() == named["forecast"].tolist(), "what is named stays as it is"
    frozen = made[(made["model"] == "mean_frozen") & (made["asset"] == "A")]["forecast"].nunique()
    assert frozen == 2, "the mean of each fit's own training period"


def test_every_model_of_the_registry_contains_what_knows_less_and_no_two_contain_each_other():
    for model in MODELS:
        assert "zero" in gate.nested(model) or model == "zero"
        assert not any(model in gate.nested(rival) for rival in gate.nested(model))
    assert gate.nested("somebody's own") == gate.nested("lstm")


# ------------------------------------------------------------------------------------------------------------- the tests
def test_clark_west_is_the_t_test_of_the_covariance_of_error_and_difference():
    rng = np.random.default_rng(1)
    actual, rival, model = rng.normal(size=(3, 60))
    differences, distances = (pd.Series(values) for values in ((actual - rival) ** 2 - (actual - model) ** 2,
                                                               (model - rival) ** 2))
    expected = stats.ttest_1samp(2 * (actual - rival) * (model - rival), 0, alternative="greater")
    assert gate.clark_west(differences, distances) == pytest.approx((expected.statistic, expected.pvalue))


def test_estimation_noise_is_no_evidence_for_the_mean():
    """Nothing can be forecast; the autoregression's errors are the larger, and H2 is still rejected at its level only."""
    rng, plain, verdicts = np.random.default_rng(2), [], []
    for _ in range(60):
        returns = market(rng, 1_000, 8)
        known, coming = returns[:700], returns[699:]
        slopes = [np.linalg.lstsq(np.column_stack([known[5 - k:-k, i] for k in range(1, 6)]), known[5:, i], rcond=None)[0]
                  for i in range(8)]
        made = np.stack([np.column_stack([coming[5 - k:-k, i] for k in range(1, 6)]) @ slope
                         for i, slope in enumerate(slopes)], axis=1)
        frame = side_by_side(coming[5:], mean=0.0 * made, lstm=made)
        losses = gate.paired_losses(frame, "lstm", "mean")
        plain.append(stats.ttest_1samp(losses["rival"] - losses["model"], 0, alternative="less").pvalue < 0.05)
        verdicts.append(gate.hypotheses(gate.pairs(frame))["verdict"].iloc[0])
    assert np.mean(plain) > 0.4, "what a plain test of the losses would call worse"
    assert np.mean([verdict != "neither" for verdict in verdicts]) < 0.15


def test_a_planted_signal_is_found_though_the_forecasts_err_more_than_the_mean():
    rng, found, more = np.random.default_rng(3), [], []
    for _ in range(40):
        noise, signal = market(rng), rng.normal(0, 0.0014, (500, 20))
        frame = side_by_side(noise + signal, mean=0.0, lstm=signal + rng.normal(0, 0.004, (500, 20)))
        table = gate.pairs(frame).iloc[0]
        found.append(table["p_better"] < 0.05)
        more.append(table["gain"] > 0)
    assert np.mean(found) > 0.8 and np.mean(more) < 0.2


def test_lasting_forecasts_do_not_make_equal_accuracy_significant():
    """Two worthless forecasts of persistence 0.95: the plain t-test rejects several times as often as it may."""
    rng, plain, lagged = np.random.default_rng(4), [], []
    for _ in range(200):
        shocks, made = rng.normal(0, 0.01 * np.sqrt(1 - 0.95**2), (500, 2)), np.zeros((500, 2))
        for day in range(1, 500):
            made[day] = 0.95 * made[day - 1] + shocks[day]
        actual = market(rng, 500, 1)
        differences = pd.Series((actual[:, 0] - made[:, 0]) ** 2 - (actual[:, 0] - made[:, 1]) ** 2)
        plain.append(stats.ttest_1samp(differences, 0).pvalue < 0.05)
        lagged.append(2 * min(gate.diebold_mariano(differences)[1:]) < 0.05)
    assert np.mean(plain) > 0.12 and np.mean(lagged) < 0.1


def test_the_test_has_its_size_where_assets_move_together():
    """Errors of 20 assets share a shock; 5 % of 400 draws may be significant, and treating asset-days apart is far off."""
    rng = np.random.default_rng(0)
    pooled, apart = [], []
    for _ in range(400):
        common = rng.normal(size=(120, 1)) + 0.3 * rng.normal(size=(120, 20))
        pooled.append(gate.diebold_mariano(pd.Series(common.mean(axis=1)))[1] < 0.05)
        apart.append(stats.ttest_1samp(common.ravel(), 0, alternative="greater").pvalue < 0.05)
    assert 0.02 < np.mean(pooled) < 0.085 and np.mean(apart) > 0.25


def test_the_lags_of_the_standard_error_by_hand():
    values = np.array([1.0, -1.0, 2.0, 0.0])  # 2 lags with weights 2/3 and 1/3; the mean is 0.5
    centered = values - 0.5
    variance = (centered @ centered + 2 * (2 / 3 * (centered[1:] @ centered[:-1]) + 1 / 3 * (centered[2:] @ centered[:-2]))) / 4
    share = 3 / 4
    wider = 1 + (2.9694 * share + 0.4160 * share**2 - 0.5324 * share**3) / stats.norm.ppf(0.975)
    assert gate.diebold_mariano(pd.Series(values))[0] == pytest.approx(0.5 / (np.sqrt(variance / 3) * wider))


@pytest.mark.parametrize("values", [[0.2] * 30, [0.1 + 0.2] * 15 + [0.3] * 15, [0.0] * 30, [0.1, 0.2]])
def test_constant_differences_have_no_p_value(values):
    differences = pd.Series(values)
    assert np.isnan(gate.diebold_mariano(differences)).all()
    assert np.isnan(gate.clark_west(differences, 0 * differences)).all()


def test_the_gain_and_its_interval():
    rng = np.random.default_rng(5)
    rival = rng.chisquare(1, (300, 500))
    model = rival * 0.9 + rng.normal(0, 0.5, rival.shape)
    found = [gate.gain_interval(pd.DataFrame({"model": own, "rival": other})) for own, other in zip(model, rival)]
    gains, low, high = np.array(found).T
    assert gains[0] == pytest.approx(1 - model[0].mean() / rival[0].mean())
    assert 0.92 < ((low < 0.1) & (0.1 < high)).mean() <= 0.985
    same = gate.gain_interval(pd.DataFrame({"model": rival[0], "rival": rival[0]}))
    assert same == (0, 0, 0), "of equal forecasts it is known exactly"
    assert np.isnan(gate.gain_interval(pd.DataFrame({"model": [0.0, 0.0], "rival": [0.0, 0.0]}))).all()


def test_each_pair_is_tested_once_and_nested_ones_by_clark_and_west():
    rng = np.random.default_rng(6)
    made = side_by_side(market(rng, 60, 3), **{name: rng.normal(0, 0.001, (60, 3))
                                              for name in ("zero", "mean", "mean_frozen", "ar", "lstm", "gru")})
    table = gate.pairs(made)
    assert not table[["model", "rival"]].apply(frozenset, axis=1).duplicated().any() and len(table) == 15
    of = table.set_index(["model", "rival"])["test"]
    assert (of[[("mean", "zero"), ("lstm", "mean_frozen"), ("ar", "mean")]] == "Clark-West").all()
    assert (of[[("lstm", "ar"), ("gru", "lstm"), ("mean_frozen", "mean")]] == "Diebold-Mariano").all()
    assert (table["p_better"] + table["p_worse"]).tolist() == pytest.approx([1] * 15)


# -------------------------------------------------------------------------------------------------------- confidence set
def test_the_confidence_set_keeps_the_best_and_drops_the_worst():
    rng = np.random.default_rng(7)
    actual = market(rng, 300, 5)
    made = side_by_side(actual, zero=0.0, good=0.3 * actual, copy=0.3 * actual, bad=rng.normal(0, 0.02, actual.shape))
    found = gate.confidence_set(made, seed=1)
    assert found["good"] == found["copy"] == 1 and found["zero"] < 0.1 and found["bad"] < 0.1
    pd.testing.assert_series_equal(found, gate.confidence_set(made, seed=1))


def test_a_model_with_few_forecasts_is_not_in_the_confidence_set_and_changes_nobody_s_p_value():
    rng = np.random.default_rng(8)
    made = side_by_side(market(rng, 100, 2), zero=0.0, lstm=rng.normal(0, 0.003, (100, 2)))
    few = made.assign(file=made["actual"].where(made.index.get_level_values(0) < made.index[60][0]))
    found = gate.confidence_set(few, seed=1)
    assert np.isnan(found["file"])
    pd.testing.assert_series_equal(found.drop("file"), gate.confidence_set(made, seed=1))


def test_short_and_dead_samples_have_no_confidence_set():
    assert gate.confidence_set(side_by_side(market(np.random.default_rng(0), 12, 2), zero=0.0, mean=0.001), seed=1).isna().all()
    assert gate.confidence_set(side_by_side(np.zeros((50, 2)), zero=0.0, mean=0.0), seed=1).isna().all()


# -------------------------------------------------------------------------------------------------------------- verdicts
def test_verdicts_are_chosen_by_the_evidence():
    rng = np.random.default_rng(9)
    noise, signal = market(rng, 400, 10), rng.normal(0, 0.004, (400, 10))
    made = side_by_side(noise + signal, zero=0.0, mean=0.0003, mean_frozen=0.0002, lstm=signal,
                        cnn1d=rng.normal(0, 0.004, noise.shape), gru=0.0002 + rng.normal(0, 0.0006, (400, 1)))
    table = judged(made)
    assert table["verdict"].to_dict() == {"mean": NOT_SHOWN, "mean_frozen": NOT_SHOWN, "lstm": SHOWN, "cnn1d": ABSENT,
                                          "gru": NOT_SHOWN}
    assert table.loc["cnn1d", "gain_high"] < gate.SMALL and table.loc["gru", "gain_high"] > gate.SMALL
    assert gate.passed(table.reset_index()) == ["lstm"]
    text = sentences.skill(table.reset_index())
    assert text.startswith("**`lstm` is shown to forecast.** We compared 5 models")
    assert "Skill is shown to be absent for `cnn1d` (its squared error is" in text
    assert text.endswith("The model confidence set keeps `lstm`: it may be the most accurate model.")


def test_a_model_must_improve_on_each_rival_that_knows_less():
    """The market rose: a constant beats zero beyond doubt, and knows no more than the mean does."""
    rng = np.random.default_rng(10)
    made = side_by_side(0.003 + 0.01 * rng.normal(size=(400, 5)), zero=0.0, mean=0.003, mean_frozen=0.003,
                        lstm=0.003 + rng.normal(0, 0.0002, (400, 5)))
    tested = gate.pairs(made).set_index(["model", "rival"])
    assert tested.loc[("lstm", "zero"), "p_better"] < 1e-4 and tested.loc[("lstm", "mean"), "p_better"] > 0.05
    table = judged(made, "zero", "mean", "lstm")
    assert table["verdict"].to_dict() == {"mean": SHOWN, "lstm": ABSENT} and table.loc["lstm", "rival"] in ("mean", "mean_frozen")
    assert table.loc["lstm", "p_value"] == tested.loc["lstm", "p_better"].max()


def test_verdicts_are_corrected_for_the_number_of_judged_models():
    rng = np.random.default_rng(11)
    made = side_by_side(market(rng, 200, 4), zero=0.0, mean=0.0002, mean_frozen=0.0003,
                        **{f"n{i}": rng.normal(0, 0.001, (200, 4)) for i in range(5)})
    table = judged(made, "zero", *(f"n{i}" for i in range(5)))
    assert table.index.tolist() == [f"n{i}" for i in range(5)], "rivals that the study did not name are not judged"
    pd.testing.assert_series_equal(table["p_holm"], holm(table["p_value"]), check_names=False)


def test_a_network_that_learned_nothing_has_no_p_value_and_is_shown_to_add_nothing():
    made = side_by_side(market(np.random.default_rng(12), 100, 3), zero=0.0, mean=0.0004, mean_frozen=0.0002, lstm=0.0002)
    row = judged(made, "zero", "lstm").loc["lstm"]
    assert np.isnan(row["p_value"]) and row["verdict"] in (ABSENT, NOT_SHOWN)


@pytest.mark.parametrize("n_days, n_assets", [(12, 1), (1, 3), (2, 1)])
def test_short_samples_are_judged_without_a_crash(n_days, n_assets):
    rng = np.random.default_rng(13)
    made = side_by_side(market(rng, n_days, n_assets), zero=0.0, mean=0.001, mean_frozen=0.002,
                        lstm=rng.normal(0, 0.01, (n_days, n_assets)))
    table = judged(made).reset_index()
    assert set(table["verdict"]) <= {SHOWN, NOT_SHOWN, ABSENT} and "nan" not in sentences.skill(table)
    assert "nan" not in sentences.hypotheses(gate.hypotheses(gate.pairs(made)))


def test_a_dead_market_and_a_study_without_models_say_so():
    dead = judged(side_by_side(np.zeros((30, 2)), zero=0.0, mean=0.0, lstm=0.001)).reset_index()
    assert set(dead["verdict"]) == {NOT_SHOWN} and "No forecast could be judged" in sentences.skill(dead)
    nobody = judged(side_by_side(market(np.random.default_rng(0), 30, 2), zero=0.0)).reset_index()
    assert nobody.empty and "No forecast could be judged" in sentences.skill(nobody)


def test_direction_stands_beside_the_verdict():
    rng = np.random.default_rng(14)
    days = pd.bdate_range("2021-01-01", periods=200, name="date")
    returns = pd.DataFrame(market(rng, 200, 2), days, ["A", "B"])
    rows = [returns * 0.5, returns * 0 + 0.001]
    frames = [values.stack().rename("forecast").rename_axis(["target_date", "asset"]).reset_index().assign(
        model=model, seed=0, horizon=1) for model, values in zip(("lstm", "mean"), rows)]
    forecasts = pd.concat(frames)
    made = gate.asset_days(pd.concat([forecasts, frames[1].assign(model="zero", forecast=0.0)]), returns, first=days[0], last=days[-1])
    directions = direction_tests(forecasts, returns, first=days[0], last=days[-1])
    table = gate.verdicts(made, gate.pairs(made), directions, seed=1).set_index("model")
    assert table.loc["lstm", "hit_ratio"] == 1 and table.loc["lstm", "direction_p"] < 1e-6
    assert np.isnan(table.loc["mean", "direction_p"]), "always the same sign"


# --------------------------------------------------------------------------------------------------------- two hypotheses
def pairs_of(*rows) -> pd.DataFrame:
    """Pairs from (model, rival, gain, gain_high, p_better)."""
    made = pd.DataFrame(rows, columns=["model", "rival", "gain", "gain_high", "p_better"])
    return made.assign(test="Clark-West", n_days=9, gain_low=-0.9, statistic=0.0, p_worse=1 - made["p_better"])


def test_the_mean_comes_first_baselines_stand_beside_it_and_holm_counts_all():
    rows = pairs_of(("ar", "mean", 0.1, 0.2, 0.001), ("lstm", "zero", 0.1, 0.2, 0.001), ("lstm", "mean", 0.2, 0.4, 0.004),
                  ("lstm", "ar", 0.0, 0.2, 0.5), ("gru", "mean", 0.1, 0.2, 0.999), ("gru", "lstm", 0.0, 0.2, 0.001))
    table = gate.hypotheses(rows)
    assert table[["model", "rival"]].apply(tuple, axis=1).tolist() == [
        ("lstm", "mean"), ("lstm", "zero"), ("lstm", "ar"), ("gru", "mean")], "networks against baselines alone"
    assert table["p_value"].tolist() == pytest.approx([0.008, 0.002, 1.0, 0.002]), "one two-sided level for the pair"
    assert table["p_holm"].tolist() == pytest.approx([0.016, 0.008, 1.0, 0.008])
    assert table["verdict"].tolist() == ["H1", "H1", "neither", "H2"]
    text = sentences.hypotheses(table)
    assert "predicts what the mean does not) holds for lstm at the 5 % level, two-sided, Holm-corrected for 4 tests." in text
    assert "point the wrong way) holds for gru." in text
    assert text.endswith("* Against zero, H1 holds for lstm and H2 for none of 1 network; against ar, H1 holds for none of 1 "
                         "network and H2 for none of 1 network.")


def test_more_accurate_in_this_sample_is_told_apart_from_shown_to_predict():
    text = sentences.hypotheses(gate.hypotheses(pairs_of(("lstm", "mean", -0.02, -0.01, 0.01), ("gru", "mean", -0.01, 0.01, 0.4))))
    assert "holds for lstm at the 5 % level" in text
    assert "*In this sample*, the mean is more accurate than lstm, by more than chance explains." in text
    assert "the best network, gru, are 1.00 % larger than those of the mean; those of the worst, lstm, 2.00 % larger." in text


def test_without_networks_or_accuracy_there_is_nothing_to_test():
    assert "nothing to test" in sentences.hypotheses(gate.hypotheses(pairs_of(("ar", "mean", 0.1, 0.2, 0.01))))
    none = gate.hypotheses(pairs_of(("lstm", "mean", np.nan, np.nan, np.nan)))
    assert none.loc[0, "verdict"] == "neither" and "no error can be compared" in sentences.hypotheses(none)


def test_a_mark_is_explained_whether_or_not_a_model_passed():
    table = pd.DataFrame({"model": ["mean", "lstm"], "verdict": [NOT_SHOWN, SHOWN]})
    assert "`lstm` is shown to forecast" in sentences.marks(table)
    assert "no strategy has a mark" in sentences.marks(table.iloc[:1])
