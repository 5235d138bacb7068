"""The user's own forecasts, from a file: read, checked, and put on the schedule of all models.

A row is a forecast of one asset's return, known at the close of `decision_date`. Each model in the file becomes a model
of the study. Missing forecasts are not invented: the model does not buy that asset on that day.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from forefolio.files import content_hash
from forefolio.forecasts.schedule import forecast_schedule
from forefolio.market import csv_files
from forefolio.market.returns import Date, iso_day
from forefolio.study.parameters import Study, StudyError
from forefolio.study.rules import NAME
from forefolio.study.vocabulary import MODELS, listed, short

COLUMNS = ["decision_date", "asset", "horizon", "model", "forecast"]
NAMELESS = "own"  # name of the model, if the file has none
LARGE = 0.2  # a larger median absolute forecast is a percentage
GOOD_R2 = 0.05  # R2 of daily returns; more is too good to be true
SURE = 3.0  # standard errors, over days, at which a correlation is not chance
EMPTY = pd.DataFrame({"decision_date": pd.Series(dtype="datetime64[us]"), "asset": pd.Series(dtype=object),
                      "horizon": pd.Series(dtype=int), "model": pd.Series(dtype=object), "forecast": pd.Series(dtype=float)})


@dataclass(frozen=True)
class Own:
    """Forecasts of a file (columns `COLUMNS`; empty if the study names no file), and the file with its hash."""

    forecasts: pd.DataFrame = field(default_factory=EMPTY.copy)
    files: dict[Path, str] = field(default_factory=dict)


def load(study: Study, returns: pd.DataFrame, *, traded: pd.DataFrame, tickers: Collection[str]) -> Own:
    """Read the file that `forecasts_path` names, if any, and check it against the study's market.

    `traded` is for `forecast_schedule`. Rows of dropped `tickers`, and of days outside of `returns`, are left out.

    Raises
    ------
    StudyError
        One sentence, for a file that cannot be read, dates that are not trading days, unknown assets, a forecast that
        is repeated, not a number or a percentage, a model with a name of the vocabulary, or a model without any
        scheduled forecast.
    """
    if not study.forecasts_path:
        return Own()
    path = Path(study.forecasts_path)
    if not path.is_file():
        raise StudyError(f"forecasts_path: there is no file {path}; correct the path")
    try:
        content = csv_files.content(path)
        rows = _parsed(_table(content, path.name))
        known = _known(rows, returns, tickers)
        schedule = forecast_schedule(returns.index, train_end=study.train_end, validation_end=study.validation_end, traded=traded)
        covered = coverage(known, schedule, n_assets=returns.shape[1])
    except StudyError as error:
        raise StudyError(f"forecasts_path: {str(error) if str(error).startswith(path.name) else f'{path.name} {error}'}") from None
    for model in covered.loc[covered["made"] == 0, "model"]:
        raise StudyError(f"forecasts_path: {path.name} has no next-day forecast of model {model} that is scheduled; the "
                         f"days to decide on go from {iso_day(schedule['decision_date'].min())} on")
    return Own(known, {path: content_hash(content)})


def _table(content: bytes, name: str) -> pd.DataFrame:
    """The file's columns of `COLUMNS`, as text where it is a csv."""
    try:
        if name.endswith(".parquet"):
            table = pd.read_parquet(BytesIO(content))
        else:
            table = pd.read_csv(BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig",
                                compression="gzip" if name.endswith(".gz") else None)
    except (ValueError, OSError, EOFError) as error:  # of pandas, of pyarrow, of gzip
        raise StudyError(f"cannot be read ({short(str(error).splitlines()[0])}); write a csv or parquet file with the "
                         "columns decision_date, asset, forecast") from None
    table = table.rename(columns=lambda title: str(title).strip().lower())
    lacking = {"decision_date", "asset", "forecast"} - set(table)
    if lacking or not table.columns.is_unique:
        raise StudyError(f"has the columns {short(listed([*map(str, table)]))}; give it decision_date, asset, forecast, "
                         "each once, and perhaps horizon and model")
    return table.reindex(columns=COLUMNS)


def _parsed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with dates, numbers and names, without rows that have no forecast."""
    dates = table["decision_date"]
    if not pd.api.types.is_datetime64_any_dtype(dates):
        texts = dates.astype(str).str.strip()
        dates = pd.to_datetime(texts.where(texts.str.fullmatch(r"\d{4}-\d{2}-\d{2}([ T].*)?")), format="ISO8601", errors="coerce")
    dates = dates.dt.tz_localize(None).astype("datetime64[us]")
    _refuse(dates.isna() | (dates != dates.dt.normalize()), table["decision_date"], "decision_date",
            "is not a date; write it as 2021-03-31, without a time")
    texts = table["forecast"].astype(object).where(table["forecast"].astype(str).str.strip().str.lower().isin(
        ["", "nan", "na", "none", "<na>"]).map({True: False, False: True}), np.nan)
    forecasts = pd.to_numeric(texts, errors="coerce")
    _refuse((forecasts.isna() & texts.notna()) | ~(forecasts.fillna(0).abs() < np.inf) | (forecasts < -1), table["forecast"],
            "forecast", "is not a simple return per day; write 0.001 for 0.1 %")
    horizons = pd.to_numeric(table["horizon"].replace("", np.nan), errors="coerce").where(table["horizon"].notna(), 1)
    _refuse(~(horizons >= 1) | (horizons % 1 != 0), table["horizon"], "horizon", "is not a number of trading days; "
                                                                                 "write 1 for the next")
    models = table["model"].where(table["model"].notna(), NAMELESS).astype(str).str.strip()
    _refuse(~models.str.fullmatch(NAME), models, "model", "is no plain name; use letters, digits, '_', '-' and '.'")
    _refuse(models.isin(list(MODELS)), models, "model", "is a model of the study's own; call yours something else")
    rows = pd.DataFrame({"decision_date": dates, "asset": table["asset"].astype(str).str.strip(), "horizon": horizons.astype(int),
                         "model": models, "forecast": forecasts}).dropna(subset="forecast").reset_index(drop=True)
    for row in rows[rows.duplicated(COLUMNS[:-1])].head(1).itertuples():
        raise StudyError(f"has two forecasts of {row.asset} by {row.model} on {iso_day(row.decision_date)}, horizon "
                         f"{row.horizon}; keep one")
    for model, median in rows["forecast"].abs().groupby(rows["model"]).median().items():
        if median > LARGE:
            raise StudyError(f"has forecasts of {model} whose median size is {median:.2g} a day; they look like percent, so "
                             "divide them by 100")
    if rows.empty:
        raise StudyError("has no forecast in it; write decision_date, asset, forecast")
    return rows


def _refuse(wrong: pd.Series, values: pd.Series, title: str, why: str) -> None:
    """Refuse the first value that is wrong, with its place."""
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise StudyError(f"row {row + 1} below the header: {title} {short(str(values.iloc[row]))} {why}")


def _known(rows: pd.DataFrame, returns: pd.DataFrame, tickers: Collection[str]) -> pd.DataFrame:
    """The rows of assets and days that the study has; what it cannot know is refused."""
    strange = sorted(set(rows["asset"]) - {*map(str, tickers), *map(str, returns.columns)})
    if strange:
        more = [f"{len(strange) - 4} more"] if len(strange) > 4 else []
        raise StudyError(f"has forecasts of {listed([*strange[:4], *more])}, which the study does not have; correct the names, or "
                         "leave them out")
    inside = rows["decision_date"].between(returns.index[0], returns.index[-1])
    off = rows.loc[inside & ~rows["decision_date"].isin(returns.index), "decision_date"]
    if len(off):
        raise StudyError(f"has forecasts decided on {iso_day(off.min())}, which is not a trading day; date each "
                         f"forecast by the "
                         "last close that it knows")
    return rows[inside & rows["asset"].isin(returns.columns.astype(str))].reset_index(drop=True)


def coverage(own: pd.DataFrame, schedule: pd.DataFrame, *, n_assets: int) -> pd.DataFrame:
    """The number of scheduled next-day forecasts that each model of a file has.

    Columns model, scheduled (decision days x assets), made, rebalances (the same of the days on which portfolios are
    decided), made_at_rebalances.
    """
    decided = schedule.loc[schedule["horizon"] == 1, "decision_date"]
    monthly = schedule.loc[schedule["horizon"] > 1, "decision_date"].unique()
    of_next_day = own[(own["horizon"] == 1) & own["decision_date"].isin(decided)]
    rows = [(model, len(decided) * n_assets, len(made), len(monthly) * n_assets, int(made["decision_date"].isin(monthly).sum()))
            for model in own["model"].unique() for made in [of_next_day[of_next_day["model"] == model]]]
    return pd.DataFrame(rows, columns=["model", "scheduled", "made", "rebalances", "made_at_rebalances"])


def on_schedule(own: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """A file's forecasts in the form of all models: rows of the schedule, without those that the file lacks.

    If the file lacks a day of a decision, the last forecast before it is used. Without a next-day forecast, the asset
    has no forecast at that date.
    """
    pairs = own.loc[own["horizon"] == 1, ["decision_date", "asset", "model"]]
    asked = pairs.merge(schedule, on="decision_date")
    filled = asked.merge(own, how="left", on=["decision_date", "asset", "model", "horizon"])
    filled = filled.sort_values(["model", "decision_date", "horizon", "asset"], kind="stable", ignore_index=True)
    filled["forecast"] = filled.groupby(["model", "decision_date", "asset"], sort=False)["forecast"].ffill()
    return filled.assign(seed=0)[["decision_date", "target_date", "horizon", "asset", "model", "seed", "forecast"]]


def suspicions(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date) -> pd.DataFrame:
    """Checks per model whether forecasts are too good to be true, for target days from `first` to `last`.

    Returns
    -------
    DataFrame
        Columns model, r2 (out of sample, of next-day forecasts against zero), correlation (with the next day's return),
        shifted (with that of the day after), leaked: r2 above `GOOD_R2`; or a correlation above its root, at least `SURE` standard
        errors by days from zero, of which less than half is left when it is shifted by a day.
    """
    after = returns.shift(-1)
    rows = []
    for model, of_model in forecasts[forecasts["horizon"] == 1].groupby("model", sort=False):
        inside = of_model[of_model["target_date"].between(pd.Timestamp(first), pd.Timestamp(last))]
        made = inside.pivot_table(index="target_date", columns="asset", values="forecast").stack()
        actual = returns.stack().reindex(made.index)
        made, actual = made[actual.notna()], actual.dropna()
        later = after.stack().reindex(made.index)
        squares = (actual**2).sum()
        r2 = 1 - ((actual - made) ** 2).sum() / squares if squares > 0 else np.nan
        products = ((made - made.mean()) * (actual - actual.mean())).groupby("target_date").sum()
        error = products.std() * np.sqrt(len(products))
        correlation, shifted = made.corr(actual), made.corr(later)
        sure = error > 0 and products.sum() > SURE * error
        leaked = r2 > GOOD_R2 or bool(sure and correlation > GOOD_R2**0.5 and abs(shifted) < correlation / 2)
        rows.append((model, r2, correlation, shifted, leaked))
    return pd.DataFrame(rows, columns=["model", "r2", "correlation", "shifted", "leaked"])
