"""The newest version of an object wins, however it came; what is gone stays gone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.api.kinds import CONFIG_MAP, DEPLOYMENT, MLAPI, POD
from mlapi_operator.api.types import Manifest
from mlapi_operator.store import Store

KEY = ("team-a", "digits")


def manifest(version: int, name: str = "digits", owner: str = "", **labels: str) -> Manifest:
    metadata: dict[str, Any] = {"namespace": "team-a", "name": name, "resourceVersion": str(version)}
    if owner:
        metadata["ownerReferences"] = [{"uid": "bystander"}, {"uid": owner, "controller": True}]
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, "spec": {}}


def held(store: Store, kind: Any = MLAPI) -> int:
    found = store.get(kind, KEY)
    return int(found["metadata"]["resourceVersion"]) if found else 0


def test_put_of_a_numerically_greater_version_replaces_and_of_an_older_or_equal_one_does_not() -> None:
    store = Store()
    assert store.put(MLAPI, manifest(9))
    assert store.put(MLAPI, manifest(10))
    assert not store.put(MLAPI, manifest(9))
    assert not store.put(MLAPI, manifest(10))
    assert held(store) == 10


def test_remove_with_an_older_version_than_the_known_one_keeps_it() -> None:
    store = Store()
    store.put(MLAPI, manifest(20))
    assert not store.remove(MLAPI, manifest(15))
    assert held(store) == 20


def test_put_of_a_late_answer_after_the_deletion_does_not_bring_the_object_back() -> None:
    store = Store()
    store.put(MLAPI, manifest(10))
    assert store.remove(MLAPI, manifest(12))
    assert not store.put(MLAPI, manifest(11))
    assert store.keys() == []
    assert store.put(MLAPI, manifest(13))
    assert store.keys() == [KEY]


def test_resync_removes_what_is_absent_unless_it_is_newer_than_the_list() -> None:
    store = Store()
    store.put(MLAPI, manifest(10, "old"))
    store.put(MLAPI, manifest(50, "new"))
    missed = store.resync(MLAPI, [manifest(12)], "40")
    assert store.keys() == [("team-a", "new"), KEY]
    assert sorted(each["metadata"]["name"] for each in missed) == ["digits", "old"]


def test_resync_of_one_namespace_leaves_the_others_alone() -> None:
    store = Store()
    store.put(MLAPI, manifest(10))
    assert store.resync(MLAPI, [], "40", "team-b") == []
    assert held(store) == 10
    assert len(store.resync(MLAPI, [], "40", "team-a")) == 1


def test_resync_with_what_is_known_already_has_missed_nothing() -> None:
    store = Store()
    store.put(MLAPI, manifest(10))
    assert store.resync(MLAPI, [manifest(10)], "40") == []


def test_put_of_a_late_answer_after_a_resync_found_the_object_gone_is_not_kept() -> None:
    store = Store()
    store.put(MLAPI, manifest(10))
    store.resync(MLAPI, [], "40")
    assert not store.put(MLAPI, manifest(30))


def test_owned_follows_the_controller_reference_and_its_change() -> None:
    store = Store()
    store.put(DEPLOYMENT, manifest(1, owner="u1"))
    store.put(CONFIG_MAP, manifest(1, owner="u1"))
    assert [each["metadata"]["name"] for each in store.owned(DEPLOYMENT, "u1")] == ["digits"]
    assert store.owned(DEPLOYMENT, "bystander") == []
    store.put(DEPLOYMENT, manifest(2, owner="u2"))
    assert store.owned(DEPLOYMENT, "u1") == []
    assert len(store.owned(DEPLOYMENT, "u2")) == 1
    store.remove(DEPLOYMENT, manifest(3))
    assert store.owned(DEPLOYMENT, "u2") == []


def test_pods_are_found_by_their_label_within_the_namespace() -> None:
    store = Store()
    store.put(POD, manifest(1, "digits-b", **{"mlapi.dev/name": "digits"}))
    store.put(POD, manifest(1, "digits-a", **{"mlapi.dev/name": "digits"}))
    store.put(POD, manifest(1, "other", **{"mlapi.dev/name": "other"}))
    assert [pod["metadata"]["name"] for pod in store.pods(KEY)] == ["digits-a", "digits-b"]
    assert store.pods(("team-b", "digits")) == []


def test_put_of_a_pod_drops_what_nobody_reads_and_leaves_the_callers_object_whole() -> None:
    container: Manifest = {
        "name": "server",
        "image": "i",
        "env": [{"name": "A"}],
        "resources": {"limits": {"memory": "1Gi"}},
    }
    pod: Manifest = {
        "metadata": {"namespace": "team-a", "name": "p", "resourceVersion": "1", "managedFields": [{}]},
        "spec": {"nodeName": "n", "volumes": [{}], "containers": [container]},
        "status": {"phase": "Running"},
    }
    store = Store()
    store.put(POD, pod)
    kept = store.get(POD, ("team-a", "p"))
    assert kept == {
        "metadata": {"namespace": "team-a", "name": "p", "resourceVersion": "1"},
        "spec": {
            "nodeName": "n",
            "containers": [{"name": "server", "image": "i", "resources": {"limits": {"memory": "1Gi"}}}],
        },
        "status": {"phase": "Running"},
    }
    assert "env" in container
    assert "managedFields" in pod["metadata"]


@given(st.permutations(range(12)), st.integers(0, 11))
def test_store_in_whatever_order_the_news_come_ends_with_the_newest(order: list[int], deleted: int) -> None:
    """One history of an object, deleted once in its middle, told in any order."""
    store = Store()
    for version in order:
        if version == deleted:
            store.remove(MLAPI, manifest(version + 1))
        else:
            store.put(MLAPI, manifest(version + 1))
    assert held(store) == (0 if deleted == 11 else 12)
