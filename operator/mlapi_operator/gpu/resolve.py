"""What a spec's GPUs mean in this cluster: one resource, and the nodes that have it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.products import is_called, labelled, words
from mlapi_operator.gpu.profiles import AKS, PROFILES, RESOURCES, SKU
from mlapi_operator.gpu.selectors import accepts, holds
from mlapi_operator.gpu.terms import cut, memory_of, preferred, required
from mlapi_operator.gpu.ways import ways


@dataclass(frozen=True, slots=True)
class Resolved:
    """Kept in the revision: what nodes say later changes no pod.

    Attributes:
        resource_name: extended resource that each pod asks for.
        per_replica: devices of it.
        products: that nodes had when this was resolved, in the order of preference.
        required: nodeSelectorTerms, of which any will do; empty if every node with the resource will.
        preferred: preferredDuringSchedulingIgnoredDuringExecution, by the order of products.
        tolerations: of the taints that keep others away from such nodes.
    """

    resource_name: str
    per_replica: int
    products: tuple[str, ...] = ()
    required: tuple[Manifest, ...] = ()
    preferred: tuple[Manifest, ...] = ()
    tolerations: tuple[Manifest, ...] = ()

    def accepts(self, node: Node) -> bool:
        """By its labels; whether the devices are there, free or guarded by a taint is not asked."""
        return not self.required or accepts(self.required, node)

    def offers(self, node: Node) -> bool:
        """Whether a pod's devices fit the node while it is empty."""
        return node.allocatable.get(self.resource_name, 0) >= self.per_replica and self.accepts(node)

    def manifest(self) -> Manifest:
        return {
            "resourceName": self.resource_name,
            "perReplica": self.per_replica,
            "products": list(self.products),
            "required": list(self.required),
            "preferred": list(self.preferred),
            "tolerations": list(self.tolerations),
        }

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """From `manifest`, as it was stored."""
        return cls(
            manifest["resourceName"],
            manifest["perReplica"],
            tuple(manifest["products"]),
            tuple(manifest["required"]),
            tuple(manifest["preferred"]),
            tuple(manifest["tolerations"]),
        )


def resolve(gpu: GPU, nodes: Sequence[Node] | None) -> Resolved:
    """Of the ways to offer such GPUs the one with the most devices here.

    Args:
        nodes: of the whole cluster; None where they may not be read.
    """
    seen = tuple(nodes or ())
    found = [
        Resolved(
            way.resource,
            gpu.count,
            (),
            required(gpu, way, seen),
            preferred(gpu, way, seen),
            _tolerations(gpu, way.resource),
        )
        for way in ways(gpu)
    ]
    best = max(found, key=lambda each: _devices(each, seen))
    return Resolved(
        best.resource_name,
        best.per_replica,
        names(gpu, filter(best.offers, seen)),
        best.required,
        best.preferred,
        best.tolerations,
    )


def names(gpu: GPU, nodes: Iterable[Node]) -> tuple[str, ...]:
    """The products of nodes as their labels have them, in the order of preference."""
    found = {name: rank for node in nodes for name, rank in [_ranked(gpu, node)] if name}
    return tuple(sorted(found, key=lambda name: (found[name], name)))


def _ranked(gpu: GPU, node: Node) -> tuple[str, int]:
    for profile in PROFILES[gpu.vendor]:
        value = node.labels.get(profile.product, "")
        if not value or not all(holds(mark, node.labels) for mark in profile.marks):
            continue
        known = labelled(profile.name, cut(value)[0])
        told = words(value).union(*(product.words for product in known))
        memory = memory_of(profile, node)
        places = [place for place, alias in enumerate(gpu.products) if is_called(alias, told, memory)]
        name = known[0].name if profile is AKS and known else value
        return ("" if profile is AKS and not known else name), min(places, default=len(gpu.products))
    return "", 0


def _devices(resolved: Resolved, nodes: Iterable[Node]) -> int:
    return sum(node.allocatable[resolved.resource_name] for node in nodes if resolved.offers(node))


def _tolerations(gpu: GPU, resource: str) -> tuple[Manifest, ...]:
    keys = dict.fromkeys((*RESOURCES[gpu.vendor], resource))
    return (*({"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys), SKU)
