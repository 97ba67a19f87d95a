"""Processes that do not outlive the command: not when it ends, and not when it is killed."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Final

from mlapi_operator.cli.problem import Problem

SETPRIV: Final = "setpriv"


class Missing(Problem):
    """A program that Linux distributions have is not here."""


def with_parent(command: Sequence[str]) -> list[str]:
    """`command`, which the kernel tells to end when the thread that starts it dies, however it dies.

    Raises:
        Missing
    """
    if shutil.which(SETPRIV) is None:
        raise Missing(f"{SETPRIV} is not on the PATH; install util-linux 2.33 or later")
    return [SETPRIV, "--pdeathsig", "TERM", "--", *command]


def inherited() -> dict[str, str]:
    """The caller's environment without what would lead another Python to the caller's packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
    }


def start(
    command: Sequence[str], environment: Mapping[str, str], output: int | IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Starts a process in a session of its own: the Ctrl-C of the terminal is for the command alone.

    Args:
        output: where it writes to, errors included; `subprocess.PIPE` to read it.
    Raises:
        Missing
    """
    return subprocess.Popen(
        with_parent(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has ended; its number is not given to another process before `stop`."""
    return (
        process.returncode is not None
        or os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    )


def stop(process: "subprocess.Popen[bytes]", seconds: float) -> int:
    """Asks the process to end, waits for at most `seconds`, and ends whatever is left of its session.

    Returns:
        Its exit code; negative for a signal.
    """
    if process.returncode is not None:
        return process.returncode
    try:
        os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while not ended(process) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:  # a second Ctrl-C does not wait any more
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    return code
