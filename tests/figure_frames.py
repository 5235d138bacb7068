"""Made-up frames of each kind that figures are drawn from, every figure drawn from them, and what tests read in figures."""

import json
import re
from functools import cache

import numpy as np
import pandas as pd

from forefolio.performance.investors import with_profile
from forefolio.report import (evidence as evidence_figures, forecasts as forecast_figures, frontier as frontier_figures,
                              market as market_figures, strategies as strategy_figures)
from forefolio.study.vocabulary import ABSENT, NOT_SHOWN, SHOWN

RNG = np.random.default_rng(1)
ASSETS = ["BB", "AA", "CC", "DD", "EE"]
DAYS = pd.bdate_range("2021-01-04", periods=500, name="date")
STRATEGIES = [f"{model}+{framework}" for model in ("lstm", "cnn1d", "mean") for framework in ("mvf", "rpp", "mdp")]
STRATEGIES += ["equal_weight"]
SAMPLE = "test, 2022-01-03 to 2022-12-30"
LAYERS = [("input", "30 days x 21 assets"), ("LSTM", "64 units, every step"), ("LSTM", "32 units, every step"),
          ("dense", "21 assets, every step")]
STEPS = [("prices", "21 assets, 1098 days"), ("returns", "training 2021-08-16 to 2023-06-30"),
         ("network", "LSTM, windows 5, 10, 15, 30"), ("forecast", "mean of the coming 30 days"),
         ("tangency", "shorts allowed, gross limit none"), ("holding", "monthly, 8 rebalances")]
CELLS = ["rnn", "lstm", "gru", "bilstm"]


def made_up() -> dict[str, pd.DataFrame]:
    """One frame of each kind, as the other modules give them."""
    returns = pd.DataFrame(RNG.normal(0.0005, 0.01, (500, 5)), index=DAYS, columns=ASSETS)
    net_returns = pd.DataFrame(RNG.normal(0.0005, 0.01, (240, 11)), index=DAYS[260:], columns=[*STRATEGIES, "benchmark"])
    dates = DAYS[259::21]
    held = [*ASSETS, *(f"F{i:02d}" for i in range(20))]
    weights = pd.concat([pd.DataFrame({"rebalance_date": date, "strategy": strategy, "asset": held,
                                       "weight": np.full(25, 0.04) if strategy == "equal_weight" else
                                       np.r_[RNG.dirichlet(np.full(24, 0.05)), 0]})
                         for date in dates for strategy in STRATEGIES], ignore_index=True)
    models = ["lstm", "zero", "mean"]
    forecasts = pd.MultiIndex.from_product([DAYS[260:], [1, 2], ASSETS, models, [0, 1]], names=[
        "target_date", "horizon", "asset", "model", "seed"]).to_frame(index=False)
    history = pd.concat([pd.DataFrame({"model": model, "seed": 0, "asset": asset, "epoch": range(1, n + 1), "loss": 1.0,
                                       "validation_loss": np.arange(n, dtype=float), "kept": np.arange(n) == n - 2})
                         for model in ("lstm", "cnn1d") for asset, n in [("AA", 3), ("BB", 5)]])
    learned = pd.concat([pd.DataFrame({
        "fitted_until": "2021-12-31", "seed": seed, "epoch": range(1, n + 1), "sharpe": np.arange(n) + 1.0,
        "validation_sharpe": np.r_[1.0, np.full(n - 1, 0.5)], "kept": np.arange(n) == 0}) for seed, n in [(1, 3), (2, 5)]])
    by_window = pd.MultiIndex.from_product([CELLS, [30, 5, 10]], names=["model", "window"]).to_frame(index=False)
    joint_history = by_window.merge(pd.DataFrame([(0, 1, False), (0, 2, True), (0, 3, False), (1, 1, True)],
                                                 columns=["seed", "epoch", "kept"]), how="cross")
    by_asset = pd.MultiIndex.from_product([models, [0, 1], ASSETS], names=["model", "seed", "asset"]).to_frame(index=False)
    risk = RNG.dirichlet(np.ones(5))
    months = pd.period_range("2021-11", periods=16, freq="M")
    points = pd.DataFrame({"expected_return": [0.0004, 0.0006], "volatility": [0.008, 0.012]})
    return {
        "prices": (1 + returns).cumprod() * 20, "returns": returns, "net_returns": net_returns, "weights": weights,
        "periods": pd.DataFrame([("training", "2021-01-04", "2021-09-30", 194),
                                 ("validation", "2021-10-01", "2021-12-31", 66), ("test", "2022-01-03", "2022-12-02", 240)],
                                columns=["period", "first", "last", "n_days"]),
        "universe": pd.DataFrame({"ticker": ASSETS, "first": DAYS[0], "kept": [True, False, True, True, True]}),
        "correlation": returns.corr(), "rolling": returns["AA"].rolling(50).corr(returns["BB"]).to_frame("correlation"),
        "spectrum": pd.DataFrame([(1, 2.4, 0.8, 1.2, 0.24), (2, 0.5, 0.17, 1.2, 0.24), (3, 0.1, 0.03, 1.2, 0.24)],
                                 columns=["rank", "eigenvalue", "share", "noise_edge", "rest_edge"]),
        "summary": pd.DataFrame({"mean_return": [0.1, -0.02, 0.3, 0.0, 0.2], "standard_error": [0.06, 0.1, 0.1, 0.05, 0.04]},
                                index=pd.Index(ASSETS, name="asset")),
        "pair": returns[["AA", "BB"]].set_axis(["equal weight", "index"], axis=1),
        "earned": pd.DataFrame([(0.4, 0.1, 0.2, 0.06)], columns=["equal weight", "index", "difference", "standard_error"],
                               index=pd.Index(["test"], name="period")),
        "volatility": pd.DataFrame({"expected": [0.3, 0.2, 0.18], "one": [0.2, 0.15, 0.18], "other": [0.4, 0.3, 0.18]},
                                   index=[1, 2, 3]),
        "two_fund": pd.DataFrame([(0.0002, 0.009, 1.5), (0.0005, 0.007, 1.0), (0.0008, 0.01, 1.5)],
                                 columns=["target", "volatility", "gross_exposure"]),
        "long_only": points, "cloud": pd.concat([points] * 4000, ignore_index=True),
        "portfolios": points.assign(gross_exposure=[1.0, 19.8]).set_index(pd.Index(["minimum_variance", "tangency"])),
        "mpt_weights": pd.DataFrame({"minimum_variance": [0.2] * 5, "tangency": [1.5, -1, 0.5, 0, 0]}, index=ASSETS),
        "known_means": pd.DataFrame({"mean": [0.1, 0.5, -0.2, 0.0, 0.2], "standard_error": [0.04, 0.3, 0.1, 0.1, 0.2]}, ASSETS),
        "efficient": points.join(pd.DataFrame([[0.5, 0.25, 0.25, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]], columns=ASSETS)),
        "resampled": pd.concat({0: points, 1: 2 * points}),
        "promises": pd.DataFrame({"promised": [0.0006, 0.001], "delivered": [0.0005, 0.0004], "volatility": [0.01, 0.011],
                                  "moved": [0.2, 0.4]}),
        "contributions": pd.concat([pd.DataFrame({"strategy": strategy, "asset": ASSETS, "risk_share": risk})
                                    for strategy in STRATEGIES]),
        "history": history, "learned": learned, "forecasts": forecasts.assign(forecast=RNG.normal(0, 0.001, len(forecasts))),
        "by_asset": by_asset.assign(mse=np.where(by_asset["model"] == "zero", 2.0, 1.0 + 2 * by_asset["seed"])),
        "window_accuracy": by_window.assign(
            seed=0, mse_test=by_window["window"] * 1.01e-4, zero_mse_test=by_window["window"] * 1e-4,
            mean_mse_test=by_window["window"] * 0.98e-4, mae_test=0.03, zero_mae_test=0.03, mean_mae_test=0.03),
        "joint_history": joint_history.assign(loss=0.001 / joint_history["epoch"],
                                              validation_loss=0.002 + 0.0001 * joint_history["epoch"]),
        "accuracy": pd.DataFrame({"model": models, **{f"{kind}_{part}": [0.5, np.nan, 0.51] for kind in
                                                      ("hr", "hr_plus", "hr_minus") for part in ("mean", "std")}}),
        "monthly_excess": pd.DataFrame(RNG.normal(0, 0.02, (16, 10)), pd.Index(months, name="month"), STRATEGIES),
        "performance": pd.DataFrame({"strategy": [*STRATEGIES, "benchmark"], "annual_return": RNG.normal(0.1, 0.05, 11),
                                     "annual_volatility": RNG.uniform(0.1, 0.3, 11), "turnover": [*RNG.random(10), np.nan]}),
        "means": pd.DataFrame({"model": ["mean", "lstm"] * 50, "window_mean": RNG.normal(0, 0.002, 100),
                               "mu": RNG.normal(0, 0.002, 100)}),
        "by_gamma": pd.DataFrame([[0.1, 0.9, 0, 0, 0], [0.2, 0.5, 0.3, 0, 0], [0.2] * 5], columns=ASSETS,
                                 index=pd.Index([1.0, 10.0, np.inf], name="risk_aversion")),
        "intervals": pd.DataFrame([(name, "sharpe", 0.5, -1.0, 2.0) for name in STRATEGIES],
                                  columns=["strategy", "metric", "value", "low", "high"]),
        "sharpe_differences": pd.DataFrame([(name, "equal_weight", -0.2, -1.2, 0.8) for name in STRATEGIES[:-1]],
                                           columns=["strategy", "rival", "difference", "low", "high"]),
        "costs": pd.DataFrame([(name, cost, 0.3 - cost / 100, 20.0) for name in STRATEGIES for cost in (0, 10)],
                              columns=["strategy", "cost_bps", "total_return", "break_even_bps"]),
        "attributed": attributed(),
        "offsets": pd.DataFrame([(by, name, RNG.normal(0.2, 0.3)) for by in range(21) for name in STRATEGIES],
                                columns=["offset", "strategy", "total_return"]),
        "by_seed": pd.DataFrame([(seed, name, RNG.normal(0.2, 0.1)) for name in STRATEGIES[:6] for seed in (7, 8)],
                                columns=["seed", "strategy", "total_return"]),
    }


def attributed():
    """What mean-variance, with the residual and without, and risk parity earned with several forecasts."""
    columns = ["framework", "forecast", "residual", "total_return", "n_shuffles", "low", "high", "p_value", "holm_p", "answer"]
    none, shuffled = (0, *[np.nan] * 4, ""), (100, 0.1, 0.9, 0.02, 0.04, "shown")
    rows = [("equal_weight", "", False, 0.45, *none)]
    for framework, residual, totals in [("mvf", True, (1.5, 1.49, 2.2)), ("mvf", False, (0.1, 0.7, 1.0, 119.0)),
                                        ("rpp", False, (0.41, 0.41, 0.412, 0.43))]:
        rows += [(framework, name, residual, total, *(shuffled if name == "lstm" and residual else none))
                 for name, total in zip(("zero", "mean", "lstm", "perfect foresight"), totals)]
    return pd.DataFrame(rows, columns=columns)


FRAMES = made_up()
BASE_RATES = pd.Series({"up_share": 0.5, "down_share": 0.45, "always_up_hr": 0.52, "always_down_hr": 0.48})
SPREAD = pd.DataFrame({"model": ["zero", "lstm", "mean"], "deviation_next_day": [0.0, 0.0002, 0.01],
                       "deviation_month": [0.0, 0.0001, 0.0], "actual_deviation": 0.02})
GAINS = pd.DataFrame({"model": ["mean", "lstm", "cnn1d"], "rival": ["zero", "mean_frozen", "mean"], "gain": [0.001, -0.01, 0.02],
                      "gain_low": [-0.002, -0.02, 0.01], "gain_high": [0.004, -0.001, 0.03],
                      "verdict": [NOT_SHOWN, ABSENT, SHOWN]})
DRAW = {  # every figure of the library from the frames
    "prices": lambda f: market_figures.prices(f["prices"]),
    "prices_with_periods": lambda f: market_figures.with_periods(market_figures.prices(f["prices"]), f["periods"]),
    "beside_index": lambda f: market_figures.beside_index(f["pair"], f["earned"]),
    "mean_returns": lambda f: market_figures.means(f["summary"], sample=SAMPLE),
    "diversification": lambda f: market_figures.diversification(
        f["volatility"]["expected"], f["volatility"][["one", "other"]], floor=0.12, sample=SAMPLE),
    "returns": lambda f: market_figures.returns(f["returns"]),
    "availability": lambda f: market_figures.availability(f["prices"], f["universe"], validation_end="2021-12-31"),
    "heatmap": lambda f: market_figures.correlation_heatmap(f["correlation"], sample=SAMPLE),
    "rolling": lambda f: market_figures.rolling_correlation(f["rolling"]["correlation"], f["periods"], window=50),
    "spectrum": lambda f: market_figures.spectrum(f["spectrum"], sample=SAMPLE),
    "frontier": lambda f: frontier_figures.frontier(f["two_fund"], f["long_only"], f["cloud"], f["portfolios"], sample=SAMPLE,
                                           periods_per_year=252, risk_free_rate=0.01),
    "mpt_weights": lambda f: frontier_figures.portfolio_weights_bars(f["mpt_weights"], sample=SAMPLE),
    "means": lambda f: frontier_figures.means(f["known_means"], sample=SAMPLE),
    "along": lambda f: frontier_figures.along_frontier(f["efficient"], periods_per_year=252, risk_free_rate=0.01, sample=SAMPLE),
    "resampled": lambda f: frontier_figures.resampled(f["resampled"], f["efficient"], f["promises"], periods_per_year=252,
                                                      sample=SAMPLE),
    "learned": lambda f: forecast_figures.sharpe_curves(f["learned"]),
    "training": lambda f: forecast_figures.training_curves(f["history"]),
    "forecast": lambda f: forecast_figures.forecast_vs_actual(f["forecasts"], f["returns"], "AA", SPREAD),
    "accuracy": lambda f: forecast_figures.accuracy_by_asset(f["by_asset"], "mse", sample=SAMPLE),
    "hits": lambda f: forecast_figures.hit_ratios(f["accuracy"], BASE_RATES, sample=SAMPLE),
    "momentum": lambda f: forecast_figures.momentum(f["means"], sample=SAMPLE),
    "gains": lambda f: forecast_figures.gains(GAINS, sample=SAMPLE),
    "network": lambda f: forecast_figures.network_diagram({"lstm": LAYERS, "gru": LAYERS[:2]}, title="The LSTM of 2022"),
    "construction": lambda f: forecast_figures.construction_diagram(STEPS),
    "window_accuracy": lambda f: forecast_figures.window_accuracy(f["window_accuracy"], metric="mse", sample=SAMPLE),
    "window_training": lambda f: forecast_figures.training_curves(f["joint_history"]),
    "timeline": lambda f: strategy_figures.timeline(DAYS, DAYS[259::21], estimation_window=250, residual_window=30),
    "risk_aversion": lambda f: strategy_figures.risk_aversion(
        f["by_gamma"], f["by_gamma"].loc[1.0].rename("mu") / 100, f["returns"].cov(), chosen=8.0, sample=SAMPLE),
    "two_drawdowns": lambda f: strategy_figures.two_drawdowns(f["net_returns"][["equal_weight", "lstm+mdp"]]),
    "holdings": lambda f: strategy_figures.holdings_over_time(f["weights"], f["contributions"]),
    "moved": lambda f: strategy_figures.moved(pd.concat([f["weights"], f["weights"].query("strategy == 'lstm+mvf'").assign(
        strategy="lstm+black_litterman")])),
    "wealth": lambda f: strategy_figures.wealth(f["net_returns"]),
    "excess": lambda f: strategy_figures.monthly_excess(f["monthly_excess"]),
    "costs": lambda f: strategy_figures.cost_sensitivity(f["costs"], sample=SAMPLE),
    "profiles": lambda f: strategy_figures.risk_profiles(with_profile(f["performance"]), sample=SAMPLE),
    "sharpe_ratios": lambda f: evidence_figures.sharpe_ratios(f["intervals"], f["sharpe_differences"], sample=SAMPLE),
    "attribution": lambda f: evidence_figures.attribution(f["attributed"], use_residual=True, sample=SAMPLE),
    "offsets": lambda f: evidence_figures.offsets(f["offsets"], f["by_seed"], sample=SAMPLE),
    "readme": lambda f: strategy_figures.readme_figure(f["net_returns"], f["weights"]),
}


@cache
def drawn(name):
    """One of the figures, drawn once a process."""
    return DRAW[name](FRAMES)


def axis_titles(figure, letter):
    return [axis.title.text or "" for axis in figure.select_xaxes()] if letter == "x" else [
        axis.title.text or "" for axis in figure.select_yaxes()]


def note_boxes(figure, plot_size):
    """Left, bottom, right, top of each label beside a point, in pixels of a plot of this size."""
    spans, boxes = [np.ptp(axis.range) for axis in (figure.layout.xaxis, figure.layout.yaxis)], []
    for note in figure.layout.annotations:
        x, y = note.x / spans[0] * plot_size[0] + note.ax, note.y / spans[1] * plot_size[1] - note.ay
        left = x - (6.7 * len(note.text) if note.xanchor == "right" else 0)
        boxes.append((left, y - 8, left + 6.7 * len(note.text), y + 8))
    return boxes


def overlaps(boxes):
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1:]
            if a[0] < b[2] and a[2] > b[0] and a[1] < b[3] and a[3] > b[1]]


def plain(text):
    """Text as it is read: without tags, breaks as spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def misread(figure):
    """Texts of a figure, as JSON, that plotly would not write letter by letter: on axes of which it guesses the kind, in TeX."""
    layout, shown = figure["layout"], [{**trace, "legendgroup": ""} for trace in figure["data"]]
    found = [text for text in ("<b>x</b>", "$x$") if text in json.dumps([layout, shown])]
    for place in [*shown, *layout.get("shapes", [])]:
        for letter, values in [(letter, place.get(part)) for letter in "xy" for part in (letter, f"{letter}0")]:
            axis = f"{letter}axis{(place.get(letter + 'axis') or place.get(letter + 'ref') or letter)[1:]}"
            kind = layout.get(axis, {}).get("type")
            if isinstance(values, str) and kind != "date" or isinstance(values, list) and kind is None and any(
                    isinstance(value, str) for value in values):
                found.append((axis, values))
    return found
