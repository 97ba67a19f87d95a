"""The protocol's routes, in front of whatever framework is the host: the same bytes from every image."""

import time

import msgspec

from mlapi_runtime import __version__
from mlapi_runtime.answers import Answer, App, Receive, Scope, Send, answer
from mlapi_runtime.answers import oip as shaped
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import BadInput, NotFound, ServingError, WrongMethod
from mlapi_runtime.exchange import KEY
from mlapi_runtime.oip import Codec
from mlapi_runtime.smoke import Smoke

SMOKE_PATH = "/_mlapi/smoke"
BINARY_HEADER = b"inference-header-content-length"


def infer_paths(name: str) -> tuple[str, str]:
    """Paths that run the model `name`."""
    return f"/v2/models/{name}/infer", f"/v2/models/{name}/versions/{VERSION}/infer"


def health_paths(name: str) -> tuple[str, ...]:
    """Paths that tell the health of the server or the model `name`."""
    model = f"/v2/models/{name}"
    return "/v2/health/live", "/v2/health/ready", f"{model}/ready", f"{model}/versions/{VERSION}/ready"


class FastPath:
    """Answers `/v2` and the smoke test; the rest is the framework's."""

    def __init__(self, app: App, engine: Engine, smoke: Smoke) -> None:
        self._app = app
        self._engine = engine
        self._codec = Codec(engine.name, VERSION, engine.platform, engine.signature)
        self._smoke = smoke
        self._infer_paths = frozenset(infer_paths(engine.name))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in self._infer_paths:
            try:
                body = await self._infer(scope)
            except ServingError as error:
                await shaped(error).send(send)
            else:
                await answer(200, body).send(send)
        elif path == "/v2" or path.startswith("/v2/"):
            try:
                found = self._described(path, scope["method"])
            except ServingError as error:
                found = shaped(error)
            await found.send(send)
        elif path == SMOKE_PATH:
            await (await self._smoke_test(scope["method"])).send(send)
        else:
            await self._app(scope, receive, send)

    async def _infer(self, scope: Scope) -> bytes:
        _allow(scope["method"], "POST")
        for header, _ in scope["headers"]:
            if header == BINARY_HEADER:
                raise BadInput.at(BINARY_HEADER.decode(), "binary tensors", "JSON data alone")
        exchange = scope[KEY]
        infer = self._codec.decode(exchange.body)
        exchange.deadline = min(exchange.deadline, time.monotonic() + infer.timeout_seconds)
        return self._codec.encode(infer, await self._engine.predict(infer.inputs, exchange.deadline))

    def _described(self, path: str, method: str) -> Answer:
        """Server, health and model metadata."""
        engine = self._engine
        match path.split("/")[2:]:
            case []:
                found: object = {"name": "mlapi", "version": __version__, "extensions": []}
            case ["health", "live"]:
                found = {"live": True}
            case ["health", "ready"]:
                found = {"ready": True}  # a worker listens only once its model is warm
            case ["models", name, *rest]:
                if name != engine.name:
                    raise NotFound(f"model {name} is not served here, {engine.name} is")
                if rest[:1] == ["versions"]:
                    if rest[1:2] != [VERSION]:
                        raise NotFound(
                            f"model {name} has version {VERSION} alone, found {'/'.join(rest[1:2])}"
                        )
                    rest = rest[2:]
                if rest == ["ready"]:
                    found = {"name": name, "ready": True}
                elif rest == []:
                    found = msgspec.Raw(self._codec.metadata())
                else:
                    raise NotFound(f"{path} is no route of the Open Inference Protocol that is served here")
            case _:
                raise NotFound(f"{path} is no route of the Open Inference Protocol that is served here")
        _allow(method, "GET")
        return answer(200, msgspec.json.encode(found))

    async def _smoke_test(self, method: str) -> Answer:
        try:
            _allow(method, "GET")
        except WrongMethod as error:
            return shaped(error)
        failure = await self._smoke.run()
        if failure:
            return answer(503, msgspec.json.encode({"status": "fail", "message": failure}))
        return answer(200, b'{"status":"pass"}')


def _allow(found: str, wanted: str) -> None:
    if found != wanted:
        raise WrongMethod(f"{found} is not allowed here, {wanted} is", wanted)
