"""Which of the operator's processes may write: the holder of a Lease.

Source: the protocol of client-go's leaderelection over coordination.k8s.io/v1. Whether a lease has expired
is measured on this process's own monotonic clock since it last saw the record change; clocks of different
machines are never compared.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from mlapi_operator import metrics
from mlapi_operator.api.kinds import LEASE
from mlapi_operator.api.types import Manifest
from mlapi_operator.protocol import ApiError, Clock, Cluster, Conflict, NotLeading

log = logging.getLogger(__name__)

# Shares of `renew_seconds`. With the defaults a renewal may take 4 s, as an overloaded server does, and still
# be tried again before this process has to stop writing. client-go's standbys look every 2 s.
ATTEMPT_SHARE: Final = 0.8
RETRY_SHARE: Final = 0.1
LOOK_SHARE: Final = 0.4
# The holder stops writing when a fifth of the duration is left: a request that is then still under way is cut
# off when the lease expires, and clocks do not run apart by that much.
MARGIN_SHARE: Final = 0.2


class LeaseLostError(Exception):
    """This process held the lease and may not any more; it must end."""


class Lease:
    """One contender for the lease.

    Args:
        namespace, name: of the Lease object.
        identity: unlike that of every other process, also of an earlier one in the same pod.
        duration_seconds: others may take the lease when they saw no renewal for so long.
        renew_seconds: how often the holder renews it.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration_seconds: float,
        renew_seconds: float,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._key = (namespace, name)
        self._identity = identity
        self._duration = duration_seconds
        self._renew = renew_seconds
        self._record: Manifest | None = None
        self._changed_at = clock.monotonic()
        self._expires_at = float("-inf")
        self.known = False

    @property
    def held(self) -> bool:
        return self._clock.monotonic() < self._expires_at - self._duration * MARGIN_SHARE

    def fence(self) -> float:
        """For how many seconds a request sent now may be under way: until another process may lead.

        Raises:
            NotLeading: the lease is not held, or was not renewed in time.
        """
        if not self.held:
            raise NotLeading("the lease is not held by this process, or was not renewed in time")
        return self._expires_at - self._clock.monotonic()

    async def acquire(self) -> None:
        """Returns once the lease is held. Errors of the API server are logged and outlasted."""
        while not await self._try(self._contend):
            await self._clock.sleep(self._renew * LOOK_SHARE)
        metrics.LEADER.set(1)
        log.info("lease acquired", extra={"identity": self._identity})

    async def hold(self) -> None:
        """Renews the lease for as long as it can.

        Raises:
            LeaseLostError: another process has it, or it could not be renewed in time.
        """
        pause: float = self._renew
        while self.held:
            await self._clock.sleep(pause)
            # Not even tried when overdue: a process that was frozen knows nothing of what happened meanwhile.
            if self.held:
                renewed = await self._try(self._renewed)
                pause = self._renew * (1 if renewed else RETRY_SHARE)
        metrics.LEADER.set(0)
        raise LeaseLostError("the lease was not renewed in time, or another process holds it")

    async def release(self) -> None:
        """Gives the lease up, so that another process need not wait until it expires."""
        if not self.held or self._record is None:
            return
        spec = {**self._record["spec"], "holderIdentity": "", "renewTime": microtime(self._clock())}
        self._expires_at = float("-inf")
        metrics.LEADER.set(0)
        try:
            await self._cluster.replace(LEASE, {**self._record, "spec": spec})
        except ApiError as error:
            log.warning("lease not released", extra={"error": str(error)})

    async def _try(self, step: Callable[[], Awaitable[bool]]) -> bool:
        try:
            async with asyncio.timeout(self._renew * ATTEMPT_SHARE):
                return await step()
        except Conflict:
            if not await self._still_ours():
                self._expires_at = float("-inf")
        except (ApiError, TimeoutError) as error:
            log.warning("lease not updated", extra={"error": str(error) or "timed out"})
        return False

    async def _contend(self) -> bool:
        """Takes the lease if it is free, released or expired."""
        await self._observe()
        if self._record is None:
            return await self._write({"leaseTransitions": 0})
        spec = self._record.get("spec") or {}
        duration = spec.get("leaseDurationSeconds") or self._duration
        if spec.get("holderIdentity") and self._clock.monotonic() < self._changed_at + duration:
            return False
        return await self._write({"leaseTransitions": (spec.get("leaseTransitions") or 0) + 1})

    async def _renewed(self) -> bool:
        if self._record is None:
            return await self._write({"leaseTransitions": 0})
        return await self._write(self._record["spec"], acquired=False)

    async def _still_ours(self) -> bool:
        """Asked after a conflict: a renewal whose answer was lost changes the record as well."""
        try:
            await self._observe()
        except ApiError as error:
            log.warning("lease not read", extra={"error": str(error)})
            return True  # unknown: the local deadline decides
        if self._record is None:
            return True  # deleted by hand: whoever makes it anew first has it
        return (self._record.get("spec") or {}).get("holderIdentity") == self._identity

    async def _observe(self) -> None:
        record = await self._cluster.get(LEASE, self._key)
        self.known = True
        if version(record) != version(self._record):
            self._changed_at = self._clock.monotonic()
        self._record = record

    async def _write(self, spec: Manifest, *, acquired: bool = True) -> bool:
        sent_at = self._clock.monotonic()
        now = microtime(self._clock())
        spec = {
            **spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._duration),
            "renewTime": now,
            **({"acquireTime": now} if acquired else {}),
        }
        namespace, name = self._key
        if self._record is None:
            metadata = {"namespace": namespace, "name": name}
            body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
            self._record = await self._cluster.create(LEASE, body)
        else:
            self._record = await self._cluster.replace(LEASE, {**self._record, "spec": spec})
        self._changed_at = self._clock.monotonic()
        self._expires_at = sent_at + self._duration
        return True


def version(record: Manifest | None) -> str:
    return str(record["metadata"]["resourceVersion"]) if record else ""


def microtime(moment: datetime) -> str:
    """As metav1.MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
