"""Situations between two states: a rollout that cannot begin yet, and one that begins before the last is seen."""

import asyncio

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support.operating import operating
from tests.support.parts import mlapi
from tests.support.scenes import quiet, seen


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


async def test_mlapi_created_suspended_is_written_once_however_often_it_is_looked_at(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with operating() as operator:
        manifest = mlapi(namespace, "digits")
        manifest["spec"]["suspend"] = True
        admin.create("MLApi", namespace, manifest)
        await seen(admin, namespace, "Ready", "False", "Suspended")
        before = writes(await quiet(light, namespace))
        for _ in range(3):
            operator.pass_time((namespace, "digits"), 60)
            await asyncio.sleep(0.3)
        assert writes(await quiet(light, namespace)) == before


def writes(requests: list[str]) -> list[str]:
    """A name that is free is asked for at every look: reads are not counted."""
    return [request for request in requests if not request.startswith("get ")]
