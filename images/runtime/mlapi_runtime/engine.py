"""The model as routes see it: checked inputs in, outputs out, batched on the way."""

import math
import time
from collections.abc import Coroutine
from typing import Any, Final

from mlapi_runtime.batcher import Batcher
from mlapi_runtime.brevity import Brevity
from mlapi_runtime.config import Batching
from mlapi_runtime.formats import Model
from mlapi_runtime.signature import Signature, Values, stackable

REHEARSALS: Final = 20
REHEARSAL_SECONDS: Final = 0.05
VERSION = "1"  # one model, one version: a new model is a new revision of the MLApi


class Engine:
    """One model and its batcher, under the name that URLs carry."""

    def __init__(self, name: str, model: Model, batching: Batching) -> None:
        self.name = name
        self.signature = model.signature
        self.platform = model.platform
        self.example = model.example
        self._batches = model.batches
        self._typed = model.signature.typed
        self._brevity = Brevity() if model.brief and _measurable(model.signature) else None
        self.batcher = Batcher(
            model.run,
            batching.max_size if model.batches else 1,
            batching.max_delay_milliseconds / 1000,
            self._brevity,
        )

    async def rehearse(self) -> None:
        """Asks the model for its example until it is known whether such calls are brief, or it is clear.

        Raises:
            ServingError: it fails.
        """
        until = time.monotonic() + REHEARSAL_SECONDS
        for _ in range(REHEARSALS):
            if self._brevity is None or time.monotonic() > until:
                return
            await self.predict(self.example)

    def predict(self, inputs: Values, deadline: float = math.inf) -> Coroutine[Any, Any, Values]:
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
            if not self._typed:
                inputs = stackable(inputs)
            rows = self.signature.rows(inputs)
        return self.batcher.predict(inputs, rows, deadline)


def _measurable(signature: Signature) -> bool:
    """Whether the number of elements tells how much work a request is; a string may be of any length."""
    return signature.typed and all(tensor.datatype != "BYTES" for tensor in signature.inputs)
