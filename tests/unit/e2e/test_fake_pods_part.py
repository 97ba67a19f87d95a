"""What a fake pod counts is what its annotations say, in a document that the operator takes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.fake_pods_part import Part
from mlapi_stats import buckets, document

READY = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def pod(*, ready: bool = True, ends_at: str = "", **plays: str) -> dict[str, Any]:
    annotations = {f"fake-pod/{name.replace('_', '-')}": value for name, value in plays.items()}
    metadata = {"labels": {"mlapi.dev/revision": "digits-1a2b3c4d"}, "annotations": annotations}
    ending = {"deletionTimestamp": ends_at, "deletionGracePeriodSeconds": 10} if ends_at else {}
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T00:00:00Z"}
    server = {"name": "server", "state": {"running": {}}}
    return {
        "metadata": {**metadata, **ending},
        "status": {"conditions": [condition], "containerStatuses": [server]},
    }


def test_stats_of_a_busy_pod_hold_its_requests_errors_and_latency() -> None:
    busy = pod(requests_per_second="50", error_percent="10", latency_milliseconds="60")
    stats = document.decode(document.encode(Part.of(busy).stats(READY + 10)))
    assert stats.revision == "digits-1a2b3c4d"
    assert {series.status: series.count for series in stats.series} == {"2xx": 450, "5xx": 50}
    median = buckets.quantile(stats.series[0].buckets, 50)
    assert median == pytest.approx(60_000, rel=0.05)
    assert 1.2 * median < buckets.quantile(stats.series[0].buckets, 95) < 1.5 * median


def test_stats_of_a_pod_grow_until_it_is_deleted_and_never_shrink() -> None:
    going = Part.of(pod(requests_per_second="50", ends_at="2026-01-01T00:00:30Z"))
    counts = [sum(s.count for s in going.stats(READY + seconds).series) for seconds in (1, 5, 20, 25, 90)]
    assert counts == [50, 250, 1000, 1000, 1000]


def test_stats_of_a_pod_that_is_not_ready_hold_nothing() -> None:
    stats = document.decode(document.encode(Part.of(pod(ready=False, requests_per_second="50")).stats(READY)))
    assert not stats.model_loaded
    assert stats.series == ()


def test_annotation_that_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match="fake-pod/error-percent: 'many', wanted a number"):
        Part.of(pod(error_percent="many"))
