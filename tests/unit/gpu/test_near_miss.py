"""Where no node will do, the sentence names the field, what the nearest nodes have, and what to write."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.api.gpu import GPU
from mlapi_operator.gpu.near_miss import near_miss
from mlapi_operator.gpu.nodes import Node, Taint
from mlapi_operator.gpu.resolve import resolve
from tests.unit.gpu import fleet
from tests.unit.gpu.fleet import (
    A100_40,
    A100_80,
    CPU,
    GFD,
    GKE_L4,
    H100,
    KINDS,
    L40S,
    MAX_1100,
    MI300X,
    MIG_MIXED,
    MIG_SINGLE,
    SLICED,
    T4,
    labelled,
)

UNTAINTED: dict[str, Any] = {}


def told(spec: dict[str, Any], nodes: Sequence[Node], pod: dict[str, Any] = UNTAINTED) -> str:
    gpu = GPU.model_validate(spec)
    return near_miss(gpu, resolve(gpu, nodes), pod, nodes)


@pytest.mark.parametrize(
    ("spec", "nodes", "sentence"),
    [
        (
            {"minMemory": "80Gi"},
            [H100, T4],
            "spec.gpu.minMemory: the best node has 81559Mi per device, you asked for 80Gi (81920Mi); "
            "did you mean 80G?",
        ),
        (
            {"minMemory": "48Gi"},
            [L40S],
            "spec.gpu.minMemory: the best node has 46068Mi per device, you asked for 48Gi (49152Mi); "
            "did you mean 48G?",
        ),
        (
            {"minMemory": "50000Mi"},
            [L40S],
            "spec.gpu.minMemory: the best node has 46068Mi per device, you asked for 50000Mi; "
            "did you mean 48G?",
        ),
        (
            {"minMemory": "80G"},
            [L40S],
            "spec.gpu.minMemory: the best node has 46068Mi per device, you asked for 80G (76293Mi); "
            "48G would match",
        ),
        (
            {"minMemory": "192Gi", "vendor": "AMD"},
            [MI300X],
            "spec.gpu.minMemory: the best node has 192G per device, you asked for 192Gi (196608Mi); "
            "did you mean 192G?",
        ),
        (
            {"minMemory": "64G", "vendor": "Intel"},
            [MAX_1100],
            "spec.gpu.minMemory: the best node has 49152Mi per device, you asked for 64G (61035Mi); "
            "51G would match",
        ),
        (
            {"minMemory": "11G", "migProfile": "1g.10gb"},
            [MIG_MIXED],
            "spec.gpu.minMemory: the best node has 9728Mi per device, you asked for 11G (10490Mi); "
            "did you mean 10G?",
        ),
        (
            {"minMemory": "1G"},
            [Node("new", {"cloud.google.com/gke-accelerator": "nvidia-h900"}, {GFD: 1})],
            "spec.gpu.minMemory: the nodes do not say how much memory their GPUs have, and the operator does "
            "not know these; remove minMemory and name products",
        ),
        (
            {"minComputeCapability": "8.0"},
            [T4],
            "spec.gpu.minComputeCapability: the best node has 7.5, you asked for 8.0; "
            "lower it or add such a node",
        ),
        (
            {"products": ["H100", "A100"]},
            [T4, L40S],
            "spec.gpu.products: no node has A100 or H100, they have NVIDIA-L40S and Tesla-T4; "
            "name one of these",
        ),
        (
            {"products": ["H100"]},
            [Node("bare", {}, {GFD: 1})],
            "spec.gpu.products: the nodes do not say which GPU they have, the label nvidia.com/gpu.product "
            "is missing; install the vendor's feature discovery or remove products",
        ),
        (
            {"products": ["A10G"], "vendor": "AMD"},
            [MI300X, H100],
            "spec.gpu.products: no node has A10G, they have AMD_Instinct_MI300X_OAM; name one of these",
        ),
        (
            {"products": ["T4"]},
            [SLICED, H100],
            "spec.gpu.sharing: the nodes share their devices; write Shared or turn time-slicing and MPS off",
        ),
        (
            {"products": ["A100"]},
            [MIG_SINGLE, MIG_MIXED, H100],
            "spec.gpu.migProfile: the devices are cut by MIG into 1g.10gb, 1g.5gb and 2g.20gb; "
            "name one of these",
        ),
        (
            {"sharing": "Shared"},
            [T4],
            "spec.gpu.sharing: no node shares its devices; write Exclusive or turn on time-slicing or MPS",
        ),
        (
            {"migProfile": "3g.20gb"},
            [MIG_SINGLE, H100],
            "spec.gpu.migProfile: no node has 3g.20gb, they have 1g.5gb; name one of these",
        ),
        (
            {"migProfile": "1g.10gb"},
            [H100],
            "spec.gpu.migProfile: no node has 1g.10gb, none is cut by MIG; remove migProfile",
        ),
        (
            {"vendor": "AMD"},
            [
                Node(
                    "cpx",
                    {**MI300X.labels, "amd.com/compute-memory-partition": "cpx_nps4"},
                    {"amd.com/gpu": 64},
                )
            ],
            "spec.gpu: the devices are partitioned (cpx_nps4); write sharing: Shared or set them to spx",
        ),
        (
            {"products": ["H100"]},
            [replace(H100, allocatable={})],
            "the nodes offer no nvidia.com/gpu; is the vendor's device plugin running and healthy there?",
        ),
        (
            {"products": ["H100"], "count": 16},
            [H100],
            "spec.gpu.count: the largest node has 8, you asked for 16; lower it",
        ),
        (
            {"products": ["H100"]},
            [replace(H100, ready=False), T4],
            "the nodes that have such a GPU are not ready or cordoned; see kubectl get nodes",
        ),
        (
            {},
            [replace(H100, schedulable=False)],
            "the nodes that have such a GPU are not ready or cordoned; see kubectl get nodes",
        ),
        ({}, [CPU], ""),
        ({"vendor": "AMD"}, [H100, CPU], ""),
        ({}, [], ""),
    ],
    ids=str,
)
def test_near_miss_of_the_nodes_says_what_they_lack_and_what_to_write(
    spec: dict[str, Any], nodes: list[Node], sentence: str
) -> None:
    assert told(spec, nodes) == sentence


@pytest.mark.parametrize("asked", ["80Gi", "48Gi", "50000Mi", "80G", "192Gi"])
def test_size_that_is_suggested_does_match(asked: str) -> None:
    nodes = [L40S] if asked != "80Gi" else [H100]
    suggested = told({"minMemory": asked}, nodes).removesuffix("?").replace(" would match", "").split()[-1]
    assert resolve(GPU(min_memory=suggested), nodes).offers(nodes[0])


def test_memory_far_too_small_is_no_slip_of_units() -> None:
    assert "did you mean" not in told({"minMemory": "80Gi"}, [A100_40])


def test_taint_that_keeps_the_pod_away_is_named_and_tolerated_ones_are_not() -> None:
    taints = (
        Taint("nvidia.com/gpu", "present"),
        Taint("team", "vision"),
        Taint("soft", "", "PreferNoSchedule"),
    )
    node = replace(H100, taints=taints)
    tolerations = list(resolve(GPU(), [node]).tolerations)
    assert told({}, [node], {"tolerations": tolerations}) == (
        "spec.scheduling.tolerations: the nodes that have such a GPU are tainted team=vision:NoSchedule; "
        "tolerate it"
    )


def test_selector_of_the_user_that_leaves_no_node_is_named() -> None:
    assert told({}, [H100], {"nodeSelector": {"zone": "b"}}) == (
        "spec.scheduling: nodeSelector and affinity leave out every node that has such a GPU"
    )


@pytest.mark.parametrize(
    ("spec", "before", "now"),
    [
        ({"products": ["H500"]}, [H100], fleet.gfd("new", "NVIDIA-H500-HBM5", 130000, "11.0")),
        ({"migProfile": "1g.5gb"}, [], MIG_SINGLE),
        ({"sharing": "Shared"}, [], fleet.RENAMED),
        ({"vendor": "Intel"}, [], Node("xe", MAX_1100.labels, {"gpu.intel.com/xe": 1})),
    ],
    ids=str,
)
def test_nodes_that_came_after_it_was_resolved_need_it_resolved_anew(
    spec: dict[str, Any], before: list[Node], now: Node
) -> None:
    gpu = GPU.model_validate(spec)
    assert near_miss(gpu, resolve(gpu, before), {}, [*before, now]) == (
        "spec.gpu was resolved before these nodes came or were relabelled; change spec.rollout.retryToken to "
        "have it resolved anew"
    )
    assert resolve(gpu, [*before, now]).offers(now)


def test_node_known_by_its_cloud_alone_is_judged_by_the_table() -> None:
    assert told({"minComputeCapability": "9.0"}, [GKE_L4]).startswith(
        "spec.gpu.minComputeCapability: the best node has 8.9"
    )


@given(st.permutations([*KINDS, A100_80]), st.sampled_from(["80Gi", "1T"]))
def test_sentence_does_not_depend_on_the_order_of_nodes(nodes: list[Node], least: str) -> None:
    few = [node for node in nodes if node is not A100_80]
    assert told({"minMemory": least}, few) == told(
        {"minMemory": least}, sorted(few, key=lambda each: each.name)
    )


def test_odd_labels_are_taken_as_missing() -> None:
    odd = labelled(H100, {"gpu.memory": "much", "gpu.compute.major": "x"})
    assert "81559Mi" in told({"minMemory": "90G"}, [odd])
    assert told({"minComputeCapability": "9.0"}, [odd])
