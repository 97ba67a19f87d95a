"""The work queue: which MLApi is reconciled when.

Source: the semantics of client-go's workqueue (k8s.io/client-go/util/workqueue): a key waits at most once,
is never worked on twice at the same time, and runs again if it was added meanwhile.
"""

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from mlapi_operator import metrics
from mlapi_operator.api.types import Key
from mlapi_operator.protocol import ApiError, Clock, NotLeading

log = logging.getLogger(__name__)

BACKOFF_SECONDS = 0.25
BACKOFF_LIMIT_SECONDS = 120.0
JITTER = 0.25


class Queue:
    """Runs `reconcile` for each added key.

    Args:
        reconcile: returns None when done, or in how many seconds to look again; an exception means
            another try after a growing delay, not before the server's Retry-After.
        workers: keys worked on at once.
    """

    def __init__(
        self, reconcile: Callable[[Key], Awaitable[float | None]], workers: int, clock: Clock
    ) -> None:
        self._reconcile = reconcile
        self._workers = workers
        self._clock = clock
        self._waiting: deque[Key] = deque()
        self._dirty: set[Key] = set()
        self._started: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._deadlines: dict[Key, float] = {}
        self._timers: list[tuple[float, Key]] = []
        self._work = asyncio.Semaphore(0)
        self._timers_changed = asyncio.Event()
        self._closed = False

    def add(self, key: Key) -> None:
        """Reconcile as soon as a worker is free; once, however often it is added until then."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        metrics.QUEUE_ADDS.inc()
        if key not in self._started:
            self._enqueue(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Add it in so many seconds; of several deadlines the earliest counts."""
        deadline = self._clock.monotonic() + max(seconds, 0.0)
        if deadline < self._deadlines.get(key, float("inf")):
            self._deadlines[key] = deadline
            heapq.heappush(self._timers, (deadline, key))
            self._timers_changed.set()

    def oldest_seconds(self) -> float:
        """How long the longest-running reconcile has been going on; 0 when idle."""
        return self._clock.monotonic() - min(self._started.values(), default=self._clock.monotonic())

    async def run(self) -> None:
        """Works until closed."""
        async with asyncio.TaskGroup() as group:
            timers = group.create_task(self._run_timers())
            workers = [group.create_task(self._run_worker()) for _ in range(self._workers)]
            await asyncio.wait(workers)
            timers.cancel()

    def close(self) -> None:
        """Lets `run` return once the keys being worked on now are done."""
        self._closed = True
        for _ in range(self._workers):
            self._work.release()

    def _enqueue(self, key: Key) -> None:
        self._waiting.append(key)
        self._work.release()
        metrics.QUEUE_DEPTH.set(len(self._waiting))

    async def _run_worker(self) -> None:
        while True:
            await self._work.acquire()
            if self._closed:
                return
            key = self._waiting.popleft()
            metrics.QUEUE_DEPTH.set(len(self._waiting))
            self._dirty.discard(key)
            self._started[key] = self._clock.monotonic()
            metrics.QUEUE_UNFINISHED.set(len(self._started))
            try:
                await self._process(key)
            finally:
                del self._started[key]
                metrics.QUEUE_UNFINISHED.set(len(self._started))
            if key in self._dirty:
                self._enqueue(key)

    async def _process(self, key: Key) -> None:
        began = self._clock.monotonic()
        try:
            again = await self._reconcile(key)
        except NotLeading:
            log.info("reconcile stopped: another process may hold the lease", extra=fields(key))
        except Exception as error:
            self._retry(key, error)
        else:
            self._failures.pop(key, None)
            metrics.RECONCILES.labels("success").inc()
            if again is not None:
                self.add_after(key, again)
        metrics.RECONCILE_SECONDS.observe(self._clock.monotonic() - began)

    def _retry(self, key: Key, error: Exception) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        answer = api_error(error)
        delay = max(backoff(failures), (answer and answer.retry_after) or 0.0)
        # Many keys meet the same overloaded server: they must not come back together.
        delay *= 1 + random.uniform(0, JITTER)  # noqa: S311
        metrics.RECONCILES.labels("error").inc()
        metrics.RECONCILE_ERRORS.labels(getattr(error, "phase", "")).inc()
        metrics.QUEUE_RETRIES.inc()
        log.warning(
            "reconcile failed",
            extra={
                **fields(key),
                "error": str(error),
                "attempt": failures + 1,
                "retrySeconds": round(delay, 2),
            },
            # A stack says nothing about an answer of the API server, everything about a defect of ours.
            exc_info=None if answer else error,
        )
        self.add_after(key, delay)

    async def _run_timers(self) -> None:
        while True:
            self._timers_changed.clear()
            now = self._clock.monotonic()
            while self._timers and self._timers[0][0] <= now:
                deadline, key = heapq.heappop(self._timers)
                if self._deadlines.get(key) == deadline:  # not replaced by an earlier one
                    del self._deadlines[key]
                    self.add(key)
            await self._until_next_timer(now)

    async def _until_next_timer(self, now: float) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._timers_changed.wait())]
        if self._timers:
            waits.append(asyncio.ensure_future(self._clock.sleep(self._timers[0][0] - now)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row before this one."""
    return min(BACKOFF_SECONDS * 2.0 ** min(failures, 32), BACKOFF_LIMIT_SECONDS)


def api_error(error: BaseException | None) -> ApiError | None:
    """The API server's answer that led to this error, if one did."""
    while error is not None and not isinstance(error, ApiError):
        error = error.__cause__
    return error


def fields(key: Key) -> dict[str, str]:
    return {"mlapi": "/".join(key)}
