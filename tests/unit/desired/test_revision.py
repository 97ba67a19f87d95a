"""A new revision exists if and only if something that the pods are made of changes."""

from typing import Any

import pytest
from hypothesis import given

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired.revision import workload, workload_hash
from tests.support.mlapis import framework, merged, mlapi, model, provided
from tests.support.strategies import valid_mlapis

Object = dict[str, Any]


def hash_of(change: Object) -> str:
    return workload_hash(workload(parse(mlapi(change))))


SAME: dict[str, Object] = {
    "replicas": {"replicas": 3},
    "slo": {"slo": {"maxErrorPercent": 1}},
    "suspend": {"suspend": True},
    "smoke test": {"probe": {"smokeTest": {"intervalSeconds": 5}}},
    "a default written out": {
        "serving": {"workers": 1, "fastPath": True},
        "resources": {"requests": {"cpu": "250m"}},
    },
    "how pods are replaced": {"rollout": {"strategy": "Recreate", "paused": True, "bakeSeconds": 5}},
    "how many pods a drain takes": {"disruption": {"maxUnavailable": 2}},
    "empty members": {"serving": {}, "scheduling": {"nodeSelector": {}}, "podMetadata": {"labels": {}}},
}
OTHER: dict[str, Object] = {
    "framework": framework("Litestar"),
    "framework once more": framework("DjangoNinja"),
    "image": provided({}),
    "own application": provided(framework("FastAPI", app="api:app")),
    "another application of the same image": provided(framework("FastAPI", app="api:other")),
    "handler": provided(model(format="Python", handler="m:C")),
    "another handler of the same image": provided(model(format="Python", handler="m:D")),
    "way of the protocol": {"serving": {"fastPath": False}},
    "model": {"model": {"uri": "https://models.example.com/other.onnx"}},
    "checksum": {"model": {"sha256": "ab" * 32}},
    "workers": {"serving": {"workers": 2}},
    "variable": {"env": [{"name": "A", "value": ""}]},
    "order of variables": {"env": [{"name": "B", "value": "1"}, {"name": "A", "value": "1"}]},
    "request": {"resources": {"requests": {"cpu": "251m"}}},
    "startup timeout": {"probe": {"startupTimeoutSeconds": 5}},
    "node": {"scheduling": {"nodeSelector": {"a": "b"}}},
    "toleration of everything": {"scheduling": {"tolerations": [{"operator": "Exists"}]}},
    "GPU": {"gpu": {}},
    "two GPUs": {"gpu": {"count": 2}},
    "product": {"gpu": {"products": ["H100"]}},
    "queue": {"scheduling": {"queueName": "research"}},
    "user": {"security": {"runAsUser": 1000}},
    "token": {"rollout": {"retryToken": "a"}},
    "other token": {"rollout": {"retryToken": "b"}},
    "logging": {"observability": {"logRequests": "Metadata"}},
    "label of pods": {"podMetadata": {"labels": {"a": "b"}}},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_revision_stays_when_no_pod_would_differ(change: Object) -> None:
    assert hash_of(change) == hash_of({})


def test_revision_is_new_for_each_part_of_the_workload() -> None:
    assert len({hash_of({}), *map(hash_of, OTHER.values())}) == len(OTHER) + 1


@given(valid_mlapis)
def test_hash_does_not_depend_on_the_order_of_fields(manifest: Object) -> None:
    turned = {**manifest, "spec": dict(reversed(manifest["spec"].items()))}
    assert workload_hash(workload(parse(turned))) == workload_hash(workload(parse(manifest)))


@given(valid_mlapis)
def test_hash_of_what_a_later_crd_would_store_is_the_same(manifest: Object) -> None:
    """Defaults that the API server fills in are stored with the object."""
    spec = parse(manifest)
    stored = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    if spec.probe.smoke_test.path is None:
        for member in ("method", "body"):
            stored["probe"]["smokeTest"].pop(member, None)
    full = {**manifest, "spec": merged(stored, {})}
    assert workload_hash(workload(parse(full))) == workload_hash(workload(spec))
