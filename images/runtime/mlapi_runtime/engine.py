"""The model as routes see it: checked inputs in, outputs out, batched on the way."""

import math

from mlapi_runtime.batcher import Batcher
from mlapi_runtime.config import Batching
from mlapi_runtime.formats import Model
from mlapi_runtime.signature import Values, stackable

VERSION = "1"  # one model, one version: a new model is a new revision of the MLApi


class Engine:
    """One model and its batcher, under the name that URLs carry."""

    def __init__(self, name: str, model: Model, batching: Batching) -> None:
        self.name = name
        self.signature = model.signature
        self.platform = model.platform
        self.example = model.example
        self._batches = model.batches
        self.batcher = Batcher(
            model.run,
            batching.max_size if model.batches else 1,
            batching.max_delay_milliseconds / 1000,
        )

    async def predict(self, inputs: Values, deadline: float = math.inf) -> Values:
        """Outputs of the model by name.

        Args:
            inputs: every input of the signature, in its datatype and of a shape that fits it; whatever
                the model takes if its signature is untyped.
            deadline: as of `time.monotonic`; past it nothing is computed.
        Raises:
            BadInput: inputs differ in their rows, or the model refuses the values.
            ModelFailed, DeadlineExceeded, Unavailable
        """
        rows = 1
        if self._batches:
            if not self.signature.typed:
                inputs = stackable(inputs)
            rows = self.signature.rows(inputs)
        return await self.batcher.submit(inputs, rows, deadline)
