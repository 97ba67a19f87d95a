"""The transport: what the API server says becomes an answer or an error that names the act."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from e2e.kube import Kube
from mlapi_operator import cluster as transport
from mlapi_operator.api.kinds import CONFIG_MAP, DEPLOYMENT, LEASE, MLAPI, SERVICE
from mlapi_operator.api.types import Manifest
from mlapi_operator.cluster import KubernetesCluster, connect
from mlapi_operator.events import Recorder
from mlapi_operator.protocol import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotLeading,
    SystemClock,
    Unavailable,
)
from tests.support.faults import Answer, Drop, FaultProxy
from tests.support.parts import MANAGER, mlapi, until


class Fence:
    """Open until closed."""

    def __init__(self) -> None:
        self.closed = False

    def __call__(self) -> float:
        if self.closed:
            raise NotLeading
        return 10.0


@pytest.fixture
def fence() -> Fence:
    return Fence()


@pytest.fixture
async def cluster(proxied: object, fence: Fence) -> AsyncIterator[KubernetesCluster]:
    cluster = KubernetesCluster(await connect(), fence)
    yield cluster
    await cluster.close()


def config_map(namespace: str, name: str = "settings", **data: str) -> Manifest:
    metadata = {"namespace": namespace, "name": name, "labels": {"test": "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_apply_of_a_new_object_creates_it_and_again_owns_only_its_fields(
    cluster: KubernetesCluster, admin: Kube, namespace: str
) -> None:
    created = await cluster.apply(CONFIG_MAP, config_map(namespace, mine="1"), manager=MANAGER)
    admin.patch("ConfigMap", namespace, "settings", {"data": {"theirs": "2"}})
    applied = await cluster.apply(CONFIG_MAP, config_map(namespace, mine="3"), manager=MANAGER)
    assert created["data"] == {"mine": "1"}
    assert applied["data"] == {"mine": "3", "theirs": "2"}


async def test_apply_with_an_unknown_field_is_refused_naming_act_and_field(
    cluster: KubernetesCluster, namespace: str
) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": "x"}}
    with pytest.raises(
        Invalid, match=rf"^applying Service {namespace}/x: 500: .*spec.prots: field not declared"
    ):
        await cluster.apply(SERVICE, {**service, "spec": {"prots": []}}, manager=MANAGER)


async def test_apply_status_of_an_mlapi_leaves_its_spec_alone(
    cluster: KubernetesCluster, admin: Kube, namespace: str
) -> None:
    created = admin.create("MLApi", namespace, mlapi(namespace, "digits"))
    head = {"apiVersion": MLAPI.api_version, "kind": MLAPI.kind}
    status = {
        **head,
        "metadata": {"namespace": namespace, "name": "digits"},
        "status": {"observedGeneration": 1},
    }
    answer = await cluster.apply_status(MLAPI, status, manager=MANAGER)
    assert answer["status"]["observedGeneration"] == 1
    assert answer["spec"] == created["spec"]
    assert answer["metadata"]["generation"] == 1


async def test_list_over_several_pages_holds_every_object_as_a_whole_manifest(
    cluster: KubernetesCluster, proxy: FaultProxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PAGE", 2)
    for number in range(5):
        await cluster.create(CONFIG_MAP, config_map(namespace, f"c{number}"))
    items, version = await cluster.list(CONFIG_MAP, namespace=namespace, labels="test=yes")
    assert [item["metadata"]["name"] for item in items] == [f"c{number}" for number in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert int(version) >= max(int(item["metadata"]["resourceVersion"]) for item in items)
    assert proxy.counts()["list", "configmaps"] == 3


async def test_get_of_an_absent_object_is_none_and_delete_of_it_is_fine(
    cluster: KubernetesCluster, namespace: str
) -> None:
    assert await cluster.get(DEPLOYMENT, (namespace, "absent")) is None
    await cluster.delete(DEPLOYMENT, (namespace, "absent"), uid="11111111-2222-3333-4444-555555555555")


async def test_create_of_a_taken_name_is_a_conflict(cluster: KubernetesCluster, namespace: str) -> None:
    await cluster.create(CONFIG_MAP, config_map(namespace))
    with pytest.raises(Conflict, match=f"creating ConfigMap {namespace}/settings: 409"):
        await cluster.create(CONFIG_MAP, config_map(namespace))


async def test_delete_of_an_object_with_another_uid_leaves_it(
    cluster: KubernetesCluster, namespace: str
) -> None:
    created = await cluster.create(CONFIG_MAP, config_map(namespace))
    with pytest.raises(Conflict):
        await cluster.delete(CONFIG_MAP, (namespace, "settings"), uid="11111111-2222-3333-4444-555555555555")
    assert await cluster.get(CONFIG_MAP, (namespace, "settings"))
    await cluster.delete(CONFIG_MAP, (namespace, "settings"), uid=created["metadata"]["uid"])
    assert await cluster.get(CONFIG_MAP, (namespace, "settings")) is None


async def test_replace_of_an_object_changed_meanwhile_is_a_conflict(
    cluster: KubernetesCluster, namespace: str
) -> None:
    lease = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": {"namespace": namespace, "name": "l"},
    }
    first = await cluster.create(LEASE, {**lease, "spec": {"holderIdentity": "a"}})
    await cluster.replace(LEASE, {**first, "spec": {"holderIdentity": "b"}})
    with pytest.raises(Conflict):
        await cluster.replace(LEASE, {**first, "spec": {"holderIdentity": "c"}})


async def test_write_behind_a_closed_fence_never_leaves_the_process(
    cluster: KubernetesCluster, proxy: FaultProxy, fence: Fence, namespace: str
) -> None:
    fence.closed = True
    with pytest.raises(NotLeading):
        await cluster.apply(CONFIG_MAP, config_map(namespace), manager=MANAGER)
    with pytest.raises(NotLeading):
        await cluster.delete(CONFIG_MAP, (namespace, "settings"), uid="x")
    assert await cluster.get(CONFIG_MAP, (namespace, "settings")) is None
    assert proxy.counts() == {("get", "configmaps"): 1}


async def test_request_to_an_overloaded_server_says_when_to_come_back(
    cluster: KubernetesCluster, proxy: FaultProxy, namespace: str
) -> None:
    proxy.fail("get", "configmaps", Answer(429, retry_after=7), times=1)
    with pytest.raises(Unavailable) as caught:
        await cluster.get(CONFIG_MAP, (namespace, "settings"))
    assert caught.value.retry_after == 7
    assert str(caught.value) == f"getting ConfigMap {namespace}/settings: 429: injected"


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Answer(504), Drop()])
async def test_request_that_the_server_fails_may_be_tried_again(
    cluster: KubernetesCluster, proxy: FaultProxy, namespace: str, fault: Answer | Drop
) -> None:
    proxy.fail("apply", "configmaps", fault, times=1)
    with pytest.raises(Unavailable):
        await cluster.apply(CONFIG_MAP, config_map(namespace), manager=MANAGER)
    await cluster.apply(CONFIG_MAP, config_map(namespace), manager=MANAGER)


async def test_request_without_a_server_says_that_there_was_no_answer(
    cluster: KubernetesCluster, proxy: FaultProxy, namespace: str
) -> None:
    await proxy.stop()
    with pytest.raises(
        Unavailable, match=f"getting ConfigMap {namespace}/settings: no answer: Cannot connect"
    ):
        await cluster.get(CONFIG_MAP, (namespace, "settings"))
    await proxy.start()
    assert await cluster.get(CONFIG_MAP, (namespace, "settings")) is None


async def test_request_that_the_role_does_not_allow_is_forbidden(
    light: object, admin: Kube, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultProxy(
        admin.kubeconfig, "system:serviceaccount:x:nobody", ["system:authenticated"]
    ) as proxy:
        monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig(tmp_path)))
        cluster = KubernetesCluster(await connect(), Fence())
        with pytest.raises(Forbidden, match="nobody"):
            await cluster.get(CONFIG_MAP, (namespace, "settings"))
        await cluster.close()


async def test_status_of_a_deleted_mlapi_is_not_found(cluster: KubernetesCluster, namespace: str) -> None:
    head = {"apiVersion": MLAPI.api_version, "kind": MLAPI.kind}
    status = {
        **head,
        "metadata": {"namespace": namespace, "name": "gone"},
        "status": {"observedGeneration": 1},
    }
    with pytest.raises(NotFound, match=f"applying status of MLApi {namespace}/gone: 404"):
        await cluster.apply_status(MLAPI, status, manager=MANAGER)


async def test_every_request_is_counted_by_verb_kind_and_code(
    cluster: KubernetesCluster, namespace: str
) -> None:
    labels = {"verb": "get", "kind": "ConfigMap", "code": "404"}

    def count() -> float:
        return REGISTRY.get_sample_value("mlapi_apiserver_requests_total", labels) or 0.0

    before = count()
    await cluster.get(CONFIG_MAP, (namespace, "absent"))
    assert count() == before + 1


async def test_events_that_repeat_are_one_event_with_a_count(
    cluster: KubernetesCluster, admin: Kube, namespace: str
) -> None:
    created = admin.create("MLApi", namespace, mlapi(namespace, "digits"))
    recorder = Recorder(cluster, SystemClock())
    sending = asyncio.create_task(recorder.run())
    recorder.record(created, "Warning", "PullDenied", "cannot pull")
    recorder.record(created, "Warning", "PullDenied", "cannot pull")
    recorder.record(created, "Normal", "Ready", "answered")
    await recorder.flush()
    sending.cancel()
    events = {event["reason"]: event for event in admin.list("Event", namespace)}
    assert {reason: event["count"] for reason, event in events.items()} == {"PullDenied": 2, "Ready": 1}
    assert events["PullDenied"]["involvedObject"]["uid"] == created["metadata"]["uid"]
    assert "cannot pull" in admin.kubectl("describe", "mlapi", "-n", namespace, "digits")


async def test_event_that_the_server_refuses_is_dropped_without_holding_up_the_next(
    cluster: KubernetesCluster, proxy: FaultProxy, admin: Kube, namespace: str
) -> None:
    created = admin.create("MLApi", namespace, mlapi(namespace, "digits"))
    recorder = Recorder(cluster, SystemClock())
    sending = asyncio.create_task(recorder.run())
    proxy.fail("apply", "events", Answer(500), times=1)
    recorder.record(created, "Normal", "First", "lost")
    recorder.record(created, "Normal", "Second", "kept")
    await until("the second event", lambda: admin.list("Event", namespace))
    sending.cancel()
    assert [event["reason"] for event in admin.list("Event", namespace)] == ["Second"]
