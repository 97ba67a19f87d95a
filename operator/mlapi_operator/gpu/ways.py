"""The ways in which a cluster may offer what a spec asks for; a pod names one resource, so one is taken."""

from dataclasses import dataclass

from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.profiles import (
    GFD,
    GKE,
    GKE_PARTITION,
    GKE_SHARED,
    GKE_SHARING,
    MIG_RESOURCE,
    MIG_SUFFIX,
    PROFILES,
    RENAMED,
    RESOURCES,
    SHARED,
    SHARED_SUFFIX,
    SHARING,
    WHOLE,
    Profile,
)
from mlapi_operator.gpu.selectors import absent, among, outside


@dataclass(frozen=True, slots=True)
class View:
    """What the labels of one profile say of a node that offers GPUs in one way.

    Attributes:
        memory: label with the MiB of what a pod gets; empty if there is none.
        suffixes: that the product's value may have.
        listed: nothing but the product's value tells it.
        live: only values that nodes have now will do.
    """

    profile: Profile
    requirements: tuple[Manifest, ...] = ()
    memory: str = ""
    suffixes: tuple[str, ...] = ("",)
    listed: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """
    Attributes:
        resource: what a pod asks for.
        views: where nodes may tell that they offer it.
        anywhere: what must hold where any product will do; None if only the views can tell.
        size: bytes that the slice's name promises; None for whole devices.
        mig: only products that can be cut will do.
    """

    resource: str
    views: tuple[View, ...]
    anywhere: tuple[Manifest, ...] | None = None
    size: int | None = None
    mig: bool = False


def ways(gpu: GPU) -> tuple[Way, ...]:
    """The first is taken where the nodes do not tell."""
    if gpu.mig_profile:
        return (_mixed(gpu.mig_profile), _single(gpu.mig_profile))
    if gpu.sharing == "Shared" and gpu.vendor == "NVIDIA":
        return (_shared(), _renamed())
    # The plugins of AMD and Intel do not tell who shares; AMD's tells what is cut up.
    whole = WHOLE[gpu.vendor] if gpu.sharing == "Exclusive" else ()
    views = tuple(View(profile, whole, profile.memory) for profile in PROFILES[gpu.vendor])
    return tuple(Way(resource, views, whole) for resource in RESOURCES[gpu.vendor])


def slice_resource(profile: str) -> str:
    """Of a MIG profile under the strategy `mixed`."""
    return MIG_RESOURCE + label_form(profile)


def label_form(profile: str) -> str:
    """A MIG profile as it stands in labels and resources, which know no '+'."""
    return profile.replace("+", ".")


def _mixed(profile: str) -> Way:
    resource = slice_resource(profile)
    alone = (outside(f"{resource}.sharing-strategy", SHARED),)
    return Way(resource, (View(GFD, alone, f"{resource}.memory"),), alone, mig=True)


def _single(profile: str) -> Way:
    sliced = View(
        GFD,
        (outside(SHARING, SHARED),),
        GFD.memory,
        (MIG_SUFFIX + label_form(profile),),
        listed=True,
    )
    partitioned = View(GKE, (among(GKE_PARTITION, [profile]), outside(GKE_SHARING, GKE_SHARED)))
    return Way("nvidia.com/gpu", (sliced, partitioned), size=nominal(profile), mig=True)


def nominal(profile: str) -> int:
    """Bytes that the name of a MIG profile promises: 10 GB for `1g.10gb`."""
    return int(profile.partition(".")[2].partition("gb")[0]) * 10**9


def _shared() -> Way:
    told = View(GFD, (among(SHARING, SHARED),), GFD.memory, ("", SHARED_SUFFIX))
    # Older releases of the plugin say it by the product's name alone.
    named = View(GFD, (absent(SHARING),), GFD.memory, (SHARED_SUFFIX,), listed=True, live=True)
    gke = View(GKE, (among(GKE_SHARING, GKE_SHARED),))
    return Way("nvidia.com/gpu", (told, named, gke))


def _renamed() -> Way:
    views = tuple(
        View(profile, (), profile.memory, ("", SHARED_SUFFIX) if profile is GFD else ("",))
        for profile in PROFILES["NVIDIA"]
    )
    return Way(RENAMED, views, ())
