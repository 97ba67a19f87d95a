"""Verdicts are written at once, steps wait for the next: a start stays within its budget of requests."""

from typing import Any

import pytest

from mlapi_operator.status.compose import status
from mlapi_operator.status.pace import urgent
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


@pytest.mark.parametrize(("before", "after", "events"), VERDICTS.values(), ids=VERDICTS)
def test_verdict_is_written_at_once_and_told_as_an_event(
    before: Object, after: Object, events: list[str]
) -> None:
    assert urgent(before, after)
    assert [reason for _, reason, _ in transitions(before, after)] == events
