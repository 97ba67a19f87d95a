"""The scheduler's message becomes the reason that tells what to change; its texts are those of 1.36."""

from dataclasses import replace
from typing import Any

import pytest

from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.scheduling import placed
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import controller_revision, facts_of, pod

Object = dict[str, Any]
R = "digits-11111111"
OLD = "digits-00000000"


def devices(matching: int = -1, free: int = -1, slots: int = -1, **more: Any) -> Devices:
    return Devices(
        **{"resource_name": "nvidia.com/gpu", "per_replica": 1, **more},
        matching_nodes=matching,
        free_devices=free,
        free_slots=slots,
    )


TAIL = (
    " no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for "
    "scheduling."
)
CASES = [
    (
        "labels match nowhere",
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
        "NoMatchingNode",
        "spec.scheduling.nodeSelector",
    ),
    ("no nodes at all", "no nodes available to schedule pods", "NoMatchingNode", "add a node"),
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
    (
        "a taint beside nodes that do not match, of which 1.36 says no name",
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), "
        "2 node(s) didn't match Pod's node affinity/selector.",
        "NoMatchingNode",
        "tolerate the taint",
    ),
    (
        "pods must not stand together",
        "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
        "NoMatchingNode",
        "spec.scheduling.affinity",
    ),
    (
        "spread over zones",
        "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.",
        "NoMatchingNode",
        "spec.scheduling.topologySpreadConstraints",
    ),
    (
        "cordoned",
        "0/1 nodes are available: 1 node(s) were unschedulable.",
        "NoMatchingNode",
        "uncordon",
    ),
    (
        "room counts more than rules",
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match pod anti-affinity rules.",
        "InsufficientCPU",
    ),
    (
        "no room on the disk",
        "0/1 nodes are available: 1 Insufficient ephemeral-storage.",
        "NoMatchingNode",
        "spec.resources.requests.ephemeral-storage",
    ),
    (
        "the claim does not exist",
        '0/1 nodes are available: persistentvolumeclaim "models" not found.',
        "NoMatchingNode",
        "create the PersistentVolumeClaim",
    ),
    (
        "the claim has no volume",
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
        "NoMatchingNode",
        "kubectl describe pvc",
    ),
    (
        "the volume is elsewhere",
        "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
        "NoMatchingNode",
        "kubectl describe pvc",
    ),
]


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_unschedulable_pod_names_what_to_change(row: tuple[str, ...]) -> None:
    _, message, reason, *words = row
    objection = objection_of(message + TAIL)
    assert objection.reason.name == reason
    assert not objection.reason.stalls
    assert "reemption" not in objection.message
    assert "deallocate" not in objection.message
    assert message.rstrip(".") in objection.message
    assert all(word in objection.message for word in words)


TAKEN = (
    "0/5 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, "
    "3 Insufficient nvidia.com/gpu."
)
NO_LABELS = "0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector."
NEAR_MISS = "the best node has 81559Mi per device, spec.gpu.minMemory asks for 80Gi; write 80G"
GPUS = {
    "all taken": (
        TAKEN,
        devices(3, 0, 0),
        "InsufficientGPU",
        "3 nodes match spec.gpu, 0 of their devices are free; free a device",
    ),
    "one node, one device": (
        TAKEN,
        devices(1, 1, 0, per_replica=2),
        "InsufficientGPU",
        "1 node matches spec.gpu, 1 of its devices is free, a pod needs 2 on one node",
    ),
    "free by our count, not by the scheduler's": (
        TAKEN,
        devices(3, 4, 4),
        "InsufficientGPU",
        "4 of their devices are free, yet the scheduler finds no room: 0/5 nodes",
    ),
    "pods may not be read": (
        TAKEN,
        devices(3),
        "InsufficientGPU",
        "3 nodes match spec.gpu, how many of their devices are free is unknown; free a device",
    ),
    "the nodes' taint": (
        "0/1 nodes are available: 1 node(s) had untolerated taint(s).",
        devices(0, 0, 0, near_miss="the nodes are tainted team=a:NoSchedule; tolerate it"),
        "UntoleratedTaint",
        "team=a:NoSchedule",
    ),
    "nodes may not be read": (
        TAKEN,
        devices(),
        "InsufficientGPU",
        "3 Insufficient nvidia.com/gpu; free a device",
    ),
    "a slice": (
        TAKEN.replace("nvidia.com/gpu", "nvidia.com/mig-1g.10gb"),
        devices(3, 0, 0),
        "InsufficientGPU",
        "3 nodes match",
    ),
    "another vendor": (
        TAKEN.replace("nvidia.com/gpu", "gpu.intel.com/i915"),
        devices(3, 0, 0),
        "InsufficientGPU",
        "3 nodes match",
    ),
    "a near miss": (NO_LABELS, devices(0, 0, 0, near_miss=NEAR_MISS), "NoMatchingNode", NEAR_MISS),
    "no node comes near": (
        NO_LABELS,
        devices(0, 0, 0),
        "NoMatchingNode",
        "change it or add such a node",
    ),
    "no node has any": (
        "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        devices(0, 0, 0),
        "InsufficientGPU",
        "no node can run the pods: none has the GPU that spec.gpu asks for",
    ),
    "labels are gone since": (
        NO_LABELS,
        devices(2, 2, 2),
        "NoMatchingNode",
        "change spec.gpu, spec.scheduling",
    ),
}


@pytest.mark.parametrize(("message", "counted", "reason", "words"), GPUS.values(), ids=GPUS)
def test_pod_that_waits_for_a_gpu_says_what_was_counted_and_what_to_do(
    message: str, counted: Devices, reason: str, words: str
) -> None:
    objection = objection_of(message + TAIL, devices=counted)
    assert objection.reason.name == reason
    assert words in objection.message


def test_rolling_update_that_waits_for_a_gpu_names_the_strategies_that_need_none() -> None:
    spec = {"gpu": {}, "rollout": {"strategy": "RollingUpdate"}}
    objection = objection_of(TAKEN, spec=spec, devices=devices(3, 0, 0), beside=kubelet.ready())
    assert "spec.rollout.strategy Auto" in objection.message


def test_pods_that_are_refused_for_different_causes_always_tell_the_same_one() -> None:
    statuses = [kubelet.unschedulable(message + TAIL) for message in (TAKEN, NO_LABELS)]
    either_way = [
        placed(known(*(pod(name, R, status) for name, status in zip("ab", order, strict=True))))
        for order in (statuses, statuses[::-1])
    ]
    assert either_way[0] == either_way[1]


def objection_of(
    message: str, *, spec: Object | None = None, devices: Devices | None = None, beside: Object | None = None
) -> Objection:
    others = [pod("digits-5d9f-o", OLD, beside)] if beside else []
    objection = placed(
        known(pod("digits-77aa-n", R, kubelet.unschedulable(message)), *others, spec=spec, devices=devices)
    )
    assert objection is not None
    return objection


def known(*pods: Object, spec: Object | None = None, devices: Devices | None = None) -> Facts:
    recorded = {"revision": R, "revisions": [controller_revision(R)], "pods": pods}
    return replace(facts_of(mlapi(spec or {}), recorded), devices=devices)
