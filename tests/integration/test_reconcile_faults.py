"""Whatever the API server answers, and whenever the operator is killed, the end state is the same."""

from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from mlapi_operator.protocol import NotLeading
from tests.support import kubelet
from tests.support.faults import Answer, Drop, Fault, FaultProxy
from tests.support.operating import operating
from tests.support.parts import mlapi, until
from tests.support.scenes import pods, seen, set_status

Object = dict[str, Any]

FAULTS: dict[str, Fault] = {
    "failing": Answer(500),
    "overloaded": Answer(429, retry_after=1),
    "in conflict": Answer(409),
    "connection lost": Drop(),
    "answer lost": Drop(after=True),
}


async def becomes_ready(admin: Kube, namespace: str) -> None:
    (pod,) = await pods(admin, namespace)
    set_status(admin, pod, kubelet.ready())
    await seen(admin, namespace, "Ready", "True", "Answering")


def children(admin: Kube, namespace: str) -> dict[str, int]:
    kinds = ("Deployment", "Service", "ControllerRevision", "Pod")
    return {kind: len(admin.list(kind, namespace, "mlapi.dev/name=digits")) for kind in kinds}


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_writes_that_fail_are_made_again_until_the_mlapi_is_ready(
    admin: Kube, namespace: str, proxy: FaultProxy, fault: Fault
) -> None:
    for plural in ("controllerrevisions", "deployments", "services"):
        proxy.fail("apply", plural, fault, times=1)
    proxy.fail("apply_status", "mlapis", fault, times=1)
    async with operating():
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        await becomes_ready(admin, namespace)
    assert children(admin, namespace) == {"Deployment": 1, "Service": 1, "ControllerRevision": 1, "Pod": 1}


class LastWrites:
    """The process dies before the write after so many."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def __call__(self) -> float:
        if not self.left:
            raise NotLeading
        self.left -= 1
        return 10.0


@pytest.mark.parametrize("writes", range(1, 6))
async def test_operator_killed_after_any_of_its_writes_leaves_what_the_next_one_finishes(
    light: LightCluster, admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))
    dying = LastWrites(writes)
    async with operating(fence=dying):
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        if writes > 4:
            (pod,) = await pods(admin, namespace)
            set_status(admin, pod, kubelet.ready())
        await until(f"{writes} writes", lambda: dying.left == 0)
    async with operating():
        await becomes_ready(admin, namespace)
    assert children(admin, namespace) == {"Deployment": 1, "Service": 1, "ControllerRevision": 1, "Pod": 1}
