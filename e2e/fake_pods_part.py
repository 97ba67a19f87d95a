"""The part that a fake pod plays: what its annotations say that it counts, and how it answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Any, Final, Self

from mlapi_stats import buckets
from mlapi_stats.document import Series, Stats

Object = dict[str, Any]

PREFIX: Final = "fake-pod/"
# Latencies of a server at rest in parts of their median, each as likely as the others.
SPREAD: Final = tuple(math.exp(0.2 * NormalDist().inv_cdf((i + 0.5) / 20)) for i in range(20))


@dataclass(frozen=True, slots=True)
class Part:
    """
    Attributes:
        ready_at: unix seconds; None while it is not ready.
        ended_at: unix seconds from which it gets no more requests; None while it gets some.
        loading: its container runs.
        per_second: requests that it counts; nobody has to send them.
        latency_seconds: median.
        error_percent: of the requests, answered 500.
    """

    revision: str
    ready_at: float | None
    ended_at: float | None
    loading: bool
    per_second: float
    latency_seconds: float
    error_percent: float

    @classmethod
    def of(cls, pod: Object) -> Self:
        """Reads a Pod.

        Raises:
            ValueError: an annotation is not a number.
        """
        metadata, status = pod["metadata"], pod.get("status") or {}
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        ready = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), None)
        is_ready = ready is not None and ready["status"] == "True"
        return cls(
            revision=(metadata.get("labels") or {}).get("mlapi.dev/revision", ""),
            ready_at=_moment(ready["lastTransitionTime"]) if ready and is_ready else None,
            ended_at=_moment(metadata["deletionTimestamp"]) - metadata["deletionGracePeriodSeconds"]
            if "deletionTimestamp" in metadata
            else None,
            loading=any("running" in c["state"] for c in status.get("containerStatuses") or ()),
            per_second=_number(annotations, "requests-per-second", 0),
            latency_seconds=_number(annotations, "latency-milliseconds", 20) / 1000,
            error_percent=_number(annotations, "error-percent", 0),
        )

    def stats(self, now: float) -> Stats:
        """Its document: what it counted from when it became ready until now, or until it was deleted."""
        counted = 0
        if self.ready_at is not None:
            until = now if self.ended_at is None else min(now, self.ended_at)
            counted = max(int((until - self.ready_at) * self.per_second), 0)
        errors = int(counted * self.error_percent / 100)
        series = (self._series("2xx", counted - errors), self._series("5xx", errors))
        return Stats(
            revision=self.revision,
            start_time=self.ready_at or now,
            model_loaded=self.ready_at is not None,
            in_flight=0,
            queued=0,
            capacity=100,
            loop_lag_microseconds=100,
            rejected=0,
            series=tuple(one for one in series if one.count),
        )

    def _series(self, status: str, count: int) -> Series:
        counts: dict[int, int] = {}
        total = 0
        for position, factor in enumerate(SPREAD):
            share = (count - position + len(SPREAD) - 1) // len(SPREAD)
            microseconds = int(self.latency_seconds * factor * 1_000_000)
            total += share * microseconds
            if share:
                index = buckets.index(microseconds)
                counts[index] = counts.get(index, 0) + share
        return Series("predict", status, count, total, counts)


def _number(annotations: Mapping[str, str], name: str, default: float) -> float:
    found = annotations.get(PREFIX + name)
    try:
        return default if found is None else float(found)
    except ValueError as error:
        raise ValueError(f"{PREFIX}{name}: {found!r}, wanted a number") from error


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
