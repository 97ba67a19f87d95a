"""The whole of `/v2`, the Open Inference Protocol, for any host: the same bytes from all of them."""

import logging
import math
import time
from typing import Any, Final

import msgspec
import numpy as np

from mlapi_runtime import __version__
from mlapi_runtime.answers import Answer, Headers, answer
from mlapi_runtime.answers import oip as shaped
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import LoadError, NotFound, ServingError, WrongMethod
from mlapi_runtime.exchange import Exchange
from mlapi_runtime.oip import BINARY_HEADER, EXTENSIONS, Codec, header_length
from mlapi_runtime.signature import DTYPES, Array

ROOT: Final = "/v2"

log = logging.getLogger("uvicorn.error")


def infer_paths(name: str) -> tuple[str, str]:
    """Paths that run the model `name`."""
    return f"/v2/models/{name}/infer", f"/v2/models/{name}/versions/{VERSION}/infer"


def health_paths(name: str) -> tuple[str, ...]:
    """Paths that tell the health of the server or the model `name`."""
    model = f"/v2/models/{name}"
    return "/v2/health/live", "/v2/health/ready", f"{model}/ready", f"{model}/versions/{VERSION}/ready"


class Protocol:
    """Answers what is asked of one model; called in front of the framework, or from its routes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._codec = Codec(engine.name, VERSION, engine.platform, engine.signature)
        self._infer_paths = frozenset(infer_paths(engine.name))

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is the protocol's."""
        return path.startswith("/v2/") or path == ROOT

    async def answer(self, method: str, path: str, headers: Headers, exchange: Exchange | None) -> Answer:
        """The answer, whatever was asked; errors too are in the protocol's own shape.

        Args:
            path: one that `owns` holds for.
            headers: of the request, names in lower case.
            exchange: has the body, and takes the client's own deadline; None for what is not counted.
        """
        try:
            if path in self._infer_paths:
                _allow(method, "POST")
                if exchange is None:
                    raise NotFound(f"{path} was asked for by a way round what counts and limits requests")
                infer = self._codec.decode(exchange.body or b"", header_length(headers))
                if infer.timeout_seconds < math.inf:
                    exchange.deadline = min(exchange.deadline, time.monotonic() + infer.timeout_seconds)
                outputs = await self._engine.predict(infer.inputs, exchange.deadline)
                body, length = self._codec.encode(infer, outputs)
                if length is None:
                    return answer(200, body)
                return answer(200, body, "application/octet-stream", [(BINARY_HEADER, b"%d" % length)])
            return answer(200, self._described(path, method))
        except ServingError as error:
            return shaped(error)
        except Exception as error:
            # Said here and not left to the host: a framework would answer in a shape of its own.
            log.exception("request failed: %s %s", method, path)
            return shaped(ServingError.hidden(error))

    def example(self) -> bytes:
        """An infer request with the model's example, in JSON.

        Raises:
            LoadError: it has values that no tensor holds.
        """
        inputs = [_tensor(name, np.asarray(value)) for name, value in self._engine.example.items()]
        return msgspec.json.encode({"inputs": inputs})

    def _described(self, path: str, method: str) -> bytes:
        """Server, health and model metadata."""
        engine = self._engine
        match path.split("/")[2:]:
            case [] | [""]:  # the protocol's text has it without a slash, its OpenAPI document with one
                found: object = {"name": "mlapi", "version": __version__, "extensions": EXTENSIONS}
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
        return msgspec.json.encode(found)


def _tensor(name: str, array: Array) -> dict[str, Any]:
    dtype = np.dtype(np.object_) if array.dtype.kind == "U" else array.dtype
    datatype = next((name for name, known in DTYPES.items() if known == dtype), None)
    flat = array.ravel().tolist()
    if datatype is None or (datatype == "BYTES" and not all(isinstance(value, str) for value in flat)):
        raise LoadError(f"example: {name} is no tensor, which the Open Inference Protocol alone can carry")
    return {"name": name, "datatype": datatype, "shape": array.shape, "data": flat}


def _allow(found: str, wanted: str) -> None:
    if found != wanted:
        raise WrongMethod(f"{found} is not allowed here, {wanted} is", wanted)
