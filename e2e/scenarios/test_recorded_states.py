"""What Argo CD, Flux, Helm and kubectl make of an MLApi agrees with its conditions in every state.

Runs last: it replays the states that a client saw while all the other scenarios ran.
"""

from pathlib import Path
from typing import Final

import pytest

from e2e.kube import Object, condition
from e2e.record import Recorder
from e2e.verdicts import judges, promised
from mlapi_operator.api.conditions import REASONS, Phase

pytestmark = pytest.mark.node

# What no scenario waits for, and why. Integration, golden and property tests produce these.
NOT_RECORDED: Final = {
    ("Accepted", "InvalidSpec"): "the CRD refuses such specs before anybody sees them",
    ("Accepted", "ConfigMapNotFound"): "the installed release has its authority",
    ("ImageReady", "Resolving"): "passes between two looks",
    ("ImageReady", "PullDenied"): "the cluster's registry has no accounts",
    ("ModelAvailable", "Resolving"): "passes between two looks",
    ("ModelAvailable", "NoSpace"): "would fill the machine",
    ("ModelAvailable", "DownloadOOM"): "fetching needs less than any limit that a container starts with",
    ("Scheduled", "UntoleratedTaint"): "only told where every node has a taint, also the one of the tests",
    ("Available", "CrashLoop"): "a server that the kernel kills; a model that fails to load says LoadFailed",
    ("Serving", "NotYetTried"): "passes between two looks",
    ("Serving", "TooSlow"): "no model of the scenarios takes seconds",
    ("Serving", "OldRevision"): "passes between two looks",
    ("Serving", "Unreachable"): "the cluster's network enforces no policies",
    ("LatencyWithinTarget", "WithinTarget"): "needs more traffic than most scenarios send",
    ("LatencyWithinTarget", "AboveTarget"): "depends on the machine",
    ("LatencyWithinTarget", "TooFewRequests"): "needs some traffic under an slo",
}


@pytest.fixture
def states(recorder: Recorder) -> list[Object]:
    found = recorder.states()
    if not found:
        pytest.skip("no scenario ran before")
    return found


def test_every_recorded_state_is_judged_alike_by_argo_cd_flux_and_kstatus(states: list[Object]) -> None:
    with judges() as asked:
        for state in states:
            assert asked.ask(state) == promised(state), (state["metadata"]["name"], state.get("status"))


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


def test_recorded_life_holds_every_phase_and_every_reason_but_those_explained(
    states: list[Object], request: pytest.FixtureRequest
) -> None:
    ran = {item.path for item in request.session.items}
    if request.session.testsfailed or not ran.issuperset(Path(__file__).parent.glob("test_*.py")):
        pytest.skip("not every scenario ran")
    assert {str(phase) for phase in Phase} - {state["status"].get("phase") for state in states} == set()
    recorded = {
        (found["type"], found["reason"])
        for state in states
        for found in state["status"].get("conditions", [])
    }
    assert {(str(each.condition), each.name) for each in REASONS} - recorded - set(NOT_RECORDED) == set()
