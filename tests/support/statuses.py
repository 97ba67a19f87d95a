"""Statuses of an MLApi `digits` in team-a as the operator writes them, for what shows them to people."""

from typing import Any

from tests.support.kubelet import IMAGE

Object = dict[str, Any]

NEW = "digits-11111111"
OLD = "digits-00000000"
AT = "2026-01-01T00:00:00Z"
WAITS = "no node with a free H100: 2 nodes match, 0 of their devices free; a pod waits for 1"
WORSE = "errors 10.2 % of 400 requests, against 0.0 % of 5,200 before"


def condition(type: str, status: str, reason: str, message: str) -> Object:
    """As of the first look, a minute before the pages of the tests."""
    return {
        "type": type,
        "status": status,
        "observedGeneration": 1,
        "lastTransitionTime": AT,
        "reason": reason,
        "message": message,
    }


def revision(name: str, framework: str, ready: int, **more: Any) -> Object:
    return {
        "name": name,
        "framework": framework,
        "imageDigest": IMAGE.rpartition("@")[2],
        "createdAt": AT,
        "readyReplicas": ready,
        "requests": -1,
        "errorPercent": -1,
        "p50Microseconds": -1,
        "p95Microseconds": -1,
        **more,
    }


def figures(requests: int, error_percent: int, p50: int, p95: int) -> Object:
    return {
        "requests": requests,
        "errorPercent": error_percent,
        "p50Microseconds": p50,
        "p95Microseconds": p95,
    }


def ready() -> Object:
    return {
        "observedGeneration": 1,
        "phase": "Ready",
        "conditions": [
            condition("Scheduled", "True", "Scheduled", "no pod of the current revision is unschedulable"),
            condition("LatencyWithinTarget", "False", "AboveTarget", "p95 is 140ms, the target 100ms"),
            condition("Ready", "True", "Answering", "GET /_mlapi/smoke was answered as expected"),
        ],
        "url": "http://digits.team-a.svc",
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "framework": {"name": "FastAPI"},
        "model": {"name": "digits", "resolvedRevision": f"sha256:{'ab' * 32}", "sizeBytes": 22720},
        "image": {"reference": IMAGE, "source": "Prebuilt"},
        "rollout": {"revision": NEW, "stableRevision": NEW, "message": "accepted after 60 s"},
        "revisions": [
            revision(NEW, "FastAPI", 2, result="Active", **figures(412, 0, 1300, 140_000)),
            revision(OLD, "Litestar", 0, result="Superseded", **figures(5200, 1, 1200, 3900)),
        ],
        "latency": {
            "windowSeconds": 300,
            "sampledAt": "2026-01-01T00:00:55Z",
            "requestsPerMinute": 82,
            "podsSampled": 2,
            "p99Microseconds": 160_000,
            "p95": "140ms",
            **figures(412, 0, 1300, 140_000),
        },
        "startup": {
            "scheduleSeconds": 0,
            "imagePullSeconds": 6,
            "downloadSeconds": 3,
            "loadSeconds": 1,
            "firstAnswerSeconds": 12,
        },
        "lastFailure": {
            "pod": "digits-5d9f-abcde",
            "container": "server",
            "reason": "OOMKilled",
            "exitCode": 137,
            "message": "the server was killed",
            "time": "2025-12-31T22:00:00Z",
        },
    }


def waiting_for_gpu() -> Object:
    return {
        "observedGeneration": 1,
        "phase": "WaitingForGPU",
        "conditions": [
            condition("Scheduled", "False", "InsufficientGPU", WAITS),
            condition("Ready", "False", "InsufficientGPU", WAITS),
            condition("Reconciling", "True", "InsufficientGPU", WAITS),
        ],
        "readyReplicas": 0,
        "updatedReplicas": 1,
        "framework": {"name": "FastAPI"},
        "gpu": {
            "resourceName": "nvidia.com/gpu",
            "perReplica": 1,
            "products": ["H100"],
            "matchingNodes": 2,
            "freeDevices": 0,
            "message": "the H100 have 81559 MiB, not 80Gi; write 80G",
        },
        "rollout": {
            "revision": NEW,
            "strategyUsed": "InPlace",
            "strategyReason": "no matching device is free",
            "startTime": AT,
            "message": "waiting for a device",
        },
        "revisions": [revision(NEW, "FastAPI", 0)],
    }


def rolled_back() -> Object:
    message = f"{NEW} was rolled back: {WORSE}; change the spec or set spec.rollout.retryToken"
    return {
        "observedGeneration": 1,
        "phase": "Degraded",
        "conditions": [
            condition("Available", "True", "MinimumReplicasAvailable", "at least one pod is ready"),
            condition("Ready", "False", "RolledBack", message),
            condition("Stalled", "True", "RolledBack", message),
        ],
        "readyReplicas": 1,
        "updatedReplicas": 1,
        "framework": {"name": "Litestar"},
        "rollout": {"revision": NEW, "stableRevision": OLD},
        "revisions": [
            revision(NEW, "FastAPI", 0, result="RolledBack", message=WORSE, **figures(400, 10, 1300, 4000)),
            revision(OLD, "Litestar", 1, result="Active"),
        ],
    }
