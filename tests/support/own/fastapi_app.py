"""Applications as users of FastAPI write them, for the tests of the runtime that extends them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from mlapi_runtime import predict

unrelated = {"no": "application"}


class OutOfInkError(Exception):
    pass


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    blank = await predict({"X": [[0] * 64]})
    yield {"blank": int(blank["label"][0])}


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def stamp(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await proceed(request)
    response.headers["x-stamp"] = "seen"
    return response


@app.exception_handler(OutOfInkError)
async def out_of_ink(request: Request, error: OutOfInkError) -> Response:
    return JSONResponse({"ink": str(error)}, status_code=418)


def shift(by: int = 0) -> int:
    if by < 0:
        raise HTTPException(400, "by is negative")
    return by


@app.post("/label")
async def label(pixels: list[Any], by: Annotated[int, Depends(shift)]) -> dict[str, int]:
    answer = await predict({"X": pixels})
    return {"label": int(answer["label"][0]) + by}


@app.get("/blank")
async def blank(request: Request) -> dict[str, int]:
    return {"label": request.state.blank}


@app.get("/ink")
async def ink() -> None:
    raise OutOfInkError("none left")


@app.get("/fail")
async def fail() -> None:
    raise RuntimeError("secret words")


@app.get("/slow")
async def slow() -> None:
    await asyncio.sleep(3600)


winning = FastAPI()


@winning.post("/predict")
async def predicts() -> dict[str, str]:
    return {"predicted": "by the user"}


async def key(response: Response, x_key: Annotated[str, Header()] = "") -> None:
    response.headers["x-door"] = "open"
    if x_key != "open":
        raise HTTPException(401, "no key")


guarded = FastAPI(dependencies=[Depends(key)])
