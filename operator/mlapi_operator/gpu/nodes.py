"""A node of the cluster, as far as the choice of GPUs needs it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

from mlapi_operator.api.quantity import amount
from mlapi_operator.api.types import Manifest

NOTHING: Final = MappingProxyType[str, Any]({})


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True)
class Node:
    """
    Attributes:
        allocatable: extended resources alone, in devices.
        ready: the kubelet says so.
        schedulable: not cordoned.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    allocatable: dict[str, int] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    ready: bool = True
    schedulable: bool = True

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        metadata = manifest["metadata"]
        spec, status = manifest.get("spec") or NOTHING, manifest.get("status") or NOTHING
        return cls(
            name=metadata["name"],
            labels=dict(metadata.get("labels") or {}),
            allocatable=devices(status.get("allocatable")),
            taints=tuple(
                Taint(taint["key"], taint.get("value") or "", taint.get("effect") or "")
                for taint in spec.get("taints") or ()
            ),
            ready=_is_ready(status.get("conditions") or ()),
            schedulable=not spec.get("unschedulable"),
        )


def devices(resources: Manifest | None) -> dict[str, int]:
    """The extended resources of a list of resources; what is no number of devices counts as none."""
    return {name: count(value) for name, value in (resources or {}).items() if "/" in name}


def count(quantity: object) -> int:
    """Whole devices, 0 for what cannot be read."""
    try:
        return int(amount(str(quantity)))
    except ValueError:
        return 0


def _is_ready(conditions: Iterable[Manifest]) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
