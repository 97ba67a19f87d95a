"""The costs of a server are those of all its processes, also of those that have ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mlapi_operator.cli.bench import tree

# A parent that has two children, one of which ends before the other speaks.
SCRIPT = """
import os, sys, time
def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
if (first := os.fork()) == 0:
    burn(0.3); os._exit(0)
os.waitpid(first, 0)
if os.fork() == 0:
    burn(0.3); held = bytearray(b"x" * (64 << 20)); print("ready", flush=True); time.sleep(600)
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid

        os.killpg(process.pid, signal.SIGKILL)


def test_cpu_seconds_count_children_that_live_and_children_that_ended(family: int) -> None:
    assert tree.cpu_seconds(family) >= 0.55


def test_pss_bytes_count_what_a_child_holds(family: int) -> None:
    assert tree.pss_bytes(family) >= 64 << 20


def test_costs_of_a_process_that_is_gone_are_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert (tree.cpu_seconds(process.pid), tree.pss_bytes(process.pid)) == (0, 0)
