"""Scheduled: what the scheduler says about pods that it finds no node for."""

import re
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.chain import Check

# `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s) {a: b}. preemption: ...`
PREEMPTION: Final = re.compile(r"\.? ?preemption:.*", re.DOTALL)
TAINT: Final = re.compile(r"untolerated taint(?:\(s\))? ?\{([^}]*)\}")
# Every cluster has nodes that carry these; they are seldom what a user should tolerate.
SYSTEM_TAINTS: Final = ("node-role.kubernetes.io/", "node.kubernetes.io/")


def placed(facts: Facts) -> Objection | None:
    message = next((pod.unschedulable for pod in facts.updated if pod.unschedulable), "")
    return unschedulable(message) if message else None


def unschedulable(message: str) -> Objection:
    """The node that came closest decides: the scheduler asks for taints, then labels, then room."""
    cause = PREEMPTION.sub("", message)
    if "Insufficient cpu" in cause:
        return Objection(
            conditions.INSUFFICIENT_CPU, f"{cause}; lower spec.resources.requests.cpu or add a node"
        )
    if "Insufficient memory" in cause:
        return Objection(
            conditions.INSUFFICIENT_MEMORY, f"{cause}; lower spec.resources.requests.memory or add a node"
        )
    taints = [taint for taint in TAINT.findall(cause) if not taint.startswith(SYSTEM_TAINTS)]
    no_other_cause = "untolerated taint" in cause and "match" not in cause
    if taints or no_other_cause:
        return Objection(
            conditions.UNTOLERATED_TAINT, f"{cause}; tolerate the taint in spec.scheduling.tolerations"
        )
    return Objection(
        conditions.NO_MATCHING_NODE, f"{cause}; change spec.scheduling.nodeSelector or label a node"
    )


SCHEDULED: Final[tuple[Check, ...]] = (placed,)
