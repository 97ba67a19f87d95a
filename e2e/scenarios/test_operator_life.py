"""The operator is killed, away, or replaced: what it cares for ends up the same."""

import time

import pytest

from e2e.digits import Digits
from e2e.kube import condition, wait_for
from e2e.world import World

pytestmark = pytest.mark.node


def test_operator_killed_during_a_first_rollout_ends_ready(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    wait_for("the Deployment", lambda: world.kube.get("Deployment", world.namespace, name))
    world.operator.kill()
    world.ready(name)
    assert world.predicts(name, digits)


def test_operator_killed_during_an_update_ends_on_the_new_revision(world: World, digits: Digits) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    before = world.ready(name)["status"]["rollout"]["revision"]
    world.apply(name, model={"uri": world.model("digits.onnx")}, env=[{"name": "COLOUR", "value": "red"}])
    wait_for("a second revision", lambda: len(world.revisions(name)) == 2)
    world.operator.kill()
    after = world.ready(name)["status"]["rollout"]["revision"]
    assert after != before
    world.only_pods_of_the_current_revision(name)
    assert world.predicts(name, digits)


def test_operator_killed_during_a_refused_update_says_the_same_afterwards(
    world: World, digits: Digits
) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    world.apply(name, model={"uri": world.model("digits.onnx"), "sha256": "0" * 64})
    wait_for("a second revision", lambda: len(world.revisions(name)) == 2)
    world.operator.kill()
    found = world.reason(name, "ModelAvailable", "ChecksumMismatch")
    assert condition(found, "Stalled")["status"] == "True"
    assert condition(found, "Available")["status"] == "True"
    assert world.predicts(name, digits)


def test_mlapi_deleted_while_the_operator_is_away_leaves_nothing(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    assert "finalizers" not in world.ready(name)["metadata"]
    with world.operator.away():
        world.kube.kubectl("-n", world.namespace, "delete", f"mlapi/{name}", "--timeout=60s")
        wait_for("all children gone", lambda: not world.children(name))


def test_second_reconcile_writes_nothing(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    world.settled(name)
    marker = world.audit.marker()
    # A new leader reconciles every MLApi from nothing but what the API server has.
    world.operator.kill()
    world.operator.wait_for_leader()
    time.sleep(5)
    assert world.audit.writes(since=marker, namespace=world.namespace) == []


def test_new_operator_release_restarts_no_pod(world: World) -> None:
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)
    uids = world.pod_uids(name)
    deployment = world.kube.get("Deployment", world.namespace, name)
    assert deployment is not None
    # Another runtime image and another fetch limit: a template made now would differ in both containers.
    with world.operator.release(image=world.other_image(), max_bytes=2**30):
        marker = world.audit.marker()
        world.kube.patch("MLApi", world.namespace, name, {"spec": {"slo": {"latencyP95Milliseconds": 5000}}})
        wait_for(
            "the new release at work",
            lambda: condition(world.get(name), "LatencyWithinTarget")["status"] != "absent",
        )
        after = world.kube.get("Deployment", world.namespace, name)
        assert after is not None
        assert after["metadata"]["generation"] == deployment["metadata"]["generation"]
        assert world.pod_uids(name) == uids
        assert not [
            entry
            for entry in world.audit.writes(since=marker, namespace=world.namespace)
            if entry.resource in ("deployments", "controllerrevisions")
        ]
        fresh = "fresh"
        world.apply(fresh, model={"uri": world.model("digits.onnx")})
        assert world.ready(fresh)["status"]["image"]["reference"] == world.other_image()


def test_lease_deleted_by_hand_is_made_anew_by_one_of_the_replicas(world: World) -> None:
    world.operator.lose_lease()
    name = "digits"
    world.apply(name, model={"uri": world.model("digits.onnx")})
    world.ready(name)


def test_more_revisions_than_the_history_keeps_are_trimmed(world: World) -> None:
    name = "digits"
    colours = ("red", "orange", "yellow", "green", "blue", "indigo", "violet", "white")
    for colour in colours:
        world.apply(
            name,
            model={"uri": world.model("digits.onnx")},
            env=[{"name": "COLOUR", "value": colour}],
            suspend=True,
        )
        wait_for("the revision", lambda: _colours(world, name)[-1:] == [colour])  # noqa: B023 - called at once
    wait_for("the oldest gone", lambda: _colours(world, name) == list(colours[2:]))


def _colours(world: World, name: str) -> list[str]:
    """What each kept revision sets COLOUR to, oldest first."""
    found = sorted(world.revisions(name), key=lambda manifest: int(manifest["revision"]))
    return [manifest["data"]["spec"]["env"][0]["value"] for manifest in found]
