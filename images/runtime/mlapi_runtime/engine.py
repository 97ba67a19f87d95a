"""The model as routes see it: checked inputs in, outputs out, batched on the way."""

import math

from mlapi_runtime.batcher import Batcher
from mlapi_runtime.config import Batching
from mlapi_runtime.formats import Model
from mlapi_runtime.signature import Tensors

VERSION = "1"  # one model, one version: a new model is a new revision of the MLApi


class Engine:
    """One model and its batcher, under the name that URLs carry."""

    def __init__(self, name: str, model: Model, batching: Batching) -> None:
        self.name = name
        self.signature = model.signature
        self.platform = model.platform
        self.batcher = Batcher(
            model.run,
            batching.max_size if model.signature.batches else 1,
            batching.max_delay_milliseconds / 1000,
        )

    async def predict(self, inputs: Tensors, deadline: float = math.inf) -> Tensors:
        """Outputs of the model by name.

        Args:
            inputs: every input of the signature, in its datatype and of a shape that fits it.
            deadline: as of `time.monotonic`; past it nothing is computed.
        Raises:
            BadInput: inputs differ in their rows, or the model refuses the values.
            ModelFailed, DeadlineExceeded, Unavailable
        """
        return await self.batcher.submit(inputs, self.signature.rows(inputs), deadline)
