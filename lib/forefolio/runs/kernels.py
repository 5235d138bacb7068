"""Kernels that use only the study's settings, none of the user's account, and that end with their parent process.

A kernel runs in this environment's Python, whatever kernels are installed under the same name. It ignores settings of
IPython, Keras, TensorFlow and BLAS in a home folder or a shell. A guard ends it when this process is gone. Sockets,
settings and temporary files of kernels are in one folder per process. Each new process removes the folders of processes
that are gone.
"""

import atexit
import hashlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from forefolio.runs import contracts

GUARD = Path(__file__).with_name("guard.py")
_numbers = count()  # of the kernels of this process
FAR = 16  # letters of a temporary folder in which the path of a browser's socket, 107 at most, may have no room


class Kernel(AsyncKernelManager):
    """A kernel of this Python, with a guard for parent."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started; Windows itself ends the children of a process."""
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=guarded(*kernel), display_name="Python 3", language="python")


def guarded(*command: str) -> list[str]:
    """A command line that ends, with its children, when this process is gone; on Windows the command itself."""
    return [sys.executable, "-I", str(GUARD), str(os.getpid()), *command] if os.name == "posix" else list(command)


@contextmanager
def place(variables: dict[str, str]) -> Iterator[tuple[dict[str, str], Config]]:
    """The environment of one kernel (with `variables` added) and its connection file; no two kernels share ports."""
    folder = own_folder() / str(next(_numbers))
    folder.mkdir()
    own = {"PYTHONPATH": contracts.PACKAGE.parent, "TMPDIR": folder, "IPYTHONDIR": folder / "i",
           "KERAS_HOME": folder / "i", "PYDEVD_DISABLE_FILE_VALIDATION": 1}  # the last one silences the debugger
    kept = {name: value for name, value in os.environ.items() if not contracts.is_setting(name)}
    sockets = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
    try:
        yield (kept | {name: str(value) for name, value in own.items()} | variables,
               Config({"KernelManager": sockets if os.name == "posix" else {"transport_encryption": "auto"},
                       "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]}}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def own_folder() -> Path:
    """This process's temporary folder; folders of processes that are gone are removed first."""
    if (near := Path(tempfile.gettempdir())).parent.name.startswith(_prefix()):
        return near  # a kernel's place in the folder of its command, which clears it away
    clear_dead()
    own = tempfile.mkdtemp(dir=_near(), prefix=f"{_prefix()}{os.getpid()}-{_created(os.getpid())}-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


def clear_dead() -> None:
    """Remove the folders of processes on this machine that no longer exist."""
    for folder in _near().glob(f"{_prefix()}*-*-*"):
        number, created = folder.name.removeprefix(_prefix()).split("-")[:2]
        with suppress(psutil.AccessDenied, OSError, ValueError):  # it belongs to another user
            if not psutil.pid_exists(int(number)) or _created(int(number)) != created:
                shutil.rmtree(folder)


def _created(number: int) -> str:
    """The creation time of a process in seconds, which distinguishes it from an earlier one with the same number."""
    return f"{int(psutil.Process(number).create_time()):x}"


def _near() -> Path:
    """The machine's temporary folder."""
    near = tempfile.gettempdir()
    return Path("/tmp" if len(near) > FAR and os.path.isdir("/tmp") else near)


def _prefix() -> str:
    """The prefix of this machine's folders; containers that share a folder do not see each other's processes."""
    space = Path("/proc/self/ns/pid")
    about = f"{socket.gethostname()} {os.readlink(space) if space.is_symlink() else ''}"
    return f"forefolio-{hashlib.sha256(about.encode()).hexdigest()[:6]}-"
