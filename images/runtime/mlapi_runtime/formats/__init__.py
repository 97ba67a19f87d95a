"""A module per model format; each has `load(path, threads) -> Model`."""

from typing import Protocol

from mlapi_runtime.signature import Signature, Tensors


class Model(Protocol):
    """What the engine needs of a model; `run` is called from one thread at a time.

    `run` raises `errors.BadInput` when the values, not the model, are at fault.
    """

    signature: Signature
    platform: str

    def run(self, inputs: Tensors) -> Tensors: ...
