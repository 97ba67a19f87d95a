"""What a cluster could leave on this machine, as the kernel tells it; asks nothing of the code under test."""

import os
from dataclasses import dataclass
from pathlib import Path

# Counters of the kernel, and what other processes of a busy machine move.
_MOVING = ("kernel/random/", "kernel/ns_last_pid", "kernel/pty/nr", "fs/", "dev/", "kernel/keys/gc_delay")


@dataclass(frozen=True, slots=True)
class Machine:
    mounts: frozenset[str]
    namespaces: frozenset[str]
    devices: frozenset[str]
    routes: frozenset[str]
    cgroups: frozenset[str]
    sysctls: frozenset[tuple[str, str]]


def machine(besides: tuple[str, ...]) -> Machine:
    """The state of now.

    Args:
        besides: parts of paths; mount points that contain one belong to others and may come and go.
    """
    mounts = _mounts()
    return Machine(
        mounts=frozenset(point for point, _ in mounts if not any(part in point for part in besides)),
        namespaces=_names(Path("/run/netns")),
        devices=_names(Path("/sys/class/net")),
        routes=frozenset(Path("/proc/net/route").read_text().splitlines()),
        cgroups=frozenset(
            f"{point}/{name}"
            for point, kind in mounts
            if kind in ("cgroup", "cgroup2")
            for name in _names(Path(point))
        ),
        sysctls=frozenset(_sysctls()),
    )


def processes_naming(*words: str) -> dict[int, str]:
    """Command lines of the running processes that contain one of the words."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # ended meanwhile
            if any(word in command for word in words):
                found[int(folder.name)] = command
    return found


def _mounts() -> list[tuple[str, str]]:
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        found.append((mount.split()[4], kind.split()[0]))
    return found


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir()) if folder.exists() else frozenset()


def _sysctls() -> list[tuple[str, str]]:
    root = Path("/proc/sys")
    found = []
    for folder, _, files in os.walk(root):
        for file in files:
            path = Path(folder) / file
            name = str(path.relative_to(root))
            if name.startswith(_MOVING) or "/conf/" in name or "/neigh/" in name:
                continue  # conf and neigh: one folder per network device, which `devices` compares
            try:
                found.append((name, path.read_text()))
            except OSError:
                continue  # write-only, or refused to everyone
    return found
