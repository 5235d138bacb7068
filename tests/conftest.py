"""Every test of the session writes into one scratch folder; the notebooks' run in it is shared by all."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = Path(tempfile.mkdtemp(prefix="forefolio-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
os.environ["FOREFOLIO_OUTPUTS"] = str(SCRATCH / "outputs")  # before any kernel starts: nbval's notebooks write there


def forefolio(*arguments: str, outputs: Path | None = None, **options) -> subprocess.CompletedProcess:
    """Call the command as a user does; its output and exit code come back."""
    environment = os.environ | ({"FOREFOLIO_OUTPUTS": str(outputs)} if outputs else {})
    return subprocess.run([sys.executable, "-m", "forefolio", *arguments], capture_output=True, text=True, cwd=ROOT,
                          env=environment, **options)


@pytest.fixture(scope="session")
def default_run() -> Path:
    """The run folder of the default study: what nbval has just run, completed where nbval did not."""
    done = forefolio("run", "params/default.yml")
    assert done.returncode == 0, done.stderr
    return SCRATCH / "outputs" / "default"
