"""The short way for what most clients send: small JSON with the inputs, their values flat, and nothing else.

It refuses nothing: whatever is not known to be right is left to `Codec.decode`, which says what is wrong.
"""

import math
from typing import Any, Final, Generic, TypeVar

import msgspec
import numpy as np

from mlapi_runtime.oip.messages import UNREADABLE
from mlapi_runtime.oip.tensors import ELEMENTS
from mlapi_runtime.signature import Array, Signature

MAX_BYTES: Final = 4096  # in longer ones values cost more than steps, and must not be read twice
PAIRS: Final = 4  # of an input: its fields

Element = TypeVar("Element")


class Input(msgspec.Struct, Generic[Element], frozen=True, forbid_unknown_fields=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Element]


class Request(msgspec.Struct, Generic[Element], frozen=True, forbid_unknown_fields=True):
    inputs: list[Input[Element]]


class Plain:
    """Reads plain requests of one model.

    Args:
        signature: one whose inputs are all numbers, or all flags; else nothing is plain.
    """

    def __init__(self, signature: Signature) -> None:
        self._inputs = {tensor.name: (tensor, tensor.datatype, tensor.dtype) for tensor in signature.inputs}
        self._fitting: dict[str, list[int]] = {}  # the last to fit: mostly the next too
        kinds = {tensor.dtype.kind for tensor in signature.inputs}
        self._floats = kinds == {"f"}
        self._max_bytes = MAX_BYTES if len(kinds) == 1 and kinds != {"O"} else -1
        element: Any = ELEMENTS[kinds.pop()] if kinds else Any
        self._decode = msgspec.json.Decoder(Request[element]).decode

    def read(self, body: bytes | memoryview) -> dict[str, Array] | None:
        """Every input of the signature by name; None if the request is not plain, or not right."""
        if len(body) > self._max_bytes:
            return None
        text = bytes(body)
        arrays: dict[str, Array] = {}
        try:
            inputs = self._decode(text).inputs
            for given in inputs:
                name, shape = given.name, given.shape
                tensor, datatype, dtype = self._inputs[name]
                if given.datatype != datatype:
                    return None
                if shape != self._fitting.get(name):
                    if not tensor.fits(shape):
                        return None
                    self._fitting[name] = shape
                array = np.array(given.data, dtype)
                # A number beyond the datatype's range has become infinite, and so has its square.
                if self._floats and not math.isfinite(array.dot(array)):
                    return None
                arrays[name] = array.reshape(shape)
        except (*UNREADABLE, KeyError, ValueError, OverflowError):
            return None
        # More colons than fields: a key is there twice, or a name has one.
        if not len(arrays) == len(inputs) == len(self._inputs) or text.count(b":") != 1 + PAIRS * len(inputs):
            return None
        return arrays
