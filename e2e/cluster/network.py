"""One network namespace per node on a bridge of the host; no route leads out of it."""

import subprocess
from pathlib import Path

from e2e.cluster.layout import Layout, Node

NAMESPACES = Path("/run/netns")


def inside(node: Node) -> list[str]:
    """Prefix of a command that runs in the node's network.

    Not `ip netns exec`: that mounts a new /sys, which hides the cgroups.
    """
    return ["nsenter", f"--net={NAMESPACES / node.namespace}", "--"]


def _ip(*arguments: str) -> None:
    command = ["ip", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")


def add_bridge(layout: Layout) -> None:
    _ip("link", "add", layout.bridge, "type", "bridge")
    _ip("addr", "add", f"{layout.host}/24", "dev", layout.bridge)
    _ip("link", "set", layout.bridge, "up")


def add_node(layout: Layout, node: Node, others: list[Node]) -> None:
    """Makes the node's namespace and the routes between it, the host and the other nodes."""
    device = f"{node.namespace}"
    _ip("netns", "add", node.namespace)
    _ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
    _ip("link", "set", device, "master", layout.bridge, "up")
    within = ("-n", node.namespace)
    _ip(*within, "addr", "add", f"{node.address}/24", "dev", "eth0")
    _ip(*within, "link", "set", "eth0", "up")
    _ip(*within, "link", "set", "lo", "up")
    # Without a route the kernel refuses a Service's address before kube-proxy's rules see the packet.
    _ip(*within, "route", "add", layout.services, "dev", "eth0")
    forward = [*inside(node), "sysctl", "-qw", "net.ipv4.ip_forward=1"]
    subprocess.run(forward, check=True)  # host -> Service works before CNI makes the first pod
    _ip("route", "add", node.pods, "via", node.address)
    if not others:
        _ip("route", "add", layout.services, "via", node.address)
    for other in others:
        _ip(*within, "route", "add", other.pods, "via", other.address)
        _ip("-n", other.namespace, "route", "add", node.pods, "via", node.address)


def remove(layout: Layout) -> None:
    """Removes whatever of the cluster's network is there; routes and veths go with bridge and namespaces."""
    names = [path.name for path in NAMESPACES.glob(f"{layout.name}-node*")] if NAMESPACES.exists() else []
    for name in names:
        _ip("netns", "delete", name)
    for device in Path("/sys/class/net").iterdir():
        if device.name == layout.bridge or device.name.startswith(f"{layout.name}-node"):
            # A veth whose namespace has just gone may vanish meanwhile.
            subprocess.run(["ip", "link", "delete", device.name], capture_output=True)
