"""The pod template of one revision: a container that fetches the model, then the one that serves it."""

import json
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import ca, labels, names
from mlapi_operator.desired.owner import Owner
from mlapi_operator.settings import Fetch

FETCH: Final = "fetch"
SERVER: Final = "server"
HTTP: Final = "http"
ADMIN: Final = "admin"
HTTP_PORT: Final = 8080
ADMIN_PORT: Final = 9090
PYTHON: Final = "/opt/app/bin/python"
MODELS: Final = "/models"
CA_DIRECTORY: Final = "/etc/mlapi/ca"
# For so long after the pod left the Service's endpoints its server still takes connections: proxies lag.
DRAIN_SECONDS: Final = 10
GRACE_MARGIN_SECONDS: Final = 5
SHARED_MEMORY: Final = "64Mi"
TMP: Final = "/tmp"  # noqa: S108 - a volume of the pod alone
# Libraries keep their caches under it, and the root file system is read-only.
HOME: Final = {"name": "HOME", "value": TMP}


def pod_template(owner: Owner, spec: MLApiSpec, *, revision: str, image: str, fetch: Fetch) -> Manifest:
    """
    Args:
        revision: the revision's name; the pods carry it as a label and answer with it.
        image: reference by digest of an image that contains mlapi_runtime.
        fetch: what the operator's settings allow the fetching container.
    """
    volumes: list[Manifest] = [
        {"name": "model", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {"sizeLimit": spec.model.tmp_size}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}},
    ]
    if fetch.ca_config_map:
        volumes.append({"name": "ca", "configMap": {"name": names.ca_config_map(owner.name)}})
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # No runAsUser: the image names a numeric user, and some platforms assign one per namespace.
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": DRAIN_SECONDS
        + spec.serving.request_timeout_seconds
        + GRACE_MARGIN_SECONDS,
        "initContainers": [fetch_container(spec, image, fetch)],
        "containers": [server_container(owner, spec, revision, image)],
        "volumes": volumes,
    }
    if spec.scheduling.node_selector:
        pod["nodeSelector"] = dict(spec.scheduling.node_selector)
    if spec.scheduling.tolerations:
        pod["tolerations"] = [plain(toleration) for toleration in spec.scheduling.tolerations]
    metadata: Manifest = {"labels": {**spec.pod_metadata.labels, **labels.of_revision(owner.name, revision)}}
    if spec.pod_metadata.annotations:
        metadata["annotations"] = dict(spec.pod_metadata.annotations)
    return {"metadata": metadata, "spec": pod}


def fetch_container(spec: MLApiSpec, image: str, fetch: Fetch) -> Manifest:
    mounts: list[Manifest] = [
        {"name": "model", "mountPath": MODELS},
        {"name": "tmp", "mountPath": TMP},
    ]
    if fetch.ca_config_map:
        mounts.append({"name": "ca", "mountPath": CA_DIRECTORY, "readOnly": True})
    return {
        **container(FETCH, image, "mlapi_runtime.fetch", spec),
        "env": [variable("MLAPI_FETCH", compact(fetch_order(spec, fetch))), HOME],
        "ports": [port(ADMIN, ADMIN_PORT)],
        "volumeMounts": mounts,
    }


def fetch_order(spec: MLApiSpec, fetch: Fetch) -> dict[str, Any]:
    """What the fetching container reads from MLAPI_FETCH."""
    return {
        "uri": spec.model.uri,
        "sha256": spec.model.sha256,
        "maxBytes": fetch.max_bytes,
        "allowedCIDRs": list(fetch.allowed_cidrs),
        "caFile": f"{CA_DIRECTORY}/{ca.KEY}" if fetch.ca_config_map else None,
        "directory": MODELS,
    }


def server_container(owner: Owner, spec: MLApiSpec, revision: str, image: str) -> Manifest:
    return {
        **container(SERVER, image, "mlapi_runtime.launcher", spec),
        "env": [
            variable("MLAPI_CONFIG", compact(serving_config(owner, spec, revision))),
            # Server-side apply takes each name once.
            *([] if any(entry.name == "HOME" for entry in spec.env) else [HOME]),
            *(plain(entry) for entry in spec.env),
        ],
        "ports": [port(HTTP, HTTP_PORT), port(ADMIN, ADMIN_PORT)],
        "volumeMounts": [
            {"name": "model", "mountPath": MODELS, "readOnly": True},
            {"name": "tmp", "mountPath": TMP},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
        ],
        "startupProbe": {
            **probe("/startupz"),
            "periodSeconds": 1,
            # The answer is held for most of a second, until the start is over.
            "timeoutSeconds": 2,
            "failureThreshold": spec.probe.startup_timeout_seconds,
        },
        "readinessProbe": {**probe("/readyz"), "periodSeconds": 1, "failureThreshold": 3},
        "livenessProbe": {
            **probe("/livez"),
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 3,
        },
        "lifecycle": {"preStop": {"exec": {"command": python("mlapi_runtime.drain")}}},
    }


def container(name: str, image: str, module: str, spec: MLApiSpec) -> Manifest:
    """What both have in common: a pod needs the larger of their resources, so the fetch gets as much."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": python(module),
        "resources": {name: amounts for name, amounts in plain(spec.resources).items() if amounts},
        # A runtime that is missing says so in the log alone.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def serving_config(owner: Owner, spec: MLApiSpec, revision: str) -> dict[str, Any]:
    """What the launcher reads from MLAPI_CONFIG.

    A key that came with a later release stands in it only where its value is not the default: images of the
    releases before refuse what they do not know.
    """
    serving = spec.serving
    return {
        "revision": revision,
        "framework": spec.framework.name,
        **({"app": spec.framework.app} if spec.framework.app else {}),
        "model": {
            "name": spec.model.name or owner.name,
            "format": spec.model.format,
            "path": model_path(spec.model.uri),
            **({"handler": spec.model.handler} if spec.model.handler else {}),
        },
        "serving": {
            "workers": serving.workers,
            "maxConcurrency": serving.max_concurrency,
            "requestTimeoutSeconds": serving.request_timeout_seconds,
            "maxRequestBytes": serving.max_request_bytes,
            "batching": {
                "maxSize": serving.batching.max_size,
                "maxDelayMilliseconds": serving.batching.max_delay_milliseconds,
            },
            "warmupRequests": serving.warmup_requests,
            **({} if serving.fast_path else {"fastPath": False}),
        },
        "logRequests": spec.observability.log_requests,
        "drainSeconds": DRAIN_SECONDS,
    }


def model_path(uri: str) -> str:
    """Where the fetching container leaves the file: the name as it stands in the address, not decoded."""
    return f"{MODELS}/{PurePosixPath(urlsplit(uri).path).name}"


def mounts_ca(template: Manifest) -> bool:
    return any(volume["name"] == "ca" for volume in template["spec"]["volumes"])


def python(module: str) -> list[str]:
    """-P: nothing is imported from the working directory."""
    return [PYTHON, "-P", "-m", module]


def probe(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": ADMIN}}


def port(name: str, number: int) -> Manifest:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def variable(name: str, value: str) -> Manifest:
    return {"name": name, "value": value}


def compact(document: dict[str, Any]) -> str:
    """JSON without spaces, keys in the order of the document: the same input gives the same pod template."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def plain(model: Any) -> Manifest:
    """A part of the spec as Kubernetes spells it, without what the user left out."""
    manifest: Manifest = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return manifest
