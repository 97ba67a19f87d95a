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
        "scheduling",
        "observability",
        "podMetadata",
    }
)
WORKLOAD_OF_PROBE: Final = frozenset({"startupTimeoutSeconds"})


def workload(spec: MLApiSpec) -> dict[str, Any]:
    """The workload fields that differ from their defaults.

    So a field that a later release adds changes no hash, and restarts nothing.
    """
    dumped = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    fields = {name: value for name, value in dumped.items() if name in WORKLOAD}
    probe = {name: value for name, value in dumped.get("probe", {}).items() if name in WORKLOAD_OF_PROBE}
    return without_empty({**fields, "probe": probe})


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
) -> Manifest:
    """
    Args:
        fields: from `workload`.
        image: the reference by digest that was chosen for this revision.
        template: the rendered pod template, applied verbatim as long as the revision lives.
        number: one more than the highest of the MLApi's revisions.
    """
    digest = workload_hash(fields)
    name = names.revision(owner.name, digest)
    manifest = owner.child(CONTROLLER_REVISION, name, revision=name)
    manifest["revision"] = number
    manifest["data"] = {
        "spec": fields,
        "hash": digest,
        "resolved": {"image": image},
        "template": template,
        "operatorVersion": __version__,
    }
    return manifest


def concluded(owner: Owner, revision: Manifest, result: str, latency: str | None) -> Manifest:
    """A live ControllerRevision as it is to be applied with its result.

    Args:
        result: `Active` or `Superseded`.
        latency: its last digest as JSON, None to keep the one it has.
    """
    metadata = revision["metadata"]
    annotations = {labels.RESULT: result}
    if digest := latency or (metadata.get("annotations") or {}).get(labels.LATENCY):
        annotations[labels.LATENCY] = digest
    manifest = owner.child(CONTROLLER_REVISION, metadata["name"], revision=metadata["name"])
    manifest["metadata"]["annotations"] = annotations
    return {**manifest, "revision": revision["revision"], "data": revision["data"]}
