"""What a node has of one vendor's GPUs, as its labels and resources tell."""

from dataclasses import dataclass

from mlapi_operator.gpu.nodes import Node, count
from mlapi_operator.gpu.products import is_called, labelled, words
from mlapi_operator.gpu.profiles import (
    AMD_PARTITION,
    AMD_PARTITIONED,
    GKE_PARTITION,
    GKE_SHARED,
    GKE_SHARING,
    MIG_RESOURCE,
    MIG_SUFFIX,
    PROFILES,
    RENAMED,
    RESOURCES,
    SHARED,
    SHARED_SUFFIX,
    SHARING,
    Profile,
)
from mlapi_operator.gpu.selectors import holds
from mlapi_operator.gpu.terms import cut, memory_of


@dataclass(frozen=True, slots=True)
class Offer:
    """
    Attributes:
        product: as the node's label has it; empty if none does.
        told: words of the product's names.
        memory: bytes of each device, or of each slice where all are alike; None when unknown.
        capability: CUDA compute capability, None when unknown.
        shared: the devices are offered several times.
        slices: what they are cut into.
        whole: some are neither shared nor cut up.
    """

    node: Node
    product: str = ""
    told: frozenset[str] = frozenset()
    memory: int | None = None
    capability: tuple[int, int] | None = None
    shared: bool = False
    slices: frozenset[str] = frozenset()
    whole: bool = True

    def is_called(self, alias: str) -> bool:
        return is_called(alias, self.told, self.memory)


def offer(vendor: str, node: Node) -> Offer | None:
    """None if neither labels nor resources speak of the vendor's GPUs."""
    speaking = [profile for profile in PROFILES[vendor] if _speaks(profile, node)]
    prefix = RESOURCES[vendor][0].rpartition("/")[0] + "/"
    if not speaking and not any(name.startswith(prefix) for name in node.allocatable):
        return None
    values = [node.labels[profile.product] for profile in speaking]
    known = [
        product
        for profile, value in zip(speaking, values, strict=True)
        for product in labelled(profile.name, cut(value)[0])
    ]
    memory = next(filter(None, (memory_of(profile, node) for profile in speaking)), None)
    shared, everywhere, some = _is_shared(node, values), _all_cut(node, values), _cut(node)
    capability = next(filter(None, (_capability(profile, node) for profile in speaking)), None)
    return Offer(
        node,
        values[0] if values else "",
        frozenset().union(*(words(cut(value)[0]) for value in values), *(each.words for each in known)),
        memory or min((each.memory for each in known), default=None),
        capability or min((each.capability for each in known if each.capability), default=None),
        shared,
        everywhere | some,
        not shared
        and not everywhere
        and (not some or any(node.allocatable.get(each) for each in RESOURCES[vendor])),
    )


def _speaks(profile: Profile, node: Node) -> bool:
    value = node.labels.get(profile.product)
    told = bool(value) and all(holds(mark, node.labels) for mark in profile.marks)
    return told and (not profile.closed or bool(labelled(profile.name, value or "")))


def _capability(profile: Profile, node: Node) -> tuple[int, int] | None:
    if profile.capability is None or profile.capability[0] not in node.labels:
        return None
    major, minor = (count(node.labels.get(label)) for label in profile.capability)
    return major, minor


def _is_shared(node: Node, values: list[str]) -> bool:
    return (
        node.labels.get(SHARING) in SHARED
        or node.labels.get(GKE_SHARING) in GKE_SHARED
        or node.allocatable.get(RENAMED, 0) > 0
        or any(value.endswith(SHARED_SUFFIX) for value in values)
    )


def _all_cut(node: Node, values: list[str]) -> frozenset[str]:
    """What all devices of the node are cut into."""
    named = {value.partition(MIG_SUFFIX)[2].removesuffix(SHARED_SUFFIX) for value in values}
    partitioned = {node.labels.get(AMD_PARTITION, "")} & set(AMD_PARTITIONED)
    return frozenset(named | partitioned | {node.labels.get(GKE_PARTITION, "")}) - {""}


def _cut(node: Node) -> frozenset[str]:
    """What some devices of the node are cut into, as MIG's strategy `mixed` offers it."""
    return frozenset(
        name.removeprefix(MIG_RESOURCE)
        for name, number in node.allocatable.items()
        if name.startswith(MIG_RESOURCE) and number
    )
