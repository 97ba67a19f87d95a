"""Which pods are read, and what for.

The rule of trust: a pod counts for an MLApi if its controller is the ReplicaSet that the Deployment
controller names after our Deployment and the pod's own template hash. A pod that only claims so is deleted by
the garbage collector (wrong uid) or by the ReplicaSet controller (one too many). Its address is what the
kubelet reported, never the host's; what it answers must name the revision of its label, so that an address
that went to another pod counts for nobody.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any, Final, Literal

from mlapi_operator.api.types import Manifest

SERVER: Final = "server"
FETCH: Final = "fetch"


@dataclass(frozen=True, slots=True)
class Target:
    """A pod to read: its stats while the server runs, the progress while the model is fetched."""

    uid: str
    name: str
    revision: str
    address: str
    what: Literal["Stats", "Progress"]
    ending: bool


def target(pod: Manifest, deployment: str) -> Target | None:
    """What to read of a pod, None if nothing.

    A server that is ending, or not ready any more, still holds counts: it is read from its start to its exit.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    revision = metadata["labels"].get("mlapi.dev/revision")
    address = status.get("podIP")
    if not revision or not address or status.get("phase") not in ("Pending", "Running"):
        return None
    if not _ours(metadata, deployment) or not _own_address(address, pod["spec"], status):
        return None
    what: Literal["Stats", "Progress"]
    if (container := _running(status.get("containerStatuses"), SERVER)) and container.get("started"):
        what = "Stats"
    elif _running(status.get("initContainerStatuses"), FETCH):
        what = "Progress"
    else:
        return None
    host = f"[{address}]" if ":" in address else address
    return Target(metadata["uid"], metadata["name"], revision, host, what, "deletionTimestamp" in metadata)


def _ours(metadata: dict[str, Any], deployment: str) -> bool:
    template = metadata["labels"].get("pod-template-hash")
    return any(
        owner.get("controller")
        and owner["kind"] == "ReplicaSet"
        and owner["name"] == f"{deployment}-{template}"
        for owner in metadata.get("ownerReferences") or ()
    )


def _own_address(address: str, spec: dict[str, Any], status: dict[str, Any]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (
        spec.get("hostNetwork") or address == status.get("hostIP") or ip.is_loopback or ip.is_link_local
    )


def _running(statuses: list[dict[str, Any]] | None, name: str) -> dict[str, Any] | None:
    return next(
        (
            found
            for found in statuses or ()
            if found["name"] == name and "running" in (found.get("state") or {})
        ),
        None,
    )
