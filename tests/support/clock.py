"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class SteppedClock:
    """`mlapi_operator.protocol.Clock`, moved by `advance` or `run`."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, waiting))
        await waiting

    @property
    def waiting(self) -> bool:
        """Whether anyone sleeps."""
        return bool(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Time passes while no task runs, as for a frozen process; then everyone due wakes, in order."""
        self._elapsed += seconds
        for due, waiting in sorted(self._sleepers, key=lambda sleeper: sleeper[0]):
            if due <= self._elapsed and not waiting.done():
                waiting.set_result(None)
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[1].done()]

    async def run(self, seconds: float) -> None:
        """Time passes while tasks run: each wakes at its own time, also from what it then waits for."""
        end = self._elapsed + seconds
        await settle()
        while due := [due for due, waiting in self._sleepers if due <= end and not waiting.done()]:
            self.advance(max(min(due) - self._elapsed, 0))
            await settle()
        self.advance(end - self._elapsed)
        await settle()


async def settle() -> None:
    """Lets every task run until it waits for something that only time or the test brings."""
    for _ in range(20):
        await asyncio.sleep(0)
