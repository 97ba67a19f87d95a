"""The GPU that each pod needs."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer

from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.patterns import pattern
from mlapi_operator.api.quantity import Bytes

Product = Annotated[
    str,
    StringConstraints(max_length=63),
    pattern(
        "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
        "must be a product such as H100 or A100-80GB, or the value of a node's product label",
    ),
]


class GPU(Object):
    """The GPU that each pod needs. `gpu: {}` asks for one NVIDIA GPU of any kind; absent asks for none."""

    count: Annotated[int, Field(ge=1, le=16)] = 1
    """Devices per pod, all on one node. Example: `2`."""
    vendor: Literal["NVIDIA", "AMD", "Intel"] = "NVIDIA"
    """Who made it. Decides the resource that pods ask for, as `nvidia.com/gpu`, and the labels of nodes."""
    products: Annotated[list[Product], Field(max_length=16)] = Field(default_factory=list)
    """Products that will do, the best first: a short name such as `H100` or `A100-80GB`, or the value of a
    node's product label such as `NVIDIA-H100-80GB-HBM3`. Absent: any. Example: `[H100, A100-80GB]`."""
    min_memory: Bytes | None = None
    """Least memory of each device. Write vendors' sizes in decimal, `80G`: a device sold as 80 GB has less
    than `80Gi`. Examples: `24G`, `80G`."""
    min_compute_capability: (
        Annotated[
            str,
            StringConstraints(max_length=24),
            pattern("^[1-9][0-9]?[.][0-9]$", "must be major and minor in quotes, as in '8.0'"),
        ]
        | None
    ) = None
    """Least CUDA compute capability, in quotes: `"8.0"` is Ampere, `"9.0"` Hopper. NVIDIA only."""
    sharing: Literal["Exclusive", "Shared"] = "Exclusive"
    """`Exclusive` runs on devices that nobody shares; `Shared` on those that time-slicing or MPS offers
    several times."""
    mig_profile: (
        Annotated[
            str,
            StringConstraints(max_length=24),
            pattern(
                "^[1-9]g[.][1-9][0-9]{0,2}gb([+]me)?$", "must be a MIG profile, as in 1g.10gb or 1g.10gb+me"
            ),
        ]
        | None
    ) = None
    """A slice of a GPU that was cut by MIG, instead of a whole one. NVIDIA only. Example: `1g.10gb`."""

    rules: ClassVar = (
        Rule(
            "!has(self.minComputeCapability) || self.vendor == 'NVIDIA'",
            "only NVIDIA GPUs have a compute capability; remove minComputeCapability and name products",
            lambda gpu: gpu.min_compute_capability is None or gpu.vendor == "NVIDIA",
            field=("minComputeCapability",),
        ),
        Rule(
            "!has(self.migProfile) || self.vendor == 'NVIDIA'",
            "only NVIDIA GPUs have MIG; remove migProfile or write vendor: NVIDIA",
            lambda gpu: gpu.mig_profile is None or gpu.vendor == "NVIDIA",
            field=("migProfile",),
        ),
        Rule(
            "!has(self.migProfile) || self.sharing == 'Exclusive'",
            "a MIG slice is not shared; remove migProfile or write sharing: Exclusive",
            lambda gpu: gpu.mig_profile is None or gpu.sharing == "Exclusive",
            field=("migProfile",),
        ),
        Rule(
            "!has(self.migProfile) || self.count == 1",
            "a server uses one MIG slice only; write count: 1 and a larger migProfile",
            lambda gpu: gpu.mig_profile is None or gpu.count == 1,
            field=("count",),
        ),
    )

    @model_serializer(mode="wrap")
    def _never_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Without its defaults one GPU of any kind would be written as an empty object, and read as none.
        members: dict[str, Any] = serialize(self)
        return {"count": self.count} | members
