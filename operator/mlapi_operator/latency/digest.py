"""The digest of a window: what status says of latency, and when it is worth saying anew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mlapi_operator.api.v1alpha1 import SLO
from mlapi_operator.latency.tally import Tally
from mlapi_stats.buckets import quantile

UNKNOWN: Final = -1
MOVED_PERCENT: Final = 10
# Fewer say too little about a tail to be held against a target.
ENOUGH_REQUESTS: Final = 30


@dataclass(frozen=True, slots=True)
class Digest:
    """Figures of the last `window_seconds`; -1 stands for unknown.

    `requests` are those answered 2xx, 4xx or 5xx, `errors` the 5xx among them, `error_percent` their part,
    the percentiles those of the 2xx. `sampled_at` is None as long as nothing is known. `stopped_at` is when
    the last requests were counted, once every pod has been read again without a new one; None while requests
    come.
    """

    window_seconds: int
    sampled_at: datetime | None = None
    requests: int = UNKNOWN
    requests_per_minute: int = UNKNOWN
    error_percent: int = UNKNOWN
    pods_sampled: int = 0
    p50_microseconds: int = UNKNOWN
    p95_microseconds: int = UNKNOWN
    p99_microseconds: int = UNKNOWN
    stopped_at: datetime | None = None
    errors: int = UNKNOWN


def digest(
    counted: Tally,
    window_seconds: int,
    sampled_at: datetime,
    pods_sampled: int,
    stopped_at: datetime | None = None,
) -> Digest:
    """The digest of what was counted in the window."""
    requests = counted.requests
    return Digest(
        window_seconds=window_seconds,
        sampled_at=sampled_at,
        requests=requests,
        requests_per_minute=round(requests * 60 / window_seconds),
        error_percent=round(100 * counted.server_errors / requests) if requests else UNKNOWN,
        pods_sampled=pods_sampled,
        p50_microseconds=quantile(counted.success, 50),
        p95_microseconds=quantile(counted.success, 95),
        p99_microseconds=quantile(counted.success, 99),
        stopped_at=stopped_at,
        errors=counted.server_errors,
    )


def readable(microseconds: int) -> str:
    """Two or three digits and a unit, such as `850us`, `4.2ms`, `120ms`, `1.5s`."""
    if microseconds < 1000:
        return f"{microseconds}us"
    value, unit = (microseconds / 1000, "ms") if microseconds < 999_500 else (microseconds / 1e6, "s")
    return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"


def from_status(latency: Mapping[str, Any]) -> Digest | None:
    """The digest that `status.latency` holds; None when it holds none."""
    sampled_at = latency.get("sampledAt")
    if not sampled_at:
        return None
    return Digest(
        window_seconds=latency.get("windowSeconds", UNKNOWN),
        sampled_at=datetime.fromisoformat(sampled_at),
        requests=latency.get("requests", UNKNOWN),
        requests_per_minute=latency.get("requestsPerMinute", UNKNOWN),
        error_percent=latency.get("errorPercent", UNKNOWN),
        pods_sampled=latency.get("podsSampled", 0),
        p50_microseconds=latency.get("p50Microseconds", UNKNOWN),
        p95_microseconds=latency.get("p95Microseconds", UNKNOWN),
        p99_microseconds=latency.get("p99Microseconds", UNKNOWN),
    )


def moved(previous: Digest | None, new: Digest, slo: SLO | None) -> bool:
    """Whether the new digest says something that the previous one did not.

    A percentile must have moved by 10 % or, with fewer than 900 requests, by what chance moves it: 3/sqrt(n).
    Once traffic stops, the digest of the last requests is news too, so that the counts end up right.
    """
    if new.sampled_at is None:
        return False
    if previous is None or previous.sampled_at is None:
        return new.requests > 0
    if new.stopped_at is not None and _missed(previous, previous.sampled_at, new, new.stopped_at):
        return True
    if slo is not None and _standing(previous, slo) != _standing(new, slo):
        return True
    share = max(MOVED_PERCENT / 100, 3 / math.sqrt(new.requests)) if new.requests > 0 else 0.0
    percentiles = (
        (previous.p50_microseconds, new.p50_microseconds),
        (previous.p95_microseconds, new.p95_microseconds),
        (previous.p99_microseconds, new.p99_microseconds),
    )
    if any(_figure_moved(before, after, share * before) for before, after in percentiles):
        return True
    return _figure_moved(previous.error_percent, new.error_percent, share * 100)


def _missed(previous: Digest, sampled_at: datetime, new: Digest, stopped_at: datetime) -> bool:
    # Status holds whole seconds: within the same one, only the counts can tell which came first.
    before, stopped = sampled_at.replace(microsecond=0), stopped_at.replace(microsecond=0)
    return before < stopped or (before == stopped and previous.requests != new.requests)


def _figure_moved(before: int, after: int, tolerance: float) -> bool:
    if UNKNOWN in (before, after):
        return before != after
    return abs(after - before) > tolerance


def _standing(figures: Digest, slo: SLO) -> tuple[bool, bool, bool]:
    latency, errors = slo.latency_p95_milliseconds, slo.max_error_percent
    return (
        figures.requests >= ENOUGH_REQUESTS,
        latency is not None and figures.p95_microseconds > latency * 1000,
        errors is not None and figures.error_percent > errors,
    )
