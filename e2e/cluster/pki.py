"""Certificates and kubeconfigs of one cluster: EC keys, one CA, made with openssl."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_DAYS: Final = "3650"
_REQUEST: Final = """\
[req]
distinguished_name = subject
x509_extensions = extensions
prompt = no
[subject]
{subject}
[extensions]
{extensions}
"""
_LEAF: Final = """\
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth,clientAuth
"""
_CA: Final = """\
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
"""


def _issue(folder: Path, name: str, subject: str, extensions: str, signer: str | None) -> None:
    request = folder / f"{name}.cnf"
    request.write_text(_REQUEST.format(subject=subject, extensions=extensions))
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", _DAYS, "-config", str(request)]
    command += ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    if signer is not None:
        command += ["-CA", str(folder / f"{signer}.crt"), "-CAkey", str(folder / f"{signer}.key")]
    subprocess.run(command, check=True, capture_output=True)
    request.unlink()


class Pki:
    """The certificates of one cluster in one folder, `ca.crt`, `ca.key` and `NAME.crt`, `NAME.key`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Makes the authority and the key that signs service accounts' tokens; overwrites those there are."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _issue(folder, "ca", "CN = test-ca", _CA, signer=None)
        key = str(folder / "sa.key")
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        public = ["openssl", "rsa", "-in", key, "-pubout", "-out", str(folder / "sa.pub")]
        subprocess.run(public, check=True, capture_output=True)

    def issue(self, name: str, user: str, group: str = "", names: Sequence[str] = ()) -> None:
        """Issues `name`.crt and `name`.key.

        Args:
            user: common name, which is the Kubernetes user name.
            group: organisation, which is the Kubernetes group.
            names: alternative names as openssl writes them, such as `DNS:node1` or `IP:10.0.0.1`.
        """
        subject = (f"O = {group}\n" if group else "") + f"CN = {user}"
        extensions = _LEAF + (f"subjectAltName = {','.join(names)}\n" if names else "")
        _issue(self.folder, name, subject, extensions, signer="ca")

    def kubeconfig(self, name: str, server: str) -> Path:
        """Writes `name`.kubeconfig, complete in itself, for the certificate of that name."""

        def encoded(file: str) -> str:
            return base64.b64encode((self.folder / file).read_bytes()).decode()

        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": server, "certificate-authority-data": encoded("ca.crt")},
                }
            ],
            "users": [
                {
                    "name": name,
                    "user": {
                        "client-certificate-data": encoded(f"{name}.crt"),
                        "client-key-data": encoded(f"{name}.key"),
                    },
                }
            ],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(config, indent=1))
        file.chmod(0o600)
        return file
