"""The API server as the scenarios see it: plain REST over httpx with the administrator's certificate.

The operator's own client is what the scenarios test, so they do not use it. What a user would see on a
terminal is asked with `kubectl` itself.
"""

import base64
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

Object = dict[str, Any]
T = TypeVar("T")

PATHS = {
    "MLApi": "/apis/mlapi.dev/v1alpha1/namespaces/{}/mlapis",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "ControllerRevision": "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "Service": "/api/v1/namespaces/{}/services",
    "Pod": "/api/v1/namespaces/{}/pods",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Event": "/api/v1/namespaces/{}/events",
    "Node": "/api/v1/nodes",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
}


class Kube:
    """One cluster.

    Args:
        kubeconfig: path of a file whose current context holds a client certificate or a token.
        programs: folder with kubectl and helm, put first in PATH of what `kubectl` and `run` start.
    """

    def __init__(self, kubeconfig: Path, programs: Path | None = None) -> None:
        self.kubeconfig = kubeconfig
        path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": path}
        self._client = _client(kubeconfig)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        answer = self._client.get(f"{PATHS[kind].format(namespace)}/{name}")
        if answer.status_code == 404:
            return None
        return _checked(answer)

    def list(self, kind: str, namespace: str, labels: str = "") -> list[Object]:
        answer = self._client.get(PATHS[kind].format(namespace), params={"labelSelector": labels})
        return list(_checked(answer)["items"])

    def create(self, kind: str, namespace: str, manifest: Object) -> Object:
        return _checked(self._client.post(PATHS[kind].format(namespace), json=manifest))

    def patch(self, kind: str, namespace: str, name: str, change: Object, subresource: str = "") -> Object:
        """JSON merge patch, as `kubectl patch --type=merge` sends it."""
        path = f"{PATHS[kind].format(namespace)}/{name}{subresource}"
        headers = {"Content-Type": "application/merge-patch+json"}
        return _checked(self._client.patch(path, content=json.dumps(change), headers=headers))

    def bind(self, namespace: str, pod: str, binding: Object) -> None:
        """As the scheduler does."""
        _checked(self._client.post(f"{PATHS['Pod'].format(namespace)}/{pod}/binding", json=binding))

    def delete(self, kind: str, namespace: str, name: str, **options: Any) -> None:
        path = f"{PATHS[kind].format(namespace)}/{name}"
        answer = self._client.request("DELETE", path, json=options or None)
        if answer.status_code != 404:
            _checked(answer)

    def watch(self, kind: str, namespace: str, seconds: int) -> Iterator[Object]:
        """What is there, and then every change, as watch events, for so many seconds."""
        parameters = {"watch": "true", "timeoutSeconds": str(seconds)}
        path = PATHS[kind].format(namespace)
        with self._client.stream("GET", path, params=parameters, timeout=seconds + 10) as answer:
            answer.raise_for_status()
            yield from (json.loads(line) for line in answer.iter_lines())

    def log(self, namespace: str, pod: str, container: str) -> str:
        answer = self._client.get(
            f"{PATHS['Pod'].format(namespace)}/{pod}/log", params={"container": container}, timeout=60
        )
        answer.raise_for_status()
        return answer.text

    def apply(self, *manifests: Object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`kubectl apply`, as a user does it."""
        return self.run("kubectl", "apply", "-f", "-", stdin=yaml.safe_dump_all(manifests), check=check)

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        return self.run("kubectl", *arguments, check=check).stdout

    def run(
        self, *command: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, input=stdin, env=self.environment, capture_output=True, text=True, timeout=600
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done


def wait_for(what: str, look: Callable[[], T | None], *, seconds: float = 120, every: float = 0.2) -> T:
    """What `look` returns as soon as it is neither None nor False.

    Raises:
        AssertionError: nothing within `seconds`; a bound on a broken run, never a measure.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(every)
    raise AssertionError(f"{what}: not seen within {seconds:.0f} s")


def condition(mlapi: Object | None, name: str) -> Object:
    """The condition of that type, or one with status `absent`."""
    for found in ((mlapi or {}).get("status") or {}).get("conditions") or []:
        if found["type"] == name:
            return dict(found)
    return {"type": name, "status": "absent", "reason": "", "message": ""}


def observed(mlapi: Object) -> bool:
    return bool(mlapi["status"].get("observedGeneration") == mlapi["metadata"]["generation"])


def _checked(answer: httpx.Response) -> Object:
    if answer.is_error:
        raise AssertionError(f"{answer.request.method} {answer.request.url}: {answer.text}")
    return dict(answer.json())


def _client(kubeconfig: Path) -> httpx.Client:
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(c for c in config["contexts"] if c["name"] == config["current-context"])["context"]
    cluster = next(c for c in config["clusters"] if c["name"] == context["cluster"])["cluster"]
    user = next(u for u in config["users"] if u["name"] == context["user"])["user"]
    trust = ssl.create_default_context()
    if "certificate-authority-data" in cluster:
        trust = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
    elif "certificate-authority" in cluster:
        trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    headers = {}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    elif "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile("wb", suffix=".pem") as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(b"\n" + base64.b64decode(user["client-key-data"]))
            pair.flush()
            trust.load_cert_chain(pair.name)
    else:
        trust.load_cert_chain(user["client-certificate"], user["client-key"])
    return httpx.Client(base_url=cluster["server"], verify=trust, headers=headers, timeout=30)
