"""What a start spent its time on, from Kubernetes' whole seconds and the fetch's own."""

from typing import Any

from mlapi_operator.status.compose import status
from mlapi_operator.status.startup import section
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import NOW, controller_revision, facts_of, pod

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


def test_start_is_kept_while_nothing_is_known_of_the_revision() -> None:
    assert section(facts_of(mlapi({}), {"waiting": "Service digits is being deleted"}), WHOLE, False) == WHOLE


def test_clocks_that_disagree_give_no_negative_time() -> None:
    late = kubelet.pod_status(
        kubelet.fetched(), kubelet.running("server", since="2026-01-01T00:00:09Z"), ready=True
    )
    found = startup(late)
    assert found is not None
    assert found["loadSeconds"] == 0


def replacing(pods: list[Object], began: str, previous: Object | None, **annotations: str) -> Object | None:
    """status.startup of a revision that replaces another since `began`, so far of the one before."""
    recorded = {
        "revision": R,
        "revisions": [controller_revision(R, 2, **annotations)],
        "pods": pods,
        "smoke": ANSWERED,
        "rollout": {"started_at": began},
    }
    manifest = mlapi({})
    manifest["metadata"].update(uid="u", generation=2)
    shown = {"rollout": {"revision": R, "startTime": "2025-12-24T00:00:00Z"}, "startup": previous}
    found: Object = status({**manifest, "status": shown}, facts_of(manifest, recorded), NOW)["startup"]
    return found


BEFORE = {**WHOLE, "loadSeconds": 77, "firstAnswerSeconds": 99}


def test_revision_that_replaces_another_has_a_start_of_its_own() -> None:
    found = replacing([pod("p", R, kubelet.ready())], "2026-01-01T00:00:00Z", BEFORE)
    assert found == {**WHOLE, "firstAnswerSeconds": 6}


def test_pods_that_are_back_after_a_rollback_were_not_started_by_it() -> None:
    back = [pod("p", R, kubelet.ready())]
    answered = {"mlapi.dev/result": "Active", "mlapi.dev/answered": "2026-01-01T00:00:04Z"}
    found = replacing(back, "2026-01-01T00:00:30Z", BEFORE, **answered)
    assert found == {**WHOLE, "firstAnswerSeconds": 4}
    unknown = replacing(back, "2026-01-01T00:00:30Z", BEFORE, **{"mlapi.dev/result": "Active"})
    assert unknown == WHOLE


def test_pods_that_a_rollback_starts_anew_are_measured() -> None:
    answered = {"mlapi.dev/result": "Active", "mlapi.dev/answered": "2025-12-31T00:00:00Z"}
    found = replacing([pod("p", R, kubelet.ready())], "2026-01-01T00:00:00Z", BEFORE, **answered)
    assert found == {**WHOLE, "firstAnswerSeconds": 6}
