"""Steps of Zouaoui & Naas by hand: errors in percent, Table 4 with its root, the printed portfolio, the printed split."""

import numpy as np
import pandas as pd
import pytest

from forefolio.papers import crypto_steps
from forefolio.runs import contracts
from forefolio.runs.contracts import PUBLISHED

DAYS = pd.date_range("2024-01-01", periods=4, name="date")


@pytest.fixture
def published():
    return {path.stem.removeprefix("zouaoui2025_"): pd.read_csv(path) for path in PUBLISHED.glob("zouaoui2025_*.csv")}


@pytest.fixture
def choices():
    rows = [(preset, leak, window, mse, 0.002, total, 0.1, sharpe) for preset, leak, total, sharpe, errors in (
        ("code", "none", 0.01, 0.5, (0.0021, 0.0022)), ("code", "printed_split", 0.05, 1.5, (0.0019, 0.0022)),
        ("prose", "none", 0.02, 0.6, (0.0020, 0.0020))) for window, mse in zip((5, 30), errors)]
    return pd.DataFrame(rows, columns=["network_preset", "leak", "window", "mse_test", "zero_mse_test", "total_return",
                                       "annual_volatility", "sharpe"])


def test_errors_in_percent_by_hand():
    returns = pd.DataFrame({"A": [0.5, 0.02, 0.0, -0.04], "PEG": [0.5, 0.00005, 0.01, 0.02]}, index=DAYS)
    rows = [(day, 1, asset, "lstm", seed, value) for day in DAYS for asset, value in (("A", 0.01), ("PEG", 0.01)) for seed in (0, 1)]
    rows += [(day, 2, "A", "lstm", 0, 9.0) for day in DAYS] + [(day, 1, asset, "zero", 0, 0.0) for day in DAYS for asset in returns]
    forecasts = pd.DataFrame(rows, columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])
    table = crypto_steps.percentage_errors(forecasts, returns, first=DAYS[1], last=DAYS[3], near_zero=1e-4)
    # of A 0.01/0.02, undefined, 0.05/0.04; of PEG 0.00995/0.00005, 0, 0.01/0.02
    assert table.loc["lstm"].tolist() == pytest.approx([6, 1, 2 / 6, (0.5 + 1.25 + 199 + 0 + 0.5) / 5, (0.5 + 1.25 + 0 + 0.5) / 4])
    assert table.loc["zero", ["mape", "mape_without"]].tolist() == [1, 1], "forecasting zero is always wrong by 100 %"


def test_seeds_are_averaged_before_an_error_in_percent():
    returns = pd.DataFrame({"A": [0.02] * 4}, index=DAYS)
    forecasts = pd.DataFrame([(day, 1, "A", "lstm", seed, value) for day in DAYS for seed, value in ((0, 0.0), (1, 0.04))],
                             columns=["target_date", "horizon", "asset", "model", "seed", "forecast"])
    table = crypto_steps.percentage_errors(forecasts, returns, first=DAYS[0], last=DAYS[-1], near_zero=1e-4)
    assert table.at["lstm", "mape"] == pytest.approx(0) and table.at["lstm", "asset_days"] == 4


def test_table_4_has_the_root_of_the_mean_squared_error_and_two_forecasts_beside_it():
    errors = {f"{whose}{error}_{period}": value for value, (whose, error, period) in enumerate(
        ((whose, error, period) for whose in ("", "zero_", "mean_") for error in ("mse", "mae") for period in ("validation", "test")), 1)}
    accuracy = pd.DataFrame([{"model": model, "seed": seed, "window": window, **{name: value * factor for name, value in errors.items()}}
                             for model, seed, window, factor in (("gru", 1, 5, 9), ("lstm", 1, 30, 1), ("lstm", 1, 5, 1), ("lstm", 2, 5, 3))])
    table = crypto_steps.errors_by_window(accuracy, model="lstm")
    assert table.index.tolist() == [("validation", 5), ("validation", 30), ("test", 5), ("test", 30)]
    assert list(dict.fromkeys(table.columns.get_level_values(0))) == ["lstm", "zero", "training mean"]
    # the mean of two seeds, 1 and 3 times the error, and then its root
    assert table.loc[("test", 5), "lstm"].tolist() == pytest.approx([2 * errors["mse_test"], (2 * errors["mse_test"]) ** 0.5, 2 * errors["mae_test"]])
    assert table.loc[("validation", 30), "zero"].tolist() == pytest.approx(
        [errors["zero_mse_validation"], errors["zero_mse_validation"] ** 0.5, errors["zero_mae_validation"]])
    assert crypto_steps.errors_by_window(accuracy, model="rnn").empty


def test_the_printed_portfolio_stands_where_it_is_printed_and_where_prices_put_it(published):
    weights = crypto_steps.values(published, "Table 5", "weight", column="lstm_in_sample")
    rng = np.random.default_rng(5)
    returns = pd.DataFrame(rng.normal(0.001, 0.03, (200, 25)), columns=weights.index)
    table = crypto_steps.printed_lstm_portfolio(published, returns, periods_per_year=365)
    assert (table["gross_exposure"].round(3) == 19.821).all()
    assert table["expected_return"].iloc[0] * 365 == pytest.approx(0.017239)
    assert table["volatility"].iloc[0] * 365**0.5 == pytest.approx(0.011219)
    earned = sum(returns[coin] * weight for coin, weight in weights.items())
    assert table.iloc[1, :2].tolist() == pytest.approx([earned.mean(), earned.std()])
    without = crypto_steps.printed_lstm_portfolio(published, returns.drop(columns=["VBTC-USD"]), periods_per_year=365)
    assert without["gross_exposure"].iloc[1] == table["gross_exposure"].iloc[1], "what has no prices was held all the same"
    assert without["volatility"].iloc[1] != table["volatility"].iloc[1]
    lacking = crypto_steps.printed_lstm_portfolio(published, returns.drop(columns=["ETH-USD"]), periods_per_year=365)
    assert list(lacking.index) == ["LSTM by its printed numbers"], "more than a tenth of it has no prices"


def test_the_portfolio_stands_beside_the_index_with_hindsight_and_as_it_was_decided():
    returns = pd.DataFrame({"A": [0.1, 0.2, -0.1, 0.0], "B": [0.0, 0.1, 0.3, -0.2]}, index=DAYS)
    index = pd.Series([0.01, 0.02, 0.03, 0.04], DAYS, name="Crypto10")
    weights = pd.DataFrame({"mpt_in_sample": [0.0, 1.0], "lstm_in_sample": [2.0, -1.0]}, index=["A", "B"])
    net = pd.DataFrame({"mean=lstm+tangency": [0.5, 0.6], "lstm+rpp": [0.7, 0.8], "benchmark": [0.03, 0.04]}, index=DAYS[2:])
    hindsight, decided = crypto_steps.beside_index(returns, net, weights, index)
    assert list(hindsight) == list(decided) == ["LSTM", "Crypto10"]
    assert hindsight["LSTM"].tolist() == pytest.approx([0.2, 0.3, -0.5, 0.2]) and hindsight["Crypto10"].tolist() == index.tolist()
    assert decided["LSTM"].tolist() == [0.5, 0.6] and decided["Crypto10"].tolist() == [0.03, 0.04]
    nothing = crypto_steps.beside_index(returns, net.drop(columns="mean=lstm+tangency"), weights[:0], index)
    assert [list(frame) for frame in nothing] == [["Crypto10"]] * 2


def test_what_the_printed_split_bought_is_a_share_of_zero_s_error_on_the_same_labels(choices):
    table = crypto_steps.bought(choices)
    assert table.index.tolist() == [("network of the listing", "disjoint periods"), ("network of the listing", "the printed split"),
                                    ("network of the text", "disjoint periods")]
    assert list(table) == ["saved, 5 days", "saved, 30 days", "total_return", "annual_volatility", "sharpe"]
    assert table.iloc[1].tolist() == pytest.approx([0.05, -0.1, 0.05, 0.1, 1.5])
    assert crypto_steps.bought(pd.DataFrame()).empty


def test_the_notebook_knows_what_the_sweep_over_its_choices_runs():
    """The sweep's presets and leaks have their words, so that no row of its table is dropped."""
    from forefolio.study.parameters import ROOT
    from forefolio.sweeps import grids

    points = grids.load(ROOT / "params" / "sweeps" / "zouaoui_choices.yml").points
    assert {(point.study.network_preset, point.study.leak) for point in points} == {
        (preset, leak) for preset in crypto_steps.NETWORKS for leak in crypto_steps.SPLITS}
    assert {point.study.lookback for point in points} == {5}, "Table 5 is of the 5-day network"


def test_table_5_of_the_paper_s_study_is_of_the_five_day_network():
    from forefolio.study.parameters import ROOT, load

    study, declared = load(ROOT / "params" / "zouaoui2025.yml"), contracts.declared_parameters("zouaoui2025")
    assert study.lookback == 5 and study.lookback in study.windows
    assert {name: str(getattr(study, name)) for name in declared} == {name: str(value) for name, value in declared.items()}
