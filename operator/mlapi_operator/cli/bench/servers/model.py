"""The model of the servers beside this file: opened as the runtime opens it, then called in place.

No engine, no batcher, no queue: what is left is what somebody would write who has this model alone.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlapi_runtime.config import parse
from mlapi_runtime.registry import FORMATS, format_of, resolve
from mlapi_runtime.signature import Tensor as Tensor

Array = npt.NDArray[Any]

_config: Final = parse(os.environ)
_load: Final = resolve("model.format", FORMATS, format_of(_config.model.format, _config.model.path))
_model: Final = _load(_config.model, threads=1)
NAME: Final = _config.model.name
INPUTS: Final[Sequence[Tensor]] = _model.signature.inputs
OUTPUTS: Final[Sequence[Tensor]] = _model.signature.outputs
MAX_REQUEST_BYTES: Final = _config.serving.max_request_bytes


def predict(inputs: Mapping[str, Any]) -> Mapping[str, Array]:
    """Outputs by name.

    Args:
        inputs: each tensor of the signature, as nested lists or as an array.
    """
    found: Mapping[str, Array] = _model.run(
        {tensor.name: np.asarray(inputs[tensor.name], dtype=tensor.dtype) for tensor in INPUTS}
    )
    return found


def element(tensor: Tensor) -> type:
    """Of which type the values of a tensor are in JSON."""
    return {"b": bool, "i": int, "u": int, "f": float, "O": str}[tensor.dtype.kind]


def annotation(tensor: Tensor) -> Any:
    """The type that somebody would write who knows the model: nested lists as deep as the shape."""
    found: Any = element(tensor)
    for _ in tensor.shape:
        found = list[found]
    return found
