"""Verdicts are written at once, steps wait for the next: a start stays within its budget of requests."""

from typing import Any

import pytest

from mlapi_operator.status.compose import status
from mlapi_operator.status.pace import COUNT_SECONDS, STEP_SECONDS, patience, same, urgent
from mlapi_operator.status.transitions import transitions
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import NOW, controller_revision, facts_of, pod

Object = dict[str, Any]
R = "digits-11111111"
PASSED = {"at": "2026-01-01T00:00:06Z"}


def state(pod_status: Object | None, smoke: Object | None = None, generation: int = 1) -> Object:
    manifest = mlapi({})
    manifest["metadata"].update(uid="u", generation=generation)
    recorded: Object = {"revision": R, "revisions": [controller_revision(R)], "smoke": smoke}
    recorded["pods"] = [pod("p", R, pod_status)] if pod_status is not None else []
    return status(manifest, facts_of(manifest, recorded), NOW)


FIRST = state(None)
READY = state(kubelet.ready(), PASSED)
UNREACHABLE = {**PASSED, "reason": "Unreachable", "message": "no connection"}
WRONG = {**PASSED, "reason": "WrongStatus", "message": "503"}
STEPS = {
    "scheduled": (FIRST, state({"phase": "Pending"})),
    "downloading": (FIRST, state(kubelet.fetching())),
    "loading": (state(kubelet.fetching()), state(kubelet.loading())),
    "a pod is ready": (state(kubelet.loading()), state(kubelet.ready())),
    "asked before the nodes know the pod": (
        state(kubelet.ready()),
        state(kubelet.ready(), UNREACHABLE),
    ),
}
VERDICTS = {
    "first look": ({"observedGeneration": -1}, FIRST, []),
    "new generation": (READY, state(kubelet.ready(), PASSED, generation=2), []),
    "answered": (state(kubelet.ready()), READY, ["Ready"]),
    "no node": (FIRST, state(kubelet.unschedulable("no nodes available")), ["NoMatchingNode"]),
    "out of memory": (READY, state(kubelet.crashed(137, reason="OOMKilled")), ["OOMKilled"]),
    "wrong answer": (state(kubelet.ready()), state(kubelet.ready(), WRONG), ["WrongStatus"]),
    "no longer reachable": (READY, state(kubelet.ready(), UNREACHABLE), ["Unreachable"]),
    "lost its pod": (READY, state(None), []),
}


@pytest.mark.parametrize(("before", "after"), STEPS.values(), ids=STEPS)
def test_step_of_a_start_can_wait(before: Object, after: Object) -> None:
    assert not urgent(before, after)
    assert patience(before, after) == STEP_SECONDS


@pytest.mark.parametrize(("before", "after", "events"), VERDICTS.values(), ids=VERDICTS)
def test_verdict_is_written_at_once_and_told_as_an_event(
    before: Object, after: Object, events: list[str]
) -> None:
    assert urgent(before, after)
    assert patience(before, after) == 0
    assert [reason for _, reason, _ in transitions(before, after)] == events


def with_gpu(pod_status: Object, nodes: int, free: int, smoke: Object | None = None, **more: Any) -> Object:
    """Status of an MLApi with a GPU, while the cluster has so many nodes with so many free devices."""
    manifest = mlapi({"gpu": {}})
    manifest["metadata"].update(uid="u", generation=1)
    devices = {"resource_name": "nvidia.com/gpu", "per_replica": 1, "matching_nodes": nodes, **more}
    recorded = {
        "revision": R,
        "revisions": [controller_revision(R)],
        "pods": [pod("p", R, pod_status)],
        "smoke": smoke,
        "devices": {**devices, "free_devices": free, "free_slots": free},
    }
    return status(manifest, facts_of(manifest, recorded), NOW)


def waiting(nodes: int) -> Object:
    return kubelet.unschedulable(f"0/{nodes + 7} nodes are available: {nodes} Insufficient nvidia.com/gpu.")


def test_free_devices_of_an_api_that_is_ready_are_never_worth_a_write() -> None:
    before, after = (with_gpu(kubelet.ready(), nodes, nodes, PASSED) for nodes in (0, 3))
    assert before["gpu"] != after["gpu"]
    assert same(before, after)
    assert not same(before, with_gpu(kubelet.loading(), 3, 3))


@pytest.mark.parametrize("nodes", [1, 4])
def test_number_of_nodes_that_a_pod_waits_for_is_written_at_leisure(nodes: int) -> None:
    before, after = (with_gpu(waiting(number), number, 0) for number in (3, nodes))
    assert not same(before, after)
    assert patience(before, after) == COUNT_SECONDS


def test_another_cause_of_the_wait_is_written_soon() -> None:
    none = with_gpu(waiting(3), 3, 0)
    assert patience(none, with_gpu(waiting(3), 3, 2)) == STEP_SECONDS
    near = with_gpu(waiting(3), 0, 0, near_miss="spec.gpu.count: the largest node has 4; lower it")
    assert patience(none, near) == STEP_SECONDS


def test_plain_counts_of_the_scheduler_are_written_at_leisure_too() -> None:
    before, after = (
        state(kubelet.unschedulable(f"0/{nodes} nodes are available: {nodes} Insufficient cpu."))
        for nodes in (3, 4)
    )
    assert patience(before, after) == COUNT_SECONDS
