"""Which pods count, and what is read of them."""

from typing import Any

from mlapi_operator.observe.deployments import Deployment
from mlapi_operator.observe.pods import Pod, pods
from tests.support import kubelet
from tests.support.recorded import pod

Object = dict[str, Any]
R = "digits-11111111"


def one(status: Object, **metadata: Any) -> Pod:
    return Pod.of(pod("digits-5d9f-a", R, status, **metadata))


def test_pod_that_someone_labelled_by_hand_is_no_replica() -> None:
    by_hand = pod("mine", R, kubelet.ready(), ownerReferences=[])
    replica_set = {"kind": "ReplicaSet", "name": "other-5d9f", "controller": True}
    of_another = pod("other-5d9f-a", R, kubelet.ready(), ownerReferences=[replica_set])
    ours = pod("digits-5d9f-a", R, kubelet.ready())
    assert [each.name for each in pods([by_hand, of_another, ours], "digits")] == ["digits-5d9f-a"]


def test_ready_pod_that_is_being_deleted_serves_nobody() -> None:
    assert one(kubelet.ready()).ready
    leaving = one(kubelet.ready(), deletionTimestamp=kubelet.LOADED)
    assert (leaving.gone, leaving.ready) == (True, False)


def test_evicted_pod_is_gone_and_says_why() -> None:
    found = one({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})
    assert (found.gone, found.evicted) == (True, "The node was low on resource: memory.")


def test_pod_that_nobody_has_looked_at_is_unknown_in_everything() -> None:
    found = one({})
    assert (found.gone, found.ready, found.scheduled_at, found.unschedulable) == (False, False, None, "")
    assert not found.fetch.has_run


def test_restarted_container_keeps_how_it_ended_before() -> None:
    found = one(kubelet.crashed(139, "Segmentation fault")).server
    assert found.waiting == "CrashLoopBackOff"
    assert found.failed is not None
    assert (found.failed.exit_code, found.failed.message) == (139, "Segmentation fault")


def test_failure_to_create_pods_is_told_without_the_pods_name() -> None:
    message = 'pods "digits-5d9f-x2x4x" is forbidden: exceeded quota: team'
    condition = {"type": "ReplicaFailure", "status": "True", "message": message}
    found = Deployment.of({"status": {"conditions": [condition]}})
    assert found.create_failure == "pods is forbidden: exceeded quota: team"
