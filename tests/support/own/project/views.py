from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI

from mlapi_runtime import predict

api = NinjaAPI()


@api.get("/one")
def one(request: HttpRequest) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return {"one": cursor.fetchone()[0]}


@api.get("/blank")
def synchronous(request: HttpRequest) -> dict[str, int]:
    answer = async_to_sync(predict)({"X": [[0] * 64]})
    return {"label": int(answer["label"][0])}


async def blank(request: HttpRequest) -> HttpResponse:
    answer = await predict({"X": [[0] * int(request.GET.get("pixels", 64))]})
    return JsonResponse({"label": int(answer["label"][0])})


async def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret words")


def stamp(proceed: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """As most middlewares are: not written for async views."""

    def stamped(request: HttpRequest) -> Any:
        response = proceed(request)
        response["x-stamp"] = "seen"
        return response

    return stamped
