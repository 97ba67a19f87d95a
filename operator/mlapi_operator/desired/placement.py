"""Which nodes the pods may run on: members of the pod's spec."""

from mlapi_operator.api.scheduling import Scheduling
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.spelled import plain, sparse


def placement(owner: Owner, scheduling: Scheduling) -> Manifest:
    affinity = sparse(scheduling.affinity) if scheduling.affinity else {}
    tolerations = [plain(toleration) for toleration in scheduling.tolerations]
    spreads = [spread(owner, sparse(each)) for each in scheduling.topology_spread_constraints]
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
