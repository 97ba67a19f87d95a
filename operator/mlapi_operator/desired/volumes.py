"""The volumes of a pod: where the model is, /tmp, shared memory, a private certificate authority."""

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from mlapi_operator.api.quantity import amount
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import names
from mlapi_operator.desired.owner import Owner
from mlapi_operator.settings import Fetch

MODELS: Final = "/models"
CA_DIRECTORY: Final = "/etc/mlapi/ca"
TMP: Final = "/tmp"  # noqa: S108 - a volume of the pod alone
CLAIM: Final = "pvc://"
SHARED_MEMORY_MEBIBYTES: Final = 64


def volumes(owner: Owner, spec: MLApiSpec, fetch: Fetch) -> list[Manifest]:
    """
    Args:
        fetch: what the operator's settings allow the fetching container.
    """
    model: Manifest = {"emptyDir": {}}
    if claim := claim_name(spec.model.uri):
        model = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    found: list[Manifest] = [
        {"name": "model", **model},
        {"name": "tmp", "emptyDir": {"sizeLimit": spec.model.tmp_size}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": shared_memory(spec)}},
    ]
    if needs_ca(spec, fetch):
        found.append({"name": "ca", "configMap": {"name": names.ca_config_map(owner.name)}})
    return found


def shared_memory(spec: MLApiSpec) -> str:
    """Size limit of /dev/shm, part of the container's memory.

    Libraries for GPUs pass batches and gradients between their processes through it: as on any Linux host it
    takes up to half of the memory, here of the container's limit, or of its request where it has no limit.
    """
    size = SHARED_MEMORY_MEBIBYTES
    if spec.gpu is not None:
        memory = amount(spec.resources.limits.memory or spec.resources.requests.memory)
        size = max(size, int(memory / 2) >> 20)
    # As the API server writes it.
    return f"{size}Mi" if size % 1024 else f"{size // 1024}Gi"


def claim_name(uri: str) -> str | None:
    """The PersistentVolumeClaim that the model is on, if it is on one."""
    return uri.removeprefix(CLAIM).partition("/")[0] if uri.startswith(CLAIM) else None


def model_path(uri: str) -> str:
    """Where the file is for the serving container.

    One that is fetched lies there under its own name, as it stands in the address, not decoded.
    """
    if uri.startswith(CLAIM):
        return f"{MODELS}/{uri.removeprefix(CLAIM).partition('/')[2]}"
    return f"{MODELS}/{PurePosixPath(urlsplit(uri).path).name}"


def needs_ca(spec: MLApiSpec, fetch: Fetch) -> bool:
    """A claim is mounted, and nobody is asked for it."""
    return bool(fetch.ca_config_map) and claim_name(spec.model.uri) is None
