"""What can go wrong is said with its cause and its remedy, and what worked before goes on working."""

import pytest

from e2e.cluster import given
from e2e.digits import Digits
from e2e.fake_nodes import add_fake_node
from e2e.kube import Object, condition, wait_for
from e2e.world import World

pytestmark = pytest.mark.node

WRONG_HASH = "0" * 64


def test_service_of_the_user_with_the_same_name_is_left_alone(world: World) -> None:
    name = "digits"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"selector": {"app": "mine"}, "ports": [{"port": 80}]},
    }
    before = world.kube.create("Service", world.namespace, service)
    world.apply(name, model={"uri": world.model("digits.onnx")})
    found = world.reason(name, "Accepted", "NameConflict")
    assert condition(found, "Stalled")["status"] == "True"
    assert "Service" in condition(found, "Accepted")["message"]
    after = world.kube.get("Service", world.namespace, name)
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    # The conflict ends when the user renames theirs; nobody has to touch the MLApi.
    world.kube.delete("Service", world.namespace, name)
    world.kube.kubectl("-n", world.namespace, "annotate", f"mlapi/{name}", "example.com/renamed=yes")
    assert condition(world.ready(name), "Accepted")["status"] == "True"


def test_wrong_model_hash_is_refused_while_the_old_revision_answers(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    world.apply(name, model={"uri": world.model("digits.onnx"), "sha256": WRONG_HASH})
    found = world.reason(name, "ModelAvailable", "ChecksumMismatch")
    assert condition(found, "Stalled")["status"] == "True"
    assert WRONG_HASH in condition(found, "ModelAvailable")["message"]
    assert condition(found, "Available")["status"] == "True"
    assert condition(found, "Ready")["status"] == "False"
    assert found["status"]["phase"] == "Degraded"
    assert world.predicts(name, digits)

    world.apply(name, model={"uri": world.model("digits.onnx")})
    assert condition(world.ready(name), "Stalled")["status"] == "absent"


def test_missing_model_is_named(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("status/404/digits.onnx")})
    found = world.reason(name, "ModelAvailable", "NotFound")
    assert condition(found, "Stalled")["status"] == "True"
    assert "404" in condition(found, "ModelAvailable")["message"]


def test_download_cut_in_the_middle_is_resumed_and_its_progress_is_shown(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model(f"cut/20000/{world.namespace}/digits.onnx")})
    assert condition(world.ready(name), "ModelAvailable")["status"] == "True"

    world.apply("slow", model={"uri": world.model(f"slow/1000/{world.namespace}/digits.onnx")})

    def downloading() -> Object | None:
        download = (world.get("slow")["status"].get("model") or {}).get("download") or {}
        return download if 0 < download.get("doneBytes", 0) < download.get("totalBytes", -1) else None

    download = wait_for("progress in status", downloading)
    assert download["bytesPerSecond"] > 0
    assert download["remainingSeconds"] >= 0
    assert world.get("slow")["status"]["phase"] == "Downloading"


def test_model_that_cannot_be_loaded_is_explained(world: World) -> None:
    name = "broken"
    world.apply(name, model={"uri": world.model("broken.onnx")})
    found = wait_for("lastFailure", lambda: _failure(world.get(name), "LoadFailed"))
    assert found["exitCode"] != 0
    assert "broken.onnx" in found["message"]
    assert condition(world.get(name), "Available")["reason"] in ("LoadFailed", "CrashLoop")


def test_model_that_needs_more_memory_than_its_limit_is_explained(world: World) -> None:
    name = "hungry"
    limits = {"requests": {"memory": "256Mi"}, "limits": {"memory": "512Mi"}}
    world.apply(name, model={"uri": world.model("hungry.onnx")}, resources=limits)
    found = wait_for("lastFailure", lambda: _failure(world.get(name), "OOMKilled"))
    assert found["exitCode"] == 137
    assert "spec.resources.limits.memory" in condition(world.get(name), "Available")["message"]


def test_image_that_cannot_be_pulled_is_explained(world: World) -> None:
    name = "digits"
    missing = f"{world.image.split('@')[0]}@sha256:{'0' * 64}"
    world.apply(name, model={"uri": world.model("digits.onnx")}, image=missing)
    found = world.reason(name, "ImageReady", "ImageNotFound")
    assert missing in condition(found, "ImageReady")["message"]
    assert condition(found, "Stalled")["status"] == "True"


def test_node_selector_that_no_node_has_is_explained(world: World) -> None:
    name = "digits"
    world.apply(
        name,
        model={"uri": world.model("digits.onnx")},
        scheduling={"nodeSelector": {"example.com/shelf": "top"}},
    )
    found = world.reason(name, "Scheduled", "NoMatchingNode")
    assert "nodeSelector" in condition(found, "Scheduled")["message"]
    assert condition(found, "Ready")["status"] == "False"

    world.apply(name, model={"uri": world.model("digits.onnx")}, scheduling=None)
    assert condition(world.ready(name), "Scheduled")["status"] == "True"


def test_gpu_that_no_node_has_is_explained_by_the_nearest(world: World) -> None:
    if given() is not None:
        pytest.skip("a fake node needs the local cluster: unset KUBECONFIG")
    name, node = "digits", f"{world.namespace}-h100"
    model = {"uri": world.model("digits.onnx")}
    add_fake_node(world.kube, "h100", node)
    try:
        world.apply(name, model=model, gpu={"products": ["H100"], "minMemory": "80Gi"})
        found = world.reason(name, "Scheduled", "NoMatchingNode")
        # What was counted for others may be half a minute old.
        found = wait_for("the near miss", lambda: _says(world.get(name), "Scheduled", "did you mean 80G?"))
        assert "spec.gpu.minMemory" in condition(found, "Ready")["message"]
        assert condition(found, "Stalled")["status"] == "absent"
        assert found["status"]["phase"] == "WaitingForGPU"
        assert found["status"]["gpu"]["matchingNodes"] == 0
        assert len(_events(world, "NoMatchingNode")) == 1
    finally:
        world.kube.delete("Node", "", node)

    world.apply(name, model=model)
    assert "gpu" not in world.ready(name)["status"]


def test_update_that_cannot_load_is_rolled_back_while_the_old_revision_answers(
    world: World, digits: Digits
) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    good = world.ready(name)["status"]["rollout"]["revision"]
    uids = world.pod_uids(name)

    world.apply(name, model={"uri": world.model("broken.onnx")})
    found = world.reason(name, "Ready", "LoadFailed")
    assert condition(found, "Available")["status"] == "True"
    assert world.predicts(name, digits)

    found = world.reason(name, "Ready", "RolledBack")
    message = condition(found, "Ready")["message"]
    assert "broken.onnx" in message
    assert "spec.rollout.retryToken" in message
    assert condition(found, "Stalled")["reason"] == "RolledBack"
    assert condition(found, "Available")["status"] == "True"
    assert found["status"]["phase"] == "Degraded"
    bad = found["status"]["rollout"]["revision"]
    assert (found["status"]["rollout"]["stableRevision"], bad != good) == (good, True)
    results = {revision["name"]: revision.get("result") for revision in found["status"]["revisions"]}
    assert results == {good: "Active", bad: "RolledBack"}
    assert found["status"]["lastFailure"]["reason"] == "LoadFailed"
    assert len(_events(world, "RolledBack")) == 1
    wait_for("the old pods alone", lambda: world.pod_uids(name) == uids)
    assert world.predicts(name, digits)

    # The way back by hand: what was applied before.
    world.apply(name, model={"uri": world.model("digits.onnx")})
    assert condition(world.ready(name), "Stalled")["status"] == "absent"
    assert world.pod_uids(name) == uids


def test_secret_of_a_wrong_name_is_named_and_its_creation_is_enough(world: World) -> None:
    name = "digits"
    reference = {"secretKeyRef": {"name": "no-such-secret", "key": "token"}}
    world.apply(
        name,
        model={"uri": world.model("digits.onnx")},
        env=[{"name": "TOKEN", "valueFrom": reference}],
    )
    found = world.reason(name, "Available", "SecretNotFound")
    assert "no-such-secret" in condition(found, "Ready")["message"]
    assert condition(found, "Stalled")["status"] == "absent"
    world.kube.kubectl(
        "-n", world.namespace, "create", "secret", "generic", "no-such-secret", "--from-literal=token=t0ken"
    )
    assert condition(world.ready(name), "Available")["status"] == "True"


def test_host_of_a_wrong_name_is_named(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": "https://no-such-host.invalid/digits.onnx"})
    found = world.reason(name, "ModelAvailable", "SourceUnreachable")
    assert "no-such-host.invalid" in condition(found, "Ready")["message"]
    assert condition(found, "Stalled")["status"] == "absent"


def _says(mlapi: Object, type: str, words: str) -> Object | None:
    return mlapi if words in condition(mlapi, type)["message"] else None


def _events(world: World, reason: str) -> list[Object]:
    return [event for event in world.kube.list("Event", world.namespace) if event["reason"] == reason]


def _failure(mlapi: Object, reason: str) -> Object | None:
    found = mlapi["status"].get("lastFailure")
    return found if found and found["reason"] == reason else None
