"""A running MLApi is changed, by its user or behind the operator's back, and keeps answering."""

import asyncio

import pytest

from e2e.digits import Digits
from e2e.kube import condition, wait_for
from e2e.load import Load
from e2e.world import World

pytestmark = pytest.mark.node


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "keep-alive"])
def test_env_changed_under_load_rolls_over_without_a_failed_request(
    world: World, digits: Digits, keep_alive: bool
) -> None:
    name = "digits"
    # Not judged: how fast this machine is while pods start says nothing.
    spec = {"model": {"uri": world.model("digits.onnx")}, "rollout": {"bakeSeconds": 0}}
    world.apply(name, **spec, env=[{"name": "COLOUR", "value": "blue"}])
    before = world.ready(name)["status"]["rollout"]["revision"]
    uids = world.pod_uids(name)

    async def update_under_load() -> Load:
        async with Load(world.predict_url(name), world.predict_body(digits), keep_alive=keep_alive) as load:
            world.apply(name, **spec, env=[{"name": "COLOUR", "value": "red"}])
            await asyncio.to_thread(world.ready, name)
            await asyncio.to_thread(world.only_pods_of_the_current_revision, name)
        return load

    load = asyncio.run(update_under_load())
    assert load.result.sent > 0
    assert load.result.failures == []
    after = world.get(name)["status"]["rollout"]["revision"]
    assert after != before
    wait_for(
        "the new revision is accepted", lambda: world.results(name) == {after: "Active", before: "Superseded"}
    )
    assert not uids & world.pod_uids(name)


def test_foreign_label_on_the_deployment_starts_no_fight(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    uids = world.pod_uids(name)
    labelled = world.kube.patch(
        "Deployment", world.namespace, name, {"metadata": {"labels": {"team": "vision"}}}
    )
    marker = world.audit.marker()
    world.apply(name, model={"uri": world.model("digits.onnx")}, slo={"latencyP95Milliseconds": 5000})
    wait_for(
        "the change is observed",
        lambda: condition(world.get(name), "LatencyWithinTarget")["status"] != "absent",
    )
    found = world.kube.get("Deployment", world.namespace, name)
    assert found is not None
    assert found["metadata"]["labels"]["team"] == "vision"
    assert found["metadata"]["generation"] == labelled["metadata"]["generation"]
    assert world.pod_uids(name) == uids
    assert not [
        e for e in world.audit.writes(since=marker, namespace=world.namespace) if e.resource == "deployments"
    ]


def test_deleted_service_comes_back(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    first = world.kube.get("Service", world.namespace, name)
    assert first is not None
    world.kube.delete("Service", world.namespace, name)

    def returned() -> bool:
        found = world.kube.get("Service", world.namespace, name)
        return found is not None and found["metadata"]["uid"] != first["metadata"]["uid"]

    wait_for("a new Service", returned)
    wait_for("an answer through it", lambda: world.predicts(name, digits))


def test_deployment_scaled_by_hand_is_repaired_and_kubectl_scale_works(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    world.kube.patch("Deployment", world.namespace, name, {"spec": {"replicas": 3}}, subresource="/scale")
    wait_for("one replica again", lambda: world.replicas(name) == 1)

    world.kube.kubectl("-n", world.namespace, "scale", f"mlapi/{name}", "--replicas=2")
    wait_for("two ready replicas", lambda: world.get(name)["status"].get("readyReplicas") == 2)
    assert condition(world.ready(name), "Ready")["status"] == "True"
    assert world.replicas(name) == 2


def test_suspended_mlapi_has_no_pods_and_comes_back(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    world.kube.patch("MLApi", world.namespace, name, {"spec": {"suspend": True}})
    wait_for("no pods", lambda: not world.pods(name))
    found = wait_for(
        "Suspended",
        lambda: (
            found
            if condition(found := world.get(name), "Ready")["reason"] == "Suspended"
            and found["status"]["phase"] == "Suspended"
            else None
        ),
    )
    assert condition(found, "Stalled")["status"] == "absent"
    world.kube.patch("MLApi", world.namespace, name, {"spec": {"suspend": False}})
    world.ready(name)
    assert world.predicts(name, digits)
