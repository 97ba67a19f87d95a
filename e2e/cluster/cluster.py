"""Brings up a cluster with nodes, or takes the one that the environment names."""

import json
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.cluster import cgroups, network, sysctls
from e2e.cluster.buildah import clear_killed_builds
from e2e.cluster.cache import cache_dir, locked
from e2e.cluster.components import CONTROL_PLANE, NODE, component, link, linked
from e2e.cluster.dns import coredns, dns_objects
from e2e.cluster.layout import MAX_NODES, Layout, Node, clusters_dir
from e2e.cluster.node import NodeFiles
from e2e.cluster.oci import Registry
from e2e.cluster.packages import ensure_node_packages, why_no_node
from e2e.cluster.pki import Pki
from e2e.cluster.processes import WITH_PARENT, Record, spawn, until
from e2e.cluster.progress import say
from e2e.cluster.ready import answers, api_server_ready
from e2e.cluster.registry import registry
from e2e.cluster.teardown import down, sysctl_file

_READY_SECONDS: Final = 120.0  # a machine that does nothing else needs ten
_PROGRAMS: Final = ("kubectl", "helm")
_PLANE: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "registry",
    "coredns",
)
_NODE_PROCESSES: Final = ("containerd", "kubelet", "kube-proxy")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that answers.

    Args:
        registry: host:port that nodes pull from and this machine pushes to.
        programs: folder with kubectl and helm.
        audit_log: one JSON line per request that the API server answered; None when not ours to read.
    """

    kubeconfig: Path
    registry: str
    programs: Path
    audit_log: Path | None

    def environment(self) -> dict[str, str]:
        """Variables under which kubectl, helm and tests work with this cluster."""
        variables = {"KUBECONFIG": str(self.kubeconfig), "REGISTRY": self.registry}
        if self.audit_log is not None:
            variables["MLAPI_AUDIT_LOG"] = str(self.audit_log)
        return variables


def given() -> Cluster | None:
    """The cluster that KUBECONFIG and REGISTRY name.

    Raises:
        RuntimeError: KUBECONFIG is set without REGISTRY, or names no file.
    """
    kubeconfig = os.environ.get("KUBECONFIG")
    # The local cluster's own file, as `env` prints it, names no other cluster.
    if not kubeconfig or Path(kubeconfig) == Layout().plane.kubeconfig:
        return None
    if not Path(kubeconfig).is_file():
        raise RuntimeError(
            f"KUBECONFIG={kubeconfig}: no such file; name one file, or unset it for a local cluster"
        )
    address = os.environ.get("REGISTRY")
    if not address:
        raise RuntimeError(
            "KUBECONFIG is set but REGISTRY is not: images built here must reach that cluster;"
            " set it to one (host:port or host/path) that this machine pushes to and its nodes pull from;"
            " or unset KUBECONFIG for a local cluster"
        )
    programs = cache_dir() / "bin"
    link(_PROGRAMS, programs)
    log = os.environ.get("MLAPI_AUDIT_LOG")
    return Cluster(Path(kubeconfig), address, programs, Path(log) if log else None)


def existing(layout: Layout) -> Cluster | None:
    """The cluster of this layout if it was brought up, healthy or not."""
    if not layout.plane.kubeconfig.exists():
        return None
    return Cluster(layout.plane.kubeconfig, layout.registry, layout.bin, layout.plane.audit_log)


def up(layout: Layout | None = None, nodes: int = 1) -> Cluster:
    """Returns a healthy cluster with at least so many nodes; at once if there is one.

    With KUBECONFIG and REGISTRY set, that cluster is returned as it is.

    Raises:
        RuntimeError: this machine or user cannot run one, or something did not start; the message says which.
    """
    external = given()
    if external is not None:
        say(f"using KUBECONFIG={external.kubeconfig} and REGISTRY={external.registry}; starting no cluster")
        return external
    reason = why_no_node()
    if reason is not None:
        raise RuntimeError(reason)
    layout = layout or Layout()
    ensure_node_packages()
    with locked(clusters_dir() / f".{layout.name}.lock"):
        return _Bringup(layout).run(nodes)


def tear_down(layout: Layout) -> None:
    """Removes the cluster and everything it left, also after a killed run."""
    with locked(clusters_dir() / f".{layout.name}.lock"):
        down(layout)
    clear_killed_builds()


class _Bringup:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._plane = layout.plane
        self._record = Record(layout.state / "pids")
        self._binaries = (*CONTROL_PLANE, *NODE, *_PROGRAMS)

    def run(self, count: int) -> Cluster:
        layout = self._layout
        wanted = [layout.node(number) for number in range(1, count + 1)]
        if not self._healthy():
            down(layout)
            link(self._binaries, layout.bin)
            say(f"starting cluster {layout.name}")
            sysctls.save(sysctl_file())
            pki = self._plane.prepare()
            network.add_bridge(layout)
            self._start_first(layout.node(1), pki)
        present = self._nodes()
        for node in wanted:
            if node not in present:
                pki = Pki(self._plane.pki)
                self._add_network(node, present)
                self._start_containerd(node)
                self._start_node(node, pki)
                present.append(node)
        return Cluster(self._plane.kubeconfig, layout.registry, layout.bin, self._plane.audit_log)

    def _nodes(self) -> list[Node]:
        nodes = [self._layout.node(number) for number in range(1, MAX_NODES + 1)]
        return [node for node in nodes if f"{node.name}-kubelet" in self._record.names()]

    def _healthy(self) -> bool:
        layout = self._layout
        if not linked(self._binaries, layout.bin):
            return False
        names = [*_PLANE, *(f"{node.name}-{name}" for node in self._nodes() for name in _NODE_PROCESSES)]
        return (
            bool(self._nodes())
            and all(self._record.pid(name) for name in names)
            and api_server_ready(self._plane.server, self._plane.pki / "ca.crt")
            and answers(f"http://{layout.registry}/v2/")
            and all(self._node_ready(node) for node in self._nodes())
        )

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        # Of a killed bring-up nothing may go on.
        command = [
            *WITH_PARENT,
            str(self._layout.bin / "kubectl"),
            f"--kubeconfig={self._plane.kubeconfig}",
            *arguments,
        ]
        result = subprocess.run(command, input=stdin, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def _node_ready(self, node: Node) -> bool:
        found: dict[str, Any] = json.loads(
            self._kubectl("get", "nodes", f"--field-selector=metadata.name={node.name}", "--output=json")
        )
        # The taint of a starting node goes a moment after it turned Ready.
        return any(
            condition["type"] == "Ready" and condition["status"] == "True" and not item["spec"].get("taints")
            for item in found["items"]
            for condition in item["status"]["conditions"]
        )

    def _start(self, node: Node, name: str, command: list[str]) -> None:
        log = self._log(name)
        self._record.add(name, spawn([*network.inside(node.namespace), *command], log, path=self._layout.bin))

    def _log(self, name: str) -> Path:
        return self._layout.state / "logs" / f"{name}.log"

    def _wait(self, name: str, ready: Any) -> None:
        def reached() -> bool:
            if self._record.pid(name) is None:
                tail = "\n".join(self._log(name).read_text(errors="replace").splitlines()[-10:])
                raise RuntimeError(f"{name} ended; {self._log(name)} ends in\n{tail}")
            return bool(ready())

        until(
            reached,
            _READY_SECONDS,
            lambda: f"{name} is not ready after {_READY_SECONDS:.0f} s; see {self._log(name)}",
        )

    def _start_first(self, node: Node, pki: Pki) -> None:
        layout, plane = self._layout, self._plane
        self._add_network(node, [])
        self._start(node, "etcd", plane.etcd())
        self._start(node, "kube-apiserver", plane.apiserver())
        self._start(node, "registry", registry(layout.registry, layout.state))
        self._start_containerd(node)
        pki.issue("scheduler", "system:kube-scheduler")
        pki.issue("proxy", "system:kube-proxy")
        pki.issue("coredns", "system:coredns", "system:masters")
        for user in ("scheduler", "proxy", "coredns"):
            pki.kubeconfig(user, plane.server)
        self._wait("registry", lambda: answers(f"http://{layout.registry}/v2/"))
        _push_pause(layout)
        self._wait("kube-apiserver", lambda: api_server_ready(plane.server, plane.pki / "ca.crt"))
        # Both give up if they start before the API server answers.
        self._start(node, "kube-controller-manager", plane.controller_manager())
        self._start(node, "kube-scheduler", plane.scheduler())
        self._start(node, "coredns", coredns(layout))
        self._kubectl("apply", "--filename=-", stdin=dns_objects(layout))
        self._start_node(node, pki)
        self._wait(
            "kube-controller-manager",
            lambda: self._kubectl(
                "get", "serviceaccounts", "--field-selector=metadata.name=default", "--output=name"
            ),
        )

    def _add_network(self, node: Node, others: list[Node]) -> None:
        network.add_node(self._layout, node, others)
        cgroups.create(node.namespace)

    def _start_containerd(self, node: Node) -> None:
        self._start(node, f"{node.name}-containerd", NodeFiles(self._layout, node).containerd())

    def _start_node(self, node: Node, pki: Pki) -> None:
        files = NodeFiles(self._layout, node)
        self._wait(f"{node.name}-containerd", files.socket.exists)
        self._start(node, f"{node.name}-kubelet", files.kubelet(pki))
        self._start(node, f"{node.name}-kube-proxy", files.kube_proxy())
        self._wait(f"{node.name}-kubelet", lambda: self._node_ready(node))
        say(f"node {node.name} is Ready")


def _push_pause(layout: Layout) -> None:
    """Puts the sandbox image into the registry unless it is there."""
    target = Registry(layout.registry)
    if target.digest(layout.pause) is not None:
        return
    with tempfile.TemporaryDirectory() as work:
        layer = Path(work) / "pause.tar"
        with tarfile.open(layer, "w") as archive:
            archive.add(component("pause"), "pause")
        # Without a platform the image has no architecture.
        target.append(
            layer, layout.pause, ["--entrypoint=/pause", "--user=65535:65535", "--set-platform=linux/amd64"]
        )
