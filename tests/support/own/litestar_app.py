"""Applications as users of Litestar write them, for the tests of the runtime that extends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.exceptions import ClientException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from mlapi_runtime import predict

unrelated = {"no": "application"}


class OutOfInkError(Exception):
    pass


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    blank = await predict({"X": [[0] * 64]})
    app.state.blank = int(blank["label"][0])
    yield


class Stamp(ASGIMiddleware):
    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableScopeHeaders.from_message(message)["x-stamp"] = "seen"
            await send(message)

        await next_app(scope, receive, stamped)


def out_of_ink(request: Request[Any, Any, Any], error: OutOfInkError) -> Response[dict[str, str]]:
    return Response({"ink": str(error)}, status_code=418)


async def shift(by: int = 0) -> int:
    if by < 0:
        raise ClientException("by is negative")
    return by


@post("/label", status_code=200, dependencies={"shifted": Provide(shift)})
async def label(data: list[Any], shifted: int) -> dict[str, int]:
    answer = await predict({"X": data})
    return {"label": int(answer["label"][0]) + shifted}


@get("/blank")
async def blank(state: State) -> dict[str, int]:
    return {"label": state.blank}


@get("/ink")
async def ink() -> None:
    raise OutOfInkError("none left")


@get("/fail")
async def fail() -> None:
    raise RuntimeError("secret words")


@get("/slow")
async def slow() -> None:
    await asyncio.sleep(3600)


app = Litestar(
    [label, blank, ink, fail, slow],
    lifespan=[lifespan],
    middleware=[Stamp()],
    exception_handlers={OutOfInkError: out_of_ink},
)


@post("/predict", status_code=200)
async def predicts() -> dict[str, str]:
    return {"predicted": "by the user"}


winning = Litestar([predicts])


def key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    if connection.headers.get("x-key") != "open":
        raise NotAuthorizedException("no key")


guarded = Litestar([], guards=[key], response_headers={"x-door": "open"})
prefixed = Litestar([label], path="/api")
