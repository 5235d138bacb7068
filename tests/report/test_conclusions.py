"""Sentences: chosen by the numbers, readable with one strategy or few months."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forefolio.files import read_frame, write_frame
from forefolio.performance import backtest, evidence, investors, metrics
from forefolio.performance.evidence import holm, monthly_tests
from forefolio.performance.metrics import monthly_excess, performance_table
from forefolio.portfolios import holdings
from forefolio.portfolios.problems import Solution
from forefolio.report import sentences, strategies


def compared(growth, *, n_days=500, seed=1):
    """Performance and tests of strategies with a given daily growth in excess of noise that is common to all."""
    days = pd.bdate_range("2023-01-02", periods=n_days, name="date")
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.01, size=n_days)
    net = pd.DataFrame({name: market + step + rng.normal(0, 0.001, size=n_days) for name, step in growth.items()},
                       index=days).assign(benchmark=market)
    turnover = pd.Series(0.1, index=list(growth))
    table = performance_table(net, turnover, periods_per_year=252, risk_free_rate=0.0)
    return table, monthly_tests(monthly_excess(net))


TWINS = pd.DataFrame(columns=["strategy", "twin", "mean_difference", "standard_error", "signed_rank_p", "holm_p", "mean_distance"])


def corrected(tests, **p_values):
    """Other p-values, and Holm's correction of them."""
    return tests.assign(**p_values, **{f"{name}_holm": holm(pd.Series(values)) for name, values in p_values.items()})


def concluded(table, tests, twins=TWINS):
    return sentences.conclusion(table, tests, twins=twins)


HISTORY = pd.DataFrame([("2020-12-31", 7, 1, 1.0, 0.5, False), ("2020-12-31", 7, 2, 2.0, 0.8, True),
                        ("2020-12-31", 8, 4, 3.0, 1.2, True)],
                       columns=["fitted_until", "seed", "epoch", "sharpe", "validation_sharpe", "kept"])


def test_what_learned_weights_came_to_is_said_with_their_turnover():
    trades = pd.Series({"equal_weight": 0.03, "dls": 0.587})
    told = sentences.learned(HISTORY, trades)
    assert "trained 2 times" in told and "after 2 to 4 epochs, have a Sharpe ratio of 2.50 in training and 1.00" in told
    assert "It trades 59 % of its wealth at a rebalance, and equal weight 3 %" in told
    assert "after 2 epochs, have a Sharpe ratio of 2.00" in sentences.learned(HISTORY[:2], trades)
    assert "trades" not in sentences.learned(HISTORY, pd.Series({"equal_weight": np.nan, "dls": np.nan}))


def test_trainings_of_weights_that_diverged_are_said():
    diverged = HISTORY.assign(kept=HISTORY["seed"] == 8)
    trades = pd.Series({"equal_weight": 0.03, "dls": 0.587})
    assert "1 training diverged and has no part in it." in sentences.learned(diverged[[False, True, True]], trades)
    assert "None of 2 trainings of `dls` converged" in sentences.learned(HISTORY.assign(kept=False), trades)
    assert sentences.learned(HISTORY[:0], trades).startswith("No strategy of this study learns its weights")


def test_conclusion_names_the_best_and_counts_what_is_significant():
    table, tests = compared({"lstm+mvf": 0.001, "cnn1d+rpp": -0.001, "equal_weight": 0.0005})
    text = concluded(table, tests)
    total = table.set_index("strategy")["total_return"]
    ratio = table.set_index("strategy")["information_ratio"]
    assert f"`lstm+mvf` is the best of 3 strategies with {100 * total['lstm+mvf']:.1f} % over the test period" in text
    assert (f"ahead of `equal_weight` ({100 * total['equal_weight']:.1f} %) and "
            f"`benchmark` ({100 * total['benchmark']:.1f} %).") in text
    assert "Of the 2 other strategies, 1 ended ahead of `equal_weight`." in text
    best = table.set_index("strategy").loc[ratio.idxmax()]
    lead, error = best["mean_monthly_excess"], best["std_monthly_excess"] / np.sqrt(23)
    assert f"with {ratio.max():.2f} a month" in text
    assert f"a mean lead of {100 * lead:.1f} ± {100 * error:.1f} percentage points a month (± standard error, 23 months)" in text
    assert "Of 3 strategies, 2 beat the benchmark significantly at 5 %" in text
    assert "2 after Holm's correction" in text
    other = concluded(table, corrected(tests, sign_p=[0.01, 0.02, 0.5], t_p=[0.04] * 3))
    assert "2 after Holm's correction for 3 tests (sign test: 2 and 2; t-test: 3 and none)." in other
    other = concluded(table, corrected(tests, sign_p=[0.01, 0.04, 0.5], t_p=[0.01, 0.02, 0.04]))
    assert "(sign test: 2 and 1; t-test: 3 and 3)." in other
    assert "With 23 months" in text
    assert "`equal_weight` is one of them, and it reads no forecast" in text
    assert "nan" not in text.lower()


def test_conclusion_says_when_nothing_beats_equal_weight():
    text = concluded(*compared({"lstm+mvf": -0.001, "cnn1d+rpp": -0.0005, "equal_weight": 0.0005}))
    assert "`equal_weight` is the best of 3 strategies" in text
    assert "Of the 2 other strategies, none ended ahead of `equal_weight`." in text


def test_the_universe_alone_stands_first_with_its_lead_and_the_error_of_it():
    table, tests = compared({"lstm+mvf": -0.001, "equal_weight": 0.0005})
    first = concluded(table, tests).split("\n")[0]
    assert first == f"* **The universe alone.** {sentences.universe(table, 23)}"
    own, index = (table.set_index("strategy").loc[name] for name in ("equal_weight", "benchmark"))
    assert f"It earned {100 * own['total_return']:.1f} % in the test period, and the index earned {100 * index['total_return']:.1f} %" in first
    assert f"{100 * own['mean_monthly_excess']:.1f} ± {100 * own['std_monthly_excess'] / np.sqrt(23):.1f} percentage points" in first
    short, _ = compared({"equal_weight": 0.0005}, n_days=10)
    assert "lead of" not in sentences.universe(short, 1) and "no equal weight" in sentences.universe(table[:1], 23)


def test_conclusion_credits_no_universe_where_equal_weight_is_not_significant():
    table, tests = compared({"lstm+mvf": 0.001, "equal_weight": -0.0005})
    assert "is one of them" not in concluded(table, tests)


def test_conclusion_says_when_all_trail_the_benchmark():
    text = concluded(*compared({"lstm+mvf": -0.002, "equal_weight": -0.001}))
    assert "behind `benchmark`" in text and "a mean lead of -" in text
    assert "none beat the benchmark significantly" in text


def test_conclusion_changes_only_with_the_numbers():
    table, tests = compared({"lstm+mvf": 0.001, "equal_weight": 0.0005})
    names = {"lstm+mvf": "equal_weight", "equal_weight": "lstm+mvf"}
    swapped = concluded(table.replace({"strategy": names}), tests.replace({"strategy": names}))
    assert "`equal_weight` is the best" in swapped and "`lstm+mvf` is the best" not in swapped
    shuffled = concluded(table[::-1].reset_index(drop=True), tests[::-1].reset_index(drop=True))
    assert shuffled == concluded(table, tests)


@pytest.mark.parametrize(("growth", "n_days"), [
    ({"equal_weight": 0.0}, 500), ({"lstm+mvf": 0.0}, 500), ({"lstm+mvf": 0.001, "equal_weight": 0.0}, 10),
    ({"lstm+mvf": 0.001, "equal_weight": 0.0}, 40)])
def test_conclusion_reads_well_with_one_strategy_or_few_months(growth, n_days):
    text = concluded(*compared(growth, n_days=n_days))
    assert "nan" not in text.lower() and "1 strategies" not in text and "1 months" not in text
    assert ("is the only strategy, with" in text) == (len(growth) == 1)
    assert ("whatever the returns" in text) == (n_days < 100)
    assert ("None can be computed from 1 month" in text) == (n_days == 10)


def test_conclusion_without_any_difference_from_the_benchmark():
    table, tests = compared({"equal_weight": 0.0})
    table.loc[0, ["information_ratio", "mean_monthly_excess", "std_monthly_excess"]] = [np.nan, 0.0, 0.0]
    table.loc[0, "total_return"] = table.loc[1, "total_return"]
    tests.loc[:, "t_low":] = np.nan
    text = concluded(table, tests)
    assert "level with `benchmark`" in text and "No strategy could be tested" in text and "nothing to test" in text


def test_the_least_significant_excess_is_where_the_t_test_turns():
    table, tests = compared({"lstm+mvf": 0.0})
    n, deviation = tests.loc[0, "n_months"], 0.04
    text = concluded(table.assign(std_monthly_excess=deviation), tests)
    shape = np.random.default_rng(0).normal(size=n)
    shape = deviation * (shape - shape.mean()) / shape.std(ddof=1)
    edge = stats.t.ppf(0.95, n - 1) * deviation / np.sqrt(n)
    assert f"That is {100 * edge:.1f} % a month for `lstm+mvf`, whose excess varies least." in text
    assert stats.ttest_1samp(shape + edge, 0, alternative="greater").pvalue == pytest.approx(0.05)


def test_names_of_one_strategy_are_told_with_those_that_they_stand_for():
    copies = {"mean=lstm+rpp": ["mean+rpp", "lstm+rpp"], "lstm+mvf": ["lstm+mvf"], "equal_weight": ["equal_weight", "zero+mvf"]}
    assert sentences.names(copies) == (
        "5 names stand for 3 strategies: weights that never differ by more than 1 % of wealth count once. `mean=lstm+rpp` stands "
        "for `mean+rpp` and `lstm+rpp`; `equal_weight` stands for `equal_weight` and `zero+mvf`.")
    assert sentences.names({"lstm+mvf": ["lstm+mvf"]}) == "No two strategies hold the same weights."


def test_promises_count_who_fell_short_and_name_the_largest_gap():
    kept = pd.DataFrame({"strategy": ["a", "b"], "return promised": [0.3, 0.1], "return got": [0.2, 0.10001],
                         "volatility promised": [0.2, 0.2], "volatility got": [0.3, 0.3], "drawdown promised": [-0.1, -0.05],
                         "drawdown got": [-0.12, -0.15]})
    assert sentences.promises(kept, estimation_window=250) == (
        "Of 2 strategies, 1 had a lower return than in the 250 days before the decisions, and 2 had a higher volatility. In the "
        "same number of days after them, 2 had a deeper drawdown. The largest gap is that of `b`: 5.0 % promised, 15.0 % received.")
    told = sentences.promises(kept.assign(**{"volatility got": 0.1, "drawdown got": np.nan}), estimation_window=250)
    assert "and none had a higher volatility. Too few days follow" in told and "nan" not in told


def test_twins_are_told_with_error_p_value_and_distance():
    twins = pd.DataFrame([("lstm+mvf", "mean+mvf", 0.0083, 0.0048, 0.5, 1.0, 0.3), ("lstm+rpp", "mean+rpp", -1e-9, np.nan, np.nan, np.nan, 0.0)],
                         columns=TWINS.columns)
    assert sentences.of_twins(twins) == (
        "* `lstm+mvf` less `mean+mvf`: 0.83 ± 0.48 percentage points a month, Holm's p 1.000; weights 30.0 % apart.\n"
        "* `lstm+rpp` less `mean+rpp`: 0.00 percentage points a month, no month differs; weights 0.0 % apart.")
    assert "No strategy of a network" in sentences.of_twins(TWINS)


def difference(*rows):
    """The paragraph on networks and their twins: (strategy, mean difference, Holm's p, mean distance)."""
    names, gains, p_values, distances = zip(*rows)
    twins = pd.DataFrame({"strategy": names, "twin": [f"mean+{name.split('+')[1]}" for name in names],
                          "mean_difference": gains, "standard_error": 0.001, "signed_rank_p": p_values, "holm_p": p_values, "mean_distance": distances})
    text = concluded(*compared({"lstm+mvf": 0.001, "equal_weight": 0.0}), twins=twins)
    return next(part for part in text.split("\n") if part.startswith("* **Did the networks"))


def test_networks_are_counted_by_weights_then_by_what_they_earned_then_by_significance():
    text = difference(("lstm+mvf", 0.004, 0.01, 0.3), ("gru+mvf", 0.002, 0.2, 0.2), ("rnn+mvf", -0.0031, 0.04, 0.02),
                      ("lstm+rpp", 0.01, 0.001, 0.01), ("lstm+mdp", -1e-9, np.nan, 0.0))
    assert "5 strategies of networks have a twin, the same framework with the forecasts of `mean`. On average, 3 held more" in text
    assert "What the other 2 earned comes from the framework, not from the network" in text
    assert ("Of the 3, 2 earned more a month than the twin (significant: `lstm+mvf`, by 0.40 %) and 1 did not (significant: "
            "`rnn+mvf`, by 0.31 %)") in text
    assert text.endswith("Holm's correction for 4 tests.") and "nan" not in text


def test_networks_that_earned_less_or_nothing_certain_are_not_praised():
    worse = difference(("lstm+mvf", -0.004, 0.01, 0.3))
    assert "1 strategy of a network has a twin" in worse and "the other" not in worse
    assert "Of the 1, none earned more a month than the twin and 1 did not (significant: `lstm+mvf`" in worse
    assert worse.endswith("We found no evidence that the networks' forecasts added return.")
    luck = difference(("lstm+mvf", 0.004, 0.06, 0.3))
    assert "1 earned more a month than the twin (significant: none), by" in luck and "did not" not in luck
    assert luck.endswith("added return.")


def test_networks_that_moved_nothing_and_runs_without_twins_say_so():
    text = difference(("lstm+rpp", 0.004, 0.001, 0.009), ("lstm+mdp", 0.004, 0.001, 0.0))
    assert "On average, none held more" in text and "hardly moved a weight" in text and "significant" not in text
    alone = concluded(*compared({"lstm+mvf": 0.001, "equal_weight": 0.0}))
    assert "**Did the networks make the difference?** This run cannot tell" in alone


NO_RUIN = pd.DataFrame(columns=["date", "strategy"])


def solver_log(*rows):
    return pd.DataFrame(rows, columns=["strategy", "status", "note"])


def test_dates_on_which_equal_weight_was_held_instead_are_told_with_the_first_reason():
    log = solver_log(("lstm+mvf", "failed", "equal weight instead: no weights meet max_weight: raise it"),
                     ("lstm+mvf", "optimal", ""), ("lstm+mvf", "failed", "equal weight instead: the solver stalled"), ("mean+rpp", "optimal", ""),
                     ("lstm+mdp", "failed", "equal weight instead: the solver stalled"))
    assert sentences.mishaps(log, NO_RUIN) == [
        "Equal weight was held instead of `lstm+mvf` on 2 of 3 dates (no weights meet max_weight: raise it, the first time) and "
        "of `lstm+mdp` on 1 of 1 date (the solver stalled)."]


def test_inefficient_dates_of_several_strategies_are_one_sentence_that_does_not_repeat_itself():
    log = solver_log(*[("lstm+tangency", "inefficient", "inefficient: B - A r_f")] * 2, ("gru+tangency", "inefficient", "other"),
                     ("gru+tangency", "optimal", ""), ("mean+rpp", "optimal", ""))
    assert sentences.mishaps(log, NO_RUIN) == [
        "The closed form gave the *lowest* ratio instead of the highest, and this portfolio was held: `lstm+tangency` on 2 of "
        "2 dates and `gru+tangency` on 1 of 2 dates."]


def test_bankruptcies_are_told_and_where_nothing_happened_nothing_is_said():
    log, ruin = solver_log(("a", "optimal", "")), pd.DataFrame({"date": [pd.Timestamp("2024-03-05")], "strategy": ["short"]})
    assert sentences.mishaps(log, NO_RUIN) == []
    assert sentences.mishaps(log, ruin) == ["The strategy `short` loses all its wealth on 2024-03-05 and earns nothing more: "
                                            "limit its shorts and what its trades cost. It is in no ranking, test or advice below."]


def test_assets_that_nobody_could_buy_are_told_with_when_and_why_and_many_are_counted(tmp_path):
    asleep = pd.DataFrame([("KO", "no move in 10 days", pd.Timestamp("2024-01-31"), pd.Timestamp("2024-05-31"), 4),
                           ("XOM", "not traded that day", pd.Timestamp("2024-02-29"), pd.Timestamp("2024-02-29"), 1)],
                          columns=["asset", "reason", "first", "last", "n_decisions"])
    told = ("No strategy could buy these assets: `KO` (no move in 10 days) at 4 decisions, 2024-01-31 to 2024-05-31; `XOM` (not "
            "traded that day) at 1 decision, 2024-02-29. Holdings of an asset that did not trade that day were kept, and "
            "the rest of the wealth was decided around them. The other holdings were sold at the first of these decisions.")
    write_frame(tmp_path / "kept_out.csv", asleep)
    write_frame(tmp_path / "none.csv", asleep.iloc[:0])
    assert sentences.absences(asleep) == sentences.absences(read_frame(tmp_path / "kept_out.csv")) == told
    many = pd.concat([asleep.iloc[:1].assign(asset=f"A{i}") for i in range(20)])
    assert sentences.absences(many).endswith("2024-05-31; 8 more, in the table `kept_out`. Holdings of them were sold at the first "
                                             "of these decisions.")
    assert sentences.absences(asleep.iloc[1:]).endswith("the rest of the wealth was decided around them.")
    assert sentences.absences(read_frame(tmp_path / "none.csv")) == "Every asset could be bought at every decision."


# ------------------------------------------------------------------------------------------------ the ruined, and dirt
def test_the_ruined_are_named_and_in_no_ranking():
    table, tests = compared({"lstm+mvf": 0.001, "gru+tangency": 0.002, "equal_weight": 0.0005})
    table.loc[table["strategy"] == "gru+tangency", "max_drawdown"] = -1.0  # its ratios are still the best of all
    text = concluded(table, tests)
    assert "Of 2 strategies, 2 beat the benchmark" in text
    ruin, rest = text.split("\n", 1)
    assert ruin == "* **Ruined.** `gru+tangency` lost all wealth and takes no part in what follows."
    assert "gru+tangency" not in rest and "`lstm+mvf` is the best of 2 strategies" in rest
    nothing = concluded(table.assign(max_drawdown=-1.0), tests.iloc[:0])
    assert nothing.endswith("lost all wealth and take no part in what follows.\n* No strategy is left to compare.")
    assert sentences.without([]) == []


def test_cash_is_named_and_wins_no_information_ratio():
    table, tests = compared({"lstm+mvf": 0.001, "mean+mdp": 0.002, "equal_weight": 0.0005})
    table.loc[table["strategy"] == "mean+mdp", "annual_volatility"] = 1e-5
    ratio = next(part for part in concluded(table, tests).split("\n") if "**Information ratio.**" in part)
    assert "`lstm+mvf` is the best of 2 strategies" in ratio
    assert ratio.endswith("23 months). `mean+mdp` took hardly any risk and cannot win it.")


def test_a_benchmark_that_lost_everything_is_still_the_benchmark():
    table, tests = compared({"lstm+mvf": 0.001, "equal_weight": 0.0005})
    table.loc[table["strategy"] == "benchmark", ["max_drawdown", "total_return"]] = -1.0
    text = concluded(table, tests)
    assert "lost all wealth" not in text and "`benchmark` (-100.0 %)" in text


DAYS = pd.bdate_range("2023-01-02", periods=300, name="date")
DIRT = {  # what happens to asset A of three, of which B and C are ordinary
    "still": lambda a: 0 * a, "still from the middle on": lambda a: a.where(np.arange(300) < 150, 0.0),
    "only rises": lambda a: 0 * a + 0.0001, "only falls": lambda a: 0 * a - 0.001,
    "jumps": lambda a: a.where(np.arange(300) != 298, 49.0), "plain": lambda a: a,
}
STRATEGIES = {"mean+mvf": (1, 0, 0), "lstm+mvf": (0, 1, 0), "mean+rpp": (1, 0, 0), "mean+tangency": (-3, 2, 2),
              "lstm+tangency": (30, -29, 0), "equal_weight": (1 / 3, 1 / 3, 1 / 3)}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("only", [list(STRATEGIES), ["mean+mvf"], ["lstm+tangency"], ["mean+tangency", "lstm+tangency"]])
@pytest.mark.parametrize("n_days", [3, 60, 300])
@pytest.mark.parametrize("market", ["falls", "like the others", "is still"])
@pytest.mark.parametrize("dirt", DIRT)
def test_every_dirty_market_ends_in_words_without_the_ruined(dirt, market, n_days, only):
    noise = pd.DataFrame(np.random.default_rng(2).normal(-0.001, 0.01, (300, 4)), DAYS, ["A", "B", "C", "benchmark"])
    noise = noise - 0.004 if market == "falls" else noise.assign(benchmark=0.0) if market == "is still" else noise
    returns = noise.assign(A=DIRT[dirt](noise["A"])).iloc[-n_days:]
    weights = pd.DataFrame([(date, name, asset, weight) for name in only for date in returns.index[[0, n_days // 2]]
                            for asset, weight in zip("ABC", STRATEGIES[name])],
                           columns=["rebalance_date", "strategy", "asset", "weight"])
    result = backtest.backtest(weights, returns[["A", "B", "C"]], cost_rate=0.001)
    net = result.net_returns.join(returns["benchmark"])
    table = performance_table(net, backtest.turnover(result.trades), periods_per_year=252, risk_free_rate=0.02)
    ruined = list(result.bankruptcies["strategy"])
    assert ruined == list(table.loc[metrics.ruined(table), "strategy"])
    excess = monthly_excess(net).drop(columns=ruined)
    left = weights[weights["strategy"].isin(list(excess))]
    twins = evidence.against_twins(excess, weights)
    copies = holdings.near_copies(left) if len(left) else {}
    said = [concluded(holdings.once(table, copies) if copies else table, monthly_tests(holdings.once(excess, copies)), twins=twins)]
    outcomes = investors.outcome(table, weights)
    advice = sentences.advice(investors.served(outcomes, monthly_excess(net)))
    evidence.best_pair(excess)
    for figure in (strategies.readme_figure(net, weights), strategies.risk_profiles(outcomes, sample=""),
                   strategies.wealth(net), strategies.monthly_excess(monthly_excess(net))):
        assert figure.data
    said += list(advice.drop(columns="beware").to_numpy().ravel())
    ranked = said[0].split("\n", 1)[1] if ruined else said[0]  # the first item names them
    assert not any(f"`{name}`" in ranked or name in " ".join(said[1:]) for name in ruined)
    assert not any(word in " ".join([*said, *advice["beware"]]).lower() for word in ("nan ", "nan%", "inf ", "nan)"))


# --------------------------------------------------------------------------------------------------- risk forecasts
def risk_table(**rows):
    """A table of risk forecasts: by estimator, volatility, difference and p-value of the variance and of the loss."""
    table = pd.DataFrame([(name, 0.12, volatility, volatility ** 2, *rest) for name, (volatility, *rest) in rows.items()],
                         columns=["estimator", "promised_volatility", "volatility", "variance", "variance_difference",
                                  "variance_p", "loss_difference", "loss_p"])
    return table.assign(loss=1.0)


SAMPLE_ROW = (0.16, np.nan, np.nan, np.nan, np.nan)


def test_a_risk_forecast_is_better_only_where_the_difference_is_significant():
    said = sentences.risk_forecasts(risk_table(sample=SAMPLE_ROW, ewma=(0.15, -0.1, 0.01, -1.0, 0.2),
                                             gerber=(0.17, 0.2, 0.6, 2.0, 0.001)))
    assert "promised its minimum-variance portfolio a volatility of 12.0 % a year. It had 16.0 %" in said
    assert "The lowest volatility, 15.0 %, came with `ewma`" in said
    assert "`ewma` has a lower variance than `sample`, significant at 5 %" in said
    assert "No estimator is shown to have a smaller likelihood loss than `sample`" in said
    assert "`gerber` is significantly worse" in said


def test_a_sample_covariance_that_nothing_beats_is_said_to_be_the_best():
    said = sentences.risk_forecasts(risk_table(sample=SAMPLE_ROW, ewma=(0.18, 0.1, 0.3, np.nan, np.nan)))
    assert "No other estimator led to a lower variance." in said and "worse" not in said


def test_an_estimate_that_is_singular_on_every_date_is_named():
    table = risk_table(sample=SAMPLE_ROW, ewma=(0.18, 0.1, 0.3, np.nan, np.nan))
    table.loc[table["estimator"] == "ewma", "loss"] = np.nan
    assert "because singular on every date: ewma" in sentences.risk_forecasts(table)


def test_where_no_portfolio_was_found_no_risk_forecast_is_judged():
    table = risk_table(sample=SAMPLE_ROW, ewma=(0.18, 0.1, 0.3, np.nan, np.nan)).assign(volatility=np.nan)
    assert sentences.risk_forecasts(table).startswith("No minimum-variance portfolio could be compared")


def test_a_singular_sample_covariance_is_no_rival_by_likelihood():
    table = risk_table(sample=SAMPLE_ROW, ewma=(0.15, -0.1, 0.01, np.nan, np.nan)).assign(loss=[np.nan, 1.0])
    said = sentences.risk_forecasts(table)
    assert "likelihood" not in said and "because singular on every date: sample" in said


def test_persistence_is_told_with_its_standard_error():
    table = pd.DataFrame({"correlation": [0.02, 0.8], "error": [0.05, 0.03], "n_dates": [24, 24]},
                         index=["mean_return", "volatility"])
    assert sentences.persistence(table).startswith("The rank correlation across assets between past and coming volatility is "
                                                   "0.80 (standard error 0.03). ")
    assert "means over 24 rebalances" in sentences.persistence(table)
    assert "too few" in sentences.persistence(table.assign(error=np.nan))


def a_leak(leak: str, bought: float, *, strategy: str = "mean+mvf", residual: bool = True, n_assets: int = 20) -> dict:
    return {"leak": leak, "strategy": strategy, "residual": residual, "n_assets": n_assets, "honest_return": 0.1,
            "total_return": 0.1 + bought, "bought": bought}


def test_the_leak_that_buys_most_and_one_that_costs_are_told_with_their_numbers():
    table = pd.DataFrame([a_leak("winners_universe", 0.5, strategy="equal_weight", n_assets=10), a_leak("peek_one_day", -0.3),
                          a_leak("full_sample_mean", 0.001, residual=False), a_leak("survivors_only", 0.0)])
    said = sentences.leaked(table, leak="none", n_assets=20)
    assert "The leak `winners_universe` would have bought most" in said and "`equal_weight` goes from 10.0 % to 60.0 %" in said
    assert "with `peek_one_day` the total return of `mean+mvf` goes from 10.0 % to -20.0 %" in said
    assert "Here `full_sample_mean` and `survivors_only` change no total" in said
    assert "`survivors_only` leaves out no asset" in said
    assert "leaves out no asset" not in sentences.leaked(table.assign(n_assets=19), leak="none", n_assets=20)


def test_a_run_with_a_leak_counts_the_strategies_that_it_moved():
    table = pd.DataFrame([a_leak("peek_one_day", bought, strategy=name) for name, bought in (("a", 0.5), ("b", -0.2), ("c", 0.0))])
    said = sentences.leaked(table, leak="peek_one_day", n_assets=20)
    assert "raised the total return of 1 of 3 strategies and lowered that of 1" in said
    assert "`a` goes from 10.0 % to 60.0 %" in said and "`b` goes from 10.0 % to -10.0 %" in said
    unmoved = sentences.leaked(table.assign(bought=0.0), leak="peek_one_day", n_assets=20)
    assert "of 0 of 3 strategies" in unmoved and "goes from" not in unmoved
    assert "none was made" in sentences.leaked(table[:0], leak="none", n_assets=2)


def optimum(status="optimal", note=""):
    return Solution(pd.Series({"A": 1.5, "B": -0.5}), "CLARABEL", status, note)


def test_programs_at_their_optimum_need_no_remark_and_others_say_why():
    assert sentences.solved({"a": optimum(), "b": optimum()}) == "All 2 programs reached their optimum (CLARABEL)."
    assert sentences.solved({"a": optimum(), "b": optimum("fallback", "no mean is high enough")}) == (
        "These portfolios need a remark: `b` (fallback): no mean is high enough.")


def test_a_tangency_portfolio_has_its_gross_exposure_and_its_remark():
    assert sentences.tangency(optimum()) == "The tangency portfolio has a gross exposure of **2.00**."
    assert sentences.tangency(optimum("inefficient", "inefficient: B is low")).endswith("**2.00**. It is inefficient: B is low.")
    assert sentences.tangency(optimum("failed", "It is singular")) == "There is no tangency portfolio. It is singular"


def test_the_least_certain_mean_is_that_of_an_asset_that_is_held():
    known = pd.DataFrame({"mean": [0.5, 0.1, 0.2], "standard_error": [0.28, 0.5, 0.1]}, index=["A", "B", "C"])
    told = sentences.known_means(known, pd.Series({"A": 0.2, "B": 0.0, "C": 0.8}))
    assert "median standard error is **28.0 %**" in told and "puts 20.0 % into `A`" in told and "50 ± 28 % a year" in told


def test_resampled_portfolios_have_their_means_with_standard_errors():
    ratios = pd.DataFrame({"promised": [2.0, 1.0, np.inf], "delivered": [1.0, 0.5, 1.0]})
    told = sentences.resampled(ratios, pd.Series([0.2, 0.4, 0.3]), 1.25)
    assert "**1.50 ± 0.50**" in told and "**0.75 ± 0.25**" in told and "best possible is 1.25" in told and "**30 ± 6 %**" in told
    assert sentences.resampled(ratios[2:], pd.Series([0.5]), 1.25).endswith("**50 %** of the money lies in other assets than "
                                                                           "under the estimated means.")


@pytest.mark.parametrize("status, expected", [
    ("optimal", "a gross exposure of 2.0."), ("inefficient", "2.0 and the lowest Sharpe ratio of all, not the highest."), ("failed", None)])
def test_what_stage_03_showed_has_a_standard_error_beside_each_return(status, expected):
    table = pd.DataFrame({name: [0.1, 0.2, 3.0] for name in ("minimum_variance", "maximum_sharpe")},
                         index=["annual_return", "annual_volatility", "effective_holdings"])
    known = pd.DataFrame({"mean": [0.5, 0.1], "standard_error": [0.2, 0.1]})
    ratios = pd.DataFrame({"promised": [2.0, 1.0], "delivered": [1.0, 0.5]})
    told = sentences.rewarded(table, known, ratios, optimum(status), years=4)
    assert "10.0 ± 10.0 % a year at a volatility of 20.0 %, in 3.0 effective holdings" in told
    assert "1 of 2 are less than two" in told and "0.75 ± 0.25 higher" in told
    assert expected in told if expected else "Short selling" not in told


def test_what_decisions_came_to_counts_portfolios_and_sets_momentum_beside_the_forecast():
    rows = [("lstm+mvf", "A", 1.0), ("lstm+mvf", "B", 0.0), ("equal_weight", "A", 0.5), ("equal_weight", "B", 0.5)]
    weights = pd.DataFrame(rows, columns=["strategy", "asset", "weight"]).assign(rebalance_date=pd.Timestamp("2024-01-31"))
    momentum = pd.DataFrame([("lstm", 0.99, 0.1), ("mean", np.nan, np.nan)],
                            columns=["model", "window_mean_correlation", "forecast_correlation"])
    told = sentences.decided(weights, momentum, ["lstm"], n_strategies=3)
    assert "3 strategies came to 2 different portfolios. The others differ from one of these by at most 1 %" in told
    assert "Effective holdings, mean over rebalances: `mvf` 1.0, of 2 assets." in told
    assert "of 0.99 (`lstm`). Its correlation with the forecast is 0.10 (`lstm`)." in told and told.endswith("stage 4: `lstm`.")
    alone = sentences.decided(weights, momentum[1:], [], n_strategies=2)
    assert "The others" not in alone and "momentum" not in alone and alone.endswith("none of the models.")


def test_shares_of_risk_are_told_of_equal_weight_with_the_furthest_move_of_risk_parity():
    shares = pd.DataFrame({"strategy": "equal_weight", "asset": ["A", "B"], "risk_share": [0.1, 0.9]})
    told = sentences.risk_shares(shares, pd.DataFrame({"largest_distance": [0.0003, 0.0021]}))
    assert told == ("Equal weight puts 50.0 % of the money into each asset. Its shares of risk run from 10.0 % (`A`) to 90.0 % "
                    "(`B`). Forecasts move risk parity by at most 0.21 % of wealth at any rebalance.")
    assert "risk parity" not in sentences.risk_shares(shares, pd.DataFrame({"largest_distance": []}))


@pytest.mark.parametrize(("gamma", "decides"), [(1, "10 times as large, so the means decide"), (10, "1 times as large, so both count"),
                                                (100, "smaller, so the variances decide"), (0, "the means decide")])
def test_risk_aversion_sets_variances_beside_the_difference_of_means(gamma, decides):
    variances = pd.DataFrame([[1e-4, 0], [0, 1e-4]], index=["A", "B"], columns=["A", "B"])
    assert decides in sentences.risk_aversion(pd.Series({"A": 0.0015, "B": 0.0005}), variances, chosen=gamma)
