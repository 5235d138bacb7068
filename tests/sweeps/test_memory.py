"""When a stage may start beside others, with numbers made up; nothing here fills memory."""

import os
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import psutil
import pytest
from short_project import wait_until

from forefolio.sweeps import memory


@pytest.mark.parametrize("peaks, expected", [([], 1800 + 3 * 126), ([900.0], 900), ([2200.0, 2300.0], 2300), ([None], 2178)])
def test_a_stage_needs_what_it_needed_at_most_or_an_estimate_by_its_assets(peaks, expected):
    ledger = [{"stage": "04_forecasting", "peak_memory_mb": peak} for peak in peaks]
    assert memory.needed("04_forecasting", 126, [*ledger, {"stage": "01_data", "peak_memory_mb": 9999.0}]) == expected
    assert memory.needed("05_portfolios", 126, ledger) == 1126


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 5,000 MB free, whose workers have no kernels yet."""
    own = tmp_path / "forefolio-own"
    own.mkdir()
    monkeypatch.setattr(memory.kernels, "own_folder", lambda: own)
    monkeypatch.setattr(memory, "LOOK", 0.01)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=5e9))
    kernels = {os.getpid(): 0}

    def process(number):
        if number not in kernels:
            raise psutil.NoSuchProcess(number)
        kernel = SimpleNamespace(**{name: lambda: SimpleNamespace(rss=kernels[number], pss=kernels[number]) for name in ("memory_info", "memory_full_info")})
        return SimpleNamespace(children=lambda recursive: [kernel])

    monkeypatch.setattr(memory.psutil, "Process", process)
    return SimpleNamespace(kernels=kernels, folder=own)


def started(need, wanted=lambda: True):
    """A thread that claims memory, ends at once when it has it, and says so."""
    order = threading.Event()

    def claim():
        with memory.claimed(need, "token", wanted):
            order.set()

    thread = threading.Thread(target=claim, daemon=True)
    thread.start()
    return SimpleNamespace(thread=thread, has_it=order)


def test_a_stage_waits_until_those_before_it_leave_room_and_no_claim_is_left(machine):
    with ExitStack() as running:
        for need in (2000, 2000):
            running.enter_context(memory.claimed(need, "token", lambda: True))
        third = started(1500)
        assert not third.has_it.wait(0.2), "4,000 of 5,000 MB are claimed"
        assert len(list(machine.folder.iterdir())) == 3
    assert third.has_it.wait(10)
    third.thread.join(10)
    assert not list(machine.folder.iterdir())


def test_what_earlier_stages_use_already_is_not_counted_twice(machine):
    """5,000 MB are free beside 3,000 in use by a stage that claimed 4,000: 8,000 in all."""
    with memory.claimed(4000, "token", lambda: True):
        machine.kernels[os.getpid()] = 3e9
        assert started(3900).has_it.wait(10)
        assert not started(4100).has_it.wait(0.2)


def test_a_stage_that_needs_more_than_there_is_runs_alone(machine):
    with memory.claimed(9000, "token", lambda: True):
        assert not started(100).has_it.wait(0.2)


def test_a_worker_that_was_killed_claims_nothing(machine):
    (machine.folder / f"memory-token-{0:020d}-4900-99999999-1").touch()
    assert started(1000).has_it.wait(10)


def test_nobody_waits_for_memory_that_nobody_wants_any_more(machine):
    wanted = [True]
    with memory.claimed(4000, "token", lambda: True):
        second = started(4000, lambda: wanted[0])
        assert not second.has_it.wait(0.2)
        wanted[0] = False
        assert second.has_it.wait(10)
    assert wait_until(lambda: not list(machine.folder.iterdir()), seconds=10)
