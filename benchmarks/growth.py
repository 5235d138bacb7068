"""How training grows: with assets, with history, and how much memory 500 assets take at their peak."""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.timing import in_turns, ratio
from benchmarks.training import N_TRAINING, NETWORKS, a_stock_an_epoch, market, side_by_side

MEMORY_LIMIT = 4.0  # GiB


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
