"""Reads digits that are drawn with characters, beside the model's own routes."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from litestar import Litestar, post
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.middleware import ASGIMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Meta, Struct

from mlapi_runtime import predict

GREY = {" ": 0, ".": 5, "o": 11, "#": 16}


class Drawing(Struct):
    rows: Annotated[
        list[Annotated[str, Meta(pattern="^[ .o#]{8}$")]],
        Meta(min_length=8, max_length=8, examples=[["  .##.  "] * 8]),
    ]


class Digit(Struct):
    digit: int
    word: str
    confidence: float


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    app.state.words = json.loads((Path(__file__).parent / "words.json").read_text())
    yield


async def words(state: State, language: str = "en") -> list[str]:
    """The names of the digits in the language that the query asks for."""
    known: dict[str, list[str]] = state.words
    if language not in known:
        raise NotFoundException(f"language {language} is unknown, known are {', '.join(known)}")
    return known[language]


class Timing(ASGIMiddleware):
    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        started = time.perf_counter()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                duration = (time.perf_counter() - started) * 1000
                MutableScopeHeaders.from_message(message)["server-timing"] = f"app;dur={duration:.2f}"
            await send(message)

        await next_app(scope, receive, stamped)


@post("/read", status_code=200, dependencies={"words": Provide(words)})
async def read(data: Drawing, words: list[str]) -> Digit:
    answer = await predict({"image": [[GREY[character] for row in data.rows for character in row]]})
    digit = int(answer["label"][0])
    return Digit(digit, words[digit], float(answer["probabilities"][0, digit]))


app = Litestar(
    [read],
    middleware=[Timing()],
    lifespan=[lifespan],
    openapi_config=OpenAPIConfig(title="Digits", version="1", path="/docs"),
)
