"""What other people's pods do to the devices of a cluster hardly costs a write, on the real API server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.kube import Kube
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.events import Recorder
from mlapi_operator.report import Reporter
from mlapi_operator.status.compose import status
from mlapi_operator.status.pace import COUNT_SECONDS, STEP_SECONDS
from mlapi_operator.store import Store
from tests.support import kubelet
from tests.support.clock import SteppedClock
from tests.support.mlapis import mlapi
from tests.support.recorded import NOW, controller_revision, facts_of, pod

Object = dict[str, Any]
R = "digits-11111111"
SECONDS = 30
HOUR = 3600


class Life:
    """One MLApi with a GPU, whose status is made and written as its facts change."""

    def __init__(self, admin: Kube, namespace: str, cluster: KubernetesCluster) -> None:
        self.clock = SteppedClock()
        self._admin, self._namespace = admin, namespace
        self._reporter = Reporter(cluster, Store(), Recorder(cluster, self.clock), self.clock)
        admin.create("MLApi", namespace, {**mlapi({"gpu": {}}), "metadata": {"name": "digits"}})

    @property
    def live(self) -> Object:
        found = self._admin.get("MLApi", self._namespace, "digits")
        assert found is not None
        return found

    async def writes(self, pod_status: Object, *, free: int, smoke: bool = False) -> bool:
        """Whether what is now seen is worth a write."""
        before = self.live
        recorded = {
            "revision": R,
            "revisions": [controller_revision(R)],
            "pods": [pod("digits-5d9f-a", R, pod_status)],
            "smoke": {"at": "2026-01-01T00:00:06Z"} if smoke else None,
            "devices": {
                "resource_name": "nvidia.com/gpu",
                "per_replica": 4,
                "matching_nodes": 3,
                "free_devices": free,
                "free_slots": 0,
            },
        }
        await self._reporter.report(before, status(before, facts_of(before, recorded), NOW), at_once=False)
        return bool(self.live["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"])

    @property
    def free(self) -> int:
        return int(self.live["status"]["gpu"]["freeDevices"])


@pytest.fixture
async def life(proxied: object, admin: Kube, namespace: str) -> AsyncIterator[Life]:
    cluster = KubernetesCluster(await connect(), lambda: 10.0)
    yield Life(admin, namespace, cluster)
    await cluster.close()


async def test_devices_that_come_and_go_for_an_hour_cost_a_waiting_api_a_dozen_writes(life: Life) -> None:
    waiting = kubelet.unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    assert await life.writes(waiting, free=0)
    written = 0
    for look in range(HOUR // SECONDS):
        life.clock.advance(SECONDS)
        written += await life.writes(waiting, free=look % 3)
    assert HOUR // COUNT_SECONDS // 2 <= written <= HOUR // COUNT_SECONDS


async def test_devices_that_come_and_go_cost_an_api_that_is_ready_no_write(life: Life) -> None:
    assert await life.writes(kubelet.ready(), free=0, smoke=True)
    for look in range(1, 5):
        life.clock.advance(HOUR)
        assert not await life.writes(kubelet.ready(), free=look % 3, smoke=True)
    assert life.free == 0

    # The next thing there is to say takes them along.
    assert await life.writes(kubelet.loading(), free=2)
    assert life.free == 2


async def test_pod_that_finds_its_gpu_is_told_at_the_pace_of_steps(life: Life) -> None:
    waiting = kubelet.unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    assert await life.writes(waiting, free=0)
    life.clock.advance(STEP_SECONDS)
    assert await life.writes(kubelet.fetching(), free=0)
    assert life.live["status"]["phase"] == "Downloading"
