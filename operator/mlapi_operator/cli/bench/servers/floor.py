"""The floor: the least that a server of this model can do. Raw ASGI, msgspec, the model called in place.

Its JSON is decoded into types. Nothing is checked that the model does not need, nothing counted or limited.
`GET /signature` tells the benchmark what to send.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec
import numpy as np
from model import INPUTS, NAME, OUTPUTS, annotation, element, predict
from uvicorn_worker import UvicornWorker

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = tuple[bytes, list[tuple[bytes, bytes]]]

PREDICT: Final = "/predict"
INFER: Final = f"/v2/models/{NAME}/infer"
JSON_LENGTH: Final = b"inference-header-content-length"
JSON: Final = [(b"content-type", b"application/json")]
DTYPES: Final = {tensor.name: tensor.dtype for tensor in INPUTS}
DATATYPES: Final = {tensor.name: tensor.datatype for tensor in OUTPUTS}
ELEMENTS: Final = {element(tensor) for tensor in INPUTS}
Element: Any = ELEMENTS.pop() if len(ELEMENTS) == 1 else Any


class Worker(UvicornWorker):  # type: ignore[misc]
    """As the serving runtime's own worker is set up."""

    CONFIG_KWARGS = {  # noqa: RUF012 - as UvicornWorker declares it
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "off",
        "interface": "asgi3",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
    }


class Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Element] = []
    parameters: dict[str, Any] = {}


class Infer(msgspec.Struct):
    inputs: list[Input]
    parameters: dict[str, Any] = {}


Native: Final = msgspec.defstruct(
    "Native",
    [(f"tensor_{i}", annotation(tensor)) for i, tensor in enumerate(INPUTS)],
    rename={f"tensor_{i}": tensor.name for i, tensor in enumerate(INPUTS)},
)
decode_native: Final = msgspec.json.Decoder(Native).decode
decode_infer: Final = msgspec.json.Decoder(Infer).decode
encode: Final = msgspec.json.Encoder().encode


async def app(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    message = await receive()
    body = message["body"]
    if message["more_body"]:
        parts = [body]
        while message["more_body"]:
            message = await receive()
            parts.append(message["body"])
        body = b"".join(parts)
    body, headers = answer(scope, body)
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def answer(scope: Mapping[str, Any], body: bytes) -> Answer:
    path = scope["path"]
    if path == INFER:
        length = next((value for name, value in scope["headers"] if name == JSON_LENGTH), None)
        return infer_json(body) if length is None else infer_binary(body, int(length))
    if path == PREDICT:
        return predict_native(body)
    return signature()


def predict_native(body: bytes) -> Answer:
    request = decode_native(body)
    outputs = predict({tensor.name: getattr(request, f"tensor_{i}") for i, tensor in enumerate(INPUTS)})
    return encode({name: array.tolist() for name, array in outputs.items()}), JSON


def infer_json(body: bytes) -> Answer:
    outputs = predict(
        {
            each.name: np.array(each.data, DTYPES[each.name]).reshape(each.shape)
            for each in decode_infer(body).inputs
        }
    )
    return encode(
        {
            "model_name": NAME,
            "outputs": [
                {
                    "name": name,
                    "datatype": DATATYPES[name],
                    "shape": array.shape,
                    "data": array.ravel().tolist(),
                }
                for name, array in outputs.items()
            ],
        }
    ), JSON


def infer_binary(body: bytes, length: int) -> Answer:
    view = memoryview(body)
    inputs = {}
    start = length
    for each in decode_infer(view[:length]).inputs:
        end = start + each.parameters["binary_data_size"]
        inputs[each.name] = np.frombuffer(view[start:end], DTYPES[each.name]).reshape(each.shape)
        start = end
    outputs = predict(inputs)
    raw = [array.tobytes() for array in outputs.values()]
    head = encode(
        {
            "model_name": NAME,
            "outputs": [
                {
                    "name": name,
                    "datatype": DATATYPES[name],
                    "shape": array.shape,
                    "parameters": {"binary_data_size": array.nbytes},
                }
                for name, array in outputs.items()
            ],
        }
    )
    headers = [(b"content-type", b"application/octet-stream"), (JSON_LENGTH, b"%d" % len(head))]
    return b"".join((head, *raw)), headers


def signature() -> Answer:
    sides = {"inputs": INPUTS, "outputs": OUTPUTS}
    return encode(
        {
            side: [
                {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
                for tensor in tensors
            ]
            for side, tensors in sides.items()
        }
    ), JSON
