"""What the CRD gives to kubectl, autoscalers and the operator, on a real API server."""

from collections.abc import Iterator

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from mlapi_operator.api.crd import schema
from tests.support.crd import serving_mlapis
from tests.support.mlapis import DIGEST, Object, merged, mlapi


@pytest.fixture(scope="module")
def kube(light: LightCluster) -> Iterator[Kube]:
    with serving_mlapis(light) as cluster:
        yield cluster


def test_object_that_nobody_looked_at_counts_as_in_progress(kube: Kube) -> None:
    kube.create("MLApi", "default", mlapi({}, "untouched"))
    live = kube.get("MLApi", "default", "untouched")
    assert live is not None
    assert live["status"] == {"observedGeneration": -1}


def test_scale_works_with_and_without_replicas_in_the_spec(kube: Kube) -> None:
    kube.create("MLApi", "default", mlapi({}, "scaled"))
    for replicas in (3, 0, 2):
        kube.kubectl("scale", "mlapi", "scaled", f"--replicas={replicas}")
        live = kube.get("MLApi", "default", "scaled")
        assert live is not None
        assert live["spec"]["replicas"] == replicas


def test_apply_of_a_manifest_without_replicas_keeps_what_a_scaler_wrote(kube: Kube) -> None:
    manifest = mlapi({}, "kept")
    kube.apply(manifest)
    kube.kubectl("scale", "mlapi", "kept", "--replicas=4")
    kube.apply(merged(manifest, {"spec": {"serving": {"workers": 2}}}))
    live = kube.get("MLApi", "default", "kept")
    assert live is not None
    assert (live["spec"]["replicas"], live["spec"]["serving"]["workers"]) == (4, 2)


def test_explain_tells_meaning_of_fields(kube: Kube) -> None:
    assert "Requests that one pod admits at once" in kube.kubectl(
        "explain", "mlapi.spec.serving.maxConcurrency"
    )
    for field, word in (
        ("framework.app", "It is extended, not replaced"),
        ("model.format", "is a scikit-learn estimator"),
        ("model.handler", "your own class"),
        ("serving.fastPath", "in front of the framework"),
        ("gpu", "asks for one NVIDIA GPU of any kind"),
        ("gpu.minMemory", "less than `80Gi`"),
        ("gpu.products", "Example: `[H100, A100-80GB]`"),
        ("rollout.strategy", "starts a new pod before it ends an old one"),
        ("rollout.progressDeadlineSeconds", "Seconds without progress"),
        ("scheduling.affinity.nodeAffinity", "Nodes that the pods seek"),
        ("scheduling.topologySpreadConstraints.labelSelector", "Absent: those of this MLApi"),
        ("disruption.minAvailable", "Example: `50%`"),
        ("security.runAsUser", "Numeric user of every container"),
    ):
        told = kube.kubectl("explain", f"mlapi.spec.{field}")
        assert word.lower() in " ".join(told.lower().split())
    assert "Why, in one word" in kube.kubectl("explain", "mlapi.status.conditions.reason")


def test_field_selector_finds_by_framework(kube: Kube) -> None:
    kube.create("MLApi", "default", mlapi({}, "selected"))
    found = kube.kubectl("get", "mla", "--field-selector=spec.framework.name=FastAPI", "-o", "name")
    assert "mlapi.mlapi.dev/selected" in found
    assert kube.kubectl("get", "mla", "--field-selector=spec.framework.name=Litestar", "-o", "name") == ""


COLUMNS = ["NAME", "FRAMEWORK", "READY", "PHASE", "REPLICAS", "P95", "URL", "AGE", "GPU", "IMAGE", "REASON"]
STATUS: Object = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "reason": "Answering",
            "message": "",
        }
    ],
    "phase": "Ready",
    "url": "http://full.default.svc",
    "internalUrl": "http://full.default.svc",
    "replicas": 2,
    "readyReplicas": 2,
    "updatedReplicas": 2,
    "availableReplicas": 2,
    "selector": "mlapi.dev/name=full",
    "framework": {"name": "FastAPI"},
    "model": {
        "name": "full",
        "resolvedRevision": DIGEST,
        "sizeBytes": 10**12,
        "download": {
            "doneBytes": 1,
            "totalBytes": -1,
            "bytesPerSecond": 1,
            "remainingSeconds": -1,
            "pod": "full-1",
        },
    },
    "image": {"reference": f"r/full@{DIGEST}", "source": "Prebuilt"},
    "gpu": {
        "resourceName": "nvidia.com/gpu",
        "perReplica": 1,
        "products": ["NVIDIA-H100-80GB-HBM3"],
        "matchingNodes": 3,
        "freeDevices": -1,
        "message": "a pod waits",
    },
    "rollout": {
        "revision": "full-00000002",
        "stableRevision": "full-00000001",
        "strategyUsed": "InPlace",
        "strategyReason": "no device is free",
        "startTime": "2026-01-01T00:00:00Z",
        "message": "accepted",
    },
    "revisions": [
        {
            "name": "full-00000002",
            "framework": "FastAPI",
            "imageDigest": DIGEST,
            "modelRevision": DIGEST,
            "createdAt": "2026-01-01T00:00:00Z",
            "readyReplicas": 2,
            "requests": 10,
            "errorPercent": 0,
            "p50Microseconds": 1000,
            "p95Microseconds": 4200,
            "result": "RolledBack",
            "message": "errors rose from 0 % to 10 %",
        }
    ],
    "latency": {
        "windowSeconds": 300,
        "sampledAt": "2026-01-01T00:00:00Z",
        "requests": 10,
        "requestsPerMinute": 2,
        "errorPercent": 0,
        "podsSampled": 2,
        "p50Microseconds": 1000,
        "p95Microseconds": 4200,
        "p99Microseconds": 5000,
        "p95": "4.2ms",
    },
    "startup": {
        "scheduleSeconds": 0,
        "imagePullSeconds": 1,
        "downloadSeconds": 1,
        "loadSeconds": 1,
        "firstAnswerSeconds": 3,
    },
    "lastFailure": {
        "pod": "full-1",
        "container": "server",
        "reason": "OOMKilled",
        "exitCode": 137,
        "message": "",
        "time": "2026-01-01T00:00:00Z",
    },
}


def test_status_with_every_field_is_kept_whole_and_shown_in_columns(kube: Kube) -> None:
    kube.apply(mlapi({}, "full"))
    assert kube.patch("MLApi", "default", "full", {"status": STATUS}, "/status")["status"] == STATUS
    assert set(STATUS) == set(schema()["properties"]["status"]["properties"])
    header, row = kube.kubectl("get", "mlops", "full", "-o", "wide").splitlines()
    assert header.split() == COLUMNS
    for shown in (
        "FastAPI",
        "True",
        "Ready",
        "2",
        "4.2ms",
        "http://full.default.svc",
        "nvidia.com/gpu",
        "Answering",
    ):
        assert shown in row.split()
