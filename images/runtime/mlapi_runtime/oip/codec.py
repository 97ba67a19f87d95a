"""The messages of one model: an infer request to tensors that fit its signature, outputs to the answer."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from mlapi_runtime.errors import BadInput, ModelFailed
from mlapi_runtime.jsonkeys import check_unique
from mlapi_runtime.oip import tensors
from mlapi_runtime.oip.header import FIELD
from mlapi_runtime.oip.messages import (
    UNREADABLE,
    Input,
    Output,
    Parameters,
    Request,
    Response,
    Written,
    malformed,
    shown,
)
from mlapi_runtime.oip.plain import Plain
from mlapi_runtime.signature import DTYPES, Array, Signature, Tensor, Tensors, Values, wanted_shape

MAX_DIMENSIONS: Final = 64  # of an array in numpy
MAX_TIMEOUT_MICROSECONDS: Final = 2**63
# Parameters of outputs that ask for an answer in a form of other extensions of the protocol.
REFUSED: Final = ("classification", "shared_memory_region")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Request[msgspec.Raw]).decode


class Asked(NamedTuple):
    """An output that the client wants. `datatype`: None until an untyped model has answered."""

    name: str
    datatype: str | None
    binary: bool


class Infer(msgspec.Struct, frozen=True):
    """A request that fits the signature.

    Attributes:
        outputs: those that are wanted; empty for all of an untyped model.
        timeout_seconds: asked for by the client, infinite if not.
        binary: the form of outputs that were not asked for by name.
    """

    inputs: Tensors
    outputs: Sequence[Asked]
    id: str | UnsetType
    timeout_seconds: float
    binary: bool


class Codec:
    """Reads and writes the messages of one model.

    Args:
        signature: an untyped one takes tensors of any name, datatype and shape; outputs are what they are.
    """

    def __init__(self, name: str, version: str, platform: str, signature: Signature) -> None:
        self._name = name
        self._version = version
        self._platform = platform
        self._signature = signature
        self._inputs = {tensor.name: tensor for tensor in signature.inputs}
        self._outputs = {tensor.name: tensor.datatype for tensor in signature.outputs}
        self._all_outputs = {
            binary: tuple(Asked(name, datatype, binary) for name, datatype in self._outputs.items())
            for binary in (False, True)
        }
        plain = all(datatype != "BYTES" for datatype in self._outputs.values())
        self._plain_outputs = tuple(self._outputs.items()) if plain else ()
        self._fitting: dict[str, list[int]] = {}  # the last to fit: mostly the next too
        forms = {(tensor.dtype.kind, len(tensor.shape)) for tensor in signature.inputs}
        self._quick = _quick(*forms.pop()) if len(forms) == 1 else ()
        self._plain = Plain(signature)

    def decode(self, body: bytes | memoryview, header_length: int | None = None) -> Infer:
        """Reads an infer request.

        Args:
            body: binary tensors are views of it.
            header_length: bytes of JSON at its beginning, see `oip.header_length`; None when it is all JSON.
        Raises:
            BadInput: it is malformed, or does not fit the signature; names the field.
        """
        if header_length is None:
            if (plain := self._plain.read(body)) is not None:
                return Infer(plain, self._all_outputs[False], UNSET, math.inf, False)
            text = bytes(body)
        else:
            if header_length > len(body):
                raise BadInput.at(FIELD, header_length, f"at most {len(body)}, the length of the body")
            text = bytes(body[:header_length])
        request = self._read(text, header_length)
        _check_keys(request, text)

        arrays: dict[str, Array] = {}
        offset = len(text)
        for i, given in enumerate(request.inputs):
            path = f"inputs[{i}]"
            if given.name in arrays or (self._inputs and given.name not in self._inputs):
                wanted = f"each of {', '.join(self._inputs)} once" if self._inputs else "each name once"
                raise BadInput.at(f"{path}.name", shown(given.name), wanted)
            self._check(path, given)
            size = None if given.parameters is None else given.parameters.get("binary_data_size")
            if size is None:
                arrays[given.name] = _from_json(path, given)
            else:
                _check_size(path, given, size, None if header_length is None else len(body) - offset)
                arrays[given.name] = tensors.from_binary(
                    path, body, offset, size, given.datatype, given.shape
                )
                offset += size
        if len(arrays) < len(self._inputs):
            missing = ", ".join(name for name in self._inputs if name not in arrays)
            raise BadInput.at(
                "inputs", ", ".join(arrays) or "none", f"{missing} too: the model needs every input"
            )
        if offset < len(body):
            raise BadInput.at("body", f"{len(body) - offset} bytes behind the last tensor", "none")

        binary, timeout_seconds = False, math.inf
        if request.parameters:
            field = "binary_data_output"
            binary = _flag(f"parameters.{field}", request.parameters.get(field, False))
            timeout_seconds = _timeout_seconds(request.parameters)
        return Infer(
            arrays,
            self._selected(request.outputs, binary) if request.outputs else self._all_outputs[binary],
            UNSET if request.id is None else request.id,
            timeout_seconds,
            binary,
        )

    def encode(self, infer: Infer, outputs: Values) -> tuple[bytes, int | None]:
        """The answer to `infer`.

        Args:
            outputs: of the model, by name; arrays, of an untyped signature also what becomes one.
        Returns:
            The body, and how many bytes of it are JSON when binary tensors follow; None when it is all JSON.
        Raises:
            BadInput: an untyped model has no such output, or one that JSON cannot hold.
            ModelFailed: an output is no tensor.
        """
        asked: Sequence[Asked] = infer.outputs
        if asked is self._all_outputs[False] and self._plain_outputs:
            flat = [
                Written(name, datatype, (array := outputs[name]).shape, UNSET, array.ravel().tolist())
                for name, datatype in self._plain_outputs
            ]
            return _encode(Response(self._name, self._version, flat, infer.id)), None
        if not asked:
            asked = [Asked(name, None, infer.binary) for name in outputs]
        written: list[Written] = []
        parts: list[bytes | Array] = [b""]
        for i, (name, datatype, binary) in enumerate(asked):
            if name not in outputs:
                raise BadInput.at(f"outputs[{i}].name", shown(name), f"one of {', '.join(outputs)}")
            array = outputs[name]
            if datatype is None:
                array = _as_array(name, array)
                datatype = tensors.datatype_of(name, array)
            if binary:
                data = tensors.to_binary(name, array, datatype)
                parts.append(data)
                written.append(Written(name, datatype, array.shape, {"binary_data_size": len(data)}))
            else:
                values = tensors.to_json(name, array)
                written.append(Written(name, datatype, array.shape, UNSET, values))
        text = _encode(Response(self._name, self._version, written, infer.id))
        if len(parts) == 1:
            return text, None
        parts[0] = text
        return b"".join(parts), len(text)  # type: ignore[arg-type]  # arrays are buffers

    def metadata(self) -> bytes:
        """Name, versions and signature; an untyped model tells no tensors."""
        return _encode(
            {
                "name": self._name,
                "versions": [self._version],
                "platform": self._platform,
                "inputs": [_described(tensor) for tensor in self._signature.inputs],
                "outputs": [_described(tensor) for tensor in self._signature.outputs],
            }
        )

    def _read(self, text: bytes, header_length: int | None) -> Request[Any]:
        for decode in self._quick:
            try:
                return decode(text)
            except UNREADABLE:  # of another form; why, is found below
                pass
        try:
            return _decode(text)
        except UNREADABLE as error:
            if header_length is None and "trailing characters" in str(error):
                raise BadInput.at("body", "more behind the JSON", f"the header {FIELD} with it") from error
            raise malformed(error) from error

    def _check(self, path: str, given: Input[Any]) -> None:
        if self._inputs:
            tensor = self._inputs[given.name]
            if given.datatype != tensor.datatype:
                raise BadInput.at(f"{path}.datatype", shown(given.datatype), tensor.datatype)
            if given.shape != self._fitting.get(given.name):
                if not tensor.fits(given.shape):
                    raise BadInput.at(f"{path}.shape", shown(given.shape), wanted_shape(tensor))
                self._fitting[given.name] = given.shape
            return
        if given.datatype not in DTYPES:
            raise BadInput.at(f"{path}.datatype", shown(given.datatype), f"one of {', '.join(DTYPES)}")
        if len(given.shape) > MAX_DIMENSIONS or any(length < 1 for length in given.shape):
            wanted = f"at most {MAX_DIMENSIONS} lengths of at least 1"
            raise BadInput.at(f"{path}.shape", shown(given.shape), wanted)

    def _selected(self, asked: Sequence[Output], binary: bool) -> list[Asked]:
        selected: dict[str, Asked] = {}
        for i, output in enumerate(asked):
            path = f"outputs[{i}]"
            if output.name in selected or (self._outputs and output.name not in self._outputs):
                wanted = f"each of {', '.join(self._outputs)} at most once" if self._outputs else "it once"
                raise BadInput.at(f"{path}.name", shown(output.name), wanted)
            parameters = output.parameters or {}
            for refused in REFUSED:
                if parameters.get(refused):
                    raise BadInput.at(
                        f"{path}.parameters.{refused}",
                        shown(parameters[refused]),
                        "none: this extension of the protocol is not served",
                    )
            own = _flag(f"{path}.parameters.binary_data", parameters.get("binary_data", binary))
            selected[output.name] = Asked(output.name, self._outputs.get(output.name), own)
        return list(selected.values())


def _quick(kind: str, depth: int) -> Sequence[Callable[[bytes], Request[Any]]]:
    """Decoders that read a request in one go: those for flat values, and for values nested so deep.

    None for strings: what stands in them is to be looked at as it came, see `_colons`.
    """
    if kind == "O":
        return ()
    return [
        msgspec.json.Decoder(Request[tensors.nested(kind, depth)]).decode  # type: ignore[misc]
        for depth in sorted({1, max(1, depth)})
    ]


def _check_keys(request: Request[Any], text: bytes) -> None:
    """Passes a request none of whose objects had a key twice."""
    pairs = 1 + _within(request.parameters)
    pairs += (request.id is not None) + (request.outputs is not None)
    pairs += (request.model_name is not None) + (request.model_version is not None)
    for given in request.inputs:
        pairs += 3 + (given.data is not UNSET) + _within(given.parameters)
    for output in request.outputs or ():
        pairs += 1 + _within(output.parameters)
    if text.count(b":") != pairs:
        check_unique(text, pairs + _colons(request, text))


def _within(parameters: Parameters | None) -> int:
    return 0 if parameters is None else 1 + len(parameters)


def _colons(request: Request[Any], text: bytes) -> int:
    """Colons that stand in strings, as far as they are known; so that texts and names are not read twice."""
    colons = 0
    for given in request.inputs:
        if given.datatype == "BYTES" and isinstance(given.data, msgspec.Raw):
            colons += bytes(given.data).count(b":")  # a list of strings, or else refused later
    if b"\\" not in text:  # a colon can be written as \u003a
        colons += (request.id or "").count(":")
        colons += sum(tensor.name.count(":") for tensor in (*request.inputs, *(request.outputs or ())))
    return colons


def _from_json(path: str, given: Input[Any]) -> Array:
    data = given.data
    if data is UNSET or (isinstance(data, msgspec.Raw) and bytes(data) == b"null"):
        wanted = f"{math.prod(given.shape)} values, or parameters.binary_data_size"
        raise BadInput.at(f"{path}.data", "nothing", wanted)
    return tensors.from_json(f"{path}.data", data, given.datatype, given.shape)


def _check_size(path: str, given: Input[Any], size: Any, left: int | None) -> None:
    """Passes the size of a binary tensor; `left`: bytes that are left for it, None without the header."""
    field = f"{path}.parameters.binary_data_size"
    if type(size) is not int or size < 0:
        raise BadInput.at(field, shown(size), "a number of bytes")
    if given.data is not UNSET:
        raise BadInput.at(f"{path}.data", f"values beside {field}", "one of them")
    if left is None:
        raise BadInput.at(field, shown(size), f"the header {FIELD} with it")
    if size > left:
        raise BadInput.at(field, shown(size), f"at most {left}, what the body has left")


def _as_array(name: str, value: Any) -> Array:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ModelFailed(f"output {name}: found rows of unequal length, wanted an array") from error


def _flag(path: str, value: Any) -> bool:
    if type(value) is not bool:
        raise BadInput.at(path, shown(value), "true or false")
    return value


def _timeout_seconds(parameters: Parameters) -> float:
    """`parameters.timeout`, microseconds as Triton has it; 0 is none."""
    timeout = parameters.get("timeout")
    if timeout is None:
        return math.inf
    if type(timeout) is not int or timeout < 0:
        raise BadInput.at("parameters.timeout", shown(timeout), "microseconds, an integer of at least 0")
    return min(timeout, MAX_TIMEOUT_MICROSECONDS) / 1e6 if timeout else math.inf


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
