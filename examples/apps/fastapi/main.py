"""Reads digits that are drawn with characters, beside the model's own routes."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

from mlapi_runtime import predict

GREY = {" ": 0, ".": 5, "o": 11, "#": 16}


class Drawing(BaseModel):
    rows: Annotated[
        list[Annotated[str, Field(pattern="^[ .o#]{8}$")]],
        Field(min_length=8, max_length=8, examples=[["  .##.  "] * 8]),
    ]


class Digit(BaseModel):
    digit: int
    word: str
    confidence: float


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"words": json.loads((Path(__file__).parent / "words.json").read_text())}


app = FastAPI(title="Digits", lifespan=lifespan)


def words(request: Request, language: str = "en") -> list[str]:
    """The names of the digits in the language that the query asks for."""
    known: dict[str, list[str]] = request.state.words
    if language not in known:
        raise HTTPException(404, f"language {language} is unknown, known are {', '.join(known)}")
    return known[language]


@app.middleware("http")
async def timing(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    response = await proceed(request)
    response.headers["server-timing"] = f"app;dur={(time.perf_counter() - started) * 1000:.2f}"
    return response


@app.post("/read")
async def read(drawing: Drawing, words: Annotated[list[str], Depends(words)]) -> Digit:
    answer = await predict({"image": [[GREY[character] for row in drawing.rows for character in row]]})
    digit = int(answer["label"][0])
    return Digit(digit=digit, word=words[digit], confidence=float(answer["probabilities"][0, digit]))
