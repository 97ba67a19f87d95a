"""A pod holds what the scheduler sets aside for it, until it is over."""

from typing import Any

import pytest

from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.usage import held

GPU = "nvidia.com/gpu"


def container(gpus: int | str | None = None, *, sidecar: bool = False, resource: str = GPU) -> dict[str, Any]:
    resources = {"limits": {resource: str(gpus), "cpu": "2"}} if gpus is not None else {}
    return {"resources": resources} | ({"restartPolicy": "Always"} if sidecar else {})


@pytest.mark.parametrize(
    ("init", "containers", "expected"),
    [
        ([], [container(2)], 2),
        ([], [container(1), container(2), container()], 3),
        ([container(1)], [container(2)], 2),
        ([container(4)], [container(2)], 4),
        ([container(3), container(4)], [container(2)], 4),
        ([container(1, sidecar=True)], [container(2)], 3),
        ([container(1, sidecar=True), container(4)], [container(2)], 5),
        ([container(4), container(1, sidecar=True)], [container(2)], 4),
        ([], [container()], 0),
        ([], [container("many")], 0),
    ],
)
def test_devices_held_are_those_of_containers_init_containers_and_sidecars(
    init: list[Any], containers: list[Any], expected: int
) -> None:
    assert held({"spec": {"initContainers": init, "containers": containers}}).get(GPU, 0) == expected


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"status": {"phase": "Running"}}, 1),
        ({"status": {"phase": "Pending"}}, 1),
        ({"status": {"phase": "Running"}, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, 1),
        ({"status": {"phase": "Succeeded"}}, 0),
        ({"status": {"phase": "Failed"}}, 0),
        ({}, 1),
    ],
    ids=str,
)
def test_pod_holds_its_devices_until_it_is_over_also_while_terminating(
    pod: dict[str, Any], expected: int
) -> None:
    assert held({"spec": {"containers": [container(1)]}, **pod}).get(GPU, 0) == expected


def test_each_resource_is_counted_apart() -> None:
    mixed = [
        container(1),
        container(2, resource="nvidia.com/mig-1g.10gb"),
        container(1, resource="amd.com/gpu"),
    ]
    assert held({"spec": {"containers": mixed}}) == {GPU: 1, "nvidia.com/mig-1g.10gb": 2, "amd.com/gpu": 1}


@pytest.mark.parametrize(
    "manifest",
    [
        {"metadata": {"name": "a"}},
        {"metadata": {"name": "a", "labels": None}, "spec": None, "status": None},
        {
            "metadata": {"name": "a"},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"allocatable": {GPU: "-1", "amd.com/gpu": "1e3", "cpu": "x"}, "conditions": None},
        },
    ],
    ids=str,
)
def test_odd_node_is_read_without_devices(manifest: dict[str, Any]) -> None:
    node = Node.of(manifest)
    assert not any(node.allocatable.values())
    assert not node.ready
    assert node.schedulable
