"""What runs on one node: containerd, kubelet and kube-proxy, and the configuration files they read."""

import json
from pathlib import Path
from typing import Any

from e2e.cluster.components import component
from e2e.cluster.layout import Layout, Node
from e2e.cluster.pki import Pki

_CONTAINERD = """\
version = 3
root = "{root}"
state = "{run}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{pause}"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{certs}"
[plugins."io.containerd.cri.v1.runtime"]
  # Root without CAP_SYS_RESOURCE may not lower a score: every pod would fail in runc.
  restrict_oom_score_adj = true
  # Below our own folder, so that the teardown knows whose they are.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{bin}"]
    conf_dir = "{cni}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = "{bin}/runc"
      Root = "{run}/runc"
"""
_PLAIN_HTTP = """\
server = "http://{registry}"
[host."http://{registry}"]
  capabilities = ["pull", "resolve"]
"""


class NodeFiles:
    """Paths of one node."""

    def __init__(self, layout: Layout, node: Node) -> None:
        self.layout = layout
        self.node = node
        self.state = layout.state / node.name
        self.run = layout.run / node.name
        self.socket = self.run / "containerd.sock"
        self.kubeconfig = layout.plane.pki / f"{node.name}.kubeconfig"

    def _json(self, name: str, content: dict[str, Any]) -> Path:
        file = self.state / name
        file.write_text(json.dumps(content, indent=1))
        return file

    def containerd(self) -> list[str]:
        """Writes containerd's and CNI's configuration and returns its command.

        It finds its shim by PATH, which `layout.bin` must lead.
        """
        layout, cni, certs = self.layout, self.state / "cni", self.state / "certs.d"
        hosts = certs / layout.registry / "hosts.toml"
        for folder in (cni, hosts.parent, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        hosts.write_text(_PLAIN_HTTP.format(registry=layout.registry))
        (cni / "pods.conflist").write_text(json.dumps(self._cni()))
        config = self.state / "containerd.toml"
        config.write_text(
            _CONTAINERD.format(
                root=self.state / "containerd",
                run=self.run,
                socket=self.socket,
                pause=layout.pause,
                certs=certs,
                bin=layout.bin,
                cni=cni,
            )
        )
        return [str(component("containerd")), f"--config={config}"]

    def _cni(self) -> dict[str, Any]:
        ipam = {
            "type": "host-local",
            "dataDir": str(self.state / "ipam"),
            "ranges": [[{"subnet": self.node.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
        return {
            "cniVersion": "1.0.0",
            "name": f"{self.layout.name}-pods",
            "plugins": [{**bridge, "ipam": ipam}, ports],
        }

    def kubelet(self, pki: Pki) -> list[str]:
        """Writes the kubelet's certificate and configuration and returns its command."""
        layout, node = self.layout, self.node
        names = [f"DNS:{node.name}", f"IP:{node.address}"]
        pki.issue(node.name, f"system:node:{node.name}", "system:nodes", names)
        pki.kubeconfig(node.name, layout.plane.server)
        resolv = self.state / "resolv.conf"
        resolv.write_text("")  # the host's name servers and search domains do not exist in the pods' network
        config = self._json(
            "kubelet.json",
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "failCgroupV1": False,
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{node.namespace}",
                "containerRuntimeEndpoint": f"unix://{self.socket}",
                "address": node.address,
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                    "x509": {"clientCAFile": str(pki.folder / "ca.crt")},
                },
                "authorization": {"mode": "Webhook"},
                "tlsCertFile": str(pki.folder / f"{node.name}.crt"),
                "tlsPrivateKeyFile": str(pki.folder / f"{node.name}.key"),
                "clusterDomain": "cluster.local",
                "clusterDNS": [layout.dns],
                "resolvConf": str(resolv),
                "failSwapOn": False,
                "makeIPTablesUtilChains": False,
                "evictionHard": {
                    "memory.available": "100Mi",
                    "nodefs.available": "1%",
                    "imagefs.available": "1%",
                },
                "imageGCHighThresholdPercent": 100,
                "podLogsDir": str(self.state / "podlogs"),
                "volumePluginDir": str(self.state / "volumeplugins"),
                "nodeStatusUpdateFrequency": "5s",
            },
        )
        return [
            str(component("kubelet")),
            f"--config={config}",
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            f"--root-dir={self.state / 'kubelet'}",
        ]

    def kube_proxy(self) -> list[str]:
        """Writes kube-proxy's configuration and returns its command; needs `proxy.kubeconfig`."""
        config = self._json(
            "kube-proxy.json",
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "nftables",
                "clusterCIDR": self.layout.pods,
                "clientConnection": {"kubeconfig": str(self.layout.plane.pki / "proxy.kubeconfig")},
                "hostnameOverride": self.node.name,
                "healthzBindAddress": "127.0.0.1:10256",
                "metricsBindAddress": "127.0.0.1:10249",
                "conntrack": {"maxPerCore": 0},
                "oomScoreAdj": 0,
            },
        )
        return [str(component("kube-proxy")), f"--config={config}"]
