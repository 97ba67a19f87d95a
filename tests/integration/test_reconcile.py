"""One MLApi from apply to Ready and back, on a real API server; the test plays scheduler and kubelet."""

import asyncio
from functools import partial

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from tests.support import kubelet
from tests.support.operating import operating
from tests.support.parts import mlapi, until
from tests.support.scenes import make_ready, quiet, seen


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


async def test_new_mlapi_becomes_ready_once_a_pod_answers(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with operating():
        found = await make_ready(admin, namespace)
        made = await quiet(light, namespace)
    print(made)
    assert len(made) <= 14, made
    status = found["status"]
    assert status["phase"] == "Ready"
    assert status["model"]["sizeBytes"] == kubelet.FILE["sizeBytes"]
    assert status["rollout"]["stableRevision"] == status["rollout"]["revision"]
    assert "finalizers" not in found["metadata"]


async def test_second_reconcile_writes_nothing_nor_does_a_restarted_operator(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with operating() as operator:
        await make_ready(admin, namespace)
        before = await quiet(light, namespace)
        for _ in range(3):
            operator.queue.add((namespace, "digits"))
            await asyncio.sleep(0.2)
        assert await quiet(light, namespace) == before
    async with operating() as restarted:
        restarted.queue.add((namespace, "digits"))
        assert await quiet(light, namespace) == before
        assert restarted.smoke.asked == []


async def test_deleted_service_comes_back(admin: Kube, namespace: str) -> None:
    async with operating():
        await make_ready(admin, namespace)
        old = admin.get("Service", namespace, "digits")
        assert old is not None
        admin.delete("Service", namespace, "digits")

        def replaced() -> bool:
            new = admin.get("Service", namespace, "digits")
            return new is not None and new["metadata"]["uid"] != old["metadata"]["uid"]

        await until("another Service", replaced)


async def test_deployment_scaled_by_hand_is_repaired_and_kubectl_scale_of_the_mlapi_works(
    admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
        admin.kubectl("-n", namespace, "scale", "deployment", "digits", "--replicas=3")
        await until("one replica again", lambda: replicas(admin, namespace) == 1)
        admin.kubectl("-n", namespace, "scale", "mlapi", "digits", "--replicas=2")
        await until("two replicas", lambda: replicas(admin, namespace) == 2)
        deployment = admin.get("Deployment", namespace, "digits")
        assert deployment is not None
        owners = {
            entry["manager"]
            for entry in deployment["metadata"]["managedFields"]
            if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
        }
        assert owners == {"mlapi-replicas"}


def replicas(admin: Kube, namespace: str) -> int | None:
    deployment = admin.get("Deployment", namespace, "digits")
    return deployment["spec"]["replicas"] if deployment else None


async def test_foreign_label_and_annotation_on_the_deployment_cause_no_write(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
        before = await quiet(light, namespace)
        change = {"metadata": {"labels": {"team": "vision"}, "annotations": {"example.com/seen": "yes"}}}
        admin.patch("Deployment", namespace, "digits", change)
        assert await quiet(light, namespace) == before


async def test_changed_template_of_the_deployment_is_put_back(admin: Kube, namespace: str) -> None:
    async with operating():
        await make_ready(admin, namespace)
        change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
        admin.patch("Deployment", namespace, "digits", change)

        def back() -> bool:
            found = admin.get("Deployment", namespace, "digits")
            return (
                found is not None and found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 75
            )

        await until("the template of the revision", back)


async def test_suspended_mlapi_has_no_pods_and_comes_back(admin: Kube, namespace: str) -> None:
    async with operating():
        await make_ready(admin, namespace)
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": True}})
        found = await seen(admin, namespace, "Ready", "False", "Suspended")
        assert condition(found, "Stalled")["status"] == "absent"
        assert condition(found, "Reconciling")["status"] == "absent"
        await until("no pods wanted", lambda: replicas(admin, namespace) == 0)
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": False}})
        await until("a pod wanted", lambda: replicas(admin, namespace) == 1)


async def test_mlapi_created_suspended_starts_no_pod(admin: Kube, namespace: str) -> None:
    async with operating():
        manifest = mlapi(namespace, "digits")
        manifest["spec"]["suspend"] = True
        admin.create("MLApi", namespace, manifest)
        await seen(admin, namespace, "Ready", "False", "Suspended")
        assert admin.get("Deployment", namespace, "digits") is None
        assert admin.list("Pod", namespace) == []


async def test_deleted_mlapi_takes_its_children_along_while_no_operator_runs(
    admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
    admin.delete("MLApi", namespace, "digits")
    for kind in ("Deployment", "Service", "ControllerRevision"):
        await until(f"no {kind}", partial(none_left, admin, kind, namespace))


def none_left(admin: Kube, kind: str, namespace: str) -> bool:
    return admin.list(kind, namespace, "mlapi.dev/name") == []


async def test_recreated_mlapi_waits_for_the_children_of_its_namesake_and_becomes_ready(
    admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
        admin.delete("MLApi", namespace, "digits")
        again = admin.create("MLApi", namespace, mlapi(namespace, "digits"))

        def ours() -> bool:
            found = admin.get("Service", namespace, "digits")
            return (
                found is not None
                and found["metadata"]["ownerReferences"][0]["uid"] == again["metadata"]["uid"]
            )

        await until("a Service of the new one", ours)
        await seen(admin, namespace, "Accepted", "True", "Valid")
