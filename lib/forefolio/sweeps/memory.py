"""Memory of stages: a stage that would not fit into free memory waits until others on its machine have ended.

The need of a stage is its largest peak so far in the same sweep, or an estimate. Before a worker runs a stage, it
places a claim in its temporary folder: an empty file whose name holds the megabytes. Claims are served in order.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from forefolio.runs import kernels

LOOK = 1.0  # seconds between checks of free memory
ESTIMATES = {"04_forecasting": (1800, 3)}  # megabytes of a stage that has not run yet, and per asset
OTHERS = 1000, 1


def needed(stage: str, n_assets: int, ledger: list[dict[str, Any]]) -> float:
    """Megabytes that a stage needs: the largest peak among its lines in the ledger, or an estimate.

    >>> needed("04_forecasting", 100, [])
    2100
    >>> needed("04_forecasting", 100, [{"stage": "04_forecasting", "peak_memory_mb": 2345.6}])
    2345.6
    """
    base, per_asset = ESTIMATES.get(stage, OTHERS)
    return max((line.get("peak_memory_mb") or 0 for line in ledger if line["stage"] == stage), default=0) \
        or base + per_asset * n_assets


def fits(need: float, before: list[float], room: float) -> bool:
    """Whether a stage may start, given the earlier claims; a stage alone always may.

    >>> fits(2000, [1000], 3500), fits(2000, [2000], 3500), fits(9000, [], 3500)
    (True, False, True)
    """
    return not before or need + sum(before) <= room


@contextmanager
def claimed(need: float, token: str, wanted: Callable[[], bool]) -> Iterator[None]:
    """Wait until `need` megabytes fit beside earlier claims of this `forefolio sweep`, or it no longer needs them."""
    about = f"{time.time_ns():020d}-{need:.0f}-{os.getpid()}-{threading.get_ident()}"
    own = kernels.own_folder() / f"memory-{token}-{about}"
    own.touch()
    try:
        while wanted() and not fits(need, *_before(own)):
            time.sleep(LOOK)
        yield
    finally:
        own.unlink(missing_ok=True)


def _before(own: Path) -> tuple[list[float], float]:
    """Earlier claims of living workers, and the memory that they use or that is free, in megabytes."""
    needs, used = [], 0
    for claim in own.parents[1].glob(f"forefolio-*/{own.name.rsplit('-', 4)[0]}-*"):
        _, need, worker, _ = claim.name.rsplit("-", 4)[1:]
        if claim.name < own.name:
            with suppress(psutil.Error):  # a worker that was killed claims nothing
                used += sum(map(kernels.memory, psutil.Process(int(worker)).children(recursive=True)))
                needs.append(float(need))
    return needs, (psutil.virtual_memory().available + used) / 1e6
