"""Pods are replaced with the GPUs and volumes that there are; scheduler and kubelet are played."""

import asyncio
from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_operator.gpu.capacity import Capacity
from tests.support.operating import Operating, operating
from tests.support.parts import mlapi, until
from tests.support.played import GPU, Played, played
from tests.support.scenes import live, quiet

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


def on_gpu(namespace: str, **spec: Any) -> Object:
    manifest = mlapi(namespace, "digits")
    chosen = {"gpu": {}, "scheduling": {"nodeSelector": {"test": namespace}}}
    manifest["spec"] |= {**chosen, "rollout": {"bakeSeconds": 0}, **spec}
    return manifest


async def update(admin: Kube, namespace: str, value: str = "1") -> None:
    """A new revision, and the time until it is the one that answers."""
    before = live(admin, namespace)["status"]["rollout"]["revision"]
    admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": value}]}})
    await ready(admin, namespace, other_than=before)


async def ready(admin: Kube, namespace: str, other_than: str = "", replicas: int = 1) -> Object:
    def holds() -> Object | None:
        found = live(admin, namespace)
        status = found.get("status") or {}
        current = (status.get("rollout") or {}).get("stableRevision", "")
        is_ready = condition(found, "Ready")["status"] == "True" and status["readyReplicas"] >= replicas
        return found if current and current != other_than and is_ready else None

    try:
        found: Object = await until("Ready", holds)
    except AssertionError as error:
        raise AssertionError(f"{error}: {live(admin, namespace).get('status')}") from None
    return found


def rollout(admin: Kube, namespace: str) -> Object:
    found: Object = live(admin, namespace)["status"]["rollout"]
    return found


async def start(admin: Kube, play: Played, manifest: Object) -> None:
    namespace = manifest["metadata"]["namespace"]
    admin.create("MLApi", namespace, manifest)
    await ready(admin, namespace, replicas=manifest["spec"].get("replicas", 1))
    play.fewest = 1000


async def test_one_gpu_with_one_replica_is_updated_in_place(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 1}) as play, operating() as operator:
        await start(admin, play, on_gpu(namespace))
        assert "strategyUsed" not in rollout(admin, namespace)
        await update(admin, namespace)
        shown = rollout(admin, namespace)
        assert shown["strategyUsed"] == "InPlace"
        assert f"1 x {GPU} free" in shown["strategyReason"]
        before = await quiet(light, namespace)
        operator.queue.add((namespace, "digits"))
        assert await quiet(light, namespace) == before


async def test_one_gpu_is_given_back_to_the_old_revision_when_the_new_one_crashes(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 1}) as play, operating():
        await start(admin, play, on_gpu(namespace))
        first = rollout(admin, namespace)["revision"]
        play.fate[first], play.otherwise = "ready", "crash"
        admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": "1"}]}})

        def back() -> bool:
            found = live(admin, namespace)
            return bool(
                condition(found, "Stalled")["reason"] == "RolledBack"
                and condition(found, "Available")["status"] == "True"
                and found["status"]["readyReplicas"] == found["status"]["replicas"] == 1
            )

        await until("the old revision back", back)
        shown = rollout(admin, namespace)
        assert shown["stableRevision"] == first != shown["revision"]
        assert shown["strategyUsed"] == "InPlace"
        (pod,) = admin.list("Pod", namespace)
        assert pod["metadata"]["labels"]["mlapi.dev/revision"] == first


async def test_two_gpus_with_two_replicas_never_fall_below_one(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 1, f"{namespace}-b": 1}) as play, operating():
        await start(admin, play, on_gpu(namespace, replicas=2))
        await update(admin, namespace)
        await ready(admin, namespace, replicas=2)
        assert rollout(admin, namespace)["strategyUsed"] == "InPlace"
        assert play.fewest == 1


async def test_spare_gpu_keeps_two_replicas_ready(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 2, f"{namespace}-b": 1}) as play, operating():
        await start(admin, play, on_gpu(namespace, replicas=2))
        await update(admin, namespace)
        shown = rollout(admin, namespace)
        assert shown["strategyUsed"] == "Surge"
        assert f"1 x {GPU} is free" in shown["strategyReason"]
        assert play.fewest == 2


async def test_new_gpu_that_no_node_has_leaves_the_old_pods_alone(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 1}) as play, operating() as operator:
        await start(admin, play, on_gpu(namespace))
        admin.patch("MLApi", namespace, "digits", {"spec": {"gpu": {"products": ["H200"]}}})
        play.devices = {}
        await until("Surge", lambda: rollout(admin, namespace).get("strategyUsed") == "Surge")
        await until("a pod that waits", lambda: waits(admin, namespace))
        await passes(operator, namespace, 0)
        operator.pass_time((namespace, "digits"), 3600)
        await asyncio.sleep(2)
        assert rollout(admin, namespace)["strategyUsed"] == "Surge"
        assert "no node has the wanted GPU" in rollout(admin, namespace)["strategyReason"]
        assert live(admin, namespace)["status"]["readyReplicas"] == 1
        assert condition(live(admin, namespace), "Stalled")["status"] == "absent"


async def test_unknown_capacity_makes_room_after_a_minute_of_waiting(
    admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unread(self: Capacity, *, fresh: bool = False) -> None:
        return None

    monkeypatch.setattr(Capacity, "nodes", unread)  # as where the operator's role has no nodes
    async with played(admin, namespace, {f"{namespace}-a": 1}) as play:
        async with operating() as operator:
            await start(admin, play, on_gpu(namespace))
            first = rollout(admin, namespace)["revision"]
            admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": "1"}]}})
            await until("Surge", lambda: rollout(admin, namespace).get("strategyUsed") == "Surge")
            await until("a pod that waits", lambda: waits(admin, namespace))
            assert "may not read nodes" in rollout(admin, namespace)["strategyReason"]
            await passes(operator, namespace, 55)
            assert rollout(admin, namespace)["strategyUsed"] == "Surge"
        # A new leader goes on where the one before it stood.
        async with operating() as operator:
            await passes(operator, namespace, 61)
            await until("InPlace", lambda: rollout(admin, namespace)["strategyUsed"] == "InPlace")
            assert f"waited 60 s for {GPU}" in rollout(admin, namespace)["strategyReason"]
            shown = await ready(admin, namespace, other_than=first)
            assert shown["status"]["rollout"]["strategyUsed"] == "InPlace"


def waits(admin: Kube, namespace: str) -> bool:
    return any(
        "conditions" in pod["status"] and "nodeName" not in pod["spec"]
        for pod in admin.list("Pod", namespace)
    )


async def passes(operator: Operating, namespace: str, seconds: float) -> None:
    operator.pass_time((namespace, "digits"), seconds)
    await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("mode", "strategy"),
    [("ReadWriteOnce", "InPlace"), ("ReadWriteOncePod", "Recreate"), ("ReadWriteMany", "Surge")],
)
async def test_claim_decides_how_its_pods_are_replaced(
    admin: Kube, namespace: str, mode: str, strategy: str
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "models", "namespace": namespace},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}},
    }
    admin.apply(claim)
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating():
        manifest = mlapi(namespace, "digits")
        manifest["spec"]["model"] = {"uri": "pvc://models/digits.onnx"}
        manifest["spec"]["rollout"] = {"bakeSeconds": 0}
        await start(admin, play, manifest)
        await update(admin, namespace)
        shown = rollout(admin, namespace)
        assert shown["strategyUsed"] == strategy
        if strategy != "Surge":
            assert shown["strategyReason"] == f"PersistentVolumeClaim models is {mode}"
        # Decided afresh for each: and from one form of the Deployment's strategy to another and back.
        change = {"rollout": {"strategy": "RollingUpdate", "maxSurge": "50%", "maxUnavailable": 0}}
        admin.patch("MLApi", namespace, "digits", {"spec": change})
        await until("the user's", lambda: strategy_of(admin, namespace) == ("RollingUpdate", "50%", 0))
        admin.patch(
            "MLApi",
            namespace,
            "digits",
            {"spec": {"rollout": {"strategy": "Recreate", "maxSurge": None, "maxUnavailable": None}}},
        )
        await until("Recreate", lambda: strategy_of(admin, namespace) == ("Recreate", None, None))
        await update(admin, namespace, "2")
        assert rollout(admin, namespace)["strategyUsed"] == "Recreate"


def strategy_of(admin: Kube, namespace: str) -> tuple[Any, ...]:
    found = admin.get("Deployment", namespace, "digits")
    assert found is not None
    strategy = found["spec"]["strategy"]
    numbers = strategy.get("rollingUpdate") or {}
    return strategy["type"], numbers.get("maxSurge"), numbers.get("maxUnavailable")
