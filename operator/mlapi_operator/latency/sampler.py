"""The loop that reads the pods, and tells which MLApis have something new to say."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from typing import Final

import aiohttp
from prometheus_client import REGISTRY
from pydantic import ValidationError

from mlapi_operator import metrics
from mlapi_operator.api.kinds import DEPLOYMENT, MLAPI
from mlapi_operator.api.rollout import Rollout
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.api.v1alpha1 import SLO
from mlapi_operator.latency.budget import Budget
from mlapi_operator.latency.digest import Digest, from_status, moved
from mlapi_operator.latency.exposition import Exposition
from mlapi_operator.latency.pod import Unreachable, read_progress, read_stats
from mlapi_operator.latency.reader import Latencies
from mlapi_operator.latency.target import Target, target
from mlapi_operator.protocol import Clock
from mlapi_operator.settings import Settings
from mlapi_operator.store import Store

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
JITTER: Final = 0.1
# A longer bake is judged by its end: so much counts at most.
MOST_KEPT_SECONDS: Final = 3600
BAKE_SECONDS: Final[int] = Rollout.model_fields["bake_seconds"].default
READS_AT_ONCE: Final = 64


class Sampler:
    """Reads every pod each `settings.sampling_seconds`, keeps the figures in `reader`.

    Args:
        on_change: told which MLApi has a digest or progress worth writing; at most
            `settings.status_writes_per_second` times a second.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        session: aiohttp.ClientSession,
        on_change: Callable[[Key], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._settings = settings
        self._session = session
        self._on_change = on_change
        self._clock = clock
        self.reader = Latencies(self._clock, settings.status_writes_per_second)
        self._announcements = Budget(settings.status_writes_per_second, self._clock.monotonic)
        self._announced: dict[Key, None] = {}  # in order: the one that waits longest is told first
        self._due: dict[str, tuple[Target, float]] = {}  # by pod uid
        self._looked_at: dict[str, float] = {}  # by MLApi uid
        self._reading: set[str] = set()  # pod uids
        self._complained: set[str] = set()  # pod uids
        self._slots = asyncio.Semaphore(READS_AT_ONCE)

    async def run(self) -> None:
        """Reads until cancelled."""
        exposition = Exposition(self.figures)
        REGISTRY.register(exposition)
        try:
            async with asyncio.TaskGroup() as reads:
                while True:
                    try:
                        self.tick(reads)
                    except Exception:
                        log.exception("sampling failed")
                    await self._clock.sleep(TICK_SECONDS)
        finally:
            REGISTRY.unregister(exposition)

    def figures(self) -> Iterator[tuple[Key, str, Digest]]:
        """Every revision's digest of now."""
        mlapis = self._store.keys()
        for key in mlapis:
            if mlapi := self._store.get(MLAPI, key):
                window = self._window_seconds(mlapi)
                digests = self.reader.digests(mlapi["metadata"]["uid"], window)
                yield from ((key, revision, digest) for revision, digest in digests.items())

    def tick(self, reads: asyncio.TaskGroup) -> None:
        """Starts the reads that are due, and tells what is worth a write."""
        uids: set[str] = set()
        pods: set[str] = set()
        mlapis = self._store.keys()
        for key in mlapis:
            if (mlapi := self._store.get(MLAPI, key)) is None:
                continue
            uid, kept = mlapi["metadata"]["uid"], self._kept_seconds(mlapi)
            present = self._store.pods(key)
            targets = self._targets(key, uid, present)
            here = {pod["metadata"]["uid"] for pod in present}
            uids.add(uid)
            pods |= here
            self.reader.keep(uid, here, targets, kept)
            for found in targets:
                self._start_if_due(reads, key, uid, found)
            # Not only after a read: without pods, the window slides on.
            if self._clock.monotonic() - self._looked_at.get(uid, 0.0) >= self._settings.sampling_seconds:
                self._look(key)
        self._forget(uids, pods)
        while self._announced and self._announcements.take():
            key = next(iter(self._announced))
            del self._announced[key]
            self._on_change(key)

    def _targets(self, key: Key, uid: str, pods: list[Manifest]) -> list[Target]:
        if not any(owned["metadata"]["name"] == key[1] for owned in self._store.owned(DEPLOYMENT, uid)):
            return []
        return [found for pod in pods if (found := target(pod, key[1]))]

    def _start_if_due(self, reads: asyncio.TaskGroup, key: Key, uid: str, found: Target) -> None:
        now = self._clock.monotonic()
        at, due = self._due.get(found.uid, (found, now))
        # A pod that is another target than before, serving or ending, is read at once.
        if found.uid in self._reading or (at == found and due > now):
            return
        pause = self._settings.sampling_seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        # A pod that ends takes its last counts along, and a download moves on: both are read at every tick.
        at_every_tick = found.ending or found.what == "Progress"
        self._due[found.uid] = found, now if at_every_tick else now + pause
        self._reading.add(found.uid)
        reads.create_task(self._read(key, uid, found))

    async def _read(self, key: Key, uid: str, found: Target) -> None:
        try:
            async with self._slots:
                await self._record(key, uid, found)
            metrics.POD_READS.labels("Read").inc()
        except Unreachable as error:
            self._silent(key, uid, found, "Unreachable", error)
        except ValueError as error:
            self._silent(key, uid, found, "Refused", error)
        except Exception:
            log.exception("reading a pod failed", extra={"mlapi": "/".join(key), "pod": found.name})
        finally:
            self._reading.discard(found.uid)

    async def _record(self, key: Key, uid: str, found: Target) -> None:
        if found.what == "Progress":
            if self.reader.record_progress(uid, await read_progress(self._session, found)):
                self._announced[key] = None
            return
        stats = await read_stats(self._session, found)
        mlapi = self._store.get(MLAPI, key)
        if mlapi is not None and mlapi["metadata"]["uid"] == uid:
            window, kept = self._window_seconds(mlapi), self._kept_seconds(mlapi)
            self.reader.record(uid, found.uid, stats, window, kept)
            self._look(key)

    def _silent(self, key: Key, uid: str, found: Target, result: str, error: Exception) -> None:
        metrics.POD_READS.labels(result).inc()
        self.reader.record_silence(uid, found.uid)
        # A pod that ends, and a fetch that has just begun or ended, are silent in the course of things.
        if found.what == "Stats" and not found.ending and found.uid not in self._complained:
            self._complained.add(found.uid)
            fields = {"mlapi": "/".join(key), "pod": found.name, "result": result, "error": str(error)}
            log.warning("pod not read", extra=fields)

    def _look(self, key: Key) -> None:
        """Remembers to tell of the MLApi if its status says something else than its figures."""
        if (mlapi := self._store.get(MLAPI, key)) is None:
            return
        uid = mlapi["metadata"]["uid"]
        self._looked_at[uid] = self._clock.monotonic()
        previous = from_status((mlapi.get("status") or {}).get("latency") or {})
        if moved(previous, self.reader.total(uid, self._window_seconds(mlapi)), _slo(mlapi)):
            self._announced[key] = None

    def _window_seconds(self, mlapi: Manifest) -> int:
        slo = _slo(mlapi)
        return slo.window_seconds if slo else self._settings.latency_window_seconds

    def _kept_seconds(self, mlapi: Manifest) -> int:
        """Over its bake a revision is judged by all that it was asked, also what status shows no more."""
        bake: int = (mlapi["spec"].get("rollout") or {}).get("bakeSeconds", BAKE_SECONDS)
        return max(self._window_seconds(mlapi), min(bake, MOST_KEPT_SECONDS))

    def _forget(self, uids: set[str], pods: set[str]) -> None:
        self.reader.keep_only(uids)
        self._looked_at = {uid: at for uid, at in self._looked_at.items() if uid in uids}
        self._due = {pod: due for pod, due in self._due.items() if pod in pods}
        self._complained &= pods


def _slo(mlapi: Manifest) -> SLO | None:
    """None for one that cannot be read: it is the reconcile that says so."""
    found = mlapi["spec"].get("slo")
    try:
        return SLO.model_validate(found, extra="ignore") if found else None
    except ValidationError:
        return None
