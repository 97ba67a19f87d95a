"""Reads digits that are drawn with characters, beside the model's own routes."""

import json
from pathlib import Path
from typing import Annotated

from django.http import HttpRequest
from ninja import Field, NinjaAPI, Schema
from ninja.errors import HttpError

from mlapi_runtime import predict

GREY = {" ": 0, ".": 5, "o": 11, "#": 16}
WORDS: dict[str, list[str]] = json.loads((Path(__file__).parent / "words.json").read_text())


class Drawing(Schema):
    rows: Annotated[
        list[Annotated[str, Field(pattern="^[ .o#]{8}$")]],
        Field(min_length=8, max_length=8, examples=[["  .##.  "] * 8]),
    ]


class Digit(Schema):
    digit: int
    word: str
    confidence: float


api = NinjaAPI(title="Digits")


@api.post("/read", response=Digit)
async def read(request: HttpRequest, drawing: Drawing, language: str = "en") -> Digit:
    if language not in WORDS:
        raise HttpError(404, f"language {language} is unknown, known are {', '.join(WORDS)}")
    answer = await predict({"image": [[GREY[character] for row in drawing.rows for character in row]]})
    digit = int(answer["label"][0])
    confidence = float(answer["probabilities"][0, digit])
    return Digit(digit=digit, word=WORDS[language][digit], confidence=confidence)
