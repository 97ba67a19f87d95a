"""How many devices a pod holds."""

from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.nodes import NOTHING, devices

OVER: Final = frozenset({"Succeeded", "Failed"})


def held(pod: Manifest) -> dict[str, int]:
    """Extended resources, by name, that the scheduler sets aside for the pod; also while it terminates.

    Init containers run one after the other before the containers start, so the greatest of them counts;
    sidecars (`restartPolicy: Always`) start in their turn and stay.
    Source: Kubernetes resource helpers, PodRequests.
    """
    if (pod.get("status") or NOTHING).get("phase") in OVER:
        return {}
    spec = pod.get("spec") or NOTHING
    staying: dict[str, int] = {}
    starting: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        wanted = _requests(container)
        if container.get("restartPolicy") == "Always":
            staying = _sum(staying, wanted)
            starting = _max(starting, staying)
        else:
            starting = _max(starting, _sum(staying, wanted))
    running = staying
    for container in spec.get("containers") or ():
        running = _sum(running, _requests(container))
    return _max(starting, running)


def _requests(container: Manifest) -> dict[str, int]:
    resources = container.get("resources") or NOTHING
    return {**devices(resources.get("limits")), **devices(resources.get("requests"))}


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _max(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
