"""Every answered request is counted once, in the bucket of the very integer that is logged."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlapi_stats.buckets import index
from mlapi_stats.document import Stats
from tests.contract.conftest import Served
from tests.support.onnx_models import digits
from tests.support.serving import Pod, configuration, eventually

ROWS = {"X": digits().held_out[:2].tolist()}
INFER = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 64], "data": [0.0] * 64}]}


def ask(pod: Pod, requests: int) -> None:
    """As many requests of three kinds, on a connection each, so that every worker gets some."""
    with httpx.Client(base_url=pod.url, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        for _ in range(requests):
            client.post("/predict", json=ROWS)
            client.post("/v2/models/digits/infer", json=INFER)
            client.post("/predict", json={})


@pytest.fixture
def pod(tmp_path: Path, model: Path) -> Pod:
    return Pod(tmp_path, {**configuration(model, workers=2), "logRequests": "Metadata"})


def test_counts_equal_the_log_request_by_request(pod: Pod) -> None:
    with pod:
        ask(pod.started(), 20)
        counted = {("predict", "2xx"): 20, ("infer", "2xx"): 20, ("predict", "4xx"): 20}
        eventually(lambda: pod.counted() == counted)
        eventually(lambda: len(pod.lines()) == 60)
        for series in pod.stats().series:
            logged = [
                line["durationMicroseconds"]
                for line in pod.lines()
                if line["route"] == series.route and f"{line['status'] // 100}xx" == series.status
            ]
            assert Counter(map(index, logged)) == series.buckets
            assert sum(logged) == series.sum_microseconds
        line = pod.lines()[0]
        assert (line["method"], line["route"], line["status"]) == ("POST", "predict", 200)
        assert line["requestBytes"] > 100
        assert line["responseBytes"] > 100
        assert line["time"].endswith("Z")


def readings(pod: Pod) -> tuple[Stats, str]:
    """Both pages, with the same counts: a worker counts after it has answered."""
    while True:
        stats, text = pod.stats(), pod.admin.get("/metrics").text
        if pod.stats().series == stats.series:
            return stats, text


def test_metrics_tell_the_same_counts_in_coarser_buckets(served: Served) -> None:
    ask(served.pod, 2)
    stats, text = readings(served.pod)
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    for series in stats.series:
        labels = (("route", series.route), ("status", series.status))
        name = "mlapi_request_duration_seconds"
        assert samples[(f"{name}_count", *labels)] == series.count
        assert samples[(f"{name}_sum", *labels)] == pytest.approx(series.sum_microseconds / 1e6)
        at_most_16_ms = sum(n for i, n in series.buckets.items() if i <= 16 * 14)
        assert samples[(f"{name}_bucket", ("le", "0.016384"), *labels)] == at_most_16_ms
    assert samples[("mlapi_revision_info", ("revision", "digits-1a2b3c4d"))] == 1


def test_smoke_health_and_pages_are_not_counted(pod: Pod) -> None:
    with pod:
        pod.started()
        for path in (
            "/_mlapi/smoke",
            "/v2/health/ready",
            "/v2/models/digits",
            "/docs",
            "/openapi.json",
            "/none",
        ):
            httpx.get(pod.url + path)
        assert httpx.get(f"{pod.url}/_mlapi/smoke").json() == {"status": "pass"}
        assert pod.counted() == {}
        assert pod.stats().model_loaded
        assert pod.stats().capacity == 100
        # The pages are logged, without a duration that nothing counted; smoke test and health are not.
        assert {(line["route"], line["durationMicroseconds"]) for line in pod.lines()} == {("other", -1)}
        assert len(pod.lines()) == 4
