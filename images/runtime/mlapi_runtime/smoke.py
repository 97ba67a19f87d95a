"""The smoke test: the stored example, sent through the whole application as a client would send it."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

import msgspec

from mlapi_runtime.answers import App, Message, Receive, Scope, Send, answer, oip
from mlapi_runtime.errors import WrongMethod
from mlapi_runtime.exchange import KEY, Exchange

SMOKE_PATH = "/_mlapi/smoke"
PREDICT_PATH = "/predict"
MIN_INTERVAL_SECONDS = 1.0


class Smoke:
    """ASGI middleware below the guard, so that the test is never counted: answers `GET /_mlapi/smoke`.

    Args:
        app: what serves all other requests.
        tested: what the test asks.
        path: asked with POST.
        example: body of the request, JSON.
        timeout_seconds: an answer that takes longer is a failure.
    """

    def __init__(self, app: App, tested: App, path: str, example: bytes, timeout_seconds: float) -> None:
        self._app = app
        self._tested = tested
        self._path = path
        self._example = example
        self._timeout_seconds = timeout_seconds
        self.state: dict[str, Any] = {}  # of the application's lifespan, which its routes may rely on
        self._running: asyncio.Task[str] | None = None
        self._started = -MIN_INTERVAL_SECONDS

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["path"] == SMOKE_PATH:
            return self._answer(scope["method"], send)
        return self._app(scope, receive, send)

    async def _answer(self, method: str, send: Send) -> None:
        if method != "GET":
            await oip(WrongMethod(f"{method} is not allowed here, GET is", "GET")).send(send)
        elif failure := await self.run():
            document = {"status": "fail", "message": failure}
            await answer(503, msgspec.json.encode(document)).send(send)
        else:
            await answer(200, b'{"status":"pass"}').send(send)

    async def run(self) -> str:
        """Why the test failed, empty when it passed; an outcome younger than a second is given again."""
        now = time.monotonic()
        if self._running is None or (self._running.done() and now - self._started >= MIN_INTERVAL_SECONDS):
            self._started = now
            self._running = asyncio.create_task(self.once())
        # Shielded: a client that goes away does not end the test for the others.
        return await asyncio.shield(self._running)

    async def once(self) -> str:
        """Runs the test now."""
        status, body = 0, b""

        async def receive() -> Message:
            await asyncio.get_running_loop().create_future()  # this client never leaves
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body += message.get("body", b"")

        scope = _scope(self._path, len(self._example), self.state)
        deadline = time.monotonic() + self._timeout_seconds
        exchange = Exchange(scope, receive, send, [], deadline, asyncio.current_task())
        exchange.body = self._example
        scope[KEY] = exchange
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._tested(scope, exchange.receive, exchange.send)
        except TimeoutError:
            return f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:  # frameworks answer 500 and raise on
            if not status:
                return f"{type(error).__name__}: {error}"
        finally:
            exchange.close()
        return "" if status == 200 else f"status {status}: {_detail(body)}"


def _scope(path: str, length: int, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)],
        "client": None,
        "server": None,
        "state": state.copy(),
    }


def _detail(body: bytes) -> str:
    """What problem details or the protocol's errors say."""
    try:
        document = msgspec.json.decode(body)
        return str(document.get("detail") or document["error"])
    except (msgspec.DecodeError, KeyError, AttributeError):
        return body[:200].decode(errors="replace")
