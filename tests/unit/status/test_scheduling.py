"""The scheduler's message becomes the reason that tells what to change; its texts are those of 1.36."""

import pytest

from mlapi_operator.status.scheduling import unschedulable

TAIL = " preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
CASES = [
    (
        "labels match nowhere",
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
        "NoMatchingNode",
    ),
    ("no nodes at all", "no nodes available to schedule pods", "NoMatchingNode"),
    (
        "labels match but CPU is taken",
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector.",
        "InsufficientCPU",
    ),
    (
        "memory",
        "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient memory.",
        "InsufficientMemory",
    ),
    (
        "a taint of the user's nodes",
        "0/3 nodes are available: 1 node(s) had untolerated taint {example.com/gpu: yes}, "
        "2 node(s) didn't match Pod's node affinity/selector.",
        "UntoleratedTaint",
    ),
    (
        "control plane beside nodes that do not match",
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
        "2 node(s) didn't match Pod's node affinity/selector.",
        "NoMatchingNode",
    ),
    (
        "control plane alone",
        "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
        "UntoleratedTaint",
    ),
    (
        "several taints in the newer form",
        "0/2 nodes are available: 2 node(s) had untolerated taint(s) {example.com/gpu: yes}.",
        "UntoleratedTaint",
    ),
]


@pytest.mark.parametrize(("message", "reason"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_unschedulable_pod_names_what_to_change(message: str, reason: str) -> None:
    objection = unschedulable(message + TAIL)
    assert objection.reason.name == reason
    assert not objection.reason.stalls
    assert "reemption" not in objection.message
    assert message.rstrip(".") in objection.message
