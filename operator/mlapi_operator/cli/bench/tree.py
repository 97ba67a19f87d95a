"""What a server costs: the CPU time and the memory of its whole process tree, as /proc tells it."""

import os
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat after the command's name, which may hold blanks and brackets: proc_pid_stat(5).
PARENT: Final = 1
TIMES: Final = slice(11, 15)  # utime, stime, and those of the children that were reaped


def cpu_seconds(root: int) -> float:
    """User and system time of a process and its descendants, those that have ended included."""
    stats = _stats()
    return sum(sum(map(int, stats[pid][TIMES])) for pid in _members(root, stats)) / TICKS


def pss_bytes(root: int) -> int:
    """Proportional set size of a process and its descendants: a shared page counts once in all."""
    return sum(_pss(pid) for pid in _members(root, _stats()))


def _stats() -> dict[int, list[str]]:
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
            found[int(folder.name)] = text.rpartition(")")[2].split()
    return found


def _members(root: int, stats: dict[int, list[str]]) -> set[int]:
    """The process and its descendants, as far as they live."""
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[PARENT]), []).append(pid)
    members: set[int] = set()
    queue = [root] if root in stats else []
    while queue:
        pid = queue.pop()
        members.add(pid)
        queue.extend(children.get(pid, ()))
    return members


def _pss(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
