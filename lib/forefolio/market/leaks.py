"""Mistakes on purpose: what a study with a `leak` sees though nobody could know it.

Prices, returns and the honest universe stay as they are; each leak changes one thing that is made of them, and nothing
else, so that a run with it can be set beside an honest one. `vocabulary.LEAKS` names them all and says what each sees.
Without a leak every function here returns what it was given.
"""

import pandas as pd

from forefolio.market.returns import Date, iso_day, open_days

OVERLAP = 656 / 875  # test rows of Zouaoui & Naas' printed slices that are training rows, too
MEANS = ("mean", "mean_frozen")  # models that forecast a historical mean


def _winners(returns: pd.DataFrame, traded: pd.DataFrame) -> pd.Series:
    """Whether each asset is in the half that grew most; of an odd number the middle one is."""
    return (1 + returns).prod().rank(ascending=False, method="first") <= (returns.shape[1] + 1) // 2


def _survivors(returns: pd.DataFrame, traded: pd.DataFrame) -> pd.Series:
    """Whether each asset has a price of its own on each day on which the market as a whole traded (Nguyen 2025)."""
    return traded[open_days(traded)].loc[returns.index[0]:].all()


CHOSEN = {"winners_universe": _winners, "survivors_only": _survivors}  # by returns and trading of the test period


def held(returns: pd.DataFrame, traded: pd.DataFrame, *, leak: str,
         validation_end: Date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Returns (n_days, n_held) and trading of the assets that a study may hold: all, unless a leak chose them in hindsight.

    Under `winners_universe` these are the half that grew most after `validation_end`, under `survivors_only` those that
    have a price of their own on each later day on which the market as a whole traded. ValueError where fewer than two
    are left.

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
        raise ValueError(f"leak: {leak} leaves {len(kept)} of {returns.shape[1]} assets, and two are needed; set another "
                         "leak")
    return returns[kept], traded[kept]


def seen(returns: pd.DataFrame, *, leak: str) -> pd.DataFrame:
    """
    Returns as decisions see them: under `peek_one_day` each is dated a day early, as after a mistake with time zones.

    The last day then has no return of its own and gets 0; no decision reads it.

    Examples
    --------
    >>> returns = pd.DataFrame({"A": [0.1, 0.2, 0.3]}, index=pd.date_range("2024-01-01", periods=3))
    >>> seen(returns, leak="peek_one_day")["A"].tolist(), seen(returns, leak="none")["A"].tolist()
    ([0.2, 0.3, 0.0], [0.1, 0.2, 0.3])
    """
    return returns.shift(-1, fill_value=0.0) if leak == "peek_one_day" else returns


def asked(schedule: pd.DataFrame, days: pd.DatetimeIndex, *, leak: str) -> pd.DataFrame:
    """The forecasts to be made: under `peek_one_day` each decision is made a day later, on the same horizon."""
    if leak != "peek_one_day":
        return schedule
    return schedule.assign(decision_date=days[days.get_indexer(schedule["decision_date"]) + 1])


def answered(forecasts: pd.DataFrame, returns: pd.DataFrame, *, leak: str) -> pd.DataFrame:
    """
    Forecasts as they were `asked` for, as a study with a leak uses them.

    Under `peek_one_day` each is dated a day before it was made. Under `full_sample_mean` the models of historical means
    forecast the mean of all returns, those of the test period included.

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
    The last days of what networks are trained on and scaled by, where a leak moves them; None where it does not.

    Under `printed_split` both are moved into the test period, so far that the share of its days that are trained on is that
    of the slices which Zouaoui & Naas (2025) print, 656 of 875 rows. Under `scaler_sees_test` the scale is that of all
    days.

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
