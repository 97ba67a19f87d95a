"""One request and its answer, as the guard follows them."""

import asyncio
from typing import Any, Final

from mlapi_runtime.answers import Answer, Headers, Message, Receive, Scope, Send
from mlapi_runtime.errors import ServingError, TooLarge
from mlapi_runtime.oip import header_length

KEY: Final = "mlapi.exchange"  # in the scope
ALIGNMENT: Final = 16  # of the memory of long bytes objects; no number needs more


class Gone(Exception):  # noqa: N818 - an end, not an error
    """The client closed its connection before it had the answer."""


class Exchange:
    """Stands between server and application: holds the body, stamps the headers, notes the outcome.

    `deadline`: as of `time.monotonic`. `task`: serves the request, None if nobody may end it.
    `status`: 0 until the answer begins. `complete`: it was sent whole.
    """

    # What most requests never change stands here once, and not in each of them.
    body: bytes | memoryview | None = None
    status = 0
    response_bytes = 0
    complete = False
    ending: Exception | None = None
    watcher: asyncio.Task[None] | None = None
    _handed_over = False

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        stamp: Headers,
        deadline: float,
        task: asyncio.Task[Any] | None = None,
    ) -> None:
        # Not the scope, which holds the exchange: bodies must not wait for the garbage collector.
        self._headers = scope["headers"]
        self._receive = receive
        self._send = send
        self._stamp = stamp
        self._task = task
        self.deadline = deadline

    async def read(self, max_bytes: int, *, tensors: bool = False) -> None:
        """Reads the whole body.

        Args:
            tensors: binary ones may stand behind its JSON; those of a long body, then a view, are aligned.
        Raises:
            TooLarge: it is longer than `max_bytes`; told from the announced length before it is read.
            Gone
        """
        message = await self._receive()
        body: bytes | memoryview
        if message.get("more_body"):
            if (length := self._announced()) > max_bytes:
                raise _too_large(length, max_bytes)
            parts, length = [message["body"]], len(message["body"])
            while message.get("more_body"):
                message = await self._receive()
                part = message.get("body", b"")
                parts.append(part)
                length += len(part)
                if length > max_bytes:
                    raise _too_large(length, max_bytes)
            padding = _padding(self._headers) if tensors else 0
            body = b"".join((bytes(padding), *parts))
            if padding:
                body = memoryview(body)[padding:]
        else:
            body = message.get("body", b"")
            if len(body) > max_bytes:
                raise _too_large(len(body), max_bytes)
        if message["type"] == "http.disconnect":
            raise Gone
        self.body = body

    async def receive(self) -> Message:
        """ASGI: the body, for the application; after it the end of the connection."""
        if not self._handed_over:
            self._handed_over = True
            return {"type": "http.request", "body": bytes(self.body or b""), "more_body": False}
        await asyncio.shield(self.watch())
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI: passes the answer on; what a task that the application left behind sends later is dropped."""
        if self.complete:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._stamp]
        else:
            self.response_bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body")
        await self._send(message)

    async def respond(self, answer: Answer) -> None:
        """Sends a whole answer."""
        if self.complete:
            return
        self.status = answer.status
        self.response_bytes = len(answer.body)
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers + self._stamp,
            }
        )
        self.complete = True
        await self._send({"type": "http.response.body", "body": answer.body})

    def watch(self) -> asyncio.Task[None]:
        """Notices from now on that the client goes away.

        Not from the start: a task for each request would cost more than most of them need to be answered.
        """
        if self.watcher is None:
            self.watcher = asyncio.create_task(self._watch())
        return self.watcher

    def close(self) -> None:
        """The application is done with it."""
        if self.watcher is not None:
            self.watcher.cancel()

    def end(self, reason: Exception) -> None:
        """Takes the request out of the application, and so out of the model's queue."""
        if self.ending is None and self._task is not None:
            self.ending = reason
            self._task.cancel()

    def resume(self) -> None:
        """Ends the cancellation, so that the task can still answer."""
        if self._task is not None:
            self._task.uncancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.complete:
            self.end(Gone())

    def _announced(self) -> int:
        return next((int(value) for name, value in self._headers if name == b"content-length"), 0)


def _too_large(length: int, max_bytes: int) -> TooLarge:
    return TooLarge(f"the body has {length} bytes or more, serving.maxRequestBytes is {max_bytes}")


def _padding(headers: Headers) -> int:
    """Bytes in front of a body with which what follows its JSON is aligned.

    Tensors that are not would have to be copied, which takes as long as reading them.
    """
    try:
        return -(header_length(headers) or 0) % ALIGNMENT
    except ServingError:  # said by whoever reads the body
        return 0
