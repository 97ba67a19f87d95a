"""Bodies of Litestar's native route: read at once and strictly, answered encoded."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import NotFoundException
from litestar.types import Empty, Receive

from mlapi_runtime import problems
from mlapi_runtime.answers import answer
from mlapi_runtime.signature import Signature
from mlapi_runtime.smoke import PREDICT_PATH


def asked_path(scope: Any) -> str:
    """The path that was asked for: Litestar's own has no slash at its end and none twice."""
    return unquote(scope["raw_path"].decode("ascii"))


class Encoded(Response[bytes]):
    """An answer in JSON. Litestar's own is given its headers one by one, at the cost of a small model."""

    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **options: Any) -> Any:
        added = (self.headers, self.cookies, self.background, self.media_type, self.status_code)
        declared = (options.get("headers"), options.get("cookies"), options.get("background"))
        if any(added) or any(declared):  # by hooks, or layers, of the user's own application
            return super().to_asgi_response(app, request, **options)
        found = answer(200, self.content)

        async def send_whole(scope: Any, receive: Receive, send: Any) -> None:
            await found.send(send)

        return send_whole


def reader(decode: Callable[[bytes], Any], signature: Signature) -> type[Request[Any, Any, Any]]:
    """The class of requests whose body `decode` makes a struct of."""

    class Reader(Request[Any, Any, Any]):
        """A request whose body is decoded straight into the struct, and strictly: "1" is no number."""

        async def body(self) -> bytes:
            # Other spellings of the path have not passed our guard. No guard of Litestar's tells: where there
            # is any, the handler is copied with every request.
            if asked_path(self.scope) != PREDICT_PATH:
                raise NotFoundException
            state = self._connection_state
            if state.body is Empty:  # else a middleware has read it
                # The guard has checked its length and holds it whole; Litestar's stream would check it again.
                body, more = b"", True
                while more:
                    message: Any = await self.receive()
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                state.body = body
            return state.body or problems.decoded(b"")  # which says that it is empty

        async def json(self) -> Any:
            body = await self.body()
            try:
                return decode(body)
            except msgspec.ValidationError as error:
                place = problems.place_of(error, signature)
                raise problems.misfit(problems.decoded(body), [place], signature, str(error)) from error
            except problems.UNREADABLE as error:
                raise problems.unread(error) from error

    return Reader
