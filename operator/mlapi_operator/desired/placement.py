"""Which nodes the pods may run on: members of the pod's spec."""

from mlapi_operator.api.scheduling import Scheduling
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import gpu, labels
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.spelled import plain, sparse
from mlapi_operator.gpu.resolve import Resolved


def placement(owner: Owner, scheduling: Scheduling, resolved: Resolved | None) -> Manifest:
    """
    Args:
        resolved: the GPUs that the pods need; None without one.
    """
    affinity = sparse(scheduling.affinity) if scheduling.affinity else {}
    tolerations = [plain(toleration) for toleration in scheduling.tolerations]
    spreads = [spread(owner, sparse(each)) for each in scheduling.topology_spread_constraints]
    if resolved:
        affinity = gpu.affinity(resolved, affinity)
        tolerations += [each for each in gpu.tolerations(resolved) if each not in tolerations]
        spreads = spreads or [over_hosts(owner)]
    members: Manifest = {
        "nodeSelector": dict(scheduling.node_selector),
        "tolerations": tolerations,
        "affinity": affinity,
        "topologySpreadConstraints": spreads,
        "priorityClassName": scheduling.priority_class_name,
        "runtimeClassName": scheduling.runtime_class_name,
        "schedulerName": scheduling.scheduler_name,
    }
    return {name: value for name, value in members.items() if value}


def spread(owner: Owner, constraint: Manifest) -> Manifest:
    """Without a selector of its own it would count no pod at all."""
    return {"labelSelector": {"matchLabels": labels.pods(owner.name)}, **constraint}


def over_hosts(owner: Owner) -> Manifest:
    """A host with many GPUs should not take all replicas with it; better there than nowhere, though.

    Each revision is counted apart: an old one that leaves would leave the new one lopsided.
    """
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "matchLabelKeys": ["pod-template-hash"],
    }
    return spread(owner, constraint)
