"""Where nodes say which GPU they have: one profile for each source of such labels.

Sources: NVIDIA GPU feature discovery, AMD's node labeller, Intel's NFD rules, and the labels that GKE, AKS
and Karpenter on AWS put on nodes of theirs, also on those that do not exist yet.
"""

from dataclasses import dataclass
from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.selectors import absent, among, outside


@dataclass(frozen=True, slots=True)
class Profile:
    """
    Attributes:
        product: label that names the product.
        memory: label with the whole MiB of each device; empty if there is none.
        size: label with the memory of each device as text, `192G`; empty if there is none.
        capability: labels of major and minor compute capability.
        marks: what else holds for the nodes that the profile speaks of.
        closed: only values of the product table are believed, because the label names more than GPUs.
    """

    name: str
    vendor: str
    product: str
    memory: str = ""
    size: str = ""
    capability: tuple[str, str] | None = None
    marks: tuple[Manifest, ...] = ()
    closed: bool = False


GFD: Final = Profile(
    "gfd",
    "NVIDIA",
    "nvidia.com/gpu.product",
    memory="nvidia.com/gpu.memory",
    capability=("nvidia.com/gpu.compute.major", "nvidia.com/gpu.compute.minor"),
)
GKE: Final = Profile("gke", "NVIDIA", "cloud.google.com/gke-accelerator")
KARPENTER_AWS: Final = Profile(
    "karpenter-aws",
    "NVIDIA",
    "karpenter.k8s.aws/instance-gpu-name",
    memory="karpenter.k8s.aws/instance-gpu-memory",
    marks=(among("karpenter.k8s.aws/instance-gpu-manufacturer", ["nvidia"]),),
)
# AKS names no product: the instance type does.
AKS: Final = Profile(
    "aks",
    "NVIDIA",
    "node.kubernetes.io/instance-type",
    marks=(among("kubernetes.azure.com/accelerator", ["nvidia"]),),
    closed=True,
)
AMD: Final = Profile("amd", "AMD", "amd.com/gpu.product-name", size="amd.com/gpu.vram")
AMD_BETA: Final = Profile("amd-beta", "AMD", "beta.amd.com/gpu.product-name", size="beta.amd.com/gpu.vram")
INTEL: Final = Profile("intel", "Intel", "gpu.intel.com/product")

PROFILES: Final = {
    "NVIDIA": (GFD, GKE, KARPENTER_AWS, AKS),
    "AMD": (AMD, AMD_BETA),
    "Intel": (INTEL,),
}
"""By vendor; of a node that several speak of, the first is believed."""

RESOURCES: Final = {
    "NVIDIA": ("nvidia.com/gpu",),
    "AMD": ("amd.com/gpu",),
    "Intel": ("gpu.intel.com/i915", "gpu.intel.com/xe"),
}
"""What whole devices are called; Intel's name depends on the kernel driver. By convention the taints that
keep everyone else away from such nodes have the same key."""

SHARING: Final = "nvidia.com/gpu.sharing-strategy"
SHARED: Final = ("time-slicing", "mps")
SHARED_SUFFIX: Final = "-SHARED"
RENAMED: Final = "nvidia.com/gpu.shared"
MIG_SUFFIX: Final = "-MIG-"
MIG_RESOURCE: Final = "nvidia.com/mig-"
GKE_SHARING: Final = "cloud.google.com/gke-gpu-sharing-strategy"
GKE_SHARED: Final = ("time-sharing", "mps")
GKE_PARTITION: Final = "cloud.google.com/gke-gpu-partition-size"
# Only nodes whose devices are all MIG slices of one kind have it.
SLICES: Final = "nvidia.com/gpu.slices.gi"
AMD_PARTITION: Final = "amd.com/compute-memory-partition"
AMD_PARTITIONED: Final = tuple(
    f"{compute}_{memory}"
    for compute in ("dpx", "tpx", "qpx", "cpx")
    for memory in ("nps1", "nps2", "nps4", "nps8")
)

WHOLE: Final = {
    "NVIDIA": (
        outside(SHARING, SHARED),
        absent(SLICES),
        outside(GKE_SHARING, GKE_SHARED),
        absent(GKE_PARTITION),
    ),
    "AMD": (outside(AMD_PARTITION, AMD_PARTITIONED),),
    "Intel": (),
}
"""What holds for nodes whose devices are neither shared nor cut up."""

SKU: Final = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}
"""AKS' habit."""
