"""Nguyen's printed numbers beside a run, and what they say about each other: hand-made runs with known answers."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forefolio import claims, covariance, equity_audit, papers, portfolios, provenance
from forefolio import equity_claims as subject

MARKETS = os.environ.get("FOREFOLIO_MARKETS")
market = pytest.mark.skipif(not MARKETS, reason="FOREFOLIO_MARKETS names no folder with vn100_prices.csv")
SIX = ["lstm+mdp", "lstm+mvf", "cnn1d+mvf", "lstm+rpp", "cnn1d+rpp", "cnn1d+mdp"]  # in the order of their totals, almost
HOLDS = "LSTM strategies outperform their 1D-CNN counterparts"


@pytest.fixture
def published():
    return {path.stem.removeprefix("nguyen2025_"): pd.read_csv(path) for path in provenance.published("nguyen2025")}


@pytest.fixture
def run(published):
    """A run whose tables are the paper's, wherever the paper prints a number, on four quiet stocks."""
    printed = published["portfolios"]
    totals = printed["total_return_percent"] / 100
    excess = pd.DataFrame({"strategy": printed["strategy"], "n_months": 24, "mean_monthly_excess": totals / 23,
                           "std_monthly_excess": totals / 23 / printed["information_ratio"],
                           "information_ratio": printed["information_ratio"], "total_return": totals,
                           "summed_excess": totals, "summed_excess_but_first": totals,
                           "turnover_one_way": printed["turnover_percent"] / 100,
                           "turnover_two_way": printed["turnover_percent"] / 50, "effective_holdings": 3.0})
    benchmark = pd.DataFrame({"strategy": ["benchmark"], "n_months": 24, "total_return": 0.376})
    errors = published["forecasts"].assign(mae_std=[1.0, 2.0], mse_std=[1.0, 2.0], rmse_std=[1.0, 2.0], hr_mean=[0.51, 0.515])
    zero = pd.DataFrame({"model": ["zero"], "mae_mean": 0.0139, "mse_mean": 0.000401, "rmse_mean": 0.0195})
    days = pd.bdate_range("2021-06-01", "2024-12-31", name="date")
    rng = np.random.default_rng(5)
    returns = pd.DataFrame(rng.normal(0, 0.01, (len(days), 4)), index=days, columns=list("ABCD"))
    net_returns = pd.DataFrame({name: rng.normal(0, 0.005 if name.endswith("rpp") else 0.02, len(days)) for name in SIX},
                               index=days).assign(benchmark=0.0005).loc["2023":]
    return {"log_accuracy": pd.concat([zero, errors]), "excess": pd.concat([excess, benchmark]), "returns": returns,
            "tests": pd.DataFrame({"strategy": SIX, "shapiro_p": 0.01, "wilcoxon_p": 0.02}), "net_returns": net_returns,
            "monthly_excess": pd.DataFrame({name: rng.normal(0.01, 0.04, 24) for name in SIX}),
            "universe": pd.DataFrame({"ticker": range(100), "kept": [True] * 59 + [False] * 41})}


def told(published, run):
    frames = {name: run[name] for name in ("excess", "tests", "monthly_excess", "net_returns", "universe")}
    return subject.sentences(published, accuracy=run["log_accuracy"], **frames)


def audited(published, run, **other):
    frames = {name: run[name] for name in ("returns", "net_returns", "excess", "log_accuracy")}
    return equity_audit.audit(published, **frames | other)


def one(table, start):
    """The only row whose claim starts so."""
    found = table[table["claim"].str.startswith(start)]
    assert len(found) == 1, f"{start}: {len(found)} rows"
    return found.iloc[0]


def test_the_frame_of_claims_repeats_the_two_others(published):
    said = published["claims"]
    numbers = pd.to_numeric(said["value"], errors="coerce")
    for place, frame in (("Table 4", published["forecasts"]), ("Table 5", published["portfolios"])):
        repeated = numbers[said["place"] == place].dropna()
        assert Counter(repeated) == Counter(frame.iloc[:, 1:].stack().dropna())


def test_each_published_number_is_claimed_once_but_for_its_conventions(published, run):
    table = papers.all_claims("nguyen2025", published, run)
    table = table[~table["place"].str.startswith("Audit")]
    conventions = {"total return of": 3, "turnover of": 2}
    shares = [next((n for start, n in conventions.items() if claim.startswith(start)), 1) for claim in table["claim"]]
    counted = Counter()
    for value, share in zip(table["published"], shares, strict=True):
        counted[value] += 1 / share
    values = published["claims"]["value"]
    stated = pd.to_numeric(values, errors="coerce").astype(object).fillna(values)
    assert {value: round(n, 9) for value, n in counted.items()} == Counter(stated)
    assert not table.duplicated(["place", "claim"]).any()


def test_a_run_with_the_paper_s_numbers_reproduces_them(published, run):
    table = pd.concat([subject.table4(published, run["log_accuracy"]), subject.table5(published, run["excess"]),
                       told(published, run)])
    missed = table.loc[table["status"] != "reproduced", "claim"].str.partition(":")[0].tolist()
    turnovers = [f"turnover of {subject.title_of(strategy)}" for strategy in SIX]  # twice as much in the other convention
    assert missed == [*turnovers, "lowest total return (text)", "Mann-Whitney p between LSTM+MDP and LSTM+MVF"]
    assert set(table["paper"]) == {"nguyen2025"} and list(table) == claims.COLUMNS
    assert one(table, "lowest total return (text)")["ours"] == "cnn1d+rpp"


def test_numbers_are_converted_to_the_paper_s_units(published, run):
    table = subject.table5(published, run["excess"].assign(
        summed_excess_but_first=0.5, summed_excess=0.6, total_return=0.7, turnover_one_way=0.4, turnover_two_way=0.8))
    best = table[table["claim"].str.contains("LSTM+MDP", regex=False)].set_index("claim")["ours"].astype(float).to_dict()
    assert best == pytest.approx({
        "total return of LSTM+MDP: percent, sum of excess without the first month": 50.0,
        "total return of LSTM+MDP: percent, sum of excess of all months": 60.0,
        "total return of LSTM+MDP: percent, compounded, the strategy's own": 70.0,
        "information ratio of LSTM+MDP: a month": 0.499, "turnover of LSTM+MDP: percent, one-way": 40.0,
        "turnover of LSTM+MDP: percent, two-way": 80.0, "mean monthly excess of LSTM+MDP: percent": 52.459 / 23})
    assert len(table) == 6 * 6 + 1
    within = one(table, "total return of LSTM+MDP: percent, sum of excess without")
    assert within["status"] == "reproduced" and within["tolerance"] == pytest.approx(0.05 * 52.459)


def test_errors_stand_beside_those_of_forecasting_zero(published, run):
    table = subject.table4(published, run["log_accuracy"])
    assert len(table) == 6 and one(table, "MAE of the LSTM")["claim"].endswith("log return a day (forecasting zero: 0.0139)")
    assert one(table, "MSE of the 1D-CNN")["claim"].endswith("(forecasting zero: 0.000401)")
    alone = subject.table4(published, run["log_accuracy"].query("model == 'lstm'"))
    assert alone["status"].tolist() == ["reproduced"] * 3 + ["no such data"] * 3
    assert not alone["claim"].str.contains("zero").any()


def test_sentences_follow_the_run(published, run):
    table = told(published, run)
    assert one(table, "highest total return")["claim"] == "highest total return: strategy; here excess summed over all months"
    assert one(table, "constituents excluded")["tolerance"] == 0
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


def test_one_lstm_strategy_behind_its_counterpart_is_enough_against_all_three(published, run):
    excess = run["excess"].reset_index(drop=True)
    excess.loc[excess["strategy"] == "lstm+rpp", "mean_monthly_excess"] = 0.0
    assert one(told(published, run), HOLDS)["ours"] == "yes"
    assert one(told(published, {**run, "excess": excess}), HOLDS)["ours"] == "no"


def test_strategies_alike_to_a_solver_s_rounding_tie(published, run):
    excess = run["excess"].set_index("strategy")
    excess.loc["cnn1d+mvf", ["summed_excess", "mean_monthly_excess"]] = excess.loc["lstm+mvf"] - 1e-9
    excess.loc["lstm+mdp", "summed_excess"] = excess.at["lstm+mvf", "summed_excess"]
    table = told(published, {**run, "excess": excess.reset_index()})
    assert one(table, "highest total return")["ours"] == "lstm+mdp, lstm+mvf, cnn1d+mvf"
    assert one(table, "highest total return")["status"] == "not reproduced" and one(table, HOLDS)["ours"] == "no"


def test_deviations_and_directions_of_the_two_networks(published, run):
    accuracy = run["log_accuracy"].set_index("model")
    accuracy.loc["lstm", "mse_std"], accuracy.loc["cnn1d", "hr_mean"] = 3.0, 0.5201
    table = told(published, {**run, "log_accuracy": accuracy.reset_index()})
    assert one(table, "LSTM has the lower deviations")["ours"] == "no"
    assert one(table, "LSTM has the lower means")["ours"] == "yes"
    assert one(table, "both models alike")["ours"] == "no"
    assert "less than one percentage point apart" in one(table, "both models alike")["claim"]
    accuracy["hr_mean"] = np.nan
    assert one(told(published, {**run, "log_accuracy": accuracy.reset_index()}), "both models")["status"] == "no such data"


def test_tests_of_months_follow_their_tables(published, run):
    from scipy.stats import mannwhitneyu

    months = run["monthly_excess"]
    p_value = mannwhitneyu(months["lstm+mdp"], months["lstm+mvf"]).pvalue
    assert one(told(published, run), "Mann-Whitney")["ours"] == pytest.approx(p_value)
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
    assert known["claim"].str.partition(":")[0].tolist() == ["constituents with complete histories", "constituents excluded"]
    of_table5 = subject.table5(published, fewer["excess"])
    lacking = of_table5.loc[of_table5["status"] == "no such data", "claim"]
    assert lacking.str.contains("LSTM+MVF", regex=False).all() and len(lacking) == 6
    other = {**run, "excess": pd.concat([run["excess"], pd.DataFrame({"strategy": ["equal_weight"], "summed_excess": 9.0})])}
    assert one(told(published, other), "highest total return")["ours"] == "lstm+mdp", "not of the paper's six"


def test_implied_deviations_and_p_values(published):
    table = equity_audit.implied(published).set_index("strategy").loc[SIX]
    assert (100 * table["mean_monthly_excess"]).round(3).tolist() == [2.281, 2.208, 1.978, 1.480, 1.471, 1.473]
    assert (100 * table["std_monthly_excess"]).round(2).tolist() == [4.57, 4.20, 4.13, 5.69, 5.66, 5.89]
    assert table["t_p"].round(3).tolist() == [0.013, 0.010, 0.016, 0.113, 0.113, 0.122]
    assert table["t_p_holm"].round(3).tolist() == [0.064, 0.058, 0.064, 0.338, 0.338, 0.338]


def test_audit_of_the_printed_numbers(published, run):
    rows = audited(published, run)
    expected = {
        "total return of LSTM+MDP, summed": (52.463, "reproduced"),
        "total return of LSTM+MDP, compounded": (67.990, "not reproduced"),
        "months in the total return": (22.998, "not reproduced"),
        "RPP deviates less from the index than MVF": ("no", "not reproduced"),
        "deviation of excess of LSTM+RPP": (5.6913, "reproduced"), "LSTM+MVF significant": ("yes", "reproduced"),
        "1D-CNN+MDP significant": ("no", "not reproduced"), "strategies significant at 5%:": (3, "not reproduced"),
        "strategies significant at 5%, after Holm's": (0, "not reproduced"),
        "highest total return": ("lstm+mdp", "reproduced"), "highest information ratio": ("lstm+mvf", "reproduced"),
        "lowest information ratio": ("cnn1d+mdp", "reproduced"), "highest turnover": ("lstm+mvf", "reproduced"),
        "lowest total return:": ("cnn1d+rpp", "not reproduced"), "lowest total return in percent": (33.824, "not reproduced"),
        "MAE of the LSTM no larger": (0.0139, "not reproduced"), "MSE of the 1D-CNN no larger": (0.000401, "not reproduced")}
    for start, (ours, status) in expected.items():
        row = one(rows, start)
        assert row["status"] == status, start
        assert row["ours"] == (ours if isinstance(ours, str) else pytest.approx(ours, rel=1e-4)), start
    assert one(rows, "strategies significant at 5%, after")["claim"].endswith("smallest p 0.058")
    assert set(rows["place"].str.extract(r"^Audit (\d), ")[0]) == set("123456")
    assert not rows.duplicated(["place", "claim"]).any()


def test_index_is_compounded_and_its_months_carry_the_printed_excess(published, run):
    rows = audited(published, run)
    daily = run["net_returns"]["benchmark"]
    rose = 100 * (1.0005 ** len(daily) - 1)
    assert f"index's own rise of {rose:.1f} percent" in one(rows, "strategies above the index")["claim"]
    assert one(rows, "strategies above the index")["ours"] == 6 and rose < 33.8
    wealth = 1.0
    for month in pd.period_range("2023-02", "2024-12", freq="M").astype(str):
        wealth *= 1.0005 ** len(daily.loc[month]) + 0.52459 / 23
    assert one(rows, "total return of LSTM+MDP as its own")["ours"] == pytest.approx(100 * (wealth - 1))
    faster = audited(published, run, net_returns=run["net_returns"].assign(benchmark=0.000625))
    assert one(faster, "strategies above the index")["ours"] == 3  # 38.4 percent


def test_errors_below_zero_s_agree(published, run):
    rows = audited(published, run, log_accuracy=pd.DataFrame({"model": ["zero"], "mae_mean": 0.02, "rmse_mean": 0.0215}))
    ours = {start: one(rows, start)[["ours", "status"]].tolist()
            for start in ("MAE of the LSTM", "RMSE of the LSTM", "RMSE of the 1")}
    assert ours == {"MAE of the LSTM": [0.0156, "reproduced"], "RMSE of the LSTM": [0.0212, "reproduced"],
                    "RMSE of the 1": [0.0215, "not reproduced"]}
    assert one(rows, "MSE of the LSTM no")["status"] == "no such data"
    assert "Forecasting no move" not in equity_audit.audit_sentences(rows)


def test_other_years_say_nothing_of_index_stocks_and_zero(published, run):
    rows = audited(published, run, net_returns=run["net_returns"].loc["2023-02":])
    unknown = rows[rows["status"] == "no such data"]
    assert Counter(unknown["place"].str.partition(",")[0]) == {"Audit 2": 2, "Audit 3": 10, "Audit 6": 6}
    assert len(audited(published, run, net_returns=pd.DataFrame())) == len(rows)
    assert "stray" not in equity_audit.audit_sentences(rows)


def test_risk_parity_of_like_stocks_deviates_as_their_mean_does(run):
    """Of one stock held in four copies, every window's portfolio is that stock."""
    copies = pd.DataFrame({name: run["returns"]["A"] for name in "ABCD"})
    index = run["net_returns"][["benchmark"]]
    months = pd.concat([copies["A"], index["benchmark"]], axis=1, join="inner")
    grown = (1 + months).groupby(months.index.to_period("M")).prod()
    expected = (grown["A"] - grown["benchmark"]).std()
    assert equity_audit.risk_parity_deviations(copies, index).tolist() == pytest.approx([expected] * 4)
    short = equity_audit.risk_parity_deviations(copies.loc["2022-07":], index)  # 132 days before the first month
    assert short.isna().tolist() == [False, False, False, True]
    assert short.iloc[0] == pytest.approx(expected)


def test_risk_parity_is_decided_at_the_close_before_each_month_and_then_drifts(run):
    returns, index = run["returns"], run["net_returns"].loc["2023-01":"2023-04", ["benchmark"]]
    excess = []
    for month in pd.period_range("2023-01", "2023-04", freq="M"):
        known = returns.loc[:month.start_time - pd.Timedelta(days=1)].iloc[-60:]
        weights = portfolios.risk_parity(covariance.ledoit_wolf(known)).weights
        grown = (1 + returns.loc[str(month)]).prod() @ weights
        excess.append(grown - (1 + index.loc[str(month), "benchmark"]).prod())
    assert equity_audit.risk_parity_deviations(returns, index)[60] == pytest.approx(np.std(excess, ddof=1))


def test_sentences_of_the_audit_follow_its_rows(published, run, tmp_path):
    table = papers.all_claims("nguyen2025", published, run)
    text = papers.in_words(table)
    assert text.count("\n") == 5 and all(line.startswith(f"- **({n})") for n, line in enumerate(text.split("\n"), 1))
    assert "**(1) Total return.** 1 of 3 checks agree. A printed total is the sum of 23 monthly excess returns" in text
    assert "lowest total return in percent: expected 33.877, found 33.824." in text
    assert "**(4) Significance.** 3 of 8 checks agree. The ratios alone" in text
    assert "Forecasting no move at all has smaller errors" in text
    table.to_csv(tmp_path / "claims.csv", index=False)
    assert papers.in_words(pd.read_csv(tmp_path / "claims.csv")) == text
    agreed = papers.in_words(table.assign(status="reproduced"))
    assert "Forecasting no move" not in agreed and "ratios alone" not in agreed and "sum of 23" not in agreed


def test_side_by_side_and_counts_of_this_paper(published, run):
    assert len(papers.table_forecasts(published, run["log_accuracy"])) == 6
    assert len(papers.table_portfolios(published, run["excess"])) == 37
    table = papers.all_claims("nguyen2025", published, run)
    counted = papers.counts(table)
    assert counted["claims"].sum() == len(table)
    assert set(counted["compared_with"]) == {"this run", "a computation"}
    assert set(counted["place"]) == {"Data", "Table 4", "Table 5", "Results", "Fig. 1", "Audit"}


def test_nothing_that_is_given_is_changed(published, run):
    before = {name: frame.copy() for name, frame in {**published, **run}.items()}
    papers.all_claims("nguyen2025", published, run)
    for name, frame in {**published, **run}.items():
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
    rows = equity_audit.audit(published, returns=returns, net_returns=benchmark, excess=pd.DataFrame({"strategy": []}),
                              log_accuracy=zero)
    above = one(rows, "strategies above the index")
    assert "rise of 37.6 percent" in above["claim"] and above["ours"] == 3
    parity = rows.loc[rows["claim"].str.startswith("deviation of excess of risk parity"), "ours"].astype(float)
    assert len(parity) == 4 and parity.between(1.6, 2.0).all()
    assert round(one(rows, "MAE of the LSTM")["ours"], 5) == 0.01386
    assert (rows.loc[rows["place"].str.startswith("Audit 6"), "status"] == "not reproduced").all()
    text = equity_audit.audit_sentences(rows)
    assert "no window makes it stray so far" in text and "whose own rise is in none of them" in text
