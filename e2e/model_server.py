"""A private https model server inside the cluster, in a namespace of the demo or of a scenario.

The certificate of its own small CA is kept in the Secret that the server mounts, and used again as long as it
is valid, so that installing twice changes nothing.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from e2e.kube import Kube, Object

NAME: Final = "models"
_PORT: Final = 8443
_SCRIPT: Final = Path(__file__).with_name("file_server.py")
_VALID: Final = timedelta(days=365)
_RENEW_BEFORE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server certificate and what it is trusted by, all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes


def issue(host: str, now: datetime) -> Certificate:
    """A certificate for one host, signed by a CA made for it alone; the CA's key is thrown away."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("MLApi test CA", authority_key, "MLApi test CA", authority_key, now, host="")
    certificate = _certificate(host[:64], key, "MLApi test CA", authority_key, now, host=host)
    return Certificate(
        _pem(authority),
        _pem(certificate),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    host: str,
) -> x509.Certificate:
    """With a host: a server's; without: an authority's. Both carry all that strict verification asks for."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=not host, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(_usage(authority=not host), critical=True)
    )
    if host:
        names = x509.SubjectAlternativeName([x509.DNSName(host), x509.DNSName(f"{host}.cluster.local")])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(server, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def manifests(namespace: str, image: str, files: Mapping[str, bytes], tls: Certificate) -> list[Object]:
    """Everything the server consists of, ready to apply.

    Args:
        image: any image with the serving runtime's Python; the server itself needs the standard library.
        files: name -> content, together below the 1 MiB that a ConfigMap may hold.
    """
    metadata = {"name": NAME, "namespace": namespace, "labels": {"app": NAME}}
    script = _SCRIPT.read_text()
    content = {name: base64.b64encode(data).decode() for name, data in sorted(files.items())}
    digest = hashlib.sha256(json.dumps([script, content, tls.certificate.decode()]).encode()).hexdigest()
    secret = {"ca.crt": tls.authority, "tls.crt": tls.certificate, "tls.key": tls.key}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "name": f"{NAME}-tls"},
            "type": "kubernetes.io/tls",
            "data": {name: base64.b64encode(data).decode() for name, data in secret.items()},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**metadata, "name": f"{NAME}-script"},
            "data": {_SCRIPT.name: script},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "selector": {"app": NAME},
                "ports": [{"name": "https", "port": 443, "targetPort": _PORT}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": {"app": NAME}},
                "template": {
                    # Mounted files change late: a new pod has them all from its start.
                    "metadata": {"labels": {"app": NAME}, "annotations": {"content": digest}},
                    "spec": _pod(image),
                },
            },
        },
    ]


def _pod(image: str) -> Object:
    probe = {"httpGet": {"path": "/status/200/ready", "port": _PORT, "scheme": "HTTPS"}, "periodSeconds": 1}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "server",
                "image": image,
                "command": ["/opt/app/bin/python", "-P", f"/srv/script/{_SCRIPT.name}"],
                "args": [str(_PORT), "/srv/files", "/srv/tls"],
                "ports": [{"containerPort": _PORT}],
                "readinessProbe": probe,
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "script", "mountPath": "/srv/script"},
                    {"name": "files", "mountPath": "/srv/files"},
                    {"name": "tls", "mountPath": "/srv/tls"},
                ],
            }
        ],
        "volumes": [
            {"name": "script", "configMap": {"name": f"{NAME}-script"}},
            {"name": "files", "configMap": {"name": NAME}},
            {"name": "tls", "secret": {"secretName": f"{NAME}-tls"}},
        ],
    }


def _present(kube: Kube, namespace: str, host: str, now: datetime) -> Certificate | None:
    """The certificate that the namespace's server already has, if it is valid long enough."""
    secret = kube.get("Secret", namespace, f"{NAME}-tls")
    if secret is None:
        return None
    data = {name: base64.b64decode(value) for name, value in secret["data"].items()}
    certificate = x509.load_pem_x509_certificate(data["tls.crt"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    good_for = names.get_values_for_type(x509.DNSName)
    if host not in good_for or certificate.not_valid_after_utc < now + _RENEW_BEFORE:
        return None
    return Certificate(data["ca.crt"], data["tls.crt"], data["tls.key"])


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A running server: its address, and the PEM of the CA that a client must trust."""

    url: str
    authority: str


def install(kube: Kube, namespace: str, image: str, files: Mapping[str, bytes]) -> ModelServer:
    """Puts the server into an existing namespace and waits until it answers.

    Raises:
        AssertionError: kubectl refused something, or the server is not ready after two minutes.
    """
    host = f"{NAME}.{namespace}.svc"
    now = datetime.now(UTC)
    tls = _present(kube, namespace, host, now) or issue(host, now)
    # Client-side apply would keep the files a second time, in an annotation that may hold 256 kB.
    everything = yaml.safe_dump_all(manifests(namespace, image, files, tls))
    kube.run("kubectl", "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=everything)
    kube.kubectl("-n", namespace, "rollout", "status", f"deployment/{NAME}", "--timeout=120s")
    return ModelServer(f"https://{host}", tls.authority.decode())
