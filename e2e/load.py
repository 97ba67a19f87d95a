"""Sends requests and remembers what became of each: a number of them at once, or at a constant rate."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import aiohttp

TIMEOUT_SECONDS: Final = 60
# So many clients, each with a connection of its own, share a constant rate: between two of its requests a
# kept connection is idle, which is when a server closes it.
CLIENTS: Final = 10
IN_FLIGHT_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was not answered 2xx: the answer's status and beginning, or what broke."""

    index: int
    at: datetime
    text: str


@dataclass(slots=True)
class Result:
    """What became of the requests.

    Of the 2xx answers, `latencies` holds the seconds from sending to the last byte, `bodies` what they said
    by index, unless nobody asked for it.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)


class Client:
    """Sends to one URL, and notes the outcome in a result that clients may share."""

    def __init__(self, url: str, result: Result, *, keep_alive: bool, keep_bodies: bool) -> None:
        self._url = url
        self._result = result
        self._keep_bodies = keep_bodies
        connector = aiohttp.TCPConnector(limit=0, force_close=not keep_alive)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(self, index: int, payload: bytes) -> None:
        """Sends one request; a failure is noted, never raised."""
        self._result.sent += 1
        began = time.perf_counter()
        try:
            async with self._session.post(
                self._url, data=payload, headers={"Content-Type": "application/json"}
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.note_failure(index, f"{type(error).__name__}: {error}")
            return
        self._result.statuses[answer.status] += 1
        if not answer.ok:
            self.note_failure(index, f"{answer.status}: {body[:200].decode(errors='replace')}")
            return
        self._result.latencies.append(time.perf_counter() - began)
        if self._keep_bodies:
            self._result.bodies[index] = body

    def note_failure(self, index: int, text: str) -> None:
        self._result.failures.append(Failure(index, datetime.now(UTC), text))


async def run(
    url: str, payloads: Sequence[bytes], *, concurrency: int, total: int, keep_alive: bool = True
) -> Result:
    """Sends `total` requests, `concurrency` at once, as fast as they are answered.

    Args:
        payloads: JSON bodies, taken in turn; request i carries payload i modulo their number.
    """
    result, indices = Result(), iter(range(total))

    async def worker() -> None:
        for index in indices:
            await client.send(index, payloads[index % len(payloads)])

    client = Client(url, result, keep_alive=keep_alive, keep_bodies=True)
    try:
        await asyncio.gather(*(worker() for _ in range(concurrency)))
    finally:
        await client.close()
    return result


class Load:
    """A constant rate of requests while the context is open, however slowly they are answered.

    Args:
        payload: JSON body of every request.
        rate: requests a second.
        keep_alive: whether a client's connection is used again.
        seconds: after so long it stops by itself.
    """

    def __init__(
        self, url: str, payload: bytes, *, keep_alive: bool, rate: float = 50, seconds: float = 600
    ) -> None:
        self.result = Result()
        self._payload = payload
        self._rate = rate
        self._seconds = seconds
        self._clients = [
            Client(url, self.result, keep_alive=keep_alive, keep_bodies=False) for _ in range(CLIENTS)
        ]
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops sending, and waits for the answers that are still due."""
        self._stopped.set()
        try:
            await self._sending
        finally:
            await asyncio.gather(*(client.close() for client in self._clients))

    async def finished(self) -> None:
        """Waits until it has stopped by itself."""
        await asyncio.shield(self._sending)

    async def _send(self) -> None:
        began = time.monotonic()
        in_flight: set[asyncio.Task[None]] = set()
        for index, client in enumerate(itertools.cycle(self._clients)):
            pause = began + index / self._rate - time.monotonic()
            if index > self._seconds * self._rate or await self._stopped_within(pause):
                break
            if len(in_flight) >= IN_FLIGHT_LIMIT:
                self.result.sent += 1
                client.note_failure(index, f"not sent: {IN_FLIGHT_LIMIT} others wait for their answers")
                continue
            task = asyncio.create_task(client.send(index, self._payload))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)
        await asyncio.gather(*in_flight)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), max(seconds, 0))
        except TimeoutError:
            return False
        return True
