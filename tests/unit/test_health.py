"""The health server says what is wrong, and measures a loop that is held up."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from mlapi_operator.health import Health, LoopLag
from mlapi_operator.metrics import QUEUE_DEPTH
from tests.support.clock import SteppedClock, settle


class Server(Health):
    port = 0

    async def ask(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, await answer.text()


@pytest.fixture
async def health() -> AsyncIterator[Server]:
    server = Server()
    server.port = await server.start(0, "127.0.0.1")
    yield server
    await server.close()


async def test_health_with_every_check_passed_is_ok(health: Server) -> None:
    health.live["loop"] = lambda: None
    assert await health.ask("/healthz") == (200, "ok\n")
    assert await health.ask("/readyz") == (200, "ok\n")


async def test_health_with_a_failed_check_names_it(health: Server) -> None:
    health.live["loop"] = lambda: None
    health.live["workers"] = lambda: "a reconcile has been running for 400 s"
    health.ready["lease"] = lambda: "not read yet"
    assert await health.ask("/healthz") == (503, "workers: a reconcile has been running for 400 s\n")
    assert await health.ask("/readyz") == (503, "lease: not read yet\n")


async def test_metrics_are_in_prometheus_text_format(health: Server) -> None:
    QUEUE_DEPTH.set(3)
    status, text = await health.ask("/metrics")
    assert status == 200
    assert "# TYPE mlapi_workqueue_depth gauge\nmlapi_workqueue_depth 3.0\n" in text


async def test_loop_lag_beyond_its_limit_is_told_until_it_is_over() -> None:
    clock = SteppedClock()
    lag = LoopLag(clock)
    task = asyncio.create_task(lag.run())
    await settle()
    await clock.run(3)
    assert lag.check() is None
    clock.advance(9)
    await settle()
    assert lag.check() == "the event loop runs 8.0 s late"
    await clock.run(2)
    assert lag.check() is None
    task.cancel()
