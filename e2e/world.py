"""What a scenario is given: a namespace of its own in a cluster where the operator is installed."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from e2e.audit import Audit
from e2e.cluster.components import component
from e2e.cluster.images import build_image
from e2e.cluster.oci import Registry
from e2e.digits import Digits
from e2e.kube import Kube, Object, condition, observed, wait_for
from e2e.operator_release import Operator

CHILDREN = ("Deployment", "Service", "ControllerRevision", "ConfigMap", "Pod")


@dataclass(frozen=True, slots=True)
class Installation:
    """The cluster with everything that all scenarios share.

    Args:
        images: those of the installed release by their folders in images/, by digest.
        registry: where scenarios push images of their own.
        models: address of the https server with the models.
    """

    kube: Kube
    operator: Operator
    audit: Audit
    images: Mapping[str, str]
    registry: str
    models: str


@dataclass(frozen=True, slots=True)
class World:
    """One scenario's part of it."""

    installation: Installation
    namespace: str

    @property
    def kube(self) -> Kube:
        return self.installation.kube

    @property
    def operator(self) -> Operator:
        return self.installation.operator

    @property
    def audit(self) -> Audit:
        return self.installation.audit

    @property
    def image(self) -> str:
        """The serving image of the installed release for FastAPI."""
        return self.installation.images["fastapi"]

    def own_image(self, folder: Path, framework: str) -> str:
        """A user's image FROM ours of that framework, built from a folder that holds its Containerfile."""
        registry = Registry(self.installation.registry)
        return build_image(folder, self.installation.images[framework], registry, repository=folder)

    def other_image(self) -> str:
        """The same runtime image under another digest, as the next release would have it."""
        name = self.image.split("@")[0]
        return subprocess.run(
            [component("crane"), "mutate", self.image, "--label", "release=next", "--tag", f"{name}:next"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def model(self, path: str) -> str:
        """Address of a model; see `file_server` for the faults that a path can ask for."""
        return f"{self.installation.models}/{path}"

    def manifest(self, name: str, **spec: Any) -> Object:
        return {
            "apiVersion": "mlapi.dev/v1alpha1",
            "kind": "MLApi",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"framework": {"name": "FastAPI"}, **{k: v for k, v in spec.items() if v is not None}},
        }

    def apply(self, name: str, **spec: Any) -> None:
        self.kube.apply(self.manifest(name, **spec))

    def get(self, name: str) -> Object:
        found = self.kube.get("MLApi", self.namespace, name)
        assert found is not None, f"MLApi {self.namespace}/{name} is gone"
        return found

    def ready(self, name: str) -> Object:
        """Waits until the present spec is Ready."""

        def look() -> Object | None:
            found = self.get(name)
            return found if observed(found) and condition(found, "Ready")["status"] == "True" else None

        return wait_for(f"{name} Ready", look)

    def reason(self, name: str, type: str, reason: str) -> Object:
        """Waits until a condition of the present spec is not True for that reason."""

        def look() -> Object | None:
            found = self.get(name)
            return found if observed(found) and condition(found, type)["reason"] == reason else None

        return wait_for(f"{name} {type}/{reason}", look)

    def settled(self, name: str) -> None:
        """Waits until the digest of what was sent has been written: from then on nothing changes."""
        uid = self.get(name)["metadata"]["uid"]
        seen: list[str] = []

        def quiet() -> bool:
            version = self.get(name)["metadata"]["resourceVersion"]
            seen.append(version)
            return len(seen) > 20 and len(set(seen[-20:])) == 1

        wait_for(f"{name} ({uid}) unchanged", quiet, seconds=120, every=1)

    def pods(self, name: str) -> list[Object]:
        return self.kube.list("Pod", self.namespace, f"mlapi.dev/name={name}")

    def pod_uids(self, name: str) -> set[str]:
        return {pod["metadata"]["uid"] for pod in self.pods(name)}

    def revisions(self, name: str) -> list[Object]:
        return self.kube.list("ControllerRevision", self.namespace, f"mlapi.dev/name={name}")

    def children(self, name: str) -> list[Object]:
        return [
            child
            for kind in CHILDREN
            for child in self.kube.list(kind, self.namespace, f"mlapi.dev/name={name}")
        ]

    def replicas(self, name: str) -> int:
        found = self.kube.get("Deployment", self.namespace, name)
        assert found is not None
        return int(found["spec"]["replicas"])

    def results(self, name: str) -> dict[str, str]:
        """What became of each revision; empty while that is open."""
        return {each["name"]: each.get("result", "") for each in self.get(name)["status"]["revisions"]}

    def only_pods_of_the_current_revision(self, name: str) -> None:
        revision = self.get(name)["status"]["rollout"]["revision"]

        def gone() -> bool:
            labels = {pod["metadata"]["labels"]["mlapi.dev/revision"] for pod in self.pods(name)}
            return labels == {revision}

        wait_for("only pods of the current revision", gone)

    def address(self, name: str) -> str:
        """host:port of the Service; the scenarios run on a machine with a route to the Service network."""
        found = self.kube.get("Service", self.namespace, name)
        assert found is not None
        return f"{found['spec']['clusterIP']}:{found['spec']['ports'][0]['port']}"

    def predict_url(self, name: str) -> str:
        return f"http://{self.address(name)}/v2/models/{name}/infer"

    def predict_body(self, digits: Digits) -> bytes:
        inputs = [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": digits.images[0].tolist()}]
        return json.dumps({"inputs": inputs}).encode()

    def predicts(self, name: str, digits: Digits) -> bool:
        """True if one request through the Service is answered well."""
        try:
            answer = httpx.post(self.predict_url(name), content=self.predict_body(digits), timeout=10)
        except httpx.TransportError:
            return False
        return answer.status_code == 200
