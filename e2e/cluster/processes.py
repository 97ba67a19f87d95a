"""Processes that outlive the command which started them: recorded, recognised again, ended."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_END_SECONDS: Final = 20.0
# Prefix of a command that the kernel kills when the thread that started it dies.
WITH_PARENT: Final = ("setpriv", "--pdeathsig", "KILL", "--")


def identity(pid: int) -> str | None:
    """What tells this process from a later one with its number: boot and start time. None: it is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name may hold blanks and brackets; what follows the last bracket starts with the state.
    fields = stat.rpartition(")")[2].split()
    # The first thread may be gone while others, of which the kernel still counts some, hold the ports.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}-{fields[19]}"


def spawn(command: list[str], log: Path, *, path: Path | None = None, with_parent: bool = False) -> int:
    """Starts a process in a session of its own and returns its pid.

    Args:
        path: folder put first in the process's PATH.
        with_parent: the kernel kills it when the calling thread dies.
    """
    if with_parent:
        command = [*WITH_PARENT, *command]
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else os.environ
    log.parent.mkdir(parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # What the caller was handed, such as the lock under which a script runs it, is not for such long lives.
    handed = [fd for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2 and _is_inheritable(fd)]
    # Not subprocess: its objects warn when they go before their process, and these processes outlive us.
    return os.posix_spawnp(
        command[0],
        command,
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, fd) for fd in handed),
        ],
        setsid=True,
        setsigdef=[signal.SIGPIPE],  # Python ignores it, and that would be inherited
    )


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False  # closed meanwhile, as the one that listed them


class Record:
    """Which processes belong to a cluster, one file each, so that a later command can end them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, pid: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(f"{pid} {identity(pid)}")

    def pid(self, name: str) -> int | None:
        """The process's number if it still lives."""
        try:
            number, _, recorded = (self._folder / name).read_text().partition(" ")
        except FileNotFoundError:
            return None
        return int(number) if recorded == identity(int(number)) else None

    def names(self) -> list[str]:
        return sorted(file.name for file in self._folder.iterdir()) if self._folder.exists() else []


def kill(pids: Iterable[int]) -> None:
    """Ends processes at once and waits until they are gone.

    Raises:
        RuntimeError: one is still there after 20 s.
    """
    waiting = {pid: identity(pid) for pid in pids}
    for pid in waiting:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    until(
        lambda: all(known is None or identity(pid) != known for pid, known in waiting.items()),
        _END_SECONDS,
        lambda: f"processes {sorted(waiting)} do not end",
    )
    for pid in waiting:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def until(reached: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
    """Waits for a state.

    Raises:
        RuntimeError: not reached in time; `complaint` says what is wrong.
    """
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint())
        time.sleep(0.05)
