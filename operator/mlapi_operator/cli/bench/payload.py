"""What is sent: one request in each of the forms that a route takes, made from the model's signature."""

import json
import math
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlapi_operator.cli.bench.record import Route

SEED: Final = 4
DIGITS: Final = 7  # after the point: an FP32 has no more
JSON_LENGTH: Final = "Inference-Header-Content-Length"
# Datatype -> code of struct; BYTES have none, their elements differ in length.
CODES: Final[Mapping[str, str]] = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """As of the Open Inference Protocol; -1 in `shape` is any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def sent_shape(self) -> tuple[int, ...]:
        return tuple(1 if length == -1 else length for length in self.shape)


@dataclass(frozen=True, slots=True)
class Payload:
    """`headers` beside those that every request has."""

    headers: Mapping[str, str]
    body: bytes


def values(tensor: Tensor, rng: random.Random) -> list[Any]:
    """Flat. Floats in [0, 1) with as many digits as clients send; zeros where a number may be a category."""
    count = math.prod(tensor.sent_shape)
    if tensor.datatype.startswith("FP"):
        return [round(rng.random(), DIGITS) for _ in range(count)]
    return [{"BOOL": False, "BYTES": ""}.get(tensor.datatype, 0)] * count


def payloads(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[Route, Payload]:
    """By route: `native`, `json`, `binary`; FP16 has no form in JSON, BYTES are left out of binary."""
    rng = random.Random(SEED)  # noqa: S311 - features, no secrets
    sent = [(tensor, values(tensor, rng)) for tensor in inputs]
    datatypes = {tensor.datatype for tensor in (*inputs, *outputs)}
    found: dict[Route, Payload] = {"native": native(sent)}
    if "FP16" not in datatypes:
        found["json"] = protocol_json(sent)
    if "BYTES" not in datatypes:
        found["binary"] = protocol_binary(sent)
    return found


Sent = Sequence[tuple[Tensor, list[Any]]]


def native(sent: Sent) -> Payload:
    """`{name: nested lists}`."""
    return Payload({}, _compact({tensor.name: nested(flat, tensor.sent_shape) for tensor, flat in sent}))


def protocol_json(sent: Sent) -> Payload:
    return Payload({}, _compact({"inputs": [{**_described(tensor), "data": flat} for tensor, flat in sent]}))


def protocol_binary(sent: Sent) -> Payload:
    """Binary tensors in both directions: little-endian, row-major, after the JSON."""
    raw = [struct.pack(f"<{len(flat)}{CODES[tensor.datatype]}", *flat) for tensor, flat in sent]
    head = _compact(
        {
            "inputs": [
                {**_described(tensor), "parameters": {"binary_data_size": len(data)}}
                for (tensor, _), data in zip(sent, raw, strict=True)
            ],
            "parameters": {"binary_data_output": True},
        }
    )
    headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(len(head))}
    return Payload(headers, b"".join((head, *raw)))


def nested(flat: Sequence[Any], shape: Sequence[int]) -> Any:
    """Row-major values as lists in lists; without dimensions the value itself."""
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return list(flat)
    step = math.prod(shape[1:])
    return [nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.sent_shape}


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
