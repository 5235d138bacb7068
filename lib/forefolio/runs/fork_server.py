"""The prepared parent of kernels: it has imported what a stage imports, and forks a new process for each kernel.

It is a program of its own, which a guard ends with all its kernels. Its owner, a process that executes notebooks, asks
through the socket that is its standard input. Each request is a new connection: a notebook to prepare for, or a kernel
to start. The kernel answers with its process number, and this program with the exit code. A kernel shares nothing with
another one, because only this parent is ever copied, and it executes no cell. It imports TensorFlow but never starts it.
"""

import ast
import atexit
import builtins
import ctypes
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from ipykernel import kernelapp
from ipykernel.zmqshell import ZMQInteractiveShell

import forefolio
from forefolio.runs import contracts, measured
from forefolio.runs.guard import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG

BACKEND = "tensorflow.python.eager.context"  # holds what TensorFlow has started


def serve(asked: socket.socket) -> None:
    """Answer requests until there will be no more and all kernels have ended; prepare for later ones while there are none."""
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    kernels: dict[int, _Kernel] = {}
    later: deque[Callable[[], None]] = deque()
    open_to_requests = True
    with selectors.DefaultSelector() as selector:
        for source in (asked, woken):
            selector.register(source, selectors.EVENT_READ)
        while open_to_requests or kernels:
            idle = bool(later and kernels)  # the first kernel does not wait for what later ones need
            ready = {key.fileobj for key, _ in selector.select(0 if idle else None)}
            if woken in ready:
                woken.recv(4096)
                learned = [partial(_import, kernel.used()) for kernel in _reaped(kernels)]
                later += learned if open_to_requests else []
            if asked in ready:
                letter, given, *_ = socket.recv_fds(asked, 1, 1)
                if not letter:
                    open_to_requests = False
                    later.clear()
                    selector.unregister(asked)
                    continue
                with socket.socket(fileno=given[0]) as connection:
                    request = json.load(connection.makefile())
                    if request["kind"] == "kernel":
                        own = [asked, woken, wake, selector, *(kernel.connection for kernel in kernels.values())]
                        kernel = _Kernel(connection.dup(), os.memfd_create("used"))
                        kernels[_forked(request, kernel, own)] = kernel
                    elif request["kind"] == "now":
                        prepare(Path(request["notebook"]))
                    else:
                        later.append(partial(prepare, Path(request["notebook"])))
            elif idle:
                later.popleft()()


class _Kernel(NamedTuple):
    """The owner's end of a kernel, and a file in memory in which it leaves the names of the modules that it loaded."""

    connection: socket.socket
    note: int

    def used(self) -> list[str]:
        """The modules that a kernel that has ended had loaded; none if it was killed."""
        with os.fdopen(self.note, "r") as note:
            note.seek(0)
            return note.read().split()


def _reaped(kernels: dict[int, _Kernel]) -> Iterator[_Kernel]:
    """Kernels that ended; the owner is told how, and what they left is ended, which this process has adopted."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if kernel := kernels.pop(ended[0], None):
                with kernel.connection, suppress(OSError):  # the owner no longer listens
                    kernel.connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(ended[1]))
                yield kernel
    for child in psutil.Process().children():
        if child.pid not in kernels:
            with suppress(psutil.Error):
                child.kill()


def _import(modules: list[str]) -> None:
    """Import what a kernel loaded only when it needed it, so that the next one has it from the start.

    Parts of TensorFlow and Keras are left out: nobody promises that to import them alone starts nothing.
    """
    with _like_a_kernel():
        for name in modules:
            package = name.split(".")[0]
            if name not in sys.modules and package not in ("keras", *measured.BACKENDS) and not _is_own(package):
                with suppress(Exception):
                    importlib.import_module(name)


def _is_own(package: str) -> bool:
    """Whether a package is the user's: it may keep state, or change before a kernel starts, so kernels alone load it."""
    return package != forefolio.__name__ and (
        package == "__main__" or forefolio.own(PathFinder.find_spec(package, [str(contracts.NOTEBOOKS), *sys.path])))


@lru_cache
def prepare(notebook: Path) -> None:
    """Import what a notebook imports and hash its code, as its kernel would; what fails here fails again there."""
    with suppress(Exception), _like_a_kernel():
        cells = [cell["source"] for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        for statement in (line for cell in cells for line in _imports("".join(cell))):
            with suppress(Exception):
                exec(compile(ast.Module([statement], []), str(notebook), "exec"), {})
        contracts.code(notebook.stem)


@contextmanager
def _like_a_kernel() -> Iterator[None]:
    """Let modules find a shell when they are imported, as in a kernel: pandas and plotly choose their defaults by it."""
    shell = ZMQInteractiveShell.__new__(ZMQInteractiveShell)
    for kind in ZMQInteractiveShell._walk_mro():
        kind._instance = shell
    builtins.get_ipython = lambda: shell
    try:
        yield
    finally:
        del builtins.get_ipython
        ZMQInteractiveShell.clear_instance()


def _imports(source: str) -> list[ast.stmt]:
    """The import statements of a cell that import nothing of the user's own."""
    found = [line for line in ast.parse(source).body if isinstance(line, ast.Import | ast.ImportFrom)]
    tops = [{name.split(".")[0] for name in ([line.module or ""] if isinstance(line, ast.ImportFrom) else
                                             [alias.name for alias in line.names])} for line in found]
    return [line for line, names in zip(found, tops, strict=True) if not any(map(_is_own, names))]


def _forked(request: dict[str, Any], kernel: _Kernel, own: list[Any]) -> int:
    """Fork a kernel, which closes what is this process's own; its process number here, and no return in the kernel."""
    context = sys.modules.get(BACKEND)
    if context is not None and getattr(context, "_context", None) is not None and context._context._initialized:
        raise RuntimeError("TensorFlow has started in the parent of kernels, which is never to be copied then")
    if number := os.fork():
        return number
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for part in own:
            part.close()
        _become(request)
        with kernel.connection as connection:
            connection.sendall(b"%d\n" % os.getpid())
        kernelapp.launch_new_instance(argv=[*sys.argv[1:], f"--IPKernelApp.parent_handle={os.getppid()}"])
        os.write(kernel.note, "\n".join(sys.modules).encode())
        code = 0
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()
        os._exit(code)


def _become(request: dict[str, Any]) -> None:
    """Make this process what a new one would be: arguments, variables, folder, random numbers."""
    made = {name: value for name, value in os.environ.items() if BORN.get(name) != value}  # by what was imported
    os.environ.clear()
    os.environ.update(request["environment"] | made)
    os.chdir(request["folder"])
    sys.argv = [kernelapp.__file__, *request["arguments"]]
    tempfile.tempdir = None
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


BORN = dict(os.environ)

if __name__ == "__main__":
    sys.path = [path for path in sys.path if path not in ("", os.getcwd())]  # IPython adds the folder of the notebooks
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with socket.socket(fileno=os.dup(0)) as socket_of_owner:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a kernel does not inherit it
        serve(socket_of_owner)
