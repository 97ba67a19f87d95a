"""The operator's transport, store, watches and queue in one event loop, with a reconcile that takes notes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mlapi_operator.api.kinds import CONFIG_MAP, MLAPI
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.protocol import SystemClock
from mlapi_operator.queue import Queue
from mlapi_operator.resync import Resync
from mlapi_operator.settings import Settings
from mlapi_operator.store import Store
from mlapi_operator.watch import Watch

MANAGER = "mlapi-operator"


class Parts:
    """The parts as the leader wires them; each pass writes the MLApi's `spec.env` values into a ConfigMap."""

    def __init__(self, cluster: KubernetesCluster, watch: Callable[["Parts"], Watch], resync_seconds: float):
        self.cluster = cluster
        self.store = Store()
        self.reconciled: list[Key] = []
        self.queue = Queue(self._reconcile, 4, SystemClock())
        self.resync = Resync(
            cluster, self.store, SystemClock(), self.queue.add, seconds=resync_seconds, namespaces=()
        )
        self.watch = watch(self)

    async def _reconcile(self, key: Key) -> None:
        self.reconciled.append(key)
        mlapi = self.store.get(MLAPI, key)
        if mlapi is None or mlapi["metadata"].get("deletionTimestamp"):
            return
        wanted = config_map(mlapi)
        known = self.store.get(CONFIG_MAP, key)
        if known is None or known["data"] != wanted["data"]:
            self.store.put(CONFIG_MAP, await self.cluster.apply(CONFIG_MAP, wanted, manager=MANAGER))


def mlapi(namespace: str, name: str, **env: str) -> Manifest:
    return {
        "apiVersion": "mlapi.dev/v1alpha1",
        "kind": "MLApi",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "framework": {"name": "FastAPI"},
            "model": {"uri": "https://models.example.com/digits.onnx"},
            "env": [{"name": name, "value": value} for name, value in env.items()],
        },
    }


def config_map(mlapi: Manifest) -> Manifest:
    metadata = mlapi["metadata"]
    owner = {name: mlapi[name] for name in ("apiVersion", "kind")}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "mlapi.dev/name": metadata["name"]},
            "ownerReferences": [
                {**owner, "name": metadata["name"], "uid": metadata["uid"], "controller": True}
            ],
        },
        "data": {each["name"]: each["value"] for each in mlapi["spec"].get("env", [])},
    }


@asynccontextmanager
async def running(resync_seconds: float = 3600) -> AsyncIterator[Parts]:
    """The parts at work on the API server of $KUBECONFIG, from when the store is filled."""
    configuration = await connect()
    cluster = KubernetesCluster(configuration, lambda: 10.0)
    settings = Settings(namespace="mlapi-system", pod_name="test")
    parts = Parts(
        cluster, lambda parts: Watch(configuration, settings, parts.store, parts.queue.add), resync_seconds
    )
    stop = asyncio.Event()
    tasks = [asyncio.create_task(parts.resync.run()), asyncio.create_task(parts.queue.run())]
    await parts.resync.complete.wait()
    watching = asyncio.create_task(parts.watch.run(stop))
    try:
        yield parts
    finally:
        stop.set()
        for task in (*tasks, watching):
            task.cancel()
        await asyncio.gather(*tasks, watching, return_exceptions=True)
        await cluster.close()


async def until(what: str, holds: Callable[[], Any | Awaitable[Any]], seconds: float = 60) -> Any:
    """What `holds` answers, once it is true; the limit only ends a broken run."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = holds()
                if isinstance(found, Awaitable):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what}: not seen within {seconds:.0f} s") from None
