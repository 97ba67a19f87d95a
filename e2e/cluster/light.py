"""A control plane without a node: etcd, API server and controller-manager on the loopback, for tests."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e.cluster.controlplane import ControlPlane
from e2e.cluster.kwok import kwok
from e2e.cluster.pki import Pki
from e2e.cluster.ports import free_port
from e2e.cluster.processes import identity, kill, spawn, until
from e2e.cluster.ready import api_server_ready

_READY_SECONDS = 120.0  # seconds on an idle machine; the limit is for one that builds beside the tests


class LightCluster:
    """A real API server with the controllers that need no node; needs no root.

    Its processes die with the thread that entered the context.

    Args:
        state: folder for its data, emptied first; by default a temporary one, removed at the end.
        fake_nodes: also the scheduler, and kwok, which keeps fake nodes and their pods alive.
    """

    def __init__(self, state: Path | None = None, *, fake_nodes: bool = False) -> None:
        self._given = state
        self._fake_nodes = fake_nodes
        self._pids: dict[str, int] = {}

    @property
    def kubeconfig(self) -> Path:
        """Of a cluster administrator."""
        return self._plane.kubeconfig

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._plane.server

    @property
    def ca(self) -> Path:
        """Certificate that signed the API server's."""
        return self._plane.pki / "ca.crt"

    @property
    def audit_log(self) -> Path:
        """One JSON line per answered request, level Metadata."""
        return self._plane.audit_log

    def __enter__(self) -> Self:
        state = self._given or Path(tempfile.mkdtemp(prefix="mlapi-light-"))
        if self._given:
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir(parents=True)
        self._plane = ControlPlane(
            state=state,
            address="127.0.0.1",
            port=free_port(),
            etcd_port=free_port(),
            etcd_peer_port=free_port(),
            services="10.96.0.0/16",
            first_service="10.96.0.1",
        )
        try:
            pki = self._plane.prepare()
            self._start("etcd", self._plane.etcd())
            self._start_apiserver()
            self._start("kube-controller-manager", self._plane.controller_manager())
            if self._fake_nodes:
                self._start_fake_nodes(pki)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def restart_apiserver(self) -> None:
        """Kills the API server and starts it again at the same address; returns when it is ready."""
        kill([self._pids.pop("kube-apiserver")])
        self._start_apiserver()

    def _start(self, name: str, command: list[str]) -> None:
        self._pids[name] = spawn(command, self._plane.state / "logs" / f"{name}.log", with_parent=True)

    def _start_apiserver(self) -> None:
        self._start("kube-apiserver", self._plane.apiserver())
        log = self._plane.state / "logs" / "kube-apiserver.log"

        def ready() -> bool:
            if identity(self._pids["kube-apiserver"]) is None:
                tail = "\n".join(log.read_text().splitlines()[-10:])
                raise RuntimeError(f"kube-apiserver ended; its log ends in\n{tail}")
            return api_server_ready(self.server, self.ca)

        until(
            ready, _READY_SECONDS, lambda: f"kube-apiserver is not ready after {_READY_SECONDS} s; see {log}"
        )

    def _start_fake_nodes(self, pki: Pki) -> None:
        pki.issue("scheduler", "system:kube-scheduler")
        pki.kubeconfig("scheduler", self.server)
        self._start("kube-scheduler", self._plane.scheduler())
        self._start("kwok", kwok(self.kubeconfig, self._plane.address, "10.246.0.0/16"))

    def _stop(self) -> None:
        kill(self._pids.values())
        self._pids.clear()
        if not self._given:
            shutil.rmtree(self._plane.state, ignore_errors=True)
