import time
from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

View = Callable[[HttpRequest], Awaitable[HttpResponse]]


@async_only_middleware
def timing(proceed: View) -> View:
    async def timed(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = await proceed(request)
        response["server-timing"] = f"app;dur={(time.perf_counter() - started) * 1000:.2f}"
        return response

    return timed
