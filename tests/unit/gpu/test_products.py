"""A product is found by what people call it, and by nothing that only looks like it."""

from pathlib import Path

import pytest

from mlapi_operator.gpu.products import MIB, PRODUCTS, is_called, labelled, products, words
from mlapi_operator.gpu.profiles import PROFILES


@pytest.mark.parametrize(
    ("alias", "named"),
    [
        ("H100", {"H100-SXM-80GB", "H100-PCIe-80GB", "H100-NVL-94GB"}),
        ("h100-80gb", {"H100-SXM-80GB", "H100-PCIe-80GB"}),
        ("NVIDIA-H100-80GB-HBM3", {"H100-SXM-80GB"}),
        ("H100-SXM5", {"H100-SXM-80GB"}),
        ("H100_NVL", {"H100-NVL-94GB"}),
        ("A100", {"A100-SXM-40GB", "A100-PCIe-40GB", "A100-SXM-80GB", "A100-PCIe-80GB"}),
        ("A100-80GB", {"A100-SXM-80GB", "A100-PCIe-80GB"}),
        ("A100-80G", {"A100-SXM-80GB", "A100-PCIe-80GB"}),
        ("A100-40", {"A100-SXM-40GB", "A100-PCIe-40GB"}),
        ("A100-SXM4-80GB", {"A100-SXM-80GB"}),
        ("L40", {"L40"}),
        ("L40S", {"L40S"}),
        ("L4", {"L4"}),
        ("T4", {"T4"}),
        ("Tesla-T4", {"T4"}),
        ("T4-16GB", {"T4"}),
        ("nvidia-tesla-t4", {"T4"}),
        ("A10", {"A10"}),
        ("A10G", {"A10G"}),
        ("V100-32GB", {"V100-32GB"}),
        ("H200", {"H200-SXM-141GB", "H200-NVL-141GB"}),
        ("GH200", {"GH200"}),
        ("B200", {"B200"}),
        ("RTX4090", {"RTX-4090"}),
        ("GeForce-RTX-4090", {"RTX-4090"}),
        ("RTX-A6000", {"RTX-A6000"}),
        ("RTXA6000", {"RTX-A6000"}),
        ("MI300X", {"MI300X"}),
        ("AMD_Instinct_MI300X_OAM", {"MI300X"}),
        ("MI250", {"MI250"}),
        ("Max", {"Max-1100", "Max-1550"}),
        ("Max1550", {"Max-1550"}),
        ("Flex_170", {"Flex-170"}),
        ("Intel-Data-Center-GPU-Flex-140", {"Flex-140"}),
        ("Arc", {"Arc-A770", "Arc-B580", "Arc-Pro-B50", "Arc-Pro-B60"}),
        ("ArcA770", {"Arc-A770"}),
        ("H900", set()),
        ("NVIDIA", set()),
        ("H100-40GB", set()),
    ],
)
def test_alias_names_just_the_products_that_people_mean(alias: str, named: set[str]) -> None:
    assert {product.name for product in PRODUCTS if product.is_called(alias)} == named


@pytest.mark.parametrize(
    ("size", "memory_mib"),
    [
        ("80GB", 81559),
        ("80GB", 81920),
        ("48GB", 46068),
        ("16GB", 15360),
        ("24GB", 23034),
        ("141GB", 143771),
        ("40GB", 40536),
    ],
)
def test_size_on_the_box_is_known_from_what_the_driver_reports(size: str, memory_mib: int) -> None:
    assert is_called(size, frozenset(), memory_mib * MIB)
    assert not is_called(size, frozenset(), memory_mib * MIB * 2)
    assert not is_called(size, frozenset(), None)


def test_every_label_value_finds_its_own_product() -> None:
    for product in PRODUCTS:
        for profile, values in product.values.items():
            for value in values:
                assert product in labelled(profile, value)
                assert profile == "aks" or product.is_called(value), value


def test_value_of_several_products_is_told_apart_by_a_memory_label() -> None:
    profiles = {profile.name: profile for each in PROFILES.values() for profile in each}
    for product in PRODUCTS:
        for profile, values in product.values.items():
            shared = [value for value in values if len(labelled(profile, value)) > 1]
            assert not shared or profiles[profile].memory, shared


def test_products_are_of_known_profiles_and_fit_a_label() -> None:
    assert len({product.name for product in PRODUCTS}) == len(PRODUCTS)
    for product in PRODUCTS:
        assert product.values.keys() <= {profile.name for profile in PROFILES[product.vendor]}
        assert (product.capability is not None) == (product.vendor == "NVIDIA")
        assert all(len(value) <= 63 for values in product.values.values() for value in values)


def test_words_drop_vendors_and_keep_what_tells_products_apart() -> None:
    assert words("NVIDIA-GeForce-RTX-4090") == {"RTX", "4090"}
    assert words("Intel(R) Data Center GPU Max 1100") == {"R", "MAX", "1100"}


def test_list_of_known_products_in_the_docs_is_the_table() -> None:
    text = (Path(__file__).parents[3] / "docs" / "gpus.md").read_text().partition("## Known products")[2]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    told = {vendor: set(names.split(", ")) for vendor, names in rows}
    assert told == {vendor: {product.name for product in products(vendor)} for vendor in PROFILES}
