"""The gate: which models are shown to forecast, before any portfolio is built on them.

Every model is compared with the simple forecasts (zero and two means) and with every other model, on the asset-days
that both forecast. Losses are first averaged over the assets of a day, because errors of one day are correlated. Fitted
models contain the simple forecasts as special cases, and estimating more parameters costs accuracy even if nothing is
there. So nested pairs are tested by Clark and West, who allow for that cost, and other pairs by Diebold and Mariano.
The two hypotheses of Zouaoui & Naas 2025 are rows of the same table. H1: deep learning is more accurate than
Markowitz's theory, whose forecast is the historical mean; H2: the reverse.
"""

from itertools import product

import numpy as np
import pandas as pd
import scipy  # its parts are loaded where they are used: statistics take a second

from forefolio.market.returns import Date
from forefolio.performance.evidence import LEVEL, holm
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN, baselines

RIVAL = "mean"  # the model that corresponds to Markowitz's theory
KNOW_NOTHING = ("zero", RIVAL, "mean_frozen")  # what every fitted model has as a special case
NESTED = {"zero": (), "mean": ("zero",), "mean_frozen": ("zero",)}  # of all other models: the three above
CLARK_WEST, DIEBOLD_MARIANO = "Clark-West", "Diebold-Mariano"
SMALL = 0.001  # share of squared error: a smaller gain is no gain
SET_SIZE = 0.10  # size of the model confidence set: the best model is outside in at most this share of samples
SET_DAYS = 20  # with fewer there is no confidence set
SET_DIGITS = 10  # of losses in multiples of their mean: models that agree in these are one
SET_SHARE = 0.9  # of the most asset-days that a model forecasts: who forecasts fewer stays out of the confidence set
ROUNDING = 1e-12  # relative to the loss: differences of losses that vary by no more are constant


def nested(model: str) -> tuple[str, ...]:
    """The models that a model contains as special cases; one that is not in the registry counts as fitted.

    >>> nested("lstm"), nested("mean"), nested("zero")
    (('zero', 'mean', 'mean_frozen'), ('zero',), ())
    """
    return NESTED.get(model, KNOW_NOTHING)


def asset_days(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """
    Next-day forecasts and actual returns: one row per target day and asset, one column per model, and `actual`.

    Parameters
    ----------
    forecasts : DataFrame
        Columns target_date, horizon, asset, model, seed, forecast; seeds are averaged.
    returns : DataFrame (n_days, n_assets)
        Missing if an asset's day is not judged.
    first, last : date
        First and last target day, both included.

    Returns
    -------
    DataFrame (n_asset_days, n_models + 1)
        Index target_date and asset; simple daily returns. A forecast that a model did not make is missing.
    """
    days = forecasts["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))
    inside = forecasts[days & (forecasts["horizon"] == 1)]
    made = inside.groupby(["target_date", "asset", "model"], sort=False)["forecast"].mean().unstack("model")
    made = made[list(inside["model"].unique())].sort_index(level="target_date", sort_remaining=False)
    actual = returns.stack().rename_axis(["target_date", "asset"]).reindex(made.index)
    made.insert(0, "actual", actual)
    return made[actual.notna()].rename_axis(columns=None)


def paired_losses(made: pd.DataFrame, model: str, rival: str) -> pd.DataFrame:
    """
    Losses of a model and its rival on the asset-days that both forecast, means over the assets of a day.

    `made` is as `asset_days` gives it. Columns model and rival (squared errors) and distance (squared difference of the
    two forecasts), a row per day.

    >>> index = pd.MultiIndex.from_product([["Monday"], ["A", "B"]], names=["target_date", "asset"])
    >>> made = pd.DataFrame({"actual": [0.1, 0.2], "zero": [0.0, 0.0], "ar": [0.1, np.nan]}, index)
    >>> paired_losses(made, "ar", "zero").round(4).to_numpy().tolist()
    [[0.0, 0.01, 0.01]]
    """
    own, other, actual = (made[name].to_numpy() for name in (model, rival, "actual"))
    losses = np.column_stack([(actual - own) ** 2, (actual - other) ** 2, (own - other) ** 2])
    both = ~np.isnan(losses).any(axis=1)
    days = made.index.get_level_values("target_date")[both]
    return pd.DataFrame(losses[both], columns=["model", "rival", "distance"]).groupby(days, sort=False).mean()


def clark_west(differences: pd.Series, distances: pd.Series) -> tuple[float, float]:
    """
    Clark and West's test that a model predicts what its nested rival cannot: t-statistic and one-sided p-value.

    Parameters
    ----------
    differences : Series (n_days,)
        The rival's loss minus the model's, mean over assets of squared errors.
    distances : Series (n_days,)
        The squared difference of their forecasts, mean over assets.

    Returns
    -------
    tuple of float
        Both missing where the adjusted differences do not vary.

    Notes
    -----
    Clark & West 2007. If the rival is right, the larger model's error is expected to be larger by the squared distance
    of the forecasts: that is what estimating costs. So the test is of the mean of differences + distances. Errors of one
    day ahead are uncorrelated under the null, so there are no lags; the statistic is referred to Student's t.

    >>> statistic, p = clark_west(pd.Series([0.3, -0.1, 0.4, 0.2]), pd.Series([0.1, 0.1, 0.1, 0.1]))
    >>> round(statistic, 3), round(p, 3)
    (2.777, 0.035)
    """
    adjusted = (differences + distances).to_numpy()
    error = _plain_error(adjusted)
    if not error > 0:
        return np.nan, np.nan
    statistic = float(adjusted.mean() / error)
    return statistic, float(scipy.stats.t.sf(statistic, len(adjusted) - 1))


def diebold_mariano(differences: pd.Series) -> tuple[float, float, float]:
    """
    Diebold and Mariano's test of equal accuracy: statistic, p-values that the model is better, and that it is worse.

    `differences` (n_days,) are the rival's daily losses minus the model's, mean over assets. All three are missing where
    they do not vary.

    Notes
    -----
    Diebold & Mariano 1995, with the factor (n - 1) / n of the variance and Student's t of Harvey, Leybourne & Newbold
    1997 for forecasts of one day ahead. The forecasts may last from day to day, and so may their losses: the standard
    error is Newey and West's with 1.3 sqrt(n) lags (Lazarus, Lewis, Stock & Watson 2018). So many lags make the error
    itself uncertain; the statistic is divided by what that takes at the 5 % level (Kiefer & Vogelsang 2005, Bartlett).

    >>> statistic, better, worse = diebold_mariano(pd.Series([0.3, -0.1, 0.4, 0.2]))
    >>> bool(statistic > 0), round(better + worse, 6)
    (True, 1.0)
    """
    values = differences.to_numpy()
    error = _long_run_error(values)
    if not error > 0:
        return np.nan, np.nan, np.nan
    statistic = float(values.mean() / error)
    return statistic, *(float(tail(statistic, len(values) - 1)) for tail in (scipy.stats.t.sf, scipy.stats.t.cdf))


def gain_interval(losses: pd.DataFrame) -> tuple[float, float, float]:
    """
    Share of the rival's squared error that the model saves, 1 - MSE / MSE of the rival, and its 95 % interval.

    `losses` is as `paired_losses` gives it. The ends are missing where the losses do not tell: there are too few days,
    or all differ alike. Of equal forecasts the gain and both ends are 0.

    Notes
    -----
    The ratio of two means has the standard error of the mean of model - ratio * rival, divided by the rival's mean (delta
    method), here with the lags of `diebold_mariano`.
    """
    own, rival = losses["model"].to_numpy(), losses["rival"].to_numpy()
    if not len(losses) or not rival.mean() > 0:
        return np.nan, np.nan, np.nan
    if np.array_equal(own, rival):
        return 0.0, 0.0, 0.0
    ratio = own.mean() / rival.mean()
    error = _long_run_error(own - ratio * rival) / rival.mean()
    if not error > 0:
        return float(1 - ratio), np.nan, np.nan
    half = scipy.stats.t.isf(LEVEL / 2, len(losses) - 1) * error
    return float(1 - ratio), float(1 - ratio - half), float(1 - ratio + half)


def _plain_error(values: np.ndarray) -> float:
    """Standard error of the mean of uncorrelated values; 0 where they are constant up to rounding, or fewer than three."""
    if len(values) < 3 or not values.std() > ROUNDING * np.abs(values).max():
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _long_run_error(values: np.ndarray) -> float:
    """Standard error of a mean with Newey and West's lags, widened for their number; 0 where `_plain_error` is."""
    n, plain = len(values), _plain_error(values)
    if not plain > 0:
        return 0.0
    lags, centered = int(1.3 * np.sqrt(n)), values - values.mean()
    weighted = sum((1 - lag / (lags + 1)) * (centered[lag:] @ centered[:-lag]) for lag in range(1, lags + 1))
    variance = (centered @ centered + 2 * weighted) / n
    share = (lags + 1) / n
    wider = 1 + (2.9694 * share + 0.4160 * share**2 - 0.5324 * share**3) / scipy.stats.norm.isf(LEVEL / 2)
    return float(np.sqrt(variance / (n - 1))) * wider


def pairs(made: pd.DataFrame) -> pd.DataFrame:
    """
    Each model against each that it contains as a special case, and each other pair once, by the fitting test.

    `made` is as `asset_days` gives it.

    Returns
    -------
    DataFrame
        Columns model, rival, test (`Clark-West` where the rival is nested, else `Diebold-Mariano`), n_days (on which
        both forecast), gain, gain_low, gain_high (see `gain_interval`), statistic, p_better, p_worse (one-sided: the
        model predicts what the rival does not, and the reverse). One level for both is twice the smaller. Of a nested
        pair p_worse says that the forecasts point the wrong way: that the model's error is the larger is no evidence
        for its rival, because estimating costs accuracy (`gain_high` below 0 tells where that is more than chance).
        What cannot be tested is missing.
    """
    models, rows = list(made.columns.drop("actual")), []
    for (place, model), (before, rival) in product(enumerate(models), repeat=2):
        inside = rival in nested(model)
        if model == rival or not inside and (model in nested(rival) or before > place):
            continue
        losses = paired_losses(made, model, rival)
        differences = losses["rival"] - losses["model"]
        if inside:
            statistic, p_better = clark_west(differences, losses["distance"])
            found = statistic, p_better, 1 - p_better
        else:
            found = diebold_mariano(differences)
        rows.append((model, rival, CLARK_WEST if inside else DIEBOLD_MARIANO, len(losses), *gain_interval(losses), *found))
    return pd.DataFrame(rows, columns=["model", "rival", "test", "n_days", "gain", "gain_low", "gain_high", "statistic",
                                       "p_better", "p_worse"])


def hypotheses(tested: pd.DataFrame) -> pd.DataFrame:
    """
    H1 and H2 of Zouaoui & Naas 2025 for each network against each baseline: the historical mean first, then the others.

    `tested` is as `pairs` gives it; what is no baseline is a network.

    Returns
    -------
    DataFrame (n_networks * n_baselines, 11)
        Its columns without the one-sided p-values, then p_value (two-sided, so that H1 and H2 share one level), p_holm
        (over all rows) and verdict: `H1`, the network is shown to predict what this baseline does not; `H2`, the
        reverse; else `neither`. The hypotheses of the paper are the rows of `mean`.
    """
    rows = tested[~tested["model"].isin(baselines()) & tested["rival"].isin(baselines())]
    place = rows["model"].map({model: place for place, model in enumerate(rows["model"].unique())})
    order = np.lexsort([rows["rival"] != RIVAL, place])  # by model, and its mean first
    rows = rows.iloc[order].reset_index(drop=True)
    both = rows[["p_better", "p_worse"]]
    p_value = (2 * both.min(axis=1)).clip(upper=1)
    rows = rows.drop(columns=["p_better", "p_worse"]).assign(p_value=p_value, p_holm=holm(p_value))
    better = both["p_better"] < both["p_worse"]
    passed = rows["p_holm"] < LEVEL
    return rows.assign(verdict=np.select([passed & better, passed], ["H1", "H2"], "neither"))


def confidence_set(made: pd.DataFrame, *, seed: int, n_bootstraps: int = 1000) -> pd.Series:
    """
    Which models may be the most accurate: p-values of the model confidence set; above 0.10 a model is in the set.

    `made` is as `asset_days` gives it. Models are compared on the asset-days that all of them forecast; a model with
    less than nine tenths of the largest number of forecasts has no p-value, so that it does not shorten the sample of
    others. All are missing on fewer than 20 days, or where two differ by the same each day.

    Notes
    -----
    Hansen, Lunde & Nason 2011, `arch.bootstrap.MCS` with the largest t-statistic of any pair, squared errors averaged
    over the assets of a day, stationary bootstrap of blocks of n^(1/3) days. Models whose losses are equal are one.
    """
    from arch.bootstrap import MCS  # here, as importing it takes a second

    models = made.columns.drop("actual")
    counts = made[models].notna().sum()
    able = made.loc[:, [model for model in models if counts[model] >= SET_SHARE * counts.max()]].dropna()
    losses = able.rsub(made.loc[able.index, "actual"], axis=0).pow(2).groupby(level="target_date", sort=False).mean()
    p_values = pd.Series(np.nan, models, name="p_set")
    if len(losses) < SET_DAYS or not losses.to_numpy().any():
        return p_values
    scaled = (losses / losses.to_numpy().mean()).round(SET_DIGITS)
    first_of = {model: next(other for other in scaled if scaled[other].equals(scaled[model])) for model in scaled}
    distinct = scaled[list(dict.fromkeys(first_of.values()))]
    if (distinct - distinct.mean()).round(SET_DIGITS).T.duplicated().any():  # a difference without deviation
        return p_values
    found = pd.Series(1.0, distinct.columns)
    if distinct.shape[1] > 1:
        test = MCS(distinct, size=SET_SIZE, reps=n_bootstraps, block_size=round(len(losses) ** (1 / 3)), method="R",
                   bootstrap="stationary", seed=seed)
        test.compute()
        found = test.pvalues["Pvalue"]
    return p_values.fillna(pd.Series({model: float(found[other]) for model, other in first_of.items()}))


def verdicts(made: pd.DataFrame, tested: pd.DataFrame, directions: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """
    Is each model shown to forecast?

    Parameters
    ----------
    made, tested : DataFrame
        What `asset_days` and `pairs` give.
    directions : DataFrame
        What `accuracy.direction_tests` gives of the models that are judged: those that the study names.
    seed : int
        Of the confidence set's bootstrap.

    Returns
    -------
    DataFrame
        One row per judged model except zero, which has no simpler rival. Columns model; rival, its nested rival with
        the smallest error; n_days, gain, gain_low, gain_high against that one; statistic and p_value against the nested
        rival that it is least shown to improve on, and p_holm over models; hit_ratio and direction_p (Pesaran and
        Timmermann, by days); p_set of the confidence set; verdict.

    Notes
    -----
    A model is *shown* to forecast if it predicts what none of its nested rivals does: the largest of its p-values, which
    needs no correction for the number of rivals, is below 5 % after Holm's correction for the number of models. It is
    *shown to be absent* where the upper end of its gain over the best of them is below 0.1 %, and *not shown* otherwise.
    """
    direction, in_set, rows = directions.set_index("model"), confidence_set(made, seed=seed), []
    inside = tested[tested["test"] == CLARK_WEST]
    for model, against in inside[inside["model"].isin(direction.index)].groupby("model", sort=False):
        best = against.loc[against["gain"].fillna(np.inf).idxmin()]
        hardest = against.loc[against["p_better"].fillna(np.inf).idxmax()]  # one that cannot be tested is not passed
        rows.append({"model": model, **best[["rival", "n_days", "gain", "gain_low", "gain_high"]],
                     "statistic": hardest["statistic"], "p_value": hardest["p_better"],
                     "hit_ratio": direction.at[model, "hit_ratio"], "direction_p": direction.at[model, "p_value"],
                     "p_set": in_set[model]})
    table = pd.DataFrame(rows, columns=["model", "rival", "n_days", "gain", "gain_low", "gain_high", "statistic", "p_value",
                                        "hit_ratio", "direction_p", "p_set"])
    table.insert(table.columns.get_loc("p_value") + 1, "p_holm", holm(table["p_value"].astype(float)))
    return table.assign(verdict=np.select([table["p_holm"] < LEVEL, table["gain_high"] < SMALL], [SHOWN, ABSENT], NOT_SHOWN))


def passed(table: pd.DataFrame) -> list[str]:
    """The models that are shown to forecast, from the result of `verdicts`."""
    return list(table.loc[table["verdict"] == SHOWN, "model"])
