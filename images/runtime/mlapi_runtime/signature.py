"""What a model takes and gives: named tensors in the terms of the Open Inference Protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlapi_runtime.errors import BadInput

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

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


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape`: one entry per dimension, -1 where any length is taken; `datatype`: a key of `DTYPES`."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        return DTYPES[self.datatype]

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of this shape can be taken: no dimension is empty."""
        if len(shape) != len(self.shape):
            return False
        for length, wanted in zip(shape, self.shape, strict=True):
            if length != wanted if wanted != -1 else length < 1:
                return False
        return True

    def example(self) -> Array:
        """The smallest tensor that fits: zeros, or empty strings, with 1 for each free dimension."""
        shape = tuple(1 if length == -1 else length for length in self.shape)
        return np.full(shape, "" if self.datatype == "BYTES" else 0, dtype=self.dtype)


@dataclass(frozen=True, slots=True)
class Signature:
    """`batches`: rows of several requests can share a call, as every tensor has a free first dimension."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    batches: bool = field(init=False)

    def __post_init__(self) -> None:
        free = all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))
        object.__setattr__(self, "batches", free)  # the way of a frozen dataclass

    def example(self) -> dict[str, Array]:
        return {tensor.name: tensor.example() for tensor in self.inputs}

    def rows(self, tensors: Tensors) -> int:
        """How many rows a request has; 1 when rows cannot share a call.

        Raises:
            BadInput: the inputs differ in it.
        """
        if not self.batches:
            return 1
        lengths = {name: len(array) for name, array in tensors.items()}
        rows = lengths[self.inputs[0].name]
        if any(length != rows for length in lengths.values()):
            raise BadInput.at(
                self.inputs[0].name, f"rows {lengths}", "the same number of rows in every input"
            )
        return rows


def wanted_shape(tensor: Tensor) -> str:
    return f"shape {list(tensor.shape)}" + (" with at least 1 for each -1" if -1 in tensor.shape else "")
