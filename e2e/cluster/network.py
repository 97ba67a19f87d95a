"""One network namespace per node on a bridge of the host, and one for the pods of all fake nodes; no route
leads out of it."""

import subprocess
from pathlib import Path

from e2e.cluster.layout import MAX_NODES, Layout, Node

NAMESPACES = Path("/run/netns")


def inside(namespace: str) -> list[str]:
    """Prefix of a command that runs in that network.

    Not `ip netns exec`: that mounts a new /sys, which hides the cgroups.
    """
    return ["nsenter", f"--net={NAMESPACES / namespace}", "--"]


def _ip(*arguments: str) -> None:
    command = ["ip", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")


def add_bridge(layout: Layout) -> None:
    _ip("link", "add", layout.bridge, "type", "bridge")
    _ip("addr", "add", f"{layout.host}/24", "dev", layout.bridge)
    _ip("link", "set", layout.bridge, "up")
    _ip("route", "add", layout.fake_pods, "via", layout.fake_address)


def _add_namespace(layout: Layout, name: str, address: str) -> None:
    _ip("netns", "add", name)
    _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", name, "master", layout.bridge, "up")
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "link", "set", "lo", "up")


def add_node(layout: Layout, node: Node, others: list[Node]) -> None:
    """Makes the node's namespace and the routes between it, the host and the other nodes."""
    _add_namespace(layout, node.namespace, node.address)
    within = ("-n", node.namespace)
    # Without a route the kernel refuses a Service's address before kube-proxy's rules see the packet.
    _ip(*within, "route", "add", layout.services, "dev", "eth0")
    _ip(*within, "route", "add", layout.fake_pods, "via", layout.fake_address)
    forward = [*inside(node.namespace), "sysctl", "-qw", "net.ipv4.ip_forward=1"]
    subprocess.run(forward, check=True)  # host -> Service works before CNI makes the first pod
    _ip("route", "add", node.pods, "via", node.address)
    if not others:
        _ip("route", "add", layout.services, "via", node.address)
    for other in others:
        _ip(*within, "route", "add", other.pods, "via", other.address)
        _ip("-n", other.namespace, "route", "add", node.pods, "via", node.address)


def add_fake_nodes(layout: Layout) -> None:
    """Makes the namespace in which every address of the fake nodes' pods is its own; fine if it is there."""
    name = layout.fake_namespace
    if (NAMESPACES / name).exists():
        return
    _add_namespace(layout, name, layout.fake_address)
    _ip("-n", name, "route", "add", "local", layout.fake_pods, "dev", "lo")
    for number in range(1, MAX_NODES + 1):
        node = layout.node(number)
        _ip("-n", name, "route", "add", node.pods, "via", node.address)


def remove(layout: Layout) -> None:
    """Removes whatever of the cluster's network is there; routes and veths go with bridge and namespaces."""
    for name in layout.namespaces:
        if (NAMESPACES / name).exists():
            _ip("netns", "delete", name)
    for device in (layout.bridge, *layout.namespaces):
        if (Path("/sys/class/net") / device).exists():
            # A veth whose namespace has just gone may vanish meanwhile.
            subprocess.run(["ip", "link", "delete", device], capture_output=True)
