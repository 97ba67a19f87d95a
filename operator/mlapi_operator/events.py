"""Kubernetes events of an MLApi: repeats are counted in one Event, recording never holds up a reconcile.

So are those that differ in their messages alone, once there are many of them.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from mlapi_operator import metrics
from mlapi_operator.api.types import Manifest
from mlapi_operator.protocol import Clock, Cluster

log = logging.getLogger(__name__)

Type = Literal["Normal", "Warning"]

COMPONENT: Final = "mlapi-operator"
# Limits of the API server's validation (pkg/apis/core/validation/events.go).
REASON_LIMIT: Final = 128
MESSAGE_LIMIT: Final = 1024
# As client-go's EventCorrelator: as many different events are remembered for counting.
REMEMBERED: Final = 4096
PENDING_LIMIT: Final = 1000
# So many messages of one reason are told one by one, until none came for so long.
SIMILAR_LIMIT: Final = 10
SIMILAR_SECONDS: Final = 600.0
COMBINED: Final = "(combined from similar events): "


@dataclass(slots=True)
class Series:
    first: datetime
    count: int


@dataclass(slots=True)
class Similar:
    """Events of one object, type and reason.

    Attributes:
        messages: their digests.
    """

    last: datetime
    messages: set[str] = field(default_factory=set)


class Recorder:
    """Records events in the background, in order.

    What the API server does not take is logged and dropped: an event is news, status is the truth.
    """

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._series: OrderedDict[str, Series] = OrderedDict()
        self._similar: OrderedDict[str, Similar] = OrderedDict()
        self._pending: asyncio.Queue[Manifest] = asyncio.Queue(PENDING_LIMIT)

    def record(self, mlapi: Manifest, type: Type, reason: str, message: str) -> None:
        """Returns at once and never raises."""
        event = self._event(mlapi, type, reason[:REASON_LIMIT], message[:MESSAGE_LIMIT])
        try:
            self._pending.put_nowait(event)
        except asyncio.QueueFull:
            metrics.EVENTS_DROPPED.inc()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            event = await self._pending.get()
            try:
                await self._cluster.record_event(event)
            except Exception as error:
                metrics.EVENTS_DROPPED.inc()
                log.warning("event not recorded", extra={"reason": event["reason"], "error": str(error)})
            finally:
                self._pending.task_done()

    async def flush(self) -> None:
        """Waits until everything recorded so far was sent or dropped; `run` must be running."""
        await self._pending.join()

    def _event(self, mlapi: Manifest, type: Type, reason: str, message: str) -> Manifest:
        metadata, now = mlapi["metadata"], self._clock()
        digest = digest_of(metadata["uid"], type, reason, message)
        if self._many(digest_of(metadata["uid"], type, reason), digest, now):
            digest = digest_of(metadata["uid"], type, reason, COMBINED)
            message = f"{COMBINED}{message}"[:MESSAGE_LIMIT]
        series = self._series.setdefault(digest, Series(now, 0))
        series.count += 1
        forget_oldest(self._series, digest)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": mlapi["apiVersion"],
                "kind": mlapi["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "type": type,
            "reason": reason,
            "message": message,
            "count": series.count,
            "firstTimestamp": timestamp(series.first),
            "lastTimestamp": timestamp(now),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
        }

    def _many(self, kind: str, digest: str, now: datetime) -> bool:
        """Whether an event is one of too many that differ in their messages alone.

        Source: client-go, tools/record/events_cache.go, EventAggregator.
        """
        similar = self._similar.setdefault(kind, Similar(now))
        forget_oldest(self._similar, kind)
        if (now - similar.last).total_seconds() > SIMILAR_SECONDS:
            similar.messages.clear()
        similar.last = now
        if len(similar.messages) >= SIMILAR_LIMIT and digest not in similar.messages:
            return True
        similar.messages.add(digest)
        return False


def digest_of(*identity: str) -> str:
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]


def forget_oldest(remembered: OrderedDict[str, Any], used: str) -> None:
    remembered.move_to_end(used)
    if len(remembered) > REMEMBERED:
        remembered.popitem(last=False)


def timestamp(moment: datetime) -> str:
    """As metav1.Time: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
