"""A digest is written when it says something new, and not otherwise; the fleet's writes are bounded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlapi_operator.api.v1alpha1 import SLO
from mlapi_operator.latency.budget import Budget
from mlapi_operator.latency.digest import Digest, from_status, moved
from mlapi_operator.latency.reader import Latencies
from tests.support.clock import SteppedClock

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
BUSY = Digest(
    window_seconds=300,
    sampled_at=NOW,
    requests=2000,
    requests_per_minute=400,
    error_percent=0,
    pods_sampled=2,
    p50_microseconds=1000,
    p95_microseconds=4000,
    p99_microseconds=9000,
)
TARGET = SLO(latency_p95_milliseconds=4, max_error_percent=5)


@pytest.mark.parametrize(
    ("change", "slo", "expected"),
    [
        ({}, None, False),
        ({"requests": 2100, "requests_per_minute": 420, "pods_sampled": 1}, None, False),
        ({"p95_microseconds": 4300}, None, False),
        ({"p95_microseconds": 4500}, None, True),
        ({"p50_microseconds": 850}, None, True),
        ({"p99_microseconds": 10000}, None, True),
        # Of 100 requests, chance alone moves a percentile by 30 %.
        ({"p95_microseconds": 5000, "requests": 100}, None, False),
        ({"p95_microseconds": 5300, "requests": 100}, None, True),
        ({"error_percent": 9}, None, False),
        ({"error_percent": 12}, None, True),
        ({"p95_microseconds": 4100}, TARGET, True),
        ({"p95_microseconds": 3900}, TARGET, False),
        ({"error_percent": 6}, TARGET, True),
        ({"requests": 29}, TARGET, True),
        ({"requests": 0, "p50_microseconds": -1, "p95_microseconds": -1, "p99_microseconds": -1}, None, True),
        ({"sampled_at": None, "requests": -1, "p95_microseconds": -1}, None, False),
        ({"stopped_at": NOW + timedelta(seconds=4)}, None, True),
        ({"stopped_at": NOW - timedelta(seconds=4)}, None, False),
    ],
)
def test_moved_after_a_change_of_figures_tells_whether_to_write(
    change: dict[str, Any], slo: SLO | None, expected: bool
) -> None:
    assert moved(BUSY, replace(BUSY, **change), slo) is expected


def test_moved_without_a_previous_digest_waits_for_a_request() -> None:
    assert moved(None, BUSY, None)
    assert not moved(None, replace(BUSY, requests=0), None)
    assert not moved(None, Digest(300), None)


def test_moved_from_nothing_to_nothing_is_false() -> None:
    idle = replace(
        BUSY, requests=0, error_percent=-1, p50_microseconds=-1, p95_microseconds=-1, p99_microseconds=-1
    )
    assert not moved(idle, replace(idle, sampled_at=NOW + timedelta(seconds=60)), TARGET)


def test_from_status_reads_what_the_status_says() -> None:
    latency = {
        "windowSeconds": 300,
        "sampledAt": "2026-11-22T12:00:00Z",
        "requests": 2000,
        "requestsPerMinute": 400,
        "errorPercent": 0,
        "podsSampled": 2,
        "p50Microseconds": 1000,
        "p95Microseconds": 4000,
        "p99Microseconds": 9000,
        "p95": "4ms",
    }
    assert from_status(latency) == BUSY
    assert from_status({"windowSeconds": 300, "requests": -1}) is None
    assert from_status({}) is None


def test_should_write_of_a_whole_fleet_stays_within_the_budget() -> None:
    clock = SteppedClock()
    latencies = Latencies(clock, writes_per_second=5)
    written = 0
    for _ in range(100):  # ten seconds
        written += sum(latencies.should_write(None, BUSY, None) for _ in range(50))
        clock.advance(0.1)
    assert 50 <= written <= 55


def test_should_write_of_nothing_new_spends_nothing() -> None:
    latencies = Latencies(SteppedClock(), writes_per_second=1)
    assert not any(latencies.should_write(BUSY, BUSY, None) for _ in range(10))
    assert latencies.should_write(None, BUSY, None)
    assert not latencies.should_write(None, BUSY, None)


def test_budget_of_less_than_one_a_second_is_spent_slowly() -> None:
    clock = SteppedClock()
    budget = Budget(0.2, clock.monotonic)
    taken = []
    for _ in range(12):
        taken.append(budget.take())
        clock.advance(1)
    assert taken == [True, *[False] * 4, True, *[False] * 4, True, False]
