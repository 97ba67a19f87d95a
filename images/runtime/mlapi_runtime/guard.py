"""What holds on every route of every framework: admission, limits, deadline, counting, the headers of a pod.

Admission first, then the body, then the application: a request that is refused costs neither.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable
from typing import Final

from mlapi_runtime.answers import App, Receive, Scope, Send, shaped
from mlapi_runtime.batcher import Batcher
from mlapi_runtime.config import Serving
from mlapi_runtime.errors import DeadlineExceeded, Overloaded, ServingError
from mlapi_runtime.exchange import KEY, Exchange, Gone
from mlapi_runtime.protocol import Protocol
from mlapi_runtime.requestlog import RequestLog
from mlapi_runtime.routes import Routes
from mlapi_runtime.shared import (
    CANCELLED,
    DRAINING,
    HEARTBEAT,
    IN_FLIGHT,
    LOOP_LAG,
    QUEUED,
    REJECTED,
    Shared,
    Slot,
    series_of,
)
from mlapi_stats.buckets import index

TICK_SECONDS: Final = 0.1
UNCOUNTED: Final = -1

log = logging.getLogger("uvicorn.error")


class Guard:
    """ASGI middleware around everything that a worker serves.

    Args:
        app: what is guarded.
        protocol: infers without the application; None when the framework is to route that too.
        routes: which requests are admitted, limited and counted, and as what.
    """

    def __init__(
        self,
        app: App,
        protocol: Protocol | None,
        *,
        routes: Routes,
        serving: Serving,
        revision: str,
        batcher: Batcher,
        slot: Slot,
        shared: Shared,
        request_log: RequestLog | None,
    ) -> None:
        self._app = app
        self._protocol = protocol
        self._routes = routes
        self._capacity = serving.concurrency_per_worker
        self._timeout_seconds = serving.request_timeout_seconds
        self._max_bytes = serving.max_request_bytes
        self._batcher = batcher
        self._slot = slot
        self._flags = shared.cells
        self._log = request_log
        self._admitted: set[Exchange] = set()
        # Whoever is not told the loop asks the system each time whether its process is still the same.
        self._loop: asyncio.AbstractEventLoop | None = None
        revision_header = (b"x-mlapi-revision", revision.encode())
        # Once the pod drains, each connection is given back with its next answer, while others still take it.
        self._stamps = ([revision_header], [revision_header, (b"connection", b"close")])

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        started = time.monotonic()
        stamp = self._stamps[self._flags[DRAINING]]
        deadline = started + self._timeout_seconds
        exchange = Exchange(scope, receive, send, stamp, deadline, asyncio.current_task(self._loop))
        path: str = scope["path"]  # before it is passed on: routers write there where they are mounted
        route = self._routes[path]
        if route is None:
            return self._pass_on(path, scope, receive, exchange)
        return self._serve(path, route, scope, exchange, started)

    async def _pass_on(self, path: str, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        """Neither limited nor counted."""
        await self._app(scope, receive, exchange.send)
        if self._log is not None:
            self._write(self._log, path, "other", scope["method"], exchange, UNCOUNTED)

    async def _serve(self, path: str, route: str, scope: Scope, exchange: Exchange, started: float) -> None:
        wait = self._batcher.predicted_wait_seconds
        if len(self._admitted) >= self._capacity or wait > self._timeout_seconds:
            await shaped(path, self._refusal(wait)).send(exchange.send)
        else:
            self._admitted.add(exchange)
            error: ServingError | None = None
            try:
                await exchange.read(self._max_bytes, tensors=route == "infer")
                if route == "infer" and self._protocol is not None:
                    await exchange.respond(
                        await self._protocol.answer(scope["method"], path, scope["headers"], exchange)
                    )
                else:
                    scope[KEY] = exchange
                    await self._app(scope, exchange.receive, exchange.send)
            except ServingError as raised:
                error = raised
            except Gone:
                self._slot.cells[CANCELLED] += 1
            except asyncio.CancelledError:
                if exchange.ending is None:
                    raise  # the server's own: it stops
                exchange.resume()
                if isinstance(exchange.ending, ServingError):
                    error = exchange.ending
                else:
                    self._slot.cells[CANCELLED] += 1
            except Exception as raised:
                log.exception("request failed: %s %s", scope["method"], path)
                error = ServingError.hidden(raised)
            finally:
                self._admitted.discard(exchange)
                exchange.close()
                # The server's own object for the request holds the scope: together they would be a ring,
                # which waits with the body for the garbage collector.
                scope.pop(KEY, None)
            if error is not None:
                await self._fail(path, error, exchange)
        microseconds = UNCOUNTED
        if exchange.complete:
            if exchange.status in (429, 503):
                self._slot.cells[REJECTED] += 1
            else:
                microseconds = max(1, int((time.monotonic() - started) * 1e6))
                self._slot.count(series_of(route, exchange.status), index(microseconds), microseconds)
        if self._log is not None:
            self._write(self._log, path, route, scope["method"], exchange, microseconds)

    async def _fail(self, path: str, error: ServingError, exchange: Exchange) -> None:
        if exchange.status == 0:
            await shaped(path, error).send(exchange.send)
        elif not exchange.complete:
            # Its client sees the connection break; the counts must not call that a success.
            exchange.status = error.status
            exchange.complete = True

    def _refusal(self, wait: float) -> Overloaded:
        if len(self._admitted) >= self._capacity:
            detail = f"{self._capacity} requests are being served, as many as this worker admits"
        else:
            detail = f"the wait for the model would be about {wait:.0f} s, beyond the deadline"
        return Overloaded(detail, retry_after_seconds=max(1, math.ceil(wait)))

    def _write(
        self, to: RequestLog, path: str, route: str, method: str, exchange: Exchange, microseconds: int
    ) -> None:
        if path not in self._routes.quiet:
            body = exchange.body or b""
            to.write(method, route, exchange.status, microseconds, len(body), exchange.response_bytes)

    async def watch(self) -> None:
        """Publishes gauges and heartbeat, ends what is overdue or abandoned; runs as long as the worker."""
        self._loop = asyncio.get_running_loop()
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            cells = self._slot.cells
            queued = self._batcher.queued
            cells[HEARTBEAT] = time.monotonic_ns()
            cells[LOOP_LAG] = max(0, int((now - before - TICK_SECONDS) * 1e6))
            cells[QUEUED] = queued
            cells[IN_FLIGHT] = max(0, len(self._admitted) - queued)
            for exchange in tuple(self._admitted):
                if now >= exchange.deadline:
                    exchange.end(DeadlineExceeded("no answer within the deadline"))
                elif (
                    exchange.body is not None
                    and exchange.deadline - now < self._timeout_seconds - TICK_SECONDS
                ):
                    exchange.watch()
