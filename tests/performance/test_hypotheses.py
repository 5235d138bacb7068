"""H1 and H2: the test by hand, its size, and the words that it chooses."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.performance import evidence
from forefolio.report import sentences
from forefolio.performance.evidence import holm

DAYS = pd.date_range("2024-01-01", periods=4, name="date")


def long(values: dict[str, dict[str, list[float]]], *, horizon: int = 1, seed: int = 0) -> pd.DataFrame:
    """Forecasts from model -> asset -> one a day."""
    return pd.DataFrame([(day, horizon, asset, model, seed, value) for model, assets in values.items()
                         for asset, made in assets.items() for day, value in zip(DAYS, made)],
                        columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])


def test_daily_errors_by_hand():
    returns = pd.DataFrame({"A": [0.1, 0.2, 0.0, np.nan], "B": [0.0, -0.2, 0.4, np.nan]}, index=DAYS)
    made = long({"mean": {"A": [0.0] * 4, "B": [0.0] * 4}, "lstm": {"A": [0.1, 0.1, 0.1, 0.1], "B": [0.0, 0.0, 0.4, 0.0]}})
    other = long({"lstm": {"A": [9.0] * 4, "B": [9.0] * 4}}, horizon=2)
    errors = evidence.daily_errors(pd.concat([made, other]), returns, first=DAYS[0], last=DAYS[3])
    assert errors["mean"].tolist() == pytest.approx([0.005, 0.04, 0.08])
    assert errors["lstm"].tolist() == pytest.approx([0.0, 0.025, 0.005])
    assert evidence.daily_errors(made, returns, first=DAYS[1], last=DAYS[1]).index.tolist() == [DAYS[1]]


def test_an_asset_that_one_model_does_not_forecast_counts_for_none():
    returns = pd.DataFrame({"A": [0.1, 0.2, 0.0, 0.1], "B": [9.0] * 4}, index=DAYS)
    made = long({"mean": {"A": [0.0] * 4, "B": [0.0] * 4}, "lstm": {"A": [0.1] * 4, "B": [0.0] * 4}})
    made = made[(made["model"] != "lstm") | (made["asset"] != "B")]
    errors = evidence.daily_errors(made, returns, first=DAYS[0], last=DAYS[3])
    assert errors["mean"].tolist() == pytest.approx([0.01, 0.04, 0.0, 0.01])
    assert errors["lstm"].tolist() == pytest.approx([0.0, 0.01, 0.01, 0.0], abs=1e-15)


def test_seeds_are_averaged_before_they_are_judged():
    returns = pd.DataFrame({"A": [0.1, 0.1, 0.1, 0.1]}, index=DAYS)
    both = pd.concat([long({"lstm": {"A": [0.0] * 4}}), long({"lstm": {"A": [0.2] * 4}}, seed=1)])
    assert evidence.daily_errors(both, returns, first=DAYS[0], last=DAYS[3])["lstm"].tolist() == pytest.approx([0.0] * 4)


def test_an_asset_that_is_not_judged_on_a_day_is_left_out_of_its_mean():
    returns = pd.DataFrame({"A": [0.1, np.nan, 0.1, 0.1], "B": [0.3, 0.3, 0.3, 0.3]}, index=DAYS)
    made = long({"zero": {"A": [0.0] * 4, "B": [0.0] * 4}})
    assert evidence.daily_errors(made, returns, first=DAYS[0], last=DAYS[3])["zero"].tolist() == pytest.approx(
        [0.05, 0.09, 0.05, 0.05])


def test_horizon_one_is_the_t_test_of_the_mean_with_the_small_sample_correction():
    values = pd.Series(np.random.default_rng(1).normal(0.1, 1, 50))
    statistic, better, worse = evidence.diebold_mariano(values, horizon=1)
    # the variance over n and the factor (n - 1)/n make exactly the t-statistic with n - 1
    assert statistic == pytest.approx(stats.ttest_1samp(values, 0).statistic)
    assert better == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue) and better + worse == 1


def test_longer_horizons_count_autocovariances():
    values = pd.Series([1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 3.0])
    centered = values - values.mean()
    gamma = [float((centered[lag:].to_numpy() * centered[:len(values) - lag].to_numpy()).sum() / 9) for lag in (0, 1)]
    expected = np.sqrt((9 + 1 - 4 + 2 / 9) / 9) * values.mean() / np.sqrt((gamma[0] + 2 * gamma[1]) / 9)
    assert evidence.diebold_mariano(values, horizon=2)[0] == pytest.approx(expected)


def test_the_test_has_its_size_where_assets_move_together():
    """Errors of 20 assets share a shock; 5 % of 400 draws may be significant, and treating asset-days apart is far off."""
    rng = np.random.default_rng(0)
    pooled, apart = [], []
    for _ in range(400):
        common = rng.normal(size=(120, 1)) + 0.3 * rng.normal(size=(120, 20))
        pooled.append(evidence.diebold_mariano(pd.Series(common.mean(axis=1)), horizon=1)[1] < 0.05)
        apart.append(evidence.diebold_mariano(pd.Series(common.ravel()), horizon=1)[1] < 0.05)
    assert 0.02 < np.mean(pooled) < 0.085 and np.mean(apart) > 0.25


def errors(**models) -> pd.DataFrame:
    return pd.DataFrame(models, index=pd.date_range("2024-01-01", periods=200))


def test_verdicts_are_chosen_by_the_tests():
    rng = np.random.default_rng(2)
    base = rng.uniform(1, 2, 200)
    table = evidence.accuracy_tests(errors(mean=base, good=base - 0.1 + rng.normal(0, 0.1, 200),
                                          bad=base + 0.1 + rng.normal(0, 0.1, 200), same=base + rng.normal(0, 0.1, 200))).set_index("model")
    assert table["verdict"].to_dict() == {"good": "H1", "bad": "H2", "same": "neither"}
    assert table.loc["good", "gain"] == pytest.approx(0.1 / 1.5, abs=0.02) and (table["n_days"] == 200).all()
    assert table.loc["good", "p_h1"] < 1e-6 and table.loc["bad", "p_h1"] == 1


def test_one_of_many_must_pass_holm():
    rng = np.random.default_rng(3)
    base = rng.uniform(1, 2, 200)
    slight = base - 0.016 + rng.normal(0, 0.1, 200)
    others = {f"n{i}": base + rng.normal(0, 0.1, 200) for i in range(5)}
    alone = evidence.accuracy_tests(errors(mean=base, a=slight)).loc[0]
    many = evidence.accuracy_tests(errors(mean=base, a=slight, **others)).loc[0]
    assert alone["verdict"] == "H1" and many["verdict"] == "neither"
    assert many["p_h1"] == pytest.approx(6 * alone["p_h1"]), "the smallest of six"


def test_each_network_meets_each_baseline_and_holm_counts_all():
    rng = np.random.default_rng(4)
    base = rng.uniform(1, 2, 200)
    frame = errors(ar=base + 0.2, zero=base, mean=base + 0.1, lstm=base + 0.1 + rng.normal(0, 0.1, 200),
                   gru=base + 0.09 + rng.normal(0, 0.1, 200))
    table = evidence.accuracy_tests(frame)
    assert table["model"].tolist() == ["lstm"] * 3 + ["gru"] * 3 and table["baseline"].tolist() == ["mean", "zero", "ar"] * 2
    assert table["gain"].tolist() == pytest.approx([1 - frame[model].mean() / frame[baseline].mean()
                                                    for model in ("lstm", "gru") for baseline in ("mean", "zero", "ar")])
    raw = pd.Series([stats.ttest_1samp(frame[b] - frame[m], 0, alternative="greater").pvalue
                     for m, b in zip(table["model"], table["baseline"])])
    assert table["p_h1"].tolist() == pytest.approx(holm(raw).tolist())
    assert table["verdict"].tolist() == ["neither", "H2", "H1", "neither", "H2", "H1"]
    assert raw[3] < 0.05 < table["p_h1"][3]  # against the mean gru would pass alone
    text = sentences.answer(table)
    assert "Holm-corrected for 6 tests" in text and "**H2** (the mean is more accurate) holds for none of 2 networks." in text
    assert text.endswith("* Against zero none of 2 networks is significantly more accurate, and lstm and gru less; against ar "
                         "lstm and gru are significantly more accurate, and none of 2 networks less.")


def test_the_answer_on_the_mean_is_not_swayed_by_other_baselines():
    rows = [("lstm", "zero", 9, 0.5, 9.0, 0.0, 1.0, "H1"), ("lstm", "mean", 9, -0.02, -9.0, 1.0, 0.0, "H2")]
    table = pd.DataFrame(rows, columns=["model", "baseline", "n_days", "gain", "statistic", "p_h1", "p_h2", "verdict"])
    text = sentences.answer(table)
    assert "(the network is more accurate) holds for none of 1 network at" in text and "2.00 % larger than the mean's." in text
    assert "gainst" not in sentences.answer(table.iloc[1:]) and "for 1 test." in sentences.answer(table.iloc[1:])


def test_without_the_mean_neither_hypothesis_is_tested_and_zero_still_is():
    table = evidence.accuracy_tests(errors(zero=np.arange(200.0), lstm=np.arange(200.0) + 1))
    assert table["baseline"].tolist() == ["zero"]
    text = sentences.answer(table)
    assert "neither hypothesis is tested" in text and "Against zero none of 1 network" in text


def test_equal_forecasts_have_no_verdict_but_words():
    table = evidence.accuracy_tests(errors(mean=np.ones(200), lstm=np.ones(200)))
    assert table.loc[0, "verdict"] == "neither" and np.isnan(table.loc[0, "statistic"])
    assert "holds for none of 1 network at" in sentences.answer(table) and "nan" not in sentences.answer(table)
    assert "nothing to test" in sentences.answer(table.iloc[:0])
