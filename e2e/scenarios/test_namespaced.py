"""An operator that may look after one namespace alone, installed by who owns that namespace alone."""

import pytest

from e2e.digits import Digits
from e2e.kube import condition, wait_for
from e2e.world import World

pytestmark = pytest.mark.node


def test_operator_for_one_namespace_takes_over_and_hands_back_without_a_restart(
    world: World, digits: Digits
) -> None:
    name, model = "digits", {"uri": world.model("digits.onnx")}
    world.apply(name, model=model)
    world.ready(name)
    before = world.pod_uids(name)
    audit = world.audit.of(f"system:serviceaccount:{world.namespace}:mlapi-operator")
    with world.operator.replaced_in(world.namespace) as operator:
        marker = audit.marker()
        operator.kill()
        wait_for("a look at the MLApi", lambda: any(e.resource == "mlapis" for e in audit.entries(marker)))
        assert world.pod_uids(name) == before

        world.apply(name, model=model, env=[{"name": "COLOUR", "value": "red"}])
        wait_for("a second revision", lambda: len(world.revisions(name)) == 2)
        world.ready(name)
        world.only_pods_of_the_current_revision(name)
        assert world.predicts(name, digits)
        updated = world.pod_uids(name)

        world.apply("gpu", model=model, gpu={"count": 16})
        waiting = world.reason("gpu", "Scheduled", "InsufficientGPU")
        assert waiting["status"]["phase"] == "WaitingForGPU"
        assert waiting["status"]["gpu"]["matchingNodes"] == -1
        assert waiting["status"]["gpu"]["freeDevices"] == -1
        world.kube.delete("MLApi", world.namespace, "gpu")

        asked = [entry for entry in audit.entries() if entry.resource]
        refused = {(e.verb, e.resource) for e in asked if not e.allowed or e.code == 401}
        assert refused <= {("list", "nodes")}
        assert {entry.namespace for entry in asked} <= {world.namespace, ""}
        assert {entry.resource for entry in asked if not entry.namespace} <= {"nodes"}
    found = world.ready(name)
    assert condition(found, "Ready")["status"] == "True"
    world.settled(name)
    assert world.pod_uids(name) == updated
