"""Fake nodes beside the real ones of a cluster: kwok, and the server that answers for their pods."""

import os
import sys
from pathlib import Path
from typing import Final

from e2e.cluster import network
from e2e.cluster.cache import locked
from e2e.cluster.cluster import existing
from e2e.cluster.kwok import kwok
from e2e.cluster.layout import Layout, clusters_dir
from e2e.cluster.pki import Pki
from e2e.cluster.processes import Record, kill, spawn, until
from e2e.cluster.progress import say
from e2e.cluster.ready import answers

_USER: Final = "fakes"
_REPOSITORY: Final = Path(__file__).parents[2]
_PATH: Final = os.pathsep.join(str(_REPOSITORY / folder) for folder in (".", "images/runtime"))
_READY_SECONDS: Final = 60.0


def start_fakes(layout: Layout) -> None:
    """Starts what plays fake nodes and pods, anew if it runs: neither remembers anything.

    Raises:
        RuntimeError: there is no cluster, or something did not start.
    """
    if existing(layout) is None:
        raise RuntimeError("there is no cluster; start one: python -m e2e.cluster up")
    plane, record = layout.plane, Record(layout.state / "pids")
    with locked(clusters_dir() / f".{layout.name}.lock"):
        network.add_fake_nodes(layout)
        pki = Pki(plane.pki)
        if not (plane.pki / f"{_USER}.kubeconfig").exists():
            pki.issue(_USER, _USER, "system:masters")
            pki.kubeconfig(_USER, plane.server)
        kubeconfig = plane.pki / f"{_USER}.kubeconfig"
        commands = {
            "kwok": kwok(kubeconfig, layout.fake_address, layout.fake_pods),
            "fake-pods": [
                *("env", f"PYTHONPATH={_PATH}", sys.executable, "-m", "e2e.fake_pods"),
                *(f"--server={plane.server}", f"--pki={plane.pki}", f"--user={_USER}"),
            ],
        }
        kill(pid for name in commands if (pid := record.pid(name)) is not None)
        for name, command in commands.items():
            log = layout.state / "logs" / f"{name}.log"
            record.add(name, spawn([*network.inside(layout.fake_namespace), *command], log))
        until(
            lambda: answers(f"http://{layout.fake_address}:9090/livez"),
            _READY_SECONDS,
            lambda: f"fake-pods does not answer; see {layout.state / 'logs' / 'fake-pods.log'}",
        )
        say("fake nodes are kept alive, and their pods answered for")
