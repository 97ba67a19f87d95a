"""Django's ASGI handler below the guard, which watches the client and ends what is overdue."""

from contextlib import closing
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import set_script_prefix

from mlapi_runtime.answers import Answer, Receive, Scope, Send
from mlapi_runtime.errors import ServingError
from mlapi_runtime.problems import problem, unrouted

NONE: Final = "django.db.backends.dummy"  # what Django has where settings name no database


class Host(ASGIHandler):  # type: ignore[misc]
    """Adds a lifespan, and problem details for what no view of Ninja's answers.

    With a database each request ends in the thread of its views, as connections need it. Without, one of
    `async` views stays on the event loop: starting that thread is most of what a request costs in Django.
    """

    def __init__(self) -> None:
        super().__init__()
        self._databases = any(database["ENGINE"] != NONE for database in connections.settings.values())
        if not self._databases:
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
