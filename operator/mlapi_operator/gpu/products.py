"""The GPUs that are known by name: what they are called, what they have, and what each label profile says.

Memory is what the driver reports, which is less than what is printed on the box. Sources: nvidia-smi; the
data sheets of AMD and Intel; the lists of accelerators and instance types of GKE, AWS and Azure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

MIB: Final = 1 << 20
GB: Final = 10**9
GIB: Final = 1 << 30
# "80GB" on the box is between 80 GB and 80 GiB in the driver's eyes, give or take what ECC and firmware keep.
SLACK: Final = 0.01

NOISE: Final = frozenset(
    {"NVIDIA", "TESLA", "GEFORCE", "AMD", "INSTINCT", "RADEON", "INTEL", "DATA", "CENTER", "GPU", "SERIES"}
)
_FAMILY: Final = re.compile(r"(RTX|GTX|MAX|FLEX|ARC)(?=A?[0-9])")
_SIZE: Final = re.compile(r"([0-9]{1,4})(G|GB|GI|GIB)?")


@dataclass(frozen=True, slots=True)
class Product:
    """
    Attributes:
        memory_mib: of each device.
        capability: CUDA compute capability; None for other vendors.
        values: by label profile, what its product label says.
        mig: can be cut into slices.
    """

    name: str
    vendor: str
    memory_mib: int
    capability: tuple[int, int] | None = None
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mig: bool = False
    words: frozenset[str] = frozenset()

    @property
    def memory(self) -> int:
        """Bytes of each device."""
        return self.memory_mib * MIB

    def is_called(self, alias: str) -> bool:
        return is_called(alias, self.words, self.memory)


@lru_cache(maxsize=1024)
def words(name: str) -> frozenset[str]:
    """What tells products apart in a name: upper case, without vendors and punctuation."""
    split = re.split(r"[^A-Z0-9]+", _FAMILY.sub(r"\1-", name.upper()))
    return frozenset(split) - NOISE - {""}


def is_called(alias: str, found: frozenset[str], memory: int | None) -> bool:
    """Whether every word of the alias is one of the product's, or its size.

    Args:
        found: from `words`.
        memory: bytes of each device, None when unknown.
    """
    wanted = words(alias)
    return bool(wanted) and all(word in found or _is_size(word, memory) for word in wanted)


def _is_size(word: str, memory: int | None) -> bool:
    match = _SIZE.fullmatch(word)
    if match is None or memory is None:
        return False
    return int(match[1]) * GB * (1 - SLACK) <= memory <= int(match[1]) * GIB * (1 + SLACK)


def _product(
    vendor: str,
    name: str,
    memory_mib: int,
    capability: tuple[int, int] | None = None,
    *,
    mig: bool = False,
    also: str = "",
    **profiles: tuple[str, ...],
) -> Product:
    values = {profile.replace("_", "-"): names for profile, names in profiles.items()}
    # An instance type names more than its GPU.
    told = [name, also, *(each for profile, names in values.items() if profile != "aks" for each in names)]
    return Product(name, vendor, memory_mib, capability, values, mig, frozenset().union(*map(words, told)))


def _nvidia(
    name: str,
    memory_mib: int,
    capability: tuple[int, int],
    *,
    mig: bool = False,
    also: str = "",
    **profiles: tuple[str, ...],
) -> Product:
    return _product("NVIDIA", name, memory_mib, capability, mig=mig, also=also, **profiles)


def _amd(name: str, memory_mib: int, *labels: str) -> Product:
    return _product("AMD", name, memory_mib, amd=labels, amd_beta=labels)


def _intel(name: str, memory_mib: int, *labels: str) -> Product:
    return _product("Intel", name, memory_mib, intel=labels)


PRODUCTS: Final = (
    _nvidia("P4", 7680, (6, 1), gfd=("Tesla-P4",), gke=("nvidia-tesla-p4",)),
    _nvidia("P40", 23040, (6, 1), gfd=("Tesla-P40",)),
    _nvidia(
        "P100",
        16280,
        (6, 0),
        gfd=("Tesla-P100-PCIE-16GB", "Tesla-P100-SXM2-16GB"),
        gke=("nvidia-tesla-p100",),
    ),
    _nvidia(
        "V100-16GB",
        16384,
        (7, 0),
        gfd=("Tesla-V100-SXM2-16GB", "Tesla-V100-PCIE-16GB"),
        gke=("nvidia-tesla-v100",),
        karpenter_aws=("v100",),
        aks=("Standard_NC6s_v3", "Standard_NC12s_v3", "Standard_NC24s_v3", "Standard_NC24rs_v3"),
    ),
    _nvidia(
        "V100-32GB",
        32768,
        (7, 0),
        gfd=("Tesla-V100-SXM2-32GB", "Tesla-V100-SXM3-32GB", "Tesla-V100-PCIE-32GB"),
        karpenter_aws=("v100",),
        aks=("Standard_ND40rs_v2",),
    ),
    _nvidia(
        "T4",
        15360,
        (7, 5),
        gfd=("Tesla-T4", "NVIDIA-T4"),
        gke=("nvidia-tesla-t4",),
        karpenter_aws=("t4",),
        aks=(
            "Standard_NC4as_T4_v3",
            "Standard_NC8as_T4_v3",
            "Standard_NC16as_T4_v3",
            "Standard_NC64as_T4_v3",
        ),
    ),
    _nvidia("T4G", 15360, (7, 5), gfd=("NVIDIA-T4G",), karpenter_aws=("t4g",)),
    _nvidia("A2", 15356, (8, 6), gfd=("NVIDIA-A2",)),
    _nvidia(
        "A10", 23028, (8, 6), gfd=("NVIDIA-A10",), aks=("Standard_NV36ads_A10_v5", "Standard_NV72ads_A10_v5")
    ),
    _nvidia("A10G", 23028, (8, 6), gfd=("NVIDIA-A10G",), karpenter_aws=("a10g",)),
    _nvidia("A16", 15356, (8, 6), gfd=("NVIDIA-A16",)),
    _nvidia("A30", 24576, (8, 0), mig=True, gfd=("NVIDIA-A30",)),
    _nvidia("A40", 46068, (8, 6), gfd=("NVIDIA-A40",)),
    _nvidia(
        "A100-SXM-40GB",
        40960,
        (8, 0),
        mig=True,
        gfd=("NVIDIA-A100-SXM4-40GB", "A100-SXM4-40GB"),
        gke=("nvidia-tesla-a100",),
        karpenter_aws=("a100",),
        aks=("Standard_ND96asr_v4",),
    ),
    _nvidia("A100-PCIe-40GB", 40960, (8, 0), mig=True, gfd=("NVIDIA-A100-PCIE-40GB", "A100-PCIE-40GB")),
    _nvidia(
        "A100-SXM-80GB",
        81920,
        (8, 0),
        mig=True,
        gfd=("NVIDIA-A100-SXM4-80GB", "A100-SXM4-80GB"),
        gke=("nvidia-a100-80gb",),
        karpenter_aws=("a100",),
        aks=("Standard_ND96amsr_A100_v4",),
    ),
    _nvidia(
        "A100-PCIe-80GB",
        81920,
        (8, 0),
        mig=True,
        gfd=("NVIDIA-A100-80GB-PCIe",),
        aks=("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4"),
    ),
    _nvidia("A800-80GB", 81920, (8, 0), mig=True, gfd=("NVIDIA-A800-SXM4-80GB", "NVIDIA-A800-80GB-PCIe")),
    _nvidia(
        "H100-SXM-80GB",
        81559,
        (9, 0),
        mig=True,
        also="SXM5",
        gfd=("NVIDIA-H100-80GB-HBM3",),
        gke=("nvidia-h100-80gb", "nvidia-h100-mega-80gb"),
        karpenter_aws=("h100",),
        aks=("Standard_ND96isr_H100_v5",),
    ),
    _nvidia("H100-PCIe-80GB", 81559, (9, 0), mig=True, gfd=("NVIDIA-H100-PCIe",)),
    _nvidia(
        "H100-NVL-94GB",
        95830,
        (9, 0),
        mig=True,
        gfd=("NVIDIA-H100-NVL",),
        aks=("Standard_NC40ads_H100_v5", "Standard_NC80adis_H100_v5"),
    ),
    _nvidia("H800", 81559, (9, 0), mig=True, gfd=("NVIDIA-H800", "NVIDIA-H800-PCIe")),
    _nvidia("H20", 97871, (9, 0), mig=True, gfd=("NVIDIA-H20",)),
    _nvidia("GH200", 97871, (9, 0), mig=True, gfd=("NVIDIA-GH200-480GB",)),
    _nvidia(
        "H200-SXM-141GB",
        143771,
        (9, 0),
        mig=True,
        gfd=("NVIDIA-H200",),
        gke=("nvidia-h200-141gb",),
        karpenter_aws=("h200",),
        aks=("Standard_ND96isr_H200_v5",),
    ),
    _nvidia("H200-NVL-141GB", 143771, (9, 0), mig=True, gfd=("NVIDIA-H200-NVL",)),
    _nvidia(
        "B200", 183359, (10, 0), mig=True, gfd=("NVIDIA-B200",), gke=("nvidia-b200",), karpenter_aws=("b200",)
    ),
    _nvidia("GB200", 189471, (10, 0), mig=True, gfd=("NVIDIA-GB200",), gke=("nvidia-gb200",)),
    _nvidia("B300", 275040, (10, 3), mig=True, gfd=("NVIDIA-B300-SXM6-AC",), karpenter_aws=("b300",)),
    _nvidia("L4", 23034, (8, 9), gfd=("NVIDIA-L4",), gke=("nvidia-l4",), karpenter_aws=("l4",)),
    _nvidia("L40", 46068, (8, 9), gfd=("NVIDIA-L40",)),
    _nvidia("L40S", 46068, (8, 9), gfd=("NVIDIA-L40S",), karpenter_aws=("l40s",)),
    _nvidia("RTX-A5000", 24564, (8, 6), gfd=("NVIDIA-RTX-A5000",)),
    _nvidia("RTX-A6000", 49140, (8, 6), gfd=("NVIDIA-RTX-A6000",)),
    _nvidia("RTX-6000-Ada", 49140, (8, 9), gfd=("NVIDIA-RTX-6000-Ada-Generation",)),
    _nvidia(
        "RTX-PRO-6000",
        97887,
        (12, 0),
        mig=True,
        gfd=("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition",),
        gke=("nvidia-rtx-pro-6000",),
    ),
    _nvidia("RTX-3090", 24576, (8, 6), gfd=("NVIDIA-GeForce-RTX-3090",)),
    _nvidia("RTX-4090", 24564, (8, 9), gfd=("NVIDIA-GeForce-RTX-4090",)),
    _nvidia("RTX-5090", 32607, (12, 0), gfd=("NVIDIA-GeForce-RTX-5090",)),
    _amd("MI100", 32752, "AMD_Instinct_MI100"),
    _amd("MI210", 65520, "AMD_Instinct_MI210"),
    # Each of its two dies is a device.
    _amd("MI250", 65520, "AMD_Instinct_MI250"),
    _amd("MI250X", 65520, "AMD_Instinct_MI250X"),
    _amd("MI300X", 196592, "AMD_Instinct_MI300X_OAM", "AMD_Instinct_MI300X"),
    _amd("MI308X", 196592, "AMD_Instinct_MI308X_OAM", "AMD_Instinct_MI308X"),
    _amd("MI325X", 262128, "AMD_Instinct_MI325X_OAM", "AMD_Instinct_MI325X"),
    _amd("MI350X", 294896, "AMD_Instinct_MI350X_OAM", "AMD_Instinct_MI350X"),
    _amd("MI355X", 294896, "AMD_Instinct_MI355X_OAM", "AMD_Instinct_MI355X"),
    _amd("W7900", 49136, "AMD_Radeon_PRO_W7900"),
    _intel("Max-1100", 49152, "Max_1100"),
    _intel("Max-1550", 131072, "Max_1550"),
    # Two devices on a card.
    _intel("Flex-140", 6144, "Flex_140"),
    _intel("Flex-170", 16384, "Flex_170"),
    _intel("Arc-A770", 16384, "Arc_A770"),
    _intel("Arc-B580", 12288, "Arc_B580"),
    _intel("Arc-Pro-B50", 16384, "Arc_Pro_B50"),
    _intel("Arc-Pro-B60", 24576, "Arc_Pro_B60"),
)


_OF_VENDOR: Final = {
    vendor: tuple(product for product in PRODUCTS if product.vendor == vendor)
    for vendor in ("NVIDIA", "AMD", "Intel")
}
_LABELLED: Final[dict[tuple[str, str], tuple[Product, ...]]] = {}
for _each in PRODUCTS:
    for _profile, _values in _each.values.items():
        for _value in _values:
            _LABELLED[_profile, _value] = (*_LABELLED.get((_profile, _value), ()), _each)


def products(vendor: str) -> tuple[Product, ...]:
    return _OF_VENDOR[vendor]


def labelled(profile: str, value: str) -> tuple[Product, ...]:
    """The products that a profile's product label may mean by this value."""
    return _LABELLED.get((profile, value), ())
