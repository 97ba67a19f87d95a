"""Open Inference Protocol v2, JSON: bytes to tensors and back, without I/O.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from mlapi_runtime.errors import BadInput
from mlapi_runtime.signature import Array, Signature, Tensor, Tensors, wanted_shape


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Input(_Strict, frozen=True):
    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw | UnsetType = UNSET
    parameters: dict[str, Any] = {}


class _Output(_Strict, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class _Request(_Strict, frozen=True):
    inputs: list[_Input]
    id: str | UnsetType = UNSET
    parameters: dict[str, Any] = {}
    outputs: list[_Output] = []


class _Tensor(msgspec.Struct, frozen=True):
    name: str
    datatype: str
    shape: Sequence[int]
    data: list[Any]


class _Response(msgspec.Struct, frozen=True):
    model_name: str
    model_version: str
    outputs: list[_Tensor]
    id: str | UnsetType = UNSET


class Infer(msgspec.Struct, frozen=True):
    """A request that fits the signature. `timeout_seconds`: asked for by the client, infinite if not."""

    inputs: Tensors
    outputs: Sequence[Tensor]
    id: str | UnsetType
    timeout_seconds: float


_decode_request = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.Encoder().encode

_ELEMENT: Final[dict[str, type]] = {"b": bool, "i": int, "u": int, "f": float, "O": str}
_FLAT: Final[dict[str, Callable[[msgspec.Raw], Any]]] = {
    kind: msgspec.json.Decoder(list[element]).decode  # type: ignore[valid-type]
    for kind, element in _ELEMENT.items()
}
warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)  # answered as an error, see _finite
_NO_BINARY: Final = "JSON data: binary tensors are not served"


class Codec:
    """Reads and writes the messages of one model."""

    def __init__(self, name: str, version: str, platform: str, signature: Signature) -> None:
        self._name = name
        self._version = version
        self._platform = platform
        self._signature = signature
        self._inputs = {tensor.name: tensor for tensor in signature.inputs}
        self._outputs = {tensor.name: tensor for tensor in signature.outputs}

    def decode(self, body: bytes) -> Infer:
        """Reads an infer request.

        Raises:
            BadInput: it is malformed, or does not fit the signature; names the field.
        """
        try:
            request = _decode_request(body)
        except msgspec.DecodeError as error:
            raise BadInput(str(error)) from error
        tensors: dict[str, Array] = {}
        for i, given in enumerate(request.inputs):
            tensor = self._inputs.get(given.name)
            if tensor is None or given.name in tensors:
                wanted = f"each of {', '.join(self._inputs)} once"
                raise BadInput.at(f"inputs[{i}].name", given.name, wanted)
            tensors[given.name] = _array(f"inputs[{i}]", given, tensor)
        if len(tensors) < len(self._inputs):
            missing = ", ".join(name for name in self._inputs if name not in tensors)
            raise BadInput.at(
                "inputs", ", ".join(tensors) or "none", f"{missing} too: the model needs every input"
            )
        if request.parameters.get("binary_data_output"):
            raise BadInput.at("parameters.binary_data_output", "true", _NO_BINARY)
        return Infer(
            tensors,
            self._selected(request.outputs) if request.outputs else self._signature.outputs,
            request.id,
            _timeout_seconds(request.parameters),
        )

    def encode(self, infer: Infer, outputs: Tensors) -> bytes:
        """The answer to `infer`; data flat, row-major. What JSON cannot say (NaN, infinite) is null."""
        tensors = []
        for tensor in infer.outputs:
            array = outputs[tensor.name]
            tensors.append(_Tensor(tensor.name, tensor.datatype, array.shape, array.ravel().tolist()))
        return _encode(_Response(self._name, self._version, tensors, infer.id))

    def metadata(self) -> bytes:
        """Name, versions and signature."""
        return _encode(
            {
                "name": self._name,
                "versions": [self._version],
                "platform": self._platform,
                "inputs": [_described(tensor) for tensor in self._signature.inputs],
                "outputs": [_described(tensor) for tensor in self._signature.outputs],
            }
        )

    def _selected(self, asked: Sequence[_Output]) -> list[Tensor]:
        selected = []
        for i, output in enumerate(asked):
            if output.name not in self._outputs:
                raise BadInput.at(f"outputs[{i}].name", output.name, f"one of {', '.join(self._outputs)}")
            if output.parameters.get("binary_data"):
                raise BadInput.at(f"outputs[{i}].parameters.binary_data", "true", _NO_BINARY)
            selected.append(self._outputs[output.name])
        return selected


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}


def _array(path: str, given: _Input, tensor: Tensor) -> Array:
    shape = tuple(given.shape)
    if given.datatype != tensor.datatype:
        raise BadInput.at(f"{path}.datatype", given.datatype, tensor.datatype)
    if not tensor.fits(shape):
        raise BadInput.at(f"{path}.shape", list(shape), wanted_shape(tensor))
    if isinstance(given.data, UnsetType):
        if "binary_data_size" in given.parameters:
            raise BadInput.at(f"{path}.parameters.binary_data_size", "binary data", _NO_BINARY)
        raise BadInput.at(f"{path}.data", "nothing", f"{math.prod(shape)} values")
    array = _values(f"{path}.data", given.data, tensor)
    if array.ndim == 1:
        if array.size != math.prod(shape):
            raise BadInput.at(
                f"{path}.data", f"{array.size} values", f"{math.prod(shape)} for shape {list(shape)}"
            )
        return array.reshape(shape)
    if array.shape != shape:
        raise BadInput.at(f"{path}.data", f"nested as {list(array.shape)}", f"shape {list(shape)}, or flat")
    return array


def _values(path: str, data: msgspec.Raw, tensor: Tensor) -> Array:
    element = _ELEMENT[tensor.dtype.kind]
    try:
        if bytes(memoryview(data)[:16]).lstrip()[1:].lstrip()[:1] == b"[":
            nested: Any = element
            for _ in tensor.shape:
                nested = list[nested]
            values = msgspec.json.decode(data, type=nested)
        else:
            values = _FLAT[tensor.dtype.kind](data)
        array = np.array(values, dtype=tensor.dtype)
    except msgspec.DecodeError as error:
        raise BadInput.at(path, _relative(error), f"{tensor.datatype} values") from error
    except (OverflowError, ValueError) as error:
        raise BadInput.at(path, error, f"{tensor.datatype} values, rows of equal length") from error
    # An integer that the datatype cannot hold has raised above; a float became infinite.
    if tensor.dtype.kind == "f" and not _finite(array):
        raise BadInput.at(path, "a number out of range", f"{tensor.datatype} values")
    return array


def _finite(array: Array) -> bool:
    # The sum of finite numbers may overflow, but that of others is never finite; and it is quick.
    return math.isfinite(np.add.reduce(array, axis=None)) or bool(np.isfinite(array).all())


def _relative(error: msgspec.DecodeError) -> str:
    return str(error).replace("`$", "`data")


def _timeout_seconds(parameters: dict[str, Any]) -> float:
    """`parameters.timeout`, microseconds as Triton has it."""
    timeout = parameters.get("timeout")
    if timeout is None:
        return math.inf
    if type(timeout) is not int or timeout < 1:
        raise BadInput.at("parameters.timeout", timeout, "microseconds, an integer of at least 1")
    return timeout / 1e6
