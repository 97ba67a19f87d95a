"""Every reason and every phase there is comes about in some situation, and says what it is about."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from mlapi_operator.api.conditions import REASONS, Condition, Phase
from mlapi_operator.api.types import Manifest
from mlapi_operator.status.compose import status
from mlapi_operator.status.transitions import by_type
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import NOW, controller_revision, facts_of, pod

Object = dict[str, Any]

NEW = "digits-11111111"
OLD = "digits-00000000"
PASSED = {"at": "2026-01-01T00:00:06Z"}
BEGAN = "2026-01-01T00:00:00Z"
ACTIVE = {"mlapi.dev/result": "Active"}
GONE_BACK = {
    "mlapi.dev/result": "RolledBack",
    "mlapi.dev/reason": "errors regressed: 9 errors in 90 requests",
}
GPU = {"resource_name": "nvidia.com/gpu", "per_replica": 1}
NO_DEVICE = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: none"
NO_NODE = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
TOUR = {"window_seconds": 300, "sampled_at": "2026-01-01T00:00:58Z", "requests": 500, "error_percent": 0}
SLO = {"slo": {"latencyP95Milliseconds": 50}}


class Situation(NamedTuple):
    """
    Attributes:
        shown: what is looked at: `Condition=Status/Reason`.
        words: parts of its message.
        change: of a small sound spec.
    """

    recorded: Object
    shown: str
    phase: Phase
    words: tuple[str, ...] = ()
    change: Object | None = None


def first(status: Object | None, shown: str, phase: Phase, *words: str, **more: Any) -> Situation:
    """The first revision, with one pod; None: with none."""
    pods = [pod("digits-5d9f-a", NEW, status)] if status is not None else []
    change = more.pop("change", {})
    recorded = {"revision": NEW, "revisions": [controller_revision(NEW)], "pods": pods, **more}
    return Situation(recorded, shown, phase, words, change)


def second(status: Object | None, shown: str, phase: Phase, *words: str, **more: Any) -> Situation:
    """A revision that replaces another, whose pod answers."""
    new = [pod("digits-77aa-b", NEW, status)] if status is not None else []
    change, results = more.pop("change", {}), more.pop("results", {})
    known = [controller_revision(NEW, 2, **results), controller_revision(OLD, 1, **ACTIVE)]
    pods = [pod("digits-5d9f-a", OLD, kubelet.ready()), *new]
    recorded = {"revision": NEW, "revisions": known, "pods": pods, **more}
    return Situation(recorded, shown, phase, words, change)


def fetch(reason: str) -> Object:
    return kubelet.fetch_failed(65, reason, "the fetch said so")


def unfit(cause: str) -> Object:
    return kubelet.unschedulable(f"0/3 nodes are available: {cause}.")


P = Phase
SITUATIONS: dict[str, Situation] = {
    # Accepted
    "a field is wrong": first(
        None,
        "Accepted=False/InvalidSpec",
        P.FAILED,
        "spec.serving.workers",
        change={"serving": {"workers": 0}},
    ),
    "a name is taken": Situation(
        {"refused": ["NameConflict", "Service digits belongs to somebody else"]},
        "Accepted=False/NameConflict",
        P.FAILED,
    ),
    "the operator's certificates are missing": first(
        None,
        "Accepted=False/ConfigMapNotFound",
        P.PENDING,
        refused=["ConfigMapNotFound", "ConfigMap mlapi-system/ca does not exist; create it"],
    ),
    # ImageReady
    "a namesake is still being deleted": Situation(
        {"waiting": "Deployment digits is being deleted"},
        "ImageReady=False/Resolving",
        P.PENDING,
        ("is being deleted",),
    ),
    "the image does not exist": first(
        kubelet.pulling("ErrImagePull", "not found"), "ImageReady=False/ImageNotFound", P.FAILED, "spec.image"
    ),
    "the registry denies": first(
        kubelet.pulling("ErrImagePull", "401 Unauthorized"),
        "ImageReady=False/PullDenied",
        P.FAILED,
        "image pull secret",
    ),
    "the registry is away": first(
        kubelet.pulling("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"),
        "ImageReady=False/RegistryUnreachable",
        P.STARTING,
        "tried again",
    ),
    # ModelAvailable
    "scheduled": first(
        kubelet.pod_status(kubelet.waiting("fetch"), kubelet.waiting("server")),
        "ModelAvailable=False/Resolving",
        P.STARTING,
    ),
    "a queue has not admitted the pods": first(
        {
            "phase": "Pending",
            "conditions": [kubelet.condition("PodScheduled", False, reason="SchedulingGated")],
        },
        "ModelAvailable=False/Resolving",
        P.PENDING,
        "queue team-a of spec.scheduling.queueName",
        change={"scheduling": {"queueName": "team-a"}},
    ),
    "the scheduler does not run": first(
        {"phase": "Pending"},
        "ModelAvailable=False/Resolving",
        P.PENDING,
        "scheduler gangs of spec.scheduling.schedulerName has not looked",
        change={"scheduling": {"schedulerName": "gangs"}},
    ),
    "downloading": first(kubelet.fetching(), "ModelAvailable=False/Downloading", P.DOWNLOADING),
    "the source does not answer": first(
        kubelet.fetch_failed(75, "SourceUnreachable", "connection refused"),
        "ModelAvailable=False/SourceUnreachable",
        P.STARTING,
        "connection refused",
    ),
    "credentials are wanted": first(
        fetch("AuthFailed"), "ModelAvailable=False/AuthFailed", P.FAILED, "without credentials"
    ),
    "the model is not there": first(
        fetch("NotFound"), "ModelAvailable=False/NotFound", P.FAILED, "spec.model.uri"
    ),
    "another file than meant": first(
        fetch("ChecksumMismatch"), "ModelAvailable=False/ChecksumMismatch", P.FAILED, "spec.model.sha256"
    ),
    "the file is too large": first(
        fetch("TooLarge"), "ModelAvailable=False/TooLarge", P.FAILED, "fetch.maxBytes"
    ),
    "the address is private": first(fetch("AddressRefused"), "ModelAvailable=False/AddressRefused", P.FAILED),
    "the disk is full": first(fetch("NoSpace"), "ModelAvailable=False/NoSpace", P.FAILED, "disk space"),
    "the fetch needs more memory": first(
        kubelet.pod_status(kubelet.terminated("fetch", 137, "", "OOMKilled"), kubelet.waiting("server")),
        "ModelAvailable=False/DownloadOOM",
        P.FAILED,
        "memory",
    ),
    # Scheduled
    "all GPUs are taken": first(
        kubelet.unschedulable(NO_DEVICE),
        "Scheduled=False/InsufficientGPU",
        P.WAITING_FOR_GPU,
        "3 nodes match spec.gpu, 0 of their devices are free",
        change={"gpu": {}},
        devices={**GPU, "matching_nodes": 3, "free_devices": 0, "free_slots": 0},
    ),
    "no node has the GPU": first(
        kubelet.unschedulable(NO_NODE),
        "Scheduled=False/NoMatchingNode",
        P.WAITING_FOR_GPU,
        "write 80G",
        change={"gpu": {"minMemory": "80Gi"}},
        devices={
            **GPU,
            "matching_nodes": 0,
            "free_devices": 0,
            "free_slots": 0,
            "near_miss": "the best has 81559Mi; write 80G",
        },
    ),
    "a rolling update waits for a GPU": second(
        kubelet.unschedulable(NO_DEVICE),
        "Ready=False/InsufficientGPU",
        P.WAITING_FOR_GPU,
        "spec.rollout.strategy Auto",
        change={"gpu": {}, "rollout": {"strategy": "RollingUpdate"}},
        devices={**GPU, "matching_nodes": 1, "free_devices": 0, "free_slots": 0},
    ),
    "no node has the labels": first(
        unfit("3 node(s) didn't match Pod's node affinity/selector"),
        "Scheduled=False/NoMatchingNode",
        P.PENDING,
        "spec.scheduling.nodeSelector",
    ),
    "the nodes have a taint": first(
        unfit("3 node(s) had untolerated taint(s)"),
        "Scheduled=False/UntoleratedTaint",
        P.PENDING,
        "spec.scheduling.tolerations",
    ),
    "no CPU is left": first(
        unfit("3 Insufficient cpu"), "Scheduled=False/InsufficientCPU", P.PENDING, "requests.cpu"
    ),
    "no memory is left": first(
        unfit("3 Insufficient memory"), "Scheduled=False/InsufficientMemory", P.PENDING, "requests.memory"
    ),
    # Available
    "loading": first(kubelet.loading(), "Available=False/NoReadyPods", P.STARTING),
    "the quota is used up": first(
        None,
        "Available=False/NoReadyPods",
        P.PENDING,
        "exceeded quota",
        deployment={
            "status": {
                "conditions": [
                    {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: team"}
                ]
            }
        },
    ),
    "the server crashes": first(
        kubelet.crashed(139, "Segmentation fault"), "Available=False/CrashLoop", P.STARTING, "--previous"
    ),
    "the model cannot be loaded": first(
        kubelet.crashed(1, '{"reason":"LoadFailed","message":"no such operator: Foo"}'),
        "Available=False/LoadFailed",
        P.STARTING,
        "no such operator: Foo",
    ),
    "the model needs more memory": first(
        kubelet.crashed(137, reason="OOMKilled"),
        "Available=False/OOMKilled",
        P.STARTING,
        "raise spec.resources",
    ),
    "the image is somebody else's": first(
        kubelet.runtime_missing(), "Available=False/RuntimeMissing", P.FAILED, "FROM the operator's image"
    ),
    "the image would run as root": first(
        kubelet.pod_status(
            kubelet.waiting(
                "fetch",
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root (pod: x, container: fetch)",
            ),
            kubelet.waiting("server"),
        ),
        "Available=False/CrashLoop",
        P.STARTING,
        "container fetch cannot be started",
        "set spec.security.runAsUser",
    ),
    "a Secret of env is missing": first(
        kubelet.config_error('secret "keys" not found'),
        "Available=False/SecretNotFound",
        P.STARTING,
        'secret "keys" not found; create it',
    ),
    "the container runtime refuses": first(
        kubelet.pod_status(
            kubelet.fetched(), kubelet.waiting("server", "RunContainerError", "no such device")
        ),
        "Available=False/CrashLoop",
        P.STARTING,
        "no such device",
    ),
    # Serving
    "ready, not yet asked": first(kubelet.ready(), "Serving=False/NotYetTried", P.STARTING),
    "a wrong answer": first(
        kubelet.ready(),
        "Serving=False/WrongStatus",
        P.DEGRADED,
        smoke={**PASSED, "reason": "WrongStatus", "message": "503"},
    ),
    "no answer in time": first(
        kubelet.ready(),
        "Serving=False/TooSlow",
        P.DEGRADED,
        smoke={**PASSED, "reason": "TooSlow", "message": "30 s"},
    ),
    "the old revision answers": second(
        kubelet.ready(),
        "Serving=False/OldRevision",
        P.UPDATING,
        smoke={**PASSED, "reason": "OldRevision", "message": "another revision"},
    ),
    "the operator cannot connect": first(
        kubelet.ready(),
        "Serving=Unknown/Unreachable",
        P.STARTING,
        smoke={**PASSED, "reason": "Unreachable", "message": "port 80: refused"},
    ),
    # LatencyWithinTarget
    "fast enough": first(
        kubelet.ready(),
        "LatencyWithinTarget=True/WithinTarget",
        P.READY,
        smoke=PASSED,
        change=SLO,
        latency={**TOUR, "p95_microseconds": 9_000},
    ),
    "too slow for the target": first(
        kubelet.ready(),
        "LatencyWithinTarget=False/AboveTarget",
        P.READY,
        "p95 is 90ms",
        smoke=PASSED,
        change=SLO,
        latency={**TOUR, "p95_microseconds": 90_000},
    ),
    "hardly anybody asks": first(
        kubelet.ready(),
        "LatencyWithinTarget=Unknown/TooFewRequests",
        P.READY,
        smoke=PASSED,
        change=SLO,
        latency={**TOUR, "requests": 3},
    ),
    "no figures yet": first(
        kubelet.ready(), "LatencyWithinTarget=Unknown/NoData", P.READY, smoke=PASSED, change=SLO
    ),
    # Ready
    "answers": first(kubelet.ready(), "Ready=True/Answering", P.READY, smoke=PASSED),
    "answers, and is being judged": Situation(
        {
            "revision": NEW,
            "revisions": [
                controller_revision(NEW, 2, **{"mlapi.dev/answered": "2026-01-01T00:00:06Z"}),
                controller_revision(OLD, 1, **ACTIVE),
            ],
            "pods": [pod("digits-77aa-b", NEW, kubelet.ready())],
            "smoke": PASSED,
            "rollout": {"strategy_used": "Surge", "started_at": BEGAN, "message": "judged until 00:01:06"},
        },
        "Ready=True/Answering",
        P.READY,
    ),
    "an update": second(kubelet.loading(), "Ready=False/Updating", P.UPDATING, "is being rolled out"),
    "an update is held back": Situation(
        {
            "revision": OLD,
            "wanted": NEW,
            "revisions": [controller_revision(NEW, 2), controller_revision(OLD, 1, **ACTIVE)],
            "pods": [pod("digits-5d9f-a", OLD, kubelet.ready())],
            "smoke": PASSED,
            "rollout": {"paused": True},
        },
        "Ready=False/Updating",
        P.UPDATING,
        ("spec.rollout.paused", NEW, f"{OLD} answers"),
        {"rollout": {"paused": True}},
    ),
    "an update is held back halfway": second(
        kubelet.ready(),
        "Ready=False/Updating",
        P.UPDATING,
        "spec.rollout.paused",
        "1 of its pods ready, 1 of other revisions left",
        rollout={"paused": True},
        change={"rollout": {"paused": True}},
    ),
    "an update went back": Situation(
        {
            "revision": OLD,
            "wanted": NEW,
            "revisions": [controller_revision(NEW, 2, **GONE_BACK), controller_revision(OLD, 1, **ACTIVE)],
            "pods": [pod("digits-5d9f-a", OLD, kubelet.ready())],
            "smoke": PASSED,
        },
        "Ready=False/RolledBack",
        P.DEGRADED,
        ("9 errors in 90 requests", "spec.rollout.retryToken", f"{OLD} answers"),
    ),
    "an update went back in place": Situation(
        {
            "revision": OLD,
            "wanted": NEW,
            "revisions": [controller_revision(NEW, 2, **GONE_BACK), controller_revision(OLD, 1, **ACTIVE)],
            "pods": [pod("digits-5d9f-c", OLD, kubelet.loading())],
        },
        "Stalled=True/RolledBack",
        P.FAILED,
        (f"{OLD} is started",),
    ),
    "the first start takes too long": first(
        kubelet.crashed(139, "Segmentation fault"),
        "Ready=False/ProgressDeadlineExceeded",
        P.FAILED,
        "no progress for 1200 s",
        rollout={"overdue": "no progress for 1200 s; correct the spec"},
    ),
    "an update takes too long": second(
        kubelet.loading(),
        "Stalled=True/ProgressDeadlineExceeded",
        P.DEGRADED,
        change={"rollout": {"autoRollback": False}},
        rollout={"overdue": "no progress for 1200 s; correct the spec"},
    ),
    "the cause is known though time is up": first(
        fetch("ChecksumMismatch"),
        "Ready=False/ChecksumMismatch",
        P.FAILED,
        rollout={"overdue": "no progress for 1200 s; correct the spec"},
    ),
    "suspended": first(None, "Ready=False/Suspended", P.SUSPENDED, "spec.suspend", change={"suspend": True}),
}


def built(situation: Situation) -> Manifest:
    manifest = mlapi(situation.change or {})
    manifest["metadata"].update(uid="u-1", generation=1)
    return status(manifest, facts_of(manifest, situation.recorded), NOW)


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_situation_has_its_reason_its_phase_and_a_message_that_names_the_cause(situation: Situation) -> None:
    found = built(situation)
    type, _, verdict = situation.shown.partition("=")
    condition = by_type(found)[type]
    assert f"{condition['status']}/{condition['reason']}" == verdict
    assert found["phase"] == situation.phase
    for word in situation.words:
        assert word in condition["message"]


def test_every_reason_and_every_phase_comes_about() -> None:
    found = [built(situation) for situation in SITUATIONS.values()]
    shown = {(condition["type"], condition["reason"]) for each in found for condition in each["conditions"]}
    missing = [reason for reason in REASONS if (reason.condition.value, reason.name) not in shown]
    assert not missing
    assert {each["phase"] for each in found} == {phase.value for phase in Phase}
    assert {type for type, _ in shown} == {condition.value for condition in Condition}


def test_update_that_went_back_leaves_the_stable_revision_available() -> None:
    shown = by_type(built(SITUATIONS["an update went back"]))
    assert shown["Available"]["status"] == shown["Serving"]["status"] == shown["Stalled"]["status"] == "True"
    assert shown["Stalled"]["reason"] == shown["Ready"]["reason"] == "RolledBack"
    assert "Reconciling" not in shown


def test_update_that_is_held_back_is_work_to_come_and_not_stuck() -> None:
    shown = by_type(built(SITUATIONS["an update is held back"]))
    assert shown["Reconciling"]["status"] == "True"
    assert "Stalled" not in shown


def test_replica_that_waits_for_a_gpu_beside_one_that_answers_is_told_and_clears_nothing() -> None:
    devices = {**GPU, "matching_nodes": 1, "free_devices": 0, "free_slots": 0}
    situation = first(
        kubelet.ready(),
        "Scheduled=False/InsufficientGPU",
        P.READY,
        smoke=PASSED,
        devices=devices,
        change={"gpu": {}, "replicas": 2},
    )
    situation.recorded["pods"].append(pod("digits-5d9f-b", NEW, kubelet.unschedulable(NO_DEVICE)))
    found = built(situation)
    assert by_type(found)["Ready"]["status"] == "True"
    assert by_type(found)["Scheduled"]["reason"] == "InsufficientGPU"
    assert found["gpu"]["message"] == by_type(found)["Scheduled"]["message"]


def test_success_after_the_deadline_clears_it() -> None:
    late = first(
        kubelet.ready(),
        "Ready=True/Answering",
        P.READY,
        smoke=PASSED,
        rollout={"overdue": "no progress for 1200 s; correct the spec"},
    )
    shown = by_type(built(late))
    assert shown["Ready"]["status"] == "True"
    assert "Stalled" not in shown


def test_gpu_section_stays_while_nothing_could_be_counted_and_goes_with_the_spec() -> None:
    manifest = mlapi({"gpu": {}})
    manifest["metadata"].update(uid="u-1", generation=1)
    facts = facts_of(manifest, {"devices": {**GPU, "matching_nodes": 2, "free_devices": 1, "free_slots": 1}})
    before = status(manifest, facts, NOW)
    blind = status({**manifest, "status": before}, replace(facts, devices=None), NOW)
    assert before["gpu"]["freeDevices"] == blind["gpu"]["freeDevices"] == 1
    plain = mlapi({})
    plain["metadata"].update(uid="u-1", generation=2)
    assert "gpu" not in status({**plain, "status": before}, facts_of(plain, {}), NOW)
