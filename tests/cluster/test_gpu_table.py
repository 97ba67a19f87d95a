"""A spec's GPUs lead the real scheduler to nodes of the right kind, or status says why to none.

The nodes are fake, all else is real: the operator's own builders make the pods, all at once, and what the
scheduler makes of them is read as the operator reads it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest

from e2e.cluster.light import LightCluster
from e2e.fake_nodes import KINDS, NVIDIA, fake_node
from e2e.kube import Kube, wait_for
from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Reason
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.gpu.capacity import Capacity
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, resolve
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.revisions import Revision
from mlapi_operator.protocol import SystemClock
from mlapi_operator.settings import Fetch
from mlapi_operator.status.scheduling import placed
from tests.support.kubelet import IMAGE
from tests.support.mlapis import REQUIRED, mlapi

NAMESPACE = "default"
WHOLE = "a100-40 a100-80 h100 l40s t4 gke-l4 karpenter-a10g aks-v100"
# Room for every row on its node; where a row asks for too many, the node has its own number.
PLENTY = 200
COUNTS = {"l40s": 12}
# Beside one node of each kind: one that is full, and one for those alone who are asked in.
FULL = "t4-full"
RESERVED = "h100-reserved"
RESERVED_TAINT = {"key": "team", "value": "research", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class Row:
    """
    Attributes:
        nodes: names, of which the scheduler may take any; empty if it is to find none.
        reason: why it finds none.
        says: part of the message that then stands in status.
    """

    about: str
    spec: Manifest
    nodes: str = ""
    reason: Reason | None = None
    says: str = ""


def on(nodes: str, about: str, scheduling: Manifest | None = None, **gpu: Any) -> Row:
    return Row(about, {"gpu": gpu, **({"scheduling": scheduling} if scheduling else {})}, nodes)


def nowhere(says: str, about: str, **gpu: Any) -> Row:
    return Row(about, {"gpu": gpu}, "", conditions.NO_MATCHING_NODE, says)


def lacking(says: str, about: str, **gpu: Any) -> Row:
    """By its labels a node would do, or would any: what the scheduler misses is the resource."""
    return Row(about, {"gpu": gpu}, "", conditions.INSUFFICIENT_GPU, says)


def hosts(*names: str) -> Manifest:
    expressions = [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(names)}]
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"affinity": {"nodeAffinity": {REQUIRED: terms}}}


ROWS = (
    on(WHOLE, "any whole NVIDIA GPU"),
    on(WHOLE, "two of any product", count=2),
    on("h100", "a product", products=["H100"]),
    on("h100", "a product in lower case", products=["h100"]),
    on("h100", "a product with its size", products=["H100-80GB"]),
    on("h100", "a product as its label has it", products=["NVIDIA-H100-80GB-HBM3"]),
    on("a100-40 a100-80", "a product of two sizes", products=["A100"]),
    on("a100-80", "the larger size", products=["A100-80GB"]),
    on("a100-40", "the smaller size", products=["A100-40GB"]),
    on("a100-40", "the smaller size as its label has it", products=["NVIDIA-A100-SXM4-40GB"]),
    on("l40s", "a product whose name begins as another's", products=["L40S"]),
    on("t4", "an old product", products=["T4"]),
    on("t4", "an old product as its label has it", products=["Tesla-T4"]),
    on("gke-l4", "a product that GKE's label names", products=["L4"]),
    on("karpenter-a10g", "a product that Karpenter's label names", products=["A10G"]),
    on("aks-v100", "a product that AKS' instance type means", products=["V100"]),
    on("h100", "the first of two", products=["H100", "A100-80GB"]),
    on("a100-80", "the first of two, in the other order", products=["A100-80GB", "H100"]),
    on("t4", "the first of two, of different generations", products=["T4", "H100"]),
    on("gke-l4", "the first of three, over two sources of labels", products=["L4", "T4", "H100"]),
    on("l40s", "the second, as there is none of the first", products=["H200", "L40S"]),
    nowhere("no node has H200, they have", "a product that nobody has", products=["H200"]),
    nowhere("no node has L40,", "a product whose name is the beginning of another's", products=["L40"]),
    on("a100-80 h100", "memory as vendors print it", minMemory="80G"),
    on("a100-80", "memory in powers of two", minMemory="80Gi"),
    nowhere("81559Mi per device, you asked for 80Gi (81920Mi); did you mean 80G?",
            "memory in powers of two of a product that has less", products=["H100"], minMemory="80Gi"),
    on("a100-80 h100", "memory just below what there is", minMemory="85G"),
    nowhere("81920Mi per device", "memory just above what there is", minMemory="86G"),
    on("l40s", "memory and product", products=["L40S"], minMemory="48G"),
    nowhere("46068Mi per device, you asked for 48Gi (49152Mi); did you mean 48G?",
            "memory in powers of two and product", products=["L40S"], minMemory="48Gi"),
    on("a100-40 a100-80 h100 l40s gke-l4 karpenter-a10g", "memory as two clouds tell it", minMemory="24G"),
    on("a100-40 a100-80 h100 l40s", "memory of more than the clouds' nodes have", minMemory="40G"),
    on("t4", "memory as printed on a small product", products=["T4"], minMemory="16G"),
    nowhere("15360Mi per device, you asked for 16Gi", "memory in powers of two of a small product",
            products=["T4"], minMemory="16Gi"),
    on("a100-40 a100-80 h100 l40s gke-l4 karpenter-a10g", "a compute capability", minComputeCapability="8.0"),
    on("h100 l40s gke-l4", "a compute capability with a minor part", minComputeCapability="8.9"),
    on("h100", "a compute capability of one generation", minComputeCapability="9.0"),
    nowhere("the best node has 9.0, you asked for 10.0", "a compute capability that nobody has",
            minComputeCapability="10.0"),
    nowhere("the best node has 7.5, you asked for 8.0", "a compute capability that the product lacks",
            products=["T4"], minComputeCapability="8.0"),
    on("h100", "all at once", products=["A100", "H100"], minMemory="80G", minComputeCapability="9.0"),
    on("h100", "eight on one node", products=["H100"], count=8),
    on("l40s", "as many as the node has but for the others'", products=["L40S"], count=4),
    lacking("the largest node has 12, you asked for 16", "more than one node has", products=["L40S"],
            count=16),
    on("time-sliced", "a shared device", sharing="Shared"),
    on("time-sliced", "a shared device of a product", sharing="Shared", products=["A10G"]),
    nowhere("no node shares its devices", "a product that is nowhere shared", sharing="Shared",
            products=["H100"]),
    nowhere("23028Mi per device", "a shared device of more memory", sharing="Shared", minMemory="48G"),
    on("mig-single", "a slice where all are cut alike", migProfile="1g.5gb"),
    on("mig-mixed", "a slice where they are cut differently", migProfile="1g.10gb"),
    on("mig-mixed", "a slice of two parts", migProfile="2g.20gb"),
    on("mig-mixed", "a slice of three parts", migProfile="3g.40gb"),
    on("mig-mixed", "a slice of a product", migProfile="1g.10gb", products=["A100"]),
    on("mig-mixed", "a slice with memory", migProfile="1g.10gb", minMemory="10G"),
    nowhere("9728Mi per device, you asked for 10Gi", "a slice with memory in powers of two",
            migProfile="1g.10gb", minMemory="10Gi"),
    lacking("no node has 7g.80gb, they have", "a slice that nobody cut", migProfile="7g.80gb"),
    lacking("spec.gpu.migProfile", "a slice of a product that is not cut", migProfile="1g.5gb",
            products=["H100"]),
    on("mi300x", "any AMD GPU", vendor="AMD"),
    on("mi300x", "an AMD product", vendor="AMD", products=["MI300X"]),
    on("mi300x", "eight of AMD's", vendor="AMD", count=8),
    on("mi300x", "memory of AMD's, whose label is text", vendor="AMD", minMemory="192G"),
    nowhere("spec.gpu.minMemory", "more memory than AMD's has", vendor="AMD", minMemory="300G"),
    nowhere("no node has MI325X, they have AMD_Instinct_MI300X_OAM", "another AMD product", vendor="AMD",
            products=["MI325X"]),
    on("intel-flex", "any Intel GPU", vendor="Intel"),
    on("intel-flex", "an Intel product", vendor="Intel", products=["Flex-170"]),
    nowhere("no node has Max-1550, they have Flex_170", "another Intel product", vendor="Intel",
            products=["Max-1550"]),
    on("a100-40", "the user's own affinity too", hosts("a100-40", "t4"), products=["A100", "H100"]),
    Row("the user's own affinity against it", {"gpu": {"products": ["A100"]}, "scheduling": hosts("t4")}, "",
        conditions.NO_MATCHING_NODE, "nodeSelector and affinity leave out every node"),
    Row("a nodeSelector that nothing matches", {"gpu": {}, "scheduling": {"nodeSelector": {"pool": "none"}}},
        "", conditions.NO_MATCHING_NODE, "nodeSelector and affinity leave out every node"),
    Row("devices that others hold", {"gpu": {}, "scheduling": {"nodeSelector": {"pool": "full"}}}, "",
        conditions.INSUFFICIENT_GPU, "1 node matches spec.gpu, 0 of its devices are free"),
    Row("a node for others", {"gpu": {}, "scheduling": {"nodeSelector": {"pool": "reserved"}}}, "",
        conditions.NO_MATCHING_NODE, "are tainted team=research:NoSchedule; tolerate it"),
    on(RESERVED, "a node for others, tolerated",
       {"nodeSelector": {"pool": "reserved"}, "tolerations": [{"operator": "Exists", "key": "team"}]}),
    Row("more CPU than a node with the GPU has", {"gpu": {"products": ["H100"]},
        "resources": {"requests": {"cpu": "100"}}}, "", conditions.INSUFFICIENT_CPU, "Insufficient cpu"),
    Row("no GPU", {}, "", conditions.UNTOLERATED_TAINT, "tolerate the taint"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scheduler did with a row's pod, and what the operator makes of it."""

    pod: Manifest
    devices: Devices | None
    objection: Objection | None


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    with (
        LightCluster(tmp_path_factory.mktemp("gpus"), fake_nodes=True) as light,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("KUBECONFIG", str(light.kubeconfig))
        kube = Kube(light.kubeconfig)
        make_nodes(kube)
        yield asyncio.run(scheduled(kube))


def make_nodes(kube: Kube) -> None:
    nodes = [
        fake_node(kind, kind, f"10.246.{number}.0/24", count=COUNTS.get(kind, PLENTY))
        for number, kind in enumerate(KINDS, 1)
    ]
    full = fake_node("t4", FULL, "10.246.101.0/24", count=1, labels={"pool": "full"})
    reserved = fake_node("h100", RESERVED, "10.246.102.0/24", count=8, labels={"pool": "reserved"})
    reserved["spec"]["taints"].append(RESERVED_TAINT)
    for node in (*nodes, full, reserved):
        kube.create("Node", "", node)
    wait_for("the default ServiceAccount", lambda: kube.get("ServiceAccount", NAMESPACE, "default"))
    kube.create("Pod", NAMESPACE, holder(FULL))
    wait_for("all nodes Ready", lambda: all(map(is_ready, kube.list("Node", ""))))


def holder(node: str) -> Manifest:
    container = {"name": "holder", "image": IMAGE, "resources": {"limits": {NVIDIA: "1"}}}
    tolerations = [{"key": NVIDIA, "operator": "Exists"}]
    spec = {"nodeName": node, "containers": [container], "tolerations": tolerations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder"}, "spec": spec}


def is_ready(node: Manifest) -> bool:
    """Once it is Ready it still has a taint for a moment."""
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions") or ()
    )
    return ready and not any(t["key"].startswith("node.kubernetes.io/") for t in node["spec"]["taints"])


async def scheduled(kube: Kube) -> dict[str, Outcome]:
    """By `Row.about`."""
    cluster = KubernetesCluster(await connect(), lambda: 10.0)
    try:
        capacity = Capacity(cluster, SystemClock())
        nodes = await capacity.nodes()
        asked = [Asked.of(row, f"row-{number}", nodes) for number, row in enumerate(ROWS)]
        for each in asked:
            kube.create("Pod", NAMESPACE, each.pod)
        wait_for("the scheduler looked at each", lambda: all(map(is_decided, kube.list("Pod", NAMESPACE))))
        pods = {pod["metadata"]["name"]: pod for pod in kube.list("Pod", NAMESPACE)}
        return {each.about: await each.outcome(pods[each.name], capacity) for each in asked}
    finally:
        await cluster.close()


def is_decided(pod: Manifest) -> bool:
    return "nodeName" in pod["spec"] or bool(Pod.of(pod).unschedulable)


@dataclass(frozen=True, slots=True)
class Asked:
    about: str
    name: str
    spec: MLApiSpec
    resolved: Resolved | None
    template: Manifest

    @classmethod
    def of(cls, row: Row, name: str, nodes: Sequence[Node] | None) -> Self:
        spec = parse(mlapi(row.spec))
        resolved = resolve(spec.gpu, nodes) if spec.gpu else None
        owner = Owner(NAMESPACE, name, "uid")
        template = pod_template(owner, spec, revision=name, image=IMAGE, fetch=Fetch(), gpu=resolved)
        return cls(row.about, name, spec, resolved, template)

    @property
    def pod(self) -> Manifest:
        metadata = {"name": self.name, "labels": self.template["metadata"]["labels"]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": self.template["spec"]}

    async def outcome(self, pod: Manifest, capacity: Capacity) -> Outcome:
        devices = None
        if self.spec.gpu and self.resolved:
            devices = await capacity.devices(self.spec.gpu, self.resolved, self.template)
        revision = Revision(self.name, 1, "", "FastAPI", IMAGE, provided=False)
        facts = Facts(spec=self.spec, revision=revision, pods=(Pod.of(pod),), devices=devices)
        return Outcome(pod, devices, placed(facts))


@pytest.mark.parametrize("row", [row for row in ROWS if row.nodes], ids=lambda row: row.about)
def test_spec_that_nodes_can_serve_is_scheduled_to_one(row: Row, outcomes: dict[str, Outcome]) -> None:
    found = outcomes[row.about]
    assert found.objection is None
    assert found.pod["spec"]["nodeName"] in row.nodes.split()
    assert found.devices is not None
    assert found.devices.matching_nodes >= len(row.nodes.split())


@pytest.mark.parametrize("row", [row for row in ROWS if not row.nodes], ids=lambda row: row.about)
def test_spec_that_no_node_can_serve_is_told_why(row: Row, outcomes: dict[str, Outcome]) -> None:
    found = outcomes[row.about]
    assert found.objection is not None, found.pod["spec"]["nodeName"]
    assert row.says in found.objection.message
    assert found.objection.reason is row.reason
