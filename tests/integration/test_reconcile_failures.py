"""What a user reads while something is wrong, from the very event that shows it; then that it heals."""

from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_operator.api import conditions
from mlapi_operator.settings import Images
from tests.support import kubelet
from tests.support.mlapis import merged
from tests.support.operating import SETTINGS, operating
from tests.support.parts import mlapi, until
from tests.support.scenes import live, make_ready, pods, quiet, seen, set_status

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


NO_NODE = (
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
    "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
)
NOT_FOUND = (
    'Back-off pulling image "r/x@sha256:00": ErrImagePull: rpc error: code = NotFound desc = failed to pull '
    "and unpack image: failed to resolve reference: r/x@sha256:00: not found"
)
FIRST_STARTS = [
    (kubelet.unschedulable(NO_NODE), "Scheduled", "NoMatchingNode", False),
    (kubelet.pulling("ErrImagePull", NOT_FOUND), "ImageReady", "ImageNotFound", True),
    (kubelet.pulling("ErrImagePull", "401 Unauthorized"), "ImageReady", "PullDenied", True),
    (kubelet.pulling("ErrImagePull", "dial tcp: i/o timeout"), "ImageReady", "RegistryUnreachable", False),
    (
        kubelet.fetch_failed(65, "ChecksumMismatch", "the file is not it"),
        "ModelAvailable",
        "ChecksumMismatch",
        True,
    ),
    (kubelet.fetch_failed(65, "NotFound", "404"), "ModelAvailable", "NotFound", True),
    (
        kubelet.fetch_failed(75, "SourceUnreachable", "refused"),
        "ModelAvailable",
        "SourceUnreachable",
        False,
    ),
    (kubelet.crashed(137, reason="OOMKilled"), "Available", "OOMKilled", False),
    (
        kubelet.crashed(1, '{"reason":"LoadFailed","message":"not a model"}'),
        "Available",
        "LoadFailed",
        False,
    ),
    (kubelet.crashed(139), "Available", "CrashLoop", False),
    (kubelet.config_error('secret "keys" not found'), "Available", "SecretNotFound", False),
    (kubelet.runtime_missing(), "Available", "RuntimeMissing", True),
]


@pytest.mark.parametrize(
    ("status", "type", "reason", "stalls"), FIRST_STARTS, ids=[row[2] for row in FIRST_STARTS]
)
async def test_first_start_that_fails_names_the_cause_and_heals(
    admin: Kube, namespace: str, status: Object, type: str, reason: str, stalls: bool
) -> None:
    async with operating():
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        (pod,) = await pods(admin, namespace)
        set_status(admin, pod, status)
        found = await seen(admin, namespace, type, "False", reason)
        assert condition(found, "Ready")["reason"] == reason
        assert condition(found, "Stalled")["status"] == ("True" if stalls else "absent")
        assert condition(found, "Reconciling")["status"] == ("absent" if stalls else "True")
        assert pod["metadata"]["name"] not in str(found["status"]["conditions"])
        set_status(admin, pod, kubelet.ready())
        healed = await seen(admin, namespace, "Ready", "True", "Answering")
        assert condition(healed, "Stalled")["status"] == "absent"
        failed = type != "Scheduled"
        assert ("lastFailure" in healed["status"]) == failed
        if failed:
            assert healed["status"]["lastFailure"]["pod"] == pod["metadata"]["name"]


async def test_failed_update_leaves_the_old_revision_answering_and_says_why(
    admin: Kube, namespace: str
) -> None:
    async with operating():
        before = await make_ready(admin, namespace)
        admin.patch("MLApi", namespace, "digits", {"spec": {"model": {"sha256": "cd" * 32}}})
        old, new = sorted(
            await pods(admin, namespace, 2),
            key=lambda pod: (
                pod["metadata"]["labels"]["mlapi.dev/revision"] != before["status"]["rollout"]["revision"]
            ),
        )
        set_status(admin, new, kubelet.fetch_failed(65, "ChecksumMismatch", "found abab, wanted cdcd"))
        found = await seen(admin, namespace, "Stalled", "True", "ChecksumMismatch")
        assert condition(found, "Available")["status"] == "True"
        assert condition(found, "Ready")["reason"] == "ChecksumMismatch"
        assert found["status"]["phase"] == "Degraded"
        assert found["status"]["rollout"]["stableRevision"] == before["status"]["rollout"]["revision"]
        admin.patch("MLApi", namespace, "digits", {"spec": {"model": {"sha256": None}}})
        healed = await seen(admin, namespace, "Ready", "True", "Answering")
        first = before["status"]["rollout"]
        assert healed["status"]["rollout"]["revision"] == first["revision"]
        assert healed["status"]["rollout"]["stableRevision"] == first["revision"]
        (left,) = await pods(admin, namespace)
        assert left["metadata"]["uid"] == old["metadata"]["uid"]


async def test_update_counts_as_ready_only_when_no_old_pod_is_left_and_the_new_one_answered(
    admin: Kube, namespace: str
) -> None:
    async with operating() as operator:
        before = await make_ready(admin, namespace)
        first = before["status"]["rollout"]["revision"]
        operator.smoke.verdict = (conditions.OLD_REVISION, "answered by the old one")
        admin.patch("MLApi", namespace, "digits", {"spec": {"env": [{"name": "A", "value": "1"}]}})
        found = await seen(admin, namespace, "Ready", "False", "Updating")
        assert condition(found, "Available")["status"] == "True"
        second = found["status"]["rollout"]["revision"]
        for pod in await pods(admin, namespace, 2):
            if pod["metadata"]["labels"]["mlapi.dev/revision"] == second:
                set_status(admin, pod, kubelet.ready())
        await seen(admin, namespace, "Serving", "False", "OldRevision")
        # Without a kubelet nobody ends the old pod.
        for pod in admin.list("Pod", namespace, f"mlapi.dev/revision={first}"):
            admin.delete("Pod", namespace, pod["metadata"]["name"], gracePeriodSeconds=0)
        operator.smoke.verdict = (None, "")
        operator.queue.add((namespace, "digits"))
        found = await seen(admin, namespace, "Ready", "True", "Answering")
        assert found["status"]["rollout"]["stableRevision"] == first
        operator.pass_time((namespace, "digits"), 61)

        def accepted() -> bool:
            kept = admin.list("ControllerRevision", namespace)
            annotated = {
                each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("mlapi.dev/result")
                for each in kept
            }
            shown = {
                each["name"]: each.get("result") for each in live(admin, namespace)["status"]["revisions"]
            }
            return annotated == shown == {second: "Active", first: "Superseded"}

        await until("results on the revisions and in status", accepted)


async def test_service_of_a_user_is_left_alone_and_named(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    metadata = {"name": "digits", "namespace": namespace}
    spec = {"ports": [{"port": 1}], "selector": {"mine": "yes"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    before = admin.create("Service", namespace, service)
    async with operating() as operator:
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        found = await seen(admin, namespace, "Accepted", "False", "NameConflict")
        assert condition(found, "Stalled")["reason"] == "NameConflict"
        assert f"Service {namespace}/digits" in condition(found, "Accepted")["message"]
        assert admin.get("Service", namespace, "digits") == before
        assert admin.get("Deployment", namespace, "digits") is None
        made = await quiet(light, namespace)
        assert [each for each in made if not each.startswith("get ")] == [
            "patch mlapis/digits/status",
            next(each for each in made if "events/" in each),
        ]
        admin.delete("Service", namespace, "digits")
        operator.queue.add((namespace, "digits"))
        await seen(admin, namespace, "Accepted", "True", "Valid")


@pytest.mark.parametrize(
    ("framework", "value"),
    [("FastAPI", "images.fastapi"), ("Litestar", "images.litestar"), ("DjangoNinja", "images.djangoNinja")],
)
async def test_operator_without_an_image_of_the_framework_says_what_to_set(
    framework: str, value: str, admin: Kube, namespace: str
) -> None:
    others = {name: kubelet.IMAGE for name in Images.model_fields if name != framework.lower()}
    async with operating(SETTINGS.model_copy(update={"images": Images(**others)})):
        asked = {"spec": {"framework": {"name": framework}}}
        admin.create("MLApi", namespace, merged(mlapi(namespace, "digits"), asked))
        found = await seen(admin, namespace, "ImageReady", "False", "ImageNotFound")
        message = condition(found, "ImageReady")["message"]
        assert f"no image for {framework}; set spec.image, or {value} in the values" in message
        assert condition(found, "Stalled")["status"] == "True"


async def test_policy_of_the_cluster_that_refuses_the_service_is_shown(admin: Kube, namespace: str) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"count/services": "0"}},
    }
    admin.apply(quota)
    async with operating():
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))

        def told() -> bool:
            return "exceeded quota" in condition(live(admin, namespace), "Reconciling")["message"]

        await until("the quota named", told)


async def test_pods_that_a_quota_forbids_are_explained_without_their_random_names(
    admin: Kube, namespace: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    admin.apply(quota)
    async with operating():
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))

        def told() -> str | None:
            message: str = condition(live(admin, namespace), "Available")["message"]
            return message if "exceeded quota" in message else None

        assert "digits-" not in await until("the quota named", told)


async def test_value_of_an_environment_variable_is_never_shown(admin: Kube, namespace: str) -> None:
    async with operating():
        manifest = mlapi(namespace, "digits", TOKEN="hunter2-secret")
        admin.create("MLApi", namespace, manifest)
        (pod,) = await pods(admin, namespace)
        report = '{"reason":"LoadFailed","message":"bad token hunter2-secret"}'
        set_status(admin, pod, kubelet.crashed(1, report))
        found = await seen(admin, namespace, "Available", "False", "LoadFailed")
        assert "hunter2" not in str(found["status"])
        assert "(value of TOKEN)" in found["status"]["lastFailure"]["message"]
