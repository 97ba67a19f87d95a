"""The smoke test: the stored example, sent through the framework's own route as a client would send it."""

import asyncio
import time
from typing import Any

import msgspec

from mlapi_runtime.answers import App, Message

PREDICT_PATH = "/predict"
MIN_INTERVAL_SECONDS = 1.0


class Smoke:
    """Runs `POST /predict` with `example` inside the process; below the guard, so that it is never counted.

    Args:
        app: the framework's application.
        example: body of the request, JSON.
        timeout_seconds: an answer that takes longer is a failure.
    """

    def __init__(self, app: App, example: bytes, timeout_seconds: float) -> None:
        self._app = app
        self._example = example
        self._timeout_seconds = timeout_seconds
        self._running: asyncio.Task[str] | None = None
        self._started = -MIN_INTERVAL_SECONDS

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
            return {"type": "http.request", "body": self._example, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body += message.get("body", b"")

        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._app(_scope(len(self._example)), receive, send)
        except TimeoutError:
            return f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:  # frameworks answer 500 and raise on
            if not status:
                return f"{type(error).__name__}: {error}"
        return "" if status == 200 else f"status {status}: {_detail(body)}"


def _scope(length: int) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PREDICT_PATH,
        "raw_path": PREDICT_PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)],
        "client": None,
        "server": None,
        "state": {},
    }


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
