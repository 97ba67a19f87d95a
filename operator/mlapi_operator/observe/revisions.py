"""The revisions of an MLApi, from its ControllerRevisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels


@dataclass(frozen=True, slots=True)
class Revision:
    """
    Attributes:
        number: order of creation.
        created_at: as the API server wrote it.
        image: reference by digest.
        provided: the image came from the spec, not from the operator's settings.
        result: annotated, such as `Active`; empty until it served.
        latency: annotated digest as JSON; empty until it was superseded.
    """

    name: str
    number: int
    hash: str
    framework: str
    image: str
    provided: bool
    created_at: str = ""
    result: str = ""
    latency: str = ""

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
            result=annotations.get(labels.RESULT, ""),
            latency=annotations.get(labels.LATENCY, ""),
        )


def revisions(manifests: Iterable[Manifest]) -> tuple[Revision, ...]:
    """Newest first."""
    return tuple(sorted(map(Revision.of, manifests), key=lambda revision: -revision.number))
