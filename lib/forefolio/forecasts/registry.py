"""The function behind every model of the vocabulary, and all forecasts of a study in one call.

A new baseline is a function and an entry in `BASELINES`. A new network is a frozen dataclass of settings and an entry in
`NETWORKS`. The dataclass has `name`, the model's; `hidden(windows, seeds)`, from the input to the last hidden tensor; and
`outline(title)`, the layers between input and output, each a name and its details.

* One network per asset: windows (batch, days, n_assets) -> (n_assets, batch, n_units), built of `layers`, which keep the
  assets apart. `values_a_day`, about how many values training keeps for each day of each sample, limits the assets that
  are trained together.
* A joint network: (batch, days, n_series) -> (batch, days, n_units), or -> (batch, n_units) where its `target` is the
  next_day and not a whole window. `together` says whether one sample holds all assets; otherwise each asset's window is a
  sample of its own. One is trained for each of its `windows`, in days.

`architectures` has both kinds. Importing this module loads no Keras.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from forefolio.forecasts.architectures import CNN1D, JointRecurrent, Recurrent
from forefolio.forecasts.baselines import (autoregression, autoregression_days, boosted_trees, frozen_mean, historical_mean,
                                           pooled_days, ridge, zero)
from forefolio.forecasts.own import Own, on_schedule
from forefolio.forecasts.schedule import Fit, fits, forecast_schedule, sample_days
from forefolio.market import leaks
from forefolio.market.returns import Need
from forefolio.study.parameters import Study
from forefolio.study.vocabulary import MODELS


def _of(study: Study, settings: type, prefix: str = "", **given: Any) -> Any:
    """Settings whose fields are the study's parameters with a prefix, and the other given fields."""
    named = {field.name: getattr(study, prefix + field.name) for field in fields(settings) if field.name not in given}
    return settings(**named, **given)


def _recurrent(cell: str) -> dict[str, Callable[[Study], Any]]:
    """A recurrent network in both scopes; the `lstm_` parameters apply to every kind of cell."""
    return {"asset": lambda study: _of(study, Recurrent, "lstm_", name=cell),
            "joint": lambda study: _of(study, JointRecurrent, "network_", name=cell, windows=tuple(study.windows))}


BASELINES: dict[str, Callable[[pd.DataFrame, Fit, Study], pd.DataFrame]] = {
    "zero": lambda returns, fit, study: zero(returns, fit.schedule),
    "mean": lambda returns, fit, study: historical_mean(returns, fit.schedule),
    "mean_frozen": lambda returns, fit, study: frozen_mean(returns, fit.schedule, train_end=fit.train_end),
    "ar": lambda returns, fit, study: autoregression(returns, fit.schedule, train_end=fit.train_end, lags=study.ar_lags),
    "ridge": lambda returns, fit, study: ridge(returns, fit),
    "gbm": lambda returns, fit, study: boosted_trees(returns, fit, seed=study.seed),
}
NETWORKS: dict[str, dict[str, Callable[[Study], Any]]] = {  # a network's settings in each of its scopes
    "lstm": _recurrent("lstm"),
    "cnn1d": {"asset": lambda study: _of(study, CNN1D, "cnn1d_")},
    "rnn": _recurrent("rnn"),
    "gru": _recurrent("gru"),
    "bilstm": _recurrent("bilstm"),
}
_NETWORK = {"model": str, "seed": int}  # the first columns of what training leaves
_LOSSES = {"epoch": int, "loss": float, "validation_loss": float, "kept": bool}
_LEFT = {  # the columns of what is empty where no network was trained
    "window_means": _NETWORK | {"window": int, "decision_date": "datetime64[us]", "asset": str, "forecast": float},
    "window_accuracy": _NETWORK | {"window": int, "epochs_run": int, "n_samples_validation": int, "n_samples_test": int} | {
        f"{whose}{error}_{period}": float for period in ("validation", "test") for whose in ("", "zero_", "mean_")
        for error in ("mse", "mae")},
    "timings": _NETWORK | {"window": int, "seconds": float},
    "lags": _NETWORK | {"asset": str, "lag": int, "mse": float, "n_days": int},
}


@dataclass(frozen=True)
class Forecasts:
    """All forecasts of a study (baselines first, the user's own last), and the records of training.

    The history ends with fitted_until, the fit's last day of validation as ISO text, where a network was trained. The
    frames of windows (see `joint_networks.trained_forecasts`) have no rows where there is no joint network. `lags` has
    the errors of each network and fit with one lag shuffled (see `schedule.errors_by_lag`). `honest` has the forecasts
    that the study would have without its `leak`, of all assets; no rows where it has none.
    """

    forecasts: pd.DataFrame
    history: pd.DataFrame
    window_means: pd.DataFrame
    window_accuracy: pd.DataFrame
    timings: pd.DataFrame
    lags: pd.DataFrame
    honest: pd.DataFrame


def networks(study: Study) -> dict[str, Any]:
    """The settings of each network of a study, by model, in the study's order."""
    return {model: NETWORKS[model][study.network_scope](study) for model in study.models if model not in BASELINES}


def outlines(study: Study, *, n_assets: int) -> dict[str, list[tuple[str, str]]]:
    """The layers of each network of a study from input to output, each a name and its details, for a diagram.

    Examples
    --------
    >>> outlines(Study(models=["zero", "lstm"], portfolio_models=["lstm"], lstm_layers=1), n_assets=20)["lstm"]
    [('one network per asset', 'input: 30 days, 1 of 20 assets'), ('LSTM', '4 units, dropout 0.3'), ('dense', '1 day')]
    >>> joint = Study(models=["zero", "gru"], portfolio_models=["gru"], network_scope="joint")
    >>> outlines(joint, n_assets=21)["gru"][1:]
    [('GRU', '64 units, every step'), ('GRU', '32 units, every step'), ('dense', '30 days x 21 assets')]
    """
    days, drawn = f"{study.lookback} days", {}
    for model, network in networks(study).items():
        ends = ("one network per asset", f"input: {days}, 1 of {n_assets} assets"), ("dense", "1 day")
        if study.network_scope == "joint":
            assets = f"{n_assets} assets" if network.together else "1 asset"
            labels = days if network.target == "window" else "1 day"
            ends = ("input", f"{days} x {assets}"), ("dense", f"{labels} x {assets}")
        drawn[model] = [ends[0], *network.outline(MODELS[model].title), ends[1]]
    return drawn


def plan(index: pd.DatetimeIndex, study: Study, *, traded: pd.DataFrame | None = None) -> list[Fit]:
    """The fits of a study's models in order of time, with the part of the schedule that each one forecasts.

    `traded` says on which days each price is its own, and so when portfolios are decided (`rebalance_dates`).
    """
    dates = {"train_end": study.train_end, "validation_end": study.validation_end, "traded": traded}
    return fits(index, forecast_schedule(index, **dates), refit=study.refit, **dates)


def forecasts(returns: pd.DataFrame, *, study: Study, traded: pd.DataFrame | None = None, own: Own = Own(),
              remember: Callable[..., dict[str, pd.DataFrame]] = lambda function, *given: function(*given)) -> Forecasts:
    """Make all forecasts of a study: every model fills the schedule, each fit its part, and `own` what it has.

    Each training of a network is called as remember(function, *arguments); `Stage.remember` computes nothing twice.
    `traded` is for `plan`. ValueError if a period is too short (`needed_days`).

    Notes
    -----
    With a `leak` (see `market.leaks`) the honest forecasts are made as well, by the trainings of an honest study. Where
    the leak is in the universe, the forecasts are the honest ones of its assets: no asset's network reads another one, and
    a joint network has read all. Under `peek_one_day` the `window_means` of joint networks stay honest.
    """
    made = _forecasts(returns, study, traded, own, remember)
    if study.leak == "none":
        return made
    honest = _forecasts(returns, study.model_copy(update={"leak": "none"}), traded, own, remember)
    kept = returns.columns if traded is None else leaks.held(
        returns, traded, leak=study.leak, validation_end=study.validation_end)[0].columns
    frames = {field.name: getattr(made, field.name) for field in fields(Forecasts)}
    inside = {name: frame[frame["asset"].isin(kept.astype(str))].reset_index(drop=True) for name, frame in frames.items()
              if "asset" in frame}
    return Forecasts(**frames | inside | {"honest": honest.forecasts})


def _forecasts(returns: pd.DataFrame, study: Study, traded: pd.DataFrame | None, own: Own,
               remember: Callable[..., dict[str, pd.DataFrame]]) -> Forecasts:
    """All forecasts, for all assets, with the study's leak."""
    leak, left = study.leak, []
    fitted = [replace(fit, schedule=leaks.asked(fit.schedule, returns.index, leak=leak))
              for fit in plan(returns.index, study, traded=traded)]
    made = [BASELINES[model](returns, fit, study) for model in study.models if model in BASELINES for fit in fitted]
    if networks(study):  # importing Keras takes seconds
        from forefolio.forecasts import asset_networks, joint_networks
        from forefolio.forecasts.training import Training

        trainer = {"asset": asset_networks, "joint": joint_networks}[study.network_scope]
    for network in networks(study).values():
        for fit in fitted:
            training = _of(study, Training, train_end=fit.train_end, validation_end=fit.validation_end,
                           **leaks.training_days(returns.index, leak=leak, validation_end=fit.validation_end))
            given = () if traded is None or study.network_scope == "asset" else (traded,)  # when it is to be decided
            frames = remember(trainer.trained_forecasts, returns, fit.schedule, network, training, *given)
            left.append(frames | {"history": frames["history"].assign(fitted_until=fit.validation_end)})
    key = {"joint": {"window": int}, "asset": {"asset": str}}[study.network_scope]
    tables = _LEFT | {"history": _NETWORK | key | _LOSSES}
    schedule = pd.concat([fit.schedule for fit in fitted], ignore_index=True)
    made += [*(frames["forecasts"] for frames in left), *filter(len, [on_schedule(own.forecasts, schedule)])]
    forecasts = pd.concat(made, ignore_index=True)
    return Forecasts(leaks.answered(forecasts, returns, leak=leak), honest=forecasts[:0],
                     **{name: _joined([frames[name] for frames in left if name in frames], columns)
                        for name, columns in tables.items()})


def with_baselines(forecasts: pd.DataFrame, returns: pd.DataFrame, baselines: Iterable[str], fitted: list[Fit],
                   study: Study) -> pd.DataFrame:
    """Forecasts with those of some baselines added, where the study did not name them; `fitted` are its fits (`plan`)."""
    missing = [model for model in baselines if model not in set(forecasts["model"])]
    made = [BASELINES[model](returns, fit, study) for model in missing for fit in fitted]
    return pd.concat([*made, forecasts], ignore_index=True)


def added_in_logs(forecasts: pd.DataFrame, returns: pd.DataFrame, *, study: Study,
                  traded: pd.DataFrame | None = None) -> pd.Series:
    """The amount added to each log forecast before it became a simple return; 0 if the model does not use log returns.

    Per-asset networks forecast log returns, and add half of their variance in the training period of the fit (see
    `asset_networks.trained_forecasts`). The index is that of `forecasts`.
    """
    added = pd.Series(0.0, forecasts.index)
    in_logs = forecasts["model"].isin(list(networks(study))) & (study.network_scope == "asset")
    for fit in plan(returns.index, study, traded=traded):
        rows = in_logs & forecasts["decision_date"].isin(fit.schedule["decision_date"])
        until = leaks.training_days(returns.index, leak=study.leak, validation_end=fit.validation_end)["scaled_until"]
        half = np.log1p(returns.loc[:pd.Timestamp(until or fit.train_end)]).var(ddof=0) / 2
        added[rows] = forecasts.loc[rows, "asset"].map(half)
    return added


def needed_days(study: Study, n_assets: int) -> list[Need]:
    """Days of returns that stage 04 needs, whatever the number of assets, in the order in which they are checked.

    Examples
    --------
    >>> [(need.parameter, need.days, need.period) for need in needed_days(Study(), n_assets=20)]
    [('lookback', 31, 'training'), ('validation_end', 1, 'validation'), ('validation_end', 1, 'test'), ('ar_lags', 12, 'training')]
    """
    needs = [Need("lookback", sample_days(study.lookback), "training", "the training period has no window"),
             Need("validation_end", 1, "validation", "the validation period has no day"),
             Need("validation_end", 1, "test", "the test period has no day")]
    if study.network_scope == "joint" and networks(study):
        days = sample_days(max(study.windows), study.network_target)
        needs += [Need("windows", days, period, "a period has no room for a window and its labels")
                  for period in ("training", "validation", "test")]
    needs += [Need("train_end", pooled_days() + 1, "training", f"{model} looks back a quarter of a year")
              for model in ("ridge", "gbm") if model in study.models]
    if "ar" in study.models:
        needs.append(Need("ar_lags", autoregression_days(study.ar_lags), "training", "the training period cannot fit them"))
    return needs


def _joined(frames: list[pd.DataFrame], columns: dict[str, Any]) -> pd.DataFrame:
    """Frames one after the other, with these kinds of columns; the columns without rows where there are none."""
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return pd.concat([empty, *frames], ignore_index=True)[list([*frames, empty][0])]
