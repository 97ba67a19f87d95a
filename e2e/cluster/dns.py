"""Cluster DNS: CoreDNS as a process on node 1, behind a Service without selector."""

import json
from typing import Any

from e2e.cluster.components import component
from e2e.cluster.layout import Layout

# Names outside the cluster do not exist here: a clear answer at once instead of a resolver's time-out.
# A block of its own for them, since CoreDNS asks `template` before `kubernetes`.
_COREFILE = """\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {address}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        ttl 1
    }}
}}
.:53 {{
    bind {address}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def coredns(layout: Layout) -> list[str]:
    """Writes the configuration and returns the command; needs `coredns.kubeconfig`."""
    file = layout.state / "Corefile"
    kubeconfig = layout.plane.pki / "coredns.kubeconfig"
    file.write_text(_COREFILE.format(address=layout.node(1).address, kubeconfig=kubeconfig))
    return [str(component("coredns")), f"-conf={file}"]


def dns_objects(layout: Layout) -> str:
    """Service and EndpointSlice `kube-dns`, as JSON for kubectl."""
    ports = [
        {"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")
    ]
    metadata: dict[str, Any] = {"name": "kube-dns", "namespace": "kube-system"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"clusterIP": layout.dns, "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [layout.node(1).address], "conditions": {"ready": True}}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, endpoints]})
