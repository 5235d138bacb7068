"""Networks side by side against the usual loop: one stock Keras model a stock, one `model.fit` a stock.

Both get the same windows, the same validation after each epoch, batch size and optimizer. Ours is measured whole; the
loop is measured on one stock a round and a few epochs, and multiplied, because all of it would take most of an hour.
"""

import logging
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd

from benchmarks import floor, peers
from benchmarks.timing import in_turns, ratio, seconds
from forefolio.forecasts import asset_networks
from forefolio.forecasts.architectures import CNN1D, Recurrent
from forefolio.forecasts.schedule import forecast_schedule, lookback_windows
from forefolio.forecasts.training import Training

import keras  # after networks, which silences it

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one compilation a stock, which is what is measured

NETWORKS = {  # Nguyen (2025), Tables 1 and 2
    "lstm": Recurrent("lstm", layers=4, units=4, dropout=0.3, recurrent_dropout=0.3),
    "cnn1d": CNN1D(layers=2, filters=32, kernel_size=3, pool_size=2, dense_units=64, dropout=0.2),
}
TARGETS = {"lstm": "at least 80", "cnn1d": "at least 12"}
LOOKBACK, BATCH_SIZE, LEARNING_RATE = 30, 64, 0.01
N_TRAINING, N_VALIDATION, N_TEST = 1215, 250, 60  # samples; the test period only has to exist


def market(n_assets: int, *, n_training: int = N_TRAINING) -> tuple[pd.DataFrame, dict]:
    """Returns of as many assets and days, pure noise, and the last days of their periods."""
    days = pd.bdate_range("2000-01-03", periods=LOOKBACK + n_training + N_VALIDATION + N_TEST)
    noise = np.random.default_rng(7).standard_normal((len(days), n_assets)).clip(-5, 5)
    returns = pd.DataFrame(0.02 * noise, index=days, columns=[f"S{number:03d}" for number in range(n_assets)])
    ends = {"train_end": f"{days[-1 - N_TEST - N_VALIDATION]:%Y-%m-%d}", "validation_end": f"{days[-1 - N_TEST]:%Y-%m-%d}"}
    return returns, ends


def side_by_side(name: str, returns: pd.DataFrame, ends: dict, *, epochs: int) -> float:
    """Seconds of our whole run: building, compiling, training, and all forecasts, which the loop is spared."""
    training = Training(lookback=LOOKBACK, epochs=epochs, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE,
                        patience=epochs, seed=7, **ends)
    schedule = forecast_schedule(returns.index, **ends)
    return seconds(lambda: asset_networks.trained_forecasts(returns, schedule, NETWORKS[name], training))


def a_stock_an_epoch(name: str, n_assets: int, *, epochs: int, n_training: int = N_TRAINING) -> Callable[[], tuple]:
    """A measurement: seconds a stock an epoch, without what a run of one epoch costs; and of the whole run."""
    returns, ends = market(n_assets, n_training=n_training)

    def measured() -> tuple[float, float]:
        short, whole = (side_by_side(name, returns, ends, epochs=n) for n in (1, epochs))
        return max(whole - short, 1e-9) / ((epochs - 1) * n_assets), whole  # below zero only where sizes are tiny
    return measured


def stock_model(name: str) -> keras.Model:
    """The network of one stock in stock Keras, compiled with its defaults."""
    network, layers = NETWORKS[name], keras.layers
    if name == "lstm":
        stack = [layers.LSTM(network.units, dropout=network.dropout, recurrent_dropout=network.recurrent_dropout,
                             return_sequences=number < network.layers) for number in range(1, network.layers + 1)]
    else:
        stack = [layers.Conv1D(network.filters, network.kernel_size, activation="relu") for _ in range(network.layers)]
        stack += [layers.MaxPooling1D(network.pool_size), layers.Flatten(),
                  layers.Dense(network.dense_units, activation="relu"), layers.Dropout(network.dropout)]
    model = keras.Sequential([keras.Input((LOOKBACK, 1)), *stack, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(LEARNING_RATE), loss="mse")
    return model


def one_of_the_loop(name: str, asset: pd.Series, *, epochs: int) -> tuple[float, float]:
    """Seconds an epoch of one stock's `model.fit`, and of all the rest: building, compiling, the first call."""
    scores = ((asset - asset.mean()) / asset.std()).to_frame().to_numpy("float32")
    windows, targets = lookback_windows(scores, lookback=LOOKBACK), scores[LOOKBACK:]
    last = len(targets) - N_TEST - N_VALIDATION
    checked, ended = slice(last, last + N_VALIDATION), []
    started = time.perf_counter()
    stock_model(name).fit(windows[:last], targets[:last], validation_data=(windows[checked], targets[checked]),
                          epochs=epochs, batch_size=BATCH_SIZE, verbose=0, callbacks=[keras.callbacks.LambdaCallback(
                              on_epoch_end=lambda epoch, logs: ended.append(time.perf_counter()))])
    epoch = median(np.diff(ended))
    return epoch, time.perf_counter() - started - epochs * epoch


def compare(*, n_stocks: int, epochs: int, loop_epochs: int, rounds: int) -> dict:
    """Seconds a stock an epoch and a whole run of each network, the loop's over ours.

    Parameters
    ----------
    n_stocks, epochs : int
        Of the whole run; at least two epochs.
    loop_epochs : int
        That the loop really runs, on one stock a round; at least two, as the first compiles.
    rounds : int
        How often both are measured, in turns.
    """
    found = {}
    for name, network in NETWORKS.items():
        whole_run, assets = a_stock_an_epoch(name, n_stocks, epochs=epochs), iter(market(rounds)[0].items())
        made = in_turns({"loop": lambda: one_of_the_loop(name, next(assets)[1], epochs=loop_epochs), "ours": whole_run},
                        rounds=rounds)
        loop, setup = zip(*made["loop"])
        mine, whole = zip(*made["ours"])
        loop_whole = [n_stocks * (rest + epochs * epoch) for epoch, rest in zip(loop, setup)]
        found[name] = {
            "seconds_a_stock_an_epoch": ratio("keras_loop", loop, "side_by_side", mine, target=TARGETS[name]),
            "seconds_of_a_whole_run": ratio("keras_loop_extrapolated", loop_whole, "side_by_side", whole),
            "how": f"{n_stocks} stocks, {epochs} epochs, {N_TRAINING} samples; ours measured whole with all forecasts; the "
                   f"loop measured on {rounds} stocks and {loop_epochs} epochs, building and compiling "
                   f"({median(setup):.1f} s a stock) included, and multiplied; an epoch's seconds leave compiling out "
                   "on both sides",
        }
    return found


def against_floor_and_peers(*, n_stocks: int, epochs: int, rounds: int) -> dict:
    """Processor seconds a stock an epoch of ours over both floors, and of each peer over ours, measured in turns."""
    return {name: _against_floor_and_peers(network, n_stocks=n_stocks, epochs=epochs, rounds=rounds)
            for name, network in NETWORKS.items()}


def _against_floor_and_peers(network: Recurrent | CNN1D, *, n_stocks: int, epochs: int, rounds: int) -> dict:
    """The same of one network."""
    returns, ends = market(n_stocks)
    data = peers.samples(returns, lookback=LOOKBACK, n_training=N_TRAINING, n_validation=N_VALIDATION)
    settings, found = {"epochs": epochs, "batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE}, {}
    training = Training(lookback=LOOKBACK, patience=epochs, seed=7, **settings, **ends)
    work = floor.epoch_work(network, lookback=LOOKBACK, n_training=N_TRAINING, n_validation=N_VALIDATION)
    measured = {"ours": lambda: peers.ours(network, data, training), "rates": floor.rates,
                "small": lambda: floor.small_product_rate(network, lookback=LOOKBACK, batch_size=BATCH_SIZE)}
    for name, library in peers.loaded().items():
        if isinstance(library, str):
            found[name] = {"state": library}
        else:
            measured[name] = lambda library=library: peers.theirs(library, network, data, **settings)
    made = in_turns(measured, rounds=rounds)
    for name in measured.keys() & peers.LIBRARIES.keys():
        failures = [value for value in made[name] if isinstance(value, str)]
        if failures:
            found[name] = {"state": failures[0]}
            continue
        seconds_of, apart = zip(*made[name])
        found[name] = ratio(name, seconds_of, "side_by_side", made["ours"]) | {
            "largest_difference_of_a_forecast_before_training": float(f"{max(apart):.2g}")}
    least = [work.seconds(rate) for rate in made["rates"]]
    small = [work.seconds(rate._replace(operations=rate_of)) for rate, rate_of in zip(made["rates"], made["small"])]
    return {
        "floor": ratio("side_by_side", made["ours"], "least_work_at_best_rates", least, target="at most 2") | {
            "a_stock_an_epoch": work._asdict(),
            "a_core_a_second": {kind: float(f"{median(values):.4g}")
                                for kind, values in zip(floor.Work._fields, zip(*made["rates"]))}},
        "floor_of_small_products": ratio("side_by_side", made["ours"], "least_work_at_the_rate_of_its_products", small) | {
            "operations_a_core_a_second": float(f"{median(made['small']):.4g}")},
        "processor_seconds_of_peers": {name: found[name] for name in peers.LIBRARIES} | {
            "how_measured": f"{n_stocks} stocks, {epochs} epochs of which the first is left out, seconds of processor time a "
                            "stock an epoch on all cores together, check of validation included; the floors likewise"}}
