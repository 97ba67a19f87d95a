"""Any spec among any nodes: what is selected really has what was asked for, by a second reading of both.

Nodes are drawn as machines: their labels follow from what the machine is, the verdict goes by the machine.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlapi_operator.api.gpu import GPU
from mlapi_operator.desired import gpu as desired
from mlapi_operator.gpu.near_miss import near_miss
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, resolve

MIB = 1 << 20
SOURCES = ("gfd", "gke", "karpenter", "aks")


@dataclass(frozen=True)
class Card:
    """One product as each source names it; `aliases` are all that people may call it here."""

    mib: int
    capability: tuple[int, int]
    aliases: frozenset[str]
    gfd: str
    gke: str = ""
    karpenter: str = ""
    aks: str = ""


CARDS = (
    Card(
        15360,
        (7, 5),
        frozenset({"T4", "T4-16GB"}),
        "Tesla-T4",
        "nvidia-tesla-t4",
        "t4",
        "Standard_NC4as_T4_v3",
    ),
    Card(
        40960,
        (8, 0),
        frozenset({"A100", "A100-40GB"}),
        "NVIDIA-A100-SXM4-40GB",
        "nvidia-tesla-a100",
        "a100",
        "Standard_ND96asr_v4",
    ),
    Card(
        81920,
        (8, 0),
        frozenset({"A100", "A100-80GB", "NVIDIA-A100-SXM4-80GB"}),
        "NVIDIA-A100-SXM4-80GB",
        "nvidia-a100-80gb",
        "a100",
        "Standard_ND96amsr_A100_v4",
    ),
    Card(46068, (8, 9), frozenset({"L40"}), "NVIDIA-L40"),
    Card(46068, (8, 9), frozenset({"L40S"}), "NVIDIA-L40S", "", "l40s"),
    Card(23034, (8, 9), frozenset({"L4"}), "NVIDIA-L4", "nvidia-l4", "l4"),
    Card(
        81559,
        (9, 0),
        frozenset({"H100", "H100-80GB"}),
        "NVIDIA-H100-80GB-HBM3",
        "nvidia-h100-80gb",
        "h100",
        "Standard_ND96isr_H100_v5",
    ),
    # Not in the table: only its labels speak for it.
    Card(130000, (11, 2), frozenset({"H500", "H500-128GB"}), "NVIDIA-H500-128GB-HBM5", "nvidia-h500", "h500"),
)
ALIASES = [*sorted(frozenset().union(*(card.aliases for card in CARDS))), "H900", "NVIDIA", "RTX-4090"]
CUTTABLE = [card for card in CARDS if card.capability in ((8, 0), (9, 0), (11, 2))]
SLICES = {"1g.5gb": 4864, "1g.10gb": 9728, "3g.20gb": 19968}


@dataclass(frozen=True)
class Machine:
    """
    Attributes:
        mode: whole, time-slicing, mps, old-sharing, renamed, or a MIG strategy.
        slice: MIG profile, where there is one.
        whole: devices left whole beside MIG slices.
    """

    card: Card
    count: int
    mode: str
    slice: str
    whole: int
    sources: frozenset[str]

    def node(self, name: str) -> Node:
        labels: dict[str, str] = {}
        for source in self.sources:
            labels |= getattr(self, f"_{source}")()
        return Node(name, labels, self.allocatable())

    def allocatable(self) -> dict[str, int]:
        match self.mode:
            case "renamed":
                return {"nvidia.com/gpu": 0, "nvidia.com/gpu.shared": self.count}
            case "mixed":
                return {"nvidia.com/gpu": self.whole, f"nvidia.com/mig-{self.slice}": self.count}
        return {"nvidia.com/gpu": self.count}

    def _gfd(self) -> dict[str, str]:
        product = self.card.gfd
        memory = self.card.mib
        more = {}
        if self.mode in ("time-slicing", "mps", "old-sharing"):
            product += "-SHARED"
        if self.mode == "single":
            product += f"-MIG-{self.slice}"
            memory = SLICES[self.slice]
            more = {"nvidia.com/gpu.slices.gi": "1"}
        if self.mode == "mixed":
            more = {f"nvidia.com/mig-{self.slice}.memory": str(SLICES[self.slice])}
        if self.mode != "old-sharing":
            strategy = {"renamed": "time-slicing"}.get(self.mode, self.mode)
            shared = strategy in ("time-slicing", "mps")
            more |= {"nvidia.com/gpu.sharing-strategy": strategy if shared else "none"}
        return {
            "nvidia.com/gpu.product": product,
            "nvidia.com/gpu.memory": str(memory),
            "nvidia.com/gpu.compute.major": str(self.card.capability[0]),
            "nvidia.com/gpu.compute.minor": str(self.card.capability[1]),
        } | more

    def _gke(self) -> dict[str, str]:
        labels = {"cloud.google.com/gke-accelerator": self.card.gke} if self.card.gke else {}
        if self.mode in ("time-slicing", "mps"):
            strategy = {"time-slicing": "time-sharing"}.get(self.mode, self.mode)
            labels["cloud.google.com/gke-gpu-sharing-strategy"] = strategy
        if self.mode == "single":
            labels["cloud.google.com/gke-gpu-partition-size"] = self.slice
        return labels

    def _karpenter(self) -> dict[str, str]:
        prefix = "karpenter.k8s.aws/instance-gpu-"
        told = {"name": self.card.karpenter, "manufacturer": "nvidia", "memory": str(self.card.mib)}
        return {f"{prefix}{name}": value for name, value in told.items()} if self.card.karpenter else {}

    def _aks(self) -> dict[str, str]:
        labels = {"kubernetes.azure.com/accelerator": "nvidia"}
        return labels | ({"node.kubernetes.io/instance-type": self.card.aks} if self.card.aks else {})


def bytes_of(text: str) -> int:
    """A second reading of quantities, for those drawn here."""
    match = re.fullmatch(r"(\d+)(M|Mi|G|Gi)", text)
    assert match
    return int(match[1]) * {"M": 10**6, "Mi": MIB, "G": 10**9, "Gi": 1 << 30}[match[2]]


def has_what_is_asked(machine: Machine, gpu: GPU, resource: str) -> bool:
    """The verdict on the machine itself; labels are not looked at."""
    card, memory = machine.card, machine.card.mib * MIB
    if gpu.products and not card.aliases & set(gpu.products):
        return False
    if gpu.min_compute_capability:
        major, minor = map(int, gpu.min_compute_capability.split("."))
        if card.capability < (major, minor):
            return False
    if gpu.mig_profile:
        if machine.mode not in ("single", "mixed") or machine.slice != gpu.mig_profile:
            return False
        memory = SLICES[machine.slice] * MIB
        # GKE says no more of a slice than its name.
        if "gfd" not in machine.sources:
            memory = max(memory, int(machine.slice.split(".")[1][:-2]) * 10**9)
    elif gpu.sharing == "Shared":
        if machine.mode not in ("time-slicing", "mps", "old-sharing", "renamed"):
            return False
    elif machine.mode != "whole" and not (machine.mode == "mixed" and machine.whole >= gpu.count):
        return False
    if gpu.min_memory and memory < bytes_of(gpu.min_memory):
        return False
    return machine.allocatable().get(resource, 0) >= gpu.count


def selected(terms: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    """nodeSelectorTerms as the API's documentation words them."""

    def one(expression: Mapping[str, Any]) -> bool:
        key, operator = expression["key"], expression["operator"]
        values: list[str] = expression.get("values", [])
        if operator in ("Exists", "DoesNotExist"):
            return bool((key in labels) == (operator == "Exists"))
        if operator in ("In", "NotIn"):
            return bool((labels.get(key) in values) == (operator == "In"))
        if not labels.get(key, "").isdigit():
            return False
        difference = int(labels[key]) - int(values[0])
        return difference > 0 if operator == "Gt" else difference < 0

    return any(all(map(one, term["matchExpressions"])) for term in terms)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    sources = draw(st.sets(st.sampled_from(SOURCES)))
    mode = draw(
        st.sampled_from(["whole"] * 4 + ["time-slicing", "mps", "old-sharing", "renamed", "single", "mixed"])
    )
    # Only NVIDIA's discovery and GKE can tell that devices are shared or cut up; no node hides it.
    telling = {
        "whole": set(),
        "time-slicing": {"gfd", "gke"},
        "mps": {"gfd", "gke"},
        "single": {"gfd", "gke"},
    }
    if telling.get(mode, {"gfd"}) and not sources & telling.get(mode, {"gfd"}):
        sources.add("gfd")
    return Machine(
        draw(st.sampled_from(CUTTABLE if mode in ("single", "mixed") else CARDS)),
        draw(st.integers(0, 8)),
        mode,
        draw(st.sampled_from(sorted(SLICES))),
        draw(st.integers(0, 2)),
        frozenset(sources),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[GPU, list[Machine]]:
    """A spec that asks for about what one of the machines has, so that both verdicts are common."""
    fleet = draw(st.lists(machines(), min_size=1, max_size=5))
    model = draw(st.sampled_from(fleet))
    sliced = model.slice if model.mode in ("single", "mixed") and draw(st.booleans()) else None
    shared = model.mode in ("time-slicing", "mps", "old-sharing", "renamed")
    mebibytes = SLICES[sliced] if sliced else model.card.mib
    gigabytes = mebibytes * MIB // 10**9
    sizes = [f"{mebibytes + each}Mi" for each in (-1, 0, 1)] + [f"{gigabytes}G", f"{gigabytes + 1}G", "16Gi"]
    major, minor = model.card.capability
    ratings = [f"{major}.{each}" for each in (minor - 1, minor, minor + 1) if 0 <= each <= 9] + ["7.0", "9.0"]
    names = draw(st.booleans())
    return GPU(
        count=1 if sliced else draw(st.integers(1, max(1, min(model.count, 4)))),
        products=[
            *([draw(st.sampled_from(sorted(model.card.aliases)))] if names else []),
            *draw(st.lists(st.sampled_from(ALIASES), max_size=2 if names else 0)),
        ],
        min_memory=draw(st.none() | st.sampled_from(sizes)),
        min_compute_capability=draw(st.none() | st.sampled_from(ratings)),
        sharing="Shared" if shared and not sliced and draw(st.booleans()) else "Exclusive",
        mig_profile=sliced,
    ), fleet


def nodes_of(fleet: list[Machine]) -> list[Node]:
    return [machine.node(f"node-{number}") for number, machine in enumerate(fleet)]


@given(worlds(), st.lists(machines(), max_size=4))
@settings(deadline=None, max_examples=250)
def test_node_that_is_selected_has_what_was_asked_for_also_one_that_comes_later(
    world: tuple[GPU, list[Machine]], later: list[Machine]
) -> None:
    gpu, fleet = world
    resolved = resolve(gpu, nodes_of(fleet))
    # What nobody labels any more (shares told by the product's name alone) is known of present nodes only.
    telling = [machine for machine in later if machine.mode != "old-sharing"]
    for machine in [*fleet, *telling]:
        node = machine.node("node")
        accepted = not resolved.required or selected(resolved.required, node.labels)
        if accepted and node.allocatable.get(resolved.resource_name, 0) >= gpu.count:
            assert has_what_is_asked(machine, gpu, resolved.resource_name), (machine, resolved)


@given(worlds())
@settings(deadline=None, max_examples=250)
def test_node_that_has_what_was_asked_for_is_selected_if_discovery_labels_it(
    world: tuple[GPU, list[Machine]],
) -> None:
    gpu, fleet = world
    resolved = resolve(gpu, nodes_of(fleet))
    for machine in fleet:
        if "gfd" in machine.sources and has_what_is_asked(machine, gpu, resolved.resource_name):
            assert resolved.offers(machine.node("node")), (machine, resolved)


@given(worlds())
@settings(deadline=None)
def test_near_miss_is_told_unless_a_node_does(world: tuple[GPU, list[Machine]]) -> None:
    gpu, nodes = world[0], nodes_of(world[1])
    resolved = resolve(gpu, nodes)
    sentence = near_miss(gpu, resolved, {}, nodes)
    assert bool(sentence) != any(map(resolved.offers, nodes))
    assert len(sentence) < 1024
    assert "node-" not in sentence
    if sentence.endswith(("G?", "G would match")):
        least = re.findall(r"(\d+G)(?:\?| would match)$", sentence)[0]
        better = gpu.model_copy(update={"min_memory": least})
        assert least not in (near_miss(better, resolve(better, nodes), {}, nodes) or "fits").split()[-1]


LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
anything = st.builds(
    GPU,
    count=st.integers(1, 16),
    vendor=st.sampled_from(["NVIDIA", "AMD", "Intel"]),
    products=st.lists(
        st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", fullmatch=True), max_size=16
    ),
    min_memory=st.none() | st.sampled_from(["1", "0.5G", "80G", "999P", "1Ki"]),
) | st.builds(
    GPU, mig_profile=st.sampled_from(["1g.5gb", "1g.10gb+me", "7g.999gb"]), products=st.just(["A" * 63])
)
odd_nodes = st.lists(
    st.builds(
        Node,
        st.just("odd"),
        st.dictionaries(
            st.sampled_from(
                [
                    "nvidia.com/gpu.product",
                    "nvidia.com/gpu.memory",
                    "nvidia.com/gpu.compute.major",
                    "amd.com/gpu.vram",
                    "amd.com/gpu.product-name",
                    "gpu.intel.com/product",
                    "karpenter.k8s.aws/instance-gpu-name",
                    "node.kubernetes.io/instance-type",
                ]
            ),
            st.from_regex(LABEL_VALUE, fullmatch=True),
        ),
        st.dictionaries(
            st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/xe"]), st.integers(0, 16)
        ),
    ),
    max_size=4,
)


def requirements(resolved: Resolved) -> Iterator[Mapping[str, Any]]:
    for term in resolved.required:
        yield from term["matchExpressions"]
    for preference in resolved.preferred:
        yield from preference["preference"]["matchExpressions"]


@given(anything, st.none() | odd_nodes)
@settings(deadline=None)
def test_anything_resolves_to_what_the_api_server_takes(gpu: GPU, nodes: list[Node] | None) -> None:
    resolved = resolve(gpu, nodes)
    manifest = resolved.manifest()
    assert Resolved.of(json.loads(json.dumps(manifest))) == resolved
    assert resolve(gpu, nodes) == resolved
    assert desired.limits(resolved) == {resolved.resource_name: str(gpu.count)}
    for requirement in requirements(resolved):
        values = requirement.get("values", [])
        assert LABEL_KEY.fullmatch(requirement["key"])
        assert bool(values) == (requirement["operator"] in ("In", "NotIn", "Gt", "Lt"))
        assert len(values) == len(set(values))
        if requirement["operator"] in ("Gt", "Lt"):
            assert len(values) == 1
            assert -(2**63) <= int(values[0]) < 2**63
        assert all(LABEL_VALUE.fullmatch(value) for value in values)
    assert all(term["matchExpressions"] for term in resolved.required)
    assert all(1 <= preference["weight"] <= 100 for preference in resolved.preferred)
    near_miss(gpu, resolved, {}, nodes or [])
