"""Investors: who is meant for whom, what was promised and kept, whose wish came true, all words by the numbers."""

import numpy as np
import pandas as pd
import pytest
from decided_weights import DATES, DAYS, decided, returns  # noqa: F401  a fixture among them
from scipy import stats

from forefolio.performance import investors, metrics
from forefolio.performance.evidence import holm
from forefolio.report import sentences

OUTCOMES = pd.DataFrame([  # return, volatility, drawdown, turnover, effective holdings, Sharpe ratio
    ("lstm+mvf", "return-seeking", 0.25, 0.40, -0.45, 0.80, 1.2, 0.60),
    ("lstm+rpp", "moderate", 0.19, 0.15, -0.14, 0.03, 18.0, 1.30),
    ("lstm+mdp", "conservative", 0.08, 0.16, -0.12, 0.26, 4.0, 0.50),
    ("equal_weight", "reference", 0.20, 0.17, -0.15, 0.02, 20.0, 1.15),
    ("benchmark", "reference", 0.30, 0.10, -0.05, np.nan, np.nan, 3.0)], columns=["strategy", "profile", *investors.MEASURES])
MONTHS = pd.DataFrame(np.random.default_rng(1).normal(0, 0.02, (24, 4)), columns=OUTCOMES["strategy"][:4])


def advised(outcomes=OUTCOMES, months=MONTHS):
    """Advice, a row a wish, by the wish's measure."""
    return sentences.advice(investors.served(outcomes, months)).set_index(pd.Index(["return", "ratio", "drawdown", "turnover"]))


def kept(promised, outcomes):
    """What was kept where one day follows the one decision, on which each strategy fell as far as its outcome says."""
    fell = outcomes.set_index("strategy")["max_drawdown"].to_frame(DAYS[1]).T
    return investors.kept(promised, outcomes, fell, dates=[DAYS[0]], estimation_window=1)


def changed(strategy, **values):
    """Outcomes with other values of one strategy."""
    outcomes = OUTCOMES.set_index("strategy")
    outcomes.loc[strategy, list(values)] = list(values.values())
    return outcomes.reset_index()


def test_profiles_follow_the_framework_and_what_has_none_is_a_reference():
    names = ["lstm+mvf", "zero+rpp", "cnn1d+mdp", "ar+tangency", "equal_weight", "benchmark", "lstm+rtp"]
    table = pd.DataFrame({"strategy": names, "turnover": 0.1}, index=range(3, 10))
    marked = investors.with_profile(table)
    assert marked["profile"].tolist() == ["return-seeking", "moderate", "conservative", "long-short"] + ["reference"] * 3
    assert list(marked) == ["strategy", "profile", "turnover"] and list(table) == ["strategy", "turnover"]
    pd.testing.assert_frame_equal(investors.with_profile(marked), marked)


def test_outcome_averages_holdings_over_the_rebalances():
    performance = OUTCOMES.drop(columns=["profile", "effective_holdings"]).assign(sortino=1.0)
    strategies = performance["strategy"].drop(4)
    weights = pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": name, "asset": ["A", "B"], "weight": held})
                         for date, held in ((0, [1.0, 0.0]), (1, [0.5, 0.5])) for name in strategies])
    table = investors.outcome(performance, weights)
    assert list(table) == list(OUTCOMES)
    assert table["effective_holdings"].tolist() == pytest.approx([1.5] * 4 + [np.nan], nan_ok=True)
    pd.testing.assert_frame_equal(table.drop(columns="effective_holdings"), OUTCOMES.drop(columns="effective_holdings"))


def test_each_investor_gets_the_best_strategy_and_never_the_benchmark():
    advice = advised()
    assert list(advice) == ["if your investor", "then", "which had", "and with it", "its framework", "equal weight",
                            "index", "beware"]
    assert [text.split(":")[0] for text in advice["if your investor"]] == ["return-seeking", "moderate", "conservative",
                                                                         "paying for every trade"]
    assert advice["then"].tolist() == ["lstm+mvf", "lstm+rpp", "lstm+mdp", "equal_weight"]
    assert advice["which had"].tolist() == ["return 25.0 %", "Sharpe ratio 1.30", "drawdown 12.0 %", "turnover 2.0 %"]
    assert advice["and with it"].tolist() == [
        "volatility 40.0 %, drawdown 45.0 %, turnover 80.0 %", "return 19.0 %, volatility 15.0 %, turnover 3.0 %",
        "return 8.0 %, volatility 16.0 %, turnover 26.0 %", "return 20.0 %, volatility 17.0 %, drawdown 15.0 %"]
    assert advice["its framework"].tolist() == ["MVF: 25.0 %", "RPP: 1.30", "MDP: 12.0 %", "none"]
    assert advice["equal weight"].tolist() == ["20.0 %", "1.15", "15.0 %", "2.0 %"]
    assert advice["index"].tolist() == ["30.0 %", "3.00", "5.0 %", "none"]


def test_another_winner_changes_the_words_and_the_paper_s_choice_stays_its_framework_s_best():
    more = pd.concat([changed("equal_weight", annual_return=0.5, sharpe=2.0),
                      OUTCOMES.iloc[[0]].assign(strategy="gru+mvf", annual_return=0.3)], ignore_index=True)
    other = advised(more, MONTHS.assign(**{"gru+mvf": 0.01}))
    assert other.loc[["return", "ratio"], "then"].tolist() == ["equal_weight"] * 2
    assert other["its framework"].tolist() == ["MVF: 30.0 %", "RPP: 1.30", "MDP: 12.0 %", "none"]
    pd.testing.assert_frame_equal(advised(OUTCOMES[::-1].reset_index(drop=True), MONTHS[MONTHS.columns[::-1]]), advised())
    without = advised(OUTCOMES[OUTCOMES["strategy"] != "lstm+mdp"])
    assert without.loc["drawdown", ["then", "its framework"]].tolist() == ["lstm+rpp", "MDP: not in this run"]


def test_only_the_return_wish_speaks_of_luck_by_holm_over_equal_weight_and_index():
    beware = advised()["beware"]
    over_index = holm(MONTHS.apply(lambda months: stats.wilcoxon(months, alternative="greater").pvalue))["lstm+mvf"]
    over_equal = holm(MONTHS.iloc[:, :3].sub(MONTHS["equal_weight"], axis=0).apply(
        lambda months: stats.wilcoxon(months, alternative="greater").pvalue))["lstm+mvf"]
    assert beware["return"] == f"not shown to beat equal weight (p {over_equal:.3f}) or the index (p {over_index:.3f})"
    assert over_index != over_equal and not beware[["ratio", "drawdown", "turnover"]].str.contains(r"shown|\(p").any()


def test_a_lead_over_each_rival_is_shown_or_not_shown():
    steady = MONTHS.assign(**{"lstm+mvf": 0.05 + 0.001 * np.arange(24)})
    assert advised(months=steady).loc["return", "beware"] == (
        "shown to beat equal weight (p below 0.001) and the index (p below 0.001)")
    universe = steady.assign(equal_weight=steady["lstm+mvf"] + [0.001, -0.001] * 12)
    text = advised(months=universe).loc["return", "beware"]
    assert text.startswith("shown to beat the index (p below 0.001); not shown to beat equal weight (p ")
    itself = advised(changed("equal_weight", annual_return=0.5)).loc["return", "beware"]
    assert "equal weight" not in itself and itself.startswith("not shown to beat the index (p ")
    assert advised(months=MONTHS * 0).loc["return", "beware"] == (
        "not shown to beat equal weight (untested) or the index (untested)")


@pytest.mark.parametrize(("drawdown", "told"), [(-0.129, "hardly ahead of lstm+rpp; "), (-0.131, "")])
def test_a_lead_in_drawdown_below_a_percentage_point_is_called_small(drawdown, told):
    assert advised(changed("lstm+rpp", max_drawdown=drawdown)).loc["drawdown", "beware"] == f"{told}the index did better"
    assert advised(changed("lstm+rpp", max_drawdown=drawdown)[:4]).loc["drawdown", "beware"] == told.rstrip("; ")


@pytest.mark.parametrize(("ratio", "told"), [(1.21, "hardly ahead of equal_weight"), (1.19, "")])
def test_a_lead_in_ratio_below_a_tenth_is_called_small(ratio, told):
    assert advised(changed("equal_weight", sharpe=ratio)[:4]).loc["ratio", "beware"] == told


def copied(*names, **values):
    """Outcomes and months with near-copies of risk parity: equal to what is printed."""
    source = OUTCOMES.set_index("strategy").loc["lstm+rpp"]
    rows = [source.to_dict() | {"strategy": name, "sharpe": 1.30 + 1e-6 * i} | values for i, name in enumerate(names, 1)]
    return (pd.concat([OUTCOMES, pd.DataFrame(rows)], ignore_index=True),
            MONTHS.assign(**{name: MONTHS["lstm+rpp"] for name in names}))


def test_near_copies_are_all_named_share_one_text_and_are_no_runners_up():
    both = advised(*copied("cnn1d+rpp")).loc["ratio"]
    assert both["then"] == "lstm+rpp and cnn1d+rpp" and both["beware"] == "the index did better"
    assert both["and with it"] == "return 19.0 %, volatility 15.0 %, turnover 3.0 %"
    assert advised(*copied("cnn1d+rpp", "gru+rpp", "rnn+rpp")).loc["ratio", "then"] == "lstm+rpp, cnn1d+rpp and 2 others"


def test_of_strategies_level_at_a_wish_the_one_that_trades_least_stands_first_and_is_told():
    row = advised(*copied("cnn1d+rpp", turnover=0.025, annual_return=0.1)).loc["ratio"]
    assert row["then"] == "cnn1d+rpp and lstm+rpp"
    assert row["and with it"] == "first: return 10.0 %, volatility 15.0 %, turnover 2.5 %"


def test_no_text_is_long():
    names = dict(zip(OUTCOMES["strategy"][:3], ["bilstm+tangency", "cnn1d+tangency", "lstm+tangency"]))
    level = changed("lstm+rpp", annual_return=0.25, turnover=0.81).replace({"strategy": names})
    level.loc[:3, ["max_drawdown", "sharpe"]] = [[-0.120, 1.30], [-0.128, 1.29], [-0.127, 1.28], [-0.126, 1.27]]
    for outcomes, months in ((OUTCOMES, MONTHS), (level, MONTHS.rename(columns=names)), copied("cnn1d+rpp", turnover=0.025)):
        assert advised(outcomes, months).map(len).max(axis=None) <= 84


def test_what_is_missing_is_said_and_nothing_reads_nan():
    alone = OUTCOMES.iloc[[0, 4]].assign(turnover=np.nan)
    advice = advised(alone, MONTHS[["lstm+mvf"]])
    assert advice["then"].tolist() == ["lstm+mvf"] * 3 + ["cannot be told"]
    assert advice.loc["return", ["and with it", "equal weight"]].tolist() == ["volatility 40.0 %, drawdown 45.0 %", "none"]
    assert "equal weight" not in advice.loc["return", "beware"]
    assert not advice.apply(lambda column: column.str.contains("nan")).any(axis=None)


def test_kept_joins_promise_and_outcome_by_name_and_says_what_was_kept():
    promised = pd.DataFrame({"strategy": ["equal_weight", "lstm+mvf", "lstm+rpp", "lstm+mdp"],
                             "annual_return": [0.1, 1.5, 0.19, 0.0804], "annual_volatility": [0.2, 0.3, 0.15, 0.1596],
                             "max_drawdown": [-0.1, -0.2, -0.2, -0.11]})
    table = kept(promised, OUTCOMES)
    assert list(table) == ["strategy", "return promised", "return got", "volatility promised", "volatility got",
                           "drawdown promised", "drawdown got", "kept"]
    assert table.iloc[:2].to_numpy().tolist() == [
        ["equal_weight", 0.1, 0.2, 0.2, 0.17, -0.1, pytest.approx(-0.15), "return, volatility"],
        ["lstm+mvf", 1.5, 0.25, 0.3, 0.4, -0.2, pytest.approx(-0.45), "none"]]
    assert table["kept"].tolist()[2:] == ["all", "return, volatility"]  # what is printed alike is kept


def test_drawdowns_are_compared_over_as_many_days_as_promised_and_only_after_decisions_that_so_many_follow():
    days = pd.bdate_range("2021-01-04", periods=6, name="date")
    net = pd.DataFrame({"lstm+mvf": [0.0, -0.1, 0.0, -0.2, 0.0, -0.5]}, days)
    promised = OUTCOMES[["strategy", "annual_return", "annual_volatility", "max_drawdown"]].iloc[[0]]
    options = dict(dates=[days[0] - pd.Timedelta(days=3), days[1], days[4]], estimation_window=3)
    table = investors.kept(promised, OUTCOMES, net, **options)
    assert table["drawdown got"].tolist() == pytest.approx([(-0.1 - 0.2) / 2])  # one day alone follows the last decision
    short = investors.kept(promised, OUTCOMES, net, **options | {"estimation_window": 7})
    assert short["drawdown got"].isna().all() and short["kept"].tolist() == ["return, volatility"]


def test_promised_is_what_constant_weights_would_have_earned_in_each_window(returns):
    constant = {"bold": [(0, 0, 1)] * 3, "short": [(1.5, 0, -0.5)] * 3, "even": [(0.5, 0.25, 0.25)] * 3}
    table = investors.promised(decided(**constant), returns, estimation_window=30, periods_per_year=252)
    assert table["strategy"].tolist() == ["bold", "short", "even"]
    assert list(table.columns) == ["strategy", "annual_return", "annual_volatility", "max_drawdown",
                                   "effective_holdings"]
    windows = [returns.loc[:date].iloc[-30:] for date in DATES]
    for strategy, rows in constant.items():
        earned = [pd.DataFrame({strategy: window.to_numpy() @ rows[0]}, window.index) for window in windows]
        ours = table.set_index("strategy").loc[strategy]
        grown = [(1 + daily[strategy]).prod() ** (252 / 30) - 1 for daily in earned]
        assert ours["annual_return"] == pytest.approx(np.mean(grown))
        expected = np.mean([metrics.annual_volatility(daily, periods_per_year=252) for daily in earned])
        assert ours["annual_volatility"] == pytest.approx(expected)
        assert ours["max_drawdown"] == pytest.approx(np.mean([metrics.max_drawdown(daily) for daily in earned]))
    np.testing.assert_allclose(table["effective_holdings"], [1, 4 / 2.5, 1 / 0.375])


def test_promised_knows_nothing_after_the_dates_and_loses_no_more_than_all(returns):
    later = returns.copy()
    later.loc[later.index > DATES[2]] = 0.5
    weights = decided(short=[(3, 0, -2)] * 3)
    ours, theirs = (investors.promised(weights, known, estimation_window=30, periods_per_year=252)
                    for known in (returns, later))
    pd.testing.assert_frame_equal(ours, theirs)
    ruin = returns.assign(C=returns["C"].where(returns.index != DAYS[35], 0.9))  # owes 1.8 times what it has
    table = investors.promised(weights, ruin, estimation_window=40, periods_per_year=252)
    expected = [metrics.max_drawdown((ruin.loc[:date].iloc[-40:] @ [3, 0, -2]).to_frame()).iloc[0] for date in DATES]
    assert expected[0] == -1 and table["max_drawdown"].iloc[0] == pytest.approx(np.mean(expected))
    with pytest.raises(ValueError, match="estimation_window needs 50"):
        investors.promised(weights, returns, estimation_window=50, periods_per_year=252)


# ------------------------------------------------------------------------------------- who cannot serve anybody
WONDER = dict(annual_return=9.0, max_drawdown=-1.0, sharpe=9.0, turnover=0.0)  # of all wishes the best, and ruined


def test_a_strategy_that_lost_everything_serves_no_wish_and_is_named_at_each():
    advice = advised(changed("lstm+mvf", **WONDER))
    assert advice["then"].tolist() == ["equal_weight", "lstm+rpp", "lstm+mdp", "equal_weight"]
    assert advice["beware"].str.endswith("lstm+mvf lost all wealth").all()
    assert advice.loc["return", "its framework"] == "MVF: none that counts"
    assert "lstm+mvf" not in " ".join(advice.drop(columns="beware").to_numpy().ravel())
    close = advised(changed("lstm+mvf", **WONDER | {"sharpe": 1.31}))
    assert "hardly ahead" not in close.loc["ratio", "beware"], "no runner-up either"


def test_the_ruined_are_in_no_test_of_the_winner():
    served = investors.served(changed("lstm+mvf", **WONDER), MONTHS)[0]
    left = MONTHS.drop(columns="lstm+mvf")
    one_sided = left.apply(lambda months: stats.wilcoxon(months, alternative="greater").pvalue)
    assert served.best.index.tolist() == ["equal_weight"] and served.p_values == {"the index": pytest.approx(holm(one_sided)["equal_weight"])}


def test_cash_wins_no_ratio_and_is_named_there_and_where_it_wins():
    advice = advised(changed("lstm+mdp", annual_volatility=1e-5, sharpe=1600.0, max_drawdown=-0.001))
    assert advice["then"].tolist() == ["lstm+mvf", "lstm+rpp", "lstm+mdp", "equal_weight"]
    assert advice.loc["ratio", "beware"].endswith("lstm+mdp took hardly any risk, so no Sharpe ratio")
    assert advice.loc["drawdown", "beware"] == "lstm+mdp took hardly any risk"
    assert not advice["beware"].drop(["ratio", "drawdown"]).str.contains("any risk").any()
    index = advised(changed("benchmark", annual_volatility=0.0, sharpe=np.inf))
    assert index.loc["ratio", ["index", "then"]].tolist() == ["none", "lstm+rpp"] and "index" not in index.loc["ratio", "beware"]


def test_an_index_that_is_level_did_not_do_better():
    best = investors.served(changed("benchmark", sharpe=0.0), MONTHS)[1].best["sharpe"].iloc[0]
    assert not investors.served(changed("benchmark", sharpe=best + 1e-15), MONTHS)[1].index_ahead
    assert investors.served(changed("benchmark", sharpe=best + 0.01), MONTHS)[1].index_ahead


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("measure", ["annual_return", "sharpe", "max_drawdown", "turnover"])
def test_what_is_no_number_wins_nothing(measure, value):
    """A drawdown of minus infinity is below that of ruin, which is named."""
    advice = advised(changed("lstm+rpp", **{measure: value}))
    row = advice.loc[dict(annual_return="return", sharpe="ratio", max_drawdown="drawdown", turnover="turnover")[measure]]
    assert "lstm+rpp" not in row["then"] and "nan" not in " ".join(row) and "inf" not in " ".join(row)


def test_where_nobody_is_left_the_advice_cannot_be_told():
    ruined = OUTCOMES.assign(max_drawdown=-1.0)
    for advice in (advised(ruined), advised(ruined[:1]), advised(OUTCOMES[4:])):
        assert (advice["then"] == "cannot be told").all() and (advice["which had"] == "not measured").all()
    assert advised(ruined)["beware"].str.endswith("lstm+mvf, lstm+rpp, lstm+mdp and 1 other lost all wealth").all()


def test_the_ruined_keep_no_promise():
    promised = OUTCOMES[["strategy", "annual_return", "annual_volatility", "max_drawdown"]].iloc[[0]].assign(annual_volatility=0.9)
    assert kept(promised, changed("lstm+mvf", max_drawdown=-1.0))["kept"].tolist() == ["none"]
    assert kept(promised, OUTCOMES)["kept"].tolist() == ["all"]
