"""The containers of a pod: one that brings the model or checks it, then the one that serves it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import gpu
from mlapi_operator.desired.documents import compact, fetch_order, serving_config
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.spelled import plain
from mlapi_operator.desired.volumes import CA_DIRECTORY, MODELS, TMP, claim_name, needs_ca
from mlapi_operator.gpu.resolve import Resolved
from mlapi_operator.settings import Fetch

FETCH: Final = "fetch"
SERVER: Final = "server"
HTTP: Final = "http"
ADMIN: Final = "admin"
HTTP_PORT: Final = 8080
ADMIN_PORT: Final = 9090
PYTHON: Final = "/opt/app/bin/python"
# Libraries keep their caches under it, and the root file system is read-only.
HOME: Final = {"name": "HOME", "value": TMP}


def fetch_container(spec: MLApiSpec, image: str, fetch: Fetch) -> Manifest:
    mounts: list[Manifest] = [
        model_mount(read_only=claim_name(spec.model.uri) is not None),
        {"name": "tmp", "mountPath": TMP},
    ]
    if needs_ca(spec, fetch):
        mounts.append({"name": "ca", "mountPath": CA_DIRECTORY, "readOnly": True})
    return {
        **container(FETCH, image, "mlapi_runtime.fetch", resources(spec)),
        "env": [variable("MLAPI_FETCH", compact(fetch_order(spec, fetch))), HOME],
        "ports": [port(ADMIN, ADMIN_PORT)],
        "volumeMounts": mounts,
    }


def server_container(
    owner: Owner, spec: MLApiSpec, revision: str, image: str, resolved: Resolved | None
) -> Manifest:
    """
    Args:
        resolved: the GPUs, which are this container's alone.
    """
    devices = gpu.limits(resolved) if resolved else {}
    return {
        **container(SERVER, image, "mlapi_runtime.launcher", resources(spec, devices)),
        "env": [
            variable("MLAPI_CONFIG", compact(serving_config(owner, spec, revision))),
            # Server-side apply takes each name once.
            *([] if any(entry.name == "HOME" for entry in spec.env) else [HOME]),
            *(plain(entry) for entry in spec.env),
        ],
        "ports": [port(HTTP, HTTP_PORT), port(ADMIN, ADMIN_PORT)],
        "volumeMounts": [
            model_mount(read_only=True),
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


def container(name: str, image: str, module: str, resources: Manifest) -> Manifest:
    """What both have in common."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": python(module),
        "resources": resources,
        # A runtime that is missing says so in the log alone.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def resources(spec: MLApiSpec, devices: Mapping[str, str] = MappingProxyType({})) -> Manifest:
    """A pod needs the larger of what its containers ask for, so the fetch gets as much as the server.

    Args:
        devices: extended resources, the same in requests and limits.
    """
    amounts = {kind: {**found, **devices} for kind, found in plain(spec.resources).items()}
    return {kind: found for kind, found in amounts.items() if found}


def model_mount(*, read_only: bool) -> Manifest:
    mount: Manifest = {"name": "model", "mountPath": MODELS}
    return {**mount, "readOnly": True} if read_only else mount


def python(module: str) -> list[str]:
    """-P: nothing is imported from the working directory."""
    return [PYTHON, "-P", "-m", module]


def probe(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": ADMIN}}


def port(name: str, number: int) -> Manifest:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def variable(name: str, value: str) -> Manifest:
    return {"name": name, "value": value}
