"""When a child counts as written already."""

from typing import Any

import pytest

from mlapi_operator.children import annotated, covers, digest, fingerprint

Object = dict[str, Any]


WANTED: Object = {
    "metadata": {"name": "digits", "labels": {"a": "b"}},
    "spec": {"ports": [{"name": "http", "port": 80}], "selector": {"x": "y"}},
}
LIVE: Object = {
    "metadata": {"name": "digits", "labels": {"a": "b", "theirs": "c"}, "resourceVersion": "7"},
    "spec": {
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "selector": {"x": "y"},
        "replicas": 3,
    },
    "status": {"ready": 1},
}
SAME = {
    "label of another": {"metadata": {**LIVE["metadata"], "labels": {"a": "b", "other": "d"}}},
    "status and version": {
        "metadata": {**LIVE["metadata"], "resourceVersion": "8"},
        "status": {"ready": 2},
    },
    "replicas, which another manager writes": {"spec": {**LIVE["spec"], "replicas": 5}},
}
OTHER = {
    "own label": {"metadata": {**LIVE["metadata"], "labels": {"a": "x"}}},
    "spec": {"spec": {**LIVE["spec"], "ports": []}},
    "field of another in the spec": {"spec": {**LIVE["spec"], "type": "NodePort"}},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_change_that_is_not_ours_causes_no_write(change: Object) -> None:
    assert fingerprint({**LIVE, **change}, WANTED) == fingerprint(LIVE, WANTED)


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_change_of_what_we_wrote_causes_a_write(change: Object) -> None:
    assert fingerprint({**LIVE, **change}, WANTED) != fingerprint(LIVE, WANTED)


def test_live_object_covers_what_was_applied_whatever_was_added() -> None:
    assert covers(LIVE, WANTED)
    assert not covers(LIVE, {"spec": {"selector": {"x": "z"}}})
    assert not covers(LIVE, {"spec": {"ports": [{"name": "http"}, {"name": "more"}]}})
    assert not covers(LIVE, annotated(WANTED, digest(WANTED)))
