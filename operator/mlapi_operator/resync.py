"""The periodic full LIST that repairs the store when a watch has missed something."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

from mlapi_operator import metrics
from mlapi_operator.api.types import Key
from mlapi_operator.protocol import ApiError, Clock, Cluster, Forbidden
from mlapi_operator.store import WATCHED, Store, owner_key

log = logging.getLogger(__name__)

JITTER: Final = 0.1
RETRY_SECONDS: Final = 15.0
FIRST_RETRY_SECONDS: Final = 2.0
# The watches begin after the first pass: what goes before they do is told by nobody.
SETTLE_SECONDS: Final = 10.0
# What the watch delivers so long after the LIST was read has not been missed.
GRACE_SECONDS: Final = 2.0
# One gap may be an outage that is over; the next one in a row is a watch that does not watch.
MISSES_UNHEALTHY: Final = 2
AGE_UNHEALTHY: Final = 3


class Unwatched(Exception):  # noqa: N818 - a state, not a fault
    """A namespace may be read again, but its watches ended when they were refused; a new process has some."""


class Resync:
    """Lists every watched kind, into the store; once `complete` is set it holds all that there is.

    Attributes:
        refused: those of the namespaces that could not be read in the last pass.

    Args:
        on_change: told the key of every MLApi after each full pass.
        seconds: from one pass to the next, give or take a tenth.
        namespaces: looked at one by one; all at once when empty. One that may not be read, as it was deleted
            or lost its Role, is left out and tried again.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        clock: Clock,
        on_change: Callable[[Key], None],
        *,
        seconds: float,
        namespaces: Sequence[str],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._on_change = on_change
        self._seconds = seconds
        self._namespaces = tuple(namespaces) or (None,)
        self.refused: frozenset[str] = frozenset()
        self._misses = 0
        self._passed_at = clock.monotonic()
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Fills the store, sets `complete`, then passes until cancelled.

        Raises:
            Unwatched: as it says.
        """
        while not await self._try(grace=0.0):
            await self._clock.sleep(FIRST_RETRY_SECONDS)
        self.complete.set()
        pause = min(SETTLE_SECONDS, self._seconds)
        while True:
            await self._clock.sleep(pause * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311
            passed = await self._try(GRACE_SECONDS)
            pause = self._seconds if passed and not self.refused else min(RETRY_SECONDS, self._seconds)

    def age(self) -> float:
        """Seconds since the last pass."""
        return self._clock.monotonic() - self._passed_at

    def check(self) -> str | None:
        """What a health check should know, None when all is well."""
        if self._misses >= MISSES_UNHEALTHY:
            return f"the last {self._misses} full lists found changes that the watches had not told"
        if self.age() > AGE_UNHEALTHY * self._seconds:
            return f"the last full list is {self.age():.0f} s old, wanted every {self._seconds:.0f} s"
        return None

    async def _try(self, grace: float) -> bool:
        try:
            await self._pass(grace)
        except ApiError as error:
            log.warning("full list failed", extra={"error": str(error)})
            return False
        return True

    async def _pass(self, grace: float) -> None:
        changed: set[Key] = set()
        refused: set[str] = set()
        for kind, labels in WATCHED.items():
            lists = []
            for namespace in self._namespaces:
                try:
                    found = await self._cluster.list(kind, namespace=namespace, labels=labels)
                except Forbidden as error:
                    if namespace is None or error.status != 403:
                        raise
                    refused.add(namespace)
                else:
                    lists.append((namespace, *found))
            await self._clock.sleep(grace)
            for namespace, items, version in lists:
                missed = self._store.resync(kind, items, version, namespace)
                changed.update(key for each in missed if (key := owner_key(kind, each)))
                if missed and self.complete.is_set():
                    metrics.MISSED_EVENTS.labels(kind.kind).inc(len(missed))
                    log.warning(
                        "changes missed by the watch", extra={"kind": kind.kind, "count": len(missed)}
                    )
        self._remember(frozenset(refused))
        self._misses = self._misses + 1 if changed and self.complete.is_set() else 0
        self._passed_at = self._clock.monotonic()
        for key in changed.union(self._store.keys()):
            self._on_change(key)

    def _remember(self, refused: frozenset[str]) -> None:
        if again := self.refused - refused:
            raise Unwatched(f"may be read again: {', '.join(sorted(again))}")
        if refused - self.refused:
            log.warning(
                "namespaces may not be read: give them the chart's Role or take them out of watchNamespaces",
                extra={"namespaces": sorted(refused)},
            )
        self.refused = refused
