"""The operator does its work with no more than the chart's roles allow."""

import asyncio
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e.cluster.components import component
from e2e.kube import Kube, Object, condition
from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.protocol import SystemClock
from mlapi_operator.resync import Resync, Unwatched
from mlapi_operator.store import WATCHED, Store
from tests.support.faults import FaultProxy
from tests.support.parts import mlapi, until
from tests.support.process import IMAGE, operator_process

RBAC = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def roles(namespace: str, *watched: str) -> list[Object]:
    """What the chart would install for its service account, in this namespace and those watched, if any."""
    command = [str(component("helm")), "template", "mlapi-operator", "charts/mlapi-operator"]
    command += ["--namespace", namespace, "--set", f"images.fastapi={IMAGE}"]
    command += [
        "--set",
        f"image.repository=registry.example.com/operator,image.digest={IMAGE.partition('@')[2]}",
    ]
    command += ["--set", f"watchNamespaces={{{','.join(watched)}}}"] if watched else []
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [each for each in yaml.safe_load_all(rendered) if each and each["kind"] in RBAC]


@pytest.fixture
def others(admin: Kube) -> Iterator[tuple[str, str]]:
    """Two further namespaces."""
    names = (f"team-{uuid.uuid4().hex[:8]}", f"team-{uuid.uuid4().hex[:8]}")
    for name in names:
        admin.kubectl("create", "namespace", name)
    yield names
    for name in names:
        admin.kubectl("delete", "namespace", name, "--wait=false")


def account(admin: Kube, namespace: str) -> FaultProxy:
    """The API server as the operator's account in that namespace meets it."""
    user = f"system:serviceaccount:{namespace}:mlapi-operator"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return FaultProxy(admin.kubeconfig, user, groups)


async def test_operator_with_the_charts_roles_alone_is_refused_nothing(
    admin: Kube, namespace: str, tmp_path: Path
) -> None:
    granted = roles(namespace)
    admin.apply(*granted)
    async with (
        account(admin, namespace) as proxy,
        operator_process(proxy.kubeconfig(tmp_path), namespace, tmp_path, "operator") as operator,
    ):
        await until("ready", operator.ready)
        await until("watching", lambda: proxy.watching("configmaps"))
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        await until("Accepted", lambda: accepted(admin, namespace))
        await until("the Service", lambda: admin.get("Service", namespace, "digits"))
        admin.delete("Service", namespace, "digits")
        await until("the Service back", lambda: admin.get("Service", namespace, "digits"))
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": True}})
        await until("suspended", lambda: suspended(admin, namespace))
        await until("an event", lambda: ("apply", "events") in proxy.counts())
        operator.send(signal.SIGTERM)
        assert await operator.ended() == 0
        assert [each for each in proxy.requests if each.code in (401, 403)] == []
        assert "ermission" not in operator.log
    admin.run("kubectl", "delete", "-f", "-", stdin=yaml.safe_dump_all(granted))


def accepted(admin: Kube, namespace: str) -> bool:
    return bool(condition(admin.get("MLApi", namespace, "digits"), "Accepted")["status"] == "True")


def devices(admin: Kube, namespace: str, name: str) -> Object | None:
    found = admin.get("MLApi", namespace, name)
    return found["status"].get("gpu") if found else None


def suspended(admin: Kube, namespace: str) -> bool:
    found = admin.get("Deployment", namespace, "digits")
    return bool(found and found["spec"]["replicas"] == 0)


async def test_operator_for_a_few_namespaces_is_refused_only_nodes_and_leaves_others_alone(
    admin: Kube, namespace: str, others: tuple[str, str], tmp_path: Path
) -> None:
    watched, foreign = others
    granted = roles(namespace, namespace, watched)
    assert {each["kind"] for each in granted} == {"ServiceAccount", "Role", "RoleBinding"}
    admin.apply(*granted)
    async with (
        account(admin, namespace) as proxy,
        operator_process(
            proxy.kubeconfig(tmp_path),
            namespace,
            tmp_path,
            "operator",
            WATCH_NAMESPACES=f"{namespace},{watched},never-made",
        ) as operator,
    ):
        await until("ready", operator.ready)
        await until("watching", lambda: proxy.watching("configmaps"))
        for name in (namespace, watched, foreign):
            admin.create("MLApi", name, mlapi(name, "digits"))
        await until("both Accepted", lambda: all(accepted(admin, name) for name in (namespace, watched)))
        admin.delete("Service", watched, "digits")
        await until("the Service back", lambda: admin.get("Service", watched, "digits"))
        admin.patch("MLApi", watched, "digits", {"spec": {"suspend": True}})
        await until("suspended", lambda: suspended(admin, watched))
        await until("an event", lambda: ("apply", "events") in proxy.counts())
        needy = mlapi(watched, "needy")
        needy["spec"]["gpu"] = {"products": ["H100"]}
        admin.create("MLApi", watched, needy)
        gpu = await until("status.gpu", lambda: devices(admin, watched, "needy"))
        assert (gpu["matchingNodes"], gpu["freeDevices"]) == (-1, -1)
        operator.send(signal.SIGTERM)
        assert await operator.ended() == 0
        refused = Counter((each.verb, each.plural) for each in proxy.requests if each.code in (401, 403))
        assert refused.pop(("list", "nodes")) == 1
        # The looks at a namespace that does not exist; nothing is watched there.
        assert set(refused) == {("list", kind.plural) for kind in WATCHED}
        assert "ermission" not in operator.log
    untouched = admin.get("MLApi", foreign, "digits")
    assert untouched
    assert untouched["status"] == {"observedGeneration": -1}
    assert admin.list("Deployment", foreign) == []


class Hasty(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))


async def test_namespace_that_may_not_be_read_is_left_out_until_it_may(
    admin: Kube,
    namespace: str,
    others: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in others:
        admin.create("MLApi", each, mlapi(each, "digits"))
    granted = roles(namespace, *others)
    later = [each for each in granted if each["metadata"].get("namespace") == others[1]]
    admin.apply(*(each for each in granted if each not in later))
    async with account(admin, namespace) as proxy:
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(tmp_path)))
        cluster = KubernetesCluster(await connect(), lambda: 10.0)
        store = Store()
        resync = Resync(
            cluster, store, Hasty(), lambda key: None, seconds=600, namespaces=[*others, "never-made"]
        )
        passing = asyncio.create_task(resync.run())
        await until("a first pass", resync.complete.is_set)
        assert store.keys() == [(others[0], "digits")]
        seen = len(proxy.requests)
        await until("a further pass", lambda: proxy.counts(seen)["list", "mlapis"] > len(others) + 1)
        assert not passing.done()
        assert resync.check() is None
        admin.apply(*later)
        with pytest.raises(Unwatched, match=others[1]):
            await asyncio.wait_for(passing, 60)
        assert store.get(MLAPI, (others[1], "digits"))
        await cluster.close()


@pytest.mark.full
async def test_operator_that_loses_a_namespace_ends_in_order_and_the_next_one_serves_the_others(
    admin: Kube, namespace: str, others: tuple[str, str], tmp_path: Path
) -> None:
    lost, kept = others
    admin.apply(*roles(namespace, *others))
    async with account(admin, namespace) as proxy:
        kubeconfig, watched = proxy.kubeconfig(tmp_path), ",".join(others)
        async with operator_process(
            kubeconfig, namespace, tmp_path, "first", WATCH_NAMESPACES=watched
        ) as first:
            await until("watching", lambda: proxy.watching("configmaps"))
            admin.kubectl("-n", lost, "delete", "rolebinding", "mlapi-operator-watch")
            proxy.end_watches("pods")
            # Kopf asks for a minute before it gives a watch up.
            assert await first.ended(120) != 0
            lease = admin.get("Lease", namespace, "mlapi-operator")
            assert lease
            assert not lease["spec"].get("holderIdentity")
        async with operator_process(
            kubeconfig, namespace, tmp_path, "second", WATCH_NAMESPACES=watched
        ) as second:
            await until("ready", second.ready)
            admin.create("MLApi", kept, mlapi(kept, "digits"))
            await until("Accepted", lambda: accepted(admin, kept))
