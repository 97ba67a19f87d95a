"""The revisions of an MLApi, from its ControllerRevisions."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.observe.times import moment

# As long a message status has room for.
REASON_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Revision:
    """
    Attributes:
        number: order of creation.
        created_at: as the API server wrote it.
        image: reference by digest.
        provided: the image came from the spec, not from the operator's settings.
        result: annotated, such as `Active`; empty until it was accepted or given up.
        reason: annotated: why it was rolled back, or on what grounds it was accepted; may be empty.
        answered_at: annotated: when it was first fully rolled out and answered, which is when its bake began.
        figures: annotated figures of latency by their name in status; empty until it was superseded.
    """

    name: str
    number: int
    hash: str
    framework: str
    image: str
    provided: bool
    created_at: str = ""
    result: str = ""
    reason: str = ""
    answered_at: datetime | None = None
    figures: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        metadata, data = manifest["metadata"], manifest["data"]
        annotations = metadata.get("annotations") or {}
        return cls(
            name=metadata["name"],
            number=manifest["revision"],
            hash=data["hash"],
            framework=data["spec"]["framework"]["name"],
            image=data["resolved"]["image"],
            provided="image" in data["spec"],
            created_at=metadata.get("creationTimestamp", ""),
            result=result if (result := annotations.get(labels.RESULT, "")) in labels.RESULTS else "",
            reason=annotations.get(labels.REASON, "")[:REASON_LIMIT],
            answered_at=answered(annotations.get(labels.ANSWERED)),
            figures=figures(annotations.get(labels.LATENCY, "{}")),
        )


def revisions(manifests: Iterable[Manifest]) -> tuple[Revision, ...]:
    """Newest first, without what somebody else made and gave to the MLApi."""
    ours = (manifest for manifest in manifests if "hash" in (manifest.get("data") or {}))
    return tuple(sorted(map(Revision.of, ours), key=lambda revision: -revision.number))


def answered(annotation: str | None) -> datetime | None:
    try:
        return moment(annotation)
    except (ValueError, OverflowError):
        return None


def figures(annotation: str) -> Mapping[str, int]:
    """Anybody may edit an annotation: what is not a number, or no percentage, is left out."""
    try:
        document = json.loads(annotation)
    except (ValueError, RecursionError):
        return {}
    found = document.items() if isinstance(document, dict) else ()
    return {
        name: value
        for name, value in found
        if type(value) is int and -1 <= value <= (100 if name.endswith("Percent") else 2**63 - 1)
    }
