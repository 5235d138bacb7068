"""Which strategy for which investor: what each was meant for, what it promised, what it got and what it gave up.

Nguyen 2025 gives each framework to one kind of investor: mean-variance with forecasting to the return-seeking, risk
parity to the moderate, maximum drawdown to the conservative. Here a run's numbers decide who was served by what.
"""

import pandas as pd

from forefolio.conclusions import EQUAL_WEIGHT, listed, percent
from forefolio.evidence import LEVEL
from forefolio.metrics import BENCHMARK
from forefolio.portfolios import effective_holdings_by_date

PROFILES = {"mvf": "return-seeking", "rpp": "moderate", "mdp": "conservative"}  # of Nguyen 2025
LONG_SHORT, REFERENCE = "long-short", "reference"
MEASURES = ("annual_return", "annual_volatility", "max_drawdown", "turnover", "effective_holdings")

_WISHES = {  # measure: (who wants it, whether the highest is best, the framework that the paper gives to them, words)
    "annual_return": ("wants the highest return", True, "mvf", "return {} a year"),
    "annual_volatility": ("wants the calmest ride", False, "rpp", "volatility {} a year"),
    "max_drawdown": ("cannot bear a deep loss", True, "mdp", "at worst {} below its peak"),  # 0 or below
    "turnover": ("pays for every trade", False, None, "turnover {} a rebalance"),
}
_NOUNS = {"annual_return": "return", "annual_volatility": "volatility", "max_drawdown": "drawdown", "turnover": "turnover"}


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
    profiles = frameworks.map(PROFILES | {"tangency": LONG_SHORT}).fillna(REFERENCE)
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
        rebalance), effective_holdings (mean over the rebalances; missing for the benchmark). Rows as in `performance`.

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


def advice(outcomes: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """
    If your investor wants this, then this strategy gave most of it: one row a wish, all words chosen by the numbers.

    Parameters
    ----------
    outcomes : DataFrame
        As `outcome` gives it.
    tests : DataFrame
        As `evidence.monthly_tests` gives it: its Holm-corrected signed-rank p-values are read.

    Returns
    -------
    DataFrame (4, 7)
        Columns, all text: `if your investor` (the wish), `then` (the strategy that was best at it, of all but the
        benchmark), `the paper says` (the framework that Nguyen 2025 gives to this investor), `at` (what it reached),
        `for` (what came with it), `equal weight` (what equal weight reached at the same wish), `luck?` (the p-value of
        the winner's monthly excess over the benchmark).

    Notes
    -----
    Strategies whose values are printed alike are level: all are named (three at most, the others counted), the one
    that trades least first, as nothing else tells them apart. Where they differ in what came with it or in their
    p-value, the text is of the first and says so. The p-value is of the excess return, whatever the wish; and as the
    winner is the best of many at something, chosen after seeing the results, even a low one flatters it.
    """
    table = outcomes.set_index("strategy").drop(index=BENCHMARK, errors="ignore")
    luck = tests.set_index("strategy")["wilcoxon_p_holm"].reindex(table.index).map(_luck)
    rows = [(wish, *_answer(table, luck, measure)) for measure, (wish, *_) in _WISHES.items()]
    return pd.DataFrame(rows, columns=["if your investor", "then", "the paper says", "at", "for", "equal weight", "luck?"])


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
        Columns strategy, promised_annual_return, kept_annual_return, and the same for annual_volatility and
        max_drawdown; fractions. A row a promised strategy, in that order.

    Raises
    ------
    ValueError
        If a promised strategy has no outcome.
    """
    missing = promised.loc[~promised["strategy"].isin(outcomes["strategy"]), "strategy"]
    if len(missing):
        raise ValueError(f"The strategy {missing.iloc[0]} has no outcome: take promise and outcome from one run")
    got = outcomes.set_index("strategy").loc[promised["strategy"]]
    columns = {"strategy": promised["strategy"].to_numpy()}
    for measure in ("annual_return", "annual_volatility", "max_drawdown"):
        columns |= {f"promised_{measure}": promised[measure].to_numpy(), f"kept_{measure}": got[measure].to_numpy()}
    return pd.DataFrame(columns)


def _answer(table: pd.DataFrame, luck: pd.Series, measure: str) -> tuple[str, ...]:
    """One row of the advice without its wish."""
    _, highest, framework, words = _WISHES[measure]
    said = f"{framework.upper()} ({PROFILES[framework]})" if framework else "nothing"
    values = table[measure].dropna()
    if values.empty:
        return "cannot be told", said, "not measured", "", "", ""
    best, printed = values.idxmax() if highest else values.idxmin(), _printed(values)
    level = table.loc[printed.index[printed == printed[best]]]
    level = level.loc[level["turnover"].round(3).sort_values(kind="stable").index]
    return (_named(list(level.index)), said, words.format(printed[best]),
            _shared({name: _price(row, measure) for name, row in level.iterrows()}), printed.get(EQUAL_WEIGHT, "none"),
            _shared(luck[level.index].to_dict()))


def _printed(values: pd.Series) -> pd.Series:
    """Fractions as they are read; a drawdown without its sign."""
    return (values.abs() if values.name == "max_drawdown" else values).map(percent)


def _price(row: pd.Series, measure: str) -> str:
    """What came with the best value: the other measures, without what is missing."""
    rest = row[list(_NOUNS)].drop(measure).dropna()
    return ", ".join(f"{_NOUNS[name]} {percent(abs(value) if name == 'max_drawdown' else value)}"
                     for name, value in rest.items())


def _named(names: list[str]) -> str:
    """Up to three names; of more the first two and how many others."""
    return listed(names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} others"])


def _shared(texts: dict[str, str]) -> str:
    """What the strategies have in common, or the first one's, named."""
    name, text = next(iter(texts.items()))
    return text if len(set(texts.values())) == 1 else f"{name}: {text}"


def _luck(p: float) -> str:
    """A Holm-corrected p-value of the monthly excess in words."""
    told = ("its excess cannot be tested" if pd.isna(p) else
            f"p {'below 0.001' if p < 0.0005 else f'= {p:.3f}'} (excess, Holm), {'' if p < LEVEL else 'not '}below {LEVEL}")
    return f"{told}; chosen after seeing the results"
