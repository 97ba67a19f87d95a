"""What is kept for a revision stays as it was made, whatever becomes of operator, settings and spec."""

from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.settings import Fetch, Images
from tests.support import kubelet
from tests.support.mlapis import DIGEST, VALID, merged
from tests.support.operating import SETTINGS, operating
from tests.support.parts import mlapi, until
from tests.support.scenes import live, make_ready, pods, quiet, seen, set_status

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


async def test_new_operator_with_another_template_and_image_restarts_no_pod(
    light: LightCluster, admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operating():
        await make_ready(admin, namespace)
        (before,) = await pods(admin, namespace)

    def newer_template(*arguments: Any, **named: Any) -> Object:
        template = pod_template(*arguments, **named)
        return {**template, "spec": {**template["spec"], "terminationGracePeriodSeconds": 5}}

    monkeypatch.setattr("mlapi_operator.revise.pod_template", newer_template)
    image = "registry.example.com/mlapi-fastapi@sha256:" + "f" * 64
    newer = SETTINGS.model_copy(update={"images": Images(fastapi=image)})
    async with operating(newer) as operator:
        operator.queue.add((namespace, "digits"))
        assert not any("deployments" in each for each in (await quiet(light, namespace))[-3:])
        (after,) = await pods(admin, namespace)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": "1"}]}})
        images = {
            pod["spec"]["containers"][0]["image"]: pod["spec"]["terminationGracePeriodSeconds"]
            for pod in await pods(admin, namespace, 2)
        }
        assert images[image] == 5


async def test_framework_changed_takes_its_own_image_and_stands_beside_the_one_before(
    admin: Kube, namespace: str
) -> None:
    images = {name: f"registry.example.com/{name}@{DIGEST}" for name in Images.model_fields}
    async with operating(SETTINGS.model_copy(update={"images": Images(**images)})):
        await make_ready(admin, namespace)
        for framework in ("Litestar", "DjangoNinja"):
            admin.patch("MLApi", namespace, "digits", {"spec": {"framework": {"name": framework}}})
            image = images[framework.lower()]

            def runs(image: str = image) -> bool:
                found = admin.list("Pod", namespace)
                return image in [pod["spec"]["containers"][0]["image"] for pod in found]

            await until(f"a pod of {framework}", runs)
        shown = live(admin, namespace)["status"]
        assert shown["framework"] == {"name": "DjangoNinja"}
        assert shown["image"] == {"reference": images["djangoninja"], "source": "Prebuilt"}
        assert [each["framework"] for each in shown["revisions"]] == ["DjangoNinja", "Litestar", "FastAPI"]


async def test_change_that_is_no_workload_makes_no_revision(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with operating():
        await make_ready(admin, namespace)
        before = await quiet(light, namespace)
        change = {"slo": {"latencyP95Milliseconds": 50}, "probe": {"smokeTest": {"intervalSeconds": 90}}}
        admin.patch("MLApi", namespace, "digits", {"spec": change})
        found = await seen(admin, namespace, "LatencyWithinTarget", "Unknown", "NoData")
        assert condition(found, "Ready")["observedGeneration"] == 2
        assert [each for each in await quiet(light, namespace) if each not in before] == []
        assert len(admin.list("ControllerRevision", namespace)) == 1


async def test_old_revisions_beyond_five_go_but_never_the_one_that_answers(
    admin: Kube, namespace: str
) -> None:
    async with operating():
        before = await make_ready(admin, namespace)
        for value in range(8):
            env = [{"name": "A", "value": str(value)}]
            admin.patch("MLApi", namespace, "digits", {"spec": {"env": env}})
            count = value + 2

            def made(count: int = count) -> bool:
                numbers = [each["revision"] for each in admin.list("ControllerRevision", namespace)]
                return bool(max(numbers) == count)

            await until(f"revision {count}", made)
        answering = before["status"]["rollout"]["revision"]

        def trimmed() -> bool:
            kept = {
                each["metadata"]["name"]: each["revision"]
                for each in admin.list("ControllerRevision", namespace)
            }
            others = [number for name, number in kept.items() if name != answering]
            return answering in kept and sorted(others) == [4, 5, 6, 7, 8, 9]

        await until("six of nine and the one that answers", trimmed)


async def test_authority_is_copied_followed_and_pruned(admin: Kube, namespace: str) -> None:
    settings = SETTINGS.model_copy(
        update={"namespace": namespace, "fetch": Fetch(ca_config_map="model-authority")}
    )
    async with operating(settings) as operator:
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        found = await seen(admin, namespace, "Accepted", "False", "ConfigMapNotFound")
        assert condition(found, "Stalled")["status"] == "absent"
        metadata = {"name": "model-authority", "namespace": namespace}
        source = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": "PEM"}}
        admin.create("ConfigMap", namespace, source)
        operator.queue.add((namespace, "digits"))
        (pod,) = await pods(admin, namespace)
        assert {"name": "ca", "configMap": {"name": "digits-ca", "defaultMode": 420}} in pod["spec"][
            "volumes"
        ]
        copy = admin.get("ConfigMap", namespace, "digits-ca")
        assert copy is not None
        assert copy["data"] == {"ca.crt": "PEM"}
        set_status(admin, pod, kubelet.ready())
        await seen(admin, namespace, "Ready", "True", "Answering")
    # Without the setting, pods of today's revision still mount the copy; those of the next do not, and once
    # it is accepted nobody goes back.
    async with operating():
        admin.patch("MLApi", namespace, "digits", {"spec": {"slo": {"maxErrorPercent": 1}}})
        await seen(admin, namespace, "LatencyWithinTarget", "Unknown", "NoData")
        assert admin.get("ConfigMap", namespace, "digits-ca") is not None
        change = {"env": [{"name": "A", "value": "1"}], "rollout": {"bakeSeconds": 0}}
        admin.patch("MLApi", namespace, "digits", {"spec": change})
        for each in await pods(admin, namespace, 2):
            # The old one goes as soon as the new one is ready.
            if each["metadata"]["name"] != pod["metadata"]["name"]:
                set_status(admin, each, kubelet.ready())
        await until("the copy pruned", lambda: admin.get("ConfigMap", namespace, "digits-ca") is None)


async def test_every_valid_spec_makes_children_that_the_api_server_takes_and_pod_security_admits(
    admin: Kube, namespace: str
) -> None:
    """Each apply is strict about unknown fields, and the namespace enforces `restricted`."""
    admin.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    # What the specs name: pods of classes that do not exist are not created.
    admin.apply(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "production"},
            "value": 1000,
        },
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "nvidia"},
            "handler": "nvidia",
        },
    )
    names = [f"case-{number}" for number in range(len(VALID))]
    async with operating():
        for name, change in zip(names, VALID.values(), strict=True):
            manifest = mlapi(namespace, name)
            spec = {member: value for member, value in change.items() if value is not None}
            manifest["spec"] = merged(manifest["spec"], spec)
            admin.create("MLApi", namespace, manifest)
        for name, (case, change) in zip(names, VALID.items(), strict=True):
            found = await seen(admin, namespace, "Accepted", "True", "Valid", name)
            assert condition(found, "Stalled")["status"] == "absent", case
            paused = (change.get("rollout") or {}).get("paused")
            if paused or change.get("suspend") or change.get("replicas") == 0:
                continue

            def has_pod(name: str = name) -> bool:
                return bool(admin.list("Pod", namespace, f"mlapi.dev/name={name}"))

            await until(f"a pod for: {case}", has_pod)
