"""Scheduler and kubelet of nodes with GPUs, played for an API server that has neither."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from e2e.kube import Kube
from mlapi_operator.gpu.usage import held
from mlapi_operator.observe.times import timestamp
from tests.support import kubelet

Object = dict[str, Any]

GPU = "nvidia.com/gpu"
# A node that is not heard of is not ready after 10 s (node-monitor-grace-period of the light cluster).
HEARTBEAT_SECONDS = 3.0
REVISION = "mlapi.dev/revision"


class Played:
    """Binds pods to nodes with room, brings them up as told, and lets those go that are deleted.

    Attributes:
        devices: of each node.
        fate: what becomes of pods of a revision: `ready`, `crash` or `wait`.
        otherwise: what becomes of the others.
        fewest: the fewest pods that were ready at any moment since it was set last.
    """

    def __init__(self, admin: Kube, namespace: str, devices: dict[str, int]) -> None:
        self._admin = admin
        self._namespace = namespace
        self.devices = devices
        self.fate: dict[str, str] = {}
        self.otherwise = "ready"
        self.fewest = 1000

    async def run(self) -> None:
        seen = 0.0
        while True:
            with suppress(AssertionError):  # changed meanwhile: it is looked at again
                if time.monotonic() > seen + HEARTBEAT_SECONDS:
                    for node in self.devices:
                        beat(self._admin, node)
                    seen = time.monotonic()
                self._step()
            await asyncio.sleep(0.1)

    def _step(self) -> None:
        pods = self._admin.list("Pod", self._namespace)
        self.fewest = min(self.fewest, sum(is_ready(pod) for pod in pods))
        for pod in pods:
            name, node = pod["metadata"]["name"], pod["spec"].get("nodeName")
            if "deletionTimestamp" in pod["metadata"]:
                self._admin.delete("Pod", self._namespace, name, gracePeriodSeconds=0)
            elif node:
                self._bring_up(pod)
            elif room := self._room(pods, held(pod).get(GPU, 0)):
                self._bind(name, room)
                return  # what is free is another now
            elif "conditions" not in pod["status"]:
                message = (
                    f"0/{len(self.devices)} nodes are available: {len(self.devices)} Insufficient {GPU}."
                )
                self._set(name, kubelet.unschedulable(message))

    def _room(self, pods: list[Object], wanted: int) -> str | None:
        for node, count in self.devices.items():
            taken = sum(held(pod).get(GPU, 0) for pod in pods if pod["spec"].get("nodeName") == node)
            if count - taken >= wanted:
                return node
        return None

    def _bring_up(self, pod: Object) -> None:
        fate = self.fate.get(pod["metadata"]["labels"][REVISION], self.otherwise)
        if fate == "ready" and not is_ready(pod):
            self._set(pod["metadata"]["name"], kubelet.ready())
        elif fate == "crash" and not (pod["status"].get("containerStatuses")):
            self._set(pod["metadata"]["name"], kubelet.crashed(3, "boom", restarts=2))

    def _set(self, name: str, status: Object) -> None:
        self._admin.patch("Pod", self._namespace, name, {"status": status}, "/status")

    def _bind(self, name: str, node: str) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": self._namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._admin.bind(self._namespace, name, binding)


def is_ready(pod: Object) -> bool:
    """A pod that ends answers until it has ended."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    leaves = "deletionTimestamp" in pod["metadata"]
    return not leaves and any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


@asynccontextmanager
async def played(admin: Kube, namespace: str, devices: dict[str, int]) -> AsyncIterator[Played]:
    """
    Args:
        devices: GPUs by the name of a node; the nodes exist as long as the context.
    """
    for name, count in devices.items():
        make_node(admin, name, count, namespace)
    play = Played(admin, namespace, devices)
    task = asyncio.create_task(play.run())
    try:
        yield play
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for name in devices:
            admin.kubectl("delete", "node", name, "--wait=false")


def make_node(admin: Kube, name: str, count: int, namespace: str) -> None:
    """With a label that tells it from nodes of other tests."""
    labels = {"nvidia.com/gpu.product": "NVIDIA-L40S", "nvidia.com/gpu.memory": "46068", "test": namespace}
    metadata = {"name": name, "labels": labels}
    admin.create("Node", "", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    resources = {"cpu": "64", "memory": "512Gi", "pods": "110", GPU: str(count)}
    status = {"allocatable": resources, "capacity": resources}
    admin.patch("Node", "", name, {"status": status}, "/status")
    beat(admin, name)


def beat(admin: Kube, node: str) -> None:
    now = timestamp(datetime.now(UTC))
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now}
    admin.patch("Node", "", node, {"status": {"conditions": [ready]}}, "/status")
