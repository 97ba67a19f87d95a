"""Whatever happens between the operator and the API server, the objects end up as the MLApis say."""

import asyncio
from collections.abc import Callable

import pytest

from e2e.kube import Kube
from mlapi_operator import resync
from mlapi_operator.api.kinds import CONFIG_MAP, MLAPI, POD
from tests.support.faults import Answer, Delay, Drop, FaultProxy, Gone, Silent
from tests.support.parts import mlapi, running, until

pytestmark = pytest.mark.usefixtures("proxied")


async def converged(admin: Kube, namespace: str, **wanted: dict[str, str]) -> None:
    """Waits until the ConfigMaps are those of the MLApis, by name, and no others."""

    def seen() -> bool:
        found = admin.list("ConfigMap", namespace, "app.kubernetes.io/managed-by=mlapi-operator")
        return {each["metadata"]["name"]: each.get("data", {}) for each in found} == wanted

    await until(f"ConfigMaps {wanted}", seen)


def change(admin: Kube, namespace: str, name: str, **env: str) -> None:
    spec = {"env": [{"name": key, "value": value} for key, value in env.items()]}
    admin.patch("MLApi", namespace, name, {"spec": spec})


FAULTS: dict[str, Callable[[FaultProxy], object]] = {
    "lists refused with Retry-After": lambda proxy: proxy.fail(
        "list", "*", Answer(429, retry_after=1), times=4
    ),
    "applies failing": lambda proxy: proxy.fail("apply", "configmaps", Answer(500), times=3),
    "applies in conflict": lambda proxy: proxy.fail("apply", "configmaps", Answer(409), times=2),
    "applies refused": lambda proxy: proxy.fail("apply", "configmaps", Answer(422), times=2),
    "applies refused with Retry-After": lambda proxy: proxy.fail(
        "apply", "configmaps", Answer(429, 1), times=2
    ),
    "answers lost": lambda proxy: proxy.fail("apply", "configmaps", Drop(after=True), times=2),
    "connections lost": lambda proxy: proxy.fail("apply", "configmaps", Drop(), times=2),
    "everything slow": lambda proxy: proxy.fail("*", "*", Delay(0.3), times=20),
    "watches failing": lambda proxy: proxy.fail("watch", "*", Answer(500), times=6),
    "watches too old": lambda proxy: proxy.fail("watch", "*", Gone(), times=6),
}


@pytest.mark.parametrize("situation", FAULTS)
async def test_children_with_faults_at_the_start_converge(
    proxy: FaultProxy, admin: Kube, namespace: str, situation: str
) -> None:
    admin.create("MLApi", namespace, mlapi(namespace, "before", A="1"))
    FAULTS[situation](proxy)
    async with running():
        await converged(admin, namespace, before={"A": "1"})
        admin.create("MLApi", namespace, mlapi(namespace, "after", B="2"))
        change(admin, namespace, "before", A="3")
        await converged(admin, namespace, before={"A": "3"}, after={"B": "2"})


async def test_watch_cut_in_the_middle_of_a_line_goes_on_without_a_loss(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running():
        admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await converged(admin, namespace, digits={"A": "1"})
        proxy.cut("mlapis")
        change(admin, namespace, "digits", A="2")
        await converged(admin, namespace, digits={"A": "2"})
        change(admin, namespace, "digits", A="3")
        await converged(admin, namespace, digits={"A": "3"})


async def test_watch_of_a_server_that_was_down_goes_on(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running():
        admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await converged(admin, namespace, digits={"A": "1"})
        await proxy.stop()
        change(admin, namespace, "digits", A="2")
        await asyncio.sleep(2)
        await proxy.start()
        await converged(admin, namespace, digits={"A": "2"})


async def test_child_deleted_or_changed_by_hand_is_repaired(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running():
        admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await converged(admin, namespace, digits={"A": "1"})
        admin.delete("ConfigMap", namespace, "digits")
        await converged(admin, namespace, digits={"A": "1"})
        admin.patch("ConfigMap", namespace, "digits", {"data": {"A": "9"}})
        await converged(admin, namespace, digits={"A": "1"})


async def test_deletion_during_a_watch_gap_is_repaired_by_the_next_full_list(
    proxy: FaultProxy, admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "GRACE_SECONDS", 0.3)
    for name in ("kept", "gone"):
        admin.create("MLApi", namespace, mlapi(namespace, name, A="1"))
    async with running(resync_seconds=8) as parts:
        await converged(admin, namespace, kept={"A": "1"}, gone={"A": "1"})
        watch_gap(proxy)
        admin.delete("MLApi", namespace, "gone")
        admin.delete("ConfigMap", namespace, "kept")
        end_gap(proxy)
        await converged(admin, namespace, kept={"A": "1"})
        await until("the MLApi forgotten", lambda: parts.store.get(MLAPI, (namespace, "gone")) is None)
        assert parts.resync.check() is None


def watch_gap(proxy: FaultProxy) -> None:
    """Until `end_gap` no watch sees anything, and what it missed is then too old to be told."""
    for plural in ("mlapis", "configmaps"):
        proxy.fail("watch", plural, Answer(503))
        proxy.end_watches(plural)


def end_gap(proxy: FaultProxy) -> None:
    proxy.heal()
    for plural in ("mlapis", "configmaps"):
        proxy.fail("watch", plural, Gone(), times=1)


async def test_watch_that_went_silent_is_made_up_for_by_full_lists_which_tell_the_health_check(
    proxy: FaultProxy, admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "GRACE_SECONDS", 0.3)
    async with running(resync_seconds=4) as parts:
        admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await converged(admin, namespace, digits={"A": "1"})
        assert parts.resync.check() is None
        proxy.silence("mlapis")
        proxy.fail("watch", "mlapis", Silent())
        change(admin, namespace, "digits", A="2")
        await converged(admin, namespace, digits={"A": "2"})

        def unhealthy() -> str | None:
            labels = {"metadata": {"labels": {"step": str(len(parts.reconciled))}}}
            admin.patch("MLApi", namespace, "digits", labels)
            return parts.resync.check()

        assert "the watches had not told" in await until("the health check", unhealthy)


async def test_watches_write_nothing_on_the_objects_they_watch(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running() as parts:
        created = admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await converged(admin, namespace, digits={"A": "1"})
        await until("the child in the store", lambda: parts.store.get(CONFIG_MAP, (namespace, "digits")))
        await asyncio.sleep(1)
        live = admin.get("MLApi", namespace, "digits")
        assert live
        assert live["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
        assert {(each.verb, each.plural) for each in proxy.writes()} == {("apply", "configmaps")}
        assert len(proxy.writes()) == 1


async def test_objects_that_are_not_ours_never_reach_the_store(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running() as parts:
        metadata = {"name": "theirs", "namespace": namespace}
        admin.create("ConfigMap", namespace, {"metadata": metadata, "data": {}})
        admin.create("MLApi", namespace, mlapi(namespace, "digits", A="1"))
        await until("the child in the store", lambda: parts.store.get(CONFIG_MAP, (namespace, "digits")))
        assert parts.store.get(CONFIG_MAP, (namespace, "theirs")) is None


async def test_pod_of_an_mlapi_queues_its_key_and_is_found_under_it(
    proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    async with running() as parts:
        labels = {"app.kubernetes.io/managed-by": "mlapi-operator", "mlapi.dev/name": "digits"}
        env = [{"name": "LONG", "value": "x"}]
        pod = {
            "metadata": {"name": "digits-x1", "namespace": namespace, "labels": labels},
            "spec": {"containers": [{"name": "server", "image": "example.com/x", "env": env}]},
        }
        await serviceaccount(admin, namespace)
        admin.create("Pod", namespace, pod)
        await until("the key", lambda: (namespace, "digits") in parts.reconciled)
        (stored,) = parts.store.pods((namespace, "digits"))
        assert stored["spec"]["containers"][0]["image"] == "example.com/x"
        assert "env" not in stored["spec"]["containers"][0]
        assert "managedFields" not in stored["metadata"]
        admin.delete("Pod", namespace, "digits-x1", gracePeriodSeconds=0)
        await until("the pod forgotten", lambda: parts.store.get(POD, (namespace, "digits-x1")) is None)


async def serviceaccount(admin: Kube, namespace: str) -> None:
    """Pods are refused until the controller has made the namespace's account."""
    await until(
        "the service account",
        lambda: admin.kubectl("get", "serviceaccounts", "-n", namespace, "-o", "name"),
    )
