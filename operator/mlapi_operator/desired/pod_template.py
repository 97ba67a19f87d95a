"""The pod template of one revision."""

from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import labels
from mlapi_operator.desired.containers import fetch_container, server_container
from mlapi_operator.desired.documents import DRAIN_SECONDS
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.placement import placement
from mlapi_operator.desired.volumes import volumes
from mlapi_operator.gpu.resolve import Resolved
from mlapi_operator.settings import Fetch

GRACE_MARGIN_SECONDS: Final = 5


def pod_template(
    owner: Owner,
    spec: MLApiSpec,
    *,
    revision: str,
    image: str,
    fetch: Fetch,
    gpu: Resolved | None = None,
) -> Manifest:
    """
    Args:
        revision: the revision's name; the pods carry it as a label and answer with it.
        image: reference by digest of an image that contains mlapi_runtime.
        fetch: what the operator's settings allow the fetching container.
        gpu: what `spec.gpu` means in this cluster; None without one.
    """
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security_context(spec),
        "terminationGracePeriodSeconds": DRAIN_SECONDS
        + spec.serving.request_timeout_seconds
        + GRACE_MARGIN_SECONDS,
        "initContainers": [fetch_container(spec, image, fetch)],
        "containers": [server_container(owner, spec, revision, image, gpu)],
        "volumes": volumes(owner, spec, fetch),
        **placement(owner, spec.scheduling, gpu),
    }
    metadata: Manifest = {"labels": {**spec.pod_metadata.labels, **labels.of_revision(owner.name, revision)}}
    if spec.pod_metadata.annotations:
        metadata["annotations"] = dict(spec.pod_metadata.annotations)
    return {"metadata": metadata, "spec": pod}


def security_context(spec: MLApiSpec) -> Manifest:
    """Mostly without runAsUser: the image names a numeric user, some platforms assign one per namespace."""
    context: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if spec.security.run_as_user is not None:
        context["runAsUser"] = spec.security.run_as_user
    return context


def mounts_ca(template: Manifest) -> bool:
    return any(volume["name"] == "ca" for volume in template["spec"]["volumes"])


def claim_of(template: Manifest) -> str | None:
    """Name of the PersistentVolumeClaim that the pods mount, if they mount one."""
    claims = (volume.get("persistentVolumeClaim") for volume in template["spec"]["volumes"])
    return next((claim["claimName"] for claim in claims if claim), None)
