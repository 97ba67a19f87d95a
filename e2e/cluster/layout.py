"""Names and addresses of one cluster with nodes, so that two of them can stand side by side."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.cluster.cache import cache_dir
from e2e.cluster.components import component
from e2e.cluster.controlplane import ControlPlane


@dataclass(frozen=True, slots=True)
class Node:
    """One node: a network namespace with its own kubelet, containerd and kube-proxy.

    Args:
        name: of the node in Kubernetes.
        namespace: of its network; also its cgroup and its part of the names of host devices.
        pods: CIDR of its pods.
    """

    name: str
    namespace: str
    address: str
    pods: str


@dataclass(frozen=True, slots=True)
class Layout:
    """One cluster.

    Args:
        name: prefix of namespaces, devices and cgroups; at most 8 characters (device names end at 15).
        subnet: first three numbers of the /24 of bridge and nodes; the host is .1, the nodes .2 and .3.
        pod_prefix, service_prefix, fake_prefix: first two numbers of the /16 of pods, Services, and pods on
            fake nodes.
    """

    name: str = "k8s"
    subnet: str = "10.210.0"
    pod_prefix: str = "10.244"
    service_prefix: str = "10.96"
    fake_prefix: str = "10.246"

    @property
    def state(self) -> Path:
        return clusters_dir() / self.name

    @property
    def run(self) -> Path:
        """Sockets and mounts of containerd: a socket's path must stay under 108 characters."""
        return Path("/run") / f"mlapi-{self.name}"

    @property
    def bin(self) -> Path:
        """Links to the components, kubectl and helm among them."""
        return self.state / "bin"

    @property
    def bridge(self) -> str:
        return f"br{self.name}"

    @property
    def host(self) -> str:
        """Address at which pods and nodes reach processes of the host."""
        return f"{self.subnet}.1"

    @property
    def pods(self) -> str:
        return f"{self.pod_prefix}.0.0/16"

    @property
    def services(self) -> str:
        return f"{self.service_prefix}.0.0/16"

    @property
    def dns(self) -> str:
        return f"{self.service_prefix}.0.10"

    @property
    def fake_namespace(self) -> str:
        """The network in which the fake nodes' pods answer."""
        return f"{self.name}-fake"

    @property
    def fake_address(self) -> str:
        """Of all fake nodes; what is sent to their pods goes there."""
        return f"{self.subnet}.9"

    @property
    def fake_pods(self) -> str:
        return f"{self.fake_prefix}.0.0/16"

    @property
    def namespaces(self) -> list[str]:
        """Networks that the cluster may have, each with a device of the same name on the bridge."""
        nodes = [self.node(number).namespace for number in range(1, MAX_NODES + 1)]
        return [*nodes, self.fake_namespace]

    @property
    def registry(self) -> str:
        return f"{self.subnet}.2:5000"

    @property
    def pause(self) -> str:
        """The sandbox image; its tag is the key it was built under."""
        return f"{self.registry}/pause:{component('pause').parent.name.removeprefix('pause-')}"

    def node(self, number: int) -> Node:
        """Node 1 also holds control plane, registry and DNS."""
        return Node(
            name=f"node{number}",
            namespace=f"{self.name}-node{number}",
            address=f"{self.subnet}.{number + 1}",
            pods=f"{self.pod_prefix}.{number - 1}.0/24",
        )

    @property
    def plane(self) -> ControlPlane:
        address = self.node(1).address
        return ControlPlane(
            state=self.state,
            address=address,
            port=6443,
            etcd_port=2379,
            etcd_peer_port=2380,
            services=self.services,
            first_service=f"{self.service_prefix}.0.1",
            advertise=address,
        )


def clusters_dir() -> Path:
    """Holds one folder per cluster, and what they share."""
    return cache_dir() / "cluster"


MAX_NODES: Final = 2
