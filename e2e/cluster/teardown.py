"""Ends a cluster, whole, half-started or killed: afterwards nothing of it is left but caches."""

import json
import os
import shutil
from pathlib import Path
from typing import Final

from e2e.cluster import cgroups, network, sysctls
from e2e.cluster.layout import MAX_NODES, Layout, clusters_dir
from e2e.cluster.mounts import unmount_below
from e2e.cluster.processes import Record, kill

_ROUNDS: Final = 20


def sysctl_file() -> Path:
    """Values from before the first of the clusters that stand now."""
    return clusters_dir() / "sysctls.json"


def _namespaces(layout: Layout) -> set[int]:
    """Numbers of the network namespaces of the cluster's nodes and pods."""
    files = [
        *(file for name in layout.namespaces if (file := network.NAMESPACES / name).exists()),
        *layout.run.glob("*/io.containerd.grpc.v1.cri/netns/*"),
    ]
    return {file.stat().st_ino for file in files}


def _processes(layout: Layout) -> set[int]:
    """All that runs in the cluster's networks or cgroups: also what no record names."""
    namespaces = _namespaces(layout)
    found: set[int] = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if (folder / "ns" / "net").stat().st_ino in namespaces:
                    found.add(int(folder.name))
            except OSError:
                continue  # ended meanwhile
    for number in range(1, MAX_NODES + 1):
        found |= cgroups.processes(layout.node(number).namespace)
    return found - {os.getpid()}


def down(layout: Layout) -> None:
    """Removes processes, mounts, networks, cgroups, changed sysctls and state; fine if there is nothing.

    All processes end by KILL: nothing they hold outlives the cluster, an API server without etcd ignores
    TERM for minutes, and one way down serves healthy and killed clusters alike.

    Raises:
        RuntimeError, OSError: something could not be removed.
    """
    record = Record(layout.state / "pids")
    # The kubelet starts what is missing, so everything goes at once, and again until none is left.
    kill(pid for name in record.names() if (pid := record.pid(name)) is not None)
    for _ in range(_ROUNDS):
        left = _processes(layout)
        if not left:
            break
        kill(left)
    else:
        raise RuntimeError(
            f"processes {sorted(_processes(layout))} of cluster {layout.name} come again when killed"
        )
    for folder in (layout.run, layout.state):
        unmount_below(folder)
    network.remove(layout)
    for number in range(1, MAX_NODES + 1):
        cgroups.remove(layout.node(number).namespace)
    _forget_outside(layout)
    for folder in (layout.run, layout.state):
        if folder.exists():
            shutil.rmtree(folder)
    if not any(path.is_dir() for path in clusters_dir().glob("*")):
        sysctls.restore(sysctl_file())


def _forget_outside(layout: Layout) -> None:
    """Removes the files that containerd, CNI and kubelet keep in places of their own choice."""
    for file in layout.run.glob("*/io.containerd.runtime.v2.task/*/*/bootstrap.json"):
        Path(json.loads(file.read_text())["address"].removeprefix("unix://")).unlink(missing_ok=True)
    for file in Path("/var/lib/cni/results").glob("*"):
        if f'"{layout.run}/' in file.read_text():
            file.unlink()
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.state):
            link.unlink()
