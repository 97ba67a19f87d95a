"""The values of one tensor, from the two forms of the wire and back to them."""

import math
import re
import struct
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np

from mlapi_runtime.errors import BadInput, ModelFailed
from mlapi_runtime.oip.messages import UNREADABLE, malformed, shown
from mlapi_runtime.signature import DTYPES, Array

# What JSON has for an element, by numpy's kind of it.
ELEMENTS: Final[dict[str, type]] = {"b": bool, "i": int, "u": int, "f": float, "O": str}
_LENGTH: Final = struct.Struct("<I")
_NESTED: Final = re.compile(rb"\s*\[\s*\[")
warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)  # answered as an error, see _ranged


def from_json(path: str, data: msgspec.Raw | list[Any], datatype: str, shape: Sequence[int]) -> Array:
    """Values that stand in the JSON, flat or nested as the shape is.

    Args:
        path: of the data, for errors.
        data: as it came, or read already as lists of the datatype's `ELEMENTS`.
        datatype: a key of `DTYPES`.
        shape: lengths of at least 1.
    Raises:
        BadInput: other values, another number of them, or nested in another way.
    """
    dtype = DTYPES[datatype]
    values: list[Any]
    if isinstance(data, msgspec.Raw):
        depth = len(shape) if _NESTED.match(data) else 1
        try:
            values = _decoder(dtype.kind, depth)(data)
        except UNREADABLE as error:
            raise malformed(error, path) from error
    else:
        values = data
    try:
        array = np.array(values, dtype=dtype)
    except OverflowError:
        raise _out_of_range(path, values, datatype) from None
    except ValueError:
        raise BadInput.at(path, "rows of unequal length", f"shape {list(shape)}, or flat") from None
    # An integer that the datatype cannot hold has raised above; a float became infinite.
    if dtype.kind == "f" and not _finite(array):
        raise _out_of_range(path, values, datatype)
    if values and type(values[0]) is list:
        if array.shape != tuple(shape):
            found = f"nested as {list(array.shape)}"
            raise BadInput.at(path, found, f"shape {list(shape)}, or flat")
        return array
    count = math.prod(shape)
    if array.size != count:
        raise BadInput.at(path, f"{array.size} values", f"{count} for shape {list(shape)}")
    return array.reshape(shape)


def from_binary(
    path: str, body: bytes | memoryview, offset: int, size: int, datatype: str, shape: Sequence[int]
) -> Array:
    """Values that stand behind the JSON: little-endian, row-major, without padding; never to be written.

    Args:
        path: of the input, for errors.
        body: of the request, which must not change as long as the tensor lives.
        offset: where the tensor begins.
        size: how many bytes it has, all of them in the body.
        datatype: a key of `DTYPES`.
        shape: lengths of at least 1.
    Raises:
        BadInput: the size is not that of the shape, or the bytes are no values of the datatype.
    """
    count = math.prod(shape)
    dtype = DTYPES[datatype]
    if datatype == "BYTES":
        return np.array(_strings(path, body, offset, size, count), dtype=dtype).reshape(shape)
    if size != count * dtype.itemsize:
        wanted = f"{count * dtype.itemsize} for shape {list(shape)} of {datatype}"
        raise BadInput.at(f"{path}.parameters.binary_data_size", shown(size), wanted)
    array = np.frombuffer(body, dtype, count, offset)
    if datatype == "BOOL" and (wrong := np.flatnonzero(array.view(np.uint8) > 1)).size:
        raise BadInput.at(f"{path}.data[{wrong[0]}]", f"byte {body[offset + wrong[0]]}", "0 or 1")
    if not array.flags.aligned:
        # Compiled code may take numbers to be aligned, and ends the process where they are not.
        array = array.copy()
        array.flags.writeable = False
    return array.reshape(shape)


def to_json(name: str, array: Array) -> list[Any]:
    """Flat, row-major. What JSON cannot say (NaN, infinite) becomes null when it is encoded.

    Raises:
        BadInput: an element has bytes that are no text.
        ModelFailed
    """
    values: list[Any] = array.ravel().tolist()
    if array.dtype.kind not in "OS":
        return values
    try:
        return [str(element, "utf-8") for element in _encoded(name, values)]
    except UnicodeDecodeError:
        remedy = "parameters.binary_data: true in the request, as JSON holds text alone"
        raise BadInput.at(f"output {name}", "bytes that are no UTF-8", remedy) from None


def to_binary(name: str, array: Array, datatype: str) -> bytes | Array:
    """The bytes that `from_binary` reads; not copied where that can be avoided.

    Raises:
        ModelFailed
    """
    if datatype == "BYTES":
        elements = _encoded(name, array.ravel().tolist())
        return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))
    return np.ascontiguousarray(array, DTYPES[datatype]).reshape(-1).view(np.uint8)


def datatype_of(name: str, array: Array) -> str:
    """The protocol's name for what an array holds.

    Raises:
        ModelFailed: the protocol has none.
    """
    if array.dtype.kind in "OSU":
        return "BYTES"
    datatype = _DATATYPES.get(array.dtype.str[1:])
    if datatype is None:
        wanted = ", ".join(DTYPES)
        raise ModelFailed(f"output {name}: found an array of {array.dtype}, wanted one of {wanted}")
    return datatype


def nested(kind: str, depth: int) -> Any:
    """The type of lists, `depth` of them in each other, of elements of a numpy kind."""
    annotation: Any = ELEMENTS[kind]
    for _ in range(depth):
        annotation = list[annotation]
    return annotation


_DATATYPES: Final = {dtype.str[1:]: datatype for datatype, dtype in DTYPES.items()}  # in any byte order


@cache
def _decoder(kind: str, depth: int) -> Any:
    return msgspec.json.Decoder(nested(kind, depth)).decode


def _finite(array: Array) -> bool:
    # Sums of finite numbers may overflow, but those of others are never finite; and they are quick. The
    # product is the quickest, but numpy's library may start threads for a long one.
    flat = array.ravel()
    total = flat.dot(flat) if array.size <= 1000 else np.add.reduce(flat)
    return math.isfinite(total) or bool(np.isfinite(array).all())


def _out_of_range(path: str, values: list[Any], datatype: str) -> BadInput:
    dtype = DTYPES[datatype]
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    element = ELEMENTS[dtype.kind]
    low, high = element(limits.min), element(limits.max)
    given = np.array(values, dtype=np.object_)
    for place in np.ndindex(given.shape):
        if not low <= given[place] <= high:
            path += "".join(f"[{index}]" for index in place)
            return BadInput.at(path, shown(given[place]), f"{datatype}, {low} to {high}")
    return BadInput.at(path, "a number out of range", f"{datatype}, {low} to {high}")


def _strings(path: str, body: bytes | memoryview, offset: int, size: int, count: int) -> list[str]:
    end = offset + size
    values: list[str] = []
    while offset < end and len(values) < count:
        start = offset + _LENGTH.size
        length = int.from_bytes(body[offset:start], "little")
        offset = start + length
        if offset > end:
            found = f"{length} bytes" if start <= end else "a length cut short"
            raise BadInput.at(
                f"{path}.data[{len(values)}]", found, f"at most the {max(0, end - start)} left of the tensor"
            )
        try:
            values.append(str(body[start:offset], "utf-8"))
        except UnicodeDecodeError:
            raise BadInput.at(
                f"{path}.data[{len(values)}]", "bytes that are no UTF-8", "text in UTF-8"
            ) from None
    if len(values) < count or offset < end:
        found = f"{len(values)} values" + (f" and {end - offset} more bytes" if offset < end else "")
        raise BadInput.at(f"{path}.parameters.binary_data_size", f"{found} in {size}", f"{count} values")
    return values


def _encoded(name: str, values: Iterable[Any]) -> Iterable[bytes]:
    for value in values:
        if isinstance(value, bytes):
            yield value
        elif isinstance(value, str):
            try:
                yield value.encode()
            except UnicodeEncodeError as error:
                raise ModelFailed(f"output {name}: found text with a lone surrogate, wanted text") from error
        else:
            raise ModelFailed(f"output {name}: found {type(value).__name__}, wanted strings")
