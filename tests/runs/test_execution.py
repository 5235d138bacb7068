"""A kernel that is watched: which processes are its own."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from forefolio.runs import execution


@pytest.mark.parametrize("manager", [None, SimpleNamespace(provisioner=None),
                                     SimpleNamespace(provisioner=SimpleNamespace(pid=None))])
def test_a_kernel_that_does_not_run_has_no_processes_and_least_of_all_this_one(manager):
    assert execution._processes(SimpleNamespace(km=manager)) == []


def test_a_kernel_s_processes_are_those_that_it_started_too():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as kernel:
        client, found = SimpleNamespace(km=SimpleNamespace(provisioner=SimpleNamespace(pid=kernel.pid))), []
        while len(found) < 2:
            found = execution._processes(client)
        assert found[0].pid == kernel.pid and os.getpid() not in [process.pid for process in found]
        assert all(execution._memory(process) > 0 for process in found)
        kernel.stdin.close()
    assert execution._processes(client) == []
