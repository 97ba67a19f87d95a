"""Steps that tests of the reconcile share: the administrator makes objects, pods live by the test's word."""

import asyncio
from typing import Any

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from tests.support import kubelet
from tests.support.operating import requests
from tests.support.parts import mlapi, until

Object = dict[str, Any]


def live(admin: Kube, namespace: str, name: str = "digits") -> Object:
    found = admin.get("MLApi", namespace, name)
    assert found is not None
    return found


async def pods(admin: Kube, namespace: str, count: int = 1) -> list[Object]:
    def look() -> list[Object]:
        found = [pod for pod in admin.list("Pod", namespace) if "deletionTimestamp" not in pod["metadata"]]
        return found if len(found) == count else []

    found: list[Object] = await until(f"{count} pods", look)
    return found


def set_status(admin: Kube, pod: Object, status: Object) -> None:
    metadata = pod["metadata"]
    admin.patch("Pod", metadata["namespace"], metadata["name"], {"status": status}, "/status")


async def seen(
    admin: Kube, namespace: str, type: str, status: str, reason: str, name: str = "digits"
) -> Object:
    def holds() -> Object | None:
        found = live(admin, namespace, name)
        shown = condition(found, type)
        return found if (shown["status"], shown["reason"]) == (status, reason) else None

    try:
        found: Object = await until(f"{type}={status}/{reason}", holds, 20)
    except AssertionError as error:
        raise AssertionError(f"{error}; found {live(admin, namespace, name).get('status')}") from None
    return found


async def make_ready(admin: Kube, namespace: str) -> Object:
    admin.create("MLApi", namespace, mlapi(namespace, "digits"))
    for pod in await pods(admin, namespace):
        set_status(admin, pod, kubelet.ready())
    return await seen(admin, namespace, "Ready", "True", "Answering")


async def quiet(light: LightCluster, namespace: str) -> list[str]:
    """The requests so far, once none came for a while."""
    before: list[str] = []
    while (now := requests(light.audit_log, namespace)) != before or not now:
        before = now
        await asyncio.sleep(1.5)
    return now
