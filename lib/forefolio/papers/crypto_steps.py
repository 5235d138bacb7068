"""Steps of Zouaoui & Naas (2025) that only their own notebook needs, in the order of their sections.

Errors in percent, Table 4 with its root and two forecasts beside it, the portfolio that Table 5 prints on this run's
prices, and what the printed split bought.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forefolio.market.returns import Date
from forefolio.papers.crypto import LEFT_OUT, with_stand_ins
from forefolio.papers.printed import values
from forefolio.study.vocabulary import BENCHMARK, line

ERRORS = ("mse", "rmse", "mae")
BESIDE = {"": "{model}", "zero_": "zero", "mean_": "training mean"}  # whose errors stand in a table of windows
NETWORKS = {"code": "network of the listing", "prose": "network of the text"}  # by preset
HONEST, PRINTED = "disjoint periods", "the printed split"
SPLITS = {"none": HONEST, "printed_split": PRINTED}  # by leak


def percentage_errors(forecasts: pd.DataFrame, returns: pd.DataFrame, *, first: Date, last: Date,
                      near_zero: float) -> pd.DataFrame:
    """
    Mean absolute percentage error of next-day forecasts, and how much of it comes from returns near zero.

    Parameters
    ----------
    forecasts, returns : DataFrame
        Columns model, horizon, asset, target_date, forecast; (n_days, n_assets), of all days.
    first, last : date
        The days that are judged.
    near_zero : float
        An absolute return below it is near zero, a fraction.

    Returns
    -------
    DataFrame
        Index: model. Columns asset_days; undefined, those whose return is exactly 0; near_zero, the share of all with a
        return below `near_zero`; mape, of all whose return is not 0, and mape_without, of those that are not near zero,
        as fractions: 1 is 100 %. Seeds are averaged before.

    Notes
    -----
    MAPE is the mean of |r - r̂| / |r|. At r = 0 it has no value, near 0 no bound, and forecasting zero always has 1.
    """
    judged = returns.loc[pd.Timestamp(first):pd.Timestamp(last)].stack().rename("actual")
    judged.index.names = ["target_date", "asset"]
    one_day = forecasts[forecasts["horizon"] == 1]
    made = one_day.groupby(["model", "target_date", "asset"], sort=False, observed=True)["forecast"].mean().reset_index()
    both = made.merge(judged.reset_index(), on=["target_date", "asset"])
    size = both["actual"].abs()
    error = (both["actual"] - both["forecast"]).abs() / size.where(size > 0)
    told = both.assign(undefined=size == 0, near_zero=size < near_zero, mape=error, mape_without=error.where(size >= near_zero))
    return told.groupby("model", sort=False).agg(
        asset_days=("actual", "size"), undefined=("undefined", "sum"), near_zero=("near_zero", "mean"),
        mape=("mape", "mean"), mape_without=("mape_without", "mean"))


def errors_by_window(accuracy: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """
    Table 4 of one network, with the root of the squared error, and with two forecasts that know nothing on the same days.

    `accuracy` is the table window_accuracy of stage 04; several seeds are averaged before the root is taken.

    Returns
    -------
    DataFrame (2 * n_windows, 9)
        Index period (validation, test) and window (days). Columns: whose error (the model, zero, training mean), and mse
        (squared fraction per day), rmse and mae (fraction per day), over all assets and all days that are forecast.
    """
    own = accuracy[accuracy["model"] == model].groupby("window").mean(numeric_only=True)
    rows = {}
    for period in ("validation", "test"):
        for window, row in own.iterrows():
            rows[period, window] = {
                (whose.format(model=model), error): row[f"{prefix}{error}_{period}"] if error != "rmse" else
                np.sqrt(row[f"{prefix}mse_{period}"]) for prefix, whose in BESIDE.items() for error in ERRORS}
    columns = pd.MultiIndex.from_product([[whose.format(model=model) for whose in BESIDE.values()], ERRORS])
    index = pd.MultiIndex.from_tuples(rows, names=["period", "window"])
    return pd.DataFrame(list(rows.values()), index=index).reindex(columns=columns)



def printed_lstm_portfolio(published: Mapping[str, pd.DataFrame], returns: pd.DataFrame, *,
                           periods_per_year: int) -> pd.DataFrame:
    """
    The LSTM portfolio that Table 5 prints: where its printed return and risk put it, and where this run's prices do.

    Returns
    -------
    DataFrame
        Rows `LSTM by its printed numbers`, which are taken as a year's, as the table calls them, and `printed weights on
        these prices`, put back every day; the second is left out where coins with more than a tenth of the gross exposure
        have no prices. Columns expected_return, volatility (per day) and gross_exposure, as in
        `frontier.portfolio_moments`. One stable coin stands in for the three others (`crypto.with_stand_ins`), and a coin
        without prices is left out of the return, not of the gross exposure.
    """
    weights = values(published, "Table 5", "weight", column="lstm_in_sample")
    (annual, risk), gross = (values(published, "Table 5", f"annualized {name}", column="lstm_in_sample").iloc[0]
                             for name in ("return", "volatility")), weights.abs().sum()
    rows = {"LSTM by its printed numbers": (annual / periods_per_year, risk / periods_per_year**0.5, gross)}
    prices = with_stand_ins(returns)
    known = weights[weights.index.isin(prices.columns)]
    if gross - known.abs().sum() <= LEFT_OUT * gross:
        earned = prices[known.index] @ known
        rows["printed weights on these prices"] = earned.mean(), earned.std(), gross
    return pd.DataFrame.from_dict(rows, orient="index", columns=["expected_return", "volatility", "gross_exposure"])


def beside_index(returns: pd.DataFrame, net_returns: pd.DataFrame, weights: pd.DataFrame,
                 index: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Daily returns of the LSTM's portfolio and of the index, for Fig. 5: with hindsight, and decided before.

    Parameters
    ----------
    returns, net_returns : DataFrame
        Of the coins, all days; of strategies and `benchmark`, net of costs, the test days.
    weights : DataFrame
        As `crypto.table5` gives them; those of `lstm_in_sample` are put back every day.
    index : Series
        Returns of the index on all days; its name is its column's.

    Returns
    -------
    tuple of DataFrame
        Columns `LSTM` and the index: all days, and the test days. Without `LSTM` where the run has no such portfolio.
    """
    hindsight = pd.DataFrame({"LSTM": returns @ weights[name] for name in weights if len(weights) and name == "lstm_in_sample"})
    named = {line("lstm+tangency", net_returns.columns): "LSTM", BENCHMARK: index.name}
    return hindsight.reindex(returns.index).join(index), net_returns.rename(columns=named).filter(["LSTM", index.name])


def bought(choices: pd.DataFrame) -> pd.DataFrame:
    """
    What each network saves of zero's error, and what its portfolio earns, on disjoint periods and with the printed split.

    Parameters
    ----------
    choices : DataFrame
        A row per run and window: network_preset, leak, window, mse_test, zero_mse_test, total_return, annual_volatility,
        sharpe, the last three of the strategy `lstm+tangency`; or nothing, where no such run is at hand.

    Returns
    -------
    DataFrame (n_runs, n_windows + 3)
        Index network and split, in words. Columns: for each window the share of zero's squared test error that the network
        saves, on the same labels, such as `saved, 5 days` (negative: it is worse than zero), then total_return,
        annual_volatility and sharpe of the portfolio.
    """
    if choices.empty:
        return choices
    choices = choices.assign(saved=1 - choices["mse_test"] / choices["zero_mse_test"],
                             network=choices["network_preset"].map(NETWORKS), split=choices["leak"].map(SPLITS))
    key = ["network", "split"]
    saved = choices.pivot_table(index=key, columns="window", values="saved", sort=False)
    saved = saved[sorted(saved)].rename(columns="saved, {} days".format)
    portfolio = choices.groupby(key, sort=False)[["total_return", "annual_volatility", "sharpe"]].first()
    return saved.join(portfolio)
