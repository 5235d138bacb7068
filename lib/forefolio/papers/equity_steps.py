"""Nguyen (2025) step by step: the tables of his notebook that hold no printed number alone, but what led to them.

Who was left out of the universe, where the chosen networks stand in grids around them, what early stopping changes,
whether risk parity does what its equation asks, and what each choice that the paper leaves open would have given.
`equity` has the printed numbers themselves.
"""

import re
from collections.abc import Mapping

import pandas as pd

from forefolio.papers.equity import ERRORS, HIT_RATIOS, NETWORKS, PAIR, SIX, STRATEGIES, TABLE5, by_name
from forefolio.papers.printed import tolerance, values
from forefolio.performance import evidence
from forefolio.study.vocabulary import BENCHMARK, EQUAL_WEIGHT, apart, line

CHOSEN = {  # by the paper's grid searches, the text under Tables 1 and 2
    "lstm": {"lstm_layers": 4, "lstm_units": 4, "learning_rate": 0.01, "batch_size": 64, "lstm_dropout": 0.3,
             "lstm_recurrent_dropout": 0.3},
    "cnn1d": {"cnn1d_layers": 2, "cnn1d_filters": 32, "cnn1d_kernel_size": 3, "cnn1d_pool_size": 2,
              "cnn1d_dense_units": 64, "learning_rate": 0.01, "batch_size": 64, "cnn1d_dropout": 0.2, "epochs": 50},
}
GRIDS = {"lstm": "lstm_grid", "cnn1d": "cnn_grid"}  # tables of `Stage.published`
TOP = 5  # points of a grid that are shown
WITHOUT = ["zero", "mean"]  # forecasts that know nothing, beside the networks


def left_out(universe: pd.DataFrame) -> pd.DataFrame:
    """
    How many tickers were kept, and why the others were not.

    Returns
    -------
    DataFrame
        Columns what (`kept`, or a reason with its numbers taken out), stocks, examples (at most three tickers), kept
        first and then the most frequent reason.

    Examples
    --------
    >>> universe = pd.DataFrame({"ticker": ["A", "B", "C"], "kept": [True, False, False],
    ...                          "reason": ["", "starts on 2018-01-02", "starts on 2019-05-06"]})
    >>> left_out(universe).to_numpy().tolist()
    [['kept', 1, 'A'], ['starts on ...', 2, 'B, C']]
    """
    kept = universe["kept"].astype(bool)
    reasons = universe["reason"].astype(object).fillna("").map(lambda reason: re.sub(r"[-+]?\d[\d.-]*", "...", reason))
    groups = universe["ticker"].groupby(reasons.mask(kept, "kept"), sort=False)
    table = pd.DataFrame({"stocks": groups.size(), "examples": groups.agg(lambda names: ", ".join(names[:3]))})
    order = sorted(table.index, key=lambda what: (what != "kept", -table.at[what, "stocks"]))
    return table.loc[order].rename_axis("what").reset_index()


def grid(published: Mapping[str, pd.DataFrame], model: str) -> pd.DataFrame:
    """
    A grid of networks around the paper's (Tables 1 and 2), best validation error first; empty where there is none.

    Returns
    -------
    DataFrame (n_points, ...)
        Columns rank and test_rank (by mean validation and test MAE over stocks, 1 is the lowest, equal errors share
        one), the swept settings, validation_mae, mae, total_return_mvf, total_return_rpp, total_return_mdp, and chosen
        (whether all settings are those of the paper).

    Notes
    -----
    Validation errors are of simple returns, those of the test period of log returns, as the paper's. The paper does not
    print the values of its grids: these are its choice and its neighbors.
    """
    points = published.get(GRIDS[model], pd.DataFrame())
    if points.empty:
        return points
    own = {name: value for name, value in CHOSEN[model].items() if name in points}
    ranked = points.assign(rank=points["validation_mae"].rank(method="min").astype(int),
                           test_rank=points["mae"].rank(method="min").astype(int),
                           chosen=(points[list(own)] == pd.Series(own)).all(axis=1))
    first = ["rank", "test_rank"]
    return ranked[[*first, *ranked.columns.drop(first)]].sort_values("rank", kind="stable", ignore_index=True)


def settings(points: pd.DataFrame) -> list[str]:
    """The settings that a grid varies, of its columns."""
    known = {name for chosen in CHOSEN.values() for name in chosen}
    return [name for name in points if name in known]


def top(points: pd.DataFrame, model: str) -> pd.DataFrame:
    """
    The five best points of a grid and the paper's own, with what sets each apart from that.

    `points` are as `grid` gives them. Columns rank, test_rank, network (the settings that differ from the paper's, in
    words), validation_mae, mae, total_return_mvf, total_return_rpp, total_return_mdp.
    """
    if points.empty:
        return points
    shown = points[(points.index < TOP) | points["chosen"]]
    other = [", ".join(f"{name} {row[name]:g}" for name in settings(points) if row[name] != CHOSEN[model][name])
             for _, row in shown.iterrows()]
    table = shown.drop(columns=["chosen", *settings(points)])
    table.insert(2, "network", [text or "the paper's" for text in other])
    return table


def stopping(published: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Test errors with early stopping and without, in daily log returns, means over stocks; empty where there are none.

    Columns model, patience (epochs; 0: never stopped), mae, mse, rmse, above_zero (the share by which the MAE lies above
    that of forecasting zero, of the same rows), and reproduced (how many of the three are those that Table 4 prints).
    """
    table = published.get("accuracy", pd.DataFrame())
    if table.empty:
        return table
    zero = table[table["model"] == "zero"].set_index("patience")["mae_mean"]
    own = table[table["model"].isin(NETWORKS)]
    named = own.rename(columns={f"{error}_mean": error for error in ERRORS})[["model", "patience", *ERRORS]]
    named = named.assign(above_zero=named["mae"] / named["patience"].map(zero) - 1, reproduced=0)
    for error, decimals in ERRORS.items():
        theirs = named["model"].map(lambda model: f"the {NETWORKS[model]}").map(values(published, "Table 4", error.upper()))
        allowed = theirs.map(lambda value, decimals=decimals: tolerance(value, decimals=decimals))
        named["reproduced"] += (named[error] - theirs).abs().le(allowed).astype(int)
    return named.sort_values(["model", "patience"], ascending=[False, True], ignore_index=True)


def table4(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """
    Table 4: errors and hit ratios, printed and of this run, with forecasts that know nothing below them.

    Returns
    -------
    DataFrame
        Index forecast; columns MAE, MSE, RMSE (daily log returns, means over stocks), their deviations over stocks, and
        HR, HR+, HR- (shares). What the text does not print, or the run does not have, is missing.
    """
    names = {f"{error}_mean": error.upper() for error in ERRORS}
    names |= {f"{error}_std": f"{error.upper()} (deviation)" for error in ERRORS} | HIT_RATIOS
    printed = pd.DataFrame({error.upper(): values(published, "Table 4", error.upper()) for error in ERRORS})
    printed.index = [f"{name.removeprefix('the ')}, printed" for name in printed.index]
    models = accuracy.set_index("model").reindex(columns=list(names)).rename(columns=names)
    rows = {f"{title}, printed": printed.loc[f"{title}, printed"] for title in NETWORKS.values()}
    rows |= {NETWORKS.get(model, model): models.loc[model] for model in [*NETWORKS, *WITHOUT] if model in models.index}
    return pd.DataFrame(rows, index=list(names.values())).T.astype(float).rename_axis("forecast")


def above_zero(published: Mapping[str, pd.DataFrame], accuracy: pd.DataFrame) -> pd.DataFrame:
    """By how much each error of Table 4 lies above this run's error of forecasting zero, a fraction of that.

    Index forecast (as in `table4`, without zero); columns MAE, MSE, RMSE. None where the run has no zero forecast.
    """
    table = table4(published, accuracy)[[error.upper() for error in ERRORS]]
    return table.div(table.loc["zero"]).sub(1).drop(index="zero") if "zero" in table.index else table[:0]


def lines(names: pd.Index | list[str]) -> list[str]:
    """The lines, of some that a run has, under which the paper's six strategies stand, each once and in its order.

    >>> lines(["mean+mvf", "mean=lstm=cnn1d+mdp", "lstm+mvf", "equal_weight", "benchmark"])
    ['mean=lstm=cnn1d+mdp', 'lstm+mvf']
    """
    there = (line(name, names) for name in SIX)
    return [name for name in dict.fromkeys(there) if name in set(names)]


def six(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """The months of the paper's six strategies, as far as the run has them, each under its own name as in the paper.

    >>> list(six(pd.DataFrame({"mean=lstm=cnn1d+mdp": [0.1], "cnn1d+mvf": [0.2], "equal_weight": [0.0]})))
    ['lstm+mdp', 'cnn1d+mvf', 'cnn1d+mdp']
    """
    return by_name(monthly_excess).filter(SIX)


def shown(names: pd.Index | list[str]) -> list[str]:
    """The paper's lines, then equal weight and the index, which it is to be measured with."""
    return [*lines(names), *(name for name in (EQUAL_WEIGHT, BENCHMARK) if name in set(names))]


def risk_parity(contributions: pd.DataFrame) -> pd.DataFrame:
    """
    What the paper's risk parity minimizes, for each strategy at one date: how unequal the contributions to risk are.

    `contributions` are as `holdings.risk_contributions` gives them.

    Returns
    -------
    DataFrame
        Columns strategy, objective (sum over all pairs of stocks of (RC_i - RC_j)^2, as a fraction of the portfolio's
        variance), lowest_share and highest_share (of the portfolio's risk).

    Notes
    -----
    With RC_i = w_i (Sigma w)_i / sigma, s_i = RC_i / sigma and sum s_i = 1, the sum over all ordered pairs is
    sigma^2 (2 N sum_i s_i^2 - 2), which is zero where every s_i = 1 / N and 2 (N - 1) where one stock has all the risk.

    Examples
    --------
    >>> risk_parity(pd.DataFrame({"strategy": "a", "risk_share": [1.0, 0.0]})).to_numpy().tolist()
    [['a', 2.0, 0.0, 1.0]]
    """
    shares = contributions.groupby("strategy", sort=False)["risk_share"]
    objective = shares.agg(lambda share: max(2 * len(share) * (share**2).sum() - 2, 0.0))
    table = pd.DataFrame({"objective": objective, "lowest_share": shares.min(), "highest_share": shares.max()})
    return table.reset_index()


def ranges(published: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Table 5 under every choice that the paper leaves open; empty where no sweep over them is there.

    Returns
    -------
    DataFrame
        Columns strategy (as printed), number, printed, lowest, highest, inside (whether the printed lies between), in
        the unit of Table 5. Numbers are read as the paper most likely means them, the first reading of `equity.TABLE5`.
    """
    choices = published.get("choices", pd.DataFrame())
    if choices.empty:
        return choices
    rows = []
    for number, meanings in TABLE5.items():
        column = next(iter(meanings))
        of = choices.groupby("strategy")[column].agg(["min", "max"]) * (1 if "information_ratio" in column else 100)
        printed = values(published, "Table 5", number)
        rows += [(title, number, printed[title], *of.loc[name]) for title, name in STRATEGIES.items()
                 if title in printed and name in of.index]
    table = pd.DataFrame(rows, columns=["strategy", "number", "printed", "lowest", "highest"])
    return table.assign(inside=table["printed"].between(table["lowest"], table["highest"]))


def pairs(monthly_excess: pd.DataFrame) -> pd.DataFrame:
    """
    The paper's two best strategies against each other, and this run's two best of the six.

    Columns pair, then those of `evidence.best_pair`. No row of the paper's where the run lacks one, or where both came
    to the same weights.
    """
    theirs = [name for name in lines(monthly_excess) if set(apart(name)) & set(PAIR)]
    both = {"the paper's two best": theirs, "this run's two best": lines(monthly_excess)}
    rows = [evidence.best_pair(monthly_excess[names]).assign(pair=pair) for pair, names in both.items()]
    table = pd.concat(rows, ignore_index=True)
    return table[["pair", *table.columns.drop("pair")]]
