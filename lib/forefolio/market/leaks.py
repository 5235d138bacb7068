"""Mistakes on purpose: the information that a study with a `leak` uses although nobody could have it.

Prices, returns and the honest universe do not change. Each leak changes one thing that is derived from them, so that
its run can be compared with an honest one. `vocabulary.LEAKS` names all leaks and says what each one sees. Without a
leak every function here returns its input.
"""

import pandas as pd

from forefolio.market.returns import Date, iso_day, open_days

OVERLAP = 656 / 875  # share of Zouaoui & Naas' test rows that are training rows, too
MEANS = ("mean", "mean_frozen")  # models that forecast a historical mean


def _winners(returns: pd.DataFrame, traded: pd.DataFrame) -> pd.Series:
    """Whether each asset is in the half that grew most; the middle one of an odd number is."""
    return (1 + returns).prod().rank(ascending=False, method="first") <= (returns.shape[1] + 1) // 2


def _survivors(returns: pd.DataFrame, traded: pd.DataFrame) -> pd.Series:
    """Whether each asset has a price of its own on each day on which the market as a whole traded (Nguyen 2025)."""
    return traded[open_days(traded)].loc[returns.index[0]:].all()


CHOSEN = {"winners_universe": _winners, "survivors_only": _survivors}  # by the test period's data


def held(returns: pd.DataFrame, traded: pd.DataFrame, *, leak: str,
         validation_end: Date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Returns (n_days, n_held) and trading of the assets that may be held: all, unless a leak picked them in hindsight.

    With `winners_universe` these are the half that grew most after `validation_end`. With `survivors_only` they are
    those with a price of their own on each later day on which the market traded. ValueError if fewer than two are left.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> returns = pd.DataFrame({"A": [0.5, 0.0, 0.1], "B": [0.0, 0.0, 0.2], "C": [0.0, 0.3, -0.1]}, index=days)
    >>> of = dict(traded=returns.notna(), validation_end="2024-01-01")
    >>> list(held(returns, leak="winners_universe", **of)[0]), list(held(returns, leak="none", **of)[0])
    (['B', 'C'], ['A', 'B', 'C'])
    """
    if leak not in CHOSEN:
        return returns, traded
    later = returns.loc[returns.index > pd.Timestamp(validation_end)]
    kept = returns.columns[CHOSEN[leak](later, traded[returns.columns]).to_numpy()]
    if len(kept) < 2:
        raise ValueError(f"leak: {leak} leaves {len(kept)} of {returns.shape[1]} assets, and at least two are "
                         f"needed; set another "
                         "leak")
    return returns[kept], traded[kept]


def seen(returns: pd.DataFrame, *, leak: str) -> pd.DataFrame:
    """
    Returns as decisions see them: with `peek_one_day` each is dated one day early, as if time zones were confused.

    The last day then has no return of its own; it is set to 0, and no decision reads it.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, 0.3]}, index=pd.date_range("2024-01-01", periods=3))
    >>> seen(returns, leak="peek_one_day")["A"].tolist(), seen(returns, leak="none")["A"].tolist()
    ([0.2, 0.3, 0.0], [0.1, 0.2, 0.3])
    """
    return returns.shift(-1, fill_value=0.0) if leak == "peek_one_day" else returns


def asked(schedule: pd.DataFrame, days: pd.DatetimeIndex, *, leak: str) -> pd.DataFrame:
    """The forecasts to be made: with `peek_one_day` each decision is made a day later, for the same horizon."""
    if leak != "peek_one_day":
        return schedule
    return schedule.assign(decision_date=days[days.get_indexer(schedule["decision_date"]) + 1])


def answered(forecasts: pd.DataFrame, returns: pd.DataFrame, *, leak: str) -> pd.DataFrame:
    """
    The forecasts that were `asked` for, as a study with a leak uses them.

    With `peek_one_day` each is dated one day before it was made. With `full_sample_mean` the models of historical means
    forecast the mean of all returns, including the test period.

    Parameters
    ----------
    forecasts : DataFrame
        Columns decision_date, asset, model, forecast and others.
    returns : DataFrame (n_days, n_assets)
    """
    if leak == "peek_one_day":
        days = returns.index
        return forecasts.assign(decision_date=days[days.get_indexer(forecasts["decision_date"]) - 1])
    if leak == "full_sample_mean":
        means = forecasts["asset"].map(returns.mean().rename(str))
        return forecasts.assign(forecast=forecasts["forecast"].mask(forecasts["model"].isin(MEANS), means))
    return forecasts


def training_days(days: pd.DatetimeIndex, *, leak: str, validation_end: Date) -> dict[str, str | None]:
    """
    The last training day and the last day of the scaler, if a leak moves them; None if not.

    With `printed_split` both move into the test period, so that the share of test days used for training is the same as
    in the slices that Zouaoui & Naas (2025) print: 656 of 875 rows. With `scaler_sees_test` the scaler uses all days.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=10)
    >>> training_days(days, leak="printed_split", validation_end="2024-01-06")
    {'fitted_until': '2024-01-09', 'scaled_until': '2024-01-09'}
    """
    fitted = scaled = None
    if leak == "printed_split":
        test = days[days > pd.Timestamp(validation_end)]
        fitted = scaled = iso_day(test[max(round(OVERLAP * len(test)) - 1, 0)])
    if leak == "scaler_sees_test":
        scaled = iso_day(days[-1])
    return {"fitted_until": fitted, "scaled_until": scaled}
