"""In front of whatever framework is the host: the protocol's routes, and what holds for native ones."""

from collections.abc import Awaitable

from mlapi_runtime.answers import App, Receive, Scope, Send, problem
from mlapi_runtime.errors import ServingError
from mlapi_runtime.exchange import KEY
from mlapi_runtime.native import Native
from mlapi_runtime.protocol import Protocol
from mlapi_runtime.smoke import PREDICT_PATH


class FastPath:
    """Answers `/v2` and refuses what is no JSON; the rest is the framework's.

    Args:
        protocol: None when the framework routes `/v2` itself.
        native: None when the user's own application has the route `POST /predict`.
    """

    def __init__(self, app: App, protocol: Protocol | None, native: Native | None) -> None:
        self._app = app
        self._protocol = protocol
        self._native = native

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        path: str = scope["path"]
        if self._protocol is not None and self._protocol.owns(path):
            return self._protocol_answer(self._protocol, path, scope, send)
        if self._native is not None and path == PREDICT_PATH and scope["method"] == "POST":
            try:
                self._native.check(scope["headers"], scope[KEY].body)
            except ServingError as error:
                return problem(error).send(send)
        return self._app(scope, receive, send)

    async def _protocol_answer(self, protocol: Protocol, path: str, scope: Scope, send: Send) -> None:
        answer = await protocol.answer(scope["method"], path, scope["headers"], scope.get(KEY))
        await answer.send(send)
