"""How the pods of one revision are replaced by those of another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from mlapi_operator.api.rollout import Rollout
from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.devices import UNKNOWN, Devices
from mlapi_operator.observe.pods import Pod
from mlapi_operator.rollout.plan import Plan, Strategy

# So long a pod that was started beside the old ones waits for a GPU before one of them makes room.
FLIP_SECONDS: Final = 60.0

# Kubernetes' own, for a user who writes RollingUpdate and no numbers.
DEFAULT_PART: Final = "25%"

READ_WRITE_ONCE: Final = "ReadWriteOnce"
READ_WRITE_ONCE_POD: Final = "ReadWriteOncePod"
SHARED_MODES: Final = frozenset({"ReadWriteMany", "ReadOnlyMany"})


class Choice(NamedTuple):
    """
    Attributes:
        needs_device: as in `Plan`.
    """

    strategy: Strategy
    reason: str
    needs_device: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What `Auto` decides by.

    Attributes:
        devices: None where no GPU is asked for.
        claim: name of the PersistentVolumeClaim that the pods mount; None where they mount none.
        access_modes: of that claim; None where it cannot be read.
        makes_room: an old pod that ends leaves enough devices for a new one.
    """

    devices: Devices | None = None
    makes_room: bool = True
    claim: str | None = None
    access_modes: Sequence[str] | None = ()


def choice(rollout: Rollout, room: Room) -> Choice:
    if rollout.strategy == "Auto":
        return automatic(room)
    return Choice(rollout.strategy, f"spec.rollout.strategy is {rollout.strategy}")


def automatic(room: Room) -> Choice:
    if room.claim and room.access_modes is None:
        return Choice(
            "InPlace",
            f"the operator cannot read PersistentVolumeClaim {room.claim}: it may be for one node alone",
        )
    modes = frozenset(room.access_modes or ())
    if room.claim and not modes & SHARED_MODES:
        if READ_WRITE_ONCE_POD in modes:
            return Choice("Recreate", f"PersistentVolumeClaim {room.claim} is {READ_WRITE_ONCE_POD}")
        if READ_WRITE_ONCE in modes:
            return Choice("InPlace", f"PersistentVolumeClaim {room.claim} is {READ_WRITE_ONCE}")
    if room.devices is None:
        return Choice("Surge", "new pods need no GPU: each is ready before an old one ends")
    return by_devices(room.devices, room.makes_room)


def by_devices(devices: Devices, makes_room: bool) -> Choice:
    name, count = devices.resource_name, devices.per_replica
    if UNKNOWN in (devices.matching_nodes, devices.free_slots):
        return Choice(
            "Surge", f"the operator may not read nodes: whether {count} x {name} is free is tried out", True
        )
    if devices.matching_nodes == 0:
        return Choice(
            "Surge",
            f"no node has the wanted GPU ({name}): the old pods stay until one has",
            needs_device=True,
        )
    if devices.free_slots >= 1:
        return Choice(
            "Surge", f"{count} x {name} is free: each new pod is ready before an old one ends", True
        )
    if not makes_room:
        return Choice(
            "Surge",
            f"no node has {count} x {name} free, nor would if an old pod ended: they stay until one has",
            needs_device=True,
        )
    return Choice(
        "InPlace", f"no node has {count} x {name} free: each old pod ends before its successor starts"
    )


def flipped(plan: Plan, pods: Iterable[Pod], resource_name: str, now: datetime) -> Plan | float:
    """The plan as it goes on, once a GPU turned out not to be free; else in how many seconds to look again.

    Args:
        pods: live ones of the revision that is rolled out.
        resource_name: such as `nvidia.com/gpu`.
    Returns:
        Infinity if no pod waits for one, or none would be helped.
    """
    if not (plan.automatic and plan.strategy == "Surge" and plan.needs_device):
        return float("inf")
    waiting = [
        (now - pod.created_at).total_seconds()
        for pod in pods
        if pod.created_at and f"Insufficient {resource_name}" in pod.unschedulable
    ]
    if not waiting:
        return float("inf")
    if max(waiting) < FLIP_SECONDS:
        return FLIP_SECONDS - max(waiting)
    return replace(
        plan,
        strategy="InPlace",
        reason=f"a new pod waited {FLIP_SECONDS:.0f} s for {resource_name} and none became free: each old "
        "pod ends before its successor starts",
    )


def manifest(strategy: Strategy | None, rollout: Rollout) -> Manifest:
    """`spec.strategy` of the Deployment."""
    if strategy == "Recreate":
        return {"type": "Recreate"}
    surge, unavailable = numbers(strategy, rollout)
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }


def numbers(strategy: Strategy | None, rollout: Rollout) -> tuple[int | str, int | str]:
    """maxSurge and maxUnavailable: pods, or a percentage of the replicas."""
    if strategy == "InPlace":
        return 0, 1
    if strategy != "RollingUpdate":
        return 1, 0
    return (
        DEFAULT_PART if rollout.max_surge is None else rollout.max_surge,
        DEFAULT_PART if rollout.max_unavailable is None else rollout.max_unavailable,
    )
