"""The commands of etcd, API server, controller-manager and scheduler, and the certificates they need."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.cluster.components import component
from e2e.cluster.pki import Pki

_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
# The default of 20 requests per second lets the controller-manager roll out 5 Deployments per second.
_CLIENT: Final = ("--leader-elect=false", "--secure-port=0", "--kube-api-qps=300", "--kube-api-burst=600")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One control plane.

    Args:
        state: folder of its certificates, data and audit log.
        address: where the API server listens and is called at.
        advertise: the address that the Service `kubernetes` leads to; empty: that Service leads nowhere.
        services: CIDR of the Services; the API server takes its first address.
    """

    state: Path
    address: str
    port: int
    etcd_port: int
    etcd_peer_port: int
    services: str
    first_service: str
    advertise: str = ""

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.pki / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.state / "audit.log"

    def prepare(self) -> Pki:
        """Writes certificates, kubeconfigs and the audit policy."""
        pki = Pki(self.pki)
        pki.create()
        names = [
            f"DNS:{name}"
            for name in ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
        ]
        names += [
            f"IP:{address}" for address in dict.fromkeys((self.first_service, "127.0.0.1", self.address))
        ]
        pki.issue("apiserver", "kube-apiserver", names=names)
        pki.issue("apiserver-kubelet", "apiserver-kubelet-client", "system:masters")
        pki.issue("front-proxy", "front-proxy-client")
        pki.issue("admin", "admin", "system:masters")
        pki.issue("kcm", "system:kube-controller-manager")
        for user in ("admin", "kcm"):
            pki.kubeconfig(user, self.server)
        (self.state / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
        return pki

    def etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.etcd_peer_port))
        return [
            str(component("etcd")),
            "--unsafe-no-fsync",  # the data need not outlive the machine
            f"--data-dir={self.state / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def apiserver(self) -> list[str]:
        pki = self.pki
        reconciler = (
            [f"--advertise-address={self.advertise}"]
            if self.advertise
            else ["--endpoint-reconciler-type=none", f"--advertise-address={self.address}"]
        )
        return [
            str(component("kube-apiserver")),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--bind-address={self.address}",
            f"--secure-port={self.port}",
            *reconciler,
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={self.services}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            "--enable-aggregator-routing=true",
            f"--requestheader-client-ca-file={pki}/ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
            # Tests of failing nodes wait for seconds, not for the default five minutes.
            "--default-not-ready-toleration-seconds=5",
            "--default-unreachable-toleration-seconds=5",
            f"--audit-policy-file={self.state}/audit-policy.json",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=100000",  # MB: tests count its lines, so it must not rotate
        ]

    def controller_manager(self) -> list[str]:
        pki = self.pki
        return [
            str(component("kube-controller-manager")),
            f"--kubeconfig={pki}/kcm.kubeconfig",
            *_CLIENT,
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            "--use-service-account-credentials=true",
            "--node-monitor-grace-period=10s",
        ]

    def scheduler(self) -> list[str]:
        """Needs `scheduler.kubeconfig` beside the others."""
        return [str(component("kube-scheduler")), f"--kubeconfig={self.pki}/scheduler.kubeconfig", *_CLIENT]
