"""The GPUs that an MLApi could use, as far as the operator may look."""

from dataclasses import dataclass
from typing import Final

UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Devices:
    """
    Attributes:
        resource_name: extended resource that a pod asks for, such as `nvidia.com/gpu`.
        per_replica: devices of it that each pod asks for.
        products: of the matching nodes, in the order of preference.
        matching_nodes: nodes that carry the wanted GPU and that the pods may run on; -1 where nodes may not
            be read.
        free_devices: devices of those nodes that no pod has asked for; -1 where that is unknown.
        free_slots: how many further pods they have room for, each with its devices on one node; -1 likewise.
        near_miss: what the best node lacks, with the remedy; empty if a node matches or none comes near.
    """

    resource_name: str
    per_replica: int
    products: tuple[str, ...] = ()
    matching_nodes: int = UNKNOWN
    free_devices: int = UNKNOWN
    free_slots: int = UNKNOWN
    near_miss: str = ""
