"""What kubectl, Helm and the kstatus library make of an MLApi agrees with its conditions in every state.

Runs last: it replays the states that a client saw while all the other scenarios ran.
"""

import json
import subprocess

import pytest

from e2e.cluster.components import component
from e2e.kube import Object, condition
from e2e.record import Recorder

pytestmark = pytest.mark.node


@pytest.fixture
def states(recorder: Recorder) -> list[Object]:
    found = recorder.states()
    if not found:
        pytest.skip("no scenario ran before")
    return found


def test_kstatus_of_every_recorded_state_agrees_with_its_conditions(states: list[Object]) -> None:
    lines = "\n".join(json.dumps(state) for state in states)
    judged = subprocess.run(
        [component("kstatus")], input=lines, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(judged) == len(states)
    for state, line in zip(states, judged, strict=True):
        verdict = line.split("\t")[0]
        assert verdict == _expected(state), (line, state["metadata"]["name"], state.get("status"))


def test_stalled_and_reconciling_exist_only_while_true(states: list[Object]) -> None:
    for state in states:
        assert condition(state, "Stalled")["status"] in ("absent", "True")
        assert condition(state, "Reconciling")["status"] in ("absent", "True")


def test_last_transition_time_moves_only_when_the_status_flips(states: list[Object]) -> None:
    last: dict[str, dict[str, Object]] = {}
    for state in states:
        # Those that exist only while they are True begin anew each time.
        before = last.get(state["metadata"]["uid"], {})
        present = {found["type"]: found for found in state["status"].get("conditions", [])}
        for type, found in present.items():
            if type in before and before[type]["status"] == found["status"]:
                moved = before[type]["lastTransitionTime"] != found["lastTransitionTime"]
                assert not moved, (before[type], found)
        last[state["metadata"]["uid"]] = present


def test_observed_generation_is_never_ahead_and_never_partial(states: list[Object]) -> None:
    for state in states:
        observed = state["status"]["observedGeneration"]
        assert observed <= state["metadata"]["generation"]
        for found in state["status"].get("conditions", []):
            assert found["observedGeneration"] == observed


def test_no_state_ever_held_a_finalizer(states: list[Object]) -> None:
    for state in states:
        # Foreground deletion puts one of the garbage collector's own there.
        assert set(state["metadata"].get("finalizers", [])) <= {"foregroundDeletion"}


def _expected(state: Object) -> str:
    """The rules an MLApi promises: Failed only when Stalled, Current only when Ready."""
    if "deletionTimestamp" in state["metadata"]:
        return "Terminating"
    if state["status"]["observedGeneration"] != state["metadata"]["generation"]:
        return "InProgress"
    if condition(state, "Stalled")["status"] == "True":
        return "Failed"
    if condition(state, "Ready")["status"] == "True":
        return "Current"
    return "InProgress"
