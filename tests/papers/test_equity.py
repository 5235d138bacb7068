"""Nguyen's printed numbers beside a run, and what they say about each other: hand-made runs with known answers."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.market import covariance
from forefolio.papers import claims, equity
from forefolio.papers.printed import COLUMNS, compare, tolerance, values
from forefolio.performance import evidence
from forefolio.portfolios import long_only
from forefolio.runs import contracts

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
market = pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with vn100_prices.csv")
SIX = equity.SIX
HOLDS = "LSTM strategies outperform their 1D-CNN counterparts"


@pytest.fixture
def published():
    files = {path.stem.removeprefix("nguyen2025_"): path for path in contracts.beside("nguyen2025")}
    return {name: pd.read_csv(files[name]) for name in ("numbers", "audit")}  # and no sweep


def table5(published):
    """The printed numbers of Table 5, by the names of our strategies."""
    numbers = {number: values(published, "Table 5", number) for number in equity.TABLE5}
    return pd.DataFrame(numbers).loc[list(equity.STRATEGIES)].set_axis(SIX)


def with_values(published, place, changes):
    """The published numbers with other values, by name and what they are of."""
    numbers = published["numbers"].copy()
    for (number, of), value in changes.items():
        line = (numbers["place"] == place) & (numbers["number"] == number) & (numbers["of"] == of)
        assert line.sum() == 1
        numbers.loc[line, "value"] = str(value)
    return {**published, "numbers": numbers}


@pytest.fixture
def run(published):
    """A run whose tables are the paper's, wherever the paper prints a number, on four quiet stocks."""
    printed = table5(published)
    totals = printed["total return"] / 100
    excess = pd.DataFrame({"strategy": SIX, "n_months": 24, "mean_monthly_excess": totals / 23,
                           "std_monthly_excess": totals / 23 / printed["information ratio"],
                           "information_ratio": printed["information ratio"], "total_return": totals,
                           "summed_excess": totals, "summed_excess_but_first": totals,
                           "turnover_one_way": printed["turnover"] / 100,
                           "turnover_two_way": printed["turnover"] / 50, "effective_holdings": 3.0})
    benchmark = pd.DataFrame({"strategy": ["benchmark"], "n_months": 24, "total_return": 0.376})
    errors = pd.DataFrame({"model": ["lstm", "cnn1d"], **{f"{error}_mean": values(published, "Table 4", error.upper()).to_numpy()
                                                          for error in equity.ERRORS}})
    errors = errors.assign(mae_std=[1.0, 2.0], mse_std=[1.0, 2.0], rmse_std=[1.0, 2.0], hr_mean=[0.51, 0.515],
                           hr_plus_mean=[0.45, 0.4505], hr_minus_mean=[0.441, 0.44])
    zero = pd.DataFrame({"model": ["zero"], "mae_mean": 0.0139, "mse_mean": 0.000401, "rmse_mean": 0.0195})
    days = pd.bdate_range("2021-06-01", "2024-12-31", name="date")
    rng = np.random.default_rng(5)
    returns = pd.DataFrame(rng.normal(0, 0.01, (len(days), 4)), index=days, columns=list("ABCD"))
    net_returns = pd.DataFrame({name: rng.normal(0, 0.005 if name.endswith("rpp") else 0.02, len(days)) for name in SIX},
                               index=days).assign(benchmark=0.0005).loc["2023":]
    return {"log_accuracy": pd.concat([zero, errors]), "excess": pd.concat([excess, benchmark]), "returns": returns,
            "tests": pd.DataFrame({"strategy": SIX, "shapiro_p": 0.01, "wilcoxon_p": 0.02}), "net_returns": net_returns,
            "monthly_excess": pd.DataFrame({name: rng.normal(0.01, 0.04, 24) for name in SIX},
                                           index=pd.period_range("2023-01", "2024-12", freq="M", name="month")),
            "universe": pd.DataFrame({"ticker": range(100), "kept": [True] * 59 + [False] * 41}), "rivals": rivals(),
            "twins": pd.DataFrame([("lstm+mvf", 0.01, 0.04, 0.2), ("cnn1d+mvf", -0.002, 0.6, 0.4), ("lstm+mdp", 0.0, np.nan, 0.0),
                                   ("gru+mvf", 9.0, 0.001, 1.0)], columns=["strategy", "mean_difference", "holm_p", "mean_distance"]),
            "estimation_window": 250, "scenarios": "append", "patience": 10}


def rivals(model="cnn1d", rival="lstm", gain=-0.006, low=-0.01, high=-0.002, statistic=-2.9):
    """Pairs of models as stage 04 tests them: the two networks, and each against zero."""
    p_better = stats.norm.sf(statistic)
    pair = (model, rival, "Diebold-Mariano", 499, gain, low, high, statistic, p_better, 1 - p_better)
    nested = [(name, "zero", "Clark-West", 499, 0.0, 0.0, 0.0, 1.0, p, 1 - p) for name, p in (("lstm", 0.01), ("cnn1d", 0.2))]
    return pd.DataFrame([*nested, pair], columns=["model", "rival", "test", "n_days", "gain", "gain_low", "gain_high",
                                                  "statistic", "p_better", "p_worse"])


def all_of(published, run, **other):
    return equity.claims(published, {**run, **other})


def told(published, run):
    """What the text says, and Tables 4 and 5, without the audit."""
    rows = all_of(published, run)[0]
    return rows[~rows["place"].str.startswith("Audit")].reset_index(drop=True)


def audited(published, run, **other):
    rows, words = all_of(published, run, **other)
    return rows[rows["place"].str.startswith("Audit")].reset_index(drop=True), words


def one(table, start):
    """The only row whose claim starts so."""
    found = table[table["claim"].str.startswith(start)]
    assert len(found) == 1, f"{start}: {len(found)} rows"
    return found.iloc[0]


def conventions(run, **other):
    """Table 5 of a run, in every reading of it."""
    run = {**run, **other}
    return equity.conventions(run["excess"], run["monthly_excess"])


def test_the_printed_strategies_are_the_six(published):
    for number in ("total return", "information ratio", "turnover"):
        assert values(published, "Table 5", number).index.tolist() == list(equity.STRATEGIES)
    assert equity.STRATEGIES["1D-CNN+MVF"] == "cnn1d+mvf"
    kept, excluded = (values(published, "Data", f"constituents {name}").iloc[0] for name in ("with complete histories", "excluded"))
    assert kept + excluded == equity.LISTED


def test_each_printed_number_is_claimed_once_but_for_its_readings(published, run):
    table = told(published, run)
    assert not table.duplicated(["place", "claim", "reading"]).any() and len(table) == 67
    assert len(table.drop_duplicates(["place", "claim"])) == len(published["numbers"])
    several = table.duplicated(["place", "claim"], keep=False)
    assert (table.loc[several, "place"] == "Table 5").all() and several.sum() == 6 * (3 + 2 + 2) + 2
    assert (table["status"] != "no such data").all()


def test_a_run_with_the_paper_s_numbers_reproduces_them(published, run):
    rows = told(published, run)
    in_table5 = rows["place"] == "Table 5"
    table, of_table5 = rows[~in_table5], rows[in_table5]
    missed = table.loc[table["status"] != "reproduced", "claim"].tolist()
    assert missed == ["lowest total return (text): strategy; here excess summed over all months",
                      "Mann-Whitney p of LSTM+MDP and LSTM+MVF"], "of random months"
    assert set(table["paper"]) == {"nguyen2025"} and list(table) == COLUMNS
    assert one(table, "lowest total return (text)")["ours"] == "cnn1d+rpp"
    met = of_table5[of_table5["status"] == "reproduced"]
    assert met["claim"].nunique() == of_table5["claim"].nunique() == 19
    assert not met["reading"].str.contains("two-way").any(), "twice the printed turnover"


def test_numbers_are_converted_to_the_paper_s_units(published, run):
    months = pd.DataFrame({"lstm+mdp": [-0.5, *np.tile([0.01, 0.03], 11), 0.02]})
    excess = run["excess"].assign(summed_excess_but_first=0.5, summed_excess=0.6, total_return=0.7, turnover_one_way=0.4,
                                  turnover_two_way=0.8)
    table = compare("nguyen2025", published, equity.numbers_of_table5(equity.conventions(excess, months)))
    best = table[(table["place"] == "Table 5") & table["claim"].str.contains("of LSTM+MDP", regex=False)]
    best = best.assign(number=best["claim"].str.partition(" of ")[0]).set_index(["number", "reading"])
    assert best["ours"].astype(float).to_dict() == pytest.approx({
        ("total return", "the sum of monthly excess but the first"): 50.0,
        ("total return", "the sum of monthly excess"): 60.0,
        ("total return", "the strategy's own, compounded"): 70.0,
        ("information ratio", "of all months but the first"): 2.0,  # deviation sqrt(22 / 22) / 100
        ("information ratio", "of all months"): 0.499,
        ("turnover", "one-way"): 40.0, ("turnover", "two-way"): 80.0,
        ("mean monthly excess", "of all months but the first"): 2.0,
        ("mean monthly excess", "of all months"): 52.459 / 23})
    assert set(best["claim"].str.partition(": ")[2]) == {"percent", "a month"}
    within = best.loc[("total return", "the sum of monthly excess but the first")]
    assert within["status"] == "reproduced" and within["tolerance"] == pytest.approx(0.05 * 52.459)


def test_errors_stand_beside_those_of_forecasting_zero(published, run):
    table = compare("nguyen2025", published, equity.numbers_of_networks(run["log_accuracy"])).iloc[:6]
    assert one(table, "MAE of the LSTM")["claim"].endswith("log return a day (forecasting zero: 0.0139)")
    assert one(table, "MSE of the 1D-CNN")["claim"].endswith("(forecasting zero: 0.000401)")
    alone = compare("nguyen2025", published, equity.numbers_of_networks(run["log_accuracy"].query("model == 'lstm'"))).iloc[:6]
    assert alone["status"].tolist() == ["reproduced"] * 3 + ["no such data"] * 3
    assert not alone["claim"].str.contains("zero").any()


def test_sentences_follow_the_run(published, run):
    table = told(published, run)
    assert one(table, "highest total return")["claim"] == "highest total return: strategy; here excess summed over all months"
    excluded = one(table, "constituents excluded")
    assert excluded["tolerance"] == 0
    assert excluded["claim"].endswith("stocks; here of a file of 100 tickers, the paper's of 100")
    reverse = {f"lstm+{framework}": f"cnn1d+{framework}" for framework in ("mvf", "rpp", "mdp")}
    swapped = {**reverse, **{theirs: ours for ours, theirs in reverse.items()}, "benchmark": "benchmark"}
    other = told(published, {**run, "excess": run["excess"].assign(strategy=run["excess"]["strategy"].map(swapped)),
                             "universe": run["universe"].iloc[:55]})
    assert one(other, "highest total return")["ours"] == "cnn1d+mdp"
    assert one(other, "highest information ratio")["ours"] == "cnn1d+mvf"
    assert one(other, "highest final net value")["ours"] == "cnn1d+mdp"
    assert one(other, "highest turnover")["ours"] == "cnn1d+mvf"
    assert one(other, "lowest information ratio")["ours"] == "lstm+mdp"
    assert one(other, HOLDS)["ours"] == "no"
    assert one(other, "constituents with")[["ours", "status"]].tolist() == [55, "not reproduced"]
    assert "a file of 55 tickers, the paper's of 100" in one(other, "constituents excluded")["claim"]


def test_one_lstm_strategy_behind_its_counterpart_is_enough_against_all_three(published, run):
    excess = run["excess"].reset_index(drop=True)
    excess.loc[excess["strategy"] == "lstm+rpp", "summed_excess"] = 0.0
    assert one(told(published, run), HOLDS)["ours"] == "yes"
    assert one(told(published, {**run, "excess": excess}), HOLDS)["ours"] == "no"


def test_strategies_alike_to_a_solver_s_rounding_tie(published, run):
    excess = run["excess"].set_index("strategy")
    excess.loc["cnn1d+mvf", ["summed_excess", "mean_monthly_excess"]] = excess.loc["lstm+mvf"] - 1e-9
    excess.loc["lstm+mdp", "summed_excess"] = excess.at["lstm+mvf", "summed_excess"]
    table = told(published, {**run, "excess": excess.reset_index()})
    assert one(table, "highest total return")["ours"] == "lstm+mdp, lstm+mvf, cnn1d+mvf"
    assert one(table, "highest total return")["status"] == "not reproduced" and one(table, HOLDS)["ours"] == "no"


def test_ties_go_by_distance_not_by_a_rounded_digit(published, run):
    excess = run["excess"].set_index("strategy")
    excess.loc[["lstm+mdp", "cnn1d+mdp"], "information_ratio"] = -0.447934, -0.447936  # on two sides of -0.447935
    lowest = one(told(published, {**run, "excess": excess.reset_index()}), "lowest information ratio")
    assert lowest[["ours", "status"]].tolist() == ["lstm+mdp, cnn1d+mdp", "not reproduced"]
    excess.loc["lstm+mdp", "information_ratio"] = -0.4477
    apart = one(told(published, {**run, "excess": excess.reset_index()}), "lowest information ratio")
    assert apart[["ours", "status"]].tolist() == ["cnn1d+mdp", "reproduced"]


def test_deviations_and_directions_of_the_two_networks(published, run):
    accuracy = run["log_accuracy"].set_index("model")
    accuracy.loc["lstm", "mse_std"], accuracy.loc["cnn1d", "hr_mean"] = 3.0, 0.5201
    table = told(published, {**run, "log_accuracy": accuracy.reset_index()})
    assert one(table, "LSTM has the lower deviations")["ours"] == "no"
    assert one(table, "LSTM has the lower means")["ours"] == "yes"
    assert one(table, "both models alike")["ours"] == "no"
    assert one(table, "both models alike")["claim"].endswith(
        "here mean HR, HR+, HR- each less than one percentage point apart (HR 1.01, HR+ 0.05, HR- 0.10)")
    accuracy.loc["cnn1d", ["hr_mean", "hr_minus_mean"]] = 0.51, 0.40
    assert one(told(published, {**run, "log_accuracy": accuracy.reset_index()}), "both models")["ours"] == "no"
    accuracy["hr_plus_mean"] = np.nan
    assert one(told(published, {**run, "log_accuracy": accuracy.reset_index()}), "both models")["status"] == "no such data"


def test_tests_of_months_follow_their_tables(published, run):
    from scipy.stats import mannwhitneyu

    months = run["monthly_excess"]
    p_value = mannwhitneyu(months["lstm+mdp"], months["lstm+mvf"]).pvalue
    tested = one(told(published, run), "no significant difference at 0.05 between LSTM+MDP and LSTM+MVF")
    assert tested[["published", "ours"]].tolist() == ["yes", "yes"] and p_value > 0.05
    assert tested["claim"].endswith(f"here two-sided Mann-Whitney of monthly excess, p {p_value:.3f}")
    itself = one(told(published, run), "Mann-Whitney p of LSTM+MDP")
    assert itself["published"] == 0.265 and itself["ours"] == pytest.approx(p_value)
    assert itself["reading"].startswith("two-sided; ")
    apart = one(told(published, {**run, "monthly_excess": months.assign(**{"lstm+mvf": months["lstm+mdp"] + 1})}), "no signif")
    assert apart[["ours", "status"]].tolist() == ["no", "not reproduced"]
    tests = run["tests"].set_index("strategy")
    tests.loc["cnn1d+rpp", "wilcoxon_p"], tests.loc["lstm+mvf", "shapiro_p"] = 0.05, np.nan
    table = told(published, {**run, "tests": tests.reset_index()})
    assert one(table, "Wilcoxon")["ours"] == "no" and one(table, "Shapiro")["status"] == "no such data"


def test_stable_are_both_risk_parities_below_all_others_or_none(published, run):
    assert one(told(published, run), "RPP strategies")["ours"] == "yes"
    nervous = run["net_returns"].assign(**{"cnn1d+rpp": run["net_returns"]["cnn1d+mdp"] * 1.1})
    assert one(told(published, {**run, "net_returns": nervous}), "RPP strategies")["ours"] == "no"


def test_a_run_without_one_strategy_has_no_such_data_on_all_six(published, run):
    fewer = {**run, "excess": run["excess"].query("strategy != 'lstm+mvf'"), "tests": run["tests"].iloc[[0, 2, 3, 4, 5]],
             "monthly_excess": run["monthly_excess"].drop(columns="lstm+mvf"),
             "net_returns": run["net_returns"].drop(columns="lstm+mvf"), "log_accuracy": run["log_accuracy"].iloc[:2]}
    table = told(published, fewer)
    known = table[table["status"] != "no such data"]
    assert known.loc[~known["place"].isin(["Table 4", "Table 5"]), "claim"].str.partition(":")[0].tolist() == [
        "constituents with complete histories", "constituents excluded"]
    of_table5 = table[table["place"] == "Table 5"]
    lacking = of_table5.loc[of_table5["status"] == "no such data", "claim"]
    assert lacking.str.contains("LSTM+MVF", regex=False).all() and len(lacking) == 7
    other = {**run, "excess": pd.concat([run["excess"], pd.DataFrame({"strategy": ["equal_weight"], "summed_excess": 9.0})])}
    assert one(told(published, other), "highest total return")["ours"] == "lstm+mdp", "not of the paper's six"


@pytest.fixture
def swept(published, run):
    """Sweeps beside the notebook: the run's own choice, one with everything half as large, and one without MDP."""
    own = conventions(run).assign(annual_volatility=0.2).reset_index()
    own.loc[own["strategy"].str.endswith("rpp"), "annual_volatility"] = 0.1
    halved = own.assign(**(own.select_dtypes("number") / 2).assign(annual_volatility=0.2))
    fewer = own[~own["strategy"].str.endswith("mdp")]
    choices = pd.concat([table.assign(estimation_window=days, scenarios=scenarios, patience=10) for table, days, scenarios in (
        (own, 250, "append"), (halved, 30, "append"), (fewer, 30, "history"))])
    worse = run["log_accuracy"].assign(mae_mean=lambda table: table["mae_mean"].where(table["model"] != "lstm", 0.0175))
    accuracy = pd.concat([run["log_accuracy"].assign(patience=10), worse.assign(patience=0)])
    return {**published, "choices": choices, "accuracy": accuracy}


def reading(table, start, first=""):
    """The reading of the only row whose claim and reading start so."""
    return one(table[table["reading"].str.startswith(first)], start)["reading"]


def test_a_reading_names_the_choices_and_the_range_over_them(swept, run):
    table = told(swept, run)
    assert reading(table, "turnover of LSTM+RPP", "one-way") == (
        "one-way; 250 days, append, stopped early; 27.07 to 54.14 over 3 choices, reproduced in 2")
    assert reading(table, "total return of LSTM+MDP", "the sum of monthly excess;") == (
        "the sum of monthly excess; 250 days, append, stopped early; 26.23 to 52.46 over 2 choices, reproduced in 1"), "one has no MDP"
    assert reading(table, "information ratio of LSTM+MVF", "of all months;").endswith("0.263 to 0.526 over 3 choices, reproduced in 2")
    assert reading(table, "MAE of the LSTM") == "stopped early; 0.0156 to 0.0175 over 2 choices, reproduced in 1"
    assert reading(table, "MAE of the 1D-CNN") == "stopped early; 0.016 to 0.016 over 2 choices, reproduced in 2"
    assert reading(table, "constituents excluded") == "", "no choice of ours"


def test_a_statement_names_in_how_many_choices_it_holds(swept, run):
    table = told(swept, run)
    chosen = "250 days, append, stopped early"
    assert reading(table, "highest total return") == f"{chosen}; holds in all 2 choices"
    assert reading(table, "lowest total return (text)") == f"{chosen}; holds in none of 2 choices"
    assert reading(table, "RPP strategies") == f"{chosen}; holds in 1 of 2 choices", "all are as volatile in the other"
    assert reading(table, HOLDS) == f"{chosen}; holds in all 2 choices"
    assert reading(table, "Wilcoxon") == chosen, "the sweep does not tell"
    assert reading(table, "LSTM has the lower means") == "stopped early; holds in 1 of 2 choices"
    assert reading(table, "both models alike") == "stopped early; holds in all 2 choices"
    tests = swept["choices"].assign(shapiro_p=0.01, wilcoxon_p=0.05)
    assert reading(told({**swept, "choices": tests}, run), "Shapiro").endswith("holds in all 2 choices")
    assert reading(told({**swept, "choices": tests}, run), "Wilcoxon").endswith("holds in none of 2 choices")


def test_strategies_of_one_line_of_a_sweep_are_read_apart(swept, run):
    choices = swept["choices"]
    merged = choices[choices["strategy"] != "cnn1d+rpp"].replace({"strategy": {"lstm+rpp": "mean=lstm=cnn1d+rpp"}})
    table = told({**swept, "choices": merged}, run)
    assert reading(table, "turnover of 1D-CNN+RPP", "one-way").endswith("27.07 to 54.14 over 3 choices, reproduced in 0"), "the LSTM's"


def test_without_a_sweep_a_reading_names_the_choices_alone(published, run):
    table = told(published, run)
    assert reading(table, "turnover of LSTM+RPP", "two-way") == "two-way; 250 days, append, stopped early"
    assert not table["reading"].str.contains("choices").any()
    other = told(published, {**run, "estimation_window": 30, "scenarios": "history", "patience": 0})
    assert reading(other, "highest turnover") == "30 days, history, not stopped early"
    assert reading(other, "RMSE of the LSTM") == "not stopped early"


def test_choices_change_no_status(swept, published, run):
    pd.testing.assert_frame_equal(told(swept, run).drop(columns="reading"), told(published, run).drop(columns="reading"))


def test_headline_tests_the_same_months_of_twins(run):
    months = run["monthly_excess"].assign(**{"lstm+rpp": lambda table: table["cnn1d+rpp"] + 0.01})
    table = equity.against_cnn1d(run["rivals"], months).set_index("compared")
    assert list(table.index) == ["forecasts", "MVF", "RPP", "MDP"]
    for name in ("MVF", "MDP"):
        difference = months[f"lstm+{name.lower()}"] - months[f"cnn1d+{name.lower()}"]
        tested = stats.ttest_1samp(difference, 0)
        assert table.loc[name, ["n", "difference", "t"]].tolist() == pytest.approx([24, difference.mean(), tested.statistic])
        assert table.loc[name, ["low", "high"]].tolist() == pytest.approx(list(tested.confidence_interval()))
        assert table.at[name, "p"] == pytest.approx(stats.wilcoxon(difference, alternative="greater").pvalue)
    assert table.loc[["MVF", "RPP", "MDP"], "p_holm"].tolist() == pytest.approx(evidence.holm(table["p"].iloc[1:]).tolist())
    assert table.at["RPP", "p"] < 1e-4 and table.at["RPP", "verdict"] == "shown"


def test_headline_is_told_from_either_side_of_the_pair(run):
    twice = equity.against_cnn1d(rivals("lstm", "cnn1d", gain=0.5, low=0.2, high=0.6, statistic=3.0), run["monthly_excess"]).iloc[0]
    assert twice[["difference", "low", "high", "t"]].tolist() == pytest.approx([1.0, 0.25, 1.5, 3.0]), "MSE 2 beside 1"
    same = equity.against_cnn1d(rivals("cnn1d", "lstm", gain=-1.0, low=-1.5, high=-0.25, statistic=-3.0), run["monthly_excess"]).iloc[0]
    assert same[["difference", "low", "high", "t", "p"]].tolist() == pytest.approx(twice[["difference", "low", "high", "t", "p"]].tolist())
    assert same["p"] == pytest.approx(stats.norm.sf(3.0)) and same["verdict"] == "shown"
    worse = equity.against_cnn1d(rivals("cnn1d", "lstm", gain=0.1, statistic=3.0), run["monthly_excess"]).iloc[0]
    assert worse["p"] > 0.99 and worse["verdict"] == "not shown"


def test_headline_of_the_same_weights_or_of_nobody_is_not_tested(run):
    shared = run["monthly_excess"].drop(columns="cnn1d+mdp").rename(columns={"lstm+mdp": "lstm=cnn1d+mdp"})
    shared.loc["2024-12", "cnn1d+rpp"] = np.nan  # bankrupt
    table = equity.against_cnn1d(run["rivals"].iloc[:2], shared).set_index("compared")
    assert table["p"].isna().tolist() == [True, False, True, True] and table.at["MDP", "difference"] == 0
    assert table.at["MVF", "p_holm"] == table.at["MVF", "p"], "one test alone"
    assert (table["verdict"] == "not shown").all()


def test_claims_of_outperformance_name_their_test(published, run):
    shared = run["monthly_excess"].drop(columns="cnn1d+mdp").rename(columns={"lstm+mdp": "lstm=cnn1d+mdp"})
    table, tested = told(published, {**run, "monthly_excess": shared}), equity.against_cnn1d(run["rivals"], shared)
    assert one(table, "LSTM has the lower means")["claim"].endswith(
        f"here Diebold-Mariano of squared errors on the same 499 days: t 2.90, one-sided p {stats.norm.sf(2.9):.2g}")
    assert one(table, HOLDS)["claim"].endswith("p after Holm MVF {:.2g}, RPP {:.2g}, MDP untested".format(*tested["p_holm"].iloc[1:3]))
    alone = told(published, {**run, "rivals": run["rivals"].iloc[:2], "monthly_excess": shared[["lstm+mvf"]]})
    assert one(alone, "LSTM has the lower means")["claim"] == "LSTM has the lower means of MAE MSE and RMSE over stocks"
    assert one(alone, HOLDS)["claim"].endswith("all three")


def test_three_questions_are_answered_by_what_was_tested(swept, published, run):
    first, second, third = equity.answers(swept, run).split("\n")
    assert [line[:7] for line in (first, second, third)] == ["1. *How", "2. *How", "3. *Whi"]
    for told_first in ("is 0.01560 for the LSTM, 0.01600 for the 1D-CNN and 0.01390 for forecasting no move",
                       "is 0.60 % above the LSTM's, 95 % interval 0.20 % to 1.00 % (Diebold-Mariano, 499 days, t 2.90",
                       "the more accurate is **shown**", "the LSTM predicts what zero does not is **shown**",
                       "Holm 0.02 for the LSTM and 0.2 for the 1D-CNN", "51.0 % of days for the LSTM and 51.5 % for"):
        assert told_first in first, told_first
    assert ("MVF (return-seeking): the LSTM moves 20.00 % of wealth and the mean excess return by +1.00 points per month (p 0.04) and the "
            "1D-CNN moves 40.00 % of wealth and the mean excess return by -0.20 points per month (p 0.6); MDP (conservative): the LSTM "
            "changes nothing. That forecasts made a difference is **shown** for 1 of 3 strategies") in second
    best = evidence.best_pair(run["monthly_excess"]).iloc[0]
    for told_third in ("Highest sum of monthly excess returns: LSTM+MDP with 52.5 %. Highest information ratio: LSTM+MVF with 0.526",
                       "Lowest turnover: LSTM+RPP with 54.1 %", "beats the index is **not shown** for any of 6 strategies",
                       "smallest p after Holm 0.12", f"(signed rank p {best['signed_rank_p']:.2g}, the pair chosen in hindsight)",
                       "LSTM+MDP has the highest total return in the paper. It is first in 2 of 3 choices."):
        assert told_third in third, told_third
    assert "choices" not in equity.answers(published, run)
    twins = run["monthly_excess"].assign(**{"lstm+mdp": lambda table: table["lstm+mdp"] + 1, "cnn1d+mdp": lambda table: table["lstm+mdp"]})
    assert "The two best, LSTM+MDP and 1D-CNN+MDP" not in equity.answers(published, {**run, "monthly_excess": twins}), "they are the same"
    surely = run["tests"].assign(wilcoxon_p=[0.001, *[0.2] * 5])
    assert "beats the index is **shown** for 1 of 6 strategies" in equity.answers(published, {**run, "tests": surely})


def test_questions_that_a_run_cannot_answer_say_so(published, run):
    nothing = {**run, "rivals": run["rivals"].iloc[:2], "twins": run["twins"].iloc[3:], "excess": run["excess"].iloc[1:]}
    lines = equity.answers(published, nothing).split("\n")
    assert len(lines) == 3 and all(line.endswith("* Nothing that this run could compute.") for line in lines)
    blind = run["rivals"].assign(p_better=0.9)
    assert "That either predicts what zero does not is **not shown**" in equity.answers(published, {**run, "rivals": blind})


@pytest.fixture
def implied(published):
    """Monthly excess that totals and ratios imply: mean = total / 23, deviation = mean / IR, t = IR sqrt(23), 22 degrees."""
    table = table5(published)
    mean = table["total return"] / 100 / 23
    p_values = pd.Series(stats.t.sf(table["information ratio"] * np.sqrt(23), 22), index=table.index)
    return pd.DataFrame({"mean": mean, "std": mean / table["information ratio"], "p": p_values, "holm": evidence.holm(p_values)})


def test_implied_deviations_and_p_values(implied):
    assert (100 * implied["mean"]).round(3).tolist() == [2.281, 2.208, 1.978, 1.480, 1.471, 1.473]
    assert (100 * implied["std"]).round(2).tolist() == [4.57, 4.20, 4.13, 5.69, 5.66, 5.89]
    assert implied["p"].round(3).tolist() == [0.013, 0.010, 0.016, 0.113, 0.113, 0.122]
    assert implied["holm"].round(3).tolist() == [0.064, 0.058, 0.064, 0.338, 0.338, 0.338]


def test_the_audit_of_the_printed_numbers_follows_from_them(published, implied):
    table, audit = table5(published), published["audit"].set_index("number")
    said = published["numbers"].set_index("number")["value"]
    assert len(pd.period_range(equity.FIRST, equity.LAST, freq="M")) == 24, "as the sentence on the index says"
    total, mean = table.loc["lstm+mdp", ["total return", "mean monthly excess"]]
    assert (equity.N_MONTHS, equity.BEST) == (23, "LSTM+MDP") and round(total / mean, 2) == 23.0
    expected = {"total return of LSTM+MDP": (total, 23 * mean, 0.0005 * 24)}  # within the rounding of both
    calm, bold = (100 * implied.loc[implied.index.str.endswith(framework), "std"] for framework in ("+rpp", "+mvf"))
    expected["RPP is more stable than MVF"] = "yes", "yes" if calm.max() < bold.min() else "no", None
    p_values, corrected = implied["p"], implied["holm"]
    expected["strategies significant at 0.05"] = 6, (p_values < 0.05).sum(), 0.0
    for claim, number, end in (("highest total return", "total return", "max"), ("lowest total return", "total return", "min"),
                               ("highest information ratio", "information ratio", "max"),
                               ("lowest information ratio", "information ratio", "min"), ("highest turnover", "turnover", "max")):
        theirs = said[f"{claim} (text)" if claim == "lowest total return" else claim]
        expected[claim] = theirs, table[number].agg(f"idx{end}"), None
        assert audit.at[claim, "unit"] == (f"the text's, of {table.at[theirs, number]:g}; ours that of Table 5, of "
                                           f"{table[number].agg(end):g}")
    rows = compare("nguyen2025", published, [])
    rows = rows[rows["place"].str.startswith("Audit") & rows["ours"].notna()]
    found = rows.set_index(rows["claim"].str.partition(": ")[0])[["published", "ours", "tolerance"]]
    for name, theirs, ours, allowed in found.itertuples():
        same = pytest.approx(expected[name][:2]) if name.startswith("total") else expected[name][:2]
        assert (theirs, ours) == same
        assert np.isnan(allowed) if expected[name][2] is None else allowed == pytest.approx(expected[name][2])
    assert set(found.index) == set(expected)
    assert audit.at["total return of LSTM+MDP", "unit"] == f"percent; ours 23 times the printed mean {mean:g}, within its rounding"
    ranges = f"RPP {calm.min():.2f} to {calm.max():.2f}, MVF {bold.min():.2f} to {bold.max():.2f}"
    assert audit.at["RPP is more stable than MVF", "unit"].endswith(ranges)
    assert audit.at["strategies significant at 0.05", "unit"].endswith(
        f"p {p_values.min():.3f} to {p_values.max():.3f}; after Holm's correction, which the paper does not make, p from "
        f"{corrected.min():.3f}, significant {(corrected < 0.05).sum()}")

    for point, told in {
            1: f"{total:g} is 23 times the printed mean {mean:g} ({23 * mean:.3f}): the total return of LSTM+MDP",
            3: f"{calm.min():.2f} to {calm.max():.2f} percent for RPP, {bold.min():.2f} to {bold.max():.2f} for MVF. So RPP",
            4: f"p-values are {p_values.min():.3f} to {p_values.max():.3f}, and {(p_values < 0.05).sum()} of 6 strategies are sig",
            5: "the lowest total return to 1D-CNN+MDP with {:g}. In Table 5 the lowest is that of 1D-CNN+RPP, {:g}.".format(
                *table.loc[["cnn1d+mdp", "cnn1d+rpp"], "total return"])}.items():
        assert told in equity.FIXED[point], told
    assert f"growth, which would be {100 * ((1 + mean / 100) ** 23 - 1):.3f}." in equity.FIXED[1]
    assert calm.min() > bold.max() and "strays further from the index than MVF" in equity.FIXED[3]
    assert (corrected >= 0.05).all() and f"none of 6 would be (smallest p {corrected.min():.3f})" in equity.FIXED[4]
    agreed = sum(theirs == ours for name, (theirs, ours, _) in expected.items() if name.startswith(("highest", "lowest")))
    assert f"agree on {agreed} of 5 strategies" in equity.FIXED[5]


def test_checks_that_need_the_two_years_are_of_the_printed_numbers(published, implied):
    audit = published["audit"].set_index("number")
    lowest = 100 * implied.loc[["lstm+rpp", "cnn1d+rpp"], "std"].min()
    parity = audit.loc["deviation of excess of RPP at most that of risk parity"]
    assert float(parity["value"]) == lowest and parity["tolerance"] == pytest.approx(tolerance(lowest, decimals=2))
    assert str(equity.WINDOWS).strip("()") in parity["unit"]
    assert int(audit.at["strategies above the index", "value"]) == len(equity.SIX)
    traded = audit.loc["turnover of RPP at most that of risk parity"]
    lowest = table5(published).loc[["lstm+rpp", "cnn1d+rpp"], "turnover"].min()
    assert float(traded["value"]) == lowest and traded["tolerance"] == pytest.approx(tolerance(lowest, decimals=3))
    assert str(equity.WINDOWS).strip("()") in traded["unit"]
    for (error, decimals), (model, title) in ((e, m) for m in equity.NETWORKS.items() for e in equity.ERRORS.items()):
        line = audit.loc[f"{error.upper()} of the {title} at most the zero forecast's"]
        assert float(line["value"]) == values(published, "Table 4", error.upper())[f"the {title}"]
        assert line["tolerance"] == pytest.approx(0.5 * 10.0**-decimals) and "printed over 59" in line["unit"]


def test_audit_of_a_run_with_the_paper_s_years(published, run):
    rows, _ = audited(published, run)
    expected = {
        "total return of LSTM+MDP": (52.463, "reproduced"), "strategies above the index": (6, "reproduced"),
        "RPP is more stable than MVF": ("no", "not reproduced"), "strategies significant": (3, "not reproduced"),
        "highest total return": ("lstm+mdp", "reproduced"), "highest information ratio": ("lstm+mvf", "reproduced"),
        "lowest information ratio": ("cnn1d+mdp", "reproduced"), "highest turnover": ("lstm+mvf", "reproduced"),
        "lowest total return": ("cnn1d+rpp", "not reproduced"),
        "MAE of the LSTM at most": (0.0139, "not reproduced"), "MSE of the 1D-CNN at most": (0.000401, "not reproduced")}
    for start, (ours, status) in expected.items():
        row = one(rows, start)
        assert row["status"] == status, start
        assert row["ours"] == (ours if isinstance(ours, str) else pytest.approx(ours, rel=1e-4)), start
    assert one(rows, "RMSE of the LSTM")["claim"].endswith("the printed over 59; ours zero's, over 4")
    assert set(rows["place"].str.extract(r"^Audit (\d), ")[0]) == set("1234567") and len(rows) == 18
    assert not rows.duplicated(["place", "claim", "reading"]).any()


def test_index_is_compounded_and_its_months_carry_the_printed_excess(published, run):
    claim = one(audited(published, run)[0], "strategies above the index")["claim"]
    daily = run["net_returns"]["benchmark"]
    rose, wealth = 100 * (1.0005 ** len(daily) - 1), 1.0
    for month in pd.period_range("2023-02", "2024-12", freq="M").astype(str):
        wealth *= 1.0005 ** len(daily.loc[month]) + 0.52459 / 23
    assert claim.endswith(f"rise {rose:.1f} percent, totals not above it 0, LSTM+MDP grows by {100 * (wealth - 1):.1f}")
    faster, words = audited(published, run, net_returns=run["net_returns"].assign(benchmark=0.000625))
    assert "totals not above it 3," in one(faster, "strategies above")["claim"]  # of 38.4 percent
    assert "3 of 6 printed totals are not above that" in words
    lower = {("total return", title): total - 33.85 for title, total in values(published, "Table 5", "total return").items()}
    fewer = one(audited(with_values(published, "Table 5", lower), run)[0], "strategies above the index")
    assert fewer[["ours", "status"]].tolist() == [5, "not reproduced"]


def test_implied_deviation_of_risk_parity_is_possible_up_to_the_highest_of_the_windows(published, run):
    """Stocks that move a lot can stray as far as the printed ratio says, and further."""
    start = "deviation of excess of RPP at most"
    quiet = one(audited(published, run)[0], start)
    deviations = 100 * equity.risk_parity(run["returns"], run["net_returns"])["deviation"]
    assert quiet["published"] == pytest.approx(33.824 / 23 / 0.26) and quiet["ours"] == pytest.approx(deviations.max())
    assert quiet["status"] == "not reproduced" and quiet["claim"].endswith(f"from {deviations.min():.2f} percent")
    rows, words = audited(published, run, returns=run["returns"] * 6)
    assert one(rows, start)["ours"] > 1.5 * 5.66 and one(rows, start)["status"] == "reproduced"
    assert "so that 5.66 is possible" in words


def test_printed_turnover_is_possible_up_to_the_highest_of_the_windows(published, run):
    start = "turnover of RPP at most that of risk parity"
    rows, words = audited(published, run)
    both = rows[rows["claim"].str.startswith(start)]
    turnover = 100 * equity.risk_parity(run["returns"], run["net_returns"])
    assert both["reading"].tolist() == ["one-way", "two-way"] and both["published"].tolist() == [54.137] * 2
    assert both["ours"].astype(float).tolist() == pytest.approx(turnover[["turnover_one_way", "turnover_two_way"]].max().tolist())
    assert (both["status"] == "not reproduced").all() and both["ours"].max() < 54.137 / 2
    for column, (_, claim) in zip(("turnover_one_way", "turnover_two_way"), both["claim"].items(), strict=True):
        assert claim.endswith(f", from {turnover[column].min():.2f} percent")
    told = "turns over {:.1f} to {:.1f} percent one-way and {:.1f} to {:.1f} two-way. Weights far from risk parity".format(
        *(turnover[f"turnover_{way}"].agg(end) for way in ("one_way", "two_way") for end in ("min", "max")))
    assert "prints 54.137 and 60.224 percent for RPP" in words and told in words
    less = with_values(published, "Table 5", {("turnover", f"{network}+RPP"): value for network, value in (("LSTM", 1.5), ("1D-CNN", 2))})
    less["audit"] = less["audit"].assign(value=less["audit"]["value"].mask(less["audit"]["number"] == start, "1.5"))
    rows, words = audited(less, run)
    assert (rows.loc[rows["claim"].str.startswith(start), "status"] == "reproduced").all() and "So 1.5 is possible." in words


def test_errors_below_zero_s_agree(published, run):
    rows, words = audited(published, run, log_accuracy=pd.DataFrame({"model": ["zero"], "mae_mean": 0.02, "rmse_mean": 0.0215}))
    ours = {start: one(rows, start)[["published", "ours", "status"]].tolist()
            for start in ("MAE of the LSTM", "RMSE of the LSTM", "RMSE of the 1")}
    assert ours == {"MAE of the LSTM": [0.0156, 0.02, "reproduced"], "RMSE of the LSTM": [0.0212, 0.0215, "reproduced"],
                    "RMSE of the 1": [0.0218, 0.0215, "not reproduced"]}
    assert one(rows, "MSE of the LSTM at")["status"] == "no such data"
    assert "smaller than 1 of 4 printed errors" in words and "own networks" not in words
    rounded, _ = audited(published, run, log_accuracy=pd.DataFrame({"model": ["zero"], "mae_mean": [0.01556]}))
    assert one(rounded, "MAE of the LSTM")["status"] == "reproduced", "0.0156 may be 0.01556"


def test_other_years_say_nothing_of_index_stocks_and_zero(published, run):
    rows, words = audited(published, run, net_returns=run["net_returns"].loc["2023-02":])
    unknown = rows[rows["status"] == "no such data"]
    assert Counter(unknown["place"].str.partition(",")[0]) == {"Audit 2": 1, "Audit 3": 1, "Audit 6": 6, "Audit 7": 1}
    assert len(audited(published, run, net_returns=pd.DataFrame())[0]) == len(rows)
    assert "(2) The index.** Nothing that this run could compute." in words and "Risk parity over this run" not in words
    for point in ("(6) The zero forecast", "(7) Turnover"):
        assert f"{point}.** Nothing that this run could compute." in words


def test_risk_parity_of_like_stocks_deviates_as_their_mean_does(run):
    """Of one stock held in four copies, every window's portfolio is that stock."""
    copies = pd.DataFrame({name: run["returns"]["A"] for name in "ABCD"})
    index = run["net_returns"][["benchmark"]]
    months = pd.concat([copies["A"], index["benchmark"]], axis=1, join="inner")
    grown = (1 + months).groupby(months.index.to_period("M")).prod()
    expected = (grown["A"] - grown["benchmark"]).std()
    assert equity.risk_parity(copies, index)["deviation"].tolist() == pytest.approx([expected] * 4)
    short = equity.risk_parity(copies.loc["2022-07":], index)["deviation"]  # 132 days before the first month
    assert short.isna().tolist() == [False, False, False, True]
    assert short.iloc[0] == pytest.approx(expected)
    assert equity.risk_parity(copies, index)["turnover_two_way"].tolist() == pytest.approx([0.0] * 4), "what drifts alike trades nothing"


def test_risk_parity_is_decided_at_the_close_before_each_month_and_then_drifts(run):
    returns, index = run["returns"], run["net_returns"].loc["2023-01":"2023-04", ["benchmark"]]
    excess, drifted, traded = [], None, []
    for month in pd.period_range("2023-01", "2023-04", freq="M"):
        known = returns.loc[:month.start_time - pd.Timedelta(days=1)].iloc[-60:]
        weights = long_only.risk_parity(covariance.ledoit_wolf(known)).weights
        traded += [] if drifted is None else [(weights - drifted).abs().sum()]
        held = (1 + returns.loc[str(month)]).prod() * weights
        drifted = held / held.sum()
        excess.append(held.sum() - (1 + index.loc[str(month), "benchmark"]).prod())
    found = equity.risk_parity(returns, index).loc[60]
    assert found["turnover_two_way"] == pytest.approx(np.mean(traded)) and found["turnover_one_way"] == pytest.approx(np.mean(traded) / 2)
    assert equity.risk_parity(returns, index).at[60, "deviation"] == pytest.approx(np.std(excess, ddof=1))


def test_sentences_of_the_audit_follow_its_values(published, run):
    words = all_of(published, run)[1]
    assert words.count("\n") == 6 and all(line.startswith(f"- **({n})") for n, line in enumerate(words.split("\n"), 1))
    for told in (*equity.FIXED.values(), "percent in the 24 months. If the totals are sums of excess", "all 6 strategies end above the index", "each less than "
                 "5.66", "Forecasting zero has MAE 0.0139, MSE 0.000401, RMSE 0.0195 over", "smaller than all 6 printed errors",
                 "beat zero in none of 6 errors"):
        assert told in words, told
    smaller = with_values(published, "Table 4", {(error, of): 0.0001 for error in ("MAE", "MSE", "RMSE")
                                                 for of in ("the LSTM", "the 1D-CNN")})
    audit = smaller["audit"].assign(value=smaller["audit"]["value"].mask(smaller["audit"]["place"] == "Audit 6, Table 4", "0.0001"))
    words = all_of({**smaller, "audit": audit}, run)[1]
    assert "smaller than none of 6 printed errors" in words and "would have to be" not in words


def test_error_that_absent_stocks_would_need_is_told_with_its_multiple(published, run):
    needed = (59 * 0.0156 - 4 * 0.0139) / 55  # the run has four stocks
    told = f"the 55 others would have to be MAE {needed:.3g} ({needed / 0.0139:.1f} times that of the 4)"
    assert told in all_of(published, run)[1]
    better = run["log_accuracy"].set_index("model")
    better.loc["lstm", ["mae_mean", "mse_mean"]] = 0.01, 0.0001
    assert "beat zero in 2 of 6 errors" in all_of(published, run, log_accuracy=better.reset_index())[1]
    crowd = pd.concat([run["returns"].add_suffix(n) for n in range(15)], axis=1)  # sixty: none is absent
    words = all_of(published, run, returns=crowd)[1]
    assert "this run's 60 stocks" in words and "would have to be" not in words


def test_counts_are_of_printed_numbers_not_of_their_readings(published, run):
    table = all_of(published, run)[0]
    counted = claims.counts(table).set_index("place")
    assert counted.loc["Table 5"].tolist() == ["this run", 19, 44, 19, 0, 0]
    assert counted.loc["Table 4"].tolist() == ["this run", 9, 9, 9, 0, 0]
    assert counted.loc["Audit", ["compared_with", "numbers"]].tolist() == ["a computation", 17]
    assert counted["readings"].sum() == len(table)
    assert (counted[["reproduced", "not reproduced", "no such data"]].sum(axis=1) == counted["numbers"]).all()
    missed = run["excess"].assign(turnover_one_way=0.01).query("strategy != 'lstm+mvf'")  # three numbers have no data
    counted = claims.counts(all_of(published, run, excess=missed)[0]).set_index("place")
    assert counted.loc["Table 5"].tolist() == ["this run", 19, 44, 11, 5, 3]


def test_table_5_beside_its_readings(published, run):
    months = run["monthly_excess"]
    table = equity.side_by_side(published, run["excess"].assign(total_return=0.123456, turnover_two_way=1.5), months)
    later = months["lstm+mdp"].iloc[1:]
    assert table.iloc[0].to_dict() == {
        "strategy": "LSTM+MDP", "total, printed": 52.46, "sum of 23": 52.46, "sum of 24": 52.46, "compounded": 12.35,
        "IR, printed": 0.499, "IR 23": round(later.mean() / later.std(), 3), "IR 24": 0.499, "turnover, printed": 78.7,
        "one-way": 78.7, "two-way": 150.0}
    assert len(table) == 6 and list(equity.side_by_side(published, run["excess"], months.iloc[:12]))[2:4] == ["sum of 11", "sum of 12"]


def test_nothing_that_is_given_is_changed(published, run):
    frames = {name: frame for name, frame in {**published, **run}.items() if isinstance(frame, pd.DataFrame)}
    before = {name: frame.copy() for name, frame in frames.items()}
    all_of(published, run)
    equity.answers(published, run)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


@market
def test_vn100_over_the_two_years(published):
    folder = Path(MARKETS)
    prices, index = (pd.read_csv(folder / name, index_col="date", parse_dates=True)
                     for name in ("vn100_prices.csv", "vn100_index.csv"))
    complete = prices.where(prices > 0).dropna(axis="columns", how="any")
    returns = complete.pct_change().iloc[1:]
    benchmark = index.iloc[:, 0].reindex(complete.index).ffill().pct_change().loc["2023":].rename("benchmark").to_frame()
    log_returns = np.log1p(returns.loc["2023":])
    squares = (log_returns**2).mean()
    zero = pd.DataFrame({"model": ["zero"], "mae_mean": log_returns.abs().mean().mean(), "mse_mean": squares.mean(),
                         "rmse_mean": (squares**0.5).mean()})
    years = equity.two_years(published, returns, benchmark, zero)
    rows = compare("nguyen2025", published, equity.numbers_of_audit(years))
    assert "rise 37.6 percent, totals not above it 3, LSTM+MDP grows by 107.9" in one(rows, "strategies above")["claim"]
    parity = one(rows, "deviation of excess of RPP")
    assert 1.6 < years.parity["deviation"].min() < parity["ours"] < 2.0 and parity["status"] == "not reproduced"
    assert round(one(rows, "MAE of the LSTM at most")["ours"], 5) == 0.01386
    assert (rows.loc[rows["place"].str.startswith("Audit 6"), "status"] == "not reproduced").all()
    traded = rows[rows["place"] == "Audit 7, Table 5"]
    assert traded["ours"].astype(float).round(0).tolist() == [20, 41] and (traded["status"] == "not reproduced").all()
    words = equity.in_words(published, years, rows)
    assert "turns over 3.9 to 20.3 percent one-way and 7.8 to 40.6 two-way" in words
    assert "3 of 6 printed totals are not above that" in words and "each less than 5.66" in words
    assert "4 others would have to be MAE 0.0395 (2.9 times that of the 55)" in words
