"""A module per model format; each has `load(model: config.Model, threads: int) -> Model`."""

from typing import Protocol

from mlapi_runtime.signature import Signature, Values


class Model(Protocol):
    """What the engine needs of a model; `run` is called from one thread at a time.

    Inputs and outputs are arrays, of an untyped signature also JSON values, and nothing else: they can
    cross to another process. `run` raises `errors.BadInput` when the values, not the model, are at fault.

    Attributes:
        platform: as the Open Inference Protocol names it, `<project>_<format>`.
        batches: rows of several requests may share a call.
        brief: calls may be short enough for the event loop; never true of code that users write.
        example: input of the warm-up and of the smoke test.
    """

    signature: Signature
    platform: str
    batches: bool
    brief: bool
    example: Values

    def run(self, inputs: Values) -> Values: ...
