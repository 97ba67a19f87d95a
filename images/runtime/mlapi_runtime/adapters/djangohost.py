"""Django's ASGI handler below the guard, which watches the client and ends what is overdue."""

from contextlib import closing
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import set_script_prefix

from mlapi_runtime.answers import Answer, Receive, Scope, Send
from mlapi_runtime.errors import ServingError
from mlapi_runtime.problems import problem, unrouted


class Host(ASGIHandler):  # type: ignore[misc]
    """Adds a lifespan, and problem details for what no view of Ninja's answers.

    Args:
        databases: there may be some, so that each request ends in the thread of its views, as they need.
            Without, a request of `async` views stays on the event loop: the thread that Django starts for
            the end of each is most of what it costs.
    """

    def __init__(self, *, databases: bool) -> None:
        super().__init__()
        self._databases = databases
        if not databases:
            request_started.disconnect(reset_queries)
            request_started.disconnect(close_old_connections)
            request_finished.disconnect(close_old_connections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await super().__call__(scope, receive, send)
            return
        # Django has none: nothing is to be started, nor stopped.
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Django's own, without two more tasks: the guard cancels this one when the client leaves."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            set_script_prefix(get_script_prefix(scope))
            await request_started.asend(sender=type(self), scope=scope)
            request, response = self.create_request(scope, body)
            try:
                if request is not None:
                    response = await self.run_get_response(request)
                await self.send_response(response, send)
            finally:
                await self._finish(response)

    async def _finish(self, response: HttpResponse | None) -> None:
        if response is None:  # cancelled before there was one
            await request_finished.asend(sender=type(self))
        elif self._databases:
            await sync_to_async(response.close)()
        else:
            response.close()

    async def run_get_response(self, request: HttpRequest) -> HttpResponse:
        response = await super().run_get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            found = unrouted(request.method, request.path, 405, "Method Not Allowed", None)
            response.content = found.body
            for name, value in found.headers:
                response.headers[name.decode()] = value.decode()
        return response

    def process_exception_by_middleware(self, exception: Exception, request: HttpRequest) -> Any:
        response = super().process_exception_by_middleware(exception, request)
        if response is None and isinstance(exception, ServingError):
            return response_of(problem(exception))
        return response


def response_of(answer: Answer) -> HttpResponse:
    """The very answer, as Django has it."""
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return HttpResponse(answer.body, status=answer.status, headers=headers)
