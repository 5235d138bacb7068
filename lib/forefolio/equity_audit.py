"""What the printed numbers of Nguyen (2025) say about each other: six points, each a computation.

Three points need the paper's own numbers alone. The others need the index, the stocks and the zero forecast of the
same two test years, and say nothing where a run has other years. What is computed is told and what would explain it;
it is no verdict on what the author did.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from forefolio import audit as crypto_audit
from forefolio import backtest, covariance, evidence, metrics, portfolios
from forefolio.claims import NOT_REPRODUCED, REPRODUCED, claims_table, number_at, row, tolerance
from forefolio.equity_claims import ERRORS, MODELS, PAPER, title_of, yes

POINTS = {1: "Total return", 2: "The index", 3: "Stability", 4: "Significance", 5: "The text", 6: "The zero forecast"}
FIRST, LAST, TEST_MONTHS = "2023-01", "2024-12", 24  # of the paper's test period
N_MONTHS = 23  # behind a printed total: 52.459 / 2.281
BEST = "lstm+mdp"  # the one strategy whose mean is printed
WINDOWS = (20, 60, 120, 250)  # days of covariance tried for risk parity
SAME_SIZE = 0.2  # relative tolerance where the question is how large a deviation can be
SIX = 6


def implied(published: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    What a printed total return and information ratio say of a strategy's monthly excess, with 23 months.

    Parameters
    ----------
    published : dict of DataFrames
        The paper's frame `portfolios`.

    Returns
    -------
    DataFrame (6, 5)
        Columns strategy, mean_monthly_excess and std_monthly_excess (fraction a month), t_p (one-sided), t_p_holm.

    Notes
    -----
    mean = total / 23, deviation = mean / IR, t = IR sqrt(23) with 22 degrees of freedom; Holm over the six.

    Examples
    --------
    >>> table = pd.DataFrame({"strategy": ["lstm+mvf"], "total_return_percent": [50.775], "information_ratio": [0.526]})
    >>> implied({"portfolios": table}).iloc[0, 1:].astype(float).round(4).tolist()
    [0.0221, 0.042, 0.0097, 0.0097]
    """
    table = published["portfolios"]
    mean = table["total_return_percent"] / 100 / N_MONTHS
    p_values = pd.Series(stats.t.sf(table["information_ratio"] * np.sqrt(N_MONTHS), N_MONTHS - 1), index=table.index)
    return pd.DataFrame({"strategy": table["strategy"], "mean_monthly_excess": mean,
                         "std_monthly_excess": mean / table["information_ratio"], "t_p": p_values,
                         "t_p_holm": evidence.holm(p_values)})


def audit(published: Mapping[str, pd.DataFrame], *, returns: pd.DataFrame, net_returns: pd.DataFrame,
          excess: pd.DataFrame, log_accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    The six points of the audit, each in one row or more.

    Parameters
    ----------
    published : dict of DataFrames
        The paper's frames by the name of their table.
    returns : DataFrame (n_days, n_assets)
        Simple daily returns of the run's stocks, all days.
    net_returns : DataFrame (n_days, n_strategies + 1)
        Simple daily returns of the test period, the column `benchmark` among them.
    excess, log_accuracy : DataFrame
        As `equity_claims.table5` and `equity_claims.table4` take them; of excess also std_monthly_excess.

    Returns
    -------
    DataFrame
        Columns `claims.COLUMNS`; place opens with "Audit 1" to "Audit 6". Published: printed, said or implied. What
        takes the run's numbers has no such data unless its test period is that of the paper, 2023 and 2024.
    """
    months = [f"{month:%Y-%m}" for month in net_returns.index[[0, -1]]] if len(net_returns) else []
    benchmark, parity, ours, accuracy = pd.Series(dtype=float), pd.Series(dtype=float), excess.iloc[:0], log_accuracy.iloc[:0]
    if months == [FIRST, LAST]:
        benchmark, ours, accuracy = net_returns[metrics.BENCHMARK], excess, log_accuracy
        parity = risk_parity_deviations(returns, net_returns)
    return claims_table([*_totals(published), *_index(published, benchmark), *_stability(published, ours, parity),
                         *_significance(published), *_text(published), *_zero(published, accuracy, returns.shape[1])])


def audit_sentences(rows: pd.DataFrame) -> str:
    """The audit as `audit.audit_sentences` writes it, for the points of this paper."""
    return crypto_audit.audit_sentences(rows, POINTS, _reading)


def risk_parity_deviations(returns: pd.DataFrame, net_returns: pd.DataFrame) -> pd.Series:
    """
    Deviation of the monthly excess of risk parity, decided before each month from windows of several lengths.

    Parameters
    ----------
    returns : DataFrame (n_days, n_assets)
        Simple daily returns, all days.
    net_returns : DataFrame
        Its days are the test period; its column `benchmark` is what the excess is over.

    Returns
    -------
    Series
        By days of the window, fraction a month (ddof 1); missing where the first window would open before the data.

    Notes
    -----
    Covariances are Ledoit-Wolf's, because with fewer days than stocks the sample's is singular.
    """
    index = returns.index
    decided = index[index.get_indexer(net_returns.index[~net_returns.index.to_period("M").duplicated()]) - 1]
    rows = []
    for window in WINDOWS:
        for date in decided if index.get_loc(decided[0]) + 1 >= window else []:
            known = returns.loc[:date].iloc[-window:]
            weights = portfolios.risk_parity(covariance.ledoit_wolf(known)).weights
            rows.append(pd.DataFrame({"rebalance_date": date, "strategy": str(window), "asset": weights.index,
                                      "weight": weights.to_numpy()}))
    if not rows:
        return pd.Series(np.nan, index=WINDOWS)
    earned = backtest.backtest(pd.concat(rows, ignore_index=True), returns, cost_rate=0.0).net_returns
    deviation = metrics.monthly_excess(earned.join(net_returns[metrics.BENCHMARK], how="inner")).std()
    return deviation.rename(int).reindex(WINDOWS)


def _point(number: int, place: str, claim: str, published: Any, ours: Any, allowed: float | None = None) -> dict:
    return row(PAPER, f"Audit {number}, {place}", claim, published, ours, allowed)


def _totals(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(1) How does the printed total return come from the printed mean?"""
    printed = published["portfolios"].set_index("strategy").loc[BEST]
    total, mean = printed["total_return_percent"], printed["mean_monthly_excess_percent"]
    title, months = f"total return of {title_of(BEST)}", total / mean
    return [_point(1, "Table 5", f"{title}, summed: {N_MONTHS} times the printed mean, percent, within its rounding", total,
                   N_MONTHS * mean, 0.0005 * (N_MONTHS + 1)),
            _point(1, "Table 5", f"{title}, compounded: {N_MONTHS} months of the printed mean, percent", total,
                   100 * ((1 + mean / 100) ** N_MONTHS - 1), tolerance(total, decimals=3)),
            _point(1, "Table 5", f"months in the total return of {title_of(BEST)}: those of the test period; ours total "
                   "over mean, within rounding", TEST_MONTHS, months, 0.0005 * months * (1 / total + 1 / mean))]


def _index(published: Mapping[str, pd.DataFrame], benchmark: pd.Series) -> list[dict]:
    """(2) Can the printed totals be what the strategies earned, given what the index earned?"""
    printed = published["portfolios"].set_index("strategy")["total_return_percent"]
    rose, above, earned = np.nan, np.nan, np.nan
    if len(benchmark):
        rose = 100 * float(metrics.total_return(benchmark.to_frame()).iloc[0])
        above = int((printed > rose).sum())
        monthly = metrics.monthly_returns(benchmark.to_frame()).iloc[1:, 0]
        earned = 100 * float((1 + monthly + printed[BEST] / 100 / N_MONTHS).prod() - 1)
    told = "" if np.isnan(rose) else f" of {rose:.1f} percent"
    return [_point(2, "Results", "strategies above the index, if a total return were a strategy's own: of six, against the "
                   f"index's own rise{told}", SIX, above, 0),
            _point(2, "Table 5", f"total return of {title_of(BEST)} as its own: percent; ours the index's months but the "
                   "first, each plus the printed mean excess, compounded", printed[BEST], earned,
                   tolerance(printed[BEST], decimals=3))]


def _stability(published: Mapping[str, pd.DataFrame], excess: pd.DataFrame, parity: pd.Series) -> list[dict]:
    """(3) Is risk parity the stable framework, by the printed ratios, and can it deviate so much from the index?"""
    theirs = 100 * implied(published).set_index("strategy")["std_monthly_excess"]
    ours = excess.set_index("strategy")
    calm, bold = (theirs[theirs.index.str.endswith(framework)] for framework in ("+rpp", "+mvf"))
    how = "percent a month, printed total over 23 and over the ratio"
    extremes = f"RPP {calm.min():.2f} and {calm.max():.2f}, MVF {bold.min():.2f} and {bold.max():.2f}"
    rows = [_point(3, "Results", f"RPP deviates less from the index than MVF: implied, {how}; {extremes}; the text says "
                   "volatility", "yes", yes(calm.max() < bold.min()))]
    rows += [_point(3, "Table 5", f"deviation of excess of {title_of(strategy)}: implied, {how}; ours this run's", deviation,
                    100 * number_at(ours, strategy, "std_monthly_excess"), SAME_SIZE * deviation)
             for strategy, deviation in theirs.items()]
    lowest = calm.min()
    rows += [_point(3, "Table 5", f"deviation of excess of risk parity from {window} days: implied, {how}, the lower of two; "
                    "ours over this run's stocks", lowest, 100 * parity.get(window, np.nan), SAME_SIZE * lowest)
             for window in WINDOWS]
    return rows


def _significance(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(4) Are six strategies significant with 23 months and these ratios?"""
    table, level = implied(published), evidence.LEVEL
    how = f"t-test, one-sided, {N_MONTHS} months; the paper's is the signed-rank test"
    rows = [_point(4, "Results", f"{title_of(line.strategy)} significant: by its printed ratio, {how}; p {line.t_p:.3f}, "
                   f"Holm's {line.t_p_holm:.3f}", "yes", yes(line.t_p < level)) for line in table.itertuples()]
    return rows + [_point(4, "Results", f"strategies significant at {level:.0%}{words}: {how}; smallest p {p.min():.3f}", SIX,
                          int((p < level).sum()), 0)
                   for words, p in (("", table["t_p"]), (", after Holm's correction", table["t_p_holm"]))]


def _text(published: Mapping[str, pd.DataFrame]) -> list[dict]:
    """(5) Does the text name the first and the last of the table?"""
    said = published["claims"].set_index("claim")["value"]
    table = published["portfolios"].set_index("strategy")
    total, ratio, traded = (table[name] for name in ("total_return_percent", "information_ratio", "turnover_percent"))
    named = said["lowest total return (text)"]
    cases = [("highest total return", total.idxmax()), ("highest information ratio", ratio.idxmax()),
             ("lowest information ratio", ratio.idxmin()), ("highest turnover", traded.idxmax()),
             ("lowest total return (text)", total.idxmin())]
    return [*[_point(5, "Results", f"{claim.removesuffix(' (text)')}: the text's, ours that of Table 5", said[claim], ours)
              for claim, ours in cases],
            _point(5, "Results", "lowest total return in percent: as the text has it, ours the lowest of Table 5",
                   total[named], total.min(), 0.0)]


def _zero(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame, n_stocks: int) -> list[dict]:
    """(6) Are the printed errors below those of forecasting nothing?"""
    zero, rows = accuracy.set_index("model"), []
    for model, line in published["forecasts"].set_index("model").iterrows():
        for error, (unit, decimals) in ERRORS.items():
            printed, nothing = line[f"{error}_mean"], number_at(zero, "zero", f"{error}_mean")
            told = f"{unit}; ours the smaller of the two, zero's over this run's {n_stocks} stocks"
            claim = f"{error.upper()} of the {MODELS[model]} no larger than the zero forecast's: {told}"
            rows.append(_point(6, "Table 4", claim, printed, np.nan if np.isnan(nothing) else min(printed, nothing),
                               0.5 * 10.0**-decimals))
    return rows


def _reading(number: int, checks: pd.Series) -> str:
    """What a point means, if its checks say so; `checks` are the names of those that agree and do not."""
    right, wrong = (checks.get(status, set()) for status in (REPRODUCED, NOT_REPRODUCED))
    total = f"total return of {title_of(BEST)}"
    parity = {f"deviation of excess of risk parity from {window} days" for window in WINDOWS}
    if number == 1 and f"{total}, summed" in right and f"{total}, compounded" in wrong:
        return f" A printed total is the sum of {N_MONTHS} monthly excess returns, not the growth of anyone's wealth."
    if number == 2 and f"{total} as its own" in wrong:
        return " The printed totals are measured over the index, whose own rise is in none of them."
    if number == 3 and parity <= wrong and "RPP deviates less from the index than MVF" in wrong:
        return (" The printed ratios make risk parity stray further from the index than mean-variance with forecasting, and "
                "over this run's stocks no window makes it stray so far.")
    if number == 4 and f"strategies significant at {evidence.LEVEL:.0%}, after Holm's correction" in wrong:
        return " The ratios alone do not carry the significance of all six."
    if number == 6 and wrong and not right:
        return " Forecasting no move at all has smaller errors on the same two years."
    return ""
