"""Linear classifiers as ONNX files, made when they are measured: nothing binary is kept or shipped.

The few fields of the format that they need are written here: the onnx package, 100 times larger than this
file, is in no environment that serves. Source: onnx.proto3 of ONNX 1.16, protobuf's wire format.
"""

import random
import struct
from collections.abc import Iterable, Sequence
from typing import Final

IR_VERSION: Final = 8
OPSET: Final = 17
FLOAT: Final = 1  # TensorProto.DataType
SEED: Final = 4
FREE: Final = "n"


def classifier(shape: Sequence[int | str], classes: int) -> bytes:
    """`probabilities` FP32 [n, classes] = softmax(means * weights + bias), for `x` FP32 of `shape`.

    Args:
        shape: the rows, a number or the name of a free dimension; the features; for images also height and
            width, over which the means are taken. What is measured is the way to the model and back.
    """
    _, features, *plane = shape
    if not isinstance(features, int):
        raise ValueError(f"features: found {features!r}, wanted a number")
    rng = random.Random(SEED)  # noqa: S311 - weights, no secrets
    weights = [rng.uniform(-1, 1) for _ in range(features * classes)]
    bias = [rng.uniform(-1, 1) for _ in range(classes)]
    nodes = [
        *([_node("GlobalAveragePool", ["x"], "means"), _node("Flatten", ["means"], "row")] if plane else []),
        _node("Gemm", ["row" if plane else "x", "weights", "bias"], "scores"),
        _node("Softmax", ["scores"], "probabilities"),
    ]
    graph = b"".join(
        [
            *(_part(1, node) for node in nodes),
            _part(2, b"classifier"),
            _part(5, _initializer("weights", (features, classes), weights)),
            _part(5, _initializer("bias", (classes,), bias)),
            _part(11, _value("x", shape)),
            _part(12, _value("probabilities", (shape[0], classes))),
        ]
    )
    return _number(1, IR_VERSION) + _part(7, graph) + _part(8, _number(2, OPSET))


def _node(operator: str, inputs: Iterable[str], output: str) -> bytes:
    names = b"".join(_part(1, name.encode()) for name in inputs)
    return names + _part(2, output.encode()) + _part(4, operator.encode())


def _initializer(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    lengths = b"".join(_number(1, length) for length in shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    return lengths + _number(2, FLOAT) + _part(8, name.encode()) + _part(9, raw)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    dimensions = b"".join(
        _part(1, _number(1, length) if isinstance(length, int) else _part(2, length.encode()))
        for length in shape
    )
    tensor = _number(1, FLOAT) + _part(2, dimensions)
    return _part(1, name.encode()) + _part(2, _part(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last with the high bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))
