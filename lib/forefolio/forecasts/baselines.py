"""Forecasts without a network: zero, means, an autoregression, ridge regression and boosted trees.

The last two use one model for all assets, in which each day of each asset is a sample. Returns are in units of each
asset's standard deviation in the training period, so that calm and volatile assets can share a model.
"""

import warnings
from collections.abc import Callable
from itertools import islice

import numpy as np
import pandas as pd

from forefolio.forecasts.schedule import Fit, forecast_frame, scheduled
from forefolio.market.returns import Date


LAGS, SPANS = 5, (5, 21, 63)  # lags and spans, in days: single returns; a week, a month and a quarter
PENALTIES = 10.0 ** np.arange(0, 8)  # of ridge, on standardized features
TREES = 100  # at most


def zero(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """Forecast no return at all, as model `zero`."""
    return forecast_frame(schedule, pd.DataFrame(0.0, schedule.index, returns.columns), model="zero")


def historical_mean(returns: pd.DataFrame, schedule: pd.DataFrame) -> pd.DataFrame:
    """Forecast the mean of all returns up to and including the decision day, at every horizon, as model `mean`."""
    return forecast_frame(schedule, returns.expanding().mean().loc[schedule["decision_date"]], model="mean")


def frozen_mean(returns: pd.DataFrame, schedule: pd.DataFrame, *, train_end: Date) -> pd.DataFrame:
    """Forecast the mean of the training period, as model `mean_frozen`, like a network that learned nothing.

    `mean` keeps learning in the test period and networks do not, so a comparison with `mean` includes that difference.
    """
    mean = returns.loc[:pd.Timestamp(train_end)].mean()
    values = pd.DataFrame(np.tile(mean, (len(schedule), 1)), columns=returns.columns)
    return forecast_frame(schedule, values, model="mean_frozen")


def autoregression_days(lags: int) -> int:
    """The training days that an autoregression with this many lags needs to have as many equations as coefficients."""
    return 2 * lags + 2


def autoregression(returns: pd.DataFrame, schedule: pd.DataFrame, *, train_end: Date, lags: int) -> pd.DataFrame:
    """Forecast each asset from its own last `lags` returns, as model `ar`, with a constant, fitted on the training period.

    r̂_{t+1} = c + phi_1 r_t + ... + phi_p r_{t-p+1}, ordinary least squares (statsmodels AutoReg). Horizons above 1 feed
    the model its own forecasts. ValueError if the training period is too short for so many lags.
    """
    from statsmodels.tsa.ar_model import AutoReg  # costs seconds to import

    training = returns.loc[:pd.Timestamp(train_end)]
    if lags < 1 or len(training) < autoregression_days(lags):
        raise ValueError(f"An autoregression on {lags} lags needs at least {autoregression_days(lags)} training days and one "
                         f"lag, and there are {len(training)} days: change ar_lags or move train_end")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for an asset that never moved there are many solutions with the same forecast
        fits = np.array([AutoReg(training[asset].to_numpy(), lags, trend="c").fit().params for asset in training])
    constant, slopes = fits[:, 0], fits[:, 1:].T  # slopes: newest lag first
    values = scheduled(schedule, returns, lambda recent: constant + (recent[:, ::-1] * slopes).sum(axis=1), window=lags)
    return forecast_frame(schedule, pd.DataFrame(values, columns=returns.columns), model="ar")


def features(scaled: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The features of each asset at the close of each day: frames like `scaled`, by name.

    `scaled` are returns in units of each asset's deviation. lag_1 to lag_5: the last five returns, the day's own first;
    momentum_k: their mean over 5, 21 or 63 days times the root of k; volatility_k: their deviation over these days;
    market: the mean return of all assets that day. Features are missing on the first 62 days.

    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> known = features(pd.DataFrame({"A": range(70), "B": 0.0}, index=days))
    >>> len(known), known["lag_2"]["A"].iloc[-1], known["market"]["B"].iloc[-1]
    (12, np.float64(68.0), np.float64(34.5))
    """
    known = {f"lag_{lag + 1}": scaled.shift(lag) for lag in range(LAGS)}
    known |= {f"momentum_{span}": scaled.rolling(span).mean() * span**0.5 for span in SPANS}
    known |= {f"volatility_{span}": scaled.rolling(span).std() for span in SPANS}
    market = np.repeat(scaled.mean(axis=1).to_numpy()[:, None], scaled.shape[1], axis=1)
    return known | {"market": pd.DataFrame(market, scaled.index, scaled.columns)}


def pooled_days() -> int:
    """The smallest number of training days that gives a sample."""
    return max(SPANS) + 1


def ridge(returns: pd.DataFrame, fit: Fit) -> pd.DataFrame:
    """Linear regression with the quadratic penalty that has the smallest validation error, as model `ridge`."""
    from sklearn.linear_model import Ridge  # takes a second to import

    def candidates(X: np.ndarray, y: np.ndarray) -> list[Callable[[np.ndarray], np.ndarray]]:
        mean, deviation = X.mean(axis=0), X.std(axis=0) + 1e-12
        fitted = [Ridge(alpha=penalty).fit((X - mean) / deviation, y) for penalty in PENALTIES]
        return [lambda x, model=model: model.predict((x - mean) / deviation) for model in fitted]

    return _forecast(returns, fit, candidates, model="ridge")


def boosted_trees(returns: pd.DataFrame, fit: Fit, *, seed: int) -> pd.DataFrame:
    """Gradient boosting of small trees; their number has the smallest validation error; model `gbm`.

    Trees of at most 8 leaves with 200 samples or more in each, a learning rate of 0.05, 100 trees at most.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    def candidates(X: np.ndarray, y: np.ndarray) -> list[Callable[[np.ndarray], np.ndarray]]:
        grown = HistGradientBoostingRegressor(max_iter=TREES, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=200,
                                              early_stopping=False, random_state=seed).fit(X, y)
        return [lambda x, count=count: next(islice(grown.staged_predict(x), count, None)) for count in range(0, TREES, 5)]

    return _forecast(returns, fit, candidates, model="gbm")


def _forecast(returns: pd.DataFrame, fit: Fit, candidates: Callable, *, model: str) -> pd.DataFrame:
    """Fit candidates up to train_end, keep the one with the smallest squared error up to validation_end, and forecast.

    A sample belongs to the period of its target. The next day's forecast is also used for later days, because features
    of future days are unknown.
    """
    train_end, validation_end = pd.Timestamp(fit.train_end), pd.Timestamp(fit.validation_end)
    deviation = returns.loc[:train_end].std()
    deviation = deviation.where(deviation > 0, 1.0)
    known = np.stack([frame.to_numpy() for frame in features(returns / deviation).values()], axis=-1)
    targets, due = (returns / deviation).to_numpy()[1:], returns.index[1:]
    usable = np.isfinite(known[:-1]).all(axis=(1, 2))
    samples = {}
    for period, inside in [("training", due <= train_end), ("validation", (due > train_end) & (due <= validation_end))]:
        rows = usable & inside
        samples[period] = known[:-1][rows].reshape(-1, known.shape[-1]), targets[rows].ravel()
    if not len(samples["training"][1]):
        raise ValueError(f"The model {model} needs {pooled_days()} training days and one more: move train_end or start")
    X, y = samples["validation"]
    made = candidates(*samples["training"])
    errors = [np.mean((predict(X) - y) ** 2) for predict in made]
    days = fit.schedule["decision_date"].unique()
    read = known[returns.index.get_indexer(days)]
    scores = made[int(np.argmin(errors))](read.reshape(-1, known.shape[-1])).reshape(read.shape[:2])
    values = pd.DataFrame(scores * deviation.to_numpy(), days, returns.columns)
    return forecast_frame(fit.schedule, values.loc[fit.schedule["decision_date"]], model=model)
