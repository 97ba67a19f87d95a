"""A pod of the Deployment, as far as status needs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Self

from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.desired.containers import FETCH, SERVER
from mlapi_operator.observe.containers import Container
from mlapi_operator.observe.times import moment
from mlapi_operator.observe.wording import steady

# Before the kubelet has seen the pod.
NO_FETCH: Final = Container(FETCH)
NO_SERVER: Final = Container(SERVER)


@dataclass(frozen=True, slots=True)
class Pod:
    """
    Attributes:
        revision: of the template that made it.
        gone: being deleted, evicted or finished; it serves nobody and will not again.
        unschedulable: the scheduler's message; empty when it found a node or has not looked yet.
        gated: the scheduler is not to look yet, as a queue such as Kueue's has not admitted the pod.
        evicted: why the kubelet ended the whole pod; empty when it did not.
    """

    name: str
    revision: str
    gone: bool = False
    ready: bool = False
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    ready_at: datetime | None = None
    unschedulable: str = ""
    gated: bool = False
    evicted: str = ""
    fetch: Container = NO_FETCH
    server: Container = NO_SERVER

    @classmethod
    def of(cls, pod: Manifest) -> Self:
        metadata = pod["metadata"]
        status = pod.get("status") or {}
        conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
        scheduled = conditions.get("PodScheduled") or {}
        ready = conditions.get("Ready") or {}
        phase = status.get("phase", "Pending")
        gone = "deletionTimestamp" in metadata or phase in ("Failed", "Succeeded")
        worded = partial(steady, pod=metadata["name"], uid=metadata.get("uid", ""))
        containers = {
            entry["name"]: Container.of(entry, worded)
            for field in ("initContainerStatuses", "containerStatuses")
            for entry in status.get(field) or ()
        }
        held = scheduled.get("reason") if scheduled.get("status") == "False" else None
        return cls(
            name=metadata["name"],
            revision=(metadata.get("labels") or {}).get(labels.REVISION, ""),
            gone=gone,
            ready=not gone and ready.get("status") == "True",
            created_at=moment(metadata.get("creationTimestamp")),
            scheduled_at=since(scheduled),
            ready_at=since(ready),
            unschedulable=worded(scheduled.get("message", "")) if held == "Unschedulable" else "",
            gated=held == "SchedulingGated",
            evicted=status.get("message", "") if status.get("reason") == "Evicted" else "",
            fetch=containers.get(FETCH, NO_FETCH),
            server=containers.get(SERVER, NO_SERVER),
        )


def since(condition: Manifest) -> datetime | None:
    """When a condition became true."""
    return moment(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def pods(manifests: Iterable[Manifest], deployment: str) -> tuple[Pod, ...]:
    """Those that the Deployment's ReplicaSets made: a pod that someone labelled by hand is no replica.

    By name: where several pods fail, it is always the same one whose message is told.
    """
    found = (Pod.of(manifest) for manifest in manifests if is_replica(manifest, deployment))
    return tuple(sorted(found, key=lambda pod: pod.name))


def is_replica(pod: Manifest, deployment: str) -> bool:
    """The Deployment controller names a ReplicaSet after the Deployment and the hash of its template."""
    metadata = pod["metadata"]
    template = (metadata.get("labels") or {}).get("pod-template-hash")
    return any(
        owner.get("controller")
        and owner.get("kind") == "ReplicaSet"
        and owner.get("name") == f"{deployment}-{template}"
        for owner in metadata.get("ownerReferences") or ()
    )
