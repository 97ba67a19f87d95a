"""A revision: the workload fields of a spec and everything that was resolved for them, kept for ever."""

import hashlib
import json
from typing import Any, Final

from mlapi_operator import __version__
from mlapi_operator.api.kinds import CONTROLLER_REVISION
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.owner import Owner

# What a pod is made of. The rest (replicas, slo, smoke test, suspend) changes without a new revision.
WORKLOAD: Final = frozenset(
    {
        "framework",
        "model",
        "image",
        "serving",
        "env",
        "resources",
        "gpu",
        "scheduling",
        "observability",
        "podMetadata",
    }
)
# Members of these that are; the rest of them says how pods are asked or replaced.
WORKLOAD_OF: Final = {
    "probe": frozenset({"startupTimeoutSeconds"}),
    "security": frozenset({"runAsUser"}),
    "rollout": frozenset({"retryToken"}),
}


def workload(spec: MLApiSpec) -> dict[str, Any]:
    """The workload fields that differ from their defaults.

    So a field that a later release adds changes no hash, and restarts nothing.
    """
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    fields = {name: value for name, value in dumped.items() if name in WORKLOAD}
    for section, members in WORKLOAD_OF.items():
        fields[section] = {name: value for name, value in dumped.get(section, {}).items() if name in members}
    return without_empty(fields)


def without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    """`serving: {}` says no more than its absence."""
    kept = {
        name: without_empty(value) if isinstance(value, dict) else value for name, value in fields.items()
    }
    return {name: value for name, value in kept.items() if value not in ({}, [])}


def workload_hash(fields: dict[str, Any]) -> str:
    """SHA-256, hex, of the canonical JSON."""
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def controller_revision(
    owner: Owner,
    *,
    fields: dict[str, Any],
    image: str,
    template: Manifest,
    number: int,
    gpu: Manifest | None = None,
    digest: str = "",
) -> Manifest:
    """
    Args:
        fields: from `workload`.
        image: the reference by digest that was chosen for this revision.
        template: the rendered pod template, applied verbatim as long as the revision lives.
        number: one more than the highest of the MLApi's revisions.
        gpu: what the wanted GPU was resolved to; None where none is wanted.
        digest: what the revision is named after; by default the hash of the fields.
    """
    digest = digest or workload_hash(fields)
    name = names.revision(owner.name, digest)
    manifest = owner.child(CONTROLLER_REVISION, name, revision=name)
    manifest["revision"] = number
    manifest["data"] = {
        "spec": fields,
        "hash": digest,
        "resolved": {"image": image, **({"gpu": gpu} if gpu else {})},
        "template": template,
        "operatorVersion": __version__,
    }
    return manifest


def annotated(
    owner: Owner, revision: Manifest, annotations: dict[str, str], *, number: int | None = None
) -> Manifest:
    """A live ControllerRevision as it is to be applied with these annotations and no others of ours.

    Args:
        number: another place in the order; None to keep its own.
    """
    name = revision["metadata"]["name"]
    manifest = owner.child(CONTROLLER_REVISION, name, revision=name)
    if annotations:
        manifest["metadata"]["annotations"] = annotations
    return {**manifest, "revision": number or revision["revision"], "data": revision["data"]}


OURS: Final = (labels.RESULT, labels.REASON, labels.ANSWERED, labels.LATENCY)


def annotations(revision: Manifest) -> dict[str, str]:
    """Those of ours that a live ControllerRevision has."""
    found = revision["metadata"].get("annotations") or {}
    return {name: found[name] for name in OURS if name in found}
