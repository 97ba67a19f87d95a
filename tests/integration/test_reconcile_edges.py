"""Situations between two states: a rollout that cannot begin, cannot end, or whose beginning nobody saw."""

import asyncio
from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_operator.gpu.capacity import Capacity
from tests.support.operating import operating
from tests.support.parts import mlapi, until
from tests.support.played import GPU, played
from tests.support.scenes import live, quiet, seen

Object = dict[str, Any]


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


async def test_old_pod_that_would_not_make_enough_room_stays(admin: Kube, namespace: str) -> None:
    node = f"{namespace}-a"
    async with played(admin, namespace, {node: 2}), operating() as operator:
        admin.create("Pod", namespace, holder(node))
        admin.create("MLApi", namespace, on_gpu(namespace))
        await seen(admin, namespace, "Ready", "True", "Answering")
        admin.patch("MLApi", namespace, "digits", {"spec": {"gpu": {"count": 2}}})
        await until("a strategy", lambda: rollout(admin, namespace).get("strategyUsed"))
        assert rollout(admin, namespace)["strategyUsed"] == "Surge"
        operator.pass_time((namespace, "digits"), 120)
        await seen(admin, namespace, "Scheduled", "False", "InsufficientGPU")
        operator.pass_time((namespace, "digits"), 120)
        await asyncio.sleep(1)
        assert rollout(admin, namespace)["strategyUsed"] == "Surge"
        assert condition(live(admin, namespace), "Available")["status"] == "True"
        admin.delete("Pod", namespace, "work")
        operator.pass_time((namespace, "digits"), 60)
        await until("InPlace", lambda: rollout(admin, namespace)["strategyUsed"] == "InPlace")
        await seen(admin, namespace, "Ready", "True", "Answering")


async def test_rollout_whose_beginning_nobody_saw_makes_room_after_all(
    admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unread(self: Capacity, *, fresh: bool = False) -> None:
        return None

    monkeypatch.setattr(Capacity, "nodes", unread)  # as where the operator's role has no nodes
    async with played(admin, namespace, {f"{namespace}-a": 1}):
        async with operating():
            admin.create("MLApi", namespace, on_gpu(namespace))
            await seen(admin, namespace, "Ready", "True", "Answering")
            admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": "1"}]}})
            await seen(admin, namespace, "Scheduled", "False", "InsufficientGPU")
        forgotten = {"metadata": {"annotations": {"mlapi.dev/rollout": None}}}
        admin.patch("Deployment", namespace, "digits", forgotten)
        async with operating() as operator:
            await asyncio.sleep(1)
            operator.pass_time((namespace, "digits"), 61)
            await until("InPlace", lambda: rollout(admin, namespace).get("strategyUsed") == "InPlace")
            await seen(admin, namespace, "Ready", "True", "Answering")


def on_gpu(namespace: str) -> Object:
    manifest = mlapi(namespace, "digits")
    chosen = {"gpu": {}, "scheduling": {"nodeSelector": {"test": namespace}}}
    manifest["spec"] |= {**chosen, "rollout": {"bakeSeconds": 0}}
    return manifest


def holder(node: str) -> Object:
    """A pod of somebody else that has one GPU."""
    container = {"name": "work", "image": "registry.example.com/work", "resources": {"limits": {GPU: "1"}}}
    metadata = {"name": "work", "labels": {"mlapi.dev/revision": "work"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [container]},
    }


def rollout(admin: Kube, namespace: str) -> Object:
    found: Object = live(admin, namespace)["status"]["rollout"]
    return found


async def test_third_revision_during_a_bake_gives_way_to_the_accepted_one(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating():
        first = await baking(admin, namespace)
        second = rollout(admin, namespace)["revision"]
        play.fate, play.otherwise = {first: "ready", second: "ready"}, "crash"
        change(admin, namespace, "2")
        found = await seen(admin, namespace, "Stalled", "True", "RolledBack")
        await until("the accepted one", lambda: results(admin, namespace).get(first) == "Active")
        third = rollout(admin, namespace)["revision"]
        assert third not in (first, second)
        assert rollout(admin, namespace)["stableRevision"] == first
        assert condition(found, "Available")["status"] == "True"
        await until("the accepted one alone", lambda: running(admin, namespace) == {first})
        ends = {first: "Active", second: "Superseded", third: "RolledBack"}
        await until("what became of each", lambda: results(admin, namespace) == ends)


async def test_spec_taken_back_during_a_bake_needs_no_second_bake(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating() as operator:
        first = await baking(admin, namespace)
        second = rollout(admin, namespace)["revision"]
        admin.patch("MLApi", namespace, "digits", {"spec": {"env": None}})
        await until("the first alone", lambda: running(admin, namespace) == {first})
        await seen(admin, namespace, "Ready", "True", "Answering")
        operator.pass_time((namespace, "digits"), 3600)
        await quiet(light, namespace)
        assert rollout(admin, namespace)["stableRevision"] == rollout(admin, namespace)["revision"] == first
        assert results(admin, namespace) == {first: "Active", second: "Superseded"}


async def baking(admin: Kube, namespace: str) -> str:
    """Name of the accepted revision, once another one answers and is compared with it."""
    admin.create("MLApi", namespace, mlapi(namespace, "digits"))
    await seen(admin, namespace, "Ready", "True", "Answering")
    first: str = rollout(admin, namespace)["revision"]
    await until("the first accepted", lambda: results(admin, namespace) == {first: "Active"})
    change(admin, namespace, "1")
    await until("a bake", lambda: "is compared with" in rollout(admin, namespace).get("message", ""))
    return first


def change(admin: Kube, namespace: str, value: str) -> None:
    admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": value}]}})


def results(admin: Kube, namespace: str) -> dict[str, str]:
    found = live(admin, namespace)["status"]["revisions"]
    return {each["name"]: each.get("result", "") for each in found}


def running(admin: Kube, namespace: str) -> set[str]:
    return {pod["metadata"]["labels"]["mlapi.dev/revision"] for pod in admin.list("Pod", namespace)}


async def test_update_while_suspended_is_rolled_out_and_judged_on_waking(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating():
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        await seen(admin, namespace, "Ready", "True", "Answering")
        first = rollout(admin, namespace)["revision"]
        await until("the first accepted", lambda: results(admin, namespace) == {first: "Active"})
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": True}})
        await until("no pod", lambda: running(admin, namespace) == set())
        play.fate, play.otherwise = {first: "ready"}, "crash"
        change(admin, namespace, "1")
        await until("two revisions", lambda: len(results(admin, namespace)) == 2)
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": False}})
        await seen(admin, namespace, "Stalled", "True", "RolledBack")
        await until("the first alone", lambda: running(admin, namespace) == {first})
        await seen(admin, namespace, "Available", "True", "MinimumReplicasAvailable")


async def test_mlapi_made_anew_while_an_update_bakes_begins_from_nothing(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating():
        await baking(admin, namespace)
        admin.delete("MLApi", namespace, "digits")
        again = admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        found = await seen(admin, namespace, "Ready", "True", "Answering")
        assert found["metadata"]["uid"] == again["metadata"]["uid"]
        name = rollout(admin, namespace)["revision"]
        await until("it accepted", lambda: results(admin, namespace) == {name: "Active"})
