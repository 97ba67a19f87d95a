"""Scheduled: why pods find no node, in the scheduler's words and, for GPUs, in those of what was counted."""

import re
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.observe.devices import UNKNOWN, Devices
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.chain import Check

# `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s) {a: b}. no new claims to
# deallocate, preemption: ...`
PREEMPTION: Final = re.compile(r"\.? ?(no new claims to deallocate, )?preemption:.*", re.DOTALL)
TAINT: Final = re.compile(r"untolerated taint(?:\(s\))? ?\{([^}]*)\}")
# Every cluster has nodes that carry these; they are seldom what a user should tolerate.
SYSTEM_TAINTS: Final = ("node-role.kubernetes.io/", "node.kubernetes.io/")
# Extended resources have a domain in their name, those of Kubernetes itself have none.
DEVICE: Final = re.compile(r"Insufficient [a-z0-9-]+(\.[a-z0-9-]+)+/")
NO_GPU: Final = "none has the GPU that spec.gpu asks for, change it or add such a node"
# What else the scheduler may say, and what to do about it; its texts are those of 1.36.
OTHER_CAUSES: Final = (
    (
        re.compile('persistentvolumeclaim "'),
        "create the PersistentVolumeClaim that spec.model.uri names, or correct its name",
    ),
    (
        re.compile(r"ersistent|pvc\(s\)|volume|no available disk|free storage"),
        "the volume of spec.model.uri cannot be mounted there (kubectl describe pvc tells why)",
    ),
    (
        re.compile("Insufficient ephemeral-storage"),
        "lower spec.resources.requests.ephemeral-storage or add a node",
    ),
    (re.compile("Too many pods"), "add a node"),
    (re.compile("topology spread"), "relax spec.scheduling.topologySpreadConstraints or add a node"),
    (re.compile("affinity rules"), "relax spec.scheduling.affinity or add a node"),
    (re.compile("no nodes available|were unschedulable|free ports"), "add a node or uncordon one"),
)


def placed(facts: Facts) -> Objection | None:
    message = min((pod.unschedulable for pod in facts.updated if pod.unschedulable), default="")
    return unschedulable(message, facts) if message else None


def unschedulable(message: str, facts: Facts) -> Objection:
    """Room first: where nodes differ in what they lack, it is what may come by itself."""
    cause = PREEMPTION.sub("", message).rstrip(". ")
    if DEVICE.search(cause):
        return Objection(conditions.INSUFFICIENT_GPU, no_device(cause, facts))
    if "Insufficient cpu" in cause:
        return Objection(
            conditions.INSUFFICIENT_CPU, f"{cause}; lower spec.resources.requests.cpu or add a node"
        )
    if "Insufficient memory" in cause:
        return Objection(
            conditions.INSUFFICIENT_MEMORY, f"{cause}; lower spec.resources.requests.memory or add a node"
        )
    # Since 1.36 the scheduler no longer says which taint.
    taints = [taint for taint in TAINT.findall(cause) if not taint.startswith(SYSTEM_TAINTS)]
    no_other_cause = "untolerated taint" in cause and not re.search("match|satisfy|ersistent", cause)
    if taints or no_other_cause:
        return Objection(conditions.UNTOLERATED_TAINT, no_toleration(cause, facts))
    return Objection(conditions.NO_MATCHING_NODE, no_match(cause, facts))


def no_device(cause: str, facts: Facts) -> str:
    devices = facts.devices
    if devices is None or devices.matching_nodes == UNKNOWN:
        return f"{cause}; {remedy(facts)}"
    if devices.matching_nodes == 0:
        return no_match(cause, facts)
    if devices.free_slots > 0:
        return f"{counted(devices)}, yet the scheduler finds no room: {cause}"
    return f"{counted(devices)}; {remedy(facts)}"


def remedy(facts: Facts) -> str:
    if facts.outdated and facts.spec and facts.spec.rollout.strategy == "RollingUpdate":
        return (
            "free a device, add a node, or let an old pod go first: spec.rollout.maxUnavailable 1, or "
            "spec.rollout.strategy Auto"
        )
    fewer = ", lower spec.gpu.count" if facts.spec and facts.spec.gpu and facts.spec.gpu.count > 1 else ""
    return f"free a device{fewer} or add a node"


def no_match(cause: str, facts: Facts) -> str:
    if facts.devices and lacks_gpu(facts):
        return f"no node can run the pods: {facts.devices.near_miss or NO_GPU} (the scheduler: {cause})"
    other = next((remedy for words, remedy in OTHER_CAUSES if words.search(cause)), None)
    if other:
        return f"{cause}; {other}"
    gpu = "spec.gpu, " if facts.devices else ""
    taint = "tolerate the taint, " if "untolerated taint" in cause else ""
    return f"{cause}; {taint}change {gpu}spec.scheduling.nodeSelector or affinity, or label a node"


def no_toleration(cause: str, facts: Facts) -> str:
    if facts.devices and facts.devices.near_miss:
        return no_match(cause, facts)
    return f"{cause}; tolerate the taint in spec.scheduling.tolerations (kubectl describe nodes shows it)"


def counted(devices: Devices) -> str:
    """`3 nodes match spec.gpu, 1 of their devices is free, a pod needs 2 on one node`."""
    nodes, free = devices.matching_nodes, devices.free_devices
    match, its = ("1 node matches", "its") if nodes == 1 else (f"{nodes} nodes match", "their")
    left = "how many of" if free == UNKNOWN else f"{free} of"
    are = "are free is unknown" if free == UNKNOWN else "is free" if free == 1 else "are free"
    needed = "" if devices.per_replica == 1 else f", a pod needs {devices.per_replica} on one node"
    return f"{match} spec.gpu, {left} {its} devices {are}{needed}"


def lacks_gpu(facts: Facts) -> bool:
    """No node has the GPU at all, as far as the operator may look."""
    return facts.devices is not None and facts.devices.matching_nodes == 0


def waits_for_gpu(facts: Facts, objection: Objection | None) -> bool:
    """
    Args:
        objection: to Scheduled.
    """
    if objection is None:
        return False
    no_match = objection.reason is conditions.NO_MATCHING_NODE
    return objection.reason is conditions.INSUFFICIENT_GPU or (no_match and lacks_gpu(facts))


SCHEDULED: Final[tuple[Check, ...]] = (placed,)
