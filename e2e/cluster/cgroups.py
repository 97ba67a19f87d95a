"""A cgroup of our own per node, in every hierarchy: what a killed cluster leaves running is found there."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_EMPTY_SECONDS: Final = 10.0


def hierarchies() -> list[Path]:
    """Mount points of cgroup v1 hierarchies and of cgroup v2."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        if kind.split()[0] in ("cgroup", "cgroup2"):
            found.append(Path(mount.split()[4]))
    return found


def create(name: str) -> None:
    """Makes the cgroup everywhere, able to hold limited children."""
    for root in hierarchies():
        folder = root / name
        folder.mkdir(exist_ok=True)
        if (root / "cgroup.controllers").exists():
            # v2: a child has a controller only if all its parents hand it down.
            controllers = (root / "cgroup.controllers").read_text().split()
            for parent in (root, folder):
                for controller in controllers:
                    (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        for file in ("cpuset.cpus", "cpuset.mems"):
            # v1: a new cpuset is empty, and a process cannot enter an empty one.
            if (root / file).exists() and not (root / "cgroup.controllers").exists():
                (folder / file).write_text((root / file).read_text())


def _tree(name: str) -> Iterator[Path]:
    for root in hierarchies():
        for folder, _, _ in os.walk(root / name, topdown=False):
            yield Path(folder)


def processes(name: str) -> set[int]:
    """Processes in the cgroup and below."""
    found: set[int] = set()
    for folder in _tree(name):
        try:
            found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
        except FileNotFoundError:
            continue
    return found


def remove(name: str) -> None:
    """Removes the cgroup and all below, which must hold no process any more.

    Raises:
        OSError: one is still busy after ten seconds.
    """
    deadline = time.monotonic() + _EMPTY_SECONDS
    while True:
        try:
            for folder in _tree(name):
                folder.rmdir()
            return
        except OSError:
            # A process that has just been killed leaves its cgroup a little later.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
