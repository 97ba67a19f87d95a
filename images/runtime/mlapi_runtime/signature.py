"""What a model takes and gives: named tensors in the terms of the Open Inference Protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
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

    def fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == len(self.shape) and all(
            length > 0 and wanted in (-1, length) for length, wanted in zip(shape, self.shape, strict=True)
        )

    def example(self) -> Array:
        """The smallest tensor that fits: zeros, or empty strings, with 1 for each free dimension."""
        shape = tuple(1 if length == -1 else length for length in self.shape)
        return np.full(shape, "" if self.datatype == "BYTES" else 0, dtype=self.dtype)


@dataclass(frozen=True, slots=True)
class Signature:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def batches(self) -> bool:
        """Whether rows of several requests can share a call: every tensor has a free first dimension."""
        return all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))

    def example(self) -> dict[str, Array]:
        return {tensor.name: tensor.example() for tensor in self.inputs}

    def check(self, tensors: Tensors) -> None:
        """Whether `tensors` are the inputs, in datatype and shape.

        Raises:
            BadInput: naming the input.
        """
        for tensor in self.inputs:
            array = tensors[tensor.name]
            if not tensor.fits(array.shape):
                raise BadInput.at(tensor.name, f"shape {list(array.shape)}", wanted_shape(tensor))
        if self.batches and len({len(array) for array in tensors.values()}) > 1:
            rows = {name: len(array) for name, array in tensors.items()}
            raise BadInput.at(self.inputs[0].name, f"rows {rows}", "the same number of rows in every input")


def wanted_shape(tensor: Tensor) -> str:
    return f"shape {list(tensor.shape)}" + (" with at least 1 for each -1" if -1 in tensor.shape else "")
