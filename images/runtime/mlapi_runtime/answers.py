"""How an error is said: `{"error": ...}` on protocol routes, problem details (RFC 9457) on native ones."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from mlapi_runtime.errors import BadInput, Overloaded, ServingError, WrongMethod

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: Final = (b"content-type", b"application/json")
PROBLEM: Final = "application/problem+json"


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Culprit(msgspec.Struct, frozen=True):
    field: str
    found: str
    wanted: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """`errors` extends RFC 9457: a culprit each, with its path in the request."""

    title: str
    status: int
    detail: str
    errors: tuple[Culprit, ...] = ()


def answer(status: int, body: bytes, content_type: str | None = None, extra: Headers | None = None) -> Answer:
    """`content_type`: JSON unless told."""
    kind = JSON if content_type is None else (b"content-type", content_type.encode())
    headers = [kind, (b"content-length", b"%d" % len(body))]
    return Answer(status, headers + extra if extra else headers, body)


def oip(error: ServingError) -> Answer:
    """Shape of the Open Inference Protocol v2."""
    return answer(error.status, msgspec.json.encode({"error": error.detail}), extra=_headers(error))


def problem(error: ServingError) -> Answer:
    """Shape of the native routes; input that is well-formed JSON but does not fit is 422 there."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(error, BadInput) else HTTPStatus(error.status)
    culprits = (Culprit(error.field, error.found, error.wanted),) if error.field else ()
    return problem_of(status, error.detail, culprits, _headers(error))


def problem_of(
    status: HTTPStatus, detail: str, culprits: tuple[Culprit, ...] = (), extra: Headers | None = None
) -> Answer:
    document = Problem(status.phrase, status, detail, culprits)
    return answer(status, msgspec.json.encode(document), PROBLEM, extra)


def shaped(path: str, error: ServingError) -> Answer:
    return oip(error) if path.startswith("/v2") else problem(error)


def _headers(error: ServingError) -> Headers:
    if isinstance(error, Overloaded):
        return [(b"retry-after", b"%d" % error.retry_after_seconds)]
    if isinstance(error, WrongMethod):
        return [(b"allow", error.allowed.encode())]
    return []
