"""status.gpu: which GPUs the pods could use, and why one waits."""

from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.devices import UNKNOWN
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.conditions import cut
from mlapi_operator.status.scheduling import NO_GPU, lacks_gpu, waits_for_gpu

PRODUCTS: Final = 64
MESSAGE_BYTES: Final = 1024
NOT_READABLE: Final = "nodes may not be read, so nothing is counted"


def section(facts: Facts, scheduled: Objection | None, previous: Manifest | None) -> Manifest | None:
    """
    Args:
        scheduled: the objection to Scheduled.
        previous: status.gpu so far; it stays while nothing could be counted.
    """
    devices = facts.devices
    if devices is None:
        return previous if facts.spec is None or facts.spec.gpu else None
    shown: Manifest = {
        "resourceName": devices.resource_name,
        "perReplica": devices.per_replica,
        "products": list(devices.products[:PRODUCTS]),
        "matchingNodes": devices.matching_nodes,
        "freeDevices": devices.free_devices,
    }
    if said := message(facts, scheduled):
        shown["message"] = cut(said, MESSAGE_BYTES)
    return shown


def message(facts: Facts, scheduled: Objection | None) -> str:
    devices = facts.devices
    if devices is None:
        return ""
    if scheduled and waits_for_gpu(facts, scheduled):
        return scheduled.message
    if devices.matching_nodes == UNKNOWN:
        return NOT_READABLE
    if lacks_gpu(facts):
        return f"no node can run the pods: {devices.near_miss or NO_GPU}"
    if devices.free_slots == 0:
        return f"no room for a further pod: {on_update(facts)}"
    return ""


def on_update(facts: Facts) -> str:
    strategy = facts.spec.rollout.strategy if facts.spec else "Auto"
    if strategy == "RollingUpdate":
        return "an update waits for a free device unless spec.rollout.maxUnavailable lets an old pod go first"
    return "an update replaces pods in place, each is away while its successor starts"
