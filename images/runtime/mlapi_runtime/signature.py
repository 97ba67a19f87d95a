"""What a model takes and gives: named tensors in the terms of the Open Inference Protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlapi_runtime.errors import BadInput, ModelFailed

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
Values = Mapping[str, Any]  # arrays; of an untyped signature also JSON values

# Open Inference Protocol v2, "Tensor Data Types"; BYTES are strings here, as models take them.
DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}

MAX_DEPTH: Final = 64  # as deep as arrays go


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape`: one entry per dimension, -1 where any length is taken; `datatype`: a key of `DTYPES`.

    Raises:
        ValueError: one of them is none of these.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name: found {self.name!r}, wanted a text of at least one character")
        if self.datatype not in DTYPES:
            raise ValueError(
                f"{self.name}: found datatype {self.datatype!r}, wanted one of {', '.join(DTYPES)}"
            )
        object.__setattr__(self, "shape", tuple(self.shape))  # a list is as good
        if not all(type(length) is int and (length == -1 or length > 0) for length in self.shape):
            raise ValueError(
                f"{self.name}: found shape {list(self.shape)}, wanted lengths of at least 1, or -1 for any"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        return DTYPES[self.datatype]

    def fits(self, shape: Sequence[int], least: int = 1) -> bool:
        """Whether a tensor of this shape can be taken; free dimensions have a length of at least `least`."""
        if len(shape) != len(self.shape):
            return False
        for length, wanted in zip(shape, self.shape, strict=True):
            if length != wanted if wanted != -1 else length < least:
                return False
        return True

    def example(self) -> Array:
        """The smallest tensor that fits: zeros, or empty strings, with 1 for each free dimension."""
        shape = tuple(1 if length == -1 else length for length in self.shape)
        return np.full(shape, "" if self.datatype == "BYTES" else 0, dtype=self.dtype)

    def array(self, value: Any, least: int = 1) -> Array:
        """`value`, nested lists or an array, in this datatype; nothing is rounded but floats.

        Args:
            least: length of a free dimension, 0 where it may be empty.
        Raises:
            BadInput: it is of another kind or shape, or out of the datatype's range.
        """
        try:
            found = np.asarray(value, dtype=np.object_ if self.datatype == "BYTES" else None)
        except ValueError:  # rows of unequal length
            raise BadInput.at(self.name, "rows of unequal length", wanted_shape(self)) from None
        exact = found
        if self.dtype.kind in "iu" and found.dtype.kind == "f":
            exact = np.asarray(value, dtype=np.object_)  # numpy takes integers of 2**63 and more for floats
        array = _cast(exact, self)
        if array is None:
            raise BadInput.at(self.name, kind_of(found), f"{self.datatype} values, {wanted_shape(self)}")
        if not self.fits(array.shape, least):
            raise BadInput.at(self.name, f"shape {list(array.shape)}", wanted_shape(self))
        return array

    def proven(self, value: Any) -> Array:
        """`array` of nested lists whose values are known to be of this datatype: no second check.

        Raises:
            BadInput: they are of another shape.
        """
        try:
            found = np.array(value, self.dtype)
        except (ValueError, OverflowError):  # rows of unequal length; what no validation has an integer for
            return self.array(value)
        return found if self.fits(found.shape) else self.array(value)


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of a model.

    Raises:
        ValueError: a name occurs twice, or one side has tensors and the other has none.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        for side in ("inputs", "outputs"):
            tensors = tuple(getattr(self, side))
            object.__setattr__(self, side, tensors)
            names = [tensor.name for tensor in tensors]
            if len(set(names)) < len(names):
                raise ValueError(f"{side}: found {', '.join(names)}, wanted each name once")
        if bool(self.inputs) != bool(self.outputs):
            missing = "outputs" if self.inputs else "inputs"
            raise ValueError(f"{missing}: found none, wanted at least one tensor")

    @property
    def typed(self) -> bool:
        """Whether anything is declared; if not, a request is any JSON object or any tensors."""
        return bool(self.inputs)

    @property
    def batches(self) -> bool:
        """Whether rows of several requests can be stacked: every tensor has a free first dimension."""
        return all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))

    def example(self) -> dict[str, Array]:
        return {tensor.name: tensor.example() for tensor in self.inputs}

    def arrays(self, values: Values) -> dict[str, Any]:
        """A request's values as the model takes them; those of an untyped signature pass as they are.

        Args:
            values: name -> nested lists, a number or a string, or an array.
        Raises:
            BadInput: a name is missing or unknown, a value does not fit its tensor, or, of an untyped
                signature, is nested deeper than code that walks through it can be expected to go.
        """
        if not self.typed:
            if _deeper(values, MAX_DEPTH):
                raise BadInput.at("inputs", f"more than {MAX_DEPTH} levels", "JSON nested less deeply")
            return dict(values)
        if len(values) != len(self.inputs) or any(tensor.name not in values for tensor in self.inputs):
            wanted = f"each of {', '.join(tensor.name for tensor in self.inputs)}"
            raise BadInput.at("inputs", ", ".join(map(str, values)) or "none", wanted)
        return {tensor.name: tensor.array(values[tensor.name]) for tensor in self.inputs}

    def proven(self, values: Values) -> dict[str, Any]:
        """`arrays` of what a framework has validated against the types that `schema` makes of the signature.

        Raises:
            BadInput: as of `arrays`.
        """
        if not self.typed:
            return self.arrays(values)
        return {tensor.name: tensor.proven(values[tensor.name]) for tensor in self.inputs}

    def rows(self, tensors: Tensors) -> int:
        """How many rows a request has, of a model that `batches`.

        Raises:
            BadInput: the inputs differ in it.
        """
        rows, *others = {*map(len, tensors.values())}
        if not others:
            return rows
        lengths = {name: len(array) for name, array in tensors.items()}
        first = next(iter(lengths))
        raise BadInput.at(first, f"rows {lengths}", "the same number of rows in every input")


UNTYPED: Final = Signature((), ())


def stackable(values: Values) -> dict[str, Array]:
    """Values of an untyped signature as arrays with a row for each of the request's items.

    Strings are objects, as in tensors of BYTES.

    Raises:
        BadInput: there are none, or one has no rows, or rows of unequal length.
    """
    if not values:
        raise BadInput.at("inputs", "none", "at least one")
    arrays = {}
    for name, value in values.items():
        try:
            array = np.asarray(value)
        except ValueError:
            raise BadInput.at(name, "rows of unequal length", "an array") from None
        if array.dtype.kind == "U":
            array = np.asarray(value, np.object_)  # numbers among strings became strings
        stacked = array if array.dtype.kind in "biuf" else _texts(array)
        if stacked is None or array.ndim == 0 or array.size == 0:
            raise BadInput.at(name, kind_of(array), "a list with a row of numbers or strings for each item")
        arrays[name] = stacked
    return arrays


def plain(outputs: Values) -> dict[str, Any]:
    """Outputs as JSON values: arrays as nested lists, scalars of numpy as numbers.

    Raises:
        ModelFailed: an output is neither.
    """
    return {name: _plain(name, value) for name, value in outputs.items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind in "biufU":
            return value.tolist()
        if value.dtype.kind == "O":
            return _plain(name, value.tolist())
        raise ModelFailed(f"output {name}: found an array of {value.dtype}, wanted numbers, bools or strings")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, item) for key, item in value.items()}
    raise ModelFailed(f"output {name}: found {type(value).__name__}, wanted arrays or JSON values")


def kind_of(array: Array) -> str:
    """What an array holds, for an error: `FP64, shape [2, 3]`."""
    datatype = next((name for name, dtype in DTYPES.items() if dtype == array.dtype), None)
    if array.size and _texts(array) is not None:
        datatype = "strings"
    elif datatype is None or datatype == "BYTES":
        datatype = "other values" if array.ndim else type(array.item()).__name__
    return f"{datatype}, shape {list(array.shape)}"


def wanted_shape(tensor: Tensor) -> str:
    return f"shape {list(tensor.shape)}" + (" with at least 1 for each -1" if -1 in tensor.shape else "")


def _deeper(values: Values, depth: int) -> bool:
    """Whether a value has more lists and objects inside of each other; without recursion, which ends."""
    level: list[Any] = [values]
    for _ in range(depth + 1):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, Mapping) else item)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return False
    return True


def _texts(array: Array) -> Array | None:
    """The array with strings of Python's own kind; None when it holds anything else."""
    if array.dtype.kind == "U":
        return array.astype(np.object_)
    items = array.ravel().tolist() if array.dtype.kind == "O" else [None]
    if all(type(item) is str for item in items):
        return array
    if not all(isinstance(item, str) for item in items):
        return None
    return np.array([str(item) for item in items], dtype=np.object_).reshape(array.shape)


def _cast(found: Array, tensor: Tensor) -> Array | None:
    """`found` in the tensor's datatype; None when a value has none there."""
    dtype = tensor.dtype
    if dtype.kind == "O":
        return _texts(found)
    if found.dtype == dtype:
        return found
    match found.dtype.kind, dtype.kind:
        case (("i" | "u" | "O"), ("i" | "u")):
            if found.dtype.kind == "O" and not all(type(item) is int for item in found.flat):
                return None
            limits = np.iinfo(dtype)
            if found.size and (int(found.min()) < limits.min or int(found.max()) > limits.max):
                return None
            return found.astype(dtype)
        case (("f" | "i" | "u"), "f"):
            try:
                with np.errstate(over="raise"):
                    return found.astype(dtype)
            except FloatingPointError:
                return None
        case _:
            return None
