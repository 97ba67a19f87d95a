"""Bodies of FastAPI's native route: read at once, and refused in the words of every framework here."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from mlapi_runtime import problems
from mlapi_runtime.errors import ServingError
from mlapi_runtime.signature import Signature


class _Body(Request):
    """A request whose body is read by the one JSON parser of all frameworks; NaN is no JSON to it."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            # The guard holds it whole; Starlette's stream of pieces costs more than the parser.
            body, more = b"", True
            while more:
                message = await self.receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            self._body = body
        return self._body

    async def json(self) -> Any:
        return problems.decoded(await self.body())


def checked(signature: Signature) -> type[APIRoute]:
    """The class of routes that check against a signature."""

    class Checked(APIRoute):
        """A route that says what is wrong with a body as every framework here says it."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handler(request: Request) -> Response:
                request = _Body(request.scope, request.receive)
                try:
                    return await handle(request)
                except RequestValidationError as error:
                    places = [entry["loc"][1:] for entry in error.errors()]
                    raise problems.misfit(await request.json(), places, signature, str(error)) from error
                except HTTPException as error:
                    if isinstance(error.__cause__, ServingError):  # of `_Body.json`, wrapped
                        raise error.__cause__ from None
                    raise

            return handler

    return Checked
