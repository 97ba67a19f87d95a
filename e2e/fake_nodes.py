"""Nodes with GPUs that exist in the API server alone; the labels are those of real ones.

Sources: GPU feature discovery and device plugin of NVIDIA (v0.17), AMD's device plugin and labeller (v1.31),
Intel's device plugins and node feature rules (v0.32); documentation of GKE, AKS and Karpenter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from e2e.cluster.kwok import FAKE
from e2e.cluster.layout import Layout
from e2e.kube import Kube, Object

NVIDIA: Final = "nvidia.com/gpu"
AMD: Final = "amd.com/gpu"
INTEL: Final = "gpu.intel.com/i915"


@dataclass(frozen=True, slots=True)
class FakeNode:
    """One kind of node.

    Args:
        devices: extended resource -> how many of it the node has.
        taint: key of the taint that keeps other pods away; its effect is NoSchedule.
    """

    labels: Mapping[str, str]
    devices: Mapping[str, int]
    taint: str = NVIDIA
    taint_value: str = "present"
    allocatable: Mapping[str, str] = field(
        default_factory=lambda: {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "1Ti", "pods": "110"}
    )


def _gfd(
    product: str, memory: int, count: int, family: str, capability: str, machine: str, **more: str
) -> dict[str, str]:
    """What GPU feature discovery writes of a node.

    Args:
        memory: MiB of one device.
        more: further labels of the same prefix, `__` for a dot and `_` for a hyphen.
    """
    major, minor = capability.split(".")
    labels = {
        "cuda.driver-version.full": "570.133.20",
        "cuda.driver-version.major": "570",
        "cuda.driver-version.minor": "133",
        "cuda.driver-version.revision": "20",
        "cuda.runtime-version.full": "12.8",
        "cuda.runtime-version.major": "12",
        "cuda.runtime-version.minor": "8",
        "gpu.compute.major": major,
        "gpu.compute.minor": minor,
        "gpu.count": str(count),
        "gpu.family": family,
        "gpu.machine": machine,
        "gpu.memory": str(memory),
        "gpu.mode": "compute",
        "gpu.present": "true",
        "gpu.product": product,
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": "false",
        "mig.strategy": "none",
        "mps.capable": "false",
        "vgpu.present": "false",
    }
    labels |= {name.replace("__", ".").replace("_", "-"): value for name, value in more.items()}
    return {f"nvidia.com/{name}": value for name, value in labels.items()}


def _mig(profile: str, product: str, count: int, memory: int, slices: int) -> dict[str, str]:
    """What GPU feature discovery writes of one profile under the strategy `mixed`."""
    prefix = f"nvidia.com/mig-{profile}"
    return {
        f"{prefix}.product": f"{product}-MIG-{profile}",
        f"{prefix}.count": str(count),
        f"{prefix}.memory": str(memory),
        f"{prefix}.multiprocessors": str(14 * slices),
        f"{prefix}.slices.gi": str(slices),
        f"{prefix}.slices.ci": str(slices),
        f"{prefix}.engines.copy": str(slices),
        f"{prefix}.replicas": "1",
        f"{prefix}.sharing-strategy": "none",
    }


KINDS: Final[Mapping[str, FakeNode]] = {
    "a100-40": FakeNode(
        _gfd("NVIDIA-A100-SXM4-40GB", 40960, 8, "ampere", "8.0", "p4d.24xlarge", mig__capable="true"),
        {NVIDIA: 8},
    ),
    "a100-80": FakeNode(
        _gfd("NVIDIA-A100-SXM4-80GB", 81920, 8, "ampere", "8.0", "p4de.24xlarge", mig__capable="true"),
        {NVIDIA: 8},
    ),
    "h100": FakeNode(
        _gfd("NVIDIA-H100-80GB-HBM3", 81559, 8, "hopper", "9.0", "p5.48xlarge", mig__capable="true"),
        {NVIDIA: 8},
    ),
    "l40s": FakeNode(_gfd("NVIDIA-L40S", 46068, 4, "ada-lovelace", "8.9", "g6e.12xlarge"), {NVIDIA: 4}),
    "t4": FakeNode(_gfd("Tesla-T4", 15360, 1, "turing", "7.5", "g4dn.xlarge"), {NVIDIA: 1}),
    "mig-single": FakeNode(
        _gfd(
            "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
            4864,
            14,
            "ampere",
            "8.0",
            "a2-highgpu-2g",
            mig__capable="true",
            mig__strategy="single",
            gpu__slices__gi="1",
            gpu__slices__ci="1",
            gpu__multiprocessors="14",
        ),
        {NVIDIA: 14},
    ),
    # All GPUs are divided: none is left whole.
    "mig-mixed": FakeNode(
        _gfd(
            "NVIDIA-A100-SXM4-80GB",
            81920,
            2,
            "ampere",
            "8.0",
            "a2-ultragpu-2g",
            mig__capable="true",
            mig__strategy="mixed",
        )
        | _mig("1g.10gb", "NVIDIA-A100-SXM4-80GB", 4, 9728, 1)
        | _mig("2g.20gb", "NVIDIA-A100-SXM4-80GB", 2, 19968, 2)
        | _mig("3g.40gb", "NVIDIA-A100-SXM4-80GB", 2, 40192, 3),
        {
            NVIDIA: 0,
            "nvidia.com/mig-1g.10gb": 4,
            "nvidia.com/mig-2g.20gb": 2,
            "nvidia.com/mig-3g.40gb": 2,
        },
    ),
    "time-sliced": FakeNode(
        _gfd(
            "NVIDIA-A10G-SHARED",
            23028,
            1,
            "ampere",
            "8.6",
            "g5.xlarge",
            gpu__replicas="4",
            gpu__sharing_strategy="time-slicing",
        ),
        {NVIDIA: 4},
    ),
    "mi300x": FakeNode(
        {
            "amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM",
            "amd.com/gpu.family": "AI",
            "amd.com/gpu.device-id": "74a1",
            "amd.com/gpu.cu-count": "304",
            "amd.com/gpu.simd-count": "1216",
            "amd.com/gpu.vram": "192G",
            "amd.com/compute-memory-partition": "spx_nps1",
        },
        {AMD: 8},
        taint=AMD,
    ),
    "intel-flex": FakeNode(
        {
            "intel.feature.node.kubernetes.io/gpu": "true",
            "gpu.intel.com/product": "Flex_170",
            "gpu.intel.com/family": "Flex_Series",
            "gpu.intel.com/device.count": "2",
            "gpu.intel.com/device-id.0380-56c0.count": "2",
            "gpu.intel.com/device-id.0380-56c0.present": "true",
        },
        {INTEL: 2},
        taint=INTEL,
    ),
    # Nodes on which the cloud's own labels are all there is.
    "gke-l4": FakeNode(
        {
            "cloud.google.com/gke-accelerator": "nvidia-l4",
            "cloud.google.com/gke-accelerator-count": "1",
            "cloud.google.com/gke-gpu-driver-version": "default",
            "node.kubernetes.io/instance-type": "g2-standard-4",
        },
        {NVIDIA: 1},
    ),
    "karpenter-a10g": FakeNode(
        {
            "karpenter.k8s.aws/instance-gpu-name": "a10g",
            "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
            "karpenter.k8s.aws/instance-gpu-count": "1",
            "karpenter.k8s.aws/instance-gpu-memory": "22888",
            "node.kubernetes.io/instance-type": "g5.xlarge",
        },
        {NVIDIA: 1},
    ),
    "aks-v100": FakeNode(
        {
            "kubernetes.azure.com/accelerator": "nvidia",
            "node.kubernetes.io/instance-type": "Standard_NC6s_v3",
        },
        {NVIDIA: 1},
        taint="sku",
        taint_value="gpu",
    ),
}


def fake_node(
    kind: str,
    name: str,
    pods: str,
    *,
    count: int | None = None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """The Node as a kubelet would create it.

    Args:
        kind: key of KINDS.
        pods: CIDR of its pods.
        count: devices of each resource that the kind has any of; by default as many as the kind has.
        labels: beside those of the kind.
    """
    node = KINDS[kind]
    devices = {
        resource: str(count if count is not None and amount else amount)
        for resource, amount in node.devices.items()
    }
    amounts = {**node.allocatable, **devices}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": dict(FAKE),
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                **node.labels,
                **(labels or {}),
            },
        },
        "spec": {
            "podCIDR": pods,
            "podCIDRs": [pods],
            "taints": [{"key": node.taint, "value": node.taint_value, "effect": "NoSchedule"}],
        },
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def add_fake_node(
    kube: Kube, kind: str, name: str, *, count: int | None = None, labels: Mapping[str, str] | None = None
) -> None:
    """Adds a node to a cluster whose fake nodes are kept alive; its pods get addresses of their own.

    Raises:
        RuntimeError: there are no addresses left for its pods.
    """
    taken = {node["metadata"]["name"]: node["spec"].get("podCIDR") for node in kube.list("Node", "")}
    free = (f"{Layout().fake_prefix}.{number}.0/24" for number in range(1, 256))
    pods = taken.get(name) or next((pods for pods in free if pods not in taken.values()), None)
    if pods is None:
        raise RuntimeError("255 fake nodes are there already; delete some: kubectl delete node NAME")
    kube.apply(fake_node(kind, name, pods, count=count, labels=labels))
