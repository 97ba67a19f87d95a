"""The pod asks for its devices and goes where both its user and its GPUs let it."""

from typing import Any

import pytest

from mlapi_operator.api.gpu import GPU
from mlapi_operator.desired import gpu as desired
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, resolve
from mlapi_operator.gpu.selectors import admits
from tests.unit.gpu.fleet import A100_80, GFD, H100, KINDS, T4

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def zone(*names: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "zone", "operator": "In", "values": list(names)}]}


def in_zone(node: Node, name: str) -> Node:
    return Node(node.name, {**node.labels, "zone": name}, node.allocatable)


def test_limits_are_the_devices_of_one_pod() -> None:
    assert desired.limits(resolve(GPU(count=4), KINDS)) == {"nvidia.com/gpu": "4"}
    assert desired.limits(resolve(GPU(mig_profile="1g.10gb"), KINDS)) == {"nvidia.com/mig-1g.10gb": "1"}


@pytest.mark.parametrize(
    ("terms", "allowed"),
    [
        ([zone("a")], {"a"}),
        ([zone("a"), zone("b")], {"a", "b"}),
        ([zone("a"), {}], {"a"}),
        ([{}], set()),
        (
            [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["h100"]}]}],
            {"a", "b", "c"},
        ),
    ],
)
def test_users_affinity_and_that_of_the_gpus_must_both_hold(
    terms: list[dict[str, Any]], allowed: set[str]
) -> None:
    resolved = resolve(GPU(products=["H100"], min_compute_capability="8.9"), KINDS)
    users = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
    pod = {"affinity": desired.affinity(resolved, users)}
    assert {name for name in "abc" if admits(pod, in_zone(H100, name))} == allowed
    assert not any(admits(pod, in_zone(T4, name)) for name in "abc")
    assert users == {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}


def test_users_preferences_and_pod_affinity_stay() -> None:
    resolved = resolve(GPU(products=["H100", "A100"]), KINDS)
    mine = {"weight": 7, "preference": zone("a")}
    spread = {PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}]}
    merged = desired.affinity(resolved, {"nodeAffinity": {PREFERRED: [mine]}, "podAntiAffinity": spread})
    assert merged["podAntiAffinity"] == spread
    assert merged["nodeAffinity"][PREFERRED] == [mine, *resolved.preferred]
    assert merged["nodeAffinity"][REQUIRED] == {"nodeSelectorTerms": list(resolved.required)}


def test_gpu_that_any_node_with_the_resource_has_needs_no_affinity() -> None:
    resolved = resolve(GPU(vendor="Intel"), None)
    assert desired.affinity(resolved, {}) == {}
    users = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [zone("a")]}}}
    assert desired.affinity(resolved, users) == users


def test_tolerations_are_those_that_were_resolved() -> None:
    kept = Resolved.of(resolve(GPU(), [A100_80]).manifest())
    assert desired.tolerations(kept) == [
        {"key": GFD, "operator": "Exists", "effect": "NoSchedule"},
        {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    ]
