"""The guard refuses, limits and counts around any application, without a server."""

import asyncio
import gc
from typing import Any

import httpx
import msgspec
import pytest

from mlapi_runtime.adapters import Hosted
from mlapi_runtime.answers import App, Receive, Scope, Send
from mlapi_runtime.batcher import Batcher
from mlapi_runtime.config import Batching, Serving
from mlapi_runtime.errors import BadInput
from mlapi_runtime.exchange import Exchange
from mlapi_runtime.guard import Guard
from mlapi_runtime.routes import Routes
from mlapi_runtime.shared import CANCELLED, REJECTED, Shared

SERVING = Serving(
    workers=1,
    max_concurrency=2,
    request_timeout_seconds=60,
    max_request_bytes=10,
    batching=Batching(1, 0),
    warmup_requests=0,
)


class Waiting(Batcher):
    """A batcher whose queue is as long as the test says."""

    predicted_wait_seconds = 0.0


def guarded(app: App, shared: Shared, batcher: Batcher | None = None, **changes: Any) -> Guard:
    return Guard(
        app,
        None,
        routes=Routes("digits", Hosted(app, frozenset(("/docs",)), predicts=True), own=True),
        serving=msgspec.structs.replace(SERVING, **changes),
        revision="r-1a2b3c4d",
        batcher=batcher or Waiting(lambda inputs: inputs, 1),
        slot=shared.slots[0],
        shared=shared,
        request_log=None,
    )


def client(app: Guard) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pod")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("secret detail")


def counted(shared: Shared) -> list[tuple[str, str, int]]:
    return [(route, status, sum(buckets.values())) for route, status, _, buckets in shared.slots[0].series()]


async def test_wait_beyond_the_deadline_is_refused_with_that_wait() -> None:
    shared, batcher = Shared(1), Waiting(lambda inputs: inputs, 1)
    batcher.predicted_wait_seconds = 75.2
    async with client(guarded(echo, shared, batcher)) as http:
        refused = await http.post("/predict", content=b"x")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "76"
        assert "75 s" in refused.json()["detail"]
        batcher.predicted_wait_seconds = 59.0
        assert (await http.post("/predict", content=b"x")).status_code == 200
    assert shared.slots[0].cells[REJECTED] == 1
    assert counted(shared) == [("predict", "2xx", 1)]


async def test_body_that_comes_in_parts_is_limited_and_handed_over_whole() -> None:
    shared = Shared(1)

    async def parts(*sizes: int) -> Any:
        for size in sizes:
            yield b"x" * size

    async with client(guarded(echo, shared)) as http:
        assert (await http.post("/predict", content=parts(4, 6))).content == b"x" * 10
        refused = await http.post("/predict", content=parts(4, 6, 1))
        assert refused.status_code == 413
        assert "serving.maxRequestBytes is 10" in refused.json()["detail"]


async def test_application_that_raises_is_answered_500_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shared = Shared(1)
    async with client(guarded(broken, shared)) as http:
        answer = await http.post("/predict", content=b"x")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text
    assert counted(shared) == [("predict", "5xx", 1)]


async def test_error_has_the_shape_of_the_path_that_was_asked_wherever_a_router_mounted_the_rest() -> None:
    async def mounts(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = "/"
        raise BadInput("no")

    async with client(guarded(mounts, Shared(1))) as http:
        assert (await http.post("/v2/models/digits/infer")).json() == {"error": "no"}


async def test_client_that_leaves_during_its_body_is_no_request() -> None:
    shared = Shared(1)
    messages = [
        {"type": "http.request", "body": b"x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await guarded(echo, shared)({"type": "http", "path": "/predict", "headers": []}, receive, send)
    assert sent == []
    assert shared.slots[0].cells[CANCELLED] == 1
    assert counted(shared) == []


async def test_answered_request_does_not_wait_for_the_garbage_collector() -> None:
    class Cycle:
        """As uvicorn has one for each request."""

        def __init__(self) -> None:
            self.scope: Scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}

        async def receive(self) -> Any:
            return {"type": "http.request", "body": b"x"}

        async def send(self, message: Any) -> None:
            pass

    guard = guarded(echo, Shared(1))
    gc.collect()
    gc.disable()
    try:
        cycle = Cycle()
        await guard(cycle.scope, cycle.receive, cycle.send)
        del cycle
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Cycle | Exchange)]
    finally:
        gc.enable()


async def test_servers_own_cancellation_is_not_swallowed() -> None:
    async def forever(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async with client(guarded(forever, Shared(1))) as http:
        task = asyncio.create_task(http.post("/predict", content=b"x"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_paths_of_the_users_application_are_admitted_limited_and_counted() -> None:
    shared, batcher = Shared(1), Waiting(lambda inputs: inputs, 1)
    async with client(guarded(echo, shared, batcher)) as http:
        assert (await http.post("/theirs", content=b"x" * 10)).status_code == 200
        assert (await http.post("/theirs", content=b"x" * 11)).status_code == 413
        assert (await http.request("OPTIONS", "/theirs")).status_code == 200
        batcher.predicted_wait_seconds = 61.0
        assert (await http.head("/theirs")).status_code == 429
        for ours in ("/docs", "/v2/health/live", "/v2/models/other/infer", "/_mlapi/smoke"):
            assert (await http.get(ours)).status_code == 200
    assert counted(shared) == [("user", "2xx", 2), ("user", "4xx", 1)]
    assert shared.slots[0].cells[REJECTED] == 1


async def test_answer_that_breaks_off_is_counted_as_an_error() -> None:
    shared = Shared(1)

    async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise RuntimeError

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/theirs", "headers": []}
    await guarded(breaks_off, shared)(scope, receive, send)
    assert [message.get("more_body") for message in sent] == [None, True]
    assert counted(shared) == [("user", "5xx", 1)]


async def test_what_a_task_left_behind_sends_later_is_dropped() -> None:
    shared, sent, late = Shared(1), [], asyncio.Event()
    left: list[asyncio.Task[None]] = []

    async def splits(scope: Scope, receive: Receive, send: Send) -> None:
        async def answers() -> None:
            await late.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"late"})

        left.append(asyncio.create_task(answers()))
        await asyncio.Event().wait()

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    guard = guarded(splits, shared, request_timeout_seconds=0)
    watch = asyncio.create_task(guard.watch())
    await guard({"type": "http", "method": "GET", "path": "/theirs", "headers": []}, receive, send)
    late.set()
    await left[0]
    assert sent == [504, None]
    watch.cancel()
