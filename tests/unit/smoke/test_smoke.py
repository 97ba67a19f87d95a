"""Only the expected answer of the current revision passes; a failure says what to look at, and no payload."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Reason
from mlapi_operator.api.types import Key
from mlapi_operator.api.v1alpha1 import SmokeTest
from mlapi_operator.smoke import SmokeResult, SmokeTester
from tests.support.clock import SteppedClock

KEY: Key = ("team-a", "digits")
UID, REVISION = "uid-digits", "digits-1a2b3c4d"
SECRET = "payload-of-a-user"


class Noted(SteppedClock):
    """Notes the pauses asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


class World:
    """A tester and a Service that answers as a test says."""

    def __init__(self) -> None:
        self.clock = Noted()
        self.done: asyncio.Queue[Key] = asyncio.Queue()
        self.requests: list[tuple[str, str, str, str | None]] = []
        self.connections: set[object] = set()
        self.answer: Callable[[], Awaitable[web.StreamResponse]] = self.reply()
        self.url = ""

    @staticmethod
    def reply(
        status: int = 200, revision: str | None = REVISION, body: str = SECRET
    ) -> Callable[[], Awaitable[web.StreamResponse]]:
        async def answer() -> web.StreamResponse:
            return web.Response(
                status=status, text=body, headers={"X-MLApi-Revision": revision} if revision else None
            )

        return answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        content = request.headers.get("Content-Type")
        self.requests.append((request.method, request.path_qs, await request.text(), content))
        self.connections.add(request.transport)
        return await self.answer()

    async def finish(self) -> None:
        """Lets a waiting test begin, and waits until it has ended."""
        async with asyncio.timeout(60):
            while self.done.empty():
                self.clock.advance(10)
                await asyncio.sleep(0.01)
        assert await self.done.get() == KEY


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", world.handle)
    async with TestServer(application) as server:
        world.url = f"http://127.0.0.1:{server.port}"
        yield world


@pytest.fixture
async def tester(world: World) -> AsyncIterator[SmokeTester]:
    async with aiohttp.ClientSession() as session:
        tester = SmokeTester(session, world.done.put_nowait, world.clock)
        yield tester
        await tester.close()


async def tried(world: World, tester: SmokeTester, test: SmokeTest | None = None) -> SmokeResult:
    tester.want(KEY, UID, REVISION, world.url, test or SmokeTest())
    await world.finish()
    result = tester.result(UID, REVISION)
    assert result
    return result


async def test_smoke_answered_by_the_current_revision_passes(world: World, tester: SmokeTester) -> None:
    assert tester.result(UID, REVISION) is None
    result = await tried(world, tester)
    assert (result.passed, result.reason, result.message) == (True, None, "")
    assert world.requests == [("GET", "/_mlapi/smoke", "", None)]


async def test_smoke_of_the_users_own_request_sends_it(world: World, tester: SmokeTester) -> None:
    world.answer = world.reply(status=422)
    test = SmokeTest(path="/predict?top=1", body='{"inputs": []}', expect_status=422)
    assert (await tried(world, tester, test)).passed
    assert world.requests == [("POST", "/predict?top=1", '{"inputs": []}', "application/json")]


@pytest.mark.parametrize(
    ("status", "revision", "reason", "message"),
    [
        (503, REVISION, conditions.WRONG_STATUS, "GET /_mlapi/smoke was answered 503, wanted 200"),
        (307, REVISION, conditions.WRONG_STATUS, "GET /_mlapi/smoke was answered 307, wanted 200"),
        (
            200,
            "digits-00000000",
            conditions.OLD_REVISION,
            "GET /_mlapi/smoke was answered by another revision than digits-1a2b3c4d",
        ),
        (
            200,
            None,
            conditions.OLD_REVISION,
            "GET /_mlapi/smoke was answered without X-MLApi-Revision: something else answers for the pods",
        ),
        (502, None, conditions.WRONG_STATUS, "GET /_mlapi/smoke was answered 502, wanted 200"),
    ],
)
async def test_smoke_answered_wrongly_fails_with_the_reason(
    world: World, tester: SmokeTester, status: int, revision: str | None, reason: Reason, message: str
) -> None:
    world.answer = world.reply(status, revision)
    result = await tried(world, tester)
    assert (result.passed, result.reason, result.message) == (False, reason, message)
    assert SECRET not in result.message


async def test_smoke_not_answered_in_time_is_too_slow(world: World, tester: SmokeTester) -> None:
    async def never() -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    world.answer = never
    result = await tried(world, tester, SmokeTest(timeout_seconds=1))
    assert (result.reason, result.message) == (
        conditions.TOO_SLOW,
        "GET /_mlapi/smoke was not answered within 1 s",
    )


async def test_smoke_that_cannot_connect_names_port_policy_and_mesh(
    world: World, tester: SmokeTester
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        world.url = f"http://127.0.0.1:{port}"
        result = await tried(world, tester)
    assert result.reason == conditions.UNREACHABLE
    assert f"at port {port} (Connection refused)" in result.message
    assert "network policies" in result.message
    assert "service mesh" in result.message


async def test_smoke_cut_off_in_its_answer_does_not_pass(world: World, tester: SmokeTester) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nX-MLApi-Revision: {REVISION}\r\nContent-Length: 100\r\n\r\n"
        writer.write(head.encode() + b"half")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    world.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    result = await tried(world, tester)
    listening.close()
    assert (result.passed, result.reason) == (False, conditions.UNREACHABLE)


async def test_smoke_tried_again_has_a_connection_of_its_own(world: World, tester: SmokeTester) -> None:
    world.answer = world.reply(revision="digits-00000000")
    for _ in range(3):
        await tried(world, tester)
    assert len(world.connections) == 3


async def test_smoke_wanted_while_one_runs_sends_one_request(world: World, tester: SmokeTester) -> None:
    for _ in range(5):
        tester.want(KEY, UID, REVISION, world.url, SmokeTest())
    await world.finish()
    assert len(world.requests) == 1


async def test_smoke_that_fails_again_and_again_waits_longer_each_time(
    world: World, tester: SmokeTester
) -> None:
    world.answer = world.reply(status=500)
    for _ in range(9):
        await tried(world, tester)
    assert world.clock.slept == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0]


async def test_smoke_of_a_new_revision_forgets_the_old_one_and_its_delays(
    world: World, tester: SmokeTester
) -> None:
    world.answer = world.reply(status=500)
    await tried(world, tester)
    tester.want(KEY, UID, REVISION, world.url, SmokeTest())  # waits for its delay
    world.answer = world.reply(revision="digits-22222222")
    tester.want(KEY, UID, "digits-22222222", world.url, SmokeTest())
    async with asyncio.timeout(60):
        assert await world.done.get() == KEY
    result = tester.result(UID, "digits-22222222")
    assert result is not None
    assert result.passed
    assert tester.result(UID, REVISION) is None
    assert len(world.requests) == 2


async def test_smoke_that_passed_before_is_not_taken_back_by_one_failure(
    world: World, tester: SmokeTester
) -> None:
    await tried(world, tester)
    answers = [world.reply(status=500), world.reply()]

    async def once() -> web.StreamResponse:
        return await answers.pop(0)()

    world.answer = once
    assert (await tried(world, tester)).passed
    assert answers == []


async def test_smoke_that_passed_before_is_taken_back_when_it_keeps_failing(
    world: World, tester: SmokeTester
) -> None:
    await tried(world, tester)
    world.answer = world.reply(status=500)
    assert (await tried(world, tester)).reason == conditions.WRONG_STATUS
    assert len(world.requests) == 4


async def test_smoke_of_an_mlapi_that_is_gone_is_ended(world: World, tester: SmokeTester) -> None:
    began = asyncio.Event()

    async def never() -> web.StreamResponse:
        began.set()
        await asyncio.sleep(30)
        raise AssertionError

    world.answer = never
    tester.want(KEY, UID, REVISION, world.url, SmokeTest())
    await began.wait()
    tester.forget(KEY)
    assert tester.result(UID, REVISION) is None
    assert world.done.empty()
