"""Applications as users of Django Ninja write them, for the tests of the runtime that extends them."""

import asyncio
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Body, NinjaAPI
from ninja.errors import HttpError
from ninja.security import APIKeyHeader

from mlapi_runtime import predict

unrelated = {"no": "application"}


class OutOfInkError(Exception):
    pass


app = NinjaAPI()


@app.exception_handler(OutOfInkError)
def out_of_ink(request: HttpRequest, error: Any) -> HttpResponse:
    return app.create_response(request, {"ink": str(error)}, status=418)


@app.post("/label")
async def label(request: HttpRequest, pixels: Body[list[Any]], by: int = 0) -> dict[str, int]:
    if by < 0:
        raise HttpError(400, "by is negative")
    answer = await predict({"X": pixels})
    return {"label": int(answer["label"][0]) + by}


@app.get("/ink")
async def ink(request: HttpRequest) -> None:
    raise OutOfInkError("none left")


@app.get("/fail")
async def fail(request: HttpRequest) -> None:
    raise RuntimeError("secret words")


@app.get("/slow")
async def slow(request: HttpRequest) -> None:
    await asyncio.sleep(3600)


winning = NinjaAPI(urls_namespace="winning")


@winning.post("/predict")
async def predicts(request: HttpRequest) -> dict[str, str]:
    return {"predicted": "by the user"}


class Key(APIKeyHeader):
    param_name = "X-Key"

    def authenticate(self, request: HttpRequest, key: str | None) -> bool:
        return key == "open"


guarded = NinjaAPI(urls_namespace="guarded", auth=Key())
