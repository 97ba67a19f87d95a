"""Nodes as the vendors' discovery, the device plugins and the clouds leave them."""

from dataclasses import replace

from mlapi_operator.gpu.nodes import Node

GFD = "nvidia.com/gpu"


def gfd(name: str, product: str, memory: int, capability: str, *, count: int = 8) -> Node:
    """As GPU feature discovery and NVIDIA's device plugin leave it."""
    major, minor = capability.split(".")
    told = {
        f"{GFD}.product": product,
        f"{GFD}.memory": str(memory),
        f"{GFD}.compute.major": major,
        f"{GFD}.compute.minor": minor,
        f"{GFD}.sharing-strategy": "none",
    }
    return Node(name, told, {GFD: count})


def labelled(node: Node, changes: dict[str, str | None]) -> Node:
    """The node with other labels under nvidia.com/; None takes one away."""
    changed = {f"nvidia.com/{name}": value for name, value in changes.items()}
    labels = {key: value for key, value in {**node.labels, **changed}.items() if value is not None}
    return replace(node, labels=labels)


A100_40 = gfd("a100-40", "NVIDIA-A100-SXM4-40GB", 40960, "8.0")
A100_80 = gfd("a100-80", "NVIDIA-A100-SXM4-80GB", 81920, "8.0")
H100 = gfd("h100", "NVIDIA-H100-80GB-HBM3", 81559, "9.0")
L40S = gfd("l40s", "NVIDIA-L40S", 46068, "8.9", count=4)
L40 = gfd("l40", "NVIDIA-L40", 46068, "8.9", count=4)
T4 = gfd("t4", "Tesla-T4", 15360, "7.5", count=1)
MIG_SINGLE = Node(
    "mig-single",
    {
        f"{GFD}.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
        f"{GFD}.memory": "4864",
        f"{GFD}.compute.major": "8",
        f"{GFD}.compute.minor": "0",
        f"{GFD}.slices.gi": "1",
        f"{GFD}.slices.ci": "1",
        "nvidia.com/mig.strategy": "single",
    },
    {GFD: 7},
)
MIG_MIXED = Node(
    "mig-mixed",
    {
        f"{GFD}.product": "NVIDIA-A100-SXM4-80GB",
        f"{GFD}.memory": "81920",
        f"{GFD}.compute.major": "8",
        f"{GFD}.compute.minor": "0",
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig-1g.10gb.count": "3",
        "nvidia.com/mig-1g.10gb.memory": "9728",
        "nvidia.com/mig-2g.20gb.count": "2",
        "nvidia.com/mig-2g.20gb.memory": "19968",
    },
    {GFD: 0, "nvidia.com/mig-1g.10gb": 3, "nvidia.com/mig-2g.20gb": 2},
)
SLICED = labelled(
    gfd("time-sliced", "Tesla-T4-SHARED", 15360, "7.5", count=4), {"gpu.sharing-strategy": "time-slicing"}
)
RENAMED = Node(
    "renamed",
    {**gfd("", "NVIDIA-A10", 23028, "8.6").labels, f"{GFD}.sharing-strategy": "time-slicing"},
    {GFD: 0, f"{GFD}.shared": 8},
)
MI300X = Node(
    "mi300x",
    {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "192G"},
    {"amd.com/gpu": 8},
)
MAX_1100 = Node(
    "max-1100",
    {"gpu.intel.com/product": "Max_1100", "gpu.intel.com/family": "Max_Series"},
    {"gpu.intel.com/i915": 4},
)
CPU = Node("cpu", {"node.kubernetes.io/instance-type": "m7i.large"})

KINDS = (A100_40, A100_80, H100, L40S, T4, MIG_SINGLE, MIG_MIXED, SLICED, MI300X, MAX_1100, CPU)
"""A cluster with every kind of GPU node."""

GKE_A100_80 = Node("gke-a100-80", {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}, {GFD: 1})
GKE_L4 = Node("gke-l4", {"cloud.google.com/gke-accelerator": "nvidia-l4"}, {GFD: 1})
GKE_SHARED_L4 = Node(
    "gke-shared-l4",
    {
        "cloud.google.com/gke-accelerator": "nvidia-l4",
        "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
        "cloud.google.com/gke-max-shared-clients-per-gpu": "4",
    },
    {GFD: 4},
)
GKE_PARTITIONED = Node(
    "gke-partitioned",
    {
        "cloud.google.com/gke-accelerator": "nvidia-tesla-a100",
        "cloud.google.com/gke-gpu-partition-size": "1g.5gb",
    },
    {GFD: 7},
)


def karpenter(name: str, gpu: str, memory: int, *, count: int = 8) -> Node:
    prefix = "karpenter.k8s.aws/instance-gpu-"
    labels = {
        f"{prefix}name": gpu,
        f"{prefix}manufacturer": "nvidia",
        f"{prefix}memory": str(memory),
        f"{prefix}count": str(count),
    }
    return Node(name, labels, {GFD: count})


P4D = karpenter("p4d", "a100", 40960)
P4DE = karpenter("p4de", "a100", 81920)
G6E = karpenter("g6e", "l40s", 45776, count=1)
GAUDI = Node(
    "gaudi",
    {
        "karpenter.k8s.aws/instance-gpu-name": "gaudi-hl-205",
        "karpenter.k8s.aws/instance-gpu-manufacturer": "habana",
        "karpenter.k8s.aws/instance-gpu-memory": "32768",
    },
    {"habana.ai/gaudi": 8},
)


def aks(name: str, instance: str, count: int) -> Node:
    labels = {"kubernetes.azure.com/accelerator": "nvidia", "node.kubernetes.io/instance-type": instance}
    return Node(name, labels, {GFD: count})


AKS_A100 = aks("aks-a100", "Standard_NC24ads_A100_v4", 1)
AKS_T4 = aks("aks-t4", "Standard_NC4as_T4_v3", 1)

CLOUD = (
    GKE_A100_80,
    GKE_L4,
    GKE_SHARED_L4,
    GKE_PARTITIONED,
    P4D,
    P4DE,
    G6E,
    GAUDI,
    AKS_A100,
    AKS_T4,
    RENAMED,
    L40,
    CPU,
)
"""A cluster that no cloud has: nodes of all of them, known by their own labels alone."""
