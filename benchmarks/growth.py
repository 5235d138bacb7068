"""How training and whole stages grow: with assets, with history, and how much memory 500 assets take at their peak."""

import resource
import subprocess
import sys
from math import log
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import stages
from benchmarks.timing import in_turns, ratio
from benchmarks.training import N_TRAINING, NETWORKS, a_stock_an_epoch, market, side_by_side

MEMORY_LIMIT = 4.0  # GiB
NOTEBOOK_LIMIT = 5.0  # MB


class Order(NamedTuple):
    """How a stage's own computation grows: powers of the number of assets (n) and of days (T), and what does."""

    assets: int
    days: int
    why: str


ORDERS = {  # 07 is left out: it decides ten thousand portfolios again, and takes longer than all others together
    "01_data": Order(1, 1, "n T: prices, and a few numbers per asset"),
    "02_correlation": Order(3, 1, "n^2 T: correlations; n^3: eigenvalues and clusters"),
    "03_mpt_frontier": Order(3, 1, "n^2 T: covariance; n^3: each of 430 quadratic programs"),
    "04_forecasting": Order(1, 1, "n T: a network per asset and model, and its forecasts"),
    "05_portfolios": Order(3, 1, "T / 21 rebalances; n^3: each quadratic program; n T: a GARCH per asset and rebalance"),
    "06_comparison": Order(1, 1, "n T: the drift of weights"),
}


def with_assets(*, sizes: tuple[int, ...], stock_epochs: int, rounds: int) -> dict:
    """Seconds a stock an epoch for each number of assets, and the slowest over the fastest.

    Each size is trained for so many epochs that there are about `stock_epochs` of all its stocks, beyond the first.
    """
    found = {}
    for name in NETWORKS:
        made = in_turns({str(size): a_stock_an_epoch(name, size, epochs=_epochs(stock_epochs, size)) for size in sizes},
                        rounds=rounds)
        found[name] = _flatness({size: [epoch for epoch, _ in values] for size, values in made.items()}, "assets")
    return found


def with_history(*, n_assets: int, times: tuple[int, ...], n_training: int = N_TRAINING, stock_epochs: int,
                 rounds: int) -> dict:
    """Seconds a stock an epoch divided by how many times as long the history is, and the slowest over the fastest."""
    found = {}
    for name in NETWORKS:
        made = in_turns({str(long): a_stock_an_epoch(name, n_assets, epochs=_epochs(stock_epochs, n_assets * long),
                                                     n_training=long * n_training) for long in times}, rounds=rounds)
        found[name] = _flatness({long: [epoch / int(long) for epoch, _ in values] for long, values in made.items()},
                                "times_the_days")
    return found


def _epochs(stock_epochs: int, n_assets: int) -> int:
    """Epochs of a run that is measured against one of a single epoch.

    >>> _epochs(100, 20), _epochs(100, 500)
    (6, 2)
    """
    return 1 + -(-stock_epochs // n_assets)


def _flatness(values: dict[str, list[float]], what: str) -> dict:
    """The slowest size over the fastest, and every size's median seconds."""
    medians = {f"{what}_{size}": float(f"{median(of_size):.4g}") for size, of_size in values.items()}
    slowest, fastest = (chosen(values, key=lambda size: median(values[size])) for chosen in (max, min))
    if slowest == fastest:
        slowest, fastest = list(values)[-1], list(values)[0]
    return ratio(f"slowest_at_{slowest}_{what}", values[slowest], f"fastest_at_{fastest}_{what}", values[fastest],
                 target="at most 1.5") | {"seconds_a_stock_an_epoch": medians}


def of_stages(params: str, *, sizes: tuple[int, ...], times: tuple[int, ...], overrides: tuple[str, ...],
              rounds: int) -> dict:
    """How each stage grows from the smallest number of assets, and from the shortest history, to larger ones.

    Every size has the shortest history, and every history the smallest size. The market is simulated.
    """
    few, short = min(sizes), min(times)
    points = dict.fromkeys([*((size, short) for size in sizes), *((few, long) for long in times)])
    made = in_turns({point: lambda point=point: _stages(params, *point, overrides) for point in points}, rounds=rounds)
    found = {"params": f"{params}, {', '.join(overrides)}"}
    for stage, order in ORDERS.items():
        known = {point: [by_stage[stage] for by_stage in of_point] for point, of_point in made.items()}
        largest = max(line["notebook_mb"] for lines in known.values() for line in lines)
        found[stage] = {
            "order": order.why,
            "assets": _grown(known, {size: (size, short) for size in sorted(sizes)}, "assets", order.assets),
            "days": _grown(known, {long: (few, long) for long in sorted(times)}, "times_the_days", order.days),
            "notebook": ratio("largest_mb", [largest], "limit_mb", [NOTEBOOK_LIMIT], target="below 1")}
    return found


def _grown(known: dict[tuple[int, int], list[dict]], points: dict[int, tuple[int, int]], what: str, power: int) -> dict:
    """A stage's seconds at the largest size over those at the smallest, and what each size took."""
    made = {size: known[point] for size, point in points.items()}
    least, most = min(made), max(made)
    seconds = {size: median(line["seconds"] for line in lines) for size, lines in made.items()}
    exponents = {f"{a}_to_{b}": round(log(seconds[b] / seconds[a]) / log(b / a), 2)
                 for a, b in zip(seconds, list(seconds)[1:])}
    return ratio(f"seconds_at_{most}", [line["seconds"] for line in made[most]], f"seconds_at_{least}",
                 [line["seconds"] for line in made[least]], target=f"at most {(most / least) ** power:g}") | {
        "seconds": {f"{what}_{size}": value for size, value in seconds.items()}, "exponents": exponents,
        "peak_memory_mb": {f"{what}_{size}": max(line["peak_memory_mb"] for line in lines) for size, lines in made.items()},
        "notebook_mb": {f"{what}_{size}": round(max(line["notebook_mb"] for line in lines), 2)
                        for size, lines in made.items()}}


def _stages(params: str, n_assets: int, times: int, overrides: tuple[str, ...]) -> dict[str, dict]:
    """The ledger's line of each stage of a study of so many simulated assets and so many times the days of seven years."""
    start = 2023 - 7 * times
    dates = {"start": f"{start}-01-01", "train_end": f"{start + 3 * times - 1}-12-31",
             "validation_end": f"{start + 5 * times - 1}-12-31", "end": "2022-12-31"}
    market = {"study": "grown", "source": "simulated", "tickers": "[]", "simulated_assets": n_assets} | dates
    _, done = stages.run(params, (*(f"{name}={value}" for name, value in market.items()), *overrides),
                         "--to", list(ORDERS)[-1])
    return {line["stage"]: line for line in done}


def peak_memory(*, n_assets: int, rounds: int) -> dict:
    """Peak memory of training so many assets, each time in a process of its own, over the limit."""
    made = in_turns({name: lambda name=name: _in_a_child(name, n_assets) for name in NETWORKS}, rounds=rounds)
    return {name: ratio(f"gib_of_{n_assets}_assets", values, "limit_gib", [MEMORY_LIMIT], target="below 1")
            for name, values in made.items()}


def _in_a_child(name: str, n_assets: int) -> float:
    """GiB that a process needs at its peak to train so many assets for an epoch, imports included."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.growth", name, str(n_assets)], capture_output=True,
                          text=True, check=True, cwd=Path(__file__).parents[1])
    return float(done.stdout.split()[-1])


if __name__ == "__main__":  # the child
    side_by_side(sys.argv[1], *market(int(sys.argv[2])), epochs=1)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30)
