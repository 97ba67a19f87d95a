"""What a start spent its time on, from Kubernetes' whole seconds and the fetch's own."""

from typing import Any

from mlapi_operator.status.startup import section
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import controller_revision, facts_of, pod

Object = dict[str, Any]
R = "digits-11111111"
UNKNOWN = dict.fromkeys(
    ("scheduleSeconds", "imagePullSeconds", "downloadSeconds", "loadSeconds", "firstAnswerSeconds"), -1
)


def startup(*statuses: Object, smoke: Object | None = None, previous: Object | None = None) -> Object | None:
    pods = [pod(f"p{number}", R, status) for number, status in enumerate(statuses)]
    recorded = {"revision": R, "revisions": [controller_revision(R)], "pods": pods, "smoke": smoke}
    return section(facts_of(mlapi({}), recorded), previous, same_start=previous is not None)


ANSWERED = {"at": "2026-01-01T00:00:06Z"}
WHOLE = {**UNKNOWN, "scheduleSeconds": 0, "imagePullSeconds": 0, "downloadSeconds": 0, "loadSeconds": 3}


def test_start_that_has_not_begun_is_unknown() -> None:
    assert startup() == UNKNOWN
    assert startup(kubelet.unschedulable("no nodes")) == UNKNOWN


def test_steps_are_known_one_by_one() -> None:
    assert startup(kubelet.fetching()) == {**UNKNOWN, "scheduleSeconds": 0, "imagePullSeconds": 0}
    assert startup(kubelet.ready()) == WHOLE
    assert startup(kubelet.ready(), smoke=ANSWERED) == {**WHOLE, "firstAnswerSeconds": 6}


def test_first_pod_that_is_ready_counts_and_stays_whatever_comes_after() -> None:
    first = startup(kubelet.unschedulable("no nodes"), kubelet.ready(), smoke=ANSWERED)
    assert first == {**WHOLE, "firstAnswerSeconds": 6}
    assert startup(kubelet.fetching(), previous=first) == first
    assert startup(previous=WHOLE) == WHOLE


def test_clocks_that_disagree_give_no_negative_time() -> None:
    late = kubelet.pod_status(
        kubelet.fetched(), kubelet.running("server", since="2026-01-01T00:00:09Z"), ready=True
    )
    found = startup(late)
    assert found is not None
    assert found["loadSeconds"] == 0
