"""Kernels that use only the study's settings, none of the user's account, and that end with their parent process.

A kernel runs in this environment's Python, whatever kernels are installed under the same name. It ignores settings of
IPython, Keras, TensorFlow and BLAS in a home folder or a shell. On Linux it is forked from a parent that has imported
what the stages import; elsewhere it is a new process of Python. A guard ends both when this process is gone. Sockets,
settings and temporary files of kernels are in one folder per process. Each new process removes the folders of processes
that are gone.
"""

import atexit
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets.config import Config

from forefolio.runs import contracts

GUARD = Path(__file__).with_name("guard.py")
FORKS = sys.platform == "linux"  # elsewhere a system's own libraries may not survive it
PATIENCE = 300  # seconds that a kernel may take to be born on a busy machine
_numbers = count()  # of the kernels of this process
PLACE = ("TMPDIR", "IPYTHONDIR", "KERAS_HOME")  # variables that name a kernel's own folder
FAR = 16  # letters of a temporary folder in which the path of a browser's socket, 107 at most, may have no room


class Kernel(AsyncKernelManager):
    """A kernel of this Python, with a guard for parent."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        if FORKS:
            self.provisioner = _Provisioner(parent=self, kernel_spec=self.kernel_spec)

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started; Windows itself ends the children of a process."""
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=guarded(*kernel), display_name="Python 3", language="python")


class _Provisioner(LocalProvisioner):
    """Starts a kernel by a fork of the prepared parent."""

    async def launch_kernel(self, cmd: list[str], *, env: dict[str, str], cwd: str | None = None, **_: Any) -> dict[str, Any]:
        given = cmd[cmd.index("-f"):], env, cwd or os.getcwd()
        try:
            self.process = parent(env).fork(*given)
        except ConnectionError:  # somebody ended it; a new one is made
            self.process = parent(env).fork(*given)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class Forked:
    """A kernel as a child of the prepared parent, with the methods of a `Popen` that jupyter_client calls."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket):
        self._connection, self.returncode = connection, None
        connection.settimeout(PATIENCE)
        said = connection.recv(64).split()  # both numbers, if it has ended already
        if not said:
            raise ConnectionError("the parent of kernels ended before it had started one")
        self.pid, self.returncode = int(said[0]), int(said[1]) if said[1:] else None

    def poll(self) -> int | None:
        """The exit code; None while the kernel runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self.returncode

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            with suppress(BlockingIOError, TimeoutError):
                said = self._connection.recv(64)
                self.returncode = int(said) if said else -signal.SIGKILL  # its parent is gone, and so is the kernel
                self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the kernel has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class _Parent:
    """A program that forks kernels, for one environment and one state of the code."""

    def __init__(self, environment: dict[str, str]):
        self._made_for, self._lock, self._place = (_read_early(environment), _code()), threading.Lock(), ExitStack()
        self._asking, asked = socket.socketpair()
        own, _ = self._place.enter_context(place({}))
        with asked:
            self._process = subprocess.Popen(
                guarded(sys.executable, "-m", "forefolio.runs.fork_server"), env=own | environment | {name: own[name] for name in PLACE},
                stdin=asked, cwd=contracts.NOTEBOOKS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def current(self, environment: dict[str, str]) -> bool:
        """Whether it answers, and has loaded what a new process with these variables would load."""
        try:
            self._asking.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:  # it never says anything here
            return self._made_for == (_read_early(environment), _code())
        except OSError:
            pass
        return False

    @property
    def gone(self) -> bool:
        """Whether it has ended, with all its kernels."""
        return self._process.poll() is not None

    def prepare(self, notebook: Path, when: str) -> None:
        """Let it import what a notebook imports, `now` or `later`; this does not wait for it."""
        self._ask({"kind": when, "notebook": str(notebook)}).close()

    def fork(self, arguments: list[str], environment: dict[str, str], folder: str) -> Forked:
        """Start a kernel with these arguments and variables in a folder."""
        return Forked(self._ask({"kind": "kernel", "arguments": arguments, "environment": environment, "folder": folder}))

    def _ask(self, request: dict[str, Any]) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            socket.send_fds(self._asking, [b"k"], [theirs.fileno()])
        ours.sendall(json.dumps(request).encode())
        ours.shutdown(socket.SHUT_WR)
        return ours

    def retire(self) -> None:
        """Let it end when its last kernel has ended."""
        with suppress(OSError):  # it is gone
            self._asking.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """End it, with all its kernels."""
        self._asking.close()
        self._process.terminate()
        self._process.wait()
        self._place.close()


_parents: list[_Parent] = []  # the last one may start kernels; those of the others still run
_choosing = threading.Lock()


def parent(environment: dict[str, str]) -> _Parent:
    """The prepared parent of this process's kernels; a new one where variables or code have changed."""
    with _choosing:
        if not _parents or not _parents[-1].current(environment):
            for old in _parents[:]:
                old.retire()
                if old.gone:
                    _parents.remove(old)
                    old.end()
            _parents.append(_Parent(environment))
        return _parents[-1]


def prepare(notebook: Path, changed: dict[str, str] | None = None, *, when: str = "now") -> None:
    """Let the parent of kernels with these variables import what a notebook imports, `now` or `later`, when it is idle."""
    if FORKS:
        with suppress(ConnectionError):  # somebody ended it, and the next kernel gets a new one
            parent(variables(changed or {})).prepare(notebook, when)


@cache
def tell() -> None:
    """Say once, before the first kernel of a command, if kernels take longer to start than they could."""
    if not FORKS:
        print("kernels start anew, which takes some seconds each: this system cannot fork them from a prepared process", flush=True)


@atexit.register
def end() -> None:
    """End the parent of kernels, if there is one."""
    with _choosing:
        while _parents:
            _parents.pop().end()


def _read_early(environment: dict[str, str]) -> dict[str, str]:
    """The variables that modules may read when they are imported; this project's own are read later."""
    return {name: value for name, value in environment.items() if name not in PLACE and not name.startswith(("FOREFOLIO_", "JPY_"))}


def _code() -> list[tuple[str, int]]:
    """Times of all modules of this package, and of the folders of installed packages: what a new process would load."""
    packages = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    return [(str(path), path.stat().st_mtime_ns) for path in (*sorted(contracts.PACKAGE.rglob("*.py")), *map(Path, sorted(packages)))]


def guarded(*command: str) -> list[str]:
    """A command line that ends, with its children, when this process is gone; on Windows the command itself."""
    return [sys.executable, "-I", str(GUARD), str(os.getpid()), *command] if os.name == "posix" else list(command)


def variables(changed: dict[str, str]) -> dict[str, str]:
    """The variables of a kernel, without those of its place: this process's that change no result, and `changed`."""
    kept = {name: value for name, value in os.environ.items() if not contracts.is_setting(name)}
    own = {"PYTHONPATH": str(contracts.PACKAGE.parent), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}  # the debugger is silent
    return kept | own | changed


def memory(process: psutil.Process) -> int:
    """Memory of a process in bytes; on Linux, memory that it shares, as with its parent, is counted once."""
    try:
        return process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss
    except psutil.Error:
        return 0


@contextmanager
def place(changed: dict[str, str]) -> Iterator[tuple[dict[str, str], Config]]:
    """The environment of one kernel (with variables `changed`) and its connection file; no two kernels share ports."""
    folder = own_folder() / str(next(_numbers))
    folder.mkdir()
    own = dict(zip(PLACE, map(str, (folder, folder / "i", folder / "i")), strict=True))
    sockets = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}
    try:
        yield (variables(own | changed),
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
