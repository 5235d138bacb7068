"""What all topics share: measurements in turns, ratios of medians, and the machine they were made on.

A ratio of two medians that were measured in turns means something on any machine; seconds alone do not.
"""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "cvxpy", "clarabel", "highspy", "skfolio", "riskfolio-lib",
            "pyportfolioopt", "jax", "torch")


def seconds(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def processor_seconds(action: Callable[[], object]) -> float:
    """Seconds of processor time that an action takes in this process, on all cores together."""
    started = time.process_time()
    action()
    return time.process_time() - started


def in_turns(measurements: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, list]:
    """What each measurement gives in each round; every round makes all of them, one after the other.

    >>> in_turns({"one": lambda: 1, "two": lambda: 2}, rounds=3)
    {'one': [1, 1, 1], 'two': [2, 2, 2]}
    """
    made = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            made[name].append(measure())
    return made


def ratio(over: str, over_values: list[float], under: str, under_values: list[float], *, target: str = "") -> dict:
    """The median of `over` divided by that of `under`, with both medians under their names.

    >>> ratio("theirs", [4.0, 6.0, 5.0], "ours", [2.0], target="at least 2")
    {'ratio': 2.5, 'of': 'theirs / ours', 'theirs': 5.0, 'ours': 2.0, 'rounds': 3, 'target': 'at least 2'}
    """
    above, below = median(over_values), median(under_values)
    found = {"ratio": _short(above / below), "of": f"{over} / {under}", over: _short(above), under: _short(below),
             "rounds": len(over_values)}
    return found | ({"target": target} if target else {})


def _short(value: float) -> float:
    """Four significant digits; a measurement has no more."""
    return float(f"{value:.4g}")


def machine() -> dict:
    """Processor, cores, memory, versions and date: what seconds depend on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else float("nan")
    return {"date": date.today().isoformat(), "processor": _processor(), "cores": cores,
            "memory_gib": _short(pages / 2**30), "system": f"{platform.system()} {platform.machine()}",
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}}


def _processor() -> str:
    """Name of the processor; `platform` knows none on Linux."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _version(package: str) -> str:
    """Version of a package, or that it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
