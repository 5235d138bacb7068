"""The parent process of a kernel: it ends the kernel and its children when the process that asked for it is gone.

It is a separate program: `python -I guard.py PARENT COMMAND...`. A kernel alone checks for its parent only after its
start, and it notices a missing parent only if orphans are adopted by process 1.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

import psutil

LOOK = 0.2  # seconds between looks at the parent
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of Linux, prctl(2)


def main(parent: int, command: list[str]) -> int:
    """Run a command until it ends, is asked to end, or loses its parent; returns its exit code."""
    control = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_: None
    control(PR_SET_CHILD_SUBREAPER, 1)  # this process adopts what the kernel started and leaves behind
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    asked = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda number, _: asked.append(number))
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    kernel = subprocess.Popen(command, env=os.environ | {"JPY_PARENT_PID": str(os.getpid())},
                              preexec_fn=lambda: control(PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        while kernel.poll() is None and os.getppid() == parent and not {signal.SIGTERM, signal.SIGHUP} & {*asked}:
            if select.select([woken], [], [], LOOK)[0]:
                os.read(woken, 4096)
    finally:
        _end_all()
    return max(kernel.wait(), 1) if kernel.returncode else 0


def _end_all() -> None:
    """Kill all descendants, including those that are started meanwhile."""
    while alive := [child for child in psutil.Process().children(recursive=True) if _lives(child)]:
        for child in alive:
            with suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(alive, timeout=LOOK)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
