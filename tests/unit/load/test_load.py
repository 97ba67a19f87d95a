"""The load generator misses no failure: what is refused, broken off or unanswered is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from e2e.load import Load, run


class Service:
    """Answers as told by the body: a status, or `cut`."""

    def __init__(self) -> None:
        self.connections: set[object] = set()
        self.at_once = 0
        self.most_at_once = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(request.transport)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        told = await request.text()
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if told == "cut":
            assert request.transport
            request.transport.abort()
        return web.Response(status=int(told) if told.isdecimal() else 200, text=f"answer to {told}")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    application = web.Application()
    application.router.add_post("/predict", service.answer)
    async with TestServer(application) as server:
        service.url = f"http://127.0.0.1:{server.port}/predict"
        yield service


async def test_run_of_many_requests_keeps_each_answer_under_its_index(service: Service) -> None:
    result = await run(service.url, [b"a", b"b", b"c"], concurrency=8, total=50)
    assert (result.sent, result.statuses, result.failures) == (50, {200: 50}, [])
    assert [result.bodies[i] for i in range(4)] == [
        b"answer to a",
        b"answer to b",
        b"answer to c",
        b"answer to a",
    ]
    assert len(result.latencies) == 50
    assert 1 < service.most_at_once <= 8
    assert len(service.connections) <= 8


async def test_run_of_failing_requests_tells_each(service: Service) -> None:
    result = await run(service.url, [b"200", b"503", b"cut"], concurrency=2, total=6)
    assert (result.sent, result.statuses) == (6, {200: 2, 503: 2})
    texts = {failure.index: failure.text for failure in result.failures}
    assert sorted(texts) == [1, 2, 4, 5]
    assert texts[1] == "503: answer to 503"
    assert texts[2].startswith("ServerDisconnectedError")


async def test_run_against_nobody_tells_that_nobody_listens(service: Service) -> None:
    result = await run("http://127.0.0.1:9/predict", [b"a"], concurrency=1, total=1)
    assert result.failures[0].text.startswith("ClientConnectorError")


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_load_sends_at_its_rate_whatever_becomes_of_it(service: Service, keep_alive: bool) -> None:
    async with Load(service.url, b"503", keep_alive=keep_alive, rate=400, seconds=0.1) as load:
        await load.finished()
    assert load.result.sent == len(load.result.failures) == load.result.statuses[503] == 41
    # A client whose connection is busy opens another one.
    assert (len(service.connections) < 41) is keep_alive


async def test_load_left_alone_stops_by_itself(service: Service) -> None:
    async with Load(service.url, b"a", keep_alive=True, rate=200, seconds=0.1) as load:
        await load.finished()
    assert load.result.sent == 21
