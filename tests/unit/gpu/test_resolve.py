"""A spec becomes one resource and the nodes that have what it asks for, whatever labels tell so."""

from collections.abc import Sequence
from typing import Any

import pytest

from mlapi_operator.api.gpu import GPU
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, resolve
from tests.unit.gpu import fleet
from tests.unit.gpu.fleet import (
    CLOUD,
    CPU,
    GFD,
    H100,
    KINDS,
    L40,
    L40S,
    MI300X,
    MIG_MIXED,
    MIG_SINGLE,
    RENAMED,
    SLICED,
    T4,
    labelled,
)

NVIDIA, AMD, I915 = "nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915"
WHOLE = {"a100-40", "a100-80", "h100", "l40s", "t4"}


def offering(resolved: Resolved, nodes: Sequence[Node]) -> set[str]:
    return {node.name for node in nodes if resolved.offers(node)}


def name(parameter: object) -> str:
    """The same in every process: sets have no order."""
    return str(sorted(parameter) if isinstance(parameter, set) else parameter)


@pytest.mark.parametrize(
    ("spec", "resource", "names"),
    [
        ({}, NVIDIA, WHOLE),
        ({"count": 4}, NVIDIA, WHOLE - {"t4"}),
        ({"count": 9}, NVIDIA, set()),
        ({"products": ["H100"]}, NVIDIA, {"h100"}),
        ({"products": ["NVIDIA-H100-80GB-HBM3"]}, NVIDIA, {"h100"}),
        ({"products": ["A100"]}, NVIDIA, {"a100-40", "a100-80"}),
        ({"products": ["A100-80GB"]}, NVIDIA, {"a100-80"}),
        ({"products": ["H100", "A100-80GB"]}, NVIDIA, {"h100", "a100-80"}),
        ({"products": ["L40"]}, NVIDIA, set()),
        ({"products": ["l40s"]}, NVIDIA, {"l40s"}),
        ({"products": ["Tesla-T4"]}, NVIDIA, {"t4"}),
        ({"products": ["H900"]}, NVIDIA, set()),
        ({"minMemory": "80G"}, NVIDIA, {"h100", "a100-80"}),
        ({"minMemory": "80Gi"}, NVIDIA, {"a100-80"}),
        ({"minMemory": "48G"}, NVIDIA, {"l40s", "h100", "a100-80"}),
        ({"minMemory": "48Gi"}, NVIDIA, {"h100", "a100-80"}),
        ({"minMemory": "15360Mi"}, NVIDIA, WHOLE),
        ({"minMemory": "15361Mi"}, NVIDIA, WHOLE - {"t4"}),
        ({"minMemory": "1T"}, NVIDIA, set()),
        ({"minComputeCapability": "8.0"}, NVIDIA, WHOLE - {"t4"}),
        ({"minComputeCapability": "8.9"}, NVIDIA, {"l40s", "h100"}),
        ({"minComputeCapability": "9.0"}, NVIDIA, {"h100"}),
        ({"minComputeCapability": "7.5"}, NVIDIA, WHOLE),
        ({"products": ["A100", "H100"], "minMemory": "80G", "minComputeCapability": "8.9"}, NVIDIA, {"h100"}),
        ({"sharing": "Shared"}, NVIDIA, {"time-sliced"}),
        ({"sharing": "Shared", "products": ["T4"]}, NVIDIA, {"time-sliced"}),
        ({"sharing": "Shared", "products": ["H100"]}, NVIDIA, set()),
        ({"sharing": "Shared", "minMemory": "15G"}, NVIDIA, {"time-sliced"}),
        ({"migProfile": "1g.5gb"}, NVIDIA, {"mig-single"}),
        ({"migProfile": "1g.5gb", "products": ["A100"]}, NVIDIA, {"mig-single"}),
        ({"migProfile": "1g.5gb", "products": ["H100"]}, "nvidia.com/mig-1g.5gb", set()),
        ({"migProfile": "1g.5gb", "minMemory": "5G"}, NVIDIA, {"mig-single"}),
        ({"migProfile": "1g.5gb", "minMemory": "6G"}, "nvidia.com/mig-1g.5gb", set()),
        ({"migProfile": "1g.10gb"}, "nvidia.com/mig-1g.10gb", {"mig-mixed"}),
        ({"migProfile": "1g.10gb", "products": ["A100-80GB"]}, "nvidia.com/mig-1g.10gb", {"mig-mixed"}),
        ({"migProfile": "1g.10gb", "minMemory": "10G"}, "nvidia.com/mig-1g.10gb", {"mig-mixed"}),
        ({"migProfile": "1g.10gb", "minMemory": "11G"}, "nvidia.com/mig-1g.10gb", set()),
        ({"migProfile": "1g.10gb+me"}, "nvidia.com/mig-1g.10gb.me", set()),
        ({"vendor": "AMD"}, AMD, {"mi300x"}),
        ({"vendor": "AMD", "products": ["MI300X"]}, AMD, {"mi300x"}),
        ({"vendor": "AMD", "products": ["MI210"]}, AMD, set()),
        ({"vendor": "AMD", "minMemory": "192G"}, AMD, {"mi300x"}),
        ({"vendor": "AMD", "minMemory": "192Gi"}, AMD, set()),
        ({"vendor": "AMD", "minMemory": "80G", "products": ["MI250", "MI300X"]}, AMD, {"mi300x"}),
        ({"vendor": "Intel"}, I915, {"max-1100"}),
        ({"vendor": "Intel", "products": ["Max"]}, I915, {"max-1100"}),
        ({"vendor": "Intel", "products": ["Flex"]}, I915, set()),
        ({"vendor": "Intel", "minMemory": "48G"}, I915, {"max-1100"}),
        ({"vendor": "Intel", "minMemory": "64G"}, I915, set()),
    ],
    ids=name,
)
def test_spec_among_every_kind_of_node_finds_those_that_do(
    spec: dict[str, Any], resource: str, names: set[str]
) -> None:
    resolved = resolve(GPU.model_validate(spec), KINDS)
    assert (resolved.resource_name, offering(resolved, KINDS)) == (resource, names)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"products": ["A100-80GB"]}, {"gke-a100-80", "p4de", "aks-a100"}),
        ({"products": ["A100-40GB"]}, {"p4d"}),
        ({"products": ["A100"]}, {"gke-a100-80", "p4d", "p4de", "aks-a100"}),
        ({"products": ["L40S"]}, {"g6e"}),
        ({"products": ["L40"]}, {"l40"}),
        ({"products": ["T4", "L4"]}, {"aks-t4", "gke-l4"}),
        ({"minMemory": "80G"}, {"gke-a100-80", "p4de", "aks-a100"}),
        ({"minMemory": "40G"}, {"gke-a100-80", "p4d", "p4de", "g6e", "l40", "aks-a100"}),
        ({"minMemory": "48G"}, {"gke-a100-80", "p4de", "g6e", "l40", "aks-a100"}),
        ({"minComputeCapability": "8.9"}, {"gke-l4", "g6e", "l40"}),
        ({"migProfile": "1g.5gb"}, {"gke-partitioned"}),
        ({"migProfile": "1g.5gb", "minMemory": "6G"}, set()),
        ({"sharing": "Shared", "products": ["A10"]}, {"renamed"}),
        ({"sharing": "Shared", "products": ["L4"]}, {"gke-shared-l4"}),
        ({}, {"gke-a100-80", "gke-l4", "p4d", "p4de", "g6e", "aks-a100", "aks-t4", "l40"}),
    ],
    ids=name,
)
def test_spec_among_nodes_of_the_clouds_goes_by_their_own_labels(
    spec: dict[str, Any], names: set[str]
) -> None:
    resolved = resolve(GPU.model_validate(spec), CLOUD)
    assert offering(resolved, CLOUD) == names


@pytest.mark.parametrize("nodes", [None, (), (CPU,)], ids=str)
@pytest.mark.parametrize("node", [H100, L40S, MI300X, fleet.GKE_A100_80, fleet.P4DE, fleet.AKS_A100])
def test_product_that_no_node_has_yet_is_found_by_its_known_values_when_it_comes(
    node: Node, nodes: tuple[Node, ...] | None
) -> None:
    alias = {"h100": "H100", "l40s": "L40S", "mi300x": "MI300X"}.get(node.name, "A100-80GB")
    gpu = GPU(products=[alias], vendor="AMD" if node is MI300X else "NVIDIA", min_memory="45G")
    resolved = resolve(gpu, nodes)
    assert resolved.products == ()
    assert resolved.offers(node)
    assert not resolved.offers(T4)


def test_product_that_the_table_lacks_is_found_on_live_nodes_by_its_words_and_size() -> None:
    new = fleet.gfd("new", "NVIDIA-H500-128GB-HBM5", 130000, "11.0")
    for alias in ("H500", "h500-128gb", "NVIDIA-H500-128GB-HBM5"):
        assert offering(resolve(GPU(products=[alias]), [*KINDS, new]), [*KINDS, new]) == {"new"}
    assert not resolve(GPU(products=["H500-64GB"]), [new]).offers(new)


def test_product_that_neither_table_nor_nodes_know_waits_for_a_node_labelled_so() -> None:
    resolved = resolve(GPU(products=["NVIDIA-H500"]), KINDS)
    assert resolved.offers(fleet.gfd("new", "NVIDIA-H500", 130000, "11.0"))
    assert not offering(resolved, KINDS)


def test_value_that_two_products_share_is_told_apart_by_memory() -> None:
    nodes = (fleet.P4D, fleet.P4DE)
    assert offering(resolve(GPU(products=["A100-40GB"]), nodes), nodes) == {"p4d"}
    assert offering(resolve(GPU(products=["A100-80GB"]), None), nodes) == {"p4de"}


def test_order_of_products_becomes_weights_that_no_sum_turns_round() -> None:
    resolved = resolve(GPU(products=["H100", "A100-80GB", "A100", "T4"]), KINDS)

    def weight(node: Node) -> int:
        return sum(
            each["weight"]
            for each in resolved.preferred
            if Resolved("", 1, (), (each["preference"],)).accepts(node)
        )

    nodes = [H100, fleet.A100_80, fleet.A100_40, T4]
    assert [weight(node) for node in nodes] == [100, 75, 50, 25]
    assert resolved.products[:4] == tuple(node.labels[f"{GFD}.product"] for node in nodes)
    clouds = [fleet.GKE_A100_80, fleet.P4DE, fleet.P4D, fleet.AKS_T4]
    assert [weight(node) for node in clouds] == [75, 75, 50, 25]
    # Also labelled by GPU feature discovery, as it may be: counted once.
    both = Node("both", {**fleet.P4DE.labels, **fleet.A100_80.labels}, {GFD: 8})
    assert weight(both) == 75


def test_single_product_has_no_preference() -> None:
    assert resolve(GPU(products=["A100"]), KINDS).preferred == ()


@pytest.mark.parametrize(
    "node",
    [
        labelled(SLICED, {"gpu.sharing-strategy": None}),
        labelled(T4, {"gpu.sharing-strategy": "time-slicing"}),
        labelled(T4, {"gpu.sharing-strategy": "mps"}),
        RENAMED,
        MIG_SINGLE,
        labelled(MIG_SINGLE, {"gpu.slices.gi": None}),
        MIG_MIXED,
        fleet.GKE_SHARED_L4,
        fleet.GKE_PARTITIONED,
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "spec",
    [{}, {"minMemory": "1G"}, {"minComputeCapability": "7.0"}, {"products": ["T4", "A100", "L4", "A10"]}],
)
def test_shared_and_cut_devices_are_never_exclusive(node: Node, spec: dict[str, Any]) -> None:
    assert not resolve(GPU.model_validate(spec), [H100, node]).offers(node)


def test_whole_devices_beside_mig_slices_are_exclusive() -> None:
    half = Node("half", MIG_MIXED.labels, {GFD: 4, "nvidia.com/mig-1g.10gb": 3})
    assert resolve(GPU(), [half]).offers(half)
    assert resolve(GPU(mig_profile="1g.10gb"), [half]).offers(half)


def test_partitioned_amd_devices_are_shared_and_not_exclusive() -> None:
    cpx = Node("cpx", {**MI300X.labels, "amd.com/compute-memory-partition": "cpx_nps4"}, {AMD: 64})
    spx = Node("spx", {**MI300X.labels, "amd.com/compute-memory-partition": "spx_nps1"}, {AMD: 8})
    nodes = (cpx, spx)
    assert offering(resolve(GPU(vendor="AMD"), nodes), nodes) == {"spx"}
    assert offering(resolve(GPU(vendor="AMD", sharing="Shared"), nodes), nodes) == {"cpx", "spx"}


def test_shared_devices_of_an_older_plugin_are_known_by_their_name() -> None:
    old = labelled(SLICED, {"gpu.sharing-strategy": None})
    assert offering(resolve(GPU(sharing="Shared"), [old, T4]), [old, T4]) == {"time-sliced"}
    assert offering(resolve(GPU(sharing="Shared", products=["T4"]), [old, T4]), [old, T4]) == {"time-sliced"}


def test_resource_is_the_one_of_which_the_cluster_has_most() -> None:
    assert resolve(GPU(sharing="Shared"), [SLICED, RENAMED]).resource_name == "nvidia.com/gpu.shared"
    more = Node("more", SLICED.labels, {GFD: 16})
    assert resolve(GPU(sharing="Shared"), [more, RENAMED]).resource_name == NVIDIA
    xe = Node("xe", fleet.MAX_1100.labels, {"gpu.intel.com/xe": 4})
    assert resolve(GPU(vendor="Intel"), [xe]).resource_name == "gpu.intel.com/xe"


@pytest.mark.parametrize(
    ("vendor", "keys"),
    [
        ("NVIDIA", {"nvidia.com/gpu", "sku"}),
        ("AMD", {"amd.com/gpu", "sku"}),
        ("Intel", {"gpu.intel.com/i915", "gpu.intel.com/xe", "sku"}),
    ],
)
def test_taints_that_guard_gpu_nodes_are_tolerated_and_no_others(vendor: Any, keys: set[str]) -> None:
    tolerations = resolve(GPU(vendor=vendor), None).tolerations
    assert {each["key"] for each in tolerations} == keys
    assert {each["effect"] for each in tolerations} == {"NoSchedule"}


def test_nodes_without_any_label_do_where_any_gpu_does() -> None:
    bare = Node("bare", {}, {GFD: 2})
    assert resolve(GPU(), [bare]).offers(bare)
    assert not resolve(GPU(min_memory="1G"), [bare]).offers(bare)


def test_relabelled_node_changes_nothing_of_what_was_resolved() -> None:
    resolved = resolve(GPU(products=["H100"]), [H100])
    kept = Resolved.of(resolved.manifest())
    assert kept == resolved
    assert not kept.offers(labelled(H100, {"gpu.product": "NVIDIA-H100-80GB-HBM3e"}))


def test_products_are_those_of_the_nodes_that_do_in_the_order_wished_for() -> None:
    assert resolve(GPU(products=["T4", "H100"]), KINDS).products == ("Tesla-T4", "NVIDIA-H100-80GB-HBM3")
    assert resolve(GPU(products=["A100"]), [fleet.AKS_A100]).products == ("A100-PCIe-80GB",)
    assert resolve(GPU(min_memory="45G"), [L40, L40S]).products == ("NVIDIA-L40", "NVIDIA-L40S")
