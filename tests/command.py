"""The command as a user calls it, and the tables that it leaves."""

import os
import subprocess
import sys
from pathlib import Path

from forefolio.study.parameters import ROOT


def start(*arguments: str, outputs: Path | None = None, **environment: str) -> subprocess.Popen:
    """Start the command in the repository's folder, with its results in `outputs`."""
    environment = os.environ | ({"FOREFOLIO_OUTPUTS": str(outputs)} if outputs else {}) | environment
    return subprocess.Popen([sys.executable, "-m", "forefolio", *arguments], cwd=ROOT, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(process: subprocess.Popen) -> subprocess.CompletedProcess:
    """Wait for it; output and exit code come back."""
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def forefolio(*arguments: str, outputs: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Call the command and wait for it."""
    return finished(start(*arguments, outputs=outputs, **environment))


def tables(folder: Path) -> dict[str, bytes]:
    """The tables of a run by their names, byte for byte."""
    return {path.name: path.read_bytes() for path in sorted((folder / "tables").glob("*.csv"))}
