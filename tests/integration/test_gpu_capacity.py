"""Devices are counted from the pods that the API server has on a node, by whoever may look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.fake_nodes import NVIDIA, fake_node
from e2e.kube import Kube, Object
from mlapi_operator.api.gpu import GPU
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.gpu.capacity import Capacity
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import resolve
from mlapi_operator.observe.devices import Devices
from mlapi_operator.protocol import SystemClock
from tests.support.faults import FaultProxy
from tests.support.parts import until

PRODUCTS = ["H100"]


@pytest.fixture
async def node(admin: Kube) -> AsyncIterator[str]:
    """With 8 devices, and ready for a while: no kubelet repeats it."""
    manifest = fake_node("h100", "h100", "10.246.1.0/24")
    manifest["status"]["conditions"] = [{"type": "Ready", "status": "True", "reason": "Test", "message": ""}]
    admin.create("Node", "", manifest)
    await until("no taint of a new node", lambda: not new(admin))
    yield "h100"
    admin.delete("Node", "", "h100")


def new(admin: Kube) -> list[Object]:
    found = admin.get("Node", "", "h100")
    return [taint for taint in found["spec"]["taints"] if taint["key"].startswith("node.")] if found else [{}]


@pytest.fixture
def service_account(admin: Kube, namespace: str) -> None:
    """Pods are admitted only once there is one."""
    metadata = {"name": "default", "namespace": namespace}
    admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def pod(name: str, *gpus: int, init: int = 0, **metadata: Any) -> Object:
    containers = [{**container(each), "name": f"c{number}"} for number, each in enumerate(gpus)]
    spec = {"nodeName": "h100", "containers": containers, "tolerations": [{"operator": "Exists"}]}
    if init:
        spec["initContainers"] = [{**container(init), "name": "init"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def container(gpus: int) -> Object:
    return {"image": "none", "resources": {"limits": {NVIDIA: str(gpus)} if gpus else {}}}


@asynccontextmanager
async def capacity(
    proxy: FaultProxy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Capacity]:
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(folder)))
    cluster = KubernetesCluster(await connect(), lambda: 10.0)
    try:
        yield Capacity(cluster, SystemClock())
    finally:
        await cluster.close()


async def counted(found: Capacity) -> Devices:
    gpu = GPU(products=PRODUCTS, count=2)
    resolved = resolve(gpu, await found.nodes())
    template: Object = {"spec": {"tolerations": list(resolved.tolerations)}}
    return await found.devices(gpu, resolved, template, fresh=True)


@pytest.mark.usefixtures("service_account", "node")
async def test_devices_held_by_pods_of_the_node_are_not_free_until_they_are_over(
    admin: Kube, namespace: str, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with capacity(proxy, tmp_path, monkeypatch) as found:
        assert (await counted(found)).free_devices == 8
        admin.create("Pod", namespace, pod("two", 1, 1))
        admin.create("Pod", namespace, pod("init", 0, init=3))
        admin.create("Pod", namespace, pod("leaving", 1))
        admin.create("Pod", namespace, pod("over", 2))
        held = await counted(found)
        assert (held.matching_nodes, held.free_devices, held.free_slots) == (1, 0, 0)
        admin.patch("Pod", namespace, "over", {"status": {"phase": "Succeeded"}}, "/status")
        admin.delete("Pod", namespace, "leaving")
        leaving = admin.get("Pod", namespace, "leaving")
        assert leaving
        assert "deletionTimestamp" in leaving["metadata"]
        held = await counted(found)
        assert (held.matching_nodes, held.free_devices, held.free_slots) == (1, 2, 1)
        assert held.products == ("NVIDIA-H100-80GB-HBM3",)
    lists = [each for each in proxy.requests if each.verb == "list"]
    assert {each.code for each in lists} == {200}


@pytest.mark.usefixtures("node")
async def test_account_that_may_not_read_nodes_knows_no_capacity_and_asks_once(
    admin: Kube, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"system:serviceaccount:{namespace}:nobody"
    async with (
        FaultProxy(admin.kubeconfig, user, ["system:authenticated"]) as proxy,
        capacity(proxy, tmp_path, monkeypatch) as found,
    ):
        assert await counted(found) == Devices(NVIDIA, 2)
        assert await counted(found) == Devices(NVIDIA, 2)
        assert [each.code for each in proxy.requests] == [403]


@pytest.mark.usefixtures("node")
async def test_node_of_the_api_server_is_read_as_it_is(admin: Kube) -> None:
    manifest = admin.get("Node", "", "h100")
    assert manifest
    read = Node.of(manifest)
    assert (read.name, read.ready, read.schedulable, read.allocatable) == ("h100", True, True, {NVIDIA: 8})
    assert read.labels["nvidia.com/gpu.memory"] == "81559"
    assert {taint.key for taint in read.taints} == {NVIDIA}
