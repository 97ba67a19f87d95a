"""Updates where GPUs are few: nobody waits for a device for ever, and no more pods go than must.

Nodes and pods are fake, scheduler, controllers and operator are not.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from e2e.cluster import Cluster, Layout, given
from e2e.cluster.fakes import start_fakes
from e2e.gpu import GpuWorld, ReadyPods, gpu_world
from e2e.kube import Object, condition, observed, wait_for
from e2e.world import World

pytestmark = pytest.mark.node

# Enough requests to judge by within a few readings.
BUSY: Final = {"requests-per-second": "50"}
ROLLOUT: Final = {"bakeSeconds": 25}


@pytest.fixture(scope="session")
def fakes(cluster: Cluster) -> None:
    if given() is not None:
        pytest.skip("fake nodes need the local cluster: unset KUBECONFIG")
    start_fakes(Layout())


@pytest.fixture
def gpus(fakes: None, world: World) -> Iterator[GpuWorld]:
    with gpu_world(world) as gpus:
        yield gpus


def accepted(world: World, name: str, revisions: int = 2) -> Object:
    """Waits until the newest revision was accepted and is Ready; its status."""

    def look() -> Object | None:
        found = world.ready(name)
        results = [revision.get("result") for revision in found["status"]["revisions"]]
        return found if len(results) == revisions and results[0] == "Active" else None

    return wait_for(f"{name} accepted", look)["status"]  # type: ignore[no-any-return]


def events(world: World, name: str, reason: str) -> list[str]:
    found = world.kube.list("Event", world.namespace)
    return [e["message"] for e in found if e["reason"] == reason and e["involvedObject"]["name"] == name]


def test_update_takes_the_way_that_the_free_devices_allow(gpus: GpuWorld) -> None:
    world = gpus.world
    # Name -> devices, replicas.
    sizes = {"last": (1, 1), "pair": (2, 2), "spare": (3, 2)}
    rollout = {"bakeSeconds": 1}
    for name, (count, replicas) in sizes.items():
        gpus.add_node(name, count=count)
        gpus.apply(name, replicas=replicas, rollout=rollout, env=[{"name": "COLOUR", "value": "blue"}])
    wanted = {name: replicas for name, (_, replicas) in sizes.items()}
    wait_for("all replicas", lambda: {n: world.ready(n)["status"]["readyReplicas"] for n in sizes} == wanted)
    with ReadyPods(world.kube, world.namespace) as pods:
        for name, (_, replicas) in sizes.items():
            gpus.apply(name, replicas=replicas, rollout=rollout, env=[{"name": "COLOUR", "value": "red"}])
        statuses = {name: accepted(world, name) for name in sizes}
    assert {name: status["rollout"]["strategyUsed"] for name, status in statuses.items()} == {
        "last": "InPlace",
        "pair": "InPlace",
        "spare": "Surge",
    }
    assert (pods.fewest("last"), pods.fewest("pair"), pods.fewest("spare")) == (0, 1, 2)
    for name, status in statuses.items():
        used, why = status["rollout"]["strategyUsed"], status["rollout"]["strategyReason"]
        assert "nvidia.com/gpu" in why
        assert events(world, name, f"RolloutBy{used}") == [why]
        assert status["phase"] == "Ready"


def test_mlapi_beyond_the_devices_waits_and_status_counts_what_there_is(gpus: GpuWorld) -> None:
    world = gpus.world
    node = gpus.add_node("pool", count=1)
    gpus.apply("first", pool="pool")
    world.ready("first")
    gpus.apply("second", pool="pool")
    world.reason("second", "Scheduled", "InsufficientGPU")
    # What was counted for others may be half a minute old, and know neither the node nor the first pod.
    wait_for("what there is now", lambda: counted(world, "second") == (1, 0))
    found = world.get("second")
    assert found["status"]["gpu"] == {
        "resourceName": "nvidia.com/gpu",
        "perReplica": 1,
        "products": ["NVIDIA-H100-80GB-HBM3"],
        "matchingNodes": 1,
        "freeDevices": 0,
        "message": condition(found, "Scheduled")["message"],
    }
    assert "0 of its devices are free" in found["status"]["gpu"]["message"]
    assert found["status"]["phase"] == "WaitingForGPU"
    # What nodes are labelled later is no reason to restart anything.
    uids, revisions = world.pod_uids("first"), world.revisions("first")
    world.kube.patch("Node", "", node, {"metadata": {"labels": {"nvidia.com/gpu.product": "NVIDIA-H100"}}})
    gpus.add_node("pool", count=1)
    assert condition(world.ready("second"), "Scheduled")["status"] == "True"
    assert condition(world.ready("first"), "Ready")["status"] == "True"
    assert world.pod_uids("first") == uids
    assert world.revisions("first") == revisions


def test_worse_revision_is_rolled_back_while_the_old_one_answers(gpus: GpuWorld) -> None:
    world = gpus.world
    # Name -> what the second revision plays, what its message then says.
    worse = {
        "errors": ({**BUSY, "error-percent": "10"}, "errors regressed"),
        "slower": ({**BUSY, "latency-milliseconds": "60"}, "latency regressed"),
        "hangs": ({**BUSY, "failure": "hangs"}, "progress"),
        "crashes": ({**BUSY, "failure": "crashes"}, "its server ended"),
    }
    # Servers that end are counted; the one that only hangs is given up by time.
    rollouts = dict.fromkeys(worse, ROLLOUT) | {"hangs": {**ROLLOUT, "progressDeadlineSeconds": 15}}
    for name in worse:
        gpus.add_node(name, count=2)
        gpus.apply(name, plays=BUSY, rollout=rollouts[name])
    good = {name: world.ready(name)["status"]["rollout"]["revision"] for name in worse}
    wait_for("figures of the good ones", lambda: all(gpus.requests_read(name) >= 200 for name in worse))
    uids = {name: world.pod_uids(name) for name in worse}
    with ReadyPods(world.kube, world.namespace) as pods:
        for name, (plays, _) in worse.items():
            gpus.apply(name, plays=plays, rollout=rollouts[name])
        for name in worse:
            world.reason(name, "Ready", "RolledBack")
            wait_for("only good pods", lambda name=name: running(world, name) == {good[name]})  # type: ignore[misc]
    found = {name: world.reason(name, "Ready", "RolledBack") for name in worse}
    # These never took over.
    assert all(world.pod_uids(name) == uids[name] for name in ("hangs", "crashes"))
    for name, (_, says) in worse.items():
        status = found[name]["status"]
        assert pods.fewest(name) >= 1
        results = {r["name"]: r.get("result") for r in status["revisions"]}
        assert results == {status["rollout"]["revision"]: "RolledBack", good[name]: "Active"}
        assert status["rollout"]["stableRevision"] == good[name]
        assert condition(found[name], "Available")["status"] == "True"
        assert condition(found[name], "Stalled")["status"] == "True"
        assert condition(found[name], "Stalled")["reason"] == "RolledBack"
        assert status["phase"] == "Degraded"
        message = status["revisions"][0]["message"]
        assert says in message
        assert message in condition(found[name], "Ready")["message"]
        assert "retryToken" in condition(found[name], "Ready")["message"]
        assert len(events(world, name, "RolledBack")) == 1
    # It is not tried again by itself; told so, it is.
    marker = world.audit.marker()
    gpus.apply("errors", plays=worse["errors"][0], rollout=ROLLOUT, slo={"latencyP95Milliseconds": 5000})
    wait_for("observed", lambda: observed(world.get("errors")))
    assert condition(world.get("errors"), "Ready")["reason"] == "RolledBack"
    writes = world.audit.writes(since=marker, namespace=world.namespace)
    assert [e for e in writes if e.resource == "deployments"] == []
    gpus.apply("errors", plays=worse["errors"][0], rollout={**ROLLOUT, "retryToken": "again"})
    wait_for("another revision", lambda: len(world.revisions("errors")) == 3)
    gpus.apply("errors", plays=BUSY, rollout=ROLLOUT)
    assert world.ready("errors")["status"]["rollout"]["revision"] == good["errors"]


def test_revision_with_few_requests_is_accepted_and_said_so(gpus: GpuWorld) -> None:
    world, name = gpus.world, "digits"
    gpus.add_node(name, count=2)
    rollout = {"bakeSeconds": 5}
    gpus.apply(name, plays={"latency-milliseconds": "20"}, rollout=rollout)
    world.ready(name)
    gpus.apply(name, plays={"latency-milliseconds": "60"}, rollout=rollout)
    status = accepted(world, name)
    assert "too few requests" in status["revisions"][0]["message"]
    assert "too few requests" in status["rollout"]["message"]
    assert any("too few requests" in message for message in events(world, name, "RevisionAccepted"))


def running(world: World, name: str) -> set[str]:
    return {pod["metadata"]["labels"]["mlapi.dev/revision"] for pod in world.pods(name)}


def counted(world: World, name: str) -> tuple[int, int]:
    """Matching nodes and their free devices."""
    found = world.get(name)["status"]["gpu"]
    return found["matchingNodes"], found["freeDevices"]
