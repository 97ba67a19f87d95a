"""Node selector terms for what a spec asks of its GPUs, one or more for each source of labels.

Nodes are told apart by labels alone, so what a label does not say (memory on GKE, compute capability under
Karpenter) is taken from the table of products, and only products that are in it will then do.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.quantity import amount
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.nodes import Node, count
from mlapi_operator.gpu.products import GB, MIB, Product, is_called, labelled, products, words
from mlapi_operator.gpu.profiles import GFD, MIG_SUFFIX, SHARED_SUFFIX, WHOLE, Profile
from mlapi_operator.gpu.selectors import above, absent, among, below, holds, outside, present, term
from mlapi_operator.gpu.ways import View, Way

LONGEST_LABEL: Final = 63
MOST_WEIGHT: Final = 100
# A device that two products' labels share is told by its memory, give or take what drivers report less.
NEAR: Final = 0.1

Requirements = tuple[Manifest, ...]


def required(gpu: GPU, way: Way, nodes: Sequence[Node]) -> tuple[Manifest, ...]:
    """Terms of which any will do; none where every node that offers the resource will."""
    whole = _odd(gpu, nodes)
    if not (gpu.products or gpu.min_memory or gpu.min_compute_capability) and way.anywhere is not None:
        told = (*way.anywhere, *whole)
        return (term(*told),) if told else ()
    found = tuple(
        term(*view.profile.marks, *view.requirements, *product, *memory, *capability, *whole)
        for view in way.views
        for product in _products(gpu, way, view, gpu.products, (), nodes)
        for memory in _memory(gpu, way, view, nodes)
        for capability in _capability(gpu, view)
    )
    # No product that is known has what is asked for: still a selector, and one that no node passes.
    return found or (term(present(GFD.product), absent(GFD.product)),)


def preferred(gpu: GPU, way: Way, nodes: Sequence[Node]) -> tuple[Manifest, ...]:
    """A weight for each product by its place in the list; none where there is nothing to choose."""
    if len(gpu.products) < 2:
        return ()
    return tuple(
        {
            # Each node counts once, by the first profile that speaks of it.
            "weight": MOST_WEIGHT - MOST_WEIGHT * place // len(gpu.products),
            "preference": term(*map(absent, earlier), *product),
        }
        for place, alias in enumerate(gpu.products)
        for earlier, view in _with_earlier(way.views)
        for product in _products(gpu, way, view, [alias], gpu.products[:place], nodes)
        if product
    )


def _with_earlier(views: Sequence[View]) -> Iterator[tuple[list[str], View]]:
    for index, view in enumerate(views):
        others = (each.profile.product for each in views[:index])
        yield [product for product in others if product != view.profile.product], view


def _products(
    gpu: GPU, way: Way, view: View, aliases: Sequence[str], passed: Sequence[str], nodes: Sequence[Node]
) -> list[Requirements]:
    """Alternatives that say which products will do; `[()]` where that need not be said.

    Args:
        aliases: that will do; any product if empty.
        passed: aliases whose products will not.
    """
    sized = bool(gpu.min_memory) and not (view.memory or view.profile.size or way.size)
    rated = bool(gpu.min_compute_capability) and view.profile.capability is None
    if not (aliases or sized or rated or view.listed):
        return [()]

    def will_do(product: Product) -> bool:
        return (
            _is_wanted(product, aliases, passed)
            and (not sized or is_enough(product.memory, gpu))
            and (not rated or (product.capability or (0, 0)) >= least_capability(gpu))
            # What is asked for by name may have learnt it; this only keeps the list of all short.
            and (not way.mig or bool(aliases) or product.mig)
        )

    known = {product.name: product for product in products(gpu.vendor) if will_do(product)}
    plain: list[str] = []
    alternatives: list[Requirements] = []
    for product in _in_order(known.values(), aliases):
        for value in product.values.get(view.profile.name, ()):
            if all(each.name in known for each in labelled(view.profile.name, value)):
                plain.append(value)
            elif view.memory:
                near = int(product.memory_mib * NEAR)
                alternatives.append(
                    (
                        among(view.profile.product, [value]),
                        above(view.memory, product.memory_mib - near),
                        below(view.memory, product.memory_mib + near),
                    )
                )
    if not (sized or rated):
        plain += _live(view, aliases, passed, nodes)
        plain += [alias for alias in aliases if not view.profile.closed and _is_new(gpu, alias)]
    values = [value + suffix for value in plain for suffix in view.suffixes]
    seen = {node.labels.get(view.profile.product) for node in nodes}
    fitting = list(
        dict.fromkeys(
            value for value in values if len(value) <= LONGEST_LABEL and (value in seen or not view.live)
        )
    )
    return [(among(view.profile.product, fitting),), *alternatives] if fitting else alternatives


def _is_wanted(product: Product, aliases: Sequence[str], passed: Sequence[str]) -> bool:
    named = not aliases or any(map(product.is_called, aliases))
    return named and not any(map(product.is_called, passed))


def _in_order(found: Iterable[Product], aliases: Sequence[str]) -> list[Product]:
    """The alias named first comes first."""
    return sorted(found, key=lambda product: [not product.is_called(alias) for alias in aliases])


def _live(view: View, aliases: Sequence[str], passed: Sequence[str], nodes: Sequence[Node]) -> list[str]:
    """Values, without suffix, of nodes whose product the table does not know."""
    found = set()
    for node in nodes:
        value = node.labels.get(view.profile.product, "")
        base, suffix = cut(value)
        if (
            view.profile.closed
            or not base
            or suffix not in view.suffixes
            or labelled(view.profile.name, base)
        ):
            continue
        if all(holds(mark, node.labels) for mark in view.profile.marks):
            told, memory = words(base), memory_of(view.profile, node)
            named = not aliases or any(is_called(alias, told, memory) for alias in aliases)
            if named and not any(is_called(alias, told, memory) for alias in passed):
                found.add(base)
    return sorted(found)


def _is_new(gpu: GPU, alias: str) -> bool:
    """A name that is in no table may be what the label of a node to come says."""
    return not any(product.is_called(alias) for product in products(gpu.vendor))


def _memory(gpu: GPU, way: Way, view: View, nodes: Sequence[Node]) -> list[Requirements]:
    """Alternatives that say how much memory will do; none if the view has too little."""
    if not gpu.min_memory:
        return [()]
    least = least_memory(gpu)
    if view.memory:
        # Gt is strict, and there is no Ge. Labels are rounded down: AWS has 45776 where 48 GB are 45776.4.
        return [(above(view.memory, max(least // MIB - 1, 0)),)]
    if view.profile.size:
        return [(among(view.profile.size, _sizes(gpu, view.profile, least, nodes)),)]
    return [()] if way.size is None or is_enough(way.size, gpu) else []


def _sizes(gpu: GPU, profile: Profile, least: int, nodes: Sequence[Node]) -> list[str]:
    """Texts such as 192G of which no selector can tell which is the greater."""
    known = {f"{round(product.memory_mib / 1024)}G" for product in products(gpu.vendor)}
    live = {node.labels[profile.size] for node in nodes if profile.size in node.labels}
    enough = {text for text in known | live if text and is_enough(count(text), gpu)}
    return sorted(enough | {f"{-(-least // GB)}G"}, key=lambda text: (count(text), text))


def _capability(gpu: GPU, view: View) -> list[Requirements]:
    if not gpu.min_compute_capability or view.profile.capability is None:
        return [()]
    major, minor = view.profile.capability
    wanted = least_capability(gpu)
    if wanted[1] == 0:
        return [(above(major, wanted[0] - 1),)]
    return [
        (above(major, wanted[0]),),
        (among(major, [str(wanted[0])]), above(minor, wanted[1] - 1)),
    ]


def _odd(gpu: GPU, nodes: Sequence[Node]) -> Requirements:
    """Leaves out nodes that tell by their product's name alone that their devices are shared or cut up."""
    if gpu.vendor != "NVIDIA" or gpu.sharing == "Shared" or gpu.mig_profile:
        return ()
    values = {
        node.labels.get(GFD.product, "")
        for node in nodes
        if all(holds(each, node.labels) for each in WHOLE[gpu.vendor])
    }
    found = sorted(value for value in values if cut(value)[1])
    return (outside(GFD.product, found),) if found else ()


def cut(value: str) -> tuple[str, str]:
    """The product in a label's value, and what the plugin put behind it."""
    for mark in (MIG_SUFFIX, SHARED_SUFFIX):
        product, found, rest = value.partition(mark)
        if found:
            return product, found + rest
    return value, ""


def memory_of(profile: Profile, node: Node) -> int | None:
    """Bytes of each device as the profile's labels have it, None when they do not."""
    if mebibytes := count(node.labels.get(profile.memory)):
        return mebibytes * MIB
    return count(node.labels.get(profile.size)) or None


def least_memory(gpu: GPU) -> int:
    """Bytes, rounded up."""
    return -int(-amount(gpu.min_memory or "0") // 1)


def is_enough(memory: int, gpu: GPU) -> bool:
    """By whole MiB, as labels have it."""
    return memory // MIB >= least_memory(gpu) // MIB


def least_capability(gpu: GPU) -> tuple[int, int]:
    major, _, minor = (gpu.min_compute_capability or "0.0").partition(".")
    return int(major), int(minor)
