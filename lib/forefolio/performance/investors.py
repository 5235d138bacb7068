"""Which strategy for which investor: what each was meant for, what it promised, what it got and what it gave up.

Nguyen 2025 gives each framework to one kind of investor: mean-variance with forecasting to the return-seeking, risk
parity to the moderate, maximum drawdown to the conservative. Here a run's numbers decide who was served by what.
"""

import pandas as pd

from forefolio.performance.evidence import LEVEL, monthly_tests
from forefolio.portfolios.holdings import effective_holdings_by_date
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, FRAMEWORKS, listed, lower_is_better, noun, percent

REFERENCE = "reference"  # the profile of a strategy without a framework
MEASURES = ("annual_return", "annual_volatility", "max_drawdown", "turnover", "effective_holdings", "sharpe")

_WISHES = {  # measure: (the investor, the framework that the paper gives to them, what comes with it)
    "annual_return": ("return-seeking: most return", "mvf", ("annual_volatility", "max_drawdown", "turnover")),
    "sharpe": ("moderate: most return for its risk", "rpp", ("annual_return", "annual_volatility", "turnover")),
    "max_drawdown": ("conservative: shallowest drawdown", "mdp", ("annual_return", "annual_volatility", "turnover")),
    "turnover": ("paying for every trade: least turnover", None, ("annual_return", "annual_volatility", "max_drawdown")),
}
_CLOSE = {"sharpe": 0.1, "max_drawdown": 0.01}  # leads below these are called small
_COLUMNS = ["if your investor", "then", "which had", "and with it", "the paper's choice", "equal weight", "index", "beware"]


def with_profile(table: pd.DataFrame) -> pd.DataFrame:
    """The investor that each strategy is meant for, as a column `profile` after `strategy`.

    Parameters
    ----------
    table : DataFrame
        With a column strategy: `<model>+<framework>`, or a name without a framework.

    Returns
    -------
    DataFrame
        Profile `return-seeking`, `moderate` or `conservative` by the framework as in Nguyen 2025, `long-short` for
        tangency portfolios, `reference` for everything else (equal weight, the benchmark).

    Examples
    --------
    >>> with_profile(pd.DataFrame({"strategy": ["lstm+mvf", "lstm+tangency", "equal_weight"]}))["profile"].tolist()
    ['return-seeking', 'long-short', 'reference']
    """
    frameworks = table["strategy"].str.rpartition("+")[2]
    profiles = frameworks.map({name: framework.profile for name, framework in FRAMEWORKS.items()}).fillna(REFERENCE)
    result = table.drop(columns="profile", errors="ignore")
    result.insert(result.columns.get_loc("strategy") + 1, "profile", profiles)
    return result


def outcome(performance: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """
    What each strategy got, beside the investor it is meant for.

    Parameters
    ----------
    performance : DataFrame
        As `metrics.performance_table` gives it.
    weights : DataFrame
        As `rebalances.decide` returns.

    Returns
    -------
    DataFrame
        Columns strategy, profile, annual_return, annual_volatility, max_drawdown (0 or below), turnover (one-way, a
        rebalance), effective_holdings (mean over the rebalances; missing for the benchmark), sharpe (a year). Rows as in
        `performance`.

    Raises
    ------
    ValueError
        If a strategy has no weights.
    """
    holdings = effective_holdings_by_date(weights).groupby("strategy")["effective_holdings"].mean()
    table = performance.assign(effective_holdings=performance["strategy"].map(holdings))
    stranger = table.loc[table["effective_holdings"].isna() & (table["strategy"] != BENCHMARK), "strategy"]
    if len(stranger):
        raise ValueError(f"The strategy {stranger.iloc[0]} has no weights: take performance and weights from one run")
    return with_profile(table[["strategy", *MEASURES]])


def advice(outcomes: pd.DataFrame, monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    If your investor is this one, then this strategy served them best: one row a wish, all words chosen by the numbers.

    Parameters
    ----------
    outcomes : DataFrame
        As `outcome` gives it.
    monthly_excess : DataFrame (n_months, n_strategies)
        Fraction a month, as `metrics.monthly_excess` gives it.

    Returns
    -------
    DataFrame (4, 8)
        Columns, all short texts: `if your investor` (is, and wants), `then` (the strategy that was best at it, of all but
        the benchmark), `which had` (what it reached), `and with it` (what came with that), `the paper's choice` (the
        framework that Nguyen 2025 gives to this investor, and what the best of its strategies reached), `equal weight` and
        `index` (what these reached), `beware`.

    Raises
    ------
    ValueError
        If a strategy has no monthly excess.

    Notes
    -----
    The paper's moderate investor wants balance, for which it has no number; the Sharpe ratio is ours. Strategies whose
    values are printed alike are level: all are named (three at most, the others counted), the one that trades least first.
    Where they differ in what came with it, the text is of the first and says so.

    Only the return wish speaks of luck, because only returns are tested: by one-sided signed-rank tests of the (first)
    winner's monthly excess over equal weight, and over the index, each Holm-corrected over all strategies. Ratio and
    drawdown tell whether the runner-up is close (by less than 0.1, or a percentage point) and whether the index did
    better. All was chosen after seeing the results.
    """
    table = outcomes.set_index("strategy")
    missing = table.index.difference([*monthly_excess, BENCHMARK])
    if len(missing):
        raise ValueError(f"The strategy {missing[0]} has no monthly excess: take outcomes and months from one run")
    return pd.DataFrame([_answer(table, monthly_excess, measure) for measure in _WISHES], columns=_COLUMNS)


def kept(promised: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """
    What each strategy's weights did in the window that chose them beside what the test period kept of it.

    Parameters
    ----------
    promised : DataFrame
        As `holdings.promised` gives it: columns strategy, annual_return, annual_volatility, max_drawdown (0 or below).
    outcomes : DataFrame
        As `outcome` gives it.

    Returns
    -------
    DataFrame
        Columns strategy, then `return promised`, `return got` and the same for volatility and drawdown (0 or below),
        fractions, and `kept`: which of the three were at least as good as promised, to a tenth of a percent: their names,
        `all` or `none`. A row a promised strategy, in that order.

    Raises
    ------
    ValueError
        If a promised strategy has no outcome.

    Notes
    -----
    A longer period has deeper drawdowns: where the test period is longer than the window, that promise is the hardest.
    """
    missing = promised.loc[~promised["strategy"].isin(outcomes["strategy"]), "strategy"]
    if len(missing):
        raise ValueError(f"The strategy {missing.iloc[0]} has no outcome: take promise and outcome from one run")
    said, got = promised.set_index("strategy"), outcomes.set_index("strategy").loc[promised["strategy"]]
    table, good = {}, {}
    for measure in ("annual_return", "annual_volatility", "max_drawdown"):
        called, gain = noun(measure), got[measure].round(3) - said[measure].round(3)
        table |= {f"{called} promised": said[measure], f"{called} got": got[measure]}
        good[called] = (-gain if lower_is_better(measure) else gain) > -1e-9
    words = pd.DataFrame(good).apply(lambda row: "all" if row.all() else ", ".join(row.index[row]) or "none", axis=1)
    return pd.DataFrame(table).assign(kept=words).rename_axis("strategy").reset_index()


def _answer(table: pd.DataFrame, monthly_excess: pd.DataFrame, measure: str) -> tuple[str, ...]:
    """One row of the advice."""
    investor, framework, with_it = _WISHES[measure]
    goodness = (-table[measure] if lower_is_better(measure) else table[measure]).dropna()
    candidates = goodness.drop(BENCHMARK, errors="ignore")
    printed = _printed(table[measure].dropna())
    choice = _choice(candidates, printed, framework)
    beside = [printed.get(name, "none") for name in (EQUAL_WEIGHT, BENCHMARK)]
    if candidates.empty:
        return investor, "cannot be told", "not measured", "", choice, *beside, ""
    best = candidates.idxmax()
    level = table.loc[candidates.index[printed[candidates.index] == printed[best]]]
    level = level.loc[level["turnover"].round(3).sort_values(kind="stable").index]
    beware = (_luck(monthly_excess, level.index[0]) if measure == "annual_return" else
              _margin(goodness, list(level.index), _CLOSE[measure]) if measure in _CLOSE else "")
    return (investor, _named(list(level.index)), f"{noun(measure)} {printed[best]}",
            _shared([_price(row, with_it) for _, row in level.iterrows()]), choice, *beside, beware)


def _choice(candidates: pd.Series, printed: pd.Series, framework: str | None) -> str:
    """The paper's framework, and what the best of its strategies reached."""
    if framework is None:
        return "none"
    its = candidates[candidates.index.str.endswith(f"+{framework}")]
    return f"{framework.upper()}: {'not in this run' if its.empty else printed[its.idxmax()]}"


def _printed(values: pd.Series) -> pd.Series:
    """Values as they are read: fractions in percent, a drawdown without its sign, a ratio as it is."""
    return values.map(lambda value: _text(value, values.name))


def _text(value: float, measure: str) -> str:
    return f"{value:.2f}" if measure == "sharpe" else percent(abs(value) if measure == "max_drawdown" else value)


def _price(row: pd.Series, with_it: tuple[str, ...]) -> str:
    """What came with the best value, without what is missing."""
    return ", ".join(f"{noun(name)} {_text(row[name], name)}" for name in with_it if pd.notna(row[name]))


def _named(names: list[str]) -> str:
    """Up to three names; of more the first two and how many others."""
    return listed(names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} others"])


def _shared(texts: list[str]) -> str:
    """What the strategies have in common, or the first one's, said to be so."""
    return texts[0] if len(set(texts)) == 1 else f"first: {texts[0]}"


def _luck(monthly_excess: pd.DataFrame, winner: str) -> str:
    """Holm-corrected p-values of a strategy's monthly excess over equal weight and over the index, in words."""
    against = {"index": monthly_excess}
    if EQUAL_WEIGHT in monthly_excess and winner != EQUAL_WEIGHT:
        others = monthly_excess.drop(columns=EQUAL_WEIGHT)
        against = {"equal weight": others.sub(monthly_excess[EQUAL_WEIGHT], axis=0)} | against
    p_values = {name: monthly_tests(excess).set_index("strategy")["wilcoxon_p_holm"][winner]
                for name, excess in against.items()}
    told = ", ".join(f"{'untested' if pd.isna(p) else 'below 0.001' if p < 0.0005 else f'{p:.3f}'} ({name})"
                     for name, p in p_values.items())
    return f"{'hardly' if all(p < LEVEL for p in p_values.values()) else 'may be'} luck: Holm's p {told}"


def _margin(goodness: pd.Series, level: list[str], close: float) -> str:
    """Whether the runner-up is close, and whether the index did better."""
    best, rivals = goodness[level].max(), goodness.drop([*level, BENCHMARK], errors="ignore")
    told = [f"hardly ahead of {rivals.idxmax()}"] if len(rivals) and best - rivals.max() < close else []
    told += ["the index did better"] if goodness.get(BENCHMARK, best) > best else []
    return "; ".join(told)
