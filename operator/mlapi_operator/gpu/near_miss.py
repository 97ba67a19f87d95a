"""Why no node will do, told of those that come nearest: field, what the nodes have, what to write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.quantity import amount
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.nodes import Node, count
from mlapi_operator.gpu.offers import Offer, offer
from mlapi_operator.gpu.products import GB, MIB
from mlapi_operator.gpu.profiles import PROFILES, RESOURCES
from mlapi_operator.gpu.resolve import Resolved, resolve
from mlapi_operator.gpu.selectors import admits, untolerated
from mlapi_operator.gpu.terms import is_enough, least_capability, least_memory
from mlapi_operator.gpu.ways import label_form, slice_resource

# Vendors' sizes are decimal, and drivers keep some: who asked for so little more meant this one.
NEAR: Final = 0.1
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """
    Attributes:
        pod: spec of the pod template.
        now: what the spec's GPUs would be resolved to today.
    """

    gpu: GPU
    resolved: Resolved
    pod: Manifest
    now: Resolved


def near_miss(gpu: GPU, resolved: Resolved, pod: Manifest, nodes: Sequence[Node]) -> str:
    """A sentence without full stop, empty if no node has a GPU of the vendor.

    Args:
        pod: spec of the pod template.
        nodes: of which none matches.
    """
    near = [found for node in nodes if (found := offer(gpu.vendor, node))]
    asked = Asked(gpu, resolved, pod, resolve(gpu, nodes))
    for passes, explain in CHECKS:
        left = [each for each in near if passes(asked, each)]
        if near and not left:
            return explain(asked, near)
        near = left
    return ""


def is_named(asked: Asked, found: Offer) -> bool:
    return not asked.gpu.products or any(map(found.is_called, asked.gpu.products))


def _other_products(asked: Asked, near: list[Offer]) -> str:
    wanted, found = _listed(asked.gpu.products, "or"), _listed(each.product for each in near)
    if not found:
        label = PROFILES[asked.gpu.vendor][0].product
        return (
            f"spec.gpu.products: the nodes do not say which GPU they have, the label {label} is missing; "
            "install the vendor's feature discovery or remove products"
        )
    return f"spec.gpu.products: no node has {wanted}, they have {found}; name one of these"


def is_offered_so(asked: Asked, found: Offer) -> bool:
    """Whole, shared or cut as the spec wants it."""
    gpu = asked.gpu
    if gpu.mig_profile:
        return bool({gpu.mig_profile, label_form(gpu.mig_profile)} & found.slices)
    if gpu.sharing == "Shared":
        return gpu.vendor != "NVIDIA" or found.shared
    return found.whole


def _offered_otherwise(asked: Asked, near: list[Offer]) -> str:
    gpu, slices = asked.gpu, _listed(name for each in near for name in each.slices)
    if gpu.mig_profile:
        found = (
            f"they have {slices}; name one of these" if slices else "none is cut by MIG; remove migProfile"
        )
        return f"spec.gpu.migProfile: no node has {gpu.mig_profile}, {found}"
    if gpu.sharing == "Shared":
        return "spec.gpu.sharing: no node shares its devices; write Exclusive or turn on time-slicing or MPS"
    if slices and gpu.vendor == "AMD":
        return f"spec.gpu: the devices are partitioned ({slices}); write sharing: Shared or set them to spx"
    if slices:
        return f"spec.gpu.migProfile: the devices are cut by MIG into {slices}; name one of these"
    return "spec.gpu.sharing: the nodes share their devices; write Shared or turn time-slicing and MPS off"


def is_large_enough(asked: Asked, found: Offer) -> bool:
    memory = _memory(asked, found)
    return not asked.gpu.min_memory or (memory is not None and is_enough(memory, asked.gpu))


def _too_small(asked: Asked, near: list[Offer]) -> str:
    wanted = asked.gpu.min_memory or ""
    best = max((memory for each in near if (memory := _memory(asked, each))), default=None)
    if best is None:
        return (
            "spec.gpu.minMemory: the nodes do not say how much memory their GPUs have, and the operator does "
            "not know these; remove minMemory and name products"
        )
    most = wanted.removesuffix("i")
    if not (wanted.endswith("Gi") and amount(most) <= best):
        most = f"{best // GB}G"
    remedy = (
        f"did you mean {most}?" if least_memory(asked.gpu) <= best * (1 + NEAR) else f"{most} would match"
    )
    return (
        f"spec.gpu.minMemory: the best node has {_size(best)} per device, you asked for {wanted}"
        f"{'' if wanted.endswith('Mi') else f' ({least_memory(asked.gpu) // MIB}Mi)'}; {remedy}"
    )


def _memory(asked: Asked, found: Offer) -> int | None:
    if asked.gpu.mig_profile:
        label = f"{slice_resource(asked.gpu.mig_profile)}.memory"
        return count(found.node.labels.get(label)) * MIB or found.memory
    return found.memory


def is_capable(asked: Asked, found: Offer) -> bool:
    return not asked.gpu.min_compute_capability or (found.capability or (0, 0)) >= least_capability(asked.gpu)


def _incapable(asked: Asked, near: list[Offer]) -> str:
    best = max((each.capability for each in near if each.capability), default=None)
    wanted = asked.gpu.min_compute_capability
    if best is None:
        return (
            "spec.gpu.minComputeCapability: the nodes do not say theirs; install GPU feature discovery or "
            "remove it"
        )
    return (
        f"spec.gpu.minComputeCapability: the best node has {best[0]}.{best[1]}, you asked for {wanted}; "
        "lower it or add such a node"
    )


def is_resolved_to(asked: Asked, found: Offer) -> bool:
    """The labels that the revision was given when it was made may be those of other nodes."""
    resolved = asked.resolved
    would_do = asked.now.offers(found.node)
    return not would_do or (
        resolved.accepts(found.node) and found.node.allocatable.get(resolved.resource_name, 0) > 0
    )


def _resolved_before(asked: Asked, near: list[Offer]) -> str:
    return (
        "spec.gpu was resolved before these nodes came or were relabelled; change spec.rollout.retryToken to "
        "have it resolved anew"
    )


def has_resource(asked: Asked, found: Offer) -> bool:
    return found.node.allocatable.get(asked.resolved.resource_name, 0) > 0


def _no_resource(asked: Asked, near: list[Offer]) -> str:
    wanted = asked.resolved.resource_name
    vendors = {name for each in near for name in each.node.allocatable if name in RESOURCES[asked.gpu.vendor]}
    found = f", they offer {_listed(vendors)}" if vendors else ""
    return f"the nodes offer no {wanted}{found}; is the vendor's device plugin running and healthy there?"


def has_enough(asked: Asked, found: Offer) -> bool:
    return found.node.allocatable[asked.resolved.resource_name] >= asked.gpu.count


def _too_few(asked: Asked, near: list[Offer]) -> str:
    most = max(each.node.allocatable[asked.resolved.resource_name] for each in near)
    return f"spec.gpu.count: the largest node has {most}, you asked for {asked.gpu.count}; lower it"


def is_labelled_so(asked: Asked, found: Offer) -> bool:
    return asked.resolved.accepts(found.node)


def _labelled_otherwise(asked: Asked, near: list[Offer]) -> str:
    return "the nodes' labels do not tell all that spec.gpu asks for; install the vendor's feature discovery"


def is_left(asked: Asked, found: Offer) -> bool:
    return admits(asked.pod, found.node)


def _left_out(asked: Asked, near: list[Offer]) -> str:
    return "spec.scheduling: nodeSelector and affinity leave out every node that has such a GPU"


def is_tolerated(asked: Asked, found: Offer) -> bool:
    return untolerated(asked.pod, found.node) is None or not found.node.schedulable or not found.node.ready


def _untolerated(asked: Asked, near: list[Offer]) -> str:
    taints = {taint for each in near if (taint := untolerated(asked.pod, each.node))}
    told = _listed(
        f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
        for taint in taints
    )
    return f"spec.scheduling.tolerations: the nodes that have such a GPU are tainted {told}; tolerate it"


def is_usable(asked: Asked, found: Offer) -> bool:
    return found.node.ready and found.node.schedulable


def _unusable(asked: Asked, near: list[Offer]) -> str:
    return "the nodes that have such a GPU are not ready or cordoned; see kubectl get nodes"


Check = Callable[[Asked, Offer], bool]
Explanation = Callable[[Asked, list[Offer]], str]
CHECKS: Final[tuple[tuple[Check, Explanation], ...]] = (
    (is_named, _other_products),
    (is_offered_so, _offered_otherwise),
    (is_large_enough, _too_small),
    (is_capable, _incapable),
    (is_resolved_to, _resolved_before),
    (has_resource, _no_resource),
    (has_enough, _too_few),
    (is_labelled_so, _labelled_otherwise),
    (is_left, _left_out),
    (is_tolerated, _untolerated),
    (is_usable, _unusable),
)
"""Each looks at the nodes that passed those before it; the first that leaves none is told."""


def _size(memory: int) -> str:
    return f"{memory // GB}G" if memory % GB == 0 else f"{memory // MIB}Mi"


def _listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`, in order, no more than MOST_NAMED."""
    found = sorted({name for name in names if name})
    if len(found) > MOST_NAMED:
        return f"{', '.join(found[:MOST_NAMED])} and {len(found) - MOST_NAMED} more"
    return f" {last} ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))
